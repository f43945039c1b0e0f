"""Files from outside are read with limits and without opening anything, and every statement knows its place."""

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.errors import UnreadableInput, UsageError
from kg.findings import Place, Severity
from kg.outside import reader
from kg.outside.proposals import CHECKS, SYNTAXES, Document, Limits, read_proposal
from kg.outside.sandbox import Ahead
from kg.outside.scan import Feed, Places

HERE = Path(__file__).parent
EXAMPLES = HERE / "proposals"
SEEDS = sorted((HERE.parent / "seeds").rglob("*.trig"))
XSD = "http://www.w3.org/2001/XMLSchema#"
TURTLE, TRIG, NT, NQ, JSON = SYNTAXES.values()
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of Linux")
on_posix = pytest.mark.skipif(os.name != "posix", reason="needs files that are no plain files")


def proposed(text, syntax=TURTLE, **limits):
    content = text.encode() if isinstance(text, str) else text
    return read_proposal([Document("facts", content, syntax)], Limits(**limits))


def codes(proposal):
    return [finding.code for finding in proposal.findings]


def where(proposal):
    return [(finding.code, finding.place.line, finding.place.column) for finding in proposal.findings]


# Lines

GAPS = [" ", "\n", "\t", "  ", "\r\n", "\r", "# , ; . \" ' < { é\n", "\n\n  ", ' #"""\r\n ']
STRINGS = {
    '"plain"': "plain", "'single'": "single", '""': "", "''": "", '"a, b; c. d # e"': "a, b; c. d # e",
    '"\\"quoted\\" \\\\"': '"quoted" \\', '"é 😀 <x:y> [("': "é 😀 <x:y> [(", '"""long "" \n, . ; \\""" é"""':
    'long "" \n, . ; """ é', "'''it's\r\n''here'''": "it's\r\n''here",
}  # fmt: skip
PLAIN = {
    "5": ("5", "integer"), "-07": ("-07", "integer"), "1.50": ("1.50", "decimal"), ".5": (".5", "decimal"),
    "+1.e3": ("+1.e3", "double"), "1E1000000000": ("1E1000000000", "double"), "true": ("true", "boolean"),
    "false": ("false", "boolean"),
}  # fmt: skip
NAMES = {
    "p:a": "a", "p:": "", "p:a.b": "a.b", "p:a.:b": "a.:b", "p:a:b": "a:b", "p:é": "é", "p:a\\,b\\.": "a,b.",
    "p:%41b": "%41b", "p:1-2": "1-2", "p:a\\#\\(": "a#(",
}  # fmt: skip
IRIS = ["x:a", "https://example.org/é#x", "x:a.b,c;d", "x:(a)'"]


@st.composite
def objects(draw, kinds=("iri", "name", "plain", "string", "typed", "tagged")):
    """An object as written and as it is to be read."""
    kind = draw(st.sampled_from(kinds))
    if kind == "iri":
        iri = draw(st.sampled_from(IRIS))
        return f"<{iri}>", ox.NamedNode(iri)
    if kind == "name":
        written = draw(st.sampled_from(list(NAMES)))
        return written, ox.NamedNode("x:/" + NAMES[written])
    if kind == "plain":
        written = draw(st.sampled_from(list(PLAIN)))
        value, datatype = PLAIN[written]
        return written, ox.Literal(value, datatype=ox.NamedNode(XSD + datatype))
    written = draw(st.sampled_from(list(STRINGS)))
    if kind == "string":
        return written, ox.Literal(STRINGS[written])
    gap, other = draw(st.sampled_from(["", "", *GAPS])), draw(st.sampled_from(["", "", *GAPS]))
    if kind == "tagged":
        return f"{written}{gap}@en-GB", ox.Literal(STRINGS[written], language="en-GB")
    name = draw(st.sampled_from(["<x:/t,.>", "p:t.u"]))
    datatype = {"<x:/t,.>": "x:/t,.", "p:t.u": "x:/t.u"}[name]
    return f"{written}{gap}^^{other}{name}", ox.Literal(STRINGS[written], datatype=ox.NamedNode(datatype))


class Page:
    """A text being written, that knows where it is; the oracle's own way of counting."""

    def __init__(self, draw):
        self.text, self._draw = "", draw

    def gap(self, needed=True):
        self.text += self._draw(st.sampled_from(GAPS if needed else ["", "", *GAPS]))

    def place(self):
        lines = re.split("\r\n|\r|\n", self.text)
        return len(lines), len(lines[-1]) + 1

    def term(self, written):
        self.text += written


@st.composite
def turtle(draw, trig=False):
    """A document of random statements in random layout, and its objects with their places."""
    page, expected = Page(draw), []
    page.term(draw(st.sampled_from(["@prefix p: <x:/> .", "PREFIX p: <x:/>", "@prefix\n p:#.\n <x:/>."])))
    page.gap()
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            page.term(
                draw(
                    st.sampled_from(
                        ["@prefix q.r: <y:/> .", "@base <z:/a>.", "BASE <z:/>", "prefix s: <y:,>"]
                    )
                )
            )
            page.gap()
        block = trig and draw(st.booleans())
        if block:
            page.term(draw(st.sampled_from(["<x:g>{", "GRAPH p:g {", "p:g\n{"])))
            page.gap(needed=False)
        page.term(draw(st.sampled_from(["<x:s>", "p:s.t"])))
        page.gap()
        while True:
            page.term(draw(st.sampled_from(["a", "<x:p>", "p:p"])))
            page.gap()
            mark = ","
            while mark == ",":
                written, value = draw(objects())
                expected.append((value, *page.place()))
                page.term(written)
                mark = draw(st.sampled_from([",", ";", ".", "."]))
                page.gap(needed=False)
                page.term(mark)
                # Without a gap, a full stop between a number or name and a name would belong to one of them.
                page.gap(needed=mark == "." and page.text[-2] not in ">\"'")
            if mark == ".":
                break
        if block:
            page.term("}")
            page.gap(needed=False)
    return page.text, expected


@st.composite
def lines(draw, graphs=False):
    text, expected = "", []
    for _ in range(draw(st.integers(1, 6))):
        text += draw(st.sampled_from(["", "\n", "# <a> <b> <c> .\n", "  \r\n", "\t"]))
        gap = [draw(st.sampled_from([" ", "  ", "\t"])) for _ in range(5)]
        written, value = draw(objects(kinds=("iri", "string", "tagged", "typed")))
        if not isinstance(value, ox.NamedNode):
            written = str(value)  # N-Triples knows one way of writing a literal
        graph = draw(st.sampled_from(["", "<x:g>" + gap[3]])) if graphs else ""
        text += f"<x:s>{gap[0]}<x:p>{gap[1]}"
        expected.append((value, text.count("\n") + 1, len(text) - text.rfind("\n")))
        text += f"{written}{gap[2]}{graph}.{draw(st.sampled_from(['', ' # end .']))}"
        text += draw(st.sampled_from(["\n", "\r\n"]))
    return text, expected


def placed(text, syntax):
    """Read a text as the reader does, without its process."""
    content = text.encode()
    feed = Feed(content, lines=syntax in (NT, NQ), deepest=100, longest=1 << 20)
    places = Places(content)
    return [(quad.object, *places.of(feed.object_at)) for quad in ox.parse(feed, syntax)]


DOCUMENTS = st.one_of(
    turtle().map(lambda made: (*made, TURTLE)), turtle(trig=True).map(lambda made: (*made, TRIG)),
    lines().map(lambda made: (*made, NT)), lines(graphs=True).map(lambda made: (*made, NQ)),
)  # fmt: skip


LARGE = [HealthCheck.large_base_example, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=250, suppress_health_check=LARGE)
@given(DOCUMENTS)
def test_every_object_is_found_at_its_line_and_column(made):
    text, expected, syntax = made
    assert placed(text, syntax) == expected


@settings(max_examples=25, suppress_health_check=LARGE)
@given(DOCUMENTS)
def test_what_comes_out_of_the_process_is_what_was_written_with_its_place(made):
    text, expected, syntax = made
    proposal = proposed(text, syntax)
    assert proposal.findings == ()
    assert [statement.quad for statement in proposal.statements] == list(ox.parse(text.encode(), syntax))
    assert [(s.quad.object, s.place.line, s.place.column) for s in proposal.statements] == expected
    assert {statement.place.file for statement in proposal.statements} == {"facts"}


def test_tokens_may_touch():
    text = '@prefix : <x:/>.@prefix p:<x:/p/>.<x:a>:b 5.:e.:f :g"x".:h :i<x:j>,5.0,"z"@en;:k"é"^^:l.<x:m><x:n>p:é.x.'
    written = [text[statement.place.column - 1 :][:3] for statement in proposed(text).statements]
    assert written == ["5.:", '"x"', "<x:", "5.0", '"z"', '"é"', "p:é"]


def test_collections_and_blank_nodes_are_found_on_their_lines():
    text = "<x:a> <x:b> (\n1\n2 ) ,\n[ <x:c> 3 ] ,\n\n[] .\n[] <x:d> 4 ."
    assert where(proposed(text)) == [
        ("blank-node", line, column) for line, column in [(3, 1), (4, 9), (6, 1), (7, 10)]
    ]


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_our_own_facts_are_read_whole_and_each_place_holds_its_object(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    proposal = read_proposal([path])
    assert proposal.findings == ()
    assert [statement.quad for statement in proposal.statements] == list(ox.parse(path=path))
    for quad, place in proposal.statements:
        there = lines[place.line - 1][place.column - 1 :]
        value = quad.object
        if isinstance(value, ox.Literal):
            start = ox.Literal(value.value) if there[0] == '"' else value.value
            assert there.startswith(str(start)[:20].rstrip('"'))
        else:
            name = re.match(r"<([^>]*)>|[\w-]*:([\w.:-]*[\w-])?|a\b", there)
            assert value.value.endswith(name[1] or name[2] or "")


def test_json_ld_knows_the_line_of_its_subject():
    text = """{"@context": {"ex": "https://example.org/", "p": "ex:p", "id": "@id", "@base": "https://base.org/d/"},
      "@graph": [
        {"p": 1, "p": {"id": "ex:b"},
         "id": "ex:a"},
        {"@id": "https://example.org/b",
         "p": {"@id": "c", "p": 1.0}}]}"""
    found = {(s.quad.subject.value, s.place.line, s.place.column) for s in proposed(text, JSON).statements}
    assert found == {
        ("https://example.org/a", 4, 16),
        ("https://example.org/b", 3, 30),
        ("https://base.org/d/c", 6, 23),
    }


# What is read


def test_several_files_are_one_proposal_and_each_is_read_whatever_the_others_are(tmp_path):
    good, bad, last = tmp_path / "a.ttl", tmp_path / "b.nt", tmp_path / "c.trig"
    good.write_text("<x:a> <x:b> 1 .")
    bad.write_text("<x:a> nonsense .\n<x:a> <x:b> <x:c> .\n")
    last.write_text("<x:g> { <x:a> <x:b> 2 }")
    proposal = read_proposal([good, bad, Document("words", b"<x:a> <x:b> 3 .", TURTLE), last])
    assert [(s.place.file, s.quad.object.value) for s in proposal.statements] == [
        (str(good), "1"), (str(bad), "x:c"), ("words", "3"), (str(last), "2"),
    ]  # fmt: skip
    assert [(f.code, f.place) for f in proposal.findings] == [("syntax", Place(str(bad), 1, 7))]


def test_a_literal_stays_as_it_was_written():
    text = (
        '<x:a> <x:b> 1.10, 007, "2020-01-01Z"^^<x:date>, "1"^^<http://www.w3.org/2001/XMLSchema#int>, 1e0 .'
    )
    written = [statement.quad.object.value for statement in proposed(text).statements]
    assert written == ["1.10", "007", "2020-01-01Z", "1", "1e0"]


def test_the_same_in_every_syntax(tmp_path):
    quads = [
        ox.Quad(
            ox.NamedNode("x:a"), ox.NamedNode("x:b"), ox.Literal("é\n", language="ru"), ox.NamedNode("x:g")
        )
    ]
    for ending, syntax in SYNTAXES.items():
        plain = [quad.triple for quad in quads] if syntax in (TURTLE, NT) else quads
        path = tmp_path / f"facts{ending.upper()}"
        path.write_bytes(ox.serialize(plain, format=syntax))
        proposal = read_proposal([path])
        assert proposal.findings == ()
        assert [str(statement.quad.object) for statement in proposal.statements] == [str(quads[0].object)]


@pytest.mark.parametrize("text", ["", " \n", "# nothing\n", "{}"])
def test_a_file_that_says_nothing_is_no_finding(text):
    assert proposed(text, JSON if text != "# nothing\n" else TURTLE) == proposed("", NQ)


def test_a_syntax_can_be_named_for_a_path(tmp_path):
    path = tmp_path / "facts.txt"
    path.write_text("<x:a> <x:b> <x:c> <x:g> .")
    assert codes(read_proposal([path])) == ["syntax-not-accepted"]
    assert len(read_proposal([path], syntax=NQ).statements) == 1


# What is refused


def test_each_example_file_gives_the_findings_written_in_it():
    """A line of a file holds ``!code`` in a comment (in JSON-LD, in a value) where that code is to be found."""
    shown = set()
    for path in sorted(EXAMPLES.iterdir()):
        text = path.read_bytes().decode("utf-8", errors="replace")
        marks = [
            (code, number)
            for number, line in enumerate(text.splitlines(), 1)
            for code in re.findall(r"!([a-z0-9.-]+)", line)
        ]
        found = [(finding.code, finding.place.line) for finding in read_proposal([path]).findings]
        assert sorted(found) == sorted(marks), path.name
        shown |= {code for code, _ in found}
    assert shown >= {code for code in CHECKS if not code.startswith(("limit-", "syntax-not"))}


@pytest.mark.parametrize("ending", ["rdf", "owl", "xml", "json", "n3", "txt", ""])
def test_a_file_in_another_syntax_is_a_finding_and_is_not_parsed(ending, tmp_path):
    """Among them RDF/XML, whose entities would fill all memory."""
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(30))
    path = tmp_path / f"facts.{ending}"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><x>&a30;</x>')
    started = time.monotonic()
    proposal = read_proposal([path])
    assert (codes(proposal), proposal.statements) == (["syntax-not-accepted"], ())
    assert ("RDF/XML" in proposal.findings[0].message) == (ending in ("rdf", "owl", "xml"))
    assert ".ttl" in proposal.findings[0].remedy
    assert (
        codes(proposed("", ox.RdfFormat.RDF_XML))
        == codes(proposed("", ox.RdfFormat.N3))
        == ["syntax-not-accepted"]
    )
    assert time.monotonic() - started < 5


def test_a_finding_names_what_is_wrong_so_that_it_can_be_seen():
    (finding,) = proposed("<x:a> <x:b> <https://w3id.org/parley/id/tur\u202ekey> .").findings
    assert finding.message == (
        "the IRI <https://w3id.org/parley/id/tur\\u202ekey> holds U+202E (right-to-left override)"
    )
    assert finding.severity is Severity.VIOLATION
    assert finding.place == Place("facts", 1, 13)
    (finding,) = proposed("<x:a> <https://w3id.org/parley/ontology#party> [] .").findings
    assert finding.message == "a blank node in the statement with parley:party"
    (finding,) = proposed("<x:a>\n  <x:b> <not absolute> .").findings
    assert (finding.message[:14], finding.place) == ("<not absolute>", Place("facts", 2, 9))
    (finding,) = proposed("<x:\x1b[31m> \x1b .").findings[:1]
    assert "\x1b" not in finding.message


UNSEEN = (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u00ad\ufeff\u00a0\u3000\u2028\u3164\uffa0\u115f"
    "\u034f\ufe0f\u2800\x7f\U000e0041\ue000 |"
)


@pytest.mark.parametrize("char", UNSEEN)
def test_no_iri_holds_what_cannot_be_seen(char):
    escaped = char.encode("unicode-escape").decode().replace("\\x", "\\u00")
    for text in (
        f"<x:a> <x:b> <x:c{char}d> .",
        f"<x:a> <x:b> <x:c{escaped}d> .",
        f'<x:a> <x:b> "1"^^<x:c{char}d> .',
    ):
        assert where(proposed(text)) in [[("bad-iri", 1, column)] for column in (13, 16, 18)]
    text = f'{{"@id": "x:a", "x:b": {{"@id": "x:c{char}d"}}}}'
    assert where(proposed(text, JSON)) == [("bad-iri", 1, 31)]


def test_letters_of_all_scripts_are_welcome_in_iris_and_literals_hold_anything():
    text = '<x:a> <x:سوريا> "\\u200B\\u202E\\u0000 \u200f", <x:Россия>, <x:Türkiye>, <x:叙利亚> .'
    assert (len(proposed(text).statements), proposed(text).findings) == (4, ())


def test_mistakes_are_reported_together_and_the_rest_is_read():
    text = "<x:a> <x:b> 1 .\nno:a <x:b> 2 .\n<x:a> b 3 .\n<x:a> <x:b> 4 .\n<x:a> <b> 5 .\nno:c <x:b> 6 ."
    proposal = proposed(text)
    assert where(proposal) == [("undeclared-prefix", 2, 1), ("syntax", 3, 7), ("relative-iri", 5, 7)]
    assert [statement.quad.object.value for statement in proposal.statements] == ["1", "4"]


def test_an_undeclared_prefix_of_ours_comes_with_its_declaration():
    first, second = proposed("parley:a <x:b> 1 .\nno:a <x:b> 2 .").findings
    assert first.message == "the prefix parley: has not been declared"
    assert (
        first.remedy == "write @prefix parley: <https://w3id.org/parley/ontology#> . at the top of the file"
    )
    assert second.remedy == CHECKS["undeclared-prefix"].remedy


def test_a_file_full_of_mistakes_ends_in_a_hundred_findings():
    proposal = proposed("".join(f"<x:a> <x:b> <r{n}> .\n" for n in range(1000)))
    assert codes(proposal) == ["relative-iri"] * 100 + ["limit-findings"]


# Limits


def test_a_limit_that_is_none_is_refused():
    for limits in ({"seconds": 0}, {"memory": -1}, {"literal": 1 << 30}, {"seconds": float("nan")}):
        with pytest.raises(UsageError, match="choose more than 0"):
            Limits(**limits)


DEEP = 100_000
HUGE = 5_000_000
HOSTILE = {
    "parentheses": ("<x:a> <x:b> " + "(" * DEEP + ")" * DEEP + " .", TURTLE, "limit-nesting"),
    "blank nodes": ("<x:a> <x:b> " + "[<x:c> " * DEEP + "1" + "]" * DEEP + " .", TURTLE, "limit-nesting"),
    "open parentheses": ("<x:a> <x:b> " + "(" * DEEP, TURTLE, "limit-nesting"),
    "triple terms": ("<x:a> <x:b> " + "<<( <x:a> <x:b> " * DEEP + "1" + ")>>" * DEEP + " .", TURTLE, "limit-nesting"),
    "reified triples": ("<< " * DEEP, TRIG, "limit-nesting"),
    "annotations": ("<x:a> <x:b> 1 " + "{| <x:a> 1 " * DEEP + "|}" * DEEP + " .", TURTLE, "limit-nesting"),
    "triple terms in N-Quads": (
        "<x:a> <x:b> " + "<<( <x:a> <x:b> " * DEEP + "<x:c>" + ")>>" * DEEP + " .", NQ, "limit-nesting",
    ),
    "arrays": ("[" * DEEP + "]" * DEEP, JSON, "limit-nesting"),
    "objects": ('{"x:a":' * DEEP + "1" + "}" * DEEP, JSON, "limit-nesting"),
    "open arrays": ("[" * DEEP, JSON, "limit-nesting"),
    "arrays in a JSON literal": (
        '{"@id":"x:a","x:b":{"@type":"@json","@value":' + "[" * DEEP + "]" * DEEP + "}}", JSON, "limit-nesting",
    ),
    "digits": ("<x:a> <x:b> " + "1" * HUGE + " .", TURTLE, "limit-literal"),
    "decimals": ("<x:a> <x:b> ." + "1" * HUGE + " .", TURTLE, "limit-literal"),
    "digits in JSON": ('{"@id":"x:a","x:b":' + "1" * HUGE + "}", JSON, "limit-literal"),
    "string": ('<x:a> <x:b> "' + "é" * HUGE + '" .', TURTLE, "limit-literal"),
    "long string": ("<x:a> <x:b> '''" + "\n" * HUGE + "''' .", TRIG, "limit-literal"),
    "string in N-Triples": ('<x:a> <x:b> "' + "x" * HUGE + '" .', NT, "limit-literal"),
    "string in JSON": ('{"@id":"x:a","x:b":"' + "x" * HUGE + '"}', JSON, "limit-literal"),
    "string without end": ('<x:a> <x:b> """' + "x" * HUGE, TURTLE, "limit-literal"),
    "name": ("@prefix p: <x:> . p:a p:b p:" + "x" * HUGE + " .", TURTLE, "limit-literal"),
    "IRI": ("<x:a> <x:b> <x:" + "x" * HUGE + "> .", NQ, "limit-literal"),
    "comment": ("#" + "x" * HUGE + "\n<x:a> <x:b> <c> .", TURTLE, "relative-iri"),
    "blank": (" \n" * HUGE + "<x:a> <x:b> <c> .", TURTLE, "relative-iri"),
    "prefixes that grow": (
        "@prefix p: <x:" + "x" * 1_000_000 + "> . " + "p:a p:a p:a . " * 10_000, TURTLE, "limit-memory",
    ),
    "quotes": ('<x:a> <x:b> ' + "'''\"" * (HUGE // 10), TURTLE, "syntax"),
    "angles": ('<x:a> <x:b> "' + "<é" * 300_000 + '", <c> .', TURTLE, "relative-iri"),
}  # fmt: skip


@on_linux
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_a_finding_in_bounded_time(name):
    text, syntax, code = HOSTILE[name]
    started = time.monotonic()
    proposal = proposed(text, syntax, seconds=20)
    assert code in codes(proposal)
    assert time.monotonic() - started < 15
    assert all(len(finding.message) < 500 for finding in proposal.findings)


def test_numbers_are_read_and_not_computed():
    for text, syntax in (
        ("<x:a> <x:b> 1e1000000000, 1E-999999999, " + "9" * 1_000_000 + " .", TURTLE),
        ('{"@id": "x:a", "x:b": [1e1000000000, 1E-999999999, ' + "9" * 1_000_000 + "]}", JSON),
    ):
        started = time.monotonic()
        assert len(proposed(text, syntax).statements) == 3
        assert time.monotonic() - started < 10


def test_time_is_limited():
    started = time.monotonic()
    proposal = read_proposal(
        [Document(name, b"<x:a> <x:b> 1 .\n" * 3_000_000, TURTLE) for name in "ab"],
        Limits(seconds=0.5, statements=1 << 30),
    )
    assert [(f.code, f.place.file) for f in proposal.findings] == [("limit-time", "a"), ("limit-time", "b")]
    assert proposal.findings[0].message == "reading stopped after 0.5 s"
    assert time.monotonic() - started < 10


@on_linux
def test_memory_is_limited():
    proposal = proposed('{"@id":"x:a","x:b":[' + f'"{"x" * 1000}",' * 50_000 + "1]}", JSON, memory=100)
    assert codes(proposal) == ["limit-memory"]


def test_statements_and_bytes_are_limited(tmp_path):
    text = "".join(f"<x:a> <x:b> {n} .\n" for n in range(2500))
    assert codes(proposed(text, statements=2500)) == []
    proposal = proposed(text, statements=2400)
    assert (codes(proposal), len(proposal.statements)) == (["limit-statements"], 2400)
    assert codes(proposed(text, size=len(text))) == []
    assert codes(proposed(text, size=len(text) - 1)) == ["limit-size"]
    path = tmp_path / "large.ttl"
    path.write_text(text)
    assert codes(read_proposal([path], Limits(size=1000))) == ["limit-size"]
    small = "@prefix p: <x:" + "x" * 4000 + "> . " + "p:a p:a p:a . " * 1000
    assert codes(proposed(small, size=20_000)) == ["limit-size"]


# Files that are none


def test_a_path_that_cannot_be_read_is_a_wrong_call(tmp_path):
    for path in (tmp_path / "missing.ttl", tmp_path / "nul\0.ttl", tmp_path / ("x" * 300 + ".ttl")):
        with pytest.raises(UnreadableInput, match="cannot be read"):
            read_proposal([path])
    with pytest.raises(UnreadableInput, match="is a folder"):
        read_proposal([tmp_path])


@on_posix
def test_what_is_no_plain_file_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.ttl"
    os.mkfifo(pipe)
    started = time.monotonic()
    for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UnreadableInput, match="no plain file"):
            read_proposal([path])
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(tmp_path):
        server.bind("socket.ttl")
        with pytest.raises(UnreadableInput, match="no plain file"):
            read_proposal([Path("socket.ttl")])
    assert time.monotonic() - started < 5


def test_a_file_that_grows_while_it_is_read_ends_at_the_limit(tmp_path):
    path, stop = tmp_path / "log.ttl", threading.Event()
    path.write_bytes(b"#")

    def grow():
        with path.open("ab") as stream:
            while not stop.is_set() and stream.tell() < 1 << 28:
                stream.write(b"#" * 1_000_000)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        while path.stat().st_size < 2_000_000:
            time.sleep(0.001)
        assert codes(read_proposal([path], Limits(size=1_000_000))) == ["limit-size"]
    finally:
        stop.set()
        writer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names that are no text")
def test_a_file_name_that_is_no_text_can_be_printed(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.ttl"))
    path.write_text("nonsense")
    (finding,) = read_proposal([path]).findings
    str(finding.place).encode()
    assert str(finding.place).endswith("/\\udcff\\x1b.ttl:1:1")


@settings(max_examples=60)
@given(st.integers(0, 10**9))
def test_whatever_the_bytes_are_there_is_an_answer(seed):
    chance = random.Random(seed)  # noqa: S311 - to break files, not codes
    path = chance.choice([*SEEDS[:2], *sorted(EXAMPLES.iterdir())])
    content = bytearray(path.read_bytes()[:20_000])
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(content))
        content[at : at + chance.randrange(9)] = chance.choice(
            [chance.randbytes(3), *(b"%c" % char for char in b"\"<>\\{}[]()'#.\n@")]
        )
    proposal = read_proposal([Document("facts", bytes(content), SYNTAXES[path.suffix])])
    assert all(
        finding.place.line <= content.count(b"\n") + content.count(b"\r") + 1 for finding in proposal.findings
    )
    for quad, _ in proposal.statements:
        assert not any(isinstance(term, ox.BlankNode | ox.Triple) for term in quad)


# Nothing is opened, nothing is looked up

CANARIES = {
    "a.ttl": "@base <URL> . <> <http://www.w3.org/2002/07/owl#imports> <URL>, <FILE> . <x> <FILE> 1 .",
    "b.trig": "GRAPH <URL> { <FILE> <URL> <URL> } <FILE> { <URL> a <URL> }",
    "c.nq": "<URL> <http://www.w3.org/2002/07/owl#imports> <FILE> <URL> .",
    "d.jsonld": '{"@context": "URL", "@id": "x:a"}',
    "e.jsonld": '{"@context": ["FILE", {"@import": "URL"}], "@id": "x:a", "x:b": {"@context": "URL", "@id": "URL"}}',
    "f.jsonld": '{"@context": {"@vocab": "URL", "@base": "FILE", "t": {"@id": "URL", "@context": {"@base": "URL"}}},'
                ' "@id": "a", "t": {"@id": "FILE"}, "http://www.w3.org/2002/07/owl#imports": {"@id": "URL"}}',
    "g.ttl": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "FILE">]><x xmlns="URL">&a;</x>',
    "h.rdf": '<?xml version="1.0"?><!DOCTYPE x SYSTEM "URL" [<!ENTITY a SYSTEM "FILE">]><x>&a;</x>',
}  # fmt: skip


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def canaries(tmp_path, listener):
    """Files that name a file that must not be read and an address that must not be called."""
    canary = tmp_path / "canary.ttl"
    canary.write_text("<x:canary> <x:sings> 'secret' .")
    paths = []
    for name, text in CANARIES.items():
        path = tmp_path / name
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/canary"
        path.write_text(text.replace("URL", url).replace("FILE", canary.as_uri()))
        paths.append(path)
    return paths


def test_no_file_leads_to_another_file_or_to_the_network(canaries, listener):
    proposal = read_proposal(canaries)
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert len(proposal.statements) == 8
    assert "secret" not in str(proposal)
    found = {(finding.code, Path(finding.place.file).name) for finding in proposal.findings}
    assert found >= {
        ("remote-context", "d.jsonld"),
        ("remote-context", "e.jsonld"),
        ("syntax-not-accepted", "h.rdf"),
    }


READ = "import sys, pathlib; from kg.outside.proposals import *; read_proposal([pathlib.Path(sys.argv[1])])"


@on_linux
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_the_reader_opens_nothing_once_it_has_a_file(canaries, tmp_path):
    """Seen by the system calls of its process: after the last byte of input it opens, connects and starts nothing."""
    for path in canaries[:-1]:
        trace = tmp_path / "trace"
        for old in tmp_path.glob("trace*"):
            old.unlink()
        command = ["strace", "-ff", "-s", "200", "-o", str(trace), sys.executable, "-c", READ, str(path)]
        subprocess.run(command, check=True, capture_output=True)
        traces = [file.read_text() for file in tmp_path.glob("trace.*")]
        (calls,) = (trace for trace in traces if re.search(r"^execve\(.*reader\.py", trace, re.MULTILINE))
        _, limit, after = calls.partition("RLIMIT_NOFILE, {rlim_cur=3, rlim_max=3}")
        assert limit, path.name
        assert path.read_text()[:12].replace('"', '\\"') in calls
        assert (
            re.findall(
                r"^(open\w*|connect|socket|execve|creat|sendto|stat|newfstatat)\(.*", after, re.MULTILINE
            )
            == []
        )
        assert "write(1" in after


@on_linux
def test_the_reader_could_not_open_anything():
    """Not only does it not: when its limits are set, opening fails."""
    program = (
        "import sys, socket; from kg.outside.worker import open_no_more\n"
        "open_no_more()\n"
        "for attempt in (lambda: open('/etc/hostname'), lambda: socket.socket()):\n"
        "    try: attempt()\n"
        "    except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["24", "24"]


def test_the_reader_for_the_next_proposal_is_ready_from_the_third_on():
    """Most processes read one proposal; one that reads many has the next reader started ahead, and takes it."""
    ahead = Ahead(reader.__file__)
    try:
        for taken in (1, 2, 3):
            waiting = list(ahead._waiting)
            with ahead.take() as process:
                process.kill()
            ahead.prepare()
            assert (process in waiting) == (taken == 3)
            assert len(ahead._waiting) == (taken > 1)
    finally:
        ahead._end()
    assert ahead._waiting == []
