"""Questions that count over everything, against plain Python in two engines; and those that must not read all."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from itertools import product
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from pyoxigraph import Literal, Quad, RdfFormat, Store, Triple, serialize
from rdflib import Graph

from kg.asking.questions import filled
from kg.terms import iri
from kg.view import stored_question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOT_STATED = "not stated"
TIMES = {
    '"2019-05-01"^^xsd:date': 2019,
    '"2020"^^xsd:gYear': 2020,
    '"2020-02"^^xsd:gYearMonth': 2020,
    '"2021-03-05T10:00:00Z"^^xsd:dateTime': 2021,
    '"--03-15"^^xsd:gMonthDay': None,
    '"00:00:00"^^xsd:time': None,
}
COUNTS, EVENTS, AGREEMENTS = ("c1", "c2", "c3", "c4"), ("e1", "e2", "e3"), ("a1", "a2", "a3")
STATES, PLACES, ACTORS, SUPPORTS = ("s1", "s2"), ("p1", "p2", "p3"), ("v1", "v2"), ("u1", "u2", "u3")


def every(subjects: Iterable[str], predicate: str, values: Iterable[Any]) -> list[tuple[str, str, Any]]:
    return [(subject, predicate, value) for subject, value in product(subjects, values)]


FACTS = [
    *every(COUNTS, "leastCount", (2, 3, 7)),
    *every(COUNTS, "mostCount", (7, 9)),
    *every(COUNTS, "resultsFrom", EVENTS),
    *every(COUNTS, "hasVictimsFrom", ACTORS),
    *every(COUNTS, "isIncludedIn", ("c4",)),
    *every((*COUNTS, *EVENTS), "takesPlaceIn", PLACES),
    *every(PLACES, "isInState", STATES),
    *every((*COUNTS, *EVENTS, *AGREEMENTS), "begin", TIMES),
    *every(EVENTS, "a", ("Event", "Attack", "Meeting")),
    *every(AGREEMENTS, "hasParty", (*ACTORS, *STATES)),
    *every(SUPPORTS, "hasSupporter", ACTORS),
    *every(SUPPORTS, "hasRecipient", (*ACTORS, *STATES)),
]
KINDS = [*every(COUNTS, "a", ("DeathCount",)), *every(AGREEMENTS, "a", ("Agreement",))]
Facts = "frozenset[tuple[str, str, Any]]"

facts = st.frozensets(st.sampled_from(FACTS), max_size=30).map(lambda some: some | frozenset(KINDS))
years = st.none() | st.sampled_from((2019, 2020, 2022))


def term(value: Any) -> Any:
    if isinstance(value, int):
        return Literal(value)
    if found := re.fullmatch(r'"(.*)"\^\^(.*)', value):
        return Literal(found[1], datatype=iri(found[2]))
    return iri(f"parley:{value}") if value[0].isupper() else iri(f"id:{value}")


def triples(some: Facts) -> list[Triple]:
    return [
        Triple(iri(f"id:{s}"), iri("rdf:type" if p == "a" else f"parley:{p}"), term(o))
        for s, p, o in sorted(some, key=str)
    ]


def answers(name: str, some: Facts, **years: int | None) -> list[tuple[Any, ...]]:
    """The rows that pyoxigraph gives, which are those of rdflib in the same order."""
    told = {year: Literal(value) for year, value in years.items() if value}
    question = filled(stored_question(name), told)
    store, graph = Store(), Graph()
    store.extend(Quad(*triple) for triple in triples(some))
    graph.parse(data=serialize(triples(some), format=RdfFormat.N_TRIPLES), format="nt")
    found = [tuple(map(plain, row)) for row in store.query(question)]
    if found:  # where no group is left rdflib makes a row of nothing
        assert [tuple(map(plain, row)) for row in graph.query(question)] == found
    return found


def plain(cell: Any) -> Any:
    value = str(getattr(cell, "value", cell)) if not hasattr(cell, "toPython") else str(cell)
    return int(value) if re.fullmatch(r"-?\d+", value) else value.rpartition("/")[2].removeprefix("ontology#")


class Told:
    """What some facts tell, looked up in plain Python."""

    def __init__(self, some: Facts) -> None:
        self._some = some

    def of(self, subject: str, predicate: str) -> list[Any]:
        return sorted(o for s, p, o in self._some if (s, p) == (subject, predicate))

    def with_a(self, predicate: str) -> list[str]:
        return sorted({s for s, p, _ in self._some if p == predicate})

    def years(self, thing: str) -> list[Any]:
        return sorted({TIMES[time] for time in self.of(thing, "begin")} - {None}) or [NOT_STATED]

    def states(self, thing: str) -> list[str]:
        places = self.of(thing, "takesPlaceIn")
        return sorted({state for place in places for state in self.of(place, "isInState")}) or [NOT_STATED]


def within(year: Any, since: int | None, until: int | None) -> bool:
    if year == NOT_STATED:
        return since is until is None
    return (since or 0) <= year <= (until or 9999)


def toll(some: Facts, since: int | None, until: int | None) -> Iterator[tuple[Any, ...]]:
    told = Told(some)
    counts = defaultdict(set)
    for count in COUNTS:
        if told.of(count, "isIncludedIn"):
            continue
        matters = told.of(count, "resultsFrom") or [count]
        for matter, victims in product(matters, told.of(count, "hasVictimsFrom") or [""]):
            for state, year in product(told.states(matter), told.years(matter)):
                if within(year, since, until):
                    counts[state, year, matter, victims].add(count)
    summed = defaultdict(list)
    for (state, year, *_), grouped in counts.items():
        least = min(min(told.of(count, "leastCount"), default=0) for count in grouped)
        highest = [max(told.of(count, "mostCount"), default=None) for count in grouped]
        summed[state, year].append((least, None if None in highest else max(highest)))
    for (state, year), ranges in summed.items():
        least, most = sum(low for low, _ in ranges), [high for _, high in ranges]
        yield state, year, len(ranges), least, NOT_STATED if None in most else sum(most)


@given(facts, years, years)
def test_the_dead_are_added_up_by_state_and_year_as_plain_python_does(some, since, until):
    found = answers("death-toll", some, since=since, until=until)
    assert sorted(found, key=str) == sorted(toll(some, since, until), key=str)


@given(facts, years, years)
def test_events_are_counted_by_year_in_each_of_their_kinds(some, since, until):
    told = Told(some)
    counted = Counter(
        (year, kind)
        for event in EVENTS
        if "Event" in told.of(event, "a")
        for year, kind in product(told.years(event), told.of(event, "a"))
        if within(year, since, until)
    )
    expected = [(*key, number) for key, number in counted.items()]
    found = answers("events-by-year", some, since=since, until=until)
    assert sorted(found, key=str) == sorted(expected, key=str)


@given(facts, years, years)
def test_agreements_and_the_parties_that_they_bind_are_counted_by_year(some, since, until):
    told = Told(some)
    reached = defaultdict(set)
    for agreement in AGREEMENTS:
        for year in told.years(agreement):
            if within(year, since, until):
                reached[year].add(agreement)
    expected = [
        (year, len(those), len({party for one in those for party in told.of(one, "hasParty")}))
        for year, those in reached.items()
    ]
    found = answers("agreements-by-year", some, since=since, until=until)
    assert sorted(found, key=str) == sorted(expected, key=str)


@given(facts)
def test_the_most_frequent_supporters_come_first(some):
    told = Told(some)
    expected = []
    for actor in ACTORS:
        given_by = [
            one for one in SUPPORTS if actor in told.of(one, "hasSupporter") and told.of(one, "hasRecipient")
        ]
        recipients = {recipient for one in given_by for recipient in told.of(one, "hasRecipient")}
        expected += [(actor, len(given_by), len(recipients))] if given_by else []
    expected.sort(key=lambda row: (-row[1], row[0]))
    assert answers("frequent-supporters", some) == expected


@given(facts)
def test_the_parties_to_the_most_agreements_come_first(some):
    told = Told(some)
    bound = Counter(party for one in AGREEMENTS for party in told.of(one, "hasParty"))
    assert answers("frequent-parties", some) == sorted(bound.items(), key=lambda row: (-row[1], row[0]))


def test_no_more_than_a_hundred_come_as_the_most_frequent():
    many = frozenset(("a1", "hasParty", f"v{number}") for number in range(150)) | frozenset(KINDS)
    assert answers("frequent-parties", many) == sorted((f"v{number}", 1) for number in range(150))[:100]


@pytest.mark.parametrize("name", ["death-toll", "events-by-year", "agreements-by-year"])
def test_a_year_that_is_not_stated_is_in_no_range_of_years(name):
    some = frozenset([("e1", "a", "Event"), *KINDS])
    assert answers(name, some)
    assert answers(name, some, since=1900) == answers(name, some, until=2100) == []


def crowd(number: int) -> Store:
    """So many corridors, as wide as each other and measured alike, and so many agreements with two provisions."""
    store = Store()
    for at in range(number):
        told = [(f"corridor{at}", "a", "Corridor"), (f"agreement{at}", "a", "Agreement")]
        told += [(f"agreement{at}", "hasProvision", f"provision{at}-{which}") for which in (1, 2)]
        for width, length in (("hasTotalWidth", 12), ("hasWidthOnEachSide", 6)):
            told += [(f"corridor{at}", width, f"{width}{at}"), (f"{width}{at}", "numericValue", length)]
            told += [(f"{width}{at}", "hasUnit", "kilometre")]
        store.extend(Quad(*triple) for triple in triples(frozenset(told)))
    return store


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        ("corridor-width", "corridor", (12, 6, "kilometre")),
        ("provision-count", "agreement", ("agreement7", 2, NOT_STATED)),
    ],
)
def test_a_question_of_one_thing_does_not_read_all_that_is_like_it(name, parameter, expected):
    """A hundred times as many things may cost ten times as much at the most; reading all of them cost a hundred."""
    question = filled(stored_question(name), {parameter: iri(f"id:{parameter}7")})

    def least(store: Store) -> float:
        seconds = []
        for _ in range(7):
            begun = time.perf_counter()
            rows = [tuple(map(plain, row)) for row in store.query(question)]
            seconds.append(time.perf_counter() - begun)
            assert rows == [expected]
        return min(seconds)

    assert least(crowd(4_000)) < 10 * least(crowd(40))
