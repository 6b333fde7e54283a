import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.errors import MeasurementError
from tests.peers.marginal import marginal_ratio

ROUNDS = 200


def rounds(ratio: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calls of 100 in which the floor adds 10 and tracing ``ratio`` times as much."""
    random = np.random.default_rng(seed)
    drift = 1 + 0.2 * np.sin(np.arange(ROUNDS) / 30)
    traced, floor, untraced = (
        drift * added * random.normal(1, 0.01, ROUNDS) for added in (100 + 10 * ratio, 110, 100)
    )
    return traced, floor, untraced


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.7, 20.0])
def test_it_finds_the_ratio_of_what_is_added(ratio: float) -> None:
    found = marginal_ratio(*rounds(ratio))
    assert found.low < ratio < found.high
    assert found.value == pytest.approx(ratio, rel=0.15)
    assert found.count == ROUNDS


def test_its_interval_covers_what_it_says() -> None:
    covering = sum(
        found.low <= 1.5 <= found.high
        for found in (marginal_ratio(*rounds(1.5, seed)) for seed in range(100))
    )
    # Binomial: fewer than 88 of 100 at 95 % have a chance of 1 in 700.
    assert covering >= 88


def test_a_difference_is_not_divided_by_noise() -> None:
    traced, floor, untraced = rounds(1.5)
    floor[::9], untraced[::9] = untraced[::9], floor[::9]
    found = marginal_ratio(traced, floor, untraced)
    assert 1.2 < found.value < 1.8


def test_a_floor_that_adds_nothing_gives_no_ratio() -> None:
    traced, _, untraced = rounds(1.5)
    with pytest.raises(MeasurementError, match=r"200 rounds don't show .*; take more rounds"):
        marginal_ratio(traced, untraced[::-1], untraced)


def test_a_missing_round_gives_no_ratio() -> None:
    traced, floor, untraced = rounds(1.5)
    with pytest.raises(MeasurementError, match="200 traced, 199 floor and 200 untraced"):
        marginal_ratio(traced, floor[1:], untraced)


@given(st.floats(min_value=1e-3, max_value=1e3))
def test_the_unit_of_time_does_not_matter(unit: float) -> None:
    times = rounds(1.5)
    found, scaled = marginal_ratio(*times), marginal_ratio(*(unit * each for each in times))
    assert scaled.value == pytest.approx(found.value, rel=1e-6)
    assert scaled.low == pytest.approx(found.low, rel=1e-6)
    assert scaled.high == pytest.approx(found.high, rel=1e-6)
