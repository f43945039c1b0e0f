"""The programs that are measured, each in a process of its own: ``python -m bench.programs NAME ARGUMENT…``.

Each imports only what it needs, and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

_MAC: Final = sys.platform == "darwin"  # where the kernel counts in bytes


class Clock:
    """Seconds since it was made, by the clock and of the processor; and the greatest memory so far, in MB."""

    def __init__(self) -> None:
        self.begun = time.perf_counter(), _processor()

    def read(self) -> dict[str, float]:
        """Return them, by names under which programs tell them."""
        return {
            "wall": time.perf_counter() - self.begun[0],
            "processor": _processor() - self.begun[1],
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if _MAC else 1e6 / 1024),
        }


def _processor() -> float:
    """Return the seconds of the processor that this process took, and those that it waited for."""
    return sum(os.times()[:4])


def owlrl(*files: str) -> dict[str, Any]:
    """Read RDF files into one rdflib graph and close it with owlrl."""
    import rdflib
    from owlrl import DeductiveClosure, OWLRL_Semantics

    graph, clock = rdflib.Graph(), Clock()
    for file in files:
        graph.parse(file)
    read = len(graph)
    DeductiveClosure(OWLRL_Semantics).expand(graph)
    return {"read": read, "closed": len(graph), **clock.read(), **about_things(graph)}


def nemo(program: str) -> dict[str, Any]:
    """Run a program of ``bench.nemo``, which says what to read."""
    from nmo_python import NemoEngine, load_file

    engine = NemoEngine(load_file(program))
    engine.reason()
    return {
        "closed": sum(row[-1] for row in engine.result("size")),
        "clashes": [row[0] for row in engine.result("clash")],
    }


def reasonable(*files: str) -> dict[str, Any]:
    """Read Turtle files into reasonable and let it reason."""
    from reasonable import PyReasoner

    reasoner, clock = PyReasoner(), Clock()
    for file in files:
        reasoner.load_file(file)
    closed = reasoner.reason()
    return {"closed": len(closed), **clock.read(), **about_things(closed)}


def facts(file: str) -> dict[str, Any]:
    """Read a file of plain facts into a store in memory and apply the rules, compiled from the ontology.

    The seconds start after the imports, before the ontology is read.
    """
    import rdflib.plugins.sparql  # noqa: F401 - compiling the rules imports it

    from kg.logic.reason import clashes, close
    from kg.storage.store import Embedded

    store, clock = Embedded(), Clock()
    compiled = compiled_rules()
    _fill(store, file)
    close(store, compiled)
    found = sum(1 for _ in clashes(store, compiled))
    return {"clashes": found, **clock.read(), **_counted(store)}


def view(*files: str) -> dict[str, Any]:
    """Do in memory all that Parley does with files of claims: read, check, hold true, apply the rules."""
    import rdflib.plugins.sparql  # noqa: F401 - compiling the rules imports it

    from kg.bases.bulk import examine, file_part, grow
    from kg.storage.store import Embedded

    store, clock = Embedded(), Clock()
    compiled = compiled_rules()
    batch = examine([file_part(Path(file)) for file in files])
    grow(store, batch, compiled)
    return {**clock.read(), **_counted(store)}


def _fill(store: Any, file: str) -> None:  # noqa: ANN401 - as below
    """Read triples into the view as the gate does."""
    from pyoxigraph import Quad

    from kg.syntax.turtle import read
    from kg.terms import VIEW

    store.fill(Quad(quad.subject, quad.predicate, quad.object, VIEW) for quad in read(Path(file)))


def _counted(store: Any) -> dict[str, Any]:  # noqa: ANN401 - its type would import what most programs here must not
    from kg.terms import text

    triples = ((text(quad.subject), text(quad.predicate), text(quad.object)) for quad in store.quads())
    return {"closed": store.count(), **about_things(triples)}


def rules(file: str) -> dict[str, Any]:
    """Apply the rules, and look for clashes, in a store in memory that holds the triples of a file."""
    from kg.logic.reason import clashes, close
    from kg.storage.store import Embedded

    store, compiled = Embedded(), compiled_rules()
    _fill(store, file)
    held = store.count()
    clock = Clock()
    close(store, compiled)
    found = sum(1 for _ in clashes(store, compiled))
    seconds = clock.read()
    return {"held": held, "closed": store.count(), "clashes": found, **seconds}


def held(target: str, *files: str) -> dict[str, Any]:
    """Write what files of claims hold true as N-Triples, each once, for programs that know nothing of claims."""
    from pyoxigraph import RdfFormat, serialize

    from kg.bases.bulk import examine, file_part

    batch = examine([file_part(Path(file)) for file in files])
    serialize(dict.fromkeys(quad.triple for quad in batch.held()), target, format=RdfFormat.N_TRIPLES)
    return {"accepted": len(batch.accepted)}


def disk(folder: str, file: str) -> dict[str, Any]:
    """Load a file into a store on disk and do nothing else: what writing it costs at the least."""
    from pyoxigraph import RdfFormat, Store

    store = Store(folder)
    store.bulk_load(path=file, format=RdfFormat.N_QUADS)
    store.flush()
    return {}


def check(*pairs: str) -> dict[str, Any]:
    """Check articles, each against the base that it is for: ``pairs`` are bases and folders of articles.

    The bases take turns, article by article. Of each are told the seconds, by the clock and of the processor.
    """
    import kg

    bases = [kg.open(base) for base in pairs[::2]]
    files = [sorted(Path(folder).glob("*/*.trig")) for folder in pairs[1::2]]
    found: list[list[tuple[float, float]]] = [[] for _ in bases]
    for turn in zip(*files, strict=True):
        for base, file, seconds in zip(bases, turn, found, strict=True):
            clock = Clock()
            verdict = base.check(file)
            seconds.append((clock.read()["wall"], clock.read()["processor"]))
            _expect(not verdict.refused and len(verdict.claims) > 0, f"{file}: {verdict}")
    return {"seconds": found}


def derived(base: str, triples: str, count: str, target: str) -> dict[str, Any]:
    """Choose derived triples of a base of so many triples, spread over its conflicts, and write them as JSON.

    It is a process of its own, so that the one that explains them has looked none of them up before.
    """
    from pyoxigraph import NamedNode

    from bench.articles import things_of
    from kg.storage.store import Embedded
    from kg.terms import VIEW

    chosen: list[list[str]] = []
    store = Embedded.open(Path(base), read_only=True)
    for number, thing in enumerate(things_of(int(triples), int(count))):
        own = [
            [thing.value, quad.predicate.value, quad.object.value]
            for quad in sorted(store.quads(thing, None, None, VIEW), key=str)
            if isinstance(quad.object, NamedNode)
            and all(one.graph_name == VIEW for one in store.quads(*quad.triple))
        ]
        chosen += own[number % max(len(own), 1) :][:1]
    store.close()
    Path(target).write_text(json.dumps(chosen), encoding="utf-8")
    return {"chosen": len(chosen)}


def explain(*pairs: str) -> dict[str, Any]:
    """Explain triples in turn: ``pairs`` are bases and files of triples; the seconds of each are told."""
    import kg

    bases = [kg.open(base) for base in pairs[::2]]
    triples = [json.loads(Path(file).read_text(encoding="utf-8")) for file in pairs[1::2]]
    found: list[list[tuple[float, float]]] = [[] for _ in bases]
    steps: list[list[int]] = [[] for _ in bases]
    for turn in zip(*triples, strict=False):
        for base, triple, seconds, lengths in zip(bases, turn, found, steps, strict=True):
            clock = Clock()
            explanation = base.explain(*triple)
            seconds.append((clock.read()["wall"], clock.read()["processor"]))
            lengths.append(explanation.proofs[0].steps)
            _expect(lengths[-1] > 0, f"{triple} is stated")
    return {"seconds": found, "steps": [sum(lengths) / len(lengths) for lengths in steps]}


def speaker(base: str) -> dict[str, Any]:
    """Name a speaker whom a source of a base quotes."""
    import kg

    told = [claim for claim in kg.open(base).claims() if not claim.accepted]
    return {"speaker": told[0].speaker.value}


def add(base: str, folder: str) -> dict[str, Any]:
    """Add articles to a base in one session, each acknowledged before the next is handed in."""
    import kg

    seconds = []
    with kg.open(base).writing() as session:
        for file in sorted(Path(folder).glob("*/*.trig")):
            clock = Clock()
            verdict = session.add(file)
            seconds.append((clock.read()["wall"], clock.read()["processor"]))
            _expect(verdict.committed, f"{file}: {verdict}")
    return {"seconds": [seconds]}


def retract(base: str, *claims: str) -> dict[str, Any]:
    """Withdraw claims from a base one after the other."""
    import kg

    opened, seconds = kg.open(base), []
    for claim in claims:
        clock = Clock()
        verdict = opened.retract(claim, reason="measured")
        seconds.append((clock.read()["wall"], clock.read()["processor"]))
        _expect(verdict.committed, f"{claim}: {verdict}")
    return {"seconds": [seconds]}


def validate(base: str) -> dict[str, Any]:
    """Check a whole base; the seconds of each step are told too, by what it says that it is doing."""
    import kg

    clock, begun = Clock(), [("opening", 0.0)]
    verdict = kg.open(base).validate(lambda step: begun.append((step, clock.read()["wall"])))
    seconds = clock.read()
    ends = [*(start for _, start in begun[1:]), seconds["wall"]]
    steps = [(step, end - start) for (step, start), end in zip(begun, ends, strict=True)]
    return {"failing": len({one.focus for one in verdict.findings}), "steps": steps, **seconds}


def shacl(data: str, *shapes: str) -> dict[str, Any]:
    """Validate a file with the engine ``shacl``; the seconds start after its import."""
    from shacl import Shapes

    clock = Clock()
    report = Shapes.from_text(joined(shapes), format="ntriples").validate_file(data)
    return {"failing": len({str(one.focus_node) for one in report.results}), **clock.read()}


def pyshacl(data: str, *shapes: str) -> dict[str, Any]:
    """Validate a file with pyshacl; the seconds start after its import."""
    import pyshacl
    import rdflib

    clock, graph = Clock(), rdflib.Graph()
    graph.parse(data)
    read = clock.read()["wall"]
    _, report, _ = pyshacl.validate(graph, shacl_graph=graph_of(shapes), inplace=True)
    return {"failing": failing(report), "reading": read, **clock.read()}


def owlrl_and_pyshacl(data: str, shapes: str, *ontology: str) -> dict[str, Any]:
    """Close the triples of a file with owlrl, then validate all with pyshacl; ``shapes`` are in a folder.

    The seconds start when everything has been read.
    """
    import pyshacl
    from owlrl import DeductiveClosure, OWLRL_Semantics

    graph, rules = graph_of([data, *ontology]), graph_of(map(str, Path(shapes).glob("*.ttl")))
    clock = Clock()
    DeductiveClosure(OWLRL_Semantics).expand(graph)
    closing = clock.read()["wall"]
    _, report, _ = pyshacl.validate(graph, shacl_graph=rules, inplace=True)
    return {"failing": failing(report), "closing": closing, **clock.read()}


def _expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise SystemExit(otherwise)


def graph_of(files: Iterable[str]) -> Any:  # noqa: ANN401 - rdflib's, which most programs here must not import
    """Read files into one graph of rdflib's."""
    import rdflib

    graph = rdflib.Graph()
    for file in files:
        graph.parse(file)
    return graph


def joined(files: Iterable[str]) -> str:
    """Return the triples of files as N-Triples; each file's blank nodes stay its own."""
    from kg.syntax.turtle import read

    return "".join(f"{quad.triple} .\n" for file in files for quad in read(Path(file)))


def failing(report: Any) -> int:  # noqa: ANN401 - as above
    """Count the nodes that fail according to a report."""
    from rdflib import SH

    return len(set(report.objects(None, SH.focusNode)))


def about_things(triples: Iterable[Any]) -> dict[str, Any]:
    """Count what is said of things, in all and by property, or by class, so that closures can be compared.

    They differ in what they say of terms. Left out is that a thing is itself, or is a thing; and the width of
    corridors, which OWL cannot derive.
    """
    from pyoxigraph import NamedNode

    from kg.terms import BASE, iri, short

    width, thing, kind = (iri(name).value for name in ("parley:hasTotalWidth", "owl:Thing", "rdf:type"))
    tally = Counter(
        value if predicate == kind else predicate
        for subject, predicate, value in (map(str, triple) for triple in triples)
        if subject.startswith(f"{BASE}id/")
        and not subject.endswith("/total-width")
        and predicate != width
        and value not in (thing, subject)
    )
    return {
        "things": tally.total(),
        "tally": {short(NamedNode(term)): count for term, count in tally.items()},
    }


def compiled_rules() -> Any:  # noqa: ANN401 - its type would import what most programs here must not
    """Compile the rules of the project's ontology."""
    from kg.logic.rules import compile_rules
    from kg.syntax.turtle import read
    from kg.terms import data_folder

    files = sorted((data_folder() / "ontology").glob("*.ttl"))
    return compile_rules(quad.triple for file in files for quad in read(file))


_RULES: Final = (owlrl, nemo, reasonable, facts, view, rules, held, disk)
_GATE: Final = (check, add, retract, validate, shacl, pyshacl, owlrl_and_pyshacl)
_FOLLOWING: Final = (derived, explain, speaker)
PROGRAMS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    program.__name__: program for program in _RULES + _GATE + _FOLLOWING
}

if __name__ == "__main__":
    print(json.dumps(PROGRAMS[sys.argv[1]](*sys.argv[2:])))
