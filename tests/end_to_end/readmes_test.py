"""Who follows the READMEs of the former servers sees what they promise; and the pages in docs/migrating/ are true,
line by line."""

import json
import os
import pathlib
import re
import shlex
import subprocess

import pytest

import recorded
from server import Server, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin"))
READMES = ROOT / "tests/end_to_end/recorded/readmes"
PAGES = ROOT / "docs/migrating"
PORT_OF = {"lockd": 2081, "shared-lock": 8080, "workflow": 8081}  # what the READMEs and the pages say

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def server(tmp_path):
    doors = [word for name in PORT_OF for word in ("--door", f"{name}=127.0.0.1:0")]
    with Server(tmp_path, args=doors) as started:
        yield started


def at(server, text):
    """The README's addresses, where the doors of this server really are."""
    for name, port in PORT_OF.items():
        text = re.sub(rf"(localhost|127\.0\.0\.1):{port}\b", f"127.0.0.1:{server.door_ports[name]}", text)
    return text


def parts(name):
    return (READMES / name).read_text().split("###\n")


def curl(server, command):
    """(status, body) of a command line, run by curl itself."""
    words = shlex.split(at(server, command).replace("\\\n", " "), comments=True)
    assert words[0] == "curl", command
    done = subprocess.run(["curl", "-q", "-sS", "-w", "\n%{http_code}", *words[1:]], capture_output=True, text=True,
                          timeout=60, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


# ---- shared-lock


def test_the_commands_of_shared_locks_readme(server):
    create, keep_alive, health, create_again = parts("shared-lock.sh")

    status, lease = curl(server, create)
    assert status == 201  # Lease successfully created
    assert re.fullmatch(r"[1-9]\d{0,18}", lease) and int(lease) < 2**63

    # Failed to prolong lease: nobody has this one.
    assert curl(server, keep_alive) == (204, "")
    assert curl(server, keep_alive.replace("12345", lease)) == (200, "")  # Lease successfully renewed
    assert curl(server, keep_alive.replace("12345", "a lease"))[0] == 400

    assert curl(server, health) == (200, "")  # Server is healthy

    assert curl(server, create_again) == (202, lease)  # not granted (already present)
    status, body = curl(server, create.replace('{"key"', "{key"))
    assert (status, body) == (400, "Failed to unmarshal request body\n")


VARIABLES = dict(line.split("=", 1) for line in (READMES / "shared-lock.env").read_text().splitlines())
# What a server that is told so says, beside the variable's name: what replaces it.
REFUSED = {
    ("STORAGE_TYPE", "etcd"): "--store", ("STORAGE_TYPE", "mock"): "--store",
    ("ETCD_ADDR_LIST", "http://localhost:2379"): "--store", ("ETCD_TLS", "true"): "--store",
    ("CA_CERT_PATH", "/etc/etcd/ca.crt"): "--store", ("CLIENT_CERT_PATH", "/etc/etcd/client.crt"): "--store",
    ("CLIENT_KEY_PATH", "/etc/etcd/client.key"): "--store", ("PPROF_ENABLED", "true"): "/metrics",
    ("CACHE_ENABLED", "true"): "--cached-locks",
}


def test_every_variable_of_shared_locks_readme_is_honoured_or_refused_with_what_replaces_it(tmp_path):
    page = (PAGES / "shared-lock.md").read_text()
    for (name, value), instead in REFUSED.items():
        ended = Server(tmp_path, environment={f"SHARED_LOCK_{name}": value}).start_expecting_failure()
        assert ended.returncode == 1, (name, value)
        assert ended.stderr.startswith(f"SHARED_LOCK_{name}: ") and instead in ended.stderr, ended
    refused = {f"SHARED_LOCK_{name}" for name, value in REFUSED if VARIABLES[f"SHARED_LOCK_{name}"] == value}
    honoured = {name: value for name, value in VARIABLES.items() if name not in refused}
    assert len(refused) + len(honoured) == 15
    for name in honoured:  # each is read: what it cannot mean is refused, too
        ended = Server(tmp_path, environment={name: "so-so"}).start_expecting_failure()
        assert ended.returncode == 1 and ended.stderr.startswith(f"{name}: "), ended
    for name in VARIABLES:
        assert name in page or "`" + name.removeprefix("SHARED_LOCK_SERVER").removeprefix("SHARED_LOCK") in page, name

    told = honoured | {"SHARED_LOCK_SERVER_PORT": "0", "SHARED_LOCK_SERVER_IDLE_TIMEOUT": "300ms",
                       "SHARED_LOCK_DEBUG": "true"}
    with Server(tmp_path, environment=told) as server:
        connection = recorded.Connection(server.door_ports["shared-lock"])
        connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.read().status == 200
        connection.socket.settimeout(60)
        assert connection.socket.recv(1) == b""  # closed after 300 ms, and not after the 120 s of the README
        connection.close()


# ---- workflow locks


def send(server, text):
    """A request as the README prints it: without Host and the body's length."""
    head, _, body = text.strip().partition("\n\n")
    line, *headers = head.split("\n")
    method, path, _ = line.split(" ")
    named = dict(header.split(": ", 1) for header in headers)
    connection = recorded.Connection(server.door_ports["workflow"])
    connection.send(recorded.request_bytes(
        {"method": method, "path": path, "headers": named, "body": body or None}))
    answer = connection.read(method)
    connection.close()
    return answer


def promised(text):
    line, _, body = text.strip().partition("\n\n")
    return int(line.split(" ")[1]), json.loads(body)


def test_the_requests_of_workflow_locks_readme(server):
    blocks = parts("workflow-locks.http")
    lock = {}
    for request, response in zip(blocks[::2], blocks[1::2], strict=True):
        answer = send(server, request.replace("<lock-id>", lock.get("id", "")))
        status, body = promised(response)
        given = json.loads(answer.body)
        assert answer.status == status, (request, answer)
        assert answer.content_type.startswith("application/json"), request
        # The README's fields and no other meaning for them; workflow and namespace come on top.
        assert set(body) <= set(given) <= set(body) | ({"workflow", "namespace"} if body else set()), request
        if body:
            assert re.fullmatch(UUID, given["id"]), given
            assert given["id"] == lock.get("id", given["id"])
            assert given["status"] == body["status"], request
            assert re.fullmatch(TIME, given["created"]) and re.fullmatch(TIME, given["lastChange"]), given
            assert given["created"] == lock.get("created", given["created"])
            assert given["lastChange"] >= given["created"], given
            assert (given["workflow"], given["namespace"]) == ("workflow-name", "namespace")
            lock = given
    # Deleted is deleted.
    assert send(server, blocks[2].replace("<lock-id>", lock["id"])).status == 404


def lockcli(*arguments, environment=None):
    return subprocess.run([BIN / "lockcli", *arguments], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"]} | (environment or {}), check=False)


@pytest.mark.parametrize("through", ["--api-endpoint", "API_ENDPOINT"])
def test_the_commands_of_workflow_locks_readme(server, through):
    (usage,) = parts("workflow-locks.sh")
    program, flag, _, verbs, _ = usage.split(maxsplit=4)
    assert (program, flag) == ("lockcli", "--api-endpoint")
    assert set(verbs.strip("[]").split("|")) == {"get", "create", "delete", "release"}
    url = f"http://127.0.0.1:{server.door_ports['workflow']}"

    def run(*words):
        if through == flag:
            return lockcli(flag, url, *words)
        return lockcli(*words, environment={"API_ENDPOINT": url})

    created = run("create", "workflow-name", "namespace")
    assert (created.returncode, created.stderr) == (0, ""), created
    lock = json.loads(created.stdout)
    assert re.fullmatch(UUID, lock["id"])
    assert lock["status"] == "locked"

    looked = run("get", lock["id"])
    assert (looked.returncode, json.loads(looked.stdout)) == (0, lock)

    released = run("release", lock["id"])
    assert released.returncode == 0, released
    assert json.loads(run("get", lock["id"]).stdout)["status"] == "released"

    assert run("delete", lock["id"]).returncode == 0
    gone = run("get", lock["id"])
    assert gone.returncode != 0 and gone.stdout == "" and gone.stderr != ""


# ---- our own pages


def commands_of(page):
    """The command lines in the page's ```sh blocks, each with the comment behind it."""
    for block in re.findall(r"```sh\n(.*?)```", (PAGES / page).read_text(), re.S):
        for line in re.sub(r" *\\\n *", " ", block).splitlines():
            command, _, expected = re.match(r"(.*?)(\s+# (.*))?$", line).groups()
            yield command, expected


def pattern_of(text):
    """... is anything, ID is one, which is kept."""
    return re.escape(text).replace(re.escape("..."), ".*").replace("ID", "(?P<id>[0-9a-f-]+)")


@pytest.mark.parametrize("page", ["lockd.md", "shared-lock.md", "workflow-locks.md"])
def test_every_command_of_the_page_does_what_it_says(server, page):
    known = {"ID": ""}
    count = 0
    for command, expected in commands_of(page):
        count += 1
        command = command.replace("$ID", known["ID"])
        if command.startswith("lockcli "):
            done = subprocess.run([BIN / "lockcli", *shlex.split(at(server, command))[1:]], capture_output=True,
                                  text=True, timeout=60, check=False)
            assert done.returncode == 0, (command, done)
            known["ID"] = json.loads(done.stdout or "{}").get("id", known["ID"])
            continue
        status, body = curl(server, command)
        wanted, _, text = expected.partition(" ")
        assert status == int(wanted), (command, body)
        if text:
            hit = re.fullmatch(pattern_of(text), body.strip())
            assert hit, (command, body)
            known["ID"] = hit.groupdict().get("id", known["ID"])
    assert count > 5


def anchors_of(page):
    """As a forge makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*sorted(PAGES.glob("*.md")), ROOT / "docs/cli.md", ROOT / "README.md",
                                  ROOT / "deploy/kubernetes/README.md"], ids=str)
def test_every_link_of_the_page_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_servers_on_the_pages_can_be_started(tmp_path):
    """Each page's command line for the server, on ports and in a folder of the test's own."""
    for page in ("lockd.md", "shared-lock.md", "workflow-locks.md"):
        (line,) = re.findall(r"^lockkeeper --store .*?[^\\]$", (PAGES / page).read_text(), re.M | re.S)
        words = shlex.split(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", line.replace("\\\n", " ")))[1:]
        store = words.index("--store") + 1
        words[store] = f"sqlite:{tmp_path / page}.db"
        with Server(tmp_path / page, config=None, args=words) as server:
            wait_for(lambda server=server: server.request("GET", "/ready").status == 200, "readiness")
            named = {word.partition("=")[0] for flag, word in zip(words, words[1:]) if flag == "--door"}
            assert set(server.door_ports) == named, page
