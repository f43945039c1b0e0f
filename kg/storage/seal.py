"""The seal of a store: what its files were when the last writer let go of them.

RocksDB finds damage in a block when it reads it; it does not miss the end of a manifest or of a log that is gone.
So a writer takes the seal off before it changes anything and seals the store when it has closed it: with the name,
size and SHA-256 of every file. docs/formats.md describes it. Whoever calls holds the lock of the store.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from kg.storage.durable import sync_folder, write_whole

_STORE, _OPEN = "store", "store.unsealed"
SEAL: Final = "store.seal"
"""The seal's file in the folder of a base."""

_FIRST_LINE: Final = "parley-seal 1"
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) (\S+)")
_PASSING = re.compile(r"LOCK|LOG(\.old\.\d+)?")
"""Files that readers write to as well, and that nothing is read from."""


class _File(NamedTuple):
    digest: str
    size: int


def seal(folder: Path) -> None:
    """Seal the store of a base, which nobody has open for writing. Raises ``OSError``.

    Cost: reading the files that are new since the last seal; data files never change once they are written.
    """
    known = _listed(folder / _OPEN) or {}
    files = dict[str, _File]()
    for path, size in _files(folder):
        old = known.get(path.name)
        same = path.suffix == ".sst" and old is not None and old.size == size
        if path.suffix == ".log":  # RocksDB has synced all others
            _sync(path)
        files[path.name] = old if old and same else _File(_digest(path), size)
    sync_folder(folder / _STORE)
    lines = [_FIRST_LINE, *(f"{digest} {size} {name}" for name, (digest, size) in sorted(files.items()))]
    content = "".join(line + "\n" for line in lines).encode()
    end = f"end {hashlib.sha256(content).hexdigest()}\n".encode()
    write_whole(folder / SEAL, lambda file: file.write(content + end))
    (folder / _OPEN).unlink(missing_ok=True)


def unseal(folder: Path) -> None:
    """Take the seal off, before the store is changed; what it says of the data files is kept for the next seal."""
    with contextlib.suppress(FileNotFoundError):
        (folder / SEAL).replace(folder / _OPEN)
    sync_folder(folder)


def condemn(folder: Path, what: str) -> None:
    """Make sure that the store is not used again before it was built anew; ``what`` says what is wrong with it."""
    write_whole(folder / SEAL, lambda file: file.write(f"{what}\n".encode()))


def broken(folder: Path, *, thorough: bool = False) -> list[str] | None:
    """Return what is wrong with the files of a store, in words; ``None`` when it has no seal.

    Nothing is wrong with a store that has no seal, as far as is known: its last writer did not come to its end, or
    an earlier Parley made it. Nor with a store that is not there. Names and sizes of all files are compared and
    the content of the small ones, in a few milliseconds; with ``thorough`` the content of all.
    """
    if not (folder / _STORE).is_dir():
        return []
    try:
        said = (folder / SEAL).read_bytes()
    except FileNotFoundError:
        return None
    listed = _listed(folder / SEAL)
    if listed is None:
        return [_condemned(said)]
    there = {path.name: (path, size) for path, size in _files(folder)}
    wrong = [f"{name} is missing" for name in sorted(listed.keys() - there)]
    wrong += [f"{name} does not belong there" for name in sorted(there.keys() - listed)]
    for name in sorted(listed.keys() & there):
        path, size = there[name]
        differs = size != listed[name].size
        if not differs and (thorough or path.suffix != ".sst"):
            try:
                differs = _digest(path) != listed[name].digest
            except FileNotFoundError:
                differs = True
        if differs:
            wrong.append(f"{name} is damaged")
    return wrong


def _condemned(said: bytes) -> str:
    """Return the words that stand in place of a seal, or that the seal itself is damaged."""
    lines = said.decode(errors="replace").splitlines()
    return lines[0] if len(lines) == 1 and "\ufffd" not in lines[0] else f"{SEAL} is damaged"


def _listed(path: Path) -> Mapping[str, _File] | None:
    """Read a seal; ``None`` when it is missing or not whole."""
    try:
        content, _, end = path.read_bytes().rpartition(b"end ")
        lines = content.decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    if end != hashlib.sha256(content).hexdigest().encode() + b"\n" or lines[:1] != [_FIRST_LINE]:
        return None
    found = [_LINE.fullmatch(line) for line in lines[1:]]
    return {line[3]: _File(line[1], int(line[2])) for line in found if line}


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    with os.scandir(folder / _STORE) as entries:
        for entry in entries:
            if not _PASSING.fullmatch(entry.name):
                try:
                    size = entry.stat().st_size
                except (
                    FileNotFoundError
                ):  # a program without regard for our locks removes files while we look
                    continue
                yield Path(entry.path), size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
