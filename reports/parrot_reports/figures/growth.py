"""What grows over the calls, as small multiples: one panel a mode."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_bench.record import ModeGrowth, Quantity, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import INK, RULE, SOFT, WIDTH, Drawn, bare, saved
from parrot_reports.studies.growth import short, size, telling
from parrot_reports.text import shortened

_COLUMNS, _WIDE, _HIGH = 4, 207, 62
_LABELS = 54
"""Room for the labels of a panel, left."""
_QUIET_BYTES = 1e6
"""Memory is drawn on this scale at least: a page more or less is not to fill a panel."""


def growth(record: RunRecord) -> Drawn | None:
    """Lines over calls: memory, or what is more telling where that grows."""
    modes = [mode for mode in record.growth.modes if mode.found] if record.growth else []
    if not modes:
        return None
    kinds = {mode.name: mode.kind for mode in record.modes}
    lines = math.ceil(len(modes) / _COLUMNS)
    # A line for the name, one for the verdict, one for the handler where any is named.
    above = 48 if any(mode.handler for mode in modes) else 34
    pitch = _HIGH + above + 18
    total = lines * pitch + 10
    # One scale of memory for all panels, so that a steep line is a large leak.
    reach = max([_QUIET_BYTES, *(abs(x) for mode in modes for x in _rises(mode, "memory"))])

    def paint(figure: Figure) -> None:
        for index, mode in enumerate(modes):
            line, column = divmod(index, _COLUMNS)
            left, top = _LABELS + column * _WIDE, line * pitch + above
            width = _WIDE - _LABELS - 4
            box = (left / WIDTH, 1 - (top + _HIGH) / total, width / WIDTH, _HIGH / total)
            axes = figure.add_axes(box)
            _panel(axes, mode, reach, kinds.get(mode.mode, ""), labelled=column == 0)

    return saved("growth", total, paint)


def _panel(axes: Axes, mode: ModeGrowth, reach: float, kind: str, *, labelled: bool) -> None:
    look = colours.look(mode.mode, kind)
    quantity: Quantity = telling(mode.growing)[0].quantity if mode.growing else "memory"
    rises = _rises(mode, quantity)
    step = mode.calls / max(len(rises) - 1, 1)
    if quantity != "memory":
        reach = max(1.0, *(abs(x) for x in rises))
    axes.set_xlim(0, mode.calls)
    axes.set_ylim(-0.35 * reach, 1.12 * reach)
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=1)
    axes.plot([step * at for at in range(len(rises))], rises, color=look.light, linewidth=1.8)
    bare(axes)
    lines = [(shortened(mode.mode, 24), look.light, "DejaVu Sans Mono")]
    if mode.handler:
        lines.append((shortened(mode.handler, 24), SOFT, "DejaVu Sans Mono"))
    lines.append((short(mode), INK if mode.growing else SOFT, "DejaVu Sans"))
    for place, (words, ink, family) in enumerate(reversed(lines)):
        y = 1.04 + 0.23 * place
        axes.text(
            0, y, words, transform=axes.transAxes, color=ink, fontfamily=family, fontsize=10.5
        )
    top = f"+{size(reach)}" if quantity == "memory" else f"+{units.count(round(reach))}"
    shown = labelled or quantity != "memory"
    axes.yaxis.set_major_locator(FixedLocator([0, reach]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FixedFormatter(["0", top] if shown else ["", ""]))
    axes.xaxis.set_major_locator(FixedLocator([0, mode.calls]))
    axes.xaxis.set_major_formatter(FixedFormatter(["", f"{units.count(mode.calls)} calls"]))
    axes.get_xticklabels()[1].set_horizontalalignment("right")


def _rises(mode: ModeGrowth, quantity: Quantity) -> list[int]:
    readings = mode.readings[quantity]
    return [reading - readings[0] for reading in readings]
