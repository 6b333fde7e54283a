"""Shares with their intervals, and how p-values are spread. Pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parrot_bench.distributions import wilson

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % interval."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of

    @property
    def low(self) -> float:
        """Lower bound; exactly 0 where nothing was hit."""
        return wilson(self.hits, self.of)[0]

    @property
    def high(self) -> float:
        """Upper bound; exactly 1 where everything was hit."""
        return wilson(self.hits, self.of)[1]

    def __str__(self) -> str:
        return f"{self.value:.0%} [{self.low:.0%}, {self.high:.0%}]"


def share_of(outcomes: Iterable[bool]) -> Share:
    """Return how many of the outcomes are true."""
    counted = list(outcomes)
    return Share(sum(counted), len(counted))


@dataclass(frozen=True)
class Uniformity:
    """How far p-values are from uniform: the one-sided Kolmogorov-Smirnov distances.

    Attributes:
        too_small: Most by which the share of p-values up to any p is over p: false alarms.
        too_large: Most by which it is under p: caution.
    """

    too_small: float
    too_large: float


def uniformity(p_values: Sequence[float]) -> Uniformity:
    """Compare p-values with the uniform distribution they have if they are exact."""
    ordered = sorted(p_values)
    n = len(ordered)
    return Uniformity(
        too_small=max((i + 1) / n - p for i, p in enumerate(ordered)),
        too_large=max(p - i / n for i, p in enumerate(ordered)),
    )
