"""/metrics of the real server: what Prometheus can read, what docs/metrics.md says, and the truth."""

import pathlib
import re
import socket
import threading

import pytest

import metrics_page
from ask import ask, get
from metrics_page import Malformed, Page, scrape
from server import BINARY, Server, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
REQUESTS = "lockkeeper_http_requests_total"
DURATION = "lockkeeper_http_request_duration_seconds"
EVENTS = "lockkeeper_events_total"


def documented():
    """{name: (type, labels)} of the tables in docs/metrics.md."""
    found = {}
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        if row := re.match(r"\| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\|([^|]*)\| \S", line):
            assert row[1] not in found, f"{row[1]} is told of twice"
            found[row[1]] = row[2], set(re.findall(r"`([a-z_]+)`", row[4]))
    return found


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path, args=["--waiter-grace", "30s"]) as server:
        yield server


def put(server, lock, key, status=200, **fields):
    answered, body, _ = ask(server, "PUT", f"/lock/{lock}", {"key": key} | fields, timeout=60)
    assert answered == status, (lock, key, answered, body)
    return body


def release(server, lock, key, **fields):
    answered, body, _ = ask(server, "DELETE", f"/lock/{lock}", {"key": key} | fields)
    assert answered == 200, (lock, key, answered, body)


def raw(server, text):
    """What a connection answers that sends this and then no more."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


class Poll(threading.Thread):
    def __init__(self, server, lock, key, wait="60s"):
        super().__init__(daemon=True)
        self.asked = server, lock, key, wait
        self.answer = None
        self.start()

    def run(self):
        server, lock, key, wait = self.asked
        self.answer = ask(server, "PUT", f"/lock/{lock}", {"key": key, "wait": wait}, timeout=60)


def assert_documented(page, docs):
    assert {name: family.type for name, family in page.families.items()} == {name: row[0] for name, row in docs.items()}
    for name, family in page.families.items():
        labels = {label for _, labels in family.samples for label, _ in labels if label != "le"}
        if family.samples:
            assert labels == docs[name][1], name


# ---- the page

def test_the_page_is_what_the_docs_say_and_the_docs_are_what_the_page_says(server):
    put(server, "a", "k")
    docs = {name: row for name, row in documented().items() if not name.startswith("lockkeeper_grpc_")}
    assert_documented(scrape(server), docs)


def test_a_door_that_is_closed_or_not_opened_has_no_families_of_its_own(tmp_path):
    docs = documented()
    with Server(tmp_path / "closed", args=["--door", "shared-lock=off"]) as server:
        put(server, "a", "k")
        assert_documented(scrape(server), {name: row for name, row in docs.items()
                                           if not name.startswith(("shared_lock_", "lockkeeper_grpc_"))})
    with Server(tmp_path / "opened", args=["--door", "lockd-grpc=127.0.0.1:0"]) as server:
        put(server, "a", "k")
        assert_documented(scrape(server), docs)


def test_every_alert_in_the_docs_speaks_of_metrics_that_there_are(server):
    text = (ROOT / "docs/metrics.md").read_text()
    rules = re.findall(r"^ *expr: (.*)$", text, re.M)
    assert len(rules) >= 5
    names = scrape(server).families
    for rule in rules:
        for name in re.findall(r"\b((?:lockkeeper|process|shared_lock)_[a-z_]+)", rule):
            family = re.sub(r"_(bucket|count|sum)$", "", name)
            assert name in names or family in names, rule


def test_a_strict_reader_would_refuse_what_is_wrong():
    head = "# HELP a_total A.\n# TYPE a_total counter\n"
    assert Page(head + 'a_total{x="\\""} 1\n')("a_total", x='"') == 1
    buckets = "# HELP h H.\n# TYPE h histogram\n"
    for wrong in [head + "a_total 1", head + "a_total 1\na_total 1\n", head + head, head + "b_total 1\n",
                  head + 'a_total{x="\\q"} 1\n', head + 'a_total{x="1",x="2"} 1\n', head + "a_total one\n",
                  head + "a_total -1\n", "a_total 1\n", "# HELP a A.\n# TYPE a counter\na 1\n",
                  head + 'a_total 1\na_total{x="1"} 1\n', "# HELP a_ms A.\n# TYPE a_ms gauge\n",
                  buckets + 'h_bucket{le="1"} 2\nh_sum 2\nh_count 2\n',
                  buckets + 'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 2\nh_count 1\n']:
        with pytest.raises(Malformed):
            Page(wrong)


def test_the_page_is_behind_the_same_door_as_everything(tmp_path):
    with Server(tmp_path, credentials=("ci", "secret")) as server:
        assert server.request("GET", "/metrics", credentials=None).status == 401
        assert server.request("GET", "/metrics", credentials=("ci", "wrong")).status == 401
        page = scrape(server)
        assert page(REQUESTS, door="locker", route="GET /metrics", code="401") == 2
        assert "secret" not in page.text


def test_every_door_that_had_a_page_shows_the_same_one(server):
    pages = [scrape(server, path) for path in ("/metrics", "/native/metrics", "/lockd/metrics", "/shared-lock/metrics")]
    assert len({tuple(page.families) for page in pages}) == 1
    page = scrape(server)
    assert page(REQUESTS, door="locker", route="GET /metrics", code="200") == 2, "one door, under both of its prefixes"
    assert page(REQUESTS, door="lockd", route="GET /metrics", code="200") == 1
    assert page(REQUESTS, door="shared-lock", route="GET /metrics", code="200") == 1


def test_no_name_key_or_path_of_a_client_is_on_the_page(server):
    put(server, "a-lock-of-mine", "a-key-of-mine", lock_by="a-holder-of-mine")
    put(server, "a-lock-of-mine", "another-key-of-mine", 423)
    for path in ("/lock/x-of-mine/y", "/of-mine", "/lockd/of-mine", "/lock/%of-mine"):
        server.request("GET", path)
    server.request("OF-MINE", "/lock/a")
    assert "of-mine" not in scrape(server).text.lower()


# ---- the truth

def test_locks_sharers_refusals_and_releases_are_counted(server):
    before = scrape(server)
    put(server, "a", "k")                          # acquired
    put(server, "a", "k", lock_by="second")        # shared
    put(server, "b", "k")                          # acquired
    put(server, "a", "other", 423)
    put(server, "a", "", 400)
    release(server, "b", "k")                      # released
    release(server, "b", "k")                      # nothing to release
    get(server, "/lock/a")
    ask(server, "GET", "/nothing/here")
    ask(server, "POST", "/locks")
    after = scrape(server)

    def more(name, **labels):
        return after(name, **labels) - before(name, **labels)

    assert {event: more(EVENTS, event=event) for event in ("acquired", "shared", "released", "queued", "lapsed")} == \
        {"acquired": 2, "shared": 1, "released": 1, "queued": 0, "lapsed": 0}
    assert after["lockkeeper_locks_held"] - before["lockkeeper_locks_held"] == 1
    assert more("lockkeeper_commits_total") == 4
    assert more("lockkeeper_commit_duration_seconds_count") == 4
    assert 0 < more("lockkeeper_commit_duration_seconds_sum") < 60
    assert more("lockkeeper_commit_batch_size_sum") == 4
    assert 1 <= more("lockkeeper_commit_batch_size_count") <= 4
    assert more("lockkeeper_commands_total") == 7
    assert more("lockkeeper_hold_seconds_count") == 1
    expected = {("PUT /lock/{}", "200"): 3, ("PUT /lock/{}", "423"): 1, ("PUT /lock/{}", "400"): 1,
                ("DELETE /lock/{}", "200"): 2, ("GET /lock/{}", "200"): 1, ("none", "404"): 1, ("none", "405"): 1,
                ("GET /metrics", "200"): 1}
    counted = {(dict(labels)["route"], dict(labels)["code"]): value - before.samples.get((name, labels), 0)
               for (name, labels), value in after.samples.items() if name == REQUESTS}
    assert {row: value for row, value in counted.items() if value} == expected
    assert more(DURATION + "_count", door="locker", wait="no") == sum(expected.values())
    assert more(DURATION + "_count", door="locker", wait="yes") == 0


def test_who_waits_is_shown_and_how_long_it_waited_counted(server):
    put(server, "a", "k")
    poll = Poll(server, "a", "next")
    wait_for(lambda: scrape(server)["lockkeeper_polls_open"] == 1, "the poll to be open")
    page = scrape(server)
    assert page["lockkeeper_waiters"] == 1
    assert page["lockkeeper_deadlines"] == 1, "its place's"
    assert page["lockkeeper_wait_seconds_count"] == 0
    release(server, "a", "k")
    poll.join(60)
    assert poll.answer[0] == 200

    put(server, "a", "too late", 423, wait="100ms")
    page = scrape(server)
    assert page["lockkeeper_polls_open"] == 0
    assert page["lockkeeper_waiters"] == 1, "the place outlives its poll"
    assert [page(EVENTS, event=event) for event in ("queued", "granted", "released")] == [2, 1, 1]
    assert page["lockkeeper_wait_seconds_count"] == 1
    assert 0 <= page["lockkeeper_wait_seconds_sum"] < 60
    assert page["lockkeeper_hold_seconds_count"] == 1
    assert page(DURATION + "_count", door="locker", wait="yes") == 2
    assert page(DURATION + "_bucket", door="locker", wait="yes", le="0.1") <= 1, "one waited its 100 ms"
    assert page["lockkeeper_locks_held"] == 1


def test_leases_lapse_and_forced_releases_end_holds_in_the_numbers(server):
    put(server, "a", "k", claim="c", request="r", ttl="1s")
    assert scrape(server)["lockkeeper_deadlines"] == 1
    wait_for(lambda: scrape(server)(EVENTS, event="lapsed") == 1, "the lease to lapse")
    page = scrape(server)
    assert page["lockkeeper_lapses_total"] == 1
    assert page["lockkeeper_locks_held"] == 0
    assert page["lockkeeper_deadlines"] == 0
    assert page("lockkeeper_hold_seconds_bucket", le="0.1") == 0
    assert 1 <= page["lockkeeper_hold_seconds_sum"] < 60

    put(server, "b", "k")
    ask(server, "POST", "/lock/b/force-release", {"reason": "the story ends"})
    page = scrape(server)
    assert page(EVENTS, event="forced") == 1
    assert page["lockkeeper_hold_seconds_count"] == 2
    assert page["lockkeeper_locks_held"] == 0


def test_the_shared_lock_door_counts_as_the_original_did(server):
    def post(path, body, ttl="60s"):
        return server.request("POST", path, body, {"x-lease-ttl": ttl})

    lease = post("/shared-lock/lease", b'{"key":"a"}')
    assert (lease.status, post("/shared-lock/lease", b'{"key":"a"}').status) == (201, 202)
    assert post("/shared-lock/lease", b"{").status == 400
    for _ in range(2):
        assert post("/shared-lock/keepalive", lease.body).status == 200
    assert post("/shared-lock/keepalive", b"5").status == 204
    page = scrape(server)
    counted = {labels: value for (name, labels), value in page.samples.items()
               if name == "shared_lock_lease_operations_total"}
    assert {tuple(value for _, value in labels): value for labels, value in counted.items()} == {
        ("get", "created"): 1, ("get", "accepted"): 1, ("get", "error"): 0, ("get", ""): 0,
        ("prolong", "success"): 2, ("prolong", "failure"): 1}
    assert page("shared_lock_lease_grant_duration_seconds_bucket", operation="get", le="1") == 1
    assert page(REQUESTS, door="shared-lock", route="POST /lease", code="201") == 1
    assert page(REQUESTS, door="shared-lock", route="POST /keepalive", code="204") == 1
    assert page(EVENTS, event="acquired") == 1
    assert page(EVENTS, event="renewed") == 2


def test_gates_are_counted(server):
    gate = ask(server, "POST", "/workflow/lock", {"workflow": "w", "namespace": "n"})
    assert gate[0] in (200, 201), gate[1]
    name = gate[1]["id"]
    page = scrape(server)
    assert page["lockkeeper_gates_released"] == 0
    assert page["lockkeeper_locks_held"] == 0, "a gate is no lock"
    assert ask(server, "PATCH", f"/workflow/lock/?id={name}")[0] == 200
    assert scrape(server)["lockkeeper_gates_released"] == 1
    ask(server, "DELETE", f"/workflow/lock/?id={name}")
    page = scrape(server)
    assert page["lockkeeper_gates_released"] == 0
    assert [page(EVENTS, event=event) for event in ("created", "released", "deleted")] == [1, 1, 1]
    assert page("lockkeeper_http_request_duration_seconds_count", door="workflow", wait="no") == 3


def test_a_restart_begins_counting_again_but_knows_what_is_held(tmp_path):
    server = Server(tmp_path)
    server.start()
    for lock in range(3):
        put(server, f"lock-{lock}", "k")
    began = scrape(server)["process_start_time_seconds"]
    server.stop()
    with server:
        wait_for(lambda: ("lockkeeper_locks_held", ()) in scrape(server).samples, "the locks to be counted")
        page = scrape(server)
        assert page["lockkeeper_locks_held"] == 3
        assert page["lockkeeper_commits_total"] == 0
        assert page["process_start_time_seconds"] > began


def test_what_the_listener_refuses_is_of_no_door(server):
    assert b" 400 " in raw(server, b"nonsense\r\n\r\n")
    assert b" 431 " in raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 20_000 + b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHo")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # its end is a reset
    wait_for(lambda: scrape(server)["lockkeeper_http_broken_connections_total"] == 1, "the reset to be noticed")
    page = scrape(server)
    assert page(REQUESTS, door="none", route="none", code="400") == 1
    assert page(REQUESTS, door="none", route="none", code="431") == 1


def test_a_client_that_leaves_while_it_waits_is_counted_as_code_0(server):
    put(server, "a", "k")
    body = b'{"key":"next","wait":"60s"}'
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        connection.sendall(b"PUT /lock/a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        wait_for(lambda: scrape(server)["lockkeeper_polls_open"] == 1, "the poll to be open")
    wait_for(lambda: scrape(server)(REQUESTS, door="locker", route="PUT /lock/{}", code="0") == 1, "its end")


def test_connections_are_counted_and_so_are_those_that_are_too_many(tmp_path):
    with Server(tmp_path, args=["--connections", "2"]) as server:
        first, second = server.connect(), server.connect()
        for one in (first, second):
            server.request("GET", "/health", connection=one)
        assert b" 503 " in raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        page = scrape(server, connection=first)
        assert page["lockkeeper_http_connections_refused_total"] >= 1
        assert page(REQUESTS, door="none", route="none", code="503") >= 1
        assert page["lockkeeper_http_connections_accepted_total"] >= 3
        second.close()
        wait_for(lambda: scrape(server, connection=first)["lockkeeper_http_connections"] == 1, "its end to be noticed")
        first.close()


def test_a_store_that_hangs_is_on_the_page(tmp_path):
    trigger = tmp_path / "fault"
    server = Server(tmp_path, environment={"LD_PRELOAD": str(BINARY.resolve().parent / "failing_disk.so"),
                                           "FAILING_DISK": str(trigger)})
    with server:
        page = scrape(server)
        assert (page["lockkeeper_ready"], page["lockkeeper_store_failures_total"]) == (1, 0)
        trigger.write_text("hang")
        assert server.request("PUT", "/lock/a", b'{"key":"k"}').status == 503
        page = scrape(server)
        assert page["lockkeeper_ready"] == 0
        assert page["lockkeeper_store_failures_total"] >= 1
        assert page(REQUESTS, door="locker", route="PUT /lock/{}", code="503") == 1
        assert page(EVENTS, event="acquired") == 0
