"""A shapes graph, indexed: what it says of each shape, its paths, its targets, its queries (SHACL, section 1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path as File
from typing import Any, Final, Self

from pyoxigraph import NamedNode, Quad, Store, Triple

from kg.errors import UnsupportedConstruct
from kg.syntax.turtle import read
from kg.terms import PREFIXES, data_folder, iri, short
from kg.validation.selects import Path, path_text

TARGETS: Final = (
    iri("sh:targetClass"),
    iri("sh:targetNode"),
    iri("sh:targetSubjectsOf"),
    iri("sh:targetObjectsOf"),
)
"""The kinds of targets: of a class, a node, the subjects of a predicate, its objects."""

CLASSES: Final = (iri("rdfs:Class"), iri("owl:Class"))
"""What a shape is when its instances are its targets."""

_TYPE, _PATH, _FIRST, _REST, _NIL = map(iri, ("rdf:type", "sh:path", "rdf:first", "rdf:rest", "rdf:nil"))
_KINDS: Final = (iri("sh:NodeShape"), iri("sh:PropertyShape"))
_SHAPES: Final = tuple(map(iri, ("sh:node", "sh:property", "sh:not", "sh:qualifiedValueShape")))
_LISTS: Final = tuple(map(iri, ("sh:and", "sh:or", "sh:xone")))
_DEEPEST: Final = 10
_PATHS: Final = {
    iri("sh:inversePath"): "^",
    iri("sh:alternativePath"): "|",
    iri("sh:zeroOrMorePath"): "*",
    iri("sh:oneOrMorePath"): "+",
    iri("sh:zeroOrOnePath"): "?",
}


class ShapeGraph:
    """The triples of shapes, looked up by shape; literals are in canonical form, as those of a view are.

    ``roots`` are the shapes that have targets, in alphabetical order.
    """

    def __init__(self, triples: Iterable[Triple]) -> None:
        store = Store()
        store.extend(Quad(*triple) for triple in triples)
        self.triples: Final = tuple(quad.triple for quad in store)
        self._about: dict[object, dict[NamedNode, list[Any]]] = {}
        for triple in sorted(self.triples, key=str):
            self._about.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
        typed = {kind: {t.subject for t in self.triples if t.object in kind} for kind in (_KINDS, CLASSES)}
        self._classes = typed[_KINDS] & typed[CLASSES]
        targeted = {t.subject for t in self.triples if t.predicate in TARGETS} | self._classes
        self.roots: Final = tuple(sorted((n for n in targeted if isinstance(n, NamedNode)), key=str))

    @classmethod
    def read(cls, files: Iterable[File] | None = None) -> Self:
        """Read shapes files; without any, the project's own."""
        if files is None:
            files = sorted((data_folder() / "ontology" / "shapes").glob("*.ttl"))
        return cls(quad.triple for file in files for quad in read(file))

    def values(self, node: object, predicate: NamedNode) -> list[Any]:
        """Return what the shapes graph says of a node, in a fixed order."""
        return self._about.get(node, {}).get(predicate, [])

    def one(self, node: object, predicate: NamedNode) -> Any:  # noqa: ANN401 - any kind of term
        """Return the only value of a property; ``UnsupportedConstruct`` if there is not exactly one."""
        values = self.values(node, predicate)
        if len(values) != 1:
            where = str(node)
            raise UnsupportedConstruct(f"has not one {short(predicate)}", where=where, remedy="write one")
        return values[0]

    def members(self, head: object) -> list[Any]:
        """Return the members of an RDF list; ``UnsupportedConstruct`` if it is none, or has no end."""
        found, seen = [], set()
        while head != _NIL:
            first, rest = self.values(head, _FIRST), self.values(head, _REST)
            if head in seen or len(first) != 1 or len(rest) != 1:
                raise UnsupportedConstruct("is not a list", where=str(head), remedy="write it in parentheses")
            seen.add(head)
            found.append(first[0])
            head = rest[0]
        return found

    def path(self, node: object, deep: int = 0) -> Path:
        """Return the path that a node of the shapes graph stands for (SHACL, section 2.3.1).

        Raises ``UnsupportedConstruct`` for none, and for one that is deeper than pyshacl follows.
        """
        if isinstance(node, NamedNode):
            return node
        operator, parts = "/", list[Any]()
        for predicate, sign in _PATHS.items():
            for value in self.values(node, predicate):
                operator, parts = sign, self.members(value) if sign == "|" else [value]
        parts = parts or self.members(node)
        alone = operator in "/|" and len(parts) == 1
        if not parts or alone or deep + (len(parts) if operator == "/" else 1) >= _DEEPEST:
            remedy = "write a path, less than ten deep"
            raise UnsupportedConstruct("is not a path", where=str(node), remedy=remedy)
        return operator, tuple(self.path(part, deep + 1) for part in parts)

    def select(self, shape: object, constraint: object) -> str:
        """Return the SELECT of a SPARQL constraint of a shape, with its prefixes and the shape's path put in."""
        prefixes = {prefix: PREFIXES[prefix] for prefix in ("rdf", "rdfs", "owl")}  # pyshacl has them as well
        for home in self.values(constraint, iri("sh:prefixes")):
            for declared in self.values(home, iri("sh:declare")):
                prefix, name = (
                    self.one(declared, iri(f"sh:{part}")).value for part in ("prefix", "namespace")
                )
                prefixes[prefix] = name
        text: str = self.one(constraint, iri("sh:select")).value
        for path in self.values(shape, _PATH):
            text = re.sub(r"[$?]PATH\b", path_text(self.path(path), inner=True), text)
        return "".join(f"PREFIX {prefix}: <{name}>\n" for prefix, name in sorted(prefixes.items())) + text

    def inside(self, shape: object) -> list[Any]:
        """Return the shapes that a shape hands its value nodes on to, one level deep."""
        listed = [m for p in _LISTS for head in self.values(shape, p) for m in self.members(head)]
        return [value for p in _SHAPES for value in self.values(shape, p)] + listed

    def named(self, shape: object) -> NamedNode:
        """Return the innermost shape with an IRI: the shape itself, or the one that it is written in."""
        while not isinstance(shape, NamedNode):
            if shape not in self._around:
                raise UnsupportedConstruct(
                    "has no IRI, nor has what is around it", where=str(shape), remedy="name it"
                )
            shape = self._around[shape]
        return shape

    @cached_property
    def _around(self) -> dict[object, object]:
        return {inner: shape for shape in self._about for inner in self.inside(shape)}

    def targets(self, root: NamedNode) -> Iterator[tuple[NamedNode, Any]]:
        """Yield the targets of a shape, each with its kind; a class that is a shape is its own target class."""
        yield from ((kind, value) for kind in TARGETS for value in self.values(root, kind))
        if root in self._classes:
            yield TARGETS[0], root
