"""stormlock over a real etcd: TLS, accounts, leases that are not this lock's, and what a network loses."""

import json
import subprocess
import time

import pytest
from certificates import certificate
from losing_proxy import LosingProxy
from server import wait_for
from store_etcd import RealStore
from stormlock_runs import RESOURCE, Stormlock

SECRET = "s3cret-of-etcd"
OTHER = "1234567890abcdef"
PUT = b"\x12\x02me"  # within the transaction that takes a lock: its principal, as a value


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with RealStore(tmp_path_factory.mktemp("etcd")) as one:
        yield one


@pytest.fixture
def etcd(shared):
    shared.ctl("del", "", "--from-key")
    for lease in leases(shared):
        shared.ctl("lease", "revoke", lease)
    return shared


def leases(etcd):
    return [format(each["id"], "x") for each in json.loads(etcd.ctl("lease", "list", "-w", "json").stdout).get("leases") or []]


@pytest.fixture
def stormlock(tmp_path, etcd):
    return Stormlock(tmp_path, "etcd", {"host": "127.0.0.1", "port": etcd.port})


# ---- whose lease it is

def seconds_left(etcd, lease):
    return json.loads(etcd.ctl("lease", "timetolive", lease, "-w", "json").stdout)["ttl"]


def test_a_lease_of_another_lock_is_neither_released_nor_renewed(stormlock, etcd):
    mine, other = stormlock.acquired(), stormlock.acquired("other", ttl="90s")
    wait_for(lambda: seconds_left(etcd, other) < 89, "a lease to be older")
    assert stormlock("renew", RESOURCE, other).returncode == 3
    assert seconds_left(etcd, other) < 89
    assert stormlock("renew", "other", other).returncode == 0
    assert seconds_left(etcd, other) >= 89
    assert stormlock("release", RESOURCE, other).returncode == 0
    assert stormlock.held_by() == mine and stormlock.held_by("other") == other
    assert sorted(leases(etcd)) == sorted([mine, other])


def test_an_etcd_lease_of_something_else_stays_even_where_a_lock_has_its_number(stormlock, etcd):
    lease, other = (etcd.ctl("lease", "grant", "600").stdout.split()[1] for _ in range(2))
    for with_lease in ([], ["--lease", other]):
        etcd.ctl("put", f"/{RESOURCE}/id", lease, *with_lease)
        assert stormlock("renew", RESOURCE, lease).returncode == 3
        assert stormlock("release", RESOURCE, lease).returncode == 0
        assert stormlock.held_by() is None
    assert sorted(leases(etcd)) == sorted([lease, other])


def test_a_release_leaves_nothing_behind(stormlock, etcd):
    stormlock("release", RESOURCE, stormlock.acquired())
    assert etcd.ctl("get", "", "--from-key", "--keys-only").stdout.strip() == ""
    assert leases(etcd) == []


def test_who_loses_the_race_leaves_no_lease_behind(stormlock, etcd):
    winner = []
    with LosingProxy(etcd.port, PUT, done=True, meanwhile=lambda: winner.append(stormlock.acquired())) as proxy:
        loser = stormlock.but(port=proxy.port)("acquire", RESOURCE)
    winner, = winner
    assert (loser.returncode, loser.stdout, loser.stderr) == (2, f"{winner}\n", "Lock held\n")
    assert leases(etcd) == [winner]


def test_a_renewal_gives_the_ttl_of_the_acquire_whatever_it_is_told(stormlock, etcd):
    lease = stormlock.acquired(ttl="90s")
    assert stormlock("renew", "-t", "7 days", RESOURCE, lease).returncode == 0
    state = json.loads(etcd.ctl("lease", "timetolive", lease, "-w", "json").stdout)
    assert state["granted-ttl"] == 90 and 80 < state["ttl"] <= 90


def test_what_the_original_holds_is_held_here(stormlock, etcd):
    lease = etcd.ctl("lease", "grant", "600").stdout.split()[1]
    for key, value in (("id", lease), ("p", "joe"), ("c", "\0\0 @\374T\331A")):
        subprocess.run(["/usr/bin/etcdctl", "--endpoints", f"127.0.0.1:{etcd.port}", "put", "--lease", lease,
                        f"/{RESOURCE}/{key}"], input=value.encode("latin-1"), env={"ETCDCTL_API": "3"}, check=True,
                       capture_output=True)
    assert stormlock.refused() == lease
    assert stormlock("current", "-f", "oneline", RESOURCE).stdout == f"joe\t2023-11-14T22:13:20.500\t{lease}\n"
    assert stormlock("renew", RESOURCE, lease).returncode == 0
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert leases(etcd) == []


@pytest.mark.parametrize("command", ["release", "renew", "is-held"])
def test_what_is_no_lease_id_is_said(stormlock, command):
    for wrong in ("", "xyz", "0", "0x", "-5", "1234567890abcdef1", "12 34"):
        assert "is no lease id" in stormlock.fails(command, RESOURCE, "--", wrong)


def test_a_record_without_its_principal_is_held_and_said_to_be_damaged(stormlock, etcd):
    etcd.ctl("put", f"/{RESOURCE}/id", OTHER)
    assert stormlock.refused() == OTHER
    assert f"/p cannot be read; its lease id is {OTHER}" in stormlock.fails("current", RESOURCE)
    etcd.ctl("put", f"/{RESOURCE}/p", "joe")
    etcd.ctl("put", f"/{RESOURCE}/c", "no double")
    assert "/c cannot be read" in stormlock.fails("current", RESOURCE)


# ---- who we are, and who it is

@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """An etcd with TLS, certificates of clients, and a user who may do what is below /team/."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = certificate(folder, "authority")
    cert, key = certificate(folder, "member", authority)
    own = certificate(folder, "me", authority)
    with RealStore(folder / "etcd", tls={"ca": authority[0], "cert": cert, "key": key}) as etcd:
        for command in (["user", "add", f"team:{SECRET}"], ["role", "add", "team"],
                        ["role", "grant-permission", "team", "--prefix=true", "readwrite", "/team/"],
                        ["user", "grant-role", "team", "team"], ["user", "add", "root:other"],
                        ["user", "grant-role", "root", "root"], ["auth", "enable"]):
            etcd.ctl(*command)
        settings = {"host": "127.0.0.1", "port": etcd.port, "prefix": "/team/", "ca_cert": authority[0],
                    "cert_cert": own[0], "cert_key": own[1], "user": "team", "password": SECRET}
        yield Stormlock(folder, "etcd", settings)


def test_a_user_who_may_do_no_more_than_locks_has_one_through_its_whole_life(guarded):
    lease = guarded.acquired()
    assert guarded.refused() == lease
    assert guarded("renew", RESOURCE, lease).returncode == 0
    assert guarded("is-held", RESOURCE, lease).returncode == 0
    assert guarded("release", RESOURCE, lease).returncode == 0
    assert guarded.held_by() is None
    guarded("release", RESOURCE, guarded.acquired())


def test_who_is_not_let_in_is_told_so_at_once_without_the_password(guarded):
    began = time.monotonic()
    told = guarded.but(password="s3cret-of-nobody").fails("acquire", RESOURCE, without=["s3cret"])
    assert "authentication failed" in told
    assert "permission denied" in guarded.but(prefix="/others/").fails("acquire", RESOURCE, without=[SECRET])
    guarded.but(user=None, password=None).fails("acquire", RESOURCE)
    assert time.monotonic() - began < 10


def test_who_answers_is_who_it_should_be(guarded, tmp_path):
    stranger, _ = certificate(tmp_path, "stranger")
    told = guarded.but(ca_cert=stranger).fails("current", RESOURCE, without=[SECRET])
    assert "certificate verify failed" in told
    guarded.but(cert_cert=None, cert_key=None).fails("current", RESOURCE, without=[SECRET])


@pytest.mark.parametrize("settings, said", [
    ({"ca_cert": None}, "user and password go over TLS alone"),
    ({"ca_cert": None, "user": None, "password": ""}, "user and password go over TLS alone"),
    ({"user": None}, "a password, and no user"),
    ({"cert_key": None}, "cert_cert and cert_key go together"),
    ({"cert_cert": None}, "cert_cert and cert_key go together"),
    ({"ca_cert": "/nowhere.pem"}, "ca_cert: cannot read the file /nowhere.pem"),
    ({"port": "65536"}, "port is not between 1 and 65535"),
    ({"port": "x"}, "port is no integer"),
    ({"timeout": "0"}, "timeout is not between"),
])
def test_what_is_wrong_in_the_configuration_is_said(guarded, settings, said):
    assert said in guarded.but(**settings).fails("current", RESOURCE, without=[SECRET])


# ---- what a network loses

def losing(stormlock, etcd, done, gone=False):
    """A proxy that loses the transaction that takes the lock, and a stormlock that asks through it."""
    proxy = LosingProxy(etcd.port, PUT, done=done, gone=gone)
    return proxy, stormlock.but(port=proxy.port, timeout=2)


@pytest.mark.parametrize("done", [True, False])
def test_an_acquire_whose_answer_is_lost_is_known_to_be_ours_or_is_taken_back(stormlock, etcd, done):
    proxy, through = losing(stormlock, etcd, done)
    with proxy:
        if done:
            assert through.acquired() == stormlock.held_by()
            assert leases(etcd) == [stormlock.held_by()]
        else:
            assert "the lock was not taken" in through.fails("acquire", RESOURCE)
            assert stormlock.held_by() is None and leases(etcd) == []
        assert proxy.lost.is_set()


@pytest.mark.parametrize("done", [True, False])
def test_an_etcd_lease_whose_grant_is_not_heard_of_is_given_back(stormlock, etcd, done):
    with LosingProxy(etcd.port, b"LeaseGrant", done=done) as proxy:
        assert "the lock was not taken" in stormlock.but(port=proxy.port, timeout=2).fails("acquire", RESOURCE)
        assert proxy.lost.is_set()
    assert stormlock.held_by() is None and leases(etcd) == []


@pytest.mark.parametrize("done", [True, False])
def test_an_acquire_of_which_nothing_is_heard_any_more_is_said_to_be_unknown(stormlock, etcd, done):
    proxy, through = losing(stormlock, etcd, done, gone=True)
    with proxy:
        told = through.fails("acquire", RESOURCE)
    assert "is not known" in told
    lease = told.split("prints ")[1].split(",")[0]
    assert stormlock.held_by() == (lease if done else None)
    assert stormlock("release", RESOURCE, lease).returncode == 0
    assert stormlock.held_by() is None


def test_an_etcd_that_is_away_or_does_not_answer_is_given_up(stormlock, shared):
    began = time.monotonic()
    with LosingProxy(1, b"-", done=False) as nowhere:
        pass
    assert "etcd at 127.0.0.1:" in stormlock.but(port=nowhere.port).fails("acquire", RESOURCE)
    assert time.monotonic() - began < 5
    shared.freeze()
    try:
        began = time.monotonic()
        told = stormlock.but(timeout=1).fails("acquire", RESOURCE)
        assert "no answer in time" in told or "connection attempt timed out" in told  # whichever second is over first
        assert time.monotonic() - began < 5
    finally:
        shared.thaw()
        shared.wait_until_healthy()
