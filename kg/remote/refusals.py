"""What an answer means that is no success, or not the whole: each as one line that says what to do."""

from __future__ import annotations

import email.utils
import re
import time
from typing import Final

import httpx

from kg.errors import LimitReached, ParleyError, StoreError, UnreadableInput
from kg.remote.bodies import Body, Interrupted
from kg.remote.connections import LOGIN, Login
from kg.syntax.visible import one_line

_READ: Final = 1 << 13  # bytes of an error's text
_SHOWN: Final = 200  # characters of it
_OVERTIME: Final = re.compile(
    r"\bS1T(?:00|AT)\b|time[d -]*out|time limit|execution time \S+ \(sec\) exceeds|took too long",
    re.IGNORECASE,
)
_OVERTIME_OF_VIRTUOSO: Final = re.compile(r"\bS1T(?:00|AT)\b|execution time \S+ \(sec\) exceeds")
_SECURITY: Final = re.compile(r"\bSR\d+:\s*SECURITY\b|access token", re.IGNORECASE)
_UNREADABLE, _FORBIDDEN, _ABSENT, _TOO_LARGE = {400, 422}, {401, 403, 407}, {404, 410}, {413, 414, 431}
_UNSUPPORTED, _BUSY = {405, 406, 415, 501, 505}, {429, 502, 503, 504}
_PATH: Final = "check the path of the URL"
_LESS: Final = "ask for less, or allow it more time"


class NotThere(StoreError):
    """Raised when a server has nothing at an address."""


def refusal(response: httpx.Response, who: Login, where: str) -> ParleyError:
    """Return what an answer means that is no success, and close it."""
    said, status = _said(response, where), response.status_code
    told = f" (status {status}): {said}" if said else f" (status {status})"
    if status in _FORBIDDEN or _SECURITY.search(said):
        return _forbidden(told, who, where)
    if (_OVERTIME_OF_VIRTUOSO if status in _UNREADABLE else _OVERTIME).search(said):
        return LimitReached(f"the server ran out of time{told}", where=where, remedy=_LESS)
    if status in _BUSY:
        busy = Interrupted(f"the server is busy{told}", where=where, remedy="try again later")
        busy.after = _seconds(response.headers.get("retry-after", ""))
        return busy
    asked = response.request.headers.get("content-type") or response.request.headers.get("accept", "")
    for statuses, kind, what, remedy in (
        (_ABSENT, NotThere, "nothing is there", _PATH),
        (_TOO_LARGE, LimitReached, "the server finds what was sent too large", "send less at once"),
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


def refuse_cut(response: httpx.Response, where: str) -> None:
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


def _seconds(after: str) -> float | None:
    """Return when a server wants to be asked again: it gives seconds or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"\d{1,9}", after.strip()):
        return float(after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
