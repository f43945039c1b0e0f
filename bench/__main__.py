"""Measure and write the report: ``python -m bench [--only PART…] [--quick] [--large DIR] [--report FILE]``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench import asking, following, gate, loading, questions, remote, rules
from bench.chart import chart
from bench.keeping import Measured, keep
from bench.plan import Figure, Part, Plan, measure
from bench.reporting import line, report, where

_PARTS: Final[dict[str, tuple[str, tuple[Part, ...]]]] = {
    "loading": ("Loading in bulk", loading.FIGURES),
    "asking": ("Questions in other engines", asking.FIGURES),
    "remote": ("Through the remote store", remote.FIGURES),
    "rules": ("Asking at the command line, loading, rules", rules.FIGURES),
    "questions": ("Stored questions on a large base", questions.FIGURES),
    "gate": ("Checking, adding, withdrawing", gate.FIGURES),
    "following": ("Following answers", following.FIGURES),
}
"""The parts as they are measured, with what the report calls them: loading makes the base, the gate adds to it."""
_QUICK: Final = "A quick run at a tenth of the sizes: not for quoting."


def main() -> int:
    """Measure what the arguments ask for; return 1 if something was not reached or could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Parley against its peers.")
    parser.add_argument(
        "--only",
        choices=_PARTS,
        nargs="+",
        help="measure some parts; printed, and kept only in the place of what a --report has of them",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the sizes, to see that everything runs"
    )
    parser.add_argument(
        "--large",
        type=Path,
        metavar="DIR",
        help="check articles against a base of 10,000,000 triples, kept in this folder, made there if missing",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the report is kept")
    arguments = parser.parse_args()
    # ended as by an error, so that no program or server is left behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    remarks = _QUICK if arguments.quick else ""
    kept = arguments.report or (None if arguments.only else Path(__file__).with_name("report.md"))
    found: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        plan = (Plan.quick if arguments.quick else Plan)(Path(folder), arguments.large)
        for part in arguments.only or _PARTS:
            found[part] = _measured(part, plan, remarks)
            if kept:
                _write(kept, keep(kept.with_suffix(".json"), part, found[part]), plan, remarks)
    print(_report(found, plan, remarks, "report.svg"))
    every = [figure for measured in found.values() for figure in measured.figures]
    return int(any(figure.reached not in ("yes", "–") for figure in every))


def _measured(part: str, plan: Plan, remarks: str) -> Measured:
    begun, load, day = time.perf_counter(), os.getloadavg()[0], datetime.now(UTC).date().isoformat()
    figures: list[Figure] = []
    for figure in measure(plan, _PARTS[part][1], _tell):
        figures.append(figure)
        _tell(f"{line(figure)} {figure.note}")
    return Measured(
        tuple(figures), day, (time.perf_counter() - begun) / 60, load, where(f"{remarks} {plan.largest:,}")
    )


def _write(kept: Path, parts: Mapping[str, Measured], plan: Plan, remarks: str) -> None:
    drawn = kept.with_suffix(".svg")
    kept.write_text(_report(parts, plan, remarks, drawn.name), encoding="utf-8")
    drawn.write_text(
        chart([one for measured in parts.values() for one in measured.figures]), encoding="utf-8"
    )


def _report(parts: Mapping[str, Measured], plan: Plan, remarks: str, drawn: str) -> str:
    limits = {
        "limit": f"{plan.limit:,.0f} s",
        "patience": f"{plan.patience:,.0f} s",
        "memory": f"{plan.memory:,.0f} MB",
    }
    return report({_PARTS[part][0]: parts[part] for part in _PARTS if part in parts}, remarks, limits, drawn)


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
