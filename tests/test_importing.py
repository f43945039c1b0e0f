"""Importing data sets: every row is a claim that quotes itself, joined by identifiers, and nothing is guessed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
import rdflib
import uritemplate
from csvw.metadata import Table as Metadata
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

import kg
from kg.errors import ParleyError, UnknownName, UnreadableInput, UsageError
from kg.importing.criteria import common, read_condition, read_date
from kg.importing.importing import Imported, convert
from kg.importing.mappings import ANNOTATIONS, mapping, mappings, read_mapping
from kg.importing.plans import plan
from kg.storage.store import Embedded
from kg.terms import BASE, CLAIMS, PREFIXES, REFERENCE, VIEW, data_folder, iri
from kg.view import stored_questions

SAMPLES = Path(__file__).parent / "importing"
VERSIONS = {"ucdp-ged": "24.1", "ucdp-esd": "18.1", "pax-agreements": "8"}
NAMES = ("pax-agreements", "ucdp-dyadic", "ucdp-esd", "ucdp-ged", "ucdp-prio-acd")
REAL = Path(os.environ.get("PARLEY_DATA", Path(__file__).parents[2] / "shared" / "data")) / "ucdp"
REAL_FILES = {
    "ucdp-ged": "UCDP-GED-Ukraine.csv",
    "ucdp-dyadic": "ucdp-dyadic-251.csv",
    "ucdp-prio-acd": "ucdp-prio-acd-251.csv",
    "ucdp-esd": "ucdp-esd-ay-181.xlsx",
}


@pytest.fixture(scope="module")
def known() -> Embedded:
    """What the built-in base holds true: Russia, Turkey, Syria and the Syrian rebels have their identifiers."""
    store = Embedded()
    store.load(kg.open().export("nquads", what="view"), RdfFormat.N_QUADS)
    if not any(store.quads(graph=VIEW)):
        quads = [Quad(q.subject, q.predicate, q.object, VIEW) for q in store.quads()]
        store = Embedded()
        store.fill(quads)
    return store


def imported(name: str, known: Embedded, target: Path, path: Path | None = None, **more: object) -> Imported:
    more.setdefault("version", VERSIONS.get(name))
    return convert(mapping(name), path or SAMPLES / f"{name}.csv", known, target, **more)


def quads(done: Imported) -> set[Quad]:
    return set(parse(path=done.file))


def notes(done: Imported) -> list[tuple[str, str, str]]:
    """What was left out: row, column and reason."""
    with done.left_out.open(encoding="utf-8", newline="") as file:
        return [(row["row"], row["column"], row["reason"]) for row in csv.DictReader(file)]


def said(done: Imported, claim: str) -> set[str]:
    """What a claim says, in short forms."""
    short = {PREFIXES["parley"]: "", PREFIXES["rdf"]: "", PREFIXES["id"]: "id:", PREFIXES["xsd"]: ""}

    def brief(text: str) -> str:
        for long, to in short.items():
            text = text.replace(long, to)
        return re.sub(r"[<>]", "", text)

    return {
        brief(f"{q.subject} {q.predicate} {q.object}")
        for q in quads(done)
        if isinstance(q.graph_name, NamedNode) and q.graph_name.value.endswith(f"/{claim}")
    }


@pytest.fixture(scope="module")
def samples(known, tmp_path_factory) -> dict[str, Imported]:
    folder = tmp_path_factory.mktemp("imported")
    return {name: imported(name, known, folder / name) for name in NAMES}


@pytest.fixture(scope="module")
def base(samples, tmp_path_factory) -> kg.Base:
    """A base with the article and all samples."""
    made = kg.init(tmp_path_factory.mktemp("base") / "base")
    made.load([done.file for done in samples.values()])
    return made


# What every import keeps to.


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_quotes_its_row_from_a_source_that_is_part_of_the_data_set(name, samples):
    """The quote stands at its position; the fingerprint is that of the text; the source speaks for itself."""
    done = samples[name]
    about: dict[NamedNode, dict[str, object]] = {}
    for quad in quads(done):
        if quad.graph_name == CLAIMS:
            about.setdefault(quad.subject, {})[quad.predicate.value] = quad.object
    claims = [it for it in about.values() if iri("oa:exact").value in it]
    assert len(claims) == done.claims > 0
    for claim in claims:
        source = claim[iri("prov:hadPrimarySource").value]
        assert claim[iri("prov:wasAttributedTo").value] == source
        text = (done.file.parent / f"{source.value.rpartition('/')[2]}.txt").read_bytes()
        assert about[source][iri("schema:sha256").value].value == hashlib.sha256(text).hexdigest()
        assert about[source][iri("dcterms:isPartOf").value] == done.data_set
        start, end = (int(claim[iri(f"oa:{end}").value].value) for end in ("start", "end"))
        assert text.decode()[start:end] == claim[iri("oa:exact").value].value


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_of_the_sources_together_are_the_file_as_it_is_decoded(name, known, tmp_path, monkeypatch):
    monkeypatch.setattr("kg.importing.importing._PART", 300)
    done = imported(name, known, tmp_path)
    texts = sorted(tmp_path.glob("*.txt"), key=lambda path: int(path.stem.rpartition("-")[2]))
    assert len(texts) == done.sources > 1
    original = (SAMPLES / f"{name}.csv").read_bytes().decode("cp1252" if name == "ucdp-ged" else "utf-8")
    assert b"".join(path.read_bytes() for path in texts).decode() == original


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_a_claim_or_told_as_left_out(name, samples):
    done = samples[name]
    assert done.rows == done.claims + done.rows_left_out
    assert len([row for row, column, _ in notes(done) if not column]) == done.rows_left_out
    assert sum(done.reasons.values()) == len(notes(done))


@pytest.mark.parametrize("name", NAMES)
def test_importing_the_same_file_again_changes_nothing(name, base, samples, tmp_path):
    """Against the base that has it, the file gives the same claims, and loading them adds nothing."""
    before = base.export("nquads", what="everything")
    again = base._steadily(lambda store: imported(name, store, tmp_path))
    of_claims = {q for q in quads(samples[name]) if q.graph_name != REFERENCE}
    assert {q for q in quads(again) if q.graph_name != REFERENCE} == of_claims
    base.load([again.file])
    assert sorted(base.export("nquads", what="everything").splitlines()) == sorted(before.splitlines())


def test_the_samples_make_a_sound_base(base):
    violations = [f for f in base.validate().findings if f.severity.name == "VIOLATION"]
    assert violations == []


def test_a_newer_version_is_another_source_with_figures_of_its_own(known, tmp_path):
    old = imported("ucdp-ged", known, tmp_path / "old", version="24.1")
    new = imported("ucdp-ged", known, tmp_path / "new", version="25.1")
    assert {q.subject for q in quads(old) if q.graph_name == CLAIMS}.isdisjoint(
        q.subject for q in quads(new) if q.graph_name == CLAIMS
    )
    counts = [
        {q.subject.value for q in quads(done) if q.predicate == iri("parley:resultsFrom")}
        for done in (old, new)
    ]
    assert BASE + "id/ucdp-event-500001/deaths-24.1" in counts[0]
    assert counts[0].isdisjoint(counts[1])


def test_the_time_of_recording_is_written_where_it_is_given(known, tmp_path):
    done = imported("pax-agreements", known, tmp_path, recorded=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    times = {q.object.value for q in quads(done) if q.predicate == iri("prov:generatedAtTime")}
    assert times == {"2026-01-02T03:04:05Z"}


# What the data sets say.


def test_an_event_has_its_date_place_sides_and_dead_and_no_more_than_is_known(samples):
    done = samples["ucdp-ged"]
    event, deaths = "id:ucdp-event-500002", "id:ucdp-event-500002/deaths-24.1"
    assert said(done, "500002") == {
        f"{event} type ArmedIncident",
        f'{event} ucdpEventId "500002"',
        f'{event} begin "2014-08"^^gYearMonth',
        f'{event} earliestDay "2014-08-03"^^date',
        f'{event} latestDay "2014-08-29"^^date',
        f"{event} belongsToConflict id:ucdp-conflict-15000",
        f"{event} belongsToDyad id:ucdp-dyad-15001",
        f"{event} hasParticipant id:ucdp-actor-9101",
        f"{event} hasParticipant id:ucdp-actor-9202",
        f"{event} takesPlaceIn {event}/place",
        f"{event}/place type Territory",
        f"{event}/place isInState id:ucdp-actor-9101",
        f'{event}/place positionPrecision "somewhere in the province"@en',
        f"{deaths} type DeathCount",
        f"{deaths} resultsFrom {event}",
        f'{deaths} leastCount "0"^^integer',
        f'{deaths} bestCount "10"^^integer',
        f'{deaths} mostCount "25"^^integer',
        f"{deaths}/side-b type DeathCount",
        f"{deaths}/side-b isIncludedIn {deaths}",
        f"{deaths}/side-b hasVictimsFrom id:ucdp-actor-9202",
        f'{deaths}/side-b bestCount "6"^^integer',
    }


def test_an_event_on_a_known_day_has_that_day_and_things_that_the_base_knows(samples):
    facts = said(samples["ucdp-ged"], "500001")
    assert 'id:ucdp-event-500001 begin "2014-01-22"^^date' in facts
    assert {f for f in facts if "hasParticipant" in f} == {
        "id:ucdp-event-500001 hasParticipant id:syria",
        "id:ucdp-event-500001 hasParticipant id:syrian-rebels",
    }
    assert not any("earliestDay" in f for f in facts)


def test_violence_against_civilians_has_a_perpetrator_and_no_second_side(samples):
    facts = said(samples["ucdp-ged"], "500003")
    assert "id:ucdp-event-500003 hasPerpetrator id:ucdp-actor-9202" in facts
    assert "id:ucdp-event-500003 type Attack" in facts
    assert not any("9999" in f or "hasParticipant" in f or "belongsTo" in f for f in facts)
    assert not any(" begin " in f for f in facts), "30 December to 2 January share no year"
    assert not any("9999" in str(q.subject) for q in quads(samples["ucdp-ged"]))


def test_what_is_wrong_in_a_row_is_left_out_and_told_and_the_rest_of_it_kept(samples):
    done = samples["ucdp-ged"]
    assert notes(done)[1:] == [
        ("4", "high", "the high estimate is below the best one"),
        ("4", "low", "the low estimate is above the best one"),
        ("5", "date_start", "the cell is no date of the form M/d/yyyy h:mm:ss a or M/d/yyyy H:mm"),
        ("5", "date_end", "the cell is no date of the form M/d/yyyy h:mm:ss a or M/d/yyyy H:mm"),
        ("7", "", "the key is that of row 1"),
    ]
    assert 'id:ucdp-event-500004/deaths-24.1 bestCount "7"^^integer' in said(done, "500004")
    assert not any("begin" in fact for fact in said(done, "500005"))


def test_a_dyad_year_has_its_sides_and_the_supporters_with_troops_that_can_be_joined(samples):
    done = samples["ucdp-dyadic"]
    support = "id:ucdp-support-15001-a-640-2014"
    assert {f for f in said(done, "15001-2014") if f.startswith("id:ucdp-support")} == {
        f"{support} type TroopSupport",
        f"{support} hasSupporter id:turkey",
        f"{support} hasRecipient id:ucdp-actor-9101",
        f"{support} belongsToDyad id:ucdp-dyad-15001",
        f"{support} belongsToConflict id:ucdp-conflict-15000",
        f'{support} begin "2014"^^gYear',
        f'{support} end "2014"^^gYear',
    }
    assert 'id:ucdp-dyad-15001/2014 intensity "minor"' in said(done, "15001-2014")
    assert not any("4242" in str(quad) for quad in quads(done) if quad.predicate != iri("oa:exact"))
    assert ("3", "gwno_a_2nd", "nothing is known with this parley:gleditschWardNumber") in notes(done)
    assert {f for f in said(done, "15002-2015") if "Side" in f} == {
        "id:ucdp-dyad-15002 hasHostileSide id:ucdp-actor-9101",
        "id:ucdp-dyad-15002 hasHostileSide id:syria",
    }


def test_a_day_of_which_the_precision_is_less_than_a_day_is_not_stated(samples):
    assert 'id:ucdp-dyad-11973 begin "2011-03-18"^^date' in said(samples["ucdp-dyadic"], "11973-2014")
    assert not any("2013" in fact for fact in said(samples["ucdp-dyadic"], "15001-2014"))


def test_a_kind_of_support_counts_for_a_supporter_only_where_all_of_the_row_gave_it(samples):
    facts = said(samples["ucdp-esd"], "3")
    kinds = {f.rpartition(" ")[2] for f in facts if " type " in f and "-115-" in f}
    assert kinds == {"Support", "WeaponsSupport", "TerritorySupport"}
    assert ("3", "troopSupport") in {note[:2] for note in notes(samples["ucdp-esd"])}


def test_letters_without_a_kind_of_their_own_make_a_support_without_kind(samples):
    """Other and unknown support say that there was support, and nothing of which kind."""
    kinds = {f.rpartition(" ")[2] for f in said(samples["ucdp-esd"], "5") if " type " in f}
    assert kinds == {"Support", "TerritorySupport"}


def test_an_actor_that_nothing_shows_to_be_a_state_gets_no_class(samples):
    classed = {
        q.subject.value.removeprefix(BASE + "id/"): q.object.value.rpartition("#")[2]
        for q in quads(samples["ucdp-esd"])
        if q.graph_name == REFERENCE and q.predicate == iri("rdf:type") and "actor" in q.subject.value
    }
    assert classed == {"ucdp-actor-9101": "State", "ucdp-actor-9202": "ArmedGroup", "ucdp-actor-114": "State"}


def test_a_name_with_a_comma_stays_one_name_where_there_is_one_thing(samples):
    labels = {q.object.value for q in quads(samples["ucdp-esd"]) if q.predicate == iri("rdfs:label")}
    assert "Karsan elements, abroad" in labels
    assert "Government of Turkey" not in labels, "the base has a name for it"


def test_a_workbook_gives_the_claims_of_its_sheet_written_as_csv(known, samples, tmp_path):
    book = openpyxl.Workbook()
    with (SAMPLES / "ucdp-esd.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            book.active.append([int(cell) if cell.isdigit() else cell or None for cell in row])
    book.save(tmp_path / "esd.xlsx")
    done = imported("ucdp-esd", known, tmp_path / "out", tmp_path / "esd.xlsx")
    for number in "23456":
        assert said(done, number) == said(samples["ucdp-esd"], number)
    text = next((tmp_path / "out").glob("*.txt")).read_text(encoding="utf-8")
    assert text == (SAMPLES / "ucdp-esd.csv").read_text(encoding="utf-8")


def test_a_workbook_may_hold_days_and_must_hold_no_formulas(known, tmp_path):
    """Of a day that a workbook keeps as one nothing is lost; a formula has no value that stands in the file."""
    book = openpyxl.Workbook()
    with (SAMPLES / "ucdp-dyadic.csv").open(encoding="utf-8", newline="") as file:
        header, first, second, *_ = csv.reader(file)
    at = header.index("start_date")
    first[at], second[at] = datetime(2011, 3, 18), "=TODAY()"
    for row in (header, first, second):
        book.active.append(row)
    book.save(tmp_path / "dyads.xlsx")
    done = imported("ucdp-dyadic", known, tmp_path / "out", tmp_path / "dyads.xlsx")
    assert 'id:ucdp-dyad-11973 begin "2011-03-18"^^date' in said(done, "11973-2014")
    assert ("2", "start_date", "the cell holds a formula; save the table with values") in notes(done)


def test_agreements_are_linked_by_names_that_are_those_of_one_row(samples):
    done = samples["pax-agreements"]
    facts = said(done, "90003") | said(done, "2273") | said(done, "90005")
    assert {f for f in facts if "refersTo" in f} == {
        "id:pax-agreement-90003 refersToAgreement id:pax-agreement-90001",
        "id:pax-agreement-90003 refersToAgreement id:pax-agreement-90002",
        "id:idlib-agreement-2020 refersToAgreement id:pax-agreement-90003",
    }
    reasons = [note for note in notes(done) if note[1] == "OthAgr"]
    assert [row for row, _, _ in reasons] == ["3", "5"]


def test_an_agreement_that_the_base_knows_is_the_one_of_the_base(base):
    rows = base.ask("identifiers", thing="idlib-agreement-2020").texts()
    assert ("PA-X agreement identifier", "2273") in rows
    rows = base.ask("when-agreed", agreement="idlib-agreement-2020").texts()
    assert "2020-03-05" in {cell for row in rows for cell in row}


# Questions over them, in two engines.

ANSWERS = {
    ("who-backed-whom", "2014"): [
        ("id:russia", "id:ucdp-actor-9101", "id:ucdp-dyad-15001", "parley:FundingSupport"),
        ("id:russia", "id:ucdp-actor-9101", "id:ucdp-dyad-15001", "parley:WeaponsSupport"),
        ("id:turkey", "id:ucdp-actor-9101", "id:ucdp-dyad-15001", "parley:TroopSupport"),
        ("id:turkey", "id:ucdp-actor-9202", "id:ucdp-dyad-15001", "parley:TerritorySupport"),
        ("id:turkey", "id:ucdp-actor-9202", "id:ucdp-dyad-15001", "parley:WeaponsSupport"),
        ("id:ucdp-actor-9404", "id:ucdp-actor-9202", "id:ucdp-dyad-15001", "parley:TerritorySupport"),
        ("id:ucdp-actor-9404", "id:ucdp-actor-9202", "id:ucdp-dyad-15001", "parley:WeaponsSupport"),
    ],
    ("who-backed-whom", "1999"): [],
    ("opposing-backers", "2015"): [
        ("id:ucdp-dyad-11973", "id:russia", "id:syria", "id:turkey", "id:syrian-rebels"),
        ("id:ucdp-dyad-11973", "id:ucdp-actor-114", "id:syria", "id:turkey", "id:syrian-rebels"),
    ],
    ("agreement-chain", ""): [
        (
            "id:pax-process-901",
            "2017-02-03",
            "id:pax-agreement-90001",
            "ceasefire",
            "not stated",
            "not stated",
        ),
        (
            *(
                "id:pax-process-901",
                "2017-06-14",
                "id:pax-agreement-90002",
                "implementation or renegotiation",
            ),
            *("id:pax-agreement-90001", "2017-02-03"),
        ),
        *(
            (
                "id:pax-process-901",
                "2017-11-30",
                "id:pax-agreement-90003",
                "renewal",
                f"id:pax-agreement-{n}",
                day,
            )
            for n, day in (("90001", "2017-02-03"), ("90002", "2017-06-14"))
        ),
        (
            *("id:pax-process-902", "2020-03-05", "id:idlib-agreement-2020", "ceasefire"),
            *("id:pax-agreement-90003", "2017-11-30"),
        ),
        (
            *("id:pax-process-903", "not stated", "id:pax-agreement-90005", "substance, in part"),
            *("not stated", "not stated"),
        ),
    ],
    ("conflict-deaths", ""): [
        ("id:ucdp-conflict-15000", "2014", "0", "10", "25", "1"),
        ("id:ucdp-conflict-15000", "2015", "7", "7", "7", "1"),
        ("id:ucdp-conflict-299", "2014", "4", "5", "7", "1"),
        ("id:ucdp-conflict-299", "2015", "12", "12", "12", "1"),
    ],
}


def brief(text: str) -> str:
    return text.replace(PREFIXES["id"], "id:").replace(PREFIXES["parley"], "parley:")


def query(question: str, year: str) -> str:
    text = stored_questions()[question].sparql
    return re.sub(r"VALUES \?year \{ \d+ \}", f"VALUES ?year {{ {year} }}", text) if year else text


@pytest.mark.parametrize(("question", "year"), ANSWERS)
def test_a_question_over_imported_data_gives_exactly_its_answer(question, year, base):
    def ask(store: Embedded) -> list[tuple[str, ...]]:
        return [tuple(brief(term.value) for term in row) for row in store.query(query(question, year))]

    assert base._steadily(ask) == ANSWERS[question, year]


@pytest.mark.parametrize(("question", "year"), ANSWERS)
def test_a_question_over_imported_data_gives_the_same_in_rdflib(question, year, base):
    graph = rdflib.Graph().parse(data=base.export("ntriples"), format="nt")
    rows = [tuple(brief(str(term)) for term in row) for row in graph.query(query(question, year))]
    assert rows == ANSWERS[question, year]


def test_an_imported_fact_is_explained_by_its_row(base):
    shown = str(base.explain("id:russia", "parley:supports", "id:ucdp-actor-9101"))
    assert "ucdp-esd-18.1" in shown


# Files that are not what they should be.

HEADER, *ROWS = (SAMPLES / "pax-agreements.csv").read_bytes().splitlines(keepends=True)


def refusal(
    of: type[ParleyError], content: bytes, known: Embedded, tmp_path: Path, name: str = "pax-agreements"
) -> str:
    path = tmp_path / "given.csv"
    path.write_bytes(content)
    with pytest.raises(of) as caught:
        imported(name, known, tmp_path / "out", path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "claims.nq").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty; download it again"),
        (HEADER, "the file has no rows"),
        (b"name,number\na,1\n", "the file has no column 'AgtId' and no column 'Agt' and no column 'Dat'"),
        (HEADER.replace(b"Dat,", b"Day,"), "given.csv:1: the file has no column 'Dat'"),
        (HEADER.replace(b"Con,", b"Agt,"), "the column 'Agt' stands in the header twice"),
        (b'"AgtId,Agt\n', "the file has no header"),
        (HEADER + b"\x81\xff,\x81\n", "encoding is unknown: byte"),
        (b"PK\x03\x04 and no more", "the workbook is damaged"),
    ],
)
def test_a_file_that_is_not_the_data_set_is_refused_whole(content, told, known, tmp_path):
    assert told in refusal(UnreadableInput, content, known, tmp_path)


def test_a_file_that_is_not_there_and_a_version_that_is_not_said_are_told(known, tmp_path):
    with pytest.raises(UnreadableInput, match="No such file"):
        imported("pax-agreements", known, tmp_path, tmp_path / "none.csv")
    with pytest.raises(UsageError, match="does not say which version"):
        imported("pax-agreements", known, tmp_path, version=None)


ROW = b"Syria,Government,901,Lakeside talks,Middle East,90009,1,%s,3/2/2017,,,,,Cea,,,,,SYR,,652,,,,,\n"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (b"1,2,3\n", "the row has 3 cells where the header has 26"),
        (ROW % b"A\x00B", "the row contains the control character U+0000"),
        (ROW % b'"' + b"never closed", "the row is no CSV (unexpected end of data)"),
        (ROW % (b'"A"B'), "the row is no CSV"),
        (ROW % (b"x" * 1_100_000), "the row is no CSV (field larger than field limit (1048576))"),
        (ROW.replace(b"90009", b"") % b"A", "the cell is empty"),
        (ROW.replace(b"90009", b"no. 9") % b"A", "the cell is no string of the form [1-9][0-9]*"),
        (ROW.replace(b"90009", b"=1+1") % b"A", "the cell holds a formula; save the table with values"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason_and_the_others_go_in(row, told, known, tmp_path):
    path = tmp_path / "given.csv"
    path.write_bytes(HEADER + ROWS[0] + row.rstrip(b"\n") + b"\n" + (b"" if b"closed" in row else ROWS[1]))
    done = imported("pax-agreements", known, tmp_path / "out", path)
    assert any(number == "2" and told in reason for number, _, reason in notes(done))
    assert done.rows_left_out == 1
    assert done.claims == done.rows - 1 > 0


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (b"31/2/2017", "the cell is no date"),
        (b"soon", "the cell is no date"),
        (b"=TODAY()", "holds a formula"),
    ],
)
def test_a_bad_cell_is_left_out_and_the_rest_of_its_row_goes_in(cell, told, known, tmp_path):
    path = tmp_path / "given.csv"
    path.write_bytes(HEADER + (ROW % b"A").replace(b"3/2/2017", cell))
    done = imported("pax-agreements", known, tmp_path / "out", path)
    assert [(column, told in reason) for _, column, reason in notes(done)] == [("Dat", True)]
    assert done.claims == 1


def test_columns_that_the_mapping_does_not_know_are_told_and_do_no_harm(known, samples, tmp_path):
    path = tmp_path / "given.csv"
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        (SAMPLES / "pax-agreements.csv").open(encoding="utf-8", newline="") as sample,
    ):
        writer = csv.writer(file)
        for number, row in enumerate(csv.reader(sample)):
            writer.writerow(["Own remarks" if not number else "x", *reversed(row)])
    done = imported("pax-agreements", known, tmp_path / "out", path)
    assert "Own remarks" in done.unused_columns
    assert said(done, "90003") == said(samples["pax-agreements"], "90003")


def test_two_things_that_share_a_code_are_not_joined(known, tmp_path):
    store = Embedded()
    store.fill(known.quads())
    store.add([Quad(iri("id:other-syria"), iri("parley:gleditschWardNumber"), Literal("652"), VIEW)])
    done = imported("pax-agreements", store, tmp_path)
    assert not any("concerns" in fact for fact in said(done, "90001"))
    reasons = {reason for _, column, reason in notes(done) if column == "Loc1GWNO"}
    assert "it stands for several things: id:other-syria, id:syria" in reasons


def test_a_thing_whose_identifiers_are_those_of_two_things_is_not_joined(known, tmp_path):
    """The row says that actor 57 has number 652: the one is Russia's, the other Syria's."""
    path = tmp_path / "given.csv"
    path.write_text(
        (SAMPLES / "ucdp-dyadic.csv").read_text(encoding="utf-8").replace(",118,", ",57,"), encoding="utf-8"
    )
    done = imported("ucdp-dyadic", known, tmp_path / "out", path)
    assert "it stands for several things: id:russia, id:syria" in {reason for _, _, reason in notes(done)}
    assert not any("hasHostileSide" in fact for fact in said(done, "11973-2014"))


# Mapping files.


@pytest.mark.parametrize(
    "path", sorted((data_folder() / "ontology" / "mappings").glob("*.json")), ids=lambda p: p.stem
)
def test_a_mapping_is_metadata_of_the_standard_and_makes_a_plan(path):
    made = read_mapping(path)
    assert Metadata.fromvalue(made.metadata).tableSchema.columns
    ready = plan(made)
    declared = {t.subject for f in (data_folder() / "ontology").glob("*.ttl") for t in parse(path=f)}
    used = {rule.predicate for rule in ready.rules} | {property_ for _, property_, _ in ready.keys}
    assert {term for term in used if term.value.startswith(PREFIXES["parley"])} <= declared
    assert made in mappings()


def test_a_mapping_has_the_name_of_its_file_and_a_misspelt_one_proposes_the_nearest():
    assert [made.name for made in mappings()] == sorted(NAMES)
    with pytest.raises(UnknownName, match="did you mean 'ucdp-ged'"):
        mapping("ucdp-gde")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dc:title": None}, "the mapping lacks 'dc:title'"),
        ({ANNOTATIONS + "mint": "x"}, "no annotation is called 'mint'"),
        ({ANNOTATIONS + "mints": "id/x-"}, "names no identifier"),
        ({"key": None}, "it has no primaryKey"),
        ({"key": "b"}, "the primaryKey names no column 'b'"),
        ({"when": "c = 1"}, "column a: the condition 'c = 1' names no column 'c'"),
        ({"when": "a ~ 1"}, "'a ~ 1' is no condition"),
        ({"formats": "dd of MM"}, "column a: 'dd of MM' is no pattern of a date"),
        ({"each": "b"}, "'b' is no column"),
        ({"whn": "a"}, "column a: no annotation is called 'whn'"),
        ({"valueUrl": "id/{b}"}, "the template 'id/{b}' names no column 'b'"),
        ({"aboutUrl": None}, "it says something of nothing"),
    ],
)
def test_a_mistake_in_a_mapping_is_told_with_its_column(change, told, tmp_path):
    column = {"name": "a", "aboutUrl": "id/{a}", "propertyUrl": "ontology#x"}
    schema = {"primaryKey": "a", "columns": [column]}
    metadata = {"@context": "http://www.w3.org/ns/csvw", "url": "x.csv", "tableSchema": schema}
    metadata |= {f"dc:{name}": "x" for name in ("title", "publisher", "license", "description")}
    for name, value in change.items():
        if name == "key":
            schema["primaryKey"] = value
        elif name in {"valueUrl", "aboutUrl"}:
            column[name] = value
        elif ":" in name:
            metadata[name] = value
        else:
            column[ANNOTATIONS + name] = value
    cleaned = json.loads(
        json.dumps(metadata), object_hook=lambda d: {k: v for k, v in d.items() if v is not None}
    )
    path = tmp_path / "x.json"
    path.write_text(json.dumps(cleaned), encoding="utf-8")
    with pytest.raises(UnreadableInput) as caught:
        plan(read_mapping(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_libraries_the_error_names_the_extra(monkeypatch, known, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "csvw.metadata", None)
    with pytest.raises(UsageError, match=r"pip install 'parley-kg\[import\]'"):
        imported("pax-agreements", known, tmp_path)


def test_the_worked_example_of_the_documentation_gives_what_it_shows(known, tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "importing.md").read_text(encoding="utf-8")
    table, left_out = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (metadata,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (claim,) = re.findall(r"```turtle\n(.*?)```", page, re.DOTALL)
    (tmp_path / "visits.csv").write_text(table, encoding="utf-8")
    (tmp_path / "visits.json").write_text(metadata, encoding="utf-8")
    made = mapping(str(tmp_path / "visits.json"))
    done = convert(made, tmp_path / "visits.csv", known, tmp_path / "out", version="1")
    heads = "".join(f"@prefix {prefix}: <{space}> .\n" for prefix, space in PREFIXES.items())
    shown = {quad.triple for quad in parse(heads + claim, RdfFormat.TURTLE)}
    assert shown == {q.triple for q in quads(done) if str(q.graph_name).endswith("-1/1>")}
    assert done.left_out.read_text(encoding="utf-8") == left_out
    assert done.unused_columns == ("guest_of_honour",)


def test_the_documentation_names_every_mapping_and_every_annotation():
    from kg.importing import plans

    page = (Path(__file__).parent.parent / "docs" / "importing.md").read_text(encoding="utf-8")
    for name in (*NAMES, *plans._ON_TABLE, *plans._ON_COLUMN):
        assert f"`{name}`" in page


# Against oracles.

CELLS = st.lists(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8),
        min_size=3,
        max_size=3,
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    cells=CELLS,
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_rows_have_the_cells_that_were_written_and_their_own_words(cells, end, quoting, tmp_path_factory):
    """Whatever was written as CSV is read as it was, and the texts of the rows and what is between are the file."""
    from kg.importing.tables import Table

    folder = tmp_path_factory.mktemp("table")
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator=end, quoting=quoting).writerows(
        [["AgtId", "b", "c"], *([["1", *row[1:]] for row in cells])]
    )
    path = folder / "t.csv"
    path.write_text(written.getvalue(), encoding="utf-8", newline="")
    made = read_mapping(data_folder() / "ontology" / "mappings" / "pax-agreements.json")
    ready = plan(made)
    only = [column for column in ready.inputs if column.name == "AgtId"]
    table = Table(
        path,
        type(ready)(**{**{n: getattr(ready, n) for n in ready.__slots__}, "inputs": tuple(only)}),
        folder,
    )
    records = list(table.records())
    assert [list(record.cells) for record in records] == [["1", *row[1:]] for row in cells]
    assert "".join(record.lead + record.text for record in records) + table.rest() == written.getvalue()


@settings(deadline=None, derandomize=True)
@given(value=st.text(st.characters(codec="utf-8"), min_size=1))
def test_templates_expand_as_the_library_for_them_does(value):
    from kg.importing.plans import _template

    ours = _template("https://example.org/{a}/x-{a}", BASE, {"a": None})
    assert ours.expand({"a": value}) == uritemplate.expand("https://example.org/{a}/x-{a}", a=value)


@settings(deadline=None, derandomize=True)
@given(
    day=st.dates(min_value=date(1000, 1, 1)),
    pattern=st.sampled_from(["d/M/yyyy", "yyyy-MM-dd", "dd.MM.yyyy", "M/d/yyyy"]),
)
def test_days_are_read_as_csvw_reads_them(day, pattern):
    """For each pattern that the standard has, the library's datatype writes a day and reads it alike."""
    column = Metadata.fromvalue(
        {
            "url": "x",
            "tableSchema": {"columns": [{"name": "a", "datatype": {"base": "date", "format": pattern}}]},
        }
    ).tableSchema.columns[0]
    written = column.write(datetime(day.year, day.month, day.day))
    assert read_date(written, [pattern]) == day == column.read(written).date()


@settings(deadline=None, derandomize=True)
@given(one=st.dates(), two=st.dates())
def test_what_days_have_in_common_is_true_of_both_and_the_finest(one, two):
    found = common([one, two], ["date", "gYearMonth", "gYear"])
    agree = [one == two, (one.year, one.month) == (two.year, two.month), one.year == two.year]
    forms = [form for form, fits in zip(["date", "gYearMonth", "gYear"], agree, strict=True) if fits]
    assert (found[0] if found else None) == (forms[0] if forms else None)
    assert found is None or one.isoformat().startswith(found[1])


@settings(deadline=None, derandomize=True)
@given(left=st.integers(), right=st.integers(), sign=st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
def test_numbers_are_compared_as_numbers(left, right, sign):
    expected = eval(f"{left} {'==' if sign == '=' else sign} {right}")  # noqa: S307 - of two numbers
    assert (
        read_condition(f"a {sign} b", {"a": 0, "b": 0}).holds({"a": str(left), "b": str(right)}) is expected
    )


# The real files, where they are.


@pytest.mark.skipif(
    not REAL.is_dir(), reason="the UCDP files are not here: set PARLEY_DATA to the folder above ucdp/"
)
def test_the_real_files_enter_a_fresh_base_without_a_refusal(tmp_path):
    base = kg.init(tmp_path / "base")
    done = {
        name: base._steadily(
            lambda store, name=name, file=file: imported(name, store, tmp_path / name, REAL / file)
        )
        for name, file in REAL_FILES.items()
    }
    assert {name: (it.rows, it.claims) for name, it in done.items()} == {
        "ucdp-ged": (3883, 3883),
        "ucdp-dyadic": (3432, 3432),
        "ucdp-prio-acd": (2752, 2752),
        "ucdp-esd": (4781, 3006),
    }
    base.load([it.file for it in done.values()])
    assert [f for f in base.validate().findings if f.severity.name == "VIOLATION"] == []
    pairs = base.ask("opposing-backers", year="2015").texts()
    assert ("Russia", "Türkiye") in {(row[1], row[3]) for row in pairs}


@pytest.mark.parametrize(
    ("row", "column", "why"), [(20_000, 1, "too many empty rows"), (1, 3_000, "too many cells")]
)
def test_a_workbook_with_gaps_beyond_reason_is_refused_before_it_fills_the_disk(
    row: int, column: int, why: str, known, tmp_path
):
    book = openpyxl.Workbook()
    book.active.cell(1, 1, "dyad_id")
    book.active.cell(row, column, "x")
    book.save(tmp_path / "wide.xlsx")
    with pytest.raises(UnreadableInput, match=why):
        convert(mapping("ucdp-esd"), tmp_path / "wide.xlsx", known, tmp_path / "out", version="1")


def test_a_version_that_contradicts_the_file_is_refused(known, tmp_path):
    with pytest.raises(UsageError, match=r"says that it is version 25\.1 of ucdp-dyadic, not 24\.0"):
        convert(mapping("ucdp-dyadic"), SAMPLES / "ucdp-dyadic.csv", known, tmp_path, version="24.0")


def test_the_file_of_another_data_set_is_refused(known, tmp_path):
    with pytest.raises(UnreadableInput, match="it is not what ucdp-prio-acd describes"):
        convert(mapping("ucdp-prio-acd"), SAMPLES / "ucdp-dyadic.csv", known, tmp_path)
