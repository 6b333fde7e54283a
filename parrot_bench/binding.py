"""How each kind of mode is bound to a model, and what its raw result says.

A bound callable is what is timed: it has no more frames of ours than it needs.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    BaseMessageChunk,
    HumanMessage,
    convert_to_messages,
    message_chunk_to_message,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig

from parrot_bench.execution import Bind, CallSettings, Keep


def _arguments(settings: CallSettings, *, batches: bool = False) -> dict[str, Any]:
    """Keyword arguments of every call; empty where there is nothing to say."""
    config = RunnableConfig(**(settings.config or {}))
    if batches and settings.max_concurrency is not None:
        config["max_concurrency"] = settings.max_concurrency
    return {**settings.kwargs, "config": config} if config else dict(settings.kwargs)


def plain(method: str, *, batches: bool = False) -> Bind:
    """A method that returns its result, or a coroutine of it: no frame of ours around it."""

    def bind(model: Any, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
        call: Callable[[Any], Any] = getattr(model, method)
        arguments = _arguments(settings, batches=batches)
        return partial(call, **arguments) if arguments else call

    return bind


def plain_floor(method: str) -> Bind:
    """The model's own method by hand: no config, because nothing would read it."""

    def bind(model: Any, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
        call: Callable[[Any], Any] = getattr(model, method)
        return partial(call, **settings.kwargs) if settings.kwargs else call

    return bind


def streaming(
    method: str,
    *,
    kind: Literal["sync", "async"],
    floor: bool = False,
    batches: bool = False,
    **version: Any,
) -> Bind:
    """A method that returns an iterable, to be consumed; one frame of ours around it."""

    def bind(model: Any, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
        stream = getattr(model, method)
        ours = dict(settings.kwargs) if floor else _arguments(settings, batches=batches)
        arguments = {**ours, **version}
        consume = keep.chunks if kind == "sync" else keep.achunks

        def call(prompt: Any) -> Any:
            return consume(stream(prompt, **arguments))

        return call

    return bind


def bind_gather(model: Any, settings: CallSettings, _keep: Keep) -> Callable[[Any], Any]:
    """``asyncio.gather`` over ``ainvoke``, a semaphore around each."""
    ainvoke: Callable[..., Any] = partial(model.ainvoke, **_arguments(settings))
    limit = settings.max_concurrency

    async def call(prompts: Sequence[LanguageModelInput]) -> list[AIMessage]:
        semaphore = asyncio.Semaphore(limit or len(prompts) or 1)

        async def one(prompt: LanguageModelInput) -> AIMessage:
            async with semaphore:
                reply: AIMessage = await ainvoke(prompt)
            return reply

        return await asyncio.gather(*map(one, prompts))

    return call


def bind_events_v3(model: Any, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
    """Sync events of version v3, consumed, then the message they amount to."""
    arguments = _arguments(settings)

    def call(prompt: LanguageModelInput) -> AIMessage:
        stream = model.stream_events(prompt, version="v3", **arguments)
        keep.chunks(stream)
        reply: AIMessage = stream.output
        return reply

    return call


def bind_aevents_v3(model: Any, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
    """Async events of version v3, inside the ``async with`` that they must be used in."""
    arguments = _arguments(settings)

    async def call(prompt: LanguageModelInput) -> AIMessage:
        # Leaving the block waits until the callbacks of the call's end have run.
        async with await model.astream_events(prompt, version="v3", **arguments) as stream:
            await keep.achunks(stream)
            reply: AIMessage = await stream.output
        return reply

    return call


def bind_graph_aevents_v3(model: Any, settings: CallSettings, keep: Keep) -> Callable[[Any], Any]:
    """The same of a graph, whose stream has a method for its output."""
    arguments = _arguments(settings)

    async def call(given: Any) -> Any:
        async with await model.astream_events(given, version="v3", **arguments) as stream:
            await keep.achunks(stream)
            return await stream.output()

    return call


def as_messages(prompt: LanguageModelInput) -> list[BaseMessage]:
    """What LangChain makes of a prompt before it calls the model."""
    if isinstance(prompt, PromptValue):
        return prompt.to_messages()
    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    return convert_to_messages(prompt)


# What the raw result of a mode says ---------------------------------------------------------


def merged(chunks: Sequence[Any]) -> list[AIMessage]:
    """The one reply that a stream's chunks add up to; none of no chunks."""
    if not chunks:
        return []
    first, *others = chunks
    # A chunk takes a whole list at once; one after the other is quadratic in the length.
    whole = first + others if others else first
    return [_message(whole)]


def _message(message: Any) -> AIMessage:
    """The message a chunk stands for; a model that does not stream gives a message."""
    if isinstance(message, BaseMessageChunk):
        message = message_chunk_to_message(message)
    return cast(AIMessage, message)


def merged_generations(chunks: Sequence[Any]) -> list[AIMessage]:
    """The same of a floor's ``ChatGenerationChunk`` values."""
    return merged([chunk.message for chunk in chunks])


def generated(result: Any) -> list[AIMessage]:
    """The reply of a floor's ``ChatResult``."""
    return [result.generations[0].message]


def in_order(pairs: Sequence[tuple[int, AIMessage]]) -> list[AIMessage]:
    """The replies of ``(index, reply)`` pairs that came in the order of their completion."""
    return [reply for _, reply in sorted(pairs, key=lambda pair: pair[0])]


def last_event(events: Sequence[Any]) -> list[AIMessage]:
    """The output of the first run's end: a model may call other models."""
    ends = [
        event["data"]["output"]
        for event in events
        if event["event"] == "on_chat_model_end" and event["run_id"] == events[0]["run_id"]
    ]
    return [_message(output) for output in ends[-1:]]


def last_patch(patches: Sequence[Any]) -> list[AIMessage]:
    """The final output of ``astream_log``."""
    finals = [
        operation["value"]
        for patch in patches
        for operation in patch.ops
        if operation["path"] == "/final_output"
    ]
    return [_message(output) for output in finals[-1:]]
