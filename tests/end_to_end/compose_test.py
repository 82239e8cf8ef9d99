"""deploy/compose without containers: its own command lines and its own nginx.conf, as processes on the loopback, are three
servers over a three-member etcd behind a balancer that does what docs/replicas.md says."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import pytest
import yaml

from server import Server, wait_for

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/compose"
COMPOSE = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
SERVERS = sorted(name for name in SERVICES if name.startswith("locks-"))
ETCDS = sorted(name for name in SERVICES if name.startswith("etcd-"))
CREDENTIALS = ("ci", "of the test")


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Topology:
    """What docker compose would start. Names of services become addresses of the loopback."""

    def __init__(self, folder):
        self.folder = folder
        ports = iter(free_ports(2 * len(ETCDS) + len(SERVERS) + 1))
        self.address = {f"{name}:{port}": f"127.0.0.1:{next(ports)}" for name in ETCDS for port in (2379, 2380)}
        self.address |= {f"{name}:3000": f"127.0.0.1:{next(ports)}" for name in SERVERS}
        self.port = next(ports)
        self.processes = {}
        self.servers = {}

    def here(self, text):
        for name, address in self.address.items():
            text = text.replace(name, address)
        return text

    def spawn(self, name, command, **options):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                    cwd=self.folder, **options)

    def start_etcd(self, name):
        command = []
        for word in SERVICES[name]["command"]:
            word = word.replace("0.0.0.0", name).replace("/etcd-data", str(self.folder / name))
            command.append(self.here(word))
        self.spawn(name, command, env={"PATH": os.environ["PATH"]})

    def start_server(self, name):
        service = SERVICES[name]
        assert service["environment"] == {"AUTH_USER": "${AUTH_USER:?}", "AUTH_PASS": "${AUTH_PASS:?}", "PORT": "3000",
                                          "LOCKER_CONFIG": ""}
        port = self.address[f"{name}:3000"].rpartition(":")[2]
        server = Server(self.folder / name, config="", args=[self.here(word) for word in service["command"]],
                        credentials=CREDENTIALS, port=port)
        self.servers[name] = server.start()

    def nginx_command(self, *more):
        """The file as it is, but for addresses and for where it keeps its own files."""
        text = self.here((FOLDER / "nginx.conf").read_text())
        text = text.replace("listen 3000;", f"listen 127.0.0.1:{self.port};")
        own = "".join(f"    {kind}_temp_path {self.folder}/{kind};\n"
                      for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = text.replace("http {\n", "http {\n" + own, 1)
        path = self.folder / "nginx.conf"
        path.write_text(f"pid {self.folder}/nginx.pid;\nerror_log stderr notice;\ndaemon off;\n" + text)
        return ["/usr/sbin/nginx", "-p", str(self.folder), "-c", str(path), *more]

    def start_nginx(self):
        self.spawn("nginx", self.nginx_command())

    def __enter__(self):
        try:
            for name in ETCDS:
                self.start_etcd(name)
            for name in SERVERS:
                self.start_server(name)
            self.start_nginx()
            wait_for(lambda: self.ready(), "the balancer to lead to a server")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.end()
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(60)

    def ready(self):
        with contextlib.suppress(OSError):
            return self.request("GET", "/ready").status == 200
        return False

    def request(self, method, path, body=None):
        """Through the balancer."""
        front = Server.__new__(Server)
        front.port, front.arguments, front.environment, front.credentials = self.port, [], {}, CREDENTIALS
        return front.request(method, path, body)


@pytest.fixture(scope="module")
def topology(tmp_path_factory):
    with Topology(tmp_path_factory.mktemp("compose")) as started:
        yield started


def test_nginx_takes_the_file(topology):
    done = subprocess.run(topology.nginx_command("-t"), capture_output=True, text=True)
    assert done.returncode == 0 and "test is successful" in done.stderr, done.stderr
    assert "warn" not in done.stderr, done.stderr


class Dropper:
    """Takes a request and goes away without an answer, as a server does that is killed at that moment."""

    def __init__(self):
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                if line := connection.makefile("rb").readline():
                    self.requests.append(line.split()[0].decode())


@pytest.mark.parametrize("method, times", [("GET", 3), ("PUT", 1), ("DELETE", 1), ("POST", 1)])
def test_the_balancer_repeats_what_reads_and_never_what_changes(tmp_path, method, times):
    droppers = [Dropper() for _ in SERVERS]
    cut = Topology(tmp_path)
    cut.address = {f"{name}:3000": f"127.0.0.1:{dropper.port}" for name, dropper in zip(SERVERS, droppers)}
    cut.start_nginx()
    try:
        wait_for(lambda: listens(cut.port), "nginx to listen")
        assert cut.request(method, "/lock/prod", None if method == "GET" else b'{"key":"k"}').status == 502
        assert [line for dropper in droppers for line in dropper.requests] == [method] * times
    finally:
        cut.__exit__()
        for dropper in droppers:
            dropper.listener.close()


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


def test_the_services_belong_together():
    assert len(ETCDS) == len(SERVERS) == 3
    assert set(SERVICES) == {*ETCDS, *SERVERS, "balancer"}
    for name in SERVERS:
        store, = [word for word in SERVICES[name]["command"] if word.startswith("--store=etcd://")]
        assert re.findall(r"(etcd-\d):2379", store) == ETCDS
        assert list(SERVICES[name]["depends_on"]) == ETCDS
    for name in ETCDS:
        assert SERVICES[name]["volumes"] == [f"{name}:/etcd-data"] and name in COMPOSE["volumes"]
        cluster, = [word for word in SERVICES[name]["command"] if word.startswith("--initial-cluster=")]
        assert re.findall(r"(etcd-\d)=http://\1:2380", cluster) == ETCDS
    assert re.findall(r"server (locks-\d):3000", (FOLDER / "nginx.conf").read_text()) == SERVERS


def wanted(key, claim, wait):
    return f'{{"key":"{key}","claim":"{claim}","request":"r","wait":"{wait}"}}'.encode()


def test_a_waiter_at_one_server_is_granted_by_a_release_at_another(topology):
    first, second, third = topology.servers.values()
    assert first.request("PUT", "/lock/handed", b'{"key":"k"}').status == 200
    answers = []
    poll = threading.Thread(target=lambda: answers.append(second.request("PUT", "/lock/handed", wanted("w", "w", "60s"))))
    poll.start()
    wait_for(lambda: b'"claim":"w"' in third.request("GET", "/lock/handed").body, "the waiter to be queued")
    assert third.request("DELETE", "/lock/handed", b'{"key":"k"}').status == 200
    poll.join(60)
    assert [answer.status for answer in answers] == [200]


def test_what_one_server_has_acknowledged_every_other_one_knows(topology):
    for number in range(30):
        assert topology.request("PUT", f"/lock/seen-{number}", b'{"key":"k"}').status == 200
        assert topology.request("PUT", f"/lock/seen-{number}", b'{"key":"other"}').status == 423
        assert topology.request("DELETE", f"/lock/seen-{number}", b'{"key":"k"}').status == 200


def test_the_loss_of_a_server_and_of_a_member_is_hardly_noticed(topology):
    """Reads go to another server; a change fails once at most, and is not carried out twice."""
    assert topology.request("PUT", "/lock/kept", wanted("k", "c", "0s")).status == 200
    lost = SERVERS[1]
    topology.servers[lost].kill()
    member = topology.processes[ETCDS[2]]
    member.kill()
    member.wait(60)
    # All servers may have worked with that member; whom nginx saw fail, it leaves out for two seconds.
    wait_for(lambda: topology.request("GET", "/lock/kept").status == 200, "the service to go on", patience=5)
    for _ in range(12):
        assert topology.request("GET", "/lock/kept").status == 200
    statuses = [topology.request("PUT", "/lock/counted", b'{"key":"k"}').status for _ in range(12)]
    assert set(statuses) <= {200, 502} and statuses.count(502) <= 2, statuses
    assert f'"count":{statuses.count(200)},' in topology.request("GET", "/lock/counted").text
    # Both come back.
    topology.start_etcd(ETCDS[2])
    topology.start_server(lost)
    assert b'"claim":"c"' in topology.servers[lost].request("GET", "/lock/kept").body


def test_a_rolling_restart_loses_no_waiter(topology):
    assert topology.request("PUT", "/lock/rolling", b'{"key":"k"}').status == 200
    for claim in ("first", "second"):
        assert topology.request("PUT", "/lock/rolling", wanted(claim, claim, "0s")).status == 423
    for name in SERVERS:
        assert topology.servers[name].stop() == 0
        topology.start_server(name)
    assert topology.servers[SERVERS[0]].request("DELETE", "/lock/rolling", b'{"key":"k"}').status == 200
    assert topology.servers[SERVERS[1]].request("PUT", "/lock/rolling", wanted("second", "second", "0s")).status == 423
    assert topology.servers[SERVERS[2]].request("PUT", "/lock/rolling", wanted("first", "first", "0s")).status == 200
