"""Builds that wait for their turn at the real server, run as Concourse runs them."""

import itertools
import json

import pytest
from concourse import Build
from server import Server, wait_for

UNLOCK = {"lock_op": "unlock"}
names = (f"queue-{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), store="locks.db") as one:
        yield one


@pytest.fixture
def lock():
    return next(names)


@pytest.fixture
def source(server, lock):
    return {"locker_uri": server.url, "lock_name": lock}


def state(server, lock):
    return json.loads(server.request("GET", f"/lock/{lock}").text)


def holders(server, lock):
    return [one["holder"] for one in state(server, lock)["holders"]]


def queue(server, lock):
    return [one["holder"] for one in state(server, lock)["queue"]]


def history(server, lock):
    return json.loads(server.request("GET", f"/lock/{lock}/history?after=0&limit=1000").text)["events"]


def hold(server, lock):
    assert server.request("PUT", f"/lock/{lock}", b'{"key":"k","lock_by":"somebody"}').status == 200


def free(server, lock):
    assert server.request("DELETE", f"/lock/{lock}", b'{"key":"k","lock_by":"somebody"}').status == 200


def start_waiting(build, source, params=None, **kinds):
    step = build.start_put(source, params, **kinds)
    step.wait_for_log("in the queue")
    return step


def builds(*numbers):
    return [Build(name=str(number)) for number in numbers]


def holder(build):
    return f"main/deploy/job #{build.name}"


def test_builds_get_the_lock_in_the_order_they_came(server, source, lock):
    hold(server, lock)
    waiting = [(build, start_waiting(build, source)) for build in builds(*range(1, 6))]
    assert queue(server, lock) == [f"main/deploy/job #{number}" for number in range(1, 6)]
    assert "; next in the queue" in waiting[0][1].log
    assert "; place 3 of 3 in the queue, behind main/deploy/job #1 and main/deploy/job #2" in waiting[2][1].log
    assert "; place 5 of 5 in the queue, behind " in waiting[4][1].log

    free(server, lock)
    for build, step in waiting:
        assert step.wait().must().metadata["holders"] == holder(build)
        assert holders(server, lock) == [holder(build)]
        build.put(source, UNLOCK).must()
    granted = [event["holder"] for event in history(server, lock) if event["what"] == "granted"]
    assert granted == [holder(build) for build, _ in waiting]
    assert not [event for event in history(server, lock) if event["what"] == "offered"], "each was there"


def test_a_lock_that_is_released_is_the_next_builds_in_the_same_moment(server, source, lock):
    first, second = builds(1, 2)
    first.put(source).must()
    step = start_waiting(second, source)
    first.put(source, UNLOCK).must()
    assert holders(server, lock) == [holder(second)], "before anybody could have polled"
    assert step.wait().must().seconds < 20


def test_a_build_that_is_aborted_leaves_the_queue_and_the_others_keep_their_order(server, source, lock):
    hold(server, lock)
    one, two, three = builds(1, 2, 3)
    first, second, third = [start_waiting(build, source) for build in (one, two, three)]
    result = second.abort().wait()
    assert result.exit_code == 143 and not result.killed
    assert f"left the queue for {lock}" in result.log
    assert queue(server, lock) == [holder(one), holder(three)]
    free(server, lock)
    first.wait().must()
    one.put(source, UNLOCK).must()
    third.wait().must()
    assert [event["what"] for event in history(server, lock) if event["holder"] == holder(two)] == [
        "queued", "withdrawn"]


def test_a_wait_that_is_over_leaves_the_queue(server, source, lock):
    hold(server, lock)
    result = Build().put(source, {"wait": "1s"}).must_fail()
    assert f"error: {lock} is held by somebody since" in result.log and "(gave up after 1s)" in result.log
    assert queue(server, lock) == []


def test_a_repeated_build_resumes_its_place(server, source, lock):
    hold(server, lock)
    one, two = builds(1, 2)
    first = start_waiting(one, source, attempts=2)
    second = start_waiting(two, source)
    first.kill()  # its worker died
    wait_for(lambda: first.log.count("waiting for") == 2, "the second attempt to wait")
    assert first.lines[-1].endswith("; next of 2 in the queue")
    assert queue(server, lock) == [holder(one), holder(two)]
    free(server, lock)
    assert first.wait().must().attempts == 2
    assert holders(server, lock) == [holder(one)] and second.running
    one.put(source, UNLOCK).must()
    second.wait().must()


def test_each_attempt_waits_its_own_time(server, source, lock):
    hold(server, lock)
    result = Build().start_put(source, {"wait": "1s"}, attempts=2).wait().must_fail()
    assert result.attempts == 2 and result.log.count("(gave up after 1s)") == 2
    assert queue(server, lock) == []


def test_the_former_of_two_attempts_says_that_it_is_superseded(server, source, lock):
    hold(server, lock)
    build = Build()
    former = start_waiting(build, source)
    latter = start_waiting(build, source)
    assert f"error: another run of this step has taken over its claim on {lock}" in former.wait().must_fail().log
    free(server, lock)
    latter.wait().must()
    assert state(server, lock)["count"] == 1


def test_aborting_one_of_two_overlapping_attempts_never_takes_the_lock_from_the_other(server, source, lock):
    hold(server, lock)
    build = Build()
    former = start_waiting(build, source)
    former.freeze()  # its worker was lost
    latter = start_waiting(build, source)
    free(server, lock)
    won = latter.wait().must()
    former.abort()
    former.thaw()
    assert former.wait().exit_code != 0
    claims = state(server, lock)["claims"]
    assert [claim["token"] for claim in claims] == [int(won.version["revision"])]


def test_an_ensure_that_unlocks_ends_a_step_that_still_waits(server, source, lock):
    hold(server, lock)
    build, behind = builds(1, 2)
    step, other = start_waiting(build, source), start_waiting(behind, source)
    build.put(source, UNLOCK).must()
    result = step.wait().must_fail()
    assert f"error: this build unlocked {lock} while this step was still waiting for it" in result.log
    assert queue(server, lock) == [holder(behind)]
    free(server, lock)
    other.wait().must()


def test_a_server_that_is_killed_while_builds_wait_keeps_their_order(tmp_path, lock):
    with Server(tmp_path, store="locks.db") as server:
        source = {"locker_uri": server.url, "lock_name": lock}
        hold(server, lock)
        waiting = [(build, start_waiting(build, source)) for build in builds(1, 2, 3)]
        server.environment["PORT"] = str(server.port)
        server.kill()
        for _, step in waiting:
            step.wait_for_log("trying again")
        server.start()
        for _, step in waiting:
            step.wait_for_log("answers again", timeout=60)
        free(server, lock)
        for build, step in waiting:
            step.wait(timeout=60).must()
            assert holders(server, lock) == [holder(build)]
            build.put(source, UNLOCK).must()


def test_a_server_that_is_stopped_sends_its_polls_home_and_the_builds_come_back(tmp_path, lock):
    with Server(tmp_path, store="locks.db") as server:
        source = {"locker_uri": server.url, "lock_name": lock}
        hold(server, lock)
        step = start_waiting(Build(), source)
        server.environment["PORT"] = str(server.port)
        assert server.stop() == 0
        step.wait_for_log("trying again")
        server.start()
        free(server, lock)
        assert state(server, lock)["holders"][0]["holder"] == "main/deploy/job #12"
        step.wait(timeout=60).must()


# ---- ttl


def test_a_put_with_a_ttl_lapses_to_the_next_build_and_its_unlock_warns(server, source, lock):
    one, two = builds(1, 2)
    put = one.put(source, {"ttl": "1s"}, no_get=False).must()
    assert put.metadata["ttl"] == "1s" and put.got.metadata["ttl"] == "1s"
    assert "this hold lapses after 1s (params.ttl; nothing renews it)" in put.log
    two.put(source).must()
    assert holders(server, lock) == [holder(two)]
    assert "lapsed" in [event["what"] for event in history(server, lock)]

    late = one.put(source, UNLOCK | {"ttl": "1s"}).must()
    assert f"warning: THE LOCK {lock} HAD LAPSED before this unlock" in late.log
    assert f"it is held by {holder(two)}" in late.log
    assert holders(server, lock) == [holder(two)]
    assert "warning" not in two.put(source, UNLOCK).must().log


def test_a_hold_that_an_operator_took_away_is_warned_of(server, source, lock):
    build = Build()
    build.put(source).must()
    assert server.request("POST", f"/lock/{lock}/force-release", b'{"reason":"stuck"}').status == 200
    assert f"warning: THE LOCK {lock} HAD BEEN TAKEN AWAY" in build.put(source, UNLOCK).must().log


def test_a_build_without_a_ttl_holds_until_it_unlocks(server, source, lock):
    Build().put(source).must()
    assert "ttl" not in state(server, lock)["claims"][0]


def test_the_metadata_of_a_put_that_waited_is_the_gets_too(server, source, lock):
    one, two = builds(1, 2)
    one.put(source).must()
    step = two.start_put(source, no_get=False)
    step.wait_for_log("in the queue")
    one.put(source, UNLOCK).must()
    put = step.wait().must()
    assert set(put.got.metadata) == set(put.metadata) and "waited" in put.metadata
    assert put.got.metadata["holders"] == holder(two)
