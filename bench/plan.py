"""What is measured, and how it is said: the plan, a line of the report, the files and bases that programs get."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from pyoxigraph import RdfFormat

from bench.articles import write_articles
from bench.measure import Cost, Failed, least, median, run
from kg.storage.store import Embedded
from kg.terms import VIEW, data_folder

PYTHON: Final = sys.executable
KG: Final = str(Path(sys.executable).with_name("kg"))
HELD: Final = 0.345
"""The share of the articles' quads that says what holds."""
_HOURS: Final = 3 * 3600.0
_ENOUGH: Final = 120.0
_TOLD: Final = 4


Costs: TypeAlias = tuple[float, float]
"""What something costs us, and what it costs the peer."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: both costs as text, their ratio by the clock and by processor, what was to reach.

    The ratio is ours to the peer's and may be ``most``; or, where we are to be faster, the peer's to ours and
    must be ``least``. With neither the line is for information. It is ``None`` where a program failed.

    Where the peer is another program that does the same task, ``panel`` names the task in the chart, and ``seconds``
    and ``memory`` (MB) are the two costs that stand there; ``differs`` says that the peer came to another result.
    Figures of one ``table`` are the cells of a table, a row for each ``what`` and a column for each ``peer``.
    """

    what: str
    peer: str
    ours: str = "–"
    theirs: str = "–"
    ratio: float | None = None
    processor: float | None = None
    most: float | None = None
    least: float | None = None
    note: str = ""
    panel: str = ""
    seconds: Costs | None = None
    memory: Costs | None = None
    differs: bool = False
    table: str = ""

    @property
    def target(self) -> str:
        """What is to be reached, in words."""
        if self.most is None and self.least is None:
            return "–"
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"

    @property
    def reached(self) -> str:
        """Whether it was, in a word."""
        if self.ratio is None:
            return "not measured" if self.target != "–" or self.ours == "failed" else "–"
        if self.target == "–":
            return "–"
        most = float("inf") if self.most is None else self.most
        return "yes" if (self.least or 0) <= self.ratio <= most else "**no**"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, and where there is room for files.

    Sizes are in triples; ``short`` and ``runs`` are how often a short and a long program runs; ``checks`` and
    ``changes`` are how many articles are checked and added; ``things`` is how many things a question is asked about.
    A peer may take ``limit`` seconds to load in bulk, ``patience`` seconds else, and ``memory`` MB. ``kept`` is a
    folder with a base of ``huge`` triples, made there if it is missing; without one ``large`` is as large as it gets.
    """

    folder: Path
    kept: Path | None = None
    short: int = 15
    runs: int = 3
    checks: int = 310
    changes: int = 100
    things: int = 20
    limit: float = 900.0
    patience: float = 360.0
    memory: float = 12_000.0
    small: int = 10_000
    middle: int = 50_000
    large: int = 1_000_000
    huge: int = 10_000_000

    @property
    def largest(self) -> int:
        """How large the largest base is, in triples."""
        return self.huge if self.kept else self.large

    @classmethod
    def quick(cls, folder: Path, kept: Path | None = None) -> Plan:
        """Return a plan at a tenth of the sizes: to see that everything runs, not for figures to be quoted."""
        sizes = {"small": 1_600, "middle": 5_000, "large": 100_000, "huge": 1_000_000}
        return cls(folder, kept, short=5, runs=2, checks=60, changes=30, things=10, **sizes)


Part: TypeAlias = tuple[str, Callable[[Plan], Iterator[Figure]]]
"""What is told while it is measured, where sizes of the plan may be named, and what measures it."""


def measure(plan: Plan, parts: Sequence[Part], report: Callable[[str], None]) -> Iterator[Figure]:
    """Measure parts one after the other; ``report`` is told what is being measured."""
    for words, figures in parts:
        name = words.format(plan)
        report(f"measuring: {name}")
        try:
            yield from figures(plan)
        except Failed as failure:  # a program of ours: those of peers are reported line by line
            yield Figure(name, "–", "failed", note=str(failure))


def articles_of(plan: Plan, triples: int) -> Path:
    """Return a file of so many triples of articles, written when it is first asked for."""
    file = plan.folder / f"articles-{triples}.nq"
    if not file.exists():
        write_articles(file, triples)
    return file


def held_of(plan: Plan, triples: int) -> tuple[Path, Path]:
    """Return what the articles hold true, as N-Triples under two names: some programs judge a file by its ending."""
    ntriples, turtle = (plan.folder / f"held-{triples}.{ending}" for ending in ("nt", "ttl"))
    if not ntriples.exists():
        run(script("held", ntriples, articles_of(plan, triples)))
        turtle.symlink_to(ntriples)
    return ntriples, turtle


def base_of(plan: Plan, triples: int, folder: Path | None = None) -> Path:
    """Return a base on disk with so many triples of articles, made when it is first asked for.

    In a ``folder`` of its own it is there the next time too.
    """
    base = (folder or plan.folder) / f"base-{triples}"
    if not base.exists():
        begun = base.with_suffix(".unfinished")
        shutil.rmtree(begun, ignore_errors=True)
        run((KG, "init", str(begun)))
        run((KG, "--store", str(begun), "load", str(articles_of(plan, triples))), seconds=_HOURS)
        begun.rename(base)
    return base


def view_of(plan: Plan, base: Path) -> tuple[Path, int]:
    """Return the view of a base as N-Triples, written when it is first asked for, and how many triples it has."""
    file, store = plan.folder / f"{base.name}-view.nt", Embedded.open(base, read_only=True)
    try:
        if not file.exists():
            with file.open("wb") as output:
                store.dump(output, RdfFormat.N_TRIPLES, VIEW)
        return file, store.count(VIEW)
    finally:
        store.close()


def size_of(file: Path) -> str:
    """Return in words how many triples a file of N-Triples or N-Quads has."""
    with file.open("rb") as lines:
        return f"{sum(1 for _ in lines):,} triples"


def ontology_files(folder: str = "") -> list[Path]:
    """Return the files of the ontology, or of the shapes in a folder of it."""
    return sorted((data_folder() / "ontology" / folder).glob("*.ttl"))


def script(name: str, *arguments: Path | str) -> tuple[str, ...]:
    """Return the command that runs one of ``bench.programs``, or ``peers.NAME`` one of another module."""
    module, _, program = name.rpartition(".")
    return (PYTHON, "-m", f"bench.{module or 'programs'}", program, *map(str, arguments))


def of_peer(plan: Plan, command: Sequence[str]) -> list[Cost]:
    """Run a program for rules or shapes, as often as ours or until it has run long enough. Raises ``Failed``."""
    costs: list[Cost] = []
    while len(costs) < plan.runs and sum(cost.wall for cost in costs) < _ENOUGH:
        costs.append(run(command, seconds=plan.patience, memory=plan.memory))
    return costs


def said(costs: Sequence[Cost]) -> dict[str, Any]:
    """Return what a program printed in the run that was quickest by its own account."""
    found: list[dict[str, Any]] = [json.loads(cost.output) for cost in costs]
    return min(found, key=lambda said: said.get("wall", 0.0))


def agreed(mine: dict[str, Any], found: dict[str, Any]) -> str:
    """Return in words whether two closures have the same number of triples about things, and if not, of what kind."""
    if mine["tally"] == found["tally"]:
        return f"both hold the same number of triples about things, {mine['things']:,}"
    kinds = {*mine["tally"], *found["tally"]}
    other = {kind: found["tally"].get(kind, 0) - mine["tally"].get(kind, 0) for kind in kinds}
    told = sorted((kind for kind in kinds if other[kind]), key=lambda kind: (-abs(other[kind]), kind))
    words = ", ".join(f"{kind} {other[kind]:+,}" for kind in told[:_TOLD])
    more = f" and {len(told) - _TOLD} other kinds" if len(told) > _TOLD else ""
    return f"triples about things DIFFER: Parley {mine['things']:,}, the peer {found['things']:,} ({words}{more})"


def compared(figure: Figure, ours: Sequence[Cost], theirs: Sequence[Cost]) -> Figure:
    """Fill in both costs and their ratio: ours to the peer's, or the peer's to ours where we are to be faster."""
    mine, other = least(ours), least(theirs)
    upper, lower = (other, mine) if figure.least is not None else (mine, other)
    return replace(
        figure,
        ours=_shown(ours),
        theirs=_shown(theirs),
        ratio=upper.wall / lower.wall,
        processor=upper.processor / lower.processor,
        seconds=(mine.wall, other.wall),
        memory=(mine.memory, other.memory),
    )


def told(figure: Figure, mine: dict[str, Any], found: dict[str, Any]) -> Figure:
    """Fill in both costs as the programs account for them themselves: without starting and importing."""
    upper, lower = (found, mine) if figure.least is not None else (mine, found)
    return replace(
        figure,
        ours=f"{mine['wall']:.2f} s, {mine['memory']:,.0f} MB",
        theirs=f"{found['wall']:.2f} s, {found['memory']:,.0f} MB",
        ratio=upper["wall"] / lower["wall"],
        processor=upper["processor"] / lower["processor"],
        seconds=(mine["wall"], found["wall"]),
        memory=(mine["memory"], found["memory"]),
    )


def bounded(what: str, cost: Cost, limit: float) -> Figure:
    """Return the figure of the memory that a program took at the most, against a limit in MB."""
    ours, most = (f"{memory:,.0f} MB" for memory in (cost.memory, limit))
    return Figure(what, "the limit", ours, most, cost.memory / limit, most=1)


def failed(figure: Figure, failure: Failed) -> Figure:
    """Fill in that the peer failed."""
    return replace(figure, theirs="failed", note=str(failure))


def _shown(costs: Sequence[Cost]) -> str:
    best = least(costs)
    several = f" (median {median(costs):.2f})" if len(costs) > 1 else ""
    return f"{best.wall:.2f} s{several}, processor {best.processor:.2f} s, {best.memory:,.0f} MB"
