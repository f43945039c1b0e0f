"""Answers: what a row holds comes out as it is, for people, for programs and for notebooks; a thing in sentences."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, QueryResultsFormat, Triple, parse_query_results
from rdflib.query import Result

import kg
from kg.asking.answers import Answer, describe, read_answer
from kg.asking.labels import find_labels, reading
from kg.asking.reports import answer_table, coverage_page, description_page, question_list, question_page
from kg.errors import LimitReached
from kg.storage.store import Embedded
from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, VIEW, iri

XSD = "http://www.w3.org/2001/XMLSchema#"
# What XML-free formats can hold: any character but surrogates; NUL is left out, which csv readers stop at.
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
terms = st.one_of(
    st.none(),
    st.builds(Literal, text),
    st.builds(
        lambda value, language: Literal(value, language=language),
        text,
        st.sampled_from(["en", "ar", "sr-latn"]),
    ),
    st.builds(Literal, st.integers(-(10**12), 10**12)),
    st.builds(Literal, st.booleans()),
    st.builds(
        lambda value: Literal(str(value), datatype=NamedNode(XSD + "decimal")), st.decimals(-99, 99, places=2)
    ),
    st.builds(lambda value: Literal(value, datatype=NamedNode("urn:t")), text),
    st.builds(lambda name: NamedNode("urn:" + name), st.text("aé漢-.", max_size=6)),
    st.just(BlankNode("b")),
)
answers = st.lists(st.tuples(terms, terms), max_size=4).map(lambda rows: Answer(("one", "two"), tuple(rows)))


@given(answers)
def test_json_and_tsv_give_a_reader_the_same_terms(answer):
    for form, media in (("json", QueryResultsFormat.JSON), ("tsv", QueryResultsFormat.TSV)):
        read = parse_query_results(answer.written(form).encode(), media)
        assert [variable.value for variable in read.variables] == ["one", "two"]
        assert [tuple(row) for row in read] == list(answer.rows)


@given(answers)
def test_rdflib_reads_the_same_json(answer):
    """But for rows without any value, which it leaves out."""
    read = Result.parse(io.BytesIO(answer.written("json").encode()), format="json")
    found = [tuple(None if cell is None else str(cell) for cell in row) for row in read]
    assert found == [tuple(None if c is None else c.value for c in row) for row in answer.rows if any(row)]


@given(answers)
def test_csv_holds_the_text_of_every_cell(answer):
    rows = list(csv.reader(io.StringIO(answer.written("csv"), newline="")))
    assert rows[0] == ["one", "two"]
    assert rows[1:] == [
        ["" if c is None else str(c) if isinstance(c, BlankNode) else c.value for c in row]
        for row in answer.rows
    ]
    assert answer.written("csv").startswith("one,two\r\n")


@given(answers)
def test_markdown_has_a_line_and_two_cells_for_every_row(answer):
    lines = answer.written("markdown").split("\n")
    assert lines[:2] == ["| one | two |", "| --- | --- |"]
    assert lines[-1] == ""
    assert len(lines) == 3 + len(answer)
    for line in lines[2:-1]:
        assert len(re.findall(r"\|", re.sub(r"\\.", "", line))) == 3


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert attrs == []
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a & b", '"><img src=x>', "&lt;"])
def test_a_notebook_shows_cells_as_text_and_runs_nothing(hostile):
    answer = Answer(("a<b",), ((Literal(hostile),), (iri("id:x"),)), {iri("id:x"): hostile})
    parser = _Text()
    parser.feed(answer._repr_html_())
    assert parser.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert parser.cells == [hostile, hostile]
    assert "<th>a&lt;b</th>" in answer._repr_html_()


def test_an_answer_iterates_as_rows_and_knows_how_many(built_in):
    answer = built_in.ask("leaders")
    assert list(answer) == list(answer.rows)
    assert len(answer) == len(list(answer)) > 1
    assert all(isinstance(cell, NamedNode) for row in answer for cell in row)


def test_an_answer_without_labels_has_the_same_rows_and_looks_up_no_label(built_in, monkeypatch):
    def answers(**options: bool) -> list[Answer]:
        query = "SELECT ?state { ?state a parley:State } ORDER BY ?state"
        return [built_in.ask("leaders", **options), built_in.query(query, **options)]

    labelled = answers()
    looked_up = set[NamedNode]()
    monkeypatch.setattr(
        "kg.asking.answers.find_labels", lambda things, _: looked_up.update(things) or dict[NamedNode, str]()
    )
    plain = answers(labels=False)
    assert [one.rows for one in plain] == [one.rows for one in labelled]
    assert not looked_up
    answers(labels=True)
    assert looked_up


VALUES = [
    (Literal(56), 56),
    (Literal("56", datatype=NamedNode(XSD + "positiveInteger")), 56),
    (Literal("1.50", datatype=NamedNode(XSD + "decimal")), Decimal("1.50")),
    (Literal(2.5), 2.5),
    (Literal("INF", datatype=NamedNode(XSD + "double")), float("inf")),
    (Literal(True), True),
    (Literal("0", datatype=NamedNode(XSD + "boolean")), False),
    (Literal("many", datatype=NamedNode(XSD + "integer")), "many"),
    (Literal("much", datatype=NamedNode(XSD + "decimal")), "much"),
    (Literal("yes", datatype=NamedNode(XSD + "boolean")), "yes"),
    (Literal("2020-03-05", datatype=NamedNode(XSD + "date")), "2020-03-05"),
    (Literal("", language="en"), ""),
    (iri("id:x"), "https://w3id.org/parley/id/x"),
    (BlankNode("b"), "b"),
    (None, None),
]


@pytest.mark.parametrize(("term", "value"), VALUES)
def test_records_hold_plain_python_values(term, value):
    (record,) = Answer(("x",), ((term,),)).records()
    assert record == {"x": value}
    assert type(record["x"]) is type(value)


def test_an_answer_converts_to_pandas_and_polars(built_in):
    answer = built_in.ask("deaths", force="turkish-armed-forces")
    pandas, polars = answer.to_pandas(), answer.to_polars()
    assert list(pandas.columns) == polars.columns == list(answer.columns)
    assert len(pandas) == len(polars) == len(answer)
    leaders = built_in.ask("leaders")
    assert leaders.to_polars().rows() == [tuple(record.values()) for record in leaders.records()]
    assert leaders.to_pandas().to_dict("records") == leaders.records()
    empty = Answer(("a", "b"), ())
    assert list(empty.to_pandas().columns) == empty.to_polars().columns == ["a", "b"]
    gaps = Answer(("a",), ((Literal(1),), (None,), (Literal(3),)))
    assert gaps.to_polars().rows() == [(1,), (None,), (3,)]
    mixed = Answer(("a",), ((Literal(1),), (Literal("not stated"),)))
    assert mixed.to_polars().rows() == [("1",), ("not stated",)]
    assert list(mixed.to_pandas()["a"]) == [1, "not stated"]


@pytest.mark.parametrize(
    ("lexical", "datatype", "read"),
    [
        ("--03-15", "gMonthDay", "15 March"),
        ("--03-15Z", "gMonthDay", "--03-15Z"),
        ("--13-15", "gMonthDay", "--13-15"),
        ("soon", "gMonthDay", "soon"),
        ("00:00:00", "time", "00:00"),
        ("12:30:05", "time", "12:30:05"),
        ("12:30:00+02:00", "time", "12:30:00+02:00"),
        ("soon", "time", "soon"),
        ("true", "boolean", "yes"),
        ("false", "boolean", "no"),
        ("true", "string", "true"),
    ],
)
def test_people_read_dates_and_yes_and_no_and_what_cannot_be_read_as_it_is(lexical, datatype, read):
    assert reading(Literal(lexical, datatype=NamedNode(XSD + datatype)), {}) == read


def test_a_thing_without_label_reads_as_its_curie_or_iri():
    assert reading(iri("id:x"), {}) == "id:x"
    assert reading(NamedNode("urn:x"), {}) == "urn:x"
    assert reading(None, {}) == ""
    assert reading(BlankNode("b"), {}) == "_:b"


def test_the_label_is_in_english_if_there_is_one_and_the_same_whatever_the_order():
    store = Embedded()
    for language, value in (("tr", "Suriye"), ("en", "Syria"), ("ru", "Сирия"), ("en", "Aram")):
        store.add([Quad(iri("id:s"), iri("rdfs:label"), Literal(value, language=language), VIEW)])
    store.add([Quad(iri("id:t"), iri("rdfs:label"), Literal("Türkiye", language="tr"), VIEW)])
    store.add([Quad(iri("id:d"), iri("rdfs:label"), Literal("Dansk", language="da"), VIEW)])
    store.add([Quad(iri("parley:State"), iri("rdfs:label"), Literal("state", language="en"), ONTOLOGY)])
    things = [iri(name) for name in ("id:s", "id:t", "id:d", "id:none", "parley:State")]
    assert list(find_labels(things, store).values()) == ["Aram", "Türkiye", "Dansk", "state"]


def test_an_answer_beyond_the_most_rows_is_a_limit_and_not_cut_in_silence(built_in):
    results = built_in._store.query("SELECT * { ?s ?p ?o }")
    with pytest.raises(LimitReached, match="more than 3 rows; narrow the query or add a LIMIT"):
        read_answer(results, built_in._store, most=3)
    assert (
        len(read_answer(built_in._store.query("SELECT * { ?s ?p ?o } LIMIT 3"), built_in._store, most=3)) == 3
    )


def test_a_graph_is_rows_of_three_and_a_yes_or_no_one_cell(built_in):
    graph = built_in.query("CONSTRUCT { ?s a parley:State } WHERE { ?s a parley:State }")
    assert (graph.kind, graph.columns, len(graph)) == ("graph", ("subject", "predicate", "object"), 3)
    truth = built_in.query("ASK {}")
    assert (truth.kind, truth.records()) == ("truth", [{"answer": True}])
    assert json.loads(truth.written("json")) == {"head": {}, "boolean": True}


def test_a_table_on_a_screen_holds_every_cell_and_breaks_no_word_of_an_iri():
    answer = Answer(("thing", "a_b"), ((iri("id:x"), Literal("[bold]x[/bold]")), (None, Literal("é"))), {})
    shown = answer_table(answer, 60)
    assert shown.splitlines()[0].split() == ["thing", "a", "b"]
    assert "[bold]x[/bold]" in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_what_would_command_a_terminal_or_hide_is_shown_by_its_number():
    hostile = "a\x1b[2Jb\x9b1mc\x07"
    assert "a<U+001B>[2Jb<U+009B>1mc" in answer_table(Answer(("x",), ((Literal(hostile),),)), 60)
    store = Embedded()
    store.add([Quad(iri("id:a"), iri("rdfs:label"), Literal(hostile), VIEW)])
    assert "\x1b" not in description_page(describe(iri("id:a"), store))
    store.add([Quad(iri("id:b"), iri("rdfs:label"), Literal("a\u202eb\n# c"), VIEW)])
    assert description_page(describe(iri("id:b"), store)).startswith("a<U+202E>b<U+000A># c  (id:b)\n")


# A thing in sentences.


def small() -> Embedded:
    store = Embedded()
    claim, told = (
        NamedNode("https://w3id.org/parley/claim/s/1"),
        NamedNode("https://w3id.org/parley/claim/s/2"),
    )
    held, inferred, said, named = (
        Triple(iri("id:a"), iri(predicate), value)
        for predicate, value in (
            ("parley:supports", iri("id:b")),
            ("parley:isHostileTo", iri("id:c")),
            ("parley:leads", iri("id:d")),
            ("rdfs:label", Literal("A", language="en")),
        )
    )
    for triple, graphs in (
        (held, (VIEW, claim)),
        (inferred, (VIEW,)),
        (said, (told,)),
        (named, (VIEW, REFERENCE)),
    ):
        store.add(Quad(*triple, graph) for graph in graphs)
    for node, speaker, quote in ((claim, "source:s", "a\n  backs b"), (told, "id:b", "leads")):
        store.add(
            Quad(node, iri(predicate), value, CLAIMS)
            for predicate, value in (
                ("rdf:type", iri("parley:Claim")),
                ("prov:hadPrimarySource", iri("source:s")),
                ("prov:wasAttributedTo", iri(speaker)),
                ("oa:exact", Literal(quote)),
                ("oa:start", Literal(0)),
                ("oa:end", Literal(len(quote))),
            )
        )
    return store


def test_stated_inferred_and_said_by_others_are_kept_apart():
    found = describe(iri("id:a"), small())
    assert [fact.triple.predicate for fact in found.stated] == [iri("rdfs:label"), iri("parley:supports")]
    assert [fact.triple.predicate for fact in found.inferred] == [iri("parley:isHostileTo")]
    assert [fact.triple.predicate for fact in found.attributed] == [iri("parley:leads")]
    assert [claim.quote for fact in found.stated for claim in fact.claims] == ["a\n  backs b"]
    assert found.label == "A"
    assert not found.cut


def test_the_page_of_a_thing_gives_each_fact_its_sentence_and_who_said_it():
    page = description_page(describe(iri("id:a"), small()))
    assert page.startswith("A  (id:a)\n")
    assert "      “a backs b” [s/1]\n" in page
    assert "      “leads” [s/2, id:b]\n" in page
    assert page.index("Stated") < page.index("Inferred") < page.index("Said by others, not held true")
    assert page.endswith("\n")


def test_a_thing_with_more_facts_than_the_limit_says_so():
    store = Embedded()
    store.add(Quad(iri("id:a"), iri("parley:supports"), iri(f"id:b{n}"), VIEW) for n in range(50))
    found = describe(iri("id:a"), store, most=10)
    assert found.cut
    assert len(found.inferred) <= 40
    assert description_page(found).endswith("There is more than is shown here: ask with kg query.\n")
    assert not describe(iri("id:a"), store, most=50).cut


def test_a_description_is_the_same_whatever_the_order_of_the_store(built_in, base):
    for thing in ("Turkey", "idlib-agreement-2020", "vladimir-putin"):
        assert description_page(kg.open(base).show(thing)) == description_page(built_in.show(thing))


def test_every_fact_of_every_thing_is_stated_inferred_or_said_by_others(built_in):
    """No fact that is stated lacks its ground, no fact that is inferred has one."""
    for _, thing in built_in.things():
        found = built_in.show(thing.value)
        assert found.stated or found.inferred
        assert all(fact.reference or any(c.accepted for c in fact.claims) for fact in found.stated)
        assert not any(fact.reference or any(c.accepted for c in fact.claims) for fact in found.inferred)
        assert all(any(not claim.accepted for claim in fact.claims) for fact in found.attributed)
        assert {fact.triple for fact in found.stated}.isdisjoint(fact.triple for fact in found.inferred)
        assert all(
            re.fullmatch(r"\S.*[.]", fact.sentence, re.DOTALL) for fact in found.stated + found.inferred
        )


# Reports.


def test_the_report_on_coverage_names_claims_by_number_and_what_was_left_out_with_the_reason(built_in):
    page = coverage_page(built_in.coverage())
    assert page.startswith("source:idlib-ceasefire\n\n100%  Russia and Turkey Agree")
    assert "\n      claims: none\n      note on 'Leave comment': " in page


def test_there_are_ten_public_names_at_most_and_each_is_there():
    assert len(kg.__all__) <= 10
    assert all(getattr(kg, name) for name in kg.__all__)
    assert issubclass(kg.ParleyError, Exception)


def test_questions_are_listed_under_their_themes_with_their_parameters():
    from kg.view import stored_question

    questions = [stored_question(name) for name in ("parties", "leaders", "when")]
    listed = question_list(questions)
    assert listed.startswith("who\n  parties --agreement …\n      Who ")
    assert "  leaders [--state …]\n" in listed
    assert "(a parley:State, may be left out)" in question_page(questions[1])
