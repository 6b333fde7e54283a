"""Answers as OpenAI does: inside a test, or as a process of its own that can be stopped.

    python completions.py 0.02

answers each request after so many seconds; it prints its port, and a line for every answer.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ["Hello", " from", " the", " other", " side"]
PROMPT_TOKENS = 11


def answer_to(asked: dict[str, Any]) -> tuple[list[str], str]:
    """The words of the reply and why it ends: a word is a token."""
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or len(WORDS)
    words, reason = WORDS[:limit], "length" if limit < len(WORDS) else "stop"
    for sequence in asked.get("stop") or ():
        before, found, _ = "".join(words).partition(sequence)
        if found:
            words, reason = [before], "stop"
    return words, reason


class Completions(BaseHTTPRequestHandler):
    """Answers ``POST /v1/chat/completions`` as OpenAI does, streamed or whole."""

    protocol_version = "HTTP/1.1"
    takes_s = 0.0
    pause_s = 0.0

    def log_message(self, *args: Any) -> None: ...

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.takes_s)
        base = {"id": "chatcmpl-1", "created": 0, "model": asked["model"]}
        words, reason = answer_to(asked)
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": len(words),
            "total_tokens": PROMPT_TOKENS + len(words),
        }
        if asked.get("stream"):
            chunks: list[dict[str, Any]] = [
                {**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
                for word in words
            ]
            chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
            if (asked.get("stream_options") or {}).get("include_usage"):
                chunks.append({**base, "choices": [], "usage": usage})
            lines = [
                f"data: {json.dumps({**chunk, 'object': 'chat.completion.chunk'})}\n\n"
                for chunk in chunks
            ]
            self.answer("text/event-stream", *lines, "data: [DONE]\n\n")
        else:
            message = {"role": "assistant", "content": "".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": reason}
            whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
            self.answer("application/json", json.dumps(whole))

    def answer(self, kind: str, *parts: str) -> None:
        encoded = [part.encode() for part in parts]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(sum(map(len, encoded))))
        self.send_header("X-Api-Key", "sk-of-the-server")
        self.end_headers()
        for part in encoded if self.pause_s else [b"".join(encoded)]:
            time.sleep(self.pause_s)
            self.wfile.write(part)
            self.wfile.flush()


class Telling(Completions):
    """Prints a line for every answer."""

    def answer(self, kind: str, *parts: str) -> None:
        super().answer(kind, *parts)
        # In one piece: there is a thread for each connection. The test waits for it.
        sys.stdout.write("answered\n")
        sys.stdout.flush()


@contextmanager
def serving(pause_s: float = 0.0) -> Iterator[str]:
    """Serve completions, and give the address that a client is told.

    Args:
        pause_s: Before each part of a reply that is streamed, seconds.
    """
    handler = type("Paused", (Completions,), {"pause_s": pause_s})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    Telling.takes_s = float(sys.argv[1])
    # More than come while it is stopped: what the system turns away is tried again a second later.
    ThreadingHTTPServer.request_queue_size = 1000
    with ThreadingHTTPServer(("127.0.0.1", 0), Telling) as server:
        print(server.server_port, flush=True)  # noqa: T201  # what a test asks
        server.serve_forever()


if __name__ == "__main__":
    main()
