"""A report of spans against a bare decode of the same file, one after the other.

    pytest tests/benchmarks/test_spans.py
    PARROT_SPANS=1000000 pytest tests/benchmarks/test_spans.py

The bare decode is ``msgspec.json.Decoder().decode`` of every line, in one process that imports
nothing else. The report is the whole command: start, reading in as many processes as there are
CPUs, the Parquet table, figures, page. Of both, wall time, CPU time of all processes, and for the
report memory (PSS, summed over processes) stand in the table's extra columns and in the JSON.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from generated_spans import Totals, write_spans

SPANS = int(os.environ.get("PARROT_SPANS", "50000"))
ROUNDS = 3
BARE = (
    "import msgspec, sys\n"
    "decode = msgspec.json.Decoder().decode\n"
    "for line in open(sys.argv[1], 'rb'): decode(line)\n"
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Totals]]:
    path = tmp_path_factory.mktemp("spans") / "traces.jsonl"
    yield path, write_spans(path, SPANS)
    path.unlink()


def run(*arguments: object, watch: bool = False) -> dict[str, float]:
    """Run a command of this Python to its end; seconds and megabytes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun, peak = time.perf_counter(), 0
    process = psutil.Popen([sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL)
    while watch and process.poll() is None:
        peak = max(peak, _memory(process))
        time.sleep(0.1)
    assert process.wait() == 0
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": cpu, "peak_mb": peak / 1e6}


def _memory(process: psutil.Process) -> int:
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def test_report_against_a_bare_decode(
    benchmark: Any, written: tuple[Path, Totals], tmp_path: Path
) -> None:
    path, _ = written
    bare, report = [], []

    command = ("-m", "parrot_bench", "report", path, "--out", tmp_path / "out")

    def one_after_the_other() -> None:
        bare.append(run("-c", BARE, path))
        report.append(run(*command))

    benchmark.group = f"{SPANS:,} spans"
    benchmark.pedantic(one_after_the_other, rounds=ROUNDS)
    for clock in ("wall_s", "cpu_s"):
        ratios = sorted(r[clock] / b[clock] for r, b in zip(report, bare, strict=True))
        benchmark.extra_info[f"{clock} over bare decode"] = round(ratios[len(ratios) // 2], 2)
    # Not one of the timed: reading what every process has mapped, again and again, takes a good
    # part of a processor, and holds up the process that is read.
    benchmark.extra_info["peak_mb"] = round(run(*command, watch=True)["peak_mb"])
    benchmark.extra_info["bare_wall_s"] = round(min(each["wall_s"] for each in bare), 2)


def test_second_report(benchmark: Any, written: tuple[Path, Totals], tmp_path: Path) -> None:
    path, _ = written
    run("-m", "parrot_bench", "report", path, "--out", tmp_path)
    benchmark.group = f"{SPANS:,} spans"
    out = tmp_path / "again"
    benchmark.pedantic(
        run, ("-m", "parrot_bench", "report", tmp_path / "spans.parquet", "--out", out),
        rounds=ROUNDS,
    )  # fmt: skip


def test_the_last_span_is_in_the_sums(written: tuple[Path, Totals]) -> None:
    """Not a benchmark: of as many spans as the benchmarks read, each is counted."""
    path, totals = written
    done = subprocess.run(
        [sys.executable, "-m", "parrot_bench", "report", str(path), "--format", "json"],
        capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["read"]["spans"] == totals.spans == SPANS
    assert found["totals"]["calls"] == totals.calls.total()
    assert found["totals"]["failed"] == totals.failed.total()
    assert found["totals"]["input_tokens"] == totals.input_tokens
    assert found["totals"]["output_tokens"] == totals.output_tokens
    assert found["totals"]["cached_tokens"] == totals.cached_tokens
    assert found["totals"]["reasoning_tokens"] == totals.reasoning_tokens
    assert {model["model"]: model["calls"] for model in found["models"]} == totals.calls
