"""The package as it is in the tree, against a real server of tests/support."""

import os
import pathlib
import re
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python/src"), str(ROOT / "tests/support")]
os.environ["NO_PROXY"] = "127.0.0.1,localhost"

import lockkeeper  # noqa: E402
from server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """For stories that do it no harm; each has a lock of its own."""
    with Server(tmp_path_factory.mktemp("server"), args=["--door", "lockd=127.0.0.1:0"]) as started:
        yield started


@pytest.fixture
def client(server):
    with lockkeeper.Client(server.url) as one:
        yield one


@pytest.fixture
def lock(request):
    """A name of the test's own."""
    return re.sub(r"[^\w.]", "-", f"{request.module.__name__}.{request.node.name}")
