"""From arrivals of chunks to times, and from replies of chosen lengths to costs, where the
answer is known."""

import random
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.events import Block, Call, RoundTaken
from parrot_bench.record import ChunkCost, ModeArrivals, ModeRecord
from parrot_bench.samples import Samples
from parrot_bench.studies.streaming.arrivals import mode_arrivals
from parrot_bench.studies.streaming.costs import chunk_costs

US = 1000


def call(*waits: int, tail: int = 0, tokens: int | None = None, error: str = "") -> Call:
    """A call whose chunks come after so many ns each, and that ends ``tail`` ns later."""
    stamps = tuple(accumulate(waits, initial=1_000_000))[1:]
    end = (stamps[-1] if stamps else 1_000_000) + tail
    return Call("m", "", 1_000_000, end, stamps, tokens, error)


def seen(calls: list[Call], floor: list[Call] | None = None) -> ModeArrivals:
    return mode_arrivals("m", list(enumerate(calls)), None, list(enumerate(floor or [])), seed=1)


def test_every_definition_on_a_call_that_can_be_worked_out_by_hand() -> None:
    found = seen([call(500, 10, 20, 30, tail=40, tokens=7)] * 8)
    assert found.calls == 8
    assert found.chunks == 4
    assert found.arriving == "one by one"
    assert found.first_chunk is not None
    assert found.first_chunk.value == 500
    assert found.first_chunk.count == 8
    assert found.mean_gap is not None
    assert found.mean_gap.value == 20
    assert found.gaps[0].value == 20
    assert found.gaps[0].count == 24
    assert found.token_latency is not None
    assert found.token_latency.value == pytest.approx(60 / 6)
    assert found.total is not None
    assert found.total.value == 600
    assert found.each_chunk is not None
    assert found.each_chunk.value == pytest.approx(100 / 3)


def test_a_reply_in_one_piece_has_its_latency_as_time_to_first_chunk() -> None:
    found = seen([call(500, tail=40, tokens=7)] * 8)
    assert found.arriving == "in one piece"
    assert found.first_chunk is not None
    assert found.first_chunk.value == 540
    assert (found.gaps, found.mean_gap, found.each_chunk) == ((), None, None)


def test_calls_that_raised_are_counted_and_in_no_number() -> None:
    found = seen([call(500, 10, tokens=2)] * 6 + [call(9, 9, error="ValueError")] * 2)
    assert found.calls == 6
    assert found.errors == {"ValueError": 2}
    assert found.first_chunk is not None
    assert found.first_chunk.high == 500


def test_the_time_to_the_first_chunk_is_divided_by_that_of_the_same_round() -> None:
    rng = random.Random(3)
    host = [rng.lognormvariate(0, 0.5) for _ in range(50)]
    mode = [call(round(3_000_000 * pace), 10) for pace in host]
    floor = [call(round(1_000_000 * pace), 10) for pace in host]
    ratio = seen(mode, floor).first_chunk_floor_ratio
    assert ratio is not None
    assert ratio.value == pytest.approx(3, rel=1e-4)
    assert ratio.high / ratio.low < 1.001
    assert ratio.count == 50


def test_why_there_is_no_token_latency() -> None:
    assert "no usage" in seen([call(5, 5)]).token_latency_reason
    assert "one piece" in seen([call(5, tokens=3)]).token_latency_reason
    assert "one token" in seen([call(5, 5, tokens=1)]).token_latency_reason
    assert seen([call(5, 5, tokens=3)]).token_latency_reason == ""


def test_chunks_all_at_the_end_are_a_burst() -> None:
    assert seen([call(1000, *[1] * 9)] * 3).arriving == "in one burst"
    assert seen([call(1000, *[100] * 9)] * 3).arriving == "one by one"
    assert seen([call(1000, 1)] * 3).arriving == "one by one"  # too few to say
    assert seen([call()] * 3).arriving == "nothing"


@given(st.lists(st.integers(1, 10**9), min_size=8, max_size=60))
def test_half_of_the_time_never_needs_more_than_half_of_the_longest_gaps(gaps: list[int]) -> None:
    share = seen([call(5, *gaps)]).even_share
    assert share is not None
    assert 1 / len(gaps) <= share <= 0.5 + 1 / len(gaps)
    longest = sorted(gaps, reverse=True)
    assert sum(longest[: round(share * len(gaps))]) >= sum(gaps) / 2


GAPS = st.lists(st.integers(1, 10**6), min_size=1, max_size=12)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 10**9), GAPS), min_size=6, max_size=12))
def test_when_calls_were_made_says_nothing(made: list[tuple[int, list[int]]]) -> None:
    moved = [
        (number, Call("astream", "", at, at + sum(gaps), tuple(at + s for s in accumulate(gaps))))
        for number, (at, gaps) in enumerate(made)
    ]
    early = [
        (number, Call("astream", "", 0, sum(gaps), tuple(accumulate(gaps))))
        for number, (_, gaps) in enumerate(made)
    ]
    found = mode_arrivals("astream", moved, None, (), seed=1)
    assert found == mode_arrivals("astream", early, None, (), seed=1)
    firsts = [gaps[0] if len(gaps) > 1 else sum(gaps) for _, gaps in made]
    assert found.first_chunk is not None
    assert found.first_chunk.value == np.median(firsts)
    assert found.total is not None
    assert found.total.value == np.median([sum(gaps) for _, gaps in made])
    assert found.calls == len(made)


def test_even_and_uneven_gaps() -> None:
    assert seen([call(5, *[7] * 20)]).even_share == 0.5
    assert seen([call(5, *[1, 1, 1, 1000] * 5)]).even_share == pytest.approx(0.15)
    assert seen([call(5, *[7] * 7)]).even_share is None


# -- costs ----------------------------------------------------------------------------------


def record(name: str, kind: str = "async", status: str = "stable", floor: str = "") -> ModeRecord:
    return ModeRecord.model_validate(
        {
            "name": name,
            "api": "-",
            "kind": kind,
            "status": status,
            "streams": True,
            "batches": False,
            "floor": floor,
        }
    )


RECORDS = (
    record("direct_astream", status="floor"),
    record("astream", floor="direct_astream"),
    record("astream_events_v2", floor="direct_astream"),
)


def costs(
    time_us: dict[str, Callable[[int], float]],
    rounds: int = 40,
    lengths: tuple[int, ...] = (1, 10, 100, 1000),
) -> dict[str, ChunkCost]:
    """Rounds on a host whose pace changes, shared by a mode's blocks, and a little noise."""
    rng = random.Random(11)
    samples = Samples("streaming")
    for number in range(rounds):
        blocks = []
        for mode, time in time_us.items():
            pace = rng.lognormvariate(0, 0.1)
            for length in lengths:
                ns = time(length) * US * pace * rng.lognormvariate(0, 0.005)
                blocks.append(
                    Block(0, mode, "mode", "", "", 1, round(ns * 1.5), round(ns), None, (),
                          str(length))
                )  # fmt: skip
        samples.add(RoundTaken(number, False, False, tuple(blocks), (), 0))
    return {cost.mode: cost for cost in chunk_costs(samples, RECORDS)}


def straight(fixed: float, each: float) -> Callable[[int], float]:
    return lambda length: fixed + each * length


STRAIGHT = {
    "direct_astream": straight(20, 5),
    "astream": straight(300, 9),
    "astream_events_v2": straight(900, 108),
}


def test_what_each_chunk_costs_is_recovered() -> None:
    found = costs(STRAIGHT)
    for mode, each in (("direct_astream", 5), ("astream", 9), ("astream_events_v2", 108)):
        cost = found[mode]
        assert cost.cpu.value == pytest.approx(each * US, rel=0.05)
        assert cost.wall.value == pytest.approx(each * US * 1.5, rel=0.05)
        assert cost.cpu.count == 40
        assert cost.longest == 1000
    assert found["astream"].fixed_cpu.value == pytest.approx(309 * US, rel=0.05)
    v2 = found["astream_events_v2"]
    assert v2.beside == "astream"
    assert v2.beside_ratio is not None
    assert v2.beside_ratio.value == pytest.approx(12, rel=0.1)
    assert v2.floor_ratio is not None
    assert v2.floor_ratio.value == pytest.approx(108 / 5, rel=0.1)
    assert found["astream"].beside == ""
    assert found["direct_astream"].floor_ratio is None


def test_a_straight_line_is_linear_and_three_decades_of_events_are_not() -> None:
    def bent(length: int) -> float:
        return 900 + 178 * min(length, 10) + 108 * max(0, min(length, 100) - 10) + 106 * max(
            0, length - 100
        )  # fmt: skip

    found = costs({**STRAIGHT, "astream_events_v2": bent})
    assert found["direct_astream"].linear is True
    v2 = found["astream_events_v2"]
    assert v2.linear is False
    assert [round(segment.cpu.value / US) for segment in v2.segments] == pytest.approx(
        [178, 108, 106], rel=0.05
    )


def test_few_rounds_say_nothing_of_lines() -> None:
    found = costs(STRAIGHT, rounds=4)
    assert {cost.linear for cost in found.values()} == {None}
    assert found["astream"].cpu.confidence < 0.95


def test_a_mode_without_the_longest_reply_has_the_cost_of_what_it_has() -> None:
    found = costs(STRAIGHT, lengths=(1, 10, 100))
    assert found["astream"].longest == 100
    assert found["astream"].cpu.value == pytest.approx(9 * US, rel=0.1)
    assert costs(STRAIGHT, lengths=(1, 10)) == {}
