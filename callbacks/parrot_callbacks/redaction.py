"""What may be recorded of a model's parameters: pure functions.

Nothing that looks like a credential is ever recorded, at any depth. The rule goes by names (of
parameters, headers, and inside texts), by the value's type, by user info in URLs and by the
forms of well-known keys; it doesn't guess from how random a value looks.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic import SecretBytes, SecretStr

REDACTED: Final = "[redacted]"
MAX_LENGTH: Final = 2048
"""Longest recorded value, in characters."""
MAX_DEPTH: Final = 8
"""Containers nested deeper are replaced by their type's name; it also ends cycles."""

_SHORTEST_TEXT: Final = 8  # "key=1234"

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
        "header",
        "headers",  # of a request: any of them may authorize it, and none identifies a model
        "jwt",
        "key",
        "keys",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "sas",
        "secret",
        "secrets",
        "signature",
        "token",
    }
)
# Run together or in unusual forms: "OPENAIAPIKEY", "accesstoken", "x-authtoken".
_CREDENTIAL_PARTS: Final = re.compile(
    r"api[-_ ]?key|(?:access|auth|bearer|id|refresh|security|session)[-_ ]?tokens?"
    r"|passw(?:or)?d|secret|credential|authori[sz]ation|private[-_ ]?key|cookie"
    r"|connection[-_ ]?string",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# "//user:password@host" and "//token@host"; a password may hold anything but / ? # and space.
_USER_INFO: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY_CREDENTIAL: Final = re.compile(
    r"(?<=[?&#])([^=&#\s]*(?:key|token|secret|passw|sig|auth|credential|jwt|code)[^=&#\s]*)"
    r"=[^&#\s\"']*",
    re.IGNORECASE,
)
# Keys of well-known providers, which their error messages like to repeat, and signed tokens.
_KNOWN_KEY: Final = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|ghp|gho|github_pat|lsv2|nvapi|pplx|r8|xai|xox[abps])[-_]"
    r"[A-Za-z0-9*_-]{8,}|\bAIza[A-Za-z0-9_-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
)
_AUTH_SCHEME: Final = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
# "AccountKey=…", "'api_key': '…'", "password: …", as texts, reprs and JSON have them. Headers
# take the rest of their line: "Authorization: ApiKey …".
_NAMED: Final = re.compile(
    r"""(?<![\w.-])(?P<name>[\w.-]*(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|signature|jwt|sas|auth
        |connection[-_]?string))
    (?P<between>\\*["']?\s*[:=,](?!\s*[\\"']*\[redacted)\s*(?:b|[\[({\s]|Secret\w*\()*\\*["']?)
    (?P<value>[^\s"'\\,;&)}\]]{4,})
    |(?P<header>(?:proxy-)?authori[sz]ation|(?:set-)?cookie)
    (?P<until>\\*["']?\s*[:=,]\s*[\[({\s]*\\*["']?)
    (?P<rest>[^"'\\\r\n]{4,})""",
    re.IGNORECASE | re.VERBOSE,
)
NAME_KEYS: Final = ("name", "key", "header")
"""Where a mapping names what is beside it."""


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


def is_credential_pair(items: Sequence[object]) -> bool:
    """Whether a sequence is a credential's name and value: ``("Authorization", "…")``."""
    return len(items) == 2 and isinstance(items[0], str) and is_credential(items[0])  # noqa: PLR2004 - a pair


def names_credential(value: Mapping[Any, object]) -> bool:
    """Whether a mapping is such a pair written out: ``{"name": "Authorization", "value": …}``."""
    return any(isinstance(name := value.get(key), str) and is_credential(name) for key in NAME_KEYS)


def redact_text(text: str) -> str:
    """Take credentials out of a text: by name, by form, and where URLs have them."""
    if len(text) < _SHORTEST_TEXT:
        return text
    if "://" in text:
        text = _USER_INFO.sub("", text)
        text = _QUERY_CREDENTIAL.sub(rf"\1={REDACTED}", text)
    if " " in text:
        text = _AUTH_SCHEME.sub(rf"\1 {REDACTED}", text)
    if "=" in text or ":" in text or "," in text:
        text = _NAMED.sub(_without_value, text)
    return _KNOWN_KEY.sub(REDACTED, text)


def _without_value(found: re.Match[str]) -> str:
    header = found["header"]
    if header:
        return f"{header}{found['until']}{REDACTED}"
    return (
        f"{found['name']}{found['between']}{REDACTED}" if is_credential(found["name"]) else found[0]
    )


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
        return _text_without_credentials(_encodable(str(value)), MAX_DEPTH)[:MAX_LENGTH]
    if isinstance(value, _PLAIN):
        return _plain_number(value)
    cleaned = _without_credentials(value, MAX_DEPTH)
    if cleaned is None or cleaned in ({}, []):
        return None
    if isinstance(cleaned, str):
        return cleaned[:MAX_LENGTH]
    text = json.dumps(cleaned, separators=(",", ":"), ensure_ascii=False)
    return _encodable(text)[:MAX_LENGTH]


def _encodable(text: str) -> str:
    # Half a surrogate pair would fail the export of everything beside it.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
        return _text_without_credentials(str(value), depth)
    if isinstance(value, (SecretStr, SecretBytes)):
        return None
    if depth > 0 and isinstance(value, Mapping):
        return _mapping_without_credentials(value, depth - 1)
    if depth > 0 and isinstance(value, (list, tuple, set, frozenset)):
        return _items_without_credentials(value, depth - 1)
    # A repr may hold anything, a client's key included: say only what kind of thing it is.
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _text_without_credentials(text: str, depth: int) -> str:
    if depth > 0 and text[:1] in {"{", "["}:
        # JSON inside a text: a name may be far from its value there.
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return redact_text(text)
        return json.dumps(_without_credentials(value, depth - 1), separators=(",", ":"))
    return redact_text(text)


def _items_without_credentials(value: Iterable[object], depth: int) -> list[object]:
    items = list(value)
    if is_credential_pair(items):
        return items[:1]
    cleaned = (_without_credentials(item, depth) for item in items)
    return [item for item in cleaned if item is not None]


def _mapping_without_credentials(value: Mapping[Any, object], depth: int) -> dict[str, object]:
    kept = {}
    is_named = names_credential(value)
    for key, item in value.items():
        name = str(key)
        if is_credential(name) or (is_named and name not in NAME_KEYS):
            continue
        cleaned = _without_credentials(item, depth)
        if cleaned is not None:
            kept[redact_text(name)] = cleaned
    return kept
