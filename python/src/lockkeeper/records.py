"""What the server tells, as values. Shapes and meaning: the server's API page and its OpenAPI."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Dict, Mapping, Optional, Tuple

from . import durations

Json = Mapping[str, Any]


def _time(text: Optional[str]) -> Optional[datetime.datetime]:
    return None if text is None else datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _must_time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def _seconds(text: Optional[str]) -> Optional[float]:
    return None if text is None else durations.parse(text)


@dataclasses.dataclass(frozen=True)
class Hold:
    """One holder's claims on a lock."""

    holder: str
    count: int
    since: datetime.datetime
    metadata: Dict[str, str]


@dataclasses.dataclass(frozen=True)
class Claim:
    name: Optional[str]
    holder: str
    count: int
    token: int
    since: datetime.datetime
    metadata: Dict[str, str]
    by: Optional[str]  # who authenticated
    ttl: Optional[float]  # seconds, as all durations here
    max_hold: Optional[float]
    offered: Optional[float]  # an offer to a waiter that is not there: it passes on after so long


@dataclasses.dataclass(frozen=True)
class Waiter:
    claim: Optional[str]
    holder: str
    since: datetime.datetime
    metadata: Dict[str, str]
    by: Optional[str]
    ttl: Optional[float]


@dataclasses.dataclass(frozen=True)
class Lock:
    name: str
    held: bool
    version: int
    count: int
    since: Optional[datetime.datetime]
    mean_hold: Optional[float]
    holders: Tuple[Hold, ...]
    claims: Tuple[Claim, ...]
    queue: Tuple[Waiter, ...]  # the next first


@dataclasses.dataclass(frozen=True)
class Event:
    version: int
    at: datetime.datetime
    what: str
    holder: str
    claim: Optional[str]
    token: Optional[int]
    count: int
    by: Optional[str]
    door: str
    reason: Optional[str]


@dataclasses.dataclass(frozen=True)
class Ahead:
    holder: str
    since: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Place:
    """In a lock's queue."""

    lock: str
    position: int  # 1: the next
    waiters: int
    since: datetime.datetime
    holders: Tuple[Hold, ...]  # who has the lock
    ahead: Tuple[Ahead, ...]  # who waits before, the nearest to the lock first; ten at most
    estimate: Optional[float]  # seconds until it is granted, where history tells


@dataclasses.dataclass(frozen=True)
class Granted:
    claim: str
    token: int
    since: datetime.datetime
    ttl: Optional[float]
    max_hold: Optional[float]
    again: bool
    taken_over: bool


@dataclasses.dataclass(frozen=True)
class Denied:
    error: str
    version: int
    holders: Tuple[Hold, ...]
    place: Optional[Place]
    why: Optional[str]  # closed, superseded, forgotten, ended; none: held by others
    ended: Optional[str]


@dataclasses.dataclass(frozen=True)
class Released:
    released: int  # claims that ended
    withdrawn: bool  # a place was left, or there was nothing and the name is closed
    ended: Optional[str]  # how the claim had ended before
    version: int
    holders: Tuple[Hold, ...]


def hold(json: Json) -> Hold:
    return Hold(json["holder"], json["count"], _must_time(json["since"]), dict(json["metadata"]))


def holds(json: Json) -> Tuple[Hold, ...]:
    return tuple(hold(one) for one in json.get("holders", ()))


def claim(json: Json) -> Claim:
    return Claim(
        json.get("claim"), json["holder"], json["count"], json["token"], _must_time(json["since"]), dict(json["metadata"]),
        json.get("by"), _seconds(json.get("ttl")), _seconds(json.get("max_hold")), _seconds(json.get("offered")),
    )


def waiter(json: Json) -> Waiter:
    return Waiter(
        json.get("claim"), json["holder"], _must_time(json["since"]), dict(json["metadata"]), json.get("by"),
        _seconds(json.get("ttl")),
    )


def lock(json: Json) -> Lock:
    return Lock(
        json["lock"], json["state"] == "held", json["version"], json["count"], _time(json.get("since")),
        _seconds(json.get("mean_hold")), holds(json), tuple(map(claim, json["claims"])), tuple(map(waiter, json["queue"])),
    )


def event(json: Json) -> Event:
    return Event(
        json["version"], _must_time(json["at"]), json["what"], json["holder"], json.get("claim"), json.get("token"),
        json["count"], json.get("by"), json["door"], json.get("reason"),
    )


def granted(json: Json) -> Granted:
    return Granted(
        json["claim"], json["token"], _must_time(json["since"]), _seconds(json.get("ttl")), _seconds(json.get("max_hold")),
        json["again"], json["taken_over"],
    )


def place(json: Json) -> Optional[Place]:
    if "position" not in json:
        return None
    ahead = tuple(Ahead(one["holder"], _must_time(one["since"])) for one in json["ahead"])
    return Place(
        json["lock"], json["position"], json["waiters"], _must_time(json["since"]), holds(json), ahead,
        _seconds(json.get("estimate")),
    )


def denied(json: Json) -> Denied:
    return Denied(json["error"], json["version"], holds(json), place(json), json.get("why"), json.get("ended"))


def released(json: Json) -> Released:
    return Released(json["released"], json["withdrawn"], json.get("ended"), json["version"], holds(json))
