"""The command line: one file a command.

This package alone may import everything; it holds no logic of its own.
"""

from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.cli.bisect import bisect
from parrot_bench.cli.check import check
from parrot_bench.cli.compare import compare
from parrot_bench.cli.configured import configure
from parrot_bench.cli.conformance import conformance
from parrot_bench.cli.export import export
from parrot_bench.cli.init import init
from parrot_bench.cli.load import load
from parrot_bench.cli.merge import merge
from parrot_bench.cli.modes import modes
from parrot_bench.cli.record import record
from parrot_bench.cli.report import report
from parrot_bench.cli.run import run

app = typer.Typer(
    name="parrot-bench",
    epilog=(
        "Exit status: 0 done or pass; 1 a regression, a defect or a failed check; "
        "2 usage or bad input; 3 inconclusive; 4 not measured."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    run,
    load,
    merge,
    compare,
    bisect,
    check,
    record,
    report,
    modes,
    init,
    export,
    conformance,
):
    app.command()(command)


@app.callback()
def main(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Read options from this file.",
            show_default="parrot-bench.toml, or [tool.parrot-bench] of pyproject.toml, here",
        ),
    ] = None,
) -> None:
    """What does each way of calling your LangChain chat model cost?

    And can you trust the number?
    """
    configure(context, config)
