"""The journal keeps every record, notices every change to it, and never acknowledges what is not on the disk."""

import gzip
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import NamedNode, RdfFormat

from kg.errors import StoreError, UnreadableInput, UsageError
from kg.storage.journal import Add, Journal, Kept, Load, Mark, Withdraw

START = datetime(2020, 3, 6, 10, tzinfo=UTC)
FACT = "<urn:a> <urn:b> <urn:c> <urn:g> .\n"
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX processes and limits")


def ticking():
    """Return a clock that is a second later at every look."""
    seconds = iter(range(10**6))
    return lambda: START + timedelta(seconds=next(seconds))


def journal_of(folder, *entries):
    Journal.create(folder)
    with Journal.open(folder, write=True, clock=ticking()) as journal:
        return [journal.append(entry) for entry in entries]


def entries_in(folder):
    return [record.entry for record in Journal.open(folder).records()]


iris = st.integers(0, 10**6).map(lambda number: NamedNode(f"urn:claim:{number}"))
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
files = st.builds(
    Kept,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(0, 2**40),
    st.sampled_from([RdfFormat.TURTLE, RdfFormat.TRIG, RdfFormat.N_QUADS, RdfFormat.JSON_LD]),
    text,
    st.none() | iris,
)
entries = st.one_of(
    text.map(Add),
    st.builds(Withdraw, st.lists(iris, max_size=3).map(tuple), text),
    st.builds(Load, st.lists(files, max_size=3).map(tuple)),
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(entries, max_size=6))
def test_any_records_read_back_as_they_were_written(written):
    with tempfile.TemporaryDirectory() as folder:
        records = journal_of(Path(folder) / "journal", *written)
        journal = Journal.open(Path(folder) / "journal")
        assert list(journal.records()) == records
        assert [record.entry for record in records] == written
        assert [record.number for record in records] == list(range(1, len(written) + 1))
        assert journal.last == (records[-1] if records else None)
        assert not journal.torn


def test_a_record_has_the_time_of_the_clock_in_utc(tmp_path):
    Journal.create(tmp_path / "j")
    east = datetime.fromisoformat("2020-03-06T13:00:00.25+03:00")
    with Journal.open(tmp_path / "j", write=True, clock=lambda: east) as journal:
        journal.append(Add(FACT))
    assert Journal.open(tmp_path / "j").last.time.isoformat() == "2020-03-06T10:00:00.250000+00:00"


def test_the_log_is_text_as_the_documentation_shows_it(tmp_path):
    journal_of(tmp_path / "j", Add(FACT), Withdraw((NamedNode("urn:claim:1"),), "quoted twice"))
    log = (tmp_path / "j" / "log").read_text(encoding="utf-8")
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert log in page


def test_a_crash_in_the_last_record_costs_that_record_only(tmp_path):
    """Cut at every byte of the last record, the journal opens with all the others, and goes on."""
    whole = journal_of(tmp_path / "j", Add(FACT), Withdraw((), "x"), Add("é\n" * 3))
    log = (tmp_path / "j" / "log").read_bytes()
    last = log.index(b"record 3 ")
    for cut in range(last, len(log)):
        (tmp_path / "j" / "log").write_bytes(log[:cut])
        journal = Journal.open(tmp_path / "j")
        assert list(journal.records()) == whole[:2]
        assert journal.torn == (cut > last)
    with Journal.open(tmp_path / "j", write=True) as journal:
        journal.append(Add("after"))
    assert entries_in(tmp_path / "j") == [whole[0].entry, whole[1].entry, Add("after")]
    assert not Journal.open(tmp_path / "j").torn


def test_any_changed_byte_is_noticed_and_its_record_named(tmp_path):
    """Wherever a byte is changed, the last record included, opening names the file and the record."""
    journal_of(tmp_path / "j", Add(FACT), Withdraw((NamedNode("urn:c"),), "r"), Add("x"), Add("y\n"))
    log = (tmp_path / "j" / "log").read_bytes()
    starts = [found.start() for found in re.finditer(rb"^record ", log, re.MULTILINE)]
    for place in range(len(log)):
        number = sum(start <= place for start in starts)
        for change in (0x01, 0x0A ^ 0x20, 0x80):
            changed = bytearray(log)
            changed[place] ^= change
            (tmp_path / "j" / "log").write_bytes(changed)
            with pytest.raises(StoreError) as refused:
                Journal.open(tmp_path / "j")
            if number:
                assert f"record {number} is damaged" in str(refused.value)
            assert str(tmp_path / "j" / "log") in str(refused.value)


@pytest.mark.parametrize("removed", [1, 2])
def test_a_record_cannot_be_left_out(tmp_path, removed):
    journal_of(tmp_path / "j", Add("1\n"), Add("2\n"), Add("3\n"))
    log = (tmp_path / "j" / "log").read_bytes()
    start, end = log.index(b"record %d " % removed), log.index(b"record %d " % (removed + 1))
    (tmp_path / "j" / "log").write_bytes(log[:start] + log[end:])
    with pytest.raises(StoreError, match=f"record {removed} is damaged"):
        Journal.open(tmp_path / "j")


def test_records_cannot_change_places(tmp_path):
    journal_of(tmp_path / "j", Add("a\n"), Add("b\n"), Add("c\n"))
    log = (tmp_path / "j" / "log").read_bytes()
    one, two, three = (log.index(b"record %d " % number) for number in (1, 2, 3))
    (tmp_path / "j" / "log").write_bytes(log[:one] + log[two:three] + log[one:two] + log[three:])
    with pytest.raises(StoreError, match="record 1 is damaged"):
        Journal.open(tmp_path / "j")


def test_a_journal_of_a_newer_format_is_refused(tmp_path):
    journal_of(tmp_path / "j", Add(FACT))
    log = tmp_path / "j" / "log"
    log.write_bytes(log.read_bytes().replace(b"parley-journal 2\n", b"parley-journal 3\n"))
    with pytest.raises(StoreError, match="made by a newer Parley; upgrade"):
        Journal.open(tmp_path / "j")


def test_what_is_missing_or_there_already_is_said(tmp_path):
    with pytest.raises(StoreError, match="no journal here"):
        Journal.open(tmp_path / "j")
    Journal.create(tmp_path / "j")
    with pytest.raises(StoreError, match="a journal already"):
        Journal.create(tmp_path / "j")
    with pytest.raises(UsageError, match="for reading only"):
        Journal.open(tmp_path / "j").append(Add(FACT))
    with Journal.open(tmp_path / "j", write=True) as journal, pytest.raises(UnreadableInput, match="Unicode"):
        journal.append(Add("\ud800"))
    assert entries_in(tmp_path / "j") == []


def test_from_a_mark_only_what_follows_is_read(tmp_path):
    """A journal opened after a mark reads the later records, even where an earlier one is damaged."""
    journal_of(tmp_path / "j", Add("1\n"), Add("2\n"))
    mark = Journal.open(tmp_path / "j").mark
    with Journal.open(tmp_path / "j", write=True, after=mark, clock=ticking()) as journal:
        assert journal.last is None
        third = journal.append(Add("3\n"))
    log = tmp_path / "j" / "log"
    log.write_bytes(log.read_bytes().replace(b"\n1\n", b"\n9\n"))
    assert list(Journal.open(tmp_path / "j", after=mark).records()) == [third]
    with pytest.raises(StoreError, match="record 1 is damaged"):
        Journal.open(tmp_path / "j", after=Mark(2, mark.offset, "0" * 64))


def test_a_mark_that_is_not_of_this_journal_is_passed_over_unless_records_are_missing(tmp_path):
    """A sound journal is read from its beginning then; one that ends before the mark has lost something."""
    whole = journal_of(tmp_path / "j", Add("1\n"), Add("2\n"))
    journal = Journal.open(tmp_path / "j", after=Mark(2, whole[0].end, "0" * 64))
    assert journal.start.number == 0
    assert list(journal.records()) == whole
    assert Journal.open(tmp_path / "j", after=lambda: whole[0].mark).start == whole[0].mark
    with pytest.raises(StoreError, match="record 9 is missing"):
        Journal.open(tmp_path / "j", after=Mark(9, 10**6, "0" * 64))


def test_the_last_record_can_be_taken_back_once(tmp_path):
    first = journal_of(tmp_path / "j", Add("1\n"))
    before = (tmp_path / "j" / "log").read_bytes()
    with Journal.open(tmp_path / "j", write=True, after=first[0].mark) as journal:
        journal.append(Add("2\n"))
        journal.undo()
        assert (tmp_path / "j" / "log").read_bytes() == before
        assert journal.mark == first[0].mark
        with pytest.raises(UsageError, match="no new record"):
            journal.undo()
        again = journal.append(Add("3\n"))
    assert list(Journal.open(tmp_path / "j").records()) == [*first, again]


FIRST_FORMAT = Path(__file__).parent / "journal" / "format-1"


def test_a_journal_of_the_first_format_is_read_and_renewed_when_it_is_written_to(tmp_path):
    """What it holds stays: entries, numbers and times; the chain of checksums is a new one."""
    folder = shutil.copytree(FIRST_FORMAT, tmp_path / "j")
    old = list(Journal.open(folder).records())
    assert [type(record.entry) for record in old] == [Add, Load, Withdraw]
    (kept,) = old[1].entry.files
    assert (kept.name, kept.graph) == ("facts.ttl", NamedNode("urn:g"))
    assert Journal.open(folder).content(kept).read() == b"<urn:a> <urn:b> 1.10 .\n"
    assert Journal.open(folder, after=old[1].mark).last == old[2]
    with Journal.open(folder, write=True, after=old[1].mark, clock=ticking()) as journal:
        journal.append(Load((kept, kept)))
    assert (folder / "log").read_bytes().startswith(b"parley-journal 2\n")
    new = list(Journal.open(folder).records())
    assert [(r.number, r.time, r.entry) for r in new[:3]] == [(r.number, r.time, r.entry) for r in old]
    assert new[3].entry == Load((kept, kept))


def test_a_copy_holds_the_records_and_their_files_and_nothing_unfinished(tmp_path):
    Journal.create(tmp_path / "j")
    with Journal.open(tmp_path / "j", write=True, clock=ticking()) as journal:
        journal.append(Load((journal.keep(io.BytesIO(FACT.encode()), RdfFormat.N_QUADS, "facts.nq"),)))
        journal.keep(io.BytesIO(b"# no record came of it"), RdfFormat.N_QUADS, "lost.nq")
        with (tmp_path / "j" / "log").open("ab") as log:
            log.write(b"record 2 add 2020")
        Journal.open(tmp_path / "j").copy(tmp_path / "copy")
    (record,) = Journal.open(tmp_path / "copy").records()
    assert Journal.open(tmp_path / "copy").content(record.entry.files[0]).read() == FACT.encode()
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*")) == [
        f"{record.entry.files[0].sha256}.gz",
        "loads",
        "log",
    ]


def test_a_bulk_file_is_kept_as_it_was(tmp_path):
    content = b"<urn:a> <urn:b> 1 .\n" * 1000
    Journal.create(tmp_path / "j")
    with Journal.open(tmp_path / "j", write=True) as journal:
        kept = journal.keep(io.BytesIO(content), RdfFormat.TURTLE, "facts.ttl", NamedNode("urn:g"))
        again = journal.keep(io.BytesIO(content), RdfFormat.TURTLE, "facts.ttl", NamedNode("urn:g"))
        journal.append(Load((kept,)))
    assert Journal.open(tmp_path / "j").last.entry == Load((again,))
    with Journal.open(tmp_path / "j").content(kept) as file:
        assert file.read() == content
    assert [path.name for path in (tmp_path / "j" / "loads").iterdir()] == [f"{kept.sha256}.gz"]


def test_two_bases_compress_a_bulk_file_to_the_same_bytes(tmp_path):
    kept = []
    for name in ("a", "b"):
        Journal.create(tmp_path / name)
        with Journal.open(tmp_path / name, write=True) as journal:
            load = journal.keep(io.BytesIO(FACT.encode() * 50), RdfFormat.N_QUADS, f"{name}.nq")
        kept.append((tmp_path / name / "loads" / f"{load.sha256}.gz").read_bytes())
    assert kept[0] == kept[1]
    assert gzip.decompress(kept[0]) == FACT.encode() * 50


@pytest.mark.parametrize("harm", ["missing", "shorter", "other", "flipped"])
def test_a_bulk_file_that_is_not_what_was_loaded_is_refused(tmp_path, harm):
    Journal.create(tmp_path / "j")
    with Journal.open(tmp_path / "j", write=True) as journal:
        load = journal.keep(io.BytesIO(FACT.encode() * 500), RdfFormat.N_QUADS, "facts.nq")
    path = tmp_path / "j" / "loads" / f"{load.sha256}.gz"
    data = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {
                "shorter": data[:-20],
                "other": gzip.compress(b"other"),
                "flipped": data[:40] + bytes([data[40] ^ 1]) + data[41:],
            }[harm]
        )
    with pytest.raises(
        StoreError, match=f"a loaded file is (missing|damaged); put facts.nq back|{path.name}"
    ):
        journal.content(load)


HOLDER = """
import sys, pathlib
from kg.storage.journal import Journal
with Journal.open(pathlib.Path(sys.argv[1]), write=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_writers_exclude_each_other(tmp_path):
    """A second process is told which process holds the lock; once that has ended, it gets it."""
    Journal.create(tmp_path / "j")
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "j")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(StoreError, match=f"locked by process {holder.pid}; wait"):
            Journal.open(tmp_path / "j", write=True, patience=0.1)
        assert Journal.open(tmp_path / "j").last is None  # a reader needs no lock
        holder.kill()
        holder.wait()
        Journal.open(tmp_path / "j", write=True, patience=5).close()


def test_a_journal_that_could_not_be_opened_lets_go_of_the_lock(tmp_path):
    journal_of(tmp_path / "j", Add(FACT))
    log = tmp_path / "j" / "log"
    good = log.read_bytes()
    log.write_bytes(good.replace(b"urn:a", b"urn:z"))
    with pytest.raises(StoreError):
        Journal.open(tmp_path / "j", write=True)
    log.write_bytes(good)
    Journal.open(tmp_path / "j", write=True, patience=0).close()


FULL = """
import io, resource, sys, pathlib
from pyoxigraph import RdfFormat
from kg.errors import StoreError
from kg.storage.journal import Add, Journal
folder = pathlib.Path(sys.argv[1])
with Journal.open(folder, write=True) as journal:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    for attempt in (lambda: journal.append(Add("x" * 100_000)),
                    lambda: journal.keep(io.BytesIO(bytes(range(256)) * 1000 + b"".join(
                        i.to_bytes(4, "big") for i in range(50_000))), RdfFormat.N_QUADS, "big.nq")):
        try:
            attempt()
        except StoreError as error:
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append(Add("small"))
"""


@posix_only
def test_a_full_disk_refuses_and_keeps_what_was_there(tmp_path):
    journal_of(tmp_path / "j", Add(FACT))
    command = [sys.executable, "-c", FULL, str(tmp_path / "j")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot be written (File too large); nothing was recorded") == 2
    assert entries_in(tmp_path / "j") == [Add(FACT), Add("small")]
    assert list((tmp_path / "j" / "loads").iterdir()) == []


KILLED = """
import sys, pathlib
from kg.storage.journal import Add, Journal
with Journal.open(pathlib.Path(sys.argv[1]), write=True) as journal:
    while True:
        print(journal.append(Add("fact " * 100)).number, flush=True)
"""


@posix_only
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path):
    Journal.create(tmp_path / "j")
    for _ in range(5):
        command = [sys.executable, "-c", KILLED, str(tmp_path / "j")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            for _ in range(20):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
            acknowledged = [line for line in writer.stdout.read().split(b"\n") if line]
        last = Journal.open(tmp_path / "j").last
        assert last.number >= int(acknowledged[-1] if acknowledged else 20)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_record_is_synced_before_it_is_acknowledged(tmp_path):
    Journal.create(tmp_path / "j")
    program = KILLED.replace("while True", "for _ in range(3)")
    traced = subprocess.run(
        ["strace", "-e", "trace=write,fsync,openat", sys.executable, "-c", program, str(tmp_path / "j")],
        capture_output=True,
        text=True,
        check=False,
    )
    if traced.returncode != 0:
        pytest.skip(f"strace cannot trace here: {traced.stderr.splitlines()[0]}")
    steps = re.findall(r'(write)\(\d+, "record|(fsync)\(|(write)\(1, "\d', traced.stderr)
    order = "".join("w" if record else "f" if sync else "a" for record, sync, _ in steps)
    assert order == "wfa" * 3


def test_the_documented_check_by_hand_agrees(tmp_path):
    """The program that docs/formats.md gives accepts a sound log and stumbles over a changed one."""
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
    program = page.partition("```python\n")[2].partition("```")[0]
    journal_of(tmp_path / "DIR" / "journal", Add(FACT), Add("é"), Withdraw((), "why"))
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    log = tmp_path / "DIR" / "journal" / "log"
    log.write_bytes(log.read_bytes().replace(b"why", b"who"))
    assert subprocess.run(command, cwd=tmp_path, check=False, stderr=subprocess.PIPE).returncode == 1
