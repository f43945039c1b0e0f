"""The cache: what takes long to make from the project's own files is kept until one of them changes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pyoxigraph
from pyoxigraph import RdfFormat

import kg
from kg.storage.store import Embedded
from kg.terms import data_folder

_KEPT: Final = 4
"""How many caches stay: those of a few versions beside each other, not of every change ever made."""

_NAME: Final = re.compile(r"[0-9a-f]{32}(\.[a-z]+)")  # the folder may hold other things


def ontology_files() -> list[Path]:
    """Return the files of the ontology, alignments and shapes left out, in alphabetical order."""
    return sorted((data_folder() / "ontology").glob("*.ttl"))


def seed_files() -> list[Path]:
    """Return the files of claims, labels and reference data that the built-in base is made of."""
    return sorted((data_folder() / "seeds").rglob("*.trig"))


def fingerprint(files: Sequence[Path], *, with_code: bool = False) -> str:
    """Return what tells two builds apart, in hexadecimal: the contents of files and the versions of the software.

    ``with_code`` tells apart as well what the code of the package makes of the same files.
    """
    code = sorted(Path(kg.__file__).parent.rglob("*.py")) if with_code else []
    digest = hashlib.sha256(f"{kg.__version__} {pyoxigraph.__version__}".encode())
    for path in (*files, *code):
        with path.open("rb") as content:
            digest.update(path.name.encode() + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def cache_file() -> Path:
    """Return where the built-in base is cached."""
    texts = sorted((data_folder() / "seeds").rglob("*.txt"))
    return _place([*ontology_files(), *seed_files(), *texts], ".nq")


def kept(made_from: Sequence[Path], ending: str, make: Callable[[], bytes], most: int = _KEPT) -> bytes:
    """Return what ``make`` returns, from the cache where it is there; ``ending`` tells what kind of thing it is.

    It must depend on nothing but the files ``made_from`` and the code of the package. The newest ``most`` of a kind
    stay.
    """
    path = _place(made_from, ending)
    content = _read(path)
    if content is None:
        content = make()
        _keep(path, content, most)
    return content


def _place(made_from: Sequence[Path], ending: str) -> Path:
    return cache_folder() / f"{fingerprint(made_from, with_code=True)[:32]}{ending}"


def cache_folder() -> Path:
    """Return where things are cached: ``KG_CACHE``, else the user's cache folder."""
    if os.environ.get("KG_CACHE"):
        return Path(os.environ["KG_CACHE"])
    if (
        sys.platform == "linux"
    ):  # importing platformdirs costs a tenth of the time in which a question is answered
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "parley")
    from platformdirs import user_cache_path

    return user_cache_path("parley")


def cached(path: Path) -> Embedded | None:
    """Load a cached base, ``None`` when it is not there or not whole. A few milliseconds."""
    content = _read(path)
    if content is None:
        return None
    store = Embedded()
    store.load(content, RdfFormat.N_QUADS, name=str(path))
    return store


def keep(store: Embedded, path: Path) -> Path | bytes:
    """Write a base to the cache, where only the newest few stay; return its path, or its bytes where it cannot be."""
    dumped = io.BytesIO()
    store.dump(dumped, RdfFormat.N_QUADS)
    return path if _keep(path, dumped.getvalue()) else dumped.getvalue()


def _read(path: Path) -> bytes | None:
    try:
        first, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if first == _seal(content) else None


def _keep(path: Path, content: bytes, most: int = _KEPT) -> bool:
    from kg.storage.durable import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_suffix(f".{os.getpid()}")  # several processes may be the first at the same time
        write_whole(own, lambda file: file.write(_seal(content) + b"\n" + content))
        own.replace(path)
        names = ((_NAME.fullmatch(old.name), old) for old in path.parent.iterdir())
        caches = [old for name, old in names if name and name[1] == path.suffix]
        for old in sorted(caches, key=lambda old: -old.stat().st_mtime)[most:]:
            old.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _seal(content: bytes) -> bytes:
    return b"# " + hashlib.sha256(content).hexdigest().encode()
