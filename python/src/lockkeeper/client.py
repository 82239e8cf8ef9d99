"""For threads. Every rule is in acquisition.py, lease_watch.py and standing.py; async_client.py is the same for tasks."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from types import TracebackType
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Type, TypeVar

import httpx

from . import calls, durations
from .acquisition import Acquisition, Grant, OnWait, Order
from .calls import Call, Reply
from .connection import CaCert, Settings
from .durations import Duration
from .errors import LeaseLost, LockkeeperError, Unreachable
from .keep_alive import KeepAlive, OnLost
from .records import Event, Lock, Released, Waiter
from .standing import SLICE, Standing, give_up
from .steps import Ask, Steps, World, log, patiently

T = TypeVar("T")


class Client:
    """Locks at a Lockkeeper server.

        with lockkeeper.Client("https://locks.example.com", username="ci", password=password) as client:
            with client.lock("production", ttl=30, wait="10m") as lease:
                ...

    `ca_cert`: a file, or PEM itself, trusted beside the system's; `tls`: a context of your own instead. `verify=False`
    trusts anybody. `request_timeout` is of one request, `patience` of a call that gets no answer and is tried again;
    who waits for a lock and has had an answer goes on until its time to wait is over.
    May be used from several threads, but not across a fork.
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
        self._http = httpx.Client(**self._settings.httpx)
        self._world = World()

    def __repr__(self) -> str:
        return f"<lockkeeper.Client {self._settings.url}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release leases before: what is held is renewed no more."""
        self._http.close()

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
    ) -> Locking:
        """For a with-statement, which has the lock from its beginning to its end.

        ttl: the lease, kept alive until the end; None: held until it is released, also when this program dies.
        wait: how long to queue; None: not at all; FOREVER. Then NotAcquired says who has the lock.
        holder: who this is, for people. key: sharers of a lock have the same one (default: nobody else's).
        claim: a name for the purpose, where a program may be started twice for it: the later one takes over.
        on_wait: called with the Place whenever the server tells it. on_lost: called once, on another thread, with the
        LeaseLost, in time before somebody else can get the lock.
        """
        def order() -> Order:
            return self._settings.order(name, ttl, wait, holder, key, claim, metadata, on_wait)

        order()  # wrong arguments are told here
        return Locking(lambda: self._acquire(order(), keep_alive, on_lost))

    def acquire(
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
    ) -> Lease:
        """As lock(), for who releases by hand. Keep the lease: one that nobody holds any more is not kept alive."""
        order = self._settings.order(name, ttl, wait, holder, key, claim, metadata, on_wait)
        return self._acquire(order, keep_alive, on_lost)

    def _acquire(self, order: Order, keep_alive: bool, on_lost: Optional[OnLost]) -> Lease:
        grant = self._drive(Acquisition(order, self._world).run())
        return Lease(self, grant, keep_alive, on_lost)

    def unlock(
        self, name: str, *, key: str, holder: Optional[str] = None, claim: Optional[str] = None, all: bool = False
    ) -> Released:
        """What another program left: the claim of that name, or the holder's oldest, or all of the holder's."""
        return calls.must_release(name, self._once(calls.unlock(name, key, holder, claim, all)))

    def force_release(self, name: str, reason: str) -> Released:
        """Ends all claims, whoever holds them; the head of the queue gets the lock."""
        return calls.must_release(name, self._once(calls.force_release(name, reason)))

    # ---- looking

    def show(self, name: str) -> Lock:
        """Also of a name that was never locked."""
        return calls.read_lock(self._patiently(calls.look(name)))

    def queue(self, name: str) -> Tuple[Waiter, ...]:
        """The next first."""
        return self.show(name).queue

    def locks(self, prefix: str = "") -> Iterator[Lock]:
        """Those that are held and whose names begin so, by name; asked for in slices."""
        after: Optional[str] = None
        while True:
            found, after = calls.read_page(self._patiently(calls.page(prefix, after)))
            yield from found
            if after is None:
                return

    def history(
        self, name: str, *, after: Optional[int] = None, limit: int = 100, newest_first: bool = False
    ) -> List[Event]:
        """At most `limit` of those with a version above `after`."""
        return calls.read_history(self._patiently(calls.history(name, after, limit, newest_first)))

    def status(self) -> Dict[str, int]:
        """What the server counts."""
        return calls.read_status(self._patiently(calls.status()))

    def version(self) -> str:
        """The server's."""
        return calls.read_version(self._patiently(calls.version()))

    # ---- how

    def _send(self, call: Call, timeout: float) -> Reply:
        try:
            return self._settings.reply(self._http.request(**self._settings.request(call, timeout)))
        except httpx.HTTPError as error:
            raise self._settings.unreachable(error) from error
        except RuntimeError as error:
            if self._http.is_closed:
                raise Unreachable(f"{self._settings.url}: this client is closed", sent=False) from error
            raise

    def _once(self, call: Call) -> Reply:
        return self._send(call, self._settings.request_timeout)

    def _patiently(self, call: Call) -> Reply:
        until = self._world.clock() + self._settings.patience + call.longer
        return self._drive(patiently(self._world, lambda: call, self._settings.request_timeout, until))

    def _drive(self, steps: Steps[T]) -> T:
        """An interrupt (Ctrl-C) is thrown into the steps, too, so that they give back what may have been won."""
        try:
            step = next(steps)
            while True:
                try:
                    answer: Optional[Reply] = None
                    if isinstance(step, Ask):
                        answer = self._send(step.call, step.timeout)
                    else:
                        time.sleep(step.seconds)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value


class Lost:
    """As a threading.Event that is set when the lease is lost."""

    def __init__(self, standing: Standing, event: threading.Event) -> None:
        self._standing = standing
        self._event = event

    def is_set(self) -> bool:
        """Looks at the clock: true at once in a process that was stopped past its lease."""
        return self._standing.is_lost()

    def wait(self, timeout: Optional[float] = None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = SLICE if end is None else end - time.monotonic()
            if left <= 0:
                return False
            self._event.wait(min(left, SLICE, self._standing.remaining()))
        return True


class Lease:
    """A lock that this program holds. Also a context manager that releases it at its end."""

    def __init__(self, client: Client, grant: Grant, keep_alive: bool, on_lost: Optional[OnLost]) -> None:
        self._client = client
        self._standing = Standing(grant, client._world)
        self._keep_alive = KeepAlive(self._standing, client._send, keep_alive, on_lost)
        self._released = False
        self._stop = weakref.finalize(self, self._keep_alive.stop)
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
        self.lost = Lost(self._standing, self._keep_alive.lost)

    def __repr__(self) -> str:
        return f"<lockkeeper.Lease {self.lock} token={self.token}{' lost' if self._standing.is_lost() else ''}>"

    @property
    def ttl(self) -> Optional[float]:
        return self._standing.ttl()

    @property
    def remaining(self) -> float:
        """Seconds until it must be taken for lost, unless it is renewed; 0: lost."""
        return self._standing.remaining()

    def check(self) -> None:
        """Raises LeaseLost. Looks at the clock; asks nobody. Before each step that must not be done without the lock."""
        self._standing.check()

    def renew(self, ttl: Optional[Duration] = None) -> None:
        """Counts the lease anew, now; a longer ttl lengthens it. Raises LeaseLost; Unreachable or ServerError, after
        which the lease goes on for what was left."""
        standing = self._standing
        if standing.is_not_to_be("renewed"):
            return
        standing.check()
        given = None if ttl is None else durations.in_seconds(ttl, "ttl")
        asked = standing.world.clock()
        standing.renewed(asked, self._client._send(standing.renewal(given), standing.timeout()))
        standing.check()

    def release(self) -> None:
        """Raises LeaseLost if it was not held any more: somebody else may have had the lock meanwhile. Once; then
        nothing, unless it failed: without a ttl, try again."""
        if self._released or self._standing.is_not_to_be("released"):
            return
        self._released = True
        self._stop()
        try:
            lost = self._client._drive(give_up(self._standing))
        except BaseException:
            self._released = self._standing.is_lost()
            raise
        if lost is not None:
            raise lost

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], _: Optional[TracebackType]
    ) -> None:
        try:
            self.release()
        except LockkeeperError as failure:
            if error is None:
                raise
            if not isinstance(error, LeaseLost):
                log.warning("%s", failure)


class Locking:
    """What Client.lock() gives: takes the lock at the beginning of a with-statement, and releases it at its end. May be
    used again, for one at a time."""

    def __init__(self, acquire: Callable[[], Lease]) -> None:
        self._acquire = acquire
        self._lease: Optional[Lease] = None

    def __enter__(self) -> Lease:
        if self._lease is not None:
            raise RuntimeError("this with-statement is entered already: call lock() for each")
        self._lease = self._acquire()
        return self._lease

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        lease, self._lease = self._lease, None
        assert lease is not None
        lease.__exit__(kind, error, trace)
