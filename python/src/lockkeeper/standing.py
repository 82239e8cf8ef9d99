"""Of a lease that was granted: what is known of it, for its holder, the thread or task that renews it, and the one that
tells of its loss. Looks at the clock each time."""

from __future__ import annotations

import os
import threading
from typing import Optional

from . import calls, durations
from .acquisition import Grant
from .calls import Call, Reply
from .errors import LeaseLost, ServerError, Unreachable
from .lease_watch import State
from .records import Denied
from .steps import Failure, Steps, World, ask_once, log, patiently

# Waiting is by a clock that stands still while the machine sleeps, and nobody should hear late on waking.
SLICE = 1.0


class Standing:
    def __init__(self, grant: Grant, world: World) -> None:
        self.grant = grant
        self.lock = grant.order.lock
        self.token = grant.granted.token
        self.world = world
        self._watch = grant.watch
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._why = ""
        self._ended = ""  # as the server tells
        self._unheard = False  # a release may have come to pass

    def is_elsewhere(self) -> bool:
        """In a child that was forked: the lease is its parent's, who goes on with it."""
        return os.getpid() != self._process

    def is_not_to_be(self, what: str) -> bool:
        if not self.is_elsewhere():
            return False
        log.warning("%s is not %s here: it is held by process %d, which this one was forked of", self.lock, what, self._process)
        return True

    def is_lost(self) -> bool:
        with self._mutex:
            return self._watch.state(self.world.clock()) is State.LOST

    def ttl(self) -> Optional[float]:
        with self._mutex:
            return self._watch.ttl

    def remaining(self) -> float:
        """Seconds until it must be taken for lost; infinite without a ttl."""
        with self._mutex:
            if self._watch.state(self.world.clock()) is State.LOST:
                return 0.0
            return max(self._watch.lost_at() - self.world.clock(), 0.0)

    def until_renewal(self) -> float:
        with self._mutex:
            return max(self._watch.renew_at() - self.world.clock(), 0.0)

    def why(self) -> str:
        with self._mutex:
            return self._ended or self._why or "its time is over"

    def lost(self) -> LeaseLost:
        return LeaseLost(self.lock, self.token, self.why())

    def check(self) -> None:
        if self.is_lost():
            raise self.lost()

    # ---- renewing

    def renewal(self, ttl: Optional[float] = None) -> Call:
        """Without a ttl the lease's own goes on: it may have been lengthened."""
        return calls.renew(self.lock, self.grant.order.identity, self.token, ttl)

    def timeout(self) -> float:
        """So that no request outlasts the lease."""
        return min(max(self.remaining(), 0.001), self.grant.order.request_timeout)

    def renewed(self, asked: float, reply: Reply) -> None:
        """Raises ServerError; the loss of the lease it keeps for check()."""
        answer = calls.read_renewed(reply)
        with self._mutex:
            if isinstance(answer, Denied):
                self._watch.gone()
                self._ended = _ended(answer)
            else:
                self._watch.renewed(asked, self.world.clock(), answer)
                self._why = ""

    def failed(self, error: Exception) -> None:
        """Also what never passes (401, 404), or nobody thought of, is tried again: the lease stands, and somebody may
        put it right."""
        known = isinstance(error, (ServerError, Unreachable))
        words = str(error) if known else repr(error)
        with self._mutex:
            if not self._why:
                trace = None if known else error
                log.warning("the lease on %s could not be renewed: %s; trying again", self.lock, words, exc_info=trace)
            self._why = f"it could not be renewed: {words}"
            self._watch.failed(self.world.clock(), self.world.random(), getattr(error, "retry_after", None))

    # ---- giving back

    def release(self) -> Call:
        """Where somebody else may have come under the claim's name, this intention's alone."""
        identity = self.grant.order.identity
        if identity.alone:
            return calls.unlock(self.lock, identity.key, identity.holder, identity.claim, False)
        return calls.give_back(self.lock, identity, self.grant.begun)

    def unheard(self) -> None:
        """The answer to a release was lost."""
        self._unheard = True

    def released(self, reply: Reply) -> Optional[LeaseLost]:
        """Raises ServerError."""
        answer = calls.read_released(reply)
        if isinstance(answer, Denied):
            self.end("another holds the lock by now")
        elif answer.released > 0 or (self._unheard and answer.ended == "released"):
            self.end("it was released")
            return None
        else:
            self.end(_ENDS.get(answer.ended or "", "another program has taken its claim over"))
        return self.lost()

    def end(self, why: str) -> None:
        with self._mutex:
            self._watch.gone()
            self._ended = self._ended or why


_ENDS = {"lapsed": "it lapsed", "forced": "an operator ended it", "released": "it was released"}


def _ended(denied: Denied) -> str:
    if denied.why == "superseded":
        return "another program has taken its claim over"
    return _ENDS.get(denied.ended or "", f"the server says: {denied.error}")


def give_up(standing: Standing) -> Steps[Optional[LeaseLost]]:
    """Releases; gives the loss, if it was lost. Tries for as long as it matters: a lease ends by itself, and that it
    could not be released before is a line in the log. What has no end is the caller's to know of."""
    order, world = standing.grant.order, standing.world
    if standing.is_lost():
        try:
            yield from ask_once(standing.release(), min(order.request_timeout, 2.5))
        except Unreachable as error:
            log.info("%s; %s could not be released", error, standing.lock)
        return standing.lost()

    def failed(_: Failure) -> None:
        standing.unheard()

    until = world.clock() + min(standing.remaining(), order.patience)
    try:
        reply = yield from patiently(world, standing.release, order.request_timeout, until, failed)
        return standing.released(reply)
    except (ServerError, Unreachable) as error:
        ttl = standing.ttl()
        if ttl is None:
            raise
        log.warning("could not release %s: %s; it lapses within %s", standing.lock, error, durations.for_people(ttl))
        return None
    except GeneratorExit:
        raise
    except BaseException:  # interrupted: once more, since nobody else will
        standing.unheard()
        try:
            standing.released((yield from ask_once(standing.release(), 2.5)))
        except (ServerError, Unreachable) as error:
            log.warning("could not release %s: %s", standing.lock, error)
        raise
