"""The figures, times and negations of a sentence are those that a reader sees."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.evidence.wording import figures, hours, months, negations


def given_by(text: str) -> set[tuple[float, str]]:
    return {(float(one.value), one.bound) for one in figures(text)}


@pytest.mark.parametrize(
    ("text", "value", "bound"),
    [
        ("56 Turkish soldiers died", 56, ""),
        ("more than 30 Turkish soldiers", 30, "above"),
        ("over 30 soldiers", 30, "above"),
        ("at least 30 soldiers", 30, "least"),
        ("no fewer than 30 soldiers", 30, "least"),
        ("30 or more soldiers", 30, "least"),
        ("30+ soldiers", 30, "least"),
        ("no more than 30 soldiers", 30, "most"),
        ("up to 30 soldiers", 30, "most"),
        ("fewer than 30 soldiers", 30, "below"),
        ("about 30 soldiers", 30, "about"),
        ("more than a dozen soldiers", 12, "above"),
        ("more than thirty soldiers", 30, "above"),
        ("between 30 and 40 soldiers", 30, "least"),
        ("between 30 and 40 soldiers", 40, "most"),
        ("30 to 40 soldiers", 30, "least"),
        ("30–40 soldiers", 40, "most"),
        ("fifty-six soldiers", 56, ""),
        ("Fifty six soldiers", 56, ""),
        ("two hundred and fifty-six soldiers", 256, ""),
        ("one hundred thousand soldiers", 100_000, ""),
        ("1,000 soldiers", 1000, ""),
        ("1.000 soldiers", 1000, ""),
        ("1 234 567 soldiers", 1_234_567, ""),
        ("2.5 million people", 2_500_000, ""),
        ("6.5 km", 6.5, ""),
        ("6,5 km", 6.5, ""),
        ("6km", 6, ""),
        ("both leaders", 2, ""),
        ("a soldier", 1, ""),
        ("no soldier", 0, ""),
        ("dozens of soldiers", 24, "least"),
        ("٥٦ جنديا", 56, ""),
        ("the 15th of March", 15, ""),
        ("15.03.2020", 3, ""),
        ("2020-03-15", 2020, "least"),
    ],
)
def test_a_figure_is_read_with_its_bound(text, value, bound):
    assert (value, bound) in given_by(text)


@pytest.mark.parametrize("text", ["the M4 motorway", "a T72", "F16s"])
def test_a_number_in_a_name_is_no_figure(text):
    assert figures(text, spelled=False) == []


@given(st.integers(0, 10**12))
def test_a_number_is_found_however_it_is_grouped(number):
    for text in (
        f"{number}",
        f"{number:,}",
        f"{number:,}".replace(",", "."),
        f"{number:,}".replace(",", "\u202f"),
    ):
        assert float(number) in {value for value, _ in given_by(f"of {text} people")}


WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen - ten twenty thirty forty fifty sixty seventy eighty ninety"""
SMALL, TENS = WORDS.split()[:20], WORDS.split()[20:]


def spelled(number: int) -> str:
    if number >= 1000:
        rest = f" {spelled(number % 1000)}" if number % 1000 else ""
        return f"{spelled(number // 1000)} thousand{rest}"
    if number >= 100:
        rest = f" and {spelled(number % 100)}" if number % 100 else ""
        return f"{SMALL[number // 100]} hundred{rest}"
    if number >= 20:
        return TENS[number // 10] + (f"-{SMALL[number % 10]}" if number % 10 else "")
    return SMALL[number]


@given(st.integers(0, 999_999))
def test_a_number_in_words_is_read_as_it_is_said(number):
    assert (number, "") in given_by(f"{spelled(number)} people")


def test_a_row_of_digits_without_end_is_no_figure():
    assert figures("1" * 31 + " people") == []


def test_months_and_hours_are_read():
    assert months("from 15 March until Sept. 3") == {3, 9}
    assert months("it may be march") == set()
    assert hours("at 6 pm and 11:30 a.m.") == {18}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the Syrian troops did not know", ["not"]),
        ("they didn’t know", ["didn’t"]),
        ("Assad denied that", ["denied"]),
        ("without support", ["without"]),
        ("no longer supports", ["no"]),
        ("never agreed, nor signed", ["never", "nor"]),
        ("failed to agree", ["failed"]),
        ("not only Russia but also Turkey", []),
        ("no more than 30", []),
        ("no doubt", []),
        ("Resolution No. 2254", []),
        ("the northern nothingness of Notre Dame", []),
        ("a failed state", []),
    ],
)
def test_a_negation_is_a_word_that_denies(text, words):
    assert [found.word for found in negations(text)] == words


@pytest.mark.parametrize("text", ["1", "1,", "1 ", "one ", "not ", "a", "between ", "no ", "one and "])
def test_reading_takes_time_in_step_with_the_text(text):
    start = time.process_time()
    whole = text * (100_000 // len(text))
    figures(whole), negations(whole), months(whole), hours(whole)
    assert time.process_time() - start < 5
