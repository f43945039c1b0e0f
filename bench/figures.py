"""The five figures: what Parley costs, what a peer costs in the same run, and the ratio that is to be reached."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pyoxigraph import RdfFormat, serialize

from bench import nemo
from bench.articles import write_articles
from bench.measure import Cost, Failed, least, median, repeat, run
from bench.programs import compiled_rules
from kg.store import Embedded
from kg.terms import VIEW, data_folder
from kg.turtle import read

_PYTHON: Final = sys.executable
_KG: Final = str(Path(sys.executable).with_name("kg"))
_HELD: Final = 0.343  # the share of the articles' quads that says what holds
_QUESTION: Final = (_KG, "ask", "parties", "--agreement", "idlib-agreement-2020")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: both costs as text, their ratio by the clock and by processor, what was to reach.

    The ratio is ours to the peer's and may be ``most``; or, where we are to be faster, the peer's to ours and
    must be ``least``. With neither the line is for information. It is ``None`` where a program failed.
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
            return "not measured"
        if self.target == "–":
            return "–"
        most = float("inf") if self.most is None else self.most
        return "yes" if (self.least or 0) <= self.ratio <= most else "**no**"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: the sizes in triples and the numbers of runs; and where there is room for files."""

    folder: Path
    short: int = 15
    middle: int = 50_000
    large: int = 1_000_000
    runs: int = 3

    @classmethod
    def quick(cls, folder: Path) -> Plan:
        """Return a plan at a tenth of the sizes: to see that everything runs, not for figures to be quoted."""
        return cls(folder, short=5, middle=5_000, large=100_000, runs=2)


def measure(plan: Plan, report: Callable[[str], None]) -> Iterator[Figure]:
    """Measure all figures one after the other; ``report`` is told what is being measured."""
    for name, figures in (
        ("a question, with a warm and with a cold cache", _questions),
        (f"load and rules at {plan.middle:,} triples", _in_memory),
        (f"load and rules at {plan.large:,} triples on disk", _on_disk),
        ("rules alone", _rules_alone),
    ):
        report(name)
        try:
            yield from figures(plan)
        except Failed as failure:  # a program of ours: those of peers are reported line by line
            yield Figure(name, "–", "failed", note=str(failure))


def _questions(plan: Plan) -> Iterator[Figure]:
    cache = plan.folder / "cache"

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    run(_QUESTION, environment={"KG_CACHE": str(cache)})
    for what, imports, most, times, before in (
        ("kg ask, cache warm", "rdflib", 1.0, plan.short, lambda: None),
        (
            "kg ask, cache cold: built from its files",
            "rdflib, pyshacl, owlrl",
            4.0,
            max(plan.short // 2, 3),
            forget,
        ),
    ):
        figure = Figure(what, f"python -c 'import {imports}'", most=most)
        command = (_PYTHON, "-c", f"import {imports}")
        try:
            ours, theirs = repeat(_QUESTION, command, times=times, before=before, KG_CACHE=str(cache))
        except Failed as failure:
            yield _failed(figure, failure)
        else:
            yield _compared(figure, ours, theirs)


def _in_memory(plan: Plan) -> Iterator[Figure]:
    articles = round(plan.middle / _HELD)
    claims, (triples, turtle) = _articles(plan, articles), _held(plan, articles)
    ontology = list(map(str, sorted((data_folder() / "ontology").glob("*.ttl"))))
    ours = [run(_program("facts", triples)) for _ in range(plan.runs)]
    whole = [run(_program("view", claims)) for _ in range(plan.runs)]
    mine = _said(ours)
    words = f"load and rules, {_size(triples)} of facts, in memory"
    figure = Figure(f"{words}, whole process", "rdflib and owlrl", least=60)
    try:
        theirs = [run(_program("owlrl", triples, *ontology), seconds=1200)]
    except Failed as failure:
        yield _failed(figure, failure)
    else:
        found = _said(theirs)
        note = f"both read the same N-Triples; {_agree(mine, found)}"
        yield replace(_compared(figure, ours, theirs), note=note)
        yield Figure(
            f"{words}, without starting Python and importing",
            "rdflib and owlrl",
            f"{mine['wall']:.2f} s",
            f"{found['wall']:.2f} s",
            found["wall"] / mine["wall"],
            found["processor"] / mine["processor"],
            least=60,
            note="reading the ontology counts on both sides",
        )
        figure = replace(
            figure, what=f"the same from {_size(claims)} of claims, evidence checked", least=None
        )
        note = "for information: Parley reads the claims behind those facts and checks every quote, owlrl the facts"
        yield replace(_compared(figure, whole, theirs), note=f"{note}; {_agree(_said(whole), found)}")
    figure = Figure(f"{words}, whole process", "reasonable")
    try:
        theirs = [run(_program("reasonable", turtle, *ontology)) for _ in range(plan.runs)]
    except Failed as failure:
        yield _failed(figure, failure)
    else:
        note = f"for information: a reasoner in Rust for OWL 2 RL; {_agree(mine, _said(theirs))}"
        yield replace(_compared(figure, ours, theirs), note=note)


def _on_disk(plan: Plan) -> Iterator[Figure]:
    file, base, seeds = _articles(plan, plan.large), plan.folder / "base", plan.folder / "seeds.nq"
    words = f"kg load, {_size(file)}, on disk, rules included"
    run((_KG, "init", str(base)))
    ours = [run((_KG, "--store", str(base), "load", str(file)), seconds=1800)]
    store = Embedded.open(base, read_only=True)
    closed, everything = store.count(VIEW), store.count()
    store.close()
    quads = (quad for path in sorted((data_folder() / "seeds").rglob("*.trig")) for quad in read(path))
    serialize(quads, str(seeds), format=RdfFormat.N_QUADS)
    yield Figure(
        f"peak memory of {words}",
        "the limit",
        f"{ours[0].memory:,.0f} MB",
        "1,500 MB",
        ours[0].memory / 1500,
        most=1,
    )
    for name, translate, how in (
        ("Nemo", nemo.plain, "the same rules as they are, over one relation of triples"),
        ("Nemo, rewritten", nemo.split, "the rules rewritten to a relation for each property and class"),
    ):
        figure = Figure(words, name, most=2)
        program = plan.folder / f"{translate.__name__}.rls"
        program.write_text(translate(compiled_rules(), [seeds, file]), encoding="utf-8")
        try:
            theirs = [run(_program("nemo", program), seconds=1800)]
        except Failed as failure:
            yield _failed(figure, failure)
            continue
        found = _said(theirs)
        same = "the same" if found["closed"] == closed and not found["clashes"] else f"{found}, NOT"
        note = f"{how}; Nemo ends with {same} {closed:,} triples in memory, Parley with {everything:,} quads on disk"
        yield replace(_compared(figure, ours, theirs), note=note)
    figure = Figure(words, "pyoxigraph bulk_load")
    try:
        theirs = [run(_program("disk", plan.folder / "plain-store", file))]
    except Failed as failure:
        yield _failed(figure, failure)
    else:
        note = "for information: it only writes the same file into a store on disk, without rules or checks"
        yield replace(_compared(figure, ours, theirs), note=note)


def _rules_alone(plan: Plan) -> Iterator[Figure]:
    sizes = (plan.large // 10, plan.large)
    small, large = (
        [json.loads(run(_program("rules", _held(plan, size)[0])).output) for _ in range(plan.runs)]
        for size in sizes
    )
    times = [min(found["wall"] for found in runs) for runs in (small, large)]
    used = [min(found["processor"] for found in runs) for runs in (small, large)]
    grown = large[0]["held"] / small[0]["held"]
    yield Figure(
        f"rules alone, in memory, articles of {sizes[1]:,} triples: growth of time over growth of data",
        f"the same at {sizes[0]:,}",
        f"{times[1]:.2f} s",
        f"{times[0]:.2f} s",
        times[1] / times[0] / grown,
        used[1] / used[0] / grown,
        most=1.2,
        note=f"from {small[0]['held']:,} to {large[0]['held']:,} triples stated, "
        f"from {small[0]['closed']:,} to {large[0]['closed']:,} with what follows",
    )


def _articles(plan: Plan, size: int) -> Path:
    file = plan.folder / f"articles-{size}.nq"
    if not file.exists():
        write_articles(file, size)
    return file


def _held(plan: Plan, size: int) -> tuple[Path, Path]:
    """Write what the articles hold true, as N-Triples under two names: some programs judge a file by its ending."""
    triples, turtle = (plan.folder / f"held-{size}.{ending}" for ending in ("nt", "ttl"))
    if not triples.exists():
        run(_program("held", triples, _articles(plan, size)))
        turtle.symlink_to(triples)
    return triples, turtle


def _size(file: Path) -> str:
    with file.open("rb") as lines:
        return f"{sum(1 for _ in lines):,} triples"


def _program(name: str, *arguments: Path | str) -> tuple[str, ...]:
    return (_PYTHON, "-m", "bench.programs", name, *map(str, arguments))


def _said(costs: Sequence[Cost]) -> dict[str, Any]:
    """Return what a program printed in the run that was quickest by its own account."""
    found: list[dict[str, Any]] = [json.loads(cost.output) for cost in costs]
    return min(found, key=lambda said: said.get("wall", 0.0))


def _agree(mine: dict[str, Any], found: dict[str, Any]) -> str:
    if mine["things"] == found["things"]:
        return f"both hold the same number of triples about things, {mine['things']:,}"
    return f"triples about things DIFFER: Parley {mine['things']:,}, the peer {found['things']:,}"


def _shown(costs: Sequence[Cost]) -> str:
    best = least(costs)
    several = f" (median {median(costs):.2f})" if len(costs) > 1 else ""
    return f"{best.wall:.2f} s{several}, processor {best.processor:.2f} s, {best.memory:,.0f} MB"


def _compared(figure: Figure, ours: Sequence[Cost], theirs: Sequence[Cost]) -> Figure:
    """Fill in both costs and their ratio: ours to the peer's, or the peer's to ours where we are to be faster."""
    upper, lower = (theirs, ours) if figure.least is not None else (ours, theirs)
    return replace(
        figure,
        ours=_shown(ours),
        theirs=_shown(theirs),
        ratio=least(upper).wall / least(lower).wall,
        processor=least(upper).processor / least(lower).processor,
    )


def _failed(figure: Figure, failure: Failed) -> Figure:
    return replace(figure, theirs="failed", note=str(failure))
