"""SPARQL from outside, run in a worker process with limits of time, memory and size.

A query of a few kilobytes can end a pyoxigraph process (deep nesting, a long flat chain of operators), and
pyoxigraph has no time limit of its own. So the program in ``worker`` runs the query, and whatever happens to
that process is one error here, with nothing lost.
"""

from __future__ import annotations

import atexit
import contextlib
import marshal
import mmap
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, TypeAlias, cast

import pyoxigraph
from pyoxigraph import (
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

import kg
from kg.errors import LimitReached, ParleyError, Refused, StoreError, UnreadableInput, UsageError
from kg.outside import worker
from kg.storage.sparql import bare, syntax_error
from kg.storage.store import store_folder
from kg.terms import PREFIXES, VIEW

Answer: TypeAlias = QuerySolutions | QueryBoolean | Iterator[Triple]

LONGEST_QUERY: Final = 1_000_000
"""In characters; no query that a person writes comes near."""

_NAME = "query"
_LARGEST = 1_000_000  # seconds or MiB
_UPDATES = frozenset(("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"))
_PROLOGUE = re.compile(r"(?:\s|PREFIX\s+[^\s:]*:|BASE\b)*+(\w*)", re.IGNORECASE)
_KILLED, _CPU_TIME = -9, -24  # by SIGKILL and SIGXCPU, names that not every platform knows
_MEMORY = re.compile("memory allocation|bad_alloc|MemoryError|mmap|Resource temporarily unavailable")
_FROM = re.compile(r"(?<![\w?$@:.%\\-])FROM\s++(?!NAMED\b)", re.IGNORECASE)


def run_query(
    location: Path | bytes,
    sparql: str | bytes,
    *,
    graphs: Sequence[NamedNode] = (VIEW,),
    seconds: float = 30.0,
    memory: int = 2048,
) -> Answer:
    """Run a query that nobody has checked and return its answer: all of it, or an error.

    ``location`` is the folder of a base, or an N-Quads file, or N-Quads as such. The query sees the merge of
    ``graphs`` as its default graph, unless it has a ``FROM`` of its own, which picks among the graphs of the
    base; ``GRAPH`` reaches every graph. Parley's prefixes need no declaration. The limits are ``seconds`` and
    ``memory``, in MiB; the answer, written out, may take half as much. A base on disk needs 512 MiB to open.

    Raises ``UnreadableInput`` for what is not SPARQL, ``Refused`` for updates and ``SERVICE``,
    ``LimitReached`` when a limit ended it, ``StoreError`` for a base that cannot be opened. Costs about 20 ms
    beyond the query itself. When it returns or raises, the worker is gone.
    """
    if not (0 < seconds < _LARGEST and 0 < memory < _LARGEST):
        raise UsageError(
            f"limits of {seconds:g} s and {memory} MiB",
            remedy=f"choose more than 0 and less than {_LARGEST:,}",
        )
    text = _checked(sparql)
    request = {
        "sparql": text,
        "prefixes": PREFIXES,
        "graphs": None if _FROM.search(bare(text)) else [graph.value for graph in graphs],
        "seconds": seconds,
        "memory": memory << 20,
        "size": memory << 19,
        **_place(location),
    }
    with tempfile.TemporaryFile() as output:
        status, said = _run(request, output, seconds)
        if status != 0:
            raise _failure(status, said, request)
        # The map outlives the file and needs no closing.
        mapped = cast("IO[bytes]", mmap.mmap(output.fileno(), 0, access=mmap.ACCESS_READ))
    return _answer(mapped)


def checked_query(sparql: str | bytes) -> tuple[str, Sequence[NamedNode] | None]:
    """Return a query that another engine may be asked, its prefixes declared, and the graphs that it sees as default.

    It is tried on no data first, so what ``run_query`` refuses, such as SERVICE, is refused here alike, in the same
    words. With a ``FROM`` of its own the query itself says what it sees, and the graphs are ``None``.
    """
    run_query(b"", sparql)
    text = _checked(sparql)
    plain = bare(text)
    used = (p for p in PREFIXES if re.search(rf"(?<![\w-]){p}:", plain))
    declared = re.findall(r"\bPREFIX\s+([^\s:]*):", plain, re.IGNORECASE)
    ours = "".join(f"PREFIX {prefix}: <{PREFIXES[prefix]}> " for prefix in used if prefix not in declared)
    return ours + text, None if _FROM.search(plain) else (VIEW,)


def _checked(sparql: str | bytes) -> str:
    if len(sparql) > LONGEST_QUERY:
        raise LimitReached(
            f"a query of {len(sparql):,} characters", where=_NAME, remedy=f"keep it under {LONGEST_QUERY:,}"
        )
    try:
        text = sparql.decode() if isinstance(sparql, bytes) else sparql
        text.encode()
    except UnicodeError as error:
        raise UnreadableInput("not UTF-8 text", where=_NAME, remedy="save the query as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableInput("holds a NUL character", where=f"{_NAME}:{line}", remedy="remove it")
    first = _PROLOGUE.match(bare(text))
    if first and first[1].upper() in _UPDATES:
        raise Refused(
            f"{first[1].upper()} is an update, and queries only read",
            where=_NAME,
            remedy="facts come in with kg load",
        )
    return text


def _place(location: Path | bytes) -> dict[str, str | bytes | None]:
    place: dict[str, str | bytes | None] = dict.fromkeys(("folder", "file", "data"))
    if isinstance(location, bytes):
        place["data"] = location
    elif location.is_file():
        place["file"] = str(location.resolve())
    else:
        place["folder"] = str(store_folder(location).resolve())
    return place


def _run(request: dict[str, Any], output: IO[bytes], seconds: float) -> tuple[int, str]:
    """Return the exit status of the worker and what it wrote to standard error."""
    with start_worker(worker.__file__, output) as process:
        try:
            _, said = process.communicate(marshal.dumps(request), timeout=seconds)
        except subprocess.TimeoutExpired:
            return worker.TOO_LONG, ""
        finally:
            process.kill()
    return process.returncode, said.decode(errors="replace")


def start_worker(program: str, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start one of the package's programs in a process of its own, with pipes to its input and from its errors.

    Isolated and without site-packages, for a quick start that nothing in the environment can change; the program
    is told where pyoxigraph and the package lie.
    """
    folders = [str(Path(file).parents[1]) for file in (pyoxigraph.__file__, kg.__file__)]
    command = [sys.executable, "-I", "-S", "-X", "utf8", program, *folders]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=output, stderr=pipe)  # noqa: S603 - our own


class Ahead:
    """A worker that is started before it is needed, in a process that needs one again and again.

    The first two are started when they are needed: most processes need no more. One that is never taken ends with the
    process that started it.
    """

    def __init__(self, program: str) -> None:
        self._program = program
        self._waiting: list[subprocess.Popen[bytes]] = []
        self._taken = 0

    def take(self) -> subprocess.Popen[bytes]:
        """Return a worker, with pipes to and from it; it is the caller's from then on."""
        self._taken += 1
        with contextlib.suppress(IndexError):
            if (process := self._waiting.pop()).poll() is None:
                return process
            _dismiss(process)
        return start_worker(self._program, subprocess.PIPE)

    def prepare(self) -> None:
        """Start the next worker, if it is likely to be needed."""
        if self._taken == 2:  # noqa: PLR2004 - the second time: there may be a third
            atexit.register(self._end)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self._forget)
        if self._taken > 1 and not self._waiting:
            with contextlib.suppress(OSError):  # then it is started when it is needed, or that says why not
                self._waiting.append(start_worker(self._program, subprocess.PIPE))

    def _end(self) -> None:
        while self._waiting:
            _dismiss(self._waiting.pop())

    def _forget(self) -> None:
        """Leave the worker to the process that started it."""
        _others.extend(self._waiting)
        self._waiting.clear()


_others: Final[list[subprocess.Popen[bytes]]] = []


def _dismiss(process: subprocess.Popen[bytes]) -> None:
    with process:
        process.kill()


def limit_reached(status: int, said: str) -> str:
    """Return which limit ended a worker: ``time``, ``memory``, or ``nesting`` for what ended the process itself.

    ``said`` is what it wrote to standard error.
    """
    if status in (worker.TOO_LONG, _CPU_TIME):
        return "time"
    return "memory" if status in (worker.NO_MEMORY, _KILLED) or _MEMORY.search(said) else "nesting"


def _failure(status: int, said: str, request: dict[str, Any]) -> ParleyError:
    """Say what the end of the worker means; a status that is none of ours is a death by signal or abort."""
    if status == worker.NOT_SPARQL:
        return syntax_error(said, request["sparql"], _NAME, PREFIXES)
    if status == worker.FOREIGN:
        return Refused("SERVICE is not allowed", where=_NAME, remedy="ask about what is in the base")
    if status == worker.BROKEN:
        where = request["folder"] or request["file"] or _NAME
        return StoreError(f"cannot be read: {said}", where=where, remedy="ask again; else rebuild the base")
    if status == 1:
        return ParleyError(f"the query's worker failed: {said[-200:]}", where=_NAME, remedy="report this")
    if status == worker.TOO_LARGE:
        what, remedy = f"the answer is larger than {request['size']:,} bytes", "add LIMIT or narrow the query"
    elif (limit := limit_reached(status, said)) == "time":
        what, remedy = f"stopped after {request['seconds']:g} s", "narrow the query or raise --timeout"
    elif limit == "memory":
        what, remedy = f"memory ran out at {request['memory'] >> 20:,} MiB", "narrow the query or add LIMIT"
    else:
        what, remedy = "too deeply nested or too long to evaluate", "write it shorter"
    return LimitReached(what, where=_NAME, remedy=remedy)


def _answer(mapped: IO[bytes]) -> Answer:
    if mapped.readline() == b"graph\n":
        return (quad.triple for quad in parse(mapped, RdfFormat.N_TRIPLES))
    return parse_query_results(mapped, QueryResultsFormat.JSON)
