"""What the streaming study tells of itself beside its samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from parrot_bench.record import Latency

LATENCY = Latency(case="latency", first_chunk_s=0.005, each_chunk_s=0.001)
"""The embedded parrot's simulated latency: short, so that many calls fit; what a mode adds to a
wait does not depend on how long it is."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Whether replies of chosen lengths are measured.

    Attributes:
        reason: Why not; empty where they are.
        left_out: Modes whose replies do not have every length, and why.
    """

    reason: str
    left_out: Mapping[str, str] = field(default_factory=dict)
