"""Result of the tracing study: what does observability cost?"""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Saved
from parrot_bench.record.overhead import StoppedBy

MODEL = "model"
NONE = "none"
CALLBACKS = "callbacks"
NO_OP = "no-op"
FILE = "file"
OTLP = "otlp"
COLLECTOR = "collector"

Layer = Literal["model", "langchain", "callbacks", "tracing"]
"""What a traced call is made of, from the inside out."""


class TracingCase(Saved):
    """What one mode costs while something listens. Times are nanoseconds per call.

    Attributes:
        case: ``model``: the mode's floor, the model's own method called by hand; ``none``:
            nothing listens; ``callbacks``: an inline handler that does nothing; ``no-op``: our
            handler, and a span processor that only counts; ``file``, ``otlp``, ``collector``:
            our handler, and spans queued for a file, for a receiver on this machine, for the
            user's own collector; anything else: the handler that was named so.
        cpu: Median CPU time per call over blocks, all threads of the process.
        wall: Median wall time per call over blocks.
        cpu_ratio: Paired ratio of CPU time to ``none``; None for ``none`` itself.
        wall_ratio: The same for wall time.
        cpu_added: Median of the per-round differences to ``none``, CPU time.
        wall_added: The same for wall time.
        spans_per_call: Spans that were recorded; None where nothing records any.
        calls: Timed calls.
        blocks: Timed blocks.
    """

    case: str
    cpu: Estimate
    wall: Estimate
    cpu_ratio: Estimate | None = None
    wall_ratio: Estimate | None = None
    cpu_added: Estimate | None = None
    wall_added: Estimate | None = None
    spans_per_call: float | None = None
    calls: int
    blocks: int


class TracingLayer(Saved):
    """What one layer adds to a call: a case against the case below it.

    Attributes:
        layer: Which.
        cpu: Of ``model``, its CPU time per call; of the others, the median of the per-round
            differences. The medians need not add up to the nanosecond.
        wall: The same for wall time.
    """

    layer: Layer
    cpu: Estimate
    wall: Estimate


class ModeTracing(Saved):
    """What the tracing study found for one mode.

    Attributes:
        mode: Name of the mode.
        cases: One entry a case.
        layers: Where the time of a traced call goes, from the model outwards; without ``model``
            and ``langchain`` where the mode has no floor.
        errors: Blocks that raised and were left out, by error type.
    """

    mode: str
    cases: tuple[TracingCase, ...]
    layers: tuple[TracingLayer, ...]
    errors: dict[str, int] = Field(default_factory=dict)

    def case(self, name: str) -> TracingCase | None:
        """The case of this name; None where it was not measured."""
        return next((case for case in self.cases if case.case == name), None)


class SpanExport(Saved):
    """What it costs to get queued spans out of the process, and what became of them.

    Attributes:
        case: ``file``, ``otlp`` or ``collector``.
        cpu: CPU time per span, median over flushes, nanoseconds. An application pays it later
            and on another thread; no time per call includes it.
        wall: The same for wall time.
        spans_per_request: Most spans of one request.
        sent: Spans that ended and were queued.
        acknowledged: Spans whose export was acknowledged.
        received: Spans that the receiver on this machine has counted; None for others.
        error: What the last failure said; empty when all went well.
    """

    case: str
    cpu: Estimate | None
    wall: Estimate | None
    spans_per_request: int
    sent: int
    acknowledged: int
    received: int | None = None
    error: str = ""

    @property
    def delivered(self) -> bool:
        """Whether every span has arrived."""
        counted = self.acknowledged if self.received is None else self.received
        return self.sent == self.acknowledged == counted


class NamedHandler(Saved):
    """A handler that was named on the command line.

    Attributes:
        name: As it was given.
        classes: The classes of what its factory made.
        distributions: Names and versions of the distributions they are from.
        attached: ``to every call``, or ``around every block`` where it instruments LangChain.
    """

    name: str
    classes: tuple[str, ...]
    distributions: dict[str, str]
    attached: str


class TracingResult(Saved):
    """Result of the tracing study.

    Attributes:
        modes: One entry a measured mode.
        exports: One entry an exporter.
        handlers: The handlers that were named.
        left_out: Modes and handlers that were not measured, and why.
        left_out_by: Name of the variable by which the user leaves spans out; empty for none.
        rounds: Finished rounds.
        stopped_by: Why they ended.
        duration_s: Wall time of the rounds, seconds.
    """

    modes: tuple[ModeTracing, ...]
    exports: tuple[SpanExport, ...] = ()
    handlers: tuple[NamedHandler, ...] = ()
    left_out: dict[str, str] = Field(default_factory=dict)
    left_out_by: str = ""
    rounds: int
    stopped_by: StoppedBy
    duration_s: float
