"""Tables, sentences and figures' words of a run say the same, whatever was measured."""

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parrot_bench.record import Estimate, ModeOverhead, ModeReconciliation, Percentile, RunRecord
from parrot_reports import findings, units
from parrot_reports.blocks import Cold
from parrot_reports.markdown import summary_table
from parrot_reports.parts import plain
from parrot_reports.sentences import deciding_joint, floors, tally, verdict, verdict_order
from parrot_reports.tables import modes_table, reconciliation_row

NAMES = ("direct_generate", "invoke", "stream", "batch", "ainvoke", "a mode of one's own")
PROPERTY = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def estimates(draw: st.DrawFn, values: st.SearchStrategy[float], unit: Any) -> Estimate:
    value = draw(values)
    below, above = (draw(st.sampled_from([1e-6, 1e-4, 0.003, 0.05, 0.4])) for _ in range(2))
    return Estimate(
        value=value, low=value * (1 - below), high=value * (1 + above), confidence=0.95,
        count=40, unit=unit, stable=draw(st.booleans()),
    )  # fmt: skip


TIMES = estimates(st.floats(1, 1e11), "ns")
RATIOS = estimates(st.floats(0.9, 1.1) | st.floats(0.01, 300), "ratio")
PERCENTILES = st.builds(
    Percentile, rank=st.just(0.5), value=st.none() | st.floats(1, 1e10), low=st.none(),
    high=st.none(), count=st.just(1), reason=st.sampled_from(["", "3 calls", "a batch"]),
)  # fmt: skip
OVERHEADS = st.builds(
    ModeOverhead,
    mode=st.sampled_from(NAMES),
    cpu=st.none() | TIMES,
    wall=st.none() | TIMES,
    cpu_ratio=st.none() | RATIOS,
    wall_ratio=st.none() | RATIOS,
    cpu_ratio_joint=st.none() | RATIOS,
    cpu_floor_ratio=st.none() | RATIOS,
    verdict=st.sampled_from(["slower", "faster", "same", "not resolved", "not measured"]),
    decided_by=st.sampled_from(["cpu", "wall"]),
    disagrees=st.booleans(),
    percentiles=st.just(()) | st.tuples(*[PERCENTILES] * 4),
    calls=st.integers(0, 10**7),
    calls_per_second=st.none() | st.floats(0, 1e9),
    errors=st.dictionaries(st.sampled_from(["ValueError", "TypeError"]), st.integers(1, 10**5)),
)
MODES = st.lists(OVERHEADS, min_size=1, max_size=6, unique_by=lambda mode: mode.mode)


def measured(record: RunRecord, modes: list[ModeOverhead]) -> RunRecord:
    baseline = modes[0].model_copy(update={"verdict": "baseline"})
    assert record.overhead is not None
    overhead = record.overhead.model_copy(
        update={"modes": (baseline, *modes[1:]), "baseline": baseline.mode}
    )
    return record.model_copy(update={"overhead": overhead})


@PROPERTY
@given(MODES)
def test_every_mode_has_one_row_in_the_table_of_its_kind(
    record: RunRecord, modes: list[ModeOverhead]
) -> None:
    run = measured(record, modes)
    table = modes_table(run)
    assert table is not None
    kinds = {mode.name: mode.kind for mode in run.modes}
    rows = [(title, row) for title, rows in table.groups for row in rows]
    assert Counter(row.mode for _, row in rows) == Counter(mode.mode for mode in modes)
    for title, row in rows:
        at_home = "floors" if row.mode in floors(run) else kinds.get(row.mode, "sync")
        assert title == at_home
    # Every blank says why by a letter below, each letter once, none for nothing.
    cells = [cell for _, row in rows for cell in row.percentiles]
    assert all(bool(value) != bool(letter) or value == units.NONE for value, letter in cells)
    letters = [letter for letter, _ in table.footnotes]
    assert len(letters) == len({*letters}) == len({reason for _, reason in table.footnotes})
    assert {letter for _, letter in cells if letter} == {*letters}


def number(text: str) -> float:
    return float(text.replace("\u202f", ""))


@PROPERTY
@given(MODES)
def test_times_of_a_column_are_in_the_unit_over_it(
    record: RunRecord, modes: list[ModeOverhead]
) -> None:
    table = modes_table(measured(record, modes))
    assert table is not None
    scales = {"ns": 1, "\N{MICRO SIGN}s": 1e3, "ms": 1e6, "s": 1e9}
    own = {mode.mode: mode for mode in modes}
    for _, rows in table.groups:
        for row in rows:
            for cell, unit, time in (
                (row.cpu, table.cpu_unit, own[row.mode].cpu),
                (row.wall, table.wall_unit, own[row.mode].wall),
            ):
                if time is None:
                    assert cell == units.NONE
                else:
                    assert number(cell) * scales[unit] == pytest.approx(time.value, rel=0.0051)


@PROPERTY
@given(MODES)
def test_the_sentence_and_both_tables_have_the_same_ratio(
    record: RunRecord, modes: list[ModeOverhead]
) -> None:
    run = measured(record, modes)
    table = modes_table(run)
    assert table is not None
    assert run.overhead is not None
    rows = {row.mode: row for _, rows in table.groups for row in rows}
    summary = summary_table(run)
    told = verdict_order(run)
    choices = [mode.mode for mode in modes if mode.mode not in floors(run)]
    assert sorted(mode.mode for mode in told) == sorted(choices)
    counted = [int(part.split()[0]) for part in tally(run).split(", ") if part]
    assert sum(counted) == sum(mode.verdict != "baseline" for mode in told)
    for mode in told:
        if mode.verdict not in {"slower", "faster", "same"}:
            continue
        row = rows[mode.mode]
        value, interval = row.cpu_ratio if mode.decided_by == "cpu" else row.wall_ratio
        if value == units.NONE:
            continue
        said = plain(verdict(mode, run))
        assert f"| {value}{units.TIMES} {interval}" in summary
        if " % " in said.partition(f"`{run.overhead.baseline}`")[0] and mode.verdict != "same":
            found = re.search(r"([\d.]+) % (more|less) than .* \[(-?[\d.]+), (-?[\d.]+)\]", said)
            assert found is not None
            sign = 1 if found[2] == "more" else -1
            low, high = sorted(1 + sign * float(found[at]) / 100 for at in (3, 4))
            written = [1 + sign * float(found[1]) / 100, low, high]
            expected = [number(value), *map(number, interval.strip("[]").split(", "))]
            rounded = 0.5 * 10.0 ** -len(value.partition(".")[2]) + 0.00051
            assert written == pytest.approx(expected, abs=rounded)
            # An interval that excludes 1 excludes no difference, too.
            for one, other in zip(written[1:], expected[1:], strict=True):
                assert other == 1 or (one > 1) == (other > 1)
        else:
            assert value in said
            assert interval in said


@PROPERTY
@given(MODES)
def test_the_figure_says_how_many_of_its_intervals_hold_1(
    record: RunRecord, modes: list[ModeOverhead]
) -> None:
    run = measured(record, modes)
    drawn = [
        ratio
        for mode in modes
        if mode.mode not in floors(run) and (ratio := deciding_joint(mode)) is not None
    ]
    said = plain(findings.ratios(run))
    if not drawn:
        assert said == "Only floors are compared."
        return
    most = max(drawn, key=lambda ratio: ratio.value)
    assert f", {units.ratio(most)[0]}{units.TIMES} " in said
    across = sum(ratio.low <= 1 <= ratio.high for ratio in drawn)
    if across > 1:
        assert said.endswith(f"; {across} of {len(drawn)} intervals include 1.")
    else:
        assert ("no interval reaches 1." in said) == (across == 0)


COLD = st.builds(Cold, mode=st.sampled_from(NAMES), warm=st.just(1.0), ratio=RATIOS)


@given(st.lists(COLD, max_size=6))
def test_the_penalty_of_a_cold_call_is_between_two_that_were_measured(calls: list[Cold]) -> None:
    said = plain(findings.cold(calls))
    if not calls:
        assert said == ""
        return
    found = re.match(
        r"The first call after another mode's block takes ([\d.]+). \(`.*`\) to ([\d.]+). \(", said
    )
    assert found is not None
    for end, written in ((min, found[1]), (max, found[2])):
        value = end(call.ratio.value for call in calls)
        alike = {units.ratio(call.ratio)[0] for call in calls if call.ratio.value == value}
        assert written in alike


COUNT = st.integers(0, 2)
TRACED = st.builds(
    ModeReconciliation, mode=st.just("invoke"), calls=COUNT, chat_spans=COUNT,
    outer_spans=st.none() | COUNT, model_calls=st.none() | COUNT, outcomes=st.just({}),
    orphans=COUNT, duplicates=COUNT, input_tokens_replies=COUNT, output_tokens_replies=COUNT,
    input_tokens_spans=COUNT, output_tokens_spans=COUNT, trace_id=st.just("a"),
    error=st.sampled_from(["", "ValueError: no"]),
)  # fmt: skip


@given(TRACED)
def test_what_does_not_agree_is_named(mode: ModeReconciliation) -> None:
    row = reconciliation_row(mode)
    assert (row["finding"] == "agrees") == (row["agrees"] == "yes") == mode.agrees
    if mode.agrees or mode.error:
        return
    assert row["finding"] != "does not agree"
    assert ("orphaned" in row["finding"]) == (mode.orphans > 0)
    tokens = row["tokens_replies"] == row["tokens_spans"]
    assert ("tokens differ" in row["finding"]) != tokens
