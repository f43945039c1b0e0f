# ruff: noqa: S608 - what is put into SQL here are numbers, names of our own and names of files
"""Facts by the million as tables of numbers, in a DuckDB database beside the store, for as long as they are loaded.

Each term has a number, negative for a literal, and each quad is a row. So what many facts have in common is found,
and rules are applied, by joins of whole columns; what does not fit into the memory allowed goes to disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg.errors import StoreError

Term: TypeAlias = NamedNode | BlankNode | Literal | Triple

MEMORY: Final = "1200MB"
"""What DuckDB may take; beyond that it writes to disk."""

_PIECE: Final = 10_000  # terms that pass through Python at once
_SHORT_LINE: Final = 1 << 20
_TABLES: Final = """
CREATE TABLE term (id INTEGER, text VARCHAR);
CREATE TABLE alias (id INTEGER, text VARCHAR);
CREATE TABLE quad (s INTEGER, p INTEGER, o INTEGER, g INTEGER, part INTEGER);
CREATE TABLE triple (s INTEGER, p INTEGER, o INTEGER);
"""
_FILE: Final = r"""
FROM read_csv($file, header = false, auto_detect = false, delim = '\x01', quote = '', escape = '',
    comment = '', new_line = '\n', max_line_size = $longest, columns = {'line': 'VARCHAR'})
"""
# A line of N-Quads as pyoxigraph writes it: one space between terms, no space in an IRI. What stands in no graph has
# a line that ends in its object, which is an IRI and then nothing is left over, or a literal, which holds quotes.
_LINES: Final = rf"""
CREATE OR REPLACE TABLE line AS
WITH ends AS (
    SELECT line, split_part(line, ' ', 1) AS s, split_part(line, ' ', 2) AS p, split_part(line, ' ', -2) AS g {_FILE}
), cut AS (
    SELECT *, line[length(s) + length(p) + 3 : length(line) - length(g) - 3] AS o FROM ends
)
SELECT s, p, CASE WHEN named THEN o ELSE line[length(s) + length(p) + 3 : length(line) - 2] END AS o,
    CASE WHEN named THEN g ELSE '' END AS g, ends_with(line, ' .') AS ended
FROM (SELECT *, o <> '' AND NOT contains(g, '"') AND g <> ')>>' AS named FROM cut)
"""
_IRI: Final = r"<https?://[a-z0-9.-]+(/[A-Za-z0-9._~/-]*)?(#[A-Za-z0-9._~/-]*)?>"
_LITERAL: Final = rf'"([^"\\\x00-\x1f\x7f]|\\[nr"\\])*"(@[a-z]{{2,8}}(-[a-z0-9]{{1,8}})*|\^\^{_IRI})?'
_PLAIN: Final = rf"{_IRI}|{_LITERAL}"
# The terms of a line are what lies between its spaces, so it is as pyoxigraph writes it if they are, each in a place
# that it may have. Terms that are known are as pyoxigraph writes them.
_NOT_PLAIN: Final = """
SELECT 1 FROM line WHERE NOT (ended AND starts_with(s, '<') AND starts_with(p, '<')
    AND (starts_with(o, '<') OR starts_with(o, '"')) AND (g = '' OR starts_with(g, '<')))
UNION ALL SELECT 1 FROM fresh WHERE text <> ''
AND (NOT regexp_full_match(text, $plain) OR contains(text, '#string>') OR contains(text, '#langString>')) LIMIT 1
"""
_NEW_TEXTS: Final = """
CREATE OR REPLACE TABLE fresh AS
SELECT text FROM (SELECT s AS text FROM line UNION SELECT p FROM line UNION SELECT o FROM line UNION SELECT g FROM line)
WHERE text NOT IN (SELECT text FROM term) AND text NOT IN (SELECT text FROM alias)
"""
_NUMBERED: Final = """
INSERT INTO term SELECT CASE WHEN text[1] = '"' THEN -number ELSE number END, text
FROM (SELECT text, row_number() OVER () + (SELECT count(*) FROM term) AS number FROM ({texts}))
"""
_UNKNOWN: Final = "SELECT DISTINCT {0} AS text FROM {1} WHERE {0} NOT IN (SELECT text FROM term)"
_TYPED_TEXTS: Final = (
    """SELECT text FROM fresh WHERE text[1] = '"' AND regexp_matches(text, '"\\^\\^<[^<>"]*>$')"""
)
# Predicates and graphs are few beside all terms: joined with these alone they need no large tables in memory.
_ENCODED: Final = """
CREATE OR REPLACE VIEW named AS SELECT id, text FROM term UNION ALL SELECT id, text FROM alias;
CREATE OR REPLACE TABLE predicate AS SELECT id, text FROM named WHERE text IN (SELECT DISTINCT p FROM line);
CREATE OR REPLACE TABLE graph AS SELECT id, text FROM named WHERE text IN (SELECT DISTINCT g FROM line);
INSERT INTO quad SELECT s.id, p.id, o.id, g.id, {part} FROM line
JOIN named s ON s.text = line.s JOIN predicate p ON p.text = line.p
JOIN named o ON o.text = line.o JOIN graph g ON g.text = line.g;
DROP TABLE line; DROP TABLE fresh; DROP TABLE predicate; DROP TABLE graph
"""
_TYPED: Final = re.compile(r'"\^\^<[^<>"]*>\Z')


class Tables:
    """Terms, quads and triples as tables, in a folder that they have for themselves.

    ``term (id, text)`` gives each term by its N-Triples, as the store keeps it; ``quad (s, p, o, g, part)`` what was
    read, ``g`` being the number of the empty text for quads in no graph; ``triple (s, p, o)`` is left to the caller.
    """

    def __init__(self, folder: Path, memory: str = MEMORY) -> None:
        import duckdb

        folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "threads": "2",
            "preserve_insertion_order": "false",
            "temp_directory": str(folder),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        self.folder = folder
        self._ids: dict[Term, int] = {}
        self._failing = duckdb.Error
        self._database = duckdb.connect(":memory:", config=settings)
        self.run(_TABLES)

    def run(self, sql: str, **given: object) -> list[tuple[Any, ...]]:
        """Run SQL and return its rows, all at once. ``StoreError`` where it cannot be done, as on a full disk."""
        try:
            return self._database.execute(sql, given or None).fetchall()
        except self._failing as error:
            raise self._error(error) from error

    def rows(self, sql: str, most: int = _PIECE) -> Iterator[tuple[Any, ...]]:
        """Run SQL and yield its rows as they are needed, ``most`` of them in memory at a time."""
        try:
            found = self._database.cursor().execute(sql)
            while some := found.fetchmany(most):
                yield from some
        except self._failing as error:
            raise self._error(error) from error

    def read(self, file: Path, part: int = 0) -> int:
        """Read N-Quads, as pyoxigraph writes them, into ``quad`` and return how many; some may come twice.

        About a million quads in two seconds.
        """
        self._cut(file)
        return self._enter(part)

    def read_plain(self, file: Path, part: int = 0) -> int | None:
        """Read a file by anyone as :meth:`read` does, where it is certain that pyoxigraph would write it so.

        Certain are N-Quads with IRIs of http in ASCII, without queries and percent signs, and with literals in any
        script with no escapes but the common ones. Otherwise nothing is read, and ``None`` returned; to find that
        out takes a second for a million quads.
        """
        with file.open("rb") as content:
            if content.read(1) != b"<":  # DuckDB passes over a byte order mark
                return None
        try:
            self._cut(file)
            odd = self._database.execute(_NOT_PLAIN, {"plain": _PLAIN}).fetchall()
        except (self._failing, StoreError):
            return None  # it is in no encoding, say: who reads it for good says what is wrong
        return None if odd else self._enter(part)

    def number(self, term: Term) -> int:
        """Return the number of a term, a new one where it has none; it is remembered."""
        if term not in self._ids:
            self.remember([term])
        return self._ids[term]

    def remember(self, terms: Iterable[Term]) -> None:
        """Give numbers to terms that will be asked for again, all at once: one by one that takes long."""
        new = list(dict.fromkeys(term for term in terms if term not in self._ids))
        self._ids.update(zip(new, self.numbers(new), strict=True))

    def numbers(self, terms: Iterable[Term]) -> list[int]:
        """Return the numbers of terms, new ones for those that have none. Cost: one pass over the texts."""
        texts = _canonical(map(str, terms))
        if not texts:
            return []
        self.run("CREATE OR REPLACE TABLE fresh AS SELECT DISTINCT unnest($texts) AS text", texts=texts)
        self.run(_NUMBERED.format(texts=_UNKNOWN.format("text", "fresh")))
        ids = dict(self.run("SELECT text, id FROM term SEMI JOIN fresh USING (text)"))
        return [ids[text] for text in texts]

    def terms(self, ids: Iterable[int]) -> dict[int, Any]:
        """Return the terms that some numbers stand for; the empty text stands for no graph."""
        wanted = list(set(ids))
        if not wanted:
            return {}
        rows = self.run("SELECT id, text FROM term WHERE id IN (SELECT unnest($ids))", ids=wanted)
        named = [(id_, text) for id_, text in rows if text]
        found: dict[int, Any] = {id_: DefaultGraph() for id_, text in rows if not text}
        found.update(zip((id_ for id_, _ in named), _parsed(text for _, text in named), strict=True))
        return found

    def quads(self, sql: str) -> Iterator[Quad]:
        """Yield as quads the rows of a query for numbers of subject, predicate, object and graph."""
        rows = self.rows(sql)
        while some := list(islice(rows, _PIECE)):
            terms = self.terms(id_ for row in some for id_ in row)
            for subject, predicate, value, graph in some:
                yield Quad(terms[subject], terms[predicate], terms[value], terms[graph])

    def write(self, file: Path, sql: str) -> None:
        """Write as N-Triples what a query says in numbers ``s``, ``p``, ``o``; with ``g`` too, as N-Quads."""
        names = ["s", "p", "o", *(["g"] if re.match(r"SELECT s, p, o, g\b", sql) else [])]
        joins = " ".join(f"JOIN term text_{name} ON text_{name}.id = said.{name}" for name in names)
        text = " || ' ' || ".join(f"text_{name}.text" for name in names)
        self.run(
            f"COPY (SELECT {text} || ' .' FROM ({sql}) said {joins}) TO '{_quoted(file)}' "
            r"(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')"
        )

    def close(self) -> None:
        """Let go of the database. Closing again does nothing."""
        self._database.close()

    def _cut(self, file: Path) -> None:
        """Make the tables ``line``, of the terms of each line, and ``fresh``, of those that are not known."""
        self.run(_LINES, **_given(file))
        self.run(_NEW_TEXTS)

    def _enter(self, part: int) -> int:
        """Put what was cut into ``quad``, and return how many there were."""
        self._number()
        (before,) = self.run("SELECT count(*) FROM quad")[0]
        self.run(_ENCODED.format(part=part))
        return int(self.run("SELECT count(*) FROM quad")[0][0]) - int(before)

    def _number(self) -> None:
        """Give numbers to the texts in ``fresh``; a literal that the store writes otherwise is an alias of that."""
        aliases: dict[str, str] = {}
        rows = (text for (text,) in self.rows(_TYPED_TEXTS))
        while some := list(islice(rows, _PIECE)):
            aliases.update((one, two) for one, two in zip(some, _canonical(some), strict=True) if one != two)
        self.run("CREATE OR REPLACE TABLE other (text VARCHAR, canonical VARCHAR)")
        if aliases:
            texts, canonical = list(aliases), list(aliases.values())
            self.run(
                "INSERT INTO other SELECT unnest($texts), unnest($canonical)",
                texts=texts,
                canonical=canonical,
            )
        self.run("DELETE FROM fresh WHERE text IN (SELECT text FROM other)")
        self.run(f"INSERT INTO fresh {_UNKNOWN.format('canonical', 'other')}")
        self.run(_NUMBERED.format(texts="SELECT DISTINCT text FROM fresh"))
        self.run("INSERT INTO alias SELECT id, other.text FROM other JOIN term ON term.text = canonical")

    def _error(self, error: Exception) -> StoreError:
        said = str(error).splitlines()[0]
        return StoreError(
            f"cannot load: {said}", where=str(self.folder), remedy="free some space, then try again"
        )


def _given(file: Path) -> dict[str, object]:
    """Return what DuckDB has to know of a file of lines; it has a limit for the longest one.

    Where each small block has the end of a line, none is long; else they are measured, which takes ten times as long.
    """
    with file.open("rb") as lines:
        if all(b"\n" in block for block in iter(partial(lines.read, _SHORT_LINE // 4), b"")):
            return {"file": str(file), "longest": _SHORT_LINE}
        lines.seek(0)
        return {"file": str(file), "longest": max(2 * max(map(len, lines), default=0), _SHORT_LINE)}


def lexical(text: str) -> str:
    r"""Return the lexical form of a literal in N-Triples.

    >>> lexical('"a \\"b\\""@en'), lexical('"1"^^<http://www.w3.org/2001/XMLSchema#integer>')
    ('a "b"', '1')
    """
    if "\\" not in text:
        return text[1 : text.rindex('"')] if text.startswith('"') else ""
    (term,) = _parsed([text])
    return term.value if isinstance(term, Literal) else ""


def _canonical(texts: Iterable[str]) -> list[str]:
    """Return terms in N-Triples as the store keeps them: literals with a datatype in canonical form."""
    found = list(texts)
    typed = [number for number, text in enumerate(found) if _TYPED.search(text)]
    store = Store()
    lines = "".join(f"<n:{number}> <n:> {found[number]} .\n" for number in typed)
    store.load(lines.encode(), RdfFormat.N_TRIPLES)
    for quad in store:
        found[int(quad.subject.value[2:])] = str(quad.object)
    return found


def _parsed(texts: Iterable[str]) -> Iterator[Term]:
    lines = "".join(f"<n:> <n:> {text} .\n" for text in texts)
    return (quad.object for quad in parse(lines.encode(), RdfFormat.N_TRIPLES))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
