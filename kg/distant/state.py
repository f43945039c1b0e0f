"""What a base behind an endpoint says of itself, and the one way in which that changes.

There is no journal: the engine's own durability takes its place. The graph of the state holds one literal, which
every change replaces on the condition that it is still the one that was read. So of two who write at once the second
changes nothing, and is told. docs/remote-stores.md describes it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, Final

from pyoxigraph import Literal, Quad

from kg.distant.engine import Remote
from kg.errors import LimitReached, Overtaken, StoreError
from kg.terms import STATE, iri

MAKING, LAYING, TAKING = "making", "laying", "taking over"
"""What may be going on: the base is made, a change is laid beside it, or is taken over."""

_VALUE: Final = iri("rdf:value")


@dataclass(frozen=True, slots=True)
class State:
    """What a base says of itself: its last record, a token of it, what its view was made from, what is going on.

    While a change is laid that can be gone on with after an interruption, ``change`` tells which, and ``began`` the
    time that its claims bear.
    """

    number: int
    token: str
    made_from: str
    doing: str = ""
    change: str = ""
    began: str = ""

    @property
    def literal(self) -> Literal:
        """Return the state as it is kept."""
        return Literal(json.dumps(astuple(self)))

    @property
    def quad(self) -> Quad:
        """Return the one quad of the graph of the state."""
        return Quad(STATE, _VALUE, self.literal, STATE)

    def now(self, made_from: str) -> State:
        """Return this state as one whose view is made from another ontology."""
        return replace(self, made_from=made_from)

    def next(self, *, number: int | None = None, doing: str = "") -> State:
        """Return a state that comes after this one, with a token of its own."""
        number = self.number if number is None else number
        return State(number, uuid.uuid4().hex, self.made_from, doing)

    def laying(self, change: str = "", began: str = "") -> State:
        """Return the state in which a change is laid: this one, if the same change was cut short in it."""
        if change and (self.doing, self.change) == (LAYING, change):
            return self
        return replace(self.next(doing=LAYING), change=change, began=began)


def state(store: Remote) -> State | None:
    """Return the state of a base, ``None`` where there is none. One request."""
    rows: Any = store.query(f"SELECT ?state {{ GRAPH {STATE} {{ {STATE} {_VALUE} ?state }} }}", None)
    found = [json.loads(row["state"].value) for row in rows]
    return State(*found[0]) if found else None


def begin(store: Remote, first: State) -> None:
    """Give a base its first state, unless it has one; ``Overtaken`` where somebody else was faster."""
    mine = f"{store.place(STATE)} {{ {first.quad.triple} }}"
    there = f"{store.place(STATE)} {{ {STATE} {_VALUE} ?any }}"
    # counted, because Virtuoso takes no group that only has a FILTER or an OPTIONAL
    none = f"{{ SELECT (COUNT(*) AS ?states) {{ {there} }} }} FILTER(?states = 0)"
    store.client.update(f"INSERT {{ {mine} }} WHERE {{ {none} }}")
    if state(store) != first:
        what = "somebody else makes a base here"
        raise Overtaken(what, where=store.endpoint.url, remedy="wait for it")


def move(
    store: Remote, old: State, new: State, coming: Sequence[Quad] = (), going: Sequence[Quad] = ()
) -> None:
    """Make one conditional update: from a state to another, with what comes and goes.

    Whatever the engine answers, or does not, the state tells whether it was made.
    """
    before, after = (f"{store.place(STATE)} {{ {STATE} {_VALUE} {one.literal} }}" for one in (old, new))
    gone, come = before + store.blocks(going), after + store.blocks(coming)
    for pause in (0.1, 0.4, 0.0):  # a server that breaks a deadlock fails one of those who wrote
        failed: StoreError | LimitReached | None = None
        try:
            store.client.update(f"DELETE {{ {gone} }} INSERT {{ {come} }} WHERE {{ {before} }}")
        except (StoreError, LimitReached) as error:
            failed = error
        found = state(store)
        if found == new:
            return
        if not failed or found != old:
            break
        if not pause:
            raise failed
        time.sleep(pause)
    raise Overtaken("somebody else changed the base meanwhile", where=store.endpoint.url, remedy="try again")
