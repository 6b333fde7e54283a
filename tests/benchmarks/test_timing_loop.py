"""The timing loop against `timeit`, interleaved in the same run, of a no-op and of 20 µs.

What is reported is the paired ratio with its interval, in `extra_info` and on the terminal;
pytest-benchmark's own figure of the same function stands in the table beside them. In fresh
processes, and with a bound that is promised: `nox -s verify -- bias`.
"""

import timeit
from time import perf_counter_ns
from typing import Any

import pytest

from parrot_bench.estimates import paired_ratio
from parrot_bench.timing import FrozenGarbage, Sync
from tests.verify.functions import no_op, turn_ns, working

ROUNDS = 200
BLOCK_NS = 2_000_000
WORK_NS = 20_000


@pytest.mark.parametrize("name", ["no-op", "20 µs"])
def test_timing_loop_against_timeit(benchmark: Any, capsys: Any, name: str) -> None:
    call = no_op if name == "no-op" else working(round(WORK_NS / turn_ns()))
    # Names made in `setup` are local to timeit's loop, as they are to ours.
    timer = timeit.Timer("f(x)", "f = call; x = None", perf_counter_ns, {"call": call})
    clock = Sync()
    number = max(1, round(BLOCK_NS / (timer.timeit(1000) / 1000)))
    primed = number // 10
    ours, theirs = [], []
    with FrozenGarbage():
        for index in range(ROUNDS):
            # Whichever goes first changes from round to round.
            for first in (index % 2 == 0, index % 2 != 0):
                if first:
                    ours.append(clock.reading(call, None, primed, number).wall_ns)
                else:
                    timer.timeit(primed)
                    theirs.append(timer.timeit(number))
    ratio = paired_ratio(ours, theirs)
    benchmark.group = "timing loop"
    benchmark.extra_info["over timeit"] = ratio.model_dump()
    benchmark(call, None)
    with capsys.disabled():
        print(f"\n{name}: over timeit {ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}]")  # noqa: T201  # the result
    assert ratio.count == ROUNDS
