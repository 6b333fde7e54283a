"""How a comparison is printed, whichever command made it."""

from collections.abc import Iterator

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from parrot_bench.cli.terminal import Form, console
from parrot_bench.record import ComparisonResult

_STYLES = {"pass": "green", "regression": "bold red", "inconclusive": "yellow"}


def print_comparison(result: ComparisonResult, form: Form = "text") -> None:
    """Print a comparison.

    Args:
        result: The comparison.
        form: ``text``, ``md`` or ``json``.
    """
    from parrot_reports.markdown import comparison_markdown  # noqa: PLC0415  # lazily

    if form == "json":
        typer.echo(result.model_dump_json(indent=1))
    elif form == "md":
        typer.echo(comparison_markdown(result))
    else:
        console.print(Group(*_parts(result)))


def _parts(result: ComparisonResult) -> Iterator[RenderableType]:
    from parrot_reports.comparing.sentences import headline, remarks  # noqa: PLC0415
    from parrot_reports.comparing.table import rows  # noqa: PLC0415
    from parrot_reports.parts import plain  # noqa: PLC0415
    from parrot_reports.text import visible  # noqa: PLC0415

    yield Text(visible(plain(headline(result))), style=_STYLES.get(result.gate or "", "bold"))
    yield Text("")
    found = rows(result)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in found.heads:
        names = head in {"study", "mode", "verdict"}
        # The unit stands below, so that a row fits into 80 columns.
        name = head.replace(", ", "\n", 1)
        table.add_column(
            name, justify="left" if names else "right", no_wrap=head not in {"study", "verdict"}
        )
    for row in found.rows:
        style = _STYLES.get(row.gate or "", "" if row.decided else "dim")
        table.add_row(*(Text(visible(cell), style=style) for cell in row.cells))
    yield table
    yield Text("")
    for line in (*found.notes, *remarks(result)):
        yield Text(visible(line), style="dim")
