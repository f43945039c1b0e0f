"""Programs of peers for rules and shapes that are measured beside ours: ``python -m bench.peers NAME ARGUMENT…``.

Each prints one line of JSON, its cost by its own clock in it, which starts after its imports. Those that
``bench.programs`` has are rdflib, owlrl, pyshacl, Nemo, reasonable and shacl.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench.programs import Clock, about_things, failing, graph_of, joined

_ALL: Final = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
_SHAPES: Final = "urn:shapes"


def owlrl_turbo(data: str, *ontology: str) -> dict[str, Any]:
    """Read N-Triples and an ontology in Turtle into rdflib-turbo and close them with owlrl-turbo."""
    from owlrl_turbo import expand
    from pyoxigraph import RdfFormat, parse
    from rdflib_turbo import Dataset

    dataset, clock = Dataset(), Clock()
    dataset.parse(data, format="nt")
    for file in ontology:
        dataset.parse(file, format="turtle")
    expand(dataset, inference="owlrl", inplace=True)
    cost = clock.read()
    closed = parse(dataset.serialize(format="nt"), RdfFormat.N_TRIPLES)
    return {**cost, **about_things(map(_texts, closed))}


def sparq(data: str, *ontology: str) -> dict[str, Any]:
    """Read N-Triples and an ontology into sparq, which takes one text, and let it reason."""
    from sparq import Graph

    clock = Clock()
    text = Path(data).read_text(encoding="utf-8") + joined(ontology)
    graph = Graph.load(text, format="ntriples")
    graph.reason("owl")
    cost = clock.read()
    return {**cost, **about_things([term.value for term in triple] for triple in graph.construct(_ALL))}


def maplib(data: str, *ontology: str) -> dict[str, Any]:
    """Read N-Triples and an ontology into maplib and derive what RDFS derives.

    Rules of one's own, as validation, its package can only be asked for: the makers sell them apart.
    """
    from maplib import Model

    model: Any = Model()
    clock = Clock()
    for file in (data, *ontology):
        model.read(file)
    model.infer_rdfs()
    cost = clock.read()
    rows = model.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }").iter_rows()  # what is written lacks the derived
    return {**cost, **about_things([term.strip("<>") for term in row] for row in rows)}


def pyshacl_turbo(data: str, *shapes: str) -> dict[str, Any]:
    """Validate N-Triples, read into a store of pyoxigraph, which of its inputs is the quickest."""
    import pyshacl_turbo
    from pyoxigraph import RdfFormat, Store

    clock, store = Clock(), Store()
    store.bulk_load(path=data, format=RdfFormat.N_TRIPLES)
    _, report, _ = pyshacl_turbo.validate(store, shacl_graph=graph_of(shapes), inplace=True)
    return {"failing": failing(report), **clock.read()}


def maplib_shacl(data: str, *shapes: str) -> dict[str, Any]:
    """Validate N-Triples with maplib."""
    from maplib import Model

    model: Any = Model()
    clock = Clock()
    model.read(data)
    for file in shapes:
        model.read(file, graph=_SHAPES)
    found = model.validate(shape_graph=_SHAPES).results()
    return {"failing": 0 if found is None else found["focus_node"].n_unique(), **clock.read()}


def _texts(triple: Any) -> tuple[str, str, str]:  # noqa: ANN401 - pyoxigraph's, which most programs do not import
    from kg.terms import text

    return text(triple.subject), text(triple.predicate), text(triple.object)


PROGRAMS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    program.__name__: program for program in (owlrl_turbo, sparq, maplib, pyshacl_turbo, maplib_shacl)
}

if __name__ == "__main__":
    print(json.dumps(PROGRAMS[sys.argv[1]](*sys.argv[2:])))
