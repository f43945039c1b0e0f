"""Citations: for each row of an answer the triples it was found by, each with its proof."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Variable

from kg.asking.answers import Answer
from kg.asking.labels import find_labels, reading
from kg.citing.algebra import Expression, Query
from kg.citing.checking import Finder, Grounds
from kg.citing.following import Absence
from kg.citing.operators import Basic, Extend, Filter, Group, Pair, Path, Project
from kg.citing.paths import Watched
from kg.citing.reading import compile_query
from kg.disputes.disputes import Dispute
from kg.evidence.claims import Claim
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Labels, Proof
from kg.storage.store import Engine
from kg.terms import iri

_CUT: Final = "Which rows are shown rests on all rows of the answer: LIMIT or OFFSET leave some out."
_NO: Final = "Nothing in the view makes the answer yes."

_TYPE: Final = iri("rdf:type")
_MARKS: Final = {
    "*": " (in any number of steps)",
    "+": " (in one step or more)",
    "?": " (in one step or none)",
}


@dataclass(frozen=True, slots=True)
class Citation:
    """What one row of an answer rests on.

    ``proofs`` hold one proof for each triple that the row needs, in the order of the query; these triples alone, as
    the view, give the row again, and without any one of them it is lost, or rests on the absence of something that is
    there; of an aggregate, all members count. ``absent`` says in sentences what the row rests on not being there
    (NOT EXISTS, MINUS, an unmatched OPTIONAL that the row shows). ``others`` is how many further sets of triples give
    the same row, at least. ``disputes`` are those that concern a claim cited here.
    """

    proofs: tuple[Proof, ...]
    absent: tuple[str, ...] = ()
    others: int = 0
    disputes: tuple[Dispute, ...] = ()

    @property
    def leaves(self) -> tuple[Proof, ...]:
        """What the proofs end in, each once."""
        return tuple(dict.fromkeys(leaf for proof in self.proofs for leaf in proof.leaves()))

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims that the row rests on, as few as say all of it, in the order of the proofs.

        Where several claims say the same, one that is needed anyway is taken, then one in a source's own voice; the
        others are :attr:`alike`.
        """
        chosen: set[Claim] = set()
        open_ = [leaf.claims for leaf in self.leaves if leaf.claims]
        while open_:
            said = Counter(claim for claims in open_ for claim in claims)
            best = min(said, key=lambda claim: (-said[claim], claim.speaker != claim.source))
            chosen.add(best)
            open_ = [claims for claims in open_ if best not in claims]
        return tuple(claim for claim in self._stating if claim in chosen)

    @property
    def alike(self) -> tuple[Claim, ...]:
        """The claims that say parts of it as well."""
        chosen = set(self.claims)
        return tuple(claim for claim in self._stating if claim not in chosen)

    @property
    def _stating(self) -> tuple[Claim, ...]:
        return tuple(dict.fromkeys(claim for leaf in self.leaves for claim in leaf.claims))

    @property
    def inferred(self) -> bool:
        """Whether a rule was needed."""
        return any(proof.rule for proof in self.proofs)


@dataclass(frozen=True, slots=True)
class Citations:
    """The citations of an answer, one for each row in its order, with labels for all that the proofs name."""

    rows: tuple[Citation, ...]
    labels: Labels

    @property
    def contested(self) -> tuple[NamedNode, ...]:
        """The claims cited by some row that are part of a dispute, each once."""
        return tuple(
            dict.fromkeys(
                claim.iri
                for row in self.rows
                for dispute in row.disputes
                for side in dispute.sides
                for claim in side.claims
            )
        )


def cite(  # noqa: PLR0913 - the last two are for callers that know more, or want less
    sparql: str,
    answer: Answer,
    store: Engine,
    rules: Rulebook,
    viewpoint: Viewpoint | None = None,
    *,
    compiled: Query | None = None,
    seconds: float = 30.0,
) -> Citations:
    """Return what each row of an answer rests on, in the view of a store.

    ``sparql`` is the query that gave ``answer``; ``compiled`` the same taken apart, if that is known. ``rules`` and
    ``viewpoint`` are those of the view. What is cited for a row gives it again by itself: that is asked, each time.
    ``seconds`` are for all of it.

    Raises ``Refused`` for a query or a row that cannot be followed, with the reason, and ``LimitReached`` with how
    far it got. Costs about a millisecond a row and its proofs; reading the query a tenth of a second unless
    ``compiled`` is given.
    """
    from kg.disputes.disputes import disputes_of
    from kg.proofs.prover import Prover

    viewpoint = viewpoint or Viewpoint()
    watched = Watched(store, seconds)
    query = compiled or compile_query(sparql)
    watched.seconds_left()
    prover = Prover(store, rules, viewpoint)
    cited = list(Finder(sparql, query, answer, watched).rows())
    proved = []
    for row in cited:
        watched.seconds_left()
        proved.append(Citation(tuple(map(prover.cheapest, row.triples)), others=row.others))
    claims = dict.fromkeys(claim for one in proved for claim in (*one.claims, *one.alike))
    disputes = disputes_of(tuple(claims), store, rules, viewpoint)
    labels = find_labels(_named(cited, proved, disputes), store)
    extra = (_CUT,) if query.cut else ()
    rows = (
        replace(
            citation,
            absent=(*dict.fromkeys(_sentence(one, labels) for one in row.absences), *extra),
            disputes=tuple(_concerning(disputes, (*citation.claims, *citation.alike))),
        )
        for row, citation in zip(cited, proved, strict=True)
    )
    return Citations(tuple(rows), labels)


def _concerning(disputes: Iterable[Dispute], claims: Collection[Claim]) -> Iterator[Dispute]:
    cited = {claim.iri for claim in claims}
    for dispute in disputes:
        if any(claim.iri in cited for side in dispute.sides for claim in side.claims):
            yield dispute


def _named(
    cited: Iterable[Grounds], citations: Iterable[Citation], disputes: Iterable[Dispute]
) -> dict[NamedNode, None]:
    """Return the things, properties and classes that need a label, each once."""
    found: dict[Any, None] = {}
    for row in cited:
        for absence in row.absences:
            if isinstance(absence, Absence):
                found.update(dict.fromkeys(_absent_terms(absence)))
    claims = [claim for dispute in disputes for side in dispute.sides for claim in side.claims]
    ahead = [proof for citation in citations for proof in citation.proofs]
    while ahead:
        proof = ahead.pop()
        ahead += proof.premises
        claims += proof.claims
        rule = proof.rule
        patterns = [rule.head or (), *rule.body, *map(tuple, rule.axiom)] if rule else []
        found.update(dict.fromkeys(term for part in [tuple(proof.triple), *patterns] for term in part))
    found.update(dict.fromkeys(thing for dispute in disputes for thing in dispute.about))
    found.update(dict.fromkeys(name for claim in claims for name in (claim.speaker, claim.source)))
    return {term: None for term in found if isinstance(term, NamedNode)}


def _sentence(absence: Absence | None, labels: Labels) -> str:
    """Return an absence as a sentence; ``labels`` name the terms in it."""
    if absence is None:
        return _NO
    return f"Not in the view: {_said(absence.pattern, absence.bindings, labels)}."


def _absent_terms(absence: Absence) -> Iterator[NamedNode]:
    """Yield the things, properties and classes that the sentence about an absence names."""
    yield from (term for term in absence.bindings.values() if isinstance(term, NamedNode))
    yield from _terms(absence.pattern)


def _terms(part: Any) -> Iterator[NamedNode]:  # noqa: ANN401 - any part of a query
    if isinstance(part, NamedNode):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _terms(one)
    else:
        for name in ("patterns", "subject", "path", "value", "inner", "left", "right"):
            if not isinstance(part, Literal | Variable | str | Expression) and hasattr(part, name):
                yield from _terms(getattr(part, name))


def _said(part: Any, bindings: Mapping[str, Any], labels: Labels) -> str:  # noqa: ANN401, PLR0911 - one for each operator
    if isinstance(part, Basic):
        return ", and ".join(_pattern(*pattern, bindings, labels) for pattern in part.patterns) or "anything"
    if isinstance(part, Path):
        return _pattern(part.subject, part.path, part.value, bindings, labels)
    if isinstance(part, Pair):
        left, right = (_said(one, bindings, labels) for one in (part.left, part.right))
        if part.kind == "union":
            return f"{left}; nor {right}"
        if part.kind == "optional" or not right:
            return left
        return f"{left}, and {right}" if part.kind == "join" and left else f"{left}, without {right}"
    if isinstance(part, Filter):
        return f"{_said(part.inner, bindings, labels)}{_condition(part.condition, bindings, labels)}"
    if isinstance(part, Extend | Project | Group):
        return _said(part.inner, bindings, labels)
    return ""


def _condition(condition: Expression, bindings: Mapping[str, Any], labels: Labels) -> str:
    if condition.exists:
        return "".join(
            f", depending on whether {_said(one.inner, bindings, labels)}" for one in condition.exists
        )
    return f" (where {condition.text})"


def _pattern(subject: Any, predicate: Any, value: Any, bindings: Mapping[str, Any], labels: Labels) -> str:  # noqa: ANN401
    one, other = _term(subject, bindings, labels), _term(value, bindings, labels)
    if predicate == _TYPE:
        return f"{one} is {'an' if other[:1].lower() in 'aeiou' else 'a'} {other}"
    return f"{one} {_path(predicate, bindings, labels)} {other}"


def _path(path: Any, bindings: Mapping[str, Any], labels: Labels) -> str:  # noqa: ANN401
    if not isinstance(path, tuple):
        return _term(path, bindings, labels)
    sign, *parts = path
    words = [_path(part, bindings, labels) for part in parts]
    if sign in _MARKS:
        return words[0] + _MARKS[sign]
    if sign == "^":
        return f"(the other way round) {words[0]}"
    if sign == "!":
        return f"is related, in another way than {' or '.join(words)}, to"
    return (" or " if sign == "|" else ", then ").join(words)


def _term(term: Any, bindings: Mapping[str, Any], labels: Labels) -> str:  # noqa: ANN401
    if isinstance(term, Variable):
        if term.value not in bindings:
            return "something" if term.value.startswith("made_") else f"?{term.value}"
        term = bindings[term.value]
    return f"“{term.value}”" if isinstance(term, Literal) else reading(term, labels)
