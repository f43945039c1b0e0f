"""Answers with their citations: each row with the words that it rests on, for people and for programs.

No form has a character from outside that would command a terminal or hide.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pyoxigraph import Literal

from kg.asking.answers import Answer, json_term
from kg.asking.labels import reading, sentence
from kg.citing.citations import Citation, Citations
from kg.disputes.disputes import Dispute
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.proofs.proofs import Labels
from kg.syntax.visible import one_line, visible
from kg.telling.parts import dispute_json, document, labels_json, proof_json

_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MARKDOWN: Final = re.compile(r"[\\|<`*_\[\]]")
_END: Final = "\x01"  # drawn under each row of a table to find its last line; no cell can hold it
_MOST_SHOWN: Final = 12  # claims, or other lines of a kind, under a row of a table
_QUOTE: Final = 1_000  # characters of a quote in a table
_INDENT: Final = "    "


def cited(answer: Answer, citations: Citations, form: str, width: int | None = None) -> str:
    """Return an answer with its citations in one of ``FORMS``; it ends in a line break.

    table has the quotes under each row, ``width`` columns wide or as wide as the terminal; markdown has them as
    footnotes; csv and tsv have three more columns, the names of the claims and whether inference was needed and
    whether something is contested; json, described by docs/schema/citations.schema.json, has all. Raises
    ``UnknownName`` for another form.
    """
    if form == "table":
        return _table(answer, citations, width)
    if form not in _WRITERS:
        raise UnknownName("form of a cited answer", form, FORMS, remedy=f"use one of {', '.join(FORMS)}")
    return _WRITERS[form](answer, citations)


def _json(answer: Answer, citations: Citations) -> str:
    rows = [
        {
            "terms": {
                name: json_term(term)
                for name, term in zip(answer.columns, row, strict=True)
                if term is not None
            },
            "claims": [claim.iri.value for claim in citation.claims],
            "alike": [claim.iri.value for claim in citation.alike],
            "inferred": citation.inferred,
            "proofs": [proof_json(proof, citations.labels) for proof in citation.proofs],
            "absent": list(citation.absent),
            "others": citation.others,
            "contested": [dispute_json(dispute) for dispute in citation.disputes],
        }
        for row, citation in zip(answer.rows, citations.rows, strict=True)
    ]
    labels = {**answer.labels, **citations.labels}
    fields = {"kind": answer.kind, "columns": list(answer.columns), "rows": rows}
    return document("citations", {**fields, "labels": labels_json(labels)})


def _with_columns(answer: Answer, citations: Citations) -> Answer:
    """Return an answer with three more columns."""
    names = ["claims", "inferred", "contested"]
    while set(names) & set(answer.columns):
        names = [f"{name}_" for name in names]
    rows = (
        (
            *row,
            Literal(" ".join(map(_short, citation.claims))),
            Literal(citation.inferred),
            Literal(bool(citation.disputes)),
        )
        for row, citation in zip(answer.rows, citations.rows, strict=True)
    )
    return Answer((*answer.columns, *names), tuple(rows), answer.labels)


def _short(claim: Claim) -> str:
    return visible(claim.name)


def _table(answer: Answer, citations: Citations, width: int | None) -> str:
    from rich.console import Console

    console = Console(width=width, markup=False)
    if answer.kind == "truth":
        head, rows = list[str](), [[answer.texts()[0][0]]]
    else:
        head, rows = _drawn(answer, console)
    lines = [line.rstrip() for line in head]
    for row, citation in zip(rows, citations.rows, strict=True):
        lines += [line.rstrip() for line in row]
        for indent, text in _grounds(citation, citations.labels):
            room = max(20, console.width - len(indent))
            lines += [indent + line for line in textwrap.wrap(text, room, break_on_hyphens=False)]
    return "\n".join([*lines, ""])


def _drawn(answer: Answer, console: Any) -> tuple[list[str], list[list[str]]]:  # noqa: ANN401 - rich comes late
    """Return the lines of a table's head and those of each row."""
    from rich.box import Box
    from rich.table import Table
    from rich.text import Text

    box = Box(f"    \n    \n ── \n    \n{_END * 4}\n    \n    \n    \n")
    table = Table(box=box, show_edge=False, pad_edge=False, show_lines=True)
    for name in answer.columns:
        table.add_column(_CAMEL.sub(" ", name).replace("_", " ").lower(), overflow="fold")
    for row in answer.texts():
        table.add_row(*(Text(visible(" ".join(cell.split()))) for cell in row))
    with console.capture() as captured:
        console.print(table)
    lines = captured.get().splitlines()
    head, rows = lines[:2], list[list[str]]([[]])
    for line in lines[2:]:
        if line.startswith(_END):
            rows.append([])
        else:
            rows[-1].append(line)
    return head, rows if answer.rows else []


def _grounds(citation: Citation, labels: Labels) -> Iterator[tuple[str, str]]:
    """Yield the lines under a row with their indents."""
    yield from ((_INDENT, line) for line in _quotes(citation, labels))
    inferred = [f"[inferred] {visible(sentence(p.triple, labels))}" for p in citation.proofs if p.rule]
    yield from ((_INDENT, line) for line in _shortened(inferred))
    yield from ((_INDENT, line) for line in _other_grounds(citation))
    yield from ((_INDENT, visible(line)) for line in _shortened(citation.absent))
    if citation.others:
        yield _INDENT, f"[the same row in {citation.others} other way{'s' * (citation.others > 1)}, at least]"
    for dispute in citation.disputes:
        yield _INDENT, f"contested: {visible(dispute.why)}"
        for side in _sides(dispute, labels):
            yield 2 * _INDENT, side


def _quotes(citation: Citation, labels: Labels) -> list[str]:
    """Return the quotes of a row, and how many more claims say parts of the same."""
    more = len(citation.alike)
    rest = [f"… {more:,} more claim{'s say' if more > 1 else ' says'} parts of it as well"] if more else []
    return [*_shortened(_quoted(claim, labels) for claim in citation.claims), *rest]


def _other_grounds(citation: Citation) -> Iterator[str]:
    leaves = [leaf for proof in citation.proofs for leaf in proof.leaves()]
    if any(leaf.reference for leaf in leaves):
        yield "[reference data]"
    if any(leaf.axiom for leaf in leaves):
        yield "[ontology]"


def _shortened(lines: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(lines))
    more = len(found) - _MOST_SHOWN
    return [*found[:_MOST_SHOWN], f"… and {more:,} more; --format json has all"] if more > 1 else found


def _quoted(claim: Claim, labels: Labels) -> str:
    speaker = "" if claim.speaker == claim.source else f", {visible(reading(claim.speaker, labels))}"
    return f"“{one_line(claim.quote, _QUOTE)}” [{_short(claim)}{speaker}]"


def _sides(dispute: Dispute, labels: Labels) -> Iterator[str]:
    for side in dispute.sides:
        words = " ".join(_shortened([_quoted(claim, labels) for claim in side.claims]))
        yield f"{visible(side.sentence)} {words}"


def _markdown(answer: Answer, citations: Citations) -> str:
    """Return a table with a column of footnotes: each claim, absence and dispute is one, wherever it is cited."""
    notes: dict[str, int] = {}
    head, rule, *rows = (visible(line) for line in answer.written("markdown").split("\n")[:-1])
    lines = [f"{head} rests on |", f"{rule} --- |"]
    for row, citation in zip(rows, citations.rows, strict=True):
        said = [_quoted(claim, citations.labels) for claim in citation.claims]
        contested = [
            f"contested: {visible(one.why)} {' / '.join(_sides(one, citations.labels))}"
            for one in citation.disputes
        ]
        marks = [
            f"[^{notes.setdefault(text, len(notes) + 1)}]" for text in (*said, *citation.absent, *contested)
        ]
        words = [
            *(["inferred"] if citation.inferred else []),
            *(w.strip("[]") for w in _other_grounds(citation)),
        ]
        lines.append(f"{row} {' '.join([*marks, ', '.join(words)]).strip()} |")
    written = [f"[^{number}]: {_escaped(text)}" for text, number in notes.items()]
    return "\n".join([*lines, *([""] if written else []), *written]) + "\n"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", one_line(text, 10 * _QUOTE))


_WRITERS: Final[Mapping[str, Callable[[Answer, Citations], str]]] = {
    "json": _json,
    "csv": lambda answer, citations: _with_columns(answer, citations).written("csv"),
    "tsv": lambda answer, citations: _with_columns(answer, citations).written("tsv"),
    "markdown": _markdown,
}
FORMS: Final = ("table", *_WRITERS)
"""The forms of a cited answer, by the names that the command line has for them."""
