"""A chunk as JSON and back: everything that the model gave, and no credential."""

import copy
import json
from datetime import datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, HumanMessageChunk
from langchain_core.messages.tool import invalid_tool_call, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from parrot_bench.replay.pieces import chunk_as_json, piece_of, whole_as_chunk

texts = st.text(st.characters(codec=None), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
counts = st.integers(0, 10**6)
blocks = st.one_of(
    texts,
    st.builds(lambda text, index: {"type": "text", "text": text, "index": index}, texts, counts),
    st.builds(lambda text: {"type": "reasoning", "reasoning": text}, texts),
    st.dictionaries(texts, values, max_size=3).map(lambda given: {"type": "unheard_of", **given}),
)
chunks = st.builds(
    lambda position, info, **given: ChatGenerationChunk(
        message=AIMessageChunk(chunk_position=position, **given), generation_info=info
    ),
    position=st.sampled_from([None, "last"]),
    info=st.none() | st.dictionaries(st.sampled_from(["finish_reason", "n"]), counts),
    content=texts | st.lists(blocks, max_size=3),
    id=st.none() | texts,
    name=st.none() | texts,
    additional_kwargs=st.dictionaries(texts, values, max_size=3),
    # Texts under names of credentials are another test.
    response_metadata=st.dictionaries(st.sampled_from("abc"), counts | st.none(), max_size=3),
    tool_call_chunks=st.lists(
        st.builds(
            lambda name, args, id_, index: tool_call_chunk(
                name=name, args=args, id=id_, index=index
            ),
            st.none() | texts,
            st.none() | texts | values.map(json.dumps),
            st.none() | texts,
            st.none() | counts,
        ),
        max_size=2,
    ),
    usage_metadata=st.none()
    | st.builds(
        lambda into, out, cached: {
            "input_tokens": into,
            "output_tokens": out,
            "total_tokens": into + out,
            "input_token_details": {"cache_read": cached},
        },
        counts,
        counts,
        counts,
    ),
)


def again(chunk: ChatGenerationChunk) -> tuple[ChatGenerationChunk, list[str]]:
    given, left_out = chunk_as_json(chunk)
    written = json.loads(json.dumps(given, allow_nan=False))
    return piece_of(0, written).chunk(), left_out


@given(chunks)
def test_what_is_written_is_read(chunk: ChatGenerationChunk) -> None:
    before = copy.deepcopy(chunk)
    found, left_out = again(chunk)
    assert left_out == []
    assert chunk == before
    assert found == chunk
    assert found.message == chunk.message
    assert vars(found.message) == vars(chunk.message)
    assert found.text == chunk.text


@given(chunks)
def test_each_call_has_its_own(chunk: ChatGenerationChunk) -> None:
    piece = piece_of(0, chunk_as_json(chunk)[0])
    spoilt = piece.chunk()
    vars(spoilt.message)["id"] = "another"
    for value in [*vars(spoilt.message).values(), spoilt.generation_info]:
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    item["index"] = "another"
            value.append("more")
        elif isinstance(value, dict):
            value["more"] = 1
    spoilt.message.model_fields_set.add("more")
    assert piece.chunk() == chunk
    assert "more" not in piece.chunk().message.model_fields_set


@given(chunks)
def test_what_pydantic_says_was_set_is_written_by_others_as_well(
    chunk: ChatGenerationChunk,
) -> None:
    found, _ = again(chunk)
    assert found.message.model_dump(exclude_unset=True)["content"] == chunk.message.content


class Reason(str, Enum):  # noqa: UP042  # a StrEnum would be written as it is
    STOP = "stop"


def test_what_json_does_not_have_is_left_out_and_named() -> None:
    odd: list[Any] = []
    odd.append(odd)
    chunk = ChatGenerationChunk(
        message=AIMessageChunk(
            content="hi",
            additional_kwargs={
                "parsed": datetime(2026, 1, 2),  # noqa: DTZ001
                "scores": [1.0, float("nan"), 2.0],
                "pair": (1, 2),
                1: "one",
                "endless": odd,
            },
            response_metadata={"finish_reason": Reason.STOP},
            something_else=3,
        )
    )
    found, left_out = again(chunk)
    assert found.message.additional_kwargs["scores"] == [1.0, None, 2.0]
    assert found.message.additional_kwargs["pair"] == [1, 2]
    assert "parsed" not in found.message.additional_kwargs
    assert found.message.response_metadata == {"finish_reason": "stop"}
    assert left_out[:4] == [
        "something_else",
        "additional_kwargs.parsed",
        "additional_kwargs.scores[1]",
        "additional_kwargs.1",
    ]
    assert left_out[4].startswith("additional_kwargs.endless")


def test_credentials_of_the_metadata_are_left_out_and_the_reply_is_not() -> None:
    call = tool_call_chunk(name="get_token", args='{"api_key": "abcdefgh"}', id="1", index=0)
    chunk = ChatGenerationChunk(
        message=AIMessageChunk(
            content='say "password: hunter2hunter2"',
            tool_call_chunks=[call],
            additional_kwargs={"reasoning_content": "Bearer abcdefghijk is what they gave"},
            response_metadata={
                "headers": {"x-request-id": "1"},
                "sent": [["Authorization", "Bearer secret-secret"]],
                "given": {"name": "x-api-key", "value": "secret-secret"},
                "url": "https://me:secret-secret@example.org/v1",
                "token_usage": {"prompt_tokens": 3},
                "logprobs": {"content": [{"token": "sa", "logprob": -0.5}]},
                "max_token": 3,
            },
        ),
        generation_info={"api_key": "secret-secret", "finish_reason": "stop"},
    )
    found, left_out = again(chunk)
    assert "secret-secret" not in json.dumps(chunk_as_json(chunk)[0])
    assert found.message.content == chunk.message.content
    assert found.message.tool_call_chunks == [call]  # type: ignore[attr-defined]
    assert found.message.additional_kwargs == chunk.message.additional_kwargs
    assert found.message.response_metadata == {
        "sent": [["Authorization", None]],
        "given": {"name": "x-api-key"},
        "url": "https://example.org/v1",
        "token_usage": {"prompt_tokens": 3},
        "logprobs": {"content": [{"token": "sa", "logprob": -0.5}]},
        "max_token": 3,
    }
    assert found.generation_info == {"finish_reason": "stop"}
    assert left_out == [
        "response_metadata.headers",
        "response_metadata.sent[0][1]",
        "response_metadata.given.value",
        "response_metadata.url",
        "generation_info.api_key",
    ]


def test_a_reply_in_one_piece_is_one_chunk() -> None:
    message = AIMessage(
        content="hi",
        tool_calls=[{"name": "look", "args": {"at": 1}, "id": "1", "type": "tool_call"}],
        invalid_tool_calls=[invalid_tool_call(name="x", args="no JSON", id="2", error=None)],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"finish_reason": "stop"},
    )
    found, left_out = again(whole_as_chunk(message, {"a": 1}))
    assert left_out == []
    assert isinstance(found.message, AIMessageChunk)
    assert found.message.content == "hi"
    assert found.message.tool_calls == message.tool_calls
    assert [call["id"] for call in found.message.invalid_tool_calls] == ["2"]
    assert found.message.chunk_position == "last"
    assert found.message.usage_metadata == message.usage_metadata
    assert found.generation_info == {"a": 1}


def test_what_is_no_reply_of_an_ai() -> None:
    with pytest.raises(TypeError, match="HumanMessageChunk"):
        chunk_as_json(ChatGenerationChunk(message=HumanMessageChunk(content="")))
    with pytest.raises(TypeError, match="HumanMessage"):
        whole_as_chunk(HumanMessage(""), None)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"content": 3},
        {"content": [3]},
        {"content": "", "type": "human"},
        {"content": "", "tool_calls": []},
        {"content": "", "sort": "x"},
        {"content": "", "usage_metadata": {"input_tokens": "many"}},
        {"content": "", "tool_call_chunks": [{"args": 3}]},
        {"content": "", "generation_info": 3},
        {"content": "", "chunk_position": "first"},
    ],
)
def test_what_is_no_chunk(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="AIMessageChunk") as refused:
        piece_of(0, given)
    assert "\n" not in str(refused.value)
