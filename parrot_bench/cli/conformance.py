"""``parrot-bench conformance``: judge a LangChain OpenTelemetry handler."""

from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.cli.options import Debug, names
from parrot_bench.cli.terminal import (
    EXIT_FAILED,
    console,
    one_line_errors,
)


def conformance(
    handler: Annotated[
        str,
        typer.Argument(
            metavar="HANDLER",
            help=(
                "**module:factory**, naming a function that takes a tracer provider. It returns "
                "callback handlers, or an object with uninstrument(), or None. The current "
                "folder is importable. Without it, our own handler."
            ),
            show_default=False,
        ),
    ] = "",
    *,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HANDLER[,HANDLER…]",
            help="Attach these as well; still every call has to give one span.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN[,PATTERN…]",
            help="Perform the cells of which this is a part or a pattern, such as 'ainvoke*/bare'.",
            show_default="all",
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the cells, and perform none.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Fail on what takes our instrumentor, too."),
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every check of every cell.", show_default=False),
    ] = None,
    spans: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write all spans, as OTLP/JSON lines.", show_default=False
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Judge a LangChain OpenTelemetry handler: every execution mode, every place, every fault.

    Prints one table of modes and places and one of faults, and a line for every way in which a
    check failed. Exit status 1 if one did.

        parrot-bench conformance my_app.tracing:make_handler --json conformance.json
    """
    with one_line_errors(debug=debug):
        from parrot_bench.conformance import OURS, judge, list_cells  # noqa: PLC0415  # LangChain

        if listed:
            list_cells(names(only), console)
            return
        passed = judge(
            [handler or OURS, *names(also)],
            only=names(only),
            strict=strict,
            json_file=json,
            spans_file=spans,
            console=console,
        )
    if not passed:
        raise typer.Exit(EXIT_FAILED)
