"""Claims and what they rest on: sources with their text, quotes at their positions, speakers.

A claim is a named graph. Beside it, in the graph ``claims``, stand its source, its speaker and its quote:

    <claim/idlib-ceasefire/1> a parley:Claim ;
        prov:hadPrimarySource source:idlib-ceasefire ;
        prov:wasAttributedTo source:idlib-ceasefire ;
        oa:exact "Russia and Turkey Agree" ; oa:start 0 ; oa:end 23 .

Positions count Unicode code points from 0, ``oa:end`` excluded (Web Annotation Data Model, 4.2.5).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kg.errors import Refused, UnreadableInput
from kg.evidence.quotes import nearest, place, places, shown
from kg.findings import Finding, Severity
from kg.storage.store import Engine
from kg.terms import BASE, CLAIMS, curie, iri, text

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

_TEXT: Final = iri("schema:text")
_SHA256: Final = iri("schema:sha256")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: where it was said, by whom, and on which words it rests.

    ``start`` and ``end`` are positions in the source's text, in code points; ``recorded`` and ``withdrawn``
    are ``xsd:dateTime`` lexical forms, empty where unknown or not withdrawn.
    """

    iri: NamedNode
    source: NamedNode
    speaker: NamedNode
    quote: str
    start: int
    end: int
    recorded: str = ""
    withdrawn: str = ""

    @property
    def name(self) -> str:
        """What people call it: the source and the number, such as ``idlib-ceasefire/20``."""
        return self.iri.value.removeprefix(BASE + "claim/")

    @property
    def accepted(self) -> bool:
        """Whether the source says it in its own voice and it was not withdrawn: only then it is in the view."""
        return self.speaker == self.source and not self.withdrawn


_PROPERTIES: Final = {
    iri("prov:hadPrimarySource"): "source",
    iri("prov:wasAttributedTo"): "speaker",
    iri("oa:exact"): "quote",
    iri("oa:start"): "start",
    iri("oa:end"): "end",
    iri("prov:generatedAtTime"): "recorded",
    iri("prov:invalidatedAtTime"): "withdrawn",
}
_TERM_OF: Final = {name: term for term, name in _PROPERTIES.items()}
_TERMS: Final = {name: curie(term) for term, name in _PROPERTIES.items()}
_CLAIM: Final = iri("parley:Claim")
_TYPE: Final = iri("rdf:type")
_PIECE: Final = 10_000  # claims that are in memory at once
_NO_POSITION: Final = (
    "the position of the quote is no whole number",
    "oa:start and oa:end count code points",
)


def read_claims(store: Engine, only: Iterable[NamedNode] | None = None) -> Iterator[Claim]:
    """Yield the claims of a base, or only those named, in no particular order.

    Raises ``Refused`` for a claim that lacks its source, speaker, quote or position, or has two of one.
    Cost: one pass over the graph ``claims``; with ``only``, one look-up each.
    """
    if only is not None:
        only = list(only)
        store.foresee(only, None, CLAIMS)
    quads = (
        store.quads(graph=CLAIMS)
        if only is None
        else chain.from_iterable(store.quads(claim, None, None, CLAIMS) for claim in only)
    )
    found: dict[NamedNode, dict[str, Any]] = {}
    for quad in quads:
        is_claim = (quad.predicate, quad.object) == (_TYPE, _CLAIM)
        name = _PROPERTIES.get(quad.predicate, "class" if is_claim else "")
        if name and isinstance(quad.subject, NamedNode):
            said = found.setdefault(quad.subject, {})
            if name in said:
                said["two of"] = name
            else:
                said[name] = quad.object
    return (_claim(claim, said) for claim, said in found.items() if "class" in said)


def _claim(claim: NamedNode, said: Mapping[str, Any]) -> Claim:
    if "two of" in said:
        raise Refused(
            f"the claim has two of {_TERMS[said['two of']]}", where=claim.value, remedy="make it two claims"
        )
    for name, kind in (
        ("source", NamedNode),
        ("speaker", NamedNode),
        *((n, Literal) for n in ("quote", "start", "end")),
    ):
        if not isinstance(said.get(name), kind):
            raise Refused(
                f"the claim has no {name}", where=claim.value, remedy=f"state it with {_TERMS[name]}"
            )
    try:
        start, end = int(said["start"].value), int(said["end"].value)
    except ValueError as error:
        what, remedy = _NO_POSITION
        raise Refused(what, where=claim.value, remedy=remedy) from error
    times = (text(said[name]) if name in said else "" for name in ("recorded", "withdrawn"))
    return Claim(claim, said["source"], said["speaker"], said["quote"].value, start, end, *times)


def source_texts(store: Engine) -> dict[NamedNode, str]:
    """Return the text of every source that has one in the base."""
    return {
        quad.subject: quad.object.value
        for quad in store.quads(None, _TEXT, None, CLAIMS)
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal)
    }


def text_quads(quads: Sequence[Quad], folder: Path, where: str) -> list[Quad]:
    """Return the statements that give each new source its text, found beside the file that describes it.

    A source names its text by its fingerprint (``schema:sha256``, of the bytes); the text is the ``.txt`` file
    in ``folder`` with that fingerprint, so no path needs to be written down. ``where`` names the file in errors.
    Raises ``Refused`` when no text has the fingerprint, ``UnreadableInput`` when the text is not UTF-8.
    """
    has_text = {quad.subject for quad in quads if quad.predicate == _TEXT}
    wanted: dict[str, list[Quad]] = {}
    for quad in quads:
        if quad.predicate == _SHA256 and quad.subject not in has_text:
            wanted.setdefault(text(quad.object), []).append(quad)
    found: list[Quad] = []
    seen: list[str] = []
    # The text of the file's own name first, so that a folder of many articles is not read for each of them.
    for path in sorted(folder.glob("*.txt"), key=lambda path: (path.stem != Path(where).stem, path.name)):
        if not wanted:
            break
        if path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            seen.append(f"{path.name} has {digest[:12]}…")
            for quad in wanted.pop(digest, ()):
                found.append(Quad(quad.subject, _TEXT, Literal(_decoded(path, content)), CLAIMS))
    for digest, (quad, *_) in wanted.items():
        raise Refused(
            f"the fingerprint of <{text(quad.subject)}> is {digest[:12]}…, "
            f"and no text beside the file has it ({', '.join(seen[:3]) or 'there is no .txt file'})",
            where=where,
            remedy="put the unchanged text there, or quote from the changed text and state its SHA-256",
        )
    return found


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            f"byte {error.start} is not UTF-8", where=str(path), remedy="save the text as UTF-8"
        ) from error


def verify(store: Engine) -> Iterator[Claim]:
    """Yield the claims of a store, and see whether every quote stands in its source's text, character for character.

    Checked as well: every text has its fingerprint, and no source has two of either. Raises ``Refused``, when all
    have been yielded, naming the first claim, in the order of their IRIs, that does not hold; at once for one that
    is not described in full. Cost: one look-up a claim; memory grows with the texts, not with the claims.
    """
    texts = source_texts(store)
    stated = _once(_SHA256, "fingerprints", store)
    for source, words in _once(_TEXT, "texts", store).items():
        if stated.get(source) != hashlib.sha256(words.encode()).hexdigest():
            what, remedy = _other_text(stated=source in stated)
            raise Refused(what, where=source, remedy=remedy)
    wrong: dict[NamedNode, tuple[str, str, str]] = {}
    claims = (quad.subject for quad in store.quads(None, _TYPE, _CLAIM, CLAIMS))
    named = (claim for claim in claims if isinstance(claim, NamedNode))
    while some := list(islice(named, _PIECE)):
        for claim in read_claims(store, some):
            if reason := _flaw(claim, texts.get(claim.source)):
                wrong[claim.iri] = (_code(texts.get(claim.source)), *reason)
            yield claim
    if wrong:
        raise _refused(wrong)


def _code(words: str | None) -> str:
    return "source-without-text" if words is None else "quote-not-found"


def _refused(wrong: Mapping[NamedNode, tuple[str, str, str]]) -> Refused:
    """Return the refusal for quotes that are not where they say: it names the first claim, and carries all."""
    first = min(wrong, key=lambda claim: claim.value)
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    _, what, remedy = wrong[first]
    refused = Refused(what + more, where=first.value, remedy=remedy)
    refused.findings = tuple(
        Finding(code, Severity.VIOLATION, what, remedy, focus=claim)
        for claim, (code, what, remedy) in sorted(wrong.items(), key=lambda pair: pair[0].value)
    )
    return refused


def _once(predicate: NamedNode, name: str, store: Engine) -> dict[str, str]:
    found: dict[str, str] = {}
    for quad in store.quads(None, predicate, None, CLAIMS):
        if found.setdefault(text(quad.subject), text(quad.object)) != text(quad.object):
            raise Refused(
                f"the source has two {name}", where=text(quad.subject), remedy="make it two sources"
            )
    return found


def _flaw(claim: Claim, words: str | None) -> tuple[str, str] | None:
    """Return what is wrong with the quote of a claim, given the text of its source, and what to do about it."""
    if words is None:
        return f"its source <{claim.source.value}> has no text", "load the source with its text"
    if not claim.quote:
        return "its quote is empty", "quote the words that the claim rests on"
    found = words[claim.start : claim.end] if 0 <= claim.start <= claim.end else ""
    if found == claim.quote and claim.end <= len(words):
        return None
    elsewhere = [match.start() for match in re.finditer(f"(?={re.escape(claim.quote)})", words)]
    if elsewhere:
        start = min(elsewhere, key=lambda at: abs(at - claim.start))
        end = start + len(claim.quote)
        return (
            f"its quote stands at {start} to {end}, not at {claim.start} to {claim.end}",
            f"write oa:start {start} ; oa:end {end}",
        )
    return (
        f"its quote {shown(claim.quote, 60)} is not in the source, which reads {shown(found, 60)} there",
        "quote the source character for character",
    )


def unfounded(
    texts: Iterable[tuple[int, str | None, int, str | None, int]],
    quotes: Iterable[tuple[int, int, str, str, str]],
    name: Callable[[int], NamedNode],
) -> Iterator[tuple[str, NamedNode, str, str]]:
    """Yield what is wrong with the texts of sources and the quotes of claims, of which there may be millions.

    Both come in the order of their sources, which are numbers, and so are claims; ``name`` gives their IRIs. Of a
    source there are its text and how many it has, its fingerprint and how many of these; of a claim its source, itself,
    its quote, its start and its end, as they are written. What is yielded is the code of the check, the source or
    claim, what is wrong and what to do. Cost: some microseconds a claim; one text is in memory at a time.
    """
    sources = iter(texts)
    at, words = -1, None
    for source, claims in groupby(quotes, key=itemgetter(0)):
        while at < source and (found := next(sources, None)):
            at, words = found[:2]
            yield from _unsound_source(found, name)
        own = words if at == source else None
        for _, claim, quote, begin, end in claims:
            if not _stands(own, quote, begin, end):
                yield from _unsound_claim(name(claim), name(source), (quote, begin, end), own)
    for found in sources:
        yield from _unsound_source(found, name)


def _stands(words: str | None, quote: str, begin: str, end: str) -> bool:
    """Tell whether a quote is certainly in a text where it says."""
    if not words or not quote or not (begin.isdecimal() and end.isdecimal()):
        return False
    return int(end) <= len(words) and words[int(begin) : int(end)] == quote


def _unsound_source(
    said: tuple[int, str | None, int, str | None, int], name: Callable[[int], NamedNode]
) -> Iterator[tuple[str, NamedNode, str, str]]:
    source, words, texts, digest, digests = said
    for kind, count in (("texts", texts), ("fingerprints", digests)):
        if count > 1:
            yield "ambiguous-source", name(source), f"the source has two {kind}", "make it two sources"
            return
    if words is not None and digest != hashlib.sha256(words.encode()).hexdigest():
        yield "changed-text", name(source), *_other_text(stated=digest is not None)


def _unsound_claim(
    claim: NamedNode, source: NamedNode, said: tuple[str, str, str], words: str | None
) -> Iterator[tuple[str, NamedNode, str, str]]:
    try:
        start, end = map(int, said[1:])
    except ValueError:
        yield "bad-position", claim, *_NO_POSITION
        return
    wrong = _flaw(Claim(claim, source, source, said[0], start, end), words)
    if wrong:
        yield _code(words), claim, *wrong


def _other_text(*, stated: bool) -> tuple[str, str]:
    why = "not that of its text" if stated else "not stated"
    remedy = "restore the text, or state the SHA-256 of the new one and check its quotes"
    return f"the source's fingerprint is {why}", remedy


def as_claim(  # noqa: PLR0913 - all that a claim consists of, each by its name
    statements: Iterable[Statement],
    *,
    source: NamedNode,
    text: str,
    quote: str,
    speaker: NamedNode,
    claim: NamedNode,
    start: int | None = None,
) -> list[Statement]:
    """Return the statements of a proposal without claims as those of one claim, and what describes the claim.

    What stands in no graph goes into the graph of the claim; the rest stays where it is. ``words`` are the text of the
    source. Raises ``Refused`` where the quote is not in it, or several times and ``start`` is none of its places.
    """
    given = list(statements)
    right = place(text, quote, start) if quote else None
    if not given:
        raise Refused("there is no statement", remedy="state what the claim says")
    if right is None:
        raise _no_place(text, quote)
    content = [
        one._replace(quad=Quad(one.quad.subject, one.quad.predicate, one.quad.object, claim))
        if isinstance(one.quad.graph_name, DefaultGraph)
        else one
        for one in given
    ]
    described: list[tuple[NamedNode, NamedNode | Literal]] = [
        (_TYPE, _CLAIM),
        (_TERM_OF["source"], source),
        (_TERM_OF["speaker"], speaker),
        (_TERM_OF["quote"], Literal(quote)),
        (_TERM_OF["start"], Literal(right[0])),
        (_TERM_OF["end"], Literal(right[1])),
    ]
    return [
        *(given[0]._replace(quad=Quad(claim, term, value, CLAIMS)) for term, value in described),
        *content,
    ]


def _no_place(words: str, quote: str) -> Refused:
    if several := places(words, quote):
        listed = ", ".join(map(str, several[:5]))
        return Refused(
            f"the quote stands in the source at {listed}", remedy="state its start, or quote more words"
        )
    near = nearest(words, quote)
    real = f"; it reads {shown(words[slice(*near)])}" if near else ""
    return Refused(
        f"the quote {shown(quote)} is not in the source{real}",
        remedy="quote the source character for character",
    )


def next_claim(base: Engine, source: NamedNode) -> NamedNode:
    """Return the name of the next claim of a source: its number is one above the highest that the base has.

    Cost: one look-up for each claim of the source.
    """
    slug = source.value.removeprefix(BASE + "source/")
    prefix = f"{BASE}claim/{slug}/"
    names = (quad.subject for quad in base.quads(None, _TERM_OF["source"], source, CLAIMS))
    tails = (name.value.removeprefix(prefix) for name in names if isinstance(name, NamedNode))
    number = max((int(tail) for tail in tails if re.fullmatch("[0-9]{1,18}", tail)), default=0) + 1
    while any(base.quads(NamedNode(f"{prefix}{number}"), None, None, CLAIMS)):
        number += 1
    return NamedNode(f"{prefix}{number}")
