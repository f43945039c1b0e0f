"""Bases behind an endpoint as a whole: reaching one, making one, loading files into it, copying it to this machine.

Files are checked and the rules run on this machine, over a copy of what the base holds; what comes of it is laid
beside the base in chunks and then taken over. Interrupted before that, the base is as it was, and doing the same again
sends only the chunks that are not there yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from kg.bases import upkeep
from kg.bases.building import build
from kg.bases.bulk import Entering
from kg.bases.cache import code_files, fingerprint, ontology_files
from kg.bases.changes import stamp
from kg.bases.ontology import ontology_quads
from kg.bases.upkeep import Loaded
from kg.distant.engine import Remote
from kg.distant.reading import Distant
from kg.distant.staging import lay, take_over
from kg.distant.state import MAKING, State, begin, move, state
from kg.errors import StoreError
from kg.remote.endpoints import read_endpoint
from kg.storage.store import Embedded
from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, Progress


def reach(url: str) -> Distant:
    """Reach the engine at a URL, whether there is a base or not. Raises ``StoreError`` where it cannot be reached."""
    store = Remote(read_endpoint(url))
    ontology = Embedded()
    ontology.fill(ontology_quads())
    store.known[ONTOLOGY] = ontology
    return Distant(store)


def make(base: Distant, progress: Progress = None) -> None:
    """Make a base behind an endpoint from the project's own article and reference data.

    One that was left unfinished is finished. ``StoreError`` where there is one already.
    """
    store, seen = base.store, state(base.store)
    if seen is not None and seen.doing != MAKING:
        raise StoreError("there is a base already", where=base.url, remedy="give another name after #")
    own = (CLAIMS, REFERENCE, VIEW, ONTOLOGY)
    if seen is None:
        if any(store.count(graph) for graph in own):
            raise StoreError("there is something already", where=base.url, remedy="give another name after #")
        mine = State(0, "", "").next(doing=MAKING)
        begin(store, mine)
    else:
        mine = seen.next(doing=MAKING)
        move(store, seen, mine)
    for graph in own:
        store.update(f"DROP SILENT GRAPH {graph}")
    if progress:
        progress("writing")
    store.fill(build(progress).quads())
    move(store, mine, mine.now(fingerprint(ontology_files())).next(number=1))


def load(
    base: Distant,
    files: Sequence[Path],
    admit: Callable[[Entering, Progress], None],
    progress: Progress = None,
) -> Loaded:
    """Load files into a base behind an endpoint, as :func:`kg.bases.upkeep.load` does into one on disk.

    A load of the same files that was cut short goes on where it was, as to sending; its claims bear the time at which
    it began.
    """
    tell = progress or (lambda _: None)
    with TemporaryDirectory(prefix="parley-") as name:
        old, new = Path(name, "old"), Path(name, "new")
        seen = base.settled()
        laying = seen.laying(_name(files), stamp(datetime.now(UTC)).value)
        backup(base, old, progress)
        shutil.copytree(old, new)
        loaded = upkeep.load(new, files, admit, progress, recorded=laying.began)
        with _opened(old) as before, _opened(new) as after:
            every = chain(after.quads(graph=CLAIMS), (q for q in after.quads() if q.graph_name != CLAIMS))
            coming = (q for q in every if q.graph_name != STATE and not before.contains(q))
            laid = lay(base.store, seen, laying, coming, progress=progress)
        tell("taking over")
        take_over(base.store, laid)
    return loaded


def _name(files: Iterable[Path] = ()) -> str:
    """Return what a change is called that follows from files, the ontology and the code."""
    return fingerprint([*files, *ontology_files(), *code_files()])


def rebuild(base: Distant, progress: Progress = None) -> None:
    """Make the view of a base behind an endpoint anew from its claims and reference data, by the ontology of now."""
    store, seen = base.store, base.settled(whatever_ontology=True)
    store.update(f"DROP SILENT GRAPH {ONTOLOGY}")
    store.fill(ontology_quads())
    with TemporaryDirectory(prefix="parley-") as name:
        place, there = Path(name, "base"), Embedded.create(Path(name, "view"))
        backup(base, place, progress)
        there.fill(store.quads(graph=VIEW))
        with closing(there), _opened(place) as here:
            new = (quad for quad in here.quads(graph=VIEW) if not there.contains(quad))
            gone = (quad for quad in there.quads(graph=VIEW) if not here.contains(quad))
            made_from = fingerprint(ontology_files())
            laid = lay(store, seen, seen.laying(_name()), new, gone, made_from=made_from, progress=progress)
    take_over(store, laid)


def backup(base: Distant, target: Path, progress: Progress = None) -> None:
    """Make a base on disk of what one behind an endpoint holds: a base of its own from then on."""
    if progress:
        progress("reading the base")
    left_out = {VIEW, ONTOLOGY, STATE}
    upkeep.make_copy(
        target, (quad for quad in base.store.quads() if quad.graph_name not in left_out), progress
    )


@contextmanager
def _opened(folder: Path) -> Iterator[Embedded]:
    with closing(Embedded.open(folder, read_only=True)) as store:
        yield store
