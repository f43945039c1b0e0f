"""The gate takes what is right, refuses what is wrong, and says of each why, where and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyoxigraph import Quad, RdfFormat

import kg
from kg.findings import Finding, Severity, Verdict
from kg.gate.checking import Examination, gate
from kg.gate.submissions import Framing, read_submission
from kg.outside.proposals import Document, Proposal, read_proposal
from kg.repository import Base
from kg.storage.store import Embedded
from kg.terms import PREFIXES, REFERENCE, iri

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE / "shapes").rglob("*.ttl"))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEADER = "".join(f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in PREFIXES)


@pytest.fixture(scope="module")
def base() -> Base:
    return kg.open()


@pytest.fixture(scope="module")
def store(base: Base) -> Embedded:
    return base._store


def examine(
    text: str, store: Embedded, syntax: RdfFormat = RdfFormat.TURTLE, **framing: object
) -> Examination:
    document = Document("facts", (HEADER + text).encode(), syntax)
    submission = read_submission([document], Framing(**framing), store)  # type: ignore[arg-type]
    return gate().check(submission.proposal, store, NOW, texts=submission.texts)


def check(text: str, store: Embedded, syntax: RdfFormat = RdfFormat.TURTLE, **framing: object) -> Verdict:
    return examine(text, store, syntax, **framing).verdict


def codes(verdict: Verdict, severity: Severity = Severity.VIOLATION) -> set[str]:
    return {finding.code for finding in verdict.findings if finding.severity is severity}


def only(verdict: Verdict, code: str) -> Finding:
    (found,) = (finding for finding in verdict.findings if finding.code == code)
    return found


REFERENCE_DATA = {"exact-match-shared", "point-on-earth", "wikidata-id-shared"}
"""Folders whose examples are reference data, not what a claim says."""
OF_THE_TERMS = {"wrong-kind-of-value", "impossible-value"}
"""What is found first where a value has the wrong form, whatever the shape says of it."""


def proposed(path: Path) -> Proposal:
    proposal = read_proposal([path])
    if path.parent.name not in REFERENCE_DATA:
        return proposal
    data = [one._replace(quad=Quad(*one.quad.triple, REFERENCE)) for one in proposal.statements]
    things = {one.quad.subject: one for one in data}
    data += [
        one._replace(quad=Quad(thing, iri("dcterms:source"), iri("source:geonames"), REFERENCE))
        for thing, one in things.items()
    ]
    return Proposal(tuple(data), proposal.findings)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_example_of_a_shape_fares_at_the_gate_as_its_name_says(path: Path, store: Embedded):
    """A refused example fails on exactly its check; an accepted one on none, whatever the base holds."""
    verdict = gate().check(proposed(path), store, NOW).verdict
    code = path.parent.name
    if path.stem.startswith("accepted"):
        assert codes(verdict) == set()
        assert code not in {finding.code for finding in verdict.findings}
        return
    meant = {code} if codes(verdict) != OF_THE_TERMS & codes(verdict) or not codes(verdict) else OF_THE_TERMS
    if code.startswith("clash-"):
        assert {name.partition("-")[0] for name in codes(verdict)} == {"clash"}
    else:
        assert codes(verdict) <= meant
    found = [finding for finding in verdict.findings if finding.code in meant]
    assert found
    assert all(finding.place and finding.place.line for finding in found)
    assert all(finding.message and finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("id:accord a parley:Agreement ; parley:hasParty id:turkey .", "agreement-parties"),
        (
            "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:vladimir-putin .",
            "agreement-party-kind",
        ),
        ("id:accord a parley:Agreement ; parley:hasParty id:turkey, id:idlib-governorate .", "clash-cax-adc"),
        ("id:vladimir-putin a parley:State .", "clash-cax-adc"),
        ("id:syrian-army parley:isCommandedBy id:idlib-governorate .", "clash-cax-adc"),
        ("id:idlib-governorate parley:isLocatedIn id:idlib-governorate .", "territory-in-itself"),
        ("id:turkey parley:isoAlpha3Code 'SYR' .", "iso-alpha3-code-shared"),
        ("id:count a parley:DeathCount ; parley:exactCount -3 .", "count-not-negative"),
        ("id:accord a parley:Agreemant ; parley:hasParty id:turkey, id:russia .", "unknown-class"),
        ("id:accord a parley:Agreement ; parley:hasParties id:turkey, id:russia .", "unknown-property"),
        ("id:accord a parley:Аgreement ; parley:hasParty id:turkey, id:russia .", "homoglyph"),
        ("id:thing rdfs:label 'a thing'@en .", "no-class"),
        ("parley:State rdfs:label 'states'@en .", "about-a-term"),
        ("id:e a parley:Event ; parley:begin '2020-02-30'^^xsd:date .", "impossible-value"),
        ("id:e a parley:Event ; parley:content '<b>'^^rdf:HTML .", "unknown-datatype"),
    ],
)
def test_what_the_base_knows_counts(text: str, code: str, store: Embedded):
    """A proposal is checked together with the base: what is known of Turkey need not be said again."""
    verdict = check(text, store)
    assert code in codes(verdict)
    assert verdict.exit_status == 1


@pytest.mark.parametrize(
    "text",
    [
        "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:russia, id:syria .",
        "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:ruritania . id:ruritania a parley:State .",
        "id:deal a parley:Agreement ; parley:hasParty id:turkey, id:russia ; parley:begin '2020-03'^^xsd:gYearMonth .",
        "id:visit a parley:Event ; parley:begin '2020'^^xsd:gYear ; parley:hasParticipant id:vladimir-putin .",
    ],
    ids=["three parties", "an actor that is new", "a partial date", "an end that is unknown"],
)
def test_what_is_only_unusual_is_accepted(text: str, store: Embedded):
    verdict = check(text, store)
    assert codes(verdict) == set()
    assert verdict.exit_status == 0
    assert verdict.added


def test_all_findings_of_one_run_are_told(store: Embedded):
    verdict = check(
        "id:a a parley:Agreement ; parley:hasParty id:turkey ; parley:hasPrty id:syria .\n"
        "id:vladimir-putin a parley:State .\n"
        "id:count a parley:DeathCount ; parley:exactCount -3 .\n",
        store,
    )
    assert codes(verdict) >= {"agreement-parties", "unknown-property", "clash-cax-adc", "count-not-negative"}


def test_a_clash_names_both_sides_and_their_sentences(store: Embedded):
    clash = only(check("id:bashar-al-assad a parley:State .", store), "clash-cax-adc")
    assert "is a state" in clash.message
    assert "is a person" in clash.message
    assert clash.place is not None
    assert clash.place.line == HEADER.count("\n") + 1
    assert any("Assad" in witness.quote for witness in clash.witnesses)


def test_findings_name_things_by_their_labels(store: Embedded):
    verdict = check("id:idlib-governorate parley:isLocatedIn id:idlib-governorate .", store)
    assert verdict.labels[iri("id:idlib-governorate")] == "Idlib"


def test_a_misspelt_term_is_named_with_the_nearest(store: Embedded):
    found = only(check("id:turkey parley:suports id:russia .", store), "unknown-property")
    assert "parley:supports" in found.remedy


def test_nothing_of_ours_is_no_success(store: Embedded):
    assert check("", store).exit_status == 5
    assert check("<https://example.org/a> a <https://example.org/B> .", store).exit_status == 5
    assert check("", store).outcome == "unchecked"


def test_what_is_known_already_changes_nothing(store: Embedded):
    verdict = check("id:turkey a parley:State .", store)
    assert (verdict.outcome, verdict.added) == ("unchanged", 0)


def test_plain_triples_become_one_claim_with_its_quote(store: Embedded):
    text = "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:russia ."
    found = examine(text, store, source="idlib-ceasefire", quote="Russia and Turkey Agree")
    assert [claim.value.rpartition("/")[2] for claim in found.verdict.claims] == ["66"]
    assert found.change is not None
    assert len(found.change.facts) == 3 + 7  # the triples; class, source, speaker, quote, start, end, time


def test_a_quote_that_is_not_there_shows_the_real_words(store: Embedded):
    text = "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:russia ."
    verdict = check(text, store, source="idlib-ceasefire", quote="Russia and Turkey agree")
    assert "Russia and Turkey Agree" in only(verdict, "quote-not-found").message


def test_somebodys_word_stays_out_of_the_view(store: Embedded):
    text = "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:russia ."
    quote = "Russia and Turkey Agree"
    found = examine(text, store, source="idlib-ceasefire", quote=quote, said_by="Vladimir Putin")
    assert not found.verdict.refused
    assert found.change is not None
    assert found.change.added == frozenset()


def test_a_figure_by_another_speaker_is_accepted_and_marked_contested(store: Embedded):
    """Conflicting figures stand side by side; whoever adds one is told of the other, with its words."""
    found = examine(
        "id:turkish-deaths-in-idlib parley:exactCount 34 .",
        store,
        source="idlib-ceasefire",
        quote="Russia and Turkey Agree",
        said_by="Vladimir Putin",
    )
    assert not found.verdict.refused
    assert found.change is not None
    contested = [one for one in found.verdict.findings if one.code == "contested-figure"]
    assert contested
    assert all(one.severity is Severity.WARNING for one in contested)
    assert any("56" in witness.quote for one in contested for witness in one.witnesses)


def test_the_seeds_pass_their_own_gate():
    """The article's claims and the reference data are accepted, and what they warn of is known."""
    seeds = sorted((HERE.parent / "seeds").rglob("*.trig"))
    submission = read_submission(seeds, Framing(), Embedded())
    verdict = gate().check(submission.proposal, Embedded(), NOW, texts=submission.texts).verdict
    assert [str(f) for f in verdict.findings if f.severity is Severity.VIOLATION] == []
    assert len(verdict.claims) == 65


def test_the_built_in_base_is_sound(base: Base):
    verdict = base.validate()
    assert verdict.findings == ()
    assert verdict.outcome == "sound"


def test_reference_data_say_which_data_set_they_come_from(store: Embedded):
    """Only names need none: nothing enters as reference data that neither a sentence nor a data set backs."""
    facts = "graph:reference {{ id:egypt a parley:State ; rdfs:label 'Egypt'@en {} . }}"
    verdict = check(facts.format(""), store, RdfFormat.TRIG)
    assert codes(verdict) == {"unsourced-reference"}
    verdict = check(facts.format("; dcterms:source source:pycountry"), store, RdfFormat.TRIG)
    assert codes(verdict) == set()


def test_what_could_not_be_read_is_not_missed_by_the_shapes(store: Embedded):
    verdict = check("id:a a parley:Agreement ; parley:hasParty id:turkey id:russia .", store)
    assert codes(verdict) == {"syntax"}
