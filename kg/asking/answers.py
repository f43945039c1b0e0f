"""Answers: typed rows that people, programs and notebooks can read, and what is known of a thing, in sentences."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, QueryBoolean, Triple

from kg.asking.labels import find_labels, reading, sentence
from kg.errors import LimitReached, UsageError
from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.storage.store import Engine, Solutions
from kg.terms import CLAIMS, ONTOLOGY, PREFIXES, REFERENCE, VIEW

if TYPE_CHECKING:
    import pandas
    import polars

    from kg.citing.citations import Citation, Citations

_Term = NamedNode | Literal | BlankNode | Triple

_XSD: Final = PREFIXES["xsd"]
_INTEGERS: Final = ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger")
_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys((_XSD + name for name in _INTEGERS), int),
    _XSD + "decimal": Decimal,
    _XSD + "double": float,
    _XSD + "float": float,
    _XSD + "boolean": {"true": True, "1": True, "false": False, "0": False}.__getitem__,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question: named columns and rows of RDF terms, in the order of the query.

    An unbound cell is ``None``. A yes-or-no answer is one row with one boolean; a graph is rows of subject,
    predicate and object. ``labels`` holds what people call the things in the rows, unless the answer came without.
    Iterating gives the rows.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[_Term | None, ...], ...]
    labels: Mapping[NamedNode, str] = field(default_factory=dict, repr=False)
    kind: str = "rows"
    cited: Citations | None = field(default=None, repr=False, compare=False)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What each row rests on, in the order of the rows; ``UsageError`` where it was not asked for with ``cite``."""
        if self.cited is None:
            raise UsageError("the answer came without citations", remedy="ask with cite=True")
        return self.cited.rows

    def __iter__(self) -> Iterator[tuple[_Term | None, ...]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __bool__(self) -> bool:
        """Whether a yes-or-no question is answered with yes, or any other has a row."""
        return bool(_native(self.rows[0][0])) if self.kind == "truth" else bool(self.rows)

    def records(self) -> list[dict[str, Any]]:
        """Return each row as a dictionary of plain Python values: IRIs and text as ``str``, numbers as numbers."""
        return [dict(zip(self.columns, map(_native, row), strict=True)) for row in self.rows]

    def texts(self) -> list[tuple[str, ...]]:
        """Return each row as people read it: labels for things, dates in words, nothing for an unbound cell."""
        return [tuple(reading(cell, self.labels) for cell in row) for row in self.rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return the records as a pandas data frame; pandas is imported only now and must be installed."""
        import pandas as pd

        return pd.DataFrame.from_records(self.records(), columns=list(self.columns))

    def to_polars(self) -> polars.DataFrame:
        """Return the records as a polars data frame; polars is imported only now and must be installed."""
        import polars as pl

        return pl.DataFrame(self.records(), schema=list(self.columns), infer_schema_length=None)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.texts()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def written(self, form: str) -> str:
        """Return the answer as text in one of ``ANSWER_FORMATS``, ending in a line break.

        json, csv and tsv are the W3C's SPARQL 1.1 result formats, for machines; markdown has labels, for people.
        """
        return ANSWER_FORMATS[form](self)


def _native(term: _Term | None) -> Any:  # noqa: ANN401 - one column may hold any kind of value
    if not isinstance(term, Literal):
        return None if term is None else getattr(term, "value", None) or str(term)
    try:
        return _READERS.get(term.datatype.value, str)(term.value)
    except (ArithmeticError, LookupError, ValueError):  # ill-typed, such as "many"^^xsd:integer
        return term.value


def _json(answer: Answer) -> str:
    if answer.kind == "truth":
        data: dict[str, Any] = {"head": {}, "boolean": _native(answer.rows[0][0])}
    else:
        bindings = [
            {
                name: json_term(term)
                for name, term in zip(answer.columns, row, strict=True)
                if term is not None
            }
            for row in answer.rows
        ]
        data = {"head": {"vars": list(answer.columns)}, "results": {"bindings": bindings}}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def json_term(term: _Term) -> dict[str, Any]:
    """Return a term as in the SPARQL 1.1 Query Results JSON Format, section 3.2.2."""
    if isinstance(term, Triple):
        names = ("subject", "predicate", "object")
        return {"type": "triple", "value": {name: json_term(getattr(term, name)) for name in names}}
    if isinstance(term, Literal):
        extra = {"xml:lang": term.language} if term.language else {}
        if not term.language and term.datatype.value != _XSD + "string":
            extra = {"datatype": term.datatype.value}
        return {"type": "literal", "value": term.value, **extra}
    return {"type": "uri" if isinstance(term, NamedNode) else "bnode", "value": term.value}


def _csv(answer: Answer) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(answer.columns)
    writer.writerows([_bare(cell) for cell in row] for row in answer.rows)
    return out.getvalue()


def _bare(term: _Term | None) -> str:
    if term is None:
        return ""
    return term.value if isinstance(term, NamedNode | Literal) else str(term)


def _tsv(answer: Answer) -> str:
    lines = ["\t".join(f"?{name}" for name in answer.columns)]
    lines += ["\t".join("" if cell is None else str(cell) for cell in row) for row in answer.rows]
    return "\n".join(lines) + "\n"


_MARKDOWN: Final = re.compile(r"[\\|<`*\[]")  # what would end the cell or not be shown as written


def _markdown(answer: Answer) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(_MARKDOWN.sub(r"\\\g<0>", " ".join(cell.split())) for cell in cells) + " |"

    rule = "|" + " --- |" * len(answer.columns)
    return "\n".join([line(answer.columns), rule, *map(line, answer.texts())]) + "\n"


ANSWER_FORMATS: Final[Mapping[str, Callable[[Answer], str]]] = {
    "json": _json,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
FOR_MACHINES: Final = frozenset({"json", "csv", "tsv"})
"""The formats that have no labels."""


def read_answer(
    results: Any,  # noqa: ANN401 - pyoxigraph's union
    store: Engine,
    most: int = 10_000_000,
    *,
    labels: bool = True,
) -> Answer:
    """Return pyoxigraph's results as an ``Answer`` with the ``labels`` of all things in it, if they are wanted.

    Raises ``LimitReached`` beyond ``most`` rows. Cost: one look-up per different thing, none without labels.
    """
    if isinstance(results, QueryBoolean):
        return Answer(("answer",), ((Literal(bool(results)),),), kind="truth")
    rows: list[tuple[_Term | None, ...]] = []
    if isinstance(results, Solutions):
        columns, kind = tuple(variable.value for variable in results.variables), "rows"
        source: Iterable[tuple[_Term | None, ...]] = (tuple(row) for row in results)
    else:
        columns, kind = ("subject", "predicate", "object"), "graph"
        source = (tuple(triple) for triple in results)
    for row in source:
        if len(rows) == most:
            raise LimitReached(
                f"the answer has more than {most} rows", remedy="narrow the query or add a LIMIT"
            )
        rows.append(row)
    things = {cell for row in rows for cell in row if labels and isinstance(cell, NamedNode)}
    return Answer(columns, tuple(rows), find_labels(things, store), kind)


_DEFAULT: Final = Viewpoint()


@dataclass(frozen=True, slots=True)
class Fact:
    """One triple about a thing, as a sentence, with the claims it was taken from.

    ``reference`` tells that reference data states it; a fact with neither was inferred.
    """

    sentence: str
    triple: Triple
    claims: tuple[Claim, ...] = ()
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a thing: ``stated`` and ``inferred`` hold in the view, ``attributed`` is others' word.

    ``cut`` tells that there was more than the limit asked for.
    """

    thing: NamedNode
    label: str
    stated: tuple[Fact, ...]
    inferred: tuple[Fact, ...]
    attributed: tuple[Fact, ...]
    speakers: Mapping[NamedNode, str]
    cut: bool = False


def describe(
    thing: NamedNode, store: Engine, viewpoint: Viewpoint = _DEFAULT, most: int = 500
) -> Description:
    """Return what the base knows of a thing, in sentences made from labels, where the claims of ``viewpoint`` count.

    At most ``most`` triples with the thing as subject and as many with it as object are looked at, and ``cut``
    says when there were more. Facts about the thing come first, in the order of their sentences.
    Cost: a few look-ups for each triple.
    """
    outgoing = list(islice(store.quads(thing, None, None, None), 4 * most))
    incoming = list(islice(store.quads(None, None, thing, None), 4 * most))
    cut = max(len(outgoing), len(incoming)) == 4 * most
    quads = dict.fromkeys([*outgoing, *incoming])
    graphs = {q.graph_name for q in quads if isinstance(q.graph_name, NamedNode)} - _OWN_GRAPHS
    claims = {c.iri: c for c in read_claims(store, sorted(graphs, key=str)) if viewpoint.on_record(c)}
    where: dict[Triple, set[NamedNode]] = {}
    for quad in quads:
        if isinstance(quad.graph_name, NamedNode) and quad.graph_name not in (CLAIMS, ONTOLOGY):
            where.setdefault(quad.triple, set()).add(quad.graph_name)
    terms = {term for triple in where for term in (triple.subject, triple.predicate, triple.object)}
    speakers = {claim.speaker for claim in claims.values()}
    labels = find_labels({term for term in terms | speakers if isinstance(term, NamedNode)}, store)
    facts = [
        Fact(
            sentence(triple, labels),
            triple,
            tuple(
                sorted((claims[g] for g in found if g in claims), key=lambda claim: (claim.start, claim.end))
            ),
            REFERENCE in found,
        )
        for triple, found in where.items()
    ]
    facts.sort(key=lambda fact: (fact.triple.subject != thing, fact.sentence, str(fact.triple)))
    held = [fact for fact in facts if VIEW in where[fact.triple]]
    grounded = [fact for fact in held if fact.reference or any(map(viewpoint.counts, fact.claims))]
    return Description(
        thing,
        reading(thing, labels),
        tuple(grounded),
        tuple(fact for fact in held if fact not in grounded),
        tuple(fact for fact in facts if not all(map(viewpoint.counts, fact.claims))),
        {speaker: reading(speaker, labels) for speaker in speakers},
        cut,
    )


_OWN_GRAPHS: Final = {CLAIMS, ONTOLOGY, REFERENCE, VIEW}
