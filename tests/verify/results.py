"""What is saved: one JSON line a process, so that a measurement can be stopped and continued."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parrot_bench.errors import RecordError
from parrot_bench.record import Environment, GateVerdict, Verdict

Condition = Literal["quiet", "busy"]

Candidate = Literal["equal", "slower"]
"""What is compared with the baseline in a trial of ``run --against``."""


def now() -> datetime:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


class Line(BaseModel):
    """Base of every saved line."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ProcessLine(Line):
    """What one process found, when, and on which machine.

    Attributes:
        taken: When.
        environment: Machine and versions.
    """

    taken: datetime = Field(default_factory=now)
    environment: Environment


class BiasProcess(ProcessLine):
    """What one process found of the harness's own bias.

    Attributes:
        seed: Of the order within its rounds.
        ratios: Function, and who timed it, to the median of the rounds' ratios to the reference.
        rounds: The same, to how many rounds that were.
    """

    seed: int
    ratios: dict[str, dict[str, float]]
    rounds: dict[str, dict[str, int]]


class Planted(Line):
    """How much work is planted, in turns that each take the same time.

    Attributes:
        base: Turns of every call.
        extra: Mode to the turns it has on top.
    """

    base: int
    extra: dict[str, int]


class Found(Line):
    """What a run said of one mode, after so many of its rounds.

    Attributes:
        seconds: How long the rounds had run.
        verdict: The verdict.
        value: Ratio to the baseline, in the clock that decides.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        p: p-value of "the ratio is 1", before Holm.
        rounds: How many rounds stand behind it.
    """

    seconds: float
    verdict: Verdict
    value: float
    low: float
    high: float
    p: float
    rounds: int


class SensitivityProcess(ProcessLine):
    """What one fresh process said of modes with planted differences.

    Attributes:
        condition: What else the machine did.
        time_s: The run's ``--time``.
        seed: Its seed.
        planted: The planted work.
        other_cpu_share: Share of all processors that other processes used; None if unknown.
        clock: The clock that decided.
        aa: The baseline over its second instance: low and high of the 99 % interval.
        found: Mode to what was said of it, at the end and at earlier moments.
        stable: Mode to whether its ratio was called stable.
    """

    condition: Condition
    time_s: float
    seed: int
    planted: Planted
    other_cpu_share: float | None
    clock: Literal["cpu", "wall"]
    aa: tuple[float, float]
    found: dict[str, list[Found]]
    stable: dict[str, bool]


class AgainstTrial(ProcessLine):
    """How one comparison of two sides ended, on a busy machine.

    Attributes:
        candidate: What was compared with the baseline.
        seed: Of the run.
        planted: The planted work.
        gate: The verdict against the threshold.
        exit_status: Of the command.
        value: Ratio of the candidate to the baseline, in the clock that decides.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        pairs: Pairs of processes behind it.
        stopped_by: Why there were no more.
        seconds: How long the command took.
    """

    candidate: Candidate
    seed: int
    planted: Planted
    gate: GateVerdict
    exit_status: int
    value: float
    low: float
    high: float
    pairs: int
    stopped_by: str
    seconds: float


class Truth(Line):
    """How much longer planted calls take, measured by `timeit` in a process of its own.

    Attributes:
        taken: When.
        planted: The planted work.
        call_ns: The baseline's call, nanoseconds.
        ratios: Mode to the median of the rounds' ratios to the baseline.
    """

    taken: datetime = Field(default_factory=now)
    planted: Planted
    call_ns: float
    ratios: dict[str, float]


BIAS, SENSITIVITY, TRUTH = "bias.jsonl", "sensitivity.jsonl", "truth.jsonl"
AGAINST = "against.jsonl"

L = TypeVar("L", bound=Line)


def append(path: Path, line: Line) -> None:
    """Add a line to a file; whoever is stopped leaves whole lines behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line.model_dump_json() + "\n")


def read(path: Path, kind: type[L]) -> list[L]:
    """Read the lines of a file; none where there is no file.

    Raises:
        RecordError: A line is not what it should be.
    """
    return list(_lines(path, kind))


def _lines(path: Path, kind: type[L]) -> Iterator[L]:
    if not path.exists():
        return
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield kind.model_validate_json(text)
        except ValidationError as error:
            raise RecordError(
                f"{path}, line {number}: {error.errors()[0]['msg']}; "
                "it was written by another version: move the file away and measure again"
            ) from error
