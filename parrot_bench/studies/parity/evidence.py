"""What was seen of all modes, arranged for judging: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from parrot_bench.record import ModeRecord
from parrot_bench.studies.gathered import Gathered
from parrot_bench.studies.parity.seen import Asked, ModelSeen, NotAsked, ReplySeen, UnitSeen

VARIES = "replies differ between calls of the same mode, so content cannot be compared"

UPDATES = frozenset(("stream", "astream", "astream_events_v1", "astream_log"))
"""Modes of a graph that tell what its nodes changed, and not what came of it."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finding in one mode; those of several modes become one.

    Attributes:
        identifier: Its kind.
        mode: Name of the mode; empty where it is about the model itself.
        seen: What was seen, in a clause.
        adds: What its advice is about, where the kind leaves room for that.
    """

    identifier: str
    mode: str
    seen: str
    adds: str = ""


@dataclass(frozen=True)
class Evidence:
    """What was seen.

    Attributes:
        model: The model itself.
        modes: The modes by their names, floors and unavailable ones aside.
        units: Every unit of calls, as they were made.
        reference: The mode that others are compared with; empty where none gives a reply.
        not_asked: Checks and modes that could not be asked, and why.
    """

    model: ModelSeen
    modes: Mapping[str, ModeRecord]
    units: Sequence[UnitSeen]
    reference: str
    not_asked: Mapping[str, str]

    def of(self, mode: str, *asked: Asked) -> list[UnitSeen]:
        """The units of a mode that were made for this and gave replies."""
        units = (u for u in self.units if u.mode == mode and u.asked in asked)
        return [unit for unit in units if unit.replies and not unit.error]

    def replies(self, mode: str) -> list[ReplySeen]:
        """Every reply of a mode to the first prompt."""
        return [unit.replies[0] for unit in self.of(mode, "plain", "again")]

    @property
    def answering(self) -> list[str]:
        """The modes that gave a reply."""
        return [mode for mode in self.modes if self.replies(mode)]

    @cached_property
    def expected(self) -> ReplySeen | None:
        """The reference's first reply."""
        return next(iter(self.replies(self.reference)), None)

    @cached_property
    def alike(self) -> bool:
        """Whether each mode always gave the same reply to the same prompt."""
        return all(len({r.digest for r in self.replies(mode)}) <= 1 for mode in self.modes)

    @cached_property
    def repeated(self) -> bool:
        """Whether the reference was asked the same twice, so that it could have differed."""
        return len(self.replies(self.reference)) > 1

    def undecided(self, mode: str) -> bool:
        """Whether a mode's reply is another one than expected, and it was not asked again."""
        replies = self.replies(mode)
        others = [r for r in replies if self.expected and r.digest != self.expected.digest]
        sure = self.repeated and (self.modes[mode].batches or len(replies) > 1)
        return bool(others) and not sure

    def apart(self, mode: str) -> bool:
        """Whether a mode tells something else than the others, so that it cannot be compared.

        A graph's updates are compared by the messages that they bring; without any, they are not
        the whole state that other modes give.
        """
        model = self.model
        told = UPDATES | {"stream_messages", "astream_messages"}
        return model.kind == "graph" and not model.messages and mode in told

    @cached_property
    def expected_of_batch(self) -> list[str]:
        """Digests of the reference's replies to the prompts of a batch; empty if not all known."""
        first = self.of(self.reference, "plain")
        if first and first[0].calls > 1:
            return [reply.digest for reply in first[0].replies]
        others = [unit.replies[0].digest for unit in self.of(self.reference, "prompts")]
        return [first[0].replies[0].digest, *others] if first and others else []


def evidence(gathered: Gathered) -> Evidence | None:
    """Arrange what was told of a study; None where that is nothing yet."""
    models = [told for told in gathered.observed if isinstance(told, ModelSeen)]
    units = [told for told in gathered.observed if isinstance(told, UnitSeen)]
    if not models or not units:
        return None
    modes = {
        mode.name: mode
        for mode in gathered.described.modes
        if mode.status != "floor" and not mode.unavailable
    }
    answering = {unit.mode for unit in units if unit.asked == "plain" and unit.replies}
    baseline = gathered.request.baseline
    reference = next((m for m in (baseline, *modes) if m in answering), "")
    not_asked = {n.check: n.reason for n in gathered.observed if isinstance(n, NotAsked)}
    return Evidence(
        model=models[-1], modes=modes, units=units, reference=reference, not_asked=not_asked
    )
