"""Folders, several files, tables of earlier reports, several processes: every span counts."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from generated_spans import Totals, write_spans
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parrot_bench.errors import RecordError, UsageError
from parrot_reports import write_span_report
from parrot_reports.spans import files as span_files
from parrot_reports.spans import pieces
from parrot_reports.spans.choice import choice
from parrot_reports.spans.files import read_files
from parrot_reports.spans.lines import read_block
from parrot_reports.spans.report import SpanReport
from parrot_reports.spans.sources import sources
from parrot_reports.spans.writing import SpanOptions, read_span_report, span_text


def assert_exact(report: SpanReport, totals: Totals) -> None:
    assert len(report.table) == totals.spans
    found = report.totals
    assert found.calls == totals.calls.total()
    assert found.failed == totals.failed.total()
    assert found.input_tokens == totals.input_tokens
    assert found.output_tokens == totals.output_tokens
    assert found.cached_tokens == totals.cached_tokens
    assert found.reasoning_tokens == totals.reasoning_tokens
    assert {use.model: use.calls for use in report.use} == totals.calls
    errors: dict[str, int] = {}
    for failure in report.failures:
        errors[failure.error] = errors.get(failure.error, 0) + failure.number
    assert errors == totals.errors


@pytest.mark.parametrize("per_line", [1, 7, 512])
@pytest.mark.parametrize("packed", [False, True])
def test_every_span_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_line: int, *, packed: bool
) -> None:
    # Small blocks and joins, so that a small file has many of both.
    monkeypatch.setattr(pieces, "_BLOCK", 50_000)
    monkeypatch.setattr(span_files, "_MANY_ROWS", 300)
    path = tmp_path / "traces.jsonl"
    totals = write_spans(path, 2_001, per_line)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    assert_exact(read_span_report([path], tmp_path), totals)
    assert_exact(read_span_report([path]), totals)
    assert_exact(read_span_report([tmp_path / "spans.parquet"]), totals)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_every_span_counts_with_several_processes(tmp_path: Path) -> None:
    totals = write_spans(tmp_path / "traces.jsonl", 20_000)
    assert (tmp_path / "traces.jsonl").stat().st_size > 24 << 20, "else one process reads it"
    # Its own main module, as the processes import that of whoever starts them.
    done = subprocess.run(
        [sys.executable, "-m", "parrot_bench", "report", str(tmp_path), "--format", "json"],
        capture_output=True, check=True, encoding="utf-8", cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["read"]["spans"] == totals.spans
    assert report["totals"]["calls"] == totals.calls.total()
    assert report["totals"]["input_tokens"] == totals.input_tokens
    assert report["totals"]["output_tokens"] == totals.output_tokens
    assert done.stderr == ""


def test_a_table_gives_the_same_page(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    write_spans(path, 400)
    path.write_bytes(path.read_bytes() + b'{broken\n{"resourceLogs":[{}]}\n')
    first = write_span_report(path)
    second = write_span_report(tmp_path / "spans.parquet", tmp_path / "second")
    pages = [file.page.read_text(encoding="utf-8") for file in (first, second)]
    assert pages[1].replace("spans.parquet", "traces.jsonl") == pages[0]
    assert "traces.jsonl:2" in pages[1]
    assert "1 of 3 lines" in pages[1]
    assert not (tmp_path / "second" / "spans.parquet").exists()


def test_a_folder_is_read_once_and_what_is_not_read_is_named(tmp_path: Path) -> None:
    first = write_spans(tmp_path / "a.jsonl", 40)
    (tmp_path / "b.json.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "damaged.gz").write_bytes(b"\x1f\x8bno")
    write_span_report(tmp_path)
    again = read_span_report([tmp_path, tmp_path / "a.jsonl"])
    assert len(again.table) == first.spans, "b is a again, and a was named twice"
    assert again.repeated == first.spans
    assert dict(again.table.not_read) == {
        "notes.txt": "no OTLP/JSON lines",
        "package.json": "no OTLP/JSON lines",
        "empty.jsonl": "empty",
        "more": "a folder; name it as well to read what is in it",
        "damaged.gz": "no OTLP/JSON lines",
        "spans.parquet": "a table; name it itself to read it",
    }


def test_files_are_located_by_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_spans(tmp_path / f"{name}.jsonl", 40, per_line=10)
        with (tmp_path / f"{name}.jsonl").open("a") as file:
            file.write("\n{bad\n")
    table = read_span_report([tmp_path]).table
    assert [f"{line.file}:{line.line}" for line in table.malformed] == ["a.jsonl:6", "b.jsonl:6"]


def test_very_many_bad_lines_are_counted_and_some_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    write_spans(path, 4)
    path.write_text(path.read_text() + "{bad\n" * 5_000)
    table = read_span_report([path]).table
    assert (table.lost, len(table.malformed)) == (5_000, 1_000)


@pytest.mark.parametrize("block", [1_000, 30_000])
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_never_ends_is_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, *, packed: bool
) -> None:
    monkeypatch.setattr(pieces, "_BLOCK", block)
    monkeypatch.setattr(pieces, "_LONGEST_LINE", 50_000)
    path = tmp_path / "traces.jsonl"
    totals = write_spans(path, 40, per_line=10)
    with path.open("a") as file:
        file.write("x" * 200_000)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    table = read_span_report([path]).table
    assert len(table) == totals.spans
    assert [line.line for line in table.malformed] == [5]


@pytest.mark.parametrize("content", [b"PAR1nonsense", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_a_table_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spans.parquet"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="not a whole span table"):
        read_span_report([path])


def test_a_table_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(RecordError, match="a Parquet file of something else"):
        read_span_report([path])


def test_further_attributes_are_kept_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    write_spans(path, 400)
    wish = choice(["gen_ai.conversation.id=conversation-0000000000000003"])
    report = read_span_report([path], tmp_path, SpanOptions(wish=wish))
    assert report.genai == 2, "the agent and its tool have it"
    again = read_span_report([tmp_path / "spans.parquet"], options=SpanOptions(wish=wish))
    assert again.genai == 2
    with pytest.raises(UsageError, match=r"holds no 'app\.x'"):
        read_span_report(
            [tmp_path / "spans.parquet"], options=SpanOptions(wish=choice(["app.x=1"]))
        )


def test_blocks_are_put_together_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "traces.jsonl"
    write_spans(path, 1_000, per_line=3)
    files, _ = sources([path])
    whole = read_files(files).frame
    monkeypatch.setattr(pieces, "_BLOCK", 9_000)
    monkeypatch.setattr(span_files, "_MANY_ROWS", 50)
    assert_frame_equal(read_files(files).frame, whole)
    assert_frame_equal(read_files(files, table=tmp_path / "t.parquet").frame, whole)


def test_progress_ends_at_the_end(tmp_path: Path) -> None:
    totals = write_spans(tmp_path / "a.jsonl", 400)
    told: list[tuple[int, int, int]] = []
    span_text([tmp_path], "md", options=SpanOptions(progress=lambda *now: told.append(now)))
    size = (tmp_path / "a.jsonl").stat().st_size
    assert told[-1] == (size, size, totals.spans)


LINES = st.lists(st.sampled_from([b"{}", b"", b"x" * 70, b" ", b"ab\xff"]), max_size=12)


@settings(max_examples=60)
@given(LINES, st.booleans(), st.integers(1, 40), st.booleans())
def test_pieces_are_the_whole_file_cut_at_ends_of_lines(
    lines: list[bytes], ended: bool, block: int, packed: bool
) -> None:
    whole = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(pieces, "_BLOCK", block)
        path = Path(folder) / "spans"
        path.write_bytes(gzip.compress(whole) if packed else whole)
        stopped: list[Exception] = []
        found = [
            piece.read() if isinstance(piece, pieces.Range) else piece
            for piece in pieces.cut(path, pieces.Place(), stopped)
        ]
    assert b"".join(found) == whole
    assert stopped == []
    assert all(piece.endswith(b"\n") for piece in found[:-1])


SPAN = (
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"a","spanId":"%d",'
    b'"startTimeUnixNano":"5","endTimeUnixNano":"9","name":"n"}]}]}]}'
)


@settings(max_examples=60)
@given(st.lists(st.none() | st.binary(max_size=30).filter(lambda b: b"\n" not in b), max_size=10))
def test_a_line_that_is_none_takes_no_other_with_it(lines: list[bytes | None]) -> None:
    made = [SPAN % number if line is None else line for number, line in enumerate(lines)]
    block = read_block(b"\n".join(made))
    spans = [str(number) for number, line in enumerate(lines) if line is None]
    assert block.frame["span_id"].to_list() == spans
    wrong = {n for n, line in enumerate(lines, 1) if line is not None and not _is_json(line)}
    wrong -= {n for n, line in enumerate(lines, 1) if line is not None and not line.strip()}
    assert wrong <= {number for number, _ in block.malformed}
    assert block.lines == len(block.malformed) + len(spans) + sum(
        line is not None and bool(line.strip()) and n not in {m for m, _ in block.malformed}
        for n, line in enumerate(lines, 1)
    )


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
