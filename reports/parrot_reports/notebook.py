"""A run or a comparison as a fragment of HTML, for a notebook.

No style sheet and no script: notebooks strip both. The figure is a picture of its own, on its
own light ground.
"""

from base64 import b64encode

from markupsafe import Markup

from parrot_bench.record import ComparisonResult, RunRecord
from parrot_reports import figures, findings, sentences, tables
from parrot_reports.comparing import sentences as compared
from parrot_reports.comparing.table import rows
from parrot_reports.figures import Drawn
from parrot_reports.headline import headline
from parrot_reports.parts import Sentence
from parrot_reports.setting import environment, set_in_html
from parrot_reports.text import visible

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Heads, and rows of cells."""


def run_fragment(record: RunRecord) -> str:
    """What a run found: its sentence, whether it can be trusted, its table, its ratios."""
    if record.comparison is not None:
        return comparison_fragment(record.comparison, trust=sentences.trust_line(record))
    _, trust = sentences.trust_line(record)
    modes = tables.modes_table(record)
    heads: tuple[str, ...] = ()
    cells: list[tuple[str, ...]] = []
    if modes is not None and record.overhead is not None:
        over = f"over {record.overhead.baseline}, {modes.confidence}"
        heads = ("mode", f"CPU, {modes.cpu_unit}", f"wall, {modes.wall_unit}", over, "", "verdict")
        for _, group in modes.groups:
            for row in group:
                ratio = row.cpu_ratio if row.decided_by == "cpu" else row.wall_ratio
                cells.append((row.mode, row.cpu, row.wall, *ratio, row.verdict))
    drawn = figures.ratios(record)
    head = set_in_html(headline(record))
    return _fragment(head, trust, (heads, cells), _picture(drawn, findings.ratios(record)))


def comparison_fragment(result: ComparisonResult, trust: tuple[str, str] | None = None) -> str:
    """What a comparison found: its sentence, its table, its differences.

    Args:
        result: The comparison.
        trust: Level and line, of the run that measured it; of saved runs by default.
    """
    _, trusted = trust or compared.trust_line(result)
    told = compared.order(result)
    first = [mode for mode in told if mode.study == told[0].study]
    drawn = figures.differences(
        "differences", first, delta=result.delta, fail_on=result.fail_on, kinds={}
    )
    table = rows(result)
    cells = [row.cells for row in table.rows]
    head = set_in_html(compared.headline(result))
    return _fragment(head, trusted, (table.heads, cells), _picture(drawn, compared.finding(first)))


def _picture(drawn: Drawn | None, finding: Sentence) -> Markup | None:
    if drawn is None:
        return None
    source = "data:image/svg+xml;base64," + b64encode(drawn.svg).decode()
    image = Markup('<img src="{}" alt="{}" width="880">')
    return image.format(source, visible("".join(finding)))


def _fragment(said: Markup, trust: str, table: Table, picture: Markup | None) -> str:
    heads, rows = table
    template = environment().get_template("notebook.html.j2")
    return template.render(headline=said, trust=trust, heads=heads, rows=rows, picture=picture)
