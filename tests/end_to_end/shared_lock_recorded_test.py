"""Every exchange recorded from an original shared-lock is played to the real server, on the door's own listener and
under its prefix, and held against what it answers.

What the cases do to etcd is done to the locks themselves, at the native door: a key put or deleted there is a lock
taken or ended by force, what a step looks for is looked for in the lock. When etcd stops, the server's disk hangs; when
it is back, the server is killed and started again on a good one. Over a store that servers share, that store stops.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

import recorded
from replicas import ON, empty_service, the_store
from server import BINARY, PATIENCE, Server, wait_for
from shared_lock_differences import DIFFERENT, ENVIRONMENT, REASONS, REFUSED

CASES = recorded.load(recorded.recorded_path("shared-lock.jsonl"))
PREFIX = "/shared-lock"
UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}


def is_id(text):
    return re.fullmatch(r"[1-9]\d*", text) is not None and int(text) < 2**63


def seconds(duration):
    return round(sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|h|m|s)", duration)), 3)


class Player:
    def __init__(self, case, directory, through):
        self.case = case
        self.through = through
        self.different = DIFFERENT.get(case["case"], {})
        setup = case.get("setup", {})
        self.disk = directory / "disk"
        self.environment = setup.get("env", {}) | ENVIRONMENT.get(case["case"], {})
        self.directory = directory
        self.server = None
        self.stopped = False  # the store
        self.connection = None
        self.captured = {}

    def play(self):
        if self.case["case"] in REFUSED:
            self.refuse()
        setup = self.case.get("setup", {})
        hanging = {"LD_PRELOAD": str(BINARY.resolve().parent / "failing_disk.so"), "FAILING_DISK": str(self.disk)}
        self.server = empty_service(self.directory, config=None, store="locks.db",
                                    args=["--door", "shared-lock=127.0.0.1:0"],
                                    environment=self.environment | (hanging if ON is None else {}))
        try:
            if not setup.get("not_started"):
                self.start()
            if setup.get("no_etcd") and self.case["case"] not in REFUSED:
                self.do_etcd_stop({}, None)
            for index, exchange in enumerate(self.case["exchanges"]):
                self.where = f"{self.case['case']} ({self.through}), exchange {index}: {self.case['about']}"
                if "step" in exchange:
                    step = exchange["step"] | self.difference(index, exchange["step"])
                    getattr(self, "do_" + step["do"])(self.filled(step), index)
                else:
                    self.exchange(exchange, index)
        finally:
            if self.connection is not None:
                self.connection.close()
            if ON is not None and self.stopped:
                the_store().start()
            self.server.end()

    def start(self):
        """Until the server has read what an earlier run left, it does not say that there is no such lease."""
        self.server.start()
        wait_for(lambda: self.server.request("POST", PREFIX + "/keepalive", b"1").status == 204, "leases to be read")

    def refuse(self):
        server = Server(self.directory / "refused", environment=self.environment)
        ended = server.start_expecting_failure()
        assert (ended.returncode, ended.stdout) == (1, ""), ended
        assert ended.stderr.startswith(REFUSED[self.case["case"]]), ended
        for name in self.case["setup"]["env"]:
            del self.environment[name]

    def difference(self, index, recorded_one):
        difference = self.different.get(index)
        if difference is None:
            return {}
        assert difference["why"] in REASONS, self.where
        assert any(recorded_one.get(name) != value for name, value in difference.items() if name != "why"), (
            f"{self.where}: it does not differ")
        return difference

    def filled(self, node):
        """With what was captured in place of ${id1}."""
        if isinstance(node, str):
            for name, value in self.captured.items() | {("port", str(self.server.door_ports.get("shared-lock")))}:
                node = node.replace("${%s}" % name, value)
            return node
        if isinstance(node, list):
            return [self.filled(one) for one in node]
        if isinstance(node, dict):
            return {name: self.filled(value) for name, value in node.items()}
        return node

    # ---- requests

    def at_door(self, request):
        """(port, request): to the door's own listener, or under its prefix on the main one."""
        own = (self.through == "own") == (request.get("to") != "second")
        if own:
            return self.server.door_ports["shared-lock"], request
        request = dict(request)
        if "raw" in request:
            request["raw"] = re.sub(r"(GET|POST) /", rf"\1 {PREFIX}/", request["raw"])
        else:
            request["path"] = PREFIX + request["path"]
        return self.server.port, request

    def exchange(self, exchange, index):
        response = dict(exchange["response"])
        difference = self.difference(index, response)
        if difference:
            response.pop("no_response", None)
        response |= difference
        if ON is not None and difference.get("why") == 6:  # nothing is answered that another server may have changed
            response |= {"status": 503, "reason": "Service Unavailable", "headers": {"Retry-After": "1"},
                         "content_type": "application/json; charset=utf-8", "volatile": []}
        port, request = self.at_door(self.filled(exchange["request"]))
        if exchange.get("connection") != "same":
            if self.connection is not None:
                self.connection.close()
            self.connection = recorded.Connection(port)
        self.connection.send(recorded.request_bytes(request))
        answer = self.connection.read(request.get("method", "GET"))
        self.compare(answer, self.filled(response))
        captured = difference["capture"] if "capture" in difference else next(iter(exchange.get("capture", [])), None)
        if captured and answer.status in (201, 202):
            self.captured[captured] = answer.body.decode()
        if "then" in response:
            assert self.connection.is_closed() == (response["then"] == "closed"), self.where

    def compare(self, answer, response):
        assert answer.status == response["status"], (self.where, answer)
        # What Go's library refuses by itself is not the original's own text.
        if self.case.get("layer") == "go-http" and "why" not in response and answer.status >= 400:
            return
        assert answer.reason == response["reason"], (self.where, answer)
        assert answer.content_type == response["content_type"], (self.where, answer)
        assert answer.headers == response["headers"], (self.where, answer)
        assert answer.http == response.get("http", "1.1"), (self.where, answer)
        assert answer.interim == response.get("interim", []), (self.where, answer)
        if response.get("body") == "a number that is no lease":
            self.is_no_lease(answer.body.decode())
        elif ON is not None and response.get("why") == 6:
            assert json.loads(answer.body)["error"], (self.where, answer)  # each store in its own words
        elif "body" in response.get("volatile", []):
            if "metric_families" in response:
                self.compare_page(answer.body.decode(), response)
            elif answer.status in (201, 202):
                assert is_id(answer.body.decode()), (self.where, answer)
                assert answer.body.decode() not in self.captured.values(), (self.where, answer)
        else:
            assert answer.body == recorded.joined(response, "body"), (self.where, answer)

    def is_no_lease(self, winner):
        assert is_id(winner), (self.where, winner)
        port, request = self.at_door({"method": "POST", "path": "/keepalive", "headers": {}, "body": winner})
        connection = recorded.Connection(port)
        connection.send(recorded.request_bytes(request))
        assert connection.read().status == 204, self.where
        connection.close()
        assert self.captured.setdefault("nobody's", winner) == winner, f"{self.where}: it is another one now"

    def compare_page(self, page, response):
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))
        for family in response["metric_families"]:
            name, kind = family.split()
            if name.startswith("shared_lock_"):
                assert types[name] == kind, (self.where, family)
        for series in response.get("metric_series", []):
            if series.startswith("shared_lock_"):
                # The labels' order is not told by the format.
                name, labels = series.rstrip("}").split("{")
                found = [line for line in page.splitlines() if line.startswith(name + "{")
                         and set(labels.split(",")) == set(line.split("{")[1].rsplit("}")[0].split(","))]
                value = 0.0 if any(label in response.get("absent", []) for label in labels.split(",")) else None
                assert len(found) == 1, (self.where, series, found)
                assert value is None or float(found[0].split()[-1]) == value, (self.where, found)

    # ---- steps: what the case did to the server

    def do_sleep(self, step, _):
        time.sleep(step["ms"] / 1000)  # the case's own time: it tells what is, or is not, after it

    def do_restart(self, step, _):
        self.server.signal(getattr(signal, "SIG" + step["signal"]))
        assert self.server.wait() == 0, self.where
        self.start()

    def do_signal(self, step, _):
        self.server.signal(getattr(signal, "SIG" + step["signal"]))
        assert self.server.wait() == step["exit_code"], self.where

    def do_parallel(self, step, _):
        port, request = self.at_door(step["request"])
        request = recorded.request_bytes(request)
        answers = []

        def one():
            connection = recorded.Connection(port)
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
        (winner,) = [answer.body.decode() for answer in answers if str(answer.status) == step["capture_status"]]
        self.captured[step["capture"]] = winner
        others = {answer.body.decode() for answer in answers if str(answer.status) != step["capture_status"]}
        assert others <= set(self.filled(step["other_bodies_among"])), (self.where, others)

    def do_start(self, step, _):
        """Beside a server of this case, if there is one; on a store of its own."""
        args = [word for word in step["args"] if word != "serve" or len(step["args"]) > 1]
        where = [] if self.case["case"] == "start-no-command" else ["--store", "sqlite:other.db"]
        environment = {"PATH": os.environ["PATH"], "PORT": "0"} | step.get("env", {})
        process = subprocess.Popen([str(BINARY), *where, *args], cwd=self.directory, env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if step.get("stays"):
            first = process.stderr.readline()
            process.terminate()
            process.communicate(timeout=PATIENCE)
            assert "listening on" in first, (self.where, first)
            return
        given = dict(zip(("stdout", "stderr"), process.communicate(timeout=PATIENCE)))
        assert process.returncode == step["exit_code"], (self.where, given)
        for stream, text in given.items():
            if f"{stream}_contains" in step:
                assert all(part in text for part in step[f"{stream}_contains"]), (self.where, given)
            else:
                assert text == step[stream], (self.where, given)

    # ---- steps: what the case did to etcd

    def native(self, method, path, body=None):
        answer = self.server.request(method, path, None if body is None else json.dumps(body))
        assert answer.status == 200, (self.where, answer.text)
        return json.loads(answer.body)

    def lock_path(self, key):
        return "/lock/" + urllib.parse.quote(key.removeprefix("/shared-lock/"), safe="")

    def claims(self):
        locks = self.native("GET", "/locks?view=full")["locks"]
        return {claim.get("claim", ""): claim for lock in locks for claim in lock["claims"]}

    def do_etcd_get(self, step, _):
        lock = self.native("GET", self.lock_path(step["key"]))
        if step["value"] is None:
            assert lock["state"] == "free", (self.where, lock)
            return
        (holder,) = lock["holders"]
        assert holder["holder"] == (step["value"] or f"lease {step['lease']}"), (self.where, lock)
        assert holder.get("metadata", {}).get("lease") == step["lease"], (self.where, lock)

    def do_etcd_ttl(self, step, _):
        if step["granted_ttl"] is None:  # there is none: it was refused, so nothing was captured under that name
            assert step["id"].startswith("${"), self.where
            return
        claim = self.claims()["lease:" + step["id"]]
        assert seconds(claim["ttl"]) == step["granted_ttl"], (self.where, claim)

    def do_etcd_keys(self, step, _):
        held = self.native("GET", "/locks")
        assert sorted(held) == sorted(key.removeprefix("/shared-lock/") for key in step["keys"]), self.where

    def do_etcd_leases(self, step, _):
        assert len(self.claims()) == step["count"], self.where

    def do_etcd_put(self, step, _):
        self.native("PUT", self.lock_path(step["key"]), {"key": "another door's", "lock_by": step["value"]})

    def do_etcd_del(self, step, _):
        self.native("POST", self.lock_path(step["key"]) + "/force-release", {})

    def do_etcd_stop(self, _step, _):
        if ON is not None:
            self.stopped = True
            return the_store().stop()
        self.disk.write_text("hang")

    def do_etcd_start(self, _step, _):
        if ON is not None:
            the_store().start()
            self.stopped = False
            wait_for(lambda: all(one.request("GET", "/ready").status == 200 for one in self.server.servers),
                     "the store to be back")
            return self.start()
        self.server.kill()
        self.disk.unlink()
        self.start()


def plays():
    for number, case in enumerate(CASES):
        # What happens before there is a door is the same at both. On a store that servers share the address does not
        # matter again: every other case is played at the other one.
        one = case.get("setup", {}).get("not_started")
        if one or ON is None or number % 2 == 0:
            yield case, "own"
        if not one and (ON is None or number % 2 == 1):
            yield case, "prefix"


@pytest.mark.parametrize("case,through", list(plays()),
                         ids=[f"{case['case']}-{through}" for case, through in plays()])
def test_answers_as_the_original_did(case, through, tmp_path):
    Player(case, tmp_path, through).play()


def test_every_case_is_there_and_every_difference_belongs_to_one():
    names = [case["case"] for case in CASES]
    assert len(names) == len(set(names)) == 83
    assert set(DIFFERENT) | set(REFUSED) | set(ENVIRONMENT) <= set(names)
    sizes = {case["case"]: len(case["exchanges"]) for case in CASES}
    for name, differences in DIFFERENT.items():
        assert all(index < sizes[name] for index in differences), name
    used = {difference["why"] for differences in DIFFERENT.values() for difference in differences.values()}
    assert used == set(REASONS)
