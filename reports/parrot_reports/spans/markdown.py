"""What spans say, as markdown that fits a pull-request comment. Pure."""

from collections.abc import Sequence

from parrot_bench.record import Percentile
from parrot_reports import units
from parrot_reports.markdown import MARKS, code, escaped, inline
from parrot_reports.spans.report import SpanReport, counted, headline, notes, reading, shorter

_MOST_ROWS = 20
_MOST_LINES = 5
_MOST_REASON = 200


def spans_markdown(report: SpanReport) -> str:
    """Write what spans say as GitHub-flavoured markdown.

    Args:
        report: The spans, understood.

    Returns:
        Headline, whether all could be read, a table of operations, tokens, costs and errors.
    """
    level, read = reading(report)
    parts = [f"### {inline(headline(report))}", f"{MARKS[level]} **{escaped(read)}**"]
    said = [escaped(note) for note in notes(report)]
    said += [
        f"{code(f'{shorter(line.file)}:{line.line}')}: {escaped(line.reason[:_MOST_REASON])}"
        for line in report.table.malformed[:_MOST_LINES]
    ]
    parts += ["\n".join(f"- {line}" for line in said), _operations(report), _tokens(report)]
    parts += [_costs(report)]
    if report.failures:
        failed = [
            f"{units.count(each.number)} {code(shorter(each.error))} in "
            f"{code(shorter(each.operation))}"
            for each in report.failures
        ]
        parts.append(f"Failed spans: {_listed(failed, ', ', report.failures_more)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _operations(report: SpanReport) -> str:
    if not report.operations:
        return ""
    rows = [
        "| operation | spans | failed | p50 | p90 | p99 | longest | first chunk p50 | p90 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for each in report.operations[:_MOST_ROWS]:
        name = code(shorter(each.name), in_table=True)
        cells = [name, units.count(each.calls), units.count(each.failed)]
        cells += [_time(found) for found in each.durations]
        cells += [units.duration(each.longest)]
        cells += [_time(found) for found in each.first_chunks[:2]]
        rows.append(f"| {' | '.join(cells)} |")
    more = len(report.operations) + report.operations_more - _MOST_ROWS
    if more > 0:
        rows.append(f"\nAnd {counted(more, 'more operation')}.")
    return "\n".join(rows)


def _tokens(report: SpanReport) -> str:
    totals = report.totals
    if (totals.input_tokens, totals.output_tokens) == (None, None):
        return ""
    used = [use for use in report.use if (use.input_tokens, use.output_tokens) != (None, None)]
    models = [
        f"{code(shorter(use.model) or 'unnamed')} {_number(use.input_tokens)} in, "
        f"{_number(use.output_tokens)} out"
        for use in used
    ]
    return (
        f"Tokens: {_number(totals.input_tokens)} in ({_number(totals.cached_tokens)} from a "
        f"cache), {_number(totals.output_tokens)} out ({_number(totals.reasoning_tokens)} of "
        f"reasoning). By model: {_listed(models, '; ')}."
    )


def _costs(report: SpanReport) -> str:
    paid = [
        f"{code(shorter(cost.model) or 'unnamed')} {cost.amount:,f} {escaped(cost.currency)}"
        for cost in report.costs
    ]
    said = [f"Cost: {_listed(paid, '; ')}."] if paid else []
    if report.unpriced:
        names = [code(shorter(model) or "unnamed") for model in report.unpriced]
        said.append(f"Without a price: {_listed(names, ', ')}.")
    return " ".join(said)


def _listed(said: Sequence[str], between: str, more: int = 0) -> str:
    """The first of what is said, and how many more there are.

    Args:
        said: What.
        between: Stands between two.
        more: Those that are not even in it.
    """
    more += max(0, len(said) - _MOST_ROWS)
    rest = f" and {units.count(more)} more" if more else ""
    return between.join(said[:_MOST_ROWS]) + rest


def _time(found: Percentile) -> str:
    return units.NONE if found.value is None else units.duration(found.value)


def _number(tokens: int | None) -> str:
    return units.NONE if tokens is None else units.count(tokens)
