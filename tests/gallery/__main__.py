"""What ``nox -s gallery`` runs: the figures of saved runs and spans, with what they say."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from parrot_bench.errors import ParrotBenchError, UsageError
from parrot_bench.record import RunDirectory
from parrot_reports import write_report, write_span_report
from parrot_reports.report import ReportFiles
from tests.browser import CHROMIUM, browse
from tests.gallery.picture import Shown, document, shown

PAGE = Path("docs/gallery.md")
FIRST_SCREEN = "report.png"
"""The first screen of the first page, if there is a Chromium to look at it."""

_SCREEN = (1180, 820)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def gallery(
    saved: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|SPANS...",
            help="Run directories, of comparisons too, and files of spans. A figure that several "
            "of them have is taken from the first.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The page; figures go into a folder beside it.")] = PAGE,
) -> None:
    """Draw the gallery of docs/ from what was saved."""
    folder = out.with_suffix("")
    found: dict[str, Shown] = {}
    about: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for number, path in enumerate(saved):
            files = _report(path, Path(temporary) / str(number))
            for figure in shown(files.page.read_text(encoding="utf-8")):
                if figure.name not in found:
                    found[figure.name] = figure
                    _keep(files, figure.name, folder)
            about.append(f"`{path.name}`: {files.headline}")
            if not number:
                _photograph(files.page, folder / FIRST_SCREEN)
    has_screen = (folder / FIRST_SCREEN).exists()
    screen = f"{folder.name}/{FIRST_SCREEN}" if has_screen else ""
    out.write_text(document(list(found.values()), about, folder.name, screen), encoding="utf-8")
    typer.echo(f"{out}: {len(found)} figures")


def _report(path: Path, copy: Path) -> ReportFiles:
    """Make the report of a copy: what was saved stays as it is."""
    if not path.exists():
        raise UsageError(f"there is nothing at {path}; name a run directory or a file of spans")
    if path.is_dir() and RunDirectory(path).record.exists():
        shutil.copytree(path, copy)
        return write_report(copy)
    return write_span_report(path, copy)


def _keep(files: ReportFiles, name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files.figures:
        if file.name == f"{name}.svg":
            shutil.copyfile(file, folder / file.name)


def _photograph(page: Path, picture: Path) -> None:
    """Take a picture of the first screen; nothing where there is no Chromium."""
    if CHROMIUM is None:
        return
    picture.parent.mkdir(parents=True, exist_ok=True)
    size = f"--window-size={_SCREEN[0]},{_SCREEN[1]}"
    browse(size, f"--screenshot={picture.absolute()}", page.absolute().as_uri())


if __name__ == "__main__":
    try:
        app()
    except ParrotBenchError as error:
        typer.echo(f"gallery: {error}", err=True)
        raise SystemExit(2) from error
