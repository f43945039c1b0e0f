"""Differences between views, and what a withdrawal would change: as text for people and as JSON.

docs/schema/difference.schema.json and docs/schema/impact.schema.json describe the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.answers import json_term
from kg.asking.labels import reading, sentence
from kg.errors import UnknownName
from kg.proofs.proofs import Labels
from kg.syntax.visible import one_line
from kg.telling.parts import document, labels_json, triple_json
from kg.terms import BASE, iri, short
from kg.views.comparing import QuestionDifference, Row
from kg.views.differences import Difference
from kg.views.impact import Impact

_MOST: Final = 12  # lines of a kind that are shown in text
_ROWS: Final = 5  # rows of an answer
_LONGEST: Final = 300  # characters of a line
_NAMES: Final = frozenset({iri("rdfs:label"), iri("skos:altLabel")})
_NOT_STATED: Final = "not stated"  # docs/decisions/0006-questions-say-what-is-not-stated.md
_ALL: Final = "--format json has all"


def difference_written(difference: Difference, form: str) -> str:
    """Return a difference in one of the forms ``text`` and ``json``; it ends in a line break.

    In the text, lines with ``-`` are of the first view alone and lines with ``+`` of the second; what tells most comes
    first, and long lists are cut. Raises ``UnknownName`` for another form.
    """
    return _in_form(form, difference, _difference_text, _difference_json)


def impact_written(impact: Impact, form: str) -> str:
    """Return what a withdrawal would change in one of the forms ``text`` and ``json``; it ends in a line break.

    In the text, what would go has ``-`` before it, what would come ``+`` and what would stay ``=``. Raises
    ``UnknownName`` for another form.
    """
    return _in_form(form, impact, _impact_text, _impact_json)


def _in_form(form: str, what: Any, *writers: Callable[[Any], str]) -> str:  # noqa: ANN401 - one of the two kinds
    forms = dict(zip(("text", "json"), writers, strict=True))
    if form not in forms:
        raise UnknownName("form", form, forms, remedy=f"use one of {', '.join(forms)}")
    return forms[form](what)


def _difference_text(difference: Difference) -> str:
    left, right = (one_line(name, _LONGEST) for name in (difference.left, difference.right))
    parts = [f"- {left}\n+ {right}\n"]
    labels = difference.labels
    for heading, (gone, new) in (("stated", difference.stated), ("derived", difference.derived)):
        parts.append(_section(heading, (("-", gone), ("+", new)), labels))
    parts.append(_questions(difference.questions, difference.uncompared, labels))
    if not any(parts[1:]):
        parts.append("nothing differs\n")
    return "\n".join(filter(None, parts))


def _impact_text(impact: Impact) -> str:
    labels = impact.labels
    parts = [
        _section("no longer stated", (("-", impact.lost),), labels),
        _section("no longer derived", (("-", impact.fallen),), labels),
        _section("held still, because others say so or it is derived", (("=", impact.kept),), labels),
        _questions(impact.questions, impact.uncompared, labels),
    ]
    changes = impact.lost or impact.fallen or impact.questions
    names = [one_line(_claim_name(claim), _LONGEST) for claim in impact.claims]
    word = "claim" if len(names) == 1 else "claims"
    which = _counted(len(names), "claim") if len(names) > _MOST else f"{word} {', '.join(names)}"
    head = f"without {which}{'' if changes else ' all holds as before'}\n"
    notes = [
        f"{_named(found)} {said}\n"
        for found, said in (
            (impact.told, "a speaker's word: only that speaker's view would lose what it says"),
            (impact.withdrawn, "withdrawn already"),
        )
        if found
    ]
    return "\n".join([head, *notes, *filter(None, parts)])


def _named(claims: Sequence[NamedNode]) -> str:
    shown = ", ".join(one_line(_claim_name(claim), _LONGEST) for claim in claims[:_MOST])
    more = f" and {len(claims) - _MOST} more" if len(claims) > _MOST else ""
    return f"{shown}{more} {'is' if len(claims) == 1 else 'are'}"


def _claim_name(claim: NamedNode) -> str:
    return claim.value.removeprefix(BASE + "claim/") if claim.value.startswith(BASE) else short(claim)


def _section(heading: str, signed: Iterable[tuple[str, Sequence[Triple]]], labels: Labels) -> str:
    """Return a heading and the sentences under it, nothing where there is none."""
    lines: list[str] = []
    count = 0
    for sign, triples in signed:
        count += len(triples)
        ranked = sorted(triples, key=_rank)
        lines += _cut([f"{sign} {one_line(sentence(triple, labels), _LONGEST)}" for triple in ranked])
    return "".join(f"{line}\n" for line in [f"{heading} ({count:,})", *lines]) if count else ""


def _rank(triple: Triple) -> int:
    """Return how much a triple tells: how things are related most, then values, then kinds, names least."""
    if triple.predicate in _NAMES:
        return 3
    if triple.predicate == iri("rdf:type"):
        return 2
    return int(isinstance(triple.object, Literal))


def _cut(lines: Sequence[str], most: int = _MOST) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"  and {len(lines) - most:,} more; {_ALL}"


def _questions(questions: Sequence[QuestionDifference], uncompared: Sequence[str], labels: Labels) -> str:
    """Return the questions that answer differently, last those that only say of other things that nothing is stated."""
    telling = [one for one in questions if any(_tells(one, row) for row in (*one.gone, *one.new))]
    blocks = [f"{_counted(len(questions), 'question')} answered differently\n"] if questions else []
    blocks += [_question(one, labels) for one in telling[:_MOST]]
    rest = {
        f"and {len(telling) - _MOST} more; {_ALL}": [one.name for one in telling[_MOST:]],
        "not stated, of things that one side alone has": [
            one.name for one in questions if one not in telling
        ],
        "too many rows to compare": uncompared,
    }
    blocks += [f"{heading}: {', '.join(names)}\n" for heading, names in rest.items() if names]
    return "\n".join(blocks)


def _question(one: QuestionDifference, labels: Labels) -> str:
    asked = "".join(f", {name} as in the example {value}" for name, value in one.examples)
    lines = [f"{one.name}: {', '.join(one.columns)}{one_line(asked, _LONGEST)}"]
    for sign, rows in (("-", one.gone), ("+", one.new)):
        ranked = sorted(rows, key=lambda row: not _tells(one, row))
        lines += _cut([f"{sign} {_row(row, labels)}" for row in ranked], _ROWS)
    return "".join(f"{line}\n" for line in lines)


def _tells(one: QuestionDifference, row: Row) -> bool:
    """Tell whether a row says more than that something is not stated."""
    cells = (cell for name, cell in zip(one.columns, row, strict=True) if name not in one.parameters)
    return any(cell is not None and getattr(cell, "value", "") != _NOT_STATED for cell in cells)


def _row(row: Row, labels: Labels) -> str:
    return " | ".join(one_line(reading(cell, labels), _LONGEST) for cell in row)


def _counted(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _difference_json(difference: Difference) -> str:
    labels = difference.labels
    fields = {
        "left": difference.left,
        "right": difference.right,
        "stated": _sides(difference.stated, labels),
        "derived": _sides(difference.derived, labels),
    }
    return document("difference", {**fields, **_asked(difference)})


def _impact_json(impact: Impact) -> str:
    fields: dict[str, Any] = {
        name: [claim.value for claim in getattr(impact, name)] for name in ("claims", "told", "withdrawn")
    }
    for name in ("lost", "fallen", "kept"):
        fields[name] = [triple_json(triple, impact.labels) for triple in getattr(impact, name)]
    return document("impact", {**fields, **_asked(impact)})


def _sides(pair: tuple[Sequence[Triple], Sequence[Triple]], labels: Labels) -> Mapping[str, Any]:
    return {
        side: [triple_json(triple, labels) for triple in triples]
        for side, triples in zip(("left", "right"), pair, strict=True)
    }


def _asked(what: Difference | Impact) -> Mapping[str, Any]:
    return {
        "questions": [
            {
                "name": one.name,
                "columns": list(one.columns),
                "gone": list(map(_cells, one.gone)),
                "new": list(map(_cells, one.new)),
                "parameters": list(one.parameters),
                "examples": dict(one.examples),
            }
            for one in what.questions
        ],
        "uncompared": list(what.uncompared),
        "labels": labels_json(what.labels),
    }


def _cells(row: Row) -> list[Any]:
    return [None if cell is None else json_term(cell) for cell in row]
