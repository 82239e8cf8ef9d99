"""The server under people who mean no good, or have bad lines: it goes on serving, and its memory is bounded."""

import contextlib
import json
import os
import random
import socket
import threading
import time

import pytest

from server import Server

# An instrumented server is several times as slow and as large; what grows without bound passes these too.
LOOSER = 10 if "LOCKKEEPER_SANITIZED" in os.environ else 1
MEMORY = 150 * 1024 * 1024 * LOOSER
WORST_WAIT = 2 * LOOSER  # seconds


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), 20)
    connection.settimeout(20)
    return connection


def request(method, name, body):
    text = json.dumps(body)
    return f"{method} /lock/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def read_answers(connection, number):
    """The statuses of that many answers, in order."""
    buffer, statuses = b"", []
    while len(statuses) < number:
        while b"\r\n\r\n" not in buffer:
            more = connection.recv(65536)
            if not more:
                return statuses
            buffer += more
        head, rest = buffer.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        while len(rest) < length:
            rest += connection.recv(65536)
        statuses.append(int(head.split()[1]))
        buffer = rest[length:]
    return statuses


class Probe(threading.Thread):
    """A well-behaved client that locks and unlocks all the while; its worst wait is what others suffer."""

    def __init__(self, server):
        super().__init__()
        self.server, self.done, self.rounds, self.worst, self.wrong = server, threading.Event(), 0, 0.0, []

    def run(self):
        with connect(self.server) as connection:
            while not self.done.is_set():
                began = time.monotonic()
                for method in ("PUT", "DELETE"):
                    connection.sendall(request(method, "probe", {"key": "probe"}))
                    if (statuses := read_answers(connection, 1)) != [200]:
                        self.wrong.append(statuses)
                        return
                self.worst = max(self.worst, time.monotonic() - began)
                self.rounds += 1
                self.done.wait(0.002)


@contextlib.contextmanager
def probed(server):
    probe = Probe(server)
    probe.start()
    yield probe
    probe.done.set()
    probe.join()
    assert not probe.wrong, probe.wrong
    assert probe.rounds > 0
    assert probe.worst < WORST_WAIT, f"a well-behaved client waited {probe.worst:.2f} s"


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    server.start()
    yield server
    assert server.alive()
    assert server.memory() < MEMORY
    server.stop()


def test_a_thousand_connections_are_served_and_each_lock_has_one_holder(server):
    with probed(server), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connect(server)) for _ in range(1000)]
        for number, connection in enumerate(connections):
            connection.sendall(request("PUT", f"shared-{number % 50}", {"key": f"key-{number}"}))
        statuses = [read_answers(connection, 1)[0] for connection in connections]
        assert statuses.count(200) == 50 and statuses.count(423) == 950


def test_slow_senders_and_half_open_connections_hold_nobody_up(tmp_path):
    server = Server(tmp_path, args=["--read-timeout", "2s"])
    server.start()
    with probed(server), contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(200)]
        whole = request("PUT", "slow", {"key": "k"})
        for connection in slow:
            connection.sendall(whole[:-3])  # the last bytes never come
        half = [stack.enter_context(connect(server)) for _ in range(200)]
        for connection in half:
            connection.sendall(request("PUT", "half", {"key": "k"}))
            connection.shutdown(socket.SHUT_WR)
        assert all(read_answers(connection, 1) == [200] for connection in half)
        assert all(read_answers(connection, 1) == [408] for connection in slow)
        assert all(connection.recv(1) == b"" for connection in slow)
    with connect(server) as connection:
        connection.sendall(b"GET /lock/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert b'"state":"free"' in answer, "a request that never came whole must not lock"
    server.stop()


def test_pipelined_requests_are_answered_in_order(server):
    with probed(server), connect(server) as connection:
        rounds = 500
        batch = b"".join(request("PUT", "pipe", {"key": "a"}) + request("PUT", "pipe", {"key": "b"}) +
                         request("DELETE", "pipe", {"key": "a"}) for _ in range(rounds))
        sender = threading.Thread(target=connection.sendall, args=(batch,))
        sender.start()
        assert read_answers(connection, 3 * rounds) == [200, 423, 200] * rounds
        sender.join()


def malformed(chance):
    good = request("PUT", "prod", {"key": "k"})
    kind = chance.randrange(8)
    if kind == 0:
        return chance.randbytes(chance.randrange(1, 300))
    if kind == 1:
        at = chance.randrange(len(good))
        return good[:at] + bytes([chance.randrange(256)]) + good[at + 1:]
    if kind == 2:
        return b"GET /" + b"a" * chance.randrange(9_000, 20_000) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    if kind == 3:
        return b"PUT /lock/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"
    if kind == 4:
        return b"PUT /lock/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    if kind == 5:
        return b"PUT /lock/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"
    if kind == 6:
        return b"PUT /lock/%zz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    return good[:chance.randrange(len(good))]


def test_ten_thousand_malformed_requests_change_nothing(server):
    chance = random.Random(7)
    with probed(server):
        for _ in range(10_000):
            with connect(server) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(malformed(chance))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass


def test_clients_that_leave_in_the_middle_leave_no_connection_behind(server):
    with probed(server):
        for _ in range(2_000):
            connection = connect(server)
            connection.sendall(request("PUT", "left", {"key": "k"}))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # reset on close
            connection.close()
    end = time.monotonic() + 20
    while server.open_sockets() > 5 and time.monotonic() < end:
        time.sleep(0.05)
    assert server.open_sockets() <= 5
