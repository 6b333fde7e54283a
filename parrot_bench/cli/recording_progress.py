"""How a recording goes on: a line that is drawn again, or one now and then."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from parrot_bench.display import Display

if TYPE_CHECKING:
    from parrot_bench.replay.recording import Recorded


class RecordingProgress(Display):
    """Shows how many calls have ended.

    Args:
        console: Where to.
        calls: How many there will be.
        quiet: Show nothing.
    """

    def __init__(self, console: Console, calls: int, *, quiet: bool) -> None:
        super().__init__(console)
        self._calls = calls
        self._quiet = quiet

    def __call__(self, so_far: "Recorded") -> None:
        """Take note of a call that has ended."""
        if self._quiet:
            return
        failed = f", {so_far.failed} failed" if so_far.failed else ""
        line = f"{so_far.replies:,} of {self._calls:,} replies{failed} …"
        if self._console.is_terminal:
            self._draw(lambda: Text(line, style="dim"), force=False)
        else:
            self._say_now_and_then(lambda: line)
