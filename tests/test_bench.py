"""The generator of articles makes what is measured: articles that the gate lets in, as many as were asked for."""

from __future__ import annotations

import hashlib
import shutil
from functools import lru_cache
from pathlib import Path

import pytest

import kg
from bench import gate, questions
from bench.articles import write_articles, write_new_articles, write_strange_article
from bench.plan import Figure
from bench.programs import add, check, retract, validate
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
    found = questions.measured(tmp_path / "base", 8)
    daily = [*questions.SELECTIVE, *questions.COUNTING]
    assert len(questions.SELECTIVE) == 20 < len(found) - len(daily)
    assert all(len(found[name]) == 8 for name in questions.SELECTIVE)
    assert [name for name in daily if not any(call.rows for call in found[name])] == []
    assert all(call.wall > 0 for calls in found.values() for call in calls)
