"""The streaming study: when chunks come in every mode, and what is odd about a model's."""

from pathlib import Path
from typing import Any

import pytest

import parrot_bench
from parrot_bench.errors import MeasurementError
from parrot_bench.events import Call, Observed, StudyBegun
from parrot_bench.execution import ExecutionMode
from parrot_bench.journal import journaled, read_journal
from parrot_bench.mode_table import MODES, quiet
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink
from parrot_bench.record import ModeArrivals, RunRecord, StreamingResult, read_record
from parrot_bench.studies.bench import Budget, Calls
from parrot_bench.studies.streaming.following import Follower, Shape
from parrot_bench.studies.streaming.plan import LATENCY, Lengths
from parrot_bench.timing import open_clocks
from tests.parrot_bench.models import streams

STREAMING = [
    mode.name
    for mode in MODES.values()
    if mode.streams and mode.name not in {"stream_messages", "astream_messages"}  # of graphs
]


def run(model: Any, out: Path, *modes: Any, **changes: Any) -> RunRecord:
    settings: dict[str, Any] = {"studies": ("streaming",), "time_s": 2.0, "seed": 1}
    chosen = modes or ("stream", "astream", "astream_events_v2")
    return parrot_bench.run(model, out=out, modes=chosen, **{**settings, **changes}).record


def result(model: Any, out: Path, *modes: Any, **changes: Any) -> StreamingResult:
    found = run(model, out, *modes, **changes).streaming
    assert found is not None
    return found


def by_mode(found: StreamingResult, which: int = 0) -> dict[str, ModeArrivals]:
    return {mode.mode: mode for mode in found.arrivals[which].modes}


def named(found: StreamingResult) -> dict[str, set[str]]:
    return {finding.what: set(finding.modes) for finding in found.findings}


def followed(model: Any, mode: str) -> tuple[Call, Follower]:
    with quiet(), open_clocks() as clocks:
        one = MODES[mode]
        if reason := one.unavailable(model):
            pytest.skip(reason)
        follower = Follower(one, model, Calls(prompt="hello"), clocks[one.kind], Budget(None))
        return follower.follow(), follower


# -- what is content ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", STREAMING)
@pytest.mark.parametrize(
    ("script", "chunks"),
    [
        (streams.GOOD, 10),
        (streams.EMPTY_FIRST, 10),
        (streams.ONE_CHUNK, 1),
        (streams.SILENT, 0),
        (streams.REASONING, 3),
        (streams.TOOL_CALL, 3),
    ],
    ids=["good", "empty first", "one chunk", "silent", "reasoning", "tool call"],
)
def test_every_mode_shows_the_same_chunks_with_content(
    mode: str, script: tuple[Any, ...], chunks: int
) -> None:
    call, follower = followed(streams.Scripted(script=script), mode)
    assert not follower.reason
    assert len(call.chunks_ns) == chunks
    assert list(call.chunks_ns) == sorted(call.chunks_ns)
    assert all(call.started_ns < stamp < call.ended_ns for stamp in call.chunks_ns)
    assert call.tokens == 10


@pytest.mark.parametrize("mode", STREAMING)
def test_a_model_without_streaming_has_its_reply_in_one_piece(mode: str) -> None:
    call, follower = followed(streams.Whole(), mode)
    assert not follower.reason
    assert len(call.chunks_ns) == 1
    assert call.started_ns < call.chunks_ns[0] <= call.ended_ns


@pytest.mark.parametrize("mode", STREAMING)
def test_a_call_that_raises_is_told_with_what_came_before(mode: str) -> None:
    call, follower = followed(streams.Scripted(script=streams.BREAKS), mode)
    assert call.error == "ConnectionError"
    assert "the line is dead (after " in follower.reason
    assert "of the stream)" in follower.reason


def test_chunks_of_another_model_that_the_model_calls_are_not_its_own() -> None:
    inner = AsyncChatParrotLink(parrot_buffer_length=4)

    class Asks(streams.Scripted):
        async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            async for _ in inner.astream("hello"):
                pass
            async for chunk in super()._astream(messages):
                yield chunk

    call, _ = followed(Asks(script=streams.GOOD), "astream_events_v2")
    assert len(call.chunks_ns) == 10


@pytest.mark.parametrize("mode", ["stream", "astream", "astream_events_v2"])
def test_the_chunk_without_content_at_the_end_is_counted_apart(mode: str) -> None:
    _, follower = followed(streams.Scripted(script=streams.EMPTY_FIRST), mode)
    assert follower.shape is not None
    assert (follower.shape.before, follower.shape.content, follower.shape.after) == (1, 10, 1)


def test_the_time_to_the_first_chunk_has_the_wait_before_it_and_no_other() -> None:
    model = AsyncChatParrotLink(
        parrot_buffer_length=3, time_to_first_chunk=0.05, time_per_chunk=0.02
    )
    for mode in ("stream", "astream", "astream_events_v2", "stream_events_v3"):
        call, _ = followed(model, mode)
        first, second, third = call.chunks_ns
        # Lower bounds: a wait is never shorter than asked for, however busy the machine.
        assert first - call.started_ns >= 50e6
        assert second - first >= 15e6
        assert third - call.started_ns >= 90e6


# -- models, through a whole run ------------------------------------------------------------


def test_a_good_model_gets_no_finding(tmp_path: Path) -> None:
    model = streams.Scripted(script=streams.GOOD)
    found = result(model, tmp_path / "run", *STREAMING)
    assert found.findings == ()
    modes = by_mode(found)
    assert set(modes) == {mode for mode in STREAMING if not MODES[mode].unavailable(model)}
    for mode in modes.values():
        assert mode.chunks == 10
        assert mode.tokens == 10
        assert mode.errors == {}
        assert mode.first_chunk is not None
        assert mode.total is not None
        assert mode.first_chunk.value < mode.total.value
        assert mode.token_latency is not None
        assert mode.mean_gap is not None
    assert modes["astream"].first_chunk_floor_ratio is not None
    assert modes["direct_astream"].first_chunk_floor_ratio is None
    assert modes["stream"].empty_after == 1


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (streams.Whole(), "Whole does not implement _stream"),
        (streams.Scripted(script=streams.ONE_CHUNK), "hands over its whole reply as one chunk"),
    ],
    ids=["no _stream", "one chunk"],
)
def test_a_reply_in_one_piece_is_not_streaming(tmp_path: Path, model: Any, why: str) -> None:
    found = result(model, tmp_path / "run")
    assert named(found) == {"in one piece": {"stream", "astream", "astream_events_v2"}}
    assert why in found.findings[0].sentence
    for mode in by_mode(found).values():
        assert mode.arriving == "in one piece"
        assert mode.first_chunk == mode.total
        assert mode.gaps == ()
        assert mode.mean_gap is None
        assert mode.each_chunk is None
        assert mode.token_latency is None
        assert mode.token_latency_reason == "the reply arrives in one piece"
    assert found.costs == ()


def test_an_empty_first_chunk_is_named(tmp_path: Path) -> None:
    found = result(streams.Scripted(script=streams.EMPTY_FIRST), tmp_path / "run")
    assert named(found) == {"empty first chunk": {"stream", "astream", "astream_events_v2"}}
    assert {mode.empty_before for mode in by_mode(found).values()} == {1}


def test_missing_usage_is_named_and_leaves_token_latency_out(tmp_path: Path) -> None:
    found = result(streams.Scripted(script=streams.NO_USAGE), tmp_path / "run")
    assert named(found) == {"no usage": {"stream", "astream", "astream_events_v2"}}
    for mode in by_mode(found).values():
        assert mode.tokens is None
        assert mode.token_latency is None
        assert "no usage" in mode.token_latency_reason
        assert mode.mean_gap is not None


def test_uneven_gaps_are_named(tmp_path: Path) -> None:
    found = result(streams.Scripted(script=streams.UNEVEN), tmp_path / "run")
    assert named(found) == {"uneven gaps": {"stream", "astream", "astream_events_v2"}}


def test_chunks_that_come_all_at_the_end_are_named(tmp_path: Path) -> None:
    found = result(streams.Scripted(script=streams.BURST), tmp_path / "run", "stream", "astream")
    assert named(found) == {"in one burst": {"stream", "astream"}}


def test_a_model_that_says_nothing_has_no_first_chunk(tmp_path: Path) -> None:
    found = result(streams.Scripted(script=streams.SILENT), tmp_path / "run", "stream")
    assert named(found) == {"no content": {"stream"}}
    assert by_mode(found)["stream"].first_chunk is None


def test_a_stream_that_breaks_now_and_then_is_counted(tmp_path: Path) -> None:
    model = streams.Scripted(script=streams.BREAKS, raises_every=7)
    record = run(model, tmp_path / "run", "stream")
    assert record.streaming is not None
    (finding,) = record.streaming.findings
    assert finding.what == "raised"
    assert "raised ConnectionError" in finding.sentence
    mode = by_mode(record.streaming)["stream"]
    assert mode.errors["ConnectionError"] >= 1
    assert mode.calls > 0
    assert mode.chunks == 10


def test_a_mode_whose_stream_always_breaks_is_left_out_by_name(tmp_path: Path) -> None:
    class Breaks(streams.Scripted):
        async def _astream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            async for chunk in super()._astream(messages):
                yield chunk

        def _stream(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            yield from super()._stream(messages)
            raise ConnectionError("the line is dead")

    record = run(Breaks(script=streams.GOOD), tmp_path / "run")
    assert set(record.failures) == {"stream"}
    assert "the line is dead" in record.failures["stream"]
    assert record.streaming is not None
    assert set(by_mode(record.streaming)) == {"astream", "astream_events_v2"}
    unavailable = {mode.name: mode.unavailable for mode in record.modes}
    assert "the line is dead" in unavailable["stream"]


def test_no_mode_that_streams_is_an_error_of_one_line(tmp_path: Path) -> None:
    model = streams.Scripted(script=streams.GOOD)
    with pytest.raises(MeasurementError, match="none of the modes measured streams"):
        run(model, tmp_path / "run", "invoke")
    record = run(model, tmp_path / "both", "invoke", studies=("overhead", "streaming"))
    assert record.overhead is not None
    assert record.streaming is None
    assert "none of the modes measured streams" in record.left_out["streaming"]


def test_what_it_observes_comes_back_from_the_journal(tmp_path: Path) -> None:
    told = [
        StudyBegun("streaming"),
        Observed(Shape("stream", "latency", 10, 1, 1)),
        Observed(LATENCY),
        Observed(Lengths("the model waits")),
        Observed(Lengths("", {"stream": "why"})),
    ]
    path = tmp_path / "journal.jsonl"
    list(journaled((event for event in told), path))  # type: ignore[arg-type]
    assert [event for _, event in read_journal(path)] == told


# -- lengths, latency, budgets --------------------------------------------------------------


def test_the_parrot_is_asked_for_every_length_and_with_latency(tmp_path: Path) -> None:
    out = tmp_path / "run"
    record = run("", out, "direct_stream", "stream", "astream", "astream_events_v2", time_s=4)
    found = record.streaming
    assert found is not None
    assert record == read_record(out)
    assert found.findings == ()
    as_it_is, late = found.arrivals
    assert as_it_is.latency is None
    assert not as_it_is.waits
    assert late.latency is not None
    for mode in late.modes:
        assert mode.first_chunk is not None
        assert mode.first_chunk.value >= late.latency.first_chunk_s * 1e9
    costs = {cost.mode: cost for cost in found.costs}
    assert set(costs) == {"direct_stream", "stream", "astream", "astream_events_v2"}
    for cost in costs.values():
        assert [each.length for each in cost.lengths] == [1, 10, 100, 1000]
        assert [each.cpu.value for each in cost.lengths] == sorted(
            each.cpu.value for each in cost.lengths
        )
        assert cost.longest == 1000
    # Not a timing: events cost several times what a chunk without them does, in one sitting.
    ratio = costs["astream_events_v2"].beside_ratio
    assert ratio is not None
    assert costs["astream_events_v2"].beside == "astream"
    assert ratio.value > 1.5
    assert costs["stream"].floor_ratio is not None
    assert costs["astream"].floor_ratio is None  # its floor was not asked for


@pytest.mark.parametrize("length", [0, 1, 2])
def test_replies_of_hardly_any_chunks(tmp_path: Path, length: int) -> None:
    mode = by_mode(result("", tmp_path / "run", "stream", reply_length=length))["stream"]
    assert mode.chunks == length
    assert mode.arriving == ("nothing", "in one piece", "one by one")[length]
    assert (mode.first_chunk is None) == (length == 0)
    assert (mode.token_latency is None) == (length < 2)


def test_a_users_parrot_has_the_lengths_that_it_can_say(tmp_path: Path) -> None:
    long = AsyncChatParrotLink(parrot_buffer_length=2000)
    found = result(long, tmp_path / "long", "stream", prompt="ab" * 1000)
    assert len(found.arrivals) == 1
    assert [each.length for each in found.costs[0].lengths] == [1, 10, 100, 1000]
    short = ChatParrotLink(parrot_buffer_length=30)
    found = result(short, tmp_path / "short", "stream")
    assert found.costs == ()
    assert found.costs_left_out == {"stream": "asked for 100 chunks, 30 came"}
    assert by_mode(found)["stream"].each_chunk is not None


def test_a_model_that_waits_is_asked_for_no_length(tmp_path: Path) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=4, time_to_first_chunk=0.02)
    found = result(model, tmp_path / "run", "stream", "astream", time_s=1.0)
    assert found.costs == ()
    assert found.costs_reason == "the model waits"
    assert found.arrivals[0].waits


def test_calls_are_bounded(tmp_path: Path) -> None:
    calls: list[int] = []

    class Counting(streams.Scripted):
        def _steps(self) -> Any:
            calls.append(1)
            yield from super()._steps()

    model = Counting(script=streams.GOOD)
    record = run(model, tmp_path / "run", "stream", "astream", max_calls=40, time_s=60.0)
    assert record.streaming is not None
    assert record.streaming.stopped_by == "max-calls"
    assert record.streaming.costs_reason == "--max-calls bounds the calls"
    assert 20 <= len(calls) <= 40
    with pytest.raises(MeasurementError, match="--max-calls 3 leaves too few calls"):
        run(model, tmp_path / "few", "stream", "astream", max_calls=3)


def test_a_mode_of_ones_own_says_what_its_content_is(tmp_path: Path) -> None:
    def bind(model: Any, _settings: Any, keep: Any) -> Any:
        return lambda prompt: keep.chunks({"says": c.text} for c in model.stream(prompt))

    def own(name: str, **more: Any) -> ExecutionMode:
        return ExecutionMode(
            name=name,
            api="-",
            kind="sync",
            status="stable",
            streams=True,
            bind=bind,
            messages=lambda _: [],
            **more,
        )

    told = own("told", content=lambda item: bool(item["says"]))
    modes = by_mode(result("", tmp_path / "run", told, own("untold"), reply_length=5))
    assert modes["told"].chunks == 5
    assert modes["told"].arriving == "one by one"
    assert modes["told"].empty_after == 1
    assert modes["untold"].arriving == "nothing"
