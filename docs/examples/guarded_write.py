#!/usr/bin/env python3
"""A write that no late holder can spoil: it holds a lock by a lease, and the store compares fencing tokens.

    guarded_write.py --locks http://127.0.0.1:3000 --lock ledger --holder me --ttl 10 --store ledger.db "a value"

Waits for the lock, renews it while it works (until it reads a line from stdin: the place where yours does something
that takes a while), writes, and releases. Exit code 0: written; 3: the store has seen a newer holder.
docs/fencing.md tells the story. Python's standard library only.
"""

import argparse
import json
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

POLL = 25  # seconds; proxies cut what is silent for a minute


def boot_time():
    """Goes on while the machine sleeps, as the server's clock does. time.monotonic() would stand still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    def __init__(self, locks, lock, holder, ttl):
        self.url, self.ttl = f"{locks}/lock/{lock}", ttl
        self.claim = {"key": uuid.uuid4().hex, "lock_by": holder, "claim": f"{holder} {uuid.uuid4().hex}"}
        self.request = uuid.uuid4().hex  # one intention, however often it has to ask
        self.token = None
        self.asked = None  # before the request that the server answered last
        self._ended = threading.Event()

    def __enter__(self):
        status, answer = self._ask("GET", "")
        if status != 200:
            raise SystemExit(answer["error"])
        # With `begun` no late copy of this request takes the lock once it was released.
        wanted = self.claim | {"request": self.request, "begun": answer["version"]}
        wanted |= {"ttl": f"{self.ttl}s", "wait": f"{POLL}s"}
        while self.token is None:
            status, answer = self._ask("PUT", "", wanted, POLL + 10)
            if status == 200:
                self.token = answer["token"]
            elif status != 423:  # 423: the poll is over, and our place in the queue is kept
                raise SystemExit(answer["error"])
        self.renew()  # the grant may be younger than the poll that brought it: from here on we know since when
        threading.Thread(target=self._keep, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._ask("DELETE", "", self.claim)

    def renew(self):
        asked = boot_time()
        status, answer = self._ask("POST", "/renew", self.claim | {"token": self.token}, self.ttl / 3)
        if status == 200:
            self.asked = asked
        return status, answer

    def lost(self):
        """Whether it may be over by now: a margin before the end, counted from before the renewal was sent."""
        return self.asked is None or boot_time() >= self.asked + self.ttl * 0.9

    def _keep(self):
        while not self._ended.wait(self.ttl / 3):
            try:
                status, answer = self.renew()
            except OSError:
                continue  # tried again; lost() looks at the clock
            if status == 410:
                print(f"the lease is gone: {answer['error']}", flush=True)
                return

    def _ask(self, method, path, body=None, timeout=10):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


class Store:
    """One table; beside each value the greatest token that has written it."""

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)  # each statement is a transaction
        self.database.execute("CREATE TABLE IF NOT EXISTS ledger (name TEXT PRIMARY KEY, value TEXT, token INTEGER)")

    def write(self, name, value, token):
        """False: a newer holder has been here."""
        self.database.execute("INSERT INTO ledger VALUES (?, NULL, 0) ON CONFLICT DO NOTHING", (name,))
        done = self.database.execute("UPDATE ledger SET value = ?, token = ? WHERE name = ? AND token <= ?",
                                     (value, token, name, token))
        return done.rowcount == 1


def main():
    options = argparse.ArgumentParser(description="A write that no late holder can spoil")
    for name in ("--locks", "--lock", "--holder", "--store"):
        options.add_argument(name, required=True)
    options.add_argument("--ttl", type=float, default=10, help="seconds")
    options.add_argument("value")
    arguments = options.parse_args()
    store = Store(arguments.store)
    with Lease(arguments.locks, arguments.lock, arguments.holder, arguments.ttl) as lease:
        print(f"holds {arguments.lock} with token {lease.token}", flush=True)
        if lease.lost():  # worth a look before work that takes long; but it may be lost right after
            sys.exit("the lease is lost")
        sys.stdin.readline()  # here the process may stand still for as long as it likes
        if not store.write(arguments.lock, arguments.value, lease.token):
            print("refused: a newer holder has written", flush=True)
            return 3
        print("written", flush=True)
        return 0


if __name__ == "__main__":
    sys.exit(main())
