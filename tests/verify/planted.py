"""Modes that differ by work whose size is known: what a run is asked to find.

Each is `invoke` of the parrot after some work; a planted difference is some more turns of the same.
Every fresh worker imports this module and learns from its environment how many.
"""

import os
from collections.abc import Callable
from statistics import median
from typing import Any

from langchain_core.language_models import BaseChatModel

from parrot_bench.execution import CallSettings, ExecutionMode, Keep
from parrot_bench.loading import load_parrot
from parrot_bench.mode_table import MODES
from parrot_bench.request import DEFAULT_PROMPT, DEFAULT_REPLY
from tests.verify.functions import best_ns, turn_ns, work
from tests.verify.results import Condition, Planted

CALL_NS = 300_000
"""What a call of the baseline is made to take."""

BASELINE = "baseline"
EQUAL = "equal"
LEVELS = {
    EQUAL: 0.0,
    "plus_0_25": 0.0025,
    "plus_0_5": 0.005,
    "plus_1": 0.01,
    "plus_2": 0.02,
    "plus_3": 0.03,
}
"""Mode to what is planted in it, as a share of the baseline's call."""

ALONE: dict[Condition, tuple[str, ...]] = {
    "quiet": ("plus_0_25", "plus_0_5", "plus_2", "plus_3"),
    "busy": ("plus_0_25", "plus_0_5", "plus_1", "plus_2"),
}
"""Modes that take turns in a condition, one a process: all at once would share its rounds."""

VARIABLE = "PARROT_BENCH_PLANTED"
"""Where a worker finds the `Planted`, as JSON."""


def calibrate() -> Planted:
    """Learn how many turns make up a call and its differences on this machine."""
    invoke = load_parrot(DEFAULT_REPLY).model.invoke
    per_turn = median(turn_ns() for _ in range(5))
    base = (CALL_NS - best_ns(lambda _: invoke(DEFAULT_PROMPT))) / per_turn
    return Planted(
        base=max(1, round(base)),
        extra={name: round(share * CALL_NS / per_turn) for name, share in LEVELS.items()},
    )


def levels(condition: Condition, seed: int) -> tuple[str, ...]:
    """Return the modes of a process beside the baseline."""
    turns = ALONE[condition]
    return tuple(name for name in LEVELS if name not in turns or name == turns[seed % len(turns)])


def planted_here() -> Planted:
    """Return what this process was told to plant; nothing where it was told nothing."""
    given = os.environ.get(VARIABLE)
    return Planted.model_validate_json(given) if given else Planted(base=1, extra={})


def mode(name: str) -> ExecutionMode:
    """Return the mode of a name: the work, and `invoke`."""
    planted = planted_here()
    turns = planted.base + planted.extra.get(name, 0)
    invoke = MODES["invoke"]

    def bind(model: BaseChatModel, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
        call = invoke.bind(model, settings, keep)

        def worked_and_called(prompt: Any) -> Any:
            work(turns)
            return call(prompt)

        return worked_and_called

    return ExecutionMode(
        name=name,
        api=f"work(turns); {invoke.api}",
        kind="sync",
        status="stable",
        bind=bind,
        messages=invoke.messages,
    )


# As `module:attr` names them.
baseline = mode(BASELINE)
equal = mode(EQUAL)
plus_0_25 = mode("plus_0_25")
plus_0_5 = mode("plus_0_5")
plus_1 = mode("plus_1")
plus_2 = mode("plus_2")
plus_3 = mode("plus_3")
