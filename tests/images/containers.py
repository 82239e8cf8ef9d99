"""A Docker engine, our three images and their containers, as the tests of the images see them."""

import contextlib
import io
import json
import os
import pathlib
import shlex
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = "lockkeeper-server:test"
SERVER_GRPC = "lockkeeper-grpc:test"
RESOURCE = "lockkeeper-resource:test"
_ROOTS = "lockkeeper-roots:test"  # the stage before both; its name keeps the builder's layers
PORT = 3000

# An `http_proxy` of this machine's must not come between the tests and a container.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Engine:
    """The engine that script/engine makes sure of. Commands raise CalledProcessError unless check=False."""

    def __init__(self, environment):
        self.environment = environment

    @staticmethod
    @contextlib.contextmanager
    def running():
        """Starts one where none answers; what was started here ends here."""
        found = _engine_host()
        start = subprocess.run([ROOT / "script/engine", "start"], check=True, stdout=subprocess.PIPE, text=True)
        try:
            # The legacy builder, since every engine has it and the Dockerfile promises to need no other.
            yield Engine({**os.environ, **_exports(start.stdout), "DOCKER_BUILDKIT": "0"})
        finally:
            if start.stdout and not found:
                subprocess.run([ROOT / "script/engine", "stop"], check=True)

    def docker(self, *arguments, check=True, timeout=60, stdin=None):
        done = subprocess.run(["docker", *map(str, arguments)], env=self.environment, input=stdin, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}")
        return done

    def start_docker(self, *arguments, stderr):
        """The same without waiting for it: a Popen with pipes, but for stderr, which goes into a file."""
        return subprocess.Popen(["docker", *map(str, arguments)], env=self.environment,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)

    def build_images(self):
        """Builds all images, or finds them built; returns their ids. Forgets what older builds left behind."""
        subprocess.run([ROOT / "script/base-image"], check=True, env=self.environment)
        ids = {tag: self.build(tag, target)
               for tag, target in ((_ROOTS, "roots"), (SERVER, "server"), (SERVER_GRPC, "server-grpc"),
                                   (RESOURCE, "resource"))}
        for title in ("lockkeeper-builder", "lockkeeper", "lockkeeper-grpc", "lockkeeper-resource"):
            self.docker("image", "prune", "--force", "--filter", f"label=org.opencontainers.image.title={title}")
        return {tag: ids[tag] for tag in (SERVER, SERVER_GRPC, RESOURCE)}

    def build(self, tag, target, timeout=2400):
        """Builds a target of the Dockerfile; returns the image's id."""
        # `host`: an engine of our own has no other network, and a proxy may listen on this machine's loopback.
        proxies = [option for name in ("http_proxy", "https_proxy", "no_proxy")
                   if name in os.environ or name.upper() in os.environ
                   for option in ("--build-arg", f"{name}={os.environ.get(name) or os.environ[name.upper()]}")]
        done = self.docker("build", "--network", "host", *proxies, "--target", target, "--tag", tag, ROOT,
                           check=False, timeout=timeout)
        assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
        return self.inspect(tag)["Id"]

    def inspect(self, what):
        return json.loads(self.docker("inspect", what).stdout)[0]

    def files(self, image):
        """All files of an image: path to (TarInfo, content or None)."""
        container = self.docker("create", "--network", "none", image, "/none").stdout.strip()
        try:
            exported = subprocess.run(["docker", "export", container], env=self.environment, check=True,
                                      stdout=subprocess.PIPE, timeout=120).stdout
        finally:
            self.docker("rm", "--force", "--volumes", container)
        with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
            return {"/" + member.name: (member, tar.extractfile(member).read() if member.isreg() else None)
                    for member in tar}


class House:
    """One network with containers in it that see each other by name, and this process sees by address."""

    def __init__(self, engine, name):
        self.engine = engine
        self.name = name
        self._containers = []
        self._volumes = []
        self.engine.docker("network", "create", "--internal", name)

    def close(self):
        if self._containers:
            self.engine.docker("rm", "--force", "--volumes", *self._containers, check=False)
        if self._volumes:
            self.engine.docker("volume", "rm", "--force", *self._volumes, check=False)
        self.engine.docker("network", "rm", self.name, check=False)

    def container_name(self, base):
        name = f"{self.name}-{base}-{len(self._containers)}"
        self._containers.append(name)
        return name

    def volume(self):
        name = f"{self.name}-{len(self._volumes)}"
        self._volumes.append(name)
        self.engine.docker("volume", "create", name)
        return name

    def server(self, *arguments, alias="locks", options=(), image=SERVER):
        """Starts a server's image; `arguments` are the server's, `options` are docker's."""
        name = self.container_name("server")
        self.engine.docker("run", "--detach", "--name", name, "--network", self.name, "--network-alias", alias,
                           *options, image, *arguments)
        return Server(self.engine, name)

    def tool(self, program, *arguments, options=(), image=SERVER):
        """Runs another program of a server's image to its end."""
        name = self.container_name(program)
        return self.engine.docker("run", "--name", name, "--network", self.name, *options,
                                  "--entrypoint", f"/usr/bin/{program}", image, *arguments, check=False)

    def verb(self, verb, payload, *arguments, environment=None, folder=None):
        """Starts a verb as Concourse would, but in a container of its own; see Verb."""
        return Verb(self, verb, payload, arguments, environment or {}, folder)


class Server:
    """A container of the server's image."""

    def __init__(self, engine, name):
        self._engine = engine
        self.name = name

    @property
    def state(self):
        return self._engine.inspect(self.name)["State"]

    @property
    def log(self):
        done = self._engine.docker("logs", self.name)
        return done.stdout + done.stderr

    def listeners(self, pid=None):
        """The addresses, as the kernel writes them, that something in the container listens on at PORT."""
        found = []
        for table in ("tcp", "tcp6"):
            rows = pathlib.Path(f"/proc/{pid or self.state['Pid']}/net/{table}").read_text("ascii").splitlines()[1:]
            for row in rows:
                _, local, _, state, *_ = row.split()
                address, port = local.split(":")
                if state == "0A" and int(port, 16) == PORT:
                    found.append(address)
        return found

    def wait_until_it_listens(self, seconds=20):
        pid = self.state["Pid"]

        def look():
            try:
                return self.listeners(pid)
            except OSError:
                raise AssertionError(f"{self.name} ended with {self.state['ExitCode']}:\n{self.log}") from None
        return wait_for(look, seconds, lambda: f"nobody listens in {self.name}:\n{self.log}")

    @property
    def address(self):
        networks = self._engine.inspect(self.name)["NetworkSettings"]["Networks"].values()
        return next(iter(networks))["IPAddress"]

    def request(self, method, path, body=None, headers=None):
        """Returns status and parsed JSON; raises OSError where nobody answers."""
        request = urllib.request.Request(f"http://{self.address}:{PORT}{path}", method=method, headers=headers or {},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with _DIRECT.open(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as reply:
            return reply.code, json.loads(reply.read())

    def kill(self, signal):
        self._engine.docker("kill", "--signal", signal, self.name)

    def start(self):
        self._engine.docker("start", self.name)
        self.wait_until_it_listens()

    def wait(self, seconds):
        """Waits for its end; returns the exit code."""
        return int(self._engine.docker("wait", self.name, timeout=seconds).stdout)


class Verb:
    """A run of check, in or out in a container of the resource's image."""

    def __init__(self, house, verb, payload, arguments, environment, folder):
        self._engine = house.engine
        self.name = house.container_name(verb)
        # As Concourse: no ENTRYPOINT of the image, cwd /, root, pipes, a folder that root made.
        options = [option for name, value in environment.items() for option in ("--env", f"{name}={value}")]
        if folder:
            options += ["--volume", f"{folder}:{arguments[0]}"]
        self._log = tempfile.TemporaryFile()
        self._process = self._engine.start_docker(
            "run", "--interactive", "--name", self.name, "--network", house.name, "--workdir", "/", *options,
            "--entrypoint", f"/opt/resource/{verb}", RESOURCE, *arguments, stderr=self._log)
        self._process.stdin.write(json.dumps(payload, separators=(",", ":")).encode())
        self._process.stdin.close()
        self._process.stdin = None
        self.stdout = None

    @property
    def log(self):
        """What the build log would show by now."""
        return os.pread(self._log.fileno(), 1 << 20, 0).decode()

    def finish(self, seconds=30):
        """Returns the exit code; then stdout is there."""
        try:
            self.stdout, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._engine.docker("kill", self.name, check=False)
            self._process.communicate()
            raise AssertionError(f"{self.name} did not end in {seconds} s:\n{self.log}") from None
        return self._process.returncode

    def succeed(self, seconds=30):
        """Returns what it answered, parsed."""
        code = self.finish(seconds)
        assert code == 0, f"{self.name}: exit {code}\n{self.log}"
        return json.loads(self.stdout)

    def wait_for_log(self, text, seconds=20):
        wait_for(lambda: text in self.log, seconds, lambda: f"{self.name} never logged {text!r}, but:\n{self.log}")

    def terminate(self):
        self._engine.docker("kill", "--signal", "TERM", self.name)


def wait_for(condition, seconds, complaint):
    """Polls until the condition is true; returns what it returned."""
    deadline = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.02)
    return met


def _engine_host():
    return subprocess.run([ROOT / "script/engine", "host"], check=True, stdout=subprocess.PIPE, text=True).stdout


def _exports(lines):
    """`export NAME='value'` lines as a dict."""
    return dict(word.split("=", 1) for line in lines.splitlines() for word in shlex.split(line)[1:])
