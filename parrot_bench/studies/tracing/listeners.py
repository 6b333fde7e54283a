"""What listens to a call in each case of the tracing study, and how it is put on and taken off."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns, process_time_ns

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from parrot_bench.record.tracing import (
    CALLBACKS,
    COLLECTOR,
    FILE,
    NO_OP,
    NONE,
    OTLP,
    NamedHandler,
)
from parrot_bench.studies.tracing.receiver import LocalReceiver, local_receiver
from parrot_callbacks import OpenTelemetryCallbackHandler, SpanFileExporter
from parrot_callbacks.conformance.target import attached, load_factory
from parrot_callbacks.delivery import AccountedExporter
from parrot_callbacks.export import BATCH, QUEUE, BatchSettings, run_resource
from parrot_callbacks.exporters import TIMEOUT_S, otlp_exporter
from parrot_callbacks.quiet import ExporterLog

_NEVER_MS = 24 * 3600 * 1000.0


class Nothing(BaseCallbackHandler):
    """Hears every event, inline, and does nothing: what callbacks themselves cost."""

    run_inline = True


class SpanCounter(SpanProcessor):
    """Counts spans, and does nothing else: the no-op processor of every case."""

    def __init__(self) -> None:
        self.started = 0
        self.ended = 0
        self._lock = threading.Lock()

    def on_start(
        self,
        span: Span,  # noqa: ARG002  # the SDK's signature
        parent_context: Context | None = None,  # noqa: ARG002
    ) -> None:
        """Count a started span."""
        with self._lock:
            self.started += 1

    def on_end(self, span: ReadableSpan) -> None:  # noqa: ARG002
        """Count an ended span."""
        with self._lock:
            self.ended += 1

    @property
    def open(self) -> int:
        """Spans that have started and not ended."""
        return self.started - self.ended


@dataclass(frozen=True, slots=True)
class Flushed:
    """A queue was emptied, outside of every block.

    Attributes:
        case: Whose.
        spans: How many there were.
        cpu_ns: CPU time of the process meanwhile.
        wall_ns: Wall time.
        requests: In how many requests they went out.
    """

    case: str
    spans: int
    cpu_ns: int
    wall_ns: int
    requests: int


class Outlet:
    """An exporter behind the SDK's batch processor, whose queue is emptied between rounds only.

    The processor's own thread would wake in the middle of somebody's block; here it sleeps, and
    what it would have done is done, and timed, in :meth:`flush`.

    Args:
        case: Its name in the account.
        exporter: The exporter.
        log: Hears what it says when it fails.
        counter: Counts the spans that end.
        queue: Spans that the queue holds.
    """

    def __init__(
        self, case: str, exporter: SpanExporter, log: ExporterLog, counter: SpanCounter, queue: int
    ) -> None:
        bsp = BatchSettings.from_environment()
        self.case = case
        self.batch = bsp.batch or BATCH
        self.account = AccountedExporter(case, exporter, self.batch, log, bsp.limit_ms / 1000)
        queue = max(queue, QUEUE, self.batch)
        self.processor = BatchSpanProcessor(
            self.account,
            max_queue_size=queue,
            max_export_batch_size=queue,
            schedule_delay_millis=_NEVER_MS,
        )
        self._counter = counter
        self._flushed = 0

    @property
    def pending(self) -> int:
        """Spans in the queue."""
        return self._counter.ended - self._flushed

    def flush(self) -> Flushed:
        """Export everything, and say what that took."""
        spans = self.pending
        cpu, wall = process_time_ns(), perf_counter_ns()
        self.processor.force_flush()
        wall, cpu = perf_counter_ns() - wall, process_time_ns() - cpu
        self._flushed += spans
        return Flushed(self.case, spans, cpu, wall, -(-spans // self.batch))


Attach = Callable[[], AbstractContextManager[Sequence[BaseCallbackHandler]]]


@dataclass(frozen=True, kw_only=True)
class Listener:
    """What listens in one case.

    Attributes:
        case: Its name; see :class:`parrot_bench.record.TracingCase`.
        attach: A context in which it listens; yields the callbacks of every call.
        patches: It changes LangChain itself while it is attached, so that a mode has to be
            bound inside of the context, and the context left before anything else is timed.
        counter: Counts its spans; None where it makes none.
        outlet: Where they go; None where nowhere.
        about: Where it was named on the command line: what it is.
        handler: Ours, where it is ours.
    """

    case: str
    attach: Attach
    patches: bool = False
    counter: SpanCounter | None = None
    outlet: Outlet | None = None
    about: NamedHandler | None = None
    handler: OpenTelemetryCallbackHandler | None = None


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Everything that listens in one study, case by case.

    Attributes:
        cases: In the order of the result.
        receiver: What the case ``otlp`` sends to.
        folder: Where the case ``file`` writes.
    """

    cases: tuple[Listener, ...]
    receiver: LocalReceiver
    folder: Path

    def forget_file(self) -> None:
        """Remove what was written so far, so that a long study needs no more room than a short."""
        for path in self.folder.iterdir():
            path.unlink()


@contextmanager
def open_listeners(handlers: Sequence[str], otlp: str, queue: int) -> Iterator[Listeners]:
    """Make what listens in every case; no global provider is set.

    Args:
        handlers: ``module:factory`` of other handlers.
        otlp: Endpoint of the user's own collector; empty for none.
        queue: Spans that come between two flushes.

    Raises:
        MeasurementError: The local receiver does not start.
        TracingError: A factory fails, or an endpoint makes no sense.
    """
    with ExitStack() as stack:
        log = ExporterLog()
        log.open()
        stack.callback(log.close)
        receiver = stack.enter_context(local_receiver())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="parrot-bench-")))
        exporters: dict[str, SpanExporter] = {
            FILE: SpanFileExporter(folder / "spans.jsonl"),
            OTLP: _local_exporter(receiver),
        }
        if otlp:
            exporters[COLLECTOR] = otlp_exporter(otlp)
        cases = [
            Listener(case=NONE, attach=lambda: nullcontext(())),
            Listener(case=CALLBACKS, attach=_always([Nothing()])),
            our_handler(stack, NO_OP),
            *(our_handler(stack, case, exporters[case], log, queue) for case in exporters),
            *(named_handler(stack, spec) for spec in handlers),
        ]
        yield Listeners(cases=tuple(cases), receiver=receiver, folder=folder)


def our_handler(
    stack: ExitStack,
    case: str,
    exporter: SpanExporter | None = None,
    log: ExporterLog | None = None,
    queue: int = QUEUE,
) -> Listener:
    """Make our handler, with a provider of its own that is shut down with the stack."""
    provider, counter = _provider(stack)
    outlet = None
    if exporter is not None and log is not None:
        outlet = Outlet(case, exporter, log, counter, queue)
        provider.add_span_processor(outlet.processor)
    handler = OpenTelemetryCallbackHandler(provider)
    return Listener(
        case=case, attach=_always([handler]), counter=counter, outlet=outlet, handler=handler
    )


def named_handler(stack: ExitStack, spec: str) -> Listener:
    """Make the handler that ``module:factory`` names, with a provider that only counts.

    Callback handlers are made once. What instruments LangChain is put on around each of its
    blocks and taken off again, outside of what is timed.

    Raises:
        TracingError: There is none, or it fails.
    """
    provider, counter = _provider(stack)
    logs = LoggerProvider(shutdown_on_exit=False)
    factory = load_factory(spec)
    with attached([factory], provider, logs) as first:
        patches = not first.can_be_repeated
        about = first.describe()
    # Callbacks are not undone, so that the first ones can be used on.
    callbacks = first.callbacks

    @contextmanager
    def around() -> Iterator[Sequence[BaseCallbackHandler]]:
        with attached([factory], provider, logs) as target:
            yield target.callbacks

    return Listener(
        case=spec,
        attach=around if patches else _always(callbacks),
        patches=patches,
        counter=counter,
        about=NamedHandler(
            name=spec,
            classes=about.classes,
            distributions=about.distributions,
            attached="around every block" if patches else "to every call",
        ),
    )


def _always(callbacks: Sequence[BaseCallbackHandler]) -> Attach:
    return lambda: nullcontext(callbacks)


def _provider(stack: ExitStack) -> tuple[TracerProvider, SpanCounter]:
    provider = TracerProvider(resource=run_resource(), shutdown_on_exit=False)
    counter = SpanCounter()
    provider.add_span_processor(counter)
    stack.callback(provider.shutdown)
    return provider, counter


def _local_exporter(receiver: LocalReceiver) -> SpanExporter:
    """The SDK's exporter for the local receiver; the user's proxy and headers are not for it."""
    import requests  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415  # late, with its exporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    session = requests.Session()
    session.trust_env = False
    return OTLPSpanExporter(
        endpoint=receiver.endpoint,
        headers={"x-parrot-bench-study": "tracing"},
        timeout=TIMEOUT_S,
        session=session,
    )
