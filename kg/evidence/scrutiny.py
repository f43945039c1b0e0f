"""What deserves a second look in a claim: figures that its quote does not give, negations that it does not take up.

All of it is warnings: words can say a thing in ways that no list of words foresees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Quad

from kg.evidence.claims import Claim, read_claims
from kg.evidence.wording import Figure, figures, hours, months, negations
from kg.findings import Check, Finding, Severity, Witness
from kg.storage.store import Engine
from kg.terms import CLAIMS, iri, short

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "figure-not-in-quote": Check(
        "A figure or a time in a claim is not in its quote, or the quote gives it as a bound and the claim as exact.",
        "No fact without its sentence; a figure is what a reader looks up first.",
        "quote the words that give it, or write the figure that they give",
        Severity.WARNING,
    ),
    "negation-in-quote": Check(
        "The quote of a claim denies something, and nothing in the claim takes that up.",
        "A claim that drops a 'not' says the opposite of its sentence.",
        "check the sentence; say what it denies, or quote only the words that the claim rests on",
        Severity.WARNING,
    ),
}
"""The checks of what claims say against their words, by their codes."""

_EXACT, _LEAST, _MOST = map(iri, ("parley:exactCount", "parley:leastCount", "parley:mostCount"))
_QUOTE, _SOURCE = iri("oa:exact"), iri("prov:hadPrimarySource")
_DENIES = iri("parley:denies")
_NAMES: Final = frozenset({iri("rdfs:label"), iri("skos:altLabel")})
_NUMBERS: Final = frozenset({iri("xsd:integer"), iri("xsd:decimal")})
_FALSE: Final = Literal("false", datatype=iri("xsd:boolean"))
_PARTS: Final = {
    iri(f"xsd:{kind}"): parts.split()
    for kind, parts in {
        "date": "year month day",
        "gYearMonth": "year month",
        "gYear": "year",
        "gMonthDay": "month day",
        "time": "hour minute",
        "dateTime": "year month day hour minute",
    }.items()
}
_LONGEST: Final = 20_000  # characters; a longer quote is no sentence, and reading its figures would take long
_NEAR: Final = 64
_Contents: TypeAlias = "Mapping[object, Sequence[Statement]]"


def second_looks(claims: Sequence[Claim], statements: Iterable[Statement], base: Engine) -> Iterator[Finding]:
    """Yield what deserves a second look in the claims of a proposal.

    Cost: one pass over the statements; a look-up for each claim of a source whose quotes deny something.
    """
    contents: dict[object, list[Statement]] = {}
    for statement in statements:
        contents.setdefault(statement.quad.graph_name, []).append(statement)
    for claim in claims:
        if len(claim.quote) <= _LONGEST:
            yield from _figure_flaws(claim, contents.get(claim.iri, ()))
    yield from _negation_flaws(claims, contents, base)


# Figures.


@dataclass(frozen=True, slots=True)
class _Words:
    """What the words of a quote give: figures, months, hours of the afternoon."""

    figures: Sequence[Figure]
    months: set[int]
    hours: set[int]

    def gives(self, value: Decimal | int, *bounds: str) -> bool:
        """Tell whether the quote gives a number, with one of the bounds if any are named."""
        return any(one.value == value and (not bounds or one.bound in bounds) for one in self.figures)


def _figure_flaws(claim: Claim, content: Iterable[Statement]) -> Iterator[Finding]:
    words = _Words(figures(claim.quote), months(claim.quote), hours(claim.quote))
    for statement in content:
        _, predicate, value, _ = statement.quad
        if not isinstance(value, Literal) or predicate in _NAMES or len(value.value) > _LONGEST:
            continue
        flaw = ""
        if value.datatype in _NUMBERS:
            flaw = _number_flaw(predicate, value.value, words)
        elif value.datatype in _PARTS:
            flaw = _time_flaw(value, words)
        elif value.datatype not in {_FALSE.datatype}:
            lost = [one.words for one in figures(value.value, spelled=False) if not words.gives(one.value)]
            flaw = f"{', '.join(dict.fromkeys(lost))} is nowhere in the quote" if lost else ""
        if flaw:
            yield _finding("figure-not-in-quote", statement, f"{short(predicate)}: {flaw}", claim)


def _number_flaw(predicate: NamedNode, text: str, words: _Words) -> str:
    """Return why a number is not what a quote gives, nothing where it is."""
    try:
        number = abs(Decimal(text))
    except InvalidOperation:
        return ""
    fits = {
        _EXACT: words.gives(number, ""),
        _LEAST: words.gives(number, "", "least", "about") or words.gives(number - 1, "above"),
        _MOST: words.gives(number, "", "most", "about") or words.gives(number + 1, "below"),
    }.get(predicate, words.gives(number))
    if fits:
        return ""
    said = [one for one in words.figures if one.value == number]
    return (
        f"the quote says '{said[0].words}', not {text}{_rather(said[0])}"
        if said
        else f"{text} is nowhere in the quote"
    )


def _rather(figure: Figure) -> str:
    """Say which property and number a bound is written with."""
    number = f"{figure.value:f}"
    return {
        "above": f": that is parley:leastCount {figure.value + 1:f}",
        "below": f": that is parley:mostCount {figure.value - 1:f}",
        "least": f": that is parley:leastCount {number}",
        "most": f": that is parley:mostCount {number}",
        "about": ": that is no exact number",
    }.get(figure.bound, "")


def _time_flaw(value: Literal, words: _Words) -> str:
    """Say which parts of a day or a time of day a quote does not give."""
    lost = []
    for part, digits in zip(_PARTS[value.datatype], re.findall("[0-9]+", value.value[:_NEAR]), strict=False):
        number = int(digits)
        given = words.gives(number) or (part == "minute" and number == 0)
        if part == "month":
            given = given or number in words.months
        elif part == "hour":
            given = given or number in words.hours or (number == 0 and words.gives(24))
        if not given:
            lost.append(f"the {part} {number}")
    return (
        f'{" and ".join(lost)} of "{value.value}" {"is" if len(lost) == 1 else "are"} nowhere in the quote'
        if lost
        else ""
    )


# Negations.


def _negation_flaws(claims: Sequence[Claim], contents: _Contents, base: Engine) -> Iterator[Finding]:
    """Find negations that no claim takes up, neither the one whose quote has it nor another on the same words."""
    denied = {
        claim.iri: {claim.start + found.start: found.word for found in negations(claim.quote)}
        for claim in claims
        if len(claim.quote) <= _LONGEST
    }
    taken: dict[NamedNode, set[int]] = {}
    before = cache(partial(_taken_up_before, base=base))
    for claim in claims:
        if _takes_up(one.quad for one in contents.get(claim.iri, ())):
            taken.setdefault(claim.source, set()).update(denied.get(claim.iri, ()))
    for claim in claims:
        left = denied.get(claim.iri, {}).keys() - taken.get(claim.source, set())
        if left and (left := left - before(claim.source)):
            at = [one for one in contents.get(CLAIMS, ()) if one.quad.subject == claim.iri]
            place = next((one for one in at if one.quad.predicate == _QUOTE), at[0])
            word = denied[claim.iri][min(left)]
            message = f"the quote of {short(claim.iri)} says '{word}', and nothing in the claim takes that up"
            yield _finding("negation-in-quote", place, message, claim)


def _takes_up(quads: Iterable[Quad]) -> bool:
    """Tell whether something is denied, is said to be false or none, or is said in words that deny."""
    return any(
        quad.predicate == _DENIES or (isinstance(quad.object, Literal) and _is_negative(quad.object))
        for quad in quads
    )


def _is_negative(value: Literal) -> bool:
    worded = value.datatype not in _NUMBERS and bool(negations(value.value[:_LONGEST]))
    return value == _FALSE or value.value == "0" or worded


def _taken_up_before(source: NamedNode, base: Engine) -> set[int]:
    """Return where claims of the base on a source take a negation up."""
    known = [q.subject for q in base.quads(None, _SOURCE, source, CLAIMS) if isinstance(q.subject, NamedNode)]
    return {
        claim.start + found.start
        for claim in read_claims(base, known)
        if (there := negations(claim.quote[:_LONGEST])) and _takes_up(base.quads(graph=claim.iri))
        for found in there
    }


def _finding(code: str, at: Statement, message: str, claim: Claim, *others: Witness) -> Finding:
    check, subject = CHECKS[code], at.quad.subject
    return Finding(
        code,
        check.severity,
        message,
        check.remedy,
        at.place,
        subject if isinstance(subject, NamedNode) else None,
        str(at.quad.predicate),
        at.quad.object,
        witnesses=(Witness(claim.iri, claim.quote), *others),
    )
