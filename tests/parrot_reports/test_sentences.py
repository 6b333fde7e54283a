"""Sentences: their grammar, their numbers, and what they do not say."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and dashes

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.record import Estimate, ModeOverhead, RunRecord, TrustCheck
from parrot_reports import sentences
from parrot_reports.headline import headline
from parrot_reports.parts import Key, Name, plain
from parrot_reports.sentences import verdict_sentence


def ratio(low: float, value: float, high: float, **more: Any) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, confidence=0.95, count=96, unit="ratio", **more
    )


def time(nanoseconds: float) -> Estimate:
    return Estimate(
        value=nanoseconds,
        low=nanoseconds,
        high=nanoseconds,
        confidence=0.95,
        count=96,
        unit="ns",
    )


def mode(**more: Any) -> ModeOverhead:
    given = {
        "mode": "astream_events_v2",
        "cpu": time(1_904_000),
        "wall": time(2_100_000),
        "cpu_ratio": ratio(7.0, 7.2, 7.4),
        "wall_ratio": ratio(6.8, 7.1, 7.3),
        "verdict": "slower",
        "decided_by": "cpu",
    }
    return ModeOverhead.model_validate({**given, **more})


def test_slower(record: RunRecord) -> None:
    said = verdict_sentence(mode(), record)
    assert said == "`astream_events_v2` costs 7.2× `invoke` [7.0, 7.4]: 1.9 ms CPU per call."


def test_wall_time_decides_for_a_model_that_waits(record: RunRecord) -> None:
    said = verdict_sentence(mode(decided_by="wall"), record)
    assert said == "`astream_events_v2` costs 7.1× `invoke` [6.8, 7.3]: 2.1 ms per call."


def test_faster(record: RunRecord) -> None:
    faster = mode(mode="batch", verdict="faster", cpu_ratio=ratio(0.6, 0.62, 0.64))
    assert verdict_sentence(faster, record).startswith("`batch` costs 0.62× `invoke` [0.60, 0.64]")


@pytest.mark.parametrize(
    ("estimate", "verdict", "said"),
    [
        (ratio(1.038, 1.042, 1.046), "slower", "costs 4.2 % more than `invoke` [3.8, 4.6]: "),
        (ratio(0.954, 0.958, 0.962), "faster", "costs 4.2 % less than `invoke` [3.8, 4.6]: "),
    ],
)
def test_a_ratio_near_one_is_a_percentage(
    record: RunRecord, estimate: Estimate, verdict: str, said: str
) -> None:
    assert said in verdict_sentence(mode(verdict=verdict, cpu_ratio=estimate), record)


def test_a_mode_that_batches_shows_both_clocks(record: RunRecord) -> None:
    said = verdict_sentence(mode(mode="batch"), record)
    assert said.endswith("[7.0, 7.4]: 1.9 ms CPU, 2.1 ms wall per call.")


def test_the_baseline_is_not_compared(record: RunRecord) -> None:
    base = mode(mode="invoke", verdict="baseline", cpu_ratio=None, wall_ratio=None)
    assert verdict_sentence(base, record) == "`invoke` is the baseline: 1.9 ms CPU per call."


def test_the_same(record: RunRecord) -> None:
    same = mode(mode="ainvoke", verdict="same", cpu_ratio=ratio(0.991, 0.998, 1.006))
    said = verdict_sentence(same, record)
    assert said == "`ainvoke` is the same as `invoke` within 2 %: 0.998 [0.991, 1.006]."


def test_not_resolved_names_the_time_that_is_missing(record: RunRecord) -> None:
    # The record has the whole time that the rounds would take; they ran 60.2 s.
    open_ = mode(mode="batch", verdict="not resolved", seconds_to_resolve=100.2)
    said = verdict_sentence(open_, record)
    assert said == "`batch`: no difference resolved; about 40 s more would resolve it."


@pytest.mark.parametrize("seconds", [None, 10.0])
def test_not_resolved_without_a_prediction(record: RunRecord, seconds: float | None) -> None:
    open_ = mode(mode="batch", verdict="not resolved", seconds_to_resolve=seconds)
    assert verdict_sentence(open_, record) == "`batch`: no difference resolved."


@given(
    value=st.floats(0.05, 40),
    verdict=st.sampled_from(["not resolved", "not measured"]),
    seconds=st.none() | st.floats(61, 1e5),
)
def test_nothing_is_claimed_where_nothing_is_resolved(
    value: float, verdict: str, seconds: float | None
) -> None:
    found = mode(
        verdict=verdict,
        cpu_ratio=ratio(value * 0.9, value, value * 1.1),
        seconds_to_resolve=seconds,
    )
    said = plain(sentences.verdict(found, _bare_record()))
    assert not re.search(r"costs|slower|faster|same|more than|less than|×|\[", said)
    assert not any(isinstance(part, Key) for part in sentences.verdict(found, _bare_record()))


@given(
    st.floats(0.901, 1.099),
    st.sampled_from([1e-5, 3e-4, 0.004, 0.05]),
    st.sampled_from([1e-5, 3e-4, 0.004, 0.05]),
)
def test_a_percentage_is_the_ratio_and_reaches_0_only_where_the_ratio_reaches_1(
    value: float, below: float, above: float
) -> None:
    """An interval that excludes 1 is a difference: it is not written as if it ended at none."""
    for middle in (value, 1 + below + 2e-5, 1 - above - 2e-5):
        low, high = middle - below, middle + above
        said = plain(sentences._difference(ratio(low, middle, high), Name("invoke")))
        written = re.search(r"([\d.]+) % (more|less) than .* \[(-?[\d.]+), (-?[\d.]+)\]", said)
        assert written is not None
        sign = 1 if written[2] == "more" else -1
        bounds = sorted(sign * float(written[at]) for at in (3, 4))
        percents = [(bound - 1) * 100 for bound in (low, high)]
        assert bounds == pytest.approx(percents, abs=0.0501)
        assert sign * float(written[1]) == pytest.approx((middle - 1) * 100, abs=0.0501)
        for bound, percent in zip(bounds, percents, strict=True):
            assert (bound > 0) == (percent > 0) or abs(percent) < 1e-4


def test_a_mode_that_was_not_measured_says_why(record: RunRecord) -> None:
    absent = mode(verdict="not measured", verdict_note="under 10 rounds.", cpu=None, wall=None)
    assert verdict_sentence(absent, record) == (
        "`astream_events_v2` was not measured: under 10 rounds."
    )


def test_an_amber_finding_is_marked_and_the_trust_checks_say_why(record: RunRecord) -> None:
    amber = mode(
        disagrees=True,
        wall_ratio=ratio(0.7, 0.8, 0.9),
        cpu_ratio=ratio(7.0, 7.2, 7.4, stable=False, note="two levels were found"),
        errors={"TimeoutError": 1, "ValueError": 2},
    )
    assert verdict_sentence(amber, record) == (
        "`astream_events_v2` costs 7.2× `invoke` [7.0, 7.4]: 1.9 ms CPU per call."
        " Read with care."
        " 1 call raised `TimeoutError`, 2 calls raised `ValueError`."
    )


def test_every_verdict_of_a_run_is_one_or_more_whole_sentences(record: RunRecord) -> None:
    for found in sentences.verdict_order(record):
        said = verdict_sentence(found, record)
        assert said.startswith(f"`{found.mode}`")
        assert said.endswith(".")
        assert "  " not in said
        assert ".." not in said


def test_verdicts_come_dearest_first_and_unresolved_last(record: RunRecord) -> None:
    order = [found.mode for found in sentences.verdict_order(record)]
    assert order[:3] == ["invoke", "astream_events_v2", "astream_events_v3"]
    assert order[-2:] == ["ainvoke", "abatch"]
    assert not sentences.floors(record) & {*order}


def test_the_headline_is_the_finding(record: RunRecord) -> None:
    said = plain(headline(record))
    assert said == (
        "9 of 11 other ways to call `AsyncChatParrotLink` cost more than `invoke`: "
        "`astream_events_v2` the most, at 13.4×"
    )
    assert sentences.tally(record) == "9 slower, 1 the same within 2 %, 1 not resolved"


def _with_modes(record: RunRecord, *modes: ModeOverhead) -> RunRecord:
    assert record.overhead is not None
    base = next(m for m in record.overhead.modes if m.verdict == "baseline")
    overhead = record.overhead.model_copy(update={"modes": (base, *modes)})
    return record.model_copy(update={"overhead": overhead})


def test_the_headline_of_all_modes(record: RunRecord) -> None:
    both = _with_modes(record, mode(), mode(mode="stream"))
    assert plain(headline(both)).startswith("All 2 other ways to call ")


def test_the_headline_of_one_slower_mode_is_singular(record: RunRecord) -> None:
    two = _with_modes(record, mode(), mode(mode="batch", verdict="not resolved"))
    assert plain(headline(two)) == (
        "1 of 2 other ways to call `AsyncChatParrotLink` costs more than `invoke`: "
        "`astream_events_v2`, at 7.2×"
    )


def test_the_headline_of_two_modes_counts_nothing(record: RunRecord) -> None:
    assert plain(headline(_with_modes(record, mode()))) == (
        "`astream_events_v2` costs more than `invoke` to call `AsyncChatParrotLink`"
    )


def test_the_headline_claims_nothing_where_nothing_is_resolved(record: RunRecord) -> None:
    quiet = _with_modes(record, mode(verdict="not resolved"))
    said = plain(headline(quiet))
    assert said == (
        "No other way to call `AsyncChatParrotLink` is found to cost more than `invoke`"
    )


def test_the_trust_line_in_each_colour(record: RunRecord) -> None:
    amber = TrustCheck(name="load", level="amber", sentence="load average 9")
    red = TrustCheck(name="reconciliation", level="red", sentence="1 span lost")

    def line(*checks: TrustCheck, **more: Any) -> tuple[str, str]:
        return sentences.trust_line(record.model_copy(update={"trust": checks, **more}))

    green = record.trust[:1]
    assert line(*green) == ("green", "Can be trusted: its only check is green.")
    assert line(*green, amber) == ("amber", "Read with care: 1 of 2 checks is amber (load).")
    assert line(amber, red) == (
        "red",
        "Do not use these numbers: reconciliation failed (2 checks).",
    )
    assert line() == ("amber", "Read with care: no trust checks were saved.")
    assert line(*green, status="incomplete", status_note="killed.") == (
        "amber",
        "Read with care: the run is incomplete (killed).",
    )
    assert line(*green, amber, status="incomplete") == (
        "amber",
        "Read with care: the run is incomplete; 1 of 2 checks is amber (load).",
    )


def test_names_stay_apart_from_words(record: RunRecord) -> None:
    parts = sentences.verdict(mode(mode="costs 9×"), record)
    assert [part for part in parts if isinstance(part, Name)] == ["costs 9×", "invoke"]


def _bare_record() -> RunRecord:
    """A record for hypothesis, which does not mix with fixtures of one test."""
    return RunRecord.model_construct(
        overhead=None,
        configuration=type("C", (), {"baseline": "invoke", "delta": 0.02})(),
        modes=(),
    )
