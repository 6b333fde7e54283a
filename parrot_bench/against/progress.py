"""What a comparison shows while it goes on: drawn between rounds, never by a thread of its own."""

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from parrot_bench.against.events import (
    PairEnded,
    PairEvent,
    PairRound,
    Preparing,
    SideDescribed,
    SideDropped,
)
from parrot_bench.against.following import Following
from parrot_bench.against.pairs import planned_pairs
from parrot_bench.display import Display


class PairProgress(Display):
    """Shows a comparison on a terminal, or as a line now and then where there is none.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told = False

    def __call__(self, following: Following, event: PairEvent) -> None:
        """Take note of an event; see :data:`parrot_bench.against.following.Watcher`."""
        if isinstance(event, Preparing):
            self._say(Text(f"{event.text} …", style="dim"))
        elif isinstance(event, SideDescribed) and not self._told:
            self._told = True
            labels = [side.label for side in following.sides.values()]
            self._say(Text(f"measuring {labels[0]} against {labels[1]}"))
            for condition in event.described.conditions:
                self._say_condition(condition)
        elif isinstance(event, SideDropped):
            label = following.sides[event.side].label
            self._say(
                Text(f"{event.mode} is not compared: {label}: {event.reason}", style="yellow")
            )
        if self._console.is_terminal:
            self._draw(lambda: _view(following), force=not isinstance(event, PairRound))
        elif isinstance(event, PairEnded):
            self._say_now_and_then(lambda: _line(following))


def _line(following: Following) -> str:
    found = "  ".join(f"{mode} {value} {bounds}" for mode, value, bounds in _ratios(following))
    return f"{_pairs(following)}, {_left(following)}  {found}"


def _view(following: Following) -> RenderableType:
    total = following.request.time_s
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=total, completed=min(following.elapsed_s, total), width=32)
    head.add_row(following.phase, bar, _pairs(following), _left(following))
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("mode", "difference, so far", ""):
        table.add_column(name)
    for row in _ratios(following):
        table.add_row(*row)
    return Group(head, table)


def _pairs(following: Following) -> str:
    done = sum(pair.complete for pair in following.compared.pairs)
    least = planned_pairs(following.request)
    of = f" of {least}" if following.request.pairs else f" (at least {least})"
    return f"{done} pair{'' if done == 1 else 's'}{of}"


def _left(following: Following) -> str:
    """The remaining time: of the pairs that are asked for, or of the time there is."""
    if following.request.pairs is not None:
        done = sum(pair.complete for pair in following.compared.pairs)
        left = (following.request.pairs - done) * following.last_pair_s
        return f"about {left:.0f} s left"
    left = max(0.0, following.request.time_s - following.elapsed_s)
    return f"at most {left:.0f} s left"


def _ratios(following: Following) -> list[tuple[str, str, str]]:
    compared = following.compared
    found = []
    for mode in compared.gated:
        ratio = compared.ratio(mode, compared.clock) if mode not in compared.dropped else None
        if ratio is not None:
            value, low, high = ((r - 1) * 100 for r in (ratio.value, ratio.low, ratio.high))
            found.append((mode, f"{value:+.1f} %", f"[{low:+.1f}, {high:+.1f}]"))
    return found
