"""What the original stormlock's README promises, line by line against ours, on each backend.

LOCKKEEPER_STORMLOCK_BACKEND chooses one backend.
"""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import time

import pytest

from stormlock_backends import KINDS
from stormlock_steps import ANY, BIN, PATH

CHOSEN = os.environ.get("LOCKKEEPER_STORMLOCK_BACKEND")
TIME = ANY["<TIME>"]


@pytest.fixture(scope="module")
def places():
    with contextlib.ExitStack() as stack:
        started = {}

        def place(kind):
            if kind not in started:
                started[kind] = stack.enter_context(KINDS[kind]())
            return started[kind]
        yield place


@pytest.fixture(scope="module", params=[CHOSEN] if CHOSEN else list(KINDS))
def place(request, places):
    return places(request.param)


class Operator:
    """A home, and a folder in it, in which commands are typed."""

    def __init__(self, home, place):
        self.home, self.here, self.place = home, home / "here", place
        self.here.mkdir()
        self.environment = {"PATH": PATH, "HOME": str(home), "TZ": "UTC"}

    def write(self, where, principal="me@example.com", text=None):
        path = self.home / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or f"[default]\nttl = 1 days\nprincipal = {principal}\nbackend = {self.place.kind}\n"
                                f"{self.place.section()}")
        return path

    def type(self, *words):
        return subprocess.run([BIN / "stormlock", *map(str, words)], cwd=self.here, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def done(self, *words):
        """What it printed; nothing went wrong."""
        run = self.type(*words)
        assert (run.returncode, run.stderr) == (0, ""), run
        return run.stdout

    def acquired(self, *words):
        out = self.done("acquire", *words)
        assert re.fullmatch(r"\S+\n", out), "a lease id, and nothing else"
        return out.strip()


@pytest.fixture
def operator(place):
    place.empty()
    with tempfile.TemporaryDirectory(prefix="stormlock-readme-") as home:
        yield Operator(pathlib.Path(home), place)


# ---- Configuration


def test_the_configuration_that_it_shows(operator, places):
    """A default for all locks, and a lock of its own ttl in another backend."""
    kind = operator.place.kind
    other = places("etcd" if kind == "redis" else "redis")
    other.empty()
    operator.write("here/.stormlock.cfg", text=f"""# What is not said of a lock is looked up in the default section.
[default]
# how long a lock is held at most unless it is renewed
ttl = 1 days
# who holds it
principal = me@example.com
# and where
backend = {kind}

# For one lock alone
[special]
ttl = 30 minutes
backend = {other.kind}

# Each backend's own
{operator.place.section()}
{other.section()}
""")
    ordinary = operator.acquired("ordinary")
    special = operator.acquired("special")
    for name, lease in (("ordinary", ordinary), ("special", special)):
        assert operator.done("current", "--id-only", name) == lease + "\n"
        assert operator.done("current", name).startswith("Principal: me@example.com\n")
    if other.kind == "redis":
        left = other.store.ask("TTL", "special")
    else:
        left = int(other.ask("/v3/lease/timetolive", {"ID": str(int(special, 16))})["grantedTTL"])
    assert 1790 <= left <= 1800


def test_where_the_configuration_is_looked_for(operator):
    def used():
        lease = operator.acquired("lock")
        principal = operator.done("current", "-f", "oneline", "lock").split("\t")[0]
        operator.done("release", "lock", lease)
        return principal

    run = operator.type("current", "lock")
    assert run.returncode == 1 and ".stormlock.cfg" in run.stderr, "there is none yet, and it says where to put one"
    operator.write(".stormlock.cfg", "third")
    assert used() == "third"
    operator.write(".config/stormlock.cfg", "second, by default")
    assert used() == "second, by default"
    operator.environment["XDG_CONFIG_HOME"] = str(operator.home / "xdg")
    operator.write("xdg/stormlock.cfg", "second")
    assert used() == "second"
    operator.write("here/.stormlock.cfg", "first")
    assert used() == "first"


def test_a_configuration_that_is_named(operator):
    operator.write("here/.stormlock.cfg", "found")
    by_variable, by_option = (operator.write(f"{name}.cfg", name) for name in ("variable", "option"))
    operator.environment["STORMLOCK_CONFIG"] = str(by_variable)
    operator.acquired("one")
    assert "Principal: variable\n" in operator.done("current", "one")
    for option in (("-c", by_option), ("--config", by_option)):
        lease = operator.done(*option, "acquire", "two").strip()
        assert "Principal: option\n" in operator.done(*option, "current", "two")
        operator.done(*option, "release", "two", lease)


# ---- Usage


@pytest.fixture
def configured(operator):
    operator.write("here/.stormlock.cfg")
    return operator


def test_acquire_prints_the_lease_and_fails_while_there_is_one(configured):
    lease = configured.acquired("db")
    again = configured.type("acquire", "db")
    assert again.returncode != 0 and "Lock held" in again.stderr
    assert configured.type("acquire", "--ttl=1 hour", "db").returncode != 0
    assert configured.acquired("another") != lease, "each lock has a lease of its own"
    assert configured.done("current", "--id-only", "db") == lease + "\n", "whoever was refused changed nothing"


def test_release_gives_the_lock_back(configured):
    lease = configured.acquired("db")
    assert configured.done("release", "db", lease) == ""
    assert configured.type("current", "db").returncode != 0
    assert configured.acquired("db") != lease


def test_current_tells_who_and_since_when(configured):
    lease = configured.acquired("db")
    assert re.fullmatch(f"me@example.com\t{TIME}\t{lease}\n", configured.done("current", "-f", "oneline", "db"))
    assert re.fullmatch(f"Principal: me@example.com\nCreated: {TIME}\nId: {lease}\n", configured.done("current", "db"))
    assert configured.done("current", "--id-only", "db") == lease + "\n"
    nobody = configured.type("current", "free")
    assert nobody.returncode != 0 and nobody.stdout == "" and nobody.stderr == "no lock held\n"


def test_is_held_answers_by_its_exit_code(configured):
    lease = configured.acquired("db")
    assert configured.done("is-held", "db", lease) == ""
    assert configured.type("is-held", "free", lease).returncode != 0
    configured.done("release", "db", lease)
    assert configured.type("is-held", "db", lease).returncode != 0


def wait_for_the_end(operator, name):
    """Of the lease of that lock."""
    end = time.monotonic() + 60
    while operator.type("current", name).returncode == 0:
        assert time.monotonic() < end, f"the lease of {name} does not end"
        time.sleep(0.1)


def test_a_lease_ends_after_its_time(configured):
    lease = configured.acquired("--ttl=2s", "db")
    wait_for_the_end(configured, "db")
    assert configured.type("is-held", "db", lease).returncode != 0
    assert configured.type("renew", "db", lease).returncode != 0, "it is not the active one any more"
    following = configured.acquired("db")
    assert configured.type("renew", "db", lease).returncode != 0
    assert configured.done("current", "--id-only", "db") == following + "\n"


def test_renewing_sets_a_new_time_to_live(configured):
    """But etcd's leases keep the time that they were acquired with. Another lease is the clock."""
    lease = configured.acquired("--ttl=2s", "db")
    assert configured.done("renew", "--ttl=1 hour", "db", lease) == ""
    configured.acquired("--ttl=3s", "clock")
    wait_for_the_end(configured, "clock")
    assert (configured.type("is-held", "db", lease).returncode == 0) == (configured.place.kind != "etcd")
