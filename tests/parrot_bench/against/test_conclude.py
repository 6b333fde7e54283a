"""What the rounds of two sides mean, from samples made by hand."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.against.conclude import Compared, PairSamples
from parrot_bench.against.following import _most
from parrot_bench.events import Block, RoundTaken
from parrot_bench.samples import Samples


def taken(number: int, times: dict[tuple[str, str], float]) -> RoundTaken:
    blocks = tuple(
        Block(
            position=position,
            mode=mode,
            role=role,
            partner="",
            previous="",
            calls=10,
            wall_ns=round(20 * ns),
            cpu_ns=round(10 * ns),
            cold_ns=None,
        )
        for position, ((mode, role), ns) in enumerate(times.items())
    )
    return RoundTaken(
        number=number, stamped=False, tail=False, blocks=blocks, errors=(), calls_so_far=0
    )


def pair(ratio: float, rounds: int = 20, *, complete: bool = True, **modes: float) -> PairSamples:
    """A pair in which the candidate takes ``ratio`` times as long, or as each mode says."""
    found = PairSamples(Samples("c"), Samples("c"), complete=complete)
    for number in range(rounds):
        for samples, factor in ((found.candidate, ratio), (found.baseline, 1.0)):
            times = {("invoke", "mode"): 1000 * factor, ("invoke", "a/a"): 1000 * factor * 1.01}
            for mode, own in modes.items():
                times[mode, "mode"] = 1000 * (own if samples is found.candidate else 1)
            samples.add(taken(number, times))
    return found


def compared(pairs: Sequence[PairSamples], **changes: Any) -> Compared:
    settings: dict[str, Any] = {
        "modes": ("invoke",),
        "named": True,
        "gated": ("invoke",),
        "dropped": {},
        "twin": "invoke",
        "clock": "cpu",
        "delta": 0.02,
        "fail_on": 0.01,
    }
    return Compared(pairs=list(pairs), **{**settings, **changes})


def test_the_pair_is_the_unit() -> None:
    found = compared([pair(r) for r in (1.10, 1.11, 1.09, 1.10)])
    (mode,) = found.conclude()
    assert mode.ratio is not None
    assert mode.ratio.count == mode.units == 4
    assert mode.rounds == 80
    assert mode.ratio.value == pytest.approx(math.exp(math.log(1.1 * 1.11 * 1.09 * 1.1) / 4))
    assert (mode.verdict, mode.gate) == ("slower", "regression")
    assert mode.candidate_ns == pytest.approx(1100, rel=0.01)
    assert mode.baseline_ns == pytest.approx(1000)
    assert mode.between == pytest.approx(0.0074, rel=0.1)
    assert mode.within == 0.0
    aa = found.aa("candidate")
    assert aa is not None
    assert aa.value == pytest.approx(1.01, rel=0.001)
    assert aa.confidence == 0.99


def test_wall_time_where_it_decides() -> None:
    (mode,) = compared([pair(1.1), pair(1.2), pair(1.3)], clock="wall").conclude()
    assert mode.decided_by == "wall"
    assert mode.baseline_ns == pytest.approx(2000)


def test_a_pair_that_was_cut_short_counts_from_half_a_pair() -> None:
    whole = [pair(1.0), pair(1.0), pair(1.01)]
    assert compared([*whole, pair(9.0, 9, complete=False)]).conclude()[0].units == 3
    assert compared([*whole, pair(1.0, 10, complete=False)]).conclude()[0].units == 4
    # Where there is no whole pair, what there is is shown, and decides nothing.
    (mode,) = compared([pair(9.0, 2, complete=False)]).conclude()
    assert (mode.units, mode.verdict, mode.gate) == (1, "not measured", "not measured")
    assert "one pair" in mode.note
    (mode,) = compared([]).conclude()
    assert (mode.units, mode.gate) == (0, "not measured")


def test_a_mode_that_a_side_lacks_fails_only_who_named_it() -> None:
    pairs = [pair(1.0, stream=1.0) for _ in range(3)]
    both: dict[str, Any] = {
        "modes": ("invoke", "stream"),
        "gated": ("invoke", "stream"),
        "dropped": {"stream": "v1: it has none"},
    }
    named = compared(pairs, **both).conclude()
    assert [mode.gate for mode in named] == ["pass", "not measured"]
    others = compared(pairs, named=False, **both).conclude()
    assert [mode.gate for mode in others] == ["pass", None]
    assert [mode.gated for mode in others] == [True, False]
    assert {mode.verdict for mode in (named[1], others[1])} == {"not measured"}
    assert named[1].note == "v1: it has none"


def test_only_what_is_gated_has_to_be_narrow() -> None:
    pairs = [pair(1.0, stream=s) for s in (1.0, 1.5, 0.7)]
    modes = ("invoke", "stream")
    assert not compared(pairs, modes=modes, gated=modes).narrow(0.005)
    assert compared(pairs, modes=modes).narrow(0.005)
    assert compared(pairs, modes=modes, gated=modes, dropped={"stream": ""}).narrow(0.005)
    assert not compared([]).narrow(0.005)
    # Without a threshold nothing is judged.
    assert compared(pairs, fail_on=None).conclude()[0].gate is None


def test_most_processes_say_whether_the_model_waits() -> None:
    assert not _most([])
    assert not _most([True, False])
    assert _most([True, True, False])


RATIOS = st.lists(
    st.lists(st.sampled_from([0.5, 0.9, 0.99, 1.0, 1.01, 1.1, 4.0]), min_size=1, max_size=6),
    max_size=6,
)


def of_rounds(ratios: list[float]) -> PairSamples:
    """A whole pair, whose rounds differ; times are such that nothing is rounded away."""
    found = PairSamples(Samples("c"), Samples("c"), complete=True)
    for number, ratio in enumerate(ratios):
        found.candidate.add(taken(number, {("invoke", "mode"): 1e6 * ratio}))
        found.baseline.add(taken(number, {("invoke", "mode"): 1e6}))
    return found


def swapped(pairs: list[PairSamples]) -> list[PairSamples]:
    return [PairSamples(p.baseline, p.candidate, complete=p.complete) for p in pairs]


@settings(max_examples=50)
@given(RATIOS, st.randoms())
def test_swapped_sides_are_the_inverse_and_the_order_of_pairs_is_nothing(
    ratios: list[list[float]], order: Any
) -> None:
    pairs = [of_rounds(each) for each in ratios]
    (there,) = compared(pairs).conclude()
    (back,) = compared(swapped(pairs)).conclude()
    other = {"slower": "faster", "faster": "slower"}
    assert back.verdict == other.get(there.verdict, there.verdict)
    assert {there.gate, back.gate} != {"regression"}
    assert there.units == len(pairs)
    assert there.rounds == sum(map(len, ratios))
    assert (there.candidate_ns, there.baseline_ns) == (back.baseline_ns, back.candidate_ns)
    assert there.between == (None if back.between is None else pytest.approx(back.between))
    assert (there.ratio is None) == (len(pairs) < 2) == (there.verdict == "not measured")
    assert bool(there.note) == (there.ratio is None)
    if there.ratio is not None and back.ratio is not None:
        assert there.ratio.low <= there.ratio.value <= there.ratio.high
        assert back.ratio.value == pytest.approx(1 / there.ratio.value)
        assert back.ratio.low == pytest.approx(1 / there.ratio.high)
    order.shuffle(pairs)
    (again,) = compared(pairs).conclude()
    assert (again.verdict, again.gate) == (there.verdict, there.gate)
    assert again.candidate_ns == there.candidate_ns


@settings(max_examples=40)
@given(RATIOS, st.integers(1, 40))
def test_only_half_a_pair_and_more_of_one_that_was_cut_short_counts(
    ratios: list[list[float]], rounds: int
) -> None:
    pairs = [of_rounds(each) for each in ratios]
    short = pair(9.0, rounds, complete=False)
    (mode,) = compared([*pairs, short]).conclude()
    sizes = sorted(map(len, ratios))
    half = (sizes[len(sizes) // 2] + sizes[(len(sizes) - 1) // 2]) / 4 if sizes else 1
    assert mode.units == len(pairs) + (rounds >= max(1, round(half)))
