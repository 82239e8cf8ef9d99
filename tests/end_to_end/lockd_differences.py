"""Where Lockkeeper answers otherwise than the recorded lockds, on purpose: what must stand there instead, and why.

case -> number of the exchange -> the fields of the response that differ, and `why`, a number of REASONS.
"""

REASONS = {
    4: "names in bodies have the limits of all names: 512 bytes of UTF-8 without control characters",
    5: "a wrong method is 405 with Allow, an unknown path 404, both with a JSON error; no redirects for a slash at the "
       "end; what GET answers, HEAD answers too",
    7: "the recorded behaviour is a defect, and the case says which",
    8: "state is durable: a restart frees nothing",
    9: "our own HTTP layer: an answer to HTTP/1.0 says that it closes",
    10: "our own options",
    11: "all generations of the API are at one door",
    12: "every 400 is JSON and says so; what a parser says of a body is in our words",
    13: "one server, or several over one store, and no raft: nobody refuses because another one leads, and there are no "
        "endpoints for peers",
}

JSON = "application/json; charset=utf-8"


def answer(why, status, reason, body, headers=None):
    return {"why": why, "status": status, "reason": reason, "content_type": JSON, "headers": headers or {},
            "body": body}


def error(why, status, reason, text, headers=None):
    return answer(why, status, reason, '{"error":"%s"}\n' % text, headers)


def good(why):
    return answer(why, 200, "OK", "{}\n")


def wrong_method(allow):
    return error(5, 405, "Method Not Allowed", "method not allowed", {"Allow": allow})


def without_body(difference):
    return difference | {"body": ""}


def conflict(why):
    return error(why, 409, "Conflict", "Lock conflict")


def free(why):
    return error(why, 404, "Not Found", "Not Found")


def ends_with(text):
    return {"why": 10, "exit_code": 1, "stderr_contains": [text]}


NOT_FOUND = error(5, 404, "Not Found", "not found")
NO_PEERS = error(13, 404, "Not Found", "not found")
NO_PEERS_HERE = {"why": 13}
OLD_CONFLICT = answer(8, 409, "Conflict", "{}\n")

# Methods of the paths that all generations have together.
ONE_LOCK = wrong_method("GET, HEAD, POST, DELETE")
LOCK = wrong_method("POST")
API_LOCK = wrong_method("POST, GET, HEAD")

NO_NAME = {"why": 12, "content_type": JSON}
NO_PARAMETER = error(5, 400, "Bad Request", "GET /api/lock?name=... needs exactly 1 name parameter")
NO_NAME_FAULT = error(11, 400, "Bad Request", "Key: 'LockRequest.Name' Error:Field validation for 'Name' failed on the "
                                              "'required' tag")
BAD_JSON = error(12, 400, "Bad Request", "the body is not a JSON object with a text as its name")
CONTROL = error(4, 400, "Bad Request", "the lock's name has a control character at byte 0")
TOO_LONG = error(4, 400, "Bad Request", "the lock's name is too long (5000 bytes; the limit is 512)")
CLOSES = {"why": 9, "headers": {"Connection": "close"}}
OLD_FORM = {1: NO_NAME, 2: NO_NAME, 6: NO_NAME, 7: NO_NAME}


DIFFERENT = {
    "get-unknown": {1: NOT_FOUND},
    "restart-loses-everything": {3: good(8), 4: good(8), 5: conflict(8)},
    "name-empty": {
        **{index: NOT_FOUND for index in (0, 1, 2)},
        3: LOCK, 4: NO_NAME_FAULT, 5: LOCK},
    "name-every-byte-get": {47: NOT_FOUND},
    "name-dots": {index: NOT_FOUND for index in range(6)},
    "name-slash": {index: NOT_FOUND for index in range(6)},
    "trailing-slash": {index: NOT_FOUND for index in range(4)},
    "path-forms": {7: NOT_FOUND, 10: NOT_FOUND},
    "wrong-methods": {index: ONE_LOCK for index in range(6)},
    "head": {1: without_body(good(5)), 2: {"why": 5, "content_type": JSON}, 3: without_body(NOT_FOUND)},
    "options": {0: ONE_LOCK},
    "old-post-lock-is-gone": {0: good(11), 1: NOT_FOUND, 2: good(11)},
    "keep-alive": {5: NOT_FOUND},
    "http-1.0": {0: CLOSES},
    "not-leader": {0: good(13), 1: good(13), 6: NOT_FOUND},
    "three-nodes": {5: conflict(13), 6: good(13), 7: good(13), 8: good(13)},
    "leader-dies": {4: NO_PEERS_HERE},
    "no-quorum-hangs": {2: NO_PEERS_HERE, 3: NO_PEERS_HERE, 4: good(7), 5: good(7), 7: good(7)},
    "result-unknown": {0: NO_PEERS_HERE, 1: conflict(13), 2: good(13), 3: good(13)},
    "double-grant-after-leader-change": {0: NO_PEERS_HERE, 1: good(7), 2: good(7), 3: free(7)},
    "raft-bad-requests": {**{index: NO_PEERS for index in range(5)}, 5: NOT_FOUND, 6: NOT_FOUND},
    "raft-bad-json": {index: NO_PEERS for index in range(3)},
    "raft-stale-term": {1: NO_PEERS, 2: NO_PEERS},
    "raft-unknown-sender-kills": {1: NO_PEERS, 2: {"why": 7, "state": "running"}, 3: good(7)},
    "start-bad-flags": {
        0: ends_with("No LOCKER_CONFIG file specified. Bailing out."),
        **{index: ends_with("unrecognised option '-cluster'") for index in (1, 2, 3, 4)}},
    "473c573-missing-name": {index: NO_NAME for index in range(5)},
    "870bc1c-missing-name": {index: NO_NAME for index in range(5)},
    "473c573-bad-json": {index: BAD_JSON for index in range(8)},
    "870bc1c-bad-json": {index: BAD_JSON for index in range(8)},
    "473c573-form-body": OLD_FORM,
    "98ba35a-form-body": OLD_FORM,
    "870bc1c-form-body": OLD_FORM,
    "473c573-routes": {
        0: LOCK, 1: LOCK, 2: LOCK, 3: NOT_FOUND, 4: good(11), 5: answer(11, 409, "Conflict", "{}\n"), 6: NOT_FOUND,
        7: without_body(LOCK), 8: LOCK},
    "98ba35a-routes": {
        0: API_LOCK, 1: API_LOCK, 2: LOCK, 3: NOT_FOUND, 4: good(11), 5: answer(11, 409, "Conflict", "{}\n"),
        6: NOT_FOUND, 7: without_body(NO_PARAMETER), 8: good(11)},
    "870bc1c-routes": {
        0: API_LOCK, 1: API_LOCK, 2: LOCK, 3: NOT_FOUND, 4: good(11), 5: answer(11, 409, "Conflict", "{}\n"),
        6: NOT_FOUND, 7: without_body(NO_PARAMETER)},
    "473c573-restart-loses-everything": {2: OLD_CONFLICT},
    "98ba35a-restart-loses-everything": {2: OLD_CONFLICT},
    "870bc1c-restart-loses-everything": {2: OLD_CONFLICT},
    "98ba35a-any-name": {3: CONTROL, 4: TOO_LONG},
    "870bc1c-any-name": {3: CONTROL, 4: TOO_LONG},
}
