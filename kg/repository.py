"""Bases: the built-in one and those on disk; how they are made, filled, brought up to date and asked.

A base on disk is a folder: ``journal/`` is the truth, ``store/`` an index over it that is built again when it
is missing, behind, or made from another ontology. docs/formats.md describes the files.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kg.bases.cache import cache_file, cached, keep
from kg.errors import DamagedStore, StoreError, UsageError
from kg.findings import Verdict
from kg.remote.endpoints import is_endpoint
from kg.storage.store import Embedded, Engine, Results
from kg.terms import Progress
from kg.view import View, stored_questions

if TYPE_CHECKING:
    from kg.bases.upkeep import Loaded
    from kg.bases.writing import Handle
    from kg.distant.reading import Distant
    from kg.gate.sessions import Handed, Session
    from kg.gate.submissions import Framing
    from kg.importing.importing import Imported
    from kg.views.briefings import Briefing
    from kg.views.differences import Difference
    from kg.views.impact import Impact

_Read = TypeVar("_Read")


class Base(View):
    """A base of claims and all that follows from them: seen as it is, and changed.

    >>> import kg
    >>> kg.open().ask("parties", agreement="idlib-agreement-2020").texts()
    [('Russia',), ('Türkiye',)]
    """

    def __init__(
        self,
        store: Engine,
        location: Path | bytes,
        folder: Path | None = None,
        distant: Distant | None = None,
    ) -> None:
        super().__init__(store, location)
        self._folder = folder
        self._distant = distant
        self._kept: Handle | None = None

    def _steadily(self, read: Callable[[Engine], _Read], progress: Progress = None) -> _Read:
        """Read while no writer changes the store; one on disk stays open until somebody has written to it.

        A store that turns out damaged is built again from the journal and read once more. One behind an endpoint is
        read again where somebody changed it meanwhile.
        """
        if self._distant is not None:
            return self._distant.steadily(read)
        if self._folder is None:
            return read(self._store)
        from kg.bases.writing import Handle, reading

        self._kept = self._kept or Handle()
        for last in (False, True):
            try:
                with reading(self._folder, progress, self._kept) as store:
                    return read(store)
            except DamagedStore:
                if last:
                    raise
        raise AssertionError

    def view(
        self,
        *,
        as_told_by: str | None = None,
        by: str | None = None,
        as_of: str | date | None = None,
        progress: Progress = None,
    ) -> View:
        """Return the base as others see it, as it is now; it can be asked like any base and takes no facts.

        ``as_told_by`` holds true as well what a speaker said, ``by`` only what one source says, ``as_of`` what was
        on record at the end of a day. The rules hold in each. Raises ``UnknownName`` for a speaker or source,
        ``UsageError`` for a date that is none or lies ahead. Cost: in step with what differs; kept until the base
        changes.
        """
        from kg.views.naming import find_viewpoint
        from kg.views.shifts import prepared

        now = datetime.now(UTC)
        with ExitStack() as held:
            near = held.enter_context(self._nearby(progress))

            def read(store: Engine) -> View:
                viewpoint = find_viewpoint(store, now, as_told_by=as_told_by, by=by, as_of=_spelt(as_of))
                return View(*prepared(_here(store), near._location, viewpoint, progress=progress), viewpoint)

            view = near._steadily(read, progress)
            weakref.finalize(view, held.pop_all().close)
            return view

    def diff(self, left: str, right: str, progress: Progress = None) -> Difference:
        """Return what one view has that another has not, and which stored questions they answer differently.

        A view is written as ``default``, ``as-told-by:SPEAKER``, ``by:SOURCE`` or ``as-of:DATE``, or several of these
        joined by commas. Raises as :meth:`view` does. Cost: in step with what differs, and the questions that may
        answer differently, asked of all things at once.
        """
        from kg.bases.changes import rulebook
        from kg.views.differences import differ
        from kg.views.naming import read_viewpoint

        now = datetime.now(UTC)

        with self._nearby(progress) as near:

            def read(store: Engine) -> Difference:
                views = [(name, read_viewpoint(name, store, now)) for name in (left, right)]
                return differ(
                    _here(store), near._location, views[0], views[1], stored_questions(), rulebook()
                )

            return near._steadily(read, progress)

    def impact(self, *claims: str, source: str | None = None, progress: Progress = None) -> Impact:
        """Return which facts would go and which stored questions would answer differently without some claims.

        Claims are named as for :meth:`retract`; nothing is changed. Raises ``UnknownName``.
        """
        from kg.bases.changes import rulebook
        from kg.gate.submissions import find_claims
        from kg.views.impact import impact

        def read(store: Engine) -> Impact:
            return impact(find_claims(claims, source, store), _here(store), stored_questions(), rulebook())

        with self._nearby(progress) as near:
            return near._steadily(read, progress)

    def since(self, begin: str | date) -> Briefing:
        """Return what came since a day or a moment, what was withdrawn, and what follows that did not before.

        Raises ``UsageError`` for a date that is none or lies ahead. Cost: in step with what changed.
        """
        from kg.bases.changes import rulebook
        from kg.views.briefings import brief
        from kg.views.naming import read_moment

        now = datetime.now(UTC)
        first = read_moment(_spelt(begin) or "", now, end_of_day=False)
        return self._steadily(lambda store: brief(store, first, now, rulebook()))

    def check(
        self,
        *files: Handed,
        framing: Framing | None = None,
        strict: bool = False,
        progress: Progress = None,
    ) -> Verdict:
        """Say what adding files, which count as one proposal, would do; nothing is changed.

        ``framing`` makes one claim of plain triples, ``strict`` refuses for a warning too. Raises ``UnreadableInput``
        for a file that cannot be opened; what is wrong inside is a finding. Cost: some ten milliseconds for an
        article, however large the base; the first check in a process takes half a second more.
        """
        from kg.gate.sessions import examine

        now = datetime.now(UTC)
        return self._steadily(lambda store: examine(files, framing, strict, store, now).verdict, progress)

    def validate(self, progress: Progress = None) -> Verdict:
        """Check the whole base: every claim's evidence, every shape, and that journal and store are sound.

        Cost: some seconds for a million triples.
        """
        from kg.bases.upkeep import inspect
        from kg.gate.checking import gate

        damage = list(inspect(self._folder, progress)) if self._folder else []
        try:
            verdict = self._steadily(lambda store: gate().validate(store, progress), progress)
        except StoreError:  # what is damaged there says why
            if not damage:
                raise
            return Verdict(tuple(damage), checked=1, whole=True)
        return replace(verdict, findings=(*damage, *verdict.findings))

    @contextmanager
    def writing(self, progress: Progress = None) -> Iterator[Session]:
        """Begin a session of changes, for adding or withdrawing many things one after the other.

        One at a time may write; others are waited for, ten seconds at most. Raises ``UsageError`` for the built-in
        base and ``StoreError`` where it cannot be written.
        """
        from kg.gate.sessions import Session

        if self._distant is not None:
            with self._distant.writing() as far_writer:
                yield Session(far_writer)
            return
        from kg.bases.writing import writing

        with writing(self._on_disk(), progress) as writer:
            yield Session(writer)

    def add(
        self,
        *files: Handed,
        framing: Framing | None = None,
        strict: bool = False,
        progress: Progress = None,
    ) -> Verdict:
        """Check files as one proposal and, unless it is refused, add it: :meth:`kg.gate.sessions.Session.add`."""
        with self.writing(progress) as session:
            return session.add(*files, framing=framing, strict=strict)

    def retract(
        self,
        *claims: str,
        source: str | None = None,
        reason: str,
        strict: bool = False,
        progress: Progress = None,
    ) -> Verdict:
        """Withdraw claims, or all of a source: :meth:`kg.gate.sessions.Session.retract`."""
        with self.writing(progress) as session:
            return session.retract(*claims, source=source, reason=reason, strict=strict)

    def load(self, files: Sequence[Path], progress: Progress = None) -> Loaded:
        """Load files of claims and reference data in bulk, on any error nothing; say what was loaded.

        The texts of new sources lie beside the files. Raises ``UnreadableInput`` for a file that is not what
        it claims to be, ``Refused``, with all its ``findings``, where evidence does not hold or the whole would
        clash. Cost: the rules run over the whole view.
        """
        from kg.gate.checking import gate

        if self._distant is not None:
            from kg.distant.landing import load as load_there

            return load_there(self._distant, files, gate().admit, progress)
        from kg.bases.upkeep import load

        return load(self._on_disk(), files, gate().admit, progress)

    def backup(self, directory: Path | str) -> None:
        """Copy the base to a new or empty folder, whole or not at all and synced; it is a base of its own then.

        Others may read and write meanwhile. Its store is built when the copy is first opened. Raises ``StoreError``
        for damage and where the copy cannot be written.
        """
        if self._distant is not None:
            from kg.distant.landing import backup as copy_here

            copy_here(self._distant, Path(directory))
            return
        from kg.bases.upkeep import backup

        backup(self._on_disk(), Path(directory))

    def convert(
        self,
        mapping: str,
        file: Path,
        target: Path,
        *,
        version: str | None = None,
        progress: Progress = None,
    ) -> Imported:
        """Write each row of a table as a claim into the folder ``target``, whose ``claims.nq`` can be loaded.

        ``mapping`` names a data set or a mapping file; rows are joined to what this base knows. Raises
        ``UnknownName``, ``UnreadableInput`` for a file that is not that data set. docs/importing.md tells more.
        """
        from kg.importing.importing import convert
        from kg.importing.mappings import mapping as find

        chosen = find(mapping)
        return self._steadily(
            lambda store: convert(chosen, file, store, target, version=version, progress=progress)
        )

    def _asked(self, store: Engine, sparql: str, seconds: float, memory: int) -> Results:
        if self._distant is None:
            return super()._asked(store, sparql, seconds, memory)
        from kg.outside.sandbox import checked_query

        text, graphs = checked_query(sparql)
        return self._distant.store.asked(text, graphs, seconds=seconds)

    @contextmanager
    def _nearby(self, progress: Progress) -> Iterator[Base]:
        """Give this base as one on this machine, for views are stores beside it: one behind an endpoint as a copy."""
        if self._distant is None:
            yield self
            return
        from kg.distant.landing import copied

        with copied(self._distant, progress) as place:
            yield open_base(place, progress)

    def _on_disk(self) -> Path:
        if self._folder is None:
            raise UsageError(
                "the built-in base takes no new facts",
                remedy="make one on disk with 'kg init DIR' and name it with --store",
            )
        return self._folder


def _here(store: Engine) -> Embedded:
    """Return the store of a base on this machine as what it is; views are stores made beside it."""
    if not isinstance(store, Embedded):
        raise TypeError("views need a store on this machine")
    return store


def _spelt(moment: str | date | None) -> str | None:
    """Return a day or a moment as people write it."""
    return moment.isoformat() if isinstance(moment, date) else moment


def open_base(place: Path | str | None = None, progress: Progress = None) -> Base:
    """Open a base on disk, one behind a SPARQL endpoint, or without ``place`` the built-in one.

    A store that is missing, behind its journal or made from another ontology is built again first.
    Raises ``StoreError`` for a base that is missing, locked, damaged or newer, or cannot be reached. Cost: opening;
    where it has to be built, reading all of it and applying the rules. The built-in base is kept in a cache
    (``KG_CACHE``, else the user's cache folder) until its inputs change. An endpoint is given by its URL, several bases
    on one server by what stands after ``#``; docs/remote-stores.md says how to log in.
    """
    if place is None:
        cache = cache_file()
        store = cached(cache)
        if store is not None:
            return Base(store, cache)
        from kg.bases.building import build

        store = build(progress)
        return Base(store, keep(store, cache))
    if is_endpoint(str(place)):
        from kg.distant.landing import reach

        distant = reach(str(place))
        return Base(distant.store, b"", distant=distant)
    from kg.bases.writing import reading

    with reading(Path(place), progress) as opened:
        return Base(opened, Path(place), folder=Path(place))


def init(place: Path | str, progress: Progress = None) -> Base:
    """Make a base on disk or behind an endpoint that holds the built-in article and reference data, and open it.

    Raises ``StoreError`` when there is something already, or it cannot be made.
    """
    if is_endpoint(str(place)):
        from kg.distant.landing import make as make_there
        from kg.distant.landing import reach

        make_there(reach(str(place)), progress)
    else:
        from kg.bases.upkeep import make

        make(Path(place), progress)
    return open_base(place)


def rebuild(place: Path | str, progress: Progress = None) -> Base:
    """Make the store of a base on disk anew from its journal, or the view of one behind an endpoint from its claims.

    Whatever the old one holds. Opens the base. Raises ``StoreError`` for a damaged journal. Cost: reading all of it
    and applying the rules.
    """
    if is_endpoint(str(place)):
        from kg.distant.landing import reach
        from kg.distant.landing import rebuild as rebuild_there

        rebuild_there(reach(str(place)), progress)
    else:
        from kg.bases.upkeep import rebuild as build_anew

        build_anew(Path(place), progress)
    return open_base(place)
