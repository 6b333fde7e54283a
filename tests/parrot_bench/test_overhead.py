"""The overhead study: rounds, priming, the A/A twin, slow modes, budgets, failures."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from parrot_bench.errors import MeasurementError, UsageError
from parrot_bench.events import (
    Event,
    ModeDropped,
    Planned,
    Reply,
    RoundsEnded,
    RoundTaken,
)
from parrot_bench.execution import ExecutionMode
from parrot_bench.mode_table import quiet, select_modes
from parrot_bench.studies.bench import Budget
from parrot_bench.studies.caller import idle_share, one_line
from parrot_bench.studies.overhead.plan import OverheadPlan
from parrot_bench.studies.overhead.rounds import MIN_ROUNDS, STAMPED_EVERY, Overhead, one_round_of
from parrot_bench.timing import Async, Clocks, Sync, run_queue_ns
from tests.verify.hogs import hogs


class Slept(BaseChatModel):
    """Answers after a while, or fails, in a way the test chooses."""

    name: str = "slept"
    seconds: float = 0.0
    calls: list[str] = []  # noqa: RUF012  # pydantic copies it
    fail_from: int = 10**9
    async_fails: bool = False
    twin: bool = False

    @property
    def _llm_type(self) -> str:
        return "slept"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.calls.append("generate")
        if len(self.calls) > self.fail_from:
            raise ValueError("out of\npatience")
        if self.seconds:
            time.sleep(self.seconds)
        message = AIMessage(
            "ok", usage_metadata={"input_tokens": 1, "output_tokens": 7, "total_tokens": 8}
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        if self.async_fails:
            raise RuntimeError("no async here")
        return self._generate(messages)


def plan(*names: str, **changes: Any) -> OverheadPlan:
    settings: dict[str, Any] = {
        "modes": select_modes(names or ("direct_generate", "invoke", "batch", "ainvoke")),
        "baseline": "invoke",
        "prompt": "hello",
        "batch_size": 3,
    }
    return OverheadPlan(**{**settings, **changes})


def study(
    model: Slept | None = None,
    second: Slept | None = None,
    budget: Budget | None = None,
    **changes: Any,
) -> Overhead:
    clocks: Clocks = {"sync": Sync(), "async": Async()}
    return Overhead(
        model or Slept(), second or Slept(), plan(**changes), clocks, budget or Budget(None)
    )


def drive(overhead: Overhead, rounds: int = 12) -> list[Event]:
    """Follow a study for so many rounds, and keep everything it told."""

    def events() -> Iterator[Event]:
        following = overhead.events()
        event = next(following)
        taken = 0
        while True:
            yield event
            taken += isinstance(event, RoundTaken) and not event.tail
            try:
                event = following.send(Reply.ENOUGH if taken >= rounds else Reply.GO)
            except StopIteration:
                return

    try:
        with quiet():
            return list(events())
    finally:
        overhead.clocks["async"].close()


def rounds_of(events: list[Event]) -> list[RoundTaken]:
    return [event for event in events if isinstance(event, RoundTaken)]


def test_every_round_has_one_block_of_every_mode_and_the_twin() -> None:
    for taken in rounds_of(drive(study())):
        roles = Counter((block.mode, block.role) for block in taken.blocks)
        assert roles == Counter(
            [
                ("direct_generate", "mode"),
                ("invoke", "mode"),
                ("invoke", "a/a"),
                ("batch", "mode"),
                ("ainvoke", "mode"),
            ]
        )
        assert [block.position for block in taken.blocks] == list(range(5))


def test_the_order_is_random_fresh_and_repeats_with_its_seed() -> None:
    def orders(seed: int) -> list[list[str]]:
        return [[b.mode for b in r.blocks] for r in rounds_of(drive(study(seed=seed)))]

    first = orders(1)
    assert len({tuple(order) for order in first}) > 1
    # Block lengths differ from run to run, the order does not.
    assert orders(1) == first
    assert orders(2) != first


def test_the_mode_before_is_saved() -> None:
    blocks = [block for taken in rounds_of(drive(study())) for block in taken.blocks]
    assert blocks[0].previous == ""
    assert all(after.previous == before.mode for before, after in pairwise(blocks))


def test_the_twin_is_the_second_instance() -> None:
    model, second = Slept(), Slept()
    drive(study(model, second))
    assert second.calls
    assert len(model.calls) > len(second.calls)


def test_every_call_is_counted() -> None:
    model, second = Slept(), Slept()
    events = drive(study(model, second))
    assert rounds_of(events)[-1].calls_so_far == len(model.calls) + len(second.calls)


def test_blocks_are_primed_and_the_first_call_is_timed_apart() -> None:
    events = drive(study())
    (planned,) = (event for event in events if isinstance(event, Planned))
    for mode in planned.modes:
        assert mode.primed == max(1, round(mode.units * 0.1))
    for taken in rounds_of(events):
        assert all(
            (block.cold_ns is None) == taken.stamped
            for block in taken.blocks
            if block.mode != "batch"
        )


def test_every_fifth_round_is_stamped() -> None:
    taken = rounds_of(drive(study()))
    assert [r.stamped for r in taken] == [
        number % STAMPED_EVERY == STAMPED_EVERY - 1 for number in range(len(taken))
    ]
    for block in (b for r in taken if r.stamped for b in r.blocks):
        if block.mode == "batch":
            assert block.stamps == ()  # the calls of a batch overlap
        else:
            assert len(block.stamps) == block.calls + 1


def test_the_calls_of_a_batch_are_counted() -> None:
    events = drive(study())
    (planned,) = (event for event in events if isinstance(event, Planned))
    batch = next(mode for mode in planned.modes if mode.mode == "batch")
    assert batch.calls_per_unit == 3
    assert batch.calls == batch.units * 3


def test_tokens_come_from_the_replies() -> None:
    (planned,) = (event for event in drive(study()) if isinstance(event, Planned))
    assert {mode.tokens for mode in planned.modes} == {7}


def test_a_model_that_waits_is_told_from_one_that_works() -> None:
    for seconds, waits in ((0.0, False), (0.002, True)):
        model = Slept(seconds=seconds)
        (planned,) = (
            e for e in drive(study(model, Slept(seconds=seconds)), 1) if isinstance(e, Planned)
        )
        assert planned.waits is waits


class Works(Slept):
    """Uses a processor for some milliseconds a call, longer than a scheduler lets it."""

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return super()._generate(*args, **kwargs)


@pytest.mark.skipif(not run_queue_ns(), reason="the kernel doesn't tell of a busy machine")
def test_a_model_that_works_does_not_wait_on_a_busy_machine_either() -> None:
    with hogs():
        (planned,) = (e for e in drive(study(Works(), Works()), 1) if isinstance(e, Planned))
    assert not planned.waits


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.lists(st.integers(0, 10**9), min_size=2))
def test_what_is_ready_is_not_idle(wall_ns: int, cpu_ns: int, queued: list[int]) -> None:
    found = [idle_share(wall_ns, cpu_ns, queued_ns) for queued_ns in sorted(queued)]
    assert found == sorted(found, reverse=True)
    assert all(share <= 1 for share in found)
    if wall_ns:
        assert all((share < 0) == (cpu_ns > wall_ns) for share in found)
        assert idle_share(wall_ns, min(cpu_ns, wall_ns), wall_ns) == 0
        assert idle_share(wall_ns, 0, 0) == 1


def slow_mode() -> ExecutionMode:
    def bind(model: BaseChatModel, *_: Any) -> Any:
        def call(prompt: Any) -> Any:
            time.sleep(0.025)
            return model.invoke(prompt)

        return call

    return ExecutionMode(
        name="slow",
        api="-",
        kind="sync",
        status="stable",
        bind=bind,
        messages=lambda reply: [reply],
    )


def test_a_slow_mode_is_not_in_every_round_and_brings_its_own_baseline() -> None:
    modes = [*select_modes(["invoke", "ainvoke"]), slow_mode()]
    events = drive(study(modes=modes), 40)
    (planned,) = (event for event in events if isinstance(event, Planned))
    slow = next(mode for mode in planned.modes if mode.mode == "slow")
    assert slow.units == 1
    assert slow.every > 1
    assert slow.paired
    having = [r for r in rounds_of(events) if any(b.mode == "slow" for b in r.blocks)]
    assert len(having) == pytest.approx(40 / slow.every, abs=1)
    for taken in having:
        position = next(b.position for b in taken.blocks if b.mode == "slow")
        pair = next(b for b in taken.blocks if b.role == "pair")
        assert pair.mode == "invoke"
        assert pair.partner == "slow"
        assert abs(pair.position - position) == 1


@given(st.integers(20_000_000, 10**10), st.integers(0, 10**9))
def test_a_slow_mode_is_in_stamped_rounds_and_in_others(block_ns: int, quick_ns: int) -> None:
    every = one_round_of(block_ns, quick_ns)
    for first in range(STAMPED_EVERY):
        rounds = range(first, first + STAMPED_EVERY * every, every)
        assert sum(n % STAMPED_EVERY == STAMPED_EVERY - 1 for n in rounds) == 1


def test_several_slow_modes_begin_one_after_the_other() -> None:
    modes = [*select_modes(["invoke"]), slow_mode(), replace(slow_mode(), name="other")]
    taken = rounds_of(drive(study(modes=modes), 3))
    assert [{b.mode for b in each.blocks} - {"invoke"} for each in taken] == [
        {"slow"}, {"other"}, set(),
    ]  # fmt: skip


def test_a_model_that_is_slow_throughout_is_not_primed_and_has_no_pairs() -> None:
    model = Slept(seconds=0.11)
    events = drive(study(model, Slept(seconds=0.11), modes=select_modes(["invoke", "ainvoke"])), 2)
    (planned,) = (event for event in events if isinstance(event, Planned))
    assert [(m.units, m.primed, m.every, m.paired) for m in planned.modes] == [(1, 0, 1, False)] * 2
    assert planned.round_s == pytest.approx(0.33, rel=0.5)
    assert planned.waits
    # Every block is one call, so that even few rounds give latencies.
    assert all(len(block.stamps) == 2 for taken in rounds_of(events) for block in taken.blocks)


def test_max_calls_is_never_exceeded() -> None:
    for limit in (40, 100, 333):
        model, second = Slept(), Slept()
        events = drive(study(model, second, Budget(limit, 5)), 10**6)
        assert len(model.calls) + len(second.calls) <= limit - 5
        assert [e.used_up for e in events if isinstance(e, RoundsEnded)] == [f"--max-calls {limit}"]


def test_a_bounded_budget_is_spread_over_many_rounds() -> None:
    events = drive(study(budget=Budget(1000)), 10**6)
    (planned,) = (event for event in events if isinstance(event, Planned))
    assert planned.affordable_rounds is not None
    assert planned.affordable_rounds > 2 * MIN_ROUNDS
    assert len(rounds_of(events)) >= planned.affordable_rounds


@pytest.mark.parametrize("limit", [3, 15])
def test_max_calls_that_pays_for_no_round_is_refused(limit: int) -> None:
    with pytest.raises(UsageError, match=f"--max-calls {limit} .*raise it"):
        drive(study(budget=Budget(limit)))


def test_a_mode_that_raises_is_left_out_and_named() -> None:
    events = drive(study(Slept(async_fails=True)))
    dropped = [event for event in events if isinstance(event, ModeDropped)]
    assert dropped == [ModeDropped("ainvoke", "RuntimeError: no async here")]
    assert all(block.mode != "ainvoke" for taken in rounds_of(events) for block in taken.blocks)


def test_a_mode_that_begins_to_raise_is_left_out_after_three_blocks() -> None:
    class Tiring(Slept):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            self.tags = [*(self.tags or []), "call"]
            if len(self.tags) > 1000:
                raise RuntimeError("tired")
            return self._generate([])

    events = drive(study(Tiring()), 200)
    (dropped,) = (event for event in events if isinstance(event, ModeDropped))
    assert dropped.reason == "RuntimeError: tired"
    errors = [error for taken in rounds_of(events) for error in taken.errors]
    assert errors == [("ainvoke", "RuntimeError")] * 3


def test_a_baseline_that_raises_ends_it() -> None:
    with pytest.raises(
        MeasurementError, match="baseline invoke failed: ValueError: out of patience"
    ):
        drive(study(Slept(fail_from=0), modes=select_modes(["invoke", "ainvoke"])))


def test_a_call_over_its_limit_is_left_out_at_once() -> None:
    class Stuck(Slept):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            time.sleep(30)  # noqa: ASYNC251  # blocks the loop, too
            raise AssertionError("unreachable")

    begun = time.monotonic()
    events = drive(study(Stuck(), call_limit_s=0.2))
    assert [e for e in events if isinstance(e, ModeDropped)] == [
        ModeDropped("ainvoke", "no reply within 0.2 s")
    ]
    assert time.monotonic() - begun < 20


def test_the_tails_are_stamped_and_come_last() -> None:
    events = drive(study(tail_s=0.5))
    tails = [r for r in rounds_of(events) if r.tail]
    assert tails
    assert all(r.stamped for r in tails)
    ended = next(i for i, e in enumerate(events) if isinstance(e, RoundsEnded))
    assert all(i > ended for i, e in enumerate(events) if isinstance(e, RoundTaken) and e.tail)
    assert {b.mode for r in tails for b in r.blocks} == {"direct_generate", "invoke", "ainvoke"}


def test_errors_fit_one_line() -> None:
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 1000))) == 300
