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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions

from kg.errors import Refused, UnreadableInput
from kg.store import Engine
from kg.terms import CLAIMS, iri, text

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
    def accepted(self) -> bool:
        """Whether the source says it in its own voice and it was not withdrawn: only then it is in the view."""
        return self.speaker == self.source and not self.withdrawn


_CLAIMS_QUERY: Final = """
PREFIX oa: <http://www.w3.org/ns/oa#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX parley: <https://w3id.org/parley/ontology#>
SELECT ?claim ?source ?speaker ?quote ?start ?end ?recorded ?withdrawn WHERE {
  VALUES_HERE
  ?claim a parley:Claim .
  OPTIONAL { ?claim prov:hadPrimarySource ?source }
  OPTIONAL { ?claim prov:wasAttributedTo ?speaker }
  OPTIONAL { ?claim oa:exact ?quote }
  OPTIONAL { ?claim oa:start ?start }
  OPTIONAL { ?claim oa:end ?end }
  OPTIONAL { ?claim prov:generatedAtTime ?recorded }
  OPTIONAL { ?claim prov:invalidatedAtTime ?withdrawn }
}"""


def read_claims(store: Engine, only: Iterable[NamedNode] | None = None) -> Iterator[Claim]:
    """Yield the claims of a base, or only those named, in no particular order.

    Raises ``Refused`` for a claim that lacks its source, speaker, quote or position, or has two of one.
    Cost: one query over the graph ``claims``; with ``only``, one look-up each.
    """
    values = "" if only is None else "VALUES ?claim { " + " ".join(map(str, only)) + " }"
    seen: set[NamedNode] = set()
    rows = cast("QuerySolutions", store.query(_CLAIMS_QUERY.replace("VALUES_HERE", values), graphs=(CLAIMS,)))
    for row in rows:
        if row["claim"] in seen:
            raise Refused(
                "the claim has two sources, speakers, quotes, positions or times",
                where=row["claim"].value,
                remedy="make it two claims",
            )
        seen.add(row["claim"])
        yield _claim(row)


def _claim(row: Any) -> Claim:  # noqa: ANN401 - pyoxigraph types a solution's terms as one wide union
    for name, term in (("source", "prov:hadPrimarySource"), ("speaker", "prov:wasAttributedTo")):
        if not isinstance(row[name], NamedNode):
            raise Refused(
                f"the claim has no {name}", where=row["claim"].value, remedy=f"state it with {term}"
            )
    for name in ("quote", "start", "end"):
        term = "oa:exact" if name == "quote" else f"oa:{name}"
        if not isinstance(row[name], Literal):
            raise Refused(
                f"the claim has no {name}", where=row["claim"].value, remedy=f"state it with {term}"
            )
    try:
        start, end = int(row["start"].value), int(row["end"].value)
    except ValueError as error:
        raise Refused(
            "the position of the quote is no whole number",
            where=row["claim"].value,
            remedy="oa:start and oa:end count code points",
        ) from error
    recorded = row["recorded"].value if row["recorded"] else ""
    withdrawn = row["withdrawn"].value if row["withdrawn"] else ""
    return Claim(
        row["claim"], row["source"], row["speaker"], row["quote"].value, start, end, recorded, withdrawn
    )


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
    wanted = [q for q in quads if q.predicate == _SHA256 and q.subject not in has_text]
    if not wanted:
        return []
    contents = [(path, path.read_bytes()) for path in sorted(folder.glob("*.txt"))]
    texts = {hashlib.sha256(content).hexdigest(): (path, content) for path, content in contents}
    found = []
    for quad in wanted:
        digest = text(quad.object)
        if digest not in texts:
            beside = ", ".join(f"{path.name} has {other[:12]}…" for other, (path, _) in texts.items())
            raise Refused(
                f"the fingerprint of <{text(quad.subject)}> is {digest[:12]}…, "
                f"and no text beside the file has it ({beside or 'there is no .txt file'})",
                where=where,
                remedy="put the unchanged text there, or quote from the changed text and state its SHA-256",
            )
        path, content = texts[digest]
        found.append(Quad(quad.subject, _TEXT, Literal(_decoded(path, content)), CLAIMS))
    return found


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            f"byte {error.start} is not UTF-8", where=str(path), remedy="save the text as UTF-8"
        ) from error


def verify(store: Engine) -> None:
    """Check that every quote stands in its source's text, character for character, at its position.

    Also: every claim graph that holds triples is described as a claim, and every text has its fingerprint.
    Raises ``Refused`` naming the first claim, in the order of their IRIs, that does not hold.
    Cost: one pass over the claims.
    """
    texts = source_texts(store)
    for quad in store.quads(None, _SHA256, None, CLAIMS):
        words = texts.get(quad.subject) if isinstance(quad.subject, NamedNode) else None
        if words is not None and hashlib.sha256(words.encode()).hexdigest() != text(quad.object):
            raise Refused(
                "the fingerprint of the source is not that of its text",
                where=text(quad.subject),
                remedy="restore the text, or state the SHA-256 of the new one and check its quotes",
            )
    bad = [(claim, reason) for claim in read_claims(store) if (reason := _flaw(claim, texts))]
    if bad:
        claim, (what, remedy) = min(bad, key=lambda pair: pair[0].iri.value)
        more = f" (and {len(bad) - 1} more claims)" if len(bad) > 1 else ""
        raise Refused(what + more, where=claim.iri.value, remedy=remedy)


def _flaw(claim: Claim, texts: dict[NamedNode, str]) -> tuple[str, str] | None:
    words = texts.get(claim.source)
    if words is None:
        return f"its source <{claim.source.value}> has no text", "load the source with its text"
    if not claim.quote:
        return "its quote is empty", "quote the words that the claim rests on"
    found = words[claim.start : claim.end] if 0 <= claim.start <= claim.end else ""
    if found == claim.quote:
        return None
    elsewhere = words.find(claim.quote)
    if elsewhere >= 0:
        return (
            f"its quote stands at {elsewhere}, not at {claim.start}",
            f"write oa:start {elsewhere} ; oa:end {elsewhere + len(claim.quote)}",
        )
    return (
        f"its quote {_shortened(claim.quote)} is not in the source, which reads {_shortened(found)} there",
        "quote the source character for character",
    )


def _shortened(words: str, most: int = 60) -> str:
    flat = words if len(words) <= most else words[: most - 1] + "…"
    return repr(flat)
