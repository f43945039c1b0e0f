"""Every proof is sound and the shortest there is; where there is none, what is said to be missing would give one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, Variable, parse
from test_maintain import RICH, RICH_RULES, THINGS
from test_reason import RULES, graphs, parts

from kg.bases.building import build
from kg.bases.changes import rulebook
from kg.bases.ontology import ontology_rules
from kg.errors import LimitReached, UsageError
from kg.evidence.claims import read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.logic.joins import match
from kg.logic.maintain import Rulebook, derive
from kg.logic.reason import close
from kg.logic.rules import Rule, compile_rules
from kg.proofs import search
from kg.proofs.absences import explain
from kg.proofs.phrasing import find_names, missing_words, rule_sentence
from kg.proofs.proofs import Gap, Proof
from kg.proofs.prover import Prover
from kg.storage.overlay import Overlay, canonical
from kg.storage.store import Embedded
from kg.telling.explanations import explained
from kg.terms import CLAIMS, REFERENCE, VIEW, iri

HEADER = "@prefix : <x:> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix sh: <http://www.w3.org/ns/shacl#> . "
HEADER += "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
SAME, TYPE = iri("owl:sameAs"), iri("rdf:type")
P, Q = NamedNode("x:p"), NamedNode("x:q")
TRANSITIVE = ":p a owl:ObjectProperty, owl:TransitiveProperty ."


def n(number: int) -> NamedNode:
    return NamedNode(f"x:n{number}")


def read(text: str) -> list[Triple]:
    return [quad.triple for quad in parse(HEADER + text, RdfFormat.TURTLE)]


def based(
    rules: Iterable[Rule], facts: Iterable[Triple], store: Embedded | None = None
) -> tuple[Embedded, Rulebook]:
    """A base in which reference data state some facts, and its rules."""
    store, rules = store or Embedded(), list(rules)
    store.add(Quad(*fact, graph) for fact in facts for graph in (VIEW, REFERENCE))
    close(store, rules)
    return store, Rulebook(rules)


def chain(length: int) -> tuple[Embedded, Rulebook, Triple]:
    """A transitive chain, and the triple from its beginning to its end."""
    links = [Triple(n(number), P, n(number + 1)) for number in range(length)]
    return *based(compile_rules(read(TRANSITIVE)), links), Triple(n(0), P, n(length))


def held(store: Embedded) -> list[Triple]:
    return sorted({quad.triple for quad in store.quads(graph=VIEW)}, key=str)


def parts_of(proof: Proof) -> Iterator[Proof]:
    yield proof
    for premise in proof.premises:
        yield from parts_of(premise)


def depth(proof: Proof) -> int:
    return 1 + max(map(depth, proof.premises)) if proof.rule else 0


def assert_instance(proof: Proof) -> None:
    """Each step puts the same terms for the same variables of its rule."""
    assert proof.rule
    assert proof.rule.head
    found: dict[object, object] = {}
    said = [
        (proof.rule.head, proof.triple),
        *zip(proof.rule.body, (p.triple for p in proof.premises), strict=True),
    ]
    for pattern, triple in said:
        for term, value in zip(pattern, triple, strict=True):
            known = found.setdefault(term, value) if isinstance(term, Variable) else kept(term)
            assert known == value


def kept(term: Any) -> Any:
    return canonical(Triple(P, P, term)).object


def assert_sound(proof: Proof, stated: set[Triple], above: frozenset[Triple] = frozenset()) -> None:
    assert proof.triple not in above, "a proof never rests on itself"
    if proof.rule is None:
        assert proof.triple in stated
        assert proof.claims or proof.reference or proof.axiom
    else:
        assert_instance(proof)
        assert (proof.claims, proof.reference, proof.axiom) == ((), False, False)
        for premise in proof.premises:
            assert_sound(premise, stated, above | {proof.triple})


def follows(proof: Proof) -> bool:
    """What the proof ends in gives the triple by the rules that it names, with nothing else."""
    rules = {part.rule for part in parts_of(proof) if part.rule}
    leaves = {leaf.triple for leaf in proof.leaves()}
    store, _ = based(rules, leaves)
    return store.contains(Quad(*proof.triple, VIEW))


def applications(store: Embedded, rules: Iterable[Rule]) -> list[tuple[Triple, tuple[Triple, ...]]]:
    """Every way in which a rule holds in a view: its head, its body."""
    found = []
    for rule in rules:
        if not rule.head or not rule.body:
            continue
        for way in match(rule.body, {}, Overlay(store), rule.condition):
            head, *body = (
                tuple(way.get(t.value, t) if isinstance(t, Variable) else kept(t) for t in pattern)
                for pattern in (rule.head, *rule.body)
            )
            triple_like = isinstance(head[0], NamedNode | BlankNode) and isinstance(head[1], NamedNode)
            if triple_like and not isinstance(head[2], Variable | None):
                found.append((Triple(*head), tuple(Triple(*one) for one in body)))
    return found


def least_costs(store: Embedded, rules: Iterable[Rule], stated: set[Triple]) -> dict[Triple, tuple[int, int]]:
    """Steps and depth of the shortest proof of all that holds, by trying everything until nothing gets better."""
    costs = dict.fromkeys(stated, (0, 0))
    ways = applications(store, rules)
    better = True
    while better:
        better = False
        for head, body in ways:
            if all(premise in costs for premise in body):
                cost = 1 + sum(costs[p][0] for p in body), 1 + max(costs[p][1] for p in body)
                if head not in costs or cost < costs[head]:
                    costs[head], better = cost, True
    return costs


# the article


@pytest.fixture(scope="module")
def article() -> tuple[Embedded, Rulebook]:
    return build(), rulebook()


def stated_in(store: Embedded) -> set[Triple]:
    accepted = {claim.iri for claim in read_claims(store) if claim.accepted} | {REFERENCE}
    return {quad.triple for quad in store.quads() if quad.graph_name in accepted} | rulebook().facts


def test_every_triple_of_the_article_has_a_shortest_proof(article: tuple[Embedded, Rulebook]) -> None:
    store, rules = article
    prover, stated = Prover(store, rules), stated_in(store)
    costs = least_costs(store, ontology_rules(), stated)
    for triple in held(store):
        proof = prover.cheapest(triple)
        assert_sound(proof, stated)
        assert (proof.steps, depth(proof)) == costs[triple]
        assert prover.shortest(triple)


def test_what_a_proof_ends_in_is_enough_for_the_triple(article: tuple[Embedded, Rulebook]) -> None:
    prover = Prover(*article)
    proofs = [proof for triple in held(article[0]) if (proof := prover.cheapest(triple)).rule]
    assert len(proofs) > 200
    assert max(proof.steps for proof in proofs) > 10
    assert all(follows(proof) for proof in proofs if proof.steps > 1)
    assert all(follows(proof) for proof in proofs[::10])


def test_the_claims_of_a_proof_say_what_it_ends_in(article: tuple[Embedded, Rulebook]) -> None:
    store = article[0]
    proof = Prover(*article).cheapest(
        Triple(iri("id:turkey"), iri("parley:supports"), iri("id:syrian-rebels"))
    )
    claims = [(claim, leaf.triple) for leaf in proof.leaves() for claim in leaf.claims]
    assert len(claims) > 3
    assert all(claim.accepted and store.contains(Quad(*triple, claim.iri)) for claim, triple in claims)


def test_a_prover_that_knows_much_already_finds_the_same_proofs(article: tuple[Embedded, Rulebook]) -> None:
    triples = held(article[0])
    shuffled = sorted(triples, key=lambda triple: sha256(str(triple).encode()).digest())
    one, other = Prover(*article), Prover(*article)
    found = {triple: one.cheapest(triple) for triple in shuffled}
    assert all(found[triple] == other.cheapest(triple) for triple in triples)
    assert all(found[triple] == Prover(*article).cheapest(triple) for triple in triples[::20])


# any graph


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(graphs(RICH, RICH_RULES, THINGS, 12), st.booleans())
def test_over_a_varied_ontology_every_proof_is_sound_and_as_short_as_can_be(
    facts: list[Triple], equal: bool
) -> None:
    facts = [*map(canonical, facts), *([Triple(THINGS[0], SAME, THINGS[1])] if equal else [])]
    store, rules = based(RICH_RULES, facts)
    stated = set(facts) | rules.facts
    costs, prover = least_costs(store, RICH_RULES, stated), Prover(store, rules)
    for triple in held(store)[::3]:
        proof = prover.cheapest(triple)
        assert_sound(proof, stated)
        assert (proof.steps, depth(proof)) == costs[triple]
        assert prover.shortest(triple)
        others = prover.proofs(triple, 4)
        assert others[0] == proof
        assert len(set(others)) == len(others)
        assert sorted(other.steps for other in others) == [other.steps for other in others]
        for other in others:
            assert_sound(other, stated)


@pytest.mark.parametrize("name", sorted(RULES))
def test_whatever_a_supported_rule_derives_has_a_proof_by_that_rule(name: str) -> None:
    ontology, facts, expected = parts(name)
    rules = compile_rules(ontology)
    if expected is None:  # a clash derives nothing
        return
    store, book = based(rules, map(canonical, facts))
    proofs = [Prover(store, book).cheapest(triple) for triple in expected]
    assert proofs
    stated = set(map(canonical, facts)) | book.facts
    for proof in proofs:
        assert_sound(proof, stated)
    named = {one for proof in proofs for part in parts_of(proof) if part.rule for one in part.rule.names}
    assert name in named


# circles, chains, limits


def test_equality_symmetry_and_transitivity_do_not_lead_a_proof_in_circles() -> None:
    links = [Triple(n(number), P, n(number + 1)) for number in range(12)]
    text = ":p a owl:ObjectProperty, owl:TransitiveProperty, owl:SymmetricProperty ."
    store, rules = based(compile_rules(read(text)), links)
    prover = Prover(store, rules)
    assert (
        prover.cheapest(Triple(n(0), P, n(12))).steps,
        prover.cheapest(Triple(n(12), P, n(12))).steps,
    ) == (11, 2)
    for triple in held(store)[::7]:
        assert_sound(prover.cheapest(triple), set(links))


def test_things_that_are_the_same_stand_for_each_other_in_proofs() -> None:
    facts = [Triple(n(number), SAME, n(number + 1)) for number in range(4)] + [Triple(n(0), P, n(0))]
    store, rules = based(compile_rules(read(":p a owl:ObjectProperty .")), facts)
    proof = Prover(store, rules).cheapest(Triple(n(4), P, n(4)))
    assert_sound(proof, set(facts))
    assert proof.steps == 8
    assert (
        proof.steps
        == least_costs(store, compile_rules(read(":p a owl:ObjectProperty .")), set(facts))[proof.triple][0]
    )


def test_a_chain_of_sixty_has_a_shortest_proof_and_a_flat_one() -> None:
    store, rules, whole = chain(60)
    prover = Prover(store, rules)
    proof = prover.cheapest(whole)
    assert (proof.steps, depth(proof), prover.shortest(whole)) == (59, 6, True)
    assert [leaf.triple for leaf in proof.leaves()] == [Triple(n(one), P, n(one + 1)) for one in range(60)]


def test_where_the_shortest_would_take_too_long_any_proof_is_given_and_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_EXACT", 2_000)
    store, rules, whole = chain(40)
    explanation = explain(whole, store, rules)
    assert (explanation.holds, explanation.shortest) == (True, False)
    assert_sound(explanation.proofs[0], {Triple(n(one), P, n(one + 1)) for one in range(40)})


def test_a_proof_longer_than_the_limit_is_refused_and_one_as_long_is_not() -> None:
    store, rules, whole = chain(20)
    with pytest.raises(
        LimitReached, match=r"^no proof within 18 steps: after a look at \d+ triples, it takes at least 19;"
    ):
        explain(whole, store, rules, limit=18)
    assert explain(whole, store, rules, limit=19).proofs[0].steps == 19


def test_a_proof_of_very_many_steps_one_upon_the_other_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_EXACT", 2_000)
    monkeypatch.setattr(search, "DEEPEST", 10)
    monkeypatch.setattr(search, "_MOST", 20_000)
    store, rules, whole = chain(40)
    with pytest.raises(LimitReached, match="none was found"):
        explain(whole, store, rules)


def test_two_hundred_steps_one_upon_the_other_are_written_in_every_form_and_one_more_is_refused() -> None:
    chains = (
        f":p{one} a owl:ObjectProperty . :p{one + 1} owl:propertyChainAxiom ( :p{one} :e ) ."
        for one in range(201)
    )
    links = [Triple(n(one + 1), NamedNode("x:e"), n(one + 2)) for one in range(201)]
    text = " ".join([*chains, ":p201 a owl:ObjectProperty . :e a owl:ObjectProperty ."])
    store, rules = based(compile_rules(read(text)), [Triple(n(0), NamedNode("x:p0"), n(1)), *links])
    explanation = explain(Triple(n(0), NamedNode("x:p200"), n(201)), store, rules, most=2)
    assert [proof.steps for proof in explanation.proofs] == [200]
    assert all(explained(explanation, form) for form in ("text", "json", "turtle"))
    with pytest.raises(LimitReached, match="more than 200 steps one upon the other"):
        explain(Triple(n(0), NamedNode("x:p201"), n(202)), store, rules)


def test_what_does_not_hold_has_no_proof() -> None:
    store, rules, _ = chain(3)
    prover, backwards = Prover(store, rules), Triple(n(3), P, n(0))
    assert prover.proofs(backwards) == ()
    with pytest.raises(UsageError, match="does not hold"):
        prover.cheapest(backwards)


def test_a_view_that_holds_what_nothing_gives_is_told_to_be_unsound() -> None:
    store, rules, _ = chain(3)
    store.add([Quad(n(7), P, n(8), VIEW)])
    with pytest.raises(LimitReached, match="no proof was found"):
        Prover(store, rules).cheapest(Triple(n(7), P, n(8)))


# several proofs


def test_all_different_proofs_come_shortest_first_and_what_is_stated_is_proved_no_further() -> None:
    text = """:p a owl:ObjectProperty ; rdfs:subPropertyOf :q . :r a owl:ObjectProperty ; rdfs:subPropertyOf :q .
        :s a owl:ObjectProperty ; rdfs:subPropertyOf :t . :t a owl:ObjectProperty ; rdfs:subPropertyOf :q .
        :u a owl:ObjectProperty ; rdfs:subPropertyOf :p . :q a owl:ObjectProperty ."""
    a, b = n(0), n(1)
    facts = [Triple(a, NamedNode(f"x:{name}"), b) for name in "prsuq"]
    store, rules = based(compile_rules(read(text)), facts)
    proofs = Prover(store, rules).proofs(Triple(a, Q, b), most=10)
    ends = [[leaf.triple.predicate.value for leaf in proof.leaves()] for proof in proofs]
    # the closed schema has u and s below q as well
    assert ends == [["x:q"], ["x:p"], ["x:r"], ["x:s"], ["x:u"], ["x:s"]]
    assert [proof.steps for proof in proofs] == [0, 1, 1, 1, 1, 2]
    assert proofs[:3] == Prover(store, rules).proofs(Triple(a, Q, b), most=3)
    assert len(Prover(store, rules).proofs(Triple(a, Q, b), most=10, limit=1)) == 5


def test_all_proofs_of_a_chain_are_found_each_once() -> None:
    store, rules, whole = chain(5)
    proofs = Prover(store, rules).proofs(whole, most=100)
    assert len(proofs) == 14  # as many as ways to put five things in brackets
    assert {proof.steps for proof in proofs} == {4}


# what is popular


class Counting(Embedded):
    """A store that counts what is read of it."""

    read = 0

    def quads(self, *pattern: Any, **named: Any) -> Iterator[Quad]:
        for quad in super().quads(*pattern, **named):
            self.read += 1
            yield quad

    def contains(self, quad: Quad) -> bool:
        self.read += 1
        return super().contains(quad)


POPULAR = """:p a owl:ObjectProperty ; rdfs:domain :Place ; rdfs:range :Place . :Place a owl:Class .
    :q a owl:ObjectProperty, owl:TransitiveProperty ; rdfs:subPropertyOf :r . :r a owl:ObjectProperty ."""


@pytest.mark.parametrize(
    "triple", [Triple(n(0), TYPE, NamedNode("x:Place")), Triple(n(2), Q, n(0)), Triple(n(5), Q, n(9))]
)
def test_what_thousands_speak_of_costs_no_more_to_explain(triple: Triple) -> None:
    reads = []
    for size in (500, 10_000):
        facts = [
            fact for one in range(10, size) for fact in (Triple(n(one), P, n(0)), Triple(n(one), Q, n(0)))
        ]
        facts += [Triple(n(2), Q, n(1)), Triple(n(1), Q, n(0)), Triple(n(3), Q, n(5))]
        store = Counting()
        rules = compile_rules(read(POPULAR))
        store.add(Quad(*fact, graph) for fact in facts for graph in (VIEW, REFERENCE))
        close(store, rules)
        store.read = 0
        explain(triple, store, Rulebook(rules))
        reads.append(store.read)
    assert reads[1] <= 2 * reads[0]


def claimed(
    store: Embedded, number: int, triple: Triple, speaker: str = "", withdrawn: str = ""
) -> NamedNode:
    """Let a claim say a triple."""
    claim, source = iri(f"claim:many-{number}"), iri("source:many")
    said: list[tuple[str, Any]] = [
        ("rdf:type", iri("parley:Claim")),
        ("prov:hadPrimarySource", source),
        ("prov:wasAttributedTo", NamedNode(speaker) if speaker else source),
        ("oa:exact", Literal(f"words {number}")),
        ("oa:start", Literal(number)),
        ("oa:end", Literal(number + 7)),
        ("prov:generatedAtTime", Literal("2026-01-01T00:00:00Z", datatype=iri("xsd:dateTime"))),
    ]
    if withdrawn:
        said.append(("prov:invalidatedAtTime", Literal(withdrawn, datatype=iri("xsd:dateTime"))))
    store.add([*(Quad(claim, iri(p), value, CLAIMS) for p, value in said), Quad(*triple, claim)])
    return claim


def test_of_very_many_claims_twenty_are_listed() -> None:
    triple, store = Triple(n(0), P, n(1)), Embedded()
    for number in range(300):
        claimed(store, number, triple, speaker="" if number % 2 else "x:someone")
    store.add([Quad(*triple, VIEW)])
    proof = Prover(store, Rulebook(())).cheapest(triple)
    assert (len(proof.claims), proof.more) == (20, True)
    assert all(claim.accepted for claim in proof.claims)


def test_claims_are_listed_by_their_names_and_only_those_that_count() -> None:
    triple, store = Triple(n(0), P, n(1)), Embedded()
    for number, speaker, withdrawn in (
        (10, "", ""),
        (2, "", ""),
        (3, "x:someone", ""),
        (4, "", "2026-02-01T00:00:00Z"),
    ):
        claimed(store, number, triple, speaker, withdrawn)
    store.add([Quad(*triple, VIEW)])

    def numbers(viewpoint: Viewpoint) -> list[str]:
        proof = Prover(store, Rulebook(()), viewpoint).cheapest(triple)
        assert not proof.more
        return [claim.iri.value.rpartition("-")[2] for claim in proof.claims]

    assert numbers(Viewpoint()) == ["2", "10"]
    assert numbers(Viewpoint(told_by=NamedNode("x:someone"))) == ["2", "3", "10"]


# what does not hold


def things(store: Embedded) -> list[NamedNode]:
    return sorted(
        {q.subject for q in store.quads(None, TYPE, None, VIEW) if isinstance(q.subject, NamedNode)}, key=str
    )


def missing(store: Embedded) -> Iterator[Triple]:
    """Some triples that do not hold, in the words of the article."""
    found = things(store)
    drawn = random.Random(1)  # noqa: S311 - the same choice each time
    heads = [
        rule.head
        for rule in ontology_rules()
        if rule.head and rule.body and not isinstance(rule.head[1], Variable)
    ]
    while True:
        _, predicate, value = drawn.choice(heads)
        subject = drawn.choice(found)
        triple = Triple(subject, predicate, drawn.choice(found) if isinstance(value, Variable) else value)  # type: ignore[arg-type]
        if not store.contains(Quad(*triple, VIEW)):
            yield triple


def filled(gap: Gap) -> list[Triple]:
    """What is absent, with a new thing or number for each variable."""
    return [
        Triple(*(NamedNode(f"x:{term.value}") if isinstance(term, Variable) else term for term in pattern))  # type: ignore[arg-type]
        for pattern in gap.absent
    ]


def test_what_is_said_to_be_missing_would_give_the_triple(article: tuple[Embedded, Rulebook]) -> None:
    store, rules = article
    tried = 0
    for triple in itertools.islice(missing(store), 150):
        explanation = explain(triple, store, rules)
        assert not explanation.holds
        assert len(explanation.gaps) <= 5
        ranks = [(len(gap.absent), -len(gap.held)) for gap in explanation.gaps]
        assert ranks == sorted(ranks)
        for gap in explanation.gaps:
            assert all(store.contains(Quad(*one, VIEW)) for one in gap.held)
            assert len(gap.held) + len(gap.absent) == len(gap.rule.body)
            assert tuple(triple) not in gap.absent
            assert not any(store.contains(Quad(*one, VIEW)) for one in filled(gap))
            if "BIND(" not in gap.rule.condition:
                overlay = Overlay(store)
                derive(overlay, rules, filled(gap))
                assert overlay.contains(triple), gap
                tried += 1
    assert tried > 200


def test_the_premises_that_hold_are_the_most_that_hold_together() -> None:
    text = """:leads a owl:ObjectProperty . :arms a owl:ObjectProperty . :fights a owl:ObjectProperty .
        :q a owl:ObjectProperty ; owl:propertyChainAxiom ( :leads :arms :fights ) ."""
    facts = read(":a :leads :b , :c . :d :fights :c . :x :fights :y . :b :arms :f . :y :arms :z .")
    store, rules = based(compile_rules(read(text)), facts)
    (gap,) = explain(Triple(NamedNode("x:a"), Q, NamedNode("x:e")), store, rules).gaps
    assert [str(t.predicate.value) for t in gap.held] == ["x:leads", "x:arms"]
    assert [tuple(map(str, pattern)) for pattern in gap.absent] == [("<x:f>", "<x:fights>", "<x:e>")]
    (far,) = explain(Triple(NamedNode("x:e"), Q, NamedNode("x:g")), store, rules).gaps
    assert (far.held, len(far.absent)) == ((), 3), (
        "what has nothing to do with the two things is not said to hold"
    )
    labels = {NamedNode(f"x:{name}"): name for name in ("leads", "arms", "fights", "e", "g")}
    assert missing_words(far, labels) == ("e leads Y", "Y arms Z", "Z fights g")


def test_a_condition_that_is_not_met_is_told() -> None:
    text = """:n a owl:DatatypeProperty . :q a owl:ObjectProperty . :more a sh:SPARQLRule ; sh:construct
        '''PREFIX : <x:> CONSTRUCT { ?x :q ?y } WHERE { ?x :n ?one . ?y :n ?two FILTER(?one > ?two) }''' ."""
    rules = compile_rules(read(text))
    store, book = based(rules, map(canonical, read(":a :n 1 . :b :n 2 .")))
    a, b = NamedNode("x:a"), NamedNode("x:b")
    assert explain(Triple(b, Q, a), store, book).holds
    (gap,) = explain(Triple(a, Q, b), store, book).gaps
    assert (gap.unmet, gap.held, gap.absent) == (True, (), ())


def test_what_others_said_and_what_was_withdrawn_is_told_but_not_held() -> None:
    triple, store = Triple(n(0), P, n(1)), Embedded()
    claimed(store, 1, triple, "x:someone")
    claimed(store, 2, triple, withdrawn="2026-02-01T00:00:00Z")
    claimed(store, 3, Triple(n(1), P, n(0)), "x:someone")
    explanation = explain(triple, store, Rulebook(()))
    assert (explanation.holds, explanation.gaps) == (False, ())
    assert [claim.quote for claim in explanation.told] == ["words 1", "words 2"]


def test_what_the_article_leaves_to_putin_is_told_as_his_word(article: tuple[Embedded, Rulebook]) -> None:
    bombing = iri("id:bombing-of-turkish-positions")
    explanation = explain(Triple(bombing, iri("parley:hasTarget"), iri("id:turkish-armed-forces")), *article)
    assert not explanation.holds
    (claim,) = explanation.told
    assert claim.speaker == iri("id:vladimir-putin")
    assert explanation.labels[claim.speaker] == "Vladimir Putin"


def test_a_rule_that_computes_says_what_it_lacks(article: tuple[Embedded, Rulebook]) -> None:
    width = iri("id:some-width/total-width")
    explanation = explain(Triple(iri("id:turkey"), iri("parley:hasTotalWidth"), width), *article)
    (gap,) = explanation.gaps
    assert gap.rule.names == ("total-width-of-corridor",)
    assert {pattern[0] for pattern in gap.absent} == {iri("id:turkey"), iri("id:some-width")}
    assert rule_sentence(gap.rule, explanation.labels).startswith(
        "A corridor that reaches a width to each side"
    )


# rules in words


def test_each_supported_rule_is_said_in_one_plain_sentence() -> None:
    for name in RULES:
        rules = compile_rules(parts(name)[0])
        labels = {
            term: term.value.rpartition("/")[2]
            for rule in rules
            for pattern in (rule.head or (), *rule.body)
            for term in pattern
            if isinstance(term, NamedNode) and "example" in term.value
        }
        for rule in rules:
            words = rule_sentence(rule, labels)
            assert words[0].isupper()
            assert words.endswith(".")
            assert not {"?", "<", ":"} & set(words) or "owl:Nothing" in words, words


def test_each_rule_of_the_ontology_is_said_in_its_labels(article: tuple[Embedded, Rulebook]) -> None:
    rules = [rule for rule in ontology_rules() if rule.names != ("cls-nothing2",)]
    labels = find_names(article[0], gaps=[Gap(rule, (), ()) for rule in rules])
    said = [rule_sentence(rule, labels) for rule in rules]
    assert not any(":" in words or "?" in words for words in said)
    assert {
        "Every state is an actor.",
        "Whatever supports something is an actor.",
        "Whatever something supports is an actor.",
        "Whatever has a value for “exact count” is a casualty count.",
        "If X is hostile to Y, then Y is hostile to X.",
        "If X is located in Y and Y is located in Z, then X is located in Z.",
        "Nothing is included in itself.",
        "Nothing is both an actor and a unit.",
        "The ontology says that kilometre is a unit.",
        "It cannot be that X denies Y and X asserts Y.",
    } <= set(said)
