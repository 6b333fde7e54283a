"""What the overhead study is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from parrot_bench.events import PlannedMode
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
        alone: Every block is to be compared with one of another process: no round is stamped,
            and no slow mode brings a block of the baseline along.
        blocks: How modes take part, where that was planned elsewhere: blocks that are compared
            are of one length.
    """

    modes: Sequence[ExecutionMode]
    baseline: str
    seed: int = 0
    tail_s: float = 0.0
    alone: bool = False
    blocks: Sequence[PlannedMode] = ()
