"""guidellm's mock server, which also writes down when it wrote what.

Runs in guidellm's environment, and imports nothing of this project. The server is theirs, as
``guidellm mock-server`` starts it; around its handler of chat completions stands what stamps
requests and chunks. The stamps are ``time.perf_counter_ns``, on Linux one clock for all processes.

    python serving.py --port 8000 --log requests.jsonl
"""

import argparse
import json
import random
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any, TextIO

from guidellm.mock_server.server import MockServer
from guidellm.schemas.mock_server import MockServerConfig

Handler = Callable[[Any], Awaitable[Any]]


class Written:
    """A stream that notes when it is written to; then it is the one it was given."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.chunks: list[tuple[int, str]] = []

    async def write(self, text: str) -> None:
        self.chunks.append((perf_counter_ns(), text))
        await self._stream.write(text)


def with_log(handle: Handler, log: TextIO) -> Handler:
    """Write a line for every request when it has ended."""

    def note(received: int, chunks: list[int], tokens: int, *, whole: bool) -> None:
        said = {
            "received_ns": received,
            "chunks_ns": chunks,
            "ended_ns": perf_counter_ns(),
            "tokens": tokens,
            "whole": whole,
        }
        log.write(json.dumps(said) + "\n")
        log.flush()

    async def handled(request: Any) -> Any:
        received = perf_counter_ns()
        response = await handle(request)
        streaming = getattr(response, "streaming_fn", None)
        if streaming is None:
            usage = json.loads(response.body).get("usage") or {}
            note(received, [], usage.get("completion_tokens", 0), whole=response.status == 200)
            return response

        async def streamed(stream: Any) -> None:
            written, whole = Written(stream), False
            try:
                await streaming(written)
                whole = True
            finally:
                chunks = [at for at, text in written.chunks if '"content"' in text]
                # It writes a chunk for every token.
                note(received, chunks, len(chunks), whole=whole)

        response.streaming_fn = streamed
        return response

    return handled


def main() -> None:
    """Serve until somebody ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    for name in ("ttft-ms", "ttft-ms-std", "itl-ms", "itl-ms-std"):
        parser.add_argument(f"--{name}", type=float, required=True)
    parser.add_argument("--output-tokens", type=int, required=True)
    chosen = vars(parser.parse_args())
    random.seed(chosen.pop("seed"))
    with open(chosen.pop("log"), "a", encoding="utf-8") as log:  # noqa: PTH123  # no path here
        server = MockServer(MockServerConfig(host="127.0.0.1", model="mock", **chosen))
        server.chat_handler.handle = with_log(server.chat_handler.handle, log)
        server.run(access_log=False)


if __name__ == "__main__":
    main()
