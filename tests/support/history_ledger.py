"""One lock as its history tells it: replays the events, says what no lock service may do, and keeps what stood after
each of them, for answers to be held against.

An intention is known by its holder: the crowd gives each one a holder of its own, so that events and requests find
each other. All claims have names.
"""

import dataclasses

GRANTS = ("acquired", "shared", "granted", "offered", "taken over")


@dataclasses.dataclass(frozen=True)
class Claim:
    name: str
    token: int
    holder: str
    offered: bool
    counted_from: int  # the version from which its ttl, or the grace of an offer, counts


@dataclasses.dataclass(frozen=True)
class Place:
    name: str
    holder: str
    counted_from: int


@dataclasses.dataclass(frozen=True)
class State:
    claims: dict
    queue: tuple

    def holds(self, holder):
        return any(claim.holder == holder for claim in self.claims.values())

    def waits(self, holder):
        return any(place.holder == holder for place in self.queue)


class Ledger:
    """intentions: {holder: (key, greatest begun that it sent)}."""

    def __init__(self, lock, intentions):
        self.lock = lock
        self.intentions = intentions
        self.problems = []
        self.claims = {}
        self.queue = []
        self.key = None
        self.version = 0
        self.closed = {}   # name: up to which begun
        self.over = set()  # intentions that may never hold it or queue again
        self.states = [State({}, ())]
        self.started = {}  # version of what lapsed: version from which its time counts

    def replay(self, events):
        for at, event in enumerate(events):
            self.apply(event)
            self.states.append(State(dict(self.claims), tuple(self.queue)))
            whole = at + 1 == len(events) or events[at + 1]["change"] != event["change"]
            if whole and self.queue and not self.claims:
                self.wrong(event, "it is free, and somebody is queued")
        return self

    def wrong(self, event, what):
        self.problems.append(f"{self.lock} at {event['version']} ({event['what']} {event.get('claim', '')} for "
                             f"{event['holder']}): {what}")

    def apply(self, event):
        if event["version"] != self.version + 1:
            self.wrong(event, f"it follows version {self.version}")
        self.version = event["version"]
        self.event = event
        name, token = event.get("claim"), event.get("token")
        getattr(self, "on_" + event["what"].replace(" ", "_"))(event, name, token)

    def place(self, name):
        return next((place for place in self.queue if place.name == name), None)

    def key_of(self, holder):
        if holder not in self.intentions:
            self.wrong(self.event, "nobody asked for it")
            return None
        return self.intentions[holder][0]

    def must_be_open(self, event, name):
        holder = event["holder"]
        if holder in self.over:
            self.wrong(event, "its intention was over")
        elif holder in self.intentions and self.intentions[holder][1] <= self.closed.get(name, -1):
            self.wrong(event, f"it began before the name was closed up to {self.closed[name]}")

    # ---- in

    def add(self, event, name, offered=False):
        token, holder = event["token"], event["holder"]
        if token != event["version"]:  # which grow without gaps, and so do tokens
            self.wrong(event, f"token {token} is not its version")
        if name in self.claims:
            self.wrong(event, "one name has two claims")
        if self.place(name):
            self.wrong(event, "one name has a claim and a place")
        key = self.key_of(holder)
        if self.claims and key != self.key:
            self.wrong(event, f"held with two keys: {sorted(self.claims)} hold it")
        self.key = key
        self.must_be_open(event, name)
        self.claims[name] = Claim(name, token, holder, offered, event["version"])

    def from_queue(self, event, name, offered=False):
        place = self.place(name)
        if place is None:
            return self.wrong(event, "it is not in the queue")
        if place != self.queue[0]:
            self.wrong(event, f"{self.queue[0].name} was queued before it")
        self.queue.remove(place)
        self.add(event, name, offered)

    def on_acquired(self, event, name, _):
        if self.claims:
            self.wrong(event, f"acquired while {sorted(self.claims)} hold it")
        self.on_shared(event, name, _)

    def on_shared(self, event, name, _):
        if self.queue:
            self.wrong(event, f"came in before {self.queue[0].name}, which is queued")
        self.add(event, name)

    def on_queued(self, event, name, _):
        if name in self.claims or self.place(name):
            self.wrong(event, "queued, and its name has a claim or a place")
        self.key_of(event["holder"])
        self.must_be_open(event, name)
        self.queue.append(Place(name, event["holder"], event["version"]))

    def on_granted(self, event, name, _):
        offer = self.claims.get(name)
        if offer is None:
            return self.from_queue(event, name)
        if not offer.offered:
            self.wrong(event, "granted, and held already")
        del self.claims[name]
        self.add(event, name)

    def on_offered(self, event, name, token):
        if token == event["version"]:
            return self.from_queue(event, name, offered=True)
        claim = self.claims.get(name)
        if claim is None or claim.token != token:
            return self.wrong(event, "handed back what nobody holds")
        self.claims[name] = dataclasses.replace(claim, offered=True, counted_from=event["version"])

    def on_taken_over(self, event, name, token):
        if token is None:
            place = self.place(name)
            if place is None:
                return self.wrong(event, "took over a place that is not there")
            self.over.add(place.holder)
            self.must_be_open(event, name)
            self.queue[self.queue.index(place)] = Place(name, event["holder"], event["version"])
            return
        former = self.claims.pop(name, None)
        if former is None:
            self.wrong(event, "took over a claim that is not there")
        else:
            self.over.add(former.holder)
        self.add(event, name)

    # ---- on and out

    def on_renewed(self, event, name, token):
        if token is None:
            place = self.place(name)
            if place is None:
                return self.wrong(event, "kept a place that is not there")
            self.queue[self.queue.index(place)] = dataclasses.replace(place, counted_from=event["version"])
            return
        claim = self.claims.get(name)
        if claim is None or claim.token != token:
            return self.wrong(event, "renewed what nobody holds")
        self.claims[name] = dataclasses.replace(claim, counted_from=event["version"])

    def end(self, event, name, token):
        claim = self.claims.get(name)
        if claim is None or claim.token != token:
            return self.wrong(event, "ended what nobody holds")
        del self.claims[name]
        self.started[event["version"]] = claim
        if event["what"] != "offer lapsed":  # who missed an offer may come and queue again
            self.over.add(claim.holder)

    def close(self, name, up_to):
        self.closed[name] = max(up_to, self.closed.get(name, -1))

    def on_lapsed(self, event, name, token):
        if token is not None:
            self.end(event, name, token)
            return self.close(name, event["version"] - 1)
        place = self.place(name)
        if place is None:
            return self.wrong(event, "a place lapsed that is not there")
        self.queue.remove(place)
        self.started[event["version"]] = place

    def on_offer_lapsed(self, event, name, token):
        self.end(event, name, token)

    def on_released(self, event, name, token):
        self.end(event, name, token)
        self.close(name, event["version"] - 1)

    def on_withdrawn(self, event, name, token):
        """By request or by name, with what stood under it or without: that intention is over in any case."""
        place = self.place(name)
        if token is not None:
            self.end(event, name, token)
        elif place is not None and place.holder == event["holder"]:
            self.queue.remove(place)
        self.over.add(event["holder"])

    def on_forced(self, event, *_):
        for name, claim in list(self.claims.items()):
            self.end(event, name, claim.token)
            self.close(name, event["version"] - 1)
