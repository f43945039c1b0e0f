"""The view is what owlrl derives from ontology and facts together, less the noise that docs/rules.md lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import rdflib
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from owlrl.OWLRL import OWLRL_Semantics
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

import kg
from kg.bases.bulk import examine, file_part
from kg.bases.cache import seed_files
from kg.errors import UnsupportedConstruct
from kg.logic.reason import clashes, close
from kg.logic.rules import SUPPORTED, Rule, compile_rules
from kg.logic.schema import iris
from kg.terms import PREFIXES, VIEW, iri

HERE = Path(__file__).parent
CASES = sorted((HERE / "rules").glob("*.ttl"))
EX = "https://example.org/"
NOTES = iris("rdfs:label rdfs:comment rdfs:seeAlso rdfs:isDefinedBy owl:versionInfo")
TERM_KINDS = iris(
    """owl:Class rdfs:Class rdfs:Datatype owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty
    owl:Ontology owl:Restriction rdf:Property sh:SPARQLRule"""
)
OF_TERMS = iris(
    """rdfs:subClassOf rdfs:subPropertyOf rdfs:domain rdfs:range owl:equivalentClass owl:equivalentProperty
    owl:disjointWith owl:inverseOf owl:propertyDisjointWith owl:propertyChainAxiom owl:hasKey"""
)
TYPE, SAME = iri("rdf:type"), iri("owl:sameAs")


def read(*texts: str | Path) -> list[Triple]:
    return [
        quad.triple
        for text in texts
        for quad in (parse(path=text) if isinstance(text, Path) else parse(text, format=RdfFormat.TURTLE))
    ]


# the view, as Parley makes it


class Counting:
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        self.store = Store()
        self.updates = self.queries = 0

    def update(self, text: str, /) -> None:
        self.updates += 1
        self.store.update(text)

    def query(self, text: str, /) -> Any:
        self.queries += 1
        return self.store.query(text)


def view(rules: Iterable[Rule], facts: Iterable[Triple]) -> tuple[set[Triple], list[Rule]]:
    store = Store()
    store.extend(Quad(fact.subject, fact.predicate, fact.object, VIEW) for fact in facts)
    close(store, rules)
    assert {quad.graph_name for quad in store} <= {VIEW}, "the closure leaves no other graph behind"
    return {quad.triple for quad in store}, [rule for rule, _ in clashes(store, rules)]


# the view, as owlrl makes it


def to_rdflib(term: Any) -> Any:
    if isinstance(term, NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, BlankNode):
        return rdflib.BNode(term.value)
    return rdflib.Literal(
        term.value, lang=term.language, datatype=None if term.language else term.datatype.value
    )


def from_rdflib(term: Any) -> Any:
    if isinstance(term, rdflib.URIRef):
        return NamedNode(str(term))
    if isinstance(term, rdflib.BNode):
        return BlankNode(str(term))
    if term.language:
        return Literal(str(term), language=term.language)
    return Literal(str(term), datatype=NamedNode(str(term.datatype or rdflib.XSD.string)))


def with_last_members_twice(graph: rdflib.Graph) -> None:
    """Repeat last members: owlrl passes over that of owl:AllDifferent, AllDisjointProperties and hasKey.

    For a key that means that all members of a class with any value of a one-part key become one thing. With
    the last member twice in the list, the one that is passed over is a repetition.
    """
    lists = list(graph.objects(None, rdflib.OWL.hasKey))
    for kind in (rdflib.OWL.AllDifferent, rdflib.OWL.AllDisjointProperties):
        for node in graph.subjects(rdflib.RDF.type, kind):
            lists += graph.objects(node, rdflib.OWL.members)
            lists += graph.objects(node, rdflib.OWL.distinctMembers)
    for head in lists:
        cell = head
        while (rest := graph.value(cell, rdflib.RDF.rest)) != rdflib.RDF.nil:
            cell = rest
        again = rdflib.BNode()
        graph.set((cell, rdflib.RDF.rest, again))
        graph.add((again, rdflib.RDF.first, graph.value(cell, rdflib.RDF.first)))
        graph.add((again, rdflib.RDF.rest, rdflib.RDF.nil))


def oracle(ontology: list[Triple], facts: list[Triple]) -> tuple[set[Triple], list[str]]:
    """What follows by owlrl, filtered as docs/rules.md says, and the contradictions that it found."""
    own = {t.subject: t.object.value for t in ontology if t.predicate == iri("sh:construct")}
    declared = {
        t.subject for t in ontology if t.object in map(iri, ("owl:ObjectProperty", "owl:DatatypeProperty"))
    }
    reserved = tuple(PREFIXES[name] for name in ("owl", "rdf", "rdfs"))
    graph = rdflib.Graph()
    for triple in [*ontology, *facts]:
        says = triple.predicate in declared or triple.predicate.value.startswith(reserved)
        notes = triple.predicate in NOTES or triple.subject in own
        if triple in facts or (says and not notes):
            graph.add((to_rdflib(triple.subject), to_rdflib(triple.predicate), to_rdflib(triple.object)))
    with_last_members_twice(graph)
    errors: list[str] = []
    for _ in range(20):
        semantics = OWLRL_Semantics(graph, axioms=False, daxioms=False)
        semantics.closure()
        errors += semantics.error_messages
        known = len(graph)
        for construct in own.values():
            graph += graph.query(construct, initNs=PREFIXES).graph
        if len(graph) == known:
            break
    derived = {Triple(*map(from_rdflib, t)) for t in graph if not isinstance(t[0], rdflib.Literal)}
    # two values of a functional datatype property become the same for owlrl, which has no dt-diff
    errors += [
        f"{s} and {o} are the same"
        for s, o in graph.subject_objects(rdflib.OWL.sameAs)
        if isinstance(s, rdflib.Literal) and s != o
    ]
    return keep(derived, ontology), errors


def keep(derived: set[Triple], ontology: list[Triple]) -> set[Triple]:
    """The filter of docs/rules.md, in its order."""
    terms = {
        t.subject
        for t in ontology
        if (t.predicate == TYPE and t.object in TERM_KINDS) or t.predicate in OF_TERMS
    }
    terms |= {t.object for t in ontology if t.predicate in OF_TERMS}
    reserved = tuple(PREFIXES[name] for name in ("owl", "rdf", "rdfs", "xsd", "sh"))
    return {
        t
        for t in derived
        if not (t.predicate == SAME and t.subject == t.object)
        and not isinstance(t.subject, BlankNode)
        and not isinstance(t.object, BlankNode)
        and not (
            t.predicate == TYPE and t.object in map(iri, ("owl:Thing", "owl:Nothing", "owl:NamedIndividual"))
        )
        and t.subject not in terms
        and not t.subject.value.startswith(reserved)
    }


def assert_same_view(ontology: list[Triple], facts: list[Triple], rules: tuple[Rule, ...] = ()) -> None:
    rules = rules or compile_rules(ontology)
    ours, broken = view(rules, facts)
    theirs, errors = oracle(ontology, facts)
    assert bool(broken) == bool(errors)
    assert ours - theirs == set()
    assert theirs - ours == set()


# one small ontology for each rule

REDUNDANT = {"eq-trans"}
"""What eq-rep-s and eq-rep-o give in any case; the specification has it all the same."""

RULES = {path.stem: path for path in CASES}


def parts(name: str) -> tuple[list[Triple], list[Triple], set[Triple] | None]:
    """The ontology, the facts, and what follows from them in a file; ``None`` for a clash."""
    ontology, _, rest = RULES[name].read_text(encoding="utf-8").partition("# facts\n")
    facts, follows, expected = rest.partition("# follows\n")
    header = ontology[: ontology.index("\n\n") + 1]
    return read(ontology), read(header + facts), set(read(header + expected)) if follows else None


def test_there_is_one_small_ontology_for_each_supported_rule() -> None:
    assert RULES.keys() == SUPPORTED.keys()


@pytest.mark.parametrize("name", RULES)
def test_each_rule_gives_what_its_file_says_follows(name: str) -> None:
    ontology, facts, expected = parts(name)
    rules = compile_rules(ontology)
    derived, broken = view(rules, facts)
    if expected is None:
        assert [rule for rule in broken if name in rule.names]
    else:
        assert not broken
        assert expected <= derived
        without = view([rule for rule in rules if name not in rule.names], facts)[0]
        assert name in REDUNDANT or not expected <= without, "another rule does the same"


@pytest.mark.parametrize("name", RULES)
def test_each_rule_gives_what_owlrl_gives(name: str) -> None:
    ontology, facts, _ = parts(name)
    assert_same_view(ontology, facts)


@pytest.mark.parametrize("name", [name for name in RULES if parts(name)[2] is None])
def test_a_clash_needs_every_one_of_its_facts(name: str) -> None:
    ontology, facts, _ = parts(name)
    for without in facts:
        assert not view(compile_rules(ontology), [fact for fact in facts if fact != without])[1]


# random graphs

HEADER = """
@prefix : <https://example.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
VARIED = (
    HEADER
    + """
:A a owl:Class . :B a owl:Class ; rdfs:subClassOf :A . :C a owl:Class ; owl:equivalentClass :D . :D a owl:Class .
:E a owl:Class ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:allValuesFrom :B ] .
:p a owl:ObjectProperty ; rdfs:domain :A ; rdfs:subPropertyOf :q .
:q a owl:ObjectProperty , owl:TransitiveProperty ; rdfs:range :C .
:r a owl:ObjectProperty , owl:SymmetricProperty ; owl:propertyChainAxiom ( :p :q ) , ( :s :r ) .
:s a owl:ObjectProperty ; owl:inverseOf :t . :t a owl:ObjectProperty .
:f a owl:ObjectProperty , owl:FunctionalProperty ; rdfs:range :A .
:n a owl:DatatypeProperty ; rdfs:domain :E ; rdfs:range xsd:string .
:m a owl:DatatypeProperty ; rdfs:subPropertyOf :n .
[ a owl:Restriction ; owl:onProperty :r ; owl:someValuesFrom
    [ a owl:Class ; owl:unionOf ( :B [ a owl:Restriction ; owl:onProperty :t ; owl:hasValue :i1 ] ) ] ]
    rdfs:subClassOf [ a owl:Class ; owl:intersectionOf
    ( :D [ a owl:Restriction ; owl:onProperty :s ; owl:hasValue :i2 ] ) ] .
[ a owl:Class ; owl:oneOf ( :i1 :i2 ) ] rdfs:subClassOf :A .
[ a owl:Class ; owl:intersectionOf ( :E [ a owl:Class ; owl:oneOf ( :i3 :i4 ) ] ) ] rdfs:subClassOf :B .
:i1 :p :i2 .
"""
)


def vocabulary(ontology: list[Triple]) -> tuple[list[Any], list[Any], dict[Any, str]]:
    """Classes, object properties, and datatype properties with the local name of their datatype."""
    kinds: dict[str, list[Any]] = {"Class": [], "ObjectProperty": [], "DatatypeProperty": []}
    for triple in sorted(ontology, key=str):
        name = str(getattr(triple.object, "value", "")).rpartition("#")[2]
        if triple.predicate == TYPE and name in kinds and isinstance(triple.subject, NamedNode):
            kinds[name].append(triple.subject)
    ranges = {
        t.subject: t.object.value.rpartition("#")[2] for t in ontology if t.predicate == iri("rdfs:range")
    }
    return (
        kinds["Class"],
        kinds["ObjectProperty"],
        {p: ranges.get(p, "string") for p in kinds["DatatypeProperty"]},
    )


@st.composite
def graphs(
    draw: st.DrawFn, ontology: list[Triple], rules: tuple[Rule, ...], things: list[NamedNode], most: int
) -> list[Triple]:
    """Some facts in the words of a few rules. No literal comes twice, for owlrl may take two for the same."""
    classes, relations, values = vocabulary(ontology)
    firing = draw(st.lists(st.sampled_from([r for r in rules if r.axiom and r.body]), min_size=2, max_size=4))
    used = {pattern[1] for rule in firing for pattern in rule.body}
    thing = st.sampled_from(things)
    said = [st.tuples(thing, st.just(TYPE), st.sampled_from(classes))]
    for predicate in sorted(used & {*relations}, key=str):
        said.append(st.tuples(thing, st.just(predicate), thing))
    for predicate in sorted(used & {*values}, key=str):
        said.append(st.tuples(thing, st.just(predicate), st.none()))
    drawn = draw(st.lists(st.one_of(said), min_size=most // 2, max_size=most))
    found = [
        (subject, predicate, value or literal(values[predicate], subject, number))
        for number, (subject, predicate, value) in enumerate(drawn)
    ]
    return [Triple(*said) for said in found if said[2] is not None]


def literal(datatype: str, subject: NamedNode, number: int) -> Literal | None:
    if datatype in ("integer", "nonNegativeInteger", "decimal"):
        return Literal(str(number + 2), datatype=iri(f"xsd:{datatype}"))
    return Literal(f"{subject.value} {number}") if datatype == "string" else None


SETTINGS = settings(
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # owlrl is too slow to look for the smallest failure
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
WORDS = read(VARIED)
WORD_RULES = compile_rules(WORDS)


@settings(SETTINGS, max_examples=60)
@given(graphs(WORDS, WORD_RULES, [NamedNode(f"{EX}i{number}") for number in range(1, 6)], 14))
def test_any_graph_over_a_varied_ontology_closes_as_owlrl_closes_it(facts: list[Triple]) -> None:
    assert_same_view(WORDS, facts, WORD_RULES)


@settings(SETTINGS, max_examples=60)
@given(graphs(WORDS, WORD_RULES, [NamedNode(f"{EX}i{number}") for number in range(1, 5)], 8), st.data())
def test_equality_in_the_facts_closes_as_owlrl_closes_it(facts: list[Triple], data: st.DataObject) -> None:
    thing = st.sampled_from([NamedNode(f"{EX}i{number}") for number in range(1, 5)])
    pairs = data.draw(
        st.lists(st.tuples(thing, thing).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=2)
    )
    assert_same_view(WORDS, [*facts, *(Triple(one, SAME, two) for one, two in pairs)], WORD_RULES)


ONTOLOGY = read(*sorted((HERE.parent / "ontology").glob("*.ttl")))
OURS = compile_rules(ONTOLOGY)
GRAPHS_AT_ONCE = 10


@settings(SETTINGS, max_examples=20)
@given(
    st.tuples(
        *(
            graphs(ONTOLOGY, OURS, [NamedNode(f"{EX}g{number}-{name}") for name in "abcdef"], 20)
            for number in range(GRAPHS_AT_ONCE)
        )
    )
)
def test_any_graph_over_our_ontology_closes_as_owlrl_closes_it(several: tuple[list[Triple], ...]) -> None:
    """Ten graphs at a time, of which no two name the same thing, since owlrl is slow: 200 in all."""
    facts = list(itertools.chain(*several))
    store = Store()
    store.extend(Quad(fact.subject, fact.predicate, fact.object, VIEW) for fact in facts)
    close(store, OURS)
    theirs, errors = oracle(ONTOLOGY, facts)
    assert {quad.triple for quad in store} == theirs
    broken = {graph_of(str(term)) for _, found in clashes(store, OURS) for term in found.values()}
    assert broken - {""} == {graph_of(message) for message in errors}


def graph_of(text: str) -> str:
    return text.partition(EX)[2].partition("-")[0]


# order, cost and limits


def test_a_long_chain_needs_few_rounds() -> None:
    """A transitive property doubles its reach in each round; linear rounds would be hundreds of updates."""
    rules = compile_rules(read(HEADER + ":p a owl:ObjectProperty , owl:TransitiveProperty ."))
    store = Counting()
    names = [NamedNode(f"{EX}n{number:03}") for number in range(200)]
    store.store.extend(Quad(one, NamedNode(EX + "p"), two, VIEW) for one, two in itertools.pairwise(names))
    close(store, rules)
    assert len(store.store) == 200 * 199 // 2
    assert store.updates < 60


def test_rules_run_in_the_order_of_their_dependencies_whatever_the_order_they_come_in() -> None:
    classes = [f":C{number} a owl:Class ." for number in range(40)]
    steps = [f":p{number} a owl:ObjectProperty ; rdfs:domain :C{number} ." for number in range(40)]
    axioms = [
        f"[ a owl:Restriction ; owl:onProperty :q ; owl:someValuesFrom :C{number} ] rdfs:subClassOf :C{number + 1} ."
        for number in range(39)
    ]
    rules = compile_rules(read(HEADER + " ".join([*classes, *steps, *axioms, ":q a owl:ObjectProperty ."])))
    facts = read(
        HEADER + ":a :p0 :b . " + " ".join(f":a{n + 1} :q :a{n} ." for n in range(39)) + ":a1 :q :a ."
    )
    forwards, backwards = view(rules, facts)[0], view(tuple(reversed(rules)), facts)[0]
    assert forwards == backwards
    assert Triple(NamedNode(EX + "a39"), TYPE, NamedNode(EX + "C39")) in forwards


def test_without_equality_in_the_facts_its_rules_cost_one_question() -> None:
    rules = compile_rules(read(HEADER + ":p a owl:ObjectProperty , owl:FunctionalProperty ."))
    store = Counting()
    close(store, rules)
    assert (store.updates, store.queries) == (1, 1)


def test_a_rule_that_computes_without_end_is_stopped() -> None:
    text = (
        ":r a <http://www.w3.org/ns/shacl#SPARQLRule> ; <http://www.w3.org/ns/shacl#construct> "
        "'''PREFIX : <https://example.org/> CONSTRUCT { ?x :q ?z } "
        "WHERE { ?x :q ?y BIND(IRI(CONCAT(STR(?y), \"/next\")) AS ?z) }''' ."
    )
    with pytest.raises(UnsupportedConstruct, match=r"r: a SPARQL rule does not come to an end"):
        view(compile_rules(read(HEADER + text)), read(HEADER + ":a :q :b ."))


def test_closing_again_adds_nothing_and_other_graphs_stay_as_they_are() -> None:
    store = Store()
    store.extend(
        Quad(t.subject, t.predicate, t.object, VIEW) for t in read(HEADER + ":i1 :p :i2 . :i2 :p :i3 .")
    )
    store.add(Quad(NamedNode(EX + "x"), NamedNode(EX + "p"), NamedNode(EX + "y"), NamedNode(EX + "claim")))
    close(store, WORD_RULES)
    once = set(store)
    close(store, WORD_RULES)
    assert set(store) == once
    assert len(list(store.quads_for_pattern(None, None, None, NamedNode(EX + "claim")))) == 1


def test_progress_counts_up_to_all_groups_of_rules() -> None:
    seen: list[tuple[int, int]] = []
    close(Store(), WORD_RULES, progress=lambda done, of: seen.append((done, of)))
    assert [done for done, _ in seen] == list(range(len(seen)))
    assert seen[-1] == (len(seen) - 1, len(seen) - 1)


def test_a_clash_comes_with_its_bindings() -> None:
    ontology, facts, _ = parts("cax-dw")
    store = Store()
    store.extend(Quad(t.subject, t.predicate, t.object, VIEW) for t in facts)
    [(rule, found)] = clashes(store, compile_rules(ontology))
    assert rule.names == ("cax-dw",)
    assert found == {"x": NamedNode(EX + "a")}


def as_integer(triple: Triple) -> Triple:
    """Take a whole decimal for an integer: rdflib multiplies integers to decimals, against SPARQL 1.1, 17.3."""
    value = triple.object
    if isinstance(value, Literal) and value.datatype == iri("xsd:decimal") and value.value.isdigit():
        return Triple(triple.subject, triple.predicate, Literal(value.value, datatype=iri("xsd:integer")))
    return triple


def test_the_view_of_the_article_is_what_owlrl_derives() -> None:
    """The built-in base, as anyone exports it, against owlrl over the ontology, the claims and reference data."""
    facts = [quad.triple for quad in examine([file_part(path) for path in seed_files()]).held()]
    derived, errors = oracle(ONTOLOGY, facts)
    ours = {quad.triple for quad in parse(kg.open().export("ntriples"), RdfFormat.N_TRIPLES)}
    theirs = set(map(as_integer, derived))
    assert errors == []
    assert ours - theirs == set()
    assert theirs - ours == set()
    assert len(ours - set(facts)) > 200
