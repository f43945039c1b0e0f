"""Files that survive a crash, the lock that lets in one writer at a time, and folders that go when nobody uses them."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from kg.errors import StoreError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

IN_USE: Final = "in-use.lock"
"""In a folder that may be made again: held by its readers together, or alone by who makes or removes it."""


def write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file so that after any crash ``path`` is what it was before or complete, and synced.

    ``fill`` gets the file to write to. ``OSError`` leaves everything as it was.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_at(path: Path, offset: int, data: bytes) -> None:
    """Replace all that an existing file holds from ``offset`` on by ``data``, synced.

    On ``OSError`` the file ends at ``offset``.
    """
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        os.ftruncate(descriptor, offset)
        os.lseek(descriptor, offset, os.SEEK_SET)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, offset)
        raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in ``folder`` are on the disk."""
    if sys.platform == "win32":  # Windows cannot sync a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(path: Path, patience: float, *, shared: bool = False) -> IO[bytes]:
    """Return the lock file, open and locked. Closing it lets go, and so does the end of the process.

    Any number may hold it ``shared`` (on Windows only one), or one not shared. While it cannot be had, wait
    ``patience`` seconds, then raise ``StoreError`` with the process id of the last to hold it alone.
    """
    file = path.open("a+b")
    deadline = time.monotonic() + patience
    while not _try_lock(file, shared):
        if time.monotonic() >= deadline:
            file.seek(0)
            holder = file.read().decode(errors="replace").strip() or "unknown"
            file.close()
            raise StoreError(
                f"locked by process {holder}",
                where=str(path.parent),
                remedy="wait until that process has ended",
            )
        time.sleep(0.005)
    if not shared:
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        file.flush()
    return file


def discard(folder: Path, mark: str) -> None:
    """Remove a folder with all that is in it, unless somebody holds its ``IN_USE``.

    ``mark`` is the file without which nobody takes the folder for whole: it goes first.
    """
    import shutil  # whoever finds a folder and reads it does without

    with contextlib.suppress(OSError, StoreError), lock(folder / IN_USE, 0):
        (folder / mark).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _try_lock(file: IO[bytes], shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(1 << 20)  # beyond the process id, which others read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
