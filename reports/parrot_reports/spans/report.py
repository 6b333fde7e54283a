"""What spans say, computed once: for the page, the summary, the data and the terminal. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import polars as pl

from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence
from parrot_reports.spans import operations
from parrot_reports.spans.choice import Choice, chosen
from parrot_reports.spans.dialects import CALLS
from parrot_reports.spans.operations import Failure, ModelUse, Operation, Totals
from parrot_reports.spans.over_time import OverTime, over_time
from parrot_reports.spans.prices import Cost, Price, costs
from parrot_reports.spans.table import SpanTable
from parrot_reports.spans.traces import Traces, traces
from parrot_reports.text import shortened

_MOST_NAMED = 5
_SHORT = 80


@dataclass(frozen=True, kw_only=True)
class SpanReport:
    """Spans, understood.

    Attributes:
        name: Name of the file or folder, without its folders.
        table: Its spans, each once.
        repeated: Spans that were there again.
        conditions: What of the spans the report is about, in words; empty for all.
        totals: Exact sums over the calls of a model.
        operations: GenAI operations, calls of a model first, then most spans first.
        operations_more: Operations beyond those.
        failures: What failed, most frequent first.
        failures_more: Further pairs of error and operation.
        outcomes: Outcomes of calls of a model.
        finishes: Why the model stopped.
        over_time: Calls over time; None with too few.
        traces: Traces to draw.
        use: Tokens by model and identifying params, most calls first.
        costs: What each model cost; empty without prices.
        unpriced: Models without a price; empty without prices.
        services: ``service.name`` of the resources, sorted.
        genai: GenAI spans.
        others: Spans without a GenAI operation.
        nested: Calls of a model inside another call of a model.
        median: Median duration of the calls, nanoseconds; None without calls.
        began: When the first GenAI span started; None without one.
        ended: When the last of them ended.
    """

    name: str
    table: SpanTable
    repeated: int
    conditions: tuple[str, ...]
    totals: Totals
    operations: tuple[Operation, ...]
    operations_more: int
    failures: tuple[Failure, ...]
    failures_more: int
    outcomes: tuple[tuple[str, int], ...]
    finishes: tuple[tuple[str, int], ...]
    over_time: OverTime | None
    traces: Traces
    use: tuple[ModelUse, ...]
    costs: tuple[Cost, ...]
    unpriced: tuple[str, ...]
    services: tuple[str, ...]
    genai: int
    others: int
    nested: int
    median: float | None
    began: datetime | None
    ended: datetime | None


def span_report(
    table: SpanTable,
    name: str,
    *,
    wish: Choice | None = None,
    prices: dict[str, Price] | None = None,
) -> SpanReport:
    """Understand spans.

    Args:
        table: What was read.
        name: Name of the file or folder.
        wish: Which of the spans the report is about; all without it.
        prices: Prices by model; without them nothing is said of costs.

    Raises:
        UsageError: The wish leaves nothing.
    """
    once = table.unique()
    wish = wish or Choice()
    rows = once.frame.filter(chosen(once.frame, wish)) if wish.said else once.frame
    genai = operations.named(rows)
    calls = operations.calls_of(genai)
    found, more = operations.operations(genai)
    failures, failures_more = operations.failures(genai)
    use, unknown = operations.use_by_model(calls)
    paid, unpriced = costs(use, unknown, prices) if prices is not None else ((), ())
    return SpanReport(
        name=name,
        table=once,
        repeated=len(table) - len(once),
        conditions=wish.said,
        totals=operations.totals(calls),
        operations=found,
        operations_more=more,
        failures=failures,
        failures_more=failures_more,
        outcomes=operations.tally(calls, "outcome"),
        finishes=operations.tally(calls, "finish"),
        over_time=over_time(calls),
        traces=traces(once.frame, genai),
        use=use,
        costs=paid,
        unpriced=unpriced,
        services=tuple(sorted(genai["service"].drop_nulls().unique())),
        genai=genai.height,
        others=rows.height - genai.height,
        nested=_nested(genai),
        # A duration that there was, as the percentiles below: half took that or less.
        median=_number(calls["duration"].quantile(0.5, interpolation="lower")),
        began=_moment(genai["start_ns"].min()),
        ended=_moment(genai["end_ns"].max()),
    )


def headline(report: SpanReport) -> Sentence:
    """How many calls of what, how long they took, and how many failed."""
    totals = report.totals
    if report.median is None:
        number = units.count(len(report.table))
        return (Name(shorter(report.name)), f" has no calls of a model among its {number} spans.")
    called = {use.model for use in report.use}
    of = f" of {units.count(len(called))} models" if len(called) > 1 else " of "
    model = shorter(next(iter(called)) or "an unnamed model")
    named: Sentence = () if len(called) > 1 else (Name(model),)
    half: Sentence = ("; half of them took ", Key(units.duration(report.median)), " or less")
    share = units.percent(totals.failed / totals.calls)
    failed = f"{units.count(totals.failed)} failed ({share})" if totals.failed else "none failed"
    return (Key(counted(totals.calls, "call")), of, *named, *half, f", {failed}.")


def reading(report: SpanReport) -> tuple[Literal["green", "amber"], str]:
    """Whether everything in the files could be read, in a sentence."""
    lines, lost = report.table.lines, report.table.lost
    if lost:
        return "amber", (
            f"Read with care: {units.count(lost)} of {counted(lines, 'line')} could not be read; "
            f"{counted(len(report.table), 'span')} in the others."
        )
    if report.table.not_read:
        return "amber", (
            f"Read with care: {counted(len(report.table.not_read), 'file')} passed over; every "
            f"line of the others could be read: {counted(lines, 'line')}, "
            f"{counted(len(report.table), 'span')}."
        )
    return "green", (
        f"Every line could be read: {counted(lines, 'line')}, {counted(len(report.table), 'span')}."
    )


def notes(report: SpanReport) -> tuple[str, ...]:
    """What was in the files and is not in the figures, and what is to be known of them."""
    said = [f"Only spans with {', '.join(shorter(c) for c in report.conditions)}."]
    said = said if report.conditions else []
    listed = [f"{shorter(name)} ({why})" for name, why in report.table.not_read[:_MOST_NAMED]]
    if listed:
        more = len(report.table.not_read) - len(listed)
        listed += [f"{units.count(more)} more"] if more else []
        said.append(f"Not read: {'; '.join(listed)}.")
    said += [
        f"{counted(number, 'line')} of {signal} passed over."
        for signal, number in sorted(report.table.skipped.items())
    ]
    if report.repeated:
        said.append(f"{counted(report.repeated, 'span')} there more than once, counted once.")
    if report.others:
        said.append(
            f"{counted(report.others, 'span')} without a GenAI operation: drawn inside traces, "
            "counted nowhere."
        )
    if report.nested:
        said.append(
            f"{counted(report.nested, 'call')} of a model inside another call of a model: two "
            "instrumentations may have recorded the same call, and its tokens twice."
        )
    return tuple(said)


def counted(number: int, what: str) -> str:
    """Such as ``1 span`` or ``2 spans``."""
    return f"{units.count(number)} {what}{'' if number == 1 else 's'}"


def shorter(name: str) -> str:
    """A name that came from spans, as long as there is room for."""
    return shortened(name, _SHORT)


def _nested(genai: pl.DataFrame) -> int:
    calls = genai.lazy().filter(pl.col("operation").is_in(CALLS))
    inner = calls.filter(pl.col("parent_id") != "").select("trace_id", "parent_id")
    outer = calls.select("trace_id", pl.col("span_id").alias("parent_id"))
    return inner.join(outer, on=["trace_id", "parent_id"], how="semi").collect().height


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _moment(nanoseconds: object) -> datetime | None:
    if not isinstance(nanoseconds, int):
        return None
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (OverflowError, ValueError):  # a clock that was wrong by 10,000 years
        return None
