"""What more workers get done, where the client is the limit: loads of the parrot, in turn.

Two processors are not always twice one: those of a virtual machine may be halves of one. So two
workers are held against two processes that know nothing of each other and run at the same time. Of
a model that holds its event loop a process is the limit, too, and the processors are free: there
two workers are held against one process.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from parrot_bench.errors import MeasurementError
from parrot_bench.record import RunRecord, read_record

IN_FLIGHT = 16
PROMISED = 0.9
"""Two workers over two processes apart, at least, on a machine with nothing else to do.

Not all of it: their coordinator puts the calls together meanwhile, and shares the two processors
that there may be.
"""

TWICE = 1.95
"""Two workers over one process, at least, where processors are free."""

HOLDING = "tests.verify.holding:make"

QUIET = 0.1
"""Share of the processors that others may use meanwhile."""

APART = 2


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """One load.

    Attributes:
        workers: How many made it; 0 without workers.
        processes: That made it without knowing of each other; 1 with workers.
        per_s: Calls answered in a second, by all of them.
        others: Share of the processors that other processes used; None where it is not known.
    """

    workers: int
    processes: int
    per_s: float
    others: float | None

    @property
    def name(self) -> str:
        """Who made it, in words."""
        if not self.workers:
            return "one process" if self.processes == 1 else f"{self.processes} processes, apart"
        return f"{self.workers} worker{'s' if self.workers > 1 else ''}"


def loaded(workers: int, mode: str, seconds: float, *, held: bool = False) -> Scaled:
    """Put the parrot under a load that it is never the limit of, or one that holds its loop."""
    more = ("--workers", str(workers)) if workers else ()
    (record,) = _made(1, mode, seconds, more, held=held)
    others = record.noise.other_cpu_share if record.noise else None
    return Scaled(workers=workers, processes=1, per_s=_per_s(record), others=others)


def apart(mode: str, seconds: float, *, held: bool = False) -> Scaled:
    """Do so with two commands at the same time."""
    records = _made(APART, mode, seconds, (), held=held)
    return Scaled(workers=0, processes=APART, per_s=sum(map(_per_s, records)), others=None)


def _made(
    count: int, mode: str, seconds: float, more: Sequence[str], *, held: bool
) -> list[RunRecord]:
    with TemporaryDirectory() as folder:
        outs = [Path(folder) / f"load-{number}" for number in range(count)]
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "parrot_bench", "load", *([HOLDING] if held else []),
                 "--modes", mode, "--concurrency", str(IN_FLIGHT), "--time", f"{seconds:g}",
                 "--yes", "--quiet", "--out", str(out), *more],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            for out in outs
        ]  # fmt: skip
        said = [process.communicate()[1] for process in running]
        if any(process.returncode for process in running):
            raise MeasurementError(f"the load failed:\n{''.join(said)}")
        return [read_record(out) for out in outs]


def _per_s(record: RunRecord) -> float:
    if record.load is None:
        raise MeasurementError("the load has no result")
    (level,) = record.load.levels
    return level.throughput


def table(loads: Sequence[Scaled]) -> str:
    """The medians, a row for each kind of load."""
    lines = [
        "| made by | calls a second | over one process | over two apart | other processes |",
        "|---|--:|--:|--:|--:|",
    ]
    alone, both = _of(loads, "one process"), _of(loads, f"{APART} processes, apart")
    for name in dict.fromkeys(each.name for each in loads):
        own = [each.per_s for each in loads if each.name == name]
        per_s = median(own)
        known = [each.others for each in loads if each.name == name and each.others is not None]
        lines.append(
            f"| {name} | {per_s:,.0f} ({min(own):,.0f} to {max(own):,.0f}) | {per_s / alone:.2f} | "
            f"{per_s / both:.2f} | {f'{max(known):.0%}' if known else 'not known'} |"
        )
    return "\n".join(lines)


def _of(loads: Sequence[Scaled], name: str) -> float:
    return median(each.per_s for each in loads if each.name == name)


def outcome(loads: Sequence[Scaled], *, held: bool = False) -> str:
    """Whether two workers do what is promised; on a machine that is busy that can't be told."""
    if any(each.processes == 1 and (each.others or 0) > QUIET for each in loads):
        return "the machine was busy"
    two = _of(loads, "2 workers")
    if held:
        return "kept" if two / _of(loads, "one process") >= TWICE else "broken"
    return "kept" if two / _of(loads, f"{APART} processes, apart") >= PROMISED else "broken"
