"""Which stored questions answer differently in two views that differ in known triples."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, QueryBoolean, Triple

from kg.asking.questions import Parameter, Question
from kg.storage.sparql import bare
from kg.storage.store import Engine, Solutions
from kg.terms import VIEW, iri
from kg.views.reading import reads

_TYPE: Final = iri("rdf:type")
Row: TypeAlias = "tuple[NamedNode | Literal | BlankNode | Triple | None, ...]"

_MOST: Final = 200_000
"""Rows that are compared: the answers of some questions for everything at once would take all memory."""
_VALUES: Final = re.compile(r"(?P<values>\bVALUES[ \t]+\?(?P<name>\w+)[ \t]*)\{[^\n]*\}", re.IGNORECASE)
_SELECT: Final = re.compile(r"\bSELECT\b(?:\s+(?:DISTINCT|REDUCED)\b)?", re.IGNORECASE)
_PROJECTED: Final = re.compile(r"\bWHERE\b|\{", re.IGNORECASE)
_INNER: Final = re.compile(r"\([^()]*\)")
_ORDER: Final = re.compile(r"\bORDER\s+BY\b", re.IGNORECASE)
_CUT: Final = re.compile(r"(?<![?$\w])(?:LIMIT|OFFSET|GROUP|HAVING)\b", re.IGNORECASE)
_TOGETHER: Final = re.compile(r"\b(?:COUNT|SUM|MIN|MAX|AVG|SAMPLE|GROUP_CONCAT)\s*\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class QuestionDifference:
    """A stored question that answers differently: ``gone`` rows only the first view gives, ``new`` only the second.

    ``columns`` are those of the question, after the ``parameters`` that it needs and that every thing was asked for.
    ``examples`` are parameters that it needs and that kept their example.
    """

    name: str
    columns: tuple[str, ...]
    gone: tuple[Row, ...]
    new: tuple[Row, ...]
    parameters: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """The questions that answer differently, by name, and ``uncompared``: those with more rows than are compared."""

    questions: tuple[QuestionDifference, ...]
    uncompared: tuple[str, ...]


def compare(
    questions: Mapping[str, Question], changed: Collection[Triple], before: Engine, after: Engine
) -> Comparison:
    """Ask in two views the questions that can see one of the triples in which they differ.

    Rows are compared with how often they come, whatever their order. Cost: what the questions take in both views, for
    every thing at once; up to 200,000 rows each.
    """
    differing: list[QuestionDifference] = []
    uncompared: list[str] = []
    for name, question in sorted(questions.items()):
        if not reads(question.sparql).any_of(changed):
            continue
        asked = ask_of_all(question)
        if any(_combinations(asked, side) > _MOST for side in (before, after)):
            uncompared.append(name)
            continue
        columns, old = _rows(asked, before)
        _, new = _rows(asked, after)
        if old is None or new is None:
            uncompared.append(name)
        elif old != new:
            gone, come = (tuple(sorted(rows.elements(), key=_order)) for rows in (old - new, new - old))
            differing.append(QuestionDifference(name, columns, gone, come, asked.of, asked.examples))
    return Comparison(tuple(differing), tuple(uncompared))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked of every thing at once, and the parameters that kept their examples.

    ``of`` are the parameters that every thing is asked for, which are among the columns; ``classes`` are theirs.
    """

    sparql: str
    of: tuple[str, ...]
    examples: tuple[tuple[str, str], ...]
    classes: tuple[NamedNode, ...] = ()


def ask_of_all(question: Question) -> Asked:
    """Return a question with the things that it needs left open and put in front of its columns.

    What a thing must be is asked for. Other parameters keep their examples, and so do things where rows of several
    would be counted together.
    """
    needed = [parameter for parameter in question.parameters if not parameter.optional]
    plain = bare(question.sparql)
    tail = plain[plain.rindex("}") :]
    select = _SELECT.search(plain)
    projection = plain[select.end() : _end(plain, select.end())] if select else ""
    apart = bool(select) and not _CUT.search(tail) and not _TOGETHER.search(projection)
    of = {one.name: one for one in needed if one.kind == "thing"} if apart else {}
    examples = tuple((one.name, one.example) for one in needed if one.name not in of)
    text = question.sparql
    if (order := _ORDER.search(tail)) and not _CUT.search(tail):
        text = text[: len(plain) - len(tail) + order.start()]
    if select and of:
        shown = projection
        while (inner := _INNER.sub(" ", shown)) != shown:
            shown = inner
        new = [name for name in of if "*" not in shown and not re.search(rf"[?$]{name}\b", shown)]
        text = text[: select.end()] + "".join(f" ?{name}" for name in new) + text[select.end() :]
    text = _VALUES.sub(lambda found: _opened(found, of), text)
    return Asked(text, tuple(of), examples, tuple(one.of_class for one in of.values() if one.of_class))


def _end(plain: str, start: int) -> int:
    found = _PROJECTED.search(plain, start)
    return found.start() if found else len(plain)


def _opened(found: re.Match[str], of: Mapping[str, Parameter]) -> str:
    parameter = of.get(found["name"])
    if parameter is None:
        return found[0]
    kind = f" ?{parameter.name} a {parameter.of_class} ." if parameter.of_class else ""
    return f"{found['values']}{{ UNDEF }}{kind}"


def _combinations(asked: Asked, store: Engine) -> int:
    """Return of how many combinations of things a question is asked that has several parameters."""
    number = 1
    for kind in asked.classes if len(asked.of) > 1 else ():
        number *= sum(1 for _ in islice(store.quads(None, _TYPE, kind, VIEW), _MOST + 1))
    return number


def _rows(asked: Asked, store: Engine) -> tuple[tuple[str, ...], Counter[Row] | None]:
    """Return the columns of an answer and its rows, ``None`` where they are too many."""
    results: Any = store.query(asked.sparql)
    if isinstance(results, QueryBoolean):
        return ("answer",), Counter([(Literal(bool(results)),)])
    if not isinstance(results, Solutions):
        return ("subject", "predicate", "object"), _counted(map(tuple, results))
    columns = tuple(variable.value for variable in results.variables)
    things = [columns.index(name) for name in asked.of]
    named = (row for row in map(tuple, results) if all(isinstance(row[at], NamedNode) for at in things))
    return columns, _counted(named)


def _counted(rows: Iterable[Row]) -> Counter[Row] | None:
    found = list(islice(rows, _MOST + 1))
    return Counter(found) if len(found) <= _MOST else None


def _order(row: Row) -> tuple[str, ...]:
    return tuple("" if cell is None else str(cell) for cell in row)
