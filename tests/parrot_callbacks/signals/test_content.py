"""Content on the spans of all runs, and JSON that stays JSON under the SDK's limits."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.language_models import LLM
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from parrot_callbacks import events
from parrot_callbacks.fitting import fitting_json

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.fixture
def captured(signals: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(CAPTURE, "span_only")
    return signals


def read(span: Any, name: str) -> Any:
    return json.loads(span.attributes[f"gen_ai.{name}"])


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def test_a_tool(captured: Any) -> None:
    @tool
    def weigh(bird: str, times: int, api_key: str = "") -> dict[str, Any]:
        """Put it on the scales."""
        return {"grams": [400 * times], "bird": bird}

    call = {"name": "weigh", "args": {"bird": "parrot", "times": 2, "api_key": "hunter2"},
            "id": "7", "type": "tool_call"}  # fmt: skip
    weigh.invoke(call, captured.config())
    weigh.invoke(call["args"], captured.config())
    for span in captured.spans:
        arguments = {"bird": "parrot", "times": 2, "api_key": "[redacted]"}
        assert read(span, "tool.call.arguments") == arguments
        # A message's content is a text; a value returned as such keeps its form.
        result = read(span, "tool.call.result")
        result = json.loads(result) if isinstance(result, str) else result
        assert result == {"grams": [800], "bird": "parrot"}
    assert captured.findings(strict=True) == []


async def test_a_retriever(captured: Any) -> None:
    class Library(BaseRetriever):
        def _get_relevant_documents(self, query: str, **kwargs: Any) -> list[Document]:
            return [
                Document("one", id="1", metadata={"score": 0.5, "token": "hunter2"}),
                Document("two"),
            ]

    await Library().ainvoke("where?", captured.config())
    span = captured.span("retrieval")
    assert span.attributes["gen_ai.retrieval.query.text"] == "where?"
    assert read(span, "retrieval.documents") == [
        {"id": "1", "score": 0.5, "content": "one",
         "metadata": {"score": 0.5, "token": "[redacted]"}},
        {"content": "two"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "outputs", "asked", "answered"),
    [
        ("x", "y", [said("user", "x")], [said("assistant", "y")]),
        ({"a": 1}, {"b": 2}, [said("user", '{"a": 1}')], [said("assistant", '{"b": 2}')]),
        (
            {"messages": [HumanMessage("x")]},
            {"messages": [HumanMessage("x"), AIMessage("y")]},
            [said("user", "x")],
            [said("assistant", "y")],
        ),
        (
            ChatPromptTemplate.from_messages([("human", "{v}")]).invoke({"v": "x"}),
            AIMessage("y"),
            [said("user", "x")],
            [said("assistant", "y")],
        ),
        (
            {"messages": [("user", "x"), {"role": "user", "content": "z"}]},
            [AIMessage("y")],
            [said("user", "x"), said("user", "z")],
            [said("assistant", "y")],
        ),
        ([1, "x"], [], [said("user", '[1, "x"]')], None),
    ],
    ids=["texts", "mappings", "a state", "a prompt", "pairs", "no messages"],
)
def test_a_workflow(captured: Any, inputs: Any, outputs: Any, asked: Any, answered: Any) -> None:
    RunnableLambda(lambda _: outputs).with_config(run_name="w").invoke(inputs, captured.config())
    span = captured.span("invoke_workflow")
    assert read(span, "input.messages") == asked
    if answered is None:
        assert "gen_ai.output.messages" not in span.attributes
    else:
        assert read(span, "output.messages") == answered
    assert captured.findings() == []


def test_an_agent(captured: Any) -> None:
    config = captured.config() | {"metadata": {"lc_agent_name": "polly"}}
    RunnableLambda(lambda _: AIMessage("y")).invoke({"messages": [HumanMessage("x")]}, config)
    assert read(captured.span("invoke_agent"), "output.messages") == [said("assistant", "y")]


def test_tools_of_a_call(captured: Any, sync_echo: Any) -> None:
    tools = [{"type": "function", "function": {"name": "look", "description": "about"}}]
    sync_echo().bind(tools=tools).invoke("x", captured.config())
    list(sync_echo().bind(tools=tools).stream("x", captured.config()))
    for span in captured.spans:
        assert read(span, "tool.definitions") == [
            {"type": "function", "name": "look", "description": "about"}
        ]


def test_a_plain_language_model(captured: Any) -> None:
    class Plain(LLM):
        @property
        def _llm_type(self) -> str:
            return "plain"

        def _call(self, prompt: str, *args: Any, **kwargs: Any) -> str:
            return "y"

    Plain().invoke("x", captured.config())
    span = captured.span("text_completion")
    assert read(span, "input.messages") == [said("user", "x")]
    assert read(span, "output.messages") == [said("assistant", "y")]


def test_a_stream_says_the_same_as_a_reply(captured: Any, sync_echo: Any) -> None:
    sync_echo().invoke("x", captured.config())
    list(sync_echo().stream("x", captured.config()))
    first, second = ({**span.attributes} for span in captured.spans)
    for attributes in (first, second):
        del attributes["gen_ai.response.id"]
    del second["gen_ai.request.stream"], second["gen_ai.response.time_to_first_chunk"]
    assert first == second


def test_a_stream_that_is_left_keeps_what_had_come(captured: Any, sync_echo: Any) -> None:
    stream = sync_echo().stream("x", captured.config())
    next(stream)
    next(stream)
    stream.close()
    span = captured.span("chat")
    assert span.attributes["langchain.run.outcome"] == "abandoned"
    assert read(span, "output.messages")[0]["parts"] == [{"type": "text", "content": "he"}]


def test_half_a_character_does_not_stop_the_export(captured: Any, sync_echo: Any) -> None:
    sync_echo(params={"odd": "a\ud83d", "more": ["b\ud83d"]}).invoke("c\ud83d", captured.config())
    assert captured.findings() == []
    assert read(captured.span("chat"), "input.messages") == [said("user", "c?")]


@pytest.mark.skipif(not events.SUPPORTED, reason="OpenTelemetry before 1.36")
def test_an_event_of_a_tool_call_is_structured(
    signals: Any, monkeypatch: pytest.MonkeyPatch, sync_echo: Any
) -> None:
    monkeypatch.setenv(CAPTURE, "EVENT_ONLY")
    call: Any = {"name": "look", "args": {"big": 2**70, "odd": float("inf")}, "id": "1"}
    sync_echo(reply=AIMessage("", tool_calls=[call])).invoke("x", signals.config())
    assert signals.findings() == []
    (record,) = signals.records
    assert record.event_name == "gen_ai.client.inference.operation.details"
    part = record.attributes["gen_ai.output.messages"][0]["parts"][0]
    assert part["arguments"] == {"big": str(2**70), "odd": "inf"}
    assert record.span_id == signals.span("chat").context.span_id
    assert record.trace_id == signals.span("chat").context.trace_id


@pytest.mark.parametrize("of_environment", [True, False], ids=["environment", "provider"])
@pytest.mark.parametrize("limit", [64, 200, 1000, 100_000])
def test_json_within_the_limit(
    make_signals: Any,
    monkeypatch: pytest.MonkeyPatch,
    sync_echo: Any,
    limit: int,
    of_environment: bool,
) -> None:
    monkeypatch.setenv(CAPTURE, "span_only")
    limits = SpanLimits(max_span_attribute_length=limit)
    if of_environment:
        monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", str(limit))
        limits = SpanLimits()
    signals = make_signals(TracerProvider(span_limits=limits, shutdown_on_exit=False))
    conversation = [HumanMessage(f"{number} " + "x" * 500) for number in range(10)]
    sync_echo().invoke(conversation, signals.config())
    attributes = signals.span("chat").attributes
    assert all(len(value) <= limit for value in attributes.values() if isinstance(value, str))
    assert signals.findings() == []
    if limit >= 200:
        last = json.loads(attributes["gen_ai.input.messages"])[-1]
        assert last["parts"][0]["content"].startswith("9 x")
    else:
        assert "gen_ai.input.messages" not in attributes


TEXTS = st.text(max_size=300)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant"]),
            "parts": st.lists(
                st.fixed_dictionaries({"type": st.just("text"), "content": TEXTS})
                | st.fixed_dictionaries({"type": st.just("blob"), "content": TEXTS}),
                max_size=3,
            ),
        }
    ),
    max_size=5,
)


@given(MESSAGES, st.integers(2, 2000))
def test_what_fits_is_json_of_the_same_form(messages: list[Any], limit: int) -> None:
    text = fitting_json(messages, limit)
    whole = json.dumps(messages, separators=(",", ":"), ensure_ascii=False)
    assert (text == whole) == (len(whole) <= limit)
    if text is not None:
        assert len(text) <= limit
        kept = json.loads(text)
        # The latest messages are kept, in their order.
        assert [message["role"] for message in kept] == [
            message["role"] for message in messages[len(messages) - len(kept) :]
        ]
        for message in kept:
            for part in message["parts"]:
                assert part["type"] in {"text", "blob", "generic"}
                assert ("content" in part) != (part["type"] == "generic")
