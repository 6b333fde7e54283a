"""One mode of one model, ready to be called and timed.

It knows how long a block should be and how it begins; it does not know about rounds.
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import Any

from langchain_core.runnables import Runnable

from parrot_bench.execution import ExecutionMode, collect, drain
from parrot_bench.studies.bench import Budget, Calls
from parrot_bench.studies.kept_replies import NO_TOKENS, KeptReplies
from parrot_bench.timing import (
    PRIMED_SHARE,
    Async,
    CallLimitExceeded,
    Reading,
    Sync,
    call_limit,
    run_queue_ns,
)
from parrot_callbacks.redaction import redact_text

BLOCK_NS = 2_000_000
"""Wall time of a block aimed at; blocks of 1-5 ms are short against the host's own changes."""

UNPRIMED_NS = 100_000_000
"""A unit that takes longer is not primed: a cold call's extra 0.2 ms is under 0.2 % of it,
and the untimed call would double what a provider is paid."""

WARM_UP_NS = 60_000_000
"""Wall time that the warm-up of one mode is given."""

WARM_UNITS = 4
"""Units that the warm-up makes at least, so that one bad moment does not shape the blocks."""


class Caller:
    """One mode of one model, ready to be called and timed.

    Args:
        mode: The mode.
        model: The model it calls.
        calls: How calls are made.
        clock: Takes the readings; all asynchronous modes share one, and with it one loop.
        budget: Counts the calls.
    """

    def __init__(
        self,
        mode: ExecutionMode,
        model: Runnable[Any, Any],
        calls: Calls,
        clock: Sync | Async,
        budget: Budget,
    ) -> None:
        self.mode = mode
        self.calls_per_unit = calls.batch_size if mode.batches else 1
        self._clock = clock
        self._budget = budget
        self._limit_s = calls.call_limit_s * self.calls_per_unit
        prompt = mode.prepare(calls.prompt)
        self._item = [prompt] * calls.batch_size if mode.batches else prompt
        self._observed = mode.bind(model, calls.settings, collect)
        self._kept: KeptReplies | None = None
        if budget.tokens is None:
            self._timed = mode.bind(model, calls.settings, drain)
        else:
            self._kept = KeptReplies(budget, mode.messages)
            self._timed = self._kept.around(self._observed, mode.kind)
        self.units = 1
        self.primed = 1
        self.every = 1
        self.unit_ns = 0
        self.tokens: int | None = None
        self.idle_share = 0.0
        self.failures = 0

    @property
    def calls_per_block(self) -> int:
        """Calls of one block, untimed ones included."""
        return (self.units + self.primed) * self.calls_per_unit

    @property
    def untold(self) -> str:
        """Why a bound on tokens cannot be kept, once its first call is made; empty where it can."""
        return NO_TOKENS if self._kept is not None and self.tokens is None else ""

    def observe(self) -> None:
        """Make the first call, keep its token count, and note how long it took."""
        self._budget.spent += self.calls_per_unit
        replies: list[Any] = []
        begun, cpu, queued = perf_counter_ns(), process_time_ns(), run_queue_ns()
        try:
            with call_limit(self._limit_s):
                raw = self._clock.once(self._observed, self._item)
            self.unit_ns = perf_counter_ns() - begun
            # All that is known of a model too slow to be warmed up.
            cpu_ns, queued_ns = process_time_ns() - cpu, run_queue_ns() - queued
            self.idle_share = idle_share(self.unit_ns, cpu_ns, queued_ns)
            replies = self.mode.messages(raw)
        finally:
            self._budget.pay_for(self.calls_per_unit, replies)
        # Not every model answers with an AIMessage, whatever its types say.
        usage = [getattr(m, "usage_metadata", None) for m in replies]
        if usage and all(usage):
            self.tokens = round(sum(u["output_tokens"] for u in usage if u) / len(usage))

    def warm_up(self, max_units: int) -> None:
        """Call until the mode is warm, and learn what one unit takes.

        The smallest idle share of a unit tells a model that waits from a processor that is
        taken away now and then.
        """
        readings: list[Reading] = []
        idle: list[float] = []
        spent_ns = 0
        while len(readings) < max_units and (spent_ns < WARM_UP_NS or len(readings) < WARM_UNITS):
            queued = run_queue_ns()
            read = self._read(self._clock.reading, 0, 1)
            idle.append(idle_share(read.wall_ns, read.cpu_ns, run_queue_ns() - queued))
            readings.append(read)
            spent_ns += read.wall_ns
        if readings:
            settled = len(readings) // 2
            self.unit_ns = round(median(read.wall_ns for read in readings[settled:]))
            self.idle_share = min(idle[settled:])

    def shape(self) -> None:
        """Choose the length of a block from what one unit takes."""
        self.units = max(1, round(BLOCK_NS / max(self.unit_ns, 1)))
        if self.unit_ns > UNPRIMED_NS:
            self.primed = 0
        else:
            self.primed = max(1, round(self.units * PRIMED_SHARE))

    def block(self, *, stamped: bool) -> Reading:
        """Time one block."""
        if self.mode.batches:
            # The calls of a batch overlap: what is stamped would be the batch.
            return replace(self._read(self._clock.reading, self.primed, self.units), stamps=())
        take = self._clock.stamped if stamped else self._clock.reading
        return self._read(take, self.primed, self.units)

    def _read(self, take: Callable[..., Reading], primed: int, timed: int) -> Reading:
        self._budget.spent += (primed + timed) * self.calls_per_unit
        units = None
        try:
            with call_limit(self._limit_s):
                reading = take(self._timed, self._item, primed, timed)
            units = primed + timed
        finally:
            if self._kept is not None:
                # One that raised has kept nothing, and those after it were not made.
                self._kept.pay((units or len(self._kept) + 1) * self.calls_per_unit)
        return reading


def idle_share(wall_ns: int, cpu_ns: int, queued_ns: int) -> float:
    """Say for what share of a time nothing had a processor or was ready for one.

    Args:
        wall_ns: The time.
        cpu_ns: CPU time of all threads.
        queued_ns: How long this thread was ready without a processor: on a machine that is busy
            with something else that is most of a call, and no wait of the model's.

    Returns:
        The share; below 0 where several threads were busy at once.
    """
    share = 1 - cpu_ns / max(wall_ns, 1)
    return max(0.0, share - queued_ns / max(wall_ns, 1)) if share > 0 else share


def one_line(error: BaseException) -> str:
    """Say an error in one line of at most 300 characters, without a key it may repeat."""
    text = " ".join(redact_text(str(error)).split())
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if isinstance(error, CallLimitExceeded):
        text = str(error)
    return text if len(text) <= 300 else f"{text[:297]}..."  # noqa: PLR2004
