"""Recorded replies come back in every mode: the same chunks, to each call its own."""

import asyncio
import copy
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from pydantic import ValidationError

from parrot_bench import ReplayChatModel
from parrot_bench.describing import describe
from parrot_bench.errors import UsageError
from parrot_bench.execution import CallSettings, ExecutionMode, collect
from parrot_bench.mode_table import MODES, quiet
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.prompts import Prompt
from parrot_bench.replay import model as replaying
from parrot_bench.replay.files import RecordingFile, prompt_key, read_recording
from parrot_bench.replay.recording import RecordingPlan, record
from tests.parrot_bench.replay.recordings import Various, reply, written


@pytest.fixture
def three(tmp_path: Path) -> Path:
    replies = [reply("a", "one"), reply("b", "one", " two"), reply("a", *"three")]
    return written(tmp_path / "three.jsonl", replies)


@pytest.fixture
def various(tmp_path: Path) -> Path:
    path = tmp_path / "various.jsonl"
    with RecordingFile(path) as file:
        record(Various(), RecordingPlan(prompts=("a",), calls=1), file, lambda _: None)
    return path


def asked(model: ReplayChatModel, mode: ExecutionMode, prompts: list[Prompt]) -> list[AIMessage]:
    """The replies of a mode, and of one that batches all at once."""
    call = mode.bind(model, CallSettings(), collect)
    items = [mode.prepare(prompt) for prompt in prompts]
    found = []
    for item in [items] if mode.batches else items:
        raw = call(item)
        if mode.kind == "async":

            async def waited(raw: Any = raw) -> Any:
                return await raw

            raw = asyncio.run(waited())
        found += mode.messages(raw)
    return found


MODES_HERE = [
    mode
    for mode in MODES.values()
    if not mode.unavailable(AsyncChatParrotLink(parrot_buffer_length=1))
]


@pytest.mark.parametrize("mode", MODES_HERE, ids=lambda mode: mode.name)
def test_every_mode_gives_the_replies_with_their_usage(three: Path, mode: ExecutionMode) -> None:
    model = ReplayChatModel(file=three, order="prompt")
    with quiet():
        first = asked(model, mode, ["a", "b"])
        second = asked(model, mode, ["b", "a"])
    assert [message.text for message in first] == ["one", "one two"]
    assert [message.text for message in second] == ["one two", "one"]
    for message in [*first, *second]:
        assert message.usage_metadata is not None
        assert message.usage_metadata["input_tokens"] == 2
        assert message.response_metadata["model_name"] == "polly-4"
        assert message.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("mode", MODES_HERE, ids=lambda mode: mode.name)
def test_no_call_leaves_a_trace_in_the_next(
    various: Path, mode: ExecutionMode, version: str | None
) -> None:
    """LangChain writes ids, metadata and indices into the chunks that a model gives it."""
    model = ReplayChatModel(file=various, output_version=version)
    kept = model.recording.replies[0]
    before = copy.deepcopy(([piece.chunk() for piece in kept.pieces], kept.sum))
    pieces = copy.deepcopy([(piece.given, piece.generation_info) for piece in kept.pieces])
    with quiet():
        first, second = (asked(model, mode, ["a"])[0] for _ in range(2))
    assert ([piece.chunk() for piece in kept.pieces], kept.sum) == before
    assert [(piece.given, piece.generation_info) for piece in kept.pieces] == pieces
    assert first.tool_calls == second.tool_calls
    assert [call["args"] for call in first.tool_calls] == [{"at": 1}]
    assert first.usage_metadata == second.usage_metadata
    assert first.content == second.content
    if mode.status != "floor":
        assert first.id != second.id  # LangChain's own, of each run


def test_chunks_are_those_that_were_recorded(various: Path) -> None:
    expected = list(Various()._stream([]))
    model = ReplayChatModel(file=various)
    assert list(model._stream([HumanMessage("a")])) == expected

    async def chunks() -> list[Any]:
        return [chunk async for chunk in model._astream([HumanMessage("a")])]

    assert asyncio.run(chunks()) == expected


def test_a_known_prompt_gets_its_own_replies_in_turn_and_any_other_all_of_them(
    three: Path,
) -> None:
    model = ReplayChatModel(file=three)
    assert [model.invoke("a").text for _ in range(3)] == ["one", "three", "one"]
    assert [model.invoke("b").text for _ in range(2)] == ["one two", "one two"]
    others = [model.invoke(f"other {n}").text for n in range(4)]
    assert others == ["one", "one two", "three", "one"]


def test_in_the_order_of_prompts_the_same_is_always_said(three: Path) -> None:
    model = ReplayChatModel(file=three, order="prompt")
    assert [model.invoke("a").text for _ in range(3)] == ["one", "one", "one"]
    assert {model.invoke(f"other {n}").text for n in range(4)} == {"one two"}  # of median length


def test_prompts_are_told_apart_by_all_that_is_said() -> None:
    same = [HumanMessage("a"), HumanMessage("a", id="1"), HumanMessage("a", name="x")]
    assert len({prompt_key([message]) for message in same}) == 1
    call = {"name": "f", "args": {}, "id": "1"}
    other: list[list[Any]] = [
        [HumanMessage("a")],
        [SystemMessage("a")],
        [HumanMessage(["a"])],
        [HumanMessage("a"), HumanMessage("a")],
        [AIMessage("a")],
        [AIMessage("a", tool_calls=[call])],
    ]
    assert len({prompt_key(messages) for messages in other}) == len(other)


def test_threads_share_the_turns(three: Path) -> None:
    model = ReplayChatModel(file=three)
    heard: Counter[str] = Counter()
    lock = threading.Lock()

    def ask() -> None:
        own = Counter(model.invoke("other").text for _ in range(60))
        with lock:
            heard.update(own)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {"one": 80, "one two": 80, "three": 80}


def test_recorded_latency_is_counted_from_the_beginning(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is late shortens the next wait."""
    now = 5_000

    def clock() -> int:
        return now

    monkeypatch.setattr(replaying, "perf_counter_ns", clock)
    model = ReplayChatModel(file=three, latency="recorded")
    moments = model._moments(model.recording.replies[1])  # chunks at 1000, 2000, 3000; ends at 4000
    assert next(moments) == pytest.approx(1000e-9)
    now += 1800  # it slept for too long
    assert not isinstance(next(moments), float)
    assert next(moments) == pytest.approx(200e-9)
    now += 2000  # so long that the last chunk is overdue, too
    assert not isinstance(next(moments), float)
    assert not isinstance(next(moments), float)
    assert next(moments) == pytest.approx(200e-9)
    assert next(moments, None) is None


def test_recorded_latency_waits_in_all_four_methods(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[str] = []
    monkeypatch.setattr(replaying.time, "sleep", lambda _: slept.append("sync"))

    async def wait(_: float) -> None:
        slept.append("async")

    monkeypatch.setattr(replaying.asyncio, "sleep", wait)
    monkeypatch.setattr(replaying, "perf_counter_ns", lambda: 0)
    messages = [HumanMessage("b")]

    async def both(model: ReplayChatModel) -> None:
        await model._agenerate(messages)
        async for _ in model._astream(messages):
            pass

    for latency, counts in (("zero", {}), ("recorded", {"sync": 5, "async": 5})):
        slept.clear()
        model = ReplayChatModel(file=three, latency=latency)
        model._generate(messages)
        assert len(list(model._stream(messages))) == 3
        asyncio.run(both(model))
        assert Counter(slept) == counts


def test_a_stop_sequence_is_refused(three: Path) -> None:
    model = ReplayChatModel(file=three)
    with pytest.raises(ValueError, match="stop sequence"):
        model.invoke("a", stop=["n"])
    with pytest.raises(ValueError, match="stop sequence"):
        list(model.stream("a", stop=["n"]))


def test_what_is_said_of_it(three: Path) -> None:
    model = ReplayChatModel(file=three, latency="recorded", order="prompt")
    described = describe(model, "x:y", "constructed again")
    assert described.model_name == "polly-4"
    assert described.native_async
    assert described.native_stream
    replay = described.replay
    assert replay is not None
    assert replay.recorded_from == "polly-4"
    assert replay.recorded.year == 2026
    assert (replay.replies, replay.median_chunks) == (3, 3)
    assert (replay.latency, replay.order, replay.torn) == ("recorded", "prompt", False)
    # Nobody is to pay a provider for it.
    assert model._get_ls_params()["ls_provider"] == "replay"
    other = ReplayChatModel(file=three, order="prompt")
    assert model._get_llm_string() != other._get_llm_string()


def test_what_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        ReplayChatModel(file=tmp_path / "none")
    with pytest.raises(ValidationError, match="latency"):
        ReplayChatModel(file=tmp_path, latency="half")  # type: ignore[arg-type]


def test_a_model_that_streams_late_content_is_merged_as_langchain_does(various: Path) -> None:
    whole = read_recording(various).replies[0].whole().generations[0].message
    streamed: Iterator[AIMessageChunk] = ReplayChatModel(file=various).stream("a")  # type: ignore[assignment]
    first, *others = streamed
    assert whole.content == (first + others).content  # type: ignore[operator]
