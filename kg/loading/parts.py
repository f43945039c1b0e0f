"""Parts of what is loaded: files and records of a journal, to be read again and again; and what is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Protocol

from pyoxigraph import Literal, Quad, RdfFormat, serialize

from kg.findings import Term
from kg.storage.store import Engine
from kg.syntax.turtle import read
from kg.terms import CLAIMS, iri

_AT_ONCE: Final = 500_000  # quads between two reports of progress


@dataclass(frozen=True, slots=True)
class Part:
    """Quads that enter together: how to read them (again and again), what errors call them, when they came.

    ``folder`` is where the texts of new sources lie; ``time`` is the ``xsd:dateTime`` at which claims that do
    not say when they were recorded are taken to have been. ``many`` is true of a file that was or is to be loaded
    in bulk. ``file`` is one that a store can load as it is: it has these quads and nothing else.
    """

    quads: Callable[[], Iterator[Quad]]
    name: str
    folder: Path | None = None
    time: str = ""
    many: bool = False
    file: Path | None = None


def file_part(path: Path, time: str = "") -> Part:
    """Return the part that a file is; it is read when the part is, and texts are looked for beside it."""
    file = path if path.suffix == ".nq" and path.is_file() else None
    return Part(lambda: read(path), str(path), path.parent, time, many=True, file=file)


def stamped(parts: Iterable[Part]) -> Iterator[Quad]:
    """Yield the quads of small parts, and of each when its claims were recorded, where they do not say."""
    claim, type_, recorded = iri("parley:Claim"), iri("rdf:type"), iri("prov:generatedAtTime")
    for part in parts:
        fresh: dict[Any, None] = {}
        timed = set()
        for quad in part.quads():
            if quad.graph_name == CLAIMS:
                if quad.predicate == type_ and quad.object == claim:
                    fresh[quad.subject] = None
                elif quad.predicate == recorded:
                    timed.add(quad.subject)
            yield quad
        if part.time:
            stamp = Literal(part.time, datatype=iri("xsd:dateTime"))
            yield from (Quad(one, recorded, stamp, CLAIMS) for one in fresh if one not in timed)


def spool(quads: Iterator[Quad], output: IO[bytes]) -> int:
    """Write the next quads as N-Quads and return how many there were."""
    count = 0

    def counted() -> Iterator[Quad]:
        nonlocal count
        for count, quad in enumerate(islice(quads, _AT_ONCE), start=1):  # noqa: B007 - read after the loop
            yield quad

    serialize(counted(), output, format=RdfFormat.N_QUADS)
    return count


class Entering(Protocol):
    """What may enter, as far as its own form and evidence go: its terms, values and shapes are yet to be checked."""

    @property
    def view_file(self) -> Path | None:
        """The view with it as N-Triples, where that is at hand."""

    def examples(self) -> Iterator[Quad]:
        """Yield quads such that what is wrong with terms or values of any quad is wrong with one of these."""

    def unclassed(self) -> Iterator[Term]:
        """Yield the things of which accepted claims tell, but not of what class they are."""

    def settle(self) -> None:
        """Let go of what only these two need."""

    def view(self) -> Engine:
        """Return a store that has the view with it."""
