"""``parrot-bench run --against``: measure two sides, print what differs, judge it."""

from pathlib import Path
from typing import Final

import typer

from parrot_bench.cli.comparison import print_comparison
from parrot_bench.cli.terminal import Form, console, errors, write_page
from parrot_bench.errors import MeasurementError, ParrotBenchError
from parrot_bench.record import RunDirectory, RunRecord
from parrot_bench.request import Request

AGAINST_S: Final = 180.0
"""Time for all pairs, unless asked otherwise, seconds."""

GATED_S: Final = 360.0
"""The same with a threshold. What the gate promises takes up to 60 pairs where others keep every
processor busy, and a pair takes 5 s there."""

AGAINST_TARGET: Final = 0.005
"""Half-width to stop at without a threshold."""


def run_against(
    request: Request, out: Path | None, form: Form = "text", *, quiet: bool = False
) -> None:
    """Measure a model against something else, and leave with the status of its gate.

    Args:
        request: What is asked for.
        out: The run directory.
        form: What is printed at the end.
        quiet: Print no progress.
    """
    from parrot_bench.against.carrying import compare_sides  # noqa: PLC0415  # loads LangChain
    from parrot_bench.against.progress import PairProgress  # noqa: PLC0415
    from parrot_bench.gate import EXIT_STATUS  # noqa: PLC0415

    # What is printed may be piped into a file; how it goes is said beside it.
    progress = PairProgress(console if console.is_terminal else errors)
    directory: list[RunDirectory] = []
    try:
        watcher = None if quiet else progress
        record = compare_sides(request, out=out, watcher=watcher, opened=directory.append)
    except ParrotBenchError:
        progress.close()
        if directory and directory[0].record.exists():
            _conclude(directory[0], directory[0].read_record(), form)
        raise
    finally:
        progress.close()
    _conclude(directory[0], record, form)
    if record.status == "incomplete":
        raise MeasurementError(
            f"{record.status_note}; the finished rounds are kept in {directory[0].path}"
        )
    gate = record.comparison.gate if record.comparison is not None else None
    if gate is not None and EXIT_STATUS[gate]:
        raise typer.Exit(EXIT_STATUS[gate])


def _conclude(directory: RunDirectory, record: RunRecord, form: Form) -> None:
    """Print the comparison, and write the report."""
    from parrot_reports import write_report  # noqa: PLC0415  # matplotlib takes a second

    if record.comparison is not None:
        print_comparison(record.comparison, form)
    write_page(lambda: write_report(directory.path), form)
