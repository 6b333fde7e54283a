"""JSON that still is JSON where the SDK cuts long attribute values: pure functions.

The SDK cuts a text at OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT wherever that falls. So what is too
long is made shorter before: texts first, the longest most, then the oldest messages.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

_TEXT_CAPS: Final = (4096, 1024, 256, 64, 16)
_CUT: Final = "…"
# What says how to read the rest.
_NAMES: Final = {"type", "role", "modality", "mime_type", "generic_type", "finish_reason", "id",
                 "file_id"}  # fmt: skip


def fitting_json(value: object, limit: int | None) -> str | None:
    """Write a value as compact JSON of at most ``limit`` characters.

    Args:
        value: Plain lists, mappings and scalars.
        limit: Longest text, in characters; None for any.

    Returns:
        JSON; None where not even the last item, with its texts cut, is short enough.
    """
    text = _json(value)
    if limit is None or len(text) <= limit:
        return text
    short = value
    for cap in _TEXT_CAPS:
        short = _shortened(value, cap)
        text = _json(short)
        if len(text) <= limit:
            return text
    if isinstance(short, list):
        for first in range(1, len(short)):
            text = _json(short[first:])
            if len(text) <= limit:
                return text
    return None


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _shortened(value: object, cap: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= cap else value[: cap - 1] + _CUT
    if isinstance(value, list):
        return [_shortened(item, cap) for item in value]
    if isinstance(value, Mapping):
        if value.get("type") == "blob" and len(str(value.get("content", ""))) > cap:
            # A part of base64 is no image any more.
            kept = {key: item for key, item in value.items() if key != "content"}
            return {**kept, "type": "generic", "generic_type": "blob"}
        return {
            key: item if key in _NAMES else _shortened(item, cap) for key, item in value.items()
        }
    return value
