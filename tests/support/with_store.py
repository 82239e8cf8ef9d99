"""Runs a command beside a real store, started for it alone:

    with_store.py KIND COMMAND...

KIND is one of KINDS below. The command finds in LOCKKEEPER_TEST_STORE the --store URL of a place within that store, with
{place} where the name of a place of its own goes.
"""

import importlib
import os
import signal
import subprocess
import sys
import tempfile

KINDS = ("etcd", "postgresql", "redis", "dynamodb")


def real_store(kind, folder, **options):
    """A store of that kind (store_KIND.RealStore), not started yet; a context that starts and ends it.

    start()                 returns self when it answers, on a free port of the loopback
    stop(), kill()          as its operator stops it; SIGKILL to all of its processes. start() goes on with its data
    freeze(), thaw()        SIGSTOP, SIGCONT to all of its processes
    url(place)              --store of a place of that name (letters and digits), which is empty until it is used
    port                    where it listens, for a proxy in between; url(place, port=...) leads through that
    environment             what a server needs beside its URL, for it to be let in
    """
    return importlib.import_module(f"store_{kind}").RealStore(folder, **options)


def main(kind, *command):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the store goes, too
    with tempfile.TemporaryDirectory(prefix=f"lockkeeper-{kind}-") as folder, real_store(kind, folder) as store:
        environment = os.environ | store.environment | {"LOCKKEEPER_TEST_STORE": store.url("{place}")}
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
