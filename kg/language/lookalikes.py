"""Names that look alike to an eye but differ: characters that Unicode lists as confusable (UTS 39, section 4).

The list is that of the library ``homoglyphs-fork``. Nothing goes through a base: what a name looks like is
spelled out and looked up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from pyoxigraph import Literal, NamedNode

from kg.findings import Check, Finding, Severity
from kg.storage.store import Engine
from kg.terms import BASE, VIEW, iri, short

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "look-alike": Check(
        "A new name looks like another one, or like letters of another script, but is written with other characters.",
        "One thing under two names is two things; what is known of the one is not found for the other.",
        "write the name that is there if that is meant, or choose one that is plainly different",
        Severity.WARNING,
    ),
}
"""The check of names, by its code."""

_LABELS: Final = (iri("rdfs:label"), iri("skos:altLabel"))
_THINGS: Final = (BASE + "id/", BASE + "source/", BASE + "claim/")
_ALMOST = re.compile(re.escape(BASE).replace("https", "https?") + r"(id/|source/|claim/)(.+)", re.IGNORECASE)
# The scripts and styles whose letters pass for Latin ones: all but ideographs, syllabaries and private use.
_RANGES: Final = ((0x80, 0x3000), (0xA4D0, 0xAC00), (0xFB00, 0x10000), (0x10280, 0x11000), (0x1D400, 0x1D800))
_SAME: Final = str.maketrans({"1": "l", "I": "l", "|": "l", "0": "O"})
_SIMILAR: Final = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE"}
_WORD = re.compile(r"[^\W\d_]+")
_MOST_SPELLINGS: Final = 8


def folded(text: str) -> str:
    """Return a text as an eye takes it that expects plain letters: each look-alike replaced by its ASCII character.

    >>> folded("ѕуriа"), folded("Сирия")
    ('syria', 'Cиpия')
    """
    if text.isascii():
        return text
    table = _confusables()
    seen = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    return "".join(table.get(c, c) for c in seen)


def skeleton(text: str) -> str:
    """Return what two texts share that look alike; it is for comparison alone (UTS 39, section 4).

    >>> skeleton("CIaim") == skeleton("Claim") == skeleton("Сlаim")
    True
    """
    return folded(text).translate(_SAME).replace("rn", "m")


@cache
def _confusables() -> dict[str, str]:
    """Return for each character that passes for an ASCII one that one; takes 30 ms once."""
    from homoglyphs_fork import Homoglyphs

    letters = {chr(code) for first, beyond in _RANGES for code in range(first, beyond)}
    table = Homoglyphs.get_table(letters | {chr(code) for code in range(0x21, 0x7F)})
    found = {}
    for character in letters & table.keys():
        plain = min((other for other in table[character] if other.isascii()), default="")
        if plain:
            # UTS 39 has one character for I and l; the letter's own case tells which is read.
            found[character] = "I" if plain == "l" and character.isupper() else plain
    return found


def look_alikes(statements: Sequence[Statement], base: Engine) -> Iterator[Finding]:
    """Yield a warning for each new name of a thing, and each new label, that looks like another.

    Cost: a few look-ups for each new name, none that depends on the size of the base.
    """
    yield from _names(statements, base)
    yield from _labels(statements, base)


def _names(statements: Sequence[Statement], base: Engine) -> Iterator[Finding]:
    first: dict[NamedNode, Statement] = {}
    for statement in statements:
        for term in (statement.quad.subject, statement.quad.object):
            if isinstance(term, NamedNode) and _ours(term.value):
                first.setdefault(term, statement)
    by_shape: dict[str, NamedNode] = {}
    for name, statement in first.items():
        if not name.value.startswith(_THINGS):
            message = f"{name} passes for {short(NamedNode(_ours(name.value)))}, but is another name"
            yield _warning(statement, name, message + _odd(name.value))
            continue
        if not _is_new(name, base):
            by_shape[skeleton(name.value)] = name
            continue
        other = by_shape.setdefault(skeleton(name.value), name)
        where = "the proposal"
        if other == name:
            spelled = (NamedNode(text) for text in _spellings(name.value))
            other = next((thing for thing in spelled if not _is_new(thing, base)), name)
            where = "the base"
        if other != name:
            yield _warning(
                statement, name, f"{short(name)} looks like {short(other)} of {where}{_odd(name.value)}"
            )
        elif mixed := _mixed(name.value):
            yield _warning(
                statement, name, f"{short(name)} mixes letters of two scripts in '{mixed}'{_odd(mixed)}"
            )


def _ours(text: str) -> str:
    """Return the name of ours that an IRI is or passes for: with another scheme, capitals, look-alike letters."""
    if text.startswith(_THINGS):
        return text
    found = _ALMOST.match(folded(text))
    return BASE + found[1].lower() + found[2] if found else ""


def _is_new(name: NamedNode, base: Engine) -> bool:
    # What is known is mostly in the view as a subject, and one graph is looked up faster than all.
    looks = ((name, None, None, VIEW), (name, None, None, None), (None, None, name, None))
    return not any(any(base.quads(*look)) for look in looks)


def _spellings(text: str) -> list[str]:
    """Return other spellings that look like a name's: without foreign letters, with l for 1, O for 0, m for rn."""
    start = next(len(namespace) for namespace in _THINGS if text.startswith(namespace))
    namespace, local = text[:start], text[start:]
    plain = folded(local)
    spelled = dict.fromkeys([plain, unicodedata.normalize("NFC", local)])
    for one, other in (("rn", "m"), ("vv", "w"), ("I", "l"), ("1", "l"), ("1", "i"), ("0", "o"), ("m", "rn")):
        # A digit passes for a letter among letters only: 'syr1a', not 'claim-1'.
        pattern = rf"(?<=[a-z]){one}(?=[a-z])" if one.isdigit() else one
        for found in re.finditer(pattern, plain):
            spelled.setdefault(plain[: found.start()] + other + plain[found.end() :])
    spelled.pop(local, None)
    return [namespace + one for one in list(spelled)[:_MOST_SPELLINGS]]


def _labels(statements: Sequence[Statement], base: Engine) -> Iterator[Finding]:
    by_shape: dict[str, tuple[str, object]] = {}
    for statement in statements:
        label, thing = statement.quad.object, statement.quad.subject
        if statement.quad.predicate not in _LABELS or not isinstance(label, Literal):
            continue
        text, known = by_shape.setdefault(skeleton(label.value), (label.value, thing))
        if text == label.value and not label.value.isascii():
            plain = folded(label.value)
            known = _bearer(plain, label.language or "", base) if plain != label.value else None
            text = plain if known else text
        if text != label.value and known != thing and isinstance(known, NamedNode):
            what = (
                f"the label '{label.value}' looks like '{text}', a label of {short(known)}{_odd(label.value)}"
            )
            yield _warning(statement, label, what)
        elif mixed := _mixed(label.value):
            yield _warning(statement, label, f"'{mixed}' mixes letters of two scripts{_odd(mixed)}")


def _bearer(text: str, language: str, base: Engine) -> object:
    """Return a thing that has this label in this language, in English or in none."""
    for label in dict.fromkeys(
        [Literal(text, language=language or "en"), Literal(text, language="en"), Literal(text)]
    ):
        for predicate in _LABELS:
            for quad in base.quads(None, predicate, label):
                return quad.subject
    return None


def _mixed(text: str) -> str:
    """Return a word of a text in which letters of another script pass for Latin ones, or Latin ones for others."""
    if text.isascii():
        return ""
    for found in _WORD.finditer(text):
        scripts = {unicodedata.name(letter, " ").partition(" ")[0] for letter in found[0]} & _SIMILAR
        if len(scripts) > 1 and folded(found[0]) != found[0]:
            return found[0]
    return ""


def _odd(text: str) -> str:
    """Say which characters are not what they look like."""
    odd = dict.fromkeys(c for c in text if not c.isascii() and folded(c) != c)
    said = ", ".join(f"'{c}' is {unicodedata.name(c, f'U+{ord(c):04X}')}" for c in list(odd)[:3])
    return f": {said}" if said else ""


def _warning(statement: Statement, value: NamedNode | Literal, message: str) -> Finding:
    check = CHECKS["look-alike"]
    return Finding(
        "look-alike",
        check.severity,
        message,
        check.remedy,
        statement.place,
        focus=_focus(statement),
        value=value,
    )


def _focus(statement: Statement) -> NamedNode | None:
    subject = statement.quad.subject
    return subject if isinstance(subject, NamedNode) else None
