"""One mode of one model, its calls followed chunk by chunk from the consumer's side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns, process_time_ns
from typing import Any

import psutil
from langchain_core.runnables import Runnable

from parrot_bench.events import Call
from parrot_bench.execution import ExecutionMode
from parrot_bench.studies.bench import Budget, Calls
from parrot_bench.studies.caller import UNPRIMED_NS, one_line
from parrot_bench.studies.kept_replies import NO_TOKENS
from parrot_bench.studies.stamps import Stamps, or_the_end
from parrot_bench.studies.usage import output_tokens
from parrot_bench.timing import Async, CallLimitExceeded, Sync, call_limit


@dataclass(frozen=True, slots=True)
class Shape:
    """What one call's stream was made of.

    Attributes:
        mode: Name of the mode.
        case: As in :class:`parrot_bench.events.Block`.
        content: Chunks with content.
        before: Chunks without content before the first that has some.
        after: The same, after the last.
    """

    mode: str
    case: str
    content: int
    before: int
    after: int


class Follower:
    """One mode of one model, ready to be followed.

    What is known after a call: ``unit_ns``, how long it took, and ``cpu_ns``, on the processor;
    ``idle_share``, the smallest share of a call that the process was idle; ``shape``, what its
    stream was made of; ``tokens``, its output tokens, where they are known. After one that
    raised: ``reason``, in one line; ``failures``, how many did; ``hopeless``, another attempt
    would be stopped at its time limit as well.

    Args:
        mode: The mode; it streams and does not batch.
        model: The model it calls.
        calls: How calls are made.
        clock: Makes the calls; all asynchronous modes share one, and with it one loop.
        budget: Counts the calls.
        case: What tells these calls from others of the mode.
    """

    def __init__(
        self,
        mode: ExecutionMode,
        model: Runnable[Any, Any],
        calls: Calls,
        clock: Sync | Async,
        budget: Budget,
        *,
        case: str = "",
    ) -> None:
        self.mode = mode
        self.case = case
        self.unit_ns = 0
        self.cpu_ns = 0
        self.idle_share = 1.0
        self.failures = 0
        self.reason = ""
        self.hopeless = False
        self.shape: Shape | None = None
        self.tokens: int | None = None
        self._process = psutil.Process()
        self._clock = clock
        self._budget = budget
        self._limit_s = calls.call_limit_s
        self._item = mode.prepare(calls.prompt)
        self._stamps = Stamps()
        bound = mode.bind(model, calls.settings, self._stamps.keep)
        self._call = self._awaited(bound) if mode.kind == "async" else self._called(bound)
        self._begun_ns = self._ended_ns = 0

    @property
    def primer(self) -> "Follower | None":
        """Itself, unless its calls are so slow that an untimed one is not worth its price."""
        return None if self.unit_ns > UNPRIMED_NS else self

    @property
    def untold(self) -> str:
        """Why a bound on tokens cannot be kept, after a call; empty where it can."""
        return NO_TOKENS if self._budget.tokens is not None and self.tokens is None else ""

    def follow(self) -> Call:
        """Make one call and say when its chunks came; one that raises, with those before."""
        self._stamps.clear()
        self._begun_ns = self._ended_ns = 0
        self._budget.spent += 1
        chunks: tuple[int, ...] = ()
        replies: Sequence[Any] = ()
        error = ""
        self.tokens = None
        gave_up, cpu = self._switches(), process_time_ns()
        try:
            with call_limit(self._limit_s):
                raw = self._clock.once(self._call, self._item)
            cpu = process_time_ns() - cpu
            replies = self.mode.messages(raw)
            self.tokens = output_tokens(replies)
            chunks = or_the_end(self._with_content(), replies, self._ended_ns)
        except (Exception, CallLimitExceeded) as failure:  # noqa: BLE001  # any error is a finding
            self._failed(failure)
            error = type(failure).__name__
        else:
            self.unit_ns = max(self._ended_ns - self._begun_ns, 1)
            self.cpu_ns = cpu
            # Who waits gives the processor up; from a busy machine's processes it is taken.
            waited = self._switches() > gave_up
            self.idle_share = min(self.idle_share, 1 - cpu / self.unit_ns if waited else 0.0)
        self._budget.pay_for(1, replies)
        return Call(
            mode=self.mode.name,
            case=self.case,
            started_ns=self._begun_ns,
            ended_ns=self._ended_ns,
            chunks_ns=chunks,
            tokens=self.tokens,
            error=error,
        )

    def _switches(self) -> int:
        """How often this process has given its processor up of its own accord."""
        return int(self._process.num_ctx_switches().voluntary)

    def _failed(self, failure: BaseException) -> None:
        # A call that was stopped may not have come to its own last stamp.
        self._ended_ns = self._ended_ns or perf_counter_ns()
        self.failures += 1
        self.hopeless = isinstance(failure, CallLimitExceeded)
        count = len(self._stamps.times)
        items = "item" if count == 1 else "items"
        came = f" (after {count} {items} of the stream)" if count else ""
        self.reason = one_line(failure) + came

    def _with_content(self) -> tuple[int, ...]:
        """When the chunks with content came; the others are counted."""
        said = [self.mode.content(item) for item in self._stamps.items]
        chunks = [is_content for is_content in said if is_content is not None]
        content = chunks.count(True)
        before = chunks.index(True) if content else len(chunks)
        after = chunks[::-1].index(True) if content else 0
        self.shape = Shape(self.mode.name, self.case, content, before, after)
        pairs = zip(self._stamps.times, said, strict=True)
        return tuple(time for time, is_content in pairs if is_content)

    def _called(self, bound: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(item: Any) -> Any:
            self._begun_ns = perf_counter_ns()
            raw = bound(item)
            self._ended_ns = perf_counter_ns()
            return raw

        return call

    def _awaited(self, bound: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def call(item: Any) -> Any:
            # Inside the coroutine, so that starting the event loop is not part of the call.
            self._begun_ns = perf_counter_ns()
            raw = await bound(item)
            self._ended_ns = perf_counter_ns()
            return raw

        return call
