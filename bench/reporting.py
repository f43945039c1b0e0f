"""The report: a table for each theme, what Parley loses, the chart, the machine, the versions, the method."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.keeping import Measured
from bench.plan import Figure

_PACKAGES: Final = (
    "parley-kg",
    "pyoxigraph",
    "rdflib",
    "owlrl",
    "pyshacl",
    "shacl",
    "nemo-python",
    "reasonable",
    "owlrl-turbo",
    "rdflib-turbo",
    "pyshacl-turbo",
    "maplib",
    "sparq-rdf",
    "oxigraph",
)
_METHOD: Final = """\
Every figure is a ratio of two costs measured in the same run on the same machine, each program in a process of
its own. Times are the least of several runs from its start to its end by the clock, with the median beside it
where there was more than one run, and the processor time that the kernel accounts to the process; memory is its
greatest resident size. Of what happens in a running process, an article checked or added, the process takes the
time of each itself; medians are compared, and the processor time is the mean. The ratio counts by the clock; that
of the processor times stands beside it, because it hardly depends on what else the machine does. Where a number is
to be kept, the ratio is to that number. Where a target asks us to be faster, the ratio is the peer's time to
ours, else ours to the peer's. Articles are generated (bench/articles.py, seed 0): "N triples" are all quads of the
file, of which about a third say what holds ("facts"), the rest being quotes, positions and speakers.

Questions are the same SPARQL everywhere, over the same view, that of the base: Parley is asked by `Base.ask` in a
running process, which finds the thing and puts in its name, or by `Base.query` where the question is no stored
one, which is a process of its own; engines in Python until the last row is read; servers over HTTP on the loopback
until the last byte has come, which nobody has read yet. The first call of each question does not count. Answers
are compared as sets of rows, numbers by their value.

A peer may take {patience} and {memory} for a task, for loading in bulk {limit}; rdflib with owlrl and pyshacl may take
an hour. What went beyond that, or failed, is told in the notes."""


def report(themes: Mapping[str, Measured], remarks: str, limits: Mapping[str, str], chart: str) -> str:
    """Return the report of what was measured, by theme, as Markdown.

    ``remarks`` stand above all, ``limits`` tell what a peer may take, ``chart`` is the name of the file with the chart.
    """
    every = [figure for measured in themes.values() for figure in measured.figures]
    sections = [section for theme, measured in themes.items() for section in _theme(theme, measured)]
    parts = [
        "# What Parley costs, against its peers",
        remarks,
        f"![Each task, each program: seconds on a logarithmic scale]({chart})",
        f"Measured on {_machine()}. It took {sum(one.minutes for one in themes.values()):.0f} minutes in all.",
        "## Where Parley loses",
        *_losses(every),
        *sections,
        "## How it was measured",
        _METHOD.format(**limits),
        "\n".join(f"- {version}" for version in _versions()),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def where(remarks: str) -> str:
    """Return the machine and the versions of all programs in words, after some remarks."""
    return "; ".join(filter(None, (remarks, _machine(), *_versions())))


def line(figure: Figure) -> str:
    """Return a figure as a line of a table."""
    ratios = [f"{ratio:.2f}" if ratio is not None else "–" for ratio in (figure.ratio, figure.processor)]
    theirs = f"{figure.theirs} ≠" if figure.differs else figure.theirs
    cells = [figure.what, figure.ours, figure.peer, theirs, *ratios, figure.target, figure.reached]
    return f"| {' | '.join(cells)} |"


def _theme(theme: str, measured: Measured) -> Iterator[str]:
    yield f"## {theme}"
    yield f"Measured on {measured.took}."
    figures = measured.figures
    lines = [figure for figure in figures if not figure.table]
    head = "| what | Parley | peer | the peer's | ratio | by processor | to reach | reached |"
    yield "\n".join([head, f"|{'---|' * 8}", *map(line, lines)])
    yield "\n".join(f"- {figure.what}, {figure.peer}: {figure.note}." for figure in lines if figure.note)
    for table in dict.fromkeys(figure.table for figure in figures if figure.table):
        yield _matrix(table, [figure for figure in figures if figure.table == table])


def _matrix(title: str, cells: Sequence[Figure]) -> str:
    """Return a table with a row for each question, a column for each peer: its time, how many times that ours is."""
    peers = list(dict.fromkeys(cell.peer for cell in cells))
    found = {(cell.what, cell.peer): cell for cell in cells}
    rows = []
    for what in dict.fromkeys(cell.what for cell in cells):
        own = next((cell.ours for cell in cells if cell.what == what), "–")
        rows.append(f"| {what} | {own} | {' | '.join(_compact(found.get((what, peer))) for peer in peers)} |")
    head = f"| question | Parley | {' | '.join(peers)} |\n|{'---|' * (len(peers) + 2)}"
    words = "In brackets how many times the peer's time ours is; ≠ where the peer's answer is another one."
    return "\n".join([f"{title}. {words}\n", head, *rows])


def _compact(cell: Figure | None) -> str:
    if cell is None or cell.ratio is None:
        return "failed"
    return f"{cell.theirs} ({cell.ratio:.3g}){' ≠' if cell.differs else ''}"


def _losses(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield what the figures say against Parley: targets missed, peers that were quicker or took less memory."""
    missed = [figure for figure in figures if figure.reached == "**no**"]
    yield "Targets missed:" if missed else "No target was missed."
    yield "\n".join(
        f"- {one.what}: {one.ours}, {one.peer} {one.theirs}; ratio {one.ratio:.2f}, to reach {one.target}"
        for one in missed
    )
    failed = [f"- {figure.what}: {figure.note}" for figure in figures if figure.reached == "not measured"]
    yield "Could not be measured:" if failed else ""
    yield "\n".join(failed)
    rivals = [figure for figure in figures if figure.panel and not figure.table]
    for words, costs, unit in (
        ("Peers that were quicker", {one: one.seconds for one in rivals}, _seconds),
        ("Peers that took less memory", {one: one.memory for one in rivals}, _megabytes),
    ):
        lost = {one: cost for one, cost in costs.items() if cost and cost[0] > cost[1]}
        yield (
            f"{words}, and what Parley took (≠: the peer came to another result):"
            if lost
            else f"{words}: none."
        )
        tasks = dict.fromkeys(one.panel for one in lost)
        yield "\n".join(
            f"- {task}: {'; '.join(_behind(one, *lost[one], unit) for one in lost if one.panel == task)}"
            for task in tasks
        )


def _behind(figure: Figure, ours: float, theirs: float, unit: Callable[[float], str]) -> str:
    other = " ≠" if figure.differs else ""
    return f"{figure.peer} {unit(theirs)}{other} against {unit(ours)}, {ours / theirs:.3g} times"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:,.3g} ms" if seconds < 0.9995 else f"{seconds:,.2f} s"


def _megabytes(memory: float) -> str:
    return f"{memory:,.0f} MB"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        models = [
            text.partition(":")[2].strip() for text in about.read_text().splitlines() if "model name" in text
        ]
        model = models[0] if models else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _versions() -> Sequence[str]:
    return (*map(_version, _PACKAGES), _virtuoso())


def _version(package: str) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{package}: not installed"


def _virtuoso() -> str:
    try:
        said = subprocess.run(("virtuoso-t", "-?"), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "Virtuoso: not installed"
    lines = (said.stdout + said.stderr).splitlines()
    version = next((text.strip() for text in lines if "Version" in text), "of unknown version")
    return f"Virtuoso Open Source, {version}"
