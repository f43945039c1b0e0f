"""The commands that follow answers down to the words they rest on; like the command line itself nothing but grammar."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kg.commands.terminal import open_given, open_view, parameters, progress, viewing, write_file
from kg.errors import UsageError

_Command = TypeVar("_Command", bound=Callable[..., Any])

_output = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write; else standard output."
)


def _forms(*names: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--format",
        "form",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="How to tell it.",
    )


def _written(content: str | bytes, output: Path | None) -> None:
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    if output is None or str(output) == "-":
        sys.stdout.buffer.write(data)
    else:
        write_file(output, data)


@click.command(
    "explain",
    short_help="Show why a triple holds, or what is missing.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("subject")
@click.argument("predicate")
@click.argument("object", metavar="OBJECT")
@click.option(
    "--all",
    "most",
    type=click.IntRange(1, 100),
    default=1,
    metavar="N",
    help="Show up to N proofs, shortest first.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    metavar="STEPS",
    help="The longest proof to look for.",
)
@_forms("text", "json", "turtle", "svg", "html")
@_output
@viewing
@click.pass_context
def _explain(  # noqa: PLR0913, PLR0917 - one for each option
    ctx: click.Context,
    /,
    subject: str,
    predicate: str,
    object: str,  # noqa: A002 - the third part of a triple is called so
    most: int,
    limit: int,
    form: str,
    output: Path | None,
    **view: str,
) -> None:
    """Show on which sentences a triple rests, rule by rule; of one that does not hold, what is missing.

    Things, properties and classes may be given by a label, a CURIE or an IRI, values as they are read or as in Turtle.

    Example: kg explain Russia supports Syria
    """
    explanation = open_view(ctx, view).explain(subject, predicate, object, most=most, limit=limit)
    if form in ("svg", "html"):
        from kg.drawing.prooftrees import drawn_proof

        _written(drawn_proof(explanation, form), output)
        return
    from kg.telling.explanations import explained

    _written(explained(explanation, form), output)


@click.command("contested", short_help="List where speakers differ.")
@click.argument("thing", required=False)
@_forms("text", "markdown", "json")
@_output
@viewing
@click.pass_context
def _contested(ctx: click.Context, /, thing: str | None, form: str, output: Path | None, **view: str) -> None:
    """List where speakers or sources differ on the same thing, of all things or of THING; no side is chosen.

    Example: kg contested
    """
    from kg.telling.disputing import disputes_written

    found = open_view(ctx, view).contested(thing)
    if thing and not found:
        click.echo(f"of what concerns {thing}", err=True)
    _written(disputes_written(found, form), output)


@click.command("diff", short_help="Compare two views.")
@click.argument("left", metavar="VIEW")
@click.argument("right", metavar="VIEW")
@_forms("text", "json")
@_output
@click.pass_context
def _diff(ctx: click.Context, left: str, right: str, form: str, output: Path | None) -> None:
    """Say what one view has that the other has not, and which stored questions they answer differently.

    A VIEW is default, as-told-by:SPEAKER, by:SOURCE or as-of:DATE, or several of these joined by commas.

    Example: kg diff default as-told-by:vladimir-putin
    """
    from kg.telling.differing import difference_written

    base = open_given(ctx)
    with progress() as report:
        found = base.diff(left, right, progress=report)
    _written(difference_written(found, form), output)


@click.command("impact", short_help="Say what withdrawing claims would change.")
@click.argument("claims", nargs=-1)
@click.option("--source", metavar="SOURCE", help="All claims of a source.")
@_forms("text", "json")
@_output
@click.pass_context
def _impact(
    ctx: click.Context, claims: tuple[str, ...], source: str | None, form: str, output: Path | None
) -> None:
    """Say which facts would go and which stored questions would answer differently, were CLAIMS withdrawn.

    Nothing is changed: kg retract does that.

    Example: kg impact idlib-ceasefire/20
    """
    from kg.telling.differing import impact_written

    if not claims and source is None:
        raise UsageError("no claim is named", remedy="name claims, or a source with --source")
    base = open_given(ctx)
    with progress() as report:
        found = base.impact(*claims, source=source, progress=report)
    _written(impact_written(found, form), output)


@click.command("since", short_help="Brief on what is new since a day.")
@click.argument("date")
@_forms("text", "markdown", "json", "html")
@_output
@click.pass_context
def _since(ctx: click.Context, date: str, form: str, output: Path | None) -> None:
    """Tell what came since DATE, what was withdrawn, and what follows that did not follow before.

    DATE is a day (from its beginning, UTC) or a moment.

    Example: kg since 2026-11-01 --format html -o briefing.html
    """
    from kg.telling.briefs import briefing_written

    _written(briefing_written(open_given(ctx).since(date), form), output)


@click.command(
    "draw",
    short_help="Draw a thing, an answer, a map, a timeline.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("what", required=False, metavar="[THING|QUESTION]")
@click.option("--map", "kind", flag_value="map", help="Draw the places that have coordinates.")
@click.option("--timeline", "kind", flag_value="timeline", help="Draw what has dates.")
@click.option(
    "--format", "form", type=click.Choice(["svg", "html"]), help="Default: as the file's name ends, else svg."
)
@_output
@viewing
@click.pass_context
def _draw(
    ctx: click.Context,
    /,
    what: str | None,
    kind: str | None,
    form: str | None,
    output: Path | None,
    **view: str,
) -> None:
    """Draw the graph around THING or the answer to QUESTION, or without either the whole of a small base.

    A parameter of the question is an option of its own, as with kg ask. Derived edges are dashed.

    Example: kg draw Turkey -o turkey.svg
    """
    given = parameters(ctx.args)
    ending = output.suffix.removeprefix(".").lower() if output else ""
    if form is None and ending not in ("", "svg", "html", "htm"):
        raise UsageError(f"a picture is no {ending}", remedy="name the file .svg or .html, or give --format")
    form = form or ("html" if ending.startswith("htm") else "svg")
    _written(open_view(ctx, view).draw(what, given, form=form, kind=kind or "graph"), output)


COMMANDS = (_explain, _contested, _diff, _impact, _since, _draw)
"""In the order in which a newcomer needs them."""
