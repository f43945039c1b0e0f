"""JSON-LD looked through before it is parsed: what would be fetched, what would be lost without a word, where.

The algorithms of JSON-LD 1.1 drop what they do not understand: a key that no context defines, an IRI that is none.
A proposal must not lose a statement in silence, so each of these is a finding here. This is a look at the tokens,
not a second processor: a term counts as defined when any context of the file defines it.
"""

from __future__ import annotations

import json
import re

from kg.outside.scan import Places, iri_fault

TYPE_CHECKING = False  # typing itself would take a fifth of the start of a worker
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    _Event: TypeAlias = tuple[str, str | None, int]

_GAP = rb"[ \t\r\n:,]*+"
_PLAIN = rb"[^\s\"{}\[\]:,]++"
_TOKEN = re.compile(
    rb'"((?:[^"\\\x00-\x1f]++|\\.)*+)(?:"([ \t\r\n]*+:)?+%b)?+|([{}\[\]])%b|(%b)(?:[ \t\r\n]*+,[ \t\r\n]*+%b)*+%b|.'
    % (_GAP, _GAP, _PLAIN, _PLAIN, _GAP),
    re.DOTALL,
)
"""A string, a key when a colon follows; a bracket; numbers, ``true``, ``null``, one or a row of them in an array.

A string without end is taken too, so that what follows is not tried again and again: the parser will name it.
"""

_VALUE = re.compile(rb'"(?:[^"\\]++|\\.)*+|%b' % _PLAIN, re.DOTALL)

_KEYWORDS = re.compile(
    "@(?:base|container|context|direction|graph|id|import|included|index|json|language|list|nest|none|prefix|propagate"
    "|protected|reverse|set|type|value|version|vocab)"
)
_KEYED = frozenset(("@language", "@index", "@id", "@type"))  # containers whose keys are no properties
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_MOST_FINDINGS = 1000
_FREE = ("", "@graph", "@included")  # where a plain value belongs to nothing


class Broken(Exception):
    """Raised for a limit that the text breaks, with code, message and offset."""


class Scan:
    r"""A JSON-LD text looked through: its findings, and where its subjects stand.

    ``findings`` are code, message, line and column. Raises ``Broken`` for brackets and values beyond the limits.
    Cost: about 3 s for 10 MB.

    >>> scan = Scan(b'{"@context": "https://example.org/c",\n "@id": "x:a", "x:b": 1}', deepest=9, longest=99)
    >>> scan.findings
    [('remote-context', 'the context "https://example.org/c" lies elsewhere, and nothing is fetched', 1, 14)]
    >>> scan.place("x:a")
    (2, 9)
    """

    def __init__(self, text: bytes, *, deepest: int, longest: int) -> None:
        self.findings: list[tuple[str, str, int, int]] = []
        self._places = Places(text)
        self._subjects: dict[str, tuple[int, int]] = {}
        self._tails: dict[str, tuple[int, int]] = {}
        self._objects: list[tuple[set[str], int, int]] = []
        self._contexts = _Contexts()
        self._keys = [""]  # that lead to where the walk is, the last one its own
        last = len(text) if b"\\u" in text else text.rfind(b"@context")
        for kind, value, at in self._walk(text, deepest, longest):
            if "@context" in self._keys:
                if kind in ("value", "null"):
                    self._contexts.take(self._keys, value)
            elif at > last:
                break
        self._data = {"@value", *(term for term, kind in self._contexts.kinds.items() if kind == "@json")}
        self._keys = [""]
        for kind, value, at in self._walk(text, deepest, longest):
            self._look(kind, value, at)

    def place(self, subject: str) -> tuple[int, int]:
        """Return line and column where an IRI first stands as an ``@id``, zeros where it never does."""
        return self._subjects.get(subject) or self._tails.get(_tail(subject), (0, 0))

    def _walk(self, text: bytes, deepest: int, longest: int) -> Iterator[_Event]:
        """Yield objects when they open and close, keys and plain values, with their offsets; keep ``_keys``."""
        depth = 0
        for found in _TOKEN.finditer(text):
            _, key, bracket, plain = found.groups()
            at = found.start()
            if found.end() - at > longest and any(len(part) > longest for part in _VALUE.findall(found[0])):
                raise Broken("limit-literal", f"a value of more than {longest:,} bytes", at)
            if bracket:
                depth += 1 if bracket in b"{[" else -1
                if depth > deepest:
                    raise Broken("limit-nesting", f"brackets in brackets, more than {deepest:,} deep", at)
                yield from self._enter_or_leave(bracket, at)
            elif key:
                self._keys[-1] = _decoded(found[1])
                yield "key", None, at
            elif found[1] is not None:
                yield "value", _decoded(found[1]), at
            elif plain:
                yield "null" if plain == b"null" else "value", None, at

    def _enter_or_leave(self, bracket: bytes, at: int) -> Iterator[_Event]:
        if bracket == b"{":
            yield "open", None, at
            self._keys.append("")
        elif bracket == b"}" and len(self._keys) > 1:
            self._keys.pop()
            yield "close", None, at

    def _look(self, kind: str, value: str | None, at: int) -> None:
        if kind == "open":
            self._objects.append((set(), *self._places.of(at)))
        elif kind == "close":
            self._leave()
        elif self._keys[-1] in ("@context", "@import") and value is not None:
            self._find("remote-context", f'the context "{value}" lies elsewhere, and nothing is fetched', at)
        elif "@context" in self._keys[:-1]:
            if value is not None and ":" in value:
                self._look_at_characters(value, at)
        elif kind != "null" and not self._in_data():
            (self._look_at_key if kind == "key" else self._look_at_value)(value or "", at)

    def _in_data(self) -> bool:
        """Tell whether this is inside a JSON literal, where keys are only keys."""
        return not self._data.isdisjoint(self._keys[:-1])

    def _leave(self) -> None:
        names, line, column = self._objects.pop()
        keys, contexts = self._keys, self._contexts
        named = not names.isdisjoint(("@id", "@value")) or not names
        part_of_another = keys[-1] in contexts.containers or contexts.means(keys[-1]) in ("@reverse", "@nest")
        under_its_id = len(keys) > 1 and contexts.containers.get(keys[-2]) == "@id"
        if not (named or part_of_another or under_its_id or "@context" in keys or self._in_data()):
            self._add("blank-node", "an object without @id is a blank node", (line, column))

    def _look_at_key(self, _: str, at: int) -> None:
        key, over, contexts = self._keys[-1], self._keys[-2] if len(self._keys) > 1 else "", self._contexts
        word = contexts.means(key)
        if over in contexts.containers:
            if contexts.containers[over] == "@language":
                self._look_at_language(key, at)
            return
        if self._objects and (word[0:1] != "@" or word in ("@id", "@value", "@type", "@reverse")):
            self._objects[-1][0].add(word)
        if ":" in key:
            self._look_at_characters(key, at)
        elif not _KEYWORDS.fullmatch(word) and (key[0:1] == "@" or not contexts.defines(key)):
            self._find("ignored-content", f'no context defines the key "{key}", so JSON-LD leaves it out', at)

    def _look_at_value(self, value: str, at: int) -> None:
        key, contexts = self._keys[-1], self._contexts
        word, kind = contexts.means(key), contexts.kinds.get(key)
        if word in _FREE:
            self._find(
                "ignored-content", "a value that no key connects with anything is left out by JSON-LD", at
            )
        elif word == "@language":
            self._look_at_language(value, at)
        elif word == "@type" or kind == "@vocab":
            if not _KEYWORDS.fullmatch(value) and not contexts.defines(value):
                self._look_at_iri(value, at)
        elif (word == "@id" or kind == "@id") and value:
            self._look_at_iri(value, at)
            if word == "@id":
                self._note_subject(contexts.expand(value), at)

    def _look_at_iri(self, written: str, at: int) -> None:
        iri = self._contexts.expand(written)
        if iri.startswith("_:"):
            self._find("blank-node", f"{iri} is a blank node", at)
        elif written.startswith("@"):
            self._find("ignored-content", f'"{written}" looks like a keyword, so JSON-LD leaves it out', at)
        elif ":" not in iri and ("" in self._contexts.bases or not self._contexts.bases):
            self._find("relative-iri", f"the IRI <{written}> is relative, and nothing says to what", at)
        else:
            self._look_at_characters(written, at)

    def _look_at_characters(self, written: str, at: int) -> None:
        if fault := iri_fault(self._contexts.expand(written)):
            self._find("bad-iri", f"the IRI <{written}> holds {fault}", at)

    def _look_at_language(self, tag: str, at: int) -> None:
        if not _LANGUAGE.fullmatch(tag) and tag != "@none":
            self._find("ignored-content", f'"{tag}" is no language tag, so JSON-LD leaves the value out', at)

    def _note_subject(self, iri: str, at: int) -> None:
        if iri not in self._subjects:
            place = self._places.of(at)
            self._subjects[iri] = place
            self._tails.setdefault(_tail(iri), place)

    def _find(self, code: str, message: str, at: int) -> None:
        self._add(code, message, self._places.of(at))

    def _add(self, code: str, message: str, place: tuple[int, int]) -> None:
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append((code, message, *place))


class _Contexts:
    """What the contexts of a file define, all taken together."""

    def __init__(self) -> None:
        self.terms: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.containers: dict[str, str] = {}
        self.bases: set[str] = set()
        self.vocabulary = False

    def take(self, keys: list[str], value: str | None) -> None:
        """Note a value inside a context to which ``keys`` lead; ``None`` is anything but a string."""
        if keys[-2:-1] == ["@context"]:
            if keys[-1] == "@base":
                self.bases.add(value or "")
            elif keys[-1] == "@vocab":
                self.vocabulary |= value is not None
            else:
                self.terms[keys[-1]] = value or ""
        elif keys[-3:-2] == ["@context"]:
            term, attribute = keys[-2:]
            self.terms.setdefault(term, "")
            if attribute in ("@id", "@reverse"):
                self.terms[term] = value or ""
            elif attribute == "@type":
                self.kinds[term] = value or ""
            elif attribute == "@container" and value in _KEYED:
                self.containers[term] = value

    def defines(self, term: str) -> bool:
        """Tell whether a term becomes an IRI, or is left out by intent."""
        return self.vocabulary or term in self.terms

    def expand(self, written: str, depth: int = 10) -> str:
        """Return the IRI that a compact or absolute IRI stands for (JSON-LD 1.1 API, 5.2)."""
        prefix, colon, rest = written.partition(":")
        meaning = self.terms.get(prefix) if colon and not rest.startswith("//") else None
        if not meaning or not depth:
            return written
        return (
            self.expand(meaning, depth - 1) if meaning.partition(":")[0] in self.terms else meaning
        ) + rest

    def means(self, key: str) -> str:
        """Return the keyword that a key is an alias of, or the key."""
        meaning = self.terms.get(key, "")
        return meaning if _KEYWORDS.fullmatch(meaning) else key


def _decoded(raw: bytes) -> str:
    if b"\\" in raw:
        try:
            return str(json.loads(b'"%b"' % raw))
        except ValueError:  # the parser will say so
            pass
    return raw.decode(errors="replace")


def _tail(iri: str) -> str:
    return re.split("[/#:]", iri)[-1]
