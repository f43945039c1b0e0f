"""A generator of articles: as many claims as are wanted, in the form of the seeds, for measuring.

The articles tell of made-up conflicts. Each conflict has states, leaders, forces, groups and places of its own,
and a dozen articles; a larger size means more conflicts, not larger ones. So no thing becomes a hub, and what
the rules derive grows in step with what is stated. The same size and seed give the same bytes.

Everything holds that the gate asks for: quotes stand at their positions (names have letters outside ASCII, so
that positions are not byte offsets), fingerprints are those of the texts, which the file brings with it, no fact
is without a claim, and nothing clashes. About one claim in nine is someone else's word and stays out of the view.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from pyoxigraph import NamedNode, RdfFormat, parse, serialize

from kg.terms import PREFIXES, iri

Value: TypeAlias = (
    "str | int | tuple[str, str]"  # compact IRI, whole number, or text with its language or datatype
)
Fact: TypeAlias = tuple[str, str, Value]

Scene: TypeAlias = "Callable[[_Article], None]"

_ARTICLES_A_CONFLICT: Final = 12
_TRIPLES_A_CONFLICT: Final = 1_550  # hardly ever more
_STRANGE: Final = 4_000_000  # a conflict further than any base reaches
_SYLLABLES: Final = [c + v for c in "bdfgklmnprstvzçğşř" for v in ("a", "e", "i", "o", "u", "ö")]
_TIME: Final = ("2026-01-01T00:00:00Z", "xsd:dateTime")


def write_articles(path: Path, triples: int, seed: int = 0) -> int:
    """Write articles as N-Quads and return how many quads they are: ``triples``, to within half an article."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for article in articles(triples, seed):
            file.writelines(article)
            written += len(article)
    return written


def articles(triples: int, seed: int = 0) -> Iterator[list[str]]:
    """Yield articles, each as its lines of N-Quads, until their number comes nearest to ``triples``."""
    made = 0
    for number in itertools.count():
        if number % _ARTICLES_A_CONFLICT == 0:
            conflict = _conflict(number // _ARTICLES_A_CONFLICT)
            named: set[str] = set()
        rng = random.Random(f"{seed} {number}")
        lines = _Article(f"bench-{number}", conflict, named, rng, _told_in_full(rng)).lines
        if made + len(lines) / 2 > triples:
            return
        made += len(lines)
        yield lines


def write_new_articles(folder: Path, count: int, triples: int) -> list[Path]:
    """Write articles that a base of ``triples`` triples lacks but whose things it knows; return their files.

    Each is a TriG file of about a hundred triples in a folder of its own, with its text beside it. Their conflicts
    are spread over all those of the base. The same numbers give the same statements.
    """
    conflicts = max(triples // _TRIPLES_A_CONFLICT, 1)
    files = []
    for number in range(count):
        rng = random.Random(f"new {number}")
        conflict = _conflict(number * conflicts // count)
        article = _Article(f"new-{number}", conflict, set(), rng, _told_in_short(rng))
        files.append(_hand_in(article, folder / f"{number:04}"))
    return files


def casts_of(triples: int, count: int) -> Iterator[list[NamedNode]]:
    """Yield what ``count`` conflicts speak of, which are spread over a base of ``triples`` triples."""
    conflicts = max(triples // _TRIPLES_A_CONFLICT, 1)
    for number in range(count):
        yield [iri(name) for name in _conflict(number * conflicts // count).names]


def things_of(triples: int, count: int) -> Iterator[NamedNode]:
    """Yield things of a base of ``triples`` triples, one from each of ``count`` conflicts spread over it."""
    for number, cast in enumerate(casts_of(triples, count)):
        yield cast[number % len(cast)]


def write_strange_article(folder: Path) -> Path:
    """Write an article of the same size about a conflict that no base knows; return its file."""
    rng = random.Random("strange")
    return _hand_in(_Article("strange", _conflict(_STRANGE), set(), rng, (_setting, _fighting)), folder)


def _hand_in(article: _Article, folder: Path) -> Path:
    """Write an article as an analyst would: the claims in TriG, the text as a file beside it."""
    folder.mkdir(parents=True)
    folder.joinpath("article.txt").write_bytes(article.text.encode())
    quads = parse("".join(article.lines), RdfFormat.N_QUADS)
    claims = [quad for quad in quads if quad.predicate != iri("schema:text")]
    claims.sort(key=lambda quad: str(quad.graph_name))
    serialize(claims, str(folder / "article.trig"), format=RdfFormat.TRIG, prefixes=dict(PREFIXES))
    return folder / "article.trig"


def _told_in_full(rng: random.Random) -> list[Scene]:
    return [_setting, *_told_in_short(rng)]


def _told_in_short(rng: random.Random) -> list[Scene]:
    return [rng.choice((_talks, _fighting)), rng.choice((_backers, _ground))]


@dataclass(frozen=True, slots=True)
class _State:
    """A state with those who act for it; all are compact IRIs."""

    state: str
    territory: str
    leader: str
    office: str
    army: str
    air_force: str


@dataclass(frozen=True, slots=True)
class _Conflict:
    """The things that a dozen articles speak of, and what they are called."""

    host: _State
    neighbour: _State
    ally: _State
    groups: tuple[str, str]
    rebels: str
    provinces: tuple[str, str]
    cities: tuple[str, str, str]
    road: str
    names: dict[str, str]


def _name(number: int) -> str:
    """Return a name of four syllables, another one for each number below a hundred million."""
    size = len(_SYLLABLES)
    # a step without a common divisor with the number of names scatters neighbouring numbers
    number = number * 7_368_787 % size**4
    return "".join(_SYLLABLES[number // size**place % size] for place in range(4)).capitalize()


def _conflict(number: int) -> _Conflict:
    words = (_name(number * 20 + place) for place in itertools.count())
    names: dict[str, str] = {}

    def thing(kind: str, name: str) -> str:
        term = f"id:{kind}-{number}-{len(names)}"
        names[term] = name
        return term

    def state() -> _State:
        word = next(words)
        return _State(
            thing("state", word),
            thing("territory", f"territory of {word}"),
            thing("leader", f"{next(words)} {next(words)}"),
            thing("office", f"President of {word}"),
            thing("army", f"army of {word}"),
            thing("air-force", f"air force of {word}"),
        )

    host, neighbour, ally = state(), state(), state()
    return _Conflict(
        host,
        neighbour,
        ally,
        (thing("group", f"{next(words)} Brigade"), thing("group", f"{next(words)} Front")),
        thing("rebels", f"rebels of {next(words)}"),
        (thing("province", next(words)), thing("province", next(words))),
        (thing("city", next(words)), thing("city", next(words)), thing("city", next(words))),
        thing("road", f"{next(words)} motorway"),
        names,
    )


class _Article:
    """One article: a source with its text, and the claims taken from it, as lines of N-Quads."""

    def __init__(
        self, slug: str, conflict: _Conflict, named: set[str], rng: random.Random, scenes: Iterable[Scene]
    ) -> None:
        self.slug = slug
        self.source = f"source:{self.slug}"
        self.world = conflict
        self.named = named
        self.rng = rng
        self.text = ""
        self.claims = 0
        self.lines: list[str] = []
        for scene in scenes:
            scene(self)
        self._about(self.source, "rdf:type", "parley:Source")
        self._about(self.source, "dcterms:language", ("en", "xsd:string"))
        self._about(self.source, "schema:text", (self.text, "xsd:string"))
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        self._about(self.source, "schema:sha256", (digest, "xsd:string"))

    def thing(self, kind: str, label: str) -> str:
        """Make a new thing of this article, with its label among the reference data."""
        term = f"id:{kind}-{self.slug}-{len(self.lines)}"
        self._line(term, "rdfs:label", (label, "en"), "graph:reference")
        return term

    def name(self, term: str) -> str:
        """Return what a thing of the conflict is called; the first article that names it brings its label."""
        label = self.world.names[term]
        if term not in self.named:
            self.named.add(term)
            self._line(term, "rdfs:label", (label, "en"), "graph:reference")
        return label

    def say(self, words: str, *facts: Fact, speaker: str = "", before: str = "") -> str:
        """Add a sentence and the claim that rests on ``words`` in it; return the claim."""
        self.claims += 1
        claim = f"claim:{self.slug}/{self.claims}"
        self.text += before
        start = len(self.text)
        self.text += words
        self._about(claim, "rdf:type", "parley:Claim")
        self._about(claim, "prov:hadPrimarySource", self.source)
        self._about(claim, "prov:wasAttributedTo", speaker or self.source)
        self._about(claim, "prov:generatedAtTime", _TIME)
        self._about(claim, "oa:exact", (words, "xsd:string"))
        self._about(claim, "oa:start", start)
        self._about(claim, "oa:end", len(self.text))
        self.text += ".\n"
        for fact in facts:
            self._line(*fact, claim)
        return claim

    def _about(self, subject: str, predicate: str, value: Value) -> None:
        self._line(subject, predicate, value, "graph:claims")

    def _line(self, subject: str, predicate: str, value: Value, graph: str) -> None:
        self.lines.append(f"{_iri(subject)} {_iri(predicate)} {_term(value)} {_iri(graph)} .\n")


@lru_cache(maxsize=4096)
def _iri(curie: str) -> str:
    return str(iri(curie))


def _term(value: Value) -> str:
    if isinstance(value, str):
        return _iri(value)
    if isinstance(value, int):
        return f'"{value}"^^<{PREFIXES["xsd"]}integer>'
    words, kind = value
    quoted = json.dumps(words, ensure_ascii=False)  # N-Quads escapes what these texts contain as JSON does
    if ":" not in kind:
        return f"{quoted}@{kind}"
    return quoted if kind == "xsd:string" else f"{quoted}^^{_iri(kind)}"


def _setting(article: _Article) -> None:
    """Say where it happens, and who leads whom."""
    world, name, rng = article.world, article.name, article.rng
    province, city = rng.choice(world.provinces), rng.choice(world.cities)
    host = world.host
    article.say(
        f"The city of {name(city)} lies in the province of {name(province)} in {name(host.state)}",
        (city, "rdf:type", "parley:City"),
        (city, "parley:isLocatedIn", province),
        (province, "rdf:type", "parley:Province"),
        (province, "parley:isLocatedIn", host.territory),
        (host.territory, "parley:isTerritoryOf", host.state),
    )
    name(host.territory)
    side = rng.choice((world.host, world.neighbour, world.ally))
    article.say(
        f"{name(side.leader)} is president of {name(side.state)}",
        (f"{side.leader}-tenure", "rdf:type", "parley:Tenure"),
        (f"{side.leader}-tenure", "parley:hasHolder", side.leader),
        (f"{side.leader}-tenure", "parley:isTenureOf", side.office),
        (side.office, "rdf:type", "parley:HeadOfStateOffice"),
        (side.office, "parley:isLeadingOfficeOf", side.state),
        before="Since the last election, ",
    )
    name(side.office)


def _talks(article: _Article) -> None:
    """Let two leaders meet and agree on a truce and a corridor."""
    world, name, rng = article.world, article.name, article.rng
    one, other = rng.sample((world.host, world.neighbour, world.ally), 2)
    province, city = rng.choice(world.provinces), rng.choice(world.cities)
    day = f"{rng.randint(2012, 2025)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    leaders = f"{name(one.leader)} and {name(other.leader)}"
    agreement = article.thing("agreement", f"agreement on {name(province)}, {day}")
    meeting = article.thing("meeting", f"meeting in {name(city)}, {day}")
    truce = article.thing("truce", f"truce in {name(province)}, {day}")
    corridor = article.thing("corridor", f"corridor along the {name(world.road)}, {day}")
    article.say(
        f"{leaders} met in {name(city)} on {day}",
        (meeting, "rdf:type", "parley:Meeting"),
        (meeting, "parley:hasParticipant", one.leader),
        (meeting, "parley:hasParticipant", other.leader),
        (meeting, "parley:takesPlaceIn", city),
        (meeting, "parley:begin", (day, "xsd:date")),
        (meeting, "parley:isBefore", agreement),
    )
    article.say(
        f"{leaders} agreed on a truce in {name(province)}",
        (agreement, "rdf:type", "parley:Agreement"),
        (agreement, "parley:isReachedBy", one.leader),
        (agreement, "parley:isReachedBy", other.leader),
        (agreement, "parley:hasParty", one.state),
        (agreement, "parley:hasParty", other.state),
        (one.state, "rdf:type", "parley:State"),
        (other.state, "rdf:type", "parley:State"),
        (agreement, "parley:hasProvision", truce),
        (truce, "rdf:type", "parley:CeasefireProvision"),
        (truce, "parley:appliesIn", province),
        before="There, ",
    )
    width = rng.randint(2, 20)
    article.say(
        f"a corridor will reach {width} kilometres to each side of the {name(world.road)}",
        (agreement, "parley:hasProvision", f"{corridor}-provision"),
        (f"{corridor}-provision", "rdf:type", "parley:CorridorProvision"),
        (f"{corridor}-provision", "parley:establishes", corridor),
        (corridor, "parley:follows", world.road),
        (corridor, "parley:hasWidthOnEachSide", f"{corridor}/width"),
        (f"{corridor}/width", "parley:numericValue", width),
        (f"{corridor}/width", "parley:hasUnit", "parley:kilometre"),
        before="In the same text it says that ",
    )
    _judgement(article, truce, rng.choice((one, other)).leader)


def _judgement(article: _Article, truce: str, leader: str) -> None:
    judgement = article.thing("judgement", f"success for {article.name(leader)}")
    article.say(
        f"the truce is a success for {article.name(leader)}",
        (judgement, "rdf:type", "parley:Judgement"),
        (judgement, "parley:isJudgedBy", article.source),
        (judgement, "parley:favours", leader),
        (judgement, "parley:concerns", truce),
        (judgement, "parley:content", ("a success", "en")),
        before="Though it may not last, ",
    )


def _fighting(article: _Article) -> None:
    """Tell of an attack, its dead, the answer to it, and what a leader says of it."""
    world, name, rng = article.world, article.name, article.rng
    group, city = rng.choice(world.groups), rng.choice(world.cities)
    attacker = world.host.air_force
    attack = article.thing("attack", f"bombing of the {name(group)}")
    count = article.thing("deaths", f"deaths in the bombing of the {name(group)}")
    answer = article.thing("retaliation", f"retaliation of the {name(group)}")
    dead = rng.randint(3, 90)
    article.say(
        f"the {name(attacker)} bombed the {name(group)} in {name(city)}",
        (attack, "rdf:type", "parley:Bombing"),
        (attack, "parley:hasPerpetrator", attacker),
        (attack, "parley:hasTarget", group),
        (attack, "parley:takesPlaceIn", city),
        (group, "rdf:type", "parley:ArmedGroup"),
        (attacker, "parley:isForceOf", world.host.state),
        before="At night ",
    )
    exact = rng.random() < 0.5
    wording = f"{dead}" if exact else f"at least {dead}"
    article.say(
        f"{wording} of its fighters were killed",
        (count, "rdf:type", "parley:DeathCount"),
        (count, "parley:exactCount" if exact else "parley:leastCount", dead),
        (count, "parley:countWording", (wording, "en")),
        (count, "parley:hasVictimsFrom", group),
        (count, "parley:resultsFrom", attack),
        before="According to its hospital ",
    )
    article.say(
        f"the {name(group)} shelled the {name(world.host.army)}",
        (answer, "rdf:type", "parley:Retaliation"),
        (answer, "parley:hasPerpetrator", group),
        (answer, "parley:hasTarget", world.host.army),
        (answer, "parley:isInResponseTo", attack),
        (world.host.army, "parley:isForceOf", world.host.state),
        before="In revenge ",
    )
    _statement(article, attack)


def _statement(article: _Article, attack: str) -> None:
    """Give a leader's word: the article reports that it was said, the content stays the leader's."""
    leader = article.world.host.leader
    said = article.say(
        "the pilots did not know whom they hit",
        (attack, "rdf:type", "parley:Bombing"),
        (attack, "parley:knowingly", ("false", "xsd:boolean")),
        speaker=leader,
        before=f"{article.name(leader)}: ",
    )
    statement = article.thing("statement", f"what {article.name(leader)} said of the bombing")
    article.say(
        f"{article.name(leader)} spoke of the bombing",
        (statement, "rdf:type", "parley:Statement"),
        (statement, "parley:hasSpeaker", leader),
        (statement, "parley:asserts", said),
        (statement, "parley:isAfter", attack),
    )


def _backers(article: _Article) -> None:
    """Say who supports whom, and who fights whom."""
    world, name, rng = article.world, article.name, article.rng
    group = rng.choice(world.groups)
    helper = world.neighbour
    support = article.thing("support", f"support of {name(helper.state)} for the {name(group)}")
    hostility = article.thing("hostility", f"fight of the {name(world.host.army)} against the rebels")
    air = article.thing("air-support", f"air support of {name(world.ally.state)}")
    article.say(
        f"{name(helper.state)} supports the {name(group)}",
        (support, "rdf:type", "parley:Support"),
        (support, "parley:hasSupporter", rng.choice((helper.state, helper.leader))),
        (support, "parley:hasRecipient", group),
        (group, "parley:isPartOfForce", world.rebels),
        before="For years ",
    )
    article.say(
        f"the {name(world.host.army)} fights the {name(world.rebels)}",
        (hostility, "rdf:type", "parley:Hostility"),
        (hostility, "parley:hasHostileSide", world.host.army),
        (hostility, "parley:hasOpponent", rng.choice((group, world.rebels))),
        (world.host.army, "parley:isForceOf", world.host.state),
        (world.rebels, "rdf:type", "parley:ArmedCollective"),
        before="On the ground ",
    )
    article.say(
        f"the {name(world.ally.air_force)} flies for {name(world.host.leader)}",
        (air, "rdf:type", "parley:AirSupport"),
        (air, "parley:hasSupporter", world.ally.air_force),
        (air, "parley:hasRecipient", world.host.leader),
        (world.ally.air_force, "parley:isForceOf", world.ally.state),
        before="In the air ",
    )


def _ground(article: _Article) -> None:
    """Say who is where, who holds what, and who wants it."""
    world, name, rng = article.world, article.name, article.rng
    province, city = rng.choice(world.provinces), rng.choice(world.cities)
    army = world.neighbour.army
    presence = article.thing("presence", f"presence in {name(city)}")
    control = article.thing("control", f"control of {name(province)}")
    intention = article.thing("intention", f"intention to take {name(province)}")
    article.say(
        f"troops of the {name(army)} stand in {name(city)}",
        (presence, "rdf:type", "parley:Presence"),
        (presence, "parley:hasPresentForce", army),
        (presence, "parley:takesPlaceIn", city),
        (army, "parley:isForceOf", world.neighbour.state),
        before="Meanwhile ",
    )
    article.say(
        f"the {name(world.rebels)} hold {name(province)}",
        (control, "rdf:type", "parley:Control"),
        (control, "parley:hasController", world.rebels),
        (control, "parley:hasControlledTerritory", province),
        before="So far ",
    )
    article.say(
        f"{name(world.host.leader)} wants to retake {name(province)}",
        (intention, "rdf:type", "parley:Intention"),
        (intention, "parley:hasAgent", world.host.leader),
        (intention, "parley:concerns", province),
        (intention, "parley:content", ("to retake the province", "en")),
        before="But ",
    )
