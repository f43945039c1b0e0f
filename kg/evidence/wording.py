"""What the words of a quote say: its figures with their bounds, its days and hours, its negations.

Digits are read in any script; words are read in English, the language of the sources so far. A figure that can be
read in two ways (1.000) is read in both: what is here only tells whether a number can be found in a quote.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple


class Figure(NamedTuple):
    """A number that a text gives, how exact it is, and the words in which it stands.

    ``bound`` is ``above``, ``below``, ``least``, ``most``, ``about``, or nothing where the number is exact.
    """

    value: Decimal
    bound: str
    words: str


class Negation(NamedTuple):
    """A word that denies, and where it starts."""

    start: int
    word: str


def _numbered(words: str, first: int = 0, step: int = 1) -> dict[str, int]:
    return {word: first + step * number for number, word in enumerate(words.split())}


_SMALL: Final = _numbered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
) | _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
_GREAT: Final = {"dozen": 12, "hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9}
_ALONE: Final = {
    **_numbered("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", 1),
    **dict.fromkeys(("no", "none", "nobody", "nothing", "neither", "midnight"), 0),
    **dict.fromkeys(("a", "an", "single", "once"), 1),
    **dict.fromkeys(("both", "pair", "couple", "twice"), 2),
    **dict.fromkeys(("noon", "midday"), 12),
}
_MANY: Final = {
    "dozens": (12, 24),
    "hundreds": (100, 200),
    "thousands": (1_000, 2_000),
    "millions": (10**6, 2 * 10**6),
}
_WORD: Final = "|".join([*_SMALL, *_GREAT])
_SPELLED: Final = re.compile(rf"(?<!\d\s)\b(?:{_WORD})(?:(?:\s+and\s+|\s+|-)(?:{_WORD}))*\b", re.IGNORECASE)
_NUMERAL: Final = re.compile(r"(?<![\w.])\d(?:[\d.,'’ \u00a0\u202f]*\d)?")
_GROUPED: Final = re.compile(r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+")
_GREAT_AFTER: Final = re.compile(rf"\s*({'|'.join(_GREAT)})\b", re.IGNORECASE)
_LONGEST: Final = 30  # characters of a figure; beyond that it counts nothing that is told
_BEFORE: Final = [
    (bound, re.compile(rf"\b(?:{words})\s*(?:\ban?\s+)?$", re.IGNORECASE))
    for bound, words in (
        (
            "most",
            r"no more than|not more than|at most|up to|as many as|maximum of|between\s+\S+(?:\s\w+)?\s+and",
        ),
        ("most", r"\d+\s*(?:to|-|–|—)"),
        ("least", r"no (?:fewer|less) than|not (?:fewer|less) than|at least|minimum of|between"),
        ("above", r"more than|over|above|upwards? of|in excess of|exceed(?:s|ed|ing)?|greater than"),
        ("below", r"fewer than|less than|under|below"),
        ("about", r"about|around|some|approximately|roughly|nearly|almost|close to|estimated|circa|ca\."),
    )
]
_AFTER: Final = [
    ("least", re.compile(r"\s*(?:\+|or more\b|and more\b|(?:to|-|–|—)\s*\d+)", re.IGNORECASE)),
    ("most", re.compile(r"\s*(?:or (?:fewer|less)\b)", re.IGNORECASE)),
]
_NEAR: Final = 30
_MONTHS: Final = re.compile(
    rf"\b({'|'.join(calendar.month_name[1:])}|{'|'.join(calendar.month_abbr[1:])}|Sept)\b\.?"
)
_AFTERNOON: Final = re.compile(r"(\d{1,2})(?:[:.]\d\d)?\s*p\.?m\b", re.IGNORECASE)
_NO_NEGATION: Final = (
    r"not (?:only|just|merely|simply|least)\b|no doubt\b|(?:no|not) (?:less|fewer|more|later|earlier) than\b"
    r"|nothing but\b|none other\b|No\.?\s*\d"
)
_NEGATION: Final = re.compile(
    rf"\b(?:{_NO_NEGATION}|(?P<word>(?:not|no|never|without|none|nobody|nothing|neither|nor|cannot|unable"
    r"|den(?:y|ies|ied|ying|ial)|refus(?:e|es|ed|ing|al)|reject(?:s|ed|ing|ion)?|fail(?:s|ed|ing|ure)?(?=\s+to\b))\b"
    r"|\w+n['’]t\b))",
    re.IGNORECASE,
)


def figures(text: str, *, spelled: bool = True) -> list[Figure]:
    """Return the figures of a text, those in words too if ``spelled``.

    >>> [(int(f.value), f.bound) for f in figures("more than 30 of 1,000, fifty-six or more of two million")][:2]
    [(30, 'above'), (1000, '')]
    """
    found = list(_numerals(text))
    if spelled:
        found += _spelled(text)
    return found


def _numerals(text: str) -> Iterator[Figure]:
    for chunk in _NUMERAL.finditer(text):
        if len(chunk[0]) > _LONGEST:
            continue
        great = _GREAT_AFTER.match(text, chunk.end())
        by = _GREAT[great[1].lower()] if great else 1
        end = great.end() if great else chunk.end()
        for value in dict.fromkeys(_readings(chunk[0])):
            yield _figure(text, chunk.start(), end, value * by)


def _readings(chunk: str) -> Iterator[Decimal]:
    """Yield the numbers that digits with separators may mean."""
    parts = re.findall(r"\d+", chunk)
    if _GROUPED.fullmatch(chunk):
        yield Decimal("".join(parts))
    if len(parts) == 2 and "".join(parts) + "." in {chunk.replace(mark, "") + "." for mark in ".,"}:  # noqa: PLR2004
        yield Decimal(".".join(parts))
    if not _GROUPED.fullmatch(chunk):
        yield from map(Decimal, parts)


def _spelled(text: str) -> Iterator[Figure]:
    for run in _SPELLED.finditer(text):
        total = current = 0
        for word in re.findall("[a-z]+", run[0].lower()):
            great = _GREAT.get(word, 0)
            current = current + _SMALL.get(word, 0) if not great else max(current, 1) * great
            if great >= 1_000:  # noqa: PLR2004
                total, current = total + current, 0
        yield _figure(text, run.start(), run.end(), Decimal(total + current))
    for found in re.finditer(r"[^\W\d_]+", text):
        word = found[0].lower()
        if word in _ALONE:
            yield Figure(Decimal(_ALONE[word]), "", found[0])
        for value in _MANY.get(word, ()):
            yield Figure(Decimal(value), "least", found[0])


def _figure(text: str, start: int, end: int, value: Decimal) -> Figure:
    before = text[max(0, start - _NEAR) : start]
    for bound, words in _BEFORE:
        if found := words.search(before):
            return Figure(value, bound, f"{found[0]}{text[start:end]}".strip())
    for bound, words in _AFTER:
        if found := words.match(text, end):
            return Figure(value, bound, text[start : found.end()])
    return Figure(value, "", text[start:end])


def months(text: str) -> set[int]:
    """Return the months that a text names.

    >>> months("from 15 March to Sept. 2020")
    {9, 3}
    """
    return {list(calendar.month_abbr).index(found[1][:3]) for found in _MONTHS.finditer(text)}


def hours(text: str) -> set[int]:
    """Return the hours of the afternoon that a text tells on a clock of twelve.

    >>> hours("at 6 pm")
    {18}
    """
    return {int(found[1]) % 12 + 12 for found in _AFTERNOON.finditer(text)}


def negations(text: str) -> list[Negation]:
    """Return the words by which a text denies something, in their order.

    >>> negations("not only did they not know, they didn't ask")
    [Negation(start=18, word='not'), Negation(start=33, word="didn't")]
    """
    return [Negation(found.start(), found["word"]) for found in _NEGATION.finditer(text) if found["word"]]
