"""The server dies while a lock is handed from waiter to waiter: nobody is lost or overtaken, one holder at a time."""

import collections
import os
import random
import re
import time

import pytest

from ask import ask, get
from crowd import Crowd, lasting_port
from server import Server, wait_for

KILLS = int(os.environ.get("LOCKKEEPER_KILLS", "100"))
WAITERS = 1000
# An absent waiter is offered the lock. A release whose answer got lost is said again, and only closes the name.
STORY = re.compile("queued;(renewed;)*(offered;)?granted;released;(withdrawn;)*")
LOCK = "/lock/handed-over"
# Among the hand-overs that are left, so that the crowd is not done before the last kill.
MOST_HAND_OVERS_A_LIFE = max(1, 2 * WAITERS // (3 * KILLS))


@pytest.fixture
def server(tmp_path):
    # Each waiter's events are looked at in the end.
    server = Server(tmp_path, port=lasting_port(),
                    args=["--log-level", "warn", "--history-per-lock", "1000000"])
    yield server
    server.end()


def history(server):
    events, after, more = [], 0, True
    while more:
        page = get(server, f"{LOCK}/history?after={after}&limit=1000")
        events += page["events"]
        after, more = page["events"][-1]["version"], page["more"]
    return events


def claims(events, what):
    return [event["claim"] for event in events if event["what"] == what and event["claim"] != "first"]


def stories(events):
    told = collections.defaultdict(str)
    for event in events:
        if event["claim"] != "first":
            told[event["claim"]] += event["what"] + ";"
    return told


def test_a_thousand_waiters_get_their_turns_through_many_deaths_of_the_server(server):
    chance = random.Random(4)
    server.start()
    assert ask(server, "PUT", LOCK, {"key": "first", "claim": "first", "request": "r"})[0] == 200
    with Crowd("hand_over", server, connections=WAITERS, hold_ms=2) as crowd:
        # Given: all in the queue, which they reached through a death too.
        wait_for(lambda: len(get(server, LOCK)["queue"]) > WAITERS // 4, "a part of the queue")
        server.kill()
        server.start()
        wait_for(lambda: crowd.is_there() and len(get(server, LOCK)["queue"]) == WAITERS, "the whole queue")
        places = [waiter["claim"] for waiter in get(server, LOCK)["queue"]]

        # When: the lock goes from one to the next, and the server dies again and again.
        assert ask(server, "DELETE", LOCK, {"key": "first", "claim": "first"})[0] == 200
        granted = []
        for _ in range(KILLS):
            granted += [crowd.line() for _ in range(chance.randint(1, MOST_HAND_OVERS_A_LIFE))]
            time.sleep(chance.uniform(0, 0.006))  # the moment of death is what varies here
            server.kill()
            server.start()
        while line := crowd.line():
            granted.append(line)
        assert crowd.exit_code() == 0

    # Then: by the waiters' own account and by the server's, each had its turn once, in the order of the places.
    words = [line.split() for line in granted]
    assert [claim for _, claim, _ in words] == places
    tokens = [int(token) for _, _, token in words]
    assert tokens == sorted(set(tokens))
    events = history(server)
    assert [event["version"] for event in events] == list(range(1, len(events) + 1))
    assert claims(events, "queued") == places
    assert claims(events, "granted") == places
    assert claims(events, "released") == places
    assert [event["token"] for event in events if event["what"] == "granted"] == tokens
    for claim, story in stories(events).items():
        assert STORY.fullmatch(story), f"{claim}: {story}"
    lock = get(server, LOCK)
    assert (lock["state"], lock["count"], lock["claims"], lock["queue"]) == ("free", 0, [], [])
    offered, repeated = len(claims(events, "offered")), len(claims(events, "withdrawn"))
    print(f"{WAITERS} waiters, {KILLS} kills; {offered} were absent when their turn came, "
          f"{repeated} releases lost their answer")
    assert offered + repeated > KILLS // 10  # the kills did hit hand-overs
