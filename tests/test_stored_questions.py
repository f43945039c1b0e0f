"""The stored questions: each gives its whole answer on the article, in two engines, its header complete."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pyoxigraph import Quad, QuerySolutions, RdfFormat, Store, Triple, parse, serialize
from rdflib import Graph

from kg.logic.reason import close
from kg.logic.rules import compile_rules
from kg.terms import PREFIXES, REFERENCE, VIEW, data_folder, iri

if TYPE_CHECKING:
    from collections.abc import Iterable

EXPECTED = Path(__file__).parent / "questions"
QUESTIONS = {
    path.stem: path.read_text(encoding="utf-8") for path in data_folder().glob("queries/questions/*.rq")
}
THEMES = {
    "who",
    "what",
    "where",
    "when",
    "how many",
    "support",
    "provisions",
    "presence",
    "order of events",
    "judgements",
    "plans",
    "words",
    "inferred",
    "unknown",
}
KINDS = {
    "thing": r"[a-z]+:\S+",
    "text": r'".+"',
    "integer": r"[+-]?\d+",
    "decimal": r"[+-]?\d*\.\d+",
    "date": r'"\d{4}-\d\d-\d\d"\^\^xsd:date',
    "boolean": r"true|false",
    "language": r'"[a-z]{2,3}(-[a-zA-Z0-9]+)*"',
}
VALUES = re.compile(r"^ +VALUES \?(\w+) \{ (.+) \}$", re.MULTILINE)

every_question = pytest.mark.parametrize("name", sorted(QUESTIONS))


def header(name: str) -> dict:
    lines = [line[2:].removeprefix(" ") for line in QUESTIONS[name].splitlines() if line.startswith("#+")]
    return yaml.safe_load("\n".join(lines))


def tagged(tag: str) -> list[str]:
    return [name for name in sorted(QUESTIONS) if tag in header(name)["tags"]]


def body(name: str) -> str:
    return "\n".join(line for line in QUESTIONS[name].splitlines() if not line.startswith("#"))


def expectation(name: str) -> list[list[str]]:
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


# The view.


@cache
def seeds() -> frozenset[Quad]:
    return frozenset(quad for path in data_folder().glob("seeds/**/*.trig") for quad in parse(path=path))


@cache
def ontology() -> frozenset[Triple]:
    return frozenset(
        quad.triple for path in data_folder().glob("ontology/*.ttl") for quad in parse(path=path)
    )


@cache
def said(*, by_the_source: bool) -> frozenset[Triple]:
    """Return what the claims say in their source's own voice, or what it passes on as someone else's word."""
    speaker = {q.subject: q.object for q in seeds() if q.predicate == iri("prov:wasAttributedTo")}
    source = {q.subject: q.object for q in seeds() if q.predicate == iri("prov:hadPrimarySource")}
    claims = {claim for claim in speaker if (speaker[claim] == source[claim]) == by_the_source}
    return frozenset(quad.triple for quad in seeds() if quad.graph_name in claims)


def closed(triples: Iterable[Triple]) -> frozenset[Triple]:
    """Return triples with all that the rules of the ontology derive from them."""
    store = Store()
    store.extend(Quad(*triple, VIEW) for triple in triples)
    close(store, compile_rules(ontology()))
    return frozenset(quad.triple for quad in store.quads_for_pattern(None, None, None, VIEW))


@pytest.fixture(scope="session")
def stated() -> frozenset[Triple]:
    """Return reference data and what sources say in their own voice: no rules."""
    return said(by_the_source=True) | {quad.triple for quad in seeds() if quad.graph_name == REFERENCE}


@pytest.fixture(scope="session")
def view(stated: frozenset[Triple]) -> frozenset[Triple]:
    """Return what the questions see: the stated triples and all that follows from them."""
    return closed(stated)


def to_rdflib(triples: Iterable[Triple]) -> Graph:
    return Graph().parse(data=serialize(triples, format=RdfFormat.N_TRIPLES), format="nt")


def to_store(triples: Iterable[Triple]) -> Store:
    store = Store()
    store.load(serialize(triples, format=RdfFormat.N_TRIPLES), RdfFormat.N_TRIPLES)
    return store


@pytest.fixture(scope="session")
def stated_store(stated: frozenset[Triple]) -> Store:
    return to_store(stated)


@pytest.fixture(scope="session")
def view_store(view: frozenset[Triple]) -> Store:
    return to_store(view)


@pytest.fixture(scope="session")
def view_graph(view: frozenset[Triple]) -> Graph:
    return to_rdflib(view)


# The answers.


def cells(answer: QuerySolutions) -> list[list[str]]:
    """Return an answer as the cells of its SPARQL 1.1 CSV form, the line with the column names first."""
    columns = [variable.value for variable in answer.variables]
    return [columns, *(["" if term is None else term.value for term in row] for row in answer)]


def short(rows: list[list[str]]) -> list[list[str]]:
    return [[cell.replace(PREFIXES["id"], "id:") for cell in row] for row in rows]


def terms(answer: QuerySolutions) -> list[list[str]]:
    return [["" if term is None else str(term) for term in row] for row in answer]


def terms_in_rdflib(graph: Graph, question: str) -> list[list[str]]:
    return [["" if term is None else term.n3() for term in row] for row in graph.query(question)]


def asked_with(name: str, arguments: dict[str, str]) -> str:
    """Return the question with other terms between the braces of its VALUES lines."""
    question = QUESTIONS[name]
    for parameter, term in arguments.items():
        full = re.sub("^id:(.+)$", rf"<{PREFIXES['id']}\1>", term)
        question, count = re.subn(rf"(VALUES \?{parameter} \{{ ).+( \}})", rf"\g<1>{full}\g<2>", question)
        assert count == 1
    return question


def test_every_question_has_an_expected_answer_and_every_expected_answer_a_question():
    assert {path.stem for path in EXPECTED.iterdir()} == set(QUESTIONS)


@every_question
def test_a_question_as_it_stands_gives_exactly_the_expected_answer(name, view_store):
    assert cells(view_store.query(QUESTIONS[name])) == expectation(name)


@every_question
def test_a_question_gives_the_same_terms_in_the_same_order_in_rdflib(name, view_store, view_graph):
    assert terms_in_rdflib(view_graph, QUESTIONS[name]) == terms(view_store.query(QUESTIONS[name]))


@pytest.mark.parametrize("name", tagged("inferred"))
def test_a_question_on_what_is_inferred_loses_answers_without_the_rules(name, stated_store):
    """Where inferred is its theme and not only a tag it loses all of them."""
    expected = expectation(name)[1:]
    left = cells(stated_store.query(QUESTIONS[name]))[1:]
    lost = [row for row in expected if row not in left]
    assert expected
    assert lost == expected if header(name)["tags"][0] == "inferred" else lost


@pytest.mark.parametrize("name", tagged("unknown"))
def test_a_question_on_what_is_unknown_says_not_stated(name):
    assert any("not stated" in row for row in expectation(name))


@every_question
def test_no_answer_takes_the_words_of_a_person_quoted_for_a_fact(name):
    """What only Putin speaks of is in no answer; that he spoke of it is."""
    quoted, told = ({t.subject.value for t in said(by_the_source=own)} for own in (False, True))
    assert quoted - told
    assert not {cell for row in expectation(name) for cell in row} & (quoted - told)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("parties", {"agreement": "id:previous-truce"}, [["not stated"]]),
        ("leaders", {"state": "id:turkey"}, [["id:recep-tayyip-erdogan", "id:turkey"]]),
        (
            "forces",
            {"state": "id:syria"},
            [["id:syria", "id:syrian-air-force"], ["id:syria", "id:syrian-army"]],
        ),
        ("who-supports", {"actor": "id:syrian-rebels"}, [["id:recep-tayyip-erdogan"], ["id:turkey"]]),
        ("who-supports", {"actor": "id:syrian-army"}, [["id:russia"]]),
        ("supported-by", {"actor": "id:turkey"}, [["id:syrian-rebels"], ["id:turkey-backed-rebel-groups"]]),
        ("what-happened", {"place": "id:russia-territory"}, [["id:moscow-meeting", "today"]]),
        ("deaths", {"force": "id:syrian-army"}, [["", *["not stated"] * 4, ""]]),
        (
            "deaths-of-state",
            {"state": "id:turkey"},
            [["id:turkish-armed-forces", "56", "56"], ["id:turkish-armed-forces", "more than 30", "31"]],
        ),
        ("presence", {"place": "id:russia-territory"}, []),
        ("where-present", {"force": "id:russian-armed-forces"}, []),
        ("foreign-forces", {"state": "id:turkey"}, []),
        ("who-controls", {"territory": "id:syria-territory"}, []),
        ("lies-in", {"place": "id:latakia-port", "territory": "id:syria-territory"}, [["yes"]]),
        ("lies-in", {"territory": "id:syria-territory"}, [["not stated"]]),
        ("does-actor-agree", {"actor": "id:recep-tayyip-erdogan"}, [["yes"]]),
        ("does-actor-agree", {"actor": "id:turkey"}, [["yes"]]),
        ("does-actor-agree", {"actor": "id:syria"}, [["not stated"]]),
        ("when-agreed", {"agreement": "id:previous-truce"}, [["not stated"] * 3]),
        ("when", {"matter": "id:previous-truce"}, [["not stated"] * 3]),
        ("when", {"matter": "id:idlib-ceasefire"}, [["00:00:00", "not stated", "at midnight"]]),
        ("ceasefire-end", {"agreement": "id:previous-truce"}, [["not stated"] * 3]),
        ("provisions-complete", {"agreement": "id:previous-truce"}, [["not stated"]]),
        ("names", {"thing": "id:idlib-governorate", "language": '"ru"'}, [["not stated"]]),
        ("names", {"thing": "id:latakia", "language": '"tr"'}, [["Lazkiye"]]),
        ("where-is", {"place": "id:m4-motorway"}, [["not stated", "not stated"]]),
        ("intentions", {"actor": "id:vladimir-putin"}, []),
        ("find", {"word": '"LAZKIYE"'}, [["id:latakia", "Lazkiye"]]),
    ],
)
def test_a_question_answers_for_other_things_alike_in_both_engines(
    name, arguments, expected, view_store, view_graph
):
    question = asked_with(name, arguments)
    assert short(cells(view_store.query(question))[1:]) == expected
    assert terms_in_rdflib(view_graph, question) == terms(view_store.query(question))


@pytest.mark.parametrize(
    ("name", "in_its_own_voice", "with_quoted_words"),
    [
        (
            "retaliation",
            [["not stated", "not stated"]],
            [["id:turkish-revenge", "not stated"]],
        ),
        (
            "deaths-of-state",
            [["not stated", "not stated", "not stated"]],
            [["id:syrian-armed-forces", "many", "not stated"]],
        ),
    ],
)
def test_what_is_not_stated_may_be_known_once_the_words_of_persons_count(
    name, in_its_own_voice, with_quoted_words, stated
):
    for triples, expected in (
        (stated, in_its_own_voice),
        (stated | said(by_the_source=False), with_quoted_words),
    ):
        assert short(cells(to_store(closed(triples)).query(QUESTIONS[name]))[1:]) == expected


# The files.


@every_question
def test_a_header_has_a_question_a_description_and_known_themes(name):
    data = header(name)
    assert set(data) <= {"summary", "description", "tags", "parameters"}
    assert data["summary"].endswith("?")
    assert data["description"].endswith(".")
    assert data["tags"][0] in THEMES
    assert set(data["tags"]) <= THEMES


@every_question
def test_every_parameter_is_declared_and_has_one_example_on_a_line_of_its_own(name):
    parameters = header(name).get("parameters", {})
    examples = VALUES.findall(body(name))
    assert len(examples) == body(name).count("VALUES")
    assert sorted(variable for variable, _ in examples) == sorted(parameters)
    classes = {t.subject for t in ontology() if t.object == iri("owl:Class")}
    for variable, term in examples:
        parameter = parameters[variable]
        assert set(parameter) <= {"kind", "class", "optional", "description"}
        assert parameter["description"]
        assert (term == "UNDEF") == parameter.get("optional", False)
        assert term == "UNDEF" or re.fullmatch(KINDS[parameter["kind"]], term)
        assert "class" not in parameter or (
            parameter["kind"] == "thing" and iri(parameter["class"]) in classes
        )


@every_question
def test_a_question_names_the_prefixes_it_uses_and_no_other_in_order(name):
    declared = dict(re.findall(r"^PREFIX (\w+): <(.+)>$", QUESTIONS[name], re.MULTILINE))
    text = re.sub(r'"[^"]*"|^PREFIX .*$', "", body(name), flags=re.MULTILINE)
    assert list(declared) == sorted(set(re.findall(r"([a-z]+):\w", text)))
    assert declared.items() <= PREFIXES.items()


@every_question
def test_the_order_of_an_answer_is_total(name, view_store):
    """Every column takes part in ORDER BY: one after the other, or the greatest number first; so before a LIMIT."""
    columns = [str(variable) for variable in view_store.query(QUESTIONS[name]).variables]
    *_, before, last = QUESTIONS[name].rstrip().splitlines()
    ordered = before if last.startswith("LIMIT") else last
    if ordered.startswith("ORDER BY DESC("):
        given = ordered.replace("DESC(", "").replace(")", "").split()
        assert (given[:2], sorted(given[2:])) == (["ORDER", "BY"], sorted(columns))
    else:
        assert last == "ORDER BY " + " ".join(columns)


@every_question
def test_a_question_asks_one_plain_graph(name):
    assert not re.search(r"\b(GRAPH|FROM|SERVICE)\b", body(name))


@every_question
def test_a_question_uses_only_declared_terms(name):
    declared = {t.subject for t in ontology()}
    assert {iri(term) for term in re.findall(r"\bparley:[A-Za-z0-9]+", body(name))} <= declared


def test_questions_have_names_that_a_person_would_type_and_ask_different_things():
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in QUESTIONS)
    assert len({header(name)["summary"] for name in QUESTIONS}) == len(QUESTIONS)


def test_there_are_at_least_forty_questions_and_one_for_every_theme():
    assert len(QUESTIONS) >= 40
    assert {header(name)["tags"][0] for name in QUESTIONS} == THEMES
