"""OTLP/JSON lines into a table."""

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_reports.spans.table import read_spans


def _conftest() -> ModuleType:
    """The maker of spans beside this file; import-mode importlib gives it no name."""
    path = Path(__file__).with_name("conftest.py")
    spec = importlib.util.spec_from_file_location("parrot_reports_made_runs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


made = _conftest()
CHAT = made.span(
    "chat parrot-1",
    number=2,
    parent=1,
    **{
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "parrot-1",
        "gen_ai.usage.input_tokens": 256,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "gen_ai.response.time_to_first_chunk": 0.25,
        "langchain.identifying_params.temperature": 0.0,
        "langchain.identifying_params.model_name": "parrot-1",
        "langchain.run.outcome": "completed",
    },
)
GOOD = made.request([CHAT])


def write(folder: Path, *lines: str | bytes, name: str = "spans.jsonl") -> Path:
    raw = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    path = folder / name
    path.write_bytes(raw)
    return path


def test_one_span(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, GOOD))
    row = table.frame.to_dicts()[0]
    assert row["trace_id"] == "0" * 31 + "1"
    assert (row["start_ns"], row["end_ns"]) == (1_000, 2_000)
    assert (row["input_tokens"], row["output_tokens"]) == (256, 20)
    assert (row["cached_tokens"], row["reasoning_tokens"]) == (200, 5)
    assert row["first_chunk_s"] == 0.25
    assert json.loads(row["identity"]) == {"model_name": "parrot-1", "temperature": 0.0}
    assert row["parent_id"] == "0" * 15 + "1"
    assert row["outcome"] == "completed"
    assert row["failed"] is False


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, b""))
    assert len(table) == 0
    assert table.malformed == ()
    assert table.chats.is_empty()


@pytest.mark.parametrize(
    "bad",
    [
        GOOD[: len(GOOD) // 2],
        "[]",
        "null",
        "7",
        "{",
        b"\xff\xfe",
        '{"resourceSpans": 3}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "no ids"}]}]}]}',
        GOOD.replace('"1000"', '"' + "9" * 30 + '"'),
        GOOD.replace('"1000"', '"soon"'),
        '{"a":' * 2_000,
    ],
)
def test_a_malformed_line_is_located_and_the_others_are_kept(
    tmp_path: Path, bad: str | bytes
) -> None:
    table = read_spans(write(tmp_path, GOOD, bad, GOOD, ""))
    assert len(table) == 2
    assert [(item.file, item.line) for item in table.malformed] == [("spans.jsonl", 2)]
    assert str(table.malformed[0]).startswith("spans.jsonl:2: ")


def test_a_line_cut_off_by_a_kill_is_the_only_one_lost(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, GOOD, GOOD, GOOD[:-20]))
    assert len(table) == 2
    assert [item.line for item in table.malformed] == [3]


def test_blank_lines_and_other_signals_are_no_faults(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, "", GOOD, "   ", '{"resourceMetrics": []}', "{}"))
    assert len(table) == 1
    assert table.malformed == ()


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, gzip.compress(f"{GOOD}\n{GOOD}\n".encode())))
    assert len(table) == 2


def test_gzip_cut_off_keeps_what_could_be_read(tmp_path: Path) -> None:
    lines = "".join(made.request([made.span(f"chat {n}", number=n + 1)]) + "\n" for n in range(999))
    packed = gzip.compress(lines.encode())
    table = read_spans(write(tmp_path, packed[: len(packed) // 2], name="spans.jsonl.gz"))
    assert 0 < len(table) < 999
    assert len(table.malformed) == 1


def test_unusual_values_do_not_lose_a_span(tmp_path: Path) -> None:
    odd = json.loads(made.request([made.span("chat", number=3)]))
    odd["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = [
        {"key": "gen_ai.response.time_to_first_chunk", "value": {"doubleValue": "NaN"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"stringValue": "many"}},
        {"key": "langchain.identifying_params.stop", "value": {"arrayValue": {"values": []}}},
        {"key": "langchain.identifying_params.nothing", "value": {}},
        {"key": "no value"},
        {"key": "gen_ai.operation.name", "value": {"intValue": "7"}},
    ]
    table = read_spans(write(tmp_path, json.dumps(odd)))
    assert table.malformed == ()
    assert table.frame["input_tokens"].to_list() == [None]
    assert table.frame["operation"].to_list() == ["7"]


def test_whole_numbers_may_be_numbers_too(tmp_path: Path) -> None:
    table = read_spans(write(tmp_path, GOOD.replace('"1000"', "1000").replace('"256"', "256")))
    assert table.frame["input_tokens"].to_list() == [256]
    assert table.frame["start_ns"].to_list() == [1_000]


@settings(max_examples=60)
@given(junk=st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b""))))
def test_junk_never_raises_and_never_takes_a_good_line_with_it(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    lines = [part for bad in junk for part in (bad, GOOD.encode())]
    table = read_spans(write(folder, b"{}", *lines))
    assert len(table) == len(junk)
