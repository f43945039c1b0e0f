"""The store: one narrow engine interface, and its embedded implementation over pyoxigraph.

Questions, rules and shapes see one plain graph, the view: the caller names it with each query, and no query
text needs ``GRAPH``. Named graphs stay reachable, so that a query from outside can look at the claims.

The store is an index over the journal and can always be made again from it. docs/formats.md gives the files.
Result objects must be read in the thread that asked: another thread ends the process.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeAlias, runtime_checkable

from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    Variable,
)

from kg.errors import DamagedStore, StoreError, UnreadableInput, UsageError
from kg.storage.sparql import syntax_error
from kg.terms import VIEW


@runtime_checkable
class Solutions(Protocol):
    """The rows of a SELECT, whichever engine gave them; pyoxigraph's ``QuerySolutions`` are such."""

    @property
    def variables(self) -> Sequence[Variable]:
        """What each row has a cell for, in this order."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the rows: each gives its cells in order, and one by the name of its variable."""


Results: TypeAlias = Solutions | QueryBoolean | QueryTriples | Iterator[Triple]
Source: TypeAlias = bytes | Path | IO[bytes]
Node: TypeAlias = NamedNode | BlankNode | Literal | Triple

_FORMAT: Final = 1  # of the layout of a base on disk; no newer one is read
_CHUNK: Final = 200_000
"""Quads that are written to disk at once: a million, pyoxigraph's own measure, take three times the memory."""
_CHUNK_IN_MEMORY: Final = 1_000
"""Quads that enter memory at once. What comes in one piece is scattered, and joins over it take twice as long."""
_LONGEST_LOG: Final = 1 << 19  # bytes of changes left in the store's own log; opening reads 1 MiB in 30 ms
_FULL: Final = "No space left on device"
_MARK, _QUADS = "format", "store"
_RDF_POSITION = re.compile(r"^Parser error (?:at|between) [a-z0-9, ]*: ")


class Engine(Protocol):
    """What Parley asks of a quad store, and all that it asks."""

    def query(self, sparql: str, graphs: Sequence[NamedNode] | None = (VIEW,)) -> Results:
        """Run a query over the merge of ``graphs``; every named graph is there for ``GRAPH``.

        With ``None`` the dataset is the one that the query's own ``FROM`` clauses name; without any, it is
        the store's default graph, which Parley leaves empty. ``FROM`` beside ``graphs`` has no effect
        (SPARQL 1.1 Protocol, 2.1.4). Raises ``UnreadableInput`` for a syntax error. There is no limit of
        time: text from outside goes to ``sandbox``.
        """

    def update(self, sparql: str) -> None:
        """Run an update, the whole of it or nothing. ``UnreadableInput`` for a syntax error."""

    def add(self, quads: Iterable[Quad]) -> None:
        """Add quads, all of them or none. For many thousands at once use ``load`` or ``fill``."""

    def fill(self, quads: Iterable[Quad]) -> None:
        """Add quads in bulk, such as a graph of another store; not atomic.

        For a store that nobody relies on yet. About 0.3 million quads a second in memory, 0.1 on disk, in
        bounded memory.
        """

    def dump(self, output: IO[bytes], rdf_format: RdfFormat, graph: NamedNode | None = None) -> None:
        """Write one graph, or without ``graph`` every quad, in no fixed order."""

    def quads(
        self,
        subject: NamedNode | BlankNode | None = None,
        predicate: NamedNode | None = None,
        value: Node | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Iterate over the quads that match, ``None`` matching anything, in no fixed order."""

    def contains(self, quad: Quad) -> bool:
        """Tell whether exactly this quad is there. One look-up."""

    def count(self, graph: NamedNode | None = None) -> int:
        """Count the quads of one graph, or of all. Reads every one: 0.2 s a million."""

    def graphs(self) -> Iterator[NamedNode]:
        """Iterate over the names of the graphs, in no fixed order."""

    def foresee(
        self, things: Iterable[NamedNode], predicate: NamedNode | None = None, graph: NamedNode | None = VIEW
    ) -> None:
        """Tell that what a graph, or every one, says about some things will be looked up: with one predicate, or all.

        An engine far away fetches it in one go.
        """

    def close(self) -> None:
        """Let go of the files. Closing again does nothing."""


class Embedded:
    """The engine inside the process: pyoxigraph, in memory or in a folder.

    >>> store = Embedded()
    >>> store.update("INSERT DATA { GRAPH <https://w3id.org/parley/graph/view> { <urn:a> <urn:b> 1 } }")
    >>> [int(row["n"].value) for row in store.query("SELECT ?n WHERE { ?s ?p ?n }")]
    [1]
    """

    directory: Path | None
    """The base's folder, ``None`` for a store in memory."""

    def __init__(self) -> None:
        self._store: Store | None = Store()
        self.directory = None
        self._writable = True

    @classmethod
    def create(cls, directory: Path) -> Embedded:
        """Make an empty store in ``directory`` and open it for writing.

        The folder and what else is in it may exist; a store in it must not (``StoreError``).
        """
        if (directory / _QUADS).exists():
            raise StoreError("there is a store already", where=str(directory), remedy="choose another folder")
        try:
            (directory / _QUADS).mkdir(parents=True)
            made = cls._over(directory, read_only=False)
            (directory / _MARK).write_text(f"parley-base {_FORMAT}\n", encoding="ascii")
        except OSError as error:
            what = f"cannot make a store: {error.strerror or error}"
            raise StoreError(what, where=str(directory), remedy="choose another folder") from error
        return made

    @classmethod
    def open(cls, directory: Path, *, read_only: bool = False, patience: float = 1.0) -> Embedded:
        """Open the store in ``directory``.

        One process at a time may open it for writing. Any number may open it read-only. Beside a writer
        that opens too, but reading on may fail once the writer has deleted files: ``writing`` keeps the two
        apart. Beside a writer opening fails now and then, so it is tried again for ``patience`` seconds.
        Raises ``StoreError``: missing, locked, damaged, newer.
        """
        store_folder(directory)
        deadline = time.monotonic() + patience
        while True:
            try:
                return cls._over(directory, read_only=read_only)
            except (OSError, RuntimeError) as error:
                if time.monotonic() >= deadline or _FULL in str(error):
                    raise _not_opened(error, directory) from error
                time.sleep(0.02)

    @classmethod
    def _over(cls, directory: Path, *, read_only: bool) -> Embedded:
        path = str(directory / _QUADS)
        opened = cls.__new__(cls)
        opened._store = Store.read_only(path) if read_only else Store(path)
        opened.directory = directory
        opened._writable = not read_only
        return opened

    def query(
        self, sparql: str, graphs: Sequence[NamedNode] | None = (VIEW,), *, name: str = "query"
    ) -> Results:
        """Run a query over the merge of ``graphs``; ``name`` is what an error calls the text."""
        dataset: list[NamedNode | BlankNode | DefaultGraph] | None = None if graphs is None else [*graphs]
        try:
            return self._open().query(sparql, default_graph=dataset)
        except SyntaxError as error:
            raise syntax_error(str(error), sparql, name) from error

    def update(self, sparql: str, *, name: str = "update") -> None:
        """Run an update, the whole of it or nothing; ``name`` is what an error calls the text."""
        try:
            with self._changing():
                self._open().update(sparql)
        except SyntaxError as error:
            raise syntax_error(str(error), sparql, name) from error

    def add(self, quads: Iterable[Quad]) -> None:
        """Add quads, all of them or none."""
        with self._changing():
            self._open().extend(quads)

    def fill(self, quads: Iterable[Quad]) -> None:
        """Add quads in bulk, in bounded memory; not atomic."""
        chunk_size = _CHUNK if self.directory else _CHUNK_IN_MEMORY
        left = iter(quads)
        with self._changing():
            while chunk := list(islice(left, chunk_size)):
                self._open().bulk_extend(chunk)

    def load(
        self,
        source: Source,
        rdf_format: RdfFormat | None = None,
        *,
        graph: NamedNode | None = None,
        name: str = "",
        lenient: bool = False,
    ) -> None:
        """Load RDF in bulk, all of it or, when it cannot be parsed, nothing.

        A path's format is told from its ending unless given. ``graph`` receives triples that name no graph
        of their own. ``name`` is what an error calls the source. Blank nodes become new ones. Nothing is
        fetched. ``lenient`` is for what is valid, or thrown away if it is not: IRIs are not looked at, which saves a
        twelfth of the time. Raises ``UnreadableInput`` with line and column.
        """
        path = source if isinstance(source, Path) else None
        name = name or (str(path) if path else "input")
        rdf_format = rdf_format or (RdfFormat.from_extension(path.suffix[1:]) if path else None)
        if rdf_format is None:
            raise UnreadableInput(
                "cannot tell the RDF format", where=name, remedy="give it an ending such as .ttl or .nq"
            )
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise UnreadableInput("no file that can be read", where=name, remedy="check the name")
        data = None if isinstance(source, Path) else source
        try:
            with self._changing():
                self._open().bulk_load(data, rdf_format, path=path, to_graph=graph, lenient=lenient)
        except SyntaxError as error:
            raise _unparsable(error, name) from error
        except ValueError as error:
            raise UnreadableInput(str(error), where=name, remedy="choose another format") from error

    def dump(self, output: IO[bytes], rdf_format: RdfFormat, graph: NamedNode | None = None) -> None:
        """Write one graph, or every quad, in no fixed order."""
        self._open().dump(output, rdf_format, from_graph=graph)

    def quads(
        self,
        subject: NamedNode | BlankNode | None = None,
        predicate: NamedNode | None = None,
        value: Node | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Iterate over the quads that match, ``None`` matching anything, in no fixed order."""
        return self._open().quads_for_pattern(subject, predicate, value, graph)

    def foresee(
        self, things: Iterable[NamedNode], predicate: NamedNode | None = None, graph: NamedNode | None = VIEW
    ) -> None:
        """Do nothing: a look-up takes some microseconds."""

    def contains(self, quad: Quad) -> bool:
        """Tell whether exactly this quad is there."""
        return quad in self._open()

    def count(self, graph: NamedNode | None = None) -> int:
        """Count the quads of one graph, or of all."""
        return len(self._open()) if graph is None else sum(1 for _ in self.quads(graph=graph))

    def graphs(self) -> Iterator[NamedNode]:
        """Iterate over the names of the graphs, in no fixed order."""
        return (name for name in self._open().named_graphs() if isinstance(name, NamedNode))

    def compact(self) -> None:
        """Order what was filled in: a second a million quads, which some later change would take otherwise."""
        with self._changing():
            self._open().optimize()

    def reopen(self, *, read_only: bool) -> None:
        """Open the same folder again, for reading or for writing; answers must have been read.

        Raises ``StoreError`` as ``open`` does, and is closed then. After a full disk this must come first.
        """
        self.close()
        if self.directory is not None:
            self._store = Embedded.open(self.directory, read_only=read_only)._store
            self._writable = not read_only

    def close(self) -> None:
        """Let go of the files; a log of changes that has grown long is written out first."""
        try:
            if self._store is not None and self.directory is not None and self._writable:
                logs = (self.directory / _QUADS).glob("*.log")
                if sum(log.stat().st_size for log in logs) > _LONGEST_LOG:
                    with self._changing():
                        self._open().flush()
        finally:
            self._store = None

    def _open(self) -> Store:
        if self._store is None:
            raise StoreError("the store is closed", where=str(self.directory or "memory"), remedy="open it")
        return self._store

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Say in our words what goes wrong; nothing here names pyoxigraph's store, which an error would keep open."""
        if not self._writable:
            raise UsageError(
                "the store was opened for reading", where=str(self.directory), remedy="open it for writing"
            )
        try:
            yield
        except (OSError, RuntimeError) as error:
            where, remedy = str(self.directory or "memory"), "free some space, then open it again"
            raise StoreError(f"cannot be changed: {error}", where=where, remedy=remedy) from error


def _unparsable(error: SyntaxError, name: str) -> UnreadableInput:
    where = name if error.lineno is None else f"{name}:{error.lineno}:{error.offset or 1}"
    return UnreadableInput(
        _RDF_POSITION.sub("", error.msg), where=where, remedy="correct the file; nothing was loaded"
    )


def store_folder(directory: Path) -> Path:
    """Return the folder of pyoxigraph's files in a base; ``StoreError`` if it is missing or newer."""
    try:
        mark = (directory / _MARK).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            "no base here", where=str(directory), remedy=f"make one with kg init {directory}"
        ) from error
    word, _, version = mark.strip().partition(" ")
    if word != "parley-base" or not version.isdigit():
        raise StoreError("damaged: not a base's mark", where=str(directory / _MARK), remedy="restore a copy")
    if int(version) > _FORMAT:
        raise StoreError("made by a newer Parley", where=str(directory), remedy="upgrade Parley to open it")
    if not (directory / _QUADS).is_dir():
        raise DamagedStore(
            "the folder is missing",
            where=str(directory / _QUADS),
            remedy="rebuild it from the journal",
        )
    return directory / _QUADS


def _not_opened(error: Exception, directory: Path) -> StoreError:
    said = str(error)
    if "/LOCK" in said:
        what, remedy = "in use by another process that writes to it", "wait until that process has ended"
        return StoreError(what, where=str(directory), remedy=remedy)
    if _FULL in said:
        return StoreError(f"cannot be opened: {_FULL}", where=str(directory), remedy="free some space")
    if isinstance(error, PermissionError) or "Permission denied" in said:
        return StoreError("may not be read", where=str(directory), remedy="ask for access to the folder")
    what = f"damaged: {said.partition(' The file ')[0]}"
    return DamagedStore(what, where=str(directory), remedy="rebuild it from the journal")
