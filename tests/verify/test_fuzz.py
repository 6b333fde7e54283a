"""The fuzzer finds what is planted, and the readers stand a little of it at every run."""

from pathlib import Path
from random import Random

import pytest

from parrot_bench.errors import UsageError
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


@pytest.mark.parametrize("number", range(1, 7))
def test_a_little_of_it(number: int) -> None:
    spans = [path.read_bytes()[:4000] for path in sorted(DATA.glob("*.jsonl"))]
    target = targets([RECORD], spans)[number]
    counted, defects = fuzz(target, 60, seed=number)
    assert defects == []
    assert sum(counted.values()) == 60
