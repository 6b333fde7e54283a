"""Verdicts between two sides: from the interval alone, the worst of several."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.gate import EXIT_STATUS, WORST_FIRST, gate, verdicts, wide, worst
from parrot_bench.outer import outer_ratio
from parrot_bench.record import Estimate, GateVerdict


def estimate(low: float, value: float, high: float, count: int = 10) -> Estimate:
    return Estimate(value=value, low=low, high=high, confidence=0.95, count=count, unit="ratio")


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (0.99, 1.0, 1.009, "pass"),
        (0.8, 0.85, 0.9, "pass"),
        (1.011, 1.03, 1.05, "regression"),
        (1.0, 1.01, 1.02, "inconclusive"),
        # Slower for certain, but by less than what fails.
        (1.002, 1.004, 1.006, "pass"),
        # A bound that lies on the threshold decides nothing.
        (0.99, 1.0, 1.01, "inconclusive"),
        (1.01, 1.02, 1.03, "inconclusive"),
    ],
)
def test_the_interval_decides(low: float, value: float, high: float, verdict: str) -> None:
    assert gate(estimate(low, value, high), 0.01) == verdict


def test_too_few_units_decide_nothing() -> None:
    assert gate(estimate(2.0, 2.0, 2.0, count=2), 0.01) == "inconclusive"
    assert gate(estimate(2.0, 2.0, 2.0, count=2), 0.01, least=1) == "regression"
    assert gate(None, 0.01) == "not measured"


@given(st.lists(st.sampled_from(WORST_FIRST), min_size=1))
def test_the_worst_of_several_decides(found: list[GateVerdict]) -> None:
    order = ["regression", "not measured", "inconclusive", "pass"]
    assert worst(found) == next(v for v in order if v in found)


def test_every_verdict_has_its_exit_status() -> None:
    assert EXIT_STATUS == {"pass": 0, "regression": 1, "inconclusive": 3, "not measured": 4}
    assert set(EXIT_STATUS) == set(WORST_FIRST)
    assert worst([]) == "not measured"


def test_directions_are_read_together() -> None:
    units = {
        "slow": [0.10, 0.11, 0.09, 0.10, 0.10],
        "fast": [-0.10, -0.11, -0.09, -0.10, -0.10],
        "same": [0.001, -0.001, 0.0, 0.001, -0.001],
        "unknown": [0.3, -0.2, 0.1, -0.3, 0.2],
        "few": [0.1, 0.1],
        "none": [],
    }
    ratios = {mode: outer_ratio(logs) for mode, logs in units.items()}
    assert verdicts(units, ratios, 0.02) == {
        "slow": "slower",
        "fast": "faster",
        "same": "same",
        "unknown": "not resolved",
        "few": "not resolved",
        "none": "not measured",
    }
    # p is 0.03 for each: found alone, not among twelve.
    lone = [0.01, 0.03, 0.02, 0.035, -0.001]
    many = {f"mode{i}": lone for i in range(12)}
    assert verdicts({"a": lone}, {"a": outer_ratio(lone)}, 0.02)["a"] == "slower"
    assert set(verdicts(many, {m: outer_ratio(lone) for m in many}, 0.02).values()) == {
        "not resolved"
    }


def test_width_is_looked_at_and_never_the_value() -> None:
    assert wide(None, 0.01)
    assert wide(estimate(0.98, 1.0, 1.02), 0.01)
    assert not wide(estimate(1.98, 2.0, 2.02), 0.011)


INTERVALS = st.lists(st.floats(0.5, 2), min_size=3, max_size=3).map(
    lambda bounds: estimate(*sorted(bounds))
)


@given(INTERVALS, st.floats(0.0001, 1), st.floats(0.0001, 1))
def test_a_threshold_that_allows_more_never_turns_a_pass_into_a_failure(
    ratio: Estimate, one: float, other: float
) -> None:
    strict, lax = sorted((one, other))
    order = ["regression", "inconclusive", "pass"]
    assert order.index(gate(ratio, strict)) <= order.index(gate(ratio, lax))


LOGS = st.lists(st.integers(-1000, 1000).map(lambda n: n / 1000), min_size=3, max_size=12)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("abcd"), LOGS, min_size=1), st.floats(0.001, 0.2))
def test_swapping_the_sides_swaps_faster_and_slower(
    units: dict[str, list[float]], delta: float
) -> None:
    other = {"slower": "faster", "faster": "slower"}
    found = verdicts(units, {mode: outer_ratio(logs) for mode, logs in units.items()}, delta)
    back = {mode: [-log for log in logs] for mode, logs in units.items()}
    swapped = verdicts(back, {mode: outer_ratio(logs) for mode, logs in back.items()}, delta)
    # "Same" is said of what lies within ±delta, which is not as far in both directions.
    for mode, verdict in found.items():
        assert swapped[mode] == other.get(verdict, swapped[mode])
        assert (swapped[mode] in other) == (verdict in other)
    # One mode more to be read together never makes a difference of none.
    alone = {mode: verdicts({mode: logs}, {mode: outer_ratio(logs)}, delta)[mode]
             for mode, logs in units.items()}  # fmt: skip
    assert all(alone[mode] == v for mode, v in found.items() if v in other)
