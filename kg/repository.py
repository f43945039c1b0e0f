"""Bases: the built-in one and those on disk; how they are made, filled, brought up to date and asked.

A base on disk is a folder: ``journal/`` is the truth, ``store/`` an index over it that is built again when it
is missing, behind, or made from another ontology. docs/formats.md describes the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from pyoxigraph import NamedNode, Quad

from kg.asking.answers import Answer, Description, describe, read_answer
from kg.asking.labels import find_labels
from kg.asking.questions import Question, bind, question_files, read_question, resolve
from kg.bases.cache import cache_file, cached, keep
from kg.errors import DamagedStore, StoreError, UnknownName, UsageError
from kg.evidence.claims import Claim, read_claims, source_texts
from kg.evidence.coverage import Coverage, coverage, read_omissions
from kg.findings import Verdict
from kg.storage.store import Embedded
from kg.terms import BASE, CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, Progress, curie, data_folder, iri

if TYPE_CHECKING:
    from kg.bases.writing import Handle
    from kg.gate.sessions import Handed, Session
    from kg.gate.submissions import Framing

_MOST_SECONDS: Final = 86_400
_LEAST_MEMORY, _MOST_MEMORY = 64, 1 << 20  # in MiB; the worker does not start with less than the least

_Read = TypeVar("_Read")
_THINGS: Final = f"""
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?class ?thing WHERE {{
  ?thing a ?class
  FILTER STRSTARTS(STR(?class), "{BASE}ontology#")
  FILTER NOT EXISTS {{ ?thing a ?narrow . GRAPH {ONTOLOGY} {{ ?narrow rdfs:subClassOf+ ?class }} }}
}}"""


class Base:
    """A base of claims and all that follows from them, open for questions.

    >>> import kg
    >>> len(kg.open().ask("parties", agreement="idlib-agreement-2020"))
    2
    """

    def __init__(self, store: Embedded, location: Path | bytes) -> None:
        self._store = store
        self._location = location
        self._folder = store.directory
        self._kept: Handle | None = None

    def ask(self, question: str, /, **parameters: str) -> Answer:
        """Answer a stored question. A thing may be given by a label, a code, a CURIE or an IRI.

        Raises ``UnknownName`` for the question or a thing, ``UsageError`` for a parameter that is unknown,
        missing, of the wrong kind or ambiguous.
        """
        stored = stored_question(question)
        return self._steadily(lambda store: read_answer(store.query(bind(stored, parameters, store)), store))

    def _steadily(self, read: Callable[[Embedded], _Read], progress: Progress = None) -> _Read:
        """Read while no writer changes the store; one on disk stays open until somebody has written to it.

        A store that turns out damaged is built again from the journal and read once more.
        """
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

    def query(self, sparql: str, *, seconds: float = 30, memory: int = 2048) -> Answer:
        """Answer a SPARQL query in a process of its own, within ``seconds`` and ``memory`` MiB.

        It sees the view; ``GRAPH`` reaches the claims and their graphs. Our prefixes are known. Raises
        ``UnreadableInput`` for a syntax error, ``Refused`` for updates and SERVICE, ``LimitReached``.
        """
        from kg.outside.sandbox import run_query

        if not 0 < seconds <= _MOST_SECONDS or not _LEAST_MEMORY <= memory <= _MOST_MEMORY:
            raise UsageError(
                f"limits of {seconds} s and {memory} MiB cannot be kept",
                remedy=f"allow up to {_MOST_SECONDS} s and {_LEAST_MEMORY} to {_MOST_MEMORY} MiB",
            )
        return self._steadily(
            lambda store: read_answer(
                run_query(self._location, sparql, seconds=seconds, memory=memory), store
            )
        )

    def show(self, thing: str) -> Description:
        """Return what is known of a thing, given as for ``ask``, in sentences with their quotes."""
        return self._steadily(lambda store: describe(resolve(thing, store), store))

    def export(self, form: str = "turtle", *, what: str = "view", of_class: str | None = None) -> bytes:
        """Return the base in one of the formats of ``kg.asking.export``; the same base gives the same bytes.

        ``what`` is ``view`` (all that holds), ``stated`` (without inferences), ``everything`` (the whole base,
        in a format that has named graphs) or a source. Of a source, a format without named graphs gets what
        the source itself says; one with named graphs also the claims of those it quotes. ``of_class`` asks
        for one table of a CSV export.
        """
        from kg.asking.export import export, find_format

        named = find_format(form).named_graphs
        quads, labels, table = self._steadily(lambda store: self._exported(store, named, what, of_class))
        return b"".join(export(quads, form, labels=labels, table=table))

    def _exported(
        self, store: Embedded, named: bool, what: str, of_class: str | None
    ) -> tuple[list[Quad], dict[NamedNode, str], NamedNode | None]:
        table = self._class(of_class, store) if of_class else None
        quads = list(self._selected(what, named, store))
        things = {term for quad in quads for term in (quad.subject, quad.predicate, quad.object)}
        labels = find_labels((thing for thing in things if isinstance(thing, NamedNode)), store)
        return quads, labels, table

    def _class(self, name: str, store: Embedded) -> NamedNode:
        """Return the class that a person means by its label, local name, CURIE or IRI."""
        found = store.quads(None, iri("rdf:type"), iri("owl:Class"), ONTOLOGY)
        classes = find_labels((quad.subject for quad in found if isinstance(quad.subject, NamedNode)), store)
        for node, label in classes.items():
            short = curie(node) or ""
            spellings = (label, short, short.partition(":")[2], node.value)
            if name.casefold() in (spelling.casefold() for spelling in spellings):
                return node
        known = [(curie(node) or "").partition(":")[2] for node in classes]
        raise UnknownName("class", name, known, remedy="kg show lists the classes that have things")

    def _selected(self, what: str, named: bool, store: Embedded) -> Iterator[Quad]:
        if what == "view":
            return (Quad(*quad.triple) for quad in store.quads(graph=VIEW))
        if what == "stated":
            graphs = [REFERENCE, *(claim.iri for claim in read_claims(store) if claim.accepted)]
            return (Quad(*quad.triple) for graph in graphs for quad in store.quads(graph=graph))
        if what == "everything":
            if not named:
                raise UsageError(
                    "this format would mix what people said with what holds",
                    remedy="use trig, nquads or jsonld",
                )
            return (quad for quad in store.quads() if quad.graph_name != STATE)
        return self._of_source(self._source(what, store), named, store)

    def _of_source(self, source: NamedNode, named: bool, store: Embedded) -> Iterator[Quad]:
        for claim in read_claims(store):
            if claim.source == source and (named or claim.accepted):
                for quad in store.quads(graph=claim.iri):
                    yield quad if named else Quad(*quad.triple)
                if named:
                    yield from store.quads(claim.iri, None, None, CLAIMS)
        if named:
            yield from store.quads(source, None, None, CLAIMS)

    def _source(self, name: str, store: Embedded) -> NamedNode:
        slugs = {source.value.removeprefix(BASE + "source/"): source for source in source_texts(store)}
        short = name.removeprefix("source:").removeprefix(BASE + "source/")
        if short not in slugs:
            known = ["view", "stated", "everything", *slugs]
            raise UnknownName("source", name, known, remedy=f"use one of {', '.join(known)}")
        return slugs[short]

    def claims(self) -> tuple[Claim, ...]:
        """Return all claims, by source and then in the order of their quotes."""
        claims = self._steadily(lambda store: list(read_claims(store)))
        return tuple(sorted(claims, key=lambda c: (c.source.value, c.start, c.end, c.iri.value)))

    def coverage(self) -> dict[NamedNode, list[Coverage]]:
        """Return, for each source with a text, what became of each of its sentences."""
        lists = sorted((data_folder() / "seeds").glob("*/omissions.yaml"))
        texts, claims = self._steadily(source_texts), self.claims()
        reports = {}
        for source, text in sorted(texts.items(), key=lambda pair: pair[0].value):
            own = [path for path in lists if (path.parent / "article.txt").read_bytes() == text.encode()]
            omissions = [omission for path in own for omission in read_omissions(path, text)]
            own_claims = [c for c in claims if c.source == source and not c.withdrawn]
            reports[source] = coverage(text, own_claims, omissions)
        return reports

    def things(self) -> Answer:
        """Return the things of the base with their narrowest classes, by class and label.

        Cost: one pass over the types in the view.
        """
        answer = self._steadily(lambda store: read_answer(store.query(_THINGS), store))
        texts = dict(zip(answer.rows, answer.texts(), strict=True))
        return Answer(answer.columns, tuple(sorted(texts, key=texts.__getitem__)), answer.labels)

    def summary(self) -> str:
        """Return in one line how much the base holds. Cost: one pass over the view."""
        claims, held = self.claims(), self._steadily(lambda store: store.count(VIEW))
        sources = len({claim.source for claim in claims})
        return f"{len(claims):,} claims from {sources:,} source{'' if sources == 1 else 's'}, {held:,} triples hold"

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
        from kg.bases.writing import writing
        from kg.gate.sessions import Session

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

    def load(self, files: Sequence[Path], progress: Progress = None) -> int:
        """Load files of claims and reference data in bulk, on any error nothing; return how many triples hold then.

        The texts of new sources lie beside the files. Raises ``UnreadableInput`` for a file that is not what
        it claims to be, ``Refused`` where evidence does not hold or the whole would clash. Cost: the rules run
        over the whole view.
        """
        from kg.bases.upkeep import load
        from kg.gate.checking import gate

        return load(self._on_disk(), files, gate().admit, progress)

    def backup(self, directory: Path | str) -> None:
        """Copy the base to a new or empty folder, whole or not at all and synced; it is a base of its own then.

        Others may read and write meanwhile. Its store is built when the copy is first opened. Raises ``StoreError``
        for damage and where the copy cannot be written.
        """
        from kg.bases.upkeep import backup

        backup(self._on_disk(), Path(directory))

    def _on_disk(self) -> Path:
        if self._folder is None:
            raise UsageError(
                "the built-in base takes no new facts",
                remedy="make one on disk with 'kg init DIR' and name it with --store",
            )
        return self._folder


def open_base(directory: Path | str | None = None, progress: Progress = None) -> Base:
    """Open a base on disk, or without ``directory`` the built-in one.

    A store that is missing, behind its journal or made from another ontology is built again first.
    Raises ``StoreError`` for a base that is missing, locked, damaged or newer. Cost: opening; where it has to
    be built, reading all of it and applying the rules. The built-in base is kept in a cache (``KG_CACHE``,
    else the user's cache folder) until its inputs change.
    """
    if directory is None:
        cache = cache_file()
        store = cached(cache)
        if store is not None:
            return Base(store, cache)
        from kg.bases.building import build

        store = build(progress)
        return Base(store, keep(store, cache))
    from kg.bases.writing import reading

    with reading(Path(directory), progress) as store:
        return Base(store, Path(directory))


def init(directory: Path | str, progress: Progress = None) -> Base:
    """Make a base on disk that holds the built-in article and reference data, and open it.

    Raises ``StoreError`` when the folder exists and is not empty, or cannot be made.
    """
    from kg.bases.upkeep import make

    make(Path(directory), progress)
    return open_base(directory)


def rebuild(directory: Path | str, progress: Progress = None) -> Base:
    """Make the store of a base on disk anew from its journal, whatever the old one holds, and open the base.

    Raises ``StoreError`` for a damaged journal. Cost: reading all of it and applying the rules.
    """
    from kg.bases.upkeep import rebuild as build_anew

    build_anew(Path(directory), progress)
    return open_base(directory)


def stored_questions() -> dict[str, Question]:
    """Return all stored questions by name, in alphabetical order."""
    return {name: read_question(path) for name, path in question_files(_questions()).items()}


def stored_question(name: str) -> Question:
    """Return one stored question; ``UnknownName`` with the nearest ones when there is none of that name."""
    files = question_files(_questions())
    if name not in files:
        raise UnknownName("question", name, files, remedy="'kg ask' lists them")
    return read_question(files[name])


def _questions() -> Path:
    return data_folder() / "queries" / "questions"
