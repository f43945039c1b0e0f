"""How the store of a base gives way to the next one: made beside it, finished, and put in its place.

Wherever this is cut short, the base has one of the two.
"""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

from pyoxigraph import Literal, Quad

from kg.bases.cache import fingerprint, ontology_files
from kg.errors import StoreError
from kg.storage.durable import lock, sync_folder
from kg.storage.journal import Mark
from kg.storage.seal import SEAL, broken, seal
from kg.storage.store import Embedded
from kg.terms import STATE, iri, text

STORE_LOCK: Final = "store.lock"
"""In the folder of a base: held by its readers together, or alone by a writer that changes the files of the store."""
FRESH: Final = "store.new"
"""In the folder of a base: where its next store is made."""
PATIENCE: Final = 10.0
"""Seconds that readers and writers wait for each other."""


def standing(store: Embedded) -> Mark | None:
    """Return where in the journal a store stands, ``None`` when it was not made from the ontology that there is now."""
    for quad in store.quads(STATE, graph=STATE):
        number, offset, checksum, made_from = json.loads(text(quad.object))
        return Mark(number, offset, checksum) if made_from == fingerprint(ontology_files()) else None
    return None


def standing_quad(mark: Mark) -> Quad:
    """Return what a store holds that stands at a mark."""
    return Quad(STATE, iri("rdf:value"), Literal(json.dumps([*mark, fingerprint(ontology_files())])), STATE)


def finish(fresh: Path, mark: Mark) -> None:
    """Say in a new store where in the journal it stands, and seal it: it may then be put in its place."""
    with closing(Embedded.open(fresh)) as store:
        store.add([standing_quad(mark)])
    seal(fresh)


def put_in_place(folder: Path) -> None:
    """Put the store that was finished in the place of the old one, which nobody reads meanwhile.

    Wherever this is cut short, the next to open the base finds one of the two, or goes on from here.
    """
    fresh, old = folder / FRESH, folder / "store.old"
    _remove(old)
    with lock(folder / STORE_LOCK, PATIENCE):
        for name in (SEAL, "store.unsealed"):
            (folder / name).unlink(missing_ok=True)
        if (folder / "store").exists():
            (folder / "store").rename(old)
        (fresh / "store").rename(folder / "store")
        (fresh / "format").replace(folder / "format")
        (fresh / SEAL).replace(folder / SEAL)
        sync_folder(folder)
    _remove(fresh, old)


def is_finished(fresh: Path, mark: Mark) -> bool:
    """Tell whether a new store lies there whole, and stands at a mark."""
    try:
        if not (fresh / SEAL).is_file() or broken(fresh, thorough=True) != []:
            return False
        with closing(Embedded.open(fresh, read_only=True)) as store:
            return standing(store) == mark
    except StoreError:
        return False


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
