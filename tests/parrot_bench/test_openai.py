"""A chat model that nobody here wrote, against a server on this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from completions import serving

from parrot_bench.record import CheckRecord, RunDirectory

Cli = Callable[..., Any]


@pytest.fixture
def endpoint() -> Iterator[str]:
    with serving() as address:
        yield address


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


def test_chat_openai_is_checked_without_a_false_alarm(
    cli: Cli, tmp_path: Path, endpoint: str
) -> None:
    pytest.importorskip("langchain_openai")
    (tmp_path / "app.py").write_text(
        "from langchain_openai import ChatOpenAI\n"
        "def make(stream_usage=True):\n"
        f"    return ChatOpenAI(model='gpt-parrot', base_url={endpoint!r},\n"
        "                      api_key='sk-very-secret', stream_usage=stream_usage)\n"
        "def silent():\n"
        "    return make(False)\n",
        encoding="utf-8",
    )
    done = cli("check", "app:make", "--json", "found.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    record = CheckRecord.model_validate_json((tmp_path / "found.json").read_bytes())
    assert record.parity.defects == ()
    # Both are so: streams have no token_usage beside usage_metadata, and in events v3, which the
    # lowest langchain-core has not, ChatOpenAI tells each token, which LangChain tells as an event.
    notes = {"metadata-differs": "response_metadata without id, token_usage"}
    if "astream_events_v3" in {mode.mode for mode in record.parity.modes}:
        notes["tokens-beside-events"] = "5 tokens beside 9 events"
    assert {note.identifier: note.seen for note in record.parity.notes} == notes
    outcomes = {o for mode in record.parity.modes for o in mode.outcomes.values()}
    assert outcomes == {"ok", "note", "does not apply", "not checked"}
    assert set(record.parity.not_checked) == {"order"}
    assert "sk-very-secret" not in (tmp_path / "found.json").read_text(encoding="utf-8")

    done = cli("check", "app:silent", "--modes", "invoke,stream,astream", cwd=tmp_path)
    assert done.returncode == 1
    assert "usage-missing: stream, astream: no usage_metadata" in done.stdout
    assert "ChatOpenAI(stream_usage=True)" in done.stdout


def test_chat_openai_under_load(cli: Cli, tmp_path: Path, endpoint: str) -> None:
    """Warm-up and levels share one event loop: the client's connections belong to it."""
    pytest.importorskip("langchain_openai")
    (tmp_path / "app.py").write_text(
        "from langchain_openai import ChatOpenAI\n"
        f"model = ChatOpenAI(model='gpt-parrot', base_url={endpoint!r},\n"
        "                   api_key='sk-very-secret', stream_usage=True)\n",
        encoding="utf-8",
    )
    done = cli(
        "load", "app:model", "--modes", "ainvoke,astream,stream", "--concurrency", "3",
        "--rate", "15", "--time", "1.5", "--slo", "ttfc=2s,latency=5s", "--yes", "--out", "here",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    here = RunDirectory(tmp_path / "here")
    result = here.read_record().load
    assert result is not None
    assert [(level.mode, level.concurrency) for level in result.levels] == [
        (mode, number) for mode in ("ainvoke", "astream", "stream") for number in (3, None)
    ]
    for level in result.levels:
        assert level.errors == {}
        assert level.completed == level.calls > 5
        assert level.tokens_per_s is not None
        # The first chunk of a reply in one piece is its end.
        assert level.good.value == 1.0
        assert bool(level.first_chunk) == (level.mode != "ainvoke")
    for path in (here.record, here.report, here.summary):
        assert "sk-very-secret" not in path.read_text(encoding="utf-8")
