"""Where the statements of a row go: into its claim, or among the names and identifiers of things.

What a thing is called, which class it has, how others identify it and where it lies is reference data, said once and
with its data set; it counts for things that have an identifier. All else is what the row claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.importing.joining import Things, Unjoined
from kg.importing.stating import Cells, Left, Stated
from kg.terms import PREFIXES, REFERENCE, iri, short

_TYPE: Final = iri("rdf:type")
_LABEL: Final = iri("rdfs:label")
_OTHER_LABEL: Final = iri("skos:altLabel")
_DATA_SET: Final = iri("dcterms:source")


@dataclass(slots=True)
class Row:
    """What comes of a row: what its claim says, what is added to the reference data, what is left out."""

    content: dict[Triple, None] = field(default_factory=dict)
    reference: list[Quad] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


class Sayings:
    """The statements of an import, sorted row by row; remembers of which things it has told what."""

    def __init__(self, things: Things, data_set: NamedNode) -> None:
        self._things, self._data_set = things, data_set
        self._told: dict[NamedNode, set[tuple[NamedNode, NamedNode | Literal]]] = {}
        self._labels: dict[NamedNode, str] = {}
        self._met: set[str] = set()
        self._ruled_out: set[tuple[NamedNode, NamedNode]] = set()

    def say(self, said: Iterable[Stated | Left], cells: Cells, main: str | None) -> Row:
        """Sort what a row says; ``main`` is the IRI of the thing that the row is about, whose class is a claim."""
        row = Row()
        for one in said:
            if isinstance(one, Left):
                row.left.append(one)
                continue
            if one.needs and not self._things.joins(one.needs):
                continue
            try:
                self._sort(one, row, cells, one.subject == main)
            except Unjoined as failed:
                row.left.append(cells.leave(one.rule.name, failed.value, failed.reason))
        return row

    def _sort(self, one: Stated, row: Row, cells: Cells, is_main: bool) -> None:
        predicate = one.rule.predicate
        subject = self._things.join(one.subject)
        value = self._things.join(one.value) if isinstance(one.value, str) else one.value
        for name, thing in ((one.subject, subject), (one.value, value)):
            if isinstance(name, str) and isinstance(thing, NamedNode):
                self._introduce(name, thing, row, is_main and name == one.subject)
        if predicate == _LABEL:
            row.reference += self._label(subject, value)
        elif _is_geography(predicate, value):
            row.reference.append(Quad(subject, predicate, value, REFERENCE))
            row.reference.append(Quad(subject, _DATA_SET, self._data_set, REFERENCE))
        elif (
            predicate == _TYPE
            and not is_main
            and self._things.key(one.subject)
            and isinstance(value, NamedNode)
        ):
            if self._is_new(subject, predicate, value):
                if self._things.admits(subject, value):
                    row.reference += self._refer(subject, predicate, value)
                elif (subject, value) not in self._ruled_out:
                    self._ruled_out.add((subject, value))
                    reason = f"what is known of it rules out that it is of {short(value)}"
                    row.left.append(cells.leave(one.rule.name, short(subject), reason))
        elif predicate in self._things.properties:
            self._identify(one, subject, value, row, cells)
        else:
            row.content[Triple(subject, predicate, value)] = None

    def _introduce(self, name: str, thing: NamedNode, row: Row, is_main: bool) -> None:
        """Give a thing the identifier by which the row names it, when it is first met and does not have it."""
        if name in self._met and not is_main:
            return
        key = self._things.key(name)
        if key is None:
            return
        if is_main:
            row.content[Triple(thing, key[0], Literal(key[1]))] = None
            return
        self._met.add(name)
        if key[1] not in self._things.has(thing, key[0]):
            row.reference += self._refer(thing, key[0], Literal(key[1]))

    def _identify(
        self, one: Stated, thing: NamedNode, value: NamedNode | Literal, row: Row, cells: Cells
    ) -> None:
        """Give a thing another identifier, unless it has one of that kind already."""
        predicate = one.rule.predicate
        if not self._is_new(thing, predicate, value):
            return
        told = {said.value for property_, said in self._told.get(thing, ()) if property_ == predicate}
        others = self._things.has(thing, predicate) | told
        if value.value in others:
            return
        if others:
            shown = f"{value.value}, not {', '.join(sorted(others))}"
            row.left.append(cells.leave(one.rule.name, shown, f"it has another {short(predicate)}"))
        else:
            row.reference += self._refer(thing, predicate, value)

    def _label(self, thing: NamedNode, value: NamedNode | Literal) -> Iterator[Quad]:
        """Yield the first name of a thing as its label and further ones as other names; a known one keeps its own."""
        if thing not in self._labels:
            known = self._things.has(thing, _LABEL)
            self._labels[thing] = value.value if not known else ""
            if not known:
                yield from self._refer(thing, _LABEL, value)
        elif self._labels[thing] not in {"", value.value} and self._is_new(thing, _OTHER_LABEL, value):
            yield from self._refer(thing, _OTHER_LABEL, value)

    def _is_new(self, thing: NamedNode, predicate: NamedNode, value: NamedNode | Literal) -> bool:
        return (predicate, value) not in self._told.get(thing, ())

    def _refer(self, thing: NamedNode, predicate: NamedNode, value: NamedNode | Literal) -> Iterator[Quad]:
        """Yield a statement of reference data, and once for each thing which data set speaks of it."""
        told = self._told.setdefault(thing, set())
        if not told:
            yield Quad(thing, _DATA_SET, self._data_set, REFERENCE)
        told.add((predicate, value))
        yield Quad(thing, predicate, value, REFERENCE)


def _is_geography(predicate: NamedNode, value: NamedNode | Literal) -> bool:
    """Tell whether a statement says where something lies, for which the reference data have their own words."""
    geo = PREFIXES["geo"]
    return predicate.value.startswith(geo) or (isinstance(value, NamedNode) and value.value.startswith(geo))
