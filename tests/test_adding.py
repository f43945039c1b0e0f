"""Facts are added and withdrawn whole, a base says what would happen before it does, and copies are bases too."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Quad, RdfFormat

import kg
from kg.bases.writing import reading
from kg.errors import StoreError, UnknownName, UsageError
from kg.gate.submissions import Framing
from kg.outside.proposals import Document
from kg.repository import Base, open_base, rebuild
from kg.terms import PREFIXES, STATE, VIEW

HEADER = "".join(f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in PREFIXES)
ACCORD = "id:accord a parley:Agreement ; parley:hasParty id:turkey, id:{} ."
QUOTES = [
    "Russia and Turkey Agree",
    "Turkish colleague Tayyip Erdogan",
    "Russia and Turkey Agree on A Ceasefire in Syria",
]


def document(text: str) -> Document:
    return Document("facts.ttl", (HEADER + text).encode(), RdfFormat.TURTLE)


def framing(quote: str = QUOTES[0], **more: str) -> Framing:
    return Framing(source="idlib-ceasefire", quote=quote, **more)


def content(folder: Path) -> set[Quad]:
    """All that a base on disk holds, but for where its store stands."""
    with reading(folder) as store:
        return {quad for quad in store.quads() if quad.graph_name != STATE}


def view(folder: Path) -> set[Quad]:
    return {quad for quad in content(folder) if quad.graph_name == VIEW}


@pytest.fixture
def base(made: Path, tmp_path: Path) -> Base:
    open_base(made).backup(tmp_path / "base")
    return open_base(tmp_path / "base")


def test_checking_changes_nothing(base: Base, tmp_path: Path):
    before = content(tmp_path / "base")
    log = (tmp_path / "base/journal/log").read_bytes()
    assert base.check(document(ACCORD.format("russia"))).added == 3
    assert content(tmp_path / "base") == before
    assert (tmp_path / "base/journal/log").read_bytes() == log


def test_what_is_added_holds_and_can_be_asked(base: Base):
    verdict = base.add(document(ACCORD.format("russia")), framing=framing())
    assert verdict.committed
    assert verdict.outcome == "committed"
    assert {row[0].value.rpartition("/")[2] for row in base.ask("parties", agreement="id:accord")} == {
        "russia",
        "turkey",
    }


def test_adding_the_same_again_changes_nothing(base: Base, tmp_path: Path):
    base.add(document(ACCORD.format("russia")), framing=framing())
    before = content(tmp_path / "base")
    verdict = base.add(document(ACCORD.format("russia")), framing=framing())
    assert verdict.outcome == "unchanged"
    assert content(tmp_path / "base") == before


def test_what_is_refused_leaves_no_trace(base: Base, tmp_path: Path):
    before = content(tmp_path / "base")
    log = (tmp_path / "base/journal/log").read_bytes()
    verdict = base.add(
        document("id:accord a parley:Agreement ; parley:hasParty id:turkey ."), framing=framing()
    )
    assert verdict.refused
    assert not verdict.committed
    assert content(tmp_path / "base") == before
    assert (tmp_path / "base/journal/log").read_bytes() == log


def test_a_warning_refuses_when_asked_to(base: Base):
    text = "id:p a parley:CeasefireProvision ; parley:content 'no more fighting'@en ."
    assert base.add(document(text), framing=framing(), strict=True).refused
    assert base.add(document(text), framing=framing()).committed


def test_a_withdrawn_claim_stays_on_record_with_time_and_reason(base: Base, tmp_path: Path):
    before = view(tmp_path / "base")
    (claim,) = base.add(document(ACCORD.format("russia")), framing=framing()).claims
    verdict = base.retract(claim.value, reason="a mistake of ours")
    assert verdict.withdrawn == (claim,)
    assert verdict.removed == 3
    assert view(tmp_path / "base") == before
    (kept,) = (one for one in base.claims() if one.iri == claim)
    assert kept.withdrawn
    with reading(tmp_path / "base") as store:
        assert any(getattr(quad.object, "value", "") == "a mistake of ours" for quad in store.quads(claim))
        assert len(list(store.quads(graph=claim))) == 3


def test_what_another_claim_says_as_well_stays(base: Base):
    (first,) = base.add(document(ACCORD.format("russia")), framing=framing()).claims
    base.add(document(ACCORD.format("russia")), framing=framing(QUOTES[1]))
    assert base.retract(first.value, reason="told twice").removed == 0
    assert len(base.ask("parties", agreement="id:accord")) == 2


def test_what_a_withdrawal_leaves_incomplete_is_told_and_refused_when_asked_to(base: Base):
    """Without the claim that names the parties, an agreement of which another claim tells has none."""
    accord = document("id:pact a parley:Agreement ; parley:hasParty id:turkey, id:syria .")
    (parties,) = base.add(accord, framing=framing()).claims
    provision = document("id:pact parley:hasProvision id:q . id:q a parley:CeasefireProvision .")
    base.add(provision, framing=framing(QUOTES[1]))
    refused = base.retract(parties.value, reason="not so", strict=True)
    assert {finding.code for finding in refused.findings} == {"agreement-parties"}
    assert len(base.ask("parties", agreement="id:pact")) == 2
    withdrawn = base.retract(parties.value, reason="not so")
    assert withdrawn.committed
    assert {finding.code for finding in withdrawn.findings} == {"agreement-parties"}
    assert {finding.code for finding in base.validate().findings} == {"agreement-parties"}


def test_all_claims_of_a_source_can_be_withdrawn(base: Base):
    verdict = base.retract(source="idlib-ceasefire", reason="the newspaper withdrew it")
    assert len(verdict.withdrawn) == 65
    assert not any(claim.accepted for claim in base.claims())


def test_unknown_claims_and_sources_are_named_with_the_nearest(base: Base):
    with pytest.raises(UnknownName, match="idlib-ceasefire/65"):
        base.retract("idlib-ceasefire/655", reason="x")
    with pytest.raises(UnknownName, match="idlib-ceasefire"):
        base.retract(source="idlib-cesefire", reason="x")


def test_plain_triples_need_a_quote_to_be_added(base: Base):
    with pytest.raises(UsageError, match="--quote"):
        base.add(document(ACCORD.format("russia")))


def test_the_built_in_base_takes_no_facts():
    with pytest.raises(UsageError, match="kg init"):
        kg.open().add(document(ACCORD.format("russia")), framing=framing())


def test_a_new_source_comes_with_its_text(base: Base, tmp_path: Path):
    text = tmp_path / "harbour.txt"
    text.write_text("Turkey and Syria sign a harbour accord.\n", encoding="utf-8")
    new = Framing(source="harbour", quote="Turkey and Syria sign a harbour accord", texts=(text,))
    verdict = base.add(
        document("id:harbour-accord a parley:Agreement ; parley:hasParty id:turkey, id:syria ."), framing=new
    )
    assert [claim.value.rpartition("claim/")[2] for claim in verdict.claims] == ["harbour/1"]
    assert {claim.source.value.rpartition("/")[2] for claim in base.claims()} == {
        "idlib-ceasefire",
        "harbour",
    }
    assert base.validate().outcome == "sound"


def test_a_backup_is_a_base(base: Base, tmp_path: Path):
    base.add(document(ACCORD.format("russia")), framing=framing())
    base.backup(tmp_path / "copy")
    assert content(tmp_path / "copy") == content(tmp_path / "base")
    with pytest.raises(StoreError, match="already"):
        base.backup(tmp_path / "copy")


def test_a_rebuilt_store_holds_the_same(base: Base, tmp_path: Path):
    (claim,) = base.add(document(ACCORD.format("russia")), framing=framing()).claims
    base.add(document(ACCORD.format("syria")), framing=framing(QUOTES[1]))
    base.retract(claim.value, reason="told twice")
    before = content(tmp_path / "base")
    rebuild(tmp_path / "base")
    assert content(tmp_path / "base") == before


STATES = ("russia", "syria", "egypt", "sudan")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(STATES), st.sampled_from(QUOTES)),
        st.tuples(st.just("retract"), st.integers(60, 75), st.just("")),
    ),
    min_size=3,
    max_size=7,
)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=steps)
def test_the_view_after_any_changes_is_the_view_built_from_nothing(made: Path, tmp_path_factory, steps):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("base") / "base"
    open_base(made).backup(folder)
    base = open_base(folder)
    for kind, what, quote in steps:
        if kind == "add":
            text = f"id:{what} a parley:State . {ACCORD.format(what)}"
            base.add(document(text), framing=framing(quote))
        else:
            known = {claim.iri.value for claim in base.claims()}
            name = f"https://w3id.org/parley/claim/idlib-ceasefire/{what}"
            if name in known:
                base.retract(name, reason="a trial")
    before = content(folder)
    rebuild(folder)
    assert content(folder) == before


def test_threads_and_processes_that_add_at_once_lose_nothing(base: Base, tmp_path: Path):
    """Eight threads and two processes, each with facts of its own."""
    program = (
        "import sys, kg\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[3])\n"
        "from tests.test_adding import document, framing\n"
        "for n in range(3):\n"
        "    kg.open(sys.argv[1]).add(document(f'id:s{sys.argv[2]}-{n} a parley:State .'), framing=framing())\n"
    )
    root = str(Path(__file__).parent.parent)
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "base"), f"p{number}", root])
        for number in range(2)
    ]

    def add(number: int) -> bool:
        text = f"id:st-{number} a parley:State ."
        return base.add(document(text), framing=framing()).committed

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(add, range(8)))
    assert [process.wait(120) for process in processes] == [0, 0]
    held = {str(quad.subject) for quad in view(tmp_path / "base")}
    wanted = {f"<{PREFIXES['id']}st-{n}>" for n in range(8)}
    wanted |= {f"<{PREFIXES['id']}sp{p}-{n}>" for p in range(2) for n in range(3)}
    assert wanted <= held


def test_a_base_that_is_open_sees_what_others_add(base: Base, tmp_path: Path):
    """The store stays open between readings, but never longer than until somebody has written."""
    before = base.things()
    assert base.check(document(ACCORD.format("russia"))).added == 3
    other = open_base(tmp_path / "base")
    other.add(document(ACCORD.format("russia")), framing=framing())
    assert len(base.things()) == len(before) + 1
    assert base.check(document(ACCORD.format("russia"))).outcome == "unchanged"
    rebuild(tmp_path / "base")
    assert len(base.things()) == len(before) + 1


def test_many_changes_in_one_session_are_each_on_record(base: Base):
    with base.writing() as session:
        verdicts = [session.add(document(f"id:st-{n} a parley:State ."), framing=framing()) for n in range(3)]
        session.retract(verdicts[0].claims[0].value, reason="a trial")
    assert [len(verdict.claims) for verdict in verdicts] == [1, 1, 1]
    held = {row[1].value.rpartition("/")[2] for row in base.things()}
    assert {"st-0", "st-1", "st-2"} & held == {"st-1", "st-2"}


def test_a_withdrawn_claim_that_is_handed_in_again_is_refused(base: Base):
    text = (
        "".join(f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in PREFIXES)
        + """
    graph:claims { <https://w3id.org/parley/claim/idlib-ceasefire/70> a parley:Claim ; oa:start 0 ; oa:end 23 ;
        oa:exact "Russia and Turkey Agree" ; prov:hadPrimarySource source:idlib-ceasefire ;
        prov:wasAttributedTo source:idlib-ceasefire . }
    <https://w3id.org/parley/claim/idlib-ceasefire/70> { id:st a parley:State . }"""
    )
    claim = Document("claim.trig", text.encode(), RdfFormat.TRIG)
    assert base.add(claim).committed
    assert base.retract("idlib-ceasefire/70", reason="a trial").committed
    (finding,) = base.add(claim).findings
    assert finding.code == "withdrawn-claim"
    assert "a trial" in finding.message


def test_what_was_withdrawn_is_no_evidence(base: Base):
    (claim,) = base.add(
        document("id:st a parley:State ; rdfs:label 'Ruritania'@en ."), framing=framing()
    ).claims
    base.add(document("id:st a parley:State ."), framing=framing(QUOTES[1]))
    base.retract(claim.value, reason="a trial")
    shown = base.show("id:st")
    assert claim not in {one.iri for fact in (*shown.stated, *shown.inferred) for one in fact.claims}
    (clash,) = base.check(document("id:st a parley:Person .")).findings
    assert claim not in {witness.claim for witness in clash.witnesses}
