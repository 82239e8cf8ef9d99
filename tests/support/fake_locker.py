"""A small fake of the original locker server, faithful to its recorded exchanges: 423 at once, no versions, one
DELETE takes all of a requestor's claims, free locks stay listed with count 0, and every route it does not know is
`404 page not found`.

    with FakeLocker(auth=("user", "pass")) as locker:
        ... locker.url, locker.state, locker.requests ...
        locker.fail(2, 503, headers={"Retry-After": "1"})      # the next two requests
        locker.drop(1, methods={"PUT"}, after=True)            # carried out, and the answer is lost
        locker.delay(1, 0.2); locker.black_hole(3)             # late; never answered (until stop)
        locker.wait_until(lambda: len(locker.requests) == 3)

By hand: fake_locker.py --port 3000 --auth user:pass
"""

import argparse
import base64
import binascii
import copy
import dataclasses
import http
import http.server
import json
import re
import signal
import ssl
import threading
import urllib.parse

JSON_TYPE = "application/json; charset=utf-8"
MISSING = {"PUT": "No key specified in request body", "DELETE": "No lock specified in request body"}


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclasses.dataclass
class Fault:
    times: int
    methods: set | None = None
    status: int | None = None
    body: str = '{"error":"planted"}\n'
    headers: dict = dataclasses.field(default_factory=dict)
    drop: bool = False
    after: bool = False  # the request is carried out first
    delay: float = 0
    hole: bool = False


class Body:
    """A body as the original read it: names without case, the last duplicate wins, what follows is ignored."""

    def __init__(self, raw):
        self.key = self.requestor = ""
        self.decodable = False
        text = raw.decode("utf-8", "replace").lstrip(" \t\r\n")
        try:
            value, _ = json.JSONDecoder(object_pairs_hook=_Pairs).raw_decode(text)
        except ValueError:
            return
        self.decodable = value is None or isinstance(value, _Pairs)
        for name, member in value if isinstance(value, _Pairs) else ():
            field = name.lower()
            if field not in ("key", "requestor") or member is None:
                continue
            if isinstance(member, str):
                setattr(self, field, re.sub("[\ud800-\udfff]", "\ufffd", member))
            else:
                self.decodable = False  # answers 400, and goes on all the same


class _Pairs(list):
    pass


def go_json(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, "\\u%04x" % ord(char))
    return text + "\n"


class FakeLocker:
    def __init__(self, port=0, auth=None, tls=None):
        """auth: (user, password); tls: (certificate file, key file)."""
        self.requests = []
        self._auth = auth
        self._locks = {}
        self._faults = []
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        fake = self

        class Handler(_Handler):
            locker = fake

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._scheme = "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self._scheme = "https"

    def start(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def state(self):
        """{"prod": {"locked_by": {"a": 1}, "key": "k"}}, as GET /locks shows it."""
        with self._changed:
            return copy.deepcopy(self._locks)

    @state.setter
    def state(self, locks):
        with self._changed:
            self._locks = copy.deepcopy(locks)
            self._changed.notify_all()

    def held(self, lock):
        """Who holds it, with their counts."""
        return {holder: count for holder, count in self.state.get(lock, {}).get("locked_by", {}).items() if count > 0}

    def fail(self, times, status, body='{"error":"planted"}\n', headers=None, methods=None, after=False):
        self._plant(Fault(times, methods, status, body, headers or {}, after=after))

    def drop(self, times, methods=None, after=False):
        self._plant(Fault(times, methods, drop=True, after=after))

    def delay(self, times, seconds, methods=None):
        self._plant(Fault(times, methods, delay=seconds, after=True))

    def black_hole(self, times=1_000_000, methods=None, after=False):
        self._plant(Fault(times, methods, hole=True, after=after))

    def heal(self):
        """No more faults; what hangs in a black hole goes on hanging."""
        with self._changed:
            self._faults.clear()

    def wait_until(self, condition, timeout=30):
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError("the fake locker never got there")

    def _plant(self, fault):
        with self._changed:
            self._faults.append(fault)

    # ---- for the handler

    def note(self, request):
        """Remembers a request and takes the fault that is planted for it, if any."""
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
            for fault in self._faults:
                if fault.times > 0 and (fault.methods is None or request.method in fault.methods):
                    fault.times -= 1
                    return fault
        return None

    def hang(self, seconds=None):
        return self._stopped.wait(seconds)

    def admits(self, headers):
        if not self._auth:
            return True
        scheme, _, text = (headers.get("Authorization") or "").partition(" ")
        try:
            given = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return False
        canonical = base64.b64encode(given).decode() == text  # Python lets surplus padding pass
        return scheme.lower() == "basic" and canonical and given == ":".join(self._auth).encode()

    def listing(self):
        with self._changed:
            return go_json(
                {
                    lock: {"locked_by": dict(sorted(entry["locked_by"].items(), key=_bytes)), "key": entry["key"]}
                    for lock, entry in sorted(self._locks.items(), key=_bytes)
                }
            )

    def change(self, method, lock, raw):
        """Status, type and body of PUT and DELETE."""
        body = Body(raw)
        kind = JSON_TYPE if body.decodable else "text/plain; charset=utf-8"
        if not body.key:
            return 400, kind, go_json({"error": MISSING[method]})
        who, key = body.requestor or body.key, body.key
        with self._changed:
            entry = self._locks.get(lock, {"locked_by": {}, "key": ""})
            if entry["key"] not in ("", key):
                verb = f"steal lock for '{lock}'" if method == "PUT" else f"unlock '{lock}'"
                text = f"Attempt to {verb} with '{key}' by '{who}' thwarted. Currently held by someone else"
                return (423 if body.decodable else 400), kind, go_json({"error": text})
            self._locks[lock] = entry
            if method == "PUT":
                entry["key"] = key
                entry["locked_by"][who] = entry["locked_by"].get(who, 0) + 1
                text = f"Lock for '{lock}' acquired by '{who}' using key '{key}'"
            else:
                entry["locked_by"][who] = 0
                if sum(entry["locked_by"].values()) == 0:
                    entry["key"] = ""
                text = f"'{who}' released a lock on on '{lock}'"
            self._changed.notify_all()
        return (200 if body.decodable else 400), kind, go_json({"response": text})


def _bytes(item):
    return item[0].encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    locker: FakeLocker

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.locker.note(Request(self.command, self.path, dict(self.headers), body))
        answer = None
        if fault is None or fault.after:
            answer = self._route(body)
        if fault:
            if fault.delay:
                self.locker.hang(fault.delay)
            if fault.hole:
                self.locker.hang()
            if fault.drop or fault.hole:
                self.close_connection = True
                return
            if fault.status:
                answer = (fault.status, JSON_TYPE, fault.body, fault.headers)
        self._answer(*answer)

    def _route(self, body):
        target = self.requestline.split(" ")[1]  # Python folds leading slashes in self.path
        path, mark, query = target.partition("?")
        segments = urllib.parse.unquote_to_bytes(path.encode("latin-1")).decode("utf-8", "replace").split("/")[1:]
        route = None
        if segments[:1] == ["locks"] and self.command == "GET":
            route = segments[1:]
        elif segments[:1] == ["lock"] and len(segments) > 1 and segments[1] and self.command in MISSING:
            route = segments[2:]
        if route == [""]:
            code = 301 if self.command == "GET" else 307
            to = path.rstrip("/") + mark + query
            if code == 301:
                return 301, "text/html; charset=utf-8", f'<a href="{to}">Moved Permanently</a>.\n\n', {"Location": to}
            return 307, None, "", {"Location": to}
        if route != []:
            return 404, "text/plain", "404 page not found", {}
        if not self.locker.admits(self.headers):
            challenge = {"Www-Authenticate": 'Basic realm="Authorization Required"'}
            return 401, JSON_TYPE, '{"error":"Please Authenticate"}\n', challenge
        if self.command == "GET":
            return 200, JSON_TYPE, self.locker.listing(), {}
        return *self.locker.change(self.command, segments[1], body), {}

    def _answer(self, status, kind, text, headers):
        body = text.encode("utf-8", "replace")
        self.send_response_only(status, http.HTTPStatus(status).phrase)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main():
    options = argparse.ArgumentParser(description="A fake of the original locker server")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--auth", help="user:password")
    arguments = options.parse_args()
    auth = tuple(arguments.auth.split(":", 1)) if arguments.auth else None
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with FakeLocker(arguments.port, auth) as locker:
        print(locker.url, flush=True)
        stopping.wait()


if __name__ == "__main__":
    main()
