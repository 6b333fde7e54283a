"""What each further chunk costs, from blocks of replies of chosen lengths. Pure.

Of each round (T1000 - T10) / 990, because what a call costs once is in both and cancels.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parrot_bench.estimates import median_estimate, paired_ratio
from parrot_bench.record import ChunkCost, Estimate, LengthCost, ModeRecord, SegmentCost
from parrot_bench.samples import Clock, Samples
from parrot_bench.studies.streaming.lengths import LENGTHS

NOT_LINEAR = 1.1
"""Segments that differ by a larger factor make a mode's cost not linear."""

FEWEST_ROUNDS = 6
"""Rounds, at least, before anything is said of segments."""

Rounds = dict[int, float]
"""A number of each round."""


def chunk_costs(samples: Samples, modes: Sequence[ModeRecord]) -> tuple[ChunkCost, ...]:
    """Say what each further chunk costs in every mode that has lengths, in the order given."""
    measured = [mode for mode in modes if len(_lengths(samples, mode.name)) > 2]  # noqa: PLR2004
    return tuple(_chunk_cost(samples, mode) for mode in measured)


def _lengths(samples: Samples, mode: str) -> list[int]:
    return [n for n in LENGTHS if samples.of(mode, case=str(n)).rounds]


def _chunk_cost(samples: Samples, mode: ModeRecord) -> ChunkCost:
    lengths = _lengths(samples, mode.name)
    each = {
        n: LengthCost(
            length=n,
            cpu=median_estimate(samples.of(mode.name, case=str(n)).per_call("cpu")),
            wall=median_estimate(samples.of(mode.name, case=str(n)).per_call("wall")),
        )
        for n in lengths
    }
    longest = lengths[-1]
    shorter = lengths[1]
    beside = _beside(mode)
    own = _per_chunk(samples, mode.name, shorter, longest, "cpu")
    return ChunkCost(
        mode=mode.name,
        cpu=_estimate(own),
        wall=_estimate(_per_chunk(samples, mode.name, shorter, longest, "wall")),
        longest=longest,
        fixed_cpu=each[lengths[0]].cpu,
        fixed_wall=each[lengths[0]].wall,
        lengths=tuple(each.values()),
        segments=tuple(
            SegmentCost(
                shorter=a,
                longer=b,
                cpu=_estimate(_per_chunk(samples, mode.name, a, b, "cpu")),
                wall=_estimate(_per_chunk(samples, mode.name, a, b, "wall")),
            )
            for a, b in pairwise(lengths)
        ),
        linear=_linear(samples, mode.name, lengths),
        beside=beside if _lengths(samples, beside) else "",
        beside_ratio=_ratio(own, _per_chunk(samples, beside, shorter, longest, "cpu")),
        floor_ratio=_ratio(own, _per_chunk(samples, mode.floor, shorter, longest, "cpu")),
    )


def _beside(mode: ModeRecord) -> str:
    """The mode that hands over chunks without events around them."""
    plain = "astream" if mode.kind == "async" else "stream"
    return "" if mode.status == "floor" or mode.name == plain else plain


def _per_chunk(samples: Samples, mode: str, shorter: int, longer: int, clock: Clock) -> Rounds:
    """Nanoseconds per further chunk in each round that has both lengths."""
    below, above = (samples.of(mode, case=str(n)) for n in (shorter, longer))
    common = np.intersect1d(np.array(below.rounds), np.array(above.rounds))
    short, long = samples.paired(below, above, clock)
    each: NDArray[np.float64] = (long - short) / (longer - shorter)
    return dict(zip(common.tolist(), each.tolist(), strict=True))


def _estimate(rounds: Rounds) -> Estimate:
    return median_estimate(list(rounds.values()))


def _ratio(one: Rounds, other: Rounds, comparisons: int = 1) -> Estimate | None:
    """Paired ratio over the rounds in which both are positive, as a difference need not be."""
    pairs = [(one[n], other[n]) for n in one if n in other and one[n] > 0 < other[n]]
    if not pairs:
        return None
    above, below = zip(*pairs, strict=True)
    return paired_ratio(above, below, comparisons=comparisons)


def _linear(samples: Samples, mode: str, lengths: Sequence[int]) -> bool | None:
    """Whether all segments cost the same per chunk, as far as their ratios are resolved."""
    segments = [_per_chunk(samples, mode, a, b, "cpu") for a, b in pairwise(lengths)]
    count = len(segments) * (len(segments) - 1) // 2
    ratios = [
        _ratio(one, other, count)
        for index, one in enumerate(segments)
        for other in segments[index + 1 :]
    ]
    resolved = [r for r in ratios if r is not None and r.count >= FEWEST_ROUNDS]
    if any(r.low > NOT_LINEAR or r.high < 1 / NOT_LINEAR for r in resolved):
        return False
    within = [r.low >= 1 / NOT_LINEAR and r.high <= NOT_LINEAR for r in resolved]
    return True if len(within) == count and all(within) else None
