"""The client of a remote store: against two real servers, and against one that does all it can to harm."""

from __future__ import annotations

import contextlib
import gc
import gzip
import itertools
import json
import logging
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, QueryBoolean, Triple

from kg.errors import LimitReached, ParleyError, StoreError, UnreadableInput, UsageError
from kg.remote import bodies, connections, exchange
from kg.remote.bodies import Solutions
from kg.remote.endpoints import read_endpoint
from kg.remote.protocol import Client
from tests.servers import NO_VIRTUOSO, VIRTUOSO, Server, oxigraph_server, virtuoso_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

JSON, NT = "application/sparql-results+json", "application/n-triples"
ONE_ROW = b'{"head":{"vars":["n"]},"results":{"bindings":[{"n":{"type":"literal","value":"1"}}]}}'
YES = b'{"head":{},"boolean":true}'
ASK = "ASK { ?s ?p ?o }"
LOGIN = {"KG_STORE_USER": "ann", "KG_STORE_PASSWORD": "s3cret"}
TOKEN = {"KG_STORE_TOKEN": "s3cret-token"}
A, P = NamedNode("urn:a"), NamedNode("urn:p")


# --- a server that answers what it is told to ---


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hostile

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        script = self.server.script
        step = script.popleft() if len(script) > 1 else script[0]
        with contextlib.suppress(OSError):
            step(self) if callable(step) else self.wfile.write(step)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - named by http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Hostile(ThreadingHTTPServer):
    """A server on a loopback port that answers with the steps of its script; the last is repeated."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: deque[bytes | Callable[[Handler], None]] = deque()
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.stopping = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that go away are what is tried here."""

    def says(self, *steps: bytes | Callable[[Handler], None]) -> None:
        self.script.clear()
        self.script.extend(steps)


def reply(status: str = "200 OK", body: bytes = YES, kind: str = JSON, **headers: str) -> bytes:
    lines = {
        "content-type": kind,
        "content-length": str(len(body)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


def hang_up(after: bytes = b"") -> Callable[[Handler], None]:
    def step(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True

    return step


def trickle(before: bytes, piece: bytes = b" ") -> Callable[[Handler], None]:
    def step(handler: Handler) -> None:
        handler.wfile.write(before)
        while not handler.server.stopping.wait(0.05):
            handler.wfile.write(piece)
        handler.close_connection = True

    return step


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with Hostile() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.stopping.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat without pauses."""
    monkeypatch.setattr(exchange, "_PAUSES", (0.0, 0.0))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Make clients that know nothing of the environment of the tests, and close them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with contextlib.ExitStack() as clients:

        def make(url: str, *, seconds: float = 20.0, **environ: str) -> Client:
            client = Client(read_endpoint(url, environ), seconds=seconds, environ=environ)
            clients.callback(client.close)
            return client

        yield make


@pytest.fixture
def client(hostile: Hostile, connect: Callable[..., Client]) -> Client:
    return connect(hostile.url)


def refused(kind: type[ParleyError], said: str, call: Callable[[], object]) -> ParleyError:
    """Return the error that a call raises: of this kind, on one line that a terminal can show."""
    with pytest.raises(kind) as caught:
        call()
    assert said in str(caught.value)
    assert str(caught.value).isprintable()
    return caught.value


def rows(answer: Solutions | QueryBoolean) -> list[list[str]]:
    assert isinstance(answer, Solutions)
    return [[str(cell) for cell in row] for row in answer]


# --- real servers ---


@pytest.fixture(params=["oxigraph", "virtuoso"])
def real(request: pytest.FixtureRequest, connect: Callable[..., Client]) -> Client:
    server: Server = request.getfixturevalue(request.param)
    client = connect(server.url, **server.environ)
    for graph in ("urn:g", "urn:h"):
        client.update(f"CLEAR SILENT GRAPH <{graph}>")
    return client


def test_what_is_inserted_is_selected(real: Client):
    real.update('INSERT DATA { GRAPH <urn:g> { <urn:a> <urn:p> "Türkiye 😀", "b"@en, 3 } }')
    found = real.select("SELECT ?o WHERE { ?s ?p ?o } ORDER BY STR(?o)", ["urn:g"])
    assert isinstance(found, Solutions)
    assert [variable.value for variable in found.variables] == ["o"]
    assert [row["o"] for row in found] == [Literal(3), Literal("Türkiye 😀"), Literal("b", language="en")]


def test_a_question_is_answered_over_the_graphs_that_are_named_with_it(real: Client):
    real.update("INSERT DATA { GRAPH <urn:g> { <urn:a> <urn:p> 1 } GRAPH <urn:h> { <urn:a> <urn:p> 2 } }")
    count = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
    integer = "^^<http://www.w3.org/2001/XMLSchema#integer>"
    assert rows(real.select(count, ["urn:g"])) == [[f'"1"{integer}']]
    assert rows(real.select(count, ["urn:g", "urn:h"])) == [[f'"2"{integer}']]
    assert bool(real.select("ASK { ?s ?p 2 }", ["urn:h"])) is True
    assert bool(real.select("ASK { ?s ?p 2 }", ["urn:g"])) is False
    inside = "SELECT ?o WHERE { GRAPH <urn:h> { ?s ?p ?o } }"
    assert rows(real.select(inside, ["urn:g"], ["urn:h"])) == [[f'"2"{integer}']]


def test_a_graph_is_sent_replaced_and_fetched(real: Client):
    real.send(b'<urn:a> <urn:p> "x" .\n', NT, "urn:g")
    real.send(iter([b'<urn:a> <urn:p> "y"', b" .\n"]), NT, "urn:g")
    assert set(real.fetch("urn:g")) == {Triple(A, P, Literal("x")), Triple(A, P, Literal("y"))}
    real.send(b'<urn:a> <urn:p> "z" .\n', NT, "urn:g", replace=True)
    assert list(real.fetch("urn:g")) == [Triple(A, P, Literal("z"))]


def test_a_graph_that_is_not_there_is_empty(real: Client):
    assert list(real.fetch("urn:no-such-graph")) == []


def test_constructed_triples_come_as_they_are(real: Client):
    real.update("INSERT DATA { GRAPH <urn:g> { <urn:a> <urn:p> 1, 2, 3 } }")
    found = real.construct("CONSTRUCT { ?s <urn:q> ?o } WHERE { ?s ?p ?o }", ["urn:g"])
    assert set(found) == {Triple(A, NamedNode("urn:q"), Literal(n)) for n in (1, 2, 3)}


def test_a_mistake_in_a_query_or_an_update_is_told_in_the_words_of_the_server(real: Client):
    refused(UnreadableInput, "1", lambda: real.select("SELECT * WHRE { ?s ?p ?o }"))
    refused(UnreadableInput, "1", lambda: real.update("INSRT DATA { }"))


def test_more_connections_than_there_are_may_be_left_half_read(real: Client):
    triples = b"".join(b'<urn:a> <urn:p> "%d%s" .\n' % (n, b"x" * 2_000) for n in range(300))
    real.send(triples, NT, "urn:g", replace=True)
    for _ in range(connections._AT_ONCE + 2):
        found = real.select("SELECT * WHERE { ?s ?p ?o }", ["urn:g"])
        assert isinstance(found, Solutions)
        next(found)
    found.close()
    assert list(found) == []
    assert len(rows(real.select("SELECT * WHERE { ?s ?p ?o }", ["urn:g"]))) == 300


def test_many_threads_ask_one_client(real: Client):
    real.update("INSERT DATA { GRAPH <urn:g> { <urn:a> <urn:p> 1 } }")
    found: list[object] = []

    def ask(n: int) -> None:
        real.update(f"INSERT DATA {{ GRAPH <urn:g> {{ <urn:b> <urn:p> {n} }} }}")
        found.append(bool(real.select(f"ASK {{ <urn:b> ?p {n} }}", ["urn:g"])))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 24


def test_an_update_of_virtuoso_wants_a_login(virtuoso: Server, connect: Callable[..., Client]):
    insert = "INSERT DATA { GRAPH <urn:g> { <urn:a> <urn:p> 1 } }"
    said = refused(StoreError, "wants to know who asks", lambda: connect(virtuoso.url).update(insert))
    assert "KG_STORE_USER" in str(said)
    wrong = connect(virtuoso.url, **{**LOGIN, "KG_STORE_USER": "dba"})
    said = refused(StoreError, "does not allow this to 'dba'", lambda: wrong.update(insert))
    assert "s3cret" not in str(said)


def test_a_netrc_file_tells_who_asks(virtuoso: Server, connect: Callable[..., Client], tmp_path: Path):
    password = virtuoso.environ["KG_STORE_PASSWORD"]
    path = tmp_path / "netrc"
    path.write_text(f"machine 127.0.0.1 login dba password {password}\n")
    connect(virtuoso.url, NETRC=str(path)).update("CLEAR SILENT GRAPH <urn:h>")


@pytest.mark.skipif(not VIRTUOSO, reason=NO_VIRTUOSO)
def test_what_virtuoso_cuts_is_an_error_whether_it_tells_or_not(
    tmp_path: Path, connect: Callable[..., Client]
):
    """It tells of rows; of constructed triples and of a fetched graph it does not."""
    with virtuoso_server(tmp_path, rows=50) as server:
        client = connect(server.url, **server.environ)
        client.send(b"".join(b'<urn:a> <urn:p> "%d" .\n' % n for n in range(60)), NT, "urn:many")
        client.send(b"".join(b'<urn:a> <urn:p> "%d" .\n' % n for n in range(49)), NT, "urn:few")
        select, construct = "SELECT * WHERE { ?s ?p ?o }", "CONSTRUCT WHERE { ?s ?p ?o }"
        cut = "cut the answer after 50 rows"
        refused(LimitReached, cut, lambda: client.select(select, ["urn:many"]))
        refused(LimitReached, cut, lambda: list(client.construct(construct, ["urn:many"])))
        refused(LimitReached, cut, lambda: list(client.fetch("urn:many")))
        assert len(rows(client.select(select, ["urn:few"]))) == 49
        assert len(list(client.construct(construct, ["urn:few"]))) == 49
        assert len(list(client.fetch("urn:few"))) == 49


def test_a_text_that_is_too_much_for_virtuoso_is_not_called_unreadable(
    virtuoso: Server, connect: Callable[..., Client]
):
    client = connect(virtuoso.url, **virtuoso.environ)
    triples = "".join(f"<urn:a> <urn:p{n}> {n} .\n" for n in range(10_000))
    update = f"INSERT DATA {{ GRAPH <urn:g> {{ {triples} }} }}"
    refused(LimitReached, "too large for the server", lambda: client.update(update))


def test_the_limit_of_time_of_oxigraph_is_told_as_one(tmp_path: Path, connect: Callable[..., Client]):
    with oxigraph_server(tmp_path, "--timeout-s", "1") as server:
        client = connect(server.url)
        client.send(b"".join(b'<urn:a> <urn:p> "%d" .\n' % n for n in range(2_000)), NT, "urn:g")
        slow = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER(?c + ?f + ?i < 0) }"
        refused(LimitReached, "time", lambda: list(client.select(slow, ["urn:g"])))  # type: ignore[arg-type]


# --- what a server may do to its client ---


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (reply("404 Not Found", b"no", "text/plain"), StoreError, "nothing is there (status 404)"),
        (reply("401 Unauthorized", b"", www_authenticate="Basic realm=x"), StoreError, "wants to know who asks"),
        (reply("403 Forbidden", b"go away", "text/plain"), StoreError, "go away"),
        (reply("400 Bad Request", b"error at 1:2", "text/plain"), UnreadableInput, "error at 1:2"),
        (reply("405 Method Not Allowed", b""), StoreError, "does not support POST"),
        (reply("406 Not Acceptable", b""), StoreError, "does not support POST"),
        (reply("415 Unsupported", b""), StoreError, "application/x-www-form-urlencoded"),
        (reply("501 Not Implemented", b""), StoreError, "does not support POST"),
        (reply("413 Too Large", b""), LimitReached, "too large for the server"),
        (reply("500 Oh", b"disk full", "text/plain"), StoreError, "the server failed (status 500): disk full"),
        (reply("503 Busy", b""), StoreError, "the server is busy (status 503)"),
        (reply("503 Busy", b"Query timed out", "text/plain"), LimitReached, "ran out of time"),
        (reply("500 x", b"Virtuoso S1T00 Error SR171: Transaction timed out"), LimitReached, "ran out of time"),
        (reply("500 x", b"Virtuoso 42000 Error SR186:SECURITY: No permission"), StoreError, "wants to know who asks"),
        (reply("200 OK", b"{}", X_SQL_State="S1TAT", X_SQL_Message="incomplete"), LimitReached, "incomplete"),
        (reply("200 OK", ONE_ROW, X_SPARQL_MaxRows="1"), LimitReached, "cut the answer after 1 rows"),
        (reply("200 OK", b"<html>Hello</html>", "text/html; charset=utf-8"), StoreError, "a web page, not a SPARQL"),
        (reply("200 OK", b"n\n1\n", "text/csv"), StoreError, "answers with text/csv instead of JSON results"),
        (reply("200 OK", b"", "-"), StoreError, "no type at all"),
        (reply("200 OK", b"{}"), StoreError, "not what it says it is"),
        (reply("200 OK", b""), StoreError, "not what it says it is"),
        (reply("200 OK", ONE_ROW.decode().encode("utf-16")), StoreError, "not what it says it is"),
        (reply("200 OK", ONE_ROW.replace(b'"1"', b'"\xe9"')), StoreError, "not what it says it is"),
        (reply("200 OK", YES, content_encoding="br"), StoreError, "packed in a way that was not asked for"),
        (reply("200 OK", YES, content_encoding="gzip, gzip"), StoreError, "packed in a way"),
        (reply("200 OK", YES, content_encoding="gzip"), StoreError, "not packed as it says"),
        (reply("200 OK", gzip.compress(YES)[:-9], content_encoding="gzip"), StoreError, "ends early"),
        (reply("200 OK", gzip.compress(YES) + b"x", content_encoding="gzip"), StoreError, "more follows"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", StoreError, "the connection ended before the answer"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, StoreError, "the connection ended before the answer"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error_of_one_line(
    hostile: Hostile, client: Client, answer: bytes, kind: type[ParleyError], said: str
):
    # an end that the server does not announce may come before the next attempt or in it; then that is the error
    hostile.says(answer if b"content-length" in answer else hang_up(answer))
    error = refused(kind, said, lambda: client.select(ASK))
    assert error.where == hostile.url
    assert error.remedy


def test_a_change_that_is_answered_with_a_web_page_was_none(hostile: Hostile, client: Client):
    hostile.says(reply(), reply(body=b"<html><script>1</script>Welcome</html>", kind="text/html"))
    refused(StoreError, "no place for updates", lambda: client.update("CLEAR ALL"))
    hostile.says(reply(body=b"<html><h1>Success</h1></html>", kind="text/html"))
    client.update("CLEAR ALL")


def test_virtuoso_is_known_by_its_answers_where_something_else_speaks_for_it(
    hostile: Hostile, connect: Callable[..., Client]
):
    rows = b'"results":{"bindings":[{"__ASK_RETVAL":{"type":"typed-literal","value":"1"}}]}}'
    hostile.says(reply(body=b'{"head":{"vars":["__ASK_RETVAL"]},' + rows, server="nginx"))
    client = connect(f"{hostile.url}/sparql")
    assert client.server == "Virtuoso (nginx)"
    assert client.endpoint.update == f"{hostile.url}/sparql-auth"


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Oh", "403 No", "503 \x1b[31mBusy"])
def test_what_a_server_says_commands_no_terminal(hostile: Hostile, client: Client, status: str):
    words = "\x1b]0;pwned\x07 <b>\u202etxt.exe</b> \r\n second\x00 \ud7ff" * 500
    hostile.says(reply(status, words.encode(), "text/html", server="\x1b[2Jx"))
    error = refused(ParleyError, "<U+001B>]0;pwned", lambda: client.select(ASK))
    assert len(str(error)) < 2_000
    hostile.says(reply(server="\x9b2Jx"))
    assert client.server.isprintable()


def test_a_body_that_ends_early_is_asked_for_again_and_is_an_error_when_it_does_so_again(
    hostile: Hostile, client: Client
):
    """With a length, in chunks, and till the connection ends."""
    short = ONE_ROW[:-20]
    chunk = b"%x\r\n%s\r\n" % (len(short), short)
    for cut in (
        reply(body=short, content_length=str(len(ONE_ROW))),
        reply(body=chunk, content_length="-", transfer_encoding="chunked"),
        reply(body=short, content_length="-", connection="close"),
    ):
        hostile.says(hang_up(cut), hang_up(cut), reply(body=ONE_ROW))
        assert rows(client.select(ASK)) == [['"1"']]
        hostile.says(hang_up(cut))
        refused(StoreError, "broke off", lambda: client.select(ASK))


def test_what_a_server_says_in_the_middle_of_an_answer_is_told(hostile: Hostile, client: Client):
    """Oxigraph writes why it stops into the answer that it has begun."""
    hostile.says(reply(body=ONE_ROW[:-3] + b",Disk is full, sorry"))
    refused(StoreError, "broke off: Disk is full, sorry", lambda: rows(client.select(ASK)))
    hostile.says(reply(), reply(body=b"<urn:a> <urn:p> <urn:o> .\nThe operation timed out", kind=NT))
    refused(LimitReached, "ran out of time: The operation timed out", lambda: list(client.fetch("urn:g")))


def test_a_body_that_ends_after_the_first_rows_is_an_error_when_the_end_is_reached(
    hostile: Hostile, client: Client
):
    body = ONE_ROW.replace(b"}}]", b"}}" + b',{"n":{"type":"literal","value":"2"}}' * 3_000 + b"]")
    hostile.says(hang_up(reply(body=body[:-10], content_length=str(len(body)))))
    found = client.select(ASK)
    assert isinstance(found, Solutions)
    assert str(next(found)["n"]) == '"1"'
    refused(StoreError, "the answer broke off", lambda: list(found))
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("status", ["502 x", "503 x", "504 x", "429 x"])
def test_a_query_is_repeated_while_the_server_is_busy(hostile: Hostile, client: Client, status: str):
    hostile.says(reply(status), reply(status), reply())
    assert bool(client.select(ASK)) is True
    assert len({request[3] for request in hostile.requests}) == 1
    assert len(hostile.requests) == 3


def test_an_update_is_repeated_only_where_the_caller_says_so(hostile: Hostile, client: Client):
    hostile.says(reply(), reply("503 x"), reply("204 Done", b""))
    error = refused(exchange.Doubtful, "busy", lambda: client.update("CLEAR ALL"))
    assert "whether the change was made is not known" in str(error)
    hostile.says(hang_up(), hang_up(), reply("204 Done", b""))
    client.update("CLEAR ALL", again=True)
    hostile.says(hang_up(), reply("204 Done", b""))
    refused(exchange.Doubtful, "not known", lambda: client.update("CLEAR ALL"))
    hostile.says(reply("429 Slowly", b""), reply("204 Done", b""))
    client.update("CLEAR ALL")


def test_sending_is_repeated_where_it_replaces_or_the_caller_says_so(hostile: Hostile, client: Client):
    hostile.says(reply(), reply("503 x"), reply("204 Done", b""))
    client.send(iter([b"a", b"b"]), NT, "urn:g?a=b&c", replace=True)
    assert [request[3] for request in hostile.requests[1:]] == [b"ab", b"ab"]
    assert {request[:2] for request in hostile.requests[1:]} == {("PUT", "/store?graph=urn%3Ag%3Fa%3Db%26c")}
    hostile.says(reply("503 x"), reply("204 Done", b""))
    refused(exchange.Doubtful, "not known", lambda: client.send(b"a", NT, None))
    client.send(b"a", NT, None)
    assert hostile.requests[-1][:2] == ("POST", "/store?default")


def test_a_server_that_names_a_time_is_asked_again_then_unless_it_is_too_long(
    hostile: Hostile, client: Client
):
    hostile.says(reply("503 x", retry_after="1"), reply())
    began = time.monotonic()
    assert bool(client.select(ASK)) is True
    assert time.monotonic() - began >= 1
    hostile.says(reply("503 x", retry_after="Fri, 01 Jan 2100 00:00:00 GMT"))
    refused(StoreError, "busy", lambda: client.select(ASK))
    hostile.says(reply("503 x", retry_after="999999999"))
    refused(StoreError, "busy", lambda: client.select(ASK))


@pytest.mark.parametrize(
    "step",
    [
        trickle(b""),
        trickle(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        trickle(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        trickle(reply(content_length="1000000")[:-10]),
        trickle(reply("500 x", content_length="1000000")),
        trickle(reply("401 x", content_length="1000000", www_authenticate="Basic realm=x")),
    ],
    ids=["nothing", "headers", "continue", "body", "error", "challenge"],
)
def test_a_server_that_sends_a_byte_now_and_then_for_ever_is_left_when_the_time_is_up(
    hostile: Hostile, connect: Callable[..., Client], step: Callable[[Handler], None]
):
    hostile.says(step)
    client = connect(hostile.url, seconds=0.4, **LOGIN)
    began = time.monotonic()
    refused(ParleyError, hostile.url, lambda: client.select(ASK))
    assert time.monotonic() - began < 5


def test_a_change_that_was_not_answered_in_time_is_in_doubt(hostile: Hostile, connect: Callable[..., Client]):
    hostile.says(reply(), trickle(b"HTTP/1.1 "))
    client = connect(hostile.url, seconds=0.4)
    error = refused(exchange.Doubtful, "did not answer in time", lambda: client.update("CLEAR ALL"))
    assert "not known" in str(error)


def test_the_time_in_which_rows_are_handled_does_not_count(hostile: Hostile, connect: Callable[..., Client]):
    body = ONE_ROW.replace(b"}}]", b"}}" + b',{"n":{"type":"literal","value":"2"}}' * 20_000 + b"]")
    hostile.says(reply(body=body))
    found = connect(hostile.url, seconds=0.5).select(ASK)
    assert isinstance(found, Solutions)
    next(found)
    time.sleep(0.7)
    assert sum(1 for _ in found) == 20_000


def test_a_bomb_is_unpacked_a_piece_at_a_time(
    hostile: Hostile, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
):
    """Whatever comes out, no more than a piece of it is held; and there is an end to it."""
    monkeypatch.setattr(bodies, "_MOST_BYTES", 20_000_000)
    body = ONE_ROW.replace(b"]}}", b" " * 60_000_000 + b"]}}")
    hostile.says(reply(body=gzip.compress(body), content_encoding="gzip"))
    refused(LimitReached, "too large", lambda: rows(connect(hostile.url).select(ASK)))


def test_a_value_or_a_head_without_end_is_an_error(
    hostile: Hostile, client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "_MOST_BEFORE_ROWS", 1_000_000)
    hostile.says(reply(body=ONE_ROW.replace(b'"1"', b'"' + b"x" * 20_000_000 + b'"')))
    refused(LimitReached, "too large", lambda: rows(client.select(ASK)))
    late = b'{"results":{"bindings":[' + b'{"n":{"type":"literal","value":"2"}},' * 40_000
    hostile.says(reply(body=late))
    refused(LimitReached, "too large", lambda: client.select(ASK))


def test_terms_nested_without_end_do_not_end_the_process(hostile: Hostile, client: Client):
    term = b'{"type":"triple","value":{"subject":{"type":"uri","value":"urn:a"},"object":'
    deep = ONE_ROW.replace(b'["n"]', b'["n","m"]').replace(
        b'{"type":"literal","value":"1"}', b'{"type":"literal","value":"}\\\\"},"m":' + term * 30_000
    )
    hostile.says(reply(body=deep))
    refused(StoreError, "nested too deep", lambda: client.select(ASK))
    line = b"<urn:a> <urn:p> " + b"<<( <urn:a> <urn:p> " * 30_000 + b"<urn:c> " + b" )>>" * 30_000 + b" .\n"
    hostile.says(reply(body=line, kind=NT))
    refused(StoreError, "nested too deep", lambda: list(client.construct("CONSTRUCT WHERE { ?s ?p ?o }")))


_SIGNS = st.text('{}"\\n')


@given(
    st.recursive(_SIGNS, lambda inner: st.lists(inner) | st.dictionaries(_SIGNS, inner), max_leaves=20),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_how_deep_an_answer_is_nested_is_counted_wherever_it_is_cut(content: object, sizes: list[int]):
    text, guard = json.dumps({"": content}, ensure_ascii=False).encode(), bodies._ShallowJson()
    pieces = itertools.cycle(sizes)
    while text:
        size = next(pieces)
        assert guard(text[:size])
        text = text[size:]
    assert guard(b"")
    assert guard._depth == 0


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("lines", [True, False])
def test_triples_in_triples_are_counted_wherever_they_are_cut(size: int, lines: bool):
    text, guard = b"<<(" * 65, bodies._ShallowTriples(lines=lines)
    assert not all(guard(text[at : at + size]) for at in range(0, len(text), size))
    guard = bodies._ShallowTriples(lines=lines)
    assert all(guard(b"<<(\n") for _ in range(64))
    assert guard(b"<<(") == lines


def test_braces_and_backslashes_in_values_count_for_nothing(hostile: Hostile, client: Client):
    values = ["{" * 40_000, '"{' * 20_000, "\\" * 30_001, '\\"{' * 20_000, "}\\"]
    found = [{"n": {"type": "literal", "value": value}} for value in values]
    hostile.says(reply(body=json.dumps({"head": {"vars": ["n"]}, "results": {"bindings": found}}).encode()))
    answer = client.select(ASK)
    assert isinstance(answer, Solutions)
    assert [row["n"] for row in answer] == [Literal(value) for value in values]


def test_a_redirect_is_followed_on_the_same_server_only(hostile: Hostile, connect: Callable[..., Client]):
    client = connect(hostile.url, **TOKEN)
    hostile.says(reply("307 x", b"", location="/elsewhere"), reply())
    assert bool(client.select(ASK)) is True
    assert [request[1] for request in hostile.requests] == ["/query", "/elsewhere"]
    assert hostile.requests[0][3] == hostile.requests[1][3]
    for location in (
        "http://localhost:1/",
        "https://127.0.0.1/",
        "//other.example/",
        "http://u:p@127.0.0.1/",
    ):
        hostile.says(reply("307 x", b"", location=location))
        refused(StoreError, "redirects", lambda: client.select(ASK))
    hostile.says(reply("303 x", b"", location="/elsewhere"))
    refused(StoreError, "redirects", lambda: client.select(ASK))
    hostile.says(reply("308 x", b"", location="/round"))
    refused(StoreError, "redirects without end", lambda: client.select(ASK))


# --- who asks ---


def test_a_challenge_is_answered_and_then_foreseen(hostile: Hostile, connect: Callable[..., Client]):
    challenge = reply("401 x", b"", www_authenticate='Basic realm="x"')
    hostile.says(challenge, challenge, reply())
    client = connect(hostile.url, **LOGIN)
    refused(StoreError, "does not allow this to 'ann'", lambda: client.select(ASK))
    client.select(ASK)
    told = [request[2].get("Authorization", "") for request in hostile.requests]
    assert told == ["", "Basic YW5uOnMzY3JldA==", "Basic YW5uOnMzY3JldA=="]


def test_a_token_is_sent_as_it_is(hostile: Hostile, connect: Callable[..., Client]):
    hostile.says(reply())
    connect(hostile.url, **TOKEN).select(ASK)
    assert hostile.requests[0][2]["Authorization"] == f"Bearer {TOKEN['KG_STORE_TOKEN']}"


def test_nobody_is_told_who_asks_that_does_not_want_to_know(hostile: Hostile, connect: Callable[..., Client]):
    hostile.says(reply())
    connect(hostile.url, **LOGIN).select(ASK)
    assert "Authorization" not in hostile.requests[0][2]


@pytest.mark.parametrize(
    "challenge", ["Digest", "Digest realm", 'Digest realm="x", nonce="y", algorithm=WHIRLPOOL', 'Digest nonce="\x7f"',
                  'Digest realm="x", nonce="y", qop="auth-int"', "Negotiate", ""]
)  # fmt: skip
def test_a_challenge_that_is_not_understood_is_an_error(
    hostile: Hostile, connect: Callable[..., Client], challenge: str
):
    hostile.says(reply("401 x", b"", www_authenticate=challenge))
    client = connect(hostile.url, **LOGIN)
    error = refused(StoreError, hostile.url, lambda: client.select(ASK))
    assert "s3cret" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "environ", [{"KG_STORE_TOKEN": "t"}, {"KG_STORE_USER": "a", "KG_STORE_PASSWORD": "b"}]
)
def test_a_password_or_token_never_goes_over_the_open_net(environ: dict[str, str]):
    """Played to a login as if the answer had come from another machine: no test goes to the net."""
    import httpx

    who = connections.login("store.example", environ)
    request = httpx.Request("POST", "http://store.example/query")
    flow = who.auth_flow(request)

    def play() -> None:
        next(flow)
        flow.send(httpx.Response(401, headers={"www-authenticate": "Basic realm=x"}))

    refused(UsageError, "use the https address", play)
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"KG_STORE_USER": "ann"}, "KG_STORE_USER is set alone"),
        ({"KG_STORE_PASSWORD": "s3cret"}, "KG_STORE_PASSWORD is set alone"),
        ({"KG_STORE_TOKEN": "s3cret", "KG_STORE_USER": "ann"}, "KG_STORE_TOKEN is set beside"),
        ({"KG_STORE_TOKEN": "s3cret\r\nX: y"}, "cannot be sent"),
        ({"KG_STORE_TOKEN": "s3crét"}, "cannot be sent"),
        ({"KG_STORE_TOKEN": "s3cret two"}, "cannot be sent"),
        ({"KG_STORE_USER": 'ann", realm="x', "KG_STORE_PASSWORD": "s3cret"}, "cannot be sent"),
        ({"KG_STORE_USER": "ann:x", "KG_STORE_PASSWORD": "s3cret"}, "cannot be sent"),
    ],
)
def test_a_login_that_is_none_is_refused_before_anything_is_sent(
    connect: Callable[..., Client], environ: dict[str, str], said: str
):
    error = refused(UsageError, said, lambda: connect("http://127.0.0.1:9/query", **environ))
    assert "s3cr" not in "".join(traceback.format_exception(error))


def test_a_netrc_file_that_cannot_be_read_is_named_and_not_repeated(
    connect: Callable[..., Client], tmp_path: Path
):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login ann password s3cret\nnonsense s3cret\n")
    error = refused(UsageError, f"{path}:2", lambda: connect("http://127.0.0.1:9/query", NETRC=str(path)))
    assert "s3cret" not in "".join(traceback.format_exception(error))
    refused(UsageError, "netrc", lambda: connect("http://127.0.0.1:9/query", NETRC=str(tmp_path)))


def test_who_asks_stands_in_no_log_and_no_name(
    hostile: Hostile, connect: Callable[..., Client], caplog: pytest.LogCaptureFixture
):
    digest = 'Digest realm="x", nonce="y", qop="auth"'
    hostile.says(
        reply("401 x", b"", www_authenticate=digest), reply(), reply("401 x", b"", www_authenticate=digest)
    )
    caplog.set_level(logging.DEBUG)
    client = connect(hostile.url, **LOGIN)
    client.select(ASK)
    said = [repr(refused(StoreError, "'ann'", lambda: client.update("CLEAR ALL")))]
    token = connect(hostile.url, **TOKEN)
    said.append(repr(refused(StoreError, "the token", lambda: token.select(ASK))))
    said += [
        repr(each)
        for each in (client, token, *vars(client._exchange).values(), *vars(token._exchange).values())
    ]
    assert caplog.records
    said += [record.getMessage() for record in caplog.records]
    assert [line for line in said if "s3cret" in line or "Authorization" in line] == []


# --- the way there ---


def test_a_server_that_is_not_there_is_told_with_its_address(connect: Callable[..., Client]):
    with Hostile() as gone:
        url = gone.url
    client = connect(url)
    for call in (lambda: client.select(ASK), lambda: client.update("CLEAR ALL")):
        error = refused(StoreError, "cannot reach the server: Connection refused", call)
        assert error.where == url


def test_a_change_is_sent_to_a_server_that_was_away_for_a_moment(
    hostile: Hostile, client: Client, monkeypatch: pytest.MonkeyPatch
):
    """Nothing was sent where no connection was made: that is always safe to repeat."""
    import httpcore

    hostile.says(reply(), reply("204 Done", b"", connection="close"))
    client.update("CLEAR ALL")
    connecting, refusals = connections._Backend.connect_tcp, iter([True, True, False])

    def sometimes(self: connections._Backend, *args: object, **more: object) -> httpcore.NetworkStream:
        if next(refusals):
            raise httpcore.ConnectError("[Errno 111] Connection refused")
        return connecting(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(connections._Backend, "connect_tcp", sometimes)
    time.sleep(0.05)
    client.update("CLEAR ALL")
    assert next(refusals, None) is None


def test_a_host_that_has_no_address_is_told(connect: Callable[..., Client]):
    refused(
        StoreError,
        "cannot reach the server",
        lambda: connect("http://no-such-host.invalid/query").select(ASK),
    )


def test_proxies_are_for_other_machines_only(
    hostile: Hostile, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
):
    proxies = {"http_proxy": hostile.url.replace("://", "://user:s3cret@"), "no_proxy": ""}
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
        monkeypatch.delenv(name.upper(), raising=False)
    hostile.says(reply())
    connect(f"{hostile.url}/query", **proxies).select(ASK)
    assert hostile.requests[0][1] == "/query"
    connect("http://store.example/query", **proxies).select(ASK)
    assert hostile.requests[1][1] == "http://store.example/query"
    hostile.says(reply("407 Who", b""))
    error = refused(
        StoreError,
        "http://store.example",
        lambda: connect("http://store.example/query", **proxies).select(ASK),
    )
    assert "s3cret" not in "".join(traceback.format_exception(error))


def test_a_certificate_that_nobody_vouches_for_is_refused(
    hostile: Hostile, connect: Callable[..., Client], tmp_path: Path
):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {key} -out {certificate}"
    if subprocess.run(command.split(), capture_output=True, check=False).returncode:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hostile.socket = context.wrap_socket(hostile.socket, server_side=True)
    hostile.says(reply())
    client = connect(f"https://localhost:{hostile.server_port}/query")
    refused(StoreError, "cannot prove who it is", lambda: client.select(ASK))
    assert hostile.requests == []


def test_no_connection_is_left_open(hostile: Hostile, client: Client):
    """A dropped answer lets go of its connection at once; what stays open would be a warning, which fails a test."""
    body = ONE_ROW.replace(b"}}]", b"}}" + b',{"n":{"type":"literal","value":"2"}}' * 50_000 + b"]")
    hostile.says(reply(body=body))
    gc.disable()
    try:
        for _ in range(2 * connections._AT_ONCE):
            found = client.select(ASK, seconds=5)
            assert isinstance(found, Solutions)
            next(found)
    finally:
        gc.enable()


def test_httpx_is_not_imported_before_a_store_is_remote():
    code = "import sys, kg, kg.cli, kg.remote.endpoints; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"httpx", "httpcore"} & set(ran.stdout.split())
