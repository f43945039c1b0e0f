"""The commands that make, check and change bases; like the command line itself nothing but grammar."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kg.commands.terminal import open_given, open_view, progress, viewing, write_file
from kg.errors import Refused, UsageError

if TYPE_CHECKING:
    from kg.bases.upkeep import Loaded
    from kg.findings import Verdict
    from kg.importing.importing import Imported
    from kg.repository import Base

_LONG = 1.0
"""Seconds that a step of a load must have taken to be told."""
_MOST_REASONS = 10

_FORMS = ("text", "json", "sarif", "junit", "turtle")
_SYNTAXES = {"turtle": ".ttl", "trig": ".trig", "ntriples": ".nt", "nquads": ".nq", "jsonld": ".jsonld"}
_Command = TypeVar("_Command", bound=Callable[..., Any])

_files = click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
_form = click.option(
    "--format", "form", type=click.Choice(_FORMS), default="text", show_default=True, help="How to report."
)
_refused = click.option(
    "--refused",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where it is refused, write all that was found here, as tab-separated values.",
)
_fail_on = click.option(
    "--fail-on",
    type=click.Choice(["violation", "warning"]),
    default="violation",
    show_default=True,
    help="Refuse for a warning too.",
)
_OPTIONS = (
    click.option("--source", metavar="SOURCE", help="For plain triples: the source that they were read in."),
    click.option("--quote", metavar="WORDS", help="For plain triples: the words that they rest on."),
    click.option("--at", type=int, metavar="N", help="Where the quote begins, if it occurs more than once."),
    click.option(
        "--said-by", metavar="WHO", help="For plain triples: whose word it is, if not the source's own."
    ),
    click.option(
        "--text",
        "texts",
        multiple=True,
        type=click.Path(path_type=Path),
        help="The text of a new source, as it was published.",
    ),
    click.option(
        "--syntax", type=click.Choice(list(_SYNTAXES)), help="If the file's name does not tell, and for -."
    ),
    _fail_on,
)


def _proposing(command: _Command) -> _Command:
    """Give a command the options that say what the files are and what is to be refused."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("init", short_help="Make a base on disk, or behind an endpoint.")
@click.argument("place")
def _init(place: str) -> None:
    """Make a base in PLACE, a new folder or the URL of an endpoint, with the built-in article and reference data.

    Example: kg init my-base
    """
    from kg.repository import init

    with progress() as report:
        base = init(place, report)
    click.echo(f"made {place}: {base.summary()}", err=True)


@click.command("check", short_help="Say what is wrong with new facts, or with the whole base.")
@_files
@_proposing
@_form
@click.option("--explain", metavar="CODE", help="Explain a finding by its code, and do nothing else.")
@viewing
@click.pass_context
def _check(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    form: str,
    explain: str | None,
    **given: Any,  # noqa: ANN401 - click's options
) -> None:
    """Say what adding FILES would do, and change nothing; without FILES check the whole base, or a view of it.

    FILES are Turtle, TriG, N-Triples, N-Quads or JSON-LD (- is standard input) and count as one proposal.
    Exit status: 0 accepted, 1 refused, 5 nothing was checked, because nothing in it is in our terms.

    Example: kg check facts.ttl
    """
    if explain is not None:
        from kg.reporting.pages import explained

        click.echo(explained(explain), nl=False)
        return
    seen = {name: given.pop(name) for name in ("as_told_by", "by", "as_of")}
    if not files:
        view = open_view(ctx, seen)
        with progress() as report:
            verdict = view.validate(report)
    elif any(value is not None for value in seen.values()):
        raise UsageError(
            "files are checked against the base itself", remedy="leave out the options of a view"
        )
    else:
        base = open_given(ctx)
        with progress() as report:
            verdict = base.check(*_handed(files, given), **_meant(given), progress=report)
    _report(ctx, verdict, form, files)


@click.command("add", short_help="Check new facts and add them to a base.")
@_files
@_proposing
@_form
@click.pass_context
def _add(ctx: click.Context, /, files: tuple[Path, ...], form: str, **given: Any) -> None:  # noqa: ANN401 - click's options
    """Check FILES as kg check does, and if nothing is wrong add them to the base that --store names.

    All of it is added or nothing. Plain triples need --source and --quote, and --said-by where they are
    someone's word; claims in TriG or N-Quads say that themselves. The text of a new source is given with
    --text, or lies beside its file. Adding the same again changes nothing.

    Example: kg --store my-base add facts.ttl --source idlib-ceasefire --quote "Russia and Turkey Agree"
    """
    if not files:
        raise UsageError("there is no file to add", remedy="name files, or - for standard input")
    base = open_given(ctx)
    with progress() as report:
        verdict = base.add(*_handed(files, given), **_meant(given), progress=report)
    _report(ctx, verdict, form, files)


def _handed(files: tuple[Path, ...], given: dict[str, Any]) -> list[Any]:
    """Return what was handed in, standard input read; takes ``syntax`` out of the options."""
    from kg.outside.proposals import SYNTAXES, Document

    name = given.pop("syntax", None)
    syntax = SYNTAXES[_SYNTAXES[name]] if name else None
    handed: list[Any] = []
    for path in files:
        if str(path) == "-":
            if syntax is None:
                raise UsageError(
                    "standard input does not tell its syntax", remedy="add --syntax turtle, for one"
                )
            handed.append(Document("standard input", sys.stdin.buffer.read(), syntax))
        else:
            handed.append(Document(str(path), path.read_bytes(), syntax) if syntax else path)
    return handed


def _meant(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a proposal as the library takes them."""
    from kg.gate.submissions import Framing

    strict = given.pop("fail_on") == "warning"
    texts = tuple(given.pop("texts"))
    words = {name: value for name, value in given.items() if value is not None}
    return {"framing": Framing(texts=texts, **words), "strict": strict}


def _report(ctx: click.Context, verdict: Verdict, form: str, files: tuple[Path, ...]) -> None:
    from kg.reporting.verdicts import written

    texts = {str(path): _shown(path) for path in files if path.is_file()} if form == "text" else {}
    sys.stdout.write(written(verdict, form, files=texts))
    ctx.exit(verdict.exit_status)


def _shown(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="replace")


@click.command("retract", short_help="Withdraw claims.")
@click.argument("claims", nargs=-1)
@click.option("--source", metavar="SOURCE", help="Withdraw all claims of a source.")
@click.option("--reason", required=True, metavar="WORDS", help="Why; kept on record.")
@_fail_on
@_form
@click.pass_context
def _retract(ctx: click.Context, /, claims: tuple[str, ...], form: str, fail_on: str, **given: str) -> None:
    """Withdraw CLAIMS, or with --source all claims of a source.

    They stay on record with the time and the reason; what rested on them alone is no longer held true. What is
    then incomplete is told as warnings.

    Example: kg --store my-base retract idlib-ceasefire/12 --reason "the newspaper corrected it"
    """
    base = open_given(ctx)
    with progress() as report:
        verdict = base.retract(*claims, strict=fail_on == "warning", progress=report, **given)
    _report(ctx, verdict, form, ())


@click.command("load", short_help="Load claims and reference data in bulk.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_refused
@click.pass_context
def _load(ctx: click.Context, files: tuple[Path, ...], refused: Path | None) -> None:
    """Load claims and reference data in bulk into the base that --store names.

    FILES are TriG or N-Quads: claim graphs, their descriptions in graph:claims, and graph:reference. The text
    of a new source lies beside its file. They are checked as with kg add, step by step: the first step that
    finds faults ends it. For a few articles kg add is quicker; for thousands this is.

    Example: kg --store my-base load article.trig
    """
    _tell_loaded(_loaded(open_given(ctx), files, refused))


def _loaded(base: Base, files: Sequence[Path], refused: Path | None) -> Loaded:
    """Load files; where they are refused, write all that was found to a file if one is named."""
    try:
        with progress() as report:
            return base.load(files, report)
    except Refused as error:
        if refused is not None:
            from kg.loading.faults import findings_written

            write_file(refused, findings_written(error).encode())
        raise


@click.command("import", short_help="Load a data set that others publish as a table.")
@click.argument("name", required=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--version", metavar="VERSION", help="Which version the file is, where it does not say so itself."
)
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Keep the claims and their texts here.")
@click.option("--left-out", type=click.Path(path_type=Path), help="Write what was left out, and why, as CSV.")
@_refused
@click.pass_context
def _import(  # noqa: PLR0913, PLR0917 - click's options
    ctx: click.Context,
    name: str | None,
    file: Path | None,
    version: str | None,
    folder: Path | None,
    left_out: Path | None,
    refused: Path | None,
) -> None:
    """Make a claim of each row of FILE, as the mapping NAME says, and load them into the base that --store names.

    Rows are joined to what the base knows by identifiers, never by names. What cannot be joined is left out and
    told. Without a base to load into, --to only writes the files. Without NAME the mappings are listed; NAME may
    be a mapping file of your own. Nothing is fetched.

    Example: kg --store my-base import ucdp-dyadic ucdp-dyadic-251.csv
    """
    from kg.importing.mappings import mappings

    if name is None:
        for one in mappings():
            click.echo(f"{one.name:16} {one.title} ({one.publisher})")
        return
    if file is None:
        raise UsageError(f"the file of {name} is missing", remedy="name it after the mapping")
    stored = ctx.find_root().obj is not None
    if not stored and folder is None:
        remedy = "name a base with --store, or a folder for the claims with --to"
        raise UsageError("the built-in base takes no new facts", remedy=remedy)
    base = open_given(ctx)
    with tempfile.TemporaryDirectory(prefix="parley-") as passing:
        with progress() as report:
            done = base.convert(name, file, folder or Path(passing), version=version, progress=report)
        if left_out is not None:
            write_file(left_out, done.left_out.read_bytes())
        click.echo(_imported(done), err=True)
        if stored:
            _tell_loaded(_loaded(base, [done.file], refused))


def _imported(done: Imported) -> str:
    """Say what came of an import: how many rows, and what was left out, most frequent reasons first."""
    lines = [f"{done.rows:,} rows: {done.claims:,} claims, {done.rows_left_out:,} rows left out"]
    lines += [
        f"  left out {number:,} times: {f'{column}: ' if column else ''}{reason}"
        for (column, reason), number in list(done.reasons.items())[:_MOST_REASONS]
    ]
    if len(done.reasons) > _MOST_REASONS:
        lines.append(
            f"  and for {len(done.reasons) - _MOST_REASONS} more reasons; --left-out FILE lists them all"
        )
    return "\n".join(lines)


def _tell_loaded(loaded: Loaded) -> None:
    """Say what was loaded, and how long it took."""
    steps = ", ".join(
        f"{step} {seconds:.1f} s" for step, seconds in loaded.seconds.items() if seconds >= _LONG
    )
    click.echo(
        f"loaded {', '.join(loaded.files)}: {loaded.quads:,} quads, {loaded.claims:,} new claims; "
        f"{loaded.held:,} triples hold now{f' ({steps})' if steps else ''}",
        err=True,
    )


@click.command("backup", short_help="Copy a base.")
@click.argument("directory", type=click.Path(path_type=Path))
@click.pass_context
def _backup(ctx: click.Context, directory: Path) -> None:
    """Copy the base that --store names to DIRECTORY, which then is a base of its own.

    Others may read and write the base meanwhile.

    Example: kg --store my-base backup my-base-2026-11-22
    """
    open_given(ctx).backup(directory)
    click.echo(f"copied to {directory}", err=True)


@click.command("rebuild", short_help="Make a base's store anew from its journal.")
@click.pass_context
def _rebuild(ctx: click.Context) -> None:
    """Make the store of the base that --store names anew from its journal, after damage or doubt.

    Of a base behind an endpoint, which has no journal, the view is made anew from the claims.

    Example: kg --store my-base rebuild
    """
    from kg.repository import rebuild

    place = ctx.find_root().obj
    if place is None:
        raise UsageError("the built-in base has no journal", remedy="name a base on disk with --store")
    with progress() as report:
        base = rebuild(place, report)
    click.echo(f"built anew: {base.summary()}", err=True)


@click.command("fmt", short_help="Bring Turtle and TriG into canonical form.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a file is not in canonical form.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def _fmt(ctx: click.Context, check: bool, files: tuple[Path, ...]) -> None:
    """Write Turtle and TriG files in the one canonical form; without FILES those of the checkout one stands in.

    Example: kg fmt --check facts.ttl
    """
    from kg.syntax.turtle import format_file

    folders = (Path(name) for name in ("ontology", "seeds"))
    own = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".ttl", ".trig"))
    if not files and not own:
        raise UsageError("there is no ontology/ or seeds/ here", remedy="name the files to format")
    different = []
    for path in files or own:
        text = format_file(path)
        if text.encode() != path.read_bytes():
            different.append(path)
            if not check:
                write_file(path, text.encode())
    for path in different:
        click.echo(f"{path}: {'not in canonical form; run kg fmt' if check else 'formatted'}", err=True)
    if check and different:
        ctx.exit(1)


COMMANDS = (_init, _check, _add, _retract, _load, _import, _backup, _rebuild, _fmt)
"""In the order in which a newcomer needs them."""
