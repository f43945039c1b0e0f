"""How a base is built: from the project's own files, from a journal, from files loaded in bulk.

The built-in base is built in memory. A base on disk is a folder: ``journal/`` is the truth,
``store/`` an index over it that is built again when it is missing, behind, or made from another ontology.
docs/formats.md describes the files.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, Quad, RdfFormat, Triple

from kg.cache import fingerprint, ontology_files, seed_files
from kg.durable import lock
from kg.errors import DamagedStore, StoreError
from kg.gate import Batch, Part, examine, file_part, grow
from kg.journal import Add, Journal, Load, Mark
from kg.rules import Rule, compile_rules
from kg.store import Embedded
from kg.terms import CLAIMS, ONTOLOGY, STATE, VIEW, Progress, iri, text
from kg.turtle import SYNTAXES, read

_LOCK: Final = "store.lock"
_PATIENCE: Final = 10.0
"""Seconds that readers and writers wait for each other."""
_TRIES: Final = 5


@contextmanager
def reading(folder: Path, progress: Progress = None) -> Iterator[Embedded]:
    """Open the store of a base on disk for reading; while it is open, no writer changes its files.

    RocksDB lets a writer delete files that a reader still needs, and a reader then fails or takes all memory.
    So readers hold a lock together, which a writer waits for. A store that does not hold what the journal does
    is built first. Raises ``StoreError``.
    """
    for _ in range(_TRIES):
        with _read_lock(folder):
            store = _current(folder)
            if store is not None:
                with closing(store):
                    yield store
                return
        with Journal.open(folder / "journal", write=True) as journal:
            store = _current(folder)  # another process may have built it while this one waited
            if store is None:
                _rebuild(folder, journal, progress)
            else:
                store.close()
    raise StoreError("changes faster than it can be read", where=str(folder), remedy="try again later")


@contextmanager
def _read_lock(folder: Path) -> Iterator[None]:
    try:
        held = (
            lock(folder / _LOCK, _PATIENCE, shared=True) if (folder / "format").is_file() else nullcontext()
        )
    except OSError:  # it may only be read
        held = nullcontext()
    with held:
        yield


def build(progress: Progress = None) -> Embedded:
    """Build the built-in base in memory from the project's own article and reference data."""
    store = Embedded()
    store.fill(_ontology())
    batch = examine([file_part(path) for path in seed_files()])
    grow(store, batch, _rules(), progress)
    store.fill(batch.facts())
    return store


def make(folder: Path, progress: Progress = None) -> None:
    """Make a base on disk from the project's own article and reference data, whole or not at all."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError("there is something already", where=str(folder), remedy="name a new or empty folder")
    unfinished = folder.parent / f".{folder.name}.{os.getpid()}.unfinished"
    now = datetime.now(UTC)
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        Journal.create(unfinished / "journal")
        files = seed_files()
        with Journal.open(unfinished / "journal", write=True, clock=lambda: now) as journal:
            _record(journal, examine([file_part(path, _stamp(now)) for path in files]), files)
            _rebuild(unfinished, journal, progress)
        if not folder.exists():
            unfinished.rename(folder)
            return
        for name in ("journal", "store", "format"):  # without the last it is no base
            (unfinished / name).rename(folder / name)
    except OSError as error:
        raise StoreError(
            f"cannot be made: {error.strerror or error}", where=str(folder), remedy="choose another place"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def load(folder: Path, files: Sequence[Path], progress: Progress = None) -> int:
    """Load files into a base on disk: checked, then recorded in its journal, then written to its store.

    Returns how many triples the view holds then. On an error before the record nothing has changed; after it
    the store is caught up when it is next opened.
    """
    now = datetime.now(UTC)
    with Journal.open(folder / "journal", write=True, clock=lambda: now) as journal:
        store = _current(folder)
        if store is None:  # the last writer ended between its record and the store
            _rebuild(folder, journal, progress)
            store = Embedded.open(folder, read_only=True)
        with closing(store):
            if progress:
                progress("checking evidence")
            batch, view = examine([file_part(path, _stamp(now)) for path in files], store), Embedded()
            view.fill(store.quads(graph=VIEW))
        grow(view, batch, _rules(), progress)
        with lock(folder / _LOCK, _PATIENCE):
            _record(journal, batch, files)
            if progress:
                progress("writing")
            with closing(Embedded.open(folder)) as written:
                _write(written, batch, view, journal.mark)
        return view.count()


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _rules() -> tuple[Rule, ...]:
    return compile_rules(triple for path in ontology_files() for triple in _triples(path))


def _triples(path: Path) -> Iterator[Triple]:
    return (quad.triple for quad in read(path))


def _ontology() -> Iterator[Quad]:
    for path in ontology_files():
        for triple in _triples(path):
            yield Quad(triple.subject, triple.predicate, triple.object, ONTOLOGY)


def _record(journal: Journal, batch: Batch, files: Sequence[Path]) -> None:
    """Write into the journal the texts that the files bring with them, then each file."""
    if batch.texts:
        journal.append(Add("".join(f"{quad} .\n" for quad in batch.texts)))
    for path in files:
        with path.open("rb") as content:
            journal.append(journal.keep(content, SYNTAXES[path.suffix.lower()], path.name))


def _recorded(journal: Journal) -> Iterator[Part]:
    """Yield what the journal holds, as parts in their order."""
    for record in journal.records():
        entry, time, name = record.entry, _stamp(record.time), f"record {record.number}"
        if isinstance(entry, Add):
            yield Part(partial(read, entry.quads.encode(), RdfFormat.N_QUADS, name=name), name, None, time)
        elif isinstance(entry, Load):
            yield Part(partial(_loaded, journal, entry), f"{name} ({entry.name})", None, time)
        else:
            stamp = Literal(time, datatype=iri("xsd:dateTime"))
            ends = [Quad(claim, iri("prov:invalidatedAtTime"), stamp, CLAIMS) for claim in entry.claims]
            yield Part(partial(iter, ends), name)


def _loaded(journal: Journal, entry: Load) -> Iterator[Quad]:
    with journal.content(entry) as content:
        yield from read(content, entry.rdf_format, name=entry.name)


def _current(folder: Path) -> Embedded | None:
    """Open the store of a base, ``None`` when it is missing, damaged or does not hold what the journal does."""
    try:
        store = Embedded.open(folder, read_only=True)
        number, offset, checksum, made_from = json.loads(text(next(store.quads(STATE)).object))
    except (DamagedStore, StopIteration, OSError, ValueError):
        return None
    with Journal.open(folder / "journal", after=Mark(number, offset, checksum)) as journal:
        if journal.last is None and made_from == fingerprint(ontology_files()):
            return store
    store.close()
    return None


def _rebuild(folder: Path, journal: Journal, progress: Progress) -> None:
    """Build the store of a base from its journal beside the old one, then put it in its place."""
    fresh = folder / "store.new"
    shutil.rmtree(fresh, ignore_errors=True)
    with closing(
        Embedded.create(fresh)
    ) as store:  # an open store would go on writing while it is thrown away
        store.fill(_ontology())
        batch, view = examine(list(_recorded(journal))), Embedded()
        grow(view, batch, _rules(), progress)
        if progress:
            progress("writing")
        _write(store, batch, view, journal.mark)
    with lock(folder / _LOCK, _PATIENCE):
        shutil.rmtree(folder / "store", ignore_errors=True)
        (fresh / "store").rename(folder / "store")
        (fresh / "format").replace(folder / "format")
    fresh.rmdir()


def _write(store: Embedded, batch: Batch, view: Embedded, mark: Mark) -> None:
    """Write a batch and the view that it led to, and last of all where in the journal the store now stands."""
    store.fill(batch.facts())
    store.fill(view.quads(graph=VIEW))
    state = Literal(json.dumps([*mark, fingerprint(ontology_files())]))
    for old in list(store.quads(STATE)):
        store.update(f"DELETE DATA {{ GRAPH {old.graph_name} {{ {old.triple} }} }}")
    store.add([Quad(STATE, iri("rdf:value"), state, STATE)])
