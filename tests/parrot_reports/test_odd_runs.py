"""Runs that are unlike the ordinary one: slow models, one mode, nothing but gaps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from parrot_bench.record import Estimate, ModeOverhead, RunDirectory, RunRecord
from parrot_reports import ReportFiles, figures, write_report

MakeRun = Callable[..., Path]


def rewrite(run: Path, change: Callable[[RunRecord], RunRecord]) -> ReportFiles:
    directory = RunDirectory(run)
    directory.write_record(change(directory.read_record()))
    return write_report(run)


def with_modes(
    record: RunRecord, change: Callable[[ModeOverhead], ModeOverhead], **more: Any
) -> RunRecord:
    assert record.overhead is not None
    modes = tuple(change(mode) for mode in record.overhead.modes)
    overhead = record.overhead.model_copy(update={"modes": modes, **more})
    return record.model_copy(update={"overhead": overhead})


def slowed(estimate: Estimate | None) -> Estimate | None:
    if estimate is None or estimate.unit == "ratio":
        return estimate
    times = {name: getattr(estimate, name) * 10_000 for name in ("value", "low", "high")}
    return estimate.model_copy(update=times)


def test_a_model_that_waits_is_decided_by_wall_time(make_small_run: MakeRun) -> None:
    def wait(mode: ModeOverhead) -> ModeOverhead:
        slow = {"cpu": slowed(mode.cpu), "wall": slowed(mode.wall)}
        return mode.model_copy(update={"decided_by": "wall", **slow})

    html = rewrite(make_small_run(), lambda r: with_modes(r, wait)).page.read_text(encoding="utf-8")
    assert "<small>ms per call</small>" in html
    assert "the clock that decides (wall time)" in html
    assert "<code>invoke</code> is the baseline: 3.2\N{NO-BREAK SPACE}s per call." in html


def test_a_run_of_the_baseline_alone(make_small_run: MakeRun) -> None:
    def alone(record: RunRecord) -> RunRecord:
        assert record.overhead is not None
        base = tuple(m for m in record.overhead.modes if m.verdict == "baseline")
        overhead = record.overhead.model_copy(update={"modes": base, "aa_cpu": None})
        return record.model_copy(update={"overhead": overhead})

    files = rewrite(make_small_run(), alone)
    html = files.page.read_text(encoding="utf-8")
    assert "Nothing was compared in this run of" in html
    assert "Not drawn: the record has no ratios." in html
    assert not any(figure.name.startswith("ratios") for figure in files.figures)


def test_modes_of_which_nothing_is_known(make_small_run: MakeRun) -> None:
    def unknown(mode: ModeOverhead) -> ModeOverhead:
        verdict = mode.verdict if mode.verdict == "baseline" else "not measured"
        return ModeOverhead(
            mode=mode.mode,
            cpu=None,
            wall=None,
            verdict=verdict,
            decided_by="cpu",
            verdict_note="" if verdict == "baseline" else "under 10 rounds",
        )

    html = rewrite(make_small_run(), lambda r: with_modes(r, unknown, aa_cpu=None)).page.read_text(
        encoding="utf-8"
    )
    assert "<code>stream</code> was not measured: under 10 rounds." in html


def test_an_overhead_without_modes_or_a_model(make_small_run: MakeRun) -> None:
    def bare(record: RunRecord) -> RunRecord:
        assert record.overhead is not None
        overhead = record.overhead.model_copy(
            update={"modes": (), "aa_cpu": None, "aa_wall": None, "warmup_ratio": None}
        )
        return record.model_copy(
            update={
                "overhead": overhead,
                "model": None,
                "noise": None,
                "trust": (),
                "reconciliation": None,
                "modes": (),
            }
        )

    html = rewrite(make_small_run(), bare).page.read_text(encoding="utf-8")
    assert "Read with care: no trust checks were saved." in html
    assert "Not drawn: the run has no traced pass." in html


def test_extreme_ratios_and_times_are_drawn(make_small_run: MakeRun) -> None:
    def extreme(mode: ModeOverhead) -> ModeOverhead:
        if mode.mode != "stream":
            return mode
        huge = Estimate(
            value=4e5, low=1e-9, high=3e7, confidence=0.95, count=3, unit="ratio", stable=False
        )
        return mode.model_copy(update={"cpu_ratio": huge, "cpu_ratio_joint": huge})

    files = rewrite(make_small_run(), lambda r: with_modes(r, extreme))
    assert len(files.figures) == 8


def test_stalls_of_any_length_and_clocks_that_stand_still(make_small_run: MakeRun) -> None:
    run = make_small_run()
    samples = pl.read_parquet(run / "samples.parquet").with_columns(
        wall_ns=pl.when(pl.col("round") == 3).then(10**12).otherwise("wall_ns"),
        cpu_ns=pl.when(pl.col("round") % 2 == 0).then(0).otherwise("cpu_ns"),
        cold_wall_ns=pl.when(pl.col("round") == 5).then(None).otherwise("cold_wall_ns"),
    )
    samples.write_parquet(run / "samples.parquet")
    calls = pl.read_parquet(run / "calls.parquet").with_columns(ended_ns=pl.col("started_ns"))
    calls.write_parquet(run / "calls.parquet")
    names = {figure.name for figure in write_report(run).figures}
    assert "stability.svg" in names
    assert "latency.svg" not in names


def test_tables_of_another_shape_are_named_and_left_out(make_small_run: MakeRun) -> None:
    run = make_small_run()
    pl.DataFrame({"mode": [1], "else": ["x"]}).write_parquet(run / "samples.parquet")
    html = write_report(run).page.read_text(encoding="utf-8")
    assert "samples.parquet cannot be read as a whole table" in html


def test_a_close_up_is_drawn_only_where_a_ratio_is_close_to_one(record: RunRecord) -> None:
    def apart(mode: ModeOverhead) -> ModeOverhead:
        far = Estimate(value=3, low=2.9, high=3.1, confidence=0.95, count=9, unit="ratio")
        return mode.model_copy(update={"cpu_ratio_joint": far})

    assert figures.has_close_up(record)
    assert not figures.has_close_up(with_modes(record, apart))
