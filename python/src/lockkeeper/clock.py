"""The clock that leases are counted by: monotonic, and it goes on while the machine sleeps, as the server's does."""

from __future__ import annotations

import time
from typing import Callable

Clock = Callable[[], float]


def boot_time() -> float:
    """Seconds. time.monotonic() stands still while Linux sleeps; elsewhere there is nothing better."""
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return time.monotonic()
