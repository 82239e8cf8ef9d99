"""Ctrl-C while stormlock takes a lock leaves no lock behind, on each backend, and always ends it.

LOCKKEEPER_STORMLOCK_BACKEND chooses one backend.
"""

import contextlib
import os
import signal
import subprocess
import time

import pytest

from pausing_proxy import PausingProxy
from stormlock_backends import KINDS
from stormlock_runs import Stormlock

CHOSEN = os.environ.get("LOCKKEEPER_STORMLOCK_BACKEND")
# What the question has in it that takes the lock.
TAKING = {"redis": b"EVAL", "etcd": b"/db/id", "postgresql": b"INSERT", "dynamodb": b"PutItem", "mysql": b"INSERT",
          "lockkeeper": b"PUT /"}


@pytest.fixture(scope="module", params=[CHOSEN] if CHOSEN else list(KINDS))
def place(request):
    with KINDS[request.param]() as place:
        yield place


@pytest.fixture
def stormlock(place, tmp_path):
    place.empty()
    return Stormlock(tmp_path, place.kind, place.settings)


@contextlib.contextmanager
def acquiring(stormlock, place):
    """A run that has taken the lock and does not know; and the proxy in between."""
    port = place.server.port if place.kind == "lockkeeper" else place.store.port
    with PausingProxy(port, TAKING[place.kind]) as proxy:
        through = {key: str(value).replace(str(port), str(proxy.port)) for key, value in place.settings.items()}
        process = Stormlock(stormlock.folder / "through", place.kind, through).start("acquire", "db")
        try:
            assert proxy.asked.wait(30), "it does not ask for the lock"
            yield process, proxy
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_an_acquire_gives_back_what_was_taken(stormlock, place, number):
    with acquiring(stormlock, place) as (process, proxy):
        process.send_signal(number)
        proxy.answer()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (-number, ""), err
    assert stormlock.held_by("db") is None


def test_the_second_signal_ends_it_at_once(stormlock, place):
    with acquiring(stormlock, place) as (process, _):
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)  # it tries to give back what it may have taken
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT
        assert time.monotonic() - began < 2


def test_it_does_not_wait_for_ever_for_an_answer(stormlock, place):
    with acquiring(stormlock, place) as (process, _):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
        assert time.monotonic() - began < 9
