"""All doors and a pipeline's `out` want one lock, while the server is killed and restarted: one holder at a time, by
their own clock and by token."""

import collections
import json
import os
import random
import threading
import time
import uuid

import grpc
import pytest
from ask import get
from concourse import Build
from crowd import lasting_port
from server import Server

SECONDS = int(os.environ.get("LOCKKEEPER_CONTEND_SECONDS", "60"))
LOCK = "contended"
LEASE = 1.5  # seconds, of the shared-lock door
UNLOCK = {"lock_op": "unlock"}


class Violation(AssertionError):
    pass


class Guarded:
    """What the lock is for: at most one is inside, and each who comes in has a greater token than all before."""

    def __init__(self):
        self.mutex = threading.Lock()
        self.inside = None
        self.token = 0
        self.visits = collections.Counter()
        self.violations = []

    def enter(self, who, token):
        with self.mutex:
            if self.inside is not None:
                self.violations.append(f"{who} came in with {token} while {self.inside} was inside")
            if token is not None and token <= self.token:
                self.violations.append(f"{who} came in with {token} after {self.token}")
            self.token = max(self.token, token or 0)
            self.inside = (who, token)
            self.visits[who] += 1

    def leave(self, who):
        with self.mutex:
            self.inside = None


class Away(Exception):
    """The server did not answer, or not well: whether it did what it was asked is not known."""


class Contender(threading.Thread):
    """Takes the lock through its door, visits what it guards, gives it back, until told to stop."""

    rest = 0.2  # seconds at most, so that those who only ask find it free at times

    def __init__(self, server, guarded, over):
        super().__init__(name=type(self).__name__)
        self.server, self.guarded, self.over = server, guarded, over
        self.chance = random.Random(self.name)
        self.fault = None

    def ask(self, method, path, body=None, headers=None, good=(), bad=()):
        try:
            answer = self.server.request(method, path, body and json.dumps(body).encode(), headers)
        except OSError as error:
            raise Away from error
        if answer.status not in (*good, *bad):
            if answer.status == 503:
                raise Away
            raise AssertionError(f"{method} {path}: {answer.status} {answer.text}")
        return answer.status in good, answer

    def insist(self, *arguments, **options):
        """Until the server answers."""
        while True:
            try:
                return self.ask(*arguments, **options)
            except Away:
                time.sleep(0.05)  # a load's pace, no condition to wait for

    def token(self):
        """Of who holds; asked by the holder. None: the server is away."""
        try:
            claims = json.loads(self.server.request("GET", f"/lock/{LOCK}").text)
        except (OSError, ValueError):
            return None
        return claims["version"] and max([each["token"] for each in claims.get("claims", [])], default=None)

    def visit(self, token, leave_before=None):
        self.guarded.enter(self.name, token)
        stay = self.chance.uniform(0.001, 0.02)
        if leave_before is not None:
            stay = min(stay, max(0.0, leave_before - time.monotonic()))
        time.sleep(stay)  # the work
        self.guarded.leave(self.name)

    def run(self):
        try:
            while not self.over.is_set():
                self.turn()
                time.sleep(self.chance.uniform(0, self.rest))  # others want it too
        except Exception as error:  # told by the test
            self.fault = error


class Native(Contender):
    """A named claim that waits in the queue."""

    def turn(self):
        me = {"key": self.name, "lock_by": self.name, "claim": self.name, "request": uuid.uuid4().hex}
        me["begun"] = json.loads(self.insist("GET", f"/lock/{LOCK}", good=(200,))[1].text)["version"]
        while True:
            granted, answer = self.insist("PUT", f"/lock/{LOCK}", me | {"wait": "1s"}, good=(200,), bad=(423,))
            if granted:
                break
        self.visit(json.loads(answer.text)["token"])
        self.insist("DELETE", f"/lock/{LOCK}", me, good=(200,))


class PlainLocker(Contender):
    """An old client: no names, asks again and again. Its key is its own, so what it does not know of it ends."""

    rest = 0.02

    def turn(self):
        me = {"key": "plain", "lock_by": "plain"}
        try:
            if not self.ask("PUT", f"/lock/{LOCK}", me, good=(200,), bad=(423,))[0]:
                return
            self.visit(self.token())
        except Away:
            pass
        self.insist("DELETE", f"/lock/{LOCK}", me | {"all": True}, good=(200,), bad=(423,))


class PlainLockd(Contender):
    """lockd's own client."""

    rest = 0.02
    path = f"/lockd/lock/{LOCK}"

    def turn(self):
        try:
            if not self.ask("POST", self.path, good=(200,), bad=(409,))[0]:
                return
            self.visit(self.token())
        except Away:
            pass
        self.insist("DELETE", self.path, good=(200,), bad=(404, 409))


class NamedLockd(Contender):
    """With a client's id and a request's, so that it may ask again, and waits."""

    def turn(self):
        who = {"Lock-Client-Id": "named", "Lock-Request-Id": uuid.uuid4().hex}
        path = f"/lockd/lock/{LOCK}"
        while not self.insist("POST", path, headers=who | {"Lock-Wait": "1s"}, good=(200,), bad=(409,))[0]:
            pass
        self.visit(self.token())
        self.insist("DELETE", path, headers=who, good=(200,), bad=(404,))


class Grpc(Contender):
    """lockd's gRPC service: a client's id and a request's, and a wait in the queue."""

    @staticmethod
    def message(**fields):
        numbers = {"name": 1, "client_id": 11, "request_id": 12, "wait": 13}
        return b"".join(bytes([numbers[name] << 3 | 2, len(text)]) + text.encode() for name, text in fields.items())

    def call(self, method, **fields):
        """Until the server answers."""
        while True:
            with grpc.insecure_channel(f"127.0.0.1:{self.server.door_ports['lockd-grpc']}") as channel:
                try:
                    ask = channel.unary_unary(f"/lockapi.Locking/{method}")
                    return ask(self.message(name=LOCK, **fields), timeout=10).startswith(b"\x08\x01")
                except grpc.RpcError as error:
                    assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error
                    time.sleep(0.05)  # likewise: the server is dead, and is asked again at a client's pace

    def turn(self):
        who = {"client_id": "grpc", "request_id": uuid.uuid4().hex}
        while not self.call("Lock", **who, wait="1s"):
            pass
        self.visit(self.token())
        self.call("Unlock", **who)


class Lease(Contender):
    """A lease that nobody renews, and which is left well before its end."""

    rest = 0.02

    def turn(self):
        asked = time.monotonic()
        try:
            won, answer = self.ask("POST", "/shared-lock/lease", {"key": LOCK, "value": "lease"},
                                   {"x-lease-ttl": f"{int(LEASE * 1000)}ms"}, good=(201,), bad=(202,))
        except Away:
            return  # if it won, it lapses
        if not won:
            return
        token = self.token()
        if time.monotonic() > asked + LEASE / 2:
            return
        self.visit(token, leave_before=asked + LEASE * 0.8)
        # The native door ends what another one began, for who knows the key.
        key = answer.text
        self.insist("DELETE", f"/lock/{LOCK}", {"key": key, "lock_by": "lease", "claim": f"lease:{key}"},
                    good=(200,), bad=(423,))


class Pipeline(Contender):
    def turn(self):
        build = Build()
        source = {"locker_uri": self.server.url, "lock_name": LOCK}
        locked = build.put(source)
        if locked.succeeded:
            self.visit(self.token())
        build.put(source, UNLOCK).must()


CONTENDERS = [Native, PlainLocker, PlainLockd, NamedLockd, Grpc, Lease, Pipeline]


@pytest.fixture
def server(tmp_path):
    ports = lasting_port(), lasting_port()
    server = Server(tmp_path, port=ports[0], store="locks.db",
                    args=["--log-level", "warn", "--history-per-lock", "1000000", "--waiter-grace", "3s",
                          "--door", f"lockd-grpc=127.0.0.1:{ports[1]}"])
    yield server
    server.end()


def history(server):
    events, after, more = [], 0, True
    while more:
        page = get(server, f"/lock/{LOCK}/history?after={after}&limit=1000")
        events += page["events"]
        after, more = page["events"][-1]["version"], page["more"]
    return events


def test_whoever_holds_it_through_whichever_door_holds_it_alone(server):
    server.start()
    guarded, over = Guarded(), threading.Event()
    contenders = [kind(server, guarded, over) for kind in CONTENDERS]
    for contender in contenders:
        contender.start()
    chance, end, deaths = random.Random(5), time.monotonic() + SECONDS, 0
    while time.monotonic() < end and all(contender.fault is None for contender in contenders):
        over.wait(chance.uniform(1, 4))  # the moment of the kill is what varies
        server.kill()
        server.start()
        deaths += 1
    over.set()
    for contender in contenders:
        contender.join(30)
    waiting = [contender.name for contender in contenders if contender.is_alive()]
    assert not waiting, (waiting, get(server, f"/lock/{LOCK}"), history(server)[-12:])
    faults = [f"{contender.name}: {contender.fault!r}" for contender in contenders if contender.fault is not None]
    assert not faults
    assert not guarded.violations
    assert deaths >= SECONDS // 10
    assert set(guarded.visits) == {kind.__name__ for kind in CONTENDERS}, "each had its turns"
    # And so says history: nobody else is granted the lock before whoever had it has ended.
    holder = None
    for event in history(server):
        if event["what"] in ("acquired", "granted", "offered", "shared"):
            repeats = holder is not None and event.get("claim") and holder.get("claim") == event["claim"]
            assert holder is None or repeats, (holder, event)
            holder = event
        elif event["what"] in ("released", "lapsed", "forced", "offer lapsed", "withdrawn") and event.get("token"):
            assert holder is not None and holder["token"] == event["token"], (holder, event)
            holder = None
    print(dict(guarded.visits), deaths)
