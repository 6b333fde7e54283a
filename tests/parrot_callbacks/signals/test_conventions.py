"""Everything recorded follows the GenAI conventions, in every mode, setting and outcome."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import LLM
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import Generation, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from opentelemetry._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from parrot_callbacks import (
    LangChainInstrumentor,
    OpenTelemetryCallbackHandler,
    SpanFileExporter,
    events,
)
from parrot_callbacks.conformance import run

pytestmark = [
    pytest.mark.skipif(
        not events.SUPPORTED, reason="OpenTelemetry before 1.36 can't attach an event to a span"
    ),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning"),
]

CALL = {"name": "shout", "args": {"text": "hello"}, "id": "call-1", "type": "tool_call"}


def no_step() -> None:
    """A consumer that only reads."""


class Library(BaseRetriever):
    """Has one book."""

    def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
        return [Document("a page", id="book-1", metadata={"score": 1, "title": "Birds"})]


@tool
def shout(text: str) -> str:
    """Make it loud."""
    return text.upper()


def only_the_server_is_unknown(findings: list[str]) -> bool:
    return all("`server.address`" in finding for finding in findings)


def test_sync_modes(signals: Any, sync_mode: Any, echo: Any, names: str) -> None:
    sync_mode(echo(), signals.config(), no_step)
    assert signals.findings() == []
    assert signals.seen["span chat"] == 2
    assert only_the_server_is_unknown(signals.findings(strict=True))


async def test_async_modes(signals: Any, async_mode: Any, echo: Any, names: str) -> None:
    await async_mode(echo(), signals.config(), no_step)
    assert signals.findings() == []
    assert signals.seen["span chat"] == 2
    assert only_the_server_is_unknown(signals.findings(strict=True))


def test_content_settings(signals: Any, setting: str, names: str, sync_echo: Any) -> None:
    conversation = [
        SystemMessage("be brief"),
        HumanMessage([{"type": "text", "text": "x"}, {"type": "image", "url": "https://e.org/a"}]),
        AIMessage("", tool_calls=[CALL]),
        shout.invoke(CALL),
    ]
    model = sync_echo(params={"base_url": "https://api.example/v1"})
    model.bind(tools=[{"type": "function", "function": {"name": "shout"}}]).invoke(
        conversation, signals.config()
    )
    list(model.stream(conversation, signals.config()))
    assert signals.findings(strict=True) == []
    assert len(signals.records) == (2 if "EVENT" in setting else 0)
    # Without content, main itself has nothing to say either; with it, only the field that the
    # release still has.
    if names == "latest":
        assert signals.findings(strict=True, profile="main") == []


@pytest.mark.parametrize("level", ["handler", "instrumentor"])
def test_every_mode_place_and_fault(
    signals: Any, names: str, level: str, fewer_calls: None
) -> None:
    def make(tracer_provider: TracerProvider, logger_provider: LoggerProvider) -> Any:
        providers = {
            "tracer_provider": tracer_provider,
            "meter_provider": signals.meter_provider,
            "logger_provider": logger_provider,
        }
        if level == "handler":
            return OpenTelemetryCallbackHandler(**providers)
        made = LangChainInstrumentor()
        made.instrument(**providers)
        return made

    # Not kept in memory: the suite counts what is.
    spans = signals.folder / "suite.jsonl"
    done = run(make, exporter=SpanFileExporter(spans)).finish().done
    failures = [(result.cell.id, failed) for result in done for failed in result.failures]
    assert failures == []
    assert signals.findings(also=[spans]) == []
    assert signals.seen["span chat"] > 1000
    kind = "inference" if names == "latest" else "operation"
    assert {
        f"metric gen_ai.client.{kind}.{measured}"
        for measured in ("duration", "time_to_first_chunk", "time_per_output_chunk")
    } <= set(signals.seen)


@pytest.mark.parametrize("outcome", ["failed", "cancelled", "abandoned"])
async def test_outcomes(
    signals: Any, setting: str, names: str, outcome: str, async_echo: Any
) -> None:
    def fail() -> None:
        raise ValueError("no")

    config = signals.config()
    if outcome == "failed":
        with pytest.raises(ValueError, match="no"):
            await async_echo(between=fail).ainvoke("x", config)
        with pytest.raises(ValueError, match="no"):
            list(async_echo(between=fail).stream("x", config))
    elif outcome == "cancelled":
        with suppress(TimeoutError):
            await asyncio.wait_for(async_echo(delay_s=60).ainvoke("x", config), 0.01)
        # The task goes on; the next call of it finds the one that was left.
        await async_echo().ainvoke("x", config)
    else:
        stream = async_echo().stream("x", config)
        next(stream)
        stream.close()
    assert signals.findings() == []
    assert outcome in {span.attributes["langchain.run.outcome"] for span in signals.spans}


async def test_everything_round_a_call(
    signals: Any, setting: str, names: str, async_echo: Any
) -> None:
    async def step(text: str) -> AIMessage:
        await Library().ainvoke(text)
        await shout.ainvoke(CALL)
        shout.invoke({"text": "called directly"})
        return await async_echo(params={"base_url": "https://api.example/v1"}).ainvoke(text)

    config = signals.config() | {"metadata": {"thread_id": "7"}}
    await RunnableLambda(step).with_config(run_name="birdsong").ainvoke("x", config)
    assert signals.findings() == []
    assert only_the_server_is_unknown(signals.findings(strict=True))
    assert all(
        signals.seen[f"span {name}"]
        for name in ("chat", "retrieval", "execute_tool", "invoke_workflow")
    )
    metrics = {name for name in signals.seen if name.startswith("metric")}
    assert ("metric gen_ai.execute_tool.duration" in metrics) == (names == "latest")
    assert "metric gen_ai.client.operation.duration" in metrics


def test_an_agent(signals: Any, setting: str, names: str, sync_echo: Any) -> None:
    metadata = {"lc_agent_name": "birdwatcher"}

    def step(text: str) -> str:
        for _ in range(3):
            sync_echo().invoke(text)
        return str(shout.invoke(CALL).content)

    RunnableLambda(step).invoke("x", signals.config() | {"metadata": metadata})
    assert signals.findings() == []
    assert signals.span("invoke_agent").name == "invoke_agent birdwatcher"
    if names == "latest":
        points = signals.points()
        assert points["gen_ai.invoke_agent.inference_calls"][0].sum == 3
        assert points["gen_ai.invoke_agent.tool_calls"][0].sum == 1
        assert points["gen_ai.invoke_agent.duration"][0].attributes == {
            "gen_ai.agent.name": "birdwatcher"
        }


def test_a_plain_language_model(signals: Any, setting: str, names: str) -> None:
    class Plain(LLM):
        base_url: str = "https://api.example/v1"

        @property
        def _llm_type(self) -> str:
            return "plain"

        @property
        def _identifying_params(self) -> dict[str, Any]:
            return {"model_name": "plain-1", "base_url": self.base_url}

        def _call(self, prompt: str, *args: Any, **kwargs: Any) -> str:
            raise NotImplementedError

        def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
            return LLMResult(
                generations=[[Generation(text="y", generation_info={"finish_reason": "stop"})]],
                llm_output={
                    "token_usage": {"prompt_tokens": 1, "completion_tokens": 2},
                    "model_name": "plain-2026",
                    "id": "cmpl-1",
                },
            )

    Plain().invoke("x", signals.config())
    assert signals.findings(strict=True) == []
    assert signals.span("text_completion").name == "text_completion plain-1"


def test_two_candidates_with_one_reason(signals: Any, setting: str, sync_echo: Any) -> None:
    class Two(sync_echo):  # type: ignore[misc]  # a fixture that is a class
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            result = super()._answer()
            other = super()._answer().generations[0]
            other.message.response_metadata.clear()
            result.generations.append(other)
            return result

    Two().invoke("x", signals.config())
    assert signals.findings() == []


def test_a_provider_whose_numbers_contradict(signals: Any, names: str, sync_echo: Any) -> None:
    usage: Any = {
        "input_tokens": 5, "output_tokens": 3, "total_tokens": 8,
        "input_token_details": {"cache_read": 50, "audio": 5},
        "output_token_details": {"reasoning": 4},
    }  # fmt: skip
    sync_echo(reply=AIMessage("y", usage_metadata=usage)).invoke("x", signals.config())
    assert signals.findings() == []
    attributes = signals.span("chat").attributes
    assert attributes["gen_ai.usage.audio.input_tokens"] == 5
    assert "gen_ai.usage.cache_read.input_tokens" not in attributes
