"""A view of a base: what holds from where it is seen, asked, followed down to its sentences, exported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from pyoxigraph import Literal, NamedNode

from kg.asking.answers import Answer, Description, describe, read_answer
from kg.asking.labels import find_labels
from kg.asking.naming import resolve
from kg.asking.questions import Question, filled, question_files, read_question, terms_of
from kg.errors import UnknownName, UsageError
from kg.evidence.claims import Claim, read_claims, source_texts
from kg.evidence.coverage import Coverage, coverage, read_omissions
from kg.evidence.viewpoints import Viewpoint
from kg.findings import Verdict
from kg.storage.store import Engine, Results
from kg.terms import BASE, ONTOLOGY, VIEW, Progress, data_folder

if TYPE_CHECKING:
    from kg.asking.sayings import Saying
    from kg.citing.algebra import Query as CompiledQuery
    from kg.disputes.disputes import Dispute
    from kg.proofs.proofs import Explanation

_MOST_SECONDS: Final = 86_400
_LEAST_MEMORY, _MOST_MEMORY = 64, 1 << 20  # in MiB; the worker does not start with less than the least

_MOST_KEPT: Final = 400  # stored questions, taken apart, of a few versions
_DEFAULT: Final = Viewpoint()
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_Read = TypeVar("_Read")
Spelt: TypeAlias = str | int | Decimal | NamedNode | Literal
"""A term, or what a person would write for it."""
_THINGS: Final = f"""
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?class ?thing WHERE {{
  ?thing a ?class
  FILTER STRSTARTS(STR(?class), "{BASE}ontology#")
  FILTER NOT EXISTS {{ ?thing a ?narrow . GRAPH {ONTOLOGY} {{ ?narrow rdfs:subClassOf+ ?class }} }}
}}"""


class View:
    """What holds, as seen from somewhere, open for questions; nothing can be added to it.

    >>> import kg
    >>> len(kg.open().ask("parties", agreement="idlib-agreement-2020"))
    2
    """

    def __init__(self, store: Engine, location: Path | bytes, viewpoint: Viewpoint = _DEFAULT) -> None:
        self.viewpoint: Final = viewpoint
        """From where it is seen: which claims count."""
        self._store = store
        self._location = location

    def _steadily(self, read: Callable[[Engine], _Read], progress: Progress = None) -> _Read:  # noqa: ARG002 - for bases that change
        """Read from a store that does not change meanwhile."""
        return read(self._store)

    def ask(
        self,
        question: str,
        given: Mapping[str, str] = _NONE,
        /,
        *,
        cite: bool = False,
        labels: bool = True,
        **parameters: str,
    ) -> Answer:
        """Answer a stored question. A thing may be given by a label, a code, a CURIE or an IRI.

        ``given`` are more parameters, of whatever name. With ``cite`` the answer has ``citations``. Without ``labels``
        it has IRIs alone: that saves a look-up for each thing, which counts for long answers and behind an endpoint.
        Raises ``UnknownName`` for the question or a thing, ``UsageError`` for a parameter that is unknown, missing, of
        the wrong kind or ambiguous.
        """
        stored, values = stored_question(question), {**given, **parameters}

        def read(store: Engine) -> Answer:
            terms = terms_of(stored, values, store)
            sparql = filled(stored, terms)
            answer = read_answer(store.query(sparql), store, labels=labels)
            return self._cited(answer, sparql, store, _taken_apart(stored, terms)) if cite else answer

        return self._steadily(read)

    def _cited(
        self,
        answer: Answer,
        sparql: str,
        store: Engine,
        compiled: CompiledQuery | None = None,
        seconds: float = 30,
    ) -> Answer:
        from kg.bases.changes import rulebook
        from kg.citing.citations import cite

        found = cite(sparql, answer, store, rulebook(), self.viewpoint, compiled=compiled, seconds=seconds)
        return replace(answer, cited=found)

    def query(
        self,
        sparql: str,
        *,
        seconds: float = 30,
        memory: int = 2048,
        cite: bool = False,
        labels: bool = True,
    ) -> Answer:
        """Answer a SPARQL query in a process of its own, within ``seconds``, citing and all, and ``memory`` MiB.

        It sees the view; ``GRAPH`` reaches the claims and their graphs. Our prefixes are known. ``labels`` as for
        ``ask``. Raises ``UnreadableInput`` for a syntax error, ``Refused`` for updates and SERVICE, ``LimitReached``.
        """
        if not 0 < seconds <= _MOST_SECONDS or not _LEAST_MEMORY <= memory <= _MOST_MEMORY:
            raise UsageError(
                f"limits of {seconds} s and {memory} MiB cannot be kept",
                remedy=f"allow up to {_MOST_SECONDS} s and {_LEAST_MEMORY} to {_MOST_MEMORY} MiB",
            )

        def read(store: Engine) -> Answer:
            until = time.monotonic() + seconds
            answer = read_answer(self._asked(store, sparql, seconds, memory), store, labels=labels)
            left = until - time.monotonic()
            return self._cited(answer, sparql, store, seconds=left) if cite else answer

        return self._steadily(read)

    def _asked(self, store: Engine, sparql: str, seconds: float, memory: int) -> Results:  # noqa: ARG002 - for bases elsewhere
        """Run a query that nobody has checked."""
        from kg.outside.sandbox import run_query

        return run_query(self._location, sparql, seconds=seconds, memory=memory)

    def show(self, thing: str) -> Description:
        """Return what is known of a thing, given as for ``ask``, in sentences with their quotes."""
        return self._steadily(lambda store: describe(resolve(thing, store), store, self.viewpoint))

    def claim(self, name: str) -> Saying:
        """Return a claim, named as ``idlib-ceasefire/20`` or by its IRI, with its words where they stand in the source.

        Raises ``UnknownName`` with the nearest claims.
        """
        from kg.asking.sayings import read_saying
        from kg.gate.submissions import find_claims

        return self._steadily(lambda store: read_saying(find_claims([name], None, store)[0], store))

    def export(self, form: str = "turtle", *, what: str = "view", of_class: str | None = None) -> bytes:
        """Return the base in one of the formats of ``kg.asking.export``; the same base gives the same bytes.

        ``what`` is ``view`` (all that holds), ``stated`` (without inferences), ``everything`` (the whole base,
        in a format that has named graphs) or a source. Of a source, a format without named graphs gets what
        the source itself says; one with named graphs also the claims of those it quotes. ``of_class`` asks
        for one table of a CSV export.
        """
        from kg.asking.export import export, find_format
        from kg.asking.selection import select

        named = find_format(form).named_graphs
        chosen = self._steadily(
            lambda store: select(store, what, self.viewpoint, named=named, of_class=of_class)
        )
        return b"".join(export(chosen.quads, form, labels=chosen.labels, table=chosen.table))

    def explain(
        self, subject: Spelt, predicate: Spelt, value: Spelt, *, most: int = 1, limit: int = 1_000
    ) -> Explanation:
        """Return why a triple holds: up to ``most`` proofs, shortest first; of one that does not, what is missing.

        Things and properties are given by a label, a CURIE or an IRI, values as they are read or as in Turtle; or as
        terms. Raises
        ``UnknownName``, ``UsageError`` for a variable, ``LimitReached`` where a proof needs more than ``limit`` steps.
        """
        from kg.asking.naming import read_triple
        from kg.bases.changes import rulebook
        from kg.proofs.absences import explain

        if most < 1 or limit < 1:
            raise UsageError(
                f"{most} proofs of up to {limit} steps", remedy="ask for one of one step at least"
            )

        def read(store: Engine) -> Explanation:
            triple = read_triple(str(subject), str(predicate), str(value), store)
            return explain(triple, store, rulebook(), self.viewpoint, most=most, limit=limit)

        return self._steadily(read)

    def contested(self, thing: str | None = None) -> tuple[Dispute, ...]:
        """Return where speakers differ, of all things or of one; no side is chosen."""
        from kg.bases.changes import rulebook
        from kg.disputes.disputes import disputes

        def read(store: Engine) -> tuple[Dispute, ...]:
            about = None if thing is None else [resolve(thing, store)]
            return disputes(store, rulebook(), self.viewpoint, about)

        return self._steadily(read)

    def draw(
        self,
        what: str | None = None,
        given: Mapping[str, str] = _NONE,
        /,
        *,
        form: str = "svg",
        kind: str = "graph",
        **parameters: str,
    ) -> bytes:
        """Return a picture as SVG or as an HTML page that needs no network.

        ``what`` is a thing, or a stored question with its parameters as for ``ask``; without it the whole is drawn.
        ``kind`` is ``graph``, ``map`` (what has coordinates) or ``timeline`` (what has dates, times or an order).
        Raises ``UnknownName``, and ``UsageError`` where there is nothing to draw or too much.
        """
        if kind not in ("graph", "map", "timeline"):
            raise UsageError(f"no picture is called {kind!r}", remedy="use graph, map or timeline")
        values, asked = {**given, **parameters}, what in question_files(_questions())
        if values and not asked:
            raise UsageError(f"{what!r} is no question", remedy="only a question takes parameters")
        answer = self.ask(str(what), values, cite=True) if asked else None
        if answer is not None and not answer.rows:
            raise UsageError(f"the answer to {what!r} has no row", remedy="there is nothing to draw")
        named = f" ({', '.join(values.values())})" if values else ""
        title = f"{stored_question(str(what)).summary}{named}" if asked else ""
        return self._steadily(lambda store: self._drawn(store, what, answer, title, form, kind))

    def _drawn(  # noqa: PLR0913, PLR0917 - what is drawn and how
        self, store: Engine, what: str | None, answer: Answer | None, title: str, form: str, kind: str
    ) -> bytes:
        from kg.bases.changes import rulebook
        from kg.disputes.disputes import disputes
        from kg.drawing.gathering import Gathering
        from kg.drawing.maps import drawn_map
        from kg.drawing.pictures import drawn
        from kg.drawing.timelines import drawn_timeline
        from kg.proofs.prover import Prover

        things = _things(answer) if answer else None if what is None else [resolve(what, store)]
        found = disputes(store, rulebook(), self.viewpoint, things) if things else ()
        contested = {claim for dispute in found for claim in dispute.claims}
        prover = Prover(store, rulebook(), self.viewpoint)
        gathering = Gathering(store, prover, contested, seen=self._words(store))
        if kind != "graph":
            return (drawn_map if kind == "map" else drawn_timeline)(gathering, things, form, title)
        if answer:
            return drawn(gathering.answer(answer, answer.cited, title), form)
        return drawn(gathering.around(things[0]) if things else gathering.whole(), form)

    def _words(self, store: Engine) -> str:
        named = find_labels(filter(None, (self.viewpoint.told_by, self.viewpoint.by)), store)
        return self.viewpoint.words(named)

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

    @property
    def standpoint(self) -> str:
        """Whose view it is, in words; empty for the base itself."""
        return self._steadily(self._words)

    def __repr__(self) -> str:
        """Return whose view it is."""
        return f"<{type(self).__name__}{f' {self.standpoint}' if self.standpoint else ''}>"

    def validate(self, progress: Progress = None) -> Verdict:
        """Check the whole: every claim's evidence, and every shape. Cost: some seconds for a million triples."""
        from kg.gate.checking import gate

        return self._steadily(lambda store: gate().validate(store, progress), progress)


def stored_questions() -> dict[str, Question]:
    """Return all stored questions by name, in alphabetical order."""
    return {name: read_question(path) for name, path in question_files(_questions()).items()}


def stored_question(name: str) -> Question:
    """Return one stored question; ``UnknownName`` with the nearest ones when there is none of that name."""
    files = question_files(_questions())
    if name not in files:
        raise UnknownName("question", name, files, remedy="'kg ask' lists them")
    return read_question(files[name])


def _things(answer: Answer) -> list[NamedNode]:
    """Return the things of an answer, and those of the triples that its rows were found by."""
    cells = [cell for row in answer.rows for cell in row]
    cells += [end for one in answer.citations for proof in one.proofs for end in proof.triple]
    return list(dict.fromkeys(cell for cell in cells if isinstance(cell, NamedNode)))


def _taken_apart(question: Question, terms: Mapping[str, NamedNode | Literal]) -> CompiledQuery:
    """Return a stored question with terms for its parameters as citations need it, from the cache if it is there."""
    import json

    from kg.bases.cache import kept
    from kg.citing.algebra import dumped, loaded
    from kg.citing.reading import compile_query, substituted

    files = [_questions() / f"{question.name}.rq"]
    content = kept(
        files,
        ".algebra",
        lambda: json.dumps(dumped(compile_query(question.sparql))).encode(),
        most=_MOST_KEPT,
    )
    return substituted(loaded(json.loads(content)), terms)


def _questions() -> Path:
    return data_folder() / "queries" / "questions"
