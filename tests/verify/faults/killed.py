"""Runs that are killed: SIGKILL at a moment that nobody chose."""

import time
from contextlib import suppress
from pathlib import Path
from random import Random
from subprocess import TimeoutExpired

from tests.verify.faults.commands import MARK, OVERHEAD, command, kill, left_behind, start
from tests.verify.faults.fault import Fault
from tests.verify.faults.runs import nothing_lost

LATEST_S = 12.0
"""The last moment at which one is killed; the shortest run is over before."""

RUNS: tuple[tuple[str, ...], ...] = (
    ("--modes", "invoke,astream", "--time", "6"),
    (*OVERHEAD, "--time", "8", "--processes", "3"),
    ("--against", "tests.verify.sides:plain", "--modes", "invoke", "--pairs", "4"),
    (*OVERHEAD, "--time", "3"),
)
"""All studies; several processes; a comparison; one that may just be over."""


def _attempt(folder: Path, seed: int) -> list[str]:
    moment = Random(seed).uniform(0.1, LATEST_S)
    mark = f"killed-{seed}-{time.time_ns()}"
    here = str(Path(__file__).parents[3])
    words = command("run", *RUNS[seed % len(RUNS)], "--out", "run")
    process = start(words, folder, **{MARK: mark, "PYTHONPATH": here})
    with suppress(TimeoutExpired):
        process.communicate(timeout=moment)
    kill(process)
    process.communicate()
    orphans = left_behind(mark)
    problems = [f"processes {orphans} go on"] if orphans else []
    problems += nothing_lost(folder, folder / "run")
    return [f"{problem} (killed after {moment:.1f} s)" for problem in problems]


KILLED = Fault(
    name="kill -9 at a random moment",
    holds="it opens, every finished round is in it, no process goes on",
    attempt=_attempt,
    trials=50,
)
