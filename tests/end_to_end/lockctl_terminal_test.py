"""lockctl on a terminal: a pty of the test's own, which is read as a person would."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import urllib.parse

import pytest

from ask import ask
from lockctl import LOCKCTL, PATIENCE, environment_of, lockctl, said
from server import Server, wait_for

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ENTER, LEAVE, HIDE, SHOW = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("terminal")) as server:
        yield server


@pytest.fixture
def at(server):
    yield {"LOCKCTL_SERVER": server.url}
    for name in ask(server, "GET", "/locks?view=full")[1]["locks"]:
        ask(server, "POST", f"/lock/{urllib.parse.quote(name['lock'])}/force-release", {"reason": "a test is over"})


class Terminal:
    """lockctl on a terminal of its own, in a session of its own, so that Ctrl-C is the terminal's signal."""

    def __init__(self, *arguments, columns=80, rows=24, **environment):
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen(
            [LOCKCTL, *arguments], env=environment_of(TERM="xterm", **environment), stdin=self.slave,
            stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout):
        if select.select([self.master], [], [], timeout)[0]:
            self.text += os.read(self.master, 65536).decode()
            return True
        return False

    def until(self, pattern, start=0):
        """Reads on until what came after `start` matches; returns where the match ended."""
        end = time.monotonic() + PATIENCE
        while True:
            hit = re.compile(pattern, re.S).search(self.text, start)
            if hit:
                return hit.end()
            assert time.monotonic() < end, (pattern, self.text)
            self.read(0.1)

    def ended(self):
        """The exit code, with all that was written."""
        code = self.process.wait(PATIENCE)
        while self.read(0):
            pass
        return code

    def ctrl_c(self):
        os.write(self.master, b"\x03")

    @property
    def lines(self):
        return ESCAPE.sub("", self.text).replace("\r", "").split("\n")[:-1]


def seen(*arguments, **options):
    with Terminal(*arguments, **options) as terminal:
        assert terminal.ended() == 0, terminal.text
        return terminal


def hold(at, lock, holder):
    said(lockctl("lock", lock, "--as", holder, **at))


def test_titles_are_bold_on_a_terminal_and_nowhere_else(at):
    hold(at, "prod", "alice@bastion")
    assert seen("list", **at).text.startswith("\x1b[1mNAME")
    for quiet in ({"NO_COLOR": "1"}, {"LOCKCTL_COLOR": "never"}):
        assert "\x1b" not in seen("list", **at, **quiet).text
    assert "\x1b" not in said(lockctl("list", **at))
    assert "\x1b[1m" in said(lockctl("list", "--color", "always", **at))
    assert "\x1b" not in seen("list", "--color=never", **at).text
    assert "\x1b[1m" in seen("list", "--color=always", **at, NO_COLOR="1").text


def test_a_typewriter_gets_no_escapes(at):
    hold(at, "prod", "alice@bastion")
    master, slave = pty.openpty()
    subprocess.run([LOCKCTL, "list"], env=environment_of(**at, TERM="dumb"), stdin=slave, stdout=slave, check=True)
    assert b"\x1b" not in os.read(master, 65536)
    os.close(master)
    os.close(slave)


def test_columns_fit_the_terminal(at):
    hold(at, "a-lock-with-a-rather-long-name", "alice-with-a-long-name@bastion.example.com")
    wide = seen("list", columns=160, **at).lines
    assert re.search(r"long-name +alice-with-a-long-name@bastion.example.com +20\d\d-.*Z +\d+s +1 +0$", wide[1]), wide
    for columns in (100, 80, 60, 40, 20):
        lines = seen("list", columns=columns, **at).lines
        assert len(lines) == 2 and all(len(line) <= columns for line in lines), (columns, lines)
        assert lines[0].startswith("NAME") and lines[1].startswith("a-lock"), lines
    assert "HOLDER" in lines[0] and "…" in lines[1] and "SINCE" not in lines[0]


def test_wide_letters_take_two_columns(at):
    for name, holder in (("鍵", "田中@東京"), ("plain", "x")):
        hold(at, name, holder)
    lines = seen("list", **at).lines
    position = [line.index("20") if "20" in line else line.index("SINCE") for line in lines]
    # The letters that take two columns are one character each in what was read.
    assert position == [position[0], position[0], position[0] - 5], lines


def test_an_empty_list_says_so(at):
    assert seen("list", **at).lines == ["no lock is held"]


def test_watch_redraws_upon_a_change_and_ctrl_c_leaves_the_terminal_as_it_was(at):
    hold(at, "prod", "alice@bastion")
    with Terminal("list", "--watch", "--interval", "50ms", **at) as terminal:
        first = terminal.until("prod +alice@bastion")
        assert terminal.text.index(ENTER) < terminal.text.index("prod") and HIDE in terminal.text
        said(lockctl("unlock", "prod", "--as", "alice@bastion", **at))
        hold(at, "prod", "bob@desk")
        second = terminal.until("prod +bob@desk", first)
        terminal.until("\x1b\\[J", second)  # a whole frame: what is left of the one before is gone
        terminal.ctrl_c()
        assert terminal.ended() == 130
        assert terminal.text.endswith(SHOW + LEAVE)
        assert termios.tcgetattr(terminal.slave) == terminal.before


def test_watch_draws_anew_when_the_window_changes(at):
    for number in range(30):
        hold(at, f"lock-{number:02}", "alice@bastion")
    with Terminal("list", "--watch", "--interval", "1h", rows=10, **at) as terminal:
        first = terminal.until("\x1b\\[J")
        assert len(terminal.lines) + 1 == 10 and "lock-05" in terminal.text and "lock-06" not in terminal.text
        assert "..." in terminal.text
        terminal.resize(40, 20)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        second = terminal.until("\x1b\\[J", first)
        assert all(len(line) <= 40 for line in ESCAPE.sub("", terminal.text[first:second]).split("\r\n"))
        terminal.process.terminate()
        assert terminal.ended() == 143 and terminal.text.endswith(SHOW + LEAVE)


def test_watch_survives_its_servers_restart(tmp_path):
    with Server(tmp_path) as server:
        with Terminal("list", "--watch", "--interval", "50ms", LOCKCTL_SERVER=server.url) as terminal:
            terminal.until("NAME")
            server.kill()
            at = terminal.until("Failed to connect")
            server.environment["PORT"] = str(server.port)
            server.start()
            hold({"LOCKCTL_SERVER": server.url}, "prod", "alice@bastion")
            terminal.until("prod +alice@bastion", at)
            terminal.ctrl_c()
            assert terminal.ended() == 130


def test_progress_is_one_line_that_goes_when_the_lock_is_ones_own(server, at):
    hold(at, "prod", "alice@bastion")
    with Terminal("lock", "prod", "--wait", "--as", "bob@desk", columns=120, **at) as terminal:
        terminal.until("waiting for prod: held by alice@bastion since .*next in the queue")
        said(lockctl("unlock", "prod", "--as", "alice@bastion", **at))
        assert terminal.ended() == 0
        assert "\r\x1b[K" in terminal.text and "prod is yours" in terminal.text


def test_ctrl_c_leaves_the_queue(server, at):
    hold(at, "prod", "alice@bastion")
    with Terminal("lock", "prod", "--wait", "--as", "bob@desk", **at) as terminal:
        terminal.until("waiting for prod")
        wait_for(lambda: ask(server, "GET", "/lock/prod")[1]["queue"], "its place")
        terminal.ctrl_c()
        assert terminal.ended() == 130
    assert ask(server, "GET", "/lock/prod")[1]["queue"] == []


def test_a_holders_control_characters_do_not_reach_the_terminal(server, at):
    evil = "\x1b]0;owned\x07\x1b[31mred\u009b2J\x7f\u202e"
    assert ask(server, "PUT", "/lock/prod", {"key": "k", "lock_by": evil, "metadata": {"m": evil}})[0] == 200
    unsafe = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")
    for arguments in (["list"], ["show", "prod"], ["history", "prod"]):
        text = seen(*arguments, columns=200, **at).text
        assert "red" in text and not unsafe.search(ESCAPE.sub("", text)), text
        assert set(ESCAPE.findall(text)) <= {"\x1b[1m", "\x1b[0m"}, text
    with Terminal("lock", "prod", "--wait", columns=200, **at) as terminal:
        terminal.until("waiting for prod: held by .*red")
        terminal.ctrl_c()
        terminal.ended()
        assert not unsafe.search(ESCAPE.sub("", terminal.text)), terminal.text
        assert set(ESCAPE.findall(terminal.text)) <= {"\x1b[K"}, terminal.text
