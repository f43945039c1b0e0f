"""Stored questions: SPARQL files with a header, and the binder that fills in their parameters.

A question is a ``.rq`` file that runs as it stands in any SPARQL tool. Its metadata are ``#+`` comment lines in
YAML, the convention of grlc. A parameter is a ``VALUES`` line that holds one example:

    #+ summary: Who are the parties to an agreement?
    #+ tags: [who]
    #+ parameters:
    #+   agreement: {kind: thing, class: parley:Agreement, description: the agreement}
    SELECT ?party WHERE {
      VALUES ?agreement { id:idlib-agreement-2020 }
      ?agreement parley:hasParty ?party .
    }

The binder replaces what stands inside the braces with a term that it has built, serialised as RDF, never with text.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode

from kg.asking.labels import LANGUAGES
from kg.errors import UnknownName, UnreadableInput, UsageError, nearest
from kg.storage.store import Engine
from kg.terms import PREFIXES, VIEW, curie, iri, short
from kg.terms import text as term_text

_VALUES = re.compile(r"^[ \t]*VALUES[ \t]+\?(?P<name>\w+)[ \t]*\{(?P<example>[^\n]*)\}[ \t]*$", re.MULTILINE)
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "text": (r".*", "xsd:string"),
    "integer": (r"[+-]?\d{1,18}", "xsd:integer"),
    "decimal": (r"[+-]?\d{1,18}(\.\d{1,18})?", "xsd:decimal"),
    "date": (r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", "xsd:date"),
    "boolean": (r"true|false", "xsd:boolean"),
    "language": (r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "xsd:string"),
}
_CODES: Final = (
    "isoAlpha2Code",
    "isoAlpha3Code",
    "isoSubdivisionCode",
    "wikidataId",
    "archigosLeaderId",
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a question: its kind, what it means, an example, and whether it may be left out.

    ``kind`` is ``thing`` (then ``of_class`` may restrict it) or one of text, integer, decimal, date, boolean
    and language.
    """

    name: str
    kind: str
    description: str
    example: str
    of_class: NamedNode | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A stored question. ``theme`` is its first tag; ``sparql`` is the file as it stands."""

    name: str
    summary: str
    description: str
    theme: str
    tags: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    sparql: str


def read_question(path: Path) -> Question:
    """Read one question file.

    Raises ``UnreadableInput`` when its header is not the YAML described above, or when a parameter has no
    ``VALUES`` line, or more than one, or a ``VALUES`` line no parameter. Cost: one small file.
    """
    import yaml

    text = path.read_text(encoding="utf-8")
    header = "\n".join(line[2:].removeprefix(" ") for line in text.splitlines() if line.startswith("#+"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = yaml.load(header, Loader=loader)  # noqa: S506 - a safe loader, the fast one where there is one
        tags = tuple(map(str, data["tags"]))
        declared: Mapping[str, Mapping[str, Any]] = data.get("parameters") or {}
        lines = [(found["name"], found["example"].strip()) for found in _VALUES.finditer(text)]
        if sorted(name for name, _ in lines) != sorted(declared):
            raise UnreadableInput(
                f"the VALUES lines give {sorted(name for name, _ in lines)}, the header {sorted(declared)}",
                where=str(path),
                remedy="give each parameter one VALUES line of its own",
            )
        parameters = tuple(_parameter(name, declared[name], example) for name, example in lines)
        summary, description = str(data["summary"]), str(data.get("description", "")).strip()
        return Question(path.stem, summary, description, tags[0], tags, parameters, text)
    except (yaml.YAMLError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise UnreadableInput(
            f"the header is not complete YAML ({type(error).__name__}: {error})",
            where=str(path),
            remedy="write summary, tags and parameters in lines that begin with '#+ '",
        ) from error


def _parameter(name: str, data: Mapping[str, Any], example: str) -> Parameter:
    kind = str(data["kind"])
    if kind != "thing" and kind not in _KINDS:
        raise KeyError(f"unknown kind {kind}")
    of_class = iri(str(data["class"])) if "class" in data else None
    return Parameter(
        name, kind, str(data["description"]), example, of_class, bool(data.get("optional", False))
    )


def question_files(folder: Path) -> dict[str, Path]:
    """Return the question files of a folder by their names, in alphabetical order."""
    return {path.stem: path for path in sorted(folder.glob("*.rq"))}


def bind(question: Question, values: Mapping[str, str], store: Engine) -> str:
    """Return the query of a question with its parameters filled in.

    ``values`` are what a person wrote: for a thing an IRI, a CURIE, a label in any language or a code. Raises
    ``UsageError`` for a parameter that is unknown, missing, of the wrong kind, or ambiguous (with the
    candidates), and ``UnknownName`` for a thing that the view does not know. Cost: a few look-ups.
    """
    names = [parameter.name for parameter in question.parameters]
    for name in values:
        if name not in names:
            close = nearest(name, [*names, "format"])
            hint = f"did you mean --{close[0]}?" if close else f"it takes {_listed(names)}"
            raise UsageError(f"the question {question.name!r} has no parameter {name!r}", remedy=hint)
    terms = {}
    for parameter in question.parameters:
        if parameter.name in values:
            terms[parameter.name] = _term(parameter, values[parameter.name], store)
        elif not parameter.optional:
            raise UsageError(
                f"the question {question.name!r} needs --{parameter.name}, {parameter.description}",
                remedy=f"for example: {example_call(question)}",
            )

    def filled(found: re.Match[str]) -> str:
        term = terms.get(found["name"])
        if term is None:
            return found.group()
        return found.group().replace("{" + found["example"] + "}", "{ " + str(term) + " }")

    return _VALUES.sub(filled, question.sparql)


def example_call(question: Question) -> str:
    """Return a call on the command line that works, with all that the question needs."""
    needed = [parameter for parameter in question.parameters if not parameter.optional]
    options = [f"--{parameter.name} {_example_value(parameter.example)}" for parameter in needed]
    return " ".join(["kg ask", question.name, *options])


def _example_value(example: str) -> str:
    """Return the example of a parameter as one would type it in a shell.

    >>> _example_value('"2020-03-05"^^xsd:date'), _example_value("id:turkey"), _example_value('"to be"@en')
    ('2020-03-05', 'id:turkey', "'to be'")
    """
    return shlex.quote(example[1:].partition('"')[0] if example.startswith('"') else example)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"--{name}" for name in names) if names else "none"


def _term(parameter: Parameter, text: str, store: Engine) -> NamedNode | Literal:
    if parameter.kind == "thing":
        return resolve(text, store, parameter.of_class, f"--{parameter.name}")
    _check_unicode(text, f"--{parameter.name}")
    pattern, datatype = _KINDS[parameter.kind]
    if not re.fullmatch(pattern, text, re.DOTALL | re.ASCII) or not _is_date(text, parameter.kind):
        raise UsageError(
            f"--{parameter.name} takes {_article(parameter.kind)}, not {text[:60]!r}",
            remedy=f"for example: --{parameter.name} {_example_value(parameter.example)}",
        )
    return Literal(text, datatype=iri(datatype))


def _is_date(text: str, kind: str) -> bool:
    try:
        return kind != "date" or bool(date.fromisoformat(text))
    except ValueError:
        return False


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes of the command line that are no UTF-8
        raise UsageError(f"{text!r} is no Unicode text", where=where, remedy="write it in UTF-8") from error


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def resolve(text: str, store: Engine, of_class: NamedNode | None = None, where: str = "") -> NamedNode:
    """Return the thing that a person means by an IRI, a CURIE, a label or a code.

    The thing must occur in the view and, if ``of_class`` is given, belong to that class there. A label matches
    in any language; capitals matter only where both spellings are labels. Raises ``UsageError`` when several
    things match and ``UnknownName`` when none does. Cost: about ten look-ups; when nothing matches, one pass
    over the labels to find the nearest.
    """
    _check_unicode(text, where)
    candidates = [node for node in _written(text) if _known(node, store)] or list(_labelled(text, store))
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
    raise UnknownName("thing", text, _all_labels(store, of_class), remedy="kg show lists the things")


def _written(text: str) -> Iterator[NamedNode]:
    bare = text.removeprefix("<").removesuffix(">")
    prefix, colon, local = bare.partition(":")
    try:
        if colon and prefix in PREFIXES:
            yield NamedNode(PREFIXES[prefix] + local)
        elif colon:
            yield NamedNode(bare)
        else:
            yield NamedNode(PREFIXES["id"] + bare)
    except ValueError:
        return


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


def _all_labels(store: Engine, of_class: NamedNode | None) -> Iterator[str]:
    for name in ("rdfs:label", "skos:altLabel"):
        for quad in store.quads(None, iri(name), None, VIEW):
            thing = quad.subject
            if of_class is None or (isinstance(thing, NamedNode) and _is_a(thing, of_class, store)):
                yield term_text(quad.object)
