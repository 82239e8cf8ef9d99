"""For tasks of asyncio: client.py with await. What is documented there holds here."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import weakref
from types import TracebackType
from typing import AsyncIterator, Awaitable, Callable, Dict, List, Mapping, Optional, Set, Tuple, Type, TypeVar, Union

import httpx

from . import calls, durations
from .acquisition import Acquisition, Grant, OnWait, Order
from .calls import Call, Reply
from .connection import CaCert, Settings
from .durations import Duration
from .errors import LeaseLost, LockkeeperError, Unreachable
from .keep_alive import OnLost
from .records import Event, Lock, Released, Waiter
from .standing import SLICE, Standing, give_up
from .steps import Ask, Pause, Steps, World, log, patiently

T = TypeVar("T")


class AsyncClient:
    """As Client.

        async with lockkeeper.AsyncClient("https://locks.example.com") as client:
            async with client.lock("production", wait="10m") as lease:
                ...

    A task that is cancelled while it waits leaves the queue; what it may have won is given back first. `on_lost` may be
    a coroutine function. Of one event loop.
    """

    def __init__(
        self,
        url: str,
        *,
        username: Optional[str] = None,
        password: Optional[str] = None,
        ca_cert: Optional[CaCert] = None,
        tls: Optional[ssl.SSLContext] = None,
        verify: bool = True,
        request_timeout: Duration = 10,
        patience: Duration = 10,
    ) -> None:
        self._settings = Settings(url, username, password, ca_cert, tls, verify, request_timeout, patience)
        self._http = httpx.AsyncClient(**self._settings.httpx)
        self._world = World()
        self._ends: Set[asyncio.Task[object]] = set()  # of what was cancelled
        self._told: Set[asyncio.Task[None]] = set()  # on_lost, at its work

    def __repr__(self) -> str:
        return f"<lockkeeper.AsyncClient {self._settings.url}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Release leases before: what is held is renewed no more. Waits for what cancelled tasks still give back."""
        if self._ends:
            await asyncio.wait(self._ends)
        await self._http.aclose()

    # ---- locking

    def lock(
        self,
        name: str,
        *,
        ttl: Optional[Duration] = 30,
        wait: Optional[Duration] = None,
        holder: Optional[str] = None,
        key: Optional[str] = None,
        claim: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        keep_alive: bool = True,
        on_wait: Optional[OnWait] = None,
        on_lost: Optional[OnLost] = None,
    ) -> AsyncLocking:
        """For an async with-statement. Arguments as of Client.lock()."""
        def order() -> Order:
            return self._settings.order(name, ttl, wait, holder, key, claim, metadata, on_wait)

        order()  # wrong arguments are told here
        return AsyncLocking(lambda: self._acquire(order(), keep_alive, on_lost))

    async def acquire(
        self,
        name: str,
        *,
        ttl: Optional[Duration] = 30,
        wait: Optional[Duration] = None,
        holder: Optional[str] = None,
        key: Optional[str] = None,
        claim: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        keep_alive: bool = True,
        on_wait: Optional[OnWait] = None,
        on_lost: Optional[OnLost] = None,
    ) -> AsyncLease:
        """As lock(), for who releases by hand. Keep the lease: one that nobody holds any more is not kept alive."""
        order = self._settings.order(name, ttl, wait, holder, key, claim, metadata, on_wait)
        return await self._acquire(order, keep_alive, on_lost)

    async def _acquire(self, order: Order, keep_alive: bool, on_lost: Optional[OnLost]) -> AsyncLease:
        grant = await self._drive(Acquisition(order, self._world).run())
        return AsyncLease(self, grant, keep_alive, on_lost)

    async def unlock(
        self, name: str, *, key: str, holder: Optional[str] = None, claim: Optional[str] = None, all: bool = False
    ) -> Released:
        return calls.must_release(name, await self._once(calls.unlock(name, key, holder, claim, all)))

    async def force_release(self, name: str, reason: str) -> Released:
        return calls.must_release(name, await self._once(calls.force_release(name, reason)))

    # ---- looking

    async def show(self, name: str) -> Lock:
        return calls.read_lock(await self._patiently(calls.look(name)))

    async def queue(self, name: str) -> Tuple[Waiter, ...]:
        return (await self.show(name)).queue

    async def locks(self, prefix: str = "") -> AsyncIterator[Lock]:
        after: Optional[str] = None
        while True:
            found, after = calls.read_page(await self._patiently(calls.page(prefix, after)))
            for one in found:
                yield one
            if after is None:
                return

    async def history(
        self, name: str, *, after: Optional[int] = None, limit: int = 100, newest_first: bool = False
    ) -> List[Event]:
        return calls.read_history(await self._patiently(calls.history(name, after, limit, newest_first)))

    async def status(self) -> Dict[str, int]:
        return calls.read_status(await self._patiently(calls.status()))

    async def version(self) -> str:
        return calls.read_version(await self._patiently(calls.version()))

    # ---- how

    async def _send(self, call: Call, timeout: float) -> Reply:
        # In all: httpx's own time-outs are of each read, and the look-up of a name has none. Not asyncio.wait_for(),
        # which may lose a cancellation to an answer that comes in the same moment.
        request = asyncio.ensure_future(self._http.request(**self._settings.request(call, timeout)))
        try:
            await asyncio.wait({request}, timeout=timeout + call.longer)
            if not request.done():
                raise Unreachable(f"{self._settings.url}: no answer in time")
            return self._settings.reply(request.result())
        except httpx.HTTPError as error:
            raise self._settings.unreachable(error) from error
        except RuntimeError as error:
            if self._http.is_closed:
                raise Unreachable(f"{self._settings.url}: this client is closed", sent=False) from error
            raise
        finally:
            if not request.done():
                request.cancel()
            request.add_done_callback(_noted)

    async def _once(self, call: Call) -> Reply:
        return await self._send(call, self._settings.request_timeout)

    async def _patiently(self, call: Call) -> Reply:
        until = self._world.clock() + self._settings.patience + call.longer
        return await self._drive(patiently(self._world, lambda: call, self._settings.request_timeout, until))

    async def _take(self, step: Union[Ask, Pause]) -> Optional[Reply]:
        if isinstance(step, Ask):
            return await self._send(step.call, step.timeout)
        await asyncio.sleep(step.seconds)
        return None

    async def _drive(self, steps: Steps[T]) -> T:
        """Cancelling is thrown into the steps, too, and what they then do to give back is shielded from the next."""
        try:
            return await self._go_on(steps, next(steps))
        except StopIteration as end:
            value: T = end.value
            return value

    async def _go_on(self, steps: Steps[T], step: Union[Ask, Pause]) -> T:
        try:
            while True:
                try:
                    answer = await self._take(step)
                except asyncio.CancelledError as cancelled:
                    step = steps.throw(cancelled)
                    return await self._shielded(self._go_on(steps, step))
                except Exception as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _shielded(self, rest: Awaitable[T]) -> T:
        """To its end, unless it is cancelled again: then it goes on without anybody who waits."""
        task: asyncio.Task[T] = asyncio.ensure_future(rest)
        self._ends.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[T]) -> None:
        self._ends.discard(task)  # type: ignore[arg-type]
        if not task.cancelled():
            task.exception()  # taken note of: it is the caller's, if there is one


class AsyncLost:
    """As an asyncio.Event that is set when the lease is lost."""

    def __init__(self, standing: Standing, event: asyncio.Event) -> None:
        self._standing = standing
        self._event = event

    def is_set(self) -> bool:
        """Looks at the clock: true at once where the loop, or the process, stood still past the lease."""
        return self._standing.is_lost()

    async def wait(self) -> bool:
        told = asyncio.ensure_future(self._event.wait())
        try:
            while not self.is_set():
                await asyncio.wait({told}, timeout=min(SLICE, self._standing.remaining()))
        finally:
            told.cancel()
        return True


class AsyncLease:
    """As Lease."""

    def __init__(self, client: AsyncClient, grant: Grant, keep_alive: bool, on_lost: Optional[OnLost]) -> None:
        self._client = client
        self._standing = Standing(grant, client._world)
        self._released = False
        event = asyncio.Event()
        keeper = asyncio.ensure_future(_keep(client, self._standing, event, keep_alive, on_lost))
        loop = asyncio.get_running_loop()
        self._keeper = keeper
        self._stop = weakref.finalize(self, _stop, loop, keeper)
        self._stop.atexit = False
        self.lock = grant.order.lock
        self.token = grant.granted.token
        """For what guards the resource: grows with each grant of this lock."""
        self.holder = grant.order.identity.holder
        self.claim = grant.order.identity.claim
        self.since = grant.granted.since
        self.max_hold = grant.granted.max_hold
        self.taken_over = grant.granted.taken_over
        """Another program held it under this claim's name before."""
        self.lost = AsyncLost(self._standing, event)

    def __repr__(self) -> str:
        return f"<lockkeeper.AsyncLease {self.lock} token={self.token}{' lost' if self._standing.is_lost() else ''}>"

    @property
    def ttl(self) -> Optional[float]:
        return self._standing.ttl()

    @property
    def remaining(self) -> float:
        return self._standing.remaining()

    def check(self) -> None:
        self._standing.check()

    async def renew(self, ttl: Optional[Duration] = None) -> None:
        standing = self._standing
        if standing.is_not_to_be("renewed"):
            return
        standing.check()
        given = None if ttl is None else durations.in_seconds(ttl, "ttl")
        asked = standing.world.clock()
        standing.renewed(asked, await self._client._send(standing.renewal(given), standing.timeout()))
        standing.check()

    async def release(self) -> None:
        if self._released or self._standing.is_not_to_be("released"):
            return
        self._released = True
        self._stop.detach()
        self._keeper.cancel()
        try:
            lost = await self._client._drive(give_up(self._standing))
        except BaseException:
            self._released = self._standing.is_lost()
            raise
        if lost is not None:
            raise lost

    async def __aenter__(self) -> AsyncLease:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], _: Optional[TracebackType]
    ) -> None:
        try:
            await self.release()
        except LockkeeperError as failure:
            if error is None:
                raise
            if not isinstance(error, LeaseLost):
                log.warning("%s", failure)


def _noted(request: asyncio.Future[httpx.Response]) -> None:
    """So that nobody is warned of a failure that nobody waits for any more."""
    if not request.cancelled():
        request.exception()


def _stop(loop: asyncio.AbstractEventLoop, keeper: asyncio.Future[None]) -> None:
    """Of a lease that nobody holds any more; on whatever thread finds that out."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(keeper.cancel)


async def _keep(
    client: AsyncClient, standing: Standing, event: asyncio.Event, renew: bool, on_lost: Optional[OnLost]
) -> None:
    """Renews until it is cancelled, and tells of the loss."""
    while not standing.is_lost():
        if standing.is_elsewhere():
            return
        pause = standing.remaining()
        if renew and standing.ttl() is not None:
            pause = min(pause, standing.until_renewal())
            if pause <= 0:
                asked = standing.world.clock()
                try:
                    standing.renewed(asked, await client._send(standing.renewal(), standing.timeout()))
                except Exception as error:
                    standing.failed(error)
                continue
        await asyncio.sleep(min(pause, SLICE))
    event.set()
    if on_lost is None:
        return
    try:
        told = on_lost(standing.lost())
    except Exception:
        log.exception("on_lost of %s failed", standing.lock)
        return
    if inspect.isawaitable(told):
        # In a task of its own: who releases, on_lost itself perhaps, ends the renewing alone.
        task = asyncio.ensure_future(_tell(standing.lock, told))
        client._told.add(task)
        task.add_done_callback(client._told.discard)


async def _tell(lock: str, told: Awaitable[object]) -> None:
    try:
        await told
    except Exception:
        log.exception("on_lost of %s failed", lock)


class AsyncLocking:
    """What AsyncClient.lock() gives. May be used again, for one at a time."""

    def __init__(self, acquire: Callable[[], Awaitable[AsyncLease]]) -> None:
        self._acquire = acquire
        self._lease: Optional[AsyncLease] = None

    async def __aenter__(self) -> AsyncLease:
        if self._lease is not None:
            raise RuntimeError("this with-statement is entered already: call lock() for each")
        self._lease = await self._acquire()
        return self._lease

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        lease, self._lease = self._lease, None
        assert lease is not None
        await lease.__aexit__(kind, error, trace)
