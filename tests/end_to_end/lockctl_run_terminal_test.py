"""lockctl run as a job of a shell on a terminal: keys reach the command, and it stops and goes on as any job does."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

from lockctl_run import BIN, PATIENCE, children, lives, state
from server import Server, wait_for


class Shell:
    """bash on a terminal of its own."""

    PROMPT = "ready> "

    def __init__(self, url):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "LOCKCTL_SERVER": url, "PS1": self.PROMPT, "TERM": "xterm",
                           "HOME": "/nowhere", "NO_COLOR": "1"}
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.read = ""
        self.shows(self.PROMPT)

    def types(self, text):
        """Keys; ^C and ^Z as "\\x03" and "\\x1a". What was shown before counts no more."""
        self.read = ""
        os.write(self.terminal, text.encode())

    def shows(self, text):
        """Waits for it; returns all that was shown since the last keys."""
        end = time.monotonic() + PATIENCE
        while text not in self.read:
            ready = select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]
            assert ready, f"never shown: {text!r}, but {self.read!r}"
            self.read += os.read(self.terminal, 4096).decode()
        return self.read

    def does(self, line):
        """What it shows, until it is ready again."""
        self.types(line + "\n")
        shown = self.shows("\n" + self.PROMPT)
        return shown.split("\n", 1)[1].rsplit(self.PROMPT, 1)[0].replace("\r", "").strip()

    def job(self):
        """lockctl, its guard and the command."""
        def look():
            for lockctl, name in children(self.pid):
                if name != "lockctl":
                    continue
                for guard, _ in children(lockctl):
                    for command, _ in children(guard):
                        return lockctl, guard, command
            return None
        return wait_for(look, "a job")

    def end(self):
        for pid in [*[each for each, _ in children(self.pid)], self.pid]:
            for number in (signal.SIGKILL, signal.SIGCONT):
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def shell(server):
    started = Shell(server.url)
    yield started
    started.end()


@pytest.fixture
def name(request):
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture
def lock(server, name):
    def look(part=""):
        return json.loads(server.request("GET", f"/lock/{name}{part}").body)
    return look


def test_ctrl_c_reaches_the_command_and_the_lock_is_given_back(shell, lock, name):
    shell.types(f"lockctl run {name} -- sh -c 'trap \"echo clean; exit 5\" INT; echo go; read x'\n")
    shell.shows("go\r\n")
    shell.types("\x03")
    assert "clean" in shell.shows(Shell.PROMPT)
    assert shell.does("echo $?") == "5"
    shell.types(f"lockctl run {name} -- sh -c 'echo go; exec sleep 1000'\n")
    shell.shows("go\r\n")
    assert shell.job()
    shell.types("\x03")
    shell.shows(Shell.PROMPT)
    assert shell.does("echo $?") == "130"
    assert not lock()["claims"]


def test_the_command_reads_the_terminal_and_another_comes_after_it(shell, name):
    shell.types(f"lockctl run {name} -- cat\n")
    shell.job()
    shell.types("once\n")
    assert shell.shows("once\r\nonce\r\n")
    shell.types("\x04")
    shell.shows(Shell.PROMPT)
    assert shell.does("read x; echo $?\nagain").endswith("0")


def test_ctrl_z_stops_the_job_and_fg_and_bg_resume_it(shell, lock, name):
    shell.types(f"lockctl run {name} -- cat\n")
    lockctl, guard, command = shell.job()
    wait_for(lambda: os.tcgetpgrp(shell.terminal) == command, "the command in the foreground")
    shell.types("\x1a")
    assert "Stopped" in shell.shows(Shell.PROMPT)
    assert state(lockctl) == state(command) == "T" and state(guard) == "S"
    shell.types("fg\n")
    wait_for(lambda: os.tcgetpgrp(shell.terminal) == command, "the command in the foreground")
    wait_for(lambda: state(command) == "S", "it to go on")
    shell.types("hello\n")
    shell.shows("hello\r\nhello\r\n")
    shell.types("\x1a")
    shell.shows(Shell.PROMPT)
    # In the background it may not read: it stops anew, and so does the job.
    shell.does("bg")
    wait_for(lambda: state(lockctl) == state(command) == "T", "the job to stop")
    shell.types("fg\n")
    wait_for(lambda: os.tcgetpgrp(shell.terminal) == command, "the command in the foreground")
    shell.types("again\n")
    shell.shows("again\r\nagain\r\n")
    shell.types("\x03")
    shell.shows(Shell.PROMPT)
    assert not lock()["claims"]


def test_a_job_in_the_background_leaves_the_terminal_alone(shell, name):
    shell.does(f"lockctl run {name} -- sleep 1000 &")
    _, _, command = shell.job()
    assert shell.does("echo mine") == "mine"
    # Brought to the foreground while it runs, it is lockctl that ^C hits.
    shell.types("fg\n")
    shell.shows("sleep 1000\r\n")
    shell.types("\x03")
    shell.shows(Shell.PROMPT)
    assert shell.does("echo $?") == "130"
    assert not lives(command)


def test_a_job_that_is_stopped_for_longer_than_its_lease_is_ended(shell, lock, name):
    shell.types(f"lockctl run {name} --ttl 700ms -- sh -c 'echo go; exec sleep 1000'\n")
    shell.shows("go\r\n")
    _, _, command = shell.job()
    shell.types("\x1a")
    shell.shows(Shell.PROMPT)
    wait_for(lambda: not lives(command), "the command to be ended")
    wait_for(lambda: not lock()["claims"], "the lease to lapse")
    assert f"the lease on {name} is lost" in shell.does("fg")
    assert shell.does("echo $?") == "123"


def test_a_terminal_is_left_as_it_was(shell, name):
    before = shell.does("stty -g")
    shell.does(f"lockctl run {name} -- sh -c 'stty -echo -icanon; kill -9 $$'")
    assert shell.does("stty -g") == before


def test_the_place_in_the_queue_is_shown_on_one_line(shell, server, lock, name):
    server.request("PUT", f"/lock/{name}", b'{"key":"k","lock_by":"first","claim":"c","request":"r"}')
    shell.types(f"lockctl run {name} --wait 1m -- echo its turn\n")
    shown = shell.shows("next in the queue")
    assert f"waiting for {name}: held by first since " in shown
    server.request("DELETE", f"/lock/{name}", b'{"key":"k","lock_by":"first","claim":"c"}')
    assert "\r\x1b[Kits turn" in shell.shows(Shell.PROMPT), "the line is gone"


def test_a_signal_between_the_grant_and_the_start_is_heard(shell, server, lock, name):
    """The terminal stands still, so that the line of waiting cannot be taken away."""
    server.request("PUT", f"/lock/{name}", b'{"key":"k","lock_by":"first","claim":"c","request":"r"}')
    shell.types(f"lockctl run {name} --as second --wait 1m -- echo 'never''theless'\n")
    shell.shows("next in the queue")
    lockctl, = [pid for pid, each in children(shell.pid) if each == "lockctl"]
    shell.types("\x13")
    server.request("DELETE", f"/lock/{name}", b'{"key":"k","lock_by":"first","claim":"c"}')
    wait_for(lambda: [claim["holder"] for claim in lock()["claims"]] == ["second"], "it to be granted")
    os.kill(lockctl, signal.SIGTERM)
    shell.types("\x11")
    assert "nevertheless" not in shell.shows(Shell.PROMPT)
    assert shell.does("echo $?") == "143"
    assert not lock()["claims"]


def test_ctrl_c_leaves_the_queue(shell, server, lock, name):
    server.request("PUT", f"/lock/{name}", b'{"key":"k","lock_by":"first","claim":"c","request":"r"}')
    shell.types(f"lockctl run {name} --wait 1m -- echo never\n")
    shell.shows("next in the queue")
    shell.types("\x03")
    shell.shows(Shell.PROMPT)
    assert shell.does("echo $?") == "130"
    assert not lock()["queue"]
