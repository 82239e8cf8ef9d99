"""A real MariaDB of Debian's packages, in a folder of its own and on a free port of the loopback.

    with RealStore(folder) as mysql:
        mysql.sql("SELECT 1")
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 60  # seconds
SMALL = {"innodb-buffer-pool-size": "16M", "innodb-log-file-size": "4M", "sql-mode": ""}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class RealStore:
    """tls: {"ca", "cert", "key"}, files of the server; it then takes TLS from who wants it. settings: of mariadbd,
    beside those of the tests."""

    user, password, database = "lockkeeper", "s3cret-of-the-store", "locks"
    environment = {}

    def __init__(self, folder, *, tls=None, settings=None):
        del folder  # a socket's path has 107 bytes
        self.settings = SMALL | (settings or {})
        if tls:
            self.settings |= {f"ssl-{name}": str(tls[name]) for name in ("ca", "cert", "key")}
        self.folder = self.process = None
        self.port = free_port()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- its life

    def start(self):
        if self.folder is None:
            self._make()
        command = ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
                   f"--pid-file={self.folder}/pid", f"--port={self.port}", "--bind-address=127.0.0.1",
                   "--skip-name-resolve", f"--init-file={self.folder}/users.sql", *self._as_root(),
                   *(f"--{name}={value}" for name, value in self.settings.items())]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while self.client("SELECT 1").returncode != 0:
            assert self.process.poll() is None, f"mariadbd ended:\n{self.log}"
            assert time.monotonic() < end, f"mariadbd does not answer:\n{self.log}"
            time.sleep(0.05)
        return self

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(PATIENCE)

    def freeze(self):
        """Returns when it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    # ---- what its operator does

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def client(self, statement, database=""):
        return subprocess.run(["/usr/bin/mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", self.user,
                               "--default-character-set=utf8mb4", "-BNe", statement, database],
                              env={"MYSQL_PWD": self.password, "PATH": os.environ.get("PATH", "")},
                              capture_output=True, text=True, timeout=PATIENCE)

    def sql(self, statement, database=None):
        """What it prints, columns apart by tabs."""
        done = self.client(statement, database or self.database)
        assert done.returncode == 0, done.stderr
        return done.stdout.removesuffix("\n")

    # ---- making it

    def _make(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lockkeeper-mysql-"))
        self.data, self.socket = self.folder / "data", self.folder / "socket"
        account = f"'{self.user}'@'%'"
        (self.folder / "users.sql").write_text(
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO {account} WITH GRANT OPTION;\nCREATE DATABASE IF NOT EXISTS {self.database};\n")
        done = subprocess.run(["/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
                               "--auth-root-authentication-method=normal", *self._as_root(),
                               *(f"--{name}={value}" for name, value in SMALL.items())],
                              capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr

    @staticmethod
    def _as_root():
        return ["--user=root"] if os.geteuid() == 0 else []
