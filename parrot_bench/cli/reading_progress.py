"""How far the reading of spans is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

_EVERY_S = 10.0
_MEGA = 1e6


@contextmanager
def reading_progress(console: Console) -> Iterator[Callable[[int, int, int], None]]:
    """Show how many bytes have been read of how many, and the spans in them.

    Args:
        console: Where to; that of errors, so that what the command prints stays clean.

    Yields:
        What is to be called with bytes read, bytes in all, and spans.
    """
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("reading spans"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[spans]:,} spans"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, spans=0)
        yield lambda done, total, spans: bar.update(task, completed=done, total=total, spans=spans)


class _Lines:
    """A line every ten seconds, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = time.monotonic()

    def __call__(self, done: int, total: int, spans: int) -> None:
        now = time.monotonic()
        if now - self._said < _EVERY_S:
            return
        self._said = now
        said = f"read {done / _MEGA:,.0f} of {total / _MEGA:,.0f} MB, {spans:,} spans"
        self._console.print(Text(said), soft_wrap=True)
