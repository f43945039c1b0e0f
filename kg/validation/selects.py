"""What a SPARQL constraint of a shape reads, and in which order: property paths and connected patterns.

A constraint (SHACL, section 5) may look at what triple patterns and paths connect to ``$this``, and at no more:
then it costs the same however large the base is, and what a change can alter is found by walking back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Store

from kg.errors import UnsupportedConstruct
from kg.storage.sparql import bare, syntax_error
from kg.terms import PREFIXES

if TYPE_CHECKING:
    from rdflib.plugins.sparql.sparql import Query

Path: TypeAlias = "NamedNode | tuple[str, tuple[Path, ...]]"
"""A predicate, or an operator of SPARQL (``^ / | * + ?``) and what it stands on."""

_PREFIX_LINE: Final = re.compile(r"PREFIX\s+\S*:\s*<[^>]*>\s*", re.IGNORECASE)
_EXPRESSION: Final = re.compile(r"\b(?:BIND|FILTER)\s*\(", re.IGNORECASE)
_READS: Final = re.compile(r"\bEXISTS\b", re.IGNORECASE)
_MODIFIERS: Final = ("SelectQuery", "Project", "Distinct")
_EXISTS: Final = ("Builtin_EXISTS", "Builtin_NOTEXISTS")
_CHANGING: Final = frozenset(f"Builtin_{name}" for name in ("NOW", "RAND", "UUID", "STRUUID", "BNODE"))
_PATTERNS: Final = ("Builtin_REGEX", "Builtin_REPLACE")
_REMEDY: Final = "use triple patterns, FILTER, OPTIONAL, UNION, EXISTS and BIND, each connected to $this"


@dataclass(frozen=True, slots=True)
class Read:
    """A triple pattern as it is read: from a node (0 is ``$this``) along a path to a new node or a constant.

    A ``path`` of ``None`` is any predicate.
    """

    origin: int
    path: Path | None
    target: int
    constant: NamedNode | BlankNode | Literal | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT query that starts from ``$this``: parsed, its patterns in an order that only looks up.

    ``regexes`` are the regular expressions in it, each with its flags.
    """

    query: Query
    regexes: tuple[tuple[str, str], ...]


def path_text(path: Path | None, inner: bool = False) -> str:
    """Return a path as SPARQL writes it, with whole IRIs (SPARQL 1.1, section 9.1).

    >>> knows = NamedNode("urn:knows")
    >>> path_text(("/", (("^", (knows,)), ("*", (("|", (knows, knows)),)))))
    '^<urn:knows>/(<urn:knows>|<urn:knows>)*'
    """
    if path is None or isinstance(path, NamedNode):
        return str(path or "")
    operator, parts = path
    if operator in "/|":
        text = operator.join(path_text(part, inner=True) for part in parts)
        return f"({text})" if inner else text
    text = path_text(parts[0], inner=True)
    if operator != "^" and not isinstance(parts[0], NamedNode) and parts[0][0] in "*+?":
        text = f"({text})"
    return f"^{text}" if operator == "^" else f"{text}{operator}"


def reads(text: str) -> tuple[Read, ...]:
    """Return what a constraint's SELECT reads; raises what :func:`prepare` raises, expressions aside. About 20 ms."""
    return tuple(_read(_without_expressions(_checked(text)))[1].reads)


def prepare(text: str) -> Select:
    """Parse a constraint's SELECT, its prefixes included, and order its patterns from ``$this`` outwards.

    Raises ``UnsupportedConstruct`` for what does not parse, for constructs other than triple patterns, FILTER,
    OPTIONAL, UNION, EXISTS and BIND, for functions whose results vary, and for patterns that nothing certain
    connects to ``$this``. Up to 0.3 s, rdflib's parser being slow with expressions; each text is prepared once.
    """
    prefixes, body = [], text.lstrip()
    while found := _PREFIX_LINE.match(body):  # pyshacl writes them in any order
        prefixes.append(found[0].strip())
        body = body[found.end() :]
    return _prepared("\n".join([*sorted(prefixes), body]))


@lru_cache(maxsize=1024)
def _prepared(text: str) -> Select:
    query, reader = _read(_checked(text))
    return Select(query, tuple(reader.regexes))


def _checked(text: str) -> str:
    try:  # rdflib reports some faults as bare exceptions, pyoxigraph always as a syntax error
        Store().query(text)
    except (SyntaxError, RuntimeError) as error:
        said = syntax_error(str(error), text, "SELECT")
        raise UnsupportedConstruct(said.what, where=said.where, remedy=said.remedy) from error
    return text


def _read(text: str) -> tuple[Query, _Reader]:
    from pyparsing import ParseBaseException
    from rdflib import Variable
    from rdflib.plugins.sparql import prepareQuery

    try:
        query = prepareQuery(text)
    except ParseBaseException as error:
        raise UnsupportedConstruct(f"is no SPARQL for rdflib: {error}", remedy="write it plainly") from error
    reader = _Reader()
    reader.group(query.algebra, {Variable("this"): 0})
    return query, reader


def _without_expressions(text: str) -> str:
    """Blank out what reads no triples: rdflib takes most of its time to parse expressions.

    >>> _without_expressions("SELECT ?a { $this ?p ?a BIND(STR(?a) AS ?b) FILTER(?a > '(') }").split()
    ['SELECT', '?a', '{', '$this', '?p', '?a', '}']
    """
    plain, kept, at = bare(text), [], 0
    for found in _EXPRESSION.finditer(plain):
        depth, end = 1, found.end()
        while depth and end < len(plain):
            depth += {"(": 1, ")": -1}.get(plain[end], 0)
            end += 1
        if found.start() >= at and not _READS.search(plain, found.end(), end):
            kept.append(text[at : found.start()])
            at = end
    return " ".join([*kept, text[at:]])


def rdf_term(term: Any) -> NamedNode | BlankNode | Literal:  # noqa: ANN401 - any of rdflib's terms
    """Return rdflib's term as pyoxigraph's, a literal with its lexical form as it is."""
    from rdflib import BNode
    from rdflib import Literal as RdflibLiteral

    if isinstance(term, BNode):
        return BlankNode(str(term))
    if not isinstance(term, RdflibLiteral):
        return NamedNode(str(term))
    if term.language:
        return Literal(str(term), language=term.language)
    return Literal(str(term), datatype=NamedNode(str(term.datatype)) if term.datatype else None)


class _Reader:
    """Goes through the algebra of a query as rdflib evaluates it, and puts its patterns in order.

    ``known`` are the variables that have a value for certain when a part is evaluated, each with its node.
    """

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.regexes: list[tuple[str, str]] = []
        self._nodes = 0

    def group(self, part: Any, known: dict[Any, int]) -> dict[Any, int]:  # noqa: ANN401 - rdflib's algebra
        """Read a part; return what is known after it."""
        if part.name in _MODIFIERS:
            return self.group(part.p, known)
        if part.name == "BGP":
            return self.patterns(part, known)
        if part.name == "Join":
            left = self.group(part.p1, known)
            return left | self.group(part.p2, left if part.lazy else known)
        if part.name == "LeftJoin":
            left = self.group(part.p1, known)
            self.expression(part.expr, self.group(part.p2, left))
            return left
        if part.name == "Union":
            self.group(part.p1, known)
            self.group(part.p2, known)
            return known
        if part.name in ("Filter", "Extend"):
            inside = self.group(part.p, known)
            self.expression(part.expr, inside)
            return inside
        raise UnsupportedConstruct(f"uses {part.name}", remedy=_REMEDY)

    def patterns(self, part: Any, known: dict[Any, int]) -> dict[Any, int]:  # noqa: ANN401
        """Read the patterns of a group from what is known outwards, and have them evaluated in that order."""
        left, ordered, known = list(part.triples), [], dict(known)
        while left:
            triple = next((t for t in left if t[0] in known or t[2] in known), None)
            if triple is None:
                said = " ".join(term.n3() for term in left[0])
                raise UnsupportedConstruct(
                    f"has a pattern that nothing connects to $this: {said}", remedy=_REMEDY
                )
            left.remove(triple)
            ordered.append(triple)
            self.pattern(triple, known)
        _chain(part, ordered)
        return known

    def pattern(self, triple: Any, known: dict[Any, int]) -> None:  # noqa: ANN401
        from rdflib import BNode, Variable

        start, predicate, end = triple
        path = None if isinstance(predicate, Variable) else _path(predicate)
        if start not in known:
            start, end = end, start
            path = ("^", (path,)) if path else None
            if path is None:
                raise UnsupportedConstruct("has a variable for a predicate into $this", remedy=_REMEDY)
        self._nodes += 1
        loose = isinstance(end, Variable | BNode)
        self.reads.append(Read(known[start], path, self._nodes, None if loose else rdf_term(end)))
        if loose:
            known.setdefault(end, self._nodes)

    def expression(self, node: Any, known: dict[Any, int]) -> None:  # noqa: ANN401
        """Read the groups inside an expression, and check its functions."""
        for inner in node if isinstance(node, list) else [node]:
            name = getattr(inner, "name", "")
            if name in _EXISTS:
                self.group(inner.graph, known)
                continue
            if name in _CHANGING or (name == "Function" and not inner.iri.startswith(PREFIXES["xsd"])):
                raise UnsupportedConstruct(
                    f"uses {name}, which is no function of its arguments", remedy=_REMEDY
                )
            if name in _PATTERNS:
                self.regexes.append(_regex(inner))
            for key, value in inner.items() if name else ():
                if key != "_vars":
                    self.expression(value, known)


def _regex(call: Any) -> tuple[str, str]:  # noqa: ANN401 - rdflib's algebra has no types
    from rdflib import Literal as RdflibLiteral

    given = (call.pattern, call.flags or RdflibLiteral(""))
    if not all(isinstance(part, RdflibLiteral) for part in given):
        raise UnsupportedConstruct("computes a regular expression", remedy="write it as a string")
    return str(given[0]), str(given[1])


def _chain(part: Any, triples: list[Any]) -> None:  # noqa: ANN401 - rdflib's algebra has no types
    """Turn a group of patterns into a chain of joins: rdflib would sort them by how much each has bound."""
    from rdflib import BNode, Variable
    from rdflib.plugins.sparql.parserutils import CompValue

    if len(triples) > 1:
        first, last = CompValue("BGP", triples=triples[:-1]), CompValue("BGP", triples=triples[-1:])
        for group in (first, last):
            terms = {term for triple in group.triples for term in triple}
            group["_vars"] = {term for term in terms if isinstance(term, Variable | BNode)}
        _chain(first, triples[:-1])
        part.name, part["p1"], part["p2"], part["lazy"] = "Join", first, last, True


def _path(path: Any) -> Path:  # noqa: ANN401 - rdflib's paths have no common face
    """Return a path as rdflib parses it as ours."""
    from rdflib import URIRef
    from rdflib.paths import AlternativePath, InvPath, MulPath, SequencePath

    if isinstance(path, URIRef):
        return NamedNode(str(path))
    if isinstance(path, InvPath):
        return ("^", (_path(path.arg),))
    if isinstance(path, MulPath):
        return (str(path.mod), (_path(path.path),))
    if isinstance(path, SequencePath | AlternativePath):
        return ("/" if isinstance(path, SequencePath) else "|", tuple(map(_path, path.args)))
    raise UnsupportedConstruct("has a path with negation", remedy=_REMEDY)
