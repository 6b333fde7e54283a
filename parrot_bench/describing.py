"""What can be said of a chat model without calling it."""

from langchain_core.language_models import BaseChatModel
from pydantic import JsonValue

from parrot_bench.execution import implements
from parrot_bench.record import ModelDescription, ReplayDescription
from parrot_bench.replay.model import ReplayChatModel, typical
from parrot_callbacks.redaction import is_credential, recordable


def describe(model: BaseChatModel, spec: str, second: str) -> ModelDescription:
    """Say what can be said of a model without calling it."""
    cls = type(model)
    name = next(
        (
            value
            for key in ("model_name", "model", "model_id", "deployment_name")
            if isinstance(value := getattr(model, key, None), str)
        ),
        "",
    )
    return ModelDescription(
        spec=spec,
        class_name=f"{cls.__module__}.{cls.__qualname__}",
        llm_type=model._llm_type,  # noqa: SLF001  # LangChain's protocol for models
        model_name=name,
        identifying_params=public_params(model),
        native_async=implements(model, "_agenerate") or implements(model, "_astream"),
        native_stream=implements(model, "_stream") or implements(model, "_astream"),
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


def public_params(model: BaseChatModel) -> dict[str, JsonValue]:
    """The model's identifying params as they are recorded on spans, credentials removed."""
    params = {str(key): value for key, value in model._identifying_params.items()}  # noqa: SLF001
    return {key: recordable(value) for key, value in params.items() if not is_credential(key)}
