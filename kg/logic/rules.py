"""The rules of an ontology: those of its axioms, those of equality, and SPARQL rules of our own.

Own rules are ``sh:SPARQLRule`` nodes (SHACL Advanced Features, section 8.3) whose CONSTRUCT only ever adds:
triple patterns, FILTER and BIND. docs/rules.md lists what is done and what is left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Store, Triple, Variable

from kg.errors import UnsupportedConstruct
from kg.logic.axioms import Pattern, Rule, axiom_rules
from kg.logic.expressions import ExpressionWriter
from kg.terms import PREFIXES, VIEW, iri

__all__ = ["SUPPORTED", "Pattern", "Rule", "bulk_insertion", "compile_rules", "insertion", "selection"]

SUPPORTED: Final[Mapping[str, str]] = {
    "eq-sym": "What is the same as another thing is that other thing's same in turn.",
    "eq-trans": "Two things that are each the same as a third are the same.",
    "eq-rep-s": "What is said of a thing holds of whatever is the same thing.",
    "eq-rep-p": "What one property relates, a property that is the same relates.",
    "eq-rep-o": "What relates to a thing relates to whatever is the same thing.",
    "eq-diff1": "Two things cannot be the same and different.",
    "eq-diff2": "Two members of a list of different things cannot be the same.",
    "eq-diff3": "Two distinct members of a list of different things cannot be the same.",
    "prp-dom": "Whatever has the property belongs to the property's domain.",
    "prp-rng": "Whatever is a value of the property belongs to the property's range.",
    "prp-fp": "A functional property has one value, so two values are the same thing.",
    "prp-ifp": "An inverse functional property identifies its subject, so two subjects of one value are the same.",
    "prp-irp": "The property never relates a thing to itself.",
    "prp-symp": "The property holds in both directions.",
    "prp-asyp": "The property never holds in both directions.",
    "prp-trp": "The property carries over from step to step.",
    "prp-spo1": "Whatever the narrower property relates, the wider one relates.",
    "prp-spo2": "A chain of properties, followed step by step, amounts to the property.",
    "prp-eqp1": "The two properties are equivalent: what the first relates, the second relates.",
    "prp-eqp2": "The two properties are equivalent: what the second relates, the first relates.",
    "prp-pdw": "Two disjoint properties never relate the same pair.",
    "prp-adp": "Two properties out of a disjoint list never relate the same pair.",
    "prp-inv1": "The second property is the inverse of the first.",
    "prp-inv2": "The first property is the inverse of the second.",
    "prp-key": "Things of the class that agree on every part of its key are the same.",
    "prp-npa1": "The ontology says that this does not hold between the two things.",
    "prp-npa2": "The ontology says that the thing does not have this value.",
    "cls-nothing2": "Nothing belongs to the empty class.",
    "cls-int1": "What belongs to every class of an intersection belongs to the intersection.",
    "cls-int2": "What belongs to an intersection belongs to each of its classes.",
    "cls-uni": "What belongs to one class of a union belongs to the union.",
    "cls-com": "Nothing belongs to a class and to its complement.",
    "cls-svf1": "What has a value of the right class belongs to the restriction.",
    "cls-svf2": "What has any value at all belongs to the restriction.",
    "cls-avf": "Every value of what belongs to the restriction belongs to the class it names.",
    "cls-hv1": "What belongs to the restriction has the value it names.",
    "cls-hv2": "What has the value belongs to the restriction that names it.",
    "cls-maxc1": "What belongs to the restriction has no value at all.",
    "cls-maxc2": "What belongs to the restriction has one value, so two values are the same thing.",
    "cls-maxqc1": "What belongs to the restriction has no value of the class it names.",
    "cls-maxqc2": "What belongs to the restriction has no value at all, of whatever class.",
    "cls-maxqc3": "What belongs to the restriction has one value of the class, so two such values are the same.",
    "cls-maxqc4": "What belongs to the restriction has one value, of whatever class, so two are the same.",
    "cls-oo": "The members of a listed class belong to it.",
    "cax-sco": "What belongs to the narrower class belongs to the wider one.",
    "cax-eqc1": "The two classes are equivalent: what belongs to the first belongs to the second.",
    "cax-eqc2": "The two classes are equivalent: what belongs to the second belongs to the first.",
    "cax-dw": "Nothing belongs to two disjoint classes.",
    "cax-adc": "Nothing belongs to two classes out of a disjoint list.",
    "dt-diff": "Two literals with different values are different.",
}
"""The supported rules by their names in the tables of OWL 2 RL, each with what it says in plain words."""


def compile_rules(ontology: Iterable[Triple]) -> tuple[Rule, ...]:
    """Return the rules of an ontology, in an order that depends on nothing but what it says.

    Takes the triples as they are stated, all files together; annotations are passed over. Subclass,
    subproperty, domain and range axioms between named terms are taken from the closed schema, all others as
    they are stated. Raises ``UnsupportedConstruct`` for whatever is outside OWL 2 RL, against the restrictions
    of OWL 2 DL on properties that are not simple, or beyond this module: compiling is the check of the profile.
    Takes about half a second for 150 terms, most of it to import rdflib.

    >>> from pyoxigraph import RdfFormat, parse
    >>> text = '''PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX : <https://example.org/>
    ... :City rdfs:subClassOf :Place .'''
    >>> rules = compile_rules(quad.triple for quad in parse(text, format=RdfFormat.TURTLE))
    >>> [str(rule.head[2]) for rule in rules if rule.names == ("cax-sco",)]
    ['<https://example.org/Place>']
    """
    triples = set(ontology)
    own, shacl = _own_rules(triples)
    unique: dict[object, Rule] = {}
    for rule in itertools.chain(_without_axiom(), axiom_rules(triples - shacl), own):
        unique.setdefault((rule.head, rule.body, rule.condition), rule)
    return tuple(sorted(unique.values(), key=lambda rule: (rule.names, str(rule.head), str(rule.body))))


_TYPE, _SAME, _DIFFERENT = map(iri, ("rdf:type", "owl:sameAs", "owl:differentFrom"))
_OWN_TERMS = frozenset(
    map(iri, ["sh:construct", "sh:prefixes", "sh:declare", "sh:prefix", "sh:namespace", "rdf:type"])
)
_VARIABLE = re.compile(r"\?\w+")


def _without_axiom() -> Iterator[Rule]:
    """Yield the rules that no axiom states: equality, less that everything is itself, and the empty class."""
    s, p, o, t = map(Variable, "spot")
    same, other = (s, _SAME, t), "FILTER(?s != ?t)"
    apart = f"FILTER(?p != {_SAME} || ?t != ?o) {other}"
    yield Rule(("eq-sym",), (t, _SAME, s), (same,), other)
    yield Rule(("eq-trans",), (s, _SAME, o), (same, (t, _SAME, o)), "FILTER(?s != ?o)")
    yield Rule(("eq-rep-s",), (t, p, o), (same, (s, p, o)), apart)
    yield Rule(("eq-rep-p",), (o, t, p), (same, (o, s, p)), other)
    yield Rule(("eq-rep-o",), (o, p, t), (same, (o, p, s)), apart)
    yield Rule(("eq-diff1",), None, (same, (s, _DIFFERENT, t)))
    yield Rule(("eq-diff1",), None, ((s, _DIFFERENT, s),))
    yield Rule(("cls-nothing2",), None, ((s, _TYPE, iri("owl:Nothing")),))


def insertion(
    rule: Rule,
    graph: NamedNode = VIEW,
    *,
    change: NamedNode | None = None,
    at: int = 0,
    copy: NamedNode | None = None,
) -> str:
    """Return the SPARQL update that adds to a graph what a rule derives from it and is not there yet.

    With ``change``, the body pattern number ``at`` is matched in that graph instead, and all else is looked up
    from there: right for a change that is small. With ``copy``, what is added is added to that graph too.
    """
    known = f"GRAPH {graph} {{ {_text(rule.head or ())} }}"
    body = f"{_looked_up(rule, graph, change, at)} FILTER NOT EXISTS {{ {known} }}"
    return f"INSERT {{ {_into(rule, graph, copy)} }} WHERE {{ {body} }}"


def bulk_insertion(
    parts: Sequence[tuple[Rule, int | None]],
    graph: NamedNode = VIEW,
    *,
    change: NamedNode | None = None,
    copy: NamedNode | None = None,
) -> str:
    """Return what :func:`insertion` does for rules that have one head, for when there is much to match.

    Each rule comes with the number of the body pattern to be matched in ``change``, or with ``None``. Whole
    sets are joined and compared instead of looking up one thing after the other.
    """
    rule = parts[0][0]
    found = _variables([rule.head or ()])
    if not found:
        return ";\n".join(
            insertion(r, graph, change=change if at is not None else None, at=at or 0, copy=copy)
            for r, at in parts
        )
    ways = " UNION ".join(f"{{ {_joined(r, graph, change, at)} {r.condition} }}" for r, at in parts)
    new = f"{{ SELECT DISTINCT {' '.join(found)} {{ {ways} }} }}"
    known = f"{{ GRAPH {graph} {{ {_text(rule.head or ())} }} }}"
    # An engine compares sets by the variables that are bound for certain; what BIND makes never is.
    without = "FILTER NOT EXISTS" if any("BIND(" in r.condition for r, _ in parts) else "MINUS"
    return f"INSERT {{ {_into(rule, graph, copy)} }} WHERE {{ {new} {without} {known} }}"


def _into(rule: Rule, graph: NamedNode, copy: NamedNode | None) -> str:
    return " ".join(f"GRAPH {target} {{ {_text(rule.head or ())} }}" for target in (graph, copy) if target)


def selection(rule: Rule, graph: NamedNode = VIEW, *, change: NamedNode | None = None, at: int = 0) -> str:
    """Return the SPARQL query for the ways in which the body of a rule holds in a graph.

    ``change`` and ``at`` mean what they mean for :func:`insertion`.

    >>> x, p, g = Variable("x"), NamedNode("https://example.org/p"), NamedNode("https://example.org/g")
    >>> selection(Rule(("prp-irp",), None, ((x, p, x),)), g)
    'SELECT * { GRAPH <https://example.org/g> { ?x <https://example.org/p> ?x } }'
    """
    return f"SELECT * {{ {_looked_up(rule, graph, change, at)} }}"


def _looked_up(rule: Rule, graph: NamedNode, change: NamedNode | None, at: int) -> str:
    """Return the body to be matched one pattern after the other; engines start with what stands first."""
    first = [rule.body[at]] if change else []
    rest = [pattern for index, pattern in enumerate(rule.body) if not change or index != at]
    groups = [
        f"GRAPH {name} {{ {' . '.join(map(_text, part))} }}"
        for name, part in ((change, first), (graph, rest))
        if part
    ]
    return " ".join([*groups, rule.condition]).rstrip()


def _joined(rule: Rule, graph: NamedNode, change: NamedNode | None, at: int | None) -> str:
    """Return the body as a tree of joins of whole sets, in which what is no longer needed is dropped at once.

    Looked up one by one, a thing that thousands of triples share costs each of them a walk over all the
    others in pyoxigraph's memory store; and a chain of three through such things has millions of ways.
    """
    needed = {*_variables([rule.head or ()]), *_VARIABLE.findall(rule.condition)}
    parts = [
        (pattern, change if change and index == at else graph) for index, pattern in enumerate(rule.body)
    ]
    order = [parts.pop(at or 0)]
    while parts:
        bound = {*_variables(pattern for pattern, _ in order)}
        order.append(parts.pop(next((i for i, (p, _) in enumerate(parts) if bound & {*_variables([p])}), 0)))
    text, held = "", list[str]()
    for done, (pattern, name) in enumerate(order, start=1):
        leaf = f"GRAPH {name} {{ {_text(pattern)} }}"
        if len(order) > 1:
            leaf = f"{{ SELECT {' '.join(_variables([pattern])) or '*'} {{ {leaf} }} }}"
        held = list(dict.fromkeys([*held, *_variables([pattern])]))
        ahead = needed.union(_variables(p for p, _ in order[done:]))
        kept = [variable for variable in held if variable in ahead]
        text = f"{text} {leaf}".lstrip()
        if 1 < done < len(order) and kept:
            distinct = "DISTINCT " if kept != held else ""
            text, held = f"{{ SELECT {distinct}{' '.join(kept)} {{ {text} }} }}", kept
    return text


def _text(pattern: Iterable[object]) -> str:
    return " ".join(map(str, pattern))


def _variables(patterns: Iterable[Iterable[object]]) -> list[str]:
    return list(dict.fromkeys(str(term) for p in patterns for term in p if isinstance(term, Variable)))


def _own_rules(ontology: Collection[Triple]) -> tuple[list[Rule], set[Triple]]:
    """Return the rules of the ``sh:SPARQLRule`` nodes, and the triples that make them up."""
    nodes = {t.subject for t in ontology if t.predicate == _TYPE and t.object == iri("sh:SPARQLRule")}
    declarations = {t.object for t in ontology if t.predicate == iri("sh:declare")}
    own = {t for t in ontology if t.subject in nodes | declarations or t.predicate == iri("sh:declare")}
    for triple in sorted(ontology, key=str):
        shacl = any(isinstance(t, NamedNode) and t.value.startswith(PREFIXES["sh"]) for t in triple)
        if shacl and (triple not in own or triple.predicate not in _OWN_TERMS):
            raise UnsupportedConstruct(
                f"the triple {triple} is in SHACL, of which an ontology holds named SPARQL rules only",
                remedy="keep shapes in files of their own",
            )
    prefixes = {**PREFIXES, **_declared_prefixes(own)}
    found = [
        rule
        for triple in sorted(own, key=str)
        if triple.subject in nodes and triple.predicate == iri("sh:construct")
        for rule in _Construct(triple, prefixes).rules()
    ]
    silent = {str(node) for node in nodes} - {str(rule.axiom[0].subject) for rule in found}
    if silent:
        raise UnsupportedConstruct("a SPARQL rule has no sh:construct", where=min(silent))
    return found, own


def _declared_prefixes(triples: Iterable[Triple]) -> dict[str, str]:
    said: dict[object, dict[NamedNode, str]] = {}
    for triple in triples:
        if isinstance(triple.object, Literal):
            said.setdefault(triple.subject, {})[triple.predicate] = triple.object.value
    prefix, namespace = iri("sh:prefix"), iri("sh:namespace")
    return {words[prefix]: words[namespace] for words in said.values() if {prefix, namespace} <= words.keys()}


class _Construct:
    """A CONSTRUCT query taken apart into patterns and condition; what does more than add is unsupported."""

    def __init__(self, stated: Triple, prefixes: Mapping[str, str]) -> None:
        self.stated = stated
        self.body: list[Pattern] = []
        self.binds: dict[str, str] = {}
        self.filters: list[str] = []
        query = self.parsed(prefixes)
        if (
            query.name != "ConstructQuery"
            or query.datasetClause
            or not query.template
            or query.p.name != "Project"
        ):
            raise self.unsupported("is not a plain CONSTRUCT { … } WHERE { … }")
        self.read(query.p.p)
        self.template = [self.pattern(triple) for triple in query.template]

    def parsed(self, prefixes: Mapping[str, str]) -> Any:  # noqa: ANN401 - rdflib's algebra has no types
        from pyparsing import ParseBaseException
        from rdflib.plugins.sparql import prepareQuery

        if not isinstance(self.stated.subject, NamedNode) or not isinstance(self.stated.object, Literal):
            raise self.unsupported("needs a name and the text of a query")
        text = (
            "".join(f"PREFIX {prefix}: <{name}>\n" for prefix, name in prefixes.items())
            + self.stated.object.value
        )
        try:
            # rdflib reports some faults as bare exceptions, pyoxigraph always as a syntax error
            Store().query(text)
            return prepareQuery(text).algebra
        except (SyntaxError, RuntimeError, ParseBaseException) as error:
            raise self.unsupported(f"is not SPARQL, or not without extensions: {error}") from None

    def unsupported(self, why: str) -> UnsupportedConstruct:
        remedy = "a rule may use triple patterns, FILTER and BIND, and only add"
        return UnsupportedConstruct(f"the SPARQL rule {why}", where=str(self.stated.subject), remedy=remedy)

    def rules(self) -> Iterator[Rule]:
        """Yield one rule for each triple of the template."""
        inside = {term.value for pattern in self.body for term in pattern if isinstance(term, Variable)}
        outside = {term.value for pattern in self.template for term in pattern if isinstance(term, Variable)}
        if again := inside & self.binds.keys():
            raise self.unsupported(f"binds ?{min(again)}, which its patterns find as well")
        if loose := outside - inside - self.binds.keys():
            raise self.unsupported(f"constructs with ?{min(loose)}, which nothing finds")
        if not self.body:
            raise self.unsupported("has no triple pattern")
        name = re.split("[#/]", str(self.stated.subject).strip("<>"))[-1]
        condition = " ".join([*self.binds.values(), *self.filters])
        for head in self.template:
            if isinstance(head[0], Literal):
                raise self.unsupported("constructs a triple with a literal for its subject")
            yield Rule((name,), head, tuple(dict.fromkeys(self.body)), condition, (self.stated,))

    def read(self, part: Any) -> None:  # noqa: ANN401 - rdflib's algebra has no types
        """Collect the patterns and conditions of a part of the algebra."""
        if part.name == "BGP":
            self.body += [self.pattern(triple) for triple in part.triples]
        elif part.name == "Extend":
            self.read(part.p)
            self.binds[str(part.var)] = f"BIND({self.expression(part.expr)} AS ?{part.var})"
        elif part.name == "Filter" and not self.filters:
            self.filters.append(f"FILTER({self.expression(part.expr)})")
            self.read(part.p)
        elif part.name == "Join" and {part.p1.name, part.p2.name} <= {"BGP", "Extend", "Join"}:
            self.read(part.p1)
            self.read(part.p2)
        else:
            raise self.unsupported(f"has a part of the kind {part.name}, or a nested group")

    def pattern(self, triple: Iterable[object]) -> Pattern:
        subject, predicate, value = map(self.term, triple)
        return subject, predicate, value

    def term(self, node: object) -> NamedNode | Literal | Variable:
        from rdflib import Literal as RdflibLiteral
        from rdflib import URIRef
        from rdflib import Variable as RdflibVariable

        if isinstance(node, RdflibVariable):
            return Variable(str(node))
        if isinstance(node, URIRef):
            return NamedNode(str(node))
        if not isinstance(node, RdflibLiteral):
            raise self.unsupported("has a blank node or a property path")
        if node.language:
            return Literal(str(node), language=node.language)
        return Literal(str(node), datatype=NamedNode(str(node.datatype)) if node.datatype else None)

    def expression(self, node: object) -> str:
        return ExpressionWriter(lambda term: str(self.term(term)), self.unsupported).text(node)
