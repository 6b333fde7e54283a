"""What is below ours: the same calls by the layers that a LangChain model is made of.

One open loop in one event loop, evenly; each call reads its reply to the end.

    python -m tests.peers.load.bare httpx --url http://127.0.0.1:8000 --rate 20 --calls 100 …
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Annotated, Any

import typer

Chunks = Callable[[str], AsyncIterator[tuple[bool, int | None]]]
"""Makes a call: whether each chunk has content, and the tokens that it tells of."""


def httpx_chunks(url: str, reply_length: int | None) -> Chunks:
    """The HTTP client, and each line's JSON read."""
    import httpx

    client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=1000))

    async def chunks(prompt: str) -> AsyncIterator[tuple[bool, int | None]]:
        body = {
            "model": "mock",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": prompt}],
            **({"max_tokens": reply_length} if reply_length else {}),
        }
        async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as reply:
            reply.raise_for_status()
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    chunk = json.loads(line[6:])
                    usage = chunk.get("usage") or {}
                    choices = chunk["choices"]
                    yield (
                        bool(choices and choices[0]["delta"].get("content")),
                        usage.get("completion_tokens"),
                    )

    return chunks


def openai_chunks(url: str, reply_length: int | None) -> Chunks:
    """OpenAI's client on top of it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none")

    async def chunks(prompt: str) -> AsyncIterator[tuple[bool, int | None]]:
        stream = await client.chat.completions.create(
            model="mock",
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
            max_tokens=reply_length,
        )
        async for chunk in stream:
            choices = chunk.choices
            yield (
                bool(choices and choices[0].delta.content),
                chunk.usage.completion_tokens if chunk.usage else None,
            )

    return chunks


def langchain_chunks(url: str, reply_length: int | None) -> Chunks:
    """LangChain's chat model on top of that."""
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(
        model="mock",
        base_url=f"{url}/v1",
        api_key="none",  # type: ignore[arg-type]  # as users write it
        stream_usage=True,
        max_tokens=reply_length,  # type: ignore[call-arg]  # its alias
    )

    async def chunks(prompt: str) -> AsyncIterator[tuple[bool, int | None]]:
        async for chunk in model.astream(prompt):
            usage = chunk.usage_metadata
            yield bool(chunk.content), usage["output_tokens"] if usage else None

    return chunks


LAYERS: dict[str, Callable[[str, int | None], Chunks]] = {
    "httpx": httpx_chunks,
    "openai": openai_chunks,
    "langchain": langchain_chunks,
}


async def called(chunks: Chunks, prompt: str, due_ns: int) -> dict[str, Any]:
    """Make one call, and say when what was."""
    made, arrived, tokens = perf_counter_ns(), [], None
    async for content, told in chunks(prompt):
        if content:
            arrived.append(perf_counter_ns())
        tokens = told or tokens
    return {
        "due_ns": due_ns,
        "made_ns": made,
        "chunks_ns": arrived,
        "ended_ns": perf_counter_ns(),
        "tokens": tokens,
    }


async def evenly(chunks: Chunks, prompts: list[str], rate: float, calls: int) -> list[Any]:
    """Make so many calls at a rate."""
    # As ours does: two calls before the first that counts.
    for prompt in prompts[:2]:
        await called(chunks, prompt, 0)
    begun, tasks = perf_counter_ns(), list[Awaitable[Any]]()
    for number in range(calls):
        due = begun + round(number / rate * 1e9)
        await asyncio.sleep(max(0.0, (due - perf_counter_ns()) / 1e9))
        tasks.append(asyncio.create_task(called(chunks, prompts[number % len(prompts)], due)))
    return list(await asyncio.gather(*tasks))


def main(
    layer: str,
    *,
    url: Annotated[str, typer.Option()],
    rate: Annotated[float, typer.Option()],
    calls: Annotated[int, typer.Option()],
    prompts: Annotated[Path, typer.Option()],
    out: Annotated[Path, typer.Option()],
    reply_length: Annotated[int, typer.Option(help="0 leaves it to the server.")] = 0,
) -> None:
    """Drive a server, and write every call."""
    asked = prompts.read_text(encoding="utf-8").splitlines()
    chunks = LAYERS[layer](url, reply_length or None)
    found = asyncio.run(evenly(chunks, asked, rate, calls))
    out.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
