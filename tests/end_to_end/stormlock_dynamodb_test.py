"""stormlock over DynamoDB's emulator: whose keys and which region, what the original left there, and what a network
loses."""

import concurrent.futures
import contextlib
import http.client
import http.server
import itertools
import json
import pathlib
import re
import subprocess
import threading
import time

import pytest
from losing_proxy import LosingProxy
from server import wait_for
from stormlock_backends import Dynamodb
from stormlock_steps import BIN, PATH

ID = "0123456789abcdef0123456789abcdef"
SECRET = "wJalrXUtnFEMI+bPxRfiCY"


@pytest.fixture(scope="module")
def shared():
    with Dynamodb() as place:
        yield place


@pytest.fixture
def dynamodb(shared):
    shared.empty()
    return shared


@pytest.fixture
def stormlock(tmp_path):
    """stormlock(settings, words...) is a command's end."""
    number = itertools.count()

    def run(settings, *words, environment={}):
        config = tmp_path / f"{next(number)}.cfg"
        config.write_text("[default]\nprincipal = me\nttl = 90s\nbackend = dynamodb\n[backend.dynamodb]\n" +
                          "".join(f"{key} = {value}\n" for key, value in settings.items()))
        return subprocess.run([BIN / "stormlock", "-c", str(config), *words], cwd=tmp_path, capture_output=True,
                              text=True, timeout=60, env={"PATH": PATH, "HOME": str(tmp_path),
                                                          "AWS_EC2_METADATA_DISABLED": "true"} | environment)
    return run


def failure(done):
    """What it said when it did nothing: one line."""
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.startswith("stormlock: ") and done.stderr.count("\n") == 1, done.stderr
    assert SECRET not in done.stderr
    return done.stderr


def taken(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---- one table for the original and ours

KEY = {"resource": {"S": "res"}}


def originals_item(expires, lease=ID, created=1700000000):
    return {"resource": {"S": "res"}, "principal": {"S": "joe"}, "lease": {"S": lease},
            "created": {"N": str(created)}, "expires": {"N": str(expires)}}


def originals_acquire(place, lease, ttl=90):
    """Whether it got it: a put if there is nothing at all."""
    try:
        now = int(time.time())
        place.ask("PutItem", {"TableName": "stormlock", "Item": originals_item(now + ttl, lease, now),
                              "ConditionExpression": "attribute_not_exists(#r)",
                              "ExpressionAttributeNames": {"#r": "resource"}})
        return True
    except AssertionError as error:
        assert "ConditionalCheckFailedException" in str(error)
        return False


def seed(place, item):
    place.ask("PutItem", {"TableName": "stormlock", "Item": item})


def item_of(place):
    return place.ask("GetItem", {"TableName": "stormlock", "Key": KEY, "ConsistentRead": True}).get("Item")


def test_a_lock_of_the_originals_is_respected(dynamodb, stormlock):
    assert originals_acquire(dynamodb, ID)
    before = item_of(dynamodb)
    held = stormlock(dynamodb.settings, "acquire", "res")
    assert (held.returncode, held.stdout, held.stderr) == (2, f"{ID}\n", "Lock held\n")
    assert stormlock(dynamodb.settings, "renew", "-t", "1h", "res", ID).returncode == 0
    after = item_of(dynamodb)
    assert int(after["expires"]["N"]) - time.time() > 3590
    assert after | {"expires": None} == before | {"expires": None}
    assert stormlock(dynamodb.settings, "release", "res", ID).returncode == 0
    assert item_of(dynamodb) is None


def test_the_original_respects_ours(dynamodb, stormlock):
    before = int(time.time())
    lease = taken(stormlock(dynamodb.settings, "acquire", "res"))
    created = int(item_of(dynamodb)["created"]["N"])
    expires = int(item_of(dynamodb)["expires"]["N"])
    assert before <= created <= time.time()
    assert created + 90 <= expires <= time.time() + 91, "set anew, where a second went by meanwhile"
    assert item_of(dynamodb) == originals_item(expires, lease, created) | {"principal": {"S": "me"}}
    assert not originals_acquire(dynamodb, ID)
    assert stormlock(dynamodb.settings, "release", "res", lease).returncode == 0
    assert originals_acquire(dynamodb, ID)


def test_an_expired_lock_of_the_originals_is_taken_over_and_its_old_lease_is_dead(dynamodb, stormlock):
    seed(dynamodb, originals_item(int(time.time()) - 2))
    lease = taken(stormlock(dynamodb.settings, "acquire", "res"))
    assert item_of(dynamodb)["lease"]["S"] == lease
    assert stormlock(dynamodb.settings, "renew", "res", ID).returncode == 3
    assert stormlock(dynamodb.settings, "release", "res", ID).returncode == 0
    assert stormlock(dynamodb.settings, "is-held", "res", lease).returncode == 0


def within_one_second(observe):
    """What it saw while the clock's second did not change."""
    for _ in range(20):
        second = int(time.time())
        seen = observe(second)
        if int(time.time()) == second:
            return seen
    raise AssertionError("it takes longer than a second, each time")


def test_the_second_in_which_a_lease_ends_is_still_its_holders(dynamodb, stormlock):
    # Both programs cut the fraction off when they write the end: before that second is over, the time is not.
    def observe(second):
        seed(dynamodb, originals_item(second))
        return [stormlock(dynamodb.settings, *words).returncode
                for words in (("acquire", "res"), ("is-held", "res", ID), ("renew", "-t", "1s", "res", ID))]

    assert within_one_second(observe) == [2, 0, 0]


def test_a_second_later_it_is_nobodys(dynamodb, stormlock):
    def observe(second):
        seed(dynamodb, originals_item(second - 1))
        return [stormlock(dynamodb.settings, *words).returncode
                for words in (("is-held", "res", ID), ("renew", "res", ID), ("current", "res"), ("acquire", "res"))]

    assert within_one_second(observe) == [1, 3, 1, 0]


@pytest.mark.parametrize("left", [None, -5], ids=["free", "expired"])
def test_of_the_originals_and_ours_at_one_time_one_wins(dynamodb, stormlock, left):
    if left is not None:
        seed(dynamodb, originals_item(int(time.time()) + left))
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        theirs = [pool.submit(originals_acquire, dynamodb, f"{number:032}") for number in range(10)]
        ours = [pool.submit(stormlock, dynamodb.settings, "acquire", "res") for _ in range(10)]
        codes = [one.result().returncode for one in ours]
        won = [one.result() for one in theirs]
    assert set(codes) <= {0, 2}
    assert sum(won) + codes.count(0) == 1
    if left is not None:
        assert codes.count(0) == 1  # the original waits until DynamoDB has swept it


def test_an_item_that_is_no_lock_is_taken_and_half_a_lock_is_told(dynamodb, stormlock):
    seed(dynamodb, KEY | {"note": {"S": "x"}})
    taken(stormlock(dynamodb.settings, "acquire", "res"))
    seed(dynamodb, KEY | {"lease": {"S": ID}})
    assert stormlock(dynamodb.settings, "acquire", "res").stdout == f"{ID}\n"
    assert f"its lease id is {ID}, which releases it" in failure(stormlock(dynamodb.settings, "current", "res"))
    assert stormlock(dynamodb.settings, "release", "res", ID).returncode == 0
    assert item_of(dynamodb) is None


def test_a_missing_table_is_told(dynamodb, stormlock):
    told = failure(stormlock(dynamodb.settings | {"table": "nosuch"}, "acquire", "res"))
    assert "there is no table nosuch in us-east-1: its hash key is resource" in told


# ---- clocks that are out of step

class Dated(contextlib.AbstractContextManager):
    """The same DynamoDB, whose clock is ahead of this machine's by that many seconds, and which refuses puts for their
    number for some seconds from the first one on."""

    def __init__(self, place, ahead=0, busy=0):
        dated = self
        self.free_at = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["X-Amz-Target"].endswith(".PutItem"):
                    dated.free_at = dated.free_at or time.monotonic() + busy
                    if time.monotonic() < dated.free_at:
                        return self.answer(400, b'{"__type": "x#ProvisionedThroughputExceededException"}')
                connection = http.client.HTTPConnection("127.0.0.1", place.store.port, timeout=30)
                with contextlib.closing(connection):
                    connection.request("POST", "/", body, dict(self.headers))
                    answer = connection.getresponse()
                    self.answer(answer.status, answer.read())

            def answer(self, status, text):
                self.send_response_only(status)
                self.send_header("Date", self.date_time_string(time.time() + ahead))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.settings = place.settings | {"endpoint": f"http://127.0.0.1:{self.server.server_address[1]}"}

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_whose_clock_is_an_hour_fast_takes_nothing_that_is_held(dynamodb, stormlock):
    ends = int(time.time()) - 3600 + 30  # by DynamoDB's clock and its holder's in half a minute
    seed(dynamodb, originals_item(ends))
    with Dated(dynamodb, ahead=-3600) as dated:
        assert stormlock(dated.settings, "acquire", "res").stdout == f"{ID}\n"
        assert stormlock(dated.settings, "is-held", "res", ID).returncode == 0
        assert item_of(dynamodb)["expires"]["N"] == str(ends)
        assert stormlock(dated.settings, "renew", "-t", "60s", "res", ID).returncode == 0
    assert 55 <= int(item_of(dynamodb)["expires"]["N"]) - (time.time() - 3600) <= 65


def test_whose_clock_is_an_hour_slow_holds_for_as_long_as_it_says(dynamodb, stormlock):
    with Dated(dynamodb, ahead=3600) as dated:
        lease = taken(stormlock(dated.settings, "acquire", "-t", "60s", "res"))
        assert 55 <= int(item_of(dynamodb)["expires"]["N"]) - (time.time() + 3600) <= 65
        assert stormlock(dated.settings, "renew", "-t", "1h", "res", lease).returncode == 0
        assert 3595 <= int(item_of(dynamodb)["expires"]["N"]) - (time.time() + 3600) <= 3605
        seed(dynamodb, originals_item(int(time.time()) + 3600 - 5))
        assert stormlock(dated.settings, "renew", "res", ID).returncode == 3
        taken(stormlock(dated.settings, "acquire", "res"))


FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def clock(offset):
    assert FAKETIME, "script/setup installs libfaketime"
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_of_two_who_are_two_seconds_slow_and_fast_one_holds_at_a_time(dynamodb, stormlock):
    ttl = 3
    began = time.monotonic()
    taken(stormlock(dynamodb.settings, "acquire", "-t", f"{ttl}s", "res", environment=clock("-2s")))

    def fast():
        return stormlock(dynamodb.settings, "acquire", "res", environment=clock("+2s")).returncode == 0

    wait_for(fast, "the lease of who is slow to end")
    assert ttl <= time.monotonic() - began <= ttl + 4


def test_the_whole_ttl_is_left_after_a_put_that_had_to_wait(dynamodb, stormlock):
    with Dated(dynamodb, busy=3) as dated:
        lease = taken(stormlock(dated.settings, "acquire", "-t", "2s", "res"))
        assert time.monotonic() >= dated.free_at
    assert int(item_of(dynamodb)["expires"]["N"]) >= int(time.time()) + 1
    assert stormlock(dynamodb.settings, "is-held", "res", lease).returncode == 0


def test_a_lock_whose_end_cannot_be_set_is_given_back(dynamodb, stormlock):
    with LosingProxy(dynamodb.store.port, b"UpdateItem", done=False) as proxy:
        told = failure(stormlock(through(dynamodb, proxy), "acquire", "res", environment=clock("-1h")))
    assert "its end could not be set, and the lock was given back" in told
    assert item_of(dynamodb) is None


# ---- whose keys, and which region

class Amazon(contextlib.AbstractContextManager):
    """Refuses everybody, in words that hold what was sent, and knows by whose key and for which region it was signed."""

    def __init__(self):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                key, region = re.search(r"Credential=([^/]*)/\d{8}/([^/]*)/dynamodb", self.headers["Authorization"]).groups()
                asked.append((key, region, self.headers.get("X-Amz-Security-Token")))
                text = json.dumps({"__type": "com.amazon.coral.service#UnrecognizedClientException",
                                   "message": f"no such client ({SECRET})"}).encode()
                self.send_response(400)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def amazon():
    with Amazon() as one:
        yield one


CONFIG = """[default]
region = eu-west-1
[profile ops]
region = eu-central-1
s3 =
  region = nested
; a note
[profile "two words"]
region=us-west-2
aws_access_key_id = KEY-OF-CONFIG
aws_secret_access_key = {secret}
[profile deployer]
region = us-west-1
role_arn = arn:aws:iam::1:role/deployer
aws_access_key_id = KEY-OF-SOMEBODY-ELSE
aws_secret_access_key = {secret}
[profile vault]
region = us-west-1
credential_process = vault keys
[profile visitor]
sso_session = us
region = us-west-1
""".format(secret=SECRET)
CREDENTIALS = """[default]
aws_access_key_id = KEY-OF-DEFAULT
aws_secret_access_key = {secret}

[ops]
aws_access_key_id = KEY-OF-OPS
aws_secret_access_key = {secret}
aws_session_token = TOKEN-OF-OPS
""".format(secret=SECRET)
KEYS = {"AWS_ACCESS_KEY_ID": "KEY-OF-ENV", "AWS_SECRET_ACCESS_KEY": SECRET}
OWN = {"access_key_id": "KEY-OF-SECTION", "secret_access_key": SECRET}


@pytest.fixture
def aws_files(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / ".aws" / "credentials").write_text(CREDENTIALS)


@pytest.mark.parametrize("section, environment, key, region, token", [
    (OWN | {"region": "us-east-2"}, KEYS | {"AWS_DEFAULT_REGION": "no-1"}, "KEY-OF-SECTION", "us-east-2", None),
    ({}, KEYS | {"AWS_DEFAULT_REGION": "sa-east-1", "AWS_SESSION_TOKEN": "T"}, "KEY-OF-ENV", "sa-east-1", "T"),
    ({}, KEYS | {"AWS_REGION": "no-1"}, "KEY-OF-ENV", "eu-west-1", None),
    ({}, {}, "KEY-OF-DEFAULT", "eu-west-1", None),
    ({"profile": "ops"}, KEYS, "KEY-OF-OPS", "eu-central-1", "TOKEN-OF-OPS"),
    ({}, {"AWS_PROFILE": "ops"}, "KEY-OF-OPS", "eu-central-1", "TOKEN-OF-OPS"),
    ({}, KEYS | {"AWS_PROFILE": "ops"}, "KEY-OF-ENV", "eu-central-1", None),
    ({"profile": "two words"}, {}, "KEY-OF-CONFIG", "us-west-2", None),
    ({}, {"AWS_CONFIG_FILE": "/dev/null", "AWS_REGION": "ca-west-1"}, "KEY-OF-DEFAULT", "ca-west-1", None),
])
def test_keys_and_region_are_found_where_boto3_finds_them(amazon, aws_files, stormlock, section, environment, key, region,
                                                         token):
    amazon.asked.clear()
    told = failure(stormlock({"endpoint": amazon.endpoint} | section, "current", "res", environment=environment))
    assert "UnrecognizedClientException" in told
    assert amazon.asked == [(key, region, token)]


@pytest.mark.parametrize("section, environment, said", [
    ({"profile": "nosuch"}, {}, "the profile nosuch is neither in AWS's credentials file nor in its config file"),
    ({}, {"AWS_PROFILE": "nosuch"}, "the profile nosuch is neither in"),
    ({"profile": "visitor"}, {}, "the profile visitor gets its keys by sso_session, which this program does not do"),
    ({"profile": "deployer"}, {}, "the profile deployer gets its keys by role_arn, which this program does not do"),
    ({"profile": "vault"}, {}, "the profile vault gets its keys by credential_process, which this program does not do"),
    ({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, "AWS_WEB_IDENTITY_TOKEN_FILE is set, which this program does not do"),
    ({"access_key_id": "A"}, KEYS, "access_key_id is there without secret_access_key"),
    ({"secret_access_key": SECRET}, KEYS, "secret_access_key is there without access_key_id"),
    ({}, {"AWS_ACCESS_KEY_ID": "A"}, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
    ({}, {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}, "no credentials: neither access_key_id and secret_access_key"),
    (OWN, {"AWS_CONFIG_FILE": "/dev/null"}, "no region: neither the key region, nor AWS_DEFAULT_REGION, nor"),
    (OWN | {"region": "us/../x"}, {}, "the region is none"),
    (OWN | {"endpoint": "localhost"}, {}, "the endpoint is no http:// or https:// URL"),
    (OWN, {"AWS_CA_BUNDLE": "/nowhere.pem"}, "cannot read /nowhere.pem, which AWS_CA_BUNDLE or ca_bundle names"),
])
def test_what_is_missing_is_said(aws_files, stormlock, section, environment, said):
    told = failure(stormlock({"endpoint": "http://127.0.0.1:1"} | section, "current", "res", environment=environment))
    assert said in told and "[backend.dynamodb]" in told


class Role(contextlib.AbstractContextManager):
    """What a machine of Amazon's asks for the keys of its role."""

    def __init__(self, answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answer = answers.get((self.command, self.path, self.headers.get("X-aws-ec2-metadata-token") or
                                      self.headers.get("Authorization")))
                text = (answer or "").encode()
                self.send_response(200 if answer else 404)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_PUT = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


ROLES = "/latest/meta-data/iam/security-credentials/"
OF_ROLE = json.dumps({"Code": "Success", "AccessKeyId": "KEY-OF-ROLE", "SecretAccessKey": SECRET, "Token": "TOKEN-OF-ROLE"})
INSTANCE = {("PUT", "/latest/api/token", None): "session", ("GET", ROLES, "session"): "deployer\n",
            ("GET", f"{ROLES}deployer", "session"): OF_ROLE}


def of_role(url, **more):
    return {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": url} | more


def test_without_other_keys_the_machines_role_has_some(amazon, stormlock):
    with Role(INSTANCE | {("GET", "/task", "pass"): OF_ROLE}) as role:
        for environment in (of_role(role.url), of_role("http://127.0.0.1:1", AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{role.url}/task",
                                                      AWS_CONTAINER_AUTHORIZATION_TOKEN="pass")):
            amazon.asked.clear()
            failure(stormlock({"endpoint": amazon.endpoint}, "current", "res", environment=environment))
            assert amazon.asked == [("KEY-OF-ROLE", "us-east-1", "TOKEN-OF-ROLE")]


@pytest.mark.parametrize("answers, said", [
    ({}, "/latest/api/token: status 404"),
    (INSTANCE | {("GET", ROLES, "session"): ""}, "security-credentials/: status 404"),
    (INSTANCE | {("GET", f"{ROLES}deployer", "session"): '{"Code": "Failed"}'}, "no keys from http://127.0.0.1")])
def test_a_machine_without_a_role_is_told(stormlock, answers, said):
    with Role(answers) as role:
        assert said in failure(stormlock({"endpoint": "http://127.0.0.1:1"}, "current", "res",
                                         environment=of_role(role.url)))


@pytest.mark.parametrize("url", ["http://127.0.0.2.example/task", "http://role@{place}/task", "http://10.0.0.1/task",
                                 "http://{place}\\@127.0.0.1/task", "http://example.com/task", "ftp://127.0.0.1/"])
def test_a_stranger_is_not_told_the_token(stormlock, url):
    # Through a proxy, which would see each of them.
    with Role({}) as role:
        place = role.url.removeprefix("http://")
        environment = of_role("http://127.0.0.1:1", http_proxy=role.url, AWS_CONTAINER_AUTHORIZATION_TOKEN="pass",
                              AWS_CONTAINER_CREDENTIALS_FULL_URI=url.format(place=place))
        told = failure(stormlock({"endpoint": "http://127.0.0.1:1"}, "current", "res", environment=environment))
        assert "is neither https:// nor http:// to a loopback or link-local address" in told
        environment = of_role("http://127.0.0.1:1", http_proxy=role.url, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=f"@{place}/task")
        told = failure(stormlock({"endpoint": "http://127.0.0.1:1"}, "current", "res", environment=environment))
        assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /" in told


# ---- what a network loses

def through(place, proxy):
    return place.settings | {"endpoint": f"http://127.0.0.1:{proxy.port}"}


def test_a_lock_whose_answer_is_lost_is_ours_when_it_can_be_read(dynamodb, stormlock):
    with LosingProxy(dynamodb.store.port, b"PutItem", done=True) as proxy:
        lease = taken(stormlock(through(dynamodb, proxy), "acquire", "res"))
        assert proxy.lost.is_set()
    assert item_of(dynamodb)["lease"]["S"] == lease


def test_a_lock_that_may_be_held_is_told_with_its_id(dynamodb, stormlock):
    with LosingProxy(dynamodb.store.port, b"PutItem", done=True, gone=True) as proxy:
        told = failure(stormlock(through(dynamodb, proxy), "acquire", "res"))
    lease = item_of(dynamodb)["lease"]["S"]
    assert f"prints {lease}, the lock is yours" in told
    assert stormlock(dynamodb.settings, "release", "res", lease).returncode == 0
    assert item_of(dynamodb) is None


def test_a_lock_that_is_not_there_after_a_lost_question_is_not_claimed(dynamodb, stormlock):
    with LosingProxy(dynamodb.store.port, b"PutItem", done=False) as proxy:
        told = failure(stormlock(through(dynamodb, proxy), "acquire", "res"))
    assert "whether 'res' is locked is not known (not when it was read again)" in told


@pytest.mark.parametrize("words, operation, said", [
    (("release", "res", ID), b"DeleteItem", "whether the lock was released is not known; release it again"),
    (("renew", "res", ID), b"UpdateItem", "whether the lock is renewed is not known; its id is " + ID)])
def test_what_else_is_lost_can_be_said_again(dynamodb, stormlock, words, operation, said):
    seed(dynamodb, originals_item(32503680000))
    with LosingProxy(dynamodb.store.port, operation, done=True) as proxy:
        assert said in failure(stormlock(through(dynamodb, proxy), *words))
        assert stormlock(through(dynamodb, proxy), *words).returncode == 0


def test_nobody_there_is_told(dynamodb, stormlock):
    told = failure(stormlock(dynamodb.settings | {"endpoint": "http://127.0.0.1:1"}, "acquire", "res"))
    assert "DynamoDB at http://127.0.0.1:1: " in told
