"""The parts of the streaming study that take turns, each in rounds of its own."""

import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from parrot_bench.events import Call, CallsTaken, Event, ModeDropped
from parrot_bench.studies.overhead.rounds import GIVE_UP_AFTER
from parrot_bench.studies.streaming.following import Follower


class Part(Protocol):
    """One of the study's parts.

    Attributes:
        share: Of the study's time.
        spent_ns: Wall time of its rounds so far.
    """

    share: float
    spent_ns: int

    @property
    def calls_per_round(self) -> int:
        """Calls of one round; 0 once no mode is left to it."""

    def round(self) -> Iterator[Event]:
        """Take one round, and tell it; a mode that kept failing is told to be dropped."""

    def drop(self, mode: str) -> None:
        """Go on without a mode."""


class ArrivalRounds:
    """Follows one call of every mode a round, in a fresh random order.

    Args:
        followers: The modes.
        order: Source of the order.
        share: Of the study's time.
        primers: What each is primed with; by default itself, where its calls are not slow.
    """

    def __init__(
        self,
        followers: Sequence[Follower],
        order: random.Random,
        share: float,
        primers: Sequence[Follower] = (),
    ) -> None:
        self.share = share
        self.spent_ns = 0
        self._followers = {follower.mode.name: follower for follower in followers}
        self._primers = {follower.mode.name: follower for follower in primers}
        self._order = order
        self._number = 0

    @property
    def calls_per_round(self) -> int:
        """Calls of one round."""
        return sum(2 if self._primer(name) else 1 for name in self._followers)

    def round(self) -> Iterator[Event]:
        """Take one round, and tell it."""
        names = list(self._followers)
        self._order.shuffle(names)
        calls = [self._primed(name) for name in names]
        yield CallsTaken(self._number, tuple(calls))
        self._number += 1
        for name in names:
            follower = self._followers[name]
            if follower.hopeless or follower.failures >= GIVE_UP_AFTER:
                yield ModeDropped(name, follower.reason)

    def drop(self, mode: str) -> None:
        """Go on without a mode."""
        self._followers.pop(mode, None)

    def _primer(self, name: str) -> Follower | None:
        """After another mode's call the first is cold, and an untimed one takes that away."""
        return self._primers.get(name) or self._followers[name].primer

    def _primed(self, name: str) -> Call:
        follower, primer = self._followers[name], self._primer(name)
        if primer is not None:
            untimed = primer.follow()
            if untimed.error and primer is follower:
                return untimed
        return follower.follow()
