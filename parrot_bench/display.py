"""A display: drawn in place on a terminal, said in lines where there is none.

It has no thread: it draws when it is told of something, between two rounds, or not at all.
"""

from collections.abc import Callable
from time import monotonic

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from parrot_bench.record import Condition

REDRAW_S = 0.5
LINE_S = 10.0


class Display:
    """What is shown while something goes on.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._shown = monotonic()

    def close(self) -> None:
        """Take the display away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _say(self, what: RenderableType) -> None:
        self._console.print(what, soft_wrap=True)

    def _say_condition(self, condition: Condition) -> None:
        done = "kept" if condition.kept else "removed from what is timed"
        self._say(Text(f"{condition.name}: {done} ({condition.effect})", style="yellow"))

    def _say_now_and_then(self, line: Callable[[], str]) -> None:
        """Say a line, unless something was shown a moment ago."""
        if self._due(LINE_S):
            self._say(Text(line()))

    def _draw(self, view: Callable[[], RenderableType], *, force: bool) -> None:
        """Draw, unless something was shown a moment ago."""
        if not self._due(0.0 if force else REDRAW_S):
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(view(), refresh=True)

    def _due(self, after_s: float) -> bool:
        now = monotonic()
        if now - self._shown < after_s:
            return False
        self._shown = now
        return True
