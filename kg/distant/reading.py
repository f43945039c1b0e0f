"""Reading a base behind an endpoint as it is at one moment, and giving it to one who changes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

from pyoxigraph import Quad

from kg.bases.cache import fingerprint, ontology_files
from kg.bases.changes import Change
from kg.distant.engine import Remote
from kg.distant.staging import drop, in_graph, lay, take_over
from kg.distant.state import MAKING, TAKING, State, move, state
from kg.errors import StoreError
from kg.storage.journal import Add, Withdraw
from kg.terms import CLAIMS, VIEW

_Read = TypeVar("_Read")

_TRIES: Final = 5
_PATIENCE: Final = 10.0  # seconds that readers and writers wait for a change that is being taken over


class Distant:
    """A base behind an endpoint: the moment at which it was last looked at, and how to read and change it."""

    def __init__(self, store: Remote) -> None:
        self.store: Final = store
        self._seen: State | None = None

    def steadily(self, read: Callable[[Remote], _Read]) -> _Read:
        """Read what holds at one moment: again, when somebody changed the base meanwhile.

        Raises ``StoreError`` where there is no base, or one that was left unfinished or made from another ontology.
        """
        self._seen = self._seen or self.settled()
        for _ in range(_TRIES):
            try:
                with self.store.steady() as store:
                    found = read(store)
            except StoreError:
                if state(self.store) == self._seen:  # else it may come of the change
                    raise
            else:
                if state(self.store) == self._seen:
                    return found
            self._seen = self.settled()
        raise StoreError("changes faster than it can be read", where=self.url, remedy="try again later")

    @property
    def url(self) -> str:
        """Where the base is, for messages."""
        return self.store.endpoint.url

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Give one who may change the base; who else changes it first is found out when a change is made."""
        with self.store.steady():
            yield Writer(self.store, self.settled())
        self._seen = None

    def settled(self, *, whatever_ontology: bool = False) -> State:
        """Return the state once nothing is half taken over.

        Raises ``StoreError`` where there is no base, one that was left unfinished, or unless ``whatever_ontology`` one
        whose view was made from another ontology.
        """
        until = time.monotonic() + _PATIENCE
        while True:
            found = state(self.store)
            if found is None or found.doing == MAKING:
                what = "was left unfinished" if found else "no base here"
                raise StoreError(what, where=self.url, remedy=f"make one with kg init {self.url}")
            if found.made_from != fingerprint(ontology_files()) and not whatever_ontology:
                remedy = f"make its view anew with kg rebuild {self.url}"
                raise StoreError("made from another ontology", where=self.url, remedy=remedy)
            if found.doing != TAKING:
                return found
            if time.monotonic() > until:  # whoever took it over is gone
                take_over(self.store, found)
            time.sleep(0.05)


class Writer:
    """The one who changes a base behind an endpoint. Not to be shared between threads."""

    def __init__(self, store: Remote, seen: State) -> None:
        self.store: Final = store
        self._seen = seen

    @property
    def time(self) -> datetime:
        """The moment that the next record will bear."""
        return datetime.now(UTC)

    def look_again(self) -> None:
        """Forget what was looked up, after ``Overtaken``."""
        self.store.forget()
        self._seen = Distant(self.store).settled()

    def commit(self, entry: Add | Withdraw, change: Change) -> None:  # noqa: ARG002 - the journal's part is the engine's
        """Make a change, all of it or nothing, where the base is still as it was looked at.

        Raises ``Overtaken`` where it is not, ``StoreError`` where it cannot be written. Two requests; more where the
        engine cannot change so much at once.
        """
        coming, going = [*change.facts, *in_graph(change.added, VIEW)], [*in_graph(change.removed, VIEW)]
        self._seen = self._changed(coming, going)
        self.store.forget()

    def _changed(self, coming: list[Quad], going: list[Quad]) -> State:
        store, seen = self.store, self._seen
        if len(coming) + len(going) > store.dialect.most_together:
            coming.sort(key=lambda quad: quad.graph_name != CLAIMS)
            take_over(store, lay(store, seen, seen.laying(), coming, going))
            return Distant(store).settled()
        new = seen.next(number=seen.number + 1)
        move(store, seen, new, coming, going)
        if seen.doing:
            drop(store, seen, void=True)
        return new
