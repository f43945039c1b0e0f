"""What a row says: its cells read as the mapping tells, and one statement for each rule that applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import product
from typing import Any, Final, NamedTuple

from pyoxigraph import Literal, NamedNode

from kg.importing.criteria import common, read_date
from kg.importing.plans import Input, Plan, Rule
from kg.importing.tables import Header, Record
from kg.terms import PREFIXES

_XSD: Final = PREFIXES["xsd"]
_SHOWN: Final = 80


class Left(NamedTuple):
    """What was left out: the row and its line, the column, what stands there, and why. No column: the whole row."""

    row: int
    line: int
    column: str
    value: str
    reason: str


class Stated(NamedTuple):
    """A statement before things are joined: the subject's IRI, and a value that is an IRI or a literal.

    ``needs`` is the IRI of a thing without which nothing is to be said.
    """

    rule: Rule
    subject: str
    value: str | Literal
    needs: str = ""


@dataclass(slots=True)
class Cells:
    """A row's cells: as text, ``None`` where empty; as the items of those that are lists; as typed values.

    ``prose`` are lists of free text, whose items may contain the separator.
    """

    record: Record
    texts: dict[str, str | None]
    items: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)
    prose: set[str] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)
    unfit: bool = False

    def leave(self, column: str, value: str | None, reason: str) -> Left:
        """Return a note that something of this row is left out."""
        shown = " ".join((value or "").split())
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        return Left(self.record.number, self.record.line, column, shown, reason)


def read_cells(plan: Plan, header: Header, record: Record, version: str) -> Cells:
    """Read the cells of a row. ``unfit`` is set when it has no key, or a cell that it must have cannot be read."""
    cells = Cells(record, {"version": version or None, "_row": str(record.number)})
    if record.fault:
        cells.left.append(cells.leave("", record.text, f"the row {record.fault}"))
        cells.unfit = True
        return cells
    for column in plan.inputs:
        at = header.places.get(column.name)
        raw = record.cells[at] if at is not None else ""
        flaw = _read_cell(cells, column, raw)
        if flaw:
            cells.texts[column.name] = None
            cells.left.append(cells.leave(column.name, raw, flaw))
            cells.unfit |= column.required or column.name in plan.row
        elif cells.texts[column.name] is None and (column.required or column.name in plan.row):
            cells.left.append(cells.leave(column.name, raw, "the cell is empty"))
            cells.unfit = True
    return cells


def _read_cell(cells: Cells, column: Input, raw: str) -> str:
    """Note what a cell says; return why it cannot be read."""
    text = raw.strip()
    if text in column.nulls:
        cells.texts[column.name] = None
        return ""
    if text.startswith("="):
        return "the cell holds a formula; save the table with values"
    items = [item.strip() for item in text.split(column.separator)] if column.separator else [text]
    try:
        values = [_typed(column, item) for item in items]
    except (ValueError, ArithmeticError):
        forms = f" of the form {' or '.join(column.formats[:2])}" if column.formats else ""
        form = column.datatype.format if column.datatype and not forms else ""
        return f"the cell is no {column.base}{forms}{f' of the form {form}' if form else ''}"
    cells.texts[column.name], cells.values[column.name] = text, values
    if column.separator:
        cells.items[column.name] = items
        if not column.datatype and not column.formats:
            cells.prose.add(column.name)
    return ""


def _typed(column: Input, item: str) -> Any:  # noqa: ANN401 - what the datatype makes of it
    if column.formats:
        return read_date(item, column.formats)
    return column.datatype.read(item) if column.datatype else item


def state(
    plan: Plan, cells: Cells, found: Mapping[str, Mapping[str, frozenset[str]]]
) -> Iterator[Stated | Left]:
    """Yield what a row says, rule by rule, and what is left out of it.

    ``found`` gives, for rules that look a name up, what each name stands for.
    """
    for rule in plan.rules:
        yield from _apply(rule, cells, found)


def names_of(rule: Rule, cells: Cells) -> Iterator[tuple[str, str]]:
    """Yield each name by which a rule that looks things up could find this row's thing, and the thing's IRI."""
    thing = rule.value.expand(cells.texts) if rule.value else None
    if thing is not None and rule.value is not None:
        for column in (rule.lookup, *rule.value.variables):
            if name := cells.texts.get(column):
                yield name_key(name), thing


def name_key(name: str) -> str:
    """Return a name as it is compared: without regard to capitals and white space."""
    return " ".join(name.casefold().split())


def _apply(
    rule: Rule, cells: Cells, found: Mapping[str, Mapping[str, frozenset[str]]]
) -> Iterator[Stated | Left]:
    if rule.lookup:
        yield from _look_up(rule, cells, found.get(rule.name, {}))
        return
    if not rule.each:
        yield from _say(rule, cells, cells.texts, cells.values.get(rule.name, ()))
        return
    columns = [_together(cells, group) for group in rule.each]
    for group, rows in zip(rule.each, columns, strict=True):
        if rows is None:
            what = f"{' and '.join(group)} list different numbers of items"
            yield cells.leave(rule.name, cells.texts.get(group[0]), what)
            return
    for chosen in product(*(rows or () for rows in columns)):
        places = {name: at for group, at in zip(rule.each, chosen, strict=True) for name in group}
        one = {name: cells.items[name][at] if name in cells.items else None for name, at in places.items()}
        for group in rule.each:  # one thing has one name, commas and all
            if len(cells.items.get(group[0], ())) == 1:
                one.update({name: cells.texts.get(name) for name in group if name in cells.prose})
        values: Sequence[Any] = cells.values.get(rule.name, ())
        if rule.name in cells.prose and rule.name in one:
            values = [one[rule.name]]
        at = places.get(rule.name) if rule.name not in cells.prose else None
        yield from _say(rule, cells, {**cells.texts, **one}, values if at is None else values[at : at + 1])


def _together(cells: Cells, group: Sequence[str]) -> range | None:
    """Return the places of the items of columns that are taken together; ``None`` where they are not equally many.

    Where the first column has one item, free text beside it is one item too.
    """
    whole = cells.prose if len(cells.items.get(group[0], ())) == 1 else set()
    lengths = {len(cells.items[name]) for name in group if name in cells.items and name not in whole}
    return None if len(lengths) > 1 else range(max(lengths, default=0))


def _say(
    rule: Rule, cells: Cells, texts: Mapping[str, str | None], values: Sequence[Any]
) -> Iterator[Stated | Left]:
    for one in rule.when:
        if not one.holds(texts):
            return
    subject = rule.about.expand(texts)
    said = list(_values(rule, cells, texts, values)) if subject is not None else []
    if subject is None or not said:
        return
    failed = next((one for one in rule.check if not one.holds(texts)), None)
    if failed is None:
        needs = (rule.needs.expand(texts) if rule.needs else "") or ""
        yield from (Stated(rule, subject, value, needs) for value in said)
    else:
        shown = ", ".join(f"{name} {texts.get(name)}" for name in failed.columns)
        yield cells.leave(rule.name, shown, rule.otherwise.replace("{check}", failed.text))


def _values(
    rule: Rule, cells: Cells, texts: Mapping[str, str | None], values: Sequence[Any]
) -> Iterator[str | Literal]:
    if rule.value is not None:
        made = rule.value.expand(texts)
        if made is not None:
            yield made
    elif rule.days:
        days = [day for name in rule.days for day in cells.values.get(name, ())]
        agreed = common(days, rule.forms) if days else None
        if agreed:
            yield Literal(agreed[1], datatype=NamedNode(_XSD + agreed[0]))
    elif rule.default:
        yield _literal(rule, rule.default)
    else:
        yield from (_literal(rule, value) for value in values)


def _look_up(rule: Rule, cells: Cells, found: Mapping[str, frozenset[str]]) -> Iterator[Stated | Left]:
    subject = rule.about.expand(cells.texts)
    text = cells.texts.get(rule.name)
    if subject is None or text is None:
        return
    for item in cells.items.get(rule.name, [text]):
        things = found.get(name_key(item), frozenset()) - {subject}
        if len(things) == 1:
            yield Stated(rule, subject, next(iter(things)))
        elif item:
            many = f"is the name of {len(things)} rows" if things else "is the name or number of no other row"
            yield cells.leave(rule.name, item, f"the text {many}")


def _literal(rule: Rule, value: Any) -> Literal:  # noqa: ANN401
    if rule.base == "string":
        return Literal(str(value), language=rule.language or None)
    if isinstance(value, date | datetime):
        form = "date" if rule.base == "date" else rule.base
        return Literal(
            value.isoformat()[:10] if form == "date" else value.isoformat(), datatype=NamedNode(_XSD + form)
        )
    if isinstance(value, bool):
        return Literal(value)
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    base = rule.base if "://" in rule.base else _XSD + rule.base
    return Literal(text, datatype=NamedNode(base))
