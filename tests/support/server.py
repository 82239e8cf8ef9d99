"""The real server in a directory of its own, on a free loopback port.

    with Server(tmp_path) as server:
        server.request("PUT", "/lock/prod", b'{"key":"k"}')

Everything is stopped by its own process id.
"""

import base64
import http.client
import os
import pathlib
import select
import signal
import ssl
import subprocess
import time

BINARY = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")) / "lockkeeper"
PATIENCE = 60  # seconds, for what takes milliseconds on an idle machine


def wait_for(condition, what, patience=PATIENCE):
    """Returns the first true value of condition(); never sleeps for long."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {patience} s in vain: {what}"
        time.sleep(0.01)


def is_full(pipe):
    """Whether the next one who writes to it has to wait for a reader."""
    return not select.select([], [pipe], [], 0)[1]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()


class Asked:
    """What answers at `port`, with `tls` or without; `credentials` and `ca` are what its clients need."""

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def connect(self, timeout=30):
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.ca))
            return http.client.HTTPSConnection("localhost", self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, credentials="own", connection=None):
        headers = dict(headers or {})
        if credentials == "own":
            credentials = self.credentials
        if credentials:
            token = base64.b64encode(":".join(credentials).encode()).decode()
            headers["Authorization"] = "Basic " + token
        one = connection or self.connect()
        try:
            one.request(method, path, body=body, headers=headers)
            return Answer(one.getresponse())
        finally:
            if connection is None:
                one.close()


class Server(Asked):
    """config: LOCKER_CONFIG. store: the path of a database instead of it; store_url: a --store, in the environment since
    it may be secret. args: further flags. wrapper: a command that becomes the server."""

    def __init__(self, directory, *, config="locks.json", store=None, store_url=None, args=(), environment=None,
                 credentials=None, port=0, ca=None, wrapper=()):
        self.directory = pathlib.Path(directory)
        self.command = [*wrapper, str(BINARY)]
        self.arguments = list(args)
        self.environment = {"PATH": os.environ.get("PATH", ""), "PORT": str(port)}
        # A sanitizer's settings come along.
        self.environment |= {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
        if "LOCKKEEPER_SANITIZED" in os.environ:
            self.environment["LOCKKEEPER_IO_THREADS"] = "3"  # races need somebody to race with, also on two cores
        if store_url is not None:
            self.environment["LOCKKEEPER_STORE"] = store_url
        elif store is not None:
            self.arguments += ["--store", f"sqlite:{store}"]
        elif config is not None:
            self.environment["LOCKER_CONFIG"] = str(config)
        self.environment |= environment or {}
        self.credentials = credentials
        if credentials:
            self.environment |= {"AUTH_USER": credentials[0], "AUTH_PASS": credentials[1]}
        self.ca = ca
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.port = None
        self.door_ports = {}  # of those with an address of their own: --door NAME=127.0.0.1:0
        self.log_path = self.directory / "server.log"

    # ---- its life

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    def spawn(self, log):
        """Without waiting for it; `log` is an open file."""
        (self.directory / "port").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*self.command, "--port-file", "port", *self.arguments],
            cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, log=None):
        """Returns when it answers. `log`: an open file instead of server.log."""
        with open(self.log_path, "ab") as own:
            self.spawn(log or own)
        try:
            wait_for(self._look_for_port, f"{BINARY} to listen\n{self.log}")
            wait_for(lambda: self.is_ready(), f"{BINARY} to be ready\n{self.log}")
        except BaseException:
            self.end()
            raise
        return self

    def start_expecting_failure(self):
        """The whole life of a server that ends by itself: returncode, stdout, stderr."""
        return subprocess.run([*self.command, *self.arguments], cwd=self.directory, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)

    def _look_for_port(self):
        assert self.process.poll() is None, f"the server ended with {self.process.returncode}\n{self.log}"
        path = self.directory / "port"
        if not path.exists():
            return False
        first, *doors = path.read_text().splitlines()
        self.port = int(first)
        self.door_ports = {name: int(port) for name, port in map(str.split, doors)}
        return True

    def is_ready(self):
        try:
            return self.request("GET", "/ready", credentials=None).status == 200
        except OSError:
            return False

    def signal(self, number):
        """After SIGSTOP it does nothing any more: a busy machine takes its time to stop all of its threads."""
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
            wait_for(lambda: all(task.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
                                 for task in tasks.iterdir()), "it to stand still")

    def wait(self, patience=PATIENCE):
        return self.process.wait(patience)

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        return self.wait()

    def end(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    # ---- what it does

    @property
    def servers(self):
        return [self]  # as of what is more than one: replicas.Service

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def memory(self):
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def open_sockets(self):
        """Established TCP connections at the server's end."""
        count = 0
        for table in ("tcp", "tcp6"):
            for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state = line.split()[:4]
                count += state == "01" and int(local.rsplit(":", 1)[1], 16) == self.port
        return count

    @property
    def tls(self):
        return "SSL_CERT" in self.environment or any(each.startswith("--ssl-cert") for each in self.arguments)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
