"""What the tests share: one cache of the built-in base, the command run inside the process, bases on disk to copy."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import hypothesis
import pytest

import kg
from kg.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ("servers",)

# No test depends on the time, on the speed of the machine or on the run before.
hypothesis.settings.register_profile("parley", derandomize=True, deadline=None, max_examples=100)
hypothesis.settings.load_profile("parley")


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of a run one cache of their own, made by the first that needs it."""
    for name in ("KG_STORE", "KG_DEBUG"):
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        os.environ["KG_CACHE"] = tempfile.mkdtemp(prefix="parley-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cache."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["KG_CACHE"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_literals() -> Iterator[None]:
    """Undo what owlrl does to rdflib when a test uses it: it puts readers of its own in for some datatypes."""
    import rdflib.term

    readers = rdflib.term._toPythonMapping
    before = dict(readers)
    yield
    if "owlrl" in sys.modules:
        readers.clear()
        readers.update(before)


@dataclass(frozen=True)
class Ran:
    """What a run of the command left: its exit status and the text of its two streams."""

    status: int
    out: str
    err: str

    def refused(self, status: int) -> str:
        """Return the one line that an error is, without ``kg: `` and the line break."""
        assert (self.status, self.out) == (status, "")
        assert self.err.startswith("kg: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        assert "fault of Parley" not in self.err
        return self.err[4:-1]

    def done(self) -> str:
        """Return what went to standard output when all went well."""
        assert (self.status, self.err.startswith("kg: ")) == (0, False), self.err
        return self.out


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command inside this process, its standard streams being pipes and not a terminal."""

    def call(*args: object, stdin: bytes = b"") -> Ran:
        streams = {
            name: io.TextIOWrapper(io.BytesIO(stdin if name == "stdin" else b""), "utf-8", newline="")
            for name in ("stdin", "stdout", "stderr")
        }
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as stopped:
                main([str(arg) for arg in args])
        for stream in streams.values():
            stream.flush()
        out, err = (streams[name].buffer.getvalue().decode() for name in ("stdout", "stderr"))
        return Ran(int(stopped.value.code or 0), out, err)

    return call


@pytest.fixture(scope="session")
def built_in() -> kg.Base:
    """Return the built-in base."""
    return kg.open()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a base on disk that no test may change."""
    folder = tmp_path_factory.mktemp("made") / "base"
    kg.init(folder)
    return folder


@pytest.fixture
def base(made: Path, tmp_path: Path) -> Path:
    """Return the folder of a fresh base on disk that a test may change."""
    return shutil.copytree(made, tmp_path / "base")
