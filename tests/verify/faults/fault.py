"""A fault: how it is brought about, and what must hold afterwards."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parrot_bench.errors import ParrotBenchError

Attempt = Callable[[Path, int], list[str]]
"""Brings a fault about in an empty folder, by a seed, and returns what was wrong afterwards."""


def _can() -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong around a run.

    Attributes:
        name: What.
        holds: What must be true afterwards.
        attempt: Brings it about.
        trials: How often, by default.
        lacking: Why it can't be tried here; empty where it can.
    """

    name: str
    holds: str
    attempt: Attempt
    trials: int = 1
    lacking: Callable[[], str] = _can


def tried(fault: Fault, seed: int, kept: Path) -> list[str]:
    """Try a fault once, in a folder of its own that is kept only where something was wrong.

    Args:
        fault: The fault.
        seed: Of the trial.
        kept: Where the folder goes then.
    """
    folder = Path(tempfile.mkdtemp(prefix="parrot-fault-"))
    try:
        problems = fault.attempt(folder, seed)
    except (ParrotBenchError, OSError, subprocess.SubprocessError, ValueError) as error:
        problems = [f"{type(error).__name__}: {error}"]
    if problems:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(folder, kept)
    else:
        shutil.rmtree(folder)
    return problems
