"""etcd, one member or several, for tests. See with_store.py for what a RealStore does.

    with RealStore(folder, members=3) as etcd:
        etcd.kill_member(etcd.leader())
"""

import base64
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

PATIENCE = 60  # seconds


def free_ports(number):
    """Ports that nobody listens on, none of them twice."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Member:
    def __init__(self, number, folder, client_port, peer_port):
        self.name = f"m{number}"
        self.folder = folder / self.name
        self.client_port = client_port
        self.peer_port = peer_port
        self.process = None

    def signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class RealStore:
    """members: how many. args: further flags of each. tls: {"ca", "cert", "key"}, files that its clients' side
    uses, and certificates asked of clients. user: (name, password), who may do everything once authenticate() has
    been called."""

    environment = {}

    def __init__(self, folder, members=1, args=(), tls=None, user=None):
        self.folder = pathlib.Path(folder)
        self.args = list(args)
        self.tls = tls
        self.user = user
        ports = free_ports(2 * members)
        self.members = [Member(i, self.folder, ports[2 * i], ports[2 * i + 1]) for i in range(members)]

    # ---- its life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        for i in range(len(self.members)):
            self.start_member(i, wait=False)
        self.wait_until_healthy()
        return self

    def start_member(self, number, wait=True):
        member = self.members[number]
        scheme = "https" if self.tls else "http"
        client = f"{scheme}://127.0.0.1:{member.client_port}"
        peer = f"http://127.0.0.1:{member.peer_port}"
        cluster = ",".join(f"{each.name}=http://127.0.0.1:{each.peer_port}" for each in self.members)
        command = ["/usr/bin/etcd", "--name", member.name, "--data-dir", str(member.folder),
                   "--listen-client-urls", client, "--advertise-client-urls", client,
                   "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                   "--initial-cluster", cluster, "--initial-cluster-token", self.folder.name, *self.args]
        if self.tls:
            command += ["--cert-file", str(self.tls["cert"]), "--key-file", str(self.tls["key"]),
                        "--trusted-ca-file", str(self.tls["ca"]), "--client-cert-auth"]
        with open(self.folder / f"{member.name}.log", "ab") as log:
            member.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                              env={"PATH": os.environ.get("PATH", "")})
        if wait:
            self.wait_until_healthy()

    def wait_until_healthy(self):
        end = time.monotonic() + PATIENCE
        while True:
            answer = self.ctl("endpoint", "health", check=False)
            if answer.returncode == 0:
                return
            for each in self.members:
                if each.process is not None and each.process.poll() is not None:
                    log = (self.folder / f"{each.name}.log").read_text(errors="replace")
                    raise AssertionError(f"etcd {each.name} ended with {each.process.returncode}\n{log[-4000:]}")
            assert time.monotonic() < end, f"etcd is not healthy:\n{answer.stderr}"

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, number):
        for each in self.members:
            each.signal(signal.SIGCONT)
            each.signal(number)
        for each in self.members:
            if each.process is not None:
                each.process.wait(PATIENCE)

    def freeze(self):
        for each in self.members:
            each.signal(signal.SIGSTOP)

    def thaw(self):
        for each in self.members:
            each.signal(signal.SIGCONT)

    def kill_member(self, number):
        self.members[number].signal(signal.SIGKILL)
        self.members[number].process.wait(PATIENCE)

    def freeze_member(self, number):
        self.members[number].signal(signal.SIGSTOP)

    def thaw_member(self, number):
        self.members[number].signal(signal.SIGCONT)

    # ---- where it is

    @property
    def port(self):
        return self.members[0].client_port

    def url(self, place, port=None, account="", options=""):
        hosts = f"127.0.0.1:{port}" if port else ",".join(f"127.0.0.1:{each.client_port}" for each in self.members)
        return f"etcd://{account}{hosts}/{place}{options}"

    # ---- what its operator does

    def ctl(self, *command, members=None, check=True, timeout=PATIENCE, user=None, stdin=None):
        """etcdctl, to all members or to those given."""
        scheme = "https" if self.tls else "http"
        chosen = self.members if members is None else [self.members[i] for i in members]
        endpoints = ",".join(f"{scheme}://127.0.0.1:{each.client_port}" for each in chosen)
        full = ["/usr/bin/etcdctl", "--endpoints", endpoints]
        if self.tls:
            full += ["--cacert", str(self.tls["ca"]), "--cert", str(self.tls["cert"]), "--key", str(self.tls["key"])]
        if user:
            full += ["--user", ":".join(user)]
        return subprocess.run([*full, *command], capture_output=True, text=True, check=check, timeout=timeout, input=stdin,
                              env={"PATH": os.environ.get("PATH", ""), "ETCDCTL_API": "3"})

    def status(self, members=None, user=None):
        answer = self.ctl("endpoint", "status", "-w", "json", members=members, check=False, user=user)
        return [each["Status"] for each in json.loads(answer.stdout)] if answer.stdout.strip() else []

    def leader(self):
        """The number of the member that leads."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for i, member in enumerate(self.members):
                if member.process.poll() is not None:
                    continue
                for each in self.status([i]):
                    if each["leader"] == each["header"]["member_id"]:
                        return i
        raise AssertionError("nobody leads")

    def revision(self, user=None):
        return max(each["header"]["revision"] for each in self.status(user=user))

    def compact(self, user=None):
        """Forgets all but the newest revision; which that was."""
        revision = self.revision(user)
        self.ctl("compact", "--physical", str(revision), user=user)
        return revision

    def copy(self, key, others):
        """What lies at that key also at others; keys as etcdctl's txn takes them between quotes."""
        # A zero byte cannot be an argument: what begins so is asked for instead.
        found = json.loads(self.ctl("get", "--prefix", key.split("\\x00")[0], "-w", "json").stdout)["kvs"]
        wanted = key.replace("\\x00", "\0")
        value = next(base64.b64decode(each["value"]).decode() for each in found
                     if base64.b64decode(each["key"]).decode() == wanted)
        quoted = json.dumps(value)
        for first in range(0, len(others), 120):
            puts = "".join(f'put "{each}" {quoted}\n' for each in others[first:first + 120])
            self.ctl("txn", stdin=f"\n{puts}\n\n")

    def authenticate(self):
        """From here on only `user` may do anything."""
        name, password = self.user
        self.ctl("user", "add", f"{name}:{password}")
        self.ctl("role", "add", "root", check=False)
        if name != "root":
            self.ctl("user", "add", "root:root of the test")
            self.ctl("role", "add", "everything")
            self.ctl("role", "grant-permission", "everything", "--prefix=true", "readwrite", "")
            self.ctl("user", "grant-role", name, "everything")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("auth", "enable")
