"""The resource's image does the main job: check, in and out in containers, against the server's image by name.

What the verbs do in every case is tested elsewhere, outside of the image; here is what the image could break:
libraries, name resolution, the user, signals to a process that may be the first of its container.
"""

import json
import time

import pytest

SOURCE = {"locker_uri": "http://locks:3000", "lock_name": "prod"}
FOLDER = "/tmp/build/put"


def build(number):
    """The environment of a build, as Concourse sets it."""
    return {
        "ATC_EXTERNAL_URL": "https://ci.example.com",
        "BUILD_ID": str(4000 + number),
        "BUILD_NAME": str(number),
        "BUILD_JOB_NAME": "deploy",
        "BUILD_PIPELINE_NAME": "main",
        "BUILD_TEAM_NAME": "team",
    }


@pytest.fixture
def server(house):
    started = house.server("--listen", "0.0.0.0:3000")
    started.wait_until_it_listens()
    return started


@pytest.fixture
def put(house, server, tmp_path):  # pylint: disable=unused-argument
    def start(lock_op, number):
        return house.verb("out", {"source": SOURCE, "params": {"lock_op": lock_op}}, FOLDER,
                          environment=build(number), folder=tmp_path)
    return start


def holders(server):
    _, locks = server.request("GET", "/locks")
    return locks.get("prod", {}).get("locked_by", {})


def test_a_build_locks_looks_and_unlocks(house, server, put, tmp_path):
    locked = put("lock", 1).succeed()
    assert list(holders(server).values()) == [1]
    assert locked["version"] and all(isinstance(value, str) for value in locked["version"].values())

    checked = house.verb("check", {"source": SOURCE}).succeed()
    assert checked[-1] == locked["version"]

    fetched = tmp_path / "fetched"
    fetched.mkdir()
    got = house.verb("in", {"source": SOURCE, "version": locked["version"]}, "/tmp/build/get",
                     environment=build(1), folder=fetched).succeed()
    assert got["version"] == locked["version"]
    assert json.loads((fetched / "lock.json").read_text(encoding="utf-8"))
    assert (fetched / "lock").stat().st_uid == 0

    put("unlock", 1).succeed()
    assert not holders(server)


def test_a_second_build_waits_for_the_first(server, put):
    put("lock", 1).succeed()

    second = put("lock", 2)
    second.wait_for_log("waiting for prod")
    put("unlock", 1).succeed()

    second.succeed(seconds=60)
    assert list(holders(server).values()) == [1]


def test_an_aborted_build_leaves_in_time_and_holds_nothing(server, put):
    put("lock", 1).succeed()
    before = holders(server)

    second = put("lock", 2)
    second.wait_for_log("waiting for prod")
    asked = time.monotonic()
    second.terminate()

    assert second.finish() != 0
    assert time.monotonic() - asked < 8
    assert holders(server) == before


def test_a_name_that_does_not_resolve_is_told_in_the_log_and_the_abort_is_heard(house, tmp_path):
    source = {**SOURCE, "locker_uri": "http://nowhere:3000", "request_timeout": "2s"}
    alone = house.verb("out", {"source": source}, FOLDER, environment=build(1), folder=tmp_path)
    alone.wait_for_log("nowhere")
    asked = time.monotonic()
    alone.terminate()

    assert alone.finish() != 0
    assert time.monotonic() - asked < 8
