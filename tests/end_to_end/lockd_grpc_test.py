"""lockd's gRPC service: what was recorded from the original, and what ours has beyond it."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import grpc
import pytest

import recorded
from lockd_client import ANSWERS, LockdClient, decode
from server import BINARY, Server, wait_for

CASES = recorded.load(recorded.recorded_path("lockd-grpc.jsonl"))

# Where ours answers otherwise, on purpose.
REASONS = {
    1: "a name has one character at least, no control characters, and 512 bytes at most, as at every door",
    2: "a restart keeps what is locked",
}
INVALID = {"code": "INVALID_ARGUMENT", "why": 1}
DIFFERENT = {
    "empty-name": {0: INVALID, 1: INVALID, 2: INVALID, 3: INVALID},
    "any-name": {2: INVALID, 3: INVALID, 4: INVALID},
    "restart-loses-everything": {2: {"code": "OK", "response_hex": "0a03666f6f1001", "why": 2}},
}


def grpc_server(directory, *flags, **rest):
    return Server(directory, args=["--door", "lockd-grpc=127.0.0.1:0", *flags], **rest)


def client_of(server, **rest):
    return LockdClient(server.door_ports["lockd-grpc"], **rest)


def history(server, name):
    """Its events, oldest first."""
    return json.loads(server.request("GET", f"/lock/{name}/history?order=oldest").body)["events"]


def what_happened(server, name):
    return [event["what"] for event in history(server, name)]


def queue(server, name):
    return json.loads(server.request("GET", f"/lock/{name}").body)["queue"]


@pytest.fixture
def server(tmp_path):
    with grpc_server(tmp_path, "--waiter-grace", "300ms") as running:
        yield running


@pytest.fixture
def client(server):
    with client_of(server) as one:
        yield one


# ---- as the original


def request_bytes(call):
    if "request_hex" in call:
        return bytes.fromhex(call["request_hex"])
    [[text, times]] = call["request"]["name_parts"]
    name = text.encode() * times
    size, prefix = len(name), b"\x0a"
    while size > 127:
        prefix += bytes([size & 127 | 128])
        size >>= 7
    return prefix + bytes([size]) + name


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_answers_as_the_original_did(case, tmp_path):
    with grpc_server(tmp_path) as running:
        client = client_of(running)
        for index, exchange in enumerate(case["exchanges"]):
            where = f"{case['case']}, exchange {index}: {case['about']}"
            if "step" in exchange:
                client.channel.close()
                assert exchange["step"]["do"] == "restart"
                running.signal(getattr(signal, "SIG" + exchange["step"]["signal"]))
                assert running.wait() == 0
                running.start()
                client = client_of(running)
                continue
            expected = dict(exchange["response"])
            difference = DIFFERENT.get(case["case"], {}).get(index)
            if difference is not None:
                assert any(expected.get(key) != value for key, value in difference.items() if key != "why"), where
                expected |= difference
            try:
                code, answer = "OK", client.raw(exchange["grpc"]["method"], request_bytes(exchange["grpc"]))
            except grpc.RpcError as error:
                code, answer = error.code().name, None
                assert error.details(), where
            assert code == expected["code"], (where, answer)
            if code == "OK":
                assert answer.hex() == expected["response_hex"], where
        client.channel.close()


def test_every_case_is_there_and_every_difference_belongs_to_one():
    sizes = {case["case"]: len(case["exchanges"]) for case in CASES}
    assert len(CASES) == len(sizes) == 12
    for name, differences in DIFFERENT.items():
        assert all(index < sizes[name] for index in differences), name
    assert {each["why"] for differences in DIFFERENT.values() for each in differences.values()} == set(REASONS)


def test_the_session_of_the_readme(client):
    assert client.Lock("foo") is True
    assert client.IsLocked("foo") is True
    assert client.Unlock("foo") is True


def test_of_a_thousand_at_once_one_wins(server):
    clients = [client_of(server) for _ in range(4)]
    calls = [clients[i % 4].begin("Lock", name="prize") for i in range(1000)]
    won = [decode(ANSWERS["Lock"], call.result()).get("success", 0) for call in calls]
    assert sorted(won) == [0] * 999 + [1]
    for one in clients:
        one.channel.close()


# ---- one lock at every door


def test_what_other_doors_hold_is_locked_here_and_the_other_way_round(server, client):
    assert server.request("PUT", "/lock/prod", b'{"key":"k","lock_by":"build 12"}').status == 200
    assert client.IsLocked("prod") and not client.Lock("prod") and not client.Unlock("prod")
    assert client.call("Lock", name="prod", client_id="web-7")["held_by"] == "build 12"
    assert server.request("DELETE", "/lock/prod", b'{"key":"k","lock_by":"build 12"}').status == 200
    assert client.Lock("prod")
    assert server.request("PUT", "/lock/prod", b'{"key":"k"}').status == 423
    assert server.request("GET", "/lockd/lock/prod").status == 200
    assert server.request("POST", "/lockd/lock/prod").status == 409
    assert server.request("DELETE", "/lockd/lock/prod").status == 200
    assert not client.Unlock("prod")
    assert server.request("POST", "/lockd/lock/prod").status == 200
    assert not client.Lock("prod") and client.Unlock("prod")
    assert [event["door"] for event in history(server, "prod")] == [
        "locker", "locker", "lockd-grpc", "lockd", "lockd", "lockd-grpc"]


def test_what_was_answered_survives_a_kill(tmp_path):
    with grpc_server(tmp_path) as running:
        with client_of(running) as client:
            assert client.Lock("kept") and client.Lock("given back") and client.Unlock("given back")
        running.kill()
        running.start()
        with client_of(running) as client:
            assert client.IsLocked("kept") and not client.Lock("kept")
            assert client.Lock("given back")


# ---- what an old client never sends


def test_another_client_id_does_not_unlock_unless_it_overrides(client):
    assert client.Lock("foo", client_id="web-7")
    assert client.call("Unlock", name="foo", client_id="web-8") == {"held_by": "web-7"}
    assert client.IsLocked("foo")
    assert client.Unlock("foo", client_id="web-8", override=True)
    assert client.Lock("foo", client_id="web-7") and client.Unlock("foo", client_id="web-7")


def test_the_same_request_again_adds_nothing(server, client):
    first = client.call("Lock", name="foo", client_id="web-7", request_id="4f1c")
    assert first["success"] == 1 and first["request_id"] == "4f1c"
    assert client.call("Lock", name="foo", client_id="web-7", request_id="4f1c") == first
    assert not client.Lock("foo", client_id="web-7", request_id="another")
    assert what_happened(server, "foo") == ["acquired"]


def test_who_waits_gets_the_lock_when_it_is_unlocked(server, client):
    token = client.call("Lock", name="foo", client_id="first")["token"]
    waiting = client.begin("Lock", name="foo", client_id="second", wait="30s")
    wait_for(lambda: len(queue(server, "foo")) == 1, "a place in the queue")
    assert client.Unlock("foo", client_id="first")
    answer = decode(ANSWERS["Lock"], waiting.result())
    assert answer["success"] == 1 and answer["token"] > token and answer["request_id"]
    assert history(server, "foo")[-1]["holder"] == "second"


def test_a_wait_that_is_over_tells_the_place_which_is_kept_for_the_next(client):
    assert client.Lock("foo")
    answer = client.call("Lock", name="foo", client_id="second", wait="100ms")
    assert "success" not in answer and (answer["position"], answer["waiters"]) == (1, 1)
    waiting = client.begin("Lock", name="foo", client_id="second", request_id=answer["request_id"], wait="30s")
    assert client.Unlock("foo")
    assert decode(ANSWERS["Lock"], waiting.result())["success"] == 1


def test_a_lock_with_a_ttl_frees_itself_unless_it_is_renewed(server, client):
    assert client.Lock("foo", request_id="a", ttl="200ms")
    wait_for(lambda: not client.IsLocked("foo"), "the lapse")
    assert what_happened(server, "foo") == ["acquired", "lapsed"]
    assert client.call("Renew", name="foo", request_id="a") == {}
    token = client.call("Lock", name="bar", request_id="b", ttl="60s")["token"]
    assert client.call("Renew", name="bar", request_id="b", ttl="90s") == {"success": 1, "token": token}
    assert [event["what"] for event in history(server, "bar")] == ["acquired", "renewed"]


# ---- clients that leave


def test_who_cancels_leaves_the_queue_and_who_waits_behind_gets_the_lock(server, client):
    assert client.Lock("foo")
    leaving = client.begin("Lock", name="foo", client_id="leaving", request_id="its own", wait="60s")
    wait_for(lambda: len(queue(server, "foo")) == 1, "its place")
    staying = client.begin("Lock", name="foo", client_id="staying", wait="60s")
    wait_for(lambda: len(queue(server, "foo")) == 2, "the other place")
    leaving.cancel()
    wait_for(lambda: "code=CANCELLED" in server.log, "the server to see it")
    assert client.Unlock("foo")
    assert decode(ANSWERS["Lock"], staying.result())["success"] == 1
    assert client.Unlock("foo", client_id="staying")


def test_a_deadline_is_an_end_of_waiting(server, client):
    assert client.Lock("foo")
    with pytest.raises(grpc.RpcError) as error:
        client.call("Lock", timeout=0.2, name="foo", client_id="hasty", wait="60s")
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: "code=CANCELLED" in server.log, "the server to see it")
    assert client.Unlock("foo")
    wait_for(lambda: client.Lock("foo"), "the lock, which nobody has")


def test_a_lock_never_stays_with_one_who_left_in_the_moment_of_the_hand_over(server):
    """Cancelled and unlocked at one time: either it was sent that it has the lock, or the lock comes free again."""
    def counted(pattern):
        page = server.request("GET", "/metrics").text
        return sum(int(number) for number in re.findall(pattern + " ([0-9]+)", page))

    def ended():
        return counted('grpc_request_duration_seconds_count{door="lockd-grpc",wait="yes"}')

    def cancelled():
        return counted('grpc_requests_total{door="lockd-grpc",method="Lock",code="CANCELLED"}')

    turns = 60
    with client_of(server) as holder, client_of(server) as leaver:
        for turn in range(turns):
            name, before = f"foo {turn}", cancelled()
            assert holder.Lock(name)
            waiting = leaver.begin("Lock", name=name, client_id="leaver", request_id="its own", wait="60s")
            wait_for(lambda: len(queue(server, f"foo%20{turn}")) == 1, "its place")
            unlocking = holder.begin("Unlock", name=name)
            if turn % 4 == 0:
                unlocking.result()
            waiting.cancel()
            assert decode(ANSWERS["Unlock"], unlocking.result()) == {"success": 1}
            wait_for(lambda: ended() == turn + 1, "its call to end")
            if cancelled() == before:
                assert leaver.Unlock(name, client_id="leaver")
            wait_for(lambda: holder.Lock(name), "the lock, which nobody has")
    left = cancelled()
    given_back = sum("offer lapsed" in what_happened(server, f"foo%20{turn}") for turn in range(turns))
    print(f"{left} of {turns} left before their answer, {given_back} of them when it was granted")
    assert given_back > 0


# ---- who may come in


def make_certificate(directory, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        cwd=directory, check=True, capture_output=True)


def test_credentials_are_asked_for_before_anything_else_and_history_has_the_name(tmp_path):
    with grpc_server(tmp_path, "--listen", "127.0.0.1:0", credentials=("ci", "pass:word")) as running:
        for wrong in (None, ("ci", "word"), ("else", "pass:word")):
            with client_of(running, credentials=wrong) as client:
                assert client.refused("Lock", name="")[0] == "UNAUTHENTICATED"
        with client_of(running, credentials=("ci", "pass:word")) as client:
            assert client.Lock("foo")
        assert [(event["by"], event["door"]) for event in history(running, "foo")] == [("ci", "lockd-grpc")]
        assert "pass:word" not in running.log


def test_tls_is_the_servers_and_its_certificate_is_read_again_on_sighup(tmp_path):
    for name in ("first", "second"):
        make_certificate(tmp_path, name)

    def use(name):
        for kind in ("pem", "key"):
            (tmp_path / f"tls.{kind}").write_bytes((tmp_path / f"{name}.{kind}").read_bytes())

    use("first")
    first, second = (tmp_path / "first.pem").read_bytes(), (tmp_path / "second.pem").read_bytes()
    environment = {"SSL_CERT": "tls.pem", "SSL_KEY": "tls.key"}
    with grpc_server(tmp_path, environment=environment, ca=tmp_path / "first.pem") as running:
        with client_of(running, ca=first) as client:
            assert client.Lock("foo")
            with client_of(running) as plain:
                assert plain.refused("IsLocked", name="foo")[0] == "UNAVAILABLE"
            use("second")
            running.signal(signal.SIGHUP)
            wait_for(lambda: "were read again" in running.log, "the new certificate")
            assert client.IsLocked("foo")  # a connection that is there stays
            with client_of(running, ca=second) as new, client_of(running, ca=first) as old:
                assert new.IsLocked("foo")
                assert old.refused("IsLocked", name="foo")[0] == "UNAVAILABLE"
            (tmp_path / "tls.pem").write_text("no certificate")
            running.signal(signal.SIGHUP)
            wait_for(lambda: "the old certificate stays" in running.log, "the complaint")
            with client_of(running, ca=second) as new:
                assert new.IsLocked("foo")


def test_health_is_told_to_everybody(tmp_path):
    with grpc_server(tmp_path, "--listen", "127.0.0.1:0", credentials=("ci", "secret")) as running:
        with client_of(running) as client:
            assert client.raw("/grpc.health.v1.Health/Check", b"") == b"\x08\x01"  # SERVING


# ---- limits


@pytest.mark.parametrize("method, fields, text", [
    ("Lock", {"name": "x" * 513}, "the lock's name is too long (513 bytes; the limit is 512)"),
    ("Lock", {"name": "a\tb"}, "the lock's name has a control character at byte 1"),
    ("Lock", {"name": "a", "client_id": "x" * 129}, "Client id is too long (129 bytes > max of 128)"),
    ("Lock", {"name": "a", "ttl": "10"}, 'ttl: 10 has no unit: write "10s"'),
    ("Lock", {"name": "a", "wait": "soon"}, "wait: "),
    ("Renew", {"name": "a"}, "Renewing needs the request id"),
])
def test_what_is_wrong_is_said(client, method, fields, text):
    code, details = client.refused(method, **fields)
    assert code == "INVALID_ARGUMENT" and details.startswith(text)
    assert not client.IsLocked("a")


def test_a_message_is_no_longer_than_a_body_may_be(tmp_path):
    with grpc_server(tmp_path, "--body-bytes", "1000") as running, client_of(running) as client:
        assert client.refused("IsLocked", name="x" * 1000)[0] == "RESOURCE_EXHAUSTED"
        assert client.refused("IsLocked", name="x" * 990)[0] == "INVALID_ARGUMENT"


def test_noise_on_the_port_harms_nobody(server, client):
    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 64, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 999):
        with socket.create_connection(("127.0.0.1", server.door_ports["lockd-grpc"]), 30) as connection:
            connection.sendall(noise)
            try:
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert client.Lock("foo") and server.alive()


def test_a_flood_of_connections_takes_no_more_than_its_half_and_is_survived(tmp_path):
    """gRPC's own listener would be dead after it."""
    descriptors = 200
    few = ["prlimit", f"--nofile={descriptors}:{descriptors}"]
    with grpc_server(tmp_path, wrapper=few) as running, client_of(running) as client:
        assert client.Lock("foo")
        port = running.door_ports["lockd-grpc"]
        flood = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(descriptors)]
        # The last one was looked at after all others.
        try:
            assert flood[-1].recv(1) == b""
        except ConnectionResetError:
            pass
        assert len(os.listdir(f"/proc/{running.pid}/fd")) <= descriptors // 2
        assert client.IsLocked("foo") and running.request("GET", "/lock/foo").status == 200
        for each in flood:
            each.close()
        wait_for(lambda: len(os.listdir(f"/proc/{running.pid}/fd")) < descriptors // 4, "the flood to run off")
        with client_of(running) as new:
            assert new.IsLocked("foo")


# ---- its operators


def test_a_call_is_a_line_of_the_log_and_counted(server, client):
    client.Lock("foo")
    client.Lock("foo")
    client.refused("Lock", name="")
    with pytest.raises(grpc.RpcError):
        client.raw("/lockapi.Locking/Nope", b"")
    wait_for(lambda: server.log.count("door=lockd-grpc") == 4, "four lines")
    lines = [line for line in server.log.splitlines() if "door=lockd-grpc" in line]
    assert "method=gRPC path=/lockapi.Locking/Lock status=200 code=OK" in lines[0]
    assert "path=/lockapi.Locking/Lock status=400 code=INVALID_ARGUMENT" in lines[2]
    assert "path=/lockapi.Locking/Nope status=404 code=UNIMPLEMENTED" in lines[3]
    assert "peer=127.0.0.1:" in lines[0]
    page = server.request("GET", "/metrics").text
    counted = 'lockkeeper_grpc_requests_total{door="lockd-grpc",method="%s",code="%s"} %d'
    for method, code, times in (("Lock", "OK", 2), ("Lock", "INVALID_ARGUMENT", 1), ("none", "UNIMPLEMENTED", 1)):
        assert counted % (method, code, times) in page


def test_who_waits_is_sent_home_when_the_server_stops_and_finds_its_place_again(tmp_path):
    with grpc_server(tmp_path) as running:
        client = client_of(running)
        assert client.Lock("foo")
        waiting = [client.begin("Lock", name="foo", client_id=f"waiter {i}", request_id="r", wait="10m") for i in range(50)]
        wait_for(lambda: len(queue(running, "foo")) == 50, "all places")
        order = [place["holder"] for place in queue(running, "foo")]
        stopped = concurrent.futures.ThreadPoolExecutor(1).submit(running.stop)
        for call in waiting:
            assert call.code() == grpc.StatusCode.UNAVAILABLE
            assert call.details() == "the server is stopping; the place in the queue is kept"
        assert stopped.result(5) == 0  # and not after a grace, which would be ten seconds
        client.channel.close()
        running.start()
        assert [place["holder"] for place in queue(running, "foo")] == order
        with client_of(running) as client:
            again = client.begin("Lock", name="foo", client_id=order[0], request_id="r", wait="30s")
            assert client.Unlock("foo")
            assert decode(ANSWERS["Lock"], again.result())["success"] == 1


def test_an_idle_client_does_not_hold_up_a_stop(tmp_path):
    """Python's does not look at its connection while it has no call, so it does not see that it is asked to go."""
    with grpc_server(tmp_path) as running, client_of(running) as client:
        assert client.Lock("foo")
        before = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - before < 3


def test_a_store_that_does_not_answer_is_unavailable_and_the_outcome_unknown(tmp_path):
    trigger = tmp_path / "fault"
    disk = {"LD_PRELOAD": str(BINARY.resolve().parent / "failing_disk.so"), "FAILING_DISK": str(trigger)}
    with grpc_server(tmp_path, "--shutdown-grace", "1s", "--commit-deadline", "200ms", environment=disk) as running:
        with client_of(running) as client:
            assert client.Lock("before")
            trigger.write_text("hang")
            code, details = client.refused("Lock", name="foo")
            assert code == "UNAVAILABLE" and details.startswith("outcome unknown")
            code, details = client.refused("Lock", name="bar")
            assert code == "UNAVAILABLE"


def test_a_port_that_is_taken_ends_the_start(tmp_path):
    with grpc_server(tmp_path / "one") as running:
        port = running.door_ports["lockd-grpc"]
        ended = Server(tmp_path / "two", args=["--door", f"lockd-grpc=127.0.0.1:{port}"]).start_expecting_failure()
        assert ended.returncode == 1
        assert f"--door lockd-grpc: cannot listen on 127.0.0.1:{port}: Address already in use\n" in ended.stderr


def libraries(server):
    maps = pathlib.Path(f"/proc/{server.pid}/maps").read_text()
    return {pathlib.Path(line.split()[-1]).name for line in maps.splitlines() if ".so" in line}


def test_nobody_pays_for_grpc_who_does_not_ask_for_it(tmp_path):
    with Server(tmp_path / "without") as without:
        assert not any("grpc" in name or "protobuf" in name for name in libraries(without))
        if os.geteuid() != 0:
            return
        with grpc_server(tmp_path / "with") as having:
            assert any(name.startswith("libgrpc++") for name in libraries(having))
            assert len(libraries(without)) < 20 < len(libraries(having))


def test_a_module_that_is_missing_or_does_not_load_is_named_with_what_brings_it(tmp_path):
    alone = tmp_path / "bin"
    alone.mkdir()
    shutil.copy(BINARY, alone / "lockkeeper")

    def start():
        return subprocess.run([alone / "lockkeeper", "--store", f"sqlite:{tmp_path}/locks.db", "--port", "0", "--door",
                               "lockd-grpc=127.0.0.1:0"], env={}, capture_output=True, text=True, timeout=60)

    ended = start()
    assert ended.returncode == 1
    assert (f"--door lockd-grpc: there is neither {alone}/lockkeeper-grpc.so nor {tmp_path}/lib/lockkeeper/"
            "lockkeeper-grpc.so (the gRPC service is a part of its own: package lockkeeper-grpc, image server-grpc, target"
            ) in ended.stderr
    (tmp_path / "lib/lockkeeper").mkdir(parents=True)
    (tmp_path / "lib/lockkeeper/lockkeeper-grpc.so").write_text("no library")
    ended = start()
    assert ended.returncode == 1
    assert "libgrpc++1.51" in ended.stderr and "lockkeeper-grpc.so" in ended.stderr
