"""Runs of lockctl that something befalls, each with a lock of its own: the command is dead before the next holder's token
is granted, by the clock of the test.

The command writes the time every other millisecond; in half of the runs it takes no notice of TERM, and in every third
it has a child in its process group and one in a session of its own.
"""

import json
import os
import random

from lockctl_run import BIN, Beats, NextHolder, Run, boot_time, granted_at
from server import wait_for

RUNS = int(os.environ.get("LOCKKEEPER_RUNS", "10"))
SEED = int(os.environ.get("LOCKKEEPER_FAULTS_SEED", random.randrange(1 << 24)))
TTL = 3  # seconds


class Guarded:
    """One lockctl run that has its lock, and the next holder in the queue."""

    def __init__(self, server, directory, number, url=None, wrapper=()):
        self.server, self.lock = server, f"lock-{number}"
        family = number % 3 == 0
        self.beats = Beats(directory / f"beats-{number}", family)
        words = ["ignore-term"] * (number % 2) + ["family"] * family
        self.run = Run(url or server.url, self.lock, BIN / "beats", self.beats.paths[0], *words,
                       options=["--ttl", f"{int(TTL * 1000)}ms"], wrapper=wrapper)
        self.guard = self.run.guard()

    def await_start(self):
        wait_for(self.lives, "the command to live")
        self.next = NextHolder(self.server, self.lock)
        wait_for(self.next.is_queued, "the next one in the queue")

    def lives(self):
        assert self.run.process.poll() is None, self.run.end()
        return self.beats.all_live()

    def how_it_ended(self):
        events = json.loads(self.server.request("GET", f"/lock/{self.lock}/history?order=oldest").body)["events"]
        return next(event["what"] for event in events if event["what"] in ("released", "lapsed", "forced"))

    def check(self):
        """It was dead before the next one was granted the lock."""
        heard = self.next.wait()
        left = self.beats.alive()
        granted = min(heard, granted_at(self.server, self.lock, self.next.token))
        assert self.beats.last() < granted, f"{self.lock} beat on for {self.beats.last() - granted:.3f} s"
        assert not left, f"{self.lock}: {left} live on"
        return granted - self.beats.last()


def at_any_moment(runs, fault):
    """Does `fault` to each, at a moment of its own between two renewals."""
    print(f"LOCKKEEPER_FAULTS_SEED={SEED}")
    moments = random.Random(SEED)
    due = {one: boot_time() + moments.random() * TTL / 2 for one in runs}
    while due:
        one = min(due, key=due.get)
        wait_for(lambda: one.beats.last() >= due[one], "its moment")
        fault(one)
        del due[one]


def told(spare, what):
    print(f"{what}: dead {min(spare) * 1000:.0f} to {max(spare) * 1000:.0f} ms before the next one's token")
