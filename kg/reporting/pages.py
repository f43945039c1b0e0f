"""A page for each code of a finding: problem, principle, remedy, and examples where there are any.

The words come from where the checks are: the shapes, the tables of the other checks, the rules that can clash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.bases import upkeep
from kg.bases.ontology import shape_files, shape_triples
from kg.disputes import counts
from kg.errors import UnknownName
from kg.evidence import scrutiny, testimony
from kg.findings import Check, Severity, shape_code
from kg.gate import checking
from kg.language import lookalikes, vocabulary
from kg.logic.rules import SUPPORTED
from kg.outside import proposals
from kg.syntax.turtle import read
from kg.terms import data_folder, iri, short
from kg.validation import shapelint

_CLASHES: Final = {
    "cax-adc": "A thing belongs to two classes that exclude each other, as a person and a state do.",
    "cax-dw": "A thing belongs to two classes that exclude each other.",
    "cls-com": "A thing belongs to a class and to its complement.",
    "cls-maxc1": "A thing has a value of a property of which things of its class have none.",
    "cls-maxqc1": "A thing has a value of a class of which things of its own class have none for this property.",
    "cls-maxqc2": "A thing has a value of a property of which things of its class have none at all.",
    "cls-nothing2": "A thing belongs to the class to which nothing can belong.",
    "dt-diff": "A thing has two different values of a property that has one value.",
    "eq-diff1": "Two things are said to be the same, and to be different.",
    "eq-diff2": "Two things are said to be the same, but stand in a list of things that all differ.",
    "eq-diff3": "Two things are said to be the same, but stand in a list of distinct things.",
    "prp-adp": "Two things are related by two properties that exclude each other.",
    "prp-asyp": "Two things are related in both directions by a property that holds in one.",
    "prp-irp": "A thing is related to itself by a property that never does that.",
    "prp-npa1": "Two things are related in a way that the ontology denies.",
    "prp-npa2": "A thing has a value that the ontology denies.",
    "prp-pdw": "Two things are related by two properties that exclude each other.",
}
"""What is wrong where a rule of the ontology finds a contradiction, by the names in the tables of OWL 2 RL."""

_CHECKING: Final = (
    checking,
    counts,
    proposals,
    vocabulary,
    lookalikes,
    testimony,
    scrutiny,
    shapelint,
    upkeep,
)
"""The modules with checks that are no shapes."""

_MESSAGE, _PRINCIPLE, _SEVERITY = map(iri, ("sh:message", "sh:description", "sh:severity"))
_PROPERTY, _WARNING = iri("sh:property"), iri("sh:Warning")
_TARGETS: Final = {
    iri("sh:targetClass"): "every {}",
    iri("sh:targetSubjectsOf"): "whatever has {}",
    iri("sh:targetObjectsOf"): "every value of {}",
    iri("sh:targetNode"): "{}",
}
_WHY: Final = (
    "{} From what contradicts itself anything follows, so at most one of two statements that cannot both hold is "
    "kept. The finding names both sides and their sentences."
)
_REMEDY: Final = (
    "read both sentences again, and correct or leave out the statement that is wrong; if it is one of the base, "
    "withdraw its claim; if it is somebody's word, name the speaker, for people may contradict each other"
)
_GENERATED: Final = "python -c 'import kg.reporting.pages; kg.reporting.pages.write_pages()'"


@cache
def checks() -> Mapping[str, Check]:
    """Return every check that can find something, by the code of its findings, in alphabetical order."""
    clashes = _CLASHES.items()
    found = {f"clash-{rule}": Check(said, _WHY.format(SUPPORTED[rule]), _REMEDY) for rule, said in clashes}
    found |= {code: _shape_check(shape) for code, shape in _shapes().items()}
    for module in _CHECKING:
        found |= module.CHECKS
    return dict(sorted(found.items()))


def explained(code: str, *, brief: bool = False) -> str:
    """Return the page of a code in Markdown, ``brief`` without examples.

    Raises ``UnknownName`` with the nearest codes for one that is none.

    >>> explained("clash-prp-irp").splitlines()[0]
    '# clash-prp-irp'
    """
    if code not in checks():
        raise UnknownName("finding", code, checks(), remedy="docs/findings lists them")
    check = checks()[code]
    parts = [f"# {code}", f"**{str(check.severity).capitalize()}**{_where(code)}"]
    for title, words in (("Problem", check.problem), ("Why", check.principle), ("Remedy", check.remedy)):
        parts += [f"## {title}", _sentence(words)] if words else []
    return "\n\n".join([*parts, *([] if brief else _examples(code))]) + "\n"


def finding_pages() -> dict[str, str]:
    """Return all pages by the names of their files, with an index as ``README.md``."""
    rows = [
        f"| [{code}]({code}.md) | {check.severity} | {_cell(check.problem)} |"
        for code, check in checks().items()
    ]
    table = ["| code | severity | problem |", "|---|---|---|", *rows]
    return {"README.md": _INDEX.format(table="\n".join(table), command=_GENERATED)} | {
        f"{code}.md": explained(code) for code in checks()
    }


def write_pages(folder: Path | None = None) -> None:
    """Write all pages to a folder, docs/findings unless given, and remove those of codes that are no more."""
    home = folder or data_folder() / "docs" / "findings"
    pages = finding_pages()
    home.mkdir(parents=True, exist_ok=True)
    for path in home.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, words in pages.items():
        (home / name).write_text(words, encoding="utf-8", newline="\n")


@cache
def _about() -> Mapping[NamedNode | BlankNode, list[Triple]]:
    about: dict[NamedNode | BlankNode, list[Triple]] = defaultdict(list)
    for triple in shape_triples():
        if isinstance(triple.subject, NamedNode | BlankNode):
            about[triple.subject].append(triple)
    return about


def _shapes() -> dict[str, NamedNode]:
    """Return the shapes that say what they find, by the codes of their findings."""
    named = (subject for subject in _about() if isinstance(subject, NamedNode))
    return {shape_code(shape): shape for shape in named if _words(shape, _MESSAGE)}


def _words(shape: NamedNode, predicate: NamedNode) -> str:
    said = [
        t.object.value for t in _about()[shape] if t.predicate == predicate and isinstance(t.object, Literal)
    ]
    return " ".join(sorted(said))


def _shape_check(shape: NamedNode) -> Check:
    mild = any(triple.predicate == _SEVERITY and triple.object == _WARNING for triple in _about()[shape])
    severity = Severity.WARNING if mild else Severity.VIOLATION
    return Check.of_shape(_words(shape, _MESSAGE), _words(shape, _PRINCIPLE), severity)


def _where(code: str) -> str:
    """Return where a shape looks and where it is written, or nothing for another check."""
    shape = _shapes().get(code)
    if shape is None:
        return ""
    outer = {t.subject for t in shape_triples() if (t.predicate, t.object) == (_PROPERTY, shape)}
    targets = {
        _TARGETS[triple.predicate].format(f"`{short(triple.object)}`")
        for triple in shape_triples()
        if triple.subject in {shape, *outer}
        and triple.predicate in _TARGETS
        and isinstance(triple.object, NamedNode)
    }
    looked = f", looked for in {', '.join(sorted(targets))}" if targets else ""
    return f"{looked} by [{short(shape)}](../../ontology/shapes/{_homes()[shape]})"


@cache
def _homes() -> Mapping[NamedNode, str]:
    """Return the names of the files in which the shapes are written."""
    subjects = ((quad.subject, path.name) for path in shape_files() for quad in read(path))
    return {shape: name for shape, name in subjects if isinstance(shape, NamedNode)}


def _examples(code: str) -> Iterator[str]:
    """Yield the examples of a code, those that pass first; an installed package has none."""
    folder = data_folder() / "tests" / "shapes" / code
    found = "Warned of" if checks()[code].severity is Severity.WARNING else "Refused"
    for title, pattern in (("Accepted", "accepted-*.ttl"), (found, "refused-*.ttl")):
        for number, path in enumerate(sorted(folder.glob(pattern))):
            if number == 0:
                yield f"## {title}"
            comment, _, facts = path.read_text(encoding="utf-8").partition("\n\n")
            yield " ".join(line.lstrip("# ") for line in comment.splitlines())
            yield f"```turtle\n{facts.strip()}\n```"


def _sentence(words: str) -> str:
    """Return words as a sentence: a capital in front where it is a plain word, a full stop at the end."""
    first = words.split(maxsplit=1)[0]
    start = words[0].upper() + words[1:] if first.isalpha() else words
    return start if start.endswith((".", "?", "!")) else f"{start}."


def _cell(words: str) -> str:
    return _sentence(words).replace("|", "\\|")


_INDEX: Final = """\
# What can be found, and what the findings look like

A proposal is accepted whole or refused whole. A *violation* refuses it; a *warning* asks for a second look. Every
finding has a code, and every code a page: what is wrong, why it matters, what to write instead.

These pages are made from the shapes and from the checks themselves; write them anew with

```sh
{command}
```

## The forms of a verdict

- **text**: a block for each finding. The first line is `FILE:LINE:COLUMN: SEVERITY: MESSAGE [CODE]`; lines and columns
  count from 1, columns in Unicode code points. Then come the line itself with a caret under the column, the remedy,
  the thing concerned, and the sentences of the claims concerned. The last line sums up. A character that would
  command the terminal or could not be seen is written `<U+202E>`; what is too long is cut.
- **json**: all of it, as [verdict.schema.json](../schema/verdict.schema.json) describes it. `version` grows only when
  something is removed or changes its meaning. Terms are written as in the SPARQL 1.1 Query Results JSON Format, with a
  `label` where there is one.
- **sarif**: SARIF 2.1.0. A rule for each code found, with its page as help; a location for each finding, relative to
  the folder of the command (`%SRCROOT%`); the claims concerned as related locations, named by their IRIs. The partial
  fingerprint `finding/v1` stays the same when lines are moved.
- **junit**: a test suite for each file, a test case for each finding. Violations fail, warnings pass and say their
  words as output. When nothing was found there is one case, which passes; when nothing was checked, it is an error.
- **turtle**: a SHACL validation report, the results in the order of the text. As the standard says, it conforms only
  when nothing was found, so a proposal with a warning is accepted and does not conform. A finding that comes from no
  shape has no `sh:sourceShape`, and `https://w3id.org/parley/check/CODE` as its constraint component; one that
  concerns no node has its place as the focus node. Beyond the standard, `prov:atLocation` is the place of a result,
  and `prov:wasDerivedFrom` the claims concerned, with their words as `oa:exact`. A value that only RDF 1.2 knows is
  written as a string.

## The findings

{table}
"""
