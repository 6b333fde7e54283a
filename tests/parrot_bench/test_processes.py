"""Several processes for one run: the process is the unit, and everything else is done once."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parrot_bench.errors import UsageError
from parrot_bench.events import Block, RoundTaken
from parrot_bench.outer import outer_ratio
from parrot_bench.record import read_record
from parrot_bench.request import Request, check
from parrot_bench.samples import Samples


@pytest.mark.parametrize(
    ("request_", "processes"),
    [
        (Request(), 1),
        (Request(target=0.02), 1),
        (Request(target=0.01, time_s=20), 3),
        (Request(target=0.01, time_s=60), 6),
        (Request(target=0.01, time_s=3600), 20),
        (Request(target=0.01, max_calls=100), 1),
        (Request(processes=2), 2),
    ],
)
def test_how_many_processes(request_: Request, processes: int) -> None:
    assert request_.wanted_processes == processes


def test_none_is_refused() -> None:
    with pytest.raises(UsageError, match="--processes 0 is outside"):
        check(Request(processes=0))


def taken(number: int, process: int, times: dict[str, int]) -> RoundTaken:
    blocks = tuple(
        Block(
            position=i,
            mode=mode,
            role="mode",
            partner="",
            previous="",
            calls=1,
            wall_ns=ns,
            cpu_ns=ns,
            cold_ns=None,
        )
        for i, (mode, ns) in enumerate(times.items())
    )
    return RoundTaken(
        number=number,
        stamped=False,
        tail=False,
        blocks=blocks,
        errors=(),
        calls_so_far=10 * (number + 1),
        process=process,
    )


def test_samples_know_their_process() -> None:
    samples = Samples()
    for number, process in enumerate((0, 0, 0, 1, 1, 2)):
        times = {"invoke": 100, "stream": 100 + process}
        # One round lacks a mode: pairing goes by the round's number.
        samples.add(taken(number, process, {"invoke": 100} if number == 1 else times))
    assert samples.processes == 3
    assert samples.calls == 30 + 50 + 60
    pairs = samples.paired_by_process(samples.of("stream"), samples.of("invoke"), "cpu")
    assert [(left / right).tolist() for left, right in pairs] == [[1, 1], [1.01, 1.01], [1.02]]
    assert [row[1] for row in samples.sample_rows()] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


OWN = """
from dataclasses import replace
from parrot_bench.mode_table import MODES
mine = replace(MODES["ainvoke"], name="mine")
"""


def test_a_run_in_three_processes(cli: Callable[..., object], folder: Path) -> None:
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    ended = cli(
        "run", "models:Plain", "--modes", "invoke,ainvoke,own:mine", "--processes", 3,
        "--time", 15, "--target", "0.1%", "--studies", "overhead", "--out", "out",
        cwd=folder,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr  # type: ignore[attr-defined]
    record = read_record(folder / "out")
    assert record.status == "complete"
    assert record.overhead is not None
    assert record.overhead.processes == 3
    assert record.reconciliation is not None  # of the first process alone, and once
    assert len(record.reconciliation.modes) == 3
    samples = pl.read_parquet(folder / "out" / "samples.parquet")
    # A mode of the user's own is in every process, too.
    assert set(samples.filter(pl.col("mode") == "mine")["process"]) == {0, 1, 2}
    # A round belongs to one process, so that what joins by rounds needs to know nothing of them.
    assert samples.group_by("round").agg(pl.col("process").n_unique())["process"].max() == 1
    assert set(samples.filter(pl.col("tail"))["process"]) <= {0}
    # The interval is the one over processes.
    timed = samples.filter(~pl.col("stamped") & ~pl.col("tail") & (pl.col("role") == "mode"))
    wide = timed.with_columns(ns=pl.col("cpu_ns") / pl.col("calls")).pivot(
        "mode", index=["process", "round"], values="ns"
    )
    medians = (
        wide.drop_nulls()
        .group_by("process")
        .agg((pl.col("ainvoke") / pl.col("invoke")).log().median().alias("log"))
    )
    expected = outer_ratio(np.sort(medians["log"].to_numpy()))
    found = {m.mode: m.cpu_ratio for m in record.overhead.modes}["ainvoke"]
    assert expected is not None
    assert found is not None
    assert found.low == pytest.approx(expected.low)
    assert found.high == pytest.approx(expected.high)
    assert "over 3 processes" in found.note
