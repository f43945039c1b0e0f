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
from kg.terms import BASE, CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, iri

COMING: Final = BASE + "graph/coming/"
"""What is laid beside a base before it is taken over lies in graphs whose names begin so."""

FIXED: Final = (CLAIMS, REFERENCE, ONTOLOGY, VIEW, STATE)
"""The graphs that every base has, beside those of its claims."""

_TYPE, _CLAIM = iri("rdf:type"), iri("parley:Claim")
_BASES: Final = BASE + "base/"
_TOKENS: Final = re.compile(
    r"(?P<iri><[^<>]*>)|(?P<variable>[?$]\w+)|(?P<name>(?:[^\W\d_][\w.-]*)?:(?:[\w.:-]|%[0-9A-Fa-f]{2}|\\.)*)|\w+|\S"
)
_PREFIX: Final = re.compile(r"\bPREFIX\s+([^\s:]*):\s*<([^<>]*)>", re.IGNORECASE)


class Graphs:
    """The names of a base's graphs on its server, and back.

    >>> there = Graphs("test").there(NamedNode(BASE + "graph/view"))
    >>> there.value, Graphs("test").here(there.value), Graphs("").here(there.value)
    ('https://w3id.org/parley/base/test/in/graph/view', <NamedNode value=https://w3id.org/parley/graph/view>, None)
    """

    def __init__(self, name: str) -> None:
        self._prefix = f"{_BASES}{name}/" if name else ""

    def there(self, graph: NamedNode) -> NamedNode:
        """Return what a graph is called on the server."""
        if not self._prefix:
            return graph
        value = graph.value
        inside = value.startswith(BASE)
        return NamedNode(f"{self._prefix}in/{value[len(BASE) :]}" if inside else f"{self._prefix}out/{value}")

    def here(self, name: str) -> NamedNode | None:
        """Return the graph that is called so on the server, ``None`` where it is of another base, or of none yet."""
        if not self._prefix:
            own = "" if name.startswith(_BASES) else name
        else:
            rest = name[len(self._prefix) :] if name.startswith(self._prefix) else ""
            own = BASE + rest[3:] if rest.startswith("in/") else rest[4:]
        return NamedNode(own) if own and not own.startswith(COMING) else None

    def said(self, sparql: str) -> str:
        """Return a query or an update with its graphs as they are called on the server.

        Raises ``UsageError`` for GRAPH with a variable where the base has a name: it would see the bases beside it.
        """
        if not self._prefix:
            return sparql
        for found in reversed(_graph_names(sparql)):
            if found["variable"]:
                raise UsageError(
                    f"GRAPH with the variable {found[0]} would see the other bases of this server",
                    remedy="name the graph",
                )
            graph = self.there(_expanded(found[0], sparql))
            sparql = f"{sparql[: found.start()]}{graph}{sparql[found.end() :]}"
        return sparql

    @property
    def pattern(self) -> str:
        """What ``?g`` must be like for a graph of this base, as a SPARQL condition."""
        if self._prefix:
            return f'STRSTARTS(STR(?g), "{self._prefix}")'
        fixed = ", ".join(map(str, FIXED))
        return f"?g IN ({fixed}) || EXISTS {{ GRAPH {CLAIMS} {{ ?g {_TYPE} {_CLAIM} }} }}"


def mentioned(sparql: str) -> tuple[list[str], bool]:
    """Return the IRIs of the graphs that a query names with GRAPH, and whether it has a variable there.

    >>> mentioned("SELECT * { GRAPH <urn:g> { ?s ?p 'GRAPH ?g' } }"), mentioned("ASK { GRAPH ?g { ?s ?p ?o } }")
    ((['urn:g'], False), ([], True))
    """
    names = _graph_names(sparql, with_from=False)
    known = dict.fromkeys(_expanded(found[0], sparql).value for found in names if not found["variable"])
    return list(known), any(found["variable"] for found in names)


def _graph_names(sparql: str, *, with_from: bool = True) -> list[re.Match[str]]:
    """Return what stands after GRAPH, and after FROM or FROM NAMED as well, in a text."""
    found, last, before = [], "", ""
    for token in _TOKENS.finditer(bare(sparql, iris=True)):
        after_from = with_from and (last == "FROM" or (last == "NAMED" and before == "FROM"))
        if (last == "GRAPH" or after_from) and (token["iri"] or token["variable"] or token["name"]):
            found.append(token)
        before, last = last, token[0].upper()
    return found


def _expanded(name: str, sparql: str) -> NamedNode:
    """Return the IRI that a name in a text stands for; ``UsageError`` for one that is not whole."""
    declared = dict(_PREFIX.findall(bare(sparql, iris=True)))
    prefix, _, local = name.partition(":")
    whole = name[1:-1] if name.startswith("<") else declared.get(prefix, "") + local.replace("\\", "")
    try:
        return NamedNode(whole)
    except ValueError as error:
        remedy = "write its IRI in full, without escapes"
        raise UsageError(f"the graph {name} is no whole IRI", remedy=remedy) from error
