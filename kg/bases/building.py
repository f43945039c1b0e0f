"""How a store is built: from the project's own files, in memory, or from a journal, on disk.

The built-in base is built in memory. The store of a base on disk is an index over its journal; how it is kept
up to date is in ``writing``. docs/formats.md describes the files.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from pyoxigraph import NamedNode, Quad, RdfFormat

from kg.bases.bulk import Batch, Part, examine, file_part, grow
from kg.bases.cache import seed_files
from kg.bases.changes import endings, stamp
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.bases.replacing import FRESH, PATIENCE, STORE_LOCK, finish, is_finished, put_in_place
from kg.errors import DamagedStore
from kg.findings import Term
from kg.storage.durable import lock
from kg.storage.journal import Add, Journal, Kept, Load
from kg.storage.seal import broken
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import VIEW, Progress

LARGE: Final = 40_000_000
"""Bytes of N-Quads from which on tables are faster than a store in memory: some 200,000 quads."""


def build(progress: Progress = None) -> Embedded:
    """Build the built-in base in memory from the project's own article and reference data."""
    store = Embedded()
    store.fill(ontology_quads())
    batch = examine([file_part(path) for path in seed_files()])
    grow(store, batch, ontology_rules(), progress)
    store.fill(batch.facts())
    return store


def build_store(folder: Path, progress: Progress = None) -> None:
    """Build the store of a base from its journal, whose lock the caller holds, and put it in the old one's place.

    Meanwhile the old one can be read, unless it is damaged. One that a load had finished when it was ended is taken
    as it is. Raises ``StoreError`` for a damaged journal, and where the store cannot be written. Cost: reading all
    of it and applying the rules.
    """
    fresh = folder / FRESH
    journal = Journal.open(folder / "journal")
    if not is_finished(fresh, journal.mark):
        shutil.rmtree(fresh, ignore_errors=True)
        if is_much(folder):
            with closing(Draft(folder, progress=progress)) as draft:
                draft.grow()
                _make_room(folder)
                draft.complete()
        else:
            _build_small(folder, journal, progress)
        finish(fresh, journal.mark)
    put_in_place(folder)


def _build_small(folder: Path, journal: Journal, progress: Progress) -> None:
    """Build the store of a base in memory, and write it."""
    batch, view = examine(list(_recorded(journal))), Embedded()
    grow(view, batch, ontology_rules(), progress)
    _make_room(folder)
    with closing(
        Embedded.create(folder / FRESH)
    ) as store:  # an open one would go on writing while it is thrown away
        store.fill(ontology_quads())
        if progress:
            progress("writing")
        store.fill(batch.facts())
        store.fill(view.quads(graph=VIEW))
        store.compact()


class Draft:
    """The next store of a base, being made beside the present one while what was read is checked further.

    It answers what ``Entering`` asks. The facts, then the view, are written by a thread of its own: pyoxigraph keeps
    one core busy with that, and all the rest needs another. So what is new and lies in N-Quads is written from the
    start, in the hope that it may enter; staging checks it, so the store need not.
    """

    def __init__(self, folder: Path, new: Sequence[Part] = (), progress: Progress = None) -> None:
        """Read what the journal of a base has, and what is new to it, and check it.

        Raises ``Refused`` with all that was found where it may not enter.
        """
        from kg.loading.staging import Staging

        self._fresh, self._tell = folder / FRESH, progress or (lambda _: None)
        shutil.rmtree(self._fresh, ignore_errors=True)
        self._staging = Staging(self._fresh / "work", progress)
        self._store = Embedded.create(self._fresh)
        self._beside = ThreadPoolExecutor(1)
        early = [part.file for part in new if part.file]
        self._written = [self._load(file) for file in early]
        try:
            self._staging.read(_recorded(Journal.open(folder / "journal")), new)
            self._staging.check()
        except BaseException:
            self.close()
            raise
        self._late = [file for file, part in self._staging.files if not part or part.file not in early]

    @property
    def texts(self) -> Sequence[Quad]:
        """The texts of new sources that were found beside their files."""
        return self._staging.texts

    def grow(self) -> None:
        """Write all other facts; make the view meanwhile. Raises ``Refused`` where it contradicts itself."""
        self._written.append(self._beside.submit(self._write_facts))
        self._staging.grow(ontology_rules())
        self.quads, self.claims, self.held = self._staging.quads, self._staging.claims, self._staging.held
        self.view_file: Path | None = self._staging.write_view()
        self._written.append(self._load(self.view_file, VIEW))
        self._ordered = self._beside.submit(self._store.compact)

    def examples(self) -> Iterator[Quad]:
        """Yield quads such that what is wrong with terms or values of any new quad is wrong with one of these."""
        return self._staging.examples()

    def unclassed(self) -> Iterator[Term]:
        """Yield the things of which accepted claims tell, but not of what class they are."""
        return self._staging.unclassed()

    def settle(self) -> None:
        """Let go of the tables: from now on there are the store and the file of the view."""
        self._staging.close()

    def view(self) -> Embedded:
        """Return the store when all is written, which keeps two cores busy.

        It is being ordered yet: that leaves a core free, but what is asked of the store takes longer.
        """
        if not all(step.done() for step in self._written):
            self._tell(f"writing: {self.held:,} triples hold")
        for step in self._written:
            step.result()
        return self._store

    def complete(self) -> None:
        """Wait until all is written, and in order: what lies in a hundred files is found twice as slowly."""
        self.view()
        if not self._ordered.done():
            self._tell("ordering the store")
        self._ordered.result()

    def close(self) -> None:
        """Close the store, and throw away the rest. Closing again does nothing."""
        self._beside.shutdown(cancel_futures=True)
        self._staging.close()
        self._store.close()
        shutil.rmtree(self._staging.folder, ignore_errors=True)

    def _load(self, file: Path, graph: NamedNode | None = None) -> Future[None]:
        return self._beside.submit(self._store.load, file, graph=graph, lenient=True)

    def _write_facts(self) -> None:
        self._store.fill(ontology_quads())
        for file in self._late:
            self._store.load(file, lenient=True)


def is_much(folder: Path, files: Iterable[Path] = ()) -> bool:
    """Tell whether a base, with some files that it is to have, is better made in tables than in memory."""
    journal = Journal.open(folder / "journal")
    loads = (record.entry.files for record in journal.records() if isinstance(record.entry, Load))
    held = journal.mark.offset + sum(kept.size for load in loads for kept in load)
    return held + sum(file.stat().st_size for file in files if file.is_file()) >= LARGE


def _make_room(folder: Path) -> None:
    """Throw away a store that is damaged, now that it is known that the journal can build another."""
    if broken(folder):
        with lock(folder / STORE_LOCK, PATIENCE):
            _refuse_if_in_use(folder)
            shutil.rmtree(folder / "store", ignore_errors=True)


def _refuse_if_in_use(folder: Path) -> None:
    """Leave alone a store that a program without regard for our locks writes to; that breaks the seal as well."""
    with contextlib.suppress(DamagedStore):
        Embedded.open(folder, patience=0).close()


def _recorded(journal: Journal) -> Iterator[Part]:
    """Yield what the journal holds, as parts in their order."""
    withdrawn = set[NamedNode]()
    for record in journal.records():
        entry, time, name = record.entry, stamp(record.time).value, f"record {record.number}"
        if isinstance(entry, Add):
            yield Part(partial(read, entry.quads.encode(), RdfFormat.N_QUADS, name=name), name, None, time)
        elif isinstance(entry, Load):
            for kept in entry.files:
                yield Part(partial(_loaded, journal, kept), f"{name} ({kept.name})", None, time, many=True)
        else:
            new = [claim for claim in dict.fromkeys(entry.claims) if claim not in withdrawn]
            withdrawn.update(new)
            yield Part(partial(iter, endings(new, record.time, entry.reason)), name)


def _loaded(journal: Journal, kept: Kept) -> Iterator[Quad]:
    with journal.content(kept) as content:
        yield from read(content, kept.rdf_format, name=kept.name)


def grown(store: Embedded, batch: Batch, progress: Progress = None) -> Embedded:
    """Return, in memory, the view of a store as it is once it holds a batch; ``Refused`` where that contradicts itself.

    Cost: reading the view and applying the rules to the whole of it.
    """
    view = Embedded()
    view.fill(store.quads(graph=VIEW))
    grow(view, batch, ontology_rules(), progress)
    return view
