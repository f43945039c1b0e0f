"""The commands that follow answers to their words: what they print, what they write, what they refuse."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

import kg
from kg.errors import UnknownName, UsageError

SECOND = Path(__file__).parent / "disputes"
TELLING = "ASK { ?attack parley:knowingly ?knowing }"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return a base on disk with a second article, whose speakers differ from the first and from each other."""
    folder = tmp_path_factory.mktemp("following")
    made = kg.init(folder / "base")
    assert made.add(SECOND / "claims.trig").committed
    return folder / "base"


# Citing.


def test_each_row_is_followed_by_the_quotes_that_it_rests_on(run):
    shown = run("ask", "who-supports", "--actor", "Syrian rebels", "--cite", "--format", "table").done()
    assert "“Turkish President Erdogan, who supports Syrian rebels” [idlib-ceasefire/36]" in shown
    assert "[inferred]" in shown


def test_an_answer_has_citations_only_when_they_were_asked_for():
    base = kg.open()
    assert len(base.ask("backs-opposing-sides", cite=True).citations) == 4
    with pytest.raises(UsageError, match="ask with cite=True"):
        _ = base.ask("backs-opposing-sides").citations


def test_sparql_of_ones_own_is_cited_too_and_what_cannot_be_followed_is_refused(run):
    query = "SELECT ?party { id:idlib-agreement-2020 parley:hasParty ?party } ORDER BY ?party"
    found = json.loads(run("query", query, "--cite", "--format", "json").done())
    assert found["format"] == "parley-citations"
    said = run("query", "SELECT ?c { GRAPH ?c { id:russia a parley:State } }", "--cite").refused(1)
    assert "GRAPH" in said


def test_a_row_that_rests_on_something_contested_says_so(run, base):
    shown = run(
        "--store", base, "ask", "deaths", "--force", "id:turkish-armed-forces", "--cite", "--format", "table"
    )
    assert "contested" in shown.done()


# Explaining.


def test_a_proof_goes_down_to_the_words(run):
    shown = run("explain", "Russia", "supports", "Syria").done()
    assert shown.startswith("Russia supports Syria.\n  by prp-spo2: ")
    assert "“Syrian President Bashar al-Assad’s army” [idlib-ceasefire/39]" in shown


def test_of_a_triple_that_does_not_hold_it_is_said_what_is_missing(run):
    shown = run("explain", "Turkey", "is hostile to", "Syria").done()
    assert shown.startswith("It does not hold: ")
    assert "missing:" in shown


def test_a_triple_with_a_variable_is_refused(run):
    assert "is a variable" in run("explain", "?who", "supports", "Syria").refused(2)


def test_a_proof_longer_than_the_limit_is_refused_with_the_limit(run):
    said = run("explain", "Russia", "backs opponents of those backed by", "Turkey", "--limit", "3").refused(4)
    assert "3" in said


@pytest.mark.parametrize("words", [("Rusia", "supports", "Syria"), ("Russia", "suports", "Syria")])
def test_a_typing_error_is_met_with_the_nearest_names(words, run):
    assert "did you mean" in run("explain", *words).refused(2)


@pytest.mark.parametrize("form", ["svg", "html"])
def test_a_proof_can_be_drawn(form, run, tmp_path):
    run("explain", "Russia", "supports", "Syria", "--format", form, "-o", tmp_path / "proof").done()
    assert "Russia supports Syria" in (tmp_path / "proof").read_text(encoding="utf-8")


# Views.


def test_what_a_speaker_said_holds_in_the_view_as_told_by_that_speaker_alone(run):
    assert run("query", TELLING, "--format", "table").done() == "no\n"
    for name in (
        "Putin",
        "vladimir-putin",
        "id:vladimir-putin",
        "Путин, Владимир Владимирович"[:0] or "Vladimir Putin",
    ):
        assert run("query", TELLING, "--as-told-by", name, "--format", "table").done() == "yes\n"
        assert run("ask", "attacks", "--as-told-by", name).done() != run("ask", "attacks").done()


def test_before_the_first_record_there_are_only_reference_data(run):
    query = "ASK { ?agreement parley:hasParty ?party }"
    assert run("query", query, "--format", "table").done() == "yes\n"
    assert run("query", query, "--as-of", "2020-01-01", "--format", "table").done() == "no\n"
    assert (
        "Russia"
        in run("ask", "find", "--word", "Russia", "--as-of", "2020-01-01", "--format", "table").done()
    )


def test_a_source_alone(run, base):
    both = run("--store", base, "show", "Iran").done()
    assert "Iran supports" in both
    shown = run("--store", base, "query", "ASK { id:iran parley:supports ?one }", "--by", "idlib-ceasefire")
    assert shown.done().strip().endswith("false")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--as-told-by", "Putinn"], "did you mean"),
        (["--as-told-by", "Idlib"], "Putin"),
        (["--by", "idlib-ceasefir"], "idlib-ceasefire"),
        (["--as-of", "2999-01-01"], "lies ahead"),
        (["--as-of", "2020-02-30"], "2020-02-30"),
        (["--as-of", "yesterday"], "2026-11-01"),
    ],
)
def test_an_unknown_speaker_source_or_date_is_refused_with_what_would_do(options, said, run):
    assert said in run("ask", "agreements", *options).refused(2)


def test_a_view_takes_no_facts_and_files_are_checked_against_the_base_itself(run, tmp_path):
    view = kg.open().view(as_told_by="Putin")
    assert not hasattr(view, "add")
    (tmp_path / "a.ttl").write_text("id:a a parley:State .", encoding="utf-8")
    assert "leave out" in run("check", tmp_path / "a.ttl", "--as-told-by", "Putin").refused(2)


def test_every_speakers_view_of_the_built_in_base_meets_the_shapes(run):
    assert run("check", "--as-told-by", "Putin").done().startswith("sound")


def test_two_views_are_compared_and_a_view_with_itself_differs_in_nothing(run):
    shown = run("diff", "default", "as-told-by:vladimir-putin").done()
    assert "+ Syrian troops is a force of Syria." in shown
    found = json.loads(run("diff", "default", "default", "--format", "json").done())
    assert found["questions"] == []
    assert "names no view" in run("diff", "default", "told-by:putin").refused(2)


# Disputes, impact, briefings.


def test_nothing_in_the_built_in_base_is_contested_and_with_the_second_article_much_is(run, base):
    assert run("contested").done() == "nothing is contested\n"
    found = json.loads(run("--store", base, "contested", "--format", "json").done())
    assert {dispute["kind"] for dispute in found["disputes"]} == {"figures", "contradiction", "denial"}


def test_impact_says_what_retract_then_does(run, base, tmp_path):
    shutil.copytree(base, tmp_path / "copy")
    claim = "idlib-ceasefire/36"
    found = json.loads(run("--store", tmp_path / "copy", "impact", claim, "--format", "json").done())
    lost = {row["sentence"] for row in found["lost"] + found["fallen"]}
    assert lost
    opened = kg.open(tmp_path / "copy")
    before = set(opened.query("SELECT ?s ?p ?o { ?s ?p ?o }").rows)
    opened.retract(claim, reason="to see")
    gone = before - set(opened.query("SELECT ?s ?p ?o { ?s ?p ?o }").rows)
    assert len(gone) == len(found["lost"]) + len(found["fallen"])


def test_the_impact_of_no_claim_or_an_unknown_one_is_refused(run):
    assert "--source" in run("impact").refused(2)
    assert "idlib-ceasefire/9" in run("impact", "idlib-ceasefire/99").refused(2)


def test_a_briefing_tells_what_came_and_what_follows(run, base, tmp_path):
    shown = run("--store", base, "since", "2026-11-01").done()
    assert "Iran supports Syria." in shown
    run("--store", base, "since", "2026-11-01", "--format", "html", "-o", tmp_path / "b.html").done()
    page = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "Iran supports Syria." in page
    assert "lies ahead" in run("since", "2999-01-01").refused(2)


# Pictures.


@pytest.mark.parametrize(
    "call",
    [["Turkey"], ["backs-opposing-sides"], ["leaders", "--state", "Turkey"], ["--map"], ["--timeline"], []],
    ids=" ".join,
)
def test_a_thing_an_answer_a_map_a_timeline_and_the_whole_are_drawn(call, run, tmp_path):
    run("draw", *call, "-o", tmp_path / "picture.svg").done()
    assert ElementTree.parse(tmp_path / "picture.svg").getroot().tag.endswith("svg")


def test_a_picture_tells_whose_view_it_is(run):
    assert "as told by Vladimir Putin" in run("draw", "Turkey", "--as-told-by", "Putin").done()
    assert "as told by" not in run("draw", "Turkey").done()


def test_what_cannot_be_drawn_is_refused(run):
    run("draw", "Turkie").refused(2)
    assert "parameters" in run("draw", "Turkey", "--state", "Syria").refused(2)


def test_python_gives_what_the_commands_give():
    base = kg.open()
    assert base.explain("Russia", "supports", "Syria").proofs[0].steps == 3
    assert base.view(as_told_by="Putin").query(TELLING)
    assert base.contested() == ()
    assert base.impact("idlib-ceasefire/36").fallen
    assert base.diff("default", "default").questions == ()
    assert base.draw("Turkey").startswith(b"<")
    assert base.since("2020-01-01").came
    assert base.claim("idlib-ceasefire/54").speaker == "Vladimir Putin"
    with pytest.raises(UnknownName):
        base.view(by="nobody")


# The folder of views.


def seen(base: Path, **view: str) -> int:
    return len(kg.open(base).view(**view).query("SELECT * { ?s ?p ?o }"))


def test_a_link_in_the_folder_of_views_leads_nobody_elsewhere(base, tmp_path):
    for name in ("one", "other"):
        shutil.copytree(base, tmp_path / name, ignore=shutil.ignore_patterns("views"))
    kg.open(tmp_path / "other")
    seal = (tmp_path / "other" / "store.seal").read_bytes()
    (tmp_path / "one" / "views").mkdir()
    (tmp_path / "one" / "views" / "old-1").symlink_to(tmp_path / "other", target_is_directory=True)
    assert seen(tmp_path / "one", as_told_by="Putin") > 0
    assert (tmp_path / "other" / "store.seal").read_bytes() == seal
    assert not (tmp_path / "other" / "in-use.lock").exists()


def test_a_view_under_another_views_name_is_made_again(base, tmp_path):
    shutil.copytree(base, tmp_path / "one", ignore=shutil.ignore_patterns("views"))
    before = seen(tmp_path / "one", as_told_by="Putin"), seen(tmp_path / "one", by="idlib-ceasefire")
    assert before[0] != before[1]
    one, other = (path for path in sorted((tmp_path / "one" / "views").iterdir()) if path.is_dir())
    one.rename(tmp_path / "kept")
    other.rename(one)
    (tmp_path / "kept").rename(other)
    assert (
        seen(tmp_path / "one", as_told_by="Putin"),
        seen(tmp_path / "one", by="idlib-ceasefire"),
    ) == before
