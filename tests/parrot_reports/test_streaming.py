"""Streaming on the page, in the summary and on a terminal, from a result of known numbers."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parrot_bench.record import (
    Arrivals,
    ChunkCost,
    Estimate,
    Latency,
    LengthCost,
    ModeArrivals,
    Percentile,
    RunDirectory,
    RunRecord,
    SegmentCost,
    StreamFinding,
    StreamingResult,
)
from parrot_reports import summary_markdown, units, verdict_sentence, write_report
from parrot_reports.figures.streaming import _apart
from parrot_reports.parts import plain
from parrot_reports.studies import streaming
from parrot_reports.terminal import overview

MakeRun = Callable[..., Path]

# name, first chunk, gap and fixed cost (µs), then the three segments
MODES: dict[str, tuple[float, float, float, tuple[float, float, float]]] = {
    "direct_stream": (20, 5, 25, (5, 5, 5)),
    "stream": (300, 33, 310, (33, 33, 33)),
    "astream": (330, 9, 340, (9, 9, 9)),
    "astream_events_v2": (900, 110, 1000, (178, 108, 106)),
}
HOSTILE = "<img src=x onerror=alert(1)> `|\u202e& {{ 7*7 }}"


def about(value: float, spread: float = 0.02, unit: Any = "ns", count: int = 40) -> Estimate:
    bounds = {"low": value * (1 - spread), "high": value * (1 + spread)}
    return Estimate(value=value, **bounds, confidence=0.95, count=count, unit=unit)


def arrived(like: str, added_us: float = 0.0, **changes: Any) -> ModeArrivals:
    first, gap, _, _ = MODES[like]
    ranks = {0.5: gap, 0.95: gap * 2, 0.99: gap * 3}
    settings: dict[str, Any] = {
        "mode": like,
        "calls": 60,
        "chunks": 20,
        "tokens": 20,
        "arriving": "one by one",
        "first_chunk": about((first + added_us) * 1e3),
        "gaps": tuple(
            Percentile(rank=rank, value=us * 1e3, low=None, high=None, count=1140)
            for rank, us in ranks.items()
        ),
        "mean_gap": about(gap * 1e3),
        "token_latency": about(gap * 1e3),
        "total": about((first + added_us + 20 * gap) * 1e3),
        "each_chunk": about(gap * 1.1e3),
    }
    return ModeArrivals(**{**settings, **changes})


def whole(mode: str) -> ModeArrivals:
    return arrived(
        mode, arriving="in one piece", gaps=(), mean_gap=None, token_latency=None,
        each_chunk=None, token_latency_reason="the reply arrives in one piece",
        chunks=1, total=about(500e3), first_chunk=about(500e3),
    )  # fmt: skip


def cost(like: str, **changes: Any) -> ChunkCost:
    _, _, fixed, segments = MODES[like]
    spans = ((1, 10), (10, 100), (100, 1000))
    times = [fixed]
    for (a, b), each in zip(spans, segments, strict=True):
        times.append(times[-1] + (b - a) * each)
    per_chunk = (times[-1] - times[1]) / 990
    settings: dict[str, Any] = {
        "mode": like,
        "cpu": about(per_chunk * 1e3),
        "wall": about(per_chunk * 1.05e3),
        "longest": 1000,
        "fixed_cpu": about(fixed * 1e3),
        "fixed_wall": about(fixed * 1e3),
        "lengths": tuple(
            LengthCost(length=n, cpu=about(us * 1e3), wall=about(us * 1e3))
            for n, us in zip((1, 10, 100, 1000), times, strict=True)
        ),
        "segments": tuple(
            SegmentCost(shorter=a, longer=b, cpu=about(us * 1e3), wall=about(us * 1e3))
            for (a, b), us in zip(spans, segments, strict=True)
        ),
        "linear": len(set(segments)) == 1,
    }
    if like == "astream_events_v2":
        settings |= {"beside": "astream", "beside_ratio": about(11.8, unit="ratio")}
    elif like == "stream":
        settings |= {"floor_ratio": about(6.6, unit="ratio")}
    return ChunkCost(**{**settings, **changes})


def streamed(**changes: Any) -> StreamingResult:
    settings: dict[str, Any] = {
        "arrivals": (
            Arrivals(latency=None, waits=False, modes=tuple(map(arrived, MODES)), rounds=60),
            Arrivals(
                latency=Latency(case="latency", first_chunk_s=0.005, each_chunk_s=0.001),
                waits=True,
                modes=tuple(arrived(mode, 5000) for mode in MODES),
                rounds=60,
            ),
        ),
        "costs": tuple(map(cost, MODES)),
        "cost_rounds": 40,
        "stopped_by": "time",
        "duration_s": 21.0,
        "calls": 4000,
    }
    return StreamingResult(**{**settings, **changes})


def as_it_is(*modes: ModeArrivals, **changes: Any) -> StreamingResult:
    found = Arrivals(latency=None, waits=True, modes=modes, rounds=60)
    return streamed(arrivals=(found,), costs=(), costs_reason="the model waits", **changes)


@pytest.fixture
def with_streaming(record: RunRecord) -> RunRecord:
    return record.model_copy(update={"streaming": streamed()})


def said(record: RunRecord) -> dict[str, str]:
    return {mode: plain(sentence) for mode, sentence in streaming.conclusions(record)}


def test_a_sentence_for_every_mode(with_streaming: RunRecord) -> None:
    assert said(with_streaming) == {
        "stream": "`stream` delivers the first chunk after 300 µs, and each further chunk costs "
        f"33.0 µs CPU [32.3, 33.7], 6.6{units.TIMES} `direct_stream`.",
        "astream": "`astream` delivers the first chunk after 330 µs, and each further chunk costs "
        "9.0 µs CPU [8.8, 9.2].",
        "astream_events_v2": "`astream_events_v2` delivers the first chunk after 900 µs, and each "
        f"further chunk costs 106 µs CPU [104, 108], 11.8{units.TIMES} `astream`.",
    }


def test_the_verdict_has_its_chunk_half_at_the_runs_reply_length(
    record: RunRecord, with_streaming: RunRecord
) -> None:
    assert record.overhead is not None
    modes = {mode.mode: mode for mode in record.overhead.modes}
    v2 = verdict_sentence(modes["astream_events_v2"], with_streaming)
    assert v2.endswith("4.1 ms CPU per call, of which 108 µs per chunk.")
    assert "per chunk" not in verdict_sentence(modes["astream_events_v2"], record)
    assert "per chunk" not in verdict_sentence(modes["ainvoke"], with_streaming)


def test_the_summary_and_the_terminal_have_the_dearest_mode(with_streaming: RunRecord) -> None:
    line = f"each further chunk costs **106 µs CPU** \\[104, 108\\], 11.8{units.TIMES} `astream`"
    assert line in summary_markdown(with_streaming)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(overview(with_streaming, 120))
    assert "`astream_events_v2` delivers the first chunk after 900 µs" in captured.get()


def test_a_few_rounds_are_no_interval_to_rely_on(record: RunRecord) -> None:
    cpu = about(9e3, count=1).model_copy(update={"confidence": 0.0})
    found = streamed(costs=(cost("astream", cpu=cpu),))
    sentence = said(record.model_copy(update={"streaming": found}))["astream"]
    assert sentence.endswith("costs 9.0 µs CPU [8.8, 9.2] (only 1 round).")


def test_without_lengths_the_cost_is_that_of_the_replies_own_length(record: RunRecord) -> None:
    burst = arrived("astream_events_v2", arriving="in one burst")
    update = {"streaming": as_it_is(arrived("stream"), whole("astream"), burst)}
    sentences = said(record.model_copy(update=update))
    assert sentences["stream"].endswith(
        "and each further chunk takes 36.3 µs [35.6, 37.0] in its reply of 20 chunks."
    )
    assert sentences["astream"] == (
        "`astream` does not stream: the reply comes in one piece, after 500 µs."
    )
    assert sentences["astream_events_v2"] == (
        "`astream_events_v2` delivers all chunks in one burst, after 900 µs."
    )


def test_a_reply_of_one_token_is_no_fault(make_run: MakeRun, record: RunRecord) -> None:
    one = whole("stream").model_copy(update={"tokens": 1})
    nothing = arrived(
        "astream", arriving="nothing", first_chunk=None, gaps=(), mean_gap=None, each_chunk=None,
        token_latency=None, chunks=0, tokens=0,
    )  # fmt: skip
    changed = record.model_copy(update={"streaming": as_it_is(one, nothing)})
    assert said(changed) == {
        "stream": "`stream` delivers the first chunk after 500 µs.",
        "astream": "`astream` hands over no chunk with content.",
    }
    run = make_run()
    RunDirectory(run).write_record(changed)
    assert "not streaming" not in write_report(run).page.read_text(encoding="utf-8")


def test_the_page_has_figures_tables_and_definitions(
    make_run: MakeRun, with_streaming: RunRecord
) -> None:
    run = make_run()
    RunDirectory(run).write_record(with_streaming)
    files = write_report(run)
    html = files.page.read_text(encoding="utf-8")
    section = re.findall(r'<section aria-labelledby="streaming">.*?</section>', html, re.DOTALL)
    assert len(section) == 1
    text = re.sub(r"<[^>]+>", "", section[0])
    assert "With 5\N{NO-BREAK SPACE}ms of simulated latency" in text
    assert "Each further chunk costs" in text
    assert "not a straight line" in text
    for definition in (
        "Content: non-empty text, a tool-call chunk",
        "Inter-token latency: of each",
    ):
        assert definition in text
    alts = re.findall(r'role="img"[^>]*aria-label="([^"]*)"', section[0])
    assert len(alts) == 3
    assert "first chunk comes after 300 µs (stream) to 900 µs (astream_events_v2)" in alts[0]
    assert {path.name for path in files.figures} >= {
        "streaming.svg",
        "streaming_latency.png",
        "chunk_cost.svg",
    }
    assert len(html) < 500_000
    # Another report of the same folder without the study takes its figures away.
    RunDirectory(run).write_record(with_streaming.model_copy(update={"streaming": None}))
    write_report(run)
    assert not (run / "figures" / "chunk_cost.svg").exists()


def test_oddities_are_named_on_the_page(make_run: MakeRun, record: RunRecord) -> None:
    odd = as_it_is(
        whole("stream"),
        arrived("astream", errors={"TimeoutError": 2}, token_latency=None,
                token_latency_reason="the reply has no usage, so its tokens are not known"),
        findings=(
            StreamFinding(what="in one piece", modes=("stream",), sentence="not streaming: why"),
        ),
    )  # fmt: skip
    run = make_run()
    RunDirectory(run).write_record(record.model_copy(update={"streaming": odd}))
    text = re.sub(r"<[^>]+>", "", write_report(run).page.read_text(encoding="utf-8"))
    assert "stream: not streaming: why." in text
    assert "2 raised TimeoutError" in text
    assert "the reply has no usage" in text
    assert "No reply lengths were chosen: the model waits." in text


def test_why_there_is_none(make_run: MakeRun, record: RunRecord) -> None:
    run = make_run()
    update = {"left_out": {"streaming": f"none streams {HOSTILE}"}}
    RunDirectory(run).write_record(record.model_copy(update=update))
    html = write_report(run).page.read_text(encoding="utf-8")
    assert "Not measured: none streams &lt;img" in html


def test_hostile_names_are_text(make_run: MakeRun, record: RunRecord) -> None:
    modes = tuple(
        m.model_copy(update={"name": HOSTILE}) if m.name == "astream" else m for m in record.modes
    )
    found = streamed(
        arrivals=(
            Arrivals(
                latency=None,
                waits=False,
                modes=(arrived("stream"), arrived("astream", mode=HOSTILE, arriving="nothing")),
                rounds=9,
            ),
        ),
        costs=(cost("stream"), cost("astream", mode=HOSTILE)),
        costs_left_out={HOSTILE: HOSTILE},
        findings=(StreamFinding(what="raised", modes=(HOSTILE,), sentence=HOSTILE),),
    )
    run = make_run()
    changed = record.model_copy(update={"streaming": found, "modes": modes, "overhead": None})
    RunDirectory(run).write_record(changed)
    html = write_report(run).page.read_text(encoding="utf-8")
    assert "<img" not in html
    section = html.partition('aria-labelledby="streaming"')[2].partition("</section>")[0]
    assert "{{ 7*7 }}" in section
    assert "\u202e" not in section


def test_labels_are_moved_apart_as_little_as_can_be() -> None:
    assert _apart([0.1, 0.5, 0.9], 0.1) == [0.1, 0.5, 0.9]
    assert _apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    placed = _apart([0.50, 0.51, 0.52, 0.58], 0.1)
    assert all(b - a >= 0.0999 for a, b in pairwise(placed))
    assert sum(placed) == pytest.approx(0.50 + 0.51 + 0.52 + 0.58)
