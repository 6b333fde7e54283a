"""The callback handler: which span starts and ends when; nothing else."""

# ruff: noqa: ARG002 - LangChain decides what a callback is given, and it is more than we need.
# What calls and chunks are given is named all the same: Python compares an argument without a name
# of its own with every name there is.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from parrot_callbacks import runnables
from parrot_callbacks.filtering import ContentFilter
from parrot_callbacks.open_runs import OpenRuns
from parrot_callbacks.outcomes import ABANDONED, COMPLETED, outcome_of
from parrot_callbacks.placement import run_above
from parrot_callbacks.recorder import CLIENT, SpanRecorder
from parrot_callbacks.request import NOTHING
from parrot_callbacks.semconv import CHAT, TEXT_COMPLETION

if TYPE_CHECKING:  # what only annotations name isn't loaded for them
    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult


class OpenTelemetryCallbackHandler(BaseCallbackHandler):
    """Records LangChain runs as OpenTelemetry GenAI spans, metrics and events.

    Every call of a chat model gives one ``chat {model}`` span, in every execution mode.
    Root chains and graphs, agents, tools and retrievers give spans too.

    It runs inline: LangChain sends every event of a plain handler in async code through a
    thread pool, 24 ms for a stream of 100 chunks instead of 1.7 ms.

    Args:
        tracer_provider: Makes the spans; the global provider, looked up at each call, if None.
        meter_provider: Makes the metrics; likewise. No metrics while no SDK is set.
        logger_provider: Takes the log events; likewise.
        metadata_keys: Keys of LangChain metadata that may be recorded.
        tags: LangChain tags that may be recorded.
        content_filter: Sees every text before it is recorded. Content is recorded only if
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says so.
        suppress_provider_spans: Ask the instrumentations of providers' clients to make no
            span of their own for a call that has one here; see ``provider_spans``.
    """

    run_inline = True
    raise_error = False

    # LangChain asks one of these before every event, each chunk of a stream included; in the
    # base class they are properties, at twice the price.
    ignore_llm = False
    ignore_chat_model = False
    ignore_chain = False
    ignore_agent = False
    ignore_retriever = False

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        *,
        metadata_keys: Collection[str] = (),
        tags: Collection[str] = (),
        content_filter: ContentFilter | None = None,
        suppress_provider_spans: bool = False,
    ) -> None:
        super().__init__()
        self._spans = SpanRecorder(
            tracer_provider,
            meter_provider,
            logger_provider,
            metadata_keys=metadata_keys,
            tags=tags,
            content_filter=content_filter or str,
            suppress_provider_spans=suppress_provider_spans,
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # A config may be copied with its callbacks; providers and open runs can't be.
        return self

    @property
    def runs(self) -> OpenRuns:
        """The open runs of its tracer provider."""
        return self._spans.current_runs()

    @property
    def open_runs(self) -> int:
        """How many runs of its tracer provider have started and not ended."""
        return len(self._spans.runs)

    # -- chat models and other language models ------------------------------------------

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        batch_size: int = 1,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Start a ``chat`` span."""
        spans = self._spans
        params = invocation_params or NOTHING
        described = spans.calls.describe(CHAT, params, options, metadata, serialized)
        run = spans.start(described, run_id, parent_run_id, tags, metadata, CLIENT, batch_size)
        if run is not None and messages:
            run.asked = messages[0]
            if batch_size > 1:
                run.runs.join_batch(run, params)
            if spans.captures and run.recording:
                run.content = spans.content.of_call(messages[0], params, options or NOTHING)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        invocation_params: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        batch_size: int = 1,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Start a ``text_completion`` span."""
        spans = self._spans
        params = invocation_params or NOTHING
        described = spans.calls.describe(TEXT_COMPLETION, params, options, metadata, serialized)
        run = spans.start(described, run_id, parent_run_id, tags, metadata, CLIENT, batch_size)
        if run is not None and prompts:
            run.asked = prompts[0]
            if batch_size > 1:
                run.runs.join_batch(run, params)
            if spans.captures and run.recording:
                run.content = spans.content.of_prompt(prompts[0])

    def on_llm_new_token(
        self,
        token: str | list[str | dict[str, Any]],
        *,
        chunk: GenerationChunk | ChatGenerationChunk | None = None,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the first chunk and the first content of a stream."""
        if not (awaiting := self._spans.runs.awaiting):
            return
        run = awaiting.get(run_id.int)
        if run is not None:
            self._spans.note_chunk(run, has_content=bool(token) or _has_content(chunk))

    def on_stream_event(
        self,
        event: Mapping[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the first event and the first content of a v3 stream (core 1.4 and later)."""
        run = self._spans.runs.awaiting.get(run_id.int)
        if run is not None:
            kind = event.get("event")
            self._spans.note_chunk(run, has_content=kind == "content-block-delta")

    def on_llm_end(
        self,
        response: LLMResult,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """End the span of a call that was answered."""
        spans = self._spans
        run = spans.runs.open.get(run_id.int)
        if run is not None and run.owner is spans:
            spans.end(run, COMPLETED, response)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a call that failed, was cancelled or abandoned."""
        run = self._spans.claimed(run_id)
        if run is None:
            return
        siblings = tuple(run.batch or ())
        self._spans.end(run, outcome_of(error), kwargs.get("response"), error)
        if not run.in_other_tasks and not run.guarded:
            # generate() with several prompts gives up at the first error and tells the
            # others nothing; agenerate() tells them all. A guard closes them itself.
            for sibling in siblings:
                sibling.finish(ABANDONED)

    # -- chains, agents, tools, retrievers ----------------------------------------------

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Start a span for a root chain or an agent; remember where inner ones belong."""
        runs = self._spans.current_runs()
        if run_id in runs:
            return
        above = run_above(runs, parent_run_id)
        agent = runnables.agent_name(metadata)
        if above is not None and (not agent or runnables.is_inside_agent(above, agent)):
            runs.add_spanless(run_id, above)
            return
        described = runnables.chain_span(serialized, kwargs.get("name"), agent)
        run = self._spans.start(described, run_id, parent_run_id, tags, metadata)
        if run is not None:
            run.asked = inputs
            if self._spans.capture.on_span and run.recording:
                run.content = self._spans.content.of_inputs(inputs)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Start an ``execute_tool`` span."""
        content = self._spans.content
        described = runnables.tool_span(serialized, kwargs, metadata, run_id, content.described)
        run = self._spans.start(described, run_id, parent_run_id, tags, metadata)
        if run is not None:
            run.asked = inputs = kwargs.get("inputs") or input_str
            if self._spans.capture.on_span and run.recording:
                run.content = content.of_tool_input(inputs)

    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Start a ``retrieval`` span."""
        described = runnables.retriever_span(metadata)
        run = self._spans.start(described, run_id, parent_run_id, tags, metadata, CLIENT)
        if run is not None:
            run.asked = query
            if self._spans.capture.on_span and run.recording:
                run.content = self._spans.content.of_query(query)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a chain, if it has one."""
        self._end_run(run_id, None, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a chain that failed or was stopped, if it has one."""
        self._end_run(run_id, error)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a tool."""
        self._end_run(run_id, None, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a tool that failed."""
        self._end_run(run_id, error)

    def on_retriever_end(self, documents: Sequence[Any], *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a retriever."""
        self._end_run(run_id, None, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """End the span of a retriever that failed."""
        self._end_run(run_id, error)

    def _end_run(self, run_id: UUID, error: BaseException | None, answer: object = None) -> None:
        run = self._spans.claimed(run_id)
        if run is None:
            self._spans.runs.remove_spanless(run_id)
        else:
            outcome = COMPLETED if error is None else outcome_of(error)
            self._spans.end(run, outcome, None, error, answer)


def _has_content(chunk: GenerationChunk | ChatGenerationChunk | None) -> bool:
    """Whether a chunk without text has content all the same: a part of a tool call."""
    message = getattr(chunk, "message", None)
    return message is not None and bool(
        getattr(message, "tool_call_chunks", None) or message.additional_kwargs
    )
