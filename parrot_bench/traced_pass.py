"""The traced pass: every mode once more, with the callback handler, calls against spans.

Timed sections run without the handler. Here nothing is timed: each mode makes a few calls
inside a span of its own, and what the replies say is compared with what the spans say.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from opentelemetry.sdk.trace import ReadableSpan

from parrot_bench.events import Event, ModeTraced, PassReconciled, Phase, Reply
from parrot_bench.modes import CallSettings, ExecutionMode, collect
from parrot_bench.record import ModeReconciliation, Reconciliation, SpanDelivery
from parrot_bench.studies.overhead import one_line
from parrot_bench.timing import Async, CallLimitExceeded, Sync, call_limit
from parrot_callbacks import OpenTelemetryCallbackHandler, Tracing

MODE_SPAN = "parrot_bench.mode"
"""Attribute that names the mode, on the span around its calls."""


@dataclass(frozen=True, kw_only=True)
class TracedPlan:
    """What the traced pass is asked to do.

    Attributes:
        modes: The modes to trace; floors among them are passed over, they bypass callbacks.
        prompt: What every call is asked.
        kwargs: Arguments of every call.
        calls: Calls of each mode that does not batch.
        batch_size: Prompts of the one batch of each mode that does.
        max_concurrency: For batching modes.
        call_limit_s: Time limit of one call, seconds.
    """

    modes: Sequence[ExecutionMode]
    prompt: LanguageModelInput
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 10
    batch_size: int = 16
    max_concurrency: int | None = None
    call_limit_s: float = 60.0


def traced_pass(
    model: BaseChatModel, plan: TracedPlan, tracing: Tracing, clocks: Mapping[str, Sync | Async]
) -> Generator[Event, Reply, None]:
    """Call every mode with the handler attached, and reconcile.

    Args:
        model: The model.
        plan: What to do.
        tracing: Where the spans go.
        clocks: What makes the calls, by kind of mode.

    Yields:
        Its progress, one result a mode, and the whole at the end.
    """
    handler = OpenTelemetryCallbackHandler(tracer_provider=tracing.tracer_provider)
    results: list[ModeReconciliation] = []
    scope = ""
    for mode in plan.modes:
        if mode.status == "floor":
            continue
        yield Phase(f"tracing {mode.name}")
        result, found = _traced_mode(mode, model, handler, plan, tracing, clocks[mode.kind])
        scope = scope or found
        results.append(result)
        yield ModeTraced(result)
    tracing.flush()
    tracing.close()
    yield PassReconciled(
        Reconciliation(
            modes=tuple(results),
            started=tracing.started,
            ended=tracing.ended,
            deliveries=tuple(
                SpanDelivery(
                    exporter=d.exporter,
                    exported=d.exported,
                    failed=d.failed,
                    dropped=d.dropped,
                    error=d.error,
                )
                for d in tracing.deliveries()
            ),
            scope=scope,
        )
    )


def _traced_mode(
    mode: ExecutionMode,
    model: BaseChatModel,
    handler: OpenTelemetryCallbackHandler,
    plan: TracedPlan,
    tracing: Tracing,
    clock: Sync | Async,
) -> tuple[ModeReconciliation, str]:
    settings = CallSettings(
        config={"callbacks": [handler]},
        kwargs=plan.kwargs,
        max_concurrency=plan.max_concurrency,
    )
    call = mode.bind(model, settings, collect)
    prompt = mode.prepare(plan.prompt)
    item = [prompt] * plan.batch_size if mode.batches else prompt
    units, calls_per_unit = (1, plan.batch_size) if mode.batches else (plan.calls, 1)
    replies: list[AIMessage] = []
    error = ""
    tracer = tracing.tracer_provider.get_tracer("parrot_bench")
    with tracer.start_as_current_span(
        f"{MODE_SPAN} {mode.name}", attributes={MODE_SPAN: mode.name}
    ) as around:
        try:
            for _ in range(units):
                with call_limit(plan.call_limit_s * calls_per_unit):
                    replies += mode.messages(clock.once(call, item))
        except (Exception, CallLimitExceeded) as raised:  # noqa: BLE001  # a finding, not a crash
            error = one_line(raised)
    context = around.get_span_context()
    tracing.flush()
    spans = [span for span in tracing.take() if _is_chat(span)]
    result = ModeReconciliation(
        mode=mode.name,
        calls=len(replies),
        chat_spans=len(spans),
        outcomes=dict(Counter(str(_attribute(s, "langchain.run.outcome", "")) for s in spans)),
        orphans=sum(s.parent is None or s.parent.span_id != context.span_id for s in spans),
        duplicates=max(0, len(spans) - len(replies)),
        input_tokens_replies=_tokens(replies, "input_tokens"),
        output_tokens_replies=_tokens(replies, "output_tokens"),
        input_tokens_spans=sum(_attribute(s, "gen_ai.usage.input_tokens", 0) for s in spans),
        output_tokens_spans=sum(_attribute(s, "gen_ai.usage.output_tokens", 0) for s in spans),
        trace_id=f"{context.trace_id:032x}",
        error=error,
    )
    return result, _scope(spans)


def _is_chat(span: ReadableSpan) -> bool:
    return bool(_attribute(span, "gen_ai.operation.name", "") == "chat")


def _attribute(span: ReadableSpan, name: str, default: Any) -> Any:
    return (span.attributes or {}).get(name, default)


def _scope(spans: list[ReadableSpan]) -> str:
    scope = spans[0].instrumentation_scope if spans else None
    return f"{scope.name} {scope.version or ''}".strip() if scope else ""


def _tokens(replies: list[AIMessage], which: str) -> int:
    # usage_metadata is a TypedDict, and None for models that do not report usage
    return sum((dict(reply.usage_metadata or {})).get(which, 0) for reply in replies)
