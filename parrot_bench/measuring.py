"""One measurement from model to last span, as a generator of events.

It runs inside the timed process (:mod:`parrot_bench.worker`) or, for models that exist only
as objects, in the caller's own. It imports no table, no chart and no progress bar.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from parrot_bench.against.checkout import strays
from parrot_bench.conditions import conditions
from parrot_bench.describing import describe
from parrot_bench.environment import environment
from parrot_bench.errors import ParrotBenchError, UsageError
from parrot_bench.events import (
    Described,
    Event,
    ModeDropped,
    Phase,
    PlannedMode,
    Reply,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.execution import ExecutionMode, is_chat_model
from parrot_bench.loading import LoadedModel, load_model, load_parrot
from parrot_bench.mode_table import MODES, default_modes, mode_record, quiet, select_modes
from parrot_bench.record import Condition, ModeRecord
from parrot_bench.request import DEFAULT_BATCH, DEFAULT_REPLY, Request
from parrot_bench.runnables.fitting import fitted
from parrot_bench.runnables.inputs import takes
from parrot_bench.runnables.kinds import models_in, parts_of
from parrot_bench.studies.bench import Bench, Budget, Calls
from parrot_bench.studies.load.orders import Orders
from parrot_bench.studies.overhead.rounds import take_rounds
from parrot_bench.studies.tracing.probe import check_handlers
from parrot_bench.timing import open_clocks
from parrot_bench.traced_pass import TracedPass, TracedPlan
from parrot_callbacks import open_tracing

REPORT_EVERY_S = 0.25
"""How often a worker in the middle of its rounds stops to tell what it has."""

SPANS_OF_A_CALL = 50
"""Room for the spans of one call of a chain or a graph until they are sent."""

SMALL_BATCH = 4
"""Prompts of a batch where tokens are counted, or calls are few."""

TRACED_CALLS = 10
"""Calls of each mode in the traced pass; one where calls are slow or counted."""


@dataclass(frozen=True, kw_only=True)
class RoundsJob:
    """Rounds and nothing else: a side of a comparison, or one more process of a run.

    Attributes:
        blocks: How modes take part in the rounds, where that is planned already; no others do.
        side: They are one side of a comparison.
        not_from: A folder from which none of the user's code may be loaded.
    """

    blocks: tuple[PlannedMode, ...] = ()
    side: bool = False
    not_from: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything a timed process needs to know.

    Attributes:
        request: What the user asks for, its seed set.
        modes: Names of modes, or modes of one's own, which cannot be sent to another process;
            empty for the default ones.
        spans: Where ``spans.jsonl`` goes.
        rounds: Take rounds, and make no study nor traced pass; None for a run.
        report_every_s: How often the timed process stops between two rounds to tell what it has;
            at 0, it waits after every round until it is asked for the next.
        journal: Where what is told is written down; None for nowhere.
        traced: The studies are followed by the traced pass.
        worker: Name of one of several timed processes, each of which is told what to do; empty for
            one alone.
    """

    request: Request
    modes: tuple[str | ExecutionMode, ...] = ()
    spans: Path | None = None
    rounds: RoundsJob | None = None
    report_every_s: float = REPORT_EVERY_S
    journal: Path | None = None
    traced: bool = True
    worker: str = ""


Measurement = Generator[Event, Reply, None]


def measure(
    job: Job, loaded: LoadedModel | None = None, orders: Orders | None = None
) -> Measurement:
    """Measure one model.

    Args:
        job: What to do.
        loaded: The model, where it is already at hand; else the request's model is loaded.
        orders: Where one of several processes is told what to do.

    Yields:
        What is known and measured, as it happens.

    Raises:
        ParrotBenchError: The job cannot be done; the message says why.
    """
    measurement = _measure(job, loaded, orders)
    if job.journal is not None:
        # As the studies below. The sides of a comparison, whose journal is kept outside of them,
        # are spared numpy: 15 % of what their start takes.
        from parrot_bench.journal import journaled  # noqa: PLC0415

        measurement = journaled(measurement, job.journal)
    yield from measurement


def _measure(job: Job, loaded: LoadedModel | None, orders: Orders | None) -> Measurement:
    request = job.request
    reply_length = request.reply_length
    embedded = loaded is None and not request.spec
    if request.handlers:
        yield Phase("trying the handlers, each in a process of its own")
        check_handlers(request.handlers)
    if loaded is None:
        yield Phase("loading the model")
        if embedded:
            reply_length = DEFAULT_REPLY if reply_length is None else reply_length
        loaded = (
            load_parrot(reply_length or 0)
            if embedded
            else load_model(request.spec, dict(request.model_args))
        )
    model = loaded.model
    second, how = loaded.second()
    _check_prompts(request, model)
    chosen = [fitted(mode, model) for mode in _chosen(job, model)]
    usable = [mode for mode in chosen if not mode.unavailable(model)]
    if job.rounds is not None:
        _check_origin(job.rounds)
        planned = {block.mode for block in job.rounds.blocks}
        usable = [mode for mode in usable if not planned or mode.name in planned]
    elif request.baseline not in {mode.name for mode in usable}:
        (missing,) = (mode for mode in chosen if mode.name == request.baseline)
        raise UsageError(
            f"the baseline {request.baseline} is not available: {missing.unavailable(model)}; "
            "name another mode with --baseline"
        )
    kwargs = {} if embedded else _call_arguments(request, model)
    batch = _batch_size(request, usable)
    traced = [m for m in usable if m.status != "floor"] if job.traced else []
    reserved = sum(batch if m.batches else 1 for m in traced)
    with (
        quiet(),
        conditions(_models(model, second), keep=request.keep_conditions) as found,
        open_clocks(request.loop) as clocks,
    ):
        bench = Bench(
            request=request,
            model=model,
            second=second,
            embedded=embedded,
            modes=usable,
            calls=Calls(
                prompt=request.prompt,
                kwargs=kwargs,
                batch_size=batch,
                max_concurrency=request.max_concurrency,
                call_limit_s=request.call_limit_s,
            ),
            clocks=clocks,
            budget=Budget(request.max_calls, reserved, tokens=request.max_tokens),
            orders=orders,
            worker=job.worker,
        )
        yield Described(
            model=describe(model, request.spec, how),
            environment=environment(
                type(model).__module__,
                clocks["async"].loop_class,
                [type(part).__module__ for part in parts_of(model)],
            ),
            conditions=(*found, *_own_conditions(request)),
            modes=tuple(mode_record(mode, model) for mode in chosen) + _left_out(job, model),
            batch_size=batch,
            reply_length=reply_length,
            pid=os.getpid(),
        )
        if job.rounds is not None:
            yield from take_rounds(bench, job.rounds.blocks, side=job.rounds.side)
            return
        yield from _studies(bench)
        if job.traced:
            yield from _trace(job, bench)


def _own_conditions(request: Request) -> Iterator[Condition]:
    if request.loop != "asyncio":
        yield Condition(
            name=f"--loop {request.loop}",
            effect="asynchronous modes run on another event loop than asyncio's own",
            kept=True,
        )
    if request.otlp and request.load is not None:
        yield Condition(
            name="--otlp",
            effect="every call has a span, and is timed with it and with sending it",
            kept=True,
        )


def _studies(bench: Bench) -> Measurement:
    """Make one study after the other; only if the first cannot be made, the run ends with it."""
    from parrot_bench.studies.table import STUDIES  # noqa: PLC0415

    done = False
    budget = bench.budget
    for name in sorted(bench.request.studies, key=list(STUDIES).index):
        yield StudyBegun(name)
        budget.keep(partial(bench.request.kept, name))
        try:
            own = replace(bench, time_s=bench.request.limit_s(name))
            yield from _noting_failures(STUDIES[name].take(own), bench.failed)
        except ParrotBenchError as error:
            if not done:
                raise
            yield StudyEnded(name, str(error))
        else:
            done = True
            yield StudyEnded(name)


def _noting_failures(study: Measurement, failed: dict[str, str]) -> Measurement:
    """Pass on what a study tells, and note the modes that it leaves out."""
    reply = None
    with closing(study):
        while True:
            try:
                event = next(study) if reply is None else study.send(reply)
            except StopIteration:
                return
            if isinstance(event, ModeDropped):
                failed[event.mode] = event.reason
            reply = yield event


def _trace(job: Job, bench: Bench) -> Measurement:
    calls = 1 if bench.budget.bounded else TRACED_CALLS
    traced = TracedPlan(**vars(bench.calls), modes=bench.usable, calls=calls)
    each = 1 if is_chat_model(bench.model) else SPANS_OF_A_CALL
    spans = len(traced.modes) * (max(traced.calls, traced.batch_size) * each + 1)
    tracing = open_tracing(job.spans, job.request.otlp, planned_spans=spans)
    try:
        yield from TracedPass(bench.model, traced, tracing, bench.clocks).events()
    finally:
        tracing.close()


def _check_origin(rounds: RoundsJob) -> None:
    """See to it that a side is what it is said to be."""
    if rounds.not_from is None:
        return
    found = strays(rounds.not_from)
    if found:
        raise UsageError(
            f"{found[0]} was loaded from {rounds.not_from} and not from the commit's files: it is "
            "installed or on the path in a way that parrot-bench can't follow; "
            "name it by its file, path/file.py:attr"
        )


def _check_prompts(request: Request, model: Runnable[Any, Any]) -> None:
    """See to it that every prompt can be given, before any is."""
    taken = takes(model)
    prompts = request.load.prompts if request.load is not None else ()
    for prompt in prompts or (request.prompt,):
        taken.check(prompt)


def _models(*models: Runnable[Any, Any]) -> list[BaseChatModel]:
    """The chat models in all of them, each once."""
    return list({id(one): one for model in models for one in models_in(model)}.values())


def _chosen(job: Job, model: Runnable[Any, Any]) -> list[ExecutionMode]:
    chosen: dict[str, ExecutionMode] = {}
    for given in job.modes or [mode.name for mode in default_modes(model)]:
        mode = select_modes([given])[0] if isinstance(given, str) else given
        if chosen.setdefault(mode.name, mode) is not mode:
            raise UsageError(f"two different modes are called {mode.name!r}; rename one")
    if job.request.baseline not in chosen:
        (baseline,) = select_modes([job.request.baseline])
        chosen = {baseline.name: baseline, **chosen}
    return list(chosen.values())


def _call_arguments(request: Request, model: Runnable[Any, Any]) -> dict[str, Any]:
    """Arguments of every call that bring about the reply length that was asked for."""
    if request.reply_length is None:
        return {}
    fields = type(model).model_fields if is_chat_model(model) else {}
    if "max_tokens" in fields or any(f.alias == "max_tokens" for f in fields.values()):
        return {"max_tokens": request.reply_length}
    raise UsageError(
        f"--reply-length {request.reply_length} needs a model with max_tokens, and "
        f"{type(model).__qualname__} has none; set the length in the model itself"
    )


def _batch_size(request: Request, modes: list[ExecutionMode]) -> int:
    """The largest usual batch for which a bounded number of calls pays for twelve rounds.

    What a call will take of bounded tokens is not known yet, so that the batch is small there.
    """
    if request.batch_size is not None or not request.bounded:
        return request.batch_size or DEFAULT_BATCH
    if request.max_calls is None:
        return SMALL_BATCH
    batching = sum(mode.batches for mode in modes)
    single = len(modes) - batching + 1
    sizes = (DEFAULT_BATCH, 8, SMALL_BATCH) if request.max_tokens is None else (SMALL_BATCH,)
    for size in sizes:
        if (batching * size + single) * 14 <= request.max_calls:
            return size
    return 2


def _left_out(job: Job, model: Runnable[Any, Any]) -> tuple[ModeRecord, ...]:
    """The modes that are off unless asked for: named, never silently missing."""
    if job.modes:
        return ()
    why = "deprecated, so measured only when named in --modes"
    return tuple(
        mode_record(mode, model).model_copy(update={"unavailable": why})
        for mode in MODES.values()
        if mode.status == "deprecated"
    )
