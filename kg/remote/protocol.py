"""SPARQL 1.1 over HTTP: the query, update and graph store protocols, spoken by one client.

A request is repeated, with longer and longer pauses, where that is safe: queries and reading always, changes only
where the caller says so or where the server cannot have seen them. An answer is whole or an error: a result that
the server cut is never taken for all of it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Final, TypeVar
from urllib.parse import urlencode

import httpx
from pyoxigraph import NamedNode, QueryBoolean, RdfFormat, Triple

from kg.errors import LimitReached, ParleyError, StoreError
from kg.remote.bodies import Body, Interrupted, Solutions, results, triples
from kg.remote.connections import Login, Patience, is_loopback, login, transport
from kg.remote.endpoints import Endpoint, read_endpoint
from kg.remote.refusals import NotThere, refusal, refuse_cut
from kg.syntax.visible import one_line

_Found = TypeVar("_Found")
_CONNECTING: Final = 10.0  # seconds
_PAUSES: Final = (0.2, 0.8, 2.4)  # seconds between one attempt and the next
_LONGEST_PAUSE: Final = 15.0  # that a server may ask for
_MOST_REDIRECTS: Final = 4
_SPOOLED: Final = 1 << 24  # bytes of what is sent that stay in memory
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
        self._given, self._endpoint = endpoint, endpoint
        self._seconds, self._environ = seconds, environ
        self._server: str | None = None
        self._logins: dict[tuple[str, str], Login] = {}
        self._ways: dict[str, httpx.HTTPTransport] = {}
        for url in (endpoint.query, endpoint.update, endpoint.data):
            self._prepare(url)
        # The environment's proxies and certificates are read where a transport is made, its netrc file in `login`.
        self._http = httpx.Client(
            trust_env=False, follow_redirects=False, mounts=dict(self._ways), headers={"User-Agent": "parley"}
        )

    @property
    def server(self) -> str:
        """What the server calls itself; asks it if it has not answered yet."""
        if self._server is None:
            self.select("ASK {}")
        return self._server or ""

    @property
    def endpoint(self) -> Endpoint:
        """Where the three protocols are, as the server's name tells; asks it if it has not answered yet."""
        if self._server is None:
            self.select("ASK {}")
        return self._endpoint

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
            return results(Body(response, self._where))

        return self._ask(_form(sparql, default, named), _RESULTS, read, seconds)

    def construct(
        self,
        sparql: str,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        *,
        seconds: float | None = None,
    ) -> Iterator[Triple]:
        """Run a CONSTRUCT or DESCRIBE; its triples come as the server sends them, repeated where it repeats them.

        Virtuoso cuts them at its ``ResultSetMaxRows`` without a word: ``StoreError`` there. Use ``select``.
        """
        if "virtuoso" in self.server.casefold():
            what = "Virtuoso cuts the triples of a CONSTRUCT at a limit of its own and does not tell"
            raise StoreError(what, where=self._where, remedy="ask with SELECT")
        return self._ask(_form(sparql, default, named), _TRIPLES, self._triples, seconds)

    def update(self, sparql: str, *, again: bool = False, seconds: float | None = None) -> None:
        """Run an update. ``again`` says that doing it twice is the same as once, so that it may be repeated."""
        url = self.endpoint.update

        def once(patience: Patience) -> None:
            headers = {"Content-Type": _UPDATE, "Accept": "*/*"}
            self._request("POST", url, patience, headers=headers, content=sparql.encode()).close()

        self._repeat(once, again=again, seconds=seconds)

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
                self._request(method, url, patience, headers=headers, content=source).close()

            self._repeat(once, again=again or replace, seconds=seconds)

    def fetch(self, graph: str | None, *, seconds: float | None = None) -> Iterator[Triple]:
        """Return the triples of a graph, ``None`` being the default graph, as the server sends them."""
        url = self._graph_store(graph)

        def once(patience: Patience) -> Iterator[Triple]:
            headers = {"Accept": _TRIPLES}
            return self._triples(self._request("GET", url, patience, headers=headers))

        try:
            return self._repeat(once, again=True, seconds=seconds)
        except NotThere:
            held = graph is not None and self.select(f"ASK {{ GRAPH {NamedNode(graph)} {{ ?s ?p ?o }} }}")
            if held or graph is None:
                raise
            return iter(())

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    @property
    def _where(self) -> str:
        return self._given.url

    def _prepare(self, url: str) -> None:
        """Make ready the way to the server of a URL, and what it is told of who asks."""
        if url:
            parsed = httpx.URL(url)
            origin = f"{parsed.scheme}://{parsed.netloc.decode()}"
            if origin not in self._ways:
                self._ways[origin] = transport(url, self._environ)

    def _ask(
        self,
        form: list[tuple[str, str]],
        accept: str,
        read: Callable[[httpx.Response], _Found],
        seconds: float | None,
    ) -> _Found:
        headers, content = {"Content-Type": _FORM, "Accept": accept}, urlencode(form).encode()

        def once(patience: Patience) -> _Found:
            return read(self._request("POST", self._given.query, patience, headers=headers, content=content))

        return self._repeat(once, again=True, seconds=seconds)

    def _repeat(self, once: Callable[[Patience], _Found], *, again: bool, seconds: float | None) -> _Found:
        """Do something until it is done, while doing it again is safe and there is patience."""
        patience = Patience(self._seconds if seconds is None else seconds)
        for pause in _PAUSES:
            try:
                return once(patience)
            except Interrupted as error:
                wait = pause * (0.5 + secrets.randbelow(1000) / 2000) if error.after is None else error.after
                if not (again or error.unsent) or wait > min(patience.left, _LONGEST_PAUSE):
                    raise
                with patience.waiting():
                    time.sleep(wait)
        return once(patience)

    def _request(
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
            self._met(response)
            if not response.has_redirect_location:
                break
            response.close()
            request.url = self._followed(request, response)
        else:
            raise StoreError("redirects without end", where=self._where, remedy="check the URL")
        if not response.is_success:
            raise refusal(response, who, self._where)
        refuse_cut(response, self._where)
        return response

    def _sent(self, request: httpx.Request, who: Login) -> httpx.Response:
        try:
            return self._http.send(request, auth=who, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._unreached(error) from None
        except httpx.TimeoutException as error:
            what = "the server did not answer in time"
            raise LimitReached(what, where=self._where, remedy="ask for less, or allow more time") from error
        except httpx.TransportError as error:
            broken = Interrupted(
                "the connection ended before the answer", where=self._where, remedy="try again"
            )
            raise broken from error
        except (
            KeyError,
            ValueError,
            NotImplementedError,
        ) as error:  # of httpx, over a challenge it cannot read
            what = "asks for a login in a way that is not understood"
            raise StoreError(what, where=self._where, remedy="let it use Digest or Basic") from error

    def _unreached(self, error: httpx.TransportError) -> ParleyError:
        reason = one_line(str(error).rpartition("] ")[2], 100)
        unreached = Interrupted(
            f"cannot reach the server: {reason}" if reason else "cannot reach the server",
            where=self._where,
            remedy="check the URL, and that the server runs",
        )
        unreached.unsent = True
        return unreached

    def _login(self, url: httpx.URL) -> Login:
        # One for each path: a server's challenge holds for a part of it.
        key = (url.host, url.path)
        if key not in self._logins:
            self._logins[key] = login(url.host, self._environ)
        return self._logins[key]

    def _met(self, response: httpx.Response) -> None:
        """Note what the server calls itself, and what follows for its layout."""
        if self._server is None:
            name = one_line(response.headers.get("server", ""), 200)
            if self._given == read_endpoint(self._given.url, self._environ):
                self._endpoint = read_endpoint(self._given.url, self._environ, server=name)
            self._server = name

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

    def _triples(self, response: httpx.Response) -> Iterator[Triple]:
        found = self._expect(response, _FORMATS, "N-Triples or Turtle")
        return triples(Body(response, self._where), _FORMATS[found])

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
