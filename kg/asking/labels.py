"""What terms are called by people: labels, readings of values, triples as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.storage.store import Engine
from kg.terms import BASE, ONTOLOGY, PREFIXES, VIEW, curie, iri

LANGUAGES: Final = ("en", "ru", "tr", "ar")
"""The languages of labels, in the order in which they are preferred."""

_Term: TypeAlias = NamedNode | Literal | BlankNode | Triple

_XSD: Final = PREFIXES["xsd"]
_TERMS: Final = PREFIXES["parley"]
_LABEL: Final = iri("rdfs:label")
# With a time zone, or seconds that count, either is shown as it is written.
_MONTH_DAY: Final = re.compile(r"--(0[1-9]|1[0-2])-[0-9]{2}")
_HOUR: Final = re.compile(r"([0-9]{2}:[0-9]{2}):00")
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""The months in English, from January."""


def find_labels(things: Iterable[NamedNode], store: Engine) -> dict[NamedNode, str]:
    """Return the label of each thing that has one: of the view or the ontology, in English if there is one."""
    things = list(things)
    store.foresee((thing for thing in things if not thing.value.startswith(_TERMS)), _LABEL)
    return {thing: label for thing in things if (label := _label(thing, store))}


def _label(thing: NamedNode, store: Engine) -> str:
    found: dict[str, str] = {}
    of_ours = thing.value.startswith(_TERMS)  # facts say nothing about the terms themselves
    for graph in (ONTOLOGY,) if of_ours else (VIEW, ONTOLOGY):
        if found:
            break
        for quad in store.quads(thing, _LABEL, None, graph):
            if isinstance(quad.object, Literal):
                language, value = quad.object.language or "", quad.object.value
                found[language] = min(value, found.get(language, value))
    ranked: Sequence[str] = [
        *(language for language in (*LANGUAGES, "") if language in found),
        *sorted(found),
    ]
    return found[ranked[0]] if ranked else ""


def reading(term: _Term | None, labels: Mapping[NamedNode, str]) -> str:
    """Return a term as a person reads it.

    >>> reading(Literal("--03-15", datatype=iri("xsd:gMonthDay")), {})
    '15 March'
    >>> reading(iri("id:m4-motorway"), {iri("id:m4-motorway"): "M4 motorway"})
    'M4 motorway'
    """
    if term is None:
        return ""
    if isinstance(term, NamedNode):
        return labels.get(term) or curie(term) or term.value.removeprefix(BASE)
    if not isinstance(term, Literal):
        return str(term)
    name = term.datatype.value.removeprefix(_XSD)
    if name == "gMonthDay" and _MONTH_DAY.fullmatch(term.value):
        return f"{int(term.value[5:7])} {MONTHS[int(term.value[2:4]) - 1]}"
    if name == "time":
        return _HOUR.sub(r"\1", term.value) if _HOUR.fullmatch(term.value) else term.value
    return {"true": "yes", "false": "no"}.get(term.value, term.value) if name == "boolean" else term.value


def sentence(triple: Triple, labels: Mapping[NamedNode, str]) -> str:
    """Return a triple as a sentence, made from labels."""
    subject, value = reading(triple.subject, labels), reading(triple.object, labels)
    if triple.predicate == iri("rdf:type"):
        article = "an" if value[:1].lower() in "aeiou" else "a"
        return f"{_capital(subject)} is {article} {value}."
    verb = labels.get(triple.predicate) or _words(triple.predicate)
    if isinstance(triple.object, Literal) or triple.predicate not in labels:
        tag = triple.object.language if isinstance(triple.object, Literal) else None
        return f"{_capital(subject)}: {verb} {value}{f' ({tag})' if tag else ''}."
    return f"{_capital(subject)} {verb} {value}."


def _words(predicate: NamedNode) -> str:
    """Read a property of another vocabulary, which has no label here, from its name."""
    local = re.split(r"[#/]", predicate.value)[-1]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", local).lower()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
