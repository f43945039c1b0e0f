"""Proposals as they are handed in: files, the texts of new sources, and what makes a claim of plain triples."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kg.asking.naming import resolve
from kg.errors import Refused, UnknownName, UnreadableInput, UsageError
from kg.evidence.claims import as_claim, next_claim, read_claims
from kg.findings import Finding, Severity
from kg.outside.proposals import Document, Proposal, Statement, read_proposal
from kg.storage.overlay import canonical
from kg.storage.store import Engine
from kg.syntax.turtle import natural_key
from kg.terms import BASE, CLAIMS, iri, text

_TYPE, _CLAIM, _SOURCE_CLASS = iri("rdf:type"), iri("parley:Claim"), iri("parley:Source")
_QUOTE, _PRIMARY_SOURCE = iri("oa:exact"), iri("prov:hadPrimarySource")
_TEXT, _SHA256 = iri("schema:text"), iri("schema:sha256")
_LARGEST_TEXT: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Framing:
    """What plain triples lack to be a claim: the source they were read in, the quote, whose word it is.

    ``source`` is the slug or IRI of a source; ``at`` tells where the quote begins if it occurs more than once;
    ``said_by`` names the speaker if it is not the source's own word; ``texts`` are files with texts of new sources.
    """

    source: str = ""
    quote: str = ""
    at: int | None = None
    said_by: str = ""
    texts: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """A proposal with the texts that may be those of its new sources, by the names of their files."""

    proposal: Proposal
    texts: dict[str, bytes]


def read_submission(
    files: Sequence[Path | Document], framing: Framing, base: Engine, proposal: Proposal | None = None
) -> Submission:
    """Read what was handed in, unless that was done, and make one claim of plain triples where ``framing`` says how.

    The text of a new source is one of ``framing.texts``, or lies beside its file as a ``.txt`` with the fingerprint
    that is stated. A claim that the base has in the same words keeps its number, so that handing in the same again
    changes nothing. Raises ``UnreadableInput`` for what cannot be opened, ``UsageError`` where the framing does not
    fit, ``UnknownName`` for a source or a speaker that is not known.
    """
    proposal = proposal or read_proposal(files)
    if framing.at is not None and framing.at < 0:
        raise UsageError("a quote cannot begin before its text", remedy="count code points from 0")
    given = {str(path): _text(path) for path in framing.texts}
    if framing.quote or framing.source or framing.said_by:
        return Submission(_framed(proposal, framing, given, base), given)
    stated = {text(one.quad.object) for one in proposal.statements if _is_fingerprint(one.quad)}
    return Submission(proposal, {**given, **dict(_beside(files, stated - _fingerprints(given)))})


def find_source(name: str, base: Engine) -> NamedNode:
    """Return the source that a person means by its slug, CURIE or IRI; ``UnknownName`` with the nearest."""
    node = _source_name(name)
    if not any(base.quads(node, None, None, CLAIMS)):
        sources = (quad.subject for quad in base.quads(None, _TYPE, _SOURCE_CLASS, CLAIMS))
        known = (one.value.removeprefix(BASE + "source/") for one in sources if isinstance(one, NamedNode))
        raise UnknownName("source", name, known, remedy="a new source is given with its text, --text FILE")
    return node


def _source_name(name: str) -> NamedNode:
    slug = name.strip("<>").removeprefix("source:").removeprefix(BASE + "source/")
    try:
        return NamedNode(slug if "://" in slug else f"{BASE}source/{slug}")
    except ValueError as error:
        raise UsageError(
            f"{name!r} cannot name a source", remedy="use letters, digits and hyphens"
        ) from error


def _framed(proposal: Proposal, framing: Framing, texts: dict[str, bytes], base: Engine) -> Proposal:
    """Make one claim of plain triples; a quote that has no place is a finding."""
    if not (framing.source and framing.quote):
        raise UsageError("a claim needs a source and a quote", remedy="give both --source and --quote")
    plain = [one for one in proposal.statements if one.quad.graph_name == DefaultGraph()]
    if not plain or len(plain) < len(proposal.statements):
        raise UsageError(
            "--source, --quote and --said-by are for plain triples",
            remedy="leave them out: claims in TriG or N-Quads say it themselves"
            if proposal.statements
            else "",
        )
    source, description, words = _source(framing, texts, base, plain[0])
    speaker = resolve(framing.said_by, base) if framing.said_by else source
    claim = _same_claim(plain, source, speaker, framing, base) or next_claim(base, source)
    try:
        statements = as_claim(
            plain,
            source=source,
            text=words,
            quote=framing.quote,
            speaker=speaker,
            claim=claim,
            start=framing.at,
        )
    except Refused as error:
        finding = Finding(
            "quote-not-found", Severity.VIOLATION, error.what, error.remedy, plain[0].place, source
        )
        return replace(proposal, findings=(*proposal.findings, finding))
    return Proposal((*description, *statements), proposal.findings)


def _source(
    framing: Framing, texts: dict[str, bytes], base: Engine, first: Statement
) -> tuple[NamedNode, list[Statement], str]:
    """Return the source, what describes it if it is new, and its text."""
    if not texts:
        source = find_source(framing.source, base)
        words = (text(quad.object) for quad in base.quads(source, _TEXT, None, CLAIMS))
        return source, [], next(words, "")
    if len(texts) > 1:
        raise UsageError("plain triples have one source", remedy="give one --text")
    source, (name, content) = _source_name(framing.source), next(iter(texts.items()))
    described: list[tuple[NamedNode, NamedNode | Literal]] = [
        (_TYPE, _SOURCE_CLASS),
        (_SHA256, Literal(hashlib.sha256(content).hexdigest())),
    ]
    statements = [first._replace(quad=Quad(source, term, value, CLAIMS)) for term, value in described]
    try:
        return source, statements, content.decode()
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            f"byte {error.start} is not UTF-8", where=name, remedy="save it as UTF-8"
        ) from error


def _same_claim(
    plain: Iterable[Statement], source: NamedNode, speaker: NamedNode, framing: Framing, base: Engine
) -> NamedNode | None:
    """Return the claim that the base has in the same words, saying the same."""
    content = {canonical(one.quad.triple) for one in plain}
    for quad in base.quads(None, _QUOTE, Literal(framing.quote), CLAIMS):
        if isinstance(quad.subject, NamedNode):
            for claim in read_claims(base, [quad.subject]):
                same = (claim.source, claim.speaker, claim.withdrawn) == (source, speaker, "")
                placed = framing.at is None or framing.at == claim.start
                if same and placed and {found.triple for found in base.quads(graph=claim.iri)} == content:
                    return claim.iri
    return None


def _text(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            raise UnreadableInput(
                "too large for a text", where=str(path), remedy="name the text of one source"
            )
        return path.read_bytes()
    except OSError as error:
        what = error.strerror or str(error)
        raise UnreadableInput(what, where=str(path), remedy="check path and rights") from error


def _is_fingerprint(quad: Quad) -> bool:
    return quad.graph_name == CLAIMS and quad.predicate == _SHA256 and isinstance(quad.object, Literal)


def _fingerprints(texts: dict[str, bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in texts.values()}


def _beside(files: Sequence[Path | Document], wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the texts beside the files that have one of the fingerprints."""
    folders = dict.fromkeys(file.parent for file in files if isinstance(file, Path)) if wanted else ()
    for folder in folders:
        for path in sorted(folder.glob("*.txt")):
            if path.is_file() and path.stat().st_size <= _LARGEST_TEXT:
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() in wanted:
                    yield str(path), content


def find_claims(names: Sequence[str], source: str | None, base: Engine) -> list[NamedNode]:
    """Return the claims that a person names, as ``idlib-ceasefire/12``, a CURIE or an IRI, and those of a source.

    Raises ``UnknownName`` with the nearest for a claim or source that the base has not.
    """
    found = [_claim(name, base) for name in names]
    if source:
        node = find_source(source, base)
        quads = base.quads(None, _PRIMARY_SOURCE, node, CLAIMS)
        found += sorted(
            (q.subject for q in quads if isinstance(q.subject, NamedNode)), key=lambda c: natural_key(c.value)
        )
    if not found:
        raise UsageError("no claim is named", remedy="name claims, or a source with --source")
    return list(dict.fromkeys(found))


def _claim(name: str, base: Engine) -> NamedNode:
    short = re.sub(f"^(claim:|claim/|{BASE}claim/)", "", name.strip("<>"))
    try:
        claim = NamedNode(short if "://" in short else f"{BASE}claim/{short}")
    except ValueError:
        claim = None
    if claim is None or not base.contains(Quad(claim, _TYPE, _CLAIM, CLAIMS)):
        slug, _, _ = short.rpartition("/")
        quads = base.quads(None, _PRIMARY_SOURCE, _source_name(slug or short), CLAIMS)
        known = (text(quad.subject).removeprefix(BASE + "claim/") for quad in quads)
        raise UnknownName(
            "claim", name, known, remedy="kg export --what everything --format trig lists the claims"
        )
    return claim
