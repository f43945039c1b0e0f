"""A view that is kept up with every change is the view that is built from nothing, and so are its clashes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Triple
from test_reason import EX, HEADER, ONTOLOGY, OURS, RULES, SAME, TYPE, WORD_RULES, WORDS, graphs, parts, read

from kg.bases.bulk import examine, file_part
from kg.bases.cache import seed_files
from kg.errors import UnsupportedConstruct
from kg.logic.maintain import Rulebook, clashes_of, derive, withdraw
from kg.logic.reason import clashes, close
from kg.logic.rules import Rule, compile_rules
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Embedded
from kg.terms import VIEW, iri

COMPUTED = (
    HEADER
    + """
@prefix sh: <http://www.w3.org/ns/shacl#> .
:A a owl:Class ; owl:hasKey ( :n ) , ( :p :m ) . :B a owl:Class ; rdfs:subClassOf :A ; owl:disjointWith :C .
:C a owl:Class ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:maxQualifiedCardinality 1 ;
    owl:onClass :B ] .
:p a owl:ObjectProperty , owl:IrreflexiveProperty , owl:AsymmetricProperty ; rdfs:subPropertyOf :q .
:q a owl:ObjectProperty , owl:TransitiveProperty , owl:SymmetricProperty .
:f a owl:ObjectProperty , owl:FunctionalProperty ; rdfs:domain :B .
:g a owl:ObjectProperty , owl:InverseFunctionalProperty ; owl:propertyDisjointWith :f ; owl:inverseOf :h .
:h a owl:ObjectProperty . :k a owl:ObjectProperty . :r a owl:ObjectProperty . :d a owl:DatatypeProperty .
:n a owl:DatatypeProperty , owl:FunctionalProperty ; rdfs:domain :A .
:m a owl:DatatypeProperty ; rdfs:subPropertyOf :l . :l a owl:DatatypeProperty .
[ a owl:Restriction ; owl:onProperty :l ; owl:hasValue 01.0 ] rdfs:subClassOf :B .
:i1 a :A ; :m 02 . :i2 owl:differentFrom :i3 .
:doubles a sh:SPARQLRule ; sh:construct '''PREFIX : <https://example.org/> CONSTRUCT
    { ?x :k ?z . ?z :d ?double . ?z :r ?y }
    WHERE { ?x :f ?y . ?y :n ?n BIND(?n * 2 AS ?double) BIND(IRI(CONCAT(STR(?y), "/twice")) AS ?z) }''' .
:greater a sh:SPARQLRule ; sh:construct '''PREFIX : <https://example.org/> CONSTRUCT { ?x :q ?y }
    WHERE { ?x :n ?n . ?y :n ?m . ?x :p ?z . ?y :p ?z FILTER(?n > ?m) }''' .
:named a sh:SPARQLRule ; sh:construct '''PREFIX : <https://example.org/> CONSTRUCT { ?z :l "seen" , 01.0 . ?z ?p ?x }
    WHERE { ?x ?p ?y . ?x :f ?z FILTER(?x != ?y) }''' .
"""
)
RICH = read(COMPUTED)
RICH_RULES = compile_rules(RICH)
THINGS = [NamedNode(f"{EX}i{number}") for number in range(1, 6)]


class Base:
    """A store with its view, the facts that are stated, and the rules; changes enter through overlays."""

    def __init__(self, rules: Sequence[Rule], facts: Iterable[Triple] = ()) -> None:
        self.rules, self.book = rules, Rulebook(rules)
        self.stated = set(map(canonical, facts))
        self.store = built(rules, self.stated)

    def change(
        self, come: Iterable[Triple] = (), go: Iterable[Triple] = (), *, last: bool = False
    ) -> Overlay:
        """Lay a change over the base: first what goes, then what comes, or the other way round."""
        come, go = list(map(canonical, come)), list(map(canonical, go))
        self.stated = (self.stated | set(come)) - set(go) if last else (self.stated - set(go)) | set(come)
        overlay = Overlay(self.store)
        for step in (1, 0) if last else (0, 1):
            if step:
                derive(overlay, self.book, come)
            else:
                withdraw(overlay, self.book, go, self.stated.__contains__)
        return overlay

    def apply(self, overlay: Overlay) -> None:
        gone = " ".join(f"{triple} ." for triple in overlay.removed)
        self.store.update(f"DELETE DATA {{ GRAPH {VIEW} {{ {gone} }} }}")
        self.store.add(Quad(*triple, VIEW) for triple in overlay.added)


def built(rules: Sequence[Rule], facts: Iterable[Triple]) -> Embedded:
    store = Embedded()
    store.add(Quad(*fact, VIEW) for fact in facts)
    close(store, rules)
    return store


def held(store: Embedded) -> set[Triple]:
    return {quad.triple for quad in store.quads(graph=VIEW)}


def solutions(found: Iterable[tuple[Rule, Any]]) -> set[Any]:
    listed = [(id(rule), frozenset(bindings.items())) for rule, bindings in found]
    assert len(listed) == len(set(listed)), "each once"
    return set(listed)


def assert_kept_up(base: Base, overlay: Overlay) -> None:
    """The overlay is the view built from nothing, and its new clashes are those that the old view has not."""
    old, expected = held(base.store), built(base.rules, base.stated)
    assert (old - overlay.removed) | overlay.added == held(expected)
    assert overlay.removed <= old
    assert not overlay.added & old
    before, after = (solutions(clashes(store, base.rules)) for store in (base.store, expected))
    assert solutions(clashes_of(overlay, base.book)) == after - before


SETTINGS = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def changes(
    draw: st.DrawFn, facts: Callable[[], st.SearchStrategy[list[Triple]]]
) -> list[tuple[list[Triple], list[int], bool]]:
    """Some changes one after the other: what comes, which of all there ever was goes, and in which order."""
    going = st.lists(st.integers(0, 60), max_size=5)
    steps = st.tuples(facts(), going, st.booleans())
    return draw(st.lists(steps, min_size=1, max_size=3))


def run(base: Base, steps: Iterable[tuple[list[Triple], list[int], bool]]) -> None:
    # derived triples and what is stated twice are withdrawn as well, and what is stated again at once
    for come, going, last in steps:
        known = sorted(base.stated | held(base.store), key=str)
        overlay = base.change(come, [known[number % len(known)] for number in going if known], last=last)
        assert_kept_up(base, overlay)
        base.apply(overlay)
        assert held(base.store) == held(built(base.rules, base.stated))


things = st.sampled_from(THINGS)
equal = st.lists(st.builds(Triple, things, st.just(SAME), things), max_size=1)


@settings(SETTINGS)
@given(
    graphs(WORDS, WORD_RULES, THINGS, 14), changes(lambda: graphs(WORDS, WORD_RULES, THINGS, 6)), equal, equal
)
def test_over_a_varied_ontology_every_change_leads_to_the_view_that_is_built_from_nothing(
    facts: list[Triple], steps: list[Any], first: list[Triple], later: list[Triple]
) -> None:
    come, going, last = steps[0]
    run(Base(WORD_RULES, facts + first), [(come + later, going, last), *steps[1:]])


values = st.sampled_from(
    [
        Literal("1", datatype=iri("xsd:integer")),
        Literal("01.0", datatype=iri("xsd:decimal")),
        Literal("2", datatype=iri("xsd:integer")),
        Literal("4.5", datatype=iri("xsd:decimal")),
        Literal("seen"),
        Literal("vu", language="fr"),
    ]
)
said = st.lists(
    st.one_of(
        st.builds(Triple, things, st.just(TYPE), st.sampled_from([NamedNode(EX + name) for name in "ABC"])),
        st.builds(Triple, things, st.sampled_from([NamedNode(EX + name) for name in "pqfgh"]), things),
        st.builds(Triple, things, st.sampled_from([NamedNode(EX + name) for name in "nnml"]), values),
        st.builds(Triple, things, st.just(iri("owl:differentFrom")), things),
    ),
    max_size=8,
)


@settings(SETTINGS)
@given(said, changes(lambda: said), equal)
def test_keys_counts_equality_values_and_computing_rules_are_kept_up_as_well(
    facts: list[Triple], steps: list[Any], same: list[Triple]
) -> None:
    run(Base(RICH_RULES, facts + same), steps)


OUR_THINGS = [NamedNode(f"{EX}{name}") for name in "abcdef"]


@settings(SETTINGS, max_examples=30)
@given(graphs(ONTOLOGY, OURS, OUR_THINGS, 20), changes(lambda: graphs(ONTOLOGY, OURS, OUR_THINGS, 10)), equal)
def test_over_our_ontology_every_change_leads_to_the_view_that_is_built_from_nothing(
    facts: list[Triple], steps: list[Any], same: list[Triple]
) -> None:
    run(Base(OURS, facts), [*steps, (same, [0], False)])


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_kept_up_fact_by_fact(name: str) -> None:
    """The small ontology of each rule: its facts come one by one in every order, and go again."""
    ontology, facts, expected = parts(name)
    for order in itertools.islice(itertools.permutations(facts), 6):
        base = Base(compile_rules(ontology))
        for fact in order:
            overlay = base.change([fact])
            assert_kept_up(base, overlay)
            base.apply(overlay)
        assert expected is None or expected <= held(base.store)
        for fact in order:
            overlay = base.change(go=[fact])
            assert_kept_up(base, overlay)
            base.apply(overlay)


# the article


def test_the_claims_one_by_one_in_any_order_lead_to_the_view_that_is_built_at_once() -> None:
    facts = sorted(
        {canonical(quad.triple) for quad in examine([file_part(p) for p in seed_files()]).held()}, key=str
    )
    at_once, chance = built(OURS, facts), random.Random(3)  # noqa: S311 - any order will do
    chance.shuffle(facts)
    base = Base(OURS)
    overlay = Overlay(base.store)
    for fact in facts:
        derive(overlay, base.book, [fact])
    assert held(base.store) | overlay.added == held(at_once)
    assert list(clashes_of(overlay, base.book)) == []
    base.apply(overlay)
    chance.shuffle(facts)
    left = set(facts)
    overlay = Overlay(base.store)
    for number, fact in enumerate(facts):
        left.remove(fact)
        withdraw(overlay, base.book, [fact], left.__contains__)
        if number % 100 == 0:
            assert held(base.store) - overlay.removed == held(built(OURS, left))
    assert held(base.store) - overlay.removed == base.book.facts


# cases that are easily got wrong


def facts_of(text: str) -> list[Triple]:
    return read(HEADER + text)


def test_a_cycle_does_not_hold_itself_up() -> None:
    base = Base(WORD_RULES, facts_of(":a :q :b . :b :q :a . :c :r :d ."))
    overlay = base.change(go=facts_of(":b :q :a . :c :r :d ."))
    assert_kept_up(base, overlay)
    assert facts_of(":a :q :a . :d :r :c .")[0] in overlay.removed


def test_what_is_stated_and_follows_as_well_stays_until_neither_holds() -> None:
    base = Base(WORD_RULES, facts_of(":a :p :b ; :q :b ."))
    stated, wider = facts_of(":a :p :b . :a :q :b .")
    assert wider not in base.change(go=[stated]).removed
    base = Base(WORD_RULES, facts_of(":a :p :b ; :q :b ."))
    assert list(base.change(go=[wider]).removed) == []
    base.stated.discard(wider)
    overlay = base.change(go=[stated])
    assert {stated, wider} <= overlay.removed
    assert_kept_up(base, overlay)


def test_what_the_ontology_states_itself_stays() -> None:
    base = Base(WORD_RULES, facts_of(":i1 :p :i2 ."))
    assert list(base.change(go=facts_of(":i1 :p :i2 .")).removed) == []


def test_a_change_taken_back_is_no_change() -> None:
    base = Base(WORD_RULES, facts_of(":a :p :b . :b :q :c ."))
    facts = facts_of(":b :p :a . :a :r :c . :d owl:sameAs :a .")
    overlay = base.change(facts)
    assert len(overlay.added) > len(facts)
    withdraw(overlay, base.book, facts, (base.stated - set(facts)).__contains__)
    assert not overlay.added
    assert not overlay.removed


def test_an_equality_that_is_derived_midway_holds_for_what_is_derived_after_it() -> None:
    axioms = [":f a owl:ObjectProperty , owl:FunctionalProperty . :p a owl:ObjectProperty ."]
    for number in range(4):
        value = "[ a owl:Restriction ; owl:onProperty :p ; owl:hasValue :v{} ]"
        axioms.append(f"{value.format(number)} rdfs:subClassOf {value.format(number + 1)} .")
    base = Base(compile_rules(read(HEADER + " ".join(axioms))))
    facts = facts_of(":a :f :v4 , :w . :x :p :v0 .")
    overlay = base.change(facts)
    assert_kept_up(base, overlay)
    assert overlay.contains(*facts_of(":x :p :w ."))
    base.apply(overlay)
    assert_kept_up(base, base.change(go=facts[:1]))


def test_what_goes_and_comes_again_is_no_change() -> None:
    facts = facts_of(":a :p :b . :b :q :c .")
    overlay = Base(WORD_RULES, facts).change(facts, facts)
    assert not overlay.added
    assert not overlay.removed


def test_a_literal_never_becomes_a_subject_or_a_property() -> None:
    base = Base(RICH_RULES)
    overlay = base.change(facts_of(':a :l "text" ; :p :b . :b owl:sameAs "text" .'))
    assert_kept_up(base, overlay)


def test_a_rule_that_computes_without_end_is_stopped() -> None:
    text = (
        ":r a <http://www.w3.org/ns/shacl#SPARQLRule> ; <http://www.w3.org/ns/shacl#construct> "
        "'''PREFIX : <https://example.org/> CONSTRUCT { ?x :q ?z } "
        "WHERE { ?x :q ?y BIND(IRI(CONCAT(STR(?y), \"/next\")) AS ?z) }''' ."
    )
    book = Rulebook(compile_rules(read(HEADER + text)))
    with pytest.raises(UnsupportedConstruct, match=r"r: a SPARQL rule does not come to an end"):
        derive(Overlay(Embedded()), book, facts_of(":a :q :b ."))


def test_a_proof_of_ten_thousand_steps_is_no_deep_recursion() -> None:
    axioms = ":q a owl:ObjectProperty . :s a owl:ObjectProperty ; owl:propertyChainAxiom ( :s :q ) ."
    steps = [
        Triple(NamedNode(f"{EX}n{n}"), NamedNode(EX + "q"), NamedNode(f"{EX}n{n + 1}")) for n in range(10_000)
    ]
    base = Base(compile_rules(read(HEADER + axioms)))
    start = facts_of(":a :s :n0 .")
    overlay = base.change([*steps, *start])
    assert len(overlay.added) == 20_001
    withdraw(overlay, base.book, steps[-1:], {*steps[:-1], *start}.__contains__)
    assert len(overlay.added) == 19_999
    withdraw(overlay, base.book, start, set(steps).__contains__)
    assert len(overlay.added) == 9_999


# what a change costs


class Counting(Embedded):
    """A store that counts the look-ups and what they yield."""

    work = 0

    def quads(self, *pattern: Any, **graph: Any) -> Any:
        self.work += 1
        for quad in super().quads(*pattern, **graph):
            self.work += 1
            yield quad

    def contains(self, quad: Quad) -> bool:
        self.work += 1
        return super().contains(quad)


P = f"@prefix p: <https://w3id.org/parley/ontology#> . {HEADER} "


def hub(size: int) -> list[Triple]:
    """A state, a region and a unit of which much is said: every look-up the wrong way round is long."""
    text = [P, ":region a p:Territory . :hub a p:State ."]
    for number in range(size):
        text.append(
            f":s{number} a p:State ; p:supports :hub ; p:givesSupport :g{number} . :g{number} p:hasRecipient :hub . "
            f":t{number} a p:Territory ; p:isLocatedIn :region . :e{number} p:takesPlaceIn :t{number} . "
            f":f{number} p:isForceOf :hub . :c{number} p:hasWidthOnEachSide :w{number} . "
            f":w{number} p:numericValue 6 ; p:hasUnit :km . "
        )
    return read(" ".join(text))


def cost(size: int) -> tuple[int, int]:
    """How much is looked up to add and check a few facts, and to withdraw them and one reason out of two."""
    base = Base(OURS, hub(size))
    store = Counting()
    store.fill(base.store.quads(graph=VIEW))
    base.store = store
    come = read(
        f"{P} :new a p:State ; p:givesSupport :gift . :gift p:hasRecipient :hub . :army p:isForceOf :hub . "
        ":town a p:Territory ; p:isLocatedIn :region . :battle p:takesPlaceIn :town . "
        ":corridor p:hasWidthOnEachSide :width . :width p:numericValue 6 ; p:hasUnit :km ."
    )
    overlay = base.change(come)
    assert len(overlay.added) > len(come)
    assert list(clashes_of(overlay, base.book)) == []
    adding = store.work
    base.apply(overlay)
    store.work = 0
    again = read(f"{P} :s1 p:supports :hub . :g2 p:hasRecipient :hub .")
    overlay = base.change(go=[*come, *again])
    assert len(overlay.removed) > len(come)
    assert not {*again[:1]} & overlay.removed, "what follows from something else as well stays"
    return adding, store.work


def test_what_a_change_costs_does_not_depend_on_the_size_of_the_base() -> None:
    # a few more or less by the order in which the store finds things
    for small, large in zip(cost(5), cost(500), strict=True):
        assert abs(large - small) <= small / 20


def test_one_reason_of_many_goes_without_touching_what_hangs_on_it() -> None:
    """Each of a thousand supporters makes the hub one that is supported; that one goes must not reach the others."""
    axioms = """:p a owl:ObjectProperty ; rdfs:range :B . :B a owl:Class . :A a owl:Class .
        [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :B ] rdfs:subClassOf :A ."""
    facts = facts_of("".join(f":s{number} :p :hub ." for number in range(1000)))
    base = Base(compile_rules(read(HEADER + axioms)), facts)
    base.store = store = Counting()
    store.fill(built(base.rules, facts).quads(graph=VIEW))
    overlay = base.change(go=facts[:1])
    assert len(overlay.removed) == 2
    assert store.work < 60


def test_without_equality_in_the_view_its_rules_cost_one_look() -> None:
    book = Rulebook(compile_rules(read(HEADER + ":p a owl:ObjectProperty .")))
    store = Counting()
    derive(Overlay(store), book, facts_of(":a :p :b . :b :p :c ."))
    assert store.work == 1 + 2  # and one for each fact
