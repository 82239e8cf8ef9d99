"""Many processes of stormlock want one lock, on each of its backends: one has it.

LOCKKEEPER_STORMLOCK_BACKEND chooses one backend. LOCKKEEPER_STORMLOCK_ROUNDS makes it longer.
"""

import collections
import concurrent.futures
import os
import pathlib
import subprocess
import tempfile

import pytest

from server import wait_for
from stormlock_backends import KINDS
from stormlock_steps import BIN, PATH

CROWD = 20
ROUNDS = int(os.environ.get("LOCKKEEPER_STORMLOCK_ROUNDS", "2"))


CHOSEN = os.environ.get("LOCKKEEPER_STORMLOCK_BACKEND")
Ended = collections.namedtuple("Ended", "exit stdout stderr")


class Crowd:
    """Processes of stormlock over one database."""

    def __init__(self, folder, place):
        self.folder, self.place = folder, place
        (folder / ".stormlock.cfg").write_text(f"[default]\nprincipal = me\nttl = 1h\nbackend = {place.kind}\n{place.section()}")

    def start(self, *words):
        return subprocess.Popen([BIN / "stormlock", *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"PATH": PATH, "HOME": str(self.folder), "TZ": "UTC"})

    def end(self, process):
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out.strip(), err)

    def run(self, *words):
        return self.end(self.start(*words))

    def acquired(self, *words):
        done = self.run("acquire", *words)
        assert done.exit == 0, done
        return done.stdout

    def at_once(self, resource):
        """All of them acquire it; the id of the one who has got it."""
        processes = [self.start("acquire", resource) for _ in range(CROWD)]
        ended = [self.end(process) for process in processes]
        exits = collections.Counter(one.exit for one in ended)
        assert exits == {0: 1, 2: CROWD - 1}, ended
        winner = next(one.stdout for one in ended if one.exit == 0)
        for one in ended:
            assert one.stdout == winner, "who is refused is told the winner's id"
            assert one.stderr == ("" if one.exit == 0 else "Lock held\n")
        return winner


@pytest.fixture(scope="module", params=[CHOSEN] if CHOSEN else list(KINDS))
def crowd(request):
    with KINDS[request.param]() as place, tempfile.TemporaryDirectory(prefix="stormlock-crowd-") as folder:
        yield Crowd(pathlib.Path(folder), place)


def test_of_twenty_at_one_time_one_has_the_lock(crowd):
    for number in range(ROUNDS):
        winner = crowd.at_once(f"free-{number}")
        assert crowd.run("current", "--id-only", f"free-{number}").stdout == winner


def test_of_twenty_who_find_an_expired_lease_one_has_the_lock(crowd):
    names = [f"expired-{number}" for number in range(ROUNDS)]
    left = {name: crowd.acquired("-t", "2s", name) for name in names}
    for name in names:
        wait_for(lambda: crowd.run("current", name).exit == 1, f"the end of the lease of {name}")
        winner = crowd.at_once(name)
        assert winner != left[name]
        assert crowd.run("renew", name, left[name]).exit == 3
        assert crowd.run("current", "--id-only", name).stdout == winner


def test_nobody_is_in_while_somebody_is(crowd):
    """Workers who take the lock, go in, come out, and give it back, until each has been in."""
    inside = crowd.folder / "inside"

    def work():
        entered = 0
        while entered < ROUNDS:
            done = crowd.run("acquire", "door")
            assert done.exit in (0, 2), done
            if done.exit == 2:
                continue
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            assert crowd.run("is-held", "door", done.stdout).exit == 0
            inside.unlink()
            assert crowd.run("release", "door", done.stdout).exit == 0
            entered += 1
        return entered

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [worker.result() for worker in [pool.submit(work) for _ in range(4)]] == [ROUNDS] * 4
    assert crowd.run("current", "door").exit == 1
