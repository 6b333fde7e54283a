"""Carrying out a run from the command line: its progress, its end, and its own command line."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from parrot_bench.cli.terminal import Form, conclude, console, errors
from parrot_bench.errors import MeasurementError, ParrotBenchError
from parrot_bench.record import RunDirectory, RunRecord

if TYPE_CHECKING:
    from parrot_bench.request import Request


def carry_out_and_conclude(
    request: "Request",
    out: Path | None,
    form: Form,
    *,
    quiet: bool,
    agreed: Callable[[], object] | None = None,
) -> RunRecord:
    """Measure, show how it goes, write the report and print what was found.

    Args:
        request: What is asked for.
        out: The run directory.
        form: What is printed at the end.
        quiet: Print no progress.
        agreed: Asked once the model is loaded; see :func:`parrot_bench.running.carry_out`.

    Returns:
        The record of the complete run.

    Raises:
        ParrotBenchError: It could not be carried out, or was stopped; what there is is reported.
    """
    from parrot_bench.progress import Progress  # noqa: PLC0415  # --help needs no LangChain
    from parrot_bench.running import carry_out  # noqa: PLC0415
    from parrot_reports.units import ratio  # noqa: PLC0415

    # What is printed for machines must be all of it; how it goes is said beside it.
    progress = Progress(console if form == "text" else errors, ratio)
    directory: list[RunDirectory] = []

    def ask() -> None:
        progress.close()
        if agreed is not None:
            agreed()

    try:
        record = carry_out(
            request,
            out=out,
            watcher=None if quiet else progress,
            opened=directory.append,
            agreed=ask,
        )
    except ParrotBenchError:
        progress.close()
        if directory and directory[0].record.exists():
            conclude(directory[0], directory[0].read_record(), form)
        raise
    finally:
        progress.close()
    conclude(directory[0], record, form)
    if record.status == "incomplete":
        raise MeasurementError(f"{record.status_note}; they are kept in {directory[0].path}")
    return record


def command_line(*prompts: str | None) -> tuple[str, ...]:
    """The command line for the record, without any prompt's text and without credentials."""
    from parrot_callbacks.redaction import redact_text  # noqa: PLC0415  # lazily

    command = []
    for argument in ["parrot-bench", *sys.argv[1:]]:
        shown = argument
        for prompt in prompts:
            if prompt and prompt in argument and not prompt.startswith("@"):
                shown = argument.replace(prompt, "…")
        command.append(redact_text(shown))
    return tuple(command)
