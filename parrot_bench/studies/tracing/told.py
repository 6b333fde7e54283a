"""What the tracing study tells beside its samples; :mod:`.costs` reads it."""

from dataclasses import dataclass

from parrot_bench.record.tracing import NamedHandler
from parrot_bench.studies.tracing.listeners import Flushed


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something was not measured, or not to the end.

    Attributes:
        what: A mode, a handler, or a handler in a mode.
        reason: Why.
    """

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpansMade:
    """Spans of one case in one mode, over all its blocks.

    Attributes:
        mode: Name of the mode.
        case: The case.
        spans: Spans that ended.
        calls: Calls, untimed ones included.
    """

    mode: str
    case: str
    spans: int
    calls: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """What became of the spans of one exporter.

    Attributes:
        case: Whose.
        sent: Spans that ended.
        acknowledged: Spans whose export was acknowledged.
        received: Spans that the local receiver has counted; None for others.
        batch: Most spans of one request.
        error: What the last failure said.
    """

    case: str
    sent: int
    acknowledged: int
    received: int | None
    batch: int
    error: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the study is made under.

    Attributes:
        handlers: The handlers that were named.
        left_out_by: Name of the variable by which the user leaves spans out.
    """

    handlers: tuple[NamedHandler, ...]
    left_out_by: str


Observation = LeftOut | SpansMade | Arrived | Conditions | Flushed
"""What the study tells beside its rounds."""
