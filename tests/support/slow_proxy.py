"""A TCP proxy that is as bad as a network can be: between a server and its store, or in front of anything.

    with SlowProxy(store.port) as proxy:
        ... store.url(place, port=proxy.port) ...
        proxy.slow(0.3)             # every piece takes that long, each way
        proxy.hold()                # nothing passes, no connection ends: half-open; what was sent passes later
        proxy.hold(answers=True)    # what was asked is done, and nobody hears of it
        proxy.cut()                 # all connections are reset, new ones too
        proxy.heal()                # as it should be

It hides and changes nothing: each byte passes in its order, or its connection is reset.
"""

import asyncio
import contextlib
import socket
import struct
import threading

PIECE = 65536


class Forwarder:
    """Accepts on a free port of the loopback and passes on to where `choose()` says. Runs in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.listening = None
        self.streams = set()
        self.tasks = set()

    def __enter__(self):
        self.listening = self.loop.run_until_complete(
            asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=1024))
        self.port = self.listening.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.in_loop(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def in_loop(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def _end(self):
        self.listening.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def choose(self):
        """(reader, writer) of a connection to pass on to; None: there is nowhere to go."""
        raise NotImplementedError

    async def pass_on(self, _answers):
        """Returns when the next piece may go on."""

    async def _accepted(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        onward = None
        self.streams.add(writer)
        try:
            onward = await self.choose()
            if onward is not None:
                self.streams.add(onward[1])
                await asyncio.gather(self._pump(reader, onward[1], False), self._pump(onward[0], writer, True))
        except (OSError, asyncio.CancelledError):
            reset(writer)
            if onward is not None:
                reset(onward[1])
        finally:
            for one in (writer, onward and onward[1]):
                if one is not None:
                    self.streams.discard(one)
                    one.close()
            self.tasks.discard(asyncio.current_task())

    async def _pump(self, reader, writer, answers):
        while piece := await reader.read(PIECE):
            await self.pass_on(answers)
            writer.write(piece)
            await writer.drain()
        await self.pass_on(answers)
        if answers:
            writer.close()  # who answers is gone; nobody reads what is still asked
        else:
            with contextlib.suppress(OSError):
                writer.write_eof()


def reset(writer):
    """So that the other end learns of it as of a crash."""
    one = writer.get_extra_info("socket")
    if one is not None and one.fileno() >= 0:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _event():
    return asyncio.Event()  # of the loop that it is made in, before Python 3.10


class SlowProxy(Forwarder):
    def __init__(self, port):
        super().__init__()
        self.target = port
        self.delay = 0
        self.is_cut = False
        self.held = {False: False, True: False}  # by whether they are answers
        self.changed = None

    def __enter__(self):
        self.changed = self.loop.run_until_complete(_event())
        return super().__enter__()

    async def choose(self):
        if self.is_cut:
            raise ConnectionResetError
        return await asyncio.open_connection("127.0.0.1", self.target)

    async def pass_on(self, answers):
        while self.held[answers]:
            await self.changed.wait()
        if self.delay:
            await asyncio.sleep(self.delay)

    # ---- from the test's thread

    def slow(self, seconds):
        self._set(delay=seconds)

    def hold(self, answers=False):
        self._set(held={False: not answers, True: True})

    def cut(self):
        self._set(is_cut=True)

    def heal(self):
        self._set()

    def _set(self, delay=0, is_cut=False, held=None):
        async def now():
            self.delay, self.is_cut, self.held = delay, is_cut, held or {False: False, True: False}
            if is_cut:
                for stream in list(self.streams):
                    reset(stream)
            woken, self.changed = self.changed, asyncio.Event()
            woken.set()

        self.in_loop(now())
