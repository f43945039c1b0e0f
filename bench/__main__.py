"""Measure and write the report: ``python -m bench [--only PART] [--quick] [--large DIR] [--report FILE]``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import asking, following, gate, loading, questions, remote, rules
from bench.chart import chart
from bench.plan import Figure, Part, Plan, measure
from bench.reporting import line, report

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
    parser.add_argument("--only", choices=_PARTS, help="measure one part; the report is printed, not kept")
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
    parts = [arguments.only] if arguments.only else list(_PARTS)
    begun, load = time.perf_counter(), os.getloadavg()[0]
    themes: dict[str, list[Figure]] = {_PARTS[part][0]: [] for part in parts}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        plan = (Plan.quick if arguments.quick else Plan)(Path(folder), arguments.large)
        for part in parts:
            theme, figures = _PARTS[part]
            for figure in measure(plan, figures, _tell):
                themes[theme].append(figure)
                _tell(f"{line(figure)} {figure.note}")
    minutes = (time.perf_counter() - begun) / 60
    took = f"{minutes:.1f} minutes, load average {load:.1f} at the start"
    kept = arguments.report or (None if arguments.only else Path(__file__).with_name("report.md"))
    drawn = (kept or Path("report")).with_suffix(".svg")
    limits = {
        "limit": f"{plan.limit:,.0f} s",
        "patience": f"{plan.patience:,.0f} s",
        "memory": f"{plan.memory:,.0f} MB",
    }
    text = report(themes, _QUICK if arguments.quick else "", took, limits, drawn.name)
    print(text)
    every = [figure for figures in themes.values() for figure in figures]
    if kept:
        kept.write_text(text, encoding="utf-8")
        drawn.write_text(chart(every), encoding="utf-8")
    return int(any(figure.reached not in ("yes", "–") for figure in every))


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
