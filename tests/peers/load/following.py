"""A client as a process: what it takes of the processors, and when."""

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter_ns

import numpy as np
import psutil

from parrot_bench.errors import MeasurementError

LOOKED_EVERY_S = 0.2


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a process took, with all that it started.

    Attributes:
        begun_ns: ``perf_counter_ns`` when it was started.
        ended_ns: When it had ended.
        cpu_s: CPU time, as the system counts it.
        seen: Pairs of a time and the CPU seconds until then, as they were looked at meanwhile.
    """

    begun_ns: int
    ended_ns: int
    cpu_s: float
    seen: Sequence[tuple[int, float]]

    def cpu_between(self, begun_ns: float, ended_ns: float) -> float:
        """CPU seconds between two times."""
        times, spent = zip(*self.seen, strict=True)
        low, high = np.interp([begun_ns, ended_ns], times, spent)
        return float(high - low)


def follow(
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    fine: Sequence[int] = (0,),
    meanwhile: Callable[[], None] = lambda: None,
) -> Followed:
    """Run a command to its end.

    Args:
        words: The command.
        folder: Where it runs; what it says is in ``said.log`` there.
        env: Set beside what is set.
        fine: Exit statuses of one that did what it was to.
        meanwhile: What is done while it runs.

    Raises:
        MeasurementError: It fails.
    """
    said = folder / "said.log"
    before = _spent_by_children()
    begun = perf_counter_ns()
    with (
        said.open("wb") as out,
        subprocess.Popen(
            words,
            cwd=folder,
            env={**os.environ, **env},
            stdout=out,
            stderr=out,
            start_new_session=True,
        ) as process,
    ):
        seen: list[tuple[int, float]] = [(begun, 0.0)]
        over = Event()
        looking = Thread(target=_look, args=(process.pid, over, seen))
        looking.start()
        try:
            meanwhile()
            status = process.wait()
        finally:
            over.set()
            looking.join()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # and all that it started
    ended = perf_counter_ns()
    if status not in fine:
        raise MeasurementError(f"{words[0]} left with {status}; {said} says why")
    return Followed(
        begun_ns=begun, ended_ns=ended, cpu_s=_spent_by_children() - before, seen=tuple(seen)
    )


def _spent_by_children() -> float:
    """CPU seconds of all processes that were waited for, and of those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _look(pid: int, over: Event, seen: list[tuple[int, float]]) -> None:
    """Add up the CPU time of a process and its descendants, until it is over."""
    spent: dict[int, float] = {}
    while not over.wait(LOOKED_EVERY_S):
        try:
            root = psutil.Process(pid)
            for process in [root, *root.children(recursive=True)]:
                try:
                    times = process.cpu_times()
                except psutil.Error:
                    continue
                spent[process.pid] = times.user + times.system
        except psutil.Error:
            return
        # Of one that has ended, what it had when it was last seen.
        seen.append((perf_counter_ns(), sum(spent.values())))
