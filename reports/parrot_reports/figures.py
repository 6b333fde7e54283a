"""The figures. The only module that imports matplotlib.

Each figure is rows of modes: names at the left of their own row, numbers at its right, so that
eighteen modes stay readable and no legend is needed. Sizes are in units of 1/72 inch, which the
page shows as one CSS pixel. Colours are those of the light page; `parrot_reports.svg` turns
them into variables for the dark one.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_bench.record import Estimate, ModeOverhead, RunRecord
from parrot_reports import colours, units
from parrot_reports.blocks import Cold, Curve, Drift
from parrot_reports.sentences import deciding_joint, floors
from parrot_reports.text import shortened

WIDTH = 880
_INK, _SOFT, _RULE = (colours.INKS[name][0] for name in ("ink", "soft", "rule"))
_BAND, _PAPER = (colours.INKS[name][0] for name in ("band", "paper"))
_NAMES = 190
"""Room for the names of modes, left."""
_MINUS = "\N{MINUS SIGN}"
_CLOSE = (0.9, 1.1)
"""The close-up of the forest plot."""
_STEPS_BELOW = 100
_RC = {
    "font.family": "DejaVu Sans",
    "font.monospace": ["DejaVu Sans Mono"],
    "font.size": 12,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "axes.unicode_minus": False,
    "path.simplify": True,
}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A figure in both of its formats.

    Attributes:
        name: File name without its ending.
        svg: Text stays text.
        png: At twice the size, for where SVG is not shown.
    """

    name: str
    svg: bytes
    png: bytes


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

    def draw(page: "_Rows") -> None:
        main = page.panel(_NAMES, 360 if near else 520)
        _log_ticks(main, low, high, _factor_tick)
        panels = [main]
        if near:
            close = page.panel(_NAMES + 385, 145)
            _log_ticks(close, *_CLOSE, _factor_tick, ticks=(0.9, 0.95, 1.0, 1.05, 1.1))
            page.title(close, "close-up, ±10 %")
            delta = record.configuration.delta
            for bound in (1 - delta, 1 + delta):
                close.axvline(bound, color=_SOFT, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
            panels.append(close)
        page.title(main, f"times {shortened(overhead.baseline, 24)}, log scale")
        for panel in panels:
            if noise is not None:
                panel.axvspan(noise.low, noise.high, color=_BAND, zorder=0, linewidth=0)
            panel.axvline(1, color=_INK, linewidth=0.9, zorder=1)
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
    return _rows_figure("ratios", gaps, 26, draw, values=172)


def has_close_up(record: RunRecord) -> bool:
    """Whether any interval of the forest plot comes close to 1, so that a close-up is drawn."""
    rows = _forest_rows(record, record.overhead.modes) if record.overhead else []
    return any(e.low < _CLOSE[1] and e.high > _CLOSE[0] for _, e, _ in rows)


def latency(curves: Sequence[Curve], record: RunRecord) -> Drawn | None:
    """Latency distributions, one row a mode, the slowest tenth enlarged beside it."""
    if not curves:
        return None
    low = min(float(curve.latency[0]) for curve in curves) / 1.15
    high = max(float(curve.latency[-1]) for curve in curves) * 1.15
    kinds = {mode.name: mode.kind for mode in record.modes}
    baseline = next((c for c in curves if c.mode == record.configuration.baseline), None)

    def draw(page: "_Rows") -> None:
        body, tail = page.panel(_NAMES, 270), page.panel(_NAMES + 290, 270)
        page.title(body, "all calls, 0 to 100 %")
        page.title(tail, "the slowest tenth, 90 to 100 %")
        for panel in (body, tail):
            _log_ticks(panel, low, high, lambda x: units.duration(x, 1))
        page.heading(["median", "p99"])
        for curve, y in zip(curves, page.rows, strict=True):
            look = colours.look(curve.mode, kinds.get(curve.mode, ""))
            page.name(y, curve.mode, look)
            for panel, start in ((body, 0.0), (tail, 0.9)):
                panel.axhline(y - 0.4, color=_RULE, linewidth=0.5)
                if baseline is not None and baseline is not curve:
                    _ecdf(panel, baseline, y, start, color=_RULE, linewidth=1.2)
                style = (0, (3.2, 1.4)) if look.hollow else "-"
                _ecdf(panel, curve, y, start, color=look.light, linewidth=1.5, linestyle=style)
            _dot(body, curve.at(0.5), y, look)
            # On the curve: the tail's panel starts at 90 %, its rows are 0.8 high.
            _dot(tail, curve.at(0.99), y - 0.4 + 0.9 * 0.8, look)
            page.value(y, units.duration(curve.at(0.5)), units.duration(curve.at(0.99)))

    return _rows_figure("latency", _gaps(curves, record), 34, draw, values=125)


def cold(calls: Sequence[Cold], record: RunRecord) -> Drawn | None:
    """Cold against warm calls, one row a mode."""
    if not calls:
        return None
    times = [time for call in calls for time in (call.cold, call.warm)]
    kinds = {mode.name: mode.kind for mode in record.modes}

    def draw(page: "_Rows") -> None:
        panel = page.panel(_NAMES, 470)
        page.title(panel, "warm (tick) to cold (dot), wall time, log scale")
        page.heading([f"cold {units.TIMES}", "95 %"])
        _log_ticks(panel, min(times) / 1.3, max(times) * 1.3, lambda x: units.duration(x, 1))
        for call, y in zip(calls, page.rows, strict=True):
            look = colours.look(call.mode, kinds.get(call.mode, ""))
            page.name(y, call.mode, look)
            panel.plot([call.warm, call.cold], [y, y], color=look.light, linewidth=1.6)
            panel.plot([call.warm] * 2, [y - 0.26, y + 0.26], color=look.light, linewidth=1.6)
            _dot(panel, call.cold, y, look)
            value, interval = units.ratio(call.ratio)
            page.value(y, f"{value}{units.TIMES}", interval)

    return _rows_figure("cold", _gaps(calls, record), 26, draw, values=200)


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
            axes.axvspan(0, drift.last / 5, color=_BAND, linewidth=0, zorder=0)
            axes.axhline(1, color=_RULE, linewidth=0.8, zorder=1)
            axes.plot(drift.rounds, drift.time, color=_SOFT, linewidth=0.9, alpha=0.55)
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
            _bare(axes)
            axes.yaxis.set_major_locator(FixedLocator(ticks))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FixedFormatter(labels if column == 0 else [""] * 3))
            axes.xaxis.set_major_locator(FixedLocator([0, drift.last]))
            under = index + columns >= len(drifts)
            ends = ["round 0", f"{drift.last}"] if under else ["", ""]
            axes.xaxis.set_major_formatter(FixedFormatter(ends))
            axes.get_xticklabels()[0].set_horizontalalignment("left")
            axes.get_xticklabels()[1].set_horizontalalignment("right")

    return _saved("stability", total, paint)


class _Rows:
    """A figure of rows: names left, panels that share the rows, values right."""

    def __init__(self, figure: Figure, gaps: Sequence[bool], pitch: int, values: int) -> None:
        self._figure = figure
        self._pitch = pitch
        self._values = values
        # Rows count downwards; a gap sets the floors apart.
        place, self.rows, self._height = -1.0, list[float](), figure.get_figheight() * 72
        for index, gap in enumerate(gaps):
            place += 1.6 if gap and (index == 0 or not gaps[index - 1]) and index else 1
            self.rows.append(-place)
        self._low, self._high = -place - 0.7, 0.7
        self._edge = self.panel(0, WIDTH)
        self._edge.set_axis_off()
        self._edge.set_xlim(0, WIDTH)

    def panel(self, left: float, width: float) -> Axes:
        """Axes over all rows."""
        bottom, top = 24 / self._height, 1 - 22 / self._height
        axes = self._figure.add_axes((left / WIDTH, bottom, width / WIDTH, top - bottom))
        axes.set_ylim(self._low, self._high)
        _bare(axes)
        axes.yaxis.set_major_locator(NullLocator())
        return axes

    def title(self, axes: Axes, words: str) -> None:
        """A line of words over a panel."""
        axes.text(0, 1.0, words, transform=axes.transAxes, va="bottom", fontsize=11, color=_SOFT)

    def heading(self, words: Sequence[str]) -> None:
        """Words over the values."""
        for word, x in zip(words, self._stops(), strict=True):
            self._edge.text(x, self._high, word, va="bottom", ha="right", fontsize=11, color=_SOFT)

    def name(self, y: float, mode: str, look: colours.Look) -> None:
        """The name of a row, in its colour."""
        self._edge.text(
            _NAMES - 12,
            y,
            shortened(mode, 23),
            ha="right",
            va="center",
            color=look.light,
            fontfamily="DejaVu Sans Mono",
            fontsize=11.5,
        )

    def value(self, y: float, first: str, second: str) -> None:
        """The two values of a row."""
        for word, x, ink in zip((first, second), self._stops(), (_INK, _SOFT), strict=True):
            self._edge.text(x, y, word, ha="right", va="center", fontsize=11.5, color=ink)

    def _stops(self) -> tuple[float, float]:
        return WIDTH - self._values * 0.53, WIDTH - 4


def _rows_figure(
    name: str, gaps: Sequence[bool], pitch: int, draw: Callable[[_Rows], None], *, values: int
) -> Drawn:
    extra = 0.6 if any(gaps) and not all(gaps) else 0.0
    height = (len(gaps) - 1 + extra + 1.4) * pitch + 46
    return _saved(name, height, lambda figure: draw(_Rows(figure, gaps, pitch, values)))


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


def _gaps(rows: Sequence[Curve] | Sequence[Cold], record: RunRecord) -> list[bool]:
    """Which rows are floors: only where they stand together is a gap drawn."""
    measures = floors(record)
    return [row.mode in measures for row in rows]


def _interval(
    axes: Axes, y: float, estimate: Estimate, other: Estimate | None, look: colours.Look
) -> None:
    low = max(estimate.low, axes.get_xlim()[0])
    axes.plot([low, estimate.high], [y, y], color=look.light, linewidth=2, zorder=3)
    _dot(axes, estimate.value, y, look)
    if other is not None and other.value > 0:
        axes.plot([other.value] * 2, [y - 0.3, y + 0.3], color=_SOFT, linewidth=1, zorder=2)


def _close_up(axes: Axes, y: float, estimate: Estimate, look: colours.Look) -> None:
    left, right = _CLOSE
    if estimate.high < left or estimate.low > right:
        # Out of the close-up: an arrow head at the side where it lies.
        x, mark = (left * 1.006, "<") if estimate.high < left else (right / 1.006, ">")
        axes.plot([x], [y], marker=mark, markersize=4, color=_RULE, linestyle="none")
        return
    low, high = max(estimate.low, left), min(estimate.high, right)
    axes.plot([low, high], [y, y], color=look.light, linewidth=2, zorder=3)
    axes.plot([low] * 2, [y - 0.18, y + 0.18], color=look.light, linewidth=1.2, zorder=3)
    axes.plot([high] * 2, [y - 0.18, y + 0.18], color=look.light, linewidth=1.2, zorder=3)
    if left < estimate.value < right:
        _dot(axes, estimate.value, y, look)


def _dot(axes: Axes, x: float, y: float, look: colours.Look) -> None:
    axes.plot(
        [x],
        [y],
        marker="o",
        markersize=6,
        markerfacecolor=_PAPER if look.hollow else look.light,
        markeredgecolor=look.light,
        markeredgewidth=1.5,
        linestyle="none",
        zorder=4,
    )


def _ecdf(axes: Axes, curve: Curve, y: float, start: float, **style: Any) -> None:
    chosen = curve.share >= start - 1e-9
    height = (curve.share[chosen] - start) / (1 - start) * 0.8
    # Few calls make visible steps; many make a line, at half the size of the file.
    steps = "steps-post" if curve.count < _STEPS_BELOW else "default"
    axes.plot(curve.latency[chosen], y - 0.4 + height, drawstyle=steps, **style)


def _log_ticks(
    axes: Axes,
    low: float,
    high: float,
    label: Callable[[float], str],
    ticks: Sequence[float] = (),
) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    room = axes.get_position().width * WIDTH
    chosen = list(ticks) or _nice(low, high, most=int(room // 50))
    axes.xaxis.set_major_locator(FixedLocator(chosen))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter([label(tick) for tick in chosen]))
    axes.grid(axis="x", color=_RULE, linewidth=0.5, alpha=0.6, zorder=0)
    axes.set_axisbelow(True)


def _nice(low: float, high: float, most: int) -> list[float]:
    """1, 2 and 5 in every decade; 1 and 3, or 1 alone, where there is no room for their labels."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**decade for decade in decades for step in steps]
        found = [tick for tick in found if low <= tick <= high]
        if len(found) <= most:
            break
    return found


def _factor_tick(value: float) -> str:
    return f"{value:g}"


def _bare(axes: Axes) -> None:
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_RULE)
    axes.tick_params(color=_RULE, labelcolor=_SOFT, labelsize=11, length=3, width=0.6)


def _saved(name: str, height: float, paint: Callable[[Figure], None]) -> Drawn:
    """Draw once, save in both formats, the same bytes on every machine."""
    # The default style first: a matplotlibrc of the reader's own must not change a report.
    salted = {**_RC, "svg.hashsalt": name}
    with matplotlib.style.context(["default", salted]), warnings.catch_warnings():
        # A name may use a script that the font has not got; the page shows it all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor=_PAPER)
        paint(figure)
        svg, png = io.BytesIO(), io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=nothing)
        figure.savefig(png, format="png", dpi=144, metadata={"Software": None})
    return Drawn(name=name, svg=svg.getvalue(), png=png.getvalue())
