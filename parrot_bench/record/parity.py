"""Result of the parity study: whether all modes do the same, and what to mend where not."""

from typing import Final, Literal

from parrot_bench.record.base import Saved
from parrot_bench.record.overhead import StoppedBy
from parrot_bench.record.subject import Environment, ModelDescription, ModeRecord

Severity = Literal["defect", "note"]
"""A defect is to be mended; a note is to be known."""

Outcome = Literal["ok", "note", "defect", "not checked", "does not apply"]
"""What came out of one check of one mode."""


class ParityFinding(Saved):
    """Something that modes do not have in common, or do not do.

    Attributes:
        identifier: Its stable name, such as ``usage-missing``; see ``docs/check.md``.
        severity: Whether it is to be mended.
        modes: Where it was seen; empty where it is about the model itself.
        seen: What was seen, in a clause. It holds no text of prompts or replies.
        advice: What to do about it, in a clause.
    """

    identifier: str
    severity: Severity
    modes: tuple[str, ...]
    seen: str
    advice: str


class ParityMode(Saved):
    """What came out of the checks of one mode.

    Attributes:
        mode: Name of the mode.
        outcomes: Outcome by the name of the check, in the order of the table's columns.
        calls: Calls that were made of it.
    """

    mode: str
    outcomes: dict[str, Outcome]
    calls: int


class ParityResult(Saved):
    """Result of the parity study.

    Attributes:
        reference: The mode that others are compared with.
        modes: One entry a mode, floors aside, in the order of the mode table.
        findings: Defects first, then notes.
        not_checked: What could not be checked, and why, by the name of the check.
        calls: Calls of the model in all.
        stopped_by: Why it ended.
    """

    reference: str
    modes: tuple[ParityMode, ...]
    findings: tuple[ParityFinding, ...]
    not_checked: dict[str, str]
    calls: int
    stopped_by: StoppedBy

    @property
    def defects(self) -> tuple[ParityFinding, ...]:
        """The findings that are to be mended."""
        return tuple(f for f in self.findings if f.severity == "defect")

    @property
    def notes(self) -> tuple[ParityFinding, ...]:
        """The findings that are to be known."""
        return tuple(f for f in self.findings if f.severity == "note")


CHECK_VERSION: Final = 1


class CheckRecord(Saved):
    """What ``parrot-bench check`` writes: the parity study alone.

    Attributes:
        schema_version: Version of this schema.
        parrot_bench_version: Version of the harness.
        model: What was checked.
        environment: Where.
        modes: The modes, unavailable ones with their reason.
        parity: What was found.
    """

    schema_version: Literal[1] = CHECK_VERSION
    parrot_bench_version: str
    model: ModelDescription
    environment: Environment
    modes: tuple[ModeRecord, ...]
    parity: ParityResult
