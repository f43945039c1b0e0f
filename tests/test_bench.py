"""The generator of articles makes what is measured: articles that the gate lets in, as many as were asked for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import kg
from bench import gate
from bench import questions as daily_questions
from bench.articles import write_articles, write_new_articles, write_strange_article
from bench.asked import SELECTIVE, aggregating, questions
from bench.chart import chart
from bench.engines import Engine, fingerprint, measured
from bench.keeping import Measured, keep
from bench.measure import Failed, run
from bench.plan import Figure, agreed, ontology_files, script
from bench.programs import add, check, facts, held, retract, validate
from bench.reporting import line, report
from kg.bases.bulk import Batch, examine, file_part, grow
from kg.evidence.claims import read_claims
from kg.logic.rules import Rule, compile_rules
from kg.storage.store import Embedded
from kg.syntax.turtle import read
from kg.terms import VIEW, data_folder, iri


@lru_cache
def compiled() -> tuple[Rule, ...]:
    files = sorted((data_folder() / "ontology").glob("*.ttl"))
    return compile_rules(quad.triple for file in files for quad in read(file))


def grown(folder: Path, triples: int) -> tuple[Batch, Embedded, int]:
    """Articles of a size, the view that they lead to, and how many triples of it are stated."""
    file = folder / f"{triples}.nq"
    write_articles(file, triples)
    batch, view = examine([file_part(file)]), Embedded()
    grow(view, batch, compiled())
    return batch, view, len({quad.triple for quad in batch.held()})


def test_the_same_size_and_seed_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        write_articles(tmp_path / name, 2_000, seed)
        digests.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("triples", [500, 2_000, 20_000])
def test_as_many_different_quads_are_written_as_were_asked_for_within_half_an_article(
    tmp_path: Path, triples: int
) -> None:
    file = tmp_path / "articles.nq"
    written = write_articles(file, triples)
    assert len(set(read(file))) == written
    assert abs(written - triples) <= max(triples * 0.05, 70)


def test_the_articles_pass_the_gate_with_texts_of_their_own_and_without_a_clash(tmp_path: Path) -> None:
    batch, view, stated = grown(tmp_path, 2_000)
    assert sum(1 for quad in batch.facts() if quad.predicate == iri("schema:text")) > 10
    assert batch.texts == ()
    assert view.count(VIEW) > stated


def test_some_claims_are_the_word_of_a_leader_and_stay_out_of_the_view(tmp_path: Path) -> None:
    batch, view, _ = grown(tmp_path, 2_000)
    described = Embedded()
    described.fill(batch.facts())
    attributed = [claim for claim in read_claims(described) if not claim.accepted]
    assert 0 < len(attributed) < len(batch.accepted) / 4
    inside = {quad.triple for quad in view.quads(graph=VIEW)}
    theirs = [q for part in batch.parts for q in part.quads() if q.graph_name in {c.iri for c in attributed}]
    said = {quad.triple for quad in theirs if quad.predicate == iri("parley:knowingly")}
    assert said
    assert not said & inside


def test_quotes_stand_after_letters_that_take_more_than_a_byte(tmp_path: Path) -> None:
    file = tmp_path / "articles.nq"
    write_articles(file, 2_000)
    texts = [quad.object.value for quad in read(file) if quad.predicate == iri("schema:text")]
    assert any(len(text.encode()) > len(text) for text in texts)


def test_what_follows_grows_in_step_with_what_is_stated(tmp_path: Path) -> None:
    """Else the growth of the rules' time would measure the articles and not the rules."""
    shares = []
    for triples in (2_000, 20_000):
        _, view, stated = grown(tmp_path, triples)
        shares.append(view.count(VIEW) / stated)
    assert shares[1] == pytest.approx(shares[0], rel=0.05)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base on disk with two thousand triples of articles."""
    folder = tmp_path_factory.mktemp("bench")
    write_articles(folder / "articles.nq", 2_000)
    kg.init(folder / "base").load([folder / "articles.nq"])
    return folder / "base"


def test_new_articles_pass_the_gate_without_a_finding_and_enter_once(base: Path, tmp_path: Path) -> None:
    files = write_new_articles(tmp_path, 12, 2_000)
    for file in files:
        verdict = kg.open(base).check(file)
        assert not verdict.findings
        assert len(verdict.claims) > 5
        assert verdict.derived > 10
    assert kg.open(base).add(files[0]).committed
    assert not kg.open(base).add(files[0]).committed


def test_new_articles_have_about_a_hundred_triples_that_speak_of_things_of_the_base(tmp_path: Path) -> None:
    write_articles(tmp_path / "articles.nq", 20_000)
    known = {quad.subject for quad in read(tmp_path / "articles.nq")}
    for file in write_new_articles(tmp_path / "new", 12, 20_000):
        quads = list(read(file))
        assert 95 <= len(quads) <= 115
        assert len({quad.subject for quad in quads} & known) > 3
        assert not known & {quad.subject for quad in quads if quad.predicate == iri("oa:exact")}


def test_the_new_articles_spread_over_the_whole_base(tmp_path: Path) -> None:
    """Else a large base would be measured by the few pages that hold one conflict."""
    state = iri("id:state").value
    told = [
        frozenset(quad.subject for quad in read(file) if str(quad.subject)[1:].startswith(state))
        for file in write_new_articles(tmp_path, 6, 9_600)
    ]
    assert len(set(told)) == len(told)


def test_an_article_about_things_that_no_base_has_passes_the_gate_too(tmp_path: Path) -> None:
    verdict = kg.open().check(write_strange_article(tmp_path / "strange"))
    assert not verdict.findings
    assert verdict.added > 50


def test_the_programs_give_the_seconds_of_each_article_and_stop_at_a_refusal(
    base: Path, tmp_path: Path
) -> None:
    folder, good, bad = str(base), tmp_path / "good", tmp_path / "bad"
    write_new_articles(good, 6, 2_000)
    shutil.rmtree(good / "0000")  # another test may have added it
    (seconds,) = check(folder, str(good))["seconds"]
    assert len(seconds) == 5
    assert all(wall > 0 for wall, _ in seconds)
    assert len(add(folder, str(good))["seconds"][0]) == 5
    assert len(retract(folder, "bench-3/1", "bench-4/2")["seconds"][0]) == 2
    (bad / "one").mkdir(parents=True)
    (bad / "one" / "article.trig").write_text("<x:a> a <x:b> .", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"article\.trig"):
        check(folder, str(bad))


def test_of_a_whole_base_the_time_of_each_step_is_told_and_the_steps_make_up_the_whole(base: Path) -> None:
    found = validate(str(base))
    steps = dict(found["steps"])
    assert gate.SHAPES in steps
    assert sum(steps.values()) == pytest.approx(found["wall"], rel=0.01)


@pytest.mark.parametrize(
    ("ratio", "most", "least", "reached"),
    [
        (1.9, 2, None, "yes"),
        (2.1, 2, None, "**no**"),
        (60, None, 50, "yes"),
        (49, None, 50, "**no**"),
        (None, 2, None, "not measured"),
        (3, None, None, "–"),
    ],
)
def test_a_figure_says_whether_its_target_was_reached(
    ratio: float | None, most: float | None, least: float | None, reached: str
) -> None:
    assert Figure("what", "peer", ratio=ratio, most=most, least=least).reached == reached


def test_the_questions_of_a_large_base_are_asked_of_many_things_and_have_answers(tmp_path: Path) -> None:
    write_articles(tmp_path / "articles.nq", 6_000)
    kg.init(tmp_path / "base").load([tmp_path / "articles.nq"])
    found = daily_questions.measured(tmp_path / "base", 8)
    daily = [*daily_questions.SELECTIVE, *daily_questions.COUNTING]
    assert len(daily_questions.SELECTIVE) == 20 < len(found) - len(daily)
    assert all(len(found[name]) == 8 for name in daily_questions.SELECTIVE)
    assert [name for name in daily if not any(call.rows for call in found[name])] == []
    assert all(call.wall > 0 for calls in found.values() for call in calls)


@pytest.fixture(scope="module")
def view(base: Path) -> Path:
    """The view of the base as N-Triples."""
    file = base.parent / "view.nt"
    file.write_bytes(kg.open(base).export("ntriples"))
    return file


@pytest.fixture(scope="module")
def asked(base: Path) -> Path:
    """The questions that engines are asked about the base, as a file."""
    file = base.parent / "questions.json"
    file.write_text(json.dumps(list(questions(base, 2_000, 3))), encoding="utf-8")
    return file


def told(output: str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in output.splitlines()]


def answered(engine: str, folder: Path, data: Path, asked: Path) -> dict[str, dict[str, Any]]:
    """What an engine tells of each question, in a process of its own as when it is measured."""
    output = run(script(f"engines.{engine}", folder, data, asked), seconds=120).output
    return {one["question"]: one for one in told(output) if "question" in one}


@pytest.fixture(scope="module")
def ours(base: Path, asked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return answered("parley", tmp_path_factory.mktemp("parley"), base, asked)


def test_the_questions_are_about_things_that_have_an_answer_and_about_everything(
    ours: dict[str, dict[str, Any]], asked: Path
) -> None:
    calls = {question["name"]: question["calls"] for question in json.loads(asked.read_text())}
    assert set(calls) == {*SELECTIVE, *aggregating()} == set(ours)
    for name in SELECTIVE:
        assert calls[name]
        assert all(rows > 0 for rows, _ in ours[name]["answers"])
    assert all(len(ours[name]["seconds"]) == len(calls[name]) for name in calls)


NEEDED = {"oxigraph": "oxigraph", "virtuoso": "virtuoso-t"}
"""The programs behind engines that are no modules."""


WRONG_BY_ITSELF = {"virtuoso": {"events-by-year"}}
"""Questions that an engine alone gets wrong: Virtuoso takes UNDEF for a value (docs/remote-stores.md)."""


@pytest.mark.parametrize("engine", ["pyoxigraph", "rdflib", "sparq", "oxigraph", "virtuoso"])
def test_another_engine_with_the_same_view_gives_the_same_answers(
    engine: str, tmp_path: Path, view: Path, asked: Path, ours: dict[str, dict[str, Any]]
) -> None:
    if engine not in NEEDED:
        pytest.importorskip(engine)
    elif not shutil.which(NEEDED[engine], path=f"{Path(sys.executable).parent}:{os.defpath}"):
        pytest.skip(f"{NEEDED[engine]} is not installed")
    theirs = answered(engine, tmp_path, view, asked)
    assert theirs.keys() == ours.keys()
    wrong = {name for name, one in theirs.items() if one.get("answers", one) != ours[name]["answers"]}
    assert wrong <= WRONG_BY_ITSELF.get(engine, set())


def test_answers_are_the_same_whatever_the_order_of_rows_and_spelling_of_numbers() -> None:
    one = [{"a": "<x>", "n": "1"}, {"a": "<y>"}]
    assert fingerprint(one) == fingerprint([*reversed(one), one[0]])
    assert fingerprint(one) != fingerprint(one[:1])
    assert fingerprint(one) != fingerprint([{"a": "<x>", "b": "1"}, {"a": "<y>"}])


def test_a_question_that_fails_is_told_with_what_was_said_and_no_time() -> None:
    def fails(_: object) -> None:
        raise ValueError("not supported\nat all")

    found = measured(Engine(fails, lambda _: [], lambda: 0.0), [{}])
    assert found == {"error": "ValueError: not supported"}


@pytest.mark.parametrize("server", ["oxigraph", "virtuoso"])
def test_through_the_remote_store_a_server_gives_its_own_answers_and_takes_articles(
    server: str, base: Path, asked: Path, tmp_path: Path
) -> None:
    if not shutil.which(NEEDED[server], path=f"{Path(sys.executable).parent}:{os.defpath}"):
        pytest.skip(f"{NEEDED[server]} is not installed")
    write_new_articles(tmp_path / "new", 8, 2_000)
    for added in range(7):  # other tests may have added them
        shutil.rmtree(tmp_path / "new" / f"{added:04}")
    command = script(f"through.{server}", tmp_path, base, asked, tmp_path / "new")
    lines = told(run(command, seconds=300).output)
    questions = [one for one in lines if "question" in one]
    assert {one["question"] for one in questions} == {*SELECTIVE, *aggregating()}
    wrong = {one["question"] for one in questions if one["ours"]["answers"] != one["own"]["answers"]}
    assert wrong <= WRONG_BY_ITSELF.get(server, set())
    assert [one["add"] > 0 and one["check"] > 0 for one in lines if "add" in one] == [True]


@pytest.mark.parametrize(
    ("program", "module", "same"),
    [
        ("peers.owlrl_turbo", "owlrl_turbo", True),
        ("peers.sparq", "sparq", False),
        ("peers.maplib", "maplib", False),
        ("reasonable", "reasonable", False),
    ],
)
def test_a_reasoner_is_compared_by_what_it_says_of_things_and_the_difference_is_told(
    program: str, module: str, same: bool, base: Path, tmp_path: Path
) -> None:
    pytest.importorskip(module)
    stated = tmp_path / "stated.ttl"
    held(str(stated.with_suffix(".nt")), str(base.parent / "articles.nq"))
    stated.symlink_to(stated.with_suffix(".nt"))
    mine = facts(str(stated.with_suffix(".nt")))
    data = stated if program == "reasonable" else stated.with_suffix(".nt")
    (found,) = told(run(script(program, data, *ontology_files()), seconds=120).output)
    assert found["wall"] > 0
    assert found["memory"] > 1
    assert (found["tally"] == mine["tally"]) is same
    assert ("DIFFER" in agreed(mine, found)) is not same


@pytest.mark.parametrize(
    ("program", "module"), [("shacl", "shacl"), ("peers.pyshacl_turbo", "pyshacl_turbo")]
)
def test_a_validator_tells_how_many_nodes_fail(program: str, module: str, base: Path, view: Path) -> None:
    pytest.importorskip(module)
    (found,) = told(run(script(program, view, *ontology_files("shapes")), seconds=120).output)
    assert found["failing"] == validate(str(base))["failing"]


def test_differences_of_closures_are_told_by_kind_the_greatest_first() -> None:
    mine = {"things": 9, "tally": {"a": 5, "b": 2, "c": 2}}
    found = {"things": 6, "tally": {"a": 1, "b": 2, "c": 1, "d": 2}}
    assert agreed(mine, mine) == "both hold the same number of triples about things, 9"
    assert agreed(mine, found).endswith("Parley 9, the peer 6 (a -4, d +2, c -1)")


def test_a_program_that_takes_too_much_is_ended_with_what_it_started_and_its_output_is_kept() -> None:
    talks = "import subprocess, sys; print('begun', flush=True); subprocess.run(['sleep', '60'])"
    with pytest.raises(Failed, match="its limit of time") as slow:
        run((sys.executable, "-c", talks), seconds=1)
    assert slow.value.output == "begun\n"
    if not Path("/proc/self/status").exists():
        return
    fills = "import time; kept = bytearray(300_000_000); time.sleep(60)"
    with pytest.raises(Failed, match="its limit of memory"):
        run((sys.executable, "-c", fills), memory=200)


def test_a_program_that_is_missing_or_fails_says_so_in_a_line_without_a_path() -> None:
    with pytest.raises(Failed, match=r"^no-such-program: not installed$"):
        run(("/nowhere/no-such-program",))
    with pytest.raises(Failed, match="gone wrong") as failure:
        run((sys.executable, "-c", "raise SystemExit('gone wrong')"))
    assert str(Path(sys.executable).parent) not in str(failure.value)


QUICK = Figure(
    "loading", "quick", "2.00 s", "1.00 s", 2.0, panel="loading", seconds=(2.0, 1.0), memory=(9, 10)
)
SLOW = replace(QUICK, peer="slow", theirs="30.00 s", ratio=0.07, seconds=(2.0, 30.0), memory=(9, 3))
WRONG = replace(
    QUICK, peer="wrong", theirs="0.10 s", ratio=20.0, seconds=(2.0, 0.1), memory=None, differs=True
)
BROKEN = Figure("loading", "broken", "2.00 s", "failed", panel="loading", note="no such method")
MISSED = Figure("checking", "the limit", "140 ms", "100 ms", 1.4, most=1)
CELLS = (
    replace(
        QUICK, what="who-supports", panel="", table="Questions", ours="1.5 ms", theirs="0.5 ms", ratio=3.0
    ),
    Figure("who-supports", "broken", "1.5 ms", "failed", table="Questions"),
)
FIGURES = (QUICK, SLOW, WRONG, BROKEN, MISSED, *CELLS)


LIMITS = {"limit": "900 s", "patience": "300 s", "memory": "12 GB"}


MEASURED = Measured(FIGURES, "2020-03-05", 1.0, 0.25, "here")


def written() -> str:
    return report({"Loading": MEASURED}, "", LIMITS, "report.svg")


def test_the_report_has_both_values_of_every_ratio() -> None:
    text = written()
    for figure in (QUICK, SLOW, WRONG, MISSED):
        assert line(figure) in text
        assert figure.ours in line(figure)
        assert figure.theirs in line(figure)
        assert f"{figure.ratio:.2f}" in line(figure)
    assert "| who-supports | 1.5 ms | 0.5 ms (3) | failed |" in text
    assert "no such method" in text


def test_the_report_says_where_parley_loses_and_only_there() -> None:
    losses = written().partition("## Where Parley loses")[2].partition("## Loading")[0]
    assert "checking: 140 ms, the limit 100 ms; ratio 1.40, to reach ≤ 1" in losses
    assert (
        "- loading: quick 1.00 s against 2.00 s, 2 times; wrong 100 ms ≠ against 2.00 s, 20 times\n" in losses
    )
    assert "slow 3 MB against 9 MB, 3 times" in losses
    assert "slow 30" not in losses
    assert "quick 10 MB" not in losses


def test_the_report_tells_the_machine_and_the_version_of_each_program() -> None:
    text = written()
    for word in ("cores", "GiB of memory", "Python 3", "pyoxigraph 0.", "2020-03-05", "seed 0", "Virtuoso"):
        assert word in text


def test_a_part_that_is_measured_again_takes_its_place_beside_the_others(tmp_path: Path) -> None:
    """Unless these were measured elsewhere."""
    file, again = tmp_path / "report.json", replace(MEASURED, figures=(MISSED,))
    assert keep(file, "loading", MEASURED) == {"loading": MEASURED}
    assert keep(file, "gate", MEASURED) == {"loading": MEASURED, "gate": MEASURED}
    assert keep(file, "gate", again) == {"loading": MEASURED, "gate": again}
    elsewhere = replace(MEASURED, where="there")
    assert keep(file, "rules", elsewhere) == {"rules": elsewhere}


def test_the_chart_is_an_image_with_each_program_and_its_value_and_the_same_twice() -> None:
    pytest.importorskip("vl_convert")
    drawn = chart(FIGURES)
    assert drawn == chart(FIGURES)
    root = ET.fromstring(drawn)
    words = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    for word in (
        "Parley",
        "quick",
        "slow",
        "wrong",
        "broken",
        "2 s",
        "30 s",
        "100 ms ≠",
        "failed",
        "loading",
    ):
        assert any(one in (word, word.replace(" s", ".0 s")) for one in words), (word, words)
    assert "checking" not in words
