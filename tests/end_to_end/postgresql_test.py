"""Real servers over a real PostgreSQL: restarted, failed over, behind PgBouncer, with a role of few rights."""

import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest
from ask import ask, get
from server import BINARY, Server, wait_for
from with_store import real_store

SECRET = "s3cret-of-the-store"


def server_over(folder, url, **more):
    return Server(folder, store_url=url, **more)


@contextlib.contextmanager
def three_servers(folder, url):
    with contextlib.ExitStack() as all_of_them:
        yield [all_of_them.enter_context(server_over(folder / str(i), url)) for i in range(3)]


def lock(server, name, key="k"):
    return ask(server, "PUT", f"/lock/{name}", {"key": key})


def locked(server, name):
    return lock(server, name)[0] == 200


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with real_store("postgresql", tmp_path_factory.mktemp("store")) as one:
        yield one


def refused_to_start(folder, url):
    ended = server_over(folder, url).start_expecting_failure()
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert SECRET not in said
    return said


def test_a_restart_of_postgresql_is_503_at_once_and_over_without_a_restart_of_ours(tmp_path, store):
    with server_over(tmp_path, store.url("restarted")) as server:
        assert locked(server, "before")
        store.stop()
        try:
            wait_for(lambda: ask(server, "GET", "/ready")[0] == 503, "the server to notice")
            for number in range(20):
                began = time.monotonic()
                status, body, headers = lock(server, f"meanwhile-{number}")
                assert status == 503 and body["error"] and headers["Retry-After"], (status, body, headers)
                assert time.monotonic() - began < 1, "an outage is told at once"
                assert SECRET not in body["error"]
        finally:
            store.start()
        wait_for(lambda: locked(server, "after"), "the server to go on")
        assert sorted(get(server, "/locks")) == ["after", "before"]
        assert ask(server, "GET", "/ready")[0] == 200
        assert SECRET not in server.log


def test_a_frozen_postgresql_is_503_within_its_time_out_and_then_at_once(tmp_path, store):
    with server_over(tmp_path, store.url("frozen")) as server:
        assert locked(server, "before")
        store.freeze()
        try:
            began = time.monotonic()
            assert lock(server, "first")[0] == 503
            assert time.monotonic() - began < 5, "the store's time-out is 1.5 s"
            wait_for(lambda: ask(server, "GET", "/ready")[0] == 503, "the server to notice")
            began = time.monotonic()
            assert lock(server, "second")[0] == 503
            assert time.monotonic() - began < 1
        finally:
            store.thaw()
        wait_for(lambda: locked(server, "after"), "the server to go on")


def test_a_backend_that_is_killed_loses_no_acknowledged_lock(tmp_path, store):
    with server_over(tmp_path, store.url("killed")) as server:
        acknowledged, over = [], threading.Event()

        def work(worker):
            number = 0
            while not over.is_set():
                name = f"{worker}-{number}"
                number += 1
                if locked(server, name):
                    acknowledged.append(name)

        workers = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for each in workers:
            each.start()
        try:
            for _ in range(3):
                seen = len(acknowledged)
                wait_for(lambda: len(acknowledged) > seen + 20, "locks")
                # PostgreSQL ends all of its connections then, and recovers.
                victim = store.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'lockkeeper' LIMIT 1")
                os.kill(int(victim), signal.SIGKILL)
                wait_for(lambda: "1" in store_answers(store), "PostgreSQL to recover")
        finally:
            seen = len(acknowledged)
            wait_for(lambda: len(acknowledged) > seen + 20, "locks after the last recovery")
            over.set()
            for each in workers:
                each.join()
        there = get(server, "/locks")
        assert set(acknowledged) <= set(there)


def store_answers(store):
    try:
        return store.sql("SELECT 1")
    except AssertionError:
        return ""


def test_a_fail_over_to_the_synchronous_standby_loses_no_acknowledged_lock(tmp_path):
    with real_store("postgresql", tmp_path, standby=True) as store:
        with three_servers(tmp_path, store.url("failed_over")) as servers:
            acknowledged, over = [], threading.Event()

            def work(server, worker):
                number = 0
                while not over.is_set():
                    name = f"{worker}-{number}"
                    number += 1
                    if locked(server, name):
                        acknowledged.append(name)

            workers = [threading.Thread(target=work, args=(server, i)) for i, server in enumerate(servers)]
            for each in workers:
                each.start()
            try:
                wait_for(lambda: len(acknowledged) > 100, "locks before")
                store.kill()
                store.promote()
                for i, server in enumerate(servers):
                    wait_for(lambda i=i, server=server: locked(server, f"after-{i}"), "the servers to follow")
            finally:
                over.set()
                for each in workers:
                    each.join()
            for server in servers:
                assert set(acknowledged) <= set(get(server, "/locks"))
                assert "synchronous_standby_names" not in server.log, "it is set: nothing to warn of"
            # and they hear of each other at the new primary
            hand_over(servers, "handed-over")


def hand_over(servers, name, within=30):
    """A waiter at one server is granted by a release at another."""
    first, second = servers[:2]
    assert ask(first, "PUT", f"/lock/{name}", {"key": "a", "claim": "a", "request": "1"})[0] == 200
    got = []
    waiter = threading.Thread(target=lambda: got.append(ask(
        second, "PUT", f"/lock/{name}", {"key": "b", "claim": "b", "request": "1", "wait": "60s"}, timeout=90)))
    waiter.start()
    wait_for(lambda: get(first, f"/lock/{name}").get("queue"), "the waiter to be in the queue")
    began = time.monotonic()
    assert ask(first, "DELETE", f"/lock/{name}", {"key": "a", "claim": "a"})[0] == 200
    waiter.join()
    assert got and got[0][0] == 200, got
    assert time.monotonic() - began < within


def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_acknowledged_only_when_it_is_there(tmp_path):
    with real_store("postgresql", tmp_path, standby=True) as store:
        waiting = "SELECT pid, query_start FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        with server_over(tmp_path / "server", store.url("cancelled", port=store.direct_port)) as server:
            assert locked(server, "before")
            got = []
            asker = threading.Thread(target=lambda: got.append(lock(server, "x")))
            store.standby.signal_all(signal.SIGSTOP)
            try:
                asker.start()
                wait_for(lambda: store.sql(waiting), "the commit to wait for the standby")
                first = store.sql(waiting)
                store.sql(f"SELECT pg_cancel_backend({first.partition('|')[0]})")
                wait_for(lambda: got or store.sql(waiting) not in ("", first), "the server to find out")
                assert not got or got[0][0] == 503, f"acknowledged, and the standby has not got it: {got}"
            finally:
                store.standby.signal_all(signal.SIGCONT)
                asker.join()
            wait_for(lambda: locked(server, "after"), "the server to go on")
            there = "SELECT count(*) FROM cancelled.heads WHERE lock = 'x'"
            wait_for(lambda: store.sql(there, port=store.standby_port) == "1", "the standby to show it")


def test_pgbouncer_in_transaction_mode_with_postgresql_to_listen_at(tmp_path):
    with real_store("postgresql", tmp_path, pgbouncer=True) as store:
        with three_servers(tmp_path, store.url("bounced")) as servers:
            for number in range(50):
                assert locked(servers[number % 3], f"lock-{number}")
            hand_over(servers, "handed-over")
            # the work went through PgBouncer, and left nothing behind in its connections
            assert store.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%commit_1%'") != "0"
            assert store.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"
            left = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'lockkeeper%'"
            assert store.sql(left, port=store.bouncer_port, user=store.user) == "0"
        with three_servers(tmp_path / "polling", store.url("polled", listen="off")) as servers:
            hand_over(servers, "handed-over")
        said = refused_to_start(tmp_path, store.url("deaf", listen="on"))
        assert "hears nothing" in said and "listen_host=" in said


def test_who_may_not_make_the_schema_is_told_how_and_works_in_one_that_is_there(tmp_path, store):
    password = "of-the-poor-one"
    store.sql(f"CREATE ROLE poor LOGIN PASSWORD '{password}'")
    rich = store.url("shared_out")
    poor = rich.replace(f"{store.user}:{SECRET}", f"poor:{password}")

    said = refused_to_start(tmp_path, poor)
    assert "lockkeeper schema" in said and "shared_out" in said
    said = refused_to_start(tmp_path, poor + "&migrate=false")
    assert "lockkeeper schema" in said and "migrate=false" in said
    assert password not in said

    def schema(*words):
        done = subprocess.run([BINARY, "schema", *words], env={"LOCKKEEPER_STORE": rich}, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    text = schema("--print")
    schema()
    schema()  # once more does no harm
    grants = [line.removeprefix("--").strip() for line in text.splitlines() if "GRANT" in line]
    assert len(grants) == 2
    for grant in grants:
        store.sql(grant.replace("TO role", "TO poor"))
    for more in ("", "&migrate=false"):
        with server_over(tmp_path / f"poor{more}", poor + more) as server:
            assert locked(server, "x")
            assert ask(server, "DELETE", "/lock/x", {"key": "k"})[0] == 200


def test_the_printed_schema_is_what_a_database_needs(tmp_path, store):
    done = subprocess.run([BINARY, "schema", "--print"], env={"LOCKKEEPER_STORE": store.url("by_hand")},
                          capture_output=True, text=True, timeout=60, check=True)
    store.sql(done.stdout, user=store.user)
    with server_over(tmp_path, store.url("by_hand", migrate="false")) as server:
        assert locked(server, "x")


def test_a_newer_schema_is_left_alone(tmp_path, store):
    with server_over(tmp_path, store.url("newer")) as server:
        assert locked(server, "x")
    store.sql("UPDATE newer.meta SET version = 99")
    assert "a newer lockkeeper made it" in refused_to_start(tmp_path, store.url("newer"))


def test_settings_that_risk_locks_are_warned_of_by_name(tmp_path, store):
    store.sql(f"ALTER ROLE {store.user} SET synchronous_commit = off")
    try:
        with server_over(tmp_path / "off", store.url("warned")) as server:
            assert "synchronous_commit is off" in server.log
        store.sql(f"ALTER ROLE {store.user} SET synchronous_commit = on")
        with server_over(tmp_path / "on", store.url("warned")) as server:
            assert "synchronous_commit" not in server.log
            assert "synchronous_standby_names" not in server.log
        # somebody replicates, and nobody waits for it
        store.sql("SELECT pg_create_physical_replication_slot('of_a_standby')")
        with server_over(tmp_path / "standby", store.url("warned")) as server:
            assert "synchronous_standby_names is empty" in server.log
        store.sql("SELECT pg_drop_replication_slot('of_a_standby')")
    finally:
        store.sql(f"ALTER ROLE {store.user} RESET synchronous_commit")


def test_what_is_wrong_with_the_store_is_said_without_the_password(tmp_path, store):
    url = store.url("wrong", connect_timeout="300ms")
    assert "password authentication failed" in refused_to_start(tmp_path, url.replace(SECRET, SECRET[::-1]))
    assert "does not exist" in refused_to_start(tmp_path, url.replace("/locks?", "/elsewhere?"))
    assert "has no option colour" in refused_to_start(tmp_path, url + "&colour=red")
    assert "timeout" in refused_to_start(tmp_path, url + "&timeout=soon")
    unreachable = url.replace(f":{store.port}/", ":1/")
    assert "127.0.0.1:1" in refused_to_start(tmp_path, unreachable)


def test_locks_need_read_committed_whatever_the_role_has_by_default(tmp_path, store):
    end_all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lockkeeper'"
    with server_over(tmp_path / "before", store.url("isolated")) as server:
        assert locked(server, "before")
        store.sql(f"ALTER ROLE {store.user} SET default_transaction_isolation = 'repeatable read'")
        try:
            said = refused_to_start(tmp_path / "now", store.url("isolated"))
            assert "default_transaction_isolation is repeatable read" in said and "ALTER ROLE" in said
            # and one that is up already writes nothing any more, over its new connections
            store.sql(end_all)
            wait_for(lambda: "default_transaction_isolation" in str(lock(server, "x")[1]), "the server to be refused")
            assert store.sql("SELECT count(*) FROM isolated.heads") == "1"
        finally:
            store.sql(f"ALTER ROLE {store.user} RESET default_transaction_isolation")
        store.sql(end_all)
        wait_for(lambda: locked(server, "after"), "the server to go on")


def test_held_locks_are_found_among_many_free_ones_a_part_at_a_time(tmp_path, store):
    with server_over(tmp_path, store.url("crowded")) as server:
        assert locked(server, "f") and ask(server, "DELETE", "/lock/f", {"key": "k"})[0] == 200
        store.sql("INSERT INTO crowded.heads SELECT convert_to('f' || lpad(i::text, 6, '0'), 'UTF8'), version, changed,"
                  " held, timed, body FROM crowded.heads, generate_series(1, 70000) i WHERE lock = 'f'")
        for name in ("a", "f035000", "z"):
            assert locked(server, name)
        assert sorted(get(server, "/locks")) == ["a", "f035000", "z"]
        after, found, slices = "", [], 0
        while slices == 0 or after:
            rows = store.sql("SELECT CASE WHEN lock IS NULL THEN '|' || encode(body, 'escape') ELSE encode(lock, 'escape') END"
                             f" FROM crowded.scan_1('{after}', '', '\\xff', 2, true, false)").splitlines()
            names, after = [row for row in rows if not row.startswith("|")], rows[-1].partition("|")[2]
            found += names
            slices += 1
            assert len(names) <= 2
        assert found == ["a", "f035000", "z"]
        assert slices >= 4, "20,000 are passed over at once, at most"
