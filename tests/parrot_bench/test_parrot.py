"""What the parrots say, what they count, how long they take and how they fail."""

import asyncio
import copy
import math
import pickle
import threading
import time
from collections.abc import AsyncIterator, Iterator
from functools import reduce
from operator import add
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.outputs import LLMResult
from pydantic import ValidationError

from parrot_bench.mode_table import MODES, quiet
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink, SimulatedError, echo

V3_MISSING = MODES["stream_events_v3"].unavailable(ChatParrotLink(parrot_buffer_length=1))
CLASSES = [ChatParrotLink, AsyncChatParrotLink]


@pytest.fixture(params=CLASSES, ids=lambda cls: cls.__name__)
def cls(request: pytest.FixtureRequest) -> type[ChatParrotLink]:
    return request.param


def usage(message: AIMessage) -> tuple[int, int, int]:
    found = message.usage_metadata
    assert found is not None
    return found["input_tokens"], found["output_tokens"], found["total_tokens"]


def merged(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return reduce(add, chunks)


async def texts_until(error: type[Exception], stream: Any) -> list[str]:
    """The chunks that came before the stream failed."""
    seen: list[str] = []

    async def consume() -> None:
        if isinstance(stream, AsyncIterator):
            async for chunk in stream:
                seen.append(chunk.text)  # noqa: PERF401  # those before the failure count
        else:
            for chunk in stream:
                seen.append(chunk.text)  # noqa: PERF401

    with pytest.raises(error):
        await consume()
    return seen


class Ended(BaseCallbackHandler):
    """Keeps what the callbacks were told."""

    def __init__(self) -> None:
        self.starts: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.results: list[LLMResult] = []
        self.errors: list[BaseException] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.starts.append(kwargs)

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.results.append(response)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)


# What comes out ----------------------------------------------------------------------------


def test_the_last_message_is_echoed_and_all_are_counted(cls: type[ChatParrotLink]) -> None:
    model = cls(model="bird-brain-001", parrot_buffer_length=3)
    reply = model.invoke(
        [HumanMessage("hello!"), AIMessage("Hi there human!"), HumanMessage("Meow!")]
    )
    assert reply.content == "Meo"
    assert usage(reply) == (26, 3, 29)
    assert reply.response_metadata == {"finish_reason": "length", "model_name": "bird-brain-001"}


async def test_invoke_and_ainvoke(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3)
    for reply in (model.invoke("hello"), await model.ainvoke("hello")):
        assert (reply.content, *usage(reply)) == ("hel", 5, 3, 8)


async def test_batch_and_abatch(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3)
    prompts = ["hello", "goodbye"]
    for replies in (model.batch(list(prompts)), await model.abatch(list(prompts))):
        assert [(r.content, *usage(r)) for r in replies] == [("hel", 5, 3, 8), ("goo", 7, 3, 10)]


async def test_stream_and_astream_are_one_chunk_a_character_and_the_end(
    cls: type[ChatParrotLink],
) -> None:
    model = cls(parrot_buffer_length=3)
    streamed = list(model.stream("cat"))
    astreamed = [chunk async for chunk in model.astream("cat")]
    for chunks in (streamed, astreamed):
        assert "".join(f"{chunk.text}|" for chunk in chunks) == "c|a|t||"
        assert [chunk.chunk_position for chunk in chunks] == [None, None, None, "last"]
        assert [chunk.usage_metadata is None for chunk in chunks] == [True, True, True, False]


@pytest.mark.parametrize("prompt", ["cat", "caterpillar", ""])
async def test_a_merged_stream_says_what_invoke_says(
    cls: type[ChatParrotLink], prompt: str
) -> None:
    model = cls(parrot_buffer_length=3)
    invoked = model.invoke(prompt)
    for chunks in (list(model.stream(prompt)), [c async for c in model.astream(prompt)]):
        whole = merged(chunks)
        assert whole.content == invoked.content
        assert whole.usage_metadata == invoked.usage_metadata
        assert whole.response_metadata == invoked.response_metadata


def test_only_the_async_parrot_has_async_of_its_own() -> None:
    for method in ("_agenerate", "_astream"):
        assert method not in vars(ChatParrotLink)
        assert method in vars(AsyncChatParrotLink)


async def test_where_the_reply_is_made(cls: type[ChatParrotLink]) -> None:
    threads = set()

    class Watched(cls):
        def _reply(self, *args: Any) -> Any:
            threads.add(threading.current_thread())
            return super()._reply(*args)

    model = Watched(parrot_buffer_length=3)
    await model.ainvoke("hello")
    _ = [chunk async for chunk in model.astream("hello")]
    assert (threads == {threading.main_thread()}) is (cls is AsyncChatParrotLink)


# Traps --------------------------------------------------------------------------------------


async def test_an_empty_reply_ends_and_is_counted(cls: type[ChatParrotLink]) -> None:
    for model, prompt in (
        (cls(parrot_buffer_length=0), "hello"),
        (cls(parrot_buffer_length=3, max_tokens=0), "hello"),
        (cls(parrot_buffer_length=3), ""),
    ):
        expected = ("", len(prompt), 0, len(prompt))
        chunks = list(model.stream(prompt))
        achunks = [chunk async for chunk in model.astream(prompt)]
        assert len(chunks) == len(achunks) == 1
        for reply in (model.invoke(prompt), merged(chunks), merged(achunks)):
            assert (reply.content, *usage(reply)) == expected
            assert reply.response_metadata["finish_reason"] == ("length" if prompt else "stop")


async def test_no_message_is_an_error(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3)
    with pytest.raises(ValueError, match="the parrot was given no message"):
        model.invoke([])
    with pytest.raises(ValueError, match="the parrot was given no message"):
        await model.ainvoke([])
    with pytest.raises(ValueError, match="the parrot was given no message"):
        list(model.stream([]))
    with pytest.raises(ValueError, match="the parrot was given no message"):
        _ = [chunk async for chunk in model.astream([])]


def test_content_blocks_count_by_their_text(cls: type[ChatParrotLink]) -> None:
    blocks = [
        {"type": "text", "text": "look: "},
        {"type": "image", "url": "https://example.invalid/parrot.png"},
        {"type": "text", "text": "a parrot"},
    ]
    model = cls(parrot_buffer_length=8)
    reply = model.invoke([SystemMessage([{"type": "text", "text": "hm"}]), HumanMessage(blocks)])
    assert (reply.content, *usage(reply)) == ("look: a ", 16, 8, 24)


def test_the_reply_ends_with_its_stop_sequence(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=10)
    reply = model.invoke("one, two, three", stop=[","])
    assert (reply.content, *usage(reply)) == ("one,", 15, 4, 19)
    assert reply.response_metadata["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("text", "limit", "stop", "reply", "reason"),
    [
        ("hello", 3, None, "hel", "length"),
        ("hello", 5, None, "hello", "stop"),
        ("hello", 9, None, "hello", "stop"),
        ("hello", 9, [], "hello", "stop"),
        ("hello", 9, ["l"], "hel", "stop"),
        ("hello", 3, ["l"], "hel", "stop"),
        ("hello", 3, ["lo"], "hel", "length"),
        ("hello", 2, ["l"], "he", "length"),
        ("hello", 9, ["ello", "l"], "hel", "stop"),  # the one that is complete first
        ("hello", 9, ["hello", "x"], "hello", "stop"),
        ("🦜🇬🇧", 2, None, "🦜🇬", "length"),  # code points, not what the eye sees as one
        ("e\u0301", 1, None, "e", "length"),
    ],
)
def test_where_the_echo_ends(
    text: str, limit: int, stop: list[str] | None, reply: str, reason: str
) -> None:
    assert echo(text, limit, stop) == (reply, reason)


@given(text=st.text(), limit=st.integers(0, 30), stop=st.lists(st.text(min_size=1, max_size=3)))
def test_the_echo_of_anything(text: str, limit: int, stop: list[str]) -> None:
    reply, reason = echo(text, limit, stop)
    assert text.startswith(reply)
    assert len(reply) <= limit
    ended = [word for word in stop if word in reply]
    if ended:
        assert reason == "stop"
        assert any(reply.endswith(word) for word in ended)
        assert not any(word in reply[:-1] for word in stop)
    else:
        assert reply == text[:limit]
        assert (reason == "stop") is (len(text) <= limit)


async def test_a_call_overrides_model_stop_and_max_tokens(cls: type[ChatParrotLink]) -> None:
    model = cls(model="polly", parrot_buffer_length=9, max_tokens=8, stop=["g"])
    for override, content, name in [
        ({}, "good mor", "polly"),
        ({"model": "molly"}, "good mor", "molly"),
        ({"max_tokens": 2}, "go", "polly"),
        ({"max_tokens": 99}, "good morn", "polly"),
        ({"max_tokens": None}, "good mor", "polly"),
        ({"stop": ["d"]}, "good", "polly"),
        ({"stop": []}, "good mor", "polly"),
    ]:
        prompt, options = "good morning", {"stop": ["x"], **override}
        replies = [
            model.invoke(prompt, **options),
            await model.ainvoke(prompt, **options),
            merged(list(model.stream(prompt, **options))),
            merged([c async for c in model.astream(prompt, **options)]),
            model.bind(**options).invoke(prompt),
        ]
        assert {reply.text for reply in replies} == {content}, options
        assert {reply.response_metadata["model_name"] for reply in replies} == {name}
    assert model.invoke("good morning").text == "g"  # its own stop


@pytest.mark.parametrize("options", [{"max_tokens": -1}, {"stop": ["x", ""]}])
def test_a_call_that_makes_no_sense_is_refused(
    cls: type[ChatParrotLink], options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"ask for 0 or more|leave it out"):
        cls(parrot_buffer_length=3).invoke("hello", **options)


async def test_langchain_reports_every_token_once(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3)
    for call in ("stream", "astream"):
        ended = Ended()
        config = {"callbacks": [ended]}
        if call == "stream":
            list(model.stream("cat", config))
        else:
            _ = [chunk async for chunk in model.astream("cat", config)]
        assert ended.tokens == ["c", "a", "t", ""]
    ended = Ended()
    model.invoke("cat", {"callbacks": [ended]})
    assert ended.tokens == []


@pytest.mark.skipif(bool(V3_MISSING), reason=V3_MISSING)
async def test_events_v3_report_no_token_twice(cls: type[ChatParrotLink]) -> None:
    model, ended = cls(parrot_buffer_length=3), Ended()
    with quiet():
        list(model.stream_events("cat", {"callbacks": [ended]}, version="v3"))
        stream = await model.astream_events("cat", {"callbacks": [ended]}, version="v3")
        async with stream:
            _ = [event async for event in stream]
    assert ended.tokens == []
    assert [result.generations[0][0].message.text for result in ended.results] == ["cat", "cat"]


DIFFERENT = [
    ({"parrot_buffer_length": 3}, {"parrot_buffer_length": 4}),
    ({"max_tokens": 2}, {"max_tokens": 3}),
    ({"stop": ["l"]}, {"stop": ["o"]}),
    ({"stop": ["l"]}, {}),
    ({"model": "polly"}, {"model": "molly"}),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_models_that_answer_differently_share_no_cache_entry(
    cls: type[ChatParrotLink], one: dict[str, Any], other: dict[str, Any]
) -> None:
    from langchain_core.caches import InMemoryCache

    cache = InMemoryCache()
    models = [cls(**{"parrot_buffer_length": 9, "cache": cache, **kw}) for kw in (one, other)]
    fresh = [cls(**{"parrot_buffer_length": 9, **kw}) for kw in (one, other)]
    for _ in range(2):
        for model, uncached in zip(models, fresh, strict=True):
            cached, expected = model.invoke("hello"), uncached.invoke("hello")
            assert cached.content == expected.content
            assert cached.response_metadata == expected.response_metadata


def test_a_cached_reply_is_found_again(cls: type[ChatParrotLink]) -> None:
    from langchain_core.caches import InMemoryCache

    cache = InMemoryCache()
    replies = [cls(parrot_buffer_length=3, cache=cache).invoke("hello") for _ in range(2)]
    assert len(cache._cache) == 1
    assert {reply.text for reply in replies} == {"hel"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"parrot_buffer_length": -1},
        {},
        {"parrot_buffer_length": 3, "parrot_buffer": 3},
        {"parrot_buffer_length": 3, "model": "a", "model_name": "b"},
        {"parrot_buffer_length": 3, "max_tokens": -1},
        {"parrot_buffer_length": 3, "timeout": 0},
        {"parrot_buffer_length": 3, "max_retries": -1},
        {"parrot_buffer_length": 3, "time_to_first_chunk": -0.1},
        {"parrot_buffer_length": 3, "time_per_chunk": math.inf},
        {"parrot_buffer_length": 3, "latency_jitter": 1.5},
        {"parrot_buffer_length": 3, "failure_rate": 1.1},
        {"parrot_buffer_length": 3, "failure_after_chunks": -1},
    ],
)
def test_what_cannot_be_constructed(cls: type[ChatParrotLink], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        cls(**wrong)


# What is recorded ---------------------------------------------------------------------------


def test_its_name_goes_by_both_names(cls: type[ChatParrotLink]) -> None:
    assert cls(model="polly", parrot_buffer_length=3).model_name == "polly"
    assert cls(model_name="polly", parrot_buffer_length=3).model_name == "polly"


def test_what_langchain_records(cls: type[ChatParrotLink]) -> None:
    model = cls(model="polly", parrot_buffer_length=9, temperature=0.5, max_tokens=8, stop=["x"])
    assert model._llm_type == "echoing-chat-model-advanced"
    assert model._identifying_params == {
        "model_name": "polly",
        "parrot_buffer_length": 9,
        "max_tokens": 8,
        "stop_sequences": ["x"],
        "temperature": 0.5,
    }
    assert model._get_ls_params() == {
        "ls_provider": "parrot",
        "ls_model_name": "polly",
        "ls_model_type": "chat",
        "ls_temperature": 0.5,
        "ls_max_tokens": 8,
        "ls_stop": ["x"],
    }
    overridden = model._get_ls_params(stop=["y"], model="molly", temperature=0, max_tokens=2)
    assert overridden == {
        "ls_provider": "parrot",
        "ls_model_name": "molly",
        "ls_model_type": "chat",
        "ls_temperature": 0,
        "ls_max_tokens": 2,
        "ls_stop": ["y"],
    }


def test_callbacks_are_told_what_was_asked(cls: type[ChatParrotLink]) -> None:
    ended = Ended()
    model = cls(model="polly", parrot_buffer_length=9, max_tokens=8)
    model.invoke("hello", {"callbacks": [ended]}, max_tokens=2)
    (start,) = ended.starts
    assert start["invocation_params"]["model_name"] == "polly"
    assert start["invocation_params"]["max_tokens"] == 2
    assert start["metadata"]["ls_max_tokens"] == 2


def test_it_is_copied_and_pickled(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3, latency_seed=1, latency_jitter=0.5)
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other is not model
        assert other.invoke("hello").text == "hel"


def test_its_fields_can_be_configured(cls: type[ChatParrotLink]) -> None:
    from langchain_core.runnables import ConfigurableField

    model = cls(model="polly", parrot_buffer_length=3).configurable_fields(
        parrot_buffer_length=ConfigurableField(id="length")
    )
    assert model.invoke("hello").text == "hel"
    assert model.invoke("hello", {"configurable": {"length": 4}}).text == "hell"


def test_its_key_is_not_shown(cls: type[ChatParrotLink]) -> None:
    assert "hunter2" not in repr(cls(parrot_buffer_length=3, api_key="hunter2"))


def test_it_is_not_serialized_by_langchain(cls: type[ChatParrotLink]) -> None:
    assert not cls.is_lc_serializable()


async def test_streaming_sends_invoke_by_way_of_the_stream(cls: type[ChatParrotLink]) -> None:
    ended = Ended()
    model = cls(parrot_buffer_length=3, streaming=True)
    assert model.invoke("cat", {"callbacks": [ended]}).content == "cat"
    assert ended.tokens == ["c", "a", "t", ""]


# How long it takes --------------------------------------------------------------------------


def arrivals(stream: Iterator[Any]) -> list[float]:
    begun = time.perf_counter()
    return [time.perf_counter() - begun for _ in stream]


async def aarrivals(stream: AsyncIterator[Any]) -> list[float]:
    begun = time.perf_counter()
    return [time.perf_counter() - begun async for _ in stream]


async def test_service_time_is_the_same_in_one_piece_and_in_chunks(
    cls: type[ChatParrotLink],
) -> None:
    model = cls(parrot_buffer_length=3, time_to_first_chunk=0.04, time_per_chunk=0.02)

    begun = time.perf_counter()
    model.invoke("hello")
    assert 0.08 <= time.perf_counter() - begun < 0.5

    begun = time.perf_counter()
    await model.ainvoke("hello")
    # An event loop's clock may be a tick early.
    assert 0.079 <= time.perf_counter() - begun < 0.5

    for first, second, third, last in (
        arrivals(model.stream("hello")),
        await aarrivals(model.astream("hello")),
    ):
        assert 0.039 <= first < second < third <= last < 0.5
        assert third >= 0.079


async def test_the_async_parrot_lets_others_run_while_it_waits() -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.005)
            beats += 1

    heart = asyncio.create_task(beat())
    model = AsyncChatParrotLink(
        parrot_buffer_length=3, time_to_first_chunk=0.05, time_per_chunk=0.01
    )
    await model._agenerate([HumanMessage("hello")])
    after_agenerate = beats
    _ = [chunk async for chunk in model._astream([HumanMessage("hello")])]
    heart.cancel()
    assert after_agenerate >= 3
    assert beats - after_agenerate >= 3


def service(model: ChatParrotLink, chunks: int = 5) -> float:
    seconds, failure = model._service(chunks)
    assert failure is None
    return seconds


@given(
    chunks=st.integers(0, 50),
    first=st.floats(0, 10),
    later=st.floats(0, 10),
)
def test_simulated_seconds_add_up(chunks: int, first: float, later: float) -> None:
    model = ChatParrotLink(parrot_buffer_length=1, time_to_first_chunk=first, time_per_chunk=later)
    assert service(model, chunks) == pytest.approx(first + later * max(chunks - 1, 0))
    assert list(model._beats(chunks)).count(None) == chunks


def test_jitter_is_seeded_bounded_and_centred(cls: type[ChatParrotLink]) -> None:
    def seconds(seed: int | None, calls: int = 400) -> list[float]:
        model = cls(
            parrot_buffer_length=1,
            time_to_first_chunk=1,
            time_per_chunk=1,
            latency_jitter=0.2,
            latency_seed=seed,
        )
        return [service(model) for _ in range(calls)]

    assert seconds(1) == seconds(1)
    assert seconds(1) != seconds(2)
    assert seconds(None) != seconds(None)
    assert all(4 <= s <= 6 for s in seconds(1))
    assert mean(seconds(1)) == pytest.approx(5, rel=0.02)


def test_failures_leave_the_latencies_as_they_were() -> None:
    def seconds(**failures: Any) -> list[float]:
        model = ChatParrotLink(
            parrot_buffer_length=1,
            time_per_chunk=1,
            latency_jitter=0.2,
            latency_seed=1,
            **failures,
        )
        return [model._service(5)[0] for _ in range(20)]

    assert seconds() == seconds(failure_rate=0.3, failure_seed=1, max_retries=99)


# How it fails -------------------------------------------------------------------------------


async def test_a_reply_that_takes_too_long_times_out(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=5, time_per_chunk=0.02, timeout=0.05)
    assert model.invoke("hel").text == "hel"
    begun = time.perf_counter()
    with pytest.raises(TimeoutError, match=r"3 of 5 chunks within timeout=0\.05 s"):
        model.invoke("hello")
    assert time.perf_counter() - begun >= 0.05
    with pytest.raises(TimeoutError):
        await model.ainvoke("hello")
    assert await texts_until(TimeoutError, model.stream("hello")) == ["h", "e", "l"]
    assert await texts_until(TimeoutError, model.astream("hello")) == ["h", "e", "l"]


def test_a_slow_refusal_times_out_as_well() -> None:
    model = ChatParrotLink(
        parrot_buffer_length=3, time_to_first_chunk=0.02, timeout=0.01, failure_rate=1
    )
    with pytest.raises(TimeoutError, match="no answer within"):
        model.invoke("hello")


async def test_a_connection_breaks_after_some_chunks(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=5, failure_after_chunks=2)
    with pytest.raises(SimulatedError, match="broken after 2 of 5 chunks"):
        model.invoke("hello")
    with pytest.raises(SimulatedError):
        await model.ainvoke("hello")
    ended = Ended()
    for call in (model.stream, model.astream):
        assert await texts_until(SimulatedError, call("hello", {"callbacks": [ended]})) == [
            "h",
            "e",
        ]
    assert [type(error) for error in ended.errors] == [SimulatedError, SimulatedError]
    assert model.invoke("he").text == "he"  # no more than two chunks


def failures(model: ChatParrotLink, calls: int = 2000) -> list[bool]:
    return [model._service(3)[1] is not None for _ in range(calls)]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_call_fails_when_every_retry_is_refused(retries: int) -> None:
    rate = 0.5
    model = ChatParrotLink(
        parrot_buffer_length=3, failure_rate=rate, failure_seed=7, max_retries=retries
    )
    expected = rate ** (retries + 1)
    assert mean(failures(model)) == pytest.approx(expected, abs=0.04)


def test_refusals_are_seeded_and_off_by_default() -> None:
    def once(seed: int | None) -> list[bool]:
        return failures(
            ChatParrotLink(
                parrot_buffer_length=3, failure_rate=0.5, failure_seed=seed, max_retries=0
            )
        )

    assert once(1) == once(1)
    assert once(1) != once(2)
    assert once(None) != once(None)
    assert not any(failures(ChatParrotLink(parrot_buffer_length=3)))


async def test_certain_refusal(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3, failure_rate=1, time_to_first_chunk=0.01)
    begun = time.perf_counter()
    with pytest.raises(SimulatedError, match="attempt 3 of 3 was refused"):
        model.invoke("hello")
    assert time.perf_counter() - begun >= 0.03
    with pytest.raises(ConnectionError):
        await model.ainvoke("hello")
    with pytest.raises(ConnectionError):
        list(model.stream("hello"))


def test_langchain_can_retry_what_fails(cls: type[ChatParrotLink]) -> None:
    model = cls(parrot_buffer_length=3, failure_rate=0.5, failure_seed=1, max_retries=0)
    patient = model.with_retry(
        retry_if_exception_type=(ConnectionError,),
        wait_exponential_jitter=False,
        stop_after_attempt=50,
    )
    assert {patient.invoke("hello").text for _ in range(20)} == {"hel"}
