"""What was looked up on another machine: remembered thing by thing, for as long as a reading lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from pyoxigraph import NamedNode, Quad

Pattern: TypeAlias = tuple[Any, Any, Any, NamedNode | None]
"""Subject, predicate, object and graph of a look-up, ``None`` matching anything."""

_MOST: Final = 200_000  # quads; then all is forgotten


class Memory:
    """All about a thing in a graph, and the first page of other look-ups.

    ``about`` is under a thing and a graph, or ``None`` for all graphs; it is ``None`` where that is too much. Things in
    ``partly`` have texts that were left out.
    """

    def __init__(self) -> None:
        self.about: Final = dict[tuple[Any, NamedNode | None], Sequence[Quad] | None]()
        self.partly: Final = set[tuple[Any, NamedNode | None]]()
        self.found: Final = dict[Pattern, Sequence[Quad]]()
        self._size = 0

    def keep(self, where: dict[Any, Any], key: object, quads: Sequence[Quad]) -> None:
        """Remember what was found; all else is forgotten when that is much."""
        if self._size > _MOST:
            for one in (self.about, self.partly, self.found):
                one.clear()
            self._size = 0
        where[key] = quads
        self._size += len(quads) + 1


def matching(quads: Iterable[Quad], predicate: Any, value: Any) -> Iterator[Quad]:  # noqa: ANN401 - any term
    """Return the quads with a predicate and an object, ``None`` matching anything."""
    return (
        quad
        for quad in quads
        if (predicate is None or quad.predicate == predicate) and (value is None or quad.object == value)
    )
