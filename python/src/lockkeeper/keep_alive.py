"""Renews a lease on a thread of its own until it is stopped, and tells of its loss on another: a request that hangs, in
the look-up of a name perhaps, keeps nobody from hearing in time."""

from __future__ import annotations

import threading
from typing import Callable, List, Optional

from .calls import Call, Reply
from .errors import LeaseLost
from .standing import SLICE, Standing
from .steps import log

OnLost = Callable[[LeaseLost], object]
Send = Callable[[Call, float], Reply]


class KeepAlive:
    """Never releases. Threads are daemons: a program that ends does not wait for them, and its lease lapses."""

    def __init__(self, standing: Standing, send: Send, renew: bool, on_lost: Optional[OnLost]) -> None:
        self._standing = standing
        self._send = send
        self._on_lost = on_lost
        self._stopped = threading.Event()
        self._changed = threading.Event()  # stopped, or gone
        self.lost = threading.Event()
        self._threads: List[threading.Thread] = []
        if standing.ttl() is not None and renew:
            self._start(self._keep, "renews")
        if self._threads or on_lost is not None:
            self._start(self._watch, "watches")

    def _start(self, target: Callable[[], None], what: str) -> None:
        thread = threading.Thread(target=target, name=f"lockkeeper {what} {self._standing.lock}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """From here on nothing is told. Does not wait for a request under way."""
        if self._standing.is_elsewhere():
            return  # no thread is here, and one of them may have had a lock in the moment of the fork
        self._stopped.set()
        self._changed.set()

    def _keep(self) -> None:
        standing = self._standing
        while not self._stopped.is_set() and not standing.is_lost():
            pause = standing.until_renewal()
            if pause > 0:
                self._stopped.wait(min(pause, SLICE))
                continue
            asked = standing.world.clock()
            try:
                standing.renewed(asked, self._send(standing.renewal(), standing.timeout()))
            except Exception as error:
                if not self._stopped.is_set():
                    standing.failed(error)
        self._changed.set()

    def _watch(self) -> None:
        standing = self._standing
        while not standing.is_lost():
            self._changed.wait(min(standing.remaining(), SLICE))
            if self._stopped.is_set():
                return
        if self._stopped.is_set():
            return
        self.lost.set()
        if self._on_lost is not None:
            try:
                self._on_lost(standing.lost())
            except Exception:
                log.exception("on_lost of %s failed", standing.lock)
