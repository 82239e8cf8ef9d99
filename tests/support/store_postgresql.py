"""A real PostgreSQL of Debian's packages, in a folder of its own and on free ports of the loopback; with a synchronous
standby, and behind PgBouncer in transaction mode, where that is asked for."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
PATIENCE = 60  # seconds, for what takes one


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what}"
        time.sleep(0.02)


def family(pid):
    """A process and all that came from it."""
    parents = {}
    for each in pathlib.Path("/proc").iterdir():
        if each.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


class Process:
    """postgres or pgbouncer; neither runs as root."""

    def __init__(self, folder, command, log):
        self.command, self.log = [str(each) for each in command], log
        self.folder = folder
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          **unprivileged())

    def signal(self, number):
        self.child.send_signal(number)

    def end(self, number):
        if self.child is None or self.child.poll() is not None:
            return
        self.child.send_signal(number)
        self.child.wait(PATIENCE)

    def signal_all(self, number):
        if self.child is None or self.child.poll() is not None:
            return
        for pid in family(self.child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        if self.child is None or self.child.poll() is not None:
            return
        everybody = family(self.child.pid)
        for pid in everybody:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.wait(PATIENCE)
        wait_for(lambda: not any(alive(pid) for pid in everybody), "the processes of PostgreSQL to be gone")


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def unprivileged():
    """PostgreSQL does not run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


class RealStore:
    """with_store.py tells what every store of a test can do. Beyond that:

    standby     a second PostgreSQL that replicates synchronously; promote() makes it the primary
    pgbouncer   url() leads through it, port and direct_port are its and PostgreSQL's own
    data        a folder for PostgreSQL's data instead of one of its own
    settings    of postgresql.conf, beside those of the tests
    """

    user, password, database = "lockkeeper", "s3cret-of-the-store", "locks"
    environment = {}

    def __init__(self, folder, *, standby=False, pgbouncer=False, data=None, settings=None):
        del folder  # perhaps one that another user cannot enter
        self.with_standby, self.with_pgbouncer, self.data = standby, pgbouncer, data
        self.settings = {"max_connections": "400"} | (settings or {})
        self.folder = None
        self.primary = self.standby = self.bouncer = None
        self.direct_port = self.standby_port = self.bouncer_port = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        for process in (self.bouncer, self.standby, self.primary):
            if process is not None:
                process.kill()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- its life

    def start(self):
        if self.folder is None:
            try:
                self._make()
            except BaseException:
                self.__exit__()
                raise
            return self
        self.primary.start()
        self._wait(self.direct_port)
        if self.bouncer is not None and self.bouncer.child.poll() is not None:
            self.bouncer.start()
        return self

    def stop(self):
        self.primary.end(signal.SIGINT)  # "fast": ends the connections

    def kill(self):
        self.primary.kill()

    def freeze(self):
        self.primary.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.primary.signal_all(signal.SIGCONT)

    def promote(self):
        """The standby is the primary from here on, on its own port."""
        self.sql("SELECT pg_promote(true, 60)", port=self.standby_port)

    # ---- where it is

    @property
    def port(self):
        return self.bouncer_port or self.direct_port

    @property
    def log(self):
        return (self.folder / "primary.log").read_text(errors="replace")

    def url(self, place, port=None, **options):
        hosts = [port or self.port] + ([self.standby_port] if self.standby_port and not port else [])
        where = ",".join(f"127.0.0.1:{each}" for each in hosts)
        if self.bouncer_port and "listen" not in options:
            options = {"listen_host": f"127.0.0.1:{self.direct_port}"} | options
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://{self.user}:{self.password}@{where}/{self.database}?schema={place}{more}"

    def sql(self, statement, port=None, database=None, user="postgres", password=None):
        done = subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", str(port or self.direct_port), "-U", user, "-XAtqc", statement,
             database or self.database],
            env=os.environ | {"PGPASSWORD": password or self.password}, capture_output=True, text=True,
            timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # ---- making it

    def _make(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lockkeeper-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        data = pathlib.Path(self.data or self.folder / "primary")
        if self.data is not None and os.geteuid() == 0:
            shutil.chown(data, "postgres", "postgres")
        secret = self.folder / "password"
        secret.write_text(self.password + "\n")
        secret.chmod(0o644)
        self._run(BIN / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}",
                  "--encoding=UTF8", "--locale=C", "--no-sync")
        self.direct_port = free_port()
        self.primary = self._postgres("primary", data, self.direct_port)
        self.primary.start()
        self._wait(self.direct_port)
        self.sql(f"CREATE ROLE {self.user} LOGIN PASSWORD '{self.password}'", database="postgres")
        self.sql(f"CREATE DATABASE {self.database} OWNER {self.user}", database="postgres")
        if self.with_standby:
            self._make_standby()
        if self.with_pgbouncer:
            self._make_bouncer()

    def _make_standby(self):
        self.standby_port = free_port()
        data = self.folder / "standby"
        self._run(BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", self.direct_port, "-U", "postgres", "-D", data, "-R",
                  "-c", "fast", "--no-sync", PGPASSWORD=self.password)
        self.standby = self._postgres("standby", data, self.standby_port)
        self.standby.start()
        self._wait(self.standby_port)
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        wait_for(lambda: self.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1",
                 "the standby to replicate synchronously")

    def _make_bouncer(self):
        self.bouncer_port = free_port()
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{name}" "{self.password}"\n' for name in (self.user, "postgres")))
        config = self.folder / "pgbouncer.ini"
        config.write_text(f"""[databases]
* = host=127.0.0.1 port={self.direct_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.bouncer_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 20
server_login_retry = 1
""")
        for each in (users, config):
            each.chmod(0o644)
        self.bouncer = Process(self.folder, ["/usr/sbin/pgbouncer", config], self.folder / "pgbouncer.log")
        self.bouncer.start()
        self._wait(self.bouncer_port)

    def _postgres(self, name, data, port):
        settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": "",
                    "fsync": "on"} | self.settings
        return Process(self.folder, [BIN / "postgres", "-D", data,
                                     *(f"--{key}={value}" for key, value in settings.items())],
                       self.folder / f"{name}.log")

    def _run(self, *command, **environment):
        done = subprocess.run([str(each) for each in command], cwd=self.folder, env=os.environ | environment,
                              capture_output=True, text=True, timeout=PATIENCE, **unprivileged())
        assert done.returncode == 0, done.stdout + done.stderr

    def _wait(self, port):
        def answers():
            try:
                return self.sql("SELECT 1", port=port, database="postgres") == "1"
            except AssertionError:
                return False
        wait_for(answers, f"PostgreSQL to answer on port {port}")
