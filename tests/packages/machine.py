"""A machine with Debian 12 and systemd in a container of its own, as the tests of the packages see it."""

import os
import pathlib
import subprocess
import uuid

from containers import wait_for

IMAGE = "lockkeeper-packages:test"
# What the packages depend on comes from Debian, once; a machine itself has no network. curl is there to ask the server
# without any tool of ours. The stores are for who starts them.
# Slim images leave manuals out, and start no services: a machine does neither.
_DOCKERFILE = """
FROM debian:bookworm-slim
LABEL org.opencontainers.image.title=lockkeeper-packages
ARG needs
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update -q && apt-get install -y -q --no-install-recommends systemd curl && apt-get satisfy -y -q --no-install-recommends "$needs"
RUN apt-get install -y -q --no-install-recommends redis-server etcd-server postgresql && systemctl disable redis-server etcd postgresql
RUN rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/*
"""


def build_image(engine, needs):
    """Makes IMAGE, with everything that `needs` (as a Depends line) asks of Debian. Again, it takes no time."""
    proxies = [option for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ
               for option in ("--build-arg", f"{name}={os.environ[name]}")]
    done = engine.docker("build", "--network", "host", *proxies, "--build-arg", f"needs={needs}", "--tag", IMAGE, "-",
                         stdin=_DOCKERFILE, check=False, timeout=600)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    engine.docker("image", "prune", "--force", "--filter", "label=org.opencontainers.image.title=lockkeeper-packages")


class Machine:
    """`folders` are of packages, by the names under which the machine sees them in its root."""

    def __init__(self, engine, folders, systemd=True):
        self._engine = engine
        self.name = f"lockkeeper-machine-{uuid.uuid4().hex[:8]}"
        options = ["--network", "none"]
        for name, folder in folders.items():
            options += ["--volume", f"{folder}:/{name}:ro"]
        if systemd:
            # What systemd needs of a container: rights to mount, and its part of the control groups.
            new = pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists()
            options += ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined",
                        "--security-opt", "apparmor=unconfined", "--env", "container=docker",
                        "--tmpfs", "/run", "--tmpfs", "/run/lock", "--cgroupns", "host",
                        "--volume", f"/sys/fs/cgroup:/sys/fs/cgroup:{'rw' if new else 'ro'}"]
        command = ["/lib/systemd/systemd"] if systemd else ["sleep", "infinity"]
        engine.docker("run", "--detach", "--init" if not systemd else "--tty", "--name", self.name, *options, IMAGE,
                      *command)
        if systemd:
            wait_for(lambda: self.run("systemctl is-system-running", check=False).stdout.strip() == "running", 30,
                     lambda: "systemd is not up: " + self.run("systemctl list-units --failed; systemctl list-jobs",
                                                               check=False).stdout)

    def close(self):
        self._engine.docker("rm", "--force", "--volumes", self.name, check=False)

    def run(self, command, check=True, user="root"):
        """Runs a line of shell in it, without a terminal, by default as root."""
        done = self._engine.docker("exec", "--user", user, self.name, "sh", "-c", command, check=False, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def says(self, command, **more):
        return self.run(command, **more).stdout.strip()

    def apt(self, what, check=True):
        return self.run("DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends "
                        f"-o Dpkg::Options::=--force-confold {what}", check=check)

    def has(self, path):
        return self.run(f"test -e {path}", check=False).returncode == 0

    def write(self, path, text):
        self._engine.docker("exec", "--interactive", self.name, "sh", "-c", f"cat > {path}", stdin=text)

    def unit(self, what):
        """A property of the server's service."""
        return self.says(f"systemctl show --value --property {what} lockkeeper.service")

    def wait_until_it_answers(self, url="http://127.0.0.1:3000"):
        wait_for(lambda: self.run(f"curl -fsS {url}/ready", check=False).returncode == 0, 20,
                 lambda: f"nobody answers at {url}:\n"
                         + self.run("journalctl --no-pager --unit lockkeeper; cat /tmp/log", check=False).stdout)
