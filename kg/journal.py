"""The journal of a base: every accepted change, in order, checksummed and synced. The truth of the base.

The log is text that ``less`` can show; docs/formats.md describes it. A record's checksum covers the checksum
of the record before, so that nothing can be altered, left out or put in between without being noticed.
``append`` returns when the record is on the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias, cast

from pyoxigraph import NamedNode, RdfFormat

from kg.durable import lock, sync_folder, write_at, write_whole
from kg.errors import StoreError, UnreadableInput, UsageError

FORMAT: Final = 1
"""The version of the journal's format that this Parley writes; it reads no newer one."""

_LOG, _LOADS, _LOCK = "log", "loads", "lock"
_FIRST_LINE = f"parley-journal {FORMAT}\n".encode()
_HEADER = re.compile(rb"record (\d+) (add|withdraw|load) (\S+) (\d+) ([0-9a-f]{8})\n")
_FOOTER_LENGTH = len("\nend ") + 64 + len("\n")
_LONGEST_HEADER = 200
_PIECE = 1 << 20
_RESTORE = "put the journal back from a copy"


@dataclass(frozen=True, slots=True)
class Add:
    """Facts that were accepted, as N-Quads exactly as they were handed in."""

    quads: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Claims that no longer count, and why."""

    claims: tuple[NamedNode, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Load:
    """A file that was loaded in bulk and is kept beside the log; ``graph`` is where its bare triples go."""

    sha256: str
    size: int
    rdf_format: RdfFormat
    name: str
    graph: NamedNode | None


Entry: TypeAlias = Add | Withdraw | Load


@dataclass(frozen=True, slots=True)
class Record:
    """One entry with its number, from 1 without gaps, its time in UTC and its checksum."""

    number: int
    time: datetime
    entry: Entry
    checksum: str


class Mark(NamedTuple):
    """The end of a record: its number, the offset of the byte after it, its checksum.

    A store keeps the mark of the last record that it holds. A journal opened ``after`` that mark reads and
    verifies only what follows, at a cost that does not grow with the journal.
    """

    number: int
    offset: int
    checksum: str


class Journal:
    """A journal in a folder. Readers open it as they like; a writer holds its lock until it closes it."""

    def __init__(self, directory: Path, clock: Callable[[], datetime]) -> None:
        self.directory = directory
        self.torn = False
        """Whether the end of the log is a record that a crash cut short; it was never acknowledged.

        To a reader, a record that is being written at this moment looks the same.
        """
        self._clock = clock
        self._start = self._end = Mark(0, len(_FIRST_LINE), hashlib.sha256(_FIRST_LINE).hexdigest())
        self._last: Record | None = None
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
        after: Mark | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = 10.0,
    ) -> Journal:
        """Open the journal in ``directory`` and verify every record, or those ``after`` a known mark.

        With ``write`` the lock of the journal is taken first and held until ``close``; while another process
        holds it, this waits ``patience`` seconds, then raises ``StoreError``. ``clock`` tells the time of
        new records, with a time zone. A last record cut short by a crash is left out, and ``torn`` is set;
        any other damage, or a newer format, is a ``StoreError`` that names file and record.
        """
        journal = cls(directory, clock)
        if not (directory / _LOG).is_file():
            raise StoreError("no journal here", where=str(directory), remedy="make a base with kg init DIR")
        try:
            if write:
                journal._lock = lock(directory / _LOCK, patience)
            journal._verify(after)
        except (OSError, StoreError) as error:
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
        for record, mark in self._read(self._start):
            if mark.offset > self._end.offset:
                return
            yield record

    def append(self, entry: Entry) -> Record:
        """Write one record and return it when it is synced to the disk.

        When it cannot be written, nothing is recorded (``StoreError``). About 0.3 ms on a fast disk, one
        sync. Only on a journal opened to ``write``.
        """
        self._must_write()
        record, data = _encode(entry, self._end, self._clock())
        try:
            write_at(self.directory / _LOG, self._end.offset, data)
        except OSError as error:
            raise _unwritable(error, self.directory) from error
        self._end = Mark(record.number, self._end.offset + len(data), record.checksum)
        self._last, self.torn = record, False
        return record

    def keep(
        self, source: IO[bytes], rdf_format: RdfFormat, name: str, graph: NamedNode | None = None
    ) -> Load:
        """Copy a file into the journal, compressed and synced, and return the entry to ``append`` for it.

        The same content is kept once; the compressed file is the same at every time of writing.
        """
        self._must_write()
        copied: tuple[str, int] = ("", 0)

        def compress(file: IO[bytes]) -> None:
            nonlocal copied
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
                copied = _copy(source, packed.write)

        incoming = self.directory / _LOADS / "incoming"
        try:
            write_whole(incoming, compress)
            incoming.replace(self._kept(copied[0]))
            sync_folder(incoming.parent)
        except OSError as error:
            incoming.unlink(missing_ok=True)
            raise _unwritable(error, self.directory) from error
        return Load(*copied, rdf_format, name, graph)

    def content(self, load: Load) -> IO[bytes]:
        """Open the file of a bulk load for reading, once its checksum has been found right.

        ``StoreError`` for a file that is missing or differs from what was loaded.
        """
        path = self._kept(load.sha256)
        try:
            with gzip.open(path, "rb") as file:
                sound = _copy(cast("IO[bytes]", file), len) == (load.sha256, load.size)
            if sound:
                return cast("IO[bytes]", gzip.open(path, "rb"))
        except (OSError, EOFError, zlib.error):
            pass
        state = "damaged" if path.exists() else "missing"
        raise StoreError(
            f"a loaded file is {state}", where=str(path), remedy=f"put {load.name} back from a copy"
        )

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

    def _verify(self, after: Mark | None) -> None:
        self._start = self._end = after or self._start
        for record, mark in self._read(self._start):
            self._last, self._end = record, mark
        path = self.directory / _LOG
        size = path.stat().st_size
        if size < self._end.offset:
            raise StoreError(f"record {self._end.number} is missing", where=str(path), remedy=_RESTORE)
        self.torn = size > self._end.offset

    def _read(self, mark: Mark) -> Iterator[tuple[Record, Mark]]:
        path = self.directory / _LOG
        with path.open("rb") as log:
            _check_first_line(log.readline(_LONGEST_HEADER), path)
            log.seek(mark.offset)
            while (record := _decode(log, mark, path)) is not None:
                mark = Mark(record.number, log.tell(), record.checksum)
                yield record, mark


def _encode(entry: Entry, before: Mark, moment: datetime) -> tuple[Record, bytes]:
    moment = moment.astimezone(UTC)
    try:
        kind, payload = _payload(entry)
    except UnicodeEncodeError as error:
        raise UnreadableInput(f"not Unicode text: {error.reason}", remedy="save it as UTF-8") from error
    stamp = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    header = f"record {before.number + 1} {kind} {stamp} {len(payload)} ".encode()
    body = header + _short(header) + b"\n" + payload
    checksum = _chained(before.checksum, body)
    return Record(before.number + 1, moment, entry, checksum), body + _footer(checksum)


def _decode(log: IO[bytes], before: Mark, path: Path) -> Record | None:
    """Read the record after ``before``; ``None`` at the end, or where a crash cut the record short.

    A header vouches for its own length field; otherwise a damaged length could pass for a cut-off record.
    """
    number = before.number + 1
    header = log.readline(_LONGEST_HEADER)
    if not header.endswith(b"\n") and len(header) < _LONGEST_HEADER:
        return None
    parts = _HEADER.fullmatch(header)
    if not parts or _short(header[:-9]) != parts[5] or int(parts[1]) != number:
        raise _damaged(path, number)
    payload = log.read(int(parts[4]))
    footer = log.read(_FOOTER_LENGTH)
    if len(footer) < _FOOTER_LENGTH:
        return None
    checksum = _chained(before.checksum, header + payload)
    if footer != _footer(checksum):
        raise _damaged(path, number)
    moment = datetime.fromisoformat(parts[3].decode())
    return Record(number, moment, _entry(parts[2].decode(), payload, path), checksum)


def _payload(entry: Entry) -> tuple[str, bytes]:
    fields: dict[str, Any]
    match entry:
        case Add(quads):
            return "add", quads.encode()
        case Withdraw(claims, reason):
            kind, fields = "withdraw", {"claims": [claim.value for claim in claims], "reason": reason}
        case Load(sha256, size, rdf_format, name, graph):
            kind, fields = "load", {"sha256": sha256, "size": size, "format": rdf_format.media_type}
            fields |= {"name": name, "graph": graph.value if graph else None}
    return kind, json.dumps(fields, ensure_ascii=False, indent=1).encode()


def _entry(kind: str, payload: bytes, path: Path) -> Entry:
    if kind == "add":
        return Add(payload.decode())
    fields: dict[str, Any] = json.loads(payload)
    if kind == "withdraw":
        return Withdraw(tuple(map(NamedNode, fields["claims"])), fields["reason"])
    rdf_format = RdfFormat.from_media_type(fields["format"])
    if rdf_format is None:
        raise StoreError(f"unknown format {fields['format']}", where=str(path), remedy="upgrade Parley")
    graph = NamedNode(fields["graph"]) if fields["graph"] else None
    return Load(fields["sha256"], fields["size"], rdf_format, fields["name"], graph)


def _short(header: bytes) -> bytes:
    return hashlib.sha256(header).hexdigest()[:8].encode()


def _footer(checksum: str) -> bytes:
    return f"\nend {checksum}\n".encode()


def _chained(before: str, body: bytes) -> str:
    return hashlib.sha256(before.encode() + b"\n" + body).hexdigest()


def _check_first_line(line: bytes, path: Path) -> None:
    found = re.fullmatch(rb"parley-journal (\d+)\n", line)
    if found and int(found[1]) > FORMAT:
        raise StoreError("made by a newer Parley", where=str(path), remedy="upgrade Parley to open it")
    if line != _FIRST_LINE:
        raise StoreError("damaged before record 1", where=str(path), remedy=_RESTORE)


def _damaged(path: Path, number: int) -> StoreError:
    return StoreError(f"record {number} is damaged", where=str(path), remedy=_RESTORE)


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
