"""Why a triple holds, or what is missing for it: which rule would give it, and which premises are absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, islice
from typing import Any, Final, TypeAlias

from pyoxigraph import Literal, Quad, Triple, Variable

from kg.evidence.viewpoints import Viewpoint
from kg.logic.joins import match
from kg.logic.maintain import Rulebook
from kg.logic.rules import Pattern, Rule
from kg.proofs.phrasing import find_names
from kg.proofs.proofs import Explanation, Gap, Proof
from kg.proofs.prover import Prover
from kg.proofs.search import Metered
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Engine
from kg.terms import ONTOLOGY, iri

_Bindings: TypeAlias = Mapping[str, Any]

_SAME: Final = iri("owl:sameAs")
_MOST_GAPS: Final = 5
_READS: Final = 200  # triples that are read for some premises of a rule
_WAYS: Final = 16  # ways for them to hold that are compared
_LONGEST: Final = 7  # premises of a rule of which all parts are tried; of longer ones only their beginnings


def explain(  # noqa: PLR0913 - what is asked, of what, and how much of it
    triple: Triple,
    store: Engine,
    rules: Rulebook,
    viewpoint: Viewpoint | None = None,
    *,
    most: int = 1,
    limit: int = 1000,
) -> Explanation:
    """Return up to ``most`` proofs of a triple, shortest first; where it does not hold, what is missing for it.

    The view of the store is taken for what holds from the viewpoint. Raises ``LimitReached`` for a proof of more than
    ``limit`` steps. Cost: a bounded number of look-ups for each rule that could give the triple or one of its premises,
    however large the base.
    """
    triple = canonical(triple)
    prover = Prover(store, rules, viewpoint)
    if store.contains(Quad(triple.subject, triple.predicate, triple.object, ONTOLOGY)):
        axiom = Proof(triple, axiom=True)
        return Explanation(triple, (axiom,), labels=find_names(store, [triple], [axiom], (), ()))
    proofs = prover.proofs(triple, most, limit)
    gaps = () if proofs else _gaps(triple, store, rules)
    told = () if proofs else prover.statements.uncounted(triple)
    shortest = not proofs or prover.shortest(triple)
    labels = find_names(store, [triple], proofs, gaps, told)
    return Explanation(triple, proofs, gaps, told, shortest, labels)


def _gaps(triple: Triple, store: Engine, rules: Rulebook) -> tuple[Gap, ...]:
    """Return which rules would give a triple, those that lack least first, each gap once."""
    graph = Overlay(store)
    equality = any(True for _ in graph.triples(None, _SAME, None))
    search = _Gaps(triple, Metered(graph))
    found: dict[object, Gap] = {}
    for part in rules.concluding.of(tuple(triple), equality):
        known = part.known(tuple(triple))
        gap = None if known is None else search.of(part.rule, known)
        # that something is the same as some other thing may always be
        if gap and (gap.held or gap.unmet or not part.equality):
            found.setdefault((gap.held, gap.absent, gap.unmet and gap.rule), gap)
    return tuple(sorted(found.values(), key=_rank)[:_MOST_GAPS])


def _rank(gap: Gap) -> tuple[object, ...]:
    free = sum(isinstance(term, Variable) for pattern in gap.absent for term in pattern)
    return len(gap.absent), -len(gap.held), free, gap.rule.names, str(gap.absent), str(gap.held)


class _Gaps:
    """What a rule lacks to give a triple: the fewest premises, the others holding together."""

    def __init__(self, triple: Triple, graph: Metered) -> None:
        self._triple, self._graph = triple, graph

    def of(self, rule: Rule, known: _Bindings) -> Gap | None:
        """Return what a rule lacks, given what its head says; ``None`` where only the triple itself would do."""
        size = len(rule.body)
        for held in range(size, -1, -1):
            some = combinations(range(size), held) if size <= _LONGEST else [tuple(range(held))]
            gaps = list(chain.from_iterable(self._lacking(rule, known, places) for places in some))
            if gaps:
                return min(gaps, key=_rank)
        return None

    def _lacking(self, rule: Rule, known: _Bindings, places: Sequence[int]) -> Iterator[Gap]:
        """Yield the gaps of a rule of which certain premises hold."""
        held = [rule.body[place] for place in places]
        rest = [pattern for place, pattern in enumerate(rule.body) if place not in places]
        if not _hang_together(held, known):
            return
        ways = self._graph.limited(match(held, known, self._graph), _READS) if held else iter([dict(known)])
        for way in islice(ways, _WAYS):
            absent = tuple(_instance(pattern, way) for pattern in rest)
            if not absent:
                if rule.condition:
                    yield Gap(rule, (), (), unmet=True)
            elif not any(isinstance(one[0], Literal) or one == tuple(self._triple) for one in absent):
                yield Gap(rule, tuple(Triple(*_instance(pattern, way)) for pattern in held), absent)


def _instance(pattern: Pattern, way: _Bindings) -> Any:  # noqa: ANN401 - a pattern, or a triple's terms
    return tuple(way.get(term.value, term) if isinstance(term, Variable) else term for term in pattern)


def _hang_together(patterns: Sequence[Pattern], known: _Bindings) -> bool:
    """Tell whether each pattern is about something known, or about what another one leads to from there."""
    reached, left = set(known), [_names(pattern) for pattern in patterns]
    while near := [names for names in left if not names or names & reached]:
        reached.update(*near)
        left = [names for names in left if names not in near]
    return not left


def _names(pattern: Pattern) -> set[str]:
    return {term.value for term in pattern if isinstance(term, Variable)}
