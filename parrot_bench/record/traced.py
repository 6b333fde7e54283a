"""The traced pass: every call has its span, every span was delivered."""

from parrot_bench.record.base import Saved


class SpanDelivery(Saved):
    """What became of the spans handed to one exporter.

    Attributes:
        exporter: Such as ``spans.jsonl`` or ``otlp http://127.0.0.1:4318``.
        exported: Spans the exporter acknowledged.
        failed: Spans it refused or could not deliver.
        dropped: Spans that never reached it because a queue was full.
        error: What the last failure said; empty when all went well.
    """

    exporter: str
    exported: int
    failed: int
    dropped: int
    error: str = ""


class ModeReconciliation(Saved):
    """Calls against spans and tokens against tokens, for one mode of the traced pass.

    Attributes:
        mode: Name of the mode.
        calls: Calls made with the handler attached.
        chat_spans: Chat spans that ended inside the mode's pass; of what is no chat model, spans of
            all models in it.
        outer_spans: Spans right below the mode's own, one a call; None for a chat model, whose chat
            spans they are.
        model_calls: Calls of the models in it, as another handler heard them; None likewise.
        outcomes: Spans by ``langchain.run.outcome``.
        orphans: Chat spans whose parent is not the mode's own span; of what is no chat model, spans
            whose parent is none of this mode's.
        duplicates: Chat spans beyond one a call; likewise, beyond what was called.
        input_tokens_replies: From the replies' ``usage_metadata``; likewise, from those of the
            models in it.
        output_tokens_replies: The same for output.
        input_tokens_spans: From the spans' attributes.
        output_tokens_spans: The same for output.
        trace_id: Hex id of the mode's trace in ``spans.jsonl``.
        error: The error that ended the pass; empty when there was none.
    """

    mode: str
    calls: int
    chat_spans: int
    outer_spans: int | None = None
    model_calls: int | None = None
    outcomes: dict[str, int]
    orphans: int
    duplicates: int
    input_tokens_replies: int
    output_tokens_replies: int
    input_tokens_spans: int
    output_tokens_spans: int
    trace_id: str
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether calls equal spans and tokens equal tokens."""
        return (
            not self.error
            and self.calls == (self.chat_spans if self.outer_spans is None else self.outer_spans)
            and self.model_calls in {None, self.chat_spans}
            and not self.orphans
            and self.input_tokens_replies == self.input_tokens_spans
            and self.output_tokens_replies == self.output_tokens_spans
        )


class Reconciliation(Saved):
    """The traced pass: every call has its span, every span was delivered.

    Attributes:
        modes: One entry a traced mode. Floors bypass callbacks and have none.
        started: Spans started, those around each mode included.
        ended: Spans ended.
        deliveries: One entry an exporter.
        scope: Instrumentation scope and version that made the chat spans.
        left_out_by: The variable by which the user left spans out, such as
            ``OTEL_TRACES_SAMPLER=traceidratio``; calls can't be compared with spans then.
    """

    modes: tuple[ModeReconciliation, ...]
    started: int
    ended: int
    deliveries: tuple[SpanDelivery, ...]
    scope: str
    left_out_by: str = ""

    @property
    def agrees(self) -> bool:
        """Whether calls, spans and tokens agree in every mode (delivery aside)."""
        return self.started == self.ended and all(mode.agrees for mode in self.modes)

    @property
    def delivered(self) -> bool:
        """Whether every ended span was acknowledged by every exporter."""
        return all(d.exported == self.ended for d in self.deliveries)
