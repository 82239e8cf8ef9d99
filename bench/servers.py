"""Starts what is measured, and the references beside it: Lockkeeper, Redis, nginx. All on loopback, on free ports,
in a folder of their own; each ends with its context."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=30, path=None):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", port), 1).close()
            else:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).read()
            return
        except (OSError, urllib.error.URLError):
            time.sleep(0.005)
    raise RuntimeError(f"nothing answers on port {port}")


def pinned_to(core):
    """For preexec_fn: the child runs on that core only."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


@contextlib.contextmanager
def process(command, **more):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextlib.contextmanager
def redis(folder):
    port = free_port()
    folder = pathlib.Path(folder, "redis")
    folder.mkdir(exist_ok=True)
    with process(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync",
                  "always", "--save", "", "--dir", str(folder)]):
        wait_for(port)
        yield port


@contextlib.contextmanager
def nginx(folder):
    port = free_port()
    config = pathlib.Path(folder, "nginx.conf")
    config.write_text(f"""
worker_processes auto; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location / {{ return 200 '{{"response":"Lock for bench acquired by bench using key bench"}}\\n'; }} }}
}}
""")
    with process(["nginx", "-c", str(config)]):
        wait_for(port)
        yield port


class Lockkeeper:
    """The server with its defaults (its request log goes to a file, as an operator would have it)."""

    def __init__(self, binary, folder, name="locks", core=None):
        self.binary, self.folder = binary, pathlib.Path(folder)
        self.pin = pinned_to(core)
        self.file = self.folder / f"{name}.db"
        self.port = free_port()
        self.child = None

    def __enter__(self):
        self.start()
        return self

    def start(self):
        """Returns the seconds until /ready."""
        environment = dict(os.environ, LOCKER_CONFIG=str(self.file), PORT=str(self.port))
        log = open(self.folder / "server.log", "ab")
        began = time.monotonic()
        self.child = subprocess.Popen([self.binary], env=environment, stdout=log, stderr=log, preexec_fn=self.pin)
        wait_for(self.port, 60, "/ready")
        return time.monotonic() - began

    def memory(self):
        """Bytes of its resident set, counted page by page (/proc/PID/status may lag behind)."""
        rollup = pathlib.Path(f"/proc/{self.child.pid}/smaps_rollup").read_text()
        return int(next(line for line in rollup.splitlines() if line.startswith("Rss")).split()[1]) * 1024

    def status(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            return json.loads(answer.read())

    def processor(self):
        """Seconds of processor so far: in user space, in the kernel."""
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13]]

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(60)

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.stop()
