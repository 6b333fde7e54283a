"""Figures of times per call: latency distributions, and cold calls against warm ones."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from parrot_bench.record import RunRecord
from parrot_reports import colours, units
from parrot_reports.blocks import Cold, Curve
from parrot_reports.figures.canvas import NAMES, RULE, Drawn, Rows, dot, log_ticks, rows_figure
from parrot_reports.sentences import floors
from parrot_reports.spans.dialects import CALLS

_STEPS_BELOW = 100


def latency(curves: Sequence[Curve], record: RunRecord | None = None) -> Drawn | None:
    """Latency distributions, one row a mode, the slowest tenth enlarged beside it.

    Args:
        curves: One a row.
        record: The run; without one the rows are operations, and none is a baseline or a floor.
    """
    if not curves:
        return None
    low = min(float(curve.latency[0]) for curve in curves) / 1.15
    high = max(float(curve.latency[-1]) for curve in curves) * 1.15
    kinds = {mode.name: mode.kind for mode in record.modes} if record else {}
    name = record.configuration.baseline if record else None
    baseline = next((curve for curve in curves if curve.mode == name), None)

    def draw(page: Rows) -> None:
        body, tail = page.panel(NAMES, 270), page.panel(NAMES + 290, 270)
        page.title(body, "all calls, 0 to 100 %")
        page.title(tail, "the slowest tenth, 90 to 100 %")
        for panel in (body, tail):
            log_ticks(panel, low, high, lambda x: units.duration(x, 1))
        page.heading(["median", "p99"])
        for curve, y in zip(curves, page.rows, strict=True):
            if record is None:
                look = colours.of_operation(calls_model=curve.mode.partition(" ")[0] in CALLS)
            else:
                look = colours.look(curve.mode, kinds.get(curve.mode, ""))
            page.name(y, curve.mode, look)
            for panel, start in ((body, 0.0), (tail, 0.9)):
                panel.axhline(y - 0.4, color=RULE, linewidth=0.5)
                if baseline is not None and baseline is not curve:
                    _ecdf(panel, baseline, y, start, color=RULE, linewidth=1.2)
                style = (0, (3.2, 1.4)) if look.hollow else "-"
                _ecdf(panel, curve, y, start, color=look.light, linewidth=1.5, linestyle=style)
            dot(body, curve.at(0.5), y, look)
            # On the curve: the tail's panel starts at 90 %, its rows are 0.8 high.
            dot(tail, curve.at(0.99), y - 0.4 + 0.9 * 0.8, look)
            page.value(y, units.duration(curve.at(0.5)), units.duration(curve.at(0.99)))

    return rows_figure("latency", _gaps(curves, record), 34, draw, values=125)


def cold(calls: Sequence[Cold], record: RunRecord) -> Drawn | None:
    """Cold against warm calls, one row a mode."""
    if not calls:
        return None
    times = [time for call in calls for time in (call.cold, call.warm)]
    kinds = {mode.name: mode.kind for mode in record.modes}

    def draw(page: Rows) -> None:
        panel = page.panel(NAMES, 470)
        page.title(panel, "warm (tick) to cold (dot), wall time, log scale")
        page.heading([f"cold {units.TIMES}", "95 %"])
        log_ticks(panel, min(times) / 1.3, max(times) * 1.3, lambda x: units.duration(x, 1))
        for call, y in zip(calls, page.rows, strict=True):
            look = colours.look(call.mode, kinds.get(call.mode, ""))
            page.name(y, call.mode, look)
            panel.plot([call.warm, call.cold], [y, y], color=look.light, linewidth=1.6)
            panel.plot([call.warm] * 2, [y - 0.26, y + 0.26], color=look.light, linewidth=1.6)
            dot(panel, call.cold, y, look)
            value, interval = units.ratio(call.ratio)
            page.value(y, f"{value}{units.TIMES}", interval)

    return rows_figure("cold", _gaps(calls, record), 26, draw, values=200)


def _gaps(rows: Sequence[Curve] | Sequence[Cold], record: RunRecord | None) -> list[bool]:
    """Which rows are floors: only where they stand together is a gap drawn."""
    measures = floors(record) if record else frozenset()
    return [row.mode in measures for row in rows]


def _ecdf(axes: Axes, curve: Curve, y: float, start: float, **style: Any) -> None:
    chosen = curve.share >= start - 1e-9
    height = (curve.share[chosen] - start) / (1 - start) * 0.8
    # Few calls make visible steps; many make a line, at half the size of the file.
    steps = "steps-post" if curve.count < _STEPS_BELOW else "default"
    axes.plot(curve.latency[chosen], y - 0.4 + height, drawstyle=steps, **style)
