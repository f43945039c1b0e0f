"""The search for shortest proofs: from a triple backwards through the rules, as far as it takes to be sure.

Triples and the ways to derive them make an AND/OR graph, of which only what matters is looked at (AO*: Nilsson,
Principles of Artificial Intelligence, 1980, section 3.2). What is known of it is put together from the bottom by
Knuth's generalisation of Dijkstra's algorithm (Information Processing Letters 6, 1977), so circles do no harm.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from typing import Any, Final, TypeAlias, TypeVar

from pyoxigraph import Triple

from kg.errors import LimitReached
from kg.logic.maintain import Rulebook
from kg.logic.rules import Rule
from kg.proofs.stating import Statements
from kg.storage.overlay import Overlay
from kg.terms import iri

_Found = TypeVar("_Found")
_Cost: TypeAlias = tuple[float, float]
"""Steps, and then depth: of two proofs with as many steps the flatter one is easier to read."""

DEEPEST: Final = 200
"""Steps one upon the other: proofs are read, and written, level by level."""

_SAME: Final = iri("owl:sameAs")
_STATED: Final[_Cost] = (0, 0)
_OPEN: Final[_Cost] = (1, 1)
_NEVER: Final[_Cost] = (float("inf"), float("inf"))
_CHUNK: Final = 64  # ways of a rule that are put in order at once
_READS: Final = (400, 20_000, 1_000_000)
"""Triples that are read for one rule; more only where there would be no proof otherwise."""
_EXACT: Final = 200_000  # triples that are read in search of the shortest proof: some seconds
_MOST: Final = 400_000  # triples that are read in search of any
_FEW: Final = 60  # triples of which no more is looked at than the best proof so far needs


@dataclass(frozen=True, slots=True)
class Way:
    """A rule and the triples from which it derives another."""

    rule: Rule
    premises: tuple[Triple, ...]


@dataclass(slots=True)
class _Node:
    """What is known of a triple: whether it is stated, else the ways to derive it that were found so far."""

    triple: Triple
    cost: _Cost
    solved: bool
    ways: list[Way] = field(default_factory=list)
    best: Way | None = None
    rest: Iterator[Way] | None = None
    opened: bool = False
    cut: bool = False


@dataclass(slots=True)
class _Use:
    """A way to derive a triple, and how many of its premises have no cost yet."""

    node: _Node
    rank: int
    way: Way
    lacking: int


class _Spent(Exception):
    """No more may be read."""


class Metered:
    """A view of which a bounded number of triples is read, so that what is popular costs no more than what is not.

    Joins look it up like any other graph.
    """

    def __init__(self, graph: Overlay) -> None:
        self._graph = graph
        self._left = 0
        self.read = 0
        """How many triples were read so far."""

    def triples(self, subject: Any, predicate: Any, value: Any) -> Iterator[Triple]:  # noqa: ANN401 - any term
        """Iterate over the triples that match, ``None`` matching anything."""
        for triple in self._graph.triples(subject, predicate, value):
            self._count()
            yield triple

    def contains(self, triple: Triple) -> bool:
        """Tell whether the view has this triple."""
        self._count()
        return self._graph.contains(triple)

    def limited(
        self, found: Iterator[_Found], most: int, spent: Callable[[], None] | None = None
    ) -> Iterator[_Found]:
        """Yield what a join finds until it has read so many triples; then tell ``spent`` and end."""
        left = most
        try:
            while True:
                self._left = left  # others may be read between two steps of this one
                one = next(found, self)
                left = self._left
                if isinstance(one, Metered):
                    return
                yield one
        except _Spent:
            if spent:
                spent()

    def _count(self) -> None:
        self.read += 1
        self._left -= 1
        if self._left < 0:
            raise _Spent


class Search:
    """What is known so far of the triples of one view and of how they are derived."""

    def __init__(self, graph: Overlay, rules: Rulebook, statements: Statements) -> None:
        self._rules, self._statements = rules, statements
        self._equality = any(True for _ in graph.triples(None, _SAME, None))
        self._graph = Metered(graph)
        self._reads = _READS[0]
        self._nodes: dict[Triple, _Node] = {}
        self.sure = True
        """Whether all that might be shorter was looked at."""

    def best(self, triple: Triple) -> Way | None:
        """Return the last step of the shortest proof of a triple that is solved, ``None`` for what is stated."""
        return self._nodes[triple].best

    def stated(self, triple: Triple) -> bool:
        """Tell whether a triple is stated."""
        return self._node(triple).cost == _STATED

    def least(self, triple: Triple) -> float:
        """Return how many steps a proof of a triple takes at least, as far as is known."""
        return self._node(triple).cost[0]

    def seen(self, triple: Triple) -> bool:
        """Tell whether all ways to derive a triple were looked at."""
        return not self._node(triple).cut

    def ways(self, triple: Triple) -> list[Way]:
        """Return all ways to derive a triple, those first that seem to need the fewest steps."""
        node = self._node(triple)
        self._open(node)
        node.ways += node.rest or ()
        node.rest = None
        order = {id(way): number for number, way in enumerate(node.ways)}
        return sorted(node.ways, key=lambda way: (sum(map(self.least, way.premises)), order[id(way)]))

    def solve(self, triple: Triple, limit: int) -> None:
        """Find the shortest proof of a triple of the view, or where that takes too long a proof.

        Raises ``LimitReached`` where it would have more steps than the limit, or cannot be found.
        """
        for reads in _READS:
            self._reads = reads
            if self._solved(self._node(triple), limit):
                return
            if self.sure:
                break
            self._nodes = {known: node for known, node in self._nodes.items() if node.solved}
        raise LimitReached(
            f"no proof was found for {triple}",
            remedy="'kg check' tells whether the base is sound; 'kg rebuild' derives everything anew",
        )

    def _solved(self, root: _Node, limit: int) -> bool:
        """Look for the shortest proof, and after a while for any; tell whether there is one."""
        start = self._graph.read
        while not root.solved and self._graph.read - start <= _EXACT:
            region = self._region(root)
            self._evaluate(region)
            if root.cost == _NEVER:
                return False
            if root.cost[0] > limit:
                raise _too_long(limit, f"it takes at least {root.cost[0]:,}", len(self._nodes))
            for node in self._leaves(root, region):
                self._open(node)
        if not root.solved:
            self.sure = False
            if not self._any(root, frozenset(), start + _MOST):
                raise _too_long(limit, "none was found", len(self._nodes))
        if root.cost[0] > limit:
            raise _too_long(limit, f"one that was found takes {root.cost[0]:,}", len(self._nodes))
        return True

    def _any(self, node: _Node, above: frozenset[Triple], most: int) -> bool:
        """Find some proof that rests on none of the triples above: at each step the way with the fewest open ends."""
        if node.solved:
            return True
        self._open(node)
        below = above | {node.triple}
        open_ends = {id(way): sum(not self._node(one).solved for one in way.premises) for way in node.ways}
        for way in sorted(node.ways, key=lambda way: open_ends[id(way)]) if len(above) < DEEPEST else ():
            self._graph.read += 1
            if self._graph.read > most:
                return False
            premises = [self._node(premise) for premise in way.premises]
            if below.isdisjoint(way.premises) and all(self._any(one, below, most) for one in premises):
                node.cost, node.best, node.solved = _sum([one.cost for one in premises]), way, True
                return True
        return False

    def _node(self, triple: Triple) -> _Node:
        node = self._nodes.get(triple)
        if node is None:
            stated = self._statements.stated(triple)
            node = self._nodes[triple] = _Node(triple, _STATED if stated else _OPEN, stated)
            self._graph.read += 1
        return node

    def _open(self, node: _Node) -> None:
        """Find the ways to derive a triple, up to the first that needs stated triples only: none is shorter."""
        if node.opened:
            return
        node.opened, node.rest = True, self._derivations(node)
        for way in node.rest:
            node.ways.append(way)
            if not node.solved and all(map(self.stated, way.premises)):
                node.cost, node.solved, node.best = _OPEN, True, way
                return
        node.rest = None

    def _derivations(self, node: _Node) -> Iterator[Way]:
        """Yield the ways to derive a triple, rule by rule, those of a rule by their text as far as they are ordered."""
        terms = tuple(node.triple)
        for part in list(self._rules.concluding.of(terms, self._equality)):
            bodies = part.bodies(terms, self._graph)
            found = self._graph.limited(bodies, self._reads, partial(self._cut, node))
            while chunk := sorted(islice(found, _CHUNK), key=str):
                yield from (Way(part.rule, premises) for premises in chunk if node.triple not in premises)

    def _cut(self, node: _Node) -> None:
        node.cut, self.sure = True, False

    def _region(self, root: _Node) -> list[_Node]:
        """Return what a proof may lead through, as far as it is known and not solved."""
        found = {root.triple: root}
        queue = [root]
        for node in queue:  # which grows
            for way in node.ways if not node.solved else ():
                for premise in way.premises:
                    if premise not in found:
                        found[premise] = self._node(premise)
                        queue.append(found[premise])
        return queue

    def _evaluate(self, region: list[_Node]) -> None:
        """Give each node the least that it can cost, as far as is known, and solve those that rest on solved ones."""
        order = count()
        heap: list[tuple[_Cost, int, int, _Node, Way | None]] = []
        uses: dict[Triple, list[_Use]] = {}
        for node in region:
            if node.solved or not node.opened:
                heapq.heappush(heap, (node.cost, 0, next(order), node, None))
                continue
            for rank, step in enumerate(node.ways):
                use = _Use(node, rank, step, len(step.premises))
                for premise in step.premises:
                    uses.setdefault(premise, []).append(use)
        final: dict[Triple, _Cost] = {}
        least: dict[Triple, tuple[_Cost, int]] = {}
        while heap:
            cost, _, _, node, way = heapq.heappop(heap)
            if node.triple in final:
                continue
            final[node.triple] = cost
            if way:
                self._settle(node, cost, way)
            for use in uses.get(node.triple, ()):
                use.lacking -= 1
                user = use.node
                if not use.lacking and user.triple not in final:
                    total = _sum([final[premise] for premise in use.way.premises])
                    if user.triple not in least or (total, use.rank) < least[user.triple]:
                        least[user.triple] = total, use.rank
                        heapq.heappush(heap, (total, use.rank, next(order), user, use.way))
        for node in region:
            if node.triple not in final:
                node.cost, node.best = _NEVER, None

    def _settle(self, node: _Node, cost: _Cost, way: Way) -> None:
        node.cost, node.best = cost, way
        node.solved = all(self._node(premise).solved for premise in way.premises)

    def _leaves(self, root: _Node, region: list[_Node]) -> list[_Node]:
        """Return the open nodes of the best proof so far, and with much known already some others that are near.

        So the evaluations of the whole take no longer than the look-ups.
        """
        found = {root.triple: root}
        queue = [root]
        for node in queue:  # which grows
            for premise in node.best.premises if node.best and not node.solved else ():
                if premise not in found:
                    found[premise] = self._node(premise)
                    queue.append(found[premise])
        best = [node for node in queue if not node.opened and not node.solved]
        others = (node for node in region if not node.opened and not node.solved)
        return [*best, *islice(others, max(0, len(region) - _FEW) // 2)]


def _sum(costs: Sequence[_Cost]) -> _Cost:
    """Return what a step costs together with its premises."""
    return 1 + sum(cost[0] for cost in costs), 1 + max(cost[1] for cost in costs)


def _too_long(limit: int, found: str, seen: int) -> LimitReached:
    return LimitReached(
        f"no proof within {limit:,} steps: after a look at {seen:,} triples, {found}",
        remedy="allow more steps, or explain one of its premises",
    )
