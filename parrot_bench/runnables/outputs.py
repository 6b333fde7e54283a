"""What a Runnable's output says, read as one AI message: text, tool calls, tokens. Pure.

A chat model answers with a message; a chain may answer with a text or an object, a graph with its
state. Whoever compares replies or counts tokens is given a message in every case.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import reduce
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    BaseMessageChunk,
    message_chunk_to_message,
)
from langchain_core.messages.ai import UsageMetadata, add_usage
from pydantic import BaseModel

GIVEN = "parrot-bench-given"
"""The beginning of the ids of AI messages that were part of a prompt: they are no reply."""

_DEEPEST = 6
"""How deep AI messages are looked for in an output."""


def reply_of(output: Any) -> AIMessage:
    """Read an output as one message.

    Args:
        output: Whatever a call returned. Of a graph's state, or a list of messages, the AI messages
            are the reply, one after the other, but for those that were given with the prompt.

    Returns:
        A message with the text, the tool calls and the tokens of all AI messages that are in the
        output; its usage is None where one of them has none, or there is none. An output that is
        no message is written as JSON.
    """
    output = whole(output)
    if isinstance(output, BaseMessage):
        return cast(AIMessage, output)
    said = list(ai_messages(output))
    messages = _messages_of_state(output)
    if messages is not None:
        text = "\n".join(message.text for message in said if message.text)
        calls = [call for message in said for call in message.tool_calls]
    else:
        text, calls = output if isinstance(output, str) else _as_json(output), []
    return AIMessage(content=text, tool_calls=calls, usage_metadata=total_usage(said))


def whole(output: Any) -> Any:
    """The message that a chunk stands for; anything else as it is."""
    return message_chunk_to_message(output) if isinstance(output, BaseMessageChunk) else output


def ai_messages(output: Any, *, depth: int = 0) -> Iterator[AIMessage]:
    """The AI messages in an output, in order, those of the prompt left out."""
    if isinstance(output, AIMessage):
        if not (output.id or "").startswith(GIVEN):
            yield output
    elif depth < _DEEPEST and not isinstance(output, str | bytes):
        for part in _parts(output):
            yield from ai_messages(part, depth=depth + 1)


def total_usage(messages: Sequence[AIMessage]) -> UsageMetadata | None:
    """Tokens of all messages together; None where one says nothing, or there is none."""
    usage = [message.usage_metadata for message in messages]
    known = [each for each in usage if each]
    return reduce(add_usage, known) if known and len(known) == len(usage) else None


# What a stream's items amount to ------------------------------------------------------------


def joined(chunks: Sequence[Any]) -> Any:
    """What chunks add up to, as LangChain adds them: those that can't be added replace each other.

    Raises:
        IndexError: There is none.
    """
    first, *others = chunks
    if isinstance(first, BaseMessageChunk):
        # A chunk takes a whole list at once; one after the other is quadratic in the length.
        return first + others if others else first
    if all(isinstance(chunk, str) for chunk in chunks):
        return "".join(chunks)
    return reduce(_added, others, first)


def _added(so_far: Any, chunk: Any) -> Any:
    try:
        return so_far + chunk
    except TypeError:
        return chunk


def updated(chunks: Iterable[Any]) -> Any:
    """The AI messages of a graph's updates; of a graph that has none, the values that it set."""
    items = list(chunks)
    said = {message.id or id(message): message for message in ai_messages(items)}
    if said:
        return list(said.values())
    updates = [each for item in items if isinstance(item, Mapping) for each in item.values()]
    return {k: v for update in updates if isinstance(update, Mapping) for k, v in update.items()}


def of_pairs(pairs: list[tuple[Any, Any]]) -> list[AIMessage]:
    """The reply of a graph that told its messages; none where there were none."""
    return [reply_of(told_apart(pairs))] if pairs else []


def told_apart(pairs: Iterable[tuple[Any, Any]]) -> list[AIMessage]:
    """The AI messages of ``(chunk, metadata)`` pairs: chunks of one id are one message."""
    chunks: dict[Any, list[Any]] = {}
    for chunk, _ in pairs:
        if isinstance(chunk, AIMessage) and not (chunk.id or "").startswith(GIVEN):
            chunks.setdefault(chunk.id, []).append(chunk)
    return [cast(AIMessage, whole(joined(each))) for each in chunks.values()]


def final_output(events: Sequence[Any]) -> list[Any]:
    """The output of the outermost run in events of version v1 or v2; none if it did not end."""
    ends = [
        _completed(event["data"].get("output"))
        for event in events
        if event["event"].endswith("_end") and event["run_id"] == events[0]["run_id"]
    ]
    return ends[-1:]


def _completed(output: Any) -> Any:
    """The text of a text completion model, whose events have all of its result."""
    match output:
        case {"generations": [[{"text": str(text)}, *_], *_]}:
            return text
    return output


def updates_in(events: Sequence[Any]) -> list[Any]:
    """The chunks of the outermost run in events of version v1."""
    return [
        event["data"]["chunk"]
        for event in events
        if event["event"] == "on_chain_stream" and event["run_id"] == events[0]["run_id"]
    ]


def streamed_output(patches: Iterable[Any]) -> list[Any]:
    """The chunks of the outermost run in patches of ``astream_log``."""
    return [
        operation["value"]
        for patch in patches
        for operation in patch.ops
        if operation["path"] == "/streamed_output/-"
    ]


# How an output is read ----------------------------------------------------------------------


def _messages_of_state(output: Any) -> list[BaseMessage] | None:
    """The messages of a list of them, or of a state that has one; None where it is neither."""
    found = output.get("messages") if isinstance(output, Mapping) else output
    if not isinstance(found, list) or not found:
        return None
    return found if all(isinstance(each, BaseMessage) for each in found) else None


def _parts(output: Any) -> Iterable[Any]:
    if isinstance(output, Mapping):
        return output.values()
    if isinstance(output, list | tuple | set | frozenset):
        return output
    if isinstance(output, BaseModel) and not isinstance(output, BaseMessage):
        return vars(output).values()
    if is_dataclass(output) and not isinstance(output, type):
        return vars(output).values() if hasattr(output, "__dict__") else ()
    return ()


def _as_json(output: Any) -> str:
    return json.dumps(output, default=_plain, sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """What is compared of a value that JSON does not know: nothing that changes by itself."""
    if isinstance(value, BaseMessage):
        calls = getattr(value, "tool_calls", None) or []
        return [value.text, *([call["name"], call["args"]] for call in calls)]
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    # Not its repr, which often has an address in it.
    has_text = "__str__" in {name for cls in type(value).__mro__[:-1] for name in vars(cls)}
    return str(value) if has_text else type(value).__qualname__
