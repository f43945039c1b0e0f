"""Validation of what a change can alter says what pyshacl says of the whole view, and so does that of a whole base."""

from __future__ import annotations

import functools
import itertools
import random
import re
import threading
from collections import Counter
from typing import Any

import pyshacl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse
from rdflib import Graph
from rdflib.namespace import SH
from rdflib.plugins.sparql import prepareQuery

from kg.errors import UnsupportedConstruct
from kg.findings import Severity
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Embedded
from kg.terms import VIEW, iri
from kg.validation.rdflibview import from_rdflib, graph_of, to_rdflib
from kg.validation.selects import reads
from kg.validation.shapegraph import ShapeGraph
from kg.validation.shapes import Shapes
from kg.validation.validate import Validator

PREFIXES = """@prefix : <http://e/> . @prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> . @prefix shape: <https://w3id.org/parley/shape#> .
@prefix parley: <https://w3id.org/parley/ontology#> . @prefix id: <https://w3id.org/parley/id/> .
"""


def triples_of(turtle: str) -> list[Triple]:
    return [canonical(quad.triple) for quad in parse(PREFIXES + turtle, RdfFormat.TURTLE)]


def engine_of(triples: list[Triple]) -> Embedded:
    engine = Embedded()
    engine.add(Quad(*triple, VIEW) for triple in triples)
    return engine


def findings(shapes: str, data: str) -> list[Any]:
    """What is found when all the data are a change to an empty base."""
    overlay = Overlay(Embedded())
    for triple in triples_of(data):
        overlay.add(triple)
    return Validator(Shapes(triples_of(shapes))).validate(overlay)


# Random shapes, as Turtle: every kind of path and of constraint, nested.

NODES = [f":{name}" for name in "abcde"]
PREDICATES = [":p", ":q", ":r"]
CLASSES = [":A", ":B", ":C"]
LITERALS = [
    "1",
    "2",
    "-3",
    "2.5",
    '"x"',
    '"xy"',
    '"y"@en',
    '"z"@de',
    '"2020-01-02"^^xsd:date',
    '"2020"^^xsd:gYear',
    "true",
]

predicates = st.sampled_from(PREDICATES)
terms = st.sampled_from(NODES + LITERALS)


def inverse(path: str) -> str:
    return f"[ sh:inversePath {path} ]"


steps = st.one_of(predicates, predicates.map(inverse))
paths = st.recursive(
    steps,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"( {' '.join(parts)} )"),
        st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: f"[ sh:alternativePath ( {' '.join(parts)} ) ]"
        ),
        inner.map(lambda path: f"[ sh:zeroOrMorePath {path} ]"),
        inner.map(lambda path: f"[ sh:oneOrMorePath {path} ]"),
        inner.map(lambda path: f"[ sh:zeroOrOnePath {path} ]"),
    ),
    max_leaves=4,
)
inverted = st.tuples(predicates, predicates).map(
    lambda two: inverse(f"[ sh:alternativePath ( {two[0]} [ sh:zeroOrMorePath {two[1]} ] ) ]")
)
all_paths = st.one_of(paths, paths, inverted)

lists = st.lists(terms, min_size=1, max_size=4).map(lambda items: f"( {' '.join(items)} )")
numbers = st.sampled_from(["-3", "1", "2", "2.5", '"2020-01-02"^^xsd:date'])
plain = st.one_of(
    st.sampled_from(CLASSES).map(lambda c: f"sh:class {c}"),
    st.sampled_from(["xsd:integer", "xsd:string", "xsd:date", "rdf:langString", "xsd:decimal"]).map(
        lambda d: f"sh:datatype {d}"
    ),
    st.sampled_from(
        ["IRI", "Literal", "BlankNode", "IRIOrLiteral", "BlankNodeOrIRI", "BlankNodeOrLiteral"]
    ).map(lambda kind: f"sh:nodeKind sh:{kind}"),
    st.tuples(st.sampled_from(["minExclusive", "minInclusive", "maxExclusive", "maxInclusive"]), numbers).map(
        lambda pair: f"sh:{pair[0]} {pair[1]}"
    ),
    st.tuples(st.sampled_from(["minLength", "maxLength"]), st.integers(0, 12)).map(
        lambda pair: f"sh:{pair[0]} {pair[1]}"
    ),
    st.sampled_from(['sh:pattern "^[xyz]"', 'sh:pattern "^HTTP" ; sh:flags "i"', 'sh:pattern "[0-9]$"']),
    st.sampled_from(['sh:languageIn ( "en" )', 'sh:languageIn ( "de" "fr" )']),
    st.tuples(st.sampled_from(["equals", "disjoint"]), predicates).map(
        lambda pair: f"sh:{pair[0]} {pair[1]}"
    ),
    terms.map(lambda term: f"sh:hasValue {term}"),
    lists.map(lambda items: f"sh:in {items}"),
)
of_property = st.one_of(
    st.tuples(st.sampled_from(["minCount", "maxCount"]), st.integers(0, 2)).map(
        lambda pair: f"sh:{pair[0]} {pair[1]}"
    ),
    st.just("sh:uniqueLang true"),
    st.tuples(st.sampled_from(["lessThan", "lessThanOrEquals"]), predicates).map(
        lambda pair: f"sh:{pair[0]} {pair[1]}"
    ),
)
SELECTS = [
    "SELECT $this ?value { $this P1 ?value FILTER NOT EXISTS { ?value P2 ?x } }",
    "SELECT $this ?value { $this P1 ?x . ?value P1 ?x ; P2 ?y FILTER(?value != $this) }",
    "SELECT $this ?value { ?value a :A ; P1 ?x . $this P2 ?x OPTIONAL { ?value P3 ?y } FILTER(!BOUND(?y) || ?y < 2) }",
    "SELECT $this { $this P1 ?x . FILTER EXISTS { $this P2|^P3 ?y . ?y (P1)* ?z FILTER(?z != $this) } }",
    "SELECT $this ?value { $this a :B OPTIONAL { $this P1 ?x } BIND(COALESCE(?x, 1) AS ?value) FILTER(?value < 2) }",
    "SELECT $this { $this P1/P2? ?x . $this P3 ?y FILTER(STR(?x) < STR(?y)) FILTER NOT EXISTS { ?x ^P1 :a } }",
    "SELECT $this ?value { { $this P1 ?value } UNION { ?value P2 $this } FILTER NOT EXISTS { $this P3 2 } }",
    "SELECT $this { FILTER NOT EXISTS { OPTIONAL { $this P1 ?x } OPTIONAL { $this P2+ ?y } FILTER(BOUND(?x)) } }",
]
selects = st.tuples(st.sampled_from(SELECTS), predicates, predicates, predicates).map(
    lambda drawn: re.sub(r"P([123])", lambda found: drawn[int(found[1])], drawn[0])
)
PATH_SELECT = "SELECT $this ?value { $this $PATH ?value . FILTER NOT EXISTS { ?value :q ?x } }"

MODIFIED_TWICE = re.compile(r"Or(More|One)Path \[ sh:(zero|one)Or")


def sparql(select: str) -> str:
    return f'sh:sparql [ sh:message "m {{?value}}: r" ; sh:prefixes :o ; sh:select "{select}" ]'


BOUNDS = st.sampled_from(["Min", "Max"])


class Shaping:
    """Writes the shapes of one example; each has a name of its own, or none."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.names, self.text = (
            draw,
            itertools.count(),
            [':o sh:declare [ sh:prefix "" ; sh:namespace "http://e/" ] .'],
        )

    def shape(
        self, depth: int, *, path: bool | None = None, targets: str = "", named: bool | None = None
    ) -> str:
        draw = self.draw
        path = draw(st.booleans()) if path is None else path
        way = draw(all_paths) if path else ""
        said = [f"sh:path {way}"] if path else []
        for _ in range(draw(st.integers(1, 2))):
            said.append(self.constraint(depth, way))
        if depth and not path and draw(st.integers(0, 3)) == 0:
            said.append(f"sh:closed true ; sh:ignoredProperties ( rdf:type {draw(predicates)} )")
        if draw(st.integers(0, 5)) == 0:
            said.append("sh:severity sh:Warning")
        once = {part.partition(" ")[0]: part for part in said}  # of most terms there may be one
        body = " ; ".join([*once.values(), targets] if targets else once.values())
        if not (draw(st.booleans()) if named is None else named):
            return f"[ {body} ]"
        name = f":S{next(self.names)}"
        self.text.append(
            f'{name} a sh:{"Property" if path else "Node"}Shape ; sh:message "what: remedy" ; {body} .'
        )
        return name

    def constraint(self, depth: int, path: str) -> str:
        draw = self.draw
        kinds = ["plain", "plain", "sparql", *(["of_property"] * 2 * bool(path))]
        if depth:
            kinds += [
                "node",
                "property",
                "not",
                "and",
                "or",
                "xone",
                *(["qualified", "disjoint"] * bool(path)),
            ]
        kind = draw(st.sampled_from(kinds))
        written = {
            "plain": lambda: draw(plain),
            "of_property": lambda: draw(of_property),
            "sparql": lambda: self.query(path),
            "node": lambda: f"sh:node {self.shape(depth - 1, path=False)}",
            "property": lambda: f"sh:property {self.shape(depth - 1, path=True, named=True)}",
            "not": lambda: f"sh:not {self.shape(depth - 1)}",
            "qualified": lambda: (
                f"sh:qualifiedValueShape {self.shape(depth - 1)} ; sh:qualified{draw(BOUNDS)}Count 1"
            ),
            "disjoint": lambda: f"sh:property {self.siblings(depth)}",
        }
        listed = lambda: f"sh:{kind} ( {self.shape(depth - 1)} {self.shape(depth - 1)} )"  # noqa: E731
        return written.get(kind, listed)()

    def query(self, path: str) -> str:
        plainly = path and not MODIFIED_TWICE.search(path)  # pyshacl forgets the parentheses
        return sparql(PATH_SELECT if plainly and self.draw(st.booleans()) else self.draw(selects))

    def siblings(self, depth: int) -> str:
        """Two property shapes that count what conforms to the one shape and not to the other."""
        path = self.draw(all_paths)
        names = []
        for bound in ("sh:qualifiedMinCount 1", "sh:qualifiedMaxCount 0"):
            inner, name = self.shape(depth - 1), f":S{next(self.names)}"
            self.text.append(
                f'{name} a sh:PropertyShape ; sh:path {path} ; sh:message "what: remedy" ; {bound} ; '
                f"sh:qualifiedValueShape {inner} ; sh:qualifiedValueShapesDisjoint true ."
            )
            names.append(name)
        return ", ".join(names)


TARGET_KINDS = st.one_of(
    st.sampled_from(CLASSES).map(lambda c: f"sh:targetClass {c}"),
    st.sampled_from(NODES).map(lambda n: f"sh:targetNode {n}"),
    predicates.map(lambda p: f"sh:targetSubjectsOf {p}"),
    predicates.map(lambda p: f"sh:targetObjectsOf {p}"),
    st.just("a rdfs:Class"),
)


@st.composite
def shapes_texts(draw: Any) -> str:
    shaping = Shaping(draw)
    for _ in range(draw(st.integers(1, 2))):
        shaping.shape(2, named=True, targets=draw(TARGET_KINDS))
    return "\n".join(shaping.text)


facts = st.one_of(
    st.tuples(st.sampled_from(NODES), predicates, terms),
    st.tuples(st.sampled_from(NODES), predicates, st.sampled_from(NODES)),
    st.tuples(st.sampled_from(NODES), st.just("a"), st.sampled_from([*CLASSES, ":S0", ":S1"])),
    st.tuples(st.sampled_from(CLASSES), st.just("rdfs:subClassOf"), st.sampled_from(CLASSES)),
).map(lambda parts: " ".join(parts) + " .")
graphs = st.lists(facts, min_size=6, max_size=16, unique=True)


# The oracle: pyshacl, over a graph of rdflib's own.


class Plain(Graph):
    """rdflib's own graph, which parses each query once."""

    parsed = staticmethod(functools.cache(prepareQuery))

    def query(self, query_object: Any, *args: Any, **kwargs: Any) -> Any:
        return super().query(self.parsed(query_object), *args, **kwargs)


def plain_graph(triples: list[Triple]) -> Plain:
    graph = Plain()
    for triple in graph_of(triples):
        graph.add(triple)
    return graph


def by_focus(validator: Validator, triples: list[Triple]) -> dict[tuple[NamedNode, Any], set[Any]]:
    """What pyshacl finds for each shape and each of its targets, which it enumerates itself."""
    graph, found = plain_graph(triples), {}
    for root in validator.shapes.roots:
        for focus in validator._graph.lookup_shape_from_node(to_rdflib(root)).focus_nodes(graph):
            node = from_rdflib(focus)
            found[root, node] = set(validator._findings(root, [node], graph))
    return found


def check_change(shapes: str, base: list[str], gone: list[str], new: list[str]) -> tuple[int, int]:
    """Hold the validation of a change against pyshacl over the whole; return how much was affected, of how much."""
    validator = Validator(Shapes(triples_of(shapes)))
    before = list(dict.fromkeys(triples_of("\n".join(base))))
    overlay = Overlay(engine_of(before))
    for triple in triples_of("\n".join(gone)):
        overlay.remove(triple)
    for triple in triples_of("\n".join(new)):
        overlay.add(triple)
    after = list(overlay.triples())
    old, whole = by_focus(validator, before), by_focus(validator, after)
    affected = {(root, node) for root, nodes in validator.shapes.affected(overlay).items() for node in nodes}
    assert affected <= whole.keys()
    for place in whole.keys() - affected:
        assert old[place] == whole[place]
    found = validator.validate(overlay)
    assert set(found) == {finding for place in affected for finding in whole[place]}
    assert len(found) == len(set(found))
    return len(affected), len(whole)


def features(shapes: ShapeGraph) -> set[str]:
    """The kinds of paths, constraints and targets in shapes, and of patterns and paths in their queries."""
    found = {
        t.predicate.value.removeprefix(str(SH))
        for t in shapes.triples
        if t.predicate.value.startswith(str(SH))
    }
    for shape, predicate, value in shapes.triples:
        if predicate == iri("sh:path"):
            found.add("a sequence path" if shapes.values(value, iri("rdf:first")) else "a path")
        if predicate == iri("sh:sparql"):
            found |= set(
                re.findall(r"OPTIONAL|UNION|NOT EXISTS|EXISTS|BIND|FILTER", shapes.select(shape, value))
            )
            found |= {f"path {sign}" for sign in query_signs(shapes.select(shape, value))}
    return found - {"message", "prefixes", "declare", "prefix", "namespace", "description", "name", "order"}


def query_signs(text: str) -> set[str]:
    def signs(path: Any) -> set[str]:
        return set() if path is None or isinstance(path, NamedNode) else {path[0]}.union(*map(signs, path[1]))

    return set().union(*(signs(read.path) for read in reads(text)))


def test_only_what_a_change_can_alter_is_validated_and_the_findings_are_those_of_the_whole():
    """For random shapes, bases and changes, and every kind of path and constraint that our shapes use."""
    generated, counts = set(), Counter()

    @settings(max_examples=120)
    @given(shapes_texts(), graphs, graphs, graphs)
    def hold(shapes: str, base: list[str], other: list[str], new: list[str]) -> None:
        generated.update(features(ShapeGraph(triples_of(shapes))))
        affected, whole = check_change(shapes, base + other[:4], other[:4] + base[:2], new[:5])
        counts.update(affected=affected, spared=whole - affected)

    hold()
    assert features(ShapeGraph.read()) - generated == set()
    assert min(counts["affected"], counts["spared"]) > 20


@settings(max_examples=60)
@given(shapes_texts(), graphs)
def test_validating_a_whole_base_finds_what_pyshacl_alone_finds(shapes: str, base: list[str]):
    validator, data = Validator(Shapes(triples_of(shapes))), list(dict.fromkeys(triples_of("\n".join(base))))
    alone = by_focus(validator, data).values()
    assert set(validator.validate_all(lambda: engine_of(data))) == set().union(*alone)


@settings(max_examples=40)
@given(shapes_texts(), graphs)
def test_what_is_asked_of_pyshacl_node_by_node_is_its_own_report(shapes: str, base: list[str]):
    """The oracle of the other tests is pyshacl.validate itself, on the whole graph."""
    validator, data = Validator(Shapes(triples_of(shapes))), list(dict.fromkeys(triples_of("\n".join(base))))
    graph, single = plain_graph(data), Counter()
    for root in validator.shapes.roots:
        shape = to_rdflib(root)
        for focus in validator._graph.lookup_shape_from_node(shape).focus_nodes(graph):
            for node, triples in validator._results(shape, [focus], graph):
                single[
                    tuple(
                        o[1] if isinstance(o, tuple) else o
                        for p in KEYS
                        for s, q, o in triples
                        if (s, q) == (node, p)
                    )
                ] += 1
    shapes_graph = graph_of(validator.shapes.triples)
    _, report, _ = pyshacl.validate(graph, shacl_graph=shapes_graph, inplace=True)
    tops = list(report.objects(None, SH.result))
    assert Counter(tuple(o for p in KEYS for o in report.objects(top, p)) for top in tops) == single


KEYS = (SH.focusNode, SH.value, SH.sourceConstraintComponent, SH.resultSeverity)


@pytest.fixture(scope="session")
def validator() -> Validator:
    """The project's own shapes, made ready."""
    return Validator(Shapes.read())


@pytest.fixture(scope="session")
def view(built_in: Any) -> list[Triple]:
    """The view of the built-in base."""
    return [quad.triple for quad in built_in._store.quads(graph=VIEW)]


def test_the_project_s_own_base_conforms_by_both_engines(validator: Validator, view: list[Triple]):
    told: list[str] = []
    errors = [
        f
        for f in validator.validate_all(lambda: engine_of(view), told.append)
        if f.severity is Severity.VIOLATION
    ]
    assert errors == []
    assert told == ["writing the view", "validating", "reporting"]


@pytest.mark.parametrize("seed", range(6))
def test_mutations_of_the_project_s_own_base_are_found_as_pyshacl_finds_them(
    seed: int, validator: Validator, view: list[Triple]
):
    """A hundred triples go, fifty come with a subject, a value or a predicate of another."""
    chance = random.Random(seed)  # noqa: S311 - drawn, not secret
    overlay = Overlay(engine_of(view))
    for triple in chance.sample(sorted(view, key=str), 60):
        overlay.remove(triple)
    for one, two in zip(chance.sample(view, 60), chance.sample(view, 60), strict=True):
        overlay.add(Triple(one.subject, one.predicate, two.object))
        overlay.add(Triple(one.subject, two.predicate, two.object))
    before, after = by_focus(validator, view), list(overlay.triples())
    whole = by_focus(validator, after)
    affected = {(root, node) for root, nodes in validator.shapes.affected(overlay).items() for node in nodes}
    assert affected <= whole.keys()
    assert all(before[place] == whole[place] for place in whole.keys() - affected)
    found = validator.validate(overlay)
    assert set(found) == {finding for place in affected for finding in whole[place]}
    assert found
    assert set(validator.validate_all(lambda: engine_of(after))) == set().union(*whole.values())


def test_the_cost_of_a_change_does_not_grow_with_the_base(validator: Validator):
    """Look-ups, counted, for a new agreement between two states that ever more agreements have as parties."""

    def cost(size: int) -> int:
        state = "id:a a parley:Actor, parley:State . id:b a parley:Actor, parley:State . "
        text = state + " ".join(
            f"id:t{n} a parley:Agreement ; parley:hasParty id:a, id:b ; parley:hasProvision id:v{n} . "
            f"id:n{n} a parley:Tenure ; parley:hasHolder id:p{n} ; parley:isTenureOf id:o{n} ."
            for n in range(size)
        )
        overlay = Counting(engine_of(triples_of(text)))
        for triple in triples_of(
            "id:new a parley:Agreement ; parley:hasParty id:a, id:b . "
            "id:m a parley:Tenure ; parley:hasHolder id:p0 ; parley:isTenureOf id:o1 ."
        ):
            overlay.add(triple)
        assert validator.validate(overlay) == []
        return overlay.seen

    assert cost(400) == cost(20)


class Counting(Overlay):
    """Counts the triples that are looked at."""

    seen = 0

    def triples(self, *pattern: Any) -> Any:
        for triple in super().triples(*pattern):
            self.seen += 1
            yield triple


# What a finding says.

PARTIES = """shape:Parties a sh:PropertyShape ; sh:path ( :p [ sh:inversePath :q ] ) ; sh:minCount 1 ;
    sh:severity sh:Warning ; sh:message "It has no party: add one."@en, "Es fehlt: etwas."@de ; sh:targetClass :A ."""


def test_a_finding_has_the_code_message_remedy_and_path_of_its_shape():
    (found,) = findings(PARTIES, ":a a :A .")
    assert (found.code, found.severity, found.message, found.remedy) == (
        "parties",
        Severity.WARNING,
        "It has no party",
        "add one.",
    )
    assert (found.focus, found.value, found.path) == (
        NamedNode("http://e/a"),
        None,
        "<http://e/p>/^<http://e/q>",
    )
    assert (found.shape, found.component) == (iri("shape:Parties"), iri("sh:MinCountConstraintComponent"))
    assert (found.place, found.witnesses) == (None, ())


@pytest.mark.parametrize(
    "outer",
    [
        "sh:node shape:Inner",
        "sh:node [ sh:node shape:Inner ]",
        "sh:and ( shape:Inner [ sh:nodeKind sh:IRI ] )",
        "sh:node [ sh:and ( [ sh:and ( shape:Inner ) ] ) ]",
    ],
)
def test_the_innermost_cause_is_reported_with_the_weight_of_the_outermost_shape(outer: str):
    shapes = f"""shape:Outer a sh:PropertyShape ; sh:path :p ; {outer} ; sh:message "Outer: outer." ;
        sh:severity sh:Warning ; sh:targetClass :A .
    shape:Inner a sh:NodeShape ; sh:property shape:InnerName .
    shape:InnerName a sh:PropertyShape ; sh:path :q ; sh:minCount 1 ; sh:message "No name: add one." ."""
    (found,) = findings(shapes, ":a a :A ; :p :b .")
    assert (found.code, found.focus, found.path) == ("inner-name", NamedNode("http://e/b"), "<http://e/q>")
    assert (found.message, found.severity) == ("No name", Severity.WARNING)


@pytest.mark.parametrize(
    "outer", ["sh:or ( [ sh:class :B ] [ sh:class :C ] )", "sh:not [ sh:nodeKind sh:IRI ]"]
)
def test_where_no_single_condition_is_the_cause_the_shape_that_names_them_is_reported(outer: str):
    shapes = f'shape:Outer a sh:PropertyShape ; sh:path :p ; {outer} ; sh:message "Outer: outer." ; sh:targetClass :A .'
    (found,) = findings(shapes, ":a a :A ; :p :b .")
    assert (found.code, found.value, found.remedy) == ("outer", NamedNode("http://e/b"), "outer.")


def test_a_finding_of_a_shape_without_a_name_has_the_name_and_message_of_the_shape_around_it():
    shapes = """shape:Outer a sh:NodeShape ; sh:message "A: b." ; sh:targetClass :A ;
        sh:node [ sh:property [ sh:path :p ; sh:minCount 1 ] ] ."""
    (found,) = findings(shapes, ":a a :A .")
    assert (found.code, found.message, found.remedy) == ("outer", "A", "b.")


def test_a_query_puts_values_into_its_message_as_they_are():
    """By itself pyshacl stops at a backslash."""
    shapes = r"""shape:Odd a sh:NodeShape ; sh:message "Odd: mend." ; sh:targetClass :A ;
        sh:sparql [ sh:message "{?value} is odd: mend {$this} {?other}." ;
            sh:select "SELECT $this ?value { $this <http://e/p> ?value }" ] ."""
    (found,) = findings(shapes, r':a a :A ; :p "C:\\data\\1" .')
    assert (found.message, found.value) == (r"C:\data\1 is odd", Literal(r"C:\data\1"))
    assert found.remedy == "mend http://e/a {?other}."


def test_one_fault_that_two_shapes_lead_to_is_one_finding():
    shapes = """shape:One a sh:NodeShape ; sh:node shape:Inner ; sh:message "a: b" ; sh:targetClass :A .
    shape:Two a sh:NodeShape ; sh:node shape:Inner ; sh:message "a: b" ; sh:targetClass :A .
    shape:Inner a sh:NodeShape ; sh:class :B ; sh:message "No B: make it one." ."""
    assert [found.code for found in findings(shapes, ":a a :A .")] == ["inner"]


def test_findings_come_in_a_fixed_order():
    data = " ".join(f":{name} a :A ." for name in "cab")
    assert [found.focus.value[-1] for found in findings(PARTIES, data)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "conforms"),
    [
        ('"01"^^xsd:integer', True),  # kept as 1
        ("1.0", False),  # another datatype
        ('"1"', False),
        ('"0"^^xsd:integer', False),
    ],
)
def test_literals_are_compared_as_they_are_kept(value: str, conforms: bool):
    shapes = f'shape:V a sh:PropertyShape ; sh:path :p ; sh:hasValue {value} ; sh:message "a: b" ; sh:targetClass :A .'
    assert (findings(shapes, ":a a :A ; :p 1 .") == []) == conforms


@pytest.mark.parametrize(
    "value", ['"a"', '"a"@en', '"1.50"^^xsd:decimal', '"TRUE"^^xsd:boolean', '"x"^^:d', "<urn:a>"]
)
def test_a_term_goes_to_rdflib_and_back_as_it_is(value: str):
    (quad,) = parse(f"{PREFIXES} :a :b {value} .", RdfFormat.TURTLE)
    assert from_rdflib(to_rdflib(quad.object)) == quad.object


def test_what_pyshacl_cannot_compare_is_an_error_and_not_a_verdict():
    shapes = (
        'shape:L a sh:PropertyShape ; sh:path :p ; sh:lessThan :q ; sh:message "a: b" ; sh:targetClass :A .'
    )
    with pytest.raises(UnsupportedConstruct, match="BlankNode"):
        findings(shapes, ":a a :A ; :p [] ; :q 1 .")


def test_what_was_parsed_ahead_is_not_parsed_again(validator: Validator, view: list[Triple]):
    """Otherwise the first article that needs a query would wait for it."""
    from kg.validation.selects import _prepared

    validator.warm()
    missed = _prepared.cache_info().misses
    overlay = Overlay(engine_of(view))
    overlay.add(Triple(iri("id:x"), iri("rdf:type"), iri("parley:Tenure")))
    overlay.add(Triple(iri("id:x"), iri("rdf:type"), iri("parley:Agreement")))
    assert validator.validate(overlay) != []
    assert _prepared.cache_info().misses == missed


def test_threads_take_turns(validator: Validator, view: list[Triple]):
    overlays = [Overlay(engine_of(view)) for _ in range(4)]
    results: list[list[Any]] = []

    def work(overlay: Overlay) -> None:
        overlay.add(Triple(iri("id:x"), iri("rdf:type"), iri("parley:Tenure")))
        results.append(validator.validate(overlay))

    threads = [threading.Thread(target=work, args=(overlay,)) for overlay in overlays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sorted({found.code for found in result}) for result in results] == [
        ["tenure-holder", "tenure-office"]
    ] * 4
