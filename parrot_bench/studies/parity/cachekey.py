"""Does the key of LangChain's cache have every parameter that changes the reply?

Two models that differ in such a parameter, and have the same key, get each other's replies from
the cache. A parameter is changed in a copy of the model, and the keys are compared. Nothing is
called for that, with two exceptions, both of which ask the copy once: a parameter whose name
does not say that it changes the reply, and only where its key is the same.

What it cannot see: parameters that are no fields of the model, such as a client's own settings,
and those whose name and type do not say how they could be changed without doing harm. What looks
like a credential, an address or a time is never changed.
"""

import copy
import re
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel

from parrot_callbacks.redaction import is_credential

NAMED = {
    "model", "model_name", "model_id", "deployment_name", "temperature", "top_p", "top_k",
    "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens", "stop",
    "stop_sequences", "frequency_penalty", "presence_penalty", "repetition_penalty",
    "reasoning_effort",
}  # fmt: skip
"""Parameters that change the reply of whatever model has them."""

_EXAMPLES: dict[str, Any] = {
    "frequency_penalty": 0.375,
    "presence_penalty": 0.375,
    "repetition_penalty": 0.375,
    "stop": ["\N{SECTION SIGN}"],
    "stop_sequences": ["\N{SECTION SIGN}"],
    "temperature": 0.375,
    "top_k": 7,
    "top_p": 0.375,
}
"""What a parameter that is None is changed into; another one of ``NAMED`` becomes a number."""

_TEXTS = re.compile(
    "answers?|content|instructions?|language|message|persona|prefix|prompt|repl(?:y|ies)"
    "|responses?|role|style|suffix|system|template|text|tone"
)
"""Words of the names of texts that a reply may be made of."""

_LEFT_ALONE = re.compile(
    "address|api|base|cache|client|cost|cpu|delay|device|endpoint|error|fail|failure|gpu|host"
    "|interval|jitter|latency|limit|pause|port|proxy|rate|region|requests|retries|retry|seconds"
    "|server|sleep|streaming|threads?|time|timeout|ur[li]|usage|verbose|wait|workers?"
)
"""Words in names of parameters that do not change the reply, or that are not to be touched."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_UNKNOWN = object()


def key_of(model: BaseChatModel) -> str | None:
    """The model's part of the cache key; None where it cannot be made."""
    try:
        return model._get_llm_string()  # noqa: SLF001  # what LangChain's cache is given
    except Exception:  # noqa: BLE001  # the model's own code
        return None


def missed(model: BaseChatModel) -> Iterator[tuple[str, BaseChatModel]]:
    """Yield parameters that change the reply or may, and that the cache key misses.

    Args:
        model: The model. It stays as it is.

    Yields:
        The parameter's name, and a copy of the model in which it is another one.
    """
    key = key_of(model)
    for name in type(model).model_fields if key is not None else ():
        value = _changed(name, getattr(model, name, _UNKNOWN))
        if value is _UNKNOWN:
            continue
        other = _with(model, name, value)
        if other is not None and key_of(other) == key:
            yield name, other


def constructed_like(model: BaseChatModel, changed: BaseChatModel, name: str) -> bool | None:
    """Whether two models that are *constructed* with these parameters share a key.

    A copy does not know what a model makes of its parameters when it is constructed.

    Returns:
        None where the model cannot be constructed from its fields.
    """
    one, other = (_again(m, name) for m in (model, changed))
    if one is None or other is None:
        return None
    return key_of(one) == key_of(other)


def _again(model: BaseChatModel, name: str) -> BaseChatModel | None:
    fields = type(model).model_fields
    names = {*model.model_fields_set, name} & fields.keys()
    given = {fields[one].alias or one: getattr(model, one) for one in names}
    try:
        return type(model)(**given)
    except Exception:  # noqa: BLE001  # the model's own code
        return None


def _with(model: BaseChatModel, name: str, value: Any) -> BaseChatModel | None:
    """A copy with one parameter changed; it shares its clients."""
    try:
        other = copy.copy(model)
        # Not setattr: a field may be frozen, or validated into something else.
        other.__dict__[name] = value
    except Exception:  # noqa: BLE001  # the model's own code
        return None
    return other


def _changed(name: str, value: Any) -> Any:
    """Another value than this; ``_UNKNOWN`` where none is known to be harmless."""
    words = [word.lower() for word in _WORD.findall(name)]
    if is_credential(name) or name in BaseChatModel.model_fields:
        return _UNKNOWN
    if name in NAMED:
        if value is None:
            return _EXAMPLES.get(name, 7 if name.startswith("max_") else _UNKNOWN)
        return _another(value)
    if any(map(_LEFT_ALONE.fullmatch, words)):
        return _UNKNOWN
    if isinstance(value, int | float) or any(map(_TEXTS.fullmatch, words)):
        return _another(value)
    return _UNKNOWN


def _another(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value + 1 if isinstance(value, int) else (value / 2 or 0.375)
    if isinstance(value, str):
        return f"{value}-2"
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return [f"{item}-2" for item in value]
    return _UNKNOWN
