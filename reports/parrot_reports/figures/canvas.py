"""What all figures share: rows of modes, axes without clutter, and files of both formats.

Sizes are in units of 1/72 inch, which the page shows as one CSS pixel. Colours are those of the
light page; `parrot_reports.svg` turns them into variables for the dark one.
"""

import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from parrot_reports import colours
from parrot_reports.text import shortened

WIDTH = 880
NAMES = 190
"""Room for the names of modes, left."""
INK, SOFT, RULE = (colours.INKS[name][0] for name in ("ink", "soft", "rule"))
BAND, PAPER = (colours.INKS[name][0] for name in ("band", "paper"))
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


class Rows:
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
        bare(axes)
        axes.yaxis.set_major_locator(NullLocator())
        return axes

    def title(self, axes: Axes, words: str) -> None:
        """A line of words over a panel."""
        axes.text(0, 1.0, words, transform=axes.transAxes, va="bottom", fontsize=11, color=SOFT)

    def heading(self, words: Sequence[str]) -> None:
        """Words over the values."""
        for word, x in zip(words, self._stops(), strict=True):
            self._edge.text(x, self._high, word, va="bottom", ha="right", fontsize=11, color=SOFT)

    def name(self, y: float, mode: str, look: colours.Look) -> None:
        """The name of a row, in its colour."""
        self._edge.text(
            NAMES - 12,
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
        for word, x, ink in zip((first, second), self._stops(), (INK, SOFT), strict=True):
            self._edge.text(x, y, word, ha="right", va="center", fontsize=11.5, color=ink)

    def _stops(self) -> tuple[float, float]:
        return WIDTH - self._values * 0.53, WIDTH - 4


def rows_figure(
    name: str, gaps: Sequence[bool], pitch: int, draw: Callable[[Rows], None], *, values: int
) -> Drawn:
    """Draw a figure of rows.

    Args:
        name: File name without its ending.
        gaps: One entry a row: it belongs to the group that is set apart at the end.
        pitch: Height of a row.
        draw: What draws the panels and the rows.
        values: Room for the values, right.
    """
    extra = 0.6 if any(gaps) and not all(gaps) else 0.0
    height = (len(gaps) - 1 + extra + 1.4) * pitch + 46
    return saved(name, height, lambda figure: draw(Rows(figure, gaps, pitch, values)))


def dot(axes: Axes, x: float, y: float, look: colours.Look) -> None:
    """Mark a value in a mode's look: filled for sync, hollow for async."""
    axes.plot(
        [x],
        [y],
        marker="o",
        markersize=6,
        markerfacecolor=PAPER if look.hollow else look.light,
        markeredgecolor=look.light,
        markeredgewidth=1.5,
        linestyle="none",
        zorder=4,
    )


def log_ticks(
    axes: Axes,
    low: float,
    high: float,
    label: Callable[[float], str],
    ticks: Sequence[float] = (),
) -> None:
    """Make the horizontal axis logarithmic, with as many labels as there is room for."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    room = axes.get_position().width * WIDTH
    chosen = list(ticks) or nice(low, high, most=int(room // 50))
    axes.xaxis.set_major_locator(FixedLocator(chosen))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter([label(tick) for tick in chosen]))
    axes.grid(axis="x", color=RULE, linewidth=0.5, alpha=0.6, zorder=0)
    axes.set_axisbelow(True)


def nice(low: float, high: float, most: int) -> list[float]:
    """1, 2 and 5 in every decade; 1 and 3, or 1 alone, where there is no room for their labels."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**decade for decade in decades for step in steps]
        found = [tick for tick in found if low <= tick <= high]
        if len(found) <= most:
            break
    return found


def bare(axes: Axes) -> None:
    """Leave of the axes only the lower line and its ticks."""
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(color=RULE, labelcolor=SOFT, labelsize=11, length=3, width=0.6)


def saved(name: str, height: float, paint: Callable[[Figure], None]) -> Drawn:
    """Draw once, save in both formats, the same bytes on every machine."""
    # The default style first: a matplotlibrc of the reader's own must not change a report.
    salted = {**_RC, "svg.hashsalt": name}
    with matplotlib.style.context(["default", salted]), warnings.catch_warnings():
        # A name may use a script that the font has not got; the page shows it all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor=PAPER)
        paint(figure)
        svg, png = io.BytesIO(), io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=nothing)
        figure.savefig(png, format="png", dpi=144, metadata={"Software": None})
    return Drawn(name=name, svg=svg.getvalue(), png=png.getvalue())
