"""stormlock over a real MariaDB: a lock's whole life, beside the original, names, and what a network loses."""

import re
import subprocess
import time

import pytest
from fake_mysql import FakeMysql
from losing_proxy import LosingProxy
from server import wait_for
from slow_proxy import SlowProxy
from store_mysql import RealStore
from stormlock_runs import RESOURCE, Stormlock, ended

TABLE = ("(resource VARCHAR(128) PRIMARY KEY, lease BINARY(16) NOT NULL, principal VARCHAR(128) NOT NULL, "
         "created TIMESTAMP NOT NULL DEFAULT NOW(), expires TIMESTAMP NOT NULL)")
OTHER = "30313233343536373839414243444546"
SECRET = RealStore.password


def certificate(folder, name):
    """Of localhost, and its own authority."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return {"ca": cert, "cert": cert, "key": key}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def store(tls):
    with RealStore(None, tls=tls) as one:
        yield one


@pytest.fixture
def sql(store):
    store.sql(f"DROP TABLE IF EXISTS stormlock; CREATE TABLE stormlock {TABLE} CHARACTER SET utf8mb4")
    return store.sql


@pytest.fixture
def stormlock(tmp_path, store, sql):
    del sql
    return Stormlock(tmp_path, "mysql", {"host": "127.0.0.1", "port": store.port, "user": store.user, "password": SECRET,
                                         "database": store.database})


class Original:
    """What the original does in the database, in a session of that time zone."""

    def __init__(self, sql, zone="SYSTEM"):
        self.sql, self.zone = sql, zone

    def ask(self, statement):
        return self.sql(f"SET time_zone = '{self.zone}'; {statement}")

    def acquires(self, lease=OTHER, resource=RESOURCE, ttl="01:00:00"):
        changed = self.ask(
            f"UPDATE stormlock SET lease = X'{lease}', principal = 'joe', created = NOW(), expires = DATE_ADD(NOW(), "
            f"INTERVAL '{ttl}' HOUR_SECOND) WHERE resource = '{resource}' AND expires < NOW(); SET @changed = ROW_COUNT(); "
            f"INSERT IGNORE INTO stormlock (resource, lease, principal, created, expires) VALUES ('{resource}', X'{lease}', "
            f"'joe', NOW(), DATE_ADD(NOW(), INTERVAL '{ttl}' HOUR_SECOND)); SELECT @changed + ROW_COUNT()")
        return int(changed) == 1

    def current(self, resource=RESOURCE):
        return self.ask(f"SELECT HEX(lease) FROM stormlock WHERE resource = '{resource}' AND expires > NOW()") or None


def let_pass(sql, hours):
    """As if it had been written so long ago."""
    sql(f"UPDATE stormlock SET created = created - INTERVAL {hours * 3600:.0f} SECOND, "
        f"expires = expires - INTERVAL {hours * 3600:.0f} SECOND")


# ---- a lock's life

def test_a_lock_through_its_whole_life(stormlock):
    assert stormlock.held_by() is None
    lease = stormlock.acquired()
    assert re.fullmatch("[0-9A-F]{32}", lease)
    assert stormlock.refused() == lease
    shown = stormlock("current", "-f", "oneline", RESOURCE).stdout
    assert re.fullmatch(rf"me\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\t{lease}\n", shown), shown
    assert stormlock("is-held", RESOURCE, lease.lower()).returncode == 0
    for _ in range(3):  # within one second: nothing changes
        assert stormlock("renew", RESOURCE, lease).returncode == 0
    assert stormlock("current", "-f", "oneline", RESOURCE).stdout == shown
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert stormlock.held_by() is None
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert stormlock("renew", RESOURCE, lease).stderr == "Lock expired\n"
    assert stormlock.acquired() != lease


def test_an_id_that_is_not_the_active_one_does_nothing(stormlock):
    lease, other = stormlock.acquired(), stormlock.acquired("other")
    assert stormlock("is-held", RESOURCE, other).returncode == 1
    assert stormlock("renew", RESOURCE, other).returncode == 3
    assert stormlock("release", RESOURCE, other).returncode == 0
    assert stormlock.held_by() == lease and stormlock.held_by("other") == other


def test_a_lease_that_has_ended_is_nobodys_and_somebody_elses(stormlock, sql):
    lease = stormlock.acquired()
    let_pass(sql, 1.01)
    assert stormlock.held_by() is None
    assert stormlock("is-held", RESOURCE, lease).returncode == 1
    assert stormlock("renew", RESOURCE, lease).returncode == 3
    next_one = stormlock.acquired()
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert stormlock.held_by() == next_one


def test_a_renewal_counts_from_now_and_is_as_long_as_it_says(stormlock, sql):
    lease = stormlock.acquired(ttl="10h")
    for ttl, seconds in (("90s", 90), ("2 days", 172800)):
        assert stormlock("renew", "-t", ttl, RESOURCE, lease).returncode == 0
        assert seconds - 5 <= int(sql("SELECT TIMESTAMPDIFF(SECOND, NOW(), expires) FROM stormlock")) <= seconds


# ---- beside the original

@pytest.mark.parametrize("zone", ["-11:00", "+00:00", "+13:00"])
def test_the_original_and_we_exclude_each_other_whatever_its_time_zone(stormlock, sql, zone):
    original = Original(sql, zone)
    assert original.acquires()
    assert stormlock.refused() == OTHER
    assert stormlock("renew", RESOURCE, OTHER).returncode == 0
    assert stormlock("release", RESOURCE, OTHER).returncode == 0
    lease = stormlock.acquired()
    assert original.current() == lease and not original.acquires()
    let_pass(sql, 1.01)
    assert original.acquires()
    assert stormlock.refused() == OTHER
    let_pass(sql, 1.01)
    assert stormlock.acquired() not in (lease, OTHER)


def test_columns_of_local_time_are_refused_with_what_makes_them_moments(stormlock):
    with RealStore(None, settings={"default-time-zone": "-05:00"}) as west:
        ours, original = stormlock.but(port=west.port), Original(west.sql)
        for column in ("created", "expires"):
            west.sql("DROP TABLE IF EXISTS stormlock; CREATE TABLE stormlock " +
                     TABLE.replace(f"{column} TIMESTAMP", f"{column} DATETIME"))
            assert original.acquires()
            for words in (("acquire", RESOURCE), ("current", RESOURCE), ("renew", RESOURCE, OTHER), ("is-held", RESOURCE, OTHER),
                          ("release", RESOURCE, OTHER)):
                told = ours.fails(*words)
                assert "are not TIMESTAMP" in told
            assert original.current() == OTHER
            west.sql(told[told.index("ALTER TABLE"):])
            assert ours.refused() == OTHER


def test_the_time_is_shown_in_the_readers_zone(stormlock, sql):
    sql(f"SET time_zone = '+00:00'; INSERT INTO stormlock VALUES ('{RESOURCE}', X'{OTHER}', 'joe', '2023-11-14 22:13:20', "
        "'2037-01-01')")
    assert stormlock("current", "-f", "oneline", RESOURCE).stdout == f"joe\t2023-11-14T22:13:20.000\t{OTHER}\n"
    shown = stormlock("current", "-f", "oneline", RESOURCE, env={"TZ": "Asia/Tokyo"}).stdout
    assert shown == f"joe\t2023-11-15T07:13:20.000\t{OTHER}\n"


def test_a_table_that_takes_two_names_for_one_never_gives_them_to_two(stormlock, sql):
    lease = stormlock.acquired("Prod")
    for other in ("prod", "PROD", "Prod "):
        for command in ("acquire", "current"):
            told = stormlock.fails(command, other)
            assert f"cannot tell '{other}' from 'Prod', which me holds" in told
        assert stormlock("is-held", other, lease).returncode == 1
        assert stormlock("renew", other, lease).returncode == 3
        assert stormlock("release", other, lease).returncode == 0
    assert stormlock.held_by("Prod") == lease
    let_pass(sql, 1.01)
    taken = stormlock.acquired("prod")
    assert stormlock.held_by("prod") == taken
    assert sql("SELECT resource FROM stormlock") == "prod"
    sql(told[told.index("ALTER TABLE"):].split(" makes")[0])
    assert stormlock.acquired("Prod") != taken


def test_nothing_is_cut_off_or_put_off(stormlock, sql):
    long = "n" * 128
    lease = stormlock.acquired(long)
    assert stormlock.held_by(long) == lease
    assert "longer than the table has room for" in stormlock.fails("acquire", long + "x")
    for ttl in ("20000 days", "999999999 days"):
        assert "2038" in stormlock.fails("acquire", "-t", ttl, RESOURCE)
        assert "2038" in stormlock.fails("renew", "-t", ttl, long, lease)
    assert sql("SELECT COUNT(*) FROM stormlock") == "1"


@pytest.mark.parametrize("name", ["", "a b", " lead", "a/b", "ünï/日本", "a\nb", "it's", '"q"', "a\\b", "50%", "🔒"])
def test_a_name_is_what_it_is(stormlock, name):
    lease = stormlock.acquired(name)
    assert stormlock.held_by(name) == lease
    assert stormlock.refused(name) == lease
    assert stormlock("release", name, lease).returncode == 0
    assert stormlock.held_by(name) is None


def test_letters_that_a_table_does_not_have_are_refused(stormlock, sql):
    sql(f"DROP TABLE stormlock; CREATE TABLE stormlock {TABLE} CHARACTER SET latin1")
    assert stormlock.acquired("zürich") == stormlock.held_by("zürich")
    told = stormlock.fails("acquire", "日本")
    sql(told[told.index("ALTER TABLE"):])
    assert stormlock.acquired("日本") == stormlock.held_by("日本")


# ---- the configuration

@pytest.mark.parametrize("settings, said", [
    ({"hostname": "x"}, "hostname is no setting"),
    ({"port": "0"}, "port is not between"),
    ({"table": "stormlock; DROP TABLE stormlock"}, "no name of a table"),
    ({"ssl_disabled": "perhaps"}, "neither true nor false"),
    ({"ssl_cert": "x.pem"}, "ssl_cert and ssl_key go together"),
    ({"password": "s3cret-of-nobody"}, "Access denied"),
    ({"database": None}, "database = NAME"),
    ({"database": "nosuch"}, "nosuch"),
])
def test_what_is_wrong_in_the_configuration_is_said(stormlock, settings, said):
    assert said in stormlock.but(**settings).fails("acquire", RESOURCE, without=["s3cret"])


def test_the_connectors_other_names_and_settings_without_meaning_do(stormlock, store):
    other = stormlock.but(user=None, password=None, database=None, username=store.user, passwd=SECRET, db=store.database,
                          connect_timeout=5, charset="utf8", use_pure="True", autocommit="False", time_zone="+05:00")
    assert other.acquired() == stormlock.held_by()


def test_a_socket_is_a_way_in(stormlock, store):
    lease = stormlock.but(host=None, port=None, unix_socket=store.socket).acquired()
    assert stormlock.held_by() == lease


def test_a_missing_table_is_told_with_what_makes_it(stormlock, sql):
    elsewhere = stormlock.but(table="`odd one`")
    told = elsewhere.fails("acquire", RESOURCE)
    sql(told[told.index("CREATE TABLE"):])
    assert elsewhere.acquired() == elsewhere.held_by()
    assert stormlock.held_by() is None
    sql("DROP TABLE `odd one`")


def test_tls_is_used_where_it_is_and_checks_who_answers_where_an_authority_is_named(stormlock, store, sql, tls, tmp_path):
    sql(f"CREATE USER IF NOT EXISTS safe@'%' IDENTIFIED BY '{SECRET}' REQUIRE SSL; GRANT ALL ON {store.database}.* TO safe@'%'")
    safe = stormlock.but(user="safe")
    lease = safe.acquired()
    assert "Access denied" in safe.but(ssl_disabled="true").fails("current", RESOURCE, without=[SECRET])
    checking = safe.but(host="localhost", ssl_ca=tls["ca"])
    assert checking.held_by() == lease
    assert checking.but(ssl_verify_identity="true").held_by() == lease
    elsewhere = checking.but(host="127.0.0.1")  # of which the certificate says nothing
    elsewhere.fails("current", RESOURCE, without=[SECRET])
    assert elsewhere.but(ssl_verify_identity="false").held_by() == lease
    stranger = certificate(tmp_path, "stranger")
    checking.but(ssl_ca=stranger["ca"]).fails("current", RESOURCE, without=[SECRET])
    checking.but(ssl_ca=None, ssl_verify_cert="true").fails("current", RESOURCE, without=[SECRET])
    assert checking.but(ssl_ca=stranger["ca"], ssl_verify_cert="false").held_by() == lease


def test_where_a_server_has_no_tls_it_is_missed_by_who_asked_for_it(stormlock, tls):
    with RealStore(None) as plain:
        plain.sql(f"CREATE TABLE stormlock {TABLE}")
        lease = stormlock.but(port=plain.port).acquired()
        asking = stormlock.but(port=plain.port, host="localhost")
        for one in (asking.but(ssl_ca=tls["ca"]), asking.but(ssl_ca=tls["ca"], ssl_verify_cert="false"),
                    asking.but(ssl_verify_identity="true"), asking.but(ssl_cert=tls["cert"], ssl_key=tls["key"])):
            assert re.search("TLS|SSL", one.fails("release", RESOURCE, lease, without=[SECRET]))
        assert stormlock.but(port=plain.port).held_by() == lease


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("plugin", ["mysql_clear_password", "dialog", "caching_sha2_password", "sha256_password",
                                    "mysql_old_password"])
def test_a_server_without_tls_never_gets_the_password_in_the_clear(stormlock, tls, plugin, first):
    asking = [{}, {"ssl_disabled": "true"}, {"ssl_ca": tls["ca"]}, {"ssl_ca": tls["ca"], "ssl_verify_identity": "false"},
              {"ssl_ca": tls["ca"], "ssl_verify_cert": "false"}, {"ssl_cert": tls["cert"], "ssl_key": tls["key"]},
              {"ssl_verify_cert": "true"}]
    for settings in asking:
        with FakeMysql(plugin, first=first) as fake:
            stormlock.but(port=fake.port, host="localhost", **settings).fails("acquire", RESOURCE, without=[SECRET])
        assert fake.connections > 0
        assert SECRET.encode() not in fake.heard, settings


def test_a_server_that_needs_the_password_gets_it_over_tls_from_who_trusts_it(stormlock, tls, tmp_path):
    stranger = certificate(tmp_path, "stranger")
    for settings, gets in [({}, True), ({"ssl_ca": tls["ca"]}, True), ({"ssl_ca": stranger["ca"]}, False),
                           ({"ssl_ca": tls["ca"], "host": "127.0.0.1"}, False),
                           ({"ssl_ca": tls["ca"], "ssl_verify_identity": "false"}, False),
                           ({"ssl_ca": tls["ca"], "ssl_verify_cert": "false"}, True)]:
        with FakeMysql("caching_sha2_password", tls=tls) as fake:
            told = stormlock.but(**{"port": fake.port, "host": "localhost"} | settings).fails(
                "acquire", RESOURCE, without=[SECRET])
        assert SECRET.encode() not in fake.heard
        assert (SECRET.encode() in fake.over_tls) == gets, (settings, told)


@pytest.mark.parametrize("command", ["release", "renew", "is-held"])
def test_what_is_no_lease_id_is_said(stormlock, command):
    for wrong in ("", "x", OTHER[:-1], OTHER + "0", OTHER[:-1] + "'"):
        assert "is no lease id" in stormlock.fails(command, RESOURCE, wrong)


# ---- what a network loses

@pytest.mark.parametrize("word", [b"INSERT INTO", b"UPDATE stormlock"])
@pytest.mark.parametrize("done", [True, False])
def test_an_acquire_whose_answer_is_lost_is_known_to_be_ours(stormlock, store, sql, word, done):
    if word.startswith(b"UPDATE"):
        Original(sql).acquires()
        let_pass(sql, 1.01)
    with LosingProxy(store.port, word, done=done) as proxy:
        lease = stormlock.but(port=proxy.port, ssl_disabled="true").acquired()
        assert proxy.lost.is_set()
    assert stormlock.held_by() == lease
    assert sql("SELECT COUNT(*) FROM stormlock") == "1"


@pytest.mark.parametrize("done", [True, False])
def test_an_acquire_of_which_nothing_is_heard_any_more_is_said_to_be_unknown(stormlock, store, done):
    with LosingProxy(store.port, b"INSERT INTO", done=done, gone=True) as proxy:
        told = stormlock.but(port=proxy.port, ssl_disabled="true").fails("acquire", RESOURCE, without=[SECRET])
    assert "is not known" in told
    lease = told.split("prints ")[1].split(",")[0]
    assert stormlock.held_by() == (lease if done else None)
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert stormlock.held_by() is None


@pytest.mark.parametrize("command, word", [("release", b"DELETE FROM"), ("renew", b"UPDATE"), ("is-held", b"SELECT 1")])
def test_what_may_be_asked_twice_is(stormlock, store, command, word):
    lease = stormlock.acquired()
    with LosingProxy(store.port, word, done=True) as proxy:
        done = stormlock.but(port=proxy.port, ssl_disabled="true")(command, RESOURCE, lease)
        assert proxy.lost.is_set()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stormlock.held_by() == (None if command == "release" else lease)


def test_a_mysql_that_does_not_answer_is_given_up(stormlock, store):
    with SlowProxy(store.port) as proxy:
        proxy.hold()
        began = time.monotonic()
        stormlock.but(port=proxy.port, connection_timeout=1).fails("acquire", RESOURCE, without=[SECRET])
        assert time.monotonic() - began < 10
    assert f"127.0.0.1 port {proxy.port}" in stormlock.but(port=proxy.port).fails("current", RESOURCE)


def test_an_answer_has_ten_seconds_and_then_one_asks_again(stormlock, store, sql):
    def waiting():
        return int(sql("SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"))

    with subprocess.Popen(["/usr/bin/mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(store.port), "-u", store.user,
                           "-BNn", store.database], env={"MYSQL_PWD": SECRET}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as neighbour:
        neighbour.stdin.write("LOCK TABLES stormlock WRITE; SELECT 'locked';\n")
        neighbour.stdin.flush()
        assert neighbour.stdout.readline() == "locked\n"
        began = time.monotonic()
        asking = stormlock.start("acquire", RESOURCE)
        wait_for(lambda: waiting() == 2, "it to have asked twice", 25)
        assert 9 < time.monotonic() - began < 20
        neighbour.communicate()
    done = ended(asking)
    assert (done.returncode, done.stdout.strip()) == (0, stormlock.held_by())
