"""A proxy in front of a server, one request a connection, that can hold answers back: what the server did is done,
and the client does not hear of it.

    with HoldingProxy(server.port) as proxy:
        proxy.hold("PUT")               # answers to PUT from here on
        ... use proxy.url ...
        proxy.wait_for_held()           # the server has answered one
        proxy.release()                 # lets go of them, and holds no more
"""

import http.client
import http.server
import threading


class HoldingProxy:
    def __init__(self, port):
        self.target = port
        self.held = 0
        self.seen = []
        self._methods = set()
        self._changed = threading.Condition()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def hold(self, *methods):
        with self._changed:
            self._methods |= set(methods)

    def release(self):
        with self._changed:
            self._methods.clear()
            self.held = 0
            self._changed.notify_all()

    def wait_for_held(self, timeout=30):
        with self._changed:
            assert self._changed.wait_for(lambda: self.held, timeout), "no answer was held back"

    def pass_on(self, method):
        with self._changed:
            self.seen.append(method)
            if method not in self._methods:
                return
            self.held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: method not in self._methods)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    owner: HoldingProxy

    def log_message(self, *_):
        pass

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", self.owner.target, timeout=30)
        try:
            connection.request(self.command, self.path, body or None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self.owner.pass_on(self.command)
        self.close_connection = True
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            pass  # it did not wait

    do_GET = do_PUT = do_DELETE = do_POST = _serve
