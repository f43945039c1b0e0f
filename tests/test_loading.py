"""What is much is loaded in tables: the same enters as in memory, and what is cut short leaves nothing by halves."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_durability import content

from kg.bases import building, replacing, writing
from kg.bases.upkeep import load, rebuild
from kg.errors import Refused, StoreError
from kg.gate.checking import gate
from kg.loading.faults import findings_written
from kg.storage.journal import Journal
from kg.storage.seal import broken
from tests.durability.changer import as_text, claim_of, proposal, retract


class _CutShort(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return two files with three claims each."""
    made = [tmp_path / f"{name}.nq" for name in "mn"]
    for path in made:
        path.write_text("".join(as_text(proposal(f"{path.stem}{number}")) for number in range(3)))
    return made


@pytest.fixture(autouse=True)
def _in_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "LARGE", 0)


@pytest.fixture(scope="module")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty") / "base"
    folder.mkdir()
    Journal.create(folder / "journal")
    building.build_store(folder)
    return folder


@pytest.fixture
def small(_empty: Path, tmp_path: Path) -> Path:
    """Return the folder of a base that holds nothing yet but what follows from the ontology."""
    return shutil.copytree(_empty, tmp_path / "small")


def test_a_load_says_how_much_it_was_and_how_long_each_step_took(small, files):
    told: list[str] = []
    loaded = load(small, files, gate().admit, told.append)
    quads = sum(len(path.read_text().splitlines()) for path in files)
    with writing.reading(small) as store:
        held = store.count(building.VIEW)
    assert (loaded.files, loaded.quads, loaded.claims, loaded.held) == (("m.nq", "n.nq"), quads, 6, held)
    assert {message.partition(":")[0] for message in told} <= loaded.seconds.keys()
    assert all(seconds >= 0 for seconds in loaded.seconds.values())
    assert f"reading: {quads // 2} quads of {files[0]}" in told


def test_the_same_store_comes_of_loading_in_memory_in_tables_and_of_building_it_anew(
    small, files, tmp_path, monkeypatch
):
    other = shutil.copytree(small, tmp_path / "other")
    load(other, files[:1], gate().admit)
    with writing.writing(other) as writer:
        retract(writer, "m1")
    load(other, files[1:], gate().admit)
    rebuild(other)
    monkeypatch.setattr(building, "LARGE", 10**9)
    load(small, files, gate().admit)
    with writing.writing(small) as writer:
        retract(writer, "m1")
    timeless = [{line for line in content(base) if "AtTime" not in line} for base in (small, other)]
    assert timeless[0] == timeless[1]
    before = content(other)
    rebuild(other)
    assert content(other) == before


def _at_append(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", _ended)


def _after_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "put_in_place", _ended)


def _ended(*_: object, **__: object) -> None:
    raise _CutShort


def _at_rename(number: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what ends the process at the so-manieth change of a name while the new store is put in its place."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        original, count = replacing.put_in_place, [0]

        def counted(method: Callable[..., Path]) -> Callable[..., Path]:
            def wrapped(self: Path, target: Path) -> Path:
                count[0] += 1
                if count[0] == number:
                    raise _CutShort
                return method(self, target)

            return wrapped

        def put(folder: Path) -> None:
            with pytest.MonkeyPatch.context() as inner:
                for name in ("rename", "replace"):
                    inner.setattr(Path, name, counted(getattr(Path, name)))
                original(folder)

        monkeypatch.setattr(writing, "put_in_place", put)

    return patch


@pytest.mark.parametrize(
    ("cut", "recorded"),
    [(_at_append, False), (_after_recording, True), *((_at_rename(number), True) for number in (1, 2, 3, 4))],
)
def test_a_load_that_is_cut_short_was_not_or_goes_on_where_it_was(small, files, cut, recorded):
    """Once it is recorded, the store that was finished is taken; nothing is read or derived a second time."""
    before = content(small)
    with pytest.MonkeyPatch.context() as monkeypatch:
        cut(monkeypatch)
        with pytest.raises(_CutShort):
            load(small, files, gate().admit)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(building, "Draft", _ended)
        after = content(small)
    assert (after > before) if recorded else (after == before)
    load(small, files, gate().admit)
    assert {str(claim_of(f"{name}{number}")) for name in "mn" for number in range(3)} <= {
        line.split(" ")[0] for line in content(small)
    }
    assert broken(small, thorough=True) == []
    assert not (small / "store.new").exists()
    assert not (small / "store.old").exists()


def test_while_much_is_loaded_the_base_is_read_as_it_was(small, files):
    before = content(small)
    seen: list[bool] = []

    def look(message: str) -> None:
        if random.Random(message).random() < 0.2 and not message.startswith("putting"):  # noqa: S311 - some of them
            seen.append(content(small) == before)

    load(small, files, gate().admit, look)
    assert len(seen) > 1
    assert all(seen)
    assert content(small) > before


def test_what_is_recorded_stays_when_readers_keep_the_old_store(small, files, monkeypatch):
    before = content(small)
    monkeypatch.setattr(replacing, "PATIENCE", 0.1)
    with (
        writing.read_lock(small),
        pytest.raises(StoreError, match="is loaded, but others kept the old store open"),
    ):
        load(small, files, gate().admit)
    assert content(small) > before
    assert not broken(small, thorough=True)
    rebuild(small)  # which needs the files that the journal names
    assert {str(claim_of(f"m{number}")) for number in range(3)} <= {
        one.split(" ")[0] for one in content(small)
    }


def test_an_interrupt_leaves_no_file_and_no_store_behind(small, files):
    def admit(*_: object) -> None:
        raise KeyboardInterrupt

    before, kept = content(small), sorted((small / "journal" / "loads").iterdir())
    with pytest.raises(KeyboardInterrupt):
        load(small, files, admit)
    assert sorted((small / "journal" / "loads").iterdir()) == kept
    assert not (small / replacing.FRESH).exists()
    assert content(small) == before


def test_a_file_that_changes_while_it_is_loaded_is_refused(small, files):
    """It is read more than once: what was checked, what is kept and what is stored must be the same."""
    before = content(small)

    def admit(entering, progress):
        files[1].write_bytes(files[1].read_bytes() + b"\n")
        gate().admit(entering, progress)

    with pytest.raises(StoreError, match=r"n\.nq: was changed while it was loaded; load it again"):
        load(small, files, admit)
    assert content(small) == before
    assert load(small, files, gate().admit).claims == 6


def test_a_refusal_names_every_claim_with_a_fault(small, files):
    text = files[0].read_text()
    files[0].write_text(
        text.replace('"As m0 has it', '"As m has it').replace('"As m2 has it', '"So m2 has it')
    )
    before, kept = content(small), sorted((small / "journal" / "loads").iterdir())
    with pytest.raises(Refused, match=r"\(and \d+ more\)") as refusal:
        load(small, files, gate().admit)
    named = {str(finding.focus) for finding in refusal.value.findings}
    assert {str(claim_of("m0")), str(claim_of("m2"))} & named
    lines = findings_written(refusal.value).splitlines()
    assert lines[0] == "about\tcode\treason\tremedy"
    assert len(lines) == len(refusal.value.findings) + 1
    assert content(small) == before
    assert sorted((small / "journal" / "loads").iterdir()) == kept
