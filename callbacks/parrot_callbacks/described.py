"""What is known of a call at its start, remembered for each model.

An application calls few models with few sets of parameters, many times each. What a span says
of the request follows from LangChain's ``invocation_params`` and the ``ls_*`` metadata alone,
so it is worked out anew only when one of them isn't what it was at the model's latest call.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from parrot_callbacks import semconv
from parrot_callbacks.redaction import is_credential
from parrot_callbacks.request import (
    NOTHING,
    Attributes,
    identifying_params,
    model_name,
    provider_name,
    request_attributes,
)

MAX_REMEMBERED: Final = 256
"""Models; with more, all are forgotten: an application like that makes one for every call, and
remembering helps none of its calls."""

_READ_METADATA: Final = (
    "ls_provider", "ls_model_name", "ls_temperature", "ls_max_tokens", "ls_stop",
)  # fmt: skip


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_NESTED: Final = frozenset({dict, list, tuple})
_UNKNOWN: Final = object()
_NO_OPTIONS: Final[Mapping[str, Any]] = {"stop": None}  # of a call without arguments of its own


@dataclass(slots=True)
class Described:
    """What a span and its metrics say of a request.

    Attributes:
        name: The span's name.
        start: Operation, provider, model and server: what metrics are given.
        attributes: All of the request's attributes, those of the start included.
    """

    name: str
    start: Attributes
    attributes: Attributes


@dataclass(slots=True)
class _Remembered:
    """A description, and what it was made of.

    Attributes:
        said: All but the parameters, and the types of all.
        params: The parameters, down to the last list.
        nested: Those that are lists or mappings, as Python writes them, for the types in them;
            "" where there are none.
        described: The description.
        serialized: LangChain's description of the model: while it is held, no other object has
            its identity.
    """

    said: tuple[object, ...]
    params: Mapping[str, Any]
    nested: str
    described: Described
    serialized: Mapping[str, Any] | None


class CallDescriptions:
    """Describes the requests of calls, and remembers the latest description of each model."""

    def __init__(self) -> None:
        # By the identity of LangChain's description of the model, which a model keeps as long
        # as it lives, and the description here as long as it is remembered.
        self._remembered: dict[int, _Remembered] = {}

    def describe(
        self,
        operation: str,
        params: Mapping[str, Any],
        options: Mapping[str, Any] | None,
        metadata: Mapping[str, Any] | None,
        serialized: Mapping[str, Any] | None,
    ) -> Described:
        """Return what is known of a call at its start.

        Args:
            operation: ``chat`` or ``text_completion``.
            params: LangChain's ``invocation_params``.
            options: LangChain's ``options``: the call's own arguments.
            metadata: The run's metadata, with LangChain's ``ls_*`` values.
            serialized: LangChain's description of the model; it has constructor arguments
                where the model can be serialized.
        """
        metadata = metadata or NOTHING
        if options and options != _NO_OPTIONS:
            return _describe(operation, params, options, metadata, serialized)
        temperature, max_tokens = metadata.get("ls_temperature"), metadata.get("ls_max_tokens")
        stop = metadata.get("ls_stop")
        # With types, as 1, 1.0 and True are equal, and different attributes.
        said = (
            operation, metadata.get("ls_provider"), metadata.get("ls_model_name"), stop,
            type(temperature), temperature, type(max_tokens), max_tokens,
            *map(type, params.values()),
        )  # fmt: skip
        known = self._remembered.get(id(serialized))
        # Compared, and not looked up by all of it: most of it is the very same object each time,
        # and needs no hash.
        if (
            known is not None
            and said == known.said
            and params == known.params
            and (not known.nested or known.nested == _written(params))
        ):
            return known.described
        found = _describe(operation, params, NOTHING, metadata, serialized)
        if type(stop) in _PLAIN and (copy := _copied(dict(params))) is not _UNKNOWN:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[id(serialized)] = _Remembered(
                said, copy, _written(params), found, serialized
            )
        return found


def _copied(value: Any, depth: int = 8) -> Any:
    """Copy what a parameter holds: a list may be another one by the next call.

    Returns:
        The copy; of what isn't known to stay as it is, or goes down too far, `_UNKNOWN`. A model
        may put its key among its parameters: that isn't kept for longer than it keeps it itself.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if (
        not depth
        or kind not in _NESTED
        or (kind is dict and any(map(is_credential, map(str, value))))
    ):
        return _UNKNOWN
    inner = [_copied(item, depth - 1) for item in (value.values() if kind is dict else value)]
    if any(item is _UNKNOWN for item in inner):
        return _UNKNOWN
    return dict(zip(value, inner, strict=True)) if kind is dict else kind(inner)


def _written(params: Mapping[str, Any]) -> str:
    nested = [value for value in params.values() if type(value) in _NESTED]
    return repr(nested) if nested else ""


def _describe(
    operation: str,
    params: Mapping[str, Any],
    options: Mapping[str, Any],
    metadata: Mapping[str, Any],
    serialized: Mapping[str, Any] | None,
) -> Described:
    # What isn't a part of the key can't be a part of what is remembered by it.
    metadata = {name: metadata[name] for name in _READ_METADATA if name in metadata}
    made_with = serialized.get("kwargs") if serialized else None
    model = model_name(params, metadata)
    start: Attributes = {
        semconv.OPERATION: operation,
        semconv.PROVIDER: provider_name(params, metadata),
    }
    if model:
        start[semconv.REQUEST_MODEL] = model
    found = request_attributes(params, options, metadata, made_with)
    for name in (semconv.SERVER_ADDRESS, semconv.SERVER_PORT):
        if name in found:
            start[name] = found[name]
    attributes = {**start, **found, **identifying_params(params, options)}
    name = f"{operation} {model}" if model else operation
    return Described(name, start, attributes)
