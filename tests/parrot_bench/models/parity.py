"""Chat models that are right in everything but one thing, each for one kind of finding."""

# ruff: noqa: A002, ASYNC251, T201  # LangChain's own names; wrong on purpose

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import CallbackManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink


def good() -> ChatParrotLink:
    return AsyncChatParrotLink(parrot_buffer_length=20)


def good_sync() -> ChatParrotLink:
    return ChatParrotLink(parrot_buffer_length=20)


def good_waiting() -> ChatParrotLink:
    return AsyncChatParrotLink(
        parrot_buffer_length=20, time_to_first_chunk=0.03, time_per_chunk=0.001
    )


class Base(AsyncChatParrotLink):
    parrot_buffer_length: int = 20


class AstreamRaises(Base):
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        raise ValueError("the stream\nis closed")
        yield


class ErrorRepeatsPrompt(Base):
    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        raise ValueError(f"cannot answer {messages[-1].text!r} with sk-1234567890abcdef")


class Hangs(Base):
    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(3600)


class Dies(Base):
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        print("fatal: the driver is gone", flush=True)
        os._exit(7)
        yield


class DiesOfStop(Base):
    def _generate(self, messages: Any, stop: Any = None, *args: Any, **kwargs: Any) -> ChatResult:
        if stop:
            os._exit(8)
        return super()._generate(messages, stop, *args, **kwargs)


class RefusesArguments(Base):
    def _stream(  # type: ignore[override]
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None
    ) -> Iterator[ChatGenerationChunk]:
        return super()._stream(messages, stop)


class StreamsNothing(Base):
    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        return iter(())


class AnswersAsHuman(Base):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        text = super()._generate(*args, **kwargs).generations[0].message.text
        return ChatResult(generations=[ChatGeneration(message=HumanMessage(text))])


class OtherContent(Base):
    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        result = await super()._agenerate(messages, *args, **kwargs)
        result.generations[0].message.content = result.generations[0].message.text.upper()
        return result


class LosesAChunk(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(*args, **kwargs):
            if chunk.text != "e":
                yield chunk


class NoUsageInStreams(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(*args, **kwargs):
            chunk.message.usage_metadata = None  # type: ignore[attr-defined]
            yield chunk


class UsageTwice(Base):
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(*args, **kwargs):
            yield chunk
        usage = chunk.message.usage_metadata  # type: ignore[attr-defined]
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))


class Bare(BaseChatModel):
    """Text alone, as a first version of a model of one's own may give it."""

    @property
    def _llm_type(self) -> str:
        return "bare"

    def _reply(self, messages: list[BaseMessage], stop: list[str] | None) -> str:
        text = messages[-1].text[:20]
        for sequence in stop or ():
            text = text.partition(sequence)[0]
        return text

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = AIMessage(self._reply(messages, stop))
        return ChatResult(generations=[ChatGeneration(message=message)])


class MetadataTwice(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        metadata = {"model_name": self.model_name}
        for chunk in super()._stream(*args, **kwargs):
            if chunk.text == "W":
                chunk.message.response_metadata = metadata
            yield chunk


class NoFinishReason(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(*args, **kwargs):
            chunk.message.response_metadata.pop("finish_reason", None)
            yield chunk


class MoreMetadata(Base):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        result = super()._generate(*args, **kwargs)
        message = result.generations[0].message
        message.response_metadata["region"] = "north"
        message.additional_kwargs["refusal"] = None
        return result


class OwnId(Base):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        result = super()._generate(*args, **kwargs)
        result.generations[0].message.id = f"msg_{uuid4().hex}"
        return result


class PastCallbacks(Base):
    def invoke(self, input: Any, config: Any = None, *, stop: Any = None, **kwargs: Any) -> Any:
        messages = self._convert_input(input).to_messages()
        return self._generate(messages, stop, **kwargs).generations[0].message


class InvokesTwice(Base):
    async def ainvoke(self, *args: Any, **kwargs: Any) -> Any:
        await super().ainvoke(*args, **kwargs)
        return await super().ainvoke(*args, **kwargs)


class StreamsByInvoking(Base):
    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        whole = self.invoke(*args, **kwargs)
        for character in whole.text:
            yield AIMessageChunk(character)
        yield AIMessageChunk(
            "",
            usage_metadata=whole.usage_metadata,
            response_metadata=whole.response_metadata,
            id=whole.id,
        )


class TellsTokensTwice(Base):
    def stream(self, input: Any, config: Any = None, **kwargs: Any) -> Iterator[Any]:
        for chunk in super().stream(input, config, **kwargs):
            for handler in config["callbacks"]:
                handler.on_llm_new_token(chunk.content, run_id=uuid4())
            yield chunk


class TellsTokensItself(Base):
    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(messages, stop, **kwargs):
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


class StreamIgnoresStop(Base):
    def _stream(
        self, messages: Any, stop: Any = None, *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        return super()._stream(messages, None, *args, **kwargs)


class IgnoresMaxTokens(Base):
    async def _agenerate(self, *args: Any, max_tokens: Any = None, **kwargs: Any) -> Any:
        return await super()._agenerate(*args, **kwargs)


class BatchLoses(Base):
    def batch(self, *args: Any, **kwargs: Any) -> Any:
        return super().batch(*args, **kwargs)[:-1]


class BatchReorders(Base):
    async def abatch(self, *args: Any, **kwargs: Any) -> Any:
        return (await super().abatch(*args, **kwargs))[::-1]


class StreamsInOnePiece(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        first, *chunks = super()._stream(*args, **kwargs)
        for chunk in chunks:
            first += chunk
        yield first


class StreamsAtOnce(Base):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        time.sleep(0.1)
        return super()._stream(*args, **kwargs)


class BlocksTheLoop(Base):
    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        time.sleep(0.03)
        return await super()._agenerate(*args, **kwargs)


class BlocksBetweenChunks(Base):
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(*args, **kwargs):
            time.sleep(0.002)
            await asyncio.sleep(0)
            time.sleep(0.006)
            yield chunk


class KeyWithoutTemperature(Base):
    temperature: float | None = 0.5

    @property
    def _identifying_params(self) -> dict[str, Any]:
        params = super()._identifying_params
        params.pop("temperature", None)
        return params


class KeyLosesStop(Base):
    @property
    def _identifying_params(self) -> dict[str, Any]:
        params = super()._identifying_params
        # LangChain overwrites this name with the stop of the call.
        params["stop"] = params.pop("stop_sequences", None)
        return params


class Canned(Bare):
    """Parameters whose names do not say that they change the reply; some don't."""

    reply_text: str = "one two three four five"
    shift: int = 3
    retries: int = 2
    port: int = 8080
    api_key: str = "sk-very-secret"
    colour: str = "grey"

    def _reply(self, messages: list[BaseMessage], stop: list[str] | None) -> str:
        text = self.reply_text if messages[-1].text[:2] != "2." else self.reply_text[::-1]
        for sequence in stop or ():
            text = text.partition(sequence)[0]
        return text


class ConstructedKey(Base):
    """Its key is made when it is constructed: a copy of it does not know."""

    kept: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self.kept = dict(super()._identifying_params)

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self.kept


class Varies(Base):
    """Another reply each time."""

    def _reply(self, messages: Any, stop: Any, call: Any) -> Any:
        number = next(_NUMBERS)
        text = f"{number * 7919 % 997} answers and more"
        return super()._reply([HumanMessage(text)], stop, call)


_NUMBERS = itertools.count(100)


class Prints(Base):
    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        print("x" * 100_000)
        return super()._generate(*args, **kwargs)


class BrokenEverywhere(Base):
    def _reply(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no licence")


class Inner(Base):
    """Another model inside, as a router has one."""

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        child = None
        if run_manager is not None:
            child = CallbackManager(run_manager.handlers, parent_run_id=run_manager.run_id)
        reply = good_sync().invoke(messages, {"callbacks": child}, stop=stop, **kwargs)
        message = AIMessage(
            reply.content,
            usage_metadata=reply.usage_metadata,
            response_metadata=reply.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])
