"""What is saved of a measurement, and how it is read again.

One file a process, raw: tables are made of the rounds of all files, as often as one likes.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from parrot_bench.errors import RecordError
from parrot_bench.record import Environment

COSTS = "costs-*.json"
CONFORMANCE = "conformance-*.json"


class Series(BaseModel):
    """The blocks of one contender on one path under one setting, in the order of the rounds.

    Attributes:
        path: Name of the path.
        setting: Name of the setting.
        contender: Name of the contender.
        cpu_ns: CPU time of a call, one value a round.
        wall_ns: Wall time of a call, one value a round.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    setting: str
    contender: str
    cpu_ns: list[float]
    wall_ns: list[float]


class Recorded(BaseModel):
    """What one contender records of one call.

    Attributes:
        contender: Name of the contender.
        path: Name of the path.
        spans: How many spans.
        attributes: How many attributes they have together.
        records: How many histogram records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contender: str
    path: str
    spans: int
    attributes: int
    records: int


class Measured(BaseModel):
    """One process's measurement of one peer and of ours.

    Attributes:
        peer: Name of the peer in the tables.
        distribution: What was installed for it.
        version: Of that distribution.
        taken: When the measurement began.
        environment: Machine and versions.
        recorded: What each contender records.
        series: All blocks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    peer: str
    distribution: str
    version: str
    taken: datetime
    environment: Environment
    recorded: list[Recorded]
    series: list[Series]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the conformance suite says of one handler.

    Attributes:
        performed: Group of cells to how many were performed.
        failed: Group and kind of check to how many cells failed by it.
        checks: What every check asks, to how many cells failed it.
        excused: In how many cells a check failed that only our instrumentor can pass.
    """

    performed: Counter[str]
    failed: Counter[tuple[str, str]]
    checks: Counter[str]
    excused: int


def read_costs(folder: Path) -> list[Measured]:
    """Read every measurement in a folder, oldest first.

    Raises:
        RecordError: There is none, or one isn't readable.
    """
    found = []
    for path in sorted(folder.glob(COSTS)):
        try:
            found.append(Measured.model_validate_json(path.read_bytes()))
        except ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise RecordError(
                f"{path} is no measurement of a peer ({problem}); delete it and run nox -s peers"
            ) from error
    if not found:
        raise RecordError(f"no {COSTS} in {folder}; nox -s peers writes them")
    return sorted(found, key=lambda measured: measured.taken)


def read_conformance(folder: Path) -> dict[str, Judged]:
    """Read what the conformance suite wrote: name of the factory to its counts."""
    saved = [json.loads(path.read_bytes()) for path in sorted(folder.glob(CONFORMANCE))]
    return {one["handler"]["factory"]: _judged(one) for one in saved}


def _judged(saved: Any) -> Judged:
    cells = [cell for cell in saved["cells"] if not cell["not_available"]]
    judged = Judged(
        performed=Counter(cell["group"] for cell in cells),
        failed=Counter(),
        checks=Counter({check["question"]: 0 for check in saved["checks"].values()}),
        excused=sum(
            any(check["verdict"] == "needs the instrumentor" for check in cell["checks"])
            for cell in cells
        ),
    )
    for cell in cells:
        failed = [check for check in cell["checks"] if check["verdict"] == "fail"]
        judged.failed.update({(cell["group"], check["kind"]) for check in failed})
        names = {check["check"] for check in failed}
        judged.checks.update(saved["checks"][name]["question"] for name in names)
    return judged


class Rounds:
    """The blocks of many files, put together.

    Args:
        measured: The files.
    """

    def __init__(self, measured: Sequence[Measured]) -> None:
        self._measured = measured

    def columns(
        self, setting: str, path: str, clock: str, *contenders: str
    ) -> tuple[list[float], ...]:
        """Return the times of contenders that were measured side by side.

        Args:
            setting: Name of the setting.
            path: Name of the path.
            clock: ``cpu_ns`` or ``wall_ns``.
            contenders: Names; only files that have them all take part.

        Returns:
            One list a contender, as long as each other: the rounds of all files. Empty where
            no file has them all.
        """
        columns: tuple[list[float], ...] = tuple([] for _ in contenders)
        for measured in self._measured:
            found = {
                series.contender: getattr(series, clock)
                for series in measured.series
                if (series.setting, series.path) == (setting, path)
            }
            if all(name in found for name in contenders):
                for column, name in zip(columns, contenders, strict=True):
                    column.extend(found[name])
        return columns
