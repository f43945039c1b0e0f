"""The figures of following answers: what it costs to explain a triple, to cite an answer, to ask another view."""

from __future__ import annotations

import json
import shlex
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.measure import Cost, Failed, least, repeat, run
from bench.plan import KG, Figure, Part, Plan, base_of, compared, failed, script
from kg.asking.questions import example_call
from kg.view import stored_questions

_WARM_UP: Final = 5
_HOUR: Final = 3600.0
_SPEAKER: Final = "vladimir-putin"
_QUESTION: Final = "who-supports"


def _explaining(plan: Plan) -> Iterator[Figure]:
    large = plan.largest
    bases = {plan.small: base_of(plan, plan.small), large: base_of(plan, large, plan.kept)}
    pairs = []
    for triples, base in bases.items():
        chosen = plan.folder / f"derived-{triples}.json"
        run(script("derived", base, str(triples), str(plan.checks), chosen), seconds=_HOUR)
        pairs += [base, chosen]
    for base in bases.values():
        have_read(base)
    found = json.loads(run(script("explain", *pairs), seconds=_HOUR).output)
    small, big = ([one[0] for one in seconds[_WARM_UP:]] for seconds in found["seconds"])
    processor = [statistics.mean(one[1] for one in seconds[_WARM_UP:]) for seconds in found["seconds"]]
    yield Figure(
        f"explain one derived triple in a running process, base of {large:,} triples on disk",
        f"the same with {plan.small:,}",
        _times(big),
        _times(small),
        statistics.median(big) / statistics.median(small),
        processor[1] / processor[0],
        most=2,
        note=f"{len(big)} different triples each, in turn, proofs of {found['steps'][0]:.1f} and "
        f"{found['steps'][1]:.1f} steps on average",
    )


def have_read(base: Path) -> None:
    """Have the system keep a base in its memory, as on a machine that serves it."""
    for file in sorted((base / "store").iterdir()):
        with file.open("rb") as content:
            while content.read(1 << 24):
                pass


def _times(seconds: list[float]) -> str:
    late = statistics.quantiles(seconds, n=100, method="inclusive")[-1]
    return f"median {statistics.median(seconds) * 1000:.1f} ms, 99th percentile {late * 1000:.1f} ms"


def _citing(plan: Plan) -> Iterator[Figure]:
    cache = str(plan.folder / "cache")
    calls = [shlex.split(example_call(question))[1:] for question in stored_questions().values()]
    ratios, ours, theirs = [], [], []
    for call in calls:
        plain = (KG, *call, "--format", "json")
        run((*plain, "--cite"), environment={"KG_CACHE": cache})
        cited, asked = repeat((*plain, "--cite"), plain, times=max(plan.short // 3, 2), KG_CACHE=cache)
        ratios.append(
            (least(cited).wall / least(asked).wall, least(cited).processor / least(asked).processor)
        )
        ours.append(least(cited).wall)
        theirs.append(least(asked).wall)
    yield Figure(
        "kg ask --cite, whole process, all stored questions on the article",
        "kg ask",
        f"median {statistics.median(ours):.2f} s, greatest {max(ours):.2f} s",
        f"median {statistics.median(theirs):.2f} s",
        statistics.median(ratio for ratio, _ in ratios),
        statistics.median(ratio for _, ratio in ratios),
        most=5,
        note=f"median of the ratios of {len(calls)} questions; the greatest is {max(ratios)[0]:.1f}",
    )


def _viewing(plan: Plan) -> Iterator[Figure]:
    cache = str(plan.folder / "cache")
    large = base_of(plan, plan.large)
    told_by = json.loads(run(script("speaker", large), seconds=_HOUR).output)["speaker"]
    for base, speaker, name in (
        ((), _SPEAKER, "the built-in base"),
        (("--store", str(large)), told_by, f"base of {plan.large:,} triples on disk"),
    ):
        plain = (KG, *base, "ask", _QUESTION, "--actor", "id:turkey")
        told = (*plain, "--as-told-by", speaker)
        figure = Figure(f"kg ask on a prepared view as told by a speaker, {name}", "kg ask", most=1.2)
        try:
            made = run(told, environment={"KG_CACHE": cache}, seconds=_HOUR)
            ours, theirs = repeat(told, plain, times=plan.short, KG_CACHE=cache)
        except Failed as failure:
            yield failed(figure, failure)
        else:
            yield _noted(compared(figure, ours, theirs), made)


def _noted(figure: Figure, made: Cost) -> Figure:
    return replace(figure, note=f"the first time, when the view is made: {made.wall:.2f} s")


FIGURES: Final[tuple[Part, ...]] = (
    ("explaining a derived triple", _explaining),
    ("citing the answers of all stored questions", _citing),
    ("asking a view as told by a speaker", _viewing),
)
"""What ``bench.plan.measure`` measures of following answers."""
