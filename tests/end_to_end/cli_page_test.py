"""docs/cli.md and the README: each command line in a ```console block is typed into a shell, and prints what the page
says; for times, ids and ... anything of their kind may stand there."""

import os
import pathlib
import re
import subprocess
import time

import pytest

from lockctl import lockctl
from server import BINARY, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/cli.md"
PATIENCE = 20
LOOKS = re.compile(r"lockctl (list|show|queue|history|status)\b")  # may be asked again until what it tells is so

# What may be another one each time, as it stands on the page.
KINDS = [r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{3})?Z?", r"(?<!:)\b\d\d:\d\dZ", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
         r"(?<![\w.])(?:\d+h)?(?:\d+m)?\d+s(?![\w.])"]


def section(title, page=None):
    text = (page or PAGE).read_text()
    return re.split(r"^## ", text.split(f"\n## {title}\n")[1], flags=re.M)[0]


def commands_of(text):
    """(command, [lines it prints]) of all ```console blocks; a here-document belongs to its command."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        until = None
        for line in block.splitlines():
            if until is not None:
                found[-1][0] += "\n" + line
                until = None if line == until else until
            elif line.startswith("$ "):
                found.append([line[2:], []])
                here = re.search(r"<<'(\w+)'", line)
                until = here[1] if here else None
            else:
                found[-1][1].append(line)
    return [tuple(one) for one in found]


def pattern_of(line):
    """What a printed line has to be like."""
    kinds = re.compile("|".join(f"({kind})" for kind in KINDS) + r"|(\.\.\.)|( +)")
    pattern, at = "", 0
    for hit in kinds.finditer(line):
        pattern += re.escape(line[at:hit.start()])
        if hit[len(KINDS) + 1]:
            pattern += ".*"
        elif hit[len(KINDS) + 2]:
            pattern += " +"
        else:
            pattern += next(kind for number, kind in enumerate(KINDS) if hit[number + 1])
        at = hit.end()
    return pattern + re.escape(line[at:]) + " *"


def matches(lines, printed):
    """`printed` is what the page shows; a line of ... stands for any number of lines."""
    pattern = "".join("(?:.*\n)*" if line == "..." else pattern_of(line) + "\n" for line in lines)
    return re.fullmatch(pattern, printed)


class Shell:
    """One bash that is typed into."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.process.stdin.write("umask 022\n")
        self.number = 0

    def type(self, command):
        """What it printed, in the order in which it came; $? is the command's in the next."""
        self.number += 1
        end = f"--- {self.number} ---"
        # Without a final newline, as from jq -j, the mark still has a line of its own.
        self.process.stdin.write(f"{{ (exit ${{last:-0}}); {command}\n}} </dev/null; last=$?; printf '\\n{end}\\n'\n")
        printed = ""
        for line in self.process.stdout:
            if line == end + "\n":
                return printed[:-1] if printed.endswith("\n") else printed
            printed += line
        raise AssertionError(f"the shell ended at {command}: {printed}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def shell(tmp_path):
    """A person's shell, with the tools in its PATH and a server where the page has it."""
    with Server(tmp_path / "server", args=["--door", "workflow=127.0.0.1:0"]) as server:
        (tmp_path / "home").mkdir()
        shell = Shell(tmp_path / "home", {
            "PATH": f"{BINARY.parent}:{os.environ['PATH']}", "HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8", "TZ": "UTC",
            "LOCKCTL_HOLDER": "alice@bastion", "LOCKCTL_SERVER": server.url})
        shell.addresses = {"127.0.0.1:3000": f"127.0.0.1:{server.port}",
                           "127.0.0.1:8081": f"127.0.0.1:{server.door_ports['workflow']}"}
        yield shell
        shell.close()


def play(shell, commands):
    def here(text):
        for shown, real in shell.addresses.items():
            text = text.replace(shown, real)
        return text

    for command, lines in commands:
        lines = [here(line) for line in lines]
        end = time.monotonic() + (PATIENCE if LOOKS.match(command) else 0)
        while True:
            printed = shell.type(here(command))
            if matches(lines, printed):
                break
            assert time.monotonic() < end, f"$ {command}\nprints\n{printed}\nand not\n" + "\n".join(lines)


@pytest.mark.parametrize("title", ["lockctl", "stormlock", "lockcli"])
def test_every_example_prints_what_the_page_shows(shell, title):
    commands = commands_of(section(title))
    assert len(commands) >= 6
    play(shell, commands)


def test_every_command_of_every_tool_has_an_example():
    verbs = {"lockctl": re.findall(r"^  ([a-z-]+)", lockctl("--help").stdout.split("Commands:")[1].split("Options:")[0], re.M),
             "stormlock": ["acquire", "release", "renew", "current", "is-held"],
             "lockcli": ["get", "create", "delete", "release"]}
    assert len(verbs["lockctl"]) == 10
    for tool, names in verbs.items():
        shown = "\n".join(command for command, _ in commands_of(section(tool)))
        missing = [name for name in names if not re.search(rf"\b{tool} (\S+ )*?{name}\b", shown)]
        assert missing == [], tool


def test_a_persons_first_lock_is_three_lines_of_the_readme(shell):
    commands = commands_of(section("A person's first lock", ROOT / "README.md"))
    assert len(commands) == 3
    play(shell, commands)
    assert [command.split()[1] for command, _ in commands] == ["lock", "list", "unlock"]


def test_the_comparison_notices_what_is_not_so():
    line = "production  alice@bastion  2026-11-21 14:02:10Z  0s  1"
    for good in (line, "production alice@bastion    2027-01-02 03:04:05Z  1h2m3s  1"):
        assert matches([line], good + "\n"), good
    for bad in ("production  alice@bastion  yesterday  0s  1", "production  bob@desk  2026-11-21 14:02:10Z  0s  1",
                "production  alice@bastion  2026-11-21 14:02:10Z  0s  2", line + "\n" + line, ""):
        assert not matches([line], bad + "\n"), bad
    assert matches(["a", "..."], "a\nb\nc\n") and not matches(["a"], "a\nb\n") and matches(["a...c"], "abbc\n")
