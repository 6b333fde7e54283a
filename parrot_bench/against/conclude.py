"""What the rounds of two sides mean. Pure functions of the samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from parrot_bench.estimates import log_ratios
from parrot_bench.gate import gate, verdicts, wide
from parrot_bench.outer import Spread, outer_ratio, spread, unit_value
from parrot_bench.record import Estimate, GateVerdict, ModeComparison, SideName
from parrot_bench.samples import Clock, Samples

CLOCKS: tuple[Clock, ...] = ("cpu", "wall")

AA_CONFIDENCE = 0.99

Logs = NDArray[np.float64]


@dataclass
class PairSamples:
    """The samples of one pair of processes.

    Attributes:
        candidate: Of its one process.
        baseline: Of the other.
        complete: It was ended by us, not by an interruption or an error.
    """

    candidate: Samples
    baseline: Samples
    complete: bool = False

    def logs(self, mode: str, clock: Clock) -> Logs:
        """Log ratios of the rounds, candidate over baseline, shape (rounds,)."""
        one, other = self.candidate.of(mode), self.baseline.of(mode)
        return log_ratios(*self.candidate.paired(one, other, clock))

    def aa_logs(self, side: SideName, mode: str, clock: Clock) -> Logs:
        """Log ratios of a second instance to the first, within one side's process."""
        samples: Samples = getattr(self, side)
        return log_ratios(*samples.paired(samples.of(mode, "a/a"), samples.of(mode), clock))


@dataclass(kw_only=True)
class Compared:
    """What is known of a comparison so far.

    Attributes:
        pairs: The pairs, in the order they were measured.
        modes: Names of the modes that were asked for.
        named: They were named by the user, so that a missing one was expected to be there.
        gated: Names of the modes that the gate looks at.
        dropped: Modes that a side cannot do, and why.
        twin: The mode of the A/A check.
        clock: The clock that decides.
        delta: Ratios inside ±delta are called the same.
        fail_on: The threshold of the gate; None for none.
    """

    pairs: list[PairSamples] = field(default_factory=list)
    modes: Sequence[str]
    named: bool
    gated: Sequence[str]
    dropped: Mapping[str, str]
    twin: str
    clock: Clock
    delta: float
    fail_on: float | None

    def rounds_of(self, mode: str, clock: Clock) -> list[Logs]:
        """Log ratios of each pair's rounds; a pair that was cut short counts from half a pair."""
        found = [(pair.complete, pair.logs(mode, clock)) for pair in self.pairs]
        whole = [logs.size for complete, logs in found if complete and logs.size]
        least = max(1, round(float(np.median(whole)) / 2)) if whole else 1
        return [logs for complete, logs in found if logs.size >= (1 if complete else least)]

    def ratio(self, mode: str, clock: Clock) -> Estimate | None:
        """The ratio so far, candidate over baseline."""
        return outer_ratio([unit_value(logs) for logs in self.rounds_of(mode, clock)])

    def narrow(self, target: float) -> bool:
        """Whether every interval that the gate looks at is narrower than a target."""
        looked_at = [mode for mode in self.gated if mode not in self.dropped]
        return not any(wide(self.ratio(mode, self.clock), target) for mode in looked_at)

    def aa(self, side: SideName) -> Estimate | None:
        """The A/A check within one side's processes."""
        logs = [pair.aa_logs(side, self.twin, self.clock) for pair in self.pairs]
        units = [unit_value(rounds) for rounds in logs if rounds.size]
        return outer_ratio(units, confidence=AA_CONFIDENCE)

    def conclude(self) -> tuple[ModeComparison, ...]:
        """Say what was found, one entry a mode, in the order asked for."""
        rounds = {mode: self.rounds_of(mode, self.clock) for mode in self.modes}
        units = {mode: [unit_value(logs) for logs in rounds[mode]] for mode in self.modes}
        ratios = {mode: {clock: self.ratio(mode, clock) for clock in CLOCKS} for mode in self.modes}
        deciding = {mode: ratios[mode][self.clock] for mode in self.modes}
        said = verdicts(units, deciding, self.delta)
        return tuple(
            ModeComparison(
                mode=mode,
                candidate_ns=self._per_call("candidate", mode),
                baseline_ns=self._per_call("baseline", mode),
                cpu_ratio=ratios[mode]["cpu"],
                wall_ratio=ratios[mode]["wall"],
                decided_by=self.clock,
                verdict="not measured" if mode in self.dropped else said[mode],
                gated=mode in self.gated and (self.named or mode not in self.dropped),
                gate=self._gate(mode, deciding[mode]),
                note=self.dropped.get(mode, "") or _too_few(len(units[mode])),
                units=len(units[mode]),
                rounds=sum(logs.size for logs in rounds[mode]),
                between=_part(spread(rounds[mode]), "between"),
                within=_part(spread(rounds[mode]), "within"),
            )
            for mode in self.modes
        )

    def _gate(self, mode: str, ratio: Estimate | None) -> GateVerdict | None:
        if self.fail_on is None or mode not in self.gated:
            return None
        if mode in self.dropped:
            # Nobody asked for it by name: a version that lacks a mode fails nothing.
            return "not measured" if self.named else None
        return gate(ratio, self.fail_on)

    def _per_call(self, side: SideName, mode: str) -> float | None:
        """Nanoseconds per call: the median over pairs of their medians."""
        medians = []
        for pair in self.pairs:
            samples: Samples = getattr(pair, side)
            series = samples.of(mode)
            if series.rounds:
                medians.append(float(np.median(series.per_call(self.clock))))
        return float(np.median(medians)) if medians else None


def _too_few(units: int) -> str:
    if not units:
        return "no pair of processes was finished"
    return "one pair of processes has no interval" if units == 1 else ""


def _part(found: Spread | None, name: str) -> float | None:
    return None if found is None else float(getattr(found, name))
