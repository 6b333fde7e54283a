"""What a call asked for -> ``gen_ai.request.*`` attributes: pure functions.

LangChain hands a handler ``invocation_params``: what the model's ``_identifying_params``
returned, with the call's own keyword arguments laid over it; and ``metadata`` with the
``ls_*`` values that models fill in for tracers.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

from opentelemetry.util.types import AttributeValue

from parrot_callbacks import semconv
from parrot_callbacks.redaction import is_credential, recordable, redact_text

Attributes = dict[str, AttributeValue]

# A union such as int | float would be built anew at each isinstance().
_NUMBERS: Final = (int, float)

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
"""Stands for a mapping that isn't there."""
_MODEL_KEYS: Final = ("model", "model_name", "model_id", "deployment_name", "azure_deployment")
_ADDRESS_KEYS: Final = (
    "base_url", "openai_api_base", "api_base", "azure_endpoint", "endpoint", "endpoint_url",
)  # fmt: skip
_FLOATS: Final = (
    ("temperature", semconv.REQUEST_TEMPERATURE),
    ("top_p", semconv.REQUEST_TOP_P),
    ("frequency_penalty", semconv.REQUEST_FREQUENCY_PENALTY),
    ("presence_penalty", semconv.REQUEST_PRESENCE_PENALTY),
)
_INTS: Final = (
    ("top_k", semconv.REQUEST_TOP_K),
    ("seed", semconv.REQUEST_SEED),
)
_MAX_TOKENS_KEYS: Final = (
    "max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample",
    "max_new_tokens", "num_predict",
)  # fmt: skip
_CHOICES_KEYS: Final = ("n", "candidate_count")
_LEVEL_KEYS: Final = ("reasoning_effort", "thinking_level", "effort")
_MODALITIES_KEYS: Final = ("modalities", "response_modalities")
# What models can be asked for beside text, to the registry's word.
_MODALITIES: Final = {"audio": "speech", "image": "image"}
_CONVERSATION_KEYS: Final = ("thread_id", "session_id", "conversation_id")

names_no_conversation: Final = frozenset(_CONVERSATION_KEYS).isdisjoint
"""Whether a run's metadata has none of the keys that name a conversation."""

_MARKERS: Final = frozenset({"_type", "stop"})

# Never recorded among the identifying parameters: arguments of a call that LangChain has laid
# over them, where the order doesn't tell; and what holds schemas or content by its name, also a
# model's own: LangChain's fake models name their replies.
_CALL_ARGUMENTS: Final = frozenset(
    {
        "documents", "examples", "function_call", "functions", "input", "instructions",
        "ls_structured_output_format", "messages", "parallel_tool_calls", "prediction", "prompt",
        "response", "response_format", "response_schema", "responses", "stop", "stream",
        "stream_options", "strict", "structured_output_format", "system", "system_instruction",
        "system_prompt", "text_format", "tool_choice", "tool_config", "toolConfig", "tools",
        "_type",
    }
)  # fmt: skip


def model_name(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return the model that was asked for, or "" where nobody says."""
    name = metadata.get("ls_model_name")
    if not name or not isinstance(name, str):
        found = (params.get(key) for key in _MODEL_KEYS)
        name = next((value for value in found if value and isinstance(value, str)), "")
    # Some are called by their endpoint's URL.
    return redact_text(name) if "://" in name else name


def provider_name(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return a well-known provider, or else the model's own word in lower case."""
    name = metadata.get("ls_provider") or params.get("_type")
    return _provider(name) if isinstance(name, str) else "unknown"


@lru_cache(maxsize=256)
def _provider(name: str) -> str:
    name = name.strip().lower()
    return semconv.PROVIDERS.get(name, name) or "unknown"


def request_attributes(
    params: Mapping[str, Any],
    options: Mapping[str, Any],
    metadata: Mapping[str, Any],
    made_with: Mapping[str, Any] | None = None,
) -> Attributes:
    """Collect what the call asked for, apart from model and provider.

    Args:
        params: LangChain's ``invocation_params``.
        options: LangChain's ``options``; streaming modes repeat the call's arguments there.
        metadata: The run's metadata with LangChain's ``ls_*`` values.
        made_with: The constructor's arguments of a serializable model; only its endpoint is
            read.

    Returns:
        Attributes of the types that the registry asks for: doubles are doubles.
    """
    found = _numbers(params, metadata)
    stop = params.get("stop") or options.get("stop") or metadata.get("ls_stop")
    if stop and isinstance(stop, str):
        found[semconv.REQUEST_STOP] = [stop]
    elif stop and isinstance(stop, list | tuple | set | frozenset):
        found[semconv.REQUEST_STOP] = [str(item) for item in stop]
    _add_reasoning(found, params)
    output = _output_type(params, options)
    if output:
        found[semconv.OUTPUT_TYPE] = output
    # Few models name their endpoint among the params; more do among what they were made with.
    for given in (params, made_with or NOTHING):
        for key in _ADDRESS_KEYS:
            if key in given:
                found.update(server_attributes(given[key]))
                break
        if semconv.SERVER_ADDRESS in found:
            break
    conversation = conversation_id(metadata)
    if conversation:
        found[semconv.CONVERSATION_ID] = conversation
    return found


def _numbers(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> Attributes:
    found: Attributes = {}
    for key, name in _FLOATS:
        number = params.get(key)
        if number is not None and _is_number(number):
            found[name] = float(number)
    if semconv.REQUEST_TEMPERATURE not in found:
        number = metadata.get("ls_temperature")
        if number is not None and _is_number(number):
            found[semconv.REQUEST_TEMPERATURE] = float(number)
    for key, name in _INTS:
        number = params.get(key)
        if number is not None and _is_integer(number):
            found[name] = int(number)
    tokens = _max_tokens(params, metadata)
    if tokens is not None:
        found[semconv.REQUEST_MAX_TOKENS] = tokens
    for key in _CHOICES_KEYS:
        choices = params.get(key)
        if choices is not None and _is_integer(choices) and choices > 1:
            found[semconv.REQUEST_CHOICES] = int(choices)
    return found


def _max_tokens(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> int | None:
    for key in _MAX_TOKENS_KEYS:
        number = params.get(key)
        # Some models write -1 for no limit.
        if number is not None and _is_integer(number) and number >= 0:
            return int(number)
    number = metadata.get("ls_max_tokens")
    return int(number) if _is_integer(number) and number >= 0 else None


def _add_reasoning(found: Attributes, params: Mapping[str, Any]) -> None:
    level = next((params[key] for key in _LEVEL_KEYS if params.get(key) is not None), None)
    if level is None:
        reasoning = params.get("reasoning")
        level = reasoning.get("effort") if isinstance(reasoning, Mapping) else None
    if level and isinstance(level, str):
        found[semconv.REQUEST_REASONING_LEVEL] = level
    previous = params.get("previous_response_id")
    if previous and isinstance(previous, str):
        found[semconv.REQUEST_PREVIOUS_RESPONSE] = previous


def _output_type(params: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    if "ls_structured_output_format" in options:
        return "json"
    wanted = params.get("response_format")
    if wanted is None:
        return _modality(params)
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    return "text" if kind == "text" else "json"


def _modality(params: Mapping[str, Any]) -> str:
    for key in _MODALITIES_KEYS:
        wanted = params.get(key)
        for modality in wanted if isinstance(wanted, list | tuple) else ():
            found = _MODALITIES.get(str(modality).lower())
            if found:
                return found
    return ""


def conversation_id(metadata: Mapping[str, Any]) -> str:
    """Return the conversation from the metadata keys in common use, or ""."""
    for key in _CONVERSATION_KEYS:
        value = metadata.get(key)
        if value is not None and value != "":
            return str(value)
    return ""


def server_attributes(url: object) -> Attributes:
    """Split a base URL into server address and port; empty for what isn't a URL."""
    return dict(_server(url)) if isinstance(url, str) else {}


@lru_cache(maxsize=256)
def _server(url: str) -> tuple[tuple[str, str | int], ...]:
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return ()
    if not host:
        return ()
    port = port or (80 if parts.scheme == "http" else 443)
    return ((semconv.SERVER_ADDRESS, host), (semconv.SERVER_PORT, port))


def identifying_params(params: Mapping[str, Any], options: Mapping[str, Any]) -> Attributes:
    """Collect the model's identifying parameters, credentials removed.

    LangChain lays a call's arguments over the identifying parameters, and only some execution
    modes repeat them in ``options``. But the order tells: ``_type`` and ``stop`` are set after
    the identifying parameters and before the call's arguments, so that what comes after both
    is new with the call. One that has the name of an identifying parameter takes its place;
    then the call's value is the one in force, and it is recorded.

    Args:
        params: LangChain's ``invocation_params``.
        options: LangChain's ``options``: the call's arguments that it names are left out.

    Returns:
        ``langchain.identifying_params.<key>``: scalars as they are, the rest as JSON.
    """
    found: Attributes = {}
    markers = 0
    for key, value in params.items():
        if key in _MARKERS:
            markers += 1
            if markers == len(_MARKERS):
                break
        if value is None or key in _CALL_ARGUMENTS or key in options or is_credential(key):
            continue
        kept = recordable(value)
        if kept is not None:
            found[semconv.IDENTIFYING_PARAMS + key] = kept
    return found


def allowed_context(
    tags: Sequence[str] | None,
    metadata: Mapping[str, Any],
    allowed_tags: Collection[str],
    allowed_metadata: Collection[str],
) -> Attributes:
    """Collect tags and metadata that the user asked to have recorded."""
    found: Attributes = {}
    kept_tags = [tag for tag in tags or () if tag in allowed_tags]
    if kept_tags:
        found[semconv.TAGS] = kept_tags
    for key in allowed_metadata:
        value = recordable(metadata.get(key))
        if value is not None and not is_credential(key):
            found[semconv.METADATA + key] = value
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _is_integer(value: object) -> TypeGuard[int]:
    # OTLP has signed 64-bit integers only: another one would be lost, with a line in the log.
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
