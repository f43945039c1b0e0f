"""The view is what owlrl derives from ontology and facts together, less the noise that docs/rules.md lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import rdflib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from owlrl.OWLRL import OWLRL_Semantics
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg.reason import clashes, close
from kg.rules import SUPPORTED, Rule, compile_rules
from kg.terms import VIEW, iri

HERE = Path(__file__).parent
CASES = sorted((HERE / "rules").glob("*.ttl"))
EX = "https://example.org/"
NOTES = {iri(name) for name in ("rdfs:label", "rdfs:comment", "rdfs:seeAlso", "rdfs:isDefinedBy", "owl:versionInfo")}
TERM_KINDS = {
    iri(name)
    for name in (
        "owl:Class rdfs:Class rdfs:Datatype owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty "
        "owl:Ontology owl:Restriction rdf:Property sh:SPARQLRule"
    ).split()
}
OF_TERMS = {
    iri(name)
    for name in (
        "rdfs:subClassOf rdfs:subPropertyOf rdfs:domain rdfs:range owl:equivalentClass owl:equivalentProperty "
        "owl:disjointWith owl:inverseOf owl:propertyDisjointWith owl:propertyChainAxiom owl:hasKey"
    ).split()
}
TYPE, SAME = iri("rdf:type"), iri("owl:sameAs")


def read(*texts: str | Path) -> list[Triple]:
    return [
        quad.triple
        for text in texts
        for quad in (parse(path=text) if isinstance(text, Path) else parse(text, format=RdfFormat.TURTLE))
    ]


# the view, as Parley makes it


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
    return rdflib.Literal(term.value, lang=term.language, datatype=None if term.language else term.datatype.value)


def from_rdflib(term: Any) -> Any:
    if isinstance(term, rdflib.URIRef):
        return NamedNode(str(term))
    if isinstance(term, rdflib.BNode):
        return BlankNode(str(term))
    if term.language:
        return Literal(str(term), language=term.language)
    return Literal(str(term), datatype=NamedNode(str(term.datatype or rdflib.XSD.string)))


def with_last_members_twice(graph: rdflib.Graph) -> None:
    """owlrl passes over the last member of owl:AllDifferent, owl:AllDisjointProperties and owl:hasKey.

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


def oracle(ontology: list[Triple], facts: list[Triple]) -> tuple[set[Triple], bool]:
    """What follows by owlrl, filtered as docs/rules.md says, and whether it found a contradiction."""
    own = {t.subject: t.object.value for t in ontology if t.predicate == iri("sh:construct")}
    graph = rdflib.Graph()
    for triple in [*ontology, *facts]:
        if triple.predicate not in NOTES and triple.subject not in own:
            graph.add((to_rdflib(triple.subject), to_rdflib(triple.predicate), to_rdflib(triple.object)))
    with_last_members_twice(graph)
    errors = False
    for _ in range(20):
        semantics = OWLRL_Semantics(graph, axioms=False, daxioms=False)
        semantics.closure()
        errors = errors or bool(semantics.error_messages)
        known = len(graph)
        for construct in own.values():
            graph += graph.query(construct, initNs=prefixes()).graph
        if len(graph) == known:
            break
    derived = {Triple(*map(from_rdflib, t)) for t in graph if not isinstance(t[0], rdflib.Literal)}
    two_values = any(
        isinstance(s, rdflib.Literal) and isinstance(o, rdflib.Literal) and s != o
        for s, o in graph.subject_objects(rdflib.OWL.sameAs)
    )
    return keep(derived, ontology), errors or two_values


def prefixes() -> dict[str, str]:
    from kg.terms import PREFIXES

    return PREFIXES


def keep(derived: set[Triple], ontology: list[Triple]) -> set[Triple]:
    """The filter of docs/rules.md, in its order."""
    terms = {t.subject for t in ontology if (t.predicate == TYPE and t.object in TERM_KINDS) or t.predicate in OF_TERMS}
    terms |= {t.object for t in ontology if t.predicate in OF_TERMS}
    reserved = tuple(prefixes()[name] for name in ("owl", "rdf", "rdfs", "xsd", "sh"))
    return {
        t
        for t in derived
        if not (t.predicate == SAME and t.subject == t.object)
        and not isinstance(t.subject, BlankNode)
        and not isinstance(t.object, BlankNode)
        and not (t.predicate == TYPE and t.object in (iri("owl:Thing"), iri("owl:NamedIndividual")))
        and t.subject not in terms
        and not t.subject.value.startswith(reserved)
    }


def assert_same_view(ontology: list[Triple], facts: list[Triple], rules: tuple[Rule, ...] | None = None) -> None:
    rules = rules or compile_rules(ontology)
    ours, broken = view(rules, facts)
    theirs, contradiction = oracle(ontology, facts)
    assert bool(broken) == contradiction
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
