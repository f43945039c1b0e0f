"""The data sets that can be imported, each described by a mapping file: ``ontology/mappings/<name>.json``.

A mapping file is metadata of CSV on the Web (W3C, Metadata Vocabulary for Tabular Data, 2015). What that standard
cannot say stands in annotations under ``https://w3id.org/parley/mapping#``; docs/importing.md lists them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kg.errors import UnknownName, UnreadableInput
from kg.terms import BASE, data_folder

ANNOTATIONS: Final = BASE + "mapping#"
"""The namespace of the annotations of a mapping file that CSV on the Web does not have."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A data set as its mapping file describes it: ``columns`` are those that are used, ``metadata`` is the file."""

    name: str
    title: str
    publisher: str
    licence: str
    description: str
    columns: tuple[str, ...]
    metadata: dict[str, Any]


def mappings() -> tuple[Mapping, ...]:
    """Return the mappings of the project, in the order of their names. Cost: one small file each."""
    return tuple(read_mapping(path) for path in sorted(_folder().glob("*.json")))


def mapping(name: str) -> Mapping:
    """Return a mapping by its name, or from the file that the name is the path of.

    Raises ``UnknownName``, with the nearest names, when there is neither.

    >>> mapping("ucdp-ged").publisher
    'Uppsala Conflict Data Program, Uppsala University'
    """
    known = {path.stem: path for path in _folder().glob("*.json")}
    path = Path(name) if name.endswith(".json") else known.get(name)
    if path is None or not path.is_file():
        raise UnknownName("mapping", name, known, remedy="'kg import' lists them; or give the file of one")
    return read_mapping(path)


def read_mapping(path: Path) -> Mapping:
    """Read the description in a mapping file; the rest of it is looked at when it is used.

    Raises ``UnreadableInput`` where the file is no JSON object or lacks its title, publisher, licence or columns.
    """
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
        said = {
            name: str(metadata[f"dc:{name}"]) for name in ("title", "publisher", "license", "description")
        }
        columns = metadata["tableSchema"]["columns"]
        names = tuple(column["name"] for column in columns if not column.get("virtual"))
    except (OSError, ValueError) as error:
        raise UnreadableInput(
            f"it is no JSON ({error})", where=str(path), remedy="write metadata of CSV on the Web"
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableInput(
            f"the mapping lacks {error}",
            where=str(path),
            remedy="give it dc:title, dc:publisher, dc:license, dc:description and tableSchema with named columns",
        ) from error
    return Mapping(
        path.stem, said["title"], said["publisher"], said["license"], said["description"], names, metadata
    )


def _folder() -> Path:
    return data_folder() / "ontology" / "mappings"
