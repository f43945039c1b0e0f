"""Rules applied to tables give the view and the clashes that SPARQL gives, which owlrl gives too."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse, serialize
from test_reason import (
    EX,
    HEADER,
    RULES,
    SAME,
    SETTINGS,
    WORD_RULES,
    WORDS,
    graphs,
    oracle,
    parts,
    read,
)

from kg.errors import UnsupportedConstruct
from kg.logic.reason import clashes, close, complete
from kg.logic.rules import Rule, compile_rules
from kg.logic.tabular import TableMatcher
from kg.storage.tables import Tables
from kg.terms import VIEW


def tabular(rules: Iterable[Rule], facts: Iterable[Triple]) -> tuple[set[Triple], set[Any]]:
    """Return the view and the clashes that tables give."""
    rules = list(rules)
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder) / "facts.nq"
        serialize((Quad(*fact) for fact in facts), str(spool), format=RdfFormat.N_QUADS)
        tables = Tables(Path(folder))
        tables.read(spool)
        tables.run("INSERT INTO triple SELECT DISTINCT s, p, o FROM quad")
        matcher = TableMatcher(tables)
        complete(matcher, rules)
        found = {quad.triple for quad in tables.quads("SELECT s, p, o, p AS g FROM triple")}
        assert len(found) == tables.run("SELECT count(*) FROM triple")[0][0], "no triple comes twice"
        broken = {(rule, frozenset(sides.items())) for rule, sides in matcher.clashes(rules)}
        tables.close()
    return found, broken


def by_sparql(rules: Iterable[Rule], facts: Iterable[Triple]) -> tuple[set[Triple], set[Any]]:
    rules, store = list(rules), Store()
    store.extend(Quad(fact.subject, fact.predicate, fact.object, VIEW) for fact in facts)
    close(store, rules)
    found = {quad.triple for quad in store}
    return found, {(rule, frozenset(sides.items())) for rule, sides in clashes(store, rules)}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_gives_on_tables_what_it_gives_by_sparql(name: str) -> None:
    ontology, facts, _ = parts(name)
    rules = compile_rules(ontology)
    assert tabular(rules, facts) == by_sparql(rules, facts)


THINGS = [NamedNode(f"{EX}i{number}") for number in range(1, 6)]


@settings(SETTINGS, max_examples=30)
@given(graphs(WORDS, WORD_RULES, THINGS, 14), st.data())
def test_any_graph_closes_on_tables_as_by_sparql_and_as_owlrl_closes_it(
    facts: list[Triple], data: st.DataObject
) -> None:
    pair = st.tuples(st.sampled_from(THINGS), st.just(SAME), st.sampled_from(THINGS)).filter(
        lambda said: said[0] != said[2]
    )
    facts += [Triple(*said) for said in data.draw(st.lists(pair, max_size=2))]
    found = tabular(WORD_RULES, facts)
    assert found == by_sparql(WORD_RULES, facts)
    theirs, errors = oracle(WORDS, facts)
    assert (found[0], bool(found[1])) == (theirs, bool(errors))


COMPUTING = (
    HEADER
    + """
@prefix sh: <http://www.w3.org/ns/shacl#> .
:n a owl:DatatypeProperty . :double a owl:DatatypeProperty . :p a owl:ObjectProperty . :q a owl:ObjectProperty .
:Twice a sh:SPARQLRule ; sh:construct '''CONSTRUCT { ?X <https://example.org/double> ?y }
    WHERE { ?X <https://example.org/n> ?x BIND(?x * 2 AS ?y) FILTER(?x > 1) }''' .
:Coined a sh:SPARQLRule ; sh:construct '''CONSTRUCT { ?x <https://example.org/q> ?new }
    WHERE { ?x <https://example.org/p> ?y FILTER(?x != ?y) BIND(IRI(CONCAT(STR(?y), "/of")) AS ?new) }''' .
:Apart a sh:SPARQLRule ; sh:construct '''CONSTRUCT { ?x <https://example.org/p> ?x }
    WHERE { ?x <https://example.org/n> ?v . ?x <https://example.org/n> ?w FILTER(?v != ?w) }''' .
"""
)
NUMBERS = [
    Literal("1"),
    *(
        Literal(text, datatype=NamedNode(f"http://www.w3.org/2001/XMLSchema#{kind}"))
        for text, kind in [
            ("1", "integer"),
            ("01", "integer"),
            ("1.0", "decimal"),
            ("2.50", "decimal"),
            ("3", "int"),
            ("NaN", "double"),
            ("x", "integer"),
        ]
    ),
]


@settings(SETTINGS, max_examples=60)
@given(st.data())
def test_conditions_mean_on_tables_what_they_mean_in_sparql(data: st.DataObject) -> None:
    """Values are compared as values, whatever their form; what cannot be computed derives nothing."""
    rules = compile_rules(read(COMPUTING))
    thing = st.sampled_from(THINGS)
    valued = st.tuples(thing, st.just(NamedNode(f"{EX}n")), st.sampled_from(NUMBERS))
    related = st.tuples(thing, st.just(NamedNode(f"{EX}p")), thing)
    facts = [Triple(*said) for said in data.draw(st.lists(st.one_of(valued, related), max_size=8))]
    assert tabular(rules, facts) == by_sparql(rules, facts)


def test_a_rule_that_computes_without_end_is_stopped_on_tables_too() -> None:
    endless = compile_rules(read(COMPUTING.replace("/q>", "/p>")))
    with pytest.raises(UnsupportedConstruct, match="does not come to an end"):
        tabular(endless, read("<https://example.org/a> <https://example.org/p> <https://example.org/b> ."))


COMMON = st.sampled_from(["http://a.example/b", "https://a.example/b#c", "http://a.example"])
IRIS = st.one_of(
    *[COMMON] * 8,
    st.sampled_from(
        ["http://a.example/b#c#d", "http://a.example/%zz", "http://A.example/ü", "http://a.example/b?c"]
    ),
    st.sampled_from(["urn:x", "relative", "http://a.example/a b", "http://a.example:x/"]),
)
TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["", "a b", "إدلب", r"\n", r"\"", r"\\", r"\t", r"\u0041", r"\'"]),
    st.sampled_from(["\t", "a\r", "\x7f", "\u2028", '"', "\\"]),
)
LITERALS = st.builds(
    '"{}"{}'.format,
    TEXTS,
    st.one_of(
        st.sampled_from(
            [
                "",
                "@en",
                "@EN",
                "@en-gb",
                "@abcdefghi",
                "@en--ltr",
                "^^<http://www.w3.org/2001/XMLSchema#string>",
            ]
        ),
        st.builds("^^<{}>".format, IRIS),
    ),
)
NODES = st.builds("<{}>".format, IRIS)
TERMS_WRITTEN = st.one_of(NODES, LITERALS, st.sampled_from(["_:b", "<<( <a:a> <a:a> <a:a> )>>"]))
WRITTEN = st.one_of(
    st.builds("{} {} {} {} .".format, NODES, NODES, TERMS_WRITTEN, NODES),
    st.builds("{} {} {} .".format, NODES, NODES, TERMS_WRITTEN),
    *[st.builds("<http://a.example/a> <http://a.example/b> {} .".format, LITERALS)] * 4,
    st.builds("{}  {}\t{}.".format, NODES, NODES, TERMS_WRITTEN),
    st.sampled_from(["", "# a comment", "\ufeff", "\x01", "<http://a.example/a>"]),
)


KNOWN = """<urn:x> <http://a.example/b?c#d> "\\t"@en <http://a.example/b?c> .
_:b <http://a.example/b> <<( _:b <urn:x> "" )>> .
<urn:x> <http://a.example/b> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .
"""


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    """Yield tables that know some terms already which are not taken for certain by their looks."""
    with tempfile.TemporaryDirectory() as folder:
        made = Tables(Path(folder))
        written = serialize(parse(KNOWN, RdfFormat.N_QUADS), format=RdfFormat.N_QUADS)
        assert written
        (made.folder / "known.nq").write_bytes(written)
        assert made.read(made.folder / "known.nq") == 3
        yield made
        made.close()


def is_plain(tables: Tables, content: bytes) -> bool:
    file = tables.folder / "written.nq"
    file.write_bytes(content)
    return tables.read_plain(file) is not None


@given(lines=st.lists(WRITTEN, max_size=2), end=st.sampled_from(["\n", "\r\n", "\n\n", ""]))
@example(lines=['<http://a.example/a> <http://a.example/b> "é\\n"@en .'], end="\n")
@settings(max_examples=1_000)
def test_a_file_that_is_taken_as_it_is_has_the_bytes_that_pyoxigraph_would_write(
    tables: Tables, lines: list[str], end: str
):
    content = "".join(line + end for line in lines).encode("utf-8", "surrogatepass")
    if content and is_plain(tables, content):
        event("taken as it is")
        written = serialize(parse(content, RdfFormat.N_QUADS), format=RdfFormat.N_QUADS)
        assert written == b"".join(
            line + b"\n" for line in content.split(b"\n") if line
        )  # what is empty is passed over


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"\xef\xbb\xbf<http://a/a> <http://a/b> <http://a/c> .\n", b"\x00", b"<http://a/a> ."],
)
def test_a_file_that_is_something_else_is_not_taken_as_it_is(tables: Tables, content: bytes):
    assert not is_plain(tables, content)


def test_what_is_known_is_taken_as_it_is_only_where_a_term_of_its_kind_may_stand(tables: Tables):
    (blank,) = (text for (text,) in tables.run("SELECT text FROM term WHERE starts_with(text, '_:')"))
    assert is_plain(tables, b"<urn:x> <http://a.example/b?c#d> <urn:x> <http://a.example/b?c> .\n")
    for written in (f"{blank} <urn:x> <urn:x>", f"<urn:x> <urn:x> {blank}", '<urn:x> "\\t"@en <urn:x>'):
        assert not is_plain(tables, f"{written} .\n".encode())
    assert not is_plain(tables, b'<urn:x> <urn:x> <urn:x> "\\t"@en .\n')


def test_a_line_may_be_longer_than_what_is_read_at_once(tables: Tables):
    """Whether it is the last, the first of many, or ends the file without an end of line."""
    long, short = ("<http://a/a> <http://a/b> " + f'"{"x" * size}" .' for size in (3 << 20, 3))
    for lines in ([long], [long, short], [short, long], [short] * 20_000 + [long]):
        for end in ("\n", ""):
            assert is_plain(tables, ("\n".join(lines) + end).encode())


def test_a_file_with_a_text_in_each_script_is_taken_as_it_is(tables: Tables):
    said = '"Идлиб إدلب 😀 \\"quoted\\"\\nand more"@ar'
    assert is_plain(tables, f"<http://a/a> <http://a/b#c> {said} <https://a/d> .\n".encode())
