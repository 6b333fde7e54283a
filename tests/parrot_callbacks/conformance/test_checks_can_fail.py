"""The suite finds what is wrong: a plain handler with one flaw at a time."""

import logging
import time
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.context import Context, attach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from parrot_callbacks.conformance import CHECKS, run
from parrot_callbacks.conformance.faults import enduring


class PlainHandler(BaseCallbackHandler):
    """As simple as a handler can be: spans that are never current; and a flaw."""

    run_inline = True

    def __init__(self, provider: TracerProvider, flaw: str = "") -> None:
        self.tracer = provider.get_tracer("plain")
        self.flaw = flaw
        self.raise_error = flaw == "raises"
        self.open: dict[Any, tuple[Any, float]] = {}
        self.first: dict[Any, float] = {}
        self.kept: list[Any] = []

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        if self.flaw == "chains beside the context":
            self.open[run_id] = self.tracer.start_span("chain"), 0.0

    def on_chain_end(self, outputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        if run_id in self.open:
            self.open.pop(run_id)[0].end()

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: Any, parent_run_id: Any, **kwargs: Any
    ) -> None:
        if self.flaw == "raises":
            raise RuntimeError("no")
        if self.flaw == "sees nothing":
            return
        if self.flaw == "logs":
            logging.getLogger("opentelemetry.context").error("Failed to detach context")
        params = kwargs["invocation_params"]
        attributes = {
            "gen_ai.operation.name": "text_completion" if self.flaw == "operation" else "chat",
            "gen_ai.request.model": "unknown" if self.flaw == "model" else params["model_name"],
            "gen_ai.request.max_tokens": params["max_tokens"],
            "gen_ai.request.temperature": 1.0 if self.flaw == "params" else params["temperature"],
        }
        context = Context() if self.flaw == "starts anew" else None
        if parent_run_id in self.open:
            context = set_span_in_context(self.open[parent_run_id][0])
        if self.flaw == "makes two":
            self.tracer.start_span("chat", context=context, attributes=attributes).end()
        span = self.tracer.start_span("chat", context=context, attributes=attributes)
        self.open[run_id] = span, time.perf_counter()
        if self.flaw == "stays current":
            attach(set_span_in_context(span))
        if self.flaw == "puts a copy there":
            attach(set_span_in_context(NonRecordingSpan(get_current_span().get_span_context())))
        if self.flaw == "keeps spans":
            self.kept.append(span)

    def on_llm_new_token(self, token: str, *, run_id: Any, **kwargs: Any) -> None:
        self.first.setdefault(run_id, time.perf_counter())

    def on_llm_end(self, response: Any, *, run_id: Any, **kwargs: Any) -> None:
        if run_id not in self.open:
            return
        span, started = self.open.pop(run_id)
        message = response.generations[0][0].message
        usage = message.usage_metadata
        given, made = usage["input_tokens"], usage["output_tokens"]
        span.set_attribute("gen_ai.usage.input_tokens", made if self.flaw == "tokens" else given)
        span.set_attribute("gen_ai.usage.output_tokens", given if self.flaw == "tokens" else made)
        if self.flaw != "finish reason":
            reason = message.response_metadata["finish_reason"]
            span.set_attribute("gen_ai.response.finish_reasons", [reason])
        self._stream(span, run_id, started)
        if self.flaw == "status":
            span.set_status(StatusCode.ERROR)
        if self.flaw != "never ends":
            span.end()

    def on_llm_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        if run_id not in self.open:
            return
        if isinstance(error, GeneratorExit) and self.flaw == "late":
            return
        span, started = self.open.pop(run_id)
        self._stream(span, run_id, started)
        if not isinstance(error, GeneratorExit) or self.flaw == "blames the model":
            span.set_status(StatusCode.ERROR)
            if self.flaw != "error type":
                span.set_attribute("error.type", type(error).__qualname__)
            for _ in range(2 if self.flaw == "records twice" else 1):
                span.record_exception(error)
        span.end()

    def _stream(self, span: Any, run_id: Any, started: float) -> None:
        first = self.first.pop(run_id, None)
        if first is not None and self.flaw != "streaming":
            span.set_attribute("gen_ai.request.stream", True)
        if first is not None and self.flaw != "first chunk":
            late = 60.0 if self.flaw == "first chunk too late" else 0.0
            span.set_attribute("gen_ai.response.time_to_first_chunk", first - started + late)


def failures(cell: str, flaw: str = "") -> set[str]:
    """Which checks of a cell a plain handler with this flaw fails."""
    (result,) = run(lambda provider: PlainHandler(provider, flaw), only=[cell]).finish().done
    assert not result.unavailable
    return {verdict.check for verdict in result.failures}


FLAWS = [
    ("invoke/span", "makes two", {"one span", "tokens", "finish reason"}),
    ("invoke/span", "starts anew", {"parent"}),
    ("invoke/span", "never ends", {"ended"}),
    ("invoke/span", "logs", {"quiet"}),
    ("invoke/span", "puts a copy there", {"same object"}),
    ("invoke/span", "operation", {"operation"}),
    ("invoke/span", "model", {"model"}),
    ("invoke/span", "params", {"params"}),
    ("invoke/span", "tokens", {"tokens"}),
    ("invoke/span", "finish reason", {"finish reason"}),
    ("invoke/span", "status", {"outcome"}),
    ("stream/span", "streaming", {"streaming"}),
    ("stream/span", "first chunk", {"first chunk"}),
    ("stream/span", "first chunk too late", {"first chunk"}),
    ("stream/span", "stays current", {"parent", "current span", "consumer"}),
    ("invoke-fails-before/sync", "error type", {"error type"}),
    ("invoke-fails-before/sync", "records twice", {"exception"}),
    ("reader-closes-a-stream/sync", "blames the model", {"outcome", "exception", "error type"}),
    ("reader-closes-a-stream/sync", "late", {"prompt", "ended", "streaming", "first chunk"}),
    ("invoke/span-in-step", "chains beside the context", {"parent", "user span"}),
]


@pytest.mark.parametrize(("cell", "flaw", "found"), FLAWS)
def test_a_flaw_is_found_and_nothing_else(cell: str, flaw: str, found: set[str]) -> None:
    without = failures(cell)
    if flaw == "stays current":
        # It does what the plain handler doesn't: clients' spans are its children.
        without -= {"client first", "client later"}
    assert failures(cell, flaw) == found | without


def test_a_plain_handler_fails_where_its_spans_are_not_current() -> None:
    assert failures("stream/span") == {"client first", "client later"}


def test_a_handler_that_sees_nothing_fails_every_question_about_its_spans() -> None:
    about_spans = {name for name, check in CHECKS.items() if check.kind == "attributes"}
    assert failures("invoke/span", "sees nothing") >= about_spans | {"one span", "parent"}


def test_a_handler_that_breaks_the_call_is_found() -> None:
    assert failures("invoke/span", "raises") == {"works", "quiet"}


def test_spans_that_are_kept_are_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enduring, "_SUCCESSFUL", 600)
    assert failures("600-calls-in-one-task") == set()
    assert failures("600-calls-in-one-task", "keeps spans") == {"leak"}


def test_every_check_can_fail() -> None:
    found = set().union(*(found for _, _, found in FLAWS))
    assert found | {"works", "client first", "client later", "leak"} == set(CHECKS)
