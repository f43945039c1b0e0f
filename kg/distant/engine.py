"""The engine on another machine: any store that speaks SPARQL 1.1, behind the interface of the embedded one.

What is looked up triple by triple is fetched thing by thing and remembered, because each request costs a round trip;
``steady`` says for how long. What engines do differently is in ``dialects``, how graphs are called in ``graphs``.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from typing import IO, Any, Final

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    RdfFormat,
    Store,
    Triple,
    serialize,
)

from kg.distant.dialects import Rows, dialect
from kg.distant.graphs import FIXED, Graphs, mentioned
from kg.distant.memory import BUT_TEXTS, TEXT, Memory, Pattern
from kg.errors import UsageError
from kg.remote.endpoints import Endpoint
from kg.remote.protocol import Client
from kg.storage.sparql import bare
from kg.storage.store import Engine, Node, Results
from kg.terms import BASE, CLAIMS, VIEW, iri

_FORESEEN: Final = (
    500  # quads about a thing, on average: more are not fetched in the hope that they are wanted
)
_MOST_LISTED: Final = 10_000  # graphs that a request can name
_BY_GRAPH: Final = 2_000  # quads of one graph in a row, from which on the graph store protocol is faster
_GENID: Final = (
    BASE + ".well-known/genid/"
)  # RDF 1.1 Concepts, 3.5: blank nodes that must keep their identity
_FORM: Final = re.compile(r"\b(SELECT|ASK|CONSTRUCT|DESCRIBE)\b", re.IGNORECASE)


class Remote:
    """A store behind a SPARQL 1.1 endpoint.

    Nothing is kept beyond what ``steady`` remembers, so every object may read while others write. Not to be shared
    between threads. Raises ``StoreError`` where the engine cannot be reached or does not support what is asked,
    ``LimitReached`` where it takes too long or cuts its answer short.
    """

    def __init__(self, endpoint: Endpoint, client: Client | None = None) -> None:
        self.endpoint: Final = endpoint
        self.client: Final = client or Client(endpoint)
        self._graphs: Final = Graphs(endpoint.name)
        self.dialect: Final = dialect(self.client.server)
        self.known: Final = dict[NamedNode | None, Callable[[], Engine]]()
        """What gives the graphs that are the same here as there, such as the ontology: they are looked up here."""
        self._memory: Memory | None = None
        weakref.finalize(self, self.client.close)  # bases are not closed by those who ask them

    @contextlib.contextmanager
    def steady(self) -> Iterator[Remote]:
        """Remember what is looked up, until this ends or something is written here."""
        outer, self._memory = self._memory, self._memory or Memory(self._found)
        try:
            yield self
        finally:
            self._memory = outer

    def query(self, sparql: str, graphs: Sequence[NamedNode] | None = (VIEW,)) -> Results:
        """Run a query over the merge of ``graphs``."""
        return self.asked(sparql, graphs)

    def asked(
        self, sparql: str, graphs: Sequence[NamedNode] | None = (VIEW,), *, seconds: float | None = None
    ) -> Results:
        """Run a query as ``query`` does, within ``seconds``."""
        default = [self._graphs.there(graph).value for graph in graphs or ()]
        text = self.dialect.said(self._graphs.said(sparql))
        named = self._named(text) if default else []
        form = _FORM.search(bare(text))
        if form and form[1].upper() in {"CONSTRUCT", "DESCRIBE"}:
            return map(self._read_triple, self.client.construct(text, default, named, seconds=seconds))
        found: Results = self._select(text, default, named, seconds)
        return found

    def _select(
        self,
        text: str,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        seconds: float | None = None,
    ) -> Any:  # noqa: ANN401 - rows, or a truth
        found = self.client.select(text, default, named, seconds=seconds)
        return found if isinstance(found, QueryBoolean) else Rows(found, self._read)

    def _named(self, text: str) -> list[str]:
        """Return the named graphs that a request must list for GRAPH to see them (SPARQL 1.1 Protocol, 2.1.4)."""
        names, variable = mentioned(text)
        if not variable:
            return names
        if self.dialect.variables_see_all_graphs:
            if not names:
                return []
            what = (
                f"GRAPH with a variable and GRAPH with a name in one query, which {self.dialect.name} cannot"
            )
            raise UsageError(what, where=self.endpoint.url, remedy="use a variable for both, with VALUES")
        graphs = [graph.value for graph in islice(self.graphs(), _MOST_LISTED + 1)]
        if len(graphs) > _MOST_LISTED:
            raise UsageError(
                f"GRAPH with a variable over more than {_MOST_LISTED:,} graphs",
                where=self.endpoint.url,
                remedy="name the graphs: this engine sees only those that the request lists",
            )
        return graphs

    def update(self, sparql: str) -> None:
        """Run an update; one operation is all or nothing, as far as the engine keeps that."""
        self.client.update(self.dialect.said(self._graphs.said(sparql)))
        self.forget()

    def add(self, quads: Iterable[Quad]) -> None:
        """Add quads, all of them or none; ``UsageError`` for more than this engine takes so."""
        new = list(quads)
        if len(new) > self.dialect.most_together:
            raise UsageError(f"{len(new):,} quads at once", remedy="fill takes any number")
        if new:
            self.client.update(f"INSERT DATA {{ {self.blocks(new)} }}", again=True)
        self.forget()

    def fill(self, quads: Iterable[Quad]) -> None:
        """Add quads in bulk, in bounded memory, chunk by chunk; doing it again changes nothing."""
        left = iter(quads)
        while chunk := list(islice(left, self.dialect.chunk)):
            self._fill(chunk)
        self.forget()

    def _fill(self, chunk: Iterable[Quad]) -> None:
        few: list[Quad] = []
        for graph, of_graph in _by_graph(chunk):
            own = list(of_graph)
            if len(own) < _BY_GRAPH or not self.client.endpoint.data or not isinstance(graph, NamedNode):
                few += own
            else:
                # Virtuoso judges by the first characters what it is sent: a long literal is none of its formats
                content = "".join(sorted(map(self._spelt, own), key=len)).encode()
                name = self._graphs.there(graph).value
                self.client.send(content, "application/n-triples", name, again=True)
        for start in range(0, len(few), self.dialect.most_data):
            blocks = self.blocks(few[start : start + self.dialect.most_data])
            self.client.update(f"INSERT DATA {{ {blocks} }}", again=True)

    def blocks(self, quads: Iterable[Quad]) -> str:
        """Return quads as updates have them, in canonical form: a block for each graph."""
        return "".join(
            f"{self.place(graph)} {{ {''.join(map(self._spelt, own))} }}\n" for graph, own in _by_graph(quads)
        )

    def place(self, graph: object) -> str:
        """Return ``GRAPH`` with the name of a graph on the server, or nothing for the default graph."""
        return f"GRAPH {self._graphs.there(graph)}" if isinstance(graph, NamedNode) else ""

    def dump(self, output: IO[bytes], rdf_format: RdfFormat, graph: NamedNode | None = None) -> None:
        """Write one graph, or every quad, in no fixed order."""
        found = self.quads(graph=graph)
        serialize((quad.triple for quad in found) if graph else found, output, rdf_format)

    def quads(
        self,
        subject: NamedNode | BlankNode | None = None,
        predicate: NamedNode | None = None,
        value: Node | None = None,
        graph: NamedNode | None = None,
    ) -> Iterator[Quad]:
        """Iterate over the quads that match, ``None`` matching anything, in no fixed order."""
        if graph in self.known:
            return self.known[graph]().quads(subject, predicate, value, graph)
        if isinstance(value, Literal):
            value = _canonical(value)
        pattern = (subject, predicate, value, graph)
        if pattern == (None, None, None, None):
            return self._everything()
        if self._memory is None or (subject is None and value is None):
            return self._found(pattern)
        return self._memory.quads(pattern)

    def foresee(
        self, things: Iterable[NamedNode], predicate: NamedNode | None = None, graph: NamedNode | None = VIEW
    ) -> None:
        """Fetch what a graph says about some things, with one predicate or all of it; nothing happens unless steady."""
        if self._memory is None or graph in self.known:
            return
        new = self._memory.foretold(things, predicate, graph)
        for start in range(0, len(new), self.dialect.most_values):
            self._learn(new[start : start + self.dialect.most_values], predicate, graph, self._memory)

    def _learn(
        self, things: Sequence[Any], predicate: NamedNode | None, graph: NamedNode | None, memory: Memory
    ) -> None:
        """Fetch what is said about things, unless it is more than is likely to be wanted."""
        most = _FORESEEN * len(things)
        listed = " ".join(map(str, map(_sent_node, things)))
        inner = f"{{ ?s {predicate or '?p'} ?o }}"
        place = (
            f"{self.place(graph)} {inner}" if graph else f"GRAPH ?g {inner} FILTER({self._graphs.pattern})"
        )
        found = []
        for row in self._select(f"SELECT * {{ VALUES ?s {{ {listed} }} {place} }} LIMIT {most + 1}"):
            here = graph or self._graphs.here(row["g"].value)
            if here is not None:
                found.append(Quad(row["s"], predicate or row["p"], row["o"], here))
        if len(found) <= most:
            memory.learn(things, predicate, graph, found)

    def _everything(self) -> Iterator[Quad]:
        """Iterate over all quads, a graph or some hundred after the other."""
        for graph in FIXED:
            yield from self._found((None, None, None, graph))
        claims = (graph for graph in self.graphs() if graph not in FIXED)
        while some := list(islice(claims, self.dialect.most_values)):
            there = {self._graphs.there(claim): claim for claim in some}
            listed = " ".join(map(str, there))
            for row in self._select(f"SELECT * {{ VALUES ?g {{ {listed} }} GRAPH ?g {{ ?s ?p ?o }} }}"):
                yield Quad(row["s"], row["p"], row["o"], there[row["g"]])

    def _found(self, pattern: Pattern, most: int = 0) -> Iterator[Quad]:
        """Ask for the quads that match; with ``most`` for so many at most."""
        *terms, graph = pattern
        but_texts = terms[1] == BUT_TEXTS
        if but_texts:
            terms[1] = None
        asked = [self._asked_term(term, name) for term, name in zip(terms, "spo", strict=True)]
        where = f"{{ {' '.join(asked)} }}"
        names = [name for term, name in zip(terms, "spo", strict=True) if term is None]
        if graph is None:
            where, names = f"GRAPH ?g {where} FILTER({self._graphs.pattern})", [*names, "g"]
        else:
            where = f"GRAPH {self._graphs.there(graph)} {where}"
        if but_texts:
            where += f" FILTER(?p != {TEXT})"
        wanted = " ".join(f"?{name}" for name in names) or "(1 AS ?there)"
        limit = f" LIMIT {most}" if most else " LIMIT 1" if not names else ""
        for row in self._select(f"SELECT {wanted} {{ {where} }}{limit}"):
            cells = iter(row)
            s, p, o = (self._read(next(cells)) if term is None else term for term in terms)
            here = graph or self._graphs.here(next(cells).value)
            if here is not None and not isinstance(s, Literal):
                yield Quad(s, p, o, here)

    def contains(self, quad: Quad) -> bool:
        """Tell whether exactly this quad is there. One request, unless it is remembered."""
        subject, predicate, value, graph = quad
        if not isinstance(graph, NamedNode):
            return False  # Parley leaves the default graph empty
        found: Iterator[Quad] = self.quads(subject, predicate, value, graph)
        return any(True for _ in found)

    def count(self, graph: NamedNode | None = None) -> int:
        """Count the quads of one graph, or of all."""
        if graph is None:
            return sum(self.count(name) for name in self.graphs())
        (row,) = self._select(f"SELECT (COUNT(*) AS ?n) {{ {self.place(graph)} {{ ?s ?p ?o }} }}")
        return int(row["n"].value)

    def graphs(self) -> Iterator[NamedNode]:
        """Iterate over the names of the graphs: those that each base has, and one for each claim."""
        for graph in FIXED:
            if any(True for _ in self._found((None, None, None, graph), most=1)):
                yield graph
        claims = self._found((None, iri("rdf:type"), iri("parley:Claim"), CLAIMS))
        yield from (quad.subject for quad in claims if isinstance(quad.subject, NamedNode))

    def forget(self) -> None:
        """Forget what was remembered, because it may have changed."""
        if self._memory is not None:
            self._memory = Memory(self._found)

    def close(self) -> None:
        """Let go of the connections. Closing again does nothing."""
        self.client.close()

    def _spelt(self, quad: Quad) -> str:
        value = quad.object
        kept = self.dialect.kept(value) if isinstance(value, Literal) else _sent_node(value)
        return f"{_sent_node(quad.subject)} {quad.predicate} {kept} .\n"

    def _asked_term(self, term: Any, name: str) -> str:  # noqa: ANN401 - any term
        if isinstance(term, Literal):
            return str(self.dialect.kept(term))
        return f"?{name}" if term is None else str(_sent_node(term))

    def _read(self, term: Any) -> Any:  # noqa: ANN401 - any term
        if isinstance(term, Literal):
            return self.dialect.read(term)
        if isinstance(term, NamedNode) and term.value.startswith(_GENID):
            return BlankNode(term.value[len(_GENID) :])
        return term

    def _read_triple(self, triple: Triple) -> Triple:
        return Triple(*map(self._read, triple))


def _kept(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Return quads as the embedded engine keeps them, each once, in no fixed order: literals in canonical form."""
    store = Store()
    store.extend(quads)
    return iter(store)


def _by_graph(quads: Iterable[Quad]) -> Iterator[tuple[Any, Iterator[Quad]]]:
    ordered = sorted(_kept(quads), key=lambda quad: str(quad.graph_name))
    return groupby(ordered, key=lambda quad: quad.graph_name)


@lru_cache(maxsize=10_000)
def _canonical(literal: Literal) -> Literal:
    node = NamedNode("x:x")
    (quad,) = _kept([Quad(node, node, literal)])
    found: Any = quad.object
    kept: Literal = found
    return kept


def _sent_node(term: Any) -> Any:  # noqa: ANN401 - any term
    return NamedNode(_GENID + term.value) if isinstance(term, BlankNode) else term
