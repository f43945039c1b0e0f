"""A triple is understood as people write it, and what cannot be understood is refused with the nearest names."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.asking.naming import read_triple
from kg.bases.building import build
from kg.errors import UnknownName, UsageError
from kg.storage.store import Embedded
from kg.terms import ONTOLOGY, VIEW, iri

TURKEY, LABEL, CODE = iri("id:turkey"), iri("rdfs:label"), iri("parley:isoAlpha2Code")


@pytest.fixture(scope="module")
def store() -> Embedded:
    made = build()
    node = iri("id:width")
    end = Literal("2020-03-05", datatype=iri("xsd:date"))
    made.add(
        [Quad(node, iri("parley:numericValue"), Literal(6), VIEW), Quad(node, iri("parley:end"), end, VIEW)]
    )
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("Turkey", "supports", "Syrian rebels"),
        ("turkey", "Supports", "syrian-rebels"),
        ("Турция", "parley:supports", "id:syrian-rebels"),
        ("TUR", "<https://w3id.org/parley/ontology#supports>", "https://w3id.org/parley/id/syrian-rebels"),
        (" Türkiye ", " supports ", " Syrian rebels "),
    ],
)
def test_a_thing_goes_by_label_code_curie_or_iri(words: tuple[str, str, str], store: Embedded) -> None:
    assert read_triple(*words, store) == Triple(TURKEY, iri("parley:supports"), iri("id:syrian-rebels"))


@pytest.mark.parametrize("relation", ["is hostile to", "isHostileTo", "is-hostile-to", "parley:isHostileTo"])
def test_a_property_goes_by_label_name_curie(relation: str, store: Embedded) -> None:
    assert read_triple("Syria", relation, "Turkey", store).predicate == iri("parley:isHostileTo")


@pytest.mark.parametrize("relation", ["a", "is a", "is an", "type", "rdf:type"])
@pytest.mark.parametrize("name", ["force of a state", "StateForce", "state force", "parley:StateForce"])
def test_a_class_goes_by_label_name_or_curie(relation: str, name: str, store: Embedded) -> None:
    expected = Triple(iri("id:syrian-armed-forces"), iri("rdf:type"), iri("parley:StateForce"))
    assert read_triple("id:syrian-armed-forces", relation, name, store) == expected


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("Turkey", "ISO alpha-2 code", "TR"), Literal("TR")),
        (("Turkey", "isoAlpha2Code", "XX"), Literal("XX")),
        (("Turkey", "rdfs:label", "Turkey"), Literal("Turkey")),
        (("Turkey", "label", "Турция"), Literal("Турция", language="ru")),
        (("Turkey", "label", '"Türkiye"@tr'), Literal("Türkiye", language="tr")),
        (("id:width", "numeric value", "6"), Literal(6)),
        (("id:width", "numericValue", "6.50"), Literal("6.5", datatype=iri("xsd:decimal"))),
        (("id:width", "end", "2020-03-05"), Literal("2020-03-05", datatype=iri("xsd:date"))),
        (("id:width", "end", '"2020-03-06"^^xsd:date'), Literal("2020-03-06", datatype=iri("xsd:date"))),
        (("id:width", "end", "2020-02-31"), Literal("2020-02-31")),
        (("id:width", "content", 'a "b"'), Literal('a "b"')),
        (("id:width", "content", r'"a \"b\""'), Literal('a "b"')),
        (("id:width", "knowingly", "true"), Literal(True)),
    ],
)
def test_a_value_is_written_plainly_or_as_in_turtle(
    words: tuple[str, str, str], value: Literal, store: Embedded
) -> None:
    assert read_triple(*words, store).object == value


def test_other_vocabularies_are_understood(store: Embedded) -> None:
    wikidata = NamedNode("http://www.wikidata.org/entity/Q43")
    assert read_triple("Turkey", "exactMatch", wikidata.value, store) == Triple(
        TURKEY, iri("skos:exactMatch"), wikidata
    )


def test_what_only_a_claim_of_others_speaks_of_goes_by_curie_or_iri(store: Embedded) -> None:
    told = iri("id:told-of-only")
    store.add([Quad(told, iri("parley:hasTarget"), TURKEY, iri("claim:of-someone"))])
    for name in ("id:told-of-only", told.value, "told-of-only"):
        assert read_triple(name, "has target", "Turkey", store).subject == told
    assert read_triple("Turkey", "concerns", "id:told-of-only", store).object == told
    assert not any(store.quads(told, None, None, VIEW))


@pytest.mark.parametrize(
    "words",
    [
        ("?x", "supports", "Turkey"),
        ("Turkey", "?how", "Syria"),
        ("Turkey", "supports", "?"),
        ("$x", "a", "b"),
    ],
)
def test_a_triple_has_no_variables(words: tuple[str, str, str], store: Embedded) -> None:
    with pytest.raises(UsageError, match="is a variable, and a triple has none; ask with kg query"):
        read_triple(*words, store)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("Turky", "supports", "Syria"), "no thing is called 'Turky'; did you mean 'Turkey'"),
        (("Turkey", "suports", "Syria"), "no property is called 'suports'; did you mean 'supports'"),
        (("Turkey", "parley:suports", "Syria"), "did you mean 'parley:supports'"),
        (("Turkey", "a", "Stat"), "no class is called 'Stat'; did you mean 'state'"),
        (("Turkey", "a", "parley:Stat"), "did you mean 'parley:State'"),
        (("Turkey", "supports", "Nobody Known"), "no thing is called 'Nobody Known'"),
        (("id:no-such-thing", "supports", "Turkey"), "no thing is called 'id:no-such-thing'"),
        (("no such: thing", "supports", "Turkey"), "no thing is called 'no such: thing'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    words: tuple[str, str, str], message: str, store: Embedded
) -> None:
    with pytest.raises(UnknownName) as refused:
        read_triple(*words, store)
    assert message in str(refused.value)
    assert refused.value.exit_status == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("Turkey", "label", "Türkiye"), 'the object: \'Türkiye\' may mean "Türkiye"@en, "Türkiye"@tr'),
        (("Turkey", "label", '"x"^^<b c>'), "is no value"),
        (("", "supports", "Turkey"), "the subject is empty"),
        (("Turkey", "supports", "\udc80"), "is no Unicode text"),
    ],
)
def test_what_is_not_clear_is_refused(words: tuple[str, str, str], message: str, store: Embedded) -> None:
    with pytest.raises(UsageError) as refused:
        read_triple(*words, store)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_properties_of_one_label_are_told_apart() -> None:
    store = Embedded()
    for name in ("one", "two"):
        term = iri(f"parley:{name}")
        store.add([Quad(term, iri("rdf:type"), iri("owl:ObjectProperty"), ONTOLOGY)])
        store.add([Quad(term, LABEL, Literal("same", language="en"), ONTOLOGY)])
    with pytest.raises(
        UsageError, match="the property 'same' may mean parley:one, parley:two; write one of these"
    ):
        read_triple("Turkey", "same", "Syria", store)
