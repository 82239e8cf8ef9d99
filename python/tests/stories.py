"""What several stories need."""

import concurrent.futures
import contextlib
import json

from server import wait_for


@contextlib.contextmanager
def beside():
    """Runs calls in threads of their own: `with beside() as run: future = run(function, ...)`."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        yield pool.submit


def history(server, lock):
    return json.loads(server.request("GET", f"/lock/{lock}/history?order=oldest&limit=1000").body)["events"]


def happened(server, lock):
    return [event["what"] for event in history(server, lock)]


def count(server, lock, what):
    return happened(server, lock).count(what)


def show(server, lock):
    return json.loads(server.request("GET", f"/lock/{lock}").body)


def wait_for_queue(server, lock, length):
    return wait_for(lambda: len(show(server, lock)["queue"]) == length, f"{length} in the queue of {lock}")


def wait_for_event(server, lock, what, number=1):
    wait_for(lambda: count(server, lock, what) >= number, f"{number} times {what} on {lock}")


def put(server, lock, key, **fields):
    """Another program's lock, in the API's own words. (status, answer)"""
    answer = server.request("PUT", f"/lock/{lock}", json.dumps({"key": key, **fields}))
    return answer.status, json.loads(answer.body)


def fails_once(send):
    """A client's way to send, whose first renewal fails as nobody thought of."""
    failures = [ZeroDivisionError("a fault")]

    def sent(call, timeout):
        if call.path.endswith("/renew") and failures:
            raise failures.pop()
        return send(call, timeout)

    return sent


def delete(server, lock, key):
    assert server.request("DELETE", f"/lock/{lock}", json.dumps({"key": key})).status == 200
