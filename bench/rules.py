"""The figures of the rules: what Parley costs, what a peer costs in the same run, the ratio to be reached."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

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
    bounded,
    compared,
    failed,
    held_of,
    of_peer,
    ontology_files,
    said,
    script,
    size_of,
    told,
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
    claims, (triples, _) = articles_of(plan, articles), held_of(plan, articles)
    ours = [run(script("facts", triples)) for _ in range(plan.runs)]
    whole = [run(script("view", claims)) for _ in range(plan.runs)]
    mine = said(ours)
    words = f"load and rules, {size_of(triples)} of facts, in memory"
    figure = Figure(f"{words}, whole process", "rdflib and owlrl", least=60)
    try:
        theirs = [run(script("owlrl", triples, *ontology_files()), seconds=1200)]
    except Failed as failure:
        yield replace(failed(figure, failure), panel=words)
    else:
        found = said(theirs)
        note = f"both read the same N-Triples; {agreed(mine, found)}"
        yield replace(compared(figure, ours, theirs), note=note)
        figure = replace(figure, what=words, panel=words, note="without starting Python and importing")
        yield told(figure, mine, found)
        figure = Figure(f"the same from {size_of(claims)} of claims, evidence checked", "rdflib and owlrl")
        note = "for information: Parley reads the claims behind those facts and checks every quote, owlrl the facts"
        yield replace(compared(figure, whole, theirs), note=f"{note}; {agreed(said(whole), found)}")
    yield from _reasoners(plan, words, articles, mine)


def _more_in_memory(plan: Plan) -> Iterator[Figure]:
    triples = held_of(plan, plan.large)[0]
    mine = said([run(script("facts", triples)) for _ in range(plan.runs)])
    yield from _reasoners(plan, f"load and rules, {size_of(triples)} of facts, in memory", plan.large, mine)


def _reasoners(plan: Plan, words: str, articles: int, mine: dict[str, Any]) -> Iterator[Figure]:
    """Compare the other reasoners, by their own clocks."""
    triples, turtle = held_of(plan, articles)
    for name, program, data, how in (
        ("owlrl-turbo", "peers.owlrl_turbo", triples, "a reasoner in Rust for OWL 2 RL"),
        ("reasonable", "reasonable", turtle, "a reasoner in Rust for OWL 2 RL"),
        ("sparq-rdf", "peers.sparq", triples, "a store in Rust that reasons"),
        ("maplib, RDFS only", "peers.maplib", triples, "its rules beyond RDFS are sold apart"),
    ):
        figure = Figure(words, name, panel=words)
        try:
            runs = of_peer(plan, script(program, data, *ontology_files()))
        except Failed as failure:
            yield failed(figure, failure)
            continue
        found, counts = said(runs), sorted({json.loads(cost.output)["things"] for cost in runs})
        wavers = (
            f"; their number VARIES from run to run: {counts[0]:,} to {counts[-1]:,}" if counts[1:] else ""
        )
        note = f"for information: {how}; {agreed(mine, found)}{wavers}"
        yield replace(told(figure, mine, found), note=note, differs=mine["tally"] != found["tally"])


def _on_disk(plan: Plan) -> Iterator[Figure]:
    file, base, seeds = (
        articles_of(plan, plan.large),
        plan.folder / "base-of-rules",
        plan.folder / "seeds.nq",
    )
    words = f"kg load, {size_of(file)}, on disk, rules included"
    run((KG, "init", str(base)))
    ours = [run((KG, "--store", str(base), "load", str(file)), seconds=1800)]
    store = Embedded.open(base, read_only=True)
    closed, everything = store.count(VIEW), store.count()
    store.close()
    shutil.rmtree(base)
    quads = (quad for path in sorted((data_folder() / "seeds").rglob("*.trig")) for quad in read(path))
    serialize(quads, str(seeds), format=RdfFormat.N_QUADS)
    yield bounded(f"peak memory of {words}", ours[0], 1_500)
    for name, translate, how in (
        ("Nemo", nemo.plain, "the same rules as they are, over one relation of triples"),
        ("Nemo, rewritten", nemo.split, "the rules rewritten to a relation for each property and class"),
    ):
        figure = Figure(words, name, most=2, panel=words)
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
    ("rules on what {0.large:,} triples hold, in memory", _more_in_memory),
    ("load and rules at {0.large:,} triples on disk", _on_disk),
    ("rules alone", _rules_alone),
)
"""What ``bench.plan.measure`` measures of the rules."""
