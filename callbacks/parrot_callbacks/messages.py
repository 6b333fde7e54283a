"""LangChain messages -> the GenAI message JSON; used only while content capture is on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation

from parrot_callbacks.filtering import ContentFilter
from parrot_callbacks.parts import (
    Part,
    call_id,
    call_part,
    is_call,
    part_of,
    response_of,
)
from parrot_callbacks.reply import finish_reason_of

_ROLES: Final = {
    "human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool",
    "developer": "system",
    "HumanMessageChunk": "user", "AIMessageChunk": "assistant", "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool", "FunctionMessageChunk": "tool",
}  # fmt: skip


def input_messages(messages: Sequence[BaseMessage], keep: ContentFilter) -> list[Part]:
    """Describe the messages of a request, in their order."""
    return [{"role": _role(message), "parts": list(_parts(message, keep))} for message in messages]


def split_instructions(
    messages: Sequence[BaseMessage],
) -> tuple[Sequence[BaseMessage], Sequence[BaseMessage]]:
    """Split a request into the system messages that it begins with, and its history.

    LangChain has no other place for instructions, and its models give those first messages to
    providers separately where the provider wants it so. A system message further on is a part
    of the history.
    """
    for number, message in enumerate(messages):
        if not isinstance(message, SystemMessage):
            return messages[:number], messages[number:]
    return messages, ()


def instructions(messages: Sequence[BaseMessage], keep: ContentFilter) -> list[Part]:
    """Describe system messages as ``gen_ai.system_instructions``: parts without a role."""
    return [part for message in messages for part in _parts(message, keep)]


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
    for candidate in candidates:
        reason = finish_reason_of(candidate)
        message = getattr(candidate, "message", None) or AIMessage(candidate.text)
        part: Part = {"role": _role(message), "parts": list(_parts(message, keep))}
        if reason and not latest:
            part["finish_reason"] = reason
        described.append(part)
    return described


def text_message(role: str, text: str, keep: ContentFilter) -> list[Part]:
    """Describe a plain text as one message."""
    return [{"role": role, "parts": [{"type": "text", "content": keep(text)}]}]


def _role(message: BaseMessage) -> str:
    role = getattr(message, "role", None)
    role = role if isinstance(role, str) else message.type
    return _ROLES.get(role, role)


def _parts(message: BaseMessage, keep: ContentFilter) -> Iterator[Part]:
    if isinstance(message, ToolMessage):
        yield {
            "type": "tool_call_response",
            "id": message.tool_call_id,
            "response": response_of(message.content, keep),
        }
        return
    calls: list[Any] = [
        *(getattr(message, "tool_calls", None) or ()),
        *(getattr(message, "invalid_tool_calls", None) or ()),
    ]
    known = {call.get("id") for call in calls}
    for block in _blocks(message):
        # A call in the content of a provider's shape stands in tool_calls with its arguments
        # parsed; one that doesn't stand there is kept.
        if not (is_call(block) and calls and (call_id(block) or None) in known):
            yield part_of(block, keep)
    for call in calls:
        yield call_part(call, keep)


def _blocks(message: BaseMessage) -> Sequence[object]:
    """Return the content as LangChain's standard blocks, or else as it is."""
    content: Any = message.content
    if isinstance(content, str) and not message.additional_kwargs:
        return [content] if content else []
    try:
        # It also finds reasoning that models keep beside the content.
        blocks: list[object] = list(message.content_blocks)
    except Exception:  # noqa: BLE001 - it parses what a provider sent, and some of it is odd
        blocks = [content] if isinstance(content, str) else list(content)
    audio = message.additional_kwargs.get("audio")
    if isinstance(audio, Mapping):  # OpenAI's spoken replies
        blocks += [
            {"type": kind, key: audio[field]}
            for kind, key, field in (("audio", "base64", "data"), ("text", "text", "transcript"))
            if audio.get(field)
        ]
    return blocks
