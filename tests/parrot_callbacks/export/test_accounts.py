"""The account of an exporter adds up, whatever it answers and however spans come to it."""

from collections.abc import Sequence
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from parrot_callbacks.answers import NotDeliveredError, SpansRejectedError
from parrot_callbacks.delivery import PATIENCE, AccountedExporter, SpanCollector
from parrot_callbacks.quiet import ExporterLog

Answer = Literal["taken", "some rejected", "all rejected", "failed", "not delivered", "raised"]
LOST = ("failed", "not delivered", "raised")


class Answering(SpanExporter):
    """Answers every request as it was told to; afterwards it takes all."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.answers = list(answers)
        self.asked: list[list[ReadableSpan]] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.asked.append(list(spans))
        answer = self.answers.pop(0) if self.answers else "taken"
        match answer:
            case "some rejected":
                raise SpansRejectedError(1, "1 too long")
            case "all rejected":
                raise SpansRejectedError(len(spans), "all\ntoo long")
            case "not delivered":
                raise NotDeliveredError("gone\naway")
            case "raised":
                raise ValueError("odd")
        return SpanExportResult.FAILURE if answer == "failed" else SpanExportResult.SUCCESS


def span(number: int, *, sampled: bool = True) -> ReadableSpan:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    return ReadableSpan("x", SpanContext(1, number + 1, is_remote=False, trace_flags=flags))


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 7), max_size=5),
    st.integers(1, 4),
    st.lists(st.sampled_from(["taken", "some rejected", "all rejected", *LOST]), max_size=8),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_every_span_is_exported_failed_or_dropped(
    handed: list[int], batch: int, answers: list[Answer], dropped: int, late: int
) -> None:
    late = min(late, dropped)
    exporter = Answering(answers)
    accounted = AccountedExporter("x", exporter, batch, ExporterLog())
    # By hand: what is asked, and what becomes of it.
    asked, exported, failed, untried, in_a_row = [], 0, 0, 0, 0
    waiting = list(answers)
    begin = 0
    for number in handed:
        spans = [span(begin + place) for place in range(number)]
        begin += number
        lost = 0
        for start in range(0, number, batch):
            part = spans[start : start + batch]
            if in_a_row == PATIENCE:
                untried += len(part)
                lost += len(part)
                continue
            asked.append(part)
            answer = waiting.pop(0) if waiting else "taken"
            in_a_row = in_a_row + 1 if answer in LOST else 0
            lost += {"taken": 0, "some rejected": 1}.get(answer, len(part))
        result = accounted.export(spans)
        assert (result is SpanExportResult.SUCCESS) == (lost == 0)
        exported += number - lost
        failed += lost
    assert exporter.asked == asked
    found = accounted.account(begin + dropped, late)
    assert (found.exported, found.failed, found.dropped) == (exported, failed, dropped)
    assert found.exported + found.failed + found.dropped == begin + dropped
    assert "\n" not in found.error
    assert bool(found.error) == bool(failed or dropped)
    assert (f"{untried} not tried again" in found.error) == bool(untried)
    assert ("the queue was full" in found.error) == (dropped > late)
    assert (f"{late} ended after" in found.error) == bool(late)


@given(st.lists(st.sampled_from(["start", "end", "end unsampled", "take", "shutdown"])))
def test_a_collector_gives_every_ended_span_away_once(steps: list[str]) -> None:
    collector = SpanCollector()
    ended: list[ReadableSpan] = []
    taken: list[ReadableSpan] = []
    for number, step in enumerate(steps):
        match step:
            case "start":
                collector.on_start(span(number))  # type: ignore[arg-type]  # it asks for a context
            case "end":
                ended.append(span(number))
                collector.on_end(ended[-1])
            case "end unsampled":
                collector.on_end(span(number, sampled=False))
            case "take":
                taken += collector.take()
            case "shutdown":
                collector.shutdown()
    taken += collector.take()
    assert taken == ended
    assert collector.take() == []
    assert (collector.started, collector.ended) == (steps.count("start"), len(ended))
    closed = steps.index("shutdown") if "shutdown" in steps else len(steps)
    assert collector.late == steps[closed:].count("end")
