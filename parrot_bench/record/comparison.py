"""What a comparison of two sides found."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Saved
from parrot_bench.record.overhead import Verdict
from parrot_bench.record.subject import Environment, ModelDescription

if TYPE_CHECKING:
    import polars as pl

Clock = Literal["cpu", "wall"]
"""CPU time of the process, or the time on the wall."""

SideName = Literal["candidate", "baseline"]
"""The candidate is divided by the baseline: a ratio over 1 means that the candidate is slower."""

GateVerdict = Literal["pass", "regression", "inconclusive", "not measured"]
"""What is said of a candidate against the threshold of ``--fail-on``."""


class SideRecord(Saved):
    """One side of a comparison.

    Attributes:
        label: What it is called in tables, such as ``langchain-core 1.6.0``.
        kind: What makes it what it is: another ``model``, a ``git`` reference, an installed
            ``requirement``, or saved ``runs``.
        spec: MODEL as it was loaded there; empty for the embedded parrot.
        commit: The commit whose files were measured; empty for the files of the current folder.
        model: What was measured; None when it was never loaded.
        environment: Where; of the first process.
        changed: Distribution to its version on the candidate's and on this side, where they
            differ; an empty version is *not installed*.
        notes: What a reader should know, each in one clause.
        runs: Names of the saved runs, for that kind.
    """

    label: str
    kind: Literal["model", "git", "requirement", "runs"]
    spec: str = ""
    commit: str = ""
    model: ModelDescription | None = None
    environment: Environment | None = None
    changed: dict[str, tuple[str, str]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


class ModeComparison(Saved):
    """What was found for one mode.

    Attributes:
        mode: Name of the mode.
        study: The study whose figure is compared.
        candidate_ns: Nanoseconds per call on the candidate's side, by the deciding clock.
        baseline_ns: The same for the baseline's side.
        cpu_ratio: Candidate over baseline in CPU time; ``count`` is the number of units.
        wall_ratio: The same in wall time.
        decided_by: The clock that the verdicts come from.
        verdict: From the interval, all modes read together (Holm).
        gated: The gate looks at it where nobody names other modes.
        gate: Against ``fail_on``; None without it, or where this mode is not looked at.
        note: Why it is not measured or not decided; empty otherwise.
        units: Pairs of processes (or runs) behind it.
        rounds: Rounds behind it; 0 for saved runs.
        between: Standard deviation of the units' log ratios, by the deciding clock.
        within: What a unit's own rounds contribute to it.
    """

    mode: str
    study: str = "overhead"
    candidate_ns: float | None = None
    baseline_ns: float | None = None
    cpu_ratio: Estimate | None = None
    wall_ratio: Estimate | None = None
    decided_by: Clock = "cpu"
    verdict: Verdict = "not measured"
    gated: bool = True
    gate: GateVerdict | None = None
    note: str = ""
    units: int = 0
    rounds: int = 0
    between: float | None = None
    within: float | None = None

    @property
    def ratio(self) -> Estimate | None:
        """The ratio by the deciding clock."""
        return self.cpu_ratio if self.decided_by == "cpu" else self.wall_ratio


class ComparisonResult(Saved):
    """A comparison of two sides.

    Attributes:
        candidate: What is judged.
        baseline: What it is divided by.
        modes: One entry a mode, those that a side lacks included.
        unit: What the interval counts: ``pair`` of fresh processes, or saved ``run``.
        units: How many.
        rounds: Finished rounds of all pairs.
        fail_on: The threshold: 0.01 is 1 %; None for none.
        delta: Ratios inside ±delta are called the same.
        gate: The worst of the gated modes; None without a threshold.
        aa_candidate: A mode against a second instance of itself within the candidate's
            processes, 99 % interval over the pairs.
        aa_baseline: The same within the baseline's.
        unlike: In what saved runs differed and were compared all the same.
        stopped_by: Why the measurement ended; empty for saved runs.
        duration_s: Wall time of all pairs, seconds.
    """

    candidate: SideRecord
    baseline: SideRecord
    modes: tuple[ModeComparison, ...]
    unit: Literal["pair", "run"]
    units: int
    rounds: int = 0
    fail_on: float | None = None
    delta: float
    gate: GateVerdict | None = None
    aa_candidate: Estimate | None = None
    aa_baseline: Estimate | None = None
    unlike: tuple[str, ...] = ()
    stopped_by: Literal["", "target", "pairs", "time", "max-calls", "interrupted", "failed"] = ""
    duration_s: float = 0.0

    def to_polars(self) -> "pl.DataFrame":
        """Its ratios as a table; see :func:`parrot_bench.notebook.comparison_frame`."""
        from parrot_bench.notebook import comparison_frame  # noqa: PLC0415  # needs polars

        return comparison_frame(self)

    def _repr_html_(self) -> str | None:
        """What a notebook shows."""
        from parrot_bench.notebook import comparison_html  # noqa: PLC0415  # needs matplotlib

        return comparison_html(self)
