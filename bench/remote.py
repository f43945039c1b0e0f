"""The figures of the remote store: what it costs to ask and to add through it, against the server itself."""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from bench.articles import write_new_articles
from bench.asked import SELECTIVE, aggregating
from bench.asking import compare, milliseconds
from bench.measure import Failed, run
from bench.plan import Figure, Part, Plan, base_of, failed, script

_HOUR: Final = 3600.0
_WARM_UP: Final = 5
_LIMIT: Final = 0.5


def _virtuoso(plan: Plan) -> Iterator[Figure]:
    yield from _through(plan, "virtuoso", "Virtuoso", plan.largest, 1.3)


def _oxigraph(plan: Plan) -> Iterator[Figure]:
    yield from _through(plan, "oxigraph", "Oxigraph's server", plan.large, None)


def _through(plan: Plan, kind: str, name: str, triples: int, most: float | None) -> Iterator[Figure]:
    base = base_of(plan, triples, plan.kept if triples == plan.huge else None)
    folder, words = (
        plan.folder / f"remote-{kind}",
        f"through the remote store on {name}, base of {triples:,} triples",
    )
    asked, new = folder / "questions.json", folder / "new"
    write_new_articles(new, plan.changes // 2 + _WARM_UP, triples)
    run(script("asked.choose", base, str(triples), str(plan.things), asked), seconds=_HOUR)
    try:
        told = _told(script(f"through.{kind}", folder, base, asked, new))
    except Failed as failure:
        yield failed(Figure(f"questions and articles {words}", name, most=most), failure)
        return
    finally:
        shutil.rmtree(folder)
    yield from _questions(words, name, most, {one["question"]: one for one in told if "own" in one})
    yield _articles(words, [one for one in told if "add" in one], 1 if most else None)


def _told(command: tuple[str, ...]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(command, seconds=_HOUR).output.splitlines()]


def _questions(words: str, name: str, most: float | None, found: dict[str, Any]) -> Iterator[Figure]:
    everything = aggregating()
    for what, names in (("about single things", SELECTIVE), ("over everything", everything)):
        for ours, more in (("ours", ""), ("labelled", " and all labels")):
            limit = most if names is everything and not more else None
            cells = [
                compare(question, name, found[question][ours], found[question]["own"]) for question in names
            ]
            yield from (replace(cell, table=f"Questions {what}{more}, {words}: medians") for cell in cells)
            task = f"questions {what}{more}, {words}"
            yield _in_all(Figure(task, f"{name} itself, asked the same", most=limit, panel=task), cells)


def _articles(words: str, told: list[dict[str, Any]], most: float | None) -> Figure:
    times = told[_WARM_UP:]
    both = statistics.median(one["check"] + one["add"] for one in times)
    parts = ", ".join(
        f"{part} {milliseconds(statistics.median(one[part] for one in times))}" for part in times[0]
    )
    return Figure(
        f"check and add of one article {words}, median",
        "the limit",
        milliseconds(both),
        milliseconds(_LIMIT),
        both / _LIMIT,
        most=most,
        note=f"{len(times)} articles, each checked, then added, which checks it once more; medians: {parts}",
    )


def _in_all(figure: Figure, cells: list[Figure]) -> Figure:
    """Fill in the medians of the questions; the ratio is the median of theirs, and the greatest is told."""
    both = [cell.seconds for cell in cells if cell.seconds]
    if not both:
        return replace(figure, theirs="failed", note=cells[0].note)
    ours, own = (statistics.median(column) for column in zip(*both, strict=True))
    worst = max(cells, key=lambda cell: cell.ratio or 0)
    other = [cell.what for cell in cells if cell.differs]
    notes = [
        f"the greatest ratio is {worst.ratio:.2f}, {worst.what} ({worst.ours}, {worst.theirs})",
        f"answers DIFFER from the server's own: {', '.join(other)}" if other else "the same answers",
        *(cell.note for cell in cells if not cell.seconds),
    ]
    return replace(
        figure,
        ours=milliseconds(ours),
        theirs=milliseconds(own),
        ratio=statistics.median(one / another for one, another in both),
        seconds=(ours, own),
        note="; ".join(notes),
    )


FIGURES: Final[tuple[Part, ...]] = (
    ("questions and articles through the remote store on Virtuoso, {0.largest:,} triples", _virtuoso),
    ("the same on Oxigraph's server, {0.large:,} triples", _oxigraph),
)
"""What ``bench.plan.measure`` measures of the remote store."""
