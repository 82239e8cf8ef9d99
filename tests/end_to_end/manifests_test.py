"""deploy/kubernetes: every manifest fits its schema, every flag in it is one that the programs know, and nobody gets
more rights than needed."""

import copy
import http.client
import os
import pathlib
import re
import subprocess

import pytest
import yaml

import manifests
from manifests import FOLDER, ROOT, containers, faults, kind_of, read, rendered
from server import Server, wait_for

BIN = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin"))
DOCUMENTS = [(path, number, document) for path in manifests.files() for number, document in enumerate(read(path))]
NAMES = [f"{path.relative_to(FOLDER)}-{number}-{kind_of(document)}" for path, number, document in DOCUMENTS]
VARIANTS = [(), ("tls",), ("lockd-grpc",), ("tls", "lockd-grpc")]


def every_object(variant):
    """All that could reach a cluster, the rights too."""
    return rendered(*variant) + read(FOLDER / "agent-role.yaml") + read(FOLDER / "agent-cluster-role.yaml")


def one(objects, kind, name):
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def pods(variant):
    objects = rendered(*variant)
    for each in objects:
        if containers(each):
            yield each["metadata"]["name"], each["spec"]["template"]


# ---- shape


@pytest.mark.parametrize("document", [each[2] for each in DOCUMENTS], ids=NAMES)
def test_a_manifest_fits_its_schema(document):
    assert not faults(document)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_kustomize_makes_of_them_fits_too(variant):
    assert [fault for each in every_object(variant) for fault in faults(each)] == []


# Whose names are the user's own words.
FREE = {"labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData"}


def fields_of(node, way=()):
    if isinstance(node, list):
        for index, member in enumerate(node):
            yield from fields_of(member, (*way, index))
    elif isinstance(node, dict):
        for name, member in node.items():
            yield way, name
            if not (name in FREE or (name == "selector" and way == ("spec",) and "matchLabels" not in member)):
                yield from fields_of(member, (*way, name))


def misspelt(document, way, name):
    document = copy.deepcopy(document)
    node = document
    for part in way:
        node = node[part]
    node[name[:-1] + name[-1].swapcase()] = node.pop(name)  # httpGeT
    return document


@pytest.mark.parametrize("document", [each[2] for each in DOCUMENTS if kind_of(each[2]) != "JsonPatch"],
                         ids=[name for name in NAMES if not name.endswith("JsonPatch")])
def test_any_field_that_is_misspelt_is_found(document):
    fields = [(way, name) for way, name in fields_of(document) if (way, name) != ((), "kind")]
    assert len(fields) > 3
    unnoticed = [f"{way}: {name}" for way, name in fields if not faults(misspelt(document, way, name))]
    assert not unnoticed


def test_a_wrong_kind_a_wrong_type_and_a_field_given_twice_are_found(tmp_path):
    server = one(rendered(), "StatefulSet", "lockkeeper")
    assert faults(server | {"kind": "Statefulset"}) == ["no schema for Statefulset"]
    for way, wrong in [(("spec", "replicas"), "1"), (("apiVersion",), "apps/v1beta1"),
                       (("spec", "template", "spec", "containers"), [])]:
        broken = copy.deepcopy(server)
        node = broken
        for part in way[:-1]:
            node = node[part]
        node[way[-1]] = wrong
        assert faults(broken), way
    (tmp_path / "twice.yaml").write_text("kind: Role\nrules: []\nrules: [1]\n")
    with pytest.raises(yaml.constructor.ConstructorError):
        read(tmp_path / "twice.yaml")


def test_the_page_shows_manifests_that_fit_too():
    blocks = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text(), re.S)
    shown = [document for block in blocks for document in yaml.load_all(block, manifests.StrictLoader)]
    assert shown
    assert [fault for document in shown for fault in faults(document)] == []


def test_every_file_is_used_or_named_on_the_page():
    page = (FOLDER / "README.md").read_text()
    used = set(read(FOLDER / "kustomization.yaml")[0]["resources"]) | {"kustomization.yaml"}
    for path in manifests.files():
        name = str(path.relative_to(FOLDER))
        assert name in used or name in page or f"{path.parent.name}/" in page, name


# ---- rights


def test_the_agent_may_get_and_patch_workflows_and_nobody_may_do_anything_else():
    objects = every_object(())
    roles = [each for each in objects if each["kind"] in ("Role", "ClusterRole")]
    assert sorted(role["kind"] for role in roles) == ["ClusterRole", "Role"]
    for role in roles:
        assert role["rules"] == [{"apiGroups": ["argoproj.io"], "resources": ["workflows"],
                                  "verbs": ["get", "patch"]}]
    bindings = [each for each in objects if each["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert len(bindings) == 2
    account = one(objects, "ServiceAccount", "lockagt")
    for binding in bindings:
        # One of the two roles, so never cluster-admin, and for the agent alone.
        one(roles, binding["roleRef"]["kind"], binding["roleRef"]["name"])
        assert binding["kind"] == binding["roleRef"]["kind"] + "Binding"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "lockagt",
                                        "namespace": account["metadata"]["namespace"]}]


def test_the_role_for_one_namespace_goes_to_whichever_kubectl_is_told():
    for each in read(FOLDER / "agent-role.yaml"):
        assert "namespace" not in each["metadata"]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_only_the_agent_has_a_token(variant):
    objects = rendered(*variant)
    assert one(objects, "ServiceAccount", "lockagt")["automountServiceAccountToken"] is False
    tokens = {name: (pod["spec"].get("serviceAccountName"), pod["spec"]["automountServiceAccountToken"])
              for name, pod in pods(variant)}
    assert tokens == {"lockkeeper": (None, False), "lockagt": ("lockagt", True)}


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_no_container_is_root_or_can_become_it(variant):
    for name, pod in pods(variant):
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert (security["runAsUser"], security["runAsGroup"]) == (65532, 65532), name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]}}, name


# ---- programs


def test_the_server_has_grpc_only_where_it_is_asked_for():
    for variant in VARIANTS:
        for name, pod in pods(variant):
            repository = image_of(pod).rpartition(":")[0]
            grpc = name == "lockkeeper" and "lockd-grpc" in variant
            assert repository == "registry.example.com/lockkeeper" + ("-grpc" if grpc else ""), (variant, name)


def image_of(template):
    (container,) = template["spec"]["containers"]
    return container["image"]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_images_are_of_this_version_and_never_the_latest(variant):
    said = subprocess.run([BIN / "lockkeeper", "--version"], capture_output=True, text=True, check=True).stdout
    for name, pod in pods(variant):
        tag = image_of(pod).rpartition(":")[2]
        assert tag not in ("", "latest") and "/" not in tag, name
        assert said == f"lockkeeper {tag}\n", name
    for path, _, document in DOCUMENTS:
        for container in containers(document) if isinstance(document, dict) else ():
            assert container["image"].endswith(f":{said.split()[1]}"), path


def help_of(program):
    return subprocess.run([BIN / program, "--help"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("name", ["lockkeeper", "lockagt"])
def test_every_flag_and_variable_is_one_that_the_program_knows(variant, name):
    (container,) = dict(pods(variant))[name]["spec"]["containers"]
    assert container.get("command", ["/usr/bin/lockkeeper"]) == [f"/usr/bin/{name}"]
    text = help_of(name)
    flags = set(re.findall(r"--([a-z][a-z-]*)", text))
    assert len(flags) > 5
    for argument in container["args"]:
        flag = re.fullmatch(r"--([a-z-]+)=.+", argument)
        assert flag and flag[1] in flags, argument
    variables = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", text))
    for variable in container["env"]:
        assert variable["name"] in variables, variable


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_no_password_is_an_argument_or_in_a_manifest(variant):
    for name, pod in pods(variant):
        (container,) = pod["spec"]["containers"]
        assert not re.search(r"pass|\$\(", " ".join(container["args"]), re.I), name
        by_name = {variable["name"]: variable for variable in container["env"]}
        prefix = {"lockkeeper": "AUTH", "lockagt": "LOCK_AUTH"}[name]
        for variable, key in ((f"{prefix}_USER", "username"), (f"{prefix}_PASS", "password")):
            assert by_name[variable]["valueFrom"] == {"secretKeyRef": {"name": "lockkeeper-auth", "key": key}}, name
    assert not [document for _, _, document in DOCUMENTS if kind_of(document) == "Secret"]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_program_is_probed_at_a_port_that_it_has(variant):
    scheme = "HTTPS" if "tls" in variant else "HTTP"
    for name, pod in pods(variant):
        (container,) = pod["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        wanted = {"lockkeeper": {"startupProbe": "/ready", "livenessProbe": "/health", "readinessProbe": "/ready"},
                  "lockagt": {"livenessProbe": "/health", "readinessProbe": "/health"}}[name]
        for probe, path in wanted.items():
            ask = container[probe]["httpGet"]
            assert ask["path"] == path, (name, probe)
            assert ask["port"] in ports, (name, probe)
            # The agent's page is for the cluster's own eyes, without TLS.
            assert ask.get("scheme", "HTTP") == (scheme if name == "lockkeeper" else "HTTP"), (name, probe)


def certificate(folder):
    """Vouches for itself, in the files of the secret lockkeeper-tls."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=lockkeeper", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", "tls.key", "-out", "tls.crt"], cwd=folder, check=True, capture_output=True)
    (folder / "ca.crt").write_bytes((folder / "tls.crt").read_bytes())
    return folder / "ca.crt"


def started_as_told(container, folder, ca):
    """The real server, by the container's arguments and variables; only folders and addresses are the test's."""
    environment = {each["name"]: moved(each["value"], container, folder)
                   for each in container["env"] if "value" in each}
    return Server(folder / "server", config=None, credentials=("locks", "secret"), ca=ca,
                  args=[*(moved(argument, container, folder) for argument in container["args"]),
                        "--listen=127.0.0.1:0"], environment=environment | {"PORT": "0"})


def moved(text, container, folder):
    for mount in container.get("volumeMounts", []):
        text = text.replace(mount["mountPath"] + "/", f"{folder}/")
    return re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", text)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_server_starts_as_told_and_answers_its_probes(variant, tmp_path):
    (container,) = dict(pods(variant))["lockkeeper"]["spec"]["containers"]
    server = started_as_told(container, tmp_path, certificate(tmp_path) if "tls" in variant else None)
    with server:
        assert set(server.door_ports) == {port["name"] for port in container["ports"]} - {"http"}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            answer = server.request("GET", container[probe]["httpGet"]["path"], credentials=None)
            assert answer.status == 200, probe
        assert server.request("GET", "/locks", credentials=None).status == 401
        assert server.request("GET", "/locks").status == 200
        assert (tmp_path / "locks.db").exists()


@pytest.mark.parametrize("variant", [(), ("tls",)], ids=str)
def test_the_agent_starts_as_told_and_leads_by_a_lease_at_the_server(variant, tmp_path):
    both = {name: pod["spec"]["containers"][0] for name, pod in pods(variant)}
    container = both["lockagt"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({
        "current-context": "here", "contexts": [{"name": "here", "context": {"cluster": "none", "user": "me"}}],
        "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"token": "t"}}]}))
    with started_as_told(both["lockkeeper"], tmp_path, certificate(tmp_path) if "tls" in variant else None) as server:
        given = {"LOCK_AUTH_USER": "locks", "LOCK_AUTH_PASS": "secret"}  # the secret's
        for each in container["env"]:
            if "value" in each:
                given[each["name"]] = each["value"].replace("lockkeeper:3000", f"localhost:{server.port}")
        assert set(given) == {each["name"] for each in container["env"]}
        arguments = [moved(argument, container, tmp_path) for argument in container["args"]]
        agent = subprocess.Popen(
            [BIN / pathlib.Path(container["command"][0]).name, *arguments, "--kubeconfig", tmp_path / "kubeconfig",
             "--port-file", tmp_path / "agent-port"], env=given, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)

        def port_of_agent():
            assert agent.poll() is None, agent.stderr.read()
            return (tmp_path / "agent-port").exists() and (tmp_path / "agent-port").read_text()

        try:
            port = int(wait_for(port_of_agent, "the agent to listen"))
            for probe in ("livenessProbe", "readinessProbe"):
                ask = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                ask.request("GET", container[probe]["httpGet"]["path"])
                assert ask.getresponse().status == 200
                ask.close()
            wait_for(lambda: b'"held"' in server.request("GET", "/lock/lockagt-leader").body, "the agent to lead")
            agent.terminate()
            assert agent.wait(30) == 0, agent.stderr.read()
        finally:
            agent.kill()
            agent.wait()
            agent.stderr.close()


def ports_bound_by(container):
    """What its arguments and variables say that it listens on: name of the door, port."""
    bound = {}
    for argument in container["args"]:
        door = re.fullmatch(r"--door=([a-z-]+)=0\.0\.0\.0:(\d+)", argument)
        if door:
            bound[door[1]] = int(door[2])
        listen = re.fullmatch(r"--listen=0\.0\.0\.0:(\d+)", argument)
        if listen:
            bound["http"] = int(listen[1])
    for variable in container["env"]:
        if variable["name"] == "PORT":
            bound["http"] = int(variable["value"])
    return bound


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_service_container_and_arguments_name_the_same_ports(variant):
    for name, pod in pods(variant):
        (container,) = pod["spec"]["containers"]
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports_bound_by(container), name
    service = one(rendered(*variant), "Service", "lockkeeper")
    (server,) = dict(pods(variant))["lockkeeper"]["spec"]["containers"]
    for port in service["spec"]["ports"]:
        assert port["targetPort"] == port["name"]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports_bound_by(server)


def files_of(template, volume):
    """What a secret of the type kubernetes.io/tls shows there."""
    (secret,) = [each["secret"] for each in template["spec"]["volumes"] if each["name"] == volume]
    assert secret["secretName"] == "lockkeeper-tls"
    names = {"tls.crt", "tls.key", "ca.crt"}
    items = secret.get("items", [{"key": name, "path": name} for name in names])
    return {item["path"] for item in items if item["key"] in names}


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_is_referred_to_is_there(variant):
    objects = rendered(*variant)
    for each in objects:
        if not containers(each):
            continue
        template = each["spec"]["template"]
        labels = template["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"].items() <= labels.items()
        claims = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", [])}
        volumes = claims | {volume["name"] for volume in template["spec"].get("volumes", [])}
        for container in containers(each):
            mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
            assert set(mounts) == volumes, each["metadata"]["name"]
            # A file that an argument or a variable names lies on something that is mounted.
            words = [*container["args"], *(variable.get("value", "") for variable in container["env"])]
            for file in re.findall(r"(?:^|=)(/\S+)", "\n".join(words), re.M):
                (volume,) = [name for name, path in mounts.items() if file.startswith(path + "/")]
                if volume not in claims:
                    assert file.removeprefix(mounts[volume] + "/") in files_of(template, volume), file
    service = one(objects, "Service", "lockkeeper")
    server = one(objects, "StatefulSet", "lockkeeper")
    assert service["spec"]["selector"].items() <= server["spec"]["template"]["metadata"]["labels"].items()
    assert server["spec"]["serviceName"] == "lockkeeper"
    agent = dict(pods(variant))["lockagt"]
    assert not service["spec"]["selector"].items() <= agent["metadata"]["labels"].items()


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_agent_finds_the_server(variant):
    (agent,) = dict(pods(variant))["lockagt"]["spec"]["containers"]
    (endpoint,) = [each["value"] for each in agent["env"] if each["name"] == "API_ENDPOINT"]
    scheme = "https" if "tls" in variant else "http"
    assert endpoint == f"{scheme}://lockkeeper:3000/workflow"
    assert any(flag.startswith("--api-ca=") for flag in agent["args"]) == ("tls" in variant)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_one_server_to_a_file_and_one_leader_of_several_agents(variant):
    objects = rendered(*variant)
    assert one(objects, "StatefulSet", "lockkeeper")["spec"]["replicas"] == 1
    assert one(objects, "Deployment", "lockagt")["spec"]["replicas"] == 2
    for name, pod in pods(variant):
        (container,) = pod["spec"]["containers"]
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name


def test_the_namespace_takes_none_but_restricted_pods():
    namespace = one(rendered(), "Namespace", "lockkeeper")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert (ROOT / "Dockerfile").read_text().count("USER 65532:65532") == 1
