"""lockagt between the real server and a fake Kubernetes API that enforces what the real one does."""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from fake_kubernetes import (CUT, CUT_AFTER, HANG, FakeKubernetes, Refuse, at_a_gate, gate_node, nodes_of, packed,
                             suspended)
from server import Server, wait_for

BINARY = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")) / "lockagt"
GATES = int(os.environ.get("LOCKKEEPER_GATES", "1500"))  # 10,000 in script/soak


class Gates:
    """The server's workflow door, as people and programs use it."""

    def __init__(self, server):
        self.server = server
        self.connection = server.connect()

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self.server.request(method, "/workflow" + path, data, connection=self.connection)
        except OSError:
            self.connection.close()
            self.connection = self.server.connect()
            raise
        assert answer.status in (200, 404), (answer.status, answer.text)
        return json.loads(answer.body) if answer.status == 200 else None

    def create(self, workflow, namespace="ci"):
        return self.ask("POST", "/lock", {"workflow": workflow, "namespace": namespace})["id"]

    def release(self, gate):
        assert self.ask("PATCH", f"/lock/?id={gate}")["status"] == "released"

    def released(self, workflow, namespace="ci"):
        gate = self.create(workflow, namespace)
        self.release(gate)
        return gate

    def get(self, gate):
        return self.ask("GET", f"/lock/?id={gate}")

    def note(self, gate):
        return (self.get(gate) or {}).get("note", "")

    def deleted_at(self, gate):
        """As its history says, in seconds."""
        (event,) = [event for event in self.ask("GET", f"/lock/history?id={gate}")["events"]
                    if event["what"] == "deleted"]
        return event["at"]


class Agent:
    def __init__(self, directory, server, *args, endpoint=None, environment=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.command = [str(BINARY), "--api-endpoint", endpoint or server.url + "/workflow", "--listen",
                        "127.0.0.1:0", "--port-file", "port", *args]
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.directory)} | (environment or {})
        self.environment |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        self.log_path = self.directory / "agent.log"
        self.process = None

    def start(self):
        (self.directory / "port").unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.directory, env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def says(self, text):
        def said():
            log = self.log
            assert text in log or self.process.poll() is None, f"ended without saying {text!r}\n{log[-3000:]}"
            return text in log
        wait_for(said, f"the agent to say {text!r}")

    def page(self, path):
        port = wait_for(lambda: (self.directory / "port").exists() and (self.directory / "port").read_text(),
                        "the agent's port").strip()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.page("/metrics")[1], re.M)
        return float(found.group(1)) if found else None


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "server", store=tmp_path / "locks.db", args=["--log-level", "warn"]) as one:
        yield one


@pytest.fixture
def gates(server):
    return Gates(server)


@pytest.fixture
def kubernetes(tmp_path):
    with FakeKubernetes(tmp_path / "kubernetes") as one:
        yield one


def agent_of(tmp_path, server, kubernetes, *args, name="agent", **rest):
    ttl = () if "--leader-ttl" in args else ("--leader-ttl", "2s")
    return Agent(tmp_path / name, server, "--kubeconfig", kubernetes.kubeconfig(), *ttl, *args, **rest)


def wait_until_deleted(gates, gate, agent=None):
    wait_for(lambda: gates.get(gate) is None, f"gate {gate} to be deleted\n{agent.log[-3000:] if agent else ''}")


# ---- one gate


def test_a_released_gate_resumes_its_workflow_and_is_deleted(tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", suspended())
    gate = gates.create("w")
    with agent_of(tmp_path, server, kubernetes) as agent:
        agent.says("leads, with token")
        assert kubernetes.asked["ci", "w"] == 0  # locked: nobody's business
        gates.release(gate)
        wait_until_deleted(gates, gate, agent)
        assert kubernetes.resumes("ci", "w") == 1
        assert kubernetes.requests["GET 200"] == kubernetes.requests["PATCH 200"] == 1
        workflow = kubernetes.workflow("ci", "w")
        assert "suspend" not in workflow["spec"]
        assert set(workflow["metadata"]["annotations"]) == {"theirs", f"lockkeeper.dev/resumed-{gate}"}
        agent.says(f"gate {gate}: ci/w is resumed")
        assert agent.metric('lockagt_tries_total{result="resumed"}') == 1
        assert agent.metric("lockagt_gates_deleted_total") == 1
        assert agent.metric("lockagt_leader") == 1
        assert agent.metric("lockagt_resume_delay_seconds_count") == 1
        assert agent.page("/health") == (200, '{"status":"ok"}\n')
        assert agent.page("/else")[0] == 404
        assert agent.stop() == 0


def test_every_kind_of_suspension_is_ended(tmp_path, server, gates, kubernetes):
    supplied = {"outputs": {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}, "default": "yes"}}]}}
    nodes = gate_node(1) | gate_node(2, **supplied) | {"pod": {"id": "pod", "type": "Pod", "phase": "Running"}}
    both = {"spec": {"suspend": True}, "status": {"phase": "Running", "nodes": gate_node(1)}}
    kubernetes.submit("ci", "two-gates", {"spec": {}, "status": {"phase": "Running", "nodes": nodes}})
    kubernetes.submit("ci", "both", both)
    kubernetes.submit("ci", "packed", {"spec": {}, "status": {"phase": "Running", "compressedNodes": packed(nodes)}})
    with agent_of(tmp_path, server, kubernetes) as agent:
        for gate in [gates.released(name) for name in ("two-gates", "both", "packed")]:
            wait_until_deleted(gates, gate, agent)
        for name in ("two-gates", "packed"):
            after = nodes_of(kubernetes.workflow("ci", name))
            assert after["w-2"]["outputs"]["parameters"] == [{"name": "answer", "value": "yes"}]
            assert [after[node]["phase"] for node in ("w-1", "w-2", "pod")] == ["Succeeded", "Succeeded", "Running"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", after["w-1"]["finishedAt"])
        assert "nodes" not in kubernetes.workflow("ci", "packed")["status"]
        assert kubernetes.resumes("ci", "both") == 1


def test_update_is_enough_where_patch_is_not_granted(tmp_path, server, gates):
    with FakeKubernetes(tmp_path / "kubernetes", verbs=("get", "update")) as kubernetes, \
            agent_of(tmp_path, server, kubernetes) as agent:
        kubernetes.submit("ci", "w", suspended())
        wait_until_deleted(gates, gates.released("w"), agent)
        assert kubernetes.resumes("ci", "w") == 1
        assert kubernetes.workflow("ci", "w")["metadata"]["annotations"]["theirs"] == "stays"


def test_a_release_before_the_suspension_and_one_before_the_submission_are_not_lost(tmp_path, server, gates,
                                                                                    kubernetes):
    kubernetes.submit("ci", "early", {"spec": {}, "status": {"phase": "Running"}})
    early, absent = gates.released("early"), gates.released("absent")
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_for(lambda: "not suspended (yet)" in gates.note(early), "the note")
        wait_for(lambda: gates.note(absent).startswith("no such workflow since 20"), "the note")
        assert agent.metric('lockagt_gates_waiting{reason="not_suspended"}') == 1
        assert agent.metric('lockagt_gates_waiting{reason="absent"}') == 1
        kubernetes.change("ci", "early", {"spec": {"suspend": True}})
        kubernetes.submit("ci", "absent", suspended())
        wait_until_deleted(gates, early, agent)
        wait_until_deleted(gates, absent, agent)
        assert agent.log.count("no such workflow") == 1
    assert kubernetes.resumes("ci", "early") == kubernetes.resumes("ci", "absent") == 1


def test_what_is_absent_for_too_long_is_unresumable_and_stays(tmp_path, server, gates, kubernetes):
    gate = gates.released("w")
    with agent_of(tmp_path, server, kubernetes, "--give-up-after", "1s") as agent:
        wait_for(lambda: gates.note(gate).startswith("unresumable: no such workflow since 20"), agent.log)
        assert agent.metric('lockagt_gates_waiting{reason="unresumable"}') == 1
        assert gates.get(gate)["status"] == "released"


def test_a_finished_workflow_only_loses_its_gate(tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", {"spec": {"suspend": True}, "status": {"phase": "Failed"}})
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_until_deleted(gates, gates.released("w"), agent)
        agent.says("ci/w is already Failed")
    assert kubernetes.requests["PATCH 200"] == 0


def test_a_wrong_name_is_kept_with_a_note_and_never_asked_for(tmp_path, server, gates, kubernetes):
    gate = gates.released("../../../secrets")
    with agent_of(tmp_path, server, kubernetes):
        wait_for(lambda: "no Kubernetes name" in gates.note(gate), "the note")
    assert not kubernetes.asked


# ---- configuration


def test_a_server_that_is_not_the_one_gets_nothing_and_all_gates_stay(tmp_path, server, gates, kubernetes):
    with FakeKubernetes(tmp_path / "other", name="other") as other:
        kubernetes.submit("ci", "w", suspended())
        several = [gates.released("w") for _ in range(20)]
        agent = Agent(tmp_path / "agent", server, "--kubeconfig", kubernetes.kubeconfig(ca=other.ca))
        with agent:
            for gate in several:
                wait_for(lambda gate=gate: gates.note(gate), f"the note\n{agent.log}")
            assert agent.log.count("all gates wait (untrusted)") == 1
            assert agent.metric("lockagt_api_away") == 1
            assert agent.page("/health")[0] == 200
            assert not kubernetes.asked
            assert len({gates.note(gate) for gate in several}) == 1
            assert agent.stop() == 0


def test_wrong_credentials_keep_all_gates_until_they_are_put_right(tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", suspended())
    (tmp_path / "token").write_text("another")
    config = json.loads(pathlib.Path(kubernetes.kubeconfig()).read_text())
    config["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    (tmp_path / "config").write_text(json.dumps(config))
    gate = gates.released("w")
    with Agent(tmp_path / "agent", server, "--kubeconfig", str(tmp_path / "config")) as agent:
        agent.says("all gates wait (unauthorized)")
        wait_for(lambda: gates.note(gate), "the note")
        (tmp_path / "token").write_text(kubernetes.token)
        wait_until_deleted(gates, gate, agent)
        agent.says("the API answers again")


def test_argo_is_not_installed(tmp_path, server, gates, kubernetes):
    kubernetes.installed = False
    gate = gates.released("w")
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_for(lambda: "404 page not found" in gates.note(gate), agent.log)
        kubernetes.installed = True
        kubernetes.submit("ci", "w", suspended())
        wait_until_deleted(gates, gate, agent)


def test_offloaded_nodes_are_left_to_an_argo_server(tmp_path, server, gates, kubernetes):
    offloaded = {"spec": {"suspend": True}, "status": {"phase": "Running", "offloadNodeStatusVersion": "fnv:784127"}}
    kubernetes.submit("ci", "w", offloaded)
    gate = gates.released("w")
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_for(lambda: "offloaded" in gates.note(gate), agent.log)
        assert agent.metric('lockagt_gates_waiting{reason="cannot"}') == 1
        assert agent.stop() == 0
    assert kubernetes.resumes("ci", "w") == 0
    argo = ("--argo-server", kubernetes.url, "--argo-ca", str(kubernetes.ca))
    with Agent(tmp_path / "argo", server, *argo, environment={"ARGO_TOKEN": "Bearer " + kubernetes.token}) as agent:
        wait_until_deleted(gates, gate, agent)
    assert kubernetes.resumes("ci", "w") == 1


def test_the_lock_api_may_ask_for_credentials_over_tls(tmp_path, kubernetes):
    kubernetes.submit("ci", "w", suspended())
    with FakeKubernetes(tmp_path / "certificate") as certificate:
        tls = {"SSL_CERT": str(certificate.ca), "SSL_KEY": str(certificate._key)}
    with Server(tmp_path / "server", environment=tls, credentials=("me", "pass"), ca=certificate.ca) as server:
        gates = Gates(server)
        gate = gates.released("w")
        ours = {"LOCK_AUTH_USER": "me", "LOCK_AUTH_PASS": "pass"}
        endpoint = f"https://localhost:{server.port}/workflow"
        with agent_of(tmp_path, server, kubernetes, "--api-ca", str(certificate.ca), endpoint=endpoint,
                      environment=ours | {"LOCK_AUTH_PASS": "wrong"}, name="wrong") as agent:
            agent.says("cannot lead")
            assert "401" in agent.log
            assert "wrong" not in agent.log
            assert agent.stop() == 0
        with agent_of(tmp_path, server, kubernetes, "--api-ca", str(certificate.ca), endpoint=endpoint,
                      environment=ours) as agent:
            wait_until_deleted(gates, gate, agent)


def test_what_cannot_work_is_refused_at_the_start(tmp_path, server):
    for args, code, words in ((["--kubeconfig", "/nowhere/config"], 1, "/nowhere/config"),
                              (["--workers", "none"], 2, "--workers")):
        agent = Agent(tmp_path / "agent", server, *args)
        ended = subprocess.run(agent.command, cwd=agent.directory, env=agent.environment, capture_output=True,
                               text=True, timeout=60)
        assert (ended.returncode, words in ended.stderr) == (code, True), ended.stderr


# ---- several agents


def test_of_several_agents_one_resumes_and_another_takes_over(tmp_path, server, gates, kubernetes):
    agents = [agent_of(tmp_path, server, kubernetes, name=f"agent-{i}").start() for i in range(2)]
    try:
        wait_for(lambda: any("leads, with token" in one.log for one in agents), "a leader")
        wait_for(lambda: any("standing by" in one.log for one in agents), "one that stands by")
        for i in range(50):
            kubernetes.submit("ci", f"w-{i}", at_a_gate(2))
        for gate in [gates.released(f"w-{i}") for i in range(50)]:
            wait_until_deleted(gates, gate)
        leader, other = sorted(agents, key=lambda one: "leads, with token" not in one.log)
        assert leader.log.count("is resumed") == 50
        assert other.log.count("is resumed") == 0
        assert other.metric("lockagt_leader") == 0
        leader.kill()
        kubernetes.submit("ci", "next", at_a_gate(2))
        wait_until_deleted(gates, gates.released("next"), other)
        assert "ci/next is resumed" in other.log
        assert all(kubernetes.resumes("ci", f"w-{i}") == 1 for i in range(50))
    finally:
        for one in agents:
            one.__exit__()


def test_an_agent_that_stops_gives_the_lead_back(tmp_path, server, gates, kubernetes):
    with agent_of(tmp_path, server, kubernetes, "--leader-ttl", "1h", name="first") as first:
        first.says("leads, with token")
        # Those who stand by ask every fifth of their own ttl.
        with agent_of(tmp_path, server, kubernetes, name="second") as second:
            second.says("standing by")
            assert first.stop() == 0
            second.says("leads, with token")


def test_a_leader_that_was_frozen_knows_on_waking_that_it_leads_no_longer(tmp_path, server, gates, kubernetes):
    with agent_of(tmp_path, server, kubernetes, name="first") as first:
        first.says("leads, with token")
        with agent_of(tmp_path, server, kubernetes, name="second") as second:
            second.says("standing by")
            first.process.send_signal(signal.SIGSTOP)
            second.says("leads, with token")
            kubernetes.submit("ci", "w", at_a_gate(2))
            gate = gates.released("w")
            first.process.send_signal(signal.SIGCONT)
            wait_until_deleted(gates, gate, second)
            first.says("leads no longer")
            first.says("standing by")
            assert "is resumed" not in first.log
            assert kubernetes.resumes("ci", "w") == 1


# ---- its end


def test_it_stops_at_once_while_it_waits_for_releases(tmp_path, server, kubernetes):
    with agent_of(tmp_path, server, kubernetes) as agent:
        agent.says("leads, with token")
        begun = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - begun < 5
        assert "stopped" in agent.log


def test_it_stops_within_seconds_when_the_api_hangs_and_what_happened_is_known_after_a_restart(
        tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", at_a_gate(2))
    kubernetes.fault = lambda method, key: HANG if method == "PATCH" else None
    gate = gates.released("w")
    with agent_of(tmp_path, server, kubernetes) as agent:
        assert kubernetes.hung.wait(60)
        begun = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - begun < 15
    assert gates.get(gate)["status"] == "released"
    kubernetes.fault = lambda method, key: CUT_AFTER if method == "PATCH" else None
    kubernetes.release_hanging()
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_until_deleted(gates, gate, agent)
        assert "was resumed for it before" in agent.log
    assert kubernetes.resumes("ci", "w") == 1


# ---- faults


def test_a_busy_api_is_given_the_time_it_asks_for(tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", suspended())
    asked = []

    def busy_once(method, key):
        asked.append(time.monotonic())
        return Refuse(429, "TooManyRequests", "later", {"Retry-After": "3"}) if len(asked) == 1 else None

    kubernetes.fault = busy_once
    with agent_of(tmp_path, server, kubernetes) as agent:
        wait_until_deleted(gates, gates.released("w"), agent)
    assert asked[1] - asked[0] >= 3


def test_it_goes_on_after_the_server_was_killed(tmp_path, server, gates, kubernetes):
    with agent_of(tmp_path, server, kubernetes) as agent:
        kubernetes.submit("ci", "before", suspended())
        wait_until_deleted(gates, gates.released("before"), agent)
        absent = gates.released("absent")
        wait_for(lambda: gates.note(absent), "the note")
        server.kill()
        agent.says("the lock API tells of no gates")
        agent.says("leads no longer")
        server.environment["PORT"] = str(server.port)
        server.start()
        gates = Gates(server)
        kubernetes.submit("ci", "after", suspended())
        wait_until_deleted(gates, gates.released("after"), agent)
        assert gates.note(absent).startswith("no such workflow since 20")
        kubernetes.submit("ci", "absent", suspended())
        wait_until_deleted(gates, absent, agent)
    assert all(kubernetes.resumes("ci", name) == 1 for name in ("before", "after", "absent"))


def test_one_agent_alone_needs_no_lock(tmp_path, server, gates, kubernetes):
    kubernetes.submit("ci", "w", suspended())
    with agent_of(tmp_path, server, kubernetes, "--alone") as agent:
        wait_until_deleted(gates, gates.released("w"), agent)
        assert agent.metric("lockagt_leader") == 1
        assert json.loads(server.request("GET", "/locks").body) == {}
        assert agent.stop() == 0


class Trouble:
    """Faults at random, by a seed; each period of them is followed by one without."""

    KINDS = (Refuse(503, "ServiceUnavailable", "apiserver is shutting down"),
             Refuse(500, "InternalError", "an error on the server"), CUT, CUT_AFTER,
             Refuse(429, "TooManyRequests", "too many requests", {"Retry-After": "1"}),
             Refuse(409, "Conflict", "the object has been modified"))

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.share = 0.0  # of requests that fail
        self.happened = 0

    def __call__(self, method, key):
        if self.random.random() >= self.share:
            return None
        kind = self.random.choice(self.KINDS)
        if method == "GET" and kind == self.KINDS[-1]:
            return None
        self.happened += 1
        return kind


def test_gates_released_while_api_and_agent_fail_in_turn_resume_each_workflow_once(tmp_path, server, gates,
                                                                                  kubernetes):
    """Every workflow has a second gate behind the first, which a second resume for the same release would end."""
    print(f"{GATES} gates")
    for i in range(GATES):
        kubernetes.submit("ci", f"w-{i}", at_a_gate(2))
    trouble = kubernetes.fault = Trouble(20261121)
    released = {}
    done = threading.Event()

    def release_all():
        own = Gates(server)
        for i in range(GATES):
            gate = own.create(f"w-{i}")
            released[gate] = f"w-{i}"
            own.release(gate)
        done.set()

    releasing = threading.Thread(target=release_all)
    releasing.start()
    agents = [agent_of(tmp_path, server, kubernetes, name=f"agent-{i}").start() for i in range(2)]
    kills = 0

    def left():
        return gates.ask("GET", "/locks?status=released&limit=1")["locks"]

    def resumes():
        each = [len(times) for times in list(kubernetes.resumed.values())]
        assert max(each, default=1) == 1, "a workflow was resumed twice for one release"
        for gate, name in chance.sample(list(released.items()), min(3, len(released))):
            assert gates.get(gate) or kubernetes.resumes("ci", name), "a gate was deleted before the resume"
        return len(each)

    chance = random.Random(7)
    try:
        # Killed in the middle of whatever they do, for as long as there is something to do.
        while not done.is_set() or left():
            trouble.share = 0.3 if kills < 12 and kills % 2 == 0 else 0.02
            goal = resumes() + GATES // 20
            wait_for(lambda: resumes() >= goal or (done.is_set() and not left()), "some progress", 120)
            if kills < 12:
                victims = [one for one in agents if "leads, with token" in one.log] or agents
                victim = chance.choice(victims)
                victim.kill()
                kills += 1
                victim.start()
        releasing.join()
        wait_for(lambda: not left(), "all gates to be deleted", 120)
    finally:
        for one in agents:
            one.__exit__()
        releasing.join()
    print(f"{kills} kills, {trouble.happened} faults, requests {dict(kubernetes.requests)}")
    logs = "".join(one.log for one in agents)
    print(f"{logs.count('was resumed for it before')} resumes were found by their mark")
    assert kills >= 5 and trouble.happened > GATES / 20
    twice = {name: len(kubernetes.resumed["ci", name]) for name in released.values()
             if len(kubernetes.resumed["ci", name]) != 1}
    assert not twice
    for gate, name in released.items():
        assert gates.get(gate) is None
        deleted = parse(gates.deleted_at(gate))
        # Its time is that of the beginning of the engine's turn.
        assert deleted >= kubernetes.resumed["ci", name][0] - 0.1, (gate, deleted)


def parse(text):
    """RFC 3339 in UTC; seconds since 1970."""
    whole, _, part = text.rstrip("Z").partition(".")
    seconds = time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone
    return seconds + float("0." + (part or "0"))
