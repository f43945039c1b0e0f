"""The five figures of the rules: what Parley costs, what a peer costs in the same run, the ratio to be reached."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pyoxigraph import RdfFormat, serialize

from bench import nemo
from bench.measure import Failed, repeat, run
from bench.plan import (
    HELD,
    KG,
    PYTHON,
    Figure,
    Part,
    Plan,
    agreed,
    articles_of,
    compared,
    failed,
    held_of,
    ontology_files,
    said,
    script,
    size_of,
)
from bench.programs import compiled_rules
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import VIEW, data_folder

_QUESTION: Final = (KG, "ask", "parties", "--agreement", "idlib-agreement-2020")


def _questions(plan: Plan) -> Iterator[Figure]:
    cache = plan.folder / "cache"

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    run(_QUESTION, environment={"KG_CACHE": str(cache)})
    for what, imports, most, times, before in (
        ("kg ask, cache warm", "rdflib", 1.0, plan.short, lambda: None),
        (
            "kg ask, cache cold: built from its files",
            "rdflib, pyshacl, owlrl",
            4.0,
            max(plan.short // 2, 3),
            forget,
        ),
    ):
        figure = Figure(what, f"python -c 'import {imports}'", most=most)
        command = (PYTHON, "-c", f"import {imports}")
        try:
            ours, theirs = repeat(_QUESTION, command, times=times, before=before, KG_CACHE=str(cache))
        except Failed as failure:
            yield failed(figure, failure)
        else:
            yield compared(figure, ours, theirs)


def _in_memory(plan: Plan) -> Iterator[Figure]:
    articles = round(plan.middle / HELD)
    claims, (triples, turtle) = articles_of(plan, articles), held_of(plan, articles)
    ontology = ontology_files()
    ours = [run(script("facts", triples)) for _ in range(plan.runs)]
    whole = [run(script("view", claims)) for _ in range(plan.runs)]
    mine = said(ours)
    words = f"load and rules, {size_of(triples)} of facts, in memory"
    figure = Figure(f"{words}, whole process", "rdflib and owlrl", least=60)
    try:
        theirs = [run(script("owlrl", triples, *ontology), seconds=1200)]
    except Failed as failure:
        yield failed(figure, failure)
    else:
        found = said(theirs)
        note = f"both read the same N-Triples; {agreed(mine, found)}"
        yield replace(compared(figure, ours, theirs), note=note)
        yield Figure(
            f"{words}, without starting Python and importing",
            "rdflib and owlrl",
            f"{mine['wall']:.2f} s",
            f"{found['wall']:.2f} s",
            found["wall"] / mine["wall"],
            found["processor"] / mine["processor"],
            least=60,
            note="reading the ontology counts on both sides",
        )
        figure = replace(
            figure, what=f"the same from {size_of(claims)} of claims, evidence checked", least=None
        )
        note = "for information: Parley reads the claims behind those facts and checks every quote, owlrl the facts"
        yield replace(compared(figure, whole, theirs), note=f"{note}; {agreed(said(whole), found)}")
    figure = Figure(f"{words}, whole process", "reasonable")
    try:
        theirs = [run(script("reasonable", turtle, *ontology)) for _ in range(plan.runs)]
    except Failed as failure:
        yield failed(figure, failure)
    else:
        note = f"for information: a reasoner in Rust for OWL 2 RL; {agreed(mine, said(theirs))}"
        yield replace(compared(figure, ours, theirs), note=note)


def _on_disk(plan: Plan) -> Iterator[Figure]:
    file, base, seeds = (
        articles_of(plan, plan.large),
        plan.folder / f"base-{plan.large}",
        plan.folder / "seeds.nq",
    )
    words = f"kg load, {size_of(file)}, on disk, rules included"
    run((KG, "init", str(base)))
    ours = [run((KG, "--store", str(base), "load", str(file)), seconds=1800)]
    store = Embedded.open(base, read_only=True)
    closed, everything = store.count(VIEW), store.count()
    store.close()
    quads = (quad for path in sorted((data_folder() / "seeds").rglob("*.trig")) for quad in read(path))
    serialize(quads, str(seeds), format=RdfFormat.N_QUADS)
    yield Figure(
        f"peak memory of {words}",
        "the limit",
        f"{ours[0].memory:,.0f} MB",
        "1,500 MB",
        ours[0].memory / 1500,
        most=1,
    )
    for name, translate, how in (
        ("Nemo", nemo.plain, "the same rules as they are, over one relation of triples"),
        ("Nemo, rewritten", nemo.split, "the rules rewritten to a relation for each property and class"),
    ):
        figure = Figure(words, name, most=2)
        program = plan.folder / f"{translate.__name__}.rls"
        program.write_text(translate(compiled_rules(), [seeds, file]), encoding="utf-8")
        try:
            theirs = [run(script("nemo", program), seconds=1800)]
        except Failed as failure:
            yield failed(figure, failure)
            continue
        found = said(theirs)
        same = "the same" if found["closed"] == closed and not found["clashes"] else f"{found}, NOT"
        note = f"{how}; Nemo ends with {same} {closed:,} triples in memory, Parley with {everything:,} quads on disk"
        yield replace(compared(figure, ours, theirs), note=note)
    figure = Figure(words, "pyoxigraph bulk_load")
    try:
        theirs = [run(script("disk", plan.folder / "plain-store", file))]
    except Failed as failure:
        yield failed(figure, failure)
    else:
        note = "for information: it only writes the same file into a store on disk, without rules or checks"
        yield replace(compared(figure, ours, theirs), note=note)


def _rules_alone(plan: Plan) -> Iterator[Figure]:
    sizes = (plan.large // 10, plan.large)
    small, large = (
        [json.loads(run(script("rules", held_of(plan, size)[0])).output) for _ in range(plan.runs)]
        for size in sizes
    )
    times = [min(found["wall"] for found in runs) for runs in (small, large)]
    used = [min(found["processor"] for found in runs) for runs in (small, large)]
    grown = large[0]["held"] / small[0]["held"]
    yield Figure(
        f"rules alone, in memory, articles of {sizes[1]:,} triples: growth of time over growth of data",
        f"the same at {sizes[0]:,}",
        f"{times[1]:.2f} s",
        f"{times[0]:.2f} s",
        times[1] / times[0] / grown,
        used[1] / used[0] / grown,
        most=1.2,
        note=f"from {small[0]['held']:,} to {large[0]['held']:,} triples stated, "
        f"from {small[0]['closed']:,} to {large[0]['closed']:,} with what follows",
    )


FIGURES: Final[tuple[Part, ...]] = (
    ("a question, with a warm and with a cold cache", _questions),
    ("load and rules at {0.middle:,} triples", _in_memory),
    ("load and rules at {0.large:,} triples on disk", _on_disk),
    ("rules alone", _rules_alone),
)
"""What ``bench.plan.measure`` measures of the rules."""
