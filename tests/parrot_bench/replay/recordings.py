"""Recordings for the tests: written by hand, or of a model that says all kinds of things."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from parrot_bench.replay.files import prompt_key

HEADER: Mapping[str, Any] = {
    "parrot_bench_replies": 1,
    "recorded": "2026-11-29T14:30:00+00:00",
    "parrot_bench": "0.1.0",
    "packages": {"langchain-core": "1.8.3"},
    "class_name": "aviary.ChatPolly",
    "model_name": "polly-4",
    "mode": "astream",
    "streams": True,
}


def key(prompt: str) -> str:
    return prompt_key([HumanMessage(prompt)])


def reply(prompt: str, *words: str, every_ns: int = 1000) -> dict[str, Any]:
    """A reply of so many chunks, and an empty one that ends it."""
    times = range(every_ns, every_ns * (len(words) + 2), every_ns)
    chunks: list[dict[str, Any]] = [{"content": word} for word in words]
    usage = {"input_tokens": 2, "output_tokens": len(words), "total_tokens": 2 + len(words)}
    chunks.append(
        {
            "content": "",
            "usage_metadata": usage,
            "response_metadata": {"model_name": "polly-4", "finish_reason": "stop"},
            "chunk_position": "last",
        }
    )
    return {
        "prompt": key(prompt),
        "latency_ns": times[-1] + every_ns,
        "chunks": [{"at_ns": at, **chunk} for at, chunk in zip(times, chunks, strict=True)],
    }


def lines(*of: Mapping[str, Any]) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in of).encode()


def written(path: Path, replies: Sequence[Mapping[str, Any]]) -> Path:
    path.write_bytes(lines(HEADER, *replies))
    return path


class Various(BaseChatModel):
    """Says blocks, tool calls and reasoning, as providers do; its chunks have no id."""

    @property
    def _llm_type(self) -> str:
        return "various"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for content in (
            [{"type": "thinking", "thinking": "hm", "signature": "abc", "index": 0}],
            [{"type": "text", "text": "one", "index": 1}],
            [{"type": "text", "text": " two", "index": 1}],
        ):
            yield ChatGenerationChunk(message=AIMessageChunk(content=content))
        for args in ('{"at"', ": 1}"):
            first = {"name": "look", "id": "call-1"} if args == '{"at"' else {}
            call = {"name": None, "id": None, "args": args, "index": 2, **first}
            raw = [{"index": 0, "function": {"arguments": args}}]
            yield ChatGenerationChunk(
                message=AIMessageChunk(
                    content=[],
                    tool_call_chunks=[{**call, "type": "tool_call_chunk"}],  # type: ignore[list-item]
                    additional_kwargs={"tool_calls": raw},
                )
            )
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content=[],
                usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
                response_metadata={"model_name": "various-1"},
            ),
            generation_info={"finish_reason": "tool_calls"},
        )
