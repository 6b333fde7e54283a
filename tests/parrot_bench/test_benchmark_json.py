"""Samples of a run in pytest-benchmark's format, read by pytest-benchmark itself."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

from parrot_bench import run
from parrot_bench.benchmark_json import _stats
from parrot_bench.record import RunDirectory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("json") / "run"
    run(modes=["invoke", "batch", "direct_generate"], studies=("overhead",), out=folder, time_s=1.5)
    return RunDirectory(folder)


def test_every_block_is_in_it(made: RunDirectory) -> None:
    found = json.loads(made.benchmark.read_bytes())["benchmarks"]
    assert {bench["name"]: bench["group"] for bench in found} == {
        "invoke": "execution modes",
        "batch": "execution modes",
        "direct_generate": "floors",
    }
    blocks = pl.read_parquet(made.samples).filter(
        (pl.col("role") == "mode") & ~pl.col("stamped") & ~pl.col("tail")
    )
    for bench in found:
        of = blocks.filter(pl.col("mode") == bench["name"]).sort("round")
        seconds = (of["wall_ns"] / of["calls"] / 1e9).to_numpy()
        stats = bench["stats"]
        assert np.allclose(stats["data"], seconds)
        assert stats["rounds"] == len(seconds)
        assert stats["median"] == pytest.approx(np.median(seconds))
        assert stats["min"] <= stats["q1"] <= stats["median"] <= stats["q3"] <= stats["max"]
        assert stats["iterations"] == round(of["calls"].median())  # type: ignore[arg-type]


def test_pytest_benchmark_compares_it(made: RunDirectory) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest_benchmark", "compare",
            str(made.benchmark), "--columns=median,iqr,outliers,rounds,iterations",
        ],
        capture_output=True, text=True, check=False, cwd=made.path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "benchmark 'execution modes': 2 tests" in done.stdout
    assert "invoke" in done.stdout


@given(st.lists(st.integers(1, 10**10).map(lambda ns: ns / 1e9), min_size=1, max_size=40))
def test_its_statistics_are_those_of_pytest_benchmark(times: list[float]) -> None:
    found = _stats(np.array(times), [4] * len(times))
    theirs = Stats()
    for time in times:
        theirs.update(time)
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "total"):
        assert found[name] == pytest.approx(getattr(theirs, name), abs=1e-12), name
    assert found["data"] == times
    assert found["ops"] == pytest.approx(1 / found["mean"])
    # Quartiles are numpy's; what reads them wants them in order, whatever is rounded.
    assert found["min"] <= found["q1"] <= found["median"] <= found["q3"] <= found["max"]
    low, high = found["ld15iqr"], found["hd15iqr"]
    assert found["min"] <= low <= found["median"] <= high <= found["max"]
    assert found["iqr_outliers"] == sum(not low <= time <= high for time in times)
