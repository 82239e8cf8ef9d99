"""Where Lockkeeper answers otherwise than the recorded shared-lock, on purpose: what must stand there instead, and why.

case -> number of the exchange -> the fields of the response, or of the step, that differ, and `why`, a number of
REASONS.
"""

REASONS = {
    4: "names have no control characters; names and bodies have limits, each with its own 4xx and a JSON error",
    5: "a wrong method is 405 with Allow, an unknown path 404, both with a JSON error; no redirects; /health and "
       "/metrics are for GET and HEAD; only POST changes anything",
    6: "what cannot be made durable is 503 with Retry-After, within the commit's deadline; what needs no write is "
       "answered",
    7: "the recorded behaviour is a defect, and the case says which",
    8: "a key is required; an x-lease-ttl that does not parse or is not positive is 400; a ttl is granted as asked, "
       "below 2 s and in parts of a second too, up to 100 years; what is no id is 400 at /keepalive, and white space "
       "around it is fine",
    9: "our own HTTP layer: refusals are JSON, an answer to HTTP/1.0 says that it closes, who is too slow is told so",
    10: "our own name and options; there is no etcd: what it did is done to the lock itself",
    11: "a variable that nothing here corresponds to, or that cannot be understood, ends the start and says what "
        "replaces it; an empty one is none",
    12: "the metrics page is the server's, without Go's families, and not compressed",
}

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


def error(why, status, reason, text, headers=None):
    return {"why": why, "status": status, "reason": reason, "content_type": JSON, "headers": headers or {},
            "body": '{"error":"%s"}\n' % text}


def bad(why, text):
    return error(why, 400, "Bad Request", text)


def wrong_method(allow):
    return error(5, 405, "Method Not Allowed", "method not allowed", {"Allow": allow})


def without_body(difference):
    return difference | {"body": ""}


def created(why, name=None):
    """A new lease, whose id is kept under that name."""
    return {"why": why, "status": 201, "reason": "Created", "content_type": TEXT, "headers": {}, "volatile": ["body"],
            "capture": name}


def accepted(why, body):
    return {"why": why, "status": 202, "reason": "Accepted", "content_type": TEXT, "headers": {}, "body": body,
            "volatile": []}


def ttl(seconds):
    return {"why": 8, "granted_ttl": seconds}


def numbered(difference, *numbers):
    return {number: difference for number in numbers}


NO_KEY = bad(8, "the lease's key is missing")
NO_DURATION = bad(8, "x-lease-ttl is no positive duration with units, like 30s, 1m30s or 500ms")
TOO_SHORT = bad(8, "ttl is shorter than 100ms")
NO_ID = bad(8, "the body is no lease id: a whole number of 64 bits is wanted")
LONG_NAME = bad(4, "the lock's name is too long (10000 bytes; the limit is 512)")
BIG_BODY = error(4, 413, "Payload Too Large", "the request's body is too large", {"Connection": "close"})
NOT_FOUND = error(5, 404, "Not Found", "not found")
ONLY_POST = wrong_method("POST")
ONLY_GET = wrong_method("GET, HEAD")
TOO_SLOW = error(9, 408, "Request Timeout", "the request took too long to arrive", {"Connection": "close"})
UNAVAILABLE = {"why": 6, "status": 503, "reason": "Service Unavailable", "content_type": JSON,
               "headers": {"Retry-After": "1"}, "body": '{"error":"outcome unknown: the store does not answer"}\n'}
RENEWED = {"why": 8, "status": 200, "reason": "OK", "content_type": None, "headers": {}, "body": ""}
OVER = {"status": 204, "reason": "No Content", "content_type": TEXT, "headers": {"X-Content-Type-Options": "nosniff"},
        "body": ""}
PAGE = {"why": 12, "content_type": "text/plain; version=0.0.4; charset=utf-8", "headers": {}}
CLOSES = {"why": 9, "headers": {"Connection": "close"}}
NO_LEASE = {"why": 7, "body": "a number that is no lease"}

NO_CACHE = "SHARED_LOCK_CACHE_ENABLED: there is no cache to switch on"
NOT_BOOLEAN = 'SHARED_LOCK_CACHE_ENABLED: "%s" is not true or false'
NO_ETCD = "locks are not kept in etcd here: --store says where, and the variable can go"

# Cases whose variables end the start: with what words. They are played without them.
REFUSED = {
    "pprof": "SHARED_LOCK_PPROF_ENABLED: there is no pprof here",
    **{name: NO_CACHE for name in (
        "cache-hit", "cache-hides-etcd", "cache-entry-expires", "cache-keeps-a-dead-lease", "cache-negative-ttl",
        "cache-id-zero-not-cached", "cache-forgotten-at-restart", "cache-enabled-spelled-TRUE",
        "cache-enabled-spelled-t")},
    "cache-enabled-spelled-yes": NOT_BOOLEAN % "yes",
    "cache-enabled-spelled-on": NOT_BOOLEAN % "on",
    **{name: "SHARED_LOCK_STORAGE_TYPE: " + NO_ETCD for name in (
        "mock-lease-drops-connection", "mock-bad-requests", "mock-ignores-etcd")},
}

# A time-out of a second instead of ours of 15.
ENVIRONMENT = {"slow-header": {"SHARED_LOCK_SERVER_READ_TIMEOUT": "1s"}}

DIFFERENT = {
    "empty-key": {**numbered(NO_KEY, 0, 1, 2, 3, 4), 5: {"why": 8, "keys": []}},
    "odd-keys": {
        4: bad(4, "the lock's name has a control character at byte 1"),
        6: {"why": 4, "keys": [f"/shared-lock/{name}" for name in (" ", "../x", "/", "a/b/c", "日本語")]}},
    "long-key": {
        0: LONG_NAME, 1: LONG_NAME, 2: BIG_BODY, 3: {"why": 4, "count": 0}, 4: BIG_BODY, 5: {"why": 4, "count": 0}},
    "value-1mb": {
        0: BIG_BODY, 1: {"why": 4, "count": 0}, 2: BIG_BODY, 3: {"why": 4, "count": 0}, 4: BIG_BODY,
        5: {"why": 4, "count": 0}, 6: {"why": 4, "keys": []}},
    "parallel-one-winner": {0: {"why": 7, "other_bodies_among": ["${id1}"]}},
    "key-without-lease": {
        1: NO_LEASE, 2: NO_LEASE, 3: {"why": 10, "count": 1}, 4: {"why": 10, "lease": None}},
    "ttl-valid": {11: ttl(2.9), 13: ttl(4.5)},
    "ttl-invalid-means-default": {
        number: difference for number in range(44) if number not in (6, 7)
        for difference in [NO_DURATION if number % 2 == 0 else {"why": 8, "granted_ttl": None}]},
    "ttl-small-means-minimum": {
        **numbered(NO_DURATION, 0, 2, 4, 14, 16, 18),
        **numbered({"why": 8, "granted_ttl": None}, 1, 3, 5, 9, 15, 17, 19),
        7: ttl(1), 8: TOO_SHORT, 11: ttl(0.5), 13: ttl(1.999)},
    "ttl-huge": numbered(ttl(100 * 365 * 86400), 3, 5, 7),
    "any-method": {
        **numbered(ONLY_POST, 0, 1, 2, 3, 4, 5, 6, 7), 8: {"why": 5, "keys": []}},
    "head-lease": {0: without_body(ONLY_POST), 1: created(5, "id1")},
    "keepalive-garbage": numbered(NO_ID, *range(9)),
    "keepalive-quoted-json": numbered(NO_ID, *range(1, 7)),
    "keepalive-whitespace": numbered(RENEWED, 1, 2, 3),
    "keepalive-empty": numbered(NO_ID, 0, 1),
    "keepalive-any-method": {
        **numbered(ONLY_POST, 1, 2, 3, 5), 4: without_body(ONLY_POST)},
    "keepalive-query-ignored": {1: NO_ID},
    "health": numbered(ONLY_GET, 1, 3),
    "metrics-fresh": {0: PAGE},
    "metrics-after-use": {3: created(8), 6: NO_ID, 7: PAGE | {"absent": ['status="error"', 'status=""']}},
    "metrics-methods": {0: ONLY_GET, 1: PAGE},
    "unknown-paths": numbered(NOT_FOUND, *range(8)),
    "path-cleaning": numbered(NOT_FOUND, *range(5)),
    "encoded-path": {1: NOT_FOUND},
    "pprof": numbered(NOT_FOUND, 0, 1, 2),
    "http-1.0": numbered(CLOSES, 0, 1),
    "pipelining": {1: NOT_FOUND},
    "slow-body": {0: TOO_SLOW},
    "slow-header": {0: TOO_SLOW},
    "cache-hides-etcd": {2: created(7, "id2"), 3: {"why": 7, "keys": ["/shared-lock/a"]}},
    "cache-entry-expires": {2: created(7, "id3"), 4: accepted(7, "${id3}")},
    "cache-keeps-a-dead-lease": {7: created(7, "id2"), 9: accepted(7, "${id2}")},
    "cache-negative-ttl": numbered(NO_DURATION, 0, 1),
    "cache-id-zero-not-cached": {1: NO_LEASE},
    "cache-enabled-spelled-TRUE": {2: created(7, "id2")},
    "cache-enabled-spelled-t": {2: created(7, "id2")},
    "etcd-down-from-start": {1: UNAVAILABLE, 3: NO_ID},
    "etcd-down-keepalive-hangs": {0: OVER | {"why": 6}},
    "etcd-stops": {2: accepted(6, "${id1}")},
    "mock-lease-drops-connection": {0: created(7, "id1"), 1: accepted(7, "${id1}"), 2: NO_KEY},
    "mock-bad-requests": {2: NO_ID},
    "start-no-command": {
        0: {"why": 10, "exit_code": 1, "stderr": "No LOCKER_CONFIG file specified. Bailing out.\n", "stdout": ""},
        1: {"why": 10, "stdout_contains": ["Usage: lockkeeper"]}},
    "start-unknown-command": {
        0: {"why": 10, "stderr_contains": ["too many positional options"]},
        1: {"why": 10, "stderr_contains": ["too many positional options"]}},
    "start-bad-storage": {0: {"why": 11, "stderr_contains": ["SHARED_LOCK_STORAGE_TYPE: " + NO_ETCD]}},
    "start-bad-etcd-list": {
        0: {"why": 11, "stays": True},
        **numbered({"why": 11, "stderr_contains": ["SHARED_LOCK_ETCD_ADDR_LIST: " + NO_ETCD]}, 1, 2)},
    "start-tls-without-files": {0: {"why": 11, "stderr_contains": [
        "SHARED_LOCK_ETCD_TLS: it was for TLS to etcd, and locks are not kept there: --store says where"]}},
    "start-bad-port": {
        0: {"why": 11, "stderr_contains": ['SHARED_LOCK_SERVER_PORT: "abc" is not a whole number from 0 to 65535']},
        1: {"why": 10, "stderr_contains": ["Address already in use"]}},
}
