"""What people read on a screen: answers as tables, things in sentences, lists of questions, coverage.

Every function returns text that ends in a line break; nothing here prints.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from pyoxigraph import Literal, NamedNode

from kg.asking.answers import Answer, Description, Fact
from kg.asking.questions import Question, example_call
from kg.asking.sayings import Saying
from kg.evidence.coverage import Coverage
from kg.syntax.visible import visible
from kg.terms import BASE, curie, iri, short, text

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES: Final = {iri("rdfs:label"), iri("skos:altLabel")}
_FROM: Final = iri("dcterms:source")
_WITH_EVERY: Final = (
    "--cite, --format and the options of a view (--as-told-by, --by, --as-of) go with every question."
)


def answer_table(answer: Answer, width: int | None = None) -> str:
    """Return an answer as a table with labels, ``width`` columns wide or as wide as the terminal."""
    if answer.kind == "truth":
        return answer.texts()[0][0] + "\n"
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in answer.columns:
        table.add_column(_CAMEL.sub(" ", name).replace("_", " ").lower(), overflow="fold")
    for row in answer.texts():
        table.add_row(*(Text(visible(cell)) for cell in row))
    console = Console(width=width, markup=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def question_list(questions: Collection[Question]) -> str:
    """Return the questions under their themes, each with its parameters and what it answers."""
    lines: list[str] = []
    for theme in dict.fromkeys(question.theme for question in questions):
        lines += ["", theme]
        for question in questions:
            if question.theme == theme:
                options = (f"[--{p.name} …]" if p.optional else f"--{p.name} …" for p in question.parameters)
                lines += [" ".join(["  " + question.name, *options]), f"      {question.summary}"]
    return "\n".join([*lines[1:], "", "'kg ask NAME --help' tells more of a question.", ""])


def question_rows(questions: Collection[Question]) -> Answer:
    """Return the questions as an answer, for programs: theme, name and summary of each."""
    rows = tuple(tuple(map(Literal, (q.theme, q.name, q.summary))) for q in questions)
    return Answer(("theme", "name", "summary"), rows)


def question_page(question: Question) -> str:
    """Return what a question answers, its parameters and an example that works."""
    lines = [question.summary, *(["", question.description] if question.description else []), ""]
    for parameter in question.parameters:
        kind = f"a {curie(parameter.of_class)}" if parameter.of_class else parameter.kind
        optional = ", may be left out" if parameter.optional else ""
        lines.append(f"  --{parameter.name}  {parameter.description} ({kind}{optional})")
    return "\n".join(
        [
            *lines,
            *([""] if question.parameters else []),
            _WITH_EVERY,
            "",
            f"Example: {example_call(question)}",
            "",
        ]
    )


def description_page(description: Description) -> str:
    """Return what is known of a thing in sentences: stated, inferred and said by others apart, with the quotes."""
    lines = [f"{description.label}  ({short(description.thing)})", *_names(description)]
    for title, facts in (
        ("Stated", description.stated),
        ("Inferred", description.inferred),
        ("Said by others, not held true", description.attributed),
    ):
        shown = [fact for fact in facts if not _is_name(fact, description)]
        lines += ["", title] if shown else []
        for fact in shown:
            lines += [f"  {fact.sentence}", *(f"      {ground}" for ground in _grounds(fact, description))]
    if description.cut:
        lines += ["", "There is more than is shown here: ask with kg query."]
    return _page(lines)


def saying_page(saying: Saying) -> str:
    """Return a claim: the quote between guillemets where it stands in the source, whose it is, what it states."""
    claim = saying.claim
    who = f"said by {saying.speaker}" if saying.speaker else "in the source's own voice"
    lines = [
        f"{claim.name}  ({who})",
        *textwrap.wrap(f"{saying.before}»{claim.quote}«{saying.after}", 100),
        "",
        f"Source  {saying.title or 'untitled'}  ({short(claim.source)}, {claim.start} to {claim.end})",
    ]
    lines += [f"Recorded {claim.recorded}"] if claim.recorded else []
    if claim.withdrawn:
        lines.append(f"Withdrawn {claim.withdrawn}{f': {visible(saying.reason)}' if saying.reason else ''}")
    return _page([*lines, "", "It states", *(f"  {one}" for one in saying.sentences)])


def _page(lines: Iterable[str]) -> str:
    """Return lines in which every character can be seen."""
    return "".join(f"{visible(line)}\n" for line in lines)


def _is_name(fact: Fact, description: Description) -> bool:
    return fact.triple.subject == description.thing and fact.triple.predicate in {*_NAMES, _FROM}


def _names(description: Description) -> Iterator[str]:
    own = [fact.triple for fact in description.stated if _is_name(fact, description)]
    names = dict.fromkeys(text(triple.object) for triple in own if triple.predicate in _NAMES)
    others = [name for name in names if name != description.label]
    if others:
        yield "Also called " + ", ".join(others)
    sources = [
        text(triple.object).removeprefix(BASE + "source/") for triple in own if triple.predicate == _FROM
    ]
    if sources:
        yield "Reference data from " + ", ".join(sorted(sources))


def _grounds(fact: Fact, description: Description) -> Iterator[str]:
    for claim in fact.claims:
        speaker = "" if claim.speaker == claim.source else f", {description.speakers[claim.speaker]}"
        yield f"“{' '.join(claim.quote.split())}” [{claim.name}{speaker}]"
    if fact.reference:
        yield "[reference data]"


def coverage_page(reports: Mapping[NamedNode, Sequence[Coverage]]) -> str:
    """Return each sentence with the share that quotes cover, the numbers of its claims and what was left out."""
    lines: list[str] = []
    for source, report in reports.items():
        lines += ["", short(source)]
        for entry in report:
            numbers = ", ".join(claim.iri.value.rpartition("/")[2] for claim in entry.claims) or "none"
            lines += ["", f"{entry.share:4.0%}  {entry.sentence}", f"      claims: {numbers}"]
            lines += [f"      note on {o.quote!r}: {o.reason}" for o in entry.omissions]
    return _page(lines[1:])
