"""Locks by tasks."""

import asyncio
import gc
import os
import time

import pytest

import lockkeeper
from holding_proxy import HoldingProxy
from lockkeeper.steps import World
from server import PATIENCE
from stories import count, fails_once, happened, put, show


def story(told):
    """A test that is a coroutine; its client is of its own event loop."""
    def run(server, lock):
        async def whole():
            async with lockkeeper.AsyncClient(server.url) as client:
                await asyncio.wait_for(told(server, client, lock), PATIENCE)
        asyncio.run(whole())
    run.__name__ = told.__name__
    return run


async def until(condition, what):
    for _ in range(PATIENCE * 100):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


@story
async def test_a_lock_is_held_from_the_beginning_of_a_with_statement_to_its_end(server, client, lock):
    async with client.lock(lock, ttl="20s", holder="ada") as lease:
        (held,) = show(server, lock)["claims"]
        assert (held["holder"], held["ttl"], held["token"]) == ("ada", "20s", lease.token)
        lease.check()
        with pytest.raises(lockkeeper.NotAcquired, match="held by ada since"):
            await client.acquire(lock)
    assert show(server, lock)["state"] == "free"
    with pytest.raises(lockkeeper.LeaseLost, match="it was released"):
        lease.check()


@story
async def test_a_lease_is_kept_alive_beyond_its_ttl(server, client, lock):
    async with client.lock(lock, ttl=3) as lease:
        await until(lambda: count(server, lock, "renewed") >= 4, "renewals, for longer than the ttl")
        lease.check()
        await lease.renew("1m")
        assert lease.ttl == 60 and lease.remaining > 50
    assert "lapsed" not in happened(server, lock)


@story
async def test_a_renewal_that_fails_as_nobody_thought_of_is_tried_again(server, client, lock):
    client._send = fails_once(client._send)
    async with client.lock(lock, ttl=2) as lease:
        await until(lambda: count(server, lock, "renewed"), "it to be renewed")
        lease.check()


@story
async def test_who_loses_the_lease_hears_of_it_and_cannot_end_well(server, client, lock):
    told = []

    async def note(lost):
        told.append(lost.why)

    with pytest.raises(lockkeeper.LeaseLost, match="an operator ended it"):
        async with client.lock(lock, ttl=3, on_lost=note) as lease:
            await client.force_release(lock, "a test")
            await lease.lost.wait()
            await until(lambda: told, "on_lost")
            with pytest.raises(lockkeeper.LeaseLost):
                lease.check()
    assert told == ["an operator ended it"]


@story
async def test_on_lost_comes_to_its_end_whoever_releases_meanwhile(server, client, lock):
    told = []

    async def stop_work(_):
        working.cancel()  # its with-statement releases
        await asyncio.wait({working})
        told.append(await client.show(lock))

    async def stop(_):
        with pytest.raises(lockkeeper.LeaseLost):
            await lease.release()
        told.append(await client.show(lock))

    async def work():
        async with client.lock(lock, key="shared", ttl=2, on_lost=stop_work):
            await asyncio.Event().wait()

    lease = await client.acquire(lock, key="shared", ttl=2, on_lost=stop)
    working = asyncio.ensure_future(work())
    await until(lambda: show(server, lock)["count"] == 2, "both to hold it")
    await client.force_release(lock, "a test")
    await until(lambda: len(told) == 2, "both to be told, to the end")


@story
async def test_a_loop_that_stood_still_finds_out_by_the_clock(server, client, lock):
    passed = [0.0]
    client._world = World(clock=lambda: time.monotonic() + passed[0])
    with pytest.raises(lockkeeper.LeaseLost, match="its time is over"):
        async with client.lock(lock, ttl=30) as lease:
            lease.check()
            passed[0] = 27.1  # of 30: nothing has run meanwhile
            assert lease.lost.is_set() and lease.remaining == 0
            with pytest.raises(lockkeeper.LeaseLost):
                lease.check()
            with pytest.raises(lockkeeper.LeaseLost):
                await lease.renew()
            assert "renewed" not in happened(server, lock)


@story
async def test_who_is_cancelled_while_it_waits_leaves_the_queue(server, client, lock):
    put(server, lock, "k")
    waiting = asyncio.ensure_future(client.acquire(lock, wait=lockkeeper.FOREVER))
    await until(lambda: show(server, lock)["queue"], "it to queue")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert show(server, lock)["queue"] == [], "at once"
    assert happened(server, lock) == ["acquired", "queued", "withdrawn"]


@pytest.mark.parametrize("times", [1, 2])
def test_who_is_cancelled_before_it_heard_of_the_grant_gives_the_lock_back(server, lock, times):
    """Also when it is cancelled again before that has even been sent; then it does not wait for it."""
    async def whole(url):
        async with lockkeeper.AsyncClient(url) as client:
            taking = asyncio.ensure_future(client.acquire(lock, wait=60, ttl=None))
            await asyncio.to_thread(proxy.wait_for_held)
            assert show(server, lock)["state"] == "held"
            for _ in range(times):
                taking.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await taking
            assert times == 2 or show(server, lock)["state"] == "free"

    with HoldingProxy(server.port) as proxy:
        proxy.hold("PUT")
        asyncio.run(asyncio.wait_for(whole(proxy.url), PATIENCE))
    assert show(server, lock)["state"] == "free", "closing the client waits for it"


@story
async def test_who_is_cancelled_at_its_work_releases(server, client, lock):
    at_work = asyncio.Event()

    async def work():
        async with client.lock(lock):
            at_work.set()
            await asyncio.Event().wait()

    working = asyncio.ensure_future(work())
    await at_work.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert happened(server, lock) == ["acquired", "released"]


@story
async def test_a_lease_that_nobody_holds_any_more_lapses(server, client, lock):
    await client.acquire(lock, ttl=1)
    gc.collect()
    await until(lambda: count(server, lock, "lapsed"), "it to lapse")


@story
async def test_a_lease_is_not_kept_alive_nor_released_by_a_forked_child(server, client, lock):
    lease = await client.acquire(lock, ttl=1)
    with pytest.MonkeyPatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        await lease.renew()
        await lease.release()
        await until(lambda: count(server, lock, "lapsed"), "it to lapse")
    assert happened(server, lock) == ["acquired", "lapsed"]


@story
async def test_what_is_to_be_seen(server, client, lock):
    put(server, lock, "k", lock_by="ada")
    assert lock in [one.name async for one in client.locks()]
    assert (await client.show(lock)).held and await client.queue(lock) == ()
    assert (await client.unlock(lock, key="k", holder="ada")).released == 1
    assert [event.what for event in await client.history(lock)] == ["acquired", "released"]
    assert (await client.status())["commands"] > 0
    assert await client.version() == lockkeeper.__version__


@story
async def test_many_that_wait_with_one_client_keep_no_renewal_from_its_connection(server, _, lock):
    """More than a pool usually has."""
    async with lockkeeper.AsyncClient(server.url, patience=PATIENCE) as client, client.lock(lock) as lease:
        waiting = [asyncio.ensure_future(client.acquire(lock, wait=60)) for _ in range(110)]
        await until(lambda: server.request("GET", "/status").body.find(b'"waiting":110,') > 0, "all to wait")
        await lease.renew()
        for one in waiting:
            one.cancel()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        assert await client.queue(lock) == ()
