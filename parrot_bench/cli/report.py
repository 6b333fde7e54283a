"""``parrot-bench report``: write the report of what was saved."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug
from parrot_bench.cli.terminal import (
    conclude,
    console,
    one_line_errors,
    saved_record,
)
from parrot_bench.errors import UsageError
from parrot_bench.record import RunDirectory


def report(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|FILE",
            help=(
                "A run directory; or a file of spans as OTLP/JSON lines, plain or gzip, such as "
                "a collector's file exporter writes."
            ),
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the report of a file of spans.",
            show_default="the file's own",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of a saved run again, or of any application's GenAI spans.

    Of a run: report.html, figures and summary.md, from the run directory alone. It can be made
    on another machine, without the model and without LangChain.

    Of spans: tokens, errors, latency and time to first chunk by operation, and traces drawn. A
    line that cannot be read is told with its number; the others are used.

        parrot-bench report traces.jsonl --out report
    """
    with one_line_errors(debug=debug):
        if path.is_file():
            _report_spans(path, out)
            return
        if out is not None:
            raise UsageError("--out is for a file of spans; a run's report lies in the run itself")
        directory = RunDirectory(path)
        record = saved_record(directory)
        conclude(directory, record)


def _report_spans(path: Path, out: Path | None) -> None:
    from parrot_reports import write_span_report  # noqa: PLC0415  # matplotlib takes a second

    with console.status("writing the report"):
        files = write_span_report(path, out)
    console.print(Text(files.headline), soft_wrap=True)
    console.print(Text(f"\nreport: {files.page}"), soft_wrap=True)
