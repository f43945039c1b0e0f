"""What becomes of the axioms of an ontology, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, Triple, Variable, parse

from kg.errors import UnsupportedConstruct
from kg.logic.reason import close
from kg.logic.rules import SUPPORTED, Rule, compile_rules, insertion
from kg.terms import VIEW, iri

ROOT = Path(__file__).parent.parent
PREFIXES = """
@prefix : <https://example.org/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
DECLARED = PREFIXES + (
    ":A a owl:Class . :B a owl:Class . :p a owl:ObjectProperty . :q a owl:ObjectProperty ."
    ":d a owl:DatatypeProperty . :t a owl:ObjectProperty , owl:TransitiveProperty . :a a owl:NamedIndividual ."
)


def ex(name: str) -> NamedNode:
    return NamedNode(f"https://example.org/{name}")


def read(text: str) -> list[Triple]:
    return [quad.triple for quad in parse(text, format=RdfFormat.TURTLE)]


def rules_of(text: str) -> list[Rule]:
    """The rules of some axioms, less those that every ontology has."""
    always = compile_rules(read(DECLARED))
    return [rule for rule in compile_rules(read(DECLARED + text)) if rule not in always]


def own(construct: str, more: str = "") -> str:
    return f':rule a sh:SPARQLRule ; sh:construct """PREFIX : <https://example.org/> {construct}""" {more} .'


def restriction(what: str, on: str = ":p") -> str:
    return f"[ a owl:Restriction ; owl:onProperty {on} ; {what} ]"


UNSUPPORTED = {
    # class expressions where OWL 2 RL does not have them
    f":A rdfs:subClassOf {restriction('owl:someValuesFrom :B')} .": "owl:someValuesFrom cannot stand in a superclass",
    f"{restriction('owl:allValuesFrom :B')} rdfs:subClassOf :A .": "owl:allValuesFrom cannot stand in a subclass",
    ":A rdfs:subClassOf [ a owl:Class ; owl:unionOf ( :A :B ) ] .": "owl:unionOf cannot stand in a superclass",
    ":A rdfs:subClassOf [ a owl:Class ; owl:oneOf ( :a ) ] .": "owl:oneOf cannot stand in a superclass",
    "[ a owl:Class ; owl:complementOf :A ] rdfs:subClassOf :B .": "owl:complementOf cannot stand in a subclass",
    ":A owl:equivalentClass [ a owl:Class ; owl:unionOf ( :A :B ) ] .": "cannot be an equivalent class",
    ":A owl:equivalentClass [ a owl:Class ; owl:oneOf ( :a ) ] .": "cannot be an equivalent class",
    f":A owl:equivalentClass {restriction('owl:someValuesFrom :B')} .": "cannot be an equivalent class",
    f":p rdfs:domain {restriction('owl:someValuesFrom :B', ':q')} .": "cannot stand in a superclass",
    "owl:Thing rdfs:subClassOf :A .": "owl:Thing cannot stand in a subclass",
    ":A owl:unionOf ( :A :B ) .": "owl:unionOf is nothing that the rules know in this place",
    # constructs that OWL 2 RL does not have
    f":A rdfs:subClassOf {restriction('owl:minCardinality 2')} .": "owl:minCardinality makes no class expression",
    f":A rdfs:subClassOf {restriction('owl:cardinality 1')} .": "owl:cardinality makes no class expression",
    f":A rdfs:subClassOf {restriction('owl:hasSelf true')} .": "owl:hasSelf makes no class expression",
    f":A rdfs:subClassOf {restriction('owl:maxCardinality 2')} .": "is a cardinality that OWL 2 RL does not have",
    f":A rdfs:subClassOf {restriction('owl:maxQualifiedCardinality 1 ; owl:onDataRange xsd:string', ':d')} .": (
        "owl:onDataRange makes no class expression"
    ),
    ":A owl:disjointUnionOf ( :A :B ) .": "owl:disjointUnionOf",
    ":p a owl:ReflexiveProperty .": "owl:ReflexiveProperty is not supported",
    ":p rdfs:subPropertyOf owl:topObjectProperty .": "owl:topObjectProperty cannot be used as a property",
    ":A owl:sameClassAs :B .": "owl:sameClassAs",
    ":A rdfs:subclassOf :B .": "rdfs:subclassOf",
    ":A a owl:Klass .": "owl:Klass is not supported",
    "<https://example.org/> a owl:Ontology ; owl:imports <https://example.org/other> .": "owl:imports",
    "[] a owl:Axiom ; owl:annotatedSource :A ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget :B .": (
        "owl:Axiom is not supported"
    ),
    # datatypes
    ":d rdfs:range xsd:date .": "xsd:date is no datatype of OWL 2 RL",
    ":d rdfs:range owl:real .": "cannot be used as a class|is not a datatype",
    ":code a rdfs:Datatype .": "is no datatype of OWL 2 RL",
    ":d rdfs:range [ a rdfs:Datatype ; owl:onDatatype xsd:int ; owl:withRestrictions ( [ xsd:minInclusive 1 ] ) ] .": (
        "is no datatype of OWL 2 RL|is not a datatype"
    ),
    ":d rdfs:range :A .": "is not a datatype, but the property has literals",
    ":p rdfs:range xsd:string .": "cannot be used as a class",
    f"{restriction('owl:someValuesFrom xsd:string', ':d')} rdfs:subClassOf :A .": "xsd:string cannot be used",
    # kinds of terms
    ":p a owl:DatatypeProperty .": "is declared as more than one kind",
    ":A a owl:ObjectProperty .": "is declared as more than one kind",
    ":A a owl:NamedIndividual .": "is declared as more than one kind",
    ":A :p :a .": "is a term, and facts are stated of individuals only",
    ":A a :B .": "is a term, and facts are stated of individuals only",
    ":A owl:sameAs :B .": "is a term",
    ":A rdfs:domain :B .": "cannot be used as a property",
    ":A rdfs:subClassOf :p .": "cannot be used as a class",
    ":A rdfs:subClassOf 1 .": "cannot be used as a class",
    ":d a owl:SymmetricProperty .": "is a datatype property",
    ":d a owl:InverseFunctionalProperty .": "is a datatype property",
    ":d owl:inverseOf :p .": "is a datatype property",
    ":p owl:propertyChainAxiom ( :p :d ) .": "is a datatype property",
    ":u a owl:FunctionalProperty .": "is declared neither for things nor for literals",
    "[] :p :a .": "is part of a fact with a blank node",
    ":a :p [] .": "is part of a fact with a blank node",
    # properties that are not simple
    ":t a owl:FunctionalProperty .": "is transitive, or follows from a chain",
    ":t a owl:IrreflexiveProperty .": "is transitive, or follows from a chain",
    ":t a owl:AsymmetricProperty .": "is transitive, or follows from a chain",
    ":t owl:propertyDisjointWith :p .": "is transitive, or follows from a chain",
    ":t rdfs:subPropertyOf :p . :p a owl:AsymmetricProperty .": "is transitive, or follows from a chain",
    ":i a owl:ObjectProperty , owl:InverseFunctionalProperty ; owl:inverseOf :t .": "is transitive, or follows",
    ":q owl:propertyChainAxiom ( :p :p ) . :q a owl:FunctionalProperty .": "is transitive, or follows from a chain",
    f":A rdfs:subClassOf {restriction('owl:maxCardinality 1', ':t')} .": "is transitive, or follows from a chain",
    # shapes that are broken
    ":p owl:propertyChainAxiom [ rdf:first :p ] .": "rdf:rest stands 0 times",
    "[] a owl:AllDisjointClasses .": "owl:members stands 0 times",
    ":p owl:propertyChainAxiom () .": "is an empty list",
    "_:l rdf:first :p ; rdf:rest _:l . :p owl:propertyChainAxiom _:l .": "makes a list that never ends",
    f":A rdfs:subClassOf {restriction('owl:allValuesFrom :B ; owl:hasValue :a')} .": "makes no class expression",
    # rules of our own
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y OPTIONAL { ?y :p ?z } }"): "LeftJoin",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y MINUS { ?y :p ?x } }"): "Minus",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y FILTER NOT EXISTS { ?y :p ?x } }"): "NOTEXISTS",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y FILTER EXISTS { ?y :p ?x } }"): "EXISTS",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p+ ?y }"): "a property path",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p/:q ?y }"): "a property path",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p [ :p ?y ] }"): "a blank node",
    own("CONSTRUCT { ?x :q [] } WHERE { ?x :p ?y }"): "a blank node",
    own("CONSTRUCT { ?x :q ?y } WHERE { { ?x :p ?y } UNION { ?y :p ?x } }"): "Union",
    own("CONSTRUCT { ?x :q ?y } WHERE { GRAPH :g { ?x :p ?y } }"): "Graph",
    own("CONSTRUCT { ?x :q ?y } WHERE { SERVICE :s { ?x :p ?y } }"): "Service",
    own("CONSTRUCT { ?x :q ?n } WHERE { SELECT ?x (COUNT(?y) AS ?n) { ?x :p ?y } GROUP BY ?x }"): "the kind",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y } LIMIT 1"): "not a plain CONSTRUCT",
    own("CONSTRUCT { ?x :q ?y } FROM :g WHERE { ?x :p ?y }"): "not a plain CONSTRUCT",
    own("CONSTRUCT WHERE { ?x :p ?y }"): "not a plain CONSTRUCT",
    own("CONSTRUCT {} WHERE { ?x :p ?y }"): "not a plain CONSTRUCT",
    own("SELECT * { ?x :p ?y }"): "not a plain CONSTRUCT",
    own("CONSTRUCT { ?x :q ?z } WHERE { ?x :p ?y }"): "constructs with \\?z",
    own("CONSTRUCT { :a :q ?z } WHERE { BIND(1 AS ?z) }"): "no triple pattern",
    own("CONSTRUCT { ?x :q ?y } WHERE { BIND(:a AS ?y) ?x :p ?y }"): "binds \\?y",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y { ?x :q ?z FILTER(?z > 1) } }"): "nested group",
    own("CONSTRUCT { ?x :q ?z } WHERE { ?x :p ?y BIND(RAND() AS ?z) }"): "RAND",
    own("CONSTRUCT { ?x :q ?z } WHERE { ?x :p ?y BIND(:f(?y) AS ?z) }"): "not without extensions",
    own("CONSTRUCT { ?x :q ?y WHERE { ?x :p ?y }"): "is not SPARQL",
    own("CONSTRUCT { ?x none:q ?y } WHERE { ?x :p ?y }"): "is not SPARQL",
    own("CONSTRUCT { ?x :q ?y } WHERE { ?x :p ?y }", "; sh:order 1"): "in SHACL",
    ":rule a sh:SPARQLRule .": "has no sh:construct",
    "[] a sh:SPARQLRule ; sh:construct 'CONSTRUCT { ?x ?y ?z } WHERE { ?z ?y ?x }' .": "needs a name",
    ":Shape a sh:NodeShape ; sh:targetClass :A .": "in SHACL",
}


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_what_the_rules_cannot_do_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedConstruct, match=UNSUPPORTED[text]) as refusal:
        compile_rules(read(DECLARED + text))
    assert "\n" not in str(refusal.value)
    assert refusal.value.where or "SHACL" in refusal.value.what


def test_a_refusal_shows_the_axiom_without_blank_nodes() -> None:
    text = f":A rdfs:subClassOf {restriction('owl:minCardinality 2')} ."
    with pytest.raises(UnsupportedConstruct) as refusal:
        compile_rules(read(DECLARED + text))
    assert "_:" not in str(refusal.value)
    assert "owl:onProperty <https://example.org/p>" in str(refusal.value)


def test_annotations_in_any_vocabulary_are_passed_over() -> None:
    text = ':A rdfs:label "a"@en ; skos:definition "b"@en ; :note :B . :note a owl:AnnotationProperty .'
    assert rules_of(text) == rules_of("")


def test_no_rule_names_a_blank_node_or_owl_thing() -> None:
    for path in sorted((ROOT / "tests" / "rules").glob("*.ttl")):
        for rule in compile_rules(quad.triple for quad in parse(path=path)):
            for pattern in (*rule.body, *([rule.head] if rule.head else [])):
                assert all(isinstance(term, NamedNode | Literal | Variable) for term in pattern)
                assert iri("owl:Thing") not in pattern


def test_compiling_depends_neither_on_order_nor_on_blank_node_labels() -> None:
    text = (
        DECLARED
        + f"{restriction('owl:someValuesFrom :B')} rdfs:subClassOf :A , {restriction('owl:hasValue :a')} ."
    )
    one, two = read(text), list(reversed(read(text)))
    assert [(r.names, r.head, r.body) for r in compile_rules(one)] == [
        (r.names, r.head, r.body) for r in compile_rules(two)
    ]


def test_every_rule_name_is_one_that_is_supported_or_our_own() -> None:
    for path in sorted((ROOT / "ontology").glob("*.ttl")):
        triples = [quad.triple for quad in parse(path=path)]
        ours = {
            str(t.subject).rstrip(">").rpartition("#")[2]
            for t in triples
            if t.predicate == iri("sh:construct")
        }
        for rule in compile_rules(triples):
            assert set(rule.names) <= SUPPORTED.keys() | ours


def test_the_names_of_a_rule_stand_in_the_order_in_which_they_fire() -> None:
    [rule] = rules_of(
        f"{restriction('owl:someValuesFrom :B')} rdfs:subClassOf {restriction('owl:hasValue :a', ':q')} ."
    )
    assert rule.names == ("cls-svf1", "cax-sco", "cls-hv1")
    assert rule.head == (Variable("x"), ex("q"), ex("a"))
    assert rule.body == ((Variable("x"), ex("p"), Variable("y")), (Variable("y"), iri("rdf:type"), ex("B")))


def test_a_rule_cites_its_axiom_with_all_that_the_blank_nodes_say() -> None:
    [rule] = rules_of("[ a owl:Class ; owl:unionOf ( :B ) ] rdfs:subClassOf :A .")
    assert rule.axiom[0].predicate == iri("rdfs:subClassOf")
    assert {t.predicate for t in rule.axiom} == {
        iri(name) for name in ("rdfs:subClassOf", "rdf:type", "owl:unionOf", "rdf:first", "rdf:rest")
    }


def test_only_values_that_may_be_literals_are_tested_for_being_one() -> None:
    [declared] = rules_of(":p rdfs:range :A .")
    [undeclared] = rules_of(":u rdfs:range :A .")
    assert declared.condition == ""
    assert undeclared.condition == "FILTER(!isLiteral(?x))"


def test_a_closed_axiom_gives_its_rule_once_and_cites_itself() -> None:
    rules = rules_of(":A rdfs:subClassOf :B . :B rdfs:subClassOf :C .")
    assert len(rules) == 3
    assert Triple(ex("A"), iri("rdfs:subClassOf"), ex("C")) in {rule.axiom[0] for rule in rules}


def run(text: str, *facts: Triple) -> set[Triple]:
    store = Store()
    store.extend(Quad(fact.subject, fact.predicate, fact.object, VIEW) for fact in facts)
    close(store, compile_rules(read(DECLARED + text)))
    return {quad.triple for quad in store} - set(facts)


def test_a_rule_of_our_own_may_compute_values_and_coin_names() -> None:
    text = own(
        "CONSTRUCT { ?x :q ?w . ?w :d ?twice } WHERE { ?x :d ?n . BIND(2 * ?n - -1 AS ?twice) "
        "BIND(IRI(CONCAT(STR(?x), '/width')) AS ?w) FILTER(?n > 1 && ! (?n IN (7, 8)) || ?n = 0) }"
    )
    facts = [Triple(ex(f"x{n}"), ex("d"), Literal(n)) for n in (0, 1, 3, 7)]
    assert run(text, *facts) == {
        triple
        for n in (0, 3)
        for triple in (
            Triple(ex(f"x{n}"), ex("q"), ex(f"x{n}/width")),
            Triple(ex(f"x{n}/width"), ex("d"), Literal(2 * n + 1)),
        )
    }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("IF(?n > 2, 'more', 'less')", Literal("more")),
        ("xsd:string(?n + 1 - 1)", Literal("3")),
        ("COALESCE(1 / 0, ?n)", Literal(3)),
        ("SUBSTR(STR(?x), STRLEN(STR(?x)))", Literal("x")),
        ("REPLACE('a-b', '-', '+')", Literal("a+b")),
        ("STRDT('4', xsd:integer)", Literal(4)),
        ("STRLANG('vier', 'de')", Literal("vier", language="de")),
        ("isIRI(?x) && ?n NOT IN (1, 2)", Literal(True)),
        ("- ?n * 2 + 10 / 5", Literal("-4", datatype=iri("xsd:decimal"))),
        ("\"a 'quote' ?x\"", Literal("a 'quote' ?x")),
        ("'back\\\\\\\\slash'", Literal("back\\slash")),
    ],
)
def test_expressions_keep_their_meaning(expression: str, value: Literal) -> None:
    text = own(f"CONSTRUCT {{ ?x :q ?v }} WHERE {{ ?x :d ?n BIND({expression} AS ?v) }}")
    assert run(text, Triple(ex("x"), ex("d"), Literal(3))) == {Triple(ex("x"), ex("q"), value)}


def test_a_rule_of_our_own_may_declare_its_prefixes() -> None:
    text = (
        ":o a owl:Ontology ; sh:declare [ sh:prefix 'e' ; sh:namespace 'https://example.org/' ] ."
        ":rule a sh:SPARQLRule ; sh:prefixes :o ; sh:construct 'CONSTRUCT { ?y e:q ?x } WHERE { ?x e:p ?y }' ."
    )
    assert run(text, Triple(ex("a"), ex("p"), ex("b"))) == {Triple(ex("b"), ex("q"), ex("a"))}


def test_the_pattern_of_a_change_stands_first_in_the_query() -> None:
    [rule] = rules_of(":q owl:propertyChainAxiom ( :p :q ) .")
    text = insertion(rule, change=ex("change"), at=1)
    assert text.index("GRAPH <https://example.org/change>", text.index("WHERE")) < text.index(
        f"GRAPH {VIEW}", text.index("WHERE")
    )


def test_the_documentation_lists_exactly_the_supported_rules() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    section = page.partition("## Supported rules")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+?) \|$", section, re.MULTILINE))
    assert rows == SUPPORTED


def test_the_documentation_accounts_for_every_rule_of_the_tables() -> None:
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`((?:eq|prp|cls|cax|dt|scm)-[\w]+(?:-[\w]+)?)`", page)) == set(TABLES.split())


TABLES = """
    eq-ref eq-sym eq-trans eq-rep-s eq-rep-p eq-rep-o eq-diff1 eq-diff2 eq-diff3
    prp-ap prp-dom prp-rng prp-fp prp-ifp prp-irp prp-symp prp-asyp prp-trp prp-spo1 prp-spo2 prp-eqp1 prp-eqp2
    prp-pdw prp-adp prp-inv1 prp-inv2 prp-key prp-npa1 prp-npa2
    cls-thing cls-nothing1 cls-nothing2 cls-int1 cls-int2 cls-uni cls-com cls-svf1 cls-svf2 cls-avf cls-hv1 cls-hv2
    cls-maxc1 cls-maxc2 cls-maxqc1 cls-maxqc2 cls-maxqc3 cls-maxqc4 cls-oo
    cax-sco cax-eqc1 cax-eqc2 cax-dw cax-adc
    dt-type1 dt-type2 dt-eq dt-diff dt-not-type
    scm-cls scm-sco scm-eqc1 scm-eqc2 scm-op scm-dp scm-spo scm-eqp1 scm-eqp2 scm-dom1 scm-dom2 scm-rng1 scm-rng2
    scm-hv scm-svf1 scm-svf2 scm-avf1 scm-avf2 scm-int scm-uni
"""
"""Every rule of OWL 2 Profiles, tables 4 to 9."""
