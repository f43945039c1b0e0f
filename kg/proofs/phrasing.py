"""Rules in plain English: what an application of a rule says, made from labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple, Variable

from kg.asking.labels import find_labels, reading
from kg.evidence.claims import Claim
from kg.logic.axioms import Term
from kg.logic.rules import SUPPORTED, Pattern, Rule
from kg.proofs.proofs import Gap, Labels, Proof
from kg.storage.store import Engine
from kg.terms import ONTOLOGY, iri

_TYPE, _CONSTRUCT, _DEFINITION = iri("rdf:type"), iri("sh:construct"), iri("skos:definition")
_VERBS: Final = {iri("owl:sameAs"): "is the same as", iri("owl:differentFrom"): "is different from"}
_LETTERS: Final = "XYZWVUTSRQPONMLKJIHGFEDCB"
_AS_A_CONSONANT: Final = re.compile(r"(?i)(?:eu|one\b|u(?:ni|s[ae]|ti|r[aeiou]))")
_PLAIN: Final = re.compile(r"FILTER\((?:!isLiteral\(\?\w+\)|[^()&|]+ != [^()&|]+)\)")


def rule_sentence(rule: Rule, labels: Labels) -> str:
    """Return what a rule says, in a sentence; ``labels`` name the terms of its head, body and axiom.

    A SPARQL rule is said in the words of its definition where ``labels`` have them under the rule's own name, as
    :func:`find_names` gives them.

    >>> x, supports, actor = Variable("x"), iri("parley:supports"), iri("parley:Actor")
    >>> words = {supports: "supports", actor: "actor"}
    >>> rule_sentence(Rule(("prp-dom",), (x, _TYPE, actor), ((x, supports, Variable("y")),)), words)
    'Whatever supports something is an actor.'
    """
    own = _own(rule)
    if own and own in labels:
        return labels[own]
    if rule.names and rule.names[0].startswith("eq-rep"):
        return SUPPORTED[rule.names[0]]
    clauses = _Clauses(rule, labels)
    return (
        clauses.impossible() if rule.head is None else clauses.simple(rule.head) or clauses.general(rule.head)
    )


def missing_words(gap: Gap, labels: Labels) -> tuple[str, ...]:
    """Return what is absent in clauses; what comes more than once goes by its letter in the rule's sentence.

    >>> x, supports = Variable("x"), iri("parley:supports")
    >>> rule = Rule(("prp-spo1",), None, ((x, iri("parley:arms"), Variable("y")),))
    >>> missing_words(Gap(rule, (), ((iri("id:turkey"), supports, x),)), {supports: "supports"})
    ('id:turkey supports something',)
    """
    names = _letters(gap.rule)
    count = Counter(term for term in chain.from_iterable(gap.absent) if isinstance(term, Variable))
    shared = {term: name for term, name in names.items() if count[term] > 1}
    return tuple(_clause(pattern, labels, shared) for pattern in gap.absent)


def find_names(
    store: Engine,
    triples: Iterable[Triple] = (),
    proofs: Iterable[Proof] = (),
    gaps: Iterable[Gap] = (),
    claims: Iterable[Claim] = (),
) -> dict[NamedNode, str]:
    """Return the labels of all that triples, proofs, gaps and claims name: things, terms, speakers, sources.

    A SPARQL rule of the ontology has its definition for a label. Cost: two look-ups for each thing.
    """
    wholes, lacking = list(chain.from_iterable(map(_parts, proofs))), list(gaps)
    rules = {one.rule for one in wholes if one.rule} | {gap.rule for gap in lacking}
    told = chain(claims, chain.from_iterable(one.claims for one in wholes))
    terms = dict.fromkeys(
        chain(
            chain.from_iterable(triples),
            chain.from_iterable(one.triple for one in wholes),
            chain.from_iterable(chain.from_iterable((*gap.held, *gap.absent)) for gap in lacking),
            chain.from_iterable(chain.from_iterable((rule.head or (), *rule.body)) for rule in rules),
            chain.from_iterable((claim.speaker, claim.source) for claim in told),
        )
    )
    labels = find_labels((term for term in terms if isinstance(term, NamedNode)), store)
    for rule in rules:
        own = _own(rule)
        if own:
            said = [
                q.object.value
                for q in store.quads(own, _DEFINITION, None, ONTOLOGY)
                if isinstance(q.object, Literal)
            ]
            labels.update({own: min(said)} if said else {})
    return labels


def _parts(proof: Proof) -> Iterator[Proof]:
    yield proof
    for premise in proof.premises:
        yield from _parts(premise)


def _own(rule: Rule) -> NamedNode | None:
    """Return the name of a SPARQL rule of the ontology."""
    first = rule.axiom[0] if rule.axiom else None
    return (
        first.subject
        if first and first.predicate == _CONSTRUCT and isinstance(first.subject, NamedNode)
        else None
    )


class _Clauses:
    """The head and the body of a rule in words; variables are capital letters in the order of the body."""

    def __init__(self, rule: Rule, labels: Labels) -> None:
        self._rule, self._labels = rule, labels
        self._names = _letters(rule)

    def clause(self, pattern: Pattern) -> str:
        return _clause(pattern, self._labels, self._names)

    def general(self, head: Pattern) -> str:
        """Return ``If …, then …``."""
        if not self._rule.body:
            return f"The ontology says that {self.clause(head)}."
        premises = " and ".join(map(self.clause, self._rule.body))
        condition = _PLAIN.sub("", self._rule.condition).strip()
        proviso = (
            ", as the rule computes it"
            if "BIND(" in condition
            else ", under its condition"
            if condition
            else ""
        )
        return f"If {premises}, then {self.clause(head)}{proviso}."

    def simple(self, head: Pattern) -> str:
        """Return a sentence without letters for what makes a thing belong to a class, else nothing."""
        if len(self._rule.body) != 1 or head[1] != _TYPE or isinstance(head[2], Variable):
            return ""
        ((subject, predicate, value),) = self._rule.body
        wide = _with_article(reading(head[2], self._labels))
        if isinstance(predicate, Variable) or subject == value or not isinstance(head[0], Variable):
            return ""
        if predicate == _TYPE:
            return "" if isinstance(value, Variable) else f"Every {reading(value, self._labels)} is {wide}."
        verb = _verb(predicate, self._labels)
        if head[0] == subject:
            other = "something" if isinstance(value, Variable) else reading(value, self._labels)
            noun = _noun(predicate, self._labels)
            return (
                f"Whatever {verb} {other} is {wide}."
                if verb
                else f"Whatever has a value for {noun} is {wide}."
            )
        other = "something" if isinstance(subject, Variable) else reading(subject, self._labels)
        return f"Whatever {other} {verb} is {wide}." if verb and not verb.startswith("has ") else ""

    def impossible(self) -> str:
        """Return what can never be."""
        body = self._rule.body
        if len(body) == 1 and body[0][0] == body[0][2]:
            return f"Nothing {_verb(body[0][1], self._labels) or 'is related to'} itself."
        things = {subject for subject, _, _ in body}
        if all(p == _TYPE and not isinstance(v, Variable) for _, p, v in body) and len(things) == 1:
            classes = [_with_article(_term(value, self._labels, {})) for _, _, value in body]
            both = "both " if len(classes) == 2 else ""  # noqa: PLR2004 - both is two
            return f"Nothing is {both}{' and '.join(classes)}."
        apart = ", the two values being different" if "COALESCE" in self._rule.condition else ""
        return f"It cannot be that {' and '.join(map(self.clause, body))}{apart}."


def _letters(rule: Rule) -> dict[Variable, str]:
    terms = chain.from_iterable((*rule.body, rule.head or ()))
    variables = dict.fromkeys(term for term in terms if isinstance(term, Variable))
    return {
        term: _LETTERS[number] if number < len(_LETTERS) else f"X{number}"
        for number, term in enumerate(variables)
    }


def _clause(pattern: Pattern, labels: Labels, names: Mapping[Variable, str]) -> str:
    subject, predicate, value = pattern
    one, other = (_term(term, labels, names) for term in (subject, value))
    if isinstance(predicate, Variable):
        return f"{one} is related to {other}"
    if predicate == _TYPE:
        return f"{one} is {other if isinstance(value, Variable) else _with_article(other)}"
    verb = _verb(predicate, labels)
    return f"{one} {verb} {other}" if verb else f"{_noun(predicate, labels)} of {one} is {other}"


def _term(term: Term, labels: Labels, names: Mapping[Variable, str]) -> str:
    return names.get(term, "something") if isinstance(term, Variable) else reading(term, labels)


def _verb(predicate: object, labels: Labels) -> str:
    """Return the label of a property that is a verb, as those that relate things are; of a noun, nothing."""
    if not isinstance(predicate, NamedNode):
        return ""
    label = _VERBS.get(predicate) or labels.get(predicate) or _words(predicate)
    first, _, rest = label.partition(" ")
    listed = rest.partition(" ")[0].endswith("ed")  # "provisions listed in full" is no verb
    third_person = first.islower() and first.endswith("s") and not first.endswith("ss") and not listed
    return label if third_person or first in ("is", "has") else ""


def _noun(predicate: object, labels: Labels) -> str:
    assert isinstance(predicate, NamedNode)  # noqa: S101 - said for the type checker
    return f"“{labels.get(predicate) or _words(predicate)}”"


def _words(predicate: NamedNode) -> str:
    local = re.split(r"[#/:]", predicate.value)[-1]
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", local).lower()


def _with_article(noun: str) -> str:
    """Return a noun with its indefinite article.

    >>> _with_article("unit"), _with_article("armed group"), _with_article("hour")
    ('a unit', 'an armed group', 'an hour')
    """
    vowel = noun[:1].lower() in "aeiou" and not _AS_A_CONSONANT.match(noun)
    return f"{'an' if vowel or noun.startswith('hour') else 'a'} {noun}"
