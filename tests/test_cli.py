"""The command line: data on one stream, words on the other, an exit status for each kind of end, never a traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pyoxigraph
import pytest
import rdflib
from pyoxigraph import QueryResultsFormat, RdfFormat, parse, parse_query_results

import kg
import kg.cli
from kg.asking import answers
from kg.terms import REFERENCE
from kg.view import stored_questions

FILES = Path(__file__).parent / "cli"
KG = [sys.executable, "-m", "kg"]
ENDLESS = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"?a{i} ?b{i} ?c{i} ." for i in range(9)) + " }"
FORMATS = ("turtle", "trig", "ntriples", "nquads", "jsonld", "rdfxml", "graphml", "geojson", "csv")


def process(*args: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, as a shell would."""
    return subprocess.run([*KG, *map(str, args)], capture_output=True, check=False, timeout=60, **options)


# Wrong calls.


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["askk"], r"No such command 'askk'\. .*\(see 'kg --help'\)"),
        (["--stroe", "x"], r"No such option '--stroe'.* \(see 'kg --help'\)"),
        (["ask", "partys"], "no question is called 'partys'; did you mean 'parties'.*"),
        (["ask", "zzz"], "no question is called 'zzz'; 'kg ask' lists them"),
        (["ask", "zzz", "--help"], "no question is called 'zzz'; 'kg ask' lists them"),
        (["ask", "../questions/parties"], "no question is called .*"),
        (
            ["ask", "parties"],
            "the question 'parties' needs --agreement, .*; for example: kg ask parties --agreement id:.*",
        ),
        (["ask", "parties", "--labels", "x"], "the question 'parties' has no parameter 'labels'; .*"),
        (["draw", "parties", "--cite", "x"], "the question 'parties' has no parameter 'cite'; .*"),
        (["draw", "Turkey", "--self", "x"], "'Turkey' is no question; only a question takes parameters"),
        (["ask", "parties", "--agreement"], "--agreement has no value; write --agreement VALUE"),
        (
            ["ask", "parties", "--agrement", "x"],
            r"the question 'parties' has no parameter 'agrement'; did you mean --agreement\?",
        ),
        (
            ["ask", "parties", "--agreement=a", "--agreement=b"],
            "--agreement is given twice; give each parameter once",
        ),
        (
            ["ask", "parties", "--agreement=a", "--Agreement", "b"],
            "the question 'parties' has no parameter 'Agreement'.*",
        ),
        (["ask", "x", "--a-b", "1", "--a-b", "2"], "--a_b is given twice; give each parameter once"),
        (["ask", "x", "--a_b", "1", "--a-b", "2"], "--a_b is given twice; give each parameter once"),
        (["ask", "parties", "extra"], "'extra' is not expected here; write parameters as --name value"),
        (["ask", "parties", "--", "extra"], "'extra' is not expected here; .*"),
        (["ask", "parties", "-a", "x"], "'-a' is not expected here; .*"),
        (["ask", "parties", "--agreement", "nowhere"], "no thing is called 'nowhere'; .*"),
        (
            ["ask", "parties", "--agreement", "Turkey"],
            "--agreement: 'Turkey' is no parley:Agreement; name a thing of that class",
        ),
        (["ask", "parties", "--agreement", "x } UNION { ?a ?b ?c"], "no thing is called 'x } UNION .*"),
        (["ask", "leaders", "--state", "Turky"], "no thing is called 'Turky'; did you mean 'Turkey'.*"),
        (
            ["ask", "names", "--thing", "Turkey", "--language", "x y"],
            "--language takes a language, not 'x y'; for example: --language ru",
        ),
        (
            ["ask", "actors", "--format", "xml"],
            "Invalid value for '--format': 'xml' is not one of 'table', .*",
        ),
        (["show", "Turky"], "no thing is called 'Turky'; did you mean 'Turkey'.*"),
        (["show", ""], "no thing is called ''; kg show lists the things"),
        (["show", "a", "b"], r".*unexpected extra argument.*\(see 'kg show --help'\)"),
        (["export", "--format", "word"], "no export format is called 'word'; use one of turtle, trig, .*"),
        (["export", "--format", "turtel"], "no export format is called 'turtel'; did you mean 'turtle'.*"),
        (["export", "--what", "idlib"], "no source is called 'idlib'; did you mean 'idlib-ceasefire'.*"),
        (
            ["export", "--what", "qqq"],
            "no source is called 'qqq'; use one of view, stated, everything, idlib-ceasefire",
        ),
        (
            ["export", "--class", "Stat", "--format", "csv"],
            "no class is called 'Stat'; did you mean 'State'.*",
        ),
        (["export", "--class", "State"], "only csv has tables; leave out the class, or export to csv"),
        (["query"], r"Missing argument 'SPARQL'\. \(see 'kg query --help'\)"),
        (["query", ""], "query:1:1: not SPARQL, .*; correct the SPARQL"),
        (["query", "ASK {"], r"query:1:\d: .*; correct the SPARQL"),
        (
            ["query", "ASK { ?s foo:x ?o }"],
            "query:1:10: the prefix 'foo:' is not declared; declare it with PREFIX",
        ),
        (["query", "x" * 5000], r"query:1:\d+: not SPARQL, .*"),
        (["query", "nowhere.rq"], "nowhere.rq: No such file or directory; .*"),
        (["query", "tests"], "tests: Is a directory; .*"),
        (
            ["query", "ASK {}", "--timeout", "soon"],
            "Invalid value for '--timeout': 'soon' is not a valid float.*",
        ),
        (["init"], r"Missing argument 'PLACE'\. .*"),
        (["load"], r"Missing argument 'FILES\.\.\.'\. .*"),
        (["fmt", "nowhere.ttl"], "nowhere.ttl: .*"),
        (["fmt", "tests"], "tests: .*"),
        (["completion", "csh"], "Invalid value for .*'csh' is not one of 'bash', 'zsh', 'fish'.*"),
        (["coverage", "x"], "Got unexpected extra argument .*"),
    ],
)
def test_a_wrong_call_is_one_line_that_says_what_to_do_and_status_2(args, said, run, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)
    assert re.fullmatch(said, run(*args).refused(2))


@pytest.mark.parametrize("option", ["--timeout", "--memory"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e300", "99999999999999999999"])
def test_limits_that_cannot_be_kept_are_refused(option, value, run):
    run("query", "ASK {}", option, value).refused(2)


@pytest.mark.parametrize(
    "args", [["show"], ["ask"], ["query"], ["ask", "find", "--word"], ["ask", "leaders", "--state"]]
)
def test_an_argument_that_is_no_utf8_is_one_line(args):
    ended = subprocess.run([*KG, *args, b"\xff\xfe"], capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert re.fullmatch(rb"kg: [^\n]+\n", ended.stderr)


@pytest.mark.parametrize(
    "name",
    ["idlib-ceasefire/54", "claim/idlib-ceasefire/54", "https://w3id.org/parley/claim/idlib-ceasefire/54"],
)
def test_a_claim_is_shown_where_its_words_stand_in_the_source(name, run):
    shown = " ".join(run("show", name).done().split())
    assert "idlib-ceasefire/54 (said by Vladimir Putin)" in shown
    assert (
        "Putin had said that »the Syrian troops did not know that they had bombed Turkish positions« and"
        in shown
    )
    assert "Bombing of Turkish positions: knowingly no." in shown


def test_a_claim_that_is_not_there_is_refused_with_the_nearest(run):
    assert "'idlib-ceasefire/49'" in run("show", "idlib-ceasefire/499").refused(2)


def test_a_fault_of_parley_itself_is_one_line_and_status_3_and_a_traceback_only_when_asked_for(
    run, monkeypatch
):
    """A file of the package that is broken is no fault of the one who asks."""
    monkeypatch.setattr(kg.view, "stored_question", lambda _: 1 / 0)
    ended = run("ask", "actors")
    assert (ended.status, ended.out) == (3, "")
    assert re.fullmatch(
        r"kg: a fault of Parley's own: ZeroDivisionError: [^\n]*KG_DEBUG=1[^\n]*\n", ended.err
    )
    monkeypatch.setenv("KG_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        kg.cli._run(["ask", "actors"])


# Refusals and limits.


@pytest.mark.parametrize(
    "sparql",
    [
        "INSERT DATA { <urn:a> <urn:b> <urn:c> }",
        "DELETE WHERE { ?s ?p ?o }",
        "CLEAR ALL",
        "LOAD <https://example.org/x>",
        "SELECT * { SERVICE <https://example.org/> { ?s ?p ?o } }",
    ],
)
def test_what_would_write_or_go_elsewhere_is_refused_with_status_1(sparql, run):
    assert run("query", sparql).refused(1).startswith("query: ")


def test_an_endless_query_is_stopped_with_status_4(run):
    said = run("query", ENDLESS, "--timeout", "1").refused(4)
    assert said == "query: stopped after 1 s; narrow the query or raise --timeout"


@pytest.mark.parametrize("place", ["file:///etc/passwd", "https://example.org/x.ttl"])
def test_from_reads_nothing(place, run):
    assert (
        run("query", "SELECT (COUNT(*) AS ?n) FROM <PLACE> { ?s ?p ?o }".replace("PLACE", place)).done()
        == "n\r\n0\r\n"
    )


# What is read.


def test_a_query_comes_from_an_argument_a_file_or_standard_input(run, tmp_path):
    sparql = "SELECT ?n { VALUES ?n { 'a' } }"
    for name in ("query.rq", "query.sparql", "query"):
        (tmp_path / name).write_text(sparql)
        assert run("query", tmp_path / name).done() == "n\r\na\r\n"
    assert run("query", sparql).done() == "n\r\na\r\n"
    assert run("query", "-", stdin=sparql.encode()).done() == "n\r\na\r\n"


def test_a_byte_order_mark_is_no_part_of_a_query(run, tmp_path):
    content = b"\xef\xbb\xbfASK {}"
    (tmp_path / "q.rq").write_bytes(content)
    assert (
        run("query", tmp_path / "q.rq").done()
        == run("query", "-", stdin=content).done()
        == "answer\r\ntrue\r\n"
    )


def test_a_query_that_is_no_utf8_is_unreadable(run, tmp_path):
    content = 'ASK { ?s ?p "é" }'.encode("latin-1")
    (tmp_path / "q.rq").write_bytes(content)
    assert (
        run("query", tmp_path / "q.rq").refused(2)
        == f"{tmp_path / 'q.rq'}: byte 13 is not UTF-8; save it as UTF-8"
    )
    assert (
        run("query", "-", stdin=content).refused(2)
        == "standard input: byte 13 is not UTF-8; save it as UTF-8"
    )
    assert run("query", "-", stdin=b"").refused(2).startswith("query:1:1: not SPARQL")


# What is written.


COMMANDS = [
    *("ask", "query", "show", "export", "coverage"),
    *("explain", "contested", "diff", "impact", "since", "draw"),
    *("init", "check", "add", "retract", "load", "import", "backup", "rebuild", "fmt", "completion"),
]


def test_without_arguments_the_commands_are_listed(run):
    shown = run().done()
    assert shown == run("--help").done() == run("-h").done()
    commands = re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE)
    assert commands == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_ends_with_or_holds_an_example_that_begins_with_kg(command, run):
    assert re.search(rf"^  Example: .*kg .*{command}", run(command, "--help").done(), re.MULTILINE)


@pytest.mark.parametrize(
    "call",
    [
        ["ask", "leaders", "--state", "Turkey", "--cite"],
        ["ask", "backs-opposing-sides"],
        ["explain", "Russia", "supports", "Syria"],
        ["contested"],
        ["diff", "default", "as-told-by:vladimir-putin"],
        ["impact", "idlib-ceasefire/20"],
        ["query", "SELECT ?state WHERE { ?state a parley:State }"],
        ["show", "Turkey"],
        ["coverage"],
    ],
)
def test_the_examples_of_the_help_work(call, run):
    written = " ".join(f'"{word}"' if " " in word else word for word in call)
    assert f"Example: kg {written}\n" in run("--help").done() + run(call[0], "--help").done()
    assert run(*call).done()


def test_the_version_is_that_of_the_package(run):
    assert run("--version").done() == f"kg, version {kg.__version__}\n"


def test_ask_lists_all_questions_by_theme(run):
    listed = run("ask").done()
    names = re.findall(r"^  ([a-z-]+)", listed, re.MULTILINE)
    assert sorted(names) == sorted(stored_questions())
    rows = list(csv.DictReader(io.StringIO(run("ask", "--format", "csv").done())))
    assert [(row["name"], row["summary"]) for row in rows] == [
        (q.name, q.summary) for q in stored_questions().values()
    ]


@pytest.mark.parametrize("name", sorted(stored_questions()))
def test_a_question_tells_of_itself_and_its_parameters(name, run):
    question, page = stored_questions()[name], run("ask", name, "--help").done()
    assert page.startswith(question.summary + "\n")
    assert page.endswith("\n")
    assert f"\nExample: kg ask {name}" in page
    assert [p.name for p in question.parameters] == re.findall(r"^  --([a-z_]+)  ", page, re.MULTILINE)


QUERY = """SELECT ?iri ?plain ?tagged ?number ?none ?blank {
  VALUES (?iri ?plain ?tagged ?number) {
    (id:turkey "a,\\"b\\"\\tc\\r\\nd|e\\\\" "é"@fr 1.50) (<urn:x> "" "ا"@ar true)
  } BIND(BNODE() AS ?blank)
} ORDER BY ?number"""


def test_json_csv_and_tsv_are_the_result_formats_of_sparql_for_two_readers(run):
    rdf = rdflib.query.Result
    for form, media, oxigraph in (
        ("json", "json", QueryResultsFormat.JSON),
        ("tsv", "tsv", QueryResultsFormat.TSV),
        ("csv", "csv", None),
    ):
        text = run("query", QUERY, "--format", form).done()
        read = rdf.parse(io.BytesIO(text.encode()), format=media)
        assert [str(v) for v in read.vars] == ["iri", "plain", "tagged", "number", "none", "blank"]
        assert sorted(str(row.iri) for row in read) == ["https://w3id.org/parley/id/turkey", "urn:x"]
        if oxigraph is not None:
            rows = {row["iri"].value: row for row in parse_query_results(text.encode(), oxigraph)}
            first, second = rows["https://w3id.org/parley/id/turkey"], rows["urn:x"]
            assert first["plain"] == pyoxigraph.Literal('a,"b"\tc\r\nd|e\\')
            assert first["tagged"] == pyoxigraph.Literal("é", language="fr")
            assert first["number"].datatype.value.endswith("#decimal")
            assert second["number"] == pyoxigraph.Literal(True)
            assert second["plain"] == pyoxigraph.Literal("")
            assert first["none"] is None
            assert isinstance(first["blank"], pyoxigraph.BlankNode)


def test_a_yes_or_no_is_a_boolean_in_json_and_a_word_for_people(run):
    assert json.loads(run("query", "ASK {}", "--format", "json").done()) == {"head": {}, "boolean": True}
    assert run("query", "ASK {}", "--format", "table").done() == "yes\n"
    assert run("query", "ASK { FILTER(false) }", "--format", "table").done() == "no\n"


def test_machines_get_iris_and_people_get_labels(run):
    call = ("ask", "leaders", "--state", "Turkey")
    iri = "https://w3id.org/parley/id/recep-tayyip-erdogan"
    for form in ("json", "csv", "tsv"):
        assert iri in run(*call, "--format", form).done()
    for form in ("table", "markdown"):
        shown = run(*call, "--format", form).done()
        assert "Recep Tayyip Erdogan" in shown
        assert "https://" not in shown


@pytest.mark.parametrize("call", [("ask", "leaders"), ("query", "SELECT * { ?s a parley:State }")])
def test_labels_are_looked_up_for_people_alone(call, run, monkeypatch):
    wanted = list[bool]()
    read = answers.read_answer

    def counted(*results: object, labels: bool = True) -> answers.Answer:
        wanted.append(labels)
        return read(*results, labels=labels)

    monkeypatch.setattr("kg.view.read_answer", counted)
    for form in answers.ANSWER_FORMATS:
        run(*call, "--format", form).done()
    run(*call, "--format", "table").done()
    assert wanted == [form not in answers.FOR_MACHINES for form in answers.ANSWER_FORMATS] + [True]


def test_into_a_pipe_goes_csv_and_nothing_is_said(run):
    answered = run("ask", "leaders")
    assert answered.out == run("ask", "leaders", "--format", "csv").out
    assert answered.err == ""


def test_the_number_of_rows_is_words_for_people(run):
    assert run("ask", "leaders", "--state", "Turkey", "--format", "table").err == "1 row\n"
    assert run("query", "SELECT * { ?s a <urn:none> }", "--format", "table").err == "0 rows\n"


def test_markdown_keeps_its_columns_whatever_the_cells_hold(run):
    sparql = 'SELECT * { VALUES ?a { "a|b" "back\\\\|slash" "two\\nlines\\r" "<script>" "**" } }'
    lines = run("query", sparql, "--format", "markdown").done().splitlines()
    assert len(lines) == 2 + 5
    assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 2 for line in lines)
    assert not any(re.search(r"(?<!\\)[<*]", line) for line in lines)


def test_show_tells_stated_from_inferred_and_gives_the_quotes(run):
    page = run("show", "Turkey").done()
    stated, inferred = page.partition("\nInferred\n")[::2]
    assert "“Russia and Turkey Agree” [idlib-ceasefire/1]" in stated
    assert "Türkiye backs opponents of those backed by Russia." in inferred
    assert "“" not in inferred.partition("Said by others")[0]
    assert page.startswith("Türkiye  (id:turkey)\nAlso called ")


def test_show_lists_what_there_is(run):
    rows = list(csv.DictReader(io.StringIO(run("show").done())))
    assert {
        "class": "https://w3id.org/parley/ontology#State",
        "thing": "https://w3id.org/parley/id/turkey",
    } in rows


def test_the_report_on_coverage_is_held(run):
    """Each sentence with its share, its claims and what was left out with the reason."""
    assert run("coverage").done() == (FILES / "coverage.txt").read_text(encoding="utf-8")


# Exports.


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_to_a_file_is_what_goes_to_standard_output_and_twice_the_same(form, tmp_path):
    first = process(
        "export", "--format", form, "-o", tmp_path / "out", env=os.environ | {"PYTHONHASHSEED": "1"}
    )
    assert (first.returncode, first.stdout, first.stderr) == (0, b"", b"")
    second = process("export", "--format", form, env=os.environ | {"PYTHONHASHSEED": "2"})
    assert (second.returncode, second.stderr) == (0, b"")
    assert second.stdout == (tmp_path / "out").read_bytes()


@pytest.mark.parametrize("form", ["turtle", "ntriples", "rdfxml", "graphml", "geojson", "csv"])
def test_everything_needs_a_format_with_named_graphs(form, run):
    said = run("export", "--what", "everything", "--format", form).refused(2)
    assert said == "this format would mix what people said with what holds; use trig, nquads or jsonld"


@pytest.mark.parametrize("what", ["view", "stated", "idlib-ceasefire"])
def test_no_plain_export_mixes_the_words_of_a_person_quoted_with_what_holds(what, built_in):
    """That Putin spoke is held; what only he says happened stays in the named graphs of his claims."""
    quads = list(parse(built_in.export("nquads", what="everything"), RdfFormat.N_QUADS))
    accepted = {claim.iri: claim.accepted for claim in built_in.claims()}
    words = {quad.triple for quad in quads if accepted.get(quad.graph_name) is False}
    words -= {quad.triple for quad in quads if accepted.get(quad.graph_name) or quad.graph_name == REFERENCE}
    exported = {quad.triple for quad in parse(built_in.export("ntriples", what=what), RdfFormat.N_TRIPLES)}
    assert words
    assert exported
    assert not words & exported


@pytest.mark.parametrize("form", ["turtle", "rdfxml"])
@pytest.mark.parametrize("what", ["view", "stated", "idlib-ceasefire"])
def test_every_plain_export_holds_the_same_triples(what, form, built_in):
    graphs = [
        rdflib.Graph().parse(data=built_in.export(to, what=what), format=name)
        for to, name in (("ntriples", "nt"), (form, "turtle" if form == "turtle" else "xml"))
    ]
    assert set(graphs[0]) == set(graphs[1])


def test_what_is_stated_and_what_follows_make_up_the_view(built_in):
    view, stated = (
        {quad.triple for quad in parse(built_in.export("ntriples", what=what), RdfFormat.N_TRIPLES)}
        for what in ("view", "stated")
    )
    assert stated < view


def test_a_source_is_exported_with_its_claims_where_graphs_have_names(built_in, run):
    by_name = run("export", "--what", "idlib-ceasefire", "--format", "trig").done()
    assert by_name == run("export", "--what", "source:idlib-ceasefire", "--format", "trig").done()
    graphs = {quad.graph_name for quad in parse(by_name.encode(), RdfFormat.TRIG)}
    assert {claim.iri for claim in built_in.claims()} < graphs


def test_one_class_is_one_table_by_label_local_name_curie_or_iri(run):
    tables = {
        run("export", "--format", "csv", "--class", name).done()
        for name in ("State", "state", "parley:State", "https://w3id.org/parley/ontology#State")
    }
    assert len(tables) == 1
    assert [row["label"] for row in csv.DictReader(io.StringIO(tables.pop()))] == [
        "Russia",
        "Syria",
        "Türkiye",
    ]


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place, reason in (
        (tmp_path / "nowhere" / "x", "No such file or directory"),
        (tmp_path / "file" / "x", "Not a directory"),
        (tmp_path, "Is a directory"),
    ):
        said = run("export", "-o", place).refused(2)
        assert said == f"{place}: cannot be written: {reason}; choose a place you may write to"
    assert run("export", "-o", "").refused(2).startswith(".: cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_export_to_a_pipe_or_a_link_leaves_them_what_they_are(run, tmp_path, built_in):
    """``-o /dev/null`` must not put a file in the place of the device."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    run("export", "-o", tmp_path / "pipe").done()
    reader.join()
    run("export", "-o", tmp_path / "link").done()
    assert read == [built_in.export()] == [(tmp_path / "file").read_bytes()]
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


# A terminal.


def terminal(*args: object, size: tuple[int, int] = (40, 100)) -> tuple[int, str]:
    """Run the command on a terminal and return its exit status and what the screen got."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    with subprocess.Popen([*KG, *map(str, args)], stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal's other end was closed
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    return running.returncode, shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_there_are_tables_with_labels_and_no_archive():
    status, shown = terminal("ask", "leaders", "--state", "Turkey")
    assert status == 0
    assert "Recep Tayyip Erdogan" in shown
    assert "1 row" in shown
    status, shown = terminal("export", "--format", "csv")
    assert (status, shown) == (
        2,
        "kg: a zip archive is not for a terminal; add -o FILE.zip or --class CLASS\r\n",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_long_work_shows_progress_on_a_terminal(tmp_path):
    status, shown = terminal("init", tmp_path / "base")
    assert status == 0
    assert re.search("reading facts|applying rules|writing", shown)  # what is over at once is not seen
    assert f"made {tmp_path}"[:20] in shown


# Streams that end or are full.


@pytest.mark.parametrize(
    "command",
    [
        "ask | head -1",
        "ask actors | head -1",
        "ask actors | true",
        "--help | true",
        "show Turkey | true",
        "query 'SELECT * { ?s ?p ?o }' --format json | head -c 10",
        "export --what everything --format nquads | head -1",
        "export --format csv | true",
        "completion bash | true",
    ],
)
def test_a_reader_that_goes_away_ends_the_command_in_silence(command):
    shell = f"set -o pipefail; {sys.executable} -m kg {command}"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("args", [["ask", "actors"], ["show"], ["export"], ["--help"]])
def test_a_full_disk_is_one_line_and_status_2(args):
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*KG, *args], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert ended.returncode == 2
    assert re.fullmatch(rb"kg: standard output: No space left on device; [^\n]+\n", ended.stderr)


@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("command", ["ask actors", "ask zzz", "--help"])
def test_closed_streams_end_in_no_traceback(closed, command):
    shell = f"{sys.executable} -m kg {command} {closed}"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, check=False, timeout=60)
    assert ended.returncode == (2 if "zzz" in command else 0)
    assert b"Traceback" not in ended.stderr


def test_a_terminal_that_cannot_show_a_letter_shows_something_else():
    for encoding in ("ascii", "latin-1"):
        shown = process("show", "Turkey", env=os.environ | {"PYTHONIOENCODING": encoding})
        assert (shown.returncode, shown.stderr) == (0, b"")


# Completion.


def complete(words: str) -> list[str]:
    env = os.environ | {
        "_KG_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    installed = Path(sys.executable).with_name("kg")
    ended = subprocess.run([installed], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("kg as", ["ask"]),
        ("kg ask par", [name for name in sorted(stored_questions()) if name.startswith("par")]),
        ("kg ask zzz", [""]),
        ("kg export --fo", ["--format"]),
        ("kg ask --format t", ["table", "tsv"]),
    ],
)
def test_the_shell_is_offered_commands_options_and_questions(words, offered):
    assert complete(words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_the_shell_takes(shell, run):
    assert "_KG_COMPLETE" in run("completion", shell).done()


# The canonical form.


def test_fmt_check_names_each_file_that_differs_and_changes_nothing(run, tmp_path):
    path = tmp_path / "facts.ttl"
    path.write_text("<urn:b> <urn:p> 1 . <urn:a> <urn:p> 1 .\n")
    checked = run("fmt", "--check", path)
    assert (checked.status, checked.out) == (1, "")
    assert checked.err == f"{path}: not in canonical form; run kg fmt\n"
    assert path.read_text().startswith("<urn:b>")
    assert run("fmt", path).err == f"{path}: formatted\n"
    assert run("fmt", "--check", path) == run("fmt", path)
    assert run("fmt", "--check", path).status == 0


def test_a_file_that_cannot_be_read_stops_fmt_with_its_place(run, tmp_path):
    path = tmp_path / "facts.ttl"
    path.write_text("<urn:b> <urn:p> .\n")
    assert run("fmt", path).refused(2).startswith(f"{path}:1:")
    assert path.read_text() == "<urn:b> <urn:p> .\n"


# The package.


def test_asking_imports_nothing_heavy():
    program = (
        "import sys, kg; before = set(sys.modules); answer = kg.open().ask('backs-opposing-sides');"
        "assert len(answer) > 0; print(*sorted(sys.modules))"
    )
    kg.open()
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "kg.repository" in loaded
    heavy = {"rdflib", "owlrl", "pyshacl", "click", "rich", "pandas", "polars", "networkx", "httpx"}
    assert heavy.isdisjoint(loaded)


def test_import_kg_alone_imports_no_module_of_it():
    program = (
        "import sys, kg; print(*sorted(name for name in sys.modules if name.startswith(('kg', 'pyox'))))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout == "kg\n"


def test_the_command_that_asks_imports_neither_rdflib_nor_rich():
    kg.open()
    command = [sys.executable, "-X", "importtime", "-m", "kg", "ask", "backs-opposing-sides"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loaded = set(re.findall(r"\| +([\w.]+)$", said, re.MULTILINE))
    assert "kg.asking.questions" in loaded
    assert {"rdflib", "owlrl", "rich", "networkx", "pandas"}.isdisjoint(loaded)
