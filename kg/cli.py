"""The command line: grammar, output and exit status, nothing else.

Data go to standard output, words to standard error. Exit status: 0 done, 1 refused, 2 wrong usage or
unreadable input, 3 a fault of Parley's own, 4 a limit was reached, 5 nothing was checked.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kg.commands import changing, following
from kg.commands.terminal import open_given, open_view, parameters, viewing, write_file
from kg.errors import ParleyError, UnreadableInput, UsageError
from kg.syntax.visible import visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kg.asking.answers import Answer

_CLAIM = re.compile(r"(?:<?https?://.*/claim/|claim:|claim/)?[\w.-]+/[\w.-]+>?")
_FORMATS = ("table", "json", "csv", "tsv", "markdown")


class _Commands(click.Group):
    """The commands in the order in which a newcomer needs them, and the nearest one for a typing error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--store", envvar="KG_STORE", help="The base to use: its folder, or the URL of a SPARQL endpoint."
)
@click.version_option(package_name="parley-kg", prog_name="kg")
@click.pass_context
def _kg(ctx: click.Context, store: str | None) -> None:
    """Ask a knowledge graph of conflict diplomacy in which every fact shows its sentence.

    Without --store (or KG_STORE) the built-in base is used: one article on the ceasefire in Idlib.

    Example: kg ask backs-opposing-sides
    """
    ctx.obj = store
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _complete_question(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    from click.shell_completion import CompletionItem

    from kg.asking.questions import question_files
    from kg.terms import data_folder

    names = question_files(data_folder() / "queries" / "questions")
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


_format_option = click.option(
    "--format", "form", type=click.Choice(_FORMATS), help="Default: table on a terminal, csv elsewhere."
)
_cite_option = click.option("--cite", is_flag=True, help="Show the claims that each row rests on.")


@_kg.command(
    "ask",
    short_help="Answer a stored question, or list them.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("name", required=False, shell_complete=_complete_question)
@_format_option
@_cite_option
@viewing
@click.option(
    "-h", "--help", "wants_help", is_flag=True, help="Show this message, or the parameters of NAME."
)
@click.pass_context
def _ask(
    ctx: click.Context, /, name: str | None, form: str | None, cite: bool, wants_help: bool, **view: str
) -> None:
    """Answer a stored question; without NAME list the questions by theme.

    A parameter of the question is an option of its own. A thing may be given by a label in any language, a
    code, a CURIE or an IRI.

    Example: kg ask leaders --state Turkey --cite
    """
    if name is None:
        click.echo(ctx.get_help() + "\n" if wants_help else _listing(form), nl=False)
        return
    if wants_help:
        from kg.asking.reports import question_page
        from kg.view import stored_question

        click.echo(question_page(stored_question(name)), nl=False)
        return
    form, base = _chosen(form), open_view(ctx, view)
    answer = base.ask(name, parameters(ctx.args), cite=cite, labels=_has_labels(form, cite=cite))
    _show_answer(answer, form)


def _listing(form: str | None) -> str:
    from kg.asking.reports import question_list, question_rows
    from kg.view import stored_questions

    questions = stored_questions().values()
    return question_list(questions) if form in (None, "table") else question_rows(questions).written(form)


@_kg.command("query", short_help="Run a SPARQL query.")
@click.argument("sparql")
@_format_option
@_cite_option
@viewing
@click.option("--timeout", default=30.0, show_default=True, help="Seconds after which the query is stopped.")
@click.option("--memory", default=2048, show_default=True, help="MiB of memory that the query may take.")
@click.pass_context
def _query(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: click.Context, /, sparql: str, form: str | None, cite: bool, timeout: float, memory: int, **view: str
) -> None:
    """Run a SPARQL query over the view: SPARQL itself, a file that holds it, or - for standard input.

    Our prefixes (id:, parley:, rdfs:, …) need not be declared. GRAPH reaches the claims and their graphs.

    Example: kg query "SELECT ?state WHERE { ?state a parley:State }"
    """
    text, form = _sparql(sparql), _chosen(form)
    base, labels = open_view(ctx, view), _has_labels(form, cite=cite)
    _show_answer(base.query(text, seconds=timeout, memory=memory, cite=cite, labels=labels), form)


def _sparql(argument: str) -> str:
    if argument == "-":
        return _utf8(sys.stdin.buffer.read(), "standard input")
    exists = os.path.exists(argument)  # noqa: PTH110 - Path.exists raises for a name that is too long
    if "{" not in argument and (exists or Path(argument).suffix in (".rq", ".sparql")):
        return _utf8(Path(argument).read_bytes(), argument)
    return argument


def _utf8(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise UnreadableInput(what, where=where, remedy="save it as UTF-8") from error


def _chosen(form: str | None) -> str:
    return form or ("table" if sys.stdout.isatty() else "csv")


def _has_labels(form: str, *, cite: bool) -> bool:
    from kg.asking.answers import FOR_MACHINES

    return cite or form not in FOR_MACHINES


def _show_answer(answer: Answer, form: str) -> None:
    if answer.cited is not None:
        from kg.telling.cited import cited

        width = None if sys.stdout.isatty() else 120
        sys.stdout.buffer.write(cited(answer, answer.cited, form, width).encode(errors="backslashreplace"))
        return
    if form != "table":
        sys.stdout.buffer.write(answer.written(form).encode())
        return
    from kg.asking.reports import answer_table

    click.echo(answer_table(answer, None if sys.stdout.isatty() else 120), nl=False)
    if answer.kind != "truth":
        click.echo(f"{len(answer)} row{'' if len(answer) == 1 else 's'}", err=True)


@_kg.command("show", short_help="Print what is known of a thing, with the quotes.")
@click.argument("thing", required=False)
@viewing
@click.pass_context
def _show(ctx: click.Context, /, thing: str | None, **view: str) -> None:
    """Print what is known of THING in sentences, with the quotes; without THING list what there is.

    A claim, such as idlib-ceasefire/20, is shown where its words stand in the source.

    Example: kg show Turkey
    """
    base = open_view(ctx, view)
    if thing is None:
        _show_answer(base.things(), _chosen(None))
        return
    from kg.asking.reports import description_page, saying_page

    page = saying_page(base.claim(thing)) if _CLAIM.fullmatch(thing) else description_page(base.show(thing))
    click.echo(page, nl=False)


@_kg.command("export", short_help="Write the base for other tools.")
@click.option("--format", "form", default="turtle", show_default=True, metavar="FORMAT", help="See below.")
@click.option(
    "--what",
    default="view",
    show_default=True,
    metavar="view|stated|everything|SOURCE",
    help="What to write: all that holds, that without inferences, the whole base, or one source's claims.",
)
@click.option("--class", "of_class", metavar="CLASS", help="With csv: the table of this class alone.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write; else standard output."
)
@viewing
@click.pass_context
def _export(
    ctx: click.Context, /, form: str, what: str, of_class: str | None, output: Path | None, **view: str
) -> None:
    """Write the base for other tools.

    Formats: turtle, trig, ntriples, nquads, jsonld, rdfxml, graphml (Gephi), geojson (QGIS) and csv (one table
    per class, in a zip archive).

    Example: kg export --format graphml -o idlib.graphml
    """
    content = open_view(ctx, view).export(form, what=what, of_class=of_class)
    if output is None or str(output) == "-":
        if form == "csv" and of_class is None and sys.stdout.isatty():
            raise UsageError("a zip archive is not for a terminal", remedy="add -o FILE.zip or --class CLASS")
        sys.stdout.buffer.write(content)
        return
    write_file(output, content)


@_kg.command("coverage", short_help="Print what became of each sentence.")
@click.pass_context
def _coverage(ctx: click.Context) -> None:
    """Print each sentence of the sources with its claims and the share of it that quotes cover.

    Example: kg coverage
    """
    from kg.asking.reports import coverage_page

    click.echo(coverage_page(open_given(ctx).coverage()), nl=False)


for _command in (*following.COMMANDS, *changing.COMMANDS):
    _kg.add_command(_command)


@_kg.command("completion", short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def _completion(shell: str) -> None:
    """Print what makes SHELL complete commands, options and the names of questions.

    Example: eval "$(kg completion bash)"
    """
    from click.shell_completion import shell_complete

    shell_complete(_kg, {}, "kg", "_KG_COMPLETE", f"{shell}_source")


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status; never shows a traceback unless ``KG_DEBUG`` is set."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller closed it
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a label need not be in the terminal's encoding
    stdout = sys.stdout
    try:
        status = _run(args)
    except SystemExit as stop:  # click ends completion so, and also | head, but then with another stdout
        status = int(stop.code or 0) if sys.stdout is stdout else _lost(BrokenPipeError())
    sys.exit(status)


def _run(args: Sequence[str] | None) -> int:
    try:
        status = _kg.main(args=args, prog_name="kg", standalone_mode=False)
        sys.stdout.flush()
        return int(status or 0)
    except ParleyError as error:
        click.echo(f"kg: {visible(str(error))}", err=True)
        return error.exit_status
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see '{context.command_path} --help')" if context else ""
        click.echo(f"kg: {' '.join(error.format_message().split())}{hint}", err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("kg: interrupted", err=True)
        return 130
    except OSError as error:
        return _lost(error)
    except Exception as error:
        if os.environ.get("KG_DEBUG"):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        click.echo(f"kg: a fault of Parley's own: {what}; set KG_DEBUG=1 for details and report it", err=True)
        return 3


def _lost(error: OSError) -> int:
    if error.filename is None:  # it is standard output, and Python would try to write again when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # the reader went away (| head): it has what it wanted
        return 0
    where = error.filename or "standard output"
    click.echo(f"kg: {where}: {error.strerror or error}; check the place and your rights", err=True)
    return 2
