"""Stored questions and their binder: what is no term is refused, and a term changes nothing but itself."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyoxigraph
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

import kg
from kg.asking.naming import resolve
from kg.asking.questions import Question, bind, example_call, question_files, read_question
from kg.errors import ParleyError, UnknownName, UnreadableInput, UsageError
from kg.storage.store import Embedded
from kg.terms import VIEW, data_folder, iri
from kg.view import stored_question, stored_questions

Ask = Callable[..., Question]
QUESTIONS = stored_questions()
OPEN = sorted((name, p.name) for name, question in QUESTIONS.items() for p in question.parameters)


@pytest.fixture
def asking(tmp_path) -> Ask:
    """Read a question with one parameter of a kind from a file like those of the project."""

    def read(kind: str, *more: str, example: str = "UNDEF") -> Question:
        about = "".join(f"#+     {line}\n" for line in (f"kind: {kind}", "description: the value", *more))
        path = tmp_path / "which.rq"
        path.write_text(
            f"#+ summary: Which?\n#+ tags: [what]\n#+ parameters:\n#+   p:\n{about}"
            f"SELECT ?p ?o WHERE {{\n  VALUES ?p {{ {example} }}\n  OPTIONAL {{ ?p ?q ?o }}\n}}\n",
            encoding="utf-8",
        )
        return read_question(path)

    return read


@pytest.fixture(scope="module")
def store() -> Embedded:
    """A view with things that share labels, codes and spellings."""
    made = Embedded()
    facts = [
        ("id:georgia", "rdf:type", iri("parley:State")),
        ("id:georgia", "rdfs:label", Literal("Georgia", language="en")),
        ("id:georgia", "rdfs:label", Literal("Грузия", language="ru")),
        ("id:georgia", "rdfs:label", Literal("Gürcistan", language="tr")),
        ("id:georgia", "rdfs:label", Literal("جورجيا", language="ar")),
        ("id:georgia", "skos:altLabel", Literal("Sakartvelo", language="en")),
        ("id:georgia", "parley:isoAlpha2Code", Literal("GE")),
        ("id:georgia", "parley:wikidataId", Literal("Q230")),
        ("id:georgia-us", "rdf:type", iri("parley:Province")),
        ("id:georgia-us", "rdfs:label", Literal("Georgia", language="en")),
        ("id:georgia-us", "parley:isoSubdivisionCode", Literal("US-GA")),
        ("id:may", "rdf:type", iri("parley:State")),
        ("id:may", "rdfs:label", Literal("may", language="en")),
        ("id:may-island", "rdf:type", iri("parley:State")),
        ("id:may-island", "rdfs:label", Literal("May", language="en")),
        ("id:odd", "rdf:type", iri("parley:State")),
        ("id:odd", "rdfs:label", Literal("x } UNION { ?a ?b ?c", language="en")),
    ]
    made.add(Quad(iri(s), iri(p), o, VIEW) for s, p, o in facts)
    return made


def refusal(of: type[ParleyError], call: Callable[[], object]) -> str:
    with pytest.raises(of) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Things.


@pytest.mark.parametrize(
    "written",
    [
        *("Грузия", "грузия", "Gürcistan", "جورجيا", "Sakartvelo", "sakartvelo", "SAKARTVELO"),
        *("GE", "ge", "Q230", "q230", "id:georgia", "georgia"),
        *("https://w3id.org/parley/id/georgia", "<https://w3id.org/parley/id/georgia>"),
    ],
)
def test_a_thing_may_be_given_by_any_label_code_curie_or_iri_and_in_other_capitals(written, store):
    assert resolve(written, store) == iri("id:georgia")


@pytest.mark.parametrize("written", ["Latakia", "LATAKIA", "Lazkiye", "Латакия", "latakia"])
def test_the_labels_of_the_built_in_base_are_found_in_each_language(written, built_in):
    assert built_in.show(written).thing == iri("id:latakia")


@pytest.mark.parametrize(
    ("written", "thing"),
    [("RU", "russia"), ("RUS", "russia"), ("Q159", "russia"), ("SY-ID", "idlib-governorate")],
)
def test_the_codes_of_the_built_in_base_stand_for_things(written, thing, built_in):
    assert built_in.show(written).thing == iri(f"id:{thing}")


def test_capitals_matter_only_where_both_spellings_are_labels(store):
    assert resolve("may", store) == iri("id:may")
    assert resolve("May", store) == iri("id:may-island")


def test_a_label_of_several_things_is_refused_with_all_of_them(store):
    said = refusal(UsageError, lambda: resolve("Georgia", store, where="--p"))
    assert said == "--p: 'Georgia' may mean id:georgia, id:georgia-us; write one of these"


def test_the_class_of_a_parameter_decides_between_things_of_one_label(store):
    assert resolve("Georgia", store, iri("parley:State")) == iri("id:georgia")
    assert resolve("Georgia", store, iri("parley:Province")) == iri("id:georgia-us")


def test_a_thing_of_another_class_is_refused(store):
    said = refusal(UsageError, lambda: resolve("GE", store, iri("parley:Province"), "--p"))
    assert said == "--p: 'GE' is no parley:Province; name a thing of that class"


def test_an_unknown_thing_is_refused_with_the_nearest_labels_and_other_names(store):
    assert "did you mean 'Sakartvelo'" in refusal(UnknownName, lambda: resolve("Sakartvela", store))
    assert "did you mean 'Грузия'" in refusal(UnknownName, lambda: resolve("Грузии", store))
    assert "kg show lists the things" in refusal(UnknownName, lambda: resolve("%%%", store))


def test_an_iri_that_the_view_does_not_know_is_refused(store):
    for written in ("id:nowhere", "https://example.org/x", "urn:x", "_:b", "", "<>", ":", "id:", "rdf:type "):
        refusal(UnknownName, lambda written=written: resolve(written, store))


# Values that are no things.


@pytest.mark.parametrize(
    ("kind", "written", "term"),
    [
        ("text", 'a "b" \\ } {\n\t#', '"a \\"b\\" \\\\ } {\\n\\t#"'),
        ("text", "", '""'),
        ("integer", "-12", '"-12"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("decimal", "1.50", '"1.50"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("date", "2020-02-29", '"2020-02-29"^^<http://www.w3.org/2001/XMLSchema#date>'),
        ("boolean", "true", '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'),
        ("language", "sr-Latn", '"sr-Latn"'),
    ],
)
def test_a_value_becomes_a_literal_of_its_kind(kind, written, term, asking, store):
    assert f"  VALUES ?p {{ {term} }}\n" in bind(asking(kind), {"p": written}, store)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(("integer", text) for text in ("", "1.0", "1e3", "١٢", "twelve", "1 2", "1\n", "9" * 19, "+-1")),
        *(("decimal", text) for text in ("", ".", "1,5", "1e3", "NaN", "INF", "1.5.2", "٣.٤")),
        *(("date", text) for text in ("", "2020", "2020-2-3", "2021-02-29", "2020-13-01", "٢٠٢٠-٠١-٠١")),
        *(("date", text) for text in ("2020-01-01T00:00:00", "2020-01-01Z", "0000-01-01", "tomorrow")),
        *(("boolean", text) for text in ("", "1", "TRUE", "yes", "true ")),
        *(("language", text) for text in ("", "*", "e", "english", "en_GB", "en-", "EN")),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_an_example(kind, written, asking, store):
    said = refusal(UsageError, lambda: bind(asking(kind, example='"x"'), {"p": written}, store))
    assert re.fullmatch(rf"--p takes an? {kind}, not '.*'; for example: --p x", said)


def test_bytes_that_were_no_unicode_are_refused(asking, store):
    for kind in ("text", "thing"):
        assert "--p: " in refusal(UsageError, lambda kind=kind: bind(asking(kind), {"p": "\udcff"}, store))


# Parameters.


def test_an_unknown_parameter_is_refused_with_the_nearest_or_with_all(store):
    question = stored_question("names")
    said = refusal(UsageError, lambda: bind(question, {"langauge": "ru"}, store))
    assert said == "the question 'names' has no parameter 'langauge'; did you mean --language?"
    said = refusal(UsageError, lambda: bind(question, {"zzz": "ru"}, store))
    assert said == "the question 'names' has no parameter 'zzz'; it takes --thing, --language"
    said = refusal(UsageError, lambda: bind(stored_question("actors"), {"state": "x"}, store))
    assert said == "the question 'actors' has no parameter 'state'; it takes none"


def test_a_missing_parameter_is_refused_with_a_call_that_works(built_in, run):
    said = refusal(UsageError, lambda: built_in.ask("names", thing="Turkey"))
    assert said.startswith("the question 'names' needs --language, the language tag")
    assert said.endswith("; for example: kg ask names --thing id:turkey --language ru")
    assert "Турция" in run(*said.partition("kg ")[2].split()).done()


def test_an_optional_parameter_that_is_left_out_stays_undefined(asking, store):
    question = asking("thing", "optional: true")
    assert bind(question, {}, store) == question.sparql
    assert "VALUES ?p { UNDEF }" in question.sparql


def test_no_parameter_has_the_name_of_an_option():
    assert {name for _, name in OPEN}.isdisjoint({"format", "help", "store"})


def test_a_question_without_values_is_answered_as_its_file_stands(store):
    assert bind(stored_question("actors"), {}, store) == (
        question_files(data_folder() / "queries" / "questions")["actors"].read_text(encoding="utf-8")
    )


HOSTILE = [
    "x } UNION { ?a ?b ?c",
    "id:turkey } UNION { ?a ?b ?c",
    "id:turkey id:russia",
    "<https://w3id.org/parley/id/turkey> } #",
    "https://w3id.org/parley/id/turkey> } <x",
    'rebel" } UNION { "x',
    'rebel"@en } #',
    "rebel\\u0022 } #",
    'en" } } #',
    "en\n",
    "UNDEF",
    "?p",
    "(1 2)",
    "{ }",
    "_:b",
    "\\",
    '"',
    "\x00",
    "\ufffe",
    "$0 \\1 \\g<0>",
]
texts = (
    st.text(max_size=30)
    | st.sampled_from(["Turkey", "id:turkey", "Россия", "en", "2020-03-05", "12", *HOSTILE])
    | st.builds("{}{}".format, st.sampled_from(["id:turkey", "Turkey", "en", "x"]), st.text(max_size=8))
    | st.builds("{}{}".format, st.text('{}<>"\\ \n#?@^', max_size=5), st.sampled_from(HOSTILE))
)


@settings(max_examples=400)
@given(asked=st.sampled_from(OPEN), text=texts)
@example(asked=("find", "word"), text='x" } UNION { "y')
@example(asked=("parties", "agreement"), text="x } UNION { ?a ?b ?c")
def test_whatever_is_given_is_refused_or_changes_one_term_and_nothing_else(asked, text):
    check_bound(*asked, text)


@pytest.mark.parametrize("asked", OPEN)
def test_no_parameter_of_any_question_takes_more_than_a_term(asked):
    for text in HOSTILE:
        check_bound(*asked, text)


@cache
def built_in_store() -> Embedded:
    return kg.open()._store


def check_bound(name: str, parameter: str, text: str) -> None:
    question = QUESTIONS[name]
    values = {p.name: plain(p.example) for p in question.parameters if not p.optional} | {parameter: text}
    bound = refused = None
    try:
        bound = bind(question, values, built_in_store())
    except ParleyError as error:
        refused = error
    if bound is None:
        assert isinstance(refused, UsageError)
        assert "\n" not in str(refused)
        return
    before, after = (
        re.split(r"^( *VALUES \?\w+ \{)([^\n]*)\}$", t, flags=re.M) for t in (question.sparql, bound)
    )
    assert len(before) == len(after)
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        assert old == new or at % 3 == 2
    term = after[[t.strip() for t in after].index(f"VALUES ?{parameter} {{") + 1]
    (quad,) = pyoxigraph.parse(f"<urn:s> <urn:p> {term} .", RdfFormat.N_TRIPLES)
    assert isinstance(quad.object, NamedNode) or quad.object.value == text
    pyoxigraph.Store().query(bound)


def plain(example: str) -> str:
    return example[1:].partition('"')[0] if example.startswith('"') else example


def test_a_label_that_looks_like_a_query_stands_for_its_thing_and_nothing_else(asking, store):
    bound = bind(asking("thing"), {"p": "x } UNION { ?a ?b ?c"}, store)
    assert f"VALUES ?p {{ {iri('id:odd')} }}" in bound


# Files.


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("", "ASK {}"),
        ("#+ summary: A?\n", "ASK {}"),
        ("#+ tags: [who]\n", "ASK {}"),
        ("#+ summary: A?\n#+ tags: []\n", "ASK {}"),
        ("#+ - a list\n", "ASK {}"),
        ("#+ summary: [\n", "ASK {}"),
        ("#+ summary: A?\n#+ tags: [who]\n#+ parameters: {p: {kind: thing}}\n", "VALUES ?p { id:x }"),
        (
            "#+ summary: A?\n#+ tags: [who]\n#+ parameters: {p: {kind: number, description: d}}\n",
            "VALUES ?p { 1 }",
        ),
        ("#+ summary: A?\n#+ tags: [who]\n#+ parameters: {p: {kind: text, description: d}}\n", "ASK {}"),
        ("#+ summary: A?\n#+ tags: [who]\n", "VALUES ?p { 1 }"),
        (
            "#+ summary: A?\n#+ tags: [who]\n#+ parameters: {p: {kind: text, description: d}}\n",
            'VALUES ?p { "a" }\nVALUES ?p { "b" }',
        ),
    ],
)
def test_a_question_file_with_an_incomplete_header_is_refused_with_its_name(header, body, tmp_path):
    path = tmp_path / "bad.rq"
    path.write_text(header + body + "\n", encoding="utf-8")
    assert str(path) in refusal(UnreadableInput, lambda: read_question(path))


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_the_example_call_of_a_question_gives_its_whole_answer_from_the_command_line(name, run):
    answered = run(*shlex.split(example_call(QUESTIONS[name]).removeprefix("kg ")))
    with (Path(__file__).parent / "questions" / f"{name}.csv").open(encoding="utf-8", newline="") as expected:
        assert list(csv.reader(answered.done().splitlines())) == list(csv.reader(expected))
    assert answered.err == ""
