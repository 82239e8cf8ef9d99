"""Runs of stormlock with a configuration of their own, and what they say of a failure."""

import itertools
import pathlib
import subprocess

from stormlock_steps import BIN, PATH

RESOURCE = "res"


class Stormlock:
    """stormlock(*words) runs it and gives its end. backend: its name; section: lines of its section by default, name ->
    value."""

    def __init__(self, folder, backend, section):
        self.folder, self.backend, self.section = pathlib.Path(folder), backend, section
        self.numbers = itertools.count()

    def but(self, **settings):
        """Another one, with other settings; None takes one away."""
        return Stormlock(self.folder / f"but{next(self.numbers)}", self.backend, self.section | settings)

    def start(self, *words, env=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{name} = {str(value).replace('%', '%%')}\n" for name, value in self.section.items()
                        if value is not None)
        config = self.folder / f"{next(self.numbers)}.cfg"
        config.write_text(f"[default]\nprincipal = me\nttl = 1h\nbackend = {self.backend}\n[backend.{self.backend}]\n{lines}")
        return subprocess.Popen([BIN / "stormlock", "-c", config, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"PATH": PATH, "HOME": str(self.folder), "TZ": "UTC"} | (env or {}))

    def __call__(self, *words, env=None):
        return ended(self.start(*words, env=env))

    def acquired(self, resource=RESOURCE, *, ttl="1h", env=None):
        done = self("acquire", "-t", ttl, resource, env=env)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def held_by(self, resource=RESOURCE, *, env=None):
        """A lease's id, or None."""
        done = self("current", "--id-only", resource, env=env)
        assert done.returncode == 0 or (done.returncode, done.stderr) == (1, "no lock held\n"), done
        return done.stdout.strip() or None

    def refused(self, resource=RESOURCE, *, env=None):
        """The id of who is in the way of an acquire."""
        done = self("acquire", resource, env=env)
        assert (done.returncode, done.stderr) == (2, "Lock held\n"), done
        return done.stdout.strip()

    def fails(self, *words, without=(), env=None):
        """What it says, one line, when it can do nothing."""
        done = self(*words, env=env)
        assert (done.returncode, done.stdout) == (1, ""), done
        assert done.stderr.startswith("stormlock: ") and done.stderr.count("\n") == 1, done.stderr
        for secret in without:
            assert secret not in done.stderr, done.stderr
        return done.stderr


def ended(process):
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
