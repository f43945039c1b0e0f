"""Bases behind an endpoint as a whole: reaching one, making one, loading files into it, making its view anew.

Files are checked and the rules run on this machine, over a copy of what the base holds; what comes of it is laid
beside the base in chunks and then taken over (``distant``). Interrupted, the base is as it was, and the next load
goes on with what lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from pyoxigraph import NamedNode, Quad

from kg.bases.building import build, grown
from kg.bases.bulk import Batch, Part, examine, file_part, grow
from kg.bases.cache import fingerprint, ontology_files
from kg.bases.changes import stamp
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.distant.engine import Remote
from kg.distant.reading import Distant
from kg.distant.staging import in_graph, lay, take_over
from kg.distant.state import MAKING, State, move, state
from kg.errors import StoreError
from kg.remote.endpoints import read_endpoint
from kg.storage.store import Embedded
from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, Progress, iri


def reach(url: str) -> Distant:
    """Reach the engine at a URL, whether there is a base or not. Raises ``StoreError`` where it cannot be reached."""
    store = Remote(read_endpoint(url))
    ontology = Embedded()
    ontology.fill(ontology_quads())
    store.known[ONTOLOGY] = ontology
    return Distant(store)


def make(base: Distant, progress: Progress = None) -> None:
    """Make a base behind an endpoint from the project's own article and reference data.

    One that was left unfinished is finished. ``StoreError`` where there is one already.
    """
    store, seen = base.store, state(base.store)
    if seen is not None and seen.doing != MAKING:
        raise StoreError("there is a base already", where=base.url, remedy="give another name after #")
    own = (CLAIMS, REFERENCE, VIEW, ONTOLOGY)
    if seen is None:
        if any(store.count(graph) for graph in own):
            raise StoreError("there is something already", where=base.url, remedy="give another name after #")
        seen = State(0, "", "").next(doing=MAKING)
        store.add([seen.quad])
    for graph in own:
        store.update(f"DROP SILENT GRAPH {graph}")
    if progress:
        progress("writing")
    store.fill(build(progress).quads())
    move(store, seen, seen.now(fingerprint(ontology_files())).next(number=1))


def load(
    base: Distant,
    files: Sequence[Path],
    admit: Callable[[Batch, Embedded, Progress], None],
    progress: Progress = None,
) -> int:
    """Load files into a base behind an endpoint, as :func:`kg.bases.upkeep.load` does into one on disk."""
    tell = progress or (lambda _: None)
    seen = base.settled()
    tell("reading the base")
    with _copied(base.store) as copy:
        tell("checking evidence")
        batch = examine([file_part(path, stamp(datetime.now(UTC)).value) for path in files], copy)
        view = grown(copy, batch, progress)
        admit(batch, view, progress)
        quads = chain(batch.facts(), view.quads(graph=VIEW))
        tell("sending")
        laid = lay(base.store, seen, (quad for quad in quads if not copy.contains(quad)), ())
        tell("taking over")
        take_over(base.store, laid)
        return view.count()


def rebuild(base: Distant, progress: Progress = None) -> None:
    """Make the view of a base behind an endpoint anew from its claims and reference data, by the ontology of now."""
    store, seen = base.store, state(base.store)
    if seen is None:
        raise StoreError("no base here", where=base.url, remedy=f"make one with kg init {base.url}")
    with _copied(store) as copy:
        batch = examine([Part(lambda: _facts(copy), base.url)])
        view = Embedded()
        grow(view, batch, ontology_rules(), progress)
        old = {quad.triple for quad in copy.quads(graph=VIEW)}
        new = (quad for quad in view.quads(graph=VIEW) if quad.triple not in old)
        gone = (quad for quad in in_graph(old, VIEW) if not view.contains(quad))
        if progress:
            progress("sending")
        laid = lay(store, seen, new, gone)
        stood = laid.now(fingerprint(ontology_files()))
        move(store, laid, stood)
        take_over(store, stood)
    store.update(f"DROP SILENT GRAPH {ONTOLOGY}")
    store.fill(ontology_quads())


@contextmanager
def _copied(store: Remote) -> Iterator[Embedded]:
    """Give a copy of a base on this machine, for as long as it is needed."""
    with TemporaryDirectory(prefix="parley-") as place, closing(Embedded.create(Path(place))) as copy:
        copy.fill(quad for quad in store.quads() if quad.graph_name != STATE)
        yield copy


def _facts(copy: Embedded) -> Iterator[Quad]:
    own = (CLAIMS, REFERENCE)
    claims = (q.subject for q in copy.quads(None, iri("rdf:type"), iri("parley:Claim"), CLAIMS))
    for graph in chain(own, claims):
        if isinstance(graph, NamedNode):
            yield from copy.quads(graph=graph)
