"""Everything that a test records, as OTLP/JSON files, and the validator that judges them."""

import base64
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as logs_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from parrot_callbacks import OpenTelemetryCallbackHandler, SpanFileExporter

VALIDATOR = Path(__file__).parents[2] / "semconv" / "validate_genai.py"
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
# The name changed with SDK 1.38.
InMemoryLogs = getattr(logs_export, "InMemoryLogRecordExporter", None) or getattr(
    logs_export, "InMemoryLogExporter", None
)


def with_hex_ids(value: Any) -> Any:
    """OTLP/JSON writes ids in hex, where protobuf's own JSON has base64."""
    if isinstance(value, list):
        return [with_hex_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex()
            if key in {"traceId", "spanId"}
            else with_hex_ids(item)
            for key, item in value.items()
        }
    return value


@pytest.fixture(scope="session")
def validator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate_genai", VALIDATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Signals:
    """Real providers of all three signals, in one place.

    ``files`` writes what they have got until now; ``text`` is the same as one string, in which
    a test looks for what must not be there.
    """

    folder: Path
    validator: ModuleType
    tracer_provider: TracerProvider = field(
        default_factory=lambda: TracerProvider(shutdown_on_exit=False)
    )

    def __post_init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self._logs = InMemoryLogs()
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(
            logs_export.SimpleLogRecordProcessor(self._logs)
        )
        self._metrics: list[Any] = []

    def handler(self, **arguments: Any) -> OpenTelemetryCallbackHandler:
        """Make a handler; it reads the environment now."""
        return OpenTelemetryCallbackHandler(
            self.tracer_provider, self.meter_provider, self.logger_provider, **arguments
        )

    def config(self, **arguments: Any) -> dict[str, Any]:
        return {"callbacks": [self.handler(**arguments)]}

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def span(self, operation: str) -> ReadableSpan:
        """Return the one span of this operation."""
        (found,) = (
            span
            for span in self.spans
            if (span.attributes or {}).get("gen_ai.operation.name") == operation
        )
        return found

    @property
    def records(self) -> list[Any]:
        return [log.log_record for log in self._logs.get_finished_logs()]

    def points(self) -> dict[str, list[Any]]:
        """Return the data points of every metric until now."""
        return {
            metric.name: list(metric.data.data_points)
            for resource in self._collected().resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def files(self) -> list[Path]:
        """Write spans, metrics and log records as OTLP/JSON lines."""
        spans = self.folder / "spans.jsonl"
        spans.unlink(missing_ok=True)
        SpanFileExporter(spans).export(self.spans)
        written = [spans] if self.spans else []
        for name, message in (
            ("metrics", encode_metrics(self._collected())),
            ("logs", encode_logs(self._logs.get_finished_logs())),
        ):
            request = with_hex_ids(MessageToDict(message, use_integers_for_enums=True))
            path = self.folder / f"{name}.jsonl"
            path.write_text(json.dumps(request) + "\n", encoding="utf-8")
            written.append(path)
        return written

    def text(self) -> str:
        """Return everything recorded, each JSON text inside an attribute read as well."""
        raw = "".join(path.read_text(encoding="utf-8") for path in self.files())
        in_process = "".join(span.to_json() for span in self.spans)
        for log in self._logs.get_finished_logs():
            # Before SDK 1.39 it is the record that can be written as JSON.
            in_process += (log if hasattr(log, "to_json") else log.log_record).to_json()
        return raw + in_process + in_process.encode().decode("unicode_escape", "replace")

    def findings(
        self, *, strict: bool = False, profile: str = "any", also: Sequence[Path] = ()
    ) -> list[str]:
        """Run the validator on all files; return its violations, one line each."""
        checker = self.validator.Checker(profile, strict)
        for path in (*self.files(), *also):
            for document in self.validator.documents(str(path)):
                checker.request(document)
        self.seen = dict(checker.r.seen)
        return [
            f"{name}: {where}: {said}"
            for level, name, where, said in checker.r.rows
            if level == self.validator.V
        ]

    def _collected(self) -> Any:
        return self._reader.get_metrics_data() or MetricsData([])

    def clear(self) -> None:
        """Forget spans and records: a property test makes many."""
        self._spans.clear()
        self._logs.clear()

    def shutdown(self) -> None:
        for provider in (self.tracer_provider, self.meter_provider, self.logger_provider):
            provider.shutdown()


@pytest.fixture
def make_signals(tmp_path: Path, validator: ModuleType) -> Iterator[Callable[..., Signals]]:
    made: list[Signals] = []

    def make(*arguments: Any) -> Signals:
        made.append(Signals(tmp_path, validator, *arguments))
        return made[-1]

    yield make
    for signals in made:
        signals.shutdown()


@pytest.fixture
def signals(make_signals: Callable[..., Signals]) -> Signals:
    return make_signals()


@pytest.fixture(params=["released", "latest"])
def names(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both sets of metric names."""
    if request.param == "latest":
        monkeypatch.setenv(OPT_IN, "gen_ai_latest_experimental")
    return str(request.param)


@pytest.fixture(params=["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
def setting(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every content setting."""
    monkeypatch.setenv(CAPTURE, request.param)
    return str(request.param)
