"""Bodies of answers, read as they arrive: in bounded memory, and never taken for whole when they were cut.

What a server sends goes to pyoxigraph's parsers, which read on demand. Two things they do not stand are kept
from them: terms nested thousands deep, which end the process, and answers without end.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import IO, Final, Protocol, cast

import httpcore
import httpx
from pyoxigraph import (
    QueryBoolean,
    QueryResultsFormat,
    QuerySolution,
    QuerySolutions,
    RdfFormat,
    Triple,
    Variable,
    parse,
    parse_query_results,
)

from kg.errors import LimitReached, ParleyError, StoreError

_MOST_BYTES: Final = 1 << 36  # of one answer, unpacked
_MOST_BEFORE_ROWS: Final = 1 << 26  # that the parser of results may want before it knows the columns
_PIECE: Final = 1 << 14  # read at once: what is nested in less does no harm
_DEEPEST: Final = 64
_GZIP: Final = 16 + zlib.MAX_WBITS
_ASK_OF_VIRTUOSO: Final = "__ASK_RETVAL"


class Interrupted(StoreError):
    """Raised when an answer broke off or could not be had, and asking again may help.

    ``unsent`` tells that the server cannot have acted on the request; ``after`` is when the server wants to be
    asked again, in seconds.
    """

    unsent = False
    after: float | None = None


class _Guard(Protocol):
    """Sees all that is read, and tells whether it may be parsed."""

    def __call__(self, piece: bytes) -> bool: ...


class Body:
    """The body of one answer, as a file for pyoxigraph; lets go of the connection at its end or when dropped."""

    def __init__(self, response: httpx.Response, where: str) -> None:
        self.where = where
        self.most_before_rows = 0
        self._response = response
        self._raw = response.iter_raw()
        self._inflating = self._inflate_or_not(response.headers.get("content-encoding", ""))
        self._ready, self._read, self._ended = b"", 0, False
        self.guard: _Guard | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most ``size``; none at the end."""
        while not self._ready and not self._ended:
            self._ready = self._more()
        most = _PIECE if size < 0 else min(size, _PIECE)
        piece, self._ready = self._ready[:most], self._ready[most:]
        self._read += len(piece)
        if self._read > (self.most_before_rows or _MOST_BYTES):
            self.close()
            raise LimitReached("the answer is too large", where=self.where, remedy="ask for less")
        if self.guard and not self.guard(piece):
            raise self.broken("its terms are nested too deep")
        return piece

    def beginning(self, most: int) -> bytes:
        """Return the first ``most`` bytes, or the whole, and close."""
        found = b""
        try:
            while len(found) < most and (piece := self.read(most - len(found))):
                found += piece
        except ParleyError:
            pass  # what came before it broke off says enough: this is for the text of an error
        finally:
            self.close()
        return found

    def close(self) -> None:
        """Let go of the connection."""
        self._ended = True
        self._response.close()

    def __del__(self) -> None:
        self._response.close()

    def broken(self, why: str) -> Interrupted:
        """Close, and return the error that says that the answer is not whole."""
        self.close()
        return Interrupted(f"the answer broke off: {why}", where=self.where, remedy="try again")

    def _more(self) -> bytes:
        try:
            if self._inflating is None:
                return next(self._raw)
            if not self._inflating.unconsumed_tail and not self._inflating.eof:
                return self._inflating.decompress(next(self._raw), _PIECE)
            if not self._inflating.eof:
                return self._inflating.decompress(self._inflating.unconsumed_tail, _PIECE)
            next(self._raw)
        except StopIteration:
            self.close()
            if self._inflating is not None and not self._inflating.eof:
                raise self.broken("it is packed and ends early") from None
            return b""
        except (httpx.TimeoutException, httpcore.TimeoutException) as error:
            self.close()
            raise LimitReached(
                "the answer did not come in time", where=self.where, remedy="ask for less, or allow more time"
            ) from error
        except zlib.error as error:
            raise self.broken("it is not packed as it says") from error
        except (
            httpx.TransportError,
            httpx.StreamError,
            httpcore.NetworkError,
            httpcore.ProtocolError,
        ) as error:
            raise self.broken("the connection ended") from error
        raise self.broken("more follows after its end")

    def _inflate_or_not(self, encoding: str) -> zlib._Decompress | None:
        if encoding.strip().casefold() in {"", "identity"}:
            return None
        if encoding.strip().casefold() in {"gzip", "x-gzip"}:
            return zlib.decompressobj(_GZIP)
        self._response.close()
        what = "the answer is packed in a way that was not asked for"
        raise StoreError(what, where=self.where, remedy="check what stands between here and the server")


class Solutions:
    """The rows of a query, read as they arrive, in the thread that asked.

    Goes on where pyoxigraph's ``QuerySolutions`` would, and raises errors of ours. Dropping it half-read lets go
    of the connection, as closing it does.
    """

    variables: list[Variable]
    """The columns."""

    def __init__(self, rows: QuerySolutions, body: Body) -> None:
        self.variables = rows.variables
        self._body = body
        self._rows = _remaining(rows, body)  # which does not lead back here: dropped, it is gone at once
        self._first = next(self._rows, None)  # so that an answer that breaks off before it is asked again

    def __iter__(self) -> Iterator[QuerySolution]:
        return self

    def __next__(self) -> QuerySolution:
        if self._first is not None:
            row, self._first = self._first, None
            return row
        return next(self._rows)

    def close(self) -> None:
        """Let go of the connection; no more rows come."""
        self._first = None
        self._rows.close()
        self._body.close()


def _remaining(rows: QuerySolutions, body: Body) -> Generator[QuerySolution]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            body.close()
            return
        except (SyntaxError, MemoryError) as error:
            raise unreadable(error, body) from error
        yield row


def results(body: Body) -> Solutions | QueryBoolean:
    """Read the results of a SELECT or ASK (SPARQL 1.1 Query Results JSON Format)."""
    body.guard = _ShallowJson()
    body.most_before_rows = _MOST_BEFORE_ROWS
    try:
        found = parse_query_results(cast("IO[bytes]", body), QueryResultsFormat.JSON)
    except (SyntaxError, MemoryError) as error:
        raise unreadable(error, body) from error
    body.most_before_rows = 0
    if isinstance(found, QueryBoolean):
        body.close()
        return found
    rows = Solutions(found, body)
    if [variable.value for variable in rows.variables] == [_ASK_OF_VIRTUOSO]:
        return boolean([getattr(row[0], "value", "") for row in rows] == ["1"])  # no row at all is a no
    return rows


def boolean(value: bool) -> QueryBoolean:
    """Return the answer of an ASK as pyoxigraph has it."""
    text = b'{"head":{},"boolean":true}' if value else b'{"head":{},"boolean":false}'
    found = parse_query_results(text, QueryResultsFormat.JSON)
    assert isinstance(found, QueryBoolean)  # noqa: S101 - said for the type checker
    return found


def triples(body: Body, rdf_format: RdfFormat) -> Iterator[Triple]:
    """Read triples as they arrive; the first is read at once."""
    body.guard = _ShallowTriples()
    left = _triples(body, rdf_format)
    first = next(left, None)
    return iter(()) if first is None else _chained(first, left)


def _chained(first: Triple, left: Iterator[Triple]) -> Iterator[Triple]:
    yield first
    yield from left


def _triples(body: Body, rdf_format: RdfFormat) -> Iterator[Triple]:
    try:
        for quad in parse(cast("IO[bytes]", body), rdf_format):
            yield quad.triple
    except (SyntaxError, MemoryError) as error:
        raise unreadable(error, body) from error
    finally:
        body.close()


def unreadable(error: SyntaxError | MemoryError, body: Body) -> ParleyError:
    """Close, and say in our words what a parser says about an answer."""
    if isinstance(error, MemoryError):
        body.close()
        return LimitReached(
            "a single value of the answer is too large", where=body.where, remedy="ask for less"
        )
    return body.broken("what came is not what it says it is, or not all of it")


class _ShallowJson:
    """Tells when objects lie in objects without end: pyoxigraph would end the process over terms in terms."""

    def __init__(self) -> None:
        self._held, self._inside, self._depth = b"", 0, 0

    def __call__(self, piece: bytes) -> bool:
        text = self._held + piece
        kept = len(text.rstrip(b"\\")) if piece else len(text)
        text, self._held = text[:kept], text[kept:]
        parts = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[self._inside :: 2])
        self._inside = (self._inside + len(parts) - 1) % 2
        self._depth += outside.count(b"{") - outside.count(b"}")
        return self._depth <= _DEEPEST


class _ShallowTriples:
    """Tells when triples lie in triples without end, on one line."""

    def __init__(self) -> None:
        self._opened = 0

    def __call__(self, piece: bytes) -> bool:
        _, line, after = piece.rpartition(b"\n")
        self._opened = after.count(b"<<(") + (0 if line else self._opened)
        return self._opened <= _DEEPEST
