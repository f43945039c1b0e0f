"""SPARQL 1.1 over HTTP: the query, update and graph store protocols, spoken by one client.

A request is repeated, with longer and longer pauses, where that is safe: queries and reading always, changes only
where the caller says so or where the server cannot have seen them. An answer is whole or an error: a result that
the server cut is never taken for all of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Final, TypeVar
from urllib.parse import urlencode

import httpx
from pyoxigraph import NamedNode, QueryBoolean, RdfFormat, Triple

from kg.errors import StoreError
from kg.remote.bodies import Body, Solutions, drop, results, triples
from kg.remote.connections import Patience
from kg.remote.endpoints import Endpoint, read_endpoint
from kg.remote.exchange import Exchange, NotThere
from kg.syntax.visible import one_line

_Found = TypeVar("_Found")
_SPOOLED: Final = 1 << 24  # bytes of what is sent that stay in memory
_SAID: Final = 1 << 16  # bytes of what a server says of a change
_PAGE: Final = re.compile(rb"<(?:form|script|link|nav|img)\b", re.IGNORECASE)
_VIRTUOSO: Final = re.compile("virtuoso", re.IGNORECASE)
_KNOWN: Final = re.compile("virtuoso|oxigraph", re.IGNORECASE)
_RESULTS: Final = "application/sparql-results+json"
_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
_UPDATE: Final = "application/sparql-update; charset=utf-8"
_TRIPLES: Final = "application/n-triples, text/turtle;q=0.5"
_FORMATS: Final = {
    "application/n-triples": RdfFormat.N_TRIPLES,
    "text/turtle": RdfFormat.TURTLE,
    "text/plain": RdfFormat.N_TRIPLES,
}


class Client:
    """One server, asked over HTTP; any number of threads may ask at once.

    ``seconds`` is how long a request may keep its caller waiting in all, its repetitions included; the time in
    which the caller handles rows does not count. Who asks is told from ``environ`` or a netrc file, to the servers
    of the endpoint alone.
    """

    def __init__(
        self, endpoint: Endpoint, *, seconds: float = 60.0, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._given, self._seconds, self._environ = endpoint, seconds, environ
        urls = filter(None, (endpoint.query, endpoint.update, endpoint.data))
        self._exchange = Exchange(urls, endpoint.url, environ)
        self._known = False
        self._whole = 1  # triples in an answer that are known not to be cut

    @property
    def server(self) -> str:
        """What the server calls itself; asks it if it has not answered yet, or goes by the name of another."""
        if not self._known:
            if not _KNOWN.search(self._exchange.server or ""):
                self.select("ASK {}")
            self._known = True
        return self._exchange.server or ""

    @property
    def endpoint(self) -> Endpoint:
        """Where the three protocols are, as the server's name tells; asks it if it has not answered yet."""
        if self._given != read_endpoint(self._given.url, self._environ):
            return self._given
        return read_endpoint(self._given.url, self._environ, server=self.server)

    def select(
        self,
        sparql: str,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        *,
        seconds: float | None = None,
    ) -> Solutions | QueryBoolean:
        """Run a SELECT or ASK over the merge of the graphs ``default``; ``named`` are there for ``GRAPH``.

        Rows come as the server sends them; read them in this thread, and close them if you stop early. Without
        graphs the dataset is what the query or the server says.
        """

        def read(response: httpx.Response) -> Solutions | QueryBoolean:
            self._expect(response, {_RESULTS, "application/json"}, "JSON results")
            body = Body(response, self._where)
            answer = results(body)
            if body.of_virtuoso and not _VIRTUOSO.search(self._exchange.server or ""):
                self._exchange.server = f"Virtuoso ({self._exchange.server})"
            return answer

        return self._ask(_form(sparql, default, named), _RESULTS, read, seconds)

    def construct(
        self,
        sparql: str,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        *,
        seconds: float | None = None,
    ) -> Iterator[Triple]:
        """Run a CONSTRUCT or DESCRIBE; its triples come as the server sends them, repeated where it repeats them."""
        return self._ask(_form(sparql, default, named), _TRIPLES, self._triples, seconds)

    def update(self, sparql: str, *, again: bool = False, seconds: float | None = None) -> None:
        """Run an update. ``again`` says that doing it twice is the same as once, so that it may be repeated."""
        url = self.endpoint.update

        def once(patience: Patience) -> None:
            headers = {"Content-Type": _UPDATE, "Accept": "*/*"}
            self._done(
                self._exchange.request("POST", url, patience, headers=headers, content=sparql.encode())
            )

        self._repeated(once, again=again, seconds=seconds)

    def send(  # noqa: PLR0913 - the caller gives three, and seldom another
        self,
        content: Iterable[bytes] | bytes,
        content_type: str,
        graph: str | None,
        *,
        replace: bool = False,
        again: bool = False,
        seconds: float | None = None,
    ) -> None:
        """Add RDF to a graph, ``None`` being the default graph; ``replace`` puts it in place of what is there.

        What is sent stands in memory or a file first: it is sent once more after a challenge. ``again`` as for
        ``update``; replacing may always be repeated.
        """
        url = self._graph_store(graph)
        with _spooled(content) as (file, size):

            def once(patience: Patience) -> None:
                headers = {"Content-Type": content_type, "Content-Length": str(size), "Accept": "*/*"}
                source = _Again(file)
                method = "PUT" if replace else "POST"
                self._done(self._exchange.request(method, url, patience, headers=headers, content=source))

            self._repeated(once, again=again or replace, seconds=seconds)

    def fetch(self, graph: str | None, *, seconds: float | None = None) -> Iterator[Triple]:
        """Return the triples of a graph, ``None`` being the default graph, as the server sends them."""
        url = self._graph_store(graph)

        def once(patience: Patience) -> Iterator[Triple]:
            headers = {"Accept": _TRIPLES}
            return self._triples(self._exchange.request("GET", url, patience, headers=headers))

        try:
            return self._repeated(once, again=True, seconds=seconds)
        except NotThere:
            held = graph is not None and self.select(f"ASK {{ GRAPH {NamedNode(graph)} {{ ?s ?p ?o }} }}")
            if held or graph is None:
                raise
            return iter(())

    def close(self) -> None:
        """Let go of all connections."""
        self._exchange.close()

    @property
    def _where(self) -> str:
        return self._given.url

    def _ask(
        self,
        form: list[tuple[str, str]],
        accept: str,
        read: Callable[[httpx.Response], _Found],
        seconds: float | None,
    ) -> _Found:
        headers, content = {"Content-Type": _FORM, "Accept": accept}, urlencode(form).encode()

        def once(patience: Patience) -> _Found:
            return read(
                self._exchange.request("POST", self._given.query, patience, headers=headers, content=content)
            )

        return self._repeated(once, again=True, seconds=seconds)

    def _repeated(self, once: Callable[[Patience], _Found], *, again: bool, seconds: float | None) -> _Found:
        return self._exchange.repeat(once, again=again, seconds=self._seconds if seconds is None else seconds)

    def _expect(self, response: httpx.Response, types: Iterable[str], what: str) -> str:
        """Return the media type of an answer, which must be one of ``types``."""
        found = str(response.headers.get("content-type", "")).partition(";")[0].strip().casefold()
        if found in types:
            return found
        response.close()
        if found in {"text/html", "application/xhtml+xml"}:
            remedy = "check the path of the URL"
            raise StoreError("that is a web page, not a SPARQL endpoint", where=self._where, remedy=remedy)
        shown = one_line(found, 60) or "no type at all"
        raise StoreError(
            f"answers with {shown} instead of {what}", where=self._where, remedy="check the path of the URL"
        )

    def _done(self, response: httpx.Response) -> None:
        """Read what a server says of a change that it has made; a page for people says that it has not."""
        said = Body(response, self._where).beginning(_SAID)
        if "html" in response.headers.get("content-type", "") and _PAGE.search(said):
            what = "answered a change with a web page: that is no place for updates"
            raise StoreError(
                what, where=self._where, remedy="set KG_UPDATE_URL or KG_DATA_URL to the right one"
            )

    def _triples(self, response: httpx.Response) -> Iterator[Triple]:
        found = self._expect(response, _FORMATS, "N-Triples or Turtle")
        came = triples(Body(response, self._where), _FORMATS[found])
        return self._uncut(came) if _VIRTUOSO.search(self.server) else came

    def _uncut(self, came: Iterator[Triple]) -> Iterator[Triple]:
        """Pass triples on, and at their end find out whether Virtuoso cut them.

        It cuts rows and triples at one limit, one more of triples, and only of rows it tells. So as many rows are
        asked for, of which there are more than enough.
        """
        count = 0
        for triple in came:
            count += 1
            yield triple
        if count > self._whole:
            rows = f"SELECT (1 AS ?row) {{ ?a ?b ?c . ?d ?e ?f }} LIMIT {count - 1}"
            self._ask(_form(rows, (), ()), "text/csv", drop, None)  # which it writes fastest
            self._whole = count

    def _graph_store(self, graph: str | None) -> str:
        if not self.endpoint.data:
            what = "no graph store protocol is known for this server"
            raise StoreError(what, where=self._where, remedy="set KG_DATA_URL to its address")
        return f"{self.endpoint.data}?{'default' if graph is None else urlencode({'graph': graph})}"


def _form(sparql: str, default: Sequence[str], named: Sequence[str]) -> list[tuple[str, str]]:
    """Return a query as a form, the one way that every server takes, however long its list of graphs."""
    return [
        ("query", sparql),
        *(("default-graph-uri", graph) for graph in default),
        *(("named-graph-uri", graph) for graph in named),
    ]


class _Again:
    """The content of a file, from its beginning each time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(1 << 16):
            yield piece


@contextlib.contextmanager
def _spooled(content: Iterable[bytes] | bytes) -> Iterator[tuple[IO[bytes], int]]:
    """Give what is to be sent as a file, and its length."""
    with tempfile.SpooledTemporaryFile(_SPOOLED) as file:
        for piece in (content,) if isinstance(content, bytes) else content:
            file.write(piece)
        yield file, file.tell()
