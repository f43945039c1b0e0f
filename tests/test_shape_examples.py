"""Each shape accepts and refuses the examples under tests/shapes, and the two engines for SHACL agree on all of them.

A folder there bears the code of a shape, or ``clash-`` and the name of a rule where facts are refused before any
shape sees them. Its files are facts: ``accepted-….ttl`` and ``refused-….ttl``.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyshacl
import pytest
import rdflib
import shacl
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse
from pyshacl.helper.sparql_query_helper import SPARQLQueryHelper
from rdflib.namespace import RDF, RDFS, SH
from rdflib.plugins.sparql import processor
from rdflib.plugins.sparql.sparql import Query

import kg
from kg.bases.ontology import ontology_rules, ontology_triples, shape_files
from kg.findings import shape_code
from kg.logic.reason import clashes, close
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import PREFIXES, VIEW, iri, text

HERE = Path(__file__).parent / "shapes"
EXAMPLES = sorted(HERE.rglob("*.ttl"))
CLASHES = [path for path in EXAMPLES if path.parent.name.startswith("clash-")]
ACCEPTED = [path for path in EXAMPLES if path.name.startswith("accepted-")]
REFUSED = [path for path in EXAMPLES if path.name.startswith("refused-") and path not in CLASHES]

GRAPH = rdflib.Graph()
for file in shape_files():
    GRAPH.parse(file)
TARGETS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
SHAPES = sorted(
    {shape for shape, predicate, _ in GRAPH if predicate in TARGETS}
    | {shape for kind in (SH.NodeShape, SH.PropertyShape) for shape in GRAPH.subjects(RDF.type, kind)}
)


class Result(NamedTuple):
    """What of a validation result both engines must agree on."""

    focus: str
    shape: str
    component: str


def code(shape: str) -> str:
    return shape_code(NamedNode(shape))


def is_warning(shape: str) -> bool:
    return (rdflib.URIRef(shape), SH.severity, SH.Warning) in GRAPH


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@cache
def closed(path: Path) -> Embedded:
    """Close the facts of an example under the rules of the ontology."""
    store = Embedded()
    store.fill(Quad(*quad.triple, VIEW) for quad in read(path))
    close(store, ontology_rules())
    return store


def written(store: Embedded) -> str:
    return "".join(f"{quad.triple} .\n" for quad in store.quads(graph=VIEW))


@cache
def rust() -> shacl.Shapes:
    return shacl.Shapes.from_text(GRAPH.serialize(format="nt"), "ntriples")


def by_pyshacl(facts: str) -> set[Result]:
    _, report, _ = pyshacl.validate(rdflib.Graph().parse(data=facts, format="nt"), shacl_graph=GRAPH)
    return {
        Result(
            str(report.value(result, SH.focusNode)),
            str(report.value(result, SH.sourceShape)),
            str(report.value(result, SH.sourceConstraintComponent)),
        )
        for result in report.objects(None, SH.result)
    }


def by_shacl(facts: str) -> set[Result]:
    report = rust().validate_text(facts, "ntriples")
    return {
        Result(result.focus_node.strip("<>"), (result.source_shape or "").strip("<>"), result.component_iri)
        for result in report.results
    }


def results(store: Embedded) -> set[Result]:
    """Validate with both engines, which must find the same."""
    facts = written(store)
    found = by_pyshacl(facts)
    assert by_shacl(facts) == found
    return found


def clashing(store: Embedded) -> set[str]:
    return {rule.names[-1] for rule, _ in clashes(store, ontology_rules())}


@pytest.fixture(scope="module", autouse=True)
def _literals_stay_and_queries_are_read_once() -> Iterator[None]:
    """Keep what rdflib and pyshacl find in a query's text: reading it for each node takes most of the time."""
    parse_query, translate = processor.parseQuery, processor.translateQuery
    check = SPARQLQueryHelper.check_invalid_sparql

    @cache
    def prepared(query: str) -> Query:
        return translate(parse_query(query), None, {})

    @cache
    def checked(query: str) -> bool:
        return check(SPARQLQueryHelper, query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rdflib, "NORMALIZE_LITERALS", False)  # the gate leaves literals as they are, too
        patch.setattr(processor, "parseQuery", lambda query: query)
        patch.setattr(processor, "translateQuery", lambda query, _base, _names: prepared(query))
        patch.setattr(SPARQLQueryHelper, "check_invalid_sparql", lambda _, query, **_bound: checked(query))
        yield


@pytest.mark.parametrize("path", ACCEPTED, ids=named)
def test_accepted(path: Path):
    """Nothing clashes, the shape of the folder finds nothing, and no other shape refuses."""
    store = closed(path)
    assert clashing(store) == set()
    found = {result.shape for result in results(store)}
    assert path.parent.name not in {code(shape) for shape in found}
    assert [shape for shape in found if not is_warning(shape)] == []


@pytest.mark.parametrize("path", REFUSED, ids=named)
def test_refused(path: Path):
    """Nothing clashes, and the shape of the folder finds something, alone."""
    store = closed(path)
    assert clashing(store) == set()
    assert {code(result.shape) for result in results(store)} == {path.parent.name}


@pytest.mark.parametrize("path", CLASHES, ids=named)
def test_refused_by_a_clash(path: Path):
    """Facts that contradict the ontology clash by the rule of the folder; they need no shape."""
    assert path.parent.name.removeprefix("clash-") in clashing(closed(path))


@pytest.mark.parametrize("shape", SHAPES, ids=code)
def test_every_shape_has_examples_of_what_it_accepts_and_refuses(shape: str):
    for kind in ("accepted", "refused"):
        assert list((HERE / code(shape)).glob(f"{kind}-*.ttl")), kind


@pytest.mark.parametrize("shape", SHAPES, ids=code)
def test_some_accepted_example_has_something_to_look_at(shape: rdflib.URIRef):
    """The shape has a focus node in it: what a shape never looks at, it would accept anyway."""
    targets = {(kind, str(value)) for kind in TARGETS for value in GRAPH.objects(shape, kind)}
    there = set()
    for path in (HERE / code(shape)).glob("accepted-*.ttl"):
        for quad in closed(path).quads(graph=VIEW):
            there |= {(SH.targetSubjectsOf, text(quad.predicate)), (SH.targetObjectsOf, text(quad.predicate))}
            if quad.predicate == TYPE:
                there.add((SH.targetClass, text(quad.object)))
    assert targets & there


def test_every_folder_of_examples_is_of_a_shape_or_a_clash():
    folders = {path.name for path in HERE.iterdir()}
    assert {name for name in folders if not name.startswith("clash-")} == {code(shape) for shape in SHAPES}
    assert all(re.match("(accepted|refused)-", path.name) for path in EXAMPLES)
    assert all(path.name.startswith("refused-") for path in CLASHES)


@pytest.mark.parametrize("component", ["MinCount", "MaxCount"])
def test_refused_examples_reach_both_bounds_of_a_count(component: str):
    """A shape with a least and a most number of values has an example for each."""
    bound = {"MinCount": SH.minCount, "MaxCount": SH.maxCount}[component]
    for shape in GRAPH.subjects(bound):
        if isinstance(shape, rdflib.URIRef):
            found = {r for path in REFUSED if path.parent.name == code(shape) for r in results(closed(path))}
            assert any(
                result.component == SH[f"{component}ConstraintComponent"].toPython() for result in found
            )


@pytest.mark.parametrize("shape", SHAPES, ids=code)
def test_every_shape_is_documented(shape: rdflib.URIRef):
    """It has a name, a label, the principle, and a message that says what is wrong and what to do."""
    assert isinstance(shape, rdflib.URIRef)
    assert re.fullmatch(re.escape(PREFIXES["shape"]) + "([A-Z][a-z0-9]+)+", shape)
    (label,) = GRAPH.objects(shape, RDFS.label)
    (principle,) = GRAPH.objects(shape, SH.description)
    (message,) = GRAPH.objects(shape, SH.message)
    assert {label.language, principle.language, message.language} == {"en"}
    assert re.fullmatch(r"[A-Z].*[.]", principle)
    assert re.fullmatch(r"[A-Z][^:]*(?:\w:\w[^:]*)*: [a-z].*[^.][.]", message)


def test_no_two_shapes_have_one_label():
    labels = [str(label) for shape in SHAPES for label in GRAPH.objects(shape, RDFS.label)]
    assert len(labels) == len(set(labels)) == len(SHAPES)


def test_a_shape_without_examples_of_its_own_would_be_noticed():
    """What stands inside another shape has neither name nor target; every other shape is among those above."""
    paths = {shape for shape in GRAPH.subjects(SH.path) if isinstance(shape, rdflib.URIRef)}
    assert paths <= set(SHAPES)
    inside = {shape for shape in GRAPH.subjects(SH.path) if isinstance(shape, rdflib.BNode)}
    assert [triple for shape in inside for triple in GRAPH.triples((shape, SH.message, None))] == []
    assert not list(GRAPH.triples((None, SH.property, None)))


def test_shapes_name_terms_that_exist():
    """Each term of ours in a shape or in its query is declared in the ontology."""
    declared = {
        triple.subject.value for triple in ontology_triples() if isinstance(triple.subject, NamedNode)
    }
    used = {str(term) for triple in GRAPH for term in triple if str(term).startswith(PREFIXES["parley"])}
    for query in GRAPH.objects(None, SH.select):
        used |= {PREFIXES["parley"] + name for name in re.findall(r"parley:(\w+)", query)}
    for words in GRAPH.objects(None, SH.message):
        used |= {PREFIXES["parley"] + name for name in re.findall(r"parley:(\w+)", words)}
    assert used - declared <= {PREFIXES["parley"]}


def test_the_built_in_view_conforms_without_a_warning(built_in: kg.Base):
    """Both engines find nothing in the article and its reference data."""
    facts = "".join(f"{triple} .\n" for triple in _view(built_in))
    assert facts.count("\n") > 500
    assert by_pyshacl(facts) == by_shacl(facts) == set()


def _view(base: kg.Base) -> set[Triple]:
    return {quad.triple for quad in parse(base.export("ntriples"), format=RdfFormat.N_TRIPLES)}


# what the queries about time find, against dates as Python has them

TIMES = [
    Literal(form, datatype=iri(f"xsd:{kind}"))
    for kind, forms in {
        "gYear": "2017 2018",
        "gYearMonth": "2017-12 2018-01 2018-02",
        "date": "2017-12-31 2018-01-01 2018-01-31 2018-02-01 2018-02-02",
        "dateTime": """2018-01-31T23:00:00 2018-02-01T00:00:00 2018-01-31T23:00:00Z 2018-02-01T01:00:00+03:00
            2018-02-01T01:00:00-08:00 2018-02-01T01:00:00Z""",
    }.items()
    for form in forms.split()
]
BEGIN, END, TYPE = iri("parley:begin"), iri("parley:end"), iri("rdf:type")


def bounds(literal: Literal) -> tuple[datetime, datetime]:
    """Return the first and the last moment that a time can mean, as written."""
    form = literal.value
    if "T" in form:
        moment = datetime.fromisoformat(form).replace(tzinfo=None)
        return moment, moment
    first = date.fromisoformat(form + "2018-01-01"[len(form) :])
    days = {4: 365, 7: monthrange(first.year, first.month)[1], 10: 1}[len(form)]
    last = datetime.combine(first + timedelta(days=days), time()) - timedelta(seconds=1)
    return datetime.combine(first, time()), last


def surely_before(one: Literal, other: Literal) -> bool:
    """Tell whether one time is before another, whatever they mean; where both have a zone, moments are compared."""
    if "T" in one.value and "T" in other.value:
        moments = datetime.fromisoformat(one.value), datetime.fromisoformat(other.value)
        if all(moment.tzinfo for moment in moments):
            return moments[0] < moments[1]
    return bounds(one)[1] < bounds(other)[0]


def all_before(some: list[Literal], others: list[Literal]) -> bool:
    return bool(some and others) and all(surely_before(one, other) for one in some for other in others)


def dated(thing: NamedNode, begins: list[Literal], ends: list[Literal]) -> list[Triple]:
    return [Triple(thing, BEGIN, begin) for begin in begins] + [Triple(thing, END, end) for end in ends]


def pairs() -> list[tuple[list[Literal], list[Literal]]]:
    """Each time with each other, and some lists of none to three times."""
    random = Random(1)  # noqa: S311 - fixed
    some = [tuple(random.sample(TIMES, random.choice([0, 1, 2, 3])) for _ in range(2)) for _ in range(100)]
    return [([one], [other]) for one in TIMES for other in TIMES] + some


def failing(facts: list[Triple], *shapes: str) -> set[str]:
    """Return the local names of the focus nodes on which one of the shapes fails; both engines must agree."""
    written = "".join(f"{fact} .\n" for fact in facts)
    found = by_pyshacl(written)
    assert by_shacl(written) == found
    return {result.focus.rsplit("/", 1)[1] for result in found if code(result.shape) in shapes}


def test_an_interval_is_refused_if_every_end_is_before_every_begin():
    facts = [
        fact
        for number, (begins, ends) in enumerate(pairs())
        for fact in dated(iri(f"id:{number}"), begins, ends)
    ]
    expected = {str(number) for number, (begins, ends) in enumerate(pairs()) if all_before(ends, begins)}
    assert 50 < len(expected) < len(pairs()) - 100
    assert failing(facts, "interval-order") == expected


def test_a_provision_is_refused_if_every_begin_is_before_every_one_of_its_agreement():
    facts, expected = [], set()
    for number, (effects, agreed) in enumerate(pairs()):
        provision, agreement = iri(f"id:{number}"), iri(f"id:agreement-{number}")
        facts += dated(provision, effects, []) + dated(agreement, agreed, [])
        facts.append(Triple(agreement, iri("parley:hasProvision"), provision))
        if all_before(effects, agreed):
            expected.add(str(number))
    assert 50 < len(expected) < len(pairs()) - 100
    assert failing(facts, "provision-begin") == expected


@pytest.mark.parametrize("same_holder", [True, False])
def test_tenures_are_refused_if_they_overlap_whatever_their_times_mean(same_holder: bool):
    """An unknown begin or end counts for nothing; one holder has two states, two holders have one state."""
    random, facts, expected = Random(2), [], set()  # noqa: S311 - fixed
    choices: list[list[Literal]] = [[], *([one] for one in TIMES), random.sample(TIMES, 2)]
    for number in range(40):
        begins, ends = [], []
        for name in (f"first-{number}", f"second-{number}"):
            times = sorted(random.sample(choices, 2), key=lambda some: [bounds(one) for one in some])
            begin, end = times if times[0] or random.random() < 0.5 else reversed(times)
            holder = number if same_holder else name
            state = name if same_holder else number
            office = iri(f"id:office-{name}")
            facts += [
                *dated(iri(f"id:{name}"), begin, end),
                Triple(iri(f"id:{name}"), TYPE, iri("parley:Tenure")),
                Triple(iri(f"id:{name}"), iri("parley:hasHolder"), iri(f"id:holder-{holder}")),
                Triple(iri(f"id:{name}"), iri("parley:isTenureOf"), office),
                Triple(office, TYPE, iri("parley:HeadOfStateOffice")),
                Triple(office, iri("parley:isOfficeOf"), iri(f"id:state-{state}")),
            ]
            begins.append(begin or end)
            ends.append(end or begin)
        if all_before(begins[0], ends[1]) and all_before(begins[1], ends[0]):
            expected |= {f"first-{number}", f"second-{number}"}
    assert 10 < len(expected) < 70
    assert failing(facts, "head-of-two-states" if same_holder else "two-heads-of-state") == expected
