"""Casualty counts that contradict each other: both are kept, and whoever adds one is told of the other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
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
class _Range:
    """What one claim says of a count: the least and the most that it can be."""

    node: NamedNode
    claim: NamedNode | None
    least: float
    most: float

    def excludes(self, other: _Range) -> bool:
        return self.least > other.most or other.least > self.most

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.least}"
        if math.isinf(self.most):
            return f"{self.least} or more"
        return f"at most {self.most}" if self.least <= 0 else f"{self.least} to {self.most}"


_Ranges: TypeAlias = dict[tuple[NamedNode, object], _Range]


def contested(statements: Iterable[Statement], claims: Iterable[Claim], base: Engine) -> Iterator[Finding]:
    """Yield a warning for each count of a proposal that another claim's cannot be reconciled with.

    The other claim is one of the proposal or of the base, reported or attributed and not withdrawn; it speaks of
    the same count, or of the same victims of the same event. ``claims`` are those of the proposal; statements that
    stand in no graph are taken as one claim of their own. Cost: a few look-ups of each count, its event and the
    other counts of that event, of which at most 100 are compared.
    """
    found = [statement for statement in statements if _speaks(statement.quad)]
    own = _ranges(statement.quad for statement in found)
    if not own:
        return
    look = _Look([statement.quad for statement in found], base)
    known = {claim.iri: claim for claim in claims}
    places: dict[tuple[object, object], Statement] = {
        (s.quad.subject, s.quad.graph_name): s for s in reversed(found) if s.quad.predicate in _COUNTS
    }
    seen: set[frozenset[tuple[NamedNode, object]]] = set()
    for key, count in own.items():
        for other_key, other in look.others(count, own).items():
            pair = frozenset({key, other_key})
            if pair in seen or other_key[1] == key[1] or not count.excludes(other):
                continue
            seen.add(pair)
            witness = _claim_of(other, known, base)
            if witness is not None and not witness.withdrawn:
                yield _finding(places[key], count, other, known, witness)


_COUNTS: Final = frozenset({_EXACT, _LEAST, _MOST})
_ABOUT: Final = frozenset({_EVENT, _VICTIMS, _WIDER, _TYPE})


def _speaks(quad: Quad) -> bool:
    ours = isinstance(quad.graph_name, NamedNode) and quad.graph_name.value.startswith(BASE + "graph/")
    return quad.predicate in _COUNTS | _ABOUT and not ours


def _ranges(quads: Iterable[Quad]) -> _Ranges:
    """Return what each claim says of each count."""
    found: _Ranges = {}
    for subject, predicate, value, graph in quads:
        if predicate not in _COUNTS or not isinstance(value, Literal) or not isinstance(subject, NamedNode):
            continue
        if not _WHOLE.fullmatch(value.value):
            continue
        number = int(value.value)
        before = found.get((subject, graph))
        least, most = (before.least, before.most) if before else (0, math.inf)
        found[subject, graph] = _Range(
            subject,
            graph if isinstance(graph, NamedNode) else None,
            max(least, number) if predicate != _MOST else least,
            min(most, number) if predicate != _LEAST else most,
        )
    return found


class _Look:
    """What proposal and base say of counts, looked up as needed."""

    def __init__(self, quads: list[Quad], base: Engine) -> None:
        self._base = base
        self._said: dict[tuple[object, NamedNode], set[object]] = {}
        self._of_event: dict[object, set[NamedNode]] = {}
        for subject, predicate, value, _ in quads:
            self._said.setdefault((subject, predicate), set()).add(value)
            if predicate == _EVENT and isinstance(subject, NamedNode):
                self._of_event.setdefault(value, set()).add(subject)

    def others(self, count: _Range, own: Mapping[tuple[NamedNode, object], _Range]) -> _Ranges:
        """Return what other claims say of the same count, or of the same victims of the same event."""
        nodes = {count.node} | {node for node in self._peers(count.node) if self._alike(count.node, node)}
        quads = (quad for node in nodes for term in _COUNTS for quad in self._some(node, term, None))
        stored = _ranges(quad for quad in quads if _speaks(quad))
        return {**stored, **{key: one for key, one in own.items() if key[0] in nodes}}

    def _peers(self, node: NamedNode) -> set[NamedNode]:
        found: set[NamedNode] = set()
        for event in self._values(node, _EVENT):
            found |= self._of_event.get(event, set())
            if isinstance(event, NamedNode):
                found |= {
                    q.subject for q in self._some(None, _EVENT, event) if isinstance(q.subject, NamedNode)
                }
        return found - {node}

    def _alike(self, one: NamedNode, other: NamedNode) -> bool:
        """Tell whether two counts count the same: the same victims, the same harm, neither a part of the other."""
        if other in self._values(one, _WIDER) or one in self._values(other, _WIDER):
            return False
        victims = self._values(one, _VICTIMS), self._values(other, _VICTIMS)
        deaths = [_DEATHS in self._values(node, _TYPE) for node in (one, other)]
        return victims[0] == victims[1] and deaths[0] == deaths[1]

    def _values(self, node: NamedNode, predicate: NamedNode) -> set[object]:
        return self._said.get((node, predicate), set()) | {
            quad.object for quad in self._some(node, predicate, None) if _speaks(quad)
        }

    def _some(
        self, subject: NamedNode | None, predicate: NamedNode, value: NamedNode | None
    ) -> Iterator[Quad]:
        return islice(self._base.quads(subject, predicate, value), _MOST_PEERS)


def _claim_of(count: _Range, known: Mapping[NamedNode, Claim], base: Engine) -> Claim | None:
    if count.claim is None or count.claim in known:
        return known.get(count.claim) if count.claim else None
    return next(iter(read_claims(base, [count.claim])), None)


def _finding(
    at: Statement, count: _Range, other: _Range, known: Mapping[NamedNode, Claim], claim: Claim
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
