"""The article is the user's own, byte for byte, and each of its sentences is accounted for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from kg.bases.bulk import examine, file_part
from kg.evidence.claims import read_claims
from kg.evidence.coverage import coverage, read_omissions
from kg.storage.store import Embedded
from kg.syntax.turtle import format_file, read
from kg.terms import CLAIMS, PREFIXES, data_folder, iri

ARTICLE = data_folder() / "seeds" / "idlib-ceasefire"
FINGERPRINT = "48b98ea5a6025dd41ff034e64a588b08d9d8c85d6c9fddd16a8e7796854a1ac8"
TEXT = (ARTICLE / "article.txt").read_text(encoding="utf-8")
BATCH = examine([file_part(ARTICLE / "claims.trig")])
STORE = Embedded()
STORE.fill(BATCH.facts())
CLAIMS_MADE = {claim.iri: claim for claim in read_claims(STORE)}
PUTIN = iri("id:vladimir-putin")
SOURCE = iri("source:idlib-ceasefire")


def content(claim: NamedNode) -> set[str]:
    return {str(quad.triple) for quad in STORE.quads(graph=claim)}


def test_the_article_is_kept_byte_for_byte():
    assert hashlib.sha256((ARTICLE / "article.txt").read_bytes()).hexdigest() == FINGERPRINT


def test_the_article_is_the_one_that_was_handed_over():
    handed_over = sorted(data_folder().parent.glob("shared/article/*.txt"))
    if not handed_over:
        pytest.skip("the folder with the original is not beside this checkout")
    assert (ARTICLE / "article.txt").read_bytes() == handed_over[0].read_bytes()


def test_line_ends_survive_version_control():
    attributes = (data_folder() / ".gitattributes").read_text(encoding="utf-8")
    assert "seeds/**/article.txt -text" in attributes


def test_every_sentence_has_claims_or_is_listed_with_the_reason():
    report = coverage(TEXT, list(CLAIMS_MADE.values()), read_omissions(ARTICLE / "omissions.yaml", TEXT))
    assert len(report) == 20
    assert [entry.sentence for entry in report if not entry.claims] == ["Leave comment"]
    assert all(entry.claims or entry.omissions for entry in report)
    assert all(entry.share > 0.8 for entry in report if entry.claims)


def test_every_word_is_quoted_or_listed_but_for_joints():
    """What neither a claim quotes nor the list names is punctuation or a conjunction."""
    covered = bytearray(len(TEXT))
    for span in [*CLAIMS_MADE.values(), *read_omissions(ARTICLE / "omissions.yaml", TEXT)]:
        covered[span.start : span.end] = b"\x01" * (span.end - span.start)
    left = "".join(char if not covered[place] else "\n" for place, char in enumerate(TEXT))
    assert set(left.replace(".", " ").replace(",", " ").split()) == {"and", "but"}


def test_only_what_putin_said_is_attributed():
    attributed = [claim for claim in CLAIMS_MADE.values() if claim.speaker != SOURCE]
    assert {claim.speaker for claim in attributed} == {PUTIN}
    assert {claim.quote for claim in attributed} == {
        "the Syrian troops did not know that they had bombed Turkish positions",
        "many Syrian soldiers were also killed in actions of Turkish revenge",
    }
    assert not {claim.iri for claim in attributed} & BATCH.accepted


def test_each_attributed_claim_belongs_to_a_statement_of_the_article():
    asserted = {
        quad.object
        for quad in STORE.quads(None, iri("parley:asserts"), None)
        if quad.graph_name in BATCH.accepted
    }
    assert asserted == {claim.iri for claim in CLAIMS_MADE.values() if claim.speaker != SOURCE}


def test_the_ceasefire_has_a_beginning_without_date_and_no_end():
    ceasefire = iri("id:idlib-ceasefire")
    begins = {quad.object for quad in STORE.quads(ceasefire, iri("parley:begin"), None)}
    assert begins == {Literal("00:00:00", datatype=iri("xsd:time"))}
    assert not list(STORE.quads(None, iri("parley:end"), None))


def test_only_the_joint_securing_begins_on_15_march():
    march = Literal("--03-15", datatype=iri("xsd:gMonthDay"))
    begun = {quad.subject for quad in STORE.quads(None, iri("parley:begin"), march)}
    assert begun == {iri("id:m4-joint-security")}


def test_the_tally_is_one_and_more_than_30_excludes_30():
    assert {quad.object.value for quad in STORE.quads(None, iri("parley:exactCount"), None)} == {"56"}
    assert {quad.object.value for quad in STORE.quads(None, iri("parley:leastCount"), None)} == {"31"}
    assert {quad.subject for quad in STORE.quads(None, iri("parley:exactCount"), None)} == {
        iri("id:turkish-deaths-in-idlib")
    }


def test_every_judgement_says_whose_it_is():
    judgements = {quad.subject for quad in STORE.quads(None, iri("rdf:type"), iri("parley:Judgement"))}
    judged = {quad.subject for quad in STORE.quads(None, iri("parley:isJudgedBy"), None)}
    assert len(judgements) == 10
    assert judgements == judged


def test_the_road_is_never_said_to_cross_idlib():
    road = iri("id:m4-motorway")
    places = {
        quad.object
        for name in ("isLocatedIn", "takesPlaceIn", "appliesIn", "runsFrom", "runsTo")
        for quad in STORE.quads(road, iri(f"parley:{name}"), None)
    }
    assert places == {iri("id:interior"), iri("id:latakia-port"), iri("id:syrian-coast")}


def test_every_claim_says_when_it_was_recorded():
    recorded = {quad.subject for quad in STORE.quads(None, iri("prov:generatedAtTime"), None, CLAIMS)}
    assert recorded == set(CLAIMS_MADE)


def test_every_subject_of_a_claim_has_a_class_in_that_claim_or_follows_one():
    """A claim can be read alone: what it speaks of as subject it also classes, in our own vocabulary."""
    for claim in CLAIMS_MADE:
        classed = {q.subject for q in STORE.quads(None, iri("rdf:type"), None, claim)}
        assert {quad.subject for quad in STORE.quads(graph=claim)} <= classed, claim.value


@pytest.mark.parametrize(
    "path",
    sorted([*(data_folder() / "seeds").rglob("*.trig"), *(data_folder() / "ontology").rglob("*.ttl")]),
    ids=lambda path: path.name,
)
def test_every_file_has_the_canonical_form(path: Path):
    assert format_file(path) == path.read_text(encoding="utf-8")


def test_every_thing_that_a_claim_names_has_an_english_label():
    labelled = {
        quad.subject
        for path in (data_folder() / "seeds").rglob("*.trig")
        for quad in read(path)
        if quad.predicate == iri("rdfs:label") and getattr(quad.object, "language", "") == "en"
    }
    named = {
        term
        for claim in CLAIMS_MADE
        for quad in STORE.quads(graph=claim)
        for term in (quad.subject, quad.object)
        if isinstance(term, NamedNode) and term.value.startswith(PREFIXES["id"])
    }
    assert named - labelled == set()
