"""The fuzzer finds what is planted, and the readers stand a little of it at every run."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from parrot_bench.errors import UsageError
from parrot_bench.record import RunDirectory
from tests.verify.fuzz import Target, fuzz, mutated, targets

DATA = Path(__file__).parents[1] / "parrot_reports" / "data"
RECORD = b'{"schema_version": 2, "name": "x", "status": "complete"}'


def test_mutations_are_the_same_again() -> None:
    seeds = [b"abc" * 50, b'{"a": 1}']
    one, other = (mutated(Random(7), seeds) for _ in range(2))
    assert one == other
    assert len({mutated(Random(seed), seeds) for seed in range(50)}) > 40


def test_a_defect_is_found_and_kept() -> None:
    def read(path: Path) -> None:
        text = path.read_bytes()
        if b"{" not in text:
            raise UsageError("two\nlines")
        if b"}" not in text:
            raise UsageError("no end")
        int(text.count(b"1") and "1")

    counted, defects = fuzz(Target("mine", [RECORD, b'{"a": 1}'], read), 300, seed=1)
    assert min(counted["read"], counted["refused"], counted["defect"]) > 0
    said = {defect.said.splitlines()[-1].split(":")[0] for defect in defects}
    assert "ValueError" in said or any("two" in each for each in said)


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    run.record.write_bytes(RECORD)
    for table in (run.samples, run.calls):
        pl.DataFrame({"round": [1, 2], "mode": ["invoke", "stream"]}).write_parquet(table)
    spans = [path.read_bytes().split(b"\n")[0] for path in sorted(DATA.glob("*.jsonl"))]
    return {target.name: target for target in targets([run], spans)}


READERS = (
    "trust in records", "pages of records", "spans", "reports of spans", "packed spans",
    "spans to send", "prices", "recordings", "recorded replies", "configurations", "projects",
    "arrivals", "prompts", "journals", "benchmarks",
)  # fmt: skip

TABLES = ("tables of spans", "samples.parquet", "calls.parquet")
"""Not tried here: of what is nearly Parquet, some makes polars end the whole process."""


def test_every_reader_is_tried(readers: dict[str, Target]) -> None:
    assert tuple(readers) == ("records", *READERS, *TABLES)


@pytest.mark.parametrize("name", READERS)
def test_a_little_of_it(readers: dict[str, Target], name: str) -> None:
    counted, defects = fuzz(readers[name], 30, seed=1)
    assert defects == []
    assert sum(counted.values()) == 30
