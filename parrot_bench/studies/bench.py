"""What every study of one run is given, in the timed process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from parrot_bench.execution import CallSettings, ExecutionMode
from parrot_bench.load import Prompt
from parrot_bench.request import Request
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
    """Counts calls of the model against their upper bound.

    Args:
        limit: The bound; None for none.
        reserved: Calls within the bound that are kept for what follows.
    """

    def __init__(self, limit: int | None, reserved: int = 0) -> None:
        self.limit = limit
        self.reserved = reserved
        self.spent = 0

    def affords(self, calls: int) -> bool:
        """Whether so many more calls stay within the bound, what is reserved left untouched."""
        return self.limit is None or self.spent + calls + self.reserved <= self.limit


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

    @property
    def usable(self) -> list[ExecutionMode]:
        """The modes that have not failed."""
        return [mode for mode in self.modes if mode.name not in self.failed]
