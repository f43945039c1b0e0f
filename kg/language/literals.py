"""Literals that may enter: datatypes that the ontology uses, values that exist, text that is what it looks like.

Parsers and stores let ``"2020-02-30"^^xsd:date`` pass, so forms and the calendar are checked here, after XML Schema
Definition Language 1.1 part 2 (https://www.w3.org/TR/xmlschema11-2/). What is looked at is bounded in length, so
that no value takes long.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator, Set
from typing import Final, NamedTuple

from pyoxigraph import Literal, NamedNode, Triple

from kg.findings import Check, Severity
from kg.storage.overlay import canonical
from kg.terms import iri, short

CHECKS: Final = {
    "unknown-datatype": Check(
        "A literal has a datatype that the ontology does not use.",
        "Values that mean the same are written the same, or questions miss some of them.",
        "write the value with a datatype of the ontology",
    ),
    "impossible-value": Check(
        "A literal has no value: its text is none that its datatype allows, or no such day or time exists.",
        "Parsers and stores keep such a literal without a word, and it then compares with nothing.",
        "write a value that exists",
    ),
    "wrong-kind-of-value": Check(
        "A property has a literal where a thing is due, a thing where a literal is due, or a literal of another kind.",
        "A number written as text cannot be counted or compared.",
        "write a value of the property's kind",
    ),
    "not-canonical": Check(
        "A literal is kept in another form than it was written in, with the same value.",
        "What is checked is what is kept, and whoever compares the base with the file should know.",
        "write it as it is kept",
        Severity.WARNING,
    ),
    "malformed-language": Check(
        "A text has a language tag that no language can have.",
        "Labels are chosen by language; a text with a wrong tag is never shown.",
        "write a tag such as en, ru, tr or ar",
    ),
    "control-character": Check(
        "A text contains a control character, or one that turns the direction of what follows.",
        "Such a text is read as something else than it is.",
        "leave the character out",
    ),
    "invisible-character": Check(
        "A text contains a character without width, which nobody sees.",
        "Two texts that look the same are then not found together.",
        "leave the character out unless the script needs it",
        Severity.WARNING,
    ),
    "not-normalised": Check(
        "A text or a name is not in Unicode Normalization Form C.",
        "The same letters are then other characters, and a search misses them.",
        "write it in Normalization Form C",
        Severity.WARNING,
    ),
}
"""The checks of literals, by their codes."""


class Flaw(NamedTuple):
    """What is wrong with a literal: the code of its check, why, and what to write instead."""

    code: str
    why: str
    remedy: str = ""


_STRING, _LANGUAGE_STRING, _WKT = iri("xsd:string"), iri("rdf:langString"), iri("geo:wktLiteral")
_INTEGER, _DECIMAL, _BOOLEAN, _DATE = (
    iri(f"xsd:{name}") for name in ("integer", "decimal", "boolean", "date")
)
_TIME, _MOMENT, _YEAR = iri("xsd:time"), iri("xsd:dateTime"), iri("xsd:gYear")

TEXT: Final = frozenset({_STRING, _LANGUAGE_STRING})
NUMBERS: Final = frozenset({_INTEGER, _DECIMAL})
TIMES: Final = frozenset({_DATE, iri("xsd:gYearMonth"), _YEAR, iri("xsd:gMonthDay"), _TIME, _MOMENT})
DATATYPES: Final = TEXT | NUMBERS | TIMES | {_BOOLEAN, _WKT}
"""The datatypes that are kept: those of the ontology's ranges, and of its times, numbers, texts and positions."""

PLAIN: Final = "À-ÖØ-öø-žА-яЁё“”‘’–—…«»"
"""Characters, as in a regular expression, of which no text is odd that has these and printable ASCII alone."""

_LONG: Final = 2**63  # beyond it the store neither compares nor computes
_NARROWER: Final[dict[NamedNode, tuple[int, int]]] = {
    iri(f"xsd:{name}"): bounds
    for name, bounds in {
        "long": (-_LONG, _LONG - 1),
        "int": (-(2**31), 2**31 - 1),
        "short": (-(2**15), 2**15 - 1),
        "byte": (-128, 127),
        "unsignedLong": (0, _LONG - 1),
        "unsignedInt": (0, 2**32 - 1),
        "unsignedShort": (0, 2**16 - 1),
        "unsignedByte": (0, 255),
        "nonNegativeInteger": (0, _LONG - 1),
        "positiveInteger": (1, _LONG - 1),
        "nonPositiveInteger": (-_LONG, 0),
        "negativeInteger": (-_LONG, -1),
    }.items()
}
"""The datatypes that the store keeps as ``xsd:integer``, with the least and the most that they allow."""

_INSTEAD: Final = {
    iri("xsd:double"): "write it as a decimal number such as 6.5",
    iri("xsd:float"): "write it as a decimal number such as 6.5",
    iri("xsd:anyURI"): "write the IRI in angle brackets",
    iri("xsd:dateTimeStamp"): "write it with xsd:dateTime",
    iri("xsd:gMonth"): "write a month of a year with xsd:gYearMonth, or the words with parley:timeWording",
    iri("xsd:gDay"): "write a day of a month with xsd:gMonthDay, or the words with parley:timeWording",
}
_MOST: Final = 64  # characters of a number or a time
_DIGITS: Final = 18  # of a decimal number on either side of its point: what the store computes with exactly
_WHOLE = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?")
_YEAR_PART, _MONTH_PART = r"(?P<year>-?(?:[1-9][0-9]{3,8}|0[0-9]{3}))", r"(?P<month>[0-9]{2})"
_DAY_PART = r"(?P<day>[0-9]{2})"
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,18}))?"
_ZONE = r"(?:Z|[+-](?P<zone>[0-9]{2}):(?P<aside>[0-9]{2}))?"
_FORMS: Final = {
    iri(f"xsd:{name}"): (re.compile(pattern + _ZONE), example)
    for name, pattern, example in (
        ("date", f"{_YEAR_PART}-{_MONTH_PART}-{_DAY_PART}", "2020-03-05"),
        ("gYearMonth", f"{_YEAR_PART}-{_MONTH_PART}", "2020-03"),
        ("gYear", _YEAR_PART, "2020"),
        ("gMonthDay", f"--{_MONTH_PART}-{_DAY_PART}", "--03-05"),
        ("time", _CLOCK, "18:00:00"),
        ("dateTime", f"{_YEAR_PART}-{_MONTH_PART}-{_DAY_PART}T{_CLOCK}", "2020-03-05T18:00:00Z"),
    )
}
_SHAPES = "POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION"
_GEOMETRY = re.compile(
    rf"(?:<[^<>\s]+>\s*)?(?:{_SHAPES})(?:\s+(?:Z|M|ZM))?\s*(?:EMPTY|\([-+0-9.eE,()\sA-Z]+\))", re.IGNORECASE
)
_LANGUAGE = re.compile(r"(?:[A-Za-z]{2,8}|[xXiI](?=-))(?:-[A-Za-z0-9]{1,8})*")
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff]"
)
_UNSEEN = re.compile("[\u00ad\u200b\u2060-\u2064\u206a-\u206f\ufeff\U000e0000-\U000e007f]")


def flaws(
    literal: Literal, datatypes: Set[NamedNode] = DATATYPES, *, verbatim: bool = False
) -> Iterator[Flaw]:
    """Yield what is wrong with a literal where only ``datatypes`` are due.

    ``verbatim`` text is a quote or a source: it stays as it was published, whatever its characters.
    """
    if literal.datatype not in DATATYPES and literal.datatype not in _NARROWER:
        remedy = _INSTEAD.get(literal.datatype, "")
        yield Flaw(
            "unknown-datatype", f"the datatype {short(literal.datatype)} is not one the ontology uses", remedy
        )
        return
    if why := _impossible(literal):
        yield Flaw("impossible-value", f"{_shown(literal)} is impossible: {why}", _corrected(literal))
        return
    kept = literal if literal.datatype in TEXT else _kept(literal)
    if kept.datatype not in datatypes:
        yield Flaw("wrong-kind-of-value", f"{_shown(literal)} is {_kind(kept)}", _as_one_of(kept, datatypes))
    elif kept != literal:
        yield Flaw("not-canonical", f"{_shown(literal)} is kept as {_shown(kept)}", f"write {_shown(kept)}")
    if literal.language and not _LANGUAGE.fullmatch(literal.language):
        yield Flaw("malformed-language", f"'{literal.language}' is no language tag")
    if literal.datatype in TEXT and not verbatim:
        yield from _odd_characters(literal.value)


def _odd_characters(text: str) -> Iterator[Flaw]:
    if found := _CONTROLS.search(text):
        yield Flaw(
            "control-character", f"the text contains {_character(found[0])}, which acts without being seen"
        )
    if found := _UNSEEN.search(text):
        yield Flaw("invisible-character", f"the text contains {_character(found[0])}, which nobody sees")
    if not unicodedata.is_normalized("NFC", text):
        yield Flaw("not-normalised", "the text is not in Unicode Normalization Form C")


def _character(character: str) -> str:
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"


def _kept(literal: Literal) -> Literal:
    kept = canonical(Triple(_STRING, _STRING, literal)).object
    assert isinstance(kept, Literal)  # noqa: S101 - a store keeps a literal as a literal
    return kept


def _impossible(literal: Literal) -> str:
    """Return why a literal has no value, nothing where it has one."""
    text, datatype = literal.value, literal.datatype
    if datatype in TEXT:
        return ""
    if datatype == _WKT:
        return "" if _GEOMETRY.fullmatch(text) else "it is no geometry such as POINT(36.6 35.9)"
    if len(text) > _MOST:
        return f"no {short(datatype)} has {len(text)} characters"
    if datatype in _FORMS:
        return _no_time(text, datatype)
    if datatype == _BOOLEAN:
        return "" if text in {"true", "false", "1", "0"} else "it is neither true nor false"
    return _no_number(text, datatype)


def _no_number(text: str, datatype: NamedNode) -> str:
    if datatype == _DECIMAL:
        found = _FRACTION.fullmatch(text)
        if not found:
            return "it is no number"
        return (
            ""
            if max(map(len, found.groups(""))) <= _DIGITS
            else "it has more digits than can be computed with"
        )
    if not _WHOLE.fullmatch(text):
        return "it is no whole number"
    least, most = _NARROWER.get(datatype, (-_LONG, _LONG - 1))
    return "" if least <= int(text) <= most else f"it is not between {least} and {most}"


def _no_time(text: str, datatype: NamedNode) -> str:
    form, example = _FORMS[datatype]
    found = form.fullmatch(text)
    if not found:
        return f"it is not of the form {example}"
    part = {name: int(value) for name, value in found.groupdict().items() if value}
    return _no_day(part) or _no_clock(part)


def _no_day(part: dict[str, int]) -> str:
    month, day = part.get("month", 1), part.get("day", 1)
    if not 1 <= month <= 12:  # noqa: PLR2004 - the calendar's own numbers, here and below
        return f"there is no month {month}"
    if not 1 <= day <= calendar.monthrange(part.get("year", 2000), month)[1]:
        return f"there is no {day} {calendar.month_name[month]} {part.get('year', '')}".rstrip()
    return ""


def _no_clock(part: dict[str, int]) -> str:
    hour, minute, second = (part.get(name, 0) for name in ("hour", "minute", "second"))
    if hour > 24 or (hour == 24 and (minute or second or part.get("fraction"))):  # noqa: PLR2004
        return f"there is no hour {hour}"
    if max(minute, second, part.get("aside", 0)) > 59:  # noqa: PLR2004
        return "minutes and seconds go from 00 to 59"
    if part.get("zone", 0) * 60 + part.get("aside", 0) > 14 * 60:
        return "no time zone is further than 14 hours"
    return ""


def _corrected(literal: Literal) -> str:
    """Return what to write for what was nearly a value, as far as that is plain."""
    plain = Literal(literal.value[: _MOST + 1].strip().lower(), datatype=literal.datatype)
    return f"write {_shown(_kept(plain))}" if plain != literal and not _impossible(plain) else ""


def _kind(literal: Literal) -> str:
    return {_STRING: "text", _LANGUAGE_STRING: "text in a language"}.get(
        literal.datatype, short(literal.datatype)
    )


def _as_one_of(literal: Literal, datatypes: Set[NamedNode]) -> str:
    """Return what to write where one of ``datatypes`` is due: the same value, or an example."""
    due = [*(d for d in _DUE if d in datatypes)]
    for datatype in due:
        other = Literal(literal.value.strip(), datatype=datatype)
        if not _impossible(other):
            return f"write {_shown(other if datatype == _STRING else _kept(other))}"
    examples = [f"{_DUE[datatype]}" for datatype in due]
    return f"write {' or '.join(examples[:2])}" if examples else ""


_DUE: Final[dict[NamedNode, str]] = {
    _INTEGER: "a whole number such as 56",
    _DECIMAL: "a number such as 6.5",
    _BOOLEAN: "true or false",
    **{
        datatype: f'a time such as "{example}"^^{short(datatype)}'
        for datatype, (_, example) in _FORMS.items()
    },
    _STRING: 'text such as "Q858"',
    _LANGUAGE_STRING: 'text with its language such as "truce"@en',
    _WKT: 'a geometry such as "POINT(36.6 35.9)"^^geo:wktLiteral',
}


def _shown(literal: Literal) -> str:
    """Return a literal as Turtle writes it, cut where it is long."""
    text = literal.value if len(literal.value) <= _MOST else literal.value[: _MOST - 1] + "…"
    if literal.datatype in {_INTEGER, _DECIMAL, _BOOLEAN}:
        plain = _FRACTION.fullmatch(text) if literal.datatype != _BOOLEAN else text in {"true", "false"}
        if plain and ("." in text) == (literal.datatype == _DECIMAL):
            return text
    if literal.language:
        return f'"{text}"@{literal.language}'
    return f'"{text}"' + ("" if literal.datatype == _STRING else f"^^{short(literal.datatype)}")
