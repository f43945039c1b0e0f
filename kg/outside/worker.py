"""The program that ``sandbox`` starts for one query from outside: reads a request, writes an answer, ends.

It takes nothing of the package and little of the standard library, so that it starts in 20 ms. Its exit status
says how it went; on failure its standard error says the rest.
"""

from __future__ import annotations

import _thread
import errno
import marshal
import os
import select
import sys
import time

if __name__ == "__main__":  # started without site-packages, told where pyoxigraph lies
    sys.path.append(sys.argv[1])

import pyoxigraph as ox

TYPE_CHECKING = False  # typing itself would take a fifth of the start
if TYPE_CHECKING:
    from typing import IO, Any

NOT_SPARQL, FOREIGN, BROKEN, TOO_LARGE, NO_MEMORY, TOO_LONG = 65, 66, 67, 68, 69, 70
"""Exit statuses: cannot be parsed; would call SERVICE; the store failed; answer too large; memory
ran out; and, never by the worker itself, its time ran out."""


def main() -> None:
    """Answer the request on standard input on standard output, then end the process."""
    try:
        _thread.start_new_thread(end_with_parent, ())
        request = marshal.load(sys.stdin.buffer)  # noqa: S302 - from our own parent
        set_limits(request)
        status, text = _work(request, sys.stdout.buffer)
    except MemoryError:
        status, text = NO_MEMORY, ""
    os.write(2, text.encode())
    os._exit(status)  # without taking anything apart: nothing here outlives the process


def calls_service(sparql: str) -> bool:
    """Tell whether any reading of the text could call another endpoint.

    This does not rely on telling strings, IRIs and comments apart, where one mistake would open a gap (``<``
    opens an IRI or compares). ``SERVICE``, a name and ``{`` in a row count wherever they stand, unless the
    word is the end of a variable or of a prefixed name. So a string that holds just that is refused too.
    Escapes are looked at as written and resolved (SPARQL 1.1, 19.2).
    """
    if "service" not in sparql.lower() and "\\" not in sparql:
        return False
    import re

    gap = r"(?:\s|\#[^\n\r]*+)*+"
    name = r"""(?:<[^>]*+>|[?$][^\s<>"'{}()\#\\]*+|[^\s<>"'{}()?$\#:]*+:(?:[^\s<>"'{}()\\\#]|\\.)*+)"""
    call = re.compile(rf"service{gap}(?:silent{gap})?{name}{gap}\{{", re.IGNORECASE | re.ASCII)
    inside_name = re.compile(r"\w*[?$:]")
    resolved = re.sub(
        r"\\u([0-9A-Fa-f]{4})|\\U(000[0-9A-Fa-f]{5})", lambda hit: chr(int(hit[1] or hit[2], 16)), sparql
    )
    for text in (sparql, resolved):
        for hit in call.finditer(text):
            if not inside_name.match(text[max(0, hit.start() - 200) : hit.start()][::-1]):
                return True
    return False


def _work(request: dict[str, Any], output: IO[bytes]) -> tuple[int, str]:
    if calls_service(request["sparql"]):
        return FOREIGN, ""
    try:
        store = _opened(request)
        graphs = request["graphs"]
        answer = store.query(
            request["sparql"],
            prefixes=request["prefixes"],
            default_graph=None if graphs is None else [ox.NamedNode(graph) for graph in graphs],
        )
        _write(answer, output)
    except SyntaxError as error:
        return NOT_SPARQL, str(error)
    except (OSError, RuntimeError, ValueError) as error:
        return _sort(error), str(error)
    return 0, ""


def _sort(error: Exception) -> int:
    too_large = getattr(error, "errno", None) == errno.EFBIG or f"os error {errno.EFBIG}" in str(error)
    return TOO_LARGE if too_large else BROKEN


def _opened(request: dict[str, Any]) -> ox.Store:
    if request["folder"] is not None:
        return _opened_folder(request["folder"])
    store = ox.Store()
    # Not bulk_load: that asks for 200 MB before it reads the first quad.
    store.load(request["data"], ox.RdfFormat.N_QUADS, path=request["file"])
    open_no_more()
    return store


def _opened_folder(folder: str) -> ox.Store:
    deadline = time.monotonic() + 1.0
    while True:
        try:
            return ox.Store.read_only(folder)
        except (OSError, RuntimeError):  # now and then, beside a process that writes
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)


def _write(answer: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples, output: IO[bytes]) -> None:
    if isinstance(answer, ox.QueryTriples):
        output.write(b"graph\n")
        answer.serialize(output, ox.RdfFormat.N_TRIPLES)
    else:
        output.write(b"table\n")
        answer.serialize(output, ox.QueryResultsFormat.JSON)
    output.flush()


def set_limits(request: dict[str, Any]) -> None:
    """Let the kernel hold the limits, where it has them: memory, size of the answer, time on the processor.

    ``RLIMIT_DATA`` and not ``RLIMIT_AS``, because RocksDB reserves addresses that it never uses.
    """
    try:
        import resource
    except ImportError:
        return
    seconds = int(request["seconds"]) + 1
    for limit, value in (
        (resource.RLIMIT_DATA, request["memory"]),
        (resource.RLIMIT_FSIZE, request["size"]),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(limit)
        allowed = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (allowed, allowed))


def open_no_more() -> None:
    """See to it that no further file or connection can be opened, whatever a query or a file asks for.

    The three standard streams are all that there is.
    """
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def end_with_parent() -> None:
    """End the process when nobody is left to read its standard error."""
    if hasattr(select, "poll"):
        watched = select.poll()
        watched.register(2, 0)
        watched.poll()
        os._exit(0)


if __name__ == "__main__":
    main()
