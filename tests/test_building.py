"""Bases: the built-in one and its cache, those on disk, what becomes of either when something is wrong with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyoxigraph import Store

import kg
from kg.bases.cache import cache_file
from kg.bases.upkeep import load
from kg.bases.writing import writing
from kg.errors import ParleyError, StoreError
from kg.gate.checking import gate
from kg.storage.journal import Journal

FILES = Path(__file__).parent / "bulk"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """Return a folder of its own for the cache of one test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("KG_CACHE", str(folder))
    return folder


def everything(base: Path | None = None) -> bytes:
    return kg.open(base).export("nquads", what="everything")


def refusal(call, *args) -> StoreError:
    with pytest.raises(StoreError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2
    return caught.value


# The built-in base and its cache.


def test_the_cache_answers_as_the_base_that_it_was_made_from(cache):
    built = everything()
    (kept,) = cache.glob("*.nq")
    assert kept == cache_file()
    assert everything() == built
    assert kg.open().query("SELECT * { ?s ?p ?o }").rows


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda _: b"",
        lambda content: b"\x00" * len(content),
        lambda content: content.replace(b"turkey", b"russia", 1),
        lambda content: content + b"<urn:a> <urn:b> <urn:c> .\n",
    ],
    ids=["a byte less", "half", "empty", "zeros", "one fact changed", "one fact more"],
)
@pytest.mark.usefixtures("cache")
def test_a_damaged_cache_is_made_again(damage):
    built = everything()
    cache_file().write_bytes(damage(cache_file().read_bytes()))
    assert everything() == built
    assert cache_file().read_bytes().startswith(b"# ")
    assert everything() == built


def test_without_a_folder_to_keep_it_in_the_base_is_built_each_time(tmp_path, monkeypatch, built_in):
    expected = built_in.export("nquads", what="everything")
    (tmp_path / "file").touch()
    for place in ("/proc/parley", tmp_path / "file", tmp_path / "file" / "below", "/dev/null"):
        monkeypatch.setenv("KG_CACHE", str(place))
        base = kg.open()
        assert base.export("nquads", what="everything") == expected
        assert len(base.query("SELECT * { ?s a parley:State }")) == 3


@pytest.mark.usefixtures("cache")
def test_a_cache_that_is_a_folder_does_no_harm(built_in):
    cache_file().mkdir(parents=True)
    assert everything() == built_in.export("nquads", what="everything")


def test_four_processes_may_be_the_first_at_the_same_time(cache):
    command = [sys.executable, "-m", "kg", "query", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    ended = [process.communicate() for process in running]
    assert {process.returncode for process in running} == {0}
    assert len(set(ended)) == 1
    assert [path.name for path in cache.glob("*.nq")] == [cache_file().name]
    assert len(kg.open().query("SELECT * { ?s ?p ?o }")) == int(ended[0][0].split()[1])


def test_only_the_newest_four_caches_stay_and_nothing_else_in_the_folder_is_touched(cache):
    cache.mkdir()
    old = [cache / f"{number:032x}.nq" for number in range(6)]
    mine = [cache / name for name in ("my-data.nq", "notes.txt", f"{'a' * 32}.trig", f"{'A' * 32}.nq")]
    for age, path in enumerate([*mine, *reversed(old)]):
        path.write_text("# old\n")
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    kg.open()
    left = {path for path in cache.iterdir() if path.suffix != ".rules"}
    assert left == {*mine, *old[:3], cache_file()}


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Return a copy of the package with all that the built-in base is made of, to change."""
    data = Path(kg.__file__).parent.parent
    for folder in ("kg", "ontology", "seeds", "queries"):
        shutil.copytree(
            data / folder, tmp_path / "checkout" / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    return tmp_path / "checkout"


def kg_from(checkout: Path, *args: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command of a checkout."""
    return subprocess.run(
        [sys.executable, "-m", "kg", *map(str, args)],
        cwd=checkout,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("changed", ["ontology/actors.ttl", "seeds/idlib-ceasefire/labels.trig"])
def test_other_inputs_have_another_cache(changed, checkout, cache):
    kg_from(checkout, "show")
    before = set(cache.glob("*.nq"))
    path = checkout / changed
    path.write_bytes(path.read_bytes() + b"# a comment\n")
    kg_from(checkout, "show")
    assert len(set(cache.glob("*.nq")) - before) == 1
    assert before < set(cache.glob("*.nq"))


# Bases on disk.


def test_bases_made_one_after_the_other_hold_the_same_bytes(base, built_in, tmp_path):
    other = kg.init(tmp_path / "other")
    assert (
        other.export("nquads", what="everything")
        == everything(base)
        == built_in.export("nquads", what="everything")
    )


def test_a_base_may_be_made_in_an_empty_folder_and_in_the_folder_one_stands_in(tmp_path, run, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    inode = Path.cwd().stat().st_ino
    made = run("init", ".")
    assert made.done() == ""
    assert re.fullmatch(r"made \.: \d+ claims from 1 source, \d+ triples hold\n", made.err)
    assert Path.cwd().stat().st_ino == inode
    assert sorted(path.name for path in Path.cwd().iterdir()) == [
        "format",
        "journal",
        "store",
        "store.lock",
        "store.seal",
    ]
    assert run("--store", ".", "ask", "parties", "--agreement", "idlib-agreement-2020").done()


def test_a_base_may_be_made_below_folders_that_are_not_there_yet(tmp_path, run):
    assert run("init", tmp_path / "a" / "b").done() == ""
    assert run("--store", tmp_path / "a" / "b", "ask", "actors").done()


@pytest.mark.parametrize("occupied", ["a file", "a folder with a file", "a base"])
def test_nothing_is_made_where_there_is_something(occupied, base, tmp_path, run):
    place = tmp_path / "place"
    if occupied == "a file":
        place.write_text("mine")
    elif occupied == "a folder with a file":
        place.mkdir()
        (place / "mine").touch()
    else:
        place = base
    before = sorted(tmp_path.rglob("*"))
    said = run("init", place).refused(2)
    assert said == f"{place}: there is something already; name a new or empty folder"
    assert sorted(tmp_path.rglob("*")) == before


def test_where_nothing_can_be_made_the_place_is_named_as_it_was_given(tmp_path, run):
    (tmp_path / "file").touch()
    for place in (Path("/proc/parley"), tmp_path / "file" / "below"):
        said = run("init", place).refused(2)
        assert said.startswith(f"{place}: cannot be made: ")
        assert said.endswith("; choose another place")


def test_an_interrupted_init_leaves_nothing_behind_or_a_whole_base(tmp_path, built_in):
    """Interrupted at whatever moment: a half-made base is never seen under its name."""
    expected = built_in.export("nquads", what="everything")
    command = [sys.executable, "-m", "kg", "init", str(tmp_path / "new")]
    for wait in (0.3, 0.5, 0.7, 0.9):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        made = (tmp_path / "new").exists()
        if made:
            assert everything(tmp_path / "new") == expected
            shutil.rmtree(tmp_path / "new")
        assert list(tmp_path.iterdir()) == []
        assert made or not said.startswith("made ")
        assert made or process.returncode != 0


@pytest.mark.parametrize(
    "command", [("ask", "actors"), ("show",), ("export",), ("query", "ASK {}"), ("load", "x.trig")]
)
def test_a_base_that_is_not_there_is_one_line(command, tmp_path, run):
    for place in (tmp_path / "nowhere", tmp_path):
        said = run("--store", place, *command).refused(2)
        assert said == f"{place}: no base here; make one with kg init {place}"


def test_the_environment_may_choose_the_base(base, run, monkeypatch):
    monkeypatch.setenv("KG_STORE", str(base / "nowhere"))
    assert "no base here" in run("ask", "actors").refused(2)
    monkeypatch.setenv("KG_STORE", str(base))
    assert run("ask", "actors").done()
    assert "no base here" in run("--store", base / "nowhere", "ask", "actors").refused(2)


def test_a_load_while_another_process_writes_is_refused_and_asking_goes_on(base, run, monkeypatch):
    monkeypatch.setattr(writing.__wrapped__, "__defaults__", (None, 0.1))
    before = everything(base)
    with Journal.open(base / "journal", write=True):
        said = run("--store", base, "load", FILES / "truce.trig").refused(2)
        assert said == (
            f"{base / 'journal'}: locked by process {os.getpid()}; wait until that process has ended"
        )
        assert run("--store", base, "ask", "actors").done()
        assert run("--store", base, "query", "ASK {}").done()
    assert everything(base) == before


def test_a_store_that_another_program_writes_to_is_refused(base, run):
    writer = Store(str(base / "store"))
    said = run("--store", base, "load", FILES / "truce.trig").refused(2)
    assert said == f"{base}: in use by another process that writes to it; wait until that process has ended"
    del writer


NEWER = "made by a newer Parley; upgrade Parley to open it"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("format", "parley-base 2\n", NEWER),
        ("format", "something\n", "damaged: not a base's mark; restore a copy"),
        ("format", "", "damaged: not a base's mark; restore a copy"),
        ("journal/log", "parley-journal 3\n", NEWER),
        ("journal/log", "", "damaged before record 1; put the journal back from a copy"),
    ],
)
def test_a_base_of_a_newer_version_or_with_a_damaged_mark_is_refused(name, content, said, base, run):
    (base / name).write_text(content)
    for command in (("ask", "actors"), ("load", FILES / "truce.trig")):
        assert run("--store", base, *command).refused(2).endswith(said)
    assert (base / name).read_text() == content


def test_a_store_that_was_deleted_is_built_again_from_the_journal_in_silence(base, run):
    run("--store", base, "load", FILES / "truce.trig", FILES / "second.trig").done()
    before = everything(base)
    for _ in range(2):
        shutil.rmtree(base / "store")
        answered = run("--store", base, "ask", "parties", "--agreement", "truce-of-malta")
        assert answered.done().count("\r\n") == 3
        assert answered.err == ""
        assert everything(base) == before


def test_a_store_that_was_deleted_is_built_again_before_loading(base, run):
    shutil.rmtree(base / "store")
    run("--store", base, "load", FILES / "truce.trig").done()
    assert b"truce-of-malta" in everything(base)


def test_a_store_of_another_ontology_is_built_again(checkout, tmp_path):
    place = tmp_path / "base"
    assert kg_from(checkout, "init", place).returncode == 0
    rule = checkout / "ontology" / "actors.ttl"
    rule.write_text(
        rule.read_text(encoding="utf-8")
        + "\nparley:Principal a owl:Class ;\n    rdfs:subClassOf parley:Actor .\n\n"
        "parley:State rdfs:subClassOf parley:Principal .\n",
        encoding="utf-8",
    )
    asked = kg_from(checkout, "--store", place, "query", "SELECT * { ?s a parley:Principal }")
    assert asked.stdout.count(b"\n") == 4
    assert b"/turkey\r\n" in asked.stdout
    assert asked.stderr == b""


def test_a_store_behind_its_journal_catches_up(base, run):
    """As after a crash between the record and the store."""
    kept = base.with_name("kept")
    shutil.copytree(base / "store", kept)
    run("--store", base, "load", FILES / "truce.trig").done()
    before = everything(base)
    shutil.rmtree(base / "store")
    shutil.move(kept, base / "store")
    assert everything(base) == before


def test_a_store_ahead_of_its_journal_is_refused_and_kept(base, run):
    """As when the journal was put back from an old copy."""
    kept = shutil.copytree(base / "journal", base.with_name("kept"))
    run("--store", base, "load", FILES / "truce.trig").done()
    shutil.rmtree(base / "journal")
    shutil.move(kept, base / "journal")
    assert "is missing; put the journal back from a copy" in run("--store", base, "ask", "actors").refused(2)


def test_a_rebuild_that_was_interrupted_does_no_harm(base):
    before = everything(base)
    (base / "store.new" / "store").mkdir(parents=True)
    (base / "store.new" / "store" / "CURRENT").write_text("half")
    shutil.rmtree(base / "store")
    assert everything(base) == before
    assert sorted(path.name for path in base.iterdir()) == [
        "format",
        "journal",
        "store",
        "store.lock",
        "store.seal",
    ]


def test_a_loaded_file_that_is_damaged_in_the_journal_is_named(base, run):
    loads = sorted((base / "journal" / "loads").iterdir())
    loads[0].write_bytes(b"x")
    shutil.rmtree(base / "store")
    said = run("--store", base, "ask", "actors").refused(2)
    assert re.fullmatch(
        rf"{re.escape(str(loads[0]))}: a loaded file is damaged; put \S+\.trig back from a copy", said
    )


def test_loading_grows_the_view_to_what_building_it_anew_gives(base, run):
    for name in ("truce.trig", "second.trig"):
        run("--store", base, "load", FILES / name).done()
    grown = kg.open(base).export("ntriples")
    shutil.rmtree(base / "store")
    assert kg.open(base).export("ntriples") == grown
    assert b"truce-of-malta" in grown


def test_what_a_load_makes_follow_about_old_things_is_in_the_view(base, run):
    """``leads`` follows for a thing of the article from an office that only the new file knows."""
    run("--store", base, "load", FILES / "truce.trig", FILES / "second.trig").done()
    facts = kg.open(base).show("president-of-malta")
    assert any(fact.triple.predicate.value.endswith("actsFor") for fact in facts.stated)
    assert facts.inferred


def test_a_base_that_may_only_be_read_is_asked_and_not_written(base):
    """The superuser may write anywhere, unless that right is taken from the process."""
    bound = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"] if ROOT else []
    if bound and not shutil.which("setpriv"):
        pytest.skip("the superuser cannot give up a right here")
    for path in [base, *base.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [*bound, sys.executable, "-m", "kg", "--store", str(base)]
    asked = subprocess.run([*command, "ask", "actors"], capture_output=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, b"")
    loaded = subprocess.run(
        [*command, "load", FILES / "truce.trig"], capture_output=True, check=False, text=True
    )
    for path in [base, *base.rglob("*")]:
        path.chmod(0o755)
    assert (loaded.returncode, loaded.stdout) == (2, "")
    assert loaded.stderr == f"kg: {base / 'journal'}: cannot be opened (Permission denied); ask for access\n"


def test_the_store_says_how_much_of_the_journal_it_holds(base, run):
    run("--store", base, "load", FILES / "truce.trig").done()
    store = Store.read_only(str(base / "store"))
    (state,) = store.quads_for_pattern(None, None, None, kg.terms.STATE)
    number, offset, *_ = json.loads(state.object.value)
    assert offset == (base / "journal" / "log").stat().st_size
    with Journal.open(base / "journal") as journal:
        assert journal.last is not None
        assert journal.last.number == number


def test_no_export_shows_the_state_of_the_store(base):
    assert b"graph/state" not in everything(base)


def test_a_base_that_is_loaded_into_answers_in_the_same_process(base):
    opened = kg.open(base)
    opened.load([FILES / "truce.trig"])
    assert len(opened.ask("parties", agreement="truce-of-malta")) == 2
    with pytest.raises(ParleyError):
        opened.load([FILES / "truce.trig", FILES / "nowhere.trig"])
    assert len(opened.ask("parties", agreement="truce-of-malta")) == 2


def test_a_load_after_one_that_ended_before_its_store_was_written_loses_nothing(base):
    """The store is behind at the moment when the next writer gets the lock."""
    kept = shutil.copytree(base / "store", base.with_name("kept"))
    load(base, [FILES / "truce.trig"], gate().admit)
    shutil.rmtree(base / "store")
    shutil.move(kept, base / "store")
    load(base, [FILES / "second.trig"], gate().admit)
    after = everything(base)
    assert b"truce-of-malta" in after
    assert b"president-of-malta" in after
    shutil.rmtree(base / "store")
    assert everything(base) == after


def test_a_damaged_store_is_built_again_from_the_journal(base, run):
    """A manifest of the store that is cut off is noticed when the base is opened; nothing is lost."""
    before = run("--store", base, "export", "--what", "everything", "--format", "nquads").out
    for manifest in (base / "store").glob("MANIFEST-*"):
        manifest.write_bytes(b"damaged")
    assert run("--store", base, "export", "--what", "everything", "--format", "nquads").out == before


def test_a_withdrawn_claim_is_no_longer_held_true(base, run):
    """A withdrawal in the journal takes the claim out of the view when the store is built; it stays on record."""
    from pyoxigraph import NamedNode

    from kg.storage.journal import Journal, Withdraw

    asked = (
        "--store",
        base,
        "ask",
        "corridor-width",
        "--corridor",
        "id:m4-safety-corridor",
        "--format",
        "csv",
    )
    assert "12" in run(*asked).out
    claim = NamedNode("https://w3id.org/parley/claim/idlib-ceasefire/48")
    with Journal.open(base / "journal", write=True) as journal:
        journal.append(Withdraw((claim,), "for the test"))
    assert "12" not in run(*asked).out
    known = run("--store", base, "query", f"ASK {{ GRAPH ?g {{ {claim} prov:invalidatedAtTime ?when }} }}")
    assert known.out.split() == ["answer", "true"]


def test_readers_beside_a_writer_always_get_a_whole_answer(base, tmp_path):
    """While another process loads again and again, each question is answered, before or after a load."""
    for name in ("truce.trig", "truce.txt", "second.trig"):
        shutil.copy(FILES / name, tmp_path / name)
    program = (
        "import pathlib, sys, kg; base = kg.open(sys.argv[1]); print('ready', flush=True); "
        "[base.load([pathlib.Path(name)]) for _ in range(4) for name in sys.argv[2:]]"
    )
    files = [str(tmp_path / "truce.trig"), str(tmp_path / "second.trig")]
    reader = kg.open(base)
    before = len(reader.things())
    with subprocess.Popen(
        [sys.executable, "-c", program, str(base), *files], stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        sizes = []
        while writer.poll() is None:
            sizes.append(len(reader.things()))
    assert writer.returncode == 0
    assert sizes == sorted(sizes)
    assert sizes[0] >= before
    assert len(reader.things()) > before


def test_a_folder_that_is_no_base_is_left_as_it_was(tmp_path, run):
    (tmp_path / "mine").touch()
    run("--store", tmp_path, "ask", "states").refused(2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
