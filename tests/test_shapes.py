"""The shapes are sound, and what a change can alter is found by look-ups alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, parse

from kg.errors import UnsupportedConstruct
from kg.findings import shape_code
from kg.storage.overlay import Overlay
from kg.storage.store import Embedded
from kg.terms import VIEW, iri
from kg.validation.regexes import fault
from kg.validation.selects import path_text, prepare, reads
from kg.validation.shapegraph import ShapeGraph
from kg.validation.shapelint import CHECKS, lint
from kg.validation.shapes import Shapes

PREFIXES = """@prefix : <http://e/> . @prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
"""


def triples_of(turtle: str) -> list[Triple]:
    return [quad.triple for quad in parse(PREFIXES + turtle, RdfFormat.TURTLE)]


def affected(shapes: str, base: str, new: str = "", gone: str = "") -> dict[str, set[str]]:
    engine = Embedded()
    engine.add(Quad(*triple, VIEW) for triple in triples_of(base))
    overlay = Overlay(engine)
    for triple in triples_of(gone):
        overlay.remove(triple)
    for triple in triples_of(new):
        overlay.add(triple)
    found = Shapes(triples_of(shapes)).affected(overlay)
    return {
        root.value[-1]: {getattr(node, "value", "")[-1] for node in nodes} for root, nodes in found.items()
    }


def test_the_project_s_own_shapes_are_sound():
    assert lint(ShapeGraph.read().triples) == []


SOUND = ':S a sh:PropertyShape ; sh:path :p ; sh:minCount 1 ; sh:message "a: b" ; sh:targetClass :A . '


def test_a_sound_shape_has_no_fault():
    assert lint(triples_of(SOUND)) == []


def message(body: str) -> str:
    return f':S a sh:PropertyShape ; sh:path :p ; sh:message "a: b" ; sh:targetClass :A ; {body} .'


def node(body: str) -> str:
    return f':S a sh:NodeShape ; sh:message "a: b" ; sh:targetClass :A ; {body} .'


def query(text: str) -> str:
    return node(f'sh:sparql [ sh:select "{text}" ]')


FAULTY = [
    (message("sh:minCout 1"), "shape-term", "sh:minCout is no term", "sh:minCount"),
    (message("sh:nodeKind sh:Iri"), "shape-term", "sh:Iri is no term", "sh:IRI"),
    (message("sh:severity sh:Info ; sh:minCount 1"), "shape-term", "sh:Info is no term", "leave it out"),
    (message("sh:rule :r ; sh:minCount 1"), "shape-term", "sh:rule is no term", ""),
    (":S a sh:NodeShpe .", "shape-term", "sh:NodeShpe is no term", "sh:NodeShape"),
    (node("sh:minCount 1"), "shape-term", "no sure effect at a node shape", ""),
    (message("sh:closed true"), "shape-term", "no sure effect at a property shape", ""),
    (message('sh:flags "i"'), "shape-term", "without sh:pattern", ""),
    (
        node("sh:node :T") + " :T a sh:PropertyShape ; sh:path :p .",
        "shape-term",
        "leads to a property shape",
        "",
    ),
    (SOUND + ":x sh:minCount 1 .", "shape-term", "stands at something that is no shape", ""),
    (message('sh:minCount "1"'), "shape-value", "not a whole number", ""),
    (message("sh:minCount -1"), "shape-value", "not a whole number", ""),
    (message('sh:class "A"'), "shape-value", "not an IRI", ""),
    (message("sh:uniqueLang 1"), "shape-value", "not true or false", ""),
    (message("sh:minCount 1, 2"), "shape-value", "stands 2 times", ""),
    (message("sh:in :x"), "shape-value", "is not a list", ""),
    (message("sh:or ( [ sh:class :A ] ) ; sh:in ( 1 ) , ( 2 )"), "shape-value", "stands 2 times", ""),
    (
        ':S a sh:PropertyShape ; sh:path :p ; sh:minCount 1 ; sh:message "a: b" .',
        "shape-target",
        "no target",
        "",
    ),
    (":S a sh:NodeShape ; sh:class :B ; sh:targetClass :A .", "shape-message", "no message", ""),
    (
        ':S a sh:NodeShape ; sh:class :B ; sh:message "No B." ; sh:targetClass :A .',
        "shape-message",
        "no message",
        "",
    ),
    (node("sh:property [ sh:path :p ; sh:minCount 1 ]"), "shape-name", "has no IRI", ""),
    ('[] sh:targetClass :A ; sh:class :B ; sh:message "a: b" .', "shape-name", "no IRI", ""),
    (SOUND + SOUND.replace(":S a", "<http://e/x#S> a"), "shape-name", "code s of another shape", ""),
    (node("sh:node :S"), "shape-recursion", "leads back", ""),
    (node("sh:or ( [ sh:not :S ] )"), "shape-recursion", "leads back", ""),
    (SOUND.replace(":p ;", "[ sh:inversePath ( :p :q ) ] ;"), "shape-path", "inverts a sequence", ""),
    (SOUND.replace(":p ;", "[ sh:zeroOrMorePath [ sh:oneOrMorePath :p ] ] ;"), "shape-path", "repeats", ""),
    (SOUND.replace(":p ;", "( :p ) ;"), "shape-path", "is not a path", ""),
    (SOUND.replace(":p ;", "( :p :p :p :p :p :p :p :p :p :p ) ;"), "shape-path", "is not a path", ""),
    (node("sh:property :T") + ' :T a sh:NodeShape ; sh:message "a: b" .', "shape-path", "has no path", ""),
    (message('sh:pattern "^(a+)+$"'), "shape-pattern", "more than linear", ""),
    (message('sh:pattern "("'), "shape-pattern", "is no regular expression", ""),
    (query("SELECT $this {"), "shape-query", "not SPARQL", ""),
    (query("SELECT $this { $this x:a ?b }"), "shape-query", "'x:' is not declared", ""),
    (query("SELECT $this { ?x ?y ?z }"), "shape-query", "nothing connects to $this", ""),
    (query("SELECT $this { $this ?p ?o MINUS { $this a ?o } }"), "shape-query", "Minus", ""),
    (
        query("SELECT $this { $this :p ?x FILTER(?x < NOW()) }".replace(":p", "<u:p>")),
        "shape-query",
        "NOW",
        "",
    ),
    (query("SELECT $this { $this <u:p> ?x FILTER(REGEX(?x, '(a+)+')) }"), "shape-pattern", "linear", ""),
]


@pytest.mark.parametrize(("shapes", "name", "said", "remedy"), FAULTY)
def test_a_fault_in_a_shape_is_found_and_named(shapes: str, name: str, said: str, remedy: str):
    found = [finding for finding in lint(triples_of(shapes)) if finding.code == name]
    assert [finding for finding in found if said in finding.message and remedy in finding.remedy] != [], found


def test_every_check_of_shapes_finds_something():
    assert {name for _, name, _, _ in FAULTY} == set(CHECKS)


def test_shapes_that_lead_back_to_themselves_are_not_used():
    with pytest.raises(UnsupportedConstruct, match="leads back to itself"):
        Shapes(triples_of(node("sh:node :S")))


# Regular expressions.


@pytest.mark.parametrize(
    "safe", ["^[A-Z].*[.]$", "^https?://[^/]+/.+$", r"^(\w+)(, \w+)*$", "a|b", "^Q[1-9][0-9]*$", ""]
)
def test_an_expression_that_reads_a_text_in_few_ways_is_safe(safe: str):
    assert fault(safe) is None


@pytest.mark.parametrize(
    "unsafe",
    [
        "(a+)+$",
        "^(a|a)*b",
        "^a*a*$",
        "[0-9]+x",
        r"^(\w+\s?)*$",
        "^(a*)*b",
        "^(a?){30}a{30}$",
        "^a{1,9999}$",
        r"^(a)\1",
        "(?=a)",
    ],
)
def test_an_expression_that_can_blow_up_or_cannot_be_followed_is_refused(unsafe: str):
    assert fault(unsafe) is not None


pieces = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", "[^a]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{0,3}"])).map(lambda two: f"(?:{two[0]}){two[1]}"),
    ),
    max_leaves=8,
)


@given(pieces, st.sampled_from(["a", "b", "ab", "aab"]))
def test_what_is_held_safe_is_fast_on_long_texts(piece: str, unit: str):
    """An expression that went through all splits of 3,000 characters would take minutes."""
    pattern = f"^{piece}c$"
    if fault(pattern) is None:
        began = time.process_time()
        re.search(pattern, unit * 3_000)
        assert time.process_time() - began < 2


# What a change can alter.

PATH = ":S a sh:PropertyShape ; sh:path ( :p [ sh:inversePath :q ] ) ; sh:minCount 1 ; sh:targetClass :A . "
BASE = ":a a :A ; :p :b . :c :q :b . :d a :A ; :p :e . "


def test_a_change_at_the_end_of_a_path_leads_back_to_its_start():
    assert affected(PATH, BASE, gone=":c :q :b .") == {"S": {"a"}}
    assert affected(PATH, BASE, new=":f :q :e .") == {"S": {"d"}}


def test_a_change_that_no_shape_reads_affects_nothing():
    assert affected(PATH, BASE, new=":b a :B . :a :r :b . :b :q :a . :x :p :y .") == {}


def test_a_new_target_is_affected_and_one_that_is_no_target_any_more_is_not():
    assert affected(PATH, BASE, new=":x a :A .", gone=":a a :A .") == {"S": {"x"}}


def test_the_class_of_a_value_matters_only_where_it_is_the_one_that_is_asked_for():
    shapes = ":S a sh:PropertyShape ; sh:path :p ; sh:class :B ; sh:targetClass :A ."
    assert affected(shapes, BASE, new=":b a :C .") == {}
    assert affected(shapes, BASE, new=":b a :B .") == {"S": {"a"}}
    assert affected(shapes, BASE + ":C rdfs:subClassOf :B .", new=":b a :C .") == {"S": {"a"}}
    assert affected(shapes, BASE + ":b a :C .", new=":C rdfs:subClassOf :B .") == {"S": {"a"}}


def test_a_query_is_walked_back_through_as_a_path_is():
    shapes = node(
        "sh:sparql [ sh:select 'SELECT $this { $this <http://e/p> ?x . ?y <http://e/q> ?x , <http://e/z> }' ]"
    )
    assert affected(shapes, BASE, new=":c :q :z .") == {"S": {"a"}}
    assert affected(shapes, BASE, new=":c :q :y .") == {}


def test_a_closed_shape_reads_all_that_it_does_not_allow():
    shapes = ":S a sh:NodeShape ; sh:closed true ; sh:ignoredProperties ( rdf:type :p ) ; sh:targetClass :A ."
    assert affected(shapes, BASE, new=":a :p :c .") == {}
    assert affected(shapes, BASE, new=":a :r :c .") == {"S": {"a"}}
    assert Shapes(triples_of(shapes)).predicates is None


def test_literals_and_nodes_outside_the_base_can_be_targets():
    shapes = ":S a sh:PropertyShape ; sh:path :r ; sh:minCount 1 ; sh:targetObjectsOf :p ; sh:targetNode :n ."
    assert affected(shapes, BASE, new=":a :p 7 . :n :r 1 .") == {"S": {"7", "n"}}


def test_what_the_shapes_read_is_known():
    assert Shapes(triples_of(PATH)).predicates == {
        NamedNode("http://e/p"),
        NamedNode("http://e/q"),
        iri("rdf:type"),
        iri("rdfs:subClassOf"),
    }


# Queries of constraints.


def test_patterns_are_put_in_an_order_that_starts_from_this():
    text = "SELECT $this { ?x a <u:C> . ?y <u:p> ?x . $this <u:q>/^<u:r> ?y }"
    found = [(read.origin, path_text(read.path), read.target) for read in reads(text)]
    assert found == [
        (0, "<u:q>/^<u:r>", 1),
        (1, "<u:p>", 2),
        (2, str(iri("rdf:type")), 3),
    ]


def test_a_value_that_is_only_perhaps_there_connects_nothing():
    with pytest.raises(UnsupportedConstruct, match="nothing connects"):
        reads("SELECT $this { OPTIONAL { $this <u:a> ?x } ?y <u:b> ?x }")
    assert len(reads("SELECT $this { OPTIONAL { $this <u:a> ?x . ?y <u:b> ?x } }")) == 2


def test_a_query_is_parsed_once_in_whatever_order_its_prefixes_come():
    body = "SELECT $this { $this a:p ?x ; b:q ?x }"
    one, two = "PREFIX a: <u:a>\nPREFIX b: <u:b>\n", "PREFIX b: <u:b>\nPREFIX a: <u:a>\n"
    assert prepare(one + body) is prepare(two + body)


def test_the_code_of_a_finding_is_the_name_of_its_shape():
    assert shape_code(iri("shape:HeadOfTwoStates")) == "head-of-two-states"
