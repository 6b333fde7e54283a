"""The summary for a pull request."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and dashes

import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from parrot_bench.record import RunRecord, read_record
from parrot_reports.markdown import code, escaped, summary_markdown, summary_table


def cells(line: str) -> list[str]:
    """Split a table's row as GitHub does: at pipes that have no backslash."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_headline_trust_table_and_environment(record: RunRecord) -> None:
    text = summary_markdown(record)
    lines = text.splitlines()
    assert lines[0].startswith("### 9 of 11 other ways to call `AsyncChatParrotLink` cost more")
    assert lines[2] == "✅ **Can be trusted: all 6 checks are green.**"
    assert cells(lines[4]) == ["mode", "CPU/call", "wall/call", "vs `invoke`", "verdict"]
    assert "| `astream_events_v2` | 4.14 ms | 4.21 ms | 13.4× [13.2, 13.5] | slower |" in lines
    assert "| `invoke` | 310 µs | 318 µs | 1 | baseline |" in lines
    assert "| `direct_generate` | 25 µs | 26 µs | 0.081× [0.080, 0.081] | floor |" in lines
    assert lines[-1].startswith("<sub>parrot-bench 0.1.0, langchain-core 1.7.2, CPython 3.11.7")


def test_it_fits_a_comment(record: RunRecord) -> None:
    assert len(summary_markdown(record).encode()) < 5_000


def test_what_is_not_green_is_listed(make_run: Callable[..., Path]) -> None:
    text = summary_markdown(read_record(make_run(amber=True)))
    assert "❌ **Do not use these numbers: reconciliation failed" in text
    assert "- amber: conditions: LANGSMITH\\_TRACING was kept" in text
    assert "| slower (with care) |" in text


def test_an_incomplete_run_without_results(make_run: Callable[..., Path]) -> None:
    record = read_record(make_run(incomplete=True, overhead=False))
    text = summary_markdown(record)
    assert "the run is incomplete (stopped by a signal after 31 s)" in text
    assert summary_table(record) == ""
    assert "|" not in text


def test_hostile_names_stay_in_their_cells(make_run: Callable[..., Path]) -> None:
    hostile = "<img src=x> `|\n# [x](http://parrot.invalid)"
    record = read_record(make_run(names={"stream": hostile}))
    rows = [line for line in summary_markdown(record).splitlines() if line.startswith("|")]
    assert {len(cells(row)) for row in rows} == {5}
    assert any(cells(row)[0] == "``<img src=x> `\\|�# [x](http://parrot.invalid)``" for row in rows)


@given(st.text(min_size=1, max_size=30))
def test_a_code_span_ends_where_it_should(name: str) -> None:
    span = code(name)
    fence = re.match("`+", span)
    assert fence is not None
    inside = span[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall("`+", inside)
    assert "\n" not in span


@given(st.text(max_size=60))
def test_text_has_no_live_markup(words: str) -> None:
    written = re.sub(r"\\.", "", escaped(words))
    assert not re.search(r"[`*_\[\]<>|]|@(?!\u2060)", written)
