"""The server as its operators meet it: credentials, TLS, limits, time-outs, signals, files, logs."""

import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import recorded
from server import Server, is_full, wait_for

KEY = b'{"key":"a-secret-key"}'


def put(server, name="prod", body=KEY, **rest):
    return server.request("PUT", f"/lock/{name}", body, **rest)


def error_of(answer):
    return json.loads(answer.body)["error"]


def raw(server, data, timeout=30):
    connection = recorded.Connection(server.port, timeout)
    connection.send(data)
    return connection


# ---- credentials


def test_credentials_are_asked_for_before_the_body_and_not_for_health(tmp_path):
    with Server(tmp_path, credentials=("ci", "pass:word")) as server:
        assert put(server).status == 200
        assert put(server, body=b"{", credentials=None).status == 401
        assert put(server, credentials=("ci", "wrong")).status == 401
        assert server.request("GET", "/version", credentials=None).status == 401
        assert server.request("GET", "/lock/prod", credentials=None).status == 401
        for open_to_all in ("/health", "/ready"):
            assert server.request("GET", open_to_all, credentials=None).status == 200


def test_history_tells_who_authenticated(tmp_path):
    with Server(tmp_path, credentials=("ci", "secret")) as server:
        put(server)
        events = json.loads(server.request("GET", "/lock/prod/history").body)["events"]
        assert [(event["what"], event["by"], event["door"]) for event in events] == [("acquired", "ci", "locker")]


def test_credentials_may_come_from_a_file_and_are_never_in_argv_or_the_environment(tmp_path):
    (tmp_path / "auth").write_text("ci:from-a-file\n")
    with Server(tmp_path, args=["--auth-file", "auth", "--listen", "127.0.0.1:0"]) as server:
        assert put(server, credentials=("ci", "from-a-file")).status == 200
    with Server(tmp_path, credentials=("ci", "from-the-environment")) as server:
        assert put(server).status == 200
        assert b"from-the-environment" not in pathlib.Path(f"/proc/{server.pid}/environ").read_bytes()
    ours = {"LOCKKEEPER_AUTH_USER": "ci", "LOCKKEEPER_AUTH_PASS": "under-our-name"}
    with Server(tmp_path, environment=ours) as server:
        assert put(server, credentials=("ci", "under-our-name")).status == 200
        assert b"under-our-name" not in pathlib.Path(f"/proc/{server.pid}/environ").read_bytes()
        assert "Max core file size" + " " * 8 + "0" in pathlib.Path(f"/proc/{server.pid}/limits").read_text()
    of_stores = {"AWS_SECRET_ACCESS_KEY": "a-secret-of-aws", "AWS_SESSION_TOKEN": "a-token-of-aws",
                 "PGPASSWORD": "a-password-of-postgresql", "AWS_REGION": "a-region"}
    with Server(tmp_path, environment=of_stores) as server:
        shown = pathlib.Path(f"/proc/{server.pid}/environ").read_bytes()
        assert b"a-region" in shown
        for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD"):
            assert of_stores[name].encode() not in shown


# ---- where it listens


def listening_addresses(server):
    found = set()
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            address, port = local.rsplit(":", 1)
            if state == "0A" and int(port, 16) == server.port:
                found.add(address)
    return found


LOOPBACK = {"0100007F"}


def test_without_credentials_it_listens_on_loopback_only(tmp_path):
    with Server(tmp_path) as server:
        assert listening_addresses(server) == LOOPBACK
        assert f"listening on http://127.0.0.1:{server.port}\n" in server.log


def test_with_credentials_it_listens_everywhere_unless_told_otherwise(tmp_path):
    with Server(tmp_path, credentials=("a", "b")) as server:
        assert listening_addresses(server) <= {"00000000", "0" * 32} and listening_addresses(server)
    with Server(tmp_path, credentials=("a", "b"), args=["--listen", "127.0.0.1:0"]) as server:
        assert listening_addresses(server) == LOOPBACK


def test_a_port_that_is_taken_is_named_and_ends_the_start(tmp_path):
    with Server(tmp_path / "one") as server:
        (tmp_path / "two").mkdir()
        ended = Server(tmp_path / "two", port=server.port).start_expecting_failure()
        assert ended.returncode == 1
        assert str(server.port) in ended.stderr


# ---- TLS


def make_certificate(directory, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        cwd=directory, check=True, capture_output=True)
    return directory / f"{name}.pem", directory / f"{name}.key"


def served_name(port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 30) as plain, context.wrap_socket(plain) as tls:
        der = tls.getpeercert(binary_form=True)
    return "second" if b"second" in der else "first" if b"first" in der else der


def tls_server(tmp_path):
    first, second = make_certificate(tmp_path, "first"), make_certificate(tmp_path, "second")
    for source, name in zip(first, ("tls.pem", "tls.key")):
        (tmp_path / name).write_bytes(source.read_bytes())
    server = Server(tmp_path, environment={"SSL_CERT": "tls.pem", "SSL_KEY": "tls.key"}, ca=first[0])
    return server, second


def test_tls_is_spoken_and_its_certificate_is_read_again_on_sighup(tmp_path):
    server, second = tls_server(tmp_path)
    with server:
        assert put(server).status == 200
        assert f"listening on https://127.0.0.1:{server.port}" in server.log
        assert served_name(server.port) == "first"
        for source, name in zip(second, ("tls.pem", "tls.key")):
            (tmp_path / name).write_bytes(source.read_bytes())
        server.signal(signal.SIGHUP)
        wait_for(lambda: served_name(server.port) == "second", "the new certificate")


def test_a_certificate_that_does_not_load_leaves_the_old_one_in_place(tmp_path):
    server, _ = tls_server(tmp_path)
    with server:
        (tmp_path / "tls.pem").write_text("no certificate")
        server.signal(signal.SIGHUP)
        wait_for(lambda: "the old certificate stays" in server.log, "the complaint")
        assert served_name(server.port) == "first"
        assert put(server).status == 200


def test_a_plain_request_to_a_tls_port_is_told_so(tmp_path):
    server, _ = tls_server(tmp_path)
    with server:
        answer = raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").read()
        assert answer.status == 400 and "HTTPS" in json.loads(answer.body)["error"]
        assert put(server).status == 200


# ---- limits and time-outs


@pytest.mark.parametrize("flag, value, method, path, body, status", [
    ("--name-bytes", "4", "PUT", "/lock/12345", KEY, 400),
    ("--key-bytes", "4", "PUT", "/lock/a", b'{"key":"12345"}', 400),
    ("--key-bytes", "4", "PUT", "/lock/a", b'{"key":"1","lock_by":"12345"}', 400),
    ("--metadata-pairs", "1", "PUT", "/lock/a", b'{"key":"1","metadata":{"a":"1","b":"2"}}', 400),
    ("--metadata-bytes", "4", "PUT", "/lock/a", b'{"key":"1","metadata":{"a":"2345"}}', 400),
    ("--body-bytes", "20", "PUT", "/lock/a", KEY, 413),
    ("--header-bytes", "200", "PUT", "/lock/" + "a" * 200, KEY, 431),
])
def test_each_limit_has_its_json_error(tmp_path, flag, value, method, path, body, status):
    with Server(tmp_path, args=[flag, value]) as server:
        answer = server.request(method, path, body)
        assert answer.status == status and error_of(answer)
        assert server.request("GET", "/locks").body == b"{}\n"


@pytest.mark.parametrize("path", ["/lock/a%zz", "/lock/a%", "/lock/%FF", "/lock/a%0Ab", "/lock/a/history?limit=0",
                                  "/lock/a/history?limit=1001", "/lock/a/history?after=-1", "/lock/a/history?order=up",
                                  "/locks?view=odd", "/locks?view=full&limit=0"])
def test_what_a_url_cannot_mean_is_400_with_a_json_error(tmp_path, path):
    with Server(tmp_path) as server:
        answer = server.request("GET", path)
        assert answer.status == 400 and error_of(answer)


def test_too_many_connections_are_told_so(tmp_path):
    with Server(tmp_path, args=["--connections", "2"]) as server:
        kept = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(2)]
        wait_for(lambda: server.open_sockets() >= 2, "both connections")

        def refused():
            try:
                answer = server.request("GET", "/health")
            except OSError:
                return None
            return answer.status == 503 and answer
        answer = wait_for(refused, "a refusal")
        assert error_of(answer) and answer.headers["Retry-After"]
        for one in kept:
            one.close()
        wait_for(lambda: server.request("GET", "/health").status == 200, "room again")


def test_it_may_have_as_many_files_open_as_it_is_allowed_and_takes_no_more_connections_than_that(tmp_path):
    limited = ["prlimit", "--nofile=100:200"]  # soft, hard
    with Server(tmp_path, wrapper=limited) as server:
        limits = pathlib.Path(f"/proc/{server.pid}/limits").read_text()
        assert next(line.split()[3:5] for line in limits.splitlines() if "open files" in line) == ["200", "200"]
        said = re.search(r"at most (\d+) connections instead of 16384.*200 files", server.log)
        assert said, server.log
        kept = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(int(said[1]))]
        for one in kept:
            one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"
        assert server.request("GET", "/health").status == 503, "told so, instead of being left in the dark"
        for one in kept:
            one.close()


def test_a_request_that_does_not_come_whole_is_408_and_changes_nothing(tmp_path):
    with Server(tmp_path, args=["--read-timeout", "300ms"]) as server:
        answer = raw(server, b'PUT /lock/a HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{"key":"k"}').read()
        assert answer.status == 408 and json.loads(answer.body)["error"]
        assert server.request("GET", "/locks").body == b"{}\n"


def test_an_idle_connection_is_closed(tmp_path):
    with Server(tmp_path, args=["--idle-timeout", "300ms"]) as server:
        connection = raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read().status == 200
        assert connection.socket.recv(1) == b""


# ---- its end


def test_sigterm_answers_what_is_under_way_and_exits_with_0(tmp_path):
    with Server(tmp_path) as server:
        body = b'{"key":"k"}'
        half = raw(server, b"PUT /lock/late HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body[:5]))
        idle = raw(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.read().status == 200
        server.signal(signal.SIGTERM)
        assert idle.socket.recv(1) == b"", "an idle connection is closed at once"
        half.send(body[5:])
        answer = half.read()
        assert answer.status == 200 and answer.headers["Connection"] == "close"
        assert server.wait() == 0
        assert "stopped" in server.log
        server.start()
        assert b'"late"' in server.request("GET", "/locks").body


def test_a_client_that_never_finishes_does_not_keep_it_from_stopping(tmp_path):
    with Server(tmp_path, args=["--shutdown-grace", "300ms"]) as server:
        unfinished = raw(server, b"PUT /lock/a HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n")
        wait_for(lambda: server.open_sockets() >= 1, "the client")
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 10
        unfinished.close()


def test_requests_that_run_while_it_stops_are_answered_or_never_begun(tmp_path):
    with Server(tmp_path) as server:
        acknowledged, stop = set(), threading.Event()

        def client(number):
            try:
                connection, turn = server.connect(), 0
                while not stop.is_set():
                    name = f"c{number}-{turn}"
                    if put(server, name, connection=connection).status == 200:
                        acknowledged.add(name)
                    turn += 1
            except (OSError, Exception):
                pass
        clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for one in clients:
            one.start()
        wait_for(lambda: len(acknowledged) > 200, "some locks")
        assert server.stop() == 0
        stop.set()
        for one in clients:
            one.join()
        server.start()
        assert acknowledged <= set(json.loads(server.request("GET", "/locks").body))


# ---- files


def test_locks_survive_stop_and_kill(tmp_path):
    with Server(tmp_path) as server:
        put(server, "one")
        server.kill()
        server.start()
        put(server, "two")
        assert server.stop() == 0
        server.start()
        assert sorted(json.loads(server.request("GET", "/locks").body)) == ["one", "two"]


def test_an_originals_file_is_taken_over_once_and_kept(tmp_path):
    old = tmp_path / "locks.json"
    old.write_text('{"prod":{"key":"k","locked_by":{"a":2}},"free":{"key":"","locked_by":{"a":0}}}')
    before = old.read_bytes()
    with Server(tmp_path) as server:
        assert "took over 1 held locks" in server.log
        assert server.request("GET", "/locks").body == b'{"prod":{"locked_by":{"a":2},"key":"k"}}\n'
        for _ in range(2):
            assert server.request("DELETE", "/lock/prod", b'{"key":"k","requestor":"a"}').status == 200
        assert server.stop() == 0
        server.start()
        assert server.request("GET", "/locks").body == b"{}\n", "the old file must not come back"
        assert server.log.count("took over") == 1
        assert old.read_bytes() == before
        server.stop()
        old.unlink()
        put(server.start(), "later")
        server.stop()
        server.start()
        assert b"later" in server.request("GET", "/locks").body, "the database stays in use without the old file"


def test_a_file_that_is_neither_stops_the_start(tmp_path):
    (tmp_path / "locks.json").write_text("something else")
    ended = Server(tmp_path).start_expecting_failure()
    assert ended.returncode == 1 and "locks.json" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["locks.json"]


@pytest.mark.parametrize("size", [0, 4096, 8192])
def test_a_first_start_that_was_killed_leaves_nothing_that_a_later_one_takes_for_something_else(tmp_path, size):
    # No file may grow beyond that: the kernel kills whoever tries (SIGXFSZ), in the midst of making the database.
    killed = Server(tmp_path, wrapper=["prlimit", f"--fsize={size}"]).start_expecting_failure()
    assert killed.returncode < 0
    with Server(tmp_path) as server:
        put(server)
        assert server.stop() == 0
    assert (tmp_path / "locks.json").read_bytes()[:15] == b"SQLite format 3"
    assert {path.name for path in tmp_path.iterdir()} == {"locks.json", "port", "server.log"}


def test_an_empty_database_is_not_taken_for_a_new_one(tmp_path):
    (tmp_path / "locks.db").touch()
    ended = Server(tmp_path, store="locks.db").start_expecting_failure()
    assert ended.returncode == 1 and "locks.db: it is empty" in ended.stderr
    assert (tmp_path / "locks.db").read_bytes() == b""


def test_a_second_server_on_one_file_refuses(tmp_path):
    with Server(tmp_path) as server:
        put(server)
        ended = Server(tmp_path).start_expecting_failure()
        assert ended.returncode == 1 and "locks.json" in ended.stderr
        assert put(server).status == 200


# ---- lists


def test_twenty_thousand_locks_are_listed_whole_and_in_order(tmp_path):
    old = {f"lock-{number:05}": {"key": "k", "locked_by": {"a": 1}} for number in range(20_000)}
    (tmp_path / "locks.json").write_text(json.dumps(old))
    with Server(tmp_path) as server:
        answer = server.request("GET", "/locks")
        assert answer.headers["Transfer-Encoding"] == "chunked"
        expected = {name: {"locked_by": {"a": 1}, "key": "k"} for name in sorted(old)}
        assert answer.body == json.dumps(expected, separators=(",", ":")).encode() + b"\n"

        page = json.loads(server.request("GET", "/locks?view=full&prefix=lock-1&after=lock-10004&limit=700").body)
        assert [lock["lock"] for lock in page["locks"]] == [f"lock-{number}" for number in range(10_005, 10_705)]
        assert page["more"] is True
        assert "key" not in page["locks"][0]

        leaving = raw(server, b"GET /locks HTTP/1.1\r\nHost: x\r\n\r\n")
        leaving.socket.recv(1000)
        leaving.close()
        assert server.request("GET", "/health").status == 200


def test_a_lock_and_its_history_can_be_read_and_forced_free(tmp_path):
    with Server(tmp_path) as server:
        put(server, body=b'{"key":"k","lock_by":"node-a","metadata":{"url":"https://ci/1"}}')
        lock = server.request("GET", "/lock/prod")
        assert b'"k"' not in lock.body
        view = json.loads(lock.body)
        assert (view["state"], view["version"], view["holders"][0]["holder"]) == ("held", 1, "node-a")
        forced = json.loads(server.request("POST", "/lock/prod/force-release", b'{"reason":"build died"}').body)
        assert forced["released"] == 1
        newest = json.loads(server.request("GET", "/lock/prod/history?limit=1").body)
        assert newest["events"][0]["what"] == "forced" and newest["events"][0]["reason"] == "build died"
        assert newest["more"] is True
        later = json.loads(server.request("GET", "/lock/prod/history?after=0").body)
        assert [event["version"] for event in later["events"]] == [1, 2]
        assert put(server, body=b'{"key":"other"}').status == 200


# ---- logs


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_log_has_a_line_a_request_and_no_secret(tmp_path, log_format):
    one_thread = ["--io-threads", "1"]  # the lines of several come in no order
    with Server(tmp_path, credentials=("ci", "the-password"), args=["--log-format", log_format, *one_thread]) as server:
        put(server, "a%2Fb")
        put(server, "a%2Fb", body=b'{"key":"another-secret"}')
        put(server, "a%2Fb", credentials=("ci", "guessed-password"))
        server.request("GET", "/locks?view=full&prefix=query-secret")
        server.stop()
        lines = [line for line in server.log.splitlines() if "/lock/a%2Fb" in line]
        assert len(lines) == 3
        if log_format == "json":
            parsed = [json.loads(line) for line in server.log.splitlines()]
            requests = [line for line in parsed if line.get("path") == "/lock/a%2Fb"]
            assert [(line["method"], line["status"], line["user"], line["door"]) for line in requests] == [
                ("PUT", 200, "ci", "locker"), ("PUT", 423, "ci", "locker"), ("PUT", 401, "-", "-")]
            assert len({line["id"] for line in requests}) == 3
        else:
            assert " method=PUT path=/lock/a%2Fb status=200 ms=" in lines[0]
        for secret in ("a-secret-key", "another-secret", "the-password", "guessed-password", "query-secret"):
            assert secret not in server.log


def test_what_was_no_request_has_an_id_in_the_log_too(tmp_path):
    with Server(tmp_path) as server:
        for _ in range(3):
            assert raw(server, b"nonsense\r\n\r\n").read().status == 400
        server.request("GET", "/health")
        server.stop()
        ids = re.findall(r" request id=(\d+) .*status=(?:400|200)", server.log)
        assert len(set(ids)) >= 4 and "0" not in ids, server.log


def test_a_log_that_nobody_reads_holds_up_no_request_and_no_stop(tmp_path):
    reader, writer = os.pipe()
    server = Server(tmp_path, args=["--shutdown-grace", "60s"])
    try:
        server.start(log=writer)
        connection = server.connect()
        for _ in range(3_000):
            assert server.request("GET", "/health", connection=connection).status == 200
        put(server)
        server.signal(signal.SIGHUP)
        wait_for(lambda: is_full(writer), "the log to be stuck")
        assert put(server, "still").status == 200
        assert server.stop() == 0, "all was answered and stored; that nobody heard of it is no failure"
    finally:
        os.close(writer)
        os.close(reader)
        server.end()


def test_names_of_leases_at_shared_lock_s_door_are_its_own(tmp_path):
    with Server(tmp_path) as server:
        answer = server.request("PUT", "/lock/a", b'{"key":"4711","claim":"lease:4711","request":"r","ttl":"1m"}')
        assert answer.status == 400 and "shared-lock" in answer.text
