"""Importing a data set: a file goes in, claims with their source texts come out, as files that can be loaded.

The text of the file is cut at the ends of rows into parts of some hundred thousand characters. Each part is a source,
part of the data set at its version, and each row a claim that quotes itself from it.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from kg.bases.ontology import ontology_triples
from kg.errors import UnreadableInput, UsageError
from kg.importing.joining import Things
from kg.importing.mappings import Mapping
from kg.importing.plans import Plan, plan
from kg.importing.saying import Row, Sayings
from kg.importing.stating import Cells, Left, names_of, read_cells, state
from kg.importing.tables import Table
from kg.storage.store import Engine
from kg.terms import BASE, CLAIMS, REFERENCE, Progress, iri

_PART: Final = 250_000
_OFTEN: Final = 1_000
_TYPE: Final = iri("rdf:type")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import. ``reasons`` counts what was left out by column and reason; ``file`` can be loaded.

    ``left_out`` is a CSV file with a line for each row, cell or statement that was left out.
    """

    data_set: NamedNode
    version: str
    rows: int
    claims: int
    sources: int
    rows_left_out: int
    reasons: dict[tuple[str, str], int]
    unused_columns: tuple[str, ...]
    encoding: str
    file: Path
    left_out: Path


def convert(  # noqa: PLR0913 - what, from where, to where, and what the file does not say
    mapping: Mapping,
    path: Path,
    store: Engine,
    target: Path,
    *,
    version: str | None = None,
    recorded: datetime | None = None,
    progress: Progress = None,
) -> Imported:
    """Write the claims of a table into the folder ``target``: ``claims.nq``, its texts, and ``left-out.csv``.

    ``store`` is the base that rows are joined to. ``version`` is needed where the file does not say its own.
    ``recorded`` is written to the claims if given; else the time of loading will count. Raises
    ``UnreadableInput`` when the file is not this data set, ``UsageError`` for what the call lacks. The file is
    read twice; memory is bounded by a part of it and by what it names. About 1,000 rows a second.
    """
    ready = plan(mapping)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target) as scratch:
        table = Table(path, ready, Path(scratch))
        work = _Work(ready, table, path, store, target, version, recorded, progress)
        return work.run()


@dataclass(slots=True)
class _Part:
    """A source text while it grows."""

    number: int = 1
    first: int = 0
    last: int = 0
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)


class _Work:
    """One import."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that an import consists of
        self,
        ready: Plan,
        table: Table,
        path: Path,
        store: Engine,
        target: Path,
        version: str | None,
        recorded: datetime | None,
        progress: Progress,
    ) -> None:
        self._plan, self._table, self._path, self._target = ready, table, path, target
        self._tell = progress or (lambda _: None)
        self._version = self._checked_version(version)
        self._slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{ready.mapping.name}-{self._version}").strip("-.")
        self._set = iri(f"source:{self._slug}")
        with path.open("rb") as file:
            self._stamp = hashlib.file_digest(file, "sha256").hexdigest()[:8]
        self._time = recorded.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if recorded else ""
        self._things = Things(store, ready, _wider())
        self._found: dict[str, dict[str, frozenset[str]]] = {}
        self._sayings = Sayings(self._things, self._set)
        self._part = _Part()
        self._rows = self._claims = self._rows_left = 0
        self._keys: dict[str, int] = {}
        self._reasons: Counter[tuple[str, str]] = Counter()

    def run(self) -> Imported:
        """Read the file twice: for the identifiers in it, and for what it says."""
        self._learn()
        file, left_out = self._target / "claims.nq", self._target / "left-out.csv"
        unfinished = self._target / "claims.nq.unfinished"
        with left_out.open("w", encoding="utf-8", newline="") as notes:
            self._notes = csv.writer(notes, lineterminator="\n")
            self._notes.writerow(Left._fields)
            try:
                with unfinished.open("wb") as output:
                    serialize(self._quads(), output, RdfFormat.N_QUADS)
                if self._rows:
                    unfinished.replace(file)
            finally:
                unfinished.unlink(missing_ok=True)
        if not self._rows:
            raise UnreadableInput("the file has no rows", where=str(self._path), remedy="download it again")
        header = self._table.header
        return Imported(
            self._set,
            self._version,
            self._rows,
            self._claims,
            self._part.number,
            self._rows_left,
            dict(self._reasons.most_common()),
            header.unused,
            self._table.encoding,
            file,
            left_out,
        )

    def _checked_version(self, stated: str | None) -> str:
        """Return the version that the file says or the caller states; ``UsageError`` for none, or for two."""
        at = self._table.header.places.get(self._plan.version)
        first = next(self._table.records(), None)
        own = first.cells[at].strip() if at is not None and first and not first.fault else ""
        name = self._plan.mapping.name
        if own and stated and own != stated:
            what = f"{self._path.name} says that it is version {own} of {name}, not {stated}"
            raise UsageError(what, remedy="leave out --version")
        if not own and not stated:
            what = f"{self._path.name} does not say which version of {name} it is"
            raise UsageError(what, remedy="state it, as in --version 1.0")
        return own or stated or ""

    def _learn(self) -> None:
        """Note which identifiers the file gives things, and what its names stand for."""
        identities = [rule for rule in self._plan.rules if rule.predicate in self._things.properties]
        looking = [rule for rule in self._plan.rules if rule.lookup and rule.value is not None]
        if not identities and not looking:
            return
        names: dict[str, dict[str, set[str]]] = {rule.name: {} for rule in looking}
        used = frozenset[str]().union(*(rule.columns() for rule in (*identities, *looking)))
        inputs = tuple(column for column in self._plan.inputs if column.name in used)
        few = replace(self._plan, rules=tuple(identities), inputs=inputs)
        for record in self._table.records():
            cells = read_cells(few, self._table.header, record, self._version)
            for said in state(few, cells, {}):
                if not isinstance(said, Left) and isinstance(said.value, Literal):
                    self._things.learn(said.subject, said.rule.predicate, said.value.value)
            for rule in looking:
                for name, thing in names_of(rule, cells):
                    names[rule.name].setdefault(name, set()).add(thing)
            self._progress("looking for identifiers", record.number)
        self._found = {
            rule: {name: frozenset(things) for name, things in found.items()} for rule, found in names.items()
        }

    def _quads(self) -> Iterator[Quad]:
        yield from self._data_set()
        for record in self._table.records():
            self._rows = record.number
            if self._part.length >= _PART:
                yield from self._finish_part("")
                self._part = _Part(self._part.number + 1)
            part = self._part
            part.first = part.first or record.number
            part.last = record.number
            part.add(record.lead)
            start = part.length
            part.add(record.text)
            cells = read_cells(self._plan, self._table.header, record, self._version)
            yield from self._row(cells, start)
            self._progress("writing claims", record.number)
        yield from self._finish_part(self._table.rest())

    def _row(self, cells: Cells, start: int) -> Iterator[Quad]:
        """Yield the claim of a row, or note why there is none."""
        for one in cells.left:
            self._leave(one)
        key = "-".join(quote(cells.texts.get(name) or "", safe="") for name in self._plan.row)
        if not cells.unfit and key in self._keys:
            self._leave(cells.leave("", key, f"the key is that of row {self._keys[key]}"))
            cells.unfit = True
        if cells.unfit:
            self._rows_left += 1
            return
        self._keys[key] = cells.record.number
        main = self._plan.about.expand(cells.texts) if self._plan.about else None
        row = self._sayings.say(state(self._plan, cells, self._found), cells, main)
        for one in dict.fromkeys(row.left):  # a rule may meet the same for each item of a list
            self._leave(one)
        yield from row.reference
        if not row.content:
            self._leave(cells.leave("", key, "nothing can be said of the row"))
            self._rows_left += 1
            return
        yield from self._claim(key, row, cells.record.text, start)
        self._claims += 1

    def _claim(self, key: str, row: Row, words: str, start: int) -> Iterator[Quad]:
        source = self._source()
        claim = NamedNode(f"{BASE}claim/{source.value.removeprefix(BASE + 'source/')}/{key}")
        about: list[tuple[str, NamedNode | Literal]] = [
            ("rdf:type", iri("parley:Claim")),
            ("prov:hadPrimarySource", source),
            ("prov:wasAttributedTo", source),
            ("oa:exact", Literal(words)),
            ("oa:start", Literal(start)),
            ("oa:end", Literal(start + len(words))),
        ]
        if self._time:
            about.append(("prov:generatedAtTime", Literal(self._time, datatype=iri("xsd:dateTime"))))
        yield from (Quad(claim, iri(term), value, CLAIMS) for term, value in about)
        yield from (Quad(one.subject, one.predicate, one.object, claim) for one in row.content)

    def _source(self) -> NamedNode:
        return iri(f"source:{self._slug}-{self._stamp}-{self._part.number}")

    def _data_set(self) -> Iterator[Quad]:
        """Describe the data set at its version, as reference data do."""
        described = self._plan.mapping
        yield Quad(self._set, _TYPE, iri("dcat:Dataset"), REFERENCE)
        yield Quad(self._set, iri("dcat:version"), Literal(self._version), REFERENCE)
        yield Quad(self._set, iri("dcterms:title"), Literal(described.title, language="en"), REFERENCE)
        yield Quad(
            self._set, iri("dcterms:description"), Literal(described.description, language="en"), REFERENCE
        )
        yield Quad(self._set, iri("dcterms:publisher"), Literal(described.publisher), REFERENCE)
        yield Quad(self._set, iri("dcterms:license"), NamedNode(described.licence), REFERENCE)

    def _finish_part(self, rest: str) -> Iterator[Quad]:
        """Write the text of a part, and describe it as a source."""
        part, source = self._part, self._source()
        if not part.first:
            return
        part.add(rest)
        content = "".join(part.pieces).encode()
        (self._target / f"{source.value.removeprefix(BASE + 'source/')}.txt").write_bytes(content)
        title = f"{self._plan.mapping.title} {self._version}, rows {part.first} to {part.last}"
        yield Quad(source, _TYPE, iri("parley:Source"), CLAIMS)
        yield Quad(source, iri("dcterms:title"), Literal(title, language="en"), CLAIMS)
        yield Quad(source, iri("dcterms:isPartOf"), self._set, CLAIMS)
        yield Quad(source, iri("dcterms:publisher"), Literal(self._plan.mapping.publisher), CLAIMS)
        yield Quad(source, iri("dcterms:license"), NamedNode(self._plan.mapping.licence), CLAIMS)
        yield Quad(source, iri("schema:sha256"), Literal(hashlib.sha256(content).hexdigest()), CLAIMS)

    def _leave(self, one: Left) -> None:
        self._reasons[one.column, one.reason] += 1
        self._notes.writerow(one)

    def _progress(self, what: str, row: int) -> None:
        if row % _OFTEN == 0:
            self._tell(f"{what}: row {row:,}")


def _wider() -> dict[NamedNode, frozenset[NamedNode]]:
    """Return the classes above each class of the ontology."""
    above: dict[NamedNode, set[NamedNode]] = {}
    for triple in ontology_triples():
        if triple.predicate == iri("rdfs:subClassOf") and isinstance(triple.object, NamedNode):
            above.setdefault(cast("NamedNode", triple.subject), set()).add(triple.object)
    found: dict[NamedNode, frozenset[NamedNode]] = {}

    def wider(class_: NamedNode) -> frozenset[NamedNode]:
        if class_ not in found:
            found[class_] = frozenset(above.get(class_, ())).union(*map(wider, above.get(class_, ())))
        return found[class_]

    for class_ in list(above):
        wider(class_)
    return found
