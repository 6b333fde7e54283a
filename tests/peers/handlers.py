"""Other people's handlers, switched on as their documentation says, content capture off.

Each factory takes the providers to report to and returns an object whose ``uninstrument()``
undoes it. They serve the measurement here and ``parrot-bench conformance``:

    parrot-bench conformance tests.peers.handlers:official
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from tests.peers.contenders import Factory


class Removable:
    """An instrumentor that is switched on, and that can be switched off for certain.

    OpenLLMetry's ``uninstrument()`` leaves ``BaseCallbackManager.__init__`` wrapped: it looks
    for the dotted name as if it were one attribute. So what was there before is put back.

    Args:
        instrumentor: An ``opentelemetry.instrumentation`` instrumentor.
        arguments: Of its ``instrument()``.
    """

    def __init__(self, instrumentor: Any, **arguments: Any) -> None:
        self._before: Callable[..., None] = BaseCallbackManager.__init__
        self._instrumentor = instrumentor
        # The check of dependencies reads the metadata of every installed distribution.
        instrumentor.instrument(skip_dep_check=True, **arguments)

    def uninstrument(self) -> None:
        """Switch it off, and put back what it may have left behind."""
        self._instrumentor.uninstrument()
        BaseCallbackManager.__init__ = self._before  # type: ignore[method-assign]


def official(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Removable:
    """OpenTelemetry's own. It records no content unless the environment asks for it."""
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    os.environ.pop("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", None)
    return Removable(
        LangChainInstrumentor(), tracer_provider=tracer_provider, meter_provider=meter_provider
    )


def openllmetry(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Removable:
    """Traceloop's. It records content unless TRACELOOP_TRACE_CONTENT is false."""
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    os.environ["TRACELOOP_TRACE_CONTENT"] = "false"
    return Removable(
        LangchainInstrumentor(), tracer_provider=tracer_provider, meter_provider=meter_provider
    )


def openinference(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Removable:
    """Arize's. It records content unless it is told to hide it, and has no metrics."""
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.langchain import LangChainInstrumentor

    return Removable(
        LangChainInstrumentor(),
        tracer_provider=tracer_provider,
        config=TraceConfig(hide_inputs=True, hide_outputs=True),
    )


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Somebody else's handler.

    Attributes:
        title: As in the tables.
        distribution: What is installed; ``peer-<name>`` in pyproject.toml has its version.
        factory: Switches it on.
    """

    title: str
    distribution: str
    factory: Factory

    @property
    def is_installed(self) -> bool:
        """Whether the distribution is there."""
        try:
            metadata.distribution(self.distribution)
        except metadata.PackageNotFoundError:
            return False
        return True


PEERS = {
    "official": Peer(
        title="OpenTelemetry (official)",
        distribution="opentelemetry-instrumentation-genai-langchain",
        factory=official,
    ),
    "openllmetry": Peer(
        title="OpenLLMetry",
        distribution="opentelemetry-instrumentation-langchain",
        factory=openllmetry,
    ),
    "openinference": Peer(
        title="OpenInference",
        distribution="openinference-instrumentation-langchain",
        factory=openinference,
    ),
}
