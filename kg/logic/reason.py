"""Build the view: run the rules on a graph until nothing new follows, and find what contradicts itself.

All of it is SPARQL on one named graph, so any engine can do it. Rules run in the order of their dependencies;
rules that feed each other run again on what is new (semi-naive evaluation) until nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple, Variable

from kg.errors import UnsupportedConstruct
from kg.logic.rules import Pattern, Rule, bulk_insertion, insertion, selection
from kg.terms import BASE, VIEW, iri

Bindings: TypeAlias = Mapping[str, NamedNode | BlankNode | Literal | Triple]

Batch: TypeAlias = Sequence[tuple[Rule, int | None]]
"""Rules of one head, each with the number of the body pattern to be matched with what is new, or ``None``."""

_Part: TypeAlias = tuple[Rule, int | None]

_TYPE, _SAME = iri("rdf:type"), iri("owl:sameAs")
_FEW: Final = 1_000
"""With fewer new triples than this, looking up what goes with each is faster than joining whole sets."""
_ROUNDS: Final = 100
"""How often a rule that computes may lead to itself; no other rule can go on for ever."""
_NEW: Final = (NamedNode(BASE + "graph/new/0"), NamedNode(BASE + "graph/new/1"))


class Engine(Protocol):
    """What the rules need of a store: pyoxigraph's own will do, and so will all of Parley's engines."""

    def query(self, query: str, /) -> Any:  # noqa: ANN401 - each engine has its own kind of results
        """Answer a SPARQL query whose patterns all name their graph."""

    def update(self, update: str, /) -> None:
        """Run a SPARQL update."""


class Matcher(Protocol):
    """What matches rules with the graph that they complete, and keeps apart what is new in it."""

    def derive(self, batch: Batch, *, note: bool) -> None:
        """Add what rules of one head derive and the graph has not; with ``note``, note it as what is new next."""

    def turn(self) -> int:
        """Take what was noted since the last turn for what is new, and return how much it is."""

    def forget(self) -> None:
        """Forget what is new and what was noted."""

    def note_equality(self) -> bool:
        """Forget, and note all pairs that are said to be the same; tell whether there is any."""


def close(
    store: Engine,
    rules: Iterable[Rule],
    graph: NamedNode = VIEW,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Add to a graph all that the rules derive from it, the facts of the ontology included.

    As :func:`complete`, by SPARQL. While rules that feed each other run, two graphs beside the view hold what is
    new; both are empty before and after.
    """
    complete(_SparqlMatcher(store, graph), rules, progress)


def complete(
    matcher: Matcher, rules: Iterable[Rule], progress: Callable[[int, int], None] | None = None
) -> None:
    """Add to the graph of a matcher all that the rules derive from it.

    Clashes are passed over: see :func:`clashes`. ``progress`` is told how many groups of rules are done, of how
    many. Time grows with what is derived; the rules of equality cost one look unless some ``owl:sameAs`` holds.
    Raises ``UnsupportedConstruct`` for a rule that computes without end.
    """
    deriving = [rule for rule in rules if rule.head]
    plain = [rule for rule in deriving if not _is_equality(rule)]
    groups = _in_order(_by_head((rule, None) for rule in plain))
    for done, group in enumerate(groups):
        if progress:
            progress(done, len(groups))
        _run(matcher, group)
    if len(plain) < len(deriving) and matcher.note_equality():
        _repeat(matcher, deriving)
    if progress:
        progress(len(groups), len(groups))


def clashes(store: Engine, rules: Iterable[Rule], graph: NamedNode = VIEW) -> Iterator[tuple[Rule, Bindings]]:
    """Yield every way in which the body of a clash holds in a graph that is closed, with its bindings.

    In the order of the rules; symmetric rules find both ways round.
    """
    for rule in rules:
        if rule.head is None:
            solutions = store.query(selection(rule, graph))
            names = [variable.value for variable in solutions.variables]
            for solution in solutions:
                yield rule, {name: solution[name] for name in names if solution[name] is not None}


def _is_equality(rule: Rule) -> bool:
    return any(predicate == _SAME for _, predicate, _ in rule.body)


def _by_head(parts: Iterable[_Part]) -> list[Batch]:
    """Put together what has one head, to be run as one; rules of our own name their variables as they like."""
    batches: dict[object, list[_Part]] = {}
    for rule, at in parts:
        batches.setdefault(rule.head, []).append((rule, at))
    return list(batches.values())


def _run(matcher: Matcher, group: Sequence[Batch]) -> None:
    """Run rules that feed each other to the fixpoint, or those of a single head once."""
    cycle = any(_feeds(batch, other) for batch in group for other in group)
    if cycle:
        matcher.forget()
    for batch in group:
        matcher.derive(batch, note=cycle)
    if cycle:
        _repeat(matcher, [rule for batch in group for rule, _ in batch])


def _repeat(matcher: Matcher, group: Sequence[Rule]) -> None:
    """Match rules against what is new until nothing is."""
    fed = _by_head(
        (rule, at)
        for rule in group
        for at, pattern in enumerate(rule.body)
        if pattern[1] == _SAME or any(_matches(other.head, pattern) for other in group)
    )
    computing = [rule.names[0] for rule in group if "BIND(" in rule.condition]
    rounds = 0
    while matcher.turn():
        rounds += 1
        if computing and rounds > _ROUNDS:
            remedy = "what it computes must not lead to the rule again"
            raise UnsupportedConstruct(
                "a SPARQL rule does not come to an end", where=computing[0], remedy=remedy
            )
        for batch in fed:
            matcher.derive(batch, note=True)


class _SparqlMatcher:
    """A graph of a store; what is new, and what is noted, stand in two graphs beside it."""

    def __init__(self, store: Engine, graph: NamedNode) -> None:
        self._store, self._graph = store, graph
        self._new, self._noted = _NEW
        self._size = 0

    def derive(self, batch: Batch, *, note: bool) -> None:
        copy = self._noted if note else None
        if batch[0][1] is not None and self._size < _FEW:
            for rule, at in batch:
                self._store.update(insertion(rule, self._graph, change=self._new, at=at or 0, copy=copy))
        else:
            self._store.update(bulk_insertion(batch, self._graph, change=self._new, copy=copy))

    def turn(self) -> int:
        self._store.update(f"DROP SILENT GRAPH {self._new}")
        self._new, self._noted = self._noted, self._new
        (row,) = self._store.query(f"SELECT (COUNT(*) AS ?n) {{ GRAPH {self._new} {{ ?s ?p ?o }} }}")
        self._size = int(row["n"].value)
        return self._size

    def forget(self) -> None:
        for graph in _NEW:
            self._store.update(f"DROP SILENT GRAPH {graph}")

    def note_equality(self) -> bool:
        same = f"{{ ?s {_SAME} ?o }}"
        if not self._store.query(f"ASK {{ GRAPH {self._graph} {same} }}"):
            return False
        self.forget()
        self._store.update(f"INSERT {{ GRAPH {self._noted} {same} }} WHERE {{ GRAPH {self._graph} {same} }}")
        return True


def _in_order(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Group what feeds each other (strongly connected components), what feeds others first.

    Kosaraju's algorithm, iterative: networkx has it too, but takes longer to import than the rules to run.
    """
    readers: dict[object, set[int]] = {}
    for index, batch in enumerate(batches):
        for rule, _ in batch:
            for pattern in rule.body:
                readers.setdefault(_key(pattern), set()).add(index)
    feeds: list[list[int]] = []
    for batch in batches:
        key = _key(batch[0][0].head)
        near = readers.values() if key is None else map(readers.get, (key, _TYPE, None))
        feeds.append(sorted(i for i in set().union(*filter(None, near)) if _feeds(batch, batches[i])))
    fed: list[list[int]] = [[] for _ in batches]
    for index, targets in enumerate(feeds):
        for target in targets:
            fed[target].append(index)
    groups: list[list[Batch]] = []
    seen: set[int] = set()
    for root in reversed(_postorder(range(len(batches)), feeds, set())):
        if root not in seen:
            groups.append([batches[index] for index in sorted(_postorder([root], fed, seen))])
    return groups


def _postorder(roots: Iterable[int], successors: Sequence[Sequence[int]], seen: set[int]) -> list[int]:
    """Return what is reached from the roots and not yet seen, each after all that it leads to."""
    order: list[int] = []
    for root in roots:
        stack = [] if root in seen else [(root, iter(successors[root]))]
        seen.add(root)
        while stack:
            rest = stack[-1][1]
            following = next((n for n in rest if n not in seen), None)
            if following is None:
                order.append(stack.pop()[0])
            else:
                seen.add(following)
                stack.append((following, iter(successors[following])))
    return order


def _key(pattern: Pattern | None) -> NamedNode | None:
    """Return what tells patterns apart: the class of a type, else the predicate; ``None`` for a variable."""
    _, predicate, value = pattern or (None, None, None)
    known = value if predicate == _TYPE and isinstance(value, NamedNode) else predicate
    return known if isinstance(known, NamedNode) else None


def _feeds(batch: Batch, other: Batch) -> bool:
    """Tell whether what rules of one head derive can match a pattern in the body of others."""
    return any(_matches(batch[0][0].head, pattern) for rule, _ in other for pattern in rule.body)


def _matches(head: Pattern | None, pattern: Pattern) -> bool:
    return head is not None and all(
        isinstance(one, Variable) or isinstance(two, Variable) or one == two
        for one, two in zip(head, pattern, strict=True)
    )
