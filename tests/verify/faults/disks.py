"""Folders that are full, or that cannot be written, in a mount namespace of their own."""

import subprocess
from functools import cache
from pathlib import Path
from random import Random

from parrot_bench.record import RunDirectory
from tests.verify.faults.commands import (
    OVERHEAD,
    Ended,
    call,
    command,
    refused_in_a_line,
    start,
    wait,
)
from tests.verify.faults.fault import Fault
from tests.verify.faults.runs import nothing_lost

_MOUNTED = """
mount -t tmpfs -o size="$SIZE" tmpfs disk || exit 99
cp -a before/. disk/ 2>/dev/null
test -z "$FINAL" || mount -o "remount,$FINAL" disk || exit 99
"$@"
status=$?
cp -a disk/. after/
exit $status
"""
"""Runs a command beside a small disk, and keeps what it has left there."""

_SIZES_KB = (48, 100, 200, 400, 700, 1200)


@cache
def cannot_mount() -> str:
    """Why no disk can be mounted here; empty where one can."""
    try:
        done = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        return f"unshare: {error.strerror}"
    return f"unshare -rm mount: {done.stderr.strip()}" if done.returncode else ""


def _on_disk(folder: Path, words: list[str], *, size: str, final: str = "") -> Ended:
    for name in ("before", "disk", "after"):
        (folder / name).mkdir(exist_ok=True)
    shell = ["unshare", "-rm", "sh", "-c", _MOUNTED, "sh", *words]
    return wait(start(shell, folder, SIZE=size, FINAL=final))


def _full(folder: Path, seed: int) -> list[str]:
    """A run of which something does not fit any more."""
    size = Random(seed).choice(_SIZES_KB)
    words = command("run", *OVERHEAD, "--time", "4", "--out", "disk/run")
    ended = _on_disk(folder, words, size=f"{size}k")
    run = folder / "after" / "run"
    problems = []
    if ended.status:
        problems += refused_in_a_line(ended, "No space left on device")
    if run.exists():
        problems += nothing_lost(folder, run)
    return [f"{problem} ({size} kB)" for problem in problems]


def _read_only(folder: Path, _: int) -> list[str]:
    """A run into a folder that cannot be written."""
    words = command("run", *OVERHEAD, "--time", "2", "--out", "disk/run")
    ended = _on_disk(folder, words, size="1m", final="ro")
    return refused_in_a_line(ended, "Read-only file system")


def _read_only_report(folder: Path, _: int) -> list[str]:
    """A report of a run that cannot be written: nothing of it is touched."""
    made = call(folder, "run", *OVERHEAD, "--time", "2", "--out", "before/run")
    if made.status:
        return [f"the run itself failed: {made.said()}"]
    before = RunDirectory(folder / "before" / "run").report.read_bytes()
    ended = _on_disk(folder, command("report", "disk/run"), size="20m", final="ro")
    problems = refused_in_a_line(ended, "Read-only file system")
    if RunDirectory(folder / "after" / "run").report.read_bytes() != before:
        problems.append("the report is another")
    return problems


DISKS = (
    Fault(
        name="disk full",
        holds="one line that says so, and what was finished opens elsewhere",
        attempt=_full,
        trials=12,
        lacking=cannot_mount,
    ),
    Fault(
        name="run into a read-only folder",
        holds="one line that says so",
        attempt=_read_only,
        lacking=cannot_mount,
    ),
    Fault(
        name="report of a read-only run",
        holds="one line that says so, the run is untouched",
        attempt=_read_only_report,
        lacking=cannot_mount,
    ),
)
