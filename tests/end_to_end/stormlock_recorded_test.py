"""Every case recorded from the original stormlock is played to ours, against real databases, and held against what it
says.

LOCKKEEPER_STORMLOCK_BACKEND takes the cases of one: none, redis, etcd, postgresql, dynamodb, or several (cases that need
more than one).
"""

import concurrent.futures
import contextlib
import os

import pytest

import recorded
from stormlock_backends import KINDS
from stormlock_differences import DIFFERENT, REASONS
from stormlock_steps import Case

ALL = recorded.load(recorded.recorded_path("stormlock.jsonl"))
CHOSEN = os.environ.get("LOCKKEEPER_STORMLOCK_BACKEND")


def group(case):
    backends = case["backends"]
    return "several" if len(backends) > 1 else backends[0] if backends else "none"


CASES = [case for case in ALL if CHOSEN in (None, group(case))]
assert CASES, f"LOCKKEEPER_STORMLOCK_BACKEND={CHOSEN} chooses nothing"


def played(case):
    """The steps up to one after which a sound program has nothing more to do."""
    for number, step in enumerate(case["steps"]):
        if case["copy"] == "no" and step.get("want", {}).get("then") == "stop":
            return case["steps"][:number + 1]
    return case["steps"]


def sleeps(case):
    return any("sleep_before_s" in step for step in played(case))


def play(case, places):
    with Case(case, places) as one:
        one.play(DIFFERENT.get(case["case"], {}))


def play_alone(case, beside):
    with contextlib.ExitStack() as stack:
        play(case, [stack.enter_context(place.another()) for place in beside])


@pytest.fixture(scope="session")
def places():
    """kind -> a database of that kind, started when it is asked for."""
    with contextlib.ExitStack() as stack:
        started = {}

        def place(kind):
            if kind not in started:
                started[kind] = stack.enter_context(KINDS[kind]())
            started[kind].empty()
            return started[kind]
        yield place


def ours(row):
    """What `acquire` makes of a ttl text on the command line and in the configuration: exit codes, and seconds."""
    if row.get("python") or row["seconds"] == 0:
        return 2, 1, None, None  # accidents of the original's parser, and 0: refused
    return (row["option_exit"], row["config_exit"], row.get("option_seconds", row["seconds"]),
            row.get("config_seconds", row["seconds"]))


def play_ttl_texts(case, redis):
    with Case(case, [redis]) as one:
        def check(row, exit_code, seconds, config, *option):
            if config is not None:
                (one.root / "work" / ".stormlock.cfg").write_text(one.filled(config), encoding="utf-8")
            ended = one.run({"argv": ["stormlock", "acquire", *option, "res"]})
            assert ended.exit == exit_code, (row, option, ended)
            assert (ended.stdout == "") == (exit_code != 0) and (ended.stderr == "") == (exit_code == 0), (row, ended)
            if exit_code == 0:
                assert seconds - 2 <= redis.store.ask("TTL", "res") <= seconds, row
                redis.empty()

        for row in case["table"]:
            option_exit, config_exit, option_seconds, config_seconds = ours(row)
            check(row, option_exit, option_seconds, case["config"], f"--ttl={row['ttl']}")
            if row["config_exit"] is not None:
                check(row, config_exit, config_seconds, case["config"].replace("1 days", row["ttl"]))


@pytest.fixture(scope="session")
def sleepers(places):
    """Cases in which a lease's time goes by are played at one time, each with a database of its own."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        yield {case["case"]: pool.submit(play_alone, case, [places(kind) for kind in case["backends"]])
               for case in CASES if sleeps(case)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_recorded_case(case, places, sleepers):
    if case["case"] in sleepers:
        sleepers[case["case"]].result()
    elif "table" in case:
        play_ttl_texts(case, places("redis"))
    else:
        play(case, [places(kind) for kind in case["backends"]])


def test_every_difference_is_of_a_recorded_case_and_says_why():
    cases = {case["case"]: case for case in ALL}
    for name, steps in DIFFERENT.items():
        for number, difference in steps.items():
            assert number < len(cases[name]["steps"]), name
            assert difference["why"] in REASONS, name
