"""Evidence: a quote holds where it stands in its source to the character, and nowhere else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kg.errors import Refused, UnreadableInput
from kg.evidence.claims import Claim, as_claim, next_claim, read_claims, source_texts, text_quads, verify
from kg.evidence.coverage import coverage, read_omissions
from kg.findings import Place
from kg.outside.proposals import Statement
from kg.storage.store import Embedded
from kg.terms import CLAIMS, REFERENCE, iri

SOURCE = iri("source:s")
CLAIM = NamedNode("https://w3id.org/parley/claim/s/1")
# Letters of one, two, three and four bytes, marks that combine, line ends, and no surrogates.
texts = st.text("aAé́ا漢🕊.!? \n\r\t“”\"'", min_size=1, max_size=40) | st.text(min_size=1, max_size=40)


def base(words: str, quote: str, start: int, end: int) -> Embedded:
    """Return a store with one source and one claim that quotes from it."""
    store = Embedded()
    facts = [
        (SOURCE, "schema:text", Literal(words)),
        (SOURCE, "schema:sha256", Literal(hashlib.sha256(words.encode()).hexdigest())),
        (CLAIM, "rdf:type", iri("parley:Claim")),
        (CLAIM, "prov:hadPrimarySource", SOURCE),
        (CLAIM, "prov:wasAttributedTo", SOURCE),
        (CLAIM, "oa:exact", Literal(quote)),
        (CLAIM, "oa:start", Literal(start)),
        (CLAIM, "oa:end", Literal(end)),
    ]
    store.add(Quad(subject, iri(predicate), value, CLAIMS) for subject, predicate, value in facts)
    return store


def refusal(store: Embedded) -> str:
    with pytest.raises(Refused) as caught:
        list(verify(store))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 1
    return str(caught.value)


@st.composite
def quotes(draw: st.DrawFn) -> tuple[str, int, int]:
    words = draw(texts)
    start = draw(st.integers(0, len(words) - 1))
    return words, start, draw(st.integers(start + 1, len(words)))


@given(quotes())
@example(("🕊 Libya", 2, 7))
@example(("a\r\nb", 0, 3))
@example(("e\u0301", 0, 1))
def test_every_piece_of_a_text_can_be_quoted_at_its_place(found):
    words, start, end = found
    list(verify(base(words, words[start:end], start, end)))


@given(quotes(), st.data())
def test_a_quote_with_one_character_changed_is_refused(found, data):
    words, start, end = found
    quote = words[start:end]
    at = data.draw(st.integers(0, len(quote) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]))
    changed = quote[:at] + other + quote[at + 1 :]
    assume(changed != quote)
    said = refusal(base(words, changed, start, end))
    assert said.startswith(CLAIM.value)
    assert ("is not in the source" in said) == (changed not in words)


@given(quotes(), st.sampled_from([lambda q: q[1:], lambda q: q[:-1], lambda q: q + " ", str.swapcase]))
def test_a_quote_that_is_longer_shorter_or_in_other_capitals_is_refused(found, change):
    words, start, end = found
    quote = change(words[start:end])
    assume(quote != words[start:end])
    assert CLAIM.value in refusal(base(words, quote, start, end))


@given(quotes(), st.integers(-3, 3), st.integers(-3, 3))
def test_a_quote_at_any_other_place_is_refused_and_the_place_that_is_named_holds(found, before, after):
    words, start, end = found
    quote, wrong = words[start:end], (start + before, end + after)
    assume(wrong[0] < 0 or words[wrong[0] : max(wrong)] != quote or wrong[1] < wrong[0])
    assume(not (0 <= wrong[0] <= wrong[1] and words[wrong[0] : wrong[1]] == quote))
    remedy = refusal(base(words, quote, *wrong)).rpartition("write oa:start ")[2]
    named = [int(number) for number in remedy.split(" ; oa:end ")]
    list(verify(base(words, quote, *named)))


def test_letters_that_look_alike_are_not_the_same():
    """A combining accent is another text than the letter that has it; nothing is normalised."""
    list(verify(base("café", "café", 0, 4)))
    assert "is not in the source" in refusal(base("cafe\u0301", "café", 0, 5))
    assert "which reads 'cafe' there" in refusal(base("cafe", "cafе", 0, 4))


def test_positions_are_code_points_and_not_bytes_or_utf16():
    words = "🕊🕊é peace"
    list(verify(base(words, "peace", 4, 9)))
    for start in (len("🕊🕊é ".encode()), len("🕊🕊é ".encode("utf-16-le")) // 2):
        assert "its quote stands at 4 to 9" in refusal(base(words, "peace", start, start + 5))


def test_a_long_quote_is_shortened_in_the_error():
    said = refusal(base("x" * 1000, "y" * 1000, 0, 1000))
    assert len(said) < 400
    assert "…" in said


def test_an_end_beyond_the_text_is_refused():
    assert "its quote stands at 0 to 3, not at 0 to 9" in refusal(base("abc", "abc", 0, 9))


def test_the_first_claim_that_does_not_hold_is_named_and_the_others_counted():
    store = base("abc", "x", 0, 1)
    second = NamedNode(CLAIM.value.replace("/1", "/0"))
    store.add(
        Quad(second, q.predicate, q.object, CLAIMS) for q in list(store.quads(CLAIM, None, None, CLAIMS))
    )
    assert refusal(store).startswith(f"{second.value}: its quote 'x' is not in the source")
    assert "(and 1 more)" in refusal(store)


def test_a_changed_text_is_found_by_its_fingerprint():
    store = base("abc", "abc", 0, 3)
    (old,) = store.quads(SOURCE, iri("schema:text"), None, CLAIMS)
    store.update(f"DELETE DATA {{ GRAPH {CLAIMS} {{ {old.triple} }} }}")
    store.add([Quad(SOURCE, iri("schema:text"), Literal("abcd"), CLAIMS)])
    assert "the source's fingerprint is not that of its text" in refusal(store)


def test_claims_are_read_with_all_that_is_said_of_them():
    store = base("abc", "bc", 1, 3)
    assert list(read_claims(store)) == [Claim(CLAIM, SOURCE, SOURCE, "bc", 1, 3)]
    assert list(read_claims(store, [CLAIM])) == list(read_claims(store))
    assert list(read_claims(store, [SOURCE])) == list(read_claims(store, [])) == []
    assert source_texts(store) == {SOURCE: "abc"}


def test_what_is_no_claim_may_have_two_authors_and_a_claim_may_speak_of_claims():
    store = base("abc", "bc", 1, 3)
    store.add(Quad(SOURCE, iri("prov:wasAttributedTo"), iri(author), CLAIMS) for author in ("id:a", "id:b"))
    store.add([Quad(CLAIM, iri("rdfs:seeAlso"), iri("parley:Claim"), CLAIMS)])
    assert len(list(read_claims(store))) == 1
    list(verify(store))


@pytest.mark.parametrize(
    ("speaker", "withdrawn", "accepted"),
    [(SOURCE, "", True), (iri("id:putin"), "", False), (SOURCE, "2026-01-01T00:00:00Z", False)],
)
def test_only_what_the_source_says_itself_and_was_not_withdrawn_is_accepted(speaker, withdrawn, accepted):
    assert Claim(CLAIM, SOURCE, speaker, "a", 0, 1, withdrawn=withdrawn).accepted is accepted


def test_a_text_is_found_beside_its_file_by_its_fingerprint_whatever_its_name(tmp_path):
    content = "é\r\n".encode()
    (tmp_path / "any name.txt").write_bytes(content)
    (tmp_path / "other.txt").write_bytes(b"other")
    described = Quad(SOURCE, iri("schema:sha256"), Literal(hashlib.sha256(content).hexdigest()), CLAIMS)
    assert text_quads([described], tmp_path, "a.trig") == [
        Quad(SOURCE, iri("schema:text"), Literal("é\r\n"), CLAIMS)
    ]
    assert text_quads([], tmp_path, "a.trig") == []


# One claim made of statements that have none.


def loose(*graphs) -> list[Statement]:
    return [
        Statement(Quad(iri(f"id:{n}"), iri("rdf:type"), iri("parley:State"), graph), Place("a.ttl", n))
        for n, graph in enumerate(graphs, 1)
    ]


@given(quotes())
def test_statements_become_one_claim_that_holds_where_its_quote_can_be_placed(found):
    words, start, end = found
    made = as_claim(
        loose(DefaultGraph(), REFERENCE),
        source=SOURCE,
        text=words,
        quote=words[start:end],
        speaker=iri("id:putin"),
        claim=CLAIM,
        start=start,
    )
    store = base(words, words[start:end], start, end)
    store.update(f"DELETE WHERE {{ GRAPH {CLAIMS} {{ {CLAIM} ?p ?o }} }}")
    store.add(statement.quad for statement in made)
    assert list(verify(store)) == [Claim(CLAIM, SOURCE, iri("id:putin"), words[start:end], start, end)]
    assert [statement.quad.graph_name for statement in made[-2:]] == [CLAIM, REFERENCE]
    assert [statement.place.line for statement in made[-2:]] == [1, 2]


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ("an", "the quote stands in the source at 0, 6, 10; state its start, or quote more words"),
        ("an Island", "the quote 'an Island' is not in the source; it reads 'an island'; quote the source"),
        ("Mars", "the quote 'Mars' is not in the source; quote the source"),
        ("", "the quote '' is not in the source"),
    ],
)
def test_a_claim_is_not_made_without_one_place_for_its_quote(quote, said):
    with pytest.raises(Refused) as caught:
        as_claim(
            loose(DefaultGraph()),
            source=SOURCE,
            text="an island an hour",
            quote=quote,
            speaker=SOURCE,
            claim=CLAIM,
        )
    assert str(caught.value).startswith(said)


def test_a_claim_is_not_made_of_nothing():
    with pytest.raises(Refused, match="there is no statement"):
        as_claim([], source=SOURCE, text="abc", quote="abc", speaker=SOURCE, claim=CLAIM)


def test_the_next_claim_of_a_source_has_the_next_number():
    store = base("abc", "abc", 0, 3)
    assert next_claim(store, SOURCE).value.endswith("claim/s/2")
    assert next_claim(store, iri("source:new")).value.endswith("claim/new/1")
    prefix = CLAIM.value.removesuffix("1")
    store.add(
        Quad(NamedNode(f"{prefix}{name}"), iri("prov:hadPrimarySource"), SOURCE, CLAIMS)
        for name in ("9", "10", "x", "11a", "9" * 30)
    )
    assert next_claim(store, SOURCE).value == f"{prefix}11"
    store.add([Quad(NamedNode(f"{prefix}11"), iri("rdf:type"), iri("parley:Claim"), CLAIMS)])
    assert next_claim(store, SOURCE).value == f"{prefix}12"


# Sentences and coverage.


def sentences(words: str) -> list[tuple[int, str]]:
    return [(entry.start, entry.sentence) for entry in coverage(words, [], [])]


@given(texts)
@example("One. Two “three.” Four")
@example("")
def test_sentences_part_a_text_and_leave_out_only_white_space(words):
    end = 0
    for start, sentence in sentences(words):
        assert words[end:start].strip() == ""
        assert words[start : start + len(sentence)] == sentence
        assert sentence.strip()
        end = start + len(sentence)
    assert words[end:].strip() == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("6.5 km of M4. Then?", ["6.5 km of M4.", "Then?"]),
        ("“Yes.” She left.", ["“Yes.”", "She left."]),
        ("He left (late). “No”, he said.", ["He left (late).", "“No”, he said."]),
        ("Title\n\nText", ["Title", "Text"]),
        ("Да. Нет.", ["Да.", "Нет."]),
    ],
)
def test_sentences_end_where_a_reader_would_say(words, expected):
    assert [sentence for _, sentence in sentences(words)] == expected


@given(st.lists(quotes().map(lambda found: found[1:]), max_size=4), texts)
def test_the_share_that_quotes_cover_counts_each_character_once(spans, words):
    claims = [
        Claim(NamedNode(f"{CLAIM.value}{n}"), SOURCE, SOURCE, words[a:b], a, b)
        for n, (a, b) in enumerate(spans)
        if b <= len(words)
    ]
    report = coverage(words, claims, [])
    assert [(entry.start, entry.sentence) for entry in report] == sentences(words)
    for entry in report:
        inside = range(entry.start, entry.start + len(entry.sentence))
        letters = [at for at in inside if not words[at].isspace()]
        covered = [at for at in letters if any(claim.start <= at < claim.end for claim in claims)]
        assert entry.share == pytest.approx(len(covered) / len(letters))
        assert set(entry.claims) == {c for c in claims if set(range(c.start, c.end)) & set(inside)}


@pytest.mark.parametrize(
    "content",
    [b"quote: a", b"- a", b"- quote: a", b"[", b"\xff", b"- {quote: a, reason: b}\n- 3", b"3"],
)
def test_a_list_of_omissions_in_another_form_is_unreadable(content, tmp_path):
    (tmp_path / "omissions.yaml").write_bytes(content)
    with pytest.raises(UnreadableInput, match=r"omissions\.yaml: not a YAML list"):
        read_omissions(tmp_path / "omissions.yaml", "a b")


def test_an_omission_that_is_not_in_the_text_is_refused(tmp_path):
    (tmp_path / "omissions.yaml").write_text("- {quote: x, reason: none}\n")
    with pytest.raises(Refused, match="'x' is not in the source; quote exactly"):
        read_omissions(tmp_path / "omissions.yaml", "a b")
    (tmp_path / "omissions.yaml").write_text("- {quote: b, reason: none}\n")
    (omission,) = read_omissions(tmp_path / "omissions.yaml", "a b")
    assert (omission.start, omission.end, omission.reason) == (2, 3, "none")
    (tmp_path / "omissions.yaml").write_text("")
    assert read_omissions(tmp_path / "omissions.yaml", "a b") == ()
