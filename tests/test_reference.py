"""The reference data says what things are called and how others identify them, and which data set says so."""

from __future__ import annotations

import gettext
import re
import unicodedata
from collections import defaultdict
from pathlib import Path

import babel
import pycountry
import pyoxigraph
import pytest
import rdflib
from babel.core import get_cldr_version
from babel.dates import get_timezone_location
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

from kg.terms import PREFIXES, REFERENCE, data_folder, iri

FILES = sorted((data_folder() / "seeds" / "reference").glob("*.trig"))
QUADS = {file.stem: list(pyoxigraph.parse(path=str(file), format=RdfFormat.TRIG)) for file in FILES}
ALL = [quad for quads in QUADS.values() for quad in quads]

STATES = {"russia": "RU", "turkey": "TR", "syria": "SY"}
THINGS = {
    *STATES,
    *(f"{state}-territory" for state in STATES),
    *("vladimir-putin", "recep-tayyip-erdogan", "bashar-al-assad"),
    *("idlib-governorate", "latakia", "latakia-port", "moscow", "m4-motorway", "mediterranean-sea"),
    *("russian-armed-forces", "turkish-armed-forces", "syrian-army", "syrian-air-force", "russian-air-force"),
    *("syrian-rebels", "turkey-backed-rebel-groups", "idlib-agreement-2020"),
    *("president-of-russia", "putin-presidency"),
}

IDENTIFIERS = {
    "parley:isoAlpha2Code": {"russia": "RU", "turkey": "TR", "syria": "SY"},
    "parley:isoAlpha3Code": {"russia": "RUS", "turkey": "TUR", "syria": "SYR"},
    "parley:isoNumericCode": {"russia": "643", "turkey": "792", "syria": "760"},
    "parley:isoSubdivisionCode": {"idlib-governorate": "SY-ID"},
    "parley:gleditschWardNumber": {"russia": "365", "turkey": "640", "syria": "652"},
    "parley:geoNamesId": {
        "russia-territory": "2017370",
        "turkey-territory": "298795",
        "syria-territory": "163843",
        "idlib-governorate": "169387",
        "latakia": "173576",
        "moscow": "524901",
    },
    "parley:wikidataId": {
        "russia": "Q159",
        "turkey": "Q43",
        "syria": "Q858",
        "idlib-governorate": "Q233218",
        "latakia": "Q200030",
    },
    "parley:ucdpActorId": {"russia": "57", "turkey": "115", "syria": "118", "syrian-rebels": "4456"},
    "parley:archigosLeaderId": {
        "vladimir-putin": "A2.9-5500",
        "recep-tayyip-erdogan": "A2.9-7369",
        "bashar-al-assad": "A2.9-7477",
    },
    "parley:paxAgreementId": {"idlib-agreement-2020": "2273"},
}

FORMS = {
    "parley:isoAlpha2Code": r"[A-Z]{2}",
    "parley:isoAlpha3Code": r"[A-Z]{3}",
    "parley:isoNumericCode": r"\d{3}",
    "parley:isoSubdivisionCode": r"[A-Z]{2}-[A-Z0-9]{1,3}",
    "parley:gleditschWardNumber": r"[1-9]\d{0,2}",
    "parley:geoNamesId": r"[1-9]\d*",
    "parley:wikidataId": r"Q[1-9]\d*",
    "parley:ucdpActorId": r"[1-9]\d*",
    "parley:archigosLeaderId": r"A\d\.\d-\d+",
    "parley:paxAgreementId": r"[1-9]\d*",
}

SCRIPTS = {"en": "LATIN", "tr": "LATIN", "ru": "CYRILLIC", "ar": "ARABIC", "ar-latn": "LATIN"}

# West, south, east and north, in whole degrees and generous: they catch swapped or mistyped coordinates.
BOXES = {
    "syria-territory": (35, 32, 43, 38),
    "turkey-territory": (25, 35, 45, 43),
    "russia-territory": (19, 41, 180, 82),
}

# Longitude and latitude; near 36 degrees of both, a swapped pair still lies in Syria and no box catches it.
POSITIONS = {
    "russia-territory": (100, 60),
    "turkey-territory": (35, 39),
    "syria-territory": (38, 35),
    "idlib-governorate": (36.5482, 35.8702),
    "latakia": (35.79088, 35.53125),
    "moscow": (37.61781, 55.75204),
}


def thing(slug: str) -> NamedNode:
    return iri(f"id:{slug}")


def values(predicate: str, slug: str | None = None) -> list[tuple[NamedNode, NamedNode | Literal]]:
    """Return subjects and objects of a predicate, of one thing or of all."""
    wanted = iri(predicate)
    pairs = [(quad.subject, quad.object) for quad in ALL if quad.predicate == wanted]
    return pairs if slug is None else [pair for pair in pairs if pair[0] == thing(slug)]


def names(predicate: str, slug: str) -> dict[str, set[str]]:
    """Return the names of a thing by language."""
    found: dict[str, set[str]] = defaultdict(set)
    for _, name in values(predicate, slug):
        found[name.language].add(name.value)
    return found


def slug_of(node: NamedNode) -> str:
    """Return the last part of the IRI of a thing or of a source."""
    return node.value.rpartition("/")[2]


def position(slug: str) -> tuple[float, float]:
    """Return longitude and latitude of a thing's point."""
    [(_, geometry)] = values("geo:hasGeometry", slug)
    [wkt] = [text.value for subject, text in values("geo:asWKT") if subject == geometry]
    match = re.fullmatch(r"POINT\((-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?)\)", wkt)
    assert match, wkt
    return float(match[1]), float(match[2])


# rdflib 7.6 warns of its own use of names that it means to drop.
@pytest.mark.filterwarnings("ignore:(Dataset|ConjunctiveGraph).* is deprecated:DeprecationWarning")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_rdflib_and_pyoxigraph_read_the_same_quads(file: Path) -> None:
    dataset = rdflib.Dataset()
    dataset.parse(data=file.read_text(encoding="utf-8"), format="trig")
    read = set(pyoxigraph.parse(dataset.serialize(format="nquads"), format=RdfFormat.N_QUADS))
    assert read == set(QUADS[file.stem])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_triple_stands_in_the_reference_graph_and_names_its_nodes(file: Path) -> None:
    for quad in QUADS[file.stem]:
        assert quad.graph_name == REFERENCE
        assert isinstance(quad.subject, NamedNode)
        assert isinstance(quad.object, NamedNode | Literal)


@pytest.mark.parametrize("slug", sorted(QUADS))
def test_every_file_describes_its_data_set_with_licence_version_and_publisher(slug: str) -> None:
    source = iri(f"source:{slug}")
    said = {quad.predicate for quad in QUADS[slug] if quad.subject == source}
    fields = ("title", "description", "license", "publisher")
    assert said == {iri("rdf:type"), iri("dcat:version"), *(iri(f"dcterms:{field}") for field in fields)}


@pytest.mark.parametrize("slug", sorted(QUADS))
def test_everything_in_a_file_names_the_data_set_of_that_file_as_its_source(slug: str) -> None:
    source = iri(f"source:{slug}")
    described = {quad.subject for quad in QUADS[slug]} - {source}
    assert described
    for subject in described:
        assert Quad(subject, iri("dcterms:source"), source, REFERENCE) in QUADS[slug]


def test_no_statement_stands_in_two_files() -> None:
    assert len(ALL) == len(set(ALL))


def test_the_things_are_those_that_the_article_mentions_and_the_office_it_leaves_out() -> None:
    base = PREFIXES["id"]
    slugs = {quad.subject.value.removeprefix(base) for quad in ALL if quad.subject.value.startswith(base)}
    assert {slug for slug in slugs if not slug.endswith("/geometry")} == THINGS


@pytest.mark.parametrize("slug", sorted(THINGS))
def test_a_thing_has_an_english_label_and_at_most_one_label_in_each_language(slug: str) -> None:
    labels = names("rdfs:label", slug)
    assert labels["en"]
    assert all(len(found) == 1 for found in labels.values())


@pytest.mark.parametrize("slug", sorted(THINGS))
def test_other_names_differ_from_the_label_in_their_language(slug: str) -> None:
    labels = names("rdfs:label", slug)
    for language, others in names("skos:altLabel", slug).items():
        assert not others & labels[language]


def test_no_two_things_share_a_name_in_one_language() -> None:
    owners = defaultdict(set)
    for predicate in ("rdfs:label", "skos:altLabel"):
        for subject, name in values(predicate):
            owners[name.value.casefold(), name.language].add(subject)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_names_are_in_the_script_of_their_language() -> None:
    for predicate in ("rdfs:label", "skos:altLabel"):
        for _, name in values(predicate):
            letters = [character for character in name.value if character.isalpha()]
            assert letters
            assert all(unicodedata.name(letter).startswith(SCRIPTS[name.language]) for letter in letters), (
                name
            )


@pytest.mark.parametrize("predicate", IDENTIFIERS)
def test_the_identifiers_are_exactly_the_verified_ones(predicate: str) -> None:
    found = dict(values(predicate))
    assert len(found) == len(values(predicate))
    assert found == {thing(slug): Literal(value) for slug, value in IDENTIFIERS[predicate].items()}


@pytest.mark.parametrize("predicate", FORMS)
def test_codes_have_the_form_of_their_scheme_and_belong_to_one_thing_each(predicate: str) -> None:
    codes = [code.value for _, code in values(predicate)]
    assert codes
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(FORMS[predicate], code) for code in codes)


def test_every_wikidata_and_geonames_identifier_has_its_link_and_there_are_no_others() -> None:
    expected = {
        (subject, NamedNode(f"http://www.wikidata.org/entity/{code.value}"))
        for subject, code in values("parley:wikidataId")
    } | {
        (subject, NamedNode(f"https://sws.geonames.org/{code.value}/"))
        for subject, code in values("parley:geoNamesId")
    }
    assert set(values("skos:exactMatch")) == expected


def test_the_things_with_a_point_and_their_points_are_those_of_the_data_sets() -> None:
    placed = {slug_of(subject) for subject, _ in values("geo:hasGeometry")}
    assert {slug: position(slug) for slug in placed} == POSITIONS


@pytest.mark.parametrize("slug", sorted(POSITIONS))
def test_a_point_lies_in_the_state_whose_territory_holds_the_place(slug: str) -> None:
    [wider] = {slug_of(place) for _, place in values("parley:isLocatedIn", slug)} or {slug}
    west, south, east, north = BOXES[wider]
    longitude, latitude = position(slug)
    assert west < longitude < east
    assert south < latitude < north


@pytest.mark.parametrize("state", STATES)
def test_a_state_and_its_territory_are_two_things(state: str) -> None:
    assert values("parley:isTerritoryOf", f"{state}-territory") == [
        (thing(f"{state}-territory"), thing(state))
    ]
    assert values("geo:hasGeometry", state) == []


@pytest.mark.parametrize("language", ["en", "ru", "tr", "ar"])
def test_the_labels_of_states_and_of_moscow_are_those_of_cldr(language: str) -> None:
    territories = babel.Locale(language).territories
    for state, code in STATES.items():
        assert names("rdfs:label", state)[language] == {territories[code]}
    moscow = get_timezone_location("Europe/Moscow", locale=language, return_city=True)
    assert names("rdfs:label", "moscow")[language] == {moscow}


@pytest.mark.parametrize("state", STATES)
def test_the_codes_of_states_and_their_longer_names_are_those_of_pycountry(state: str) -> None:
    country = pycountry.countries.get(alpha_2=STATES[state])
    codes = [values(f"parley:iso{kind}Code", state)[0][1].value for kind in ("Alpha2", "Alpha3", "Numeric")]
    assert codes == [country.alpha_2, country.alpha_3, country.numeric]
    longer = getattr(country, "official_name", country.name)
    for language in ("ru", "tr"):
        translation = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [language])
        assert names("skos:altLabel", state)[language] == {translation.gettext(longer)}


def test_the_province_is_named_and_coded_as_in_pycountry() -> None:
    province = pycountry.subdivisions.get(code="SY-ID")
    turkish = gettext.translation("iso3166-2", pycountry.LOCALES_DIR, ["tr"])
    assert names("rdfs:label", "idlib-governorate")["en"] == {province.name}
    assert names("rdfs:label", "idlib-governorate")["tr"] == {turkish.gettext(province.name)}


def test_the_versions_are_those_of_the_packages_that_the_tests_compare_with() -> None:
    stated = {
        subject.value.removeprefix(PREFIXES["source"]): version for subject, version in values("dcat:version")
    }
    assert stated["cldr"] == Literal(str(get_cldr_version()))
    assert stated["pycountry"] == Literal(pycountry.__version__)


def test_the_table_of_labels_in_the_docs_is_what_the_files_hold() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference-data.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `id:([^`]+)` \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    sources = {
        (quad.subject, quad.object.language): slug
        for slug, quads in QUADS.items()
        for quad in quads
        if quad.predicate == iri("rdfs:label")
    }
    expected = {
        (slug, *(sources.get((thing(slug), language), "missing") for language in ("en", "ru", "tr", "ar")))
        for slug in THINGS
    }
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_every_term_of_ours_is_declared_in_the_ontology() -> None:
    namespace = PREFIXES["parley"]
    declared = {
        triple.subject
        for file in (data_folder() / "ontology").glob("*.ttl")
        for triple in pyoxigraph.parse(path=str(file), format=RdfFormat.TURTLE)
    }
    used = {node for quad in ALL for node in (quad.predicate, quad.object) if isinstance(node, NamedNode)}
    assert {node for node in used if node.value.startswith(namespace)} <= declared
