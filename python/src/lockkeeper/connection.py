"""What Client and AsyncClient have in common: settings, and how httpx's words become ours."""

from __future__ import annotations

import contextlib
import datetime
import getpass
import itertools
import os
import pathlib
import secrets
import socket
import ssl
from typing import Any, Dict, Mapping, Optional, Tuple, Union
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from . import durations
from ._version import __version__
from .acquisition import OnWait, Order
from .calls import Call, Identity, Reply
from .durations import Duration
from .errors import Unreachable, Untrusted
from .retry import parse_retry_after

CaCert = Union[str, "os.PathLike[str]"]

_shared_keys = itertools.count(1)


class Settings:
    """Checked where they are given. `password` and a key are in no repr and no error."""

    def __init__(
        self,
        url: str,
        username: Optional[str],
        password: Optional[str],
        ca_cert: Optional[CaCert],
        tls: Optional[ssl.SSLContext],
        verify: bool,
        request_timeout: Duration,
        patience: Duration,
    ) -> None:
        self.url, userinfo = _split(url)
        given = (username, password or "") if username is not None else userinfo
        self.request_timeout = durations.in_seconds(request_timeout, "request_timeout")
        self.patience = durations.in_seconds(patience, "patience")
        # Of the certificate: of a server at a name that begins with https only.
        context = tls
        if context is None and self.url.startswith("https:"):
            context = _context(ca_cert, verify)
        self.httpx: Dict[str, Any] = {
            "auth": None if given is None else httpx.BasicAuth(*given),
            "verify": True if context is None else context,
            # No renewal waits for a connection because others wait for their locks.
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
            "headers": {"User-Agent": f"lockkeeper-python/{__version__}"},
            "follow_redirects": False,
        }
        if context is None:
            del self.httpx["verify"]

    def request(self, call: Call, timeout: float) -> Dict[str, Any]:
        """For httpx.Client.request()."""
        return {
            "method": call.method, "url": self.url + call.path, "json": call.body,
            "timeout": httpx.Timeout(timeout, read=timeout + call.longer),
        }

    def reply(self, response: httpx.Response) -> Reply:
        now = datetime.datetime.now(datetime.timezone.utc)
        return Reply(
            response.status_code, response.text, self.url, parse_retry_after(response.headers.get("Retry-After"), now),
            response.headers.get("Location"),
        )

    def unreachable(self, error: Exception) -> Unreachable:
        why = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            why = "no answer in time"
        cause: Optional[BaseException] = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Untrusted(f"{self.url}: its certificate does not verify: {cause.verify_message}; give ca_cert=", False)
            cause = cause.__cause__ or cause.__context__
        return Unreachable(f"{self.url}: {why}", not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)))

    def order(
        self,
        lock: str,
        ttl: Optional[Duration],
        wait: Optional[Duration],
        holder: Optional[str],
        key: Optional[str],
        claim: Optional[str],
        metadata: Optional[Mapping[str, str]],
        on_wait: Optional[OnWait],
    ) -> Order:
        return Order(
            lock=lock,
            identity=_identity(holder, key, claim),
            metadata=dict(metadata or {}),
            ttl=None if ttl is None else durations.in_seconds(ttl, "ttl"),
            wait=0.0 if wait is None else durations.in_seconds(wait, "wait"),
            patience=self.patience,
            request_timeout=self.request_timeout,
            on_wait=on_wait,
        )


def _identity(holder: Optional[str], key: Optional[str], claim: Optional[str]) -> Identity:
    request = secrets.token_hex(16)
    if holder is None:
        holder = f"{_user()}@{socket.gethostname()} ({os.getpid()})"
        if key is not None:
            holder += f" #{next(_shared_keys)}"  # sharers of a key have a name each
    if claim is None:
        return Identity(key or secrets.token_hex(16), holder, f"python {request}", request)
    # The next process that comes under this name has to have the key, too.
    return Identity(key or claim, holder, claim, request, alone=False)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        return str(os.getuid()) if hasattr(os, "getuid") else "somebody"


def _split(url: str) -> Tuple[str, Optional[Tuple[str, str]]]:
    """Without userinfo, and that."""
    shown = "@"
    with contextlib.suppress(ValueError):  # its words show what they are of
        parts = urlsplit(url)
        _ = parts.port
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    if "@" in shown:
        # Cut at the wrong place, it would show a password, or send it to another host.
        raise ValueError(
            'the url (not shown: there may be a password in it) is no address of a server: write "https://host" or '
            '"http://host:port", and give username= and password=, or write # as %23, / as %2F, ? as %3F and @ as %40'
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{shown}" is no address of a server: write "https://host" or "http://host:port"')
    if parts.query or parts.fragment:
        raise ValueError(f'"{shown}": an address of a server ends with its path')
    userinfo = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return shown.rstrip("/"), userinfo


def _context(ca_cert: Optional[CaCert], verify: bool) -> ssl.SSLContext:
    """The system's certificates, and `ca_cert` (a file, or PEM itself) beside them."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_cert is None:
        return context
    pem = isinstance(ca_cert, str) and "-----BEGIN" in ca_cert
    try:
        if pem:
            context.load_verify_locations(cadata=str(ca_cert))
        else:
            context.load_verify_locations(cafile=str(pathlib.Path(ca_cert)))
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"ca_cert: {'the text' if pem else ca_cert} holds no certificates: {error}") from None
    return context
