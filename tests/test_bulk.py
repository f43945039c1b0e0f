"""What may enter a base: whole, with its evidence, free of clashes, or not at all and with one line that says why."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import kg
from kg.bases import building
from kg.bases.bulk import Part, examine, file_part
from kg.errors import ParleyError
from kg.storage.store import Embedded

FILES = Path(__file__).parent / "bulk"
PREFIXES = "".join(re.findall(r"@prefix .*\n", (FILES / "truce.trig").read_text(encoding="utf-8")))
CLAIM = "https://w3id.org/parley/claim/truce/1"
DESCRIBED = re.compile(r"    <https://w3id.org/parley/claim/truce/1> a .*?\n\n", re.DOTALL)
TEXT = (FILES / "truce.txt").read_bytes()

Change = Callable[[Path], object]


@pytest.fixture(autouse=True, params=["in memory", "in tables"])
def way(request, monkeypatch) -> str:
    """Load in memory, as little is, and in tables, as much is: the same may enter, and the same is said."""
    if request.param == "in tables":
        monkeypatch.setattr(building, "LARGE", 0)
    return request.param


@pytest.fixture
def truce(tmp_path: Path) -> Path:
    """Return a copy of a good file, its text beside it, to change."""
    folder = tmp_path / "article"
    folder.mkdir()
    for name in ("truce.trig", "truce.txt", "second.trig"):
        shutil.copyfile(FILES / name, folder / name)
    return folder / "truce.trig"


def put(old: str, new: str) -> Change:
    """Return what replaces a piece of the file, which stands in it once."""

    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def add(statements: str) -> Change:
    """Return what adds statements to the end of the file."""
    return lambda path: path.write_text(path.read_text(encoding="utf-8") + statements, encoding="utf-8")


def text_becomes(content: bytes) -> Change:
    return lambda path: path.with_suffix(".txt").write_bytes(content)


def text_and_fingerprint(content: bytes) -> Change:
    def change(path: Path) -> None:
        text_becomes(content)(path)
        put(hashlib.sha256(TEXT).hexdigest(), hashlib.sha256(content).hexdigest())(path)

    return change


def state(base: Path) -> tuple[bytes, dict[Path, bytes]]:
    """Return all that a base says, and its journal to the byte (but for who last held its lock)."""
    journal = {path: path.read_bytes() for path in (base / "journal").rglob("*") if path.is_file()}
    journal.pop(base / "journal" / "lock", None)
    return kg.open(base).export("nquads", what="everything"), journal


REFUSED = {
    "a quote that is one character off": (
        put('agreed on a truce"', 'agreed on a Truce"'),
        1,
        rf"{CLAIM}: its quote 'Libya and Malta agreed on a Truce' is not in the source, which reads "
        r"'Libya and Malta agreed on a truce' there; quote the source character for character",
    ),
    "a quote at another position": (
        put("oa:start 2 ;\n        oa:end 35", "oa:start 3 ;\n        oa:end 36"),
        1,
        rf"{CLAIM}: its quote stands at 2 to 35, not at 3 to 36; write oa:start 2 ; oa:end 35",
    ),
    "a quote whose end alone is wrong": (
        put("oa:end 35", "oa:end 34"),
        1,
        rf"{CLAIM}: its quote stands at 2 to 35, not at 2 to 34; write oa:start 2 ; oa:end 35",
    ),
    "positions counted in bytes": (
        put("oa:start 2 ;\n        oa:end 35", "oa:start 5 ;\n        oa:end 38"),
        1,
        rf"{CLAIM}: its quote stands at 2 to 35, not at 5 to 38; .*",
    ),
    "a negative position": (
        put("oa:start 2 ", "oa:start -2 "),
        1,
        rf"{CLAIM}: its quote stands at 2 to 35, not at -2 to 35; .*",
    ),
    "a position that is no number": (
        put("oa:start 2 ", 'oa:start "two" '),
        1,
        rf"{CLAIM}: the position of the quote is no whole number; .*",
    ),
    "an empty quote": (
        put(
            '"Libya and Malta agreed on a truce" ;\n        oa:start 2 ;\n        oa:end 35',
            '"" ; oa:start 2 ; oa:end 2',
        ),
        1,
        rf"{CLAIM}: its quote is empty; .*",
    ),
    "a claim without source": (
        put(
            "prov:hadPrimarySource source:truce ;\n        prov:wasAttributedTo source",
            "prov:wasAttributedTo source",
        ),
        1,
        rf"{CLAIM}: the claim has no source; state it with prov:hadPrimarySource",
    ),
    "a claim without speaker": (
        put("        prov:wasAttributedTo source:truce ;\n", ""),
        1,
        rf"{CLAIM}: the claim has no speaker; state it with prov:wasAttributedTo",
    ),
    "a claim without quote": (
        put('        oa:exact "Libya and Malta agreed on a truce" ;\n', ""),
        1,
        rf"{CLAIM}: the claim has no quote; state it with oa:exact",
    ),
    "a claim without position": (
        put("        oa:start 2 ;\n", ""),
        1,
        rf"{CLAIM}: the claim has no start; state it with oa:start",
    ),
    "a claim with two quotes": (
        put(
            'oa:exact "Libya and Malta agreed on a truce"',
            'oa:exact "Libya and Malta agreed on a truce", "Libya"',
        ),
        1,
        rf"{CLAIM}: the claim has two .*; make it two claims",
    ),
    "a claim with two speakers": (
        put("prov:wasAttributedTo source:truce ;", "prov:wasAttributedTo source:truce, id:malta ;"),
        1,
        rf"{CLAIM}: the claim has two .*; make it two claims",
    ),
    "a source that is not described": (
        put("source:truce a parley:Source ;", "source:other a parley:Source ;"),
        1,
        rf"{CLAIM}: its source <https://w3id.org/parley/source/truce> has no text \(and 1 more\); .*",
    ),
    "a source whose text is not there": (
        lambda path: path.with_suffix(".txt").unlink(),
        1,
        r".*truce\.trig: the fingerprint of <https://w3id.org/parley/source/truce> is 13248c880d8e…, and no "
        r"text beside the file has it \(there is no \.txt file\); .*",
    ),
    "a source whose text has another fingerprint": (
        text_becomes(TEXT.replace(b"Malta", b"Multa")),
        1,
        r".*truce\.trig: the fingerprint of .* is 13248c880d8e…, and no text beside the file has it "
        r"\(truce\.txt has [0-9a-f]{12}…\); .*",
    ),
    "a text with other line ends": (
        text_becomes(TEXT.replace(b"\n", b"\r\n")),
        1,
        r".*truce\.trig: the fingerprint of .* is 13248c880d8e….*",
    ),
    "a text in Latin-1": (
        text_and_fingerprint("Libya and Malta agreed, déjà".encode("latin-1")),
        2,
        r".*truce\.txt: byte 25 is not UTF-8; save the text as UTF-8",
    ),
    "a text that the file states itself but not its fingerprint": (
        put(
            "source:truce a parley:Source ;", 'source:truce a parley:Source ; schema:text "Libya and Malta" ;'
        ),
        1,
        r"https://w3id.org/parley/source/truce: the source's fingerprint is not that of its text; .*",
    ),
    "a statement outside any graph": (
        add("id:malta a parley:State .\n"),
        1,
        r".*truce\.trig: a statement about <https://w3id.org/parley/id/malta> stands outside any claim; .*",
    ),
    "a blank node": (
        add('graph:reference { [] rdfs:label "x"@en . }\n'),
        1,
        r".*truce\.trig: a blank node in the statement with .*rdf-schema#label>; give it an IRI: .*",
    ),
    "a triple as value": (
        add("graph:reference { id:malta rdfs:seeAlso <<( id:a rdfs:label 1 )>> . }\n"),
        1,
        r".*truce\.trig: a value that only RDF 1\.2 knows in the statement with .*#seeAlso>; leave out .*",
    ),
    "a text with a direction": (
        add('graph:reference { id:malta rdfs:comment "a"@en--ltr . }\n'),
        1,
        r".*truce\.trig: a value that only RDF 1\.2 knows in the statement with .*#comment>; leave out .*",
    ),
    "a blank node as graph": (
        add("_:g { id:malta a parley:State . }\n"),
        1,
        r".*truce\.trig: .* outside any claim.*",
    ),
    "a statement into the view": (
        add("graph:view { id:malta a parley:State . }\n"),
        1,
        r".* outside any claim; .*",
    ),
    "a statement into the ontology": (
        add("graph:ontology { id:malta a parley:State . }\n"),
        1,
        r".* outside any claim; .*",
    ),
    "a statement about what the store holds": (
        add('graph:state { graph:state parley:content "x" . }\n'),
        1,
        r".* outside any claim; .*",
    ),
    "a graph that no claim describes": (
        add("<urn:g> { id:malta a parley:State . }\n"),
        1,
        r".*truce\.trig: statements in <urn:g>, which no claim describes; .*",
    ),
    "a claim whose description is elsewhere said to be one": (
        lambda path: path.write_text(DESCRIBED.sub("", path.read_text(encoding="utf-8")), encoding="utf-8"),
        1,
        rf".*truce\.trig: statements in <{CLAIM}>, which no claim describes; .*",
    ),
    "a clash in the file": (
        put("id:libya a parley:State .", "id:libya a parley:State, parley:Person ."),
        1,
        r"the facts contradict each other about .*libya.*",
    ),
    "a clash with the base": (
        put("id:libya a parley:State .", "id:libya a parley:State . id:turkey a parley:Person ."),
        1,
        r"the facts contradict each other about .*turkey.*",
    ),
    "other words for a claim that the base has": (
        add(
            "graph:claims { <https://w3id.org/parley/claim/idlib-ceasefire/1> a parley:Claim ;"
            " prov:hadPrimarySource source:truce ; prov:wasAttributedTo source:truce ;"
            ' oa:exact "Libya" ; oa:start 2 ; oa:end 7 . }\n'
        ),
        1,
        r"https://w3id.org/parley/claim/idlib-ceasefire/1: the base has this already, and says something else.*",
    ),
    "a source with a text and no fingerprint": (
        add('graph:claims { source:other a parley:Source ; schema:text "Other" . }\n'),
        1,
        r"https://w3id.org/parley/source/other: the source's fingerprint is not stated; .*",
    ),
    "a source with two texts": (
        put("source:truce a parley:Source ;", 'source:truce a parley:Source ; schema:text "A", "B" ;'),
        1,
        r"https://w3id.org/parley/source/truce: the source has two texts; make it two sources",
    ),
    "a source with two fingerprints": (
        put('schema:sha256 "', f'schema:sha256 "{hashlib.sha256(b"A").hexdigest()}", "'),
        1,
        r".*truce\.trig: the fingerprint of <https://w3id.org/parley/source/truce> is .*",
    ),
    "a claim under the name of a graph of the base": (
        add(
            "graph:claims { graph:view a parley:Claim ; prov:hadPrimarySource source:truce ;"
            ' prov:wasAttributedTo source:truce ; oa:exact "Libya" ; oa:start 2 ; oa:end 7 . }\n'
        ),
        1,
        r"https://w3id.org/parley/graph/view: a claim has the name of one of the base's own graphs; .*",
    ),
    "statements in a claim that the base has": (
        add("<https://w3id.org/parley/claim/idlib-ceasefire/1> { id:malta a parley:State . }\n"),
        1,
        r".*truce\.trig: statements in <https://w3id.org/parley/claim/idlib-ceasefire/1>, which no claim .*",
    ),
    "another text for a source that the base has": (
        add('graph:claims { source:idlib-ceasefire schema:text "Other" . }\n'),
        1,
        r"https://w3id.org/parley/source/idlib-ceasefire: .*",
    ),
    "a withdrawal": (
        add(
            "graph:claims { <https://w3id.org/parley/claim/idlib-ceasefire/1> prov:invalidatedAtTime"
            ' "2026-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> . }\n'
        ),
        1,
        r"https://w3id.org/parley/claim/idlib-ceasefire/1: .*",
    ),
    "a syntax error": (
        put("id:libya a parley:State .", "id:libya a a parley:State ."),
        2,
        r".*truce\.trig:38:\d+: .*",
    ),
    "an undeclared prefix": (
        put("id:libya a parley:State .", "xx:libya a parley:State ."),
        2,
        r".*truce\.trig:38:\d+: .*",
    ),
    "another format than its name says": (
        lambda path: path.write_text("<rdf:RDF/>", encoding="utf-8"),
        2,
        r".*truce\.trig:1:\d+: .*",
    ),
    "bytes that are no text": (
        lambda path: path.write_bytes(b"\xff\xfe\x00id"),
        2,
        r".*truce\.trig(:1:\d+)?: .*",
    ),
    "a file that is not there": (lambda path: path.unlink(), 2, r".*truce\.trig: .*"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), 2, r".*truce\.trig: .*"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_may_not_enter_is_refused_in_one_line_and_changes_nothing(what, base, truce, run):
    change, status, said = REFUSED[what]
    change(truce)
    before = state(base)
    assert re.fullmatch(said, run("--store", base, "load", truce).refused(status))
    assert state(base) == before


@pytest.mark.parametrize("name", ["truce.rdfx", "truce", "truce.txt", "truce.csv"])
def test_a_file_of_another_kind_is_refused(name, base, truce, run):
    other = truce.with_name(name)
    if not other.exists():
        shutil.copyfile(truce, other)
    before = state(base)
    assert str(other) in run("--store", base, "load", other).refused(2)
    assert state(base) == before


@pytest.mark.parametrize("ending", ["ttl", "nt"])
def test_plain_triples_have_no_claim_to_rest_on(ending, base, tmp_path, run):
    plain = tmp_path / f"plain.{ending}"
    plain.write_text(
        "<https://w3id.org/parley/id/malta> a <https://w3id.org/parley/ontology#State> .\n".replace(
            " a ", " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
        )
    )
    assert "outside any claim" in run("--store", base, "load", plain).refused(1)


def test_of_two_files_one_bad_nothing_enters(base, truce, run):
    bad = truce.with_name("second.trig")
    put("oa:start 56", "oa:start 57")(bad)
    before = state(base)
    assert "stands at 56 to 78, not at 57 to 78" in run("--store", base, "load", truce, bad).refused(1)
    assert state(base) == before


def test_the_same_file_twice_in_one_call_is_the_same_as_once(base, truce, run):
    run("--store", base, "load", truce, truce).done()
    assert [claim.start for claim in kg.open(base).claims() if "truce" in claim.iri.value] == [2, 38]


def test_a_context_elsewhere_is_not_fetched(base, tmp_path, run):
    path = tmp_path / "facts.jsonld"
    path.write_text('{"@context": "https://schema.org/", "@id": "urn:a", "name": "b"}')
    assert str(path) in run("--store", base, "load", path).refused(2)


def test_what_else_lies_beside_a_file_does_no_harm(base, truce, run):
    truce.with_name("a.txt").mkdir()
    truce.with_name("b.txt").symlink_to("nowhere")
    truce.with_name("c.txt").write_bytes(b"\xff")
    truce.with_suffix(".txt").rename(truce.with_name("z.txt"))
    run("--store", base, "load", truce).done()


def test_files_that_need_each_other_enter_together_in_any_order(base, truce, run):
    """The second file quotes from the source that only the first describes."""
    second = truce.with_name("second.trig")
    assert "has no text" in run("--store", base, "load", second).refused(1)
    run("--store", base, "load", second, truce).done()
    assert "president-of-malta" in kg.open(base).export("ntriples").decode()


def test_what_enters_is_held_true_if_the_source_says_it_and_only_kept_if_someone_quoted_does(
    base, truce, run
):
    loaded = run("--store", base, "load", truce)
    loaded.done()
    assert loaded.err.startswith("loaded truce.trig: ")
    grown = kg.open(base)
    assert [row["party"] for row in grown.ask("parties", agreement="truce-of-malta").records()] == [
        "https://w3id.org/parley/id/libya",
        "https://w3id.org/parley/id/malta",
    ]
    assert b"promise-of-malta" not in grown.export("ntriples")
    assert [fact.sentence for fact in grown.show("Malta").attributed]


def test_handing_in_the_same_file_again_changes_nothing(base, truce, run):
    run("--store", base, "load", truce).done()
    before = kg.open(base).export("nquads", what="everything")
    run("--store", base, "load", truce).done()
    assert kg.open(base).export("nquads", what="everything") == before


@pytest.mark.parametrize(
    "change",
    [
        put("parley:hasParty id:malta, id:libya", "parley:hasParty id:malta, id:libya, id:turkey"),
        put(
            "        oa:start 38 ;\n        oa:end 53",
            "        oa:start 38 ;\n        oa:end 53 ;\n        oa:end 54",
        ),
        put("prov:wasAttributedTo id:president-of-malta", "prov:wasAttributedTo source:truce"),
        put('oa:exact "We will keep it"', 'oa:exact "We will"'),
        put(
            "oa:start 38 ;",
            'oa:start 38 ; prov:generatedAtTime "2026-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ;',
        ),
        put("source:truce a parley:Source ;", 'source:truce a parley:Source ; rdfs:label "A truce" ;'),
    ],
    ids=["its content", "its position", "its speaker", "its quote", "its time", "its source"],
)
def test_a_claim_that_is_in_the_base_is_not_changed_by_another_file(change, base, truce, run):
    run("--store", base, "load", truce).done()
    before = state(base)
    change(truce)
    said = run("--store", base, "load", truce).refused(1)
    assert said.endswith(
        "the base has this already, and says something else about it; give the new claim or source an IRI of its own"
    )
    assert state(base) == before


def test_numbers_written_otherwise_are_the_same_claim(base, truce, run):
    """The store keeps ``2`` for ``+02``; what was loaded can be loaded again all the same."""
    put("oa:start 2 ;", "oa:start +02 ;")(truce)
    run("--store", base, "load", truce).done()
    run("--store", base, "load", truce).done()


def test_of_several_places_of_a_quote_the_nearest_is_named(base, truce, run):
    put(
        '"the president of Malta" ;\n        oa:start 56 ;\n        oa:end 78',
        '"Malta" ;\n oa:start 71 ;\n oa:end 76',
    )(truce.with_name("second.trig"))
    said = run("--store", base, "load", truce, truce.with_name("second.trig")).refused(1)
    assert "its quote stands at 73 to 78, not at 71 to 76; write oa:start 73 ; oa:end 78" in said


def test_a_claim_keeps_the_time_it_gives_and_else_gets_the_time_of_loading(base, truce, run):
    run("--store", base, "load", truce, truce.with_name("second.trig")).done()
    times = {
        claim.iri.value.rpartition("/")[2]: claim.recorded
        for claim in kg.open(base).claims()
        if "truce" in claim.iri.value
    }
    assert times["3"] == "2026-01-02T03:04:05Z"
    assert times["1"] == times["2"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]+Z", times["1"])


def test_the_built_in_base_takes_nothing(truce, run):
    assert run("load", truce).refused(2) == (
        "the built-in base takes no new facts; make one on disk with 'kg init DIR' and name it with --store"
    )


def test_a_batch_without_a_base_is_checked_on_its_own(truce):
    batch = examine([file_part(truce)])
    assert {claim.value for claim in batch.accepted} == {CLAIM}
    with pytest.raises(ParleyError):
        examine([file_part(truce.with_name("second.trig"))], Embedded())


TIME = "<http://www.w3.org/2001/XMLSchema#dateTime>"


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("12026-01-02T03:04:05Z", "is in no year from 1 to 9999"),
        ("9026-01-02T03:04:05Z", "is in the future"),
        (
            "2026-01-02T03:04:05Z ; withdrawn 2026-01-01T00:00:00Z",
            "is earlier than 2026-01-02T03:04:05Z, when it was recorded",
        ),
    ],
)
def test_a_time_at_which_nothing_can_have_been_recorded_is_refused(base, truce, run, time, why):
    recorded, _, withdrawn = time.partition(" ; withdrawn ")
    more = f' ;\n prov:invalidatedAtTime "{withdrawn}"^^{TIME}' if withdrawn else ""
    second = truce.with_name("second.trig")
    put(f'"2026-01-02T03:04:05Z"^^{TIME}', f'"{recorded}"^^{TIME}{more}')(second)
    said = run("--store", base, "load", truce, second).refused(1)
    assert (
        f"{withdrawn or recorded}, when the claim was {'withdrawn' if withdrawn else 'recorded'}, {why}"
        in said
    )


def test_what_a_journal_holds_is_read_whatever_times_it_gives(truce):
    second = truce.with_name("second.trig")
    put('"2026-01-02T03:04:05Z"', '"9026-01-02T03:04:05Z"')(second)
    loaded = [file_part(path, "2026-11-23T00:00:00Z") for path in (truce, second)]
    with pytest.raises(ParleyError, match="is in the future"):
        examine(loaded, Embedded())
    texts = Part(lambda: iter(examine([file_part(truce)]).texts), "texts")
    kept = [replace(part, folder=None) for part in loaded]
    times = {claim.value.rpartition("/")[2] for claim in examine([texts, *kept]).accepted}
    assert "3" in times
