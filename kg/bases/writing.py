"""Bases on disk, open for reading or writing: who may when, and how a change enters whole or not at all.

The journal is the truth. A change is a record in it, synced, and then one transaction of the store, which also
moves the store's mark: where in the journal it stands. A store that is behind catches up record by record; one that
is missing, damaged, or made from another ontology is built again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final

from pyoxigraph import Quad, RdfFormat

from kg.bases.building import build_store
from kg.bases.changes import Change, addition, rulebook, withdrawal
from kg.bases.replacing import FRESH, PATIENCE, STORE_LOCK, finish, put_in_place, standing, standing_quad
from kg.errors import DamagedStore, ParleyError, StoreError
from kg.storage.durable import lock
from kg.storage.journal import Add, Journal, Kept, Load, Mark, Record, Withdraw
from kg.storage.seal import SEAL, broken, condemn, seal, unseal
from kg.storage.store import Embedded, store_folder
from kg.syntax.turtle import read
from kg.terms import STATE, VIEW, Progress

_TRIES: Final = 5
_MOST_REPLAYED: Final = 300
"""How many records a store may be behind and still catch up one by one."""
_CORRUPT: Final = re.compile(r"Corruption(?:.*?(?P<file>[\w-]+\.(?:sst|log)|MANIFEST-\d+))?", re.DOTALL)


class Handle:
    """A store that stays open between readings, for as long as nobody writes to it."""

    def __init__(self) -> None:
        self._store: Embedded | None = None
        self._state: object = None

    def store(self, folder: Path) -> Embedded | None:
        """Return the store if it is still what is on disk; the caller holds the lock of readers."""
        state = _state(folder)
        return self._store if state is not None and state == self._state else None

    def put(self, store: Embedded, folder: Path) -> None:
        """Keep a store that was opened under the lock that the caller still holds.

        One that was kept before is left to those who read it still; it is closed when they are done.
        """
        self._store, self._state = store, _state(folder)

    def drop(self) -> None:
        """Keep nothing."""
        self._store = self._state = None


def _state(folder: Path) -> object:
    """Return what differs after every change of a store: its seal, which writers replace, and its folder."""
    try:
        stats = [(folder / name).stat() for name in (SEAL, "store")]
    except OSError:
        return None
    return [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]


@contextmanager
def reading(folder: Path, progress: Progress = None, kept: Handle | None = None) -> Iterator[Embedded]:
    """Open the store of a base on disk for reading; while it is open, no writer changes its files.

    With ``kept`` it stays open afterwards, and is taken from there if nobody wrote meanwhile.

    RocksDB lets a writer delete files that a reader still needs, and a reader then fails or takes all memory.
    So readers hold a lock together, which a writer waits for. A store that does not hold what the journal does
    is brought up to date first. Raises ``StoreError``; ``DamagedStore`` for damage that is found while reading,
    after which the next to open the base builds the store again.
    """
    failed: StoreError | None = None
    for _ in range(_TRIES):
        with read_lock(folder):
            store = kept.store(folder) if kept else None
            store = store or _current(folder, unsealed=failed is not None)
            if store is not None:
                if kept:
                    kept.put(store, folder)
                with nullcontext(store) if kept else closing(store), _noticing_damage(folder, kept):
                    yield store
                return
        if failed is not None:  # it could not be brought up to date, and it has to be
            raise failed
        try:
            with writing(folder, progress):
                pass
        except StoreError as error:
            failed = error
    raise StoreError("changes faster than it can be read", where=str(folder), remedy="try again later")


@contextmanager
def read_lock(folder: Path) -> Iterator[None]:
    """Keep writers from changing the files of the store; in a folder that is no base, or read-only, do nothing."""
    try:
        is_base = (folder / "format").is_file()
        held = lock(folder / STORE_LOCK, PATIENCE, shared=True) if is_base else nullcontext()
    except OSError:  # it may only be read
        held = nullcontext()
    with held:
        yield


def _current(folder: Path, *, unsealed: bool) -> Embedded | None:
    """Open a store that is sound and holds what the journal does, else return ``None``.

    One without a seal is passed over, because only a writer can seal it, unless ``unsealed`` stores will do.
    """
    try:
        store_folder(folder)
        wrong = broken(folder)
        if wrong or (wrong is None and not unsealed):
            return None
        store, mark = _opened(folder)
    except DamagedStore:
        return None
    try:
        if mark is not None:
            with Journal.open(folder / "journal", after=mark) as journal:
                if journal.start == mark and journal.last is None:
                    return store
    except BaseException:
        store.close()
        raise
    store.close()
    return None


def _opened(folder: Path) -> tuple[Embedded, Mark | None]:
    with _noticing_damage(folder):
        store = Embedded.open(folder, read_only=True)
        return store, standing(store)


@contextmanager
def _noticing_damage(folder: Path, kept: Handle | None = None) -> Iterator[None]:
    """Turn what RocksDB says of a damaged file into one clear line, and see to it that the store is built again."""
    try:
        yield
    except (OSError, RuntimeError, StoreError) as error:
        found = _CORRUPT.search(str(error))
        if not found:
            raise
        if kept:
            kept.drop()
        what = f"{found['file'] or 'a file'} is damaged"
        with contextlib.suppress(OSError):
            condemn(folder, what)
        remedy = "try again: the store is then built anew from the journal"
        raise DamagedStore(what, where=str(folder / "store"), remedy=remedy) from error


@contextmanager
def writing(folder: Path, progress: Progress = None, patience: float = PATIENCE) -> Iterator[Writer]:
    """Open a base on disk for writing; one at a time may, from the first look at the base to the last.

    While the store is only looked at, others may read it; from the first change on they wait. A store that does not
    hold what the journal does is brought up to date first. Others are waited for ``patience`` seconds, then
    ``StoreError`` is raised. Cost: opening, a few milliseconds however large the base is.
    """
    with contextlib.suppress(DamagedStore):
        store_folder(folder)
    writer = Writer(folder, patience)
    with (
        Journal.open(folder / "journal", write=True, after=writer._look, patience=patience) as journal,
        _noticing_damage(folder),
    ):
        try:
            writer._begin(journal, progress)
            yield writer
        except BaseException:
            writer._end(sound=False)
            raise
        writer._end(sound=True)


class Writer:
    """The one who may change a base. Not to be shared between threads."""

    store: Embedded
    """The store as it is now, to look things up in."""
    time: datetime
    """The moment that the next record will bear."""

    folder: Path
    """The folder of the base."""

    def __init__(self, folder: Path, patience: float) -> None:
        self.folder, self._patience = folder, patience
        self._mark: Mark | None = None
        self._sealed = True
        self._alone: IO[bytes] | None = None
        self._spoilt = False

    def commit(self, entry: Add | Withdraw, change: Change) -> Record:
        """Record a change in the journal, synced, then make it in the store, and return the record.

        ``change`` is what :func:`kg.bases.changes.addition` or :func:`kg.bases.changes.withdrawal` says of the entry at
        ``time``. Raises ``StoreError`` when it cannot be written; then nothing was recorded, unless the message
        says that it was. Two syncs, and some milliseconds for a hundred facts.
        """
        self._open_to_change()
        record = self._journal.append(entry, self.time)
        try:
            self._move(change, record.mark)
        except ParleyError as error:
            self._settle(record, error)
        self.time = self._journal.clock()
        return record

    def look_again(self) -> None:
        """Do nothing: nobody else changes the base meanwhile."""

    def keep(self, content: IO[bytes], rdf_format: RdfFormat, name: str) -> Kept:
        """Copy a file into the journal, for ``load`` to name it."""
        return self._journal.keep(content, rdf_format, name)

    def load(self, files: Iterable[Kept], quads: Iterable[Quad]) -> Record:
        """Record files as loaded, all in one, and fill ``quads`` into the store: their facts and the view's triples.

        Raises ``StoreError`` when it cannot be written; then nothing was recorded, and the next to open the base
        builds the store again.
        """
        self._open_to_change()
        # A bulk insertion is no transaction: the store counts for nothing until all is in.
        self._condemn("the last load did not come to its end")
        record = self._journal.append(Load(tuple(files)), self.time)
        try:
            self.store.fill(quads)
            self._move(Change((), frozenset(), frozenset()), record.mark)
            self.store.compact()
        except ParleyError:
            self._journal.undo()
            raise
        self._spoilt = False
        self.time = self._journal.clock()
        return record

    def exchange(self, files: Iterable[Kept]) -> Record:
        """Record files as loaded, and put the new store that was made with them in the place of the present one.

        It is finished first, so that the moment of recording decides: before it nothing has changed, after it the
        next to open the base goes on where this ended.
        """
        entry = Load(tuple(files))
        finish(self.folder / FRESH, Record.encode(entry, self._journal.mark, self.time)[0].mark)
        record = self._journal.append(entry, self.time)
        self.store.close()
        try:
            put_in_place(self.folder)
        except StoreError as error:
            what = "is loaded, but others kept the old store open all the while"
            remedy = "ask again later: who opens the base then puts the new one in its place"
            raise StoreError(what, where=str(self.folder), remedy=remedy) from error
        self.store = Embedded.open(self.folder, read_only=True)
        self._sealed = True
        self.time = self._journal.clock()
        return record

    def _look(self) -> Mark | None:
        """Open the store, if it can be used, and return where it stands."""
        if not (self.folder / "store").is_dir():
            return None
        try:
            wrong = broken(self.folder)
            if not wrong:
                self.store, self._mark = _opened(self.folder)
                self._sealed = wrong is not None
        except DamagedStore as error:
            wrong = [error.what]
        if wrong:
            _warn(f"{self.folder / 'store'}: {'; '.join(wrong[:3])}; it is built anew from the journal")
        return self._mark

    def _begin(self, journal: Journal, progress: Progress) -> None:
        """Bring the store up to date."""
        self._journal, self.time = journal, journal.clock()
        behind = list(islice(journal.records(), _MOST_REPLAYED + 1))
        loads = any(isinstance(record.entry, Load) for record in behind)
        if journal.start != self._mark or loads or len(behind) > _MOST_REPLAYED:
            self._rebuild(progress)
            return
        if behind or not self._sealed:
            self._open_to_change()
        for record in behind:
            self._replay(record)

    def _rebuild(self, progress: Progress) -> None:
        if self._mark is not None or hasattr(self, "store"):
            self.store.close()
        try:
            build_store(self.folder, progress)
        except OSError as error:
            raise _unwritable(error, self.folder) from error
        self.store = Embedded.open(self.folder, read_only=True)
        self._sealed = True

    def _replay(self, record: Record) -> None:
        rules = rulebook()
        if isinstance(record.entry, Withdraw):
            claims, reason = record.entry.claims, record.entry.reason
            change, _ = withdrawal(claims, record.time, reason, self.store, rules)
        elif isinstance(record.entry, Add):
            name = f"record {record.number}"
            quads = read(record.entry.quads.encode(), RdfFormat.N_QUADS, name=name)
            change, _ = addition(quads, record.time, self.store, rules)
        self._move(change, record.mark)

    def _open_to_change(self) -> None:
        """Keep readers out and open the store for writing, where that was not done yet."""
        if self._spoilt:
            remedy = "open the base again"
            raise StoreError("the store has to be built anew", where=str(self.folder), remedy=remedy)
        if self._alone is not None:
            return
        alone = lock(self.folder / STORE_LOCK, self._patience)
        try:
            unseal(self.folder)
            self.store.reopen(read_only=False)
        except (OSError, StoreError) as error:
            alone.close()
            self.store.reopen(read_only=True)
            if isinstance(error, OSError):
                raise _unwritable(error, self.folder) from error
            raise
        self._alone, self._sealed = alone, False

    def _move(self, change: Change, mark: Mark) -> None:
        """Change facts, view and mark in one transaction."""
        view = f"GRAPH {VIEW}"
        gone = [f"{view} {{ {triple} }}" for triple in change.removed]
        gone += [f"GRAPH {STATE} {{ {quad.triple} }}" for quad in self.store.quads(graph=STATE)]
        new = [
            f"GRAPH {quad.graph_name} {{ {quad.triple} }}" for quad in (*change.facts, standing_quad(mark))
        ]
        new += [f"{view} {{ {triple} }}" for triple in change.added]
        self.store.update(f"DELETE DATA {{ {' '.join(gone)} }} ;\nINSERT DATA {{ {' '.join(new)} }}")

    def _settle(self, record: Record, error: ParleyError) -> None:
        """After the store failed: take the record back, unless the store holds it after all or cannot be asked."""
        try:
            self._let_go()
            self.store.reopen(read_only=True)
            stands = standing(self.store)
        except StoreError:
            what = f"recorded as number {record.number}, but not in the store yet ({error.what})"
            remedy = "free some space; the store catches up when the base is opened"
            raise StoreError(what, where=str(self.folder), remedy=remedy) from error
        if stands != record.mark:
            self._journal.undo()
            raise error

    def _condemn(self, what: str) -> None:
        try:
            condemn(self.folder, what)
        except OSError as error:
            raise _unwritable(error, self.folder) from error
        self._spoilt = True

    def _let_go(self) -> None:
        """Close the store and let readers in again."""
        try:
            if hasattr(self, "store"):
                self.store.close()
        finally:
            if self._alone is not None:
                self._alone.close()
                self._alone = None

    def _end(self, *, sound: bool) -> None:
        """Close the store and seal it; without a seal, as after an error, the next writer has a look at it."""
        alone, self._alone = self._alone, None
        with alone or nullcontext(), contextlib.suppress(OSError, StoreError):
            self._let_go()  # on a full disk its log stays as long as it is
            if sound and alone and not self._spoilt:
                seal(self.folder)


def _unwritable(error: OSError, folder: Path) -> StoreError:
    what = f"the store cannot be written: {error.strerror or error}"
    return StoreError(what, where=str(folder), remedy="free some space or ask for access, then try again")


def _warn(message: str) -> None:
    import logging

    logging.getLogger("kg").warning(message)
