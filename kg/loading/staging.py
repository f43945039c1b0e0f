# ruff: noqa: S608 - what is put into SQL here are numbers and names of our own
"""Staging: millions of quads read into tables, checked there and completed by the rules, before a store is made.

What is checked, and what the view is, are those of ``bulk``. There each quad is looked at in turn; here joins find
the few of which something has to be said, and the memory that is taken does not grow with the quads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Quad

from kg.errors import Refused
from kg.evidence.claims import read_claims, text_quads, unfounded
from kg.evidence.viewpoints import impossible_times
from kg.findings import Finding, Place, Severity, Term
from kg.language.literals import PLAIN
from kg.loading.faults import clashing, fault, ill_formed, refusal
from kg.loading.parts import Part, spool, stamped
from kg.logic.reason import complete
from kg.logic.rules import Rule
from kg.logic.tabular import TableMatcher
from kg.storage.store import Embedded
from kg.storage.tables import Tables, lexical
from kg.terms import BASE, CLAIMS, REFERENCE, RESERVED, Progress, iri

_NAMES: Final = {
    "a": "rdf:type",
    "claim": "parley:Claim",
    "source": "prov:hadPrimarySource",
    "speaker": "prov:wasAttributedTo",
    "quote": "oa:exact",
    "begin": "oa:start",
    "end": "oa:end",
    "recorded": "prov:generatedAtTime",
    "withdrawn": "prov:invalidatedAtTime",
    "text": "schema:text",
    "sha256": "schema:sha256",
}
"""The terms that the queries here name, as ``{a}`` and so on; ``{claims}`` and ``{reference}`` are the graphs."""

_TEXTS_AT_ONCE: Final = 64
_THINGS: Final = tuple(BASE + name for name in ("id/", "source/", "claim/"))
_STAMPS: Final = -1  # the number of the part that is made here
_TYPED: Final = """
CREATE OR REPLACE TABLE described AS
SELECT s AS claim, min(part) AS part FROM quad WHERE g = {claims} AND p = {a} AND o = {claim} GROUP BY s
"""
_UNTIMED: Final = """
SELECT part, claim FROM described WHERE claim NOT IN (SELECT s FROM quad WHERE g = {claims} AND p = {recorded})
"""
_TOLD: Final = """
CREATE OR REPLACE TABLE told AS WITH said AS (
    SELECT DISTINCT s, p, o FROM quad
    WHERE g = {claims} AND p IN ({source}, {speaker}, {quote}, {begin}, {end}, {recorded}, {withdrawn})
    AND s IN (SELECT claim FROM described)
)
SELECT s AS claim, max(o) FILTER (p = {source}) AS source, max(o) FILTER (p = {speaker}) AS speaker,
    max(o) FILTER (p = {quote}) AS quote, max(o) FILTER (p = {begin}) AS begin, max(o) FILTER (p = {end}) AS ending,
    max(o) FILTER (p = {recorded}) AS recorded, max(o) FILTER (p = {withdrawn}) AS withdrawn,
    count(*) FILTER (p = {source}) = 1 AND source > 0 AND count(*) FILTER (p = {speaker}) = 1 AND speaker > 0
    AND count(*) FILTER (p = {quote}) = 1 AND quote < 0 AND count(*) FILTER (p = {begin}) = 1 AND begin < 0
    AND count(*) FILTER (p = {end}) = 1 AND ending < 0
    AND count(*) FILTER (p = {recorded}) <= 1 AND count(*) FILTER (p = {withdrawn}) <= 1 AS whole
FROM said GROUP BY s
"""
_QUOTES: Final = """
SELECT told.source, told.claim, q.text, b.text, e.text FROM told JOIN term q ON q.id = quote
JOIN term b ON b.id = begin JOIN term e ON e.id = ending WHERE whole ORDER BY told.source
"""
_TEXTS: Final = """
SELECT s, any_value(text) FILTER (p = {text}), count(*) FILTER (p = {text}),
    any_value(text) FILTER (p = {sha256}), count(*) FILTER (p = {sha256})
FROM (SELECT DISTINCT s, p, o FROM quad WHERE g = {claims} AND p IN ({text}, {sha256})) JOIN term ON id = o
GROUP BY s ORDER BY s
"""
_ODD: Final = r"""
SELECT DISTINCT s, p, o, part FROM quad WHERE s IN (SELECT id FROM odd) OR o IN (SELECT id FROM odd) OR s < 0
"""
_ODD_TERMS: Final = r"""
CREATE OR REPLACE TABLE odd AS SELECT id FROM term WHERE starts_with(text, '_:') OR starts_with(text, '<<')
OR regexp_matches(text, '"@[A-Za-z0-9-]+--(ltr|rtl)$')
"""
_OUTSIDE: Final = """
SELECT g, any_value(s), any_value(part) FROM quad JOIN term ON id = g WHERE g NOT IN ({claims}, {reference})
AND (text = '' OR starts_with(text, '_:') OR starts_with(text, '<{base}graph/')) GROUP BY g
"""
_UNDESCRIBED: Final = """
SELECT g, min(part) FROM quad WHERE g NOT IN ({claims}, {reference}) AND NOT EXISTS (
    SELECT 1 FROM quad it WHERE it.s = quad.g AND it.g = {claims} AND it.p = {a} AND it.o = {claim}
    AND (it.part >= {new}) = (quad.part >= {new})
) GROUP BY g
"""
_CHANGED: Final = """
WITH old AS (SELECT DISTINCT s FROM quad WHERE g = {claims} AND part < {new} AND part <> -1),
    said AS (
        SELECT DISTINCT CASE WHEN g = {claims} THEN s ELSE g END AS about, s, p, o, g FROM quad
        WHERE part >= {new} AND CASE WHEN g = {claims} THEN s ELSE g END IN (SELECT s FROM old)
    )
SELECT DISTINCT about FROM said WHERE NOT EXISTS (
    SELECT 1 FROM quad known WHERE known.part < {new} AND known.s = said.s AND known.p = said.p
    AND known.o = said.o AND known.g = said.g
)
"""
_TIMES: Final = """
SELECT told.claim, r.text, w.text FROM told JOIN described USING (claim)
LEFT JOIN quad stated ON stated.s = claim AND stated.p = {recorded} AND stated.g = {claims} AND stated.part >= 0
LEFT JOIN term r ON r.id = stated.o LEFT JOIN term w ON w.id = withdrawn
WHERE described.part >= {new} AND whole AND (r.text IS NOT NULL OR w.text IS NOT NULL)
"""
_ACCEPTED: Final = """
CREATE OR REPLACE TABLE accepted AS SELECT claim FROM told WHERE source = speaker AND withdrawn IS NULL
"""
_HELD: Final = """
INSERT INTO triple SELECT DISTINCT s, p, o FROM quad
WHERE g = {reference} OR g IN (SELECT claim FROM accepted) ORDER BY p, o
"""
# Of quads that fare alike when terms and values are checked, one: those with the same property, in the same kind of
# place, with a thing for their value, or text in common letters of one datatype or language.
_EXAMPLES: Final = r"""
WITH kinds AS (
    SELECT id, CASE WHEN regexp_full_match(text, '"[ -\[\]-~{plain}]*"(@[a-z0-9-]+)?')
        THEN regexp_extract(text, '@[a-z0-9-]+$')
    WHEN {things} THEN 'thing' END AS kind, {things} AS thing FROM term
), sorted AS (
    SELECT quad.*, CASE WHEN g = {claims} THEN 1 WHEN g = {reference} THEN 2 ELSE 3 END AS place,
    CASE WHEN ko.kind = 'thing' AND p = {a} THEN NULL ELSE ko.kind END AS kind, ks.thing AS plain
    FROM quad JOIN kinds ks ON ks.id = s JOIN kinds ko ON ko.id = o WHERE part >= {new} OR part = -1
)
SELECT any_value(s), p, any_value(o), any_value(g) FROM sorted
GROUP BY p, place, kind, CASE WHEN kind IS NULL THEN o END, CASE WHEN NOT plain THEN s END
"""
_UNCLASSED: Final = """
SELECT DISTINCT quad.s FROM quad WHERE g IN (SELECT claim FROM accepted)
AND s NOT IN (SELECT s FROM triple WHERE p = {a})
"""


class Staging:
    """Parts of a base being read, checked and completed, in a folder that goes when the store is made.

    ``quads`` says how many new ones were read.
    """

    def __init__(self, folder: Path, progress: Progress = None) -> None:
        self._tell = progress or (lambda _: None)
        self.tables = Tables(folder)
        self.folder = folder
        self.quads = 0
        self.files: list[tuple[Path, Part | None]] = []
        """What was read, as N-Quads, for a store to load; and the part that it was read from."""
        self.texts: list[Quad] = []
        """The texts of new sources that were found beside their files."""
        self._parts: list[Part] = []
        self._new = 0
        names = [*map(iri, _NAMES.values()), CLAIMS, REFERENCE]
        self.tables.remember(names)
        self._names: dict[str, object] = dict(
            zip((*_NAMES, "claims", "reference"), map(self.tables.number, names), strict=True),
            base=BASE,
            new=0,
        )

    def read(self, known: Iterable[Part], new: Sequence[Part] = ()) -> None:
        """Read what a base has, then what is new to it. Cost: three seconds a million quads, and their size on disk.

        Raises ``UnreadableInput`` for bad syntax, ``Refused`` for a source whose text is not beside its file.
        """
        for many, parts in groupby(known, key=lambda part: part.many):
            if many:
                for part in parts:
                    self._read(part, part.quads())
            else:
                self._read(Part(lambda: iter(()), "the journal"), stamped(parts))
        self._new = len(self._parts)
        self._names["new"] = self._new if new else len(self._parts) + 1
        for part in new:
            self._read(part, part.quads(), new=True)
            if part.folder is not None:
                self._read_texts(part, part.folder)
        self._run(_TYPED)
        self._stamp()
        self._run(_TOLD)

    def check(self) -> None:
        """Check the form and the evidence of what was read, as :func:`kg.bases.bulk.examine` does.

        Raises ``Refused`` with all that was found. Cost: some seconds a million quads.
        """
        self._tell("checking evidence")
        found = [*self._misplaced()] or [*self._untold(), *self._unfounded(), *self._untimely()]
        if found:
            raise refusal(found)
        self._run(_ACCEPTED)

    def grow(self, rules: Sequence[Rule]) -> None:
        """Make the view: what is held true, and all that follows. Raises ``Refused`` for a clash."""
        self._tell("choosing what is held true")
        self._run(_HELD)
        matcher = TableMatcher(self.tables)
        complete(matcher, rules, lambda done, of: self._tell(f"applying rules: {done} of {of} groups"))
        self._tell("looking for contradictions")
        found = [
            _finding(f"clash-{rule.names[-1]}", clashing(rule, sides))
            for rule, sides in matcher.clashes(rules)
        ]
        if found:
            raise refusal(found)

    @property
    def held(self) -> int:
        """How many triples the view has."""
        return int(self.tables.run("SELECT count(*) FROM triple")[0][0])

    @property
    def claims(self) -> int:
        """How many claims are new."""
        return int(self._run("SELECT count(*) FROM described WHERE part >= {new}")[0][0])

    def write_view(self) -> Path:
        """Write the view as N-Triples."""
        file = self.folder / "view.nt"
        self.tables.write(file, "SELECT s, p, o FROM triple")
        return file

    def examples(self) -> Iterator[Quad]:
        """Yield of what is new quads such that what is wrong with terms or values of any is wrong with one of these."""
        things = " OR ".join(f"starts_with(text, '<{name}')" for name in _THINGS)
        ascii_ = "regexp_full_match(text, '[ -~]*')"
        sql = _EXAMPLES.replace("{things}", f"(({things}) AND {ascii_})").replace("{plain}", PLAIN)
        return self.tables.quads(self._filled(sql))

    def unclassed(self) -> Iterator[Term]:
        """Yield the things of which accepted claims tell, but not of what class they are."""
        yield from self.tables.terms(row[0] for row in self._run(_UNCLASSED)).values()

    def close(self) -> None:
        """Let go of the tables."""
        self.tables.close()

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return self.tables.run(self._filled(sql))

    def _filled(self, sql: str) -> str:
        for name, value in self._names.items():
            sql = sql.replace(f"{{{name}}}", str(value))
        return sql

    def _read(self, part: Part, quads: Iterator[Quad], *, new: bool = False) -> None:
        self._tell(f"reading: {part.name}")
        number, file = len(self._parts), part.file
        read = self.tables.read_plain(file, number) if file else None
        if file is None or read is None:
            file = self._spooled(quads, part.name, number)
            read = self.tables.read(file, number)
        self._tell(f"reading: {read:,} quads of {part.name}")
        self.quads += read if new else 0
        self.files.append((file, part))
        self._parts.append(part)

    def _spooled(self, quads: Iterator[Quad], name: str, number: int) -> Path:
        """Write quads as N-Quads."""
        file, read = self.folder / f"{number}.nq", 0
        with file.open("wb") as output:
            while count := spool(quads, output):
                read += count
                self._tell(f"reading: {read:,} quads of {name}")
        return file

    def _read_texts(self, part: Part, folder: Path) -> None:
        """Read the texts that lie beside a file of the sources that it describes."""
        number = len(self._parts) - 1
        sql = f"SELECT s, p, o, g FROM quad WHERE part = {number} AND g = {{claims}} AND p = {{sha256}} AND s NOT IN "
        without = "(SELECT s FROM quad WHERE g = {claims} AND p = {text})"
        found = text_quads(list(self.tables.quads(self._filled(sql + without))), folder, part.name)
        if found:
            self._read(Part(lambda: iter(()), part.name), iter(found))
            self.texts += found

    def _stamp(self) -> None:
        """State of claims without a time that they were recorded when they came."""
        for part, rows in groupby(sorted(self._run(_UNTIMED)), key=lambda row: int(row[0])):
            if time := self._parts[part].time:
                stamp = self.tables.number(Literal(time, datatype=iri("xsd:dateTime")))
                row = (
                    f"unnest($claims), {self._names['recorded']}, {stamp}, {self._names['claims']}, {_STAMPS}"
                )
                self.tables.run(f"INSERT INTO quad SELECT {row}", claims=[claim for _, claim in rows])
        file = self.folder / "stamps.nq"
        self.tables.write(file, f"SELECT s, p, o, g FROM quad WHERE part = {_STAMPS}")
        self.files.append((file, None))

    def _misplaced(self) -> Iterator[Finding]:
        """Yield what is wrong with the form of statements, and with the graphs in which they stand."""
        self.tables.run(_ODD_TERMS)
        for subject, predicate, value, part in self.tables.run(_ODD):
            terms = self.tables.terms([subject, predicate, value])
            quad = Quad(terms[subject], terms[predicate], terms[value])
            if wrong := ill_formed(quad, self._parts[part].name):
                yield _finding("blank-node" if "blank" in wrong.what else "rdf-1.2", wrong)
        for graph, subject, part in self._run(_OUTSIDE):
            terms = self.tables.terms([graph, subject])
            yield _finding(
                "outside-claims", fault("outside-claims", self._parts[part].name, subject=terms[subject])
            )
        for graph, part in self._run(_UNDESCRIBED):
            about = self.tables.terms([graph])[graph]
            if isinstance(about, NamedNode) and not about.value.startswith(RESERVED):
                yield _finding(
                    "undescribed-graph",
                    fault("undescribed-graph", self._parts[part].name, graph=about),
                    about,
                )
        for claim in self._named("SELECT claim FROM described"):
            if claim.value.startswith(RESERVED):
                yield _finding("reserved-graph", fault("reserved-graph", claim.value), claim)

    def _named(self, sql: str) -> list[Any]:
        prefix = f"<{BASE}graph/"
        rows = self._run(f"SELECT id FROM term WHERE id IN ({sql}) AND starts_with(text, '{prefix}')")
        return list(self.tables.terms(row[0] for row in rows).values())

    def _untold(self) -> Iterator[Finding]:
        """Yield claims and sources that are not described in full, or twice, or that the base knows otherwise."""
        about = self.tables.terms(row[0] for row in self._run(_CHANGED))
        for subject in about.values():
            yield _finding("changed-claim", fault("changed-claim"), subject)
        broken = self._run(
            "SELECT claim FROM told WHERE NOT whole UNION ALL "
            "SELECT claim FROM described WHERE claim NOT IN (SELECT claim FROM told)"
        )
        for some in _pieces([row[0] for row in broken], 1000):
            store = Embedded()
            of_them = (
                f"SELECT s, p, o, g FROM quad WHERE g = {{claims}} AND s IN ({', '.join(map(str, some))})"
            )
            store.add(self.tables.quads(self._filled(of_them)))
            for claim in self.tables.terms(some).values():
                try:
                    list(read_claims(store, [claim]))
                except Refused as refused:
                    yield _finding(_code_of(refused), refused, claim)

    def _unfounded(self) -> Iterator[Finding]:
        """Yield the claims whose quotes are not where they say, and the texts without their fingerprints."""

        def name(number: int) -> Any:  # noqa: ANN401 - the name of a source or a claim
            return self.tables.terms([number])[number]

        def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(lexical(value) if isinstance(value, str) else value for value in row)

        texts: Any = map(plain, self.tables.rows(self._filled(_TEXTS), most=_TEXTS_AT_ONCE))
        quotes: Any = map(plain, self.tables.rows(_QUOTES))
        for code, about, what, remedy in unfounded(texts, quotes, name):
            yield _finding(code, Refused(what, where=about.value, remedy=remedy), about)

    def _untimely(self) -> Iterator[Finding]:
        """Yield the new claims that say when they were recorded or withdrawn, and cannot have been then."""
        if self._new == len(self._parts):
            return  # what a journal holds came in, whatever it is
        time = self._parts[self._new].time
        now = datetime.fromisoformat(time) if time else None
        judged: dict[tuple[str | None, str | None], list[Any]] = {}
        for claim, begun, ended in self.tables.rows(self._filled(_TIMES)):
            if (begun, ended) not in judged:
                written = {"recorded": lexical(begun or ""), "withdrawn": lexical(ended or "")}
                wrong = impossible_times(written["recorded"], written["withdrawn"], now)
                judged[begun, ended] = [(name, written[name], why) for name, why in wrong]
            for name, moment, why in judged[begun, ended]:
                about = self.tables.terms([claim])[claim]
                yield _finding(
                    "recording-time", fault("recording-time", name=name, written=moment, why=why), about
                )


def _finding(code: str, refused: Refused, about: Term | None = None) -> Finding:
    file = refused.where and (not isinstance(about, NamedNode) or refused.where != about.value)
    place = Place(refused.where) if file else None
    return Finding(code, Severity.VIOLATION, refused.what, refused.remedy, place, about)


def _code_of(refused: Refused) -> str:
    if "two of" in refused.what:
        return "ambiguous-claim"
    return "bad-position" if "position" in refused.what else "incomplete-claim"


def _pieces(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (items[start : start + size] for start in range(0, len(items), size))
