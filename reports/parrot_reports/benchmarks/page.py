"""The page of a file of pytest-benchmark, in the look of the others."""

from collections.abc import Sequence
from typing import Any

from parrot_reports import colours, svg, units
from parrot_reports.benchmarks.reading import Benchmark, BenchmarkFile
from parrot_reports.benchmarks.report import (
    Group,
    conditions,
    doubts,
    finding,
    groups,
    headline,
    reading,
)
from parrot_reports.benchmarks.rows import Row, row
from parrot_reports.figures.canvas import NAMES, Drawn, Rows, dot, log_ticks, rows_figure
from parrot_reports.page import Page
from parrot_reports.setting import Section, environment, section, set_in_html
from parrot_reports.text import visible

FIGURE = "benchmarks"
"""What names of figures begin with; they are numbered."""

_MOST_DRAWN = 150
"""Rows of all figures together."""

_MOST_ROWS = 800
"""Rows of all tables together: the page has to stay below 500 KB."""


def render_benchmarks(file: BenchmarkFile, name: str) -> Page:
    """Make the page of a file of pytest-benchmark. The same file gives the same bytes.

    Args:
        file: The file.
        name: What it is called.
    """
    found = groups(file)
    shown, left_out = _shown(found)
    sections: list[tuple[Group, list[Row], Section | None]] = []
    drawn_rows = 0
    for number, group in enumerate(shown, start=1):
        drawn_rows += len(group.benchmarks)
        drawn = _medians(f"{FIGURE}-{number}", group) if drawn_rows <= _MOST_DRAWN else None
        rows = [row(benchmark, group) for benchmark in group.benchmarks]
        sections.append((group, rows, section(drawn, finding(group))))
    level, trust = reading(file)
    html = (
        environment()
        .get_template("benchmarks.html.j2")
        .render(
            name=name,
            written=visible(file.datetime[:16].replace("T", " ")),
            headline=set_in_html(headline(found)),
            level=level,
            trust="Read with care" if level != "green" else trust,
            doubts=tuple(doubts(file)),
            groups=[
                (visible(group.name), rows, figure, set_in_html(finding(group)), _columns(rows))
                for group, rows, figure in sections
            ],
            left_out=left_out,
            conditions=conditions(file),
            light=svg.variables(dark=False),
            dark=svg.variables(dark=True),
        )
    )
    return Page(html=html, figures=tuple(s.drawn for _, _, s in sections if s is not None))


def _shown(found: Sequence[Group]) -> tuple[list[Group], int]:
    """As many as there is room for, and how many benchmarks that leaves out."""
    room, shown = _MOST_ROWS, list[Group]()
    for group in found:
        if room > 0:
            shown.append(Group(name=group.name, benchmarks=group.benchmarks[:room]))
        room -= len(group.benchmarks)
    return shown, max(0, -room)


def _columns(rows: Sequence[Row]) -> dict[str, bool]:
    """Which columns have anything to say."""
    return {
        "first_chunk": any(each.first_chunk is not None for each in rows),
        "tokens": any(number is not None for each in rows for number in each.tokens),
    }


def _medians(name: str, group: Group) -> Drawn | None:
    """A row a benchmark: its fastest round, the middle half of its rounds and their median."""
    timed = [(b, row(b, group)) for b in group.benchmarks if b.stats.min > 0]
    if not timed:
        return None
    low = min(each.least for _, each in timed) / 1.15
    high = max(each.quartiles[1] for _, each in timed) * 1.15

    def draw(page: Rows) -> None:
        panel = page.panel(NAMES, 470)
        page.title(panel, "per call: fastest round (tick), middle half (line), median (dot)")
        page.heading(["median", "vs fastest"])
        log_ticks(panel, low, high, lambda x: units.duration(x, 1))
        for (benchmark, each), y in zip(timed, page.rows, strict=True):
            look = _look(benchmark)
            page.name(y, each.name, look)
            panel.plot(each.quartiles, [y, y], color=look.light, linewidth=3, alpha=0.55)
            panel.plot([each.least] * 2, [y - 0.22, y + 0.22], color=look.light, linewidth=1.4)
            dot(panel, each.median, y, look)
            page.value(y, units.duration(each.median), each.ratio)

    return rows_figure(name, [False] * len(timed), 26, draw, values=200)


def _look(benchmark: Benchmark) -> colours.Look:
    """That of the mode that the test noted; else the same for all."""
    mode: Any = benchmark.extra_info.get("mode")
    return colours.look(mode) if isinstance(mode, str) else colours.of_operation(calls_model=True)
