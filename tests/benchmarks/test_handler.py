"""What our handler costs beside a minimal one and beside a bare span, under pytest-benchmark.

Five ways of calling a model, with and without metrics; see ``tests/peers/paths.py`` and
``floor.py`` there. The goal is at most 1.25 times the call with the minimal handler. All
contenders are timed in the same rounds, so that the host's own changes meet all of them, and
the ratios are kept in ``extra_info``. Nothing is asserted about times.

Bytecodes are counted as well. A machine that is too busy for microseconds counts them exactly,
and where most of the work is Python their ratio is close to that of the times.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count
from types import FrameType
from typing import Any

import pytest

from parrot_bench.execution import CallSettings, drain
from parrot_bench.mode_table import quiet
from tests.peers.contenders import BARE, MINIMAL, NOBODY, Contender, Timers, Tracing, contenders
from tests.peers.paths import MODEL, PATHS, Path
from tests.peers.rounds import Round, take_rounds, timers
from tests.peers.tables import ADDED_CPU, IN_BARE_SPANS, WHOLE_CPU, answer, as_ratio
from tests.peers.telemetry import Setting

ROUNDS = 30
WARM = 20
"""Calls before one is counted: enough for every cache."""
SETTINGS = (Setting(batch=False, metrics=False), Setting(batch=False, metrics=True))


@pytest.fixture(params=SETTINGS, ids=lambda setting: setting.name)
def everybody(request: pytest.FixtureRequest) -> Iterator[list[Contender]]:
    found = contenders(request.param, {})
    yield found
    for contender in found:
        contender.telemetry.close()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_side_by_side(benchmark: Any, capsys: Any, everybody: list[Contender], path: Path) -> None:
    """All contenders, interleaved: what the whole call costs, and what tracing adds to it."""
    benchmark.group = "handler, side by side (all rounds of all contenders)"
    rounds: list[Round] = benchmark.pedantic(take_rounds, args=(path, everybody, ROUNDS, 0))
    for name in rounds[0].keys() - {NOBODY, BARE, MINIMAL}:
        found = {
            question: answer(rounds, question, name)
            for question in (WHOLE_CPU, ADDED_CPU, IN_BARE_SPANS)
        }
        for question, ratio in found.items():
            benchmark.extra_info[f"{name}: {question.title}"] = ratio and ratio.model_dump()
        whole, added, bare = (
            as_ratio(ratio) if ratio else "not resolved" for ratio in found.values()
        )
        with capsys.disabled():
            print(  # noqa: T201  # the result
                f"\n{path.name}, {everybody[0].telemetry.setting.name}: {name} over minimal, CPU "
                f"{whole}; of what tracing adds {added}; in bare spans {bare}"
            )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_bytecodes(benchmark: Any, capsys: Any, everybody: list[Contender], path: Path) -> None:
    """What tracing adds to a call, in bytecodes, over what the minimal handler adds."""
    benchmark.group = "handler, bytecodes (a call of each contender)"

    def count_all() -> dict[str, int]:
        with quiet(), timers() as clocks:
            return {who.name: bytecodes(path, who, clocks) for who in everybody if who.name != BARE}

    counted = benchmark.pedantic(count_all)
    benchmark.extra_info["bytecodes"] = counted
    floor = counted[MINIMAL] - counted[NOBODY]
    added = {name: (number - counted[NOBODY]) / floor for name, number in counted.items()}
    with capsys.disabled():
        print(  # noqa: T201  # the result
            f"\n{path.name}, {everybody[0].telemetry.setting.name}: bytecodes "
            + ", ".join(f"{name} {counted[name]:,} ({added[name]:.3f})" for name in counted)
        )


def bytecodes(path: Path, contender: Contender, clocks: Timers) -> int:
    """Count the bytecodes of one call, in all threads that it starts."""
    executed = count()

    def traced(frame: FrameType, event: str, _: object) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            next(executed)
        return traced

    with contender.active() if isinstance(contender, Tracing) else nullcontext() as config:
        call = path.mode.bind(MODEL, CallSettings(config=config), drain)
        once = clocks[path.mode.kind].once
        for _ in range(WARM):
            once(call, path.item)
        before = sys.gettrace()
        threading.settrace(traced)
        sys.settrace(traced)
        try:
            once(call, path.item)
        finally:
            sys.settrace(before)
            threading.settrace(before)  # type: ignore[arg-type]
    return next(executed)
