"""Engines that answer the same questions over the same view: ``python -m bench.engines NAME FOLDER DATA QUESTIONS``.

DATA is the view as N-Triples; for Parley it is the base. QUESTIONS is a file of ``bench.asked``. An engine may use
FOLDER. It prints JSON line by line, so that what was measured is there even if it does not live to the end: what
loading cost, then each question with the seconds of each call and fingerprints of the answers, then its memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from bench.programs import Clock

_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS: Final = {_XSD + name for name in ("integer", "int", "long", "decimal", "double", "float")}
_LITERAL: Final = re.compile(
    r'"(?P<value>.*)"(?:@(?P<language>[\w-]+)|\^\^<(?P<datatype>[^>]*)>)?', re.DOTALL
)
_LONG: Final = 60
"""The seconds after which a call is given up."""
_ENOUGH: Final = 8.0
"""The seconds after which a question is not asked again."""

Row: TypeAlias = Mapping[str, str]
"""The bound cells of a row, written alike whichever engine it comes from."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with its data: ``ask`` is timed; ``rows`` makes of what it returned what can be compared."""

    ask: Callable[[Mapping[str, Any]], Any]
    rows: Callable[[Any], Iterable[Row]]
    memory: Callable[[], float]


def parley(_: Path, base: Path) -> Iterator[Engine]:
    """Ask with ``Base.ask`` in a running process; what is no stored question is a query, in a process of its own."""
    import kg

    opened = kg.open(base)

    def ask(call: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each engine has its own
        if call["stored"]:
            return opened.ask(call["name"], **call["parameters"])
        return opened.query(call["sparql"], seconds=_LONG)

    yield Engine(ask, lambda answer: as_terms(answer.columns, answer.rows), _own_memory)


def pyoxigraph(folder: Path, data: Path) -> Iterator[Engine]:
    """Keep a store on disk, bulk-loaded; the answer's rows are read."""
    from pyoxigraph import RdfFormat, Store

    store = Store(str(folder / "pyoxigraph"))
    store.bulk_load(path=str(data), format=RdfFormat.N_TRIPLES)

    def ask(call: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as above
        found: Any = store.query(call["sparql"])
        return [variable.value for variable in found.variables], list(found)

    yield Engine(ask, lambda answer: as_terms(*answer), _own_memory)


def rdflib(_: Path, data: Path) -> Iterator[Engine]:
    """Keep a graph in memory; the answer's rows are read."""
    from rdflib import Graph, URIRef

    graph = Graph()
    graph.parse(data, format="nt")

    def written(cell: Any) -> str:  # noqa: ANN401 - as above
        return f"<{cell}>" if isinstance(cell, URIRef) else _literal(str(cell), cell.datatype, cell.language)

    def rows(found: Any) -> Iterator[Row]:  # noqa: ANN401 - as above
        for row in found:
            yield {str(name): written(cell) for name, cell in row.asdict().items()}

    yield Engine(lambda call: list(graph.query(call["sparql"])), rows, _own_memory)


def maplib(_: Path, data: Path) -> Iterator[Engine]:
    """Keep data frames in memory; the answer is one (in its JSON stand other values where COALESCE chooses)."""
    from maplib import Model

    model = Model()
    model.read(data)

    def rows(found: Any) -> Iterator[Row]:  # noqa: ANN401 - as above
        for row in found.iter_rows(named=True):
            yield {name: _of_value(cell) for name, cell in row.items() if cell is not None}

    yield Engine(lambda call: model.query(call["sparql"]), rows, _own_memory)


def sparq(_: Path, data: Path) -> Iterator[Engine]:
    """Keep a graph in memory; the answer is a text in SPARQL's JSON, its quickest form."""
    from sparq import Graph

    graph = Graph.load(data)
    yield Engine(lambda call: graph.query_json(call["sparql"]), from_json, _own_memory)


def oxigraph(folder: Path, data: Path) -> Iterator[Engine]:
    """Start Oxigraph's server; the answer is SPARQL's JSON, whose last byte has come."""
    from bench import servers

    place = folder / "oxigraph"
    command = (servers.OXIGRAPH, "load", "--location", str(place), "--file", str(data))
    subprocess.run(command, check=True, capture_output=True)
    with servers.oxigraph(place) as server, contextlib.closing(server.connect()) as connection:
        yield Engine(lambda call: server.ask(connection, call["sparql"]), from_json, lambda: server.memory)


def virtuoso(folder: Path, data: Path) -> Iterator[Engine]:
    """Start Virtuoso; the answer is SPARQL's JSON, whose last byte has come. Requests name the graph of the view."""
    from bench import servers
    from kg.terms import VIEW

    with servers.virtuoso(folder / "virtuoso", data.parent, sum(1 for _ in data.open("rb"))) as server:
        servers.load_virtuoso(server, data, VIEW.value)
        with contextlib.closing(server.connect()) as connection:

            def ask(call: Mapping[str, Any]) -> bytes:
                return server.ask(connection, call["sparql"], VIEW.value)

            yield Engine(ask, from_json, lambda: server.memory)


_ENGINES: Final[Mapping[str, Callable[[Path, Path], Iterator[Engine]]]] = {
    engine.__name__: engine for engine in (parley, pyoxigraph, oxigraph, virtuoso, rdflib, maplib, sparq)
}


def _own_memory() -> float:
    return Clock().read()["memory"]


def as_terms(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[Row]:
    """Yield the rows of pyoxigraph's terms."""
    from pyoxigraph import Literal

    for row in rows:
        yield {
            name: _literal(cell.value, cell.datatype.value, cell.language)
            if isinstance(cell, Literal)
            else str(cell)
            for name, cell in zip(names, row, strict=True)
            if cell is not None
        }


def from_json(answer: bytes | str) -> Iterator[Row]:
    """Yield the rows of an answer in SPARQL's JSON."""
    for solution in json.loads(answer)["results"]["bindings"]:
        yield {
            name: f"<{cell['value']}>"
            if cell["type"] == "uri"
            else _literal(cell["value"], cell.get("datatype"), cell.get("xml:lang"))
            for name, cell in solution.items()
        }


def _of_value(cell: object) -> str:
    """Write a cell of a data frame of maplib's."""
    if isinstance(cell, bool | int | float):
        return _literal(str(cell).lower(), _XSD + ("boolean" if isinstance(cell, bool) else "double"), None)
    text = str(cell)
    found = _LITERAL.fullmatch(text)
    if found:
        return _literal(found["value"], found["datatype"], found["language"])
    return text if text.startswith("<") else _literal(text, None, None)


def _literal(value: str, datatype: str | None, language: str | None) -> str:
    """Write a literal: numbers by their value, and truth as one or zero, which Virtuoso makes of it."""
    if language:
        return f'"{value}"@{language.lower()}'
    if str(datatype) == f"{_XSD}boolean":
        return f"{value in ('true', '1'):d}"
    if str(datatype) in _NUMBERS:
        return f"{float(value):.10g}"
    return f'"{value}"' if not datatype or str(datatype) == f"{_XSD}string" else f'"{value}"^^{datatype}'


def fingerprint(rows: Iterable[Row]) -> tuple[int, str]:
    """Return how many different rows there are, and a digest that equal sets of rows share."""
    written = sorted({json.dumps(sorted(row.items())) for row in rows})
    return len(written), hashlib.sha256("\n".join(written).encode()).hexdigest()[:16]


def measured(engine: Engine, calls: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Ask the calls of one question; tell the seconds and the fingerprint of each, or why it gave up."""
    seconds: list[float] = []
    answers: list[tuple[int, str]] = []
    try:
        for call in calls:
            with _alarm():
                begun = time.perf_counter()
                answer = engine.ask(call)
                seconds.append(time.perf_counter() - begun)
            answers.append(fingerprint(engine.rows(answer)))
            if sum(seconds) > _ENOUGH:
                break
    except BaseException as error:  # noqa: BLE001 - engines in Rust raise panics, which are no exceptions
        return {"error": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:120]}"}
    return {"seconds": seconds, "answers": answers}


@contextmanager
def _alarm() -> Iterator[None]:
    """Give up after a time; an engine that is not in Python notices when it is done."""

    def late(*_: object) -> None:
        raise TimeoutError(f"no answer in {_LONG} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(_LONG)
    try:
        yield
    finally:
        signal.alarm(0)


def _run(name: str, folder: str, data: str, questions: str) -> None:
    """Load, and ask all questions. An engine that panics is of no use any more: it gets its data anew."""
    left = json.loads(Path(questions).read_text(encoding="utf-8"))
    for attempt in itertools.count():
        place, begun = Path(folder) / str(attempt), time.perf_counter()
        place.mkdir()
        with contextmanager(_ENGINES[name])(place, Path(data)) as engine:
            tell(loading=time.perf_counter() - begun, memory=engine.memory())
            while left:
                question = left.pop(0)
                found = measured(engine, question["calls"])
                tell(question=question["name"], **found)
                if "Panic" in found.get("error", ""):
                    break
            tell(memory=engine.memory())
        if not left:
            return


def tell(**what: object) -> None:
    """Print a line of JSON at once."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    _run(*sys.argv[1:])
