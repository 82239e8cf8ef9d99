"""stormlock's backend `lockkeeper` against the real server: a person's lock is a lock like any other."""

import concurrent.futures
import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from ask import ask, get
from fake_locker import FakeLocker
from server import BINARY, PATIENCE, Server, wait_for

STORMLOCK = BINARY.resolve().parent / "stormlock"
LEASE = re.compile(r"[0-9a-f]{32}\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("stormlock"), store="locks.db") as server:
        yield server


class Person:
    """A folder with a configuration, in which commands are typed."""

    def __init__(self, folder, url, principal="alice", **keys):
        self.folder = folder / principal
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = "".join(f"{key} = {value}\n" for key, value in {"url": url, **keys}.items())
        (self.folder / ".stormlock.cfg").write_text(
            f"[default]\nttl = 1 hour\nprincipal = {principal}\nbackend = lockkeeper\n[backend.lockkeeper]\n{keys}")
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TZ": "UTC"}

    def type(self, *words):
        """One run of it: returncode, stdout, stderr."""
        return subprocess.run([STORMLOCK, *words], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE)

    def acquired(self, name, *options):
        run = self.type("acquire", *options, name)
        assert run.returncode == 0 and run.stderr == "" and LEASE.fullmatch(run.stdout), run
        return run.stdout.strip()

    def failed(self, *words):
        """What the one sentence says that it ends with."""
        run = self.type(*words)
        assert run.returncode == 1 and run.stdout == "", run
        assert re.fullmatch(r"stormlock: [^\n]+\n", run.stderr), run
        return run.stderr

    @contextlib.contextmanager
    def waiting(self, name, wait="5m"):
        """A run that waits, with the lines that it says in `heard`."""
        process = subprocess.Popen([STORMLOCK, "acquire", "--wait", wait, name], cwd=self.folder, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.heard = []
        reader = threading.Thread(target=lambda: process.heard.extend(iter(process.stderr.readline, "")))
        reader.start()
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()
            process.stderr.close()


@pytest.fixture
def alice(tmp_path, server):
    return Person(tmp_path, server.url)


@pytest.fixture
def bob(tmp_path, server):
    return Person(tmp_path, server.url, "bob")


def heard(process, words):
    return wait_for(lambda: [line for line in list(process.heard) if words in line], f"{words} among {process.heard}")[0]


def queue(server, name):
    return [waiter["holder"] for waiter in get(server, f"/lock/{name}")["queue"]]


def happened(server, name):
    return [event["what"] for event in get(server, f"/lock/{name}/history?after=0")["events"]]


def test_a_lease_lives_from_acquire_to_release(server, alice, bob):
    assert alice.type("current", "cycle").returncode == 1
    before = time.time()
    lease = alice.acquired("cycle", "--ttl", "10 minutes")
    claim, = get(server, "/lock/cycle")["claims"]
    assert (claim["claim"], claim["holder"], claim["ttl"]) == (lease, "alice", "10m")

    assert bob.type("is-held", "cycle", lease).returncode == 0
    held = bob.type("acquire", "cycle")
    assert (held.returncode, held.stdout, held.stderr) == (2, lease + "\n", "Lock held\n")
    principal, created, shown = bob.type("current", "-f", "lines", "cycle").stdout.splitlines()
    assert (principal, shown) == ("alice", lease)
    stamp = time.mktime(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert before - 2 <= stamp <= time.time() + 1

    assert alice.type("renew", "--ttl", "2 hours", "cycle", lease).returncode == 0
    assert get(server, "/lock/cycle")["claims"][0]["ttl"] == "2h"
    assert alice.type("release", "cycle", lease).returncode == 0
    assert get(server, "/lock/cycle")["state"] == "free"
    assert bob.type("is-held", "cycle", lease).returncode == 1
    assert alice.type("renew", "cycle", lease).returncode == 3
    assert alice.type("release", "cycle", lease).returncode == 0, "twice is fine"
    assert bob.acquired("cycle") != lease


def test_a_lease_that_is_not_renewed_ends(server, alice, bob):
    lease = alice.acquired("short", "--ttl", "1s")
    wait_for(lambda: get(server, "/lock/short")["state"] == "free", "its end")
    assert alice.type("renew", "short", lease).returncode == 3
    bob.acquired("short")


def test_whoever_knows_the_id_releases_and_no_other_id_does(server, alice, bob):
    lease = alice.acquired("shared/ä b")
    for other in ("0" * 32, lease[::-1]):
        assert bob.type("release", "shared/ä b", other).returncode == 0
        assert bob.type("renew", "shared/ä b", other).returncode == 3
        assert bob.type("is-held", "shared/ä b", other).returncode == 1
    for malformed in ("nonsense", lease + "0", lease[:-1], "", "token-1"):
        for command in ("release", "renew", "is-held"):
            said = bob.failed(command, "shared/ä b", malformed)
            assert f"'{malformed}' is no lease id" in said and "`lockctl force-release` ends it" in said
    assert bob.type("is-held", "shared/ä b", lease).returncode == 0
    assert bob.type("release", "another", lease).returncode == 0
    assert bob.type("is-held", "shared/ä b", lease).returncode == 0
    assert bob.type("release", "shared/ä b", lease).returncode == 0
    assert alice.type("current", "shared/ä b").returncode == 1


def test_an_id_counts_in_capitals_and_with_blanks_around_it(server, alice):
    lease = alice.acquired("typed")
    typed = f" {lease.upper()}\n"
    assert alice.type("is-held", "typed", typed).returncode == 0
    assert alice.type("renew", "--ttl", "2 hours", "typed", typed).returncode == 0
    assert get(server, "/lock/typed")["claims"][0]["ttl"] == "2h"
    assert alice.type("release", "typed", typed).returncode == 0
    assert get(server, "/lock/typed")["state"] == "free"


def test_a_pipelines_lock_is_respected_and_shown(server, alice):
    assert ask(server, "PUT", "/lock/deploy", {"key": "secret", "lock_by": "main/api/deploy #7", "claim": "put-1"})[0] == 200
    assert ask(server, "PUT", "/lock/deploy", {"key": "secret", "lock_by": "main/web/deploy #3", "claim": "put-2"})[0] == 200
    held = alice.type("acquire", "deploy")
    assert (held.returncode, held.stdout) == (2, "put-1\n"), "the oldest of those who share it"
    current = alice.type("current", "deploy")
    assert "Principal: main/api/deploy #7\n" in current.stdout and "Id: put-1\n" in current.stdout
    assert alice.type("is-held", "deploy", "put-1").returncode == 0
    for command in ("release", "renew"):
        assert "'put-1' is no lease id" in alice.failed(command, "deploy", "put-1")
    assert happened(server, "deploy") == ["acquired", "shared"], "it is not stormlock's to release"

    lease = alice.acquired("by-hand")
    status, denied, _ = ask(server, "PUT", "/lock/by-hand", {"key": "secret", "lock_by": "ci", "metadata": {}})
    assert (status, denied["holders"][0]["holder"]) == (423, "alice"), "and the other way round"
    assert ask(server, "PUT", "/lock/by-hand", {"key": "secret", "lock_by": "ci"})[0] == 423
    alice.type("release", "by-hand", lease)


def test_a_claim_without_a_name_is_shown_by_its_token(server, alice):
    assert ask(server, "PUT", "/lock/nameless", {"key": "k", "lock_by": "an\u0007old\nclient"})[0] == 200
    token = get(server, "/lock/nameless")["claims"][0]["token"]
    current = alice.type("current", "-f", "lines", "nameless")
    assert current.stdout.splitlines()[0] == "an?old?client"
    assert current.stdout.splitlines()[2] == f"token-{token}"
    assert "`lockctl force-release` ends it" in alice.failed("release", "nameless", f"token-{token}")
    assert alice.type("is-held", "nameless", f"token-{token}").returncode == 0
    assert get(server, "/lock/nameless")["state"] == "held"


def test_waiting_joins_the_queue_and_gets_the_lock_when_it_is_its_turn(server, tmp_path, alice):
    lease = alice.acquired("queue")
    with Person(tmp_path, server.url, "bob").waiting("queue") as bob:
        assert re.fullmatch(r"waiting for queue: held by alice since \d\d:\d\dZ \(\d+s\); next in the queue[^\n]*\n",
                            heard(bob, "waiting for queue"))
        with Person(tmp_path, server.url, "carol").waiting("queue") as carol:
            assert "place 2 of 2 in the queue, behind bob" in heard(carol, "waiting for queue")
            assert queue(server, "queue") == ["bob", "carol"]
            assert alice.type("release", "queue", lease).returncode == 0
            assert bob.wait(PATIENCE) == 0
            bobs = bob.stdout.read()
            assert LEASE.fullmatch(bobs)
            assert get(server, "/lock/queue")["claims"][0]["ttl"] == "1h"
            assert alice.type("release", "queue", bobs.strip()).returncode == 0
            assert carol.wait(PATIENCE) == 0
            assert alice.type("current", "--id-only", "queue").stdout == carol.stdout.read()


def test_waiting_ends_with_its_time(server, tmp_path, alice):
    lease = alice.acquired("patience")
    with Person(tmp_path, server.url, "bob").waiting("patience", "2s") as bob:
        heard(bob, "held by alice")
        assert bob.wait(PATIENCE) == 2
        assert bob.stdout.read() == lease + "\n"
        heard(bob, "Lock held")
    assert queue(server, "patience") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_told_to_stop_leaves_the_queue_at_once(server, tmp_path, alice, number):
    lease = alice.acquired(f"leave-{number}")
    with Person(tmp_path, server.url, "bob").waiting(f"leave-{number}") as bob:
        heard(bob, "waiting for")
        began = time.monotonic()
        bob.send_signal(number)
        assert bob.wait(PATIENCE) == -number
        assert time.monotonic() - began < 5
        assert bob.stdout.read() == ""
    assert queue(server, f"leave-{number}") == []
    assert happened(server, f"leave-{number}") == ["acquired", "queued", "withdrawn"], "not by its grace"
    assert alice.type("is-held", f"leave-{number}", lease).returncode == 0


def test_of_twenty_one_wins(server, tmp_path):
    people = [Person(tmp_path, server.url, f"p{number}") for number in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        runs = list(pool.map(lambda person: person.type("acquire", "crowd"), people))
    assert sorted(run.returncode for run in runs) == [0] + [2] * 19
    winner, = [run.stdout for run in runs if run.returncode == 0]
    assert {run.stdout for run in runs} == {winner}, "all others are told whose it is"


def test_a_killed_server_costs_a_waiter_nothing_but_time(tmp_path):
    with Server(tmp_path / "server", store="locks.db") as server:
        alice = Person(tmp_path, server.url)
        lease = alice.acquired("outage")
        with Person(tmp_path, server.url, "bob").waiting("outage") as bob, \
                Person(tmp_path, server.url, "carol").waiting("outage") as carol:
            heard(bob, "waiting for")
            heard(carol, "waiting for")
            before = queue(server, "outage")
            server.kill()
            assert "trying again, the place in the queue is kept" in heard(bob, "trying again")
            again = Server(tmp_path / "server", store="locks.db", port=server.port)
            with again:
                heard(bob, "the server answers again")
                heard(carol, "the server answers again")
                assert queue(again, "outage") == before, "each has the place that it had"
                assert alice.type("release", "outage", lease).returncode == 0
                first, second = (bob, carol) if before[0] == "bob" else (carol, bob)
                assert first.wait(PATIENCE) == 0
                assert second.poll() is None
                alice.type("release", "outage", first.stdout.read().strip())
                assert second.wait(PATIENCE) == 0


# ---- servers that are none, or not ours


def test_who_cannot_be_reached_is_told_where_to_look(tmp_path):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # nobody listens
        alice = Person(tmp_path, f"http://127.0.0.1:{reserved.getsockname()[1]}", timeout="1s")
        for words in (("acquire", "x"), ("acquire", "--wait", "1h", "x"), ("current", "x"), ("is-held", "x", "y"),
                      ("release", "x", "0" * 32), ("renew", "x", "0" * 32)):
            said = alice.failed(*words) if words[1] != "--wait" else alice.type(*words).stderr
            assert "check url (./.stormlock.cfg: [backend.lockkeeper])" in said and "whether the server runs" in said, said


def test_a_wrong_password_is_named_and_not_shown(tmp_path):
    with Server(tmp_path / "server", credentials=("ops", "right")) as server:
        wrong = Person(tmp_path, server.url, username="ops", password="wr0ng")
        for words in (("acquire", "x"), ("current", "x"), ("release", "x", "0" * 32)):
            said = wrong.failed(*words)
            assert "401" in said and "check username and password (./.stormlock.cfg: [backend.lockkeeper])" in said
            assert "wr0ng" not in said
        Person(tmp_path, server.url, "bob", username="ops", password="right").acquired("x")
        in_url = server.url.replace("//", "//ops:right@")
        assert "bob" in Person(tmp_path, in_url, "carol").type("current", "x").stdout
        assert json.loads(server.request("GET", "/lock/x").body)["claims"][0]["by"] == "ops"


def make_certificate(directory, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        cwd=directory, check=True, capture_output=True)
    return directory / f"{name}.pem"


def test_a_certificate_has_to_be_signed_by_the_ca_that_is_named(tmp_path):
    own, other = make_certificate(tmp_path, "own"), make_certificate(tmp_path, "other")
    environment = {"SSL_CERT": str(own), "SSL_KEY": str(own.with_suffix(".key"))}
    with Server(tmp_path / "server", environment=environment, ca=own) as server:
        lease = Person(tmp_path, server.url, ca_cert=own).acquired("x")
        for keys in ({}, {"ca_cert": other}):
            said = Person(tmp_path, server.url, "bob", **keys).failed("current", "x")
            assert "ca_cert (./.stormlock.cfg: [backend.lockkeeper]) names the file" in said, said
        trusting = Person(tmp_path, server.url, "carol", skip_ssl_validation="true")
        assert trusting.type("current", "--id-only", "x").stdout == lease + "\n"


@pytest.mark.parametrize("keys, words", [
    ({"url": ""}, "url is missing"),
    ({"url": "localhost:3000"}, "url is not the address of a server"),
    ({"url": "http://localhost:3000/?x=1"}, "url is not the address of a server"),
    ({"ca_cert": "/nowhere/ca.pem"}, "ca_cert: /nowhere/ca.pem cannot be read"),
    ({"ca_cert": ".stormlock.cfg"}, "ca_cert"),
    ({"skip_ssl_validation": "maybe"}, "skip_ssl_validation is neither true nor false"),
    ({"timeout": "10"}, "timeout: "),
    ({"timeout": "0s"}, "timeout is 0"),
    ({"password": "wr0ng"}, "password stands there without username"),
])
def test_what_is_wrong_in_the_configuration_is_named(tmp_path, keys, words):
    said = Person(tmp_path, **{"url": "http://localhost:1", **keys}).failed("current", "x")
    assert "[backend.lockkeeper]" in said and words in said
    assert "wr0ng" not in said


def test_an_original_server_has_no_leases(tmp_path):
    with FakeLocker() as locker:
        alice = Person(tmp_path, locker.url)
        for words in (("acquire", "x"), ("current", "x"), ("is-held", "x", "y"), ("release", "x", "0" * 32)):
            assert "is an original locker server" in alice.failed(*words)
