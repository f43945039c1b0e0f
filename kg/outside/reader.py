"""The program that ``proposals`` starts for one file from outside: reads the file's bytes, writes what it says.

It gets the bytes on standard input and can open nothing after that: no context, entity, import or IRI leads anywhere.
What goes out on standard output is a row of values by ``marshal``: statements as ``(N-Quads, lines and columns)``,
findings as ``(code, message, line, column)``, and ``None`` when all is read. It takes little of the package and of the
standard library, so that it starts in 25 ms.
"""

from __future__ import annotations

import _thread
import gc
import marshal
import os
import re
import sys
from array import array

if __name__ == "__main__":  # started without site-packages, told where pyoxigraph and the package lie
    sys.path += sys.argv[1:]

import pyoxigraph as ox

from kg.outside.scan import LONGEST_IRI, Feed, Places, iri_fault
from kg.outside.worker import NO_MEMORY, end_with_parent, open_no_more, set_limits

TYPE_CHECKING = False  # typing itself would take a fifth of the start
if TYPE_CHECKING:
    from typing import IO, Any, TypeAlias

    from kg.outside.jsonld import Scan

    _Placed: TypeAlias = tuple[ox.Quad, tuple[int, int]]

_BLOCK = 1000  # statements
_MOST_FINDINGS = 100
_NOWHERE = b"relative-to-nothing:/"
_NOT_ASCII = re.compile(rb"<[^<>\n\x80-\xff]*+[\x80-\xff]")
_PLACE = re.compile(r"Parser error (?:at|between) [^:]*: ")
_IRI_FAULT = re.compile(r"invalid (?:IRI|host|port|character)|IRI path|no scheme")


def main() -> None:
    """Read the file on standard input, say on standard output what it says, then end the process."""
    status = 0
    gc.disable()  # it would go through all statements again and again, and there are no cycles
    try:
        _thread.start_new_thread(end_with_parent, ())
        request = marshal.load(sys.stdin.buffer)  # noqa: S302 - from our own parent
        if request["syntax"] == ox.RdfFormat.JSON_LD.media_type:
            import kg.outside.jsonld  # noqa: F401 - now, because later nothing can be opened
        set_limits(request)
        open_no_more()
        _Reading(request, sys.stdout.buffer).run()
        sys.stdout.buffer.flush()
    except MemoryError:
        status = NO_MEMORY
    os._exit(status)  # without taking anything apart: nothing here outlives the process


class _Enough(Exception):
    """Raised where reading ends early, with the code and the message that say why, and line and column."""


class _Reading:
    """One file being read: what has been found and written so far."""

    def __init__(self, request: dict[str, Any], output: IO[bytes]) -> None:
        self._request, self._output = request, output
        self._seen: set[tuple[str, int | str]] = set()
        self._sound: set[str] = set()
        self._blank_nodes_said = False
        self._statements = self._bytes = self._findings = self._mistake_in = 0

    def run(self) -> None:
        """Read the file to its end or to the limit that it breaks."""
        syntax: ox.RdfFormat = ox.RdfFormat.from_media_type(self._request["syntax"])  # type: ignore[assignment] # our parent has it
        try:
            text = self._text()
            if syntax == ox.RdfFormat.JSON_LD:
                self._read_json(text)
            else:
                self._read_turtle(text, syntax)
        except _Enough as reason:
            self._put(reason.args)
        self._put(None)

    def _text(self) -> bytes:
        """Return the file's text in UTF-8; ``_Enough`` where it is none."""
        text: bytes = self._request["content"]
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise _Enough("encoding", "the file is UTF-16, not UTF-8", 1, 1)
        if text.startswith(b"\xef\xbb\xbf"):
            self._find("byte-order-mark", "the file begins with a byte-order mark", (1, 1))
            text = text[3:]
        if (nul := text.find(b"\0")) >= 0:
            raise _Enough("encoding", "a NUL character: this is no text in UTF-8", *Places(text).of(nul))
        try:
            text.decode()
        except UnicodeDecodeError as error:
            at = Places(text).of(error.start)
            raise _Enough("encoding", f"the byte {text[error.start]:02X} is not UTF-8 here", *at) from None
        return text

    def _read_turtle(self, text: bytes, syntax: ox.RdfFormat) -> None:
        """Read Turtle, TriG, N-Triples or N-Quads; after a mistake the parser goes on with the next statement."""
        lines = syntax in (ox.RdfFormat.N_TRIPLES, ox.RdfFormat.N_QUADS)
        feed = Feed(text, lines=lines, deepest=self._request["nesting"], longest=self._request["literal"])
        places, block = Places(text), []
        quads = ox.parse(feed, syntax)  # type: ignore[arg-type] # all that it calls is read
        while True:
            try:
                for quad in quads:
                    block.append((quad, places.of(feed.object_at)))
                    if len(block) == _BLOCK:
                        self._write(block)
                        block = []
                break
            except SyntaxError as error:
                if feed.broken:
                    break
                self._find_mistake(error, places)
        self._write(block)
        if feed.broken:
            raise _Enough(*feed.broken, *places.of(feed.object_at))

    def _read_json(self, text: bytes) -> None:
        from kg.outside.jsonld import Broken, Scan

        try:
            scan = Scan(text, deepest=self._request["nesting"], longest=self._request["literal"])
        except Broken as broken:
            code, message, at = broken.args
            raise _Enough(code, message, *Places(text).of(at)) from None
        codes = {code for code, *_ in scan.findings}
        self._blank_nodes_said = "blank-node" in codes
        # Without its context the rest of a file has no meaning, and what is no JSON has no other mistakes.
        if "remote-context" in codes or not text.strip() or self._parse_json(text, scan):
            self._find_all(scan)

    def _parse_json(self, text: bytes, scan: Scan) -> bool:
        """Write the statements of JSON-LD, which come when nearly all has been read; return whether it is JSON."""
        block: list[_Placed] = []
        try:
            for quad in ox.parse(text, ox.RdfFormat.JSON_LD, base_iri=_NOWHERE.decode()):
                if not block:
                    self._find_all(scan)  # before the same is seen in the statements, with a place less exact
                block.append((quad, scan.place(quad.subject.value)))
                if len(block) == _BLOCK:
                    self._write(block)
                    block = []
            self._write(block)
        except SyntaxError as error:
            if error.lineno or not scan.findings:
                self._find_mistake(error, Places(text))
            return not error.lineno
        return True

    def _find_all(self, scan: Scan) -> None:
        for code, message, line, column in scan.findings:
            self._find(code, message, (line, column))

    def _find_mistake(self, error: SyntaxError, places: Places) -> None:
        line, column, end_line, end = (number or 0 for number in (*error.args[1][1:3], *error.args[1][4:6]))
        message = _PLACE.sub("", error.msg)
        if not message[1:2].isupper():  # IRI, JSON
            message = message[:1].lower() + message[1:]
        code = "undeclared-prefix" if message.startswith("the prefix") else "syntax"
        if _IRI_FAULT.match(message):
            code = "relative-iri" if message.startswith("no scheme") else "bad-iri"
            if line and line == end_line:
                message = f"{places.between(line, column, end)}: {message}"
        if code == "syntax" and line == self._mistake_in:
            return  # it follows from the mistake before it on this line
        self._mistake_in = line
        self._find(code, message, (line, column))

    def _write(self, block: list[_Placed]) -> None:
        """Write the statements of a block that may be facts; say what is wrong with the others."""
        text = ox.serialize((quad for quad, _ in block), format=ox.RdfFormat.N_QUADS) or b""
        allowed = self._request["statements"] - self._statements
        if _is_suspect(text) or len(block) > allowed:
            over = block[allowed:]
            block = [placed for placed in block[:allowed] if self._is_sound(*placed)]
            text = ox.serialize((quad for quad, _ in block), format=ox.RdfFormat.N_QUADS) or b""
        else:
            over = []
        self._put((text, array("I", [number for _, place in block for number in place]).tobytes()))
        self._statements += len(block)
        self._bytes += len(text)
        if over:
            raise _Enough(
                "limit-statements", f"more than {self._request['statements']:,} statements", *over[0][1]
            )
        if self._bytes > self._request["written"]:
            most = f"{self._request['written']:,}"
            raise _Enough(
                "limit-size", f"more than {most} bytes when prefixes are written out", *block[-1][1]
            )

    def _is_sound(self, quad: ox.Quad, place: tuple[int, int]) -> bool:
        """Tell whether a statement has only IRIs and literals, and its IRIs only characters that can be seen."""
        value = quad.object
        if isinstance(value, ox.Triple) or (isinstance(value, ox.Literal) and value.direction):
            self._find(
                "rdf-1.2", f"a value that only RDF 1.2 knows in the statement with {quad.predicate}", place
            )
            return False
        if any(isinstance(term, ox.BlankNode) for term in quad):
            if not self._blank_nodes_said:
                self._find("blank-node", f"a blank node in the statement with {quad.predicate}", place)
            return False
        iris = [term.value for term in quad if isinstance(term, ox.NamedNode)]
        if isinstance(value, ox.Literal):
            iris.append(value.datatype.value)
        return all(iri in self._sound or self._is_sound_iri(iri, place) for iri in iris)

    def _is_sound_iri(self, iri: str, place: tuple[int, int]) -> bool:
        if iri.startswith(_NOWHERE.decode()):
            relative = iri.removeprefix(_NOWHERE.decode())
            self._find("relative-iri", f"the IRI <{relative}> is relative, and nothing says to what", place)
        elif fault := iri_fault(iri):
            self._find("bad-iri", f"the IRI <{iri}> holds {fault}", place)
        elif len(iri) > LONGEST_IRI:
            self._find("bad-iri", f"the IRI <{iri[:60]}…> has more than {LONGEST_IRI:,} characters", place)
        else:
            self._sound.add(iri)
            return True
        return False

    def _find(self, code: str, message: str, place: tuple[int, int]) -> None:
        """Write a finding, unless the same was said before; of blank nodes and RDF 1.2 one for each line."""
        mark = (code, place[0] if code in ("blank-node", "rdf-1.2") else message)
        if mark in self._seen:
            return
        self._seen.add(mark)
        if self._findings == _MOST_FINDINGS:
            most = f"more than {_MOST_FINDINGS} findings; the rest of the file was not looked at"
            raise _Enough("limit-findings", most, *place)
        self._findings += 1
        self._put((code, message, *place))

    def _put(self, value: tuple[Any, ...] | None) -> None:
        self._output.write(marshal.dumps(value))


def _is_suspect(text: bytes) -> bool:
    """Tell whether N-Quads may hold a statement that is no fact: quickly, and sometimes wrongly yes."""
    return (
        any(mark in text for mark in (b"_:", b"<<(", b"--", _NOWHERE))
        or max(map(len, text.splitlines()), default=0) > LONGEST_IRI
        or (not text.isascii() and _NOT_ASCII.search(text) is not None)
    )


if __name__ == "__main__":
    main()
