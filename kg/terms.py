"""The names of things: namespaces, prefixes, compact IRIs, the graphs of a base, and where the files are.

Terms are pyoxigraph's own (``NamedNode``, ``Literal``, ``BlankNode``, ``Triple``, ``Quad``, ``Variable``);
no module defines others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

BASE: Final = "https://w3id.org/parley/"

PREFIXES: Final[dict[str, str]] = {
    "parley": BASE + "ontology#",
    "id": BASE + "id/",
    "shape": BASE + "shape#",
    "source": BASE + "source/",
    "claim": BASE + "claim/",
    "graph": BASE + "graph/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "oa": "http://www.w3.org/ns/oa#",
    "org": "http://www.w3.org/ns/org#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sem": "http://semanticweb.cs.vu.nl/2009/11/sem/",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "vann": "http://purl.org/vocab/vann/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""The prefixes of every file and every output, ours first; a set-up that prints CURIEs prints these."""

RESERVED: Final = (BASE + "graph/", BASE + "base/")
"""How the names of a base's own graphs begin, and on a server those of the graphs of a base that has a name."""

CLAIMS: Final = NamedNode(BASE + "graph/claims")
REFERENCE: Final = NamedNode(BASE + "graph/reference")
ONTOLOGY: Final = NamedNode(BASE + "graph/ontology")
VIEW: Final = NamedNode(BASE + "graph/view")
STATE: Final = NamedNode(BASE + "graph/state")
"""In a store on disk: how much of the journal it holds and from which ontology it was made; no part of the base."""

Progress: TypeAlias = Callable[[str], None] | None
"""Who is told, in a word or two, what long work is doing."""

_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?")


def iri(curie: str) -> NamedNode:
    """Return the IRI that a compact IRI in our prefixes stands for; ``KeyError`` for an unknown prefix.

    >>> iri("parley:State")
    <NamedNode value=https://w3id.org/parley/ontology#State>
    """
    prefix, _, local = curie.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


def curie(node: NamedNode) -> str | None:
    """Return the compact form of an IRI under our prefixes, ``None`` where Turtle could not write it plainly.

    The longest matching namespace wins.

    >>> curie(iri("claim:idlib-2020")), curie(NamedNode("https://w3id.org/parley/claim/idlib-2020/7"))
    ('claim:idlib-2020', None)
    """
    best = ""
    for prefix, namespace in PREFIXES.items():
        if node.value.startswith(namespace) and len(namespace) > len(PREFIXES.get(best, "")):
            best = prefix
    local = node.value[len(PREFIXES[best]) :] if best else ""
    return f"{best}:{local}" if best and _LOCAL.fullmatch(local) else None


def short(node: NamedNode) -> str:
    """Return the compact form of an IRI, or the IRI in angle brackets where it has none.

    >>> short(iri("id:turkey")), short(NamedNode("https://example.org/a"))
    ('id:turkey', '<https://example.org/a>')
    """
    return curie(node) or str(node)


def text(term: NamedNode | BlankNode | Literal | Triple) -> str:
    """Return an IRI, a literal's lexical form or a blank node's label as it is; of a triple, its N-Triples.

    >>> text(iri("id:turkey")), text(Literal(56))
    ('https://w3id.org/parley/id/turkey', '56')
    """
    return str(term) if isinstance(term, Triple) else term.value


def data_folder() -> Path:
    """Return the folder that holds ``ontology/``, ``queries/`` and ``seeds/``.

    Inside an installed wheel that is ``kg/data``; in a checkout it is the checkout itself.
    """
    package = Path(__file__).parent
    packed = package / "data"
    return packed if packed.is_dir() else package.parent
