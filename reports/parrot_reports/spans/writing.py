"""Files of spans in, a report about them out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from parrot_bench.errors import RecordError
from parrot_bench.record import RunDirectory, write_atomically
from parrot_reports.parts import plain
from parrot_reports.refusals import no_run_directory, unwritable
from parrot_reports.spans import report as span_report
from parrot_reports.spans.choice import Choice
from parrot_reports.spans.data import spans_json
from parrot_reports.spans.files import Progress, read_files, untold
from parrot_reports.spans.markdown import spans_markdown
from parrot_reports.spans.prices import read_prices
from parrot_reports.spans.report import SpanReport
from parrot_reports.spans.sources import sources
from parrot_reports.text import visible

if TYPE_CHECKING:
    from parrot_reports.report import ReportFiles

TABLE = "spans.parquet"
"""The span table beside the report, from which it is made again in seconds."""

TEXTS: dict[str, tuple[str, Callable[[SpanReport], str]]] = {
    "md": ("summary.md", spans_markdown),
    "json": ("report.json", spans_json),
}
"""Forms of a report other than the page: name of the file, and what writes it."""


@dataclass(frozen=True, kw_only=True)
class SpanOptions:
    """What is asked of a report of spans.

    Attributes:
        wish: Which of the spans it is about; all by default.
        prices: Table of prices, for costs.
        processes: How many may read at once. More than one need a main module that can be
            imported, as for `multiprocessing`.
        progress: Is told how far the reading is: bytes read, bytes in all, spans.
    """

    wish: Choice = field(default_factory=Choice)
    prices: Path | None = None
    processes: int = 1
    progress: Progress = untold


def write_span_report(
    path: Path | Sequence[Path], out: Path | None = None, options: SpanOptions | None = None
) -> "ReportFiles":
    """Write ``report.html``, ``summary.md``, ``figures/`` and ``spans.parquet`` about spans.

    Args:
        path: OTLP/JSON lines, plain or gzip, as a collector's file exporter writes them; the
            ``spans.parquet`` of an earlier report; a folder of such files; or several of these.
        out: Folder for the report; by default that of the first file.
        options: What is asked of it.

    Returns:
        Paths of what was written.

    Raises:
        RecordError: The files can't be read or have no spans, they belong to a run whose report
            would be overwritten, or the folder can't be written.
        UsageError: The wish leaves nothing, or the prices are none.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    folder = out or (paths[0] if paths[0].is_dir() else paths[0].parent)
    no_run_directory(
        folder,
        "name the folder itself for that, or another one with --out for a report about "
        f"{paths[0].name}",
    )
    # A text needs no matplotlib, which takes a second.
    from parrot_reports.report import write_files  # noqa: PLC0415
    from parrot_reports.spans.page import render_spans  # noqa: PLC0415

    try:
        report = read_span_report(paths, folder, options)
        said = f"{plain(span_report.headline(report))} {span_report.reading(report)[1]}"
        page = render_spans(report)
        return write_files(RunDirectory(folder), page, spans_markdown(report), said)
    except OSError as error:
        raise unwritable(folder, error) from error


def span_text(
    paths: Sequence[Path], form: str, out: Path | None = None, options: SpanOptions | None = None
) -> tuple[str, Path | None]:
    """Make a report of spans as text, and write it where a folder is named.

    Args:
        paths: As for `write_span_report`.
        form: A key of `TEXTS`.
        out: Folder for the text and the table; without it nothing is written.
        options: What is asked of the report.

    Returns:
        The text, and its file if it was written.

    Raises:
        RecordError: As for `write_span_report`.
        UsageError: Likewise.
    """
    name, written = TEXTS[form]
    try:
        text = written(read_span_report(paths, out, options))
        if out is None:
            return text, None
        write_atomically(out / name, text.encode())
    except OSError as error:
        raise unwritable(out, error) from error
    return text, out / name


def read_span_report(
    paths: Sequence[Path], folder: Path | None = None, options: SpanOptions | None = None
) -> SpanReport:
    """Read spans and understand them.

    Args:
        paths: As for `write_span_report`.
        folder: Where the span table is left; nowhere without it.
        options: What is asked of the report.

    Raises:
        RecordError: They can't be read, or have no spans.
        UsageError: The wish leaves nothing, or the prices are none.
        OSError: The folder can't be written.
    """
    options = options or SpanOptions()
    prices = None if options.prices is None else read_prices(options.prices)
    found, not_read = sources(paths)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    table = read_files(
        found,
        table=None if folder is None else folder / TABLE,
        wanted=options.wish.wanted,
        processes=options.processes,
        progress=options.progress,
    )
    table.not_read = tuple(not_read)
    if not len(table):
        shown = ", ".join(visible(str(path)) for path in paths[:3])
        lost = f"; {visible(str(table.malformed[0]))}" if table.malformed else ""
        passed = f"; {not_read[0][0]}: {not_read[0][1]}" if not_read and not lost else ""
        raise RecordError(
            f"{shown} has no spans; give OTLP/JSON, one request a line, as a collector's file "
            f"exporter writes it{lost}{passed}"
        )
    name = paths[0].resolve().name if len(paths) == 1 else f"{len(found)} files"
    return span_report.span_report(table, name, wish=options.wish, prices=prices)
