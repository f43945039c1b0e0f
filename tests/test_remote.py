"""A base behind an endpoint answers, checks, takes and gives up facts as the embedded one does, on every engine."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import string
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad
from test_adding import document, framing
from test_shape_examples import EXAMPLES

import kg
from kg.bases.bulk import examine, file_part
from kg.bases.cache import seed_files
from kg.bases.ontology import ontology_rules
from kg.distant.engine import Remote
from kg.distant.graphs import Graphs, mentioned
from kg.distant.landing import reach
from kg.distant.state import MAKING, State, begin, move, state
from kg.errors import Overtaken, Refused, StoreError, UnreadableInput, UsageError
from kg.logic.reason import clashes, close
from kg.reporting.verdicts import written
from kg.storage.store import Embedded, Engine
from kg.terms import CLAIMS, PREFIXES, REFERENCE, STATE, VIEW, iri, text
from kg.view import stored_questions
from tests.servers import VIRTUOSO, Server, oxigraph_server, virtuoso_server

if TYPE_CHECKING:
    pass

XSD = PREFIXES["xsd"]
every_question = pytest.mark.parametrize("name", sorted(stored_questions()))


@pytest.fixture(scope="session", params=["oxigraph", "virtuoso"])
def server(request: pytest.FixtureRequest) -> str:
    """The URL of a running server, of each kind."""
    return logged_in(request.getfixturevalue(request.param))


def logged_in(server: Server) -> str:
    """The URL of a server, whose password the environment knows from now on; others ask for none."""
    os.environ.update(server.environ)
    return server.url


def fresh(server: str) -> str:
    """A name for a base that no other test has, on a server that they share."""
    return f"{server}#{''.join(random.SystemRandom().choices(string.ascii_lowercase, k=12))}"


@pytest.fixture(scope="session")
def article(server: str) -> kg.Base:
    """The built-in base behind an endpoint; no test may change it."""
    return kg.init(fresh(server))


@pytest.fixture
def base(server: str) -> kg.Base:
    """A base behind an endpoint that a test may change."""
    return kg.init(fresh(server))


def store_of(base: kg.Base) -> Remote:
    assert base._distant
    return base._distant.store


def content(store: Engine) -> set[Quad]:
    return {quad for quad in store.quads() if quad.graph_name != STATE}


def test_a_base_behind_an_endpoint_holds_what_the_embedded_one_does(article: kg.Base, built_in: kg.Base):
    there = {q for q in content(store_of(article)) if not isinstance(q.subject, BlankNode)}
    here = {q for q in built_in._store.quads() if not isinstance(q.subject, BlankNode)}
    assert {q for q in there if not isinstance(q.object, BlankNode)} == {
        q for q in here if not isinstance(q.object, BlankNode)
    }
    assert article.summary() == built_in.summary()


@every_question
def test_a_stored_question_has_the_same_answer(name: str, article: kg.Base, built_in: kg.Base):
    assert examples(article, name) == examples(built_in, name)


@every_question
def test_the_rows_of_a_stored_question_rest_on_the_same_claims(
    name: str, article: kg.Base, built_in: kg.Base
):
    there, here = (examples(one, name, cite=True) for one in (article, built_in))
    assert there.citations == here.citations


def examples(base: kg.Base, name: str, *, cite: bool = False) -> kg.Answer:
    """The answer to a stored question with the terms of its examples."""
    question = stored_questions()[name]
    return base.query(question.sparql, cite=cite)


def test_every_derived_triple_has_the_same_shortest_proof(article: kg.Base, built_in: kg.Base):
    view = {quad.triple for quad in built_in._store.quads(graph=VIEW)}
    stated = {quad.triple for quad in built_in._store.quads() if quad.graph_name != VIEW}
    for triple in sorted(view - stated, key=str)[::12]:
        there, here = (one.explain(*triple) for one in (article, built_in))
        assert there == here


def test_what_is_shown_of_a_thing_and_a_claim_is_the_same(article: kg.Base, built_in: kg.Base):
    assert article.show("Turkey") == built_in.show("Turkey")
    assert article.claim("idlib-ceasefire/20") == built_in.claim("idlib-ceasefire/20")
    assert article.claims() == built_in.claims()
    assert article.contested() == built_in.contested()


@pytest.mark.parametrize("form", ["turtle", "trig", "csv"])
def test_an_export_has_the_same_bytes(form: str, article: kg.Base, built_in: kg.Base):
    assert article.export(form) == built_in.export(form)


@pytest.mark.parametrize(
    "seen", [{"as_told_by": "Putin"}, {"by": "idlib-ceasefire"}, {"as_of": "2020-01-01"}], ids=str
)
def test_a_view_by_speaker_source_or_date_shows_the_same(
    seen: dict[str, str], article: kg.Base, built_in: kg.Base
):
    there, here = article.view(**seen), built_in.view(**seen)
    assert there.standpoint == here.standpoint
    assert {*there._store.quads(graph=VIEW)} == {*here._store.quads(graph=VIEW)}
    for name in ("parties", "deaths", "who-supports"):
        question = stored_questions()[name]
        assert there.query(question.sparql) == here.query(question.sparql)


def test_what_differs_and_what_a_withdrawal_would_change_are_the_same(article: kg.Base, built_in: kg.Base):
    views = ("default", "as-told-by:Putin")
    assert article.diff(*views) == built_in.diff(*views)
    assert article.impact("idlib-ceasefire/12") == built_in.impact("idlib-ceasefire/12")


def test_a_view_is_of_the_base_as_it_is_now_and_stays_so(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The copy from which views are made goes when there is a later one, unless a view of it is in use."""
    monkeypatch.setenv("KG_CACHE", str(tmp_path))
    everything = "SELECT * { id:accord ?p ?o }"
    before = base.view(as_told_by="Putin")
    (first,) = (tmp_path / "copies").iterdir()
    assert first.parent.stat().st_mode & 0o077 == 0
    base.add(document(ACCORD), framing=framing())
    after = base.view(as_told_by="Putin")
    assert len(after.query(everything)) == 3
    assert len(before.query(everything)) == 0
    assert len([*(tmp_path / "copies").iterdir()]) == 2
    del before
    gc.collect()
    base.view(by="idlib-ceasefire")
    (second,) = (tmp_path / "copies").iterdir()
    assert second != first


def test_a_copy_is_of_one_moment(base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Who changes the base while it is read has it read again."""
    quads, changed = Remote.quads, list[bool]()

    def changing(store: Remote, *pattern: object, **named: object) -> Iterator[Quad]:
        yield from quads(store, *pattern, **named)  # type: ignore[arg-type]
        if not pattern and not named and not changed:
            changed.append(True)
            assert kg.open(base._distant.url).add(document(ACCORD), framing=framing()).committed

    monkeypatch.setattr(Remote, "quads", changing)
    base.backup(tmp_path / "copy")
    assert changed
    assert len(kg.open(tmp_path / "copy").ask("parties", agreement="id:accord")) == 2


def test_the_rules_make_the_same_view_on_the_engine_itself(server: str):
    batch, here = examine([file_part(path) for path in seed_files()]), Embedded()
    there = reach(fresh(server)).store
    for store in (here, there):
        store.fill(batch.held())
        close(store, ontology_rules())
        assert not [*clashes(store, ontology_rules())]
    assert {*there.quads(graph=VIEW)} == {*here.quads(graph=VIEW)}


@pytest.mark.parametrize("path", EXAMPLES[::9], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_proposal_has_the_same_verdict(path: Path, article: kg.Base, built_in: kg.Base):
    there, here = (written(base.check(path), "json") for base in (article, built_in))
    assert there == here


def test_adding_and_withdrawing_leave_the_same_base(base: kg.Base, tmp_path: Path):
    here = kg.init(tmp_path / "here")
    for one in (base, here):
        assert one.add(document(ACCORD), framing=framing()).committed
        assert one.add(document(ACCORD), framing=framing()).outcome == "unchanged"
        assert one.add(document(PACT), framing=framing("Turkish colleague Tayyip Erdogan")).committed
        assert one.retract("idlib-ceasefire/12", reason="it was corrected").committed
        assert one.retract("idlib-ceasefire/12", reason="it was corrected").outcome == "unchanged"
    assert timeless(base) == timeless(here)
    assert base.ask("parties", agreement="id:accord") == here.ask("parties", agreement="id:accord")


ACCORD = "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:russia ."
PACT = "id:pact a parley:Agreement ; parley:hasParty id:turkey, id:syria ."
TIMES = (iri("prov:generatedAtTime"), iri("prov:invalidatedAtTime"))


def timeless(base: kg.Base) -> set[Quad]:
    """What a base holds, but for the times at which things were done and what has no name."""
    return {
        quad
        for quad in base._steadily(content)
        if quad.predicate not in TIMES
        and not isinstance(quad.subject, BlankNode)
        and not isinstance(quad.object, BlankNode)
    }


def test_a_refused_proposal_changes_nothing(base: kg.Base):
    before = content(store_of(base))
    assert base.add(document("id:accord a parley:Agrement ."), framing=framing()).refused
    assert content(store_of(base)) == before


def test_files_are_loaded_as_they_are_on_this_machine(base: kg.Base, tmp_path: Path):
    folder, here = Path(__file__).parent / "bulk", kg.init(tmp_path / "here")
    assert base.load([folder / "truce.trig"]).held == here.load([folder / "truce.trig"]).held
    assert timeless(base) == timeless(here)


TRUCE = Path(__file__).parent / "bulk" / "truce.trig"


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_load_that_is_interrupted_leaves_the_base_as_it_was(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    before, here = timeless(base), kg.init(tmp_path / "here")
    with monkeypatch.context() as patch:
        patch.setattr(Remote, "_fill", interrupted)
        with pytest.raises(KeyboardInterrupt):
            base.load([TRUCE])
    again = kg.open(base._distant.url)
    assert timeless(again) == before
    assert again.load([TRUCE]).held == here.load([TRUCE]).held
    assert timeless(again) == timeless(here)


def test_a_file_that_is_missing_is_told_as_it_is_here(article: kg.Base, tmp_path: Path):
    here, missing = kg.init(tmp_path / "here"), tmp_path / "missing.trig"
    said = []
    for base in (article, here):
        with pytest.raises(UnreadableInput) as refused:
            base.load([missing])
        said.append(str(refused.value))
    assert said[0] == said[1]


def sent_by(
    patch: pytest.MonkeyPatch, url: str, file: Path, told: list[str] | None = None, chunks: int = 1_000
) -> list[Quad]:
    """Load a file into a base in chunks of ten quads, cut short after some; return what was sent."""
    base, sent, fill = kg.open(url), list[list[Quad]](), Remote.fill
    store = store_of(base)
    patch.setattr(store, "dialect", replace(store.dialect, chunk=10))

    def cut_short(_: Remote, quads: Iterable[Quad]) -> None:
        if len(sent) == chunks:
            raise KeyboardInterrupt
        sent.append([*quads])
        fill(store, sent[-1])

    patch.setattr(Remote, "fill", cut_short)
    with contextlib.suppress(KeyboardInterrupt):
        base.load([file], (told if told is not None else []).append)
    patch.undo()
    return [quad for chunk in sent for quad in chunk]


def test_a_load_that_was_cut_short_goes_on_where_it_was(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """What is there is not sent again, and the claims bear the time at which it began."""
    here, url, told = kg.init(tmp_path / "here"), base._distant.url, list[str]()
    before = timeless(base)
    first = sent_by(monkeypatch, url, TRUCE, chunks=3)
    begun = state(store_of(base))
    assert timeless(kg.open(url)) == before
    rest = sent_by(monkeypatch, url, TRUCE, told)
    assert len(first) == 30
    assert rest
    assert not {*rest} & {*first}
    assert f"sending: {len(first) + len(rest)} quads" in told
    here.load([TRUCE])
    assert timeless(kg.open(url)) == timeless(here)
    claim = NamedNode("https://w3id.org/parley/claim/truce/1")
    (quad,) = store_of(base).quads(claim, iri("prov:generatedAtTime"), None, CLAIMS)
    assert begun is not None
    assert datetime.fromisoformat(text(quad.object)) == datetime.fromisoformat(begun.began)


def test_another_load_does_not_go_on_from_one_that_was_cut_short(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    here, url, other = kg.init(tmp_path / "here"), base._distant.url, tmp_path / "other.trig"
    other.write_text(TRUCE.read_text(encoding="utf-8").replace("truce-of-malta", "accord"), encoding="utf-8")
    (tmp_path / "truce.txt").write_bytes(TRUCE.with_suffix(".txt").read_bytes())
    first = sent_by(monkeypatch, url, TRUCE, chunks=3)
    again = sent_by(monkeypatch, url, other)
    assert {quad.triple for quad in again} & {quad.triple for quad in first}
    here.load([other])
    assert timeless(kg.open(url)) == timeless(here)


def test_what_was_laid_and_is_no_part_of_the_change_is_never_taken_over(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    here, url = kg.init(tmp_path / "here"), base._distant.url
    sent_by(monkeypatch, url, TRUCE, chunks=3)
    laying = state(store_of(base))
    assert laying is not None
    sent = NamedNode(f"https://w3id.org/parley/graph/coming/{laying.token}/sent")
    store_of(base).add([Quad(sent, iri("rdf:value"), Literal("0" * 64), sent)])
    with pytest.raises(StoreError, match="no part of this change; it is thrown away; try again"):
        kg.open(url).load([TRUCE])
    kg.open(url).load([TRUCE])
    here.load([TRUCE])
    assert timeless(kg.open(url)) == timeless(here)


def test_what_a_load_that_was_overtaken_left_is_thrown_away(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Its claims are not described, and no later load finds their graphs."""
    here = kg.init(tmp_path / "here")
    with monkeypatch.context() as patch:
        patch.setattr("kg.distant.staging.replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            base.load([TRUCE])
    again = kg.open(base._distant.url)
    laid = NamedNode("https://w3id.org/parley/claim/truce/1")
    assert [*store_of(again).quads(graph=laid)]
    for one in (again, here):
        one.add(document(ACCORD), framing=framing())
    assert not [*store_of(again).quads(graph=laid)]
    again.backup(tmp_path / "copy")
    assert again.load([TRUCE]).held == here.load([TRUCE]).held
    assert timeless(again) == timeless(here)


def test_a_view_can_be_made_anew_where_nothing_changed(base: kg.Base):
    before = timeless(base)
    assert timeless(kg.repository.rebuild(base._distant.url)) == before


def test_of_two_who_make_a_base_one_is_told(server: str):
    url = fresh(server)
    store = reach(url).store
    first = State(0, "", "").next(doing=MAKING)
    begin(store, first)
    with pytest.raises(Overtaken, match="somebody else makes a base here"):
        begin(store, first.next(doing=MAKING))
    kg.init(url)
    with pytest.raises(Overtaken):
        move(store, first, first.next(number=1))


def test_a_base_without_a_name_lies_beside_other_data_and_other_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for start, name in ((oxigraph_server, "oxigraph"), (virtuoso_server, "virtuoso")):
        if name == "virtuoso" and not VIRTUOSO:
            continue
        (tmp_path / name).mkdir()
        with start(tmp_path / name) as own:
            for variable, value in own.environ.items():
                monkeypatch.setenv(variable, value)
            url = own.url
            other = kg.init(f"{url}#other")
            base = kg.init(url)
            store = store_of(base)
            foreign = Quad(iri("id:turkey"), iri("rdf:type"), iri("parley:Sea"), NamedNode("urn:foreign"))
            store.client.update(f"INSERT DATA {{ {store.blocks([foreign])} }}")
            base.backup(tmp_path / name / "copy")
            assert timeless(base) == timeless(kg.open(tmp_path / name / "copy"))
            assert foreign not in {*store.quads(foreign.subject)}
            assert timeless(base) == timeless(other)
            assert kg.repository.rebuild(url).summary() == base.summary()


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("?s ?p ?o .GRAPH ?g { }", ([], True)),
        ("?s ?p ?o.GRAPH<urn:a>{ }", (["urn:a"], False)),
        ("{} graph claim:x { } GRAPH ?from { }", (["urn:c:x"], True)),
        ("?graph ?from ?o # GRAPH ?g", ([], False)),
        ("'GRAPH ?g' graph:claims <GRAPH>", ([], False)),
        ("?s p:a.GRAPH ?g", ([], False)),
    ],
)
def test_the_graphs_that_a_query_names_are_found(written: str, named: tuple[list[str], bool]):
    assert mentioned(f"PREFIX claim: <urn:c:> SELECT * {{ {written} }}") == named


@pytest.mark.parametrize("name", ["<relative>", "<https://w3id.org/parley/graph\\u002Fclaims>"])
def test_a_graph_that_is_not_named_in_full_is_refused(name: str):
    with pytest.raises(UsageError, match="is no whole IRI"):
        Graphs("a").said(f"SELECT * {{ GRAPH {name} {{ ?s ?p ?o }} }}")


@pytest.mark.parametrize(
    "value",
    [
        "urn:x",
        "https://w3id.org/parley/",
        "https://w3id.org/parley//urn:x",
        "https://w3id.org/parley/base/b/in/x",
    ],
)
def test_every_graph_has_a_name_of_its_own_on_a_server(value: str):
    graph = NamedNode(value)
    assert Graphs("a").here(Graphs("a").there(graph).value) == graph
    assert Graphs("b").here(Graphs("a").there(graph).value) is None


def test_no_claim_has_the_name_of_a_graph_of_another_base(base: kg.Base, tmp_path: Path):
    text = TRUCE.read_text(encoding="utf-8").replace("claim/truce/1>", "base/other/in/graph/view>")
    wrong = tmp_path / "truce.trig"
    wrong.write_text(text, encoding="utf-8")
    (tmp_path / "truce.txt").write_bytes(TRUCE.with_suffix(".txt").read_bytes())
    assert wrong.read_text(encoding="utf-8") != TRUCE.read_text(encoding="utf-8")
    with pytest.raises(Refused, match="own graphs"):
        base.load([wrong])


def test_a_change_that_is_half_taken_over_is_finished_by_the_next(
    base: kg.Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    here = kg.init(tmp_path / "here")
    here.load([TRUCE])
    monkeypatch.setattr("kg.distant.reading._PATIENCE", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr("kg.distant.landing.take_over", interrupted)
        with pytest.raises(KeyboardInterrupt):
            base.load([TRUCE])
    assert timeless(kg.open(base._distant.url)) == timeless(here)


def test_of_two_who_write_at_once_the_second_looks_again(base: kg.Base):
    results: list[str] = []

    def add(number: int) -> None:
        own = kg.open(base._distant.url)
        text = f"id:accord-{number} a parley:Agreement ; parley:hasParty id:turkey, id:russia ."
        results.append(own.add(document(text), framing=framing()).outcome)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["committed"] * 4
    assert len(base.ask("agreements")) >= 4
    seen = state(store_of(base))
    assert seen is not None
    assert seen.number == 5


def test_whoever_is_overtaken_changes_nothing(base: kg.Base):
    store = store_of(base)
    seen = state(store)
    assert seen is not None
    base.add(document(ACCORD), framing=framing())
    before = content(store)
    quad = Quad(iri("id:x"), iri("rdf:type"), iri("parley:State"), VIEW)
    with pytest.raises(Overtaken):
        move(store, seen, seen.next(), [quad])
    assert content(store) == before


def test_bases_on_one_server_do_not_see_each_other(server: str):
    one, two = kg.init(fresh(server)), kg.init(fresh(server))
    one.add(document(ACCORD), framing=framing())
    assert len(one.ask("parties", agreement="id:accord")) == 2
    with pytest.raises(UsageError, match="accord"):
        two.ask("parties", agreement="id:accord")
    assert len(two.query("SELECT * { GRAPH graph:claims { ?claim a parley:Claim } }")) == 65
    with pytest.raises(UsageError, match="variable"):
        two.query("SELECT * { GRAPH ?g { ?s ?p ?o } }")


def test_a_base_is_made_once(article: kg.Base):
    with pytest.raises(StoreError, match="already"):
        kg.init(article._distant.url)


def test_where_there_is_no_base_that_is_said(server: str):
    with pytest.raises(StoreError, match="no base here; make one with kg init"):
        kg.open(fresh(server)).ask("parties", agreement="idlib-agreement-2020")


def test_a_base_left_unfinished_is_finished_by_making_it_again(server: str, built_in: kg.Base):
    url = fresh(server)
    store = reach(url).store
    store.add([State(0, "x", "y", MAKING).quad])
    with pytest.raises(StoreError, match="unfinished"):
        kg.open(url).claims()
    assert kg.init(url).summary() == built_in.summary()


def test_a_view_made_from_another_ontology_is_made_anew(base: kg.Base, built_in: kg.Base):
    store = store_of(base)
    seen = state(store)
    assert seen is not None
    move(store, seen, seen.now("another"), (), [*store.quads(iri("id:turkey"), None, None, VIEW)])
    with pytest.raises(StoreError, match="another ontology; make its view anew with kg rebuild"):
        kg.open(base._distant.url).claims()
    assert kg.repository.rebuild(base._distant.url).summary() == built_in.summary()


def test_a_query_from_outside_is_refused_as_it_is_here(article: kg.Base, built_in: kg.Base):
    for query in ("SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", "DROP ALL", "SELECT * { ?s ?p"):
        said = []
        for one in (article, built_in):
            with pytest.raises(kg.ParleyError) as refused:
                one.query(query)
            said.append(str(refused.value))
        assert said[0] == said[1]


LITERALS = [
    *(Literal(value) for value in ("", "a", "İdlib إدلب 😀", 'q"q\\\n\t', "<x>", "GRAPH ?g { }")),
    *(Literal("a", language=tag) for tag in ("en", "tr", "ar", "en-GB")),
    *(Literal(number) for number in (0, -7, 10**14, True, False)),
    *(
        Literal(value, datatype=NamedNode(XSD + kind))
        for value, kind in [
            ("1.1", "decimal"),
            ("1.10", "decimal"),
            ("35.870201", "decimal"),
            ("0.000001", "decimal"),
            ("-0.5", "decimal"),
            ("0476", "gYear"),
            ("2020-03-05+01:00", "date"),
            ("2020-03-05T10:11:12+03:00", "dateTime"),
            ("http://example.org/ü", "anyURI"),
            ("2020-03-05", "date"),
            ("2020-03", "gYearMonth"),
            ("2020", "gYear"),
            ("--03-15", "gMonthDay"),
            ("12:00:00", "time"),
            ("2020-03-05T10:11:12Z", "dateTime"),
            ("2020-03-05T10:11:12.5Z", "dateTime"),
            ("5", "nonNegativeInteger"),
        ]
    ),
    Literal("POINT(36.5482 35.8702)", datatype=iri("geo:wktLiteral")),
]
NODES = [NamedNode(f"https://w3id.org/parley/id/{name}") for name in ("a", "b", "İ", "c-d")]
TERMS = st.sampled_from(NODES)
GRAPHS = st.sampled_from(
    [VIEW, CLAIMS, REFERENCE, NamedNode("https://w3id.org/parley/claim/x/1"), NamedNode("urn:x")]
)
QUADS = st.lists(
    st.builds(Quad, TERMS, TERMS, st.one_of(TERMS, st.sampled_from(LITERALS)), GRAPHS), max_size=40
)


@given(
    quads=QUADS,
    pattern=st.tuples(*[st.one_of(st.none(), TERMS)] * 2),
    value=st.sampled_from([None, *NODES, *LITERALS]),
    graph=st.one_of(st.none(), GRAPHS),
)
@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
def test_look_ups_find_the_same_remembered_or_not(
    server: str,
    quads: list[Quad],
    pattern: tuple[NamedNode | None, NamedNode | None],
    value: NamedNode | Literal | None,
    graph: NamedNode | None,
):
    here, there = Embedded(), reach(fresh(server)).store
    claims = {quad.graph_name for quad in quads} - {VIEW, CLAIMS, REFERENCE}
    quads = [*quads, *(Quad(claim, iri("rdf:type"), iri("parley:Claim"), CLAIMS) for claim in claims)]
    here.add(quads)
    there.add(quads)
    asked = (*pattern, value, graph)
    with there.steady():
        assert {*there.quads(*asked)} == {*here.quads(*asked)} == {*there.quads(*asked)}
        there.foresee(NODES)
        there.foresee(NODES, NODES[0], CLAIMS)
        assert {*there.quads(*asked)} == {*here.quads(*asked)}
        assert all(there.contains(quad) for quad in here.quads())
    assert {*there.quads(*asked)} == {*here.quads(*asked)}
    assert there.count(VIEW) == here.count(VIEW)


def test_many_quads_are_filled_in_as_they_are(server: str):
    there, here = reach(fresh(server)).store, Embedded()
    quads = [
        Quad(
            NamedNode(f"urn:s{n}"), NODES[n % 4], Literal(f"{n} ü"), VIEW if n % 3 else NamedNode(f"urn:g{n}")
        )
        for n in range(7_000)
    ]
    claims = {quad.graph_name for quad in quads} - {VIEW}
    quads += [Quad(claim, iri("rdf:type"), iri("parley:Claim"), CLAIMS) for claim in claims]
    for store in (here, there):
        store.fill(quads)
    assert {*there.quads()} == {*here.quads()}
    assert {*there.quads(graph=VIEW)} == {*here.quads(graph=VIEW)}


@pytest.mark.parametrize(
    ("value", "kind", "why"),
    [
        ("35.12345678901234567", "decimal", "more digits than Virtuoso keeps"),
        ("1.5", "double", "keeps double values as others"),
        ("P1D", "dayTimeDuration", "keeps dayTimeDuration values as others"),
    ],
)
def test_a_value_that_the_engine_would_change_is_refused(value: str, kind: str, why: str, virtuoso: Server):
    store = reach(fresh(logged_in(virtuoso))).store
    literal = Literal(value, datatype=NamedNode(XSD + kind))
    with pytest.raises(StoreError, match=why):
        store.add([Quad(NODES[0], NODES[1], literal, VIEW)])
    assert not store.count(VIEW)
