"""A disk that fails, or hangs, under the real server: it ends by itself, in bounded time, and loses nothing."""

import json
import os
import threading
import time

import pytest

from server import BINARY, Server, is_full, wait_for

GRACE = 1  # seconds
BOUND = GRACE + 5


class Failing:
    """A server on a disk that can be told to fail."""

    def __init__(self, directory, **rest):
        self.trigger = directory / "fault"
        self.server = Server(directory, args=["--shutdown-grace", f"{GRACE}s"], environment={
            "LD_PRELOAD": str(BINARY.resolve().parent / "failing_disk.so"), "FAILING_DISK": str(self.trigger)}, **rest)

    def fault(self, kind):
        whole = self.trigger.with_suffix(".new")
        whole.write_text(kind)
        whole.rename(self.trigger)

    def put(self, name):
        return self.server.request("PUT", f"/lock/{name}", b'{"key":"k"}')

    def ask_without_waiting(self, name):
        """A request whose answer may never come."""
        def ask():
            try:
                self.put(name)
            except OSError:
                pass
            except Exception:  # http.client's, when the server is gone
                pass
        asking = threading.Thread(target=ask)
        asking.start()
        return asking


@pytest.fixture
def failing(tmp_path):
    failing = Failing(tmp_path)
    failing.server.start()
    yield failing
    failing.server.end()


def wal(server):
    return (server.directory / "locks.json-wal").read_bytes()


def test_a_failed_fsync_ends_the_server_without_a_checkpoint_and_loses_nothing_acknowledged(failing):
    server = failing.server
    for number in range(20):
        assert failing.put(f"kept-{number}").status == 200
    before, file_before = wal(server), (server.directory / "locks.json").read_bytes()
    failing.fault("fail")
    asking = failing.ask_without_waiting("lost")
    assert server.wait(BOUND) not in (0, None)
    asking.join()
    assert wal(server).startswith(before) and before, "nothing of the WAL was taken back"
    assert (server.directory / "locks.json").read_bytes() == file_before, "nothing of it went into the database"
    assert "fsync failed" in server.log
    assert "stopped" not in server.log

    failing.trigger.unlink()
    server.start()
    locks = set(json.loads(server.request("GET", "/locks").body))
    assert {f"kept-{number}" for number in range(20)} <= locks <= {f"kept-{number}" for number in range(20)} | {"lost"}


def test_a_failed_fsync_ends_the_server_also_when_nobody_reads_its_log(tmp_path):
    failing = Failing(tmp_path)
    reader, writer = os.pipe()
    try:
        failing.server.start(log=writer)
        fill_log(failing.server)
        wait_for(lambda: is_full(writer), "the log to be stuck")
        failing.fault("fail")
        asking = failing.ask_without_waiting("lost")
        assert failing.server.wait(BOUND) not in (0, None)
        asking.join()
    finally:
        os.close(writer)
        os.close(reader)
        failing.server.end()


def test_a_disk_that_hangs_does_not_keep_the_server_from_ending(failing):
    server = failing.server
    assert failing.put("kept").status == 200
    failing.fault("hang")
    asking = failing.ask_without_waiting("never")
    wait_for(lambda: failing.put("refused").status == 503, "the store to be given up on")
    begun = time.monotonic()
    assert server.stop() not in (0, None), "it was not able to end well"
    assert time.monotonic() - begun < BOUND + 2
    asking.join()
    assert "could not stop in time" in server.log
    failing.trigger.unlink()
    server.start()
    assert "kept" in json.loads(server.request("GET", "/locks").body)


def test_clients_of_lockd_are_told_503_while_a_disk_hangs(failing):
    """What followers without a leader answered; here also to who only looks, since what it would be told may be old."""
    server = failing.server

    def ask(method, path, body=None):
        return server.request(method, "/lockd" + path, body, {"Content-Type": "application/json"})

    assert ask("POST", "/lock/kept").status == 200
    failing.fault("hang")
    lost = ask("POST", "/lock/lost")
    assert lost.status == 503 and json.loads(lost.body)["error"].startswith("outcome unknown")
    for answer in (ask("POST", "/lock/a"), ask("DELETE", "/lock/lost"), ask("GET", "/lock/lost"),
                   ask("POST", "/api/lock", '{"name":"a"}'), ask("POST", "/unlock", '{"name":"lost"}'),
                   ask("GET", "/api/lock?name=lost")):
        assert answer.status == 503 and answer.headers["Retry-After"] == "1"
        assert list(json.loads(answer.body)) == ["error"]
    assert ask("POST", "/lock/A+B").status == 400, "names are checked before"


def test_clients_of_the_workflow_door_are_told_503_while_a_disk_hangs(failing):
    server = failing.server

    def ask(method, path, body=None):
        return server.request(method, "/workflow" + path, body)

    made = ask("POST", "/lock", b'{"workflow":"w","namespace":"n"}')
    query = "?id=" + json.loads(made.body)["id"]
    failing.fault("hang")
    lost = ask("PATCH", "/lock/" + query)
    assert lost.status == 503 and json.loads(lost.body)["error"].startswith("outcome unknown"), "it may be released"
    for answer in (ask("GET", "/lock/" + query), ask("GET", "/locks"), ask("GET", "/lock/history" + query),
                   ask("GET", "/locks?status=released&wait=1s"), ask("DELETE", "/lock/" + query),
                   ask("POST", "/lock", b'{"workflow":"w","namespace":"n"}')):
        assert answer.status == 503 and answer.headers["Retry-After"] == "1"
        assert list(json.loads(answer.body)) == ["error"]


def fill_log(server):
    """More than a pipe holds (64 KiB)."""
    connection = server.connect()
    for _ in range(3_000):
        assert server.request("GET", "/health", connection=connection).status == 200
