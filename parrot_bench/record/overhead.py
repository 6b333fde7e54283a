"""Result of the overhead study: what each mode costs over its floor and the baseline."""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Percentile, Saved

Verdict = Literal["baseline", "faster", "slower", "same", "not resolved", "not measured"]
"""What is said of a mode against the baseline; ``same`` means *same within delta*."""

StoppedBy = Literal["target", "time", "max-calls", "max-tokens", "interrupted", "failed", "done"]
"""Why a study ended; ``done``: it had asked all it wanted to ask."""


class ModeOverhead(Saved):
    """What the overhead study found for one mode. Times are nanoseconds per call.

    Attributes:
        mode: Name of the mode.
        cpu: Median CPU time per call over blocks, all threads of the process.
        wall: Median wall time per call over blocks.
        cpu_ratio: Paired ratio of CPU time to the baseline; None for the baseline itself.
        wall_ratio: The same for wall time.
        cpu_ratio_joint: ``cpu_ratio`` with its interval widened for all modes together
            (Bonferroni); drawn in the forest plot.
        wall_ratio_joint: The same for wall time.
        cpu_floor_ratio: Paired ratio of CPU time to its own floor; None for floors.
        wall_floor_ratio: The same for wall time.
        verdict: From the deciding clock's interval (Holm over the modes).
        decided_by: The clock the verdict comes from.
        verdict_note: Why it is amber or not measured; empty otherwise.
        disagrees: CPU and wall time say different things.
        seconds_to_resolve: How long the rounds would have to run in all, those that did
            included; None when resolved.
        cold: Median time of the first call after another mode's block, wall; None if unknown.
        percentiles: p50, p90, p95, p99 of stamped calls.
        calls: Timed calls.
        blocks: Timed blocks.
        calls_per_block: Calls of one block.
        every: The mode has a block in every ``every``-th round.
        calls_per_second: Calls over wall time of its blocks.
        tokens_per_second: Output tokens over wall time; None when the reply has no usage.
        errors: Blocks that raised and were left out, by error type.
    """

    mode: str
    cpu: Estimate | None
    wall: Estimate | None
    cpu_ratio: Estimate | None = None
    wall_ratio: Estimate | None = None
    cpu_ratio_joint: Estimate | None = None
    wall_ratio_joint: Estimate | None = None
    cpu_floor_ratio: Estimate | None = None
    wall_floor_ratio: Estimate | None = None
    verdict: Verdict
    decided_by: Literal["cpu", "wall"]
    verdict_note: str = ""
    disagrees: bool = False
    seconds_to_resolve: float | None = None
    cold: Estimate | None = None
    percentiles: tuple[Percentile, ...] = ()
    calls: int = 0
    blocks: int = 0
    calls_per_block: int = 0
    every: int = 1
    calls_per_second: float | None = None
    tokens_per_second: float | None = None
    errors: dict[str, int] = Field(default_factory=dict)


class OverheadResult(Saved):
    """Result of the overhead study.

    Attributes:
        baseline: The mode the others are divided by.
        modes: One entry a measured mode, floors included, in the order of the mode table.
        aa_cpu: The baseline divided by a second instance of itself, CPU, 99 % interval.
        aa_wall: The same for wall time.
        warmup_ratio: First fifth of the rounds over the rest, for the baseline's deciding clock.
        rounds: Finished rounds.
        stamped_rounds: Rounds in which every call was stamped; not part of any ratio.
        stopped_by: Why the rounds ended.
        duration_s: Wall time of the rounds, seconds.
        calls: Calls of the model in all, warm-up and untimed calls included.
        processes: Fresh processes that the rounds were spread over; of three and more, the process
            is the unit of every ratio's interval.
    """

    baseline: str
    modes: tuple[ModeOverhead, ...]
    aa_cpu: Estimate | None
    aa_wall: Estimate | None
    warmup_ratio: Estimate | None
    rounds: int
    stamped_rounds: int
    stopped_by: StoppedBy
    duration_s: float
    calls: int
    processes: int = 1
