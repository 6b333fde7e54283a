"""What the overhead study is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from parrot_bench.execution import ExecutionMode
from parrot_bench.studies.bench import Calls


@dataclass(frozen=True, kw_only=True)
class OverheadPlan(Calls):
    """What the overhead study is asked to do.

    Attributes:
        modes: The modes to measure, the baseline among them.
        baseline: Name of the mode the others are divided by.
        seed: Seed of the order of the modes.
        tail_s: Time for the pass with garbage collection on, seconds; 0 for none.
    """

    modes: Sequence[ExecutionMode]
    baseline: str
    seed: int = 0
    tail_s: float = 0.0
