"""Whether what clients were told by several servers, and the histories that the locks have in the end, could come from
one lock service that does one thing at a time.

    problems = check(calls, {"lock": events})      # events: of GET /lock/NAME/history, oldest first, from version 1

Each lock is looked at alone; linearizability is local. Its versions put all changes into one order, so no order has to
be searched for:
  1. the events are replayed (history_ledger.py): versions without gaps, tokens that only grow, one key at a time, one
     claim or place a name, first in first out, nothing granted to an intention that is over;
  2. every answer is held against what stood at the version that it tells, and every change that was acknowledged is
     exactly one event: two answers never tell of one event, and an event that no answer tells of was asked for by
     somebody who does not know (no answer, 503);
  3. there must be an instant for each change, in the order of versions, such that it lies after the call that asked for
     it began; before every answer that knows of it ended; after every call began whose answer does not know of it; and
     a lapse at least its ttl after what its ttl counts from.
3 asks for the earliest instants that all lower bounds allow, in one pass, and looks whether an upper bound is passed:
if one is, no instants would do.
"""

import collections
import dataclasses
import math

from history_ledger import Ledger, Place


@dataclasses.dataclass
class Call:
    """One request. Times are time.monotonic() of one machine."""

    kind: str       # acquire, release (by the claim's name), withdraw (by its request), renew, look
    lock: str
    invoked: float
    returned: float = math.inf
    claim: str = ""      # its name
    intention: str = ""  # lock_by, of which each intention has its own; also of what is released, withdrawn, renewed
    key: str = ""
    begun: int = 0
    ttl: float = 0       # seconds
    wait: bool = False
    at: str = ""         # the server that was asked, for people
    status: int | None = None  # none: no answer
    body: dict | None = None

    @property
    def unknown(self):
        return self.status is None or self.status == 503 and ("unknown" in self.body["error"] or self.wait)

    @property
    def version(self):
        """None: its answer tells none."""
        return self.body.get("version") if self.status not in (None, 503) else None

    def __str__(self):
        return (f"{self.kind} {self.claim} {self.intention} at {self.at or 'the server'} "
                f"[{self.invoked:.3f}, {self.returned:.3f}] -> {self.status} {self.body}")


def check(calls, histories, grace=0.0):
    """Everything that is wrong, as texts. `grace`: of waiters, in seconds."""
    by_lock = collections.defaultdict(list)
    for call in calls:
        by_lock[call.lock].append(call)
    problems = [f"{lock}: no history of it" for lock in by_lock if lock not in histories]
    for lock, events in histories.items():
        problems += _OfLock(lock, by_lock[lock], events, grace).problems
    return problems


class _OfLock:
    def __init__(self, lock, calls, events, grace):
        self.calls, self.events, self.grace = calls, events, grace
        self.acquires = collections.defaultdict(list)
        for call in calls:
            if call.kind == "acquire":
                self.acquires[call.intention].append(call)
        intentions = {one: (copies[0].key, max(copy.begun for copy in copies)) for one, copies in self.acquires.items()}
        self.ledger = Ledger(lock, intentions).replay(events)
        self.problems = self.ledger.problems
        if self.problems:
            return  # what is built on them says nothing
        self.changes = []  # of each event, the number of its change
        for at, event in enumerate(events):
            first = at == 0 or events[at - 1]["change"] != event["change"]
            self.changes.append((self.changes[-1] if at else -1) + first)
        ids = {event["change"] for event in events}
        if len(ids) != (self.changes[-1] + 1 if events else 0):
            self.problems.append(f"{lock}: a change was applied twice")
        self.told_by = {}  # version of an event: the call whose answer tells of it
        self.earliest = collections.defaultdict(lambda: (-math.inf, "nothing"))  # by number of a change
        self.latest = collections.defaultdict(lambda: (math.inf, "nothing"))
        for call in calls:
            self.look_at_answer(call)
        self.look_at_events()
        if not self.problems:
            self.look_at_time()

    def wrong(self, call, what):
        self.problems.append(f"{self.ledger.lock}: {what}: {call}")

    def event(self, version):
        return self.events[version - 1]

    def after(self, version, instant, why):
        """The change that brought the version was made after that instant."""
        if 0 < version <= len(self.events):
            number = self.changes[version - 1]
            self.earliest[number] = max(self.earliest[number], (instant, str(why)))

    def before(self, version, instant, why):
        if version > 0:
            number = self.changes[version - 1]
            self.latest[number] = min(self.latest[number], (instant, str(why)))

    # ---- answers

    def look_at_answer(self, call):
        if call.version is None:
            return
        if call.version > len(self.events):
            return self.wrong(call, f"the history ends at {len(self.events)}, before what was acknowledged")
        self.before(call.version, call.returned, call)
        self.after(call.version + 1, call.invoked, call)
        getattr(self, f"{call.kind}_{call.status}")(call, self.ledger.states[call.version])

    def tells_of(self, call, version):
        """Only one answer does, of whatever is done once."""
        other = self.told_by.setdefault(version, call)
        if other is not call:
            self.wrong(call, f"version {version} was acknowledged twice, also by {other}")
        self.after(version, call.invoked, call)

    def look_200(self, call, state):
        claims = sorted((claim.get("claim"), claim["token"], claim["holder"]) for claim in call.body["claims"])
        queue = [(place.get("claim"), place["holder"]) for place in call.body["queue"]]
        if (claims != sorted((claim.name, claim.token, claim.holder) for claim in state.claims.values())
                or queue != [(place.name, place.holder) for place in state.queue]):
            self.wrong(call, f"it does not show {state}")

    def acquire_200(self, call, state):
        claim = state.claims.get(call.claim)
        if claim is None or claim.holder != call.intention or claim.token != call.body["token"] or claim.offered:
            self.wrong(call, f"it was told that it has the lock, and {state.claims} have it")

    def acquire_423(self, call, state):
        if "position" in call.body:
            at = call.body["position"] - 1
            place = state.queue[at] if at < len(state.queue) else None
            if place is None or place.holder != call.intention:
                self.wrong(call, f"its place is not there: {state.queue}")
        elif not state.claims and not state.queue or state.holds(call.intention) or state.waits(call.intention):
            self.wrong(call, f"refused, and there is {state}")

    def acquire_410(self, call, state):
        if state.holds(call.intention) or state.waits(call.intention):
            self.wrong(call, f"told that it is over, and there is {state}")
        later = [event for event in self.events[call.version:] if event["holder"] == call.intention
                 and event["what"] in ("acquired", "shared", "queued", "granted", "offered", "taken over")]
        if later:
            self.wrong(call, f"told that it is over before {later[0]}")

    def acquire_409(self, call, state):
        pass

    def release_200(self, call, state):
        if call.body["released"]:
            own = self.changes[call.version - 1]
            released = next((event for event in reversed(self.events[:call.version]) if event["what"] == "released"
                             and event["claim"] == call.claim), None)
            if released is None or self.changes[released["version"] - 1] != own:
                return self.wrong(call, "nothing was released")
            self.tells_of(call, released["version"])
        elif call.claim in state.claims or any(place.name == call.claim for place in state.queue):
            self.wrong(call, f"nothing was there to release, and there is {state}")

    def withdraw_200(self, call, state):
        if state.holds(call.intention) or state.waits(call.intention):
            self.wrong(call, f"withdrawn, and there is {state}")

    def release_423(self, call, state):
        claim = state.claims.get(call.claim)
        if claim is not None and claim.holder == call.intention:
            self.wrong(call, "not let release what is its own")

    withdraw_423 = release_423

    def renew_200(self, call, state):
        claim = state.claims.get(call.claim)
        if "ttl" not in call.body and claim is not None and claim.token == call.body["token"]:
            return  # it has no end to put off
        event = self.event(call.version) if call.version else {}
        if (event.get("what"), event.get("claim"), event.get("token")) != ("renewed", call.claim, call.body["token"]):
            return self.wrong(call, "its renewal is not in the history")
        self.tells_of(call, call.version)

    def renew_410(self, call, state):
        claim = state.claims.get(call.claim)
        if claim is not None and claim.holder == call.intention and not claim.offered:
            self.wrong(call, f"told that it is over, and there is {state}")

    def renew_423(self, call, state):
        if state.holds(call.intention):
            self.wrong(call, f"not let renew what is its own: {state}")

    # ---- events

    def look_at_events(self):
        doubtful = collections.defaultdict(list)  # kind and claim's name: calls that do not know what they did
        for call in self.calls:
            if call.kind in ("release", "renew") and call.unknown:
                doubtful[call.kind, call.claim].append(call)
        for event in self.events:
            kind = {"released": "release", "renewed": "renew"}.get(event["what"])
            if kind and "token" in event and event["version"] not in self.told_by:
                suspects = list(doubtful[kind, event["claim"]])
                if kind == "renew":  # who asks again for what it has is told only after that is written
                    suspects += self.acquires[event["holder"]][1:]
                if not suspects:
                    self.problems.append(f"{self.ledger.lock}: nobody asked for {event}")
                else:
                    self.after(event["version"], min(call.invoked for call in suspects), suspects[0])
            if event["what"] in ("acquired", "shared", "queued", "taken over"):
                self.look_at_coming(event)

    def look_at_coming(self, event):
        copies = self.acquires[event["holder"]]
        self.after(event["version"], min(call.invoked for call in copies), copies[0])
        if all(call.status == 503 and not call.unknown for call in copies):
            self.wrong(copies[0], f"told that nothing was done, and there is {event}")

    # ---- time

    def least(self, ended):
        """How long a claim or a place stands at least that lapses, in seconds."""
        if isinstance(ended, Place) or ended.offered:
            return self.grace
        return min(call.ttl for call in self.acquires[ended.holder])

    def look_at_time(self):
        instants = [(-math.inf, "nothing")]
        for at, event in enumerate(self.events):
            number = self.changes[at]
            if number + 1 == len(instants):
                instants.append(max(instants[-1], self.earliest[number]))
            if event["what"] in ("lapsed", "offer lapsed"):
                ended = self.ledger.started[event["version"]]
                begun, why = instants[self.changes[ended.counted_from - 1] + 1]
                least = self.least(ended)
                instants[-1] = max(instants[-1], (begun + least, f"{least} s after what is after {why}"))
        for number, (instant, why) in enumerate(instants[1:]):
            latest, known = self.latest[number]
            if instant > latest:
                event = self.events[self.changes.index(number)]
                self.problems.append(f"{self.ledger.lock}: version {event['version']} ({event['what']}) was made after "
                                     f"{instant:.3f}, because of {why}, and is known before {latest:.3f} to {known}")


# ---- for who records


def whole_history(get, lock):
    """get(path) -> decoded body. All events, oldest first."""
    events, after = [], 0
    while True:
        page = get(f"/lock/{lock}/history?order=oldest&limit=1000&after={after}")
        events += page["events"]
        if not page["more"]:
            return events
        after = events[-1]["version"]
