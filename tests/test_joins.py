"""A body is matched as the engine matches it, whatever is given, and nothing is looked up that need not be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple, Variable

from kg.logic.joins import Join, match
from kg.logic.rules import Rule, selection
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Embedded
from kg.terms import VIEW, iri

EX = "https://example.org/"
X, Y, Z, P, N = map(Variable, ("x", "y", "z", "p", "n"))
THINGS = [NamedNode(EX + name) for name in "abc"]
PROPERTIES = [NamedNode(EX + name) for name in "pq"]
LITERALS = [
    Literal("1", datatype=iri("xsd:integer")),
    Literal("01.0", datatype=iri("xsd:decimal")),
    Literal("2.5", datatype=iri("xsd:decimal")),
    Literal("NaN", datatype=iri("xsd:double")),
    Literal("-0.0", datatype=iri("xsd:double")),
    Literal("0", datatype=iri("xsd:double")),
    Literal("abc", datatype=iri("xsd:integer")),
    Literal("abc", datatype=NamedNode(EX + "unknown")),
    Literal("abc"),
    Literal("abc", language="en"),
    Literal("2020-03-05", datatype=iri("xsd:date")),
    Literal("2020-03-05T00:00:00Z", datatype=iri("xsd:dateTime")),
    Literal("2020-03-05T00:00:00", datatype=iri("xsd:dateTime")),
]
CONDITIONS = [
    "",
    "FILTER(?x != ?y)",
    "FILTER((?y != ?z))",
    "FILTER(COALESCE(?y != ?z, true))",
    "FILTER(!isLiteral(?y))",
    f"FILTER(?x != <{EX}a> || ?y != ?z) FILTER(?x != ?z)",
    "FILTER((?y < ?z))",
    "FILTER(((?y != ?z) && (?x != ?y)))",
    f"FILTER(?y != <{EX}a>)",
    'BIND(IRI(CONCAT(STR(?x), "/made")) AS ?n)',
    "BIND((?y + ?z) AS ?n)",
    "BIND((?y + ?z) AS ?n) FILTER((?n > 2))",
]

triples = st.builds(
    Triple,
    st.sampled_from(THINGS),
    st.sampled_from(PROPERTIES),
    st.sampled_from([*THINGS, *LITERALS, BlankNode("b")]),
).map(canonical)
subjects = st.sampled_from([X, X, Y, Z, *THINGS[:1]])
patterns = st.tuples(
    subjects,
    st.sampled_from([*PROPERTIES, *PROPERTIES, P, X]),
    st.sampled_from([X, Y, Y, Z, Z, THINGS[0], LITERALS[1]]),
)


def graph(facts: set[Triple]) -> Overlay:
    """Half of the facts in the base, half in the change, and one in the base that the change removes."""
    base, ordered = Embedded(), sorted(facts, key=str)
    gone = Triple(THINGS[2], PROPERTIES[0], Literal("gone"))
    base.add(Quad(*triple, VIEW) for triple in [*ordered[::2], gone])
    overlay = Overlay(base)
    overlay.remove(gone)
    for triple in ordered:
        overlay.add(triple)
    return overlay


def rows(found: Any) -> list[frozenset[Any]]:
    return sorted((frozenset(row.items()) for row in found), key=lambda row: sorted(map(str, row)))


def asked(facts: set[Triple], body: tuple[Any, ...], condition: str) -> list[dict[str, Any]]:
    """What the engine finds when it is asked the same."""
    engine = Embedded()
    engine.add(Quad(*fact, VIEW) for fact in facts)
    solutions: Any = engine.query(selection(Rule(("test",), None, body, condition)))
    names = [variable.value for variable in solutions.variables]
    return [{name: row[name] for name in names if row[name] is not None} for row in solutions]


@given(
    st.sets(triples, max_size=12),
    st.lists(patterns, min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from(CONDITIONS),
    st.data(),
)
def test_a_body_is_matched_as_the_engine_matches_it(
    facts: set[Triple], body: tuple[Any, ...], condition: str, data: st.DataObject
) -> None:
    expected = asked(facts, body, condition)
    assert rows(match(body, {}, graph(facts), condition)) == rows(expected)
    if expected:  # and so it is when some of it is known beforehand, what the condition computes included
        row = data.draw(st.sampled_from(expected))
        known = data.draw(st.sets(st.sampled_from(sorted(row)))) if row else set()
        bindings = {name: row[name] for name in known}
        agreeing = [other for other in expected if bindings.items() <= other.items()]
        assert rows(match(body, bindings, graph(facts), condition)) == rows(agreeing)


@pytest.mark.parametrize("condition", [condition for condition in CONDITIONS if "BIND" not in condition])
def test_a_condition_judges_all_pairs_of_terms_as_the_engine_does(condition: str) -> None:
    a, p, q = THINGS[0], *PROPERTIES
    values = [*THINGS, *LITERALS, BlankNode("b")]
    facts = {canonical(Triple(a, way, value)) for value in values for way in (p, q)}
    body = ((X, p, Y), (X, q, Z))
    assert rows(match(body, {}, graph(facts), condition)) == rows(asked(facts, body, condition))


def test_a_literal_or_a_blank_node_where_none_can_stand_matches_nothing() -> None:
    a, p, q = THINGS[0], *PROPERTIES
    facts = {Triple(a, p, Literal("text")), Triple(a, q, a)}
    assert list(match(((X, p, Y), (Y, q, Z)), {}, graph(facts))) == []
    assert list(match(((X, Y, Z),), {"y": Literal("text")}, graph(facts))) == []
    assert list(match(((X, Y, Z),), {"y": BlankNode("b")}, graph(facts))) == []


def test_what_is_given_must_equal_what_is_asked() -> None:
    a, b, p = *THINGS[:2], PROPERTIES[0]
    join = Join((X, p, X), ())
    assert [join.bindings(way) for way in join.run((a, p, a), graph(set()))] == [{"x": a}]
    assert list(join.run((a, p, b), graph(set()))) == []
    assert list(join.run((a, PROPERTIES[1], a), graph(set()))) == []


class Watched(Overlay):
    """An overlay that notes what it is asked."""

    def triples(self, *pattern: Any) -> Any:
        self.__dict__.setdefault("asked", []).append(pattern)
        return super().triples(*pattern)


def test_the_members_of_a_class_are_never_listed_where_a_thing_is_known() -> None:
    a, p = THINGS[0], PROPERTIES[0]
    watched = Watched(Embedded())
    watched.add(Triple(a, p, THINGS[1]))
    watched.add(Triple(THINGS[1], iri("rdf:type"), THINGS[2]))
    body = ((Y, iri("rdf:type"), THINGS[2]), (X, p, Y))
    assert len(list(match(body, {"x": a}, watched))) == 1
    assert watched.__dict__["asked"] == [(a, p, None)]


def test_a_name_that_is_coined_from_another_leads_back_to_it() -> None:
    """Without that, every thing of the base would be tried for whether its name comes out."""
    a, p = THINGS[0], PROPERTIES[0]
    watched = Watched(Embedded())
    watched.add(Triple(a, p, THINGS[1]))
    coined = {"n": NamedNode(f"{EX}a/made")}
    condition = 'BIND(IRI(CONCAT(STR(?x), "/made")) AS ?n)'
    assert [found["x"] for found in match(((X, p, Y),), coined, watched, condition)] == [a]
    assert watched.__dict__["asked"] == [(a, p, None)]
    assert list(match(((X, p, Y),), {"n": NamedNode(f"{EX}b/made")}, watched, condition)) == []
    assert list(match(((X, p, Y),), {"n": NamedNode(f"{EX}a")}, watched, condition)) == []
    assert list(match(((X, p, Y),), {"n": Literal("a/made")}, watched, condition)) == []
