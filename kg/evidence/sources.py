"""The texts of a proposal's sources: found by their fingerprints among the files that come with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Quad

from kg.findings import Check, Finding
from kg.storage.store import Engine
from kg.terms import CLAIMS, iri, short

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "source-without-text": Check(
        "A source has no text, neither in the base nor beside the proposal.",
        "A quote can only be checked against the text that it is from.",
        "give the unchanged text along, and its SHA-256 with schema:sha256",
    ),
    "changed-text": Check(
        "The text of a source is not the one that its fingerprint tells.",
        "Positions count in one text; in another they mean other words.",
        "give the unchanged text, or describe the new text as a source of its own",
    ),
    "ambiguous-source": Check(
        "A source has two texts or two fingerprints.",
        "Positions count in one text; in another they mean other words.",
        "make it two sources",
    ),
}
"""The checks of sources, by their codes."""

_TEXT, _SHA256, _SOURCE = iri("schema:text"), iri("schema:sha256"), iri("prov:hadPrimarySource")
_Described: TypeAlias = "Mapping[NamedNode, Mapping[NamedNode, Sequence[Statement]]]"


@dataclass(slots=True)
class Sources:
    """The text of each source of a proposal that has one, what is added to the proposal for it, what is wrong."""

    texts: dict[NamedNode, str] = field(default_factory=dict)
    added: list[Statement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def read_sources(about: _Described, base: Engine, texts: Mapping[str, bytes]) -> Sources:
    """Give each source that a proposal names its text.

    ``about`` is what the proposal says in graph:claims, by subject and property; ``texts`` are files by their
    names. A new source without fingerprint gets the one text that no fingerprint tells, and its fingerprint.
    """
    read = _Reading(about, base)
    left = {hashlib.sha256(content).hexdigest(): (name, content) for name, content in texts.items()}
    names = ", ".join(f"{name} has {digest[:12]}…" for digest, (name, _) in list(left.items())[:3])
    unstated = []
    for source, statement in read.needed().items():
        read.find_ambiguity(source)
        stated, given = read.value(source, _SHA256), read.value(source, _TEXT)
        if given is not None:
            read.keep(source, statement, given, stated)
        elif stated in left:
            read.give(source, statement, *left.pop(stated))
        elif stated is None and source in about:
            unstated.append((source, statement))
        else:
            what = f"the fingerprint {stated[:12]}…" if stated else "no fingerprint and is not described"
            beside = f" ({names})" if names and stated else ""
            message = f"{short(source)} has {what}, and no text is given that has it{beside}"
            read.find("source-without-text", statement, source, message)
    for source, statement in unstated:
        if len(unstated) == len(left) == 1:
            ((digest, (name, content)),) = left.items()
            read.add(statement, source, _SHA256, digest)
            read.give(source, statement, name, content)
        else:
            message = f"{short(source)} has neither fingerprint nor text"
            read.find("source-without-text", statement, source, message)
    return read.sources


class _Reading:
    def __init__(self, about: _Described, base: Engine) -> None:
        self.about, self.base, self.sources = about, base, Sources()

    def needed(self) -> dict[NamedNode, Statement]:
        """Return the sources that have or need a text, each with a statement that tells of it."""
        found: dict[NamedNode, Statement] = {}
        for subject, said in self.about.items():
            for statement in (*said.get(_SHA256, ()), *said.get(_TEXT, ())):
                found.setdefault(subject, statement)
        for said in self.about.values():
            for statement in said.get(_SOURCE, ()):
                if isinstance(statement.quad.object, NamedNode):
                    found.setdefault(statement.quad.object, statement)
        return found

    def value(self, source: NamedNode, predicate: NamedNode) -> str | None:
        """Return a literal that the proposal or else the base states of a source."""
        own = [statement.quad for statement in self.about.get(source, {}).get(predicate, ())]
        for quad in own or self.base.quads(source, predicate, None, CLAIMS):
            if isinstance(quad.object, Literal):
                return quad.object.value
        return None

    def find_ambiguity(self, source: NamedNode) -> None:
        """Find a second text or fingerprint of a source, in the proposal or beside that of the base."""
        for predicate, name in ((_SHA256, "fingerprints"), (_TEXT, "texts")):
            own = self.about.get(source, {}).get(predicate, ())
            known = (
                {quad.object for quad in self.base.quads(source, predicate, None, CLAIMS)} if own else set()
            )
            if len(known | {statement.quad.object for statement in own}) > 1:
                self.find("ambiguous-source", own[-1], source, f"{short(source)} has two {name}")

    def keep(self, source: NamedNode, statement: Statement, words: str, stated: str | None) -> None:
        """Keep a text that is stated; its fingerprint must be its own."""
        self.sources.texts[source] = words
        digest = hashlib.sha256(words.encode()).hexdigest()
        if stated is None:
            self.add(statement, source, _SHA256, digest)
        elif stated != digest:
            message = f"the fingerprint of {short(source)} is not that of its text, {digest[:12]}…"
            self.find("changed-text", statement, source, message)

    def give(self, source: NamedNode, statement: Statement, name: str, content: bytes) -> None:
        """Give a source the text of a file."""
        try:
            self.sources.texts[source] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"byte {error.start} of {name}, the text of {short(source)}, is not UTF-8"
            self.find("source-without-text", statement, source, message, "save the text as UTF-8")
        else:
            self.add(statement, source, _TEXT, self.sources.texts[source])

    def add(self, beside: Statement, source: NamedNode, predicate: NamedNode, value: str) -> None:
        """Add a statement about a source, at the place of another."""
        self.sources.added.append(beside._replace(quad=Quad(source, predicate, Literal(value), CLAIMS)))

    def find(self, code: str, at: Statement, source: NamedNode, message: str, remedy: str = "") -> None:
        """Add a finding about a source."""
        check = CHECKS[code]
        self.sources.findings.append(
            Finding(code, check.severity, message, remedy or check.remedy, at.place, source, str(_SHA256))
        )
