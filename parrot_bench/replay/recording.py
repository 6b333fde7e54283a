"""Records replies: asks a model, and writes down what its own method gives and when.

The model's ``_stream`` or ``_astream`` is called by hand, as the floors are, so that a chunk is
what the model made, before LangChain writes into it.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice
from time import perf_counter_ns
from typing import Any, Final, Literal, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable

from parrot_bench.binding import as_messages
from parrot_bench.describing import describe
from parrot_bench.environment import environment, parrot_bench_version
from parrot_bench.errors import RecordError, UsageError
from parrot_bench.execution import CallSettings, implements
from parrot_bench.mode_table import MODES
from parrot_bench.prompts import Prompt
from parrot_bench.replay.files import Header, RecordingFile, prompt_key, read_reply
from parrot_bench.replay.pieces import chunk_as_json, whole_as_chunk
from parrot_bench.runnables.kinds import models_in, named
from parrot_bench.studies.caller import one_line
from parrot_bench.studies.stamps import Stamps

GIVE_UP: Final = 3
"""Failures without a single reply, after which nobody asks on."""

Mode = Literal["astream", "stream"]

_FLOORS: Final = {
    "astream": "direct_astream",
    "stream": "direct_stream",
    "ainvoke": "direct_agenerate",
    "invoke": "direct_generate",
}


@dataclass(frozen=True, kw_only=True)
class RecordingPlan:
    """What is to be recorded.

    Attributes:
        prompts: What is asked, one after the other, and from the first again.
        calls: How many calls are made.
        mode: What is called, where the model has it; see :func:`called`.
        concurrency: Calls in flight.
        call_limit_s: A call that takes longer is given up, and is an error; seconds.
        keep_prompts: Prompts are written down, too.
    """

    prompts: tuple[Prompt, ...]
    calls: int
    mode: Mode = "astream"
    concurrency: int = 1
    call_limit_s: float = 60.0
    keep_prompts: bool = False


@dataclass
class Recorded:
    """What became of the calls so far.

    Attributes:
        replies: How many are in the file.
        errors: How many failed, by the error's type.
        first: What the first error of each type said.
        left_out: Places of values that were left out, and how often.
    """

    replies: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Calls that failed."""
        return self.errors.total()


def chat_model(model: Runnable[Any, Any]) -> BaseChatModel:
    """The chat model whose replies are recorded.

    Raises:
        UsageError: It is none: what a chain or an agent gives was not said by one model.
    """
    if isinstance(model, BaseChatModel):
        return model
    inside = ", ".join(sorted({type(each).__qualname__ for each in models_in(model)}))
    raise UsageError(
        f"{named(model)} is no chat model, and replies are recorded as a model gives them; "
        f"name the model inside it{f' ({inside})' if inside else ''}"
    )


def called(model: BaseChatModel, mode: Mode) -> str:
    """What is called to record a model: methods of its own, and no fallback of LangChain's.

    A fallback hops to another thread for every chunk, which would be recorded.

    Returns:
        ``astream`` or ``stream``; of a model that does not stream, ``ainvoke`` or ``invoke``.
    """
    if mode == "astream" and implements(model, "_astream"):
        return "astream"
    if implements(model, "_stream"):
        return "stream"
    return "ainvoke" if mode == "astream" and implements(model, "_agenerate") else "invoke"


def record(
    model: BaseChatModel,
    plan: RecordingPlan,
    file: RecordingFile,
    told: Callable[[Recorded], object],
) -> Recorded:
    """Make the calls, and write each reply down as it comes.

    Args:
        model: Who is asked.
        plan: What is asked.
        file: Where replies go; nothing is written in it yet.
        told: Told of every call that has ended.

    Returns:
        What became of the calls. Errors are data; they are counted.

    Raises:
        RecordError: The file takes no more.
    """
    so_far = Recorded()
    recorder = _Recorder(model, plan, file, so_far, told)
    file.begin(recorder.header())
    asyncio.run(recorder.perform())
    if recorder.unwritten is not None:
        raise recorder.unwritten
    return so_far


@dataclass
class _Recorder:
    model: BaseChatModel
    plan: RecordingPlan
    file: RecordingFile
    so_far: Recorded
    told: Callable[[Recorded], object]
    unwritten: RecordError | None = None

    def __post_init__(self) -> None:
        self._called = called(self.model, self.plan.mode)
        self._floor = MODES[_FLOORS[self._called]]
        self._streams = self._floor.streams
        self._due: Iterator[Prompt] = islice(cycle(self.plan.prompts), self.plan.calls)

    def header(self) -> Header:
        described = describe(self.model, "", "")
        return Header(
            recorded=datetime.now().astimezone(),
            parrot_bench=parrot_bench_version(),
            packages=environment(type(self.model).__module__, "").packages,
            class_name=described.class_name,
            model_name=described.model_name,
            mode=self._called,
            streams=self._streams,
        )

    async def perform(self) -> None:
        callers = min(self.plan.concurrency, self.plan.calls)
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(self._one_after_another())

    async def _one_after_another(self) -> None:
        for prompt in self._due:
            try:
                await self._one(as_messages(cast("Any", prompt)))  # no object: see chat_model
            except RecordError as error:
                self.unwritten = error
            except Exception as error:  # noqa: BLE001  # errors are data
                name = type(error).__name__
                self.so_far.errors[name] += 1
                self.so_far.first.setdefault(name, one_line(error))
            self.told(self.so_far)
            nobody_answers = not self.so_far.replies and self.so_far.failed >= GIVE_UP
            if nobody_answers or self.unwritten is not None:
                return

    async def _one(self, messages: list[BaseMessage]) -> None:
        if self.model.rate_limiter is not None:  # LangChain asks it, and nobody else does
            await self.model.rate_limiter.aacquire(blocking=True)
        stamps = Stamps()
        call = _Call(self._floor.bind(self.model, CallSettings(), stamps.keep), messages)
        try:
            async with asyncio.timeout(self.plan.call_limit_s) as limit:
                raw = await (call.made() if self._floor.kind == "async" else call.in_thread())
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"no reply within {self.plan.call_limit_s:g} s") from error
            raise
        chunks = stamps.items if self._streams else [_whole(raw)]
        times = stamps.times if self._streams else [call.ended_ns]
        self._write(messages, chunks, [at - call.begun_ns for at in times], call)

    def _write(
        self,
        messages: list[BaseMessage],
        chunks: list[ChatGenerationChunk],
        times: list[int],
        call: "_Call",
    ) -> None:
        lines = []
        left_out: list[str] = []
        for at_ns, chunk in zip(times, chunks, strict=True):
            given, missing = chunk_as_json(chunk)
            lines.append({"at_ns": at_ns, **given})
            left_out += missing
        line: dict[str, Any] = {"prompt": prompt_key(messages)}
        if self.plan.keep_prompts:
            line["asked"] = [{"role": m.type, "content": m.content} for m in messages]
        line |= {"latency_ns": call.ended_ns - call.begun_ns, "chunks": lines}
        # What is written is what can be read.
        reply = read_reply(json.dumps(line).encode())
        usage = getattr(reply.sum.message, "usage_metadata", None)
        line |= {"usage": usage} if usage else {}
        line |= {"left_out": sorted(set(left_out))} if left_out else {}
        self.file.add(line)
        self.so_far.replies += 1
        self.so_far.left_out.update(set(left_out))


@dataclass
class _Call:
    """A bound call, and when it began and ended."""

    bound: Callable[[Any], Any]
    messages: list[BaseMessage]
    begun_ns: int = 0
    ended_ns: int = 0

    async def made(self) -> Any:
        self.begun_ns = perf_counter_ns()
        raw = await self.bound(self.messages)
        self.ended_ns = perf_counter_ns()
        return raw

    async def in_thread(self) -> Any:
        """Make it in a thread of its own, which is not waited for once it is given up."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def settle(raw: Any, error: BaseException | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(raw)
            else:
                done.set_exception(error)

        def work() -> None:
            raw: Any = None
            error: Exception | None = None
            self.begun_ns = perf_counter_ns()
            try:
                raw = self.bound(self.messages)
            except StopIteration as raised:  # no future takes it
                error = RuntimeError(f"StopIteration: {raised}")
            except Exception as raised:  # noqa: BLE001  # it is told there
                error = raised
            self.ended_ns = perf_counter_ns()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, raw, error)

        threading.Thread(target=work, name="parrot-record", daemon=True).start()
        return await done


def _whole(raw: ChatResult) -> ChatGenerationChunk:
    (generation, *_) = raw.generations
    return whole_as_chunk(generation.message, generation.generation_info)
