"""What the studies of tracing and growth say: sentences, rows, figures, and their places."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and minus signs

import re
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.record import (
    Estimate,
    Growth,
    GrowthResult,
    ModeGrowth,
    ModeTracing,
    NamedHandler,
    Quantity,
    RunDirectory,
    RunRecord,
    SpanExport,
    TracingCase,
    TracingLayer,
    TracingResult,
)
from parrot_bench.record.tracing import Layer
from parrot_reports import figures, write_report
from parrot_reports.headline import headline
from parrot_reports.markdown import summary_markdown
from parrot_reports.parts import plain
from parrot_reports.studies import growth, tracing
from parrot_reports.studies.headlines import headlines

HOSTILE = "evil:<script>alert(1)</script>`|"


def estimate(low: float, value: float, high: float, *, count: int = 40, unit: str = "ns") -> Any:
    return Estimate.model_validate(
        {
            "value": value,
            "low": low,
            "high": high,
            "confidence": 0.95,
            "count": count,
            "unit": unit,
        }
    )


def case(name: str, cpu: float, added: Estimate | None = None, **changes: Any) -> TracingCase:
    ratio = None if added is None else estimate(1.3, cpu / 150_000, 1.5, unit="ratio")
    own = estimate(cpu * 0.98, cpu, cpu * 1.02)
    settings: dict[str, Any] = {"cpu_added": added, "cpu_ratio": ratio, "calls": 400, "blocks": 40}
    return TracingCase(case=name, cpu=own, wall=own, **{**settings, **changes})


def layer(name: Layer, low: float, value: float, high: float) -> TracingLayer:
    own = estimate(low, value, high)
    return TracingLayer(layer=name, cpu=own, wall=own)


INVOKE = ModeTracing(
    mode="invoke",
    cases=(
        case("model", 30_000, estimate(-125_000, -120_000, -115_000)),
        case("none", 150_000),
        case("callbacks", 160_000, estimate(8_000, 10_000, 12_000)),
        case("no-op", 211_500, estimate(58_000, 61_500, 64_000), spans_per_call=1.0),
        case("file", 215_000, estimate(61_000, 65_000, 69_000), spans_per_call=1.0),
        case(HOSTILE, 400_000, estimate(240_000, 250_000, 260_000), spans_per_call=2.5),
    ),
    layers=(
        layer("model", 29_000, 30_000, 31_000),
        layer("langchain", 115_000, 120_000, 125_000),
        layer("callbacks", -2_000, -1_000, 12_000),
        layer("tracing", 49_000, 51_500, 54_000),
    ),
)
UNRESOLVED = ModeTracing(
    mode="ainvoke",
    cases=(case("none", 150_000), case("no-op", 151_000, estimate(-9_000, 1_000, 11_000))),
    layers=(),
)
FEW = ModeTracing(
    mode="stream",
    cases=(
        case("none", 150_000),
        case("no-op", 200_000, estimate(40_000, 50_000, 60_000, count=6)),
    ),
    layers=(),
)
TRACING = TracingResult(
    modes=(INVOKE, UNRESOLVED, FEW),
    exports=(
        SpanExport(
            case="file",
            cpu=estimate(88_000, 95_000, 99_000, count=7),
            wall=None,
            spans_per_request=512,
            sent=4000,
            acknowledged=4000,
        ),
        SpanExport(
            case="otlp",
            cpu=estimate(60_000, 60_000, 60_000, count=1),
            wall=None,
            spans_per_request=216,
            sent=4000,
            acknowledged=4000,
            received=3990,
        ),
    ),
    handlers=(NamedHandler(name=HOSTILE, classes=(), distributions={}, attached="to every call"),),
    left_out={"batch": "<b>too slow</b>"},
    rounds=40,
    stopped_by="time",
    duration_s=18,
)


def grown(quantity: Quantity, low: float, value: float, high: float, verdict: str) -> Growth:
    return Growth.model_validate(
        {
            "quantity": quantity,
            "per_call": estimate(low, value, high, unit="count"),
            "rise": value * 1000,
            "tolerance": 0.1,
            "verdict": verdict,
        }
    )


FLAT = ModeGrowth(
    mode="invoke",
    calls=10_000,
    warm_up=1000,
    found=(grown("memory", 0, 0, 0, "flat"), grown("objects", 0, 0.01, 0.02, "flat")),
    readings={"memory": (100,) * 21, "objects": (7,) * 21},
)
LEAKS = ModeGrowth(
    mode="ainvoke",
    handler=HOSTILE,
    calls=10_000,
    warm_up=1000,
    found=(
        grown("memory", 1000, 1234, 1400, "grows"),
        grown("objects", 12, 12, 12, "grows"),
        grown("threads", 0, 0, 0, "flat"),
        grown("tasks", 1, 1, 1, "grows"),
    ),
    readings={
        "memory": tuple(range(0, 2100, 100)),
        "objects": tuple(range(21)),
        "tasks": tuple(range(0, 10_500, 500)),
        "threads": (3,) * 21,
    },
)
UNSURE = ModeGrowth(
    mode="batch",
    calls=320,
    warm_up=32,
    found=(grown("memory", -10, 700, 1400, "not resolved"),),
    readings={"memory": (0,) * 21},
)
GROWTH = GrowthResult(
    modes=(FLAT, LEAKS, UNSURE), asked=10_000, left_out={}, stopped_by="done", duration_s=60
)


@pytest.fixture
def studied_record(record: RunRecord) -> RunRecord:
    return record.model_copy(update={"tracing": TRACING, "growth": GROWTH})


def test_what_tracing_costs_is_a_sentence() -> None:
    assert plain(tracing.cost(INVOKE)) == "Tracing adds 62 µs [58, 64] of CPU to `invoke`: 41 %."


def test_a_cost_that_is_not_resolved_is_not_claimed() -> None:
    said = plain(tracing.cost(UNRESOLVED))
    assert said == "Tracing in `ainvoke`: no cost resolved, 1 µs [−9, 11]."
    assert plain(tracing.cost(FEW)) == "Tracing in `stream`: 6 rounds are too few to say."


def test_where_the_time_goes_is_a_sentence() -> None:
    assert plain(tracing.parts(INVOKE)) == (
        "Of a traced call of `invoke`, 212 µs of CPU: the model 30 µs [29, 31], "
        "LangChain 120 µs [115, 125], callbacks −1 µs [−2, 12], tracing 52 µs [49, 54]."
    )
    assert tracing.parts(FEW) == ()


def test_other_handlers_are_named_with_their_spans() -> None:
    ((mode, said),) = tracing.handler_costs(TRACING)
    assert mode is INVOKE
    assert plain(said).startswith(f"`{HOSTILE}` adds 250 µs [240, 260] of CPU to `invoke`: 167 %")
    assert plain(said).endswith(", with 2.50 spans a call.")


def test_what_is_paid_later_is_said_for_each_span() -> None:
    file, otlp = (plain(said) for said in tracing.exports(TRACING))
    assert "written to a file costs 95 µs [88, 99] of CPU more, later" in file
    assert "7 flushes, at most 512 spans a request" in file
    assert file.endswith("all 4000 spans arrived.")
    assert "sent over OTLP costs 60 µs of CPU more" in otlp
    assert "from one flush, at most 216 spans a request" in otlp
    assert otlp.endswith("of 4000 spans 3990 arrived.")


def test_the_table_has_a_column_for_every_case(studied_record: RunRecord) -> None:
    heads = tracing.heads(TRACING)
    assert [name for name, _ in heads] == ["callbacks", "no-op", "file", HOSTILE]
    first, second, _ = tracing.rows(studied_record)
    assert first.plain == "150 µs"
    assert first.added[1][:2] == ("62 µs", "[58, 64]")
    assert second.added[0] == ("–", "", "")


def test_growth_is_named_by_its_kind_the_most_telling_first() -> None:
    assert plain(growth.finding(LEAKS)) == (
        f"`ainvoke` with `{HOSTILE}` grows by 1 task [1, 1], 1.2 kB [1, 1.4] and "
        "12 objects [12, 12] a call, over 10\N{NARROW NO-BREAK SPACE}000 calls."
    )
    assert plain(growth.finding(FLAT)) == (
        "`invoke` is flat over 10\N{NARROW NO-BREAK SPACE}000 calls."
    )
    assert plain(growth.finding(UNSURE)) == "`batch`: not resolved (memory) over 320 calls."
    assert [growth.short(mode) for mode in GROWTH.modes] == [
        "flat",
        "+1 task a call",
        "not resolved",
    ]


def test_the_study_of_growth_is_one_sentence(record: RunRecord) -> None:
    def said(*modes: ModeGrowth) -> str:
        result = GROWTH.model_copy(update={"modes": modes})
        return plain(growth.sentence(record.model_copy(update={"growth": result})))

    assert said(FLAT).startswith("Nothing grows in the only mode, over 10")
    assert said(FLAT, UNSURE).startswith("Nothing grows in 1 of 2 modes, over 320 to 10")
    assert said(FLAT, LEAKS, LEAKS).endswith("1 more grows, too.")


def test_every_study_that_was_made_has_its_sentence(
    record: RunRecord, studied_record: RunRecord
) -> None:
    assert headlines(record) == []
    assert [study for study, _ in headlines(studied_record)] == ["tracing", "growth"]
    alone = studied_record.model_copy(update={"overhead": None})
    assert plain(headline(alone)).startswith("Tracing adds 62 µs")
    assert not plain(headline(alone)).endswith(".")
    text = summary_markdown(studied_record)
    assert "Tracing adds **62 µs**" in text
    assert f"with ``{HOSTILE}`` grows" in text


def test_both_have_their_place_on_the_page(made_run: Path, studied_record: RunRecord) -> None:
    run = made_run.with_name("studied")
    directory = RunDirectory(run)
    directory.create()
    directory.write_record(studied_record)
    files = write_report(run)
    html = files.page.read_text(encoding="utf-8")
    assert {"ablation.svg", "growth.svg"} <= {figure.name for figure in files.figures}
    section = html[html.index('aria-labelledby="tracing"') :]
    section = section[: section.index("</section>")]
    assert 'aria-label="Tracing adds 62 µs [58, 64] of CPU to invoke: 41 %."' in section
    assert "&lt;b&gt;too slow&lt;/b&gt;" in section
    stability = html[html.index('aria-labelledby="stability"') :]
    stability = stability[: stability.index("</section>")]
    assert "<strong>1 task</strong>" in stability
    assert "<script" not in html
    assert not re.search(r"\bNone\b", re.sub(r"<pre>.*?</pre>", "", section, flags=re.DOTALL))


def test_figures_are_drawn_of_what_there_is(record: RunRecord, studied_record: RunRecord) -> None:
    assert figures.ablation(record) is None
    assert figures.growth(record) is None
    drawn = figures.ablation(studied_record)
    assert drawn is not None
    text = drawn.svg.decode()
    assert "LangChain" in text
    assert ">120 µs<" in text
    leaks = figures.growth(studied_record)
    assert leaks is not None
    assert "+1 task a call" in leaks.svg.decode()
    without = TRACING.model_copy(update={"modes": (FEW,)})
    assert figures.ablation(record.model_copy(update={"tracing": without})) is None
