"""What every command shares: the console, errors in one line, exit statuses, how a run ends."""

import errno
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from parrot_bench.errors import ParrotBenchError, UsageError
from parrot_bench.record import RunDirectory, RunRecord

if TYPE_CHECKING:
    from parrot_reports import ReportFiles

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INCONCLUSIVE: Final = 3
EXIT_NOT_MEASURED: Final = 4

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
"""What a disk says that takes no more, wherever it is met."""

Form = Literal["text", "md", "json"]
"""What a command prints."""

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def one_line_errors(*, debug: bool) -> Iterator[None]:
    """Print an error of ours as its one line, and leave with exit status 2."""
    try:
        yield
    except ParrotBenchError as error:
        if debug:
            traceback.print_exc()
        notes = [note for note in getattr(error, "__notes__", []) if "\n" not in note]
        for line in [f"parrot-bench: {error}", *notes]:
            print_line(line)
        raise typer.Exit(EXIT_USAGE) from None
    except OSError as error:
        if error.errno not in _NO_ROOM or debug:
            raise
        line = f"parrot-bench: {error.filename or 'a file'} cannot be written: {error.strerror}"
        print_line(line)
        raise typer.Exit(EXIT_USAGE) from None


def print_line(line: str, style: str = "") -> None:
    """Print one line beside the output, whatever a file, a model or a provider put into it."""
    from parrot_reports.text import visible  # noqa: PLC0415  # lazily

    errors.print(Text(visible(line), style=style), soft_wrap=True)


def not_measured(error: ParrotBenchError, *, debug: bool) -> NoReturn:
    """Print that nothing could be measured, and leave with exit status 4."""
    if debug:
        traceback.print_exc()
    print_line(f"parrot-bench: {error}")
    raise typer.Exit(EXIT_NOT_MEASURED) from None


def conclude(directory: RunDirectory, record: RunRecord, form: Form = "text") -> None:
    """Write the report, and print what was found and where it lies.

    Args:
        directory: The run directory.
        record: The run.
        form: ``text``: a table. ``md``: the summary; ``json``: the record; with these nothing
            else goes to the standard output.
    """
    from parrot_reports import write_report  # noqa: PLC0415  # matplotlib takes a second
    from parrot_reports.terminal import overview  # noqa: PLC0415

    if form == "text":
        console.print(overview(record, console.width))
    else:
        print_record(record, form)
    write_page(lambda: write_report(directory.path), form)


def print_record(record: RunRecord, form: Literal["md", "json"]) -> None:
    """Print a run's summary, or its record, for machines."""
    from parrot_reports import summary_markdown  # noqa: PLC0415  # lazily

    text = summary_markdown(record) if form == "md" else record.model_dump_json(indent=1) + "\n"
    # Not through the console, which would wrap lines and colour them.
    typer.echo(text, nl=False)


def write_page(write: "Callable[[], ReportFiles]", form: Form) -> None:
    """Write a report, and say where it lies: beside what is printed for machines."""
    said = console if form == "text" else errors
    with said.status("writing the report"):
        files = write()
    said.print(Text(f"\nreport: {files.page}"), soft_wrap=True)


def save(file: Path, text: str) -> None:
    """Write a file that was asked for.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
