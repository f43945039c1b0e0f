"""The figures of stored questions on a large base: those about one thing, and those that count over everything."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from pyoxigraph import NamedNode

from bench.following import have_read
from bench.measure import run
from bench.plan import PYTHON, Figure, Part, Plan, base_of
from kg.asking.labels import find_labels
from kg.errors import UsageError
from kg.repository import Base, open_base
from kg.storage.store import Embedded
from kg.terms import VIEW, iri
from kg.view import stored_question, stored_questions

SELECTIVE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("parties", "provisions", "when-agreed", "who-reached-agreement"), "Agreement"),
    **dict.fromkeys(("where-agreement-applies", "before"), "Agreement"),
    **dict.fromkeys(("who-supports", "supported-by", "opponents", "involving"), "Actor"),
    **dict.fromkeys(("leaders", "deaths-of-state"), "State"),
    **dict.fromkeys(("deaths", "who-killed", "where-present"), "Force"),
    **dict.fromkeys(("presence", "what-happened", "where-is"), "Territory"),
    "judgements": "CeasefireProvision",
    "when": "Meeting",
}
"""Twenty questions that are asked daily of one thing, with the class of the things that they are asked of here."""
COUNTING: Final = (
    "agreements-by-year",
    "death-toll",
    "events-by-year",
    "frequent-parties",
    "frequent-supporters",
)
"""The questions that count over everything."""
_WARM_UP: Final = 3
_RUNS: Final = 3
_HOUR: Final = 3600.0
_MEDIAN, _GREATEST, _COUNT = 0.010, 0.100, 2.0  # seconds


class _Call(NamedTuple):
    """What one call took, in seconds, and how many rows its answer had."""

    wall: float
    processor: float
    rows: int


def measured(folder: Path, things: int) -> dict[str, list[_Call]]:
    """Ask the questions of a base in this process; return what each call took, by question."""
    base, store = open_base(folder), Embedded.open(folder, read_only=True)
    classes = {**_others(), **{name: iri(f"parley:{kind}") for name, kind in SELECTIVE.items()}}
    found = {name: list(_asked(base, store, name, kind, things)) for name, kind in classes.items()}
    return {**found, **{name: [_timed(base, name, {}) for _ in range(_RUNS)] for name in COUNTING}}


def _others() -> dict[str, NamedNode]:
    """Return the other questions that take one thing of some class."""
    alone = {name: one.parameters[0] for name, one in stored_questions().items() if len(one.parameters) == 1}
    return {name: one.of_class for name, one in alone.items() if one.of_class and name not in SELECTIVE}


def _asked(base: Base, store: Embedded, name: str, kind: NamedNode, things: int) -> Iterator[_Call]:
    """Ask a question of things spread over the base, by IRI and by label in turn."""
    parameter = stored_question(name).parameters[0].name
    members = store.quads(None, iri("rdf:type"), kind, VIEW)
    every = [quad.subject for quad in members if isinstance(quad.subject, NamedNode)]
    step = max(len(every) // (things + _WARM_UP), 1)
    for number, thing in enumerate(every[step // 2 :: step][: things + _WARM_UP]):
        label = find_labels([thing], store).get(thing) if number % 2 else None
        try:
            timed = _timed(base, name, {parameter: label or thing.value})
        except UsageError:  # several things are called so
            timed = _timed(base, name, {parameter: thing.value})
        if number >= _WARM_UP:
            yield timed


def _timed(base: Base, name: str, parameters: Mapping[str, Any]) -> _Call:
    wall, processor = time.perf_counter(), time.process_time()
    answer = base.ask(name, **parameters)
    return _Call(time.perf_counter() - wall, time.process_time() - processor, len(answer))


def _asking(plan: Plan) -> Iterator[Figure]:
    large = plan.huge if plan.kept else plan.large
    base = base_of(plan, large, plan.kept)
    have_read(base)
    program = (PYTHON, "-m", "bench.questions", str(base), str(max(plan.checks // 10, 5)))
    told = json.loads(run(program, seconds=_HOUR).output)
    found = {name: [_Call(*call) for call in calls] for name, calls in told.items()}
    where = f"in a running process, base of {large:,} triples on disk"
    yield from _about_things({name: found[name] for name in SELECTIVE}, f"questions of one thing, {where}")
    others = {name: calls for name, calls in found.items() if calls and name not in (*SELECTIVE, *COUNTING)}
    yield from _about_things(others, f"other questions of one thing, {where}")
    for name in COUNTING:
        first, again = found[name][0], min(call.wall for call in found[name])
        yield Figure(
            f"the question {name}, {where}",
            "the limit",
            f"{first.wall:.2f} s, processor {first.processor:.2f} s; asked again {again:.2f} s",
            f"{_COUNT:.0f} s",
            first.wall / _COUNT,
            first.processor / _COUNT,
            most=1,
            note=f"{first.rows:,} rows with their labels; nothing is kept from one call to the next",
        )


def _about_things(found: Mapping[str, Sequence[_Call]], what: str) -> Iterator[Figure]:
    calls = list(chain.from_iterable(found.values()))
    middle, slow = statistics.median(call.wall for call in calls), max(call.wall for call in calls)
    processor, slowest = (statistics.mean(call.processor for call in calls), max(calls).processor)
    medians = (f"{name} {statistics.median(one.wall for one in found[name]) * 1000:.1f}" for name in found)
    rows = statistics.mean(call.rows for call in calls)
    notes = (f"medians in ms: {', '.join(medians)}; {rows:.1f} rows on average", f"of {len(calls)} calls")
    for word, seconds, used, limit, note in (
        ("median", middle, processor, _MEDIAN, notes[0]),
        ("greatest", slow, slowest, _GREATEST, notes[1]),
    ):
        ours, most = (f"{one * 1000:.1f} ms" for one in (seconds, limit))
        yield Figure(
            f"{len(found)} {what}, {word}",
            "the limit",
            ours,
            most,
            seconds / limit,
            used / limit,
            most=1,
            note=note,
        )


FIGURES: Final[tuple[Part, ...]] = (("asking stored questions of a large base", _asking),)
"""What ``bench.plan.measure`` measures of stored questions."""

if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]))))
