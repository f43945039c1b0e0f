"""A figure or a negation that a claim and its quote do not share is a warning, and what they share is none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

import kg
from kg.evidence.claims import Claim
from kg.evidence.scrutiny import second_looks
from kg.evidence.testimony import examine
from kg.findings import Place, Severity
from kg.outside.proposals import Statement
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import CLAIMS, PREFIXES, iri

SEEDS = Path(kg.__file__).parents[1] / "seeds"
HEAD = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
SOURCE = iri("source:s")


def claim(quote: str, number: int = 1, start: int = 0) -> Claim:
    name = NamedNode(f"https://w3id.org/parley/claim/s/{number}")
    return Claim(name, SOURCE, SOURCE, quote, start, start + len(quote))


def looks(
    quote: str, content: str, *more: tuple[Claim, str], base: Embedded | None = None
) -> list[tuple[str, str]]:
    claims = [(claim(quote), content), *more]
    statements = []
    for one, said in claims:
        statements.append(
            Statement(Quad(one.iri, iri("oa:exact"), Literal(one.quote), CLAIMS), Place("s.trig", 1))
        )
        for quad in parse(HEAD + said, RdfFormat.TURTLE):
            statements.append(Statement(Quad(*quad.triple, one.iri), Place("s.trig", 2)))
    findings = list(second_looks([one for one, _ in claims], statements, base or Embedded()))
    assert all(f.severity is Severity.WARNING and f.place and f.witnesses[0].quote for f in findings)
    return [(finding.code, finding.message) for finding in findings]


def figures(quote: str, content: str) -> list[str]:
    found = looks(quote, f"id:a {content} .")
    assert {code for code, _ in found} <= {"figure-not-in-quote"}
    return [message for _, message in found]


def test_none_of_the_claims_of_the_article_needs_a_second_look():
    files = sorted((SEEDS / "idlib-ceasefire").glob("*.trig"))
    proposal = [Statement(q, Place(path.name)) for path in files for q in read(path)]
    text = (SEEDS / "idlib-ceasefire/article.txt").read_bytes()
    evidence = examine(proposal, Embedded(), {"article.txt": text})
    assert len(evidence.claims) == 65
    assert list(second_looks(evidence.claims, evidence.statements, Embedded())) == []


@pytest.mark.parametrize(
    ("quote", "content"),
    [
        ("56 Turkish soldiers died", "parley:exactCount 56"),
        ("fifty-six soldiers died", "parley:exactCount 56"),
        ("more than 30 soldiers", "parley:leastCount 31"),
        ("more than thirty soldiers", "parley:leastCount 31 ; parley:countWording 'more than thirty'"),
        ("at least 30 soldiers", "parley:leastCount 30"),
        ("fewer than 30 soldiers", "parley:mostCount 29"),
        ("up to 30 soldiers", "parley:mostCount 30"),
        ("between 30 and 40 soldiers", "parley:leastCount 30 ; parley:mostCount 40"),
        ("about 30 soldiers", "parley:leastCount 30"),
        ("a soldier died", "parley:exactCount 1"),
        ("nobody died", "parley:exactCount 0"),
        ("1,000 people", "parley:exactCount 1000"),
        ("6 kilometres on each side", "parley:numericValue 6"),
        ("6,5 kilometres", "parley:numericValue 6.5"),
        ("from 15 March", "parley:begin '--03-15'^^xsd:gMonthDay"),
        ("on 5.3.2020", "parley:begin '2020-03-05'^^xsd:date"),
        ("March 5, 2020", "parley:begin '2020-03-05'^^xsd:date"),
        ("in March 2020", "parley:begin '2020-03'^^xsd:gYearMonth"),
        ("at midnight", "parley:begin '00:00:00'^^xsd:time"),
        ("at 6 p.m.", "parley:begin '18:00:00'^^xsd:time"),
        ("at 18:30", "parley:begin '18:30:00'^^xsd:time"),
        ("the M4 motorway", "parley:content 'along the M4 motorway'"),
        ("the two leaders", "rdfs:label 'meeting of 5 March 2020'"),
    ],
)
def test_what_the_quote_gives_is_no_warning(quote, content):
    assert figures(quote, content) == []


@pytest.mark.parametrize(
    ("quote", "content", "said"),
    [
        ("56 Turkish soldiers died", "parley:exactCount 57", "57 is nowhere in the quote"),
        ("Turkish soldiers died", "parley:exactCount 56", "56 is nowhere in the quote"),
        (
            "more than 30 soldiers",
            "parley:leastCount 30",
            "'more than 30', not 30: that is parley:leastCount 31",
        ),
        (
            "more than 30 soldiers",
            "parley:exactCount 30",
            "'more than 30', not 30: that is parley:leastCount 31",
        ),
        ("more than 30 soldiers", "parley:exactCount 31", "31 is nowhere in the quote"),
        ("fewer than 30 soldiers", "parley:mostCount 30", "that is parley:mostCount 29"),
        ("at least 30 soldiers", "parley:exactCount 30", "that is parley:leastCount 30"),
        ("up to 30 soldiers", "parley:leastCount 30", "that is parley:mostCount 30"),
        ("about 30 soldiers", "parley:exactCount 30", "that is no exact number"),
        ("6 kilometres", "parley:numericValue 12", "12 is nowhere in the quote"),
        ("on 5 March", "parley:begin '2020-03-05'^^xsd:date", "the year 2020"),
        ("in the past month", "parley:begin '2020-02'^^xsd:gYearMonth", "the year 2020 and the month 2"),
        ("at noon", "parley:begin '18:00:00'^^xsd:time", "the hour 18"),
        ("many soldiers", "parley:countWording '30'", "30 is nowhere in the quote"),
    ],
)
def test_what_the_quote_does_not_give_is_a_warning_that_says_what_it_gives(quote, content, said):
    (message,) = figures(quote, content)
    assert said in message


NOT_KNOWN = "the troops did not know that they had bombed positions"


def test_a_negation_that_the_claim_ignores_is_a_warning():
    ((code, message),) = looks(NOT_KNOWN, "id:a a parley:Bombing .")
    assert code == "negation-in-quote"
    assert "says 'not'" in message


@pytest.mark.parametrize(
    "content",
    ["parley:knowingly false", "parley:content 'that the troops did not know it'", "parley:exactCount 0"],
)
def test_a_negation_that_the_claim_takes_up_is_none(content):
    assert [code for code, _ in looks(NOT_KNOWN, f"id:a {content} .") if code == "negation-in-quote"] == []


def test_a_negation_that_another_claim_on_the_same_words_takes_up_is_none():
    other = claim(NOT_KNOWN[11:30], 2, start=11)
    assert looks(NOT_KNOWN, "id:a a parley:Bombing .", (other, "id:a parley:knowingly false .")) == []
    elsewhere = claim("they did not know", 2, start=500)
    found = looks(NOT_KNOWN, "id:a a parley:Bombing .", (elsewhere, "id:a parley:knowingly false ."))
    assert [code for code, _ in found] == ["negation-in-quote"]


def test_a_negation_that_a_claim_of_the_base_takes_up_is_none():
    name, text = NamedNode("https://w3id.org/parley/claim/s/9"), NOT_KNOWN
    trig = f"""graph:claims {{ source:s schema:text {Literal(text)} ;
        schema:sha256 "{hashlib.sha256(text.encode()).hexdigest()}" .
        {name} a parley:Claim ; oa:exact {Literal(text)} ; oa:start 0 ; oa:end {len(text)} ;
        prov:hadPrimarySource source:s ; prov:wasAttributedTo source:s . }}
        {name} {{ id:a parley:knowingly false . }}"""
    base = Embedded()
    base.fill(parse(HEAD + trig, RdfFormat.TRIG))
    assert looks(NOT_KNOWN, "id:a a parley:Bombing .", base=base) == []


def test_true_takes_up_no_negation():
    assert [code for code, _ in looks(NOT_KNOWN, "id:a parley:knowingly true .")] == ["negation-in-quote"]
