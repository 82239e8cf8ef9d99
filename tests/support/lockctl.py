"""Runs of lockctl. Configuration files, proxies and the like of whoever runs the tests stay out."""

import json
import re
import subprocess

from server import BINARY

LOCKCTL = BINARY.parent / "lockctl"
PATIENCE = 60
NOWHERE = "/nonexistent"


def environment_of(**environment):
    return {"HOME": NOWHERE, "LC_ALL": "C"} | environment


def lockctl(*arguments, **environment):
    """One run of it: returncode, stdout, stderr."""
    return subprocess.run([LOCKCTL, *arguments], env=environment_of(**environment), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE)


def started(*arguments, **environment):
    return subprocess.Popen([LOCKCTL, *arguments], env=environment_of(**environment), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(run, *words):
    """What a run that went well printed, with these words."""
    assert run.returncode == 0 and run.stderr == "", run
    for word in words:
        assert word in run.stdout, run
    return run.stdout


def shown(run, code=0):
    """The one JSON value on stdout."""
    assert run.returncode == code, run
    assert run.stdout.endswith("\n")
    return json.loads(run.stdout)


def failed(run, code, *words):
    """It said one sentence, on stderr alone, that has these words."""
    assert run.returncode == code, run
    assert run.stdout == ""
    assert re.fullmatch(r"lockctl: [^\n]+\n", run.stderr), run.stderr
    for word in words:
        assert word in run.stderr, run.stderr
    return run.stderr
