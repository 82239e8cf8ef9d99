"""DynamoDB for tests: dynalite, an emulator over LevelDB, pinned by tests/support/dynalite/package-lock.json.

See with_store.py for what a RealStore does.
"""

import fcntl
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
LOCK_FILE = HERE / "dynalite" / "package-lock.json"
INSTALLED = HERE.parents[1] / "build" / "dynalite"
PATIENCE = 60
START = """
const [folder, port] = process.argv.slice(1)
require('dynalite')({path: folder, createTableMs: 0, deleteTableMs: 0}).listen(+port, '127.0.0.1')
"""


def install():
    """Into the build folder, once for each lock file; needs npm and its registry then. Returns where it is."""
    INSTALLED.parent.mkdir(exist_ok=True)
    with open(INSTALLED.parent / "dynalite.lock", "w") as guard:  # several tests may start together
        fcntl.flock(guard, fcntl.LOCK_EX)
        done = INSTALLED / "installed-lock.json"
        if not done.exists() or done.read_bytes() != LOCK_FILE.read_bytes():
            shutil.rmtree(INSTALLED, ignore_errors=True)
            INSTALLED.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "dynalite" / name, INSTALLED)
            # No scripts: LevelDB comes built.
            made = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=INSTALLED,
                                  capture_output=True, text=True)
            assert made.returncode == 0, f"npm ci failed in {INSTALLED}:\n{made.stdout}{made.stderr}"
            shutil.copy(LOCK_FILE, done)
    return INSTALLED


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class RealStore:
    environment = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "dynalite"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def start(self):
        modules = install()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["node", "-e", START, str(self.folder / "data"), str(self.port)],
                                            cwd=modules, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE
        while not self._answers():
            assert self.process.poll() is None, f"dynalite ended:\n{(self.folder / 'log').read_text()}"
            assert time.monotonic() < end, "dynalite does not answer"
            time.sleep(0.02)
        return self

    def _answers(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _end(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(PATIENCE)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def url(self, place, port=None):
        return f"dynamodb://{place}?region=us-east-1&endpoint=http://127.0.0.1:{port or self.port}"


if __name__ == "__main__":
    print(install())
