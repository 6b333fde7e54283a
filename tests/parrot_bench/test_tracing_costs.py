"""From samples of the tracing study to its result, whatever was measured: properties."""

from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import Block, Planned, PlannedMode, RoundTaken
from parrot_bench.record import Estimate
from parrot_bench.record.tracing import CALLBACKS, FILE, MODEL, NO_OP, NONE, OTLP, TracingResult
from parrot_bench.request import Request
from parrot_bench.samples import Clock, Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.tracing.costs import added, conclude, ratio
from parrot_bench.studies.tracing.listeners import Flushed
from parrot_bench.studies.tracing.told import Arrived, SpansMade
from tests.parrot_bench.gathered import described

CASES = (MODEL, NONE, CALLBACKS, NO_OP, FILE)
CLOCKS: tuple[Clock, ...] = ("cpu", "wall")
MODES = ("invoke", "stream")

Round = dict[tuple[str, str], tuple[int, int]]
"""CPU and wall time per call, by mode and case; what raised is missing."""

NS = st.integers(1_000, 10**9)
CELL = st.sampled_from([(mode, case) for mode in MODES for case in CASES])
ROUNDS = st.lists(st.dictionaries(CELL, st.tuples(NS, NS), max_size=10), min_size=1, max_size=12)


def samples(rounds: list[Round], calls: int = 1) -> Samples:
    made = Samples("tracing")
    for number, cells in enumerate(rounds):
        blocks = tuple(
            Block(place, mode, "mode", "", "", calls, wall * calls, cpu * calls, None, (), case)
            for place, ((mode, case), (cpu, wall)) in enumerate(cells.items())
        )
        made.add(RoundTaken(number, False, False, blocks, (), 0))
    return made


def concluded(made: Samples, *told: object) -> TracingResult:
    plan = Planned(
        tuple(PlannedMode(mode, 1, 0, 1, 1, 1, None, False) for mode in MODES), False, 1, 1, 0, None
    )
    gathered = Gathered(
        study="tracing", request=Request(), limit_s=60, samples=made, plan=plan,
        described=described(), observed=list(told),
    )  # fmt: skip
    result = conclude(gathered)
    assert result is not None
    return result


def common(rounds: list[Round], mode: str, case: str, below: str) -> list[tuple[int, int]]:
    """CPU times of the two cases, of the rounds that have both: by hand."""
    return [
        (cells[mode, case][0], cells[mode, below][0])
        for cells in rounds
        if (mode, case) in cells and (mode, below) in cells
    ]


@settings(max_examples=40)
@given(ROUNDS)
def test_only_what_was_measured_in_the_same_round_is_compared(rounds: list[Round]) -> None:
    result = concluded(samples(rounds))
    for mode in result.modes:
        for case in mode.cases:
            own = [
                cells[mode.mode, case.case] for cells in rounds if (mode.mode, case.case) in cells
            ]
            assert case.blocks == case.calls == case.cpu.count == len(own)
            assert case.cpu.value == median(cpu for cpu, _ in own)
            pairs = common(rounds, mode.mode, case.case, NONE)
            if case.case == NONE or not pairs:
                assert case.cpu_ratio is case.wall_ratio is case.cpu_added is None
                continue
            assert case.cpu_added is not None
            assert case.cpu_added.value == median(one - none for one, none in pairs)
            assert case.cpu_ratio is not None
            logs = [np.log(one / none) for one, none in pairs]
            assert case.cpu_ratio.value == pytest.approx(np.exp(median(logs)))
            assert case.cpu_ratio.count == case.cpu_added.count == len(pairs)


@settings(max_examples=40)
@given(ROUNDS)
def test_every_case_that_was_measured_is_there_once_in_the_order_of_the_study(
    rounds: list[Round],
) -> None:
    result = concluded(samples(rounds))
    measured = {cell for cells in rounds for cell in cells}
    found = [(mode.mode, case.case) for mode in result.modes for case in mode.cases]
    assert found == [(mode, case) for mode in MODES for case in CASES if (mode, case) in measured]
    for mode in result.modes:
        estimates = [
            estimate
            for part in (*mode.cases, *mode.layers)
            for _, estimate in part
            if isinstance(estimate, Estimate)
        ]
        assert all(e.low <= e.value <= e.high for e in estimates)


@settings(max_examples=40)
@given(ROUNDS, st.lists(st.integers(-3, 6), min_size=12, max_size=12), st.integers(1, 9))
def test_the_pace_of_a_round_is_in_no_ratio(
    rounds: list[Round], paces: list[int], calls: int
) -> None:
    plain = samples([{k: (c << 3, w << 3) for k, (c, w) in each.items()} for each in rounds])
    paced = samples(
        [
            {k: (c << 3 + pace, w << 3 + pace) for k, (c, w) in each.items()}
            for each, pace in zip(rounds, paces, strict=False)
        ],
        calls,
    )
    for mode in MODES:
        for clock in CLOCKS:
            one, other = ratio(plain, mode, NO_OP, clock), ratio(paced, mode, NO_OP, clock)
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert (other.value, other.low, other.high) == pytest.approx(
                    (one.value, one.low, one.high)
                )


@settings(max_examples=40)
@given(ROUNDS, st.sampled_from(CASES), st.sampled_from(CASES))
def test_what_one_case_adds_the_other_takes_away(
    rounds: list[Round], case: str, below: str
) -> None:
    made = samples(rounds)
    for clock in CLOCKS:
        more, less = (
            added(made, "invoke", *pair, clock) for pair in ((case, below), (below, case))
        )
        assert (more is None) == (less is None)
        if more is not None and less is not None:
            assert (more.value, more.low, more.high) == pytest.approx(
                (-less.value, -less.high, -less.low)
            )


@given(st.lists(NS, min_size=4, max_size=4), st.integers(1, 12))
def test_where_every_round_is_the_same_layers_add_up(costs: list[int], rounds: int) -> None:
    upwards = np.cumsum(costs).tolist()
    cells = {
        ("invoke", case): (cost, 2 * cost)
        for case, cost in zip((MODEL, NONE, CALLBACKS, NO_OP), upwards, strict=True)
    }
    (mode,) = concluded(samples([cells] * rounds)).modes
    assert [layer.layer for layer in mode.layers] == ["model", "langchain", "callbacks", "tracing"]
    assert [layer.cpu.value for layer in mode.layers] == costs
    assert [layer.wall.value for layer in mode.layers] == [2 * cost for cost in costs]


FLUSHES = st.lists(
    st.builds(Flushed, st.sampled_from([FILE, OTLP]), st.integers(1, 6), NS, NS, st.just(1)),
    max_size=8,
)


@given(FLUSHES, st.integers(1, 5), st.integers(0, 900), st.integers(0, 900))
def test_exports_are_told_apart_and_a_request_half_empty_counts_only_where_none_is_full(
    flushes: list[Flushed], batch: int, sent: int, lost: int
) -> None:
    cells = {("invoke", NONE): (5_000, 5_000), ("invoke", FILE): (7_000, 7_000)}
    told = [
        Arrived(FILE, sent, max(0, sent - lost), None, batch, ""),
        Arrived(OTLP, sent, sent, sent, batch, ""),
    ]
    made = SpansMade("invoke", FILE, 3 * sent, sent or 1)
    result = concluded(samples([cells]), *flushes, *told, made)
    assert [export.case for export in result.exports] == [FILE, OTLP]
    assert [export.delivered for export in result.exports] == [not lost or not sent, True]
    for export in result.exports:
        own = [flush for flush in flushes if flush.case == export.case]
        assert (export.cpu is None) == (not own)
        if export.cpu is not None:
            full = [f.cpu_ns / f.spans for f in own if f.spans >= batch]
            each = full or [f.cpu_ns / f.spans for f in own]
            assert export.cpu.value == pytest.approx(median(each))
            assert export.spans_per_request <= batch
    (mode,) = result.modes
    file = mode.case(FILE)
    assert file is not None
    assert file.spans_per_call == (3 if sent else 0)
