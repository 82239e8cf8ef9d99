"""Where our stormlock differs from the recorded original, on purpose: what must stand there instead, and why.

case -> number of the step -> the fields that differ, and `why`, a key of REASONS. Where a case says `copy: no`, its `want`
stands for the recorded values by itself. What a case leaves free is held to what was recorded, unless it is here.
"""

REASONS = {
    "home": "the two places in the home directory are found; the cases' `instead` says so, while their `want` is that of a "
            "program that finds nothing",
    "empty variable": "an empty STORMLOCK_CONFIG is as good as none",
    "bad ttl": "a ttl that cannot be read stops what takes it, not what asks or gives back",
    "signal": "a signal ends it without a word",
    "too long": "a ttl that nothing can keep is a wrong command line",
    "bytes": "a name is bytes to etcd, and to us",
    "damaged": "a record without principal and time is a held lock all the same, and its id can be told",
    "half": "access_key_id without secret_access_key is said to be so",
}


def silent(why, code):
    return {"why": why, "exit": code, "stdout": "", "stderr": "", "stderr_kind": None}


def taken(why):
    return {"why": why, "exit": 0, "stdout": "<LEASE>\n", "stderr": "", "stderr_kind": None}


def taken_by(why, principal):
    return {0: taken(why), 1: {"why": why, "exit": 0, "stdout": f"{principal}\t<TIME>\t<LEASE>\n", "stderr": ""}}


def said(why, code, stdout=""):
    return {"why": why, "exit": code, "stdout": stdout, "stderr_kind": "sentence"}


DIFFERENT = {
    "config-xdg-empty": taken_by("home", "homeconfig"),
    "config-home-config-ignored": taken_by("home", "homeconfig"),
    "config-home-dot-ignored": taken_by("home", "homedot"),
    "config-env-empty": taken_by("empty variable", "cwd"),
    "ini-bad-ttl": {2: silent("bad ttl", 1)},
    "signals": {1: silent("signal", 130)},
    "huge-ttl-etcd": {6: said("too long", 2)},
    "huge-ttl-postgresql": {6: said("too long", 2)},
    "huge-ttl-dynamodb": {6: said("too long", 2)},
    "not-utf8-argument-etcd": {0: taken("bytes")},
    "record-damaged-redis": {6: {"why": "damaged", "exit": 2, "stdout": "30313233343536373839616263646566\n",
                                 "stderr": "Lock held\n", "stderr_kind": None}},
    "backend-dynamodb-half-credentials": {0: said("half", 1)},
}
