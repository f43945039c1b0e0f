"""A literal enters with a datatype of the ontology, a value that exists, and the form in which it is kept."""

from __future__ import annotations

import datetime
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg.findings import Severity
from kg.language.literals import CHECKS, DATATYPES, PLAIN, TEXT, flaws
from kg.terms import iri


def typed(text: str, kind: str) -> Literal:
    return Literal(text, datatype=iri(f"xsd:{kind}"))


def codes(literal: Literal, **options) -> list[str]:
    return [flaw.code for flaw in flaws(literal, **options)]


def stored(literal: Literal) -> Literal:
    store = Store()
    store.add(Quad(iri("id:a"), iri("id:b"), literal))
    return next(iter(store)).object


NUMERALS = st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,4})?", fullmatch=True)


@given(NUMERALS, st.sampled_from(["integer", "decimal", "int", "long", "nonNegativeInteger", "unsignedByte"]))
def test_a_number_is_warned_of_exactly_where_the_store_would_change_it(text, kind):
    literal = typed(text, kind)
    said = codes(literal)
    if said not in (["impossible-value"],):
        assert said == (["not-canonical"] if stored(literal) != literal else [])
        assert codes(stored(literal)) == []


@given(st.text("+-0123456789. eE", max_size=8))
def test_a_whole_number_is_one_exactly_where_python_reads_one(text):
    """But for white space and underscores, which Python allows and XML Schema does not."""
    try:
        int(text)
        whole = text == text.strip()
    except ValueError:
        whole = False
    assert ("impossible-value" in codes(typed(text, "integer"))) == (not whole)


@given(st.integers(1, 9999), st.integers(0, 14), st.integers(0, 33))
def test_a_day_exists_exactly_where_the_calendar_has_it(year, month, day):
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        datetime.date.fromisoformat(text)
        exists = True
    except ValueError:
        exists = False
    assert codes(typed(text, "date")) == ([] if exists else ["impossible-value"])
    assert (codes(typed(f"{text}T12:00:00Z", "dateTime")) == []) == exists
    assert (codes(typed(f"{year:04}-{month:02}", "gYearMonth")) == []) == (1 <= month <= 12)
    in_leap_year = codes(typed(f"2020-{month:02}-{day:02}", "date"))
    assert codes(typed(f"--{month:02}-{day:02}", "gMonthDay")) == in_leap_year


@given(st.integers(0, 30), st.integers(0, 70), st.integers(0, 70))
def test_a_time_of_day_exists_exactly_where_a_clock_shows_it(hour, minute, second):
    text = f"{hour:02}:{minute:02}:{second:02}"
    exists = (hour < 24 and minute < 60 and second < 60) or (hour, minute, second) == (24, 0, 0)
    assert ("impossible-value" in codes(typed(text, "time"))) == (not exists)


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        ("2020-02-30", "date", "there is no 30 February 2020"),
        ("2019-02-29", "date", "there is no 29 February 2019"),
        ("--02-30", "gMonthDay", "there is no 30 February"),
        ("2020-13", "gYearMonth", "there is no month 13"),
        ("25:00:00", "time", "there is no hour 25"),
        ("24:00:01", "time", "there is no hour 24"),
        ("12:60:00", "time", "minutes and seconds go from 00 to 59"),
        ("2020-03-05+15:00", "date", "no time zone is further than 14 hours"),
        ("5 March 2020", "date", "it is not of the form 2020-03-05"),
        ("20", "gYear", "it is not of the form 2020"),
        ("02020", "gYear", "it is not of the form 2020"),
        ("abc", "integer", "it is no whole number"),
        ("1.5", "integer", "it is no whole number"),
        ("٥٦", "integer", "it is no whole number"),
        ("", "integer", "it is no whole number"),
        (".", "decimal", "it is no number"),
        ("1e5", "decimal", "it is no number"),
        ("300", "byte", "it is not between -128 and 127"),
        ("-1", "nonNegativeInteger", "it is not between 0 and"),
        ("9223372036854775808", "integer", "it is not between"),
        ("0.1234567890123456789", "decimal", "it has more digits than can be computed with"),
        ("TRUE", "boolean", "it is neither true nor false"),
    ],
)
def test_a_value_that_cannot_be_is_said_to_be_impossible_and_why(text, kind, why):
    (flaw,) = flaws(typed(text, kind))
    assert flaw.code == "impossible-value"
    assert why in flaw.why


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-0500", "gYear"),
        ("12020-01-01", "date"),
        ("--02-29", "gMonthDay"),
        ("2020-03-05Z", "date"),
        ("0.5", "decimal"),
    ],
)
def test_rare_values_that_exist_are_accepted(text, kind):
    assert codes(typed(text, kind)) == []


def test_a_text_that_is_nearly_a_value_gets_that_value_as_remedy():
    assert [flaw.remedy for flaw in flaws(typed("TRUE", "boolean"))] == ["write true"]
    assert [flaw.remedy for flaw in flaws(typed(" 56 ", "integer"))] == ["write 56"]


@pytest.mark.parametrize(
    ("text", "wkt"),
    [
        ("POINT(36.5482 35.8702)", True),
        ("<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POINT (1 2)", True),
        ("POLYGON((0 0, 1 0, 1 1, 0 0))", True),
        ("36.5, 35.8", False),
        ("CIRCLE(1 2)", False),
        ("POINT(", False),
    ],
)
def test_a_geometry_has_the_form_of_one(text, wkt):
    assert (codes(Literal(text, datatype=iri("geo:wktLiteral"))) == []) == wkt


def test_every_literal_of_another_datatype_is_refused():
    for kind in ("double", "float", "anyURI", "duration", "gDay", "gMonth", "base64Binary", "token"):
        assert codes(typed("1", kind)) == ["unknown-datatype"]
    assert codes(Literal("x", datatype=NamedNode("https://example.org/kind"))) == ["unknown-datatype"]


def test_what_is_accepted_needs_no_second_look_from_the_parser():
    """Every accepted literal survives being written to N-Quads and read back by the store."""
    for literal in (typed("56", "integer"), typed("--03-15", "gMonthDay"), Literal("café", language="fr")):
        assert codes(literal) == []
        line = str(Triple(iri("id:a"), iri("id:b"), literal)) + " ."
        assert next(iter(parse(line, RdfFormat.N_TRIPLES))).object == stored(literal)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\u0000b", "control-character"),
        ("a\u0007b", "control-character"),
        ("a\u202eb", "control-character"),
        ("a\u2066b", "control-character"),
        ("a\ufffeb", "control-character"),
        ("a\u200bb", "invisible-character"),
        ("a\ufeffb", "invisible-character"),
        ("cafe\u0301", "not-normalised"),
    ],
)
def test_text_is_what_it_looks_like(text, code):
    assert codes(Literal(text)) == [code]
    assert codes(Literal(text), verbatim=True) == []


def test_of_common_letters_no_text_is_odd():
    """Each beside each other: letters and accents compose in pairs."""
    letters = [chr(code) for code in range(0x3000) if re.fullmatch(f"[ -~{PLAIN}]", chr(code))]
    assert len(letters) == 95 + 189 + 66 + 9
    for one in letters:
        assert codes(Literal("".join(one + other for other in letters))) == []


@pytest.mark.parametrize("text", ["café", "line\none\ttwo", "می\u200cخواهم", "عربي\u200e", "ein Öl", "🕊"])
def test_what_scripts_need_is_accepted(text):
    assert codes(Literal(text)) == []


@pytest.mark.parametrize("tag", ["en", "ar-latn", "zh-hant-tw", "x-parley", "sr-cyrl-rs"])
def test_language_tags_are_well_formed(tag):
    assert codes(Literal("a", language=tag)) == []


def test_a_property_takes_only_its_own_kinds():
    assert codes(Literal("a"), datatypes=TEXT) == []
    assert codes(Literal(5), datatypes=TEXT) == ["wrong-kind-of-value"]


@pytest.mark.parametrize("size", [10**6, 2 * 10**7])
@pytest.mark.parametrize("digit", ["9", "(", " ", "-"])
def test_no_literal_takes_long(size, digit):
    start = time.process_time()
    for datatype in DATATYPES - TEXT:
        assert codes(Literal(digit * size, datatype=datatype)) == ["impossible-value"]
    list(flaws(Literal("POINT(" + digit * size, datatype=iri("geo:wktLiteral"))))
    assert codes(Literal("a" * size)) == []
    assert time.process_time() - start < 10


def test_only_what_changes_nothing_of_the_meaning_is_a_warning():
    warnings = {code for code, check in CHECKS.items() if check.severity is Severity.WARNING}
    assert warnings == {"not-canonical", "invisible-character", "not-normalised"}
