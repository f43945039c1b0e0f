"""What can be told of a text from outside beside its parser: where things stand, and which characters hide.

How a statement of Turtle gets its line: the parser asks for more text only when it needs more. So it is fed up to
the end of one object at a time (a comma, a semicolon, a full stop), and the object of a statement that comes out is
the last one that went in. The text itself is never changed: where a cut is wrong, only a place can be.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing itself would take a fifth of the start of a worker
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

LONGEST_IRI: Final = 4096
"""In characters, prefix written out; browsers and servers give up at about half of that."""

_GAP = rb"(?:[ \t\r\n]++|\#[^\r\n]*+)"
_IRI = rb"<(?![<>])[^<>\r\n]*+>|<>"
_STRING = (
    rb'(?:"""(?:[^"\\]++|\\.|"(?!""))*+"""|"(?:[^"\\\r\n]++|\\.)*+"'
    rb"|'''(?:[^'\\]++|\\.|'(?!''))*+'''|'(?:[^'\\\r\n]++|\\.)*+')"
)
_NUMBER = rb"[+-]?(?:\d++(?:\.(?=[\deE])\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+(?![\w:-])"
_NODE = rb"_:(?:[\w\x80-\xff-]|\.++(?=[\w\x80-\xff-]))*+"
_PLAIN = rb"[^\s<>\"'()\[\]{},;.\#\\]"
_NAME = rb"(?:%b|\\.)(?:%b++|\\.|\.++(?=[\w:%%\\\x80-\xff-]))*+" % (_PLAIN, _PLAIN)
_LITERAL = rb"%b(?:%b*+(?:\^\^%b*+(?:%b|%b)|@[A-Za-z0-9-]++))?+" % (_STRING, _GAP, _GAP, _IRI, _NAME)
_TERM = b"|".join((_IRI, _NUMBER, _NODE, _NAME, _LITERAL))
_DIRECTIVE = rb"@(?:prefix%b*+[^\s:<]*+:|base)%b*+(?:%b)%b*+\." % (_GAP, _GAP, _IRI, _GAP)
_NEXT = (
    rb"(?:[\x00-\x7f]|[\x80-\xff][\x80-\xbf]*+)?+"  # the character that the parser looks at before it goes on
)
_OBJECT = rb"(?:%b|%b|(%b|<(?!<)|>(?!>)|[\\\"'\x0b\x0c]))*+(<<|>>|[,;.()\[\]{}])?+" % (
    _GAP,
    _DIRECTIVE,
    _TERM,
)
_LINE = rb"(?:[ \t]*+(?:%b)[ \t]*+(?:%b)[ \t]*+(%b))?+()[^\r\n]*+[\r\n]*+" % (_TERM, _TERM, _TERM)
_PART = rb"(?P<gap>%b++)|%b|." % (_GAP, _TERM)
_BRACKETS = {b"(": 1, b"[": 1, b"{": 1, b"<<": 1, b")": -1, b"]": -1, b"}": -1, b">>": -1}
_INNER_BYTE = 0x80  # of a character in UTF-8, by its first two bits
_LONGEST_LINE = 100_000
_NO_IRI_CHARACTER = re.compile('[\x00- <>"{}|\\\\^`\x7f]')
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Characters that show nothing though Unicode counts them as letters, marks or symbols."""


def iri_fault(iri: str) -> str:
    r"""Return what no IRI may hold, as ``U+200B``, or nothing: characters that cannot be seen, spaces, brackets.

    RFC 3987, 2.2 and 4.1; invisible letters and marks beyond that, as two IRIs must not look the same by them.

    >>> iri_fault("https://example.org/Türkiye"), iri_fault("https://example.org/a\u200bb")
    ('', 'U+200B')
    """
    if found := _NO_IRI_CHARACTER.search(iri):
        return f"U+{ord(found[0]):04X}"
    if iri.isascii():
        return ""
    hidden = next((char for char in iri if not char.isprintable() or _UNSEEN.match(char)), "")
    return f"U+{ord(hidden):04X}" if hidden else ""


class Places:
    r"""Tells line and column of byte offsets, quickly where they grow; columns count code points; both start at 1.

    >>> places = Places("é <a>\r\n<b>".encode())
    >>> places.of(3), places.of(8)
    ((1, 3), (2, 1))
    """

    def __init__(self, text: bytes) -> None:
        # Every end of a line becomes one newline, and offsets stay as they are.
        self._text = text.replace(b"\r\n", b" \n").replace(b"\r", b"\n") if b"\r" in text else text
        self._ascii = text.isascii()
        self._at, self._line, self._column = 0, 1, 1
        self._seen_at, self._seen_line = 0, 1

    def of(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset."""
        if offset < self._at:
            self._at, self._line, self._column = 0, 1, 1
        start = self._at
        if lines := self._text.count(b"\n", start, offset):
            self._line += lines
            self._column = 1
            start = self._text.rindex(b"\n", start, offset) + 1
        self._column += (
            offset - start if self._ascii else len(self._text[start:offset].decode(errors="replace"))
        )
        self._at = offset
        return self._line, self._column

    def between(self, line: int, column: int, end: int) -> str:
        """Return what stands in a line between two columns, quickly where lines grow; nothing of a very long line."""
        if line < self._seen_line:
            self._seen_at, self._seen_line = 0, 1
        for _ in range(line - self._seen_line):
            self._seen_at = self._text.find(b"\n", self._seen_at) + 1
        self._seen_line = line
        stop = self._text.find(b"\n", self._seen_at)
        found = self._text[self._seen_at : stop if stop >= 0 else len(self._text)]
        return found.decode(errors="replace")[column - 1 : end - 1] if len(found) <= _LONGEST_LINE else ""


class Feed:
    """A text as a parser reads it: one object (or line) at a time, and not beyond what breaks a limit.

    ``object_at`` is the offset of the object that went in last; ``broken`` the limit that ended it, if one did, as
    code and message. ``lines`` says that the text is N-Triples or N-Quads.
    """

    def __init__(self, text: bytes, *, lines: bool, deepest: int, longest: int) -> None:
        self.object_at = 0
        self.broken: tuple[str, str] | None = None
        self._deepest, self._longest, self._depth = deepest, longest, 0
        self._pieces = self._cut(text, re.compile(_LINE if lines else _OBJECT, re.DOTALL))
        self._rest, self._given = b"", 0

    def read(self, size: int) -> bytes:
        """Return the next piece, at most ``size`` bytes; nothing at the end, or where a limit is reached."""
        if not self._rest:
            piece = next(self._pieces, b"")
            if len(piece) <= size:
                return piece
            self._rest, self._given = piece, 0
        start, self._given = self._given, self._given + size
        piece = self._rest[start : self._given]
        if self._given >= len(self._rest):
            self._rest = b""
        return piece

    def _cut(self, text: bytes, pattern: re.Pattern[bytes]) -> Iterator[bytes]:
        start, end = 0, len(text)
        for found in pattern.finditer(text):
            # Group 1 is the object: the last term before a comma, semicolon, full stop or bracket; the third of a line.
            at, (before, after) = found.start(1), found.span()
            if before == after:
                return
            self.object_at = at if at >= 0 else after - 1  # a bracket
            if found[2] in _BRACKETS:
                self._nest(_BRACKETS[found[2]])
            if after - before > self._longest:
                self._measure(text, found)
            if self.broken:
                return
            # The character after it goes along, because the parser looks at that before it goes on.
            stop = after + 1
            while stop < end and text[stop] & 0xC0 == _INNER_BYTE:
                stop += 1
            if stop > start:
                yield text[start:stop]
                start = stop

    def _nest(self, deeper: int) -> None:
        self._depth += deeper
        if self._depth > self._deepest:
            self.broken = "limit-nesting", f"brackets in brackets, more than {self._deepest:,} deep"

    def _measure(self, text: bytes, piece: re.Match[bytes]) -> None:
        for part in re.compile(_PART, re.DOTALL).finditer(text, *piece.span()):
            if part.end() - part.start() > self._longest and part["gap"] is None:
                self.broken = "limit-literal", f"a value of more than {self._longest:,} bytes"
                self.object_at = part.start()
                return
