"""The runs that have started and not ended, of one tracer provider.

The table is shared by all handlers of a provider in the process. A run is claimed by the
first handler that sees it, so that a handler on the model and another in the config make
one span. LangChain doesn't always say when a run ends; a run that nobody ends is swept by
age and by number.
"""

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry.context import Context
from opentelemetry.trace import Span, TracerProvider
from opentelemetry.util.types import AttributeValue

from parrot_callbacks import semconv
from parrot_callbacks.delegate import DelegatingSpan
from parrot_callbacks.outcomes import ABANDONED, Outcome

MAX_RUNS: Final = 10_000
"""More open runs than this, and the oldest is abandoned for every new one."""
MAX_AGE_NS: Final = 3600 * 10**9
"""A run older than this is abandoned when another starts."""
MAX_BELOW = 8
"""So many of the latest runs below are remembered for the errors of a run."""

AnyTask = asyncio.Task[Any]
NO_CONTEXT = Context()


class Finisher(Protocol):
    """Who ends a run's span: the handler that claimed it."""

    def finish(self, run: "OpenRun", outcome: Outcome, error: BaseException | None = None) -> None:
        """End a run without a reply."""


class OpenRun:
    """One run from its start to its end.

    It is made before its span, to note where that belongs.

    Attributes:
        key: The number in LangChain's id of the run, which tables are kept by.
        owner: The handler that claimed it.
        runs: The table it stands in.
        span: Its span.
        recording: The span is sampled.
        parent: The open run that its span descends from, if any.
        enclosing: The open run whose model called this one from its body, if any.
        attributes: Operation, provider and model: the attributes that metrics share.
        began_ns: ``time.time_ns()`` at the start.
        started_ns: ``time.perf_counter_ns()`` at the start.
        first_ns: The same at the first content of a stream; 0 before.
        last_ns: The same at the latest chunk; kept only for metrics.
        streamed: The reply came in chunks.
        ended: The run has ended.
        delegate: What is current while the call is inside the model; None before and after.
        outer: The span that was current before.
        outside: The context that was current before, and will be again.
        within: The context that was attached for the time inside the model.
        in_other_tasks: The model's body runs in tasks other than the caller's.
        is_linked: It belongs to a task or a batch, or there have been runs below it.
        of_task: All open runs that the same task started.
        batch: The runs of one ``generate`` with several prompts.
        guarded: A guard round LangChain's method knows when the call is in the model.
        surrounds: Its span is current in the contexts that LangChain copies for its body.
        inner: Keys of runs below it that have no span of their own.
        content: What it was asked, as attributes, while content capture is on.
        asked: What it was given, as LangChain has it: an error must not repeat that.
        below: The same of the latest runs below it, with their answers.
        inference_calls: Calls of models below an agent.
        tool_calls: Calls of tools below an agent.
    """

    # What is asked of every run is set by who makes it, in one go: a constructor would take
    # longer than that, and reading what is the class's takes CPython longer than what is the
    # run's own. Most runs never have the rest.
    key: int
    owner: Finisher
    runs: "OpenRuns"
    attributes: Mapping[str, AttributeValue]
    span: Span
    recording: bool
    began_ns: int
    started_ns: int
    parent: "OpenRun | None"
    streamed: bool
    outer: Span
    outside: Context
    in_other_tasks: bool
    is_linked: bool
    content: "dict[str, Any] | None"
    asked: object
    ended: bool
    delegate: DelegatingSpan | None
    within: Context | None
    enclosing: "OpenRun | None" = None
    first_ns = 0
    last_ns = 0
    guarded = False
    surrounds = False
    of_task: "dict[int, OpenRun] | None" = None
    batch: "list[OpenRun] | None" = None
    inner: set[int] | None = None
    below: tuple[object, ...] = ()
    inference_calls = 0
    tool_calls = 0

    def has_left(self) -> bool:
        """Whether an ``agenerate`` is over although no event said so.

        It awaits the model's body in tasks of its own. So when the very task that called it
        is running, it has returned: a timeout or a cancellation went through it.
        """
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return False
        return task is not None and watched().tasks.get(task) is self.of_task

    def remember(self, run_below: tuple[object, ...]) -> None:
        """Keep what a run below was given and has answered: an error may repeat it."""
        self.below = (run_below, *self.below[: MAX_BELOW - 1])
        self.is_linked = True

    @property
    def inside(self) -> bool:
        """Whether its span is current in its body."""
        if self.delegate is None:
            return self.surrounds
        return not self.delegate.is_released

    def finish(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """End it without a reply: no event has done so."""
        self.owner.finish(self, outcome, error)

    def descends_from(self, other: "OpenRun") -> bool:
        """Whether its span is, or is below, the span of another run."""
        run: OpenRun | None = self
        while run is not None:
            if run is other:
                return True
            run = run.parent
        return False


class OpenRuns:
    """The table of open runs; no lock is wider than one operation on a dict.

    Runs are kept by the number in their id: a UUID's own hash and comparison are functions in
    Python, and a call needs nine of them.

    Attributes:
        open: All of them by that number, the oldest first.
        awaiting: Those whose chunks are of interest, by the same number. Of most chunks no run's
            are: without metrics a run leaves at its first content.
        max_runs: With more open runs than this, the oldest is abandoned for every new one.
    """

    def __init__(self) -> None:
        self.open: dict[int, OpenRun] = {}
        self._spanless: dict[int, OpenRun] = {}
        self.awaiting: dict[int, OpenRun] = {}
        self.max_runs = MAX_RUNS
        # Of time.perf_counter_ns(): before that, none of them is too old.
        self._sweep_at_ns = 0
        self._batches: dict[int, tuple[object, list[OpenRun]]] = {}

    def __len__(self) -> int:
        return len(self.open)

    def __contains__(self, run_id: UUID) -> bool:
        return run_id.int in self.open or run_id.int in self._spanless

    def nearest(self, run_id: UUID | None) -> OpenRun | None:
        """Return the run of this id, or the nearest one above it that has a span."""
        if run_id is None:
            return None
        return self.open.get(run_id.int) or self._spanless.get(run_id.int)

    def add(self, run: OpenRun) -> None:
        """Take up a run, and sweep what was left over."""
        self.open[run.key] = run
        if run.started_ns > self._sweep_at_ns or len(self.open) > self.max_runs:
            self._sweep(run.started_ns)

    def add_spanless(self, run_id: UUID, nearest: OpenRun) -> None:
        """Remember that a run without a span is below another run."""
        if nearest.inner is None:
            nearest.inner = set()
            nearest.is_linked = True
        nearest.inner.add(run_id.int)
        self._spanless[run_id.int] = nearest

    def remove_spanless(self, run_id: UUID) -> None:
        """Forget a run without a span."""
        nearest = self._spanless.pop(run_id.int, None)
        if nearest is not None and nearest.inner is not None:
            nearest.inner.discard(run_id.int)

    def join_batch(self, run: OpenRun, params: object) -> None:
        """Put together the runs of one ``generate`` with several prompts.

        Args:
            run: One of them.
            params: LangChain's ``invocation_params``: the very same object for all of them.
        """
        run.batch = self._batches.setdefault(id(params), (params, []))[1]
        run.batch.append(run)
        run.is_linked = True

    def unlink(self, run: OpenRun) -> None:
        """Take a run that has ended out of its task and its batch, and forget those below it."""
        run.below = ()
        if run.of_task is not None:
            run.of_task.pop(run.key, None)
        if run.inner:
            for key in tuple(run.inner):
                self._spanless.pop(key, None)
        if run.batch is not None:
            run.batch.remove(run)
            if not run.batch:
                for key, (_, batch) in tuple(self._batches.items()):
                    if batch is run.batch:
                        del self._batches[key]

    def forget(self) -> None:
        """Forget everything, in the child of a fork: these runs end in the parent."""
        self.open.clear()
        self._spanless.clear()
        self._batches.clear()
        self.awaiting.clear()

    def _sweep(self, now_ns: int) -> None:
        # A dict keeps the order of insertion: looking at the first is enough.
        try:
            oldest = next(iter(self.open.values()))
        except (StopIteration, RuntimeError):  # another thread was quicker
            return
        too_old_ns = oldest.started_ns + MAX_AGE_NS
        if len(self.open) > self.max_runs or now_ns > too_old_ns:
            oldest.finish(ABANDONED)
        else:
            self._sweep_at_ns = too_old_ns


def count_for_agent(run: OpenRun) -> None:
    """Count a call of a model or a tool for the agent that it is below, if any."""
    operation = run.attributes[semconv.OPERATION]
    above = run.parent
    while above is not None and above.attributes[semconv.OPERATION] != semconv.INVOKE_AGENT:
        above = above.parent
    if above is None:
        return
    if operation in semconv.INFERENCE:
        above.inference_calls += 1
    elif operation == semconv.EXECUTE_TOOL:
        above.tool_calls += 1


class Watched:
    """Process-wide: the table of each provider, and the open runs of each task."""

    def __init__(self) -> None:
        self.tables: WeakKeyDictionary[TracerProvider, OpenRuns] = WeakKeyDictionary()
        self.tasks: WeakKeyDictionary[AnyTask, dict[int, OpenRun]] = WeakKeyDictionary()
        self.all_tables: WeakSet[OpenRuns] = WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Forget all runs, in the child of a fork."""
        self.tasks.clear()
        for table in tuple(self.all_tables):
            table.forget()


@cache
def watched() -> Watched:
    """Return what this process keeps; made at the first use."""
    return Watched()


def runs_of_provider(provider: TracerProvider) -> OpenRuns:
    """Return the table that all handlers of a provider share in this process."""
    process = watched()
    table = process.tables.get(provider)
    if table is None:
        table = process.tables.setdefault(provider, OpenRuns())
        process.all_tables.add(table)
    return table
