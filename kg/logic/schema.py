"""The schema of an ontology: what its triples say about terms, and what they may say in OWL 2 RL.

``owlrl`` closes it. Whatever OWL 2 RL or the restrictions of OWL 2 DL forbid raises
:class:`~kg.errors.UnsupportedConstruct` with the axiom in which it stands (OWL 2 Profiles, section 4.2; OWL 2
Structural Specification, sections 5.8 and 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.errors import UnsupportedConstruct
from kg.terms import PREFIXES, iri, short


def iris(curies: str) -> frozenset[NamedNode]:
    """Return the IRIs of compact IRIs that white space separates."""
    return frozenset(map(iri, curies.split()))


RESERVED: Final = tuple(PREFIXES[prefix] for prefix in ("owl", "rdf", "rdfs", "xsd"))
"""The namespaces in which a term that is not known is not supported."""

NOTES: Final = iris(
    """rdfs:label rdfs:comment rdfs:seeAlso rdfs:isDefinedBy owl:versionIRI owl:versionInfo owl:priorVersion
    owl:backwardCompatibleWith owl:incompatibleWith owl:deprecated"""
)
"""The annotation properties of RDFS and OWL."""

_TYPE, _CLASS, _DATATYPE, _ONTOLOGY = map(iri, ("rdf:type", "owl:Class", "rdfs:Datatype", "owl:Ontology"))
_FIRST, _REST, _NIL, _INVERSE = map(iri, ("rdf:first", "rdf:rest", "rdf:nil", "owl:inverseOf"))
_ON, _CHAIN, _TRANSITIVE = map(iri, ("owl:onProperty", "owl:propertyChainAxiom", "owl:TransitiveProperty"))
_BETWEEN_TERMS = iris("rdfs:subClassOf rdfs:subPropertyOf rdfs:domain rdfs:range")
_CLOSING = _BETWEEN_TERMS | iris(
    "owl:equivalentClass owl:equivalentProperty owl:intersectionOf owl:unionOf rdf:first rdf:rest"
)
_AXIOMS = _BETWEEN_TERMS | iris(
    """owl:equivalentClass owl:equivalentProperty owl:disjointWith owl:propertyDisjointWith owl:inverseOf
    owl:propertyChainAxiom owl:hasKey"""
)
_PROPERTY_KINDS = iris("owl:ObjectProperty owl:DatatypeProperty owl:AnnotationProperty")
_OF_THINGS = iris(
    """owl:ObjectProperty owl:SymmetricProperty owl:TransitiveProperty owl:AsymmetricProperty
    owl:IrreflexiveProperty owl:InverseFunctionalProperty"""
)
_KINDS = _PROPERTY_KINDS | {_CLASS, _DATATYPE}
_OTHER_KINDS = iris("rdfs:Class owl:NamedIndividual owl:Restriction owl:Ontology rdf:List")
_RESTRICTIONS = iris(
    "owl:someValuesFrom owl:allValuesFrom owl:hasValue owl:maxCardinality owl:maxQualifiedCardinality"
)
_FORMS = _RESTRICTIONS | iris("owl:intersectionOf owl:unionOf owl:oneOf owl:complementOf")
_DATATYPES = iris(
    """rdfs:Literal rdf:PlainLiteral rdf:XMLLiteral xsd:decimal xsd:integer xsd:nonNegativeInteger
    xsd:nonPositiveInteger xsd:positiveInteger xsd:negativeInteger xsd:long xsd:int xsd:short xsd:byte
    xsd:unsignedLong xsd:unsignedInt xsd:unsignedShort xsd:unsignedByte xsd:float xsd:double xsd:string
    xsd:normalizedString xsd:token xsd:language xsd:Name xsd:NCName xsd:NMTOKEN xsd:boolean xsd:hexBinary
    xsd:base64Binary xsd:anyURI xsd:dateTime xsd:dateTimeStamp"""
)
_DEPTH_SHOWN = 4


class Schema:
    """The triples of an ontology, looked up by term; a look-up refuses what OWL 2 RL refuses.

    ``closed`` holds the subclass, subproperty, domain and range axioms between named terms that follow, those
    stated included. ``axiom`` is what is being read, for the message when it cannot be: its own triple, then
    those of its blank nodes. ``reached`` collects the blank nodes that an axiom has led to.
    """

    def __init__(self, triples: Iterable[Triple]) -> None:
        self.stated = sorted(set(triples), key=str)
        self.about: dict[object, dict[NamedNode, list[Any]]] = {}
        for triple in self.stated:
            self.about.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
        self.closed = _close(self.stated)
        self.axiom: tuple[Triple, ...] = ()
        self.reached: set[object] = set()
        self._composite = _composite_properties([*self.stated, *self.closed])

    def objects(self, subject: object, predicate: NamedNode) -> list[Any]:
        """Return what a term is stated to have as a value."""
        return self.about.get(subject, {}).get(predicate, [])

    def is_a(self, term: object, *kinds: NamedNode) -> int:
        """Return of how many of the kinds a term is declared to be."""
        return len(set(kinds).intersection(self.objects(term, _TYPE)))

    def is_term(self, node: object) -> bool:
        """Return whether a node is a class, a property, a datatype or an ontology, not an individual."""
        return bool(self.is_a(node, *_KINDS, _ONTOLOGY) or self.about.get(node, {}).keys() & _AXIOMS)

    def one(self, node: object, predicate: NamedNode) -> Any:  # noqa: ANN401 - any kind of term
        """Return the only value of a property; anything but one is unsupported."""
        values = self.objects(node, predicate)
        if len(values) != 1:
            raise self.unsupported(predicate, f"stands {len(values)} times where it must stand once")
        return values[0]

    def members(self, head: object) -> list[Any]:
        """Return the members of an RDF list."""
        found: list[Any] = []
        while head != _NIL:
            self.reached.add(head)
            found.append(self.one(head, _FIRST))
            head = self.one(head, _REST)
            if len(found) > len(self.stated):
                raise self.unsupported(_REST, "makes a list that never ends")
        if len(found) < 1:
            raise self.unsupported(_NIL, "is an empty list")
        return found

    def behind(self, triple: Triple) -> Iterator[Triple]:
        """Yield the triple, then those of its blank nodes."""
        yield triple
        nodes: list[object] = [triple.subject, triple.object]
        for at, node in enumerate(nodes):
            if isinstance(node, BlankNode) and node not in nodes[:at]:
                for predicate, values in self.about.get(node, {}).items():
                    yield from (Triple(node, predicate, value) for value in values)
                    nodes += values

    def unsupported(self, term: object, why: str, remedy: str = "") -> UnsupportedConstruct:
        """Return the error that names a term and the axiom in which it stands."""
        first = self.axiom[0]
        where = " ".join(map(self._say, (first.subject, first.predicate, first.object)))
        return UnsupportedConstruct(f"{self._say(term)} {why}", where=where, remedy=remedy)

    def _say(self, term: object, depth: int = 0) -> str:
        """Return a term as Turtle would write it, a blank node by what it says."""
        if isinstance(term, NamedNode):
            return short(term)
        if not isinstance(term, BlankNode) or depth > _DEPTH_SHOWN:
            return str(term)
        said = [
            f"{self._say(predicate)} {self._say(value, depth + 1)}"
            for predicate, values in self.about.get(term, {}).items()
            for value in values
        ]
        return f"[ {' ; '.join(said)} ]"

    def check_declaration(self, subject: object, kind: NamedNode) -> None:
        """Check a declaration: of a known kind, one for each term, no datatype that OWL 2 RL does not have."""
        if kind not in _KINDS | _OTHER_KINDS:
            raise self.unsupported(kind, "is not supported by the rules")
        if self.is_a(subject, *_KINDS, iri("owl:NamedIndividual"), _ONTOLOGY) > 1:
            raise self.unsupported(subject, "is declared as more than one kind of thing", "use two names")
        if kind == _DATATYPE and subject not in _DATATYPES:
            raise self.unsupported(subject, "is no datatype of OWL 2 RL")

    def inverted(self, prop: object) -> tuple[NamedNode, bool]:
        """Return the name of a property, and whether it is the inverse of the one so named that is meant."""
        turned = False
        while isinstance(prop, BlankNode):
            if self.about.get(prop, {}).keys() - {_TYPE} != {_INVERSE}:
                raise self.unsupported(prop, "is not a property")
            self.reached.add(prop)
            prop, turned = self.one(prop, _INVERSE), not turned
        odd = not isinstance(prop, NamedNode) or (prop.value.startswith(RESERVED) and prop not in NOTES)
        if odd or self.is_a(prop, _CLASS, _DATATYPE):
            raise self.unsupported(prop, "cannot be used as a property")
        assert isinstance(prop, NamedNode)  # noqa: S101 - checked above, said for the type checker
        return prop, turned

    def relates_things(self, prop: object) -> bool:
        """Return whether no value of a property can be a literal."""
        return isinstance(prop, BlankNode) or bool(
            self.is_a(prop, *_OF_THINGS) or self.objects(prop, _INVERSE)
        )

    def relates_literals(self, prop: object) -> bool:
        """Return whether every value of a property is a literal."""
        return bool(self.is_a(prop, iri("owl:DatatypeProperty")))

    def between_things(self, *props: object) -> None:
        """Check that properties may be used where OWL 2 RL wants object properties."""
        for prop in props:
            if self.relates_literals(prop):
                raise self.unsupported(prop, "is a datatype property where an object property is due")

    def simple(self, *props: object) -> None:
        """Check that properties may be used where OWL 2 DL wants simple ones."""
        for prop in props:
            if prop in self._composite:
                remedy = "only a property without steps can be restricted in this way"
                raise self.unsupported(prop, "is transitive, or follows from a chain", remedy)

    def is_datatype(self, term: object) -> bool:
        """Return whether a term is a datatype; one that OWL 2 RL does not have is unsupported."""
        xsd = isinstance(term, NamedNode) and term.value.startswith(PREFIXES["xsd"])
        if term not in _DATATYPES and (xsd or self.is_a(term, _DATATYPE)):
            raise self.unsupported(term, "is no datatype of OWL 2 RL")
        return term in _DATATYPES

    def is_named(self, cls: object) -> bool:
        """Return whether a class has a name; what is no class is unsupported."""
        if isinstance(cls, BlankNode):
            return False
        reserved = isinstance(cls, NamedNode) and cls.value.startswith(RESERVED)
        odd = (reserved and cls not in iris("owl:Thing owl:Nothing")) or self.is_a(cls, *_KINDS - {_CLASS})
        if odd or isinstance(cls, Literal):
            raise self.unsupported(cls, "cannot be used as a class")
        return True

    def expression(self, node: object) -> tuple[str, Any, Any]:
        """Return the form of an anonymous class, its property (or ``None``) and what it names."""
        said = (
            {p for p in self.about.get(node, {}) if p.value.startswith(RESERVED)} - {_TYPE} - NOTES - _AXIOMS
        )
        forms = said & _FORMS
        odd = said - _FORMS - {_ON, iri("owl:onClass")}
        if odd or len(forms) != 1:
            worst: object = min(odd, key=str) if odd else node
            raise self.unsupported(worst, "makes no class expression that OWL 2 RL has")
        (form,) = forms
        self.reached.add(node)
        prop = self.one(node, _ON) if form in _RESTRICTIONS else None
        return form.value.removeprefix(PREFIXES["owl"]), prop, self.one(node, form)


def _close(stated: Iterable[Triple]) -> set[Triple]:
    """Return the subclass, subproperty, domain and range axioms between named terms by table 9."""
    from owlrl.OWLRL import OWLRL_Semantics
    from rdflib import BNode, Graph, URIRef

    def node(term: Any) -> Any:  # noqa: ANN401 - from any kind of term to rdflib's
        return BNode(term.value) if isinstance(term, BlankNode) else URIRef(term.value)

    graph = Graph()
    for triple in stated:
        if triple.predicate in _CLOSING and not isinstance(triple.object, Literal):
            graph.add((node(triple.subject), node(triple.predicate), node(triple.object)))
    semantics = OWLRL_Semantics(graph, axioms=False, daxioms=False)
    # tables 4 to 8 speak of individuals; what they say of terms is left out of the view
    semantics.rules = semantics._schema_vocabulary
    semantics.one_time_rules = lambda: None
    semantics.closure()
    return {
        Triple(NamedNode(subject), predicate, NamedNode(value))
        for predicate in _BETWEEN_TERMS
        for subject, value in graph.subject_objects(URIRef(predicate.value))
        if isinstance(subject, URIRef) and isinstance(value, URIRef) and subject != value
    }


def _composite_properties(triples: Iterable[Triple]) -> set[object]:
    """Return the properties that are not simple: made of steps, or wider than such a one, or its inverse."""
    found: set[object] = set()
    arcs: set[tuple[object, object]] = set()
    for triple in triples:
        if triple.predicate == _CHAIN or triple.object == _TRANSITIVE:
            found.add(triple.subject)
        if triple.predicate in (iri("rdfs:subPropertyOf"), _INVERSE):
            arcs.add((triple.subject, triple.object))
        if triple.predicate == _INVERSE:
            arcs.add((triple.object, triple.subject))
    while more := {wider for narrower, wider in arcs if narrower in found} - found:
        found |= more
    return found
