"""What the commands share: the base that a command works on, progress on a terminal, files written whole."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kg.errors import UsageError

if TYPE_CHECKING:
    from kg.repository import Base


def open_given(ctx: click.Context) -> Base:
    """Open the base that ``--store`` names, or the built-in one."""
    from kg.repository import open_base

    with progress() as report:
        return open_base(ctx.find_root().obj, report)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None] | None]:
    """Show what long work is doing, on a terminal only, once it has said a first word."""
    if not sys.stderr.isatty():
        yield None
        return
    with contextlib.ExitStack() as stack:
        shown: list[Any] = []

        def report(text: str) -> None:
            if not shown:
                from rich.console import Console

                shown.append(stack.enter_context(Console(stderr=True).status(text)))
            shown[0].update(text)

        yield report


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what is no file, such as a device or a pipe, stays what it is."""
    from kg.storage.durable import write_whole

    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
        else:
            write_whole(Path(os.path.realpath(path)), lambda file: file.write(content))
    except OSError as error:
        raise UsageError(
            f"cannot be written: {error.strerror}", where=str(path), remedy="choose a place you may write to"
        ) from error
