"""The view after a change: what follows from what comes, what falls with what goes, and the clashes that come of it.

Everything is matched against an overlay, so nothing is written and nothing is enumerated that does not hang
together with the change. The view is what :func:`kg.logic.reason.close` would make of what is stated then.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pyoxigraph import BlankNode, NamedNode, Triple, Variable

from kg.errors import LimitReached, UnsupportedConstruct
from kg.logic.joins import Environment, Graph, Join
from kg.logic.reason import Bindings
from kg.logic.rules import Pattern, Rule
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Embedded
from kg.terms import iri

_Slots: TypeAlias = tuple[int, int, int]

_TYPE, _SAME = iri("rdf:type"), iri("owl:sameAs")
_STEPS: Final = 5
"""How often a rule that computes may lead to itself; no other rule can go on for ever.

Far fewer than the rounds that building a view allows, so that what is accepted here can be built again.
"""
_MOST_DRAWN: Final = 1_000_000
"""How many conclusions a change may draw, known ones included: a few seconds.

A long chain of parts draws the cube of its length.
"""


@dataclass(frozen=True, slots=True)
class _Part:
    """A rule with one of its patterns given: a pattern of its body, or its head.

    ``slots`` are those of the patterns that are asked for: the head where a pattern of the body is given, the body
    where the head is. Other patterns than the one given may be about equality: ``equality``.
    """

    rule: Rule
    join: Join
    slots: tuple[_Slots, ...]
    computes: bool
    equality: bool

    @classmethod
    def of(cls, rule: Rule, given: Pattern) -> _Part:
        asked = rule.body if given is rule.head else (rule.head,) if rule.head else ()
        body = [pattern for pattern in rule.body if pattern != given]
        join = Join(given, body, rule.condition, tuple(itertools.chain(*asked)))
        equality = any(predicate == _SAME for _, predicate, _ in body)
        return cls(rule, join, tuple(map(join.place, asked)), "BIND(" in rule.condition, equality)

    def heads(self, terms: Environment, graph: Graph) -> list[Triple]:
        """Return what the rule derives with the triple of these terms, less what is no triple."""
        ((one, two, three),) = self.slots
        # what a condition computes comes from the engine in canonical form
        return [
            Triple(way[one], way[two], way[three])
            for way in self.join.run(terms, graph)
            if isinstance(way[one], _SUBJECT) and isinstance(way[two], NamedNode) and way[three] is not None
        ]

    def supports(self, terms: Environment, graph: Graph) -> Iterator[Triple]:
        """Yield the triples of the bodies from which the rule derives the triple of these terms, body by body."""
        return itertools.chain.from_iterable(self.bodies(terms, graph))

    def bodies(self, terms: Environment, graph: Graph) -> Iterator[tuple[Triple, ...]]:
        """Yield the bodies from which the rule derives the triple of these terms; triples in the rule's order."""
        for way in self.join.run(terms, graph):
            yield tuple(Triple(way[one], way[two], way[three]) for one, two, three in self.slots)

    def known(self, terms: Environment) -> dict[str, Any] | None:
        """Return what the variables of the rule stand for where it derives the triple of these terms.

        As far as that is seen without a look-up; ``None`` where the rule never derives it.
        """
        begun = self.join.begun(terms)
        return None if begun is None else self.join.bindings(begun)


_SUBJECT = (NamedNode, BlankNode)


class _Index:
    """Parts of rules by what a triple must be like for them: its predicate, or its class."""

    def __init__(self, parts: Iterable[tuple[Pattern, _Part]]) -> None:
        self._parts: dict[object, list[_Part]] = {}
        for (_, predicate, value), part in parts:
            typed = predicate == _TYPE and not isinstance(value, Variable)
            key = (_TYPE, value) if typed else predicate if not isinstance(predicate, Variable) else None
            self._parts.setdefault(key, []).append(part)

    def of(self, terms: Environment, equality: bool) -> Iterator[_Part]:
        """Yield the parts that a triple may match; those that need equality only where there is some."""
        _, predicate, value = terms
        keys = ((_TYPE, value), predicate, None) if predicate == _TYPE else (predicate, None)
        for key in keys:
            for part in self._parts.get(key, ()):
                if equality or not part.equality:
                    yield part


class Rulebook:
    """Rules made ready to be matched with single triples. Made once: it takes some 20 ms for 400 rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        deriving = [rule for rule in rules if rule.head and rule.body]
        stated: list[Any] = [rule.head for rule in rules if rule.head and not rule.body]
        self.facts: Final = frozenset(canonical(Triple(*head)) for head in stated)
        """What the ontology itself states of individuals: it holds whatever is withdrawn."""
        self.deriving: Final = _Index(
            (pattern, _Part.of(rule, pattern)) for rule in deriving for pattern in rule.body
        )
        self.concluding: Final = _Index(
            (rule.head, _Part.of(rule, rule.head)) for rule in deriving if rule.head
        )
        self.clashing: Final = _Index(
            (pattern, _Part.of(rule, pattern)) for rule in rules if rule.head is None for pattern in rule.body
        )


def derive(overlay: Overlay, rules: Rulebook, facts: Iterable[Triple]) -> None:
    """Add facts to a closed view, and all that follows from them.

    Facts come in canonical form. Cost: some microseconds for each triple that is derived, and as many look-ups as
    rules speak of its predicate or class. Raises ``UnsupportedConstruct`` for a rule that computes without end,
    ``LimitReached`` for a change from which too much follows.
    """
    new = [fact for fact in facts if overlay.add(fact)]
    equality = _has_equality(overlay)
    steps: dict[Triple, int] = {}
    drawn = 0
    for triple in new:  # which grows
        terms = tuple(triple)
        equality = equality or terms[1] == _SAME
        taken = steps.get(triple, 0) if steps else 0
        for part in rules.deriving.of(terms, equality):
            heads = part.heads(terms, overlay)
            drawn += len(heads)
            for head in heads:
                if overlay.add(head):
                    new.append(head)
                    if taken or part.computes:
                        steps[head] = _counted(taken + part.computes, part.rule)
        if drawn > _MOST_DRAWN:
            what = f"more than {_MOST_DRAWN:,} conclusions follow"
            raise LimitReached(what, remedy="leave out long chains of parts, or load it with kg load")


def _counted(steps: int, rule: Rule) -> int:
    if steps > _STEPS:
        remedy = "what it computes must not lead to the rule again"
        raise UnsupportedConstruct(
            "a SPARQL rule does not come to an end", where=rule.names[0], remedy=remedy
        )
    return steps


def _has_equality(graph: Overlay) -> bool:
    return any(True for _ in graph.triples(None, _SAME, None))


def withdraw(
    overlay: Overlay, rules: Rulebook, facts: Iterable[Triple], stated: Callable[[Triple], bool]
) -> None:
    """Take from a closed view what no longer follows once some facts are no longer stated.

    ``stated`` tells whether a triple is still stated, by an accepted claim or by reference data; what is, stays.
    Before anything goes, another proof of it is looked for among what stays (the backward/forward algorithm
    of Motik, Nenov, Piro and Horrocks, AAAI 2015). So a thing of which much is said loses one reason of many without
    all else being taken away and derived again. Cost grows with what goes, and with what its proofs rest on.
    """
    _Withdrawal(overlay, rules, lambda fact: fact in rules.facts or stated(fact)).run(facts)


class _Withdrawal:
    """What is known while facts go: which triples were looked into, and which of them are proved to stay."""

    def __init__(self, overlay: Overlay, rules: Rulebook, stated: Callable[[Triple], bool]) -> None:
        self.overlay, self.rules, self.stated = overlay, rules, stated
        self.equality = _has_equality(overlay)
        self.checked: set[Triple] = set()
        self.proved = Overlay(Embedded())
        self.ahead: set[Triple] = set()
        """What is proved, but was not looked into yet."""

    def run(self, facts: Iterable[Triple]) -> None:
        queue = list(facts)
        for fact in queue:  # which grows
            if not self.overlay.contains(fact):
                continue
            self.check(fact)
            if not self.proved.contains(fact):
                queue += self.heads(fact, self.overlay)
                self.overlay.remove(fact)

    def heads(self, fact: Triple, graph: Graph) -> list[Triple]:
        terms = tuple(fact)
        parts = self.rules.deriving.of(terms, self.equality)
        return [head for part in parts for head in part.heads(terms, graph)]

    def check(self, fact: Triple) -> None:
        """Look for a proof, down to what is stated; deep proofs are no deep recursion."""
        stack = [(fact, self.opened(fact))] if fact not in self.checked else []
        while stack:
            fact, supports = stack[-1]
            support = None
            if not self.proved.contains(fact):
                support = next((triple for triple in supports if triple not in self.checked), None)
            if support:
                stack.append((support, self.opened(support)))
            else:
                stack.pop()

    def opened(self, fact: Triple) -> Iterator[Triple]:
        """Begin to look into a triple; return what it may rest on."""
        self.checked.add(fact)
        if fact in self.ahead or self.stated(fact):
            self.prove(fact)
        terms = tuple(fact)
        parts = self.rules.concluding.of(terms, self.equality)
        return (support for part in parts for support in part.supports(terms, self.overlay))

    def prove(self, fact: Triple) -> None:
        """Note that a triple stays, and what follows from it and all else that stays."""
        queue = [fact]
        for proved in queue:  # which grows
            if self.proved.add(proved):
                for head in self.heads(proved, self.proved):
                    if head in self.checked:
                        queue.append(head)
                    else:
                        self.ahead.add(head)


def clashes_of(
    overlay: Overlay, rules: Rulebook, among: Iterable[Triple] | None = None
) -> Iterator[tuple[Rule, Bindings]]:
    """Yield every way in which the body of a clash holds and takes a triple that the change adds, each once.

    With ``among`` it takes one of these triples. In the order in which the triples came. Symmetric rules find both
    ways round. Some look-ups a triple; the types of a thing are looked up once.
    """
    equality = _has_equality(overlay)
    seen: set[object] = set()
    for triple in list(overlay.added if among is None else among):
        terms: tuple[Any, ...] = tuple(triple)
        for part in rules.clashing.of(terms, equality):
            for way in part.join.run(terms, overlay):
                found = part.join.bindings(way)
                known = (id(part.rule), frozenset(found.items()))
                if known not in seen:
                    seen.add(known)
                    yield part.rule, found
