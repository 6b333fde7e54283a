"""A level that several workers are making: what has come of it, what was seen, what was lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter_ns, time_ns

from parrot_bench.calls import CallColumns, CallTable
from parrot_bench.events import Call
from parrot_bench.load import LoadPlan
from parrot_bench.studies.load.orders import Part
from parrot_bench.studies.load.told import LevelBegun, Window, WorkerLevel
from parrot_bench.workers.shares import lost_arrivals, lost_callers, merged
from parrot_bench.workers.wires import Wire


@dataclass
class Making:
    """A level that is being made.

    Attributes:
        told: What it is to be.
        begun_ns: When it begins, on our clock.
        parts: Who makes which part of it.
        seed: Of its arrivals.
        calls: What has come of it.
        windows: Of the workers that saw its end, a window a step.
        enough: Nobody wants more of it.
    """

    told: LevelBegun
    begun_ns: int
    parts: dict[Wire, Part]
    seed: int
    calls: CallTable = field(default_factory=CallTable)
    windows: dict[Wire, list[Window]] = field(default_factory=dict)
    enough: bool = False

    def saw(self, wire: Wire, windows: Sequence[Window]) -> None:
        """Keep what a worker has seen beside its calls, on our clock."""
        by = wire.offset.ns
        self.windows[wire] = [
            replace(own, begun_ns=own.begun_ns - by, ended_ns=own.ended_ns - by) for own in windows
        ]

    def lost(self, wire: Wire, plan: LoadPlan, now_ns: int) -> tuple[Call, ...]:
        """The calls of a worker that is gone, and of which it has not told.

        Args:
            wire: The worker.
            plan: Has the schedule of an open loop.
            now_ns: When it was found dead, on our clock.
        """
        told, part = self.told, self.parts[wire]
        if told.level.closed:
            steps = told.level.steps
            passed = (now_ns - self.begun_ns) / max(told.length_s * 1e9, 1)
            callers = steps[min(max(int(passed * len(steps)), 0), len(steps) - 1)]
            return lost_callers(told.mode, part.share(callers), now_ns, wire.name)
        schedule = part.every(plan.schedule(told.level, self.seed))
        due = [self.begun_ns + round(at * 1e9) for at in schedule]
        known = set(self._calls_of(wire).due.tolist())
        lost = lost_arrivals(told.mode, due, known, now_ns, wire.name)
        # What is due later was not wanted any more.
        return tuple(c for c in lost if c.started_ns <= now_ns) if self.enough else lost

    def made_by(self, wire: Wire) -> int:
        """How many of the calls are a worker's."""
        return len(self._calls_of(wire))

    def _calls_of(self, wire: Wire) -> CallColumns:
        calls = self.calls.of_round(self.told.number)
        return calls.where(calls.workers == wire.name)

    def seen(self) -> tuple[tuple[Window, ...], tuple[WorkerLevel, ...]]:
        """What was seen of a level beside its calls: together, and by each worker."""
        steps, windows = len(self.told.level.steps), list[Window]()
        calls = self.calls.of_round(self.told.number)
        for number in range(steps):
            own = [each[number] for each in self.windows.values() if number < len(each)]
            if number and not own:
                break  # its calls were used up before
            begun_ns = windows[-1].ended_ns if windows else self.begun_ns
            window = merged(own, calls, begun_ns)
            window.epoch_ns = time_ns() + begun_ns - perf_counter_ns()
            windows.append(window)
        workers = tuple(
            WorkerLevel(
                worker=wire.name,
                busy=max(each.busy_ns / max(each.ended_ns - each.begun_ns, 1) for each in seen)
                if (seen := self.windows.get(wire))
                else None,
                # As it was when the level was ordered, whatever has been measured since.
                offset_ns=(part.begin_ns or 0) - self.begun_ns,
                uncertainty_ns=wire.offset.uncertainty_ns,
            )
            for wire, part in self.parts.items()
        )
        return tuple(windows), workers
