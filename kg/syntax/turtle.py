"""One canonical Turtle and TriG form, and the reading of RDF files.

The same graph gives the same bytes, whatever the order of the triples and the labels of blank nodes.
One block per subject, one predicate per line, numbers in names compared as numbers: small diffs.
Grammar: RDF 1.1 Turtle and TriG (https://www.w3.org/TR/turtle/, https://www.w3.org/TR/trig/).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final, TypeAlias

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kg.errors import UnreadableInput, UsageError
from kg.syntax.blanknodes import nesting, plain_quads, relabelled
from kg.terms import BASE, CLAIMS, PREFIXES, curie, iri

SYNTAXES: Final[Mapping[str, RdfFormat]] = MappingProxyType(
    {
        ".ttl": RdfFormat.TURTLE,
        ".trig": RdfFormat.TRIG,
        ".nt": RdfFormat.N_TRIPLES,
        ".nq": RdfFormat.N_QUADS,
        ".jsonld": RdfFormat.JSON_LD,
        ".rdf": RdfFormat.RDF_XML,
        ".owl": RdfFormat.RDF_XML,
    }
)
"""The syntax that a file has by the end of its name."""

_Node: TypeAlias = NamedNode | BlankNode
_Term: TypeAlias = NamedNode | BlankNode | Literal
_Facts: TypeAlias = dict[NamedNode, list[_Term]]
_Graphs: TypeAlias = dict[_Node, dict[_Node, _Facts]]
_Key: TypeAlias = tuple[object, ...]

_WIDTH = 100
_INDENT = 4


def _ranked(names: str) -> dict[NamedNode, int]:
    return {iri(name): rank for rank, name in enumerate(names.split())}


_TYPE, _FIRST, _REST, _NIL = (iri(f"rdf:{name}") for name in ("type", "first", "rest", "nil"))
_PREDICATES = _ranked(
    "rdf:type rdfs:label skos:prefLabel skos:altLabel skos:definition rdfs:comment skos:example "
    "rdfs:isDefinedBy"
)
_SECTIONS = _ranked("owl:Ontology owl:Class owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty")
_CLAIM, _STRING = iri("parley:Claim"), iri("xsd:string")

_RELATIVE = re.compile(r"\w[\w~-]*(?:\.[\w~-]+)*(?:/\w[\w~-]*(?:\.[\w~-]+)*)*")
_SHORT_FORMS = {
    iri("xsd:boolean"): re.compile("true|false"),
    iri("xsd:integer"): re.compile("0|-?[1-9][0-9]*"),
    iri("xsd:decimal"): re.compile(r"0\.0|-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]|-?[1-9][0-9]*\.0"),
}
# Control characters, line separators and marks of direction: in a file they would be invisible or worse.
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff]")
_ESCAPES = {"\t": "\\t", "\b": "\\b", "\r": "\\r", "\f": "\\f"}


def natural_key(text: str) -> _Key:
    """Return a sort key under which numbers compare as numbers and a path comes before its neighbours.

    >>> sorted(["x/10", "x/2", "x-1/1", "x"], key=natural_key)
    ['x', 'x/2', 'x/10', 'x-1/1']
    """
    parts = re.split("([0-9]+)", text.replace("/", "\x01"))
    stripped = [part.lstrip("0") if place % 2 else part for place, part in enumerate(parts)]
    return tuple((len(part), part) if place % 2 else part for place, part in enumerate(stripped)), text


def read(
    source: Path | bytes | IO[bytes], syntax: RdfFormat | None = None, *, name: str = ""
) -> Iterator[Quad]:
    """Yield the quads of a file, or of bytes, in their order there; nothing is fetched.

    The syntax is told by the end of the file's name unless given; bytes need it. Blank nodes get fresh
    labels, so that those of two files never merge. ``name`` stands for the place in errors.
    Raises ``UnreadableInput`` with file, line and column, while iterating; memory does not grow.

    >>> [str(quad.object) for quad in read(b"<x:a> <x:b> 1, 2 .", RdfFormat.TURTLE)]
    ['"1"^^<http://www.w3.org/2001/XMLSchema#integer>', '"2"^^<http://www.w3.org/2001/XMLSchema#integer>']
    """
    place = name or (str(source) if isinstance(source, Path) else "input")
    if syntax is None:
        suffix = Path(place).suffix.lower()
        if suffix not in SYNTAXES:
            raise UnreadableInput(
                "the name does not tell the syntax", where=place, remedy=f"use one of {' '.join(SYNTAXES)}"
            )
        syntax = SYNTAXES[suffix]
    try:
        if not isinstance(source, Path):
            yield from parse(source, syntax, rename_blank_nodes=True)
        else:
            with source.open("rb") as stream:
                yield from parse(stream, syntax, rename_blank_nodes=True)
    except SyntaxError as error:
        raise _unreadable(error, place) from error
    except OSError as error:
        raise UnreadableInput(
            error.strerror or str(error), where=place, remedy="check path and rights"
        ) from error


def _unreadable(error: SyntaxError, place: str) -> UnreadableInput:
    message = re.sub(r"^Parser error at line .*?columns? \d+(?: and \d+)?: ", "", error.msg)
    remedy = "correct it there"
    if "UTF-8" in message or "\ufeff" in message:
        message, remedy = "not plain UTF-8", "save the file as UTF-8 without a byte order mark"
    elif "LoadDocumentCallback" in message:
        message, remedy = "a context from elsewhere is not fetched", "write the context into the file"
    where = f"{place}:{error.lineno}:{error.offset}" if error.lineno else place
    return UnreadableInput(message, where=where, remedy=remedy)


def format_file(path: Path) -> str:
    """Return the canonical text of a ``.ttl`` or ``.trig`` file; comments at its head are kept.

    Raises ``UnreadableInput`` for bad syntax and for a comment elsewhere, which a graph cannot hold.
    """
    syntax = SYNTAXES.get(path.suffix.lower())
    if syntax not in (RdfFormat.TURTLE, RdfFormat.TRIG):
        raise UsageError(
            "only Turtle and TriG have a canonical form", where=str(path), remedy="name a .ttl or .trig file"
        )
    quads = list(read(path, syntax))
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:  # in a comment, where the parser does not look
        raise UnreadableInput("not plain UTF-8", where=str(path), remedy="save the file as UTF-8") from error
    head = _head_comments(text, str(path))
    body = canonical_trig(quads) if syntax == RdfFormat.TRIG else canonical_turtle(quads)
    return f"{head}\n{body}" if head and body else head + body


_LEXEMES = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]++|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\]++|\\.)*+"'
    r"|'(?:[^'\\]++|\\.)*+'"
    r"|<[^\x00-\x20<>\"{}|^`]*+>"
    r"|\\."
    r"|(?P<comment>\#[^\r\n]*+)",
    re.DOTALL,
)


def _head_comments(text: str, place: str) -> str:
    """Return the lines of comment before the first statement of a well-formed file; refuse any later."""
    head = re.match(r"(?:\s*#[^\r\n]*+)*+", text)
    end = head.end() if head else 0
    for lexeme in _LEXEMES.finditer(text, end):
        if lexeme["comment"] is not None:
            raise UnreadableInput(
                "a comment here would be lost",
                where=f"{place}:{text.count(chr(10), 0, lexeme.start()) + 1}",
                remedy="move it to the head of the file, or make it an rdfs:comment or skos:note",
            )
    lines = [line.strip() for line in text[:end].splitlines()]
    return re.sub(r"\n\n+", "\n\n", "\n".join(lines)).strip("\n") + "\n" if end else ""


@dataclass(slots=True)
class _Page:
    """The text of one file: knows which blank nodes stand where, and remembers the prefixes it has used."""

    inside: Mapping[_Node, _Facts]
    lists: frozenset[BlankNode]
    labels: Mapping[_Term, str]
    used: set[str] = field(default_factory=set)
    texts: dict[_Term, str] = field(default_factory=dict)

    def flat(self, term: _Term) -> str:
        """Return the term on one line, but for the line ends of a long string."""
        if term not in self.texts:
            self.texts[term] = self._flat(term)
        return self.texts[term]

    def _flat(self, term: _Term) -> str:
        if isinstance(term, NamedNode):
            return self._name(term)
        if isinstance(term, Literal):
            return self._literal(term)
        if term in self.labels:
            return self.labels[term]
        if term in self.lists:
            return f"( {' '.join(map(self.flat, self._members(term)))} )"
        lines = [
            f"{verb} {', '.join(map(self.flat, values))}"
            for verb, values in self.lines(self.inside.get(term, {}))
        ]
        return f"[ {' ; '.join(lines)} ]" if lines else "[]"

    def _name(self, node: NamedNode) -> str:
        short = curie(node)
        if short:
            self.used.add(short.partition(":")[0])
            return short
        if node.value.startswith(BASE) and _RELATIVE.fullmatch(node.value, len(BASE)):
            self.used.add("")
            return f"<{node.value[len(BASE) :]}>"
        return f"<{_visible(node.value)}>"

    def _literal(self, literal: Literal) -> str:
        short = _SHORT_FORMS.get(literal.datatype)
        if short and short.fullmatch(literal.value):
            return literal.value
        text = _quoted(literal.value)
        if literal.language:
            return f"{text}@{literal.language}"
        return text if literal.datatype == _STRING else f"{text}^^{self.flat(literal.datatype)}"

    def _members(self, cell: BlankNode) -> list[_Term]:
        members: list[_Term] = []
        rest: _Term = cell
        while isinstance(rest, BlankNode):
            facts = self.inside[rest]
            members += facts[_FIRST]
            rest = facts[_REST][0]
        return members

    def lines(self, facts: _Facts) -> list[tuple[str, list[_Term]]]:
        """Return the predicates in their order as they are written, each with its values in theirs."""
        verbs = {verb: "a" if verb == _TYPE else self.flat(verb) for verb in facts}
        rank = {verb: (_PREDICATES.get(verb, len(_PREDICATES)), natural_key(verbs[verb])) for verb in facts}
        return [
            (verbs[verb], sorted(facts[verb], key=self._order))
            for verb in sorted(facts, key=rank.__getitem__)
        ]

    def _order(self, term: _Term) -> _Key:
        if isinstance(term, NamedNode):
            return 0, "", natural_key(term.value)
        if isinstance(term, Literal):
            return 1, term.language or "", natural_key(self.flat(term))
        return 2, "", natural_key(self.flat(term))

    def block(self, subject: _Node, facts: _Facts, indent: int) -> str:
        """Return all that is said of a subject as one statement, indented."""
        anonymous = isinstance(subject, BlankNode) and subject not in self.labels
        opening = "[]" if anonymous else self.flat(subject)
        return f"{' ' * indent}{opening} {self._predicates(facts, indent, len(opening) + 1)} ."

    def _predicates(self, facts: _Facts, indent: int, offset: int) -> str:
        """Return the lines of predicates; the first begins ``offset`` behind the indent."""
        inner = indent + _INDENT
        lines = []
        for number, (verb, values) in enumerate(self.lines(facts)):
            column = (inner if number else indent + offset) + len(verb) + 1
            lines.append(f"{verb}{self._objects(values, inner, column)}")
        return f" ;\n{' ' * inner}".join(lines)

    def _objects(self, values: list[_Term], indent: int, column: int) -> str:
        one_line = ", ".join(map(self.flat, values))
        if "\n" not in one_line and column + len(one_line) + 2 <= _WIDTH:
            return f" {one_line}"
        if len(values) == 1:
            return f" {self._broken(values[0], indent)}"
        pad = "\n" + " " * (indent + _INDENT)
        return pad + f",{pad}".join(self._fitted(value, indent + _INDENT) for value in values)

    def _fitted(self, term: _Term, indent: int) -> str:
        flat = self.flat(term)
        return flat if indent + len(flat) + 2 <= _WIDTH else self._broken(term, indent)

    def _broken(self, term: _Term, indent: int) -> str:
        """Return a node or list written inside on several lines; anything else cannot be broken."""
        if not isinstance(term, BlankNode) or term not in self.inside or not self.inside[term]:
            return self.flat(term)
        inner, pad = indent + _INDENT, "\n" + " " * (indent + _INDENT)
        if term in self.lists:
            members = pad.join(self._fitted(member, inner) for member in self._members(term))
            return f"({pad}{members}\n{' ' * indent})"
        return f"[{pad}{self._predicates(self.inside[term], indent, _INDENT)}\n{' ' * indent}]"

    def rank(self, subject: _Node, facts: _Facts) -> _Key:
        """Return the place of a subject: by section of an ontology, names before labels before content."""
        section = min(
            (_SECTIONS.get(kind, 9) for kind in facts.get(_TYPE, []) if isinstance(kind, NamedNode)),
            default=9,
        )
        if isinstance(subject, NamedNode):
            return section, 0, natural_key(subject.value)
        return section, 1 if subject in self.labels else 2, natural_key(self.block(subject, facts, 0))

    def blocks(self, about: Mapping[_Node, _Facts], indent: int) -> str:
        """Return the statements about all subjects; an empty line sets off those of several lines."""
        texts = [
            self.block(subject, about[subject], indent)
            for subject in sorted(about, key=lambda subject: self.rank(subject, about[subject]))
        ]
        return "".join(
            f"\n{text}\n" if before and "\n" in before + text else f"{text}\n"
            for before, text in pairwise(["", *texts])
        )

    def graph(self, name: _Node, about: Mapping[_Node, _Facts]) -> str:
        return f"{self.flat(name)} {{\n{self.blocks(about, _INDENT)}}}\n" if about else ""

    def header(self) -> str:
        base = f"@base <{BASE}> .\n" if "" in self.used else ""
        return base + "".join(f"@prefix {p}: <{PREFIXES[p]}> .\n" for p in PREFIXES if p in self.used)


def _quoted(text: str) -> str:
    """Return a string in quotes, in long ones where it has several lines."""
    text = _visible(text.replace("\\", "\\\\"))
    if "\n" not in text:
        return '"' + text.replace('"', '\\"') + '"'
    return '"""' + re.sub(r'"(?="|\Z)', '\\\\"', text) + '"""'


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04X}"), text)


def canonical_turtle(triples: Iterable[Quad | Triple]) -> str:
    """Return the canonical Turtle of the triples; of quads, whatever their graphs, the triples.

    ``Refused`` for what RDF 1.1 does not have, ``LimitReached`` as in ``relabelled``. About 25 µs a triple.

    >>> print(canonical_turtle(read(b'<http://a.b/c> a <http://a.b/D>, <http://a.b/E> .', RdfFormat.TURTLE)))
    <http://a.b/c> a <http://a.b/D>, <http://a.b/E> .
    <BLANKLINE>
    """
    page, default, _ = _page(Quad(*tuple(triple)[:3]) for triple in triples)
    body = page.blocks(default, 0)
    return "\n".join(filter(None, (page.header(), body)))


def canonical_trig(quads: Iterable[Quad | Triple]) -> str:
    """Return the canonical TriG of the quads: the default graph, then the named graphs in natural order.

    What ``graph:claims`` says of a claim stands directly before the claim's own graph; the rest of
    ``graph:claims`` (sources) comes first. Errors as in ``canonical_turtle``.
    """
    page, default, graphs = _page(quads)
    claims = graphs.pop(CLAIMS, {})
    told: _Graphs = defaultdict(dict)
    for subject, facts in claims.items():
        told[_claim_of(subject, claims, graphs)][subject] = facts
    blocks = [page.blocks(default, 0), page.graph(CLAIMS, told.pop(CLAIMS, {}))]
    for name in sorted(graphs | told, key=lambda name: page.rank(name, {})):
        blocks.append(page.graph(CLAIMS, told.get(name, {})) + page.graph(name, graphs.get(name, {})))
    return "\n".join(filter(None, (page.header(), *blocks)))


def _claim_of(subject: _Node, claims: Mapping[_Node, _Facts], graphs: Mapping[_Node, object]) -> _Node:
    """Return the claim that a subject is, or that its name continues; ``graph:claims`` if there is none."""
    name = subject.value if isinstance(subject, NamedNode) else ""
    while "/" in name.removeprefix(BASE):
        claim = NamedNode(name)
        if claim in graphs or _CLAIM in claims.get(claim, {}).get(_TYPE, []):
            return claim
        name = name.rpartition("/")[0]
    return CLAIMS


def _page(quads: Iterable[Quad | Triple]) -> tuple[_Page, dict[_Node, _Facts], _Graphs]:
    """Return a page for the quads, and what each graph says of each subject that has a block of its own."""
    found = list(plain_quads(quads))
    places = nesting(found)
    if places.labelled:
        found = relabelled(found)
        places = nesting(found)
    inside: dict[_Node, _Facts] = {node: {} for node in places.inside}
    default: dict[_Node, _Facts] = {}
    graphs: _Graphs = {}
    for subject, predicate, value, name in found:
        about = default if isinstance(name, DefaultGraph) else graphs.setdefault(name, {})
        about = inside if subject in inside else about
        about.setdefault(subject, {}).setdefault(predicate, []).append(value)
    ordered = sorted(places.labelled, key=lambda node: natural_key(node.value))
    labels: dict[_Term, str] = {node: f"_:b{number}" for number, node in enumerate(ordered, 1)}
    return _Page(inside, places.lists, labels), default, graphs
