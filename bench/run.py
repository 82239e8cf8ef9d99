"""The bench: each figure next to its reference in the same run, in turns, medians and ratios.

The machine's own speed cancels out in the ratios; absolute figures are shown for the curious.
"""

import argparse
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import servers
import stores as shared
import stormlock as tool


def load(arguments, what, port, **options):
    command = [arguments.bin + "/load", "--what", what, "--port", str(port)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if result["errors"]:
        raise SystemExit(f"{command}: {result['errors']} answers were no success")
    return result


def ask(arguments, program, what, port, core=None, **options):
    """Runs bin/waiting or bin/leases, and returns what it prints."""
    command = [arguments.bin + "/" + program, "--what", what, "--port", str(port)]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=servers.pinned_to(core))
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr}")
    return json.loads(done.stdout)


def row(rows, what, ours, reference, bar, at_least=True, unit="/s"):
    ratio = ours / reference
    met = ratio >= bar if at_least else ratio <= bar
    rows.append({"what": what, "ours": ours, "reference": reference, "ratio": round(ratio, 2), "bar": bar,
                 "at_least": at_least, "met": met})
    sign = ">=" if at_least else "<="
    print(f"{what:68} {ours:>10.4g}{unit} {reference:>10.4g}{unit} {ratio:>6.2f}x  {sign} {bar}x  {'ok' if met else 'SHORT'}",
          flush=True)


def throughput(arguments, rows, folder):
    print("durable lock and unlock over HTTP, each one operation; only 200s count")
    with servers.redis(folder) as redis, servers.nginx(folder) as nginx:
        with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder) as ours:
            for connections in (1, 32, 256):
                for locks in (64, 100_000):
                    runs = {"ours": [], "redis": [], "nginx": []}
                    spent, asked = [0.0, 0.0], 0
                    for _ in range(arguments.rounds):
                        common = {"connections": connections, "locks": locks, "seconds": arguments.seconds}
                        runs["redis"].append(load(arguments, "redis", redis, **common))
                        before = ours.processor()
                        runs["ours"].append(load(arguments, "lock", ours.port, **common))
                        spent = [s + a - b for s, a, b in zip(spent, ours.processor(), before)]
                        asked += runs["ours"][-1]["asked"]
                        runs["nginx"].append(load(arguments, "lock", nginx, **common))
                    rate = {name: statistics.median(run["per_second"] for run in many) for name, many in runs.items()}
                    title = f"{connections} connections, {locks} locks"
                    row(rows, title + " / Redis SET, appendfsync always", rate["ours"], rate["redis"],
                        0.9 if connections == 1 else 1.0)
                    if connections > 1:
                        row(rows, title + " / nginx return 200", rate["ours"], rate["nginx"], 0.6)
                    rows[-1]["p99_us"] = statistics.median(run["p99_us"] for run in runs["ours"])
                    rows[-1]["processor_us"] = [round(seconds / asked * 1e6, 1) for seconds in spent]
                    print("    our processor a request: {} us in user space, {} us in the kernel".format(
                        *rows[-1]["processor_us"]), flush=True)


def doors(arguments, rows, folder):
    print("the other doors next to the native one, the same work through each, one server")
    pairs = [("lockd's lock and unlock", "lockd", "lock"), ("shared-lock's new leases", "lease", "leased"),
             ("shared-lock's keepalive", "keepalive", "renew")]
    for connections in (32, 256):
        for title, ours, reference in pairs:
            runs = {ours: [], reference: []}
            for turn in range(arguments.rounds):
                for what in (ours, reference):
                    # New leases stay: each run has a server and a file of its own.
                    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder,
                                            f"{what}-{connections}-{turn}") as server:
                        runs[what].append(load(arguments, what, server.port, connections=connections, locks=100_000,
                                               seconds=arguments.seconds)["per_second"])
            row(rows, f"{title}, {connections} connections / native", statistics.median(runs[ours]),
                statistics.median(runs[reference]), 0.9)


def gates(arguments, rows, folder):
    """Released at a steady pace, one agent, and a fake Kubernetes API in this very process."""
    print(f"{arguments.gates} gates, {arguments.gates_a_second} released a second: until the resume call is there")
    sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "support"))
    from fake_kubernetes import FakeKubernetes, suspended
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder) as ours, FakeKubernetes(folder) as kubernetes:
        lock_api = http.client.HTTPConnection("127.0.0.1", ours.port)

        def ask(method, path, body=None):
            lock_api.request(method, "/workflow" + path, body and json.dumps(body))
            answer = lock_api.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{method} {path}: {answer.status} {text}")
            return json.loads(text)

        waiting = []
        for i in range(arguments.gates):
            kubernetes.submit("ci", f"w-{i}", suspended())
            waiting.append(ask("POST", "/lock", {"workflow": f"w-{i}", "namespace": "ci"})["id"])
        with servers.process([arguments.bin + "/lockagt", "--api-endpoint", f"http://127.0.0.1:{ours.port}/workflow",
                              "--kubeconfig", str(kubernetes.kubeconfig())]):
            released, began = [], time.monotonic()
            for i, gate in enumerate(waiting):
                time.sleep(max(0.0, began + i / arguments.gates_a_second - time.monotonic()))
                ask("PATCH", f"/lock/?id={gate}")
                released.append(time.time())
            end = time.monotonic() + 60
            while any(not kubernetes.resumes("ci", f"w-{i}") for i in range(arguments.gates)):
                if time.monotonic() > end:
                    raise SystemExit("some workflows were not resumed")
                time.sleep(0.1)
        late = sorted(max(0.0, kubernetes.resumed["ci", f"w-{i}"][0] - at) for i, at in enumerate(released))
    row(rows, "from release to the resume call, p50 / a second", late[len(late) // 2], 1, 1, at_least=False, unit=" s")
    row(rows, "from release to the resume call, p99 / a second", late[int(len(late) * 0.99)], 1, 1, at_least=False,
        unit=" s")


def many_locks(arguments, rows, folder):
    print("1,000,000 locks held next to 1,000")
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "few") as few, \
            servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "many") as many:
        load(arguments, "hold", few.port, connections=64, locks=1000)
        load(arguments, "hold", many.port, connections=256, locks=arguments.held)
        rate = {"few": [], "many": []}
        for _ in range(arguments.rounds):
            for name, server in (("few", few), ("many", many)):
                got = load(arguments, "lock", server.port, connections=32, locks=1000, seconds=arguments.seconds)
                rate[name].append(got["per_second"])
        row(rows, f"throughput with {arguments.held} held / with 1000", statistics.median(rate["many"]),
            statistics.median(rate["few"]), 0.8)
        row(rows, "memory a lock, bytes (resident set / number) / 500 B", many.memory() / arguments.held, 500, 1,
            at_least=False, unit=" B")
        many.stop()
        row(rows, "start to ready, seconds / 5 s", many.start(), 5, 1, at_least=False, unit=" s")


def timed(command, stdin, environment):
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, env=environment, capture_output=True)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr.decode()}")
    return took


def verbs(arguments, rows, folder):
    print("the resource's verbs, process start to exit, next to a bare curl of the same URL")
    environment = {"PATH": os.environ["PATH"], "ATC_EXTERNAL_URL": "https://ci.example.com", "BUILD_ID": "1",
                   "BUILD_NAME": "1", "BUILD_JOB_NAME": "job", "BUILD_PIPELINE_NAME": "p", "BUILD_TEAM_NAME": "main"}
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "verbs") as server:
        url = f"http://127.0.0.1:{server.port}"
        source = {"locker_uri": url, "lock_name": "bench"}
        payload = {verb: json.dumps({"source": source, **more}).encode()
                   for verb, more in {"check": {}, "lock": {"params": {}}, "unlock": {"params": {"lock_op": "unlock"}}}.items()}
        times = {"curl": [], "check": [], "lock": [], "unlock": []}
        for _ in range(arguments.verbs):
            times["curl"].append(timed(["curl", "-s", url + "/lock/bench"], b"", environment))
            times["check"].append(timed([arguments.bin + "/check"], payload["check"], environment))
            times["lock"].append(timed([arguments.bin + "/out", folder], payload["lock"], environment))
            times["unlock"].append(timed([arguments.bin + "/out", folder], payload["unlock"], environment))
        curl = statistics.median(times["curl"]) * 1000
        for name, title in (("check", "check"), ("lock", "out, lock of a free lock"), ("unlock", "out, unlock")):
            row(rows, title + " / curl", statistics.median(times[name]) * 1000, curl, 2, at_least=False, unit=" ms")


def waiting(arguments, rows, folder):
    print("1,000 waiters on one lock: from the release's acknowledgement to the next one's 200, next to a commit")
    runs = []
    for number in range(arguments.rounds):  # a server each: those who waited when the last one ended keep their places
        with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, f"hand-over-{number}") as server:
            runs.append(ask(arguments, "waiting", "hand-over", server.port, waiters=1000, turns=arguments.turns))
    got = {name: statistics.median(run[name] for run in runs) / 1000 for name in runs[0]}
    for part, more in (("p50", 1), ("p99", 10)):
        row(rows, f"hand-over, {part} / a commit's {part} and {more} ms", got[f"after_release_{part}_us"],
            got[f"commit_{part}_us"] + more, 1, at_least=False, unit=" ms")
        print(f"    from the release's first byte: {got[f'whole_{part}_us']:.3g} ms; "
              f"a commit: {got[f'commit_{part}_us']:.3g} ms", flush=True)
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "polled") as server:
        for clients in (1000,) if arguments.quick else (1000, 10):
            polled = ask(arguments, "waiting", "polling", server.port, waiters=clients, seconds=arguments.polling)
            row(rows, f"hand-over, p50 / {clients} that poll every 1 to 30 s", got["after_release_p50_us"],
                polled["idle_p50_us"] / 1000, 1, at_least=False, unit=" ms")
            print(f"    polled, the lock stands free for {polled['idle_p50_us'] / 1e6:.3g} s (p50), "
                  f"{polled['idle_p99_us'] / 1e6:.3g} s (p99); seen {polled['idles']:.0f} times", flush=True)
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "crowd") as server:
        before = server.memory()
        command = [arguments.bin + "/waiting", "--what", "crowd", "--port", str(server.port), "--waiters", "10000",
                   "--locks", "20"]
        crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not crowd.stdout.readline():
            raise SystemExit("the crowd does not wait")
        each = (server.memory() - before) / 10_000 / 1024
        crowd.communicate("")
        row(rows, "memory a waiting connection of 10,000, KiB / 20 KiB", each, 20, 1, at_least=False, unit=" K")


def leases(arguments, rows, folder):
    print("leases with a ttl of 30 s, renewed every 10 s; the server on one core, who renews on another")
    cores = sorted(os.sched_getaffinity(0))
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "leases", core=cores[0]) as server:
        common = {"core": cores[-1], "leases": arguments.leases, "ttl": 30}
        ask(arguments, "leases", "taken", server.port, **common)
        before = server.processor()
        renewed = ask(arguments, "leases", "renewed", server.port, seconds=arguments.lease_seconds, **common)
        spent = sum(server.processor()) - sum(before)
        if renewed["lapses"] or server.status()["lapses"]:
            raise SystemExit(f"{renewed['lapses']:.0f} renewals failed; {server.status()['lapses']} claims lapsed")
        row(rows, f"{arguments.leases} leases, {renewed['lates']:.0f} renewals, none lapsed: late by, p99 / 1 s",
            renewed["late_p99_us"] / 1e6, 1, 1, at_least=False, unit=" s")
        print(f"    late by {renewed['late_p50_us'] / 1000:.3g} ms (p50), {renewed['late_most_us'] / 1000:.3g} ms "
              f"(most); {spent / arguments.lease_seconds:.0%} of the core used", flush=True)
        fastest = ask(arguments, "leases", "fastest", server.port, seconds=arguments.seconds * 2, **common)
        row(rows, f"renewals as fast as it goes / what {arguments.leases} leases need", fastest["per_second"],
            arguments.leases / 10, 1)
    with servers.Lockkeeper(arguments.bin + "/lockkeeper", folder, "lapsing") as server:
        lapsed = ask(arguments, "leases", "lapsing", server.port, leases=10_000, ttl=10)
        if lapsed["early"]:
            raise SystemExit(f"{lapsed['early']:.0f} leases ended before their time")
        row(rows, "10,000 leases lapse, none early: the next holder late by, p99 / 1 s",
            lapsed["late_p99_us"] / 1e6, 1, 1, at_least=False, unit=" s")


def stores(arguments, rows, folder):
    shared.run(arguments, rows, folder, row, load, ask)


def stormlock(arguments, rows, folder):
    tool.run(arguments, rows, folder, row)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--json")
    parser.add_argument("--quick", action="store_true", help="one short round each, 100,000 held locks")
    parser.add_argument("--only", choices=["throughput", "many_locks", "verbs", "waiting", "leases", "doors", "gates",
                                           "stores", "stormlock"])
    parser.add_argument("--stores", default="etcd,postgresql,redis", help="which of them")
    parser.add_argument("--leases", type=int, default=50_000)
    parser.add_argument("--lease-seconds", type=int, help="for how long they are renewed; a minute")
    arguments = parser.parse_args()
    arguments.bin = str(pathlib.Path(arguments.bin).resolve())
    arguments.rounds, arguments.seconds, arguments.held, arguments.verbs, arguments.turns, arguments.polling = \
        (1, 1, 100_000, 20, 300, 5) if arguments.quick else (3, 4, 1_000_000, 100, 2000, 30)
    arguments.lease_seconds = arguments.lease_seconds or (10 if arguments.quick else 60)
    arguments.gates, arguments.gates_a_second = (500, 100) if arguments.quick else (10_000, 100)
    arguments.hand_overs, arguments.shared_held = (100, 10_000) if arguments.quick else (500, 100_000)
    rows = []
    for part in (throughput, many_locks, verbs, waiting, leases, doors, gates, stores, stormlock):
        if arguments.only in (None, part.__name__):
            with tempfile.TemporaryDirectory(prefix="lockkeeper-bench-") as folder:
                os.chmod(folder, 0o755)
                part(arguments, rows, folder)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=2) + "\n")
    short = [r["what"] for r in rows if not r["met"]]
    print(f"{len(rows) - len(short)} of {len(rows)} bars met" + (f"; short: {', '.join(short)}" if short else ""))


if __name__ == "__main__":
    main()
