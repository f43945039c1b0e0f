"""SPARQL read into operators that can be followed, by way of rdflib's algebra.

What cannot be followed is refused here, with the reason: GRAPH, SERVICE, FROM, DESCRIBE, LIMIT in a sub-query,
functions that give something else each time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple, Variable

from kg.citing.algebra import Aggregate, Exists, Expression, Node, Query
from kg.citing.operators import Basic, Extend, Filter, Group, Pair, Path, Project, Values
from kg.errors import LimitReached, Refused
from kg.logic.axioms import Pattern
from kg.logic.expressions import ExpressionWriter
from kg.storage.overlay import canonical
from kg.storage.sparql import bare
from kg.terms import PREFIXES

_LONGEST: Final = 10_000  # characters: rdflib, which nothing stops, reads them in about two seconds
_MOST_OPERATIONS: Final = 600  # signs between operands or arguments: each takes rdflib a millisecond
_DEEPEST: Final = 60  # brackets within brackets, or operators within operators
_WHERE: Final = "query"
_FORMS: Final = {"SelectQuery": "rows", "AskQuery": "truth", "ConstructQuery": "graph"}
_VARIABLE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|\?(\w+)')
_OPERATION: Final = re.compile(r"\|\||&&|[-+*/=,!]")
_THING: Final = NamedNode("thing:")


def compile_query(sparql: str) -> Query:
    """Return a query taken apart; our prefixes are known.

    Raises ``Refused`` for what cannot be followed or what rdflib cannot read, ``LimitReached`` for a text too long or
    too deeply nested. Takes about a tenth of a second, half of it the first time, for rdflib.

    >>> compile_query("ASK { ?s a parley:State }").inner.inner.patterns[0][0]
    <Variable value=s>
    """
    _bound(sparql)
    with _Refusing():
        return _Reader(sparql).query()


def substituted(query: Query, terms: Mapping[str, NamedNode | Literal]) -> Query:
    """Return a query with a term in place of what the VALUES line of a variable alone gave."""
    stored = {name: _canonical(term) for name, term in terms.items()}

    def put(part: Any) -> Any:  # noqa: ANN401 - any part of a query
        if isinstance(part, Values) and len(part.names) == 1 and part.names[0] in stored:
            return Values(part.names, ((stored[part.names[0]],),))
        if isinstance(part, tuple):
            return tuple(map(put, part))
        if dataclasses.is_dataclass(part) and not isinstance(part, type):
            return type(part)(*(put(getattr(part, field.name)) for field in dataclasses.fields(part)))
        return part

    changed: Query = put(query)
    return changed


def _bound(sparql: str) -> None:
    if len(sparql) > _LONGEST:
        what = f"a query of {len(sparql):,} characters is too long to be followed"
        raise LimitReached(what, where=_WHERE, remedy=f"keep it under {_LONGEST:,}")
    words = bare(sparql)
    if (found := len(_OPERATION.findall(words))) > _MOST_OPERATIONS:
        what = f"a query of {found:,} operations and lists is too long to be followed"
        raise LimitReached(what, where=_WHERE, remedy="write it shorter, or list terms with VALUES")
    depth = deepest = 0
    for character in words:
        depth += (character in "({[") - (character in ")}]")
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise _too_deep()


def _too_deep() -> LimitReached:
    return LimitReached(
        f"nested more than {_DEEPEST} deep, too deep to be followed", where=_WHERE, remedy="write it flatter"
    )


def _refused(why: str, remedy: str = "ask without --cite, or write it without that") -> Refused:
    return Refused(f"this query cannot be followed to its triples: it {why}", where=_WHERE, remedy=remedy)


class _Refusing(contextlib.AbstractContextManager[None]):
    """Makes a refusal of what rdflib raises for a query that it cannot read; some of that is a bare exception."""

    def __enter__(self) -> None:
        import rdflib

        # normalising a literal of a few characters can take all memory
        self._before, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        import rdflib
        from pyparsing import ParseBaseException
        from rdflib.plugins.sparql.sparql import SPARQLError

        rdflib.NORMALIZE_LITERALS = self._before
        if isinstance(error, RecursionError):
            raise _too_deep() from None
        unread = (ParseBaseException, SPARQLError, SyntaxError)
        if isinstance(error, unread) or kind is Exception:
            said = " ".join(str(error).split())[:200]
            raise _refused(f"is not SPARQL 1.1 as rdflib reads it ({said})") from None


class _Reader:
    """Reads rdflib's algebra of one query."""

    def __init__(self, sparql: str) -> None:
        self._sparql = sparql
        self._mark = "made"
        while f"{self._mark}_" in sparql:
            self._mark += "_"
        self._made: dict[object, str] = {}
        self._places: dict[object, int] = {}
        self._exists: list[Exists] = []
        self._depth = 0
        self._writer = ExpressionWriter(lambda n: str(self.term(n)), _refused, "", self.exists)

    def query(self) -> Query:
        from rdflib.plugins.sparql.algebra import translateQuery
        from rdflib.plugins.sparql.parser import parseQuery

        tree = parseQuery(self._sparql)
        self.note_order(tree)
        found = translateQuery(tree, initNs=PREFIXES).algebra
        if found.name not in _FORMS:
            raise _refused("is a DESCRIBE, which leaves open what belongs to its answer", "use CONSTRUCT")
        if found.datasetClause:
            raise _refused("chooses its graphs with FROM", "ask about the view, without FROM")
        top, cut = found.p, False
        while top.name in ("Slice", "Distinct", "Reduced"):
            top, cut = top.p, cut or top.name == "Slice"
        template: Sequence[Any] = ()
        if found.name == "ConstructQuery":
            template = found.template or top.p.triples
            if any(self.is_blank(term) for triple in template for term in triple):
                raise _refused("constructs blank nodes, which have no name to follow them by", "use IRIs")
        patterns = tuple(map(self.pattern, template))
        inner = self.node(top)
        if found.name != "SelectQuery" and isinstance(inner, Project):  # rdflib has all variables there
            used = (term.value for pattern in patterns for term in pattern if isinstance(term, Variable))
            inner = Project(inner.inner, tuple(dict.fromkeys(used)))
        return Query(_FORMS[found.name], inner, patterns, cut)

    def note_order(self, tree: Any) -> None:  # noqa: ANN401 - rdflib's parse tree has no types
        """Note where the triples stand in the text: rdflib's algebra puts them into another order."""
        from rdflib.plugins.sparql.algebra import translatePath, translatePName, translatePrologue, traverse

        prologue = translatePrologue(tree[0], None, PREFIXES)
        tree[1] = traverse(tree[1], visitPost=partial(translatePName, prologue=prologue))
        if tree[1].where is not None:
            tree[1].where = traverse(tree[1].where, visitPost=translatePath)
        blocks: list[Any] = []

        def noted(part: Any) -> None:  # noqa: ANN401 - as above
            if getattr(part, "name", "") == "TriplesBlock":
                blocks.extend(part.triples)

        traverse(tree[1], visitPre=noted)
        for block in blocks:
            for at in range(0, len(block), 3):
                self._places.setdefault(self.key(block[at : at + 3]), len(self._places))

    @staticmethod
    def key(triple: Sequence[Any]) -> object:
        return tuple(part if isinstance(part, str) else id(part) for part in triple)

    def node(self, part: Any) -> Node:  # noqa: ANN401 - rdflib's algebra has no types
        read = getattr(self, f"read_{part.name.lower()}", None)
        if read is None:
            raise _refused(f"has a part that is not of the view alone: {_spoken(part.name)}")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _too_deep()
        made: Node = read(part)
        self._depth -= 1
        return made

    def read_bgp(self, part: Any) -> Node:  # noqa: ANN401
        order = sorted(part.triples, key=lambda triple: self._places.get(self.key(triple), 0))
        return _joined(piece for triple in order for piece in self.pieces(*triple))

    def pieces(self, subject: Any, predicate: Any, value: Any) -> Iterator[Pattern | Node]:  # noqa: ANN401
        """Yield what a triple of rdflib's algebra, which may have a path in it, comes to."""
        from rdflib.paths import InvPath, Path, SequencePath

        if not isinstance(predicate, Path):
            yield self.pattern((subject, predicate, value))
        elif isinstance(predicate, InvPath):
            yield from self.pieces(value, predicate.arg, subject)
        elif isinstance(predicate, SequencePath):
            stops = [subject, *(object() for _ in predicate.args[1:]), value]
            for arg, start, end in zip(predicate.args, stops[:-1], stops[1:], strict=True):
                yield from self.pieces(start, arg, end)
        else:
            yield _path(self.term(subject), self.path(predicate), self.term(value))

    def path(self, path: Any) -> Any:  # noqa: ANN401
        from rdflib.paths import AlternativePath, InvPath, MulPath, NegatedPath, SequencePath

        if isinstance(path, InvPath):
            return "^", self.path(path.arg)
        if isinstance(path, MulPath):
            return path.mod, self.path(path.path)
        for kind, sign in ((SequencePath, "/"), (AlternativePath, "|"), (NegatedPath, "!")):
            if isinstance(path, kind):
                return sign, *map(self.path, path.args)
        if not isinstance(path, str):
            raise _refused("negates the inverse of a property, of which rdflib forgets the name")
        return self.term(path)

    def read_join(self, part: Any) -> Node:  # noqa: ANN401
        left, right = self.node(part.p1), self.node(part.p2)
        return right if left == Basic(()) else left if right == Basic(()) else Pair("join", left, right)

    def read_union(self, part: Any) -> Node:  # noqa: ANN401
        return Pair("union", self.node(part.p1), self.node(part.p2))

    def read_minus(self, part: Any) -> Node:  # noqa: ANN401
        return Pair("minus", self.node(part.p1), self.node(part.p2))

    def read_leftjoin(self, part: Any) -> Node:  # noqa: ANN401
        plain = getattr(part.expr, "name", "") == "TrueFilter"
        left, right = self.node(part.p1), self.node(part.p2)
        return Pair("optional", left, right, None if plain else self.expression(part.expr))

    def read_filter(self, part: Any) -> Node:  # noqa: ANN401
        return Filter(self.node(part.p), self.expression(part.expr))

    def read_extend(self, part: Any) -> Node:  # noqa: ANN401
        return Extend(self.node(part.p), str(part.var), self.expression(part.expr))

    def read_tomultiset(self, part: Any) -> Node:  # noqa: ANN401
        return self.node(part.p) if getattr(part.p, "name", "") else Values((), ())

    def read_values(self, part: Any) -> Node:  # noqa: ANN401
        names = tuple(dict.fromkeys(str(name) for row in part.res for name in row))
        rows = [{str(name): term for name, term in row.items()} for row in part.res]
        return Values(names, tuple(tuple(self.cell(row.get(name)) for name in names) for row in rows))

    def cell(self, term: Any) -> Any:  # noqa: ANN401
        return None if term is None or term == "UNDEF" else self.term(term)

    def read_project(self, part: Any) -> Node:  # noqa: ANN401
        return Project(self.node(part.p), tuple(map(str, part.PV)))

    def read_distinct(self, part: Any) -> Node:  # noqa: ANN401
        inner = self.node(part.p)
        return dataclasses.replace(inner, distinct=True) if isinstance(inner, Project) else inner

    def read_reduced(self, part: Any) -> Node:  # noqa: ANN401
        return self.node(part.p)

    def read_orderby(self, part: Any) -> Node:  # noqa: ANN401
        return self.node(part.p)

    def read_slice(self, _part: Any) -> Node:  # noqa: ANN401
        raise _refused("has LIMIT or OFFSET in a sub-query, so its rows rest on rows left out")

    def read_aggregatejoin(self, part: Any) -> Node:  # noqa: ANN401
        inner, keys = self.node(part.p.p), []
        for key in part.p.expr or ():
            written = self.expression(key)
            name = written.text[1:] if written.text == f"?{key}" else self.made(object())
            if written.text != f"?{name}":
                inner = Extend(inner, name, written)
            keys.append(name)
        return Group(inner, tuple(keys), tuple(self.aggregate(one, keys) for one in part.A))

    def aggregate(self, part: Any, keys: Sequence[str]) -> Aggregate:  # noqa: ANN401
        kind = part.name.removeprefix("Aggregate_").upper().replace("GROUPCONCAT", "GROUP_CONCAT")
        member = Expression("*") if str(part.vars) == "*" else self.expression(part.vars)
        if member.exists:
            raise _refused("has EXISTS inside an aggregate")
        key = kind == "SAMPLE" and member.text[1:] in keys
        separator = " " if part.separator is None else str(part.separator)
        return Aggregate(
            str(part.res), "KEY" if key else kind, member.text, member.names, bool(part.distinct), separator
        )

    def expression(self, part: Any) -> Expression:  # noqa: ANN401
        before, self._exists = self._exists, []
        text = self._writer.text(part)
        found, self._exists = self._exists, before
        own = {one.name for one in found}
        names = dict.fromkeys(name for name in _VARIABLE.findall(text) if name and name not in own)
        return Expression(text, tuple(names), tuple(found))

    def exists(self, part: Any) -> str:  # noqa: ANN401
        if part.graph.name.startswith("GroupGraphPattern"):  # rdflib translates it in FILTER and BIND only
            raise _refused("has EXISTS outside FILTER and BIND")
        inner = self.node(part.graph)
        name = self.made(object())
        self._exists.append(Exists(name, inner))
        return f"(!?{name})" if part.name == "Builtin_NOTEXISTS" else f"?{name}"

    def pattern(self, triple: Iterable[Any]) -> Pattern:
        subject, predicate, value = map(self.term, triple)
        return subject, predicate, value

    @staticmethod
    def is_blank(node: object) -> bool:
        from rdflib import BNode

        return isinstance(node, BNode)

    def term(self, node: Any) -> Any:  # noqa: ANN401
        import rdflib

        if isinstance(node, rdflib.Variable):
            return Variable(str(node))
        if isinstance(node, rdflib.URIRef):
            return NamedNode(str(node))
        if not isinstance(node, rdflib.Literal):
            return Variable(self.made(node))  # a blank node stands for anything
        if node.language:
            return Literal(str(node), language=node.language)
        return _canonical(
            Literal(str(node), datatype=NamedNode(str(node.datatype)) if node.datatype else None)
        )

    def made(self, for_what: object) -> str:
        """Return the name of a variable of our own for a blank node, or what else has none."""
        return self._made.setdefault(for_what, f"{self._mark}_{len(self._made)}")


def _spoken(name: str) -> str:
    return {"Graph": "GRAPH", "ServiceGraphPattern": "SERVICE"}.get(name, name)


def _joined(pieces: Iterable[Pattern | Node]) -> Node:
    """Return pieces as one operator, patterns that follow each other together."""
    whole: Node | None = None
    run: list[Pattern] = []
    for piece in [*pieces, None]:
        if isinstance(piece, tuple):
            run.append(piece)
            continue
        for part in ([Basic(tuple(run))] if run else []), ([piece] if piece else []):
            for one in part:
                whole = Pair("join", whole, one) if whole else one
        run = []
    return whole or Basic(())


_path = Path  # rdflib has a class of that name too


def _canonical(term: NamedNode | Literal) -> NamedNode | Literal:
    stored: Any = canonical(Triple(_THING, _THING, term)).object
    kept: NamedNode | Literal = stored
    return kept
