"""What may be recorded of a model's parameters: pure functions.

Nothing that looks like a credential is ever recorded, at any depth. The rule goes by the
name of a parameter and by the value's type, and by user info in URLs; it doesn't guess from
how random a value looks.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from pydantic import SecretBytes, SecretStr

REDACTED: Final = "[redacted]"
MAX_LENGTH: Final = 2048
"""Longest recorded value, in characters."""
MAX_DEPTH: Final = 8
"""Containers nested deeper are replaced by their type's name; it also ends cycles."""

Scalar = str | bool | int | float
_PLAIN: Final = (bool, int, float)

# Words of a name, split at case changes and punctuation: "max_tokens" has the word "tokens",
# which counts tokens, and not "token", which is one. "key" alone is enough: api_key, keyPath.
_CREDENTIAL_WORDS: Final = frozenset(
    {
        "apikey",
        "auth",
        "authorization",
        "bearer",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "key",
        "keys",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "secret",
        "secrets",
        "signature",
        "token",
    }
)
# Run together or in unusual forms: "OPENAIAPIKEY", "accesstoken", "x-authtoken".
_CREDENTIAL_PARTS: Final = re.compile(
    r"api[-_ ]?key|(?:access|auth|bearer|id|refresh|security|session)[-_ ]?tokens?"
    r"|passw(?:or)?d|secret|credential|authori[sz]ation|private[-_ ]?key|cookie",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# "//user:password@host" and "//token@host"; a password may hold anything but / ? # and space.
_USER_INFO: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY_CREDENTIAL: Final = re.compile(
    r"(?<=[?&])([^=&#\s]*(?:key|token|secret|passw|sig|auth|credential)[^=&#\s]*)=[^&#\s]*",
    re.IGNORECASE,
)
# Keys of well-known providers, which their error messages like to repeat.
_KNOWN_KEY: Final = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|ghp|gho|github_pat|lsv2|nvapi|pplx|r8|xai|xox[abps])[-_]"
    r"[A-Za-z0-9*_-]{8,}|\bAIza[A-Za-z0-9_-]{20,}|\bAKIA[A-Z0-9]{12,}"
)
_AUTH_SCHEME: Final = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)


@lru_cache(maxsize=4096)
def is_credential(name: str) -> bool:
    """Whether a parameter of this name holds something secret.

    ``max_tokens``, ``token_count`` and ``presence_penalty`` do not; ``api_key``,
    ``hf_token``, ``Authorization`` and ``x-goog-api-key`` do.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    if "token" in words and words[-1] in {"count", "counts", "limit", "budget", "usage"}:
        return False
    return any(word in _CREDENTIAL_WORDS for word in words) or (
        _CREDENTIAL_PARTS.search(name) is not None
    )


def redact_text(text: str) -> str:
    """Take user info, secret query parameters and authorization values out of a text."""
    if "://" in text:
        text = _USER_INFO.sub("", text)
        text = _QUERY_CREDENTIAL.sub(rf"\1={REDACTED}", text)
    if " " in text:
        text = _AUTH_SCHEME.sub(rf"\1 {REDACTED}", text)
    return text


def redact_message(text: str) -> str:
    """Redact what an exception says: a text of unknown making, which may repeat a key.

    It is slower than `redact_text`, and meant for what is rare.
    """
    return _KNOWN_KEY.sub(REDACTED, redact_text(text))


def recordable(value: object) -> Scalar | None:
    """Turn a parameter's value into an attribute value, credentials removed.

    Args:
        value: Anything a model put into its parameters.

    Returns:
        Scalars as they are; anything else as compact JSON. At most ``MAX_LENGTH``
        characters. None for what is not recorded: None, secrets and empty containers.
    """
    if isinstance(value, str):
        # Cutting comes second: a secret that straddles the cut would no longer match.
        return redact_text(str(value))[:MAX_LENGTH]
    if isinstance(value, _PLAIN):
        return _plain_number(value)
    cleaned = _without_credentials(value, MAX_DEPTH)
    if cleaned is None or cleaned in ({}, []):
        return None
    if isinstance(cleaned, str):
        return cleaned[:MAX_LENGTH]
    return json.dumps(cleaned, separators=(",", ":"), ensure_ascii=False)[:MAX_LENGTH]


def _plain_number(value: float) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # OTLP has signed 64-bit integers only.
        return int(value) if -(2**63) <= value < 2**63 else str(int(value))
    return float(value)


def _without_credentials(value: object, depth: int) -> object:
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, str):
        return redact_text(str(value))
    if isinstance(value, (SecretStr, SecretBytes)):
        return None
    if depth > 0 and isinstance(value, Mapping):
        return _mapping_without_credentials(value, depth - 1)
    if depth > 0 and isinstance(value, (list, tuple, set, frozenset)):
        items = (_without_credentials(item, depth - 1) for item in value)
        return [item for item in items if item is not None]
    # A repr may hold anything, a client's key included: say only what kind of thing it is.
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _mapping_without_credentials(value: Mapping[Any, object], depth: int) -> dict[str, object]:
    kept = {}
    for key, item in value.items():
        name = str(key)
        if is_credential(name):
            continue
        cleaned = _without_credentials(item, depth)
        if cleaned is not None:
            kept[redact_text(name)] = cleaned
    return kept
