"""Statistics over the saved blocks and stamped calls: pure functions on numpy arrays.

The estimates and verdicts come from ``run.json``; here is only what figures need beyond them.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parrot_bench.record import Estimate, RunRecord
from parrot_reports.sentences import deciding_time, floors
from parrot_reports.spans.percentiles import CONFIDENCE, order_bounds

Numbers = NDArray[np.float64]

_BODY = np.linspace(0, 0.9, 46)
_TAIL = np.linspace(0.9, 1, 51)
_FEWEST_CALLS = 20
_FEWEST_BLOCKS = 10
_BINS = 60


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Empirical distribution of one mode's latencies, thinned.

    Attributes:
        mode: Name of the mode.
        latency: Nanoseconds, rising.
        share: Share of calls that took no longer.
        count: Stamped calls behind it.
    """

    mode: str
    latency: Numbers
    share: Numbers
    count: int

    def at(self, share: float) -> float:
        """The latency that ``share`` of the calls did not exceed, nanoseconds."""
        return float(self.latency[np.searchsorted(self.share, share)])


@dataclass(frozen=True, kw_only=True)
class Cold:
    """First call after another mode's block, against the calls that follow it.

    Attributes:
        mode: Name of the mode.
        warm: Median wall time per call of the blocks, nanoseconds.
        ratio: Median of the blocks' own ratios of first to later calls, with its exact
            sign-test interval. Paired, because the host's pace changes from block to block.
    """

    mode: str
    warm: float
    ratio: Estimate

    @property
    def cold(self) -> float:
        """Time of a cold call, nanoseconds: the warm time, times the ratio."""
        return self.warm * self.ratio.value


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One mode's blocks over the rounds, relative to their own median.

    Attributes:
        mode: Name of the mode.
        rounds: Middle of each bin of rounds.
        time: Median time per call in the bin over the median of all.
        ratio: The same for the ratio to the baseline in the same round; empty for the
            baseline itself.
        last: Number of the last round.
    """

    mode: str
    rounds: Numbers
    time: Numbers
    ratio: Numbers
    last: int


def curves(calls: pl.DataFrame, record: RunRecord) -> tuple[Curve, ...]:
    """Latency distributions from stamped calls, in the record's order of modes.

    They come from the pass with garbage collection on where a mode has one, as its percentiles
    do. Modes that batch are left out: their calls overlap, so what is stamped is a batch.
    """
    found = []
    for mode in measured(record):
        rows = calls.filter(pl.col("mode") == mode)
        if rows["tail"].any():
            rows = rows.filter("tail")
        latency = np.sort((rows["ended_ns"] - rows["started_ns"]).drop_nulls().to_numpy())
        latency = latency[latency > 0].astype(np.float64)
        if calls_per_unit(mode, record) > 1 or latency.size < _FEWEST_CALLS:
            continue
        share = np.unique(np.concatenate([_BODY, _TAIL]))
        rank = np.clip(np.ceil(share * latency.size).astype(int) - 1, 0, latency.size - 1)
        found.append(Curve(mode=mode, latency=latency[rank], share=share, count=latency.size))
    return tuple(found)


def cold_calls(samples: pl.DataFrame, record: RunRecord) -> tuple[Cold, ...]:
    """Cold against warm calls for each mode that has enough blocks."""
    found = []
    for mode in measured(record):
        rows = samples.filter(
            (pl.col("mode") == mode)
            & (pl.col("role") == "mode")
            & pl.col("cold_wall_ns").is_not_null()
            & (pl.col("wall_ns") > 0)
            & (pl.col("calls") > 0)
            # After its own kind a call is not cold; the first block of all has nothing before.
            & ~pl.col("previous").is_in([mode, ""])
        )
        if rows.height < _FEWEST_BLOCKS:
            continue
        # What is timed cold is one unit, which for a mode that batches is a whole batch.
        cold = rows["cold_wall_ns"].to_numpy().astype(np.float64) / calls_per_unit(mode, record)
        warm = (rows["wall_ns"] / rows["calls"]).to_numpy().astype(np.float64)
        found.append(
            Cold(
                mode=mode,
                warm=float(np.median(warm)),
                ratio=median_estimate(cold / warm),
            )
        )
    return tuple(found)


def drifts(samples: pl.DataFrame, record: RunRecord) -> tuple[Drift, ...]:
    """How each mode and its ratio to the baseline moved over the rounds."""
    overhead = record.overhead
    if overhead is None or samples.is_empty():
        return ()
    timed = samples.filter(
        ~pl.col("stamped")
        & ~pl.col("tail")
        & (pl.col("role") != "a/a")
        & (pl.col("calls") > 0)
        & (pl.col("wall_ns") > 0)
    )
    last = int(timed["round"].max() or 0)  # type: ignore[arg-type]  # a column of integers
    found = []
    by_name = {mode.mode: mode for mode in overhead.modes}
    for mode in (by_name[name] for name in measured(record)):
        if deciding_time(mode) is None:
            continue
        column = f"{mode.decided_by}_ns"
        per_call = (pl.col(column) / pl.col("calls")).alias("time")
        own = timed.filter((pl.col("mode") == mode.mode) & (pl.col("role") == "mode"))
        # A mode too slow for every round has a baseline block of its own beside it.
        pairs = timed.filter((pl.col("role") == "pair") & (pl.col("partner") == mode.mode))
        if pairs.is_empty():
            pairs = timed.filter((pl.col("mode") == overhead.baseline) & (pl.col("role") == "mode"))
        joined = (
            own.select("round", per_call)
            .join(pairs.select("round", per_call.alias("base")), on="round", how="left")
            # A clock may stand still over a short block; nothing can be divided by that.
            .filter((pl.col("time") > 0) & (pl.col("base").is_null() | (pl.col("base") > 0)))
            .sort("round")
        )
        if joined.height < _FEWEST_BLOCKS:
            continue
        time = joined["time"].to_numpy().astype(np.float64)
        ratio = np.empty(0)
        if mode.mode != overhead.baseline and not joined["base"].has_nulls():
            ratio = time / joined["base"].to_numpy().astype(np.float64)
        found.append(
            Drift(
                mode=mode.mode,
                rounds=_binned(joined["round"].to_numpy().astype(np.float64)),
                time=_binned(time / np.median(time)),
                ratio=_binned(ratio / np.median(ratio)) if ratio.size else ratio,
                last=last,
            )
        )
    return tuple(found)


def median_estimate(values: Numbers) -> Estimate:
    """Median with its exact 95 % sign-test interval, which assumes no shape of distribution."""
    ordered = np.sort(values)
    n = ordered.size
    low, high = order_bounds(n, 0.5) or (1, n)
    return Estimate(
        value=float(np.median(ordered)),
        low=float(ordered[low - 1]),
        high=float(ordered[high - 1]),
        confidence=CONFIDENCE,
        count=n,
        unit="ratio",
    )


def measured(record: RunRecord) -> tuple[str, ...]:
    """Names of the measured modes, in the record's order, floors last."""
    measures = floors(record)
    if record.overhead is not None:
        names = [mode.mode for mode in record.overhead.modes]
    else:
        names = [mode.name for mode in record.modes if not mode.unavailable]
    return tuple(sorted(names, key=lambda name: name in measures))


def calls_per_unit(mode: str, record: RunRecord) -> int:
    """Calls that a mode makes at once: a batch, or one."""
    batches = any(described.name == mode and described.batches for described in record.modes)
    return record.configuration.batch_size if batches else 1


def _binned(values: Numbers) -> Numbers:
    """Medians of neighbours, five rounds or more to a group, so that one stall is no peak."""
    groups = max(1, min(_BINS, values.size // 5))
    return np.array([np.median(part) for part in np.array_split(values, groups)])
