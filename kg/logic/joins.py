"""Bodies of rules matched against a graph: one pattern after the other, each looked up, what is known first.

A join is planned once and run as often as need be. What it costs is what the look-ups yield: nothing is
enumerated that does not hang together with the terms given, unless a body is made so.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple, Variable

from kg.logic.axioms import Pattern, Term
from kg.storage.overlay import canonical
from kg.terms import iri

Environment: TypeAlias = tuple[Any, ...]
"""Terms in the slots of a join; slot 0 holds ``None``, which in a look-up matches anything."""


class Graph(Protocol):
    """What a body is matched against."""

    def triples(self, subject: Any, predicate: Any, value: Any, /) -> Iterable[Triple]:  # noqa: ANN401 - any term
        """Yield the triples that match, ``None`` matching anything."""

    def contains(self, triple: Triple, /) -> bool:
        """Tell whether the graph has this triple."""


def match(
    body: Sequence[Pattern], bindings: Mapping[str, Any], graph: Graph, condition: str = ""
) -> Iterator[dict[str, Any]]:
    """Yield the ways in which a body holds in a graph, given what some variables stand for.

    ``bindings`` gives terms by the names of their variables, and so does what is yielded, in no fixed order.
    Variables in ``bindings`` that the body lacks stay as they are. The graph must not change meanwhile.

    >>> from kg.storage.store import Embedded
    >>> from kg.storage.overlay import Overlay
    >>> a, p, b = map(NamedNode, ("x:a", "x:p", "x:b"))
    >>> graph = Overlay(Embedded())
    >>> graph.add(Triple(a, p, b))
    True
    >>> [str(found["o"]) for found in match([(Variable("s"), p, Variable("o"))], {"s": a}, graph)]
    ['<x:b>']
    """
    join = _planned(tuple(map(Variable, bindings)), tuple(body), condition)
    for environment in join.run(tuple(bindings.values()), graph):
        yield join.bindings(environment)


class Join:
    """The plan for matching a body, where the terms of some patterns are given.

    ``given`` says what the terms mean with which the join is run: a variable is what they bind, anything else, and
    a variable that comes again, is what they must equal. ``wanted`` are further terms that need a slot.
    """

    __slots__ = (
        "_checks",
        "_coined",
        "_condition",
        "_later",
        "_other",
        "_plan",
        "_start",
        "_turned",
        "slots",
    )

    def __init__(
        self,
        given: Sequence[Term],
        body: Sequence[Pattern],
        condition: str = "",
        wanted: Sequence[Term] = (),
    ) -> None:
        made = [Variable(name) for name in _MADE.findall(condition)]
        terms = [*itertools.chain(*body), *given, *wanted, *_constants(condition)]
        known = dict.fromkeys(term for term in terms if not isinstance(term, Variable))
        self._start: Environment = (None, *map(_stored, known))
        self.slots: dict[Term, int] = {term: slot for slot, term in enumerate(known, start=1)}
        """Where in an environment each term stands."""
        size, self._checks, later = len(self._start) + len(given), list[tuple[int, int]](), []
        for slot, term in enumerate(given, start=len(self._start)):
            if term in made:
                later.append((term, slot))
            elif self.slots.setdefault(term, slot) != slot:
                self._checks.append((self.slots[term], slot))
        self._coined = self._inverted(condition, dict(later), body, size)
        size += self._coined is not None
        plan = _Plan(body, self.slots, size)
        other = plan.rival(body, self.slots, size)
        self._plan, self._other, self.slots = plan, other, plan.slots
        self._turned = other.turned(plan) if other else None
        self._condition = _Condition(condition, self.slots) if condition else None
        self.slots.update({variable: slot for slot, variable in enumerate(made, start=plan.size)})
        self._later = [(self.slots[term], slot) for term, slot in later]

    def run(self, values: Environment, graph: Graph) -> Iterator[Environment]:
        """Yield an environment for each way in which the body and the condition hold with these terms given."""
        found = self.begun(values)
        ways = self._ways(found, graph) if found else iter(())
        if not self._condition:
            return ways
        ways = self._condition.holding(ways)
        return filter(self._as_given, ways) if self._later else ways

    def begun(self, values: Environment) -> Environment | None:
        """Return what is known before anything is looked up, ``None`` where these terms do not fit."""
        found = self._start + values
        if any(found[one] != found[two] for one, two in self._checks):
            return None
        if not self._coined:
            return found
        origin = self._coined(found)
        return None if origin is None else (*found, origin)

    def place(self, pattern: Pattern) -> tuple[int, int, int]:
        """Return the slots of the terms of a pattern."""
        subject, predicate, value = pattern
        return self.slots[subject], self.slots[predicate], self.slots[value]

    def bindings(self, environment: Environment) -> dict[str, Any]:
        """Return what the variables stand for, by their names; those that remain unbound are left out."""
        return {
            term.value: environment[slot]
            for term, slot in self.slots.items()
            if isinstance(term, Variable) and slot < len(environment) and environment[slot] is not None
        }

    def _as_given(self, found: Environment) -> bool:
        """Tell whether what the condition computes is what was given."""
        return all(found[one] == found[two] for one, two in self._later)

    def _ways(self, found: Environment, graph: Graph) -> Iterator[Environment]:
        """Follow the plan, or its rival where that begins with the look-up that yields less."""
        if self._other is None or self._turned is None:
            return self._plan.follow(found, graph)
        mine, others = self._plan.first(found, graph), self._other.first(found, graph)
        held: tuple[list[Environment], list[Environment]] = ([], [])
        for one, two in itertools.islice(itertools.zip_longest(mine, others), _AHEAD):
            if one is None:
                break
            held[0].append(one)
            if two is None:
                return map(self._turned, self._other.followed(held[1], graph))
            held[1].append(two)
        return self._plan.followed(itertools.chain(held[0], mine), graph)

    def _inverted(
        self, condition: str, made: Mapping[Term, int], body: Sequence[Pattern], slot: int
    ) -> Callable[[Environment], NamedNode | None] | None:
        """Give a slot to the thing whose name is the beginning of a given one that the condition coins.

        Without that, all that the body can ever hold for would be tried to see whether it makes that name.
        """
        for origin, ending, coined in _COINED.findall(condition):
            term, name = Variable(origin), Variable(coined)
            if name in made and term not in self.slots and any(term == subject for subject, _, _ in body):
                self.slots[term] = slot
                given = made[name]
                return lambda found: _without(found[given], ending)
        return None


class _Plan:
    """The order in which the patterns of a body are looked up, and the slots of what they find."""

    __slots__ = ("_steps", "size", "slots")

    def __init__(
        self, body: Sequence[Pattern], slots: Mapping[Term, int], size: int, first: Pattern | None = None
    ) -> None:
        self.slots, self.size = dict(slots), size
        rest, steps = list(dict.fromkeys(body)), list[_Step]()
        while rest:
            pattern = first if first and not steps else min(rest, key=self._openness)
            rest.remove(pattern)
            steps.append(self._step(pattern))
        self._steps = tuple(steps)

    def rival(self, body: Sequence[Pattern], slots: Mapping[Term, int], size: int) -> _Plan | None:
        """Return a plan that begins elsewhere, where two look-ups of a kind could come first."""
        given = _Plan((), slots, size)
        ranks = sorted(
            (given._openness(pattern), number) for number, pattern in enumerate(dict.fromkeys(body))
        )
        if len(ranks) == 1 or not ranks or not 0 < ranks[0][0] <= ranks[1][0] <= _SELECTIVE:
            return None
        return _Plan(body, slots, size, list(dict.fromkeys(body))[ranks[1][1]])

    def turned(self, other: _Plan) -> Callable[[Environment], Environment]:
        """Return what puts the environments of this plan into the order of another's."""
        place = {other.slots[term]: slot for term, slot in self.slots.items()}
        return itemgetter(*(place.get(slot, slot) for slot in range(self.size)))

    def first(self, found: Environment, graph: Graph) -> Iterator[Environment]:
        """Take the first step."""
        return self._extended(found, graph, self._steps[0])

    def followed(self, ways: Iterable[Environment], graph: Graph) -> Iterator[Environment]:
        """Go on after the first step."""
        return (way for found in ways for way in self.follow(found, graph, 1))

    def follow(self, found: Environment, graph: Graph, depth: int = 0) -> Iterator[Environment]:
        """Take all steps from one on."""
        if depth == len(self._steps):
            return iter((found,))
        ways = self._extended(found, graph, self._steps[depth])
        if depth + 1 == len(self._steps):
            return ways
        return (way for longer in ways for way in self.follow(longer, graph, depth + 1))

    def _extended(self, found: Environment, graph: Graph, step: _Step) -> Iterator[Environment]:
        (one, two, three), fresh, equal = step
        subject, predicate, value = found[one], found[two], found[three]
        if isinstance(subject, _NO_SUBJECT) or (two and not isinstance(predicate, NamedNode)):
            return
        if fresh:
            for triple in graph.triples(subject, predicate, value):
                terms = tuple(triple)
                if not equal or all(terms[left] == terms[right] for left, right in equal):
                    yield found + fresh(terms)
        elif graph.contains(Triple(subject, predicate, value)):
            yield found

    def _step(self, pattern: Pattern) -> _Step:
        probe = tuple(self.slots.get(term, 0) for term in pattern)
        fresh, equal = list[int](), []
        for place, term in enumerate(pattern):
            if self.slots.setdefault(term, self.size) == self.size:
                fresh.append(place)
                self.size += 1
            elif not probe[place]:
                equal.append((pattern.index(term), place))
        return probe, _picker(fresh), tuple(equal)

    def _openness(self, pattern: Pattern) -> int:
        """Rate how much a look-up may yield: a thing says little, much may be said of it, most of a class."""
        subject, predicate, value = (term in self.slots for term in pattern)
        if subject:
            return 0 if predicate and value else 1 if value else 2 if predicate else 4
        if value:
            return (7 if pattern[1] == _TYPE else 3) if predicate else 5
        return 6 if pattern[1] == _SAME else 8 if predicate else 9


_Step: TypeAlias = tuple[Any, Callable[[Environment], Environment] | None, tuple[tuple[int, int], ...]]

_TYPE, _SAME = iri("rdf:type"), iri("owl:sameAs")
_NO_SUBJECT = (Literal, Triple)
_SELECTIVE: Final = 5
_AHEAD: Final = 1_000
"""How far two look-ups are followed side by side to see which is the shorter."""
_ROW: Final = NamedNode("slot:")
_ROWS: Final = 64
"""Ways that are put to the engine at once: asking about one takes nearly as long as asking about all of them."""
_MADE: Final = re.compile(r" AS \?(\w+)\)")
_COINED: Final = re.compile(r'BIND\(IRI\(CONCAT\(STR\(\?(\w+)\), "([^"\\]+)"\)\) AS \?(\w+)\)')
_VARIABLE: Final = re.compile(r"\?(\w+)")
_TERM = r"(?:\?\w+|<[^<>\s]*>)"
_DIFFERENT = rf"{_TERM} != {_TERM}"
_INEQUALITY: Final = re.compile(
    rf"FILTER\((?:\({_DIFFERENT}\)|COALESCE\({_DIFFERENT}, true\)|{_DIFFERENT}(?: \|\| {_DIFFERENT})*)\) ?"
)
_PAIR: Final = re.compile(rf"({_TERM}) != ({_TERM})")
_THING: Final = re.compile(r"FILTER\(!isLiteral\(\?(\w+)\)\) ?")


class _Condition:
    """The condition of a rule. Whether things differ is seen at once; all else is left to the engine."""

    def __init__(self, text: str, slots: Mapping[Term, int]) -> None:
        names = dict.fromkeys(_VARIABLE.findall(text))
        self.made = _MADE.findall(text)
        self.used = [
            (NamedNode(f"slot:{name}"), slots[Variable(name)]) for name in names if Variable(name) in slots
        ]
        self.plain = len(self.used) == len(names) and not _THING.sub("", _INEQUALITY.sub("", text))
        self.tests = list(_tests(text, slots)) if self.plain else []
        rows = " ".join(f"?row {slot} ?{slot.value.removeprefix('slot:')} ." for slot, _ in self.used)
        self.query = f"SELECT * {{ ?row {_ROW} ?row . {rows} {text} }}"

    def holding(self, ways: Iterator[Environment]) -> Iterator[Environment]:
        """Yield the environments for which the condition holds, with what it computes."""
        doubtful: list[Environment] = []
        for found in ways:
            holds = self.judged(found) if self.plain else None
            if holds:
                yield found
            elif holds is None:
                doubtful.append(found)
            if len(doubtful) == _ROWS:
                yield from self.asked(doubtful)
                doubtful = []
        if doubtful:
            yield from self.asked(doubtful)

    def judged(self, found: Environment) -> bool | None:
        """Tell whether all tests hold, ``None`` where only the engine knows."""
        verdicts = [test(found) for test in self.tests]
        return False if False in verdicts else None if None in verdicts else True

    def asked(self, ways: Sequence[Environment]) -> Iterator[Environment]:
        """Have the engine judge, from triples of its own as it would from those of the base.

        Terms put in with ``substitutions`` are compared by name instead of value by pyoxigraph 0.5.
        """
        store = Store()
        names = [NamedNode(f"row:{number}") for number in range(len(ways))]
        store.extend(Quad(row, _ROW, row) for row in names)
        store.extend(
            Quad(row, slot, found[place])
            for row, found in zip(names, ways, strict=True)
            for slot, place in self.used
        )
        by_name = dict(zip(names, ways, strict=True))
        solutions: Any = store.query(self.query)
        for solution in solutions:
            yield by_name[solution["row"]] + tuple(solution[name] for name in self.made)


def _tests(text: str, slots: Mapping[Term, int]) -> Iterator[Callable[[Environment], bool | None]]:
    for thing in _THING.findall(text):
        yield _is_thing(slots[Variable(thing)])
    for found in _INEQUALITY.finditer(text):
        pairs = [(slots[_term(one)], slots[_term(two)]) for one, two in _PAIR.findall(found[0])]
        yield _differ(pairs)


def _is_thing(slot: int) -> Callable[[Environment], bool | None]:
    return lambda found: not isinstance(found[slot], Literal)


def _differ(pairs: Sequence[tuple[int, int]]) -> Callable[[Environment], bool | None]:
    """Tell whether one of some pairs differs: two literals may be one value, and not a number is never itself."""

    def test(found: Environment) -> bool | None:
        verdict: bool | None = False
        for left, right in pairs:
            one, two = found[left], found[right]
            if isinstance(one, _RESOURCE) or isinstance(two, _RESOURCE):
                if one != two:
                    return True
            elif one != two or getattr(one, "value", "NaN") == "NaN":
                verdict = None
        return verdict

    return test


_RESOURCE = (NamedNode, BlankNode)


def _constants(condition: str) -> list[NamedNode]:
    return [
        NamedNode(term[1:-1])
        for found in _INEQUALITY.finditer(condition)
        for term in re.findall(_TERM, found[0])
        if term.startswith("<")
    ]


def _stored(term: Term) -> Any:  # noqa: ANN401 - any term
    return canonical(Triple(_ROW, _ROW, term)).object if isinstance(term, Literal) else term


def _term(text: str) -> Term:
    return Variable(text[1:]) if text.startswith("?") else NamedNode(text[1:-1])


def _without(coined: object, ending: str) -> NamedNode | None:
    if isinstance(coined, NamedNode) and coined.value.endswith(ending):
        try:
            return NamedNode(coined.value.removesuffix(ending))
        except ValueError:
            return None
    return None


def _picker(places: Sequence[int]) -> Callable[[Environment], Environment] | None:
    if not places:
        return None
    if len(places) == 1:
        (place,) = places
        return lambda terms: (terms[place],)
    return itemgetter(*places)


@lru_cache(maxsize=1024)
def _planned(given: tuple[Variable, ...], body: tuple[Pattern, ...], condition: str) -> Join:
    return Join(given, body, condition)
