"""The verdicts as markdown that fits a pull-request comment. Pure; only the record is needed."""

import re

from parrot_bench.record import ComparisonResult, Estimate, ModeOverhead, RunRecord
from parrot_reports import units
from parrot_reports.comparing import sentences as compared
from parrot_reports.comparing.table import rows as compared_rows
from parrot_reports.headline import headline
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.sentences import (
    deciding_ratio,
    floors,
    replayed,
    tally,
    trust_line,
    verdict_order,
)
from parrot_reports.studies import load
from parrot_reports.studies.headlines import headlines
from parrot_reports.text import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]#!|~<>$])")
MARKS = {
    "green": "\N{WHITE HEAVY CHECK MARK}",
    "amber": "\N{WARNING SIGN}",
    "red": "\N{CROSS MARK}",
}
_TICKS = re.compile(r"`+")
_MARKER = re.compile(r"(\d*)([-+=.)])")
"""What a line would be a list in a list by, or a rule."""


def summary_markdown(record: RunRecord) -> str:
    """Write a run's verdicts as GitHub-flavoured markdown.

    Args:
        record: The run, complete or not.

    Returns:
        Headline, trust line, table of modes and a line about the environment.
    """
    level, trust = trust_line(record)
    mark = MARKS[level]
    parts = [f"### {inline(headline(record))}", f"{mark} **{escaped(trust)}**"]
    if said := replayed(record.model):
        parts.append(escaped(said))
    doubts = [check for check in record.trust if check.level != "green"]
    if doubts:
        parts.append(
            "\n".join(f"- {c.level}: {escaped(c.name)}: {escaped(c.sentence)}" for c in doubts)
        )
    if record.comparison is not None:
        parts.append(_comparison(record.comparison))
    if record.overhead is not None:
        parts += [_table(record), _footnote(record)]
    if record.load is not None:
        parts.append(_loads(record))
    found = [f"- {study.capitalize()}: {inline(text)}" for study, text in headlines(record)]
    parts.append("\n".join(found))
    parts.append(_environment(record))
    return "\n\n".join(part for part in parts if part) + "\n"


def comparison_markdown(result: ComparisonResult) -> str:
    """A comparison as GitHub-flavoured markdown, for a pull request's comment."""
    return f"### {inline(compared.headline(result))}\n\n{_comparison(result)}\n"


def _comparison(result: ComparisonResult) -> str:
    table = compared_rows(result)
    lines = []
    numbers = len(table.heads) - 4  # columns of names before the numbers
    lines.append(f"| {' | '.join(table.heads)} |")
    lines.append(f"|{'---|' * numbers}---:|---:|---:|---|")
    for row in table.rows:
        *before, baseline, candidate, differs, said = row.cells
        cells = [code(cell, in_table=True) for cell in before]
        cells += [escaped(cell) for cell in (baseline, candidate, differs, said)]
        lines.append(f"| {' | '.join(cells)} |")
    remarked = [*table.notes, *compared.remarks(result)]
    lines += ["", *map(item, remarked)]
    return "\n".join(lines)


def _loads(record: RunRecord) -> str:
    heads = [head or "95 %" for head in load.HEADS]
    lines = [f"| {' | '.join(heads)} |", f"|---|---|{'---:|' * (len(heads) - 3)}---|"]
    for row in load.rows(record):
        mode, *rest = row.cells
        cells = [code(mode, in_table=True), *map(escaped, rest)]
        lines.append(f"| {' | '.join(cells)} |")
    result = record.load
    said = load.remarks(result) if result is not None else ()
    return "\n".join([*lines, "", *map(item, said)]).rstrip()


def summary_table(record: RunRecord) -> str:
    """Only the table of `summary_markdown`; empty when nothing was compared."""
    return _table(record) if record.overhead is not None else ""


def _table(record: RunRecord) -> str:
    if record.overhead is None:
        return ""
    measures = floors(record)
    baseline = code(record.overhead.baseline, in_table=True)
    rows = [
        f"| mode | CPU/call | wall/call | vs {baseline} | verdict |",
        "|---|--:|--:|--:|---|",
    ]
    rows += [_row(mode, "") for mode in verdict_order(record)]
    rows += [_row(m, "floor") for m in record.overhead.modes if m.mode in measures]
    return "\n".join(rows)


def _row(mode: ModeOverhead, word: str) -> str:
    ratio = deciding_ratio(mode)
    if mode.verdict == "baseline":
        against = "1"
    elif ratio is None:
        against = units.NONE
    else:
        value, interval = units.ratio(ratio)
        against = f"{value}{units.TIMES} {interval}"
        against += " wall" if mode.decided_by == "wall" else ""
    said = word or mode.verdict
    if mode.verdict_note or mode.disagrees or (ratio is not None and not ratio.stable):
        said += " (with care)"
    name = code(mode.mode, in_table=True)
    return f"| {name} | {_time(mode.cpu)} | {_time(mode.wall)} | {against} | {said} |"


def _time(estimate: Estimate | None) -> str:
    return units.NONE if estimate is None else units.duration(estimate.value)


def _footnote(record: RunRecord) -> str:
    overhead = record.overhead
    ratios = [r for m in overhead.modes if (r := deciding_ratio(m))] if overhead else []
    if overhead is None or not ratios:
        return ""
    confidence = units.percent(ratios[0].confidence)
    said = tally(record)
    return (
        f"{said[:1].upper()}{said[1:]}. Ratios are medians of paired rounds with {confidence} "
        f"intervals; {units.count(overhead.rounds)} rounds in "
        f"{units.span_of_time(overhead.duration_s)}."
    )


def _environment(record: RunRecord) -> str:
    machine = record.environment
    core = machine.packages.get("langchain-core")
    parts = [
        f"parrot-bench {record.parrot_bench_version}",
        f"langchain-core {core}" if core else "",
        machine.python,
        machine.cpu,
        f"{machine.logical_cpus} CPUs",
        f"commit {machine.commit[:12]}{' (dirty)' if machine.dirty else ''}"
        if machine.commit
        else "",
        f"seed {record.configuration.seed}",
    ]
    return f"<sub>{escaped(', '.join(part for part in parts if part))}</sub>"


def inline(sentence: Sentence) -> str:
    """Set a sentence: names as code, the number it is about in bold."""

    def written(part: str) -> str:
        if isinstance(part, Name):
            return code(part)
        return f"**{escaped(part)}**" if isinstance(part, Key) else escaped(part)

    return "".join(written(part) for part in sentence)


def code(name: str, *, in_table: bool = False) -> str:
    """Set a name as a code span, whatever it holds.

    Args:
        name: The name.
        in_table: A pipe ends a table's cell even in a code span, so it is escaped there.
    """
    name = visible(name)
    if in_table:
        name = name.replace("|", "\\|")
    fence = "`" * (max((len(run) for run in _TICKS.findall(name)), default=0) + 1)
    space = " " if name.startswith(("`", " ")) or name.endswith(("`", " ")) else ""
    return f"{fence}{space}{name}{space}{fence}"


def item(words: str) -> str:
    """Set words that may begin with a name as an item of a list, and as one of no other."""
    words = escaped(words).lstrip(" ")
    marker = _MARKER.match(words)
    return f"- {marker[1]}\\{words[marker.start(2) :]}" if marker else f"- {words}"


def escaped(words: str) -> str:
    """Escape words that are not ours: markdown, HTML, and the ``@`` that calls people."""
    words = visible(words).replace("&", "&amp;")
    return _SPECIAL.sub(r"\\\1", words).replace("@", "@\N{WORD JOINER}")
