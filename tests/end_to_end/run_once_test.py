"""The examples of a program that runs on one host at a time: one works, the next takes over when it died, and who
cannot keep its lease alive has stopped before it ends."""

import datetime
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from server import PATIENCE, Server, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {
    "python": [sys.executable, str(ROOT / "docs/examples/run_once.py")],
    "cpp": [str(pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")).resolve() / "run_once")],
}
TTL = 3  # seconds


def boot_time():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Copy:
    def __init__(self, language, server, key="nightly-report", environment=None):
        self.process = subprocess.Popen(
            [*PROGRAMS[language], server.url + "/shared-lock", key, str(TTL)], text=True, bufsize=1,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | (environment or {}))
        self.worked = []  # when, by the boot clock

    def works(self):
        """Waits for the next sign of it."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.worked.append(float(line.split()[0]))

    def is_idle(self):
        return not select.select([self.process.stdout], [], [], 0)[0]

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.rest()

    def rest(self):
        """All that it still said, and how it ended."""
        out, err = self.process.communicate(timeout=PATIENCE)
        self.worked += [float(when) for when in re.findall(r"^(\S+) works$", out, re.M)]
        return self.process.returncode, err


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path) as started:
        yield started


@pytest.fixture
def start(server):
    copies = []

    def one(language, **rest):
        copies.append(Copy(language, server, **rest))
        return copies[-1]
    yield one
    for copy in copies:
        if copy.process.poll() is None:
            copy.end()


def history(server, key="nightly-report"):
    events = json.loads(server.request("GET", f"/lock/{key}/history?order=oldest&limit=1000").body)["events"]
    return [(event["what"], datetime.datetime.fromisoformat(event["at"]).timestamp()) for event in events]


def times(events, what):
    return [at for kind, at in events if kind == what]


@pytest.mark.parametrize("first,second", [("python", "cpp"), ("cpp", "python")])
def test_the_next_takes_over_when_the_lease_of_a_killed_one_is_over_and_never_before(server, start, first, second):
    one = start(first)
    one.works()
    other = start(second)
    wait_for(lambda: "status=202" in server.log, "the other to ask")
    wait_for(lambda: times(history(server), "renewed"), "the lease to be kept alive")
    for _ in range(3):
        one.works()
    assert other.is_idle(), "two at work"
    one.end(signal.SIGKILL)
    other.works()
    other.end()
    assert max(one.worked) < min(other.worked)
    events = history(server)
    lapsed, last = times(events, "lapsed")[0], [at for what, at in events if what == "renewed"]
    kept_until = max(at for at in last if at < lapsed)
    assert kept_until + TTL <= lapsed <= kept_until + TTL + 1
    assert times(events, "acquired")[1] >= lapsed


def last_renewal(server):
    """By the boot clock: the server has renewed the lease, or granted it, at that time or later."""
    line = [line for line in server.log.splitlines() if "/keepalive status=200" in line or "/lease status=201" in line][-1]
    at = datetime.datetime.fromisoformat(line.split()[0]).timestamp()
    took = float(re.search(r" ms=([0-9.]+)", line)[1]) / 1000
    return at - took - time.time() + boot_time()


@pytest.mark.parametrize("language", PROGRAMS)
@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_who_cannot_keep_its_lease_alive_stops_before_it_ends(server, start, language, fault):
    """Requests that hang, and those that are refused."""
    copy = start(language)
    copy.works()
    wait_for(lambda: "/keepalive status=200" in server.log, "the lease to be kept alive")
    server.signal(fault)
    try:
        code, said = copy.rest()
        ended = boot_time()
    finally:
        if fault == signal.SIGSTOP:
            server.signal(signal.SIGCONT)
    assert (code, said.splitlines()[-1]) == (3, "the lease on nightly-report is lost: it could not be kept alive")
    kept_at = last_renewal(server)
    # It had its time, and was gone before the server could give the lock to anybody else.
    assert kept_at + TTL / 2 < max(copy.worked) < kept_at + TTL
    assert ended < kept_at + TTL + 0.5, "the process itself, as soon as the test could notice"


@pytest.mark.parametrize("language", PROGRAMS)
def test_who_lost_its_lease_stops_at_once(server, start, language):
    copy = start(language)
    copy.works()
    server.request("POST", "/lock/nightly-report/force-release", b"{}")
    code, said = copy.rest()
    assert (code, said) == (3, "the lease on nightly-report is lost: it is over\n")


@pytest.mark.parametrize("language", PROGRAMS)
def test_it_waits_for_a_server_that_is_not_there_yet(tmp_path, language):
    """And its name, whatever is in it, comes through."""
    server = Server(tmp_path)
    server.start()
    server.kill()
    server.environment["PORT"] = str(server.port)  # the same again
    copy = Copy(language, server, key='a "key" \\ ')
    try:
        wait_for(lambda: select.select([copy.process.stderr], [], [], 0)[0], "it to find nobody")
        server.start()
        copy.works()
        assert list(json.loads(server.request("GET", "/locks").body)) == ['a "key" \\ ']
    finally:
        copy.end()
        server.end()


@pytest.mark.parametrize("language", PROGRAMS)
def test_it_shows_its_credentials_and_tells_when_they_are_wrong(tmp_path, language):
    with Server(tmp_path, credentials=("ci", "secret")) as server:
        copy = Copy(language, server, environment={"AUTH_USER": "ci", "AUTH_PASS": "secret"})
        copy.works()
        copy.end()
        wrong = Copy(language, server, environment={"AUTH_USER": "ci", "AUTH_PASS": "wrong"})
        code, said = wrong.rest()
        assert code == 1 and "401" in said
