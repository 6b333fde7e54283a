"""The trust checks, from values made up for each."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.record import (
    Condition,
    Environment,
    Estimate,
    ModeOverhead,
    ModeReconciliation,
    ModeRecord,
    Noise,
    OverheadResult,
    ParityFinding,
    ParityResult,
    Reconciliation,
    RunRecord,
    SpanDelivery,
    TrustCheck,
)
from parrot_bench.trust import checks


def estimate(value: float, low: float, high: float, count: int = 100, **changes: Any) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, confidence=0.95, count=count, unit="ratio", **changes
    )


def overhead(**changes: Any) -> OverheadResult:
    settings: dict[str, Any] = {
        "baseline": "invoke",
        "modes": (
            ModeOverhead(mode="invoke", cpu=None, wall=None, verdict="baseline", decided_by="cpu"),
        ),
        "aa_cpu": estimate(1.001, 0.99, 1.01),
        "aa_wall": estimate(1.3, 1.2, 1.4),
        "warmup_ratio": estimate(1.0, 0.99, 1.01),
        "rounds": 100,
        "stamped_rounds": 20,
        "stopped_by": "target",
        "duration_s": 10.0,
        "calls": 1000,
    }
    return OverheadResult.model_validate({**settings, **changes})


def reconciled(**changes: Any) -> ModeReconciliation:
    settings: dict[str, Any] = {
        "mode": "ainvoke",
        "calls": 10,
        "chat_spans": 10,
        "outcomes": {"completed": 10},
        "orphans": 0,
        "duplicates": 0,
        "input_tokens_replies": 50,
        "output_tokens_replies": 30,
        "input_tokens_spans": 50,
        "output_tokens_spans": 30,
        "trace_id": "0" * 32,
    }
    return ModeReconciliation.model_validate({**settings, **changes})


def found(name: str, **given: Any) -> TrustCheck:
    environment = Environment.model_construct(governor=given.pop("governor", ""), logical_cpus=2)
    settings: dict[str, Any] = {
        "model": None,
        "overhead": None,
        "reconciliation": None,
        "conditions": (),
        "modes": (),
        "noise": None,
        "failures": {},
    }
    record = RunRecord.model_construct(**{**settings, **given, "environment": environment})
    (check,) = (c for c in checks(record) if c.name == name)
    return check


def test_the_clock_that_decides_is_the_one_checked() -> None:
    check = found("A/A", overhead=overhead())
    assert check.level == "green"
    assert "1.001 [0.990, 1.010] in CPU time" in check.sentence


def test_a_second_instance_that_differs_is_amber() -> None:
    check = found("A/A", overhead=overhead(aa_cpu=estimate(1.05, 1.02, 1.08)))
    assert check.level == "amber"
    assert "does not" in check.sentence


def test_too_few_rounds_are_amber() -> None:
    check = found("A/A", overhead=overhead(aa_cpu=estimate(1, 0.9, 1.1, 9), rounds=9))
    assert check.level == "amber"
    assert "9 rounds" in check.sentence


def moved(mode: str, low: str, high: str) -> ModeOverhead:
    return ModeOverhead(
        mode=mode,
        cpu=None,
        wall=None,
        verdict="slower",
        decided_by="cpu",
        verdict_note=f"moved between {low} and {high} within the run",
    )


def test_a_ratio_that_moved_is_named_with_what_to_do() -> None:
    check = found("stability", overhead=overhead(modes=(moved("batch", "11.2", "12.4"),)))
    assert check.level == "amber"
    assert check.sentence == (
        "batch moved between 11.2 and 12.4 within the run: "
        "take that range for the interval, or run again on a quieter machine."
    )


def test_several_ratios_that_moved_share_the_advice() -> None:
    modes = (moved("batch", "11.2", "12.4"), moved("stream", "1.02", "1.09"))
    sentence = found("stability", overhead=overhead(modes=modes)).sentence
    assert sentence.startswith(
        "batch moved between 11.2 and 12.4 within the run, stream moved between 1.02 and 1.09"
    )
    assert sentence.count("run again") == 1


def test_a_floor_that_wavers_is_no_reason_for_distrust() -> None:
    shaky = ModeOverhead(
        mode="direct_stream",
        cpu=None,
        wall=None,
        verdict="slower",
        decided_by="cpu",
        verdict_note="drifts",
    )
    floor = ModeRecord(
        name="direct_stream",
        api="-",
        kind="sync",
        status="floor",
        streams=True,
        batches=False,
        floor="",
    )
    check = found("stability", overhead=overhead(modes=(shaky,)), modes=(floor,))
    assert check.level == "green"


def test_clocks_that_disagree_are_named() -> None:
    split = ModeOverhead(
        mode="batch", cpu=None, wall=None, verdict="slower", decided_by="cpu", disagrees=True
    )
    assert "batch" in found("clocks", overhead=overhead(modes=(split,))).sentence


@pytest.mark.parametrize(
    ("low", "high", "level"), [(0.99, 1.02, "green"), (1.06, 1.2, "amber"), (0.8, 0.94, "amber")]
)
def test_warm_up(low: float, high: float, level: str) -> None:
    value = (low + high) / 2
    assert (
        found("warm-up", overhead=overhead(warmup_ratio=estimate(value, low, high))).level == level
    )


def test_rounds_that_were_interrupted_are_amber() -> None:
    assert found("rounds", overhead=overhead(stopped_by="interrupted")).level == "amber"


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "green"),
        ({"chat_spans": 9}, "red"),
        ({"chat_spans": 11, "duplicates": 1}, "red"),
        ({"orphans": 1}, "red"),
        ({"output_tokens_spans": 29}, "red"),
        ({"error": "ValueError: no"}, "red"),
    ],
)
def test_reconciliation(changes: dict[str, Any], level: str) -> None:
    result = Reconciliation(
        modes=(reconciled(**changes),), started=11, ended=11, deliveries=(), scope="x"
    )
    check = found("reconciliation", reconciliation=result)
    assert check.level == level
    if level == "red":
        assert "ainvoke" in check.sentence


def test_a_span_that_never_ended_is_red() -> None:
    result = Reconciliation(modes=(reconciled(),), started=11, ended=10, deliveries=(), scope="x")
    check = found("reconciliation", reconciliation=result)
    assert (check.level, "11 started, 10 ended" in check.sentence) == ("red", True)


def test_spans_that_were_left_out_on_purpose_are_not_missed() -> None:
    modes = (reconciled(chat_spans=0),)
    variable = "OTEL_SDK_DISABLED=true"
    result = Reconciliation(
        modes=modes, started=0, ended=0, deliveries=(), scope="", left_out_by=variable
    )
    check = found("reconciliation", reconciliation=result)
    assert check.level == "amber"
    assert f"0 spans: {variable} leaves spans out, so they were not compared" in check.sentence


def test_a_collector_that_is_away_is_amber_and_counted() -> None:
    delivery = SpanDelivery(
        exporter="otlp http://c:4318", exported=0, failed=11, dropped=0, error="connection refused"
    )
    result = Reconciliation(
        modes=(reconciled(),), started=11, ended=11, deliveries=(delivery,), scope="x"
    )
    check = found("export", reconciliation=result)
    assert check.level == "amber"
    assert (
        "11 of 11 spans were not delivered (11 failed, 0 dropped; connection refused); "
        "they are in spans.jsonl, and parrot-bench export sends them." in check.sentence
    )


@pytest.mark.parametrize(
    ("kept", "level", "words"),
    [(True, "amber", "Measured with set_debug"), (False, "green", "Removed")],
)
def test_conditions(kept: bool, level: str, words: str) -> None:
    check = found("conditions", conditions=(Condition(name="set_debug", effect="-", kept=kept),))
    assert check.level == level
    assert words in check.sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load_before": 4.0}, "load average was 4.0"),
        ({"other_cpu_share": 0.5}, "other processes used 50%"),
        ({"steal_share": 0.1}, "hypervisor took 10%"),
        ({"involuntary_switches": 10_000, "other_cpu_share": 0.1}, "1000 times a second"),
        ({"involuntary_switches": 10_000, "other_cpu_share": None}, "1000 times a second"),
    ],
)
def test_a_busy_machine_is_amber(changes: dict[str, Any], words: str) -> None:
    settings: dict[str, Any] = {
        "load_before": 0.1,
        "load_after": 0.1,
        "involuntary_switches": 10,
        "steal_share": 0.0,
        "other_cpu_share": 0.01,
        "duration_s": 10.0,
    }
    assert found("machine", noise=Noise(**settings)).level == "green"
    check = found("machine", noise=Noise(**{**settings, **changes}))
    assert check.level == "amber"
    assert words in check.sentence


def test_a_process_that_loses_its_processor_to_its_own_threads_is_on_a_quiet_machine() -> None:
    noise = Noise(
        load_before=0.1,
        load_after=0.1,
        involuntary_switches=10_000,
        steal_share=0.0,
        other_cpu_share=0.0,
        duration_s=10.0,
    )
    assert found("machine", noise=noise).level == "green"


def test_what_is_unknown_is_no_trouble() -> None:
    unknown = Noise(
        load_before=None,
        load_after=None,
        involuntary_switches=None,
        steal_share=None,
        other_cpu_share=None,
        duration_s=1.0,
    )
    assert found("machine", noise=unknown).level == "green"
    assert found("machine", noise=unknown, governor="powersave").level == "amber"


def test_modes_that_failed_are_named_with_their_reason() -> None:
    check = found("modes", failures={"astream": "ValueError: no"})
    assert "astream (ValueError: no)" in check.sentence


def test_what_modes_do_differently_is_named_and_notes_are_not() -> None:
    def one(identifier: str, severity: str, *modes: str) -> ParityFinding:
        return ParityFinding.model_validate(
            {
                "identifier": identifier, "severity": severity, "modes": modes,
                "seen": "-", "advice": "-",
            }
        )  # fmt: skip

    def parity(*findings: ParityFinding) -> ParityResult:
        return ParityResult(
            reference="invoke", modes=(), findings=findings, not_checked={}, calls=1,
            stopped_by="done",
        )  # fmt: skip

    defects = (one("usage-missing", "defect", "stream", "astream"), one("key", "defect"))
    check = found("parity", parity=parity(*defects, one("async-fallback", "note", "ainvoke")))
    assert check.level == "amber"
    assert check.sentence == "The model has defects: usage-missing (stream, astream); key."
    with pytest.raises(ValueError, match="got 0"):
        found("parity", parity=parity(one("async-fallback", "note", "ainvoke")))


BOUND = st.integers(-60, 60) | st.integers(-5_000, 5_000)
"""Hundred thousandths beside 1, often fewer than three decimals show."""


@given(st.lists(BOUND, min_size=3, max_size=3))
def test_an_a_a_interval_is_written_with_1_inside_only_where_it_is(bounds: list[int]) -> None:
    lowest, middle, highest = (1 + bound / 1e5 for bound in sorted(bounds))
    aa = estimate(middle, lowest, highest)
    check = found("A/A", overhead=overhead(aa_cpu=aa))
    written = re.search(r": ([\d.]+) \[([\d.]+), ([\d.]+)\]", check.sentence)
    assert written is not None
    said, low, high = map(float, written.groups())
    assert (said, low, high) == pytest.approx((aa.value, aa.low, aa.high), abs=0.00051)
    inside = aa.low <= 1 <= aa.high
    assert (low <= 1 <= high) == inside == (check.level == "green")
    assert ("which contains 1." in check.sentence) == inside
