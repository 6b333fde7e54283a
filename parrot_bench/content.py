"""What tells content in the stream of each mode, as its consumer is handed it.

Content is non-empty text, a tool-call chunk or a reasoning block; a final empty or usage-only
chunk is not. Each function takes one item of a stream and returns True for a chunk with
content, False for a chunk without, and None for an item that is no chunk at all, such as the
event of a start or an end. The table of modes says which function reads which mode's stream of a
chat model, :mod:`parrot_bench.runnables.fitting` that of another Runnable.
"""

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from parrot_bench.runnables.outputs import ai_messages


def of_message(item: Any) -> bool | None:
    """A message or a chunk of one: ``stream`` and ``astream``."""
    if not isinstance(item, BaseMessage):
        return None
    # The blocks are asked only where there is no text: they also hold the parts of tool calls,
    # and reasoning that a provider keeps beside the content.
    return bool(item.text) or any(map(_says_something, _blocks(item)))


def _blocks(message: BaseMessage) -> Iterable[Any]:
    try:
        return message.content_blocks
    except Exception:  # noqa: BLE001  # it parses what a provider sent, and some of it is odd
        return [block for block in message.content if isinstance(block, dict)]


def of_generation(item: Any) -> bool | None:
    """A ``ChatGenerationChunk``: the floors."""
    return of_message(getattr(item, "message", None))


def of_event(item: Any) -> bool | None:
    """An event of version v1 or v2; those of a model that the model calls are not its own."""
    if item["event"] != "on_chat_model_stream" or item.get("parent_ids"):
        return None
    return of_message(item["data"]["chunk"])


def of_block_event(item: Any) -> bool | None:
    """An event of version v3; it has none for a chunk without content.

    A block of text or of reasoning begins empty and says something with its deltas; a tool
    call begins with its name.
    """
    if item["event"] == "content-block-delta":
        return True
    if item["event"] == "content-block-start" and _says_something(item["content"]):
        return True
    return None


def of_patch(item: Any) -> bool | None:
    """A patch of ``astream_log``."""
    for operation in item.ops:
        if operation["path"] == "/streamed_output/-":
            return of_message(operation["value"])
    return None


# Of chains, agents and other Runnables ------------------------------------------------------


def of_output(item: Any) -> bool | None:
    """A chunk of a chain's output: a message, a text, or an object."""
    if isinstance(item, BaseMessage):
        return of_message(item)
    if isinstance(item, dict):
        return any(map(of_output, item.values()))
    return item is not None and item not in ("", [], ())


def of_update(item: Any) -> bool | None:
    """An update of a graph: its content is that of the AI messages that it brings."""
    said = [of_message(message) for message in ai_messages(item)]
    return any(said) if said else None


def of_pair(item: Any) -> bool | None:
    """A ``(chunk, metadata)`` of a graph's messages; those of tools are no content."""
    chunk, _ = item
    return of_message(chunk) if isinstance(chunk, AIMessage) else None


def of_any_event(item: Any) -> bool | None:
    """An event of version v1 or v2 of any model within."""
    if item["event"] == "on_llm_stream":
        return bool(getattr(item["data"]["chunk"], "text", item["data"]["chunk"]))
    if item["event"] != "on_chat_model_stream":
        return None
    return of_message(item["data"]["chunk"])


def of_any_block_event(item: Any) -> bool | None:
    """An event of version v3 of a model, or of a graph, which hands on those of its models."""
    if "method" not in item:
        return of_block_event(item)
    if item["method"] != "messages":
        return None
    said, _ = item["params"]["data"]
    if isinstance(said, BaseMessage):
        return of_message(said) if isinstance(said, AIMessage) else None
    return of_block_event(said)


def of_logged_output(item: Any) -> bool | None:
    """A patch of ``astream_log`` with a chunk of a chain's output."""
    return next(map(of_output, _logged(item)), None)


def of_logged_update(item: Any) -> bool | None:
    """A patch of ``astream_log`` with an update of a graph."""
    return next(map(of_update, _logged(item)), None)


def _logged(patch: Any) -> list[Any]:
    return [each["value"] for each in patch.ops if each["path"] == "/streamed_output/-"]


def _says_something(block: Any) -> bool:
    """Whether a content block has content; every kind but these two has by being there."""
    kind = block.get("type")
    return bool(block.get(kind)) if kind in ("text", "reasoning") else True
