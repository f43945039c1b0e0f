"""The wheel carries all that Parley needs and works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kg.terms import data_folder

ROOT = data_folder()


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "KG_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def test_the_wheel_carries_ontology_shapes_queries_and_seeds(unpacked: Path):
    packed = {
        str(path.relative_to(unpacked / "kg" / "data")) for path in (unpacked / "kg" / "data").rglob("*.*")
    }
    kept = {
        str(path.relative_to(ROOT))
        for folder in ("ontology", "queries", "seeds")
        for path in (ROOT / folder).rglob("*.*")
    }
    assert kept <= packed
    assert (unpacked / "kg" / "py.typed").exists()


def test_the_wheel_answers_outside_the_checkout(unpacked: Path, tmp_path: Path):
    where = run(unpacked, tmp_path, "-c", "import kg; print(kg.__file__)")
    assert where.stdout.strip().startswith(str(unpacked))
    done = run(unpacked, tmp_path, "-m", "kg", "ask", "backs-opposing-sides")
    assert done.returncode == 0, done.stderr
    assert "https://w3id.org/parley/id/russia,https://w3id.org/parley/id/turkey\n" in done.stdout


def test_the_wheel_makes_a_base_on_disk_outside_the_checkout(unpacked: Path, tmp_path: Path):
    made = run(unpacked, tmp_path, "-m", "kg", "init", "base")
    assert made.returncode == 0, made.stderr
    asked = run(
        unpacked,
        tmp_path,
        "-m",
        "kg",
        "--store",
        "base",
        "query",
        "ASK { id:russia parley:supports id:syria }",
    )
    assert asked.stdout == "answer\ntrue\n"


def test_an_installed_wheel_never_formats_its_own_files(unpacked: Path, tmp_path: Path):
    done = run(unpacked, tmp_path, "-m", "kg", "fmt")
    assert done.returncode == 2
    assert "name the files" in done.stderr
