"""What a file of spans says, computed once: for the page, the summary and the terminal. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from parrot_reports import operations, summary, units
from parrot_reports.operations import Failure, Operation, Trace
from parrot_reports.sentences import Key, Name, Sentence
from parrot_reports.spans import SpanTable

_MOST_OPERATIONS = 40


@dataclass(frozen=True, kw_only=True)
class SpanReport:
    """A file of spans, understood.

    Attributes:
        name: Name of the file, without its folders.
        table: Its spans, each once.
        repeated: Spans that were there again.
        operations: GenAI operations, most spans first.
        operations_more: Operations beyond those.
        failures: What failed, most frequent first.
        traces: One trace for every name of a root.
        use: Tokens by model and identifying params.
        outcomes: Outcomes of calls of a model.
        services: ``service.name`` of the resources, sorted.
        others: Spans without a GenAI operation.
        began: When the first GenAI span started; None without one.
        ended: When the last of them ended.
    """

    name: str
    table: SpanTable
    repeated: int
    operations: tuple[Operation, ...]
    operations_more: int
    failures: tuple[Failure, ...]
    traces: tuple[Trace, ...]
    use: tuple[summary.ModelUse, ...]
    outcomes: tuple[tuple[str, int], ...]
    services: tuple[str, ...]
    others: int
    began: datetime | None
    ended: datetime | None

    @property
    def calls(self) -> int:
        """Calls of a model."""
        return self.table.chats.height

    @property
    def failed(self) -> int:
        """Calls of a model that failed."""
        return int(self.table.chats["failed"].sum())


def span_report(table: SpanTable, name: str) -> SpanReport:
    """Understand a file of spans.

    Args:
        table: What was read.
        name: Name of the file.
    """
    once = table.unique()
    genai = once.frame.filter(once.frame["operation"].is_not_null())
    found = operations.operations(once)
    return SpanReport(
        name=name,
        table=once,
        repeated=len(table) - len(once),
        operations=found[:_MOST_OPERATIONS],
        operations_more=max(0, len(found) - _MOST_OPERATIONS),
        failures=operations.failures(once),
        traces=operations.traces(once),
        use=summary.use_by_model(once),
        outcomes=summary.outcomes(once),
        services=tuple(sorted(genai["service"].drop_nulls().unique())),
        others=len(once) - genai.height,
        began=_moment(genai["start_ns"].min()),
        ended=_moment(genai["end_ns"].max()),
    )


def headline(report: SpanReport) -> Sentence:
    """How many calls of what, how long they took, and how many failed."""
    if not report.calls:
        number = units.count(len(report.table))
        return (Name(report.name), f" has no calls of a model among its {number} spans.")
    called = {use.model for use in report.use}
    of = f" of {units.count(len(called))} models" if len(called) > 1 else " of "
    named: Sentence = () if len(called) > 1 else (Name(next(iter(called)) or "an unnamed model"),)
    calls = Key(_counted(report.calls, "call"))
    typical = report.table.chats
    median = (typical["end_ns"] - typical["start_ns"]).clip(lower_bound=0).median()
    half: Sentence = (
        "; half of them took ",
        Key(units.duration(float(median))),  # type: ignore[arg-type]  # a column of integers
        " or less",
    )
    share = units.percent(report.failed / report.calls)
    failed = f"{units.count(report.failed)} failed ({share})" if report.failed else "none failed"
    return (calls, of, *named, *half, f", {failed}.")


def reading(report: SpanReport) -> tuple[Literal["green", "amber"], str]:
    """Whether everything in the file could be read, in a sentence."""
    lines, lost = report.table.lines, len(report.table.malformed)
    if lost:
        return "amber", (
            f"Read with care: {units.count(lost)} of {_counted(lines, 'line')} could not be read; "
            f"{_counted(len(report.table), 'span')} in the others."
        )
    return "green", (
        f"Every line could be read: {_counted(lines, 'line')}, "
        f"{_counted(len(report.table), 'span')}."
    )


def notes(report: SpanReport) -> tuple[str, ...]:
    """What was in the file and is not in the figures."""
    said = [
        f"{_counted(number, 'line')} of {signal} passed over."
        for signal, number in sorted(report.table.skipped.items())
    ]
    if report.repeated:
        said.append(f"{_counted(report.repeated, 'span')} there more than once, counted once.")
    if report.others:
        said.append(
            f"{_counted(report.others, 'span')} without gen_ai.operation.name: "
            "drawn inside traces, counted nowhere."
        )
    return tuple(said)


def _counted(number: int, what: str) -> str:
    return f"{units.count(number)} {what}{'' if number == 1 else 's'}"


def _moment(nanoseconds: object) -> datetime | None:
    if not isinstance(nanoseconds, int):
        return None
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (OverflowError, ValueError):  # a clock that was wrong by 10,000 years
        return None
