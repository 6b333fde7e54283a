"""The traced pass: every mode once more, with the callback handler, calls against spans.

Timed sections run without the handler. Here nothing is timed: each mode makes a few calls
inside a span of its own, and what the replies say is compared with what the spans say.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import Runnable
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from parrot_bench.events import Event, PassReconciled, Phase, Reply
from parrot_bench.execution import ExecutionMode, collect, is_chat_model
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
        model: Runnable[Any, Any],
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
        made = self._called(mode)
        self._tracing.flush()
        every = self._tracing.take()
        spans = [span for span in every if _attribute(span, OPERATION, "") in made.operations]
        scope = spans[0].instrumentation_scope if spans else None
        if scope is not None:
            self._scope = f"{scope.name} {scope.version or ''}".strip()
        outer = [s for s in every if s.parent is not None and s.parent.span_id == made.span_id]
        heard = made.heard
        return ModeReconciliation(
            mode=mode.name,
            calls=len(made.replies),
            chat_spans=len(spans),
            outer_spans=None if heard is None else len(outer),
            model_calls=None if heard is None else heard.calls,
            outcomes=dict(Counter(str(_attribute(s, OUTCOME, "")) for s in spans)),
            orphans=made.orphans(spans if heard is None else every),
            duplicates=max(0, len(spans) - (len(made.replies) if heard is None else heard.calls)),
            input_tokens_replies=made.tokens("input_tokens"),
            output_tokens_replies=made.tokens("output_tokens"),
            input_tokens_spans=sum(_attribute(s, INPUT_TOKENS, 0) for s in spans),
            output_tokens_spans=sum(_attribute(s, OUTPUT_TOKENS, 0) for s in spans),
            trace_id=f"{made.context.trace_id:032x}",
            error=made.error,
        )

    def _called(self, mode: ExecutionMode) -> "_Made":
        """Make the mode's calls inside a span of its own."""
        plan = self._plan
        heard = None if is_chat_model(self._model) else ModelsHeard()
        handlers: list[BaseCallbackHandler] = [self._handler]
        handlers += [] if heard is None else [heard]
        settings = replace(plan.settings, config={"callbacks": handlers})
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
        return _Made(replies=replies, error=error, context=around.get_span_context(), heard=heard)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """The calls of one mode.

    Attributes:
        replies: What they gave.
        error: What ended them; empty if nothing did.
        context: Of the span around them.
        heard: What models were heard to be asked, where the replies do not tell: of what is no
            chat model.
    """

    replies: list[AIMessage]
    error: str
    context: SpanContext
    heard: "ModelsHeard | None"

    @property
    def span_id(self) -> int:
        """Of the span around them."""
        return self.context.span_id

    @property
    def operations(self) -> tuple[str, ...]:
        """Of the spans that stand for calls of models."""
        return ("chat",) if self.heard is None else ("chat", "text_completion")

    def tokens(self, which: str) -> int:
        """What the replies say; a reply may be a text, and then what models were heard to say."""
        return _tokens(self.replies, which) if self.heard is None else self.heard.tokens[which]

    def orphans(self, spans: Sequence[ReadableSpan]) -> int:
        """Spans that are not where they belong: a chat model's right below the span around them."""
        above = {self.span_id}
        if self.heard is not None:
            above |= {span.context.span_id for span in spans if span.context}
        inside = [span for span in spans if span.context and span.context.span_id != self.span_id]
        return sum(span.parent is None or span.parent.span_id not in above for span in inside)


class ModelsHeard(BaseCallbackHandler):
    """Counts what models inside of a chain or a graph were asked, and the tokens that they told.

    It knows nothing of spans: what it hears is what the spans are compared with.

    Attributes:
        calls: Calls of models that have started.
        tokens: Of all that have ended, by name.
    """

    run_inline = True

    def __init__(self) -> None:
        self.calls = 0
        self.tokens = Counter[str]()

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        """Count a call."""
        self.calls += 1

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        """Count a call of a text completion model."""
        self.calls += 1

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Count the tokens of a reply."""
        generations = (each for one in response.generations for each in one)
        replies = [each.message for each in generations if isinstance(each, ChatGeneration)]
        for which in ("input_tokens", "output_tokens"):
            self.tokens[which] += _tokens(replies, which)


def _attribute(span: ReadableSpan, name: str, default: Any) -> Any:
    return (span.attributes or {}).get(name, default)


def _tokens(replies: Sequence[BaseMessage], which: str) -> int:
    # None for models that report no usage; absent where the reply is no AIMessage.
    usages = (getattr(reply, "usage_metadata", None) or {} for reply in replies)
    return sum(usage.get(which, 0) for usage in usages)
