"""Proofs: why a triple of the view holds, by rules, down to what is stated; the shortest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Final, TypeAlias

from pyoxigraph import Triple

from kg.errors import LimitReached, UsageError
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Proof
from kg.proofs.search import DEEPEST, Search, Way
from kg.proofs.stating import Statements
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Engine

_MOST_TRIED: Final = 20_000  # unfinished proofs that are looked at in search of others than the shortest


class Prover:
    """Finds proofs of the triples of a view, and keeps what it learns for the next ones.

    The store must stay as it is meanwhile. Its graph ``view`` is what the claims that count for the viewpoint and the
    rules make of it.

    >>> from kg.bases.building import build
    >>> from kg.bases.changes import rulebook
    >>> from kg.terms import iri
    >>> prover = Prover(build(), rulebook())
    >>> proof = prover.cheapest(Triple(iri("id:turkey"), iri("rdf:type"), iri("parley:Actor")))
    >>> proof.rule.names, proof.steps, len(proof.premises[0].claims) > 0
    (('cax-sco',), 1, True)
    """

    def __init__(self, store: Engine, rules: Rulebook, viewpoint: Viewpoint | None = None) -> None:
        self._view = Overlay(store)
        self.statements: Final = Statements(store, rules, viewpoint or Viewpoint())
        """What is stated in the view, and by whom."""
        self._search = Search(self._view, rules, self.statements)
        self._made: dict[Triple, Proof] = {}
        self._shortest: dict[Triple, bool] = {}

    def holds(self, triple: Triple) -> bool:
        """Tell whether a triple is in the view."""
        return self._view.contains(canonical(triple))

    def cheapest(self, triple: Triple, limit: int = 1000) -> Proof:
        """Return the shortest proof of a triple of the view: the fewest steps, then the fewest one upon the other.

        Among equals the order of the rules decides, then the text of the premises. What is stated has a proof without
        steps. Raises ``UsageError`` for a triple that does not hold, ``LimitReached`` for a proof of more steps than
        the limit. Cost: some look-ups for each rule that could give the triple or one of its premises.
        """
        triple = canonical(triple)
        if triple not in self._made and not self._view.contains(triple):
            raise UsageError(f"{triple} does not hold", remedy="only what holds has a proof")
        self._search.solve(triple, limit)
        proof = self._proof(triple)
        if triple not in self._shortest:
            seen = proof.steps == 2 and self._search.seen(triple)  # noqa: PLR2004 - then none of one step was found
            self._shortest[triple] = proof.steps <= 1 or seen or self._search.sure
        return proof

    def proofs(self, triple: Triple, most: int = 1, limit: int = 1000) -> tuple[Proof, ...]:
        """Return up to ``most`` different proofs of a triple, shortest first; none where it does not hold.

        They differ in a rule or a premise somewhere. What is stated is proved no further, except the triple itself.
        Raises ``LimitReached`` as :meth:`cheapest`; further proofs beyond the limit are left out.
        """
        triple = canonical(triple)
        if not self._view.contains(triple):
            return ()
        first = self.cheapest(triple, limit)
        if most <= 1:
            return (first,)
        others = _Others(self._search, triple, limit).found()
        distinct = (self._built(steps, triple) for steps in others)
        return tuple(islice(_distinct(first, distinct), most))

    def shortest(self, triple: Triple) -> bool:
        """Tell whether the cheapest proof of a triple is known to be the shortest there is."""
        return self._shortest[self.cheapest(triple).triple]

    def _proof(self, triple: Triple, depth: int = 0) -> Proof:
        known = self._made.get(triple)
        if known is None:
            way = self._search.best(triple)
            premises = tuple(self._proof(one, _deeper(depth)) for one in way.premises) if way else ()
            known = Proof(triple, rule=way.rule, premises=premises) if way else self.statements.proof(triple)
            self._made[triple] = known
        return known

    def _built(self, steps: dict[Triple, Way], triple: Triple, depth: int = 0) -> Proof:
        way = steps.get(triple)
        if way is None:
            return self._proof(triple)
        premises = tuple(self._built(steps, premise, _deeper(depth)) for premise in way.premises)
        return Proof(triple, rule=way.rule, premises=premises)


def _deeper(depth: int) -> int:
    if depth == DEEPEST:
        raise LimitReached(
            f"a proof would have more than {DEEPEST} steps one upon the other",
            remedy="explain one of its premises",
        )
    return depth + 1


def _distinct(first: Proof, others: Iterator[Proof]) -> Iterator[Proof]:
    seen = {first}
    yield first
    for proof in others:
        if proof not in seen:
            seen.add(proof)
            yield proof


_Done: TypeAlias = "tuple[Triple, Way, _Done] | None"
_Todo: TypeAlias = "tuple[Triple, frozenset[Triple], _Todo] | None"


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A proof that is being made: which steps it has, which triples are still to be proved, the next of the ways.

    With each triple to be proved stand those that rest on it: it must not rest on them.
    """

    steps: int
    done: _Done
    todo: _Todo
    choice: int = 0


class _Others:
    """All proofs of a triple in the order of their steps: unfinished ones that may become shortest go first."""

    def __init__(self, search: Search, triple: Triple, limit: int) -> None:
        self._search, self._limit = search, limit
        self._order = count()
        self._heap: list[tuple[float, int, _Unfinished]] = []
        self._ways: dict[Triple, list[Way]] = {}
        self._push(_Unfinished(0, None, (triple, frozenset(), None)))

    def found(self) -> Iterator[dict[Triple, Way]]:
        """Yield the steps of each proof by what they derive."""
        tried = 0
        while self._heap and tried < _MOST_TRIED:
            tried += 1
            unfinished = heapq.heappop(self._heap)[2]
            if unfinished.todo is None:
                yield _steps(unfinished.done)
            else:
                self._go_on(unfinished, *unfinished.todo)

    def _go_on(self, at: _Unfinished, triple: Triple, above: frozenset[Triple], rest: _Todo) -> None:
        chosen = _steps(at.done).get(triple)  # what is proved twice is proved in one way
        ways = [chosen] if chosen else self._all(triple)
        way, below = ways[at.choice], above | {triple}
        self._push(_Unfinished(at.steps, at.done, at.todo, at.choice + 1))
        if below.isdisjoint(way.premises):
            todo = rest
            for premise in reversed(way.premises):
                if not self._search.stated(premise):
                    todo = (premise, below, todo)
            done = at.done if chosen else (triple, way, at.done)
            self._push(_Unfinished(at.steps + 1, done, todo))

    def _push(self, one: _Unfinished) -> None:
        """Put in an unfinished proof by the steps that it will have at least."""
        least: float = one.steps
        todo = one.todo
        if todo:
            triple, _, todo = todo
            chosen = _steps(one.done).get(triple)
            ways = [chosen] if chosen else self._all(triple)
            if one.choice >= len(ways):
                return
            least += 1 + sum(map(self._search.least, ways[one.choice].premises))
        while todo:
            triple, _, todo = todo
            least += self._search.least(triple)
        if least <= self._limit:
            heapq.heappush(self._heap, (least, next(self._order), one))

    def _all(self, triple: Triple) -> list[Way]:
        if triple not in self._ways:
            self._ways[triple] = self._search.ways(triple)
        return self._ways[triple]


def _steps(done: _Done) -> dict[Triple, Way]:
    found: dict[Triple, Way] = {}
    while done:
        triple, way, done = done
        found[triple] = way
    return found
