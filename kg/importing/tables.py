"""The rows of a table, each with the very words that it is written in, whatever the file: CSV or Excel.

A CSV file's text is kept as it is decoded, line ends included. A sheet of a workbook is first written as CSV: cells
separated by commas, lines ended by a line feed, quoted only where they must be.
"""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import ParseError

from kg.errors import UnreadableInput, UsageError
from kg.importing.plans import Input, Plan

_BLOCK: Final = 1 << 20
_LARGEST_BOOK: Final = 1 << 27  # bytes of a workbook, unpacked
_MOST_CELLS: Final = 2_000  # of a row in a workbook
_MOST_EMPTY: Final = 10_000  # rows without a value, one after the other
_LONGEST_CELL: Final = 1 << 20
_LONGEST_ROW: Final = 1 << 22
_XLSX: Final = b"PK\x03\x04"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Record:
    """A row: its number from 1, the line it begins on, its text without the line's end, and its cells.

    ``lead`` is what stands in the file between the row before and this one: line ends, the header, empty lines.
    ``fault`` says why its cells cannot be read; then there are none.
    """

    number: int
    line: int
    lead: str
    text: str
    cells: tuple[str, ...]
    fault: str = ""


@dataclass(slots=True)
class Header:
    """The names that the file's first row gives, and what of the mapping's columns is where in it."""

    names: tuple[str, ...]
    places: dict[str, int]
    unused: tuple[str, ...]


class Table:
    """A table in a file, to be read row by row, as often as one likes.

    ``scratch`` is a folder in which a sheet of a workbook is kept as CSV while it is read.
    """

    def __init__(self, path: Path, plan: Plan, scratch: Path) -> None:
        self._path, self._plan, self.source = path, plan, path
        self.encoding = "utf-8"
        with _opened(path) as file:
            start = file.read(4)
        if not start:
            raise UnreadableInput("the file is empty", where=str(path), remedy="download it again")
        if start == _XLSX:
            self.source = scratch / "sheet.csv"
            _write_sheet(path, plan.sheet, self.source)
        else:
            self.encoding = _encoding(path, plan.encodings)
        self.header = self._read_header()

    def records(self) -> Iterator[Record]:
        """Yield the rows after the header, those that cannot be read included. Memory: one row."""
        records = self._all()
        lead = ""
        if self._plan.dialect["header"]:
            first = next(records)
            lead = first.lead + first.text
        for number, record in enumerate(records, 1):
            yield Record(number, record.line, lead + record.lead, *self._checked(record))
            lead = ""

    def rest(self) -> str:
        """Return what follows the last row in the file, known once all rows have been read."""
        return self._rest

    def _checked(self, record: Record) -> tuple[str, tuple[str, ...], str]:
        width = len(self.header.names)
        fault = record.fault
        if not fault and len(record.cells) != width:
            fault = f"has {len(record.cells)} cells where the header has {width}"
        elif not fault and len(record.text) > _LONGEST_ROW:
            fault = f"is longer than {_LONGEST_ROW} characters"
        elif not fault and (found := _CONTROL.search(record.text)):
            fault = f"contains the control character U+{ord(found.group()):04X}"
        return record.text, record.cells, fault

    def _all(self) -> Iterator[Record]:
        """Yield all rows, the header among them; empty lines go into the lead of the row that follows."""
        csv.field_size_limit(_LONGEST_CELL)
        dialect = self._plan.dialect
        taken: list[str] = []
        with self.source.open(encoding=self._codec(), newline="") as file:

            def lines() -> Iterator[str]:
                for line in file:
                    taken.append(line)
                    yield line

            reader = csv.reader(
                lines(), delimiter=dialect["delimiter"], quotechar=dialect["quotechar"], strict=True
            )
            lead, line = "", 1
            while True:
                fault, cells = "", []
                try:
                    cells = next(reader)
                except StopIteration:
                    break
                except csv.Error as error:
                    fault = f"is no CSV ({error})"
                text = "".join(taken)
                words = text.rstrip("\r\n")
                if words:
                    yield Record(0, line, lead, words, tuple(cells), fault)
                    lead = text[len(words) :]
                else:
                    lead += text
                line += len(taken)
                taken.clear()
            self._rest = lead + "".join(taken)

    def _codec(self) -> str:
        return "utf-8-sig" if self.encoding == "utf-8" else self.encoding

    def _read_header(self) -> Header:
        plan = self._plan
        if plan.dialect["header"]:
            first = next(self._all(), None)
            if first is None or first.fault:
                why = f": its first row {first.fault}" if first else ""
                raise UnreadableInput(
                    f"the file has no header{why}", where=str(self._path), remedy="download it again"
                )
            names = tuple(name.strip() for name in first.cells)
        else:
            names = tuple(column.name for column in plan.inputs)
        if twice := [name for name in names if name and names.count(name) > 1]:
            raise UnreadableInput(
                f"the column {twice[0]!r} stands in the header twice",
                where=f"{self._path}:1",
                remedy="remove or rename one of them",
            )
        places, missing = _placed(plan.inputs, names)
        if missing:
            raise UnreadableInput(
                f"the file has no column {' and no column '.join(map(repr, missing[:3]))}",
                where=f"{self._path}:1",
                remedy=f"it is not what {plan.mapping.name} describes: {plan.mapping.title}",
            )
        used = {names[place] for place in places.values()}
        return Header(names, places, tuple(name for name in names if name not in used))


def _placed(inputs: Iterable[Input], names: tuple[str, ...]) -> tuple[dict[str, int], list[str]]:
    places, missing = {}, []
    for column in inputs:
        at = next((names.index(title) for title in column.titles if title in names), None)
        if at is not None:
            places[column.name] = at
        elif not column.optional:
            missing.append(column.name)
    return places, missing


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise UnreadableInput(
            f"it cannot be read ({error.strerror})", where=str(path), remedy="name a file"
        ) from error


def _encoding(path: Path, encodings: tuple[str, ...]) -> str:
    """Return the first encoding in which the whole file can be read."""
    faults = []
    for encoding in encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        at = 0
        try:
            with _opened(path) as file:
                while block := file.read(_BLOCK):
                    decoder.decode(block)
                    at += len(block)
                decoder.decode(b"", True)
        except UnicodeDecodeError as error:
            faults.append(f"byte {at + error.start} is not {encoding}")
        else:
            return encoding
    raise UnreadableInput(
        f"the file's encoding is unknown: {', '.join(faults)}",
        where=str(path),
        remedy="save it as UTF-8, or state its encoding in the mapping",
    )


def _write_sheet(path: Path, sheet: str, target: Path) -> None:
    """Write a sheet of a workbook as CSV: the one that is named, or the first."""
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as error:
        raise UsageError(
            f"a workbook needs the package {error.name}", remedy="pip install 'parley-kg[import]'"
        ) from error
    try:
        with zipfile.ZipFile(path) as packed:
            if (size := sum(part.file_size for part in packed.infolist())) > _LARGEST_BOOK:
                raise UnreadableInput(
                    f"the workbook unpacks to {size:,} bytes", where=str(path), remedy="save the sheet as CSV"
                )
        book = openpyxl.load_workbook(path, read_only=True)
        if sheet and sheet not in book.sheetnames:
            raise UnreadableInput(
                f"the workbook has no sheet {sheet!r}",
                where=str(path),
                remedy=f"it has {', '.join(book.sheetnames)}",
            )
        rows = (book[sheet] if sheet else book.worksheets[0]).iter_rows(values_only=True)
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for cells in _bounded(rows, path):
                writer.writerow([_cell(value) for value in cells])
        book.close()
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        IndexError,
        KeyError,
        ValueError,
        EOFError,
        ParseError,
        zlib.error,
    ) as error:
        raise UnreadableInput(
            f"the workbook is damaged ({' '.join(str(error).split())})",
            where=str(path),
            remedy="download it again",
        ) from error


def _bounded(rows: Iterable[tuple[Any, ...]], path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet; refuse one that is wide, or has gaps, beyond reason."""
    empty = 0
    for row in rows:
        empty = 0 if any(value is not None for value in row) else empty + 1
        if len(row) > _MOST_CELLS or empty > _MOST_EMPTY:
            wide = len(row) > _MOST_CELLS
            what = f"the sheet has {'a row of too many cells' if wide else 'too many empty rows'}"
            raise UnreadableInput(what, where=str(path), remedy="save the sheet as CSV")
        yield row


def _cell(value: Any) -> str:  # noqa: ANN401 - a cell may hold anything
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)
