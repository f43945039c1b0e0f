"""Bases on disk as a whole: making one, loading files into it, copying it, making its store anew, looking it over."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from pyoxigraph import Quad, RdfFormat

from kg.bases.building import Draft, build_store, grown, is_much
from kg.bases.bulk import Entering, Grown, Part, examine, file_part
from kg.bases.cache import seed_files
from kg.bases.changes import stamp
from kg.bases.replacing import FRESH
from kg.bases.writing import Writer, read_lock, writing
from kg.errors import DamagedStore, ParleyError, StoreError
from kg.findings import Check, Finding, Place, Severity
from kg.storage.durable import lock, sync_folder, write_whole
from kg.storage.journal import Journal, Kept, Load
from kg.storage.seal import broken
from kg.storage.store import store_folder
from kg.syntax.turtle import SYNTAXES
from kg.terms import VIEW, Progress

CHECKS: Final = {
    "damaged-journal": Check(
        "A file of the journal is not what was written.",
        "The journal is the truth of a base: each record is chained by its checksum to the one before.",
        "put the journal back from a copy",
    ),
    "damaged-store": Check(
        "A file of the store is not what was written.",
        "The store is an index over the journal, and is not trusted where it differs from its seal.",
        "build it anew from the journal with kg rebuild",
    ),
}
_Tell: TypeAlias = Callable[[str], None]
_Admit: TypeAlias = Callable[[Entering, Progress], None]
_Found: TypeAlias = tuple[int, int, int]
_MAKING: Final = "making.lock"
_PIECES: Final = ("journal", "store", "store.seal", "format")  # without the last it is no base


def make(folder: Path, progress: Progress = None) -> None:
    """Make a base on disk from the project's own article and reference data, whole or not at all."""
    now = datetime.now(UTC)
    with _made_whole(folder) as place:
        Journal.create(place / "journal")
        files = seed_files()
        with Journal.open(place / "journal", write=True, clock=lambda: now) as journal:
            batch = examine([file_part(path, stamp(now).value) for path in files])
            journal.append(Load(tuple(_kept(journal, batch.texts, files))))
            build_store(place, progress)


def make_copy(folder: Path, quads: Iterable[Quad], progress: Progress = None) -> None:
    """Make a base on disk of the claims and reference data of another, whole or not at all.

    Its journal begins with them, as one load.
    """
    with _made_whole(folder) as place, tempfile.TemporaryFile() as content:
        content.writelines(f"{quad} .\n".encode() for quad in quads)
        content.seek(0)
        Journal.create(place / "journal")
        with Journal.open(place / "journal", write=True) as journal:
            journal.append(Load((journal.keep(content, RdfFormat.N_QUADS, "copy.nq"),)))
            build_store(place, progress)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: the files, the quads read from them and the new claims, and how many triples hold now.

    ``seconds`` are those of each step, in the order of the steps.
    """

    files: tuple[str, ...]
    quads: int
    claims: int
    held: int
    seconds: Mapping[str, float]


def load(
    folder: Path,
    files: Sequence[Path],
    admit: _Admit,
    progress: Progress = None,
    *,
    recorded: str = "",
) -> Loaded:
    """Load files into a base on disk: checked, then recorded in its journal, then written to its store.

    ``admit`` is told what would enter, and raises ``Refused`` for what must not. Claims that state no time get
    ``recorded``, an ``xsd:dateTime``, else the time of the record. All files are in or none; after an error nothing has
    changed. Where there is much, a new store is made beside the present one, which can be read meanwhile, and takes
    its place.
    """
    clock = _Clock(progress)
    with writing(folder, clock.tell) as writer:
        parts = [file_part(path, recorded or stamp(writer.time).value) for path in files]
        way = _load_large if is_much(folder, files) else _load_small
        found = way(writer, parts, files, admit, clock.tell)
    return Loaded(tuple(path.name for path in files), *found, clock.stop())


def _load_small(
    writer: Writer, parts: Sequence[Part], files: Sequence[Path], admit: _Admit, tell: _Tell
) -> _Found:
    """Make the view in memory, and write what is new into the store."""
    tell("checking evidence")
    batch = examine(parts, writer.store)
    view = grown(writer.store, batch, tell)
    admit(Grown(batch, view), tell)
    tell("writing")
    quads = chain(batch.facts(), view.quads(graph=VIEW))
    new = (quad for quad in quads if not writer.store.contains(quad))
    writer.load(list(_kept(writer, batch.texts, files)), new)
    return batch.quads, batch.claims, view.count()


def _load_large(
    writer: Writer, parts: Sequence[Part], files: Sequence[Path], admit: _Admit, tell: _Tell
) -> _Found:
    """Make the view in tables, and a new store; the files are compressed while that is written."""
    before = [_standing(path) for path in files]
    with _keeping(writer.folder):
        with closing(Draft(writer.folder, parts, tell)) as draft:
            draft.grow()
            tell("compressing the files")
            kept = list(_kept(writer, draft.texts, files))
            admit(draft, tell)
            draft.complete()
        for path, found in zip(files, before, strict=True):
            if _standing(path) != found:
                raise StoreError("was changed while it was loaded", where=str(path), remedy="load it again")
        tell("putting the store in its place")
        writer.exchange(kept)
    return draft.quads, draft.claims, draft.held


def _standing(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written to, ``None`` where there is none."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_size, found.st_mtime_ns
    return None


@contextmanager
def _keeping(folder: Path) -> Iterator[None]:
    """Where this ends before it is recorded, throw away the files kept meanwhile, and the store that was being made."""
    journal = folder / "journal"
    loads, mark = journal / "loads", Journal.open(journal).mark
    before = set(loads.iterdir())
    try:
        yield
    except (ParleyError, KeyboardInterrupt):
        if Journal.open(journal).mark == mark:  # from then on, what goes wrong does not undo the load
            for path in set(loads.iterdir()) - before:
                path.unlink()
            shutil.rmtree(folder / FRESH, ignore_errors=True)
        raise


class _Clock:
    """Passes progress on, and takes the time of each step: of what is told, what stands before the colon."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._spent: dict[str, float] = {}
        self._step, self._begun = "opening", time.monotonic()

    def tell(self, message: str) -> None:
        """Tell what is being done."""
        step = message.partition(":")[0]
        if step != self._step:
            self.stop()
            self._step = step
        if self._progress:
            self._progress(message)

    def stop(self) -> Mapping[str, float]:
        """Return the seconds of the steps up to now."""
        now = time.monotonic()
        self._spent[self._step] = self._spent.get(self._step, 0) + now - self._begun
        self._begun = now
        return dict(self._spent)


def _kept(journal: Journal | Writer, texts: Sequence[Quad], files: Sequence[Path]) -> Iterator[Kept]:
    """Copy into the journal the texts that the files bring with them, then each file."""
    if texts:
        lines = "".join(f"{quad} .\n" for quad in texts).encode()
        yield journal.keep(io.BytesIO(lines), RdfFormat.N_QUADS, "texts.nq")
    for path in files:
        with path.open("rb") as content:
            yield journal.keep(content, SYNTAXES[path.suffix.lower()], path.name)


def rebuild(folder: Path, progress: Progress = None) -> None:
    """Make the store of a base anew from its journal, whatever the old one holds.

    Raises ``StoreError`` for a damaged journal. Cost: reading all of it and applying the rules.
    """
    with contextlib.suppress(DamagedStore):
        store_folder(folder)
    with Journal.open(folder / "journal", write=True):
        build_store(folder, progress)


def backup(folder: Path, target: Path) -> None:
    """Copy a base to ``target``, a new or empty folder, whole or not at all and synced.

    The copy is the journal up to this moment, every record and file of it verified; its store is built when it is
    first opened, which proves the copy. Others may read and write the base meanwhile. ``StoreError`` for damage.
    """
    with contextlib.suppress(DamagedStore):
        store_folder(folder)
    with _made_whole(target) as place:
        Journal.open(folder / "journal").copy(place / "journal")
        Journal.open(place / "journal")  # verifies what was copied
        write_whole(place / "format", lambda file: file.write((folder / "format").read_bytes()))


def inspect(folder: Path, progress: Progress = None) -> Iterator[Finding]:
    """Look over every byte of a base, and yield what is damaged; nothing is repaired.

    Cost: reading the files of journal and store once, a second for some hundred megabytes.
    """
    if progress:
        progress("looking over the journal")
    try:
        journal = Journal.open(folder / "journal")
        kept = [
            k for record in journal.records() if isinstance(record.entry, Load) for k in record.entry.files
        ]
    except StoreError as error:
        yield _finding("damaged-journal", error.what, error.where, error.remedy)
        kept = []
    for file in kept:
        try:
            journal.content(file).close()
        except StoreError as error:
            yield _finding("damaged-journal", error.what, error.where, error.remedy)
    if progress:
        progress("looking over the store")
    with read_lock(folder):
        found = broken(folder, thorough=True) or []
    for what in found:
        yield _finding("damaged-store", what, str(folder / "store"))


def _finding(code: str, what: str, where: str, remedy: str = "") -> Finding:
    return Finding(code, Severity.VIOLATION, what, remedy or CHECKS[code].remedy, Place(where))


@contextmanager
def _made_whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, and put it in the place of ``folder`` when that is done; on an error nothing is there."""
    _clear_leftovers(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError("there is something already", where=str(folder), remedy="name a new or empty folder")
    place = folder.parent / f".{folder.name}.{os.getpid()}.unfinished"
    try:
        place.mkdir(parents=True)
        with lock(place / _MAKING, patience=0):
            yield place
        (place / _MAKING).unlink()
        _put(place, folder)
    except OSError as error:
        what = f"cannot be made: {error.strerror or error}"
        raise StoreError(what, where=str(folder), remedy="choose another place") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _put(place: Path, folder: Path) -> None:
    sync_folder(place)
    if not folder.exists():
        place.rename(folder)
    else:
        for name in _PIECES:
            if (place / name).exists():
                (place / name).rename(folder / name)
        sync_folder(folder)
    sync_folder(folder.parent)


def _clear_leftovers(folder: Path) -> None:
    """Remove what was being made for this place when the process ended; what is still being made is locked."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*.unfinished"):
        with contextlib.suppress(StoreError, OSError):
            if (left / _MAKING).exists():
                lock(left / _MAKING, patience=0).close()
            shutil.rmtree(left, ignore_errors=True)
