"""Real servers over a real Redis: killed, frozen, flushed, put back, full, behind TLS, with users."""

import contextlib
import shutil
import threading
import time

import pytest
from ask import ask, get
from server import Server, wait_for
from store_redis import RealStore, free_port

SECRET = "correct-horse-7"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with RealStore(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def redis(tmp_path):
    with RealStore(tmp_path / "redis") as one:
        yield one


def server_over(folder, url, **more):
    return Server(folder, store_url=url, **more)


def lock(server, name, **more):
    return ask(server, "PUT", f"/lock/{name}", {"key": "k", **more}, timeout=60)


def unlock(server, name, **more):
    return ask(server, "DELETE", f"/lock/{name}", {"key": "k", **more}, timeout=60)


def locked(server, name):
    return lock(server, name)[0] == 200


def ready(server):
    return ask(server, "GET", "/ready")[0] == 200


def refused_to_start(folder, url):
    ended = server_over(folder, url).start_expecting_failure()
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert SECRET not in said
    return said


def warnings(server):
    return [line for line in server.log.splitlines() if "warn" in line]


@contextlib.contextmanager
def locking(server, prefix, workers=4):
    """Each worker takes one lock after the other; gives the lists of answers, (name, status, Retry-After)."""
    over, answers = threading.Event(), []

    def work(worker):
        number = 0
        while not over.is_set():
            name = f"{prefix}-{worker}-{number}"
            number += 1
            status, _, headers = lock(server, name)
            answers.append((name, status, headers.get("Retry-After")))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for each in threads:
        each.start()
    try:
        yield answers
    finally:
        over.set()
        for each in threads:
            each.join()


def successes(answers):
    return [name for name, status, _ in answers if status == 200]


def test_a_redis_that_is_killed_under_load_loses_no_acknowledged_lock(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("killed")) as server:
        with locking(server, "w") as answers:
            for _ in range(3):
                seen = len(successes(answers))
                wait_for(lambda: len(successes(answers)) > seen + 50, "locks")
                redis.kill()
                wait_for(lambda: answers[-1][1] == 503, "the server to notice")
                redis.start()
            seen = len(successes(answers))
            wait_for(lambda: len(successes(answers)) > seen + 50, "locks after the last restart")
        assert {status for _, status, _ in answers} == {200, 503}
        assert all(after for _, status, after in answers if status == 503)
        there = get(server, "/locks")
        assert set(successes(answers)) <= set(there)
        # What nobody knew the outcome of is there or not, and in either case goes on.
        for name in [name for name, status, _ in answers if status == 503][:20]:
            assert locked(server, name)
            assert unlock(server, name)[0] == 200
        assert "LOST" not in server.log


def test_a_frozen_redis_is_503_within_its_time_out_and_then_at_once_until_it_is_thawed(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("frozen")) as server:
        assert locked(server, "before")
        redis.freeze()
        try:
            began = time.monotonic()
            status, _, headers = lock(server, "first")
            assert status == 503 and headers["Retry-After"]
            assert time.monotonic() - began < 5, "the store's time-out is 1.5 s"
            wait_for(lambda: not ready(server), "the server to notice")
            wait_for(lambda: "is away: no answer in time" in server.log, "the store to say so by itself")
            for number in range(20):
                began = time.monotonic()
                status, body, headers = lock(server, f"meanwhile-{number}")
                assert status == 503 and body["error"] and headers["Retry-After"]
                assert time.monotonic() - began < 1, "an outage is told at once"
        finally:
            redis.thaw()
        wait_for(lambda: locked(server, "after"), "the server to go on")
        wait_for(lambda: ready(server), "the server to say so")
        assert {"before", "after"} <= set(get(server, "/locks"))


def test_a_start_waits_for_a_redis_that_comes_and_not_for_ever(tmp_path, redis):
    redis.stop()
    began = time.monotonic()
    said = refused_to_start(tmp_path / "server", redis.url("late", connect_timeout="500ms"))
    assert f"127.0.0.1:{redis.port}" in said and "refused" in said.lower()
    assert time.monotonic() - began < 20
    late = server_over(tmp_path / "server", redis.url("late", connect_timeout="60s"))
    starting = threading.Thread(target=late.start)
    starting.start()
    try:
        wait_for(lambda: late.process is not None, "the server's process")
        redis.start()
        starting.join()
        assert locked(late, "x")
    finally:
        starting.join()
        late.end()


def test_tls_and_a_user_of_few_rights_but_never_its_password_in_a_log(tmp_path):
    rights = "~team:* &team:* -@all +@connection +@scripting +@read +@write +@pubsub +info +config|get"
    with RealStore(tmp_path / "redis", tls=True, user="locks", password=SECRET, acl=rights) as redis:
        with server_over(tmp_path / "server", redis.url("team")) as server:
            assert locked(server, "x")
            assert unlock(server, "x")[0] == 200
            assert SECRET not in server.log and not warnings(server)
        said = refused_to_start(tmp_path / "wrong", redis.url("team", password=SECRET[::-1]))
        assert "WRONGPASS" in said and SECRET[::-1] not in said
        # somebody else's keys; and a certificate that another authority has signed, or for another name
        assert "access" in refused_to_start(tmp_path / "elsewhere", redis.url("elsewhere"))
        stranger = RealStore(tmp_path / "stranger", tls=True)
        said = refused_to_start(tmp_path / "stranger", redis.url("team", connect_timeout="500ms").replace(
            str(redis.certificate), str(stranger.certificate)))
        assert "certificate verify failed" in said
        said = refused_to_start(tmp_path / "named", redis.url("team", connect_timeout="500ms", server_name="elsewhere"))
        assert "certificate verify failed" in said


def test_a_redis_that_does_not_know_auth_is_told_of_without_the_password_that_it_quotes(tmp_path):
    redis = RealStore(tmp_path / "redis")
    redis.lines.append('rename-command AUTH ""')
    with redis:
        url = redis.url("x").replace("redis://", f"redis://:{SECRET}@")
        assert "AUTH: Redis refuses this command" in refused_to_start(tmp_path / "server", url)


def test_settings_that_risk_locks_are_warned_of_by_name(tmp_path, redis):
    def log_with(place, **settings):
        for name, value in settings.items():
            redis.ask("CONFIG", "SET", name.replace("_", "-"), value)
        with server_over(tmp_path / place, redis.url(place)) as server:
            return "\n".join(warnings(server))

    assert log_with("safe") == ""
    assert "appendfsync everysec" in log_with("fsync", appendfsync="everysec")
    assert "maxmemory-policy allkeys-lru" in log_with("policy", appendfsync="always", maxmemory_policy="allkeys-lru")
    said = log_with("aof", maxmemory_policy="noeviction", appendonly="no")
    assert "appendonly no" in said and "may be lost" in said


def test_what_this_store_does_not_speak_to_is_refused_by_name(tmp_path, redis):
    with RealStore(tmp_path / "replica", settings={"replicaof": f"127.0.0.1 {redis.port}"}) as replica:
        assert "it is a replica" in refused_to_start(tmp_path, replica.url("x"))
    with RealStore(tmp_path / "cluster", settings={
            "cluster-enabled": "yes", "cluster-port": str(free_port())}) as cluster:
        assert "runs as a cluster" in refused_to_start(tmp_path, cluster.url("x"))
    assert "Sentinel" in refused_to_start(tmp_path, "redis://one,two/")
    assert "no option colour" in refused_to_start(tmp_path, redis.url("x", colour="red"))
    redis.ask("HSET", "newer:meta", "layout", "99", "epoch", "e", "floor", "0")
    assert '"99"' in refused_to_start(tmp_path, redis.url("newer"))


def test_a_waiter_at_one_server_is_granted_by_a_release_at_another(tmp_path, shared):
    with server_over(tmp_path / "one", shared.url("waited")) as one, \
            server_over(tmp_path / "two", shared.url("waited")) as two:
        for round_ in range(5):
            if round_ == 3:  # who was told of changes is cut off, and told again
                shared.ask("CLIENT", "KILL", "TYPE", "pubsub")
            hand_over(one, two, f"lock-{round_}")


def hand_over(one, two, name):
    assert lock(one, name, key="a", claim="a", request="1")[0] == 200
    got = []
    waiter = threading.Thread(
        target=lambda: got.append(lock(two, name, key="b", claim="b", request="1", wait="50s")))
    waiter.start()
    wait_for(lambda: get(one, f"/lock/{name}").get("queue"), "the waiter to be in the queue")
    began = time.monotonic()
    assert unlock(one, name, key="a", claim="a")[0] == 200
    waiter.join()
    assert got[0][0] == 200, got
    assert time.monotonic() - began < 10


def test_scripts_that_were_flushed_are_loaded_again(tmp_path, shared):
    with server_over(tmp_path, shared.url("flushed")) as server:
        for number in range(5):
            shared.ask("SCRIPT", "FLUSH")
            assert locked(server, f"lock-{number}")
            shared.ask("SCRIPT", "FLUSH")
            assert get(server, f"/lock/lock-{number}/history")["events"]
        assert len(get(server, "/locks")) == 5


def test_a_full_redis_is_503_and_goes_on_when_there_is_room(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("full")) as server:
        assert locked(server, "before")
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        status, body, headers = lock(server, "meanwhile")
        assert status == 503 and headers["Retry-After"], body
        assert set(get(server, "/locks")) == {"before"}, "what is there can be read, and nothing half was written"
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        wait_for(lambda: locked(server, "meanwhile"), "the server to go on")
        assert len(get(server, "/lock/meanwhile/history")["events"]) == 1


def test_a_floor_that_is_no_number_is_an_answer_of_503_and_nothing_worse(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("damaged")) as server:
        redis.ask("HSET", "damaged:meta", "floor", "none")
        status, body, _ = lock(server, "x")
        assert status == 503, body
        redis.ask("HSET", "damaged:meta", "floor", "7")
        wait_for(lambda: locked(server, "x"), "the server to go on")
        assert get(server, "/lock/x")["version"] == 8


def test_that_everything_is_gone_is_told_and_tokens_keep_growing(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("gone")) as server:
        _, body, _ = lock(server, "x")
        redis.ask("FLUSHALL")
        wait_for(lambda: locked(server, "x"), "the server to go on")
        assert "LOST all locks" in server.log
        assert get(server, "/lock/x")["version"] > 1_000_000_000_000, "above all that was given before"


def test_that_acknowledged_changes_are_gone_is_told_with_a_lock_s_name(tmp_path, redis):
    with server_over(tmp_path / "server", redis.url("lost")) as server:
        assert locked(server, "kept")
        redis.stop()
        shutil.copytree(redis.folder / "appendonlydir", tmp_path / "backup")
        redis.start()
        wait_for(lambda: locked(server, "victim"), "the server to go on")
        assert "LOST" not in server.log
        # as a replica does that takes over and lacks the last of it
        redis.kill()
        shutil.rmtree(redis.folder / "appendonlydir")
        shutil.copytree(tmp_path / "backup", redis.folder / "appendonlydir")
        redis.start()
        wait_for(lambda: locked(server, "after"), "the server to go on")
        lost = [line for line in warnings(server) if "LOST" in line]
        assert len(lost) == 1 and "'victim'" in lost[0] and "kept" not in lost[0], lost
