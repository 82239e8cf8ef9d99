"""The server's image runs as its comment says: not as root, durable, closed until told otherwise."""

import base64
import json
import pathlib
import time

import grpc
import pytest
from containers import SERVER, SERVER_GRPC

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
EVERYWHERE = {"00000000", "00000000000000000000000000000000"}


def lock_prod(server):
    status, reply = server.request("PUT", "/lock/prod", {"key": "k1", "lock_by": "someone"})
    assert status == 200, reply


def holders_of_prod(server):
    _, locks = server.request("GET", "/locks")
    return locks.get("prod", {}).get("locked_by")


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def server(house):
    """One that was told to listen, on a volume of its own."""
    started = house.server("--listen", "0.0.0.0:3000", options=["--volume", f"{house.volume()}:/var/lib/lockkeeper"])
    started.wait_until_it_listens()
    return started


def test_it_does_not_run_as_root(server):
    status = pathlib.Path(f"/proc/{server.state['Pid']}/status").read_text(encoding="utf-8")

    ids = dict(line.split(":", 1) for line in status.splitlines())
    assert ids["Uid"].split() == ["65532"] * 4
    assert ids["Gid"].split() == ["65532"] * 4


def test_unprotected_and_not_told_otherwise_it_stays_on_its_loopback(house):
    server = house.server()

    assert set(server.wait_until_it_listens()) <= LOOPBACK
    with pytest.raises(OSError):
        server.request("GET", "/locks")


def test_told_to_listen_it_is_reachable(server):
    assert set(server.listeners()) & EVERYWHERE
    assert server.request("GET", "/locks") == (200, {})


def test_protected_by_credentials_it_is_reachable_for_those_who_have_them(house):
    server = house.server(options=["--env", "AUTH_USER=ci", "--env", "AUTH_PASS=secret"])
    server.wait_until_it_listens()

    assert server.request("GET", "/locks")[0] == 401
    assert server.request("GET", "/locks", headers=basic("ci", "wrong"))[0] == 401
    assert server.request("GET", "/locks", headers=basic("ci", "secret")) == (200, {})
    assert "secret" not in server.log


def test_a_lock_survives_a_kill_of_its_server(server):
    lock_prod(server)

    server.kill("KILL")
    assert server.wait(20) == 137
    server.start()

    assert holders_of_prod(server) == {"someone": 1}


def test_a_lock_survives_a_new_container_on_the_old_volume(house):
    keep = ["--volume", f"{house.volume()}:/var/lib/lockkeeper"]
    old = house.server("--listen", "0.0.0.0:3000", options=keep)
    old.wait_until_it_listens()
    lock_prod(old)
    old.kill("TERM")
    old.wait(20)

    new = house.server("--listen", "0.0.0.0:3000", options=keep)
    new.wait_until_it_listens()

    assert holders_of_prod(new) == {"someone": 1}


def test_asked_to_stop_it_stops_well_and_soon(server):
    lock_prod(server)

    asked = time.monotonic()
    server.kill("TERM")

    assert server.wait(20) == 0, server.log
    assert time.monotonic() - asked < 10


def test_a_hardened_container_is_enough(house):
    server = house.server("--listen", "0.0.0.0:3000",
                          options=["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
                                   "--volume", f"{house.volume()}:/var/lib/lockkeeper"])
    server.wait_until_it_listens()

    lock_prod(server)


def test_lockcli_is_in_it_and_reaches_the_server(house, server):
    made = house.tool("lockcli", "--api-endpoint", "http://locks:3000/workflow", "create", "build-7", "ci")

    assert made.returncode == 0, made.stderr
    gate = json.loads(made.stdout)
    assert server.request("GET", f"/workflow/lock/?id={gate['id']}")[1]["status"] == "locked"


def test_lockctl_is_in_it_and_takes_a_lock(house, server):
    done = house.tool("lockctl", "--server", "http://locks:3000", "lock", "prod", "--as", "someone")

    assert done.returncode == 0, done.stderr
    assert holders_of_prod(server) == {"someone": 1}


def stormlock(house, folder, backend, keys, *arguments, image=SERVER):
    configuration = folder / "stormlock.cfg"
    configuration.write_text(f"[default]\nttl = 1 hour\nprincipal = someone\nbackend = {backend}\n"
                             f"[backend.{backend}]\n" + keys)
    return house.tool("stormlock", "-c", "/stormlock.cfg", *arguments, image=image,
                      options=["--volume", f"{configuration}:/stormlock.cfg:ro"])


def test_stormlock_is_in_it_and_leases_a_lock(house, server, tmp_path):
    done = stormlock(house, tmp_path, "lockkeeper", "url = http://locks:3000\n", "acquire", "prod")

    assert done.returncode == 0, done.stderr
    assert holders_of_prod(server) == {"someone": 1}


BACKENDS = {"redis": "url = redis://127.0.0.1:1\n", "postgresql": "connection = host=127.0.0.1 port=1\n",
            "mysql": "host = 127.0.0.1\nport = 1\n", "etcd": "host = 127.0.0.1\nport = 1\ntimeout = 1\n",
            "dynamodb": "endpoint = http://127.0.0.1:1\nregion = r\naccess_key_id = x\nsecret_access_key = x\n"}


@pytest.mark.parametrize("image, backend", [(SERVER, backend) for backend in BACKENDS if backend != "etcd"] +
                         [(SERVER_GRPC, "etcd")])
def test_each_backend_of_stormlock_is_looked_for_where_it_was_said_to_be(house, tmp_path, image, backend):
    done = stormlock(house, tmp_path, backend, BACKENDS[backend], "acquire", "prod", image=image)

    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr, done.stderr


def test_lockagt_is_in_it(house):
    done = house.tool("lockagt", "--version")

    assert (done.returncode, done.stdout[:8]) == (0, "lockagt "), done.stderr


def test_the_image_with_grpc_serves_lockd_s_clients(house):
    server = house.server("--listen", "0.0.0.0:3000", "--door", "lockd-grpc=0.0.0.0:2080", image=SERVER_GRPC)
    server.wait_until_it_listens()

    with grpc.insecure_channel(f"{server.address}:2080", options=[("grpc.enable_http_proxy", 0)]) as channel:
        lock = channel.unary_unary("/lockapi.Locking/Lock")
        assert lock(b"\x0a\x04prod", timeout=20) == b"\x08\x01"
    assert server.request("GET", "/lock/prod")[1]["state"] == "held"


def test_the_small_image_says_what_it_lacks_for_grpc(house):
    server = house.server("--listen", "0.0.0.0:3000", "--door", "lockd-grpc=0.0.0.0:2080")

    assert server.wait(20) == 1
    assert "lockkeeper-grpc" in server.log


STORES = {"postgresql": "postgresql://127.0.0.1:1/locks", "redis": "redis://127.0.0.1:1/",
          "rediss": "rediss://127.0.0.1:1/", "etcd": "etcd://127.0.0.1:1/",
          "dynamodb": "dynamodb://locks?endpoint=http://127.0.0.1:1"}


@pytest.mark.parametrize("image, store", [(SERVER, store) for store in STORES if store != "etcd"] +
                         [(SERVER_GRPC, store) for store in STORES])
def test_each_store_of_an_image_is_looked_for_where_it_was_said_to_be(house, image, store):
    url = STORES[store] + ("&" if "?" in STORES[store] else "?") + "connect_timeout=100ms"
    environment = {"LOCKER_CONFIG": "", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    server = house.server("--store", url, image=image, options=[
        word for name, value in environment.items() for word in ("--env", f"{name}={value}")])

    assert server.wait(20) == 1
    assert "127.0.0.1:1" in server.log, server.log


def test_the_small_image_says_what_it_lacks_for_etcd(house):
    server = house.server("--store", STORES["etcd"], options=["--env", "LOCKER_CONFIG="])

    assert server.wait(20) == 1
    assert "lockkeeper-store-etcd.so" in server.log
