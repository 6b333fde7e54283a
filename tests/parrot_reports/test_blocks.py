"""What figures need beyond the record: distributions, cold calls, drift."""

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from parrot_bench.record import RunRecord
from parrot_reports import blocks
from parrot_reports.rundata import read_run

MakeRun = Callable[..., Path]


@pytest.mark.parametrize("n", [6, 17, 40, 301, 5000])
def test_the_interval_of_a_median_is_that_of_the_exact_sign_test(n: int) -> None:
    values = np.random.default_rng(n).lognormal(size=n)
    found = blocks.median_estimate(values)
    # scipy's binomial: the largest k with P(B < k) <= 2.5 %.
    k = int(stats.binom.ppf(0.025, n, 0.5))
    ordered = np.sort(values)
    assert found.value == np.median(values)
    assert (found.low, found.high) == (ordered[k - 1], ordered[n - k])
    assert found.count == n


def test_curves_come_from_the_pass_with_garbage_collection_where_there_is_one(
    record: RunRecord,
) -> None:
    calls = pl.DataFrame(
        {
            "mode": ["invoke"] * 60,
            "tail": [False] * 30 + [True] * 30,
            "started_ns": [0] * 60,
            "ended_ns": [100] * 30 + [300] * 30,
        }
    )
    (curve,) = blocks.curves(calls, record)
    assert curve.count == 30
    assert curve.at(0.5) == 300


def test_curves_leave_out_batches_and_modes_with_few_calls(record: RunRecord) -> None:
    calls = pl.DataFrame(
        {
            "mode": ["batch"] * 60 + ["stream"] * 5,
            "tail": [False] * 65,
            "started_ns": [0] * 65,
            "ended_ns": [100] * 65,
        }
    )
    assert blocks.curves(calls, record) == ()


def test_a_curve_rises_from_the_fastest_call_to_the_slowest(make_run: MakeRun) -> None:
    run = read_run(make_run())
    for curve in blocks.curves(run.calls, run.record):
        latency = run.calls.filter(pl.col("mode") == curve.mode)
        slowest = (latency["ended_ns"] - latency["started_ns"]).max()
        assert curve.latency[-1] == slowest
        assert (np.diff(curve.latency) >= 0).all()
        assert curve.share[-1] == 1


def test_cold_calls_of_a_batch_are_told_per_call(make_run: MakeRun) -> None:
    run = read_run(make_run())
    by_mode = {call.mode: call for call in blocks.cold_calls(run.samples, run.record)}
    # The made runs have batches whose cold unit is 16 calls, each about 1.5 times a warm one.
    assert 1.2 < by_mode["batch"].ratio.value < 2
    assert by_mode["batch"].cold == pytest.approx(650_000, rel=0.15)


def test_the_hosts_drift_shows_in_times_and_cancels_in_ratios(make_run: MakeRun) -> None:
    run = read_run(make_run(rounds=400))
    for drift in blocks.drifts(run.samples, run.record):
        assert np.ptp(drift.time) > 0.07  # the made host drifts by 4 % either way
        if drift.mode == "invoke":
            assert drift.ratio.size == 0
        else:
            assert np.std(drift.ratio) < np.std(drift.time) / 2


def test_a_slow_mode_is_divided_by_the_block_it_brings_along(make_run: MakeRun) -> None:
    run = read_run(make_run())
    slow = pl.col("mode") == "astream"
    pairs = run.samples.filter(slow).with_columns(
        mode=pl.lit("invoke"), role=pl.lit("pair"), partner=pl.lit("astream")
    )
    drifts = blocks.drifts(pl.concat([run.samples, pairs]), run.record)
    astream = next(drift for drift in drifts if drift.mode == "astream")
    np.testing.assert_allclose(astream.ratio, 1)


def test_no_samples_no_statistics(make_run: MakeRun) -> None:
    path = make_run()
    (path / "samples.parquet").unlink()
    run = read_run(path)
    assert blocks.drifts(run.samples, run.record) == ()
    assert blocks.cold_calls(run.samples, run.record) == ()


# -- properties ---------------------------------------------------------------------------

NS = st.integers(1, 10**9)
SAME_RECORD = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SAME_RECORD
@given(
    st.lists(NS, min_size=20, max_size=400), st.sampled_from(["1/2", "9/10", "95/100", "99/100"])
)
def test_a_curve_has_the_percentiles_that_the_table_has(
    record: RunRecord, latencies: list[int], share: str
) -> None:
    calls = pl.DataFrame(
        {
            "mode": "invoke",
            "tail": False,
            "started_ns": 7,
            "ended_ns": [7 + latency for latency in latencies],
        }
    )
    (curve,) = blocks.curves(calls, record)
    place = math.ceil(Fraction(share) * len(latencies))
    assert curve.at(float(Fraction(share))) == sorted(latencies)[place - 1]
    assert curve.count == len(latencies)
    assert (curve.latency[0], curve.latency[-1]) == (min(latencies), max(latencies))


def _blocks(times: list[tuple[int, int, int]]) -> pl.DataFrame:
    """Rounds with a block of the baseline and one of another mode, each after the other."""
    rows = [
        {
            "round": number,
            "mode": mode,
            "role": "mode",
            "partner": "",
            "previous": previous,
            "stamped": False,
            "tail": False,
            "calls": 4,
            "wall_ns": 4 * each,
            "cpu_ns": 4 * each,
            "cold_wall_ns": cold,
        }
        for number, (base, other, cold) in enumerate(times)
        for mode, previous, each in (("invoke", "stream", base), ("stream", "invoke", other))
    ]
    return pl.DataFrame(rows)


ROUNDS = st.lists(st.tuples(NS, NS, NS), min_size=10, max_size=60)


@SAME_RECORD
@given(ROUNDS, st.lists(st.integers(0, 5), min_size=60, max_size=60))
def test_what_a_round_does_to_all_of_it_is_in_no_ratio(
    record: RunRecord, times: list[tuple[int, int, int]], paces: list[int]
) -> None:
    paced = [
        (base << pace, other << pace, cold << pace)
        for (base, other, cold), pace in zip(times, paces, strict=False)
    ]
    here, there = _blocks(times), _blocks(paced).sample(fraction=1, shuffle=True, seed=1)
    for one, two in zip(
        blocks.cold_calls(here, record), blocks.cold_calls(there, record), strict=True
    ):
        assert two.ratio == one.ratio
        assert one.ratio.low <= one.ratio.value <= one.ratio.high
        assert one.ratio.count == len(times)
    for one, two in zip(blocks.drifts(here, record), blocks.drifts(there, record), strict=True):
        assert (two.mode, two.last) == (one.mode, len(times) - 1)
        np.testing.assert_allclose(two.ratio, one.ratio)
        assert one.time.size == one.rounds.size == max(1, len(times) // 5)
        assert one.ratio.size == (0 if one.mode == "invoke" else one.time.size)


@SAME_RECORD
@given(NS, NS, st.integers(10, 60))
def test_what_never_moves_does_not_drift(
    record: RunRecord, base: int, other: int, rounds: int
) -> None:
    found = blocks.drifts(_blocks([(base, other, 1)] * rounds), record)
    assert [drift.mode for drift in found] == ["invoke", "stream"]
    for drift in found:
        np.testing.assert_allclose(drift.time, 1)
        np.testing.assert_allclose(drift.ratio, 1)
        assert (np.diff(drift.rounds) > 0).all()
