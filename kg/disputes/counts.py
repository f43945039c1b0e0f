"""Casualty counts that contradict each other: both are kept, and whoever adds one is told of the other."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Quad

from kg.evidence.claims import Claim, read_claims
from kg.findings import Check, Finding, Severity, Witness
from kg.storage.store import Engine
from kg.terms import BASE, iri, short

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "contested-figure": Check(
        "Two claims give numbers of the same victims of the same event that cannot both be right.",
        "Conflicting figures stand side by side, each with who gives it; nothing is overwritten.",
        "check both sentences; both are kept, and questions show both",
        Severity.WARNING,
    ),
}
"""The check of counts, by its code."""

_EXACT, _LEAST, _MOST = map(iri, ("parley:exactCount", "parley:leastCount", "parley:mostCount"))
_EVENT, _VICTIMS, _WIDER = map(iri, ("parley:resultsFrom", "parley:hasVictimsFrom", "parley:isIncludedIn"))
_TYPE, _DEATHS = iri("rdf:type"), iri("parley:DeathCount")
_WHOLE: Final = re.compile(r"\+?[0-9]{1,18}")
_MOST_PEERS: Final = 100  # counts of one event, and statements of one count, that are compared


@dataclass(frozen=True, slots=True)
class Range:
    """What one claim says of a count: the least and the most that it can be."""

    node: NamedNode
    claim: NamedNode | None
    least: float
    most: float

    def excludes(self, other: Range) -> bool:
        """Tell whether no number is in both."""
        return self.least > other.most or other.least > self.most

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least}"
        if math.isinf(self.most):
            return f"{self.least} or more"
        return f"at most {self.most}" if self.least <= 0 else f"{self.least} to {self.most}"


Ranges: TypeAlias = dict[tuple[NamedNode, object], Range]
"""What each claim says of each count, by the count and the claim's graph."""
Look: TypeAlias = Callable[[NamedNode | None, NamedNode, NamedNode | None], Iterable[Quad]]
"""Yields the statements of the claims that are to be considered, ``None`` matching anything."""

FIGURES: Final = (_EXACT, _LEAST, _MOST)
"""The properties that give a number of people."""


def ranges(quads: Iterable[Quad]) -> Ranges:
    """Return what each claim says of each count; what is no whole number is passed over."""
    found: Ranges = {}
    for subject, predicate, value, graph in quads:
        if predicate not in FIGURES or not isinstance(value, Literal) or not isinstance(subject, NamedNode):
            continue
        if not _WHOLE.fullmatch(value.value):
            continue
        number = int(value.value)
        before = found.get((subject, graph))
        least, most = (before.least, before.most) if before else (0, math.inf)
        found[subject, graph] = Range(
            subject,
            graph if isinstance(graph, NamedNode) else None,
            max(least, number) if predicate != _MOST else least,
            min(most, number) if predicate != _LEAST else most,
        )
    return found


class Counts:
    """Casualty counts as claims tell of them, looked up as needed."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def ranges(self, nodes: Iterable[NamedNode]) -> Ranges:
        """Return what claims say of these counts."""
        return ranges(quad for node in nodes for term in FIGURES for quad in self._look(node, term, None))

    def same(self, node: NamedNode) -> set[NamedNode]:
        """Return a count and those that count the same: the same victims of the same event, the same harm."""
        peers = {quad.subject for event in self.events(node) for quad in self._look(None, _EVENT, event)}
        return {node} | {one for one in peers if isinstance(one, NamedNode) and self._alike(node, one)}

    def events(self, node: NamedNode) -> set[NamedNode]:
        """Return the events that a count results from."""
        return {event for event in self._values(node, _EVENT) if isinstance(event, NamedNode)}

    def victims(self, node: NamedNode) -> set[NamedNode]:
        """Return whose people a count tells of."""
        return {actor for actor in self._values(node, _VICTIMS) if isinstance(actor, NamedNode)}

    def _alike(self, one: NamedNode, other: NamedNode) -> bool:
        """Tell whether two counts have the same victims and the same harm, and neither is a part of the other."""
        if other in self._values(one, _WIDER) or one in self._values(other, _WIDER):
            return False
        victims = self._values(one, _VICTIMS), self._values(other, _VICTIMS)
        deaths = [_DEATHS in self._values(node, _TYPE) for node in (one, other)]
        return victims[0] == victims[1] and deaths[0] == deaths[1]

    def _values(self, node: NamedNode, predicate: NamedNode) -> set[object]:
        return {quad.object for quad in self._look(node, predicate, None)}


def contested(statements: Iterable[Statement], claims: Iterable[Claim], base: Engine) -> Iterator[Finding]:
    """Yield a warning for each count of a proposal that another claim's cannot be reconciled with.

    The other claim is one of the proposal or of the base, reported or attributed and not withdrawn; it speaks of
    the same count, or of the same victims of the same event. ``claims`` are those of the proposal; statements that
    stand in no graph are taken as one claim of their own. Cost: a few look-ups of each count, its event and the
    other counts of that event, of which at most 100 are compared.
    """
    found = [statement for statement in statements if _speaks(statement.quad)]
    own = ranges(statement.quad for statement in found)
    if not own:
        return
    counts = Counts(_proposed([statement.quad for statement in found], base))
    known = {claim.iri: claim for claim in claims}
    places: dict[tuple[object, object], Statement] = {
        (s.quad.subject, s.quad.graph_name): s for s in reversed(found) if s.quad.predicate in FIGURES
    }
    seen: set[frozenset[tuple[NamedNode, object]]] = set()
    for key, count in own.items():
        for other_key, other in counts.ranges(sorted(counts.same(count.node), key=str)).items():
            pair = frozenset({key, other_key})
            if pair in seen or other_key[1] == key[1] or not count.excludes(other):
                continue
            seen.add(pair)
            witness = _claim_of(other, known, base)
            if witness is not None and not witness.withdrawn:
                yield _finding(places[key], count, other, known, witness)


_ABOUT: Final = frozenset({*FIGURES, _EVENT, _VICTIMS, _WIDER, _TYPE})


def _speaks(quad: Quad) -> bool:
    ours = isinstance(quad.graph_name, NamedNode) and quad.graph_name.value.startswith(BASE + "graph/")
    return quad.predicate in _ABOUT and not ours


def _proposed(quads: Iterable[Quad], base: Engine) -> Look:
    """Return a look at what a proposal and the base say."""
    of: dict[tuple[object, NamedNode], list[Quad]] = {}
    at: dict[tuple[NamedNode, object], list[Quad]] = {}
    for quad in quads:
        of.setdefault((quad.subject, quad.predicate), []).append(quad)
        at.setdefault((quad.predicate, quad.object), []).append(quad)

    def look(subject: NamedNode | None, predicate: NamedNode, value: NamedNode | None) -> Iterator[Quad]:
        yield from filter(_speaks, islice(base.quads(subject, predicate, value), _MOST_PEERS))
        yield from at.get((predicate, value), ()) if value else of.get((subject, predicate), ())

    return look


def _claim_of(count: Range, known: Mapping[NamedNode, Claim], base: Engine) -> Claim | None:
    if count.claim is None or count.claim in known:
        return known.get(count.claim) if count.claim else None
    return next(iter(read_claims(base, [count.claim])), None)


def _finding(
    at: Statement, count: Range, other: Range, known: Mapping[NamedNode, Claim], claim: Claim
) -> Finding:
    check = CHECKS["contested-figure"]
    own = known.get(count.claim) if count.claim else None
    which = (
        f"{short(count.node)} is {count}"
        if other.node == count.node
        else f"{short(count.node)} is {count}, and"
    )
    rest = (
        "but"
        if other.node == count.node
        else f"{short(other.node)}, of the same victims of the same event, is"
    )
    speaker = "" if claim.speaker == claim.source else f", as told by {short(claim.speaker)}"
    message = f"{which} {rest} {other} in {short(claim.iri)}{speaker}"
    witnesses = tuple(Witness(one.iri, one.quote) for one in (own, claim) if one)
    return Finding(
        "contested-figure",
        check.severity,
        message,
        check.remedy,
        at.place,
        count.node,
        str(at.quad.predicate),
        at.quad.object,
        witnesses=witnesses,
    )
