"""The program `waiters` (tests/support/waiters): thousands of clients in one process; and what a crowd needs."""

import contextlib
import random
import resource
import socket
import subprocess
import threading

from server import BINARY, PATIENCE

SPARE_DESCRIPTORS = 200  # the server's own files, and what is not the crowd's


def connections_that_fit(wanted):
    """As many as this machine lets a process have, and says so if those are fewer."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fitting = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - SPARE_DESCRIPTORS)
    if fitting < wanted:
        print(f"a process may have {hard} descriptors here: {fitting} connections instead of {wanted}")
    return fitting


def lasting_port():
    """A free port for a server that comes back to it. Not one of those that the system gives to connections: one who
    knocks at such a port while nobody listens there may get it himself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    while True:
        port = random.randrange(10_000, lowest)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Crowd:
    def __init__(self, story, server, **options):
        flags = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]
        command = [BINARY.parent / "waiters", "--story", story, "--port", str(server.port), *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self):
        """Its next line, without the end; "" after the last one."""
        # A crowd that hangs is a failure, not a test that never ends.
        watchdog = threading.Timer(2 * PATIENCE, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline().rstrip("\n")
        watchdog.cancel()
        assert not line.startswith("wrong"), line
        return line

    def is_there(self):
        assert self.process.poll() is None, self.process.stdout.read()
        return True

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def exit_code(self):
        return self.process.wait(PATIENCE)
