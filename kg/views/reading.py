"""Which triples a question can look at, told from its text: the properties and classes that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from pyoxigraph import NamedNode, Triple

from kg.terms import iri

_TYPE: Final = iri("rdf:type")
_TOKEN: Final = re.compile(
    r'''(?P<gap>\s+|\#[^\n]*)
    |(?P<literal>"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|\'\'\'(?:[^'\\]|\\.|'(?!''))*\'\'\'|'(?:[^'\\\n]|\\.)*'
      |[0-9][\w.]*)
    |(?P<iri><[^<>"{}|^`\s]*>)
    |(?P<variable>[?$]\w+)
    |(?P<name>(?:[^\W\d_][\w.-]*)?:(?:[\w:.%-]|\\.)*)
    |(?P<word>@?\w+)
    |(?P<mark>.)''',
    re.VERBOSE | re.DOTALL,
)
_TERMS: Final = frozenset({"literal", "iri", "variable", "name"})
_CLAUSES: Final = frozenset({"SELECT", "GROUP", "ORDER", "HAVING", "CONSTRUCT", "DESCRIBE"})
"""Words after which variables stand one after the other without being a triple."""
_ENDS: Final = frozenset({"WHERE", "LIMIT", "OFFSET", "VALUES", "{", "}"})


class _Token(NamedTuple):
    kind: str
    text: str


_NONE: Final = _Token("mark", "")


@dataclass(frozen=True, slots=True)
class Reads:
    """The triples that a question can look at: those of its ``terms``, with ``types`` every type, or ``all``.

    A type is one of its terms if its class is.
    """

    terms: frozenset[NamedNode]
    types: bool
    all: bool

    def any_of(self, triples: Iterable[Triple]) -> bool:
        """Tell whether a question may see one of these triples; if not, it answers the same without them."""
        return any(map(self._sees, triples))

    def _sees(self, triple: Triple) -> bool:
        if self.all or triple.predicate != _TYPE:
            return self.all or triple.predicate in self.terms
        return self.types or triple.object in self.terms


def reads(sparql: str) -> Reads:
    """Return what a query can look at, rather too much than too little; the text must be SPARQL.

    A property in the place of a variable, a negated property set, a path of length zero (which every term has) and
    ``GRAPH`` mean that it may look at everything.

    >>> found = reads("PREFIX p: <urn:p:> SELECT ?x { ?x a p:State ; p:leads+ ?y }")
    >>> sorted(term.value for term in found.terms), found.types, found.all
    (['urn:p:', 'urn:p:State', 'urn:p:leads'], False, False)
    """
    tokens = [
        _Token(found.lastgroup or "", found[0])
        for found in _TOKEN.finditer(sparql)
        if found.lastgroup != "gap"
    ]
    for at in _casts(tokens):
        tokens[at] = _Token("word", "")
    prefixes = {
        one.text: two.text[1:-1] for one, two in pairwise(tokens) if one.kind == "name" and two.kind == "iri"
    }
    terms, known = set[NamedNode](), True
    for token in tokens:
        if token.kind == "iri":
            terms.add(NamedNode(token.text[1:-1] or "urn:x"))
        elif token.kind == "name":
            prefix, _, local = token.text.partition(":")
            known = known and f"{prefix}:" in prefixes
            local = re.sub(r"\\(.)", r"\1", local.rstrip("."))
            terms.add(NamedNode(prefixes.get(f"{prefix}:", "urn:x") + local))
    places = list(_places(tokens))
    types = any(_is_type(token, terms) and not _names_class(rest) for _, token, rest in places)
    return Reads(frozenset(terms), types, not known or any(_reads_all(*place) for place in places))


def _casts(tokens: list[_Token]) -> Iterator[int]:
    """Yield where a name stands for a function, as in ``BIND(xsd:integer(?x) AS ?y)``, and not for a property."""
    for at in range(2, len(tokens) - 1):
        word, opened, name, again = tokens[at - 2 : at + 2]
        if word.kind == "word" and opened.text == again.text == "(" and name.kind in ("iri", "name"):
            yield at


def _places(tokens: list[_Token]) -> Iterator[tuple[_Token, _Token, list[_Token]]]:
    """Yield each token of the patterns with the one before it and the few that follow."""
    clause = False
    for at, token in enumerate(tokens):
        word = token.text.upper()
        if token.kind == "word" and word in _CLAUSES:
            clause = True
        elif word in _ENDS:
            clause = False
        if not clause:
            before = tokens[at - 1] if at else _NONE
            yield before, token, [*tokens[at + 1 : at + 40], _NONE, _NONE]


def _reads_all(before: _Token, token: _Token, rest: list[_Token]) -> bool:
    if token.kind == "variable":
        if rest[0].kind not in _TERMS and rest[0].text not in ("[", "("):
            return False
        if before.text == ")":  # the end of a filter, or of a list that is a subject
            return rest[1].kind not in _TERMS and rest[1].text not in ("[", "(")
        return before.kind in _TERMS or before.text in (";", "]")
    verb = before.kind in ("iri", "name") or before.text == "a"
    if token.text in ("*", "("):  # a path; a list, whose members are triples, or else a function
        return verb or before.text + token.text == ")*"
    if token.text == "!":
        return rest[0].kind in ("iri", "name") or rest[0].text in ("a", "^", "(")
    return token.text == "?" or (token.kind == "word" and token.text.upper() == "GRAPH")


def _is_type(token: _Token, terms: set[NamedNode]) -> bool:
    written = token.text in ("a", "rdf:type") or token.text == f"{_TYPE}"
    return written or (token.kind == "name" and token.text.endswith(":type") and _TYPE in terms)


def _names_class(rest: list[_Token]) -> bool:
    """Tell whether what follows ``a`` are nothing but classes."""
    if rest[0].kind not in ("iri", "name"):
        return False
    listed = 1
    while rest[listed].text == "," and listed + 1 < len(rest):
        if rest[listed + 1].kind not in ("iri", "name"):
            return False
        listed += 2
    return rest[listed].text not in ("/", "|", "^", "*", "+", "?")
