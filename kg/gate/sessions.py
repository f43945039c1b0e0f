"""Changing a base on disk: one who writes adds and withdraws, each change whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from kg.bases.changes import Change
from kg.errors import Overtaken, UsageError
from kg.findings import Verdict
from kg.gate.checking import Examination, gate
from kg.gate.submissions import Framing, find_claims, read_submission
from kg.outside.proposals import Document, read_proposal
from kg.storage.journal import Add, Withdraw
from kg.storage.store import Engine

Handed: TypeAlias = Path | str | Document
"""A file by its name, or as a program hands it in."""

_Found: TypeAlias = tuple[Verdict, Add | Withdraw, Change | None]

_TRIES: Final = 5


class Writer(Protocol):
    """What a session needs of the one who may change a base, on disk or elsewhere."""

    @property
    def store(self) -> Engine:
        """The store as it is now, to look things up in."""

    @property
    def time(self) -> datetime:
        """The moment that the next record will bear."""

    def commit(self, entry: Add | Withdraw, change: Change) -> object:
        """Make a change, all of it or nothing; ``Overtaken`` where somebody else changed the base meanwhile."""

    def look_again(self) -> None:
        """Take the base as it is now, after ``Overtaken``."""


class Session:
    """The one who writes to a base; others may read until the first change, and then again when it ends.

    Many changes in one session cost less than each in one of its own: the store is opened once.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, *files: Handed, framing: Framing | None = None, strict: bool = False) -> Verdict:
        """Check files as one proposal and, unless it is refused, add it: synced when this returns.

        ``framing`` makes one claim of plain triples, ``strict`` refuses for a warning too. Adding the same again
        changes nothing. Raises ``UnreadableInput`` for a file that cannot be opened, ``UsageError`` for plain triples
        without a framing, ``StoreError`` where it cannot be written. Cost: that of ``check``, and some 20 ms.
        """

        def found() -> _Found:
            found = examine(files, framing, strict, self._writer.store, self._writer.time)
            if found.plain and not found.verdict.refused:
                raise UsageError(
                    "plain triples cannot be added as they are", remedy="give --source and --quote"
                )
            change = found.change if found.change and found.change.facts else None
            return found.verdict, Add("".join(f"{quad} .\n" for quad in found.quads)), change

        return self._committed(found)

    def retract(self, *claims: str, source: str | None = None, reason: str, strict: bool = False) -> Verdict:
        """Withdraw claims, or all of a source: they stay on record, and what rested on them alone no longer holds.

        What that leaves incomplete is told as warnings, or with ``strict`` refused. Withdrawing again changes nothing.
        Raises ``UnknownName`` for a claim or source that is not there, ``StoreError`` where it cannot be written.
        """
        if claims and source:
            raise UsageError("claims and a source are both named", remedy="name either")
        if not reason.strip():
            raise UsageError("a withdrawal needs a reason", remedy="say why, it is kept on record")

        def found() -> _Found:
            store, now = self._writer.store, self._writer.time
            found = gate().withdraw(find_claims(claims, source, store), reason, store, now, strict=strict)
            withdrawn = found.verdict.withdrawn
            return found.verdict, Withdraw(withdrawn, reason), found.change if withdrawn else None

        return self._committed(found)

    def _committed(self, examined: Callable[[], _Found]) -> Verdict:
        """Make the change that an examination comes to; examined again where somebody else was faster."""
        for tries_left in reversed(range(_TRIES)):
            verdict, entry, change = examined()
            if change is None:
                return verdict
            try:
                self._writer.commit(entry, change)
            except Overtaken:
                if not tries_left:
                    raise
                self._writer.look_again()
            else:
                return replace(verdict, committed=True)
        raise AssertionError


def examine(
    files: Sequence[Handed], framing: Framing | None, strict: bool, base: Engine, moment: datetime
) -> Examination:
    """Check files as one proposal against a base as of a moment; nothing is changed."""
    handed = [Path(file) if isinstance(file, str) else file for file in files]
    if not handed or not all(isinstance(file, Path | Document) for file in handed):
        raise UsageError(
            "files are given by name, or as Document", remedy="give each as an argument of its own"
        )
    with ThreadPoolExecutor(1) as other:  # the file is read by another process: time to make the gate ready
        reading = other.submit(read_proposal, handed)
        gate().make_ready()
        submission = read_submission(handed, framing or Framing(), base, reading.result())
    return gate().check(submission.proposal, base, moment, texts=submission.texts, strict=strict)
