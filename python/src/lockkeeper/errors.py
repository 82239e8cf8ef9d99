"""What can go wrong. Each says what to do next; none shows a password or a key."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from .records import Hold, Place


class LockkeeperError(Exception):
    pass


class NotAcquired(LockkeeperError):
    """Somebody else has the lock, or others wait before; and the time to wait is over. Nothing is held, and the queue
    has been left. Try later, or wait longer."""

    def __init__(self, text: str, lock: str, holders: Sequence[Hold], place: Optional[Place], waited: float) -> None:
        super().__init__(text)
        self.lock = lock
        self.holders: Tuple[Hold, ...] = tuple(holders)
        self.place = place  # the last one that it had in the queue
        self.waited = waited  # seconds


class AcquisitionOver(LockkeeperError):
    """The server will not grant this acquisition any more: its claim was released, withdrawn, forced or taken over
    under its name. Acquire anew, if that is still wanted."""

    def __init__(self, text: str, lock: str, why: str, ended: Optional[str]) -> None:
        super().__init__(text)
        self.lock = lock
        self.why = why  # closed, superseded, forgotten
        self.ended = ended  # released, lapsed, forced


class LeaseLost(LockkeeperError):
    """The lock is not, or will in a moment not be, this program's own. Stop the work that it guards; what must not go
    wrong compares tokens."""

    def __init__(self, lock: str, token: int, why: str) -> None:
        super().__init__(f"the lease on {lock} (token {token}) is lost: {why}")
        self.lock = lock
        self.token = token
        self.why = why


class NotYours(LockkeeperError):
    """The lock is held with another key. Nothing was changed."""

    def __init__(self, text: str, lock: str, holders: Sequence[Hold]) -> None:
        super().__init__(text)
        self.lock = lock
        self.holders: Tuple[Hold, ...] = tuple(holders)


class ServerError(LockkeeperError):
    """An answer that is none to the question. 401: look at username and password. 429 and 5xx may pass (`may_pass`);
    everything else never will."""

    def __init__(self, text: str, status: int, retry_after: Optional[float] = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        return self.status == 429 or self.status >= 500


class Unreachable(LockkeeperError):
    """No whole answer came. If it was `sent`, what was asked for may have happened."""

    may_pass = True
    retry_after: Optional[float] = None

    def __init__(self, text: str, sent: bool = True) -> None:
        super().__init__(text)
        self.sent = sent


class Untrusted(Unreachable):
    """The server's certificate does not verify. Give `ca_cert`, or the name that is in the certificate."""

    may_pass = False
