"""``parrot-bench record`` and ``--replay`` as processes: what is asked, kept, given back."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from completions import PROMPT_TOKENS, WORDS, serving
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatResult

from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink
from parrot_bench.record import CheckRecord, RunDirectory, read_record
from parrot_bench.replay.files import read_recording
from parrot_bench.replay.recording import called
from tests.parrot_bench.replay.recordings import key, reply, written

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

MODEL = """
import asyncio
import time
from parrot_bench.parrot import AsyncChatParrotLink, ChatParrotLink


class Stumbling(AsyncChatParrotLink):
    async def _astream(self, messages, *args, **kwargs):
        if "fail" in messages[-1].content:
            raise ConnectionError("nobody answers")
        if "hang" in messages[-1].content:
            await asyncio.sleep(3600)
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk


class Hanging(ChatParrotLink):
    def _stream(self, messages, *args, **kwargs):
        if "hang" in messages[-1].content:
            time.sleep(3600)
        yield from super()._stream(messages, *args, **kwargs)


stumbling = Stumbling(parrot_buffer_length=9)
hanging = Hanging(parrot_buffer_length=9)
slow = AsyncChatParrotLink(parrot_buffer_length=2, time_to_first_chunk=0.02)
"""


@pytest.fixture
def recorded(folder: Path) -> Path:
    (folder / "served.py").write_text(MODEL, encoding="utf-8")
    return folder


def test_replies_are_recorded_one_after_the_other(cli: Cli, recorded: Path) -> None:
    (recorded / "prompts.jsonl").write_text(
        'hello\n{"messages": [{"role": "system", "content": "sing"}, '
        '{"role": "user", "content": "a song"}]}\n',
        encoding="utf-8",
    )
    done = cli("record", "served:stumbling", "--prompts", "prompts.jsonl", "--calls", 3,
               "--yes", "-o", "kept.jsonl", cwd=recorded)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "plan: 3 calls of Stumbling by astream, 1 at a time, 2 prompts" in done.stderr
    assert "3 replies are in kept.jsonl: the model's words" in done.stdout
    found = read_recording(recorded / "kept.jsonl")
    assert [r.sum.message.content for r in found.replies] == ["hello", "a song", "hello"]
    assert [len(r.pieces) for r in found.replies] == [6, 7, 6]
    first, second, third = (r.prompt for r in found.replies)
    assert first == third == key("hello") != second
    assert found.header.class_name == "served.Stumbling"
    assert found.header.streams
    for replied in found.replies:
        times = [piece.at_ns for piece in replied.pieces]
        assert times == sorted(times)
        assert times[0] > 0
        assert times[-1] <= replied.latency_ns
    text = (recorded / "kept.jsonl").read_text(encoding="utf-8")
    assert "sing" not in text  # no prompt is kept
    again = cli("record", "served:stumbling", "--prompt", "x", "-y", "-o", "kept.jsonl",
                cwd=recorded)  # fmt: skip
    assert again.returncode == 2
    assert "kept.jsonl is there already" in again.stderr
    assert (recorded / "kept.jsonl").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("mode", ["stream", "astream"])
def test_prompts_are_kept_where_that_is_asked_for(
    cli: Cli, recorded: Path, mode: str, concurrency: int
) -> None:
    done = cli("record", "served:slow", "--prompt", "hello", "--calls", 9, "--max-calls", 5,
               "--mode", mode, "--concurrency", concurrency, "--keep-prompts", "-y", "-q",
               cwd=recorded)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (recorded / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["mode"] == mode
    replies = [json.loads(line) for line in lines[1:]]
    assert [r["asked"] for r in replies] == [[{"role": "human", "content": "hello"}]] * 5
    assert {r["usage"]["output_tokens"] for r in replies} == {2}


def test_a_model_is_called_by_what_it_has_itself() -> None:
    native, sync = (
        AsyncChatParrotLink(parrot_buffer_length=1),
        ChatParrotLink(parrot_buffer_length=1),
    )
    assert (called(native, "astream"), called(native, "stream")) == ("astream", "stream")
    assert (called(sync, "astream"), called(sync, "stream")) == ("stream", "stream")
    silent = ReplyInOnePiece()
    assert (called(silent, "astream"), called(silent, "stream")) == ("invoke", "invoke")


class ReplyInOnePiece(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "in-one-piece"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError


def test_a_model_that_does_not_stream_gives_one_piece(cli: Cli, recorded: Path) -> None:
    for mode, by in (("stream", "invoke"), ("astream", "ainvoke")):
        done = cli("record", "models:Plain", "--prompt", "a", "--mode", mode, "-y", "-o", mode,
                   cwd=recorded)  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = read_recording(recorded / mode)
        assert found.header.mode == by
        assert not found.header.streams
        assert [len(r.pieces) for r in found.replies] == [1]
        assert found.replies[0].sum.message.content == "hi"


@pytest.mark.parametrize("model", ["stumbling", "hanging"])
def test_errors_are_counted_and_too_many_fail(cli: Cli, recorded: Path, model: str) -> None:
    (recorded / "prompts.txt").write_text("hello\nhang\nhello\n", encoding="utf-8")
    words = ("record", f"served:{model}", "--prompts", "prompts.txt", "--call-limit", 0.5, "-y",
             "--mode", "stream" if model == "hanging" else "astream")  # fmt: skip
    done = cli(*words, "-o", "one", cwd=recorded)
    assert done.returncode == 1
    assert "1 of 3 calls failed: TimeoutError: no reply within 0.5 s" in done.stderr
    assert "33.3% of the calls failed, over --max-errors 1.0%" in done.stderr
    assert len(read_recording(recorded / "one").replies) == 2
    done = cli(*words, "-o", "two", "--max-errors", "40%", cwd=recorded)
    assert done.returncode == 0, done.stderr


def test_where_nobody_answers_nothing_is_kept_and_nobody_asks_on(cli: Cli, recorded: Path) -> None:
    done = cli("record", "served:stumbling", "--prompt", "fail", "--calls", 100, "-y", cwd=recorded)
    assert done.returncode == 2
    assert "3 of 100 calls failed: ConnectionError: nobody answers" in done.stderr
    assert "nothing was recorded: ConnectionError: nobody answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (recorded / "replies.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("record", "served:slow"), "nothing is to be asked; give --prompts FILE"),
        (("record", "served:slow", "--prompt", "a"), "nobody is there to agree to the plan"),
        (("record", "served:slow", "--prompt", ""), "--prompt is empty"),
        (("record", "served:slow", "--prompt", "a", "--mode", "batch"), "--mode 'batch' is none"),
        (("record", "served:slow", "--prompt", "a", "--prompts", "b"), "both --prompt and"),
        (("record", "served:none", "--prompt", "a", "-y"), "served has no 'none'"),
        (("record", "served:slow", "--prompt", "a", "-y", "-o", "none/x"), "there is no folder"),
        (("run", "--replay", "nowhere"), "nowhere cannot be read: No such file"),
        (("run", "--replay", "served.py"), "line 1 does not begin a recording"),
        (("run", "served:slow", "--replay", "x"), "both --replay x and served:slow are given"),
        (("run", "--replay", "x", "--model-args", "a=1"), "both --replay x and --model-args"),
        (("load", "--replay-latency", "zero"), "needs --replay FILE"),
        (("check", "--replay", "x", "--replay-latency", "half"), "give zero or recorded"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, recorded: Path, words: tuple[str, ...], said: str) -> None:
    done = cli(*words, cwd=recorded)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_recording_that_is_ended_keeps_its_replies(
    start: Start, recorded: Path, number: signal.Signals
) -> None:
    path = recorded / "replies.jsonl"
    process = start("record", "served:slow", "--prompt", "a", "--calls", 10_000, "-y", cwd=recorded)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_bytes().count(b"\n") > 4:
            break
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert len(read_recording(path).replies) >= 4
    if number == signal.SIGINT:
        assert process.returncode == 2
        assert "stopped; " in said
        assert "replies are in replies.jsonl" in said
        assert "Traceback" not in said


def test_a_replay_is_checked_measured_and_loaded(cli: Cli, folder: Path) -> None:
    replies = [reply("a", "one"), reply("b", *"two"), reply("c", *"longer")]
    written(folder / "r.jsonl", replies)
    # A project's own model stands back.
    (folder / "parrot-bench.toml").write_text('model = "models:Plain"\n', encoding="utf-8")
    done = cli("check", "--replay", "r.jsonl", "--json", "found.json", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    said = "Replies recorded from polly-4 on 2026-11-29, 3 replies, zero latency"
    assert said in done.stdout
    record = CheckRecord.model_validate_json((folder / "found.json").read_bytes())
    assert record.parity.defects == ()
    assert set(record.parity.not_checked) == {"max_tokens", "order", "stop"}
    # Where a prompt was recorded, the order of a batch is seen as well.
    done = cli("check", "--replay", "r.jsonl", "--prompt", "a", "--json", "found.json", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    record = CheckRecord.model_validate_json((folder / "found.json").read_bytes())
    assert record.parity.defects == ()

    done = cli("run", "--replay", "r.jsonl", "--time", 2, "--modes", "astream",
               "--studies", "overhead", "--out", "run", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    here = RunDirectory(folder / "run")
    kept = here.read_record().model
    assert kept is not None
    assert kept.replay is not None
    assert kept.replay.order == "prompt"
    reconciliation = here.read_record().reconciliation
    assert reconciliation is not None
    assert reconciliation.agrees
    assert {m.output_tokens_spans // m.calls for m in reconciliation.modes} == {3}
    for path in (here.report, here.summary):
        text = " ".join(path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ").split())
        assert said.replace("-", "\\-") in text or said in text
        assert "longer" not in text

    done = cli("load", "--replay", "r.jsonl", "--replay-latency", "recorded", "--concurrency", 1,
               "--max-calls", 20, "--time", 1, "--out", "load", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr  # nobody is asked: it costs nothing
    assert "3 replies, when they came" in done.stdout
    load = read_record(folder / "load").load
    assert load is not None
    assert load.levels[0].errors == {}
    assert "3 replies, when they came" in " ".join(
        (folder / "load" / "report.html")
        .read_text(encoding="utf-8")
        .replace("\N{NO-BREAK SPACE}", " ")
        .split()
    )


def test_chat_openai_recorded_and_given_back(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("langchain_openai")
    with serving() as endpoint:
        (tmp_path / "app.py").write_text(
            "from langchain_openai import ChatOpenAI\n"
            f"model = ChatOpenAI(model='gpt-parrot', base_url={endpoint!r},\n"
            "                   api_key='sk-very-secret', stream_usage=True,\n"
            "                   include_response_headers=True)\n",
            encoding="utf-8",
        )
        done = cli("record", "app:model", "--prompt", "hello", "--calls", 4, "-y", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out of 4 of 4 replies: generation_info.headers" in done.stderr
    path = tmp_path / "replies.jsonl"
    text = path.read_text(encoding="utf-8")
    assert "sk-" not in text
    assert "x-api-key" not in text.lower()
    found = read_recording(path)
    assert found.header.model_name == "gpt-parrot"
    assert "langchain-openai" in found.header.packages
    for replied in found.replies:
        assert replied.sum.message.content == "".join(WORDS)
        usage = replied.sum.message.usage_metadata  # type: ignore[attr-defined]
        assert usage["input_tokens"] == PROMPT_TOKENS
        assert usage["output_tokens"] == len(WORDS)
    # The provider is gone.
    done = cli("check", "--replay", "replies.jsonl", "--prompt", "hello", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All modes do the same" in done.stdout
