"""What is promised, and whether it was kept. Pure functions of what was saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from parrot_bench.errors import MeasurementError
from parrot_bench.estimates import paired_ratio
from parrot_bench.record import Estimate, GateVerdict
from tests.verify.names import BOUNDED, BOUNDED_FUNCTIONS
from tests.verify.planted import EQUAL
from tests.verify.results import (
    AgainstTrial,
    BiasProcess,
    Candidate,
    Condition,
    Found,
    SensitivityProcess,
)
from tests.verify.shares import Share, share_of

PROCESSES = 100
"""Fresh processes of each condition that a promise needs."""

TRIALS = 20
"""Trials of each candidate of ``run --against``."""

BIAS_PROCESSES = 20
"""Fresh processes for the bias, whose unit is the process."""

Outcome = Literal["kept", "broken", "too few processes"]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A share of the processes that is promised.

    Attributes:
        condition: What else the machine does.
        mode: The mode it is about.
        words: What is promised of it.
        verdicts: Which verdicts count.
        least: The share is at least this.
        most: The share is at most this.
    """

    condition: Condition
    mode: str
    words: str
    verdicts: frozenset[str]
    least: float = 0.0
    most: float = 1.0

    def share(self, lines: Sequence[SensitivityProcess]) -> Share | None:
        """Return the share; None where nothing was measured in this condition."""
        of = [line for line in lines if line.condition == self.condition]
        return share(said(of, self.mode), self.verdicts) if of else None

    def outcome(self, lines: Sequence[SensitivityProcess]) -> Outcome:
        """Say whether it was kept: by the share itself, of enough processes."""
        found = self.share(lines)
        if found is None or found.of < PROCESSES:
            return "too few processes"
        return "kept" if self.least <= found.value <= self.most else "broken"


FOUND = frozenset({"slower"})
ALARM = frozenset({"slower", "faster"})
SAME = frozenset({"same"})

PROMISES = (
    Promise(condition="quiet", mode="plus_1", words="1 % is found", verdicts=FOUND, least=0.95),
    Promise(condition="quiet", mode=EQUAL, words="false alarms", verdicts=ALARM, most=0.05),
    Promise(condition="quiet", mode=EQUAL, words="equals are the same", verdicts=SAME, least=0.90),
    Promise(condition="busy", mode="plus_3", words="3 % is found", verdicts=FOUND, least=0.95),
    Promise(condition="busy", mode=EQUAL, words="false alarms", verdicts=ALARM, most=0.05),
)


def said(lines: Sequence[SensitivityProcess], name: str, moment: int = -1) -> list[Found]:
    """Return what the processes that had a mode said of it, at the end or at a moment before."""
    return [line.found[name][moment] for line in lines if name in line.found]


def share(found: Sequence[Found], verdicts: frozenset[str]) -> Share:
    """Return the share of processes whose verdict is one of these."""
    return share_of(one.verdict in verdicts for one in found)


def bias(lines: Sequence[BiasProcess], function: str, who: str) -> Estimate:
    """Return a timer's ratio to its reference, with the process as the unit."""
    ratios = [line.ratios[function][who] for line in lines]
    if not ratios:
        raise MeasurementError("no process has measured the bias; run nox -s verify -- bias")
    return paired_ratio(ratios, [1.0] * len(ratios))


def bias_outcome(lines: Sequence[BiasProcess], function: str, who: str) -> Outcome | None:
    """Say whether the interval stays within its bound; None for what is promised nothing."""
    if who not in BOUNDED:
        return None
    if len(lines) < BIAS_PROCESSES:
        return "too few processes"
    found = bias(lines, function, who)
    reach = max(1.0 - found.low, found.high - 1.0)
    return "kept" if reach <= BOUNDED_FUNCTIONS[function] else "broken"


AGAINST_LEAST = 0.95
"""19 in 20."""

ENDS: dict[Candidate, GateVerdict] = {"equal": "pass", "slower": "regression"}
"""How a trial has to end."""


def against_share(trials: Sequence[AgainstTrial], candidate: Candidate) -> Share | None:
    """Return the share of a candidate's trials that ended as they have to; None without any."""
    of = [trial for trial in trials if trial.candidate == candidate]
    return share_of(trial.gate == ENDS[candidate] for trial in of) if of else None


def against_outcome(trials: Sequence[AgainstTrial], candidate: Candidate) -> Outcome:
    """Say whether the promise was kept: by the share itself, of enough trials."""
    found = against_share(trials, candidate)
    if found is None or found.of < TRIALS:
        return "too few processes"
    return "kept" if found.value >= AGAINST_LEAST else "broken"
