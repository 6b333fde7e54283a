"""Every form of content block that LangChain and its providers have, as parts of messages."""

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from parrot_callbacks.media import MAX_BLOB, MEDIA, media_part
from parrot_callbacks.messages import input_messages, instructions, split_instructions
from parrot_callbacks.parts import part_of
from parrot_callbacks.tool_definitions import tool_definitions

HI = {"type": "text", "content": "hi"}
PNG = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"}
PDF = {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "AAAA"}
LINK = {"type": "uri", "modality": "image", "uri": "https://e.org/x"}
RAW = b"\0\0\0"


def file(modality: str, identity: str) -> dict[str, str]:
    return {"type": "file", "modality": modality, "file_id": identity}


def answer(identity: str, response: Any) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": identity, "response": response}


def data(mime: str, text: str = "AAAA") -> str:
    return f"data:{mime};base64,{text}"


def as_media(kind: str, **source: Any) -> dict[str, Any]:
    return {"type": kind, "source": source}


INPUTS: list[tuple[str, Any, Any]] = [
    ("a text", "hi", HI),
    # LangChain's standard blocks, version 1.
    ("v1 text", {"type": "text", "text": "hi"}, HI),
    ("v1 image", {"type": "image", "base64": "AAAA", "mime_type": "image/png"}, PNG),
    ("v1 image url", {"type": "image", "url": "https://e.org/x"}, LINK),
    ("v1 image id", {"type": "image", "file_id": "f"}, file("image", "f")),
    ("v1 audio", {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"},
     {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"}),
    ("v1 video", {"type": "video", "url": "https://e.org/v"},
     {"type": "uri", "modality": "video", "uri": "https://e.org/v"}),
    ("v1 file", {"type": "file", "base64": "AAAA", "mime_type": "application/pdf"}, PDF),
    ("v1 plain text", {"type": "text-plain", "text": "hi", "mime_type": "text/plain"}, HI),
    ("v1 plain data", {"type": "text-plain", "base64": "aGk=", "mime_type": "text/plain"}, HI),
    ("v1 other", {"type": "non_standard", "value": {"type": "odd", "x": "y"}},
     {"type": "generic", "generic_type": "odd"}),
    # Version 0.
    ("v0 image", {"type": "image", "source_type": "base64", "data": "AAAA",
                  "mime_type": "image/png"}, PNG),
    ("v0 url", {"type": "image", "source_type": "url", "url": "https://e.org/x"}, LINK),
    ("v0 id", {"type": "file", "source_type": "id", "id": "f"}, file("document", "f")),
    ("v0 text", {"type": "file", "source_type": "text", "text": "hi"}, HI),
    ("v0 text data", {"type": "file", "source_type": "text", "data": "hi",
                      "mime_type": "text/plain"}, HI),
    # OpenAI: chat completions, then responses.
    ("openai image", {"type": "image_url", "image_url": {"url": data("image/png")}}, PNG),
    ("openai url", {"type": "image_url", "image_url": "https://e.org/x"}, LINK),
    ("openai audio", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
     {"type": "blob", "modality": "audio", "mime_type": "audio/mp3", "content": "AAAA"}),
    ("openai file", {"type": "file", "file": {"file_data": data("application/pdf")}}, PDF),
    ("openai file id", {"type": "file", "file": {"file_id": "f"}}, file("document", "f")),
    ("responses text", {"type": "input_text", "text": "hi"}, HI),
    ("responses image", {"type": "input_image", "image_url": "https://e.org/x"}, LINK),
    ("responses file", {"type": "input_file", "file_id": "f"}, file("document", "f")),
    ("data, not base64", {"type": "file", "url": "data:text/plain,h%69"}, HI),
    # Anthropic.
    ("anthropic image", as_media("image", type="base64", media_type="image/png", data="AAAA"), PNG),
    ("anthropic url", as_media("image", type="url", url="https://e.org/x"), LINK),
    ("anthropic document",
     as_media("document", type="base64", media_type="application/pdf", data="AAAA"), PDF),
    ("anthropic text", as_media("document", type="text", media_type="text/plain", data="hi"), HI),
    ("anthropic blocks",
     as_media("document", type="content", content=[{"type": "text", "text": "hi"}]), HI),
    ("anthropic file", as_media("document", type="file", file_id="f"), file("document", "f")),
    ("anthropic result", {"type": "tool_result", "tool_use_id": "t",
                          "content": [{"type": "text", "text": "hi"}]}, answer("t", [HI])),
    ("anthropic result text", {"type": "tool_result", "tool_use_id": "t", "content": "hi"},
     answer("t", "hi")),
    # Google.
    ("google data", {"type": "media", "mime_type": "image/png", "data": "AAAA"}, PNG),
    ("google file", {"type": "media", "mime_type": "image/png", "file_uri": "gs://b/x"},
     {"type": "uri", "modality": "image", "mime_type": "image/png", "uri": "gs://b/x"}),
    ("google inline", {"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, PNG),
    # Bedrock.
    ("bedrock text", {"text": "hi"}, HI),
    ("bedrock image", {"image": {"format": "png", "source": {"bytes": RAW}}}, PNG),
    ("bedrock document", {"document": {"format": "pdf", "source": {"bytes": RAW}}}, PDF),
    ("bedrock video", {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://v"}}}},
     {"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "s3://v"}),
    ("bedrock result", {"toolResult": {"toolUseId": "t", "content": [{"text": "hi"}]}},
     answer("t", [HI])),
    ("bedrock mark", {"cachePoint": {"type": "default"}},
     {"type": "generic", "generic_type": "cachePoint"}),
]  # fmt: skip


@pytest.mark.parametrize(("block", "part"), [pair[1:] for pair in INPUTS],
                         ids=[pair[0] for pair in INPUTS])  # fmt: skip
def test_blocks_of_a_request(block: Any, part: Any) -> None:
    (message,) = input_messages([HumanMessage([block])], str)
    assert message == {"role": "user", "parts": [part]}
    # The same without LangChain's own translation, as where that fails.
    assert part_of(block, str) == part


WHY = {"type": "reasoning", "content": "why"}
USED = {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}}
CALLS: list[Any] = [{"name": "f", "args": {"a": 1}, "id": "t"}]
TOOL_USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}


def of(provider: str) -> dict[str, str]:
    return {"model_provider": provider}


REPLIES: list[tuple[str, BaseMessage, list[Any]]] = [
    ("tool calls", AIMessage("hi", tool_calls=CALLS), [HI, USED]),
    ("a call without an id", AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": None}]),
     [{"type": "tool_call", "id": None, "name": "f", "arguments": {}}]),
    ("a call that can't be parsed",
     AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{", "id": "t", "error": "e"}]),
     [{"type": "tool_call", "id": "t", "name": "f", "arguments": "{"}]),
    ("a merged stream",
     AIMessageChunk("hi", tool_call_chunks=[{"name": "f", "args": '{"a":1}', "id": "t",
                                             "index": 0}], chunk_position="last"), [HI, USED]),
    ("anthropic",
     AIMessage([{"type": "thinking", "thinking": "why", "signature": "s"},
                {"type": "text", "text": "hi"}, TOOL_USE],
               tool_calls=CALLS, response_metadata=of("anthropic")), [WHY, HI, USED]),
    ("anthropic, provider unknown",
     AIMessage([{"type": "thinking", "thinking": "why"}, {"type": "text", "text": "hi"}, TOOL_USE]),
     [WHY, HI, USED]),
    ("anthropic, encrypted", AIMessage([{"type": "redacted_thinking", "data": "x"}]),
     [{"type": "generic", "generic_type": "redacted_thinking"}]),
    ("openai, responses",
     AIMessage([{"type": "reasoning", "id": "r",
                 "summary": [{"type": "summary_text", "text": "why"}]},
                {"type": "text", "text": "hi", "annotations": []},
                {"type": "function_call", "call_id": "t", "id": "fc", "name": "f",
                 "arguments": '{"a":1}'}],
               tool_calls=CALLS, response_metadata=of("openai")), [WHY, HI, USED]),
    ("openai, refused", AIMessage([{"type": "refusal", "refusal": "hi"}],
                                  response_metadata=of("openai")), [HI]),
    ("openai, spoken",
     AIMessage("", additional_kwargs={"audio": {"data": "AAAA", "transcript": "hi"}}),
     [{"type": "blob", "modality": "audio", "content": "AAAA"}, HI]),
    ("reasoning beside the content",
     AIMessage("hi", additional_kwargs={"reasoning_content": "why"}), [WHY, HI]),
    ("bedrock",
     AIMessage([{"type": "reasoning_content", "reasoning_content": {"text": "why"}},
                {"type": "text", "text": "hi"}, TOOL_USE],
               tool_calls=CALLS, response_metadata=of("bedrock_converse")), [WHY, HI, USED]),
    ("google", AIMessage([{"type": "thinking", "thinking": "why"}, "hi"],
                         response_metadata=of("google_genai")), [WHY, HI]),
    ("standard blocks",
     AIMessage([{"type": "image", "base64": "AAAA", "mime_type": "image/png"},
                {"type": "tool_call", "id": "t", "name": "f", "args": {"a": 1}}],
               tool_calls=CALLS, response_metadata={"output_version": "v1"}), [PNG, USED]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "parts"), [pair[1:] for pair in REPLIES],
                         ids=[pair[0] for pair in REPLIES])  # fmt: skip
def test_replies(message: BaseMessage, parts: list[Any]) -> None:
    assert input_messages([message], str) == [{"role": "assistant", "parts": parts}]


@pytest.mark.parametrize("provider", ["anthropic", "unknown"])
def test_tools_of_the_provider(provider: str) -> None:
    message = AIMessage(
        [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
         {"type": "web_search_tool_result", "tool_use_id": "s",
          "content": [{"type": "web_search_result", "title": "T"}]}],
        response_metadata=of(provider),
    )  # fmt: skip
    (described,) = input_messages([message], str)
    call, result = described["parts"]
    assert (call["type"], call["id"], call["name"]) == ("server_tool_call", "s", "web_search")
    assert call["server_tool_call"]["type"] == "web_search"
    assert {"query": "q"} in call["server_tool_call"].values()
    assert (result["type"], result["id"]) == ("server_tool_call_response", "s")
    assert result["server_tool_call_response"]["output"][0]["title"] == "T"


def test_what_a_tool_answered() -> None:
    block: Any = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    for content, response in (("hi", "hi"), ([{"type": "text", "text": "hi"}, block], [HI, PNG])):
        message = ToolMessage(content, tool_call_id="t")
        assert input_messages([message], str) == [
            {"role": "tool", "parts": [answer("t", response)]}
        ]


def test_system_messages_that_come_first_are_instructions() -> None:
    first, second, later = SystemMessage("hi"), SystemMessage("hi"), SystemMessage("later")
    question = HumanMessage("x")
    leading, history = split_instructions([first, second, question, later])
    assert instructions(leading, str) == [HI, HI]
    assert [message["role"] for message in input_messages(history, str)] == ["user", "system"]
    assert split_instructions([first]) == ([first], ())
    assert split_instructions([question]) == ([], [question])
    (other,) = input_messages([ChatMessage("hi", role="developer")], str)
    assert other["role"] == "system"


def test_a_large_blob_is_named_with_its_size() -> None:
    large = base64.b64encode(b"\0" * MAX_BLOB).decode()
    part = part_of({"type": "image", "base64": large, "mime_type": "image/png"}, str)
    assert part == {
        "type": "generic", "generic_type": "blob", "modality": "image", "mime_type": "image/png",
        "size_bytes": MAX_BLOB,
    }  # fmt: skip


def test_an_address_keeps_its_credentials_to_itself() -> None:
    part = part_of({"type": "image", "url": "https://u:hunter2@e.org/a?sig=hunter2"}, str)
    assert part["uri"] == "https://e.org/a?sig=[redacted]"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "source", "data", "url", "image_url", "file", "id", "content",
                 "toolResult", "input", "summary", "reasoning", "value", "base64"]
            ),
            inner | st.sampled_from(["image", "file", "tool_use", "reasoning", "non_standard",
                                     "tool_result", "document", "server_tool_use"]),
            max_size=4,
        )
    ),
    max_leaves=10,
)  # fmt: skip


@given(JUNK)
@example({"file": None, "type": []})
def test_any_block_is_a_part(block: Any) -> None:
    part = part_of(block, str)
    assert isinstance(part["type"], str)
    if isinstance(block, str | dict):
        (message,) = input_messages([AIMessage([block], tool_calls=CALLS)], str)
        assert message["parts"][-1] == USED


DEFINED = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    "given",
    [
        {"tools": [{"type": "function", "function": {
            "name": "f", "description": "d", "parameters": {"type": "object"}}}]},
        {"tools": [DEFINED]},
        {"tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}]},
        {"functions": [{"name": "f", "description": "d", "parameters": {"type": "object"}}]},
        {"tools": [{"function_declarations": [
            {"name": "f", "description": "d", "parameters": {"type": "object"}}]}]},
        {"toolConfig": {"tools": [{"toolSpec": {
            "name": "f", "description": "d", "inputSchema": {"json": {"type": "object"}}}}]}},
    ],
    ids=["openai", "responses", "anthropic", "functions", "google", "bedrock"],
)  # fmt: skip
def test_tool_definitions(given: Any) -> None:
    assert tool_definitions(given, {}, str) == [DEFINED]
    assert tool_definitions({}, given, str) == [DEFINED]


def test_definitions_of_provider_tools() -> None:
    tools = [{"type": "web_search_20250305", "name": "web_search"}, {"google_search": {}},
             {"type": "mcp", "server_url": "https://e.org", "authorization": "x"}]  # fmt: skip
    assert tool_definitions({"tools": tools}, {}, str) == [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "google_search"},
        {"type": "mcp"},
    ]


def test_a_schema_may_have_a_password_but_not_its_value() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "password": {"type": "string", "description": "yours", "default": "hunter2"},
            "mode": {"anyOf": [{"const": "a"}, {"type": "null"}]},
        },
        "required": ["password"],
    }
    (defined,) = tool_definitions({"functions": [{"name": "f", "parameters": parameters}]}, {}, str)
    del parameters["properties"]["password"]["default"]  # type: ignore[index]  # a literal above
    assert defined["parameters"] == parameters


BLOCKS = st.dictionaries(
    st.sampled_from(
        ["type", "text", "source", "data", "url", "image_url", "file", "id", "content", "base64",
         "format", "mime_type", "source_type", "file_data", "bytes"]
    ),
    JUNK | st.text(alphabet="data:;,base64/text%f=x", max_size=20) | st.just("data:text/plain,%ff"),
    max_size=5,
)  # fmt: skip


@given(st.sampled_from(sorted(MEDIA)), BLOCKS)
def test_any_media_is_json_without_raw_bytes(kind: str, block: Any) -> None:
    part = media_part(kind, block, lambda _: "kept")
    text = json.dumps(part, allow_nan=False)
    assert part is None or part["type"] in {"text", "uri", "blob", "file", "generic"}
    if part is not None and part["type"] in {"text", "uri"}:
        # Whatever a person may read was shown to the filter.
        assert "kept" in text


TOOLS = st.dictionaries(
    st.sampled_from(
        ["type", "name", "description", "function", "toolSpec", "parameters", "input_schema",
         "properties", "items", "anyOf", "required", "default", "api_key", "enum", "json",
         "function_declarations", "$defs"]
    ),
    st.deferred(lambda: TOOLS | JUNK | st.lists(TOOLS | JUNK, max_size=2)),
    max_size=4,
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(TOOLS | JUNK, max_size=3), st.sampled_from(["tools", "functions", "toolConfig"]))
def test_any_tools_are_json_with_a_type(tools: list[Any], where: str) -> None:
    given_ = {where: {"tools": tools} if where == "toolConfig" else tools}
    found = tool_definitions(given_, {}, str)
    json.dumps(found, allow_nan=False)
    assert all(isinstance(tool["type"], str) for tool in found)
    assert found == tool_definitions({}, given_, str)


@given(st.lists(st.sampled_from([SystemMessage("s"), HumanMessage("h"), AIMessage("a")])))
def test_instructions_and_history_are_the_whole_request(messages: list[BaseMessage]) -> None:
    leading, history = split_instructions(messages)
    assert [*leading, *history] == messages
    assert all(isinstance(message, SystemMessage) for message in leading)
    assert not history or not isinstance(history[0], SystemMessage)
    assert len(instructions(leading, str)) == len(leading)
