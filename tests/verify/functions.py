"""What is timed: functions whose work is known, and how they become execution modes.

The work is a hash repeated so many times in C, on a few bytes. A loop of Python's own took 0.5-7 %
longer or shorter under one caller than under another, whatever was timed with, as its frame and
what it iterates over lie elsewhere; a hash of many bytes shares the caches with the call around it.
"""

import timeit
from collections.abc import Callable
from hashlib import pbkdf2_hmac
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from parrot_bench.execution import CallSettings, ExecutionMode, Keep

Call = Callable[[Any], Any]

Take = Callable[[], float]
"""Times a function once more, and returns nanoseconds per call."""

CALIBRATED_TURNS = 100
CALIBRATIONS = 50


def work(turns: int) -> None:
    """Hash so many times; every turn takes as long as the last, about 0.24 µs."""
    pbkdf2_hmac("sha256", b"parrot", b"bench", turns)


def no_op(_: Any) -> None: ...


async def async_no_op(_: Any) -> None: ...


def working(turns: int) -> Call:
    """Return the work as a function of a prompt."""

    def call(_: Any) -> None:
        work(turns)

    return call


def async_working(turns: int) -> Call:
    """Return the same as a coroutine function."""

    async def call(_: Any) -> None:
        work(turns)

    return call


def best_ns(call: Call) -> float:
    """Return what a call takes at this machine's best, nanoseconds."""
    timer = timeit.Timer("f(None)", globals={"f": call})
    return min(timer.repeat(CALIBRATIONS, 10)) / 10 * 1e9


def turn_ns() -> float:
    """Return what one turn of the work takes at this machine's best, nanoseconds."""
    more, less = best_ns(working(2 * CALIBRATED_TURNS)), best_ns(working(CALIBRATED_TURNS))
    return (more - less) / CALIBRATED_TURNS


def as_mode(name: str, call: Call, kind: Literal["sync", "async"]) -> ExecutionMode:
    """Return a function as an execution mode of one's own; it never calls its model."""

    def bind(_model: BaseChatModel, _settings: CallSettings, _keep: Keep) -> Call:
        return call

    return ExecutionMode(
        name=name, api=name, kind=kind, status="stable", bind=bind, messages=lambda _: []
    )
