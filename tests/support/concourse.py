"""Runs check, in and out as Concourse does: argv, cwd and environment as a container gets them, the payload as
compact JSON without a newline, pipes, SIGTERM to the process alone and SIGKILL 10 s later, the first JSON value of
stdout as the answer, stderr as the build log.

    build = Build("https://ci.example.com", pipeline="deploy", job="apply", name="12")
    locked = build.put(SOURCE, {"lock_op": "lock"}).must()
    locked.version, locked.metadata, locked.log

    step = build.start_put(SOURCE, {}, attempts=2, timeout=60, ensure=lambda: build.put(SOURCE, UNLOCK))
    step.wait_for_log("waiting for prod")
    step.abort()                       # or step.kill(): the worker died
    result = step.wait()               # and result.ensured is what `ensure` returned

    got = build.get(SOURCE, locked.version, name="lock").must()
    (got.folder / "lock.json").read_text()
    build.put(SOURCE, {"lock_op": "unlock", "from": "lock"})   # folders that params name are mounted, as `detect` does

    build.check(SOURCE, version=None).must().versions

The binaries are those of LOCKKEEPER_BIN, or with `runner=Image("lockkeeper-resource:test")` those of an image.
"""

import codecs
import collections.abc
import dataclasses
import decimal
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid

GRACE = 10.0  # seconds from SIGTERM to SIGKILL

_ids = itertools.count(4711)


# ---- what a verb reads and writes


def payload_bytes(payload):
    """As Go writes it: compact, names sorted, five characters escaped, numbers through a float64."""
    ordered = {name: _sorted(payload[name]) for name in ("source", "params", "version") if name in payload}
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, "\\u%04x" % ord(char))
    return text.encode("utf-8", "replace")


def _sorted(value):
    if isinstance(value, collections.abc.Mapping):
        return {name: _sorted(member) for name, member in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [_sorted(member) for member in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
        return int(decimal.Decimal(repr(number))) if number.is_integer() and abs(number) < 1e21 else number
    return value


class WrongAnswer(Exception):
    """Concourse fails the step, or shows nothing, for such an answer."""


def first_value(stdout):
    text = stdout.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise WrongAnswer("nothing on stdout")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except ValueError as error:
        raise WrongAnswer(f"stdout does not begin with JSON: {text[:200]!r}") from error


def _version(value):
    if not isinstance(value, dict) or not value or not all(isinstance(text, str) for text in value.values()):
        raise WrongAnswer(f"not a version, a map of strings: {value!r}")
    return value


def versions_of(stdout):
    value = first_value(stdout)
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrongAnswer(f"check answers with a list: {value!r}")
    return [_version(version) for version in value]


def version_and_metadata_of(stdout):
    value = first_value(stdout)
    if not isinstance(value, dict) or "version" not in value:
        raise WrongAnswer(f"no version: {value!r}")
    rows = value.get("metadata") or []
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and set(row) == {"name", "value"} and all(isinstance(text, str) for text in row.values())
        for row in rows
    ):
        raise WrongAnswer(f"metadata is a list of names and values, all strings: {rows!r}")
    return _version(value["version"]), {row["name"]: row["value"] for row in rows}


# ---- where verbs run


class Local:
    """The binaries of a folder, LOCKKEEPER_BIN unless told otherwise."""

    def __init__(self, folder=None):
        self.folder = pathlib.Path(folder or os.environ["LOCKKEEPER_BIN"])

    def start(self, verb, folder, environment):
        command = [str(self.folder / verb)] + ([str(folder)] if folder else [])
        process = _popen(command, environment, cwd="/")
        return _Run(process, process.send_signal)


class Image:
    """The verbs of an image, through a Docker engine. `environment` is docker's own: DOCKER_HOST and such."""

    def __init__(self, image, environment=None):
        self.image = image
        self.environment = dict(os.environ) | (environment or {})

    def start(self, verb, folder, environment):
        name = f"lockkeeper-verb-{uuid.uuid4().hex[:12]}"
        command = ["docker", "run", "--rm", "-i", "--init", "--name", name, "--network", "host"]
        command += ["--user", "0", "--workdir", "/", "--entrypoint", f"/opt/resource/{verb}"]
        inside = f"/tmp/build/{'get' if verb == 'in' else 'put'}"
        if folder:
            command += ["--volume", f"{folder}:{inside}"]
        for variable in environment.items():
            command += ["--env", "=".join(variable)]
        process = _popen([*command, self.image] + ([inside] if folder else []), self.environment)

        def send(number):
            # `docker run` hands signals on only while it is alive and attached: ask the engine itself.
            for _ in range(200):  # the container may not have begun yet
                done = subprocess.run(["docker", "kill", "--signal", str(int(number)), name], env=self.environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                if done.returncode == 0 or process.poll() is not None:
                    return
                time.sleep(0.05)

        return _Run(process, send)


def _popen(command, environment, cwd=None):
    # A group of its own, so that a signal to the tests does not reach it; ours go to the process alone.
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment, cwd=cwd, start_new_session=True)


class _Run:
    def __init__(self, process, send):
        self.process = process
        self.send = send


# ---- steps


@dataclasses.dataclass
class Result:
    verb: str
    status: str = "running"  # succeeded, failed, aborted
    exit_code: int | None = None  # of the last attempt; negative: the signal that ended it
    version: dict | None = None
    versions: list | None = None  # of check
    metadata: dict = dataclasses.field(default_factory=dict)
    log: str = ""
    stdout: bytes = b""
    fault: str = ""  # why exit 0 was not enough
    attempts: int = 0
    timed_out: bool = False
    killed: bool = False  # SIGKILL was needed after SIGTERM
    seconds: float = 0  # of the last attempt, start to exit
    seconds_to_end: float | None = None  # from SIGTERM to exit
    folder: pathlib.Path | None = None
    got: "Result | None" = None  # the implicit get after a put
    ensured: object = None

    @property
    def succeeded(self):
        return self.status == "succeeded"

    def must(self):
        assert self.succeeded, self.describe()
        return self

    def must_fail(self):
        assert self.status == "failed" and not self.fault, self.describe()
        return self

    def describe(self):
        return (f"{self.verb} {self.status}, exit {self.exit_code}, after {self.seconds:.1f} s; {self.fault}\n"
                f"--- stdout\n{self.stdout.decode('utf-8', 'replace')}\n--- log\n{self.log}")


class Step:
    """A verb under way, with its attempts and its ensure. Made by Build; any thread may ask it."""

    def __init__(self, verb, start, payload, attempts=1, timeout=None, ensure=None, after=None):
        self._verb = verb
        self._start = start  # () -> (folder, _Run)
        self._payload = payload_bytes(payload)
        self._attempts = attempts
        self._timeout = timeout
        self._ensure = ensure
        self._after = after  # what Concourse does with a success: the implicit get
        self._changed = threading.Condition()
        self._log = ""
        self._run = None
        self._aborted = self._worker_died = False
        self._over = False  # the last attempt and all that follows it
        self._ending = None  # when SIGTERM was sent
        self._result = Result(verb)
        self._error = None
        self._thread = threading.Thread(target=self._drive, daemon=True)
        self._thread.start()

    @property
    def log(self):
        with self._changed:
            return self._log

    @property
    def lines(self):
        return self.log.splitlines()

    @property
    def running(self):
        return self._thread.is_alive()

    @property
    def pid(self):
        with self._changed:
            self._changed.wait_for(lambda: self._run is not None or self._over, 30)
            return self._run.process.pid

    def wait_for_log(self, text, timeout=30):
        """The first line that has it; waits for it as long as the step runs."""
        found = []

        def seen():
            found[:] = [line for line in self._log.splitlines() if text in line]
            return found or self._over

        with self._changed:
            self._changed.wait_for(seen, timeout)
            assert found, f"no {text!r} in the log of {self._verb}, which is {self._result.status}:\n{self._log}"
            return found[0]

    def wait(self, timeout=120):
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"{self._verb} still runs after {timeout} s:\n{self.log}")
        if self._error:
            raise self._error
        return self._result

    def abort(self):
        """As a person who aborts the build. Returns at once; SIGKILL follows by itself."""
        with self._changed:
            self._aborted = True
            run = self._run
        if run:
            self._end(run)
        return self

    def kill(self):
        """SIGKILL without a word before, as when the worker dies. Counts as a failed attempt."""
        with self._changed:
            self._changed.wait_for(lambda: self._run is not None or self._over, 30)
            self._worker_died = True
            run = self._run
        if run:
            run.send(signal.SIGKILL)
        return self

    def freeze(self):
        """SIGSTOP, as when the worker is lost and nobody knows whether it comes back."""
        self._run.send(signal.SIGSTOP)

    def thaw(self):
        self._run.send(signal.SIGCONT)

    # ---- on the step's own thread

    def _drive(self):
        try:
            for attempt in range(1, self._attempts + 1):
                self._attempt(attempt)
                if self._result.status != "failed" or self._result.timed_out:
                    break
            if self._result.succeeded and self._after:
                self._after(self._result)
            if self._ensure:
                self._result.ensured = self._ensure()
        except Exception as error:  # pylint: disable=broad-except
            self._error = error
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _attempt(self, number):
        began = time.monotonic()
        folder, run = self._start()
        with self._changed:
            self._run, self._ending = run, None
            self._changed.notify_all()
            aborted = self._aborted
        if aborted:
            self._end(run)
        watch = None
        if self._timeout is not None:
            watch = threading.Timer(self._timeout, self._time_out, [run])
            watch.daemon = True
            watch.start()
        process, stdout = run.process, []
        readers = [threading.Thread(target=lambda: stdout.append(process.stdout.read())),
                   threading.Thread(target=self._read_log, args=(process.stderr,))]
        for reader in readers:
            reader.start()
        try:
            process.stdin.write(self._payload)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it need not read its input
        code = process.wait()
        ended = time.monotonic()
        for reader in readers:  # a child that holds stderr delays the step
            reader.join()
        process.stdout.close()
        process.stderr.close()
        if watch:
            watch.cancel()
        self._judge(Result(self._verb, exit_code=code, stdout=stdout[0], folder=folder, attempts=number,
                           seconds=ended - began, timed_out=self._result.timed_out, killed=self._result.killed,
                           seconds_to_end=ended - self._ending if self._ending else None))

    def _judge(self, result):
        if self._aborted:
            result.status = "aborted"  # an answer given after SIGTERM is discarded
        elif result.exit_code != 0 or result.timed_out:
            result.status = "failed"
        else:
            try:
                if self._verb == "check":
                    result.versions = versions_of(result.stdout)
                else:
                    result.version, result.metadata = version_and_metadata_of(result.stdout)
                result.status = "succeeded"
            except WrongAnswer as error:
                result.status, result.fault = "failed", str(error)
        with self._changed:
            result.log = self._log
            self._run = None
            self._result = result
            self._changed.notify_all()

    def _read_log(self, stream):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while True:
            chunk = stream.read1(65536)
            with self._changed:
                self._log += decoder.decode(chunk, final=not chunk)
                self._changed.notify_all()
            if not chunk:
                return

    def _time_out(self, run):
        self._result.timed_out = True
        self._end(run)

    def _end(self, run):
        def kill():
            self._result.killed = True
            run.send(signal.SIGKILL)

        def send():
            run.send(signal.SIGTERM)
            timer = threading.Timer(GRACE, lambda: run.process.poll() is None and kill())
            timer.daemon = True
            timer.start()

        with self._changed:
            self._ending = time.monotonic()
        threading.Thread(target=send, daemon=True).start()


# ---- builds


class Build:
    """One build. pipeline=None and job=None: a one-off build, as of `fly execute`."""

    def __init__(self, concourse="https://ci.example.com", team="main", pipeline="deploy", job="job", name="12",
                 id=None, instance_vars=None, runner=None, environment=None):  # pylint: disable=redefined-builtin
        self.concourse, self.team, self.pipeline, self.job = concourse, team, pipeline, job
        self.id = str(id if id is not None else next(_ids))
        self.name = str(name) if job else self.id
        self.instance_vars = instance_vars
        self.runner = runner or Local()
        self.extra = dict(environment or {})  # proxies, which a worker sets
        self.artifacts = {}
        self._folders = tempfile.TemporaryDirectory(prefix="build-")

    @property
    def url(self):
        if not self.job:
            return f"{self.concourse}/builds/{self.id}"
        query = ""
        if self.instance_vars:
            query = "?" + "&".join(f"vars.{name}={urllib.parse.quote(json.dumps(value))}"
                                   for name, value in sorted(self.instance_vars.items()))
        path = f"teams/{self.team}/pipelines/{self.pipeline}/jobs/{self.job}/builds/{self.name}"
        return f"{self.concourse}/{path}{query}"

    def environment(self, status=None):
        variables = {"BUILD_ID": self.id, "BUILD_NAME": self.name, "BUILD_TEAM_ID": "1", "BUILD_TEAM_NAME": self.team,
                     "BUILD_URL": self.url, "BUILD_URL_SHORT": f"{self.concourse}/builds/{self.id}",
                     "ATC_EXTERNAL_URL": self.concourse}
        if self.job:
            variables |= {"BUILD_JOB_ID": "3", "BUILD_JOB_NAME": self.job, "BUILD_PIPELINE_ID": "2",
                          "BUILD_PIPELINE_NAME": self.pipeline}
            if self.instance_vars:
                variables["BUILD_PIPELINE_INSTANCE_VARS"] = json.dumps(self.instance_vars, separators=(",", ":"))
        if status:
            variables["BUILD_STATUS"] = status
        return variables | self.extra

    # The waiting variants take the same arguments as the starting ones.

    def put(self, *arguments, **options):
        return self.start_put(*arguments, **options).wait()

    def get(self, *arguments, **options):
        return self.start_get(*arguments, **options).wait()

    def check(self, *arguments, **options):
        return self.start_check(*arguments, **options).wait()

    def start_put(self, source, params=None, attempts=1, timeout=None, ensure=None, no_get=True, get_params=None,
                  status=None):
        """`status`: BUILD_STATUS, as in an on_* hook. no_get=False: the implicit get follows, into result.got."""
        after = None
        if not no_get:
            def after(result):
                result.got = self.get(source, result.version, get_params, status="succeeded")
                if not result.got.succeeded:
                    result.status, result.fault = "failed", "the implicit get failed"

        def start():
            folder = self._new_folder()
            for name in sorted(_first_segments(params) & set(self.artifacts)):
                shutil.copytree(self.artifacts[name], folder / name)
            return folder, self.runner.start("out", folder, self.environment(status))

        payload = _payload(source, params=params)
        return Step("out", start, payload, attempts, timeout, ensure, after)

    def start_get(self, source, version, params=None, name=None, attempts=1, timeout=None, status=None):
        """`name`: the artifact that later steps may name."""
        def start():
            folder = self._new_folder()
            if name:
                self.artifacts[name] = folder
            return folder, self.runner.start("in", folder, self.environment(status))

        return Step("in", start, _payload(source, params=params, version=version), attempts, timeout)

    def start_check(self, source, version=None, timeout=None):
        def start():
            return None, self.runner.start("check", None, {"BUILD_NAME": "check"} | self.extra)

        return Step("check", start, _payload(source, version=version), timeout=timeout)

    def _new_folder(self):
        return pathlib.Path(tempfile.mkdtemp(dir=self._folders.name))


def _payload(source, **rest):
    return {"source": source} | {name: value for name, value in rest.items() if value is not None}


def _first_segments(value):
    """What `inputs: detect` mounts: the first path segment of every string in params."""
    if isinstance(value, str):
        return {value.removeprefix("./").split("/")[0]}
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_first_segments, members))
