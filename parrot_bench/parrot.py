"""The reference models: chat models that answer with the beginning of the last message.

They need no network, cost next to nothing and always answer the same, so that whatever is
measured around them is LangChain. One character is one token and one chunk. Characters are
Unicode code points, not grapheme clusters: a flag or an accented letter may take two.

What the reply is, how long it takes and whether it fails is decided by code that neither
sleeps nor awaits; the four methods LangChain asks for only wait and hand over.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr


class SimulatedError(ConnectionError):
    """A failure the parrot was asked to simulate."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the parrot says, before it is known how it is delivered.

    Attributes:
        text: The reply.
        finish_reason: ``length`` when the reply was cut, ``stop`` when it was not, or when it
            ends with a stop sequence.
        model_name: The name in force for this call.
        input_tokens: Characters of all messages.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    model_name: str
    input_tokens: int

    @property
    def usage(self) -> UsageMetadata:
        """Tokens in, out and together."""
        output_tokens = len(self.text)
        return UsageMetadata(
            input_tokens=self.input_tokens,
            output_tokens=output_tokens,
            total_tokens=self.input_tokens + output_tokens,
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """What goes into ``response_metadata``."""
        return {"finish_reason": self.finish_reason, "model_name": self.model_name}

    def whole(self) -> ChatResult:
        """The reply in one piece."""
        message = AIMessage(
            content=self.text, usage_metadata=self.usage, response_metadata=self.metadata
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def last_chunk(self) -> ChatGenerationChunk:
        """The chunk that ends a stream: no text, everything else.

        Merging adds up usage and joins equal strings of metadata end to end, so both are sent
        once. Without ``chunk_position`` LangChain would add an empty chunk of its own.
        """
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                usage_metadata=self.usage,
                response_metadata=self.metadata,
                chunk_position="last",
            )
        )


def echo(text: str, limit: int, stop: list[str] | None) -> tuple[str, Literal["stop", "length"]]:
    """Return what the parrot says to a text, and why it ends there.

    Args:
        text: What it hears.
        limit: Most characters it can say.
        stop: Sequences after which it falls silent. The one that is complete first counts; it
            is part of the reply, because the parrot knows what it heard only once it said it.

    Returns:
        The reply and its finish reason.

    Raises:
        ValueError: The limit is negative, or a stop sequence is empty.
    """
    if limit < 0:
        raise ValueError(f"a reply of {limit} characters was asked for; ask for 0 or more")
    reply = text[:limit]
    if stop:
        if "" in stop:
            raise ValueError(f"stop={stop!r} has an empty stop sequence; leave it out")
        ends = [at + len(word) for word in stop if (at := reply.find(word)) >= 0]
        if ends:
            return reply[: min(ends)], "stop"
    return reply, "length" if len(reply) < len(text) else "stop"


def _letter(character: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=character))


class ChatParrotLink(BaseChatModel):
    """A chat model that answers with the first characters of the last message.

    It is synchronous only: its async methods come from LangChain, which runs the synchronous
    ones in an executor. :class:`AsyncChatParrotLink` is the same model with async of its own,
    and the difference between the two is what that is worth.

    Simulated service time and failures are off by default. With them, the moments are the
    same whether a reply is streamed or not: the first chunk after ``time_to_first_chunk``,
    every further one ``time_per_chunk`` later, a reply in one piece with its last chunk.

    Attributes:
        model_name: Name recorded everywhere; ``model`` is accepted as well. A call may
            override it with ``model=``.
        parrot_buffer_length: Characters to echo.
        temperature: Recorded; a parrot has no choice of words.
        max_tokens: A second bound on the characters; a call may override it.
        timeout: Most seconds one attempt may take in simulated time before it ends in a
            ``TimeoutError``. Not retried: the next attempt would take as long.
        stop: Stop sequences; a call may override them.
        max_retries: How often an attempt that is refused is tried again.
        api_key: Accepted, so that a parrot can stand where a provider's model stood; unused.
        streaming: LangChain's own switch: ``invoke`` goes by way of ``_stream``.
        time_to_first_chunk: Simulated seconds before the first chunk, or before a refusal.
        time_per_chunk: Simulated seconds before every further chunk.
        latency_jitter: Each call's times are multiplied by one number drawn evenly from
            ``1 - latency_jitter`` to ``1 + latency_jitter``.
        latency_seed: Seed of those numbers; None for other ones in every instance.
        failure_rate: Probability that an attempt is refused before its first chunk. A call
            fails once ``max_retries`` retries were refused as well.
        failure_after_chunks: The connection breaks after so many chunks, in every reply that
            has more. Not retried: chunks that were handed over can't be taken back.
        failure_seed: Seed of the refusals; None for other ones in every instance.

    Example:
        >>> ChatParrotLink(model="polly", parrot_buffer_length=3).invoke("hello").text
        'hel'
    """

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    model_name: str = Field(default="parrot", alias="model")
    parrot_buffer_length: int = Field(ge=0)
    temperature: float | None = None
    max_tokens: int | None = Field(default=None, ge=0)
    timeout: float | None = Field(default=None, gt=0)
    stop: list[str] | None = None
    max_retries: int = Field(default=2, ge=0)
    api_key: SecretStr | None = None
    streaming: bool = False

    time_to_first_chunk: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    time_per_chunk: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    latency_jitter: float = Field(default=0.0, ge=0, le=1)
    latency_seed: int | None = None
    failure_rate: float = Field(default=0.0, ge=0, le=1)
    failure_after_chunks: int | None = Field(default=None, ge=0)
    failure_seed: int | None = None

    # Two generators, so that simulated failures leave the simulated latencies as they were.
    _latency_random: Random = PrivateAttr()
    _failure_random: Random = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Seed the random numbers."""
        super().model_post_init(context)
        self._latency_random = Random(self.latency_seed)  # noqa: S311  # nothing secret
        self._failure_random = Random(self.failure_seed)  # noqa: S311

    @property
    def _llm_type(self) -> str:
        return "echoing-chat-model-advanced"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """Everything that changes the answer: LangChain's cache key is made of it."""
        params: dict[str, Any] = {
            "model_name": self.model_name,
            "parrot_buffer_length": self.parrot_buffer_length,
        }
        if self.max_tokens is not None:
            params["max_tokens"] = self.max_tokens
        if self.stop is not None:
            # Not "stop": LangChain overwrites that key with the stop of the call, None
            # included, and two models with different stops would share a cache entry.
            params["stop_sequences"] = self.stop
        if self.temperature is not None:
            params["temperature"] = self.temperature
        return params

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = LangSmithParams(
            ls_provider="parrot",
            ls_model_name=kwargs.get("model") or self.model_name,
            ls_model_type="chat",
        )
        temperature = kwargs.get("temperature", self.temperature)
        if temperature is not None:
            params["ls_temperature"] = temperature
        max_tokens = kwargs.get("max_tokens", self.max_tokens)
        if max_tokens is not None:
            params["ls_max_tokens"] = max_tokens
        if stop or self.stop:
            params["ls_stop"] = stop or self.stop
        return params

    def _reply(
        self, messages: list[BaseMessage], stop: list[str] | None, call: dict[str, Any]
    ) -> Reply:
        if not messages:
            raise ValueError("the parrot was given no message; it needs one to echo")
        texts = [message.text for message in messages]
        limit = self.parrot_buffer_length
        max_tokens = call.get("max_tokens")
        if max_tokens is None:
            max_tokens = self.max_tokens
        if max_tokens is not None:
            limit = min(limit, max_tokens)
        text, finish_reason = echo(texts[-1], limit, self.stop if stop is None else stop)
        return Reply(
            text=text,
            finish_reason=finish_reason,
            model_name=call.get("model") or self.model_name,
            input_tokens=sum(map(len, texts)),
        )

    def _beats(self, chunks: int) -> Iterator[float | None]:
        """Yield what happens during one call with a reply of so many chunks.

        Yields:
            Seconds to wait; None where the next chunk is due.

        Raises:
            TimeoutError: The attempt takes longer than ``timeout``.
            SimulatedError: The last attempt was refused, or the connection broke.
        """
        first, later = self.time_to_first_chunk, self.time_per_chunk
        if self.latency_jitter:
            pace = 1 + self.latency_jitter * self._latency_random.uniform(-1, 1)
            first, later = first * pace, later * pace
        timeout = float("inf") if self.timeout is None else self.timeout
        refused = 0
        while self.failure_rate and self._failure_random.random() < self.failure_rate:
            yield min(first, timeout)
            if first > timeout:
                raise TimeoutError(f"no answer within timeout={timeout:g} s (simulated)")
            refused += 1
            if refused > self.max_retries:
                raise SimulatedError(f"attempt {refused} of {refused} was refused (simulated)")
        elapsed = 0.0
        for index in range(chunks or 1):
            wait = later if index else first
            if elapsed + wait > timeout:
                yield timeout - elapsed
                raise TimeoutError(
                    f"{index} of {chunks} chunks within timeout={timeout:g} s (simulated)"
                )
            elapsed += wait
            if wait:
                yield wait
            if index == self.failure_after_chunks:
                raise SimulatedError(
                    f"connection broken after {index} of {chunks} chunks (simulated)"
                )
            if chunks:
                yield None

    def _service(self, chunks: int) -> tuple[float, Exception | None]:
        """Add up one call's beats: seconds it takes, and the failure it ends in, if any."""
        seconds = 0.0
        try:
            for wait in self._beats(chunks):
                seconds += wait or 0.0
        except (TimeoutError, SimulatedError) as failure:
            return seconds, failure
        return seconds, None

    # None of these four reports tokens to the run manager. LangChain does it for every chunk,
    # and with its events of version v3 each token would be counted twice.

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages, stop, kwargs)
        seconds, failure = self._service(len(reply.text))
        if seconds:
            time.sleep(seconds)
        if failure:
            raise failure
        return reply.whole()

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reply = self._reply(messages, stop, kwargs)
        characters = iter(reply.text)
        for wait in self._beats(len(reply.text)):
            if wait is None:
                yield _letter(next(characters))
            else:
                time.sleep(wait)
        yield reply.last_chunk()


class AsyncChatParrotLink(ChatParrotLink):
    """The same model with async methods of its own.

    Its awaits suspend only where it simulates service time; without, a call runs through
    without giving the event loop a turn.
    """

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages, stop, kwargs)
        seconds, failure = self._service(len(reply.text))
        if seconds:
            await asyncio.sleep(seconds)
        if failure:
            raise failure
        return reply.whole()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reply = self._reply(messages, stop, kwargs)
        characters = iter(reply.text)
        for wait in self._beats(len(reply.text)):
            if wait is None:
                yield _letter(next(characters))
            else:
                await asyncio.sleep(wait)
        yield reply.last_chunk()
