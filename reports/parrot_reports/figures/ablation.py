"""Where the time of a traced call goes: one bar a mode, cut into layers."""

from matplotlib.axes import Axes

from parrot_bench.record import ModeTracing, RunRecord
from parrot_reports import colours, units
from parrot_reports.figures.canvas import (
    INK,
    NAMES,
    PAPER,
    RULE,
    SOFT,
    Drawn,
    Rows,
    rows_figure,
)

WORDS = {
    "model": "model",
    "langchain": "LangChain",
    "callbacks": "callbacks",
    "tracing": "tracing",
}
_LETTERS = {"model": PAPER, "langchain": INK, "callbacks": INK, "tracing": PAPER}
"""Layers are dark or light; letters are not."""

_MARGIN = 0.06
"""Room behind 100 %, for the interval of the last segment."""

_NARROW = 0.075
"""Share of a bar under which a segment has no room for its time."""


def ablation(record: RunRecord) -> Drawn | None:
    """Bars of one traced call, each as long as the others: shares of its CPU time."""
    result = record.tracing
    drawn = [mode for mode in result.modes if mode.layers] if result else []
    if not drawn:
        return None
    kinds = {mode.name: mode.kind for mode in record.modes}

    def draw(page: Rows) -> None:
        panel = page.panel(NAMES, 520)
        panel.set_xlim(0, 1 + _MARGIN)
        panel.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        page.title(panel, "share of a traced call's CPU time")
        page.heading(("CPU per call", "of it tracing"))
        for mode, y in zip(drawn, page.rows, strict=True):
            look = colours.look(mode.mode, kinds.get(mode.mode, ""))
            page.name(y, mode.mode, look)
            _bar(panel, mode, y, look, named=y == page.rows[0])
            whole = sum(max(layer.cpu.value, 0.0) for layer in mode.layers)
            tracing = next((one.cpu for one in mode.layers if one.layer == "tracing"), None)
            share = max(tracing.value, 0.0) / whole if tracing and whole else 0.0
            page.value(y, units.duration(whole), units.percent(share))

    return rows_figure("ablation", [False] * len(drawn), 44, draw, values=172)


def _bar(axes: Axes, mode: ModeTracing, y: float, look: colours.Look, *, named: bool) -> None:
    """Grey for what is there anyway; the mode's colour for what observability adds."""
    shades = {
        "model": (SOFT, 1.0),
        "langchain": (RULE, 1.0),
        "callbacks": (look.light, 0.45),
        "tracing": (look.light, 1.0),
    }
    whole = sum(max(layer.cpu.value, 0.0) for layer in mode.layers) or 1.0
    left = 0.0
    for index, layer in enumerate(mode.layers):
        share = max(layer.cpu.value, 0.0) / whole
        colour, alpha = shades[layer.layer]
        axes.barh(y, share, left=left, height=0.44, color=colour, alpha=alpha, linewidth=0)
        right = left + share
        # The interval of the layer, at the end of its segment; neighbours at two heights.
        low, high = (left + bound / whole for bound in (layer.cpu.low, layer.cpu.high))
        below = y - (0.31, 0.42)[index % 2]
        ink = SOFT if colour == RULE else colour
        axes.plot([low, high], [below] * 2, color=ink, linewidth=1.2, solid_capstyle="butt")
        for end in (low, high):
            axes.plot([end] * 2, [below - 0.045, below + 0.045], color=ink, linewidth=1.2)
        if share > _NARROW:
            axes.text(
                (left + right) / 2,
                y,
                units.duration(layer.cpu.value),
                ha="center",
                va="center",
                fontsize=10.5,
                color=_LETTERS[layer.layer],
            )
        if named and (share > _NARROW or not index):
            axes.text(
                left if share <= _NARROW else (left + right) / 2,
                y + 0.27,
                WORDS[layer.layer],
                ha="left" if share <= _NARROW else "center",
                va="bottom",
                fontsize=10.5,
                color=SOFT,
            )
        left = right
