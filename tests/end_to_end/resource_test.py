"""check, in and out against the real server, run as Concourse runs them."""

import itertools
import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest
from concourse import Build, Local
from holding_proxy import HoldingProxy
from server import Server, wait_for

UNLOCK = {"lock_op": "unlock"}
names = (f"lock-{number}" for number in itertools.count(1))


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


def count(server, lock):
    return state(server, lock)["count"]


def history(server, lock):
    lines = json.loads(server.request("GET", f"/lock/{lock}/history?after=0&limit=100").text)["events"]
    return [(line["what"], line["holder"]) for line in lines]


def hold(server, lock, key="k", holder="somebody"):
    assert server.request("PUT", f"/lock/{lock}", json.dumps({"key": key, "lock_by": holder}).encode()).status == 200


def free(server, lock, key="k", holder="somebody"):
    body = json.dumps({"key": key, "lock_by": holder}).encode()
    assert server.request("DELETE", f"/lock/{lock}", body).status == 200


# ---- the main job


def test_a_second_build_waits_and_gets_its_turn(server, source, lock):
    first, second = Build(pipeline="web"), Build(pipeline="api", name="3")
    locked = first.put(source).must()
    assert locked.metadata["state"] == "held" and locked.metadata["holders"] == "main/web/job #12"

    waiting = second.start_put(source)
    line = waiting.wait_for_log("waiting for")
    assert line.startswith(f"waiting for {lock}: held by main/web/job #12 ({first.url}) since ")

    first.put(source, UNLOCK).must()
    won = waiting.wait().must()
    assert state(server, lock)["holders"][0]["holder"] == "main/api/job #3"
    assert int(won.version["revision"]) > int(locked.version["revision"])
    assert f"token {won.version['revision']}" in won.log
    second.put(source, UNLOCK).must()
    assert count(server, lock) == 0


def test_no_two_of_many_builds_ever_hold_it_at_once(server, source, lock):
    builds = [Build(name=str(number)) for number in range(5)]
    steps = [build.start_put(source) for build in builds]
    for _ in builds:
        winner = wait_for(lambda: next((i for i, s in enumerate(steps) if s and not s.running), None) is not None
                          and next(i for i, s in enumerate(steps) if s and not s.running) + 1, "a winner") - 1
        steps[winner].wait().must()
        assert count(server, lock) == 1
        steps[winner] = None
        builds[winner].put(source, UNLOCK).must()
    assert count(server, lock) == 0


def test_lock_unlock_lock_in_one_build_works(server, source, lock):
    build = Build()
    build.put(source).must()
    build.put(source, UNLOCK).must()
    build.put(source).must()
    assert count(server, lock) == 1
    build.put(source, UNLOCK).must()
    assert count(server, lock) == 0


# ---- a step that is run twice


def test_a_repeated_put_holds_once(server, source, lock):
    build = Build()
    first = build.put(source).must()
    again = build.put(source).must()
    assert count(server, lock) == 1
    assert int(again.version["revision"]) > int(first.version["revision"]), "a new token"
    build.put(source, UNLOCK).must()
    assert count(server, lock) == 0


def test_a_worker_that_dies_while_waiting_leaves_nothing_that_wins(server, source, lock):
    hold(server, lock)
    build = Build()
    step = build.start_put(source, attempts=2)
    step.wait_for_log("waiting for")
    step.kill()
    wait_for(lambda: step.log.count("waiting for") == 2, "the second attempt to wait")
    free(server, lock)
    assert step.wait().must().attempts == 2
    assert count(server, lock) == 1
    build.put(source, UNLOCK).must()
    assert count(server, lock) == 0


def test_a_worker_that_dies_after_winning_holds_once_with_the_second_attempt(server, source, lock):
    with HoldingProxy(server.port) as proxy:
        proxy.hold("PUT")
        step = Build().start_put(source | {"locker_uri": proxy.url}, attempts=2)
        proxy.wait_for_held()
        assert count(server, lock) == 1
        step.kill()
        proxy.release()
        assert "an earlier run of this step had it already" in step.wait().must().log
    assert count(server, lock) == 1


def test_an_old_run_beside_the_new_one_does_not_hold_too(server, source, lock):
    hold(server, lock)
    build = Build()
    steps = []
    for _ in range(2):
        # One after the other: of two that start at once either may be the older one.
        steps.append(build.start_put(source))
        steps[-1].wait_for_log("waiting for")
    free(server, lock)
    results = [step.wait() for step in steps]
    assert any(result.succeeded for result in results)
    assert count(server, lock) == 1
    build.put(source, UNLOCK).must()
    assert count(server, lock) == 0


# ---- a step that is ended


def test_a_build_aborted_while_waiting_leaves_nothing(server, source, lock):
    hold(server, lock)
    step = Build().start_put(source)
    step.wait_for_log("waiting for")
    result = step.abort().wait()
    assert result.exit_code == 143 and not result.killed
    assert result.seconds_to_end < 3
    free(server, lock)
    assert count(server, lock) == 0
    assert [what for what, holder in history(server, lock) if holder != "somebody"] == ["queued", "withdrawn"]


def test_a_build_aborted_in_the_moment_of_winning_gives_the_lock_back(server, source, lock):
    with HoldingProxy(server.port) as proxy:
        proxy.hold("PUT")
        step = Build().start_put(source | {"locker_uri": proxy.url})
        proxy.wait_for_held()
        assert count(server, lock) == 1, "won, and the build does not know"
        result = step.abort().wait()
    assert result.exit_code == 143
    assert f"gave {lock} back" in result.log
    assert count(server, lock) == 0


def test_a_step_that_timed_out_gives_back_too_and_its_ensure_runs(server, source, lock):
    hold(server, lock)
    build = Build()
    result = build.start_put(source, timeout=0.5, ensure=lambda: build.put(source, UNLOCK)).wait()
    assert result.timed_out and result.exit_code == 143
    result.ensured.must()
    free(server, lock)
    assert count(server, lock) == 0


def test_an_ensure_that_unlocks_while_the_old_out_is_alive_ends_with_the_lock_free(server, source, lock):
    hold(server, lock)
    build = Build()
    old = build.start_put(source)
    old.wait_for_log("waiting for")
    ensured = build.put(source, UNLOCK).must()
    assert "this build holds nothing" in ensured.log and "held by somebody" in ensured.log
    free(server, lock)
    result = old.wait().must_fail()
    assert f"this build unlocked {lock} while this step was still waiting" in result.log
    assert count(server, lock) == 0


def black_hole():
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_black_hole_does_not_hold_up_the_end_of_a_step(lock):
    listener, url = black_hole()
    with listener:
        step = Build().start_put({"locker_uri": url, "lock_name": lock})
        connection, _ = listener.accept()  # it asks, and is never answered
        result = step.abort().wait()
        connection.close()
    assert result.exit_code == 143 and not result.killed
    assert result.seconds_to_end < 8


def test_a_server_that_falls_silent_after_the_request_does_not_either(server, source):
    with HoldingProxy(server.port) as proxy:
        proxy.hold("PUT", "DELETE")
        step = Build().start_put(source | {"locker_uri": proxy.url})
        proxy.wait_for_held()
        result = step.abort().wait()
    assert result.exit_code == 143 and not result.killed
    assert 4 < result.seconds_to_end < 8, "two tries to give back"
    assert "could not give" in result.log


def test_a_name_resolver_that_hangs_does_not_either(lock):
    library = pathlib.Path(os.environ["LOCKKEEPER_BIN"]) / "hanging_dns.so"
    build = Build(environment={"LD_PRELOAD": str(library)})
    step = build.start_put({"locker_uri": "http://locks.invalid", "lock_name": lock})
    wait_for(lambda: len(os.listdir(f"/proc/{step.pid}/task")) > 1, "a thread that resolves the name")
    result = step.abort().wait()
    assert result.exit_code == 143 and not result.killed
    assert result.seconds_to_end < 8


# ---- who is who


def test_instances_concourses_and_keys_are_distinct(server, source, lock):
    one = Build(id="1", instance_vars={"branch": "x"})
    one.put(source).must()
    for other in (Build(id="2", instance_vars={"branch": "y"}), Build(id="1", concourse="https://other.example.com",
                                                                      instance_vars={"branch": "x"})):
        assert "main/deploy{branch: x}/job #12" in other.put(source, {"wait": False}).must_fail().log
        assert "holds nothing" in other.put(source, UNLOCK).must().log
        assert count(server, lock) == 1
    one.put(source, {"key": "another", "wait": False}).must_fail()
    one.put(source, UNLOCK).must()
    assert count(server, lock) == 0


def test_two_holders_with_one_key_share_it_and_each_unlocks_its_own(server, source, lock):
    one, two = Build(name="1"), Build(name="2")
    one.put(source, {"key": "shared"}).must()
    second = two.put(source, {"key": "shared"}).must()
    assert second.metadata["count"] == "2" and second.metadata["holders"] == "main/deploy/job #1, main/deploy/job #2"
    one.put(source, UNLOCK | {"key": "shared"}).must()
    assert [holder["holder"] for holder in state(server, lock)["holders"]] == ["main/deploy/job #2"]


def test_two_keys_in_one_build_are_two_claims(server, source, lock):
    build, other = Build(), f"{lock}-b"
    build.put(source, {"key": "a"}).must()
    build.put(source | {"lock_name": other}, {"key": "b"}).must()
    build.put(source, UNLOCK | {"key": "b"}).must()
    assert count(server, lock) == 1, "that was the other key's"
    build.put(source, UNLOCK | {"key": "a"}).must()
    assert count(server, lock) == 0 and count(server, other) == 1


def test_source_concourse_tells_two_installations_with_one_url_apart(server, source, lock):
    Build(id="7").put(source | {"concourse": "east"}).must()
    west = Build(id="7").put(source | {"concourse": "west", "log_level": "info"}, {"wait": False})
    assert west.exit_code == 1
    assert count(server, lock) == 1


def test_any_build_frees_what_another_build_locked(server, source, lock):
    named = {"key": "release", "lock_by": "release train"}
    Build(job="begin").put(source, named).must()
    Build(job="begin", name="13").put(source, named).must()
    leaked = Build(job="end").put(source, UNLOCK | named).must()
    assert "warning: nothing was unlocked" in leaked.log and "any_build: true" in leaked.log
    assert count(server, lock) == 2, "without any_build a build frees its own claims alone"
    Build(job="end").put(source, UNLOCK | named | {"any_build": True}).must()
    assert count(server, lock) == 1
    nobody = UNLOCK | named | {"any_build": True, "key": "wrong", "lock_by": "nobody"}
    assert "nobody holds nothing" in Build(job="end").put(source, nobody).must().log
    wrong = Build(job="end").put(source, UNLOCK | named | {"any_build": True, "key": "wrong"}).must_fail()
    assert "held with another key, by release train" in wrong.log
    Build(job="end").put(source, UNLOCK | named | {"any_build": True}).must()
    assert count(server, lock) == 0


def test_all_frees_every_claim_of_the_holder_and_no_other(server, source, lock):
    named = {"key": "k", "lock_by": "train"}
    for name in "12":
        Build(name=name).put(source, named).must()
    hold(server, lock, "k", "bystander")
    Build(name="3").put(source, UNLOCK | named | {"all": True}).must()
    assert [holder["holder"] for holder in state(server, lock)["holders"]] == ["bystander"]


def test_from_frees_the_fetched_claim_in_a_later_build(server, source, lock):
    locked = Build(job="begin").put(source).must()
    end = Build(job="end")
    end.get(source, locked.version, name="the-lock").must()
    end.put(source, UNLOCK | {"from": "the-lock"}).must()
    assert count(server, lock) == 0
    assert "holds nothing" in end.put(source, UNLOCK | {"from": "the-lock"}).must().log


def test_from_frees_no_later_hold_of_the_same_build(server, source, lock):
    build, end = Build(job="begin"), Build(job="end")
    first = build.put(source).must()
    end.get(source, first.version, name="first").must()
    unlocked = build.put(source, UNLOCK).must()
    build.put(source).must()
    for version in (first.version, unlocked.version):
        assert not (build.get(source, version).must().folder / "key").exists()
    assert "holds nothing" in end.put(source, UNLOCK | {"from": "first"}).must().log
    assert count(server, lock) == 1


def test_a_dead_builds_claim_is_warned_of_and_freed_by_one_line(server, source, lock):
    dead = Build(id="99", name="98")
    dead.put(source, {"key": "k", "lock_by": "nightly"}).must()
    later = Build(name="99").put(source, {"key": "k", "lock_by": "nightly"}).must()
    assert f"warning: nightly ({dead.url})" in later.log
    # The key and the holder of a build that was given none can be written down by an operator.
    other = f"{lock}-b"
    dead.put(source | {"lock_name": other}).must()
    body = json.dumps({"key": "https://ci.example.com build 99", "lock_by": "main/deploy/job #98"})
    subprocess.run(["curl", "-sf", "-X", "DELETE", "-d", body, f"{server.url}/lock/{other}"], check=True)
    assert count(server, other) == 0


def test_the_readmes_lines_free_a_dead_builds_claim_alone_or_everybodys(server, source):
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = readme.split("### A build that died\n")[1].split("\n## ")[0]
    one_claim, everybody = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)

    def run(line):
        environment = os.environ | {"USER": "operator:", "LOCKS": server.url}
        done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=True)
        assert "response" in json.loads(done.stdout), done.stdout

    shared, source = {"key": "k", "lock_by": "nightly"}, source | {"lock_name": "production"}
    dead, alive = Build(name="98"), Build(name="99")
    dead.put(source, shared).must()
    warning = next(line for line in alive.put(source, shared).must().log.splitlines() if line.startswith("warning: "))
    assert dead.url in warning
    claim = re.search(r"concourse-\w+", warning).group()
    for example, real in (("https://ci.example.com build 4711", "k"), ("main/web/deploy #12", "nightly"),
                          ("concourse-...", claim)):
        assert one_claim.count(f'"{example}"') == 1
        one_claim = one_claim.replace(f'"{example}"', f'"{real}"')
    run(one_claim)
    left = state(server, "production")["claims"]
    assert [one["metadata"]["build"] for one in left] == [alive.id]
    assert not [line for line in alive.put(source, shared).must().log.splitlines() if line.startswith("warning: ")]

    dead.put(source, shared).must()
    run(everybody)
    assert count(server, "production") == 0
    assert history(server, "production")[-1][0] == "forced"


def test_a_builds_url_of_any_length_does_not_keep_it_from_locking(server, source, lock):
    build = Build(instance_vars={"notes": "x y" * 1500})
    build.put(source).must()
    assert state(server, lock)["claims"][0]["metadata"]["url"] == f"https://ci.example.com/builds/{build.id}"
    build.put(source, UNLOCK).must()
    assert count(server, lock) == 0


# ---- bounds and failures


def test_wait_false_tries_once_and_a_duration_is_a_bound(server, source, lock):
    hold(server, lock)
    once = Build().put(source, {"wait": False}).must_fail()
    assert once.exit_code == 1 and f"error: {lock} is held by somebody since" in once.log
    assert once.seconds < 5
    bound = Build().put(source, {"wait": "1s"}).must_fail()
    assert "gave up after 1s" in bound.log and 1 <= bound.seconds < 5


def test_a_server_that_restarts_is_waited_for(tmp_path, lock):
    with Server(tmp_path, store="locks.db") as server:
        source = {"locker_uri": server.url, "lock_name": lock}
        hold(server, lock)
        step = Build().start_put(source)
        step.wait_for_log("waiting for")
        server.environment["PORT"] = str(server.port)
        server.kill()
        step.wait_for_log("trying again")
        server.start()
        step.wait_for_log("answers again", timeout=60)
        free(server, lock)
        step.wait().must()
        assert count(server, lock) == 1


def test_an_unlock_gets_through_to_a_server_that_comes_back(tmp_path, lock):
    with Server(tmp_path, store="locks.db") as server:
        source = {"locker_uri": server.url, "lock_name": lock}
        build = Build()
        build.put(source).must()
        server.environment["PORT"] = str(server.port)
        server.kill()
        step = build.start_put(source, UNLOCK)
        step.wait_for_log("trying again")
        server.start()
        step.wait(timeout=60).must()
        assert count(server, lock) == 0


def test_an_unlock_gives_up_in_the_end(lock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    result = Build().put({"locker_uri": url, "lock_name": lock, "unlock_timeout": "2s"}, UNLOCK).must_fail()
    assert "gave up after 2s" in result.log and result.seconds < 10


def test_wrong_credentials_fail_at_once_and_the_right_ones_never_show(tmp_path, lock):
    with Server(tmp_path, store="locks.db",
                credentials=("ci", "hunter2")) as server:
        source = {"locker_uri": server.url, "lock_name": lock}
        refused = Build().put(source | {"username": "ci", "password": "hunter3"}).must_fail()
        assert "answered 401" in refused.log and "Please Authenticate" in refused.log
        assert refused.seconds < 5
        assert "hunter3" not in refused.log

        in_url = source | {"locker_uri": server.url.replace("http://", "http://ci:hunter2@"), "log_level": "debug"}
        build = Build()
        shown = [build.put(in_url), build.put(in_url, UNLOCK), build.check(in_url)]
        shown.append(build.get(in_url, shown[0].must().version))
        for result in shown:
            result.must()
            assert "hunter2" not in result.describe()
        assert "hunter2" not in "".join(path.read_text() for path in shown[-1].folder.iterdir())
        waiting = Build(name="2").start_put(in_url | {"username": "", "password": None}, {"wait": "1s"})
        assert "hunter2" not in waiting.wait().describe()


# ---- fields


@pytest.mark.parametrize("verb", ["check", "in", "out"])
def test_an_unknown_field_is_named_with_what_is_allowed_and_no_value(source, verb):
    wrong, build = source | {"pasword": "hunter2"}, Build()
    result = {"check": lambda: build.check(wrong), "in": lambda: build.get(wrong, {"revision": "1"}),
              "out": lambda: build.put(wrong)}[verb]()
    result.must_fail()
    assert 'source has an unknown field "pasword"; allowed are locker_uri, username, password' in result.log
    assert "hunter2" not in result.describe()


def test_generated_pipelines_fields_are_taken_as_meant(source):
    generated = source | {"ca_cert": "", "skip_ssl_validation": "true", "username": None, "bosh_lock": None}
    build = Build()
    build.put(generated, {"lock_op": "lock", "key": None, "wait": "true"}).must()
    build.put(generated, UNLOCK | {"any_build": "false", "wait": "1m"}).must()
    Build().put(source, {"wait": 10}).must_fail()


# ---- versions, check and in


def test_check_tells_the_newest_or_what_came_after(server, source, lock):
    build = Build()
    assert build.check(source).must().versions == []
    first = build.put(source).must().version
    second = build.put(source, UNLOCK).must().version
    third = build.put(source).must().version
    assert build.check(source).must().versions == [third]
    assert build.check(source, first).must().versions == [first, second, third]
    assert build.check(source, third).must().versions == [third]
    assert build.check(source, {"ref": "da39a3ee"}).must().versions == [third]
    assert build.check(source, {"revision": "999"}).must().versions == [third]


def test_check_answers_a_hundred_at_most_and_finds_the_newest_of_many(server, source, lock):
    for _ in range(70):
        hold(server, lock)
        free(server, lock)
    build = Build()
    assert build.check(source).must().versions == [{"revision": "140"}]
    after = build.check(source, {"revision": "1"}).must().versions
    assert after == [{"revision": str(number)} for number in range(1, 101)]
    assert build.check(source, {"revision": "100"}).must().versions[-1] == {"revision": "140"}


def test_trigger_on_unlocked_sees_releases_only(server, source, lock):
    watch, build = source | {"trigger_on": "unlocked"}, Build()
    build.put(source).must()
    assert build.check(watch).must().versions == []
    released = build.put(source, UNLOCK).must().version
    assert build.check(watch).must().versions == [released]
    build.put(source).must()
    assert build.check(watch, released).must().versions == [released]


def test_versions_stable_is_one_version_a_lock(source, lock):
    stable, build = source | {"versions": "stable"}, Build()
    assert build.put(stable).must().version == {"lock": lock}
    assert build.check(stable).must().versions == [{"lock": lock}]
    assert build.get(stable, {"lock": lock}).must().version == {"lock": lock}
    assert "stable" in build.put(stable, UNLOCK | {"from": "x"}).must_fail().log
    build.put(stable, UNLOCK).must()


def test_an_implicit_get_follows_and_shows_the_same_metadata(source, lock):
    put = Build().put(source, no_get=False).must()
    assert put.got.version == put.version
    assert put.got.metadata == put.metadata
    assert set(put.metadata) == {"lock", "state", "holders", "count", "since", "waited", "server"}


def test_in_writes_a_file_a_field_and_the_key_while_the_hold_stands(server, source, lock):
    build = Build()
    version = build.put(source).must().version
    events = len(history(server, lock))
    folder = build.get(source, version).must().folder
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(files) == {"lock.json", "lock", "lock_by", "claim", "token", "revision", "key"}
    assert files["lock"] == lock and files["lock_by"] == "main/deploy/job #12"
    assert files["token"] == files["revision"] == version["revision"]
    assert files["key"] == f"https://ci.example.com build {build.id}"
    assert json.loads(files["lock.json"])["claim"] == files["claim"]
    assert files["key"] not in files["lock.json"]
    assert len(history(server, lock)) == events, "in has no side effect"

    build.put(source, UNLOCK).must()
    late = build.get(source, version).must()
    assert "has moved on" in late.log
    assert {path.name for path in late.folder.iterdir()} == set(files) - {"key"}


def test_skip_download_writes_nothing(source):
    build = Build()
    version = build.put(source).must().version
    assert not list(build.get(source, version, {"skip_download": True}).must().folder.iterdir())


def test_a_one_off_build_can_lock_too(source, server, lock):
    Build(pipeline=None, job=None, id="55").put(source).must()
    assert state(server, lock)["holders"][0]["holder"] == "main/one-off #55"


def test_names_with_any_characters_work(server, source):
    build = Build()
    for name in ("a/b", "ü 100%", "a?b#c"):
        build.put(source | {"lock_name": name}).must()
        assert build.check(source | {"lock_name": name}).must().versions
        assert "unlocked" in build.put(source | {"lock_name": name}, UNLOCK).must().log


def test_the_verbs_need_neither_a_shell_nor_a_home():
    assert Local().folder.joinpath("out").exists()
    started = time.monotonic()
    done = subprocess.run([str(Local().folder / "out")], input=b"", capture_output=True, env={}, check=False, cwd="/")
    assert done.returncode == 1 and b"stdin must hold one JSON object" in done.stderr
    assert time.monotonic() - started < 5
