"""Where speakers differ: every side with its words, none of them chosen."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import referencing
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kg.bases.building import build, examine, file_part, grow
from kg.bases.cache import seed_files
from kg.bases.changes import addition, rulebook
from kg.bases.ontology import ontology_quads, ontology_rules
from kg.disputes.disputes import Dispute, disputes, disputes_of
from kg.errors import UnknownName
from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.logic.rules import compile_rules
from kg.storage.store import Embedded
from kg.telling.disputing import cited, disputes_written, marked_down
from kg.terms import BASE, CLAIMS, ONTOLOGY, PREFIXES, REFERENCE, VIEW, data_folder, iri

SECOND = Path(__file__).parent / "disputes" / "claims.trig"
HEAD = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
HERE = Viewpoint()


@pytest.fixture(scope="module")
def two() -> Embedded:
    """Return a base with both articles."""
    return filled([*seed_files(), SECOND])


def filled(files: list[Path]) -> Embedded:
    store = Embedded()
    store.fill(ontology_quads())
    batch = examine([file_part(path) for path in files])
    grow(store, batch, ontology_rules())
    store.fill(batch.facts())
    return store


def words(turtle: str, graph: NamedNode) -> list[Quad]:
    return [Quad(*quad.triple, graph) for quad in parse(HEAD + turtle, RdfFormat.TURTLE)]


def claim(
    name: str, turtle: str, *, source: str = "a", speaker: str | None = None, **more: str
) -> list[Quad]:
    """Return a claim ``name`` of a source, in its own voice or a speaker's, as quads."""
    node = iri(f"claim:{name}")
    own = iri(f"source:{source}")
    described = {
        "rdf:type": iri("parley:Claim"),
        "prov:hadPrimarySource": own,
        "prov:wasAttributedTo": iri(f"id:{speaker}") if speaker else own,
        "oa:exact": Literal(more.get("quote", f"the words of {name}")),
        "oa:start": Literal(0),
        "oa:end": Literal(1),
        **{
            term: Literal(more[key], datatype=iri("xsd:dateTime"))
            for key, term in (("recorded", "prov:generatedAtTime"), ("withdrawn", "prov:invalidatedAtTime"))
            if key in more
        },
    }
    facts = [Quad(node, iri(term), value, CLAIMS) for term, value in described.items()]
    return [*facts, *words(turtle, node)]


def base(*claims: list[Quad], rules: Rulebook | None = None) -> Embedded:
    """Return a base that holds the ontology and these claims, and its view."""
    store = Embedded()
    store.fill(ontology_quads())
    quads = [quad for one in claims for quad in one]
    change, _ = addition(quads, datetime(2026, 1, 1, tzinfo=UTC), store, rules or rulebook())
    store.fill([*change.facts, *(Quad(*triple, VIEW) for triple in change.added)])
    return store


def found(
    store: Embedded, viewpoint: Viewpoint = HERE, about: list[str] | None = None
) -> tuple[Dispute, ...]:
    return disputes(store, rulebook(), viewpoint, None if about is None else [iri(name) for name in about])


def names(dispute: Dispute) -> list[list[str]]:
    return [[one.iri.value.removeprefix(BASE + "claim/") for one in side.claims] for side in dispute.sides]


COUNT = "a parley:DeathCount ; parley:resultsFrom id:raid ; parley:hasVictimsFrom id:army"


def test_the_built_in_base_has_no_dispute():
    assert found(build()) == ()
    assert disputes_written((), "text") == "nothing is contested\n"


def test_each_dispute_of_the_second_article_is_found_once_with_the_words_of_each_side(two: Embedded):
    article = "ankara-statement"
    assert [(one.kind, names(one)) for one in found(two)] == [
        (
            "figures",
            [[f"{article}/2"], [f"{article}/4"], [f"{article}/5"], [f"{article}/6"], ["idlib-ceasefire/18"]],
        ),
        ("figures", [[f"{article}/16"], ["idlib-ceasefire/48"]]),
        ("contradiction", [[f"{article}/8"], ["idlib-ceasefire/22"]]),
        ("contradiction", [[f"{article}/11"], ["idlib-ceasefire/61"]]),
        ("contradiction", [[f"{article}/12"], [f"{article}/13"]]),
        ("denial", [[f"{article}/7"], ["idlib-ceasefire/17"]]),
        ("denial", [[f"{article}/10"], ["idlib-ceasefire/54"]]),
    ]


def test_exact_least_and_most_figures_are_told_with_what_each_excludes(two: Embedded):
    counts = found(two)[0]
    assert counts.why == (
        "These figures of the same victims of the same event cannot all be right: at most 10 excludes 29, 31 or more, "
        "33 and 34 or more; 29 excludes 31 or more, 33 and 34 or more; 33 excludes 34 or more."
    )
    assert [side.sentence for side in counts.sides][:2] == [
        "Turkish deaths in the bombing according to Erdogan: 33.",
        "Turkish deaths in the bombing: 29.",
    ]
    assert {iri("id:bombing-of-turkish-soldiers"), iri("id:turkish-armed-forces")} < set(counts.about)


def test_a_side_that_only_follows_names_the_words_it_follows_from(two: Embedded):
    groups = found(two)[3]
    assert groups.about == (iri("id:turkey-backed-rebel-groups"),)
    assert [(side.sentence, side.claims[0].quote) for side in groups.sides] == [
        (
            "Rebel groups supported by Turkey is a force of a state.",
            "The groups that Turkey supports are a force of the Turkish state",
        ),
        (
            "Rebel groups supported by Turkey is an armed collective.",
            "Turkey supports several rebel groups in that region",
        ),
    ]


def test_a_denial_names_who_denies_whatever_source_tells_of_it(two: Embedded):
    denial = found(two)[5]
    assert denial.why == "Bashar al-Assad denies what claim idlib-ceasefire/17 says."
    assert denial.sides[0].sentence == (
        "Bashar al-Assad denies it, saying that his air force had not bombed the Turkish soldiers."
    )
    assert "Bombing of Turkish soldiers has perpetrator Syrian air force." in denial.sides[1].sentence


def test_the_disputes_of_a_claim_are_those_in_which_it_takes_a_side(two: Embedded):
    everything = found(two)
    for one in read_claims(two):
        mine = tuple(dispute for dispute in everything if one.iri in dispute.claims)
        assert disputes_of([one], two, rulebook(), HERE) == mine
    assert disputes_of(list(read_claims(two)), two, rulebook(), HERE) == everything
    assert disputes_of([], two, rulebook(), HERE) == ()


def test_the_disputes_about_a_thing_are_those_that_concern_it(two: Embedded):
    everything = found(two)
    things = {thing for one in everything for thing in one.about}
    for thing in sorted(things, key=str):
        expected = tuple(one for one in everything if thing in one.about)
        assert disputes(two, rulebook(), HERE, [thing]) == expected
    assert found(two, about=["id:vladimir-putin", "id:nobody"]) == ()


def test_the_order_in_which_a_base_was_filled_changes_nothing(two: Embedded):
    turned = Embedded()
    for quad in reversed(list(two.quads())):
        turned.add([quad])
    assert disputes_written(found(turned), "json") == disputes_written(found(two), "json")


def test_only_what_was_on_record_at_a_moment_takes_part(two: Embedded):
    early = Viewpoint(as_of=datetime(2026, 11, 16, tzinfo=UTC))  # what the count 4 counts came later
    assert [names(one) for one in found(two, early)] == [[[f"ankara-statement/{n}"] for n in (2, 5, 6)]]
    assert found(two, Viewpoint(as_of=datetime(2026, 11, 1, tzinfo=UTC))) == ()


def test_one_source_alone_differs_only_with_whom_it_quotes(two: Embedded):
    first = Viewpoint(by=iri("source:idlib-ceasefire"))
    second = Viewpoint(by=iri("source:ankara-statement"))
    assert found(two, first) == ()
    assert [one.kind for one in found(two, second)] == ["figures", "contradiction"]


@pytest.mark.parametrize("speaker", ["bashar-al-assad", "recep-tayyip-erdogan", "mevlut-cavusoglu"])
def test_believing_a_speaker_does_not_change_who_differs(two: Embedded, speaker: str):
    told = Viewpoint(told_by=iri(f"id:{speaker}"))
    store = Embedded()
    store.fill(quad for quad in two.quads() if quad.graph_name != VIEW)
    counting = [one.iri for one in read_claims(two) if told.counts(one)]
    from kg.logic.reason import close

    store.fill(Quad(*q.triple, VIEW) for graph in (REFERENCE, *counting) for q in two.quads(graph=graph))
    close(store, ontology_rules())
    assert found(store, told) == found(two)
    assert disputes_of(list(read_claims(store)), store, rulebook(), told) == found(two)


def test_what_was_withdrawn_has_no_side(two: Embedded):
    store = Embedded()
    store.fill(two.quads())
    for number in (8, 11, 13, 10, 7):
        node = NamedNode(f"{BASE}claim/ankara-statement/{number}")
        moment = Literal("2026-11-22T10:00:00Z", datatype=iri("xsd:dateTime"))
        store.add([Quad(node, iri("prov:invalidatedAtTime"), moment, CLAIMS)])
    assert [one.kind for one in found(store)] == ["figures", "figures"]
    before = Viewpoint(as_of=datetime(2026, 11, 22, 9, tzinfo=UTC))
    assert len(found(store, before)) == len(found(two))


RANGES = st.one_of(
    st.builds(lambda n: (n, n, f"parley:exactCount {n}"), st.integers(0, 6)),
    st.builds(lambda n: (n, 10**9, f"parley:leastCount {n}"), st.integers(1, 6)),
    st.builds(lambda n: (0, n, f"parley:mostCount {n}"), st.integers(0, 6)),
    st.builds(
        lambda a, b: (min(a, b), max(a, b), f"parley:leastCount {min(a, b)} ; parley:mostCount {max(a, b)}"),
        st.integers(1, 6),
        st.integers(1, 6),
    ),
)


@settings(max_examples=60)
@given(st.lists(RANGES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_figures_are_disputed_exactly_if_no_number_fits_them_all(ranges: list[tuple[int, int, str]], random):
    claims = [
        claim(f"a-{n}", f"id:c{n} {COUNT} ; {said} .", source=f"s{n}", speaker=f"p{n}" if n % 2 else None)
        for n, (_, _, said) in enumerate(ranges)
    ]
    one = found(base(*claims))
    least, most = max(least for least, _, _ in ranges), min(most for _, most, _ in ranges)
    apart = any(a[0] > b[1] or b[0] > a[1] for a, b in itertools.combinations(ranges, 2))
    assert bool(one) == (least > most) == apart
    inside = {name for dispute in one for side in names(dispute) for name in side}
    expected = {
        f"https://w3id.org/parley/claim/a-{n}"
        for n, a in enumerate(ranges)
        if any(a[0] > b[1] or b[0] > a[1] for b in ranges)
    }
    assert {f"https://w3id.org/parley/claim/{name}" for name in inside} == expected
    random.shuffle(claims)
    assert found(base(*claims)) == one


@pytest.mark.parametrize(
    "other",
    [
        f"id:d {COUNT.replace('id:raid', 'id:siege')} ; parley:exactCount 9 .",
        f"id:d {COUNT.replace('id:army', 'id:navy')} ; parley:exactCount 9 .",
        f"id:d {COUNT} ; parley:exactCount 9 ; parley:isIncludedIn id:c .",
        f"id:d {COUNT} ; parley:leastCount 2 .",
        f'id:d {COUNT} ; parley:countWording "many"@en .',
    ],
    ids=["another event", "other victims", "a part of it", "in agreement", "no number"],
)
def test_other_counts_are_no_dispute(other: str):
    store = base(claim("a", f"id:c {COUNT} ; parley:exactCount 3 ."), claim("b", other, source="b"))
    assert found(store) == ()


def test_one_voice_does_not_differ_with_itself():
    first = claim("a", "id:c parley:exactCount 3 .", speaker="ann")
    second = claim("b", "id:c parley:exactCount 4 .", speaker="ann")
    assert found(base(first, second)) == ()
    elsewhere = claim("b", "id:c parley:exactCount 4 .", speaker="ann", source="b")
    (one,) = found(base(first, elsewhere))
    assert one.why == "These figures of one count cannot all be right: 3 excludes 4."


def test_numbers_of_a_quantity_differ_only_in_one_unit():
    def width(number: str, unit: str) -> str:
        return f"id:w a parley:Quantity ; parley:numericValue {number} ; parley:hasUnit {unit} ."

    kilometres = claim("a", width("6", "parley:kilometre"))
    assert found(base(kilometres, claim("b", width("6.0", "parley:kilometre"), speaker="ann"))) == ()
    assert found(base(kilometres, claim("b", width("4", "id:mile"), speaker="ann"))) == ()
    (one,) = found(base(kilometres, claim("b", width("7", "parley:kilometre"), speaker="ann")))
    assert [side.sentence for side in one.sides] == ["Id:w: 6 kilometre.", "Id:w: 7 kilometre."]


def test_two_values_of_a_property_that_has_one_are_a_dispute_of_figures_and_not_told_twice():
    term = iri("parley:knowingly")
    single = [(term, iri("rdf:type"), iri("owl:FunctionalProperty"))]
    ontology = [quad.triple for quad in ontology_quads()]
    rules = Rulebook(compile_rules([*ontology, *(Quad(*one).triple for one in single)]))
    store = base(
        claim("a", "id:raid a parley:Attack ; parley:knowingly true ."),
        claim("b", "id:raid parley:knowingly false .", speaker="ann"),
    )
    assert found(store) == ()
    store.add([Quad(*one, ONTOLOGY) for one in single])
    (one,) = disputes(store, rules, HERE)
    assert (one.kind, one.why) == ("figures", "Nothing has two values of “knowingly”: no excludes yes.")


def test_a_speaker_may_contradict_reference_data():
    store = base(
        [*words("id:ann a parley:Person .", REFERENCE)],
        claim("a", "id:ann a parley:State .", speaker="bob"),
    )
    (one,) = found(store)
    assert (one.kind, names(one)) == ("contradiction", [[], ["a"]])
    assert "[reference data]" in disputes_written([one], "text")


def test_a_contradiction_that_takes_two_claims_on_one_side_names_both():
    store = base(
        claim("a", "id:ann a parley:Person .", source="s"),
        claim("b", "id:guard parley:isPartOfForce id:corps .", speaker="bob"),
        claim("c", "id:corps parley:isForceOf id:land .", speaker="bob"),
        claim("d", "id:guard a parley:ArmedGroup .", source="t"),
    )
    (one,) = found(store)
    assert sorted(names(one)) == [["b", "c"], ["d"]]


@pytest.mark.parametrize("most", [40, 5])
def test_more_evidence_for_a_side_adds_its_words_and_leaves_every_claim_of_it_contested(
    most: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("kg.disputes.contradictions._MOST_WAYS", most)
    monkeypatch.setattr("kg.disputes.contradictions._MOST_CLAIMS", most)
    event = claim("a", "id:x a parley:Event .", speaker="ann")
    supports = claim("b", "id:x parley:supports id:y .")
    (before,) = found(base(event, supports))
    assert names(before) == [["a"], ["b"]]
    more = [claim(f"c{n}", f"id:x parley:supports id:z{n} .", source=f"s{n}") for n in range(20)]
    store = base(event, supports, claim("d", "id:x a parley:Person .", source="t"), *more)
    (after,) = found(store)
    shown = {name for side in names(after) for name in side}
    assert "d" in shown
    assert len(shown) == (23 if most > 23 else 1 + most)
    for one in read_claims(store):
        (mine,) = disputes_of([one], store, rulebook(), HERE)
        assert one.iri in mine.claims


def test_what_another_voice_says_is_a_side_though_a_shorter_proof_has_the_same_voice():
    event = claim("a", "id:x a parley:Event .", speaker="ann")
    same = claim("b", "id:x a parley:Person .", speaker="ann")
    assert found(base(event, same)) == ()
    (one,) = found(base(event, same, claim("c", "id:x parley:supports id:y .", speaker="bob")))
    assert names(one) == [["a"], ["b", "c"]]


def test_a_claim_from_which_a_side_follows_only_in_a_circle_is_none_of_its_words():
    event = claim("a", "id:x a parley:Event .", speaker="ann")
    actor = claim("b", "id:x a parley:Actor .")
    circle = claim("c", "id:x owl:sameAs id:y .", source="t")
    (one,) = (one for one in found(base(event, actor, circle)) if one.about == (iri("id:x"),))
    assert names(one) == [["a"], ["b"]]


def test_a_denial_counts_only_while_both_claims_stand():
    said = claim("a", "id:raid a parley:Attack .")
    denial = "id:no a parley:Statement ; parley:hasSpeaker id:ann ; parley:denies claim:a ."
    (one,) = found(base(said, claim("b", denial, source="b")))
    assert (one.kind, names(one)) == ("denial", [["a"], ["b"]])
    gone = claim("a", "id:raid a parley:Attack .", withdrawn="2026-01-01T00:00:00Z")
    assert found(base(gone, claim("b", denial, source="b"))) == ()
    ended = claim("b", denial, source="b", withdrawn="2026-01-01T00:00:00Z")
    assert found(base(said, ended)) == ()


# the forms


def validator(name: str) -> jsonschema.Draft202012Validator:
    folder = data_folder() / "docs" / "schema"
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    resources = [
        (uri, referencing.Resource.from_contents(content))
        for file, content in files.items()
        for uri in (file, content["$id"])
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft202012Validator(files[f"{name}.schema.json"], registry=registry)


def test_the_json_is_as_its_schema_says(two: Embedded):
    document = json.loads(disputes_written(found(two), "json"))
    validator("disputes").validate(document)
    assert len(document["disputes"]) == 7
    assert document["labels"][BASE + "id/bashar-al-assad"] == "Bashar al-Assad"
    validator("disputes").validate(json.loads(disputes_written((), "json")))


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_forms_for_people_stay_as_they_are(two: Embedded, form: str):
    golden = SECOND.with_name(f"disputes.{'txt' if form == 'text' else 'md'}")
    assert disputes_written(found(two), form) == golden.read_text(encoding="utf-8")


def test_another_form_is_refused_with_those_there_are():
    with pytest.raises(UnknownName, match="use one of text, markdown, json"):
        disputes_written((), "pdf")


HOSTILE = "<script>alert(1)</script> [x](javascript:y) \u202egnp\x1b[31m\r\n# not a heading\x00"


def test_hostile_words_neither_command_a_terminal_nor_become_markup():
    first = claim("a", "id:c parley:exactCount 3 .", quote=HOSTILE)
    store = base(first, claim("b", "id:c parley:exactCount 4 .", source="b", speaker="ann"))
    store.add([Quad(iri("source:a"), iri("rdfs:label"), Literal(HOSTILE), VIEW)])
    for form in ("text", "markdown"):
        text = disputes_written(found(store), form)
        assert not set(text) & set("\x1b\r\x00\u202e")
        assert not any(line.lstrip(" >").startswith("# not") for line in text.splitlines())
    assert "\\<script\\>" in text
    assert "[x](" not in text.replace("\\[x\\](", "")
    assert (
        json.loads(disputes_written(found(store), "json"))["disputes"][0]["sides"][0]["claims"][0]["quote"]
        == HOSTILE
    )


def test_markdown_at_the_start_of_a_line_is_a_text():
    assert [marked_down(words) for words in ("# a", "- b", "1. c", "12) d", "a-b 1. #")] == [
        "\\# a",
        "\\- b",
        "1\\. c",
        "12\\) d",
        "a-b 1. #",
    ]


def test_a_voice_without_a_name_goes_by_its_iri():
    one = Claim(iri("claim:a"), iri("source:a"), iri("source:a"), "so", 0, 2)
    assert cited(one, {}) == "a, source:a in its own voice"
    assert cited(replace(one, speaker=iri("id:ann")), {}) == "a, said by id:ann in source:a"
