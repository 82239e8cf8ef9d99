"""When to try again. Pure but for the random numbers and the time handed in."""

from __future__ import annotations

import datetime
import email.utils
from typing import Callable, Optional

_LONGEST = 86400.0


class Backoff:
    """Exponential, with full jitter: the n-th pause is random between 0 and min(cap, first * 2^n), never less than
    `floor`."""

    def __init__(self, random: Callable[[], float], first: float = 1.0, cap: float = 30.0, floor: float = 0.05) -> None:
        self._random = random
        self._first = first
        self._cap = cap
        self._floor = floor
        self._widest = first

    def next(self, retry_after: Optional[float] = None) -> float:
        """`retry_after`: a server's lower bound."""
        widest, self._widest = self._widest, min(self._widest * 2, self._cap)
        return max(self._random() * widest, self._floor, retry_after or 0.0)

    def reset(self) -> None:
        self._widest = self._first


def parse_retry_after(text: Optional[str], now: datetime.datetime) -> Optional[float]:
    """Seconds, of a number or an HTTP date (RFC 9110, 10.2.3); a day at most. What does not parse is none."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        return None
    return min(max((date - now).total_seconds(), 0.0), _LONGEST)
