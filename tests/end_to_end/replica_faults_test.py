"""A crowd of clients over three servers, while servers, the store and the network between them fail. What the clients
were told, and the locks' histories, must be those of one lock service that does one thing at a time.

LOCKKEEPER_FAULTS_SEED and LOCKKEEPER_FAULTS_SECONDS choose another run, and a longer one. What clients and machine do
at what moment is not in the seed: the same one draws the same faults, and not always the same history.
"""

import collections
import contextlib
import os
import random
import signal
import time

from ask import get
from history_check import Call, check, whole_history
from recorded_crowd import Crowd
from replicas import ON, Replicas
from server import wait_for
from slow_proxy import SlowProxy
from with_store import real_store

SEED = int(os.environ.get("LOCKKEEPER_FAULTS_SEED", "1"))
SECONDS = float(os.environ.get("LOCKKEEPER_FAULTS_SECONDS", "20"))
GRACE = 2
LOCKS = ["red", "green", "blue"]
OPTIONS = {"etcd": {"members": 3}, "postgresql": {"standby": True}}
ARGS = ["--waiter-grace", f"{GRACE}s", "--history-per-lock", "1000000"]


class Faults:
    """One after the other, each for a moment, and over before the next."""

    def __init__(self, dice, store, replicas, proxies):
        self.dice, self.store, self.replicas, self.proxies = dice, store, replicas, proxies
        self.count = collections.Counter()
        self.kinds = [self.pause_server, self.kill_server, self.freeze_store, self.kill_store, self.stop_store,
                      self.slow_network, self.cut_network, self.half_open_network, self.lost_answers]
        if ON == "etcd":
            self.kinds += [self.compact, self.kill_leader, self.freeze_leader]
        self.deck = []

    def draw(self):
        """Each kind comes once before any comes again."""
        if not self.deck:
            self.deck = self.dice.sample(self.kinds, len(self.kinds))
        self.make(self.deck.pop())

    def make(self, kind):
        self.count[kind.__name__.replace("_", " ")] += 1
        kind()

    def moment(self, least, most):
        time.sleep(self.dice.uniform(least, most))  # a fault lasts; the seed says how long

    def pause_server(self):
        server = self.dice.choice(self.replicas)
        server.signal(signal.SIGSTOP)
        self.moment(0.3, 4)
        server.signal(signal.SIGCONT)

    def kill_server(self):
        server = self.dice.choice(self.replicas)
        server.kill()
        self.moment(0, 0.5)
        server.start()

    def freeze_store(self):
        self.store.freeze()
        self.moment(0.2, 2.5)
        self.store.thaw()

    def kill_store(self):
        self.store.kill()
        self.moment(0, 0.3)
        self.start_store()

    def stop_store(self):
        self.store.stop()
        self.moment(0, 0.3)
        self.start_store()

    def start_store(self):
        self.store.start()

    def slow_network(self):
        proxy = self.dice.choice(self.proxies)
        proxy.slow(self.dice.choice([0.02, 0.2, 0.7]))
        self.moment(0.5, 2)
        proxy.heal()

    def cut_network(self):
        proxy = self.dice.choice(self.proxies)
        proxy.cut()
        self.moment(0.1, 2)
        proxy.heal()

    def half_open_network(self):
        self.hold(answers=False)

    def lost_answers(self):
        self.hold(answers=True)

    def hold(self, answers):
        """Longer than the store's time-out, or shorter; what was sent arrives late, or never."""
        proxy = self.dice.choice(self.proxies)
        proxy.hold(answers)
        self.moment(0.2, 3)
        if self.dice.random() < 0.5:
            proxy.cut()
        proxy.heal()

    # ---- etcd's own

    def compact(self):
        self.store.compact()

    def leader(self):
        def answer():
            with contextlib.suppress(KeyError):  # nobody leads
                return [self.store.leader()]

        return wait_for(answer, "etcd to have a leader")[0]

    def kill_leader(self):
        leader = self.leader()
        self.store.kill_member(leader)
        self.moment(0.2, 2)
        self.store.start_member(leader)

    def freeze_leader(self):
        leader = self.leader()
        self.store.freeze_member(leader)
        self.moment(0.5, 3)
        self.store.thaw_member(leader)

    # ---- PostgreSQL's own

    def fail_over(self):
        """The last one: what is left then is no process of the test's to stop."""
        self.store.kill()
        self.store.promote()
        for proxy in self.proxies:
            proxy.target = self.store.standby_port


def final_looks(replicas):
    """What each server says in the end."""
    looks = []
    for lock in LOCKS:
        for server in replicas:
            call = Call("look", lock, time.monotonic(), at=str(server.port))
            call.body, call.status = get(server, f"/lock/{lock}"), 200
            call.returned = time.monotonic()
            looks.append(call)
    return looks


def test_whatever_fails_the_servers_are_one_lock_service(tmp_path):
    dice = random.Random(SEED)
    with contextlib.ExitStack() as running:
        store = running.enter_context(real_store(ON, tmp_path / "store", **OPTIONS.get(ON, {})))
        ports = [each.client_port for each in store.members] if ON == "etcd" else [store.port] * 3
        proxies = [running.enter_context(SlowProxy(port)) for port in ports]
        replicas = running.enter_context(
            Replicas(tmp_path, store, ports=[proxy.port for proxy in proxies], args=ARGS))
        faults = Faults(dice, store, replicas, proxies)
        with Crowd(replicas, LOCKS, 12, SEED) as crowd:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                faults.moment(0.1, 1)
                faults.draw()
            if ON == "postgresql":
                faults.make(faults.fail_over)
            for server in replicas:
                wait_for(server.is_ready, "every server to be back")
            faulty = len(crowd.calls)
            time.sleep(1)  # the crowd goes on without faults
        told = collections.Counter(f"{call.kind} {call.status}" for call in crowd.calls)
        print(f"seed {SEED}, {SECONDS} s on {ON}: {faulty} requests, then {len(crowd.calls) - faulty} without faults; "
              f"faults {dict(faults.count)}; told {dict(sorted(told.items()))}")
        looks = final_looks(replicas)
        histories = {lock: whole_history(lambda path: get(replicas[0], path), lock) for lock in LOCKS}
        problems = check(crowd.calls + looks, histories, GRACE)
        assert not problems, "\n".join([f"{len(problems)} problems, seed {SEED}:", *problems[:5]])
        assert told["acquire 200"] > 20 and len(crowd.calls) > faulty + 20, "it went on"
