"""What every study of one run is given, in the timed process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from parrot_bench.events import Call
from parrot_bench.execution import CallSettings, ExecutionMode
from parrot_bench.prompts import Prompt
from parrot_bench.request import Request
from parrot_bench.studies.load.orders import Orders
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
        reserved: Calls within the bound that are kept for what follows.
        tokens: Of prompts and replies; None for no bound.

    Attributes:
        spent: Calls made.
        tokens_spent: Tokens of those that have ended.
    """

    def __init__(self, limit: int | None, reserved: int = 0, *, tokens: int | None = None) -> None:
        self.limit = limit
        self.reserved = reserved
        self.tokens = tokens
        self.spent = 0
        self.tokens_spent = 0
        self._largest = 0

    @property
    def used_up(self) -> str:
        """The bound that leaves no call, as it was given; empty while there is one."""
        if self.affords(1):
            return ""
        calls = self.limit is not None and self.spent + 1 + self.reserved > self.limit
        return f"--max-calls {self.limit}" if calls else f"--max-tokens {self.tokens}"

    def affords(self, calls: int, in_flight: int = 0) -> bool:
        """Whether so many more calls stay within the bounds, what is reserved left untouched.

        Args:
            calls: More calls.
            in_flight: Calls that were made before, and whose tokens are not known yet.
        """
        if self.limit is not None and self.spent + calls + self.reserved > self.limit:
            return False
        expected = self.tokens_spent + (calls + in_flight) * self._largest
        return self.tokens is None or (expected <= self.tokens and self.tokens_spent < self.tokens)

    def pay(self, call: Call) -> None:
        """Count the tokens of a call that has ended."""
        if call.tokens is not None and call.input_tokens is not None:
            total = call.tokens + call.input_tokens
            self._largest = max(self._largest, total)
        else:
            # What an error cost is not told. One that was refused for its rate cost nothing.
            total = 0 if call.rate_limited else self._largest
        self.tokens_spent += total


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
