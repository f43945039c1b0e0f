"""The evidence of a proposal is found whole: every claim, source and quote that does not hold, each with its place."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

import kg
from kg.evidence.claims import Claim, verify
from kg.evidence.testimony import CHECKS, Evidence, examine
from kg.findings import Place, Severity
from kg.outside.proposals import Statement
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import CLAIMS, PREFIXES, REFERENCE, VIEW, iri

SEEDS = Path(kg.__file__).parents[1] / "seeds"
TEXT = "Egypt and Sudan sign border accord\nEgypt said that “troops” had left Halaib. Egypt said no more.\n"
SOURCE, CLAIM = iri("source:s"), NamedNode("https://w3id.org/parley/claim/s/1")
HEAD = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
CONTENT = "<https://w3id.org/parley/claim/s/1> { id:a a parley:Agreement . }"
TEXTS = {"s.txt": TEXT.encode()}


def described(quote: str = "sign border accord", start: object = 16, end: object = 34, more: str = "") -> str:
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    position = f"oa:start {start} ; oa:end {end} ;" if start is not None else ""
    return f"""graph:claims {{
        source:s a parley:Source ; schema:sha256 "{digest}" .
        {CLAIM} a parley:Claim ; oa:exact {Literal(quote)} ; {position}
            prov:hadPrimarySource source:s ; prov:wasAttributedTo source:s {more} . }}"""


def statements(trig: str) -> list[Statement]:
    quads = parse(HEAD + trig, RdfFormat.TRIG)
    return [Statement(quad, Place("s.trig", line)) for line, quad in enumerate(quads, 1)]


def examined(trig: str, base: Embedded | None = None, texts: dict[str, bytes] = TEXTS) -> Evidence:
    return examine(statements(trig), base or Embedded(), texts)


def codes(trig: str, base: Embedded | None = None, texts: dict[str, bytes] = TEXTS) -> list[str]:
    return [finding.code for finding in examined(trig, base, texts).findings]


def entered(evidence: Evidence) -> Embedded:
    """Return a base that holds what was examined; the bulk gate's own check must agree with it."""
    store = Embedded()
    store.fill(statement.quad for statement in evidence.statements)
    list(verify(store))
    return store


def test_the_article_passes_whole_and_handing_it_in_again_changes_nothing():
    proposal = [Statement(q, Place(path.name)) for path in sorted(SEEDS.rglob("*.trig")) for q in read(path)]
    texts = {"article.txt": (SEEDS / "idlib-ceasefire/article.txt").read_bytes()}
    evidence = examine(proposal, Embedded(), texts)
    assert evidence.findings == ()
    assert len(evidence.claims) == 65
    base = entered(evidence)
    again = examine(proposal, base)
    assert again.findings == ()
    assert all(base.contains(statement.quad) for statement in again.statements)


def test_a_claim_that_holds_comes_out_whole_with_the_text_of_its_source():
    evidence = examined(described() + CONTENT)
    assert evidence.findings == ()
    assert evidence.claims == (Claim(CLAIM, SOURCE, SOURCE, "sign border accord", 16, 34),)
    assert Quad(SOURCE, iri("schema:text"), Literal(TEXT), CLAIMS) in {
        one.quad for one in evidence.statements
    }
    entered(evidence)


@given(st.text(st.sampled_from("ab “é\n🕊"), min_size=3, max_size=30), st.data())
def test_whatever_can_be_quoted_ends_at_its_position_and_nothing_else_enters(text, data):
    """The oracle is the bulk gate's check: what comes out without violation holds in a base."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    told = data.draw(st.tuples(st.integers(-1, 40), st.integers(-1, 40)) | st.just((start, end)))
    quote = text[start:end]
    digest = f'"{hashlib.sha256(text.encode()).hexdigest()}"'
    trig = f"""graph:claims {{ source:s schema:sha256 {digest} . {CLAIM} a parley:Claim ; oa:exact {Literal(quote)} ;
        oa:start {told[0]} ; oa:end {told[1]} ; prov:hadPrimarySource source:s ; prov:wasAttributedTo source:s . }}"""
    evidence = examined(trig + CONTENT, texts={"t": text.encode()})
    places = [at for at in range(len(text)) if text.startswith(quote, at)]
    if not any(map(str.isalnum, quote)):  # a quote without a word is none
        assert {finding.code for finding in evidence.findings} >= {"incomplete-claim"}
    elif told == (start, end):
        assert evidence.findings == ()
    elif len(places) == 1 and min(told) >= 0:
        assert [finding.code for finding in evidence.findings] == ["moved-quote"]
        assert (evidence.claims[0].start, evidence.claims[0].end) == (start, end)
    if not any(finding.severity is Severity.VIOLATION for finding in evidence.findings):
        entered(evidence)
    else:
        assert evidence.claims == ()


def test_a_wrong_position_is_put_right_with_a_warning_that_says_the_right_one():
    evidence = examined(described(start=3, end=9) + CONTENT)
    (finding,) = evidence.findings
    assert (finding.code, finding.severity) == ("moved-quote", Severity.WARNING)
    assert "stands at 16 to 34, not at 3 to 9" in finding.message
    assert finding.remedy == "write oa:start 16 ; oa:end 34"
    assert evidence.claims[0].start == 16
    base = entered(evidence)
    again = examined(described(start=3, end=9) + CONTENT, base)
    assert [finding.code for finding in again.findings] == ["moved-quote"]


def test_only_the_position_is_touched_where_one_is_put_right():
    """A claim that speaks of its own position in its content keeps what it says."""
    proposal = statements(
        described(start=3, end=9) + f"{CLAIM} {{ {CLAIM} oa:start 3 . id:a a parley:State . }}"
    )
    entering = examine(proposal, Embedded(), TEXTS).statements
    kept = {one.quad for one in proposal} & {one.quad for one in entering}
    moved = {Quad(CLAIM, iri(f"oa:{end}"), Literal(at), CLAIMS) for end, at in (("start", 3), ("end", 9))}
    assert kept == {one.quad for one in proposal} - moved


def test_a_position_that_is_not_stated_is_found():
    evidence = examined(described(start=None) + CONTENT)
    assert [finding.code for finding in evidence.findings] == ["moved-quote"]
    entered(evidence)


def test_of_several_places_the_position_tells_which():
    assert codes(described("Egypt", 35, 99) + CONTENT) == ["moved-quote"]
    (finding,) = examined(described("Egypt", 7, 9) + CONTENT).findings
    assert finding.code == "ambiguous-quote"
    assert "at 0 to 5, 35 to 40, 77 to 82" in finding.message


def test_a_near_miss_shows_the_real_words_and_in_what_they_differ():
    (finding,) = examined(described('Egypt said that "troops" had left') + CONTENT).findings
    assert finding.code == "quote-not-found"
    assert (
        "which reads 'Egypt said that “troops” had left' at 35: it differs in quotation marks"
        in finding.message
    )
    assert finding.remedy == "write oa:exact 'Egypt said that “troops” had left' if that is meant"


def test_a_quote_that_is_nowhere_is_refused_without_a_guess():
    (finding,) = examined(described("entirely unrelated words") + CONTENT).findings
    assert (finding.code, "which reads" in finding.message) == ("quote-not-found", False)


@pytest.mark.parametrize(
    ("pattern", "with_", "code"),
    [
        ("prov:hadPrimarySource source:s ;", "", "incomplete-claim"),
        ("prov:wasAttributedTo source:s ", "", "incomplete-claim"),
        ("prov:wasAttributedTo source:s", 'prov:wasAttributedTo "Egypt"', "incomplete-claim"),
        ('oa:exact "sign border accord" ;', "", "incomplete-claim"),
        ('oa:exact "sign border accord"', 'oa:exact ""', "incomplete-claim"),
        ("prov:wasAttributedTo source:s", "prov:wasAttributedTo source:s, id:egypt", "ambiguous-claim"),
        ('oa:exact "sign border accord"', 'oa:exact "sign border accord", "Egypt"', "ambiguous-claim"),
        ("oa:start 16", "oa:start 16, 17", "ambiguous-claim"),
        ("oa:start 16", 'oa:start "sixteen"', "bad-position"),
        ("oa:start 16", "oa:start 16.0", "bad-position"),
        ("a parley:Claim ;", "", "undescribed-graph"),
    ],
)
def test_each_thing_that_a_claim_lacks_has_its_code(pattern, with_, code):
    whole = described()
    assert pattern in whole
    evidence = examined(whole.replace(pattern, with_) + CONTENT)
    assert [finding.code for finding in evidence.findings] == [code]
    assert evidence.claims == ()


def test_equal_numbers_written_otherwise_are_not_two():
    assert codes(described().replace("oa:start 16", "oa:start 16, 016") + CONTENT) == []


def test_a_claim_without_content_and_content_without_claim_are_found():
    assert codes(described()) == ["empty-claim"]
    assert codes(CONTENT) == ["undescribed-graph"]


def test_statements_outside_claims_are_found_one_by_one_beside_claims():
    loose = "id:a a parley:State . id:b a parley:State ."
    assert codes(described() + CONTENT + loose) == ["outside-claims"] * 2
    assert codes(loose) == []
    assert codes(loose + "graph:reference { id:a rdfs:label 'a' . }") == []


@pytest.mark.parametrize("graph", ["view", "ontology", "state", "other"])
def test_the_graphs_of_the_base_are_not_for_proposals(graph):
    assert codes(f"graph:{graph} {{ id:a a parley:State . }}") == ["reserved-graph"]


def test_a_claim_cannot_have_the_name_of_such_a_graph():
    trig = described().replace(str(CLAIM), f"{VIEW}")
    assert "reserved-graph" in codes(trig)


def test_all_findings_come_at_once_each_with_its_place():
    trig = described("nowhere to be seen", 1, 2) + CONTENT
    trig += "graph:claims { claim:s-2 a parley:Claim . } id:a a parley:State . graph:view { id:a a parley:State . }"
    evidence = examined(trig)
    assert {finding.code for finding in evidence.findings} == {
        "quote-not-found",
        "empty-claim",
        "incomplete-claim",
        "outside-claims",
        "reserved-graph",
    }
    assert [f.code for f in evidence.findings].count("incomplete-claim") == 3
    assert all(finding.place and finding.place.line for finding in evidence.findings)
    assert all(CHECKS[finding.code].severity is finding.severity for finding in evidence.findings)


# Sources.


def test_a_text_is_found_by_its_fingerprint_among_others():
    assert codes(described() + CONTENT, texts={"other.txt": b"other", **TEXTS}) == []


def test_without_its_text_a_source_proves_nothing():
    (finding,) = examined(described() + CONTENT, texts={"s.txt": b"changed"}).findings
    assert finding.code == "source-without-text"
    assert "s.txt has" in finding.message
    assert codes(described() + CONTENT, texts={}) == ["source-without-text"]


def test_a_new_source_without_fingerprint_gets_the_one_text_that_is_given_and_its_fingerprint():
    trig = described().replace(f'; schema:sha256 "{hashlib.sha256(TEXT.encode()).hexdigest()}"', "") + CONTENT
    evidence = examined(trig)
    assert evidence.findings == ()
    entered(evidence)
    assert codes(trig, texts={"a": b"a", "b": b"b"}) == ["source-without-text"]


def test_a_source_that_nobody_describes_is_named():
    trig = described().replace("prov:hadPrimarySource source:s", "prov:hadPrimarySource source:t") + CONTENT
    (finding,) = examined(trig).findings
    assert finding.code == "source-without-text"
    assert "source:t has no fingerprint and is not described" in finding.message


def test_a_text_that_is_stated_must_have_its_fingerprint():
    inline = f"graph:claims {{ source:s schema:text {Literal('other')} . }}"
    assert codes(described() + inline + CONTENT)[0] == "changed-text"


def test_a_text_that_is_not_utf8_is_named_with_the_byte():
    content = b"caf\xe9"
    trig = f'graph:claims {{ source:s schema:sha256 "{hashlib.sha256(content).hexdigest()}" . }}'
    (finding,) = examined(trig, texts={"s.txt": content}).findings
    assert "byte 3 of s.txt" in finding.message


# What the base has already.


def test_nothing_that_the_base_has_is_overwritten():
    base = entered(examined(described() + CONTENT))
    for changed in (
        described().replace("prov:wasAttributedTo source:s", "prov:wasAttributedTo id:egypt") + CONTENT,
        described() + CONTENT.replace("parley:Agreement", "parley:Truce"),
        "graph:claims { source:s dcterms:title 'another title' . }",
    ):
        assert codes(changed, base) == ["changed-claim"]
    assert codes(described() + CONTENT, base, {}) == []


def test_a_new_claim_may_rest_on_a_source_of_the_base():
    base = entered(examined(described() + CONTENT))
    second = (described("Egypt and Sudan", 0, 15) + CONTENT).replace("claim/s/1", "claim/s/2")
    evidence = examined(second, base, {})
    assert evidence.findings == ()
    assert len(evidence.claims) == 1


def test_a_proposal_of_names_alone_has_no_evidence_to_give():
    proposal = [Statement(Quad(iri("id:a"), iri("rdfs:label"), Literal("a"), REFERENCE), Place("a.ttl", 1))]
    assert examine(proposal, Embedded()) == Evidence(tuple(proposal), (), ())
    loose = [Statement(Quad(iri("id:a"), iri("rdfs:label"), Literal("a"), DefaultGraph()), Place("a.ttl", 1))]
    assert examine(loose, Embedded()).findings == ()


def test_a_thousand_quotes_that_are_nowhere_in_a_long_text_take_seconds():
    text = (TEXT * 10_000).encode()
    trig = f'graph:claims {{ source:s schema:sha256 "{hashlib.sha256(text).hexdigest()}" . }}'
    for n in range(1000):
        name = f"<https://w3id.org/parley/claim/s/{n}>"
        trig += f"""graph:claims {{ {name} a parley:Claim ; oa:exact "Egypt sayd that troops {n} had gone" ;
            prov:hadPrimarySource source:s ; prov:wasAttributedTo source:s . }} {name} {{ id:a a parley:State . }}"""
    proposal = statements(trig)
    start = time.process_time()
    evidence = examine(proposal, Embedded(), {"s.txt": text})
    assert time.process_time() - start < 20
    assert [finding.code for finding in evidence.findings] == ["quote-not-found"] * 1000


def test_the_position_that_is_told_is_kept_where_the_quote_stands_there_too():
    """The unique place may not be assumed when the told one holds."""
    assert TEXT.count("Egypt said") == 2
    evidence = examined(described("Egypt said", 77, 87) + CONTENT)
    assert evidence.findings == ()
    assert evidence.claims[0].start == 77


NOW = datetime(2026, 11, 23, tzinfo=UTC)
RECORDED, WITHDRAWN = "prov:generatedAtTime", "prov:invalidatedAtTime"


def timed(**times: str) -> str:
    terms = {"recorded": RECORDED, "withdrawn": WITHDRAWN}
    said = "".join(f'; {terms[name]} "{time}"^^xsd:dateTime' for name, time in times.items())
    return described(more=said) + CONTENT


@pytest.mark.parametrize(
    ("times", "path", "why"),
    [
        ({"recorded": "12020-03-05T00:00:00Z"}, RECORDED, "is in no year from 1 to 9999"),
        ({"recorded": "-0044-03-15T00:00:00Z"}, RECORDED, "is in no year from 1 to 9999"),
        ({"withdrawn": "0000-01-01T00:00:00Z"}, WITHDRAWN, "is in no year from 1 to 9999"),
        ({"recorded": "2026-11-24T00:00:01Z"}, RECORDED, "is in the future"),
        ({"withdrawn": "2026-11-24T00:00:00-01:00"}, WITHDRAWN, "is in the future"),
        (
            {"recorded": "2020-03-06T00:00:00Z", "withdrawn": "2020-03-05T23:59:59"},
            WITHDRAWN,
            "is earlier than 2020-03-06T00:00:00Z, when it was recorded",
        ),
    ],
)
def test_a_time_at_which_nothing_can_have_been_recorded_is_found(times: dict[str, str], path: str, why: str):
    proposal = statements(timed(**times))
    (finding,) = examine(proposal, Embedded(), TEXTS, NOW).findings
    assert finding.code == "recording-time"
    assert finding.message.endswith(why)
    (place,) = (one.place for one in proposal if one.quad.predicate == iri(path))
    assert (finding.place, finding.focus, finding.path) == (place, CLAIM, str(iri(path)))


@pytest.mark.parametrize(
    "times",
    [
        {"recorded": "2026-11-24T00:00:00Z"},
        {"recorded": "0001-01-01T00:00:00Z"},
        {"recorded": "2020-03-05T00:00:00.1234567Z"},
        {"recorded": "2020-03-05T24:00:00Z"},
        {"recorded": "2020-03-05T00:00:00Z", "withdrawn": "2020-03-05T00:00:00Z"},
        {"withdrawn": "2020-03-05T00:00:00Z"},
    ],
    ids=["a day ahead", "the first", "finer than a microsecond", "midnight", "at once", "withdrawn at birth"],
)
def test_a_time_at_which_it_can_have_been_recorded_is_none_to_find(times: dict[str, str]):
    assert examine(statements(timed(**times)), Embedded(), TEXTS, NOW).findings == ()
