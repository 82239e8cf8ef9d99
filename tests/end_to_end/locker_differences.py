"""Where Lockkeeper answers otherwise than the recorded original, on purpose: what must stand there instead, and why.

case -> number of the exchange -> the fields of the response that differ, and `why`, a number of REASONS.
"""

REASONS = {
    1: "lock_by and locked_by, which the original's README promises, name the holder as requestor does",
    2: "one release takes one claim away, as that README says; the original took all of the holder's",
    3: "a free lock is not listed: no counts of 0, no empty keys",
    4: "names may hold an encoded slash, but no control characters; names, headers and bodies have limits, each with "
       "its own 4xx and a JSON error",
    5: "a wrong method is 405 with Allow, an unknown path 404, both with a JSON error; no redirects; what GET answers, "
       "HEAD answers too; GET /lock/{name} is ours",
    7: "the recorded behaviour is a defect, and the case says which",
    8: "state is in a database: an original's file is read once, kept, and not looked at again; what in it cannot be "
       "meant stops the start; a key without holders is held by itself, counts without a key are free",
    9: "our own HTTP layer: an answer to HTTP/1.0 says that it closes, and HTTP/2 is 505",
    10: "our own name, on stdout, and our own options",
}

JSON = "application/json; charset=utf-8"
CHALLENGE = {"Www-Authenticate": 'Basic realm="Authorization Required"'}
RESOURCE = {"Allow": "PUT, DELETE, GET, HEAD"}
LIST = {"Allow": "GET, HEAD"}


def body(why, text):
    return {"why": why, "body": text}


def error(why, status, reason, text, headers=None):
    return {"why": why, "status": status, "reason": reason, "content_type": JSON, "headers": headers or {},
            "body": '{"error":"%s"}\n' % text}


def good(why, text):
    return {"why": why, "status": 200, "reason": "OK", "content_type": JSON, "body": '{"response":"%s"}\n' % text}


def listed(why, text):
    return {"why": why, "status": 200, "reason": "OK", "content_type": JSON, "body": text + "\n"}


def empty_list(why):
    return listed(why, "{}")


NOT_FOUND = error(5, 404, "Not Found", "not found")
UNAUTHORIZED = error(7, 401, "Unauthorized", "Please Authenticate", CHALLENGE)
CONTROL = error(4, 400, "Bad Request", "the lock's name has a control character at byte 1")
NOT_UTF8 = error(7, 400, "Bad Request", "the lock's name is not UTF-8 at byte 1")
BIG_BODY = error(4, 413, "Payload Too Large", "the request's body is too large", {"Connection": "close"})
BIG_HEADER = error(4, 431, "Request Header Fields Too Large", "the request's header is too large",
                   {"Connection": "close"})
NO_KEY = body(7, '{"error":"No key specified in request body"}\n')
NO_LOCK = body(7, '{"error":"No lock specified in request body"}\n')


def wrong_method(allow):
    return error(5, 405, "Method Not Allowed", "method not allowed", allow)


def without_body(difference):
    return difference | {"body": ""}


# Cases that write over the original's file begin with one, so that there is something to write over.
SETUP = {name: {"locks.json": "{}"} for name in (
    "file-read-on-every-request", "file-removed-while-running", "file-corrupt-while-running", "file-not-writable")}

# Cases whose server must not start: why, and what it says.
REFUSED = {
    "count-overflow": (8, "locks.json: lock 'a' has a count above the limit"),
    "counts-that-sum-to-zero": (8, "locks.json: lock 'a' has a negative count"),
}

DIFFERENT = {
    "lock_by-is-ignored": {
        0: good(1, "Lock for 'prod' acquired by 'node-a' using key 'k1'"),
        1: listed(1, '{"prod":{"locked_by":{"node-a":1},"key":"k1"}}')},
    "locked_by-is-ignored": {
        0: good(1, "Lock for 'prod' acquired by 'node-a' using key 'k1'"),
        1: listed(1, '{"prod":{"locked_by":{"node-a":1},"key":"k1"}}'),
        2: good(1, "'node-a' released a lock on on 'prod'"),
        3: empty_list(3)},
    "unlock-basic": {2: empty_list(3)},
    "unlock-releases-all-counts": {
        4: listed(2, '{"prod":{"locked_by":{"k1":2},"key":"k1"}}'),
        5: error(2, 423, "Locked", "Attempt to steal lock for 'prod' with 'k2' by 'k2' thwarted. Currently held by "
                                   "someone else"),
        6: listed(2, '{"prod":{"locked_by":{"k1":2},"key":"k1"}}')},
    "unlock-one-of-two-requestors": {
        3: listed(3, '{"prod":{"locked_by":{"b":1},"key":"k1"}}'),
        6: empty_list(3),
        8: listed(3, '{"prod":{"locked_by":{"k2":1},"key":"k2"}}')},
    "unlock-key-does-not-release-requestors": {2: listed(3, '{"prod":{"locked_by":{"a":1},"key":"k1"}}')},
    "unlock-unknown-requestor": {2: listed(3, '{"prod":{"locked_by":{"a":1},"key":"k1"}}')},
    "unlock-free-lock": {1: empty_list(3)},
    "unlock-free-lock-with-requestor": {1: empty_list(3)},
    "requestor-wrong-type-locks-anyway": {
        0: NO_KEY, 1: empty_list(7), 2: NO_LOCK, 3: empty_list(7), 4: NO_KEY, 5: empty_list(7)},
    "body-1mb-extra-field": {0: BIG_BODY, 1: empty_list(4)},
    "body-1mb-after-value": {0: BIG_BODY, 1: empty_list(4)},
    "body-shorter-than-promised": {1: empty_list(7), 3: empty_list(7)},
    "name-invalid-utf8": {0: NOT_UTF8, 1: NOT_UTF8, 2: empty_list(7), 4: NOT_UTF8, 5: empty_list(7)},
    "name-encoded-slash": {
        0: good(4, "Lock for 'a/b' acquired by 'k' using key 'k'"),
        1: good(4, "'k' released a lock on on 'a/b'")},
    "name-slash": {0: NOT_FOUND, 1: NOT_FOUND},
    "name-control-bytes": {0: CONTROL, 1: CONTROL, 2: CONTROL, 3: empty_list(4)},
    "name-100kb": {0: BIG_HEADER, 1: empty_list(4)},
    "name-empty": {0: NOT_FOUND, 1: NOT_FOUND, 2: NOT_FOUND, 3: NOT_FOUND},
    "name-too-long": {0: BIG_HEADER},
    "trailing-slash-locks": {0: NOT_FOUND, 1: NOT_FOUND},
    "trailing-slash-lock": {0: NOT_FOUND, 1: NOT_FOUND, 2: NOT_FOUND, 3: NOT_FOUND},
    "double-slash": {0: NOT_FOUND, 1: NOT_FOUND, 2: NOT_FOUND},
    "path-case": {0: NOT_FOUND, 1: NOT_FOUND},
    "wrong-methods": {
        **{index: wrong_method(LIST) for index in (0, 1, 2, 3, 4, 9, 10)},
        5: listed(5, '{"lock":"a","state":"free","version":0,"count":0,"holders":[],"claims":[],"queue":[]}'),
        **{index: wrong_method(RESOURCE) for index in (6, 7, 8)}},
    "lowercase-method": {0: wrong_method(LIST), 1: wrong_method(RESOURCE)},
    "head": {
        0: {"why": 5, "status": 200, "reason": "OK", "content_type": JSON},
        1: {"why": 5, "status": 200, "reason": "OK", "content_type": JSON},
        2: without_body(NOT_FOUND)},
    "keep-alive": {3: NOT_FOUND, 5: empty_list(3)},
    "http-1.0": {0: {"why": 9, "headers": {"Connection": "close"}}, 1: {"why": 9, "headers": {"Connection": "close"}}},
    "http2-preface": {0: error(9, 505, "HTTP Version Not Supported", "only HTTP/1.1 and HTTP/1.0 are spoken here",
                               {"Connection": "close"})},
    "auth-right": {5: empty_list(3)},
    "auth-scheme-only-is-500": {0: UNAUTHORIZED},
    "auth-no-colon": {0: UNAUTHORIZED},
    "auth-not-needed-off-route": {
        0: NOT_FOUND, 1: wrong_method(LIST), 2: NOT_FOUND, 3: NOT_FOUND,
        4: without_body(UNAUTHORIZED) | {"why": 5}},
    "restart-persistence": {
        6: listed(3, '{"prod":{"locked_by":{"a":2},"key":"k1"}}'),
        9: listed(2, '{"prod":{"locked_by":{"a":1},"key":"k1"}}')},
    "file-handwritten": {0: listed(8, '{"a":{"locked_by":{"r":2},"key":"k"},"b":{"locked_by":{"kk":1},"key":"kk"}}')},
    "file-key-without-holders": {
        0: listed(8, '{"b":{"locked_by":{"kk":1},"key":"kk"}}'),
        3: listed(8, '{"b":{"locked_by":{"kk":1},"key":"kk"},"c":{"locked_by":{"x":1},"key":"x"}}'),
        5: listed(8, '{"b":{"locked_by":{"kk":1},"key":"kk"}}')},
    "file-read-on-every-request": {
        2: listed(8, '{"a":{"locked_by":{"k":1},"key":"k"}}'),
        3: good(8, "Lock for 'edited' acquired by 'k' using key 'k'"),
        4: error(8, 423, "Locked", "Attempt to steal lock for 'a' with 'other' by 'other' thwarted. Currently held by "
                                   "someone else"),
        5: listed(8, '{"a":{"locked_by":{"k":1},"key":"k"},"edited":{"locked_by":{"k":1},"key":"k"}}')},
    "file-removed-while-running": {
        2: listed(8, '{"a":{"locked_by":{"k":1},"key":"k"}}'),
        3: good(8, "Lock for 'a' acquired by 'k' using key 'k'"),
        4: good(8, "'k' released a lock on on 'a'")},
    "file-corrupt-while-running": {
        1: empty_list(8),
        2: good(8, "Lock for 'a' acquired by 'k' using key 'k'"),
        3: good(8, "'k' released a lock on on 'a'"),
        5: empty_list(8), 7: empty_list(8), 9: empty_list(8)},
    "file-not-writable": {
        1: good(8, "Lock for 'a' acquired by 'k' using key 'k'"),
        2: good(8, "'k' released a lock on on 'a'")},
    "start-help-version": {
        **{index: {"why": 10, "stdout_contains": ["lockkeeper "], "stderr": ""} for index in (0, 1)},
        2: {"why": 10, "stdout_contains": ["Usage: lockkeeper", "--version"], "stderr": ""},
        3: {"why": 10, "stderr_contains": ["unrecognised option '--nope'"], "stdout": ""}},
}
