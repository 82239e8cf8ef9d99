"""The stores that servers share, each next to a bare client of that store: a part of the bench (run.py --only stores)."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

import servers

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "support"))
from with_store import real_store  # noqa: E402

LOCKS = 1000  # all known to a server after a moment, as those are that a pipeline uses
BARS = {"etcd": 0.8, "postgresql": 0.8, "redis": 0.6}


class Replica(servers.Lockkeeper):
    """A server over a shared store."""

    def __init__(self, binary, folder, store, name):
        super().__init__(binary, folder, name)
        self.url = store.url("bench")
        self.more = store.environment

    def start(self):
        environment = {name: value for name, value in os.environ.items() if name != "LOCKER_CONFIG"}
        environment |= self.more | {"LOCKKEEPER_STORE": self.url, "PORT": str(self.port)}
        log = open(self.folder / "server.log", "ab")
        began = time.monotonic()
        self.child = subprocess.Popen([self.binary], env=environment, stdout=log, stderr=log)
        servers.wait_for(self.port, 60, "/ready")
        return time.monotonic() - began


# ---- the references: operations a second of whoever uses the store alone

def etcd_puts(arguments, store, connections):
    done = subprocess.run([arguments.bin + "/etcd_puts", "--port", str(store.port), "--connections", str(connections),
                           "--seconds", str(arguments.seconds)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["per_second"]


UPDATES = """\\set id random(1, 100000)
UPDATE bench SET version = version + 1, body = repeat('x', 120) WHERE id = :id AND version >= 0;
"""


def pgbench(arguments, store, connections):
    """One-row conditional updates, prepared."""
    script = pathlib.Path(arguments.folder, "updates.sql")
    script.write_text(UPDATES)
    connection = ["-h", "127.0.0.1", "-p", str(store.port), "-U", store.user]
    environment = os.environ | {"PGPASSWORD": store.password}
    subprocess.run(["psql", *connection, "-q", "-c",
                    "CREATE TABLE IF NOT EXISTS bench (id int PRIMARY KEY, version bigint NOT NULL, body text);"
                    "INSERT INTO bench SELECT id, 0, repeat('x', 120) FROM generate_series(1, 100000) id "
                    "ON CONFLICT DO NOTHING;", store.database], check=True, env=environment, capture_output=True)
    done = subprocess.run(["pgbench", *connection, "-n", "-M", "prepared", "-f", str(script), "-c", str(connections),
                           "-j", "2", "-T", str(arguments.seconds + connections // 50), store.database], check=True, env=environment,
                          capture_output=True, text=True)
    return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])


def redis_benchmark(arguments, store, connections):
    number = {1: 2000, 32: 40_000, 256: 80_000}[connections] * arguments.seconds
    done = subprocess.run(["redis-benchmark", "-p", str(store.port), "-t", "set", "-c", str(connections), "-n",
                           str(number), "-d", "120", "-r", "100000", "--csv"], check=True, capture_output=True, text=True)
    return float(re.search(r'"SET","([\d.]+)"', done.stdout)[1])


REFERENCES = {"etcd": (etcd_puts, "bare puts over gRPC"), "postgresql": (pgbench, "pgbench, one-row conditional updates"),
              "redis": (redis_benchmark, "redis-benchmark SET, appendfsync always")}


# ---- what is measured

def spread(load, arguments, replicas, connections):
    """The load over all of them at once."""
    rates = []

    def one(replica):
        rates.append(load(arguments, "lock", replica.port, connections=max(1, connections // len(replicas)),
                          locks=LOCKS, seconds=arguments.seconds)["per_second"])

    threads = [threading.Thread(target=one, args=(replica,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rates) == len(replicas), "a load failed"
    return sum(rates)


def throughput(arguments, row, load, rows, kind, store, replicas):
    reference, title = REFERENCES[kind]
    for connections in (1, 32, 256):
        runs = {"ours": [], "reference": [], "three": []}
        for _ in range(arguments.rounds):
            runs["reference"].append(reference(arguments, store, connections))
            runs["ours"].append(load(arguments, "lock", replicas[0].port, connections=connections, locks=LOCKS,
                                     seconds=arguments.seconds)["per_second"])
            if connections > 1:
                runs["three"].append(spread(load, arguments, replicas, connections))
        rate = {name: statistics.median(many) for name, many in runs.items() if many}
        row(rows, f"{kind}, {connections} connections / {title}", rate["ours"], rate["reference"], BARS[kind])
        if "three" in rate:
            print(f"    three replicas: {rate['three']:.4g}/s, {rate['three'] / rate['ours']:.2f}x of one", flush=True)


class Person:
    """Who locks and unlocks at one server, one request after the other."""

    def __init__(self, replica):
        self.connection = http.client.HTTPConnection("127.0.0.1", replica.port)

    def ask(self, method, body, path="/lock/handed-over"):
        """Returns status, answer, and when it was there."""
        self.connection.request(method, path, body and json.dumps(body))
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, time.perf_counter()


def hand_over(arguments, row, rows, kind, replicas):
    """A waiter at one server, the holder at another, in turns."""
    people, watcher = [Person(replicas[0]), Person(replicas[1])], Person(replicas[2])
    commits, handed = [], []
    status, _, _ = people[0].ask("PUT", {"key": "0", "claim": "turn-0", "request": "r"})
    assert status == 200, status
    for turn in range(1, arguments.hand_overs + 1):
        holder, waiter = people[(turn + 1) % 2], people[turn % 2]
        got = []
        thread = threading.Thread(target=lambda: got.append(waiter.ask(
            "PUT", {"key": str(turn), "claim": f"turn-{turn}", "request": "r", "wait": "60s"})))
        thread.start()
        while not watcher.ask("GET", None)[1]["queue"]:
            time.sleep(0.001)
        began = time.perf_counter()
        status, _, released = holder.ask("DELETE", {"key": str(turn - 1), "claim": f"turn-{turn - 1}"})
        assert status == 200, status
        thread.join()
        assert got and got[0][0] == 200, got
        commits.append(released - began)
        handed.append(max(0.0, got[0][2] - released))
    commits.sort()
    handed.sort()
    p99 = int(len(handed) * 0.99)
    row(rows, f"{kind}, hand-over to a waiter at another server, p99 / a commit's and 20 ms", handed[p99] * 1000,
        commits[p99] * 1000 + 20, 1, at_least=False, unit=" ms")
    print(f"    p50 {handed[len(handed) // 2] * 1000:.3g} ms; a commit: {commits[len(commits) // 2] * 1000:.3g} ms (p50), "
          f"{commits[p99] * 1000:.3g} ms (p99)", flush=True)


def starts(arguments, row, rows, ask, kind, replicas):
    ask(arguments, "leases", "taken", replicas[0].port, leases=arguments.shared_held, ttl=600)
    replicas[1].stop()
    row(rows, f"{kind}, {arguments.shared_held} locks held by leases: start to ready / 5 s", replicas[1].start(), 5, 1,
        at_least=False, unit=" s")


def run(arguments, rows, folder, row, load, ask):
    arguments.folder = folder
    for kind in arguments.stores.split(","):
        print(f"{kind}: durable lock and unlock over HTTP, each one operation, next to a bare client of the same store")
        inside = pathlib.Path(folder, kind)
        inside.mkdir(mode=0o755)
        with contextlib.ExitStack() as all_of_them:
            store = all_of_them.enter_context(real_store(kind, inside))
            replicas = [all_of_them.enter_context(Replica(arguments.bin + "/lockkeeper", inside, store, f"{kind}-{i}"))
                        for i in range(3)]
            throughput(arguments, row, load, rows, kind, store, replicas)
            hand_over(arguments, row, rows, kind, replicas)
            starts(arguments, row, rows, ask, kind, replicas)
