"""Rounds as arrays: finite numbers in the order they were measured, and stretches of them."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from parrot_bench.errors import MeasurementError

Floats = NDArray[np.float64]

SUPER_BLOCKS = 20
MIN_SUPER_BLOCKS = 5  # with fewer, Student's t is wider than anyone can use
MIN_SUPER_BLOCK_ROUNDS = 5  # the median of five survives two spikes
MIN_VERDICT_ROUNDS = 10


def as_series(values: ArrayLike, *, least: int = 1) -> Floats:
    """Return a one-dimensional array of finite numbers, or say what is wrong."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size < least:
        raise MeasurementError(f"an array of shape {array.shape}; expected one value a round")
    if not np.isfinite(array).all():
        raise MeasurementError("a value is not finite; leave out rounds that were not finished")
    return array


def sorted_median(ordered: Floats) -> float:
    """Return the median of sorted values; numpy's own is ten times slower on short arrays."""
    n = ordered.size
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2.0


def row_medians(blocks: Floats) -> Floats:
    """Return the median of each row, shape (rows,)."""
    ordered = np.sort(blocks, axis=1)
    size = blocks.shape[1]
    medians: Floats = (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2.0
    return medians


def super_blocks(values: Floats, most: int = SUPER_BLOCKS) -> Floats | None:
    """Cut rounds into super-blocks of consecutive rounds, all of one size.

    ``most`` of them, or fewer so that each has at least five rounds; None when that leaves
    fewer than five. Rounds that are left over are the first, as warm-up is nearest to them.
    """
    count = min(most, values.size // MIN_SUPER_BLOCK_ROUNDS)
    if count < MIN_SUPER_BLOCKS:
        return None
    size = values.size // count
    return values[values.size - count * size :].reshape(count, size)


def finite_exp(log: float) -> float:
    """Return a finite and positive exponential: JSON has no infinity, zero has no logarithm."""
    return math.exp(min(700.0, max(-700.0, log)))
