"""What withdrawing claims would change, told before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyoxigraph import NamedNode, Triple

from kg.asking.labels import find_labels
from kg.asking.questions import Question
from kg.bases.changes import is_accepted, withdrawal
from kg.evidence.claims import read_claims
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Labels
from kg.storage.store import Embedded
from kg.views.comparing import Comparison, QuestionDifference, compare
from kg.views.differences import mentioned, parted
from kg.views.shifts import shifted


@dataclass(frozen=True, slots=True)
class Impact:
    """What withdrawing claims would change; nothing is changed.

    ``lost`` are stated triples that would no longer hold, ``fallen`` derived ones; ``kept`` are triples that the claims
    say and that would hold still, because others say them or rules give them. ``questions`` tell which answers change:
    ``gone`` rows would go, ``new`` ones come (an absence then is one). ``uncompared`` are questions whose answers have
    too many rows. ``told`` are those of the claims that are a speaker's word, which only that speaker's view would
    lose; ``withdrawn`` are those that are withdrawn already.
    """

    claims: tuple[NamedNode, ...]
    lost: tuple[Triple, ...]
    fallen: tuple[Triple, ...]
    kept: tuple[Triple, ...]
    questions: tuple[QuestionDifference, ...]
    labels: Labels
    uncompared: tuple[str, ...] = ()
    told: tuple[NamedNode, ...] = ()
    withdrawn: tuple[NamedNode, ...] = ()


def impact(
    claims: Sequence[NamedNode], store: Embedded, questions: Mapping[str, Question], rules: Rulebook
) -> Impact:
    """Return what withdrawing ``claims`` of a base would change.

    ``store`` is the base's own, open for reading, and nobody changes it meanwhile; ``questions`` are the stored ones by
    name. Claims that are withdrawn already, and those of quoted speakers, change nothing. Cost: as for
    :func:`kg.bases.changes.withdrawal`, a copy of the store (of one on disk by hard links), and the questions, see
    :func:`kg.views.comparing.compare`.
    """
    change, after = withdrawal(claims, datetime.now(UTC), "", store, rules)
    said = {
        quad.triple
        for claim in claims
        for quad in store.quads(graph=claim)
        if is_accepted(claim, store) or after.contains(quad.triple)
    }
    compared = Comparison((), ())
    if change.removed or change.added:
        with shifted(store, change.removed, change.added) as copy:
            compared = compare(questions, change.removed | change.added, store, copy)
    kept = {triple for triple in said if after.contains(triple)}
    labels = find_labels(mentioned([*change.removed, *said], compared.questions), store)
    lost, fallen = parted(change.removed, said.__contains__, labels)
    named = {claim.iri: claim for claim in read_claims(store, claims)}
    return Impact(
        tuple(dict.fromkeys(claims)),
        lost,
        fallen,
        parted(kept, said.__contains__, labels)[0],
        compared.questions,
        labels,
        compared.uncompared,
        tuple(iri for iri, one in named.items() if one.speaker != one.source and not one.withdrawn),
        tuple(iri for iri, one in named.items() if one.withdrawn),
    )
