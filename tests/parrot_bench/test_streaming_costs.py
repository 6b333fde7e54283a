"""What each chunk costs, and what is said of streams, whatever was measured: properties."""

from collections import Counter
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import Block, RoundTaken
from parrot_bench.record import Arrivals, ChunkCost, Estimate, ModeArrivals, ModeRecord
from parrot_bench.samples import Samples
from parrot_bench.studies.streaming.costs import chunk_costs
from parrot_bench.studies.streaming.findings import UNEVEN_GAP_NS, UNEVEN_SHARE, findings
from parrot_bench.studies.streaming.lengths import LENGTHS as ASKED


def record(name: str, floor: str = "direct_astream") -> ModeRecord:
    return ModeRecord(
        name=name, api="-", kind="async", status="stable" if floor else "floor",
        streams=True, batches=False, floor=floor,
    )  # fmt: skip


RECORDS = (record("direct_astream", ""), record("astream"), record("astream_events_v2"))
MODES = [each.name for each in RECORDS]
LENGTHS = tuple(ASKED)

Round = dict[str, dict[int, int]]
"""CPU time by mode and length; a mode that raised is missing. Wall time is twice that."""

TIMES = st.tuples(*[st.integers(1_000, 10**8)] * len(LENGTHS)).map(
    lambda times: dict(zip(LENGTHS, times, strict=True))
)
ROUNDS = st.lists(st.dictionaries(st.sampled_from(MODES), TIMES), min_size=1, max_size=12)


def costs(rounds: list[Round], lengths: tuple[int, ...] = LENGTHS) -> dict[str, ChunkCost]:
    made = Samples("streaming")
    for number, modes in enumerate(rounds):
        blocks = tuple(
            Block(0, mode, "mode", "", "", 1, 2 * times[n], times[n], None, (), str(n))
            for mode, times in modes.items()
            for n in lengths
        )
        made.add(RoundTaken(number, False, False, blocks, (), 0))
    return {cost.mode: cost for cost in chunk_costs(made, RECORDS)}


@settings(max_examples=50)
@given(ROUNDS)
def test_a_mode_costs_what_its_own_rounds_say(rounds: list[Round]) -> None:
    found = costs(rounds)
    assert list(found) == [mode for mode in MODES if any(mode in each for each in rounds)]
    for mode, cost in found.items():
        own = [each[mode] for each in rounds if mode in each]
        assert [each.length for each in cost.lengths] == list(LENGTHS)
        assert [(s.shorter, s.longer) for s in cost.segments] == list(pairwise(LENGTHS))
        for segment in (*cost.segments, None):
            a, b = (segment.shorter, segment.longer) if segment else (LENGTHS[1], LENGTHS[-1])
            cpu, wall = (segment.cpu, segment.wall) if segment else (cost.cpu, cost.wall)
            each = [(times[b] - times[a]) / (b - a) for times in own]
            assert cpu.value == pytest.approx(median(each))
            assert wall.value == pytest.approx(2 * median(each))
            assert cpu.low <= cpu.value <= cpu.high
            assert cpu.count == len(own)
        assert cost.fixed_cpu.value == median(times[LENGTHS[0]] for times in own)


@settings(max_examples=50)
@given(ROUNDS, st.lists(st.integers(0, 10**7), min_size=12, max_size=12))
def test_what_a_call_costs_once_is_in_no_cost_of_a_chunk(
    rounds: list[Round], once: list[int]
) -> None:
    dearer = [
        {mode: {n: ns + more for n, ns in times.items()} for mode, times in each.items()}
        for each, more in zip(rounds, once, strict=False)
    ]
    plain, more = costs(rounds), costs(dearer)
    for mode, cost in plain.items():
        assert more[mode].cpu == cost.cpu
        assert more[mode].segments == cost.segments
        assert more[mode].linear == cost.linear
        assert more[mode].beside_ratio == cost.beside_ratio
        assert more[mode].fixed_cpu.value >= cost.fixed_cpu.value


@settings(max_examples=50)
@given(ROUNDS, st.integers(1, 5))
def test_a_slower_machine_has_the_same_ratios(rounds: list[Round], power: int) -> None:
    slower = [
        {mode: {n: ns << power for n, ns in times.items()} for mode, times in each.items()}
        for each in rounds
    ]
    here, there = costs(rounds), costs(slower)

    def bounds(estimate: Estimate | None) -> tuple[float, float, float] | None:
        return estimate and (estimate.value, estimate.low, estimate.high)

    for mode, cost in here.items():
        assert there[mode].cpu.value == cost.cpu.value * 2**power
        assert there[mode].linear == cost.linear
        for one, other in (
            (cost.beside_ratio, there[mode].beside_ratio),
            (cost.floor_ratio, there[mode].floor_ratio),
        ):
            assert bounds(other) == (None if one is None else pytest.approx(bounds(one)))


@settings(max_examples=25)
@given(st.integers(1, 10**5), st.integers(1, 10**4), st.integers(6, 12), st.floats(1.3, 9))
def test_a_straight_line_is_linear_and_a_bent_one_is_not(
    once: int, each: int, rounds: int, bend: float
) -> None:
    straight = {n: 1_000 + once + each * n for n in LENGTHS}
    last = LENGTHS[-2]
    bent = {n: ns + round(each * (bend - 1) * max(0, n - last)) for n, ns in straight.items()}
    found = costs([{"astream": straight, "astream_events_v2": bent}] * rounds)
    assert found["astream"].linear is True
    assert found["astream"].cpu.value == each
    assert found["astream_events_v2"].linear is False
    ratio = found["astream_events_v2"].beside_ratio
    assert ratio is not None
    assert 1 < ratio.value <= bend + 0.01


@settings(max_examples=25)
@given(ROUNDS, st.integers(0, len(LENGTHS)))
def test_fewer_than_three_lengths_are_no_line(rounds: list[Round], number: int) -> None:
    found = costs(rounds, LENGTHS[:number])
    assert bool(found) == (number > 2 and any(rounds))
    assert {cost.longest for cost in found.values()} <= {*LENGTHS[number - 1 : number]}


# -- findings -----------------------------------------------------------------------------


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value, confidence=0.95, count=9, unit="ns")


ARRIVED = st.builds(
    ModeArrivals,
    mode=st.just(""),
    calls=st.integers(0, 3),
    chunks=st.integers(0, 9),
    tokens=st.none() | st.integers(0, 3),
    arriving=st.sampled_from(["one by one", "in one burst", "in one piece", "nothing"]),
    first_chunk=st.none(),
    mean_gap=st.none() | st.sampled_from([1.0, UNEVEN_GAP_NS, 9e6]).map(estimate),
    even_share=st.none() | st.sampled_from([0.1, UNEVEN_SHARE, 0.5]),
    empty_before=st.integers(0, 2),
    errors=st.dictionaries(st.sampled_from(["ValueError", "TypeError"]), st.integers(1, 2)),
)
FOUND = st.lists(ARRIVED, max_size=3).map(
    lambda each: [one.model_copy(update={"mode": name}) for one, name in zip(each, MODES)]  # noqa: B905  # as many as were drawn
)


@given(FOUND, st.booleans(), st.permutations(range(3)))
def test_modes_of_which_the_same_is_said_are_said_together(
    modes: list[ModeArrivals], waits: bool, order: list[int]
) -> None:
    def found(modes: list[ModeArrivals]) -> dict[tuple[str, str], set[str]]:
        arrivals = Arrivals(latency=None, waits=waits, modes=tuple(modes), rounds=1)
        said = findings(arrivals, RECORDS)
        assert len({(each.what, each.sentence) for each in said}) == len(said)
        assert all(len(set(each.modes)) == len(each.modes) > 0 for each in said)
        return {(each.what, each.sentence): set(each.modes) for each in said}

    here = found(modes)
    assert found([modes[at] for at in order if at < len(modes)]) == here
    whats = Counter(what for (what, _), names in here.items() for _ in names)
    assert whats["raised"] == sum(len(mode.errors) for mode in modes)
    assert whats["no content"] == sum(m.arriving == "nothing" and m.calls > 0 for m in modes)
    assert whats["in one burst"] == waits * sum(m.arriving == "in one burst" for m in modes)
    # Gaps that one mode alone has came from the machine.
    judged = [mode for mode in modes if mode.even_share is not None]
    assert whats["uneven gaps"] == 0 or 2 * whats["uneven gaps"] > len(judged)
