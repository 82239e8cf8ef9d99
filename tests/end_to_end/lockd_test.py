"""What clients of lockd can do here beside what they always did: say who they are, wait, lease, list; and that the locks
are those of all other doors."""

import concurrent.futures
import itertools
import json
import threading
import time

import pytest

import recorded
from server import Server, wait_for

CONFLICT = '{"error":"Lock conflict"}\n'
NOT_FOUND = '{"error":"Not Found"}\n'
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server")) as one:
        yield one


@pytest.fixture
def lock():
    return f"story-{next(numbers)}"


def ask(server, method, path, body=None, **fields):
    """`client_id="a"` is sent as Lock-Client-Id."""
    headers = {"Lock-" + name.replace("_", "-").title(): value for name, value in fields.items()}
    return server.request(method, "/lockd" + path, body, headers)


def lock_it(server, lock, **fields):
    return ask(server, "POST", f"/lock/{lock}", **fields)


def unlock(server, lock, **fields):
    return ask(server, "DELETE", f"/lock/{lock}", **fields)


def is_locked(server, lock):
    status = ask(server, "GET", f"/lock/{lock}").status
    assert status in (200, 404)
    return status == 200


def old(server, path, body, **fields):
    headers = {"Content-Type": "application/json"} | fields
    return server.request("POST", "/lockd" + path, json.dumps(body), headers)


def native(server, method, lock, body=None):
    answer = server.request(method, f"/lock/{lock}", None if body is None else json.dumps(body))
    return answer.status, json.loads(answer.body)


def queue(server, lock):
    return native(server, "GET", lock)[1]["queue"]


class Waiting:
    """A lock that waits, in a thread of its own."""

    def __init__(self, server, lock, **fields):
        before = len(queue(server, lock))
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.answer = self.pool.submit(lock_it, server, lock, **fields)
        wait_for(lambda: len(queue(server, lock)) > before, "the waiter to be in the queue")

    def result(self):
        return self.answer.result(60)


# ---- one lock at all doors

def test_a_lock_that_another_door_holds_is_locked_and_nobody_at_lockd_unlocks_it(server, lock):
    assert native(server, "PUT", lock, {"key": "build 12", "lock_by": "pipeline"})[0] == 200
    assert is_locked(server, lock)
    for answer in (lock_it(server, lock), unlock(server, lock), unlock(server, lock, client_id="pipeline")):
        assert answer.status == 409
    assert unlock(server, lock, override="true").status == 409, "only what lockd's clients hold"
    assert old(server, "/unlock", {"name": lock}).body == b"{}\n"
    assert native(server, "GET", lock)[1]["count"] == 1
    assert native(server, "DELETE", lock, {"key": "build 12", "lock_by": "pipeline"})[0] == 200
    assert lock_it(server, lock).status == 200


def test_a_lock_that_lockd_holds_is_refused_at_the_other_doors(server, lock):
    assert lock_it(server, lock).status == 200
    assert native(server, "PUT", lock, {"key": "lockd:", "lock_by": "lockd"})[0] == 423
    assert native(server, "DELETE", lock, {"key": "lockd:", "lock_by": "lockd"})[0] == 423
    status, shown = native(server, "GET", lock)
    assert [one["holder"] for one in shown["holders"]] == ["lockd"]
    events = json.loads(server.request("GET", f"/lock/{lock}/history").body)["events"]
    assert [(event["what"], event["door"]) for event in events] == [("acquired", "lockd")]
    assert server.request("POST", f"/lock/{lock}/force-release", b'{"reason":"gone"}').status == 200
    assert not is_locked(server, lock)


def test_the_generations_see_each_others_locks(server, lock):
    assert old(server, "/lock", {"name": lock}).status == 200
    assert old(server, "/api/lock", {"name": lock}).status == 409
    assert lock_it(server, lock).text == CONFLICT
    assert ask(server, "GET", f"/api/lock?name={lock}").status == 200
    assert unlock(server, lock).status == 200
    assert old(server, "/api/unlock", {"name": lock}).status == 409


def test_of_many_who_lock_at_once_one_succeeds(server, lock):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: lock_it(server, lock), range(48)))
    assert sorted(answer.status for answer in answers) == [200] + 47 * [409]
    assert {answer.text for answer in answers} == {"{}\n", CONFLICT}


def test_locks_survive_a_kill(tmp_path):
    with Server(tmp_path) as server:
        assert lock_it(server, "kept").status == 200
        assert lock_it(server, "leased", client_id="web-7", request_id="r", ttl="1h").status == 200
        server.kill()
        server.start()
        assert is_locked(server, "kept") and is_locked(server, "leased")
        assert lock_it(server, "kept").status == 409
        assert unlock(server, "leased").status == 409, "its client is known, too"
        assert ask(server, "POST", "/lock/leased/renew", client_id="web-7", request_id="r").status == 200
        assert unlock(server, "kept").status == 200 and unlock(server, "leased", client_id="web-7").status == 200


# ---- who locks

def test_a_client_that_says_who_it_is_is_the_only_one_to_unlock(server, lock):
    assert lock_it(server, lock, client_id="web-7").text == "{}\n"
    refused = unlock(server, lock, client_id="web-8")
    assert refused.status == 409
    told = json.loads(refused.body)
    assert list(told) == ["error", "holder", "since"] and told["error"] == "Lock conflict"
    assert told["holder"] == "web-7" and told["since"].endswith("Z")
    assert unlock(server, lock).text == CONFLICT, "an old client's bytes stay"
    assert unlock(server, lock, client_id="web").status == 409, "the beginning of an id is another one"
    assert lock_it(server, lock, client_id="web-7").status == 409, "nobody shares at lockd"
    assert unlock(server, lock, client_id="web-7").status == 200
    assert unlock(server, lock, client_id="web-7").text == NOT_FOUND


@pytest.mark.parametrize("one, other", [("a:b", "a"), ("a%3Ab", "a:b"), ("a", "a:"), ("é", "e")])
def test_ids_of_clients_do_not_run_into_each_other(server, lock, one, other):
    one, other = one.encode().decode("latin-1"), other.encode().decode("latin-1")  # bytes, as headers have them
    assert lock_it(server, lock, client_id=one).status == 200
    assert unlock(server, lock, client_id=other).status == 409
    assert unlock(server, lock, client_id=one).status == 200
    assert lock_it(server, lock, client_id=other).status == 200
    assert unlock(server, lock, client_id=one).status == 409
    assert unlock(server, lock, client_id=other).status == 200


def test_an_override_unlocks_what_another_client_holds(server, lock):
    assert lock_it(server, lock, client_id="web-7", request_id="r1").status == 200
    assert unlock(server, lock, client_id="web-8", override="false").status == 409
    assert unlock(server, lock, client_id="web-8", override="true").status == 200
    assert unlock(server, lock, client_id="web-8", override="true").status == 404


def test_a_request_that_is_sent_again_is_answered_again_and_locks_once(server, lock):
    first = lock_it(server, lock, client_id="web-7", request_id="r1")
    again = lock_it(server, lock, client_id="web-7", request_id="r1")
    assert (first.status, first.text) == (again.status, again.text) == (200, "{}\n")
    assert first.headers["Lock-Token"] == again.headers["Lock-Token"]
    assert first.headers["Lock-Request-Id"] == "r1"
    assert lock_it(server, lock, client_id="web-7", request_id="r2").status == 409
    assert lock_it(server, lock, client_id="web-8", request_id="r1").status == 409
    assert native(server, "GET", lock)[1]["count"] == 1

    assert unlock(server, lock, client_id="web-7", request_id="r2").status == 404, "that request holds nothing"
    assert is_locked(server, lock)
    assert unlock(server, lock, client_id="web-7", request_id="r1").status == 200
    assert unlock(server, lock, client_id="web-7", request_id="r1").status == 404
    later = lock_it(server, lock, client_id="web-7", request_id="r3")
    assert int(later.headers["Lock-Token"]) > int(first.headers["Lock-Token"])


def test_a_late_copy_of_a_request_that_is_over_takes_nothing(server, lock):
    assert lock_it(server, lock, client_id="a", request_id="r").status == 200
    assert unlock(server, lock, client_id="a", request_id="r").status == 200
    assert lock_it(server, lock, client_id="a", request_id="r").status == 409
    assert not is_locked(server, lock)
    assert lock_it(server, lock, client_id="a", request_id="another").status == 200


def test_no_key_is_shown_of_who_says_who_it_is(server, lock):
    assert lock_it(server, lock, client_id="a", request_id="r", ttl="1m").status == 200
    _, shown = native(server, "GET", lock)
    (claim,) = shown["claims"]
    status, _ = native(server, "DELETE", lock, {"key": claim["claim"], "lock_by": "a", "claim": claim["claim"]})
    assert status == 423, "what is shown does not unlock"
    assert lock_it(server, f"{lock}-list").status == 200
    for query in ("", "?view=%zz", "?view=full", "?view"):
        assert '"key"' not in ask(server, "GET", "/locks" + query).text, query


def test_who_leaves_before_it_is_told_its_name_leaves_no_place_behind(server, lock):
    assert lock_it(server, lock).status == 200
    connection = server.connect()
    connection.request("POST", f"/lockd/lock/{lock}", headers={"Lock-Wait": "1m"})
    wait_for(lambda: native(server, "GET", lock)[1]["queue"], "its place")
    connection.close()
    wait_for(lambda: not native(server, "GET", lock)[1]["queue"], "its place to be gone, long before its grace is over", 20)
    assert unlock(server, lock).status == 200
    assert not is_locked(server, lock)


def test_what_an_old_client_gets_has_nothing_of_ours(server, lock):
    for answer in (lock_it(server, lock), lock_it(server, lock), unlock(server, lock)):
        assert not [name for name in answer.headers if name.startswith("Lock-")]


# ---- waiting

def test_who_waits_gets_the_lock_when_it_is_unlocked(server, lock):
    assert lock_it(server, lock).status == 200
    first = Waiting(server, lock, client_id="first", wait="60s")
    second = Waiting(server, lock, client_id="second", wait="60s")
    assert unlock(server, lock).status == 200
    assert first.result().status == 200
    assert not second.answer.done(), "first come, first served"
    assert unlock(server, lock, client_id="first").status == 200
    assert second.result().status == 200
    assert unlock(server, lock, client_id="second").status == 200


def test_who_waited_in_vain_is_told_its_place_and_may_go_on_with_it(server, lock):
    assert lock_it(server, lock, client_id="web-7").status == 200
    begun = time.monotonic()
    answer = lock_it(server, lock, client_id="web-8", wait="300ms")
    assert time.monotonic() - begun >= 0.3
    assert answer.status == 409
    told = json.loads(answer.body)
    assert told["error"] == "Lock conflict" and told["holder"] == "web-7"
    assert (told["position"], told["waiters"]) == (1, 1)
    name = answer.headers["Lock-Request-Id"]
    assert unlock(server, lock, client_id="web-7").status == 200
    assert lock_it(server, lock).status == 409, "it is offered to who waited"
    taken = lock_it(server, lock, client_id="web-8", request_id=name, wait="0s")
    assert taken.status == 200 and taken.headers["Lock-Request-Id"] == name
    assert unlock(server, lock, client_id="web-8", request_id=name).status == 200


def test_a_request_that_waits_can_be_taken_back(server, lock):
    assert lock_it(server, lock).status == 200
    waiting = Waiting(server, lock, client_id="web-8", request_id="r1", wait="60s")
    unlock(server, lock, client_id="web-8", request_id="r1")
    assert waiting.result().status == 409
    assert queue(server, lock) == []
    assert unlock(server, lock).status == 200
    assert not is_locked(server, lock)


def test_who_did_not_ask_to_wait_leaves_nothing_behind_also_where_others_keep_a_place(tmp_path):
    with Server(tmp_path, args=["--hold-place-for-refused", "1h"]) as server:
        assert lock_it(server, "a").status == 200
        assert lock_it(server, "a").status == 409
        assert queue(server, "a") == []
        assert unlock(server, "a").status == 200
        assert lock_it(server, "a").status == 200, "nobody is before it"


def test_a_server_that_stops_sends_who_waits_home(tmp_path):
    with Server(tmp_path, args=["--door", "lockd=127.0.0.1:0"]) as server:
        assert lock_it(server, "a").status == 200
        connection = recorded.Connection(server.door_ports["lockd"])
        connection.send(b"POST /lock/a HTTP/1.1\r\nHost: x\r\nLock-Wait: 60s\r\n\r\n")
        wait_for(lambda: queue(server, "a"), "the waiter to be in the queue")
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        answer = connection.read()
        stopping.join()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


# ---- leases

def test_a_lease_that_nobody_renews_frees_its_lock(server, lock):
    begun = time.monotonic()
    assert lock_it(server, lock, client_id="web-7", ttl="500ms").status == 200
    wait_for(lambda: not is_locked(server, lock), "the lease to lapse")
    assert time.monotonic() - begun >= 0.5
    events = json.loads(server.request("GET", f"/lock/{lock}/history?order=oldest").body)["events"]
    assert [event["what"] for event in events] == ["acquired", "lapsed"]
    assert lock_it(server, lock).status == 200


def test_a_lease_is_renewed_by_its_request_alone(server, lock):
    def renew(**fields):
        return ask(server, "POST", f"/lock/{lock}/renew", **fields)

    assert renew(client_id="web-7", request_id="r1").text == NOT_FOUND
    granted = lock_it(server, lock, client_id="web-7", request_id="r1", ttl="1h")
    renewed = renew(client_id="web-7", request_id="r1", ttl="2h")
    assert (renewed.status, renewed.text) == (200, "{}\n")
    assert renewed.headers["Lock-Token"] == granted.headers["Lock-Token"]
    assert native(server, "GET", lock)[1]["claims"][0]["ttl"] == "2h"
    for other in ({"client_id": "web-8", "request_id": "r1"}, {"client_id": "web-7", "request_id": "r2"},
                  {"request_id": "r1"}):
        refused = renew(**other)
        assert refused.status == 409 and json.loads(refused.body)["holder"] == "web-7", other
    assert renew(client_id="web-7").text == '{"error":"Renewing needs the request id"}\n'
    assert unlock(server, lock, client_id="web-7").status == 200
    assert renew(client_id="web-7", request_id="r1").status == 404


# ---- the same in the bodies of the older generations

def test_bodies_have_the_fields_that_headers_have(server, lock):
    mine = {"name": lock, "client_id": "web-7", "request_id": "r1", "ttl": "1h"}
    granted = old(server, "/api/lock", mine)
    assert granted.status == 200 and granted.headers["Lock-Request-Id"] == "r1"
    claim = native(server, "GET", lock)[1]["claims"][0]
    assert (claim["holder"], claim["ttl"]) == ("web-7", "1h")
    refused = old(server, "/api/lock", {"name": lock, "client_id": "web-8", "wait": "0s"})
    assert refused.status == 409 and json.loads(refused.body)["position"] == 1
    request = refused.headers["Lock-Request-Id"]
    old(server, "/api/unlock", {"name": lock, "client_id": "web-8", "request_id": request})
    assert queue(server, lock) == []
    assert old(server, "/api/unlock", {"name": lock, "client_id": "web-8"}).status == 409
    assert old(server, "/unlock", {"name": lock, "client_id": "web-8", "override": True}).status == 200
    assert old(server, "/unlock", mine).text == NOT_FOUND


def test_a_number_as_ttl_is_what_it_was_to_old_clients_and_a_fault_to_new_ones(server, lock):
    assert old(server, "/lock", {"name": lock, "ttl": 5}).text == "{}\n"
    assert "ttl" not in native(server, "GET", lock)[1]["claims"][0], "no lease"
    fault = old(server, "/lock", {"name": lock, "ttl": 5, "client_id": "web-7"})
    assert fault.status == 400 and "ttl must be a duration in quotes" in fault.text


# ---- lists and pages

def test_a_list_shows_who_holds_what_and_no_keys(tmp_path):
    with Server(tmp_path) as server:
        assert ask(server, "GET", "/locks").text == '{"locks":[],"more":false}\n'
        lock_it(server, "b", client_id="web-7", request_id="r1", ttl="1h")
        lock_it(server, "a")
        native(server, "PUT", "c", {"key": "secret", "lock_by": "pipeline"})
        server.request("POST", "/workflow/lock", b'{"workflow":"w","namespace":"n"}')
        text = ask(server, "GET", "/locks").text
        locks = json.loads(text)["locks"]
        assert [(one["lock"], one["holders"][0]["holder"]) for one in locks] == [
            ("a", "lockd"), ("b", "web-7"), ("c", "pipeline")]
        assert "secret" not in text
        first = json.loads(ask(server, "GET", "/locks?limit=1").body)
        assert [one["lock"] for one in first["locks"]] == ["a"] and first["more"]
        rest = json.loads(ask(server, "GET", "/locks?after=a&prefix=b").body)
        assert [one["lock"] for one in rest["locks"]] == ["b"] and not rest["more"]
        assert ask(server, "GET", "/locks?limit=none").status == 400


def test_health_needs_no_credentials_and_everything_else_does(tmp_path):
    with Server(tmp_path, credentials=("me", "secret")) as server:
        def without(method, path):
            return server.request(method, "/lockd" + path, credentials=None).status

        assert without("GET", "/health") == 200
        assert without("GET", "/nowhere") == 404
        for method, path in (("POST", "/lock/a"), ("GET", "/lock/a"), ("DELETE", "/lock/a"), ("POST", "/lock/a/renew"),
                             ("POST", "/lock"), ("POST", "/unlock"), ("POST", "/api/lock"), ("POST", "/api/unlock"),
                             ("GET", "/api/lock?name=a"), ("GET", "/locks"), ("GET", "/metrics")):
            assert without(method, path) == 401, path
        assert lock_it(server, "a").status == 200
        assert "lockkeeper_" in ask(server, "GET", "/metrics").text


# ---- what is wrong

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
XML = {"Content-Type": "application/xml"}


@pytest.mark.parametrize("method, path, headers, body, status, text", [
    ("POST", "/lock/a", {"Lock-Wait": "10"}, None, 400, 'Lock-Wait: 10 has no unit: write "10s"'),
    ("POST", "/lock/a", {"Lock-Wait": "-1s"}, None, 400, "Lock-Wait: "),
    ("POST", "/lock/a", {"Lock-Ttl": "soon"}, None, 400, "Lock-Ttl: "),
    ("POST", "/lock/a", {"Lock-Ttl": "1ms"}, None, 400, "ttl is shorter than 100ms"),
    ("POST", "/lock/a", {"Lock-Override": "yes"}, None, 400, "Lock-Override is neither true nor false"),
    ("POST", "/lock/a", {"Lock-Override": "true"}, None, 400, "Override is for unlocking only"),
    ("POST", "/lock/a", {"Lock-Client-Id": "a\tb"}, None, 400, "Client id contains control byte 9 at offset 1"),
    ("POST", "/lock/a", {"Lock-Client-Id": "a" * 129}, None, 400,
     "Client id is too long (129 bytes > max of 128)"),
    ("POST", "/lock/a", {"Lock-Client-Id": "\xff"}, None, 400, "Client id is not UTF-8"),
    ("DELETE", "/lock/a", {"Lock-Request-Id": "r" * 129}, None, 400,
     "Request id is too long (129 bytes > max of 128)"),
    ("POST", "/lock/a/renew", {}, None, 400, "Renewing needs the request id"),
    ("POST", "/lock/a%2", {}, None, 400, "the path has a bad percent escape"),
    ("POST", "/lock", JSON, b'{"name":"a","client_id":7}', 400, "client_id must be a text"),
    ("POST", "/lock", JSON, b'{"name":"a","wait":30}', 400, "wait must be a duration in quotes"),
    ("POST", "/lock", JSON, b'{"name":"a","wait":"30"}', 400, "wait: 30 has no unit"),
    ("POST", "/lock", JSON, b'{"name":"a","ttl":{}}', 400, "ttl must be a duration in quotes"),
    ("POST", "/lock", JSON, b'{"name":"a","ttl":5,"wait":"1s"}', 400, "ttl must be a duration in quotes"),
    ("POST", "/unlock", JSON, b'{"name":"a","override":"yes"}', 400, "override must be true or false"),
    ("POST", "/unlock", JSON, b'{"name":"a","override":1}', 400, "override must be true or false"),
    ("POST", "/lock", JSON, b"[" * 60_000, 400, "the body is not a JSON object"),
    ("POST", "/lock", JSON, b'{"name":["a"]}', 400, "the body is not a JSON object with a text as its name"),
    ("POST", "/lock", JSON, b'{"name":"\\u0001gate0"}', 400, "the lock's name has a control character"),
    ("POST", "/lock", FORM, b"name=%4", 400, "the form has a bad percent escape"),
    ("POST", "/lock?name=%zz", FORM, b"", 400, "the form has a bad percent escape"),
    ("POST", "/lock", FORM, b"name=&name=a", 400, "Key: 'LockRequest.Name' Error"),
    ("POST", "/lock", XML, b"<LockRequest><Name>a</Name>", 400, "the body is not <LockRequest>"),
    ("POST", "/lock", XML, b"<!DOCTYPE x [<!ENTITY a 'b'>]><LockRequest><Name>&a;</Name></LockRequest>", 400,
     "the body is not <LockRequest>"),
    ("POST", "/lock", XML, b"<LockRequest></LockRequest>", 400, "Key: 'LockRequest.Name' Error"),
    ("POST", "/lock", JSON, b'{"name":"' + b"a" * 70_000 + b'"}', 413, "the request's body is too large"),
    ("POST", "/lock/" + "a" * 9_000, {}, None, 431, "the request's header is too large"),
    ("GET", "/api/lock?name=" + "a" * 600, {}, None, 400, "the lock's name is too long (600 bytes; the limit is 512)"),
    ("PATCH", "/unlock", {}, None, 405, "method not allowed"),
    ("POST", "/raft/RequestVote?from=1", {}, b"{}", 404, "not found"),
])
def test_a_malformed_request_is_told_what_is_wrong_with_it(server, method, path, headers, body, status, text):
    answer = server.request(method, "/lockd" + path, body, headers)
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(answer.body)["error"].startswith(text), answer.text
    assert not is_locked(server, "a")


@pytest.mark.parametrize("path, headers, body", [
    ("/lock", XML, "<?xml version='1.0' encoding='UTF-8'?>\n<LockRequest>\n <Name>NAME</Name>\n</LockRequest >\n"),
    ("/lock", {"Content-Type": "text/xml"}, "<LockRequest><Name>NAME</Name></LockRequest>"),
    ("/api/lock", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "x=1&name=NAME&name=other"),
    ("/api/lock?name=other", FORM, "name=NAME"),
    ("/api/lock?x=%20&name=NAME", {}, ""),
    ("/api/lock", JSON, '{"x":{"name":"other"},"Name":"NAME","name":null}'),
])
def test_a_name_is_found_in_whatever_body_the_original_read(server, lock, path, headers, body):
    answer = server.request("POST", "/lockd" + path.replace("NAME", lock), body.replace("NAME", lock), headers)
    assert (answer.status, answer.text) == (200, "{}\n")
    assert is_locked(server, lock)


def test_a_name_in_xml_may_have_entities(server, lock):
    body = f"<LockRequest><Name>{lock} &lt;&amp;&gt;&quot;&apos;</Name></LockRequest>"
    assert server.request("POST", "/lockd/lock", body, XML).status == 200
    assert old(server, "/unlock", {"name": lock + " <&>\"'"}).status == 200
