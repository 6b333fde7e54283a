"""What a run was given and has answered, taken out of what it raised: pure functions.

Errors like to repeat content: "could not parse: …", "no city called …". The text of an
exception is a part of every failed span, content capture or not. So whatever of it is known
to be content is replaced. It isn't guessed: an error that says something else is kept.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import Generation, LLMResult
from langchain_core.prompt_values import PromptValue
from pydantic import BaseModel

WITHHELD: Final = "[content]"
"""What stands in the place of content."""
MAX_CONTENT: Final = 1_000_000
"""Characters of content that are looked for; beyond, the whole text is withheld."""

_SHORTEST: Final = 3
_WHOLE_WORDS_BELOW: Final = 8
_WINDOW: Final = 6
_SHORTEST_FRAGMENT: Final = 12
_MAX_DEPTH: Final = 8
# A pydantic error shows the rejected value; a tool's arguments are checked by pydantic.
_PYDANTIC_INPUT: Final = re.compile(r"input_value=.*?, input_type=", re.DOTALL)


def without_content(text: str, given: Iterable[object], *, fragments: bool = True) -> str:
    """Replace content in a text.

    Args:
        text: What an exception says.
        given: Messages, results, documents and other values that hold content.
        fragments: Also replace pieces of content, of twelve characters and more: errors
            shorten what they repeat. Shorter ones are known as whole texts only.
    """
    text = _PYDANTIC_INPUT.sub(f"input_value={WITHHELD}, input_type=", text)
    texts = sorted(set(_texts(given, _MAX_DEPTH)), key=len, reverse=True)
    if sum(map(len, texts)) > MAX_CONTENT:
        return WITHHELD
    forms = [form for said in texts for form in _forms(said)]
    for form in forms:
        if form in text:
            text = _replaced(text, form)
    return _without_fragments(text, "\n".join(forms)) if fragments else text


def _forms(said: str) -> Iterator[str]:
    yield said
    yield from {repr(said)[1:-1], json.dumps(said)[1:-1]} - {said}


def _replaced(text: str, form: str) -> str:
    if len(form) >= _WHOLE_WORDS_BELOW:
        return text.replace(form, WITHHELD)
    return re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", WITHHELD, text)


def _without_fragments(text: str, content: str) -> str:
    """Replace every run of characters that also stands in the content.

    Windows side by side are looked up; a run of twice their length holds a whole one.
    """
    pieces = []
    done = 0
    start = 0
    while start + _WINDOW <= len(text):
        if text[start : start + _WINDOW] not in content:
            start += _WINDOW
            continue
        left, right = start, start + _WINDOW
        while left > done and text[left - 1 : right] in content:
            left -= 1
        while right < len(text) and text[left : right + 1] in content:
            right += 1
        if right - left >= _SHORTEST_FRAGMENT:
            pieces += [text[done:left], WITHHELD]
            done = start = right
        else:
            start += _WINDOW
    return "".join([*pieces, text[done:]])


def _texts(value: object, depth: int) -> Iterator[str]:
    """Yield every text in a value that may be content."""
    if isinstance(value, str):
        value = value.strip()
        if len(value) >= _SHORTEST:
            yield value
    elif isinstance(value, int | float):
        # A number of an account, not a small count.
        if not isinstance(value, bool) and len(str(value)) > _SHORTEST:
            yield str(value)
    elif depth > 0:
        for inner in _inner(value):
            yield from _texts(inner, depth - 1)


def _inner(value: Any) -> Iterable[object]:  # noqa: PLR0911 - one return a kind of container
    if isinstance(value, Mapping):
        return [item for key, item in value.items() if key != "type"]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, BaseMessage):
        return [
            value.content,
            value.additional_kwargs,
            [call.get("args") for call in getattr(value, "tool_calls", None) or ()],
            [call.get("args") for call in getattr(value, "invalid_tool_calls", None) or ()],
        ]
    if isinstance(value, LLMResult):
        return value.generations
    if isinstance(value, Generation):
        return [value.text, getattr(value, "message", None)]
    if isinstance(value, PromptValue):
        return value.to_messages()
    if isinstance(value, Document):
        return [value.page_content, value.metadata]
    if isinstance(value, BaseModel):
        return value.__dict__.values()
    return ()
