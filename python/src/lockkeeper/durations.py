"""Durations: a number of seconds, a timedelta, or a text with units ("90s", "1h30m", "PT5M")."""

from __future__ import annotations

import datetime
import math
import re
from typing import Union

Duration = Union[int, float, str, datetime.timedelta]

FOREVER = math.inf  # for `wait`

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PIECE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|[hms])")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def parse(text: str) -> float:
    """Seconds. ValueError says what is wrong."""
    iso = _ISO.fullmatch(text)
    if iso and any(iso.groups()):
        days, hours, minutes, rest = (float(part or 0) for part in iso.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + rest
    total, at = 0.0, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            break
        total += float(piece[1]) * _UNITS[piece[2]]
        at = piece.end()
    if not text or at != len(text):
        hint = f'; write "{text}s" for seconds' if re.fullmatch(r"\d+(\.\d+)?", text) else ""
        raise ValueError(f'"{text}" is no duration such as "90s" or "1h30m"{hint}')
    return total


def in_seconds(duration: Duration, what: str) -> float:
    if isinstance(duration, datetime.timedelta):
        given = duration.total_seconds()
    elif isinstance(duration, str):
        try:
            given = parse(duration)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    else:
        given = float(duration)
    if math.isnan(given) or given < 0:
        raise ValueError(f"{what}: {duration!r} is negative or no number")
    if math.isinf(given) and what != "wait":
        raise ValueError(f"{what}: for ever is too long{'; None is until it is released' if what == 'ttl' else ''}")
    return given


def exact(seconds: float) -> str:
    """As the server reads it, to the millisecond; a part of one counts up."""
    milliseconds = math.ceil(round(seconds * 1000, 6))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def for_people(seconds: float) -> str:
    """The two most significant units: "3m10s"."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    while parts[0][0] == 0:
        parts.pop(0)
    return "".join(f"{number}{unit}" for number, unit in parts[:2] if number)
