"""Where a remote store listens: the addresses of its three protocols, told from the one that the user gives.

The three are those of SPARQL 1.1: query and update (SPARQL 1.1 Protocol, 2) and the graph store
(SPARQL 1.1 Graph Store HTTP Protocol). Servers agree on what is said and not on where.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from kg.errors import UsageError
from kg.syntax.visible import one_line

_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_NAME: Final = re.compile(r"[a-z0-9-]{1,40}")
_WRITTEN: Final = re.compile(r"[!-~]+")
_NOT_IN_A_URL: Final = re.compile(r'[\\<>"{}|^`]')
_LONGEST: Final = 2_000
_UPDATE, _DATA = "KG_UPDATE_URL", "KG_DATA_URL"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The addresses of one base on one server."""

    query: str
    """URL of the query protocol."""
    update: str
    """URL of the update protocol."""
    data: str
    """URL of the graph store protocol, empty where none is known."""
    name: str
    """Which base on that server: the URL's fragment, empty for the only one."""
    url: str
    """What the user wrote, for messages."""


def is_endpoint(store: str) -> bool:
    """Tell whether a store is given as the address of a server, be it one that cannot be used, and not as a folder.

    >>> is_endpoint("https://example.org/sparql"), is_endpoint("ftp://example.org"), is_endpoint("bases/syria")
    (True, True, False)
    """
    return _URL.match(store) is not None


def read_endpoint(url: str, environ: Mapping[str, str] = os.environ, *, server: str = "") -> Endpoint:
    """Return where a store listens whose query protocol, or whose root, is at ``url``.

    The path tells the layout: Oxigraph's at a root or at ``/query``, Fuseki's, RDF4J's and GraphDB's, else one
    address for queries and updates. ``server``, the name that the server gives itself, decides where a path is
    common to several. ``KG_UPDATE_URL`` and ``KG_DATA_URL`` in ``environ`` take precedence over both. The fragment
    names the base. ``UsageError`` for what is no such URL, or holds a password.

    >>> read_endpoint("http://127.0.0.1:7878#syria", {})
    ... # doctest: +NORMALIZE_WHITESPACE
    Endpoint(query='http://127.0.0.1:7878/query', update='http://127.0.0.1:7878/update',
             data='http://127.0.0.1:7878/store', name='syria', url='http://127.0.0.1:7878#syria')
    """
    parts = _read(url, "the store")
    name = parts.fragment
    if name and not _NAME.fullmatch(name):
        what = f"the name of a base is up to 40 of a-z, 0-9 and -, not {one_line(name, 60)!r}"
        raise UsageError(what, where="the store's URL", remedy="correct what follows the #")
    query, update, data = _layout(parts.path.rstrip("/"), server.casefold())
    root = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    found = Endpoint(root + query, root + update, root + data if data else "", name, url)
    for variable, field in ((_UPDATE, "update"), (_DATA, "data")):
        if other := environ.get(variable, ""):
            if _read(other, variable).fragment:
                raise UsageError("the URL holds a #", where=variable, remedy="leave out what follows it")
            found = replace(found, **{field: other})
    return found


def _layout(path: str, server: str) -> tuple[str, str, str]:
    """Return the paths of query, update and graph store that go with one path."""
    parent, _, last = path.rpartition("/")
    if not path:
        return "/query", "/update", "/store"
    if last == "sparql" and "virtuoso" in server:
        return path, f"{path}-auth", f"{path}-graph-crud-auth"
    if last in {"query", "sparql"} and ("oxigraph" in server or path == "/query"):
        return path, f"{parent}/update", f"{parent}/store"
    if last == "query" or (last == "sparql" and re.fullmatch(r"/[^/]+", parent)):
        return path, f"{parent}/update", f"{parent}/data"
    if re.search(r"/repositories/[^/]+\Z", path):
        return path, f"{path}/statements", f"{path}/rdf-graphs/service"
    return path, path, ""


def _read(url: str, what: str) -> SplitResult:
    """Read a URL into its parts; an error repeats none of it where it may hold a password."""
    where, remedy = what, "give it as http://HOST:PORT/PATH or https://HOST/PATH"
    if not _SCHEME.match(url):
        raise UsageError("not a URL of http or https", where=where, remedy=remedy)
    if len(url) > _LONGEST or not _WRITTEN.fullmatch(url) or _NOT_IN_A_URL.search(url):
        raise UsageError("the URL holds a character that may not be in one", where=where, remedy=remedy)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(
            "the URL has no host or port that can be read", where=where, remedy=remedy
        ) from error
    if "@" in parts.netloc:
        remedy = "leave it out; set KG_STORE_USER and KG_STORE_PASSWORD, or use a netrc file"
        raise UsageError("a user or password stands in the URL", where=where, remedy=remedy)
    if not host or port == 0:
        raise UsageError("the URL names no host or port", where=where, remedy=remedy)
    if parts.query:
        raise UsageError("the URL holds a ?", where=where, remedy="leave out what follows it")
    return parts
