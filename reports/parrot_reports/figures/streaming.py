"""Figures of streams: when chunks come, and what a call costs over the length of its reply."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_bench.record import Arrivals, ChunkCost, ModeArrivals, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import (
    INK,
    NAMES,
    RULE,
    SOFT,
    WIDTH,
    Drawn,
    Rows,
    bare,
    dot,
    log_ticks,
    rows_figure,
    saved,
)
from parrot_reports.sentences import floors
from parrot_reports.studies.streaming import chunk_costs, in_order
from parrot_reports.text import shortened

_LABEL_PITCH = 17
"""Height of a label at the end of a line."""

_COST_HEIGHT = 360.0


def arrivals(found: Arrivals, record: RunRecord) -> Drawn | None:
    """From the call to the first chunk and to the end, and the gaps between, a row a mode."""
    modes = [mode for mode in in_order(found, record) if mode.first_chunk and mode.total]
    if not modes:
        return None
    kinds = {mode.name: mode.kind for mode in record.modes}
    skipped = floors(record)
    spaced = [mode for mode in modes if mode.mean_gap and mode.arriving == "one by one"]
    calls = [
        x for m in modes if m.first_chunk and m.total for x in (m.first_chunk.low, m.total.value)
    ]
    gaps = [x for m in spaced for x in _gap(m)]

    def draw(page: Rows) -> None:
        whole = page.panel(NAMES, 300)
        page.title(whole, "from the call: first chunk (dot), end (tick)")
        log_ticks(whole, min(calls) / 1.3, max(calls) * 1.3, lambda x: units.duration(x, 1))
        between = page.panel(NAMES + 320, 200)
        page.title(between, "gap: median (dot) to p95")
        if gaps:
            log_ticks(between, min(gaps) / 1.3, max(gaps) * 1.3, lambda x: units.duration(x, 1))
        else:
            between.set_axis_off()
        if found.latency is not None:
            _waits(whole, between, found)
        page.heading(["first chunk", "gap"])
        for mode, y in zip(modes, page.rows, strict=True):
            look = colours.look(mode.mode, kinds.get(mode.mode, ""))
            page.name(y, mode.mode, look)
            _call(whole, y, mode, look)
            said = _gaps(between, y, mode, look) if gaps else units.NONE
            first = units.duration(mode.first_chunk.value) if mode.first_chunk else units.NONE
            page.value(y, first, said)

    name = "streaming" if found.latency is None else "streaming_latency"
    return rows_figure(name, [m.mode in skipped for m in modes], 28, draw, values=160)


def _waits(whole: Axes, between: Axes, found: Arrivals) -> None:
    """Where the model's own waits would end if nothing were added to them."""
    if found.latency is None:
        return
    first, each = found.latency.first_chunk_s * 1e9, found.latency.each_chunk_s * 1e9
    chunks = max((mode.chunks for mode in found.modes), default=1)
    for axes, x in ((whole, first), (whole, first + each * (chunks - 1)), (between, each)):
        axes.axvline(x, color=SOFT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)


def _call(axes: Axes, y: float, mode: ModeArrivals, look: colours.Look) -> None:
    first, total = mode.first_chunk, mode.total
    if first is None or total is None:
        return
    axes.plot([first.value, total.value], [y, y], color=look.light, linewidth=1.6, zorder=2)
    axes.plot([total.value] * 2, [y - 0.26, y + 0.26], color=look.light, linewidth=1.6, zorder=3)
    # The interval of the median lies under its dot where it is narrow.
    axes.plot([first.low, first.high], [y, y], color=look.light, linewidth=4, alpha=0.35, zorder=2)
    dot(axes, first.value, y, look)


def _gaps(axes: Axes, y: float, mode: ModeArrivals, look: colours.Look) -> str:
    """Draw the gaps of a mode; what is written of them beside the row."""
    if mode.arriving != "one by one" or not mode.mean_gap:
        axes.text(
            0.0, y, mode.arriving, transform=axes.get_yaxis_transform(), va="center",
            fontsize=11, color=SOFT,
        )  # fmt: skip
        return units.NONE
    middle, late = _gap(mode)
    axes.plot([middle, late], [y, y], color=look.light, linewidth=1.6, zorder=2)
    dot(axes, middle, y, look)
    return units.duration(middle)


def _gap(mode: ModeArrivals) -> tuple[float, float]:
    """Median gap and p95; where there are too few calls for them, the median call's mean."""
    found = {p.rank: p.value for p in mode.gaps if p.value is not None}
    middle = found.get(0.5) or (mode.mean_gap.value if mode.mean_gap else 0.0)
    return middle, found.get(0.95) or middle


def chunk_cost(record: RunRecord) -> Drawn | None:
    """CPU time of a call over the length of its reply, both axes logarithmic."""
    costs = [cost for cost in chunk_costs(record).values() if cost.lengths]
    if not costs:
        return None
    skipped = floors(record)
    kinds = {mode.name: mode.kind for mode in record.modes}
    height = _COST_HEIGHT
    left, top, bottom, labels = 64, 34, 40, 290

    def paint(figure: Figure) -> None:
        box = (
            left / WIDTH,
            bottom / height,
            (WIDTH - left - labels) / WIDTH,
            1 - (top + bottom) / height,
        )
        axes = figure.add_axes(box)
        bare(axes)
        lengths = sorted({each.length for cost in costs for each in cost.lengths})
        times = [each.cpu for cost in costs for each in cost.lengths]
        log_ticks(axes, lengths[0] / 1.25, lengths[-1] * 1.1, lambda x: f"{x:,.0f}", ticks=lengths)
        _time_axis(axes, min(t.value for t in times) / 1.5, max(t.value for t in times) * 1.5)
        over = {"transform": axes.transAxes, "fontsize": 11, "color": SOFT}
        axes.text(0, 1.04, "CPU time of a call, log scale", va="bottom", **over)  # type: ignore[arg-type]
        axes.text(1, -0.13, "chunks of the reply, log scale", va="bottom", ha="right", **over)  # type: ignore[arg-type]
        for cost in costs:
            _line(axes, cost, colours.look(cost.mode, kinds.get(cost.mode, "")))
        _labels(axes, costs, kinds, skipped)

    return saved("chunk_cost", height, paint)


def _time_axis(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    ticks = [10.0**decade for decade in decades]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FixedFormatter([units.duration(t, 1) for t in ticks]))
    axes.grid(axis="y", color=RULE, linewidth=0.5, alpha=0.6, zorder=0)


def _line(axes: Axes, cost: ChunkCost, look: colours.Look) -> None:
    x = [each.length for each in cost.lengths]
    y = [each.cpu.value for each in cost.lengths]
    style = (0, (3.2, 1.4)) if look.hollow else "-"
    axes.plot(x, y, color=look.light, linewidth=1.6, linestyle=style, zorder=3)
    for each in cost.lengths:
        axes.plot(
            [each.length] * 2, [each.cpu.low, each.cpu.high], color=look.light, linewidth=3,
            alpha=0.35, zorder=2,
        )  # fmt: skip
        dot(axes, each.length, each.cpu.value, look)


def _labels(
    axes: Axes, costs: Sequence[ChunkCost], kinds: Mapping[str, str], skipped: frozenset[str]
) -> None:
    """Names at the ends of the lines, moved apart where the lines end together."""
    low, high = (math.log10(bound) for bound in axes.get_ylim())
    pitch = _LABEL_PITCH / (axes.get_position().height * _COST_HEIGHT)
    ordered = sorted(costs, key=lambda cost: cost.lengths[-1].cpu.value)
    ends = [(math.log10(c.lengths[-1].cpu.value) - low) / (high - low) for c in ordered]
    for cost, end, place in zip(ordered, ends, _apart(ends, pitch), strict=True):
        look = colours.look(cost.mode, kinds.get(cost.mode, ""))
        axes.plot(
            [1.0, 1.035], [end, place], transform=axes.transAxes, color=look.light, linewidth=0.8,
            clip_on=False,
        )  # fmt: skip
        axes.text(
            1.042, place, shortened(cost.mode, 23), transform=axes.transAxes, va="center",
            color=look.light, fontfamily="DejaVu Sans Mono", fontsize=11,
        )  # fmt: skip
        each = f"{units.duration(cost.cpu.value)} a chunk"
        axes.text(
            1.52, place, each, transform=axes.transAxes, va="center", ha="right", fontsize=11,
            color=SOFT if cost.mode in skipped else INK,
        )  # fmt: skip


def _apart(places: Sequence[float], pitch: float) -> list[float]:
    """Move rising places apart to at least ``pitch``, each as little as its neighbours allow."""
    groups: list[tuple[float, int]] = []  # middle, members
    for place in places:
        middle, count = place, 1
        while groups and middle - groups[-1][0] < pitch * (count + groups[-1][1]) / 2:
            other, members = groups.pop()
            middle = (middle * count + other * members) / (count + members)
            count += members
        groups.append((middle, count))
    return [
        middle + pitch * (index - (count - 1) / 2)
        for middle, count in groups
        for index in range(count)
    ]
