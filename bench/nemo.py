"""Parley's rules as programs for Nemo, the rule engine behind ``nmo_python``.

Two programs, because how triples are laid out decides how fast a Datalog engine is. ``plain`` is the rules as
they are, over one relation of triples. ``split`` is what someone who knows Nemo would write: a relation for each
property and each class. Both read the same N-Quads, leave out attributed and withdrawn claims, derive the same
triples and look for the same clashes. Equality of properties (eq-rep-p) can be said in the first only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pyoxigraph import NamedNode, Variable

from kg.logic.rules import Pattern, Rule
from kg.terms import CLAIMS, REFERENCE, iri

_TYPE: Final = iri("rdf:type")
_CONDITION = re.compile(
    r"FILTER\((?P<filter>\?\w+ != \?\w+)\)|BIND\((?P<value>.+?) AS (?P<name>\?\w+)\)(?= |$)"
)
_TYPED = re.compile(r'"(\d+)"\^\^<[^>]*integer>')


def plain(rules: Sequence[Rule], files: Sequence[Path]) -> str:
    """Return the program with one relation of triples; ``size`` counts them and ``clash`` names clashes."""

    def atom(pattern: Pattern) -> str:
        return f"t({', '.join(map(str, pattern))})"

    lines = [
        *_reading(files),
        "t(?s, ?p, ?o) :- held(?p, ?o, ?s) .",
        "size(#count(?s, ?p, ?o)) :- t(?s, ?p, ?o) .",
    ]
    for rule in rules:
        body = [atom(pattern) for pattern in rule.body]
        lines += _clauses(atom(rule.head) if rule.head else _clash(rule), body, rule.condition)
    return "\n".join([*lines, "@export size :- csv {} .", "@export clash :- csv {} ."])


def split(rules: Sequence[Rule], files: Sequence[Path]) -> str:
    """Return the program with a relation for each property and class; the rows of ``size`` add up."""
    names = _relations(rules)

    def atom(pattern: Pattern) -> str:
        subject, predicate, value = pattern
        if predicate == _TYPE:
            return f"{names[value]}({subject})"
        return f"{names[predicate]}({subject}, {value})"

    lines = [*_reading(files), *_sorting(names)]
    for rule in rules:
        if any(isinstance(predicate, Variable) for _, predicate, _ in rule.body):
            continue  # equality: _sorting says it for each relation
        body = [atom(pattern) for pattern in rule.body]
        lines += _clauses(atom(rule.head) if rule.head else _clash(rule), body, rule.condition)
    return "\n".join([*lines, "@export size :- csv {} .", "@export clash :- csv {} ."])


def _reading(files: Sequence[Path]) -> Iterator[str]:
    """Read the files (Nemo puts the graph first) and hold true what the gate would: columns p, o, s."""
    source, speaker, withdrawn = map(
        iri, ("prov:hadPrimarySource", "prov:wasAttributedTo", "prov:invalidatedAtTime")
    )
    for file in files:
        yield f'@import quad :- nquads {{ resource = "{file}" }} .'
    yield f"withdrawn(?c) :- quad({CLAIMS}, ?c, {withdrawn}, ?time) ."
    yield f"kept({REFERENCE}) ."
    yield f"kept(?c) :- quad({CLAIMS}, ?c, {source}, ?s), quad({CLAIMS}, ?c, {speaker}, ?s), ~withdrawn(?c) ."
    yield "held(?p, ?o, ?s) :- kept(?g), quad(?g, ?s, ?p, ?o) ."


def _relations(rules: Sequence[Rule]) -> dict[object, str]:
    """Name a relation for each property and class in the rules."""
    names: dict[object, str] = {}
    for rule in rules:
        for _, predicate, value in (*rule.body, *([rule.head] if rule.head else [])):
            term = value if predicate == _TYPE else predicate
            if isinstance(term, NamedNode):
                names.setdefault(term, f"{'c' if predicate == _TYPE else 'p'}{len(names)}")
    return names


def _sorting(names: dict[object, str]) -> Iterator[str]:
    """Sort what is held into the relations, the rest into one of its own; count; carry equality over."""
    same = f"{names[iri('owl:sameAs')]}(?s, ?t), ?s != ?t"
    yield f"rest(?s, ?p, ?o) :- held(?p, ?o, ?s), ~property(?p), ?p != {_TYPE} ."
    yield f"rest(?s, {_TYPE}, ?o) :- held({_TYPE}, ?o, ?s), ~class(?o) ."
    yield f"rest(?t, ?p, ?o) :- {same}, rest(?s, ?p, ?o) ."
    yield f"rest(?o, ?p, ?t) :- {same}, rest(?o, ?p, ?s) ."
    yield 'size("rest", #count(?s, ?p, ?o)) :- rest(?s, ?p, ?o) .'
    for term, name in names.items():
        if name.startswith("c"):
            yield f"class({term}) . {name}(?s) :- held({_TYPE}, {term}, ?s) ."
            yield f'{name}(?t) :- {same}, {name}(?s) . size("{name}", #count(?s)) :- {name}(?s) .'
        else:
            yield f"property({term}) . {name}(?s, ?o) :- held({term}, ?o, ?s) ."
            yield f'size("{name}", #count(?s, ?o)) :- {name}(?s, ?o) .'
            if term != iri("owl:sameAs"):
                yield f"{name}(?t, ?o) :- {same}, {name}(?s, ?o) . {name}(?o, ?t) :- {same}, {name}(?o, ?s) ."


def _clash(rule: Rule) -> str:
    return f'clash("{rule.names[0]}")'


def _clauses(head: str, body: Sequence[str], condition: str) -> Iterator[str]:
    """Yield the clauses of a rule; a condition that has no translation is an error, never left out."""
    either = re.match(r"FILTER\((.+?) \|\| (.+?)\)(?: |$)", condition)
    if either:
        rest = condition[either.end() :]
        for way in either.groups():
            yield from _clauses(head, [*body, way], rest)
        return
    unread = _CONDITION.sub("", condition).strip()
    if unread:
        raise NotImplementedError(f"no translation to Nemo for the condition {unread}")
    parts = [*body]
    for found in _CONDITION.finditer(condition):
        parts.append(found["filter"] or f"{found['name']} = {_TYPED.sub(_digits, found['value'])}")
    yield f"{head} :- {', '.join(parts)} ." if parts else f"{head} ."


def _digits(number: re.Match[str]) -> str:
    return number[1]
