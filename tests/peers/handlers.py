"""Other people's handlers, switched on as their documentation says, content capture off.

Each factory takes the providers to report to and returns an instrumentor that is switched on.
They serve the measurement here and ``parrot-bench conformance``:

    parrot-bench conformance tests.peers.handlers:official

Their check of dependencies is skipped: it reads the metadata of every installed distribution,
and an instrumentor is switched on hundreds of times.
"""

import os
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from tests.peers.contenders import Factory


def official(tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None) -> Any:
    """OpenTelemetry's own. It records no content unless the environment asks for it."""
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    os.environ.pop("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", None)
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(
        skip_dep_check=True, tracer_provider=tracer_provider, meter_provider=meter_provider
    )
    return instrumentor


def openllmetry(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Any:
    """Traceloop's. It records content unless TRACELOOP_TRACE_CONTENT is false."""
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    os.environ["TRACELOOP_TRACE_CONTENT"] = "false"
    instrumentor = LangchainInstrumentor()
    instrumentor.instrument(
        skip_dep_check=True, tracer_provider=tracer_provider, meter_provider=meter_provider
    )
    return instrumentor


def openinference(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Any:
    """Arize's. It records content unless it is told to hide it, and has no metrics."""
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.langchain import LangChainInstrumentor

    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(
        skip_dep_check=True,
        tracer_provider=tracer_provider,
        config=TraceConfig(hide_inputs=True, hide_outputs=True),
    )
    return instrumentor


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
