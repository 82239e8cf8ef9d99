"""The tables of docs/doors.md are true: each of their requests is made in each of their states, and what is answered
and what history tells is what they say."""

import itertools
import json
import pathlib
import re

import grpc
import pytest
from server import Server

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "doors.md"
HELD_ELSEWHERE = {"locker": ("POST", "/lockd/lock/NAME", ""),
                  "other": ("PUT", "/lock/NAME", '{"key":"another","lock_by":"somebody"}')}
TAKE = {"locker": ("PUT", "/lock/NAME", '{"key":"k","lock_by":"me"}'),
        "lockd": ("POST", "/lockd/lock/NAME", ""),
        "shared-lock": ("POST", "/shared-lock/lease", '{"key":"NAME"}')}
numbers = itertools.count(1)


def tables():
    """(door, request, means, {state: cell}) of each row, of the tables whose last columns are states."""
    heads, rows = None, []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heads = None
        elif heads is None:
            heads = cells
        elif heads[:2] == ["door", "request"] and not set(line) <= set("|-"):
            states = {name: cell for name, cell in zip(heads, cells) if name not in ("door", "request", "on the lock")}
            rows += [(cells[0], cells[1].strip("`"), state, cell) for state, cell in states.items() if cell != "-"]
    return rows


def parsed(cell):
    answer, event = re.fullmatch(r"(\w+)(?: \*\*(\w+)\*\*)?", cell).groups()
    return answer, event


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server"), store="locks.db",
                args=["--door", "lockd-grpc=127.0.0.1:0"]) as one:
        yield one


class Lockd:
    """lockd's gRPC service, with messages as bytes: field 1 is the name."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{server.door_ports['lockd-grpc']}")

    def call(self, method, name):
        ask = self.channel.unary_unary(f"/lockapi.Locking/{method}", request_serializer=None,
                                       response_deserializer=None)
        answer = ask(b"\x0a" + bytes([len(name)]) + name.encode(), timeout=30)
        # success is field 1 of the one message, is_locked field 2 of the other.
        return "true" if answer.endswith(b"\x10\x01" if method == "IsLocked" else b"\x08\x01") else "false"


@pytest.fixture(scope="module")
def lockd(server):
    return Lockd(server)


def history(server, lock):
    page = json.loads(server.request("GET", f"/lock/{lock}/history").text)
    return [(event["what"], event["door"]) for event in page["events"]]


def gate_history(server, gate):
    page = json.loads(server.request("GET", f"/workflow/lock/history?id={gate}").text)
    return [(event["what"], event["door"]) for event in page.get("events", [])]


def send(server, words, **names):
    method, path, body = words
    for name, value in names.items():
        path, body = path.replace(name, value), body.replace(name, value)
    # To lockd's older API a body without this is a form.
    headers = {"Content-Type": "application/json"} if body.startswith("{") else {}
    return server.request(method, path, body.encode() or None, headers)


def take(server, lockd, door, lock):
    if door == "lockd-grpc":
        assert lockd.call("Lock", lock) == "true"
        return ""
    answer = send(server, TAKE[door], NAME=lock)
    assert answer.status in (200, 201), answer.text
    return answer.text


def test_the_page_has_all_doors():
    assert {row[0] for row in tables()} == {"locker", "lockd", "lockd-grpc", "shared-lock", "workflow"}


@pytest.mark.parametrize("door, request_line, state, cell",
                         [row for row in tables() if row[0] != "workflow"],
                         ids=lambda value: re.sub(r"\W+", "-", str(value))[:40])
def test_what_a_word_does_to_a_lock(server, lockd, door, request_line, state, cell):
    lock = f"lock-{next(numbers)}"
    lease = "4711"
    if state == "own":
        lease = take(server, lockd, door, lock)
    elif state == "another's":
        lease = send(server, HELD_ELSEWHERE["locker" if door == "locker" else "other"], NAME=lock).text and "4711"
    before = history(server, lock)
    expected, event = parsed(cell)
    if door == "lockd-grpc":
        got = lockd.call(request_line.split("(")[0], lock)
    else:
        method, path, body = (request_line + "  ").split(" ", 2)
        got = str(send(server, (method, path, body.strip()), NAME=lock, ID=lease).status)
    assert got == expected
    after = history(server, lock)
    told = after[:len(after) - len(before)]
    assert told == ([(event, door)] if event else [])


@pytest.mark.parametrize("request_line, state, cell",
                         [row[1:] for row in tables() if row[0] == "workflow"],
                         ids=lambda value: re.sub(r"\W+", "-", str(value))[:40])
def test_what_a_word_does_to_a_gate(server, request_line, state, cell):
    gate = "5f0c2b1e-0000-4000-8000-000000000000"
    if state != "no such gate":
        gate = json.loads(send(server, ("POST", "/workflow/lock", '{"workflow":"w","namespace":"n"}')).text)["id"]
    if state == "released":
        assert send(server, ("PATCH", f"/workflow/lock/?id={gate}", "")).status == 200
    before = gate_history(server, gate)
    method, path, body = (request_line + "  ").split(" ", 2)
    answer = send(server, (method, path, body.strip()), ID=gate)
    expected, event = parsed(cell)
    assert str(answer.status) == expected
    if event == "created":
        gate, before = json.loads(answer.text)["id"], []
    after = gate_history(server, gate)
    assert after[:len(after) - len(before)] == ([(event, "workflow")] if event else [])
