"""A comparison from request to record: follows the pairs, decides when to stop, saves."""

from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic
from typing import get_args

from parrot_bench.against.conclude import Compared, PairSamples
from parrot_bench.against.events import (
    PairEnded,
    PairEvent,
    PairRound,
    Preparing,
    SideDescribed,
    SideDropped,
    SidePlanned,
)
from parrot_bench.against.pairs import planned_pairs
from parrot_bench.against.sides import Side
from parrot_bench.environment import parrot_bench_version
from parrot_bench.errors import MeasurementError
from parrot_bench.events import Described, Reply
from parrot_bench.gate import worst
from parrot_bench.journal import line_of, opened, write_down
from parrot_bench.mode_table import MODES, select_modes
from parrot_bench.record import (
    ComparisonResult,
    Environment,
    RunDirectory,
    RunRecord,
    SideName,
    SideRecord,
)
from parrot_bench.request import Request
from parrot_bench.running import UNFINISHED, configuration
from parrot_bench.samples import Samples
from parrot_bench.saving import write_run
from parrot_bench.trust import checks

MOST_PAIRS = 80
"""Pairs after which a comparison ends, unless another number is asked for."""

SAVE_EVERY_S = 5.0
"""How often the finished rounds are written, at most."""

STUDY = "comparison"

SIDES: tuple[SideName, ...] = get_args(SideName)


class Following:
    """One comparison: takes in events, answers them, and keeps the run directory true.

    Args:
        request: What was asked for; its seed must be set.
        directory: Where it is saved.
    """

    def __init__(self, request: Request, directory: RunDirectory) -> None:
        self.request = request
        self.directory = directory
        self.sides: Mapping[SideName, Side | SideRecord] = {}
        self.described: dict[SideName, Described] = {}
        self.phase = ""
        self.dropped: dict[str, str] = {}
        modes = tuple(mode.name for mode in select_modes(request.modes))
        floors = {name for name, mode in MODES.items() if mode.status == "floor"}
        self.compared = Compared(
            modes=modes,
            named=bool(request.modes),
            # A floor is not an execution mode that anyone uses, unless somebody names it.
            gated=modes if request.modes else tuple(m for m in modes if m not in floors),
            dropped=self.dropped,
            twin=request.baseline if request.baseline in modes else modes[0],
            clock="cpu",
            delta=request.delta,
            fail_on=request.fail_on,
        )
        self.stopped_by: str = "failed"
        self._waits: dict[SideName, list[bool]] = {side: [] for side in SIDES}
        self.last_pair_s = 0.0
        self._started = datetime.now().astimezone()
        self._begun = monotonic()
        self._pairs_begun: float | None = None
        self._save_next = 0.0
        self._over = False

    # -- events --------------------------------------------------------------------------

    def take(self, event: PairEvent) -> Reply:
        """Take in what was measured, write it down, and say whether it is enough."""
        self.hear(event)
        self._write_down(event)
        # First when both sides are known: without a record, a journal cannot be opened.
        if (
            isinstance(event, SideDescribed | PairRound)
            and len(self.described) == len(SIDES)
            and monotonic() >= self._save_next
        ):
            self.save(UNFINISHED)
        if isinstance(event, PairEnded):
            self.stopped_by = self._enough(len(self.compared.pairs))
            return Reply.ENOUGH if self.stopped_by else Reply.GO
        return Reply.GO

    def hear(self, event: PairEvent) -> None:
        """Take in what was measured."""
        if isinstance(event, Preparing):
            self.phase = event.text
        elif isinstance(event, SideDescribed):
            self.phase = f"pair {event.pair + 1}"
            self._pairs_begun = self._pairs_begun or monotonic()
            self.described.setdefault(event.side, event.described)
        elif isinstance(event, SideDropped):
            self.dropped.setdefault(event.mode, f"{self.sides[event.side].label}: {event.reason}")
        elif isinstance(event, SidePlanned):
            self._waits[event.side].append(event.planned.waits)
            self.compared.clock = "wall" if any(map(_most, self._waits.values())) else "cpu"
        elif isinstance(event, PairRound):
            self._round(event)
        else:
            self.last_pair_s = event.began_s + event.rounds_s
            if self.compared.pairs:
                self.compared.pairs[-1].complete = True

    def _write_down(self, event: PairEvent) -> None:
        """Keep the journal, as that of a run."""
        if line := line_of(event):
            with opened(self.directory.journal) as file:
                write_down(file, line)

    def _round(self, event: PairRound) -> None:
        pairs = self.compared.pairs
        if event.pair == len(pairs):
            ours, theirs = (Samples(STUDY, event.pair, side) for side in SIDES)
            pairs.append(PairSamples(ours, theirs))
        for side in SIDES:
            samples: Samples = getattr(pairs[event.pair], side)
            samples.add(event.taken[side])

    def _enough(self, pairs: int) -> str:
        """Why the pairs are enough; empty when they are not. It looks at widths only."""
        if self.request.pairs is not None or self.request.bounded:
            return "pairs" if pairs >= planned_pairs(self.request) else ""
        if pairs >= planned_pairs(self.request) and self.compared.narrow(self.target):
            return "target"
        if pairs >= MOST_PAIRS:
            return "pairs"
        return "time" if self.elapsed_s + self.last_pair_s > self.request.time_s else ""

    @property
    def target(self) -> float:
        """The half-width to stop at.

        Half the threshold: an interval that wide around 1 lies under it, and one around three
        times the threshold over it, 19 times in 20.
        """
        fail_on = self.request.fail_on
        return self.request.target if fail_on is None else fail_on / 2

    @property
    def elapsed_s(self) -> float:
        """How long the pairs have taken, seconds."""
        return 0.0 if self._pairs_begun is None else monotonic() - self._pairs_begun

    @property
    def measured(self) -> bool:
        """Whether there is anything worth keeping."""
        return bool(self.compared.pairs)

    @property
    def samples(self) -> list[Samples]:
        """The samples of both sides of every pair."""
        return [s for pair in self.compared.pairs for s in (pair.candidate, pair.baseline)]

    @property
    def kept(self) -> bool:
        """Whether anything was saved that is worth keeping."""
        nothing_left = all(mode in self.dropped for mode in self.compared.modes)
        return self.measured or bool(self.described and nothing_left)

    # -- saving --------------------------------------------------------------------------

    def finish(self) -> RunRecord:
        """Save the complete comparison."""
        self._over = True
        return self._save(status="complete", note="")

    def stop(self, why: str, note: str) -> RunRecord:
        """Save what there is, as incomplete, at the end."""
        self.stopped_by = why
        self._over = True
        return self.save(note)

    def save(self, why: str) -> RunRecord:
        """Save what there is, as incomplete."""
        return self._save(status="incomplete", note=why)

    def _save(self, *, status: str, note: str) -> RunRecord:
        begun = monotonic()
        record = self.record(status, note)
        write_run(self.directory, record, self.samples, over=self._over)
        if self._over:
            self.directory.journal.unlink(missing_ok=True)
        ended = monotonic()
        self._save_next = ended + max(SAVE_EVERY_S, 20 * (ended - begun))
        return record

    def result(self) -> ComparisonResult:
        """What was found by now."""
        compared = self.compared
        modes = compared.conclude()
        gates = [mode.gate for mode in modes if mode.gate is not None]
        return ComparisonResult.model_validate(
            {
                "candidate": self._side("candidate"),
                "baseline": self._side("baseline"),
                "modes": modes,
                "unit": "pair",
                "units": len(compared.pairs),
                "rounds": sum(pair.candidate.rounds for pair in compared.pairs),
                "fail_on": compared.fail_on,
                "delta": compared.delta,
                "gate": None if compared.fail_on is None else worst(gates),
                "aa_candidate": compared.aa("candidate"),
                "aa_baseline": compared.aa("baseline"),
                "stopped_by": self.stopped_by or "failed",
                "duration_s": self.elapsed_s,
            }
        )

    def _side(self, name: SideName) -> SideRecord:
        side, described = self.sides[name], self.described.get(name)
        return SideRecord(
            label=side.label,
            kind=side.kind,
            spec=side.spec,
            commit=side.commit,
            model=None if described is None else described.model,
            environment=None if described is None else described.environment,
            changed=dict(side.changed),
            notes=side.notes,
        )

    def record(self, status: str, note: str) -> RunRecord:
        """Say everything that is known by now."""
        described = self.described.get("candidate") or self.described.get("baseline")
        if described is None:
            raise MeasurementError("nothing is known of the model yet")
        waits = self.compared.clock == "wall"
        environment: Environment = described.environment
        record = RunRecord.model_validate(
            {
                "name": self.directory.path.name,
                "status": status,
                "status_note": note,
                "started": self._started,
                "duration_s": monotonic() - self._begun,
                "command": self.request.command,
                "parrot_bench_version": parrot_bench_version(),
                "model": described.model.model_copy(update={"waits": waits}),
                "configuration": configuration(self.request, described).model_copy(
                    update={"studies": (STUDY,)}
                ),
                "environment": environment,
                "conditions": described.conditions,
                "modes": tuple(
                    mode.model_copy(
                        update={"unavailable": mode.unavailable or self.dropped.get(mode.name, "")}
                    )
                    for mode in described.modes
                ),
                "comparison": self.result(),
            }
        )
        return record.model_copy(update={"trust": checks(record)})


def _most(waits: list[bool]) -> bool:
    """Whether most of a side's processes found a model that waits.

    On a machine with seven processes to a processor, one of twenty found it of a model that works:
    it had waited for its processor.
    """
    return 2 * sum(waits) > len(waits)


Watcher = Callable[[Following, PairEvent], None]
"""Told of every event after it has been taken in; it may take its time."""
