"""The traced pass: every mode once more, with the callback handler, calls against spans.

Timed sections run without the handler. Here nothing is timed: each mode makes a few calls
inside a span of its own, and what the replies say is compared with what the spans say.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from parrot_bench.events import Event, PassReconciled, Phase, Reply
from parrot_bench.execution import ExecutionMode, collect
from parrot_bench.record import ModeReconciliation, Reconciliation, SpanDelivery
from parrot_bench.studies.bench import Calls
from parrot_bench.studies.caller import one_line
from parrot_bench.timing import CallLimitExceeded, Clocks, call_limit
from parrot_callbacks import OpenTelemetryCallbackHandler, Tracing
from parrot_callbacks.export import spans_left_out_by

MODE_SPAN = "parrot_bench.mode"
"""Attribute that names the mode, on the span around its calls."""

SLOW_S = 0.1
"""A mode whose call takes longer makes no further one."""

OPERATION = "gen_ai.operation.name"
OUTCOME = "langchain.run.outcome"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"


@dataclass(frozen=True, kw_only=True)
class TracedPlan(Calls):
    """What the traced pass is asked to do; it makes one batch of each mode that batches.

    Attributes:
        modes: The modes to trace; floors among them are passed over, they bypass callbacks.
        calls: Calls of each mode that does not batch; one where it is slow.
    """

    modes: Sequence[ExecutionMode]
    calls: int = 10


class TracedPass:
    """Calls every mode with the handler attached, and reconciles.

    Args:
        model: The model.
        plan: What to do.
        tracing: Where the spans go; it is closed at the end.
        clocks: What makes the calls, by kind of mode.
    """

    def __init__(
        self,
        model: BaseChatModel,
        plan: TracedPlan,
        tracing: Tracing,
        clocks: Clocks,
    ) -> None:
        self._model = model
        self._plan = plan
        self._tracing = tracing
        self._clocks = clocks
        self._handler = OpenTelemetryCallbackHandler(tracer_provider=tracing.tracer_provider)
        self._tracer = tracing.tracer_provider.get_tracer("parrot_bench")
        self._scope = ""

    def events(self) -> Generator[Event, Reply, None]:
        """Yield its progress, and the result at the end."""
        results = []
        for mode in self._plan.modes:
            if mode.status != "floor":
                yield Phase(f"tracing {mode.name}")
                results.append(self._mode(mode))
        self._tracing.flush()
        self._tracing.close()
        yield PassReconciled(
            Reconciliation(
                modes=tuple(results),
                started=self._tracing.started,
                ended=self._tracing.ended,
                deliveries=tuple(
                    SpanDelivery.model_validate(asdict(d)) for d in self._tracing.deliveries()
                ),
                scope=self._scope,
                left_out_by=spans_left_out_by(),
            )
        )

    def _mode(self, mode: ExecutionMode) -> ModeReconciliation:
        replies, error, context = self._called(mode)
        self._tracing.flush()
        spans = [span for span in self._tracing.take() if _attribute(span, OPERATION, "") == "chat"]
        scope = spans[0].instrumentation_scope if spans else None
        if scope is not None:
            self._scope = f"{scope.name} {scope.version or ''}".strip()
        return ModeReconciliation(
            mode=mode.name,
            calls=len(replies),
            chat_spans=len(spans),
            outcomes=dict(Counter(str(_attribute(s, OUTCOME, "")) for s in spans)),
            orphans=sum(s.parent is None or s.parent.span_id != context.span_id for s in spans),
            duplicates=max(0, len(spans) - len(replies)),
            input_tokens_replies=_tokens(replies, "input_tokens"),
            output_tokens_replies=_tokens(replies, "output_tokens"),
            input_tokens_spans=sum(_attribute(s, INPUT_TOKENS, 0) for s in spans),
            output_tokens_spans=sum(_attribute(s, OUTPUT_TOKENS, 0) for s in spans),
            trace_id=f"{context.trace_id:032x}",
            error=error,
        )

    def _called(self, mode: ExecutionMode) -> tuple[list[AIMessage], str, SpanContext]:
        """Make the mode's calls inside a span of its own."""
        plan = self._plan
        settings = replace(plan.settings, config={"callbacks": [self._handler]})
        call = mode.bind(self._model, settings, collect)
        prompt = mode.prepare(plan.prompt)
        item = [prompt] * plan.batch_size if mode.batches else prompt
        units, calls_per_unit = (1, plan.batch_size) if mode.batches else (plan.calls, 1)
        replies: list[AIMessage] = []
        error = ""
        name = f"{MODE_SPAN} {mode.name}"
        with self._tracer.start_as_current_span(name, attributes={MODE_SPAN: mode.name}) as around:
            try:
                for _ in range(units):
                    begun = monotonic()
                    with call_limit(plan.call_limit_s * calls_per_unit):
                        raw = self._clocks[mode.kind].once(call, item)
                    replies += mode.messages(raw)
                    if monotonic() - begun > SLOW_S:
                        break
            except (Exception, CallLimitExceeded) as raised:  # noqa: BLE001  # a finding
                error = one_line(raised)
        return replies, error, around.get_span_context()


def _attribute(span: ReadableSpan, name: str, default: Any) -> Any:
    return (span.attributes or {}).get(name, default)


def _tokens(replies: list[AIMessage], which: str) -> int:
    # None for models that report no usage; absent where the reply is no AIMessage.
    usages = (getattr(reply, "usage_metadata", None) or {} for reply in replies)
    return sum(usage.get(which, 0) for usage in usages)
