"""What replies say of the tokens that they took."""

from collections.abc import Iterable
from typing import Any


def output_tokens(messages: Iterable[Any]) -> int | None:
    """Output tokens of all replies together; None where one has no usage."""
    usage = [getattr(message, "usage_metadata", None) for message in messages]
    if not usage or not all(usage):
        return None
    return sum(int(each["output_tokens"]) for each in usage if each)
