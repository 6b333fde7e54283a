"""A file of pytest-benchmark in, a report about it out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from parrot_bench.errors import UsageError
from parrot_bench.record import RunDirectory, write_atomically
from parrot_reports.benchmarks.reading import read_benchmarks
from parrot_reports.benchmarks.report import groups, headline
from parrot_reports.parts import plain
from parrot_reports.refusals import no_run_directory, unwritable

if TYPE_CHECKING:
    from parrot_reports.report import ReportFiles


def only_file(paths: Sequence[Path]) -> Path:
    """The one file that a report is about.

    Raises:
        UsageError: There are several.
    """
    if len(paths) > 1:
        raise UsageError(
            f"a report is about one file of pytest-benchmark, and {len(paths)} paths were given; "
            "name one, or see them beside each other with pytest-benchmark compare"
        )
    return paths[0]


def write_benchmark_report(path: Path, out: Path | None = None) -> "ReportFiles":
    """Write ``report.html``, ``summary.md`` and ``figures/`` about a file of pytest-benchmark.

    Args:
        path: What ``--benchmark-json`` or ``--benchmark-save`` wrote, or a run's
            ``benchmark.json``.
        out: Folder for the report; by default one beside the file, named after it.

    Returns:
        Paths of what was written.

    Raises:
        RecordError: The file can't be read, the folder belongs to a run, or can't be written.
    """
    from parrot_reports.benchmarks.page import render_benchmarks  # noqa: PLC0415  # matplotlib
    from parrot_reports.benchmarks.texts import benchmarks_markdown  # noqa: PLC0415
    from parrot_reports.report import write_files  # noqa: PLC0415

    file = read_benchmarks(path)
    folder = path.with_name(f"{path.stem}-report") if out is None else out
    no_run_directory(folder)
    page = render_benchmarks(file, path.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        said = plain(headline(groups(file)))
        return write_files(RunDirectory(folder), page, benchmarks_markdown(file), said)
    except OSError as error:
        raise unwritable(folder, error) from error


def benchmark_text(path: Path, form: str, out: Path | None = None) -> tuple[str, Path | None]:
    """Make the same as text, and write it where a folder is named.

    Args:
        path: As for `write_benchmark_report`.
        form: ``md`` or ``json``.
        out: Folder for the text; without it nothing is written.

    Returns:
        The text, and its file if it was written.

    Raises:
        RecordError: As for `write_benchmark_report`.
    """
    from parrot_reports.benchmarks.texts import (  # noqa: PLC0415  # matplotlib
        benchmarks_json,
        benchmarks_markdown,
    )

    file = read_benchmarks(path)
    text = benchmarks_markdown(file) if form == "md" else benchmarks_json(file, path.name)
    if out is None:
        return text, None
    written = out / ("summary.md" if form == "md" else "report.json")
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(written, text.encode())
    except OSError as error:
        raise unwritable(out, error) from error
    return text, written
