"""The generator of articles makes what is measured: articles that the gate lets in, as many as were asked for."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import pytest

from bench.articles import write_articles
from kg.evidence import read_claims
from kg.gate import Batch, examine, file_part, grow
from kg.rules import Rule, compile_rules
from kg.store import Embedded
from kg.terms import VIEW, data_folder, iri
from kg.turtle import read


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
