"""What a file of spans says, as markdown that fits a pull-request comment. Pure."""

from parrot_reports import units
from parrot_reports.markdown import MARKS, code, escaped, inline
from parrot_reports.span_report import SpanReport, headline, notes, reading

_MOST_ROWS = 20
_MOST_LINES = 5


def spans_markdown(report: SpanReport) -> str:
    """Write a file of spans as GitHub-flavoured markdown.

    Args:
        report: The file, understood.

    Returns:
        Headline, whether all could be read, a table of operations, tokens and errors.
    """
    level, read = reading(report)
    parts = [f"### {inline(headline(report))}", f"{MARKS[level]} **{escaped(read)}**"]
    said = [escaped(note) for note in notes(report)]
    said += [
        f"{code(f'{line.file}:{line.line}')}: {escaped(line.reason)}"
        for line in report.table.malformed[:_MOST_LINES]
    ]
    parts += ["\n".join(f"- {line}" for line in said), _operations(report), _tokens(report)]
    if report.failures:
        failed = (
            f"{units.count(each.number)} {code(each.error)} in {code(each.operation)}"
            for each in report.failures[:_MOST_ROWS]
        )
        parts.append(f"Failed spans: {', '.join(failed)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _operations(report: SpanReport) -> str:
    if not report.operations:
        return ""
    rows = [
        "| operation | spans | failed | p50 | p90 | p99 | longest | first chunk p50 | p90 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for each in report.operations[:_MOST_ROWS]:
        times = (*each.durations, *each.first_chunks[:2])
        cells = [code(each.name, in_table=True), units.count(each.calls), units.count(each.failed)]
        cells += [units.NONE if time is None else units.duration(time) for time in times]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _tokens(report: SpanReport) -> str:
    used = [use for use in report.use if (use.input_tokens, use.output_tokens) != (None, None)]
    if not used:
        return ""
    said = (
        f"{code(use.model or 'unnamed')} {_number(use.input_tokens)} in, "
        f"{_number(use.output_tokens)} out"
        for use in used[:_MOST_ROWS]
    )
    return f"Tokens: {'; '.join(said)}."


def _number(tokens: int | None) -> str:
    return units.NONE if tokens is None else units.count(tokens)
