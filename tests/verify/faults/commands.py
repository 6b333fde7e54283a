"""The command line as a user's shell runs it, and what must hold of it whatever happens."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

MARK = "PARROT_BENCH_FAULT"
"""A variable by which the processes of a command are found when their parent is gone."""

PATIENCE_S = 300.0
"""No command here takes so long; one that does hangs."""

GONE_S = 15.0
"""A worker whose parent is gone notices within this."""

OVERHEAD = ("--modes", "invoke,ainvoke", "--studies", "overhead", "--target", "0.01%")


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status; negative for a signal.
        out: What it printed.
        err: What it printed beside it.
    """

    status: int
    out: str
    err: str

    def said(self) -> str:
        """Status and last line, for a report of a defect."""
        lines = (self.err or self.out).strip().splitlines()
        return f"status {self.status}: {lines[-1] if lines else 'nothing'}"


def command(*arguments: object) -> list[str]:
    """The words of a parrot-bench command."""
    return [sys.executable, "-m", "parrot_bench", *map(str, arguments)]


def start(words: list[str], folder: Path, **variables: str) -> "subprocess.Popen[str]":
    """Start a command in a folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "LANGSMITH_"))}
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**clean, "NO_COLOR": "1", MARK: token_hex(8), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def wait(process: "subprocess.Popen[str]") -> Ended:
    """Wait for its end.

    Raises:
        TimeoutError: It hangs; it is killed then.
    """
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise TimeoutError(f"no end after {PATIENCE_S:.0f} s") from error
    return Ended(process.returncode, out, err)


def call(folder: Path, *arguments: object, **variables: str) -> Ended:
    """Run a parrot-bench command in a folder and wait for it."""
    return wait(start(command(*arguments), folder, **variables))


def refused_in_a_line(ended: Ended, holding: str = "") -> list[str]:
    """What is wrong with a refusal: it is one line that says why, and exit status 2."""
    problems = []
    lines = ended.err.strip().splitlines()
    if ended.status != 2:
        problems.append(f"exit status 2 was expected, {ended.said()}")
    if "Traceback" in ended.err + ended.out:
        problems.append(f"a traceback was printed: {ended.said()}")
    if sum(line.startswith("parrot-bench: ") for line in lines) != 1:
        problems.append(f"one line was expected on the error output, not {ended.err.strip()!r}")
    if holding not in ended.err:
        problems.append(f"{holding!r} is not in {ended.err.strip()!r}")
    return problems


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill a command's first process, and nobody else."""
    process.send_signal(signal.SIGKILL)


def left_behind(mark: str) -> list[int]:
    """The processes that still have a mark after a while."""
    deadline = time.monotonic() + GONE_S
    while found := _marked(mark):
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)
    return []


def _marked(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
        if wanted in variables and state != "Z":
            found.append(int(process.name))
    return found
