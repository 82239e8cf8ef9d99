"""When a lease has to be renewed, and when it must be taken for lost. Pure: every time comes in, in seconds of one
clock (clock.py).

A lease counts from before the request that brought it left: the server began to count later than that, so what is
lost here may still stand there, and never the other way round.
"""

from __future__ import annotations

import enum
import math
from typing import Optional

_LEAST_MARGIN = 0.5
_LEAST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0


class State(enum.Enum):
    UNSURE = "unsure"  # granted at the end of a poll that took as long as the ttl: the first renewal tells
    HELD = "held"
    LOST = "lost"  # for good


class LeaseWatch:
    def __init__(self, ttl: Optional[float], max_hold: Optional[float], asked: float, now: float) -> None:
        """`asked`: before the request that was granted left. `now`: after its answer."""
        self.ttl = ttl
        self._hold_ends = asked + (math.inf if max_hold is None else max_hold)
        self._lease_ends = math.inf
        self._renew_at = math.inf
        self._unsure = False
        self._lost = False
        self._count_from(asked, asked)
        if self.lost_at() > now or self._hold_ends <= now:
            return
        self._unsure = True
        self._lease_ends = math.inf if ttl is None else now + ttl  # no later than that
        self._renew_at = now

    def margin(self) -> float:
        """How long before its end a lease is lost."""
        if self.ttl is None:
            return _LEAST_MARGIN
        return min(max(self.ttl / 10, _LEAST_MARGIN), self.ttl / 2)

    def _count_from(self, asked: float, latest: float) -> None:
        if self.ttl is None:
            self._lease_ends = self._renew_at = math.inf
            return
        self._lease_ends = asked + self.ttl
        self._renew_at = max(asked + min(self.ttl / 3, (self.ttl - self.margin()) / 2), latest)

    def lost_at(self) -> float:
        """Unless a renewal comes before."""
        return min(self._hold_ends, self._lease_ends) - self.margin()

    def renew_at(self) -> float:
        return self._renew_at

    def state(self, now: float) -> State:
        """Looks at the clock before anything else: after a freeze, a lease whose time went by is lost, whatever a
        renewal would say."""
        if now >= self.lost_at():
            self._lost = True
        return State.LOST if self._lost else State.UNSURE if self._unsure else State.HELD

    def renewed(self, asked: float, now: float, ttl: Optional[float]) -> None:
        """A renewal that left at `asked` has come back with this ttl."""
        if self.state(now) is State.LOST:
            return
        self.ttl = ttl
        self._unsure = False
        self._count_from(asked, now)
        self.state(now)

    def failed(self, now: float, random: float, retry_after: Optional[float]) -> None:
        """A renewal has failed: the next try comes within what remains. `random`: in [0, 1)."""
        remains = self.lost_at() - now
        pause = min(max(remains / 8 * (0.5 + random), _LEAST_PAUSE), _LONGEST_PAUSE)
        if retry_after is not None:
            pause = max(pause, min(retry_after, remains / 2))
        self._renew_at = now + pause

    def gone(self) -> None:
        """The server says that the claim is not there any more."""
        self._lost = True
