"""stormlock, process start to exit, on each of its databases, next to a bare client of the same: a part of the bench
(run.py --only stormlock)."""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "support"))

BAR = 2
ENVIRONMENT = {"PATH": os.environ["PATH"], "TZ": "UTC", "ETCDCTL_API": "3"}


# ---- the references: one write and one read of each database's own client

def redis_cli(place):
    client = ["redis-cli", "-p", str(place.store.port)]
    return (lambda name: [*client, "HSET", name, "id", "0123456789abcdef", "p", "me", "c", "1700000000.5"],
            lambda name: [*client, "HMGET", name, "id", "p", "c"])


def etcdctl(place):
    client = ["etcdctl", f"--endpoints=127.0.0.1:{place.store.port}"]
    return lambda name: [*client, "put", f"/{name}/id", "x"], lambda name: [*client, "get", "--prefix", f"/{name}/"]


def psql(place):
    client = ["psql", "-X", "-q", "-A", "-t", place.names["PG_DSN"], "-c"]
    return (lambda name: [*client, "insert into stormlock values ("
                          f"'{name}', '00000000-0000-4000-8000-000000000000', 'me', now(), now() + interval '1 hour')"],
            lambda name: [*client, f"select lease, principal, created from stormlock where resource = '{name}'"])


def mariadb(place):
    settings = place.settings
    client = ["mariadb", "--no-defaults", "--protocol=TCP", "-h", str(settings["host"]), "-P", str(settings["port"]),
              "-u", str(settings["user"]), *([f"-p{settings['password']}"] if settings.get("password") else []), "-D",
              str(settings["database"]), "-e"]
    return (lambda name: [*client, "insert into stormlock (resource, principal, lease, created, expires) values ("
                          f"'{name}', 'me', '0123456789abcdef', now(), now() + interval 1 hour)"],
            lambda name: [*client, f"select lease, principal, created from stormlock where resource = '{name}'"])


def signed_curl(place):
    def ask(operation, question):
        return ["curl", "-s", "--fail", "--aws-sigv4", "aws:amz:us-east-1:dynamodb", "-u", "test:test",
                "-H", "Content-Type: application/x-amz-json-1.0", "-H", f"X-Amz-Target: DynamoDB_20120810.{operation}",
                "-d", json.dumps({"TableName": "stormlock"} | question), place.settings["endpoint"] + "/"]
    return (lambda name: ask("PutItem", {"Item": {"resource": {"S": name}, "lease": {"S": "x"}, "principal": {"S": "me"},
                                                  "created": {"N": "1700000000"}, "expires": {"N": "1700003600"}}}),
            lambda name: ask("GetItem", {"Key": {"resource": {"S": name}}, "ConsistentRead": True}))


def curl(place):
    url = place.settings["url"]
    return (lambda name: ["curl", "-s", "--fail", "-X", "PUT", "-d", '{"key":"k","claim":"c","request":"r","ttl":"1h"}',
                          f"{url}/lock/{name}"],
            lambda name: ["curl", "-s", "--fail", f"{url}/lock/{name}"])


CLIENTS = {"lockkeeper": curl, "redis": redis_cli, "etcd": etcdctl, "postgresql": psql, "mysql": mariadb,
           "dynamodb": signed_curl}


# ---- what is measured

def places(arguments):
    os.environ["LOCKKEEPER_BIN"] = arguments.bin  # where its server is
    from stormlock_backends import KINDS
    for kind in CLIENTS:
        if pathlib.Path(arguments.bin, f"lockkeeper-stormlock-{kind}.so").exists():
            yield KINDS[kind]()


def timed(command, folder):
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT | {"HOME": str(folder)}, stdin=subprocess.DEVNULL,
                          capture_output=True)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr.decode()}")
    return took * 1000


def run(arguments, rows, folder, row):
    print("stormlock, process start to exit, next to a bare client of the same database")
    folder = pathlib.Path(folder)
    for place in places(arguments):
        with place:
            write, read = CLIENTS[place.kind](place)
            if shutil.which(write("x")[0]) is None:
                raise SystemExit(f"{write('x')[0]} is not installed")
            (folder / ".stormlock.cfg").write_text(
                f"[default]\nprincipal = me\nttl = 1h\nbackend = {place.kind}\n{place.section()}")
            ours = [arguments.bin + "/stormlock"]
            times = {what: [] for what in ("acquire", "write", "current", "read")}
            for number in range(arguments.verbs):
                names = f"ours-{number}", f"theirs-{number}"
                times["acquire"].append(timed([*ours, "acquire", names[0]], folder))
                times["write"].append(timed(write(names[1]), folder))
                times["current"].append(timed([*ours, "current", names[0]], folder))
                times["read"].append(timed(read(names[1]), folder))
            client = pathlib.Path(write("x")[0]).name
            for what, reference in (("acquire", "write"), ("current", "read")):
                row(rows, f"stormlock {what}, {place.kind} / {client}, one {reference}", statistics.median(times[what]),
                    statistics.median(times[reference]), BAR, at_least=False, unit=" ms")
