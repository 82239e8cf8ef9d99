"""Servers over one real store, and a balancer in front of them.

    with Replicas(tmp_path, store) as replicas:      # a place of their own in the store, and three servers
        replicas[1].request("PUT", "/lock/prod", b'{"key":"k"}')

    with Service(tmp_path) as server:                # what is asked for as if it were one server
        server.request("PUT", "/lock/prod", b'{"key":"k"}')

A Service is a Server with SQLite, or, where LOCKKEEPER_TEST_ON names a kind of store, three servers over a fresh place
in it, with each new connection going to the next one that is ready. So a story that is written for a Service is told
on every store.
"""

import asyncio
import atexit
import concurrent.futures
import contextlib
import functools
import itertools
import json
import os
import pathlib
import signal
import tempfile
import urllib.parse

from server import Asked, PATIENCE, Server, wait_for
from slow_proxy import Forwarder
from with_store import real_store

ON = os.environ.get("LOCKKEEPER_TEST_ON")  # etcd, postgresql, redis, dynamodb
places = itertools.count(1)


@functools.cache
def the_store():
    """The one of this process: started when it is first asked for, ended with the process."""
    running = contextlib.ExitStack()
    atexit.register(running.close)
    folder = running.enter_context(tempfile.TemporaryDirectory(prefix=f"lockkeeper-{ON}-"))
    return running.enter_context(real_store(ON, folder))


def all_at_once(do, things):
    with concurrent.futures.ThreadPoolExecutor(max(1, len(things))) as pool:
        return list(pool.map(do, things))


class Replicas:
    """`ports`: of proxies in front of the store, one a server."""

    def __init__(self, directory, store, *, count=3, args=(), environment=None, ports=None, place=None, **options):
        self.store = store
        self.place = place or f"place{os.getpid()}x{next(places)}"
        urls = [store.url(self.place, port=port) for port in ports] if ports else [store.url(self.place)] * count
        self.servers = [Server(pathlib.Path(directory) / f"server-{number}", store_url=url, args=args,
                               environment=store.environment | (environment or {}), **options)
                        for number, url in enumerate(urls)]

    def __enter__(self):
        try:
            all_at_once(Server.start, self.servers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.end()

    def __getitem__(self, number):
        return self.servers[number]

    def __iter__(self):
        return iter(self.servers)

    def __len__(self):
        return len(self.servers)


class Balancer(Forwarder):
    """Each new connection goes to the next server that says it is ready; while none does, to the next that listens.
    `port_of(server)`: where."""

    def __init__(self, servers, port_of):
        super().__init__()
        self.servers, self.port_of = servers, port_of
        self.next = 0

    async def choose(self):
        self.next += 1
        around = [self.servers[(self.next + at) % len(self.servers)] for at in range(len(self.servers))]
        ready = [server for server in around if await is_ready(server.port)]
        for server in ready[:1] or around:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self.port_of(server))
        return None


async def is_ready(port):
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"GET /ready HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n")
            return b" 200 " in await asyncio.wait_for(reader.readline(), 2)
        finally:
            writer.close()
    except (OSError, TimeoutError, asyncio.TimeoutError):
        return False


class ManyAsOne(Asked):
    """Replicas and their balancer, to be used as a Server is. What a Server has and this one has not, is about a
    process, which these are three of."""

    def __init__(self, directory, *, config=None, store=None, credentials=None, args=(), environment=None):
        del config, store  # of SQLite; these have a place of their own
        self.replicas = Replicas(directory, the_store(), args=args, environment=environment, credentials=credentials)
        self.servers = self.replicas.servers
        self.directory = pathlib.Path(directory)
        self.credentials, self.ca, self.tls = credentials, None, False
        self.balancers = contextlib.ExitStack()
        self.port = None
        self.door_ports = {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    def start(self):
        """Those that do not run. Returns when all are ready."""
        all_at_once(Server.start, [server for server in self.servers if not server.alive()])
        for server in self.servers:
            wait_for(server.is_ready, "a server to be ready")
        if self.port is None:
            self.port = self._balance(lambda server: server.port)
            self.door_ports = {name: self._balance(lambda server, name=name: server.door_ports[name])
                               for name in self.servers[0].door_ports}
        return self

    def _balance(self, port_of):
        return self.balancers.enter_context(Balancer(self.servers, port_of)).port

    def signal(self, number):
        for server in self.servers:
            server.signal(number)

    def wait(self, patience=PATIENCE):
        """The exit code of the first that did not end well."""
        return next(filter(None, [server.wait(patience) for server in self.servers]), 0)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def end(self):
        self.replicas.__exit__()
        self.balancers.close()

    def alive(self):
        return all(server.alive() for server in self.servers)

    @property
    def log(self):
        return "".join(server.log for server in self.servers)


class Kept(ManyAsOne):
    """Goes on after one story for the next one."""

    def end(self):
        pass

    def empty(self):
        for lock in json.loads(self.request("GET", "/locks?view=full").body)["locks"]:
            path = f"/lock/{urllib.parse.quote(lock['lock'], safe='')}/force-release"
            freed = self.request("POST", path, b"{}")
            assert freed.status == 200, (path, freed.text)


kept = {}


def empty_service(directory, **options):
    """One that holds no lock, not started yet or started already: starting three servers for each of hundreds of
    recorded cases would take longer than all of these."""
    if ON is None:
        return Server(directory, **options)
    environment = options.get("environment") or {}
    if "AUTH_USER" in environment:
        options["credentials"] = environment["AUTH_USER"], environment["AUTH_PASS"]
    name = repr(sorted(options.items()))
    if name not in kept:
        folder = tempfile.TemporaryDirectory(prefix="lockkeeper-service-")
        atexit.register(folder.cleanup)
        kept[name] = Kept(folder.name, **options)
        atexit.register(ManyAsOne.end, kept[name])
    kept[name].start().empty()
    return kept[name]


Service = Server if ON is None else ManyAsOne
