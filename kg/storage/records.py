"""The records of a journal: what they hold, and how they stand in its log.

A record's checksum covers the checksum of the record before, so that nothing can be altered, left out or put in
between without being noticed. docs/formats.md describes the log.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeAlias

from pyoxigraph import NamedNode, RdfFormat

from kg.errors import StoreError, UnreadableInput

RESTORE: Final = "put the journal back from a copy"
"""What to do about a damaged journal."""

_HEADER = re.compile(rb"record (\d+) (add|withdraw|load) (\S+) (\d+) ([0-9a-f]{8})\n")
_FOOTER_LENGTH = len("\nend ") + 64 + len("\n")
_LONGEST_HEADER = 200


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
class Kept:
    """A file that was loaded in bulk and is kept beside the log; ``graph`` is where its bare triples go."""

    sha256: str
    size: int
    rdf_format: RdfFormat
    name: str
    graph: NamedNode | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Files that were loaded in bulk, all of them at once."""

    files: tuple[Kept, ...]


Entry: TypeAlias = Add | Withdraw | Load


class Mark(NamedTuple):
    """The end of a record: its number, the offset of the byte after it, its checksum.

    A store keeps the mark of the last record that it holds. A journal opened ``after`` that mark reads and
    verifies only what follows, at a cost that does not grow with the journal.
    """

    number: int
    offset: int
    checksum: str

    @classmethod
    def beginning(cls, first_line: bytes) -> Mark:
        """Return the mark before record 1."""
        return cls(0, len(first_line), hashlib.sha256(first_line).hexdigest())


@dataclass(frozen=True, slots=True)
class Record:
    """One entry with its number, from 1 without gaps, its time in UTC, its checksum and the offset of its end."""

    number: int
    time: datetime
    entry: Entry
    checksum: str
    end: int

    @property
    def mark(self) -> Mark:
        """Where the record ends."""
        return Mark(self.number, self.end, self.checksum)

    @classmethod
    def encode(cls, entry: Entry, before: Mark, moment: datetime) -> tuple[Record, bytes]:
        """Return the record that follows ``before`` and its bytes in the log.

        ``UnreadableInput`` for what is not Unicode.
        """
        moment = moment.astimezone(UTC)
        try:
            kind, payload = _payload(entry)
        except UnicodeEncodeError as error:
            raise UnreadableInput(f"not Unicode text: {error.reason}", remedy="save it as UTF-8") from error
        stamp = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        header = f"record {before.number + 1} {kind} {stamp} {len(payload)} ".encode()
        body = header + _short(header) + b"\n" + payload
        checksum = _chained(before.checksum, body)
        data = body + _footer(checksum)
        return cls(before.number + 1, moment, entry, checksum, before.offset + len(data)), data

    @classmethod
    def decode(cls, log: IO[bytes], before: Mark, path: Path) -> Record | None:
        """Read the record after ``before``; ``None`` at the end, or where a crash cut the record short.

        Raises ``StoreError`` for a damaged one. A header vouches for its own length field; otherwise a damaged
        length could pass for a record cut short.
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
        return cls(number, moment, _entry(parts[2].decode(), payload, path), checksum, log.tell())


def _payload(entry: Entry) -> tuple[str, bytes]:
    fields: dict[str, Any]
    match entry:
        case Add(quads):
            return "add", quads.encode()
        case Withdraw(claims, reason):
            kind, fields = "withdraw", {"claims": [claim.value for claim in claims], "reason": reason}
        case Load(files):
            kind, fields = "load", {"files": list(map(_described, files))}
    return kind, json.dumps(fields, ensure_ascii=False, indent=1).encode()


def _entry(kind: str, payload: bytes, path: Path) -> Entry:
    if kind == "add":
        return Add(payload.decode())
    fields: dict[str, Any] = json.loads(payload)
    if kind == "withdraw":
        return Withdraw(tuple(map(NamedNode, fields["claims"])), fields["reason"])
    files = fields.get("files", [fields])  # format 1 had one file in a record
    return Load(tuple(_kept_file(file, path) for file in files))


def _described(kept: Kept) -> dict[str, Any]:
    graph = kept.graph.value if kept.graph else None
    media_type = kept.rdf_format.media_type
    return {"sha256": kept.sha256, "size": kept.size, "format": media_type, "name": kept.name, "graph": graph}


def _kept_file(fields: dict[str, Any], path: Path) -> Kept:
    rdf_format = RdfFormat.from_media_type(fields["format"])
    if rdf_format is None:
        raise StoreError(f"unknown format {fields['format']}", where=str(path), remedy="upgrade Parley")
    graph = NamedNode(fields["graph"]) if fields["graph"] else None
    return Kept(fields["sha256"], fields["size"], rdf_format, fields["name"], graph)


def _short(header: bytes) -> bytes:
    return hashlib.sha256(header).hexdigest()[:8].encode()


def _footer(checksum: str) -> bytes:
    return f"\nend {checksum}\n".encode()


def _chained(before: str, body: bytes) -> str:
    return hashlib.sha256(before.encode() + b"\n" + body).hexdigest()


def _damaged(path: Path, number: int) -> StoreError:
    return StoreError(f"record {number} is damaged", where=str(path), remedy=RESTORE)
