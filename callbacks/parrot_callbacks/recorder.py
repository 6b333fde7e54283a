"""Starting and ending the spans of runs, with their metrics and events."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    get_tracer_provider,
    set_span_in_context,
)

from parrot_callbacks import events, semconv, settings
from parrot_callbacks.context import SUPPRESSED, current
from parrot_callbacks.described import CallDescriptions, Described
from parrot_callbacks.filtering import ContentFilter
from parrot_callbacks.guards import current_call
from parrot_callbacks.metrics import CallMetrics
from parrot_callbacks.open_runs import (
    NO_CONTEXT,
    OpenRun,
    OpenRuns,
    count_for_agent,
    runs_of_provider,
)
from parrot_callbacks.outcomes import FAILED, Outcome, error_type
from parrot_callbacks.placement import config_variable, enter, leave, place
from parrot_callbacks.provider_spans import suppressing_values
from parrot_callbacks.providers import OptionalSignals, package_version
from parrot_callbacks.reply import is_cache_hit, reply_attributes
from parrot_callbacks.request import (
    NOTHING,
    Attributes,
    allowed_context,
    conversation_id,
    names_no_conversation,
)
from parrot_callbacks.tasks import running_loop, watch_current_task

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult

    from parrot_callbacks.content import Content, ContentReader

CLIENT: Final = SpanKind.CLIENT
"""Reading it from its enum takes longer than reading a global, and every call does."""


class SpanRecorder:
    """Makes and ends the spans of one handler.

    Args: as of ``OpenTelemetryCallbackHandler``.

    Attributes:
        runs: The open runs of the tracer provider, shared by all its handlers.
        capture: Where message content goes, if anywhere.
        captures: It goes anywhere.
        calls: Describes calls of models.
        content: Reads it, while capture is on.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
        *,
        metadata_keys: Collection[str],
        tags: Collection[str],
        content_filter: ContentFilter,
        suppress_provider_spans: bool = False,
    ) -> None:
        self._config_round = config_variable().get
        self._inside = suppressing_values() if suppress_provider_spans else None
        self.calls = CallDescriptions()
        self._given_provider = tracer_provider
        self._metadata_keys = tuple(metadata_keys)
        self._tags = frozenset(tags)
        self._allows = bool(self._metadata_keys or self._tags)
        self._latest = settings.latest_conventions()
        self._content_filter = content_filter
        self.capture = settings.content_capture()
        self.captures = bool(self.capture)
        if self.capture.as_event and not events.SUPPORTED:
            warnings.warn(
                "content can't be recorded as events by this version of OpenTelemetry; "
                "install opentelemetry-api 1.36 or later, or use SPAN_ONLY",
                stacklevel=3,
            )
        self._signals = OptionalSignals(meter_provider, logger_provider, latest=self._latest)
        self._use(tracer_provider or get_tracer_provider())

    def _use(self, provider: TracerProvider) -> None:
        self._provider = provider
        self.runs: OpenRuns = runs_of_provider(provider)
        self._tracer = provider.get_tracer(
            semconv.SCOPE_NAME, package_version(), schema_url=semconv.SCHEMA_URL
        )

    @cached_property
    def content(self) -> ContentReader:
        """Describes messages and other content; loaded when there is some to describe."""
        from parrot_callbacks.content import ContentReader  # noqa: PLC0415

        return ContentReader(self._content_filter, latest=self._latest)

    def current_runs(self) -> OpenRuns:
        """Return the table of the provider in use; the global one may have been set since."""
        if self._given_provider is None:
            provider = get_tracer_provider()
            if provider is not self._provider:
                self._use(provider)
        return self.runs

    def claimed(self, run_id: UUID) -> OpenRun | None:
        """Return the open run of this id if it was this recorder that started it."""
        run = self.runs.open.get(run_id.int)
        return run if run is not None and run.owner is self else None

    def start(  # noqa: PLR0917 - positional: it is on the path of every call
        self,
        described: Described,
        run_id: UUID,
        parent_run_id: UUID | None,
        tags: Sequence[str] | None,
        metadata: Mapping[str, Any] | None,
        kind: SpanKind = SpanKind.INTERNAL,
        prompts: int = 0,
    ) -> OpenRun | None:
        """Start the span of a run; that of a call is made current inside the model.

        Args:
            described: What is known of the run.
            run_id: LangChain's id of the run.
            parent_run_id: Of the chain, tool or graph node around it.
            tags: The run's tags.
            metadata: The run's metadata.
            kind: Of the span.
            prompts: How many prompts the method of the model was given; 0 if the run is no call
                of a model.

        Returns:
            The run, or None when it isn't recorded by this recorder.
        """
        # As flat as can be: a call takes it as it stands, and what most calls don't need is in
        # functions of its own. See docs/decisions/tracing-cost.md.
        runs = self.runs if self._given_provider is not None else self.current_runs()
        context = current()
        key = run_id.int
        if key in runs.open or (context and context.get(SUPPRESSED)):
            return None
        run = OpenRun()
        run.key = key
        run.owner = self
        run.runs = runs
        run.attributes = start = described.start
        run.parent = run.content = run.asked = run.delegate = run.within = None
        run.streamed = run.in_other_tasks = run.is_linked = run.recording = run.ended = False
        run.outer, run.outside = INVALID_SPAN, context
        config_round = self._config_round
        if context or parent_run_id is not None or config_round():
            context = place(run, parent_run_id, context)
        # When it began is told by a clock that may be set; how long it took by one that isn't.
        run.began_ns = began_ns = time_ns()
        run.started_ns = perf_counter_ns()
        # Attributes given at the start cost half of those that are set afterwards. A span that
        # isn't sampled doesn't read them.
        run.span = span = self._tracer.start_span(
            described.name, context, kind, described.attributes, (), began_ns
        )
        if span.is_recording():
            run.recording = True
            if self._allows or (metadata and not names_no_conversation(metadata)):
                span.set_attributes(self._of_run(start, tags, metadata or NOTHING))
        elif not _is_new(span, run):
            return None  # no SDK: nothing to end, nothing to propagate
        runs.add(run)
        if self._latest:
            count_for_agent(run)
        if not prompts:
            self._watch_other(run, kind)
            return run
        if current_call() is not None or running_loop() is not None:
            self._watch(run, prompts)
        if prompts == 1:
            enter(run, self._inside)
        # generate() with several prompts starts all runs before any body: which of them a
        # client span belongs to is unknowable, so none of them is made current.
        runs.awaiting[key] = run
        return run

    def _of_run(
        self, start: Attributes, tags: Sequence[str] | None, metadata: Mapping[str, Any]
    ) -> Attributes:
        """Collect what differs from run to run."""
        found = allowed_context(tags, metadata, self._tags, self._metadata_keys)
        conversation = conversation_id(metadata)
        # The conventions know no conversation of a retrieval.
        if conversation and start[semconv.OPERATION] != semconv.RETRIEVAL:
            found[semconv.CONVERSATION_ID] = conversation
        return found

    def _watch_other(self, run: OpenRun, kind: SpanKind) -> None:
        """See to it that a run ends that is no call of a model, if nobody might say so."""
        if kind is CLIENT or semconv.TOOL_NAME in run.attributes:
            # Chains say how they end; a cancelled tool or retriever doesn't.
            self._watch(run, 1)
        if kind is CLIENT and run.guarded:
            # A retriever's body runs in no context of its own, but the guard makes one.
            enter(run)

    def _watch(self, run: OpenRun, prompts: int) -> None:
        """See to it that the run ends, whether or not LangChain says so."""
        call = current_call()
        if call is not None and call.take(run, prompts):
            run.guarded = True
            if call.is_final:
                return
        # Of a model that isn't a chat model, agenerate() tells of the start in a task of its
        # own, which ends at once.
        if (
            running_loop() is not None
            and run.attributes[semconv.OPERATION] != semconv.TEXT_COMPLETION
        ):
            watch_current_task(run)

    def note_chunk(self, run: OpenRun, *, has_content: bool) -> None:
        """Take note of a chunk of a stream, content or not."""
        if run.owner is not self:
            return
        if not run.streamed:
            run.streamed = True
            if not run.guarded:
                leave(run)
        if run.first_ns:
            now = perf_counter_ns()
            metrics = self._signals.metrics(now)
            if metrics is not None:
                metrics.record_next_chunk((now - run.last_ns) / 1e9, run.attributes)
            run.last_ns = now
        elif has_content:
            run.first_ns = run.last_ns = now = perf_counter_ns()
            if self._signals.metrics(now) is None:
                run.runs.awaiting.pop(run.key, None)

    def finish(self, run: OpenRun, outcome: Outcome, error: BaseException | None = None) -> None:
        """End a run that no event ends: closed by a guard, left by its task, or swept."""
        self.end(run, outcome, None, error)

    def end(
        self,
        run: OpenRun,
        outcome: Outcome,
        reply: LLMResult | None = None,
        error: BaseException | None = None,
        answer: object = None,
    ) -> None:
        """End a run, once.

        Args:
            run: The run.
            outcome: How it ended.
            reply: What was answered, also in part.
            error: What ended it; recorded only if it is a failure.
            answer: What a tool, a retriever or a chain returned.
        """
        runs = run.runs
        try:
            del runs.open[run.key]
        except KeyError:
            return  # somebody else has already ended it
        run.ended = True
        runs.awaiting.pop(run.key, None)
        ended_ns = perf_counter_ns()
        took_ns = ended_ns - run.started_ns
        leave(run)
        span = run.span
        try:
            recording = run.recording
            if run.parent is not None:
                run.parent.remember((run.asked, reply, answer))
            metrics = self._signals.metrics(ended_ns)
            if not recording and metrics is None:
                return
            found = reply_attributes(reply, run.key) if reply is not None else {}
            if run.streamed:
                _add_stream(found, run, reply)
            if error is not None and outcome == FAILED:
                found[semconv.ERROR_TYPE] = error_type(error)
                self._record_failure(run, error, reply)
            if recording:
                found[semconv.RUN_OUTCOME] = outcome
                if run.content is not None:
                    self._record_content(run, found, reply, answer)
                span.set_attributes(found)
            if metrics is not None:
                self._measure(run, metrics, took_ns / 1e9, found)
        finally:
            # A reply of an unforeseen shape must not leave the span open.
            span.end(run.began_ns + took_ns)
            # Stale copies of a context may keep the run for long, but not what it held.
            run.span = INVALID_SPAN
            run.outside, run.within = NO_CONTEXT, None
            run.asked = None
            if run.is_linked:
                runs.unlink(run)

    def _measure(
        self, run: OpenRun, metrics: CallMetrics, seconds: float, found: Attributes
    ) -> None:
        context = set_span_in_context(run.span)
        start = run.attributes
        operation = start[semconv.OPERATION]
        if operation in semconv.INFERENCE:
            first = found.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
            metrics.record_call(seconds, first, start, found, context)  # type: ignore[arg-type]  # a float
        elif (runs := self._signals.runs) is not None:
            runs.record_run(seconds, start, found.get(semconv.ERROR_TYPE), context)
            if operation == semconv.INVOKE_AGENT:
                runs.record_agent(run.inference_calls, run.tool_calls, start)

    def _record_failure(self, run: OpenRun, error: BaseException, reply: LLMResult | None) -> None:
        if not run.recording:
            return
        span = run.span
        said = events.exception_attributes(error, (run.asked, reply, run.below))
        span.set_status(StatusCode.ERROR, said[semconv.EXCEPTION_MESSAGE])
        logger = self._signals.logger() if self._latest else None
        if logger is None:
            # Not record_exception(), which formats the stack trace, content and all, anew.
            span.add_event(semconv.EXCEPTION_SPAN_EVENT, said)
        else:
            events.emit_exception(logger, said, set_span_in_context(span))

    def _record_content(
        self, run: OpenRun, found: Attributes, reply: LLMResult | None, answer: object
    ) -> None:
        content: Content = run.content or {}
        run.content = None
        operation = str(run.attributes[semconv.OPERATION])
        if reply is not None and reply.generations:
            content |= self.content.of_reply(reply.generations[0])
        elif answer is not None:
            content |= self.content.of_answer(operation, answer)
        if (
            self.capture.as_event
            # The conventions have no event of tools, retrievals, agents and workflows.
            and operation in semconv.INFERENCE
            and (logger := self._signals.logger()) is not None
        ):
            events.emit_details(
                logger, {**run.attributes, **found, **content}, set_span_in_context(run.span)
            )
        if self.capture.on_span:
            limit = settings.attribute_length_limit(run.span)
            found.update(self.content.span_attributes(content, limit))


def _add_stream(found: Attributes, run: OpenRun, reply: LLMResult | None) -> None:
    if reply is not None and is_cache_hit(reply):
        return
    found[semconv.REQUEST_STREAM] = True
    if run.first_ns:
        found[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = (run.first_ns - run.started_ns) / 1e9


def _is_new(span: Span, run: OpenRun) -> bool:
    """Whether a span that doesn't record is a real one that wasn't sampled.

    Without an SDK the API hands out the parent's own context again.
    """
    context = span.get_span_context()
    if not context.is_valid:
        return False
    parent = run.parent.span if run.parent is not None else run.outer
    return context.span_id != parent.get_span_context().span_id
