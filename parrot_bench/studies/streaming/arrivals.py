"""When the chunks of followed calls came: what a mode's calls amount to. Pure."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parrot_bench.estimates import median_estimate, paired_ratio
from parrot_bench.events import Call
from parrot_bench.percentiles import percentiles
from parrot_bench.record import Arriving, Estimate, ModeArrivals, Percentile
from parrot_bench.studies.streaming.following import Shape

Numbered = Sequence[tuple[int, Call]]
"""Calls of one mode, each with the round it was made in."""

Numbers = NDArray[np.float64]

GAP_RANKS = (0.5, 0.95, 0.99)
TAIL_RANKS = (0.95, 0.99)

BURST_SHARE = 0.9
"""Chunks of which the first comes later than this share of the call come in one burst."""

BURST_CHUNKS = 5
"""Chunks of a reply, at least, before anything is said of a burst."""

FEWEST_GAPS = 8
"""Gaps of a call, at least, before anything is said of how even they are."""


def mode_arrivals(
    mode: str, calls: Numbered, shape: Shape | None, floor: Numbered, *, seed: int
) -> ModeArrivals:
    """Say when the chunks of one mode came.

    Args:
        mode: Name of the mode.
        calls: Its calls.
        shape: What the stream of its first call was made of.
        floor: The calls of its floor; empty for a floor.
        seed: Seed of the resampling behind the percentiles' intervals.
    """
    done = [(number, call) for number, call in calls if not call.error]
    said = [(number, call) for number, call in done if call.chunks_ns]
    streamed = [(number, call) for number, call in said if len(call.chunks_ns) > 1]
    gaps = [np.diff(np.array(call.chunks_ns, dtype=np.float64)) for _, call in streamed]
    tokens = [call.tokens for _, call in done if call.tokens is not None]
    token_latency, why_not = _token_latency(done, streamed)
    return ModeArrivals(
        mode=mode,
        calls=len(done),
        chunks=_median([len(call.chunks_ns) for _, call in done]),
        tokens=_median(tokens) if tokens else None,
        arriving=_arriving([call for _, call in done]),
        first_chunk=_estimate([first_chunk_ns(call) for _, call in said]),
        first_chunk_tail=_percentiles(
            [np.array([first_chunk_ns(call)]) for _, call in said], said, TAIL_RANKS, seed
        ),
        first_chunk_floor_ratio=_paired(said, floor),
        gaps=_percentiles(gaps, streamed, GAP_RANKS, seed),
        mean_gap=_estimate([float(each.mean()) for each in gaps]),
        token_latency=token_latency,
        token_latency_reason=why_not,
        total=_estimate([_total_ns(call) for _, call in done]),
        total_tail=_percentiles(
            [np.array([_total_ns(call)]) for _, call in done], done, TAIL_RANKS, seed
        ),
        each_chunk=_estimate(
            [
                (_total_ns(call) - first_chunk_ns(call)) / (len(call.chunks_ns) - 1)
                for _, call in streamed
            ]
        ),
        empty_before=shape.before if shape else 0,
        empty_after=shape.after if shape else 0,
        even_share=_even_share(gaps),
        errors=dict(Counter(call.error for _, call in calls if call.error)),
    )


def first_chunk_ns(call: Call) -> float:
    """Time to the first chunk with content; to the end, if the reply came in one piece."""
    if len(call.chunks_ns) > 1:
        return float(call.chunks_ns[0] - call.started_ns)
    return _total_ns(call)


def _total_ns(call: Call) -> float:
    return float(call.ended_ns - call.started_ns)


def _arriving(calls: Sequence[Call]) -> Arriving:
    """How most of the replies arrived."""

    def one(call: Call) -> Arriving:
        if not call.chunks_ns:
            return "nothing"
        if len(call.chunks_ns) == 1:
            return "in one piece"
        late = first_chunk_ns(call) > BURST_SHARE * _total_ns(call)
        many = len(call.chunks_ns) >= BURST_CHUNKS
        return "in one burst" if late and many else "one by one"

    found = Counter(one(call) for call in calls).most_common(1)
    return found[0][0] if found else "nothing"


def _token_latency(done: Numbered, streamed: Numbered) -> tuple[Estimate | None, str]:
    """Inter-token latency of the calls that have one, or why none has."""
    found = [
        (call.chunks_ns[-1] - call.chunks_ns[0]) / (call.tokens - 1)
        for _, call in streamed
        if call.tokens is not None and call.tokens > 1
    ]
    if found:
        return _estimate(found), ""
    if not streamed:
        return None, "the reply arrives in one piece"
    if all(call.tokens is None for _, call in done):
        return None, "the reply has no usage, so its tokens are not known"
    return None, "the reply has one token"


def _paired(calls: Numbered, floor: Numbered) -> Estimate | None:
    """Ratio of times to the first chunk, round by round."""
    below = {number: first_chunk_ns(c) for number, c in floor if c.chunks_ns and not c.error}
    pairs = [(first_chunk_ns(c), below[number]) for number, c in calls if number in below]
    if not pairs:
        return None
    mode, base = zip(*pairs, strict=True)
    return paired_ratio(mode, base)


def _even_share(gaps: Sequence[Numbers]) -> float | None:
    """The smallest share of a call's gaps that holds half of their time; median over calls."""
    shares = []
    for each in gaps:
        if each.size >= FEWEST_GAPS and each.sum() > 0:
            longest = np.cumsum(np.sort(each)[::-1])
            shares.append((int(np.searchsorted(longest, longest[-1] / 2)) + 1) / each.size)
    return float(np.median(shares)) if shares else None


def _percentiles(
    values: Sequence[Numbers], calls: Numbered, ranks: tuple[float, ...], seed: int
) -> tuple[Percentile, ...]:
    if not values:
        return ()
    rounds = np.repeat([number for number, _ in calls], [each.size for each in values])
    return percentiles(np.concatenate(values), rounds, ranks, seed=seed)


def _estimate(values: Sequence[float]) -> Estimate | None:
    return median_estimate(values) if values else None


def _median(values: Sequence[int]) -> int:
    return int(np.median(values)) if values else 0
