"""Pictures show what the view holds and nothing else, are safe to open anywhere, and are the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.asking.answers import Answer, read_answer
from kg.bases.building import build
from kg.bases.changes import rulebook
from kg.citing.citations import Citation, Citations
from kg.drawing.gathering import MOST_THINGS, Gathering
from kg.drawing.layout import Box, arrange
from kg.drawing.maps import drawn_map
from kg.drawing.pictures import drawn
from kg.drawing.prooftrees import drawn_proof
from kg.drawing.timelines import drawn_timeline
from kg.drawing.wording import balanced, shown, width, wrapped
from kg.errors import LimitReached, UnknownName, UsageError
from kg.evidence.viewpoints import Viewpoint
from kg.logic.rules import Rule
from kg.proofs.absences import explain
from kg.proofs.proofs import Explanation, Proof
from kg.proofs.prover import Prover
from kg.terms import CLAIMS, REFERENCE, VIEW, iri

SVG = "{http://www.w3.org/2000/svg}"
HARMLESS = {"svg", "title", "desc", "g", "rect", "circle", "line", "path", "polygon", "polyline", "text"}
HOSTILE = '<script>alert(1)</script>" onload="alert(2)\u202e]]>&\x07 javascript:alert(3) <!--'
KINDS = ("turkey", "agreement", "answer", "whole", "map", "timeline", "proof")


@pytest.fixture(scope="module")
def store():
    return build()


@pytest.fixture(scope="module")
def gathering(store) -> Gathering:
    return Gathering(store, Prover(store, rulebook()))


def explanation(gathering: Gathering, subject: str, predicate: str, value: str) -> Explanation:
    triple = Triple(iri(subject), iri(predicate), iri(value))
    return explain(triple, gathering.store, rulebook(), Viewpoint())


def answer(gathering: Gathering) -> Answer:
    found = gathering.store.query(
        "PREFIX parley: <https://w3id.org/parley/ontology#> "
        "SELECT ?one ?other WHERE { ?one parley:backsOpponentOf ?other } ORDER BY ?one ?other"
    )
    return read_answer(found, gathering.store)


def draw(kind: str, gathering: Gathering, form: str = "svg") -> bytes:
    """Draw the picture of a name."""
    ways = {
        "turkey": lambda: drawn(gathering.around(iri("id:turkey")), form),
        "agreement": lambda: drawn(gathering.around(iri("id:idlib-agreement-2020")), form),
        "answer": lambda: drawn(gathering.answer(answer(gathering)), form),
        "whole": lambda: drawn(gathering.whole(), form),
        "map": lambda: drawn_map(gathering, form=form),
        "timeline": lambda: drawn_timeline(gathering, form=form),
        "proof": lambda: drawn_proof(
            explanation(gathering, "id:russia", "parley:backsOpponentOf", "id:turkey"), form
        ),
    }
    return ways[kind]()


@pytest.fixture(scope="module")
def svgs(gathering) -> dict[str, str]:
    return {kind: draw(kind, gathering).decode() for kind in KINDS}


@pytest.fixture(scope="module")
def pages(gathering) -> dict[str, str]:
    return {kind: draw(kind, gathering, "html").decode() for kind in KINDS}


@pytest.fixture
def hostile() -> Gathering:
    """Return a gathering of a base in which a thing, its claim and a time have words that would do harm."""
    store = build()
    thing, claim = iri("id:trap"), NamedNode("https://w3id.org/parley/claim/idlib-ceasefire/666")
    source, turkey = iri("source:idlib-ceasefire"), iri("id:turkey")
    content = [
        (thing, iri("rdf:type"), iri("parley:Meeting")),
        (thing, iri("parley:hasParticipant"), turkey),
        (thing, iri("parley:timeWording"), Literal(HOSTILE, language="en")),
        (thing, iri("rdfs:label"), Literal(HOSTILE, language="en")),
    ]
    described = [
        (claim, iri("rdf:type"), iri("parley:Claim")),
        (claim, iri("prov:hadPrimarySource"), source),
        (claim, iri("prov:wasAttributedTo"), source),
        (claim, iri("oa:exact"), Literal(HOSTILE)),
        (claim, iri("oa:start"), Literal(0)),
        (claim, iri("oa:end"), Literal(5)),
    ]
    store.add(Quad(*triple, graph) for triple in content for graph in (VIEW, claim))
    store.add(Quad(*triple, CLAIMS) for triple in described)
    return Gathering(store, Prover(store, rulebook()))


def parsed(svg: str | bytes) -> Xml.Element:
    return Xml.fromstring(svg)


def texts(svg: str) -> str:
    """Return all that is written in a picture, in the order of drawing, on one line."""
    return " ".join(element.text or "" for element in parsed(svg).iter(f"{SVG}text"))


def check_harmless(svg: str) -> None:
    """Check that a picture is well-formed and neither runs nor loads anything."""
    for element in parsed(svg).iter():
        assert element.tag.removeprefix(SVG) in HARMLESS
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert "href" not in name.lower()
            assert not re.search(r"url\(|https?:|javascript:|data:", value, re.IGNORECASE)


class Page(HTMLParser):
    """Reads a page: its tags with their attributes, its text, whether all that opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def check_page(page: str) -> Page:
    """Check that a page loads and runs nothing, and return it read."""
    read = Page(page)
    assert read.open == []
    names = {tag for tag, _ in read.tags}
    assert not names & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "a",
        "image",
        "use",
    }
    for _, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href", "srcset"}]
    assert not re.search(r"url\(|@import", page)
    policy = [a["content"] for tag, a in read.tags if tag == "meta" and "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    return read


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_well_formed_and_runs_and_loads_nothing(kind, svgs):
    check_harmless(svgs[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_says_in_words_what_it_shows(kind, svgs):
    root = parsed(svgs[kind])
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert title.text
    assert len(about.text.split()) > 4
    assert root.get("aria-labelledby").split() == [title.get("id"), about.get("id")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_loads_nothing_and_holds_the_picture(kind, pages, svgs):
    check_page(pages[kind])
    assert svgs[kind] in pages[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_a_picture_lies_on_its_paper(kind, svgs):
    root = parsed(svgs[kind])
    wide, high = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(f"{SVG}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert 0 <= x <= x + float(rect.get("width")) <= wide + 0.2
        assert 0 <= y <= y + float(rect.get("height")) <= high + 0.2
    for text in root.iter(f"{SVG}text"):
        long = width(text.text, float(text.get("font-size"))) * {"middle": 0.5}.get(
            text.get("text-anchor"), 1
        )
        sides = {"start": (0, long), "middle": (long, long), "end": (long, 0)}[text.get("text-anchor")]
        assert float(text.get("x")) - sides[0] >= -3
        assert float(text.get("x")) + sides[1] <= wide + 3
        assert 0 < float(text.get("y")) < high


def pictures(gathering: Gathering):
    yield gathering.around(iri("id:turkey"))
    yield gathering.around(iri("id:idlib-agreement-2020"))
    yield gathering.around(iri("id:turkish-support-for-rebel-groups"))
    yield gathering.answer(answer(gathering))
    yield gathering.whole()


def test_every_edge_is_a_triple_of_the_view_between_things_of_the_picture(gathering):
    for picture in pictures(gathering):
        things = {node.thing for node in picture.nodes}
        assert picture.edges
        for edge in picture.edges:
            assert gathering.store.contains(Quad(*edge.triple, VIEW))
            assert {edge.triple.subject, edge.triple.object} <= things


def test_an_edge_is_stated_just_where_an_accepted_claim_or_reference_data_say_it(gathering):
    ask = """
        PREFIX prov: <http://www.w3.org/ns/prov#>
        ASK {{ {{ GRAPH <https://w3id.org/parley/graph/reference> {{ {0} }} }} UNION
          {{ GRAPH ?claim {{ {0} }} GRAPH <https://w3id.org/parley/graph/claims> {{
             ?claim prov:hadPrimarySource ?source ; prov:wasAttributedTo ?source
             FILTER NOT EXISTS {{ ?claim prov:invalidatedAtTime ?time }} }} }} }}"""
    seen = set()
    for picture in pictures(gathering):
        for edge in picture.edges:
            assert edge.stated == bool(gathering.store.query(ask.format(str(edge.triple))))
            assert edge.claims or edge.reference
            seen.add(edge.stated)
    assert seen == {True, False}


def test_derived_edges_are_dashed_and_stated_ones_are_not(gathering):
    picture = gathering.around(iri("id:turkey"))
    for stated in (True, False):
        only = replace(picture, edges=tuple(edge for edge in picture.edges if edge.stated == stated))
        paths = list(parsed(drawn(only)).iter(f"{SVG}path"))
        assert paths
        assert {path.get("stroke-dasharray") is None for path in paths} == {stated}
    assert "derived by a rule" in texts(drawn(picture).decode())


def test_all_labels_are_there_as_text(gathering):
    for picture in pictures(gathering):
        written = texts(drawn(picture).decode())
        for node in picture.nodes:
            assert node.label in written
            assert node.category in written
        for edge in picture.edges:
            assert edge.label in written


def test_quotes_are_in_the_tooltips_and_in_the_text_of_the_page(gathering, svgs, pages):
    tooltips = "\n".join(title.text or "" for title in parsed(svgs["turkey"]).iter(f"{SVG}title"))
    below = "".join(Page(pages["turkey"].partition("</figure>")[2].partition("</body>")[0]).words)
    edges = gathering.around(iri("id:turkey")).edges
    assert sum(len(edge.claims) for edge in edges) > 10
    for edge in edges:
        for said in (edge.sentence, *(claim.quote for claim in edge.claims)):
            assert said in tooltips
            assert said in below


def test_what_another_edge_says_already_is_left_out_and_counted(gathering):
    picture = gathering.whole()
    drawn_verbs = {edge.triple.predicate for edge in picture.edges}
    assert iri("parley:isSupportedBy") not in drawn_verbs, "the inverse of supports"
    assert iri("parley:supports") in drawn_verbs
    mutual = [edge for edge in picture.edges if edge.triple.predicate == iri("parley:isHostileTo")]
    ends = [frozenset((edge.triple.subject, edge.triple.object)) for edge in mutual]
    assert all(edge.mutual for edge in mutual)
    assert len(ends) == len(set(ends)) > 1
    derived_places = {
        edge.triple.object
        for edge in picture.edges
        if edge.triple.predicate == iri("parley:isPresentIn") and not edge.stated
    }
    assert derived_places == {iri("id:idlib-governorate")}, "not the wider places once more"
    assert re.search(r"\d+ edges that say no more", " ".join(picture.notes))


def test_a_stated_edge_is_left_out_only_for_a_stated_one(gathering):
    """Of what a source or reference data say between the things of a picture, nothing gets lost."""
    thing = iri("id:idlib-agreement-2020")
    picture = gathering.around(thing)
    drawn_pairs = {
        frozenset((edge.triple.subject, edge.triple.object)) for edge in picture.edges if edge.stated
    }
    for quad in gathering.store.quads(thing, None, None, VIEW):
        ours = quad.predicate.value.startswith(iri("parley:").value) and isinstance(quad.object, NamedNode)
        if ours and gathering.prover.statements.stated(quad.triple):
            assert frozenset((thing, quad.object)) in drawn_pairs


def test_what_is_related_to_nothing_is_left_out_of_the_whole_and_counted():
    store = build()
    store.add([Quad(iri("id:atlantis"), iri("rdf:type"), iri("parley:State"), VIEW)])
    picture = Gathering(store, Prover(store, rulebook())).whole()
    assert iri("id:atlantis") not in {node.thing for node in picture.nodes}
    assert "Related to no other and left out: 1." in picture.notes


def test_kinds_of_things_look_different(gathering):
    kinds = {node.thing: node.kind for node in gathering.around(iri("id:idlib-governorate")).nodes}
    assert kinds[iri("id:assad-intention-to-recapture")] == "judgement", "though it is a situation too"
    assert kinds[iri("id:turkish-presence-in-idlib")] == "situation"
    assert kinds[iri("id:idlib-ceasefire")] == "agreement"
    assert kinds[iri("id:syrian-rebels")] == "force"


def test_the_relation_node_stands_beside_the_plain_edge(gathering):
    picture = gathering.around(iri("id:turkey"))
    assert iri("id:turkish-support-for-rebel-groups") in {node.thing for node in picture.nodes}
    plain = Triple(iri("id:turkey"), iri("parley:supports"), iri("id:turkey-backed-rebel-groups"))
    assert plain in {edge.triple for edge in picture.edges}


def test_a_picture_is_bounded_and_says_what_it_leaves_out(gathering):
    whole = gathering.around(iri("id:turkey"))
    small = replace(gathering, most=4).around(iri("id:turkey"))
    assert small.nodes[0].thing == iri("id:turkey")
    assert len(small.nodes) == 4
    assert f"{len(whole.nodes) - 4} further neighbours are left out." in small.notes
    assert "further neighbours" in texts(drawn(small).decode())
    few = replace(gathering, most=2).answer(answer(gathering))
    assert len(few.nodes) == 2
    assert any("left out" in note for note in few.notes)


def test_a_popular_thing_is_drawn_without_reading_all_its_neighbours():
    store = build()
    crowd = [NamedNode(f"https://w3id.org/parley/id/brigade-{n}") for n in range(3_000)]
    store.fill(Quad(one, iri("parley:isForceOf"), iri("id:turkey"), VIEW) for one in crowd)
    counting = Counting(store)
    picture = Gathering(counting, Prover(store, rulebook())).around(iri("id:turkey"))
    assert len(picture.nodes) == MOST_THINGS
    assert any(note.startswith("At least ") for note in picture.notes)
    assert iri("id:idlib-agreement-2020") in {node.thing for node in picture.nodes}, "not crowded out"
    assert counting.read < 2_500


class Counting:
    """An engine that counts the quads that are read from it."""

    def __init__(self, store) -> None:
        self._store, self.read = store, 0

    def quads(self, *pattern):
        for quad in self._store.quads(*pattern):
            self.read += 1
            yield quad

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_the_same_base_gives_the_same_bytes_in_every_process():
    script = """
import sys, hashlib
from tests.test_drawing import Gathering, KINDS, Prover, build, draw, rulebook
store = build()
gathering = Gathering(store, Prover(store, rulebook()))
for kind in KINDS:
    print(kind, hashlib.sha256(draw(kind, gathering, "html")).hexdigest())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0].count("\n") == len(KINDS)
    assert runs[0] == runs[1]


def test_hostile_words_stay_words(hostile):
    thing = iri("id:trap")
    triple = Triple(thing, iri("parley:hasParticipant"), iri("id:turkey"))
    why = explain(triple, hostile.store, rulebook(), Viewpoint())
    for form in ("svg", "html"):
        made = [
            drawn(hostile.around(thing), form),
            drawn_timeline(hostile, [thing], form, title=HOSTILE),
            drawn_map(hostile, form=form, title=HOSTILE),
            drawn_proof(why, form),
        ]
        for picture in map(bytes.decode, made):
            if form == "svg":
                check_harmless(picture)
            else:
                assert not check_page(picture).open
            assert "alert(1)" in picture
            assert not re.search("[\u202e\x07]", picture)
    assert "<U+202E>" in texts(drawn_timeline(hostile, [thing]).decode())


def test_a_picture_of_another_view_says_whose_it_is(gathering):
    other = replace(gathering, seen="as told by Vladimir Putin")
    for picture in (drawn(other.around(iri("id:turkey"))), drawn_map(other), drawn_timeline(other)):
        assert "Seen as told by Vladimir Putin." in texts(picture.decode())


def test_a_disputed_edge_says_so(gathering):
    claim = next(edge.claims[0].iri for edge in gathering.around(iri("id:turkey")).edges if edge.claims)
    picture = replace(gathering, contested={claim}).around(iri("id:turkey"))
    assert [edge.disputed for edge in picture.edges] == [
        any(one.iri == claim for one in edge.claims) for edge in picture.edges
    ]
    assert "(disputed)" in texts(drawn(picture).decode())


def test_citations_give_the_edges_of_an_answer(gathering):
    cited = Triple(iri("id:russia"), iri("parley:supports"), iri("id:syrian-army"))
    rows = Answer(("who",), ((iri("id:russia"),),))
    citations = Citations((Citation((gathering.prover.cheapest(cited),)),), {})
    picture = gathering.answer(rows, citations, "Who supports whom?")
    support = iri("id:russian-support-for-syrian-army")
    assert picture.nodes[0].thing == iri("id:russia")
    assert {node.thing for node in picture.nodes} == {iri("id:russia"), iri("id:syrian-army"), support}
    assert {edge.triple for edge in picture.edges} == {
        cited,
        Triple(support, iri("parley:hasSupporter"), iri("id:russia")),
        Triple(support, iri("parley:hasRecipient"), iri("id:syrian-army")),
    }


def test_nothing_to_draw_is_an_error_and_no_empty_picture(gathering):
    with pytest.raises(UsageError, match="has no edge"):
        gathering.around(iri("id:nobody"))
    with pytest.raises(UsageError, match="names no thing"):
        gathering.answer(Answer(("n",), ((Literal(3),),)))
    with pytest.raises(UsageError, match="has coordinates"):
        drawn_map(gathering, [iri("id:vladimir-putin")])
    with pytest.raises(UsageError, match="has a date"):
        drawn_timeline(gathering, [iri("id:mediterranean-sea")])
    with pytest.raises(UsageError, match="more than 3 actors"):
        replace(gathering, most=3).whole()
    with pytest.raises(UsageError, match="does not hold"):
        drawn_proof(explanation(gathering, "id:syria", "parley:supports", "id:turkey"))


@pytest.mark.parametrize("kind", ["turkey", "map", "timeline", "proof"])
def test_an_unknown_form_is_refused_with_the_known_ones(kind, gathering):
    with pytest.raises(UnknownName, match="svg"):
        draw(kind, gathering, "svgg")


def test_a_map_is_true_to_the_compass_and_has_every_place(svgs, gathering):
    spots = {}
    for part in parsed(svgs["map"]).iter(f"{SVG}g"):
        circle = part.find(f"{SVG}circle")
        name = part.find(f"{SVG}title").text.partition(" (")[0]
        spots.setdefault(name, (float(circle.get("cx")), float(circle.get("cy"))))
    assert set(spots) == {
        "Moscow",
        "Latakia",
        "Idlib",
        "territory of Syria",
        "territory of Turkey",
        "territory of Russia",
    }
    assert spots["Moscow"][1] < spots["territory of Turkey"][1] < spots["Idlib"][1] < spots["Latakia"][1]
    assert spots["Latakia"][0] < spots["Idlib"][0] < spots["Moscow"][0] < spots["territory of Russia"][0]
    written = texts(svgs["map"])
    assert all(name in written for name in spots)
    assert "There is no base map" in written
    assert "km" in written
    one = texts(drawn_map(gathering, [iri("id:latakia-port")]).decode())
    assert "Latakia" in one
    assert "Moscow" not in one


def test_names_on_a_map_do_not_cover_each_other(svgs):
    check_apart(svgs["map"])


def test_a_crowded_map_leaves_out_names_rather_than_cover_them():
    store = build()
    where = iri("geo:hasGeometry"), iri("geo:asWKT")
    for n in range(150):
        place, geometry = iri(f"id:village-{n}"), iri(f"id:village-{n}/geometry")
        point = Literal(f"POINT({36 + n % 12 * 0.1} {35 + n // 12 * 0.1})", datatype=iri("geo:wktLiteral"))
        store.add([Quad(place, where[0], geometry, VIEW), Quad(geometry, where[1], point, VIEW)])
    svg = drawn_map(Gathering(store, Prover(store, rulebook()))).decode()
    check_apart(svg)
    circles = sum(1 for _ in parsed(svg).iter(f"{SVG}circle"))
    assert circles >= 156, "every place has its spot"
    assert "names find no room" in texts(svg)


@given(st.text("0123456789-:TZ+.", max_size=24))
def test_no_value_of_a_time_stops_a_timeline(text):
    from kg.drawing.timelines import _read

    found = _read(Literal(text, datatype=iri("xsd:date")))
    assert found is None or found[0] in {"date", "day", "time"}


def test_words_in_a_proof_and_on_a_timeline_do_not_cover_each_other(svgs):
    check_apart(svgs["proof"])
    check_apart(svgs["timeline"])


def test_words_in_a_graph_do_not_cover_each_other(svgs):
    for kind in ("turkey", "agreement", "answer", "whole"):
        check_apart(svgs[kind])


def check_apart(svg: str) -> None:
    """Check that no line of text runs into another; the widths are rather too wide than too narrow."""
    boxes = []
    for text in parsed(svg).iter(f"{SVG}text"):
        size = float(text.get("font-size"))
        wide = width(text.text, size) * 0.95
        x = float(text.get("x")) + {"start": wide / 2, "middle": 0, "end": -wide / 2}[text.get("text-anchor")]
        boxes.append((text.text, Box(wide, size * 0.8, x, float(text.get("y")) - size * 0.3)))
    assert [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)] == []


def test_a_timeline_makes_up_no_date(svgs):
    written = texts(svgs["timeline"])
    assert "from 15 March; end not stated" in written
    assert "the year is not stated" in written
    assert "from 00:00; end not stated" in written
    assert "from 2012-05-07; end not stated" in written
    years = set(
        re.findall(r"\b(?:19|20)\d\d\b", written.replace("Additional Protocol (Moscow, 5 Mar 2020)", ""))
    )
    assert years == {"2012", "2013"}, "the ends of the axis around the one date that is stated"


def test_what_has_an_order_only_stands_in_that_order(svgs):
    root = parsed(svgs["timeline"])
    across = {}
    for part in root.iter(f"{SVG}g"):
        rect, lines = part.find(f"{SVG}rect"), [text.text for text in part.iter(f"{SVG}text")]
        if rect is not None:
            across[" ".join(lines)] = float(rect.get("x"))
    attempt = across["Putin's attempt to reduce the pressure on Erdogan"]
    meeting = across["meeting of Putin and Erdogan in Moscow"]
    assert attempt < meeting < across["Additional Protocol (Moscow, 5 Mar 2020)"]
    assert across["Turkish deaths in Idlib"] < across["souring between Putin and Erdogan"]
    assert "In this order; no date is stated unless one is given above" in texts(svgs["timeline"])


TIMES = {
    "2020": "gYear",
    "2020-03": "gYearMonth",
    "2020-03-05": "date",
    "2019-12-31T23:59:59Z": "dateTime",
    "-0044-03-15": "date",
    "--02-29": "gMonthDay",
    "13:30:00": "time",
}


def test_every_datatype_of_time_finds_its_scale():
    store = build()
    told = [(f"id:event-{n}", "parley:begin", *time) for n, time in enumerate(TIMES.items())]
    for thing, verb, text, datatype in [*told, ("id:event-2", "parley:end", "2020-04-01", "date")]:
        value = Literal(text, datatype=iri(f"xsd:{datatype}"))
        store.add(Quad(iri(thing), iri(verb), value, graph) for graph in (VIEW, REFERENCE))
    svg = drawn_timeline(Gathering(store, Prover(store, rulebook()))).decode()
    check_harmless(svg)
    written = texts(svg)
    check_apart(svg)
    assert "id:event-5" in written
    assert "from 2020 (day not stated); end not stated" in written
    assert "from 29 February; end not stated" in written
    assert "from 13:30; end not stated" in written
    assert "from 2020-03-05; end 2020-04-01" in written
    assert "from -0044-03-15; end not stated" in written


def test_a_proof_tree_names_every_rule_and_quotes_every_sentence(gathering, svgs):
    proof = explanation(gathering, "id:russia", "parley:backsOpponentOf", "id:turkey").proofs[0]
    written = texts(svgs["proof"])
    leaves = list(proof.leaves())
    assert proof.steps > 5
    assert all(claim.quote in written for leaf in leaves for claim in leaf.claims[:1])
    rules = set(re.findall(r"\b[a-z]{2,3}-[a-z0-9]+(?=:)", written))
    assert {"prp-spo2", "prp-inv2"} <= rules
    dashed = [r for r in parsed(svgs["proof"]).iter(f"{SVG}rect") if r.get("stroke-dasharray")]
    assert len(dashed) == proof.steps + 1, "each step, and one in the legend"


def test_a_proof_that_is_too_large_to_be_read_is_refused_with_the_limit():
    place, within = [iri(f"id:place-{n}") for n in range(200)], iri("parley:isLocatedIn")
    steps = tuple(Proof(Triple(a, within, b), reference=True) for a, b in pairwise(place))
    rule = Rule(("prp-trp",), (place[0], within, place[-1]), ())
    whole = Proof(Triple(place[0], within, place[-1]), rule=rule, premises=steps)
    with pytest.raises(LimitReached, match="more than 150 boxes"):
        drawn_proof(Explanation(whole.triple, (whole,)))


@pytest.mark.parametrize(
    "label", ["Реджеп Тайип Эрдоган", "رجب طيب أردوغان", "Sınır Ötesi Güvenlik", "A" * 400]
)
def test_labels_of_any_script_and_length_survive(label):
    store = build()
    store.update(f"DELETE WHERE {{ GRAPH {VIEW} {{ {iri('id:turkey')} {iri('rdfs:label')} ?label }} }}")
    store.add([Quad(iri("id:turkey"), iri("rdfs:label"), Literal(label, language="en"), VIEW)])
    svg = drawn(Gathering(store, Prover(store, rulebook())).around(iri("id:turkey"))).decode()
    check_harmless(svg)
    check_apart(svg)
    assert label[:60] in svg


def test_a_renderer_accepts_every_picture(svgs):
    import vl_convert

    for svg in svgs.values():
        assert vl_convert.svg_to_png(svg).startswith(b"\x89PNG")


SIZES = st.tuples(st.integers(20, 200), st.integers(15, 90))


@given(st.lists(SIZES, min_size=1, max_size=9), st.data())
def test_no_two_boxes_overlap_whatever_the_graph(sizes, data):
    pairs = list(combinations(range(len(sizes)), 2))
    chosen = data.draw(st.lists(st.sampled_from(pairs), max_size=14, unique=True)) if pairs else []
    labels = {pair: [Box(*data.draw(SIZES)) for _ in range(data.draw(st.integers(1, 2)))] for pair in chosen}
    boxes = [Box(*size) for size in sizes]
    across, down = arrange(boxes, labels)
    members = [*boxes, *(label for found in labels.values() for label in found)]
    assert not [True for one, other in combinations(members, 2) if one.overlaps(other)]
    assert all(box.left >= -0.01 and box.left + box.width <= across + 0.01 for box in members)
    assert all(box.top >= -0.01 and box.top + box.height <= down + 0.01 for box in members)


@pytest.mark.parametrize("letter", ["x", "中", "\u0301"])
def test_a_megabyte_without_a_space_is_wrapped_and_balanced(letter: str):
    """That this ends is the claim: with more than one pass over the text for each line it would not."""
    text = letter * 1_000_000
    for lines in (wrapped(text, 12, 200), balanced(text, 12, 200), balanced(text, 12, 200, 4)):
        assert text.startswith("".join(lines).rstrip("…"))


@given(st.text(max_size=80), st.integers(40, 200))
def test_wrapping_loses_no_word_and_keeps_every_line_narrow(words, most):
    lines = wrapped(words, 12, most)
    assert "".join("".join(lines).split()) == "".join(shown(words).split())
    assert all(width(line, 12) <= most or len(line) == 1 for line in lines)
    assert all(line.isprintable() for line in lines)
    even = balanced(words, 12, most)
    assert len(even) == len(lines)
    assert "".join("".join(even).split()) == "".join("".join(lines).split())
