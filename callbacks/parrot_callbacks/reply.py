"""What a model answered -> ``gen_ai.response.*`` and ``gen_ai.usage.*``: pure functions.

Nothing is guessed: a number that the reply doesn't state has no attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeGuard
from uuid import UUID

from parrot_callbacks import semconv
from parrot_callbacks.request import Attributes

if TYPE_CHECKING:
    from langchain_core.outputs import ChatGeneration, Generation, LLMResult

_REASON_KEYS: Final = (
    "finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason",
)  # fmt: skip
# Of the ids that LangChain gives to messages without one.
_RUN_ID_PREFIX: Final = "lc_run--"
_NO_REASON: Final = "unknown"
_NOTHING: Final[Mapping[str, Any]] = {}
_MODEL_KEYS: Final = ("model_name", "model", "model_id", "modelId")

# langchain-openai puts the service tier before the name: "flex_cache_read".
_TIERS: Final = ("", "priority_", "flex_")
_INPUT_DETAILS: Final = {
    semconv.USAGE_CACHE_READ: tuple(f"{tier}cache_read" for tier in _TIERS),
    # langchain-anthropic sets cache_creation to 0 when it knows the tokens of each lifetime.
    semconv.USAGE_CACHE_WRITE: (
        "cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens",
    ),
    **{f"gen_ai.usage.{name}.input_tokens": (name,) for name in semconv.MODALITIES},
}  # fmt: skip
_OUTPUT_DETAILS: Final = {
    semconv.USAGE_REASONING: tuple(f"{tier}reasoning" for tier in _TIERS),
    **{f"gen_ai.usage.{name}.output_tokens": (name,) for name in semconv.MODALITIES},
}


def reply_attributes(result: LLMResult, run_id: UUID | None = None) -> Attributes:
    """Collect response model, id, finish reasons and token usage.

    Args:
        result: What LangChain hands to ``on_llm_end``, or to ``on_llm_error`` with what had
            come until then. One prompt: its candidates are ``generations[0]``.
        run_id: LangChain's id of the run. It stands for the reply where the provider gives no
            id, as LangChain does it with messages; see ``docs/decisions/tracing-ids.md``.
    """
    candidates = result.generations[0] if result.generations else ()
    message = getattr(candidates[0], "message", None) if candidates else None
    metadata: Mapping[str, Any] = getattr(message, "response_metadata", None) or _NOTHING
    output = result.llm_output or _NOTHING
    found: Attributes = {}
    reasons = tuple(map(finish_reason_of, candidates))
    if any(reasons):
        if "" in reasons:
            # One for each candidate: a candidate that gives none has one all the same.
            reasons = tuple([reason or _NO_REASON for reason in reasons])
        found[semconv.RESPONSE_FINISH_REASONS] = reasons
    for key in _MODEL_KEYS:
        model = metadata.get(key) or output.get(key)
        if model and isinstance(model, str):
            found[semconv.RESPONSE_MODEL] = model
            break
    identity = metadata.get("id") or output.get("id") or getattr(message, "id", None)
    if identity and isinstance(identity, str):
        found[semconv.RESPONSE_ID] = identity
    elif candidates and run_id is not None:
        found[semconv.RESPONSE_ID] = f"{_RUN_ID_PREFIX}{run_id}"
    # Every candidate of one reply repeats the usage of the whole reply: take the first.
    usage = getattr(message, "usage_metadata", None)
    if usage:
        _add_usage(found, usage)
    else:
        _add_provider_usage(found, output.get("token_usage") or output.get("usage"))
    return found


def is_cache_hit(result: LLMResult) -> bool:
    """Whether LangChain answered from its cache: it sets a cost of zero on the usage then.

    It may replay the cached reply as stream events, which no model has streamed.
    """
    candidates = result.generations[0] if result.generations else []
    message = getattr(candidates[0], "message", None) if candidates else None
    usage: Mapping[str, Any] = getattr(message, "usage_metadata", None) or {}
    return usage.get("total_cost") == 0


def usage_attributes(usage: Mapping[str, Any]) -> Attributes:
    """Turn LangChain's ``usage_metadata`` into token counts, details included."""
    found: Attributes = {}
    _add_usage(found, usage)
    return found


def _add_usage(found: Attributes, usage: Mapping[str, Any]) -> None:
    # Every reply has these two, and nearly always as plain ints: those need no call.
    number = usage.get("input_tokens")
    if (type(number) is int and 0 <= number < 1 << 60) or _is_count(number):
        found[semconv.USAGE_INPUT] = number
    number = usage.get("output_tokens")
    if (type(number) is int and 0 <= number < 1 << 60) or _is_count(number):
        found[semconv.USAGE_OUTPUT] = number
    details = usage.get("input_token_details")
    if isinstance(details, Mapping):
        _count_details(found, _INPUT_DETAILS, details, found.get(semconv.USAGE_INPUT))
    details = usage.get("output_token_details")
    if isinstance(details, Mapping):
        _count_details(found, _OUTPUT_DETAILS, details, found.get(semconv.USAGE_OUTPUT))


def _count_details(
    found: Attributes,
    names: Mapping[str, tuple[str, ...]],
    details: Mapping[str, Any],
    total: object,
) -> None:
    for name, keys in names.items():
        numbers = [number for key in keys if _is_count(number := details.get(key))]
        # A part that is more than the whole says that the provider counts it beside the whole,
        # where the conventions have it inside: neither can be told from the other.
        if numbers and not (isinstance(total, int) and sum(numbers) > total):
            found[name] = sum(numbers)


def _add_provider_usage(found: Attributes, usage: object) -> None:
    """Read the usage of models older than ``usage_metadata``, such as plain LLMs."""
    if isinstance(usage, Mapping):
        _count(found, semconv.USAGE_INPUT, usage.get("prompt_tokens", usage.get("input_tokens")))
        _count(
            found,
            semconv.USAGE_OUTPUT,
            usage.get("completion_tokens", usage.get("output_tokens")),
        )


def _count(found: Attributes, name: str, number: object) -> None:
    if _is_count(number):
        found[name] = number


# A sum of several has to fit into 64 bits.
def _is_count(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 60


def finish_reason_of(candidate: Generation | ChatGeneration) -> str:
    """Return why a candidate ends, or "" where it doesn't say."""
    message = getattr(candidate, "message", None)
    for source in (getattr(message, "response_metadata", None), candidate.generation_info):
        if not source:
            continue
        for key in _REASON_KEYS:
            reason = source.get(key)
            if reason and isinstance(reason, str):
                return finish_reason(reason)
    return ""


@lru_cache(maxsize=256)
def finish_reason(reason: str) -> str:
    """Map a provider's word to the registry's enum; an unknown word is kept in lower case."""
    reason = reason.lower()
    return semconv.FINISH_REASONS.get(reason, reason)
