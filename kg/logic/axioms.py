"""The axioms of an OWL 2 RL ontology as rules: a head pattern, body patterns, names and the axiom behind them.

Class expressions are unfolded, so that no rule names a blank node: what OWL 2 RL allows in a subclass becomes
part of a body, what it allows in a superclass becomes heads. The names of rules are those of OWL 2 Profiles
(https://www.w3.org/TR/owl2-profiles/), tables 4 to 9.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from pyoxigraph import BlankNode, Literal, NamedNode, Triple, Variable

from kg.logic.schema import NOTES, RESERVED, Schema, iris
from kg.terms import iri

Term: TypeAlias = NamedNode | Literal | Variable
Pattern: TypeAlias = tuple[Term, Term, Term]
Node: TypeAlias = Any  # what stands in an ontology: each look-up in the schema checks that it is what is due


@dataclass(frozen=True, slots=True)
class Rule:
    """If every pattern of the body and the condition hold, the head holds.

    ``head`` is ``None`` for a clash: the body must never hold. An empty body makes the head a fact that the
    ontology states. ``condition`` is SPARQL text (BIND, FILTER) or empty. ``names`` are the names in the
    tables of OWL 2 RL, in the order in which those rules would fire one after the other, or the local name of
    a rule of our own. ``axiom`` holds the triples of the ontology that say so, with all that its blank nodes
    say; it is empty for the rules of equality, which no axiom states.
    """

    names: tuple[str, ...]
    head: Pattern | None
    body: tuple[Pattern, ...]
    condition: str = ""
    axiom: tuple[Triple, ...] = ()


def axiom_rules(triples: Iterable[Triple]) -> Iterator[Rule]:
    """Yield the rules that the axioms in these triples amount to, some of them more than once.

    Subclass, subproperty, domain and range axioms between named terms are taken from the closed schema, all
    others as they are stated. Annotations are passed over. Raises ``UnsupportedConstruct``.
    """
    return _Axioms(triples).rules()


_TYPE, _SAME, _THING, _NOTHING = map(iri, ("rdf:type", "owl:sameAs", "owl:Thing", "owl:Nothing"))
_OF_INDIVIDUALS = iris("rdf:type owl:sameAs owl:differentFrom")
_DECLARED = iris("owl:ObjectProperty owl:DatatypeProperty")
_IN_BOTH = ("intersectionOf", "hasValue")
_X, _Y = Variable("x"), Variable("y")
_T = TypeVar("_T")


def _unique(items: Iterable[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(items))


def _placed(pattern: Pattern, place: Mapping[Term, Term]) -> Pattern:
    subject, predicate, value = pattern
    return place.get(subject, subject), predicate, place.get(value, value)


@dataclass(frozen=True, slots=True)
class _Case:
    """One way in which a body can hold: patterns, rule names, variables that stand for one individual."""

    body: tuple[Pattern, ...] = ()
    names: tuple[str, ...] = ()
    bound: tuple[tuple[Term, NamedNode], ...] = ()

    def __add__(self, other: _Case) -> _Case:
        return _Case(self.body + other.body, self.names + other.names, self.bound + other.bound)

    def named(self, name: str) -> _Case:
        return self + _Case(names=(name,))


class _Axioms:
    """The walk from the axioms of an ontology to rules."""

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.schema = Schema(triples)
        self.fresh = itertools.count(1)

    def rules(self) -> Iterator[Rule]:
        schema = self.schema
        stated = set(schema.stated)
        for triple in schema.stated + sorted(schema.closed - stated, key=str):
            schema.axiom = _unique(schema.behind(triple)) if triple in stated else (triple,)
            self.fresh = itertools.count(1)
            yield from self.read(triple.subject, triple.predicate, triple.object)
        for triple in schema.stated:
            schema.axiom = (triple,)
            known = (
                triple.predicate in (NOTES | _OF_INDIVIDUALS | _AXIOMS.keys())
                or triple.subject in schema.reached
            )
            if triple.predicate.value.startswith(RESERVED) and not known:
                raise schema.unsupported(triple.predicate, "is nothing that the rules know in this place")

    def read(self, subject: Node, predicate: NamedNode, value: Node) -> Iterator[Rule]:
        schema = self.schema
        if predicate == _TYPE and isinstance(value, NamedNode) and value.value.startswith(RESERVED):
            if value in _TYPES:
                yield from _TYPES[value](self, subject)
            else:
                schema.check_declaration(subject, value)
        elif predicate in _AXIOMS:
            yield from _AXIOMS[predicate](self, subject, value)
        elif predicate in _OF_INDIVIDUALS or schema.is_a(predicate, *_DECLARED):
            yield from self.fact(subject, predicate, value)

    def fact(self, subject: Node, predicate: NamedNode, value: Node) -> Iterator[Rule]:
        """Yield what the ontology states of an individual; of its own header it may state anything."""
        if self.schema.is_a(subject, iri("owl:Ontology")):
            return
        if isinstance(subject, BlankNode) or (isinstance(value, BlankNode) and predicate != _TYPE):
            raise self.schema.unsupported(subject, "is part of a fact with a blank node", "give it a name")
        if self.schema.is_term(subject):
            raise self.schema.unsupported(subject, "is a term, and facts are stated of individuals only")
        if predicate == _TYPE:
            yield from self.belongs(value, subject, _Case())
        else:
            yield from self.rule(_Case(), (subject, predicate, value))

    def edge(self, prop: Node, subject: Term, value: Node) -> Pattern:
        """Return the pattern of a property, or of the inverse of one."""
        name, turned = self.schema.inverted(prop)
        return (value, name, subject) if turned else (subject, name, value)

    def new(self) -> Variable:
        return Variable(f"y{next(self.fresh)}")

    def ways(self, cls: Node, x: Term) -> list[_Case]:  # noqa: PLR0911 - one for each form
        """Return the ways in which ``x`` can be seen to belong to a class that stands in a body."""
        if self.schema.is_named(cls):
            if cls == _THING:
                raise self.schema.unsupported(cls, "cannot stand in a subclass in OWL 2 RL")
            return [_Case(((x, _TYPE, cls),))] if cls != _NOTHING else []
        form, prop, operand = self.schema.expression(cls)
        if form == "intersectionOf":
            product = itertools.product(*(self.ways(part, x) for part in self.schema.members(operand)))
            return [sum(parts, _Case()).named("cls-int1") for parts in product]
        if form == "unionOf":
            return [
                way.named("cls-uni") for part in self.schema.members(operand) for way in self.ways(part, x)
            ]
        if form == "oneOf":
            return [_Case((), ("cls-oo",), ((x, member),)) for member in self.schema.members(operand)]
        if form == "hasValue":
            return [_Case((self.edge(prop, x, operand),), ("cls-hv2",))]
        if form == "someValuesFrom":
            value = self.new()
            step = _Case((self.edge(prop, x, value),))
            if operand == _THING:
                return [step.named("cls-svf2")]
            return [(step + way).named("cls-svf1") for way in self.ways(operand, value)]
        raise self.schema.unsupported(iri(f"owl:{form}"), "cannot stand in a subclass in OWL 2 RL")

    def belongs(self, cls: Node, x: Term, case: _Case) -> Iterator[Rule]:
        """Yield the rules by which ``x`` belongs to a class that stands in a head, where the case holds."""
        if self.schema.is_named(cls):
            if cls == _NOTHING:
                yield from self.rule(case.named("cls-nothing2"), None)
            elif cls != _THING:
                yield from self.rule(case, (x, _TYPE, cls))
            return
        form, prop, operand = self.schema.expression(cls)
        if form == "intersectionOf":
            for part in self.schema.members(operand):
                yield from self.belongs(part, x, case.named("cls-int2"))
        elif form == "complementOf":
            for way in self.ways(operand, x):
                yield from self.rule((case + way).named("cls-com"), None)
        elif form == "hasValue":
            yield from self.rule(case.named("cls-hv1"), self.edge(prop, x, operand))
        elif form == "allValuesFrom":
            value = self.new()
            step = _Case((self.edge(prop, x, value),), ("cls-avf",))
            yield from self.values(prop, operand, value, case + step)
        elif form.startswith("max"):
            yield from self.at_most(prop, operand, self.schema.objects(cls, iri("owl:onClass")), x, case)
        else:
            raise self.schema.unsupported(iri(f"owl:{form}"), "cannot stand in a superclass in OWL 2 RL")

    def values(self, prop: Node, cls: Node, value: Term, case: _Case) -> Iterator[Rule]:
        """Yield the rules by which the values of a property belong to a class; a datatype makes none."""
        if self.schema.is_datatype(cls) and not self.schema.relates_things(prop):
            return
        if self.schema.relates_literals(prop):
            raise self.schema.unsupported(cls, "is not a datatype, but the property has literals for values")
        yield from self.belongs(cls, value, case)

    def at_most(self, prop: Node, limit: Node, classes: list[Node], x: Term, case: _Case) -> Iterator[Rule]:
        """Yield the rules of a greatest number of values, none or one, of a class or of any."""
        count = limit.value if isinstance(limit, Literal) else ""
        if count not in ("0", "1") or len(classes) > 1:
            raise self.schema.unsupported(limit, "is a cardinality that OWL 2 RL does not have")
        self.schema.simple(prop)
        one, two = self.new(), self.new()
        every = classes in ([], [_THING])
        name = f"cls-maxqc{2 * int(count) + 1 + every}" if classes else f"cls-maxc{int(count) + 1}"
        ways = [[_Case()] if every else self.ways(classes[0], value) for value in (one, two)]
        for first in ways[0]:
            held = case + _Case((self.edge(prop, x, one),)) + first
            if count == "0":
                yield from self.rule(held.named(name), None)
                continue
            for second in ways[1]:
                both = held + _Case((self.edge(prop, x, two),)) + second
                yield from self.same(both.named(name), prop, one, two)

    def same(self, case: _Case, prop: Node, one: Variable, two: Variable) -> Iterator[Rule]:
        """Treat two values where there can be one: two things are the same thing, two literals are a clash."""
        if self.schema.relates_literals(prop):
            # literals of kinds that cannot be compared are different for that very reason
            yield from self.rule(case.named("dt-diff"), None, f"FILTER(COALESCE({one} != {two}, true))")
        elif self.schema.relates_things(prop):
            yield from self.rule(case, (one, _SAME, two), f"FILTER({one} != {two})")
        else:
            raise self.schema.unsupported(prop, "is declared neither for things nor for literals")

    def rule(self, case: _Case, head: Pattern | None, condition: str = "") -> Iterator[Rule]:
        """Yield the rule of a case, its individuals put in place; none where the head already stands in the body."""
        place: dict[Term, Term] = {}
        body = list(case.body)
        for variable, individual in case.bound:
            if place.setdefault(variable, individual) != individual:
                body.append((place[variable], _SAME, individual))
        body = [_placed(pattern, place) for pattern in body]
        head = _placed(head, place) if head else None
        if head and self.may_be_literal(head[0], body):
            condition = f"FILTER(!isLiteral({head[0]}))"
        # the same variables in the same places, so that rules with one head can run as one
        used = _unique(t for p in ([head] if head else []) + body for t in p if isinstance(t, Variable))
        place |= {old: Variable("xyz"[n] if n < 3 else f"z{n - 2}") for n, old in enumerate(used)}  # noqa: PLR2004
        condition = re.sub(r"\?\w+", lambda name: str(place[Variable(name[0][1:])]), condition)
        if head not in body:
            head = _placed(head, place) if head else None
            body = [_placed(pattern, place) for pattern in body]
            yield Rule(_unique(case.names), head, _unique(body), condition, self.schema.axiom)

    def may_be_literal(self, term: Term, body: list[Pattern]) -> bool:
        """Tell whether a term that the body finds may turn out to be a literal."""
        is_subject = any(term == subject for subject, _, _ in body)
        is_thing = any(term == value and self.schema.relates_things(prop) for _, prop, value in body)
        return isinstance(term, Variable) and not is_subject and not is_thing

    def subclass(self, narrow: Node, wide: Node, name: str = "cax-sco") -> Iterator[Rule]:
        for way in self.ways(narrow, _X):
            yield from self.belongs(wide, _X, way.named(name))

    def equal_classes(self, one: Node, two: Node) -> Iterator[Rule]:
        for cls in (one, two):
            if not self.schema.is_named(cls) and self.schema.expression(cls)[0] not in _IN_BOTH:
                raise self.schema.unsupported(
                    cls, "cannot be an equivalent class in OWL 2 RL", "state a subclass"
                )
        yield from self.subclass(one, two, "cax-eqc1")
        yield from self.subclass(two, one, "cax-eqc2")

    def disjoint(self, one: Node, two: Node, name: str = "cax-dw") -> Iterator[Rule]:
        for first, second in itertools.product(self.ways(one, _X), self.ways(two, _X)):
            yield from self.rule((first + second).named(name), None)

    def subproperty(self, narrow: Node, wide: Node) -> Iterator[Rule]:
        yield from self.chain(wide, [narrow], "prp-spo1")

    def equal_properties(self, one: Node, two: Node) -> Iterator[Rule]:
        yield from self.chain(two, [one], "prp-eqp1")
        yield from self.chain(one, [two], "prp-eqp2")

    def chain(self, prop: Node, steps: list[Node], name: str) -> Iterator[Rule]:
        """Yield the rule by which steps, one after the other, amount to a property."""
        nodes = [_X, *(self.new() for _ in steps)]
        body = tuple(map(self.edge, steps, nodes, nodes[1:]))
        yield from self.rule(_Case(body, (name,)), self.edge(prop, nodes[0], nodes[-1]))

    def long_chain(self, prop: Node, steps: Node) -> Iterator[Rule]:
        members = self.schema.members(steps)
        self.schema.between_things(prop, *members)
        yield from self.chain(prop, members, "prp-spo2")

    def inverse(self, one: Node, two: Node) -> Iterator[Rule]:
        if isinstance(one, BlankNode):
            return
        self.schema.between_things(one, two)
        yield from self.rule(_Case((self.edge(one, _X, _Y),), ("prp-inv1",)), self.edge(two, _Y, _X))
        yield from self.rule(_Case((self.edge(two, _X, _Y),), ("prp-inv2",)), self.edge(one, _Y, _X))

    def domain(self, prop: Node, cls: Node) -> Iterator[Rule]:
        yield from self.belongs(cls, _X, _Case((self.edge(prop, _X, self.new()),), ("prp-dom",)))

    def range(self, prop: Node, cls: Node) -> Iterator[Rule]:
        value = self.new()
        case = _Case((self.edge(prop, _X, value),), ("prp-rng",))
        yield from self.values(prop, cls, value, case)

    def disjoint_properties(self, one: Node, two: Node, name: str = "prp-pdw") -> Iterator[Rule]:
        self.schema.simple(one, two)
        yield from self.rule(_Case((self.edge(one, _X, _Y), self.edge(two, _X, _Y)), (name,)), None)

    def key(self, cls: Node, parts: Node) -> Iterator[Rule]:
        values = [(prop, self.new()) for prop in self.schema.members(parts)]
        shared = tuple(self.edge(prop, thing, value) for thing in (_X, _Y) for prop, value in values)
        for first, second in itertools.product(self.ways(cls, _X), self.ways(cls, _Y)):
            both = first + second + _Case(shared, ("prp-key",))
            yield from self.rule(both, (_X, _SAME, _Y), "FILTER(?x != ?y)")

    def functional(self, prop: Node, *, inverse: bool = False) -> Iterator[Rule]:
        self.schema.simple(prop)
        one, two = self.new(), self.new()
        ends = [(one, _X), (two, _X)] if inverse else [(_X, one), (_X, two)]
        case = _Case(tuple(self.edge(prop, *end) for end in ends), ("prp-ifp" if inverse else "prp-fp",))
        yield from self.same(case, prop, one, two)

    def inverse_functional(self, prop: Node) -> Iterator[Rule]:
        self.schema.between_things(prop)
        return self.functional(prop, inverse=True)

    def symmetric(self, prop: Node) -> Iterator[Rule]:
        self.schema.between_things(prop)
        yield from self.rule(_Case((self.edge(prop, _X, _Y),), ("prp-symp",)), self.edge(prop, _Y, _X))

    def asymmetric(self, prop: Node) -> Iterator[Rule]:
        self.schema.between_things(prop)
        self.schema.simple(prop)
        yield from self.rule(_Case((self.edge(prop, _X, _Y), self.edge(prop, _Y, _X)), ("prp-asyp",)), None)

    def irreflexive(self, prop: Node) -> Iterator[Rule]:
        self.schema.between_things(prop)
        self.schema.simple(prop)
        yield from self.rule(_Case((self.edge(prop, _X, _X),), ("prp-irp",)), None)

    def transitive(self, prop: Node) -> Iterator[Rule]:
        self.schema.between_things(prop)
        yield from self.chain(prop, [prop, prop], "prp-trp")

    def all_disjoint(self, node: Node) -> Iterator[Rule]:
        for one, two in self.pairs(node, "owl:members"):
            yield from self.disjoint(one, two, "cax-adc")

    def all_disjoint_properties(self, node: Node) -> Iterator[Rule]:
        for one, two in self.pairs(node, "owl:members"):
            yield from self.disjoint_properties(one, two, "prp-adp")

    def all_different(self, node: Node) -> Iterator[Rule]:
        plain = bool(self.schema.objects(node, iri("owl:members")))
        for one, two in self.pairs(node, "owl:members" if plain else "owl:distinctMembers"):
            yield from self.rule(_Case(((one, _SAME, two),), ("eq-diff2" if plain else "eq-diff3",)), None)

    def pairs(self, node: Node, members: str) -> Iterator[tuple[Node, Node]]:
        self.schema.reached.add(node)
        return itertools.combinations(self.schema.members(self.schema.one(node, iri(members))), 2)

    def denied(self, node: Node) -> Iterator[Rule]:
        """Read a negative property assertion."""
        plain = bool(self.schema.objects(node, iri("owl:targetIndividual")))
        ends = ("sourceIndividual", "assertionProperty", "targetIndividual" if plain else "targetValue")
        subject, prop, value = (self.schema.one(node, iri(f"owl:{end}")) for end in ends)
        self.schema.reached.add(node)
        case = _Case((self.edge(prop, subject, value),), ("prp-npa1" if plain else "prp-npa2",))
        yield from self.rule(case, None)


_AXIOMS: Final[Mapping[NamedNode, Callable[[_Axioms, Node, Node], Iterator[Rule]]]] = {
    iri("rdfs:subClassOf"): _Axioms.subclass,
    iri("rdfs:subPropertyOf"): _Axioms.subproperty,
    iri("rdfs:domain"): _Axioms.domain,
    iri("rdfs:range"): _Axioms.range,
    iri("owl:equivalentClass"): _Axioms.equal_classes,
    iri("owl:equivalentProperty"): _Axioms.equal_properties,
    iri("owl:disjointWith"): _Axioms.disjoint,
    iri("owl:propertyDisjointWith"): _Axioms.disjoint_properties,
    iri("owl:propertyChainAxiom"): _Axioms.long_chain,
    iri("owl:inverseOf"): _Axioms.inverse,
    iri("owl:hasKey"): _Axioms.key,
}
_TYPES: Final[Mapping[NamedNode, Callable[[_Axioms, Node], Iterator[Rule]]]] = {
    iri("owl:FunctionalProperty"): _Axioms.functional,
    iri("owl:InverseFunctionalProperty"): _Axioms.inverse_functional,
    iri("owl:SymmetricProperty"): _Axioms.symmetric,
    iri("owl:AsymmetricProperty"): _Axioms.asymmetric,
    iri("owl:IrreflexiveProperty"): _Axioms.irreflexive,
    iri("owl:TransitiveProperty"): _Axioms.transitive,
    iri("owl:AllDisjointClasses"): _Axioms.all_disjoint,
    iri("owl:AllDisjointProperties"): _Axioms.all_disjoint_properties,
    iri("owl:AllDifferent"): _Axioms.all_different,
    iri("owl:NegativePropertyAssertion"): _Axioms.denied,
}
