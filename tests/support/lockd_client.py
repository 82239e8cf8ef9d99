"""A client of lockapi.Locking, as lockd's README has one, without any generated code: what is on the wire is written
here by hand, so that a slip in our own .proto would be seen."""

import base64

import grpc

# name: (number in requests, whether it is a text)
FIELDS = {"name": (1, True), "client_id": (11, True), "request_id": (12, True), "wait": (13, True), "ttl": (14, True),
          "override": (15, False)}
ANSWERS = {
    "IsLocked": {1: "name", 2: "is_locked"},
    "Lock": {1: "success", 11: "request_id", 12: "token", 13: "held_by", 14: "position", 15: "waiters"},
    "Unlock": {1: "success", 13: "held_by"},
    "Renew": {1: "success", 12: "token"},
}


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def encode(**values):
    out = b""
    for field, value in values.items():
        number, is_text = FIELDS[field]
        if is_text:
            data = value.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
        else:
            out += varint(number << 3) + varint(int(value))
    return out


def decode(names, data):
    """{field: text or number}; an absent field is not in it."""
    at, found = 0, {}

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        value = number()
        if key & 7 == 2:
            at, value = at + value, data[at:at + value].decode()
        found[names[key >> 3]] = value
    return found


def same(data):
    return data


class LockdClient:
    def __init__(self, port, *, ca=None, credentials=None):
        self.metadata = []
        if credentials:
            token = base64.b64encode(":".join(credentials).encode()).decode()
            self.metadata = [("authorization", "Basic " + token)]
        # Each client a connection of its own, and no waiting before it is tried again.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.enable_http_proxy", 0)]
        if ca is None:
            self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        else:
            self.channel = grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(ca), options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def raw(self, method, data, timeout=60):
        """Bytes for bytes; raises grpc.RpcError."""
        return self.channel.unary_unary(method, same, same)(data, timeout=timeout, metadata=self.metadata)

    def begin(self, method, timeout=60, **fields):
        """A future; its result() is for decode()."""
        call = self.channel.unary_unary("/lockapi.Locking/" + method, same, same)
        return call.future(encode(**fields), timeout=timeout, metadata=self.metadata)

    def call(self, method, timeout=60, **fields):
        return decode(ANSWERS[method], self.begin(method, timeout, **fields).result())

    def refused(self, method, **fields):
        """(code, details) of a call that must fail."""
        try:
            answer = self.call(method, **fields)
        except grpc.RpcError as error:
            return error.code().name, error.details()
        raise AssertionError(f"{method} {fields} was not refused: {answer}")

    # ---- as lockd's

    def Lock(self, name, **fields):
        return self.call("Lock", name=name, **fields).get("success", 0) == 1

    def Unlock(self, name, **fields):
        return self.call("Unlock", name=name, **fields).get("success", 0) == 1

    def IsLocked(self, name):
        return self.call("IsLocked", name=name).get("is_locked", 0) == 1
