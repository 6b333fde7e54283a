"""Stability over the rounds, as small multiples."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_bench.record import RunRecord
from parrot_reports import colours
from parrot_reports.blocks import Drift
from parrot_reports.figures.canvas import BAND, RULE, SOFT, WIDTH, Drawn, bare, saved
from parrot_reports.text import shortened

_MINUS = "\N{MINUS SIGN}"


def stability(drifts: Sequence[Drift], record: RunRecord) -> Drawn | None:
    """Small multiples: each mode's time over the rounds (grey), and its ratio (coloured)."""
    if not drifts:
        return None
    kinds = {mode.name: mode.kind for mode in record.modes}
    columns, width, height = 4, 202, 62
    lines = math.ceil(len(drifts) / columns)
    deepest = max(float(np.abs(drift.time - 1).max()) for drift in drifts)
    reach = min(max(deepest * 1.15, 0.06), 1.0)
    step = max(tick for tick in (0.05, 0.1, 0.2, 0.5) if tick < reach)
    total = lines * (height + 30) + 26

    def paint(figure: Figure) -> None:
        for index, drift in enumerate(drifts):
            line, column = divmod(index, columns)
            left, top = 54 + column * (width + 6), line * (height + 30) + 22
            box = (left / WIDTH, 1 - (top + height) / total, (width - 14) / WIDTH, height / total)
            axes = figure.add_axes(box)
            look = colours.look(drift.mode, kinds.get(drift.mode, ""))
            axes.set_xlim(0, max(drift.last, 1))
            axes.set_ylim(1 - reach, 1 + reach)
            axes.axvspan(0, drift.last / 5, color=BAND, linewidth=0, zorder=0)
            axes.axhline(1, color=RULE, linewidth=0.8, zorder=1)
            axes.plot(drift.rounds, drift.time, color=SOFT, linewidth=0.9, alpha=0.55)
            if drift.ratio.size:
                axes.plot(drift.rounds, drift.ratio, color=look.light, linewidth=1.5)
            axes.text(
                0,
                1.06,
                shortened(drift.mode, 26),
                transform=axes.transAxes,
                color=look.light,
                fontfamily="DejaVu Sans Mono",
                fontsize=11,
            )
            ticks = [1 - step, 1.0, 1 + step]
            labels = [f"{_MINUS}{step * 100:.0f} %", "median", f"+{step * 100:.0f} %"]
            bare(axes)
            axes.yaxis.set_major_locator(FixedLocator(ticks))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FixedFormatter(labels if column == 0 else [""] * 3))
            axes.xaxis.set_major_locator(FixedLocator([0, drift.last]))
            under = index + columns >= len(drifts)
            ends = ["round 0", f"{drift.last}"] if under else ["", ""]
            axes.xaxis.set_major_formatter(FixedFormatter(ends))
            axes.get_xticklabels()[0].set_horizontalalignment("left")
            axes.get_xticklabels()[1].set_horizontalalignment("right")

    return saved("stability", total, paint)
