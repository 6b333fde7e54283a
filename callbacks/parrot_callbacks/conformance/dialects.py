"""How handlers name what they record: data, and how to read it.

A handler is judged by what is in its spans, whichever of these vocabularies it speaks. A fact
that a vocabulary has no name for is not recorded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Operation = Literal["chat", "text_completion"]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The attribute names of one vocabulary; of several names the first that is there counts.

    Attributes:
        name: Whose it is.
        mark: The attribute that says what a span is about.
        operations: Its values that mean a call of a language model.
        model: Name of the model that was asked.
        input_tokens: Tokens of the request.
        output_tokens: Tokens of the reply.
        finish_reasons: Why the model stopped; a string or a sequence of them.
        temperature: Sampling temperature.
        max_tokens: Upper bound of the reply's tokens.
        params: A JSON object with both of these instead.
        streamed: Whether the reply came in chunks.
        first_chunk: Time to the first chunk, in seconds.
    """

    name: str
    mark: str
    operations: Mapping[str, Operation]
    model: tuple[str, ...] = ()
    input_tokens: tuple[str, ...] = ()
    output_tokens: tuple[str, ...] = ()
    finish_reasons: tuple[str, ...] = ()
    temperature: tuple[str, ...] = ()
    max_tokens: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    streamed: tuple[str, ...] = ()
    first_chunk: tuple[str, ...] = ()


_CALLS: Final[Mapping[str, Operation]] = {
    "chat": "chat",
    "generate_content": "chat",
    "text_completion": "text_completion",
}

GENAI: Final = Dialect(
    name="OpenTelemetry GenAI conventions",
    mark="gen_ai.operation.name",
    operations=_CALLS,
    model=("gen_ai.request.model",),
    input_tokens=("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    output_tokens=("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    finish_reasons=("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"),
    temperature=("gen_ai.request.temperature",),
    max_tokens=("gen_ai.request.max_tokens",),
    streamed=("gen_ai.request.stream", "gen_ai.is_streaming"),
    first_chunk=("gen_ai.response.time_to_first_chunk",),
)

OPENLLMETRY: Final = Dialect(
    name="OpenLLMetry",
    mark="llm.request.type",
    operations={"chat": "chat", "completion": "text_completion"},
    model=("gen_ai.request.model", "llm.request.model"),
    input_tokens=("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    output_tokens=("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    finish_reasons=("gen_ai.response.finish_reasons", "gen_ai.completion.0.finish_reason"),
    temperature=("gen_ai.request.temperature",),
    max_tokens=("gen_ai.request.max_tokens",),
    streamed=("llm.is_streaming", "gen_ai.is_streaming"),
)

OPENINFERENCE: Final = Dialect(
    name="OpenInference",
    mark="openinference.span.kind",
    # It has one kind for both; a text completion can't be told from a chat.
    operations={"LLM": "chat"},
    model=("llm.model_name",),
    input_tokens=("llm.token_count.prompt",),
    output_tokens=("llm.token_count.completion",),
    finish_reasons=("llm.finish_reason", "llm.output_messages.0.message.finish_reason"),
    params=("llm.invocation_parameters",),
)

DIALECTS: Final = (GENAI, OPENLLMETRY, OPENINFERENCE)


def dialect_of(attributes: Mapping[str, Any]) -> Dialect | None:
    """Return the vocabulary of a span of a model's call; None if it is another span."""
    for dialect in DIALECTS:
        if attributes.get(dialect.mark) in dialect.operations:
            return dialect
    return None


@dataclass(frozen=True)
class Facts:
    """What a span says about its call; None where it says nothing.

    Attributes:
        operation: What was asked of the model.
        model: The model's name.
        tokens: Of the request and of the reply.
        finish_reasons: Why the model stopped.
        params: Temperature and maximum of tokens.
        streamed: The reply came in chunks.
        first_chunk: Time to the first chunk, in seconds, if it is one.
        error_type: What kind of error ended the call.
    """

    operation: str | None
    model: str | None
    tokens: tuple[Any, Any]
    finish_reasons: tuple[str, ...]
    params: tuple[Any, Any]
    streamed: bool
    first_chunk: Any
    error_type: str | None


def read(attributes: Mapping[str, Any], dialect: Dialect) -> Facts:
    """Read what a span says, in its own vocabulary.

    Args:
        attributes: The span's attributes.
        dialect: Their vocabulary.
    """

    def first(names: tuple[str, ...]) -> Any:
        return next((attributes[name] for name in names if name in attributes), None)

    given = _json_object(first(dialect.params))
    temperature = first(dialect.temperature)
    max_tokens = first(dialect.max_tokens)
    finish = first(dialect.finish_reasons) or ()
    error = attributes.get("error.type")
    return Facts(
        operation=dialect.operations.get(attributes.get(dialect.mark, "")),
        model=first(dialect.model),
        tokens=(first(dialect.input_tokens), first(dialect.output_tokens)),
        # A handler may write anything into its spans; it fails the check, and not the suite.
        finish_reasons=tuple(map(str, finish if isinstance(finish, tuple | list) else (finish,))),
        params=(
            _plain(given.get("temperature")) if temperature is None else temperature,
            _plain(given.get("max_tokens")) if max_tokens is None else max_tokens,
        ),
        streamed=first(dialect.streamed) is True,
        first_chunk=first(dialect.first_chunk),
        error_type=None if error is None else str(error),
    )


def _json_object(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    """A value of JSON, as a text where it is a list or an object."""
    return json.dumps(value) if isinstance(value, list | dict) else value
