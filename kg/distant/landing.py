"""Bases behind an endpoint as a whole: reaching one, making one, loading files into it, copying it to this machine.

Files are checked and the rules run on this machine, over a copy of what the base holds; what comes of it is laid
beside the base in chunks and then taken over. Interrupted before that, the base is as it was, and doing the same again
sends only the chunks that are not there yet.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pyoxigraph import Quad

from kg.bases import upkeep
from kg.bases.building import build
from kg.bases.bulk import Entering
from kg.bases.cache import cache_folder, fingerprint, ontology_files
from kg.bases.changes import stamp
from kg.bases.ontology import ontology_quads
from kg.bases.upkeep import Loaded
from kg.distant.engine import Remote
from kg.distant.reading import Distant
from kg.distant.staging import lay, take_over
from kg.distant.state import MAKING, State, begin, move, state
from kg.errors import Overtaken, StoreError
from kg.remote.endpoints import read_endpoint
from kg.storage.durable import IN_USE, discard, lock
from kg.storage.store import Embedded
from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, Progress

_TRIES: Final = 3
_WHOLE: Final = "format"  # without it a folder is no base
_ABANDONED: Final = 24 * 3600.0  # seconds after which nobody finishes a copy


def reach(url: str) -> Distant:
    """Reach the engine at a URL, whether there is a base or not. Raises ``StoreError`` where it cannot be reached."""
    store = Remote(read_endpoint(url))
    store.known[ONTOLOGY] = _ontology
    return Distant(store)


@cache
def _ontology() -> Embedded:
    store = Embedded()
    store.fill(ontology_quads())
    return store


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
        _copy(base, seen, old, progress)
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
    there = [file for file in files if file.is_file()]  # who reads the others says what is wrong
    return fingerprint([*there, *ontology_files()], with_code=True)


def rebuild(base: Distant, progress: Progress = None) -> None:
    """Make the view of a base behind an endpoint anew from its claims and reference data, by the ontology of now."""
    store, seen = base.store, base.settled(whatever_ontology=True)
    store.update(f"DROP SILENT GRAPH {ONTOLOGY}")
    store.fill(ontology_quads())
    with TemporaryDirectory(prefix="parley-") as name:
        place, there = Path(name, "base"), Embedded.create(Path(name, "view"))
        _copy(base, seen, place, progress)
        there.fill(store.quads(graph=VIEW))
        with closing(there), _opened(place) as here:
            new = (quad for quad in here.quads(graph=VIEW) if not there.contains(quad))
            gone = (quad for quad in there.quads(graph=VIEW) if not here.contains(quad))
            made_from = fingerprint(ontology_files())
            laid = lay(store, seen, seen.laying(_name()), new, gone, made_from=made_from, progress=progress)
    take_over(store, laid)


def backup(base: Distant, target: Path, progress: Progress = None) -> None:
    """Make a base on disk of what one behind an endpoint holds at one moment: a base of its own from then on.

    ``Overtaken`` where somebody changed it again and again meanwhile.
    """
    for _ in range(_TRIES - 1):
        with suppress(Overtaken):
            _copy(base, base.settled(), target, progress)
            return
    _copy(base, base.settled(), target, progress)


@contextmanager
def copied(base: Distant, progress: Progress = None) -> Iterator[Path]:
    """Give a copy of a base on this machine, as it is now; nobody removes it meanwhile.

    It is kept in the cache, for the user alone, until a copy of the base in a later state is made. Cost: a request; for
    a new copy reading the base and applying the rules. ``Overtaken`` where somebody changes the base too often.
    """
    folder, own = cache_folder() / "copies", hashlib.sha256(base.url.encode()).hexdigest()[:32]
    with suppress(OSError):  # told when the copy is made
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for _ in range(_TRIES):
        seen = base.settled()
        place = folder / f"{own}-{seen.token}"
        try:
            if not place.exists():
                _copy(base, seen, place, progress)
            held = lock(place / IN_USE, 0, shared=True)
        except Overtaken:
            continue
        except (OSError, StoreError):
            if not place.exists() and state(base.store) == seen:
                raise
            continue  # another process was faster, in making it or in removing it
        with held:
            if not (place / _WHOLE).exists():
                continue
            _tidy(folder, own, place)
            yield place
            return
    raise Overtaken("somebody else changes the base all the time", where=base.url, remedy="try again")


def _copy(base: Distant, seen: State, target: Path, progress: Progress) -> None:
    """Make a base on disk of what was ``seen`` behind an endpoint; ``Overtaken`` where it was changed since."""

    def held() -> Iterator[Quad]:
        left_out = {VIEW, ONTOLOGY, STATE}
        yield from (quad for quad in base.store.quads() if quad.graph_name not in left_out)
        if state(base.store) != seen:
            raise Overtaken("somebody else changed the base meanwhile", where=base.url, remedy="try again")

    if progress:
        progress("reading the base")
    upkeep.make_copy(target, held(), progress)


def _tidy(folder: Path, own: str, place: Path) -> None:
    """Remove the copies of a base as it was before, and those that nobody finishes, unless somebody uses them."""
    for old in folder.glob(f"{own}-*"):
        if old != place:
            discard(old, _WHOLE)
    for unfinished in folder.glob(f".{own}-*"):
        with suppress(OSError):
            if time.time() - unfinished.stat().st_mtime > _ABANDONED:
                shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Iterator[Embedded]:
    with closing(Embedded.open(folder, read_only=True)) as store:
        yield store
