"""What of a saved run can be compared with another run: times by study and mode. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from parrot_bench.record import Clock, Estimate, RunRecord, StreamingResult


@dataclass(frozen=True)
class Figure:
    """One time of one run.

    Attributes:
        study: The study that found it, and which of its figures it is.
        mode: The mode that it is about.
        decided_by: The clock that decides there.
        cpu: CPU time per call or chunk; None where there is none.
        wall: Wall time per call or chunk; None where there is none.
    """

    study: str
    mode: str
    decided_by: Clock
    cpu: Estimate | None
    wall: Estimate | None


def figures(record: RunRecord) -> Iterator[Figure]:
    """Yield what can be compared, in the order of the record."""
    if record.overhead is not None:
        for mode in record.overhead.modes:
            yield Figure("overhead", mode.mode, mode.decided_by, mode.cpu, mode.wall)
    if record.streaming is not None:
        yield from _streaming(record.streaming)
    if record.tracing is not None:
        for traced in record.tracing.modes:
            for case in traced.cases:
                # The other two are the overhead study's.
                if case.case not in {"model", "none"}:
                    yield Figure(f"tracing, {case.case}", traced.mode, "cpu", case.cpu, case.wall)


def _streaming(result: StreamingResult) -> Iterator[Figure]:
    """With the model as it is: what the parrot simulates besides says nothing of LangChain."""
    waits = False
    for arrivals in result.arrivals:
        if arrivals.latency is None:
            waits = arrivals.waits
            for mode in arrivals.modes:
                yield Figure("streaming, first chunk", mode.mode, "wall", None, mode.first_chunk)
    clock: Clock = "wall" if waits else "cpu"
    for cost in result.costs:
        yield Figure("streaming, each chunk", cost.mode, clock, cost.cpu, cost.wall)
