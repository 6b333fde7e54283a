"""The course of a run: whatever is told, nothing of it is lost, and it is put where it belongs."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.course import Course
from parrot_bench.errors import MeasurementError
from parrot_bench.events import (
    Block,
    Call,
    CallsTaken,
    Event,
    ModeDropped,
    Observed,
    Phase,
    Planned,
    PlannedMode,
    RoundsEnded,
    RoundTaken,
    StudyBegun,
    StudyEnded,
)
from parrot_bench.record import ModeRecord
from parrot_bench.request import Request
from parrot_bench.studies.table import STUDIES
from tests.parrot_bench.gathered import described

WORDS = st.sampled_from(["", "why", "invoke failed"])
MODES = st.sampled_from(["invoke", "astream"])


def _round(number: int, *, tail: bool) -> RoundTaken:
    block = Block(0, "invoke", "mode", "", "", calls=2, wall_ns=9, cpu_ns=8, cold_ns=None)
    return RoundTaken(number, stamped=False, tail=tail, blocks=(block,), errors=(), calls_so_far=2)


def _calls(number: int) -> CallsTaken:
    calls = tuple(Call("invoke", "", started_ns=n, ended_ns=n + 1) for n in range(number))
    return CallsTaken(number, calls)


WITHIN: st.SearchStrategy[Event] = st.one_of(
    st.builds(ModeDropped, MODES, WORDS),
    st.builds(Observed, st.integers()),
    st.builds(RoundsEnded, st.sampled_from(["", "--max-calls 9", "--max-tokens 9"])),
    st.builds(Phase, WORDS),
    st.builds(_round, st.integers(0, 9), tail=st.booleans()),
    st.builds(_calls, st.integers(0, 3)),
)
PARTS = st.lists(
    st.tuples(
        st.sampled_from(sorted(STUDIES)),
        st.lists(WITHIN, max_size=8),
        st.none() | WORDS,  # None: it never ends
    ),
    unique_by=lambda part: part[0],
    max_size=4,
)


@dataclass
class Told:
    """What one study has told, counted by hand."""

    observed: list[object] = field(default_factory=list)
    calls: int = 0
    rounds: int = 0
    dropped: dict[str, str] = field(default_factory=dict)
    heard_at: list[int] = field(default_factory=list)

    def add(self, event: Event, now: int) -> None:
        match event:
            case ModeDropped(mode, reason):
                self.dropped[mode] = reason
                return
            case Observed(what):
                self.observed.append(what)
            case CallsTaken(_, calls):
                self.calls += len(calls)
            case RoundTaken(tail=tail):
                self.rounds += 1
                if tail:
                    return
            case _:
                return
        self.heard_at.append(now)


@given(PARTS)
def test_whatever_is_told_is_kept_with_its_study(
    parts: list[tuple[str, list[Event], str | None]],
) -> None:
    course = Course(Request())
    course.hear(described(), 0)
    now, every, failures = 0, dict[str, Told](), dict[str, str]()
    for name, events, end in parts:
        now += 1
        course.hear(StudyBegun(name), now)
        told = every[name] = Told(heard_at=[now])
        for event in events:
            now += 1
            course.hear(event, now)
            told.add(event, now)
        failures |= told.dropped
        if end is not None:
            now += 1
            course.hear(StudyEnded(name, end), now)
            assert course.current is None
    assert [*course.studies] == [*every]
    assert course.failures == failures
    assert course.left_out == {name: end for name, _, end in parts if end}
    for name, events, end in parts:
        told, study = every[name], course.studies[name]
        assert study.observed == told.observed
        assert study.dropped == told.dropped
        assert len(study.samples.followed) == told.calls
        assert study.elapsed_s == told.heard_at[-1] - told.heard_at[0]
        bounds = [event.used_up for event in events if isinstance(event, RoundsEnded)]
        used = [bound[2:].split()[0] for bound in bounds if bound]
        assert study.stopped_by == (used[-1] if used else "failed" if end != "" else "done")
        assert study.rounds_over == any(isinstance(event, RoundsEnded) for event in events)
    assert course.measured == any(t.observed or t.calls or t.rounds for t in every.values())
    assert bool(course.so_far)
    if parts and parts[-1][0] != "overhead":
        assert parts[-1][0] in course.so_far


def test_a_study_of_what_is_not_known_cannot_begin() -> None:
    with pytest.raises(MeasurementError, match="before the model was described"):
        Course(Request()).hear(StudyBegun("overhead"), 0)


def test_a_mode_without_a_round_that_counts_is_named() -> None:
    def block(mode: str, position: int) -> Block:
        return Block(position, mode, "mode", "", "", calls=2, wall_ns=9, cpu_ns=8, cold_ns=None)

    def planned(mode: str, every: int) -> PlannedMode:
        return PlannedMode(
            mode=mode, units=2, primed=0, calls_per_unit=1, every=every, unit_ns=4, tokens=None,
            paired=every > 1,
        )  # fmt: skip

    modes = tuple(
        ModeRecord(
            name=name, api="-", kind="sync", status="stable", streams=False, batches=False, floor=""
        )
        for name in ("invoke", "stream")
    )
    course = Course(Request())
    course.hear(described(modes), 0)
    course.hear(StudyBegun("overhead"), 1)
    plan = Planned(
        modes=(planned("invoke", 1), planned("stream", 6)), waits=False, round_s=0.01,
        round_calls=4, calls_so_far=4, affordable_rounds=None,
    )  # fmt: skip
    course.hear(plan, 2)
    for number in range(5):
        # What is stamped is in no ratio.
        stamped = number == 4
        blocks = (block("invoke", 0), block("stream", 1)) if stamped else (block("invoke", 0),)
        course.hear(RoundTaken(number, stamped, False, blocks, (), 4 + 4 * number), 3 + number)
    found = course.findings()
    assert [mode.mode for mode in found["overhead"].modes] == ["invoke"]
    reason = found["failures"]["stream"]
    assert "one round of 6" in reason
    assert "give it more --time" in reason
    assert [mode.unavailable for mode in found["modes"]] == ["", reason]
