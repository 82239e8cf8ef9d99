"""lockd's Python client, with its words, over HTTP instead of gRPC."""

from __future__ import annotations

import secrets
import time
from typing import Any, Dict, Optional
from urllib.parse import urlencode

from . import calls, durations
from .calls import Call, Reply
from .client import Client
from .connection import CaCert
from .durations import Duration
from .errors import ServerError, Unreachable
from .steps import log

_POLL = 25.0


class LockdClient:
    """Locks as lockd has them: no owner, whoever knows the name unlocks.

        >>> from lockkeeper import LockdClient
        >>> lockd_client = LockdClient()
        >>> lockd_client.Lock("foo")
        True
        >>> lockd_client.IsLocked("foo")
        True
        >>> lockd_client.Unlock("foo")
        True

    `url`: of a lockd door, or its path on the server's main address ("https://locks.example.com/lockd"). `client_id`:
    who this is; then only the same one unlocks.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:2081",
        *,
        client_id: Optional[str] = None,
        username: Optional[str] = None,
        password: Optional[str] = None,
        ca_cert: Optional[CaCert] = None,
        verify: bool = True,
        request_timeout: Duration = 10,
        patience: Duration = 10,
    ) -> None:
        self._client = Client(
            url, username=username, password=password, ca_cert=ca_cert, verify=verify, request_timeout=request_timeout,
            patience=patience,
        )
        self._client_id = client_id

    def __repr__(self) -> str:
        return f"<lockkeeper.LockdClient {self._client._settings.url}>"

    def __enter__(self) -> LockdClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def Lock(self, name: str, *, wait: Optional[Duration] = None, ttl: Optional[Duration] = None) -> bool:
        """False: it is locked, by whoever it be. `wait`: in its queue for so long. `ttl`: it frees itself then."""
        request: Dict[str, Any] = {"request_id": secrets.token_hex(16)}  # so that asking again adds nothing
        if ttl is not None:
            request["ttl"] = durations.exact(durations.in_seconds(ttl, "ttl"))
        waits = 0.0 if wait is None else durations.in_seconds(wait, "wait")
        end = time.monotonic() + waits
        poll = None if wait is None else min(waits, _POLL)
        stands = True  # something may, at the server
        try:
            while True:
                began = time.monotonic()
                if _done(self._ask(name, request, poll), 409):
                    stands = False
                    return True
                left = end - time.monotonic()
                if poll is None or left <= 0:
                    stands = poll is not None  # its place
                    return False
                if time.monotonic() - began < min(poll, 1.0):
                    time.sleep(min(1.0, left))  # it was not kept back
                poll = min(left, _POLL)
        finally:
            if stands:
                self._withdraw(name, request)

    def IsLocked(self, name: str) -> bool:
        return _done(self._client._patiently(Call("GET", "/api/lock?" + urlencode({"name": name}))), 404)

    def Unlock(self, name: str, *, override: bool = False) -> bool:
        """False: it is not locked, or another's: of a client with an id, or of what does not lock as lockd's clients do.
        `override`: whichever client of lockd's has it."""
        return _done(self._client._once(self._call("/api/unlock", name, {"override": True} if override else {})), 409)

    def _call(self, path: str, name: str, fields: Dict[str, Any], longer: float = 0.0) -> Call:
        body = {"name": name, **fields}
        if self._client_id is not None:
            body["client_id"] = self._client_id
        return Call("POST", path, body, longer)

    def _ask(self, name: str, request: Dict[str, Any], poll: Optional[float]) -> Reply:
        fields = request if poll is None else {**request, "wait": durations.exact(poll)}
        call = self._call("/api/lock", name, fields, poll or 0.0)
        return self._client._patiently(call)

    def _withdraw(self, name: str, request: Dict[str, Any]) -> None:
        """That request alone: its lock, its place, or nothing."""
        try:
            self._client._send(self._call("/api/unlock", name, {"request_id": request["request_id"]}), 2.5)
        except (ServerError, Unreachable) as error:
            log.warning("could not give %s back, if it was won: %s", name, error)


def _done(reply: Reply, no: int) -> bool:
    if reply.status == 200:
        return True
    if reply.status == no and "too many" not in reply.text:
        return False
    raise calls.failure(reply)
