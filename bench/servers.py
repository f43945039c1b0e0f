"""Servers that are measured beside Parley, on loopback ports with folders of their own, and always stopped.

``python -m bench.servers virtuoso FOLDER FILE`` loads a file into a new Virtuoso with its own bulk loader.
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from bench.measure import resident

OXIGRAPH: Final = str(Path(sys.executable).with_name("oxigraph"))
LONG: Final = 60
"""The seconds after which a server gives up on a question."""
_STARTING: Final = 60.0
_CONFIGURATION: Final = """\
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
FileExtend = 200
MaxCheckpointRemap = 2000
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
MaxCheckpointRemap = 2000
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = {data}
NumberOfBuffers = {buffers}
MaxDirtyBuffers = {dirty}
MaxQueryMem = 2G
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = 10000000
MaxQueryExecutionTime = {seconds}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers SPARQL at ``/path`` of a loopback port; ``sql`` is Virtuoso's port for its own tools."""

    process: int
    port: int
    path: str
    sql: int = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    @property
    def memory(self) -> float:
        """Its greatest memory so far, in MB."""
        return resident(self.process, "VmHWM")

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that stays open from question to question."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG + 5)

    def ask(self, connection: http.client.HTTPConnection, sparql: str, graph: str = "") -> bytes:
        """Return the answer as SPARQL's JSON, when its last byte has come. Raises ``OSError`` with what was said.

        A connection that the server closed while nobody asked is opened again; one that broke serves the next call.
        """
        try:
            answer, content = self._asked(connection, sparql, graph)
        except (BrokenPipeError, ConnectionResetError):  # also of what ended before an answer
            connection.close()
            answer, content = self._asked(connection, sparql, graph)
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if answer.status != http.client.OK:
            raise OSError(f"status {answer.status}: {content[:300].decode(errors='replace').splitlines()[0]}")
        return content

    def _asked(
        self, connection: http.client.HTTPConnection, sparql: str, graph: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        named = {"default-graph-uri": graph} if graph else {}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/sparql-results+json",
        }
        connection.request("POST", self.path, urlencode({"query": sparql, **named}), headers)
        answer = connection.getresponse()
        return answer, answer.read()


@contextmanager
def oxigraph(folder: Path) -> Iterator[Server]:
    """Start Oxigraph's server on a folder that it keeps, and stop it in the end."""
    port = _free()
    place = ("--location", str(folder), "--bind", f"127.0.0.1:{port}")
    command = (OXIGRAPH, "serve", *place, "--timeout-s", str(LONG))
    with _running(command, port) as process:
        yield Server(process, port, "/query")


@contextmanager
def virtuoso(folder: Path, data: Path, triples: int) -> Iterator[Server]:
    """Start a new Virtuoso in a folder, which may read files of ``data``, and stop it in the end.

    It gets memory for so many triples: a page of 8 kB for 25 of them, and never less than 160 MB.
    """
    folder.mkdir(parents=True)
    buffers, ports = max(20_000, triples // 25), {"sql": _free(), "http": _free()}
    configuration = folder / "virtuoso.ini"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder, data=data, buffers=buffers, dirty=buffers * 3 // 4, seconds=LONG, **ports
        )
    )
    command = ("virtuoso-t", "+foreground", "+configfile", str(configuration))
    with _running(command, ports["http"]) as process:
        yield Server(process, ports["http"], "/sparql", ports["sql"])


def load_virtuoso(server: Server, file: Path, graph: str) -> None:
    """Load a file with Virtuoso's bulk loader, up to the checkpoint after which it lasts; quads keep their graphs."""
    said = _sql(server, f"ld_dir('{file.parent}', '{file.name}', '{graph}'); rdf_loader_run(); checkpoint;")
    state = _sql(server, "select ll_state, ll_error from DB.DBA.load_list;").split()
    if state[-2:] != ["2", "NULL"]:
        raise SystemExit(f"Virtuoso did not load {file.name}: {' '.join(said.split()[-20:])} {state[-10:]}")


def _sql(server: Server, statements: str) -> str:
    command = ("isql-vt", str(server.sql), "dba", "dba", "VERBOSE=OFF", f"EXEC={statements}")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[int]:
    """Start a server, wait until it answers, and end it when it has been used."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + _STARTING
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{command[0]} did not start")
                time.sleep(0.05)
            yield server.pid
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(30)
            server.kill()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _free() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _load(folder: str, file: str) -> None:
    """Load a file into a new Virtuoso, from its start to its end."""
    data = Path(file).resolve()
    with virtuoso(Path(folder), data.parent, sum(1 for _ in data.open("rb"))) as server:
        load_virtuoso(server, data, "urn:default")


if __name__ == "__main__":
    {"virtuoso": _load}[sys.argv[1]](*sys.argv[2:])
