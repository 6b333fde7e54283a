"""What a model answered -> ``gen_ai.response.*`` and ``gen_ai.usage.*``: pure functions.

Nothing is guessed: a number that the reply doesn't state has no attribute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeGuard
from uuid import UUID

from parrot_callbacks.request import NOTHING, Attributes
from parrot_callbacks.semconv import (
    FINISH_REASONS,
    MODALITIES,
    RESPONSE_FINISH_REASONS,
    RESPONSE_ID,
    RESPONSE_MODEL,
    USAGE_CACHE_READ,
    USAGE_CACHE_WRITE,
    USAGE_INPUT,
    USAGE_OUTPUT,
    USAGE_REASONING,
)

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGeneration, Generation, LLMResult

_REASON_KEYS: Final = (
    "finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason",
)  # fmt: skip
# Of the ids that LangChain gives to messages without one.
_RUN_ID_PREFIX: Final = "lc_run--"
_NO_REASON: Final = "unknown"
_has_no_details: Final = frozenset({"input_token_details", "output_token_details"}).isdisjoint
# A sum of several counts has to fit into 64 bits.
_COUNT_BITS: Final = 60
_MODEL_KEYS: Final = ("model_name", "model", "model_id", "modelId")

# langchain-openai puts the service tier before the name: "flex_cache_read".
_TIERS: Final = ("", "priority_", "flex_")
_INPUT_DETAILS: Final = {
    USAGE_CACHE_READ: tuple(f"{tier}cache_read" for tier in _TIERS),
    # langchain-anthropic sets cache_creation to 0 when it knows the tokens of each lifetime.
    USAGE_CACHE_WRITE: (
        "cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens",
    ),
    **{f"gen_ai.usage.{name}.input_tokens": (name,) for name in MODALITIES},
}  # fmt: skip
_OUTPUT_DETAILS: Final = {
    USAGE_REASONING: tuple(f"{tier}reasoning" for tier in _TIERS),
    **{f"gen_ai.usage.{name}.output_tokens": (name,) for name in MODALITIES},
}


def reply_attributes(result: LLMResult, key: int | None = None) -> Attributes:
    """Collect response model, id, finish reasons and token usage.

    Args:
        result: What LangChain hands to ``on_llm_end``, or to ``on_llm_error`` with what had
            come until then. One prompt: its candidates are ``generations[0]``.
        key: The number in LangChain's id of the run. That id stands for the reply where the
            provider gives no id, as LangChain does it with messages; see
            ``docs/decisions/tracing-ids.md``.
    """
    # As flat as can be: every call takes it. What few replies need is in functions of its own.
    try:
        candidates = result.generations[0]
        message = candidates[0].message  # type: ignore[union-attr]
        usage = message.usage_metadata  # type: ignore[union-attr]
        metadata, identity = message.response_metadata or NOTHING, message.id
    except (AttributeError, IndexError):
        candidates, usage, metadata, identity = _parts_of(result)  # type: ignore[assignment]
    try:
        found = _of_words(metadata.get("finish_reason"), metadata.get("model_name")).copy()
    except TypeError:  # a list, or some such thing
        found = {}
    output = result.llm_output
    if RESPONSE_FINISH_REASONS not in found or len(candidates) != 1:
        _add_reasons(found, candidates)
    if RESPONSE_MODEL not in found:
        _add_model(found, metadata, output or NOTHING)
    identity = metadata.get("id") or (output and output.get("id")) or identity
    if identity and isinstance(identity, str):
        found[RESPONSE_ID] = identity
    elif candidates and key is not None:
        found[RESPONSE_ID] = f"{_RUN_ID_PREFIX}{UUID(int=key)}"
    # Every candidate of one reply repeats the usage of the whole reply: take the first.
    if not usage:
        _add_provider_usage(found, output or NOTHING)
        return found
    asked, answered = usage.get("input_tokens"), usage.get("output_tokens")
    if type(asked) is type(answered) is int and not (asked | answered) >> _COUNT_BITS:
        found[USAGE_INPUT] = asked
        found[USAGE_OUTPUT] = answered
    else:
        _count(found, USAGE_INPUT, asked)
        _count(found, USAGE_OUTPUT, answered)
    if not _has_no_details(usage):
        _count_details(found, _INPUT_DETAILS, usage.get("input_token_details"), USAGE_INPUT)
        _count_details(found, _OUTPUT_DETAILS, usage.get("output_token_details"), USAGE_OUTPUT)
    return found


def _parts_of(result: LLMResult) -> tuple[Sequence[Any], Any, Mapping[str, Any], Any]:
    """Return candidates, usage, metadata and id, as far as there are any.

    A model that isn't a chat model has no messages, and a chat model may answer with a message
    that isn't a model's.
    """
    candidates = result.generations[0] if result.generations else []
    message = getattr(candidates[0], "message", None) if candidates else None
    return (
        candidates,
        getattr(message, "usage_metadata", None),
        getattr(message, "response_metadata", None) or NOTHING,
        getattr(message, "id", None),
    )


@lru_cache(maxsize=256)
def _of_words(reason: object, model: object) -> Attributes:
    """Describe what few models say in many ways: why it ends, and the model's name."""
    found: Attributes = {}
    if reason and isinstance(reason, str):
        found[RESPONSE_FINISH_REASONS] = (finish_reason(reason),)
    if model and isinstance(model, str):
        found[RESPONSE_MODEL] = model
    return found


def _add_reasons(found: Attributes, candidates: Sequence[Generation | ChatGeneration]) -> None:
    reasons = [finish_reason_of(candidate) for candidate in candidates]
    if any(reasons):
        # One for each candidate: a candidate that gives none has one all the same.
        found[RESPONSE_FINISH_REASONS] = tuple([reason or _NO_REASON for reason in reasons])


def _add_model(found: Attributes, metadata: Mapping[str, Any], output: Mapping[str, Any]) -> None:
    for key in _MODEL_KEYS:
        model = metadata.get(key) or output.get(key)
        if model and isinstance(model, str):
            found[RESPONSE_MODEL] = model
            break


def is_cache_hit(result: LLMResult) -> bool:
    """Whether LangChain answered from its cache: it sets a cost of zero on the usage then.

    It may replay the cached reply as stream events, which no model has streamed.
    """
    _, usage, _, _ = _parts_of(result)
    return bool(usage) and usage.get("total_cost") == 0


def _count_details(
    found: Attributes,
    names: Mapping[str, tuple[str, ...]],
    details: object,
    whole: str,
) -> None:
    if not isinstance(details, Mapping):
        return
    total = found.get(whole)
    for name, keys in names.items():
        numbers = [number for key in keys if _is_count(number := details.get(key))]
        # A part that is more than the whole says that the provider counts it beside the whole,
        # where the conventions have it inside: neither can be told from the other.
        if numbers and not (isinstance(total, int) and sum(numbers) > total):
            found[name] = sum(numbers)


def _add_provider_usage(found: Attributes, output: Mapping[str, Any]) -> None:
    """Read the usage of models older than ``usage_metadata``, such as plain LLMs."""
    usage = output.get("token_usage") or output.get("usage")
    if isinstance(usage, Mapping):
        _count(found, USAGE_INPUT, usage.get("prompt_tokens", usage.get("input_tokens")))
        _count(
            found,
            USAGE_OUTPUT,
            usage.get("completion_tokens", usage.get("output_tokens")),
        )


def _count(found: Attributes, name: str, number: object) -> None:
    if _is_count(number):
        found[name] = number


def _is_count(number: object) -> TypeGuard[int]:
    # Shifted, a negative number is not 0 either.
    return isinstance(number, int) and not isinstance(number, bool) and not number >> _COUNT_BITS


def finish_reason_of(candidate: Generation | ChatGeneration) -> str:
    """Return why a candidate ends, or "" where it doesn't say."""
    message = getattr(candidate, "message", None)
    metadata = getattr(message, "response_metadata", None)
    return _reason_in(metadata or NOTHING) or _reason_in(candidate.generation_info or NOTHING)


def _reason_in(source: Mapping[str, Any]) -> str:
    for key in _REASON_KEYS:
        reason = source.get(key)
        if reason and isinstance(reason, str):
            return finish_reason(reason)
    return ""


@lru_cache(maxsize=256)
def finish_reason(reason: str) -> str:
    """Map a provider's word to the registry's enum; an unknown word is kept in lower case."""
    reason = reason.lower()
    return FINISH_REASONS.get(reason, reason)
