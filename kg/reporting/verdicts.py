"""Verdicts as people and programs read them: plain text, JSON, SARIF, JUnit's XML, a SHACL report.

Every form lists the findings in one order, by file, line, column and severity, and the same verdict gives the same
text. Whatever a proposal holds, no form has a character that would command a terminal or hide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple

from kg.errors import UnknownName
from kg.findings import Finding, Term, Verdict, Witness
from kg.reporting.interchange import as_json, as_junit, as_sarif, summary
from kg.reporting.shacl_report import as_turtle
from kg.syntax.visible import one_line, visible
from kg.terms import BASE, short

_WIDTH: Final = 96
_BEFORE: Final = 64  # of these at most in front of the caret
_TAB: Final = 4
_IRI: Final = re.compile("<([^<>]*)>")
_LONGEST: Final = 1000
_QUOTE: Final = 300


def written(verdict: Verdict, form: str, *, files: Mapping[str, str] | None = None) -> str:
    """Return a verdict in one of ``FORMS``; it ends in a line break.

    ``files`` are the texts of the proposal's files by the names that places have: the text form then shows each
    line with a caret under the column. docs/findings/README.md describes the forms for programs.
    Raises ``UnknownName`` for another form.

    >>> print(written(Verdict(added=12, derived=5, checked=7), "text"))
    accepted: would add 12 triples (5 derived)
    <BLANKLINE>
    """
    if form not in _WRITERS:
        raise UnknownName("form of a verdict", form, FORMS, remedy=f"use one of {', '.join(FORMS)}")
    return _WRITERS[form](verdict, files or {})


def _text(verdict: Verdict, files: Mapping[str, str]) -> str:
    lines: dict[str, list[str]] = {}
    blocks: list[str] = []
    for finding in verdict.ordered:
        place = finding.place
        if place and place.line and place.file in files and place.file not in lines:
            lines[place.file] = files[place.file].split("\n")
        source = lines.get(place.file, []) if place else []
        blocks.append("\n".join(_block(finding, verdict, source)) + "\n\n")
    return f"{''.join(blocks)}{summary(verdict)}\n"


def _block(finding: Finding, verdict: Verdict, source: list[str]) -> Iterator[str]:
    """Yield the lines about a finding, the first of them as compilers write it."""
    place = f"{visible(str(finding.place))}: " if finding.place else ""
    message = one_line(finding.message, _LONGEST).removesuffix(".")
    yield f"{place}{finding.severity}: {message} [{visible(finding.code)}]"
    yield from _excerpt(finding, source)
    if finding.remedy:
        yield f"  remedy: {one_line(finding.remedy, _LONGEST).removesuffix('.')}"
    yield from _about(finding, verdict.labels)
    for witness in finding.witnesses:
        yield f"  {_said(witness, verdict)}"


def _about(finding: Finding, labels: Mapping[NamedNode, str]) -> Iterator[str]:
    """Yield the line that names the things concerned, unless the message names them all."""
    path = _IRI.sub(_shortened, finding.path)
    value = finding.value if finding.value != finding.focus else None
    things = [_names(finding.focus, labels), [path] if path else [], _names(value, labels)]
    if not all(any(name in finding.message for name in names) for names in things if names):
        told = (f"{names[0]} ({names[1]})" if len(names) > 1 else names[0] for names in things if names)
        yield f"  about: {one_line(', '.join(dict.fromkeys(told)), _LONGEST)}"


def _shortened(found: re.Match[str]) -> str:
    try:
        return short(NamedNode(found[1]))
    except ValueError:  # no IRI: then it stands as it was written
        return found[0]


def _names(term: Term | None, labels: Mapping[NamedNode, str]) -> list[str]:
    """Return what a thing is called, its label before its IRI."""
    if isinstance(term, NamedNode):
        return [*([labels[term]] if term in labels else []), short(term)]
    if isinstance(term, Literal):
        return [f"“{term.value}”"]
    return [] if term is None else [str(term) if isinstance(term, Triple) else "a node without a name"]


def _said(witness: Witness, verdict: Verdict) -> str:
    side = "proposal" if witness.claim in verdict.claims else "base"
    claim = visible(witness.claim.value.removeprefix(BASE + "claim/"))
    return f"the {side} says, claim {claim}: “{one_line(witness.quote, _QUOTE)}”"


def _excerpt(finding: Finding, source: list[str]) -> Iterator[str]:
    """Yield the line of the source where a finding stands, and the caret under its column."""
    place = finding.place
    if not place or not 0 < place.line <= len(source):
        return
    line = source[place.line - 1].removesuffix("\r")
    shown, indent = _window(line, max(place.column, 1) - 1)
    number = str(place.line)
    yield f"  {number} | {shown}".rstrip()
    if place.column:
        yield f"  {' ' * len(number)} | {' ' * indent}^"


def _window(line: str, at: int) -> tuple[str, int]:
    """Return what to show of a line around a position, at most ``_WIDTH`` cells, and the cells before the position.

    The cost does not depend on the length of the line.
    """
    at = min(at, len(line))
    start = at
    room = _BEFORE
    while start and room >= (cost := _cost(line[start - 1])):
        start, room = start - 1, room - cost
    end, room = at, room + _WIDTH - _BEFORE
    while end < len(line) and room >= (cost := _cost(line[end])):
        end, room = end + 1, room - cost
    before = ("…" if start else "") + "".join(map(_shown, line[start:at]))
    after = "".join(map(_shown, line[at:end])) + ("…" if end < len(line) else "")
    return before + after, sum(map(_cells, before))


def _shown(character: str) -> str:
    return " " * _TAB if character == "\t" else visible(character)


def _cost(character: str) -> int:
    """Return what a character takes of the width, at least one: else no number of accents would be too many."""
    return max(1, sum(map(_cells, _shown(character))))


def _cells(character: str) -> int:
    """Return the cells that a character takes on a terminal (Unicode Standard Annex 11)."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


_WRITERS: Final[Mapping[str, Callable[[Verdict, Mapping[str, str]], str]]] = {
    "text": _text,
    "json": lambda verdict, _: as_json(verdict),
    "sarif": lambda verdict, _: as_sarif(verdict),
    "junit": lambda verdict, _: as_junit(verdict),
    "turtle": lambda verdict, _: as_turtle(verdict),
}
FORMS: Final = tuple(_WRITERS)
"""The forms of a verdict, by the names that the command line has for them."""
