"""The shapes: read once, and for each change the focus nodes whose verdict it can alter.

All that the verdict of a shape on a node reads lies at the ends of paths from that node. The shapes become one
automaton over the steps of these paths; a changed triple that some step reads is walked back from, step by
step, to the nodes where a shape starts. What the walk visits does not grow with the base, unless the nodes that
are affected do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.errors import UnsupportedConstruct
from kg.findings import Term
from kg.storage.overlay import Overlay
from kg.terms import iri
from kg.validation.selects import Path, Read, reads
from kg.validation.shapegraph import TARGETS, ShapeGraph

_CLASS, _NODE, _SUBJECTS, _OBJECTS = TARGETS
_TYPE, _SUBCLASS, _PATH, _PROPERTY = map(iri, ("rdf:type", "rdfs:subClassOf", "sh:path", "sh:property"))
_PAIRS: Final = tuple(map(iri, ("sh:equals", "sh:disjoint", "sh:lessThan", "sh:lessThanOrEquals")))
_TRUE: Final = Literal(True)


@dataclass(frozen=True, slots=True)
class _Step:
    """From one state to the next over a triple: along its predicate (``None``: any), or against it.

    The far end must be ``constant`` or of the class ``kind``, where they are given; ``besides`` are predicates
    that are not read. ``empty``: no triple at all.
    """

    origin: int
    predicate: NamedNode | None = None
    inverse: bool = False
    constant: Term | None = None
    kind: Term | None = None
    besides: frozenset[Term] = frozenset()
    empty: bool = False


class Shapes(ShapeGraph):
    """The shapes, and what their verdicts read.

    ``reads`` tells what a SELECT reads; one that remembers saves a fifth of a second.

    Raises ``UnsupportedConstruct`` where that cannot be told: recursion, lists and paths that are none, SPARQL
    outside what :func:`kg.validation.selects.prepare` allows. ``shapelint`` says more of shapes like these.
    """

    def __init__(self, triples: Iterable[Triple], reads: Callable[[str], Iterable[Read]] = reads) -> None:
        super().__init__(triples)
        self._reads = reads
        self._into: list[list[_Step]] = []
        self._reading: dict[NamedNode | None, list[_Step]] = defaultdict(list)
        self._starts: dict[int, NamedNode] = {}
        for root in self.roots:
            self._starts[start := self._state()] = root
            self._target(root, start)
            self._shape(root, start, ())

    @property
    def predicates(self) -> frozenset[NamedNode] | None:
        """The predicates that some shape reads; ``None`` when some shape reads them all."""
        return None if None in self._reading else frozenset(filter(None, self._reading))

    def affected(self, overlay: Overlay) -> dict[NamedNode, set[Term]]:
        """Return for each shape with targets the focus nodes whose verdict a change can alter.

        They are targets after the change; what is no target any more has no verdict. Never too few: if the
        verdict on a node differs, then some path on which it depends first meets the change at a changed triple,
        and what lies before that triple is unchanged. Cost: look-ups in proportion to the changed triples and
        to the nodes on the way back from them; a node that millions of others point to is walked through only
        where a shape reads something behind it that has changed.
        """
        return _Walk(self, overlay).affected()

    def targets_among(
        self, nodes: Mapping[NamedNode, Iterable[Term]], overlay: Overlay
    ) -> dict[NamedNode, set[Term]]:
        """Return of the nodes that are given by shape those that are targets of it in an overlay."""
        walk = _Walk(self, overlay)
        return {root: {node for node in of if walk._is_target(root, node)} for root, of in nodes.items()}

    def _state(self) -> int:
        self._into.append([])
        return len(self._into) - 1

    def _step(self, step: _Step, target: int | None = None) -> int:
        target = self._state() if target is None else target
        self._into[target].append(step)
        if not step.empty:
            self._reading[step.predicate].append(step)
        return target

    def _target(self, root: NamedNode, start: int) -> None:
        """Add what decides whether a node is a target."""
        for kind, value in self.targets(root):
            if kind == _CLASS:
                self._instance(start, value)
            elif kind != _NODE:
                self._step(_Step(start, value, inverse=kind == _OBJECTS))

    def _instance(self, state: int, cls: Term) -> None:
        """Add what decides whether the nodes of a state are instances of a class."""
        kind = self._step(_Step(state, _TYPE, kind=cls))
        self._step(_Step(kind, _SUBCLASS), kind)

    def _shape(self, shape: object, state: int, trail: tuple[object, ...]) -> None:
        """Add what the verdict of a shape on the nodes of a state reads."""
        if shape in trail:
            raise UnsupportedConstruct("leads back to itself", where=str(shape), remedy="break the circle")
        if _TRUE in self.values(shape, iri("sh:deactivated")):
            return
        values = state
        for path in self.values(shape, _PATH):
            values = self._follow(self.path(path), state)
        for cls in self.values(shape, iri("sh:class")):
            self._instance(values, cls)
        for predicate in chain.from_iterable(self.values(shape, pair) for pair in _PAIRS):
            self._step(_Step(state, predicate))
        if _TRUE in self.values(shape, iri("sh:closed")):
            self._step(_Step(values, besides=self._open(shape)))
        for constraint in self.values(shape, iri("sh:sparql")):
            self._select(self.select(shape, constraint), state)
        for inner in [*self.inside(shape), *self._siblings(shape)]:
            self._shape(inner, values, (*trail, shape))

    def _open(self, shape: object) -> frozenset[Term]:
        """Return the predicates that a closed shape allows."""
        ignored = [m for head in self.values(shape, iri("sh:ignoredProperties")) for m in self.members(head)]
        paths = [path for inner in self.values(shape, _PROPERTY) for path in self.values(inner, _PATH)]
        return frozenset(ignored + [path for path in paths if isinstance(path, NamedNode)])

    def _siblings(self, shape: object) -> list[Any]:
        """Return the shapes to which what a qualified shape counts must not conform (SHACL, section 4.7.3)."""
        if _TRUE not in self.values(shape, iri("sh:qualifiedValueShapesDisjoint")):
            return []
        parents = [t.subject for t in self.triples if t.predicate == _PROPERTY and t.object == shape]
        beside = [other for parent in parents for other in self.values(parent, _PROPERTY)]
        return [value for other in beside for value in self.values(other, iri("sh:qualifiedValueShape"))]

    def _select(self, text: str, state: int) -> None:
        states = {0: state}
        for found in self._reads(text):
            origin, constant = states[found.origin], found.constant
            if found.path is None:
                states[found.target] = self._step(_Step(origin, constant=constant))
            else:
                states[found.target] = self._follow(found.path, origin, constant=constant)

    def _follow(self, path: Path, origin: int, *, inverse: bool = False, constant: Term | None = None) -> int:
        """Add the steps of a path; return the state of the nodes at its end."""
        if isinstance(path, NamedNode):
            return self._step(_Step(origin, path, inverse, constant))
        operator, parts = path
        if operator == "^":
            return self._follow(parts[0], origin, inverse=not inverse, constant=constant)
        if operator == "/":
            *first, last = reversed(parts) if inverse else parts
            for part in first:
                origin = self._follow(part, origin, inverse=inverse)
            return self._follow(last, origin, inverse=inverse, constant=constant)
        end = self._state()
        if operator in "+*":
            again = self._step(_Step(origin, empty=True))
            once = self._follow(parts[0], again, inverse=inverse)
            self._step(_Step(once, empty=True), again)
            self._step(_Step(once, empty=True), end)
        else:
            for part in parts:
                self._step(_Step(self._follow(part, origin, inverse=inverse), empty=True), end)
        if operator in "*?":
            self._step(_Step(origin, empty=True), end)
        return end


class _Walk:
    """One walk back from a change; what is looked up twice is looked up once."""

    def __init__(self, shapes: Shapes, overlay: Overlay) -> None:
        self.shapes, self.overlay = shapes, overlay
        self._gone = [triple for triple in overlay.removed if triple.predicate == _SUBCLASS]
        self._wider: dict[tuple[Term, bool], set[Term]] = {}
        self._known: dict[tuple[Term, NamedNode | None, bool], list[Term]] = {}

    def affected(self) -> dict[NamedNode, set[Term]]:
        shapes, seen = self.shapes, set()
        ahead: list[tuple[int, Term]] = []
        for triple in chain(self.overlay.added, self.overlay.removed):
            for step in chain(shapes._reading.get(triple.predicate, ()), shapes._reading.get(None, ())):
                start, end = (
                    (triple.object, triple.subject) if step.inverse else (triple.subject, triple.object)
                )
                if triple.predicate not in step.besides and self._allows(step, end):
                    ahead.append((step.origin, start))
        found: dict[NamedNode, set[Term]] = defaultdict(set)
        while ahead:
            state, node = place = ahead.pop()
            if place in seen:
                continue
            seen.add(place)
            root = shapes._starts.get(state)
            if root is not None and self._is_target(root, node):
                found[root].add(node)
            for step in shapes._into[state]:
                before = [node] if step.empty else self._before(step, node)
                ahead.extend((step.origin, other) for other in before)
        return dict(found)

    def _allows(self, step: _Step, end: Term) -> bool:
        if step.constant is not None:
            return bool(end == step.constant)
        return step.kind is None or step.kind in self._classes(end)

    def _before(self, step: _Step, node: Term) -> list[Term]:
        """Return the nodes from which a step over an unchanged triple leads to a node."""
        if not self._allows(step, node):
            return []
        key = (node, step.predicate, step.inverse)
        if key not in self._known:
            self._known[key] = list(self._look_up(*key))
        return self._known[key]

    def _look_up(self, node: Term, predicate: NamedNode | None, inverse: bool) -> Iterator[Term]:
        if not inverse:
            for triple in self.overlay.triples(None, predicate, node):
                if triple not in self.overlay.added:
                    yield triple.subject
        elif isinstance(node, NamedNode | BlankNode):
            for triple in self.overlay.triples(node, predicate):
                if triple not in self.overlay.added:
                    yield triple.object

    def _classes(self, cls: Term, *, before: bool = True) -> set[Term]:
        """Return a class and the classes that it is narrower than after the change, or before it or after it."""
        if (cls, before) not in self._wider:
            found, ahead = {cls}, [cls]
            while ahead:
                node = ahead.pop()
                if isinstance(node, NamedNode | BlankNode):
                    wider = {triple.object for triple in self.overlay.triples(node, _SUBCLASS)}
                    wider |= {t.object for t in self._gone if before and t.subject == node} - found
                    ahead += wider - found
                    found |= wider
            self._wider[cls, before] = found
        return self._wider[cls, before]

    def _is_target(self, root: NamedNode, node: Term) -> bool:
        """Tell whether a node is a target of a shape after the change."""
        classes, look = set(), self.overlay.triples
        for kind, value in self.shapes.targets(root):
            if kind == _CLASS:
                classes.add(value)
            elif kind == _NODE:
                if node == value:
                    return True
            elif kind == _OBJECTS:
                if any(look(None, value, node)):
                    return True
            elif isinstance(node, NamedNode | BlankNode) and any(look(node, value)):
                return True
        if not classes or not isinstance(node, NamedNode | BlankNode):
            return False
        types = {triple.object for triple in look(node, _TYPE)}
        return bool(classes & types) or any(classes & self._classes(cls, before=False) for cls in types)
