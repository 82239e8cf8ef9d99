"""Each question to the server, and how its answer is read. No I/O: client.py and async_client.py do that."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, TypeVar, Union
from urllib.parse import quote, urlencode

from . import durations, records
from .errors import NotYours, ServerError
from .records import Denied, Event, Granted, Lock, Released

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: Optional[Dict[str, Any]] = None
    longer: float = 0.0  # seconds that the server may take more than for any other request


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int
    text: str
    server: str  # its address, without userinfo
    retry_after: Optional[float] = None
    location: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class Identity:
    key: str = dataclasses.field(repr=False)
    holder: str
    claim: str
    request: str
    alone: bool = True  # nobody else comes under this claim's name


def _path(lock: str, rest: str = "") -> str:
    if not lock:
        raise ValueError("a lock has a name")
    # A path's dots mean something: they travel in disguise.
    name = quote(lock, safe="")
    return f"/lock/{name.replace('.', '%2E') if set(name) == {'.'} else name}{rest}"


# ---- what is asked


def look(lock: str) -> Call:
    return Call("GET", _path(lock))


def acquire(
    lock: str,
    identity: Identity,
    begun: int,
    metadata: Mapping[str, str],
    ttl: Optional[float],
    poll: Optional[float],
) -> Call:
    """`poll`: queues, and the answer may be kept back for so long; none: it does not queue."""
    body: Dict[str, Any] = {
        "key": identity.key, "lock_by": identity.holder, "claim": identity.claim, "request": identity.request,
        "begun": begun, "metadata": dict(metadata),
    }
    if ttl is not None:
        body["ttl"] = durations.exact(ttl)
    if poll is not None:
        body["wait"] = durations.exact(poll)
    return Call("PUT", _path(lock), body, longer=poll or 0.0)


def renew(lock: str, identity: Identity, token: int, ttl: Optional[float]) -> Call:
    body: Dict[str, Any] = {"key": identity.key, "claim": identity.claim, "token": token}
    if ttl is not None:
        body["ttl"] = durations.exact(ttl)
    return Call("POST", _path(lock, "/renew"), body)


def give_back(lock: str, identity: Identity, begun: Optional[int]) -> Call:
    """That intention alone: its claim, its place, or what is still on its way."""
    body: Dict[str, Any] = {
        "key": identity.key, "lock_by": identity.holder, "claim": identity.claim, "request": identity.request,
    }
    if begun is not None:
        body["begun"] = begun
    return Call("DELETE", _path(lock), body)


def unlock(lock: str, key: str, holder: Optional[str], claim: Optional[str], every: bool) -> Call:
    body: Dict[str, Any] = {"key": key}
    if claim is None:
        body["all"] = every
    if holder is not None:
        body["lock_by"] = holder
    if claim is not None:
        body["claim"] = claim
    return Call("DELETE", _path(lock), body)


def page(prefix: str, after: Optional[str]) -> Call:
    query = {"view": "full", "state": "held", "limit": "100", "prefix": prefix}
    if after is not None:
        query["after"] = after
    return Call("GET", "/locks?" + urlencode(query))


def history(lock: str, after: Optional[int], limit: int, newest_first: bool) -> Call:
    query = {"limit": str(limit), "order": "newest" if newest_first else "oldest"}
    if after is not None:
        query["after"] = str(after)
    return Call("GET", _path(lock, "/history?" + urlencode(query)))


def force_release(lock: str, reason: str) -> Call:
    return Call("POST", _path(lock, "/force-release"), {"reason": reason})


def status() -> Call:
    return Call("GET", "/status")


def version() -> Call:
    return Call("GET", "/version")


# ---- what was answered


def failure(reply: Reply) -> ServerError:
    words = ""
    try:
        words = str(json.loads(reply.text)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        words = " ".join(reply.text.split())[:200]
    text = f"{reply.server} answered {reply.status}"
    if 300 <= reply.status < 400:
        text += f", a redirect to {(reply.location or 'nowhere').split('?')[0]}, which is not followed"
    elif words:
        text += f": {words}"
    if reply.status == 401:
        text += " (look at username and password)"
    return ServerError(text, reply.status, reply.retry_after)


def _read(reply: Reply, reader: Callable[[Any], T]) -> T:
    try:
        return reader(json.loads(reply.text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # From something else: a portal, a proxy, another program's server.
        start = " ".join(reply.text.split())[:200]
        raise ServerError(
            f"{reply.server} answered {reply.status} with what is no Lockkeeper's answer ({error!r}): {start}", reply.status
        ) from None


def _ok(reply: Reply) -> Reply:
    if reply.status != 200:
        raise failure(reply)
    return reply


def read_lock(reply: Reply) -> Lock:
    return _read(_ok(reply), records.lock)


def read_acquired(reply: Reply) -> Union[Granted, Denied]:
    if reply.status in (410, 423):
        return _read(reply, records.denied)
    return _read(_ok(reply), records.granted)


def _renewed(json_: Mapping[str, Any]) -> Optional[float]:
    return durations.parse(json_["ttl"]) if "ttl" in json_ else None


def read_renewed(reply: Reply) -> Union[Optional[float], Denied]:
    """The ttl in effect."""
    if reply.status in (410, 423):
        return _read(reply, records.denied)
    return _read(_ok(reply), _renewed)


def read_released(reply: Reply) -> Union[Released, Denied]:
    if reply.status == 423:
        return _read(reply, records.denied)
    return _read(_ok(reply), records.released)


def must_release(lock: str, reply: Reply) -> Released:
    answer = read_released(reply)
    if isinstance(answer, Denied):
        raise NotYours(answer.error, lock, answer.holders)
    return answer


def _page(json_: Mapping[str, Any]) -> Tuple[List[Lock], Optional[str]]:
    locks = [records.lock(one) for one in json_["locks"]]
    return locks, locks[-1].name if json_["more"] and locks else None


def read_page(reply: Reply) -> Tuple[List[Lock], Optional[str]]:
    """And the name to go on after, if there is more."""
    return _read(_ok(reply), _page)


def _events(json_: Mapping[str, Any]) -> List[Event]:
    return [records.event(one) for one in json_["events"]]


def read_history(reply: Reply) -> List[Event]:
    return _read(_ok(reply), _events)


def _counts(json_: Mapping[str, Any]) -> Dict[str, int]:
    return {name: int(value) for name, value in json_.items()}


def read_status(reply: Reply) -> Dict[str, int]:
    return _read(_ok(reply), _counts)


def _version(json_: Mapping[str, Any]) -> str:
    return str(json_["version"])


def read_version(reply: Reply) -> str:
    return _read(_ok(reply), _version)
