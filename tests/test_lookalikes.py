"""Names that look alike to an eye but differ are named together, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad

from kg.findings import Place
from kg.language.lookalikes import folded, look_alikes, skeleton
from kg.outside.proposals import Statement
from kg.storage.store import Embedded
from kg.terms import BASE, VIEW, iri

ID = BASE + "id/"
STATE, TYPE, LABEL, ALSO = iri("parley:State"), iri("rdf:type"), iri("rdfs:label"), iri("skos:altLabel")


def a_state(name: str) -> Statement:
    return Statement(Quad(NamedNode(ID + name), TYPE, STATE), Place("a.ttl", 1))


def labelled(name: str, text: str, language: str = "en") -> Statement:
    return Statement(Quad(NamedNode(ID + name), LABEL, Literal(text, language=language)), Place("a.ttl", 2))


def base(*statements: Statement) -> Embedded:
    store = Embedded()
    store.fill(Quad(*one.quad.triple, VIEW) for one in statements)
    return store


def said(proposal: list[Statement], known: Embedded) -> list[str]:
    findings = list(look_alikes(proposal, known))
    assert all((f.code, f.severity, f.place.file) == ("look-alike", "warning", "a.ttl") for f in findings)
    return [finding.message for finding in findings]


@pytest.mark.parametrize("name", ["ѕyria", "syriа", "ѕуrіа", "ｓyria", "𝐬yria", "syr1a", "syri\u200ba"])
def test_a_new_name_that_looks_like_one_of_the_base_is_named_with_it(name):
    (message,) = said([a_state(name)], base(a_state("syria")))
    assert "looks like id:syria of the base" in message


def test_rn_for_m_and_back_is_seen():
    assert "looks like id:modern-state" in said([a_state("modem-state")], base(a_state("modern-state")))[0]
    assert "looks like id:army" in said([a_state("arrny")], base(a_state("army")))[0]


def test_two_names_of_one_proposal_are_compared_too():
    (message,) = said([a_state("syria"), a_state("ѕyria")], Embedded())
    assert "looks like id:syria of the proposal: 'ѕ' is CYRILLIC SMALL LETTER DZE" in message


def test_a_name_that_the_base_has_is_not_new():
    known = base(a_state("syria"), a_state("ѕyria"))
    assert said([a_state("ѕyria"), a_state("syria")], known) == []


def test_letters_of_two_scripts_in_one_word_are_seen_whatever_the_base_has():
    (message,) = said([a_state("nоrth-land")], Embedded())
    assert "mixes letters of two scripts in 'nоrth'" in message
    (message,) = said([labelled("a", "Северная Сиpия", "ru")], Embedded())
    assert message.startswith("'Сиpия' mixes letters of two scripts")


@pytest.mark.parametrize(
    "iri_",
    [
        "http://w3id.org/parley/id/syria",
        "https://W3ID.org/parley/id/syria",
        "https://w3id.org/pаrley/id/syria",
    ],
)
def test_a_name_outside_our_namespace_that_passes_for_one_inside_is_seen(iri_):
    (message,) = said([Statement(Quad(NamedNode(iri_), TYPE, STATE), Place("a.ttl", 1))], Embedded())
    assert "passes for id:syria, but is another name" in message


def test_a_label_that_looks_like_the_label_of_another_thing_is_seen():
    known = base(labelled("russia", "Russia"))
    (message,) = said([labelled("b", "Russiа")], known)
    assert message.startswith("the label 'Russiа' looks like 'Russia', a label of id:russia")
    assert said([labelled("russia", "Russia")], known) == []


def test_a_thing_may_have_labels_that_look_alike():
    """What is written in two scripts is one thing under two names of its own: КТО and KTO."""
    assert said([labelled("operation", "КТО", "ru")], base(labelled("operation", "KTO", "ru"))) == []
    assert len(said([labelled("operation", "КТО", "ru")], base(labelled("other", "KTO", "ru")))) == 1


def test_capitals_stay_capitals():
    """Greek iota is read as I where it is a capital, so that a name in capitals is found."""
    assert folded("ΙDLΙΒ") == "IDLIB"
    assert "looks like id:IDLIB of the base" in said([a_state("ΙDLΙΒ")], base(a_state("IDLIB")))[0]


@pytest.mark.parametrize(
    ("text", "language"),
    [("Россия", "ru"), ("روسيا", "ar"), ("Türkiye", "tr"), ("Κύπρος", "el"), ("ООН", "ru"), ("Ísland", "is")],
)
def test_words_of_other_scripts_are_no_look_alikes(text, language):
    assert said([labelled("a", text, language)], base(labelled("b", "Russia"))) == []


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20))
def test_plain_names_that_are_alone_are_never_warned_of(name):
    assert said([a_state(name)], base(a_state("syria" + name))) == []


@given(st.text(max_size=40))
def test_a_text_looks_like_itself_and_like_what_it_is_folded_to(text):
    assert folded(folded(text)) == folded(text)
    assert skeleton(folded(text)) == skeleton(text)


def test_the_cost_does_not_grow_with_the_base():
    """Every look-up names a subject or a whole label: none goes through the base."""
    asked = []

    class Watched(Embedded):
        def quads(self, subject=None, predicate=None, value=None, graph=None):
            asked.append((subject, value))
            return super().quads(subject, predicate, value, graph)

    store = Watched()
    store.fill(Quad(NamedNode(f"{ID}{n}"), TYPE, STATE, VIEW) for n in range(1000))
    list(look_alikes([a_state("modern-syr1а"), labelled("modern-syr1а", "Modern Syriа")], store))
    assert asked
    assert all(subject is not None or value is not None for subject, value in asked)
    assert len(asked) < 40
