"""A TCP proxy that holds answers back from a certain question on: what was asked is done, and nobody hears of it yet.

    with PausingProxy(store.port, b"EVALSHA") as proxy:
        ... ask through proxy.port ...
        proxy.asked.wait()     # the question has been handed on
        proxy.answer()         # lets all answers through from here on
"""

import contextlib
import socket
import threading


class PausingProxy:
    def __init__(self, port, word):
        self.target, self.word = port, word
        self.asked, self.open = threading.Event(), threading.Event()
        self.open.set()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.answer()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def answer(self):
        self.open.set()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.target))
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._hand_on, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._hand_on, args=(server, client, False), daemon=True).start()

    def _hand_on(self, source, target, question):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if question and self.word in piece and not self.asked.is_set():
                    self.open.clear()
                    target.sendall(piece)
                    self.asked.set()
                    continue
                if not question:
                    self.open.wait()
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
