"""What of a saved run can be compared with another run: one time a study and mode. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from parrot_bench.record import Estimate, RunRecord


@dataclass(frozen=True)
class Figure:
    """One time of one run.

    Attributes:
        study: The study that found it.
        mode: The mode that it is about.
        decided_by: The clock that decides there.
        cpu: CPU time per call; None where there is none.
        wall: Wall time per call; None where there is none.
    """

    study: str
    mode: str
    decided_by: Literal["cpu", "wall"]
    cpu: Estimate | None
    wall: Estimate | None


def figures(record: RunRecord) -> Iterator[Figure]:
    """Yield what can be compared, in the order of the record."""
    if record.overhead is not None:
        for mode in record.overhead.modes:
            yield Figure("overhead", mode.mode, mode.decided_by, mode.cpu, mode.wall)
