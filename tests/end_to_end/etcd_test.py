"""The real server over a real etcd: a leader that dies or stalls, compaction under a watch, users and tokens, TLS, no room."""

import contextlib
import pathlib
import subprocess
import threading
import time

import pytest
from ask import ask, get
from certificates import certificate
from server import Server, wait_for
from store_etcd import RealStore

SECRET = "correct-horse-7"


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    with RealStore(tmp_path_factory.mktemp("etcd")) as etcd:
        yield etcd


def server_over(folder, url, **more):
    return Server(folder, config=None, environment={"LOCKKEEPER_STORE": url}, **more)


def lock(server, name, **more):
    return ask(server, "PUT", f"/lock/{name}", {"key": "k", **more}, timeout=60)


def served(server, name):
    return lock(server, name)[0] == 200


def mapped(server):
    return pathlib.Path(f"/proc/{server.pid}/maps").read_text()


def lock_until(server, prefix, done, answers):
    """One lock after the other; each answer is (name, status, headers, seconds)."""
    number = 0
    while not done.is_set():
        name = f"{prefix}{number}"
        began = time.monotonic()
        status, _, headers = lock(server, name)
        answers.append((name, status, headers, time.monotonic() - began))
        number += 1


@contextlib.contextmanager
def locking(server, prefix):
    done, answers = threading.Event(), []
    thread = threading.Thread(target=lock_until, args=(server, prefix, done, answers))
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def held(server, prefix):
    return {name for name in get(server, "/locks") if name.startswith(prefix)}


# ---- what nobody pays for

def test_grpc_is_there_only_for_who_asked_for_etcd(tmp_path, single):
    with Server(tmp_path / "sqlite") as server:
        assert "libgrpc" not in mapped(server) and "lockkeeper-store-etcd" not in mapped(server)
    with server_over(tmp_path / "etcd", single.url("mapped")) as server:
        assert "libgrpc" in mapped(server) and "lockkeeper-store-etcd" in mapped(server)


def test_places_whose_names_begin_alike_know_nothing_of_each_other(tmp_path, single):
    with server_over(tmp_path / "a", single.url("team")) as a, server_over(tmp_path / "b", single.url("team/h")) as b:
        assert lock(a, "x")[0] == 200
        assert get(b, "/locks") == {}
        assert lock(b, "x")[0] == 200 and lock(b, "y")[0] == 200
        assert set(get(a, "/locks")) == {"x"}


def test_what_is_no_lockkeeper_of_ours_is_refused_by_name(tmp_path, single):
    single.ctl("put", "elsewhere/format", "lockkeeper 99")
    ended = server_over(tmp_path, single.url("elsewhere")).start_expecting_failure()
    assert ended.returncode == 1 and "lockkeeper 99" in ended.stdout + ended.stderr, ended


def test_a_start_without_etcd_ends_in_time_with_a_sentence_that_names_it(tmp_path):
    began = time.monotonic()
    url = "etcd://127.0.0.1:1/place?connect_timeout=1s"
    ended = server_over(tmp_path, url).start_expecting_failure()
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1 and "127.0.0.1:1" in said and "connect" in said, said
    assert time.monotonic() - began < 20


# ---- three members

@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_no_acknowledged_lock_is_lost_with_the_leader_and_service_goes_on(tmp_path, fault):
    with RealStore(tmp_path / "etcd", members=3) as etcd, \
            server_over(tmp_path / "one", etcd.url("leader")) as one, \
            server_over(tmp_path / "two", etcd.url("leader")) as two:
        with locking(one, "one-") as first, locking(two, "two-") as second:
            wait_for(lambda: len(first) > 50 and len(second) > 50, "locks before the fault")
            leader = etcd.leader()
            if fault == "killed":
                etcd.kill_member(leader)
            else:
                etcd.freeze_member(leader)
            before = len(first), len(second)
            began = time.monotonic()
            for answers, count in ((first, before[0]), (second, before[1])):
                wait_for(lambda: sum(each[1] == 200 for each in answers[count + 5:]) > 50, "service after the fault")
            assert time.monotonic() - began < 30
        for server, prefix, answers in ((one, "one-", first), (two, "two-", second)):
            assert {each[1] for each in answers} <= {200, 503}, {each[1] for each in answers}
            refused = [each for each in answers if each[1] == 503]
            assert all(each[2].get("Retry-After") for each in refused)
            acknowledged = {each[0] for each in answers if each[1] == 200}
            assert acknowledged <= held(server, prefix), "an acknowledged lock is gone"
            assert held(server, prefix) <= {each[0] for each in answers}
        if fault == "killed":
            etcd.start_member(leader)
        else:
            etcd.thaw_member(leader)


def test_without_a_majority_it_is_503_at_once_with_retry_after_and_goes_on_with_one(tmp_path):
    with RealStore(tmp_path / "etcd", members=3) as etcd, server_over(tmp_path, etcd.url("majority")) as server:
        assert served(server, "before")
        etcd.freeze_member(0)
        etcd.freeze_member(1)
        wait_for(lambda: server.request("GET", "/ready").status == 503 or not served(server, "probe"), "the loss")
        wait_for(lambda: server.request("GET", "/ready").status == 503, "/ready to tell")
        took = []
        for number in range(10):
            began = time.monotonic()
            status, body, headers = lock(server, f"meanwhile-{number}")
            took.append(time.monotonic() - began)
            assert status == 503 and body["error"] and headers.get("Retry-After"), (status, body, headers)
        assert sorted(took)[5] < 0.5, took
        etcd.thaw()
        wait_for(lambda: served(server, "after"), "service with a majority")
        assert "before" in get(server, "/locks") and server.request("GET", "/ready").status == 200


# ---- compaction

def test_a_watch_that_compaction_overtook_loses_no_waiter(tmp_path):
    with RealStore(tmp_path / "etcd") as etcd, \
            server_over(tmp_path / "one", etcd.url("compacted")) as one, \
            server_over(tmp_path / "two", etcd.url("compacted")) as two:
        # given a waiter at one server for a lock that is held at the other
        assert lock(two, "prod", claim="holder", request="h")[0] == 200
        got = []
        waiter = threading.Thread(target=lambda: got.append(
            lock(one, "prod", key="other", claim="waiter", request="w", wait="50s")))
        waiter.start()
        wait_for(lambda: get(two, "/lock/prod")["queue"], "the place in the queue")
        # when that server hears nothing for as long as it takes etcd to forget what it would go on from
        one.signal(19)
        try:
            etcd.kill()
            etcd.start()
            wait_for(lambda: served(two, "meanwhile"), "the other server to go on")
            status, _, _ = ask(two, "DELETE", "/lock/prod", {"key": "k", "claim": "holder"})
            assert status == 200
            for number in range(20):
                assert served(two, f"more-{number}")
            etcd.compact()
        finally:
            one.signal(18)
        # then it finds what it missed
        waiter.join(60)
        assert got and got[0][0] == 200, got


# ---- who we are

def test_a_user_whose_token_expires_all_the_time_is_served_and_the_password_shows_nowhere(tmp_path):
    subprocess.run(["openssl", "genrsa", "-out", str(tmp_path / "token.key"), "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", str(tmp_path / "token.key"), "-pubout", "-out", str(tmp_path / "token.pub")],
                   check=True, capture_output=True)
    tokens = f"jwt,pub-key={tmp_path}/token.pub,priv-key={tmp_path}/token.key,sign-method=RS256,ttl=1s"
    with RealStore(tmp_path / "etcd", user=("keeper", SECRET), args=["--auth-token", tokens]) as etcd:
        etcd.authenticate()
        secret = tmp_path / "secret"
        secret.write_text(SECRET + "\n")
        url = etcd.url("users", account="keeper@", options=f"?password_file={secret}")
        with server_over(tmp_path / "server", url) as server:
            names = []
            expired = lambda: (etcd.folder / "m0.log").read_text(errors="replace").count("is expired")  # noqa: E731
            while expired() < 3:
                names.append(f"lock-{len(names)}")
                assert served(server, names[-1]), server.log
                assert len(names) < 100_000, "no token has expired"
            # A member that starts anew, with the same users.
            etcd.stop()
            etcd.start_member(0, wait=False)
            wait_for(lambda: served(server, "anew"), "a token of the new start")
            assert set(names) <= set(get(server, "/locks"))
            assert SECRET not in server.log


def test_a_wrong_password_ends_the_start_at_once_and_is_not_told(tmp_path):
    with RealStore(tmp_path / "etcd", user=("keeper", SECRET)) as etcd:
        etcd.authenticate()
        wrong = "wrong-" + SECRET
        for account in (f"keeper:{wrong}@", ""):
            began = time.monotonic()
            url = etcd.url("users", account=account, options="?connect_timeout=50s")
            ended = server_over(tmp_path / "server", url).start_expecting_failure()
            said = ended.stdout + ended.stderr
            assert ended.returncode == 1 and "etcd" in said, said
            assert wrong not in said and SECRET not in said
            assert time.monotonic() - began < 30


def test_tls_with_a_certificate_of_the_clients_own(tmp_path):
    authority = certificate(tmp_path, "authority")
    cert, key = certificate(tmp_path, "member", authority)
    own_cert, own_key = certificate(tmp_path, "lockkeeper", authority)
    tls = {"ca": authority[0], "cert": cert, "key": key}
    with RealStore(tmp_path / "etcd", tls=tls) as etcd:
        with_all = f"?ca={authority[0]}&cert={own_cert}&key={own_key}"
        with server_over(tmp_path / "server", etcd.url("tls", options=with_all)) as server:
            assert served(server, "prod")
        for options in (f"?ca={authority[0]}&connect_timeout=1s",  # nobody it knows
                        f"?cert={own_cert}&key={own_key}&connect_timeout=1s"):  # an authority we do not know
            ended = server_over(tmp_path / "refused", etcd.url("tls", options=options)).start_expecting_failure()
            assert ended.returncode == 1, options


# ---- many that nobody holds

def test_what_is_held_is_found_among_thousands_of_free_locks(tmp_path):
    with RealStore(tmp_path / "etcd") as etcd, server_over(tmp_path, etcd.url("crowd")) as server:
        # given one lock before and one behind more free ones than one slice of a scan looks at
        for name in ("a-first", "free", "z-last"):
            assert served(server, name)
        assert ask(server, "DELETE", "/lock/free", {"key": "k"})[0] == 200
        etcd.copy("crowd/h\\x00free", [f"crowd/h\\x00free-{number:05}" for number in range(9000)])
        # then a scan ends in between, with none in it, and goes on
        assert set(get(server, "/locks")) == {"a-first", "z-last"}


# ---- no room

def lock_until_full(server, prefix, full, told):
    """Until many were refused; each answer is (name, status, body, headers)."""
    number = 0
    while not full.is_set() and number < 400:
        name = f"{prefix}-{number}"
        status, body, headers = lock(server, name, metadata={"pad": "x" * 3000})
        told.append((name, status, body, headers))
        if sum(each[1] != 200 for each in list(told)) >= 200:
            full.set()
        number += 1


@pytest.mark.parametrize("attempt", range(5))  # about every second meets a change that is carried out and refused
def test_a_quota_that_is_used_up_is_503_without_false_answers_and_room_again_is_enough(tmp_path, attempt):
    # etcd writes its file at each change, so that many wait while one of them takes the last of the room: what it finds
    # to be too much only then is carried out, and refused all the same.
    args = ["--quota-backend-bytes", str(2 * 1024 * 1024), "--backend-batch-limit", "1"]
    with RealStore(tmp_path / "etcd", args=args) as etcd, \
            server_over(tmp_path, etcd.url("full", options="?in_flight=32")) as server:
        for number in range(12):
            etcd.ctl("put", f"ballast/{number}", "b" * 100_000)
        full, told = threading.Event(), []
        threads = [threading.Thread(target=lock_until_full, args=(server, f"full-{i}", full, told)) for i in range(32)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        acknowledged = {name for name, status, _, _ in told if status == 200}
        refused = [each for each in told if each[1] != 200]
        assert len(refused) >= 200 and len(acknowledged) > 50
        for _, status, body, headers in refused:
            assert status == 503 and body["error"] and headers.get("Retry-After"), (status, body)
        assert held(server, "full-") == acknowledged, "a refusal must not have locked anything"
        # What is held is still told, also by a server that starts now.
        with server_over(tmp_path / "second", etcd.url("full")) as second:
            assert held(second, "full-") == acknowledged
        # Room is made as etcd's operators do.
        etcd.ctl("del", "--prefix", "ballast/")
        etcd.compact()
        etcd.ctl("defrag")
        etcd.ctl("alarm", "disarm")
        wait_for(lambda: served(server, "room-again"), "room")
        assert acknowledged <= held(server, "full-")
