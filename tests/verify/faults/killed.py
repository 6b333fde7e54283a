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
    ("run", "--modes", "invoke,astream", "--time", "6"),
    ("run", *OVERHEAD, "--time", "8", "--processes", "3"),
    ("run", "--against", "tests.verify.sides:plain", "--modes", "invoke", "--pairs", "4"),
    ("run", *OVERHEAD, "--time", "3"),
    ("load", "--modes", "astream", "--rate", "40", "--time", "8", "--yes"),
    (
        "load",
        "--modes",
        "ainvoke",
        "--concurrency",
        "1,4",
        "--time",
        "3",
        "--workers",
        "2",
        "--yes",
    ),
)
"""All studies; several processes; a comparison; one that may just be over; loads."""


def _attempt(folder: Path, seed: int) -> list[str]:
    moment = Random(seed).uniform(0.1, LATEST_S)
    mark = f"killed-{seed}-{time.time_ns()}"
    here = str(Path(__file__).parents[3])
    words = command(*RUNS[seed % len(RUNS)], "--out", "run")
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
