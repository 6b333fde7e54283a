"""Percentiles of per-call latency, or the reason there are none.

Pure functions of arrays, like :mod:`parrot_bench.estimates`.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parrot_bench.distributions import order_ranks
from parrot_bench.errors import MeasurementError
from parrot_bench.record import Percentile

MAX_CLUSTERS = 100
MIN_CLUSTERS = 6
RESAMPLES = 400
PERCENTILE_CONFIDENCE = 0.95


def percentiles(
    latencies_ns: ArrayLike,
    rounds: ArrayLike,
    ranks: Sequence[float] = (0.5, 0.9, 0.95, 0.99),
    *,
    seed: int = 0,
) -> tuple[Percentile, ...]:
    """Return percentiles of per-call latency, each an order statistic with a 95 % interval.

    The interval is, side by side, the wider of the exact one for independent calls and of one
    from resampling whole rounds (percentile bootstrap over clusters: Field and Welsh 2007,
    Journal of the Royal Statistical Society B 69:369), as calls of a round share their luck.
    Beyond 100 rounds, neighbours are resampled together, which bounds the cost.

    Args:
        latencies_ns: One latency a call, nanoseconds, shape (calls,).
        rounds: Which round each call belongs to, shape (calls,), any integers; number the
            calls where they are independent.
        ranks: Wanted percentiles, each above 0 and under 1.
        seed: Seed of the resampling.

    Returns:
        One `Percentile` a rank: null with the reason where even the largest latency is not
        surely beyond the percentile (6, 36, 72, 368 calls for p50, p90, p95, p99), or where
        the calls come from fewer than 6 rounds.

    Raises:
        MeasurementError: The arrays differ in shape, or a latency is not finite.
    """
    latencies = np.asarray(latencies_ns, dtype=np.float64)
    labels = np.asarray(rounds)
    if latencies.ndim != 1 or latencies.shape != labels.shape:
        raise MeasurementError(
            f"latencies of shape {latencies.shape} with rounds of shape {labels.shape}; "
            "every call needs its round"
        )
    if not np.isfinite(latencies).all():
        raise MeasurementError("a latency is not finite; leave unfinished calls out")
    found, cluster = np.unique(labels, return_inverse=True)
    reasons = [_no_percentile(latencies.size, found.size, rank) for rank in ranks]
    if all(reasons):
        return tuple(
            Percentile(
                rank=rank, value=None, low=None, high=None, count=latencies.size, reason=reason
            )
            for rank, reason in zip(ranks, reasons, strict=True)
        )
    clusters = min(MAX_CLUSTERS, found.size)
    cluster = cluster * clusters // found.size
    order = np.argsort(latencies)
    ordered = latencies[order]
    resampled = _resample(cluster[order], clusters, ranks, seed)
    result = []
    for rank, reason, replicates in zip(ranks, reasons, resampled, strict=True):
        bounds = order_ranks(latencies.size, rank, PERCENTILE_CONFIDENCE)
        if reason or bounds is None:
            low = value = high = None
        else:
            tail = int((1.0 - PERCENTILE_CONFIDENCE) / 2.0 * RESAMPLES)
            value = float(ordered[_position(latencies.size, rank)])
            low = float(ordered[min(bounds[0] - 1, int(replicates[tail]))])
            high = float(ordered[max(bounds[1] - 1, int(replicates[-1 - tail]))])
        result.append(
            Percentile(
                rank=rank, value=value, low=low, high=high, count=latencies.size, reason=reason
            )
        )
    return tuple(result)


def fewest_calls(rank: float) -> int:
    """Return how many calls a percentile needs: 6, 36, 72, 368 for p50, p90, p95, p99.

    With fewer, the chance that all calls lie on one side of it is over 2.5 %.
    """
    return math.ceil(math.log((1.0 - PERCENTILE_CONFIDENCE) / 2.0) / math.log(max(rank, 1 - rank)))


def _no_percentile(calls: int, rounds: int, rank: float) -> str:
    """Return why there is no percentile, or nothing."""
    needed = fewest_calls(rank)
    if calls < needed:
        return f"{calls} calls, p{100 * rank:g} needs {needed}"
    if rounds < MIN_CLUSTERS:
        return f"calls of {rounds} rounds, percentiles need {MIN_CLUSTERS} rounds"
    return ""


def _position(n: int, rank: float) -> int:
    """Return the index of the smallest value with at least ``rank`` of all at or under it."""
    return min(n - 1, max(0, math.ceil(n * rank - 1e-9) - 1))


def _resample(
    clusters: NDArray[np.intp], count: int, ranks: Sequence[float], seed: int
) -> NDArray[np.intp]:
    """Resample whole clusters.

    Args:
        clusters: Cluster of each call, calls sorted by latency, shape (calls,).
        count: Number of clusters.
        ranks: Wanted percentiles.
        seed: Seed of the generator.

    Returns:
        Where in the sorted calls each resampled percentile lies, shape (ranks, RESAMPLES),
        sorted along the last axis.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1.0 / count), size=RESAMPLES)
    places = np.empty((len(ranks), RESAMPLES), dtype=np.intp)
    wanted = np.asarray(ranks)
    # One replicate at a time stays in the cache; all at once would take 64 MB and longer.
    for index, weights in enumerate(drawn.astype(np.int32)):
        reached = np.cumsum(weights[clusters])
        places[:, index] = np.searchsorted(reached, wanted * reached[-1] - 1e-9)
    return np.sort(places, axis=1)
