"""From samples to verdicts, on samples whose answer is known."""

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import Block, Planned, PlannedMode, RoundTaken
from parrot_bench.record import ModeRecord, OverheadResult
from parrot_bench.samples import Samples, write_tables
from parrot_bench.studies.overhead.costs import deciding_clock, on_target, result

COSTS_US = {"direct_generate": 25, "invoke": 300, "ainvoke": 600, "stream": 303, "batch": 400}
CALLS = {"batch": 16}


def planned(mode: str, **changes: Any) -> PlannedMode:
    settings: dict[str, Any] = {
        "mode": mode,
        "units": 4,
        "primed": 1,
        "calls_per_unit": CALLS.get(mode, 1),
        "every": 1,
        "unit_ns": 1000,
        "tokens": 20,
        "paired": False,
    }
    return PlannedMode(**{**settings, **changes})


def a_plan(*modes: PlannedMode, waits: bool = False) -> Planned:
    return Planned(
        modes=modes or tuple(planned(mode) for mode in COSTS_US),
        waits=waits,
        round_s=0.01,
        round_calls=30,
        calls_so_far=0,
        affordable_rounds=None,
    )


RECORDS = tuple(
    ModeRecord(
        name=mode,
        api="-",
        kind="sync",
        status="floor" if mode.startswith("direct") else "stable",
        streams=False,
        batches=mode == "batch",
        floor="" if mode.startswith("direct") else "direct_generate",
    )
    for mode in COSTS_US
)


def measured(
    rounds: int = 200, noise: float = 0.05, costs: dict[str, float] | None = None
) -> Samples:
    """Rounds with noise that all modes share and a little of their own."""
    rng = random.Random(7)
    samples = Samples()
    clock = 0
    for number in range(rounds):
        shared = rng.lognormvariate(0, noise)
        stamped = number % 5 == 4
        blocks = []
        for mode, cost in [*(costs or COSTS_US).items(), ("twin", COSTS_US["invoke"])]:
            calls = 4 * CALLS.get(mode, 1)
            each = cost * 1000 * shared * rng.lognormvariate(0, 0.01)
            stamps = tuple(round(clock + each * i) for i in range(calls + 1)) if stamped else ()
            blocks.append(
                Block(
                    position=len(blocks),
                    mode="invoke" if mode == "twin" else mode,
                    role="a/a" if mode == "twin" else "mode",
                    partner="",
                    previous="",
                    calls=calls,
                    wall_ns=round(each * calls * 1.1),
                    cpu_ns=round(each * calls),
                    cold_ns=None if stamped else round(each * 1.5 * CALLS.get(mode, 1)),
                    stamps=() if mode == "batch" else stamps,
                )
            )
            clock += round(each * calls)
        samples.add(RoundTaken(number, stamped, False, tuple(blocks), (), (number + 1) * 30))
    return samples


def summarised(
    samples: Samples | None = None, plan: Planned | None = None, delta: float = 0.02
) -> OverheadResult:
    return result(
        samples or measured(),
        plan or a_plan(),
        RECORDS,
        baseline="invoke",
        delta=delta,
        duration_s=10.0,
        stopped_by="time",
        seed=1,
    )


def by_mode(found: OverheadResult) -> dict[str, Any]:
    return {mode.mode: mode for mode in found.modes}


def test_ratios_are_recovered() -> None:
    found = by_mode(summarised())
    for mode, cost in COSTS_US.items():
        if mode == "invoke":
            assert found[mode].cpu_ratio is None
            continue
        ratio = found[mode].cpu_ratio
        assert ratio.low <= cost / 300 <= ratio.high
        assert ratio.count == 160  # stamped rounds are left out
        assert found[mode].cpu_ratio_joint.high >= ratio.high


def test_verdicts() -> None:
    found = by_mode(summarised())
    assert {mode: m.verdict for mode, m in found.items()} == {
        "direct_generate": "faster",
        "invoke": "baseline",
        "ainvoke": "slower",
        "stream": "slower",
        "batch": "slower",
    }
    same = by_mode(summarised(measured(costs={**COSTS_US, "stream": 300})))
    assert same["stream"].verdict == "same"


def test_a_mode_is_divided_by_its_own_floor() -> None:
    found = by_mode(summarised())
    assert found["ainvoke"].cpu_floor_ratio.value == pytest.approx(24, rel=0.02)
    assert found["direct_generate"].cpu_floor_ratio is None


def test_the_twin_is_the_a_a_check() -> None:
    aa = summarised().aa_cpu
    assert aa is not None
    assert aa.confidence == 0.99
    assert aa.low <= 1 <= aa.high


def test_calls_of_a_batch_count_one_by_one() -> None:
    batch = by_mode(summarised())["batch"]
    assert batch.cpu.value == pytest.approx(400_000, rel=0.05)
    assert batch.calls == 160 * 64
    assert batch.cold.value == pytest.approx(600_000, rel=0.05)
    assert all(p.value is None and "batch" in p.reason for p in batch.percentiles)


def test_percentiles_come_from_stamped_calls() -> None:
    ainvoke = by_mode(summarised())["ainvoke"]
    median = ainvoke.percentiles[0]
    assert median.count == 40 * 4
    assert median.value == pytest.approx(600_000, rel=0.05)
    assert ainvoke.percentiles[-1].value is None
    assert "368" in ainvoke.percentiles[-1].reason


def test_rates() -> None:
    ainvoke = by_mode(summarised())["ainvoke"]
    assert ainvoke.calls_per_second == pytest.approx(1e6 / 660, rel=0.05)
    assert ainvoke.tokens_per_second == pytest.approx(20 * ainvoke.calls_per_second)


def test_wall_time_decides_where_the_model_waits() -> None:
    assert deciding_clock(a_plan()) == "cpu"
    assert deciding_clock(a_plan(waits=True)) == "wall"
    assert {m.decided_by for m in summarised(plan=a_plan(waits=True)).modes} == {"wall"}


def test_no_verdict_under_ten_rounds() -> None:
    found = by_mode(summarised(measured(9)))
    assert found["ainvoke"].verdict == "not resolved"
    assert found["ainvoke"].seconds_to_resolve > 10


def test_the_target_looks_at_widths_only() -> None:
    assert not on_target(measured(9), a_plan(), "invoke", 0.5)
    assert on_target(measured(), a_plan(), "invoke", 0.02)
    assert not on_target(measured(), a_plan(), "invoke", 0.0001)


def test_a_slow_mode_is_divided_by_the_baseline_block_it_brought() -> None:
    samples = measured(50)
    for number in range(50, 90):
        blocks = [
            Block(0, "slow", "mode", "", "", 1, 30_000_000, 30_000_000, None),
            # The pair is not like the regular baseline, so that it can be told apart.
            Block(1, "invoke", "pair", "slow", "", 4, 4 * 600_000, 4 * 600_000, None),
            Block(2, "invoke", "mode", "", "", 4, 4 * 300_000, 4 * 300_000, None),
        ]
        samples.add(RoundTaken(number, False, False, tuple(blocks), (), 0))
    plan = a_plan(*a_plan().modes, planned("slow", units=1, every=5, paired=True))
    slow = by_mode(summarised(samples, plan))["slow"]
    assert slow.cpu_ratio.value == pytest.approx(50)
    assert slow.cpu_ratio.count == 40


def test_a_mode_is_called_stable_for_all_modes_together() -> None:
    """Otherwise one of many equal modes would be amber in every fifth run."""
    for seed in range(40):
        rng = random.Random(seed)
        samples = Samples()
        for number in range(100):
            blocks = [
                Block(0, mode, "mode", "", "", 1, each, each, None)
                for mode in COSTS_US
                for each in [round(1e6 * rng.lognormvariate(0, 0.05))]
            ]
            samples.add(RoundTaken(number, False, False, tuple(blocks), (), 0))
        for mode in by_mode(summarised(samples)).values():
            if mode.mode != "invoke":
                assert mode.cpu_ratio.stable == mode.cpu_ratio_joint.stable
                assert mode.cpu_ratio.stable == (mode.verdict_note == "")


@pytest.mark.parametrize(("delta", "stable"), [(0.02, False), (0.2, True)])
def test_a_ratio_that_moved_by_less_than_delta_is_stable(delta: float, stable: bool) -> None:
    rng = random.Random(3)
    samples = Samples()
    for number in range(300):
        costs = {"invoke": 1.0, "ainvoke": 2.0 if number < 150 else 2.2, "stream": 3.0}
        blocks = [
            Block(0, mode, "mode", "", "", 1, each, each, None)
            for mode, cost in costs.items()
            for each in [round(cost * 1e6 * rng.lognormvariate(0, 0.02))]
        ]
        samples.add(RoundTaken(number, False, False, tuple(blocks), (), 0))
    modes = by_mode(summarised(samples, delta=delta))
    assert modes["ainvoke"].cpu_ratio.stable is stable
    note = modes["ainvoke"].verdict_note
    assert bool(
        re.fullmatch("moved between (1[.]9[5-9]|2[.]0[0-5]) and 2[.][12]. within the run", note)
    ) is (not stable)
    assert modes["stream"].cpu_ratio.stable


def test_blocks_that_raised_are_counted() -> None:
    samples = measured(20)
    samples.add(RoundTaken(20, False, False, (), (("ainvoke", "ValueError"),) * 2, 0))
    assert by_mode(summarised(samples))["ainvoke"].errors == {"ValueError": 2}


def test_tails_are_preferred_to_stamped_rounds() -> None:
    samples = measured(20)
    stamps = tuple(range(0, 11_000_000, 1_000_000))
    samples.add(
        RoundTaken(
            20, True, True, (Block(0, "ainvoke", "mode", "", "", 10, 1, 1, None, stamps),), (), 0
        )
    )
    latencies, rounds, with_gc = samples.latencies("ainvoke")
    assert with_gc
    assert latencies.tolist() == [1_000_000] * 10
    assert np.unique(rounds).tolist() == [20]
    assert samples.rounds == 20


def test_every_block_and_every_stamped_call_is_saved(tmp_path: Path) -> None:
    samples = measured(20)
    write_tables([samples], tmp_path / "samples.parquet", tmp_path / "calls.parquet")
    blocks = pl.read_parquet(tmp_path / "samples.parquet")
    assert blocks.height == 20 * 6
    assert set(blocks["role"]) == {"mode", "a/a"}
    assert blocks.filter(pl.col("mode") == "batch")["calls"].unique().to_list() == [64]
    calls = pl.read_parquet(tmp_path / "calls.parquet")
    assert calls.height == 4 * 4 * 4  # stamped rounds, modes that do not batch, calls
    latency = (calls["ended_ns"] - calls["started_ns"]).to_numpy()
    assert (latency > 0).all()
    assert list(tmp_path.iterdir()) != []
    assert not list(tmp_path.glob(".*"))


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_swapping_modes_and_pace_of_the_host_say_nothing(seed: int) -> None:
    rng = random.Random(seed)
    costs = {mode: us * rng.uniform(0.5, 2) for mode, us in COSTS_US.items()}
    found = by_mode(summarised(measured(40, costs=costs)))
    # A host that is four times as slow, and as slow for all.
    slower = by_mode(summarised(measured(40, costs={m: 4 * us for m, us in costs.items()})))
    for mode, expected in costs.items():
        if mode == "invoke":
            continue
        ratio, other = found[mode].cpu_ratio, slower[mode].cpu_ratio
        assert ratio.value == pytest.approx(expected / costs["invoke"], rel=0.02)
        assert other.value == pytest.approx(ratio.value, rel=1e-4)
        assert slower[mode].verdict == found[mode].verdict
        assert slower[mode].cpu.value == pytest.approx(4 * found[mode].cpu.value, rel=1e-4)
