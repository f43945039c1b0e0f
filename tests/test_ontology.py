"""The ontology: documented throughout, inside OWL 2 RL, free of contradictions, and nothing in it is idle."""

from __future__ import annotations

import re
from pathlib import Path

import owlrl
import pytest
import rdflib
from pyshacl import validate
from rdflib.namespace import DCTERMS, GEO, ORG, OWL, PROV, RDF, RDFS, SDO, SH, SKOS, XSD

from kg.logic.rules import compile_rules
from kg.syntax.turtle import read
from kg.terms import PREFIXES, data_folder, text

FOLDER = data_folder()
FILES = sorted((FOLDER / "ontology").glob("*.ttl"))
ALIGNMENTS = sorted((FOLDER / "ontology" / "alignments").glob("*.ttl"))
SHAPES = sorted((FOLDER / "ontology" / "shapes").glob("*.ttl"))
STYLE = sorted((FOLDER / "ontology" / "style").glob("*.ttl"))
PARLEY = rdflib.Namespace(PREFIXES["parley"])
HEADER = rdflib.URIRef("https://w3id.org/parley/ontology")

OA = {
    "Annotation",
    "TextPositionSelector",
    "TextQuoteSelector",
    "exact",
    "start",
    "end",
    "hasSource",
    "hasTarget",
}
SEM = {"Actor", "Event", "Place", "hasActor", "hasPlace", "hasTime", "hasBeginTimeStamp", "hasEndTimeStamp"}
"""Of the Web Annotation vocabulary (W3C, 2017) and of SEM (van Hage, 2011), which rdflib does not ship."""


def parse(files: list[Path]) -> rdflib.Graph:
    graph = rdflib.Graph()
    for file in files:
        graph.parse(file)
    return graph


ONTOLOGY = parse(FILES)
TERMS = sorted({term for term in ONTOLOGY.subjects(RDF.type) if str(term).startswith(PARLEY)})
KINDS = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty)


def test_there_is_something_to_check():
    assert len(TERMS) > 120
    assert len(FILES) >= 8


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.removeprefix(PARLEY))
def test_every_term_is_documented(term: rdflib.URIRef):
    """One lower-case English label, a definition of one sentence, an example, and where it is defined."""
    labels = list(ONTOLOGY.objects(term, RDFS.label))
    assert [label.language for label in labels] == ["en"]
    first = str(labels[0])[0]
    assert first.islower() or str(labels[0]).split()[0] in {
        "ISO",
        "GeoNames",
        "Wikidata",
        "Gleditsch–Ward",
    } | {
        "UCDP",
        "Archigos",
        "PA-X",
    }
    definitions = list(ONTOLOGY.objects(term, SKOS.definition))
    assert len(definitions) == 1
    assert re.fullmatch(r"[A-Z].*[^.]\.", definitions[0])
    assert len(list(ONTOLOGY.objects(term, SKOS.example))) == 1
    assert list(ONTOLOGY.objects(term, RDFS.isDefinedBy)) == [HEADER]


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.removeprefix(PARLEY))
def test_names_show_what_a_term_is(term: rdflib.URIRef):
    """Classes are UpperCamel, properties lowerCamel; a property of things reads as a verb."""
    name, kinds = term.removeprefix(PARLEY), set(ONTOLOGY.objects(term, RDF.type))
    if OWL.Class in kinds:
        assert re.fullmatch(r"([A-Z][a-z]+)+", name)
    if OWL.ObjectProperty in kinds:
        assert re.match(r"(is|has|[a-z]+s)([A-Z]|$)", name)
    if OWL.DatatypeProperty in kinds:
        assert re.fullmatch(r"[a-z]+([A-Z0-9][a-z]*)*", name)


def test_the_shapes_for_the_style_of_the_ontology_hold():
    conforms, _, text = validate(ONTOLOGY, shacl_graph=parse(STYLE), inference="none", advanced=True)
    assert conforms, text


def test_the_shapes_for_the_style_find_what_is_missing():
    """A class without definition, a property with two labels and a label with a capital are each found."""
    graph = rdflib.Graph().parse(
        data="""
        @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix : <https://w3id.org/parley/ontology#> .
        :Bare a owl:Class ; rdfs:label "bare"@en ; rdfs:isDefinedBy <https://w3id.org/parley/ontology> .
        :doubles a owl:ObjectProperty ; rdfs:label "doubles"@en, "twice"@en ; skos:definition "It is."@en ;
            skos:example "x"@en ; rdfs:isDefinedBy <https://w3id.org/parley/ontology> .
        """,
        format="turtle",
    )
    conforms, report, _ = validate(graph, shacl_graph=parse(STYLE), inference="none", advanced=True)
    assert not conforms
    found = {
        (focus, path)
        for focus, path in report.query("""
        PREFIX sh: <http://www.w3.org/ns/shacl#>
        SELECT ?focus ?path { [] sh:focusNode ?focus ; sh:resultPath ?path }""")
    }
    assert {
        (PARLEY.Bare, SKOS.definition),
        (PARLEY.Bare, SKOS.example),
        (PARLEY.doubles, RDFS.label),
    } <= found


def test_the_ontology_is_in_the_rl_profile():
    """Compiling raises for every construct outside OWL 2 RL (docs/rules.md)."""
    assert len(compile_rules(quad.triple for file in FILES for quad in read(file))) > 100


def test_the_ontology_stays_in_the_rl_profile_with_its_alignments():
    assert compile_rules(quad.triple for file in [*FILES, *ALIGNMENTS] for quad in read(file))


@pytest.mark.parametrize("files", [FILES, [*FILES, *ALIGNMENTS]], ids=["alone", "with alignments"])
def test_the_ontology_is_consistent(files: list[Path]):
    """No class must be empty: with one member in every class and one pair in every property nothing clashes."""
    graph = parse(files)
    for term in TERMS:
        kinds = set(graph.objects(term, RDF.type))
        if OWL.Class in kinds:
            graph.add((rdflib.URIRef(f"urn:member-of:{term}"), RDF.type, term))
        if OWL.ObjectProperty in kinds:
            graph.add((rdflib.URIRef(f"urn:from:{term}"), term, rdflib.URIRef(f"urn:to:{term}")))
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    contradictions = [
        str(message)
        for predicate in graph.predicates(unique=True)
        if "daml" in str(predicate).lower() or "error" in str(predicate).lower()
        for message in graph.objects(None, predicate)
    ]
    assert contradictions == []
    assert set(graph.subjects(RDF.type, OWL.Nothing)) == set()


def test_a_contradiction_would_be_noticed():
    """The test above rests on how owlrl reports contradictions: with an impossible class it must fail."""
    graph = parse(FILES)
    graph.add((PARLEY.Impossible, RDFS.subClassOf, PARLEY.State))
    graph.add((PARLEY.Impossible, RDFS.subClassOf, PARLEY.Person))
    graph.add((rdflib.URIRef("urn:x"), RDF.type, PARLEY.Impossible))
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    assert any("daml" in str(p).lower() or "error" in str(p).lower() for p in graph.predicates(unique=True))


def test_no_term_is_idle():
    """Every term is used by a seed, a shape, a question or a mapping, or by an axiom about another term: a rule."""
    used = set()
    for file in sorted((FOLDER / "seeds").rglob("*.trig")):
        used |= {text(term) for quad in read(file) for term in quad.triple}
    for file in SHAPES:
        used |= {str(term) for triple in parse([file]) for term in triple}
    for file in sorted((FOLDER / "queries").rglob("*.rq")):
        used |= {PARLEY + name for name in re.findall(r"\bparley:(\w+)", file.read_text(encoding="utf-8"))}
    for file in sorted((FOLDER / "ontology" / "mappings").glob("*.json")):
        used |= {PARLEY + name for name in re.findall(r"\bontology#(\w+)", file.read_text(encoding="utf-8"))}
    for subject, predicate, value in ONTOLOGY:
        if predicate == SH.construct:
            used |= {PARLEY + name for name in re.findall(r"\bparley:(\w+)", value)}
        elif predicate != RDFS.isDefinedBy and subject != value:
            used.add(str(value))
    assert [
        term for term in TERMS if str(term) not in used and (term, RDF.type, SH.SPARQLRule) not in ONTOLOGY
    ] == []


@pytest.mark.parametrize(
    "files", [FILES, ALIGNMENTS, SHAPES, STYLE], ids=["themes", "alignments", "shapes", "style"]
)
def test_foreign_terms_really_exist(files: list[Path]):
    closed = {str(space): space for space in (DCTERMS, GEO, ORG, OWL, PROV, RDF, RDFS, SDO, SH, SKOS, XSD)}
    listed = {PREFIXES["oa"]: OA, PREFIXES["sem"]: SEM, PREFIXES["vann"]: {"preferredNamespacePrefix"}}
    listed[PREFIXES["vann"]] |= {"preferredNamespaceUri"}
    missing = []
    for term in {term for triple in parse(files) for term in triple if isinstance(term, rdflib.URIRef)}:
        for space, vocabulary in closed.items():
            if str(term).startswith(space) and term not in vocabulary:
                missing.append(str(term))
        for space, names in listed.items():
            if str(term).startswith(space) and term.removeprefix(space) not in names:
                missing.append(str(term))
        if str(term).startswith(PARLEY) and files is not FILES and (term, RDF.type, None) not in ONTOLOGY:
            missing.append(str(term))
    assert missing == []


def test_alignments_stand_apart():
    """No file of the ontology itself says anything with a term of the aligned vocabularies."""
    foreign = tuple(PREFIXES[prefix] for prefix in ("geo", "oa", "org", "prov", "schema", "sem"))
    assert [term for triple in ONTOLOGY for term in triple if str(term).startswith(foreign)] == []
