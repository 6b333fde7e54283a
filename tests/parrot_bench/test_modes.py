"""Every execution mode performs the same calls, and says when it cannot."""

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core._api import LangChainBetaWarning, LangChainDeprecationWarning
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import SimpleChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import Runnable

from parrot_bench.errors import UnknownModeError
from parrot_bench.execution import CallSettings, ExecutionMode, Keep, collect, drain
from parrot_bench.mode_table import MODES, default_modes, quiet, select_modes
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink

PROMPTS = ["hello", "", "naïve 🦜🇬🇧 e\u0301", "a longer prompt with several words"]

PARROTS = [
    pytest.param(ChatParrotLink(parrot_buffer_length=7), id="sync-only"),
    pytest.param(AsyncChatParrotLink(parrot_buffer_length=7), id="native-async"),
    pytest.param(AsyncChatParrotLink(parrot_buffer_length=7, output_version="v1"), id="v1 blocks"),
    pytest.param(ChatParrotLink(parrot_buffer_length=0), id="empty reply"),
    pytest.param(AsyncChatParrotLink(parrot_buffer_length=0), id="empty reply, native async"),
]


# An older langchain-core has no events v3; test_an_older_core_has_no_events_v3 is about that.
HERE = [m for m in MODES.values() if not m.unavailable(AsyncChatParrotLink(parrot_buffer_length=1))]
HAS_V3 = MODES["astream_events_v3"] in HERE
OF_GRAPHS = ("stream_messages", "astream_messages")


class InOnePiece(BaseChatModel):
    """A model that implements nothing but what it must."""

    @property
    def _llm_type(self) -> str:
        return "in-one-piece"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatParrotLink(parrot_buffer_length=5)._generate(messages)


class OnlyAstream(InOnePiece):
    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in AsyncChatParrotLink(parrot_buffer_length=5)._astream(messages):
            yield chunk


class Simple(SimpleChatModel):
    @property
    def _llm_type(self) -> str:
        return "simple"

    def _call(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> str:
        return "hi"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with quiet():
        yield


async def raw(
    mode: ExecutionMode,
    model: BaseChatModel,
    prompts: list[Any],
    keep: Keep = collect,
    settings: CallSettings | None = None,
) -> list[Any]:
    """What the mode returns: one result a call, or one for all of them."""
    call = mode.bind(model, settings or CallSettings(), keep)
    prepared = [mode.prepare(prompt) for prompt in prompts]
    items: list[Any] = [prepared] if mode.batches else prepared
    return [await call(item) if mode.kind == "async" else call(item) for item in items]


async def replies(mode: ExecutionMode, model: BaseChatModel, prompts: list[Any]) -> list[AIMessage]:
    return [m for result in await raw(mode, model, prompts) for m in mode.messages(result)]


@pytest.mark.parametrize("model", PARROTS)
@pytest.mark.parametrize("mode", HERE, ids=lambda mode: mode.name)
async def test_every_mode_gives_the_replies_of_invoke(
    mode: ExecutionMode, model: ChatParrotLink
) -> None:
    expected = [model.invoke(prompt) for prompt in PROMPTS]
    found = await replies(mode, model, PROMPTS)
    assert [m.text for m in found] == [m.text for m in expected]
    assert [m.usage_metadata for m in found] == [m.usage_metadata for m in expected]
    assert all(type(m) is AIMessage for m in found)
    assert [m.text for m in found] == [p[: model.parrot_buffer_length] for p in PROMPTS]


@pytest.mark.parametrize("mode", HERE, ids=lambda mode: mode.name)
@pytest.mark.parametrize("keep", [drain, collect], ids=["drain", "collect"])
@pytest.mark.parametrize(
    "settings",
    [
        CallSettings(),
        CallSettings(kwargs={"max_tokens": 2}),
        CallSettings(config={"tags": ["x"]}, max_concurrency=2),
        CallSettings(config={"tags": ["x"]}, kwargs={"max_tokens": 2}, max_concurrency=1),
    ],
    ids=["bare", "kwargs", "config", "both"],
)
async def test_settings_are_heeded_whatever_is_kept(
    mode: ExecutionMode, keep: Keep, settings: CallSettings
) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=4)
    results = await raw(mode, model, PROMPTS, keep, settings)
    if keep is collect:
        found = [m for result in results for m in mode.messages(result)]
        length = settings.kwargs.get("max_tokens", 4)
        assert [m.text for m in found] == [prompt[:length] for prompt in PROMPTS]


@pytest.mark.parametrize(
    "mode", [m for m in HERE if m.status != "floor"], ids=lambda mode: mode.name
)
async def test_callbacks_of_the_settings_see_every_call(mode: ExecutionMode) -> None:
    from langchain_core.callbacks import BaseCallbackHandler

    class Counting(BaseCallbackHandler):
        started = ended = 0

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            self.started += 1

        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            self.ended += 1

    counting = Counting()
    settings = CallSettings(config={"callbacks": [counting]})
    model = AsyncChatParrotLink(parrot_buffer_length=4)
    await raw(mode, model, PROMPTS, drain, settings)
    await raw(mode, model, PROMPTS, drain, settings)
    assert counting.started == counting.ended == 2 * len(PROMPTS)


@pytest.mark.parametrize("mode", HERE, ids=lambda mode: mode.name)
async def test_every_mode_takes_text_messages_and_prompt_values(mode: ExecutionMode) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=3)
    prompts = [
        "hello",
        [HumanMessage("hello")],
        [("system", "be brief"), ("human", "hello")],
        ChatPromptValue(messages=[HumanMessage("hello")]),
    ]
    assert [m.text for m in await replies(mode, model, prompts)] == ["hel"] * 4


@pytest.mark.parametrize("mode", HERE, ids=lambda mode: mode.name)
async def test_a_failing_call_raises(mode: ExecutionMode) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=3, failure_after_chunks=1)
    with pytest.raises(ConnectionError, match="broken after 1 of 3 chunks"):
        await raw(mode, model, ["hello", "goodbye"], drain)


@pytest.mark.parametrize("name", ["invoke", "ainvoke"])
def test_nothing_stands_between_the_harness_and_invoke(name: str) -> None:
    model = ChatParrotLink(parrot_buffer_length=3)
    assert MODES[name].bind(model, CallSettings(), drain) == getattr(model, name)


@pytest.mark.parametrize("mode", [m for m in MODES.values() if m.batches], ids=lambda m: m.name)
@pytest.mark.parametrize("limit", [1, 3])
async def test_max_concurrency_is_what_is_in_flight(mode: ExecutionMode, limit: int) -> None:
    lock, in_flight, peak = threading.Lock(), 0, 0

    class Counting(AsyncChatParrotLink):
        def count(self, change: int) -> None:
            nonlocal in_flight, peak
            with lock:
                in_flight += change
                peak = max(peak, in_flight)

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            self.count(1)
            try:
                return super()._generate(*args, **kwargs)
            finally:
                self.count(-1)

        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            self.count(1)
            try:
                return await super()._agenerate(*args, **kwargs)
            finally:
                self.count(-1)

    model = Counting(parrot_buffer_length=3, time_to_first_chunk=0.02)
    await raw(mode, model, ["hello"] * 9, drain, CallSettings(max_concurrency=limit))
    assert peak == limit


def test_the_table() -> None:
    assert list(MODES) == [mode.name for mode in MODES.values()]
    assert len(MODES) == 20
    of_chat_models = [m for m in MODES.values() if m.name not in OF_GRAPHS]
    assert [m for m in of_chat_models if HAS_V3 or not m.name.endswith("_v3")] == HERE
    assert sum(mode.status == "floor" for mode in MODES.values()) == 4
    for mode in MODES.values():
        if mode.status == "floor":
            assert not mode.floor
        else:
            floor = MODES[mode.floor]
            assert (floor.status, floor.kind, floor.streams) == ("floor", mode.kind, mode.streams)
    order = [
        4 if mode.status == "deprecated" else 3 if mode.status == "beta" else
        0 if mode.status == "floor" else 1 if mode.kind == "sync" else 2
        for mode in MODES.values()
    ]  # fmt: skip
    assert order == sorted(order)


def test_default_modes_leave_out_the_deprecated() -> None:
    names = [mode.name for mode in default_modes()]
    deprecated = ["astream_events_v1", "astream_log"]
    assert [name for name in MODES if name not in names] == [*OF_GRAPHS, *deprecated]
    assert select_modes() == default_modes()


def test_modes_are_selected_in_the_order_given() -> None:
    chosen = select_modes(["stream", "invoke", "astream_log", "stream"])
    assert [mode.name for mode in chosen] == ["stream", "invoke", "astream_log"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("invok", "did you mean invoke? The modes: direct_generate, "),
        ("quantum", "no mode is called 'quantum'; The modes: direct_generate, "),
        ("", "no mode is called ''"),
        ("no_such_module:mode", "there is no module 'no_such_module'"),
        ("parrot_bench.mode_table:MODE", "did you mean MODES?"),
        ("parrot_bench.execution:drain", "is of type Keep, expected an ExecutionMode"),
    ],
)
def test_an_unknown_mode_is_refused_in_one_line(name: str, said: str) -> None:
    with pytest.raises(UnknownModeError) as refused:
        select_modes(["invoke", name])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_mode_of_ones_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "polite.py").write_text(
        "from parrot_bench import ExecutionMode\n"
        "def make(name): return ExecutionMode(name=name, api='please', kind='sync',\n"
        "    status='stable', messages=lambda reply: [reply],\n"
        "    bind=lambda model, settings, keep: lambda prompt: model.invoke(f'please, {prompt}'))\n"
        "polite, clash = make('polite'), make('invoke')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    invoke, own = select_modes(["invoke", "polite.py:polite"])
    assert (invoke.name, own.name, own.floor) == ("invoke", "polite", "direct_generate")
    (reply,) = await replies(own, ChatParrotLink(parrot_buffer_length=8), ["sing"])
    assert reply.text == "please, "
    with pytest.raises(UnknownModeError, match="is called 'invoke', as is another mode"):
        select_modes(["invoke", "polite.py:clash"])


def test_what_a_model_lacks_is_said() -> None:
    model = InOnePiece()
    lacking = {name: mode.unavailable(model) for name, mode in MODES.items()}
    no_core = "the installed langchain-core has no chat model events of version v3"
    no_stream = "InOnePiece does not implement _stream"
    neither = "InOnePiece implements neither _stream nor _astream"
    assert {name: why for name, why in lacking.items() if why} == {
        "direct_stream": no_stream,
        "direct_astream": neither,
        **dict.fromkeys(OF_GRAPHS, "it is a mode of LangGraph's graphs, and InOnePiece is none"),
        "stream_events_v3": no_stream if HAS_V3 else no_core,
        "astream_events_v3": neither if HAS_V3 else no_core,
    }


@pytest.mark.parametrize(
    "model", [InOnePiece(), OnlyAstream(), Simple()], ids=lambda m: m._llm_type
)
async def test_what_is_available_works(model: BaseChatModel) -> None:
    expected = [model.invoke(prompt).text for prompt in PROMPTS]
    for mode in MODES.values():
        if not mode.unavailable(model):
            assert [m.text for m in await replies(mode, model, PROMPTS)] == expected, mode.name


FALLBACK = "async through LangChain's executor fallback: {} does not implement {}"
ONE_PIECE = "the reply arrives in one piece: {} does not implement _stream"


@pytest.mark.parametrize(
    ("model", "mode", "note"),
    [
        (AsyncChatParrotLink(parrot_buffer_length=1), name, "")
        for name in MODES
    ]
    + [
        (ChatParrotLink(parrot_buffer_length=1), "stream", ""),
        (
            ChatParrotLink(parrot_buffer_length=1),
            "ainvoke",
            FALLBACK.format("ChatParrotLink", "_agenerate"),
        ),
        (
            ChatParrotLink(parrot_buffer_length=1),
            "astream",
            FALLBACK.format("ChatParrotLink", "_astream"),
        ),
        (
            ChatParrotLink(parrot_buffer_length=1, disable_streaming=True),
            "stream",
            "the reply arrives in one piece: disable_streaming is set",
        ),
        (
            AsyncChatParrotLink(parrot_buffer_length=1, disable_streaming=True),
            "astream",
            "the reply arrives in one piece: disable_streaming is set",
        ),
        (AsyncChatParrotLink(parrot_buffer_length=1, disable_streaming=True), "ainvoke", ""),
        (AsyncChatParrotLink(parrot_buffer_length=1, disable_streaming=True), "direct_stream", ""),
        (InOnePiece(), "stream", ONE_PIECE.format("InOnePiece")),
        (
            InOnePiece(),
            "astream",
            f"{ONE_PIECE.format('InOnePiece')}; {FALLBACK.format('InOnePiece', '_agenerate')}",
        ),
        (InOnePiece(), "direct_stream", ""),
        (OnlyAstream(), "astream", ""),
        (OnlyAstream(), "stream", ONE_PIECE.format("OnlyAstream")),
        (Simple(), "ainvoke", FALLBACK.format("Simple", "_agenerate")),
    ],
)  # fmt: skip
def test_notes(model: BaseChatModel, mode: str, note: str) -> None:
    assert MODES[mode].note(model) == note


async def test_disable_streaming_does_what_the_note_says() -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=5, disable_streaming=True)
    chunks = {}
    for name in ("stream", "astream", "direct_stream", "direct_astream"):
        (found,) = await raw(MODES[name], model, ["hello"])
        chunks[name] = len(found)
    assert chunks == {"stream": 1, "astream": 1, "direct_stream": 6, "direct_astream": 6}


def test_an_older_core_has_no_events_v3(monkeypatch: pytest.MonkeyPatch) -> None:
    model = AsyncChatParrotLink(parrot_buffer_length=1)
    monkeypatch.delattr(BaseChatModel, "stream_events", raising=False)
    monkeypatch.setattr(BaseChatModel, "astream_events", Runnable.astream_events)
    for name in ("stream_events_v3", "astream_events_v3"):
        assert "langchain-core has no chat model events of version v3" in MODES[name].unavailable(
            model
        )
    monkeypatch.delattr(Runnable, "stream_events", raising=False)
    assert "langchain-core" in MODES["stream_events_v3"].unavailable(model)


async def test_the_output_of_a_nested_model_is_not_taken_for_the_reply() -> None:
    inner = AsyncChatParrotLink(parrot_buffer_length=2)

    class Outer(AsyncChatParrotLink):
        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
            async for chunk in super()._astream(*args, **kwargs):
                yield chunk
            await inner.ainvoke("inner")

    model = Outer(parrot_buffer_length=5)
    for name in ("astream_events_v1", "astream_events_v2", "astream_log"):
        assert [m.text for m in await replies(MODES[name], model, ["outer!"])] == ["outer"]


@pytest.mark.skipif(not HAS_V3, reason="the installed langchain-core has no events v3")
async def test_events_v3_wait_for_the_callbacks_of_the_end() -> None:
    from langchain_core.callbacks import AsyncCallbackHandler

    class Slow(AsyncCallbackHandler):
        ended = False

        async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0.02)
            self.ended = True

    slow = Slow()
    settings = CallSettings(config={"callbacks": [slow]})
    model = AsyncChatParrotLink(parrot_buffer_length=1)
    await raw(MODES["astream_events_v3"], model, ["hello"], drain, settings)
    assert slow.ended


@pytest.mark.parametrize("warning", [LangChainBetaWarning, LangChainDeprecationWarning])
def test_quiet_hides_beta_and_deprecation_and_nothing_else(warning: type[Warning]) -> None:
    warnings.warn("LangChain's", warning, stacklevel=1)  # an error without the fixture
    with pytest.raises(DeprecationWarning, match="another's"):
        warnings.warn("another's", DeprecationWarning, stacklevel=1)
