"""What a run directory has to hold after something went wrong."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from parrot_bench.record import RunDirectory, read_record
from tests.verify.faults.commands import call

ROUND, PAIR_ROUND = b'"event":"RoundTaken"', b'"event":"PairRound"'
CALLS = b'"event":"CallsTaken"'


def finished_rounds(run: Path) -> int:
    """Rounds in the journals, which a killed run leaves."""
    journals = [path.read_bytes() for path in RunDirectory(run).journals]
    whole = [line for journal in journals for line in journal.split(b"\n")[:-1]]
    return sum(ROUND in line or PAIR_ROUND in line for line in whole)


def finished_calls(run: Path) -> int:
    """Calls under load in the journal, which a killed load leaves."""
    journal = RunDirectory(run).journal
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    return sum(line.count(b'"started_ns"') for line in lines if CALLS in line)


def nothing_lost(folder: Path, run: Path) -> list[str]:
    """What is wrong with what a broken-off run has left.

    It opens with ``report``; every finished round is in its samples, of a load every finished
    call; what can't be opened has nothing finished.
    """
    directory = RunDirectory(run)
    finished = finished_rounds(run) + finished_calls(run) if run.is_dir() else 0
    over = directory.record.exists() and not directory.journals
    ended = call(folder, "report", run)
    if not finished and not directory.record.exists():
        # Nothing was finished: it says so, or reports an empty run.
        problem = f"report of a run without a finished round: {ended.said()}"
        return [problem] if ended.status not in {0, 2} or "Traceback" in ended.err else []
    if ended.status:
        return [f"it does not open: {ended.said()}"]
    record = read_record(run)
    problems = []
    if not over and record.status != "incomplete":
        problems.append(f"it says that it is {record.status}")
    if not over and (rounds := finished_rounds(run)):
        found = _rounds(pl.read_parquet(directory.samples))
        if found != rounds:
            problems.append(f"{rounds} rounds were finished, {found} were found")
    if not over and record.load and (calls := finished_calls(run)):
        found = pl.read_parquet(directory.calls).height
        if found != calls:
            problems.append(f"{calls} calls were finished, {found} were found")
    return problems


def _rounds(samples: pl.DataFrame) -> int:
    """Rounds of all studies and processes; those of a comparison's two sides are one."""
    return samples.select("study", "process", "round", "tail").n_unique()


def spans_of(run: Path) -> list[dict[str, Any]]:
    """The spans of a run's file, as OTLP/JSON has them."""
    lines = RunDirectory(run).spans.read_text(encoding="utf-8").splitlines()
    return [
        span
        for request in map(json.loads, lines)
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
