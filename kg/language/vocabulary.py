"""The closed vocabulary: facts are made of the terms of the ontology and of a few standard ones, and of no others.

SHACL alone lets a misspelt class or property pass: a shape that finds nothing to check is satisfied. So every term
of a proposal is looked up here first.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kg.findings import Check, Finding, Severity
from kg.language.literals import CHECKS as _LITERAL_CHECKS
from kg.language.literals import PLAIN, TEXT, flaws
from kg.language.lookalikes import skeleton
from kg.language.uses import PLACES, Place, Terms, place_of, terms_of
from kg.storage.overlay import Overlay
from kg.terms import BASE, PREFIXES, iri, short

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "unknown-property": Check(
        "A statement uses a property that neither the ontology declares nor the gate admits.",
        "What no question, rule or shape knows is never found again.",
        "use a property of the ontology",
    ),
    "unknown-class": Check(
        "A thing is said to belong to a class that the ontology does not declare.",
        "No shape checks a thing of an unknown class, so every mistake in it would pass.",
        "use a class of the ontology",
    ),
    "unknown-term": Check(
        "A value is in the ontology's namespace, but the ontology does not declare it.",
        "Things have names under id/; the namespace of the ontology holds its terms alone.",
        "use a term of the ontology, or a name under id/",
    ),
    "homoglyph": Check(
        "A term looks like one of the vocabulary, but has other characters in it.",
        "It is another term, which nothing knows, and no eye sees the difference.",
        "write the term that it looks like",
    ),
    "misused-term": Check(
        "A class stands where a property is due, a property where a class is due, or either where a thing is due.",
        "Terms and things are kept apart, so that rules and shapes mean the same to every tool.",
        "write the right kind of term",
    ),
    "misplaced-term": Check(
        "A term stands in a graph in which it has no meaning.",
        "Facts, what is said about claims, and reference data are kept apart.",
        "move the statement to the graph it belongs to",
    ),
    "about-a-term": Check(
        "A statement says something about a term of the ontology or of a standard vocabulary.",
        "The meaning of the terms is the same for every fact; no proposal changes it.",
        "say something about a thing under id/; the ontology is changed in its own files",
    ),
    "no-class": Check(
        "A thing has no class, neither stated nor inferred.",
        "No shape checks a thing without a class, so every mistake in it would pass.",
        "state its class with a (rdf:type)",
    ),
    "nothing-said": Check(
        "A name is used of which nothing is said, neither here nor in the base.",
        "Mostly it is another name for a thing that is known, or misspelt.",
        "use the name that the base has, or state the thing's class and label",
        Severity.WARNING,
    ),
    **_LITERAL_CHECKS,
}
"""The checks of terms and literals, by their codes."""

_TYPE: Final = iri("rdf:type")
_VERBATIM: Final = frozenset({iri("oa:exact"), iri("schema:text")})
_OURS: Final = (PREFIXES["parley"], PREFIXES["shape"])
_THINGS: Final = (BASE + "id/", BASE + "source/", BASE + "claim/")
_NO_TERMS: Final = ("id", "source", "claim", "graph")
_STANDARD: Final = tuple(namespace for prefix, namespace in PREFIXES.items() if prefix not in _NO_TERMS)
_OF_TERMS: Final = (PREFIXES["owl"], PREFIXES["sh"])
_PLAIN_TEXT: Final = re.compile(rf"[ -~{PLAIN}]*")
_SCHEMATIC: Final = {
    iri(f"rdfs:{name}") for name in ("subClassOf", "subPropertyOf", "domain", "range", "isDefinedBy")
}
_USUAL: Final = {
    **dict.fromkeys(map(iri, ("skos:prefLabel", "schema:name")), iri("rdfs:label")),
    NamedNode("http://xmlns.com/foaf/0.1/name"): iri("rdfs:label"),
}
"""What is usually written elsewhere, and what is written here."""

_MOST_UNKNOWN: Final = 50  # terms for which the nearest are looked for: that takes some milliseconds each
_NEAREST: Final = 3


_Term: TypeAlias = NamedNode | BlankNode | Literal | Triple
_Flaw: TypeAlias = tuple[str, str, str, _Term]
_Unknown: TypeAlias = Callable[[NamedNode, str], tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terms of which facts may be made, and what looks or reads nearly like one of them."""

    terms: Terms
    _shapes: Mapping[str, NamedNode] = field(repr=False)
    _keys: Mapping[str, NamedNode] = field(repr=False)

    @classmethod
    def of(cls, ontology: Iterable[Triple]) -> Vocabulary:
        """Return the vocabulary of an ontology, given by its triples. Cost: one pass, a few milliseconds."""
        terms = terms_of(ontology)
        known = [*terms.classes, *terms.properties, *terms.others]
        return cls(
            terms, {skeleton(term.value): term for term in known}, {_key(term): term for term in known}
        )

    def check(self, statements: Iterable[Statement]) -> Iterator[Finding]:
        """Yield what is wrong with the terms and the literals of statements, in their order.

        Cost: some microseconds a statement, some milliseconds for each unknown term.
        """
        unknown = cache(partial(self._unknown, counted=[]))
        for statement in statements:
            for code, message, remedy, value in (*_name_flaws(statement), *self._flaws(statement, unknown)):
                yield _finding(code, statement, message, remedy, value)

    def unlike(self, quads: Iterable[Quad]) -> Iterator[Quad]:
        """Yield of many quads those that have to be checked for all to be: one of each kind of those without literals.

        Text in common letters needs no check of its own either. Cost: a microsecond a quad.
        """
        seen: set[object] = set()
        for quad in quads:
            subject, predicate, value, graph = quad
            key: object = quad
            if isinstance(subject, NamedNode) and subject.value.isascii() and not self._is_term(subject):
                kind = self._kind(predicate, value)
                key = (predicate, place_of(graph), kind) if kind else quad
            if key not in seen:
                seen.add(key)
                yield quad

    def _kind(self, predicate: NamedNode, value: _Term) -> object:
        """Return what values have in common that fare alike as values of a property, ``None`` for one of its own."""
        if isinstance(value, Literal) and value.datatype in TEXT and _PLAIN_TEXT.fullmatch(value.value):
            return value.datatype, value.language
        if not value.value.isascii() if isinstance(value, NamedNode | Literal) else True:
            return None
        if isinstance(value, NamedNode):
            return "thing" if predicate != _TYPE and value.value.startswith(_THINGS) else value
        return value

    def _flaws(self, statement: Statement, unknown: _Unknown) -> Iterator[_Flaw]:
        subject, predicate, value, graph = statement.quad
        place = place_of(graph)
        if isinstance(subject, NamedNode) and self._is_term(subject):
            yield "about-a-term", f"the statement is about {short(subject)}, which is a term", "", subject
        elif predicate == _TYPE:
            yield from self._class_flaws(value, place, unknown)
        elif predicate in self.terms.properties:
            yield from self._value_flaws(predicate, value, place, unknown)
        elif predicate in self.terms.classes:
            remedy = f"write a {short(predicate)} to say that the thing is one"
            yield "misused-term", f"{short(predicate)} is a class, not a property", remedy, predicate
        elif predicate in _SCHEMATIC or predicate.value.startswith(_OF_TERMS):
            yield "about-a-term", f"{short(predicate)} relates terms, not things", "", predicate
        else:
            yield (*unknown(predicate, "property"), predicate)

    def _class_flaws(self, value: _Term, place: Place, unknown: _Unknown) -> Iterator[_Flaw]:
        if not isinstance(value, NamedNode):
            yield (
                "wrong-kind-of-value",
                f"{_said(value)} is given as a class",
                "write the class's name",
                value,
            )
        elif value in self.terms.classes:
            yield from _misplaced(value, self.terms.classes[value], place)
        elif value in self.terms.properties:
            remedy = f"write {short(value)} as the property, followed by its value"
            yield "misused-term", f"{short(value)} is a property, not a class", remedy, value
        elif value.value.startswith((*_OF_TERMS, PREFIXES["rdfs"], PREFIXES["rdf"])):
            yield (
                "about-a-term",
                f"the statement declares a term: {short(value)} is a class of terms",
                "",
                value,
            )
        else:
            yield (*unknown(value, "class"), value)

    def _value_flaws(
        self, predicate: NamedNode, value: _Term, place: Place, unknown: _Unknown
    ) -> Iterator[_Flaw]:
        use = self.terms.properties[predicate]
        yield from _misplaced(predicate, use.places, place)
        if isinstance(value, Literal):
            if not use.datatypes:
                why = f"{short(predicate)} relates to a thing, and {_said(value)} is a literal"
                yield "wrong-kind-of-value", why, "write the name of the thing", value
                return
            for flaw in flaws(value, use.datatypes, verbatim=predicate in _VERBATIM):
                yield flaw.code, f"{short(predicate)}: {flaw.why}", flaw.remedy, value
        elif isinstance(value, NamedNode):
            if not use.things:
                why = f"{short(predicate)} has a literal for its value, not a thing such as {short(value)}"
                yield "wrong-kind-of-value", why, f"write {_example(use.datatypes)}", value
            elif value in self.terms.classes or value in self.terms.properties:
                why = f"{short(value)} is a term, and {short(predicate)} relates to a thing"
                yield "misused-term", why, "write the name of a thing", value
            elif value not in self.terms.others and (self._is_term(value) or self._passes_for_a_term(value)):
                yield (*unknown(value, "term"), value)

    def _is_term(self, node: NamedNode) -> bool:
        """Tell whether an IRI stands where terms do: in our ontology or shapes, or in a standard vocabulary."""
        return node.value.startswith((*_OURS, *_STANDARD)) or node.value == BASE + "ontology"

    def _passes_for_a_term(self, node: NamedNode) -> bool:
        if node.value.startswith(_THINGS):
            return False
        return _key(node) in self._keys or skeleton(node.value) in self._shapes

    def _unknown(self, term: NamedNode, kind: str, counted: list[NamedNode]) -> tuple[str, str, str]:
        """Return the code, the message and the remedy for a term that is not known."""
        like = self._shapes.get(skeleton(term.value))
        if like and like != term:
            return (
                "homoglyph",
                f"{short(term)} looks like {short(like)}, but is another term",
                f"write {short(like)}",
            )
        counted.append(term)
        near = self.nearest(term, kind) if len(counted) <= _MOST_UNKNOWN else ()
        what = {"class": "no class", "property": "no property", "term": "no term"}[kind]
        return (
            f"unknown-{kind}",
            f"{short(term)} is {what} of the ontology",
            f"write {_any_of(near)}" if near else "",
        )

    def nearest(self, term: NamedNode, kind: str = "term") -> tuple[NamedNode, ...]:
        """Return the terms whose names come nearest, the nearest first: of a ``kind`` if there are any.

        ``kind`` is ``class``, ``property`` or ``term``. What differs in its namespace, its separators or its
        capitals alone comes first. Cost: some milliseconds.
        """
        if same := self._keys.get(_key(term)) or _USUAL.get(term):
            return (same,)
        # A name from elsewhere that is only a little like one of ours means something else.
        cutoff = 0.6 if _key(term).startswith("w3idorgparl") else 0.8
        everything = [*self.terms.properties, *self.terms.classes, *self.terms.others]
        fitting = {"class": self.terms.classes, "property": self.terms.properties, "term": self.terms.others}
        for pool in (fitting[kind], everything):
            names: dict[str, list[NamedNode]] = {}
            for one in pool:
                names.setdefault(_local(one), []).append(one)
            close = difflib.get_close_matches(_local(term), names, n=_NEAREST, cutoff=cutoff)
            if found := [one for name in close for one in names[name]]:
                return tuple(found[:_NEAREST])
        return ()

    def unclassed(self, statements: Sequence[Statement], view: Overlay) -> Iterator[Finding]:
        """Yield a finding for each subject without a class, stated or inferred.

        ``view`` is the view after the rules. What is only attributed to someone is not in it: there the class
        may be stated in any claim, or follow from a property. Cost: a few look-ups a subject.
        """
        classed = {
            node
            for statement in statements
            for node in (
                statement.quad.subject if self._classifies(statement) else None,
                statement.quad.object if statement.quad.predicate in self.terms.classed else None,
            )
        }
        for subject, statement in _first_subjects(statements).items():
            if subject in classed or self._is_term(subject):
                continue
            types = (triple.object for triple in view.triples(subject, _TYPE))
            elsewhere = (quad.object for quad in view.base.quads(subject, _TYPE))
            if not any(type_ in self.terms.classes for types_ in (types, elsewhere) for type_ in types_):
                message = f"{short(subject)} has no class, neither stated nor inferred"
                yield _finding("no-class", statement, message, "", subject)

    def _classifies(self, statement: Statement) -> bool:
        _, predicate, value, _ = statement.quad
        return predicate in self.terms.classing or (predicate == _TYPE and value in self.terms.classes)


def unmentioned(statements: Sequence[Statement], view: Overlay) -> Iterator[Finding]:
    """Yield a warning for each name of ours that is a value, and of which nothing is said anywhere.

    Cost: one look-up a name.
    """
    spoken_of = {statement.quad.subject for statement in statements}
    for statement in statements:
        value = statement.quad.object
        if not isinstance(value, NamedNode) or value in spoken_of or not value.value.startswith(_THINGS):
            continue
        spoken_of.add(value)
        if not any(view.base.quads(value)):
            message = f"nothing is said of {short(value)}, neither here nor in the base"
            yield _finding("nothing-said", statement, message, "", value)


def _first_subjects(statements: Iterable[Statement]) -> dict[NamedNode, Statement]:
    found: dict[NamedNode, Statement] = {}
    for statement in statements:
        subject = statement.quad.subject
        if isinstance(subject, NamedNode):
            found.setdefault(subject, statement)
    return found


def _name_flaws(statement: Statement) -> Iterator[_Flaw]:
    for node in (statement.quad.subject, statement.quad.object):
        if isinstance(node, NamedNode) and not unicodedata.is_normalized("NFC", node.value):
            yield "not-normalised", f"the name {short(node)} is not in Unicode Normalization Form C", "", node


def _misplaced(term: NamedNode, places: frozenset[Place], place: Place) -> Iterator[_Flaw]:
    if place not in places:
        remedy = f"move it to {' or '.join(PLACES[one] for one in sorted(places))}"
        yield "misplaced-term", f"{short(term)} has no meaning in {PLACES[place]}", remedy, term


def _key(term: NamedNode) -> str:
    """Return an IRI without what is easily got wrong: scheme, separators, capitals."""
    return re.sub(r"[^a-z0-9]+", "", term.value.casefold().partition("://")[2])


def _local(term: NamedNode) -> str:
    return re.split("[#/:]", term.value)[-1][-100:].casefold()


def _any_of(terms: Sequence[NamedNode]) -> str:
    *most, last = map(short, terms)
    return f"{', '.join(most)} or {last}" if most else last


def _said(value: _Term) -> str:
    return f"'{value.value[:60]}'" if isinstance(value, Literal) else str(value)[:60]


def _example(datatypes: frozenset[NamedNode]) -> str:
    return (
        "text"
        if datatypes & TEXT
        else "a literal of the datatype " + _any_of(sorted(datatypes, key=str)[:_NEAREST])
    )


def _finding(code: str, statement: Statement, message: str, remedy: str, value: _Term) -> Finding:
    check, subject, predicate = CHECKS[code], statement.quad.subject, statement.quad.predicate
    focus = None if isinstance(subject, Triple) else subject
    return Finding(
        code, check.severity, message, remedy or check.remedy, statement.place, focus, str(predicate), value
    )
