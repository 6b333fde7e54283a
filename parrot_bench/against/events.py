"""What a comparison tells while it goes on; see :mod:`parrot_bench.events`."""

from collections.abc import Mapping
from dataclasses import dataclass

from parrot_bench.events import Described, Planned, RoundTaken
from parrot_bench.record import SideName


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something that may take a while has begun."""

    text: str


@dataclass(frozen=True, slots=True)
class SideDescribed:
    """A process of one side has loaded its model.

    Attributes:
        side: Which side.
        pair: Number of the pair, from 0.
        described: What is known of it.
    """

    side: SideName
    pair: int
    described: Described


@dataclass(frozen=True, slots=True)
class SidePlanned:
    """A process of one side is warm, and this is how it takes part."""

    side: SideName
    pair: int
    planned: Planned


@dataclass(frozen=True, slots=True)
class SideDropped:
    """A mode is left out from here on, because one side cannot do it."""

    side: SideName
    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class PairRound:
    """One round of both sides is finished.

    Attributes:
        pair: Number of the pair, from 0.
        number: Number of the round within the pair, from 0.
        first: The side that ran first.
        taken: What each side took.
    """

    pair: int
    number: int
    first: SideName
    taken: Mapping[SideName, RoundTaken]


@dataclass(frozen=True, slots=True)
class PairEnded:
    """A pair of processes is over.

    Attributes:
        pair: Its number.
        began_s: How long it took to start, load and warm up both processes, seconds.
        rounds_s: How long its rounds took, seconds.
    """

    pair: int
    began_s: float
    rounds_s: float


PairEvent = Preparing | SideDescribed | SidePlanned | SideDropped | PairRound | PairEnded
