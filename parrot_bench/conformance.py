"""``parrot-bench conformance``: judges a LangChain handler, and prints what came out."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from opentelemetry.sdk.trace.export import SpanExporter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from parrot_bench.errors import UsageError
from parrot_callbacks import SpanFileExporter, TracingError
from parrot_callbacks.conformance import (
    CHECKS,
    CellResult,
    Results,
    cells_named,
    load_factory,
    need_of,
    needs_as_markdown,
    run,
)

OURS = "parrot_callbacks.conformance.ours:handler"
_PASSED, _NOT_AVAILABLE = "✓", "-"
_TITLES = {"modes": "Execution modes in places", "faults": "Faults"}
_MOST_CELLS = 3


def judge(
    factories: Sequence[str],
    *,
    only: Sequence[str],
    strict: bool,
    json_file: Path | None,
    spans_file: Path | None,
    console: Console,
) -> bool:
    """Judge what the factories make, and print what came out.

    Args:
        factories: ``module:factory`` of each.
        only: Parts or patterns of the names of the cells to perform.
        strict: Count as failures what only our instrumentor can do, too.
        json_file: Takes the record.
        spans_file: Takes every span of the run, as OTLP/JSON lines.
        console: Takes the tables.

    Returns:
        Whether all passed.

    Raises:
        UsageError: A factory or a pattern names nothing, or a file can't be written.
    """
    for path in (json_file, spans_file):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    try:
        made = [load_factory(spec) for spec in factories]
        results = run(*made, only=only, exporter=_exporter(spans_file), strict=strict)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("judging", total=len(results.cells))
            for result in results:
                progress.update(task, advance=1, description=result.cell.id.ljust(44)[:44])
    except TracingError as error:
        raise UsageError(str(error)) from error
    if json_file is not None:
        _write(json_file, json.dumps(results.record(), indent=2, ensure_ascii=False) + "\n")
    _print(results, console)
    return results.passed


def list_cells(only: Sequence[str], console: Console) -> None:
    """Print the names of the cells, and what in them takes the instrumentor.

    Args:
        only: Parts or patterns of their names.
        console: Takes the list.

    Raises:
        UsageError: A pattern matches no cell.
    """
    try:
        cells = cells_named(only)
    except TracingError as error:
        raise UsageError(str(error)) from error
    for cell in cells:
        marks = [check for check in CHECKS if need_of(cell, check) is not None]
        remark = f"  needs the instrumentor: {', '.join(marks)}" if marks else ""
        if cell.unavailable:
            remark = f"  not available: {cell.unavailable}"
        console.print(Text(f"{cell.id}{remark}"), soft_wrap=True)
    console.print(Text(f"\n{needs_as_markdown()}"), soft_wrap=True)


def _print(results: Results, console: Console) -> None:
    for group, title in _TITLES.items():
        of_group = [result for result in results.done if result.cell.group == group]
        if of_group:
            console.print(_table(title, of_group))
    met = {verdict.check for result in results.done for verdict in result.verdicts}
    legend = [f"{check.sign} {check.name}" for name, check in CHECKS.items() if name in met]
    console.print(Text(f"{_PASSED} all checks pass. Failed: {', '.join(legend)}."))
    console.print(Text(f"In brackets: needs the instrumentor. {_NOT_AVAILABLE}: not available."))
    for line in (*_told(results.done), *_reasons(results.done), *_counted(results)):
        console.print(Text(line), soft_wrap=True)


def _table(title: str, results: Iterable[CellResult]) -> Table:
    rows: dict[str, dict[str, CellResult]] = {}
    columns: dict[str, None] = {}
    for result in results:
        rows.setdefault(result.cell.row, {})[result.cell.column] = result
        columns.setdefault(result.cell.column)
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for column in columns:
        # Headings are folded between words, never shortened.
        table.add_column(
            column,
            header_style="dim",
            min_width=max(map(len, column.split())),
            overflow="fold",
        )
    for row, there in rows.items():
        table.add_row(row, *(_in_a_table(there.get(column)) for column in columns))
    return table


def _in_a_table(result: CellResult | None) -> Text:
    if result is None:
        return Text("")
    if result.unavailable:
        return Text(_NOT_AVAILABLE, style="dim")
    failed = "".join(CHECKS[verdict.check].sign for verdict in result.failures)
    needs = "".join(CHECKS[verdict.check].sign for verdict in result.needs)
    if not failed and not needs:
        return Text(_PASSED, style="green")
    return Text.assemble((failed, "red"), (f"({needs})" if needs else "", "yellow"))


def _told(results: Iterable[CellResult]) -> list[str]:
    """One line for every way in which a check failed, with the cells it failed in."""
    cells: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for verdict in result.failures:
            cells.setdefault((verdict.check, verdict.message), []).append(result.cell.id)
    order = list(CHECKS)
    return [
        f"failed: {check}: {message}: {_listed(names)}"
        for (check, message), names in sorted(cells.items(), key=lambda one: order.index(one[0][0]))
    ]


def _reasons(results: Iterable[CellResult]) -> list[str]:
    cells: dict[str, list[str]] = {}
    for result in results:
        if result.unavailable:
            cells.setdefault(result.unavailable, []).append(result.cell.id)
    return [f"not available: {reason}: {_listed(names)}" for reason, names in cells.items()]


def _counted(results: Results) -> list[str]:
    structure, performed = results.count("structure")
    attributes, _ = results.count("attributes")
    handler = results.handler
    of = ", ".join(f"{name} {version}" for name, version in handler.distributions.items())
    counts = f"{structure} fail by structure, {attributes} by attributes"
    return [f"{handler.name} ({of or 'no distribution'}): {performed} cells; {counts}"]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_CELLS} more" if len(names) > _MOST_CELLS else ""
    return ", ".join(names[:_MOST_CELLS]) + more


def _exporter(path: Path | None) -> SpanExporter | None:
    if path is None:
        return None
    _write(path, "")
    return SpanFileExporter(path)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
