"""Fresh processes, one after the other: does a run find what was planted, and nothing else?"""

import tempfile
import timeit
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import environ
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns
from unittest.mock import patch

import numpy as np
import polars as pl
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from parrot_bench import run
from parrot_bench.errors import MeasurementError
from parrot_bench.estimates import holm_verdicts, log_ratios, p_value, paired_ratio
from parrot_bench.execution import CallSettings, drain
from parrot_bench.loading import load_parrot
from parrot_bench.record import RunRecord
from parrot_bench.request import DEFAULT_PROMPT, DEFAULT_REPLY
from parrot_bench.timing import FrozenGarbage
from tests.verify.functions import Take
from tests.verify.hogs import hogs
from tests.verify.planted import BASELINE, LEVELS, VARIABLE, levels, mode, planted_here
from tests.verify.results import Condition, Found, Planted, SensitivityProcess, Truth

TIME_S: dict[Condition, float] = {"quiet": 30.0, "busy": 15.0}
"""What ``--time`` is in each condition."""

NARROWEST = 0.0001
"""A target that nothing reaches, so that every run takes all of its time."""

SHARES_OF_TIME = (1 / 6, 1 / 3, 2 / 3)
"""Earlier moments at which a run is asked as well: what would it have said by then?"""

TRUTH_ROUNDS = 400
TRUTH_CALLS = 7

SURROUNDINGS: dict[Condition, Callable[[], AbstractContextManager[None]]] = {
    "quiet": nullcontext,
    "busy": hogs,
}


def measure(condition: Condition, planted: Planted, seed: int) -> SensitivityProcess:
    """Measure the planted modes with the product, in a fresh process of its own.

    Args:
        condition: What else the machine does.
        planted: The planted work.
        seed: Of the run.

    Raises:
        MeasurementError: The run did not say of every mode what was asked.
    """
    names = levels(condition, seed)
    given = {VARIABLE: planted.model_dump_json()}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.dict(environ, given),
        SURROUNDINGS[condition](),
    ):
        done = run(
            modes=[f"tests.verify.planted:{name}" for name in (BASELINE, *names)],
            baseline=BASELINE,
            out=Path(folder) / "run",
            time_s=TIME_S[condition],
            target=NARROWEST,
            studies=("overhead",),
            processes=1,
            seed=seed,
        )
        blocks = done.samples
    return said(done.record, blocks, condition, planted)


def said(
    record: RunRecord, blocks: pl.DataFrame, condition: Condition, planted: Planted
) -> SensitivityProcess:
    """Take what is asked for from a run: its verdicts, and those it would have given earlier."""
    if record.status == "incomplete":
        # Stopped by a signal, perhaps: a shorter run than is promised of is no process.
        raise MeasurementError(f"the run is incomplete and not counted: {record.status_note}")
    overhead, environment = record.overhead, record.environment
    names = levels(condition, record.configuration.seed)
    if overhead is None or {entry.mode for entry in overhead.modes} != {BASELINE, *names}:
        raise MeasurementError(f"the run has other modes than were asked for: {record.failures}")
    clock = overhead.modes[0].decided_by
    aa = overhead.aa_cpu if clock == "cpu" else overhead.aa_wall
    if aa is None:
        raise MeasurementError("the run has no A/A check")
    rounds = _times(blocks, f"{clock}_ns", (BASELINE, *names))
    found: dict[str, list[Found]] = {name: [] for name in names}
    for share in SHARES_OF_TIME:
        until = int(share * len(rounds[BASELINE]))
        logs = {name: log_ratios(rounds[name][:until], rounds[BASELINE][:until]) for name in names}
        verdicts = holm_verdicts(logs, record.configuration.delta)
        for name in names:
            ratio = paired_ratio(rounds[name][:until], rounds[BASELINE][:until])
            found[name].append(
                Found(
                    seconds=share * overhead.duration_s,
                    verdict=verdicts[name],
                    value=ratio.value,
                    low=ratio.low,
                    high=ratio.high,
                    p=p_value(logs[name]),
                    rounds=until,
                )
            )
    stable = {}
    for entry in overhead.modes:
        final = entry.cpu_ratio if clock == "cpu" else entry.wall_ratio
        if entry.mode == BASELINE or final is None:
            continue
        stable[entry.mode] = final.stable
        found[entry.mode].append(
            Found(
                seconds=overhead.duration_s,
                verdict=entry.verdict,
                value=final.value,
                low=final.low,
                high=final.high,
                p=p_value(log_ratios(rounds[entry.mode], rounds[BASELINE])),
                rounds=final.count,
            )
        )
    return SensitivityProcess(
        taken=record.started,
        condition=condition,
        time_s=record.configuration.time_s,
        seed=record.configuration.seed,
        planted=planted,
        environment=environment,
        other_cpu_share=record.noise.other_cpu_share if record.noise else None,
        clock=clock,
        aa=(aa.low, aa.high),
        found=found,
        stable=stable,
    )


def _times(
    blocks: pl.DataFrame, column: str, names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return nanoseconds per call by mode, over the rounds that count and have them all."""
    counted = blocks.filter(~pl.col("stamped") & ~pl.col("tail") & (pl.col("role") == "mode"))
    per_call = counted.with_columns(value=pl.max_horizontal(pl.col(column) / pl.col("calls"), 1.0))
    table = per_call.pivot("mode", index="round", values="value").sort("round").drop_nulls()
    return {name: table[name].to_numpy() for name in names}


def truth(seed: int) -> Truth:
    """Measure with `timeit` how much longer the planted calls take, in this process.

    Args:
        seed: Of the order within a round.
    """
    model = load_parrot(DEFAULT_REPLY).model
    takes = {name: _timed(name, model) for name in (BASELINE, *LEVELS)}
    order = Random(seed)
    times: dict[str, list[float]] = {name: [] for name in takes}
    with FrozenGarbage() as garbage:
        for _ in range(TRUTH_ROUNDS):
            garbage.between_rounds()
            for name in order.sample(list(takes), len(takes)):
                times[name].append(takes[name]())
    return Truth(
        planted=planted_here(),
        call_ns=median(times[BASELINE]),
        ratios={name: paired_ratio(times[name], times[BASELINE]).value for name in LEVELS},
    )


def _timed(name: str, model: BaseChatModel) -> Take:
    names = {"call": mode(name).bind(model, CallSettings(), drain), "prompt": DEFAULT_PROMPT}
    timer = timeit.Timer("f(x)", "f = call; x = prompt", perf_counter_ns, names)

    def take() -> float:
        timer.timeit(1)
        return timer.timeit(TRUTH_CALLS) / TRUTH_CALLS

    return take


def missing(
    done: list[SensitivityProcess], conditions: list[Condition], processes: int
) -> Iterator[tuple[Condition, int]]:
    """Yield which processes are still to be measured: condition and seed, conditions in turn."""
    have = {(line.condition, line.seed) for line in done}
    for seed in range(processes):
        for condition in conditions:
            if (condition, seed) not in have:
                yield condition, seed
