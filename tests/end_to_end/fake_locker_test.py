"""The fake of the original locker answers as the original did, so that what is tested against it holds."""

import pytest

from fake_locker import FakeLocker
from recorded import Closed, Connection, joined, load, recorded_path, request_bytes

# A fault of the original that nothing of ours leans on, or more than the fake is for.
LEFT_OUT = {
    "name-100kb": "Python's parser bounds the request line",
    "name-invalid-utf8": "two names that look alike in the list",
    "auth-scheme-only-is-500": "a panic",
    "auth-no-colon": "a panic",
}


def replayable(case):
    """Requests over one server with nothing but credentials set up; no files, signals or broken HTTP."""
    setup = case.get("setup", {})
    requests = [exchange["request"] for exchange in case["exchanges"] if "request" in exchange]
    steps = {exchange["step"]["do"] for exchange in case["exchanges"] if "step" in exchange}
    return (
        requests
        and "layer" not in case
        and case["case"] not in LEFT_OUT
        and not case["case"].startswith("file-")
        and set(setup) <= {"env"}
        and set(setup.get("env", {})) <= {"AUTH_USER", "AUTH_PASS"}
        and steps <= {"file"}
        and all("path" in request and "raw" not in request for request in requests)
        and all("status" in exchange["response"] for exchange in case["exchanges"] if "request" in exchange)
    )


CASES = [case for case in load(recorded_path("locker.jsonl")) if replayable(case)]


def test_most_of_what_was_recorded_is_replayed():
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_answers_as_recorded(case):
    env = case.get("setup", {}).get("env", {})
    with FakeLocker(auth=(env["AUTH_USER"], env["AUTH_PASS"]) if env else None) as fake:
        for exchange in case["exchanges"]:
            if "request" not in exchange:
                continue
            request, expected = exchange["request"], exchange["response"]
            connection = Connection(fake.port)
            connection.send(request_bytes(request))
            answer = connection.read(request["method"])
            connection.close()
            assert (answer.status, answer.reason) == (expected["status"], expected["reason"])
            assert answer.content_type == expected["content_type"]
            assert answer.body == (joined(expected, "body") or b"")
            assert {name: answer.headers.get(name) for name in expected["headers"]} == expected["headers"]


def ask(fake, method, path, body=None):
    connection = Connection(fake.port)
    try:
        connection.send(request_bytes({"method": method, "path": path, "headers": {}, "body": body}))
        return connection.read(method)
    finally:
        connection.close()


def test_planted_faults_come_in_their_order_and_end():
    with FakeLocker() as fake:
        fake.fail(1, 503, headers={"Retry-After": "7"})
        fake.drop(1, methods={"PUT"}, after=True)
        fake.drop(1, methods={"DELETE"})

        refused = ask(fake, "PUT", "/lock/a", '{"key":"k"}')
        assert (refused.status, refused.headers["Retry-After"]) == (503, "7")
        assert fake.held("a") == {}

        with pytest.raises(Closed):
            ask(fake, "PUT", "/lock/a", '{"key":"k"}')
        assert fake.held("a") == {"k": 1}

        with pytest.raises(Closed):
            ask(fake, "DELETE", "/lock/a", '{"key":"k"}')
        assert fake.held("a") == {"k": 1}

        assert ask(fake, "DELETE", "/lock/a", '{"key":"k"}').status == 200
        assert fake.held("a") == {}
        assert [request.method for request in fake.requests] == ["PUT", "PUT", "DELETE", "DELETE"]


def test_a_black_hole_never_answers():
    with FakeLocker() as fake:
        fake.black_hole(1, after=True)
        connection = Connection(fake.port, timeout=30)
        connection.send(request_bytes({"method": "PUT", "path": "/lock/a", "headers": {}, "body": '{"key":"k"}'}))
        fake.wait_until(lambda: len(fake.requests) == 1 and fake.held("a") == {"k": 1})
        connection.close()
        assert ask(fake, "GET", "/locks").status == 200
