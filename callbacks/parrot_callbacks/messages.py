"""LangChain messages -> the GenAI message JSON; used only while content capture is on."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation

from parrot_callbacks.reply import finish_reasons

ContentFilter = Callable[[str], str]
"""Sees every text before it is recorded; returns what may be recorded instead."""

Part = dict[str, Any]

_ROLES: Final = {
    "human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool",
    "HumanMessageChunk": "user", "AIMessageChunk": "assistant", "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool", "FunctionMessageChunk": "tool",
}  # fmt: skip
_MODALITIES: Final = {"image", "audio", "video"}


def to_json(messages: Sequence[Part]) -> str:
    """Write compact JSON, for span attributes; what JSON doesn't have is its type's name."""
    return json.dumps(
        messages,
        separators=(",", ":"),
        ensure_ascii=False,
        default=lambda item: type(item).__name__,
    )


def to_structure(messages: Sequence[Part]) -> Any:
    """Return plain lists, mappings and scalars, for events: those take no JSON texts."""
    return json.loads(to_json(messages))


def input_messages(messages: Sequence[BaseMessage], keep: ContentFilter) -> list[Part]:
    """Describe the messages of a request, the system's included, in their order."""
    return [{"role": _role(message), "parts": list(_parts(message, keep))} for message in messages]


def output_messages(
    candidates: Sequence[Generation | ChatGeneration], keep: ContentFilter, *, latest: bool
) -> list[Part]:
    """Describe the candidates of a reply.

    Args:
        candidates: The candidates of one prompt.
        keep: Sees every text.
        latest: Follow main, which has finish reasons on the span only. The release has each
            candidate's in its message, too.
    """
    described = []
    for candidate, reason in zip(candidates, finish_reasons(candidates), strict=True):
        message = getattr(candidate, "message", None) or AIMessage(candidate.text)
        part: Part = {"role": _role(message), "parts": list(_parts(message, keep))}
        if reason and not latest:
            part["finish_reason"] = reason
        described.append(part)
    return described


def prompt_message(prompt: str, keep: ContentFilter) -> list[Part]:
    """Describe the prompt of a model that isn't a chat model."""
    return [{"role": "user", "parts": [{"type": "text", "content": keep(prompt)}]}]


def _role(message: BaseMessage) -> str:
    role = getattr(message, "role", None)
    return role if isinstance(role, str) else _ROLES.get(message.type, message.type)


def _parts(message: BaseMessage, keep: ContentFilter) -> Iterator[Part]:
    if isinstance(message, ToolMessage):
        yield {
            "type": "tool_call_response",
            "id": message.tool_call_id,
            "response": _kept(message.content, keep),
        }
        return
    content: Any = message.content
    if isinstance(content, str):
        if content:
            yield {"type": "text", "content": keep(content)}
    else:
        for block in content:
            part = _part(block, keep)
            if part is not None:
                yield part
    for call in getattr(message, "tool_calls", None) or ():
        yield {
            "type": "tool_call",
            "id": call.get("id"),
            "name": call.get("name", ""),
            "arguments": _kept(call.get("args"), keep),
        }


def _part(  # noqa: PLR0911 - one return a kind of part
    block: object, keep: ContentFilter
) -> Part | None:
    if isinstance(block, str):
        return {"type": "text", "content": keep(block)}
    if not isinstance(block, Mapping):
        return None
    kind = str(block.get("type", ""))
    if kind in {"text", "text-plain", "output_text"}:
        return {"type": "text", "content": keep(str(block.get("text", "")))}
    if kind in {"reasoning", "thinking"}:
        text = block.get("reasoning") or block.get("thinking") or ""
        return {"type": "reasoning", "content": keep(str(text))}
    if kind in {"tool_call", "tool_call_chunk", "tool_use", "function_call"}:
        return None  # the same calls stand in the message's tool_calls
    modality = kind.removesuffix("_url").removeprefix("input_")
    if modality in _MODALITIES or kind == "file":
        # Media itself would make spans of megabytes: only where it is, or that it was there.
        place = block.get("url") or block.get("image_url")
        place = place.get("url") if isinstance(place, Mapping) else place
        if isinstance(place, str) and not place.startswith("data:"):
            return {"type": "uri", "modality": modality, "uri": keep(place)}
        if block.get("file_id"):
            return {"type": "file", "modality": modality, "file_id": str(block["file_id"])}
        return {"type": "generic", "generic_type": kind}
    return {"type": "generic", "generic_type": kind or "unknown"}


def _kept(value: object, keep: ContentFilter) -> Any:
    """Pass every text inside a value through the filter."""
    if isinstance(value, str):
        return keep(value)
    if isinstance(value, Mapping):
        return {str(key): _kept(item, keep) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_kept(item, keep) for item in value]
    return value
