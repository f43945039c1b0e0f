"""A query from outside cannot end, block or empty Parley, reach the network or read a file."""

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import LimitReached, Refused, StoreError, UnreadableInput, UsageError
from kg.outside.sandbox import LONGEST_QUERY, run_query
from kg.outside.worker import calls_service
from kg.storage.store import Embedded
from kg.terms import CLAIMS, VIEW

DATA = f'<urn:a> <urn:p> "é\\n"@ru <{VIEW.value}> .\n<urn:b> <urn:p> 1 <{CLAIMS.value}> .\n'.replace(
    " 1 ", ' "1"^^<http://www.w3.org/2001/XMLSchema#integer> '
).encode()
ENDLESS = "SELECT (COUNT(*) AS ?n) { " + " ".join(
    f"VALUES ?v{i} {{ 0 1 2 3 4 5 6 7 8 9 }}" for i in range(14)
) + " }"  # fmt: skip
ENDLESS_ANSWER = ENDLESS.replace("(COUNT(*) AS ?n)", "*")
HOG = ENDLESS_ANSWER + " ORDER BY ?v3"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the limits and /proc of Linux")


@pytest.fixture
def base(tmp_path):
    store = Embedded.create(tmp_path / "base")
    store.load(DATA, ox.RdfFormat.N_QUADS)
    store.close()
    return tmp_path / "base"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def no_worker_is_left():
    """Tell whether no child is left but a reader of proposals that was started ahead, and the servers of other tests.

    One that ended has no command.
    """
    lists = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    commands = [Path("/proc", child, "cmdline").read_text() for children in lists for child in children]
    others = ("reader.py", "oxigraph", "virtuoso-t")
    return all(any(other in command for other in others) for command in commands)


def rows(answer):
    return [tuple(solution) for solution in answer]


# What it answers


@pytest.mark.parametrize("kind", ["bytes", "file", "base"])
def test_a_query_sees_the_view_wherever_the_quads_are(kind, base, tmp_path):
    (tmp_path / "data.nq").write_bytes(b"# seal\n" + DATA)
    location = {"bytes": DATA, "file": tmp_path / "data.nq", "base": base}[kind]
    answer = run_query(location, "SELECT ?s ?o { ?s ?p ?o }")
    assert [variable.value for variable in answer.variables] == ["s", "o"]
    assert rows(answer) == [(ox.NamedNode("urn:a"), ox.Literal("é\n", language="ru"))]


def test_graph_reaches_the_claims_and_graphs_chooses_what_is_seen():
    assert rows(
        run_query(DATA, "SELECT ?s { GRAPH <https://w3id.org/parley/graph/claims> { ?s ?p ?o } }")
    ) == [(ox.NamedNode("urn:b"),)]
    assert len(rows(run_query(DATA, "SELECT ?s { ?s ?p ?o }", graphs=(VIEW, CLAIMS)))) == 2


def test_from_chooses_among_the_graphs_of_the_base():
    text = "SELECT ?s FROM graph:claims { ?s ?p ?o } # FROM NAMED"
    assert rows(run_query(DATA, text)) == [(ox.NamedNode("urn:b"),)]
    named = "SELECT ?s FROM NAMED graph:claims { ?s ?p ?o }"
    assert rows(run_query(DATA, named)) == [(ox.NamedNode("urn:a"),)]
    mentioned = "SELECT ?s { ?s ?p ?from FILTER(?from != ' FROM <urn:x> ') } # FROM <urn:x>"
    assert rows(run_query(DATA, mentioned)) == [(ox.NamedNode("urn:a"),)]


def test_ask_construct_and_describe_have_their_own_kinds_of_answer():
    assert bool(run_query(DATA, "ASK { ?s ?p ?o }")) is True
    assert bool(run_query(DATA, "ASK { ?s ?p 7 }")) is False
    triple = ox.Triple(ox.NamedNode("urn:a"), ox.NamedNode("urn:p"), ox.Literal("é\n", language="ru"))
    assert list(run_query(DATA, "CONSTRUCT WHERE { ?s ?p ?o }")) == [triple]
    assert list(run_query(DATA, "DESCRIBE <urn:a>")) == [triple]
    assert list(run_query(DATA, "CONSTRUCT WHERE { ?s ?p 7 }")) == []


def test_every_kind_of_term_comes_through_unchanged():
    text = r"""SELECT * { VALUES (?a ?b ?c ?d ?e) {
        ( <urn:x> "line\n\"quoted\"\u0000" "a"@ar "1.50"^^xsd:decimal UNDEF ) } }"""
    (row,) = run_query(b"", text)
    assert row["a"] == ox.NamedNode("urn:x")
    assert row["b"] == ox.Literal('line\n"quoted"\0')
    assert row["c"] == ox.Literal("a", language="ar")
    assert row["d"].datatype == ox.NamedNode("http://www.w3.org/2001/XMLSchema#decimal")
    assert row["e"] is None


def test_a_base_can_be_asked_while_another_handle_writes_to_it(base):
    store = Embedded.open(base)
    for number in range(10):
        store.add([ox.Quad(ox.NamedNode(f"urn:n{number}"), ox.NamedNode("urn:q"), ox.Literal(1), VIEW)])
        (row,) = run_query(base, "SELECT (COUNT(*) AS ?n) { ?s <urn:q> ?o }")
        assert row["n"].value == str(number + 1)
    store.close()


# What it refuses


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("SELECT * {\n ?s ?p }", "query:2:"),
        ("ASK {\n  ?s foo:bar 1 }", "query:2:6: the prefix 'foo:' is not declared"),
        ("", "query:1:1"),
        ("nonsense", "query:1:"),
        ("ASK { ?s ?p 'a\0b' }", "query:1: holds a NUL"),
        (b"ASK { ?s ?p '\xff' }", "not UTF-8"),
        ("ASK { ?s ?p '\udce9' }", "not UTF-8"),
        ("SELECT ?x ?y { ?x ?y ?z } GROUP BY ?x", "contains a variable that is unbound"),
    ],
)
def test_what_is_not_sparql_is_said_in_one_line_with_its_place(text, where):
    with pytest.raises(UnreadableInput) as error:
        run_query(DATA, text)
    assert where in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <urn:x> <urn:y> 1 }",
        "PREFIX a: <urn:a> # INSERT\n BASE <urn:b> delete where { ?s ?p ?o }",
        "LOAD <http://127.0.0.1/x>",
        "clear all",
        "WITH <urn:g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    ],
)
def test_updates_are_refused(text, base):
    with pytest.raises(Refused, match="is an update, and queries only read"):
        run_query(base, text)
    assert bool(run_query(base, "ASK { <urn:a> ?p ?o }"))


def test_a_query_that_is_too_long_is_refused():
    with pytest.raises(LimitReached, match="characters; keep it under 1,000,000"):
        run_query(DATA, "#" * (LONGEST_QUERY + 1))


@pytest.mark.parametrize(("seconds", "memory"), [(0, 100), (-1, 100), (float("nan"), 100), (1e99, 9), (1, 0)])
def test_limits_that_are_none_are_refused(seconds, memory):
    with pytest.raises(UsageError, match="choose more than 0 and less than 1,000,000"):
        run_query(DATA, "ASK {}", seconds=seconds, memory=memory)


@on_linux
def test_too_little_memory_to_start_is_a_limit_too():
    data = "".join(
        f"<x:{number}> <x:p> <x:{number}> <x:g> .\n" for number in range(20_000)
    )  # more than lies ready
    with pytest.raises(LimitReached, match="memory ran out at 1 MiB"):
        run_query(data.encode(), "ASK {}", memory=1)


def test_a_base_that_is_missing_or_no_base_is_said(tmp_path):
    with pytest.raises(StoreError, match="kg init"):
        run_query(tmp_path / "nowhere", "ASK {}")


# SERVICE, LOAD, FROM: nothing leaves, nothing is read


def called_by_the_engine(text, store):
    """Tell whether pyoxigraph itself would call an endpoint: it has its own words for port 1 and for no name."""
    try:
        for _ in store.query(text):
            pass
    except OSError as error:
        return "port 1 " in str(error)
    except RuntimeError as error:
        return "service name is unbound" in str(error)
    except SyntaxError:
        return False
    return False


def test_no_way_of_writing_service_gets_past_the_check():
    """Whatever stands around it: if the engine would call, the check says so. Tried on 20,000 texts."""
    store = ox.Store()
    store.add(ox.Quad(ox.NamedNode("urn:a"), ox.NamedNode("urn:p"), ox.Literal(1)))
    before = [
        "", "?s ?p ?o.", "?s x:p|<urn:p> 1", "?s <urn:p>?o.", "?s <urn:p>?1", "?s <urn:p> ?true.", "?s ?p +1.",
        "FILTER(1<2)", "FILTER(1<'>')", "FILTER('<'<'>')", "BIND(<urn:x> AS ?b)", "BIND('#' AS ?b)", "{}",
        'BIND("\\u0022" AS ?b)', "BIND('''a'b''' AS ?b)", 'BIND("" AS ?b)', "VALUES ?b{'''a\"'''}", "OPTIONAL{}",
        "?s ?p ?o FILTER(?o<2)", "BIND(true AS ?b)",
    ]  # fmt: skip
    gaps = ["", " ", "\n", "#>\n", "#'''\r", "\t#service x:y {\n"]
    words = ["SERVICE", "service", "SeRvIcE"]
    endpoints = ["<http://127.0.0.1:1/>", "<http://127.0.0.1:1/#service>", "x:y", ":", "?e"]
    called = 0
    for first, gap, word, second, endpoint, third in itertools.product(
        before, gaps, words[:1], gaps, endpoints, gaps
    ):
        text = (
            "PREFIX x: <http://127.0.0.1:1/> PREFIX : <http://127.0.0.1:1/> SELECT * { "
            f"VALUES ?e {{<http://127.0.0.1:1/>}} {first}{gap}{word}{second}{endpoint}{third}{{}} }} # ''' \" >"
        )
        if called_by_the_engine(text, store):
            called += 1
            assert calls_service(text), text
    assert called > 2000
    for word in words:
        assert calls_service(f"ASK {{ {word} silent ?x {{}} }}")


@pytest.mark.parametrize(
    "text",
    [
        r"ASK { \u0053ERVICE <http://127.0.0.1:1/> {} }",
        r"ASK { SERVIC\U00000045 <http://127.0.0.1:1/> {} }",
        "ASK { { SELECT * { GRAPH ?g { SERVICE SILENT?x{} } } } }",
        "ASK { FILTER NOT EXISTS { SERVICE # why\n <http://127.0.0.1:1/> # {\n {} } }",
    ],
)
def test_service_is_refused(text):
    with pytest.raises(Refused, match="SERVICE is not allowed"):
        run_query(DATA, text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?service ?x { ?service ?p ?x }",
        "SELECT * { ?s <http://example.org/service#x> ?o . }",
        "PREFIX service: <urn:s> ASK { { ?s service:p ?o } UNION { ?s a service:Service } }",
        "ASK { ?s ?p 'at your service' } # the service is good",
        r"ASK { ?s ?p '\u0073ervice' }",
        "ASK { ?webservice ?service ?o . { ?s ?p ?service } }",
        "ASK { GRAPH ?service { ?s ?p ?o } }",
    ],
)
def test_a_query_may_speak_of_services(text):
    run_query(DATA, text)


def test_the_network_would_see_a_query_that_is_not_checked(listener):
    """The engine as it comes does connect; so the tests below would notice it."""

    def ask():
        with pytest.raises(OSError):  # noqa: PT011 - the listener hangs up
            list(ox.Store().query(f"ASK {{ SERVICE <{url(listener)}> {{ ?s ?p ?o }} }}"))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    listener.settimeout(10)
    listener.accept()[0].close()
    asking.join(10)


def url(server):
    return f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.mark.parametrize(
    "text",
    [
        "ASK { SERVICE <URL> { ?s ?p ?o } }",
        "ASK { SERVICE SILENT <URL> { ?s ?p ?o } }",
        r"ASK { \u0053ERVICE <URL> { ?s ?p ?o } }",
        "LOAD <URL>",
        "LOAD SILENT <URL> INTO GRAPH <urn:g>",
        "SELECT * FROM <URL> { ?s ?p ?o }",
        "SELECT * FROM NAMED <URL> { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * { GRAPH <URL> { ?s ?p ?o } }",
        "DESCRIBE <URL>",
    ],
)
def test_nothing_reaches_the_network(text, listener, base):
    for location in (base, DATA):
        try:
            answer = run_query(location, text.replace("URL", url(listener)))
        except Refused:
            continue
        assert list(answer) == []
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    "text", ["SELECT ?o FROM <URL> { ?s ?p ?o }", "SELECT ?o { GRAPH <URL> { ?s ?p ?o } }"]
)
def test_no_file_is_read(text, tmp_path, base):
    canary = tmp_path / "canary.ttl"
    canary.write_text("<urn:canary> <urn:p> 'secret' .")
    for location in (base, DATA):
        for target in (canary.as_uri(), str(canary), "canary.ttl"):
            try:
                assert rows(run_query(location, text.replace("URL", target))) == []
            except UnreadableInput:
                assert ":" not in target  # a relative IRI


# Limits


@pytest.mark.parametrize(
    "text",
    [
        "ASK { FILTER(" + "(" * 100_000 + "1" + ")" * 100_000 + ") }",
        "ASK { " + "{" * 100_000 + "}" * 100_000 + " }",
        "ASK { FILTER(" + "||".join(["?x"] * 50_000) + ") }",
        "ASK { " + " UNION ".join(["{}"] * 50_000) + " }",
        "ASK { ?s " + "/".join(["<urn:p>"] * 50_000) + " ?o }",
        "ASK { ?s " + "(" * 50_000 + "<urn:p>" + ")*" * 50_000 + " ?o }",
        "ASK { FILTER(" + "!" * 100_000 + "true) }",
        "ASK { ?s ?p '" + "service:" * 100_000 + "' }",
    ],
    ids=["parentheses", "braces", "or", "union", "path", "nested-path", "not", "service"],
)
def test_nesting_and_chains_that_end_the_engine_are_one_clear_line(text, base):
    with pytest.raises(LimitReached, match=r"too deeply nested or too long|stopped after") as error:
        run_query(base, text, seconds=3)
    assert "\n" not in str(error.value)
    assert no_worker_is_left()
    assert bool(run_query(base, "ASK { <urn:a> ?p ?o }"))


@pytest.mark.parametrize("where", ["memory", "base"])
def test_a_query_without_end_is_stopped_at_the_time_limit(where, base):
    started = time.monotonic()
    with pytest.raises(LimitReached, match=r"stopped after 0\.5 s; narrow the query or raise --timeout"):
        run_query(base if where == "base" else DATA, ENDLESS, seconds=0.5)
    assert time.monotonic() - started < 5
    assert no_worker_is_left()
    assert bool(run_query(base, "ASK { <urn:a> ?p ?o }"))


@on_linux
@pytest.mark.parametrize("where", ["memory", "base"])
def test_a_query_that_takes_all_memory_is_stopped_at_the_memory_limit(where, base):
    location, memory = (base, 600) if where == "base" else (DATA, 200)
    with pytest.raises(LimitReached, match=f"memory ran out at {memory} MiB"):
        run_query(location, HOG, memory=memory)
    assert no_worker_is_left()
    assert bool(run_query(location, "ASK { <urn:a> ?p ?o }"))


@on_linux
def test_an_answer_that_is_too_large_is_refused_as_a_whole():
    with pytest.raises(LimitReached, match="the answer is larger than 33,554,432 bytes"):
        run_query(DATA, ENDLESS_ANSWER, memory=64)
    assert no_worker_is_left()


@pytest.mark.parametrize("text", ["SELECT * { ?s ?p ?o }", "nonsense", "ASK { SERVICE <urn:x> {} }"])
def test_the_worker_is_gone_whatever_came_of_the_query(text):
    try:
        answer = run_query(DATA, text)
    except (UnreadableInput, Refused):
        answer = []
    assert no_worker_is_left()
    list(answer)


def test_nothing_of_the_worker_is_written_to_our_own_output(capfd):
    with pytest.raises(LimitReached):
        run_query(DATA, "ASK { FILTER(" + "(" * 100_000 + "1" + ")" * 100_000 + ") }")
    assert capfd.readouterr() == ("", "")


ORPHAN = """
import sys
from kg.outside.sandbox import run_query
run_query(b"", sys.argv[1], seconds=600)
"""


@on_linux
def test_the_worker_ends_with_its_parent():
    """Killed without a chance to clean up, Parley leaves no worker running."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN, ENDLESS]) as parent:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        worker = wait_for(lambda: children.read_text().split())[0]
        wait_for(lambda: cpu_time(worker) > 10)
        parent.send_signal(signal.SIGKILL)
    assert wait_for(lambda: not runs(worker))


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise TimeoutError


def runs(process):
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def cpu_time(process):
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])


def test_the_worker_takes_nothing_from_the_folder_or_the_environment(tmp_path, monkeypatch):
    """A file that bears the name of a module is not run, and PYTHON* variables change nothing."""
    for name in ("marshal.py", "select.py", "pyoxigraph.py", "os.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONINSPECT", "1")
    assert bool(run_query(DATA, "ASK { ?s ?p ?o }"))
