"""Figures that cannot all be right: of the same people harmed, of one quantity, of a property that has one value."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeAlias

from pyoxigraph import Literal, NamedNode

from kg.asking.labels import reading
from kg.disputes.counts import FIGURES, Counts, ranges
from kg.disputes.onrecord import MOST, Dispute, Record, Side, differ
from kg.evidence.claims import Claim
from kg.terms import ONTOLOGY, VIEW, iri

_EVENT = iri("parley:resultsFrom")
_NUMBER, _UNIT = iri("parley:numericValue"), iri("parley:hasUnit")
_TYPE = iri("rdf:type")
_ONE_VALUE: Final = (iri("owl:FunctionalProperty"), iri("owl:DatatypeProperty"))


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure that a claim gives of a thing, as it is read, and what tells it from others."""

    node: NamedNode
    claim: Claim
    said: str
    value: Any
    unit: object = None


_Clash: TypeAlias = Callable[[_Figure, _Figure], bool]


def counts_disputed(record: Record, among: Collection[NamedNode] | None = None) -> Iterator[Dispute]:
    """Yield the disputes on casualty counts: of all counts, or of some nodes that may be counts.

    Counts of the same victims of the same event are compared, and what claims say of one count. Where no number is in
    the ranges of two claims of different speakers or sources, they cannot both be right; some number is in all the
    ranges exactly if one is in those of any two (Helly's theorem on a line). Cost: some look-ups a count, of which
    a hundred of one event are compared; for all counts, one pass over what claims say of numbers and events.
    """
    counts = Counts(record.look)
    seen: set[NamedNode] = set()
    for node in sorted(_suspects(record) if among is None else among, key=str):
        if node not in seen and (among is None or counts.ranges([node])):
            group = _together(node, counts)
            seen |= group
            yield from _of_group(group, counts, record)


def _suspects(record: Record) -> set[NamedNode]:
    """Return the counts that share an event with another, and those of which several claims give figures."""
    given = ranges(quad for term in FIGURES for quad in record.store.quads(None, term))
    told = Counter(
        node for node, graph in given if graph != VIEW
    )  # whether they count is looked at where it matters
    events: dict[object, set[NamedNode]] = {}
    for quad in record.store.quads(None, _EVENT):
        if isinstance(quad.subject, NamedNode) and quad.subject in told:
            events.setdefault(quad.object, set()).add(quad.subject)
    shared = (nodes for nodes in events.values() if len(nodes) > 1)
    return {node for node, claims in told.items() if claims > 1}.union(*shared)


def _together(node: NamedNode, counts: Counts) -> set[NamedNode]:
    """Return a count with those that count the same, and those that count the same as these."""
    found, queue = {node}, [node]
    for one in queue:  # which grows
        fresh = counts.same(one) - found
        found |= fresh
        queue += sorted(fresh, key=str)
        if len(found) > MOST:
            break
    return found


def _of_group(group: set[NamedNode], counts: Counts, record: Record) -> Iterator[Dispute]:
    known = {node: counts.same(node) for node in group}
    figures = [
        _Figure(node, claim, str(one), one)
        for (node, graph), one in counts.ranges(sorted(group, key=str)).items()
        if (claim := record.claim(graph))
    ]

    def clash(one: _Figure, other: _Figure) -> bool:
        return other.node in known[one.node] and bool(one.value.excludes(other.value))

    for sides in _disputed(sorted(figures, key=lambda f: (f.value.least, f.value.most, str(f.node))), clash):
        nodes = {figure.node for figure in sides}
        about = {thing for node in nodes for thing in (*counts.events(node), *counts.victims(node))}
        what = "figures of one count" if len(nodes) == 1 else "figures of the same victims of the same event"
        yield _dispute(f"These {what} cannot all be right", sides, clash, about, record)


def values_disputed(record: Record, among: Collection[NamedNode] | None = None) -> Iterator[Dispute]:
    """Yield the disputes on numbers of one quantity in one unit, and on values of a property that has but one.

    Of all things, or of some. Cost: some look-ups a thing; for all, one pass over the statements of these properties.
    """
    for term in (_NUMBER, *_single_valued(record)):
        what = "These numbers of one quantity cannot all be right"
        if term != _NUMBER:
            what = f"Nothing has two values of “{reading(term, record.labels(terms=[term]))}”"
        for node in sorted(_valued(record, term) if among is None else among, key=str):
            for sides in _disputed(_values(node, term, record), _unequal):
                holders = {quad.subject for quad in record.look(None, None, node)}
                about = {holder for holder in holders if isinstance(holder, NamedNode)}
                yield _dispute(what, sides, _unequal, about, record)


def _unequal(one: _Figure, other: _Figure) -> bool:
    return bool(one.value != other.value and one.unit == other.unit)


def _single_valued(record: Record) -> list[NamedNode]:
    """Return the datatype properties that have one value, as the ontology in the base says."""
    one, data = (
        {quad.subject for quad in record.store.quads(None, _TYPE, kind, ONTOLOGY)} for kind in _ONE_VALUE
    )
    return sorted((term for term in one & data if isinstance(term, NamedNode)), key=str)


def _valued(record: Record, term: NamedNode) -> set[NamedNode]:
    """Return the things of which several claims give values."""
    told: dict[object, set[object]] = {}
    for quad in record.store.quads(None, term):
        told.setdefault(quad.subject, set()).add(quad.object)
    return {node for node, values in told.items() if isinstance(node, NamedNode) and len(values) > 1}


def _values(node: NamedNode, term: NamedNode, record: Record) -> list[_Figure]:
    """Return what claims give as the value, with the unit that each states, or that is stated of the quantity."""
    found = list(record.look(node, term))
    units = list(record.look(node, _UNIT)) if len(found) > 1 and term == _NUMBER else []
    labels = record.labels(terms=[quad.object for quad in units])
    every = [quad.object for quad in units]
    figures: list[_Figure] = []
    for quad in found:
        claim = record.claim(quad.graph_name)
        if claim and isinstance(quad.object, Literal):
            own = [unit.object for unit in units if unit.graph_name == quad.graph_name] or every
            unit = min(own, key=str, default=None)
            said = f"{reading(quad.object, {})} {reading(unit, labels)}".rstrip()
            figures.append(_Figure(node, claim, said, _value(quad.object), unit))
    return sorted(figures, key=lambda figure: (str(figure.value), figure.said))


def _value(literal: Literal) -> object:
    """Return what a literal stands for, numbers being equal whatever their datatype."""
    try:
        return Decimal(literal.value) if not literal.language else literal
    except InvalidOperation:
        return literal


def _disputed(figures: Sequence[_Figure], clash: _Clash) -> Iterator[list[_Figure]]:
    """Yield the figures that hang together by not being right at once, group by group, in their order."""
    against: dict[int, set[int]] = {}
    for one, other in itertools.combinations(range(len(figures)), 2):
        if differ([figures[one].claim], [figures[other].claim]) and clash(figures[one], figures[other]):
            against.setdefault(one, set()).add(other)
            against.setdefault(other, set()).add(one)
    left = sorted(against)
    while left:
        group, queue = {left[0]}, [left[0]]
        for one in queue:  # which grows
            queue += against[one] - group
            group |= against[one]
        yield [figures[one] for one in sorted(group)]
        left = [one for one in left if one not in group]


def _dispute(
    what: str, figures: Sequence[_Figure], clash: _Clash, about: Iterable[NamedNode], record: Record
) -> Dispute:
    labels = record.labels(terms=[figure.node for figure in figures])
    sides: dict[tuple[NamedNode, str], list[Claim]] = {}
    for figure in figures:
        sides.setdefault((figure.node, figure.said), []).append(figure.claim)
    excluded: dict[str, list[str]] = {}
    for one, other in itertools.combinations(figures, 2):
        if clash(one, other) and other.said not in excluded.setdefault(one.said, []):
            excluded[one.said].append(other.said)
    told = "; ".join(f"{one} excludes {_listed(others)}" for one, others in excluded.items() if others)
    return record.dispute(
        "figures",
        {*about, *(figure.node for figure in figures)},
        f"{what}: {told}.",
        (
            Side(f"{_capital(reading(node, labels))}: {said}.", record.ordered(claims))
            for (node, said), claims in sides.items()
        ),
    )


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
