"""What replies say of the tokens that they took."""

from collections.abc import Iterable
from typing import Any


def output_tokens(messages: Iterable[Any]) -> int | None:
    """Output tokens of all replies together; None where one has no usage."""
    return _together(messages, "output_tokens")


def input_tokens(messages: Iterable[Any]) -> int | None:
    """Tokens of all their prompts together; None where one has no usage."""
    return _together(messages, "input_tokens")


def _together(messages: Iterable[Any], name: str) -> int | None:
    usage = [getattr(message, "usage_metadata", None) for message in messages]
    if not usage or not all(usage):
        return None
    return sum(int(each[name]) for each in usage if each)
