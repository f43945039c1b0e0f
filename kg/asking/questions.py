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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from pyoxigraph import Literal, NamedNode

from kg.asking.naming import check_unicode, resolve
from kg.errors import UnreadableInput, UsageError, nearest
from kg.storage.store import Engine
from kg.terms import iri

_VALUES = re.compile(r"^[ \t]*VALUES[ \t]+\?(?P<name>\w+)[ \t]*\{(?P<example>[^\n]*)\}[ \t]*$", re.MULTILINE)
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "text": (r".*", "xsd:string"),
    "integer": (r"[+-]?\d{1,18}", "xsd:integer"),
    "decimal": (r"[+-]?\d{1,18}(\.\d{1,18})?", "xsd:decimal"),
    "date": (r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", "xsd:date"),
    "boolean": (r"true|false", "xsd:boolean"),
    "language": (r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", "xsd:string"),
}


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
    """Return the query of a question with its parameters filled in: :func:`terms_of`, put in by :func:`filled`."""
    return filled(question, terms_of(question, values, store))


def terms_of(question: Question, values: Mapping[str, str], store: Engine) -> dict[str, NamedNode | Literal]:
    """Return the terms that parameters stand for; those that may be left out and are stay as in the question.

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
            terms[parameter.name] = _term(parameter, str(values[parameter.name]), store)
        elif not parameter.optional:
            raise UsageError(
                f"the question {question.name!r} needs --{parameter.name}, {parameter.description}",
                remedy=f"for example: {example_call(question)}",
            )
    return terms


def filled(question: Question, terms: Mapping[str, NamedNode | Literal]) -> str:
    """Return the query of a question with terms between the braces of its VALUES lines."""

    def fill(found: re.Match[str]) -> str:
        term = terms.get(found["name"])
        if term is None:
            return found.group()
        return found.group().replace("{" + found["example"] + "}", "{ " + str(term) + " }")

    return _VALUES.sub(fill, question.sparql)


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
    check_unicode(text, f"--{parameter.name}")
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


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
