#!/usr/bin/env python3
"""A program that runs on one host at a time: start it on several, and one of them works.

    run_once.py http://127.0.0.1:3000/shared-lock nightly-report [TTL in seconds]

It takes a lease on the key and keeps it alive while it works; the others ask again until they get it. When its lease
cannot be kept alive, the program ends before the lease does, so that it never works beside the next one; whatever
starts your programs (systemd, Kubernetes) starts it again. AUTH_USER and AUTH_PASS are sent if they are set. Copy the
file and write your own work(). Python's standard library only.

A process that was stopped, with its whole machine perhaps, may wake up after its lease: what must never be written
twice is guarded by a token (docs/fencing.md).
"""

import base64
import json
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request


def boot_time():
    """Goes on while the machine sleeps, as the server's clock does. time.monotonic() would stand still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    def __init__(self, url, key, ttl):
        self.url, self.key, self.ttl = url, key, ttl
        self.id = None
        self.asked = None  # before the request that the server granted or renewed it by was sent

    def wait(self):
        """Returns when the lease is ours."""
        body = json.dumps({"key": self.key, "value": f"{socket.gethostname()} {os.getpid()}"})
        while True:
            asked = boot_time()
            try:
                status, answer = self._post("/lease", body, 10, {"x-lease-ttl": f"{round(self.ttl * 1000)}ms"})
                if status == 201:
                    self.id, self.asked = answer, asked
                    return
                if status != 202 and status < 500:
                    sys.exit(f"{self.url}: {status} {answer}")
            except OSError as error:
                print(f"no answer: {error}", file=sys.stderr, flush=True)
            time.sleep(self.ttl / 3)

    def ends(self):
        """When this process must not work any more: a margin before the server lets go."""
        return self.asked + self.ttl * 0.9

    def keep(self):
        """Keeps it alive."""
        while True:
            time.sleep(self.ttl / 3)
            asked = boot_time()
            try:
                status, _ = self._post("/keepalive", self.id, self.ttl / 3)
            except OSError:
                continue  # tried again until watch() says that it is enough
            if status == 204:
                self._end("it is over")
            if status == 200:
                self.asked = asked

    def watch(self):
        """Ends the process when the lease does, whatever keep() waits for."""
        while (left := self.ends() - boot_time()) > 0:
            time.sleep(left)
        self._end("it could not be kept alive")

    def _end(self, why):
        print(f"the lease on {self.key} is lost: {why}", file=sys.stderr, flush=True)
        os._exit(3)  # at once, whatever the work is at

    def _post(self, path, body, timeout, headers=None):
        request = urllib.request.Request(self.url + path, body.encode(), headers or {}, method="POST")
        if "AUTH_USER" in os.environ:
            pair = f"{os.environ['AUTH_USER']}:{os.environ.get('AUTH_PASS', '')}"
            request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def work():
    """Yours."""
    while True:
        print(f"{boot_time():.3f} works", flush=True)
        time.sleep(0.1)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: run_once.py URL KEY [TTL in seconds]")
    lease = Lease(sys.argv[1].rstrip("/"), sys.argv[2], float(sys.argv[3]) if len(sys.argv) == 4 else 10)
    lease.wait()
    for duty in (lease.watch, lease.keep):
        threading.Thread(target=duty, daemon=True).start()
    work()


if __name__ == "__main__":
    main()
