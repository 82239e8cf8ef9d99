"""Waiting, leases and hand-overs against the real server: who comes first is served first, nobody loses a place by
accident, and a lock never stays with somebody who is not there. Upper bounds are generous, lower bounds exact.

Told on one server with SQLite, and on three over each other store (replicas.Service)."""

import http.client
import json
import random
import signal
import socket
import threading
import time

import pytest

from ask import ask, get
from history_check import whole_history
from replicas import ON, Service
from server import wait_for

PATIENCE = 60  # seconds, for what takes milliseconds on an idle machine


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("waiting"), args=["--waiter-grace", "30s"]) as server:
        yield server


@pytest.fixture
def lock(request):
    return request.node.name


class Poll:
    """PUT with `wait`, on a connection of its own. `leave()` closes that while the answer is due."""

    def __init__(self, server, lock, claim, wait="60s", **fields):
        self.claim = claim
        body = {"key": claim, "claim": claim, "request": "r-" + claim, "wait": wait} | fields
        text = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
        self.began = time.monotonic()
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self.socket.sendall(f"PUT /lock/{lock} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            f"Content-Length: {len(text)}\r\n\r\n".encode() + text)
        self.status = self.body = self.took = None
        self.raw = b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while chunk := self.socket.recv(65536):
                self.raw += chunk
        except OSError:
            pass
        self.took = time.monotonic() - self.began
        head, _, body = self.raw.partition(b"\r\n\r\n")
        if body:
            self.status = int(head.split()[1])
            self.body = json.loads(body)

    @property
    def open(self):
        return self.thread.is_alive()

    def answer(self):
        """(status, body)"""
        self.thread.join(PATIENCE)
        assert not self.open, f"{self.claim} still waits"
        return self.status, self.body

    def token(self):
        status, body = self.answer()
        assert status == 200, (self.claim, status, body)
        return body["token"]

    def leave(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.socket.close()


def put(server, lock, key, **fields):
    status, body, _ = ask(server, "PUT", f"/lock/{lock}", {"key": key} | fields)
    return status, body


def hold(server, lock, key="holder", **fields):
    status, body = put(server, lock, key, **{"metadata": {}} | fields)
    assert status == 200, body
    return body


def release(server, lock, key="holder", **fields):
    status, body, _ = ask(server, "DELETE", f"/lock/{lock}", {"key": key} | fields)
    assert status == 200, body
    return body


def renew(server, lock, key, **fields):
    status, body, _ = ask(server, "POST", f"/lock/{lock}/renew", {"key": key} | fields)
    return status, body


def queue(server, lock):
    return [waiter.get("claim") for waiter in get(server, f"/lock/{lock}")["queue"]]


def polls(server):
    return sum(get(one, "/status")["waiting"] for one in server.servers)


def events(server, lock, *whats):
    found = whole_history(lambda path: get(server, path), lock)
    return [event for event in found if not whats or event["what"] in whats]


def story(server, lock):
    """What happened, without what keeps places. Who hands a lock over does not know of a poll that is open at another server: over a store that
    servers share it offers the lock, and that server takes it up. Such a pair is told as the grant that it is."""
    told = []
    for event in events(server, lock):
        if event["what"] == "renewed":
            continue
        last = next((one for one in reversed(told) if one.get("claim") == event.get("claim")), {})
        if ON and (last.get("what"), event["what"]) == ("offered", "granted"):
            last["what"] = "granted"
        else:
            told.append(event)
    return told


def waiting(server, lock, *claims, **fields):
    """Polls that came in this order and are open."""
    result = []
    for claim in claims:
        before = polls(server)
        result.append(Poll(server, lock, claim, **fields))
        wait_for(lambda: claim in queue(server, lock), f"{claim} to be queued")
        wait_for(lambda: polls(server) > before, f"{claim}'s poll to be open")
    return result


def waiting_again(server, lock, claim, **fields):
    """Likewise, one that has its place already."""
    before = polls(server)
    poll = Poll(server, lock, claim, **fields)
    wait_for(lambda: polls(server) > before, f"{claim}'s poll to be open")
    return poll


# ---- the queue


def test_who_came_first_is_served_first_and_each_hand_over_wakes_exactly_one(server, lock):
    hold(server, lock)
    names = ["w1", "w2", "w3", "w4", "w5"]
    waiters = waiting(server, lock, *names)
    assert queue(server, lock) == names
    last = 0
    release(server, lock)
    for at, poll in enumerate(waiters):
        token = poll.token()
        assert token > last
        last = token
        assert [other.open for other in waiters[at + 1:]] == [True] * (len(waiters) - at - 1)
        assert queue(server, lock) == names[at + 1:]
        assert [one["claim"] for one in get(server, f"/lock/{lock}")["claims"]] == [poll.claim]
        release(server, lock, poll.claim, claim=poll.claim)
    assert get(server, f"/lock/{lock}")["state"] == "free"


def test_when_its_time_is_over_a_poll_is_told_its_place_which_is_kept(server, lock):
    since = hold(server, lock, lock_by="me")["since"]
    first, = waiting(server, lock, "first")
    second = Poll(server, lock, "second", wait="300ms")
    status, body = second.answer()
    assert status == 423 and second.took >= 0.3
    assert (body["position"], body["waiters"]) == (2, 2)
    assert [one["holder"] for one in body["ahead"]] == ["first"]
    assert [(one["holder"], one["since"]) for one in body["holders"]] == [("me", since)]
    assert f"'{lock}' is held by 'me' since {since}: number 2 of 2 in its queue" in body["error"]
    third, = waiting(server, lock, "third")
    again = waiting_again(server, lock, "second")
    assert queue(server, lock) == ["first", "second", "third"], "the place is the same"
    release(server, lock, lock_by="me")
    for poll in (first, again, third):
        poll.token()
        release(server, lock, poll.claim, claim=poll.claim)
    assert [event["claim"] for event in events(server, lock, "queued")] == ["first", "second", "third"]


def test_a_wait_of_no_time_queues_and_is_answered_at_once(server, lock):
    hold(server, lock)
    assert put(server, lock, "k", claim="c", request="r", wait="0s")[0] == 423
    assert queue(server, lock) == ["c"]
    release(server, lock)
    status, body = put(server, lock, "k", claim="c", request="r", wait="0s")
    assert (status, body["again"]) == (200, False), "the offer is taken up"


def test_a_free_lock_is_granted_to_a_poll_at_once(server, lock):
    poll = Poll(server, lock, "c")
    assert poll.answer()[0] == 200
    assert "queued" not in [event["what"] for event in events(server, lock)]


def test_sharers_at_the_head_are_granted_together_and_no_one_behind_another_key(server, lock):
    hold(server, lock)
    shared = [waiting(server, lock, name, key="shared", lock_by=name)[0] for name in ("s1", "s2")]
    other, = waiting(server, lock, "other")
    late, = waiting(server, lock, "late", key="shared", lock_by="late")
    release(server, lock)
    for poll in shared:
        poll.token()
    assert other.open and late.open
    assert get(server, f"/lock/{lock}")["count"] == 2
    status, _ = put(server, lock, "shared", lock_by="newcomer")
    assert status == 423, "nobody joins past the queue"
    for poll in shared:
        release(server, lock, "shared", lock_by=poll.claim, claim=poll.claim)
    other.token()
    assert late.open
    release(server, lock, "other", claim="other")
    late.token()


def test_a_plain_request_neither_queues_nor_overtakes(server, lock):
    hold(server, lock, "shared", lock_by="a")
    waiter, = waiting(server, lock, "w")
    assert put(server, lock, "plain")[0] == 423
    status, body = put(server, lock, "plain", claim="named", request="r")
    assert status == 423 and "position" not in body
    assert put(server, lock, "shared", lock_by="b")[0] == 423, "others are queued before it"
    assert put(server, lock, "shared", lock_by="a")[0] == 200, "a holder can't wait for itself"
    assert queue(server, lock) == ["w"]
    release(server, lock, "shared", lock_by="a", all=True)
    waiter.token()


def test_the_lock_shows_its_queue_in_order_and_no_keys(server, lock):
    hold(server, lock, "a-secret", lock_by="x")
    waiting(server, lock, "w1", key="a-secret-too", lock_by="alice", metadata={"build": "7"}, ttl="90s")
    waiting(server, lock, "w2", key="a-secret-too", lock_by="bob")
    shown = get(server, f"/lock/{lock}")
    assert [(one["claim"], one["holder"], one["metadata"], one.get("ttl")) for one in shown["queue"]] == [
        ("w1", "alice", {"build": "7"}, "1m30s"), ("w2", "bob", {}, None)]
    places = [one["place"] for one in shown["queue"]]
    assert places == sorted(places) and all(one["since"].endswith("Z") for one in shown["queue"])
    assert "a-secret" not in json.dumps(shown) + json.dumps(events(server, lock))
    release(server, lock, "a-secret", lock_by="x")
    release(server, lock, "a-secret-too", lock_by="alice", claim="w1")


def test_who_names_no_claim_is_given_one_that_finds_the_place_again(server, lock):
    hold(server, lock)
    status, body = put(server, lock, "k", wait="0s")
    assert status == 423
    assert len(body["claim"]) == len(body["request"]) == 32 and body["claim"] != body["request"]
    assert queue(server, lock) == [body["claim"]]
    release(server, lock)
    status, granted = put(server, lock, "k", claim=body["claim"], request=body["request"], wait="0s")
    assert status == 200 and granted["claim"] == body["claim"]


def test_the_queue_has_an_end(tmp_path):
    with Service(tmp_path, args=["--waiters-per-lock", "2"]) as server:
        hold(server, "prod")
        for name in ("a", "b"):
            assert put(server, "prod", name, claim=name, request="r", wait="0s")[0] == 423
        status, body = put(server, "prod", "c", claim="c", request="r", wait="0s")
        assert status == 409 and "too many" in body["error"]
        assert put(server, "prod", "a", claim="a", request="r", wait="0s")[0] == 423, "who has a place keeps it"


def test_a_long_wait_is_answered_after_the_longest_that_the_server_grants(tmp_path):
    with Service(tmp_path, args=["--longest-wait", "200ms"]) as server:
        hold(server, "prod")
        poll = Poll(server, "prod", "c", wait="10m")
        assert poll.answer()[0] == 423 and 0.2 <= poll.took < 30


# ---- taking back


def test_withdrawing_ends_the_poll_for_good(server, lock):
    hold(server, lock)
    first, second = waiting(server, lock, "first", "second")
    assert release(server, lock, "first", claim="first", request="r-first")["released"] == 0
    status, body = first.answer()
    assert status == 410 and body["why"] == "closed"
    assert queue(server, lock) == ["second"]
    status, body = put(server, lock, "first", claim="first", request="r-first", begun=0, wait="0s")
    assert status == 410, "a late copy too"
    release(server, lock)
    second.token()


def test_withdrawing_another_request_leaves_the_poll_alone(server, lock):
    hold(server, lock)
    poll, = waiting(server, lock, "c")
    release(server, lock, "c", claim="c", request="another", begun=0)
    assert queue(server, lock) == ["c"] and poll.open
    release(server, lock)
    poll.token()


def test_a_release_by_name_closes_it_for_a_poll_that_waits(server, lock):
    hold(server, lock)
    poll, = waiting(server, lock, "build-7")
    release(server, lock, "build-7", claim="build-7")
    status, body = poll.answer()
    assert (status, body["why"]) == (410, "closed")
    assert queue(server, lock) == []


def test_a_newer_intention_takes_the_place_over_and_the_former_is_superseded(server, lock):
    hold(server, lock)
    old, = waiting(server, lock, "build-7")
    behind, = waiting(server, lock, "behind")
    new = Poll(server, lock, "build-7", request="newer")
    status, body = old.answer()
    assert (status, body["why"]) == (410, "superseded")
    assert queue(server, lock) == ["build-7", "behind"], "the turn is kept"
    release(server, lock)
    new.token()
    assert behind.open


def test_a_forced_release_grants_to_the_head(server, lock):
    hold(server, lock)
    first, second = waiting(server, lock, "first", "second")
    status, body, _ = ask(server, "POST", f"/lock/{lock}/force-release", {"reason": "stuck"})
    assert status == 200 and body["released"] == 1
    first.token()
    assert second.open and queue(server, lock) == ["second"]
    assert [event["what"] for event in story(server, lock)][-2:] == ["forced", "granted"]


# ---- leases


def test_a_lease_lapses_after_its_ttl_and_history_tells(server, lock):
    began = time.monotonic()
    token = hold(server, lock, "k", lock_by="h", claim="c", request="r", ttl="2s")["token"]
    poll, = waiting(server, lock, "next")
    poll.token()
    assert 2 <= time.monotonic() - began < 30
    lapsed, = events(server, lock, "lapsed")
    assert (lapsed["claim"], lapsed["holder"], lapsed["token"]) == ("c", "h", token)
    granted = story(server, lock)[-1]
    assert (granted["what"], granted["claim"]) == ("granted", "next")
    assert granted["version"] == lapsed["version"] + 1, "in the same commit"
    assert granted["change"] == lapsed["change"]


def test_renewing_puts_the_end_off_and_never_shortens(server, lock):
    began = time.monotonic()
    hold(server, lock, "k", claim="c", request="r", ttl="3s")
    poll, = waiting(server, lock, "next")

    def renewed_past_the_first_end():
        status, body = renew(server, lock, "k", claim="c")
        assert (status, body["ttl"]) == (200, "3s")
        return time.monotonic() - began > 4

    wait_for(renewed_past_the_first_end, "the time of the first ttl to be over")
    assert poll.open
    last = time.monotonic()
    status, body = renew(server, lock, "k", claim="c", ttl="100ms")
    assert (status, body["ttl"]) == (200, "3s"), "never shorter"
    poll.token()
    assert time.monotonic() - last >= 3
    assert events(server, lock, "renewed")


def test_what_has_lapsed_or_was_released_cannot_be_renewed(server, lock):
    hold(server, lock, "k", claim="c", request="r", ttl="100ms")
    wait_for(lambda: get(server, f"/lock/{lock}")["state"] == "free", "the lease to lapse")
    status, body = renew(server, lock, "k", claim="c")
    assert (status, body["why"], body["ended"]) == (410, "ended", "lapsed")
    assert release(server, lock, "k", claim="c")["ended"] == "lapsed"
    hold(server, lock, "k", claim="d", request="r", ttl="1m")
    release(server, lock, "k", claim="d")
    status, body = renew(server, lock, "k", claim="d")
    assert (status, body["ended"]) == (410, "released")


def test_renewing_needs_the_key_and_the_claim_or_its_token(server, lock):
    unnamed = hold(server, lock, "k", ttl="1m")["token"]
    assert renew(server, lock, "k")[0] == 400
    assert renew(server, lock, "other", token=unnamed)[0] == 423
    assert renew(server, lock, "k", token=unnamed + 1)[0] == 410
    status, body = renew(server, lock, "k", token=unnamed, ttl="2m")
    assert (status, body["token"], body["ttl"]) == (200, unnamed, "2m")
    named = hold(server, lock, "k", claim="c", request="r", ttl="1m")["token"]
    status, body = renew(server, lock, "k", claim="c", token=named - 1)
    assert (status, body["why"]) == (410, "superseded")


def test_a_hold_ends_at_its_longest_however_often_it_is_renewed(tmp_path):
    with Service(tmp_path, args=["--max-hold", "1h", "--hold-for", "short-*=2s"]) as server:
        began = time.monotonic()
        granted = hold(server, "short-1", "k", claim="c", request="r", ttl="10m")
        assert granted["max_hold"] == "2s"
        poll, = waiting(server, "short-1", "next")
        assert renew(server, "short-1", "k", claim="c")[1]["max_hold"] == "2s"
        token = poll.token()
        assert 2 <= time.monotonic() - began < 30
        assert events(server, "short-1", "lapsed")[0]["reason"] == "max_hold"
        assert renew(server, "short-1", "k", claim="c")[0] == 410
        wait_for(lambda: get(server, "/lock/short-1")["state"] == "free", "the next hold to end too")
        assert token < get(server, "/lock/short-1")["version"]
        assert hold(server, "other", "k")["max_hold"] == "1h"
        assert put(server, "plain", "k")[0] == 200, "an old client's hold is bounded too, and its answer is the old one"
        assert get(server, "/lock/plain")["claims"][0]["max_hold"] == "1h"


def test_a_hold_that_stands_too_long_is_warned_of_once(tmp_path):
    with Service(tmp_path, args=["--warn-for", "slow=200ms"]) as server:
        hold(server, "slow", "k", lock_by="me\nand you", claim="c", request="r")
        hold(server, "other", "k")
        for one in server.servers:
            wait_for(lambda: "longer than its warn-after" in one.log, "the warning")
            wait_for(lambda: get(one, "/status")["standing"] == 1, "the count")
            line, = [line for line in one.log.splitlines() if "warn-after" in line]
            assert ' warning "slow" is held by "me\\nand you" since ' in line, line
        release(server, "slow", "k", lock_by="me\nand you", claim="c")
        for one in server.servers:
            wait_for(lambda: get(one, "/status")["standing"] == 0, "the count")
        server.stop()
        assert all(one.log.count("warn-after") == 1 for one in server.servers)


# ---- clients that vanish


def test_a_client_that_comes_back_within_the_grace_has_its_place(server, lock):
    hold(server, lock)
    first, second = waiting(server, lock, "first", "second")
    before = polls(server)
    first.leave()
    wait_for(lambda: polls(server) < before, "the server to notice")
    assert queue(server, lock) == ["first", "second"]
    again = waiting_again(server, lock, "first")
    release(server, lock)
    again.token()
    assert second.open


def test_a_client_that_comes_back_to_an_offer_finds_the_lock_its_own(server, lock):
    hold(server, lock)
    poll, = waiting(server, lock, "first", ttl="90s")
    behind, = waiting(server, lock, "behind")
    before = polls(server)
    poll.leave()
    wait_for(lambda: polls(server) < before, "the server to notice")
    release(server, lock)
    offer, = get(server, f"/lock/{lock}")["claims"]
    assert (offer["claim"], offer["offered"]) == ("first", "30s")
    status, body = Poll(server, lock, "first", ttl="90s").answer()
    assert (status, body["ttl"], body["again"]) == (200, "1m30s", False)
    assert behind.open
    assert [event["what"] for event in events(server, lock)][-2:] == ["offered", "granted"]


def test_an_offer_to_somebody_who_is_not_there_passes_on_after_the_grace(tmp_path):
    with Service(tmp_path, args=["--waiter-grace", "3s"]) as server:
        hold(server, "prod")
        absent, present = waiting(server, "prod", "absent", "present")
        before = polls(server)
        absent.leave()
        wait_for(lambda: polls(server) < before, "the server to notice")
        began = time.monotonic()
        release(server, "prod")
        present.token()
        assert 3 <= time.monotonic() - began < 30
        assert [event["what"] for event in story(server, "prod")][-3:] == ["offered", "offer lapsed", "granted"]


def test_a_place_that_nobody_polls_for_lapses_after_the_grace(tmp_path):
    with Service(tmp_path, args=["--waiter-grace", "500ms"]) as server:
        hold(server, "prod")
        kept, = waiting(server, "prod", "kept")
        began = time.monotonic()
        assert put(server, "prod", "k", claim="left", request="r", wait="0s")[0] == 423
        wait_for(lambda: queue(server, "prod") == ["kept"], "the place to lapse")
        assert time.monotonic() - began >= 0.5
        lapsed, = events(server, "prod", "lapsed")
        assert lapsed["claim"] == "left" and "token" not in lapsed
        release(server, "prod")
        kept.token()  # an open poll keeps its place for many a grace


def test_many_clients_that_vanish_in_the_middle_of_a_wait_leave_nothing_behind(tmp_path):
    size = 100 if ON is None else 20 if ON == "dynamodb" else 60
    with Service(tmp_path, args=["--waiter-grace", "1s", "--history-per-lock", "10000"]) as server:
        hold(server, "prod")
        crowd = [Poll(server, "prod", f"c{i}") for i in range(size)]
        wait_for(lambda: polls(server) == size, "all to wait")
        for poll in crowd[::2]:
            poll.leave()
        wait_for(lambda: polls(server) == size // 2, "the server to notice")
        release(server, "prod")  # while half of the queue is away
        left = {poll.claim: poll for poll in crowd[1::2]}
        order = []
        while left:
            claim = wait_for(lambda: next((name for name, poll in left.items() if not poll.open), None), "the next")
            left.pop(claim).token()
            order.append(claim)
            release(server, "prod", claim, claim=claim)
        wait_for(lambda: get(server, "/lock/prod")["state"] == "free", "the last offers to lapse")
        shown = get(server, "/lock/prod")
        assert shown["queue"] == [] and shown["claims"] == []
        assert get(server, "/status")["waiting"] == 0
        granted = [event["claim"] for event in story(server, "prod") if event["what"] in ("granted", "offered")]
        queued = [event["claim"] for event in events(server, "prod", "queued")]
        assert granted == [claim for claim in queued if claim in set(granted)], "first in, first out"
        assert set(order) <= set(granted)


class Line:
    """A connection on which requests are sent, and answers read when they are wanted."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE)

    def send(self, method, lock, fields):
        text = json.dumps(fields).encode()
        self.socket.sendall(f"{method} /lock/{lock} HTTP/1.1\r\nHost: x\r\n"
                            f"Content-Length: {len(text)}\r\n\r\n".encode() + text)

    def answer(self):
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        return response.status, json.loads(response.read())

    def close(self):
        self.socket.close()


def cut_at_the_release(server, lock, after, others):
    """A held lock, `first` waits for it and `behind` after it. So many seconds after the release was sent, `first`'s
    poll is cut, and asks again at once with the same words. The answer, and the poll of `behind`. `others`: polls that
    are open."""
    wait_for(lambda: polls(server) == others, "former polls that were cut to be noticed")
    words = {"key": "first", "claim": "first", "request": "r", "begun": hold(server, lock)["version"], "wait": "60s"}
    cut, again, freeing = Line(server), Line(server), Line(server)
    cut.send("PUT", lock, words)
    wait_for(lambda: queue(server, lock) == ["first"], "the place")
    behind, = waiting(server, lock, "behind")
    freeing.send("DELETE", lock, {"key": "holder"})
    end = time.perf_counter() + after
    while time.perf_counter() < end:  # too short for a sleep
        pass
    cut.close()
    again.send("PUT", lock, words)
    status, body = again.answer()
    assert status == 200, body
    assert freeing.answer()[0] == 200
    again.close()
    freeing.close()
    return body, behind


def test_who_is_told_that_it_has_the_lock_keeps_it_though_its_former_poll_was_cut_at_the_hand_over(tmp_path):
    dice = random.Random(7)
    with Service(tmp_path, args=["--waiter-grace", "5s"]) as server:
        tries = {}
        for number in range(200 if ON is None else 5 if ON == "dynamodb" else 60):
            after = dice.uniform(0, 0.0015 if ON is None else 0.015)  # there are commits over a network, one or two
            tries[f"prod-{number}"] = cut_at_the_release(server, f"prod-{number}", after, number)

        # What was given back by now would be offered, and passed on before this one.
        hold(server, "later")
        put(server, "later", "absent", claim="absent", request="r", wait="0s")
        next_one, = waiting(server, "later", "next")
        release(server, "later")
        next_one.token()

        for lock, (told, behind) in tries.items():
            claim, = get(server, f"/lock/{lock}")["claims"]
            assert (claim["claim"], claim["token"]) == ("first", told["token"]), (lock, events(server, lock))
            assert "offered" not in claim and behind.open
            happened = [event["version"] for event in events(server, lock) if event["what"] != "renewed"]
            assert happened[-1] == told["token"], "nothing happened since"
            release(server, lock, "first", claim="first")
            assert behind.token() > told["token"]
        # DynamoDB has to be asked: no other server knows of the hand-over in so short a time.
        assert ON == "dynamodb" or any(told["again"] for told, _ in tries.values()), "none was cut in time"


# ---- the server ends


def test_the_queue_and_what_is_left_of_a_lease_survive_a_kill(tmp_path):
    with Service(tmp_path, store="locks.db", args=["--waiter-grace", "30s"]) as server:
        hold(server, "prod")
        began = time.monotonic()
        hold(server, "leased", "k", claim="c", request="r", ttl="10s")
        for name in ("a", "b", "c"):
            waiting(server, "prod", name)
        behind, = waiting(server, "leased", "next")
        wait_for(lambda: time.monotonic() - began > 6, "most of the lease to be over")
        server.kill()
        server.start()
        restarted = time.monotonic()
        assert behind.answer()[0] is None
        assert queue(server, "prod") == ["a", "b", "c"]
        again = {name: waiting_again(server, "prod", name) for name in ("c", "b", "a")}
        next_one = waiting_again(server, "leased", "next")
        release(server, "prod")
        for name in ("a", "b", "c"):
            again.pop(name).token()
            assert all(other.open for other in again.values())
            release(server, "prod", name, claim=name)
        next_one.token()
        lapsed = time.monotonic()
        assert lapsed - began >= 10, "never early"
        if ON is None:  # elsewhere a store knows of no boot, and a ttl begins anew
            assert lapsed - restarted < 9.5, "not a whole ttl anew: what is left, and the deadline of a commit"


def test_a_stopping_server_answers_open_polls_at_once(tmp_path):
    with Service(tmp_path, store="locks.db", args=["--shutdown-grace", "30s"]) as server:
        hold(server, "prod")
        crowd = waiting(server, "prod", "a", "b", "c")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 20, "not the whole grace of a stop"
        for poll in crowd:
            status, body = poll.answer()
            assert (status, body["error"]) == (503, "the server is stopping; the place in the queue is kept")
            assert b"Retry-After: 1" in poll.raw
        server.start()
        assert queue(server, "prod") == ["a", "b", "c"]


# ---- old clients


def test_old_clients_that_only_ask_again_are_served_in_their_turn_when_places_are_kept_for_them(tmp_path):
    with Service(tmp_path, args=["--hold-place-for-refused", "20s"]) as server:
        assert server.request("PUT", "/lock/prod", b'{"key":"a"}').status == 200
        refused = server.request("PUT", "/lock/prod", b'{"key":"b","requestor":"old"}')
        assert (refused.status, refused.text) == (
            423, '{"error":"Attempt to steal lock for \'prod\' with \'b\' by \'old\' thwarted. Currently held by '
                 'someone else"}\n')
        behind, = waiting(server, "prod", "behind")
        assert queue(server, "prod") == [None, "behind"]
        server.request("DELETE", "/lock/prod", b'{"key":"a"}')
        assert server.request("PUT", "/lock/prod", b'{"key":"c","requestor":"another"}').status == 423
        granted = server.request("PUT", "/lock/prod", b'{"key":"b","requestor":"old"}')
        assert (granted.status, granted.text) == (
            200, '{"response":"Lock for \'prod\' acquired by \'old\' using key \'b\'"}\n')
        assert behind.open
        assert server.request("GET", "/locks").text == '{"prod":{"locked_by":{"old":1},"key":"b"}}\n'
        server.request("DELETE", "/lock/prod", b'{"key":"b","requestor":"old"}')
        behind.token()


def test_an_old_client_that_does_not_come_back_loses_its_place(tmp_path):
    with Service(tmp_path, args=["--hold-place-for-refused", "500ms"]) as server:
        server.request("PUT", "/lock/prod", b'{"key":"a"}')
        began = time.monotonic()
        assert server.request("PUT", "/lock/prod", b'{"key":"b"}').status == 423
        assert queue(server, "prod") == [None]
        wait_for(lambda: queue(server, "prod") == [], "the place to lapse")
        assert time.monotonic() - began >= 0.5
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
