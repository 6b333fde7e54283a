"""``parrot-bench report``: write the report of what was saved."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from parrot_bench.cli.options import Debug
from parrot_bench.cli.reading_progress import reading_progress
from parrot_bench.cli.terminal import (
    conclude,
    console,
    errors,
    one_line_errors,
    print_record,
)
from parrot_bench.errors import UsageError
from parrot_bench.record import RunDirectory
from parrot_bench.saved_runs.opening import saved_record

if TYPE_CHECKING:
    from parrot_reports.report import ReportFiles

_MOST_PROCESSES = 4
"""More do not help: one process unpacks and hands out what they read."""


def report(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|PATH...",
            help=(
                "A run directory; or spans: files of OTLP/JSON lines, plain or gzip, such as a "
                "collector's file exporter writes, folders of them, or the spans.parquet of an "
                "earlier report; or what pytest --benchmark-json wrote."
            ),
            show_default=False,
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the report of spans or of benchmarks.",
            show_default="that of the first file of spans; one beside the file of benchmarks",
        ),
    ] = None,
    form: Annotated[
        Literal["html", "md", "json"],
        typer.Option(
            "--format",
            help="A page with its files; or a summary for a pull request, or data, which are "
            "printed (or, where it is given, written into **--out**).",
        ),
    ] = "html",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Only spans with this attribute, of their own or of their resource. Repeatable: "
            "of one key any of the values, of several keys all.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Only spans that started then or later: 2026-11-22T10:30 (UTC), or 90s, 10m, 2h "
            "after the first span.",
            show_default=False,
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Only spans that started before it; the same.", show_default=False
        ),
    ] = "",
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Prices by model, as TOML: a table a model with input, output and perhaps cached "
            "per million tokens, and currency.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write the report of a saved run again, of any application's GenAI spans, or of benchmarks.

    Of a run: report.html, figures and summary.md, from the run directory alone. It can be made
    on another machine, without the model and without LangChain.

    Of spans, in the vocabulary of OpenTelemetry, OpenLLMetry or OpenInference: latency and time
    to first chunk by operation, throughput, errors, tokens, costs, and the slowest traces drawn.
    A line that cannot be read is told with its number; the others are used. Beside the report
    lies spans.parquet, from which it is made again in seconds.

        parrot-bench report traces.jsonl --out report --where service.name=shop

    Of a file of pytest-benchmark: each group in the order of cost, with medians, the middle half
    of the rounds and ratios to the fastest.
    """
    with one_line_errors(debug=debug):
        from parrot_reports.benchmarks.reading import is_benchmark_file  # noqa: PLC0415  # lazily

        run = RunDirectory(paths[0])
        of_spans = {"--where": where, "--since": since, "--until": until, "--prices": prices}
        if len(paths) == 1 and (run.record.exists() or run.journal.exists()):
            of_a_run = f"a run's report lies in the run itself, and its spans in {run.spans}"
            _refuse({"--out": out}, "files", of_a_run)
            _refuse(of_spans, "a file of spans", of_a_run)
            record = saved_record(run.path)
            if form == "html":
                conclude(run, record)
            else:
                print_record(record, form)
        elif any(is_benchmark_file(path) for path in paths):
            _refuse(of_spans, "a file of spans", f"{paths[0]} is one of pytest-benchmark")
            _report_benchmarks(paths, out, form)
        else:
            _report_spans(paths, out, form, (where or [], since, until), prices)


def _refuse(options: Mapping[str, object], what_for: str, given: str) -> None:
    """Say which option does not go with what was given.

    Raises:
        UsageError: There is one.
    """
    for option, value in options.items():
        if value:
            raise UsageError(f"{option} is for {what_for}; {given}")


def _report_benchmarks(
    paths: list[Path], out: Path | None, form: Literal["html", "md", "json"]
) -> None:
    from parrot_reports.benchmarks.writing import (  # noqa: PLC0415
        benchmark_text,
        only_file,
        write_benchmark_report,
    )

    path = only_file(paths)
    if form == "html":
        _page_written(write_benchmark_report(path, out))
    else:
        _text_made(*benchmark_text(path, form, out))


def _report_spans(
    paths: list[Path],
    out: Path | None,
    form: Literal["html", "md", "json"],
    asked: tuple[list[str], str, str],
    prices: Path | None,
) -> None:
    # matplotlib takes a second, and a text needs none of it.
    from parrot_reports.spans.choice import choice  # noqa: PLC0415
    from parrot_reports.spans.writing import (  # noqa: PLC0415
        SpanOptions,
        span_text,
        write_span_report,
    )

    wish = choice(*asked)
    processes = min(_MOST_PROCESSES, os.cpu_count() or 1)
    with reading_progress(errors) as told:
        options = SpanOptions(wish=wish, prices=prices, processes=processes, progress=told)
        if form == "html":
            files = write_span_report(paths, out, options)
        else:
            text, file = span_text(paths, form, out, options)
    if form == "html":
        _page_written(files)
    else:
        _text_made(text, file)


def _page_written(files: "ReportFiles") -> None:
    console.print(Text(files.headline), soft_wrap=True)
    console.print(Text(f"\nreport: {files.page}"), soft_wrap=True)


def _text_made(text: str, file: Path | None) -> None:
    if file is None:
        typer.echo(text, nl=False)
    else:
        console.print(Text(f"report: {file}"), soft_wrap=True)
