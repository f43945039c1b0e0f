"""Proposals: files from outside, read with limits in a process of their own, every statement with its place.

Whatever a file holds, reading it ends in statements and findings within the limits; and nothing that it names is
opened or looked up, no context, entity, import or IRI. The program in ``reader`` does the reading.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import re
import stat
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from kg.errors import ParleyError, UnreadableInput, UsageError
from kg.findings import Check, Finding, Place
from kg.outside import reader
from kg.outside.sandbox import Ahead, limit_reached
from kg.terms import PREFIXES, short

SYNTAXES: Final = {
    ".ttl": RdfFormat.TURTLE,
    ".trig": RdfFormat.TRIG,
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".jsonld": RdfFormat.JSON_LD,
}
"""The syntaxes in which facts may be proposed, by the end of a file's name."""

_LONGEST_LITERAL = 16_000_000  # the parser ends at 2^24 bytes
_LONGEST_MESSAGE, _LONGEST_IRI = 400, 100
_FAILED = 1
_LIMIT_REACHED = {
    "time": "reading stopped after {0.seconds:g} s",
    "memory": "reading took more than {0.memory:,} MiB of memory",
    "nesting": "the file is too deeply nested to read",
}
_IRI = re.compile(r"<([^<>\s]+)>")
_PREFIX = re.compile("the prefix ([^ ]*): ")
_CODE_POINT = re.compile(r"U\+([0-9A-F]{4,6})")


class Statement(NamedTuple):
    """A statement as it was written, its literal too, and where its object stands.

    A named tuple, as a proposal may have a million of them and a frozen dataclass takes twice as long to make.
    """

    quad: Quad
    place: Place


@dataclass(frozen=True, slots=True)
class Proposal:
    """What files handed in together say: statements of IRIs and literals only, and what is wrong with the rest."""

    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file that a program hands in: the name that findings call it by, its bytes, its syntax."""

    name: str
    content: bytes
    syntax: RdfFormat | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much reading a proposal may take.

    ``seconds`` and ``statements`` are for the whole proposal; ``memory`` is in MiB, for the process that reads a
    file; ``size`` and ``literal`` are in bytes, for a file and for a literal or a name in it; ``nesting`` counts
    brackets in brackets.
    """

    seconds: float = 60.0
    memory: int = 1024
    size: int = 64 << 20
    nesting: int = 100
    literal: int = 1 << 20
    statements: int = 1_000_000

    def __post_init__(self) -> None:
        for name in self.__slots__:
            most = _LONGEST_LITERAL if name == "literal" else 1 << 40
            if not 0 < getattr(self, name) <= most:
                raise UsageError(
                    f"a limit of {getattr(self, name)} for {name}",
                    remedy=f"choose more than 0 and at most {most:,}",
                )


def read_proposal(
    files: Sequence[Path | Document], limits: Limits = Limits(), syntax: RdfFormat | None = None
) -> Proposal:
    """Read files that are one proposal.

    The end of a path's name tells its syntax (see ``SYNTAXES``) unless ``syntax`` does. Statements come in the order
    of the files and, from Turtle and its kin, of the text. A place is that of the statement's object; from JSON-LD it
    is where its subject first stands as an ``@id``. Statements with blank nodes, with what only RDF 1.2 knows or with
    IRIs that cannot be are findings and not among the statements; after a mistake in Turtle the rest of the file is
    still read, and so are the other files. Blank files say nothing and are no finding.

    Raises ``UnreadableInput`` for a path that cannot be opened or is no plain file. Costs 25 ms a file, and three
    times what the parser alone takes.
    """
    statements: list[Statement] = []
    findings: list[Finding] = []
    deadline = time.monotonic() + limits.seconds
    documents = [file if isinstance(file, Document) else _opened(file, syntax, limits) for file in files]
    for document in documents:
        found = list(_refusals(document, limits))
        if not found:
            left = limits.statements - len(statements)
            found = sorted(
                _read(document, limits, deadline, left, statements),
                key=lambda finding: finding.place or Place(""),
            )
        findings += found
    return Proposal(tuple(statements), tuple(findings))


def _opened(path: Path, syntax: RdfFormat | None, limits: Limits) -> Document:
    """Return a plain file's content, at most one byte more than it may have, without ever waiting for it."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    where = _visible(str(path))
    try:
        if path.is_dir():
            raise UnreadableInput("is a folder", where=where, remedy="name the files in it")
        if not stat.S_ISREG(path.stat().st_mode):  # before it is opened: to open some devices does something
            raise UnreadableInput("is no plain file", where=where, remedy="save it as a file first")
        with open(path, "rb", opener=opener) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UnreadableInput("is no plain file", where=where, remedy="save it as a file first")
            content = stream.read(limits.size + 1) or b""
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise UnreadableInput(f"cannot be read: {what}", where=where, remedy="check the path") from error
    return Document(where, content, syntax or SYNTAXES.get(path.suffix.lower()))


def _refusals(document: Document, limits: Limits) -> Iterator[Finding]:
    """Yield why a file is not read at all."""
    place = Place(document.name)
    if document.syntax not in SYNTAXES.values():
        what = (
            "RDF/XML"
            if document.syntax == RdfFormat.RDF_XML
            else "a file whose name does not tell its syntax"
        )
        if document.syntax is None and document.name.lower().endswith((".rdf", ".owl", ".xml")):
            what = "RDF/XML"
        yield _finding("syntax-not-accepted", f"{what} is not accepted as a proposal", place)
    elif len(document.content) > limits.size:
        yield _finding("limit-size", f"the file has more than {limits.size:,} bytes", place)


def _read(
    document: Document, limits: Limits, deadline: float, left: int, statements: list[Statement]
) -> Iterator[Finding]:
    """Have a file read in a process of its own; append its statements, yield its findings."""
    request = {
        "content": document.content,
        "syntax": cast("RdfFormat", document.syntax).media_type,
        "seconds": max(0.0, deadline - time.monotonic()),
        "memory": limits.memory << 20,
        "size": 0,  # of any file that it would write
        "written": 4 * limits.size,
        "nesting": limits.nesting,
        "literal": limits.literal,
        "statements": left,
    }
    name = document.name
    for value in _values(request, limits, name):
        if isinstance(value[0], bytes):
            numbers = memoryview(value[1]).cast("I")
            quads = parse(value[0], RdfFormat.N_QUADS)
            statements += [
                Statement(quad, Place(name, line, column))
                for quad, line, column in zip(quads, numbers[::2], numbers[1::2], strict=True)
            ]
        else:
            code, message, line, column = value
            yield _finding(code, message, Place(name, line, column))


_readers: Final = Ahead(reader.__file__)


def _values(request: dict[str, Any], limits: Limits, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield what the reader says while it reads; if it did not come to the end, at last the limit that ended it."""
    with _readers.take() as process:
        input_, output, errors = (
            cast("IO[bytes]", stream) for stream in (process.stdin, process.stdout, process.stderr)
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(request["seconds"], end)
        timer.start()
        try:
            with contextlib.suppress(OSError), input_:  # it may be gone already
                marshal.dump(request, input_)
            while (value := _next(output)) is not None:
                if not value:
                    return
                yield value
            status, said = process.wait(), errors.read().decode(errors="replace")
        finally:
            timer.cancel()
            process.kill()
            _readers.prepare()
    if status == _FAILED and not late.is_set():
        raise ParleyError(f"the reader failed: {said[-200:]}", where=name, remedy="report this")
    limit = "time" if late.is_set() else limit_reached(status, said)
    yield f"limit-{limit}", _LIMIT_REACHED[limit].format(limits), 0, 0


def _next(output: IO[bytes]) -> tuple[Any, ...] | None:
    """Return the reader's next value, an empty one at its end, ``None`` where it broke off."""
    try:
        return marshal.load(output) or ()  # noqa: S302 - from our own program
    except (EOFError, ValueError, TypeError):
        return None


def _finding(code: str, message: str, place: Place) -> Finding:
    text = _visible(_IRI.sub(_shortened, message))
    if found := _CODE_POINT.search(text):
        name = unicodedata.name(chr(int(found[1], 16)), "")
        text = f"{text[: found.end()]} ({name.lower()}){text[found.end() :]}" if name else text
    remedy = CHECKS[code].remedy
    if (prefix := _PREFIX.match(message)) and prefix[1] in PREFIXES:
        remedy = f"write @prefix {prefix[1]}: <{PREFIXES[prefix[1]]}> . at the top of the file"
    return Finding(code, CHECKS[code].severity, text, remedy, place)


def _shortened(found: re.Match[str]) -> str:
    try:
        return (
            short(NamedNode(found[1])) if len(found[1]) <= _LONGEST_IRI else f"<{found[1][:_LONGEST_IRI]}…>"
        )
    except ValueError:  # not all that is said about an IRI is about one
        return found[0]


def _visible(text: str) -> str:
    """Return a text with escapes for what a terminal would hide or obey, and not too long to print."""
    clipped = text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in clipped)


CHECKS: Final[dict[str, Check]] = {
    "syntax": Check(
        "The file breaks the grammar of its syntax.",
        "What cannot be read in one way only cannot be checked.",
        "correct the statement at this place, or just before it",
    ),
    "undeclared-prefix": Check(
        "A name has a prefix that the file does not declare above it.",
        "A file must mean the same wherever it is read, so it brings its prefixes along.",
        "declare the prefix at the top of the file, or correct it",
    ),
    "syntax-not-accepted": Check(
        "The file is in a syntax in which nothing can be proposed, RDF/XML among them.",
        "An XML entity can grow a small file until memory ends, in every parser at hand; and a guess is no syntax.",
        "write it as Turtle (.ttl), TriG (.trig), N-Triples (.nt), N-Quads (.nq) or JSON-LD (.jsonld)",
    ),
    "encoding": Check(
        "The file is not text in UTF-8.",
        "Quotes are compared character by character, so there must be no doubt which characters these are.",
        "save the file as UTF-8",
    ),
    "byte-order-mark": Check(
        "The file begins with a byte-order mark.",
        "The mark shifts positions, and no syntax of RDF has a place for it.",
        "save the file as UTF-8 without a byte-order mark",
    ),
    "remote-context": Check(
        "A JSON-LD context is a name of something elsewhere: a string as `@context`, or `@import`.",
        "Nothing is fetched; and what lies elsewhere could give the same file another meaning tomorrow.",
        "write the context's terms into the file itself",
    ),
    "ignored-content": Check(
        "A part of a JSON-LD file says nothing in RDF, so the processor would leave it out without a word.",
        "A proposal is accepted whole or refused whole; nothing in it may be lost.",
        "define the key in the file's @context, write its IRI out, or remove it",
    ),
    "relative-iri": Check(
        "An IRI is relative, and the file does not say to what.",
        "A file must mean the same wherever it lies.",
        "write the whole IRI, or declare a base or a prefix",
    ),
    "bad-iri": Check(
        "An IRI holds what none may hold: a space, a bracket, a character that cannot be seen or turns the writing.",
        "Two names that look the same must be the same.",
        "write the IRI without it, or percent-encode what belongs there",
    ),
    "rdf-1.2": Check(
        "The file uses what only RDF 1.2 has: a triple as a value, an annotation, a text direction.",
        "Few tools read it yet, and claims say who says what without it.",
        "state the triple itself in a claim; leave out text directions",
    ),
    "blank-node": Check(
        "A statement has a blank node as its subject, its value or its graph.",
        "Facts are withdrawn, cited and compared by name; a blank node has none.",
        "give the thing an IRI",
    ),
    "limit-size": Check(
        "The file is larger than the limit, as it is or with its prefixes written out.",
        "Reading a file from outside must take bounded time and memory.",
        "split the file, or load it with kg load",
    ),
    "limit-time": Check(
        "Reading took longer than the limit.",
        "Reading a file from outside must take bounded time.",
        "split the proposal, or raise the limit",
    ),
    "limit-memory": Check(
        "Reading took more memory than the limit.",
        "Reading a file from outside must take bounded memory.",
        "split the file, or raise the limit",
    ),
    "limit-nesting": Check(
        "Brackets are nested deeper than the limit.",
        "Facts are flat; deep nesting ends parsers.",
        "write each thing as a block of its own",
    ),
    "limit-literal": Check(
        "A single literal, number, name or IRI is longer than the limit.",
        "No fact is that long; the text of a source is handed in beside the facts.",
        "shorten it, or hand in a source's text as a file of its own",
    ),
    "limit-statements": Check(
        "The proposal has more statements than the limit.",
        "What is checked statement by statement must have an end.",
        "split the proposal, or load it with kg load",
    ),
    "limit-findings": Check(
        "So much of the file is wrong that reading it ended early.",
        "A list of mistakes is of use as long as a person can read it.",
        "correct what is named and hand it in again",
    ),
}
"""What reading can find, by its code."""
