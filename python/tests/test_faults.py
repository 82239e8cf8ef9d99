"""What goes wrong: kills, standing still, cuts, lost answers, interrupts."""

import asyncio
import datetime
import signal
import subprocess
import sys
import time

import pytest

import lockkeeper
from conftest import ROOT
from holding_proxy import HoldingProxy
from server import PATIENCE, Server, wait_for
from slow_proxy import SlowProxy
from stories import beside, count, delete, happened, history, put, show, wait_for_event, wait_for_queue

HOLDER = f"""
import sys
sys.path.insert(0, {str(ROOT / 'python/src')!r})
import lockkeeper

url, lock, ttl, wait = sys.argv[1:]
with lockkeeper.Client(url) as client:
    try:
        with client.lock(lock, ttl=ttl, wait=wait) as lease:
            print("holds", lease.token, flush=True)
            for line in sys.stdin:
                lease.check()
                print("works", flush=True)
    except lockkeeper.LeaseLost as lost:
        print("lost:", lost.why, flush=True)
"""


class Process:
    """Holds a lock, and does a step of its work for each line that it is given."""

    def __init__(self, server, lock, ttl="3s", wait="0s"):
        self.process = subprocess.Popen([sys.executable, "-c", HOLDER, server.url, lock, ttl, wait], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def says(self):
        return self.process.stdout.readline().strip()

    def step(self):
        self.process.stdin.write("go\n")
        return self.says()


FORKS = f"""
import os, sys
sys.path.insert(0, {str(ROOT / 'python/src')!r})
import lockkeeper

url, lock = sys.argv[1:]
with lockkeeper.Client(url) as client:
    with client.lock(lock, ttl=60) as lease:
        if os.fork() == 0:
            lease.renew()
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
        lease.check()
"""


@pytest.fixture
def fragile(tmp_path):
    """A server that comes back to its address."""
    with Server(tmp_path) as one:
        one.environment["PORT"] = str(one.port)
        yield one


def kill_and_start(server):
    server.kill()
    server.start()


def test_a_place_and_a_lease_outlive_a_kill_of_the_server(fragile):
    put(fragile, "a", "k")
    with lockkeeper.Client(fragile.url) as client, beside() as run:
        waiting = run(client.acquire, "a", wait=60)
        wait_for_queue(fragile, "a", 1)
        kill_and_start(fragile)
        assert len(show(fragile, "a")["queue"]) == 1
        delete(fragile, "a", "k")
        lease = waiting.result(PATIENCE)
        assert count(fragile, "a", "queued") == 1, "it has kept its place"
        assert lease.token == history(fragile, "a")[-1]["token"]
        lease.release()
        with client.lock("a", ttl=6) as lease:
            kill_and_start(fragile)
            wait_for_event(fragile, "a", "renewed")
            lease.check()
    assert "lapsed" not in happened(fragile, "a")


def test_tasks_wait_through_a_kill_of_the_server_too(fragile):
    async def whole():
        async with lockkeeper.AsyncClient(fragile.url) as client:
            waiting = asyncio.ensure_future(client.acquire("a", wait=60))
            await asyncio.to_thread(wait_for_queue, fragile, "a", 1)
            await asyncio.to_thread(kill_and_start, fragile)
            await asyncio.to_thread(delete, fragile, "a", "k")
            await (await waiting).release()

    put(fragile, "a", "k")
    asyncio.run(asyncio.wait_for(whole(), PATIENCE))
    assert count(fragile, "a", "queued") == 1


def test_it_waits_for_a_server_that_is_not_there_yet(fragile):
    fragile.kill()
    with lockkeeper.Client(fragile.url, patience=60) as client, beside() as run:
        waiting = run(client.acquire, "a")
        fragile.start()
        waiting.result(PATIENCE).release()


def test_a_process_that_stood_still_finds_out_before_it_does_anything(server, client, lock):
    with Process(server, lock) as holder:
        assert holder.says().startswith("holds ")
        assert holder.step() == "works"
        holder.process.send_signal(signal.SIGSTOP)
        with client.lock(lock, wait=60):
            assert "lapsed" in happened(server, lock)
            holder.process.send_signal(signal.SIGCONT)
            assert holder.step().startswith("lost: ")


def test_ctrl_c_while_it_waits_leaves_the_queue(server, lock):
    put(server, lock, "k")
    with Process(server, lock, wait="60s") as waiter:
        wait_for_queue(server, lock, 1)
        waiter.process.send_signal(signal.SIGINT)
        _, said = waiter.process.communicate(timeout=PATIENCE)
        assert "KeyboardInterrupt" in said and waiter.process.returncode != 0
    assert happened(server, lock) == ["acquired", "queued", "withdrawn"]


def test_ctrl_c_at_work_releases(server, lock):
    with Process(server, lock, ttl="60s") as holder:
        assert holder.says().startswith("holds ")
        holder.process.send_signal(signal.SIGINT)
        holder.process.communicate(timeout=PATIENCE)
    assert happened(server, lock) == ["acquired", "released"]


def test_the_end_of_a_forked_child_is_not_the_end_of_its_parents_lease(server, lock):
    done = subprocess.run([sys.executable, "-c", FORKS, server.url, lock], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert happened(server, lock) == ["acquired", "released"]
    for what in ("renewed", "released"):
        assert f"{lock} is not {what} here: it is held by process " in done.stderr


def lapsed_at(server, lock):
    (at,) = [event["at"] for event in history(server, lock) if event["what"] == "lapsed"]
    return datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("fault, reason", [("cut", "it could not be renewed"), ("hold", "its time is over")])
def test_who_is_cut_from_the_server_is_told_before_the_lease_ends_there(server, lock, fault, reason):
    """Connections that are reset, and requests that hang."""
    told = []
    with SlowProxy(server.port) as proxy, lockkeeper.Client(f"http://127.0.0.1:{proxy.port}", patience=0.2) as client:
        lease = client.acquire(lock, ttl=2, on_lost=lambda lost: told.append((time.time(), lost.why)))
        wait_for_event(server, lock, "renewed")
        getattr(proxy, fault)()
        assert lease.lost.wait(PATIENCE)
        wait_for_event(server, lock, "lapsed")
        wait_for(lambda: told, "on_lost")
        ((when, why),) = told
        assert when < lapsed_at(server, lock) and why.startswith(reason)
        with pytest.raises(lockkeeper.LeaseLost):
            lease.release()


def test_tasks_are_told_before_the_lease_ends_at_the_server_too(server, lock):
    async def whole(port):
        async with lockkeeper.AsyncClient(f"http://127.0.0.1:{port}", patience=0.2) as client:
            lease = await client.acquire(lock, ttl=2)
            proxy.hold()
            await lease.lost.wait()
            return time.time()

    with SlowProxy(server.port) as proxy:
        told = asyncio.run(asyncio.wait_for(whole(proxy.port), PATIENCE))
        wait_for_event(server, lock, "lapsed")
    assert told < lapsed_at(server, lock)


def test_a_short_cut_costs_nothing(server, lock):
    with SlowProxy(server.port) as proxy, lockkeeper.Client(f"http://127.0.0.1:{proxy.port}") as client:
        with client.lock(lock, ttl=6) as lease:
            proxy.cut()
            wait_for(lambda: lease._standing._why, "a renewal to fail")
            proxy.heal()
            wait_for_event(server, lock, "renewed")
            lease.check()


def test_a_lost_answer_is_asked_for_again_and_locks_once(server, lock):
    with HoldingProxy(server.port) as proxy, beside() as run:
        proxy.hold("PUT")
        with lockkeeper.Client(proxy.url, request_timeout=0.3) as client:
            taking = run(client.acquire, lock, ttl=60)
            proxy.wait_for_held()
            wait_for(lambda: proxy.seen.count("PUT") >= 2, "it to ask again")
            proxy.release()
            lease = taking.result(PATIENCE)
            assert happened(server, lock) == ["acquired"] and show(server, lock)["count"] == 1
            proxy.hold("DELETE")
            releasing = run(lease.release)
            wait_for(lambda: proxy.seen.count("DELETE") >= 2, "it to release again")
            proxy.release()
            releasing.result(PATIENCE)
    assert happened(server, lock)[:2] == ["acquired", "released"]


def test_a_release_that_comes_to_nothing_is_told_where_nothing_else_ends_the_hold(fragile):
    """A lease lapses: its release is tried for some time, and then a line in the log."""
    with lockkeeper.Client(fragile.url, patience=0.2) as client:
        lease, hold = client.acquire("a", ttl=60), client.acquire("b", ttl=None)
        fragile.kill()
        lease.release()
        with pytest.raises(lockkeeper.Unreachable):
            hold.release()
        fragile.start()
        for _ in range(2):
            hold.release()
    assert happened(fragile, "b") == ["acquired", "released"]


def test_tasks_try_a_release_again_too(server, lock):
    async def whole(port):
        async with lockkeeper.AsyncClient(f"http://127.0.0.1:{port}", patience=0) as client:
            hold = await client.acquire(lock, ttl=None)
            proxy.cut()
            with pytest.raises(lockkeeper.Unreachable):
                await hold.release()
            proxy.heal()
            await hold.release()

    with SlowProxy(server.port) as proxy:
        asyncio.run(asyncio.wait_for(whole(proxy.port), PATIENCE))
    assert happened(server, lock) == ["acquired", "released"]
