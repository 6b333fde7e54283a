"""What a look at a run costs: between two rounds, the timed process waits for it."""

from typing import Any

import numpy as np

from parrot_bench.estimates import paired_ratio
from parrot_bench.percentiles import percentiles


def times(seed: int, rounds: int = 3000) -> np.ndarray[Any, np.dtype[np.float64]]:
    return 1e5 * np.exp(0.03 * np.random.default_rng(seed).standard_normal(rounds))


def test_look_at_18_modes_of_3000_rounds(benchmark: Any) -> None:
    """Both clocks of every mode."""
    baseline = times(0)
    modes = [times(seed) for seed in range(1, 37)]
    benchmark.group = "estimates"
    found = benchmark(lambda: [paired_ratio(mode, baseline) for mode in modes])
    assert len(found) == 36


def test_percentiles_of_20000_calls(benchmark: Any) -> None:
    latencies, rounds = times(0, 20_000), np.arange(20_000) // 20
    benchmark.group = "estimates"
    assert benchmark(percentiles, latencies, rounds)[-1].value is not None
