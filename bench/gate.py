"""The figures of the gate: what it costs to check, to add, to withdraw, and to look over a whole base."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench.articles import write_new_articles, write_strange_article
from bench.measure import Cost, Failed, repeat, run
from bench.plan import (
    HELD,
    KG,
    PYTHON,
    Figure,
    Part,
    Plan,
    articles_of,
    base_of,
    compared,
    failed,
    of_peer,
    ontology_files,
    said,
    script,
    view_of,
)
from kg.terms import data_folder

_WARM_UP: Final = 10
"""How many first articles do not count: modules are imported, shapes read, queries parsed."""
_TRIPLES_AN_ARTICLE: Final = 127
_CLAIMS_AN_ARTICLE: Final = 9  # at the least
SHAPES: Final = "writing the view"
"""The step of a whole-base check with which validating the shapes begins."""
_HOUR: Final = 3600.0
_VALIDATORS: Final = (("pyshacl-turbo", "peers.pyshacl_turbo"), ("maplib", "peers.maplib_shacl"))


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds by the clock and of the processor, one for each article or claim."""

    wall: Sequence[float]
    processor: Sequence[float]

    @classmethod
    def of(cls, seconds: Sequence[tuple[float, float]]) -> _Times:
        return cls(*zip(*seconds, strict=True))

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def middle_processor(self) -> float:
        return statistics.mean(self.processor)  # its clock is too coarse for a median

    @property
    def late(self) -> float:
        """The 99th percentile."""
        return statistics.quantiles(self.wall, n=100, method="inclusive")[-1]

    def __str__(self) -> str:
        shown = f"median {self.median * 1000:.1f} ms, 99th percentile {self.late * 1000:.1f} ms"
        return f"{shown}, processor {self.middle_processor * 1000:.1f} ms"


def _checks(plan: Plan) -> Iterator[Figure]:
    large = plan.largest
    sizes = {plan.small: base_of(plan, plan.small), large: base_of(plan, large, plan.kept)}
    small, big = _checked(plan, sizes, plan.checks)
    what = f"check of an article of 100 triples in a running process, base of {large:,} triples on disk"
    yield Figure(
        what,
        f"the same with {plan.small:,}",
        str(big),
        str(small),
        big.median / small.median,
        big.middle_processor / small.middle_processor,
        most=2,
        note=f"{len(big.wall)} different articles each, in turn",
    )
    yield _limited(f"{what}, median", big.median, 0.1)
    yield _limited(f"{what}, 99th percentile", big.late, 0.25)


def _limited(what: str, seconds: float, limit: float) -> Figure:
    ours, most = (f"{value * 1000:.0f} ms" for value in (seconds, limit))
    return Figure(what, "the limit", ours, most, seconds / limit, most=1)


def _against_both(plan: Plan) -> Iterator[Figure]:
    triples = round(plan.middle / HELD)
    base = base_of(plan, triples)
    (ours,) = _checked(plan, {triples: base}, max(plan.checks // 5, 30))
    article, facts = _new(plan, triples, 1)[0], plan.folder / "with-article.nt"
    run(script("held", facts, articles_of(plan, triples), article))
    figure = Figure(
        f"check of such an article, base of which {plan.middle:,} triples hold",
        "owlrl over base and article, then pyshacl",
        str(ours),
        least=500,
    )
    try:
        shapes = data_folder() / "ontology" / "shapes"
        theirs = said([run(script("owlrl_and_pyshacl", facts, shapes, *ontology_files()), seconds=_HOUR)])
    except Failed as failure:
        yield failed(figure, failure)
        return
    yield replace(
        figure,
        theirs=f"{theirs['wall']:.1f} s, of it closing {theirs['closing']:.1f} s",
        ratio=theirs["wall"] / ours.median,
        processor=theirs["processor"] / ours.middle_processor,
        note="the peer has read everything already and knows only facts, Parley reads the article and checks its "
        f"quotes as well; nodes that fail according to the peer: {theirs['failing']}",
    )


def _changes(plan: Plan) -> Iterator[Figure]:
    base, changes = base_of(plan, plan.large), plan.changes
    _new(plan, plan.large, changes, "added")
    found = _times(run(script("add", base, plan.folder / "added"), seconds=_HOUR))[0]
    total = sum(found.wall)
    yield Figure(
        f"add of such articles one after the other, base of {plan.large:,} triples",
        "the limit",
        f"{len(found.wall) / total:.1f} articles a second, {found}",
        "10 articles a second",
        len(found.wall) / total / 10,
        least=1,
        note=f"{len(found.wall)} articles in {total:.1f} s, each synced when it is acknowledged",
    )
    articles = plan.large // _TRIPLES_AN_ARTICLE
    claims = [
        f"bench-{number * articles // changes}/{1 + number % _CLAIMS_AN_ARTICLE}" for number in range(changes)
    ]
    found = _times(run(script("retract", base, *claims), seconds=_HOUR))[0]
    figure = _limited(f"retract of a claim, base of {plan.large:,} triples, median", found.median, 0.2)
    yield replace(figure, note=f"{len(found.wall)} claims of different articles: {found}")


def _whole(plan: Plan) -> Iterator[Figure]:
    base = base_of(plan, plan.large)
    view, held = view_of(plan, base)
    ours = [run(script("validate", base), seconds=_HOUR) for _ in range(plan.runs)]
    mine = said(ours)
    words = f"check of a whole base, {held:,} triples in its view"
    figure = Figure(f"{words}, whole process", "shacl reading the view from a file", most=3)
    try:
        theirs = [run(script("shacl", view, *ontology_files("shapes"))) for _ in range(plan.runs)]
    except Failed as failure:
        yield failed(figure, failure)
    else:
        taken = "; ".join(f"{step} {seconds:.2f} s" for step, seconds in mine["steps"])
        yield replace(compared(figure, ours, theirs), note=f"{taken}; {_counted(mine, said(theirs))}")
        shapes = f"{words}, its shapes alone"
        yield _shapes_compared(Figure(shapes, "shacl", most=3, panel=shapes), mine, said(theirs))
    yield from _shapes_alone(plan, f"{words}, its shapes alone", view, mine)


def _against_pyshacl(plan: Plan) -> Iterator[Figure]:
    base = base_of(plan, round(plan.middle / HELD))
    view, held = view_of(plan, base)
    ours = [run(script("validate", base), seconds=_HOUR) for _ in range(plan.runs)]
    mine, words = said(ours), f"check of a whole base, {held:,} triples in its view"
    figure = Figure(f"{words}, whole process", "pyshacl reading the view from a file", least=50)
    try:
        theirs = [run(script("pyshacl", view, *ontology_files("shapes")), seconds=_HOUR)]
    except Failed as failure:
        yield failed(figure, failure)
    else:
        yield replace(compared(figure, ours, theirs), note=_counted(mine, said(theirs)))
        shapes = f"{words}, its shapes alone"
        yield _shapes_compared(Figure(shapes, "pyshacl", panel=shapes), mine, said(theirs))
    yield from _shapes_alone(plan, f"{words}, its shapes alone", view, mine, ("shacl", "shacl"))


def _shapes_alone(
    plan: Plan,
    words: str,
    view: Path,
    mine: dict[str, Any],
    *more: tuple[str, str],
) -> Iterator[Figure]:
    """Compare validators that read the view and the shapes, by their own clocks."""
    for name, program in (*_VALIDATORS, *more):
        figure = Figure(words, name, panel=words)
        try:
            theirs = of_peer(plan, script(program, view, *ontology_files("shapes")))
        except Failed as failure:
            yield failed(figure, failure)
        else:
            yield _shapes_compared(figure, mine, said(theirs))


def _shapes_compared(figure: Figure, mine: dict[str, Any], found: dict[str, Any]) -> Figure:
    """Fill in what validating cost: of ours the steps from writing the view on, without evidence and files."""
    steps = dict(mine["steps"])
    shapes = sum(itertools.islice(steps.values(), [*steps].index(SHAPES), None))
    return replace(
        figure,
        ours=f"{shapes:.2f} s, {mine['memory']:,.0f} MB",
        theirs=f"{found['wall']:.2f} s, {found['memory']:,.0f} MB",
        ratio=shapes / found["wall"],
        note=f"without evidence and the files of journal and store; {_counted(mine, found)}",
        seconds=(shapes, found["wall"]),
        memory=(mine["memory"], found["memory"]),
        differs=mine["failing"] != found["failing"],
    )


def _counted(mine: dict[str, Any], found: dict[str, Any]) -> str:
    return f"nodes that fail: {mine['failing']}, according to the peer {found['failing']}"


def _command(plan: Plan) -> Iterator[Figure]:
    command = (KG, "check", str(write_strange_article(plan.folder / "strange")))
    peer, cache = "import pyshacl", str(plan.folder / "cache")
    run(command, environment={"KG_CACHE": cache})
    figure = Figure("kg check of such an article, base of the one article", f"python -c '{peer}'", most=2)
    try:
        ours, theirs = repeat(command, (PYTHON, "-c", peer), times=plan.short, KG_CACHE=cache)
    except Failed as failure:
        yield failed(figure, failure)
    else:
        yield compared(figure, ours, theirs)


def _new(plan: Plan, triples: int, count: int, name: str = "") -> list[Path]:
    """Write new articles for a base of so many triples, in a folder of this name."""
    return write_new_articles(plan.folder / (name or f"new-{triples}-{count}"), count, triples)


def _checked(plan: Plan, bases: dict[int, Path], count: int) -> list[_Times]:
    """Check new articles against bases, which take turns; return what each took, without those that warm up."""
    pairs: list[Path] = []
    for triples, base in bases.items():
        name = f"checked-{triples}"
        _new(plan, triples, count, name)
        pairs += [base, plan.folder / name]
    return _times(run(script("check", *pairs), seconds=_HOUR), _WARM_UP)


def _times(cost: Cost, warm_up: int = 1) -> list[_Times]:
    return [_Times.of(seconds[warm_up:]) for seconds in json.loads(cost.output)["seconds"]]


FIGURES: Final[tuple[Part, ...]] = (
    ("checking an article", _checks),
    ("the same against owlrl and pyshacl at {0.middle:,} triples", _against_both),
    ("adding and withdrawing at {0.large:,} triples", _changes),
    ("checking a whole base of {0.large:,} triples", _whole),
    ("checking a whole base where {0.middle:,} triples hold", _against_pyshacl),
    ("kg check, whole process", _command),
)
"""What ``bench.plan.measure`` measures of the gate."""
