"""The course of a run: what it has told so far, study by study.

It neither measures nor decides nor saves, so that a run can be followed while it goes on
(:mod:`parrot_bench.running`) and gone through again from its journal
(:mod:`parrot_bench.recovering`).
"""

from typing import Any

from parrot_bench.errors import MeasurementError
from parrot_bench.events import (
    CallsTaken,
    Described,
    Event,
    ModeDropped,
    Observed,
    PassReconciled,
    Phase,
    Planned,
    RoundsEnded,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.record import Reconciliation
from parrot_bench.request import Request
from parrot_bench.samples import Samples
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.table import STUDIES


class Course:
    """What a run has told so far.

    Args:
        request: What was asked for.

    Attributes:
        described: The model and its modes, once they are known.
        studies: What is known of each study, by its name, in the order in which they began.
        current: The study that is going on.
        failures: Modes left out, and why.
        left_out: Studies that could not be made, and why.
        reconciliation: Result of the traced pass.
        phase: What is going on, in words.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.described: Described | None = None
        self.studies: dict[str, Gathered] = {}
        self.current: Gathered | None = None
        self.failures: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self.reconciliation: Reconciliation | None = None
        self.phase = ""

    def hear(self, event: Event, now: float) -> None:
        """Take in what was told.

        Args:
            event: What.
            now: When, in seconds on any clock.
        """
        if isinstance(event, Phase):
            self.phase = event.text
        elif isinstance(event, Described):
            self.described = event
        elif isinstance(event, StudyBegun):
            self._begin(event.study, now)
        elif isinstance(event, ModeDropped):
            self.failures[event.mode] = event.reason
        elif isinstance(event, PassReconciled):
            self.reconciliation = event.result
        if self.current is not None:
            self._hear_of_study(event, self.current, now)

    def _begin(self, name: str, now: float) -> None:
        if self.described is None:
            raise MeasurementError(f"the study {name} began before the model was described")
        self.phase = name
        self.studies[name] = self.current = Gathered(
            study=name,
            request=self.request,
            described=self.described,
            limit_s=self.request.limit_s(name),
            samples=Samples(name),
            begun=now,
            ended=now,
        )

    def _hear_of_study(self, event: Event, study: Gathered, now: float) -> None:
        """Take in what a study tells of its course; its samples go on."""
        if isinstance(event, StudyEnded):
            if event.left_out:
                self.left_out[study.study] = event.left_out
            elif study.stopped_by == "failed":
                study.stopped_by = "done"
            self.current = None
        elif isinstance(event, ModeDropped):
            study.dropped[event.mode] = event.reason
        elif isinstance(event, Planned):
            self.phase = "measuring"
            study.plan = event
            study.begun = study.ended = now
        elif isinstance(event, RoundsEnded):
            study.rounds_over = True
            if event.used_up:
                calls = event.used_up.startswith("--max-calls")
                study.stopped_by = "max-calls" if calls else "max-tokens"
        else:
            self._hear_of_samples(event, study, now)

    @staticmethod
    def _hear_of_samples(event: Event, study: Gathered, now: float) -> None:
        if isinstance(event, RoundTaken):
            study.samples.add(event)
            if event.tail:
                return
        elif isinstance(event, CallsTaken):
            study.samples.add_calls(event)
        elif isinstance(event, Observed):
            study.observed.append(event.what)
        else:
            return
        study.ended = now

    @property
    def measured(self) -> bool:
        """Whether there is anything worth keeping."""
        return any(s.samples or s.observed for s in self.studies.values())

    @property
    def so_far(self) -> str:
        """How far the run has come, in words."""
        if not self.studies:
            return "before the first study"
        name, study = list(self.studies.items())[-1]
        where = "" if name == "overhead" else f" of the study {name}"
        rounds, calls = study.samples.rounds, len(study.samples.followed)
        # A study without rounds makes its calls one by one.
        return f"after {f'{calls} calls' if calls and not rounds else f'{rounds} rounds'}{where}"

    def findings(self) -> dict[str, Any]:
        """Conclude from what is known by now: fields of :class:`parrot_bench.record.RunRecord`."""
        described = self.described
        if described is None:
            raise MeasurementError("nothing is known of the model yet")
        failures = dict(self.failures)
        for name, study in self.studies.items():
            failures |= STUDIES[name].uncounted(study)
        waits = any(s.plan.waits for s in self.studies.values() if s.plan is not None)
        modes = tuple(
            mode.model_copy(update={"unavailable": mode.unavailable or failures.get(mode.name, "")})
            for mode in described.modes
        )
        return {
            "model": described.model.model_copy(update={"waits": waits}),
            "modes": modes,
            **{name: STUDIES[name].conclude(study) for name, study in self.studies.items()},
            "reconciliation": self.reconciliation,
            "failures": failures,
            "left_out": self.left_out,
        }
