"""Leases against real clocks: a wall clock that jumps, restarts, another boot, a server that is frozen for a while.

Times are this test's own, monotonic; a lease runs from the moment its request was sent, at the earliest, and from the
moment its answer came, at the latest.
"""

import concurrent.futures
import contextlib
import datetime
import email.utils
import json
import pathlib
import signal
import sqlite3
import time

import pytest

from ask import ask, get
from server import Server, wait_for

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
HOUR = 3600
LATE = 2.0  # seconds: a lease's lateness, and this machine's
RESTART = 3.0  # what a lease may last longer over a restart


class WallClock:
    """The wall clock of a server, which this test sets. Its monotonic clock stays the machine's."""

    def __init__(self, directory):
        assert FAKETIME, "script/setup installs libfaketime"
        self.file = directory / "wall-clock"
        self.set(0)
        self.environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, seconds):
        """So far from the true time."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s")
        new.replace(self.file)


@contextlib.contextmanager
def running(directory, *args, environment=None):
    server = Server(directory, store=directory / "locks.db", environment=environment,
                    args=["--log-level", "warn", *args])
    server.start()
    try:
        yield server
        assert server.alive()
    finally:
        server.end()


def wish(who, **more):
    return {"key": who, "claim": who, "request": who, **more}


class Lease:
    """Of so many seconds; or a hold that the server bounds to as many."""

    def __init__(self, server, lock, seconds, bounded=False):
        self.server, self.path, self.seconds = server, f"/lock/{lock}", seconds
        more = {} if bounded else {"ttl": f"{seconds}s"}
        self.asked = time.monotonic()
        status, self.granted, _ = ask(server, "PUT", self.path, wish("lease", **more))
        self.answered = time.monotonic()
        assert status == 200, self.granted

    def end(self):
        """When the next got the lock."""
        status, _, _ = ask(self.server, "PUT", self.path, wish("next", wait="60s"), timeout=70)
        assert status == 200
        return time.monotonic()

    def event(self, what, claim="lease"):
        events = get(self.server, self.path + "/history?order=oldest")["events"]
        at = next(event["at"] for event in events if event["what"] == what and event["claim"] == claim)
        return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()


def shown_ahead(server):
    """By how much the server's clock, as it shows it, is ahead of the true time."""
    _, _, headers = ask(server, "GET", "/health")
    return email.utils.parsedate_to_datetime(headers["Date"]).timestamp() - time.time()


def sleep_until(moment):
    """What is to happen in the middle of a lease has no other condition than the time."""
    time.sleep(max(0.0, moment - time.monotonic()))


@pytest.mark.parametrize("jumps", [[HOUR], [-HOUR], [HOUR, -HOUR, HOUR]], ids=["ahead", "back", "to and fro"])
def test_a_wall_clock_that_jumps_ends_no_lease_early_and_none_late(tmp_path, jumps):
    clock = WallClock(tmp_path)
    with running(tmp_path, "--hold-for", "bounded=4s", environment=clock.environment) as server, \
            concurrent.futures.ThreadPoolExecutor() as threads:
        leases = [Lease(server, "leased", 4), Lease(server, "bounded", 4, bounded=True)]
        ends = [threads.submit(lease.end) for lease in leases]
        assert ask(server, "PUT", "/lock/held", wish("holder"))[0] == 200
        poll_began = time.monotonic()
        poll = threads.submit(lambda: (ask(server, "PUT", "/lock/held", wish("next", wait="2s"))[0], time.monotonic()))
        for number, jump in enumerate(jumps):
            sleep_until(leases[0].answered + 0.5 + number * 0.5)
            clock.set(jump)
            wait_for(lambda: shown_ahead(server) == pytest.approx(jump, abs=5), "the server's wall clock to move")
        for lease, end in zip(leases, ends):
            assert end.result() >= lease.asked + lease.seconds
            assert end.result() <= lease.answered + lease.seconds + LATE
            # The engine saw its wall clock move, too.
            assert lease.event("lapsed") - lease.event("acquired") == pytest.approx(lease.seconds + jumps[-1], abs=LATE)
        status, poll_ended = poll.result()
        assert status == 423 and 2.0 <= poll_ended - poll_began <= 2.0 + LATE


def test_a_restart_on_the_same_boot_goes_on_with_the_remaining_time_whatever_the_wall_clock_says(tmp_path):
    clock = WallClock(tmp_path)
    with running(tmp_path, environment=clock.environment) as server:
        leases = [Lease(server, name, 7) for name in ("first", "second")]
        for jump, when in (HOUR, 5.5), (-HOUR, 6.2):  # so late that a ttl that began anew would be told apart
            sleep_until(leases[0].answered + when)
            server.kill()
            clock.set(jump)
            server.start()
        with concurrent.futures.ThreadPoolExecutor() as threads:
            for lease, end in [(lease, threads.submit(lease.end)) for lease in leases]:
                assert end.result() >= lease.asked + lease.seconds
                assert end.result() <= lease.answered + lease.seconds + RESTART + LATE


def test_under_another_boot_a_lease_begins_anew(tmp_path):
    with running(tmp_path) as server:
        lease = Lease(server, "prod", 3)
        sleep_until(lease.answered + 2.0)
        server.kill()
        with contextlib.closing(sqlite3.connect(tmp_path / "locks.db")) as file:
            changed = file.execute("UPDATE meta SET value = 'another' WHERE key = 'boot_id'").rowcount
            file.commit()
        assert changed == 1
        restarting = time.monotonic()
        server.start()
        restarted = time.monotonic()
        end = lease.end()
        assert end >= restarting + lease.seconds
        assert end <= restarted + lease.seconds + LATE


def test_a_server_that_was_frozen_for_longer_than_a_lease_ends_none_on_waking(tmp_path):
    with running(tmp_path) as server, concurrent.futures.ThreadPoolExecutor() as threads:
        renewed, forsaken = (Lease(server, name, 3) for name in ("renewed", "forsaken"))
        end_of_forsaken = threads.submit(forsaken.end)
        wait_for(lambda: get(server, forsaken.path)["queue"], "the next to wait")
        connection = server.connect()
        server.request("GET", "/health", connection=connection)  # it is accepted
        frozen = time.monotonic()
        server.signal(signal.SIGSTOP)
        sleep_until(frozen + 5.0)
        renewal = "POST", renewed.path + "/renew", json.dumps({"key": "lease", "claim": "lease"})
        connection.request(*renewal)
        woken = time.monotonic()
        server.signal(signal.SIGCONT)
        while (answer := connection.getresponse()).status == 503:  # to the store's time-out the frozen time counts
            answer.read()
            connection.request(*renewal)
        assert answer.status == 200, answer.read()
        renewed_at = time.monotonic()
        connection.close()
        # Of the time that it was frozen, a second counts at most.
        left = forsaken.seconds - (frozen - forsaken.asked) - 1.0
        assert end_of_forsaken.result() >= woken + left - 0.1
        assert end_of_forsaken.result() <= woken + forsaken.seconds + LATE
        end = renewed.end()
        assert woken + renewed.seconds <= end <= renewed_at + renewed.seconds + LATE
