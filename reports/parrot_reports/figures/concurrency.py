"""Throughput and latency against calls in flight: one pair of panels a sweep, all on one scale."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_bench.record import ConcurrencyCell, ConcurrencyResult, ConcurrencySweep, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import INK, RULE, SOFT, WIDTH, Drawn, bare, nice, saved
from parrot_reports.studies.concurrency import how, knee, look
from parrot_reports.text import shortened

_COLUMNS = 3
_LEFT = 52
_GAP = 26
_TOP, _BODY, _BETWEEN, _LOWER, _FOOT = 44, 150, 28, 84, 40
_STEP = _TOP + _BODY + _BETWEEN + _LOWER + _FOOT
_PANEL = (WIDTH - _LEFT - (_COLUMNS - 1) * _GAP - 40) / _COLUMNS


def concurrency(record: RunRecord) -> Drawn | None:
    """Small multiples, log-log; None where no sweep has two levels."""
    result = record.concurrency
    sweeps = [s for s in result.sweeps if len(s.levels) > 1] if result else []
    if result is None or not sweeps:
        return None
    lines = math.ceil(len(sweeps) / _COLUMNS)
    total = lines * _STEP

    def paint(figure: Figure) -> None:
        for index, sweep in enumerate(sweeps):
            line, column = divmod(index, _COLUMNS)
            left, top = _LEFT + column * (_PANEL + _GAP), line * _STEP + _TOP
            upper = _axes(figure, left, top, _BODY, total)
            lower = _axes(figure, left, top + _BODY + _BETWEEN, _LOWER, total)
            _throughput(upper, sweep, sweeps, result)
            _latency(lower, sweep, sweeps)
            _levels(upper, sweeps, named=False)
            _levels(lower, sweeps, named=True, titled=line == lines - 1)
            words = ("calls per second", "latency") if column == 0 else ("", "")
            for axes, word in zip((upper, lower), words, strict=True):
                axes.text(
                    0, 1.02, word, transform=axes.transAxes, va="bottom", fontsize=10, color=SOFT
                )
                if column:
                    axes.yaxis.set_major_formatter(FixedFormatter([]))

    return saved("concurrency", total, paint)


def _axes(figure: Figure, left: float, top: float, height: float, total: float) -> Axes:
    axes = figure.add_axes(
        (left / WIDTH, 1 - (top + height) / total, _PANEL / WIDTH, height / total)
    )
    bare(axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    return axes


def _levels(
    axes: Axes, sweeps: Sequence[ConcurrencySweep], *, named: bool, titled: bool = False
) -> None:
    levels = sorted({cell.max_concurrency or 1 for sweep in sweeps for cell in sweep.levels})
    axes.set_xlim(levels[0] / 1.15, levels[-1] * 1.4)
    axes.xaxis.set_major_locator(FixedLocator(levels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter([str(x) if named else "" for x in levels]))
    if titled:
        axes.set_xlabel("calls asked for at once", fontsize=10, color=SOFT, labelpad=2)


def _scale(axes: Axes, low: float, high: float, label: dict[float, str]) -> None:
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(list(label)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FixedFormatter(list(label.values())))
    axes.grid(axis="y", color=RULE, linewidth=0.5, alpha=0.6, zorder=0)
    axes.set_axisbelow(True)


def _throughput(
    axes: Axes,
    sweep: ConcurrencySweep,
    sweeps: Sequence[ConcurrencySweep],
    result: ConcurrencyResult,
) -> None:
    rates = [cell.throughput for each in sweeps for cell in each.levels]
    low = min(rate.value for rate in rates) / 1.5
    high = max(rate.high for rate in rates) * 2.2
    _scale(axes, low, high, {tick: units.significant(tick, 1) for tick in nice(low, high, most=5)})
    for other in sweeps:
        if other is not sweep:
            axes.plot(*_curve(other), color=RULE, linewidth=0.9, zorder=1)
    own = look(sweep)
    said = how(sweep, result)
    title = shortened(sweep.mode, 20) + (f", {said}" if said else "")
    axes.text(0, 1.14, title, transform=axes.transAxes, va="bottom", fontsize=11.5, color=own.light)
    if sweep.response is not None:
        ideal = 1e9 / sweep.response.value
        top = min(high, ideal * (sweep.levels[-1].max_concurrency or 1))
        axes.plot([1, top / ideal], [ideal, top], color=SOFT, linewidth=0.9, linestyle=(0, (1, 2)))
        axes.text(top / ideal, top / 1.08, "ideal ", ha="right", va="top", fontsize=9.5, color=SOFT)
    x, y = _curve(sweep)
    for cell in sweep.levels:
        rate = cell.throughput
        axes.plot(
            [cell.max_concurrency or 1] * 2, [rate.low, rate.high], color=own.light, linewidth=1
        )
    _line(axes, x, y, own)
    _knee(axes, sweep)
    highest = sweep.levels[-1]
    if highest.achieved is not None:
        # Under the line's end: there is the ideal line's side above it.
        axes.text(
            (highest.max_concurrency or 1) * 1.3,
            highest.throughput.low / 1.25,
            f"{units.significant(highest.achieved.value, 2)} of {highest.max_concurrency}\n"
            "in the model",
            ha="right",
            va="top",
            fontsize=9.5,
            linespacing=1.1,
            color=INK,
        )


def _knee(axes: Axes, sweep: ConcurrencySweep) -> None:
    best = next((c for c in sweep.levels if c.max_concurrency == sweep.most), None)
    if sweep.knee is None or best is None or sweep.limit == "none":
        return
    x, y = sweep.knee.value, best.throughput.value
    axes.plot([x], [y], marker="D", markersize=5, color=INK, linestyle="none", zorder=5)
    axes.plot([sweep.knee.low, sweep.knee.high], [y, y], color=INK, linewidth=1, zorder=5)
    axes.text(
        max(x, 1) / 1.12, y * 1.18, f"N* {knee(sweep.knee)[0]}", ha="right" if x > 2 else "left",  # noqa: PLR2004
        va="bottom", fontsize=10, color=INK,
    )  # fmt: skip


def _latency(axes: Axes, sweep: ConcurrencySweep, sweeps: Sequence[ConcurrencySweep]) -> None:
    times = [time for each in sweeps for time in _all_times(each)]
    low, high = min(times) / 1.3, max(times) * 1.3
    _scale(axes, low, high, {tick: units.duration(tick, 1) for tick in nice(low, high, most=3)})
    own = look(sweep)
    asked = [cell.max_concurrency or 1 for cell in sweep.levels]
    middle, name = _middle(sweep)
    _line(axes, asked, middle, own)
    axes.text(asked[-1] * 1.1, middle[-1], name, va="center", fontsize=9.5, color=own.light)
    tail = _p95(sweep)
    # A level without it breaks the line, which would otherwise say what was not measured.
    axes.plot(asked, [math.nan if y is None else y for y in tail], color=own.light,
              linewidth=0.9, marker="_", markersize=5)  # fmt: skip
    known = [(x, y) for x, y in zip(asked, tail, strict=True) if y is not None]
    if known:
        x, y = known[-1]
        # Beside the end of the line; elsewhere above it, where no other line is.
        last = x == asked[-1]
        axes.text(x * 1.1 if last else x, max(y, middle[-1] * 1.5) if last else y * 1.25, "p95",
                  va="center" if last else "bottom", ha="left" if last else "center",
                  fontsize=9.5, color=own.light)  # fmt: skip


def _middle(sweep: ConcurrencySweep) -> tuple[list[float], str]:
    """The median of latency at each level, or at all of them the mean where one has no median."""
    medians = [cell.percentiles[0].value for cell in sweep.levels if cell.percentiles]
    known = [value for value in medians if value]
    if len(known) == len(sweep.levels):
        return known, "p50"
    return [_mean(cell) for cell in sweep.levels], "mean"


def _mean(cell: ConcurrencyCell) -> float:
    if cell.latency is not None:
        return cell.latency.value
    return cell.batch * 1e9 / max(cell.throughput.value, 1e-9)


def _p95(sweep: ConcurrencySweep) -> list[float | None]:
    """At each level; None where there are too few calls for it."""
    return [
        (cell.percentiles[1].value or None) if len(cell.percentiles) > 1 else None
        for cell in sweep.levels
    ]


def _all_times(sweep: ConcurrencySweep) -> list[float]:
    return _middle(sweep)[0] + [value for value in _p95(sweep) if value is not None]


def _curve(sweep: ConcurrencySweep) -> tuple[list[int], list[float]]:
    return (
        [cell.max_concurrency or 1 for cell in sweep.levels],
        [max(cell.throughput.value, 1e-9) for cell in sweep.levels],
    )


def _line(axes: Axes, x: Sequence[float], y: Sequence[float], own: colours.Look) -> None:
    axes.plot(
        x,
        y,
        color=own.light,
        linewidth=1.6,
        linestyle=(0, (3.2, 1.4)) if own.hollow else "-",
        marker="o",
        markersize=4,
        markerfacecolor="#fffffe" if own.hollow else own.light,
        markeredgecolor=own.light,
        zorder=4,
    )
