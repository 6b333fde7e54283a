"""Each execution mode on the parrot, beside its floor, under pytest-benchmark.

The figures are for `--benchmark-compare` on one machine. Ratios with intervals, interleaved
against the host's own changes, come from `parrot-bench run`.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from parrot_bench.execution import CallSettings, ExecutionMode, drain
from parrot_bench.mode_table import MODES, quiet
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.timing import Clocks, open_clocks

PROMPT = "What does each way of calling you cost? "
UNITS = 4
BATCH = 16


@pytest.fixture(scope="module")
def clocks() -> Iterator[Clocks]:
    with open_clocks() as clocks:
        yield clocks


@pytest.mark.parametrize("mode", MODES.values(), ids=lambda mode: mode.name)
def test_mode(benchmark: Any, clocks: Clocks, mode: ExecutionMode) -> None:
    """One block: four units (calls, or batches of 16) after one that is not timed by us."""
    model = AsyncChatParrotLink(parrot_buffer_length=20)
    reason = mode.unavailable(model)
    if reason:
        pytest.skip(f"{mode.name} is not available: {reason}")
    prompt = mode.prepare(PROMPT)
    item = [prompt] * BATCH if mode.batches else prompt
    call = mode.bind(model, CallSettings(), drain)
    clock = clocks[mode.kind]
    benchmark.group = "modes, one block"
    benchmark.extra_info["calls"] = UNITS * (BATCH if mode.batches else 1)
    with quiet():
        reading = benchmark(clock.reading, call, item, 0, UNITS)
    assert reading.wall_ns > 0
