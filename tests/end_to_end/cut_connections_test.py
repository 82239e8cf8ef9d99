"""Clients that vanish while they wait: no place, no connection, no lock is left behind."""

import collections
import contextlib
import json
import os
import random
import select
import socket
import struct
import time

import pytest

from ask import ask, get
from crowd import Crowd, connections_that_fit
from server import Server, wait_for

LOCKS = 20  # a queue takes 1,000
CONNECTIONS = connections_that_fit(10_000)
ROUNDS = int(os.environ.get("LOCKKEEPER_ROUNDS", "3"))
MANY_ROUNDS = 40  # until the store's page cache is full
RACES = int(os.environ.get("LOCKKEEPER_RACES", "1000"))
RACES_AT_ONCE = 250
MIB = 1 << 20
PAGE_CACHE = 32 * MIB
GRACE = "1s"


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path, args=["--log-level", "warn", "--waiter-grace", GRACE, "--history-per-lock", "100"])
    server.start()
    yield server
    assert server.alive()
    server.stop()


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def waiting(server):
    return get(server, "/status")["waiting"]


def cut_locks():
    return [f"/lock/cut-{number}" for number in range(LOCKS)]


def queued(server):
    return sum(len(get(server, lock)["queue"]) for lock in cut_locks())


def test_ten_thousand_connections_cut_in_their_wait_leave_no_orphan(server):
    for lock in cut_locks():
        assert ask(server, "PUT", lock, {"key": "first"})[0] == 200
    wait_for(lambda: server.open_sockets() == 0, "the connections of the requests before to go")
    at_first = descriptors(server)
    memory = [server.memory()]
    with Crowd("cut", server, connections=CONNECTIONS, locks=LOCKS) as crowd:
        for number in range(ROUNDS):
            # Given
            if number > 0:
                crowd.go_on()
            assert crowd.line() == f"waiting {CONNECTIONS}"
            wait_for(lambda: waiting(server) == CONNECTIONS, "all polls to be open")
            assert descriptors(server) >= at_first + CONNECTIONS
            assert queued(server) == CONNECTIONS
            while_waiting = server.memory()
            # When: half of them with a FIN, half with a reset
            crowd.go_on()
            assert crowd.line() == f"cut {CONNECTIONS}"
            # Then
            wait_for(lambda: waiting(server) == 0, "all polls to end")
            wait_for(lambda: descriptors(server) <= at_first + 1, "all connections to go")  # +1: this test's own
            wait_for(lambda: queued(server) == 0, "all places to lapse")
            memory.append(server.memory())
            print(f"{CONNECTIONS} connections: {while_waiting // MIB} MiB of memory while they wait, then "
                  f"{memory[-1] // MIB} MiB")
    # What the first round took is used again.
    assert memory[-1] < memory[1] + PAGE_CACHE + 8 * MIB
    if ROUNDS >= MANY_ROUNDS:
        assert memory[-1] < memory[ROUNDS * 3 // 4] + 2 * MIB
    # And whoever comes then gets the lock.
    for lock in cut_locks():
        assert ask(server, "DELETE", lock, {"key": "first"})[0] == 200
        assert ask(server, "PUT", lock, {"key": "newcomer"})[0] == 200


class Line:
    """A connection that sends without waiting for the answer."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 20)

    def say(self, method, path, body):
        text = json.dumps(body)
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n"
        self.socket.sendall((head + text).encode())

    def status(self):
        """Of the answer that is due."""
        text = b""
        while b"\r\n\r\n" not in text or len(text.split(b"\r\n\r\n", 1)[1]) < self.length(text):
            more = self.socket.recv(65536)
            assert more, "no answer"
            text += more
        return int(text.split()[1])

    @staticmethod
    def length(text):
        head = text.lower().split(b"\r\n")
        return next(int(line.split(b":")[1]) for line in head if line.startswith(b"content-length"))

    def answered(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def cut(self, reset):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def wish(who, **more):
    return {"key": who, "claim": who, "request": who, **more}


class Race:
    """On a lock of its own: one holds it, one is cut as its turn comes, one waits behind that one."""

    def __init__(self, server, number, stack):
        self.server, self.path = server, f"/lock/race-{number}"
        self.holder, self.leaver, self.behind = (Line(server) for _ in range(3))
        for line in (self.holder, self.leaver, self.behind):
            stack.callback(line.socket.close)
        self.holder.say("PUT", self.path, wish("holder"))
        assert self.holder.status() == 200

    def queue(self, line, who, **more):
        line.say("PUT", self.path, wish(who, wait="60s", **more))

    def run(self, chance):
        """The release and the cut, less than a commit or two from each other. Returns whether the leaver was still told
        that the lock is its own: then its claim ends with its ttl."""
        reset, apart = chance.random() < 0.5, chance.uniform(0, 0.003)
        if chance.random() < 0.2:
            self.leaver.cut(reset)
            self.release()
            return False
        self.release()
        end = time.perf_counter() + apart
        while time.perf_counter() < end and not self.leaver.answered():
            pass
        told = self.leaver.answered()
        self.leaver.cut(reset)
        return told

    def release(self):
        self.holder.say("DELETE", self.path, wish("holder"))

    def story_of_the_leaver(self):
        """When the lock has come to the one behind."""
        assert self.holder.status() == 200
        assert self.behind.status() == 200
        lock = get(self.server, self.path)
        assert [claim["claim"] for claim in lock["claims"]] == ["behind"] and lock["queue"] == []
        events = get(self.server, self.path + "/history?order=oldest")["events"]
        grants = [event["token"] for event in events if event["what"] in ("acquired", "granted")]
        assert grants == sorted(set(grants))
        return ", ".join(event["what"] for event in events if event["claim"] == "leaver")


def test_a_client_that_is_cut_as_its_turn_comes_keeps_nobody_from_the_lock(server):
    chance = random.Random(17)
    stories = collections.Counter()
    for batch in range(max(1, RACES // RACES_AT_ONCE)):
        with contextlib.ExitStack() as stack:
            races = [Race(server, f"{batch}-{number}", stack) for number in range(RACES_AT_ONCE)]
            for race in races:
                race.queue(race.leaver, "leaver", ttl="2s")
            wait_for(lambda: waiting(server) == RACES_AT_ONCE, "the leavers to wait")
            for race in races:
                race.queue(race.behind, "behind")
            wait_for(lambda: waiting(server) == 2 * RACES_AT_ONCE, "all to wait")
            told = [race.run(chance) for race in races]
            stories.update(zip(told, (race.story_of_the_leaver() for race in races)))
    print({("told: " if told else "not told: ") + story: count for (told, story), count in stories.items()})
    cut_before_its_turn, cut_before_its_answer, cut_after = ("queued, offered, offer lapsed",
                                                            "queued, granted, offered, offer lapsed",
                                                            "queued, granted, lapsed")
    assert {story for _, story in stories} <= {cut_before_its_turn, cut_before_its_answer, cut_after}
    # Each moment was met; only an answer that passed the cut on its way leaves its claim to the ttl.
    assert stories[False, cut_before_its_turn] > 0 and stories[False, cut_before_its_answer] > 0
    assert stories[False, cut_after] < RACES // 10
