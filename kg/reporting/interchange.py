"""Verdicts in the forms that programs read: JSON, SARIF 2.1.0 and JUnit's XML.

docs/findings/README.md says what each form holds; docs/schema/verdict.schema.json describes the JSON.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final, TypeAlias
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from pyoxigraph import BlankNode, NamedNode, Triple

from kg.findings import Finding, Place, Severity, Term, Verdict, Witness
from kg.syntax.visible import json_text, one_line, visible

_Json: TypeAlias = dict[str, Any]

_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # half a character, and no byte of a file's name either
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_LONGEST_NAME: Final = 200


def summary(verdict: Verdict) -> str:
    """Return the line that says how it went.

    >>> summary(Verdict(added=12, derived=5, checked=20, committed=True))
    'added 12 triples (5 derived)'
    """
    mild = sum(finding.severity is Severity.WARNING for finding in verdict.findings)
    counted = ((len(verdict.findings) - mild, "violation"), (mild, "warning"))
    found = ", ".join(_count(number, name) for number, name in counted if number)
    beside = f" with {found}" if found else ""
    match verdict.outcome:
        case "refused":
            return f"not sound: {found}" if verdict.whole else f"refused: {found}; nothing was changed"
        case "unchecked":
            return f"nothing was checked{beside}: no shape, claim or term of ours applied"
        case "sound":
            return f"sound{beside}: {_count(verdict.checked, 'check')} made"
        case "unchanged":
            return f"unchanged{beside}: nothing in it is new"
        case "accepted":
            return f"accepted{beside}: would {_changes(verdict, 'add', 'withdraw', 'remove')}"
    return f"{_changes(verdict, 'added', 'withdrew', 'removed')}{beside}"


def _changes(verdict: Verdict, add: str, withdraw: str, remove: str) -> str:
    derived = f" ({verdict.derived:,} derived)" if verdict.derived else ""
    added = [f"{_count(verdict.added, 'triple')}{derived}"] if verdict.added else []
    added += [_count(len(verdict.claims), "claim")] if verdict.claims else []
    parts = [f"{add} {' and '.join(added)}"] if added else []
    parts += [f"{withdraw} {_count(len(verdict.withdrawn), 'claim')}"] if verdict.withdrawn else []
    parts += [f"{remove} {_count(verdict.removed, 'triple')}"] if verdict.removed else []
    return ", ".join(parts)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def advice(finding: Finding) -> str:
    """Return what is wrong and what to do, in the words and the form of a shape's message."""
    return f"{finding.message.removesuffix('.')}: {finding.remedy}" if finding.remedy else finding.message


def as_json(verdict: Verdict) -> str:
    """Return a verdict with all that it holds, as docs/schema/verdict.schema.json describes it."""
    return json_text(
        {
            "format": "parley-verdict",
            "version": 1,
            "outcome": verdict.outcome,
            "summary": summary(verdict),
            "added": verdict.added,
            "derived": verdict.derived,
            "removed": verdict.removed,
            "checked": verdict.checked,
            "claims": [claim.value for claim in verdict.claims],
            "withdrawn": [claim.value for claim in verdict.withdrawn],
            "findings": [_plain(finding, verdict.labels) for finding in verdict.ordered],
        }
    )


def _plain(finding: Finding, labels: Mapping[NamedNode, str]) -> _Json:
    place = finding.place
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "message": finding.message,
        "remedy": finding.remedy,
        "place": place and {"file": place.file, "line": place.line or None, "column": place.column or None},
        "focus": _term(finding.focus, labels),
        "path": finding.path or None,
        "value": _term(finding.value, labels),
        "shape": finding.shape and finding.shape.value,
        "component": finding.component and finding.component.value,
        "witnesses": [
            {"claim": witness.claim.value, "quote": witness.quote} for witness in finding.witnesses
        ],
    }


def _term(term: Term | None, labels: Mapping[NamedNode, str]) -> _Json | None:
    """Return a term as SPARQL 1.1 Query Results JSON writes it, an IRI with its label where it has one."""
    if term is None:
        return None
    if isinstance(term, NamedNode):
        label = {"label": labels[term]} if term in labels else {}
        return {"type": "uri", "value": term.value, **label}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, Triple):
        return {"type": "triple", "value": str(term)}
    if term.language:
        return {"type": "literal", "value": term.value, "xml:lang": term.language}
    return {"type": "literal", "value": term.value, "datatype": term.datatype.value}


def as_sarif(verdict: Verdict) -> str:
    """Return a log of the Static Analysis Results Interchange Format 2.1.0 (OASIS, errata 01)."""
    from kg import __version__

    found = verdict.ordered
    codes = sorted({finding.code for finding in found})
    seen: Counter[str] = Counter()
    results = [_result(finding, codes.index(finding.code), seen, verdict) for finding in found]
    driver = {"name": "Parley", "version": __version__, "rules": [_rule(code) for code in codes]}
    invocation: _Json = {"executionSuccessful": True}
    if verdict.outcome == "unchecked":
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": _message(summary(verdict))}]
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "originalUriBaseIds": {_ROOT: {"description": _message("The folder that the command ran in.")}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"outcome": verdict.outcome, "summary": summary(verdict)},
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _message(words: str, most: int = 2000) -> _Json:
    """Return a message; braces would be placeholders and brackets links (SARIF 3.11.5 and 3.11.6)."""
    plain = _doubled(one_line(words, most))
    return {"text": plain.replace("[", "\\[").replace("]", "\\]") if "](" in plain else plain}


def _doubled(words: str) -> str:
    return words.replace("{", "{{").replace("}", "}}")


def _rule(code: str) -> _Json:
    from kg.reporting.pages import checks, explained

    check = checks().get(code)
    if check is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": _message(check.problem),
        "fullDescription": _message(check.principle or check.problem),
        "help": _message(check.remedy) | {"markdown": _doubled(explained(code, brief=True))},
        "defaultConfiguration": {"level": _level(check.severity)},
    }


def _level(severity: Severity) -> str:
    return "error" if severity is Severity.VIOLATION else "warning"


def _result(finding: Finding, index: int, seen: Counter[str], verdict: Verdict) -> _Json:
    location: _Json = {"physicalLocation": _physical(finding.place)} if finding.place else {}
    if isinstance(finding.focus, NamedNode):
        label = verdict.labels.get(finding.focus)
        name = {"name": one_line(label, _LONGEST_NAME)} if label else {}
        location["logicalLocations"] = [
            name | {"fullyQualifiedName": finding.focus.value, "kind": "resource"}
        ]
    result = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _level(finding.severity),
        "message": _message(advice(finding)),
        "locations": [location] if location else [],
        "partialFingerprints": {"finding/v1": _fingerprint(finding, seen)},
    }
    if finding.witnesses:
        result["relatedLocations"] = [_related(n, witness) for n, witness in enumerate(finding.witnesses, 1)]
    return result


def _physical(place: Place) -> _Json:
    path = PurePath(place.file)
    name = _NO_BYTE.sub("\ufffd", path.as_posix())
    uri = quote(name, safe="/", errors="surrogateescape")
    artifact = {"uri": f"file://{uri}"} if path.is_absolute() else {"uri": uri, "uriBaseId": _ROOT}
    column = {"startColumn": place.column} if place.column else {}
    region: _Json = {"region": {"startLine": place.line, **column}} if place.line else {}
    return {"artifactLocation": artifact, **region}


def _related(number: int, witness: Witness) -> _Json:
    name = {"fullyQualifiedName": witness.claim.value, "kind": "resource"}
    return {"id": number, "message": _message(witness.quote), "logicalLocations": [name]}


def _fingerprint(finding: Finding, seen: Counter[str]) -> str:
    """Return what stays when lines are moved: the check, the file and the thing; alike ones are numbered."""
    file = finding.place.file if finding.place else ""
    thing = finding.focus if isinstance(finding.focus, NamedNode) else finding.message
    value = "" if isinstance(finding.value, BlankNode) else finding.value
    parts = (finding.code, file, thing, finding.path, value)
    digest = hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:32]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def as_junit(verdict: Verdict) -> str:
    """Return a report of tests: one suite a file, one case a finding, and what refuses fails.

    Without findings there is one case; it passes, unless nothing was checked.
    """
    root = Xml.Element("testsuites", name="parley")
    names: Counter[tuple[str, str]] = Counter()
    suites: dict[str, Xml.Element] = {}
    found: list[Finding | None] = [*verdict.ordered]
    for finding in found or [None]:
        place = finding.place if finding else None
        file = visible(place.file) if place else "proposal"
        suite = suites.setdefault(file, Xml.Element("testsuite", name=file))
        at = str(replace(place, file="")) if place else ""
        name = f"{visible(finding.code) if finding else 'verdict'} {at.lstrip(':')}".strip()
        names[file, name] += 1
        again = f" ({names[file, name]})" if names[file, name] > 1 else ""
        case = Xml.SubElement(suite, "testcase", classname=file, name=name + again, time="0")
        _close(case, finding, verdict)
    root.extend(suites.values())
    for element in root.iter():
        if element.tag.startswith("testsuite"):
            for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
                element.set(attribute, str(sum(1 for _ in element.iter(tag))))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _close(case: Xml.Element, finding: Finding | None, verdict: Verdict) -> None:
    """Say how a case ended."""
    if finding is None:
        unchecked = verdict.outcome == "unchecked"
        Xml.SubElement(case, "error" if unchecked else "system-out").text = summary(verdict)
        return
    told = [f"{finding.place or 'proposal'}: {finding.severity}: {advice(finding)}"]
    told += [f"{witness.claim.value}: “{witness.quote}”" for witness in finding.witnesses]
    words = "\n".join(one_line(line, 2000) for line in told)
    if verdict.strict or finding.severity is Severity.VIOLATION:
        message = one_line(finding.message, 1000)
        Xml.SubElement(case, "failure", type=visible(finding.code), message=message).text = words
    else:
        Xml.SubElement(case, "system-out").text = words
