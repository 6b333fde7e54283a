"""The harness's own bias: our timing loop against `timeit`, interleaved in the same run.

Both time the same function; what is reported is the paired ratio with its interval, in
`extra_info` and on the terminal. pytest-benchmark's own figure of the same function stands in
the table beside them.
"""

import timeit
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import pytest

from parrot_bench.estimates import paired_ratio
from parrot_bench.timing import Sync

ROUNDS = 200
BLOCK_NS = 2_000_000


def no_op(_: Any) -> None: ...


def spin(loops: int) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        total = 0
        for number in range(loops):
            total += number

    return work


def loops_for(microseconds: float) -> int:
    """How many loops take about so long on this machine."""
    work = spin(1000)
    best = min(timeit.repeat("work(None)", globals={"work": work}, number=20, repeat=20)) / 20
    return max(1, round(1000 * microseconds * 1e-6 / best))


@pytest.mark.parametrize("name", ["no-op", "20 µs"])
def test_timing_loop_against_timeit(benchmark: Any, capsys: Any, name: str) -> None:
    call = no_op if name == "no-op" else spin(loops_for(20))
    # Names made in `setup` are local to timeit's loop, as they are to ours.
    timer = timeit.Timer("f(x)", "f = call; x = None", perf_counter_ns, {"call": call})
    clock = Sync()
    number = max(1, round(BLOCK_NS / (timer.timeit(1000) / 1000)))
    items = (None,) * number
    ours, theirs = [], []
    for index in range(ROUNDS):
        # Whichever goes first changes from round to round.
        for first in (index % 2 == 0, index % 2 != 0):
            if first:
                ours.append(clock.reading(call, (None,) * (number // 10), items).wall_ns)
            else:
                timer.timeit(number // 10)
                theirs.append(timer.timeit(number))
    ratio = paired_ratio(ours, theirs)
    benchmark.group = "timing loop"
    benchmark.extra_info["over timeit"] = ratio.model_dump()
    benchmark(call, None)
    with capsys.disabled():
        print(f"\n{name}: over timeit {ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]")  # noqa: T201  # the result
    assert ratio.count == ROUNDS
