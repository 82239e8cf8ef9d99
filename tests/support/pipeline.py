"""What is wrong with a pipeline of Concourse that uses the lock resource: faults(config) lists it in sentences.

Structure as Concourse wants it (jobs, steps, resources and their types, `passed`), what the lock resource asks for on
top (no_get on puts, a timeout where an abort does not reach, no trigger on what is put to), and every source and
params through the resource's own parser.
"""

import json
import os
import pathlib
import re
import subprocess

PARSER = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")) / "parse_payload"
BUILT_IN = {"registry-image", "git", "time", "mock", "s3", "docker-image", "semver"}
STEPS = {"get", "put", "task", "in_parallel", "do", "try", "set_pipeline", "load_var"}
HOOKS = {"ensure", "on_success", "on_failure", "on_error", "on_abort"}
FIELDS = {
    "get": {"resource", "passed", "params", "trigger", "version"},
    "put": {"resource", "inputs", "params", "get_params", "no_get"},
    "task": {"config", "file", "image", "privileged", "vars", "params", "input_mapping", "output_mapping"},
}
COMMON = HOOKS | {"timeout", "attempts", "tags"}
JOB_FIELDS = HOOKS | {"name", "old_name", "plan", "serial", "serial_groups", "max_in_flight", "public",
                      "build_log_retention", "disable_manual_trigger", "interruptible"}


def parse(verb, payload):
    """ "ok", or what the resource says."""
    done = subprocess.run([str(PARSER), verb], input=json.dumps(payload).encode(), capture_output=True, check=False)
    return done.stdout.decode().strip()


def with_vars(value, variables):
    """((name)) replaced as fly does; an unknown one is an error of the test."""
    if isinstance(value, dict):
        return {name: with_vars(member, variables) for name, member in value.items()}
    if isinstance(value, list):
        return [with_vars(member, variables) for member in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\(\(([\w.-]+)\)\)", value)
    if whole:
        return variables[whole.group(1)]
    return re.sub(r"\(\(([\w.-]+)\)\)", lambda found: str(variables[found.group(1)]), value)


class _Pipeline:
    def __init__(self, config, lock_types):
        self.config = config
        self.found = []
        self.types = {one["name"] for one in config.get("resource_types", [])}
        self.resources = {one["name"]: one for one in config.get("resources", [])}
        self.locks = {name for name, one in self.resources.items() if one["type"] in lock_types}
        self.jobs = {job["name"]: job for job in config.get("jobs", [])}
        self.touched = {}  # job -> resources it gets or puts
        self.used = set()
        self.put_to = set()
        self.triggers = set()

    def wrong(self, text):
        self.found.append(text)

    def check(self):
        if not self.jobs:
            self.wrong("it has no jobs")
        for name, one in self.resources.items():
            if one["type"] not in self.types | BUILT_IN:
                self.wrong(f"resource {name} has the unknown type {one['type']}")
            if set(one) - {"name", "type", "source", "check_every", "icon", "tags", "webhook_token", "public", "version"}:
                self.wrong(f"resource {name} has unknown fields")
        for name in sorted(self.locks):
            self.payload(f"resource {name}", "check", {"source": self.resources[name].get("source")})
        for name, job in self.jobs.items():
            if set(job) - JOB_FIELDS:
                self.wrong(f"job {name} has unknown fields {sorted(set(job) - JOB_FIELDS)}")
            if not job.get("plan"):
                self.wrong(f"job {name} has no plan")
            self.touched[name] = set()
            for step in job.get("plan", []):
                self.step(name, step, {})
            for hook in HOOKS & set(job):
                self.step(name, job[hook], {hook})
        self.check_passed()
        for name in sorted(set(self.resources) - self.used):
            self.wrong(f"resource {name} is not used")
        for name in sorted(self.triggers & self.put_to):
            self.wrong(f"{name} triggers a job and is put to: use a resource of its own for the trigger")
        return self.found

    def step(self, job, step, hooks):
        kinds = STEPS & set(step)
        if len(kinds) != 1:
            self.wrong(f"job {job}: a step is one of {sorted(STEPS)}: {sorted(step)}")
            return
        kind = kinds.pop()
        if kind in FIELDS and set(step) - FIELDS[kind] - COMMON - {kind}:
            self.wrong(f"job {job}: {kind} {step[kind]} has unknown fields")
        if kind in ("get", "put"):
            self.resource_step(job, kind, step, hooks)
        elif kind == "task":
            self.task(f"job {job}: task {step['task']}", step)
        else:
            inner = step[kind]
            steps = inner.get("steps", []) if isinstance(inner, dict) and kind == "in_parallel" else inner
            for one in steps if isinstance(steps, list) else [steps] if kind == "try" else []:
                self.step(job, one, hooks)
        for hook in HOOKS & set(step):
            self.step(job, step[hook], set(hooks) | {hook})

    def resource_step(self, job, kind, step, hooks):
        name = step.get("resource", step[kind])
        where = f"job {job}: {kind} {step[kind]}"
        if name not in self.resources:
            self.wrong(f"{where} names no resource")
            return
        self.used.add(name)
        self.touched[job].add(name)
        if kind == "put":
            self.put_to.add(name)
        if name not in self.locks:
            return
        source = self.resources[name].get("source")
        if kind == "put":
            if step.get("no_get") is not True:
                self.wrong(f"{where} has no no_get: true")
            if "ensure" in hooks and "timeout" not in step:
                self.wrong(f"{where} is an ensure without a timeout")
            self.payload(where, "out", {"source": source, "params": step.get("params")})
        else:
            if step.get("trigger"):
                self.triggers.add(name)
            self.payload(where, "in", {"source": source, "params": step.get("params"), "version": {"revision": "1"}})

    def task(self, where, step):
        if ("config" in step) == ("file" in step):
            self.wrong(f"{where} needs config or file")
        if "config" in step:
            self.found += [f"{where}: {fault}" for fault in task_faults(step["config"])]

    def check_passed(self):
        for name, job in self.jobs.items():
            for step in job.get("plan", []):
                for other in step.get("passed", []):
                    if other not in self.jobs:
                        self.wrong(f"job {name}: passed names no job: {other}")
                    elif step.get("resource", step["get"]) not in self.touched[other]:
                        self.wrong(f"job {name}: {other} does not use {step['get']}, so nothing passes it")

    def payload(self, where, verb, payload):
        said = parse(verb, {name: value for name, value in payload.items() if value is not None})
        if said != "ok":
            self.wrong(f"{where}: {said}")


def task_faults(config):
    found = []
    for field in ("platform", "image_resource", "run"):
        if field not in config:
            found.append(f"it has no {field}")
    unknown = set(config) - {"platform", "image_resource", "inputs", "outputs", "caches", "params", "run",
                             "container_limits"}
    if unknown:
        found.append(f"it has unknown fields {sorted(unknown)}")
    if not config.get("run", {}).get("path"):
        found.append("its run has no path")
    if not all(isinstance(one, str) for one in config.get("run", {}).get("args", [])):
        found.append("an argument of its run is not a text")
    if set(config.get("image_resource", {})) - {"type", "source", "params", "version"}:
        found.append("its image_resource has unknown fields")
    return found


def faults(config, lock_types=("lock",)):
    return _Pipeline(config, set(lock_types)).check()
