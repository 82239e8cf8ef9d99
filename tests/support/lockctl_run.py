"""lockctl run as a test sees it: the process, its guard, and the life of a command that beats (beats.cpp)."""

import datetime
import json
import os
import pathlib
import select
import signal
import struct
import subprocess
import threading
import time

from server import PATIENCE, wait_for

BIN = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")).resolve()


def boot_time():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def granted_at(server, lock, token):
    """By the boot clock, as the server's history has it, to the millisecond below."""
    events = json.loads(server.request("GET", f"/lock/{lock}/history?after={token - 1}&limit=1").body)["events"]
    assert events[0]["token"] == token, events
    at = datetime.datetime.fromisoformat(events[0]["at"]).timestamp()
    return at - time.time() + boot_time()


def state(pid):
    """Of a process: R, S, T, Z ..., or None where it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def lives(pid):
    return state(pid) not in (None, "Z", "X")


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(rest.split()[1]) == pid:
            found.append((int(path.parent.name), name))
    return found


class Run:
    """lockctl run NAME `options` -- `command`. wrapper: a command that becomes lockctl."""

    def __init__(self, url, lock, *command, options=(), wrapper=(), **popen):
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | popen
        self.environment = {"PATH": os.environ["PATH"], "LOCKCTL_SERVER": url, "HOME": "/nowhere"}
        self.environment |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        self.environment |= popen.pop("environment", {})
        self.process = subprocess.Popen([*wrapper, str(BIN / "lockctl"), "run", lock, *options, "--", *map(str, command)],
                                        env=self.environment, **popen)

    @property
    def pid(self):
        return self.process.pid

    def guard(self):
        return wait_for(lambda: next((pid for pid, name in children(self.pid) if name == "lockctl-guard"), None),
                        "a guard")

    def signal(self, number):
        self.process.send_signal(number)

    def line(self):
        """The next of its output."""
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], "it says nothing"
        return self.process.stdout.readline()

    def close_input(self):
        self.process.stdin.close()
        self.process.stdin = None

    def end(self):
        """Exit code, output and what it said."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def clean_up(self):
        if self.process.poll() is None:
            guards = [pid for pid, _ in children(self.pid)]
            self.process.kill()
            self.process.wait()
            for guard in guards:
                try:
                    os.kill(guard, signal.SIGCONT)  # which then ends the rest
                except ProcessLookupError:
                    pass


class Beats:
    """The life of `beats FILE`."""

    def __init__(self, path, family=False):
        self.paths = [path] + [pathlib.Path(f"{path}.{each}") for each in ("child", "daemon") if family]

    def _said(self):
        for path in self.paths:
            try:
                yield struct.unpack("qq", path.read_bytes())
            except (FileNotFoundError, struct.error):
                yield 0, 0

    def last(self):
        """Of all of them."""
        return max(at for at, _ in self._said()) / 1e9

    def all_live(self):
        return all(pid and lives(pid) for _, pid in self._said())

    def alive(self):
        return [pid for _, pid in self._said() if pid and lives(pid)]


class NextHolder(threading.Thread):
    """Waits in the queue by long polls, whatever happens to the server, and notes when it was granted the lock."""

    def __init__(self, server, lock):
        super().__init__(daemon=True)
        self.server, self.lock = server, lock
        self.granted_at = None  # no later than that, by the boot clock
        self.token = None
        self.start()

    def run(self):
        body = json.dumps({"key": "next", "lock_by": "next", "claim": "next", "request": "one", "begun": 0,
                           "ttl": "1h", "wait": "30s"})
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self.server.request("PUT", f"/lock/{self.lock}", body)
            except OSError:
                select.select([], [], [], 0.02)  # the server is away
                continue
            if answer.status == 200:
                self.granted_at = boot_time()
                self.token = json.loads(answer.body)["token"]
                return

    def is_queued(self):
        queue = json.loads(self.server.request("GET", f"/lock/{self.lock}").body)["queue"]
        return [waiter["holder"] for waiter in queue] == ["next"]

    def wait(self):
        self.join(PATIENCE)
        assert self.granted_at, f"{self.lock} was never granted to the next"
        return self.granted_at
