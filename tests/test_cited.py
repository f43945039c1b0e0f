"""Answers with their citations read well, in every form, whatever a quote holds."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from pyoxigraph import Literal, NamedNode, Triple
from referencing import Registry, Resource

from kg.asking.answers import Answer, read_answer
from kg.asking.questions import read_question
from kg.bases.building import build
from kg.bases.changes import rulebook
from kg.citing.citations import Citation, Citations, cite
from kg.disputes.disputes import Dispute, Side
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.proofs.proofs import Proof
from kg.telling.cited import FORMS, cited
from kg.terms import data_folder, iri

SCHEMAS = Path(__file__).parent.parent / "docs" / "schema"
HOSTILE = "a \x1b[31mred\u202e | line\nbreak `code` <script>"


@cache
def questioned(name: str) -> tuple[Answer, Citations]:
    store = build()
    sparql = read_question(data_folder() / "queries" / "questions" / f"{name}.rq").sparql
    answer = read_answer(store.query(sparql), store)
    return answer, cite(sparql, answer, store, rulebook())


def made_up() -> tuple[Answer, Citations]:
    """A row on one claim with hostile words, of which another speaker says otherwise."""
    source, speaker = iri("source:one"), iri("id:turkey")
    one = Claim(iri("claim:one"), source, source, HOSTILE, 0, len(HOSTILE))
    two = Claim(iri("claim:two"), source, speaker, f"not {HOSTILE}", 0, len(HOSTILE) + 4)
    triple = Triple(iri("id:a"), iri("parley:exactCount"), Literal(HOSTILE))
    dispute = Dispute(
        "figures", (iri("id:a"),), f"They differ: {HOSTILE}", (Side("33.", (one,)), Side("56.", (two,)))
    )
    citation = Citation((Proof(triple, (one,)),), (f"Not in the view: {HOSTILE}.",), 2, (dispute,))
    answer = Answer(("thing", "claims"), ((iri("id:a"), Literal(HOSTILE)),), {iri("id:a"): HOSTILE})
    return answer, Citations((citation,), {speaker: HOSTILE})


def valid(text: str) -> dict:
    schemas = [json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.schema.json")]
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas)
    (schema,) = (one for one in schemas if one["title"] == "Citations")
    data = json.loads(text)
    jsonschema.Draft202012Validator(schema, registry=registry).validate(data)
    return data


def test_the_table_has_under_each_row_the_words_it_rests_on():
    assert cited(*questioned("attacks"), "table", 110) == (
        "attack                        perpetrator        target                 knowingly\n"
        "──────────────────────────────────────────────────────────────────────────────────\n"
        "bombing of Turkish soldiers   Syrian air force   Turkish Armed Forces   not stated\n"
        "    “the bombing in which more than 30 Turkish soldiers were killed by the air force of the Syrian leader\n"
        "    Bashar al-Assad” [idlib-ceasefire/17]\n"
        "    … 1 more claim says parts of it as well\n"
        "    [inferred] Bombing of Turkish soldiers is an attack.\n"
        "    Not in the view: bombing of Turkish soldiers knowingly ?knew.\n"
    )


def test_every_line_of_a_table_fits_its_width_and_every_row_is_there():
    answer, citations = questioned("judgements-by")
    lines = cited(answer, citations, "table", 60).splitlines()
    assert max(map(len, lines)) <= 60
    quotes = "".join(line.strip() for line in lines).count("[idlib-ceasefire/")
    assert quotes == sum(len(citation.claims) for citation in citations.rows)


def test_a_table_names_both_sides_of_a_dispute_and_other_speakers():
    text = cited(*made_up(), "table", 300)
    assert "contested: They differ:" in text
    assert "[one]" in text
    assert "33. “a <U+001B>[31mred" in text
    assert "56. “not a <U+001B>[31mred" in text
    assert "[two, a <U+001B>" in text or "two, a <U+001B>" in text
    assert "2 other ways" in text


def test_csv_and_tsv_have_three_more_columns():
    answer, citations = questioned("attacks")
    head, row = list(csv.reader(io.StringIO(cited(answer, citations, "csv"))))
    assert head == [*answer.columns, "claims", "inferred", "contested"]
    assert row[-3:] == ["idlib-ceasefire/17", "true", "false"]
    assert cited(answer, citations, "tsv").splitlines()[0].endswith("?claims\t?inferred\t?contested")


def test_a_column_of_the_same_name_stays_apart():
    head, row = list(csv.reader(io.StringIO(cited(*made_up(), "csv"))))
    assert head == ["thing", "claims", "claims_", "inferred_", "contested_"]
    assert row[-3:] == ["one", "false", "true"]


@pytest.mark.parametrize("name", ["attacks", "provision-count", "who-supports", "denials"])
def test_json_is_as_its_schema_says(name: str):
    answer, citations = questioned(name)
    data = valid(cited(answer, citations, "json"))
    assert len(data["rows"]) == len(answer)
    for row, citation in zip(data["rows"], citations.rows, strict=True):
        assert row["claims"] == [claim.iri.value for claim in citation.claims]
        assert len(row["proofs"]) == len(citation.proofs)
        assert row["absent"] == list(citation.absent)


def test_json_has_both_sides_of_a_dispute_and_every_character_of_a_quote():
    (row,) = valid(cited(*made_up(), "json"))["rows"]
    assert [side["claims"][0]["quote"] for side in row["contested"][0]["sides"]] == [
        HOSTILE,
        f"not {HOSTILE}",
    ]
    assert row["others"] == 2


def test_markdown_has_footnotes_each_once_in_the_order_of_the_rows():
    text = cited(*questioned("provision-count"), "markdown")
    table, notes = text.split("\n\n")
    numbers = [line.partition(":")[0] for line in notes.splitlines()]
    assert numbers == [f"[^{n}]" for n in range(1, len(numbers) + 1)]
    assert all(number in table for number in numbers)
    assert table.count("|") == 5 * len(table.splitlines())


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_no_text_from_outside_commands_a_terminal_or_breaks_a_line(form: str):
    text = cited(*made_up(), form, 300)
    assert all(character.isprintable() or character == "\n" for character in text)
    if form == "markdown":
        assert "<script>" not in text.replace("\\<script>", "")
        assert len(text.splitlines()) == 3 + 1 + 3


def test_yes_stands_above_its_words():
    _, citations = questioned("attacks")
    answer = Answer(("answer",), ((Literal(True),),), kind="truth")
    assert cited(answer, replace(citations), "table", 200).startswith("yes\n    “the bombing")
    assert valid(cited(answer, citations, "json"))["kind"] == "truth"


def test_an_answer_without_rows_has_a_head_alone():
    answer, citations = questioned("denials")
    assert cited(answer, citations, "table", 80).splitlines()[0].split() == ["speaker", "statement", "claim"]
    assert len(cited(answer, citations, "csv").splitlines()) == 1
    assert len(cited(answer, citations, "markdown").splitlines()) == 2


def test_another_form_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownName, match="table, json, csv, tsv, markdown"):
        cited(*questioned("denials"), "html")
    assert FORMS == ("table", "json", "csv", "tsv", "markdown")


def test_many_claims_under_a_row_are_counted_in_a_table_and_all_in_json():
    claims = [
        Claim(NamedNode(f"urn:c{n}"), iri("source:one"), iri("source:one"), f"sentence {n}", n, n + 1)
        for n in range(40)
    ]
    triple = Triple(iri("id:a"), iri("parley:exactCount"), Literal(1))
    citations = Citations((Citation((Proof(triple, tuple(claims)),)),), {})
    answer = Answer(("n",), ((Literal(1),),))
    shown = cited(answer, citations, "table", 80)
    assert "“sentence 0”" in shown
    assert "… 39 more claims say parts of it as well" in shown
    assert len(valid(cited(answer, citations, "json"))["rows"][0]["alike"]) == 39
