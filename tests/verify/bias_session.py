"""What `tests.verify.bias` runs under pytest, so that pytest-benchmark has its fixture."""

from typing import Any


def test_group(number: int, rounds: Any, benchmark: Any) -> None:
    rounds.group(number, benchmark)
