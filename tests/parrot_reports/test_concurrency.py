"""What the report says of the concurrency study."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and dashes

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from rich.console import Console

from parrot_bench.record import (
    BlockedLoop,
    CodePlace,
    ConcurrencyCell,
    ConcurrencyResult,
    ConcurrencySweep,
    Estimate,
    LawCheck,
    Limit,
    Percentile,
    RunDirectory,
    RunRecord,
)
from parrot_reports import summary_markdown, write_report
from parrot_reports.parts import plain
from parrot_reports.studies import concurrency
from parrot_reports.terminal import overview
from parrot_reports.text import visible

MakeRun = Callable[..., Path]


def about(value: float, unit: Any, count: int = 6) -> Estimate:
    return Estimate(
        value=value, low=value * 0.95, high=value * 1.04, confidence=0.97, count=count, unit=unit
    )


def percentile(rank: float, value: float | None) -> Percentile:
    reason = "" if value is not None else "20 calls, p95 needs 72"
    return Percentile(rank=rank, value=value, low=value, high=value, count=20, reason=reason)


def cell(asked: int | None, at_once: float, *, stall: int = 2_000_000) -> ConcurrencyCell:
    waited = (asked or 16) / at_once * 1e7
    return ConcurrencyCell(
        max_concurrency=asked,
        batch=(asked or 2) * 8,
        in_flight=about(asked or 16, "count"),
        achieved=about(at_once, "count"),
        throughput=about(at_once * 100, "per second"),
        latency=about(waited, "ns"),
        service=about(1e7, "ns"),
        percentiles=(
            percentile(0.5, waited),
            percentile(0.95, waited * 1.6 if asked != 1 else None),
            percentile(0.99, None),
        ),
        peak=round(at_once),
        threads=9,
        loop_stall_ns=stall,
        busy=0.31,
        calls=96,
        repeats=6,
        errors={"TimeoutError": 2} if asked == 4 else {},
    )


def a_sweep(
    mode: str,
    limit: Limit,
    at_once: float,
    *,
    own: bool | None = True,
    blocked: BlockedLoop | None = None,
) -> ConcurrencySweep:
    levels = tuple(cell(asked, min(asked, at_once)) for asked in (1, 4, 16, 64))
    return ConcurrencySweep(
        mode=mode,
        own_async=own,
        levels=levels,
        batches=(cell(None, min(6, at_once)),),
        response=about(1e7, "ns"),
        most=64 if at_once >= 64 else 16,
        enough=4,
        knee=about(at_once, "count"),
        limit=limit,
        blocked=blocked,
    )


def held(file: str = "app/llm.py", function: str = "Mine._agenerate") -> BlockedLoop:
    return BlockedLoop(
        place=CodePlace(file=file, function=function, line=51),
        called_from=CodePlace(file=file, function="Mine.ask", line=7),
        samples=232,
        taken=240,
        stalls=30,
        longest_ns=176_000_000,
        computes=False,
    )


def result(*sweeps: ConcurrencySweep) -> ConcurrencyResult:
    return ConcurrencyResult(
        service_s=0.005,
        executor_threads=6,
        sweeps=sweeps,
        reduced="no levels 2, 8",
        littles_law=LawCheck(cells=40, worst=0.004, where="abatch", tolerance=0.02),
        closed_loop=LawCheck(cells=9, worst=0.21, where="batch", tolerance=0.15),
        left_out={"astream (its own async)": "every call raised ValueError"},
        rounds=6,
        stopped_by="time",
        duration_s=21.0,
        calls=9000,
    )


def said(sweep: ConcurrencySweep) -> str:
    return plain(concurrency.sentence(sweep, result(sweep)))


def test_a_blocked_loop_is_named_with_file_function_and_line() -> None:
    text = said(a_sweep("abatch", "blocked", 1.0, blocked=held()))
    assert text == (
        "`abatch` blocks the event loop: `app/llm.py:51` in `Mine._agenerate` waits without "
        "awaiting, called from `app/llm.py:7`. It had 232 of 240 samples of the loop's stack while "
        "that stood still, up to 176 ms at a time; calls do not overlap, 1.0 of 64 asked for are "
        "in the model."
    )


@pytest.mark.parametrize(
    ("limit", "at_once", "own", "parts"),
    [
        ("executor", 6, False, ("stops at 6 calls at once", "default executor", "min(32, CPUs")),
        ("serial", 1, True, ("gains nothing", "no line blocks the event loop")),
        ("serial", 1, None, ("gains nothing", "a pool of one.")),
        ("model", 4, True, ("works on 4.00 calls at once [3.80, 4.16]", "wait inside it")),
        ("client", 12, True, ("this process is the limit, not the model",)),
        ("none", 64, True, ("scales to the 64 in flight", "64.0 of 64 asked for in the model")),
    ],
)
def test_what_stops_throughput_is_said(
    limit: Limit, at_once: float, own: bool | None, parts: tuple[str, ...]
) -> None:
    text = said(a_sweep("abatch", limit, at_once, own=own))
    assert all(part in text for part in parts), text


def test_what_was_made_once_has_no_interval() -> None:
    once = a_sweep("abatch", "model", 4).model_copy(update={"knee": about(4, "count", count=1)})
    assert "works on 4.00 calls at once (once);" in said(once)


def test_too_few_cells_are_said_to_be_too_few() -> None:
    nothing = a_sweep("abatch", "none", 4).model_copy(update={"knee": None})
    assert said(nothing).endswith(
        "too few of its cells were measured to say what concurrency buys."
    )


HOSTILE = "<img src=x onerror=alert(1)> $\\frac{a}{b}$ `|\u202e{{ 7*7 }}"


@pytest.fixture
def with_concurrency(make_small_run: MakeRun) -> Path:
    run = make_small_run()
    directory = RunDirectory(run)
    found = result(
        a_sweep("batch", "client", 12, own=None),
        a_sweep("abatch", "none", 64),
        a_sweep("abatch", "executor", 6, own=False),
        a_sweep(HOSTILE, "blocked", 1.0, blocked=held(HOSTILE, HOSTILE)),
    )
    record = directory.read_record().model_copy(update={"concurrency": found})
    directory.write_record(record)
    return run


def test_the_section_has_sentences_figure_and_tables(with_concurrency: Path) -> None:
    files = write_report(with_concurrency)
    html = files.page.read_text(encoding="utf-8")
    assert "--studies concurrency" not in html
    assert [f.name for f in files.figures if f.stem == "concurrency"] == [
        "concurrency.svg",
        "concurrency.png",
    ]
    begin = html.index('<section aria-labelledby="concurrency">')
    section = html[begin : html.index("</section>", begin)]
    # Defects come first.
    assert section.index("blocks the event loop") < section.index("default executor")
    assert "executor fallback" in section
    assert section.count('<th scope="row" class="mode">') == 4
    assert "8 TimeoutError" not in section
    assert "2 TimeoutError" in section
    assert "agrees within" in section
    assert "does not agree within" in section
    assert "every call raised ValueError" in section
    assert "20 calls, p95 needs 72" in section
    assert files.page.stat().st_size < 500_000


def test_hostile_places_are_text(with_concurrency: Path) -> None:
    files = write_report(with_concurrency)
    html = files.page.read_text(encoding="utf-8")
    assert "<img" not in html
    assert str(escape(visible(f"{HOSTILE}:51"))) in html
    (svg,) = (f for f in files.figures if f.name == "concurrency.svg")
    assert ET.fromstring(svg.read_bytes()).tag.endswith("svg")


def test_the_one_sentence_is_the_most_urgent(with_concurrency: Path) -> None:
    record = RunDirectory(with_concurrency).read_record()
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(overview(record, 200))
    assert "blocks the event loop" in console.export_text()
    markdown = summary_markdown(record)
    assert sum("blocks the event loop" in line for line in markdown.splitlines()) == 1


def test_the_finding_names_both_ends() -> None:
    found = result(a_sweep("batch", "client", 12, own=None), a_sweep("abatch", "serial", 1))
    record = RunRecord.model_construct(concurrency=found)
    assert plain(concurrency.finding(record)) == (
        "Concurrency buys most in `batch`: 12.0× one call at a time, and least in `abatch`: 1.00×."
    )
