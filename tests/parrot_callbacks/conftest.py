"""Chat models of the tests' own, real OpenTelemetry providers, and every execution mode."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import Field

from parrot_callbacks import OpenTelemetryCallbackHandler
from parrot_callbacks.conformance.faults import enduring
from parrot_callbacks.conformance.modes import ASYNC_CALLS, HAS_V3, SYNC_CALLS

USAGE = UsageMetadata(input_tokens=5, output_tokens=3, total_tokens=8)
METADATA = {"model_name": "echo-2026-11", "finish_reason": "stop"}


class SyncEcho(BaseChatModel):
    """Answers "hey" in three chunks; its async methods are LangChain's executor fallback.

    ``before``, ``between`` and ``after`` are called by the body: before the first chunk,
    after it, and at the end.
    """

    model_name: str = "echo-1"
    temperature: float | None = 0.0
    max_tokens: int | None = None
    provider: str = "parrot"
    params: dict[str, Any] = Field(default_factory=dict)
    before: Callable[[], None] = lambda: None
    between: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    reply: AIMessage | None = None

    @property
    def _llm_type(self) -> str:
        return "echo"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, **self.params}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        found = super()._get_ls_params(stop=stop, **kwargs)
        found["ls_provider"] = self.provider
        return found

    def _answer(self) -> ChatResult:
        message = self.reply or AIMessage(
            "hey", usage_metadata=USAGE, response_metadata=dict(METADATA)
        )
        return ChatResult(generations=[ChatGeneration(message=message.model_copy())])

    def _chunks(self) -> Iterator[ChatGenerationChunk]:
        for letter in "hey":
            yield ChatGenerationChunk(message=AIMessageChunk(letter))
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                "",
                usage_metadata=USAGE,
                response_metadata=dict(METADATA),
                chunk_position="last",
            )
        )

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        self.before()
        self.between()
        self.after()
        return self._answer()

    def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.before()
        for number, chunk in enumerate(self._chunks()):
            if number == 1:
                self.between()
            yield chunk
        self.after()


class AsyncEcho(SyncEcho):
    """The same with native async methods, which wait for ``delay_s`` seconds."""

    delay_s: float = 0.0

    async def _agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        self.before()
        await asyncio.sleep(self.delay_s)
        self.between()
        self.after()
        return self._answer()

    async def _astream(
        self, messages: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.before()
        for number, chunk in enumerate(self._chunks()):
            if number == 1:
                self.between()
            await asyncio.sleep(self.delay_s)
            yield chunk
        self.after()


@dataclass
class Telemetry:
    """A tracer provider, its handler, and the spans that have ended."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    provider: TracerProvider = field(default_factory=lambda: TracerProvider(shutdown_on_exit=False))

    def __post_init__(self) -> None:
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("tests")
        self.handler = OpenTelemetryCallbackHandler(self.provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    @property
    def chats(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name.startswith("chat")]

    @property
    def chat(self) -> ReadableSpan:
        (span,) = self.chats
        return span

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    @property
    def config(self) -> dict[str, Any]:
        return {"callbacks": [self.handler]}

    def client_span(self) -> None:
        """What an HTTP instrumentation would do in a model's body."""
        with self.tracer.start_as_current_span("client"):
            pass


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    made = Telemetry()
    yield made
    assert made.handler.open_runs == 0
    # A context that leaked out of one test would give the next a parent.
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.fixture
def make_telemetry() -> type[Telemetry]:
    return Telemetry


@pytest.fixture
def sync_echo() -> type[SyncEcho]:
    return SyncEcho


@pytest.fixture
def async_echo() -> type[AsyncEcho]:
    return AsyncEcho


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, modes in (("sync_mode", SYNC_CALLS), ("async_mode", ASYNC_CALLS)):
        if name in metafunc.fixturenames:
            there = [mode for mode in modes if HAS_V3 or not mode.__name__.endswith("_v3")]
            metafunc.parametrize(name, there, ids=lambda mode: mode.__name__)
    if "echo" in metafunc.fixturenames:
        metafunc.parametrize("echo", (SyncEcho, AsyncEcho), ids=("executor", "native"))


@pytest.fixture
def fewer_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make hundreds of calls where the conformance suite makes thousands."""
    monkeypatch.setattr(enduring, "_SUCCESSFUL", 600)
    monkeypatch.setattr(enduring, "_STOPPED", 600)
