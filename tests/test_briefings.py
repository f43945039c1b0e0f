"""What is new since a day: what came, what was withdrawn, what follows, each with its words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
import referencing
from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.asking.labels import sentence
from kg.bases.building import build, examine, file_part, grow
from kg.bases.cache import seed_files
from kg.bases.changes import rulebook, withdrawal
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.errors import LimitReached, UnknownName, UsageError
from kg.evidence.claims import read_claims
from kg.logic.reason import close
from kg.storage.store import Embedded
from kg.telling.briefs import briefing_written
from kg.terms import BASE, CLAIMS, REFERENCE, VIEW, data_folder, iri
from kg.views.briefings import Briefing, Item, brief

FOLDER = Path(__file__).parent / "disputes"
ARTICLE = BASE + "claim/ankara-statement/"
NOON, NOW = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
EARLY, LONG_AGO = datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
XSD_TIME = iri("xsd:dateTime")
FORMS = ("text", "markdown", "json", "html")


def filled() -> Embedded:
    """Return a base with both articles, one claim of which was withdrawn at noon."""
    store = Embedded()
    store.fill(ontology_quads())
    batch = examine([file_part(path) for path in (*seed_files(), FOLDER / "claims.trig")])
    grow(store, batch, ontology_rules())
    store.fill(batch.facts())
    withdraw(store, NamedNode(ARTICLE + "15"), "the newspaper corrected it")
    return store


def withdraw(store: Embedded, claim: NamedNode, reason: str, moment: datetime = NOON) -> None:
    change, _ = withdrawal([claim], moment, reason, store, rulebook())
    store.add(change.facts)
    if change.removed:
        gone = " ".join(f"GRAPH {VIEW} {{ {triple} }}" for triple in change.removed)
        store.update(f"DELETE DATA {{ {gone} }}")


@pytest.fixture(scope="module")
def store() -> Embedded:
    return filled()


def written_since(store: Embedded, since: datetime, until: datetime = NOW) -> Briefing:
    return brief(store, since, until, rulebook())


def names(items: tuple[Item, ...]) -> list[str]:
    return [item.claim.iri.value.removeprefix(ARTICLE).removeprefix(BASE + "claim/") for item in items]


def view_at(store: Embedded, moment: datetime) -> set[Triple]:
    """Return the view of what was on record just before a moment, made from nothing."""

    def counted(recorded: str, withdrawn: str) -> bool:
        return datetime.fromisoformat(recorded) < moment and not (
            withdrawn and datetime.fromisoformat(withdrawn) < moment
        )

    kept = [c.iri for c in read_claims(store) if c.speaker == c.source and counted(c.recorded, c.withdrawn)]
    made = Embedded()
    made.fill(Quad(*q.triple, VIEW) for graph in (REFERENCE, *kept) for q in store.quads(graph=graph))
    close(made, ontology_rules())
    return {quad.triple for quad in made.quads(graph=VIEW)}


def test_what_came_is_apart_by_whose_word_it_is(store: Embedded):
    one = written_since(store, EARLY)
    assert (names(one.came), names(one.told), names(one.withdrawn)) == (["14"], ["16"], ["15"])
    assert one.came[0].sentences == (
        "Iran's air support for the Syrian army has recipient Syrian army.",
        "Iran's air support for the Syrian army has supporter Iran.",
    )
    assert one.withdrawn[0].reason == "the newspaper corrected it"
    assert one.sources == (iri("source:ankara-statement"),)
    assert one.languages == {iri("source:ankara-statement"): "en", iri("source:idlib-ceasefire"): "en"}


def test_claims_are_in_the_order_of_their_quotes_source_by_source(store: Embedded):
    one = written_since(store, LONG_AGO)
    order = [(item.claim.source.value, item.claim.start, item.claim.end) for item in one.came]
    assert order == sorted(order)
    assert len(one.came) == 63 + 7
    assert len(one.told) == 2 + 8


@pytest.mark.parametrize("since", [EARLY, NOON, datetime(2026, 11, 15, tzinfo=UTC), LONG_AGO])
def test_what_follows_is_what_was_derived_neither_then_nor_stated_now(store: Embedded, since: datetime):
    now = {quad.triple for quad in store.quads(graph=VIEW)}
    then = view_at(store, since)
    accepted = [c.iri for c in read_claims(store) if c.accepted]
    stated = {quad.triple for graph in (REFERENCE, *accepted) for quad in store.quads(graph=graph)}
    one = written_since(store, since)
    new = now - then - stated - rulebook().facts
    told = {proof.triple for proof in one.follows}
    assert told <= new
    assert (len(told), one.cut) == ((len(new), 0) if len(new) <= 200 else (200, len(new)))
    assert len(one.fell) == len(then - now) - len(
        [t for t in then - now if any(t in {q.triple for q in store.quads(graph=c)} for c in ended(store))]
    )


def ended(store: Embedded) -> list[NamedNode]:
    return [c.iri for c in read_claims(store) if c.withdrawn and c.speaker == c.source]


def test_what_sources_tell_only_together_comes_first_and_what_things_are_last(store: Embedded):
    one = written_since(store, EARLY)
    told = [sentence(proof.triple, one.labels) for proof in one.follows]
    assert told[0] == "Iran backs opponents of those backed by Türkiye."
    both = [
        len({claim.source for leaf in proof.leaves() for claim in leaf.claims}) > 1 for proof in one.follows
    ]
    assert both[0]
    assert not both[-1]
    assert told[-1] == "Iran's air support for the Syrian army is a support."
    kinds = [proof.triple.predicate == iri("rdf:type") for proof in one.follows]
    assert kinds == sorted(kinds)


def test_every_proof_ends_in_claims_that_count_or_in_reference_data(store: Embedded):
    for proof in written_since(store, LONG_AGO).follows:
        for leaf in proof.leaves():
            assert leaf.claims or leaf.reference or leaf.axiom
            assert all(claim.accepted for claim in leaf.claims)


def test_what_no_longer_follows_is_told(store: Embedded):
    one = written_since(store, NOON)
    assert (one.came, one.told, one.follows, names(one.withdrawn)) == ((), (), (), ["15"])
    assert "Iranian armed forces is present in Idlib." in one.fell
    assert one.fell[-1].endswith((" situation.", " force.", " actor.", " state."))


def test_the_moment_itself_counts_and_the_one_after_does_not(store: Embedded):
    at = datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert names(written_since(store, at).came) == ["14"]
    assert names(written_since(store, at + timedelta(microseconds=1)).came) == []
    assert names(written_since(store, NOON).withdrawn) == ["15"]
    assert names(written_since(store, NOON + timedelta(microseconds=1)).withdrawn) == []


def test_a_day_is_the_same_moment_in_every_zone(store: Embedded):
    east = datetime(2026, 11, 22, 4, tzinfo=timezone(timedelta(hours=3)))
    assert briefing_written(written_since(store, east), "json") == briefing_written(
        written_since(store, EARLY), "json"
    )


def test_nothing_since_is_said_in_a_sentence(store: Embedded):
    one = written_since(store, datetime(2026, 11, 22, 23, tzinfo=UTC))
    assert not any((one.came, one.told, one.withdrawn, one.follows, one.fell, one.cut, one.cut_fell))
    assert briefing_written(one, "text") == (
        "From 22 November 2026, 23:00 UTC to 23 November 2026:\nNothing came, and nothing was withdrawn.\n"
    )
    assert "Nothing came, and nothing was withdrawn." in briefing_written(one, "html")


def test_of_much_that_follows_people_get_twenty_and_programs_two_hundred_with_the_number(store: Embedded):
    one = written_since(store, LONG_AGO)
    assert len(one.follows) == 200
    assert f"These are the first 20 of {one.cut};" in briefing_written(one, "text")
    assert len(json.loads(briefing_written(one, "json"))["follows"]) == 200
    assert json.loads(briefing_written(one, "json"))["follow"] == one.cut


def test_a_withdrawal_without_a_reason_says_so():
    made = build()
    withdraw(made, NamedNode(BASE + "claim/idlib-ceasefire/61"), "")
    one = written_since(made, NOON)
    assert names(one.withdrawn) == ["idlib-ceasefire/61"]
    assert "Withdrawn on 22 November 2026, 12:00 UTC; no reason is on record." in briefing_written(
        one, "text"
    )


def test_a_speakers_claim_that_was_withdrawn_changes_nothing_else():
    made = build()
    withdraw(made, NamedNode(BASE + "claim/idlib-ceasefire/54"), "a slip")
    one = written_since(made, NOON)
    assert (names(one.withdrawn), one.follows, one.fell) == (["idlib-ceasefire/54"], (), ())


def test_what_follows_is_told_with_the_claim_that_it_follows_from():
    """A clock that was ahead gives a claim a time that has not come; the view holds it all the same."""
    made = filled()
    node = NamedNode(ARTICLE + "14")
    (old,) = made.quads(node, iri("prov:generatedAtTime"))
    made.update(f"DELETE DATA {{ GRAPH {CLAIMS} {{ {old.triple} }} }}")
    made.add([Quad(node, old.predicate, Literal("12020-03-05T00:00:00Z", datatype=XSD_TIME), CLAIMS)])
    one = written_since(made, NOON)
    assert names(one.came) == ["14"]
    assert {claim.iri for proof in one.follows for leaf in proof.leaves() for claim in leaf.claims} >= {node}


def test_a_base_is_not_changed_by_it():
    made = filled()
    before = {str(quad) for quad in made.quads()}
    written_since(made, LONG_AGO)
    assert {str(quad) for quad in made.quads()} == before


@pytest.mark.parametrize("hours", [0, 14, -14])
def test_the_first_moment_there_is_means_from_the_beginning(store: Embedded, hours: int):
    one = written_since(store, datetime.min.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert names(one.came) == names(written_since(store, LONG_AGO).came)
    assert all(briefing_written(one, form) for form in FORMS)


def test_a_briefing_that_would_end_before_it_begins_is_refused(store: Embedded):
    with pytest.raises(UsageError, match="is later than"):
        written_since(store, NOW, NOON)


def test_more_than_a_briefing_can_tell_is_refused_with_the_number(
    store: Embedded, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kg.views.briefings._MOST_CLAIMS", 80)
    with pytest.raises(LimitReached, match=r"81 claims came or were withdrawn.*name a later day; 80 claims"):
        written_since(store, LONG_AGO)
    assert names(written_since(store, EARLY).came) == ["14"]


# the forms


def validator() -> jsonschema.Draft202012Validator:
    folder = data_folder() / "docs" / "schema"
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    resources = [
        (uri, referencing.Resource.from_contents(content))
        for file, content in files.items()
        for uri in (file, content["$id"])
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft202012Validator(files["briefing.schema.json"], registry=registry)


@pytest.mark.parametrize("since", [LONG_AGO, EARLY, NOON, NOW])
def test_the_json_is_as_its_schema_says(store: Embedded, since: datetime):
    validator().validate(json.loads(briefing_written(written_since(store, since), "json")))


@pytest.mark.parametrize(("form", "name"), [("text", "txt"), ("markdown", "md"), ("html", "html")])
def test_the_forms_for_people_stay_as_they_are(store: Embedded, form: str, name: str):
    golden = FOLDER / f"briefing.{name}"
    assert briefing_written(written_since(store, EARLY), form) == golden.read_text(encoding="utf-8")


def test_the_same_base_gives_the_same_bytes():
    one, other = (
        [briefing_written(written_since(made, LONG_AGO), form) for form in FORMS]
        for made in (filled(), filled())
    )
    assert one == other


def test_another_form_is_refused_with_those_there_are(store: Embedded):
    with pytest.raises(UnknownName, match="use one of text, markdown, json, html"):
        briefing_written(written_since(store, NOON), "pdf")


VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """A reader that knows only pages whose every tag is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag[0] == "h" and tag[1:].isdigit():
            self.headings.append(int(tag[1:]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize("since", [LONG_AGO, EARLY, NOON, NOW])
def test_the_page_is_whole_and_accessible_and_loads_nothing(store: Embedded, since: datetime):
    text = briefing_written(written_since(store, since), "html")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert {"script", "link", "img", "iframe", "object", "a", "form"}.isdisjoint(tags)
    assert not any(
        name.startswith("on") or name in {"src", "href", "style"} for _, at in page.tags for name in at
    )
    assert "url(" not in text
    assert "@import" not in text
    assert "://" not in text
    assert page.tags[0] == ("html", {"lang": "en"})
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:], strict=False))
    labelled = {at["aria-labelledby"] for tag, at in page.tags if tag == "section"}
    ids = [at["id"] for _, at in page.tags if "id" in at]
    assert labelled == set(ids)
    assert len(ids) == len(set(ids))
    assert tags.count("details") == min(len(written_since(store, since).follows), 20)
    assert all(at.get("lang") == "en" for tag, at in page.tags if tag == "p" and "dir" in at)


def test_every_claim_is_shown_with_its_quote_in_every_form(store: Embedded):
    one = written_since(store, EARLY)
    for form in FORMS:
        text = briefing_written(one, form)
        if form == "html":
            text = "".join(Page(text).text)
        for item in (*one.came, *one.told, *one.withdrawn):
            assert item.claim.quote in text
            assert item.claim.iri.value.removeprefix(BASE + "claim/") in text


HOSTILE = "</p><script>alert(1)</script>“[x](javascript:y) \u202egnp\x1b[31m\r\n# no heading\x00&amp;"


def test_hostile_words_neither_command_a_terminal_nor_become_markup():
    made = build()
    claim = NamedNode(BASE + "claim/idlib-ceasefire/61")
    for quad in made.quads(claim, iri("oa:exact"), None, CLAIMS):
        made.update(f"DELETE DATA {{ GRAPH {CLAIMS} {{ {quad.triple} }} }}")
    source, comment = iri("source:idlib-ceasefire"), iri("rdfs:label")
    for quad in list(made.quads(source, comment)):
        made.update(f"DELETE DATA {{ GRAPH {quad.graph_name} {{ {quad.triple} }} }}")
    made.update(f"DELETE WHERE {{ GRAPH {CLAIMS} {{ {source} {iri('dcterms:language')} ?o }} }}")
    made.add(
        [
            Quad(claim, iri("oa:exact"), Literal(HOSTILE), CLAIMS),
            Quad(source, comment, Literal(HOSTILE), VIEW),
            Quad(source, iri("dcterms:language"), Literal('en" onclick="x'), CLAIMS),
        ]
    )
    withdraw(made, NamedNode(BASE + "claim/idlib-ceasefire/54"), HOSTILE)
    one = written_since(made, LONG_AGO)
    assert any(item.claim.quote == HOSTILE for item in one.came)
    for form in FORMS:
        text = briefing_written(one, form)
        assert not set(text) & set("\x1b\r\x00")
        assert form == "json" or "\u202e" not in text
        if form == "html":
            page = Page(text)
            assert "script" not in [tag for tag, _ in page.tags]
            assert all(at["lang"] in {"en", ""} for _, at in page.tags if "lang" in at)
            assert "</p><script>alert(1)</script>“[x](javascript:y) <U+202E>gnp" in "".join(page.text)
        elif form == "markdown":
            assert "<script" not in text.replace("\\<script", "")
            assert "\n# no" not in text
