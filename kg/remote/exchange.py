"""One exchange with a server: a request, and what its answer means, repeated with pauses while that is safe.

An answer is a success and whole, or it is an error of one line that says what to do.
"""

from __future__ import annotations

import contextlib
import email.utils
import re
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Final, TypeVar

import httpx

from kg.errors import LimitReached, ParleyError, StoreError, UnreadableInput
from kg.remote.bodies import OVERTIME, Body, Interrupted, Overtime, drop
from kg.remote.connections import LOGIN, Login, Patience, is_loopback, login, transport
from kg.syntax.visible import one_line

_Found = TypeVar("_Found")
_CONNECTING: Final = 10.0  # seconds
_PAUSES: Final = (0.2, 0.6, 1.2)  # seconds between one attempt and the next
_LONGEST_PAUSE: Final = 15.0  # that a server may ask for
_MOST_REDIRECTS: Final = 4
_READ: Final = 1 << 13  # bytes of an error's text
_SHOWN: Final = 200  # characters of it
_OVERTIME_OF_VIRTUOSO: Final = re.compile(r"\bS1T(?:00|AT)\b|execution time \S+ \(sec\) exceeds")
_TOO_MUCH: Final = re.compile(
    r"\bVirtuoso \w+ Error .*(?:memory exhausted|too many|too complex|too large)", re.IGNORECASE
)
_SECURITY: Final = re.compile(r"\bSR\d+:\s*SECURITY\b|access token", re.IGNORECASE)
_UNREADABLE, _FORBIDDEN, _ABSENT, _TOO_LARGE = {400, 422}, {401, 403, 407}, {404, 410}, {413, 414, 431}
_TOO_MANY: Final = 429
_UNSUPPORTED, _BUSY = {405, 406, 415, 501, 505}, {429, 502, 503, 504}
_DEADLOCK: Final = re.compile(r"\b40001\b|deadlock", re.IGNORECASE)  # broken by failing one of the requests
_PATH: Final = "check the path of the URL"
_LESS: Final = "ask for less, or allow more time"


class Exchange:
    """Requests to the servers of ``urls``, and to no other; any number of threads may ask at once.

    ``where`` is what an error calls the store. Who asks is told from ``environ`` or a netrc file.
    """

    server: str | None = None
    """What the server of the first answer calls itself, ``None`` before."""

    def __init__(self, urls: Iterable[str], where: str, environ: Mapping[str, str]) -> None:
        self._where = where
        ways: dict[str, httpx.HTTPTransport] = {}
        for url in urls:
            origin = _origin(httpx.URL(url))
            if origin not in ways:
                ways[origin] = transport(url, environ)
        self._logins = {origin: login(httpx.URL(origin).host, environ) for origin in ways}
        self._known: dict[tuple[str, str], Login] = {}
        # Nothing is taken from the environment here: proxies are where a transport is made, a netrc file in `login`.
        self._http = httpx.Client(
            trust_env=False, transport=_Nowhere(), mounts=dict(ways), headers={"User-Agent": "parley"}
        )

    def repeat(self, once: Callable[[Patience], _Found], *, again: bool, seconds: float) -> _Found:
        """Do something with requests until it is done; only what is safe ``again`` is done again.

        It is done again after what may pass: no connection, a broken answer, a busy server. ``seconds`` is for all
        attempts and pauses together.
        """
        patience, pauses = Patience(seconds), iter(_PAUSES)
        while True:
            try:
                return once(patience)
            except Interrupted as error:
                if not (again or error.unsent):
                    raise _doubtful(error) from error
                pause = next(pauses, None)
                if pause is None or max(pause, error.after) > min(patience.left, _LONGEST_PAUSE):
                    raise
                with patience.waiting():
                    time.sleep(max(pause * (0.5 + secrets.randbelow(1000) / 2000), error.after))
            except Overtime as error:
                raise error if again else _doubtful(error) from error

    def request(
        self,
        method: str,
        url: str,
        patience: Patience,
        *,
        headers: Mapping[str, str],
        content: bytes | Iterable[bytes] | None = None,
    ) -> httpx.Response:
        """Send one request and return the answer, its body unread; what is no success is raised."""
        timeout = {
            "connect": min(_CONNECTING, patience.left),
            "pool": patience.left,
            "read": patience,
            "write": patience,
        }
        packed = "identity" if is_loopback(httpx.URL(url).host) else "gzip"
        request = self._http.build_request(
            method,
            url,
            headers={**headers, "Accept-Encoding": packed},
            content=content,
            extensions={"timeout": timeout},
        )
        who = self._login(request.url)
        for _ in range(_MOST_REDIRECTS):
            response = self._sent(request, who)
            if self.server is None:
                self.server = one_line(response.headers.get("server", ""), 200)
            if not response.has_redirect_location:
                break
            drop(response)
            request.url = self._followed(request, response)
        else:
            raise StoreError("redirects without end", where=self._where, remedy="check the URL")
        if not response.is_success:
            raise _refusal(response, who, self._where)
        _refuse_cut(response, self._where)
        return response

    def _sent(self, request: httpx.Request, who: Login) -> httpx.Response:
        try:
            return self._asked(request, who.auth_flow(request))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._unreached(error) from None  # what httpx says of a proxy may hold its password
        except httpx.TimeoutException as error:
            raise Overtime("the server did not answer in time", where=self._where, remedy=_LESS) from error
        except httpx.TransportError as error:
            what = "the connection ended before the answer"
            raise Interrupted(what, where=self._where, remedy="try again") from error
        except (
            KeyError,
            ValueError,
            NotImplementedError,
        ) as error:  # of httpx, over a challenge that it cannot read
            what = "the server wants to know who asks in a way that is not understood"
            raise StoreError(what, where=self._where, remedy="let it use Digest or Basic") from error

    def _asked(
        self, request: httpx.Request, flow: Generator[httpx.Request, httpx.Response, None]
    ) -> httpx.Response:
        """Send a request, and once more if it has to say who asks; httpx itself reads the first answer without end."""
        request = next(flow)
        while True:
            response = self._http.send(request, auth=None, stream=True)
            with contextlib.ExitStack() as unless_returned:
                unless_returned.callback(drop, response)
                try:
                    request = flow.send(response)
                except StopIteration:
                    unless_returned.pop_all()
                    return response

    def _unreached(self, error: httpx.TransportError) -> ParleyError:
        reason = one_line(str(error).rpartition("] ")[2], 100)
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            remedy = "let SSL_CERT_FILE name the file with the certificate of its authority"
            return StoreError(
                f"the server cannot prove who it is: {reason}", where=self._where, remedy=remedy
            )
        what = f"cannot reach the server: {reason}" if reason else "cannot reach the server"
        unreached = Interrupted(what, where=self._where, remedy="check the URL, and that the server runs")
        unreached.unsent = True
        return unreached

    def _login(self, url: httpx.URL) -> Login:
        # One for each path: a server's challenge holds for a part of it.
        return self._known.setdefault((url.host, url.path), self._logins[_origin(url)].copy())

    def _followed(self, request: httpx.Request, response: httpx.Response) -> httpx.URL:
        """Return where a redirect leads: on the same server only, and only where the request stays what it is."""
        try:
            target = request.url.join(response.headers["location"])
        except (httpx.InvalidURL, ValueError):
            target = httpx.URL("")
        same = [(url.scheme, url.host, url.port) for url in (target, request.url)]
        if same[0] != same[1] or target.userinfo or response.status_code == httpx.codes.SEE_OTHER:
            shown = one_line(f"{target.scheme}://{target.host}", 100)
            what = f"redirects to another place, {shown}, which is not followed"
            raise StoreError(what, where=self._where, remedy="give the address of the endpoint itself")
        return target

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()


class Doubtful(StoreError):
    """Raised when no answer came to a change, so that it may or may not have been made."""


class NotThere(StoreError):
    """Raised when a server has nothing at an address."""


def _refusal(response: httpx.Response, who: Login, where: str) -> ParleyError:
    """Return what an answer means that is no success, and close it."""
    said, status = _said(response, where), response.status_code
    told = f" (status {status}): {said}" if said else f" (status {status})"
    if status in _FORBIDDEN or _SECURITY.search(said):
        return _forbidden(told, who, where)
    if (_OVERTIME_OF_VIRTUOSO if status in _UNREADABLE else OVERTIME).search(said):
        return LimitReached(f"the server ran out of time{told}", where=where, remedy=_LESS)
    if status in _TOO_LARGE or _TOO_MUCH.search(said):
        return LimitReached(f"too large for the server{told}", where=where, remedy="send less at once")
    if status in _BUSY or _DEADLOCK.search(said):
        busy = Interrupted(f"the server is busy{told}", where=where, remedy="try again later")
        busy.after = _seconds(response.headers.get("retry-after", ""))
        busy.unsent = status == _TOO_MANY
        return busy
    asked = response.request.headers.get("content-type") or response.request.headers.get("accept", "")
    for statuses, kind, what, remedy in (
        (_ABSENT, NotThere, "nothing is there", _PATH),
        (
            _UNSUPPORTED,
            StoreError,
            f"the server does not support {response.request.method} with {asked}",
            _PATH,
        ),
        (_UNREADABLE, UnreadableInput, "the server cannot read it", "correct what was sent"),
    ):
        if status in statuses:
            return kind(f"{what}{told}", where=where, remedy=remedy)
    return StoreError(f"the server failed{told}", where=where, remedy="look into the server's log")


def _refuse_cut(response: httpx.Response, where: str) -> None:
    """Close and refuse an answer of which the server says that it is not the whole (Virtuoso's headers)."""
    headers = response.headers
    if most := headers.get("x-sparql-maxrows"):
        response.close()
        what = f"the server cut the answer after {one_line(most, 20)} rows"
        raise LimitReached(what, where=where, remedy="ask for less, or raise its ResultSetMaxRows")
    if headers.get("x-sql-state"):
        response.close()
        said = one_line(headers.get("x-sql-message", ""), _SHOWN)
        raise LimitReached(f"the server ran out of time: {said}", where=where, remedy=_LESS)


def _doubtful(error: ParleyError) -> Doubtful:
    what = f"{error.what}, and whether the change was made is not known"
    return Doubtful(what, where=error.where, remedy="look at the store before it is tried again")


def _forbidden(told: str, who: Login, where: str) -> StoreError:
    if who.given:
        what = f"the server does not allow this to {who.shown}{told}"
        return StoreError(what, where=where, remedy=f"check the login: {LOGIN}")
    return StoreError(f"the server wants to know who asks{told}", where=where, remedy=LOGIN)


def _said(response: httpx.Response, where: str) -> str:
    """Return the server's words on one line, without tags and without the query that some repeat."""
    try:
        text = Body(response, where).beginning(_READ).decode("utf-8", "replace")
    except StoreError:
        return ""
    if "html" in response.headers.get("content-type", "").casefold():
        text = re.sub(r"<(style|script|head)\b.*?</\1>|<[^<>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return one_line(text.partition("\nSPARQL query:")[0], _SHOWN)


def _seconds(after: str) -> float:
    """Return in how long a server wants to be asked again: it gives seconds or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"\d{1,9}", after.strip()):
        return float(after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


class _Nowhere(httpx.BaseTransport):
    """Where requests to other servers end; there are none."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.UnsupportedProtocol(f"not a server of this store: {request.url.host}")
