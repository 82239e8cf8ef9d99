"""lockctl run behind a network that is cut, a real one between two network namespaces. Needs root."""

import os
import subprocess

import pytest

from guarded_runs import RUNS, TTL, Guarded, told
from lockctl_run import boot_time
from server import Server, wait_for


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    """A namespace that a cable leads to."""

    def __init__(self):
        self.name = f"lockkeeper-{os.getpid()}"
        self.here, there = f"lk{os.getpid()}a", f"lk{os.getpid()}b"
        net = f"10.213.{os.getpid() // 64 % 256}.{os.getpid() % 64 * 4}".rsplit(".", 1)
        self.address, other = (f"{net[0]}.{int(net[1]) + each}" for each in (1, 2))
        ip("netns", "add", self.name)
        ip("link", "add", self.here, "type", "veth", "peer", "name", there, "netns", self.name)
        ip("addr", "add", f"{self.address}/30", "dev", self.here)
        ip("link", "set", self.here, "up")
        ip("-n", self.name, "addr", "add", f"{other}/30", "dev", there)
        ip("-n", self.name, "link", "set", there, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        self.inside = ["ip", "netns", "exec", self.name]

    def cut(self):
        ip("link", "set", self.here, "down")

    def mend(self):
        ip("link", "set", self.here, "up")

    def remove(self):
        ip("netns", "del", self.name)


@pytest.fixture
def network():
    made = Network()
    yield made
    made.remove()


def test_a_cut_network(tmp_path, network):
    """No packet comes through, nor the news of it: the command is dead before its lease is over at the server, which the
    next holder reaches as ever."""
    spare = []
    with Server(tmp_path, args=["--listen", "0.0.0.0:0"]) as server:
        for first in range(0, RUNS, 10):
            runs = [Guarded(server, tmp_path, first + each, url=f"http://{network.address}:{server.port}",
                            wrapper=network.inside) for each in range(min(10, RUNS - first))]
            try:
                for one in runs:
                    one.await_start()
                cut_at = boot_time()
                network.cut()
                spare += [one.check() for one in runs]
                for one in runs:
                    code, _, err = one.run.end()
                    assert code == 123 and f"the lease on {one.lock} is lost: it could not be renewed" in err, err
                    assert one.beats.last() < cut_at + TTL
            finally:
                for one in runs:
                    one.run.clean_up()
            network.mend()
            wait_for(lambda: subprocess.run([*network.inside, "curl", "-sf", "-m", "1", "-o", "/dev/null",
                                             f"http://{network.address}:{server.port}/health"]).returncode == 0,
                     "the network to be mended")
    told(spare, "cut network")
