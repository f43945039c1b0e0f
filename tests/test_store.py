"""The store answers over the graphs it is told, changes all or nothing, and says plainly why it cannot open."""

import io
import os
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kg.errors import StoreError, UnreadableInput, UsageError
from kg.storage.sparql import bare, syntax_error
from kg.storage.store import Embedded
from kg.terms import CLAIMS, REFERENCE, VIEW

A, B, P = NamedNode("urn:a"), NamedNode("urn:b"), NamedNode("urn:p")
as_superuser = os.name == "posix" and os.geteuid() == 0


def quad(subject, value, graph=VIEW):
    return Quad(subject, P, value, graph)


QUADS = [quad(A, Literal(1)), quad(B, Literal(2), CLAIMS), quad(B, Literal("x", language="tr"), REFERENCE)]


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path):
    made = Embedded() if request.param == "memory" else Embedded.create(tmp_path / "base")
    made.add(QUADS)
    yield made
    made.close()


def subjects(results):
    return sorted(row[0].value for row in results)


# Asking


def test_a_query_sees_the_view_unless_told_otherwise(store):
    text = "SELECT ?s { ?s ?p ?o }"
    assert subjects(store.query(text)) == ["urn:a"]
    assert subjects(store.query(text, graphs=(CLAIMS,))) == ["urn:b"]
    assert subjects(store.query(text, graphs=(VIEW, CLAIMS))) == ["urn:a", "urn:b"]
    assert subjects(store.query(text, graphs=())) == []


def test_graph_reaches_every_named_graph(store):
    assert subjects(store.query("SELECT ?g { GRAPH ?g { ?s ?p ?o } }")) == sorted(
        graph.value for graph in (VIEW, CLAIMS, REFERENCE)
    )


def test_from_counts_when_the_dataset_is_left_to_the_query(store):
    text = "SELECT ?s FROM <https://w3id.org/parley/graph/claims> { ?s ?p ?o }"
    assert subjects(store.query(text, graphs=None)) == ["urn:b"]
    assert subjects(store.query(text)) == ["urn:a"]


def test_quads_are_found_counted_and_looked_up(store):
    assert set(store.quads()) == set(QUADS)
    assert list(store.quads(A)) == list(store.quads(graph=VIEW)) == [QUADS[0]]
    assert list(store.quads(None, P, Literal(2))) == [QUADS[1]]
    assert store.contains(QUADS[0])
    assert not store.contains(quad(A, Literal(1), CLAIMS))
    assert (store.count(), store.count(VIEW), store.count(NamedNode("urn:none"))) == (3, 1, 0)
    assert set(store.graphs()) == {VIEW, CLAIMS, REFERENCE}


# Changing


def test_an_update_happens_whole_or_not_at_all(store):
    """The second operation fails after the first has run; nothing of either stays."""
    with pytest.raises(StoreError, match="cannot be changed"):
        store.update(
            f"DELETE WHERE {{ GRAPH <{VIEW.value}> {{ ?s ?p ?o }} }} ; CREATE GRAPH <{CLAIMS.value}>"
        )
    assert set(store.quads()) == set(QUADS)


def test_adding_from_a_source_that_fails_adds_nothing(store):
    def half():
        yield quad(NamedNode("urn:new"), Literal(1))
        raise KeyError("half")

    with pytest.raises(KeyError):
        store.add(half())
    assert set(store.quads()) == set(QUADS)


def test_filling_moves_a_graph_into_another_store(store, tmp_path):
    other = Embedded.create(tmp_path / "other")
    other.fill(store.quads(graph=REFERENCE))
    assert list(other.quads()) == [QUADS[2]]
    other.close()


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.lists(
        st.builds(
            quad,
            st.sampled_from([A, B]),
            st.text(st.characters(exclude_categories=["Cs"])).map(Literal)
            | st.integers(-(2**31), 2**31).map(Literal)
            | st.booleans().map(Literal),
            st.sampled_from([VIEW, CLAIMS]),
        ),
        max_size=20,
    )
)
def test_a_dump_loads_back_as_the_same_quads(quads):
    store, again, dumped = Embedded(), Embedded(), io.BytesIO()
    store.add(quads)
    store.dump(dumped, RdfFormat.N_QUADS)
    again.load(dumped.getvalue(), RdfFormat.N_QUADS)
    assert set(again.quads()) == set(store.quads()) == set(quads)


def test_one_graph_can_be_dumped_in_a_format_without_graphs(store):
    output = io.BytesIO()
    store.dump(output, RdfFormat.TURTLE, CLAIMS)
    assert [found.triple for found in parse(output.getvalue(), RdfFormat.TURTLE)] == [QUADS[1].triple]


# Loading


def test_a_file_loads_into_the_graph_that_is_named(store, tmp_path):
    (tmp_path / "facts.ttl").write_text("<urn:x> <urn:p> <urn:y> .")
    store.load(tmp_path / "facts.ttl", graph=REFERENCE)
    assert store.contains(Quad(NamedNode("urn:x"), P, NamedNode("urn:y"), REFERENCE))
    with (tmp_path / "facts.ttl").open("rb") as file:
        store.load(file, RdfFormat.TURTLE, graph=CLAIMS)
    assert store.count(CLAIMS) == 2


def test_blank_nodes_of_two_files_stay_apart(store):
    for _ in range(2):
        store.load(b"_:x <urn:p> <urn:y> .", RdfFormat.TURTLE, graph=NamedNode("urn:g"))
    assert store.count(NamedNode("urn:g")) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("bad.ttl", "<urn:a> <urn:p> 1 .\n<urn:a> <urn:p> .", "bad.ttl:2:17: . is not a valid RDF object"),
        ("bad.nq", '<urn:a> <urn:p> "x', "bad.nq:1:"),
        ("bad.rdf", "<a><b></a>", "bad.rdf: XML namespaces are required"),
        ("bad.jsonld", '{"@id": ', "bad.jsonld:1:"),
        ("remote.jsonld", '{"@context": "http://127.0.0.1:1/c", "a": 1}', "remote.jsonld: "),
        ("image.nt", b"\x89PNG\r\n", "image.nt:1:"),
        ("latin.nt", "<urn:a> <urn:p> 'é' .".encode("latin-1"), "latin.nt:1:"),
        ("facts.docx", "text", "facts.docx: cannot tell the RDF format"),
        ("relative.ttl", "<a> <b> <c> .", "relative.ttl:1:"),
    ],
)
def test_what_is_not_the_rdf_it_claims_to_be_is_refused_with_its_place(store, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UnreadableInput) as error:
        store.load(tmp_path / name)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert set(store.quads()) == set(QUADS)


def test_an_error_at_the_end_of_a_large_file_leaves_nothing_of_it(store):
    data = b"".join(b"<urn:n%d> <urn:p> 1 .\n" % number for number in range(100_000)) + b"<urn:n"
    with pytest.raises(UnreadableInput, match=r"many\.ttl:100001:"):
        store.load(data, RdfFormat.TURTLE, graph=VIEW, name="many.ttl")
    assert set(store.quads()) == set(QUADS)


def test_a_missing_file_is_said(store, tmp_path):
    with pytest.raises(UnreadableInput, match=r"none\.ttl: no file that can be read; check the name"):
        store.load(tmp_path / "none.ttl")


# Opening


def test_what_was_written_is_there_when_opened_again(tmp_path):
    store = Embedded.create(tmp_path / "base")
    store.add(QUADS)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.count()
    for read_only in (False, True):
        again = Embedded.open(tmp_path / "base", read_only=read_only)
        assert set(again.quads()) == set(QUADS)
        again.close()


def test_a_store_opened_for_reading_takes_no_change(tmp_path):
    Embedded.create(tmp_path / "base").close()
    store = Embedded.open(tmp_path / "base", read_only=True)
    for change in (
        lambda: store.add(QUADS),
        lambda: store.fill(QUADS),
        lambda: store.update("CLEAR ALL"),
        lambda: store.load(b"", RdfFormat.TURTLE),
    ):
        with pytest.raises(UsageError, match="opened for reading"):
            change()


def test_a_folder_without_a_base_says_how_to_make_one(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(StoreError, match=f"{folder}: no base here; make one with kg init {folder}"):
            Embedded.open(folder)
    assert not (tmp_path / "none").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_base_is_not_made_over_another(tmp_path):
    Embedded.create(tmp_path / "base").close()
    with pytest.raises(StoreError, match="there is a store already"):
        Embedded.create(tmp_path / "base")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make a store"):
        Embedded.create(tmp_path / "file" / "base")


def test_a_base_of_a_newer_version_is_refused(tmp_path):
    Embedded.create(tmp_path / "base").close()
    (tmp_path / "base" / "format").write_text("parley-base 2\n")
    with pytest.raises(StoreError, match="made by a newer Parley; upgrade"):
        Embedded.open(tmp_path / "base")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda base: (base / "format").write_text("something else"), "not a base's mark"),
        (lambda base: shutil.rmtree(base / "store"), "the folder is missing"),
        (lambda base: (base / "store" / "CURRENT").write_text("MAN"), "damaged: "),
        (lambda base: (base / "store" / "CURRENT").unlink(), "damaged: "),
    ],
)
def test_a_damaged_base_is_said_in_one_line(tmp_path, harm, said):
    Embedded.create(tmp_path / "base").close()
    harm(tmp_path / "base")
    with pytest.raises(StoreError) as error:
        Embedded.open(tmp_path / "base", read_only=True, patience=0)
    assert said in str(error.value)
    assert str(tmp_path / "base") in str(error.value)


HOLDER = """
import sys, pathlib
from kg.storage.store import Embedded
store = Embedded.open(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_base_that_another_process_writes_to_is_locked_but_readable(tmp_path):
    store = Embedded.create(tmp_path / "base")
    store.add(QUADS)
    store.close()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "base")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline().strip() == b"held"
        with pytest.raises(StoreError, match="in use by another process that writes to it; wait"):
            Embedded.open(tmp_path / "base", patience=0.1)
        assert Embedded.open(tmp_path / "base", read_only=True).count() == 3
        holder.stdin.close()
        holder.wait()
    Embedded.open(tmp_path / "base").close()


WRITER = """
import sys, pathlib
from pyoxigraph import Literal, NamedNode, Quad
from kg.storage.store import Embedded
store = Embedded.open(pathlib.Path(sys.argv[1]))
print("writing", flush=True)
for number in range(10**9):
    store.add([Quad(NamedNode(f"urn:{number}"), NamedNode("urn:p"), Literal(i)) for i in range(200)])
    if number % 5 == 0:
        store._store.flush()
"""


def test_a_busy_base_opens_for_reading_every_time(tmp_path):
    """Thirty openings beside a process that writes and flushes without pause.

    Reading on while the writer moves files away is another matter: bases keep readers and writers apart.
    """
    Embedded.create(tmp_path / "base").close()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "base")], stdout=subprocess.PIPE
    ) as writer:
        writer.stdout.readline()
        try:
            for _ in range(30):
                Embedded.open(tmp_path / "base", read_only=True, patience=5).close()
        finally:
            writer.kill()
    assert Embedded.open(tmp_path / "base", patience=5).count() % 200 == 0


@pytest.mark.skipif(not as_superuser or not shutil.which("setpriv"), reason="needs to become another user")
def test_a_base_that_may_not_be_written_can_be_read(tmp_path):
    """Another user, with read access only, can ask; neither a log file nor a lock is needed for that."""
    store = Embedded.create(tmp_path / "base")
    store.add(QUADS)
    store.close()
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    program = (
        "import sys, pathlib; from kg.storage.store import Embedded; "
        "print(Embedded.open(pathlib.Path(sys.argv[1]), read_only=True).count())"
    )
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", program]
    done = subprocess.run([*command, str(tmp_path / "base")], capture_output=True, text=True, check=False)
    if "Permission" in done.stderr and "site-packages" in done.stderr:
        pytest.skip("the other user cannot run this Python")
    assert done.stdout.strip() == "3", done.stderr


# Writing again


def test_a_store_is_opened_again_for_reading_and_for_writing(tmp_path):
    store = Embedded.create(tmp_path / "base")
    store.add(QUADS)
    store.reopen(read_only=True)
    assert set(store.quads()) == set(QUADS)
    with pytest.raises(UsageError):
        store.add([quad(NamedNode("urn:later"), Literal(1))])
    store.reopen(read_only=False)
    store.add([quad(NamedNode("urn:later"), Literal(1))])
    store.compact()
    store.close()
    assert Embedded.open(tmp_path / "base", read_only=True).count() == 4


def test_a_log_of_changes_does_not_grow_over_many_openings(tmp_path):
    """A long one makes every opening slow; a short one is not worth writing out."""
    Embedded.create(tmp_path / "base").close()
    logs = []
    for turn in range(12):
        store = Embedded.open(tmp_path / "base")
        store.add(quad(NamedNode(f"urn:{turn}:{n}"), Literal("x" * 100 + str(n))) for n in range(100))
        store.close()
        logs.append(sum(log.stat().st_size for log in (tmp_path / "base" / "store").glob("*.log")))
    assert 0 < max(logs) < 1 << 20


def test_a_change_that_failed_does_not_keep_the_store_open(tmp_path):
    """Though the error is kept, and with it everything that its frames hold."""
    store = Embedded.create(tmp_path / "base")
    with pytest.raises(UnreadableInput) as kept:
        store.update("INSERT DATA { nonsense")
    store.close()
    Embedded.open(tmp_path / "base", patience=0).close()
    assert kept.value


FULL = """
import pathlib, resource, sys
from pyoxigraph import Literal, NamedNode, Quad
from kg.errors import StoreError
from kg.storage.store import Embedded
store = Embedded.open(pathlib.Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
quads = [Quad(NamedNode(f"urn:{i}"), NamedNode("urn:p"), Literal("x" * 50 + str(i))) for i in range(20_000)]
for change in (store.add, store.fill):
    try:
        change(quads)
    except StoreError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_refuses_and_keeps_what_was_there(tmp_path):
    store = Embedded.create(tmp_path / "base")
    store.add(QUADS)
    store.close()
    command = [sys.executable, "-c", FULL, str(tmp_path / "base")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.count(f"{tmp_path / 'base'}: cannot be changed: IO error: ") == 2
    assert done.stdout.count("\n") == 2
    assert set(Embedded.open(tmp_path / "base").quads()) == set(QUADS)


# What is said about SPARQL that cannot be parsed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT * {\n?s ?p }", "q.rq:2:"),
        ("# foo:bar\nASK { ?s foo:p 'foo:x' }", "q.rq:2:10: the prefix 'foo:' is not declared"),
        ("ASK { ?s :p ?o }", "q.rq:1:10: the prefix ':' is not declared"),
        ("PREFIX foo: <urn:f> ASK { ?s foo:p _:b . <a:b> foo:p }", "q.rq:1:"),
        ("SELECT ?x ?y { ?x ?y ?z } GROUP BY ?x", "The SELECT contains a variable that is unbound"),
    ],
)
def test_a_syntax_error_has_its_place_and_one_line(store, text, said):
    with pytest.raises(UnreadableInput) as error:
        store.query(text, name="q.rq")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(UnreadableInput, match=r"u\.ru:1:"):
        store.update("INSERT DATA { <urn:a> <urn:b> }", name="u.ru")


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text("\"'\\#<>{}:aA?\n ", max_size=40))
def test_blanking_a_text_keeps_every_place(text):
    blanked = bare(text)
    assert len(blanked) == len(text)
    assert [place for place, mark in enumerate(blanked) if mark == "\n"] == [
        place for place, mark in enumerate(text) if mark == "\n"
    ]
    assert all(new in (old, " ") for new, old in zip(blanked, text, strict=True))
    assert "\n" not in str(syntax_error("error at 1:1: expected x", text, "q"))


@pytest.mark.parametrize("piece", ['"""', "'''", '"\\', "<a", '\\"""', "#", "PREFIX ", "a:", "'\\'"])
def test_blanking_takes_one_pass_whatever_the_text(piece):
    """A hundred thousand of anything is done at once: nothing is looked at again and again."""
    command = (
        "import sys; from kg.storage.sparql import syntax_error; syntax_error('', sys.argv[1] * 100_000, '')"
    )
    subprocess.run([sys.executable, "-c", command, piece], timeout=30, check=True)
