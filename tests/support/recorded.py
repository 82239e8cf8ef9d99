"""Reads recorded exchanges (their format: tests/end_to_end/recorded/README.md) and speaks them over raw sockets."""

import base64
import dataclasses
import json
import pathlib
import socket


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def joined(record, name):
    """A text that may be given in parts or as bytes in base64; None when there is none."""
    if record.get(name) is not None:
        return record[name].encode()
    if f"{name}_parts" in record:
        return b"".join(text.encode() * times for text, times in record[f"{name}_parts"])
    if f"{name}_base64" in record:
        return base64.b64decode(record[f"{name}_base64"])
    return None


def request_bytes(request):
    if request.get("raw") is not None:
        return request["raw"].encode("latin-1")
    if "raw_parts" in request:
        return b"".join(text.encode("latin-1") * times for text, times in request["raw_parts"])
    body = joined(request, "body")
    lines = [request["method"].encode() + b" " + joined(request, "path") + b" HTTP/1.1", b"Host: localhost"]
    for name, values in request["headers"].items():
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{name}: {value}".encode())
    if request["headers"].get("Transfer-Encoding") == "chunked":
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    elif body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    http: str
    content_type: str | None
    headers: dict
    body: bytes
    interim: list


class Closed(Exception):
    """The connection ended before there was a whole answer."""


FRAMING = {"date", "content-type", "content-length", "transfer-encoding"}


class Connection:
    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.received = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        """A server that refuses early may close before all is sent: the answer is what counts."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self.received)
        self.received += data

    def _until(self, mark):
        while mark not in self.received:
            self._more()
        text, self.received = self.received.split(mark, 1)
        return text

    def _exactly(self, size):
        while len(self.received) < size:
            self._more()
        text, self.received = self.received[:size], self.received[size:]
        return text

    def _to_end(self):
        try:
            while True:
                self._more()
        except Closed:
            text, self.received = self.received, b""
            return text

    def _chunks(self):
        body = b""
        while True:
            size = int(self._until(b"\r\n"), 16)
            body += self._exactly(size)
            assert self._exactly(2) == b"\r\n"
            if size == 0:
                return body

    def read(self, method="GET"):
        interim = []
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, status, reason = head[0].split(" ", 2)
            if not status.startswith("1"):
                break
            interim.append(f"{status} {reason}")
        fields = [line.split(": ", 1) for line in head[1:]]
        lower = {name.lower(): value for name, value in fields}
        if method == "HEAD" or status in ("204", "304"):
            body = b""
        elif lower.get("transfer-encoding") == "chunked":
            body = self._chunks()
        elif "content-length" in lower:
            body = self._exactly(int(lower["content-length"]))
        else:
            body = self._to_end()
        return Response(int(status), reason, version.removeprefix("HTTP/"), lower.get("content-type"),
                        {name: value for name, value in fields if name.lower() not in FRAMING}, body, interim)

    def is_closed(self):
        """Whether the server has ended, or ends at once; an open connection stays silent."""
        self.socket.settimeout(1)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        finally:
            self.socket.settimeout(30)


def recorded_path(name):
    return pathlib.Path(__file__).resolve().parents[1] / "end_to_end" / "recorded" / name
