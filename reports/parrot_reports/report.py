"""A run directory in, its report out: the one place where files are written."""

from dataclasses import dataclass
from pathlib import Path

from parrot_bench.errors import RecordError
from parrot_bench.record import ComparisonResult, RunDirectory, RunRecord, write_atomically
from parrot_reports.benchmarks.page import FIGURE as BENCHMARKS
from parrot_reports.comparing.page import FIGURE, render_comparison
from parrot_reports.comparing.sentences import headline as comparison_headline
from parrot_reports.headline import headline
from parrot_reports.load_page import render_load
from parrot_reports.markdown import comparison_markdown, summary_markdown
from parrot_reports.page import Page, render
from parrot_reports.parts import plain
from parrot_reports.refusals import no_run_directory, unwritable
from parrot_reports.rundata import data_files, read_run
from parrot_reports.text import visible

_NUMBERED = (FIGURE, BENCHMARKS)
"""Figures of which a report may have several."""

_FIGURES = (
    "ratios",
    "latency",
    "cold",
    "streaming",
    "streaming_latency",
    "chunk_cost",
    "concurrency",
    "ablation",
    "stability",
    "growth",
    "load",
    "over-time",
    *_NUMBERED,
)


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """The files of a report.

    Attributes:
        page: The page, ``report.html``.
        summary: The markdown summary.
        figures: The figures, SVG and PNG, in the order of the page.
        headline: What the report says, in a sentence of plain text.
    """

    page: Path
    summary: Path
    figures: tuple[Path, ...]
    headline: str


def write_report(run: Path) -> ReportFiles:
    """Write ``report.html``, ``summary.md`` and ``figures/`` into a run directory.

    The report is a function of the saved run alone: made again, on another machine, it is the
    same, byte for byte. Each file is written whole or not at all.

    Args:
        run: The run directory. Of its files only ``run.json`` has to be there.

    Returns:
        Paths of what was written.

    Raises:
        RecordError: There is no record that this version can read, or the directory cannot be
            written.
    """
    record, page = page_of(run)
    try:
        said = plain(headline(record))
        return write_files(RunDirectory(run), page, summary_markdown(record), said)
    except OSError as error:
        raise RecordError(
            f"report cannot be written into {run} ({error.strerror}); make the folder writable"
        ) from error


def page_of(run: Path) -> tuple[RunRecord, Page]:
    """Read a run, and make its page, or that of the comparison that it is.

    Raises:
        RecordError: There is no record that this version can read.
    """
    directory = RunDirectory(run)
    record = directory.read_record()
    files = data_files(directory)
    if record.load is not None:
        return record, render_load(record, files=files)
    if record.comparison is None:
        return record, render(read_run(run))
    page = render_comparison(record.comparison, name=record.name, record=record, files=files)
    return record, page


def write_comparison(result: ComparisonResult, folder: Path) -> ReportFiles:
    """Write the report of a comparison of saved runs, and ``comparison.json`` beside it.

    Args:
        result: The comparison.
        folder: Where to; made if it is not there. A report in it is replaced.

    Raises:
        RecordError: The folder is a run directory, or cannot be written.
    """
    directory = RunDirectory(folder)
    no_run_directory(folder)
    page = render_comparison(result, name=folder.resolve().name, files=("comparison.json",))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        saved = result.model_dump_json(indent=1).encode() + b"\n"
        write_atomically(folder / "comparison.json", saved)
        said = plain(comparison_headline(result))
        return write_files(directory, page, comparison_markdown(result), said)
    except OSError as error:
        raise unwritable(folder, error) from error


def write_files(directory: RunDirectory, page: Page, summary: str, said: str) -> ReportFiles:
    """Write the files of a report; each whole or not at all.

    Raises:
        OSError: The directory cannot be written.
    """
    figures = []
    if page.figures:
        directory.figures.mkdir(exist_ok=True)
    for drawn in page.figures:
        for ending, content in (("svg", drawn.svg), ("png", drawn.png)):
            figures.append(directory.figures / f"{drawn.name}.{ending}")
            write_atomically(figures[-1], content)
    _remove_stale(directory.figures, keep=figures)
    write_atomically(directory.summary, summary.encode())
    write_atomically(directory.report, page.html.encode())
    return ReportFiles(
        page=directory.report,
        summary=directory.summary,
        figures=tuple(figures),
        headline=visible(said),
    )


def _remove_stale(folder: Path, keep: list[Path]) -> None:
    """Remove figures of an earlier report that this one does not draw."""
    for name in _FIGURES:
        for ending in ("svg", "png"):
            stale = [folder / f"{name}.{ending}"]
            if name in _NUMBERED:
                stale += folder.glob(f"{name}-*.{ending}")
            for path in stale:
                if path not in keep:
                    path.unlink(missing_ok=True)
