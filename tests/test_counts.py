"""Counts that cannot both be right are named together, each with its sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from kg.disputes.counts import contested
from kg.evidence.claims import Claim
from kg.findings import Place, Severity, Witness
from kg.outside.proposals import Statement
from kg.storage.store import Embedded
from kg.terms import CLAIMS, PREFIXES, VIEW, iri

HEAD = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
OLD, NEW = (NamedNode(f"https://w3id.org/parley/claim/{name}/1") for name in ("old", "new"))
BOMBING = "a parley:DeathCount ; parley:resultsFrom id:bombing ; parley:hasVictimsFrom id:army"


def statements(turtle: str, graph: NamedNode | DefaultGraph = NEW) -> list[Statement]:
    quads = parse(HEAD + turtle, RdfFormat.TURTLE)
    return [Statement(Quad(*quad.triple, graph), Place("a.ttl", n)) for n, quad in enumerate(quads, 1)]


def base(turtle: str, *, speaker: str = "source:old", withdrawn: bool = False) -> Embedded:
    store = Embedded()
    store.fill(statement.quad for statement in statements(turtle, OLD))
    store.fill(Quad(*statement.quad.triple, VIEW) for statement in statements(turtle, OLD))
    facts = [
        ("rdf:type", iri("parley:Claim")),
        ("prov:hadPrimarySource", iri("source:old")),
        ("prov:wasAttributedTo", iri(speaker)),
        ("oa:exact", Literal("so many died")),
        ("oa:start", Literal(0)),
        ("oa:end", Literal(12)),
        *(
            [("prov:invalidatedAtTime", Literal("2020-01-01T00:00:00Z", datatype=iri("xsd:dateTime")))]
            * withdrawn
        ),
    ]
    store.fill(Quad(OLD, iri(term), value, CLAIMS) for term, value in facts)
    return store


def new_claim(name: NamedNode = NEW) -> Claim:
    return Claim(name, iri("source:new"), iri("source:new"), "others died", 0, 11)


def messages(turtle: str, store: Embedded) -> list[str]:
    found = list(contested(statements(turtle), [new_claim()], store))
    for finding in found:
        assert (finding.code, finding.severity) == ("contested-figure", Severity.WARNING)
        assert finding.witnesses == (Witness(NEW, "others died"), Witness(OLD, "so many died"))
        assert finding.place is not None
    return [finding.message for finding in found]


def test_another_figure_of_the_same_count_names_both_sides():
    (message,) = messages("id:c parley:exactCount 34 .", base("id:c parley:exactCount 56 ."))
    assert message == f"id:c is 34 but 56 in {OLD}"


def test_a_count_of_the_same_victims_of_the_same_event_is_compared():
    store = base(f"id:c {BOMBING} ; parley:leastCount 31 .")
    (message,) = messages(f"id:d {BOMBING} ; parley:mostCount 20 .", store)
    assert message.startswith(
        "id:d is at most 20, and id:c, of the same victims of the same event, is 31 or more in"
    )
    assert messages(f"id:d {BOMBING} ; parley:exactCount 33 .", store) == []


@pytest.mark.parametrize(
    "other",
    [
        f"id:d {BOMBING.replace('DeathCount', 'CasualtyCount')} ; parley:exactCount 20 .",
        f"id:d {BOMBING.replace('id:army', 'id:navy')} ; parley:exactCount 20 .",
        f"id:d {BOMBING.replace('id:bombing', 'id:battle')} ; parley:exactCount 20 .",
        f"id:d {BOMBING} ; parley:exactCount 20 ; parley:isIncludedIn id:c .",
    ],
)
def test_another_event_other_victims_wounded_and_parts_are_another_matter(other):
    assert messages(other, base(f"id:c {BOMBING} ; parley:leastCount 31 .")) == []


def test_who_is_said_to_have_told_the_other_figure_is_named():
    store = base("id:c parley:exactCount 56 .", speaker="id:syria")
    assert messages("id:c parley:exactCount 34 .", store)[0].endswith(", as told by id:syria")


def test_a_withdrawn_claim_contests_nothing():
    assert messages("id:c parley:exactCount 34 .", base("id:c parley:exactCount 56 .", withdrawn=True)) == []


def test_two_claims_of_one_proposal_are_compared_and_named_once():
    other = NamedNode(NEW.value.replace("/1", "/2"))
    both = statements("id:c parley:exactCount 34 .") + statements("id:c parley:exactCount 56 .", other)
    found = list(contested(both, [new_claim(), new_claim(other)], Embedded()))
    assert len(found) == 1
    assert {witness.claim for witness in found[0].witnesses} == {NEW, other}


def test_a_proposal_without_claims_is_compared_with_the_base():
    plain = statements("id:c parley:exactCount 34 .", DefaultGraph())
    (finding,) = contested(plain, [], base("id:c parley:exactCount 56 ."))
    assert finding.witnesses == (Witness(OLD, "so many died"),)


ranges = st.tuples(st.sampled_from(["exact", "least", "most"]), st.integers(0, 6))


@given(ranges, ranges)
def test_two_counts_are_contested_exactly_where_no_number_fits_both(one, other):
    def numbers(kind: str, number: int) -> set[int]:
        return {n for n in range(9) if n == number or (kind != "exact" and (n > number) == (kind == "least"))}

    store = base(f"id:c parley:{other[0]}Count {other[1]} .")
    found = messages(f"id:c parley:{one[0]}Count {one[1]} .", store)
    assert bool(found) == (not numbers(*one) & numbers(*other))


def test_the_cost_is_that_of_the_counts_of_one_event():
    store = base(" ".join(f"id:c{n} {BOMBING} ; parley:exactCount {n} ." for n in range(5000)))
    asked = []

    class Watched(Embedded):
        def quads(self, *pattern):
            asked.append(pattern)
            return store.quads(*pattern)

    list(contested(statements(f"id:d {BOMBING} ; parley:exactCount 20 ."), [new_claim()], Watched()))
    assert len(asked) < 2000
