"""docs/openapi.yaml and the server say the same: routes compared both ways, every answer held against its schema."""

import json
import pathlib
import re

import jsonschema
import pytest
import yaml

import metrics_page
from ask import ask
from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
API = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
DOORS = {"locker": "", "lockd": "/lockd", "shared_lock": "/shared-lock",
         "workflow": "/workflow"}  # those that are documented, and where
METHODS = {"get", "put", "delete", "post", "patch"}


def documented():
    return {(method.upper(), path) for path, item in API["paths"].items() for method in item if method in METHODS}


def resolve(node):
    while "$ref" in node:
        target = API
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def check(method, path, status, body):
    """The answer is one that the document knows, in its shape."""
    responses = API["paths"][path][method.lower()]["responses"]
    assert str(status) in responses, f"{method} {path}: {status} is not documented: {body}"
    schema = resolve(responses[str(status)])["content"]["application/json"]["schema"]
    jsonschema.validate(body, {**schema, "components": API["components"]}, cls=jsonschema.Draft202012Validator)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openapi"))
    server.start()
    yield server
    server.stop()


def test_the_document_is_a_schema_that_can_be_checked():
    for schema in API["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    with pytest.raises(jsonschema.ValidationError):
        check("GET", "/lock/{name}", 200, {"lock": "x", "state": "lost"})


def test_the_server_has_exactly_the_documented_routes():
    served = set()
    for door, prefix in DOORS.items():
        source = (ROOT / f"server/doors/{door}.cpp").read_text()
        routes = re.findall(r'\{"([A-Z]+)", "(/[^"]*)"', source)
        served |= {(method, prefix + path.replace("{}", "{name}")) for method, path in routes}
    assert served == documented()


def test_every_documented_route_is_served_and_no_other_method(server):
    for path in API["paths"]:
        _, _, headers = ask(server, "BREW", path.replace("{name}", "prod"))
        allowed = {method.strip() for method in headers["Allow"].split(",")} - {"HEAD"}
        assert allowed == {method for method, one in documented() if one == path}, path


STORY = [  # a lock's life, so that every kind of answer is there once
    ("GET", "/lock/{name}", None, 200),
    ("PUT", "/lock/{name}", {"key": "k"}, 200),
    ("PUT", "/lock/{name}", {"key": "k", "lock_by": "me", "metadata": {"url": "https://example.com"}}, 200),
    ("PUT", "/lock/{name}", {"key": "k", "lock_by": "me", "claim": "c", "request": "r1", "begun": 2}, 200),
    ("PUT", "/lock/{name}", {"key": "k", "lock_by": "me", "claim": "c", "request": "r1", "begun": 2}, 200),
    ("PUT", "/lock/{name}", {"key": "other"}, 423),
    ("PUT", "/lock/{name}", {"key": "other", "claim": "d"}, 423),
    ("PUT", "/lock/{name}", {}, 400),
    ("PUT", "/lock/{name}", {"key": "k" * 2000}, 400),
    ("GET", "/lock/{name}", None, 200),
    ("GET", "/locks", None, 200),
    ("GET", "/locks?view=full", None, 200),
    ("GET", "/locks?view=full&limit=0", None, 400),
    ("DELETE", "/lock/{name}", {"key": "k"}, 200),
    ("DELETE", "/lock/{name}", {"key": "other"}, 423),
    ("DELETE", "/lock/{name}", {"key": "k", "lock_by": "me", "claim": "c"}, 200),
    ("PUT", "/lock/{name}", {"key": "k", "lock_by": "me", "claim": "c", "request": "r1", "begun": 2}, 410),
    ("DELETE", "/lock/{name}", {"key": "k", "lock_by": "me", "claim": "c", "request": "r9", "begun": 2}, 200),
    ("PUT", "/lock/{name}", {"key": "k", "claim": "l", "request": "r1", "ttl": "1h"}, 200),
    ("POST", "/lock/{name}/renew", {"key": "k", "claim": "l", "ttl": "1h30m"}, 200),
    ("POST", "/lock/{name}/renew", {"key": "other", "claim": "l"}, 423),
    ("POST", "/lock/{name}/renew", {"key": "k"}, 400),
    ("PUT", "/lock/{name}", {"key": "q", "claim": "w", "request": "r1", "wait": "0s", "metadata": {"n": "1"}}, 423),
    ("PUT", "/lock/{name}", {"key": "q", "lock_by": "q2", "ttl": "30s", "wait": "0s"}, 423),
    ("PUT", "/lock/{name}", {"key": "q", "wait": "10"}, 400),
    ("GET", "/lock/{name}", None, 200),
    ("DELETE", "/lock/{name}", {"key": "q", "claim": "w", "request": "r1"}, 200),
    ("PUT", "/lock/{name}", {"key": "q", "claim": "w", "request": "r1", "begun": 0, "wait": "0s"}, 410),
    ("POST", "/lock/{name}/force-release", {"reason": "the story ends"}, 200),
    ("POST", "/lock/{name}/renew", {"key": "k", "claim": "l"}, 410),
    ("DELETE", "/lock/{name}", {"key": "q", "claim": "l"}, 200),
    ("GET", "/lock/{name}", None, 200),
    ("GET", "/lock/{name}/history", None, 200),
    ("GET", "/lock/{name}/history?limit=2&after=1", None, 200),
    ("GET", "/lock/{name}/history?limit=none", None, 400),
    ("GET", "/health", None, 200),
    ("GET", "/ready", None, 200),
    ("GET", "/version", None, 200),
    ("GET", "/status", None, 200),
]


ME = {"Lock-Client-Id": "me"}
REQUEST = ME | {"Lock-Request-Id": "r1"}
OTHER = {"Lock-Client-Id": "other"}
LOCKD_STORY = [  # the same at lockd's door: with headers
    ("GET", "/lockd/lock/{name}", {}, None, 404),
    ("POST", "/lockd/lock/{name}", {}, None, 200),
    ("POST", "/lockd/lock/{name}", {}, None, 409),
    ("GET", "/lockd/lock/{name}", {}, None, 200),
    ("DELETE", "/lockd/lock/{name}", {}, None, 200),
    ("DELETE", "/lockd/lock/{name}", {}, None, 404),
    ("POST", "/lockd/lock/{name}", REQUEST | {"Lock-Ttl": "1h"}, None, 200),
    ("POST", "/lockd/lock/{name}/renew", REQUEST, None, 200),
    ("POST", "/lockd/lock/{name}/renew", OTHER | {"Lock-Request-Id": "r1"}, None, 409),
    ("POST", "/lockd/lock/{name}/renew", OTHER, None, 400),
    ("POST", "/lockd/lock/{name}", OTHER | {"Lock-Wait": "0s"}, None, 409),
    ("DELETE", "/lockd/lock/{name}", OTHER, None, 409),
    ("DELETE", "/lockd/lock/{name}", OTHER | {"Lock-Override": "yes"}, None, 400),
    ("DELETE", "/lockd/lock/{name}", OTHER | {"Lock-Override": "true"}, None, 200),
    ("POST", "/lockd/lock/{name}/renew", REQUEST, None, 409),
    ("POST", "/lockd/lock/a+b", {}, None, 400),
    ("POST", "/lockd/lock", {}, {"name": "old"}, 200),
    ("POST", "/lockd/api/lock", {}, {"name": "old"}, 409),
    ("POST", "/lockd/api/lock", {}, {"name": "old", "client_id": "me", "wait": "0s"}, 409),
    ("GET", "/lockd/api/lock?name=old", {}, None, 200),
    ("POST", "/lockd/unlock", {}, {"name": "old", "client_id": "me"}, 409),
    ("POST", "/lockd/unlock", {}, {"name": "old"}, 200),
    ("POST", "/lockd/api/unlock", {}, {"name": "never"}, 409),
    ("POST", "/lockd/api/unlock", {}, {}, 400),
    ("GET", "/lockd/api/lock?name=never", {}, None, 404),
    ("GET", "/lockd/api/lock", {}, None, 400),
    ("GET", "/lockd/locks", {}, None, 200),
    ("GET", "/lockd/locks?limit=0", {}, None, 400),
    ("GET", "/lockd/health", {}, None, 200),
]


def test_every_answer_of_lockds_door_has_the_documented_shape(server):
    for method, path, headers, body, expected in LOCKD_STORY:
        text = None if body is None else json.dumps(body)
        answer = server.request(method, path.replace("{name}", "lockd-story"), text,
                                headers | {"Content-Type": "application/json"})
        assert answer.status == expected, (method, path, headers, answer.text)
        where = path.split("?")[0].replace("/lock/a+b", "/lock/{name}")
        check(method, where, answer.status, json.loads(answer.body))


SHARED_LOCK_STORY = [  # texts, most of them
    ("POST", "/shared-lock/lease", {}, '{"key":"shared-lock-story","value":"me","labels":{"a":"b","c":null}}', 201),
    ("POST", "/shared-lock/lease", {"x-lease-ttl": "1m30s"}, '{"KEY":"shared-lock-story"}', 202),
    ("POST", "/shared-lock/lease", {}, '{"key":"story"', 400),
    ("POST", "/shared-lock/lease", {}, "{}", 400),
    ("POST", "/shared-lock/lease", {"x-lease-ttl": "30"}, '{"key":"shared-lock-story"}', 400),
    ("POST", "/shared-lock/keepalive", {}, "${lease}\n", 200),
    ("POST", "/shared-lock/keepalive", {}, "5", 204),
    ("POST", "/shared-lock/keepalive", {}, '"5"', 400),
    ("GET", "/shared-lock/health", {}, None, 200),
    ("GET", "/shared-lock/metrics", {}, None, 200),
]


def test_every_answer_of_shared_locks_door_has_the_documented_shape(server):
    lease = ""
    for method, path, headers, body, expected in SHARED_LOCK_STORY:
        answer = server.request(method, path, body and body.replace("${lease}", lease), headers)
        assert answer.status == expected, (method, path, headers, body, answer.text)
        lease = answer.text if expected == 201 else lease
        content = resolve(API["paths"][path][method.lower()]["responses"][str(expected)]).get("content")
        if content is None:
            assert (answer.body, answer.headers["Content-Length"] or "0") == (b"", "0"), (method, path)
            continue
        kind = answer.headers["Content-Type"].split(";")[0]
        given = json.loads(answer.body) if kind == "application/json" else answer.text
        jsonschema.validate(given, {**resolve(content[kind]["schema"]), "components": API["components"]},
                            cls=jsonschema.Draft202012Validator)


GATE = "7e0d57a1-c0de-4000-8000-5f0c86aed0e7"
WORKFLOW_STORY = [
    ("POST", "/workflow/lock", {"workflow": "w", "namespace": "n", "id": GATE}, 200),
    ("POST", "/workflow/lock/", {"workflow": "w", "namespace": "n", "id": GATE}, 200),
    ("POST", "/workflow/lock", {"workflow": "other", "namespace": "n", "id": GATE}, 409),
    ("POST", "/workflow/lock", {"workflow": "w"}, 400),
    ("GET", f"/workflow/lock/?id={GATE}", None, 200),
    ("GET", "/workflow/lock", None, 400),
    ("GET", "/workflow/lock/?id=unknown", None, 404),
    ("PUT", f"/workflow/lock/?id={GATE}", {"note": "not there"}, 200),
    ("PUT", f"/workflow/lock/?id={GATE}", {}, 400),
    ("PATCH", f"/workflow/lock/?id={GATE}", None, 200),
    ("PATCH", "/workflow/lock/?id=unknown", None, 404),
    ("GET", "/workflow/locks?status=released&limit=1", None, 200),
    ("GET", "/workflow/locks?status=open", None, 400),
    ("GET", "/workflow/locks?status=released&wait=25s", None, 200),
    ("GET", "/workflow/locks?status=released&since=none", None, 200),
    ("GET", "/workflow/locks?wait=25s", None, 400),
    ("DELETE", f"/workflow/lock/?id={GATE}", None, 200),
    ("DELETE", f"/workflow/lock/?id={GATE}", None, 404),
    ("GET", f"/workflow/lock/history?id={GATE}", None, 200),
    ("GET", f"/workflow/lock/history?id={GATE}&limit=0", None, 400),
    ("GET", "/workflow/lock/history?id=unknown", None, 404),
]


def test_every_answer_of_the_workflow_door_has_the_documented_shape(server):
    for method, path, body, expected in WORKFLOW_STORY:
        status, answer, _ = ask(server, method, path, body)
        assert status == expected, (method, path, body, status, answer)
        check(method, path.split("?")[0], status, answer)


def test_the_metrics_page_is_text_as_documented(server):
    content = API["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert list(content) == [metrics_page.CONTENT_TYPE.split(";")[0]]
    assert metrics_page.scrape(server)["lockkeeper_ready"] == 1


def test_every_answer_has_the_documented_shape(server):
    for method, path, body, expected in STORY:
        status, answer, _ = ask(server, method, path.replace("{name}", "story"), body)
        assert status == expected, (method, path, body, status, answer)
        check(method, path.split("?")[0], status, answer)
