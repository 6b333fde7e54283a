"""The saved schema: strict, versioned, whole or not at all."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.errors import RecordError
from parrot_bench.record import (
    Configuration,
    Environment,
    RunDirectory,
    RunRecord,
    read_record,
    write_atomically,
)


def a_record(**changes: Any) -> RunRecord:
    settings: dict[str, Any] = {
        "name": "run",
        "status": "complete",
        "started": datetime(2026, 11, 23, tzinfo=UTC),
        "duration_s": 1.0,
        "command": ("parrot-bench", "run"),
        "parrot_bench_version": "0.1.0",
        "model": None,
        "configuration": Configuration(
            baseline="invoke",
            studies=("overhead",),
            modes=(),
            time_s=60,
            target=0.02,
            delta=0.02,
            prompt=None,
            prompt_characters=256,
            reply_length=None,
            batch_size=16,
            max_concurrency=None,
            max_calls=None,
            call_limit_s=60,
            seed=1,
            keep_conditions=False,
            otlp="",
        ),
        "environment": Environment(
            python="CPython 3.11.7",
            platform="Linux",
            cpu="a processor",
            logical_cpus=2,
            memory_bytes=1,
            governor="",
            packages={},
            commit="",
            dirty=None,
            hash_seed="0",
            event_loop="",
        ),
    }
    return RunRecord.model_validate({**settings, **changes})


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    record = a_record()
    directory.write_record(record)
    assert directory.read_record() == record
    assert read_record(tmp_path) == record
    assert json.loads(directory.record.read_bytes())["schema_version"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "run.json is not a record"),
        ("[]", "run.json is not a record"),
        ('{"schema_version": 99}', "schema_version"),
        ('{"name": 1}', "name"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(RecordError, match=words) as caught:
        read_record(tmp_path)
    assert str(caught.value).isprintable()


@given(st.dictionaries(st.text(max_size=6), st.none() | st.text(max_size=4), min_size=1))
def test_an_unknown_key_is_named_in_one_line(more: dict[str, str | None]) -> None:
    raw = json.loads(a_record().model_dump_json())
    raw["configuration"] |= more
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.json"
        path.write_text(json.dumps(raw), encoding="utf-8")
        with pytest.raises(RecordError) as caught:
            read_record(path)
    assert str(caught.value).isprintable()


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    raw = json.loads(a_record().model_dump_json())
    (tmp_path / "run.json").write_text(json.dumps({**raw, "mood": "good"}), encoding="utf-8")
    with pytest.raises(RecordError, match="mood"):
        read_record(tmp_path)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"first")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"first"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_of_two_that_find_a_folder_empty_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(()))
    RunDirectory(tmp_path / "run").create()
    with pytest.raises(RecordError, match="run is not empty; name a new one with --out"):
        RunDirectory(tmp_path / "run").create()


def test_a_file_is_no_folder_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RecordError, match=r"run cannot be written \(File exists\)"):
        RunDirectory(tmp_path / "run").create()


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    write_atomically(tmp_path / "file", b"")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_only_a_complete_run_with_green_checks_is_trusted() -> None:
    amber = {"name": "machine", "level": "amber", "sentence": "busy"}
    assert a_record().trusted
    assert not a_record(status="incomplete").trusted
    assert not a_record(trust=(amber,)).trusted
