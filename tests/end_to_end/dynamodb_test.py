"""Real servers over DynamoDB's emulator: throttled, killed, away, and shared by two of them.

A proxy in between speaks HTTP, so that a test can answer instead of DynamoDB, and knows what was asked.
"""

import contextlib
import http.client
import http.server
import json
import pathlib
import random
import socket
import threading
import time

import pytest

from ask import ask, get
from server import Server, wait_for
from with_store import real_store

TOKEN = "FwoGZXIvYXdzEXAMPLE/session/token"


class Between:
    """before(action, body): None, or (status, answer) instead of DynamoDB's. after(action, body): it is done, and not
    answered yet."""

    def __init__(self, port):
        self.asked = []
        self.before = lambda action, body: None
        self.after = lambda action, body: None
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                self.store = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

            def finish(self):
                self.store.close()
                with contextlib.suppress(OSError):  # died
                    super().finish()

            def do_POST(self):
                action = self.headers["X-Amz-Target"].rsplit(".", 1)[1]
                body = self.rfile.read(int(self.headers["Content-Length"]))
                between.asked.append(action)
                answer = between.before(action, body)
                try:
                    if answer is None:
                        self.store.request("POST", "/", body, dict(self.headers))
                        response = self.store.getresponse()
                        answer = response.status, response.read()
                        between.after(action, body)
                    self.send_response(answer[0])
                    self.send_header("Content-Type", "application/x-amz-json-1.0")
                    self.send_header("Content-Length", str(len(answer[1])))
                    self.end_headers()
                    self.wfile.write(answer[1])
                except (OSError, http.client.HTTPException):
                    self.close_connection = True

            def handle(self):
                between._connections.append(self.connection)
                super().handle()

        self._connections = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def die(self):
        """In the middle of what it is asked; nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def refusal(kind, message="no"):
    return 400, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{kind}", "message": message}).encode()


@pytest.fixture
def store(tmp_path):
    with real_store("dynamodb", tmp_path / "store") as store:
        yield store


@pytest.fixture
def between(store):
    with Between(store.port) as between:
        yield between


@pytest.fixture
def make(tmp_path, store):
    """make(port=..., options="&..."): one more server over the same table."""
    servers = []

    def one(port=None, options="", args=(), environment=None):
        server = Server(tmp_path / f"server-{len(servers)}", config=None, args=args,
                        environment=store.environment | {"LOCKKEEPER_STORE": store.url("locks", port) + options} |
                        (environment or {}))
        servers.append(server)
        return server

    yield one
    for server in servers:
        server.end()


def acquire(server, lock, key, **more):
    return ask(server, "PUT", f"/lock/{lock}", {"key": key, **more}, timeout=60)


def release(server, lock, key, **more):
    return ask(server, "DELETE", f"/lock/{lock}", {"key": key, **more}, timeout=60)


def versions(server, lock):
    return [event["version"] for event in get(server, f"/lock/{lock}/history?after=0&limit=1000")["events"]]


def test_locks_survive_the_deaths_of_the_store_and_of_the_server(store, make):
    server = make().start()
    assert acquire(server, "prod", "mine", claim="a", metadata={"build": "7"})[0] == 200
    before = get(server, "/lock/prod")
    store.kill()
    store.start()
    wait_for(lambda: ask(server, "GET", "/ready")[0] == 200, "the server to find the store again")
    assert get(server, "/lock/prod") == before
    assert acquire(server, "prod", "other")[0] == 423
    server.kill()
    server.start()
    assert get(server, "/lock/prod") == before
    assert release(server, "prod", "mine", claim="a")[0] == 200
    assert versions(server, "prod") == [1, 2]


def test_a_throttled_table_makes_answers_slow_and_nothing_else(between, make):
    server = make(between.port).start()
    assert acquire(server, "prod", "mine")[0] == 200
    left = [4]

    def throttle(action, _):
        if action == "PutItem" and left[0] > 0:
            left[0] -= 1
            return refusal("ProvisionedThroughputExceededException")
        return None

    between.before = throttle
    between.asked.clear()
    assert release(server, "prod", "mine")[0] == 200
    assert left == [0]
    assert between.asked.count("PutItem") == 5
    assert versions(server, "prod") == [1, 2]


def test_throttled_for_too_long_is_503_and_was_not_carried_out(between, make):
    server = make(between.port).start()
    assert acquire(server, "prod", "mine")[0] == 200
    between.before = lambda action, _: refusal("ThrottlingException") if action == "PutItem" else None
    between.asked.clear()
    status, _, headers = release(server, "prod", "mine")
    assert status == 503 and int(headers["Retry-After"]) >= 1
    assert between.asked.count("PutItem") < 60  # with pauses
    between.before = lambda *_: None
    assert acquire(server, "prod", "other")[0] == 423
    assert release(server, "prod", "mine")[0] == 200
    assert versions(server, "prod") == [1, 2]


def test_while_the_store_is_away_the_answer_is_503_at_once(store, make):
    server = make().start()
    assert acquire(server, "prod", "mine")[0] == 200
    store.kill()
    wait_for(lambda: acquire(server, "prod", "other")[0] == 503, "the server to notice")
    for _ in range(20):
        began = time.monotonic()
        status, _, headers = acquire(server, "prod", "other")
        assert status == 503 and int(headers["Retry-After"]) >= 1
        assert time.monotonic() - began < 1
    assert ask(server, "GET", "/ready")[0] == 503
    store.start()
    wait_for(lambda: ask(server, "GET", "/ready")[0] == 200, "the server to be back")
    assert acquire(server, "prod", "other")[0] == 423
    assert release(server, "prod", "mine")[0] == 200


def test_a_frozen_store_is_a_503_within_seconds(store, make):
    server = make().start()
    assert acquire(server, "prod", "mine")[0] == 200
    store.freeze()
    began = time.monotonic()
    assert release(server, "prod", "mine")[0] == 503
    assert time.monotonic() - began < 10
    store.thaw()
    wait_for(lambda: ask(server, "GET", "/ready")[0] == 200, "the server to be back")
    # Whether it was carried out was not known; saying it again is fine.
    assert release(server, "prod", "mine")[0] == 200
    assert versions(server, "prod") == [1, 2]


@pytest.mark.parametrize("change, holders", [(acquire, ["mine"]), (release, [])])
def test_a_store_that_dies_after_a_write_and_before_its_answer_leaves_the_outcome_unknown(between, make, change,
                                                                                         holders):
    # Given a server with one connection to the store, which is kept
    server = make(between.port, options="&connections=1").start()
    assert acquire(server, "before", "mine")[0] == 200
    if change is release:
        assert acquire(server, "prod", "mine")[0] == 200
    # When a change is written, and its answer never comes
    between.after = lambda action, _: between.die() if action == "PutItem" else None
    status, body, _ = change(server, "prod", "mine")
    # Then nobody is told that it was not carried out
    assert status == 503 and body["error"].startswith("outcome unknown"), body
    assert [holder["holder"] for holder in get(make().start(), "/lock/prod")["holders"]] == holders


def test_a_waiter_at_one_server_is_granted_by_a_release_at_another(make):
    one, two = make(options="&poll=500ms").start(), make(options="&poll=500ms").start()
    assert acquire(one, "prod", "mine")[0] == 200
    granted = []
    waiter = threading.Thread(target=lambda: granted.append(acquire(two, "prod", "next", claim="w", request="r",
                                                                    wait="50s")))
    waiter.start()
    wait_for(lambda: get(one, "/lock/prod")["queue"], "the waiter's place")
    began = time.monotonic()
    assert release(one, "prod", "mine")[0] == 200
    waiter.join(60)
    took = time.monotonic() - began
    assert granted and granted[0][0] == 200, granted
    assert took < 10  # far less than its wait; an idle machine takes the interval and a little more
    assert get(one, "/lock/prod")["holders"][0]["holder"] == "next"
    print(f"granted {took:.2f} s after the release, polling every 0.5 s")


def test_a_locks_limits_are_lower_than_elsewhere_unless_the_operator_says_otherwise(make):
    server = make().start()
    assert "250 named claims, 250 holders, 250 waiters and 512 closed names a lock" in server.log
    words = [acquire(server, "prod", "k", claim=f"claim {i}") for i in range(251)]
    assert [status for status, _, _ in words[:250]] == [200] * 250
    assert words[250][0] == 409 and words[250][1]["error"] == "too many claims"
    other = make(args=["--claims-per-lock", "260"]).start()
    assert acquire(other, "prod", "k", claim="one more")[0] == 200


def test_what_an_item_has_no_room_for_is_refused_by_its_size(make):
    server = make().start()
    chance = random.Random(1)
    for i in range(250):
        noise = "".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", k=4000))
        status, body, _ = acquire(server, "prod", "k", claim=f"claim {i}", metadata={"noise": noise})
        if status != 200:
            break
    assert status == 503
    assert i > 50
    assert "400 KB" in body["error"], body
    held = get(server, "/lock/prod")
    assert held["count"] == i
    assert release(server, "prod", "k", claim="claim 0")[0] == 200
    assert acquire(server, "prod", "k", claim="small")[0] == 200


@pytest.mark.parametrize("moment", ["before", "after"])
def test_no_event_is_lost_or_doubled_when_a_server_dies_while_it_moves_them(between, make, moment):
    # Given a server that dies at the moment when it moves events out of the lock's item: before they are items, or
    # when they are and the lock's item still has them.
    server = make(between.port).start()
    died = threading.Event()

    def kill(action, _):
        if action == "BatchWriteItem":
            server.kill()
            died.set()
        return None

    setattr(between, moment, kill)
    # When a lock has a long history
    said = 0
    for i in range(100):
        try:
            status, _, _ = (acquire if i % 2 == 0 else release)(server, "prod", "mine")
        except OSError:
            break
        if status != 200:
            break
        said += 1
    assert died.wait(30)
    setattr(between, moment, lambda *_: None)
    # Then all that was acknowledged is there, once each
    server = make(between.port).start()
    found = versions(server, "prod")
    assert found == list(range(1, len(found) + 1))
    assert said <= len(found) <= said + 1
    # and it goes on, through more moves by two servers
    other = make().start()
    for i in range(100):
        assert acquire((server, other)[i % 2], "prod", "mine")[0] == 200
        assert release((other, server)[i // 2 % 2], "prod", "mine", all=True)[0] == 200
    assert between.asked.count("BatchWriteItem") > 1
    for one in (server, other):
        now = versions(one, "prod")
        assert now == list(range(1, now[-1] + 1)) and now[-1] >= len(found) + 200
        page = get(one, "/lock/prod/history?after=20&limit=10")
        assert [event["version"] for event in page["events"]] == list(range(21, 31))


def test_secrets_are_in_no_log_and_no_answer(store, between, make):
    secret = store.environment["AWS_SECRET_ACCESS_KEY"]
    server = make(between.port, args=["--log-level", "debug"], environment={"AWS_SESSION_TOKEN": TOKEN}).start()
    assert acquire(server, "prod", "the-key-of-the-lock")[0] == 200
    shown = pathlib.Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"AWS_ACCESS_KEY_ID=" in shown and secret.encode() not in shown and TOKEN.encode() not in shown
    between.before = lambda action, _: refusal(
        "InvalidSignatureException", f"The Canonical String should have been: x-amz-security-token:{TOKEN} {secret}")
    status, body, _ = release(server, "prod", "the-key-of-the-lock")
    assert status == 503
    server.stop()
    refused = make(between.port, environment={"AWS_SESSION_TOKEN": TOKEN}).start_expecting_failure()
    assert refused.returncode != 0 and "InvalidSignatureException" in refused.stderr
    for text in (server.log, json.dumps(body), refused.stdout, refused.stderr):
        assert secret not in text and TOKEN not in text and "the-key-of-the-lock" not in text
    no_credentials = make()
    del no_credentials.environment["AWS_SECRET_ACCESS_KEY"]
    ended = no_credentials.start_expecting_failure()
    assert ended.returncode != 0 and "AWS_SECRET_ACCESS_KEY" in ended.stderr


def test_a_table_is_made_once_and_not_where_that_is_forbidden(make):
    ended = make(options="&create=false").start_expecting_failure()
    assert ended.returncode != 0 and "create=false" in ended.stderr
    one, two = make(), make()
    starting = [threading.Thread(target=each.start) for each in (one, two)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join(60)
    assert acquire(one, "prod", "mine")[0] == 200
    assert acquire(two, "prod", "other")[0] == 423
