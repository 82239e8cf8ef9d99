"""A Redis server as with_store.py wants it."""

import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

PATIENCE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RealStore:
    """appendonly yes, appendfsync always. tls: TLS alone, with a certificate of its own for localhost. user, password:
    an ACL user (`default` is then off), or with a password alone the default user's. settings: more of redis.conf, or
    others."""

    def __init__(self, folder, *, tls=False, user=None, password=None, acl="~* &* +@all", settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls, self.user, self.password = tls, user, password
        self.settings = {"appendonly": "yes", "appendfsync": "always", "save": "", "bind": "127.0.0.1",
                         "dir": str(self.folder), "logfile": str(self.folder / "redis.log")} | (settings or {})
        self.lines = []
        if tls:
            self.certificate, self.key = self.folder / "redis.crt", self.folder / "redis.key"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                            "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                            "-keyout", str(self.key), "-out", str(self.certificate)], check=True, capture_output=True)
            self.settings |= {"tls-cert-file": str(self.certificate), "tls-key-file": str(self.key),
                              "tls-auth-clients": "no"}
        if user:
            self.lines += [f"user {user} on >{password} {acl}", "user default off"]
        elif password:
            self.settings["requirepass"] = password
        self.environment = {}
        self.port = None
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    # ---- its life

    def start(self):
        if self.port is None:
            self.port = free_port()
        ports = {"port": "0", "tls-port": str(self.port)} if self.tls else {"port": str(self.port)}
        lines = [f'{name} "{value}"' for name, value in (self.settings | ports).items()] + self.lines
        config = self.folder / "redis.conf"
        config.write_text("\n".join(lines) + "\n")
        config.chmod(0o600)
        self.process = subprocess.Popen(["redis-server", str(config)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.process.poll() is None, f"redis-server ended:\n{self.log}"
            assert time.monotonic() < end, f"redis-server does not answer:\n{self.log}"
            time.sleep(0.01)
        return self

    def _answers(self):
        try:
            self.ask("PING")
            return True
        except (OSError, EOFError):
            return False
        except RedisError as error:
            return not str(error).startswith("LOADING")

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def end(self):
        if self.process is not None:
            self.kill()

    def _end(self, number):
        self.process.send_signal(number)
        if number != signal.SIGKILL:
            self.process.send_signal(signal.SIGCONT)
        self.process.wait(PATIENCE)
        self.process = None

    def freeze(self):
        """Returns when it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    # ---- what it does

    @property
    def log(self):
        path = self.folder / "redis.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def url(self, place, *, port=None, password=None, **options):
        account = ""
        if self.password:
            account = f"{self.user or ''}:{password or self.password}@"
        options = {"prefix": place} | options
        if self.tls:
            options["ca"] = self.certificate
        return (f"{'rediss' if self.tls else 'redis'}://{account}{'localhost' if self.tls else '127.0.0.1'}:"
                f"{port or self.port}?" + "&".join(f"{name}={value}" for name, value in options.items()))

    def ask(self, *words):
        """One command's reply, over a connection of its own."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
            wire = plain
            if self.tls:
                wire = ssl.create_default_context(cafile=str(self.certificate)).wrap_socket(
                    plain, server_hostname="localhost")
            file = wire.makefile("rb")
            if self.password:
                self._say(wire, file, "AUTH", *([self.user] if self.user else []), self.password)
            return self._say(wire, file, *words)

    def _say(self, wire, file, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        wire.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return read_reply(file)


class RedisError(Exception):
    pass


def read_reply(file):
    line = file.readline()
    if not line:
        raise EOFError("Redis has closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else file.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if rest == b"-1" else [read_reply(file) for _ in range(int(rest))]
    return rest.decode()
