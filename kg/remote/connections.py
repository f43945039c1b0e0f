"""Connections to a server: a limit on the whole of a request, the way through a proxy, and the login.

A server that sends a byte now and then keeps to every limit on a single read. Here the limit is on the sum of
all waiting: connecting, sending, headers and body.
"""

from __future__ import annotations

import contextlib
import ipaddress
import netrc
import ssl
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from kg.errors import UsageError
from kg.syntax.visible import one_line

_TOKEN, _USER, _PASSWORD = "KG_STORE_TOKEN", "KG_STORE_USER", "KG_STORE_PASSWORD"
LOGIN: Final = f"set {_USER} and {_PASSWORD}, or {_TOKEN}, or add the host to a netrc file"
"""What to do where a server wants to know who asks."""
_AT_ONCE: Final = 16  # connections; more threads wait for one


class Patience(float):
    """Seconds that a request may wait in all. As a number it is what there was at the beginning."""

    left: float

    def __init__(self, seconds: float) -> None:
        self.left = float(seconds)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[float]:
        """Take the time that passes inside from what is left; gives what is left now, at least a millisecond."""
        if self.left <= 0:
            raise httpcore.ReadTimeout
        began = time.monotonic()
        try:
            yield max(self.left, 0.001)
        finally:
            self.left -= time.monotonic() - began


class Login(httpx.Auth):
    """Who asks, told to the server that was configured when it wants to know, as it wants to know it."""

    def __init__(self, user: str, password: str, token: str = "") -> None:
        self.user, self._password, self._token = user, password, token
        self._scheme: httpx.Auth | None = None

    @property
    def given(self) -> bool:
        """Whether there is anybody to name."""
        return bool(self.user or self._token)

    @property
    def shown(self) -> str:
        """Who asks, for messages."""
        return repr(one_line(self.user, 60)) if self.user else "the token"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Answer the challenge of a server: Digest, or Basic where nobody can listen."""
        if self._token:
            _refuse_in_the_open(request.url)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request
            return
        if self._scheme is None:
            response = yield request
            if response.status_code != httpx.codes.UNAUTHORIZED or not self.user:
                return
            challenges = [line.split(" ")[0].casefold() for line in _challenges(response)]
            if "digest" in challenges:
                self._scheme = httpx.DigestAuth(self.user, self._password)
            elif "basic" in challenges:
                _refuse_in_the_open(request.url)
                self._scheme = httpx.BasicAuth(self.user, self._password)
            else:
                return
        yield from self._scheme.auth_flow(request)


def login(host: str, environ: Mapping[str, str]) -> Login:
    """Return who asks at a host, as the environment or a netrc file tells; without either, nobody."""
    user, password, token = (environ.get(name, "") for name in (_USER, _PASSWORD, _TOKEN))
    if token and (user or password):
        what = f"{_TOKEN} is set beside {_USER} or {_PASSWORD}"
        raise UsageError(what, where="the environment", remedy="set one or the other")
    if bool(user) != bool(password):
        what = f"{_USER if user else _PASSWORD} is set alone"
        raise UsageError(what, where="the environment", remedy=f"set both {_USER} and {_PASSWORD}")
    if not user and not token:
        user, password = _from_netrc(host, environ)
    if (
        not (token + user).isprintable()
        or not token.isascii()
        or any(c in user for c in ':"\\')
        or " " in token
    ):
        raise UsageError(
            "the user or token holds a character that cannot be sent", where="the login", remedy=LOGIN
        )
    return Login(user, password, token)


def transport(url: str, environ: Mapping[str, str]) -> httpx.HTTPTransport:
    """Return how requests reach a server: straight on this machine, else through the proxy of the environment."""
    address = httpx.URL(url)
    context = (
        ssl.create_default_context() if address.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    way = httpx.HTTPTransport(verify=context, trust_env=False, limits=limits, proxy=_proxy(address, environ))
    # The one place where httpx leads to the sockets; a test fails when it no longer does.
    way._pool._network_backend = _Backend(way._pool._network_backend)
    return way


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("example.org")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxy(url: httpx.URL, environ: Mapping[str, str]) -> str | None:
    if is_loopback(url.host) or not any(name.casefold().endswith("_proxy") for name in environ):
        return None
    if proxy_bypass(url.host):
        return None
    proxies = getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    return None if found is None or "://" in found else f"http://{found}"


def _from_netrc(host: str, environ: Mapping[str, str]) -> tuple[str, str]:
    path = environ.get("NETRC", "")
    try:
        if not path and not (Path.home() / ".netrc").is_file():
            return "", ""
        found = netrc.netrc(path or None).authenticators(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError, RuntimeError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path or '~/.netrc'}{f':{line}' if line else ''}"
        # What the parser says is left out: it may repeat a password.
        raise UsageError("not a netrc file that can be read", where=where, remedy="see netrc(5)") from None
    return (found[0], found[2]) if found else ("", "")


def _challenges(response: httpx.Response) -> list[str]:
    return response.headers.get_list("www-authenticate")


def _refuse_in_the_open(url: httpx.URL) -> None:
    if url.scheme == "http" and not is_loopback(url.host):
        what = "a password or token would go over the net for all to read"
        raise UsageError(
            what, where=f"{url.scheme}://{url.host}", remedy="use the https address of the store"
        )


class _Backend(httpcore.NetworkBackend):
    """Opens the connections of httpcore, and counts the waiting."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes share one measure of patience."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _patience(timeout).waiting() as left:
            return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _patience(timeout).waiting() as left:
            self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore declares it
        return self._stream.get_extra_info(info)


def _patience(timeout: float | None) -> Patience:
    return timeout if isinstance(timeout, Patience) else Patience(60.0 if timeout is None else timeout)
