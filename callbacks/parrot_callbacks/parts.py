"""LangChain content blocks -> parts of GenAI messages: pure functions.

A block comes in one of many shapes: LangChain's standard blocks of version 1 and 0, and what
OpenAI, Anthropic, Google and Bedrock call the same things. They are told apart by their keys.
Shapes of the parts: the JSON schemas of ``semantic-conventions-genai``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from parrot_callbacks.filtering import ContentFilter, kept
from parrot_callbacks.media import MEDIA, media_part

Part = dict[str, Any]
Block = Mapping[str, Any]

_TEXT: Final = {"text", "output_text", "input_text", "summary_text"}
_REASONING: Final = {"reasoning", "thinking", "redacted_thinking", "reasoning_content"}
_CALLS: Final = {
    "tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call",
    "custom_tool_call",
}  # fmt: skip
_SERVER_CALLS: Final = {
    "server_tool_call", "server_tool_call_chunk", "server_tool_use", "web_search_call",
    "file_search_call", "code_interpreter_call", "computer_call", "image_generation_call",
    "mcp_call", "executable_code",
}  # fmt: skip
_SERVER_RESULTS: Final = {
    "server_tool_result", "web_search_tool_result", "web_fetch_tool_result",
    "code_execution_tool_result", "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result", "mcp_tool_result", "code_execution_result",
}  # fmt: skip
# Google and Bedrock name a block by its one key instead of a type.
_BY_KEY: Final = {
    "text": "text", "reasoningContent": "reasoning", "reasoning_content": "reasoning",
    "toolUse": "tool_use", "functionCall": "tool_use", "function_call": "tool_use",
    "toolResult": "tool_result", "functionResponse": "tool_result",
    "function_response": "tool_result",
    "image": "image", "audio": "audio", "video": "video", "document": "document",
    "inlineData": "media", "inline_data": "media", "fileData": "media", "file_data": "media",
}  # fmt: skip


def part_of(block: object, keep: ContentFilter) -> Part:
    """Describe one block of a message's content.

    Args:
        block: A text, or a block in any of the known shapes.
        keep: Sees every text.

    Returns:
        A part; of a shape that nobody knows, ``generic`` with its type's name and no content.
    """
    if isinstance(block, str):
        return {"type": "text", "content": keep(block)}
    if not isinstance(block, Mapping):
        return {"type": "generic", "generic_type": type(block).__name__}
    inner = block.get("value")
    return _described(
        inner if block.get("type") == "non_standard" and isinstance(inner, Mapping) else block, keep
    )


def _described(block: Block, keep: ContentFilter) -> Part:
    kind = block.get("type")
    if not isinstance(kind, str):
        names = (known for key, known in _BY_KEY.items() if key in block)
        kind = next(names, str(next(iter(block), "unknown")))
    for kinds, describe in _DESCRIBED:
        if kind in kinds:
            part = describe(kind, block, keep)
            return {"type": "generic", "generic_type": kind} if part is None else part
    return {"type": "generic", "generic_type": kind}


def call_part(call: Block, keep: ContentFilter) -> Part:
    """Describe a tool call: LangChain's own, OpenAI's, Anthropic's or Google's."""
    inner = next(
        (
            call[key]
            for key in ("toolUse", "functionCall", "function_call", "function")
            if isinstance(call.get(key), Mapping)
        ),
        call,
    )
    arguments = next(
        (inner[key] for key in ("args", "arguments", "input") if inner.get(key) is not None), None
    )
    return {
        "type": "tool_call",
        "id": call_id(call) or None,
        "name": str(inner.get("name") or ""),
        "arguments": kept(arguments, keep),
    }


def call_id(block: Block) -> str:
    """Return the id of a tool call in any shape, or ""."""
    inner = block.get("toolUse")
    if isinstance(inner, Mapping):
        block = inner
    # OpenAI's responses have an item's "id" besides; the call is known by its "call_id".
    found = block.get("call_id") or block.get("id") or block.get("toolUseId")
    return str(found) if found else ""


def is_call(block: object) -> TypeGuard[Block]:
    """Whether a block is a tool call, which stands among the message's ``tool_calls``, too."""
    if not isinstance(block, Mapping):
        return False
    kind = block.get("type")
    if isinstance(kind, str):
        return kind in _CALLS
    return "toolUse" in block or "functionCall" in block


def _text(_kind: str, block: Block, keep: ContentFilter) -> Part:
    return {"type": "text", "content": keep(str(block.get("text", "")))}


def _refusal(_kind: str, block: Block, keep: ContentFilter) -> Part:
    return {"type": "text", "content": keep(str(block.get("refusal", "")))}


def _reasoning(_kind: str, block: Block, keep: ContentFilter) -> Part | None:
    text = "".join(_reasoning_texts(block))
    # What a provider has encrypted has no text.
    return {"type": "reasoning", "content": keep(text)} if text else None


def _reasoning_texts(block: Block) -> Iterator[str]:
    for key in ("reasoning", "thinking", "reasoning_content", "reasoningContent",
                "reasoningText", "reasoning_text", "text"):  # fmt: skip
        value = block.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _reasoning_texts(value)
    summary = block.get("summary")  # OpenAI's responses: a list of texts
    for item in summary if isinstance(summary, list) else ():
        if isinstance(item, Mapping):
            yield from _reasoning_texts(item)


def _tool_call(_kind: str, block: Block, keep: ContentFilter) -> Part:
    return call_part(block, keep)


def _tool_result(_kind: str, block: Block, keep: ContentFilter) -> Part:
    inner = next(
        (
            block[key]
            for key in ("toolResult", "functionResponse", "function_response")
            if isinstance(block.get(key), Mapping)
        ),
        block,
    )
    identity = next(
        (inner[key] for key in ("tool_use_id", "toolUseId", "call_id", "id") if inner.get(key)),
        None,
    )
    response = next((inner[key] for key in ("content", "output", "response") if key in inner), None)
    return {"type": "tool_call_response", "id": identity, "response": response_of(response, keep)}


def response_of(content: object, keep: ContentFilter) -> Any:
    """Describe what a tool answered: a text, parts, or any other value."""
    if isinstance(content, list) and any(
        isinstance(item, Mapping) and ("type" in item or not _BY_KEY.keys().isdisjoint(item))
        for item in content
    ):
        return [part_of(item, keep) for item in content]
    return kept(content, keep)


def _server_call(kind: str, block: Block, keep: ContentFilter) -> Part:
    name = block.get("name") or kind.removesuffix("_call")
    arguments = {
        key: block[key] for key in ("args", "input", "action", "arguments", "queries", "code")
        if block.get(key)
    }  # fmt: skip
    part = {
        "type": "server_tool_call",
        "name": str(name),
        "server_tool_call": {"type": str(name), **kept(arguments, keep)},
    }
    return _with_id(part, block.get("id"))


def _server_result(kind: str, block: Block, keep: ContentFilter) -> Part:
    output = next((block[key] for key in ("output", "content") if key in block), None)
    part = {
        "type": "server_tool_call_response",
        "server_tool_call_response": {"type": kind, "output": kept(output, keep)},
    }
    return _with_id(part, block.get("tool_call_id") or block.get("tool_use_id"))


def _with_id(part: Part, identity: object) -> Part:
    return {**part, "id": str(identity)} if identity else part


_DESCRIBED: Final[tuple[tuple[Any, Callable[[str, Block, ContentFilter], Part | None]], ...]] = (
    (_TEXT, _text),
    ({"refusal"}, _refusal),
    (_REASONING, _reasoning),
    (_CALLS, _tool_call),
    ({"tool_result", "function_call_output"}, _tool_result),
    (_SERVER_CALLS, _server_call),
    (_SERVER_RESULTS, _server_result),
    (MEDIA, media_part),
)
