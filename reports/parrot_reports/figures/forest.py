"""The forest plot of ratios: log axis, intervals, a line at 1, and a close-up around it."""

from collections.abc import Iterable

from matplotlib.axes import Axes

from parrot_bench.record import Estimate, ModeOverhead, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import (
    BAND,
    INK,
    NAMES,
    RULE,
    SOFT,
    Drawn,
    Rows,
    dot,
    log_ticks,
    rows_figure,
)
from parrot_reports.sentences import deciding_joint, floors
from parrot_reports.text import shortened

_CLOSE = (0.9, 1.1)
"""The close-up."""


def ratios(record: RunRecord) -> Drawn | None:
    """Forest plot of the ratios to the baseline, log axis, with a close-up around 1."""
    overhead = record.overhead
    if overhead is None:
        return None
    rows = _forest_rows(record, overhead.modes)
    if not rows:
        return None
    noise = overhead.aa_wall if rows[0][0].decided_by == "wall" else overhead.aa_cpu
    bounds = [x for _, e, _ in rows for x in (e.low, e.high) if x > 0]
    low, high = min([*bounds, 0.9]) / 1.25, max([*bounds, 1.1]) * 1.25
    near = has_close_up(record)
    kinds = {mode.name: mode.kind for mode in record.modes}

    def draw(page: Rows) -> None:
        main = page.panel(NAMES, 360 if near else 520)
        log_ticks(main, low, high, _factor_tick)
        panels = [main]
        if near:
            close = page.panel(NAMES + 385, 145)
            log_ticks(close, *_CLOSE, _factor_tick, ticks=(0.9, 0.95, 1.0, 1.05, 1.1))
            page.title(close, "close-up, ±10 %")
            delta = record.configuration.delta
            for bound in (1 - delta, 1 + delta):
                close.axvline(bound, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
            panels.append(close)
        page.title(main, f"times {shortened(overhead.baseline, 24)}, log scale")
        for panel in panels:
            if noise is not None:
                panel.axvspan(noise.low, noise.high, color=BAND, zorder=0, linewidth=0)
            panel.axvline(1, color=INK, linewidth=0.9, zorder=1)
        for (mode, estimate, other), y in zip(rows, page.rows, strict=True):
            look = colours.look(mode.mode, kinds.get(mode.mode, ""))
            page.name(y, mode.mode, look)
            _interval(main, y, estimate, other, look)
            if near:
                _close_up(panels[1], y, estimate, look)
            value, interval = units.ratio(estimate)
            page.value(y, f"{value}{units.TIMES} ", interval)

    measures = floors(record)
    gaps = [m.mode in measures for m, _, _ in rows]
    return rows_figure("ratios", gaps, 26, draw, values=172)


def has_close_up(record: RunRecord) -> bool:
    """Whether any interval of the forest plot comes close to 1, so that a close-up is drawn."""
    rows = _forest_rows(record, record.overhead.modes) if record.overhead else []
    return any(e.low < _CLOSE[1] and e.high > _CLOSE[0] for _, e, _ in rows)


def _forest_rows(
    record: RunRecord, modes: Iterable[ModeOverhead]
) -> list[tuple[ModeOverhead, Estimate, Estimate | None]]:
    """Rows of the forest plot: most costly first, floors apart at the end."""
    measures = floors(record)
    rows = []
    for mode in modes:
        estimate = deciding_joint(mode)
        other = mode.wall_ratio_joint if mode.decided_by == "cpu" else mode.cpu_ratio_joint
        if estimate is not None and estimate.value > 0:
            rows.append((mode, estimate, other))
    return sorted(rows, key=lambda row: (row[0].mode in measures, -row[1].value, row[0].mode))


def _interval(
    axes: Axes, y: float, estimate: Estimate, other: Estimate | None, look: colours.Look
) -> None:
    low = max(estimate.low, axes.get_xlim()[0])
    axes.plot([low, estimate.high], [y, y], color=look.light, linewidth=2, zorder=3)
    dot(axes, estimate.value, y, look)
    if other is not None and other.value > 0:
        axes.plot([other.value] * 2, [y - 0.3, y + 0.3], color=SOFT, linewidth=1, zorder=2)


def _close_up(axes: Axes, y: float, estimate: Estimate, look: colours.Look) -> None:
    left, right = _CLOSE
    if estimate.high < left or estimate.low > right:
        # Out of the close-up: an arrow head at the side where it lies.
        x, mark = (left * 1.006, "<") if estimate.high < left else (right / 1.006, ">")
        axes.plot([x], [y], marker=mark, markersize=4, color=RULE, linestyle="none")
        return
    low, high = max(estimate.low, left), min(estimate.high, right)
    axes.plot([low, high], [y, y], color=look.light, linewidth=2, zorder=3)
    axes.plot([low] * 2, [y - 0.18, y + 0.18], color=look.light, linewidth=1.2, zorder=3)
    axes.plot([high] * 2, [y - 0.18, y + 0.18], color=look.light, linewidth=1.2, zorder=3)
    if left < estimate.value < right:
        dot(axes, estimate.value, y, look)


def _factor_tick(value: float) -> str:
    return f"{value:g}"
