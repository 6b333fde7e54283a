"""What is known of a study while it goes on, outside of the timed process."""

from dataclasses import dataclass, field
from time import monotonic

from parrot_bench.events import Described, Planned
from parrot_bench.record import StoppedBy
from parrot_bench.request import Request
from parrot_bench.samples import Samples


@dataclass(kw_only=True)
class Gathered:
    """What is known of one study so far.

    Attributes:
        study: Its name.
        request: What the user asks for.
        described: The model and its modes.
        limit_s: Time that it may take, warm-up aside, seconds.
        samples: Its rounds and calls.
        plan: Of its rounds, where it has told one.
        observed: Whatever else it has told, in that order.
        dropped: Modes that it has left out, and why.
        begun: ``monotonic`` when it began, its warm-up aside.
        ended: The same, when it was last heard of.
        stopped_by: Why it ended.
        rounds_over: Its rounds have ended, whatever it does after them.
    """

    study: str
    request: Request
    described: Described
    limit_s: float
    samples: Samples
    plan: Planned | None = None
    observed: list[object] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    begun: float = field(default_factory=monotonic)
    ended: float = field(default_factory=monotonic)
    stopped_by: StoppedBy = "failed"
    rounds_over: bool = False

    @property
    def elapsed_s(self) -> float:
        """How long it has run, warm-up aside, seconds."""
        return self.ended - self.begun
