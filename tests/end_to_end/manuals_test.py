"""The manuals of deploy/man/ are well-formed, and say what --help says: no option, command or exit code more or less."""

import pathlib
import re
import subprocess

import pytest

from server import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "deploy/man"
TOOLS = ["lockctl.1", "stormlock.1", "lockcli.1", "lockkeeper.8", "lockagt.8"]
COMMANDS = {"lockctl": ["list", "show", "lock", "unlock", "queue", "history", "force-release", "status", "run", "completion"],
            "stormlock": ["acquire", "release", "renew", "current", "is-held"]}


def printed(tool, *words):
    return subprocess.run([BINARY.parent / tool, *words], capture_output=True, text=True, timeout=60, check=True).stdout


def page(name):
    """As roff has it, without its escapes."""
    text = (PAGES / name).read_text()
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\(aq", "'").replace("\\(ti", "~")


def part(name, title):
    return page(name).split(f".SH {title}\n")[1].split("\n.SH ")[0]


def options_of(text):
    """Of --help: what begins a line, after a letter perhaps."""
    return set(re.findall(r"^  (?:-\w(?:, | \[ ))?(--[a-z][a-z-]+)", text, re.M))


def test_each_tool_has_a_manual():
    assert sorted(path.name for path in PAGES.iterdir()) == sorted(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_the_manual_is_well_formed(name):
    for command in (["mandoc", "-T", "lint", "-W", "warning", str(PAGES / name)],):
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", ""), run
    assert re.match(rf"\.TH {name.split('.')[0].upper()} {name[-1]} ", (PAGES / name).read_text())


@pytest.mark.parametrize("name", TOOLS)
def test_the_manual_has_the_options_of_help_and_no_others(name):
    tool = name.split(".")[0]
    helped = options_of(printed(tool, "--help"))
    for command in COMMANDS.get(tool, []):
        helped |= options_of(printed(tool, command, "--help"))
    assert len(helped) >= 5
    shown = set(re.findall(r"^\.TP\n(?:-\w, )?(--[a-z][a-z-]+)", page(name), re.M))
    assert shown == helped


@pytest.mark.parametrize("name", ["lockctl.1", "stormlock.1", "lockcli.1"])
def test_the_manual_has_the_exit_codes_of_help(name):
    helped = re.findall(r"^  (\d+) +(.+)$", printed(name.split(".")[0], "--help").split("Exit codes:")[1], re.M)
    assert re.findall(r"^\.TP\n(\d+)\n(.+)$", part(name, "EXIT STATUS"), re.M) == helped


@pytest.mark.parametrize("tool", COMMANDS)
def test_the_manual_has_each_commands_usage(tool):
    shown = re.findall(rf"^\.SS {tool} (\S+)", page(f"{tool}.1"), re.M)
    assert shown == COMMANDS[tool]


def test_the_manual_has_the_variables_that_lockctl_reads():
    source = (ROOT / "cli/lockctl/configuration.cpp").read_text()
    read = set(re.findall(r'"(LOCKCTL_[A-Z_]+)"', source))
    assert set(re.findall(r"^\.TP\n(LOCKCTL_[A-Z_]+)", part("lockctl.1", "ENVIRONMENT"), re.M)) == read and len(read) >= 8
