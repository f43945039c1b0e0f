"""The commands that load and import, as they are typed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import kg

HERE = Path(__file__).parent
SAMPLE = HERE / "importing" / "ucdp-dyadic.csv"
TRUCE = HERE / "bulk" / "truce.trig"


def test_loading_says_what_was_loaded(run, base):
    loaded = run("--store", base, "load", TRUCE)
    assert loaded.status == 0
    assert loaded.err.startswith("loaded truce.trig: ")
    assert "new claims" in loaded.err
    assert "triples hold now" in loaded.err


def test_a_load_that_is_refused_writes_all_that_was_found(run, base, tmp_path):
    (tmp_path / "truce.txt").write_bytes((HERE / "bulk" / "truce.txt").read_bytes())
    wrong = tmp_path / "truce.trig"
    wrong.write_text(
        TRUCE.read_text(encoding="utf-8").replace('oa:exact "', 'oa:exact "Not so: '), encoding="utf-8"
    )
    said = run("--store", base, "load", wrong, "--refused", tmp_path / "why.tsv").refused(1)
    written = (tmp_path / "why.tsv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(written.splitlines(), dialect="excel-tab"))
    assert len(rows) > 1
    assert f"(and {len({row['about'] for row in rows}) - 1} more)" in said
    assert all(row["about"] and row["code"] and row["reason"] and row["remedy"] for row in rows)


def test_the_data_sets_that_can_be_imported_are_listed(run):
    assert [line.split()[0] for line in run("import").done().splitlines()] == [
        "pax-agreements",
        "ucdp-dyadic",
        "ucdp-esd",
        "ucdp-ged",
        "ucdp-prio-acd",
    ]


def test_a_table_is_imported_into_a_base_and_can_be_asked(run, base, tmp_path):
    done = run("--store", base, "import", "ucdp-dyadic", SAMPLE, "--left-out", tmp_path / "left.csv")
    assert done.status == 0
    rows = len(SAMPLE.read_text(encoding="utf-8").splitlines()) - 1
    assert done.err.startswith(f"{rows:,} rows: ")
    assert "triples hold now" in done.err
    assert (tmp_path / "left.csv").read_text(encoding="utf-8").startswith("row,line,column,value,reason\n")
    assert kg.open(base).query("ASK { ?dyad a parley:Dyad }")


def test_without_a_base_the_claims_are_only_written(run, tmp_path):
    done = run("import", "ucdp-dyadic", SAMPLE, "--to", tmp_path / "out")
    assert done.status == 0
    assert "loaded" not in done.err
    assert (tmp_path / "out" / "claims.nq").stat().st_size > 0


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["ucdp-dyadic"], "the file of ucdp-dyadic is missing; name it after the mapping"),
        (["ucdp-dyadic", SAMPLE], "the built-in base takes no new facts; name a base with --store"),
        (
            ["ucdp-diadic", SAMPLE, "--to", "x"],
            "no mapping is called 'ucdp-diadic'; did you mean 'ucdp-dyadic'",
        ),
        (["ucdp-ged", SAMPLE, "--version", "1", "--to", "x"], "column"),
        (["ucdp-dyadic", "nowhere.csv", "--to", "x"], "nowhere.csv"),
    ],
)
def test_a_wrong_call_is_one_line_and_writes_nothing(args, why, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert why in run("import", *args).refused(2)
    assert not (tmp_path / "x" / "claims.nq").exists()


def test_what_cannot_be_reached_is_said_in_one_line(run):
    said = run("--store", "http://127.0.0.1:9/sparql", "ask", "parties", "--agreement", "x").refused(2)
    assert said.startswith("http://127.0.0.1:9/sparql: cannot reach the server")


def test_a_password_in_the_url_is_refused_and_not_repeated(run):
    said = run("--store", "http://me:secret@127.0.0.1:9/sparql", "claims").err
    assert "secret" not in said
