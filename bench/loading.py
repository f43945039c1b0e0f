"""The figures of loading in bulk: what it costs to have a large file of claims on disk, checked, ready to be asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.measure import Cost, Failed, run
from bench.plan import (
    KG,
    Figure,
    Part,
    Plan,
    articles_of,
    base_of,
    bounded,
    compared,
    failed,
    said,
    script,
    size_of,
)
from bench.servers import OXIGRAPH

_HOURS: Final = 3 * 3600.0
_LIMIT: Final = 4_000.0
_TURNS: Final = 2
"""How often we and the peer that sets the limit load, by turns; the least counts."""
_INFORMATION: Final = "for information: it only stores the triples, without view, rules or checks"


def _loading(plan: Plan) -> Iterator[Figure]:
    file, base = articles_of(plan, plan.largest), plan.folder / "loaded"
    words = f"bulk load of {size_of(file)} of claims on disk, view and rules included"
    ours = list[Cost]()
    for name, command, folder, most in _peers(plan, file):
        figure = Figure(words, name, most=most, panel=words, note=_INFORMATION)
        theirs = list[Cost]()
        for _ in range(_TURNS if most else 1):
            if most:
                ours.append(_loaded(base, file))
            try:
                theirs.append(run(command, seconds=plan.limit, memory=plan.memory))
            except Failed as failure:
                yield failed(figure, failure)
                break
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            yield compared(figure, ours, theirs)
    yield bounded(f"peak memory of the {words}", max(ours, key=lambda cost: cost.memory), _LIMIT)
    _keep(plan, base)


def _loaded(base: Path, file: Path) -> Cost:
    """Load a file into a new base."""
    shutil.rmtree(base, ignore_errors=True)
    run((KG, "init", str(base)))
    return run((KG, "--store", str(base), "load", str(file)), seconds=_HOURS)


def _validating(plan: Plan) -> Iterator[Figure]:
    base = base_of(plan, plan.largest, plan.kept)
    cost = run(script("validate", base), seconds=_HOURS)
    found = said([cost])
    steps = "; ".join(f"{step} {seconds:.0f} s" for step, seconds in found["steps"])
    words = f"peak memory of the check of a whole base of {plan.largest:,} triples"
    note = f"{cost.wall:.0f} s in all: {steps}; nodes that fail: {found['failing']}"
    yield replace(bounded(words, cost, _LIMIT), note=note)


def _peers(plan: Plan, file: Path) -> Iterator[tuple[str, Sequence[str], Path, float | None]]:
    """Yield of each its name, the command that loads the file, the folder it fills, how many times that we may take."""
    store, server, virtuoso = (plan.folder / f"loaded-{name}" for name in ("store", "server", "virtuoso"))
    yield "pyoxigraph bulk_load", script("disk", store, file), store, 4
    command = (OXIGRAPH, "load", "--location", str(server), "--file", str(file))
    yield "Oxigraph's server, its bulk loader", command, server, None
    yield "Virtuoso, its bulk loader", script("servers.virtuoso", virtuoso, file), virtuoso, None


def _keep(plan: Plan, base: Path) -> None:
    """Put a base just loaded where ``base_of`` looks for one of this size, instead of what was there."""
    place = (plan.kept or plan.folder) / f"base-{plan.largest}"
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(base, place)


FIGURES: Final[tuple[Part, ...]] = (
    ("loading {0.largest:,} triples in bulk", _loading),
    ("checking the whole base of {0.largest:,} triples", _validating),
)
"""What ``bench.plan.measure`` measures of bulk loading."""
