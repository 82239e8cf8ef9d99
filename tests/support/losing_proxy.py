"""A TCP proxy that loses one exchange: the first question that has a certain word in it.

    with LosingProxy(store.port, b"PutItem", done=True) as proxy:
        ... ask through proxy.port: it is done there, and its answer is lost

done      whether the question gets there
gone      whether nobody gets through any more after it
meanwhile what happens before the question is passed on: then nothing is lost (done=True)
silent    whether its connection stays, and nothing comes
"""

import contextlib
import select
import socket
import struct
import threading


class LosingProxy:
    def __init__(self, port, word, *, done, gone=False, silent=False, meanwhile=None):
        self.target, self.word, self.done, self.gone, self.silent = port, word, done, gone, silent
        self.meanwhile = meanwhile
        self.lost = threading.Event()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listening.accept()[0]
                if self.lost.is_set() and self.gone:
                    reset(client)
                else:
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.target)) as server, contextlib.suppress(OSError):
            losing = False
            while True:
                for one in select.select([client, server], [], [])[0]:
                    piece = one.recv(65536)
                    if one is client and self.word in piece and not self.lost.is_set():
                        self.lost.set()
                        losing = self.meanwhile is None
                        if not losing:
                            self.meanwhile()
                        if not self.done:
                            return reset(client)
                    if one is server and losing:
                        return client.recv(1) if self.silent else reset(client)
                    if not piece:
                        return
                    (server if one is client else client).sendall(piece)


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
