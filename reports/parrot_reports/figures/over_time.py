"""Calls over time: three panels over one axis of time."""

import math
from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_reports import colours, units
from parrot_reports.figures.canvas import RULE, SOFT, WIDTH, Drawn, bare, saved
from parrot_reports.spans.over_time import Floats, OverTime

_LEFT, _RIGHT = 64, 24
_HEIGHT, _GAP, _BELOW = 84, 34, 26
_PANELS, _TICKS = 3, 8
_MOST_STEPS = 4.5
_NICE = (1, 2, 5, 10, 15, 20, 30, 60, 100)
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def over_time(calls: OverTime | None) -> Drawn | None:
    """Calls started, calls in flight and their median duration, over time."""
    if calls is None:
        return None
    usual, failed = colours.of_operation(calls_model=True), colours.FAILED
    total = _PANELS * (_HEIGHT + _GAP) + _BELOW
    end = calls.started.size * calls.seconds

    def paint(figure: Figure) -> None:
        def panel(place: int, title: str, most: float) -> Axes:
            bottom = total - (place + 1) * (_HEIGHT + _GAP)
            box = (
                _LEFT / WIDTH,
                bottom / total,
                (WIDTH - _LEFT - _RIGHT) / WIDTH,
                _HEIGHT / total,
            )
            axes: Axes = figure.add_axes(box)
            bare(axes)
            axes.text(0, 1.06, title, transform=axes.transAxes, fontsize=11, color=SOFT)
            axes.set_xlim(0, end)
            axes.set_ylim(0, most * 1.05 or 1)
            _time_ticks(axes, end, labels=place == _PANELS - 1)
            return axes

        def steps(axes: Axes, values: Floats, **style: Any) -> None:
            edges = [index * calls.seconds for index in range(values.size + 1)]
            axes.stairs(values, edges, **style)

        rate = calls.started / calls.seconds
        axes = panel(0, _title(calls), float(rate.max()))
        steps(axes, rate, fill=True, color=usual.light, alpha=0.75)
        steps(axes, calls.failed / calls.seconds, fill=True, color=failed.light)
        _value_ticks(axes, float(rate.max()), _number)
        axes = panel(1, "calls in flight: mean (filled) and most", float(calls.peak.max()))
        steps(axes, calls.in_flight, fill=True, color=usual.light, alpha=0.35)
        steps(axes, calls.peak, color=usual.light, linewidth=1.2)
        _value_ticks(axes, float(calls.peak.max()), _number)
        known = calls.median[~(calls.median != calls.median)]
        most = float(known.max()) if known.size else 1.0
        axes = panel(2, "median duration of the calls that started", most)
        middle = [(index + 0.5) * calls.seconds for index in range(calls.median.size)]
        axes.plot(middle, calls.median, color=usual.light, linewidth=1.4, marker="o", markersize=3)
        _value_ticks(axes, most, lambda value: units.duration(value, 2))

    return saved("over-time", total, paint)


def _title(calls: OverTime) -> str:
    failed = "; failed ones below, in orange" if calls.failed.any() else ""
    return f"calls started per second{failed}"


def _value_ticks(axes: Axes, most: float, label: Callable[[float], str]) -> None:
    """Round values, three to five of them with 0."""
    power = 10.0 ** math.floor(math.log10(most)) if most > 0 else 1.0
    steps = (power / 5, power / 2, power, 2 * power)
    step = next((step for step in steps if most / step <= _MOST_STEPS), steps[-1])
    ticks = [step * number for number in range(int(most / step + 1e-9) + 1)]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    texts = ["0", *(label(tick) for tick in ticks[1:])]
    axes.yaxis.set_major_formatter(FixedFormatter(texts))
    axes.grid(axis="y", color=RULE, linewidth=0.5, alpha=0.6)
    axes.set_axisbelow(True)


def _number(value: float) -> str:
    text = units.significant(value, 2)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time_ticks(axes: Axes, end: float, *, labels: bool) -> None:
    scale, unit = next(((s, u) for s, u in _UNITS if end >= 2 * s), _UNITS[-1])
    whole = end / scale
    power = 10 ** max(0, math.floor(math.log10(whole / _TICKS)) - 1) if whole > _TICKS else 1
    step = next((n * power for n in _NICE if whole / (n * power) <= _TICKS), whole)
    ticks = [index * step for index in range(int(whole // step) + 1)]
    axes.xaxis.set_major_locator(FixedLocator([tick * scale for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    texts = [f"{tick:g} {unit}" if tick else "0" for tick in ticks]
    axes.xaxis.set_major_formatter(FixedFormatter(texts if labels else [""] * len(ticks)))
