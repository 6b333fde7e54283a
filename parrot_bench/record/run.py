"""The record of a run.

History of ``schema_version``:

1.  First version: the overhead study and the traced pass.
2.  Every study has a result of its own; ``left_out`` says why one has none. A comparison of two
    sides measured in one sitting.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from parrot_bench.record.base import Saved
from parrot_bench.record.comparison import ComparisonResult
from parrot_bench.record.concurrency import ConcurrencyResult
from parrot_bench.record.growth import GrowthResult
from parrot_bench.record.load import LoadResult
from parrot_bench.record.overhead import OverheadResult
from parrot_bench.record.parity import ParityResult
from parrot_bench.record.streaming import StreamingResult
from parrot_bench.record.subject import (
    Condition,
    Configuration,
    Environment,
    ModelDescription,
    ModeRecord,
    Noise,
)
from parrot_bench.record.traced import Reconciliation
from parrot_bench.record.tracing import TracingResult

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION: Final = 2


class TrustCheck(Saved):
    """One reason to trust the run, or not to.

    Attributes:
        name: Short name, such as ``A/A`` or ``reconciliation``.
        level: ``green``: fine. ``amber``: read with care. ``red``: the run failed this check.
        sentence: The finding in words, with its numbers.
    """

    name: str
    level: Literal["green", "amber", "red"]
    sentence: str


class RunRecord(Saved):
    """Everything a run knows about itself: configuration, environment, results, trust.

    Attributes:
        schema_version: Version of this schema. What version 1 lacks is read as not measured.
        name: The run directory's name.
        status: ``complete``, or ``incomplete`` while it runs and after a stop.
        status_note: Why it is incomplete.
        started: When the run began, with its time zone.
        duration_s: Wall time of the whole run so far, seconds.
        command: The command line, one argument an item, credentials removed.
        parrot_bench_version: Version of the harness.
        trust: The trust checks, in the order they are printed.
        failures: Modes left out while running, and why.
        left_out: Studies that were asked for and have no result, and why.
    """

    schema_version: Literal[1, 2] = SCHEMA_VERSION
    name: str
    status: Literal["complete", "incomplete"]
    status_note: str = ""
    started: datetime
    duration_s: float
    command: tuple[str, ...]
    parrot_bench_version: str
    model: ModelDescription | None
    configuration: Configuration
    environment: Environment
    conditions: tuple[Condition, ...] = ()
    modes: tuple[ModeRecord, ...] = ()
    overhead: OverheadResult | None = None
    comparison: ComparisonResult | None = None
    streaming: StreamingResult | None = None
    concurrency: ConcurrencyResult | None = None
    parity: ParityResult | None = None
    tracing: TracingResult | None = None
    growth: GrowthResult | None = None
    load: LoadResult | None = None
    reconciliation: Reconciliation | None = None
    noise: Noise | None = None
    trust: tuple[TrustCheck, ...] = ()
    failures: dict[str, str] = Field(default_factory=dict)
    left_out: dict[str, str] = Field(default_factory=dict)

    @property
    def trusted(self) -> bool:
        """Whether every trust check is green and the run is complete."""
        return self.status == "complete" and all(c.level == "green" for c in self.trust)

    def to_polars(self) -> "pl.DataFrame":
        """Its times and ratios as a table; see :func:`parrot_bench.notebook.run_frame`."""
        from parrot_bench.notebook import run_frame  # noqa: PLC0415  # needs polars

        return run_frame(self)

    def _repr_html_(self) -> str | None:
        """What a notebook shows."""
        from parrot_bench.notebook import run_html  # noqa: PLC0415  # needs matplotlib

        return run_html(self)
