"""A mapping made ready: its columns, and rules that each say one thing of a row.

The metadata are read by the library csvw, which knows the standard's datatypes, null values, separators and the
inheritance of properties; here its tables become what a row is taken through.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urljoin

from pyoxigraph import NamedNode

from kg.errors import UnreadableInput, UsageError
from kg.importing.criteria import Condition, check_patterns, read_condition
from kg.importing.mappings import ANNOTATIONS, Mapping
from kg.terms import BASE, PREFIXES

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_ON_TABLE: Final = {"mints", "joins", "version", "encodings", "sheet"}
_ON_COLUMN: Final = {
    *("when", "check", "otherwise", "needs", "each"),
    *("formats", "from", "forms", "lookup", "optional"),
}


@dataclass(frozen=True, slots=True)
class Template:
    """A URI template of level 1 (RFC 6570): text with ``{column}`` in it; values are percent-encoded."""

    pieces: tuple[str, ...]
    variables: tuple[str, ...]

    def expand(self, cells: Table[str, str | None]) -> str | None:
        """Return the URI, or ``None`` where a cell that it needs is empty."""
        made = self.pieces[0]
        for variable, piece in zip(self.variables, self.pieces[1:], strict=True):
            value = cells.get(variable)
            if value is None:
                return None
            made += (value if value.isascii() and value.isalnum() else quote(value, safe="~")) + piece
        return made


@dataclass(frozen=True, slots=True)
class Input:
    """A column of the file: what it may be called there, and how its cells are read.

    ``nulls`` stand for an empty cell; ``datatype`` is csvw's, ``None`` where any text will do.
    """

    name: str
    titles: tuple[str, ...]
    nulls: frozenset[str]
    datatype: Any
    base: str
    separator: str
    formats: tuple[str, ...]
    required: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What one column says of a row: a subject, a property and a value.

    The value is an IRI (``value``), the cell of ``name``, a fixed text (``default``), or what the days in ``days``
    agree on. It is said when all of ``when`` hold; when one of ``check`` does not, that is noted as ``otherwise``.
    ``needs`` is a thing that must be known. ``each`` are groups of columns whose items are taken one by one, those of
    a group together. ``lookup`` is the column in which the text of the cell is looked for among all rows, to find
    the thing that ``value`` then names.
    """

    name: str
    about: Template
    predicate: NamedNode
    value: Template | None
    default: str
    base: str
    language: str
    when: tuple[Condition, ...] = ()
    check: tuple[Condition, ...] = ()
    otherwise: str = ""
    needs: Template | None = None
    each: tuple[tuple[str, ...], ...] = ()
    days: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    lookup: str = ""

    def columns(self) -> frozenset[str]:
        """Return the columns that it looks at."""
        templates = [one for one in (self.about, self.value, self.needs) if one]
        return frozenset(
            [
                *(self.name, self.lookup, *self.days),
                *(variable for template in templates for variable in template.variables),
                *(name for group in self.each for name in group),
                *(name for condition in (*self.when, *self.check) for name in condition.columns),
            ]
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping made ready to take rows through.

    ``keys`` tell by the beginning of an IRI which identifier its end is, and whether a thing may be made from it
    when nothing has that identifier.
    """

    mapping: Mapping
    inputs: tuple[Input, ...]
    rules: tuple[Rule, ...]
    row: tuple[str, ...]
    about: Template | None
    keys: tuple[tuple[str, NamedNode, bool], ...]
    version: str
    encodings: tuple[str, ...]
    dialect: Table[str, Any]
    sheet: str


def plan(mapping: Mapping) -> Plan:
    """Make a mapping ready.

    Raises ``UsageError`` when the libraries for importing are missing, ``UnreadableInput`` naming the column and
    what is wrong where the file is not what it should be.
    """
    table = _table(mapping)
    columns = {column.name: column for column in table.tableSchema.columns}
    names = {name: None for name, column in columns.items() if not column.virtual}
    where = f"{mapping.name}.json"
    try:
        _check_names(_annotations(table), _ON_TABLE)
        said = _annotations(table)
        version = str(said.get("version", ""))
        names["version"] = None
        names["_row"] = None
        base = _base(mapping.metadata)
        about = table.tableSchema.aboutUrl
        inputs, rules = [], []
        for name, column in columns.items():
            where = f"{mapping.name}.json: column {name}"
            _check_names(_annotations(column), _ON_COLUMN)
            if not column.virtual:
                inputs.append(_input(column))
            if column.propertyUrl is not None:
                rules.append(_rule(column, about, base, names))
        where = f"{mapping.name}.json"
        return Plan(
            mapping,
            tuple(inputs),
            tuple(rules),
            _row(table, names),
            _template(str(about), base, names) if about else None,
            (*_keys(said.get("mints", ()), True, base), *_keys(said.get("joins", ()), False, base)),
            version,
            (table.dialect.encoding if table.dialect else "utf-8", *said.get("encodings", ())),
            _dialect(table),
            str(said.get("sheet", "")),
        )
    except (UsageError, KeyError, ValueError) as error:
        what, remedy = (
            (error.what, error.remedy) if isinstance(error, UsageError) else (f"it lacks {error}", "")
        )
        raise UnreadableInput(what, where=where, remedy=remedy or "see docs/importing.md") from error


def _table(mapping: Mapping) -> Any:  # noqa: ANN401 - csvw has no types
    try:
        from csvw.metadata import Table as Metadata
    except ImportError as error:
        raise UsageError(
            f"importing needs the package {error.name}", remedy="pip install 'parley-kg[import]'"
        ) from error
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            table = Metadata.fromvalue(mapping.metadata)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            told_error = " ".join(str(error).split())
            raise UnreadableInput(
                f"it is no metadata of CSV on the Web: {told_error}",
                where=f"{mapping.name}.json",
                remedy="see docs/importing.md",
            ) from error
    if told:
        raise UnreadableInput(
            str(told[0].message), where=f"{mapping.name}.json", remedy="see docs/importing.md"
        )
    return table


def _annotations(described: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what stands in our namespace at a table or column; a single value may stand for a list of one."""
    ours = {
        name.removeprefix(ANNOTATIONS): value
        for name, value in described.common_props.items()
        if name.startswith(ANNOTATIONS)
    }
    listed = {"when", "check", "each", "formats", "from", "forms", "mints", "joins", "encodings"}
    return {name: [v] if name in listed and isinstance(v, str) else v for name, v in ours.items()}


def _check_names(said: Iterable[str], known: set[str]) -> None:
    for name in said:
        if name not in known:
            raise UsageError(
                f"no annotation is called {name!r}", remedy=f"known are {', '.join(sorted(known))}"
            )


def _base(metadata: Table[str, Any]) -> str:
    context = metadata.get("@context")
    local = context[1] if isinstance(context, list) and len(context) > 1 else {}
    return str(local.get("@base", BASE))


def _row(table: Any, names: Table[str, None]) -> tuple[str, ...]:  # noqa: ANN401
    key = tuple(table.tableSchema.primaryKey or ())
    if not key:
        raise UsageError("it has no primaryKey", remedy="name the columns that tell rows apart")
    for name in key:
        if name not in names:
            raise UsageError(f"the primaryKey names no column {name!r}", remedy="name columns of the table")
    return key


def _dialect(table: Any) -> dict[str, Any]:  # noqa: ANN401
    given = table.dialect
    return {
        "delimiter": given.delimiter if given else ",",
        "quotechar": (given.quoteChar if given else '"') or '"',
        "header": given.header if given else True,
    }


def _keys(said: Iterable[str], mints: bool, base: str) -> Iterable[tuple[str, NamedNode, bool]]:
    for one in said:
        prefix, _, name = one.partition(" ")
        if not name:
            raise UsageError(
                f"{one!r} names no identifier",
                remedy="write the beginning of the IRI, a space, and the property",
            )
        yield urljoin(base, prefix), NamedNode(_absolute(name.strip(), base)), mints


def _input(column: Any) -> Input:  # noqa: ANN401
    said = _annotations(column)
    titles = [title for titles in (column.titles or {}).values() for title in titles]
    check_patterns(said.get("formats", ()))
    return Input(
        column.name,
        tuple(dict.fromkeys([*titles, column.name])),
        frozenset(column.inherit_null()),
        column.inherit("datatype"),
        _datatype(column),
        column.separator or "",
        tuple(said.get("formats", ())),
        bool(column.required),
        bool(said.get("optional", False)),
    )


def _datatype(column: Any) -> str:  # noqa: ANN401
    datatype = column.inherit("datatype")
    return str(datatype.at_props.get("id") or datatype.base) if datatype else "string"


def _rule(column: Any, about: object, base: str, names: Table[str, None]) -> Rule:  # noqa: ANN401
    said = _annotations(column)
    subject = column.aboutUrl or about
    if not subject:
        raise UsageError("it says something of nothing", remedy="give it or the table an aboutUrl")
    each = tuple(tuple(group.split()) for group in said.get("each", ()))
    for name in [
        *(name for group in each for name in group),
        *said.get("from", ()),
        *filter(None, [said.get("lookup")]),
    ]:
        if name not in names:
            raise UsageError(f"{name!r} is no column", remedy=f"known are {', '.join(names)}")
    return Rule(
        column.name,
        _template(str(subject), base, names),
        NamedNode(_absolute(str(column.propertyUrl), base)),
        _template(str(column.valueUrl), base, names) if column.valueUrl else None,
        column.default or "",
        _datatype(column),
        column.lang if column.lang != "und" else "",
        tuple(read_condition(text, names) for text in said.get("when", ())),
        tuple(read_condition(text, names) for text in said.get("check", ())),
        str(said.get("otherwise", "it does not hold that {check}")),
        _template(str(said["needs"]), base, names) if "needs" in said else None,
        each,
        tuple(said.get("from", ())),
        tuple(said.get("forms", ("date",))),
        str(said.get("lookup", "")),
    )


def _absolute(name: str, base: str) -> str:
    prefix, colon, local = name.partition(":")
    return PREFIXES[prefix] + local if colon and prefix in PREFIXES else urljoin(base, name)


def _template(text: str, base: str, names: Table[str, None]) -> Template:
    variables = tuple(_VARIABLE.findall(text))
    for name in variables:
        if name not in names:
            raise UsageError(
                f"the template {text!r} names no column {name!r}", remedy=f"known are {', '.join(names)}"
            )
    absolute = text if text.startswith("{") else _absolute(text, base)
    return Template(tuple(_VARIABLE.split(absolute)[::2]), variables)
