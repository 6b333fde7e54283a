"""What outputs say, read as messages."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel

from parrot_bench.runnables.outputs import (
    GIVEN,
    final_output,
    joined,
    reply_of,
    told_apart,
    total_usage,
    updated,
)

CALL: Any = {"name": "weather", "args": {"city": "Lisbon"}, "id": "1", "type": "tool_call"}


def usage(into: int, out: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=into, output_tokens=out, total_tokens=into + out)


def said(text: str, tokens: UsageMetadata | None = None, **more: Any) -> AIMessage:
    return AIMessage(text, usage_metadata=tokens, **more)


PARSED = '{"parsed": {"city": "Porto"}, "raw": ["x"]}'


class Weather(BaseModel):
    city: str


@dataclass
class Rain:
    millimetres: int


class Odd:
    """Its repr has an address in it."""


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("hello", "hello"),
        (said("hello"), "hello"),
        (AIMessageChunk(content="hello"), "hello"),
        ({"b": 1, "a": ["é"]}, '{"a": ["é"], "b": 1}'),
        (Weather(city="Porto"), '{"city": "Porto"}'),
        ([Rain(3)], '[{"millimetres": 3}]'),
        ({"raw": said("x"), "parsed": Weather(city="Porto")}, PARSED),
        ({3, 1}, "[1, 3]"),
        ({"x": Odd()}, '{"x": "Odd"}'),
        (None, "null"),
    ],
)  # fmt: skip
def test_text_of_an_output(output: Any, text: str) -> None:
    assert reply_of(output).text == text


def test_a_message_is_its_own_reply() -> None:
    message = said("hello", usage(1, 2))
    assert reply_of(message) is message


def test_the_reply_of_an_agent_is_all_that_its_models_said() -> None:
    state = {
        "messages": [
            HumanMessage("what?"),
            said("earlier", id=f"{GIVEN}-0"),
            said("", usage(3, 2), tool_calls=[CALL]),
            ToolMessage("sunny", tool_call_id="1"),
            said("It is sunny.", usage(9, 4)),
        ],
        "steps": 3,
    }
    reply = reply_of(state)
    assert reply.text == "It is sunny."
    assert [call["name"] for call in reply.tool_calls] == ["weather"]
    assert reply.usage_metadata == usage(12, 6)


def test_tokens_are_unknown_where_one_message_says_nothing() -> None:
    assert reply_of({"messages": [said("a", usage(1, 1)), said("b")]}).usage_metadata is None
    assert reply_of({"a": said("x", usage(1, 2)), "b": "text"}).usage_metadata == usage(1, 2)
    assert reply_of("text").usage_metadata is None
    assert total_usage([]) is None


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=6))
def test_tokens_are_summed(pairs: list[tuple[int, int]]) -> None:
    reply = reply_of({"messages": [said("x", usage(*pair)) for pair in pairs]})
    assert reply.usage_metadata == usage(sum(a for a, _ in pairs), sum(b for _, b in pairs))


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8))
def test_chunks_add_up(parts: list[str]) -> None:
    whole = "".join(parts)
    assert joined(parts) == whole
    assert reply_of(joined([AIMessageChunk(content=part) for part in parts])).text == whole
    assert joined([AddableDict(text=part) for part in parts]) == {"text": whole}


def test_what_cannot_be_added_is_replaced_as_langchain_does() -> None:
    assert joined([{"a": 1}, {"a": 1, "b": 2}]) == {"a": 1, "b": 2}
    assert joined([Weather(city="Porto"), Weather(city="Lisbon")]) == Weather(city="Lisbon")


def test_updates_of_a_graph() -> None:
    first, second = said("a", id="1"), said("b", id="2")
    updates = [{"think": {"messages": [first]}}, {"act": None}, {"think": {"messages": [second]}}]
    assert updated([*updates, updates[0]]) == [first, second]
    assert updated([{"ask": {"answer": 1}}, {"more": {"answer": 2}}]) == {"answer": 2}


def test_messages_of_a_graph_are_told_apart_by_their_ids() -> None:
    pairs: list[tuple[Any, Any]] = [
        (AIMessageChunk(content="he", id="1"), {}),
        (AIMessageChunk(content="x", id="2"), {}),
        (ToolMessage("sunny", tool_call_id="1"), {}),
        (AIMessageChunk(content="llo", id="1"), {}),
        (said("given", id=f"{GIVEN}-0"), {}),
        (said("whole", id="3"), {}),
    ]
    assert [message.text for message in told_apart(pairs)] == ["hello", "x", "whole"]


def test_the_outermost_run_of_events() -> None:
    events: list[dict[str, Any]] = [
        {"event": "on_chain_start", "run_id": 1, "data": {}},
        {"event": "on_chat_model_end", "run_id": 2, "data": {"output": "inner"}},
        {"event": "on_chain_end", "run_id": 1, "data": {"output": "outer"}},
    ]
    assert final_output(events) == ["outer"]
    assert final_output(events[:2]) == []
    result = {"generations": [[{"text": "done", "type": "Generation"}]], "llm_output": None}
    end = {"event": "on_llm_end", "run_id": 1, "data": {"output": result}}
    assert final_output([{**events[0], "event": "on_llm_start"}, end]) == ["done"]
