"""What the handler costs beside a bare span, under pytest-benchmark.

Contenders: no handler; a minimal inline handler that starts a span, sets eight attributes and
ends it; ours; and both again with metrics, the minimal one making the same records. The goal is
at most 1.25 times the minimal one. The figures are for ``--benchmark-compare`` on one machine.
``test_side_by_side`` interleaves the contenders, so that the host's own changes meet all of
them, and keeps its ratios in ``extra_info``. Nothing is asserted about times.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind

from parrot_bench.estimates import paired_ratio
from parrot_callbacks import OpenTelemetryCallbackHandler, semconv

CHUNKS = 100
BATCH = 64
ROUNDS = 100
REPLY: dict[str, Any] = {
    "usage_metadata": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    "response_metadata": {"model_name": "echo", "finish_reason": "stop"},
}


class Echo(BaseChatModel):
    """Answers at once, natively in both worlds."""

    model_name: str = "echo"
    temperature: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "temperature": self.temperature}

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("x", **REPLY))])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate()

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for _ in range(CHUNKS - 1):
            yield ChatGenerationChunk(message=AIMessageChunk("x"))
        last = AIMessageChunk("x", chunk_position="last", **REPLY)
        yield ChatGenerationChunk(message=last)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream():
            yield chunk


ECHO = Echo()


class MinimalHandler(BaseCallbackHandler):
    """The least that a tracing handler can do: a span and eight attributes."""

    run_inline = True

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("minimal")
        self._open: dict[UUID, Span] = {}

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: Any = None, **kwargs: Any
    ) -> None:
        params = kwargs["invocation_params"]
        name = params["model_name"]
        span = self._tracer.start_span(f"chat {name}", kind=SpanKind.CLIENT)
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", metadata["ls_provider"])
        span.set_attribute("gen_ai.request.model", name)
        span.set_attribute("gen_ai.request.temperature", params["temperature"])
        self._open[run_id] = span

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        span = self._open.pop(run_id)
        message: Any = response.generations[0][0].message  # type: ignore[union-attr]
        usage, metadata = message.usage_metadata, message.response_metadata
        span.set_attribute("gen_ai.usage.input_tokens", usage["input_tokens"])
        span.set_attribute("gen_ai.usage.output_tokens", usage["output_tokens"])
        span.set_attribute("gen_ai.response.model", metadata["model_name"])
        span.set_attribute("gen_ai.response.finish_reasons", [metadata["finish_reason"]])
        span.end()


class MeasuringHandler(MinimalHandler):
    """The same with the histogram records that the conventions ask for, and nothing else."""

    def __init__(self, provider: TracerProvider, meter_provider: MeterProvider) -> None:
        super().__init__(provider)
        meter = meter_provider.get_meter("minimal")
        self._duration, self._first, self._next, self._tokens = (
            meter.create_histogram(name, explicit_bucket_boundaries_advisory=boundaries)
            for name, boundaries in (
                ("duration", semconv.SECONDS),
                ("first", semconv.SECONDS),
                ("next", semconv.SECONDS),
                ("tokens", semconv.TOKENS),
            )
        )
        self._labels: dict[str, str] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "echo",
            "gen_ai.request.model": "echo",
            "gen_ai.response.model": "echo",
        }
        self._times: dict[UUID, list[float]] = {}

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: Any = None, **kwargs: Any
    ) -> None:
        super().on_chat_model_start(
            serialized, messages, run_id=run_id, metadata=metadata, **kwargs
        )
        self._times[run_id] = [time.perf_counter()]

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **kwargs: Any) -> None:
        times = self._times[run_id]
        now = time.perf_counter()
        if len(times) == 1:
            times += [now, now]
        else:
            self._next.record(now - times[2], self._labels)
            times[2] = now

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        super().on_llm_end(response, run_id=run_id, **kwargs)
        times = self._times.pop(run_id)
        labels = self._labels
        message: Any = response.generations[0][0].message  # type: ignore[union-attr]
        usage = message.usage_metadata
        self._duration.record(time.perf_counter() - times[0], labels)
        if len(times) > 1:
            self._first.record(times[1] - times[0], labels)
        self._tokens.record(usage["input_tokens"], {**labels, "gen_ai.token.type": "input"})
        self._tokens.record(usage["output_tokens"], {**labels, "gen_ai.token.type": "output"})


@pytest.fixture(scope="module")
def contenders() -> dict[str, dict[str, Any]]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    theirs, ours = (
        MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False) for _ in range(2)
    )
    return {
        "none": {"callbacks": []},
        "minimal": {"callbacks": [MinimalHandler(provider)]},
        "ours": {"callbacks": [OpenTelemetryCallbackHandler(provider)]},
        "minimal, metrics": {"callbacks": [MeasuringHandler(provider, theirs)]},
        "ours, metrics": {"callbacks": [OpenTelemetryCallbackHandler(provider, ours)]},
    }


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    # One loop for all: starting one costs as much as ten calls.
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


async def read(config: Any) -> None:
    async for _ in ECHO.astream("x", config):
        pass


def invoke(config: Any, loop: Any) -> None:
    ECHO.invoke("x", config)


def ainvoke(config: Any, loop: Any) -> None:
    loop.run_until_complete(ECHO.ainvoke("x", config))


def stream(config: Any, loop: Any) -> None:
    for _ in ECHO.stream("x", config):
        pass


def astream(config: Any, loop: Any) -> None:
    loop.run_until_complete(read(config))


def batch(config: Any, loop: Any) -> None:
    ECHO.batch(["x"] * BATCH, config)


MODES = [invoke, ainvoke, stream, astream, batch]
NAMES = ["none", "minimal", "ours", "minimal, metrics", "ours, metrics"]
Mode = Callable[[Any, Any], None]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_cost(benchmark: Any, contenders: Any, loop: Any, mode: Mode, name: str) -> None:
    """One call (one batch of 64) with each contender."""
    benchmark.group = f"handler, {mode.__name__}"
    benchmark(mode, contenders[name], loop)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
def test_side_by_side(benchmark: Any, capsys: Any, contenders: Any, loop: Any, mode: Mode) -> None:
    """Ratio of ours to the minimal handler, CPU time, blocks interleaved."""
    calls = 1 if mode is batch else 10
    order = list(contenders)
    shuffler = random.Random(0)
    blocks: dict[str, list[int]] = {name: [] for name in contenders}

    def one_round() -> None:
        shuffler.shuffle(order)
        for name in order:
            start = time.process_time_ns()
            for _ in range(calls):
                mode(contenders[name], loop)
            blocks[name].append(time.process_time_ns() - start)

    benchmark.group = "handler, side by side (a round of all contenders)"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=2)
    for kind in ("", ", metrics"):
        ratio = paired_ratio(blocks[f"ours{kind}"], blocks[f"minimal{kind}"])
        benchmark.extra_info[f"ours over minimal{kind}, CPU"] = ratio.model_dump()
        with capsys.disabled():
            interval = f"[{ratio.low:.3f}, {ratio.high:.3f}]"
            said = f"{mode.__name__}: ours over minimal{kind}, CPU {ratio.value:.3f} {interval}"
            print(f"\n{said}")  # noqa: T201  # the result
    assert all(blocks.values())
