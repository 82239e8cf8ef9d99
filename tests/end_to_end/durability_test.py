"""What was acknowledged is there, and nothing else: SIGKILL 200 times under load, a damaged file."""

import http.client
import json
import os
import pathlib
import random
import shutil
import threading
import time

import pytest

from ask import ask, get
from server import Server

KILLS = int(os.environ.get("LOCKKEEPER_KILLS", "200"))
CLIENTS = 6
LOCKS_A_CLIENT = 3


class Hammer(threading.Thread):
    """One client with locks of its own: locks and unlocks them, plainly and under a claim's name, in turn.

    After it has stopped, each of its locks is at `known` (version, count) or, for the one request that got no
    answer, one event further to `perhaps`.
    """

    def __init__(self, number, seed):
        super().__init__()
        self.names = [f"hammer-{number}-{i}" for i in range(LOCKS_A_CLIENT)]
        self.known = {name: (0, 0) for name in self.names}
        self.perhaps = {}
        self.random = random.Random(seed)
        self.port = None
        self.acknowledged = 0
        self.wrong = []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while True:
                self.one(connection)
        except (OSError, http.client.HTTPException):
            connection.close()

    def one(self, connection):
        name = self.random.choice(self.names)
        version, count = self.known[name]
        lock = count == 0 or (count < 3 and self.random.random() < 0.5)
        body = {"key": "k", "requestor": "hammer"}
        if lock:
            body["metadata"] = {} if self.random.random() < 0.7 else {"url": "https://example.com/1"}
        else:
            body["all"] = False
        after = (version + 1, count + (1 if lock else -1))
        self.perhaps = {name: after}
        connection.request("PUT" if lock else "DELETE", f"/lock/{name}", json.dumps(body))
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status == 200:
            self.acknowledged += 1
            self.known[name] = after
            if answer["version"] != after[0]:
                self.wrong.append((name, after, answer))
        else:
            self.wrong.append((name, response.status, answer))
        self.perhaps = {}


def settle(server, hammer):
    """Reads each lock back and compares; what the unanswered request did is known from here on."""
    for name in hammer.names:
        lock = get(server, f"/lock/{name}")
        found = (lock["version"], lock["count"])
        allowed = [hammer.known[name]] + ([hammer.perhaps[name]] if name in hammer.perhaps else [])
        assert found in allowed, f"{name}: {found} is not among {allowed}"
        if found[0] > 0:
            history = get(server, f"/lock/{name}/history?order=newest&limit=20")
            versions = [event["version"] for event in history["events"]]
            assert versions == list(range(found[0], found[0] - len(versions), -1)), f"{name}: history has gaps {versions}"
            assert len(versions) == min(20, found[0])
        hammer.known[name] = found
    hammer.perhaps = {}


def test_after_each_of_many_kills_every_acknowledged_change_is_there_and_nothing_else(tmp_path):
    chance = random.Random(20_261)
    hammers = [Hammer(number, number) for number in range(CLIENTS)]
    acknowledged = 0
    unanswered = 0
    server = Server(tmp_path)
    for _ in range(KILLS):
        server.start()
        held = get(server, "/locks")
        expected = {n: h.known[n] for h in hammers for n in h.names if h.known[n][1]}
        assert sorted(held) == sorted(expected)
        fresh = []
        for old in hammers:
            hammer = Hammer(0, chance.random())
            hammer.names, hammer.known, hammer.port = old.names, old.known, server.port
            fresh.append(hammer)
        hammers = fresh
        for hammer in hammers:
            hammer.start()
        time.sleep(chance.uniform(0.005, 0.1))  # the moment of death is what varies here
        server.kill()
        for hammer in hammers:
            hammer.join()
            assert not hammer.wrong, hammer.wrong[:3]
            acknowledged += hammer.acknowledged
            unanswered += len(hammer.perhaps)
        server.start()
        for hammer in hammers:
            settle(server, hammer)
        server.kill()
    print(f"{KILLS} kills, {acknowledged} acknowledged changes, {unanswered} unanswered")
    assert acknowledged > KILLS * 3
    assert unanswered > KILLS  # the kills did hit requests under way


def put(server, name):
    status, body, headers = ask(server, "PUT", f"/lock/{name}", {"key": "k", "metadata": {"pad": "x" * 2000}})
    return status, body, headers.get("Retry-After")


def damaged_start(folder, store):
    before = store.read_bytes()
    done = Server(folder, store=store).start_expecting_failure()
    assert done.returncode != 0
    assert str(store) in done.stderr, done.stderr
    assert store.read_bytes() == before, "a damaged file must stay as it is for whoever repairs it"
    return done.stderr


def filled(tmp_path):
    server = Server(tmp_path, store=tmp_path / "good.db")
    server.start()
    for number in range(300):
        assert put(server, f"lock-{number}")[0] == 200
    server.stop()
    return pathlib.Path(tmp_path / "good.db")


@pytest.mark.parametrize("damage", ["header", "middle", "truncated", "not a database"])
def test_a_damaged_file_stops_the_start_and_never_becomes_an_empty_one(tmp_path, damage):
    good = filled(tmp_path)
    bad = tmp_path / "bad.db"
    shutil.copy(good, bad)
    size = bad.stat().st_size
    with open(bad, "r+b") as file:
        if damage == "header":
            file.write(b"\0" * 100)
        elif damage == "middle":
            file.seek(4096)
            file.write(os.urandom(size // 2))
        elif damage == "truncated":
            file.truncate(size // 2)
        else:
            file.truncate(0)
            file.write(b"this is a text, and no lock was ever in it\n" * 100)
    assert damaged_start(tmp_path, bad)


def test_an_empty_file_beside_a_journal_that_has_locks_is_damage(tmp_path):
    server = Server(tmp_path, store=tmp_path / "locks.db")
    server.start()
    assert put(server, "prod")[0] == 200
    server.kill()
    assert (tmp_path / "locks.db-wal").stat().st_size > 0
    (tmp_path / "locks.db").write_bytes(b"")
    assert damaged_start(tmp_path, tmp_path / "locks.db")
