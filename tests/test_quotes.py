"""Words are found where they stand, and nearly the same words where they do not."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kg
from kg.evidence.quotes import differences, nearest, place, places, shown

ARTICLE = (Path(kg.__file__).parents[1] / "seeds/idlib-ceasefire/article.txt").read_text(encoding="utf-8")
texts = st.text("abAB “”'-–…. \n\u00a0é🕊", min_size=1, max_size=60)


@given(texts, st.data())
def test_places_are_all_the_places(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    words = text[start : data.draw(st.integers(start + 1, len(text)))]
    assert places(text, words, 1000) == [at for at in range(len(text)) if text[at:].startswith(words)]
    assert place(text, words, start) == (start, start + len(words))
    assert place(text, words, None, start + len(words)) == (start, start + len(words))
    assert (place(text, words, None) is None) == (len(places(text, words)) > 1)


@given(texts, st.data())
def test_words_with_other_spaces_marks_and_capitals_are_found_where_they_stand(text, data):
    """What is found differs from the words in these alone."""
    start = data.draw(st.integers(0, len(text) - 1))
    words = text[start : data.draw(st.integers(start + 1, len(text)))]
    for old, new in ((" ", "\u00a0"), ("“", '"'), ("–", "-"), ("…", "...")):
        words = words.replace(old, new)
    changed = words.swapcase()
    if changed.strip():
        span = nearest(text, changed)
        assert span is not None
        assert differences(changed.strip(), text[slice(*span)]) or changed.strip() == text[slice(*span)]


@pytest.mark.parametrize(
    ("words", "real", "kinds"),
    [
        ("56 Turkish soldiers have died in Idlib", "56 Turkish soldiers died in Idlib", ""),
        ('have "observer posts" in that area', "have “observer posts” in that area", "quotation marks"),
        ("Putin and  Erdogan\nseemed", "Putin and Erdogan seemed", "white space"),
        ("died in Idlib. Putin and Erdogan", "died in Idlib.\n\nPutin and Erdogan", "white space"),
        ("TODAY'S meeting in Moscow", "today’s meeting in Moscow", "quotation marks and capitals"),
        ("more then 30 Turkish soldiers were kiled", "more than 30 Turkish soldiers were killed", ""),
        ("the port of Latakia on the Black Sea", "the port of Latakia on the Mediterranean Sea", ""),
    ],
)
def test_a_near_miss_shows_what_the_article_really_says(words, real, kinds):
    span = nearest(ARTICLE, words)
    assert span is not None
    assert ARTICLE[slice(*span)] == real
    assert differences(words, real) == kinds


@pytest.mark.parametrize("words", ["", " ", "zzz", "nothing of this stands in that article at any place"])
def test_what_is_nowhere_is_not_guessed(words):
    assert nearest(ARTICLE, words) is None


def test_accents_composed_otherwise_are_seen():
    assert nearest("un café noir", "cafe\u0301") == (3, 7)
    assert nearest("un cafe\u0301 noir", "café") == (3, 8)
    assert differences("café", "cafe\u0301") == "accents"


def test_long_words_are_cut_for_a_message():
    assert len(shown("x" * 1000)) < 120
    assert shown("a\nb") == "'a\\nb'"


@pytest.mark.parametrize("text", ["a ", "a", " ", "...", "the “"])
@pytest.mark.parametrize(
    "words", ["a " * 999 + "b", "a" * 100_000 + "b", " x " * 600, "the " * 400 + "end", "“" * 5000]
)
def test_no_quote_takes_long_in_a_text_of_a_million_characters(text, words):
    whole = (text * 1_000_000)[:1_000_000]
    start = time.process_time()
    nearest(whole, words)
    assert time.process_time() - start < 10


def test_a_near_miss_is_found_in_a_long_text():
    chance = random.Random(3)  # noqa: S311 - fixed test data
    words = ARTICLE.split()
    text = " ".join(chance.choice(words) for _ in range(100_000))
    middle = len(text) // 2
    text = f"{text[:middle]} the ministers of Chad and Niger met at the border {text[middle:]}"
    span = nearest(text, "the ministers from Chad and Niger meet at the border")
    assert span is not None
    assert text[slice(*span)] == "the ministers of Chad and Niger met at the border"
