"""The file of replies: what is written can be read, and what cannot be read is one line."""

import errno
import json
import os
import stat
import sys
import tempfile
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.errors import RecordError, UsageError
from parrot_bench.parrot import AsyncChatParrotLink
from parrot_bench.replay.files import Header, RecordingFile, check_new, read_recording
from parrot_bench.replay.recording import RecordingPlan, record
from tests.parrot_bench.replay.recordings import HEADER, reply, written


def test_a_file_is_its_owners_and_every_reply_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with RecordingFile(path) as file:
        file.begin(Header.model_validate_json(json.dumps(HEADER)))
        file.add(reply("a", "half a pair: \ud83d", "\u2028"))
        assert len(read_recording(path).replies) == 1  # nobody has closed it
        file.add(reply("b", "two"))
    assert path.read_bytes().isascii()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = read_recording(path)
    assert [r.sum.message.content for r in found.replies] == ["half a pair: \ud83d\u2028", "two"]
    assert found.header.model_name == "polly-4"
    assert not found.torn


def test_nothing_is_written_over_and_nothing_empty_is_left(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with RecordingFile(path) as file:
        file.begin(Header.model_validate_json(json.dumps(HEADER)))
    assert not path.exists()
    path.write_text("mine", encoding="utf-8")
    for attempt in (check_new, RecordingFile):
        with pytest.raises(UsageError, match="is there already"):
            attempt(path)
    assert path.read_text(encoding="utf-8") == "mine"
    with pytest.raises(UsageError, match="there is no folder"):
        check_new(tmp_path / "none" / "x")
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        RecordingFile(tmp_path / "none" / "x")


class Full:
    """A disk that takes so many bytes more."""

    def __init__(self, file: FileIO, room: int) -> None:
        self._file = file
        self._room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: memoryview) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._file.write(data[: self._room])
        self._room -= written
        return written


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_full_disk_ends_the_recording_and_spares_what_is_there(
    tmp_path: Path, concurrency: int
) -> None:
    parrot = AsyncChatParrotLink(parrot_buffer_length=3)
    plan = RecordingPlan(prompts=("abc",), calls=1000, concurrency=concurrency)
    told: list[int] = []
    with RecordingFile(tmp_path / "x") as file:
        file._file = Full(file._file, 2500)  # type: ignore[assignment]
        with pytest.raises(RecordError, match=r"x cannot be written: No space left") as refused:
            record(parrot, plan, file, lambda so_far: told.append(so_far.failed))
    assert "\n" not in str(refused.value)
    found = read_recording(tmp_path / "x")
    assert len(found.replies) == file.replies >= 2
    assert not found.torn
    assert set(told) == {0}  # no error of the model's
    assert len(told) < 20  # nobody asks on


@given(st.integers(0, 600))
def test_a_file_may_break_off_anywhere_after_its_first_reply(left: int) -> None:
    lines = [json.dumps(line) + "\n" for line in (HEADER, reply("a", "one"), reply("b", "two"))]
    path = Path(tempfile.gettempdir()) / f"broken-off-{os.getpid()}.jsonl"
    kept = lines[2][: min(left, len(lines[2]) - 2)]
    try:
        path.write_text("".join(lines[:2]) + kept, encoding="utf-8")
        found = read_recording(path)
    finally:
        path.unlink()
    assert [r.sum.message.content for r in found.replies] == ["one"]
    assert found.torn is bool(kept)


def test_a_whole_last_line_without_its_end_is_a_reply(tmp_path: Path) -> None:
    path = written(tmp_path / "x", [reply("a", "one")])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert not read_recording(path).torn


def without(line: dict[str, Any], *names: str, **instead: Any) -> dict[str, Any]:
    return {**{name: value for name, value in line.items() if name not in names}, **instead}


FIRST = reply("a", "one")
CHUNK = FIRST["chunks"][0]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "line 1 does not begin a recording"),
        (["no JSON"], "line 1 does not begin a recording"),
        ([[]], "line 1 does not begin a recording"),
        ([{"a": 1}], "line 1 does not begin a recording"),
        ([without(HEADER, parrot_bench_replies=2), FIRST], "line 1: recordings of version 2 are"),
        ([without(HEADER, "mode"), FIRST], "line 1: mode is missing or wrong"),
        ([without(HEADER, recorded="soon"), FIRST], "line 1: recorded is missing or wrong"),
        ([without(HEADER, streams="yes"), FIRST], "line 1: streams is missing or wrong"),
        ([HEADER], "has no reply"),
        ([HEADER, FIRST, "no JSON", FIRST], "line 3 is no recorded reply: it is no JSON"),
        ([HEADER, "NaN", FIRST], "line 2 is no recorded reply: it is no JSON"),
        ([HEADER, "[" * 100_000, FIRST], "line 2 is no recorded reply: it is no JSON"),
        ([HEADER, 3], "line 2 is no recorded reply: an object is expected"),
        ([HEADER, without(FIRST, "prompt")], "line 2 is no recorded reply: prompt has to be"),
        ([HEADER, without(FIRST, chunks=[])], "chunks has to be a list with at least one"),
        ([HEADER, without(FIRST, chunks=[3])], "chunk 1 has to be an object"),
        (
            [HEADER, without(FIRST, chunks=[CHUNK, {"content": "x"}])],
            "at_ns of chunk 2 has to be nanoseconds, 1000 or more",
        ),
        (
            [HEADER, without(FIRST, chunks=[CHUNK, {**CHUNK, "at_ns": 999}])],
            "at_ns of chunk 2 has to be nanoseconds, 1000 or more",
        ),
        ([HEADER, without(FIRST, chunks=[{**CHUNK, "at_ns": 1e30}])], "at_ns of chunk 1"),
        ([HEADER, without(FIRST, chunks=[{**CHUNK, "at_ns": True}])], "at_ns of chunk 1"),
        ([HEADER, without(FIRST, latency_ns=1)], "latency_ns has to be nanoseconds, 2000 or more"),
        ([HEADER, without(FIRST, chunks=[{"at_ns": 1, "content": 3}])], "chunk 1: a chunk is none"),
        ([HEADER, without(FIRST, chunks=[{"at_ns": 1}])], "chunk 1: a chunk has content"),
        (
            [
                HEADER,
                without(
                    FIRST,
                    chunks=[
                        {"at_ns": 1, "content": "", "additional_kwargs": {"a": value}}
                        for value in (1, "x")
                    ],
                ),
            ],
            "line 2 is no recorded reply: its chunks do not add up to a message",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_number(
    tmp_path: Path, lines: list[Any], said: str
) -> None:
    path = tmp_path / "replies.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_recording(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path / "x", [FIRST])
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n" + json.dumps(FIRST).encode() + b"\n")
    with pytest.raises(UsageError, match="line 3 is no recorded reply: it is no JSON"):
        read_recording(path)
