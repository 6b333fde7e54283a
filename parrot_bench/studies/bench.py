"""What every study of one run is given, in the timed process."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from parrot_bench.events import Call
from parrot_bench.execution import CallSettings, ExecutionMode
from parrot_bench.prompts import Prompt
from parrot_bench.request import Request
from parrot_bench.studies.load.orders import Orders
from parrot_bench.studies.usage import input_tokens, output_tokens
from parrot_bench.timing import Clocks


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How calls are made.

    Attributes:
        prompt: What every call is asked.
        kwargs: Arguments of every call, such as ``max_tokens``.
        config: Such as the callbacks of every call.
        batch_size: Prompts of one batch.
        max_concurrency: For batching modes; None is LangChain's default.
        call_limit_s: Time limit of one call, seconds.
    """

    prompt: Prompt
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    config: RunnableConfig | None = None
    batch_size: int = 16
    max_concurrency: int | None = None
    call_limit_s: float = 60.0

    @property
    def settings(self) -> CallSettings:
        """The same, as a mode is bound with it."""
        return CallSettings(
            config=self.config, kwargs=self.kwargs, max_concurrency=self.max_concurrency
        )


class Budget:
    """Counts calls of the model, and their tokens, against an upper bound.

    What a call will take nobody knows before it has ended: it is taken to be as large as the
    largest so far.

    Args:
        limit: Calls; None for no bound.
        reserved: Calls within the bounds that are kept for the traced pass.
        tokens: Of prompts and replies; None for no bound.

    Attributes:
        spent: Calls made.
        tokens_spent: Tokens of those that have ended.
        kept: Calls that are kept for the studies to come, besides.
        tokens_kept: The same, tokens.
    """

    def __init__(self, limit: int | None, reserved: int = 0, *, tokens: int | None = None) -> None:
        self.limit = limit
        self.reserved = reserved
        self.tokens = tokens
        self.spent = 0
        self.tokens_spent = 0
        self.kept = 0
        self.tokens_kept = 0
        self._largest = 0

    @property
    def bounded(self) -> bool:
        """Whether there is a bound."""
        return self.limit is not None or self.tokens is not None

    @property
    def used_up(self) -> str:
        """The bound that leaves no call, as it was given; empty while there is one."""
        return self.refusing(1)

    def refusing(self, calls: int) -> str:
        """The bound that leaves fewer than so many calls, as it was given; empty for none."""
        if self.affords(calls):
            return ""
        few = self._calls_left is not None and calls > self._calls_left
        return f"--max-calls {self.limit}" if few else f"--max-tokens {self.tokens}"

    @property
    def left(self) -> int | None:
        """Calls that the bounds leave; None without any, or before anything is known of tokens."""
        calls, tokens = self._calls_left, self._tokens_left
        by_tokens = None if tokens is None or not self._largest else tokens // self._largest
        found = [each for each in (calls, by_tokens) if each is not None]
        return max(0, min(found)) if found else None

    @property
    def _calls_left(self) -> int | None:
        return None if self.limit is None else self.limit - self.spent - self.reserved - self.kept

    @property
    def _tokens_left(self) -> int | None:
        if self.tokens is None:
            return None
        kept = self.reserved * self._largest + self.tokens_kept
        return self.tokens - self.tokens_spent - kept

    def keep(self, share: Callable[[int], int]) -> None:
        """Keep a share of what is left for the studies to come, and no longer what was kept."""
        self.kept = self.tokens_kept = 0
        self.kept = share(max(0, self._calls_left or 0))
        self.tokens_kept = share(max(0, self._tokens_left or 0))

    def price(self, calls: int) -> str:
        """What has been spent and is kept, with so many calls more, in words."""
        if self.refusing(calls).startswith("--max-tokens"):
            taken = self.tokens_spent + self.tokens_kept
            return f"{taken + (self.reserved + calls) * self._largest} tokens"
        return f"{self.spent + self.reserved + self.kept + calls} calls"

    def affords(self, calls: int, in_flight: int = 0) -> bool:
        """Whether so many more calls stay within the bounds, what is reserved left untouched.

        Args:
            calls: More calls.
            in_flight: Calls that were made before, and whose tokens are not known yet.
        """
        if self._calls_left is not None and calls > self._calls_left:
            return False
        tokens = self._tokens_left
        return tokens is None or (tokens > 0 and (calls + in_flight) * self._largest <= tokens)

    def pay(self, call: Call) -> None:
        """Count the tokens of a call that has ended."""
        # One that was refused for its rate cost nothing.
        if not call.rate_limited:
            self._pay(call.input_tokens, call.tokens)

    def pay_for(self, calls: int, replies: Iterable[Any]) -> None:
        """Count the tokens of so many calls, of which these are the replies."""
        paid = 0
        for reply in replies:
            self._pay(input_tokens([reply]), output_tokens([reply]))
            paid += 1
        for _ in range(calls - paid):
            self._pay(None, None)

    def _pay(self, given: int | None, answered: int | None) -> None:
        if given is not None and answered is not None:
            self._largest = max(self._largest, given + answered)
            self.tokens_spent += given + answered
        else:
            # What an error cost is not told.
            self.tokens_spent += self._largest


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every study of one run is given.

    Attributes:
        request: What the user asks for.
        model: The model, or another Runnable.
        second: A second instance of it.
        embedded: It is the embedded parrot, so that a study may make others like it, with
            another length or latency.
        modes: The modes that the model has, floors and the baseline among them, fitted to it.
        calls: How calls are made.
        clocks: What takes readings, by kind of mode; ``async`` has one long-lived loop.
        budget: Counts the calls; a study asks it before it makes any.
        time_s: Time that this study may take, warm-up aside, seconds.
        failed: Modes that have failed in a study, and why; those that follow leave them out.
        orders: Where one of several processes is told what to do; None for a process alone.
        worker: Name of one of several processes; empty for a process alone.
    """

    request: Request
    model: Runnable[Any, Any]
    second: Runnable[Any, Any]
    embedded: bool
    modes: Sequence[ExecutionMode]
    calls: Calls
    clocks: Clocks
    budget: Budget
    time_s: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    orders: Orders | None = None
    worker: str = ""

    @property
    def usable(self) -> list[ExecutionMode]:
        """The modes that have not failed."""
        return [mode for mode in self.modes if mode.name not in self.failed]
