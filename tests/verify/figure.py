"""The figure of the page: how often a planted difference is found, and p-values of equals."""

import io
from collections.abc import Sequence
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.verify.planted import EQUAL, LEVELS
from tests.verify.promises import ALARM, said, share
from tests.verify.results import Condition, SensitivityProcess, Truth

COLOURS: dict[Condition, str] = {"quiet": "#1f5fa8", "busy": "#b3541e"}
LABELS: dict[Condition, str] = {"quiet": "quiet, 30 s", "busy": "hogs, 15 s"}
PROMISED: dict[Condition, tuple[float, float]] = {"quiet": (1.0, 0.95), "busy": (3.0, 0.95)}


def figure(lines: Sequence[SensitivityProcess], truths: Sequence[Truth]) -> bytes:
    """Draw both panels as SVG, whose text stays text."""
    # The same ids and no date, so that drawing again changes nothing.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sensitivity", "font.size": 10}):
        drawn = Figure(figsize=(8.8, 3.6), layout="constrained")
        found, equals = drawn.subplots(1, 2, width_ratios=(3, 2))
        for condition in COLOURS:
            of = [line for line in lines if line.condition == condition]
            if of:
                _found(found, condition, of, truths)
                _equals(equals, condition, of)
        found.axhline(5, color="#999999", linewidth=0.8, linestyle=":")
        found.axhline(95, color="#999999", linewidth=0.8, linestyle=":")
        found.set(
            xlabel="planted difference, % of a 300 µs call (as measured)",
            ylabel="called slower or faster, % of processes",
            ylim=(-3, 103),
        )
        found.legend(frameon=False, loc="center right")
        equals.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle=":")
        equals.set(
            xlabel="p-value of the equal mode",
            ylabel="share of processes up to it",
            xlim=(0, 1),
            ylim=(0, 1),
        )
        for axes in (found, equals):
            axes.spines[["top", "right"]].set_visible(False)
        out = io.BytesIO()
        drawn.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _found(
    axes: Axes,
    condition: Condition,
    lines: Sequence[SensitivityProcess],
    truths: Sequence[Truth],
) -> None:
    names = [name for name in LEVELS if said(lines, name)]
    shares = [share(said(lines, name), ALARM) for name in names]
    at = [
        100 * (median(t.ratios[name] for t in truths) - 1 if truths else LEVELS[name])
        for name in names
    ]
    below = [100 * (s.value - s.low) for s in shares]
    above = [100 * (s.high - s.value) for s in shares]
    axes.errorbar(
        at,
        [100 * s.value for s in shares],
        yerr=[below, above],
        color=COLOURS[condition],
        marker="o",
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label=f"{LABELS[condition]} ({len(lines)} processes)",
    )
    x, y = PROMISED[condition]
    axes.plot(x, 100 * y, marker="^", color=COLOURS[condition], markersize=7, fillstyle="none")


def _equals(axes: Axes, condition: Condition, lines: Sequence[SensitivityProcess]) -> None:
    p_values = [found.p for found in said(lines, EQUAL)]
    axes.ecdf(p_values, color=COLOURS[condition], linewidth=1.2)
