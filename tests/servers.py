"""Real servers for tests: each in a folder of its own, on free loopback ports, ended whatever happens."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VIRTUOSO: Final = shutil.which("virtuoso-t") is not None and shutil.which("isql-vt") is not None
NO_VIRTUOSO: Final = "Virtuoso is not installed (Debian: virtuoso-opensource-7-bin)"
_STARTING: Final = 60.0  # seconds: a machine that is busy with other things takes long
_CONFIGURATION: Final = """\
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
FileExtend = 20
[TempDatabase]
DatabaseFile = temp.db
TransactionFile = temp.trx
FileExtend = 20
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = .
NumberOfBuffers = 4000
MaxDirtyBuffers = 3000
MaxCheckpointRemap = 500
DefaultIsolation = 2
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerThreads = 10
[SPARQL]
ResultSetMaxRows = {rows}
"""


@dataclass(frozen=True)
class Server:
    """A server that runs: where, and what the environment of a client of it must say."""

    url: str
    environ: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def oxigraph_server(folder: Path, *options: str) -> Iterator[Server]:
    """Run Oxigraph's server."""
    (port,) = _free_ports(1)
    program = Path(sys.executable).with_name("oxigraph")
    arguments = ["serve", "--location", str(folder), "--bind", f"127.0.0.1:{port}", *options]
    url = f"http://127.0.0.1:{port}"
    with _running([str(program), *arguments], folder, f"{url}/query?query=ASK%7B%7D"):
        yield Server(url)


@contextlib.contextmanager
def virtuoso_server(folder: Path, *, rows: int = 10_000_000) -> Iterator[Server]:
    """Run Virtuoso, with a password of its own; ``rows`` is how many it answers at most."""
    sql, http = _free_ports(2)
    (folder / "virtuoso.ini").write_text(
        _CONFIGURATION.format(sql=sql, http=http, rows=rows), encoding="ascii"
    )
    url, password = f"http://127.0.0.1:{http}/sparql", f"p{secrets.token_hex(12)}"
    command = ["virtuoso-t", "+foreground", "+configfile", "virtuoso.ini"]
    with _running(command, folder, f"{url}?query=ASK%7B%7D"):
        statement = f'EXEC=set password "dba" "{password}"'
        subprocess.run(
            ["isql-vt", f"127.0.0.1:{sql}", "dba", "dba", statement], check=True, capture_output=True
        )
        yield Server(url, {"KG_STORE_USER": "dba", "KG_STORE_PASSWORD": password})


@pytest.fixture(scope="session")
def oxigraph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return an Oxigraph server that the tests of this process share."""
    with oxigraph_server(tmp_path_factory.mktemp("oxigraph")) as server:
        yield server


@pytest.fixture(scope="session")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a Virtuoso that the tests of this process share; without one they are skipped."""
    if not VIRTUOSO:
        pytest.skip(NO_VIRTUOSO)
    with virtuoso_server(tmp_path_factory.mktemp("virtuoso")) as server:
        yield server


@contextlib.contextmanager
def _running(command: list[str], folder: Path, url: str) -> Iterator[None]:
    """Run a program in a folder, from when it answers at ``url``; what it writes is shown if it does not."""
    log = folder / "output.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            give_up = time.monotonic() + _STARTING
            while not _answers(url):
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(
                        f"{command[0]} does not start: {log.read_text(errors='replace')[-2000:]}"
                    )
                time.sleep(0.02)
            yield
        finally:
            process.kill()  # nothing in the folder is wanted any more
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own URL
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; taken together, so that they differ."""
    with contextlib.ExitStack() as sockets:
        found = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]
