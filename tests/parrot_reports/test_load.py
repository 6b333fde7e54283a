"""What is said of a load: in the terminal, as markdown and on its page."""

# ruff: noqa: RUF001  # the expected text has real dashes

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parrot_bench.record import (
    Capacity,
    Estimate,
    LoadLevel,
    LoadResult,
    LoadWorker,
    Percentile,
    RateBoundary,
    RunDirectory,
    RunRecord,
)
from parrot_bench.trust import checks
from parrot_reports import summary_markdown, write_report
from parrot_reports.load_page import render_load
from parrot_reports.parts import plain
from parrot_reports.studies.load import HEADS, heads, remarks, sentence, workers
from parrot_reports.terminal import overview
from tests.parrot_reports.conftest import HOSTILE

RANKS = (0.5, 0.9, 0.95, 0.99)


def times(*ms: float) -> tuple[Percentile, ...]:
    return tuple(
        Percentile(rank=rank, value=t * 1e6, low=t * 0.9e6, high=t * 1.1e6, count=500, reason="")
        for rank, t in zip(RANKS, ms, strict=True)
    )


def level(rate: float | None = 20.0, **more: Any) -> LoadLevel:
    usual: dict[str, Any] = {
        "mode": "astream", "concurrency": None, "rate": rate, "window_s": 30.0, "calls": 600,
        "completed": 600, "achieved_rate": rate or 0.0, "in_flight": 4.0, "peak": 9,
        "latency": times(200, 300, 400, 900), "service": times(199, 299, 399, 899),
        "first_chunk": times(50, 80, 90, 200), "dispatch": times(0.5, 0.8, 0.9, 1.2),
        "throughput": 19.9, "tokens_per_s": 400.0, "goodput": 19.7,
        "good": Estimate(value=0.985, low=0.971, high=0.992, confidence=0.95, count=600,
                         unit="ratio"),
        "busy": 0.1, "loop_lag": 2e6, "verdict": "stable",
    }  # fmt: skip
    return LoadLevel.model_validate(usual | more)


def over(rate: float = 50.0) -> LoadLevel:
    return level(rate, latency=(), service=(), first_chunk=(), completed=900, calls=1500,
                 verdict="unstable", reason="only 60% of its calls were answered",
                 errors={"RateLimitError": 600}, rate_limited=600, throughput=29.0)  # fmt: skip


def result(*levels: LoadLevel, **more: Any) -> LoadResult:
    usual: dict[str, Any] = {
        "arrivals": "poisson", "objectives": ("ttfc=200ms",), "max_errors": 0.01,
        "levels": levels, "duration_s": 60.0, "stopped_by": "done",
    }  # fmt: skip
    return LoadResult.model_validate(usual | more)


@pytest.fixture
def loaded(record: RunRecord) -> Any:
    def make(*levels: LoadLevel, **more: Any) -> RunRecord:
        return record.model_copy(update={"load": result(*levels, **more), "overhead": None})

    return make


def test_the_sentence_is_about_the_highest_load_that_was_kept_up(loaded: Any) -> None:
    said = plain(sentence(loaded(level(5.0, throughput=5.0), level(), over())))
    assert said == (
        "`astream` at 20/s keeps ttfc=200ms in 98.5 % of calls [97.1, 99.2]; "
        "at 50/s, only 60% of its calls were answered."
    )
    said = plain(sentence(loaded(level(), objectives=())))
    assert said == "`astream` at 20/s answers within 400 ms (p95), 19.9 answers a second."
    assert plain(sentence(loaded(over()))).startswith("`astream` kept up with no load: at 50/s")


def test_the_sentence_of_a_search(loaded: Any) -> None:
    found = RateBoundary(mode="astream", kept=23.4, missed=25.6, trials=14)
    assert plain(sentence(loaded(level(), boundaries=(found,)))) == (
        "`astream` keeps ttfc=200ms up to 23.4 calls a second, three times of three, "
        "and not at 25.6."
    )
    bound = found.model_copy(update={"client_bound": True})
    assert plain(sentence(loaded(level(), boundaries=(bound,)))).endswith(
        "up to 23.4 calls a second; at 25.6 this process was the limit, and not the model."
    )
    none = RateBoundary(mode="astream", kept=None, missed=0.001, trials=11)
    said = plain(sentence(loaded(over(), boundaries=(none,))))
    assert said == "`astream` keeps ttfc=200ms at no rate, not even 0.0010/s."


def test_remarks_name_errors_and_what_was_not_kept_up(loaded: Any) -> None:
    short = level(100.0, due=900)
    assert remarks(result(over(), short, left_out={"batch": "its calls are batches"})) == (
        "astream is unstable at 50/s: only 60% of its calls were answered.",
        "astream at 50/s: 600 RateLimitError, of which too many requests (429): 600.",
        "astream at 100/s: 300 of 900 calls were not made, as it was ended before.",
        "batch was left out: its calls are batches.",
    )


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_in_a_terminal(loaded: Any, width: int) -> None:
    console = Console(width=width, record=True, highlight=False, file=io.StringIO())
    console.print(overview(loaded(level(), over(), level(rate=None, concurrency=8)), width))
    text = console.export_text()
    (row,) = (line for line in text.splitlines() if line.startswith("20/s "))
    assert row.split()[1:4] == ["600", "0", "19.9"]
    assert "98.5 %" in row
    assert "stable" in row
    assert any(line.startswith("8 in flight") for line in text.splitlines())
    (row,) = (line for line in text.splitlines() if line.startswith("50/s  "))
    assert "–" in row
    assert "unstable" in row
    assert "…" not in text
    assert ("p99" in text) == (width > 100)


def test_several_modes_have_a_table_each_where_there_is_little_room(loaded: Any) -> None:
    console = Console(width=80, record=True, highlight=False, file=io.StringIO())
    levels = (level(verdict="client-bound"), level(mode="astream_events_v2"))
    console.print(overview(loaded(*levels), 80))
    text = console.export_text()
    assert "…" not in text
    lines = text.splitlines()
    assert lines.index("astream") < lines.index("astream_events_v2")
    assert sum(line.startswith("20/s ") for line in lines) == 2


def test_reasons_of_one_kind_are_one_remark(loaded: Any) -> None:
    bound = [
        level(rate=None, concurrency=n, ramp=True, verdict="client-bound", reason=f"of {n} %")
        for n in (1, 2, 3)
    ]
    (one,) = remarks(result(*bound))
    assert one.startswith("astream is client-bound at 3 loads, 1 in flight ↗ to 3 in flight ↗: ")
    assert one.endswith("at 1 in flight ↗, of 1 %.")
    (two,) = remarks(result(*bound[:2]))
    assert two.startswith("astream is client-bound at 1 in flight ↗ and 2 in flight ↗: ")


def test_where_the_client_is_the_limit_at_every_load_it_is_said_so(loaded: Any) -> None:
    bound = [
        level(rate=None, concurrency=n, throughput=float(n), verdict="client-bound", reason="busy")
        for n in (100, 200)
    ]
    said = (
        "At every load {} is the limit, and not `astream`: at most 200 calls a second, at 200 in "
    )
    assert plain(sentence(loaded(*bound))) == said.format("this process") + "flight."
    several = [each.model_copy(update={"workers": 2}) for each in bound]
    assert plain(sentence(loaded(*several))).startswith("At every load a worker is the limit")
    # A worker that died is another matter.
    lost = [each.model_copy(update={"lost": 3}) for each in bound]
    assert "At every load" not in plain(sentence(loaded(*lost)))


def test_the_most_that_was_answered_is_said_first(loaded: Any) -> None:
    most = Capacity(mode="ainvoke", rate=200.0, low=190.0, high=210.0, concurrency=4)
    first, *_ = remarks(result(over(), capacities=(most,)))
    assert first == "ainvoke answers at most 200 calls a second [190, 210], from 4 in flight on."
    bound = most.model_copy(update={"client_bound": True})
    (said,) = remarks(result(level(), capacities=(bound,)))
    assert said.endswith("from 4 in flight on: this process is the limit, and not the model.")


def test_columns_that_have_nothing_to_say_are_left_out(loaded: Any) -> None:
    whole = loaded(level(mode="ainvoke", first_chunk=()))
    assert "first chunk p50" not in heads(whole)
    assert "mode" not in heads(whole)
    both = loaded(level(), level(mode="ainvoke"))
    assert heads(both) == HEADS


def test_markdown(loaded: Any) -> None:
    text = summary_markdown(loaded(level(), over()))
    assert "| `astream` | 20/s | 600 | 0 | 19.9 | 200 ms | 400 ms | 900 ms |" in text
    assert "- astream is unstable at 50/s" in text


def test_the_page(loaded: Any, make_small_run: Any) -> None:
    run = make_small_run()
    RunDirectory(run).write_record(loaded(level(), over()))
    files = write_report(run)
    html = files.page.read_text(encoding="utf-8")
    assert "Level by level" in html
    assert "How it was measured" not in html
    assert html.count("<svg") == 1
    assert [figure.name for figure in files.figures] == ["load.svg", "load.png"]
    assert write_report(run).page.read_text(encoding="utf-8") == html
    # Figures of the run that it was before are gone.
    assert {path.stem for path in (run / "figures").iterdir()} == {"load"}


def test_a_load_that_was_never_kept_up_with_has_no_figure(loaded: Any) -> None:
    page = render_load(loaded(over()))
    assert page.figures == ()
    assert "unstable" in page.html


def test_names_are_escaped(loaded: Any) -> None:
    hostile = level(mode=HOSTILE, reason=HOSTILE, errors={HOSTILE: 3}, verdict="unstable")
    html = render_load(
        loaded(hostile, objectives=(HOSTILE,), left_out={HOSTILE: HOSTILE}), files=("a",)
    ).html
    assert "<img" not in html
    assert "\u202e" not in html
    assert "{{ 7*7 }}" in html


def test_it_can_be_read_again(loaded: Any, tmp_path: Path) -> None:
    record = loaded(level(), over())
    directory = RunDirectory(tmp_path)
    directory.write_record(record)
    assert directory.read_record().load == record.load


def worker(name: str, **more: Any) -> LoadWorker:
    usual: dict[str, Any] = {
        "name": name, "host": "node-1", "pid": 4711, "calls": 300, "busy": 0.5,
        "offset_ns": -2_500_000, "uncertainty_ns": 400_000, "drift_ns": 0,
    }  # fmt: skip
    return LoadWorker.model_validate(usual | more)


def test_workers_are_listed_and_the_dead_one_is_named(loaded: Any) -> None:
    gone = worker("worker-1", lost=120, busy=None, ended="its connection was lost",
                  unlike=("Python CPython 3.12 and not CPython 3.11",))  # fmt: skip
    lost = level(lost=120, workers=2, completed=480, errors={"worker lost": 120},
                 verdict="client-bound",
                 reason="a worker was lost, and 120 calls of it were not answered")  # fmt: skip
    record = loaded(lost, workers=(worker("worker-0"), gone))
    assert record.load is not None
    said = (
        "worker-1 (node-1, process 4711) was lost (its connection was lost): of its 300 calls 120 "
        "were not answered."
    )
    assert said in remarks(record.load)
    first, second = workers(record.load)
    assert first == (
        "worker-0", "node-1", "4711", "300", "0", "50 %", "−2.5 ms", "400 µs", "0",
    )  # fmt: skip
    assert second[4:6] == ("120", "–")
    html = render_load(record).html
    assert "The calls were made by 2 workers" in html
    assert "worker-1" in html
    by_name = {check.name: check for check in checks(record)}
    assert by_name["client saturation"].level == "green"  # it died, and was not the limit
    found = [check for check in checks(record) if check.name == "workers"]
    assert [check.level for check in found] == ["red", "amber"]
    assert "worker-1 (node-1, process 4711) was lost" in found[0].sentence
    assert "Python CPython 3.12 and not CPython 3.11" in found[1].sentence
    alone = render_load(loaded(level())).html
    assert "The calls were made by" not in alone
    assert "What this process itself did" in alone


def test_what_a_worker_calls_itself_is_escaped(loaded: Any) -> None:
    record = loaded(level(), workers=(worker(HOSTILE, host=HOSTILE, ended=HOSTILE),))
    assert "<img src=x" not in render_load(record).html


def test_spans_that_did_not_arrive_are_said(loaded: Any) -> None:
    sent = {"exporter": "otlp http://127.0.0.1:4318", "ended": 300, "failed": 0, "dropped": 0}
    both = (worker("worker-0"), worker("worker-1"))
    exports = [{"worker": w.name, "exported": 300, **sent} for w in both]

    def said(*given: dict[str, Any]) -> list[tuple[str, str]]:
        record = loaded(level(), workers=both, exports=given)
        record = record.model_copy(update={"reconciliation": None})
        return [(c.level, c.sentence) for c in checks(record) if c.name == "export"]

    assert said(*exports) == [("green", "All 600 spans delivered.")]
    lossy = {**exports[1], "exported": 290, "failed": 10, "error": "503"}
    assert said(exports[0], lossy) == [
        (
            "amber",
            (
                "worker-1 to otlp http://127.0.0.1:4318: 10 of 300 spans were not delivered "
                "(10 failed, 0 dropped; 503)."
            ),
        )
    ]
    assert said(exports[0]) == [("amber", "Of the spans of worker-1 nothing is known.")]
    assert said() == []
