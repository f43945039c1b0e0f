"""What was measured, part by part, kept beside the report: so that one part can be measured again by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.plan import Figure


@dataclass(frozen=True, slots=True)
class Measured:
    """A part of the benchmarks: its figures, and how they came about.

    ``day`` is in ISO form, ``load`` the load average when it began, ``where`` the machine, the versions of all programs
    and the sizes, in words: figures of parts stand in one report only if these are the same.
    """

    figures: tuple[Figure, ...]
    day: str
    minutes: float
    load: float
    where: str

    @property
    def took(self) -> str:
        """When it was measured and how long that took, in words."""
        return f"{self.day}, {self.minutes:.1f} minutes, load average {self.load:.1f} at the start"


def keep(file: Path, part: str, measured: Measured) -> dict[str, Measured]:
    """Put a part in the place of what a file has of it, and return all parts that the file then has.

    Parts that were measured elsewhere, with other versions or sizes, go.
    """
    parts = {name: one for name, one in _read(file).items() if one.where == measured.where}
    parts[part] = measured
    content = {name: asdict(one) for name, one in parts.items()}
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return parts


def _read(file: Path) -> dict[str, Measured]:
    if not file.exists():
        return {}
    parts = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: Measured(**{**one, "figures": tuple(map(_figure, one["figures"]))})
        for name, one in parts.items()
    }


def _figure(kept: Mapping[str, object]) -> Figure:
    """Return a figure of its fields as JSON has them; those that it has no more are left out."""
    known = {field.name for field in fields(Figure)}
    cells = {name: tuple(v) if isinstance(v, list) else v for name, v in kept.items() if name in known}
    return Figure(**cells)  # type: ignore[arg-type]
