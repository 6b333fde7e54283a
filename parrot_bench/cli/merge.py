"""``parrot-bench merge``: loads that were made at the same time, as one."""

from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.cli.carrying import command_line
from parrot_bench.cli.options import Debug, ResultForm
from parrot_bench.cli.terminal import EXIT_FAILED, conclude, one_line_errors, print_line


def merge(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="Run directories of **parrot-bench load**, two or more.",
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="DIR", help="The merged run's directory; new or empty."
        ),
    ],
    form: ResultForm = "text",
    debug: Debug = False,
) -> None:
    """Put loads together that were made at the same time, on as many machines as you like.

    Each machine makes its own part with the same options, started by whatever starts your jobs.
    Their raw calls are put on one clock, the machines' wall clock, and judged anew: rates and
    calls in flight add up, and percentiles are those of all calls.

        parrot-bench merge node1 node2 node3 -o together

    Exit status: 0 done; 1 more errors than **--max-errors** of the runs; 2 bad input.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.record import RunDirectory  # noqa: PLC0415  # --help needs no pydantic
        from parrot_bench.saved_runs.merging import merge as merged  # noqa: PLC0415

        record = merged(runs, out, command_line(None))
        conclude(RunDirectory(out), record, form)
        found = record.load
        if found is not None and found.error_share > found.max_errors:
            said = (
                f"{found.error_share:.1%} of the calls failed, over the {found.max_errors:.1%} "
                "that the runs allow"
            )
            print_line(f"parrot-bench: {said}")
            raise typer.Exit(EXIT_FAILED)
