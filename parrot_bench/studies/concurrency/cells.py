"""How the concurrency study takes its samples: every cell once a round, in random order.

What they mean is said in :mod:`parrot_bench.studies.concurrency.curves`.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import ceil, inf
from time import perf_counter
from typing import Any

import psutil
from langchain_core.runnables import Runnable

from parrot_bench.errors import MeasurementError
from parrot_bench.events import Call, CallsTaken, Event, Observed, Phase, Reply, RoundsEnded
from parrot_bench.execution import (
    CallSettings,
    ExecutionMode,
    collect,
    drain,
    implements,
    is_chat_model,
)
from parrot_bench.mode_table import MODES
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink
from parrot_bench.request import DEFAULT_SERVICE_S
from parrot_bench.runnables.kinds import core_of, models_in, parts_of
from parrot_bench.studies.bench import Bench
from parrot_bench.studies.caller import UNPRIMED_NS, one_line
from parrot_bench.studies.concurrency.following import Followed, Ledger, followed
from parrot_bench.studies.concurrency.observations import (
    Begun,
    CellTaken,
    SweepBegun,
    SweepLeftOut,
)
from parrot_bench.studies.concurrency.places import (
    source_files,
)
from parrot_bench.studies.concurrency.plan import (
    REPEATS,
    WATCHED_EVERY,
    Asked,
    Cell,
    Pace,
    Plan,
    planned,
    thinned,
)
from parrot_bench.studies.concurrency.watchdog import Watchdog, late_samples
from parrot_bench.studies.kept_replies import NO_TOKENS, KeptReplies
from parrot_bench.timing import CallLimitExceeded, call_limit, run_queue_ns, settled_garbage

SWEPT = ("batch", "abatch", "ainvoke_gather", "astream")
"""Modes that take part, as far as the model has them."""

WARM_BATCH = 8
"""Calls of the batch that starts a quick model's threads."""

MOST_ROUNDS = 30

PATIENCE_S = 30.0
"""What a cell may take beyond a batch's calls one by one; the worker's parent waits for 60 s."""

Events = Generator[Event, Reply, None]
Perform = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One mode of one model.

    Attributes:
        mode: The mode.
        model: The model.
        own_async: As in :class:`parrot_bench.record.ConcurrencySweep`.
        files: Source files of the model's classes.
    """

    mode: ExecutionMode
    model: Runnable[Any, Any]
    own_async: bool | None
    files: frozenset[str]

    @property
    def begun(self) -> SweepBegun:
        """As it is told."""
        return SweepBegun(self.mode.name, self.own_async)

    @property
    def sparse(self) -> bool:
        """It has few levels: ``astream`` is there to see whether chunks block the loop."""
        return self.mode.name == "astream"

    def bind(self, settings: CallSettings, replies: KeptReplies | None = None) -> Perform:
        """What performs a batch; a call that raises does not end the others.

        Args:
            settings: How calls are made.
            replies: Keeps what they return; None for nothing to be kept.
        """
        if self.mode.name in {"batch", "abatch"}:
            kept = CallSettings(
                config=settings.config,
                kwargs={**settings.kwargs, "return_exceptions": True},
                max_concurrency=settings.max_concurrency,
            )
            perform: Perform = self.mode.bind(self.model, kept, drain)
            return perform if replies is None else replies.around(perform, self.mode.kind)
        single = MODES["ainvoke"] if self.mode.name == "ainvoke_gather" else self.mode
        call = single.bind(self.model, settings, drain if replies is None else collect)
        if replies is not None:
            call = replies.around(call, "async")
        return gathered(call, settings.max_concurrency)

    def messages(self, raw: Any) -> Sequence[Any]:
        """The replies in what was kept: of a batch, of those calls that did not raise."""
        if self.mode.name in {"batch", "abatch"}:
            return self.mode.messages([one for one in raw if not isinstance(one, BaseException)])
        return self.mode.messages([raw] if self.mode.batches else raw)


def gathered(call: Callable[[Any], Awaitable[Any]], limit: int | None) -> Perform:
    """``asyncio.gather`` over calls, a semaphore around each, errors kept to themselves."""

    async def perform(prompts: Sequence[Any]) -> None:
        semaphore = asyncio.Semaphore(limit or len(prompts))

        async def one(prompt: Any) -> None:
            async with semaphore:
                await call(prompt)

        await asyncio.gather(*map(one, prompts), return_exceptions=True)

    return perform


def take(bench: Bench) -> Events:
    """Ask what concurrency buys; see :attr:`parrot_bench.studies.table.Study.take`."""
    sweeps = list(_sweeps(bench))
    if not sweeps:
        raise MeasurementError(
            f"none of {', '.join(SWEPT)} is among the modes that can be measured; "
            "name one with --modes"
        )
    with settled_garbage(), Watchdog() as watchdog:
        yield from Concurrency(bench, sweeps, watchdog).events()


def _sweeps(bench: Bench) -> Iterator[Sweep]:
    """The modes of the model; of the parrot, with async of its own and without."""
    models: list[Runnable[Any, Any]] = [bench.model]
    if bench.embedded:
        models = [_parrot(cls, bench) for cls in (AsyncChatParrotLink, ChatParrotLink)]
    for index, model in enumerate(models):
        for mode in (mode for mode in bench.usable if mode.name in SWEPT):
            own = _own_async(mode, model)
            # Sync modes of both parrots are the same; chunks by fallback are another question.
            if (mode.kind == "async" or not index) and (mode.name != "astream" or own):
                yield Sweep(mode=mode, model=model, own_async=own, files=_files(model))


def _files(model: Runnable[Any, Any]) -> frozenset[str]:
    return frozenset[str]().union(*map(source_files, parts_of(model)))


def _own_async(mode: ExecutionMode, model: Runnable[Any, Any]) -> bool | None:
    """As in the record; of a chain or a graph, if all of the models in it have their own."""
    models = models_in(model)
    if mode.kind == "sync" or not models:
        return None
    return all(implements(one, "_astream" if mode.streams else "_agenerate") for one in models)


def _together(mode: ExecutionMode, model: Runnable[Any, Any]) -> str:
    """Why no call of a batch can be followed, where that is so."""
    inner = core_of(model)
    cls = type(inner)
    one_by_one = getattr(cls, mode.name, None) is getattr(Runnable, mode.name, None)
    if mode.name not in {"batch", "abatch"} or one_by_one or is_chat_model(inner):
        return ""
    return (
        f"{cls.__qualname__} makes the calls of a batch together, step by step, so that none of "
        "them can be followed; ainvoke_gather makes them one by one"
    )


def _parrot(cls: type[ChatParrotLink], bench: Bench) -> ChatParrotLink:
    length = getattr(bench.model, "parrot_buffer_length", 0)
    return cls(parrot_buffer_length=length, time_to_first_chunk=_service_s(bench))


def _service_s(bench: Bench) -> float:
    asked = bench.request.service_time_s
    return DEFAULT_SERVICE_S if asked is None else asked


class Concurrency:
    """The concurrency study of one model.

    Args:
        bench: What it is given.
        sweeps: What takes part.
        watchdog: Looks at the loop meanwhile.
    """

    def __init__(self, bench: Bench, sweeps: Sequence[Sweep], watchdog: Watchdog) -> None:
        self._bench = bench
        self._sweeps = dict(enumerate(sweeps))
        self._watchdog = watchdog
        self._order = random.Random(bench.request.seed)  # noqa: S311  # an order, no secret
        self._process = psutil.Process()
        self._paces = {number: Pace() for number in self._sweeps}
        self._done: Counter[Cell] = Counter()
        self._untold = False

    def events(self) -> Events:
        """Warm up, say what will be done, and repeat all cells until time or calls are over.

        Yields:
            Its progress, its cells and their calls; see :mod:`parrot_bench.events`.

        Raises:
            MeasurementError: Every sweep raised, or calls do not pay for a single round.
        """
        responses = yield from self._warm_up()
        budget = self._bench.budget
        calls = budget.left
        threads = self._bench.clocks["async"].once(executor_threads, None)
        asked = {
            number: Asked(sweep.sparse, threads if sweep.own_async is False else None)
            for number, sweep in self._sweeps.items()
        }
        plan = planned(asked, min(responses), self._bench.time_s, calls)
        if plan is None:
            bound = budget.refusing((calls or 0) + 1)
            raise MeasurementError(
                f"{bound} leaves {calls} calls, too few for one round of the "
                "concurrency study; raise it, or choose fewer modes with --modes"
            )
        yield Phase(_said(plan, len(asked)))
        yield Observed(
            Begun(
                service_s=_service_s(self._bench) if self._bench.embedded else None,
                executor_threads=threads,
                sweeps={number: sweep.begun for number, sweep in self._sweeps.items()},
                plan=plan,
            )
        )
        yield from self._rounds(plan)

    # -- warm-up -------------------------------------------------------------------------

    def _warm_up(self) -> Generator[Event, Reply, list[float]]:
        """Make the first calls of each sweep; seconds that one call of each takes."""
        responses = []
        for index, sweep in list(self._sweeps.items()):
            if why := _together(sweep.mode, sweep.model):
                del self._sweeps[index]
                reason = why
                yield Observed(SweepLeftOut(sweep.begun.label, why))
                continue
            yield Phase(f"warming up {sweep.begun.label} for the concurrency study")
            if bound := self._bench.budget.used_up:
                raise MeasurementError(
                    f"{bound} leaves no call for the concurrency study; raise it"
                )
            reason, response = self._first_calls(index)
            if reason:
                del self._sweeps[index]
                yield Observed(SweepLeftOut(sweep.begun.label, reason))
            else:
                responses.append(response)
        if not responses:
            raise MeasurementError(f"no mode of the concurrency study could be made: {reason}")
        return responses

    def _first_calls(self, index: int) -> tuple[str, float]:
        """A reason to leave a sweep out, or nothing; and seconds that one call takes."""
        cell = Cell(index, 1, 1)
        pace = self._paces[index]
        pace.alone_s = inf
        try:
            for _ in range(4):
                _, calls = self._perform(cell, 0)
                if self._untold:
                    return NO_TOKENS, 0.0
                pace.alone_s = min(pace.alone_s, pace.took_s[cell])
                if not self._quick or not self._bench.budget.affords(1 + WARM_BATCH):
                    break
            else:
                _, calls = self._perform(Cell(index, WARM_BATCH, WARM_BATCH), 0)
        except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # a finding
            return one_line(error), 0.0
        errors = Counter(call.error for call in calls if call.error)
        if calls and errors.total() == len(calls):
            kind, _ = errors.most_common(1)[0]
            return f"every call raised {kind}", 0.0
        return "", pace.alone_s

    @property
    def _quick(self) -> bool:
        """Whether calls are so quick that some may be spent on getting warm."""
        return min(pace.alone_s or inf for pace in self._paces.values()) < UNPRIMED_NS / 1e9

    # -- rounds --------------------------------------------------------------------------

    def _rounds(self, plan: Plan) -> Events:
        begun = perf_counter()
        for number in range(MOST_ROUNDS):
            made = False
            for cell in self._ordered(plan, number, perf_counter() - begun):
                left_s = self._bench.time_s - (perf_counter() - begun)
                if cell.sweep not in self._sweeps or self._too_dear(cell, left_s):
                    continue
                if bound := self._bench.budget.refusing(cell.batch):
                    yield RoundsEnded(bound)
                    return
                made = True
                try:
                    taken, calls = self._perform(cell, number)
                except (Exception, CallLimitExceeded) as error:  # noqa: BLE001  # a finding
                    sweep = self._sweeps.pop(cell.sweep)
                    yield Observed(SweepLeftOut(sweep.begun.label, one_line(error)))
                    continue
                self._done[cell] += 1
                yield CallsTaken(number, calls)
                if (yield Observed(taken)) is Reply.ENOUGH:
                    return
            if not made:
                return

    def _ordered(self, plan: Plan, number: int, spent_s: float) -> list[Cell]:
        """The cells of a round, in a fresh random order.

        The first round of a slow model goes up the levels instead: where calls do not overlap,
        that has to be known before the next level is paid for.
        """
        cells = list(plan.cells)
        self._order.shuffle(cells)
        if number:
            round_s = (self._bench.time_s - spent_s) / max(REPEATS - number, 1)
            cells = thinned(cells, self._expected_s, self._done, round_s)
            self._order.shuffle(cells)
        if not number and not self._quick:
            cells.sort(key=lambda cell: cell.level or cell.batch)
        return cells

    def _expected_s(self, cell: Cell) -> float:
        return self._paces[cell.sweep].expected_s(cell)

    def _too_dear(self, cell: Cell, left_s: float) -> bool:
        dear = self._paces[cell.sweep].dear(cell, self._bench.time_s)
        return dear or self._expected_s(cell) > left_s

    def _limit_s(self, cell: Cell) -> float:
        """Time limit of a cell: that of each wave, but no more than the parent has patience for."""
        calls = self._bench.calls
        waves = ceil(cell.batch / min(cell.level or 1, cell.batch))
        return min(waves * calls.call_limit_s, calls.batch_size * calls.call_limit_s + PATIENCE_S)

    def _perform(self, cell: Cell, number: int) -> tuple[CellTaken, tuple[Call, ...]]:
        """Perform a cell once.

        Raises:
            Exception: Whatever the batch as a whole raised.
            CallLimitExceeded: It took too long.
        """
        sweep, bench = self._sweeps[cell.sweep], self._bench
        bench.budget.spent += cell.batch
        limit_s = self._limit_s(cell)
        native = self._process.num_threads() - threading.active_count()
        settings = replace(bench.calls.settings, max_concurrency=cell.level)
        replies = None if bench.budget.tokens is None else KeptReplies(bench.budget, sweep.messages)
        with followed(sweep.model, sweep.mode.kind) as ledger:
            perform = sweep.bind(settings, replies)
            watched = sweep.mode.kind == "async" and not number % WATCHED_EVERY
            if watched:
                perform = self._watched(perform)
            items = [sweep.mode.prepare(bench.calls.prompt)] * cell.batch
            waited_ns = -run_queue_ns()
            ledger.reset()
            try:
                with call_limit(limit_s):
                    reading = bench.clocks[sweep.mode.kind].reading(perform, items, 0, 1)
                waited_ns += run_queue_ns()
            finally:
                if replies is not None:
                    self._untold = not replies.pay(cell.batch)
        if any(call.error == CallLimitExceeded.__name__ for call in ledger.calls):
            # Gathering took it for a result.
            raise CallLimitExceeded(f"no reply within {limit_s:g} s")
        self._paces[cell.sweep].took(cell, reading.wall_ns / 1e9)
        seen = self._watchdog.seen() if watched else None
        return (
            CellTaken(
                cell=cell,
                round=number,
                wall_ns=reading.wall_ns,
                busy_ns=reading.cpu_ns + waited_ns,
                case=self._case(cell),
                in_flight=ledger.made.average(reading.wall_ns) if ledger.calls else None,
                achieved=ledger.served.average(reading.wall_ns) if ledger.served.peak else None,
                peak=ledger.served.peak,
                # The watchdog is ours.
                threads=native + max(ledger.made.threads, ledger.served.threads) - 1,
                service_ns=_mean_service(ledger),
                stall_ns=seen.longest_ns if seen else None,
                late=tuple(late_samples(seen.samples, sweep.files)) if seen else (),
                calls_so_far=bench.budget.spent,
            ),
            tuple(_call(sweep, self._case(cell), call) for call in ledger.calls),
        )

    def _case(self, cell: Cell) -> str:
        """What tells the cell's calls from others of its mode."""
        own = self._sweeps[cell.sweep].own_async
        # Only the parrot is swept twice in one mode.
        if own is None or not self._bench.embedded:
            return cell.case
        return f"{cell.case},async={'own' if own else 'fallback'}"

    def _watched(self, perform: Perform) -> Perform:
        async def watched(items: Sequence[Any]) -> None:
            with self._watchdog.watching():
                await perform(items)

        return watched


def _said(plan: Plan, sweeps: int) -> str:
    """The plan in a line."""
    seconds = plan.round_s * plan.rounds
    what = (
        f"plan: concurrency of {sweeps} modes in {plan.rounds} rounds of {plan.round_calls} calls"
    )
    said = f"{what}, {plan.rounds * plan.round_calls} calls in all, about {seconds:.0f} s"
    return f"{said} ({plan.reduced}, to fit)" if plan.reduced else said


async def executor_threads(_: object) -> int:
    """The size of the running loop's default executor; of a new one where there is none yet."""
    executor = getattr(asyncio.get_running_loop(), "_default_executor", None)
    size = getattr(executor or ThreadPoolExecutor(), "_max_workers", 0)
    return int(size)


def _mean_service(ledger: Ledger) -> float | None:
    stays = [c.left_ns - c.entered_ns for c in ledger.calls if c.left_ns and c.entered_ns]
    return sum(stays) / len(stays) if stays else None


def _call(sweep: Sweep, case: str, call: Followed) -> Call:
    # Between an agent's calls of its model it is elsewhere: there is no one stay to tell of.
    once = call.stays == 1
    return Call(
        mode=sweep.mode.name,
        case=case,
        started_ns=call.started_ns,
        ended_ns=call.ended_ns,
        entered_ns=(call.entered_ns or None) if once else None,
        left_ns=(call.left_ns or None) if once else None,
        error=call.error,
    )
