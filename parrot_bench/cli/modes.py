"""``parrot-bench modes``: the execution modes, and which ones a model has."""

from rich.table import Table
from rich.text import Text

from parrot_bench.cli.options import Debug, Model
from parrot_bench.cli.terminal import (
    console,
    one_line_errors,
)


def modes(model: Model = "", *, debug: Debug = False) -> None:
    """List the execution modes, and say which ones a model has.

    Nothing is called. Deprecated modes are measured only when named in --modes.
    """
    with one_line_errors(debug=debug):
        from parrot_bench.scripting import modes as described  # noqa: PLC0415  # --help is quick

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for head in ("mode", "kind", "status", "LangChain API", ""):
            table.add_column(head, overflow="fold")
        for mode in described(model):
            unavailable = mode.unavailable
            remark = f"not available: {unavailable}" if unavailable else mode.note
            style = "dim" if unavailable else ""
            table.add_row(
                *(
                    Text(t, style=style)
                    for t in (mode.name, mode.kind, mode.status, mode.api, remark)
                )
            )
        console.print(table)
