"""How much of a source became claims: each sentence with its claims, and what was left out on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.errors import Refused, UnreadableInput
from kg.evidence.claims import Claim

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[\"“‘(]*[A-ZÀ-ÞА-ЯĞİŞ])|\n+")


@dataclass(frozen=True, slots=True)
class Omission:
    """Words of a source that deliberately became no claim, and why."""

    quote: str
    start: int
    reason: str

    @property
    def end(self) -> int:
        """The position just after the words, in code points."""
        return self.start + len(self.quote)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of one sentence: its claims, its omissions, and the share of its characters in quotes."""

    sentence: str
    start: int
    claims: tuple[Claim, ...]
    omissions: tuple[Omission, ...]
    share: float


def read_omissions(path: Path, words: str) -> tuple[Omission, ...]:
    """Read the list of words that became no claim, a YAML list of ``quote`` and ``reason``, in its order.

    Raises ``Refused`` for a quote that is not in ``words`` and ``UnreadableInput`` for another form of file.
    """
    import yaml

    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        pairs = [(str(entry["quote"]), str(entry["reason"])) for entry in entries]
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise UnreadableInput(
            "not a YAML list of entries with 'quote' and 'reason'", where=str(path), remedy="see the seeds"
        ) from error
    for quote, _ in pairs:
        if quote not in words:
            raise Refused(f"{quote[:60]!r} is not in the source", where=str(path), remedy="quote exactly")
    return tuple(Omission(quote, words.index(quote), reason) for quote, reason in pairs)


def _sentences(words: str) -> Iterator[tuple[int, str]]:
    r"""Yield the sentences of a text with their start, in order; a line break always ends one.

    It serves the report on coverage, nothing that must hold rests on it.

    >>> list(_sentences("One. Two “three.” Four\n\nFive"))
    [(0, 'One.'), (5, 'Two “three.”'), (18, 'Four'), (24, 'Five')]
    """
    start = 0
    for boundary in [*_SENTENCE_END.finditer(words), None]:
        stop = boundary.start() + len(boundary.group().rstrip()) if boundary else len(words)
        if words[start:stop].strip():
            yield start, words[start:stop]
        start = boundary.end() if boundary else stop


def coverage(words: str, claims: Sequence[Claim], omissions: Sequence[Omission]) -> list[Coverage]:
    """Say of each sentence which claims and omissions quote from it and which share of it claims quote.

    In the order of the text; claims in the order of their quotes. The share counts characters other than
    white space, from 0 to 1; a quote over several sentences counts in each.
    """
    quoted = bytearray(len(words))
    for claim in claims:
        quoted[claim.start : claim.end] = b"\x01" * (claim.end - claim.start)
    report = []
    for start, sentence in _sentences(words):
        end = start + len(sentence)
        counted = [quoted[start + index] for index, char in enumerate(sentence) if not char.isspace()]
        report.append(
            Coverage(
                sentence,
                start,
                tuple(sorted((c for c in claims if c.start < end and c.end > start), key=_position)),
                tuple(o for o in omissions if o.start < end and o.end > start),
                sum(counted) / len(counted),
            )
        )
    return report


def _position(claim: Claim) -> tuple[int, int, int, str]:
    return claim.start, claim.end, len(claim.iri.value), claim.iri.value
