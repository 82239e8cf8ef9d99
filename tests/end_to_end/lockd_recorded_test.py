"""Every exchange recorded from lockd's generations of HTTP is played to the real server, at the door's own address and
under its prefix, and held against what it answers."""

import signal
import subprocess

import pytest

import recorded
from lockd_differences import DIFFERENT, REASONS
from replicas import ON, empty_service
from server import BINARY

CASES = [case for name in ("lockd.jsonl", "lockd-old.jsonl") for case in recorded.load(recorded.recorded_path(name))]
AT = ["own-address", "prefix"]


class Player:
    def __init__(self, case, directory, at):
        self.case = case
        self.prefixed = at == "prefix"
        self.different = DIFFERENT.get(case["case"], {})
        self.server = empty_service(directory, args=["--door", "lockd=127.0.0.1:0"])
        self.connection = None

    def play(self):
        self.server.start()
        try:
            for index, exchange in enumerate(self.case["exchanges"]):
                self.where = f"{self.case['case']}, exchange {index}: {self.case['about']}"
                if "step" in exchange:
                    getattr(self, "do_" + exchange["step"]["do"])(exchange["step"], index)
                else:
                    self.exchange(exchange, index)
            assert self.server.alive(), self.where
        finally:
            if self.connection is not None:
                self.connection.close()
            self.server.end()

    def connect(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = recorded.Connection(self.server.port if self.prefixed else self.server.door_ports["lockd"])

    def sent(self, request):
        """Its bytes; the target's path is the only thing that a prefix changes."""
        data = recorded.request_bytes(request)
        return data.replace(b" /", b" /lockd/") if self.prefixed else data

    def expected(self, exchange, index):
        """The recorded response, or what must stand there instead."""
        response = dict(exchange["response"])
        difference = self.different.get(index)
        if difference is not None:
            assert difference["why"] in REASONS, self.where
            response.pop("no_response", None)
            assert any(response.get(k) != v for k, v in difference.items() if k != "why"), \
                f"{self.where}: it does not differ"
            response |= difference
        return response

    def exchange(self, exchange, index):
        request, response = exchange["request"], self.expected(exchange, index)
        assert "no_response" not in response, self.where
        if exchange.get("connection") != "same":
            self.connect()
        self.connection.send(self.sent(request))
        answer = self.connection.read(request.get("method", "GET"))
        self.compare(answer, response)
        if "then" in response:
            assert self.connection.is_closed() == (response["then"] == "closed"), self.where

    def compare(self, answer, response):
        assert answer.status == response["status"], (self.where, answer)
        # What Go's library refuses by itself is not the original's own text.
        if self.case.get("layer") == "go-http" and "why" not in response and answer.status >= 400:
            assert answer.content_type == "application/json; charset=utf-8", (self.where, answer)
            return
        assert answer.reason == response["reason"], (self.where, answer)
        assert answer.content_type == response["content_type"], (self.where, answer)
        assert answer.headers == response["headers"], (self.where, answer)
        assert answer.body == recorded.joined(response, "body"), (self.where, answer)
        assert answer.http == response.get("http", "1.1"), self.where

    # ---- steps

    def do_sleep(self, step, index):
        """For a log to reach followers, or an election: what is answered here is so everywhere."""

    def do_restart(self, step, _):
        self.server.signal(getattr(signal, "SIG" + step["signal"]))
        assert self.server.wait() == 0, self.where
        self.server.start()

    def do_kill_node(self, step, index):
        """A dead leader is our server killed and started again. Followers we have none, so none can die."""
        assert self.different[index]["why"] == 13, self.where
        if step["which"] == "leader":
            self.server.kill()
            self.server.start()

    def do_forged_overwrite(self, step, index):
        """Nobody can put other entries in the place of what is asked: who asks for a lock is told what it got."""
        assert self.different[index]["why"] == 13, self.where
        for path in step["pending"]:
            self.connect()
            self.connection.send(self.sent({"method": "POST", "path": path, "headers": {}}))
            answer = self.connection.read()
            assert (answer.status, answer.body) == (200, b"{}\n"), (self.where, answer)

    def do_process(self, step, index):
        assert self.different[index] == {"why": 7, "state": "running"}, self.where
        assert self.server.alive(), self.where

    def do_start(self, step, index):
        """There is no cluster to define."""
        expected = step | self.different[index]
        ended = subprocess.run([str(BINARY), *step["args"], "--port", "0"], cwd=self.server.directory,
                               capture_output=True, text=True, timeout=60)
        assert ended.returncode == expected["exit_code"], (self.where, ended)
        assert all(part in ended.stderr for part in expected["stderr_contains"]), (self.where, ended)


# On a store that servers share the address does not matter again: every other case is played at the other one.
PLAYS = [(case, at) for number, case in enumerate(CASES) for at in (AT if ON is None else [AT[number % 2]])]


@pytest.mark.parametrize("case,at", PLAYS, ids=[f"{case['case']}-{at}" for case, at in PLAYS])
def test_answers_as_the_original_did(case, at, tmp_path):
    Player(case, tmp_path, at).play()


def test_every_case_is_there_and_every_difference_belongs_to_one():
    names = [case["case"] for case in CASES]
    assert len(names) == len(set(names)) == 47 + 33
    assert set(DIFFERENT) <= set(names)
    sizes = {case["case"]: len(case["exchanges"]) for case in CASES}
    for name, differences in DIFFERENT.items():
        assert all(index < sizes[name] for index in differences), name
    assert {one["why"] for differences in DIFFERENT.values() for one in differences.values()} == set(REASONS)
