"""lockctl run while it, its guard or the server fails: the command is dead before the next holder's token is granted,
by the clock of the test.

LOCKKEEPER_RUNS times each (10 unless given), ten at one time, each with a lock of its own.
"""

import json
import os
import signal
import subprocess

import pytest

from guarded_runs import RUNS, TTL, Guarded, at_any_moment, told
from lockctl_run import Run, boot_time, state
from server import Server, wait_for


@pytest.fixture
def tens(tmp_path):
    """Ten runs at a time."""
    began = []

    def go():
        for first in range(0, RUNS, 10):
            directory = tmp_path / str(first)
            directory.mkdir()
            with Server(directory, store="locks.db") as server:
                runs = [Guarded(server, directory, first + each) for each in range(min(10, RUNS - first))]
                began.extend(runs)
                for one in runs:
                    one.await_start()
                yield server, runs
    yield go()
    for one in began:
        one.run.clean_up()


def test_lockctl_stands_still(tens):
    """Its lease ends, and the guard ends the command before."""
    spare = []
    for _, runs in tens:
        at_any_moment(runs, lambda one: one.run.signal(signal.SIGSTOP))
        spare += [one.check() for one in runs]
        for one in runs:
            assert state(one.run.pid) == "T"
            one.run.signal(signal.SIGCONT)
        for one in runs:
            code, _, err = one.run.end()
            assert code == 123 and f"the lease on {one.lock} is lost" in err, err
    told(spare, "SIGSTOP of lockctl")


def test_lockctl_is_killed(tens):
    """The guard ends the command, and gives the lock back."""
    spare = []
    for server, runs in tens:
        at_any_moment(runs, lambda one: one.run.signal(signal.SIGKILL))
        spare += [one.check() for one in runs]
        for one in runs:
            _, _, err = one.run.end()
            assert "it was killed" in err
            assert one.how_it_ended() == "released", "not by its ttl"
            wait_for(lambda: state(one.guard) is None, "the guard to be gone")
    told(spare, "SIGKILL of lockctl")


def test_lockctl_is_killed_while_it_gives_the_lock_back(tmp_path):
    """Its guard goes on with that, and ends."""
    with Server(tmp_path, store="locks.db") as server:
        one = Run(server.url, "a", "sh", "-c", "echo $$; read line", stdin=subprocess.PIPE, options=["--ttl", "1h"])
        command = int(one.line())
        guard = one.guard()
        server.kill()
        one.close_input()
        wait_for(lambda: state(command) is None, "the command to have ended")
        one.signal(signal.SIGKILL)
        server.environment["PORT"] = str(server.port)
        server.start()
        wait_for(lambda: not json.loads(server.request("GET", "/lock/a").body)["claims"], "the lock to be given back")
        wait_for(lambda: state(guard) is None, "the guard to be gone")
        assert one.end()[::2] == (-signal.SIGKILL, ""), "nothing is said of a command that has ended by itself"


def test_the_guard_is_killed(tens):
    """lockctl ends the command, since nobody would if it stood still itself, and gives the lock back."""
    spare = []
    for _, runs in tens:
        at_any_moment(runs, lambda one: os.kill(one.guard, signal.SIGKILL))
        spare += [one.check() for one in runs]
        for one in runs:
            code, _, err = one.run.end()
            assert code == 123 and "its guard was killed" in err, (code, err)
            assert one.how_it_ended() == "released", "not by its ttl"
    told(spare, "SIGKILL of the guard")


def test_the_server_is_killed(tens):
    """Nobody answers any more: the command is dead when its lease would be over, whenever the server comes back."""
    spare = []
    for server, runs in tens:
        server.kill()
        killed_at = boot_time()
        for one in runs:
            code, _, err = one.run.end()
            assert code == 123 and "it could not be renewed: " in err, (code, err)
            assert not one.beats.alive()
            assert one.beats.last() < killed_at + TTL
        server.environment["PORT"] = str(server.port)
        server.start()
        spare += [one.check() for one in runs]
    told(spare, "SIGKILL of the server")


def test_all_but_the_command_stand_still_for_less_than_the_lease(tens):
    """And it lives on: what is guarded is not ended for nothing."""
    for _, runs in tens:
        for one in runs:
            one.run.signal(signal.SIGSTOP)
            os.kill(one.guard, signal.SIGSTOP)
        for one in runs:
            wait_for(lambda: state(one.run.pid) == state(one.guard) == "T", "both to stand still")
            os.kill(one.guard, signal.SIGCONT)
            one.run.signal(signal.SIGCONT)
        since = boot_time()
        for one in runs:
            wait_for(lambda: one.beats.last() > since + TTL, "it to outlive the lease that it had then")
            assert one.beats.all_live()
            one.run.signal(signal.SIGKILL)
            one.check()
