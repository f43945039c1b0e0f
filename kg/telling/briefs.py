"""Briefings as people and programs read them: in sentences, each with its quote; also as a page for paper or phone."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from pyoxigraph import NamedNode

from kg.asking.labels import MONTHS, reading, sentence
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.proofs.phrasing import rule_sentence
from kg.proofs.proofs import Proof
from kg.syntax.visible import one_line
from kg.telling.disputing import cited, marked_down
from kg.telling.parts import claim_json, document, labels_json, proof_json
from kg.views.briefings import Briefing, Item

_LONGEST: Final = 5000
_MOST_SHOWN: Final = 20  # things that follow: a briefing is short
_MOST_QUOTES: Final = 6  # under one sentence that follows
_DEEPEST: Final = 40  # rules one upon the other that are shown on the page
_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


def briefing_written(briefing: Briefing, form: str) -> str:
    """Return a briefing as ``text``, ``markdown``, ``json`` or ``html``; it ends in a line break.

    Of what follows people get the first twenty, programs all that the briefing holds. The page loads nothing and runs
    nothing. docs/schema/briefing.schema.json describes the JSON. Raises ``UnknownName`` for another form.
    """
    if form not in _WRITERS:
        raise UnknownName("form of a briefing", form, _WRITERS, remedy=f"use one of {', '.join(_WRITERS)}")
    whole = briefing.cut or len(briefing.follows)
    if form != "json" and whole > _MOST_SHOWN:
        briefing = replace(briefing, follows=briefing.follows[:_MOST_SHOWN], cut=whole)
    return _WRITERS[form](briefing)


def _summary(one: Briefing) -> str:
    """Return the sentence that says how much there is."""
    if not (one.came or one.told or one.withdrawn or one.follows or one.fell):
        return "Nothing came, and nothing was withdrawn."
    claims = (
        [f"{_count(len(one.came), 'claim')} came that sources make in their own voice"] if one.came else []
    )
    claims += [f"{_count(len(one.told), 'claim')} came of speakers whom they quote"] if one.told else []
    claims += (
        [f"{_count(len(one.withdrawn), 'claim')} {_were(one.withdrawn)} withdrawn"] if one.withdrawn else []
    )
    follow, fall = one.cut or len(one.follows), one.cut_fell or len(one.fell)
    claims += [f"{_count(follow, 'further fact')} {'follows' if follow == 1 else 'follow'}"] if follow else []
    claims += [f"{_count(fall, 'derived fact')} no longer {'holds' if fall == 1 else 'hold'}"] if fall else []
    return f"{_listed(claims)}."


def _were(items: tuple[Item, ...]) -> str:
    return "was" if len(items) == 1 else "were"


def _listed(parts: list[str]) -> str:
    whole = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return whole[:1].upper() + whole[1:]


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _day(moment: datetime) -> str:
    """Return a moment as it is read, in UTC; midnight is the day alone."""
    utc = moment.astimezone(UTC)
    day = f"{utc.day} {MONTHS[utc.month - 1]} {utc.year}"
    return day if (utc.hour, utc.minute, utc.second) == (0, 0, 0) else f"{day}, {utc:%H:%M} UTC"


def _written_day(written: str) -> str:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return written
    return _day(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _period(one: Briefing) -> str:
    return f"From {_day(one.since)} to {_day(one.until)}"


def _ending(item: Item) -> str:
    """Return when a claim was withdrawn, and why."""
    when = f"Withdrawn on {_written_day(item.claim.withdrawn)}"
    return f"{when}: {item.reason.rstrip('.')}." if item.reason else f"{when}; no reason is on record."


def _grouped(items: Iterable[Item]) -> Iterator[tuple[NamedNode, list[Item]]]:
    for source, group in groupby(items, key=lambda item: item.claim.source):
        yield source, list(group)


def _source(source: NamedNode, one: Briefing) -> str:
    name = reading(source, one.labels)
    return name[:1].upper() + name[1:]


def _basis(proof: Proof) -> tuple[list[Claim], int]:
    """Return the claims that a proof ends in, one for each leaf and each once, and how many more there are."""
    found = list(dict.fromkeys(leaf.claims[0] for leaf in proof.leaves() if leaf.claims))
    return found[:_MOST_QUOTES], max(0, len(found) - _MOST_QUOTES)


def _headings(one: Briefing) -> Iterator[tuple[str, tuple[Item, ...]]]:
    for name, items in (
        ("What sources report", one.came),
        ("What speakers say", one.told),
        ("What was withdrawn", one.withdrawn),
    ):
        if items:
            yield name, items


def _more(shown: int, whole: int) -> list[str]:
    return [f"These are the first {shown:,} of {whole:,}; the JSON form has more."] if whole else []


def _text(one: Briefing) -> str:
    return "".join(f"{line}\n" for line in _lines(one))


def _lines(one: Briefing) -> Iterator[str]:
    yield from (f"{_period(one)}:", _summary(one))
    for heading, items in _headings(one):
        yield from ("", heading)
        for item in items:
            yield from ("", f"  {one_line(' '.join(item.sentences), _LONGEST)}")
            yield f"    “{one_line(item.claim.quote, _LONGEST)}” [{cited(item.claim, one.labels)}]"
            if item.claim.withdrawn:
                yield f"    {one_line(_ending(item), _LONGEST)}"
    if one.follows:
        yield from ("", "What follows now", *(f"  {line}" for line in _more(len(one.follows), one.cut)))
    for proof in one.follows:
        yield from ("", f"  {one_line(sentence(proof.triple, one.labels), _LONGEST)}")
        claims, more = _basis(proof)
        for claim in claims:
            yield f"    “{one_line(claim.quote, _LONGEST)}” [{cited(claim, one.labels)}]"
        if more:
            yield f"    and {more} more"
    if one.fell:
        yield from (
            "",
            "What no longer follows",
            *(f"  {line}" for line in _more(len(one.fell), one.cut_fell)),
        )
        yield from ("", *(f"  {one_line(told, _LONGEST)}" for told in one.fell))


def _markdown(one: Briefing) -> str:
    return "".join(f"{line}\n" for line in _marked(one))


def _marked(one: Briefing) -> Iterator[str]:
    yield from ("# Briefing", "", f"{_period(one)}. {_summary(one)}")
    for heading, items in _headings(one):
        yield from ("", f"## {heading}")
        for source, group in _grouped(items):
            yield from ("", f"### {marked_down(_source(source, one))}")
            for item in group:
                yield from ("", marked_down(" ".join(item.sentences)), "", *_quoted(item.claim, one))
                if item.claim.withdrawn:
                    yield from ("", marked_down(_ending(item)))
    if one.follows:
        yield from ("", "## What follows now", *(f"\n{line}" for line in _more(len(one.follows), one.cut)))
    for proof in one.follows:
        yield from ("", f"**{marked_down(sentence(proof.triple, one.labels))}**")
        claims, more = _basis(proof)
        for claim in claims:
            yield from ("", *_quoted(claim, one))
        if more:
            yield from ("", f"And {more} more.")
    if one.fell:
        yield from (
            "",
            "## What no longer follows",
            *(f"\n{line}" for line in _more(len(one.fell), one.cut_fell)),
        )
        yield from ("", *(f"- {marked_down(told)}" for told in one.fell))


def _quoted(claim: Claim, one: Briefing) -> Iterator[str]:
    yield f"> “{marked_down(claim.quote)}”  "
    yield f"> — {marked_down(cited(claim, one.labels))}"


def _json(one: Briefing) -> str:
    def items(of: Iterable[Item]) -> list[dict[str, Any]]:
        return [
            {"claim": claim_json(item.claim), "sentences": list(item.sentences), "reason": item.reason}
            for item in of
        ]

    return document(
        "briefing",
        {
            "since": one.since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "until": one.until.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "summary": _summary(one),
            "came": items(one.came),
            "told": items(one.told),
            "withdrawn": items(one.withdrawn),
            "follows": [proof_json(proof, one.labels) for proof in one.follows],
            "follow": one.cut or len(one.follows),
            "fell": list(one.fell),
            "fall": one.cut_fell or len(one.fell),
            "sources": [source.value for source in one.sources],
            "labels": labels_json(one.labels),
        },
    )


def _html(one: Briefing) -> str:
    title = f"Briefing: {_period(one)[:1].lower()}{_period(one)[1:]}"
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
    return f"{head}{''.join(f'{line}{chr(10)}' for line in _body(one))}</main>\n</body>\n</html>\n"


def _body(one: Briefing) -> Iterator[str]:
    yield f'<header>\n<h1>Briefing</h1>\n<p class="period">{_safe(_period(one))}</p>'
    yield f'<p class="lead">{_safe(_summary(one))}</p>\n</header>'
    for number, (heading, items) in enumerate(_headings(one)):
        yield f'<section aria-labelledby="part-{number}">\n<h2 id="part-{number}">{heading}</h2>'
        for source, group in _grouped(items):
            yield f"<h3>{_safe(_source(source, one))}</h3>"
            for item in group:
                yield f"<article>\n<p>{_safe(' '.join(item.sentences))}</p>\n{_block(item.claim, one)}"
                yield (
                    f'<p class="note">{_safe(_ending(item))}</p>\n' if item.claim.withdrawn else ""
                ) + "</article>"
        yield "</section>"
    if one.follows:
        yield '<section aria-labelledby="follows">\n<h2 id="follows">What follows now</h2>'
        yield from (f'<p class="note">{line}</p>' for line in _more(len(one.follows), one.cut))
        for proof in one.follows:
            yield from _derived(proof, one)
        yield "</section>"
    if one.fell:
        yield '<section aria-labelledby="fell">\n<h2 id="fell">What no longer follows</h2>'
        yield from (f'<p class="note">{line}</p>' for line in _more(len(one.fell), one.cut_fell))
        yield from ("<ul>", *(f"<li>{_safe(told)}</li>" for told in one.fell), "</ul>\n</section>")


def _derived(proof: Proof, one: Briefing) -> Iterator[str]:
    yield f"<article>\n<p>{_safe(sentence(proof.triple, one.labels))}</p>"
    claims, more = _basis(proof)
    yield from (_block(claim, one) for claim in claims)
    if more:
        yield f'<p class="note">And {more} more.</p>'
    yield "<details>\n<summary>How it follows</summary>\n<ul>"
    yield from _steps(proof, one)
    yield "</ul>\n</details>\n</article>"


def _steps(proof: Proof, one: Briefing, depth: int = 0) -> Iterator[str]:
    """Yield a proof as items of a list, what it rests on inside."""
    said = _safe(sentence(proof.triple, one.labels))
    if proof.rule is None:
        names = [claim.name for claim in proof.claims]
        basis = f"claim {names[0]}" if names else "reference data" if proof.reference else "the ontology"
        yield f"<li>{said} <small>{_safe(basis)}</small></li>"
        return
    yield f"<li>{said} <small>{_safe(rule_sentence(proof.rule, one.labels))}</small>"
    if depth < _DEEPEST:
        yield "<ul>"
        for premise in proof.premises:
            yield from _steps(premise, one, depth + 1)
        yield "</ul>"
    yield "</li>"


def _block(claim: Claim, one: Briefing) -> str:
    """Return a quote with where it is from; the quote is in the source's language and direction."""
    tag = one.languages.get(claim.source, "")
    language = f' lang="{tag}"' if _TAG.fullmatch(tag) else ' lang=""'
    words = f'<p{language} dir="auto">“{_safe(claim.quote)}”</p>'
    return f"<blockquote>\n{words}\n<footer>{_safe(cited(claim, one.labels))}</footer>\n</blockquote>"


def _safe(words: str) -> str:
    """Return words for a page: every character visible, none of them markup."""
    return html.escape(one_line(words, _LONGEST))


_STYLE: Final = """\
:root { color-scheme: light dark; --paper: #fdfcf9; --ink: #1d1b18; --soft: #5c564d; --line: #d9d3c7; --mark: #8a3b12; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171613; --ink: #e9e5dc; --soft: #aaa396; --line: #3b3832; --mark: #e0996a; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif; }
main { max-width: 42rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.2; text-wrap: balance; }
h1 { font-size: 2rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1.375rem; margin: 2.75rem 0 0.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 0; color: var(--soft); font-weight: 600; }
p { margin: 0 0 0.5rem; }
.period { color: var(--soft); margin: 0.25rem 0 1.25rem; }
.lead { font-size: 1.1875rem; }
article { margin: 1.25rem 0; }
article > p:first-child { break-after: avoid; }
blockquote { margin: 0.5rem 0; padding: 0.125rem 0 0.125rem 0.875rem; border-inline-start: 3px solid var(--mark);
  break-inside: avoid; }
blockquote p { margin: 0; font-style: italic; }
blockquote footer, .note, small { font-size: 0.875rem; color: var(--soft); }
details { margin: 0.5rem 0 0; }
summary { cursor: pointer; color: var(--mark); font-size: 0.875rem; }
summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; }
ul { margin: 0.5rem 0; padding-inline-start: 1.125rem; }
li { margin: 0.25rem 0; }
li small { display: block; }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #999; --mark: #555; color-scheme: light; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
}
"""

_WRITERS: Final[dict[str, Callable[[Briefing], str]]] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "html": _html,
}
