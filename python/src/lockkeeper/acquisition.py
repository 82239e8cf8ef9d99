"""Taking a lock: one intention from its first request until the lock is its own or it is given up, through lost
answers, outages and restarts of the server. It waits in the lock's queue, by long polls."""

from __future__ import annotations

import dataclasses
import math
from typing import Callable, Dict, Optional, Tuple, Union

from . import calls, durations
from .calls import Call, Identity
from .errors import AcquisitionOver, LeaseLost, LockkeeperError, NotAcquired, ServerError, Unreachable
from .lease_watch import LeaseWatch, State
from .records import Denied, Granted, Hold, Place
from .steps import Failure, Pause, Steps, World, ask_once, log, patiently

# Proxies cut what is silent for a minute.
_POLL = 25.0
# A poll that lasted so long was a pause of its own, however long it asked for: a server may have a shorter bound.
_REST = 1.0
_GIVE_BACK_TIMEOUT = 2.5
_GIVE_BACK_TRIES = 2

OnWait = Callable[[Place], None]


@dataclasses.dataclass(frozen=True)
class Order:
    lock: str
    identity: Identity
    metadata: Dict[str, str]
    ttl: Optional[float]
    wait: float  # 0: does not queue
    patience: float  # without any answer: of what does not wait, and of the first request of what does; then `wait`
    request_timeout: float
    on_wait: Optional[OnWait]


@dataclasses.dataclass(frozen=True)
class Grant:
    order: Order
    granted: Granted
    begun: int
    watch: LeaseWatch


class Acquisition:
    """Once. What may have been won without the caller's knowing is given back before run() ends without a grant, also
    when it is interrupted; where even that fails, the ttl and the grace of its place end it."""

    def __init__(self, order: Order, world: World) -> None:
        self._order = order
        self._world = world
        self._began = 0.0
        self._begun = 0  # the lock's version
        self._known = 0
        self._place: Optional[Place] = None
        self._unknown = False  # whether something may stand at the server
        self._before = False  # likewise, before the request under way
        self._asked = math.inf  # before the first request left that may have been granted
        self._polled: Tuple[float, float] = (0.0, 0.0)  # when, for how long
        self._poll: Optional[float] = None

    def run(self) -> Steps[Grant]:
        self._began = self._world.clock()
        try:
            yield from self._begin()
            while True:
                answer = yield from self._ask()
                if isinstance(answer, Granted):
                    return (yield from self._sure(answer))
                if answer.why is not None:
                    self._over(answer)
                else:
                    yield from self._refused(answer)
        except GeneratorExit:
            raise
        except BaseException:
            if self._unknown:
                yield from self._give_back()
            raise

    # ---- the way to the lock

    def _begin(self) -> Steps[None]:
        order = self._order
        until = self._began + order.patience
        reply = yield from patiently(self._world, lambda: calls.look(order.lock), order.request_timeout, until)
        try:
            self._begun = self._known = calls.read_lock(reply).version
        except ServerError as error:
            if error.status == 404:
                raise ServerError(f"{error}: it has no locks as Lockkeeper has them; look at the address", 404) from None
            raise

    def _ask(self) -> Steps[Union[Granted, Denied]]:
        order = self._order
        if order.wait == 0:
            self._poll = None
        elif self._place is None:
            self._poll = 0.0  # at once, with the lock or a place, so that the caller can be told
        else:
            self._poll = max(min(_POLL, self._left()), 0.0)

        def make() -> Call:
            now = self._world.clock()
            self._polled = (now, self._poll or 0.0)
            self._asked = min(self._asked, now)
            self._before, self._unknown = self._unknown, True
            return calls.acquire(order.lock, order.identity, self._begun, order.metadata, order.ttl, self._poll)

        def failed(error: Failure) -> None:
            # 503 is also "outcome unknown"; what was refused for good did nothing.
            happened = error.sent if isinstance(error, Unreachable) else error.may_pass
            self._unknown = self._before or happened
            if self._poll is not None:
                self._poll = 0.0  # that it answers again, and with which place, is told at once

        until = self._began + max(order.wait, order.patience)
        reply = yield from patiently(self._world, make, order.request_timeout, until, failed)
        self._unknown = self._before or 200 <= reply.status < 300  # until it is read: an answer for good
        answer = calls.read_acquired(reply)
        self._unknown = isinstance(answer, Granted) or answer.place is not None
        return answer

    def _left(self) -> float:
        return self._order.wait - (self._world.clock() - self._began)

    def _refused(self, denied: Denied) -> Steps[None]:
        order = self._order
        self._asked = math.inf  # it knows that nothing was granted until now
        if denied.place is None and denied.version != 0:
            self._begun = denied.version
        self._known = denied.version
        if self._place is not None and denied.place is not None and denied.place.since != self._place.since:
            log.warning("the place in the queue for %s has lapsed; it queues again, at the end", order.lock)
        self._place = denied.place
        if self._place is not None and order.on_wait is not None:
            order.on_wait(self._place)
        left = self._left()
        if order.wait == 0 or left <= 0:
            raise self._not_acquired(denied)
        at, lasted = self._polled
        if self._place is not None:
            # After a poll that lasted the next one follows at once: without an open poll a turn may be lost.
            rest = min(lasted, _REST) - (self._world.clock() - at)
            if rest > 0:
                yield Pause(min(rest, left))
        else:
            yield Pause(min(_REST * (0.5 + self._world.random()), left))

    def _over(self, denied: Denied) -> None:
        """410: nothing that this intention does from here on can take the lock, unless it is asked again for a version
        that it knows."""
        self._unknown = False
        lock = self._order.lock
        if denied.why == "forgotten" and self._begun < self._known:
            self._begun = self._known  # its place stood then, so nobody had ended it until then
            return
        if denied.why == "superseded":
            text = f"another program took {lock} over under this claim's name"
        elif denied.why == "forgotten":
            text = f"{lock} was asked for so long ago that the server cannot tell what happened since"
        elif denied.ended == "forced":
            text = f"an operator released {lock} by force before it was known to be granted"
        elif denied.ended == "lapsed":
            text = f"{lock} was granted, and lapsed before that was known: the server could not be reached for its ttl"
        else:
            text = f"{lock} was released under this claim's name while it was waited for"
        raise AcquisitionOver(text, lock, denied.why or "closed", denied.ended)

    def _not_acquired(self, denied: Denied) -> NotAcquired:
        order = self._order
        waited = self._world.clock() - self._began
        text = f"{order.lock} is {_held_by(denied.holders)}"
        if denied.place is not None:
            text += f", number {denied.place.position} of {denied.place.waiters} in its queue"
        if order.wait > 0:
            text += f"; gave up after {durations.for_people(waited)}"
        elif denied.holders:
            text += "; with wait= it would queue"
        return NotAcquired(text, order.lock, denied.holders, denied.place, waited)

    # ---- its ends

    def _sure(self, granted: Granted) -> Steps[Grant]:
        """A grant at the end of a poll may be older than its ttl: then a renewal tells."""
        order, world = self._order, self._world
        watch = LeaseWatch(granted.ttl, granted.max_hold, self._asked, world.clock())
        while watch.state(world.clock()) is State.UNSURE:
            asked = world.clock()
            try:
                timeout = min(max(watch.lost_at() - asked, 0.001), order.request_timeout)
                reply = yield from ask_once(calls.renew(order.lock, order.identity, granted.token, None), timeout)
                answer = calls.read_renewed(reply)
            except (ServerError, Unreachable) as error:
                watch.failed(world.clock(), world.random(), error.retry_after)
                yield Pause(max(watch.renew_at() - world.clock(), 0.0))
                continue
            if isinstance(answer, Denied):
                watch.gone()
            else:
                watch.renewed(asked, world.clock(), answer)
        if watch.state(world.clock()) is State.LOST:
            raise LeaseLost(order.lock, granted.token, "its time was over before it was known to be granted")
        return Grant(order, granted, self._begun, watch)

    def _give_back(self) -> Steps[None]:
        order = self._order
        why: LockkeeperError
        for _ in range(_GIVE_BACK_TRIES):
            try:
                reply = yield from ask_once(calls.give_back(order.lock, order.identity, self._begun), _GIVE_BACK_TIMEOUT)
                calls.read_released(reply)
                return
            except (ServerError, Unreachable) as error:
                why = error
                if not error.may_pass:
                    break
        log.warning("could not give %s back, if it was won: %s; it ends with its ttl or its place's grace", order.lock, why)


def _held_by(holders: Tuple[Hold, ...]) -> str:
    if not holders:
        return "wanted by others before"
    since = min(one.since for one in holders).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"held by {', '.join(one.holder for one in holders)} since {since}"
