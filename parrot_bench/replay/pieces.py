"""One chunk of a reply as a JSON object and back, at the level of ``_stream``. Pure.

Everything that the model put into a chunk is kept, two things aside: credentials in the metadata,
and values that JSON doesn't have. Both are left out, and their places are named.
"""

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk

from parrot_callbacks.redaction import (
    NAME_KEYS,
    is_credential,
    is_credential_pair,
    names_credential,
    redact_text,
)

MAX_DEPTH: Final = 32
"""Values nested deeper are left out; it also ends cycles."""

_SEARCHED: Final = ("response_metadata", "generation_info")
"""What clients put in beside the reply: headers may be among it. The reply itself is kept."""

_REPLY_AGAIN: Final = "logprobs"
"""Metadata that has the reply's own words in it, under names such as ``token``."""

_DERIVED: Final = frozenset({"type", "tool_calls", "invalid_tool_calls"})
"""What a chunk's class makes of its other fields."""

_NOTHING: Final = object()

_BLANK: Final = AIMessageChunk(content="")


def chunk_as_json(chunk: ChatGenerationChunk) -> tuple[dict[str, Any], list[str]]:
    """Turn a chunk into a JSON object that has what differs from an empty chunk.

    Returns:
        The object, and the places of what was left out, such as ``response_metadata.headers``.

    Raises:
        TypeError: It is no chunk of an AI's reply.
    """
    message = chunk.message
    if not isinstance(message, AIMessageChunk):
        raise TypeError(f"a chunk of type {type(message).__qualname__} is none of an AI's reply")
    left_out = list(message.model_extra or {})
    given: dict[str, Any] = {"content": message.content}
    given |= {
        name: value
        for name, value in vars(message).items()
        if name not in _DERIVED and value != getattr(_BLANK, name)
    }
    if chunk.generation_info is not None:
        given["generation_info"] = chunk.generation_info
    found = {}
    for name, value in given.items():
        kept = _kept(value, name, left_out, MAX_DEPTH, searched=name in _SEARCHED)
        if kept is not _NOTHING:
            found[name] = kept
    return found, left_out


def whole_as_chunk(message: BaseMessage, info: dict[str, Any] | None) -> ChatGenerationChunk:
    """Make one chunk of a reply that came in one piece.

    Of a chunk, LangChain completes a tool call whose JSON is broken off; all else stays as it is.

    Args:
        message: The reply.
        info: Its ``generation_info``.

    Raises:
        TypeError: It is no AI's reply.
    """
    if not isinstance(message, AIMessage):
        raise TypeError(f"a reply of type {type(message).__qualname__} is none of an AI")
    given = {name: value for name, value in vars(message).items() if name != "type"}
    given.setdefault("chunk_position", "last")
    return ChatGenerationChunk(message=AIMessageChunk(**given), generation_info=info)


def _kept(value: object, place: str, left_out: list[str], depth: int, *, searched: bool) -> Any:
    """A value as JSON has it; ``_NOTHING`` where it is left out, which is noted."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, place, left_out, searched=searched)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return int(value) if isinstance(value, int) else float(value)
    if depth and isinstance(value, Mapping):
        return _mapping(value, place, left_out, depth - 1, searched=searched)
    if depth and isinstance(value, list | tuple):
        return _items(value, place, left_out, depth - 1, searched=searched)
    left_out.append(place)
    return _NOTHING


def _text(value: str, place: str, left_out: list[str], *, searched: bool) -> str:
    text = str.__str__(value)  # not the name that an enumeration gives itself
    shown = redact_text(text) if searched else text
    if shown != text:
        left_out.append(place)
    return shown


def _items(
    value: Sequence[object], place: str, left_out: list[str], depth: int, *, searched: bool
) -> list[Any]:
    pair = searched and is_credential_pair(value)
    items = []
    for number, item in enumerate(value):
        here = f"{place}[{number}]"
        if pair and number:
            left_out.append(here)
            kept = _NOTHING
        else:
            kept = _kept(item, here, left_out, depth, searched=searched)
        # The items after it keep their places.
        items.append(None if kept is _NOTHING else kept)
    return items


def _mapping(
    value: Mapping[Any, object], place: str, left_out: list[str], depth: int, *, searched: bool
) -> dict[str, Any]:
    named = searched and names_credential(value)
    found = {}
    for key, item in value.items():
        here = f"{place}.{key}"
        name = str.__str__(key) if isinstance(key, str) else None
        # A count of tokens is none, whatever it is called.
        secret = (
            searched
            and name is not None
            and not isinstance(item, int | float | None)
            and (is_credential(name) or (named and name not in NAME_KEYS))
        )
        if name is None or secret:
            left_out.append(here)
            continue
        deeper = searched and name != _REPLY_AGAIN
        kept = _kept(item, here, left_out, depth, searched=deeper)
        if kept is not _NOTHING:
            found[name] = kept
    return found


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk that can be handed out over and over.

    LangChain writes into the chunks that a model gives it (``id``, ``response_metadata``, indices
    of blocks), so that each call has to have its own.

    Attributes:
        at_ns: When it came, nanoseconds after the call began.
        given: The message's fields that are not an empty chunk's.
        generation_info: Of the chunk around it.
        text: Its text.
        blank: What it is a copy of, shared by all of the same form.
    """

    at_ns: int
    given: Mapping[str, Any]
    generation_info: dict[str, Any] | None
    text: str
    blank: tuple[ChatGenerationChunk, AIMessageChunk]

    def chunk(self) -> ChatGenerationChunk:
        """Make the chunk: equal to the one that was recorded, and nobody else's.

        A shallow copy of an empty one, filled: validating it anew takes twice as long.
        """
        chunk, message = self.blank
        chunk, message = copy(chunk), copy(message)
        fields = vars(message)
        fields.update(
            additional_kwargs={},
            response_metadata={},
            tool_calls=[],
            invalid_tool_calls=[],
            tool_call_chunks=[],
        )
        for name, value in self.given.items():
            fields[name] = value if type(value) is str else _again(value)
        fields = vars(chunk)
        fields["text"], fields["message"] = self.text, message
        if self.generation_info is not None:
            fields["generation_info"] = _again(self.generation_info)
        return chunk


def piece_of(at_ns: int, given: Mapping[str, Any]) -> Piece:
    """Read a chunk from its JSON object.

    Args:
        at_ns: When it came, nanoseconds after the call began.
        given: The object, as :func:`chunk_as_json` makes it.

    Raises:
        ValueError: It is none.
    """
    fields = {name: value for name, value in given.items() if name != "generation_info"}
    unknown = fields.keys() - AIMessageChunk.model_fields.keys() | fields.keys() & _DERIVED
    if "content" not in fields or unknown:
        raise ValueError("a chunk has content and fields of LangChain's AIMessageChunk")
    try:
        # Whatever LangChain makes of it: tool calls of their chunks, the text of content blocks.
        made = ChatGenerationChunk(
            message=AIMessageChunk(**fields), generation_info=given.get("generation_info")
        )
    except Exception as error:  # validators fail in many ways, and some repeat what they were given
        raise ValueError("a chunk is none that LangChain's AIMessageChunk takes") from error
    message = vars(made.message)
    kept = {
        name: value
        for name, value in message.items()
        if name in fields or value != getattr(_BLANK, name)
    }
    kept.pop("type", None)
    return Piece(at_ns, kept, made.generation_info, made.text, _empty(frozenset(kept)))


def own(generation: ChatGeneration) -> ChatGeneration:
    """A copy of a reply in one piece that shares nothing that could be written into."""
    made, message = copy(generation), copy(generation.message)
    fields = vars(message)
    for name, value in fields.items():
        if isinstance(value, dict | list):
            fields[name] = _again(value)
    vars(made).update(generation_info=_again(generation.generation_info), message=message)
    return made


@lru_cache(maxsize=256)
def _empty(names: frozenset[str]) -> tuple[ChatGenerationChunk, AIMessageChunk]:
    """An empty chunk and its message, which know that these fields of it were set."""
    message = AIMessageChunk.model_construct(_fields_set=set(names), **vars(_BLANK))
    return ChatGenerationChunk(message=message), message


def _again(value: Any) -> Any:
    """A deep copy of what JSON can be."""
    if type(value) is dict:
        return {key: _again(item) for key, item in value.items()}
    if type(value) is list:
        return [_again(item) for item in value]
    return value
