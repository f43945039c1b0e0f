"""Measure and write the report: ``python -m bench [--only PART] [--quick] [--large DIR] [--report FILE]``."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import following, gate, questions, rules
from bench.plan import Figure, Plan, measure

_PACKAGES = ("parley-kg", "pyoxigraph", "rdflib", "owlrl", "pyshacl", "shacl", "nemo-python", "reasonable")
_PARTS = {
    "rules": rules.FIGURES,
    "gate": gate.FIGURES,
    "following": following.FIGURES,
    "questions": questions.FIGURES,
}
_METHOD = """\
Every figure is a ratio of two costs measured in the same run on the same machine, each program in a process of
its own. Times are the least of several runs from its start to its end by the clock, with the median beside it
where there was more than one run, and the processor time that the kernel accounts to the process; memory is its
greatest resident size. Of what happens in a running process, an article checked or added, the process takes the
time of each itself; medians are compared, and the processor time is the mean. The ratio counts by the clock; that
of the processor times stands beside it, because it hardly depends on what else the machine does. Where a number is
to be kept, the ratio is to that number. Where a target asks us to be faster, the ratio is the peer's time to
ours, else ours to the peer's. Articles are generated (bench/articles.py, seed 0): "N triples" are all quads of the
file, of which about a third say what holds ("facts"), the rest being quotes, positions and speakers."""


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
    parts = [arguments.only] if arguments.only else list(_PARTS)
    begun, load = time.perf_counter(), os.getloadavg()[0]
    figures = []
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        plan = (Plan.quick if arguments.quick else Plan)(Path(folder), arguments.large)
        for figure in measure(plan, [one for part in parts for one in _PARTS[part]], _tell):
            figures.append(figure)
            _tell(f"{_line(figure)} {figure.note}")
    minutes = (time.perf_counter() - begun) / 60
    text = _report(figures, arguments.quick, f"{minutes:.1f} minutes, load average {load:.1f} at the start")
    print(text)
    report = arguments.report or (None if arguments.only else Path(__file__).with_name("report.md"))
    if report:
        report.write_text(text, encoding="utf-8")
    return int(any(figure.reached not in ("yes", "–") for figure in figures))


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _report(figures: Sequence[Figure], quick: bool, took: str) -> str:
    warning = "\nA quick run at a tenth of the sizes: not for quoting.\n" if quick else ""
    return f"""\
# What Parley costs, against its peers

{_METHOD}
{warning}
| what | Parley | peer | the peer's | ratio | by processor | to reach | reached |
|---|---|---|---|---|---|---|---|
{chr(10).join(map(_line, figures))}

Notes:

{chr(10).join(f"- {figure.what}, {figure.peer}: {figure.note}." for figure in figures if figure.note)}

Measured on {_machine()}. It took {took}.

{chr(10).join(f"- {_version(package)}" for package in _PACKAGES)}
"""


def _line(figure: Figure) -> str:
    ratios = [f"{ratio:.2f}" if ratio is not None else "–" for ratio in (figure.ratio, figure.processor)]
    cells = [figure.what, figure.ours, figure.peer, figure.theirs, *ratios, figure.target, figure.reached]
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        models = [
            line.partition(":")[2].strip() for line in about.read_text().splitlines() if "model name" in line
        ]
        model = models[0] if models else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package}: not installed"


if __name__ == "__main__":
    sys.exit(main())
