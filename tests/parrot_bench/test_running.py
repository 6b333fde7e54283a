"""A run from Python: objects instead of names, one's own modes, and what is kept."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import parrot_bench
from parrot_bench.errors import MeasurementError, ParrotBenchError, UsageError
from parrot_bench.events import Event, Planned, RoundTaken
from parrot_bench.execution import ExecutionMode
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink
from parrot_bench.record import RunDirectory, RunRecord, read_record
from parrot_bench.request import Request, check, default_name
from parrot_bench.running import OngoingRun


def quick(model: Any, out: Path, **changes: Any) -> RunRecord:
    settings: dict[str, Any] = {"modes": ["invoke", "ainvoke"], "time_s": 1.5, "target": 0.5}
    settings["studies"] = ("overhead",)
    return parrot_bench.run(model, out=out, **{**settings, **changes}).record


def test_a_model_that_is_an_object_is_measured_here(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=4)
    record = quick(model, tmp_path / "run")
    assert record.status == "complete"
    assert record.model is not None
    assert record.model.spec == ""
    assert record.model.second_instance == "a shallow copy"
    assert not record.model.native_async
    assert record.overhead is not None
    assert record.overhead.stopped_by in {"target", "time"}
    assert record == read_record(tmp_path / "run")
    notes = {mode.name: mode.note for mode in record.modes}
    assert "executor fallback" in notes["ainvoke"]


def test_the_reply_length_of_an_object_is_its_max_tokens(tmp_path: Path) -> None:
    model = ChatParrotLink(parrot_buffer_length=50)
    record = quick(model, tmp_path / "asked", modes=["invoke"], reply_length=3)
    assert record.configuration.reply_length == 3
    assert record.reconciliation is not None
    assert {m.output_tokens_replies // m.calls for m in record.reconciliation.modes} == {3}
    record = quick(model, tmp_path / "not", modes=["invoke"])
    assert record.configuration.reply_length is None
    assert record.reconciliation is not None
    assert {m.output_tokens_replies // m.calls for m in record.reconciliation.modes} == {50}


def test_a_factory_is_called_for_each_instance(tmp_path: Path) -> None:
    made = []

    def factory() -> AsyncChatParrotLink:
        made.append(AsyncChatParrotLink(parrot_buffer_length=4))
        return made[-1]

    record = quick(factory, tmp_path / "run")
    assert len(made) == 2
    assert record.model is not None
    assert record.model.second_instance == "the factory called again"
    assert record.model.native_async


def test_a_mode_of_ones_own(tmp_path: Path) -> None:
    twice = ExecutionMode(
        name="invoke_twice",
        api="model.invoke(model.invoke(prompt).text)",
        kind="sync",
        status="stable",
        bind=lambda model, *_: lambda prompt: model.invoke(model.invoke(prompt).text or "-"),
        messages=lambda reply: [reply],
    )
    record = quick("", tmp_path / "run", modes=["invoke", twice], reply_length=5)
    assert record.overhead is not None
    ratios = {mode.mode: mode.cpu_ratio for mode in record.overhead.modes}
    assert ratios["invoke_twice"] is not None
    assert ratios["invoke_twice"].value > 1.3
    assert record.configuration.reply_length == 5


def test_the_baseline_is_measured_even_if_it_is_not_among_the_modes(tmp_path: Path) -> None:
    record = quick("", tmp_path / "run", modes=["ainvoke"])
    assert record.overhead is not None
    assert {mode.mode for mode in record.overhead.modes} == {"invoke", "ainvoke"}


def test_a_watcher_is_told_everything_and_can_be_slow(tmp_path: Path) -> None:
    seen: list[Event] = []

    def watcher(run: OngoingRun, event: Event) -> None:
        if isinstance(event, RoundTaken) and not event.tail:
            assert run.studies["overhead"].samples.rounds == 1 + sum(
                isinstance(e, RoundTaken) and not e.tail for e in seen
            )
            time.sleep(0.01)
        seen.append(event)

    quick("", tmp_path / "run", watcher=watcher)
    assert any(isinstance(event, Planned) for event in seen)


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals")
def test_ctrl_c_keeps_the_rounds_that_were_finished(tmp_path: Path) -> None:
    def watcher(run: OngoingRun, event: Event) -> None:
        if isinstance(event, RoundTaken) and run.studies["overhead"].samples.rounds == 40:
            os.kill(os.getpid(), signal.SIGINT)

    record = quick("", tmp_path / "run", time_s=60, target=0.0001, watcher=watcher)
    assert record.status == "incomplete"
    assert record.overhead is not None
    assert record.overhead.rounds >= 40
    assert record.overhead.stopped_by == "interrupted"
    assert record.reconciliation is None
    assert RunDirectory(tmp_path / "run").samples.exists()


def test_a_baseline_that_breaks_in_the_middle_keeps_what_was_measured(tmp_path: Path) -> None:
    calls: list[int] = []

    class Breaking(ChatParrotLink):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) > 5000:
                raise ValueError("worn out")
            return super()._generate(*args, **kwargs)

    with pytest.raises(MeasurementError, match=r"kept failing.*worn out"):
        quick(
            Breaking(parrot_buffer_length=2), tmp_path / "run", time_s=60,
            target=0.0001,
        )  # fmt: skip
    record = read_record(tmp_path / "run")
    assert record.status == "incomplete"
    assert record.overhead is not None
    assert record.overhead.rounds > 0
    assert record.overhead.stopped_by == "failed"


def test_nothing_is_left_where_nothing_was_measured(tmp_path: Path) -> None:
    with pytest.raises(ParrotBenchError):
        quick("nowhere:model", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_runs_of_the_same_model_say_the_same(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        record = quick(
            "", tmp_path / str(number), modes=["invoke", "astream_events_v2"], time_s=5, target=0.01
        )
        assert record.overhead is not None
        (mode,) = (m for m in record.overhead.modes if m.mode == "astream_events_v2")
        assert mode.cpu_ratio is not None
        assert mode.verdict == "slower"
        found.append(mode.cpu_ratio)
    # Not a timing: the ratio of two modes, in two fresh processes of one sitting. On a machine that
    # is busy with something else their intervals are wide, and say so.
    one, other = found
    assert one.low < other.high * 1.25
    assert other.low < one.high * 1.25


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no wheel for Windows")
def test_another_event_loop_is_used_and_named(tmp_path: Path) -> None:
    record = quick("", tmp_path / "run", loop="uvloop", modes=["invoke", "ainvoke"])
    assert record.environment.event_loop == "uvloop.Loop"
    assert [(c.name, c.kept) for c in record.conditions] == [("--loop uvloop", True)]
    (check,) = (c for c in record.trust if c.name == "conditions")
    assert (check.level, check.sentence) == ("amber", "Measured with --loop uvloop, as asked.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_s": 0.1}, "--time 0.1 is outside 1 to 86400"),
        ({"target": 2.0}, "--target 2 is outside"),
        ({"reply_length": -1}, "--reply-length -1 is outside"),
        ({"batch_size": 0}, "--batch-size 0 is outside"),
        ({"studies": ("overhead", "soak")}, "unknown study 'soak'"),
        ({"studies": ("overhead", "load")}, "a command of its own: parrot-bench load"),
        ({"otlp": "127.0.0.1:4318"}, "is not an endpoint"),
        ({"loop": "trio"}, "--loop 'trio' is unknown; give one of: asyncio, uvloop"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_first(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check(Request(**changes))


def test_counted_calls_are_shared_among_the_studies_that_can_be_paid() -> None:
    assert Request().studies == ("overhead", "streaming", "concurrency", "tracing", "parity")
    counted = Request(max_calls=500)
    assert counted.studies == ("overhead", "parity")
    assert counted.kept("overhead", 460) == 60
    assert counted.kept("parity", 60) == 0
    alone = Request(max_calls=500, studies=("overhead",))
    assert alone.kept("overhead", 500) == 0


def test_a_request_with_every_default_is_fine() -> None:
    request = Request()
    check(request)
    assert len(request.prompt) == 256
    assert default_name(request).endswith("-invoke-vs-all")
    assert default_name(Request(modes=("invoke", "m:own"))).endswith("-invoke-vs-m.own")
    assert default_name(Request(modes=tuple("abcdef"))).endswith("-invoke-vs-6-modes")
    assert default_name(Request(against=("a==1", "b==2"))).endswith("-against-a-1-b-2")
