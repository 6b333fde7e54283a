"""Values as plain JSON, every text of them seen by the user's filter."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from parrot_callbacks.redaction import (
    NAME_KEYS,
    REDACTED,
    is_credential,
    is_credential_pair,
    names_credential,
)

ContentFilter = Callable[[str], str]
"""Sees every text before it is recorded; returns what may be recorded instead."""

MAX_DEPTH: Final = 16
"""Values nested deeper are replaced by their type's name; it also ends cycles."""


def kept(value: object, keep: ContentFilter, depth: int = MAX_DEPTH) -> Any:
    """Turn any value into plain JSON, every text seen by the filter, credentials taken out.

    Args:
        value: Anything that a tool, a retriever or a chain may be given or return.
        keep: Sees every text, also the keys of mappings: ``{"Jane Doe": 42}``.
        depth: How many levels of containers are described.
    """
    if isinstance(value, str):
        return keep(str(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if value is None or isinstance(value, bool):
        return value
    return _container(value, keep, depth - 1) if depth > 0 else type(value).__name__


def _number(value: float) -> float | str:
    # JSON has no infinity, OTLP no integer of more than 64 bits.
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    return value if math.isfinite(value) else str(value)


def _container(value: object, keep: ContentFilter, depth: int) -> Any:
    if isinstance(value, Mapping):
        is_named = names_credential(value)
        return {
            keep(name): REDACTED
            if is_credential(name) or (is_named and name not in NAME_KEYS)
            else kept(item, keep, depth)
            for name, item in ((str(key), item) for key, item in value.items())
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        if is_credential_pair(items):
            return [keep(str(items[0])), REDACTED]
        return [kept(item, keep, depth) for item in items]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return kept(fields, keep, depth)
    if isinstance(value, BaseModel):
        # Its attributes and not its dump: a dump has no SecretStr to tell by any more.
        return kept(dict(value), keep, depth)
    return type(value).__name__
