"""Triples as a person writes them: three words, each a label, a compact IRI, an IRI or a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.labels import LANGUAGES, reading
from kg.errors import UnknownName, UsageError
from kg.storage.overlay import canonical
from kg.storage.store import Engine
from kg.terms import ONTOLOGY, PREFIXES, VIEW, curie, iri, short
from kg.terms import text as term_text

_CODES: Final = (
    "isoAlpha2Code",
    "isoAlpha3Code",
    "isoSubdivisionCode",
    "wikidataId",
    "archigosLeaderId",
)
_TYPE, _LABEL, _RANGE = iri("rdf:type"), iri("rdfs:label"), iri("rdfs:range")
_OBJECT, _DATATYPE = iri("owl:ObjectProperty"), iri("owl:DatatypeProperty")
_PROPERTIES: Final = (_OBJECT, _DATATYPE, iri("owl:AnnotationProperty"))
_TYPE_NAMES: Final = ("a", "an", "is a", "is an", "type")
_VARIABLE: Final = re.compile(r"[?$]\w*")
_LITERAL: Final = re.compile(
    r'"(?P<text>.*)"(?:@(?P<language>[A-Za-z]+(?:-[A-Za-z0-9]+)*)|\^\^(?P<datatype>.+))?', re.DOTALL
)
_NUMBERS: Final = tuple(map(iri, ("xsd:integer", "xsd:decimal", "xsd:double")))
_MOST_LABELS: Final = 10_000  # among which the nearest to an unknown name are looked for
_MOST_VALUES: Final = (
    200  # values of one property of one thing among which the one that is meant is looked for
)


def resolve(text: str, store: Engine, of_class: NamedNode | None = None, where: str = "") -> NamedNode:
    """Return the thing that a person means by an IRI, a CURIE, a label or a code.

    The thing must occur in the view and, if ``of_class`` is given, belong to that class there. A label matches
    in any language; capitals matter only where both spellings are labels. Raises ``UsageError`` when several
    things match and ``UnknownName`` when none does, with the nearest of the first ten thousand labels: looking
    through all of ten million triples took half a minute. Cost: about ten look-ups, else some tenths of a second.
    """
    check_unicode(text, where)
    candidates = [node for node in written(text, "id") if _known(node, store)] or list(_labelled(text, store))
    fitting = [node for node in candidates if of_class is None or _is_a(node, of_class, store)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = ", ".join(sorted(short(node) for node in fitting))
        raise UsageError(f"{text!r} may mean {listed}", where=where, remedy="write one of these")
    if candidates and of_class is not None:
        raise UsageError(
            f"{text!r} is no {curie(of_class) or of_class.value}",
            where=where,
            remedy="name a thing of that class",
        )
    raise UnknownName("thing", text, _some_labels(store, of_class), remedy="kg show lists the things")


def _known(node: NamedNode, store: Engine) -> bool:
    return any(True for _ in store.quads(node, None, None, VIEW)) or any(
        True for _ in store.quads(None, None, node, VIEW)
    )


def _is_a(node: NamedNode, of_class: NamedNode, store: Engine) -> bool:
    return any(True for _ in store.quads(node, iri("rdf:type"), of_class, VIEW))


def _labelled(text: str, store: Engine) -> Iterator[NamedNode]:
    spellings = dict.fromkeys(
        (text, text.casefold(), text[:1].upper() + text[1:], text.title(), text.upper())
    )
    for spelling in spellings:
        literals = [Literal(spelling), *(Literal(spelling, language=language) for language in LANGUAGES)]
        found = {
            quad.subject
            for property_name in ("rdfs:label", "skos:altLabel")
            for literal in literals
            for quad in store.quads(None, iri(property_name), literal, VIEW)
        } | {
            quad.subject
            for code in _CODES
            for quad in store.quads(None, iri(f"parley:{code}"), Literal(spelling), VIEW)
        }
        if found:
            yield from (node for node in found if isinstance(node, NamedNode))
            return


def _some_labels(store: Engine, of_class: NamedNode | None) -> Iterator[str]:
    for name in ("rdfs:label", "skos:altLabel"):
        for quad in islice(store.quads(None, iri(name), None, VIEW), _MOST_LABELS):
            thing = quad.subject
            if of_class is None or (isinstance(thing, NamedNode) and _is_a(thing, of_class, store)):
                yield term_text(quad.object)


def written(words: str, *prefixes: str) -> Iterator[NamedNode]:
    """Yield what an IRI or a CURIE stands for, or a bare name under each of some prefixes; nothing is looked up."""
    bare = words.strip().removeprefix("<").removesuffix(">")
    prefix, colon, local = bare.partition(":")
    spelt = [PREFIXES[prefix] + local if prefix in PREFIXES else bare]
    for full in spelt if colon else [PREFIXES[name] + bare for name in prefixes]:
        try:
            yield NamedNode(full)
        except ValueError:
            continue


def check_unicode(words: str, where: str) -> None:
    """Refuse what is no Unicode text: bytes of the command line that are no UTF-8."""
    try:
        words.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{words!r} is no Unicode text", where=where, remedy="write it in UTF-8") from error


def read_triple(subject: str, predicate: str, value: str, store: Engine) -> Triple:
    """Return the triple that a person means; whether it holds is another question.

    Things may be given as for ``kg ask``: labels in any language, codes, CURIEs, IRIs. Properties and classes go by
    their label, their name in the ontology, CURIE or IRI; ``a`` and ``is a`` are rdf:type. A value that is no thing is
    written as in Turtle (``"text"@en``, ``"2020-03-05"^^xsd:date``) or plainly, as people read it. What only a claim
    speaks of that is not held true goes by CURIE or IRI.

    Raises ``UsageError`` for a variable and for what may mean several things, ``UnknownName`` with the nearest names
    for what means none. Cost: some look-ups; a pass over the labels where a name is unknown.
    """
    for name, words in (("subject", subject), ("predicate", predicate), ("object", value)):
        _check(name, words)
    relation = _property(predicate, store)
    one = _thing(subject, "the subject", store)
    if relation == _TYPE:
        return Triple(one, relation, _class(value, store))
    written = _LITERAL.fullmatch(value.strip())
    if written:
        return canonical(Triple(one, relation, _literal(written)))
    if _relates_things(relation, store):
        return Triple(one, relation, _thing(value, "the object", store))
    return canonical(Triple(one, relation, _meant(one, relation, value, store)))


def _check(name: str, words: str) -> None:
    if _VARIABLE.fullmatch(words.strip()):
        raise UsageError(
            f"the {name} {words} is a variable, and a triple has none", remedy="ask with kg query what fits"
        )
    if not words.strip():
        raise UsageError(f"the {name} is empty", remedy="give a label, a CURIE or an IRI")
    check_unicode(words, f"the {name}")


def _thing(words: str, where: str, store: Engine) -> NamedNode:
    """Return a thing of the view, or what a claim that is not held true speaks of."""
    try:
        return resolve(words.strip(), store, where=where)
    except UnknownName:
        for node in written(words, "id", "parley"):
            if any(store.quads(node)) or any(store.quads(None, None, node)):
                return node
        raise


def _property(words: str, store: Engine) -> NamedNode:
    if _folded(words) in map(_folded, _TYPE_NAMES):
        return _TYPE
    for node in written(words):
        if ":" in words and _is_property(node, store):
            return node
    declared = _declared(_PROPERTIES, store)
    found = _called(words, declared, store)
    if not found:  # of another vocabulary, such as label
        found = [
            node for node in written(words.strip(), *PREFIXES) if any(store.quads(None, node, None, VIEW))
        ]
    return _only(words, found, "property", declared, store)


def _is_property(node: NamedNode, store: Engine) -> bool:
    declared = any(quad.object in _PROPERTIES for quad in store.quads(node, _TYPE, None, ONTOLOGY))
    return declared or any(store.quads(None, node))


def _class(words: str, store: Engine) -> NamedNode:
    kind = iri("owl:Class")
    for node in written(words):
        declared = any(quad.object == kind for quad in store.quads(node, _TYPE, None, ONTOLOGY))
        if ":" in words and (declared or any(store.quads(None, _TYPE, node))):
            return node
    declared_classes = _declared([kind], store)
    return _only(words, _called(words, declared_classes, store), "class", declared_classes, store)


def _declared(kinds: Iterable[NamedNode], store: Engine) -> list[NamedNode]:
    """Return the terms of the ontology of some kinds, in the order of their names."""
    found = (quad.subject for kind in kinds for quad in store.quads(None, _TYPE, kind, ONTOLOGY))
    return sorted({node for node in found if isinstance(node, NamedNode)}, key=str)


def _called(words: str, terms: Iterable[NamedNode], store: Engine) -> list[NamedNode]:
    wanted = _folded(words)
    return [node for node in terms if wanted in map(_folded, _names(node, store))]


def _only(
    words: str, found: list[NamedNode], kind: str, known: Iterable[NamedNode], store: Engine
) -> NamedNode:
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(sorted(map(short, found)))
        raise UsageError(f"the {kind} {words!r} may mean {listed}", remedy="write one of these")
    names = [name for node in known for name in ([short(node)] if ":" in words else _names(node, store))]
    raise UnknownName(kind, words, names, remedy="write its label or its CURIE")


def _names(node: NamedNode, store: Engine) -> Iterator[str]:
    for quad in store.quads(node, _LABEL, None, ONTOLOGY):
        if isinstance(quad.object, Literal):
            yield quad.object.value
    yield re.split(r"[#/]", node.value)[-1]


def _folded(words: str) -> str:
    """Return what is left of a name where capitals, spaces and hyphens do not count."""
    return re.sub(r"[\s_-]", "", words).casefold()


def _relates_things(relation: NamedNode, store: Engine) -> bool:
    kinds = {quad.object for quad in store.quads(relation, _TYPE, None, ONTOLOGY)}
    if kinds & {_OBJECT, _DATATYPE}:
        return _OBJECT in kinds
    used = next(iter(store.quads(None, relation, None, VIEW)), None)
    return used is None or not isinstance(used.object, Literal)


def _literal(found: re.Match[str]) -> Literal:
    text, language, datatype = found["text"], found["language"], found["datatype"]
    text = re.sub(r'\\(["\\nrt])', lambda one: {"n": "\n", "r": "\r", "t": "\t"}.get(one[1], one[1]), text)
    try:
        if language:
            return Literal(text, language=language.lower())
        kind = next(written(datatype), None) if datatype else iri("xsd:string")
        if kind is not None:
            return Literal(text, datatype=kind)
    except ValueError:
        pass
    raise UsageError(
        f"{found[0]} is no value",
        where="the object",
        remedy='write for example "5 March" or "2020-03-05"^^xsd:date',
    )


def _meant(one: NamedNode, relation: NamedNode, words: str, store: Engine) -> Literal:
    """Return the value of a thing that reads like the words, of the view or of any claim, else a new one."""
    for graph in (VIEW, None):
        values = (quad.object for quad in islice(store.quads(one, relation, None, graph), _MOST_VALUES))
        alike = {
            value
            for value in values
            if isinstance(value, Literal)
            and (words in (value.value, reading(value, {})) or _same_number(words, value))
        }
        if len(alike) > 1:
            listed = ", ".join(sorted(map(str, alike)))
            raise UsageError(f"{words!r} may mean {listed}", where="the object", remedy="write one of these")
        if alike:
            return alike.pop()
    ranges = [quad.object for quad in store.quads(relation, _RANGE, None, ONTOLOGY)]
    known = [
        node for node in ranges if isinstance(node, NamedNode) and node.value.startswith(PREFIXES["xsd"])
    ]
    return Literal(words, datatype=known[0] if len(known) == 1 else _guessed(words))


def _same_number(words: str, value: Literal) -> bool:
    try:
        return value.datatype in _NUMBERS and Decimal(words) == Decimal(value.value)
    except ArithmeticError:
        return False


def _guessed(words: str) -> NamedNode:
    """Return the datatype that a value would have in Turtle, dates included."""
    if words in ("true", "false"):
        return iri("xsd:boolean")
    if re.fullmatch(r"[+-]?[0-9]{1,18}", words):
        return iri("xsd:integer")
    if re.fullmatch(r"[+-]?[0-9]{0,18}\.[0-9]{1,18}", words):
        return iri("xsd:decimal")
    try:
        return (
            iri("xsd:date")
            if re.fullmatch(r"\d{4}-\d\d-\d\d", words) and date.fromisoformat(words)
            else iri("xsd:string")
        )
    except ValueError:
        return iri("xsd:string")
