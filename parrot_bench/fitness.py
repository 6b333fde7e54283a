"""Whether this machine and this environment are fit to measure in: ``parrot-bench check --env``.

Facts with advice. Nothing of the user's is loaded and no model is called.
"""

import importlib.util
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Final, Literal

from parrot_bench.against.cache import cache_folder
from parrot_bench.conditions import conditions
from parrot_bench.environment import NoiseWatch, environment, read_if_there
from parrot_bench.loading import load_parrot
from parrot_bench.record import Environment
from parrot_bench.runnables.kinds import models_in
from parrot_callbacks.exporters import exporters_from_environment

Level = Literal["fine", "note", "defect"]

WATCHED_S: Final = 2.0
"""How long other processes are watched, while the same work is timed again and again."""

_READINGS: Final = 2_000
_WORK: Final = 40
_SLOW_READING_NS: Final = 1_000
_BUSY: Final = 0.05
_STOLEN: Final = 0.01
_SPREAD: Final = 1.15
_EXTRAS: Final = {
    "langgraph": "graphs in the conformance suite",
    "opentelemetry.exporter.otlp.proto.grpc": "OTLP over gRPC (extra grpc)",
    "opentelemetry.instrumentation": "opentelemetry-instrument (extra instrument)",
    "uvloop": "--loop uvloop",
}


@dataclass(frozen=True)
class Fact:
    """One thing that was looked at.

    Attributes:
        name: What.
        level: ``fine``; ``note``: numbers are less sharp, or something is missing that few need;
            ``defect``: something will fail.
        said: What was found.
        advice: What to do; empty where it is fine.
    """

    name: str
    level: Level
    said: str
    advice: str = ""


def facts(otlp: str = "", watched_s: float = WATCHED_S) -> Iterator[Fact]:
    """Look at everything, the quick things first.

    Args:
        otlp: A collector that is to be asked, beside those of the OTEL_* variables.
        watched_s: How long the machine is watched, seconds.
    """
    where = environment("parrot_bench", "")
    yield from _versions(where)
    yield from _processors(where)
    yield _clock("time.perf_counter_ns", time.perf_counter_ns)
    yield _clock("time.process_time_ns", time.process_time_ns)
    yield _waiting()
    yield from _conditions()
    yield _folder("runs", Path.cwd(), "run in another folder, or name one with --out")
    yield _folder("cache", cache_folder(), "name another with PARROT_BENCH_CACHE")
    yield from _collectors(otlp)
    yield from _noise(watched_s)


def _versions(where: Environment) -> Iterator[Fact]:
    named = ", ".join(f"{name} {version}" for name, version in where.packages.items())
    yield Fact("versions", "fine", f"{where.python}; {named}")
    for module, used_for in _EXTRAS.items():
        if not _is_installed(module):
            yield Fact(
                module,
                "note",
                f"not installed, and with it not to be had: {used_for}",
                "install it where you need that",
            )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it
        return False


def _processors(where: Environment) -> Iterator[Fact]:
    said = f"{where.cpu or 'unknown'}, {where.logical_cpus} to be used here"
    if where.logical_cpus == 1:
        yield Fact(
            "processors",
            "note",
            said,
            "with one, a thread pool has nothing to run beside: batch looks dearer than it is",
        )
    else:
        yield Fact("processors", "fine", said)
    quota = _quota()
    if quota is not None and quota < where.logical_cpus:
        yield Fact(
            "CPU quota",
            "note",
            f"this control group may use {quota:g} of them; over that it is stopped for a while",
            "lift the quota, or use taskset for as many processors as it allows",
        )
    if where.governor not in {"", "performance"}:
        yield Fact(
            "governor",
            "note",
            f"the processor's clock follows its load ({where.governor})",
            "set the governor to performance; ratios within rounds hold all the same",
        )
    if re.search(r"^flags\s*:.*\bhypervisor\b", read_if_there("/proc/cpuinfo"), re.MULTILINE):
        yield Fact(
            "virtual machine",
            "note",
            "other guests share this processor",
            "compare ratios, not times, and not times of another day",
        )


def _quota() -> float | None:
    """Processors that the control group may use; None for all."""
    limit, _, period = read_if_there("/sys/fs/cgroup/cpu.max").partition(" ")
    if limit.isdecimal() and period.isdecimal() and int(period):
        return int(limit) / int(period)
    return None


def _clock(name: str, read: Callable[[], int]) -> Fact:
    taken = [read() for _ in range(_READINGS)]
    begun = time.perf_counter_ns()
    for _ in range(_READINGS):
        read()
    cost = (time.perf_counter_ns() - begun) / _READINGS
    steps = [after - before for before, after in pairwise(taken)]
    step = min((step for step in steps if step > 0), default=0)
    said = f"a reading takes {cost:.0f} ns, the smallest step seen is {step} ns"
    if any(step < 0 for step in steps):
        return Fact(name, "defect", f"{said}; it ran backwards", "measure on another machine")
    if cost > _SLOW_READING_NS:
        return Fact(name, "note", said, "see which clock source the kernel uses")
    return Fact(name, "fine", said)


def _waiting() -> Fact:
    path = Path("/proc/thread-self/schedstat")
    if path.exists():
        return Fact("waiting for a processor", "fine", "the kernel counts it (schedstat)")
    return Fact(
        "waiting for a processor",
        "note",
        "the kernel does not count it",
        "a stalled event loop can't be told from a busy machine: run on a quiet one",
    )


def _conditions() -> Iterator[Fact]:
    # Any model does: what is asked is what the environment does to it.
    with conditions(models_in(load_parrot().model), keep=True) as found:
        for condition in found:
            yield Fact(
                condition.name,
                "note",
                f"it is on: {condition.effect}",
                "nothing: it is removed while timing, unless you give --keep-conditions",
            )
    if not found:
        yield Fact("conditions", "fine", "nothing that distorts was found")


def _folder(name: str, folder: Path, advice: str) -> Fact:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Fact(name, "defect", f"{folder} cannot be written ({error.strerror})", advice)
    return Fact(name, "fine", f"{folder} can be written")


def _collectors(otlp: str) -> Iterator[Fact]:
    """Send an empty request: whoever takes it takes spans."""
    exporters = exporters_from_environment(otlp)
    for name, exporter in exporters.items():
        if not name.startswith("otlp"):
            continue
        try:
            exporter.export(())
        # Whatever an exporter raises is why spans would not arrive.
        except Exception as error:  # noqa: BLE001
            yield Fact(
                name,
                "defect",
                f"it does not take spans: {error}",
                "start the collector, or see its address and protocol",
            )
        else:
            yield Fact(name, "fine", "it takes spans")
        finally:
            exporter.shutdown()
    if not exporters:
        yield Fact("collector", "fine", "none is asked for; spans go to the run's own file")


def _noise(watched_s: float) -> Iterator[Fact]:
    watch = NoiseWatch(os.getpid())
    taken = []
    until = time.perf_counter() + watched_s
    while time.perf_counter() < until:
        begun = time.perf_counter_ns()
        for _ in range(_WORK):
            sum(range(1_000))
        taken.append(time.perf_counter_ns() - begun)
    noise = watch.so_far()
    if noise.other_cpu_share is not None:
        said = f"others used {noise.other_cpu_share:.0%} of all processors"
        busy = noise.other_cpu_share > _BUSY
        advice = "end what else runs, or give it more time (--time)" if busy else ""
        yield Fact("other processes", "note" if busy else "fine", said, advice)
    if noise.steal_share is not None and noise.steal_share > _STOLEN:
        yield Fact(
            "stolen time",
            "note",
            f"the host took {noise.steal_share:.0%} of the processors away",
            "measure at another hour, or with more --time",
        )
    yield _spread(taken)


def _spread(taken: Sequence[int]) -> Fact:
    tenths = quantiles(taken, n=10)
    ratio = tenths[-1] / tenths[0]
    said = (
        f"the same work took between {tenths[0] / 1e6:.2f} and {tenths[-1] / 1e6:.2f} ms, "
        f"nine times in ten; {median(taken) / 1e6:.2f} ms at the median"
    )
    if ratio > _SPREAD:
        return Fact(
            "steadiness", "note", said, "take ratios and intervals seriously, single times not"
        )
    return Fact("steadiness", "fine", said)
