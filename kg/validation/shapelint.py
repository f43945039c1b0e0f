"""What is wrong with shapes themselves: pyshacl passes over most of it in silence.

A misspelt ``sh:minCout`` checks nothing; a shape without a target is never asked; a finding without a message or
a name tells nobody what to do; recursion has no defined meaning (SHACL, section 3.4.3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.errors import UnsupportedConstruct, nearest
from kg.findings import Check, Finding, shape_code
from kg.terms import PREFIXES, iri, short
from kg.validation.regexes import fault
from kg.validation.selects import Path, prepare
from kg.validation.shapegraph import TARGETS, ShapeGraph
from kg.validation.shapes import Shapes

CHECKS: Final[dict[str, Check]] = {
    name: Check(problem, principle, remedy)
    for name, problem, principle, remedy in (
        (
            "shape-term",
            "A shape uses a term of SHACL that does not exist, or that has no place there.",
            "Validators pass over what they do not know, so the shape checks less than it seems to.",
            "Correct the spelling, or write the term where it belongs.",
        ),
        (
            "shape-value",
            "A term of SHACL has a value of the wrong kind, or too many values.",
            "Validators disagree on such shapes, or stop.",
            "Write one value of the right kind.",
        ),
        (
            "shape-target",
            "A shape has no target, nor does any shape with a target lead to it.",
            "What is never asked never fails.",
            "Give it a target, or name it in a shape that has one.",
        ),
        (
            "shape-message",
            "A shape with a constraint has no message of the form 'what is wrong: what to write'.",
            "A finding is there to be acted on.",
            "Write an English sh:message with a colon between the two halves.",
        ),
        (
            "shape-name",
            "A shape that findings can name has no IRI, or has the code of another one.",
            "The code of a finding is made from the name of its shape.",
            "Give it a name of its own.",
        ),
        (
            "shape-recursion",
            "A shape leads back to itself.",
            "SHACL does not say what recursion means.",
            "Break the circle, with a path if need be.",
        ),
        (
            "shape-path",
            "A path is malformed, too deep, or the inverse of a sequence.",
            "pyshacl follows no path deeper than nine, and goes through the inverse of a sequence in the wrong order.",
            "Write it plainly; the inverse of a sequence is the sequence of the inverses, last one first.",
        ),
        (
            "shape-pattern",
            "A regular expression can blow up, or is none.",
            "A literal from a proposal must not be able to stop the gate.",
            "Begin it with ^, and let no two repetitions read the same characters.",
        ),
        (
            "shape-query",
            "A SPARQL constraint does not parse, or reads more than what is connected to $this.",
            "A check costs the same however large the base is.",
            "Use triple patterns, FILTER, OPTIONAL, UNION, EXISTS and BIND, connected to $this.",
        ),
    )
}
"""The checks of shapes, by their codes."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LISTED: Final = _names("and or xone in languageIn ignoredProperties")
_OF_NODE: Final = _names("closed ignoredProperties")
"""Of property shapes SHACL allows these too, but pyshacl and shacl differ on what they mean there."""
_SHAPE: Final = _names("node property not qualifiedValueShape")
_BOTH: Final = (_LISTED - _OF_NODE) | _names(
    """class datatype nodeKind minExclusive minInclusive maxExclusive maxInclusive minLength maxLength pattern
    flags equals disjoint not node property hasValue sparql targetClass targetNode targetSubjectsOf
    targetObjectsOf severity message deactivated name description order"""
)
_OF_PROPERTY: Final = _names(
    """path minCount maxCount uniqueLang lessThan lessThanOrEquals qualifiedValueShape qualifiedMinCount
    qualifiedMaxCount qualifiedValueShapesDisjoint group defaultValue"""
)
_PLACES: Final = {
    "a node shape": _BOTH | _OF_NODE,
    "a property shape": _BOTH | _OF_PROPERTY,
    "a SPARQL constraint": _names("select prefixes message deactivated"),
    "a prefix declaration": _names("prefix namespace"),
    "a path": _names("inversePath alternativePath zeroOrMorePath oneOrMorePath zeroOrOnePath"),
    "an ontology": _names("declare"),
}
_KNOWN: Final = frozenset().union(*_PLACES.values())
_TYPES: Final = _names("NodeShape PropertyShape SPARQLConstraint PrefixDeclaration")
_INDIVIDUALS: Final = {
    "nodeKind": _names("IRI BlankNode Literal BlankNodeOrIRI BlankNodeOrLiteral IRIOrLiteral"),
    "severity": _names("Violation Warning"),
}
_SILENT: Final = _names(
    "path property severity message deactivated name description order group defaultValue"
)
"""What says nothing of a node by itself; all other terms of shapes are constraints or targets."""
_ONCE: Final = _names(
    """path datatype nodeKind minCount maxCount minLength maxLength uniqueLang languageIn in closed severity
    deactivated flags ignoredProperties qualifiedMinCount qualifiedMaxCount select prefix namespace order"""
)
_BESIDE: Final = {
    "flags": "pattern",
    "ignoredProperties": "closed",
    "qualifiedMinCount": "qualifiedValueShape",
    "qualifiedMaxCount": "qualifiedValueShape",
    "qualifiedValueShapesDisjoint": "qualifiedValueShape",
}
_REPEATS: Final = ("*", "+", "?")
_INTEGER, _BOOLEAN = iri("xsd:integer"), iri("xsd:boolean")


def _is_literal(datatype: NamedNode) -> Callable[[object], bool]:
    return lambda value: isinstance(value, Literal) and value.datatype == datatype


_KINDS: Final[dict[str, tuple[frozenset[str], Callable[[object], bool]]]] = {
    "a whole number": (
        _names("minCount maxCount minLength maxLength qualifiedMinCount qualifiedMaxCount"),
        lambda value: _is_literal(_INTEGER)(value) and not str(value).startswith('"-'),
    ),
    "true or false": (
        _names("closed uniqueLang deactivated qualifiedValueShapesDisjoint"),
        _is_literal(_BOOLEAN),
    ),
    "an IRI": (
        _names(
            """class datatype nodeKind equals disjoint lessThan lessThanOrEquals severity targetClass
            targetSubjectsOf targetObjectsOf"""
        ),
        lambda value: isinstance(value, NamedNode),
    ),
    "text": (
        _names("message pattern flags select prefix namespace"),
        lambda value: isinstance(value, Literal),
    ),
    "a literal": (
        _names("minExclusive minInclusive maxExclusive maxInclusive"),
        lambda value: isinstance(value, Literal),
    ),
    "a shape or a list": (
        _SHAPE | _LISTED | {"sparql"},
        lambda value: not isinstance(value, Literal),
    ),
}


def lint(triples: Iterable[Triple]) -> list[Finding]:
    """Return what is wrong with shapes, as findings whose focus is the shape; the codes are those of ``CHECKS``.

    All files together, since shapes name each other. None of it depends on data. About a second for 100 shapes,
    most of it to parse SPARQL.
    """
    linter = _Linter(ShapeGraph(triples))
    found = list(dict.fromkeys(linter.findings()))
    if not found:
        try:
            Shapes(linter.graph.triples)
        except UnsupportedConstruct as error:
            found.append(_finding("shape-value", None, f"the shapes cannot be used: {error}"))
    return sorted(found, key=lambda one: (str(one.focus), one.code, one.message))


def _finding(name: str, focus: Any, message: str, remedy: str = "") -> Finding:  # noqa: ANN401 - any term
    check = CHECKS[name]
    shape = focus if isinstance(focus, NamedNode) else None
    return Finding(name, check.severity, message, remedy or check.remedy, focus=focus, shape=shape)


class _Linter:
    """One run over a shapes graph."""

    def __init__(self, graph: ShapeGraph) -> None:
        self.graph = graph
        self._said: dict[object, dict[str, list[Any]]] = {}
        for subject, predicate, value in graph.triples:
            if predicate.value.startswith(PREFIXES["sh"]):
                said = self._said.setdefault(subject, {})
                said.setdefault(predicate.value.removeprefix(PREFIXES["sh"]), []).append(value)
        self._shapes = self._find_shapes()

    def findings(self) -> Iterator[Finding]:
        for node, said in self._said.items():
            yield from self._terms(node, said)
        for subject, predicate, value in self.graph.triples:
            if predicate == iri("rdf:type") and _local(value) not in _TYPES | {None}:
                yield self._unknown(subject, str(_local(value)), _TYPES)
        for shape in self._shapes:
            yield from self._shape(shape)
        yield from self._reach()
        codes = Counter(shape_code(shape) for shape in self._shapes if isinstance(shape, NamedNode))
        for shape in self._shapes:
            if isinstance(shape, NamedNode) and codes[shape_code(shape)] > 1:
                yield _finding(
                    "shape-name", shape, f"{short(shape)} has the code {shape_code(shape)} of another shape"
                )

    def _find_shapes(self) -> list[Any]:
        typed = (iri("sh:NodeShape"), iri("sh:PropertyShape"))
        found = {t.subject for t in self.graph.triples if t.object in typed or t.predicate in TARGETS}
        ahead = list(found)
        while ahead:
            inner = set(self._inside(ahead.pop())) - found
            found |= inner
            ahead += inner
        return sorted((node for node in found if not isinstance(node, Literal | Triple)), key=str)

    def _inside(self, shape: object) -> list[Any]:
        try:
            return self.graph.inside(shape)
        except UnsupportedConstruct:  # a list that is none is told elsewhere
            return [value for name in _SHAPE for value in self._said.get(shape, {}).get(name, ())]

    def _place(self, node: object) -> str | None:
        if node in self._shapes:
            return "a property shape" if "path" in self._said.get(node, {}) else "a node shape"
        uses = {t.predicate for t in self.graph.triples if t.object == node}
        for place, use in (("a SPARQL constraint", "sparql"), ("a prefix declaration", "declare")):
            if iri(f"sh:{use}") in uses:
                return place
        if iri("owl:Ontology") in self.graph.values(node, iri("rdf:type")):
            return "an ontology"
        return "a path" if isinstance(node, BlankNode) else None

    def _unknown(self, node: object, name: str, known: Iterable[str]) -> Finding:
        close = nearest(name, known)
        remedy = f"write {' or '.join(f'sh:{one}' for one in close)}" if close else "leave it out"
        return _finding("shape-term", node, f"sh:{name} is no term of SHACL that is used here", remedy)

    def _terms(self, node: object, said: dict[str, list[Any]]) -> Iterator[Finding]:
        """Check the terms that stand at a node: their names, their place, their values."""
        place = self._place(node)
        for name, values in said.items():
            if name not in _KNOWN:
                yield self._unknown(node, name, _KNOWN)
            elif place is None:
                yield _finding("shape-term", node, f"sh:{name} stands at something that is no shape")
            elif name not in _PLACES[place]:
                yield _finding("shape-term", node, f"sh:{name} has no sure effect at {place}")
            if name in _ONCE and len(values) > 1:
                yield _finding("shape-value", node, f"sh:{name} stands {len(values)} times", "write it once")
            for kind, (names, fits) in _KINDS.items():
                if name in names and not all(map(fits, values)):
                    yield _finding("shape-value", node, f"the value of sh:{name} is not {kind}")
            for value in values if name in _INDIVIDUALS else ():
                if _local(value) not in _INDIVIDUALS[name]:
                    yield self._unknown(node, _local(value) or str(value), _INDIVIDUALS[name])
            if name in _BESIDE and _BESIDE[name] not in said:
                yield _finding("shape-term", node, f"sh:{name} has no effect without sh:{_BESIDE[name]}")

    def _shape(self, shape: Any) -> Iterator[Finding]:  # noqa: ANN401 - any term
        said = self._said.get(shape, {})
        try:
            around = self.graph.named(shape)
        except UnsupportedConstruct:
            yield _finding("shape-name", shape, "a shape has no IRI, nor has any shape around it")
            return
        if said.keys() - _SILENT - {_local(target) for target in TARGETS}:
            yield from self._message(around)
        for inner in said.get("property", ()):
            if isinstance(inner, BlankNode):
                yield _finding("shape-name", around, f"a property shape of {short(around)} has no IRI")
            if "path" not in self._said.get(inner, {}):
                yield _finding("shape-path", around, f"a property shape of {short(around)} has no path")
        for inner in said.get("node", ()):
            if "path" in self._said.get(inner, {}):
                yield _finding("shape-term", around, "sh:node leads to a property shape", "use sh:property")
        yield from self._unreadable(around, shape, said)
        if self._recursive(shape):
            yield _finding("shape-recursion", around, f"{short(around)} leads back to itself")

    def _message(self, shape: NamedNode) -> Iterator[Finding]:
        messages = self._said.get(shape, {}).get("message", [])
        if not any(": " in getattr(message, "value", "") for message in messages):
            yield _finding("shape-message", shape, f"{short(shape)} has no message that says what to write")

    def _unreadable(self, around: NamedNode, shape: Any, said: dict[str, list[Any]]) -> Iterator[Finding]:  # noqa: ANN401
        """Check what has a syntax of its own: lists, paths, regular expressions, queries."""
        for name in _LISTED & said.keys():
            for head in said[name]:
                yield from _tried("shape-value", around, f"sh:{name}", partial(self.graph.members, head))
        for path in said.get("path", ()):
            yield from _tried("shape-path", around, "sh:path", partial(self._one_way, path))
        flags = "".join(getattr(flag, "value", "") for flag in said.get("flags", ()))
        texts = [(getattr(pattern, "value", ""), flags) for pattern in said.get("pattern", ())]
        for constraint in said.get("sparql", ()):
            read = partial(self._query, shape, constraint, texts)
            yield from _tried("shape-query", around, "a query", read)
        for text, used in texts:
            if (reason := fault(text, used)) is not None:
                yield _finding("shape-pattern", around, f"the regular expression {text!r} {reason}")

    def _query(self, shape: object, constraint: object, texts: list[tuple[str, str]]) -> None:
        texts += prepare(self.graph.select(shape, constraint)).regexes

    def _one_way(self, path: object) -> None:
        found = self.graph.path(path)
        if _inverts_sequence(found):
            raise UnsupportedConstruct("inverts a sequence", remedy="write the sequence of the inverses")
        if _repeats_twice(found):
            raise UnsupportedConstruct("repeats what is repeated", remedy="write one of * + ? for it")

    def _recursive(self, shape: object) -> bool:
        seen: set[object] = set()
        ahead = self._inside(shape)
        while ahead:
            inner = ahead.pop()
            if inner == shape:
                return True
            if inner not in seen:
                seen.add(inner)
                ahead += self._inside(inner)
        return False

    def _reach(self) -> Iterator[Finding]:
        """Check that every shape is asked: by a target, or by a shape that is."""
        reached: set[object] = set()
        ahead: list[Any] = list(self.graph.roots)
        while ahead:
            shape = ahead.pop()
            if shape not in reached:
                reached.add(shape)
                ahead += self._inside(shape)
        for shape in self._shapes:
            if shape not in reached:
                said = short(shape) if isinstance(shape, NamedNode) else "a shape without an IRI"
                yield _finding(
                    "shape-target", shape, f"{said} has no target, and no shape with one leads to it"
                )


def _tried(name: str, shape: NamedNode, what: str, read: Callable[[], object]) -> Iterator[Finding]:
    try:
        read()
    except UnsupportedConstruct as error:
        yield _finding(name, shape, f"{what} of {short(shape)} {error.what}", error.remedy)


def _inverts_sequence(path: Path, inverse: bool = False) -> bool:
    """Tell whether a path has the inverse of what has a sequence in it: pyshacl 0.40 does not turn it round."""
    if isinstance(path, NamedNode):
        return False
    operator, parts = path
    inverse = inverse or operator == "^"
    return (inverse and operator == "/") or any(_inverts_sequence(part, inverse) for part in parts)


def _repeats_twice(path: Path, outer: str = "") -> bool:
    """Tell whether one of ``* + ?`` stands on another: pyshacl 0.40 puts such a path into queries as ``p*+``."""
    if isinstance(path, NamedNode):
        return False
    operator, parts = path
    return (outer in _REPEATS and operator in _REPEATS) or any(
        _repeats_twice(part, operator) for part in parts
    )


def _local(term: object) -> str | None:
    """Return the local name of a term of SHACL, ``None`` of any other."""
    value = term.value if isinstance(term, NamedNode) else ""
    return value.removeprefix(PREFIXES["sh"]) if value.startswith(PREFIXES["sh"]) else None
