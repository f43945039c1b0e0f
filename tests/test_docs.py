"""What the documentation shows is what happens."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kg.syntax.turtle import format_file

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])

SHOWN = re.compile(r"^\$ kg (?P<command>.*)\n(?P<output>(?:(?!\$ |```).*\n)*)", re.MULTILINE)
EXAMPLES = [
    (found["command"], found["output"])
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for found in SHOWN.finditer(block)
]
FACTS = re.findall(r"```turtle\n(.*?)```", README, re.DOTALL)[0]
REFUSED = "nothing was changed\n"
FIRST_ANSWER = re.search(
    r"```sh\n.*?&& \.venv/bin/kg (?P<command>.*)\n```\n\n```\n(?P<output>.*?)```", README, re.DOTALL
)


def run(command: str, folder: Path, status: int = 0) -> str:
    """Run a command as it would run on a terminal of 120 columns, where answers are tables."""
    words = shlex.split(command)
    if {"ask", "query"} & set(words):
        words += ["--format", "table"]
    done = subprocess.run(
        [sys.executable, "-m", "kg", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def test_the_readme_shows_true_output(tmp_path: Path):
    """Every command of the README is run in one folder, in order, and prints what stands below it."""
    assert len(EXAMPLES) >= 6
    (tmp_path / "facts.ttl").write_text(FACTS, encoding="utf-8")
    for command, output in EXAMPLES:
        assert run(command, tmp_path, status=int(output.endswith(REFUSED))) == output, command


def test_the_first_command_of_the_readme_answers_with_inferences(tmp_path: Path):
    assert FIRST_ANSWER is not None
    assert run(FIRST_ANSWER["command"], tmp_path) == FIRST_ANSWER["output"]


def test_the_readme_has_exactly_two_command_lines_for_a_fresh_machine():
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) == 2
    assert all(line.startswith("python3 -m venv .venv && ") for line in lines)
    assert lines[1].endswith("&& .venv/bin/python -m pytest")


def test_the_readme_shows_python_that_runs(tmp_path: Path):
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert block is not None
    (tmp_path / "facts.ttl").write_text(FACTS, encoding="utf-8")
    command = [sys.executable, "-c", block[1]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "https://w3id.org/parley/id/russia Russia\n" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_the_page_on_writing_facts_shows_true_output(tmp_path: Path):
    """Its files are checked, added, refused and withdrawn as it says; what Egypt says is not held true."""
    page = (ROOT / "docs" / "writing-facts.md").read_text(encoding="utf-8")
    (border, ferry), (claims,), (plain, wrong), shown = (
        re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("text", "trig", "turtle", "console")
    )
    claims = claims.replace("SHA256-OF-THE-TEXT", hashlib.sha256(border.encode()).hexdigest())
    files = {
        "border.txt": border,
        "border.trig": claims,
        "ferry.txt": ferry,
        "ferry.ttl": plain,
        "wrong.ttl": wrong,
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
    assert format_file(tmp_path / "border.trig") == claims
    for found in (found for block in shown for found in SHOWN.finditer(block)):
        status = int(found["output"].endswith(REFUSED))
        assert run(found["command"], tmp_path, status=status) == found["output"], found["command"]
    held = "--store my-base query 'ASK { id:sudanese-departure ?p ?o }'"
    assert run(held, tmp_path) == "no\n"
    kept = "--store my-base query 'ASK { GRAPH ?claim { id:sudanese-departure ?p ?o } }'"
    assert run(kept, tmp_path) == "yes\n"


def test_the_page_on_following_answers_shows_true_output(tmp_path: Path):
    """Its commands are run in one folder, in order, beside the second article that it speaks of."""
    page = (ROOT / "docs" / "following-answers.md").read_text(encoding="utf-8")
    for name in ("claims.trig", "article.txt"):
        (tmp_path / name).write_bytes((ROOT / "tests" / "disputes" / name).read_bytes())
    shown = [
        found
        for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL)
        for found in SHOWN.finditer(block)
    ]
    assert len(shown) > 15
    for found in shown:
        assert run(found["command"], tmp_path) == found["output"], found["command"]
    assert {path.suffix for path in tmp_path.iterdir() if path.is_file()} >= {".svg", ".html"}
