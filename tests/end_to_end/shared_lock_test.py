"""shared-lock's door, told as stories: when leases end, what a restart does to them, who else sees the lock, and what
the server says of requests and settings that are wrong."""

import json
import re
import signal
import socket
import threading
import time

import pytest

from server import BINARY, Server, wait_for

OWN = ["--door", "shared-lock=127.0.0.1:0"]
MINUTE = "1m"


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path, args=OWN) as started:
        knows_its_leases(started)
        yield started


def knows_its_leases(server):
    """Until it has read what an earlier run left, it cannot say that there is no such lease."""
    wait_for(lambda: keep_alive(server, "1") == 204, "leases to be read")


def post(server, path, body, ttl=None, **rest):
    return server.request("POST", "/shared-lock" + path, body, {"x-lease-ttl": ttl} if ttl else {}, **rest)


def lease(server, key, ttl=MINUTE, **fields):
    answer = post(server, "/lease", json.dumps({"key": key} | fields), ttl)
    return answer.status, answer.text


def keep_alive(server, number):
    return post(server, "/keepalive", number).status


def is_id(text):
    return re.fullmatch(r"[1-9]\d*", text) is not None and int(text) < 2**63


def native(server, method, path, body=None):
    answer = server.request(method, path, None if body is None else json.dumps(body))
    return answer.status, json.loads(answer.body)


class Waiting(threading.Thread):
    """Somebody at the native door who waits for the lock, and when it came."""

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name_of_lock, self.got = server, name, None
        self.start()

    def run(self):
        status, _ = native(self.server, "PUT", f"/lock/{self.name_of_lock}", {"key": "waits", "wait": "60s"})
        self.got = (status, time.monotonic())


@pytest.mark.parametrize("ttl,seconds", [("500ms", 0.5), ("1.5s", 1.5), ("+2s", 2)])
def test_a_lease_ends_when_its_ttl_is_over_and_never_before(server, ttl, seconds):
    asked = time.monotonic()
    assert lease(server, "job", ttl)[0] == 201
    answered = time.monotonic()
    waiting = Waiting(server, "job")
    waiting.join()
    status, at = waiting.got
    assert status == 200
    assert asked + seconds <= at <= answered + seconds + 1


def test_a_keepalive_counts_the_ttl_anew_and_does_not_wake_what_is_over(server):
    _, number = lease(server, "job", "2s")
    waiting = Waiting(server, "job")
    waiting.join(1.2)
    assert waiting.is_alive()
    asked = time.monotonic()
    assert keep_alive(server, number) == 200
    answered = time.monotonic()
    waiting.join()
    assert asked + 2 <= waiting.got[1] <= answered + 3
    assert keep_alive(server, number) == 204
    assert native(server, "GET", "/lock/job")[1]["holders"][0]["holder"] == "waits"


def test_a_killed_server_keeps_its_leases(server):
    leases = {f"job {i}": lease(server, f"job {i}")[1] for i in range(20)}
    assert all(map(is_id, leases.values())) and len(set(leases.values())) == 20
    short = lease(server, "short", "500ms")[1]
    server.kill()
    server.start()
    assert {keep_alive(server, number) for number in leases.values()} <= {200, 503}, "none is said to be over"
    knows_its_leases(server)
    for key, number in leases.items():
        assert keep_alive(server, number) == 200
        assert lease(server, key) == (202, number)
    Waiting(server, "short").join()
    assert keep_alive(server, short) == 204


def test_it_does_not_matter_at_which_address_a_lease_was_created(server):
    _, number = lease(server, "job")
    main, server.port = server.port, server.door_ports["shared-lock"]
    own = [server.request("POST", "/lease", b'{"key":"job"}'), server.request("POST", "/keepalive", number.encode()),
           server.request("POST", "/native/lock/job/force-release", b"{}"),
           server.request("POST", "/lease", b'{"key":"job"}')]
    server.port = main
    assert [answer.status for answer in own] == [202, 200, 200, 201]
    assert own[0].text == number
    assert keep_alive(server, own[3].text) == 200
    assert lease(server, "job") == (202, own[3].text)


def test_of_many_at_once_one_wins_and_the_others_learn_its_id(server):
    for key in range(10):
        answers = []
        threads = [threading.Thread(target=lambda k=key, all=answers: all.append(lease(server, f"race {k}")))
                   for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(status for status, _ in answers) == [201] + [202] * 19
        assert len({number for _, number in answers}) == 1


def test_what_a_pipeline_holds_is_taken_here(server):
    assert native(server, "PUT", "/lock/prod", {"key": "k", "lock_by": "deploy"})[0] == 200
    (first, number), again = lease(server, "prod"), lease(server, "prod")
    assert first == 202 and is_id(number) and again == (202, number)
    assert keep_alive(server, number) == 204, "nobody's lease"
    assert native(server, "PUT", "/lock/prod", {"key": "k", "lock_by": "deploy"})[0] == 200
    assert lease(server, "prod") == (202, number), "it is still the same hold"
    for _ in range(2):
        assert native(server, "DELETE", "/lock/prod", {"key": "k", "lock_by": "deploy"})[0] == 200
    assert lease(server, "prod")[0] == 201


def test_what_is_leased_here_is_taken_for_a_pipeline(server):
    _, number = lease(server, "prod", value="host-1", labels={"env": "prod"})
    status, denied = native(server, "PUT", "/lock/prod", {"key": "k", "lock_by": "deploy"})
    assert (status, denied["error"].split(".")[-1]) == (423, " Currently held by someone else")
    assert native(server, "DELETE", "/lock/prod", {"key": "k", "lock_by": "deploy"})[0] == 423
    lock = native(server, "GET", "/lock/prod")[1]
    assert [(one["holder"], one["metadata"]) for one in lock["holders"]] == [
        ("host-1", {"lease": number, "env": "prod"})]
    assert lock["claims"][0]["ttl"] == MINUTE
    assert native(server, "GET", "/lock/prod/history")[1]["events"][0]["door"] == "shared-lock"
    assert native(server, "POST", "/lock/prod/force-release", {})[0] == 200
    assert keep_alive(server, number) == 204
    assert native(server, "PUT", "/lock/prod", {"key": "k", "lock_by": "deploy"})[0] == 200


def test_a_lease_does_not_overtake_who_waits(server):
    _, number = lease(server, "prod")
    waiting = Waiting(server, "prod")
    wait_for(lambda: native(server, "GET", "/lock/prod")[1]["queue"], "a place in the queue")
    assert lease(server, "prod") == (202, number)
    assert native(server, "POST", "/lock/prod/force-release", {})[0] == 200
    waiting.join()
    status, number = lease(server, "prod")
    assert status == 202 and keep_alive(server, number) == 204


def test_what_is_refused_takes_no_place_where_the_refused_have_one(tmp_path):
    """Each request is another lease: nobody would come back for the place."""
    with Server(tmp_path, args=["--hold-place-for-refused", "1m"]) as server:
        lease(server, "prod")
        for _ in range(3):
            assert lease(server, "prod")[0] == 202
        assert native(server, "GET", "/lock/prod")[1]["queue"] == []


WRONG = [
    ("/lease", "{}", None, 400), ("/lease", '{"key":""}', None, 400), ("/lease", '{"key":null}', None, 400),
    ("/lease", '{"key":"a"}', "30", 400), ("/lease", '{"key":"a"}', "0s", 400), ("/lease", '{"key":"a"}', "-5s", 400),
    ("/lease", '{"key":"a"}', "99ms", 400), ("/lease", '{"key":"a"}', "PT30S", 400),
    ("/lease", json.dumps({"key": "k" * 513}), None, 400), ("/lease", '{"key":"a\\u0001b"}', None, 400),
    ("/lease", json.dumps({"key": "a", "value": "v" * 70000}), None, 413),
    ("/keepalive", "", None, 400), ("/keepalive", "abc", None, 400), ("/keepalive", '"5"', None, 400),
    ("/keepalive", "9223372036854775808", None, 400), ("/lease/", '{"key":"a"}', None, 404), ("/", "", None, 404),
]


def test_labels_and_values_that_are_too_long_to_keep_are_no_reason_to_refuse_a_lease(server):
    body = {"key": "described", "value": "v" * 5000, "labels": {str(i): "" for i in range(40)}}
    assert post(server, "/lease", json.dumps(body), None).status == 201


def test_what_is_malformed_is_told_in_json_and_changes_nothing(server):
    for path, body, ttl, status in WRONG:
        answer = post(server, path, body, ttl)
        assert answer.status == status, (path, body[:80], ttl, answer.text)
        assert list(json.loads(answer.body)) == ["error"], (path, body[:80], answer.text)
    # The one text that clients of the original know.
    answer = post(server, "/lease", "{")
    assert (answer.status, answer.text) == (400, "Failed to unmarshal request body\n")
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/lease", "/keepalive"):
            answer = server.request(method, "/shared-lock" + path, b'{"key":"a"}')
            assert (answer.status, answer.headers["Allow"]) == (405, "POST"), (method, path)
            assert list(json.loads(answer.body)) == ["error"]
    assert native(server, "GET", "/locks")[1] == {}


def test_nobody_leases_without_credentials_where_there_are_some(tmp_path):
    with Server(tmp_path, credentials=("ci", "secret"), args=OWN) as server:
        number = lease(server, "job")[1]
        assert is_id(number)
        for path, body in (("/lease", '{"key":"other"}'), ("/keepalive", number), ("/keepalive", "abc")):
            assert post(server, path, body, credentials=None).status == 401
        assert server.request("GET", "/shared-lock/metrics", credentials=None).status == 401
        health = server.request("GET", "/shared-lock/health", credentials=None)
        assert (health.status, health.body, health.headers["Content-Type"]) == (200, b"", None)


def test_the_door_can_be_closed(tmp_path):
    with Server(tmp_path, args=["--door", "shared-lock=off"], environment={"SHARED_LOCK_SERVER_PORT": "0"}) as server:
        assert lease(server, "job")[0] == 404
        assert server.door_ports == {}


def test_a_store_that_hangs_is_503_for_what_needs_it(tmp_path):
    disk = tmp_path / "disk"
    with Server(tmp_path, args=["--commit-deadline", "500ms"], environment={
            "LD_PRELOAD": str(BINARY.resolve().parent / "failing_disk.so"), "FAILING_DISK": str(disk)}) as server:
        _, number = lease(server, "job")
        disk.write_text("hang")
        for path, body in (("/lease", '{"key":"other"}'), ("/keepalive", number), ("/keepalive", number)):
            began = time.monotonic()
            answer = post(server, path, body)
            assert answer.status == 503, answer.text
            assert answer.headers["Retry-After"] == "1" and list(json.loads(answer.body)) == ["error"]
            assert time.monotonic() - began < 5
        assert server.request("GET", "/shared-lock/health").status == 200
        server.kill()
        disk.unlink()
        server.start()
        knows_its_leases(server)
        assert keep_alive(server, number) == 200


# ---- its variables, at the real program


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def test_its_port_opens_the_door_there(tmp_path):
    port = free_port()
    with Server(tmp_path, environment={"SHARED_LOCK_SERVER_PORT": str(port), "SHARED_LOCK_DEBUG": "1"}) as server:
        assert server.door_ports == {"shared-lock": port}
        server.port = port
        assert server.request("GET", "/health").body == b""
        assert server.request("POST", "/lease", b'{"key":"job"}').status == 201


def test_a_flag_wins_over_its_variables(tmp_path):
    with Server(tmp_path, args=OWN + ["--read-timeout", "1m"], environment={
            "SHARED_LOCK_SERVER_PORT": "1", "SHARED_LOCK_SERVER_READ_TIMEOUT": "100ms"}) as server:
        assert server.door_ports["shared-lock"] != 1


@pytest.mark.parametrize("variable,value,replaced_by", [
    ("STORAGE_TYPE", "etcd", "--store"), ("ETCD_ADDR_LIST", "http://localhost:2379", "--store"),
    ("ETCD_TLS", "true", "--store"), ("CA_CERT_PATH", "/etc/etcd/ca.crt", "--store"),
    ("CLIENT_CERT_PATH", "/etc/etcd/client.crt", "--store"), ("CLIENT_KEY_PATH", "/etc/etcd/client.key", "--store"),
    ("PPROF_ENABLED", "true", "perf"), ("CACHE_ENABLED", "true", "--cached-locks"),
    ("CACHE_ENABLED", "yes", "true or false"), ("CACHE_SIZE", "many", "whole number"), ("DEBUG", "on", "true or false"),
    ("SERVER_PORT", "http", "whole number"), ("SERVER_READ_TIMEOUT", "10", "a duration, like 10s"),
    ("SERVER_IDLE_TIMEOUT", "0s", "100ms"),
])
def test_a_variable_that_cannot_be_honoured_ends_the_start_and_says_what_replaces_it(tmp_path, variable, value,
                                                                                     replaced_by):
    ended = Server(tmp_path, environment={f"SHARED_LOCK_{variable}": value}).start_expecting_failure()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"SHARED_LOCK_{variable}: ") and replaced_by in ended.stderr, ended
    assert len(ended.stderr.splitlines()) == 1


def test_all_that_its_readme_lists_as_defaults_and_can_be_honoured_starts(tmp_path):
    with Server(tmp_path, environment={
            "SHARED_LOCK_SERVER_PORT": str(free_port()), "SHARED_LOCK_SERVER_READ_TIMEOUT": "10s",
            "SHARED_LOCK_SERVER_WRITE_TIMEOUT": "10s", "SHARED_LOCK_SERVER_IDLE_TIMEOUT": "120s",
            "SHARED_LOCK_SERVER_SHUTDOWN_TIMEOUT": "10s", "SHARED_LOCK_PPROF_ENABLED": "false",
            "SHARED_LOCK_ETCD_TLS": "false", "SHARED_LOCK_CACHE_ENABLED": "false", "SHARED_LOCK_CACHE_SIZE": "1000",
            "SHARED_LOCK_DEBUG": "false"}) as server:
        assert lease(server, "job")[0] == 201
        server.signal(signal.SIGINT)
        assert server.wait() == 0
