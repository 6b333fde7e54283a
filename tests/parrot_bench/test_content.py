"""What is content in a stream, whatever a provider puts into it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from parrot_bench.content import of_event, of_generation, of_message

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "reasoning", "id"]), inner, max_size=3)
    ),
    max_leaves=5,
)
BLOCKS = st.dictionaries(
    st.sampled_from(["text", "reasoning", "id", "index", "name", "args", "signature", "value"]),
    ODD,
    max_size=4,
).flatmap(
    lambda fields: st.sampled_from(
        ["text", "reasoning", "tool_call_chunk", "thinking", "image", "odd", "non_standard"]
    ).map(lambda kind: {**fields, "type": kind})
)


@given(st.lists(st.text(max_size=3) | BLOCKS, max_size=3))
def test_any_chunk_has_content_or_has_none(blocks: list[Any]) -> None:
    chunk = AIMessageChunk(blocks)
    found = of_message(chunk)
    assert found in {True, False}
    # The same chunk, as other modes hand it over.
    event = {"event": "on_chat_model_stream", "data": {"chunk": chunk}}
    assert of_event(event) == found
    assert of_event({**event, "parent_ids": ["another"]}) is None
    if any(isinstance(block, str) and block for block in blocks):
        assert found


@given(st.text())
def test_a_text_is_content_unless_it_is_empty(text: str) -> None:
    assert of_message(AIMessageChunk(text)) == bool(text)
    generation = ChatGenerationChunk(message=AIMessageChunk(text))
    assert of_generation(generation) == bool(text)


@pytest.mark.parametrize("item", ["text", None, {"event": "x"}, 5])
def test_what_is_no_chunk(item: object) -> None:
    assert of_message(item) is None
    assert of_generation(item) is None
