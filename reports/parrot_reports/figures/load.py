"""Latency against load: percentiles of each level, a row each, and who kept the objectives."""

from matplotlib.axes import Axes

from parrot_bench.record import Percentile, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import NAMES, SOFT, Drawn, Rows, dot, log_ticks, rows_figure
from parrot_reports.studies.load import load as said

_RANKS = (0.5, 0.95, 0.99)
_LEAST_RANGE = 8.0


def load(record: RunRecord) -> Drawn | None:
    """Rows of levels: p50, p95 and p99 of latency and of the first chunk; None without any."""
    result = record.load
    levels = [level for level in result.levels if _times(level.latency)] if result else []
    if not levels:
        return None
    times = [t for level in levels for t in (*_times(level.latency), *_times(level.first_chunk))]
    low, high = _with_room(min(times), max(times))
    first = "; first chunk below, grey" if any(level.first_chunk for level in levels) else ""
    kinds = {mode.name: mode.kind for mode in record.modes}
    several = len({level.mode for level in levels}) > 1

    def draw(page: Rows) -> None:
        panel = page.panel(NAMES, 470)
        log_ticks(panel, low, high, lambda x: units.duration(x, 1))
        page.title(panel, f"latency: median (dot), to p95 and p99 (line){first}")
        page.heading(["answered/s", "kept"])
        for level, y in zip(levels, page.rows, strict=True):
            look = colours.look(level.mode, kinds.get(level.mode, ""))
            page.name(y, f"{level.mode}, {said(level)}" if several else said(level), look)
            _drawn(panel, level.latency, y + 0.14, look)
            grey = colours.Look(light=SOFT, dark=SOFT, hollow=look.hollow)
            _drawn(panel, level.first_chunk, y - 0.22, grey)
            page.value(y, units.significant(level.throughput), units.percent(level.good.value, 3))

    return rows_figure("load", [False] * len(levels), 34, draw, values=170)


def _with_room(low: float, high: float) -> tuple[float, float]:
    """An axis that has more than one labelled tick, however near to each other times are."""
    room = max(1.3, (_LEAST_RANGE * low / high) ** 0.5)
    return low / room, high * room


def _drawn(panel: Axes, found: tuple[Percentile, ...], y: float, look: colours.Look) -> None:
    times = _times(found)
    if not times:
        return
    panel.plot([times[0], times[-1]], [y, y], color=look.light, linewidth=1.6)
    for time in times[1:]:
        panel.plot([time] * 2, [y - 0.1, y + 0.1], color=look.light, linewidth=1.4)
    dot(panel, times[0], y, look)


def _times(found: tuple[Percentile, ...]) -> list[float]:
    return [p.value for p in found if p.rank in _RANKS and p.value is not None and p.value > 0]
