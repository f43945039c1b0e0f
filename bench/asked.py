"""The questions that engines are asked: a choice of stored ones about single things, and some over everything.

``python -m bench.asked choose BASE TRIPLES COUNT TARGET`` chooses the things and writes the questions, as SPARQL that
each engine gets alike. The things are spread over the whole base, and about each the answer has a row.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pyoxigraph import NamedNode

from bench.articles import casts_of
from kg.asking.questions import Question, filled
from kg.storage.store import Embedded
from kg.terms import PREFIXES, VIEW, iri
from kg.view import stored_question, stored_questions

SELECTIVE: Final = (
    "who-supports",
    "supported-by",
    "opponents",
    "leaders",
    "forces",
    "who-controls",
    "located-in",
    "presence",
    "involving",
    "parties",
    "provisions",
    "what-happened",
)
"""Stored questions with one parameter, each about a thing."""
_COUNTING: Final = "how many"
"""The theme of the stored questions that count; those that need nothing to be given are asked over everything."""
_LISTING: Final = ("backs-opposing-sides", "who-fights-whom")
_WRITTEN: Final = {
    "events by kind": """SELECT ?kind (COUNT(?event) AS ?events) WHERE {
  ?event a parley:Event , ?kind .
} GROUP BY ?kind""",
    "deaths in all": """SELECT (SUM(?least) AS ?deaths) (COUNT(?tally) AS ?tallies) WHERE {
  ?tally a parley:DeathCount ; parley:leastCount ?least .
}""",
}
_TIMES: Final = 4


def aggregating() -> list[str]:
    """Name the questions over all of the view: stored ones, then those that are plain queries."""
    stored = [
        question.name
        for question in stored_questions().values()
        if question.theme == _COUNTING and all(one.optional for one in question.parameters)
    ]
    return [*stored, *_LISTING, *_WRITTEN]


def questions(base: Path, triples: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield each question with its calls: ``count`` things for a selective one, the same call a few times else."""
    store = Embedded.open(base, read_only=True)
    casts = list(casts_of(triples, count))
    for name in SELECTIVE:
        question = stored_question(name)
        found = (_call(question, thing) for cast in casts for thing in _fitting(question, cast, store))
        yield {"name": name, "calls": list(found)}
    store.close()
    for name in aggregating():
        stored = name not in _WRITTEN
        sparql = (
            stored_question(name).sparql
            if stored
            else f"PREFIX parley: <{PREFIXES['parley']}>\n{_WRITTEN[name]}"
        )
        yield {
            "name": name,
            "calls": [{"name": name, "stored": stored, "parameters": {}, "sparql": sparql}] * _TIMES,
        }


def _fitting(question: Question, cast: list[NamedNode], store: Embedded) -> Iterator[NamedNode]:
    """Yield the first thing of a conflict, or beside it, that is of the class asked for and has an answer."""
    (parameter,) = question.parameters
    beside = (quad.subject for thing in cast for quad in store.quads(None, None, thing, VIEW))
    for thing in dict.fromkeys([*cast, *(node for node in beside if isinstance(node, NamedNode))]):
        if parameter.of_class and not any(store.quads(thing, iri("rdf:type"), parameter.of_class, VIEW)):
            continue
        answer: Any = store.query(filled(question, {parameter.name: thing}))
        if any(answer):
            yield thing
            return


def _call(question: Question, thing: NamedNode) -> dict[str, Any]:
    (parameter,) = question.parameters
    sparql = filled(question, {parameter.name: thing})
    return {
        "name": question.name,
        "stored": True,
        "parameters": {parameter.name: thing.value},
        "sparql": sparql,
    }


def _choose(base: str, triples: str, count: str, target: str) -> None:
    chosen = list(questions(Path(base), int(triples), int(count)))
    Path(target).write_text(json.dumps(chosen), encoding="utf-8")


if __name__ == "__main__":
    {"choose": _choose}[sys.argv[1]](*sys.argv[2:])
