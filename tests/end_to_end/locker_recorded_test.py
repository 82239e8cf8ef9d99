"""Every exchange recorded from an original locker is played to the real server and held against what it answers. On a
store that servers share, all but those that are about the original's file."""

import os
import signal
import subprocess
import threading

import pytest

import recorded
from locker_differences import DIFFERENT, REASONS, REFUSED, SETUP
from replicas import ON, Service, empty_service
from server import BINARY

ALL = recorded.load(recorded.recorded_path("locker.jsonl"))


def about_its_file(case):
    setup = case.get("setup", {})
    steps = {exchange["step"]["do"] for exchange in case["exchanges"] if "step" in exchange}
    return (case["case"] in SETUP or case["case"] in REFUSED or "files" in setup or "not_started" in setup
            or steps & {"write_file", "remove_file", "chmod", "start"})


CASES = [case for case in ALL if ON is None or not about_its_file(case)]


class Player:
    def __init__(self, case, directory):
        self.case = case
        self.directory = directory
        self.different = DIFFERENT.get(case["case"], {})
        setup = case.get("setup", {})
        self.files = setup.get("files", {}) | SETUP.get(case["case"], {})
        for name, content in self.files.items():
            (directory / name).write_text(content)
        # A version that is shown is that of a lock which nobody has ever held.
        fresh = '"version":0' in str(self.different)
        self.server = (Service if fresh else empty_service)(directory, environment=setup.get("env"))
        self.connection = None
        self.removed = set()

    def play(self):
        if self.case["case"] in REFUSED:
            return self.refuse()
        if not self.case.get("setup", {}).get("not_started"):
            self.server.start()
        try:
            for index, exchange in enumerate(self.case["exchanges"]):
                self.where = f"{self.case['case']}, exchange {index}: {self.case['about']}"
                if "step" in exchange:
                    getattr(self, "do_" + exchange["step"]["do"])(exchange["step"], index)
                else:
                    self.exchange(exchange, index)
        finally:
            if self.connection is not None:
                self.connection.close()
            self.server.end()

    def refuse(self):
        """The server must not start on such a file, and leaves it as it is."""
        ended = self.server.start_expecting_failure()
        assert ended.returncode == 1, ended
        assert REFUSED[self.case["case"]][1] in ended.stderr
        for name, content in self.files.items():
            assert (self.directory / name).read_text() == content
            assert not (self.directory / (name + ".db")).exists()

    def expected(self, exchange, index):
        """The recorded response, or what must stand there instead."""
        response = dict(exchange["response"])
        difference = self.different.get(index)
        if difference is not None:
            assert difference["why"] in REASONS, self.where
            response.pop("body_parts", None)
            response.pop("no_response", None)
            assert any(response.get(k) != v for k, v in difference.items()), f"{self.where}: it does not differ"
            response |= difference
        return response

    def exchange(self, exchange, index):
        request, response = exchange["request"], self.expected(exchange, index)
        if exchange.get("connection") != "same":
            if self.connection is not None:
                self.connection.close()
            self.connection = recorded.Connection(self.server.port)
        self.connection.send(recorded.request_bytes(request))
        if "no_response" in response:
            self.connection.socket.settimeout(exchange["wait_ms"] / 1000)
            with pytest.raises(TimeoutError):
                self.connection.read()
            return
        answer = self.connection.read(request.get("method", "GET"))
        self.compare(answer, response)
        if "then" in response:
            assert self.connection.is_closed() == (response["then"] == "closed"), self.where

    def compare(self, answer, response):
        assert answer.status == response["status"], (self.where, answer)
        # What Go's library refuses by itself is not the original's own text.
        if self.case.get("layer") == "go-http" and "why" not in response:
            if answer.status >= 400 or response["content_type"] is None:
                return
        assert answer.reason == response["reason"], (self.where, answer)
        assert answer.content_type == response["content_type"], (self.where, answer)
        assert answer.headers == response["headers"], (self.where, answer)
        assert answer.body == recorded.joined(response, "body"), self.where
        assert answer.http == response.get("http", "1.1"), self.where
        assert answer.interim == response.get("interim", []), self.where

    # ---- steps

    def do_file(self, step, _):
        """Never rewritten as JSON: a database of ours, or the original's file as it was (reason 8)."""
        if ON is not None:
            return
        path = self.directory / step["name"]
        if step["name"] in self.files:
            assert path.read_text() == self.files[step["name"]], self.where
            assert (self.directory / (step["name"] + ".db")).read_bytes()[:15] == b"SQLite format 3", self.where
        elif step["name"] in self.removed:
            assert not path.exists(), self.where
        else:
            assert path.read_bytes()[:15] == b"SQLite format 3", self.where

    def do_write_file(self, step, _):
        (self.directory / step["name"]).write_text(step["content"])
        self.files = self.files | {step["name"]: step["content"]}

    def do_remove_file(self, step, _):
        (self.directory / step["name"]).unlink()
        self.files = {name: content for name, content in self.files.items() if name != step["name"]}
        self.removed.add(step["name"])

    def do_chmod(self, step, _):
        os.chmod(self.directory / step["name"], int(step["mode"], 8))

    def do_restart(self, step, _):
        self.server.signal(getattr(signal, "SIG" + step["signal"]))
        code = self.server.wait()
        assert code == (0 if step["signal"] == "TERM" else -signal.SIGKILL), self.where
        self.server.start()

    def do_parallel(self, step, _):
        request = recorded.request_bytes(step["request"])
        answers = []

        def one():
            connection = recorded.Connection(self.server.port)
            connection.send(request)
            answers.append(connection.read())
            connection.close()

        threads = [threading.Thread(target=one) for _ in range(step["count"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [str(answer.status) for answer in answers]
        assert {status: statuses.count(status) for status in set(statuses)} == step["statuses"], self.where
        assert {answer.body.decode() for answer in answers} == set(step["bodies"]), self.where

    def do_start(self, step, index):
        expected = step | self.different.get(index, {})
        environment = {"PATH": os.environ["PATH"], "LOCKER_CONFIG": "locks.json"} | expected.get("env", {})
        ended = subprocess.run([str(BINARY), *expected.get("args", [])], cwd=self.directory, env=environment,
                               capture_output=True, text=True, timeout=60)
        assert ended.returncode == expected["exit_code"], (self.where, ended)
        for stream in ("stdout", "stderr"):
            given = getattr(ended, stream)
            if f"{stream}_contains" in expected:
                assert all(part in given for part in expected[f"{stream}_contains"]), (self.where, ended)
            else:
                assert given == expected[stream], (self.where, ended)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_answers_as_the_original_did(case, tmp_path):
    Player(case, tmp_path).play()


def test_every_case_is_there_and_every_difference_belongs_to_one():
    names = [case["case"] for case in ALL]
    assert len(names) == len(set(names)) == 111 and (ON is None or len(CASES) == 97)
    assert set(DIFFERENT) <= set(names)
    assert set(SETUP) | set(REFUSED) <= set(names)
    sizes = {case["case"]: len(case["exchanges"]) for case in ALL}
    for name, differences in DIFFERENT.items():
        assert all(index < sizes[name] for index in differences), name
    used = {difference["why"] for differences in DIFFERENT.values() for difference in differences.values()}
    assert used | {why for why, _ in REFUSED.values()} == set(REASONS)
