"""How the graphs of a base are called on a server, where other bases may lie beside it.

The graphs of a base without a name are called as everywhere: it has the server, or the data set of the server that
its URL names, to itself. Those of a base that has one bear it in their names.
"""

from __future__ import annotations

import re
from typing import Final

from pyoxigraph import NamedNode

from kg.errors import UsageError
from kg.storage.sparql import bare
from kg.terms import BASE

COMING: Final = BASE + "graph/coming/"
"""What is laid beside a base before it is taken over lies in graphs whose names begin so."""

_BASES: Final = BASE + "base/"
_NAMED: Final = re.compile(
    r"(?<![\w?$@:.%\\-])(?:GRAPH|FROM\s+NAMED|FROM)(?:\s+|(?=[<?$]))"
    r"(<[^<>]*>|[?$]\w+|[^\W\d_]?[\w.-]*:[^\s{}();,]*)",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"\bPREFIX\s+([^\s:]*):\s*<([^<>]*)>", re.IGNORECASE)


class Graphs:
    """The names of a base's graphs on its server, and back.

    >>> there = Graphs("test").there(NamedNode(BASE + "graph/view"))
    >>> there.value, Graphs("test").here(there.value), Graphs("").here(there.value)
    ('https://w3id.org/parley/base/test/graph/view', <NamedNode value=https://w3id.org/parley/graph/view>, None)
    """

    def __init__(self, name: str) -> None:
        self._prefix = f"{_BASES}{name}/" if name else ""

    def there(self, graph: NamedNode) -> NamedNode:
        """Return what a graph is called on the server."""
        if not self._prefix:
            return graph
        value = graph.value
        return NamedNode(self._prefix + (value[len(BASE) :] if value.startswith(BASE) else f"/{value}"))

    def here(self, name: str) -> NamedNode | None:
        """Return the graph that is called so on the server, ``None`` where it is of another base, or of none yet."""
        if not self._prefix:
            own = "" if name.startswith(_BASES) else name
        else:
            rest = name[len(self._prefix) :] if name.startswith(self._prefix) else ""
            own = rest[1:] if rest.startswith("/") else BASE + rest if rest else ""
        return NamedNode(own) if own and not own.startswith(COMING) else None

    def said(self, sparql: str) -> str:
        """Return a query or an update with its graphs as they are called on the server.

        Raises ``UsageError`` for GRAPH with a variable where the base has a name: it would see the bases beside it.
        """
        if not self._prefix:
            return sparql
        for found in reversed([*_NAMED.finditer(bare(sparql, iris=True))]):
            if found[1][0] in "?$":
                raise UsageError(
                    f"GRAPH with the variable {found[1]} would see the other bases of this server",
                    remedy="name the graph",
                )
            graph = self.there(NamedNode(_expanded(found[1], sparql)))
            sparql = f"{sparql[: found.start(1)]}{graph}{sparql[found.end(1) :]}"
        return sparql

    @property
    def pattern(self) -> str:
        """What ``?g`` must be like for a graph of this base, as a SPARQL condition."""
        own = f'STRSTARTS(STR(?g), "{self._prefix or _BASES}")'
        return own if self._prefix else f"!{own}"


def mentioned(sparql: str) -> list[str] | None:
    """Return the IRIs of the graphs that a query names with GRAPH, ``None`` where it has a variable there.

    >>> mentioned("SELECT * { GRAPH <urn:g> { ?s ?p 'GRAPH ?g' } }"), mentioned("ASK { GRAPH ?g { ?s ?p ?o } }")
    (['urn:g'], None)
    """
    names = [
        found[1] for found in _NAMED.finditer(bare(sparql, iris=True)) if found[0][:5].upper() == "GRAPH"
    ]
    if any(name[0] in "?$" for name in names):
        return None
    return list(dict.fromkeys(_expanded(name, sparql) for name in names))


def _expanded(name: str, sparql: str) -> str:
    """Return the IRI that a name in a text stands for; without a declared prefix it stays."""
    if name.startswith("<"):
        return name[1:-1]
    prefix, _, local = name.partition(":")
    declared = dict(_PREFIX.findall(bare(sparql, iris=True)))
    return declared[prefix] + local.replace("\\", "") if prefix in declared else name
