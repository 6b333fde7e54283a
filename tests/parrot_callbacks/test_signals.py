"""Metrics, exception events and content: only when asked for, in the right form."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as logs_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from parrot_callbacks import OpenTelemetryCallbackHandler, events

# The name changed with SDK 1.38.
InMemory = getattr(logs_export, "InMemoryLogRecordExporter", None) or getattr(
    logs_export, "InMemoryLogExporter", None
)
OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


NEEDS_EVENTS = pytest.mark.skipif(
    not events.SUPPORTED, reason="OpenTelemetry before 1.36 can't attach an event to a span"
)


class Metrics:
    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        return {
            metric.name: list(metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


class Logs:
    def __init__(self) -> None:
        self.exporter = InMemory()
        self.provider = LoggerProvider(shutdown_on_exit=False)
        self.provider.add_log_record_processor(logs_export.SimpleLogRecordProcessor(self.exporter))

    @property
    def records(self) -> list[Any]:
        return [log.log_record for log in self.exporter.get_finished_logs()]


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    made = Metrics()
    yield made
    made.provider.shutdown()


@pytest.fixture
def logs() -> Iterator[Logs]:
    made = Logs()
    yield made
    made.provider.shutdown()


def test_released_metrics(telemetry: Any, metrics: Metrics, echo: Any) -> None:
    handler = OpenTelemetryCallbackHandler(telemetry.provider, metrics.provider)
    echo().invoke("x", {"callbacks": [handler]})
    list(echo().stream("x", {"callbacks": [handler]}))
    points = metrics.points()
    assert set(points) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.token.usage",
    }
    (duration,) = points["gen_ai.client.operation.duration"]
    assert duration.count == 2
    assert duration.explicit_bounds[0] == 0.01
    assert dict(duration.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "parrot",
        "gen_ai.request.model": "echo-1",
        "gen_ai.response.model": "echo-2026-11",
    }
    usage = {
        point.attributes["gen_ai.token.type"]: point.sum
        for point in points["gen_ai.client.token.usage"]
    }
    assert usage == {"input": 10, "output": 6}
    assert points["gen_ai.client.operation.time_to_first_chunk"][0].count == 1
    assert points["gen_ai.client.operation.time_per_output_chunk"][0].count == 3


def test_latest_metrics(
    telemetry: Any, metrics: Metrics, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPT_IN, "http, gen_ai_latest_experimental")
    handler = OpenTelemetryCallbackHandler(telemetry.provider, metrics.provider)
    list(echo().stream("x", {"callbacks": [handler]}))
    points = metrics.points()
    prefix = "gen_ai.client.inference."
    assert set(points) == {
        prefix + name
        for name in (
            "duration", "time_to_first_chunk", "time_per_output_chunk", "operation.input_tokens",
            "operation.output_tokens", "usage.input_tokens", "usage.output_tokens",
        )
    }  # fmt: skip
    (used,) = points[prefix + "usage.input_tokens"]
    assert (used.value, used.attributes["gen_ai.token.modality"]) == (5, "unknown")


def test_the_duration_of_a_failure(telemetry: Any, metrics: Metrics, echo: Any) -> None:
    def fail() -> None:
        raise ValueError("no")

    handler = OpenTelemetryCallbackHandler(telemetry.provider, metrics.provider)
    with pytest.raises(ValueError, match="no"):
        echo(before=fail).invoke("x", {"callbacks": [handler]})
    (duration,) = metrics.points()["gen_ai.client.operation.duration"]
    assert duration.attributes["error.type"] == "ValueError"


def failing(telemetry: Any, logs: Logs, echo: Any) -> None:
    def fail() -> None:
        raise ValueError("no")

    handler = OpenTelemetryCallbackHandler(telemetry.provider, logger_provider=logs.provider)
    with pytest.raises(ValueError, match="no"):
        echo(before=fail).invoke("x", {"callbacks": [handler]})


def test_an_exception_is_a_span_event(telemetry: Any, logs: Logs, echo: Any) -> None:
    failing(telemetry, logs, echo)
    assert [event.name for event in telemetry.chat.events] == ["exception"]
    assert logs.records == []


@NEEDS_EVENTS
def test_an_exception_is_a_log_event_under_the_opt_in(
    telemetry: Any, logs: Logs, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OPT_IN, "gen_ai_latest_experimental")
    failing(telemetry, logs, echo)
    assert telemetry.chat.events == ()
    (record,) = logs.records
    assert record.event_name == "gen_ai.client.operation.exception"
    assert record.attributes["exception.type"] == "ValueError"
    assert record.span_id == telemetry.chat.context.span_id


CONVERSATION = [
    SystemMessage("be brief"),
    HumanMessage("hello"),
    AIMessage("", tool_calls=[{"name": "look", "args": {"at": "sky"}, "id": "1"}]),
    ToolMessage("blue", tool_call_id="1"),
    HumanMessage([{"type": "text", "text": "and this?"},
                  {"type": "image", "url": "https://example.org/a.png"},
                  {"type": "image", "base64": "AAAA", "mime_type": "image/png"}]),
]  # fmt: skip


def capture(telemetry: Any, logs: Logs, echo: Any, **arguments: Any) -> tuple[Any, Any]:
    handler = OpenTelemetryCallbackHandler(
        telemetry.provider, logger_provider=logs.provider, **arguments
    )
    echo().invoke(CONVERSATION, {"callbacks": [handler]})
    on_span = telemetry.chat.attributes.get("gen_ai.input.messages")
    on_event = [record.attributes for record in logs.records]
    return on_span, on_event


def plain(value: Any) -> Any:
    """Undo what the SDK makes of lists."""
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def test_no_content_by_default(telemetry: Any, logs: Logs, echo: Any) -> None:
    assert capture(telemetry, logs, echo) == (None, [])


@NEEDS_EVENTS
@pytest.mark.parametrize(
    ("value", "span", "event"),
    [("NO_CONTENT", False, False), ("span_only", True, False), ("Event_Only", False, True),
     ("SPAN_AND_EVENT", True, True)],
)  # fmt: skip
def test_the_four_settings(  # noqa: PLR0917 - three fixtures and a table
    telemetry: Any,
    logs: Logs,
    echo: Any,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    span: bool,
    event: bool,
) -> None:
    monkeypatch.setenv(CAPTURE, value)
    on_span, on_event = capture(telemetry, logs, echo)
    assert (on_span is not None, len(on_event) == 1) == (span, event)
    # JSON on spans; structured on events, and never JSON there.
    recorded = [(json.loads, telemetry.chat.attributes)] if span else []
    for read, content in [*recorded, *((plain, attributes) for attributes in on_event)]:
        messages = read(content["gen_ai.input.messages"])
        assert [message["role"] for message in messages] == [
            "user", "assistant", "tool", "user",
        ]  # fmt: skip
        assert read(content["gen_ai.system_instructions"]) == [
            {"type": "text", "content": "be brief"}
        ]
        assert messages[1]["parts"] == [
            {"type": "tool_call", "id": "1", "name": "look", "arguments": {"at": "sky"}}
        ]
        assert messages[2]["parts"] == [
            {"type": "tool_call_response", "id": "1", "response": "blue"}
        ]
        assert messages[3]["parts"][2] == {
            "type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA",
        }  # fmt: skip
        (answer,) = read(content["gen_ai.output.messages"])
        assert answer == {
            "role": "assistant",
            "parts": [{"type": "text", "content": "hey"}],
            "finish_reason": "stop",
        }
    for record in logs.records:
        assert record.span_id == telemetry.chat.context.span_id


def test_a_typing_error_records_nothing(
    telemetry: Any, logs: Logs, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CAPTURE, "true")
    with pytest.warns(UserWarning, match="no content is recorded"):
        result = capture(telemetry, logs, echo)
    assert result == (None, [])


def test_the_filter_sees_every_text(
    telemetry: Any, logs: Logs, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CAPTURE, "SPAN_ONLY")
    capture(telemetry, logs, echo, content_filter=lambda text: "*")
    recorded = (
        telemetry.chat.attributes["gen_ai.system_instructions"]
        + telemetry.chat.attributes["gen_ai.input.messages"]
        + telemetry.chat.attributes["gen_ai.output.messages"]
    )
    for text in ("be brief", "hello", "sky", "blue", "and this?", "example.org", "hey"):
        assert text not in recorded
