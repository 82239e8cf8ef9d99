"""lockcli against the real server, and against answers that no real server gives on demand: every command, every
exit code of the table in docs/cli.md."""

import json
import pathlib
import re
import socket
import subprocess

import pytest

from ask import ask
from scripted import Scripted, error
from server import BINARY, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOCKCLI = BINARY.parent / "lockcli"
PATIENCE = 60
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("lockcli"), args=["--door", "workflow=127.0.0.1:0"]) as server:
        yield server


@pytest.fixture(scope="module")
def endpoint(server):
    return f"http://127.0.0.1:{server.door_ports['workflow']}"


def lockcli(*arguments, **environment):
    """One run of it: returncode, stdout, stderr. Proxies and the like of whoever runs the tests stay out."""
    return subprocess.run([LOCKCLI, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE)


def shown(run):
    """The one JSON value it printed."""
    assert run.returncode == 0, run
    assert run.stderr == ""
    assert run.stdout.endswith("\n") and run.stdout.count("\n") == 1
    return json.loads(run.stdout)


def failed(run, code, *words):
    """It said one sentence, on stderr alone, that has these words."""
    assert run.returncode == code, run
    assert run.stdout == ""
    assert re.fullmatch(r"lockcli: [^\n]+\n", run.stderr), run.stderr
    for word in words:
        assert word in run.stderr
    return run.stderr


GATE = (200, {}, json.dumps({"id": UNKNOWN, "status": "locked", "created": "2019-05-28T08:30:24.595Z",
                             "lastChange": "2019-05-28T08:30:24.595Z"}))


# ---- the commands


def test_a_lock_is_created_shown_released_and_deleted(endpoint):
    created = shown(lockcli("--api-endpoint", endpoint, "create", "nightly", "argo"))
    assert (created["status"], created["workflow"], created["namespace"]) == ("locked", "nightly", "argo")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", created["id"])
    assert shown(lockcli("--api-endpoint", endpoint, "get", created["id"])) == created
    released = shown(lockcli("--api-endpoint", endpoint, "release", created["id"]))
    assert released == created | {"status": "released", "lastChange": released["lastChange"]}
    assert shown(lockcli("--api-endpoint", endpoint, "release", created["id"])) == released
    assert shown(lockcli("--api-endpoint", endpoint, "delete", created["id"])) == {}
    failed(lockcli("--api-endpoint", endpoint, "get", created["id"]), 3, created["id"])


def test_the_endpoint_may_come_from_the_environment_and_the_flag_wins(server, endpoint):
    made = shown(lockcli("create", "w", "n", API_ENDPOINT=endpoint + "/"))
    assert shown(lockcli("get", made["id"], API_ENDPOINT=f"{server.url}/workflow")) == made
    assert shown(lockcli("--api-endpoint", endpoint, "get", made["id"], API_ENDPOINT="http://127.0.0.1:1")) == made
    assert shown(lockcli("get", made["id"], f"--api-endpoint={endpoint}")) == made


def test_every_create_makes_a_lock_of_its_own(endpoint):
    assert shown(lockcli("create", "w", "n", API_ENDPOINT=endpoint))["id"] != \
        shown(lockcli("create", "w", "n", API_ENDPOINT=endpoint))["id"]


def test_what_the_server_adds_is_shown_too():
    answer = (200, {}, json.dumps({"id": UNKNOWN, "status": "locked", "note": "not there yet", "colour": "red"}))
    with Scripted(answer) as server:
        assert shown(lockcli("get", UNKNOWN, API_ENDPOINT=server.url)) == json.loads(answer[2])


# ---- credentials and TLS


def test_credentials_come_from_the_url_or_the_environment(tmp_path):
    with Server(tmp_path, credentials=("ops", "geheim:@/ 1")) as server:
        main = f"127.0.0.1:{server.port}/workflow"
        made = shown(lockcli("create", "w", "n", API_ENDPOINT=f"http://ops:geheim%3A%40%2F%201@{main}"))
        right = {"LOCK_AUTH_USER": "ops", "LOCK_AUTH_PASS": "geheim:@/ 1"}
        assert shown(lockcli("get", made["id"], API_ENDPOINT=f"http://{main}", **right)) == made

        said = failed(lockcli("get", made["id"], API_ENDPOINT=f"http://ops:wrong1@{main}", **right), 4, "401")
        assert "wrong1" not in said
        failed(lockcli("get", made["id"], API_ENDPOINT=f"http://{main}"), 4, "LOCK_AUTH_USER", "LOCK_AUTH_PASS")
        failed(lockcli("get", made["id"], API_ENDPOINT=f"http://{main}", LOCK_AUTH_USER="ops"), 2, "LOCK_AUTH_PASS")


def test_a_certificate_has_to_verify(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=tmp_path, check=True, capture_output=True)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    with Server(tmp_path, environment={"SSL_CERT": str(cert), "SSL_KEY": str(key)}, ca=cert) as server:
        url = f"{server.url}/workflow"
        shown(lockcli("--ca-cert", str(cert), "create", "w", "n", API_ENDPOINT=url))
        failed(lockcli("create", "w", "n", API_ENDPOINT=url), 7, "--ca-cert")
    failed(lockcli("--ca-cert", str(tmp_path / "none.pem"), "create", "w", "n", API_ENDPOINT=url), 2, "none.pem")


# ---- every exit code


@pytest.mark.parametrize("arguments, word", [
    ([], "command"), (["get"], "get ID"), (["get", ""], "get ID"), (["get", "a", "b"], "get ID"),
    (["create", "workflow"], "create WORKFLOW NAMESPACE"), (["renew", "x"], '"renew"'), (["--colour", "get", "x"], "--colour"),
    (["--time", "1s", "get", "x"], "--time"), (["--timeout", "soon", "get", "x"], "--timeout"),
    (["--timeout", "0s", "get", "x"], "--timeout"), (["--api-endpoint", "ftp://h", "get", "x"], "ftp"),
    (["--api-endpoint", "http://h/?a=b", "get", "x"], "query")])
def test_2_the_command_line_is_wrong(arguments, word):
    failed(lockcli(*arguments, API_ENDPOINT="http://127.0.0.1:1"), 2, word)


def test_2_there_is_no_endpoint():
    failed(lockcli("get", UNKNOWN), 2, "--api-endpoint", "API_ENDPOINT")
    failed(lockcli("get", UNKNOWN, API_ENDPOINT=""), 2, "API_ENDPOINT")


@pytest.mark.parametrize("command", ["get", "release", "delete"])
@pytest.mark.parametrize("id", [UNKNOWN, "no-uuid", "a&b=c?d/e#f"])
def test_3_no_lock_has_the_id(endpoint, command, id):
    failed(lockcli(command, id, API_ENDPOINT=endpoint), 3, id)


def test_1_the_output_cannot_be_written(endpoint):
    with open("/dev/full", "w") as full:
        run = subprocess.run([LOCKCLI, "create", "w", "n"], env={"API_ENDPOINT": endpoint}, stdout=full,
                             stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1


def test_4_the_credentials_are_refused():
    for status in (401, 403):
        with Scripted(error(status)) as server:
            failed(lockcli("get", UNKNOWN, API_ENDPOINT=server.url), 4, str(status), "planted")
            assert len(server.asked) == 1, "it was tried again"


def test_5_the_server_refuses_the_request(endpoint):
    failed(lockcli("create", "w" * 600, "n", API_ENDPOINT=endpoint), 5, "workflow", "too long")
    with Scripted(error(409)) as server:
        failed(lockcli("create", "w", "n", API_ENDPOINT=server.url), 5, "409")
        assert len(server.asked) == 1


def test_6_the_server_stays_unavailable():
    for status in (429, 500, 503):
        with Scripted(error(status)) as server:
            failed(lockcli("--timeout", "700ms", "get", UNKNOWN, API_ENDPOINT=server.url), 6, str(status), "try again")
            assert len(server.asked) > 1, "it was not tried again"


def test_6_a_server_that_asks_for_more_patience_than_there_is_gets_no_second_request():
    with Scripted(error(503, Retry_After="3600")) as server:
        failed(lockcli("--timeout", "10s", "get", UNKNOWN, API_ENDPOINT=server.url), 6)
        assert len(server.asked) == 1


def test_7_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        failed(lockcli("--timeout", "300ms", "get", UNKNOWN, API_ENDPOINT=url), 7, url)


def test_8_no_answer_comes():
    with Scripted("hang") as server:
        failed(lockcli("--timeout", "300ms", "release", UNKNOWN, API_ENDPOINT=server.url), 8)
        said = failed(lockcli("--timeout", "300ms", "create", "w", "n", API_ENDPOINT=server.url), 8, "lockcli get ")
        assert json.loads(server.asked[-1][2])["id"] in said


def test_9_something_else_answers(server):
    failed(lockcli("get", UNKNOWN, API_ENDPOINT=server.url), 9, "/workflow")  # the native door
    for answer in [(200, {}, "<html>log in</html>"), (200, {}, "{}"), (302, {"Location": "http://portal/"}, ""),
                   error(405)]:
        with Scripted(answer) as stranger:
            failed(lockcli("create", "w", "n", API_ENDPOINT=stranger.url), 9, "API endpoint")
            assert len(stranger.asked) == 1


# ---- trying again


def test_a_create_whose_answer_was_lost_makes_one_lock():
    with Scripted("cut", error(503), GATE) as server:
        assert shown(lockcli("create", "w", "n", API_ENDPOINT=server.url))["id"] == UNKNOWN
        bodies = {body for method, path, body in server.asked if (method, path) == ("POST", "/lock")}
        assert len(server.asked) == 3
        assert len(bodies) == 1 and "id" in json.loads(bodies.pop())


def test_the_server_makes_one_lock_of_a_repeated_create(server):
    body = {"workflow": "w", "namespace": "n", "id": "E9205D4A-2545-4c58-86ae-d0e7b3ecec23"}
    first = ask(server, "POST", "/workflow/lock", body)[:2]
    assert first[0] == 200 and first[1]["id"] == body["id"].lower()
    assert ask(server, "POST", "/workflow/lock", body)[:2] == first
    assert ask(server, "POST", "/workflow/lock", body | {"workflow": "other"})[0] == 409


def test_a_delete_whose_answer_was_lost_is_done_when_the_lock_is_gone():
    gone = (404, {}, json.dumps({"error": "there is no lock with this id", "id": UNKNOWN}))
    with Scripted("cut", gone) as server:
        assert shown(lockcli("delete", UNKNOWN, API_ENDPOINT=server.url)) == {}
    with Scripted(error(429, Retry_After="0"), gone) as server:  # that one was not carried out
        failed(lockcli("delete", UNKNOWN, API_ENDPOINT=server.url), 3)


# ---- what it says of itself


def lockcli_page():
    return (ROOT / "docs/cli.md").read_text().split("\n## lockcli\n")[1]


def test_the_documented_exit_codes_are_those_of_help():
    table = lockcli_page().split("### Exit codes of lockcli")[1].split("##")[0]
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", table, re.M)
    helped = re.findall(r"^  (\d+)  (.+)$", lockcli("--help").stdout.split("Exit codes:")[1], re.M)
    assert documented == helped and len(helped) == 10


def test_every_exit_code_is_tested():
    names = "\n".join(name for name in globals() if name.startswith("test_"))
    helped = re.findall(r"^  (\d+)  ", lockcli("--help").stdout.split("Exit codes:")[1], re.M)
    assert [code for code in helped if code != "0" and f"test_{code}_" not in names] == []


def test_the_documented_commands_and_options_are_those_of_help():
    page = lockcli_page()
    said = lockcli("--help").stdout
    commands = dict(re.findall(r"^  (get|create|delete|release) ([A-Z ]+?)  ", said, re.M))
    assert dict(re.findall(r"^\| `(get|create|delete|release)` \| `([A-Z ]+)` \|", page, re.M)) == commands
    assert len(commands) == 4
    options = set(re.findall(r"--[a-z][a-z-]+", said.split("Options:")[1].split("User and")[0]))
    assert set(re.findall(r"--[a-z][a-z-]+", page.split("| option |")[1].split("### Exit")[0])) == options


def test_help_and_version_need_nothing_else():
    for arguments in (["--help"], ["-h", "get"], ["--version"]):
        run = lockcli(*arguments)
        assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"lockcli \d+\.\d+\.\d+\n", run.stdout)
