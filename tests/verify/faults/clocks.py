"""A machine whose clock is set back while a run goes on."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from parrot_bench.record import read_record
from tests.verify.faults.commands import OVERHEAD, command, start, wait
from tests.verify.faults.fault import Fault
from tests.verify.faults.runs import nothing_lost, spans_of

STEPS_S = (2.0, 3.5, 5.0)
"""When it is set back by an hour, after the start."""

_SOURCE = Path(__file__).with_name("clock.c")


def _lacking() -> str:
    if sys.platform != "linux":
        return "the clock of a process is only replaced on Linux"
    return "" if shutil.which("cc") else "there is no C compiler (cc)"


def _attempt(folder: Path, seed: int) -> list[str]:
    clock, behind = folder / "clock.so", folder / "behind"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", clock, _SOURCE], check=True)
    behind.write_text("0", encoding="utf-8")
    words = command("run", *OVERHEAD, "--time", "4", "--out", "run")
    process = start(words, folder, LD_PRELOAD=str(clock), PARROT_BENCH_BEHIND=str(behind))
    time.sleep(STEPS_S[seed % len(STEPS_S)])
    behind.write_text("3600", encoding="utf-8")
    ended = wait(process)
    if ended.status:
        return [f"it failed: {ended.said()}"]
    run = folder / "run"
    record = read_record(run)
    problems = [] if record.status == "complete" else [f"it is {record.status}"]
    if not 0 < record.duration_s < 120:
        problems.append(f"it is said to have taken {record.duration_s} s")
    backwards = sum(
        int(span["endTimeUnixNano"]) < int(span["startTimeUnixNano"]) for span in spans_of(run)
    )
    if backwards:
        problems.append(f"{backwards} spans end before they start")
    return problems + nothing_lost(folder, run)


CLOCK = Fault(
    name="the clock is set back by an hour",
    holds="it is complete, its durations are true, no span ends before it starts",
    attempt=_attempt,
    trials=len(STEPS_S),
    lacking=_lacking,
)
