"""What is known of a call at its start, remembered by its parameters.

An application calls few models with few sets of parameters, many times each. What a span says
of the request follows from LangChain's ``invocation_params`` and the ``ls_*`` metadata alone,
so it is worked out once for each set.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from parrot_callbacks import semconv
from parrot_callbacks.redaction import is_credential
from parrot_callbacks.request import (
    Attributes,
    identifying_params,
    model_name,
    provider_name,
    request_attributes,
)

MAX_REMEMBERED: Final = 256
"""Sets of parameters; with more, all are forgotten: an application like that changes them
with every call, and remembering helps none of its calls."""

_READ_METADATA: Final = (
    "ls_provider", "ls_model_name", "ls_temperature", "ls_max_tokens", "ls_stop",
)  # fmt: skip


class Described(NamedTuple):
    """What a span and its metrics say of a request.

    Attributes:
        name: The span's name.
        start: Operation, provider, model and server: what metrics are given.
        attributes: All of the request's attributes, those of the start included.
        serialized: LangChain's description of the model, held because its identity is a part
            of what a description is remembered by.
    """

    name: str
    start: Attributes
    attributes: Attributes
    serialized: Mapping[str, Any] | None


class CallDescriptions:
    """Describes the requests of calls, and remembers the descriptions."""

    def __init__(self) -> None:
        self._remembered: dict[tuple[object, ...], Described] = {}

    def describe(
        self,
        operation: str,
        params: Mapping[str, Any],
        options: Mapping[str, Any],
        metadata: Mapping[str, Any],
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
        if options and any(options.values()):
            return _describe(operation, params, options, metadata, serialized)
        values = params.values()
        read = metadata.get
        temperature, max_tokens = read("ls_temperature"), read("ls_max_tokens")
        # Flat: tuples in a tuple cost a third more. As many names as values and types, so that
        # none can be taken for another.
        key = (
            operation,
            # A model keeps its description as long as it lives.
            id(serialized),
            read("ls_provider"),
            read("ls_model_name"),
            temperature,
            max_tokens,
            read("ls_stop"),
            *params,
            *values,
            # 1, 1.0 and True are the same key and different attributes.
            type(temperature),
            type(max_tokens),
            *map(type, values),
        )
        try:
            known = self._remembered.get(key)
        except TypeError:  # a list or a mapping among the values
            return _describe(operation, params, options, metadata, serialized)
        if known is None:
            known = _describe(operation, params, options, metadata, serialized)
            # A model may put its key among its parameters: that isn't kept for longer than it
            # keeps it itself.
            if not any(map(is_credential, params)):
                if len(self._remembered) >= MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = known
        return known


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
    return Described(name, start, attributes, serialized)
