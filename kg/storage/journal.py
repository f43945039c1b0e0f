"""The journal of a base: every accepted change, in order, checksummed and synced. The truth of the base.

The log is text that ``less`` can show; docs/formats.md describes it. A record's checksum covers the checksum
of the record before, so that nothing can be altered, left out or put in between without being noticed.
``append`` returns when the record is on the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, cast

from pyoxigraph import NamedNode, RdfFormat

from kg.errors import StoreError, UsageError
from kg.storage.durable import lock, sync_folder, write_at, write_whole
from kg.storage.records import RESTORE, Add, Entry, Kept, Load, Mark, Record, Withdraw

__all__ = ["Add", "Entry", "Journal", "Kept", "Load", "Mark", "Record", "Withdraw"]

_LOG, _LOADS, _LOCK = "log", "loads", "lock"
_FORMAT: Final = 2  # of the journals that are written; earlier ones are read, no newer one is
_LEVEL: Final = 3  # of gzip: 6 makes files a quarter smaller, and takes two and a half times as long
_FIRST_LINE = f"parley-journal {_FORMAT}\n".encode()
_LONGEST_FIRST_LINE = 200
_PIECE = 1 << 20


class Journal:
    """A journal in a folder. Readers open it as they like; a writer holds its lock until it closes it."""

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self.directory = directory
        self.torn = False
        """Whether the end of the log is a record that a crash cut short; it was never acknowledged.

        To a reader, a record that is being written at this moment looks the same.
        """
        self.clock: Final = clock
        self.start = self._end = Mark.beginning(_FIRST_LINE)
        """Where the records begin that this journal reads: the mark that it was opened after, where it has that."""
        self._last: Record | None = None
        self._before: Mark | None = None
        self._lock: IO[bytes] | None = None

    @classmethod
    def create(cls, directory: Path) -> None:
        """Make an empty journal in ``directory``; ``StoreError`` if there is one already."""
        try:
            (directory / _LOADS).mkdir(parents=True, exist_ok=True)
            if (directory / _LOG).exists():
                raise StoreError(
                    "there is a journal already", where=str(directory), remedy="choose another folder"
                )
            write_whole(directory / _LOG, lambda file: file.write(_FIRST_LINE))
            sync_folder(directory.parent)
        except OSError as error:
            raise _unwritable(error, directory) from error

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        write: bool = False,
        after: Mark | Callable[[], Mark | None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = 10.0,
    ) -> Journal:
        """Open the journal in ``directory`` and verify every record, or those ``after`` a known mark.

        With ``write`` the lock of the journal is taken first and held until ``close``; while another process
        holds it, this waits ``patience`` seconds, then raises ``StoreError``. A function that gives the mark is
        called when the lock is held. A mark that the journal has not, though it is sound and long enough, is
        passed over. ``clock`` tells the time of new records, with a time zone. A last record cut short by a
        crash is left out, and ``torn`` is set; any other damage, or a newer format, is a ``StoreError`` that
        names file and record.
        """
        journal = cls(directory, clock)
        if not (directory / _LOG).is_file():
            raise StoreError("no journal here", where=str(directory), remedy="make a base with kg init DIR")
        try:
            if write:
                journal._lock = lock(directory / _LOCK, patience)
            journal._open(after() if callable(after) else after)
        except BaseException as error:
            journal.close()
            if isinstance(error, OSError):
                raise _unreadable(error, directory) from error
            raise
        return journal

    @property
    def last(self) -> Record | None:
        """The last record, ``None`` where there is none (or none after the mark that it was opened with)."""
        return self._last

    @property
    def mark(self) -> Mark:
        """Where the last record ends."""
        return self._end

    def records(self) -> Iterator[Record]:
        """Read the records from the first (or the mark the journal was opened with) to the last, verified."""
        for record in self._read(self.start):
            if record.end > self._end.offset:
                return
            yield record

    def append(self, entry: Entry, moment: datetime | None = None) -> Record:
        """Write one record, of this ``moment`` or of now, and return it when it is synced to the disk.

        When it cannot be written, nothing is recorded (``StoreError``). About 0.3 ms on a fast disk, one
        sync. Only on a journal opened to ``write``.
        """
        self._must_write()
        record, data = Record.encode(entry, self._end, moment or self.clock())
        try:
            write_at(self.directory / _LOG, self._end.offset, data)
        except OSError as error:
            raise _unwritable(error, self.directory) from error
        self._before, self._end = self._end, record.mark
        self._last, self.torn = record, False
        return record

    def undo(self) -> None:
        """Take back the record that was appended last, and that nobody has been told of."""
        self._must_write()
        if self._before is None:
            raise UsageError("there is no new record to take back", where=str(self.directory))
        try:
            write_at(self.directory / _LOG, self._before.offset, b"")
        except OSError as error:
            raise _unwritable(error, self.directory) from error
        self._end, self._before, self._last = self._before, None, None

    def keep(
        self, source: IO[bytes], rdf_format: RdfFormat, name: str, graph: NamedNode | None = None
    ) -> Kept:
        """Copy a file into the journal, compressed and synced, and return what a ``Load`` says of it.

        The same content is kept once; the compressed file is the same at every time of writing.
        """
        self._must_write()
        copied: tuple[str, int] = ("", 0)

        def compress(file: IO[bytes]) -> None:
            nonlocal copied
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=_LEVEL) as packed:
                copied = _copy(source, packed.write)

        incoming = self.directory / _LOADS / "incoming"
        try:
            write_whole(incoming, compress)
            incoming.replace(self._kept(copied[0]))
            sync_folder(incoming.parent)
        except OSError as error:
            incoming.unlink(missing_ok=True)
            raise _unwritable(error, self.directory) from error
        return Kept(*copied, rdf_format, name, graph)

    def content(self, kept: Kept) -> IO[bytes]:
        """Open a file of a bulk load for reading, once its checksum has been found right.

        ``StoreError`` for a file that is missing or differs from what was loaded.
        """
        path = self._kept(kept.sha256)
        try:
            with gzip.open(path, "rb") as file:
                sound = _copy(cast("IO[bytes]", file), len) == (kept.sha256, kept.size)
            if sound:
                return cast("IO[bytes]", gzip.open(path, "rb"))
        except (OSError, EOFError, zlib.error):
            pass
        state = "damaged" if path.exists() else "missing"
        raise StoreError(
            f"a loaded file is {state}", where=str(path), remedy=f"put {kept.name} back from a copy"
        )

    def copy(self, directory: Path) -> None:
        """Copy the journal up to its last record, and the files that it names, to a new ``directory``, synced.

        Others may go on writing to the journal. Raises ``StoreError`` for a file that is missing or damaged,
        ``OSError`` when the copy cannot be written.
        """
        (directory / _LOADS).mkdir(parents=True)
        for record in self.records():
            for kept in record.entry.files if isinstance(record.entry, Load) else ():
                self._copy_kept(kept, directory / _LOADS / f"{kept.sha256}.gz")
        with (self.directory / _LOG).open("rb") as log:
            write_whole(directory / _LOG, lambda file: file.writelines(_pieces(log, self._end.offset)))

    def _copy_kept(self, kept: Kept, target: Path) -> None:
        self.content(kept).close()  # which finds out whether it is sound
        with self._kept(kept.sha256).open("rb") as packed:
            write_whole(target, lambda file: _copy(packed, file.write))

    def close(self) -> None:
        """Let go of the lock. Closing again does nothing."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _kept(self, sha256: str) -> Path:
        return self.directory / _LOADS / f"{sha256}.gz"

    def _must_write(self) -> None:
        if self._lock is None:
            raise UsageError(
                "the journal is open for reading only", where=str(self.directory), remedy="open it to write"
            )

    def _open(self, after: Mark | None) -> None:
        path = self.directory / _LOG
        with path.open("rb") as log:
            line = log.readline(_LONGEST_FIRST_LINE)
        _check_first_line(line, path)
        beginning = Mark.beginning(line)
        try:
            self._verify(after or beginning)
        except StoreError:
            if after is None:
                raise
            self._verify(beginning)  # names the record that is damaged, where the mark is not to blame
            if self._end.number < after.number:
                raise
        if self._lock is not None and line != _FIRST_LINE:
            self._renew(beginning)

    def _verify(self, start: Mark) -> None:
        self.start = self._end = start
        self._last = None
        for record in self._read(start):
            self._last, self._end = record, record.mark
        path = self.directory / _LOG
        size = path.stat().st_size
        if size < self._end.offset:
            raise StoreError(f"record {self._end.number} is missing", where=str(path), remedy=RESTORE)
        self.torn = size > self._end.offset

    def _renew(self, beginning: Mark) -> None:
        """Write a journal of an earlier format in the present one, whole or not at all."""
        self._verify(beginning)
        renewed = Mark.beginning(_FIRST_LINE)

        def fill(file: IO[bytes]) -> None:
            nonlocal renewed
            file.write(_FIRST_LINE)
            for record in self.records():
                again, data = Record.encode(record.entry, renewed, record.time)
                file.write(data)
                renewed = again.mark

        write_whole(self.directory / _LOG, fill)
        self.start = Mark.beginning(_FIRST_LINE)
        self._verify(self.start)

    def _read(self, mark: Mark) -> Iterator[Record]:
        path = self.directory / _LOG
        with path.open("rb") as log:
            log.seek(mark.offset)
            while (record := Record.decode(log, mark, path)) is not None:
                mark = record.mark
                yield record


def _check_first_line(line: bytes, path: Path) -> None:
    found = re.fullmatch(rb"parley-journal ([1-9]\d*)\n", line)
    if found and int(found[1]) > _FORMAT:
        raise StoreError("made by a newer Parley", where=str(path), remedy="upgrade Parley to open it")
    if not found:
        raise StoreError("damaged before record 1", where=str(path), remedy=RESTORE)


def _unreadable(error: OSError, directory: Path) -> StoreError:
    return StoreError(
        f"cannot be opened ({error.strerror or error})", where=str(directory), remedy="ask for access"
    )


def _unwritable(error: OSError, directory: Path) -> StoreError:
    return StoreError(
        f"cannot be written ({error.strerror or error}); nothing was recorded",
        where=str(directory),
        remedy="free some space or ask for access, then try again",
    )


def _copy(source: IO[bytes], write: Callable[[bytes], object]) -> tuple[str, int]:
    """Pass everything on to ``write``; return its SHA-256 and its length."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE):
        write(piece)
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _pieces(source: IO[bytes], left: int) -> Iterator[bytes]:
    while piece := source.read(min(_PIECE, left)):
        yield piece
        left -= len(piece)
