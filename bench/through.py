"""Use a server through Parley's remote store: ``python -m bench.through SERVER FOLDER BASE QUESTIONS ARTICLES``.

It makes a base on the server, fills it with what the embedded BASE holds by the server's own bulk loader, asks
QUESTIONS, then checks and adds ARTICLES; and prints JSON line by line.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.engines import Engine, as_terms, from_json, measured, tell

_ROUNDS: Final = 4
"""How often all is asked; the first call does not count."""


def _questions(server: servers.Server, asked: Path) -> None:
    """Ask each question of the server itself and through the remote store, without labels and with them, in turn."""
    import kg
    from kg.terms import VIEW

    opened = kg.open(server.url)

    def through(*, labels: bool) -> Engine:
        def ask(call: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an answer
            if call["stored"]:
                return opened.ask(call["name"], call["parameters"], labels=labels)
            return opened.query(call["sparql"], seconds=servers.LONG, labels=labels)

        return Engine(ask, lambda answer: as_terms(answer.columns, answer.rows), lambda: 0.0)

    engines = {"ours": through(labels=False), "labelled": through(labels=True)}
    with contextlib.closing(server.connect()) as connection:

        def directly(call: Mapping[str, Any]) -> bytes:
            return server.ask(connection, call["sparql"], VIEW.value)

        engines["own"] = Engine(directly, from_json, lambda: server.memory)
        for question in json.loads(asked.read_text(encoding="utf-8")):
            calls = question["calls"]
            rounds = [
                {name: measured(engine, calls) for name, engine in engines.items()} for _ in range(_ROUNDS)
            ]
            tell(
                question=question["name"],
                **{name: _joined([one[name] for one in rounds]) for name in engines},
            )


def _joined(told: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what was told of some rounds as if it were one; if one of them failed, that."""
    failures = [one for one in told if "error" in one]
    return failures[0] if failures else {key: [x for one in told for x in one[key]] for key in told[0]}


def _articles(server: servers.Server, new: Path) -> None:
    """Check new articles and add them, one after the other; tell the seconds of both."""
    import kg

    opened = kg.open(server.url)
    for file in sorted(new.glob("*/*.trig")):
        begun = time.perf_counter()
        checked = opened.check(file)
        between = time.perf_counter()
        added = opened.add(file)
        ended = time.perf_counter()
        if checked.refused or not added.committed:
            raise SystemExit(f"{file}: {checked.findings or added.findings or 'nothing was added'}")
        tell(check=between - begun, add=ended - between)


@contextmanager
def _oxigraph(folder: Path, file: Path) -> Iterator[servers.Server]:
    import kg

    with servers.oxigraph(folder) as server:
        kg.init(server.url)
    command = (servers.OXIGRAPH, "load", "--location", str(folder), "--file", str(file))
    subprocess.run(command, check=True, capture_output=True)
    with servers.oxigraph(folder) as server:
        yield server


@contextmanager
def _virtuoso(folder: Path, file: Path) -> Iterator[servers.Server]:
    import kg

    os.environ.update(
        {"KG_STORE_USER": "dba", "KG_STORE_PASSWORD": "dba"}
    )  # a server of a few minutes, on the loopback
    with servers.virtuoso(folder, file.parent, sum(1 for _ in file.open("rb"))) as server:
        kg.init(server.url)
        servers.load_virtuoso(server, file, "urn:default")
        yield server


_SERVERS: Final[Mapping[str, Callable[[Path, Path], contextlib.AbstractContextManager[servers.Server]]]] = {
    "oxigraph": _oxigraph,
    "virtuoso": _virtuoso,
}


def _dumped(base: Path, file: Path) -> Path:
    """Write all that a base holds as N-Quads, without what its store says of itself."""
    from pyoxigraph import RdfFormat

    from kg.storage.store import Embedded
    from kg.terms import STATE

    store, whole = Embedded.open(base, read_only=True), file.with_suffix(".whole")
    with whole.open("wb") as output:
        store.dump(output, RdfFormat.N_QUADS)
    store.close()
    with whole.open("rb") as lines, file.open("wb") as output:
        output.writelines(one for one in lines if not one.startswith(str(STATE).encode()))
    whole.unlink()
    return file


def _run(kind: str, folder: str, base: str, asked: str, new: str) -> None:
    file = _dumped(Path(base), Path(folder).resolve() / "base.nq")
    with _SERVERS[kind](Path(folder) / kind, file) as server:
        _questions(server, Path(asked))
        _articles(server, Path(new))


if __name__ == "__main__":
    _run(*sys.argv[1:])
