"""The workflow door: the requests of the README of workflow locks one by one, and what is ours beside them."""

import http.client
import json
import re
import socket
import threading
import time
import urllib.parse

import pytest

from ask import ask
from server import Server, wait_for

PATIENCE = 60
UNKNOWN = "00000000-0000-4000-8000-000000000000"
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class Door:
    """The door of a server, at its own address or under its prefix."""

    def __init__(self, port, prefix=""):
        self.port, self.prefix = port, prefix

    def send(self, method, path, body=None, headers=None):
        """(status, decoded body, headers). `body`: bytes as they are, or what becomes JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode()
            connection.request(method, self.prefix + path, body, headers or {})
            response = connection.getresponse()
            text = response.read()
            assert response.getheader("Content-Type").startswith("application/json"), (path, text)
            return response.status, json.loads(text), response.headers
        finally:
            connection.close()

    def ok(self, method, path, body=None):
        status, answer, _ = self.send(method, path, body)
        assert status == 200, (method, path, status, answer)
        return answer

    def create(self, workflow="nightly", namespace="argo", **fields):
        return self.ok("POST", "/lock", {"workflow": workflow, "namespace": namespace} | fields)

    def get(self, id):
        return self.ok("GET", f"/lock/?id={id}")

    def release(self, id):
        return self.ok("PATCH", f"/lock/?id={id}")

    def delete(self, id):
        return self.ok("DELETE", f"/lock/?id={id}")

    def note(self, id, text):
        return self.ok("PUT", f"/lock/?id={id}", {"note": text})

    def released(self):
        """A released one."""
        return self.release(self.create()["id"])

    def list(self, **query):
        return self.ok("GET", "/locks?" + urllib.parse.urlencode(query))


def ids(answer):
    return [each["id"] for each in answer["locks"]]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("workflow"), args=["--door", "workflow=127.0.0.1:0"]) as server:
        yield server


@pytest.fixture(scope="module")
def door(server):
    return Door(server.door_ports["workflow"])


@pytest.fixture
def fresh(tmp_path):
    """A server of one's own, and its door."""
    with Server(tmp_path, store=tmp_path / "locks.db") as server:
        yield server, Door(server.port, "/workflow")


class Poll:
    """A long poll on a connection of its own."""

    def __init__(self, door, query):
        self.socket = socket.create_connection(("127.0.0.1", door.port), PATIENCE)
        self.began = time.monotonic()
        self.socket.sendall(f"GET {door.prefix}/locks?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        self.raw = b""
        self.took = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while chunk := self.socket.recv(65536):
                self.raw += chunk
        except OSError:
            pass
        self.took = time.monotonic() - self.began

    @property
    def open(self):
        return self.thread.is_alive()

    def answer(self):
        """(status, decoded body)"""
        self.thread.join(PATIENCE)
        assert not self.open, "still waits"
        head, _, body = self.raw.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def leave(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.socket.close()


def waiting(server):
    """How many polls are open."""
    return ask(server, "GET", "/status")[1]["waiting"]


# ---- the README, request by request


def test_the_readmes_create_is_taken_as_it_is_written_there(door):
    body = b'{\n  "workflow": "workflow-name",\n  "namespace": "namespace",\n}\n'
    status, lock, _ = door.send("POST", "/lock", body, {"Content-Type": "application/json"})
    assert status == 200
    assert re.fullmatch(UUID, lock["id"])
    assert lock["status"] == "locked"
    assert re.fullmatch(TIME, lock["created"]) and lock["lastChange"] == lock["created"]
    assert list(lock)[:4] == ["id", "status", "created", "lastChange"]
    assert (lock["workflow"], lock["namespace"]) == ("workflow-name", "namespace")


def test_the_readmes_life_of_a_lock(door):
    lock = door.create("workflow-name", "namespace")
    assert door.get(lock["id"]) == lock
    released = door.release(lock["id"])
    assert released == lock | {"status": "released", "lastChange": released["lastChange"]}
    assert released["lastChange"] >= lock["created"]
    assert door.get(lock["id"]) == released
    assert door.delete(lock["id"]) == {}
    assert door.send("GET", f"/lock/?id={lock['id']}")[0] == 404


def test_releasing_twice_is_fine(door):
    once = door.released()
    assert door.release(once["id"]) == once


def test_ids_are_never_given_twice(door):
    assert len({door.create()["id"] for _ in range(50)}) == 50


def test_the_id_may_come_without_the_slash_and_in_capitals(door):
    lock = door.create()
    assert door.ok("GET", f"/lock?id={lock['id'].upper()}") == lock
    assert door.ok("GET", f"/lock?x=1&id={UNKNOWN}&id={lock['id']}") == lock


# ---- what is not in the README


def test_a_lock_that_is_still_locked_may_be_deleted_and_history_says_so(door):
    lock = door.create("nightly", "argo")
    door.delete(lock["id"])
    history = door.ok("GET", f"/lock/history?id={lock['id']}")
    assert [(each["what"], each.get("reason")) for each in history["events"]] == [
        ("deleted", "it was locked"), ("created", None)]
    assert {each["holder"] for each in history["events"]} == {"argo/nightly"}
    assert {each["door"] for each in history["events"]} == {"workflow"}


def test_history_tells_the_whole_life_newest_first(door):
    lock = door.released()
    door.note(lock["id"], "not there")
    history = door.ok("GET", f"/lock/history?id={lock['id']}")
    assert [each["what"] for each in history["events"]] == ["noted", "released", "created"]
    assert history["events"][0]["reason"] == "not there"
    assert history["lock"] == lock["id"] and not history["more"]
    page = door.ok("GET", f"/lock/history?id={lock['id']}&limit=2")
    assert page["events"] == history["events"][:2] and page["more"]


def test_a_note_is_shown_until_it_is_taken_away(door):
    lock = door.released()
    assert "note" not in lock
    assert door.note(lock["id"], "the workflow is not there") == lock | {"note": "the workflow is not there"}
    assert door.get(lock["id"])["note"] == "the workflow is not there"
    assert door.note(lock["id"], "") == lock


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/lock/?id={}", None), ("PATCH", "/lock/?id={}", None), ("DELETE", "/lock/?id={}", None),
    ("PUT", "/lock/?id={}", {"note": "x"}), ("GET", "/lock/history?id={}", None)])
@pytest.mark.parametrize("id", [UNKNOWN, "nothing-like-an-id", "1", "%C3%A9%00", "x" * 2000])
def test_an_unknown_id_is_404_with_an_error(door, method, path, body, id):
    status, answer, _ = door.send(method, path.format(id), body)
    assert status == 404
    assert answer == {"error": "there is no lock with this id", "id": urllib.parse.unquote(id)}


def test_a_client_may_choose_the_id_and_ask_again(door):
    id = "6a1f0d3e-0000-4000-8000-5f0c86aed0e7"
    first = door.create(id=id)
    assert first["id"] == id
    assert door.create(id=id) == first
    assert door.create(id=id.upper()) == first
    for other in ({"workflow": "other", "namespace": "argo"}, {"workflow": "nightly", "namespace": "other"}):
        status, answer, _ = door.send("POST", "/lock", other | {"id": id})
        assert status == 409 and "error" in answer
    assert door.get(id) == first
    released = door.release(id)
    assert door.create(id=id) == released, "a late copy does not lock it again"
    door.delete(id)
    status, answer, _ = door.send("POST", "/lock", {"workflow": "nightly", "namespace": "argo", "id": id})
    assert status == 409 and "deleted" in answer["error"], "nor does one bring it back"
    assert door.send("GET", f"/lock/?id={id}")[0] == 404


# ---- lists


def test_a_list_shows_those_of_a_status_in_slices(fresh):
    _, door = fresh
    locked = {door.create()["id"] for _ in range(7)}
    released = {door.released()["id"] for _ in range(5)}
    door.delete(door.released()["id"])
    assert ids(door.list()) == sorted(locked | released)
    assert ids(door.list(status="locked")) == sorted(locked)
    assert ids(door.list(status="released")) == sorted(released)
    assert door.list(status="released")["locks"][0] == door.get(min(released))

    seen, after = [], {}
    while True:
        page = door.list(status="locked", limit=3, **after)
        seen.append(ids(page))
        if not page["more"]:
            break
        after = {"after": seen[-1][-1]}
    assert [len(page) for page in seen] == [3, 3, 1]
    assert sum(seen, []) == sorted(locked)
    assert not door.list(status="locked", limit=7)["more"], "none but released ones follow"


def test_a_long_list_is_whole(fresh):
    server, door = fresh
    connection = server.connect()
    made = set()
    for i in range(1300):
        answer = server.request("POST", "/workflow/lock", json.dumps({"workflow": f"w{i}", "namespace": "n"}),
                                connection=connection)
        made.add(json.loads(answer.body)["id"])
    last = max(made)
    door.release(last)
    listed = door.list()
    assert ids(listed) == sorted(made) and not listed["more"]
    assert ids(door.list(status="released")) == [last], "found behind slices that have none"
    assert door.list(status="locked", limit=1299) == {"locks": listed["locks"][:-1], "more": False}


def test_gates_are_no_locks_to_the_other_doors(fresh):
    server, door = fresh
    lock = door.released()
    assert ask(server, "GET", "/locks")[1] == {}
    assert ask(server, "GET", "/locks?view=full")[1] == {"locks": [], "more": False}
    assert ask(server, "GET", f"/lock/{lock['id']}")[1]["state"] == "free"
    assert ask(server, "PUT", "/lock/%01gate%2F" + lock["id"], {"key": "k"})[0] == 400
    assert ask(server, "PUT", "/lock/" + lock["id"], {"key": "k"})[0] == 200, "a lock of the same name is another"
    assert door.get(lock["id"]) == lock


# ---- the feed


def test_what_is_released_is_told_at_once_and_once(fresh):
    server, door = fresh
    before = door.released()
    first = door.list(status="released", wait="25s")
    assert ids(first) == [before["id"]] and "reset" not in first

    poll = Poll(door, f"status=released&wait=25s&since={first['cursor']}")
    wait_for(lambda: waiting(server) == 1, "the poll to wait")
    locked = door.create()
    released = door.release(locked["id"])
    status, answer = poll.answer()
    assert status == 200
    assert answer["locks"] == [released]
    assert poll.took < 20, "its time was not over"

    again = door.list(status="released", since=answer["cursor"])
    assert again == {"locks": [], "cursor": answer["cursor"]}
    assert ids(door.list(status="released", wait="0s")) == [before["id"], released["id"]]
    door.delete(before["id"])
    assert ids(door.list(status="released", wait="0s")) == [released["id"]]


def test_a_poll_ends_when_its_time_is_over(door):
    cursor = door.list(status="released", wait="0s")["cursor"]
    poll = Poll(door, f"status=released&wait=300ms&since={cursor}")
    status, answer = poll.answer()
    assert (status, answer["locks"]) == (200, [])
    assert poll.took >= 0.3


def test_a_feed_comes_in_pages(fresh):
    _, door = fresh
    released = [door.released()["id"] for _ in range(5)]
    seen, cursor = [], ""
    for _ in range(3):
        page = door.list(status="released", wait="0s", since=cursor, limit=2)
        seen.append(ids(page))
        cursor = page["cursor"]
    assert seen == [released[:2], released[2:4], released[4:]]


def test_a_poll_whose_client_leaves_is_forgotten(fresh):
    server, door = fresh
    polls = [Poll(door, "status=released&wait=10m") for _ in range(3)]
    wait_for(lambda: waiting(server) == 3, "the polls to wait")
    polls[1].leave()
    wait_for(lambda: waiting(server) == 2, "one to be forgotten")
    lock = door.released()
    for poll in (polls[0], polls[2]):
        assert ids(poll.answer()[1]) == [lock["id"]]


def test_a_server_that_stops_sends_its_polls_home(fresh):
    server, door = fresh
    poll = Poll(door, "status=released&wait=10m")
    wait_for(lambda: waiting(server) == 1, "the poll to wait")
    assert server.stop() == 0
    status, answer = poll.answer()
    assert (status, answer) == (503, {"error": "the server is stopping"})
    assert b"\r\nRetry-After: 1\r\n" in poll.raw
    assert poll.took < 30


def test_a_cursor_of_another_run_begins_anew(fresh):
    server, door = fresh
    released = [door.released()["id"] for _ in range(3)]
    cursor = door.list(status="released", wait="0s")["cursor"]
    server.kill()
    server.start()
    door.port = server.port
    # The server finds them a moment after it answers; a poll is told of them as they come.
    told = door.list(status="released", wait="25s", since=cursor)
    assert told["reset"] is True
    while len(told["locks"]) < 3:
        more = door.list(status="released", wait="25s", since=told["cursor"])
        told = {"locks": told["locks"] + more["locks"], "cursor": more["cursor"]}
    assert sorted(ids(told)) == sorted(released)


# ---- durable


def test_kill_9_loses_nothing_that_was_answered(fresh):
    server, door = fresh
    locked, released, noted, deleted = (door.create()["id"] for _ in range(4))
    door.release(released)
    door.note(noted, "why")
    door.delete(deleted)
    before = door.list()["locks"]
    server.kill()
    server.start()
    door.port = server.port
    assert door.list()["locks"] == before
    assert [door.get(each)["status"] for each in (locked, released, noted)] == ["locked", "released", "locked"]
    assert door.send("GET", f"/lock/?id={deleted}")[0] == 404
    assert door.ok("GET", f"/lock/history?id={deleted}")["events"][0]["what"] == "deleted"
    assert door.release(released)["lastChange"] == door.get(released)["lastChange"]


# ---- what is wrong


@pytest.mark.parametrize("method, path, body, status, words", [
    ("POST", "/lock", b"", 400, "not JSON"),
    ("POST", "/lock", b"{", 400, "not JSON"),
    ("POST", "/lock", b"{,}", 400, "not JSON"),
    ("POST", "/lock", b'{"workflow":"w",,"namespace":"n"}', 400, "not JSON"),
    ("POST", "/lock", b'{"workflow":"w","namespace":"n"}{}', 400, "not JSON"),
    ("POST", "/lock", b'{"workflow":"\xff","namespace":"n"}', 400, "not JSON"),
    ("POST", "/lock", b"[" * 60_000, 400, "not JSON"),
    ("POST", "/lock", b"null", 400, "not a JSON object"),
    ("POST", "/lock", [], 400, "not a JSON object"),
    ("POST", "/lock", "w", 400, "not a JSON object"),
    ("POST", "/lock", {}, 400, "workflow is missing"),
    ("POST", "/lock", {"workflow": "w"}, 400, "namespace is missing"),
    ("POST", "/lock", {"workflow": "w", "namespace": None}, 400, "namespace is missing"),
    ("POST", "/lock", {"workflow": "", "namespace": "n"}, 400, "workflow is empty"),
    ("POST", "/lock", {"workflow": "w", "namespace": ""}, 400, "namespace is empty"),
    ("POST", "/lock", {"workflow": 1, "namespace": "n"}, 400, "workflow must be a text"),
    ("POST", "/lock", {"workflow": ["w"], "namespace": "n"}, 400, "workflow must be a text"),
    ("POST", "/lock", {"workflow": "w" * 513, "namespace": "n"}, 400, "workflow is too long"),
    ("POST", "/lock", {"workflow": "w", "namespace": "n" * 513}, 400, "namespace is too long"),
    ("POST", "/lock", {"workflow": "w", "namespace": "n", "id": "7"}, 400, "id is not a UUID"),
    ("POST", "/lock", {"workflow": "w", "namespace": "n", "id": 7}, 400, "id must be a text"),
    ("POST", "/lock", {"workflow": "w", "namespace": "n", "x": "y" * 70_000}, 413, ""),
    ("GET", "/lock", None, 400, "id is missing"),
    ("GET", "/lock/?id=", None, 400, "id is missing"),
    ("GET", "/lock/?id=%zz", None, 404, "no lock with this id"),
    ("PATCH", "/lock/", None, 400, "id is missing"),
    ("DELETE", "/lock", None, 400, "id is missing"),
    ("GET", "/lock/history", None, 400, "id is missing"),
    ("GET", f"/lock/history?id={UNKNOWN}&limit=0", None, 400, "limit"),
    ("GET", f"/lock/history?id={UNKNOWN}&limit=1001", None, 400, "limit"),
    ("PUT", f"/lock/?id={UNKNOWN}", b"", 400, "not JSON"),
    ("PUT", f"/lock/?id={UNKNOWN}", {}, 400, "note is missing"),
    ("PUT", f"/lock/?id={UNKNOWN}", {"note": 1}, 400, "note must be a text"),
    ("PUT", f"/lock/?id={UNKNOWN}", {"note": "x" * 1025}, 400, "note is too long"),
    ("GET", "/locks?status=open", None, 400, "status"),
    ("GET", "/locks?limit=0", None, 400, "limit"),
    ("GET", "/locks?limit=-1", None, 400, "limit"),
    ("GET", "/locks?after=x", None, 400, "after"),
    ("GET", "/locks?wait=1s", None, 400, "status=released"),
    ("GET", "/locks?status=locked&wait=1s", None, 400, "status=released"),
    ("GET", "/locks?status=released&wait=soon", None, 400, "wait"),
    ("GET", "/locks?status=released&wait=10", None, 400, "wait"),
    ("GET", "/locks?status=released&wait=1s&limit=none", None, 400, "limit"),
    ("GET", f"/locks?status=released&wait=1s&after={UNKNOWN}", None, 400, "after"),
    ("GET", "/", None, 404, "not found"),
    ("GET", f"/lock/{UNKNOWN}", None, 404, "not found"),
    ("GET", "/lock//?id=x", None, 404, "not found"),
])
def test_a_malformed_request_gets_the_right_status_and_a_json_error(door, method, path, body, status, words):
    found, answer, _ = door.send(method, path, body)
    assert found == status, answer
    assert words in answer["error"]


@pytest.mark.parametrize("path, allowed", [
    ("/lock", {"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"}), ("/lock/", {"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT"}),
    ("/lock/history", {"GET", "HEAD"}), ("/locks", {"GET", "HEAD"})])
def test_another_method_is_405_with_those_that_are_allowed(door, path, allowed):
    status, answer, headers = door.send("BREW", path)
    assert (status, answer) == (405, {"error": "method not allowed"})
    assert {each.strip() for each in headers["Allow"].split(",")} == allowed


# ---- the house's


def test_its_own_address_and_the_prefix_show_the_same(server, door):
    lock = door.create()
    main = Door(server.port, "/workflow")
    assert main.get(lock["id"]) == lock
    assert main.release(lock["id"])["status"] == door.get(lock["id"])["status"] == "released"
    assert Door(door.port, "/native").ok("GET", "/health") == {"status": "ok"}


def test_the_door_can_be_shut(tmp_path):
    with Server(tmp_path, args=["--door", "workflow=off"]) as server:
        assert Door(server.port, "/workflow").send("POST", "/lock", {"workflow": "w", "namespace": "n"})[0] == 404


def test_credentials_are_asked_for_and_history_tells_whose(tmp_path):
    with Server(tmp_path, credentials=("ops", "secret")) as server:
        for method, path in [("POST", "/lock"), ("GET", "/locks"), ("GET", f"/lock/?id={UNKNOWN}"),
                             ("PATCH", f"/lock/?id={UNKNOWN}"), ("DELETE", f"/lock/?id={UNKNOWN}"),
                             ("PUT", f"/lock/?id={UNKNOWN}"), ("GET", f"/lock/history?id={UNKNOWN}")]:
            answer = server.request(method, "/workflow" + path, b"{}", credentials=None)
            assert answer.status == 401 and "error" in json.loads(answer.body), (method, path)
            assert answer.headers["Www-Authenticate"].startswith("Basic ")
        made = server.request("POST", "/workflow/lock", json.dumps({"workflow": "w", "namespace": "n"}))
        id = json.loads(made.body)["id"]
        history = json.loads(server.request("GET", f"/workflow/lock/history?id={id}").body)
        assert history["events"][0]["by"] == "ops"


def test_the_log_has_a_line_a_request_that_names_the_door(fresh):
    server, door = fresh
    lock = door.create("nightly-of-the-log")
    door.send("GET", f"/lock/?id={lock['id']}")
    wait_for(lambda: len(re.findall(r"method=GET path=/workflow/lock/ status=200 .*door=workflow", server.log)) == 1,
             "the line")
    assert "method=POST path=/workflow/lock status=200" in server.log
