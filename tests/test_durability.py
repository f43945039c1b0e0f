"""All or nothing, for good: kills, cut and flipped bytes, full disks, many writers; and the copies that remain."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad

from kg.bases import building, writing
from kg.bases.changes import addition, rulebook
from kg.bases.upkeep import backup, inspect, load, make, rebuild
from kg.errors import DamagedStore, StoreError
from kg.gate.checking import gate
from kg.storage.durable import lock
from kg.storage.journal import Add, Journal, Load, Withdraw
from kg.storage.seal import broken
from kg.terms import CLAIMS, REFERENCE, STATE, VIEW, iri
from tests.durability.changer import add, as_text, claim_of, edge, proposal, retract, standing_names

CHANGER = Path(__file__).parent / "durability" / "changer.py"
LOCATED = iri("parley:isLocatedIn")
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX processes, signals and limits")


@pytest.fixture(scope="session")
def _empty(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "base"
    folder.mkdir()
    Journal.create(folder / "journal")
    building.build_store(folder)
    return folder


@pytest.fixture
def small(_empty, tmp_path) -> Path:
    """Return the folder of a base that holds nothing yet but what follows from the ontology."""
    return shutil.copytree(_empty, tmp_path / "small")


@pytest.fixture
def quick(_empty) -> Iterator[Path]:
    """Return the folder of such a base in memory where there is a file system for that; syncing costs nothing there."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a new folder in it
    with tempfile.TemporaryDirectory(prefix="parley-", dir=shared) as folder:
        yield shutil.copytree(_empty, Path(folder) / "small")


@pytest.fixture
def filled(small) -> Path:
    """Return the folder of a base with four adds, a withdrawal and a load of two files."""
    with writing.writing(small) as writer:
        for name in "abcd":
            add(writer, name)
        retract(writer, "b")
    files = [small.parent / f"{name}.nq" for name in ("e", "f")]
    for path in files:
        path.write_text(as_text(proposal(path.stem)))
    load(small, files, gate().admit)
    return small


def content(folder: Path) -> set[str]:
    with writing.reading(folder) as store:
        return {str(quad) for quad in store.quads() if quad.graph_name != STATE}


def rebuilt(folder: Path, place: Path) -> set[str]:
    """Return what a store holds that is built from nothing but the journal."""
    shutil.copytree(folder / "journal", place / "journal")
    building.build_store(place)
    return content(place)


def no_rebuild(*_: object) -> None:
    raise AssertionError("the store was built anew")


# Killed at any moment.


def closure(edges: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the transitive closure."""
    while more := {(a, d) for a, b in edges for c, d in edges if b == c} - edges:
        edges = edges | more
    return edges


def place(number: int) -> NamedNode:
    return iri(f"id:place-{number}")


def verify(folder: Path, said: list[list[str]], was: set[str]) -> set[str]:
    """Check a base after a kill, given what was said and which proposals stood before; return those that stand now.

    The view is compared with an oracle of its own: places lie where places lie that they lie in.
    """
    known = {name for _, _, *names in said for name in names} | was
    trying: list[list[str]] = []
    stand = set(was)
    for word, kind, *names in said:
        trying = [[kind, *names]] if word == "try" else []
        if word == "did":
            stand = stand - set(names) if kind == "retract" else stand | set(names)
    with writing.reading(folder) as store:
        now = set(standing_names(store))
        for name in known:
            there = [store.contains(quad) for quad in proposal(name)]
            assert all(there) or not any(there)
            assert all(there) or name not in stand
        view = {(q.subject, q.object) for q in store.quads(None, LOCATED, None, VIEW)}
    for kind, *names in trying:
        after = stand - set(names) if kind == "retract" else stand | set(names)
        assert now in (stand, after)
    assert trying or now == stand
    assert view == {(place(a), place(b)) for a, b in closure({edge(name) for name in now})}
    return now


@contextlib.contextmanager
def changer() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(CHANGER)]
    environment = os.environ | {"PYTHONPATH": str(CHANGER.parents[2])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.stdin.close()


def told(
    process: subprocess.Popen[str], *, lines: int = 0, wait: float | None = None, **task: object
) -> list[list[str]]:
    """Have changes made and return what was said; with ``wait`` kill the process so long after so many lines."""
    process.stdin.write(json.dumps({"count": 10**6} | task) + "\n")
    process.stdin.flush()
    child = 0
    said: list[list[str]] = []
    while True:
        if wait is not None and child and len(said) >= lines:
            time.sleep(wait)
            os.kill(child, signal.SIGKILL)
            wait = None
        words = process.stdout.readline().split()
        if words[0] == "ended":
            assert words[1] == ("0" if "count" in task else "-9")
            return said
        if words[0].isdecimal():
            child = int(words[0])
        else:
            said.append(words)


@posix_only
@pytest.mark.parametrize(
    ("kinds", "kills", "longest"),
    [(["add", "retract"], 170, 0.06), (["load"], 30, 0.2), (["load", "tables"], 12, 4)],
)
def test_a_killed_process_leaves_what_it_acknowledged_and_nothing_by_halves(
    quick, tmp_path, kinds, kills, longest
):
    """Killed at 212 moments in all, while it opens, checks, records, changes the store, seals it and closes."""
    chance = random.Random(str(kinds))  # noqa: S311 - the same moments in each run
    stand: set[str] = set()
    acknowledged = 0
    with changer() as process:
        for seed in range(kills):
            lines, wait = chance.randrange(6), chance.choice((0.05, 0.3, 1)) * chance.uniform(0, longest)
            said = told(process, lines=lines, wait=wait, folder=str(quick), seed=seed, kinds=kinds)
            stand = verify(quick, said, stand)
            acknowledged += sum(word == "did" for word, *_ in said)
    assert acknowledged > kills / 4
    assert not list(inspect(quick))
    # What has no name in the ontology has another label in each process that reads it.
    kept, anew = (
        {line for line in found if "_:" not in line}
        for found in (content(quick), rebuilt(quick, tmp_path / "anew"))
    )
    assert kept == anew


def test_an_unsealed_base_is_read_where_nobody_can_seal_it(filled, monkeypatch):
    """Its last writer was killed, say; the marks in store and journal tell that nothing is missing."""
    before = content(filled)
    (filled / "store.seal").unlink()
    monkeypatch.setattr(writing.writing.__wrapped__, "__defaults__", (None, 0.1))
    with lock(filled / "journal" / "lock", 1):
        assert content(filled) == before
    assert broken(filled) is None
    assert content(filled) == before
    assert broken(filled, thorough=True) == []


# Behind, ahead, cut short.


def test_a_store_that_is_behind_catches_up_record_by_record(filled, tmp_path, monkeypatch):
    """Not by building it anew; adding, catching up and building anew lead to the same store."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("store", "store.seal"):
        _copy(filled / name, kept / name)
    with writing.writing(filled) as writer:
        for name in ("g", "hh", "iii"):
            add(writer, name)
        retract(writer, "a")
        retract(writer, "hh")
    after = content(filled)
    shutil.rmtree(filled / "store")
    for name in ("store", "store.seal"):
        _copy(kept / name, filled / name)
    monkeypatch.setattr(writing, "build_store", no_rebuild)
    assert content(filled) == after == rebuilt(filled, tmp_path / "anew")
    assert broken(filled, thorough=True) == []


def _copy(old: Path, new: Path) -> None:
    (shutil.copytree if old.is_dir() else shutil.copy)(old, new)


def test_what_is_withdrawn_stays_on_record_with_time_and_reason(filled):
    claim = claim_of("b")
    with writing.reading(filled) as store:
        said = {quad.predicate: quad.object.value for quad in store.quads(claim, None, None, CLAIMS)}
        assert store.count(claim) == 1
        inner, outer = edge("b")
        shared = any(edge(name) == (inner, outer) for name in "acdef")
        assert store.contains(Quad(place(inner), LOCATED, place(outer), VIEW)) == shared
    assert said[iri("skos:changeNote")] == "for the test"
    assert said[iri("prov:invalidatedAtTime")] > said[iri("prov:generatedAtTime")]


def test_withdrawing_again_changes_nothing_when_the_store_is_built_anew(filled, tmp_path):
    before = content(filled)
    with Journal.open(filled / "journal", write=True) as journal:
        journal.append(Withdraw((claim_of("b"), claim_of("b")), "again"))
    assert content(filled) == before == rebuilt(filled, tmp_path / "anew")


def test_a_base_whose_journal_is_cut_short_opens_with_all_complete_records(small, tmp_path):
    """Cut at moments all over its last two records, which the store does not hold yet, as after a crash."""
    store = shutil.copytree(small / "store", tmp_path / "store")
    _copy(small / "store.seal", tmp_path / "seal")
    contents, ends = [content(small)], [(small / "journal" / "log").stat().st_size]
    for change, name in ((add, "a"), (retract, "a")):
        with writing.writing(small) as writer:
            change(writer, name)
        contents.append(content(small))
        ends.append((small / "journal" / "log").stat().st_size)
    log = (small / "journal" / "log").read_bytes()
    chance = random.Random(7)  # noqa: S311 - the same places in each run
    for cut in sorted(
        {*ends, *(end - 1 for end in ends[1:]), *(chance.randrange(ends[0], ends[-1]) for _ in range(20))}
    ):
        shutil.rmtree(small / "store")
        shutil.copytree(store, small / "store")
        _copy(tmp_path / "seal", small / "store.seal")
        (small / "journal" / "log").write_bytes(log[:cut])
        assert content(small) == contents[sum(end <= cut for end in ends[1:])]


# Flipped bytes.


def flip(path: Path, position: int, bit: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bit
    path.write_bytes(data)


def places_in(path: Path, most: int) -> list[int]:
    """Return places all over a file, the same in each run: both its ends and some between."""
    size = path.stat().st_size
    chance = random.Random(path.suffix)  # noqa: S311 - the same places in each run
    return sorted({0, size - 1, *(chance.randrange(size) for _ in range(most))}) if size else []


def test_a_flipped_byte_anywhere_in_the_journal_is_found_and_named(filled):
    """Unless it changes nothing: a compressed file has a few bits that stand for no content."""
    assert list(inspect(filled)) == []
    files = [filled / "journal" / "log", *(filled / "journal" / "loads").iterdir()]
    for path in files:
        for position in places_in(path, 60):
            whole = path.read_bytes()
            flip(path, position, 1 << position % 8)
            findings = list(inspect(filled))
            if path.suffix == ".gz" and not findings:
                assert gzip.decompress(path.read_bytes()) == gzip.decompress(whole)
                path.write_bytes(whole)
                continue
            finding = findings[0]
            assert finding.code == "damaged-journal"
            assert finding.place.file == str(path)
            if path.name == "log" and position >= len("parley-journal 2\n"):
                number = whole[: position + 1].count(b"\nrecord ")
                assert f"record {number} is damaged" in finding.message
            path.write_bytes(whole)
    assert list(inspect(filled)) == []


def test_a_flipped_byte_anywhere_in_the_store_is_found_and_named(filled):
    with writing.writing(filled) as writer:
        add(writer, "g")  # so that there is something in the store's own log
    passing = re.compile(r"LOCK|LOG.*")
    files = [path for path in (filled / "store").iterdir() if not passing.fullmatch(path.name)]
    kinds = {path.suffix or path.name.partition("-")[0] for path in files}
    assert kinds >= {".sst", ".log", "MANIFEST", "CURRENT", "OPTIONS", "IDENTITY"}
    for path in [*files, filled / "store.seal"]:
        for position in places_in(path, 8):
            whole = path.read_bytes()
            flip(path, position, 1 << position % 8)
            (finding,) = inspect(filled)
            assert finding.code == "damaged-store"
            assert finding.message == f"{path.name} is damaged"
            path.write_bytes(whole)
    assert list(inspect(filled)) == []


@pytest.mark.parametrize("kind", ["MANIFEST-*", "CURRENT", "OPTIONS-*", "IDENTITY", "*.log", "../store.seal"])
def test_a_damaged_file_that_opening_reads_is_named_and_the_store_built_again(filled, kind, caplog):
    before = content(filled)
    with writing.writing(filled) as writer:
        add(writer, "g")
        retract(writer, "g")
    whole = content(filled)
    for position in (0, -1):
        path = max((filled / "store").glob(kind), key=lambda path: path.stat().st_size)
        flip(path, position)
        caplog.clear()
        assert content(filled) == whole
        (warning,) = caplog.messages
        assert f"{path.name} is damaged; it is built anew from the journal" in warning
        assert broken(filled, thorough=True) == []
    assert whole > before


@pytest.mark.parametrize("harm", ["missing", "longer", "of another time", "one too many"])
def test_files_that_are_not_those_that_were_sealed_are_named(filled, harm, caplog):
    before = content(filled)
    path = max((filled / "store").glob("*.sst"), key=lambda path: path.stat().st_size)
    if harm == "missing":
        path.unlink()
        said = f"{path.name} is missing"
    elif harm == "longer":
        path.write_bytes(path.read_bytes() + b"x")
        said = f"{path.name} is damaged"
    elif harm == "of another time":
        old = (filled / "store" / "CURRENT").read_bytes()
        (filled / "store" / "CURRENT").write_bytes(old.replace(b"MANIFEST-0", b"MANIFEST-1"))
        said = "CURRENT is damaged"
    else:
        (filled / "store" / "000999.sst").touch()
        said = "000999.sst does not belong there"
    assert content(filled) == before
    assert said in caplog.messages[0]


def largest(folder: Path, turn: int) -> Path:
    paths = sorted((folder / "store").glob("*.sst"), key=lambda path: -path.stat().st_size)
    return paths[turn % len(paths)]


def test_a_damaged_block_is_noticed_when_it_is_read_and_the_store_is_built_again(filled, caplog):
    """The data files are too large to be read whenever a base is opened. A block that nobody reads does no harm."""
    before, met = content(filled), []
    for turn in range(8):
        path = largest(filled, turn)
        flip(path, 10)
        try:
            found = content(filled)
        except DamagedStore as error:
            met.append((str(error), path.name))
            found = content(filled)
        assert found == before
        if caplog.messages:
            assert f"{path.name} is damaged; it is built anew" in caplog.messages[0]
        else:
            (finding,) = inspect(filled)
            assert finding.message == f"{path.name} is damaged"
            flip(path, 10)
        caplog.clear()
    assert met
    remedy = "try again: the store is then built anew from the journal"
    for said, name in met:
        assert said == f"{filled / 'store'}: {name} is damaged; {remedy}"


def test_damage_that_a_writer_meets_refuses_the_change_and_nothing_is_recorded(filled):
    known, met = content(filled), []
    for turn in range(6):
        log = (filled / "journal" / "log").read_bytes()
        path = largest(filled, turn)
        flip(path, 10)
        try:
            with writing.writing(filled) as writer:
                assert len(list(writer.store.quads())) >= len(known)
                add(writer, f"g{turn}")
        except DamagedStore as error:
            met.append((str(error), path.name))
            assert (filled / "journal" / "log").read_bytes() == log
            assert content(filled) == known
        if broken(filled, thorough=True):
            rebuild(filled)
        assert content(filled) >= known
        known = content(filled)
    assert met
    assert all(name in said for said, name in met)


def test_a_damaged_store_with_a_damaged_journal_is_refused_and_both_are_kept(filled):
    flip(filled / "store" / "CURRENT", 3)
    flip(filled / "journal" / "log", 300)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"record \d is damaged; put the journal back from a copy"):
            content(filled)
    assert {finding.code for finding in inspect(filled)} == {"damaged-journal", "damaged-store"}


def test_a_damaged_store_is_not_thrown_away_while_the_journal_cannot_build_another(filled):
    flip(filled / "store" / "CURRENT", 3)
    kept = next((filled / "journal" / "loads").iterdir())
    flip(kept, 40)
    with pytest.raises(StoreError, match="a loaded file is damaged"):
        content(filled)
    assert (filled / "store" / "CURRENT").is_file()
    flip(kept, 40)
    assert content(filled)


# Order on the disk.


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_the_journal_is_synced_before_a_change_is_acknowledged(small):
    command = ["strace", "-f", "-y", "-e", "trace=write,fsync,fdatasync", sys.executable, str(CHANGER)]
    traced = subprocess.run(
        command,
        input=json.dumps({"folder": str(small), "seed": 1, "kinds": ["add", "retract"], "count": 5}) + "\n",
        env=os.environ | {"PYTHONPATH": str(CHANGER.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    if traced.returncode != 0:
        pytest.skip(f"strace cannot trace here: {traced.stderr.splitlines()[0]}")
    steps = re.findall(
        r'(write)\(\d+<[^>]*/journal/log>, "record|(sync)\(\d+<[^>]*/journal/log>|write\(1<[^>]*>, "(did)',
        traced.stderr,
    )
    order = "".join("w" if record else "s" if sync else "a" for record, sync, _ in steps)
    assert order == "wsa" * (len(order) // 3)
    assert len(order) >= 9


# Many at once.


@posix_only
def test_eight_threads_and_two_processes_that_add_at_once_lose_nothing(small, tmp_path):
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(2):
                with writing.writing(small, patience=120) as writer:
                    add(writer, f"t{number}x{turn}")
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must know
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with changer() as one, changer() as two:
        for seed, process in enumerate((one, two)):
            task = {"folder": str(small), "seed": seed, "kinds": ["add"], "count": 6}
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        said = [line.split() for process in (one, two) for line in iter(process.stdout.readline, "ended 0\n")]
    assert failed == []
    names = {names[0] for word, *rest in said if word == "did" for _, *names in [rest]}
    assert len(names) == 12
    with writing.reading(small) as store:
        assert set(standing_names(store)) == names | {f"t{n}x{turn}" for n in range(8) for turn in range(2)}
    assert content(small) == rebuilt(small, tmp_path / "anew")


def test_while_a_writer_only_looks_others_may_read(small):
    with writing.writing(small) as writer:
        before = content(small)
        add(writer, "a")
        assert standing_names(writer.store) == ["a"]
    assert content(small) > before


# A full disk.


@pytest.fixture
def tiny_disk(_empty, tmp_path) -> Iterator[Path]:
    """Return a base on a disk of 16 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no file system may be mounted here")
    try:
        yield shutil.copytree(_empty, disk / "base")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill_up(disk: Path, left: int) -> Path:
    """Fill a disk with a file until only ``left`` bytes are free."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - left, 1))
    return path


@pytest.mark.parametrize("left", [0, 8_000, 40_000, 150_000, 250_000, 300_000, 350_000, 450_000, 700_000])
def test_a_full_disk_refuses_and_keeps_what_was_there_until_there_is_space(tiny_disk, left):
    """Wherever it fills up: before the base is open, in the journal, in the store, while it is closed."""
    with writing.writing(tiny_disk) as writer:
        add(writer, "a")
    log = tiny_disk / "journal" / "log"
    held = content(tiny_disk)
    filler = fill_up(tiny_disk.parent, left)
    refused, before, added = None, log.read_bytes(), []
    for number in range(400):
        try:
            with writing.writing(tiny_disk) as writer:
                for turn in range(20):
                    before = log.read_bytes()
                    add(writer, f"b{number}x{turn}")
                    added.append(f"b{number}x{turn}")
        except StoreError as error:
            refused = error
            break
    assert refused is not None
    assert "No space left" in str(refused)
    assert log.read_bytes() == before
    with writing.reading(tiny_disk) as store:
        assert set(standing_names(store)) == {"a", *added}
    filler.unlink()
    with writing.writing(tiny_disk) as writer:
        add(writer, "c")
    with writing.reading(tiny_disk) as store:
        assert set(standing_names(store)) == {"a", "c", *added}
    assert content(tiny_disk) > held
    assert list(inspect(tiny_disk)) == []


def test_a_load_for_which_there_is_no_space_leaves_the_base_as_it_was(tiny_disk):
    held, log = content(tiny_disk), (tiny_disk / "journal" / "log").read_bytes()
    path = tiny_disk.parent / "many.nq"
    path.write_text("".join(as_text(proposal(f"m{number}")) for number in range(500)))
    filler = fill_up(tiny_disk.parent, 300_000)
    with pytest.raises(StoreError, match="No space left"):
        load(tiny_disk, [path], gate().admit)
    assert (tiny_disk / "journal" / "log").read_bytes() == log
    filler.unlink()
    assert content(tiny_disk) == held
    load(tiny_disk, [path], gate().admit)
    assert len(content(tiny_disk)) > len(held) + 500


# Copies, and what is made anew.


def test_files_that_were_loaded_together_are_one_record(filled):
    *_, last = Journal.open(filled / "journal").records()
    assert isinstance(last.entry, Load)
    assert [kept.name for kept in last.entry.files] == ["e.nq", "f.nq"]


def test_a_backup_is_a_base_of_its_own_even_of_one_that_is_being_written_to(filled, tmp_path):
    before = content(filled)
    with writing.writing(filled) as writer:
        backup(filled, tmp_path / "before")
        add(writer, "g")
        backup(filled, tmp_path / "after")
    shutil.rmtree(filled / "journal")
    assert content(tmp_path / "before") == before
    assert content(tmp_path / "after") > before
    with writing.writing(tmp_path / "before") as writer:
        add(writer, "h")
    assert list(inspect(tmp_path / "before")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after", "before", "e.nq", "f.nq", "small"]


def test_a_backup_goes_nowhere_where_something_is_and_takes_nothing_that_is_damaged(filled, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(StoreError, match="there is something already"):
        backup(filled, tmp_path / "mine")
    with pytest.raises(StoreError, match="no base here"):
        backup(tmp_path / "mine", tmp_path / "copy")
    flip(next((filled / "journal" / "loads").iterdir()), 30)
    with pytest.raises(StoreError, match="a loaded file is damaged"):
        backup(filled, tmp_path / "copy")
    flip(filled / "journal" / "log", 500)
    with pytest.raises(StoreError, match=r"record \d is damaged"):
        backup(filled, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_rebuild_makes_a_store_that_holds_the_same(filled):
    before, files = content(filled), {path.name for path in (filled / "store").glob("*.sst")}
    rebuild(filled)
    assert content(filled) == before
    assert {path.name for path in (filled / "store").glob("*.sst")} != files


def test_a_rebuild_accepts_a_journal_that_has_lost_records(filled, tmp_path):
    """As after it was put back from an older copy: without being asked for, nothing acknowledged is given up."""
    backup(filled, tmp_path / "older")
    with writing.writing(filled) as writer:
        add(writer, "g")
    shutil.rmtree(filled / "journal")
    shutil.copytree(tmp_path / "older" / "journal", filled / "journal")
    with pytest.raises(StoreError, match=r"record \d is missing; put the journal back"):
        content(filled)
    rebuild(filled)
    assert content(filled) == content(tmp_path / "older")


@posix_only
def test_what_a_killed_init_leaves_is_cleared_by_the_next_and_what_another_makes_is_not(tmp_path):
    """Each makes its base in a folder beside the place, which is locked meanwhile."""
    left, busy, other = (tmp_path / f".{name}.unfinished" for name in ("new.1", "new.2", "newer.3"))
    for path in (left, busy, other):
        (path / "journal").mkdir(parents=True)
        (path / "making.lock").touch()
    with lock(busy / "making.lock", 0):
        make(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [busy.name, other.name, "new"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "format",
        "journal",
        "store",
        "store.lock",
        "store.seal",
    ]


def test_opening_reads_neither_journal_nor_data_files_whole(filled, monkeypatch):
    """What is read does not grow with the base: the seal, the small files, and the journal from the store's mark."""
    log = filled / "journal" / "log"
    flip(log, 200)
    with writing.reading(filled) as store, writing.writing(filled) as writer:
        assert store.count(VIEW) == writer.store.count(VIEW)
    monkeypatch.setattr(building, "build_store", no_rebuild)
    with writing.writing(filled) as writer:
        quad = Quad(NamedNode("urn:x"), iri("rdfs:label"), place(1), REFERENCE)
        change, _ = addition([quad], writer.time, writer.store, rulebook())
        writer.commit(Add(as_text([quad])), change)
    with pytest.raises(StoreError, match="record 1 is damaged"):
        Journal.open(filled / "journal")
