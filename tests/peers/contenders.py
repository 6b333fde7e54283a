"""Who is timed: nobody, the floors, our handler, our instrumentor, and whoever else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from math import ceil
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from parrot_bench.execution import CallSettings, drain
from parrot_bench.timing import Async, Sync
from parrot_callbacks import OpenTelemetryCallbackHandler
from tests.peers.floor import (
    SCOPE,
    CallMeteredMinimalHandler,
    Records,
    bare_span,
    minimal_handler,
)
from tests.peers.paths import MODEL, Path
from tests.peers.telemetry import Setting, Telemetry

NOBODY = "none"
MINIMAL = "minimal handler"
MINIMAL_CALLS = "minimal handler, no records of chunks"
MINIMAL_SPANS = "minimal handler, no records"
BARE = "bare span"
OURS = "parrot_callbacks, handler"
OURS_INSTRUMENTOR = "parrot_callbacks, instrumentor"

# Untimed calls at the head of a block, as a share of its timed ones. More than a run's blocks
# have: swapping methods of LangChain's classes makes CPython forget what it had specialised for
# them. The first call after a switch took 1.5-2.3 times as long, the fifth 1.03, the eighth 1.01.
PRIMED_SHARE = 0.2
LEAST_PRIMED = 2
BARE_SPANS = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call (one batch) took, in nanoseconds."""

    cpu_ns: float
    wall_ns: float


class Factory(Protocol):
    """Makes a handler, or switches an instrumentor on: it then has ``uninstrument()``.

    The same factories serve ``parrot-bench conformance``.
    """

    def __call__(
        self, tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
    ) -> Any: ...


@contextmanager
def switched_on(
    factory: Factory, tracer_provider: TracerProvider, meter_provider: MeterProvider | None
) -> Iterator[RunnableConfig | None]:
    """Make a handler or switch an instrumentor on, and give the configuration calls need for it.

    OpenLLMetry's ``uninstrument()`` leaves ``BaseCallbackManager.__init__`` wrapped: it looks
    for the dotted name as if it were one attribute. So what was there before is put back.
    """
    before = BaseCallbackManager.__init__
    made = factory(tracer_provider, meter_provider)
    if not hasattr(made, "uninstrument"):
        yield {"callbacks": [made]}
        return
    try:
        yield None
    finally:
        made.uninstrument()
        BaseCallbackManager.__init__ = before  # type: ignore[method-assign]


Timers = Mapping[str, Sync | Async]


class Contender(Protocol):
    """Somebody who can be timed.

    Attributes:
        name: As in the tables.
        telemetry: Where it reports to.
    """

    name: str
    telemetry: Telemetry

    def block(self, path: Path, timers: Timers) -> Cost:
        """Time one block of calls."""

    def spans(self, path: Path) -> int:
        """How many spans a block makes, untimed calls included."""


class Tracing:
    """A handler or an instrumentor, made anew for every block and gone after it.

    Args:
        name: As in the tables.
        factory: Makes it.
        setting: What becomes of its telemetry.
    """

    def __init__(self, name: str, factory: Factory, setting: Setting) -> None:
        self.name = name
        self.telemetry = Telemetry(setting)
        self._factory = factory

    @contextmanager
    def active(self) -> Iterator[RunnableConfig | None]:
        """Trace, and give the configuration that calls need for it."""
        with (
            self.telemetry.meter_provider() as meter_provider,
            switched_on(self._factory, self.telemetry.tracer_provider, meter_provider) as config,
        ):
            yield config

    def block(self, path: Path, timers: Timers) -> Cost:
        """Time one block of calls; making the handler and taking it away again is not timed."""
        with self.active() as config:
            return _time_calls(path, config, timers)

    def spans(self, path: Path) -> int:
        """One of every call."""
        return (_primed(path) + path.units) * path.prompts


class Untraced:
    """No tracing at all."""

    name = NOBODY

    def __init__(self, setting: Setting) -> None:
        self.telemetry = Telemetry(setting)

    def block(self, path: Path, timers: Timers) -> Cost:
        """Time one block of calls."""
        return _time_calls(path, None, timers)

    def spans(self, path: Path) -> int:
        """None."""
        return 0


class BareSpans:
    """The spans (and records) of a call, without any call."""

    name = BARE

    def __init__(self, setting: Setting) -> None:
        self.telemetry = Telemetry(setting)

    def block(self, path: Path, timers: Timers) -> Cost:
        """Time one block of spans."""
        tracer = self.telemetry.tracer_provider.get_tracer(SCOPE)
        with self.telemetry.meter_provider() as meter_provider:
            records = Records(meter_provider.get_meter(SCOPE)) if meter_provider else None

            def call(chunks: int) -> None:
                bare_span(tracer, records, chunks)

            spans = self._timed(path)
            primed = self.spans(path) - spans
            reading = Sync().reading(call, path.chunks, primed, spans)
        share = path.prompts / spans
        return Cost(reading.cpu_ns * share, reading.wall_ns * share)

    def spans(self, path: Path) -> int:
        """Enough for a block of some milliseconds."""
        return self._timed(path) + ceil(self._timed(path) * PRIMED_SHARE)

    def _timed(self, path: Path) -> int:
        # With metrics every chunk is a record, and a record costs a third of a span.
        return BARE_SPANS // (10 if path.chunks else 1)


def _primed(path: Path) -> int:
    return max(LEAST_PRIMED, ceil(path.units * PRIMED_SHARE)) if path.prompts == 1 else 1


def _time_calls(path: Path, config: RunnableConfig | None, timers: Timers) -> Cost:
    # Bound here: an instrumentor may have put another method in its place.
    call = path.mode.bind(MODEL, CallSettings(config=config), drain)
    timer = timers[path.mode.kind]
    reading = timer.reading(call, path.item, _primed(path), path.units)
    return Cost(reading.cpu_ns / path.units, reading.wall_ns / path.units)


def our_handler(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> OpenTelemetryCallbackHandler:
    """Return our handler."""
    return OpenTelemetryCallbackHandler(tracer_provider, meter_provider)


def our_instrumentor(
    tracer_provider: TracerProvider, meter_provider: MeterProvider | None = None
) -> Any:
    """Switch our instrumentor on."""
    from parrot_callbacks.instrumentor import LangChainInstrumentor

    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)
    return instrumentor


def ours() -> dict[str, Factory]:
    """Return both levels of ours, by name; without the instrumentor where there is none."""
    levels: dict[str, Factory] = {OURS: our_handler}
    if find_spec("parrot_callbacks.instrumentor") is not None:
        levels[OURS_INSTRUMENTOR] = our_instrumentor
    return levels


LESSER_FLOORS: Mapping[str, Factory] = {
    MINIMAL_CALLS: partial(minimal_handler, metered=CallMeteredMinimalHandler),
    MINIMAL_SPANS: lambda tracer_provider, _=None: minimal_handler(tracer_provider),
}
"""Minimal handlers that make fewer histogram records than ours; the same one without metrics."""


def contenders(setting: Setting, others: Mapping[str, Factory]) -> list[Contender]:
    """Return everybody who is timed side by side.

    Args:
        setting: What becomes of the telemetry.
        others: Factories of other people's handlers, by name.
    """
    tracing: dict[str, Factory] = {MINIMAL: minimal_handler, **ours(), **others}
    return [
        Untraced(setting),
        BareSpans(setting),
        *(Tracing(name, factory, setting) for name, factory in tracing.items()),
    ]
