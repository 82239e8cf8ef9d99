"""What is pure: the clock is the test's own, and so are the server's answers."""

import asyncio
import datetime
import json
import math

import pytest

from lockkeeper import calls, durations, errors
from lockkeeper.acquisition import Acquisition, Order
from lockkeeper.calls import Identity, Reply
from lockkeeper.lease_watch import LeaseWatch, State
from lockkeeper.retry import Backoff, parse_retry_after
from lockkeeper.standing import Standing, give_up
from lockkeeper.steps import Ask, World


@pytest.mark.parametrize("given, seconds, sent", [
    ("90s", 90, "90s"), ("1h30m", 5400, "5400s"), ("PT1M30S", 90, "90s"), ("500ms", 0.5, "500ms"), ("1.5s", 1.5, "1500ms"),
    (30, 30, "30s"), (0.25, 0.25, "250ms"), (datetime.timedelta(minutes=2), 120, "120s"), (0.0001, 0.0001, "1ms"),
    (1.001, 1.001, "1001ms"),
])
def test_durations(given, seconds, sent):
    assert durations.in_seconds(given, "ttl") == pytest.approx(seconds)
    assert durations.exact(durations.in_seconds(given, "ttl")) == sent


@pytest.mark.parametrize("wrong", ["", "10", "soon", "1h x", "-1s", -1, math.nan, "P", "PT", math.inf])
def test_what_is_no_duration(wrong):
    with pytest.raises(ValueError, match="^ttl: "):
        durations.in_seconds(wrong, "ttl")


@pytest.mark.parametrize("ttl, margin", [(30, 3), (1, 0.5), (0.4, 0.2), (3600, 360)])
def test_a_lease_is_lost_a_margin_before_its_end_counted_from_before_it_was_asked_for(ttl, margin):
    watch = LeaseWatch(ttl, None, asked=100, now=100.01)
    assert watch.lost_at() == pytest.approx(100 + ttl - margin)
    assert 100 < watch.renew_at() < watch.lost_at()
    assert watch.state(watch.lost_at() - 0.001) is State.HELD
    assert watch.state(watch.lost_at()) is State.LOST


def test_a_renewal_counts_from_before_it_left():
    watch = LeaseWatch(30, None, asked=100, now=100)
    watch.renewed(asked=110, now=115, ttl=30)
    assert (watch.lost_at(), watch.renew_at()) == (137, 120)


def test_a_renewal_that_comes_after_the_loss_revives_nothing():
    watch = LeaseWatch(30, None, asked=100, now=100)
    watch.renewed(asked=126, now=127.5, ttl=30)
    assert watch.state(128) is State.LOST


def test_renewals_do_not_lengthen_a_bounded_hold():
    watch = LeaseWatch(30, 40, asked=100, now=100)
    watch.renewed(asked=120, now=120, ttl=30)
    assert watch.lost_at() == 137


def test_failed_renewals_are_tried_within_what_remains():
    watch = LeaseWatch(30, None, asked=100, now=100)
    watch.failed(now=110, random=0.5, retry_after=None)
    assert watch.renew_at() == 110 + 17 / 8
    watch.failed(now=110, random=0.5, retry_after=3600)
    assert watch.renew_at() == 110 + 17 / 2


def test_the_pauses_grow_and_are_random_and_a_server_may_ask_for_longer_ones():
    backoff = Backoff(lambda: 0.5)
    assert [backoff.next() for _ in range(7)] == [0.5, 1, 2, 4, 8, 15, 15]
    assert backoff.next(retry_after=60) == 60
    backoff.reset()
    assert backoff.next() == 0.5
    assert Backoff(lambda: 0.0).next() == 0.05


@pytest.mark.parametrize("text, seconds", [
    ("7", 7), ("9999999999", 86400), ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
    ("soon", None), ("", None), (None, None), ("-1", None),
    ("Sun, 06 Nov 99999999999999999999 08:49:37 GMT", None),
])
def test_retry_after(text, seconds):
    now = datetime.datetime(1994, 11, 6, 8, 49, 0, tzinfo=datetime.timezone.utc)
    assert parse_retry_after(text, now) == seconds


# ---- an acquisition


class Conversation:
    """Plays the server: `answers` are (seconds that it takes, status and JSON, or a failure)."""

    def __init__(self, *, wait=0.0, ttl=30.0, patience=10.0):
        self.now = 1000.0
        self.asked = []
        self.pauses = []
        self.places = []
        order = Order("prod", Identity("secret", "ada", "deploy", "r1"), {}, ttl, wait, patience, 10.0, self.places.append)
        self.world = World(clock=lambda: self.now, random=lambda: 0.5)
        self.steps = Acquisition(order, self.world).run()

    def play(self, *answers):
        """The end: what it returns or raises."""
        answers = list(answers)
        step = next(self.steps)
        while True:
            try:
                if not isinstance(step, Ask):
                    self.pauses.append(step.seconds)
                    self.now += step.seconds
                    step = self.steps.send(None)
                    continue
                self.asked.append(step)
                took, answer = answers.pop(0)
                self.now += took
                if isinstance(answer, BaseException):
                    step = self.steps.throw(answer)
                else:
                    status, body = answer
                    step = self.steps.send(Reply(status, json.dumps(body), "http://locks"))
            except StopIteration as end:
                assert not answers, "all was asked for"
                return end.value
            except BaseException as error:
                assert not answers, "all was asked for"
                return error

    def said(self):
        return [(one.call.method, (one.call.body or {}).get("begun"), (one.call.body or {}).get("wait")) for one in self.asked]


AT = "2026-11-21T09:00:00.000Z"
HOLDERS = [{"holder": "ben", "count": 1, "since": AT, "metadata": {}}]
DIED = errors.Unreachable("http://locks: no answer in time")


def looked(version=41):
    return 200, {"lock": "prod", "state": "free", "version": version, "count": 0, "holders": [], "claims": [], "queue": []}


def granted(token=42, ttl="30s", again=False):
    return 200, {"response": "", "lock": "prod", "version": token, "token": token, "since": AT, "count": 1, "claim": "deploy",
                 "again": again, "taken_over": False, "others": []} | ({"ttl": ttl} if ttl else {})


def refused(version=43):
    return 423, {"error": "held", "lock": "prod", "version": version, "holders": HOLDERS}


def queued(position=1, version=43, since=AT):
    return 423, {"error": "held", "lock": "prod", "version": version, "holders": HOLDERS, "claim": "deploy",
                 "position": position, "waiters": position, "since": since, "ahead": []}


def over(why, ended=None):
    body = {"error": "over", "lock": "prod", "version": 50, "why": why, "holders": []}
    return 410, body | ({"ended": ended} if ended else {})


def released(number=0, withdrawn=True, ended=None):
    body = {"response": "", "lock": "prod", "version": 44, "released": number, "withdrawn": withdrawn, "holders": []}
    return 200, body | ({"ended": ended} if ended else {})


def test_the_same_words_are_repeated_after_a_lost_answer_and_the_lease_counts_from_the_first():
    talk = Conversation(ttl=30)
    grant = talk.play((0.1, looked()), (5, DIED), (0.1, granted(again=True)))
    first, second = (one.call for one in talk.asked[1:])
    assert first == second and first.body["begun"] == 41 and first.body["request"] == "r1"
    assert grant.watch.lost_at() == pytest.approx(1000.1 + 27)
    assert talk.pauses == [0.5]


def test_a_refusal_proves_that_nothing_was_granted_before_it():
    talk = Conversation(wait=60)
    grant = talk.play((0, looked()), (5, DIED), (0, queued()), (20, granted()))
    polled = 1000 + 5 + 0.5  # when the last poll began
    assert grant.watch.lost_at() == pytest.approx(polled + 27)


def test_it_learns_its_place_at_once_and_then_polls_until_the_time_is_over():
    talk = Conversation(wait=40)
    end = talk.play((0, looked()), (0, queued(2)), (25, queued(2)), (15, queued(1)), (0, released()))
    assert isinstance(end, errors.NotAcquired) and end.waited == 40 and end.place.position == 1
    assert talk.said() == [("GET", None, None), ("PUT", 41, "0s"), ("PUT", 41, "25s"), ("PUT", 41, "15s"), ("DELETE", 41, None)]
    assert [place.position for place in talk.places] == [2, 2, 1]
    assert talk.pauses == []


def test_after_an_outage_it_asks_for_its_place_at_once_and_a_servers_word_bounds_the_pause():
    talk = Conversation(wait=100)
    talk.play((0, looked()), (0, queued()), (1, DIED), (0, (503, {"error": "stopping"})), (0, queued()), (1, granted()))
    assert [wait for _, _, wait in talk.said()] == [None, "0s", "25s", "0s", "0s", "25s"]
    assert talk.pauses == [0.5, 1.0]


def test_a_server_that_answers_polls_too_early_is_not_asked_in_a_hurry():
    talk = Conversation(wait=100)
    talk.play((0, looked()), (0, queued()), (0.1, queued()), (0.1, queued()), (0, granted()))
    assert talk.pauses == [pytest.approx(0.9), pytest.approx(0.9)]


def test_without_a_place_the_next_try_begins_anew():
    talk = Conversation(wait=100)
    talk.play((0, looked(41)), (0, refused(43)), (0, granted()))
    assert [begun for _, begun, _ in talk.said()] == [None, 41, 43]


def test_who_does_not_wait_does_not_queue_and_leaves_nothing_behind():
    talk = Conversation()
    assert isinstance(talk.play((0, looked()), (0, refused())), errors.NotAcquired)
    assert talk.said()[-1] == ("PUT", 41, None)


@pytest.mark.parametrize("why, ended, says", [
    ("superseded", None, "took prod over"), ("closed", "forced", "operator"), ("closed", "lapsed", "lapsed"),
    ("closed", "released", "released under"), ("forgotten", None, "so long ago"),
])
def test_what_is_over_is_told_with_its_reason_and_not_asked_again(why, ended, says):
    end = Conversation().play((0, looked()), (0, over(why, ended)))
    assert isinstance(end, errors.AcquisitionOver) and says in str(end) and end.why == why


def test_what_the_server_forgot_of_one_that_had_a_place_is_asked_again_from_a_version_that_it_knows():
    talk = Conversation(wait=100)
    talk.play((0, looked(41)), (0, queued(version=43)), (25, over("forgotten")), (0, granted()))
    assert [begun for _, begun, _ in talk.said()] == [None, 41, 41, 43]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit()])
def test_who_is_interrupted_gives_back_what_it_may_have_won(interrupt):
    talk = Conversation(wait=100)
    end = talk.play((0, looked()), (0, queued()), (3, interrupt), (2.5, DIED), (0, released()))
    assert end is interrupt
    assert talk.said()[-2:] == [("DELETE", 41, None)] * 2 and talk.asked[-1].timeout == 2.5


def test_who_is_interrupted_before_it_asked_has_nothing_to_give_back():
    assert isinstance(Conversation(wait=100).play((0, KeyboardInterrupt())), KeyboardInterrupt)


def test_who_never_got_an_answer_gives_back_and_tells_why():
    talk = Conversation(patience=3)
    end = talk.play((0, looked()), (3, DIED), (0, released()))
    assert end is DIED


def test_who_waits_is_patient_until_its_time_is_over_once_there_was_an_answer():
    assert isinstance(Conversation(wait=1000, patience=3).play((3, DIED)), errors.Unreachable)
    talk = Conversation(wait=1000, patience=3)
    assert talk.play((0, looked()), (200, DIED), (300, DIED), (0, granted(ttl="1000s"))).granted.token == 42


def test_what_never_left_needs_not_be_given_back():
    failure = errors.Unreachable("refused", sent=False)
    assert Conversation(patience=0.1).play((0, looked()), (0, failure)) is failure


def test_a_certificate_that_does_not_verify_is_told_at_once():
    failure = errors.Untrusted("who is that", sent=False)
    assert Conversation(wait=1000, patience=1000).play((0, failure)) is failure


def test_what_is_refused_for_good_is_told_at_once():
    end = Conversation(wait=100).play((0, looked()), (0, (400, {"error": "ttl is too short"})))
    assert isinstance(end, errors.ServerError) and "400: ttl is too short" in str(end)
    end = Conversation(wait=100).play((0, (404, {"error": "404 page not found"})))
    assert isinstance(end, errors.ServerError) and "look at the address" in str(end)


@pytest.mark.parametrize("status", [200, 201])
def test_what_may_be_a_grant_and_cannot_be_read_is_given_back(status):
    end = Conversation(ttl=None).play((0, looked()), (0, (status, "<html>welcome</html>")), (0, released(1)))
    assert isinstance(end, errors.ServerError) and end.status == status


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_is_nested_too_deeply_is_none(status):
    with pytest.raises(errors.ServerError, match=f"answered {status}"):
        calls.read_version(Reply(status, "[" * 100_000, "http://locks"))


def test_a_grant_at_the_end_of_a_poll_that_took_longer_than_the_ttl_is_renewed_before_it_is_believed():
    talk = Conversation(wait=100, ttl=2)
    renewed = 200, {"response": "", "lock": "prod", "version": 46, "token": 45, "ttl": "2s"}
    grant = talk.play((0, looked()), (0, queued()), (25, granted(45, "2s")), (0.1, renewed))
    assert talk.said()[-1][0] == "POST" and grant.watch.lost_at() == 1000 + 25 + 1.5
    talk = Conversation(wait=100, ttl=2)
    end = talk.play((0, looked()), (0, queued()), (25, granted(45, "2s")), (0.1, over("ended", "lapsed")), (0, released()))
    assert isinstance(end, errors.LeaseLost)


# ---- its end


def leaving(**order):
    """A conversation whose lock was granted, and is to be released."""
    talk = Conversation(**order)
    talk.standing = Standing(talk.play((0, looked()), (0, granted(ttl=order.get("ttl", "30s")))), talk.world)
    talk.steps = give_up(talk.standing)
    talk.asked.clear()
    return talk


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), SystemExit(), asyncio.CancelledError()])
@pytest.mark.parametrize("last", [DIED, (503, {"error": "stopping"}), released(1, withdrawn=False)])
def test_who_is_interrupted_while_it_releases_tries_once_more_and_is_interrupted_all_the_same(interrupt, last):
    talk = leaving()
    assert talk.play((1, interrupt), (2.5, last)) is interrupt
    assert [method for method, _, _ in talk.said()] == ["DELETE"] * 2 and talk.asked[-1].timeout == 2.5
    assert talk.standing.is_lost() == (last == released(1, withdrawn=False)), "else it may be tried again"


def test_a_release_whose_answer_was_lost_is_tried_again_and_has_lost_nothing():
    talk = leaving(ttl=None, patience=3)
    assert talk.play((3, DIED)) is DIED and not talk.standing.is_lost()
    talk.steps = give_up(talk.standing)
    assert talk.play((0, released(ended="released"))) is None, "it was this one's own"


def test_keys_are_shown_nowhere():
    end = Conversation().play((0, looked()), (0, refused()))
    assert "secret" not in f"{end} {end!r} {Conversation().steps}"
    assert "secret" not in repr(Identity("secret", "ada", "deploy", "r1"))
