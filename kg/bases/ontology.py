"""What facts must obey, made once in a process from the project's files: rules, vocabulary, shapes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path as File
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple, Variable

from kg.bases.cache import kept, ontology_files
from kg.logic.rules import Rule, compile_rules
from kg.syntax.turtle import read
from kg.terms import ONTOLOGY, data_folder
from kg.validation.selects import Path, Read, reads
from kg.validation.shapes import Shapes


@cache
def ontology_triples() -> tuple[Triple, ...]:
    """Return the triples of the ontology, alignments left out."""
    return tuple(quad.triple for path in ontology_files() for quad in read(path))


def ontology_quads() -> Iterator[Quad]:
    """Yield the ontology as a store keeps it."""
    return (Quad(t.subject, t.predicate, t.object, ONTOLOGY) for t in ontology_triples())


@cache
def ontology_rules() -> tuple[Rule, ...]:
    """Return the rules of the ontology. Compiling takes a third of a second, reading them from the cache 20 ms."""
    content = kept(ontology_files(), ".rules", lambda: _dumped(compile_rules(ontology_triples())))
    return tuple(_rule(*fields) for fields in json.loads(content))


def shape_files() -> list[File]:
    """Return the files of the shapes that facts are checked by, in alphabetical order."""
    return sorted((data_folder() / "ontology" / "shapes").glob("*.ttl"))


@cache
def shape_triples() -> tuple[Triple, ...]:
    """Return the triples of the shapes."""
    return tuple(quad.triple for path in shape_files() for quad in read(path))


@cache
def ontology_shapes() -> Shapes:
    """Return the shapes that facts are checked by. What their queries read is taken from the cache."""
    content = kept(shape_files(), ".reads", _dumped_reads)
    known = {text: [_read_read(*fields) for fields in of] for text, of in json.loads(content).items()}
    return Shapes(shape_triples(), lambda text: known.get(text) or reads(text))


def _dumped_reads() -> bytes:
    found: dict[str, list[Any]] = {}

    def noted(text: str) -> tuple[Read, ...]:
        found[text] = [
            (one.origin, _written_path(one.path), one.target, one.constant and _written(one.constant))
            for one in reads(text)
        ]
        return reads(text)

    Shapes(shape_triples(), noted)
    return json.dumps(found).encode()


def _written_path(path: Path | None) -> Any:  # noqa: ANN401 - for JSON
    if path is None or isinstance(path, NamedNode):
        return path and path.value
    return [path[0], [_written_path(part) for part in path[1]]]


def _read_read(origin: int, path: Any, target: int, constant: Any) -> Read:  # noqa: ANN401 - from JSON
    return Read(origin, _read_path(path), target, _read_term(*constant) if constant else None)


def _read_path(written: Any) -> Path | None:  # noqa: ANN401 - from JSON
    if written is None or isinstance(written, str):
        return NamedNode(written) if written else None
    parts: Any = tuple(_read_path(part) for part in written[1])
    return written[0], parts


def _dumped(rules: Iterable[Rule]) -> bytes:
    fields = [
        (
            rule.names,
            rule.head and [_written(term) for term in rule.head],
            [[_written(term) for term in pattern] for pattern in rule.body],
            rule.condition,
            [[_written(term) for term in triple] for triple in rule.axiom],
        )
        for rule in rules
    ]
    return json.dumps(fields).encode()


def _written(term: Any) -> list[str]:  # noqa: ANN401 - any kind of term, or a variable
    if isinstance(term, Literal):
        return ["literal", term.value, term.language or "", "" if term.language else term.datatype.value]
    return [type(term).__name__, term.value]


def _rule(names: list[str], head: Any, body: Any, condition: str, axiom: Any) -> Rule:  # noqa: ANN401 - from JSON
    return Rule(
        tuple(names),
        _terms(head) if head else None,
        tuple(map(_terms, body)),
        condition,
        tuple(Triple(*_terms(triple)) for triple in axiom),
    )


def _terms(written: Iterable[list[str]]) -> Any:  # noqa: ANN401 - as wide as what was written
    return tuple(_read_term(*fields) for fields in written)


def _read_term(kind: str, value: str, language: str = "", datatype: str = "") -> Any:  # noqa: ANN401
    if kind == "literal":
        return Literal(value, language=language) if language else Literal(value, datatype=NamedNode(datatype))
    return {"NamedNode": NamedNode, "BlankNode": BlankNode, "Variable": Variable}[kind](value)
