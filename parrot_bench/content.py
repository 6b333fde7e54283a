"""What tells content in the stream of each mode, as its consumer is handed it.

Content is non-empty text, a tool-call chunk or a reasoning block; a final empty or usage-only
chunk is not. Each function takes one item of a stream and returns True for a chunk with
content, False for a chunk without, and None for an item that is no chunk at all, such as the
event of a start or an end. The table of modes says which function reads which mode's stream.
"""

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import BaseMessage


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


def _says_something(block: Any) -> bool:
    """Whether a content block has content; every kind but these two has by being there."""
    kind = block.get("type")
    return bool(block.get(kind)) if kind in ("text", "reasoning") else True
