"""How a store is built: from the project's own files, in memory, or from a journal, on disk.

The built-in base is built in memory. The store of a base on disk is an index over its journal; how it is kept
up to date is in ``writing``. docs/formats.md describes the files.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

from kg.bases.bulk import Batch, Part, examine, file_part, grow
from kg.bases.cache import fingerprint, ontology_files, seed_files
from kg.bases.changes import endings, stamp
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.errors import DamagedStore
from kg.storage.durable import lock, sync_folder
from kg.storage.journal import Add, Journal, Kept, Load, Mark
from kg.storage.seal import broken, seal
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import STATE, VIEW, Progress, iri, text

STORE_LOCK: Final = "store.lock"
"""In the folder of a base: held by its readers together, or alone by a writer that changes the files of the store."""
PATIENCE: Final = 10.0
"""Seconds that readers and writers wait for each other."""


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

    Meanwhile the old one can be read, unless it is damaged. Raises ``StoreError`` for a damaged journal, and
    where the store cannot be written. Cost: reading all of it and applying the rules.
    """
    fresh, old = folder / "store.new", folder / "store.old"
    _remove(fresh, old)
    journal = Journal.open(folder / "journal")
    batch, view = examine(list(_recorded(journal))), Embedded()
    grow(view, batch, ontology_rules(), progress)
    if broken(folder):  # not before it is known that the journal can build another
        with lock(folder / STORE_LOCK, PATIENCE):
            _refuse_if_in_use(folder)
            _remove(folder / "store")
    with closing(Embedded.create(fresh)) as store:  # an open one would go on writing while it is thrown away
        store.fill(ontology_quads())
        if progress:
            progress("writing")
        store.fill(batch.facts())
        store.fill(view.quads(graph=VIEW))
        store.add([standing_quad(journal.mark)])
        store.compact()
    with lock(folder / STORE_LOCK, PATIENCE):
        for name in ("store.seal", "store.unsealed"):
            (folder / name).unlink(missing_ok=True)
        if (folder / "store").exists():
            (folder / "store").rename(old)
        (fresh / "store").rename(folder / "store")
        (fresh / "format").replace(folder / "format")
        sync_folder(folder)
        seal(folder)
    _remove(fresh, old)


def _refuse_if_in_use(folder: Path) -> None:
    """Leave alone a store that a program without regard for our locks writes to; that breaks the seal as well."""
    with contextlib.suppress(DamagedStore):
        Embedded.open(folder, patience=0).close()


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _recorded(journal: Journal) -> Iterator[Part]:
    """Yield what the journal holds, as parts in their order."""
    withdrawn = set[NamedNode]()
    for record in journal.records():
        entry, time, name = record.entry, stamp(record.time).value, f"record {record.number}"
        if isinstance(entry, Add):
            yield Part(partial(read, entry.quads.encode(), RdfFormat.N_QUADS, name=name), name, None, time)
        elif isinstance(entry, Load):
            for kept in entry.files:
                yield Part(partial(_loaded, journal, kept), f"{name} ({kept.name})", None, time)
        else:
            new = [claim for claim in dict.fromkeys(entry.claims) if claim not in withdrawn]
            withdrawn.update(new)
            yield Part(partial(iter, endings(new, record.time, entry.reason)), name)


def _loaded(journal: Journal, kept: Kept) -> Iterator[Quad]:
    with journal.content(kept) as content:
        yield from read(content, kept.rdf_format, name=kept.name)


def standing(store: Embedded) -> Mark | None:
    """Return where in the journal a store stands, ``None`` when it was not made from the ontology that there is now."""
    for quad in store.quads(STATE, graph=STATE):
        number, offset, checksum, made_from = json.loads(text(quad.object))
        return Mark(number, offset, checksum) if made_from == fingerprint(ontology_files()) else None
    return None


def standing_quad(mark: Mark) -> Quad:
    """Return what a store holds that stands at a mark."""
    return Quad(STATE, iri("rdf:value"), Literal(json.dumps([*mark, fingerprint(ontology_files())])), STATE)


def grown(store: Embedded, batch: Batch, progress: Progress = None) -> Embedded:
    """Return, in memory, the view of a store as it is once it holds a batch; ``Refused`` where that contradicts itself.

    Cost: reading the view and applying the rules to the whole of it.
    """
    view = Embedded()
    view.fill(store.quads(graph=VIEW))
    grow(view, batch, ontology_rules(), progress)
    return view
