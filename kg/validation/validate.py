"""Validation: what a change breaks among the shapes, and what is broken in a whole base.

pyshacl reports, on a graph that looks up on demand and on focus nodes that are given: it never enumerates
targets. For a whole base the Rust engine ``shacl`` first finds which focus nodes fail.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, get_native_id
from typing import Any, Final, TypeAlias

from pyoxigraph import BlankNode, NamedNode, RdfFormat, Triple, parse

from kg.errors import UnsupportedConstruct
from kg.findings import Finding, Severity, Term, shape_code
from kg.storage.overlay import Overlay
from kg.storage.sparql import bare
from kg.storage.store import Engine, Solutions
from kg.terms import PREFIXES, VIEW, Progress, iri
from kg.validation.selects import path_text, prepare
from kg.validation.shapegraph import CLASSES, TARGETS
from kg.validation.shapes import Shapes

_Described: TypeAlias = Mapping[str, list[Any]]
"""A validation result: its values by the local name of the property."""

_SH: Final = PREFIXES["sh"]
_AND, _MESSAGE, _SPARQL, _TYPE = map(iri, ("sh:and", "sh:message", "sh:sparql", "rdf:type"))
_UNREAD: Final = frozenset([*TARGETS, iri("sh:message"), iri("sh:severity")])
_SEVERITIES: Final = {_SH + "Warning": Severity.WARNING, _SH + "Info": Severity.WARNING}
_CONFORMS: Final = "/conforms"
"""What the shape that stands beside a shape for ``shacl`` has more in its name."""

_WRITTEN: Final = dict(
    zip(
        TARGETS,
        (
            "VALUES ?class_ {{ {} }} ?this a ?class_ .",
            "VALUES ?this {{ {} }}",
            "?this {} ?value_ .",
            "?subject_ {} ?this .",
        ),
        strict=True,
    )
)
"""The targets as patterns; of a class its narrower ones are named too."""

_POLITE: Final = 10  # a tenth of the processor beside a thread that is not
_running = Lock()  # pyshacl and rdflib keep state in their modules


class Validator:
    """The shapes, made ready for pyshacl once; half a second, most of it to import pyshacl.

    One run at a time: a second thread waits for the first.
    """

    def __init__(self, shapes: Shapes) -> None:
        from pyshacl.pytypes import SHACLExecutor
        from pyshacl.shapes_graph import ShapesGraph

        from kg.validation.rdflibview import graph_of

        _mend()
        self.shapes: Final = shapes
        self._graph = ShapesGraph(graph_of(shapes.triples))
        self._executor = SHACLExecutor()
        self._ready = len(self._graph.shapes)  # that it is asked for makes pyshacl read them

    def warm(self) -> None:
        """Parse the queries of the shapes now, not when the first node needs one; half a second."""
        for shape, predicate, constraint in self.shapes.triples:
            if predicate == _SPARQL:
                prepare(self.shapes.select(shape, constraint))

    def validate(
        self, overlay: Overlay, affected: Mapping[NamedNode, Set[Term]] | None = None
    ) -> list[Finding]:
        """Return what is wrong after a change with the focus nodes that it affects, in a fixed order.

        ``affected`` is what ``Shapes.affected`` gives, which is asked unless it is given. Cost: a
        millisecond for each shape with focus nodes and for each of those, whatever the size of the base.
        Raises ``UnsupportedConstruct`` where pyshacl cannot compare data, such as blank nodes by order.
        """
        from kg.validation.rdflibview import OverlayGraph

        affected = self.shapes.affected(overlay) if affected is None else affected
        with _running, _quietly():
            graph = OverlayGraph(overlay)
            found = {one for root, nodes in affected.items() for one in self._findings(root, nodes, graph)}
        return sorted(found, key=lambda one: (str(one.focus), one.code, one.path, str(one.value)))

    def validate_all(
        self, engine: Callable[[], Engine], progress: Progress = None, view: Path | None = None
    ) -> list[Finding]:
        """Return what is wrong in the view of a whole base, in a fixed order.

        The engine ``shacl`` reads the view, as N-Triples from the file ``view`` if it is there, and finds the focus
        nodes that fail. The store, as soon as ``engine`` gives it, meanwhile finds those that fail a query, because
        ``shacl`` 0.3 looks through all triples for each pattern that ends at a known node. pyshacl reports on what
        was found. ``progress`` is told what is being done. Memory is what ``shacl`` takes, two hundred bytes for each
        triple of the view.
        """
        tell = progress or (lambda _: None)
        if view is not None:
            return self._validate_all(engine, view, tell)
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            data, store = Path(folder, "view.nt"), engine()
            tell("writing the view")
            with data.open("wb") as output:
                store.dump(output, RdfFormat.N_TRIPLES, VIEW)
            return self._validate_all(lambda: store, data, tell)

    def _validate_all(
        self, engine: Callable[[], Engine], data: Path, tell: Callable[[str], None]
    ) -> list[Finding]:
        failing: dict[NamedNode, set[Term]] = defaultdict(set)
        with ThreadPoolExecutor(1, initializer=_give_way) as beside:
            others = beside.submit(self._failing, data)
            store = engine()
            tell("validating")
            for root in self.shapes.roots:
                for query in self._queries(root, store):
                    rows = store.query(query)
                    assert isinstance(rows, Solutions)  # noqa: S101 - a SELECT, said for the type checker
                    failing[root].update(row["this"] for row in rows)
            for root, node in others.result():
                failing[root].add(node)
        tell("reporting")
        return self.validate(Overlay(store), failing)

    def _failing(self, data: Path) -> list[tuple[NamedNode, Term]]:
        """Return the focus nodes that fail according to ``shacl``, each with the shape whose target it is."""
        import shacl

        report = shacl.Shapes.from_text(self._filter(), format="ntriples").validate_file(str(data))
        roots = (str(result.source_shape)[1:-1].removesuffix(_CONFORMS) for result in report.results)
        return [
            (NamedNode(root), _term(found.focus_node))
            for root, found in zip(roots, report.results, strict=True)
        ]

    def _filter(self) -> str:
        """Return the shapes for ``shacl`` as N-Triples: whether each focus node conforms, and no more.

        A shape beside each one takes over its targets, with conformance to it as the only constraint: so there
        is one result for a focus node, and it says of which shape that is a target.
        """
        roots, triples = set(self.shapes.roots), []
        for triple in self.shapes.triples:
            apart = triple.predicate == _SPARQL or (triple.predicate == _TYPE and triple.object in CLASSES)
            if triple.predicate not in _UNREAD and not (apart and triple.subject in roots):
                triples.append(triple)
        for root in self.shapes.roots:
            beside, head = NamedNode(root.value + _CONFORMS), BlankNode()
            triples += [Triple(beside, _TYPE, iri("sh:NodeShape")), Triple(beside, _AND, head)]
            triples += [Triple(head, iri("rdf:first"), root), Triple(head, iri("rdf:rest"), iri("rdf:nil"))]
            triples += [Triple(beside, kind, value) for kind, value in self.shapes.targets(root)]
        return "".join(f"{triple} .\n" for triple in triples)

    def _queries(self, root: NamedNode, engine: Engine) -> Iterator[str]:
        """Yield queries for the targets of a shape that fail a SPARQL constraint of its own."""
        for constraint in self.shapes.values(root, _SPARQL):
            text = self.shapes.select(root, constraint)
            plain = bare(text)
            select = re.search(r"\bSELECT\b", plain, re.IGNORECASE)
            start, body = select.start() if select else 0, text[plain.index("{") + 1 : plain.rindex("}")]
            for kind, value in self.shapes.targets(root):
                target = _WRITTEN[kind].format(" ".join(map(str, _narrower(value, engine))))
                yield f"{text[:start]}SELECT DISTINCT ?this {{ {target} {body} }}"

    def _results(self, shape: Any, nodes: Iterable[Any], graph: Any) -> list[Any]:  # noqa: ANN401 - rdflib's  # noqa: ANN401 - rdflib's
        """Return what pyshacl says of nodes: for each result its node and the triples that describe it."""
        from pyshacl.errors import ReportableRuntimeError, ValidationFailure

        try:
            _, results = self._graph.lookup_shape_from_node(shape).validate(
                self._executor, graph, focus=list(nodes)
            )
        except (ReportableRuntimeError, ValidationFailure) as error:
            what = f"cannot be validated: {error.message}"
            raise UnsupportedConstruct(what, where=str(shape), remedy="correct the shape") from error
        return [(node, triples) for _, node, triples in results]

    def _findings(self, root: NamedNode, nodes: Iterable[Term], graph: object) -> Iterator[Finding]:
        from kg.validation.rdflibview import to_rdflib

        for node, triples in self._results(to_rdflib(root), map(to_rdflib, nodes), graph):
            results = _described(triples)
            severity = str(results[node]["resultSeverity"][0])
            for cause in self._causes(node, results, graph):
                yield self._finding(cause, _SEVERITIES.get(severity, Severity.VIOLATION))

    def _causes(self, node: object, results: Mapping[Any, _Described], graph: object) -> Iterator[_Described]:
        """Yield the innermost results: those that ``sh:node`` nests, and those that pyshacl drops from ``sh:and``.

        Of ``sh:or``, ``sh:xone`` and ``sh:not`` no single condition is the cause, so their result stands.
        """
        from kg.validation.rdflibview import from_rdflib, to_rdflib

        result = results[node]
        inner = [(detail, results) for detail in result.get("detail", ())]
        if str(result["sourceConstraintComponent"][0]) == _SH + "AndConstraintComponent":
            source = from_rdflib(result["sourceShape"][0])
            for head in self.shapes.values(source, _AND):
                for member in map(to_rdflib, self.shapes.members(head)):
                    found = self._results(member, result["value"], graph)
                    inner += [(other, _described(triples)) for other, triples in found]
        for detail, described in inner:
            yield from self._causes(detail, described, graph)
        if not inner:
            yield result

    def _finding(self, result: _Described, severity: Severity) -> Finding:
        from kg.validation.rdflibview import from_rdflib

        source, path, value = (
            from_rdflib(result[name][0]) if name in result else None
            for name in ("sourceShape", "resultPath", "value")
        )
        shape = self.shapes.named(source)
        what, _, remedy = self._message(result, source, shape).partition(": ")
        return Finding(
            shape_code(shape),
            severity,
            what,
            remedy,
            focus=from_rdflib(result["focusNode"][0]),
            path=path_text(self.shapes.path(path)) if path else "",
            value=value,
            shape=shape,
            component=NamedNode(result["sourceConstraintComponent"][0]),
        )

    def _message(self, result: _Described, source: object, shape: NamedNode) -> str:
        """Return the message of the constraint, else of its shape, else of the named shape around it."""
        messages = result.get("resultMessage", [])
        if not self.shapes.values(source, _MESSAGE) and "sourceConstraint" not in result:
            messages = self.shapes.values(shape, _MESSAGE) or messages  # not what pyshacl makes up
        english = [message for message in messages if message.language in (None, "en")]
        return str(getattr(message := (english or messages)[0], "value", message)) if messages else ""


def _give_way() -> None:
    """Leave the processor to other threads: this one, and those that it starts, have what these do not need."""
    if sys.platform == "linux":  # elsewhere priorities are those of a whole process
        os.setpriority(os.PRIO_PROCESS, get_native_id(), _POLITE)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep rdflib from writing a traceback about each ill-typed literal: the findings say what is wrong."""
    logger = logging.getLogger("rdflib.term")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _described(triples: Iterable[Any]) -> dict[Any, dict[str, list[Any]]]:
    """Return the results that triples of pyshacl's describe; it writes some nodes together with their graph."""
    found: dict[Any, dict[str, list[Any]]] = defaultdict(dict)
    for subject, predicate, value in triples:
        node = value[1] if isinstance(value, tuple) else value
        found[subject].setdefault(str(predicate).removeprefix(_SH), []).append(node)
    return found


def _narrower(term: NamedNode, engine: Engine) -> list[NamedNode]:
    """Return a term, and if it is a class, those narrower than it."""
    found = [term]
    for wider in found:
        quads = engine.quads(None, iri("rdfs:subClassOf"), wider, VIEW)
        found += [q.subject for q in quads if isinstance(q.subject, NamedNode) and q.subject not in found]
    return found


def _term(text: str) -> Term:
    """Return a term from N-Triples; ``shacl`` renames blank nodes, so they cannot be found again."""
    if text.startswith("_:"):
        raise UnsupportedConstruct("a focus node has no IRI", where="the view", remedy="name it")
    triple: Triple = next(iter(parse(f"<urn:s> <urn:p> {text} .", RdfFormat.N_TRIPLES))).triple
    return triple.object


def _mend() -> None:
    """Have pyshacl put values into messages as they are: 0.40 takes a backslash in one for a group of a pattern."""
    from pyshacl.constraints.constraint_component import ConstraintComponent

    def insert(_: object, message: str, bound: Any) -> str:  # noqa: ANN401 - a tuple or a mapping of pyshacl's
        values = dict(zip(("this", "path", "value"), bound, strict=False)) if isinstance(bound, tuple) else {}
        values |= bound[3] if isinstance(bound, tuple) and len(bound) > len(values) else {}
        values |= bound if isinstance(bound, dict) else {}
        return re.sub(r"\{[?$](\w+)\}", lambda found: str(values.get(found[1]) or found[0]), message)

    setattr(ConstraintComponent, "_format_sparql_based_result_message", insert)  # noqa: B010 - a method, mypy says
