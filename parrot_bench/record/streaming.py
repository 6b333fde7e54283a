"""Result of the streaming study: when chunks come, and what each one costs."""

from typing import Literal

from pydantic import Field

from parrot_bench.record.base import Estimate, Percentile, Saved
from parrot_bench.record.overhead import StoppedBy

Arriving = Literal["one by one", "in one burst", "in one piece", "nothing"]
"""How a reply arrives; ``in one burst``: in chunks, all of them at the end of the call."""


class Latency(Saved):
    """Latency that the embedded parrot simulates.

    Attributes:
        case: Name of the calls that have it.
        first_chunk_s: Before the first chunk, seconds.
        each_chunk_s: Before every further chunk, seconds.
    """

    case: str
    first_chunk_s: float
    each_chunk_s: float


class ModeArrivals(Saved):
    """When the chunks of one mode came. Times are nanoseconds on the clock.

    Attributes:
        mode: Name of the mode.
        calls: Calls that were followed to the end of their reply.
        chunks: Chunks with content of the median call.
        tokens: Output tokens of the median call; None when the reply has no usage.
        arriving: How the median call's reply arrived.
        first_chunk: Median time from the call to the first chunk with content; of a reply in
            one piece, to its end. None when no chunk had content.
        first_chunk_tail: p95 and p99 of the same.
        first_chunk_floor_ratio: Paired ratio of it to that of the mode's floor.
        gaps: p50, p95, p99 of the time between successive chunks with content, all calls
            together.
        mean_gap: Median over calls of each call's mean gap; None in one piece.
        token_latency: Median over calls of (last - first chunk) / (output tokens - 1).
        token_latency_reason: Why it is None.
        total: Median time from the call to the end of its reply.
        total_tail: p95 and p99 of the same.
        each_chunk: Median over calls of (total - time to first chunk) / (chunks - 1): it holds
            for this reply length.
        empty_before: Chunks without content before the first with some.
        empty_after: The same, after the last; a provider's usage comes in one.
        even_share: The smallest share of a call's gaps in which half of the time between its
            first and last chunk passed, median over calls: 0.5 when all gaps are equal; None
            with too few gaps.
        errors: Calls that raised, by error type; they are in no number above.
    """

    mode: str
    calls: int
    chunks: int
    tokens: int | None
    arriving: Arriving
    first_chunk: Estimate | None
    first_chunk_tail: tuple[Percentile, ...] = ()
    first_chunk_floor_ratio: Estimate | None = None
    gaps: tuple[Percentile, ...] = ()
    mean_gap: Estimate | None = None
    token_latency: Estimate | None = None
    token_latency_reason: str = ""
    total: Estimate | None = None
    total_tail: tuple[Percentile, ...] = ()
    each_chunk: Estimate | None = None
    empty_before: int = 0
    empty_after: int = 0
    even_share: float | None = None
    errors: dict[str, int] = Field(default_factory=dict)


class Arrivals(Saved):
    """When chunks came, mode by mode, with one latency of the model.

    Attributes:
        latency: What the parrot simulated; None for the model as it is.
        waits: The model spends its time waiting.
        modes: One entry a mode, floors included, in the order of the mode table.
        rounds: Rounds of one call of every mode.
    """

    latency: Latency | None
    waits: bool
    modes: tuple[ModeArrivals, ...]
    rounds: int


class LengthCost(Saved):
    """What one call costs whose reply has so many chunks.

    Attributes:
        length: Chunks of the reply.
        cpu: Median CPU time per call.
        wall: The same on the clock.
    """

    length: int
    cpu: Estimate
    wall: Estimate


class SegmentCost(Saved):
    """What a further chunk costs between two lengths, from paired blocks.

    Attributes:
        shorter: Chunks of the shorter reply.
        longer: Chunks of the longer one.
        cpu: Median of the rounds' (longer - shorter) / chunks between them, CPU.
        wall: The same on the clock.
    """

    shorter: int
    longer: int
    cpu: Estimate
    wall: Estimate


class ChunkCost(Saved):
    """What each further chunk costs in one mode.

    Attributes:
        mode: Name of the mode.
        cpu: Median of the rounds' (T1000 - T10) / 990, CPU time.
        wall: The same on the clock.
        longest: The longest length behind it; under 1,000 where that took too long.
        fixed_cpu: A call with a reply of one chunk, CPU.
        fixed_wall: The same on the clock.
        lengths: Every length, shortest first.
        segments: Every pair of neighbouring lengths.
        linear: The segments' costs agree within 10 %; False: two of them differ by more, the
            whole of the interval; None: not resolved.
        beside: The mode without events that it is compared with, such as ``astream``.
        beside_ratio: Paired ratio of its CPU cost per chunk to that mode's.
        floor_ratio: The same to its floor's.
    """

    mode: str
    cpu: Estimate
    wall: Estimate
    longest: int
    fixed_cpu: Estimate
    fixed_wall: Estimate
    lengths: tuple[LengthCost, ...]
    segments: tuple[SegmentCost, ...]
    linear: bool | None
    beside: str = ""
    beside_ratio: Estimate | None = None
    floor_ratio: Estimate | None = None


class StreamFinding(Saved):
    """Something about the model's streams that a reader should know.

    Attributes:
        what: Short name, such as ``in one piece``.
        modes: The modes in which it was seen.
        sentence: What was seen, without the modes.
    """

    what: str
    modes: tuple[str, ...]
    sentence: str


class StreamingResult(Saved):
    """Result of the streaming study.

    Attributes:
        arrivals: With the model as it is, then with simulated latency where it is the parrot.
        costs: One entry a mode whose reply was given every length; empty where none was.
        costs_reason: Why ``costs`` is empty.
        costs_left_out: Modes that have none, or not every length, and why.
        cost_rounds: Rounds of the lengths.
        findings: What a reader should know of the model's streams.
        stopped_by: Why the rounds ended.
        duration_s: Wall time of the rounds, seconds.
        calls: Calls that were followed, the untimed ones left out, and those of the lengths.
    """

    arrivals: tuple[Arrivals, ...]
    costs: tuple[ChunkCost, ...] = ()
    costs_reason: str = ""
    costs_left_out: dict[str, str] = Field(default_factory=dict)
    cost_rounds: int = 0
    findings: tuple[StreamFinding, ...] = ()
    stopped_by: StoppedBy
    duration_s: float
    calls: int
