"""The figures of asking: the same questions over the same view, each engine in a process of its own."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from bench.asked import SELECTIVE, aggregating
from bench.measure import Failed, run
from bench.plan import HELD, Figure, Part, Plan, base_of, script, view_of

ENGINES: Final = {
    "pyoxigraph": "pyoxigraph",
    "oxigraph": "Oxigraph's server",
    "virtuoso": "Virtuoso",
    "rdflib": "rdflib",
    "maplib": "maplib",
    "sparq": "sparq-rdf",
}
"""The engines of ``bench.engines`` beside Parley, and what the report calls them."""
_HOUR: Final = 3600.0
Told: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What an engine told of each question; what it cost to load; why it ended, if it did so before the end."""

    questions: Mapping[str, Told]
    loading: float = 0.0
    memory: float = 0.0
    why: str = ""

    @classmethod
    def of(cls, output: str, why: str = "") -> _Answers:
        told = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
        return cls(
            {one["question"]: one for one in told if "question" in one},
            max((one.get("loading", 0.0) for one in told), default=0.0),
            max((one.get("memory", 0.0) for one in told), default=0.0),
            why,
        )

    def told(self, question: str) -> Told:
        """Return what was told of a question: its seconds and answers, or why there are none."""
        return self.questions.get(question, {"error": self.why})


def _asking(plan: Plan, triples: int, kept: Path | None = None) -> Iterator[Figure]:
    base = base_of(plan, triples, kept)
    view, held = view_of(plan, base)
    questions = plan.folder / f"questions-{triples}.json"
    run(script("asked.choose", base, str(triples), str(plan.things), questions), seconds=_HOUR)
    ours = _answers(plan, "parley", base, questions)
    if ours.why:
        raise Failed(ours.why)
    size = f"{held:,} triples in the view"
    for engine, name in ENGINES.items():
        theirs = _answers(plan, engine, view, questions)
        for kind, names in (("about single things", SELECTIVE), ("over everything", aggregating())):
            cells = [
                compare(question, name, ours.told(question), theirs.told(question)) for question in names
            ]
            yield from (replace(cell, table=f"Questions {kind}, {size}: medians") for cell in cells)
            yield _in_all(f"questions {kind}, {size}", name, cells, ours, theirs)
    view.unlink()


def _answers(plan: Plan, engine: str, data: Path, questions: Path) -> _Answers:
    folder = plan.folder / f"{engine}-{questions.stem}"
    folder.mkdir()
    seconds, memory = (_HOUR, float("inf")) if engine == "parley" else (plan.patience, plan.memory)
    try:
        cost = run(script(f"engines.{engine}", folder, data, questions), seconds=seconds, memory=memory)
    except Failed as failure:
        return _Answers.of(failure.output, str(failure))
    finally:
        shutil.rmtree(folder)
    return _Answers.of(cost.output)


def compare(question: str, peer: str, mine: Told, found: Told) -> Figure:
    """Compare the answers of one question: the medians of what the calls took, and whether the rows are the same."""
    figure = Figure(question, peer)
    if "seconds" in mine:
        figure = replace(figure, ours=milliseconds(_median(mine)))
    for told in (mine, found):
        if "seconds" not in told:
            return replace(figure, theirs="failed", note=f"{question}: {told['error']}")
    both = zip(mine["answers"], found["answers"], strict=False)
    return replace(
        figure,
        theirs=milliseconds(_median(found)),
        ratio=_median(mine) / _median(found),
        seconds=(_median(mine), _median(found)),
        differs=any(one != another for one, another in both),
    )


def _median(told: Told) -> float:
    """Return the median of the seconds of the calls; the first counts only if it is the only one."""
    return float(statistics.median(told["seconds"][1:] or told["seconds"]))


def _in_all(words: str, peer: str, cells: Sequence[Figure], ours: _Answers, theirs: _Answers) -> Figure:
    """Compare the medians of all questions that both answered; the ratio is the median of theirs."""
    both = [cell.seconds for cell in cells if cell.seconds]
    failed = [cell.note for cell in cells if not cell.seconds]
    other = [cell.what for cell in cells if cell.differs]
    notes = [
        f"loading took {theirs.loading:.1f} s" if theirs.loading else theirs.why,
        f"no answer to {len(failed)} of {len(cells)} ({failed[0]})" if failed and theirs.loading else "",
        f"answers DIFFER: {', '.join(other)}" if other else "the same answers" if both else "",
    ]
    figure = Figure(words, peer, theirs="failed", note="; ".join(filter(None, notes)), panel=words)
    if not both:
        return figure
    mine, others = (statistics.median(column) for column in zip(*both, strict=True))
    return replace(
        figure,
        ours=f"{milliseconds(mine)}, {ours.memory:,.0f} MB",
        theirs=f"{milliseconds(others)}, {theirs.memory:,.0f} MB",
        ratio=statistics.median(one / another for one, another in both),
        seconds=(mine, others),
        memory=(ours.memory, theirs.memory),
        differs=bool(other or failed),
    )


def milliseconds(seconds: float) -> str:
    """Return a time in words, to three digits."""
    return f"{seconds * 1000:,.3g} ms" if seconds < 0.9995 else f"{seconds:,.2f} s"


def _middle(plan: Plan) -> Iterator[Figure]:
    yield from _asking(plan, round(plan.middle / HELD))


def _large(plan: Plan) -> Iterator[Figure]:
    yield from _asking(plan, plan.large)


def _huge(plan: Plan) -> Iterator[Figure]:
    if plan.kept:
        yield from _asking(plan, plan.huge, plan.kept)


FIGURES: Final[tuple[Part, ...]] = (
    ("the same questions in other engines, {0.middle:,} triples hold", _middle),
    ("the same questions in other engines, base of {0.large:,} triples", _large),
    ("the same questions in other engines, the largest base", _huge),
)
"""What ``bench.plan.measure`` measures of asking."""
