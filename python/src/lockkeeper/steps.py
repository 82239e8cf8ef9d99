"""What is to be done, told apart from how: a generator yields questions and pauses, and gets each answer sent or each
failure thrown into it. The same rules serve threads and tasks, and a test that owns the clock."""

from __future__ import annotations

import dataclasses
import logging
import random
from typing import Callable, Generator, Optional, TypeVar, Union

from .calls import Call, Reply, failure
from .clock import Clock, boot_time
from .errors import ServerError, Unreachable
from .retry import Backoff

T = TypeVar("T")

log = logging.getLogger("lockkeeper")


@dataclasses.dataclass(frozen=True)
class Ask:
    call: Call
    timeout: float  # seconds, and call.longer on top


@dataclasses.dataclass(frozen=True)
class Pause:
    seconds: float


Steps = Generator[Union[Ask, Pause], Optional[Reply], T]


@dataclasses.dataclass(frozen=True)
class World:
    clock: Clock = boot_time
    random: Callable[[], float] = random.random


def ask_once(call: Call, timeout: float) -> Steps[Reply]:
    """Raises Unreachable."""
    reply = yield Ask(call, timeout)
    assert reply is not None
    return reply


Failure = Union[ServerError, Unreachable]


def patiently(
    world: World,
    make: Callable[[], Call],
    timeout: float,
    until: float,
    failed: Optional[Callable[[Failure], None]] = None,
) -> Steps[Reply]:
    """Asks until there is an answer, good or bad, that would not pass by itself; raises the last failure when `until`
    comes first. `make` is called before each try, `failed` after each that failed."""
    backoff = Backoff(world.random)
    troubled = False
    while True:
        error: Failure
        try:
            reply = yield from ask_once(make(), timeout)
            error = failure(reply)
            if not error.may_pass:
                if troubled:
                    log.info("%s answers again", reply.server)
                return reply
        except Unreachable as unreachable:
            error = unreachable
        if failed is not None:
            failed(error)
        if not error.may_pass:
            raise error
        pause = backoff.next(error.retry_after)
        if world.clock() + pause >= until:
            raise error
        if not troubled:
            log.warning("%s; trying again", error)
        troubled = True
        yield Pause(pause)
