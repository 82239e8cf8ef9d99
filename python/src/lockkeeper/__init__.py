"""Named locks at a Lockkeeper server.

    import lockkeeper

    with lockkeeper.Client("https://locks.example.com") as client:
        with client.lock("production", wait="10m") as lease:
            deploy(lease.token)

`AsyncClient` is the same with await. What goes wrong is a LockkeeperError, but for wrong arguments (ValueError).
"""

from ._version import __version__
from .async_client import AsyncClient, AsyncLease, AsyncLocking
from .client import Client, Lease, Locking
from .durations import FOREVER, Duration
from .errors import (
    AcquisitionOver,
    LeaseLost,
    LockkeeperError,
    NotAcquired,
    NotYours,
    ServerError,
    Unreachable,
    Untrusted,
)
from .lockd import LockdClient
from .records import Claim, Event, Hold, Lock, Place, Released, Waiter

__all__ = [
    "AcquisitionOver",
    "AsyncClient",
    "AsyncLease",
    "AsyncLocking",
    "Claim",
    "Client",
    "Duration",
    "Event",
    "FOREVER",
    "Hold",
    "Lease",
    "LeaseLost",
    "Lock",
    "LockdClient",
    "Locking",
    "LockkeeperError",
    "NotAcquired",
    "NotYours",
    "Place",
    "Released",
    "ServerError",
    "Unreachable",
    "Untrusted",
    "Waiter",
    "__version__",
]
