"""Exports say the same as the data, to another parser too, and are the same bytes each time."""

from __future__ import annotations

import csv
import io
import json
import random
import warnings
import zipfile
from pathlib import Path

import networkx
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    Triple,
    parse,
)

from kg.asking.export import FORMATS, export
from kg.errors import Refused, UnknownName, UsageError
from kg.syntax.turtle import SYNTAXES, format_file, read
from kg.terms import iri

BASE = Path(__file__).parent / "export" / "base.trig"
QUADS = list(read(BASE))
RDF = [name for name, form in FORMATS.items() if form.suffix in SYNTAXES]
RDFLIB = {"turtle": "turtle", "trig": "trig", "ntriples": "nt", "nquads": "nquads"}
RDFLIB |= {"jsonld": "json-ld", "rdfxml": "xml"}


def exported(quads, to: str, **options) -> bytes:
    return b"".join(export(quads, to, **options))


def canonical(quads) -> Dataset:
    """Return the dataset under RDFC-1.0: the oracle for "the same graph"."""
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def merged(quads) -> list[Quad]:
    return [Quad(*quad.triple) for quad in quads]


def expected(quads, to: str) -> Dataset:
    return canonical(quads if FORMATS[to].named_graphs else merged(quads))


def by_rdflib(data: bytes, to: str) -> Dataset:
    """Return what rdflib reads, in pyoxigraph's terms."""

    def term(node):
        if isinstance(node, rdflib.Literal):
            if node.language:
                return Literal(str(node), language=node.language)
            return Literal(str(node), datatype=NamedNode(node.datatype or rdflib.XSD.string))
        return (NamedNode if isinstance(node, rdflib.URIRef) else BlankNode)(str(node))

    dataset = rdflib.Dataset()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of rdflib, by rdflib
        dataset.parse(data=data, format=RDFLIB[to])
    found = []
    for subject, predicate, value, name in dataset.quads():
        default = (
            name is None or name == rdflib.graph.DATASET_DEFAULT_GRAPH_ID or not FORMATS[to].named_graphs
        )
        graph = DefaultGraph() if default else term(name)
        found.append(Quad(term(subject), term(predicate), term(value), graph))
    return canonical(found)


@pytest.fixture(autouse=True)
def _literals_as_written(monkeypatch):
    monkeypatch.setattr("rdflib.NORMALIZE_LITERALS", False)


def test_the_example_itself_is_in_canonical_form():
    assert format_file(BASE) == BASE.read_text("utf-8")


@pytest.mark.parametrize("to", RDF)
def test_each_rdf_format_is_read_back_as_the_same_graph_by_pyoxigraph(to):
    data = exported(QUADS, to)
    assert canonical(parse(data, SYNTAXES[FORMATS[to].suffix])) == expected(QUADS, to)


@pytest.mark.parametrize("to", RDF)
def test_each_rdf_format_is_read_back_as_the_same_graph_by_rdflib(to):
    assert by_rdflib(exported(QUADS, to), to) == expected(QUADS, to)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("seed", range(3))
def test_two_exports_are_the_same_bytes_whatever_the_order_and_the_labels(to, seed):
    again = list(read(BASE))  # with fresh blank node labels
    random.Random(seed).shuffle(again)  # noqa: S311 - a fixed shuffle, not a secret
    assert exported([*again, *again[:5]], to) == exported(QUADS, to)


@pytest.mark.parametrize("to", FORMATS)
def test_nothing_is_exported_as_a_well_formed_file(to):
    data = exported([], to)
    if to in RDF:
        assert list(parse(data, SYNTAXES[FORMATS[to].suffix])) == []
    elif to == "graphml":
        assert len(networkx.read_graphml(io.BytesIO(data))) == 0
    elif to == "geojson":
        assert json.loads(data) == {"type": "FeatureCollection", "features": []}
    else:
        assert zipfile.ZipFile(io.BytesIO(data)).namelist() == []


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
FACTS = st.lists(
    st.builds(
        Quad,
        st.sampled_from([iri("id:a"), iri("id:b"), BlankNode("x"), BlankNode("y")]),
        st.sampled_from([iri("rdf:type"), iri("parley:p"), NamedNode("http://a/b-c")]),
        st.sampled_from([iri("id:a"), iri("parley:C"), BlankNode("x")]) | st.builds(Literal, TEXTS),
        st.sampled_from([DefaultGraph(), iri("graph:claims"), iri("claim:x")]),
    ),
    max_size=8,
)


@pytest.mark.parametrize("to", RDF)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(quads=FACTS)
def test_any_text_survives_an_rdf_format_or_is_refused(to, quads):
    try:
        data = exported(quads, to)
    except Refused:
        assert to == "rdfxml"
        return
    assert canonical(parse(data, SYNTAXES[FORMATS[to].suffix])) == expected(quads, to)


@pytest.mark.parametrize(
    "text", [" a ", "a\rb", "a\r\nb", "\t", "]]>", "<&>\"'", "\u2028", "\U0001f600", "\x85"]
)
def test_rdf_xml_keeps_every_text_that_xml_can_hold(text):
    quads = [Quad(iri("id:a"), iri("parley:p"), Literal(text))]
    assert by_rdflib(exported(quads, "rdfxml"), "rdfxml") == canonical(quads)


@pytest.mark.parametrize(
    ("triple", "message"),
    [
        (
            (iri("id:a"), NamedNode("http://a/1"), iri("id:b")),
            "^http://a/1: XML cannot hold this name; export to",
        ),
        ((iri("id:a"), iri("rdf:type"), NamedNode("http://a/1")), "^http://a/1: XML cannot hold this name"),
        (
            (iri("id:a"), iri("rdf:li"), iri("id:b")),
            "reserved syntax term is not allowed as a predicate; export",
        ),
        ((iri("id:a"), iri("parley:p"), Literal("\x01")), "XML cannot hold a control character; export to"),
    ],
)
def test_what_xml_cannot_say_is_refused_in_one_line(triple, message):
    with pytest.raises(Refused, match=message) as caught:
        exported([Triple(*triple)], "rdfxml")
    assert "\n" not in str(caught.value)


def test_a_class_that_is_no_xml_name_can_be_written_beside_another_fact():
    quads = [Quad(iri("id:a"), iri("rdf:type"), NamedNode("http://a/1"))]
    quads.append(Quad(iri("id:a"), iri("parley:p"), Literal("x")))
    assert by_rdflib(exported(quads, "rdfxml"), "rdfxml") == canonical(quads)


@pytest.mark.parametrize("to", ["ntriples", "nquads"])
def test_lines_are_sorted_and_each_once(to):
    lines = exported([*QUADS, *QUADS], to).decode().split("\n")
    assert lines.pop() == ""
    assert lines == sorted(set(lines))


def test_an_unknown_format_is_named_with_the_nearest():
    with pytest.raises(UnknownName, match="no export format is called 'turtel'; did you mean 'turtle'"):
        export([], "turtel")


def test_graphml_has_things_as_nodes_and_relations_as_edges():
    graph = networkx.read_graphml(io.BytesIO(exported(QUADS, "graphml")), force_multigraph=True)
    idlib = graph.nodes[iri("id:idlib").value]
    assert (idlib["label"], idlib["class"]) == ("Idlib", "parley:Province")
    assert idlib["parley:population"] == "1500000"
    assert idlib["rdfs:label"] == "Idlib | İdlib"
    putin, assad = iri("id:putin").value, iri("id:assad").value
    edges = graph.get_edge_data(putin, assad)
    assert [edge["label"] for edge in edges.values()] == ["meets"]
    relations = [quad for quad in set(merged(QUADS)) if not isinstance(quad.object, Literal)]
    assert graph.number_of_edges() == sum(quad.predicate != iri("rdf:type") for quad in relations)


def test_graphml_of_any_text_can_be_read():
    quads = [Triple(iri("id:a"), iri("parley:p"), Literal("\x00\x0b\uffff<&>]]>"))]
    graph = networkx.read_graphml(io.BytesIO(exported(quads, "graphml")))
    assert graph.nodes[iri("id:a").value]["parley:p"] == "\ufffd\ufffd\ufffd<&>]]>"


def test_geojson_has_a_feature_for_each_thing_with_coordinates():
    assert json.loads(exported(QUADS, "geojson")) == {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": iri("id:idlib").value,
                "geometry": {"type": "Point", "coordinates": [36.6, 35.9]},
                "properties": {
                    "iri": iri("id:idlib").value,
                    "label": "Idlib",
                    "class": "parley:Province",
                    "rdfs:label": "Idlib | İdlib",
                    "parley:population": 1500000,
                    "parley:share": -1.5,
                },
            }
        ],
    }


def shape(*texts: str):
    """Return the geometry of a thing with these well-known texts."""
    kind = iri("geo:wktLiteral")
    quads = [Triple(iri("id:a"), iri("geo:asWKT"), Literal(text, datatype=kind)) for text in texts]
    (feature,) = json.loads(exported(quads, "geojson"))["features"]
    return feature["geometry"]


def test_geometries_are_written_as_rfc_7946_says():
    crs84 = "<http://www.opengis.net/def/crs/OGC/1.3/CRS84> "
    assert shape(crs84 + "Point (1 -2.5)") == {"type": "Point", "coordinates": [1, -2.5]}
    assert shape("POINT(1 2 300)")["coordinates"] == [1, 2, 300]
    assert shape("LINESTRING(1 2, 3 4)") == {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    assert shape("POINT(1 2)", "POINT(3 4)") == {
        "type": "GeometryCollection",
        "geometries": [{"type": "Point", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [3, 4]}],
    }


def test_the_outer_ring_of_a_polygon_runs_counter_clockwise_and_a_hole_clockwise():
    right = [[0, 0], [9, 0], [9, 9], [0, 0]]
    hole = [[5, 2], [6, 3], [6, 2], [5, 2]]

    def wkt(*rings):
        return "POLYGON(" + ", ".join(f"({', '.join(f'{x} {y}' for x, y in ring)})" for ring in rings) + ")"

    for rings in ([right, hole], [right[::-1], hole[::-1]], [right, hole[::-1]]):
        assert shape(wkt(*rings)) == {"type": "Polygon", "coordinates": [right, hole]}


@pytest.mark.parametrize(
    "text",
    [
        "POINT(35.9)",
        "POINT EMPTY",
        "POINT(200 35)",
        "POINT(36 95)",
        "POINT(1e999 1)",
        "POINT(1 2",
        "POINT(1 2, 3 4)",
        "LINESTRING(1 2)",
        "POLYGON((0 0, 1 1, 0 0))",
        "POLYGON(0 0, 1 1, 2 2, 0 0)",
        "POINT((1 2))",
        "CIRCLE(1 2)",
        "36.6, 35.9",
        "<http://www.opengis.net/def/crs/EPSG/0/4326> POINT(35.9 36.6)",
    ],
)
def test_coordinates_that_are_none_are_refused_with_the_thing(text):
    with pytest.raises(
        Refused, match=r"id/a.*cannot be shown on a map: .*; write it as POINT\(longitude latitude\)"
    ):
        shape(text)


def tables(**options) -> dict[str, list[list[str]]]:
    archive = zipfile.ZipFile(io.BytesIO(exported(QUADS, "csv", **options)))
    return {
        name: list(csv.reader(io.StringIO(archive.read(name).decode(), newline="")))
        for name in archive.namelist()
    }


def test_csv_has_one_table_for_each_class():
    found = tables()
    assert [name for name in found if name.startswith("parley")] == [
        "parley_Claim.csv",
        "parley_Person.csv",
        "parley_President.csv",
        "parley_Province.csv",
    ]
    assert found["parley_Person.csv"] == [
        ["iri", "label", "parley:meets", "parley:note", "rdf:type", "rdfs:label"],
        [iri("id:assad").value, "Assad", "", "", iri("parley:Person").value, "Assad | الأسد"],
        [iri("id:erdogan").value, "Erdoğan", "", "'=1+1 | later", iri("parley:Person").value, "Erdoğan"],
        [
            iri("id:putin").value,
            "Putin",
            f"{iri('id:assad').value} | {iri('id:erdogan').value}",
            "",
            f"{iri('parley:Person').value} | {iri('parley:President').value}",
            "Putin",
        ],
    ]
    assert found["parley_Claim.csv"][1][2] == 'two leaders met,\r\nand "agreed"'


def test_csv_for_people_has_labels_in_its_cells():
    assert tables(readable=True)["parley_President.csv"][1][2] == "Assad | Erdoğan"
    given = {iri("id:assad"): "Bashar al-Assad"}
    assert tables(readable=True, labels=given)["parley_President.csv"][1][2] == "Bashar al-Assad | Erdoğan"


def test_csv_of_one_class_is_a_plain_table():
    text = exported(QUADS, "csv", table=iri("parley:Province")).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[:2] for row in rows] == [["iri", "label"], [iri("id:idlib").value, "Idlib"]]
    with pytest.raises(UnknownName, match="no class with members is called 'parley:Provinse'; did you mean"):
        exported(QUADS, "csv", table=iri("parley:Provinse"))
    with pytest.raises(UsageError, match="only csv has tables"):
        exported(QUADS, "turtle", table=iri("parley:Province"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
        ("+1 555", "'+1 555"),
        ("-3", "-3"),
        ("-1.5e3", "-1.5e3"),
        ("-3+2", "'-3+2"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
    ],
)
def test_no_cell_is_a_formula(text, cell):
    quads = [Triple(iri("id:a"), iri("rdf:type"), iri("parley:C"))]
    quads.append(Triple(iri("id:a"), iri("parley:p"), Literal(text)))
    table = exported(quads, "csv", table=iri("parley:C")).decode()
    assert list(csv.reader(io.StringIO(table, newline="")))[1][2] == cell


def test_the_entries_of_the_zip_bear_no_time_of_day():
    archive = zipfile.ZipFile(io.BytesIO(exported(QUADS, "csv")))
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_thing_is_labelled_in_english_first():
    def label(*names: Literal) -> str:
        quads = [Triple(iri("id:a"), iri("rdfs:label"), name) for name in names]
        quads.append(Triple(iri("id:a"), iri("rdf:type"), iri("parley:C")))
        return exported(quads, "csv", table=iri("parley:C")).decode().split(",")[4]

    turkish, plain, english = Literal("T", language="tr"), Literal("P"), Literal("E", language="en")
    assert label(turkish, plain, english) == "E"
    assert label(turkish, plain) == "P"
    assert label(turkish) == "T"
