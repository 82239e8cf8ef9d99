"""Clients that lock, wait, renew, look, release, give up and vanish, at any of several servers, whatever becomes of
those, and write down what they asked and were told (history_check.Call)."""

import http.client
import json
import random
import threading
import time

from history_check import Call

PATIENCE = 4  # seconds that a client waits for an answer, beyond what it asked to wait


class Crowd:
    """clients: how many. Every second pair of them shares a name, as a process that was started twice does."""

    def __init__(self, servers, locks, clients, seed):
        self.servers, self.locks = servers, locks
        self.calls = []  # list.append is atomic
        self.over = threading.Event()
        self.failed = []
        self.threads = [threading.Thread(target=self._live, args=(number, random.Random(f"{seed} {number}")), daemon=True)
                        for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        assert not self.failed, self.failed

    def _live(self, number, dice):
        name = f"n{number // 2 if number % 4 < 2 else number}"
        done = 0
        try:
            while not self.over.is_set():
                done += 1
                self.once(dice, name, f"{name}/{number}-{done}")
        except Exception as error:  # a thread's own would be lost
            self.failed.append(error)
            raise

    # ---- one will to have a lock, to its end

    def once(self, dice, name, intention):
        lock = dice.choice(self.locks)
        seen = self.ask(dice, "look", lock, "", "", {})
        if seen.status != 200:
            return
        ttl = dice.choice([0, 0, 1, 2])
        wait = dice.random() < 0.7
        fields = {"begun": seen.version, "request": intention} | ({"ttl": f"{ttl}s"} if ttl else {})
        if wait:
            fields["wait"] = "800ms"
        until = time.monotonic() + dice.uniform(1, 6)
        while True:
            call = self.ask(dice, "acquire", lock, name, intention, fields, ttl=ttl, wait=wait)
            if call.status == 200:
                return self.hold(dice, lock, name, intention, ttl, fields)
            if call.status in (409, 410):
                return
            if call.status == 423 and "position" not in call.body:
                return  # a place or nothing: it asks again with another intention
            if time.monotonic() > until or self.over.is_set():
                break
        if dice.random() < 0.8 or not wait:  # others vanish, and their place lapses
            self.until_told(dice, "withdraw", lock, name, intention, {k: fields[k] for k in ("request", "begun")})

    def hold(self, dice, lock, name, intention, ttl, fields):
        for _ in range(dice.choice([0, 0, 1, 3])):
            time.sleep(dice.uniform(0, 0.1))  # its work
            kind = dice.choice(["look", "renew", "acquire"] if ttl else ["look", "acquire"])
            if kind == "acquire":  # a late copy
                self.ask(dice, "acquire", lock, name, intention, fields, ttl=ttl, wait="wait" in fields)
            else:
                self.ask(dice, kind, lock, name, intention, {})
        if not ttl or dice.random() < 0.7:  # others vanish, and their lease lapses
            self.until_told(dice, "release", lock, name, intention, {})

    def until_told(self, dice, kind, lock, name, intention, fields):
        end = time.monotonic() + 45
        while self.ask(dice, kind, lock, name, intention, fields).status in (None, 503):
            assert time.monotonic() < end, f"{intention} was not let {kind}"

    # ---- one request

    def ask(self, dice, kind, lock, name, intention, fields, ttl=0, wait=False):
        server = dice.choice(self.servers)
        body = {"key": name, "lock_by": intention, "claim": name} | fields
        method, path = {"look": ("GET", ""), "acquire": ("PUT", ""), "renew": ("POST", "/renew")}.get(
            kind, ("DELETE", ""))
        call = Call(kind, lock, time.monotonic(), claim=name, intention=intention, key=name, ttl=ttl, wait=wait,
                    begun=fields.get("begun", 0), at=str(server.port))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        try:
            connection.connect()
            self.calls.append(call)
            connection.request(method, f"/lock/{lock}{path}", None if kind == "look" else json.dumps(body))
            response = connection.getresponse()
            text = response.read()
            returned = time.monotonic()
            call.body = json.loads(text)
            call.returned, call.status = returned, response.status
        except (OSError, http.client.HTTPException):
            pass  # it does not know
        finally:
            connection.close()
        if call.status is None or call.status == 503:
            time.sleep(dice.uniform(0.02, 0.2))  # of a client, before it asks elsewhere
        return call
