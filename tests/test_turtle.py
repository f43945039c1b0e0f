"""The canonical form: one text per graph, the same graph again when read, errors that lead to the place."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Triple,
    parse,
)

from kg.errors import LimitReached, Refused, UnreadableInput, UsageError
from kg.syntax.blanknodes import nesting, relabelled
from kg.syntax.turtle import canonical_trig, canonical_turtle, format_file, natural_key, read
from kg.terms import BASE, iri

EXAMPLES = Path(__file__).parent / "turtle"
EVEN = settings(derandomize=True, deadline=None, max_examples=150)

NAMES = [
    *(iri(name) for name in ("id:a", "id:a2", "id:a10", "rdf:type", "rdf:nil", "rdfs:label", "owl:Class")),
    *(iri(name) for name in ("parley:Claim", "graph:claims", "owl:Ontology", "rdf:first", "rdf:rest")),
    *(NamedNode(BASE + end) for end in ("", "claim/x/2", "claim/x/10", "claim/x/2/at", "id/a.", "id/a//b")),
    *(NamedNode(BASE + end) for end in ("id/../b", "id/./b", "id/é", "id/a:b", "a:b/c", "id/%20", "id/-a")),
    *(NamedNode(BASE + end) for end in ("id/a#b", "#x", "?q", "id/a'b", "id/a,b;c", "id/(a)", "/x", "//x/y")),
    *(NamedNode(name) for name in ("urn:x", "http://a", "http://a/\u2028", "http://a/\U00010000", "x:")),
]
HOSTILE = ['"', "'", "\\", "\n", "\r", "\t", "\0", "\x0b", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff"]
HOSTILE += ["\uffff", "\U0001f600", '"""', "'''", "#", "a", "é", "\\u0041", "<", ">", "^^", "@en", " ", "]"]

names = st.sampled_from(NAMES)
blanks = st.sampled_from([BlankNode(f"n{number}") for number in range(6)])
texts = st.lists(st.sampled_from(HOSTILE), max_size=5).map("".join) | st.text(max_size=5)
numbers = st.sampled_from(
    ["0", "-0", "+1", "01", "12", "1.0", "1.50", "-2.5", ".5", "-0.0", "1.", "true", "1e0"]
)
kinds = st.sampled_from([iri(f"xsd:{kind}") for kind in ("integer", "decimal", "boolean", "date", "double")])
literals = (
    st.builds(Literal, texts)
    | st.builds(lambda text, tag: Literal(text, language=tag), texts, st.sampled_from(["en", "tr", "en-gb"]))
    | st.builds(lambda text, kind: Literal(text, datatype=kind), numbers | texts, kinds | names)
)
triples = st.builds(Triple, names | blanks, names, names | blanks | literals)
graphs = st.lists(triples, max_size=12)
quads = st.lists(
    st.builds(lambda t, g: Quad(*t, g), triples, names | blanks | st.just(DefaultGraph())), max_size=12
)


def canonical(quads) -> Dataset:
    """Return the dataset under RDFC-1.0 by pyoxigraph: the oracle for "the same graph"."""
    dataset = Dataset(quad if isinstance(quad, Quad) else Quad(*quad) for quad in quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def disordered(quads, seed: int) -> list:
    """Return the same graph in another order, with other blank node labels."""
    fresh: dict[BlankNode, BlankNode] = {}

    def other(term):
        return fresh.setdefault(term, BlankNode()) if isinstance(term, BlankNode) else term

    changed = [type(quad)(*map(other, quad)) for quad in quads]
    random.Random(seed).shuffle(changed)  # noqa: S311 - a fixed shuffle, not a secret
    return changed


@EVEN
@given(graphs)
def test_turtle_read_back_is_the_same_graph(graph):
    text = canonical_turtle(graph)
    assert canonical(parse(text.encode(), RdfFormat.TURTLE)) == canonical(graph)


@EVEN
@given(quads)
def test_trig_read_back_is_the_same_dataset(dataset):
    text = canonical_trig(dataset)
    assert canonical(parse(text.encode(), RdfFormat.TRIG)) == canonical(dataset)


def from_rdflib(graph: rdflib.Graph) -> list[Triple]:
    """Return rdflib's triples as pyoxigraph's, term by term, without any text between."""

    def term(node):
        if isinstance(node, rdflib.Literal):
            if node.language:
                return Literal(str(node), language=node.language)
            return Literal(str(node), datatype=NamedNode(node.datatype or rdflib.XSD.string))
        return (NamedNode if isinstance(node, rdflib.URIRef) else BlankNode)(str(node))

    return [Triple(*map(term, triple)) for triple in graph]


@pytest.mark.usefixtures("literals_as_written")
@EVEN
@given(graphs)
def test_rdflib_reads_the_same_graph(graph):
    read_back = rdflib.Graph().parse(data=canonical_turtle(graph), format="turtle")
    assert canonical(from_rdflib(read_back)) == canonical(graph)


@pytest.fixture(scope="module")
def literals_as_written():
    """Keep rdflib from rewriting the literals that it reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rdflib.NORMALIZE_LITERALS", False)
        patch.setattr("rdflib.term.logger.disabled", True)  # it reports each malformed number
        with warnings.catch_warnings(action="ignore"):  # and warns of it
            yield


@EVEN
@given(quads, st.integers(0, 9))
def test_the_text_depends_on_neither_order_nor_labels(dataset, seed):
    assert canonical_trig(disordered(dataset, seed)) == canonical_trig(dataset)


@EVEN
@given(quads)
def test_formatting_a_formatted_file_changes_nothing(dataset):
    text = canonical_trig(dataset)
    assert canonical_trig(parse(text.encode(), RdfFormat.TRIG)) == text


@EVEN
@given(graphs, st.integers(0, 9))
def test_turtle_of_merged_quads_is_that_of_their_triples(graph, seed):
    spread = [Quad(*triple, NAMES[number % 3]) for number, triple in enumerate(graph)]
    assert canonical_turtle(disordered(spread, seed)) == canonical_turtle(graph)


@EVEN
@given(st.lists(st.text("ab/-0129", max_size=8)))
def test_the_natural_order_is_total(words):
    assert len({natural_key(word) for word in words}) == len(set(words))
    ordered = sorted(words, key=natural_key)
    words.reverse()
    assert sorted(words, key=natural_key) == ordered


def test_numbers_compare_as_numbers_however_long():
    assert sorted(["x10", "x9", "x" + "9" * 5000], key=natural_key) == ["x9", "x10", "x" + "9" * 5000]


@pytest.mark.parametrize("name", ["article.ttl", "claims.trig"])
def test_the_examples_have_the_form_that_is_kept_beside_them(name):
    stem, suffix = name.split(".")
    expected = EXAMPLES / f"{stem}.canonical.{suffix}"
    assert format_file(EXAMPLES / name) == expected.read_text("utf-8")
    assert format_file(expected) == expected.read_text("utf-8")


def test_a_claim_and_what_is_said_of_it_stand_together():
    text = format_file(EXAMPLES / "claims.trig")
    openings = [line for line in text.splitlines() if line.endswith(" {")]
    assert openings == [
        "graph:claims {",  # the source
        "graph:claims {",
        "<claim/idlib-2020/2> {",
        "graph:claims {",
        "<claim/idlib-2020/10> {",
        "graph:reference {",
    ]
    second = text.split("graph:claims {")[2]
    assert "<claim/idlib-2020/2/position>" in second
    assert "claim/idlib-2020/10" not in second


def test_only_used_prefixes_are_declared():
    assert canonical_turtle([]) == ""
    assert canonical_turtle([Triple(NamedNode("http://a"), NamedNode("http://b"), Literal(1))]) == (
        "<http://a> <http://b> 1 .\n"
    )


def test_no_line_of_short_terms_is_longer_than_the_page():
    wide = [Triple(iri("id:x"), iri("skos:altLabel"), Literal(f"name number {n}")) for n in range(40)]
    text = canonical_turtle(wide)
    assert max(map(len, text.splitlines())) <= 100
    assert len(text.splitlines()) == 40 + 4


@pytest.mark.parametrize(
    ("lexical", "kind", "written"),
    [
        ("12", "integer", "12"),
        ("012", "integer", '"012"^^xsd:integer'),
        ("+12", "integer", '"+12"^^xsd:integer'),
        ("-0", "integer", '"-0"^^xsd:integer'),
        ("1.5", "decimal", "1.5"),
        ("1.0", "decimal", "1.0"),
        ("1.50", "decimal", '"1.50"^^xsd:decimal'),
        ("1", "decimal", '"1"^^xsd:decimal'),
        ("true", "boolean", "true"),
        ("1", "boolean", '"1"^^xsd:boolean'),
    ],
)
def test_only_canonical_numbers_and_booleans_are_written_short(lexical, kind, written):
    text = canonical_turtle([Triple(iri("id:x"), iri("id:p"), Literal(lexical, datatype=iri(f"xsd:{kind}")))])
    assert text.splitlines()[-1] == f"id:x id:p {written} ."


def test_a_comment_after_the_head_is_refused_with_its_line(tmp_path):
    file = tmp_path / "facts.ttl"
    file.write_text('# head\n<x:a> <x:b> "# no", <x:c#d>, """ \n # no""" .\n <x:a\\u0023> <x:b> 1 . # late\n')
    with pytest.raises(UnreadableInput, match=r"facts\.ttl:4: a comment here would be lost; move it"):
        format_file(file)


def test_comments_at_the_head_are_kept(tmp_path):
    file = tmp_path / "facts.ttl"
    file.write_text("\n # one  \r\n\n\n#two\n\n<x:a> <x:b> 1 .")
    assert format_file(file) == "# one\n\n#two\n\n<x:a> <x:b> 1 .\n"
    file.write_text("# nothing else")
    assert format_file(file) == "# nothing else\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<x:a> <x:b> \n  oops .", r":2:\d+: .*oops"),
        (b"<x:a> <x:b> 'caf\xe9' .", r":1:\d+: not plain UTF-8; save the file as UTF-8"),
        (b"\xef\xbb\xbf<x:a> <x:b> 1 .", ":1:1: not plain UTF-8; save the file"),
        ("<x:a> <x:b> 1 .".encode("utf-16"), ":1:1: not plain UTF-8"),
        (b"# caf\xe9\n<x:a> <x:b> 1 .", "not plain UTF-8"),
        (b"<a> <b> 1 .", ":1:1: No scheme found"),
        (b"<x:a> <x:b> 'open", ":1:"),
    ],
)
def test_a_file_that_is_not_turtle_is_named_with_the_place(tmp_path, content, message):
    file = tmp_path / "facts.ttl"
    file.write_bytes(content)
    with pytest.raises(UnreadableInput, match=message) as caught:
        format_file(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path):
    for path in (tmp_path / "none.ttl", tmp_path):
        with pytest.raises(UnreadableInput, match=str(path)):
            list(read(path, RdfFormat.TURTLE))


def test_the_syntax_is_told_by_the_name_or_must_be_given(tmp_path):
    with pytest.raises(UnreadableInput, match=r"does not tell the syntax; use one of \.ttl"):
        list(read(tmp_path / "facts.txt"))
    with pytest.raises(UsageError, match=r"only Turtle and TriG .* name a \.ttl"):
        format_file(tmp_path / "facts.nt")
    assert len(list(read(b"<x:a> <x:b> <x:c> <x:d> .", name="facts.nq"))) == 1


def test_a_context_from_elsewhere_is_not_fetched():
    with pytest.raises(UnreadableInput, match="not fetched; write the context into the file"):
        list(read(b'{"@context": "https://schema.org/", "@id": "x:a", "name": "a"}', RdfFormat.JSON_LD))


def test_blank_nodes_of_two_files_stay_apart():
    one, two = (next(read(b"_:x <x:p> 1 .", RdfFormat.TURTLE)) for _ in range(2))
    assert one.subject != two.subject


@pytest.mark.parametrize("value", [b'"a"@en--ltr', b"<<( <x:a> <x:b> 1 )>>"])
def test_what_only_rdf_1_2_has_is_refused(value):
    with pytest.raises(Refused, match=r"only RDF 1\.2 knows; write it in RDF 1\.1"):
        canonical_turtle(read(b"<x:a> <x:b> " + value + b" .", RdfFormat.TURTLE))


def nested(depth: int) -> list[Quad]:
    return list(read(b"<x:a> <x:p> " + b"[ <x:p> " * depth + b"1" + b" ]" * depth + b" .", RdfFormat.TURTLE))


def test_deep_nesting_ends_in_labels_or_in_a_limit_never_in_a_crash():
    graph = nested(60)
    text = canonical_turtle(graph)
    assert "_:b1" in text
    assert canonical(parse(text.encode(), RdfFormat.TURTLE)) == canonical(graph)
    with pytest.raises(LimitReached, match="too many blank nodes look alike"):
        canonical_turtle(nested(5000))


def test_a_long_list_stays_a_list():
    graph = list(read(f"<x:a> <x:p> ( {' '.join(map(str, range(3000)))} ) .".encode(), RdfFormat.TURTLE))
    text = canonical_turtle(graph)
    assert "rdf:first" not in text
    assert canonical(parse(text.encode(), RdfFormat.TURTLE)) == canonical(graph)


@pytest.mark.parametrize(
    ("turtle", "inside", "labelled"),
    [
        ("<x:a> <x:p> _:n .", 1, 0),
        ("<x:a> <x:p> _:n . <x:b> <x:p> _:n .", 0, 1),
        ("_:n <x:p> 1 .", 0, 0),
        ("_:n <x:p> _:n .", 0, 1),
        ("_:n <x:p> _:m . _:m <x:p> _:n, [] .", 1, 2),
        ("<x:a> <x:p> ( 1 ( 2 ) ) .", 3, 0),
        ("<x:a> <x:p> _:n . _:m <x:p> _:m . _:n <x:p> _:m .", 1, 1),
    ],
)
def test_only_shared_and_circular_blank_nodes_need_labels(turtle, inside, labelled):
    found = nesting(parse(turtle, RdfFormat.TURTLE))
    assert (len(found.inside), len(found.labelled)) == (inside, labelled)


@EVEN
@given(quads, st.integers(0, 9))
def test_relabelling_gives_isomorphic_datasets_the_same_quads(dataset, seed):
    assert set(relabelled(disordered(dataset, seed))) == set(relabelled(dataset)) == set(canonical(dataset))
