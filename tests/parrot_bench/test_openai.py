"""A chat model that nobody here wrote, against a server on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.record import RunDirectory

Cli = Callable[..., Any]

WORDS = ["Hello", " from", " the", " other", " side"]
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


class Completions(BaseHTTPRequestHandler):
    """Answers ``POST /v1/chat/completions`` as OpenAI does, streamed or whole."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None: ...

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        base = {"id": "chatcmpl-1", "created": 0, "model": asked["model"]}
        if asked.get("stream"):
            chunks: list[dict[str, Any]] = [
                {**base, "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}}]}
                for word in WORDS
            ]
            chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            if (asked.get("stream_options") or {}).get("include_usage"):
                chunks.append({**base, "choices": [], "usage": USAGE})
            lines = [
                f"data: {json.dumps({**chunk, 'object': 'chat.completion.chunk'})}\n\n"
                for chunk in chunks
            ]
            self.answer("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))
        else:
            message = {"role": "assistant", "content": "".join(WORDS)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = {**base, "object": "chat.completion", "choices": [choice], "usage": USAGE}
            self.answer("application/json", json.dumps(whole))

    def answer(self, kind: str, body: str) -> None:
        encoded = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Completions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_chat_openai_in_every_mode(cli: Cli, tmp_path: Path, endpoint: str) -> None:
    pytest.importorskip("langchain_openai")
    (tmp_path / "app.py").write_text(
        "from langchain_openai import ChatOpenAI\n"
        "def make():\n"
        f"    return ChatOpenAI(model='gpt-parrot', base_url={endpoint!r},\n"
        "                      api_key='sk-very-secret', stream_usage=True)\n",
        encoding="utf-8",
    )
    done = cli(
        "run", "app:make", "--time", "6", "--batch-size", "4", "--reply-length", "64",
        "--out", "here", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    here = RunDirectory(tmp_path / "here")
    record = here.read_record()
    assert record.failures == {}
    assert record.model is not None
    assert record.model.model_name == "gpt-parrot"
    assert record.model.native_async
    assert record.overhead is not None
    available = {mode.name for mode in record.modes if not mode.unavailable}
    assert {mode.mode for mode in record.overhead.modes} == available
    assert {"direct_astream", "batch", "abatch", "astream_events_v2"} <= available
    reconciliation = record.reconciliation
    assert reconciliation is not None
    assert reconciliation.agrees, reconciliation
    assert {m.output_tokens_spans // m.calls for m in reconciliation.modes} == {5}
    spans = here.spans.read_text(encoding="utf-8")
    assert '"openai"' in spans
    assert '"server.address"' in spans
    assert "127.0.0.1" in spans
    for path in (here.record, here.spans, here.report, here.summary):
        assert "sk-very-secret" not in path.read_text(encoding="utf-8")
    assert "Hello" not in spans
    assert "What does each way of calling you cost" not in spans
