"""Asking the instrumentations of providers' clients to stand back.

With one of them installed, a call gives two spans that both count its tokens: one of ours and
one of the client's below it. Some of them look for a key in the context and stand back.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

OPENLLMETRY: Final = "suppress_language_model_instrumentation"
"""OpenLLMetry's key; ``SUPPRESS_LANGUAGE_MODEL_INSTRUMENTATION_KEY`` of its package."""


def suppressing_values() -> Callable[[], Mapping[str, object]]:
    """Return what makes the context keys and values for the time inside a model.

    The official GenAI instrumentations (``opentelemetry-util-genai``) take a call for an inner
    one, without a span, where the context has the record of an outer call; they write into
    that record, so each call gets one of its own. OpenInference has no key but
    OpenTelemetry's general one, which would also suppress the spans of HTTP clients and of
    models that call models: it can't be asked.
    """
    official = _official()

    def values() -> Mapping[str, object]:
        if official is None:
            return {OPENLLMETRY: True}
        return {
            OPENLLMETRY: True,
            official.CLIENT_INFERENCE_CONTEXT_KEY: official.InferenceData(),
        }

    return values


def _official() -> Any:
    try:
        module = import_module("opentelemetry.util.genai.invocation")
    except ImportError:
        return None
    names = ("CLIENT_INFERENCE_CONTEXT_KEY", "InferenceData")
    return module if all(hasattr(module, name) for name in names) else None
