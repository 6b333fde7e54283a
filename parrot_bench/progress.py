"""What a run shows while it goes on: drawn between rounds, never by a thread of its own."""

from collections.abc import Callable
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from parrot_bench.display import Display
from parrot_bench.estimates import relative_half_width
from parrot_bench.events import (
    CallsTaken,
    Described,
    Event,
    ModeDropped,
    Observed,
    Phase,
    Planned,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.record import Estimate
from parrot_bench.running import OngoingRun
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.load.told import LevelBegun, WorkerLost
from parrot_bench.studies.overhead.rounds import MIN_ROUNDS
from parrot_bench.studies.table import STUDIES

SLOW_ROUND_S = 1.0


class Progress(Display):
    """Shows a run on a terminal, or as a line now and then where there is none.

    Args:
        console: Where to.
        number: Writes an estimated ratio and its interval.
    """

    def __init__(self, console: Console, number: Callable[[Estimate], tuple[str, str]]) -> None:
        super().__init__(console)
        self._number = number
        self._kind = ""

    def __call__(self, run: OngoingRun, event: Event) -> None:
        """Take note of an event; see :data:`parrot_bench.running.Watcher`."""
        if isinstance(event, Described):
            self._described(event)
        elif isinstance(event, ModeDropped):
            self._say(Text(f"{event.mode} is left out: {event.reason}", style="yellow"))
        elif isinstance(event, Planned) and run.current is not None:
            self._planned(run.current, event)
        elif isinstance(event, RoundsEnded):
            if event.used_up:
                self._say(Text(f"{event.used_up} leaves no further round"))
        elif isinstance(event, Phase):
            self._phase(event.text)
        elif isinstance(event, Observed):
            self._observed(event.what)
        if self._console.is_terminal:
            self._draw(
                lambda: self._view(run), force=not isinstance(event, RoundTaken | CallsTaken)
            )
        elif isinstance(event, RoundTaken) and not event.tail and run.current is not None:
            study = run.current
            self._say_now_and_then(lambda: self._line(run, study))

    def _observed(self, what: object) -> None:
        if isinstance(what, WorkerLost):
            self._say(Text(f"{what.worker} was lost: {what.reason}", style="yellow"))
        elif isinstance(what, LevelBegun):
            # It takes its time, so that the next one is said, too.
            self._kind = ""

    def _phase(self, text: str) -> None:
        kind = text.partition(" ")[0]
        if kind == "plan:":
            self._say(Text(text, style="bold"))
        elif not self._console.is_terminal:
            # A log wants one line for the warm-up of all modes, not one for each.
            if kind != self._kind:
                self._say(Text(f"{text} …", style="dim"))
            self._kind = kind

    def _described(self, event: Described) -> None:
        name = event.model.model_name or event.model.llm_type
        self._say(Text.assemble("measuring ", (name, "bold"), f" ({event.model.class_name})"))
        for mode in event.modes:
            if mode.unavailable and mode.status != "deprecated":
                self._say(Text(f"{mode.name} is not available: {mode.unavailable}", style="yellow"))
        for condition in event.conditions:
            self._say_condition(condition)

    def _planned(self, study: Gathered, plan: Planned) -> None:
        """Show the plan where it costs time or money."""
        self._shown = monotonic()
        request, limit_s = study.request, study.limit_s
        if plan.round_s < SLOW_ROUND_S and not request.bounded:
            return
        rounds = max(1, round(limit_s / max(plan.round_s, 1e-9)))
        if plan.affordable_rounds is not None:
            rounds = min(rounds, plan.affordable_rounds)
        traced = sum(mode.calls_per_unit for mode in plan.modes)
        calls = plan.calls_so_far + rounds * plan.round_calls + traced
        tokens = [m.tokens for m in plan.modes if m.tokens is not None]
        out = f", {round(calls * sum(tokens) / len(tokens)):,} output tokens" if tokens else ""
        most = request.max_tokens
        bound = "" if most is None else f", at most {most:,} tokens with those of the prompts"
        seconds = min(limit_s, rounds * plan.round_s)
        self._say(
            Text(
                f"plan: about {rounds} rounds of {plan.round_calls} calls, "
                f"{calls:,} calls in all{out}{bound}, about {seconds:.0f} s",
                style="bold",
            )
        )
        if rounds < MIN_ROUNDS and study.study == "overhead":
            need_s = plan.round_s * MIN_ROUNDS / limit_s * request.time_s
            need_calls = plan.calls_so_far + MIN_ROUNDS * plan.round_calls + traced
            wants = []
            if need_s > request.time_s:
                wants.append(f"--time {need_s:.0f}")
            if request.max_calls is not None and need_calls > request.max_calls:
                wants.append(f"--max-calls {need_calls}")
            if most is not None and rounds == plan.affordable_rounds:
                wants.append("a larger --max-tokens")
            self._say(
                Text(
                    f"No verdict is given under {MIN_ROUNDS} rounds: use {' and '.join(wants)}, "
                    "or choose fewer with --modes",
                    style="yellow",
                )
            )

    # -- between rounds ------------------------------------------------------------------

    @staticmethod
    def _left(run: OngoingRun, study: Gathered) -> str:
        """The time that is left, of this study and of those that come after it."""
        left_s = max(0.0, study.limit_s - study.elapsed_s)
        later = [name for name in run.request.studies if name not in run.studies]
        said = f"at most {left_s:.0f} s left"
        if not later:
            return said
        later_s = sum(run.request.limit_s(name) for name in later)
        return f"{said}, {left_s + later_s:.0f} s with {len(later)} more"

    @staticmethod
    def _ratios(study: Gathered) -> list[tuple[str, Estimate]]:
        return STUDIES[study.study].so_far(study)

    def _line(self, run: OngoingRun, study: Gathered) -> str:
        ratios = "  ".join(f"{mode} {self._number(e)[0]}" for mode, e in self._ratios(study))
        return f"{study.study}: {study.samples.rounds} rounds, {self._left(run, study)}  {ratios}"

    def _view(self, run: OngoingRun) -> RenderableType:
        study = run.current
        if study is None or not (study.samples or study.observed):
            return Text(f"  {run.phase} …", style="dim")
        head = Table.grid(padding=(0, 2))
        bar = ProgressBar(
            total=study.limit_s, completed=min(study.elapsed_s, study.limit_s), width=32
        )
        rounds = f"{study.samples.rounds} rounds" if study.samples.rounds else run.phase
        head.add_row(study.study, bar, rounds, self._left(run, study))
        found = self._ratios(study)
        if not found:
            return head
        table = Table(box=None, padding=(0, 2), header_style="dim")
        table.add_column("mode")
        table.add_column(f"against {run.request.baseline}, so far", justify="right")
        table.add_column("")
        table.add_column("± %", justify="right")
        for mode, estimate in found:
            value, interval = self._number(estimate)
            width = relative_half_width(estimate) * 100
            style = "green" if width <= run.request.target * 100 else "dim"
            table.add_row(mode, value, interval, Text(f"{width:.1f}", style=style))
        return Group(head, table)
