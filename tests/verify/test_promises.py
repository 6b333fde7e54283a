"""What is promised is judged by what was saved, and nothing is called kept without enough of it."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from parrot_bench.environment import environment
from parrot_bench.errors import MeasurementError, RecordError
from parrot_bench.record import RunRecord, Verdict
from tests.verify.planted import EQUAL, LEVELS, levels, planted_here
from tests.verify.promises import PROMISES, Promise
from tests.verify.results import (
    Condition,
    Found,
    Planted,
    SensitivityProcess,
    append,
    read,
)
from tests.verify.sensitivity import said

PLANTED = Planted(base=500, extra=dict.fromkeys(LEVELS, 0))
ENVIRONMENT = environment("langchain_core", "")


def found(verdict: Verdict, value: float = 1.0) -> list[Found]:
    return [
        Found(
            seconds=seconds,
            verdict=verdict,
            value=value,
            low=value - 0.004,
            high=value + 0.004,
            p=0.5 if verdict == "same" else 0.001,
            rounds=round(40 * seconds),
        )
        for seconds in (5.0, 10.0, 20.0, 25.5)
    ]


def process(
    condition: Condition, seed: int, equal: Verdict = "same", planted: Verdict = "slower"
) -> SensitivityProcess:
    names = levels(condition, seed)
    return SensitivityProcess(
        taken=datetime(2026, 11, 25, tzinfo=UTC),
        condition=condition,
        time_s=30.0,
        seed=seed,
        planted=PLANTED,
        environment=ENVIRONMENT,
        other_cpu_share=0.01,
        clock="cpu",
        aa=(0.995, 1.004),
        found={
            name: found(equal if name == EQUAL else planted, 1 + LEVELS[name]) for name in names
        },
        stable=dict.fromkeys(names, True),
    )


def promised(condition: Condition, words: str) -> Promise:
    (promise,) = (p for p in PROMISES if (p.condition, p.words) == (condition, words))
    return promise


@pytest.mark.parametrize(("missed", "outcome"), [(0, "kept"), (5, "kept"), (6, "broken")])
def test_a_difference_may_be_missed_in_5_of_100(missed: int, outcome: str) -> None:
    lines = [
        process("quiet", seed, planted="not resolved" if seed < missed else "slower")
        for seed in range(100)
    ]
    assert promised("quiet", "1 % is found").outcome(lines) == outcome


@pytest.mark.parametrize(("alarms", "outcome"), [(0, "kept"), (5, "kept"), (6, "broken")])
def test_alarms_in_either_direction_are_false(alarms: int, outcome: str) -> None:
    directions: tuple[Verdict, Verdict] = ("slower", "faster")
    lines = [
        process("busy", seed, equal=directions[seed % 2] if seed < alarms else "not resolved")
        for seed in range(100)
    ]
    assert promised("busy", "false alarms").outcome(lines) == outcome


def test_equals_that_are_not_resolved_are_not_the_same() -> None:
    lines = [process("quiet", s, equal="not resolved" if s < 11 else "same") for s in range(100)]
    assert promised("quiet", "equals are the same").outcome(lines) == "broken"


def test_a_difference_in_the_wrong_direction_is_not_found() -> None:
    lines = [process("quiet", s, planted="faster" if s < 6 else "slower") for s in range(100)]
    assert promised("quiet", "1 % is found").outcome(lines) == "broken"


def test_the_other_condition_does_not_count() -> None:
    lines = [process("quiet", seed) for seed in range(100)]
    assert promised("quiet", "1 % is found").outcome(lines[:99]) == "too few processes"
    assert promised("busy", "3 % is found").outcome(lines) == "too few processes"
    assert promised("busy", "3 % is found").share(lines) is None


def test_every_promise_is_about_modes_that_every_process_has() -> None:
    for promise in PROMISES:
        assert all(promise.mode in levels(promise.condition, seed) for seed in range(10))


@pytest.mark.parametrize("condition", ["quiet", "busy"])
def test_modes_of_which_nothing_is_promised_take_turns(condition: Condition) -> None:
    had = [levels(condition, seed) for seed in range(8)]
    assert {len(names) for names in had} == {3}
    assert {name for names in had for name in names} == set(LEVELS)


def test_a_process_that_was_told_nothing_plants_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARROT_BENCH_PLANTED", raising=False)
    assert planted_here().extra == {}
    monkeypatch.setenv("PARROT_BENCH_PLANTED", PLANTED.model_dump_json())
    assert planted_here() == PLANTED


def test_a_run_that_was_stopped_is_no_process() -> None:
    stopped = RunRecord.model_construct(status="incomplete", status_note="stopped by Ctrl-C")
    with pytest.raises(MeasurementError, match=r"not counted: stopped by Ctrl-C"):
        said(stopped, pl.DataFrame(), "busy", PLANTED)


def test_lines_are_added_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lines.jsonl"
    assert read(file, SensitivityProcess) == []
    lines = [process("quiet", 0), process("busy", 1)]
    for line in lines:
        append(file, line)
    assert read(file, SensitivityProcess) == lines


def test_a_line_of_another_version_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    append(file, PLANTED)
    with pytest.raises(RecordError, match=r"lines\.jsonl, line 1: .*measure again$"):
        read(file, SensitivityProcess)
