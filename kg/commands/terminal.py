"""What the commands share: the base that a command works on, progress on a terminal, files written whole."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kg.errors import UsageError

if TYPE_CHECKING:
    from kg.repository import Base
    from kg.view import View


_Command = TypeVar("_Command", bound=Callable[..., Any])
_VIEW: Final = (
    click.option("--as-told-by", metavar="SPEAKER", help="Hold true as well what this speaker said."),
    click.option("--by", metavar="SOURCE", help="Hold true only what this source says."),
    click.option("--as-of", metavar="DATE", help="As things were on record at the end of that day (UTC)."),
)


def viewing(command: _Command) -> _Command:
    """Give a command the options that say from where the base is seen; for :func:`open_view`."""
    for option in reversed(_VIEW):
        command = option(command)
    return command


def open_given(ctx: click.Context) -> Base:
    """Open the base that ``--store`` names, or the built-in one."""
    from kg.repository import open_base

    with progress() as report:
        return open_base(ctx.find_root().obj, report)


def open_view(ctx: click.Context, options: dict[str, Any]) -> View:
    """Open that base, seen as the options of :func:`viewing` say; those are taken out of ``options``."""
    chosen = {name: options.pop(name) for name in ("as_told_by", "by", "as_of")}
    base = open_given(ctx)
    if all(value is None for value in chosen.values()):
        return base
    with progress() as report:
        view = base.view(**chosen, progress=report)
    click.echo(view.standpoint, err=True)  # what is printed or saved does not say so itself
    return view


def parameters(args: Sequence[str]) -> dict[str, str]:
    """Read the ``--name value`` and ``--name=value`` pairs that belong to a question; ``UsageError`` for all else."""
    found: dict[str, str] = {}
    rest = list(args)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--") or option == "--":
            raise UsageError(f"{option!r} is not expected here", remedy="write parameters as --name value")
        key, equals, value = option[2:].partition("=")
        key = key.replace("-", "_")
        if not equals:
            if not rest:
                raise UsageError(f"{option} has no value", remedy=f"write {option} VALUE")
            value = rest.pop(0)
        if key in found:
            raise UsageError(f"--{key} is given twice", remedy="give each parameter once")
        found[key] = value
    return found


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
