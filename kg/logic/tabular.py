# ruff: noqa: S608 - what is put into SQL here are numbers and names of our own
"""The rules applied to tables of numbers: the same view as :func:`kg.logic.reason.close`, for millions of triples.

A body is a join of whole columns in SQL. What a condition computes or compares by value is left to SPARQL: the rows
in question are put to pyoxigraph, so that conditions mean here what they mean there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Quad, Store, Variable

from kg.logic.reason import Batch, Bindings
from kg.logic.rules import Pattern, Rule
from kg.storage.tables import Tables
from kg.terms import iri

_TRIPLE, _NEW, _NOTED = "triple", "rule_new", "rule_noted"
_TYPE, _SAME = iri("rdf:type"), iri("owl:sameAs")
_PLACES: Final = ("s", "p", "o")
_ROW: Final = NamedNode("slot:")
_ROWS: Final = 50_000
"""Rows whose condition pyoxigraph judges at once."""
_MOST_CLASHES: Final = 1_000  # of one rule: who reads more?
_VARIABLE: Final = re.compile(r"\?(\w+)")
_MADE: Final = re.compile(r" AS \?(\w+)\)")
_TERM = r"(?:\?\w+|<[^<>\s]*>)"
_DIFFERENT = rf"{_TERM} != {_TERM}"
_INEQUALITIES: Final = re.compile(rf"(?:FILTER\({_DIFFERENT}(?: \|\| {_DIFFERENT})*\) ?)+")
_FILTER: Final = re.compile(rf"FILTER\(({_DIFFERENT}(?: \|\| {_DIFFERENT})*)\)")
_PAIR: Final = re.compile(rf"({_TERM}) != ({_TERM})")


class TableMatcher:
    """The table ``triple``, for :func:`kg.logic.reason.complete`; two tables beside it hold what is new and noted."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._present: set[object] | None = None
        self._judging: dict[Rule, int] = {}
        for name in (_NEW, _NOTED):
            tables.run(f"CREATE OR REPLACE TABLE {name} (s INTEGER, p INTEGER, o INTEGER)")

    def derive(self, batch: Batch, *, note: bool) -> None:
        """Add what rules of one head derive and the table has not."""
        self._tables.remember(_constants(rule for rule, _ in batch))
        head = batch[0][0].head or ()
        ways = [
            self._way(rule, at, number) for number, (rule, at) in enumerate(batch) if self._may_hold(rule)
        ]
        if not ways:
            return
        known = " AND ".join(f"known.{place} = found.{place}" for place in _PLACES)
        fixed = "".join(
            f" AND known.{place} = {self._tables.number(term)}"
            for place, term in zip(_PLACES, head, strict=True)
            if not isinstance(term, Variable)
        )
        self._tables.run(
            f"CREATE OR REPLACE TABLE rule_found AS SELECT DISTINCT * FROM ({' UNION ALL '.join(ways)}) found "
            f"WHERE s > 0 AND p > 0 AND o IS NOT NULL "
            f"AND NOT EXISTS (SELECT 1 FROM {_TRIPLE} known WHERE {known}{fixed})"
        )
        if self._tables.run("SELECT 1 FROM rule_found LIMIT 1"):
            self._note_present(head)
            for target in (_TRIPLE, _NOTED) if note else (_TRIPLE,):
                self._tables.run(f"INSERT INTO {target} SELECT * FROM rule_found")

    def _may_hold(self, rule: Rule) -> bool:
        """Tell whether each pattern of a body has a property and class of which there are triples at all."""
        if self._present is None:
            type_ = self._tables.number(_TYPE)
            rows = self._tables.run(f"SELECT DISTINCT p, CASE WHEN p = {type_} THEN o END FROM {_TRIPLE}")
            self._present = {key for row in rows for key in (row, (row[0], None))}
        return all(self._key(pattern) in self._present for pattern in rule.body if _has_key(pattern))

    def _note_present(self, head: Pattern | tuple[()]) -> None:
        if not head:
            return
        classes = head[1] == _TYPE and isinstance(head[2], Variable)
        if self._present is not None and _has_key(head) and not classes:
            self._present.update((self._key(head), (self._key(head)[0], None)))
        else:
            self._present = None

    def _key(self, pattern: Pattern) -> tuple[int, int | None]:
        _, predicate, value = pattern
        classed = predicate == _TYPE and not isinstance(value, Variable)
        return self._number(predicate), self._number(value) if classed else None

    def _number(self, term: object) -> int:
        assert isinstance(term, NamedNode | Literal)  # noqa: S101 - no variable, said for the type checker
        return self._tables.number(term)

    def _way(self, rule: Rule, at: int | None, number: int) -> str:
        """Return SQL for the triples that one rule derives."""
        body = _Body(rule, at, self._tables)
        head = rule.head or ()
        values = (
            body.columns[term.value] if isinstance(term, Variable) else str(self._tables.number(term))
            for term in head
        )
        named = ", ".join(f"{value} AS {place}" for value, place in zip(values, _PLACES, strict=True))
        return f"SELECT {named} FROM ({self._judged(body, number)})"

    def turn(self) -> int:
        """Take what was noted since the last turn for what is new, and return how much it is."""
        self._tables.run(f"CREATE OR REPLACE TABLE {_NEW} AS SELECT * FROM {_NOTED}")
        self._tables.run(f"DELETE FROM {_NOTED}")
        return int(self._tables.run(f"SELECT count(*) FROM {_NEW}")[0][0])

    def forget(self) -> None:
        """Forget what is new and what was noted."""
        for name in (_NEW, _NOTED):
            self._tables.run(f"DELETE FROM {name}")

    def note_equality(self) -> bool:
        """Forget, and note all pairs that are said to be the same; tell whether there is any."""
        self.forget()
        same = f"FROM {_TRIPLE} WHERE p = {self._tables.number(_SAME)}"
        self._tables.run(f"INSERT INTO {_NOTED} SELECT s, p, o {same}")
        return bool(self._tables.run(f"SELECT 1 {same} LIMIT 1"))

    def clashes(self, rules: Iterable[Rule]) -> Iterator[tuple[Rule, Bindings]]:
        """Yield the ways in which the bodies of clashes hold, as :func:`kg.logic.reason.clashes`; some of very many."""
        found = [rule for rule in rules if rule.head is None]
        self._tables.remember(_constants(found))
        for rule in filter(self._may_hold, found):
            body = _Body(rule, None, self._tables)
            columns = ", ".join(body.columns.values()) or "1"
            rows = self._tables.run(f"SELECT {columns} FROM ({self._judged(body, 0)}) LIMIT {_MOST_CLASHES}")
            terms = self._tables.terms(id_ for row in rows for id_ in row if body.columns and id_ is not None)
            for row in rows:
                bound = zip(body.columns, row, strict=False)
                yield rule, {name: terms[id_] for name, id_ in bound if id_ is not None}

    def _judged(self, body: _Body, number: int) -> str:
        """Return SQL for the ways in which body and condition hold, with what the condition computes."""
        condition = body.rule.condition
        if not condition:
            return body.sql()
        variables = _VARIABLE.findall(condition)
        used = [name for name in body.columns if name in variables and name not in body.made]
        plain = set(variables) <= set(used) and _INEQUALITIES.fullmatch(f"{condition} ")
        test = self._inequalities(body) if plain else "NULL::BOOLEAN"
        ways = f"rule_way_{number}"
        self._tables.run(f"CREATE OR REPLACE TABLE {ways} AS SELECT *, {test} AS holds FROM ({body.sql()})")
        columns = [body.columns[name] for name in (*used, *body.made)]
        judged = self._judge(body, used, columns, ways)
        same = " AND ".join(f"way.{column} = judged.{column}" for column in columns[: len(used)]) or "true"
        more = "".join(f", judged.{column}" for column in columns[len(used) :])
        found = f"SELECT way.*{more} FROM {ways} way JOIN {judged} judged ON {same} WHERE way.holds IS NULL"
        return f"SELECT * FROM {ways} WHERE holds UNION ALL {found}" if plain else found

    def _judge(self, body: _Body, used: Sequence[str], columns: Sequence[str], ways: str) -> str:
        """Have the ways judged of which ``used`` differs from all before; return the table of those that hold."""
        known = body.rule in self._judging
        number = self._judging.setdefault(body.rule, len(self._judging))
        judged, asked, asking = (f"rule_{name}_{number}" for name in ("judged", "asked", "asking"))
        distinct = ", ".join(columns[: len(used)]) or "0 AS one"
        new = f"SELECT DISTINCT {distinct} FROM {ways} WHERE holds IS NULL"
        if not known:
            kinds = "".join(f"{column} INTEGER, " for column in columns)
            self._tables.run(f"CREATE OR REPLACE TABLE {judged} ({kinds}one INTEGER)")
            self._tables.run(f"CREATE OR REPLACE TABLE {asked} AS {new} LIMIT 0")
        self._tables.run(f"CREATE OR REPLACE TABLE {asking} AS {new} EXCEPT SELECT * FROM {asked}")
        rows = self._tables.rows(f"SELECT * FROM {asking}")
        while some := list(islice(rows, _ROWS)):
            self._insert(judged, len(columns), list(self._asked(some, used, body)))
        self._tables.run(f"INSERT INTO {asked} SELECT * FROM {asking}")
        return judged

    def _insert(self, table: str, width: int, rows: Sequence[Sequence[int | None]]) -> None:
        """Insert rows, a column at a time: one by one they would take a hundred times as long."""
        if rows:
            columns = {f"c{n}": [row[n] for row in rows] for n in range(width)}
            columns[f"c{width}"] = [1] * len(rows)
            self._tables.run(
                f"INSERT INTO {table} SELECT {', '.join(f'unnest(${n})' for n in columns)}", **columns
            )

    def _asked(
        self, rows: Sequence[Sequence[int]], used: Sequence[str], body: _Body
    ) -> Iterator[list[int | None]]:
        """Have pyoxigraph judge rows: yield those for which the condition holds, with what it computes."""
        terms = self._tables.terms(id_ for row in rows for id_ in row) if used else {}
        slots = [NamedNode(f"slot:{name}") for name in used]
        store, names = Store(), [NamedNode(f"row:{number}") for number in range(len(rows))]
        store.extend(Quad(name, _ROW, name) for name in names)
        store.extend(
            Quad(name, slot, terms[id_])
            for name, row in zip(names, rows, strict=True)
            for slot, id_ in zip(slots, row, strict=False)
        )
        patterns = " ".join(f"?row {slot} ?{name} ." for slot, name in zip(slots, used, strict=True))
        solutions: Any = store.query(f"SELECT * {{ ?row {_ROW} ?row . {patterns} {body.rule.condition} }}")
        found = [(int(one["row"].value[4:]), [one[name] for name in body.made]) for one in solutions]
        numbers = iter(
            self._tables.numbers(term for _, values in found for term in values if term is not None)
        )
        for number, values in found:
            yield [
                *rows[number][: len(used)],
                *(None if value is None else next(numbers) for value in values),
            ]

    def _inequalities(self, body: _Body) -> str:
        """Return the test in SQL, ``NULL`` where two literals may be one value: SPARQL knows."""

        def different(*pair: str) -> str:
            left, right = (
                body.columns[text[1:]] if text.startswith("?") else self._tables.number(NamedNode(text[1:-1]))
                for text in pair
            )
            return f"CASE WHEN {left} > 0 OR {right} > 0 THEN {left} <> {right} END"

        return " AND ".join(
            "(" + " OR ".join(different(*pair) for pair in _PAIR.findall(found)) + ")"
            for found in _FILTER.findall(body.rule.condition)
        )


class _Body:
    """The body of a rule as SQL: a tree of joins in which what is no longer needed is dropped at once."""

    def __init__(self, rule: Rule, at: int | None, tables: Tables) -> None:
        self.rule, self._at, self._tables = rule, at, tables
        self.made = list(dict.fromkeys(_MADE.findall(rule.condition)))
        self.columns = {name: f"v{n}" for n, name in enumerate([*_names(rule.body), *self.made])}
        """The columns of the variables: SQL takes names in capitals and in small letters for the same."""

    def sql(self) -> str:
        """Return a query for the ways in which the body holds, with a column for each variable that is needed."""
        parts = [
            (pattern, _NEW if index == self._at else _TRIPLE) for index, pattern in enumerate(self.rule.body)
        ]
        if not parts:
            return "SELECT 1 AS one"
        order = [parts.pop(self._at or 0)]
        while parts:
            bound = set(_names(pattern for pattern, _ in order))
            order.append(
                parts.pop(next((i for i, (p, _) in enumerate(parts) if bound & set(_names([p]))), 0))
            )
        needed = set(self.columns if self.rule.head is None else _names([self.rule.head]))
        needed |= set(_VARIABLE.findall(self.rule.condition))
        text, held = self._leaf(*order[0]), _names([order[0][0]])
        for done, (pattern, table) in enumerate(order[1:], start=2):
            names = _names([pattern])
            shared = [name for name in names if name in held]
            how = f"USING ({self._list(shared)})" if shared else "ON true"
            ahead = needed.union(_names(p for p, _ in order[done:]))
            held = list(dict.fromkeys([*held, *names]))
            kept = [name for name in held if name in ahead]
            columns = self._list(kept) or "1 AS one"
            distinct = "DISTINCT " if kept != held else ""
            text = f"SELECT {distinct}{columns} FROM ({text}) JOIN ({self._leaf(pattern, table)}) {how}"
            held = kept
        return text

    def _list(self, names: Iterable[str]) -> str:
        return ", ".join(self.columns[name] for name in names)

    def _leaf(self, pattern: Pattern, table: str) -> str:
        columns: dict[str, str] = {}
        tests: list[str] = []
        for place, term in zip(_PLACES, pattern, strict=True):
            if not isinstance(term, Variable):
                tests.append(f"{place} = {self._tables.number(term)}")
            elif term.value in columns:
                tests.append(f"{place} = {columns[term.value]}")
            else:
                columns[term.value] = place
        named = ", ".join(f"{place} AS {self.columns[name]}" for name, place in columns.items()) or "1 AS one"
        where = f" WHERE {' AND '.join(tests)}" if tests else ""
        return f"SELECT {named} FROM {table}{where}"


def _has_key(pattern: Pattern) -> bool:
    return not isinstance(pattern[1], Variable)


def _names(patterns: Any) -> list[str]:  # noqa: ANN401 - patterns of any kind of sequence
    return list(dict.fromkeys(term.value for p in patterns for term in p if isinstance(term, Variable)))


def _constants(rules: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    for rule in rules:
        for pattern in (*rule.body, *([rule.head] if rule.head else [])):
            yield from (term for term in pattern if not isinstance(term, Variable))
