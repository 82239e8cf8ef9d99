"""The checker of histories (tests/support/history_check.py) believes an honest one, and none of those that are broken."""

import copy

import pytest

from history_check import Call, check


class Story:
    """What a service that does one thing at a time would have written and said. Every change takes a second: it is made
    half a second after it was asked for, and answered half a second later."""

    def __init__(self):
        self.now = 0.0
        self.events = []
        self.calls = {}

    def call(self, name, kind, who, status, body, **fields):
        self.now += 1
        self.calls[name] = Call(kind, "prod", self.now - 1, self.now, who.split("/")[0], who, who, status=status,
                                body={"version": len(self.events)} | body, **fields)
        return self.calls[name]

    def event(self, what, who, token=None, same_change=False):
        version = len(self.events) + 1
        change = self.events[-1]["change"] if same_change else f"c{version}"
        one = {"version": version, "what": what, "holder": who, "claim": who.split("/")[0], "change": change}
        if token is not None:
            one["token"] = token or version
        self.events.append(one)

    def check(self):
        return check(list(self.calls.values()), {"prod": self.events}, grace=10)


def look(story, name, holder=None, token=None, queue=()):
    claims = [{"claim": holder.split("/")[0], "holder": holder, "token": token}] if holder else []
    story.call(name, "look", "x/0", 200, {"claims": claims, "queue": [
        {"claim": who.split("/")[0], "holder": who} for who in queue]})


def honest():
    """a holds; b, c queue; a releases to b; d is refused; b renews, lapses; c has it, releases; d comes."""
    story = Story()
    story.event("acquired", "a/1", 0)
    story.call("a in", "acquire", "a/1", 200, {"token": 1})
    look(story, "a seen", "a/1", 1)
    story.event("queued", "b/1")
    story.call("b queued", "acquire", "b/1", 423, {"position": 1}, wait=True, ttl=4, begun=1)
    story.event("queued", "c/1")
    story.call("c queued", "acquire", "c/1", 423, {"position": 2}, wait=True, begun=1)
    story.event("released", "a/1", 1)
    story.event("granted", "b/1", 0, same_change=True)
    story.call("a out", "release", "a/1", 200, {"released": 1})
    story.call("b in", "acquire", "b/1", 200, {"token": 5}, wait=True, ttl=4, begun=1)
    story.call("d refused", "acquire", "d/1", 423, {}, begun=5)
    story.event("renewed", "b/1", 5)
    story.call("b renewed", "renew", "b/1", 200, {"token": 5, "ttl": "4s"})
    story.now += 4
    story.event("lapsed", "b/1", 5)
    story.event("granted", "c/1", 0, same_change=True)
    story.call("c in", "acquire", "c/1", 200, {"token": 8}, wait=True, begun=1)
    look(story, "c seen", "c/1", 8)
    story.call("b is over", "acquire", "b/1", 410, {}, wait=True, ttl=4, begun=1)
    story.event("released", "c/1", 8)
    story.call("c out", "release", "c/1", 200, {"released": 1})
    story.event("acquired", "d/2", 0)
    story.call("d in", "acquire", "d/2", 200, {"token": 10}, begun=9)
    look(story, "d seen", "d/2", 10)
    return story


def test_an_honest_history_is_believed():
    assert honest().check() == []


def test_whose_answer_is_lost_may_have_been_heard_or_not():
    story = honest()
    for name in ("a in", "a out", "b renewed", "c out", "d in"):
        story.calls[name].status = story.calls[name].body = None
        story.calls[name].returned = float("inf")
    story.calls["nothing came of it"] = Call("release", "prod", 3, claim="c", intention="c/1", key="c/1")
    assert story.check() == []


def test_what_has_no_ttl_is_renewed_without_a_trace():
    story = honest()
    story.call("d stays", "renew", "d/2", 200, {"token": 10})
    assert story.check() == []
    story.calls["d stays"].body["token"] = 9
    assert story.check() != []


def test_who_asks_again_for_what_it_has_may_renew_it():
    story = honest()
    story.event("renewed", "d/2", 10)
    assert any("nobody asked for" in problem for problem in story.check())
    story.call("d again", "acquire", "d/2", 200, {"token": 10}, begun=9)
    assert story.check() == []


def test_calls_at_one_time_may_have_been_heard_in_any_order():
    story = honest()
    calls = story.calls
    calls["c queued"].invoked = calls["b queued"].invoked = calls["a in"].invoked
    calls["b is over"].returned = calls["c queued"].returned = 100
    assert story.check() == []


# ---- broken ones: what is done to the honest story, and a word of what is said of it

BROKEN = {}


def broken(said):
    def keep(make):
        BROKEN[make.__name__.replace("_", " ")] = (make, said)
        return make
    return keep


@broken("is known before")
def a_stale_read(story):
    stale = copy.deepcopy(story.calls["a seen"])
    stale.invoked, stale.returned = story.calls["c in"].returned, story.calls["c in"].returned + 1
    story.calls["stale"] = stale


@broken("is known before")
def a_stale_refusal(story):
    stale = copy.deepcopy(story.calls["d refused"])
    stale.invoked, stale.returned = story.calls["c out"].returned, story.calls["c out"].returned + 1
    story.calls["stale"] = stale


@broken("is known before")
def a_read_from_the_future(story):
    story.calls["d seen"].invoked = 0
    story.calls["d seen"].returned = story.calls["d in"].invoked - 1


@broken("is known before")
def changes_against_the_order_of_time(story):
    late = story.calls["c out"]
    late.invoked, late.returned = story.calls["d in"].returned + 1, story.calls["d in"].returned + 2


@broken("acquired while")
def two_at_once_with_two_keys(story):
    story.events[8] = {"version": 9, "what": "acquired", "holder": "d/2", "claim": "d", "token": 9, "change": "c9"}
    del story.events[9:]


@broken("held with two keys")
def a_share_with_another_key(story):
    story.events[9]["what"] = "shared"
    story.events[8:9] = []
    story.events[8] |= {"version": 9, "token": 9}


@broken("the history ends at")
def a_lost_change_that_was_acknowledged(story):
    del story.events[9:]


@broken("follows version")
def a_version_that_is_missing(story):
    del story.events[5]


@broken("follows version")
def a_version_that_is_there_twice(story):
    story.events.insert(2, copy.deepcopy(story.events[1]))


@broken("was queued before it")
def an_overtaken_waiter(story):
    story.events[4] |= {"holder": "c/1", "claim": "c"}


@broken("which is queued")
def one_who_comes_in_past_the_queue(story):
    story.events[4] |= {"what": "acquired", "holder": "d/2", "claim": "d"}


@broken("and somebody is queued")
def a_lost_hand_over(story):
    del story.events[4:]


@broken("token 1 is not its version")
def a_token_that_is_used_again(story):
    story.events[4]["token"] = 1


@broken("two claims")
def one_name_twice(story):
    story.events[1] = story.events[0] | {"what": "shared", "version": 2, "token": 2, "change": "c2"}


@broken("a claim or a place")
def a_claim_that_queues_too(story):
    story.events[1] |= {"holder": "a/1", "claim": "a"}


@broken("its intention was over")
def a_late_copy_that_takes_the_lock(story):
    story.events[9] |= {"holder": "a/1", "claim": "a"}


@broken("before the name was closed")
def a_forgotten_process_that_takes_the_lock(story):
    story.events[9] |= {"holder": "a/2", "claim": "a"}
    story.calls["late"] = Call("acquire", "prod", 0, claim="a", intention="a/2", key="a/2", begun=0)


@broken("nobody asked for it")
def a_holder_that_never_asked(story):
    story.events[9] |= {"holder": "e/1", "claim": "e"}


@broken("nobody asked for")
def a_release_that_nobody_asked_for(story):
    del story.calls["c out"]


@broken("was acknowledged twice")
def one_release_that_two_are_told_of(story):
    story.calls["again"] = copy.deepcopy(story.calls["c out"])


@broken("was acknowledged twice")
def one_renewal_that_two_are_told_of(story):
    story.calls["again"] = copy.deepcopy(story.calls["b renewed"])


@broken("nothing was released")
def a_release_without_an_event(story):
    del story.events[8:]
    for name in ("c out", "d in", "d seen"):
        del story.calls[name]
    story.call("false", "release", "c/1", 200, {"released": 1})


@broken("nothing was there to release")
def a_release_that_does_not_see_the_claim(story):
    story.call("false", "release", "d/2", 200, {"released": 0})


@broken("it was told that it has the lock")
def two_who_are_told_that_they_have_it(story):
    story.call("false", "acquire", "e/1", 200, {"token": 10})


@broken("it was told that it has the lock")
def a_token_that_is_not_the_grants(story):
    story.calls["d in"].body["token"] = 9


@broken("refused, and there is")
def a_refusal_of_a_free_lock(story):
    story.calls["d refused"].body["version"] = 9
    story.calls["d refused"].returned = 100


@broken("its place is not there")
def a_place_that_is_not_kept(story):
    story.calls["c queued"].body["position"] = 1


@broken("told that it is over")
def one_who_is_sent_away_and_waits(story):
    story.calls["c queued"].status = 410
    story.calls["c queued"].body = {"version": 3}


@broken("its renewal is not in the history")
def a_renewal_that_is_not_written(story):
    story.calls["b renewed"].body["version"] = 5


@broken("told that it is over, and there is")
def a_renewal_that_does_not_see_the_claim(story):
    story.call("false", "renew", "d/2", 410, {})


@broken("withdrawn, and there is")
def a_withdrawal_that_leaves_the_claim(story):
    story.call("false", "withdraw", "d/2", 200, {"released": 0})


@broken("not let release what is its own")
def a_release_that_is_refused_to_the_holder(story):
    story.call("false", "release", "d/2", 423, {})


@broken("not let renew what is its own")
def a_renewal_that_is_refused_to_the_holder(story):
    story.call("false", "renew", "d/2", 423, {})


@broken("told that it is over, and there is")
def one_who_is_sent_away_and_holds(story):
    story.call("false", "acquire", "d/2", 410, {})


@broken("told that it is over before")
def one_who_is_sent_away_and_comes_in_later(story):
    story.calls["d refused"].status = 410
    story.calls["d refused"].intention = "d/2"


@broken("is known before")
def a_doubtful_release_before_it_was_asked_for(story):
    story.calls["c out"].status = None
    story.calls["c out"].returned = float("inf")
    story.calls["c out"].invoked = story.calls["d in"].returned + 1


@broken("it does not show")
def a_read_that_shows_another_holder(story):
    story.calls["c seen"].body["claims"][0]["holder"] = "b/1"


@broken("it does not show")
def a_read_that_shows_a_queue_out_of_order(story):
    look(story, "queue", "a/1", 1, ["c/1", "b/1"])
    story.calls["queue"].body["version"] = 3
    story.calls["queue"].invoked = 0


@broken("(lapsed) was made after")
def a_lease_that_ends_early(story):
    story.calls["c in"].returned -= 4


@broken("(lapsed) was made after")
def a_renewal_that_puts_nothing_off(story):
    """Acknowledged so late that it is not 4 s to what is known of the lapse."""
    story.calls["b renewed"].invoked = story.calls["c in"].returned - 3.5
    story.calls["b renewed"].returned = story.calls["c in"].returned - 3.4


@broken("told that nothing was done")
def a_change_of_one_who_is_told_that_nothing_was_done(story):
    story.calls["d in"].status = 503
    story.calls["d in"].body = {"error": "the store does not answer"}


@broken("a change was applied twice")
def a_change_that_was_applied_twice(story):
    story.events[9]["change"] = "c1"


@broken("no history")
def a_lock_that_is_forgotten(story):
    story.calls["elsewhere"] = Call("look", "other", 0, 1)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_is_caught(name):
    make, said = BROKEN[name]
    story = honest()
    make(story)
    problems = story.check()
    assert any(said in problem for problem in problems), problems


# ---- events that cannot follow each other, whoever asked for them

ONES = ["acquired a/1 token"]
IMPOSSIBLE = {
    "it is not in the queue": [*ONES, "released a/1 1", "granted b/1 token"],
    "granted, and held already": [*ONES, "granted a/1 token"],
    "handed back what nobody holds": [*ONES, "offered a/1 7"],
    "took over a claim that is not there": ["taken_over a/1 token"],
    "took over a place that is not there": [*ONES, "taken_over b/1"],
    "kept a place that is not there": [*ONES, "renewed b/1"],
    "renewed what nobody holds": [*ONES, "renewed a/1 7"],
    "ended what nobody holds": [*ONES, "released a/1 1", "lapsed a/1 1"],
    "a place lapsed that is not there": [*ONES, "lapsed b/1"],
    "one name has a claim and a place": [*ONES, "queued b/1", "shared b/1 token"],
    "its intention was over": [*ONES, "queued b/1", "taken_over b/2", "taken_over b/1"],
}
POSSIBLE = [*ONES, "queued b/1", "queued b/2 takes", "renewed b/2", "released a/1 1", "offered b/2 token same",
            "offer_lapsed b/2 6", "queued b/2", "granted b/2 token same", "offered b/2 9", "granted b/2 token",
            "renewed b/2 11", "withdrawn b/2 11"]


def told(lines):
    story = Story()
    for line in lines:
        what, who, *rest = line.split()
        number = next((int(word) for word in rest if word.isdigit()), 0 if "token" in rest else None)
        what = "taken over" if "takes" in rest else what.replace("_", " ")
        story.event(what, who, number, same_change="same" in rest)
    for who in sorted({event["holder"] for event in story.events}):
        story.calls[who] = Call("acquire", "prod", -1, claim=who[0], intention=who,
                                key=who)
    story.calls["out"] = Call("release", "prod", -1, claim="a", intention="a/1")
    story.calls["on"] = Call("renew", "prod", -1, claim="b", intention="b/2")
    return story.check()


@pytest.mark.parametrize("said", IMPOSSIBLE)
def test_events_that_cannot_follow_each_other_are_caught(said):
    problems = told(IMPOSSIBLE[said])
    assert any(said in problem for problem in problems), problems


def test_whatever_may_happen_to_a_waiter_is_believed():
    assert told(POSSIBLE) == []
