"""What the overhead study is asked to do, and what it may spend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import LanguageModelInput

from parrot_bench.events import PlannedMode
from parrot_bench.execution import ExecutionMode


@dataclass(frozen=True, kw_only=True)
class OverheadPlan:
    """What the overhead study is asked to do.

    Attributes:
        modes: The modes to measure, the baseline among them.
        baseline: Name of the mode the others are divided by.
        prompt: What every call is asked.
        kwargs: Arguments of every call, such as ``max_tokens``.
        batch_size: Prompts of one batch.
        max_concurrency: For batching modes; None is LangChain's default.
        max_calls: Upper bound on calls of the model; None for no bound.
        reserved_calls: Calls within the bound that are kept for the traced pass.
        call_limit_s: Time limit of one call, seconds.
        seed: Seed of the order of the modes.
        tail_s: Time for the pass with garbage collection on, seconds; 0 for none.
        alone: Every block is to be compared with one of another process: no round is stamped,
            and no slow mode brings a block of the baseline along.
        blocks: How modes take part, where that was planned elsewhere: blocks that are compared
            are of one length.
    """

    modes: Sequence[ExecutionMode]
    baseline: str
    prompt: LanguageModelInput
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 16
    max_concurrency: int | None = None
    max_calls: int | None = None
    reserved_calls: int = 0
    call_limit_s: float = 60.0
    seed: int = 0
    tail_s: float = 0.0
    alone: bool = False
    blocks: Sequence[PlannedMode] = ()


class Budget:
    """Counts calls of the model against their upper bound."""

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.spent = 0

    def affords(self, calls: int) -> bool:
        """Whether so many more calls stay within the bound."""
        return self.limit is None or self.spent + calls <= self.limit
