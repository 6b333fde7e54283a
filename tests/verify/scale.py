"""What more workers get done, where the client is the limit: loads of the parrot, in turn."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from parrot_bench.errors import MeasurementError
from parrot_bench.record import read_record

IN_FLIGHT = 16
PROMISED = 1.8
"""Two workers over one process, at least, on a machine with nothing else to do.

Not two: their coordinator puts the calls together meanwhile, and shares the two processors that
there may be.
"""

QUIET = 0.1
"""Share of the processors that others may use meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """One load.

    Attributes:
        workers: How many made it; 0 for one process without workers.
        per_s: Calls answered in a second.
        busy: Of the busiest worker.
        others: Share of the processors that other processes used; None where it is not known.
    """

    workers: int
    per_s: float
    busy: float
    others: float | None


def loaded(workers: int, mode: str, seconds: float) -> Scaled:
    """Put the parrot under a load that it is never the limit of."""
    more = ("--workers", str(workers)) if workers else ()
    with TemporaryDirectory() as folder:
        out = Path(folder) / "load"
        done = subprocess.run(
            [sys.executable, "-m", "parrot_bench", "load", "--modes", mode, "--concurrency",
             str(IN_FLIGHT), "--time", f"{seconds:g}", "--yes", "--quiet", "--out", str(out),
             *more],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise MeasurementError(f"the load failed:\n{done.stderr}")
        record = read_record(out)
    if record.load is None:
        raise MeasurementError("the load has no result")
    (level,) = record.load.levels
    others = record.noise.other_cpu_share if record.noise else None
    return Scaled(workers=workers, per_s=level.throughput, busy=level.busy, others=others)


def table(loads: Sequence[Scaled]) -> str:
    """The medians, a row for each number of workers."""
    alone = median(each.per_s for each in loads if not each.workers)
    lines = [
        "| made by | calls a second | over one process | other processes |",
        "|---|--:|--:|--:|",
    ]
    for workers in sorted({each.workers for each in loads}):
        own = [each for each in loads if each.workers == workers]
        name = {0: "one process", 1: "1 worker"}.get(workers, f"{workers} workers")
        per_s = median(each.per_s for each in own)
        low, high = min(each.per_s for each in own), max(each.per_s for each in own)
        known = [each.others for each in own if each.others is not None]
        lines.append(
            f"| {name} | {per_s:,.0f} ({low:,.0f} to {high:,.0f}) | {per_s / alone:.2f} | "
            f"{f'{max(known):.0%}' if known else 'unknown'} |"
        )
    return "\n".join(lines)


def outcome(loads: Sequence[Scaled]) -> str:
    """Whether two workers do what is promised; on a machine that is busy that can't be told."""
    if any(each.others is None or each.others > QUIET for each in loads):
        return "the machine was busy"
    two = median(each.per_s for each in loads if each.workers == 2)
    return "kept" if two / median(e.per_s for e in loads if not e.workers) >= PROMISED else "broken"
