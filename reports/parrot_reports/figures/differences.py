"""The forest plot of a comparison: candidate over baseline, mode by mode, in per cent."""

import math
from collections.abc import Sequence

from parrot_bench.record import Estimate, ModeComparison
from parrot_reports import colours, units
from parrot_reports.comparing.sentences import difference_parts
from parrot_reports.figures.canvas import (
    BAND,
    INK,
    NAMES,
    SOFT,
    Drawn,
    Rows,
    dot,
    log_ticks,
    rows_figure,
)

_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Distances of ticks, as shares."""

_MOST_TICKS = 9
_LEAST = 0.1
_FACTORS = 2.2
"""An axis that spans more than this is labelled in factors."""


def differences(
    name: str,
    modes: Sequence[ModeComparison],
    *,
    delta: float,
    fail_on: float | None,
    kinds: dict[str, str],
) -> Drawn | None:
    """Forest plot of the ratios of one study; None where no mode has one.

    Args:
        name: File name without its ending.
        modes: The modes, in the order of the rows.
        delta: Ratios within this of 1 are called the same: the grey band.
        fail_on: The threshold, a dashed line; None for none.
        kinds: Mode to ``sync`` or ``async``.
    """
    rows = [(mode, ratio) for mode in modes if (ratio := mode.ratio) is not None and ratio.low > 0]
    if not rows:
        return None
    low, high = _limits([ratio for _, ratio in rows], delta, fail_on)

    def draw(page: Rows) -> None:
        panel = page.panel(NAMES, 500)
        if high / low > _FACTORS:
            log_ticks(panel, low, high, lambda tick: f"{tick:g}{units.TIMES}")
        else:
            log_ticks(panel, low, high, _percent_tick, ticks=_ticks(low, high))
        page.title(panel, "candidate over baseline: left is faster, right is slower")
        panel.axvspan(1 - delta, 1 + delta, color=BAND, zorder=0, linewidth=0)
        panel.axvline(1, color=INK, linewidth=0.9, zorder=1)
        if fail_on is not None:
            panel.axvline(1 + fail_on, color=SOFT, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
        for (mode, ratio), y in zip(rows, page.rows, strict=True):
            look = colours.look(mode.mode, kinds.get(mode.mode, ""))
            page.name(y, mode.mode, look)
            ends = [max(ratio.low, low), min(ratio.high, high)]
            panel.plot(ends, [y, y], color=look.light, linewidth=2, zorder=3)
            dot(panel, ratio.value, y, look)
            value, bounds = difference_parts(ratio)
            page.value(y, f"{value} ", bounds)

    return rows_figure(name, [not mode.gated for mode, _ in rows], 26, draw, values=190)


def _limits(ratios: Sequence[Estimate], delta: float, fail_on: float | None) -> tuple[float, float]:
    """An axis that holds every interval, the band and the threshold, with some room."""
    # As 1 - 1.5 δ is for the usual δ, and over 0 for every other one.
    below = max((1 - delta) ** 1.5, _LEAST)
    ends = [below, 1 + 1.5 * delta, 1 + 1.5 * (fail_on or 0.0)]
    ends += [bound for ratio in ratios for bound in (ratio.low, ratio.high)]
    low, high = math.log(min(ends)), math.log(max(ends))
    room = 0.04 * (high - low)
    return math.exp(low - room), math.exp(high + room)


def _ticks(low: float, high: float) -> list[float]:
    """Round percentages, 0 among them."""
    for step in _STEPS:
        first, last = math.ceil((low - 1) / step), math.floor((high - 1) / step)
        if last - first < _MOST_TICKS:
            break
    return [1 + step * number for number in range(first, last + 1)]


def _percent_tick(ratio: float) -> str:
    percent = round((ratio - 1) * 100, 6)
    return f"{percent:+g} %" if percent else "0"
