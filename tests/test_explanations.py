"""Explanations read well in every form, whatever they hold, and the same one always reads the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rdflib
from jsonschema import Draft202012Validator
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, Variable
from referencing import Registry, Resource

from kg.asking.naming import read_triple
from kg.bases.building import build
from kg.bases.changes import rulebook
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.logic.maintain import Rulebook
from kg.logic.rules import Rule
from kg.proofs.absences import explain
from kg.proofs.proofs import Explanation, Gap, Proof
from kg.storage.store import Embedded
from kg.syntax.turtle import canonical_turtle
from kg.syntax.turtle import read as read_turtle
from kg.telling.explanations import explained
from kg.terms import iri

ROOT = Path(__file__).parent.parent
EXPECTED = ROOT / "tests" / "explanations"
SAMPLES = {
    "derived": ("Turkey", "supports", "Syrian rebels"),
    "stated": ("Syrian army", "is a force of", "Syria"),
    "absent": ("Turkey", "is hostile to", "Syria"),
    "told": ("id:bombing-of-turkish-positions", "has target", "id:turkish-armed-forces"),
    "computed": ("id:m4-safety-corridor/width-on-each-side/total-width", "numeric value", "12"),
}
PROV = rdflib.Namespace("http://www.w3.org/ns/prov#")


@pytest.fixture(scope="module")
def article() -> tuple[Embedded, Rulebook]:
    return build(), rulebook()


def sample(name: str, article: tuple[Embedded, Rulebook], **options: Any) -> Explanation:
    return explain(read_triple(*SAMPLES[name], article[0]), *article, **options)


def schema() -> Draft202012Validator:
    documents = [json.loads(path.read_text()) for path in (ROOT / "docs" / "schema").glob("*.schema.json")]
    registry: Any = Registry().with_resources(
        [(one["$id"], Resource.from_contents(one)) for one in documents]
    )
    (own,) = (one for one in documents if one["title"] == "Explanation")
    Draft202012Validator.check_schema(own)
    return Draft202012Validator(own, registry=registry)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_of_an_explanation_is_as_kept(name: str, article: tuple[Embedded, Rulebook]) -> None:
    assert explained(sample(name, article), "text") == (EXPECTED / f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_json_of_an_explanation_is_what_its_schema_says(
    name: str, article: tuple[Embedded, Rulebook]
) -> None:
    explanation = sample(name, article, most=3)
    data = json.loads(explained(explanation, "json"))
    schema().validate(data)
    assert data["holds"] == explanation.holds
    assert [proof["steps"] for proof in data["proofs"]] == [proof.steps for proof in explanation.proofs]
    assert len(data["gaps"]) == len(explanation.gaps)
    assert [claim["claim"] for claim in data["told"]] == [claim.iri.value for claim in explanation.told]


def test_the_schema_holds_what_it_should(article: tuple[Embedded, Rulebook]) -> None:
    data = json.loads(explained(sample("derived", article), "json"))
    for broken in ({"holds": False}, {"proofs": []}, {"shortest": "yes"}, {"version": 2}, {"told": [{}]}):
        assert not schema().is_valid(data | broken)


def all_parts(proof: Proof) -> Iterator[Proof]:
    yield proof
    for premise in proof.premises:
        yield from all_parts(premise)


@pytest.mark.parametrize("name", ["derived", "stated", "computed"])
def test_the_turtle_of_a_proof_is_prov_that_can_be_followed_down_to_the_quotes(
    name: str, article: tuple[Embedded, Rulebook]
) -> None:
    (proof,) = sample(name, article).proofs
    text = explained(sample(name, article), "turtle")
    graph = rdflib.Graph().parse(data=text, format="turtle")
    assert text == canonical_turtle(read_turtle(text.encode(), RdfFormat.TURTLE))

    def entity(triple: Triple) -> Any:
        named = zip((rdflib.RDF.subject, rdflib.RDF.predicate, rdflib.RDF.object), triple, strict=True)
        found = [set(graph.subjects(part, node(term))) for part, term in named]
        (only,) = set.intersection(*found)
        return only

    for part in all_parts(proof):
        one = entity(part.triple)
        assert set(graph.objects(one, PROV.wasQuotedFrom)) == {node(claim.iri) for claim in part.claims}
        assert set(graph.objects(one, PROV.wasDerivedFrom)) == {
            entity(premise.triple) for premise in part.premises
        }
        for claim in part.claims:
            assert (
                graph.value(node(claim.iri), rdflib.URIRef("http://www.w3.org/ns/oa#exact")).value
                == claim.quote
            )  # type: ignore[union-attr]
        if part.rule:
            step = graph.value(one, PROV.wasGeneratedBy)
            assert set(graph.objects(step, PROV.used)) == {
                entity(premise.triple) for premise in part.premises
            }
            association = graph.value(step, PROV.qualifiedAssociation)
            plan = graph.value(association, PROV.hadPlan)
            assert str(graph.value(plan, rdflib.RDFS.label)) == part.rule.names[0]


def node(term: Any) -> Any:
    if isinstance(term, NamedNode):
        return rdflib.URIRef(term.value)
    return rdflib.Literal(
        term.value, lang=term.language, datatype=None if term.language else term.datatype.value
    )


def test_the_turtle_of_what_does_not_hold_tells_why_and_who_said_it(
    article: tuple[Embedded, Rulebook],
) -> None:
    graph = rdflib.Graph().parse(data=explained(sample("told", article), "turtle"), format="turtle")
    (entity,) = graph.subjects(rdflib.RDF.type, rdflib.RDF.Statement)
    assert str(graph.value(entity, rdflib.RDFS.comment)).startswith("It does not hold: ")
    claim = graph.value(entity, PROV.wasQuotedFrom)
    assert str(graph.value(claim, PROV.wasAttributedTo)).endswith("id/vladimir-putin")


@pytest.mark.parametrize("form", ["text", "json", "turtle"])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_same_explanation_gives_the_same_bytes(
    form: str, name: str, article: tuple[Embedded, Rulebook]
) -> None:
    again = (build(), article[1])
    assert explained(sample(name, article, most=5), form) == explained(sample(name, again, most=5), form)


def test_several_proofs_are_numbered_and_what_was_shown_is_not_shown_again(
    article: tuple[Embedded, Rulebook],
) -> None:
    triple = Triple(iri("id:turkey"), iri("parley:backsOpponentOf"), iri("id:russian-air-force"))
    text = explained(explain(triple, *article, most=2), "text")
    assert text.startswith("Proof 1 of 2, 16 steps\n")
    assert "\n\nProof 2 of 2, 16 steps\n" in text
    twice = Rule(("prp-trp",), (Variable("x"), iri("parley:follows"), Variable("z")), ())
    derived = replace(sample("derived", article).proofs[0], premises=())
    pair = Explanation(triple, (Proof(triple, rule=twice, premises=(derived, derived)),))
    assert explained(pair, "text").count("(as above)") == 1


def test_a_search_that_was_cut_short_is_told(article: tuple[Embedded, Rulebook]) -> None:
    text = explained(replace(sample("stated", article), shortest=False), "text")
    assert text.endswith("There may be a shorter proof: the search for it was cut short.\n")


HOSTILE = "\x1b[2J\u202e<script>alert(1)</script>\r\n\x07 ''' \"\"\" \\ %"


def hostile() -> list[Explanation]:
    thing, speaker, prop = NamedNode("x:thing"), NamedNode("x:speaker"), NamedNode("x:prop")
    triple = Triple(thing, prop, Literal(HOSTILE))
    claim = Claim(NamedNode("x:claim"), NamedNode("x:source"), speaker, HOSTILE, 0, len(HOSTILE))
    labels = {thing: HOSTILE, speaker: HOSTILE, prop: HOSTILE}
    rule = Rule(
        ("prp-spo1",), (Variable("x"), prop, Variable("y")), ((Variable("x"), prop, Literal(HOSTILE)),)
    )
    return [
        Explanation(triple, (Proof(triple, rule=rule, premises=(Proof(triple, (claim,)),)),), labels=labels),
        Explanation(
            triple,
            gaps=(Gap(rule, (triple,), ((thing, prop, Variable("x")),)),),
            told=(claim,),
            labels=labels,
        ),
    ]


@pytest.mark.parametrize("number", [0, 1])
def test_words_from_outside_do_not_command_the_terminal_or_break_a_form(number: int) -> None:
    explanation = hostile()[number]
    text = explained(explanation, "text")
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "<U+001B>[2J<U+202E><script>" in text
    assert len(text.splitlines()) < 12
    data = json.loads(explained(explanation, "json"))
    schema().validate(data)
    graph = rdflib.Graph().parse(data=explained(explanation, "turtle"), format="turtle")
    assert [str(quote) for quote in graph.objects(None, rdflib.URIRef("http://www.w3.org/ns/oa#exact"))] == [
        HOSTILE
    ]


def test_words_in_every_form_say_what_is_the_case() -> None:
    triple = Triple(NamedNode("x:a"), NamedNode("x:likes"), NamedNode("x:b"))
    source, someone = NamedNode("x:source"), NamedNode("x:someone")
    own = Claim(NamedNode("x:1"), source, source, "own", 0, 3)
    gone, others = replace(own, withdrawn="2026-02-01T00:00:00Z"), replace(own, speaker=someone)
    rule = Rule(("q",), (Variable("x"), NamedNode("x:likes"), Variable("y")), (), "FILTER(?x > ?y)")
    said = {
        "Withdrawn\n  “own” [x:1, withdrawn 2026-02-01]": Explanation(triple, told=(gone,)),
        "Said by others, not held true\n  “own” [x:1, x:someone]": Explanation(triple, told=(others, gone)),
        "Said, not held true in this view\n": Explanation(triple, told=(own,)),
        "No rule could give it; it would have to be stated.": Explanation(triple),
        "All its premises hold; its condition does not.": Explanation(
            triple, gaps=(Gap(rule, (), (), unmet=True),)
        ),
        "    [reference data]\n    [ontology]\n": Explanation(
            triple, (Proof(triple, reference=True, axiom=True),)
        ),
        "“own” [x:1]\n    and more claims\n": Explanation(triple, (Proof(triple, (own,), more=True),)),
    }
    for words, explanation in said.items():
        assert words in explained(explanation, "text")


def test_another_form_is_refused_with_those_there_are(article: tuple[Embedded, Rulebook]) -> None:
    with pytest.raises(UnknownName, match="no form is called 'txt'; did you mean 'text'"):
        explained(sample("stated", article), "txt")
