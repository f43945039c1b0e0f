"""Blank nodes, where there are any: canonical labels, and which of them need no label at all.

Facts have none. Ontologies have them in restrictions, lists and the like.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    Triple,
)

from kg.errors import LimitReached, Refused
from kg.terms import iri

_Node: TypeAlias = NamedNode | BlankNode
_Term: TypeAlias = NamedNode | BlankNode | Literal
_Facts: TypeAlias = Mapping[NamedNode, list[_Term]]

_FIRST, _REST, _NIL = iri("rdf:first"), iri("rdf:rest"), iri("rdf:nil")
_DEEPEST = 16  # nesting beyond this is written with labels: it is unreadable, and recursion must end
_MOST_ALIKE = 500  # blank nodes with like surroundings: naming them takes exponential time


def relabelled(quads: Iterable[Quad]) -> list[Quad]:
    """Return the quads with canonical blank node labels, in no order.

    Isomorphic datasets give the same set (RDF Dataset Canonicalization 1.0). Without blank nodes the cost
    is linear; for nodes that look alike it is exponential in the worst case, so ``LimitReached`` is raised
    for hundreds of them.

    >>> p, a, b = iri("rdf:value"), BlankNode(), BlankNode()
    >>> relabelled([Quad(a, p, b)]) == relabelled([Quad(b, p, a)])
    True
    """
    plain: list[Quad] = []
    blank: list[Quad] = []
    for quad in quads:
        (blank if any(isinstance(term, BlankNode) for term in quad) else plain).append(quad)
    sights: dict[BlankNode, set[str]] = defaultdict(set)
    for quad in blank:
        for node in set(quad):
            if isinstance(node, BlankNode):
                sights[node].add(" ".join(_sight(term, node) for term in quad))
    alike = Counter(frozenset(sight) for sight in sights.values() if any("_:" in text for text in sight))
    if sum(count for count in alike.values() if count > 1) > _MOST_ALIKE:
        raise LimitReached("too many blank nodes look alike to be named", remedy="give them IRIs")
    dataset = Dataset(blank)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return [*plain, *dataset]


def _sight(term: object, node: BlankNode) -> str:
    return "self" if term == node else "_:" if isinstance(term, BlankNode) else str(term)


def plain_quads(quads: Iterable[Quad | Triple]) -> Iterator[Quad]:
    """Yield each quad once, in order, and triples as quads of the default graph.

    ``Refused`` for a value that RDF 1.1 does not have: a triple, or text with a direction.
    """
    for quad in dict.fromkeys(quad if isinstance(quad, Quad) else Quad(*quad) for quad in quads):
        value = quad.object
        if isinstance(value, Triple) or (isinstance(value, Literal) and value.direction is not None):
            raise Refused(
                f"{quad.predicate.value} has a value that only RDF 1.2 knows",
                where=str(quad.subject),
                remedy="write it in RDF 1.1, without triples as values or text directions",
            )
        yield quad


@dataclass(frozen=True, slots=True)
class Nesting:
    """Where blank nodes can be written: ``inside`` the one triple that uses them, or with a label.

    ``lists`` are those inside that are cells of a well-formed list. A node that nothing uses is in neither.
    """

    inside: frozenset[BlankNode]
    lists: frozenset[BlankNode]
    labelled: frozenset[BlankNode]


def nesting(quads: Iterable[Quad]) -> Nesting:
    """Return which blank nodes can be written inside others, and which need labels; linear.

    Inside is a node that one triple uses, in one graph, and that stands neither on a cycle nor too deep.

    >>> p, a, b = iri("rdf:value"), BlankNode(), BlankNode()
    >>> found = nesting([Quad(iri("id:x"), p, a), Quad(b, p, b)])
    >>> found.inside == {a}, found.labelled == {b}
    (True, True)
    """
    graphs: dict[BlankNode, set[NamedNode | BlankNode | DefaultGraph | None]] = defaultdict(set)
    users: dict[BlankNode, list[_Node | None]] = defaultdict(list)
    facts: dict[BlankNode, dict[NamedNode, list[_Term]]] = defaultdict(lambda: defaultdict(list))
    for subject, predicate, value, name in quads:
        if isinstance(subject, BlankNode):
            graphs[subject].add(name)
            facts[subject][predicate].append(value)
        if isinstance(value, BlankNode):
            graphs[value].add(name)
            users[value].append(subject)
        if isinstance(name, BlankNode):
            graphs[name].add(None)
            users[name] += [None, None]
    parents = {node: found[0] for node, found in users.items() if len(found) == len(graphs[node]) == 1}
    heights, lists = _heights(parents, facts)
    inside = frozenset(node for node in parents if heights.get(node))
    alone = {node for node, found in graphs.items() if len(found) == 1 and node not in users}
    return Nesting(inside, lists, frozenset(graphs) - inside - alone)


def _heights(
    parents: Mapping[BlankNode, _Node | None], facts: Mapping[BlankNode, _Facts]
) -> tuple[dict[_Term | None, int], frozenset[BlankNode]]:
    """Return how deep each node goes, 0 for one too deep to be inside another, and the cells of lists.

    Built up from the leaves, so that no node of a cycle is ever reached.
    """
    waiting = Counter(parents.values())
    ready = [node for node in parents if not waiting[node]]
    heights: dict[_Term | None, int] = {}
    lists: set[BlankNode] = set()
    while ready:
        node = ready.pop()
        about = facts.get(node, {})
        below = {verb: max(heights.get(value, 0) for value in values) for verb, values in about.items()}
        rest = about[_REST][0] if _REST in about else None
        sizes = {verb: len(values) for verb, values in about.items()}
        is_cell = sizes == {_FIRST: 1, _REST: 1} and (rest == _NIL or rest in lists)
        height = max(1 + below[_FIRST], below[_REST]) if is_cell else 1 + max(below.values(), default=0)
        heights[node] = height if height <= _DEEPEST else 0
        if is_cell and heights[node]:
            lists.add(node)
        parent = parents[node]
        waiting[parent] -= 1
        if isinstance(parent, BlankNode) and parent in parents and not waiting[parent]:
            ready.append(parent)
    return heights, frozenset(lists)
