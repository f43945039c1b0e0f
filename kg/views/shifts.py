"""Views made ready: stores that look like the base's own, except that they show it from another viewpoint.

So whatever asks, cites, explains, draws or validates runs on them unchanged and as fast. Of the built-in base a view
is kept in the cache. Of a base on disk it is a folder in ``BASE/views/``: hard links to the data files of the base's
store, which RocksDB never changes once they are written, copies of the small ones, and one change of ``graph:view``.
Views of a base as it was before go when another is made; nothing of the base depends on them.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Quad, RdfFormat, Triple

from kg.bases.cache import cached, keep
from kg.errors import StoreError
from kg.evidence.viewpoints import Viewpoint
from kg.storage.durable import IN_USE, discard, lock
from kg.storage.seal import SEAL, broken, seal
from kg.storage.store import Embedded
from kg.terms import STATE, VIEW, Progress

if TYPE_CHECKING:
    from kg.logic.maintain import Rulebook

# What a view that is there does without, shutil and tempfile, is imported where it is needed.

_VIEWS: Final = "views"
_NAME_FILE: Final = "view"  # holds the name: a view that was given another is not taken for that
_UNFINISHED: Final = ".unfinished"
_KEPT: Final = 8  # views of one base
_TRIES: Final = 3
_CHUNK: Final = 10_000  # quads that are taken away at once
_ABANDONED: Final = 60.0  # seconds after which an unfinished view without a lock is nobody's
_FORMAT: Final = 1  # of a view; one of another is not found

_Make: TypeAlias = Callable[[Path | None], Embedded]
"""Makes a view: in an empty folder, which it leaves closed and complete, or without one in memory."""


def prepared(
    store: Embedded,
    location: Path | bytes,
    viewpoint: Viewpoint,
    rules: Rulebook | None = None,
    progress: Progress = None,
) -> tuple[Embedded, Path | bytes]:
    """Return the store of a view, opened for reading, and its location as ``kg.outside.sandbox.run_query`` takes it.

    ``store`` is the base's own, open for reading, and nobody changes it meanwhile: of a base on disk the caller holds
    the readers' lock. The view shows the base as it is now, whatever is added to it later, and stays until its store
    is let go of. Where a base's folder cannot be written, the view is made in a temporary folder each time. ``rules``
    are those of the ontology, which are read only where they are needed unless they are given.

    Cost: opening it, where it was made before; else what :func:`kg.views.moves.move` or
    :func:`kg.views.moves.afresh` costs, and on disk a fifth of a second: at ten million triples half a second for a
    speaker, a minute for a source. Raises ``LimitReached`` where too much follows.
    """
    if viewpoint == Viewpoint():
        return store, location
    make = _maker(store, viewpoint, rules, progress)
    if store.directory is not None:
        return _on_disk(store.directory, _name(store, store.directory, viewpoint), make)
    if isinstance(location, bytes):
        made, dumped = make(None), io.BytesIO()
        made.dump(dumped, RdfFormat.N_QUADS)
        return made, dumped.getvalue()
    path = location.with_name(f"{_digest(location.stem, *_key(viewpoint))}.view")
    found = cached(path)
    if found is not None:
        return found, path
    made = make(None)
    return made, keep(made, path)


@contextmanager
def shifted(store: Embedded, removed: Iterable[Triple], added: Iterable[Triple]) -> Iterator[Embedded]:
    """Give a copy of a base's store with another view, opened for reading; it is thrown away afterwards.

    As for :func:`prepared`, nobody changes ``store`` meanwhile.
    """
    from kg.views.moves import in_view

    gone, new = (list(map(in_view, triples)) for triples in (removed, added))
    if store.directory is None:
        yield _copy(store, gone, new)
        return
    with _somewhere(store.directory) as place:
        _link(store.directory, place, gone, new)
        with closing(Embedded.open(place, read_only=True)) as copy:
            yield copy


def _maker(store: Embedded, viewpoint: Viewpoint, rules: Rulebook | None, progress: Progress) -> _Make:
    """Return what makes a view; what differs is found out when it is first called."""
    from functools import cache

    @cache
    def moved() -> tuple[list[Quad], list[Quad]] | None:
        from kg.bases.changes import rulebook
        from kg.views.moves import in_view, move

        if progress:
            progress("preparing the view")
        found = move(store, viewpoint, rules or rulebook())
        if found is None:
            return None
        gone, new = (list(map(in_view, triples)) for triples in (found.removed, found.added))
        return [*found.later, *gone], new

    def make(place: Path | None) -> Embedded:
        from kg.views.moves import afresh

        if (differing := moved()) is None:
            view, facts = afresh(store, viewpoint)
            made = Embedded.create(place) if place else Embedded()
            with closing(made) if place else contextlib.nullcontext():
                made.fill(facts)
                made.fill(view.quads(graph=VIEW))
            return made
        if place is None or store.directory is None:
            return _copy(store, *differing)
        return _link(store.directory, place, *differing)

    return make


def _copy(store: Embedded, gone: Iterable[Quad], new: Iterable[Quad]) -> Embedded:
    """Return a copy in memory, less some quads and with others."""
    left_out = set(gone)
    made = Embedded()
    made.fill(quad for quad in store.quads() if quad not in left_out)
    made.add(new)
    return made


def _link(folder: Path, place: Path, gone: list[Quad], new: list[Quad]) -> Embedded:
    """Make a store in ``place`` of the files of a base's, less some quads and with others; it is closed then."""
    import shutil

    (place / "store").mkdir()
    with os.scandir(folder / "store") as entries:
        for entry in entries:
            if entry.name == "LOCK" or entry.name.startswith("LOG"):
                continue
            to = place / "store" / entry.name
            try:
                if not entry.name.endswith(".sst"):  # a writer appends to what is no data file
                    raise OSError
                to.hardlink_to(entry.path)
            except OSError:
                shutil.copyfile(entry.path, to)
    for name, copy in (("format", "format"), (SEAL, "store.unsealed")):  # the seal knows the data files' sums
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(folder / name, place / copy)
    made = Embedded.open(place)
    with closing(made):
        for start in range(0, len(gone), _CHUNK):
            data = " ".join(f"GRAPH {q.graph_name} {{ {q.triple} }}" for q in gone[start : start + _CHUNK])
            made.update(f"DELETE DATA {{ {data} }}")
        made.add(new)
    return made


def _on_disk(folder: Path, name: str, make: _Make) -> tuple[Embedded, Path]:
    """Open the view of a name beside the store of a base, made first where it is not there."""
    views = folder / _VIEWS
    for _ in range(_TRIES):
        opened = _opened(views / name)
        if opened is not None:
            return opened, views / name
        try:
            views.mkdir(exist_ok=True)
            _remove(views / name)  # what is there is not whole
            with _unfinished(views, name) as place:
                make(place)
                (place / _NAME_FILE).write_text(name, encoding="ascii")
                seal(place)
            _tidy(views, name)
        except (OSError, StoreError):
            break
    return _for_once(make)


def _for_once(make: _Make) -> tuple[Embedded, Path]:
    """Make a view in a temporary folder, which goes with the store."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix="parley-view-"))
    try:
        make(place)
        opened = Embedded.open(place, read_only=True)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        what = f"the view cannot be made: {error.strerror or error}"
        raise StoreError(what, where=str(place), remedy="free some space") from error
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    weakref.finalize(opened, shutil.rmtree, place, ignore_errors=True)
    return opened, place


def _opened(place: Path) -> Embedded | None:
    """Open a view that is complete and sound; as long as its store is in use, nobody removes it."""
    held = None
    try:
        if place.is_symlink() or (place / _NAME_FILE).read_text(encoding="ascii") != place.name:
            return None
        if not (place / SEAL).is_file():
            return None
        with contextlib.suppress(PermissionError):  # where it may only be read, nobody of ours removes it
            held = lock(place / IN_USE, 0, shared=True)
            os.utime(place / IN_USE)
        if broken(place) != []:
            raise StoreError("not whole")
        opened = Embedded.open(place, read_only=True)
    except (OSError, UnicodeDecodeError, StoreError):  # it is being removed, or damaged
        if held:
            held.close()
        return None
    if held:
        weakref.finalize(opened, held.close)
    return opened


@contextmanager
def _unfinished(views: Path, name: str | None = None) -> Iterator[Path]:
    """Give a folder to make a view in, which then gets the name; what is left of it goes, if need be by others."""
    import shutil

    place = views / f".{os.getpid()}-{os.urandom(8).hex()}{_UNFINISHED}"
    try:
        place.mkdir()
        with lock(place / IN_USE, 0):
            yield place
        if name:
            with contextlib.suppress(OSError):  # another process may have been faster
                place.rename(views / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _somewhere(folder: Path) -> Iterator[Path]:
    """Give a folder for a copy of a base's store, beside it if that can be, because only there are hard links."""
    import tempfile

    views = folder / _VIEWS
    with contextlib.ExitStack() as stack:
        try:
            views.mkdir(exist_ok=True)
            place = stack.enter_context(_unfinished(views))
        except (OSError, StoreError):
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-view-")))
        yield place


def _tidy(views: Path, name: str) -> None:
    """Remove views of the base as it was before, all but the newest, and what stayed unfinished."""
    now = time.time()
    current: list[tuple[float, Path]] = []
    for found in views.iterdir():
        with contextlib.suppress(OSError):
            if found.name.endswith(_UNFINISHED):
                if (found / IN_USE).exists() or now - found.stat().st_mtime > _ABANDONED:
                    _remove(found)
            elif found.name.partition("-")[0] != name.partition("-")[0]:
                _remove(found)
            elif found.name != name:
                current.append(((found / IN_USE).stat().st_mtime, found))
    for _, old in sorted(current, reverse=True)[_KEPT - 1 :]:
        _remove(old)


def _remove(place: Path) -> None:
    """Remove a view, unless somebody uses it: what they have not read yet they could not read any more."""
    if place.is_symlink():  # to what is none of ours
        place.unlink()
    else:
        discard(place, SEAL)


def _name(store: Embedded, folder: Path, viewpoint: Viewpoint) -> str:
    """Return what a view is called: by where in its journal the base stands, and by whose view it is.

    The seal of the store counts as well, so that no view outlives the files that it shares with a damaged store.
    """
    standing = sorted(str(quad) for quad in store.quads(STATE, graph=STATE))
    try:
        sealed = hashlib.sha256((folder / SEAL).read_bytes()).hexdigest()
    except OSError:
        sealed = ""
    return f"{_digest(*standing, sealed)}-{_digest(*_key(viewpoint))}"


def _key(viewpoint: Viewpoint) -> tuple[str, ...]:
    moment = viewpoint.as_of.astimezone(UTC).isoformat() if viewpoint.as_of else ""
    return str(_FORMAT), str(viewpoint.told_by), str(viewpoint.by), moment


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
