"""Who says to be a MySQL, shows TLS or none, and asks for the password in whichever way. It keeps what it is told.

    with FakeMysql("mysql_clear_password") as fake:
        ... log in at fake.port
    fake.heard, fake.over_tls
"""

import contextlib
import socket
import ssl
import threading

CLIENT_SSL = 0x800
CAPABILITIES = 0x01 | 0x08 | 0x200 | 0x2000 | 0x8000 | 0x80000  # long password, database, 4.1, transactions, plugins
FULL_LOGIN = b"\x01\x04"  # caching_sha2_password: "I don't know you, I need the password"
SALT = b"abcdefghijklmnopqrst"


class FakeMysql:
    """plugin: the way it asks for. first: whether in its greeting; else it changes to it. tls: {"cert", "key"}, if it
    shows TLS."""

    def __init__(self, plugin, *, first=False, tls=None):
        self.plugin, self.first = plugin.encode(), first
        self.heard = self.over_tls = b""
        self.connections = 0
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls["cert"], tls["key"])
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                self.connections += 1
                client.settimeout(10)
                with client, contextlib.suppress(OSError, EOFError):
                    self._serve(client)

    def _serve(self, client):
        capabilities = CAPABILITIES | (CLIENT_SSL if self.context else 0)
        greeting = self.plugin if self.first else b"mysql_native_password"
        self._say(client, 0, b"\x0a8.0.30\0" + b"\1\0\0\0" + SALT[:8] + b"\0" + (capabilities & 0xffff).to_bytes(2, "little") +
                  b"\x2d\2\0" + (capabilities >> 16).to_bytes(2, "little") + b"\x15" + bytes(10) + SALT[8:] + b"\0" + greeting +
                  b"\0")
        number, said = self._hear(client, tls=False)
        secure = int.from_bytes(said[:4], "little") & CLIENT_SSL and self.context
        if secure:
            client = self.context.wrap_socket(client, server_side=True)
            number, said = self._hear(client, tls=True)
        if not self.first:
            self._say(client, number + 1, b"\xfe" + self.plugin + b"\0" + SALT + b"\0")
            number, said = self._hear(client, tls=secure)
        if self.plugin == b"caching_sha2_password":
            self._say(client, number + 1, FULL_LOGIN)
            number, said = self._hear(client, tls=secure)
        self._say(client, number + 1, b"\xff\x15\x04#28000Access denied, for this is no MySQL")

    def _hear(self, client, *, tls):
        head = self._exactly(client, 4, tls)
        return head[3], self._exactly(client, int.from_bytes(head[:3], "little"), tls)

    def _exactly(self, client, size, tls):
        got = b""
        while len(got) < size:
            piece = client.recv(size - len(got))
            if not piece:
                raise EOFError
            got += piece
            if tls:
                self.over_tls += piece
            else:
                self.heard += piece
        return got

    @staticmethod
    def _say(client, number, payload):
        client.sendall(len(payload).to_bytes(3, "little") + bytes([number & 0xff]) + payload)
