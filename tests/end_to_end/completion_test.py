"""lockctl's completion, as the shells themselves carry it out."""

import os
import pathlib
import shlex
import subprocess

import pytest

from lockctl import LOCKCTL, PATIENCE, environment_of, lockctl, said
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "deploy/completion"
COMMANDS = ["list", "show", "lock", "unlock", "queue", "history", "force-release", "status", "run", "completion"]
GENERAL = ["--server", "--ca-cert", "--config", "--timeout", "--color", "--json", "--help", "--version"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("completion")) as server:
        for name in ("prod", "prod two", "$(touch injected)", "staging"):
            said(lockctl("lock", name, LOCKCTL_SERVER=server.url))
        yield server


def shell(words, folder, server):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
                          env=environment_of(PATH=f"{LOCKCTL.parent}:{os.environ['PATH']}", LOCKCTL_SERVER=server.url))
    assert done.returncode == 0 and done.stderr == "", done
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def bash(words, folder, server):
    script = f"""source {SCRIPTS}/lockctl.bash; compopt() {{ :; }}
    COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _lockctl
    [ ${{#COMPREPLY[@]}} = 0 ] || printf '%s\\n' "${{COMPREPLY[@]}}" """
    return shell(["bash", "--norc", "-c", script], folder, server)


def zsh(words, folder, server):
    # What zsh's completion system would call, and be called by.
    script = f"""compdef() {{ }}; compadd() {{ shift; print -l -- "$@" }}; _files() {{ print -l -- * }}
    source {SCRIPTS}/lockctl.zsh; words=({shlex.join(words)}); CURRENT={len(words)}; _lockctl"""
    return shell(["zsh", "-f", "-c", script], folder, server)


def fish(words, folder, server):
    script = f"source {SCRIPTS}/lockctl.fish; complete -C {shlex.quote(' '.join([*map(shlex.quote, words[:-1]), words[-1]]))}"
    return shell(["fish", "--no-config", "-c", script], folder, server)


@pytest.mark.parametrize("complete", [bash, zsh, fish])
def test_commands_options_values_and_the_names_of_locks_are_offered(complete, server, tmp_path):
    def offered(*words):
        return sorted(complete(["lockctl", *words], tmp_path, server))

    assert offered("") == sorted(COMMANDS)
    assert offered("s") == ["show", "status"]
    assert offered("--c") == ["--ca-cert", "--color", "--config"]
    assert offered("lock", "--") == sorted(["--ttl", "--wait", "--as", "--key", "--claim", "--metadata", *GENERAL])
    assert offered("list", "--color", "") == ["always", "auto", "never"]
    assert offered("completion", "") == ["bash", "fish", "zsh"]
    assert offered("show", "st") == ["staging"]
    assert offered("force-release", "--reason", "why not", "st") == ["staging"]
    assert offered("--server", "http://127.0.0.1:1", "show", "st") == []
    assert offered("show", "prod", "") == []
    assert offered("frob", "") != ["staging"]
    (tmp_path / "a-file.pem").write_text("")
    assert offered("list", "--ca-cert", "") == ["a-file.pem"]


@pytest.mark.parametrize("complete", [bash, zsh, fish])
def test_a_locks_name_is_not_carried_out(complete, server, tmp_path):
    assert len(complete(["lockctl", "show", ""], tmp_path, server)) == 4
    assert not (tmp_path / "injected").exists()


def test_bash_gets_names_that_can_stay_on_its_command_line(server, tmp_path):
    assert bash(["lockctl", "show", "prod"], tmp_path, server) == ["prod", "prod\\ two"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_program_prints_the_script_that_packages_install(name):
    assert said(lockctl("completion", name, LOCKCTL_CONFIG="/nonexistent")) == (SCRIPTS / f"lockctl.{name}").read_text()


def test_the_script_works_as_one_evals_it(server, tmp_path):
    script = 'source <(lockctl completion bash); complete -p lockctl'
    assert shell(["bash", "--norc", "-c", script], tmp_path, server) == ["complete -F _lockctl lockctl"]
    script = 'autoload -Uz compinit && compinit -u -d dump && source <(lockctl completion zsh) && print $_comps[lockctl]'
    assert shell(["zsh", "-f", "-c", script], tmp_path, server) == ["_lockctl"]
    (tmp_path / "_lockctl").write_text(lockctl("completion", "zsh").stdout)  # as the package has it
    script = 'fpath=($PWD $fpath); autoload -Uz compinit && compinit -u -d other && print $_comps[lockctl]'
    assert shell(["zsh", "-f", "-c", script], tmp_path, server) == ["_lockctl"]
