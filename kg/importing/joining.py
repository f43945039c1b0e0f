"""Joining rows to what a base knows: by identifiers, never by names.

A mapping makes IRIs from identifiers (``id/ucdp-actor-61``). Such an IRI stands for the thing of the base that has the
identifier. Where none has it, it becomes the thing's name if the mapping may make things from that identifier, and
otherwise cannot be joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode

from kg.importing.plans import Plan
from kg.storage.store import Engine
from kg.terms import VIEW, iri, short, text

_TYPE: Final = iri("rdf:type")
_MOST_KEPT: Final = 200_000
"""Answers that are remembered at once; a row names its own thing many times, and most others not again."""


class Unjoined(Exception):
    """Raised for an IRI that stands for no thing, or for several: why, and the identifier."""

    def __init__(self, reason: str, value: str) -> None:
        super().__init__(reason, value)
        self.reason, self.value = reason, value


class Things:
    """The things that identifiers stand for: in a base, and in a file that is read through once before it is used."""

    def __init__(self, store: Engine, plan: Plan, wider: dict[NamedNode, frozenset[NamedNode]]) -> None:
        """``wider`` gives the classes above each class of the ontology."""
        self._store, self._wider = store, wider
        self.properties = frozenset(property_ for _, property_, _ in plan.keys)
        self._keys: dict[str, list[tuple[str, NamedNode, bool]]] = {}
        for prefix, property_, mints in plan.keys:
            folder, slash, start = prefix.rpartition("/")
            self._keys.setdefault(folder + slash, []).append((start, property_, mints))
        self._said: dict[str, set[tuple[NamedNode, str]]] = {}
        self._bearers: dict[tuple[NamedNode, str], set[str]] = {}
        self._known: dict[tuple[NamedNode, str], tuple[NamedNode, ...]] = {}
        self._joined: dict[str, NamedNode | Unjoined] = {}
        self._classes: dict[NamedNode, set[NamedNode]] = {}

    def key(self, name: str) -> tuple[NamedNode, str, bool] | None:
        """Return the identifier that an IRI is made from, and whether a thing may be made from it."""
        at = name.rfind("/") + 1
        for start, property_, mints in self._keys.get(name[:at], ()):
            if name.startswith(start, at):
                return property_, unquote(name[at + len(start) :]), mints
        return None

    def learn(self, name: str, property_: NamedNode | None = None, value: str = "") -> None:
        """Note that the file names a thing so, and which other identifier it gives it."""
        key = self.key(name)
        if key is None or not key[2]:
            return
        for one in (key[:2], (property_, value)):
            if one[0] is not None:
                self._said.setdefault(name, set()).add((one[0], one[1]))
                self._bearers.setdefault((one[0], one[1]), set()).add(name)

    def join(self, name: str) -> NamedNode:
        """Return the thing that an IRI stands for; raises ``Unjoined``. Cost: some look-ups, once for each IRI."""
        known = self._joined.get(name)
        if known is None:
            key = self.key(name)
            if key is None:
                return NamedNode(name)
            if len(self._joined) >= _MOST_KEPT:
                self._joined.clear()
                self._known.clear()
            known = self._joined[name] = self._find(name, key)
        if isinstance(known, Unjoined):
            raise known
        return known

    def joins(self, name: str) -> bool:
        """Tell whether an IRI stands for a thing."""
        try:
            self.join(name)
        except Unjoined:
            return False
        return True

    def has(self, thing: NamedNode, property_: NamedNode) -> frozenset[str]:
        """Return the values of a property that the base has for a thing."""
        return frozenset(text(quad.object) for quad in self._store.quads(thing, property_, None, VIEW))

    def admits(self, thing: NamedNode, class_: NamedNode) -> bool:
        """Tell whether a thing may be said to be of a class, and note it.

        It may when the classes that it has so far are that class or wider ones: then it says more of the same.
        """
        classes = self._classes.get(thing)
        if classes is None:
            quads = self._store.quads(thing, _TYPE, None, VIEW)
            classes = self._classes[thing] = {q.object for q in quads if isinstance(q.object, NamedNode)}
        wider = self._wider.get(class_, frozenset()) | {class_}
        fits = classes <= wider or any(class_ in self._wider.get(one, frozenset()) for one in classes)
        if fits:
            classes.add(class_)
        return fits

    def _find(self, name: str, key: tuple[NamedNode, str, bool]) -> NamedNode | Unjoined:
        if not key[2]:
            bearers = self._bearers.get(key[:2], set())
            things = {*self._of_base(key[:2]), *(self.join(one) for one in sorted(bearers))}
            return self._one(things, [key[:2]]) or Unjoined(
                f"nothing is known with this {short(key[0])}", key[1]
            )
        identifiers = sorted(self._said.get(name, {key[:2]}), key=str)
        things = {thing for one in identifiers for thing in self._of_base(one)}
        return self._one(things, identifiers) or NamedNode(name)

    def _one(
        self, things: set[NamedNode], identifiers: Iterable[tuple[NamedNode, str]]
    ) -> NamedNode | Unjoined | None:
        if len(things) > 1:
            shown = " and ".join(f"{short(property_)} {value}" for property_, value in identifiers)
            return Unjoined(f"it stands for several things: {', '.join(sorted(map(short, things)))}", shown)
        return next(iter(things), None)

    def _of_base(self, key: tuple[NamedNode, str]) -> tuple[NamedNode, ...]:
        if key not in self._known:
            quads = self._store.quads(None, key[0], Literal(key[1]), VIEW)
            self._known[key] = tuple(q.subject for q in quads if isinstance(q.subject, NamedNode))
        return self._known[key]
