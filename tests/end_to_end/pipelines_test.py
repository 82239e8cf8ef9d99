"""The example pipelines and tasks: their structure, and every source and params against the resource's own parser."""

import pathlib
import re
import subprocess

import pytest
import yaml
from pipeline import faults, parse, task_faults, with_vars

ROOT = pathlib.Path(__file__).resolve().parents[2]
PIPELINES = sorted((ROOT / "pipelines").glob("*.yml"))
TASKS = sorted((ROOT / "pipelines" / "tasks").glob("*.yml"))
VARS = {
    "lock_image": "registry.example.com/lockkeeper-resource",
    "locker_uri": "https://locks.example.com",
    "locker_username": "ci",
    "locker_password": "a password",
    "lock_user": "ci",
    "lock_password": "a password",
    "component": "web",
    "bosh_director": "https://10.0.0.6:25555",
    "bosh_ca_cert": "-----BEGIN CERTIFICATE-----",
    "deployment": "cf",
}


def load(text):
    return with_vars(yaml.safe_load(text), VARS)


def example(name):
    return load((ROOT / "pipelines" / f"{name}.yml").read_text())


def test_all_examples_are_there():
    assert {path.stem for path in PIPELINES} >= {
        "serialise-two-pipelines", "share-by-key", "lock-in-one-job-unlock-in-another", "run-on-release", "bosh-lock"}
    assert len(TASKS) >= 2


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_an_example_pipeline_is_right(path):
    assert faults(load(path.read_text())) == []


@pytest.mark.parametrize("document", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda d: d.name)
def test_pipelines_in_the_docs_are_right(document):
    for block in re.findall(r"```ya?ml\n(.*?)```", document.read_text(), re.S):
        config = load(block)
        if isinstance(config, dict) and "jobs" in config and "resources" in config:
            assert faults(config) == []


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.stem)
def test_a_task_file_is_right_and_runs_what_exists(path):
    config = yaml.safe_load(path.read_text())
    assert task_faults(config) == []
    script = config["run"]["args"][-1]
    subprocess.run(["sh", "-nc", script], check=True)
    assert (ROOT / "script" / "test").exists()
    assert re.search(r"^lockkeeper/script/test .*-LE privileged$", script, re.M)
    assert [one["name"] for one in config["inputs"]] == ["lockkeeper"]


def test_the_tasks_leave_out_only_what_is_privileged():
    labels = set(re.findall(r"-L (\w+)", "".join(path.read_text() for path in TASKS)))
    assert labels == {"native", "python", "sanitizer"}, "every test has one of these labels (tests/CMakeLists.txt)"


# ---- the check itself notices


def test_a_trigger_on_what_is_put_to_is_refused():
    config = example("run-on-release")
    step = config["jobs"][1]["plan"][0]
    step["get"] = "production"
    config["resources"] = config["resources"][:1]
    assert any("production triggers a job and is put to" in fault for fault in faults(config))


def test_a_put_without_no_get_is_refused():
    config = example("serialise-two-pipelines")
    del config["jobs"][0]["plan"][0]["no_get"]
    assert any("no_get" in fault for fault in faults(config))


def test_an_ensure_without_a_timeout_is_refused():
    config = example("serialise-two-pipelines")
    del config["jobs"][0]["ensure"]["timeout"]
    assert any("timeout" in fault for fault in faults(config))


def test_a_misspelt_param_is_refused_by_the_resources_own_parser():
    config = example("share-by-key")
    config["jobs"][0]["plan"][0]["params"]["kye"] = "x"
    assert any('params has an unknown field "kye"' in fault for fault in faults(config))
    config = example("bosh-lock")
    config["resources"][0]["source"]["bosh_look"] = "x"
    assert any('source has an unknown field "bosh_look"' in fault for fault in faults(config))


def test_dangling_references_are_refused():
    config = example("lock-in-one-job-unlock-in-another")
    config["jobs"][1]["plan"][0]["passed"] = ["nowhere"]
    assert any("passed names no job" in fault for fault in faults(config))
    config = example("bosh-lock")
    config["resource_types"] = []
    assert any("unknown type lock" in fault for fault in faults(config))
    config = example("bosh-lock")
    config["jobs"][0]["plan"][0]["put"] = "nobody"
    assert any("names no resource" in fault for fault in faults(config))


def test_the_parser_speaks_of_each_verb():
    source = {"locker_uri": "http://locks", "lock_name": "prod"}
    assert parse("check", {"source": source}) == "ok"
    assert parse("in", {"source": source}) == "version is missing"
    assert "any_build" in parse("out", {"source": source, "params": {"lock_op": "unlock", "any_build": True}})
