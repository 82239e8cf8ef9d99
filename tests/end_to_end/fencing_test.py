"""What docs/fencing.md says: a holder that stood still past its lease writes nothing, by its token."""

import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys

import pytest
from server import Server, wait_for

DOCS = pathlib.Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), store="locks.db") as one:
        yield one


class Holder:
    """The example, as a process of its own."""

    def __init__(self, server, store, name, ttl):
        self.process = subprocess.Popen(
            [sys.executable, str(DOCS / "examples/guarded_write.py"), "--locks", server.url, "--lock", "ledger",
             "--holder", name, "--ttl", str(ttl), "--store", str(store), f"written by {name}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def token(self):
        """Once it holds the lock."""
        line = self.process.stdout.readline()
        return int(re.fullmatch(r"holds ledger with token (\d+)\n", line).group(1))

    def write(self):
        """Its exit code, and what it said."""
        said, _ = self.process.communicate("go\n", timeout=60)
        return self.process.returncode, said


def history(server):
    return json.loads(server.request("GET", "/lock/ledger/history?after=0&limit=1000").text)["events"]


def written(store):
    return sqlite3.connect(store).execute("SELECT value, token FROM ledger").fetchall()


def test_a_holder_that_is_there_keeps_its_lease_for_longer_than_its_ttl_and_writes(server, tmp_path):
    with Holder(server, tmp_path / "ledger.db", "one", 1) as one:
        token = one.token()
        wait_for(lambda: [event["what"] for event in history(server)].count("renewed") > 5, "two ttls of renewals")
        assert one.write() == (0, "written\n")
    assert written(tmp_path / "ledger.db") == [("written by one", token)]
    assert json.loads(server.request("GET", "/lock/ledger").text)["state"] == "free"


def test_the_late_write_of_a_holder_that_was_frozen_is_refused_by_its_token(server, tmp_path):
    store = tmp_path / "ledger.db"
    with Holder(server, store, "frozen", 1) as frozen:
        first = frozen.token()
        with Holder(server, store, "next", 1) as successor:
            frozen.process.send_signal(signal.SIGSTOP)
            second = successor.token()
            assert second > first, "its lease lapsed, and the waiter has the lock"
            assert "lapsed" in [event["what"] for event in history(server) if event["holder"] == "frozen"]
            assert successor.write() == (0, "written\n")

        frozen.process.send_signal(signal.SIGCONT)
        code, said = frozen.write()
        assert code == 3 and "refused: a newer holder has written" in said
    assert written(store) == [("written by next", second)]


# ---- the other pieces of the page


def example(name):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "fencing.md").read_text(encoding="utf-8"), re.S)
    scope = {}
    exec(next(block for block in blocks if f"{name}(" in block or f"class {name}" in block), scope)  # pylint: disable=exec-used
    return scope[name]


class Bucket:
    """As much of an object store's client as the page uses; `before_put` is called once, in between."""

    class exceptions:  # pylint: disable=invalid-name
        class ClientError(Exception):
            def __init__(self, code):
                super().__init__(code)
                self.response = {"Error": {"Code": code}}

    def __init__(self):
        self.object = None
        self.before_put = None

    def head_object(self, **_):
        if self.object is None:
            raise self.exceptions.ClientError("404")
        return self.object

    def put_object(self, *, Body, Metadata, IfMatch=None, IfNoneMatch=None, **_):  # pylint: disable=invalid-name
        if self.before_put:
            meanwhile, self.before_put = self.before_put, None
            meanwhile()
        there = self.object["ETag"] if self.object else None
        if (IfMatch or there) != there or (IfNoneMatch and there):
            raise self.exceptions.ClientError("PreconditionFailed")
        self.object = {"ETag": f"{there or ''}x", "Metadata": Metadata, "Body": Body}


def test_the_object_store_of_the_page_takes_no_smaller_token():
    put, bucket = example("put_guarded"), Bucket()
    assert put(bucket, "b", "o", "33", 33) and put(bucket, "b", "o", "33 again", 33)
    assert put(bucket, "b", "o", "34", 34)
    assert not put(bucket, "b", "o", "late", 33)
    assert bucket.object["Body"] == "34"


@pytest.mark.parametrize("there", [False, True])
def test_nor_one_that_was_smaller_only_when_it_came_to_write(there):
    put, bucket = example("put_guarded"), Bucket()
    if there:
        put(bucket, "b", "o", "32", 32)
    bucket.before_put = lambda: put(bucket, "b", "o", "34", 34)
    assert not put(bucket, "b", "o", "late", 33)
    assert bucket.object["Body"] == "34"


def test_the_service_of_the_page_takes_no_smaller_token_also_after_a_restart(tmp_path):
    def admits(lock, token):
        database = sqlite3.connect(tmp_path / "service.db", isolation_level=None)
        return example("Fence")(database.execute).admits({"Lock": lock, "Fencing-Token": str(token)})

    assert admits("ledger", 33) and admits("ledger", 33) and admits("ledger", 34)
    assert not admits("ledger", 33)
    assert admits("another", 1)
