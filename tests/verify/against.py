"""Trials of ``parrot-bench run --against`` as a user types it, on a machine made busy."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from parrot_bench.errors import MeasurementError
from parrot_bench.record import read_record
from tests.verify.hogs import hogs
from tests.verify.planted import VARIABLE
from tests.verify.results import AgainstTrial, Candidate, Planted

CANDIDATES: tuple[Candidate, ...] = ("equal", "slower")

FAIL_ON = "1%"


def trial(candidate: Candidate, planted: Planted, seed: int) -> AgainstTrial:
    """Compare a candidate with the baseline once, every core kept busy by somebody else.

    Args:
        candidate: The side of that name in ``sides``.
        planted: The planted work.
        seed: Of the run.

    Raises:
        MeasurementError: The command gave no comparison.
    """
    with tempfile.TemporaryDirectory() as folder, hogs():
        out = Path(folder) / "run"
        began = monotonic()
        ended = subprocess.run(
            [
                sys.executable, "-m", "parrot_bench", "run", f"tests.verify.sides:{candidate}",
                "--against", "tests.verify.sides:plain", "--modes", "invoke",
                "--fail-on", FAIL_ON, "--seed", str(seed), "--out", str(out),
            ],
            env={**os.environ, VARIABLE: planted.model_dump_json()},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        took = monotonic() - began
        if not (out / "run.json").exists():
            raise MeasurementError(f"run --against gave nothing:\n{ended.stderr.strip()}")
        record = read_record(out)
    if record.status == "incomplete":
        raise MeasurementError(f"the trial is incomplete and not counted: {record.status_note}")
    found = record.comparison
    if found is None or found.gate is None or found.modes[0].ratio is None:
        raise MeasurementError(f"run --against compared nothing: {record.status_note}")
    return AgainstTrial(
        environment=record.environment,
        candidate=candidate,
        seed=seed,
        planted=planted,
        gate=found.gate,
        exit_status=ended.returncode,
        value=found.modes[0].ratio.value,
        low=found.modes[0].ratio.low,
        high=found.modes[0].ratio.high,
        pairs=found.units,
        stopped_by=found.stopped_by,
        seconds=took,
    )


def missing_trials(done: list[AgainstTrial], trials: int) -> Iterator[tuple[Candidate, int]]:
    """Yield which trials are still to be made, candidates in turn."""
    have = {(line.candidate, line.seed) for line in done}
    for seed in range(trials):
        for candidate in CANDIDATES:
            if (candidate, seed) not in have:
                yield candidate, seed
