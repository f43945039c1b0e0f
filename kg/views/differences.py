"""What one view has that another has not, and which stored questions answer differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyoxigraph import NamedNode, Triple

from kg.asking.labels import find_labels, sentence
from kg.asking.questions import Question
from kg.errors import LimitReached
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Labels
from kg.proofs.stating import Statements
from kg.storage.store import Embedded, Engine
from kg.terms import VIEW
from kg.views.comparing import QuestionDifference, compare
from kg.views.moves import Move, in_view, move
from kg.views.shifts import prepared

_MOST: Final = 1_000_000  # triples that are told apart; more would take all memory


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two views, named as a person named them; triples are in the order of their sentences.

    ``stated`` and ``derived`` are pairs: what only the first has, what only the second has. Stated is what a claim that
    counts there, or reference data, say. ``uncompared`` are questions whose answers have too many rows.
    """

    left: str
    right: str
    stated: tuple[tuple[Triple, ...], tuple[Triple, ...]]
    derived: tuple[tuple[Triple, ...], tuple[Triple, ...]]
    questions: tuple[QuestionDifference, ...]
    labels: Labels
    uncompared: tuple[str, ...] = ()


def differ(  # noqa: PLR0913, PLR0917 - the base, two views of it, and what is asked of both
    store: Embedded,
    location: Path | bytes,
    left: tuple[str, Viewpoint],
    right: tuple[str, Viewpoint],
    questions: Mapping[str, Question],
    rules: Rulebook,
) -> Difference:
    """Return what differs between two views of a base, each with the name that a person gave it.

    ``store`` and ``location`` are as for :func:`kg.views.shifts.prepared`, ``questions`` the stored ones by name. Cost:
    preparing both views, and a few look-ups for each triple that differs; where most of a view differs from the base's
    own, a pass over both; then the questions, see :func:`kg.views.comparing.compare`. Raises ``LimitReached`` where
    more than a million triples differ.
    """
    sides = [prepared(store, location, viewpoint, rules)[0] for _, viewpoint in (left, right)]
    moves = [move(store, viewpoint, rules) for _, viewpoint in (left, right)]
    one, two = moves
    only = _told_apart(one, two) if one and two else (_missing(*sides), _missing(*reversed(sides)))
    labels: dict[NamedNode, str] = {}
    compared = compare(questions, only[0] | only[1], *sides)
    for side in reversed(sides):
        labels |= find_labels(mentioned([*only[0], *only[1]], compared.questions), side)
    pairs = []
    for side, (_, viewpoint), triples in zip(sides, (left, right), only, strict=True):
        pairs.append(parted(triples, Statements(side, rules, viewpoint).stated, labels))
    (left_stated, left_derived), (right_stated, right_derived) = pairs
    return Difference(
        left[0],
        right[0],
        (left_stated, right_stated),
        (left_derived, right_derived),
        compared.questions,
        labels,
        compared.uncompared,
    )


def parted(
    triples: Iterable[Triple], stated: Callable[[Triple], bool], labels: Labels
) -> tuple[tuple[Triple, ...], tuple[Triple, ...]]:
    """Return the triples that are stated and the others, each in the order of their sentences."""
    ordered = sorted(triples, key=lambda triple: (sentence(triple, labels), str(triple)))
    said = {triple for triple in ordered if stated(triple)}
    return tuple(t for t in ordered if t in said), tuple(t for t in ordered if t not in said)


def mentioned(triples: Iterable[Triple], questions: Iterable[QuestionDifference]) -> set[NamedNode]:
    """Return what triples and rows name, to look up what it is called."""
    cells = {cell for one in questions for row in (*one.gone, *one.new) for cell in row}
    cells |= {term for triple in triples for term in (triple.subject, triple.predicate, triple.object)}
    return {cell for cell in cells if isinstance(cell, NamedNode)}


def _told_apart(one: Move, two: Move) -> tuple[Set[Triple], Set[Triple]]:
    """Return what only each of two views has, from what makes each of the base's own."""
    return (
        (one.added - two.added) | (two.removed - one.removed),
        (two.added - one.added) | (one.removed - two.removed),
    )


def _missing(one: Engine, other: Engine) -> Set[Triple]:
    """Return what one view has and another has not."""
    found = set[Triple]()
    for quad in one.quads(graph=VIEW):
        if not other.contains(in_view(quad.triple)):
            found.add(quad.triple)
            if len(found) > _MOST:
                what = f"the views differ in more than {_MOST:,} triples"
                raise LimitReached(what, remedy="compare views that have more in common")
    return found
