"""What the load study's engine costs over a bare loop with a semaphore: at most a tenth.

Both make the same `ainvoke` calls of the parrot, eight at a time, in turn in one loop; the CPU
time of the process is compared.
"""

import asyncio
from itertools import repeat
from time import process_time_ns
from typing import Any

from parrot_bench.estimates import paired_ratio
from parrot_bench.execution import drain
from parrot_bench.load import Level
from parrot_bench.mode_table import MODES, quiet
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.request import DEFAULT_PROMPT, DEFAULT_REPLY
from parrot_bench.studies.bench import Budget, Calls
from parrot_bench.studies.load.engine import Engine
from parrot_bench.studies.load.slots import Slot
from parrot_bench.timing import FrozenGarbage

ROUNDS = 60
CALLS = 200
IN_FLIGHT = 8
AT_MOST = 1.1


def test_engine_against_a_bare_loop(benchmark: Any, capsys: Any) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=DEFAULT_REPLY)
    mode, calls = MODES["ainvoke"], Calls(prompt=DEFAULT_PROMPT)
    bound = mode.bind(model, calls.settings, drain)

    async def bare() -> int:
        begun = process_time_ns()
        room = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> None:
            async with room:
                await bound(DEFAULT_PROMPT)

        await asyncio.gather(*(one() for _ in range(CALLS)))
        return process_time_ns() - begun

    async def engine() -> int:
        taken: list[Any] = []
        made = Engine(
            new_slot=lambda threads: Slot(mode, model, calls, threads),
            items=repeat(DEFAULT_PROMPT),
            limit_s=60.0,
            most=IN_FLIGHT,
            budget=Budget(CALLS),
            taken=taken.append,
        )
        begun = process_time_ns()
        await made.perform(Level(concurrency=IN_FLIGHT), [], 60.0)
        spent = process_time_ns() - begun
        assert len(taken) == CALLS
        return spent

    ours, theirs = [], []
    with quiet(), FrozenGarbage() as garbage, asyncio.Runner() as runner:
        for index in range(ROUNDS):
            for first in (index % 2 == 0, index % 2 != 0):
                if first:
                    ours.append(runner.run(engine()))
                else:
                    theirs.append(runner.run(bare()))
            garbage.between_rounds()
        ratio = paired_ratio(ours, theirs)
        benchmark.group = "load engine"
        benchmark.extra_info["over a bare loop"] = ratio.model_dump()
        benchmark(lambda: runner.run(engine()))
    said = f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
    with capsys.disabled():
        print(f"\nload engine over a bare loop: {said}")  # noqa: T201  # the result
    assert ratio.low <= AT_MOST, f"the engine costs {ratio.value:.3f} times a bare loop"
