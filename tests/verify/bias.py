"""One process's look at the harness's own bias: everyone times the same function, in rounds."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import process_time_ns
from typing import Any

import pytest

from parrot_bench.environment import environment
from parrot_bench.errors import MeasurementError
from parrot_bench.estimates import paired_ratio
from parrot_bench.timing import Async, FrozenGarbage, Sync
from tests.verify.contenders import (
    ITEM,
    PyperfWorker,
    awaited_by_timeit,
    our_caller,
    timed_by_timeit,
    timed_by_us,
)
from tests.verify.functions import Call, Take, async_no_op, async_working, no_op, turn_ns, working
from tests.verify.names import (
    AGAIN,
    NO_OP,
    OURS,
    OURS_ASYNC,
    OURS_CPU,
    PYPERF,
    PYTEST,
    REFERENCES,
    WORK,
)
from tests.verify.results import BiasProcess

WORK_NS = 20_000

ROUNDS_OF_A_GROUP = 10
"""Rounds that one test of the pytest session has; its last is the one with the peers, which
take longer and need less precision."""

SESSION = Path(__file__).with_name("bias_session.py")


@dataclass
class Timed:
    """A function, who times it, and what they said: nanoseconds per call, by round."""

    call: Call
    takes: Mapping[str, Take]
    said: defaultdict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    def ratios(self) -> Iterator[tuple[str, float, int]]:
        """Yield who, the median of their ratios to their reference, and of how many rounds."""
        for name, reference in REFERENCES.items():
            rounds = sorted(self.said[name])
            ratio = paired_ratio(
                [self.said[name][number] for number in rounds],
                [self.said[reference][number] for number in rounds],
            )
            yield name, ratio.value, ratio.count


class BiasRounds:
    """Takes the rounds of one process; the pytest session calls it, test by test.

    Args:
        groups: How many tests; they take turns with the functions.
        seed: Of the order within a round.
    """

    def __init__(self, groups: int, seed: int) -> None:
        self.groups = groups
        self._order = Random(seed)
        self._loop = asyncio.new_event_loop()
        self._sync, self._async = Sync(), Async(lambda: self._loop)
        self._pyperf = PyperfWorker()
        turns = round(WORK_NS / turn_ns())
        self.functions = {
            NO_OP: self._timed(no_op, async_no_op),
            WORK: self._timed(working(turns), async_working(turns)),
        }

    def _timed(self, call: Call, awaited: Call) -> Timed:
        caller = our_caller(call, self._sync)
        async_caller = our_caller(awaited, self._async)
        return Timed(
            call,
            {
                OURS: timed_by_us(caller, "wall"),
                OURS_CPU: timed_by_us(caller, "cpu"),
                OURS_ASYNC: timed_by_us(async_caller, "wall"),
                AGAIN: timed_by_timeit(call, caller),
                "timeit": timed_by_timeit(call, caller),
                "timeit, CPU time": timed_by_timeit(call, caller, process_time_ns),
                "timeit, awaiting": awaited_by_timeit(awaited, async_caller, self._loop),
                PYPERF: self._pyperf.timing(call, caller),
            },
        )

    def group(self, number: int, benchmark: Any) -> None:
        """Take the rounds of one test.

        Args:
            number: Which test.
            benchmark: pytest-benchmark's fixture, which can be used once.
        """
        timed = list(self.functions.values())[number % len(self.functions)]

        def by_pytest() -> float:
            benchmark(timed.call, ITEM)
            return float(benchmark.stats.stats.median) * 1e9

        with FrozenGarbage():
            for turn in range(ROUNDS_OF_A_GROUP):
                takes = dict(timed.takes)
                if turn < ROUNDS_OF_A_GROUP - 1:
                    del takes[PYPERF]
                else:
                    takes[PYTEST] = by_pytest
                names: Sequence[str] = self._order.sample(list(takes), len(takes))
                for name in names:
                    timed.said[name][number * ROUNDS_OF_A_GROUP + turn] = takes[name]()

    def close(self) -> None:
        """Close the event loop."""
        self._async.close()


def measure(groups: int, seed: int) -> BiasProcess:
    """Take the rounds in a pytest session of this process.

    Args:
        groups: Tests of the session, for both functions together.
        seed: Of the order within a round.

    Raises:
        MeasurementError: The session failed.
    """
    rounds = BiasRounds(groups, seed)
    status = pytest.main(
        [
            str(SESSION),
            "-qq",
            "--assert=plain",
            "--no-header",
            "--benchmark-disable-gc",
            "--benchmark-max-time=0.02",
            "--benchmark-quiet",
        ],
        plugins=[Plugin(rounds)],
    )
    rounds.close()
    if status is not pytest.ExitCode.OK:
        raise MeasurementError(f"the session of pytest ended with {status!r}; its output says why")
    found = {
        function: {name: (value, count) for name, value, count in timed.ratios()}
        for function, timed in rounds.functions.items()
    }
    return BiasProcess(
        seed=seed,
        environment=environment("langchain_core", ""),
        ratios={f: {n: value for n, (value, _) in of.items()} for f, of in found.items()},
        rounds={f: {n: count for n, (_, count) in of.items()} for f, of in found.items()},
    )


class Plugin:
    """Hands the rounds to the session's tests."""

    def __init__(self, rounds: BiasRounds) -> None:
        self._rounds = rounds

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        metafunc.parametrize("number", range(self._rounds.groups))

    @pytest.fixture
    def rounds(self) -> BiasRounds:
        return self._rounds
