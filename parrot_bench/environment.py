"""The machine, the versions and the source state of a run, and the noise while it ran."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from time import monotonic

import psutil

from parrot_bench.record import Environment, Noise

_PACKAGES = (
    "langchain-core",
    "langchain",
    "langgraph",
    "langsmith",
    "numpy",
    "opentelemetry-api",
    "opentelemetry-sdk",
    "parrot-bench",
    "pydantic",
    "pydantic-core",
    "uvloop",
)


def parrot_bench_version() -> str:
    """Version of the installed distribution; ``0`` when run from a bare source tree."""
    try:
        return version("parrot-bench")
    except PackageNotFoundError:
        return "0"


def environment(model_module: str, event_loop: str, others: Iterable[str] = ()) -> Environment:
    """Describe the process this is called in.

    Args:
        model_module: Module of the model's class: its distribution is among the versions.
        event_loop: Class of the event loop.
        others: Modules of what is inside of a chain or a graph, likewise.
    """
    commit, dirty = git_state()
    return Environment(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        cpu=_cpu_name(),
        logical_cpus=_usable_cpus(),
        memory_bytes=psutil.virtual_memory().total,
        governor=read_if_there("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        packages=_versions({model_module, *others}),
        commit=commit,
        dirty=dirty,
        hash_seed=os.environ.get("PYTHONHASHSEED", "random"),
        event_loop=event_loop,
    )


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions(modules: Iterable[str]) -> dict[str, str]:
    tops = {module.partition(".")[0] for module in modules}
    wanted = {*_PACKAGES, *tops, *(top.replace("_", "-") for top in tops)}
    found = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and re.sub(r"[-_.]+", "-", name).lower() in wanted:
            found[name] = distribution.version
    return dict(sorted(found.items()))


def _cpu_name() -> str:
    # Within its line: of a guest the name can be empty.
    named = r"^model name[^\S\n]*:[^\S\n]*(\S.*)$"
    match = re.search(named, read_if_there("/proc/cpuinfo"), re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()


def read_if_there(path: str) -> str:
    """Text of one of the kernel's files; empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def git_state() -> tuple[str, bool | None]:
    """Commit of the current folder and whether it has uncommitted changes."""

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603  # fixed arguments
            ["git", *arguments],  # noqa: S607  # whichever git the user has
            capture_output=True,
            check=True,
            encoding="utf-8",
            timeout=10,
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return "", None


class NoiseWatch:
    """Compares the machine's own counters before and after.

    Args:
        pid: The timed process.
        others: Further processes that are ours.
    """

    def __init__(self, pid: int, others: Sequence[int] = ()) -> None:
        self._pid = pid
        self._others = others
        self._begun = monotonic()
        self._load = _load()
        self._switches = self._involuntary()
        self._times = psutil.cpu_times()
        self._own = self._own_cpu()

    def so_far(self) -> Noise:
        """Say what happened since this object was made."""
        elapsed = monotonic() - self._begun
        now = psutil.cpu_times()
        total = sum(now) - sum(self._times)
        idle = sum(
            getattr(now, name, 0.0) - getattr(self._times, name, 0.0) for name in ("idle", "iowait")
        )
        steal = getattr(now, "steal", None)
        before, after = self._switches, self._involuntary()
        own_before, own_after = self._own, self._own_cpu()
        other = None
        if total > 0 and own_before is not None and own_after is not None:
            other = min(1.0, max(0.0, (total - idle - (own_after - own_before)) / total))
        return Noise(
            load_before=self._load,
            load_after=_load(),
            involuntary_switches=None if before is None or after is None else after - before,
            steal_share=None
            if steal is None or total <= 0
            else max(0.0, (steal - self._times.steal) / total),
            other_cpu_share=other,
            duration_s=elapsed,
        )

    def _involuntary(self) -> int | None:
        try:
            return psutil.Process(self._pid).num_ctx_switches().involuntary
        except psutil.Error:
            return None

    def _own_cpu(self) -> float | None:
        """CPU seconds of the timed process, of this one and of the others that are ours."""
        try:
            pids = {self._pid, *self._others, os.getpid()}
            times = [psutil.Process(pid).cpu_times() for pid in pids]
        except psutil.Error:
            return None
        return sum(t.user + t.system for t in times)


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") and sys.platform != "win32" else None
