"""Views: each is what follows from the claims that count there, is found by the names of people, and harms no base."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple

import kg
from kg.asking.answers import read_answer
from kg.asking.questions import bind
from kg.bases.building import build
from kg.bases.bulk import examine, file_part, grow
from kg.bases.cache import seed_files
from kg.bases.changes import stamp
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.bases.writing import reading
from kg.errors import StoreError, UnknownName, UsageError
from kg.evidence.claims import read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.findings import Finding
from kg.gate.checking import gate
from kg.logic.reason import close
from kg.outside.sandbox import run_query
from kg.repository import rebuild
from kg.storage.durable import lock
from kg.storage.store import Embedded, Engine
from kg.terms import CLAIMS, REFERENCE, VIEW, iri
from kg.view import stored_questions
from kg.views import moves, shifts
from kg.views.naming import find_viewpoint, read_viewpoint
from kg.views.shifts import prepared, shifted

SECOND = Path(__file__).parent / "disputes" / "claims.trig"
PUTIN, ARTICLE = iri("id:vladimir-putin"), iri("source:idlib-ceasefire")
TOLD = Viewpoint(told_by=PUTIN)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

DAYS = [datetime(2020, 3, day, tzinfo=UTC) for day in (5, 6, 7)]
SOURCES, SPEAKERS = [iri("source:one"), iri("source:two")], [iri("id:ann"), iri("id:bob")]
THINGS = [iri(f"id:thing-{number}") for number in range(4)]
PREDICATES = ["parley:isBefore", "parley:isLocatedIn", "parley:hasParty", "parley:supports", "parley:leads"]
triples = st.builds(
    Triple,
    st.sampled_from(THINGS),
    st.sampled_from([iri(name) for name in PREDICATES]),
    st.sampled_from(THINGS),
)
claims = st.tuples(
    st.sampled_from(SOURCES),
    st.sampled_from([None, *SPEAKERS]),  # None: in the source's own voice
    st.sampled_from([None, *DAYS]),
    st.sampled_from([None, None, *DAYS]),
    st.lists(triples, min_size=1, max_size=4),
)
viewpoints = st.builds(
    Viewpoint,
    st.sampled_from([None, *SPEAKERS]),
    st.sampled_from([None, *SOURCES]),
    st.sampled_from([None, *(day + timedelta(hours=hours) for day in DAYS for hours in (-1, 0))]),
)


def view_of(store: Embedded) -> set[Triple]:
    return {quad.triple for quad in store.quads(graph=VIEW)}


def closed(facts: set[Triple]) -> set[Triple]:
    store = Embedded()
    store.add(Quad(*fact, VIEW) for fact in facts)
    close(store, ontology_rules())
    return view_of(store)


def base_of(told: list, reference: list[Triple]) -> Embedded:
    """A base with these claims, its view closed over those that are accepted."""
    store = Embedded()
    store.add(Quad(*triple, REFERENCE) for triple in reference)
    held = set(reference)
    for number, (source, speaker, recorded, withdrawn, content) in enumerate(told):
        name = NamedNode(f"https://w3id.org/parley/claim/one/{number}")
        said = {
            "rdf:type": iri("parley:Claim"),
            "prov:hadPrimarySource": source,
            "prov:wasAttributedTo": speaker or source,
            "oa:exact": Literal("words"),
            "oa:start": Literal(0),
            "oa:end": Literal(5),
            "prov:generatedAtTime": recorded and stamp(recorded),
            "prov:invalidatedAtTime": withdrawn and stamp(withdrawn),
            "skos:changeNote": withdrawn and Literal("wrong"),
        }
        store.add(Quad(name, iri(term), value, CLAIMS) for term, value in said.items() if value)
        store.add([Quad(source, iri("rdf:type"), iri("parley:Source"), CLAIMS)])
        store.add(Quad(*triple, name) for triple in content)
        held |= set(content) if speaker is None and withdrawn is None else set()
    store.add(Quad(*triple, VIEW) for triple in closed(held))
    return store


@pytest.mark.parametrize("few", [200, 0])
@settings(max_examples=40)
@given(st.lists(claims, max_size=7), st.lists(triples, max_size=3), viewpoints)
def test_a_view_is_what_follows_from_the_claims_that_count(
    few: int, told: list, reference: list, viewpoint: Viewpoint
):
    """Whether it is moved or made afresh; and it holds the claims that were on record, with no later withdrawal."""
    store = base_of(told, reference)
    held, known, ended = set(reference), set(), set()
    for number, (source, speaker, recorded, withdrawn, content) in enumerate(told):
        moment = viewpoint.as_of
        if viewpoint.by not in (None, source) or (moment and recorded and recorded > moment):
            continue
        known.add(number)
        if withdrawn and (moment is None or withdrawn <= moment):
            ended.add(number)
        elif speaker in (None, viewpoint.told_by):
            held |= set(content)
    before = {*store.quads()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moves, "_FEW", few)
        patch.setattr(moves, "_SHARE", 10**9)
        view, data = prepared(store, b"", viewpoint)
    assert view_of(view) == closed(held)
    found = {int(claim.iri.value.rpartition("/")[2]): claim for claim in read_claims(view)}
    assert set(found) == known
    assert {number for number, claim in found.items() if claim.withdrawn} == ended
    assert {number for number, claim in found.items() if any(view.quads(graph=claim.iri))} == known
    assert {*store.quads()} == before
    if viewpoint != Viewpoint():
        again = Embedded()
        again.load(data, RdfFormat.N_QUADS)
        assert {*again.quads()} == {*view.quads()}


ODD_TIMES = {
    "2020-03-05T00:00:00.0000001Z": (False, True),
    "2020-03-05T23:59:59.9999999Z": (False, False),
    "2020-03-05T00:00:00.0000000Z": (True, True),
    "9999-12-31T23:59:59.9999999Z": (False, False),
    "12020-03-05T00:00:00Z": (False, False),
    "-0044-03-15T00:00:00Z": (True, True),
    "-12020-03-15T00:00:00Z": (True, True),
}
"""Times, and whether they have come by the beginning of a day and by a microsecond before its end."""


@pytest.mark.parametrize("few", [200, 0])
@pytest.mark.parametrize("kind", ["recorded", "withdrawn"])
@pytest.mark.parametrize("written", ODD_TIMES)
def test_times_that_python_does_not_know_come_when_the_engine_says(
    written: str, kind: str, few: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(moves, "_FEW", few)
    monkeypatch.setattr(moves, "_SHARE", 10**9)
    said = Triple(THINGS[0], iri("parley:supports"), THINGS[1])
    term = iri("prov:generatedAtTime" if kind == "recorded" else "prov:invalidatedAtTime")
    store = base_of([(SOURCES[0], None, None, None, [said])], [])
    name = NamedNode("https://w3id.org/parley/claim/one/0")
    store.add([Quad(name, term, Literal(written, datatype=iri("xsd:dateTime")), CLAIMS)])
    if kind == "withdrawn":
        store.update(f"CLEAR GRAPH {VIEW}")
    for moment, come in zip((DAYS[0], DAYS[1] - timedelta(microseconds=1)), ODD_TIMES[written], strict=True):
        view, _ = prepared(store, b"", Viewpoint(as_of=moment))
        assert (said in view_of(view)) == (come if kind == "recorded" else not come)


@pytest.fixture(scope="module")
def two_articles() -> Embedded:
    """A base of two articles, with several speakers who contradict each other."""
    store = Embedded()
    store.fill(ontology_quads())
    batch = examine([file_part(path) for path in (*seed_files(), SECOND)])
    grow(store, batch, ontology_rules())
    store.fill(batch.facts())
    return store


def violations_in(view: Engine) -> list[Finding]:
    return [one for one in gate().validator.validate_all(lambda: view) if one.severity == "violation"]


def test_no_shape_is_violated_in_the_view_of_any_speaker_of_the_article():
    store = build()
    speakers = {claim.speaker for claim in read_claims(store)} - {ARTICLE}
    assert speakers == {PUTIN}
    for speaker in speakers:
        view, _ = prepared(store, b"", Viewpoint(told_by=speaker))
        assert violations_in(view) == []


def test_the_view_of_the_built_in_base_is_kept_in_the_cache(
    built_in: kg.Base, monkeypatch: pytest.MonkeyPatch
):
    store, path = prepared(built_in._store, built_in._location, TOLD)
    assert path != built_in._location
    monkeypatch.setattr(moves, "move", lambda *_: pytest.fail("it is made again"))
    again, same = prepared(built_in._store, built_in._location, TOLD)
    assert same == path
    assert view_of(again) == view_of(store)
    asked = run_query(path, "SELECT ?act { ?act a parley:Retaliation }")
    assert [row["act"] for row in asked]
    assert not [*run_query(built_in._location, "SELECT ?act { ?act a parley:Retaliation }")]


def test_the_views_own_answers_are_those_of_what_counts(built_in: kg.Base):
    question = stored_questions()["retaliation"]
    view, _ = prepared(built_in._store, built_in._location, TOLD)
    asked = bind(question, {"actor": "Turkish Armed Forces"}, view)
    (told,), (plain,) = (read_answer(store.query(asked), store).texts() for store in (view, built_in._store))
    assert plain == ("not stated", "not stated")
    assert told[0] == "Turkish revenge"


def opened(folder: Path, viewpoint: Viewpoint) -> tuple[Embedded, Path]:
    with reading(folder) as store:
        made, place = prepared(store, folder, viewpoint)
    assert isinstance(place, Path)
    return made, place


def content(folder: Path) -> dict[str, str]:
    """The sums of all files of a base, of its views none."""
    files = [path for path in folder.rglob("*") if path.is_file() and "views" not in path.parts]
    lasting = [path for path in files if not path.name.startswith(("LOG", "LOCK", "store.lock"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in lasting}


def test_a_view_of_a_base_on_disk_lies_beside_its_store_and_leaves_that_alone(base: Path, tmp_path: Path):
    before = content(base)
    store, place = opened(base, TOLD)
    assert place.parent == base / "views"
    with reading(base) as plain:
        assert view_of(store) > view_of(plain)
        expected, _ = prepared(build(), b"", TOLD)
    assert view_of(store) == view_of(expected)
    shared = {path.name for path in (place / "store").glob("*.sst") if path.stat().st_nlink > 1}
    assert shared
    assert content(base) == before
    assert kg.open(base).validate().outcome == "sound"
    assert [*run_query(place, "SELECT ?act { ?act a parley:Retaliation }")]
    kg.open(base).backup(tmp_path / "copy")
    assert not (tmp_path / "copy" / "views").exists()
    rebuild(base)
    assert view_of(opened(base, TOLD)[0]) == view_of(expected)


def test_two_readers_share_a_view_and_a_later_change_makes_another(base: Path):
    first, place = opened(base, TOLD)
    second, same = opened(base, TOLD)
    assert same == place
    held = view_of(first)
    kg.open(base).retract("idlib-ceasefire/20", "idlib-ceasefire/21", reason="a test")
    changed, other = opened(base, TOLD)
    assert other != place
    assert place.exists()  # it is in use
    assert view_of(first) == view_of(second) == held
    assert view_of(changed) != held
    first.close()
    del first, second
    third, _ = opened(base, Viewpoint(by=ARTICLE))
    assert not place.exists()
    assert view_of(third)


def test_only_the_newest_views_are_kept(base: Path):
    for hour in range(12):
        opened(base, Viewpoint(as_of=NOW - timedelta(hours=hour)))
    assert len([*(base / "views").iterdir()]) == 8


def test_what_a_killed_process_left_is_removed_and_the_view_is_made(base: Path):
    script = (
        "import sys, time; from pathlib import Path; import kg.views.shifts as s\n"
        "from kg.bases.writing import reading\n"
        "from kg.evidence.viewpoints import Viewpoint; from kg.terms import iri\n"
        "s.seal = lambda place: (print(place, flush=True), time.sleep(60))\n"
        "folder = Path(sys.argv[1])\n"
        "with reading(folder) as store: s.prepared(store, folder, Viewpoint(told_by=iri('id:vladimir-putin')))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(base)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        store, place = opened(base, TOLD)  # beside one that is still at work
        assert left.exists()
        process.send_signal(signal.SIGKILL)
    store.close()
    shutil.rmtree(place)
    store, again = opened(base, TOLD)
    assert again == place
    assert not left.exists()
    assert view_of(store) == view_of(prepared(build(), b"", TOLD)[0])


def test_processes_that_make_the_same_view_at_once_all_get_it(base: Path):
    script = (
        "import sys; from pathlib import Path; from kg.views.shifts import prepared; from kg.terms import VIEW, iri\n"
        "from kg.bases.writing import reading; from kg.evidence.viewpoints import Viewpoint\n"
        "folder = Path(sys.argv[1])\n"
        "with reading(folder) as store:\n"
        "    view, _ = prepared(store, folder, Viewpoint(told_by=iri('id:vladimir-putin')))\n"
        "    print(view.count(VIEW))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(base)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert said == {f"{opened(base, TOLD)[0].count(VIEW)}\n"}
    assert len([*(base / "views").iterdir()]) == 1


@pytest.mark.parametrize("name", ["store.seal", "store/CURRENT", "in-use.lock"])
def test_a_view_that_is_not_whole_is_made_again(base: Path, name: str):
    store, place = opened(base, TOLD)
    held = view_of(store)
    del store
    (place / name).unlink()
    assert view_of(opened(base, TOLD)[0]) == held


def test_a_damaged_view_that_is_in_use_is_made_elsewhere(base: Path):
    store, place = opened(base, TOLD)
    (place / "store" / "CURRENT").write_text("nonsense")
    other, elsewhere = opened(base, TOLD)
    assert elsewhere.parent != base / "views"
    assert view_of(other) == view_of(store)
    other.close()
    del other
    assert not elsewhere.exists()


def test_where_the_base_cannot_be_written_a_view_is_made_elsewhere(base: Path):
    (base / "views").write_text("no folder")
    store, place = opened(base, TOLD)
    assert not place.is_relative_to(base)
    assert view_of(store) == view_of(prepared(build(), b"", TOLD)[0])


def test_a_full_disk_is_said_in_one_line(base: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shifts, "_link", full)
    with pytest.raises(StoreError, match="the view cannot be made: No space left on device"):
        opened(base, TOLD)
    assert not [*(base / "views").iterdir()]


def test_what_lies_unfinished_without_a_lock_is_removed_after_a_while(base: Path):
    old, new = (base / "views" / f".{name}.unfinished" for name in ("old", "new"))
    for place in (old, new):
        place.mkdir(parents=True)
    os.utime(old, (0, time.time() - 3600))
    opened(base, TOLD)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_shifted_store_is_thrown_away_and_leaves_the_base_alone(base: Path):
    triple = Triple(PUTIN, iri("parley:supports"), ARTICLE)
    before = content(base)
    with reading(base) as store:
        gone = next(iter(view_of(store)))
        with shifted(store, [gone], [triple]) as copy:
            assert view_of(copy) == (view_of(store) - {gone}) | {triple}
            assert len([*(base / "views").iterdir()]) == 1
        assert not [*(base / "views").iterdir()]
    assert content(base) == before


def test_a_lock_of_a_view_is_held_for_as_long_as_it_is_open(base: Path):
    store, place = opened(base, TOLD)
    with pytest.raises(StoreError):
        lock(place / "in-use.lock", 0)
    del store
    lock(place / "in-use.lock", 0).close()


@pytest.mark.parametrize(
    "name",
    ["putin", "Putin", "Vladimir Putin", "vladimir-putin", "id:vladimir-putin", f"{PUTIN}"],
)
def test_a_speaker_is_named_as_people_do(two_articles: Embedded, name: str):
    assert find_viewpoint(two_articles, NOW, as_told_by=name) == TOLD


@pytest.mark.parametrize(
    "name",
    [
        "idlib-ceasefire",
        "source:idlib-ceasefire",
        ARTICLE.value,
        "Russia and Turkey Agree on A Ceasefire in Syria",
    ],
)
def test_a_source_is_named_as_people_do(two_articles: Embedded, name: str):
    assert find_viewpoint(two_articles, NOW, by=name) == Viewpoint(by=ARTICLE)


def test_a_view_is_written_as_one_word(two_articles: Embedded):
    def read(text: str) -> Viewpoint:
        return read_viewpoint(text, two_articles, NOW)

    end = datetime(2026, 11, 1, 23, 59, 59, 999999, UTC)
    assert read("default") == Viewpoint()
    assert read("as-of:2026-11-01") == Viewpoint(as_of=end)
    assert read("as-told-by:putin,by:idlib-ceasefire, as-of:2026-11-01") == Viewpoint(PUTIN, ARTICLE, end)
    assert read("as-of:2026-11-01T10:00:00+01:00").as_of == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert read("as-of:2026-11-23").as_of > NOW  # today


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "nonsense",
            "'nonsense' names no view; write default, or one or more of as-told-by:…, by:…, as-of:…",
        ),
        ("as-told-by:", "'as-told-by:' names no view"),
        ("by:idlib-ceasefire,by:idlib-ceasefire", "is named twice"),
        ("as-told-by:Putn", "no speaker is called 'Putn'; did you mean 'Putin'"),
        ("as-told-by:Turkey", "no claim is told by 'Turkey'; there are claims of Bashar al-Assad, Mevlut"),
        ("by:idlib-ceasfire", "no source is called 'idlib-ceasfire'; did you mean 'idlib-ceasefire'?"),
        ("by:zzzz", "no source is called 'zzzz'; there are claims of "),
        ("as-of:2027-01-01", "'2027-01-01' lies ahead"),
        ("as-of:2026-11-23T12:00:01Z", "lies ahead"),
        ("as-of:2026-02-30", "'2026-02-30' does not exist"),
        ("as-of:2026-11-01T10:00:00", "has no time zone; write 2026-11-01T10:00:00Z for UTC"),
        ("as-of:yesterday", "'yesterday' is no date; write a day as 2026-11-01"),
        ("as-of:0000-00-00", "does not exist"),
        ("by:\udcff", "is no Unicode text"),
        ("as-told-by:<a b>", "no speaker is called '<a b>'"),
    ],
)
def test_a_view_that_is_none_is_refused_in_one_line(two_articles: Embedded, text: str, said: str):
    with pytest.raises(UsageError) as error:
        read_viewpoint(text, two_articles, NOW)
    assert said in str(error.value)
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)


def test_a_source_without_claims_is_told_apart_from_an_unknown_one():
    store = base_of([(SOURCES[0], SPEAKERS[0], None, None, [])], [])
    store.add([Quad(SOURCES[1], iri("rdf:type"), iri("parley:Source"), CLAIMS)])
    with pytest.raises(UsageError, match="no claim is taken from 'two'; there are claims of source:one"):
        find_viewpoint(store, NOW, by="two")
    with pytest.raises(UnknownName):
        find_viewpoint(store, NOW, by="three")
    with pytest.raises(UnknownName, match="there is no such claim in this base"):
        find_viewpoint(base_of([], []), NOW, as_told_by="ann")


def test_a_view_can_be_dumped_like_the_base_it_is_of(base: Path):
    store, _ = opened(base, TOLD)
    with closing(store):
        output = io.BytesIO()
        store.dump(output, RdfFormat.N_QUADS)
    assert output.getvalue().count(b"\n") > 3000
