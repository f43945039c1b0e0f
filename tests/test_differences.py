"""What differs between views, and what a withdrawal would change: exact, told to people and to programs."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple
from referencing import Registry, Resource

import kg
from kg.asking.labels import find_labels
from kg.asking.questions import Parameter, Question, bind
from kg.bases.building import build
from kg.bases.bulk import examine, file_part, grow
from kg.bases.cache import seed_files
from kg.bases.changes import rulebook, withdrawal
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.bases.writing import reading
from kg.errors import LimitReached, UnknownName
from kg.evidence.claims import read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.storage.store import Embedded
from kg.telling.differing import difference_written, impact_written
from kg.terms import VIEW, iri
from kg.view import stored_questions
from kg.views import comparing, differences
from kg.views.comparing import QuestionDifference, ask_of_all, compare
from kg.views.differences import Difference, differ
from kg.views.impact import Impact, impact
from kg.views.reading import reads
from kg.views.shifts import prepared

ROOT = Path(__file__).parent.parent
SECOND = Path(__file__).parent / "disputes" / "claims.trig"
CLAIM = "https://w3id.org/parley/claim/idlib-ceasefire/"
QUESTIONS = stored_questions()
VIEWS = {
    "default": Viewpoint(),
    "as-told-by:putin": Viewpoint(told_by=iri("id:vladimir-putin")),
    "as-told-by:erdogan": Viewpoint(told_by=iri("id:recep-tayyip-erdogan")),
    "by:idlib-ceasefire": Viewpoint(by=iri("source:idlib-ceasefire")),
    "as-of:2026-11-15": Viewpoint(as_of=datetime(2026, 11, 15, tzinfo=UTC)),
}


@pytest.fixture(scope="module")
def store() -> Embedded:
    """A base of two articles, with several speakers and times."""
    made = Embedded()
    made.fill(ontology_quads())
    batch = examine([file_part(path) for path in (*seed_files(), SECOND)])
    grow(made, batch, ontology_rules())
    made.fill(batch.facts())
    return made


def view_of(store: Embedded) -> set[Triple]:
    return {quad.triple for quad in store.quads(graph=VIEW)}


def between(store: Embedded, left: str, right: str) -> Difference:
    return differ(store, b"", (left, VIEWS[left]), (right, VIEWS[right]), QUESTIONS, rulebook())


def asked(question: Question, store: Embedded, values: dict[str, NamedNode]) -> Counter[Any]:
    """The rows of a question as it is asked of certain things."""
    needed = {one.name: one for one in question.parameters if not one.optional}
    examples = {name: json.loads(one.example) for name, one in needed.items() if one.kind != "thing"}
    given = {name: node.value for name, node in values.items()}
    return Counter(map(tuple, store.query(bind(question, given | examples, store))))


def values_of(parameter: Parameter, store: Embedded) -> set[NamedNode]:
    """The things that a parameter may be, in a view."""
    if parameter.of_class:
        found = {quad.subject for quad in store.quads(None, iri("rdf:type"), parameter.of_class, VIEW)}
    else:
        found = {node for triple in view_of(store) for node in (triple.subject, triple.object)}
    return {node for node in found if isinstance(node, NamedNode)}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_asked_of_everything_says_of_each_thing_what_it_says_alone(name: str, store: Embedded):
    question = QUESTIONS[name]
    whole = ask_of_all(question)
    things = [one for one in question.parameters if not one.optional and one.kind == "thing"]
    assert whole.of == tuple(one.name for one in things)
    results = store.query(whole.sparql)
    columns = [variable.value for variable in results.variables]
    places = [columns.index(one) for one in whole.of]
    plain = store.query(question.sparql)
    own = [variable.value for variable in plain.variables]
    assert [column for column in columns if column in own or column not in whole.of] == own
    found: dict[Any, Counter[Any]] = {}
    for row in map(tuple, results):
        key = tuple(row[at] for at in places)
        cut = tuple(row[columns.index(column)] for column in own)
        found.setdefault(key, Counter())[cut] += 1
    choices = [sorted(values_of(one, store), key=str) for one in things]
    combinations = list(itertools.product(*choices))
    for key in combinations[:: max(1, len(combinations) // 60)] + list(found)[:60]:
        if all(node in choice for node, choice in zip(key, choices, strict=True)):
            assert found.get(key, Counter()) == asked(
                question, store, dict(zip(whole.of, key, strict=True))
            ), key
        elif all(isinstance(node, NamedNode) for node in key):
            pytest.fail(f"{key} can be asked of everything but not alone")


def algebra(text: str) -> tuple[set[NamedNode], bool, bool]:
    """What rdflib finds that a query reads: properties and classes; whether every type; whether anything."""
    from rdflib import RDF, URIRef, Variable
    from rdflib.paths import MulPath, NegatedPath
    from rdflib.paths import Path as PropertyPath
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    terms: set[NamedNode] = set()
    every = types = False

    def look(predicate: Any, value: Any) -> None:
        nonlocal every, types
        if isinstance(predicate, Variable | NegatedPath):
            every = True
        elif isinstance(predicate, PropertyPath):
            every = every or (isinstance(predicate, MulPath) and predicate.zero)
            for inner in getattr(predicate, "args", None) or [
                getattr(predicate, "path", None) or predicate.arg
            ]:
                look(inner, None)
        elif predicate == RDF.type and not isinstance(value, URIRef):
            types = True
        elif isinstance(predicate, URIRef):
            terms.add(NamedNode(str(value if predicate == RDF.type else predicate)))

    def walk(node: Any) -> None:
        nonlocal every
        if isinstance(node, dict):
            every = every or getattr(node, "name", "") == "Graph"
            for triple in node["triples"] if "triples" in node else ():  # noqa: SIM401 - not what rdflib means by get
                look(triple[1], triple[2])
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list | tuple | set):
            for inner in node:
                walk(inner)

    walk(translateQuery(parseQuery(text)).algebra)
    return terms, types, every


PREFIXES = "PREFIX p: <urn:p:> PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> "


@pytest.mark.parametrize(
    "text",
    [
        *(question.sparql for question in QUESTIONS.values()),
        *(
            PREFIXES + text
            for text in (
                "SELECT * { ?s ?p ?o }",
                "SELECT * { ?s p:a ?o ; ?p 1 }",
                "SELECT * { ?s p:a 'x' . FILTER(?s != 2) ?s ?p ?o }",
                "SELECT * { [] ?p ?o }",
                "SELECT * { [ p:a ?x ] ?p ?o }",
                "SELECT * { ( 1 2 ) ?p 'x' }",
                "SELECT * { ?s ?p [ p:a 1 ] }",
                "SELECT * { <urn:s> ?p <urn:o> }",
                "SELECT * { ?s p:a* ?o }",
                "SELECT * { ?s p:a? ?o }",
                "SELECT * { ?s (p:a/p:b)* ?o }",
                "SELECT * { ?s p:a (1 2) }",
                "SELECT * { ?s !p:a ?o }",
                "SELECT * { ?s !(p:a|^p:b) ?o }",
                "SELECT * { ?s a/p:b ?o }",
                "SELECT * { ?s ^a ?o }",
                "SELECT * { ?s a p:A, ?c }",
                "SELECT * { ?s rdf:type ?c }",
                "SELECT * { ?s <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> ?c }",
                "SELECT * { ?s a p:A, p:B ; p:c ?x }",
                "SELECT * { ?s p:a+ ?o FILTER NOT EXISTS { ?o a p:A } }",
                "SELECT ?a ?b ?c { ?a p:a ?b . ?b <urn:q> ?c } GROUP BY ?a ?b ?c ORDER BY ?a ?b",
                "SELECT (COUNT(*) AS ?n) { ?a p:a ?b BIND(?a * 2 AS ?c) MINUS { ?b p:c '# ?p ?q' } }",
                "SELECT ?a { GRAPH ?g { ?a p:a ?b } }",
                "SELECT ?a { { SELECT ?a ?b ?c { ?a p:a ?b ; p:b ?c } } VALUES (?a ?b ?c) { (1 2 3) } }",
                "ASK { ?a p:a ?b OPTIONAL { ?b p:b-c 1.5 } }",
                "SELECT * { ?a p:a ?b BIND(p:b(?b) AS ?c) }",
                "SELECT * { ?a a (p:b (1 2)) }",
                "ASK { ?a p:a ?b FILTER(p:b (?b)) }",
            )
        ),
    ],
)
def test_what_a_question_can_look_at_is_never_told_too_narrowly(text: str):
    terms, types, every = algebra(text)
    found = reads(text)
    assert found.all >= every
    assert found.types >= types or found.all
    assert found.all or found.terms >= terms


def test_few_questions_are_asked_in_vain():
    """Only where a property stands as a variable, or a class does, is more asked than the names tell."""
    assert [name for name, one in QUESTIONS.items() if reads(one.sparql).all] == ["identifiers"]
    assert not reads(QUESTIONS["parties"].sparql).any_of(
        [Triple(iri("id:a"), iri("parley:leads"), iri("id:b"))]
    )


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_does_not_differ_from_itself(name: str, store: Embedded):
    found = between(store, name, name)
    assert (found.stated, found.derived, found.questions) == (((), ()), ((), ()), ())
    assert difference_written(found, "text") == f"- {name}\n+ {name}\n\nnothing differs\n"


@pytest.mark.parametrize(("left", "right"), list(itertools.combinations(VIEWS, 2)))
def test_what_differs_is_what_one_view_has_and_the_other_has_not(left: str, right: str, store: Embedded):
    """And seen from the other side it is the mirror image."""
    found, mirrored = between(store, left, right), between(store, right, left)
    views = [prepared(store, b"", VIEWS[name])[0] for name in (left, right)]
    one, two = map(view_of, views)
    assert {*found.stated[0], *found.derived[0]} == one - two
    assert {*found.stated[1], *found.derived[1]} == two - one
    assert mirrored.stated == found.stated[::-1]
    assert mirrored.derived == found.derived[::-1]
    assert [(q.name, q.gone, q.new) for q in mirrored.questions] == [
        (q.name, q.new, q.gone) for q in found.questions
    ]
    for view, name, stated in zip(views, (left, right), found.stated, strict=True):
        counting = [claim.iri for claim in read_claims(view) if VIEWS[name].counts(claim)]
        said = {
            quad.triple for graph in (*counting, iri("graph:reference")) for quad in view.quads(graph=graph)
        }
        assert {*stated} == said & {*stated, *found.derived[0], *found.derived[1]}


@pytest.mark.parametrize("right", list(VIEWS)[1:])
def test_the_questions_that_differ_are_all_that_differ(right: str, store: Embedded):
    """Asked one by one of both views, whatever they read."""
    other, _ = prepared(store, b"", VIEWS[right])
    differing = {}
    for name, question in QUESTIONS.items():
        whole = ask_of_all(question)
        old, new = (Counter(map(tuple, side.query(whole.sparql))) for side in (store, other))
        if old != new:
            differing[name] = old - new, new - old
    found = {
        one.name: (Counter(one.gone), Counter(one.new)) for one in between(store, "default", right).questions
    }
    assert found == differing


def _rows(changed: QuestionDifference) -> tuple[str, Counter[Any], Counter[Any]]:
    return changed.name, Counter(changed.gone), Counter(changed.new)


@pytest.mark.parametrize("numbers", [[1], [3, 4, 5], [20], list(range(30, 66)), [64, 65]])
def test_an_impact_is_what_the_withdrawal_then_does(numbers: list[int], base: Path, tmp_path: Path):
    copy = shutil.copytree(base, tmp_path / "copy")
    claims = [NamedNode(f"{CLAIM}{number}") for number in numbers]
    kg.open(copy).retract(*(f"idlib-ceasefire/{number}" for number in numbers), reason="a test")
    with reading(base) as before, reading(copy) as after:
        found = impact(claims, before, QUESTIONS, rulebook())
        held, left = view_of(before), view_of(after)
        assert {*found.lost, *found.fallen} == held - left
        assert not left - held
        said = {quad.triple for claim in claims for quad in before.quads(graph=claim)}
        assert {*found.lost} == (said & held) - left
        assert {*found.kept} == said & left
        expected = compare(QUESTIONS, held - left, before, after).questions
        assert list(map(_rows, found.questions)) == list(map(_rows, expected))
    built_in = impact(claims, build(), QUESTIONS, rulebook())
    assert replace(built_in, labels=found.labels) == found
    assert not [*(base / "views").iterdir()] if (base / "views").exists() else True


def test_withdrawing_what_is_withdrawn_changes_nothing(base: Path):
    kg.open(base).retract("idlib-ceasefire/20", reason="a test")
    with reading(base) as store:
        found = impact([NamedNode(f"{CLAIM}20")], store, QUESTIONS, rulebook())
    assert (found.lost, found.fallen, found.questions) == ((), (), ())
    assert impact_written(found, "text").startswith("without claim idlib-ceasefire/20 all holds as before\n")


@settings(max_examples=25)
@given(st.sets(st.integers(1, 65), min_size=1, max_size=12))
def test_the_impact_of_any_claims_agrees_with_their_withdrawal(store: Embedded, numbers: set[int]):
    claims = [NamedNode(f"{CLAIM}{number}") for number in sorted(numbers)]
    change, _ = withdrawal(claims, datetime.now(UTC), "", store, rulebook())
    found = impact(claims, store, {}, rulebook())
    assert {*found.lost, *found.fallen} == change.removed
    assert not {*found.kept} & change.removed


def question(sparql: str, **kinds: str) -> Question:
    parameters = tuple(Parameter(name, kind, "", f"id:{name}") for name, kind in kinds.items())
    return Question("test", "", "", "", (), parameters, "PREFIX p: <urn:p:> PREFIX id: <urn:i:>\n" + sparql)


@pytest.mark.parametrize(
    "sparql",
    [
        "ASK {\n VALUES ?x { id:x }\n ?x p:a ?y }",
        "SELECT (COUNT(?y) AS ?n) {\n VALUES ?x { id:x }\n ?x p:a ?y }",
        "SELECT ?y {\n VALUES ?x { id:x }\n ?x p:a ?y } ORDER BY ?y LIMIT 1",
        "CONSTRUCT { ?x p:b ?y } WHERE {\n VALUES ?x { id:x }\n ?x p:a ?y }",
    ],
)
def test_a_question_whose_rows_would_be_counted_together_keeps_its_example(sparql: str):
    before, after = Embedded(), Embedded()
    after.update(f"INSERT DATA {{ GRAPH {VIEW} {{ <urn:i:x> <urn:p:a> <urn:i:y> }} }}")
    asked = question(sparql, x="thing")
    assert ask_of_all(asked).of == ()
    (found,) = compare({"test": asked}, view_of(after), before, after).questions
    assert found.examples == (("x", "id:x"),)
    assert found.new


def test_rows_are_compared_with_how_often_they_come():
    before, after = Embedded(), Embedded()
    for store, values in ((before, "<urn:i:y>"), (after, "<urn:i:y>, <urn:i:z>")):
        store.update(f"INSERT DATA {{ GRAPH {VIEW} {{ <urn:i:x> <urn:p:a> {values} }} }}")
    asked = question("SELECT ?x { ?x p:a ?y }")
    (found,) = compare({"test": asked}, view_of(after) - view_of(before), before, after).questions
    assert (found.gone, found.new) == ((), ((NamedNode("urn:i:x"),),))


def test_an_answer_that_is_too_long_is_not_compared_and_that_is_said(
    store: Embedded, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(comparing, "_MOST", 3)
    found = between(store, "default", "as-told-by:putin")
    assert {"does-actor-agree", "names"} <= {*found.uncompared}
    assert not {*found.uncompared} & {one.name for one in found.questions}
    assert "\ntoo many rows to compare: " in difference_written(found, "text")


def test_views_that_have_too_little_in_common_are_not_told_apart(
    store: Embedded, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(differences, "_MOST", 3)
    with pytest.raises(LimitReached, match="differ in more than 3 triples"):
        between(store, "default", "by:idlib-ceasefire")


def validator(name: str) -> jsonschema.Draft202012Validator:
    folder = ROOT / "docs" / "schema"
    files = {path.name: json.loads(path.read_text("utf-8")) for path in folder.glob("*.schema.json")}
    registry: Registry[Any] = Registry().with_resources(
        (file["$id"], Resource.from_contents(file)) for file in files.values()
    )
    made = jsonschema.Draft202012Validator(files[name], registry=registry)
    made.check_schema(files[name])
    return made


def test_the_json_of_a_difference_holds_to_its_schema(store: Embedded):
    schema = validator("difference.schema.json")
    for right in VIEWS:
        found = between(store, "default", right)
        document = json.loads(difference_written(found, "json"))
        schema.validate(document)
        assert set(document) == set(schema.schema["properties"])
        assert len(document["stated"]["right"]) == len(found.stated[1])
        assert [one["name"] for one in document["questions"]] == [one.name for one in found.questions]
    for name in document:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate({key: value for key, value in document.items() if key != name})


def test_the_json_of_an_impact_holds_to_its_schema(store: Embedded):
    schema = validator("impact.schema.json")
    found = impact([NamedNode(f"{CLAIM}{number}") for number in (1, 20)], store, QUESTIONS, rulebook())
    document = json.loads(impact_written(found, "json"))
    schema.validate(document)
    assert set(document) == set(schema.schema["properties"])
    assert len(document["kept"]) == len(found.kept) > 0


ROW = (iri("id:turkey"), Literal("not stated", language="en"))
SAMPLE = Difference(
    "default",
    "as-told-by:put\x1b[2Jin",
    ((), (Triple(iri("id:russia"), iri("rdf:type"), iri("parley:State")),)),
    (
        (Triple(iri("id:russia"), iri("parley:supports"), iri("id:turkey")),),
        tuple(
            Triple(iri(f"id:x{number:02}"), iri("parley:supports"), iri("id:turkey")) for number in range(14)
        ),
    ),
    (
        QuestionDifference("who-said", ("who",), (), ((iri("id:russia"),),), (), (("word", '"killed"'),)),
        QuestionDifference("when", ("matter", "begins"), (ROW,), (), ("matter",)),
    ),
    find_labels([], Embedded()) | {iri("id:russia"): "Russia\u202e", iri("parley:supports"): "supports"},
    ("lies-in",),
)


def test_a_difference_reads_well():
    """What tells most comes first, long lists are cut, and nothing commands a terminal."""
    lines = [f"+ Id:x{number:02} supports id:turkey." for number in range(12)]
    assert difference_written(SAMPLE, "text").splitlines() == [
        "- default",
        "+ as-told-by:put<U+001B>[2Jin",
        "",
        "stated (1)",
        "+ Russia<U+202E> is a parley:State.",
        "",
        "derived (15)",
        "- Russia<U+202E> supports id:turkey.",
        *lines,
        "  and 2 more; --format json has all",
        "",
        "2 questions answered differently",
        "",
        'who-said: who, word as in the example "killed"',
        "+ Russia<U+202E>",
        "",
        "not stated, of things that one side alone has: when",
        "",
        "too many rows to compare: lies-in",
    ]


def test_an_impact_reads_well():
    triples = SAMPLE.derived[0]
    found = Impact(
        (NamedNode(f"{CLAIM}20"), NamedNode("urn:x")), triples, (), SAMPLE.stated[1], (), SAMPLE.labels
    )
    assert impact_written(found, "text").splitlines() == [
        "without claims idlib-ceasefire/20, <urn:x>",
        "",
        "no longer stated (1)",
        "- Russia<U+202E> supports id:turkey.",
        "",
        "held still, because others say so or it is derived (1)",
        "= Russia<U+202E> is a parley:State.",
    ]


def test_the_same_difference_gives_the_same_text(store: Embedded):
    for form in ("text", "json"):
        one, two = (
            difference_written(between(store, "default", "by:idlib-ceasefire"), form) for _ in range(2)
        )
        assert one == two
        assert one.endswith("\n")


def test_another_form_is_refused():
    with pytest.raises(UnknownName, match="no form is called 'jsn'; did you mean 'json'"):
        difference_written(SAMPLE, "jsn")
