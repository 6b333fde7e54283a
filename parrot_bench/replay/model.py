"""A chat model that gives back recorded replies: LangChain and real traffic, and no provider.

Which reply it is, and when which part of it is due, is decided by code that neither sleeps nor
awaits; the four methods that LangChain asks for only wait and hand over, as the parrot's do.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import perf_counter_ns
from typing import Any, Final, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from parrot_bench.replay.files import RecordedReply, Recording, prompt_key, read_recording

KNOWN_PROMPTS: Final = 4096
"""Prompts whose replies are remembered, so that they are not digested anew for every call."""

Latency = Literal["zero", "recorded"]
Order = Literal["turn", "prompt"]


class ReplayChatModel(BaseChatModel):
    """A chat model that gives back the replies of a file that ``parrot-bench record`` has written.

    A prompt that was recorded gets its own replies, any other prompt any of them. Chunks are those
    that were recorded, and each call has its own; ``invoke`` gives what they add up to.

    Attributes:
        file: The recording.
        latency: ``zero``: everything at once. ``recorded``: every chunk when it came, counted
            from the beginning of the call, so that waits don't add up.
        order: ``turn``: one reply after the other, from the first again after the last.
            ``prompt``: the same prompt always gets the same reply: its own first one, or, where
            it was not recorded, the reply of median length.

    Raises:
        UsageError: The file cannot be read, or is no recording.

    Example:
        >>> ReplayChatModel(file="replies.jsonl").invoke("hello")  # doctest: +SKIP
    """

    model_config = ConfigDict(extra="forbid")

    file: Path
    latency: Latency = "zero"
    order: Order = "turn"

    _recording: Recording = PrivateAttr()
    _turns: "_Turns" = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Read the file, so that no call has to."""
        super().model_post_init(context)
        self._recording = read_recording(self.file)
        self._turns = _Turns(self._recording.replies, self.order)

    @property
    def recording(self) -> Recording:
        """What is given back."""
        return self._recording

    @property
    def model_name(self) -> str:
        """The name of the model that was recorded."""
        return self._recording.header.model_name

    @property
    def _llm_type(self) -> str:
        return "replayed-chat-model"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "replies": self._recording.digest[:16],
            "latency": self.latency,
            "order": self.order,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:  # noqa: ARG002
        # Not the provider that was recorded: nobody called it, and nobody is to pay for it.
        return LangSmithParams(
            ls_provider="replay", ls_model_name=self.model_name or "replay", ls_model_type="chat"
        )

    def _reply(self, messages: list[BaseMessage], stop: list[str] | None) -> RecordedReply:
        if stop:
            raise ValueError(
                "a recorded reply does not end at a stop sequence; record with it, or leave it out"
            )
        return self._turns.next(messages)

    def _moments(self, reply: RecordedReply) -> Iterator[float | ChatGenerationChunk]:
        """Yield what happens during a call: seconds to wait, or a chunk."""
        if self.latency == "zero":
            yield from reply.chunks()
            return
        begun = perf_counter_ns()
        for piece in reply.pieces:
            chunk = piece.chunk()
            if (left_ns := begun + piece.at_ns - perf_counter_ns()) > 0:
                yield left_ns / 1e9
            yield chunk
        if (left_ns := begun + reply.latency_ns - perf_counter_ns()) > 0:
            yield left_ns / 1e9

    def _service(self, reply: RecordedReply) -> float:
        """Seconds that a reply in one piece takes."""
        return 0.0 if self.latency == "zero" else reply.latency_ns / 1e9

    # As the parrot's, none of these four reports tokens to the run manager: LangChain does.

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        reply = self._reply(messages, stop)
        if seconds := self._service(reply):
            time.sleep(seconds)
        return reply.whole()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[ChatGenerationChunk]:
        for moment in self._moments(self._reply(messages, stop)):
            if isinstance(moment, float):
                time.sleep(moment)
            else:
                yield moment

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        reply = self._reply(messages, stop)
        if seconds := self._service(reply):
            await asyncio.sleep(seconds)
        return reply.whole()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        for moment in self._moments(self._reply(messages, stop)):
            if isinstance(moment, float):
                await asyncio.sleep(moment)
            else:
                yield moment


class _Turns:
    """Which reply is next, for any thread.

    Args:
        replies: All of them.
        order: See :class:`ReplayChatModel`.
    """

    def __init__(self, replies: Sequence[RecordedReply], order: Order) -> None:
        by_prompt: dict[str, list[RecordedReply]] = {}
        for reply in replies:
            by_prompt.setdefault(reply.prompt, []).append(reply)
        if order == "prompt":
            by_prompt = {key: found[:1] for key, found in by_prompt.items()}
            replies = [typical(replies)]
        self._every = _Cycle(replies)
        self._own = {key: _Cycle(found) for key, found in by_prompt.items()}
        self._of_text = lru_cache(KNOWN_PROMPTS)(self._digested)

    def next(self, messages: Sequence[BaseMessage]) -> RecordedReply:
        """The reply to what is asked now."""
        return self._cycle(messages).next()

    def _cycle(self, messages: Sequence[BaseMessage]) -> "_Cycle":
        if len(messages) == 1 and type(messages[0]) is HumanMessage:
            text = messages[0].content
            if isinstance(text, str):
                return self._of_text(text)
        return self._own.get(prompt_key(messages), self._every)

    def _digested(self, text: str) -> "_Cycle":
        return self._own.get(prompt_key([HumanMessage(text)]), self._every)


class _Cycle:
    """One reply after the other, over and over, for any thread."""

    def __init__(self, replies: Sequence[RecordedReply]) -> None:
        self._replies = replies
        self._next = 0
        self._lock = Lock()

    def next(self) -> RecordedReply:
        """The next one."""
        with self._lock:
            reply = self._replies[self._next]
            self._next = (self._next + 1) % len(self._replies)
        return reply


def typical(replies: Sequence[RecordedReply]) -> RecordedReply:
    """The reply of median length; of two, the shorter one."""
    by_length = sorted(replies, key=lambda reply: len(reply.pieces))
    return by_length[(len(by_length) - 1) // 2]
