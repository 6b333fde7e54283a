"""What can be said of a chat model, or another Runnable, without calling it."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable
from pydantic import JsonValue

from parrot_bench.execution import implements, is_chat_model
from parrot_bench.record import ModelDescription, ReplayDescription
from parrot_bench.replay.model import ReplayChatModel, typical
from parrot_bench.runnables.kinds import kind_of, models_in, parts_of, without_own_threads
from parrot_callbacks.redaction import is_credential, recordable

MOST_PARTS = 12
"""Parts of a chain that are named; one may have hundreds."""


def describe(model: Runnable[Any, Any], spec: str, second: str) -> ModelDescription:
    """Say what can be said of a model without calling it."""
    given = without_own_threads(model)
    inside = models_in(model)
    # Of several models none is *the* model.
    only = inside[0] if len(inside) == 1 else None
    return ModelDescription(
        spec=spec,
        class_name=_class(given),
        kind=kind_of(model),
        parts=tuple(_parts(given)),
        own_threads=given is not model,
        llm_type=model._llm_type if is_chat_model(model) else kind_of(model),  # noqa: SLF001  # LangChain's protocol for models
        model_name=_name(only) if only is not None else "",
        identifying_params=public_params(only) if only is not None else {},
        native_async=any(implements(m, "_agenerate") or implements(m, "_astream") for m in inside),
        native_stream=any(implements(m, "_stream") or implements(m, "_astream") for m in inside),
        waits=False,
        second_instance=second,
        replay=_replay(model) if isinstance(model, ReplayChatModel) else None,
    )


def _replay(model: ReplayChatModel) -> ReplayDescription:
    recording = model.recording
    header = recording.header
    return ReplayDescription(
        recorded_from=header.model_name or header.class_name,
        recorded=header.recorded,
        replies=len(recording.replies),
        median_chunks=len(typical(recording.replies).pieces),
        latency=model.latency,
        order=model.order,
        torn=recording.torn,
        sha256=recording.digest,
    )


def public_params(model: Runnable[Any, Any]) -> dict[str, JsonValue]:
    """A chat model's identifying params as they are recorded on spans, credentials removed."""
    if not is_chat_model(model):
        return {}
    params = {str(key): value for key, value in model._identifying_params.items()}  # noqa: SLF001
    return {key: recordable(value) for key, value in params.items() if not is_credential(key)}


def _name(model: BaseChatModel) -> str:
    names = ("model_name", "model", "model_id", "deployment_name")
    values = (getattr(model, name, None) for name in names)
    return next((value for value in values if isinstance(value, str)), "")


def _parts(model: Runnable[Any, Any]) -> list[str]:
    """Classes of what a Runnable is made of; their names say nothing of what they were given."""
    inner = [type(part).__qualname__ for part in parts_of(model)[1:]]
    shown = [name for name in inner if not name.startswith("Runnable")]
    return shown[:MOST_PARTS]


def _class(model: Runnable[Any, Any]) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"
