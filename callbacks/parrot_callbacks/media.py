"""Images, sounds, films and files -> blob, uri and file parts: pure functions."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from parrot_callbacks.filtering import ContentFilter
from parrot_callbacks.redaction import redact_text

Part = dict[str, Any]
Block = Mapping[str, Any]

MAX_BLOB: Final = 131_072
"""Longest recorded blob, in characters of base64. Longer ones are named, with their size."""

MEDIA: Final = {
    "image": "image", "image_url": "image", "input_image": "image",
    "audio": "audio", "input_audio": "audio", "audio_url": "audio",
    "video": "video", "video_url": "video",
    "file": "document", "input_file": "document", "document": "document",
    "text-plain": "document", "media": "document", "container_upload": "document",
}  # fmt: skip
"""Types of blocks that hold media, to the modality where no MIME type says another."""

_BASE64_KEYS: Final = ("base64", "data", "file_data", "bytes")
_PLACE_KEYS: Final = ("url", "image_url", "audio_url", "video_url", "file_url", "file_uri",
                      "fileUri", "uri")  # fmt: skip
_MIME_KEYS: Final = ("mime_type", "media_type", "mimeType")
_INSIDE: Final = ("source", "file", "input_audio", "inline_data", "inlineData", "file_data",
                  "fileData", "image", "audio", "video", "document", "image_url", "audio_url",
                  "video_url", "s3Location")  # fmt: skip


def media_part(kind: str, block: Block, keep: ContentFilter) -> Part | None:
    """Describe a block of one of the types in ``MEDIA``.

    Args:
        kind: Its type.
        block: The block, in any of the known shapes.
        keep: Sees texts and addresses.

    Returns:
        A part; a text that came as a file is a text. None if there is nothing in it.
    """
    levels = list(_levels(block))
    mime = str(_first(levels, _MIME_KEYS) or _mime_of_format(kind, _first(levels, ("format",))))
    text = _text_in(kind, levels)
    if text is not None:
        return {"type": "text", "content": keep(text)}
    about: Part = {"modality": _modality(mime, MEDIA[kind]), "mime_type": mime}
    if not mime:
        del about["mime_type"]
    place = _first(levels, _PLACE_KEYS)
    data = _first(levels, _BASE64_KEYS)
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    for given in (place, data):
        if isinstance(given, str) and given.startswith("data:"):
            return _data_uri(given, about, keep)
    if isinstance(place, str):
        return {"type": "uri", **about, "uri": keep(redact_text(place))}
    if isinstance(data, str):
        return _blob(data, about, keep)
    identity = _first(levels, ("file_id", "id"))
    return {"type": "file", **about, "file_id": str(identity)} if identity else None


def _text_in(kind: str, levels: list[Block]) -> str | None:
    """Return the text of a document that is one."""
    if MEDIA[kind] != "document":
        return None
    text = _first(levels, ("text",))
    kinds = [level.get("source_type", level.get("type")) for level in levels]
    if text is None and "text" in kinds:
        # Version 0 has plain text under the same key as base64, and so has Anthropic.
        text = _first(levels, ("data",))
    if text is None:
        text = _first(levels, ("content",))  # Anthropic's documents may be made of blocks
        if isinstance(text, list):
            text = "\n".join(
                item["text"] for item in text if isinstance(item, Mapping) and "text" in item
            )
    return text if isinstance(text, str) else None


def _modality(mime: str, otherwise: str) -> str:
    family = mime.partition("/")[0]
    return family if family in {"image", "audio", "video"} else otherwise


def _levels(block: Block) -> Iterator[Block]:
    """Yield a block and the mappings in which its data may be wrapped."""
    yield block
    for key in _INSIDE:
        inner = block.get(key)
        if isinstance(inner, Mapping):
            yield from _levels(inner)


def _first(levels: list[Block], keys: tuple[str, ...]) -> object:
    for level in levels:
        for key in keys:
            value = level.get(key)
            if value and not isinstance(value, Mapping):
                return value
    return None


def _mime_of_format(kind: str, file_format: object) -> str:
    # OpenAI says "mp3", Bedrock "png": the rest of the MIME type is in the block's name.
    if not isinstance(file_format, str) or not file_format:
        return ""
    family = MEDIA[kind]
    if family == "document":
        return "application/pdf" if file_format == "pdf" else ""
    return f"{family}/{file_format.lower()}"


def _data_uri(uri: str, about: Part, keep: ContentFilter) -> Part:
    head, _, data = uri.partition(",")
    mime = head.removeprefix("data:").removesuffix(";base64")
    if not head.endswith(";base64"):
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    about = {"modality": _modality(mime, about["modality"]), "mime_type": mime}
    return _blob(data, about, keep)


def _blob(data: str, about: Part, keep: ContentFilter) -> Part:
    if str(about.get("mime_type", "")).startswith("text/"):
        # A text in disguise: the filter must see it.
        try:
            return {"type": "text", "content": keep(base64.b64decode(data).decode())}
        except (binascii.Error, UnicodeDecodeError):
            return {"type": "generic", "generic_type": "blob", **about}
    if len(data) > MAX_BLOB:
        size = len(data) * 3 // 4 - data[-2:].count("=")
        return {"type": "generic", "generic_type": "blob", **about, "size_bytes": size}
    return {"type": "blob", **about, "content": data}
