"""A comparison in words: on a terminal, in Markdown, on the page."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import RecordError
from parrot_bench.record import (
    ComparisonResult,
    Estimate,
    ModeComparison,
    RunDirectory,
    RunRecord,
    SideRecord,
)
from parrot_reports import write_comparison, write_report
from parrot_reports.comparing.sentences import (
    difference,
    doubts,
    finding,
    headline,
    order,
    remarks,
    sentence,
    trust_line,
)
from parrot_reports.comparing.table import rows
from parrot_reports.headline import headline as run_headline
from parrot_reports.markdown import comparison_markdown, summary_markdown
from parrot_reports.notebook import comparison_fragment, run_fragment
from parrot_reports.parts import plain
from parrot_reports.sentences import trust_line as run_trust_line
from parrot_reports.units import TIMES

HOSTILE = "<img src=x onerror=alert(1)> | `tick` @everyone"


def ratio(low: float, value: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, confidence=0.95, count=10, unit="ratio")


@pytest.fixture
def result() -> ComparisonResult:
    return ComparisonResult(
        candidate=SideRecord(label="langchain-core 1.7.2", kind="requirement"),
        baseline=SideRecord(
            label=HOSTILE,
            kind="requirement",
            changed={"langchain-core": ("1.7.2", "1.6.0"), "extra": ("", "2")},
            notes=("it is a note",),
        ),
        modes=(
            ModeComparison(
                mode="invoke",
                candidate_ns=103_000,
                baseline_ns=100_000,
                cpu_ratio=ratio(1.02, 1.03, 1.04),
                verdict="slower",
                gate="regression",
                units=10,
                rounds=999,
            ),
            ModeComparison(
                mode="stream",
                candidate_ns=1e6,
                baseline_ns=1e6,
                cpu_ratio=ratio(0.995, 1.0, 1.005),
                verdict="same",
                gate="pass",
                units=10,
                rounds=999,
            ),
            ModeComparison(mode="a|b", note="the other side has no such mode"),
        ),
        unit="pair",
        units=10,
        rounds=1998,
        fail_on=0.01,
        delta=0.02,
        gate="regression",
        aa_candidate=ratio(0.99, 1.0, 1.01),
        aa_baseline=ratio(1.01, 1.02, 1.03),
        stopped_by="target",
        duration_s=60,
    )


def test_the_table(result: ComparisonResult) -> None:
    table = rows(result)
    assert table.heads[0] == "mode"
    invoke, stream, other = table.rows
    assert invoke.cells == ("invoke", "100", "103", "+3.0 % [+2.0, +4.0]", "REGRESSION, slower")
    assert stream.cells[-1] == "PASS, same within 2 %"
    assert other.cells == ("a|b", "\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}", "not measured")
    assert table.notes == ("a|b: the other side has no such mode.",)


def test_large_differences_are_factors() -> None:
    assert difference(ratio(2.9, 3.0, 3.1)).startswith("3.0")
    assert difference(ratio(0.49, 0.51, 0.53)) == "-49.0 % [-51.0, -47.0]"
    assert difference(None) == "\N{EN DASH}"


def test_what_is_said_of_it(result: ComparisonResult) -> None:
    said = " ".join(remarks(result))
    assert "10 pairs of fresh processes, 1998 interleaved rounds, 60 s" in said
    assert "langchain-core 1.7.2 → 1.6.0" in said
    assert "extra not installed → 2" in said
    assert "it is a note" in said
    assert "candidate's processes (99 %): +0.0 % [-1.0, +1.0], which contains 0" in said
    assert "which should contain 0 and does not" in said
    said = plain(headline(result))
    assert said.startswith("REGRESSION: `langchain-core 1.7.2` is over 1 % slower than `<img")
    assert said.endswith("` in `invoke`")


def test_markdown_is_escaped(result: ComparisonResult) -> None:
    text = comparison_markdown(result)
    words = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert words.count("<img") == words.count(r"\<img") > 0
    assert "@everyone" not in words
    # In the headline it is a name, set as code, longer than any run of ticks in it.
    assert f"`` {HOSTILE} ``" in text or f"``{HOSTILE}``" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {line.replace(r"\|", "").count("|") for line in table} == {6}


def test_a_run_that_is_a_comparison(result: ComparisonResult, record: RunRecord) -> None:
    compared = record.model_copy(update={"overhead": None, "comparison": result})
    assert run_headline(compared) == headline(result)
    assert "REGRESSION" in summary_markdown(compared)
    assert "| `invoke` | 100 | 103 |" in summary_markdown(compared)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("pass", "PASS: `a` is not over 1 % slower than `b` in any mode looked at"),
        ("inconclusive", "INCONCLUSIVE: whether `a` is over 1 % slower than `b` is not resolved"),
        ("not measured", "NOT MEASURED: `a` was not measured against `b` in every mode looked at"),
        (None, "`a` against `b`: 1 slower, 1 the same within 2 %, 1 not measured"),
    ],
)
def test_how_it_ended(result: ComparisonResult, gate: Any, said: str) -> None:
    sides = {
        name: SideRecord(label=label, kind="model")
        for name, label in (("candidate", "a"), ("baseline", "b"))
    }
    assert plain(headline(result.model_copy(update={**sides, "gate": gate}))) == said


def with_modes(result: ComparisonResult, *modes: ModeComparison) -> ComparisonResult:
    return result.model_copy(update={"modes": modes})


def a_mode(name: str, found: Estimate | None, verdict: Any, **more: Any) -> ModeComparison:
    return ModeComparison(mode=name, cpu_ratio=found, verdict=verdict, **more)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (
            a_mode("x", ratio(1.02, 1.03, 1.04), "slower", candidate_ns=103e3, baseline_ns=1e5),
            "`x` takes 3.0 % more [2.0, 4.0]: 103 µs against 100 µs CPU per call.",
        ),
        (
            a_mode("x", ratio(0.96, 0.97, 0.98), "faster", study="streaming, each chunk"),
            "`x` takes 3.0 % less [2.0, 4.0].",
        ),
        (a_mode("x", ratio(2.9, 3.0, 3.1), "slower"), f"`x` takes 3.0{TIMES} as long [2.9, 3.1]."),
        (
            a_mode("x", ratio(0.999, 1.0, 1.001), "same"),
            "`x` is the same within 2 %: +0.0 % [-0.1, +0.1].",
        ),
        (a_mode("x", ratio(0.9, 1.1, 1.3), "not resolved"), "`x`: no difference resolved."),
        (a_mode("x", None, "not measured", note="gone"), "`x` was not measured: gone."),
    ],
)
def test_one_sentence_a_mode(result: ComparisonResult, mode: ModeComparison, said: str) -> None:
    assert plain(sentence(mode, with_modes(result, mode))) == said


def test_what_is_looked_at_and_differs_most_comes_first(result: ComparisonResult) -> None:
    near, far = ratio(1.01, 1.02, 1.03), ratio(1.2, 1.3, 1.4)
    given = with_modes(
        result,
        a_mode("floor", far, "slower", gated=False),
        a_mode("same", near, "same"),
        a_mode("near", near, "slower"),
        a_mode("far", far, "slower"),
    )
    assert [mode.mode for mode in order(given)] == ["far", "near", "same", "floor"]


def test_many_modes_that_do_not_differ_are_told_together(
    result: ComparisonResult, tmp_path: Path
) -> None:
    wide, near = ratio(0.9, 1.0, 1.1), ratio(0.999, 1.0, 1.001)
    given = with_modes(
        saved(result),
        a_mode("slow", ratio(1.1, 1.2, 1.3), "slower"),
        *(a_mode(f"open{n}", wide, "not resolved", note="too few") for n in range(9)),
        *(a_mode(f"same{n}", near, "same") for n in range(9)),
    )
    html = write_comparison(given, tmp_path / "page").page.read_text(encoding="utf-8")
    verdicts = re.search(r'<ul class="verdicts">(.*?)</ul>', html, re.DOTALL)
    assert verdicts is not None
    lines = [re.sub(r"<[^>]*>", "", line) for line in verdicts[1].strip().splitlines()]
    assert [line.split("\N{NO-BREAK SPACE}")[0][:24] for line in lines] == [
        "slow takes 20.0",
        "The same within 2",
        "No difference resolved: ",
    ]
    assert rows(given).notes == ("open0, open1, open2, open3 and 5 more: too few.",)


def test_the_studies_are_named_where_there_are_several(
    result: ComparisonResult, tmp_path: Path
) -> None:
    slow = ratio(1.5, 1.6, 1.7)
    chunks = a_mode("stream", slow, "slower", study="streaming, each chunk", gate="regression")
    given = with_modes(saved(result), chunks, a_mode("stream", None, "not measured", note="gone"))
    assert plain(headline(given)).endswith(" in `stream` (streaming, each chunk)")
    html = write_comparison(given, tmp_path / "page").page.read_text(encoding="utf-8")
    first = html[: html.index('id="trust"')]
    assert re.findall("<h3>(.*?)</h3>", first) == ["Overhead", "Streaming, each chunk"]


def test_what_a_figure_shows() -> None:
    modes = [
        a_mode("a", ratio(1.1, 1.2, 1.3), "slower"),
        a_mode("b", ratio(0.9, 1.0, 1.1), "not resolved"),
    ]
    said = plain(finding(modes))
    assert said == (
        "The largest difference is that of `a`, +20.0 % [+10.0, +30.0]; 1 of 2 intervals include 0."
    )


def saved(result: ComparisonResult, **changes: Any) -> ComparisonResult:
    plain_sides = {
        "candidate": SideRecord(label="after", kind="runs", runs=("after",)),
        "baseline": SideRecord(label="before", kind="runs", runs=("before",)),
    }
    return result.model_copy(
        update={"unit": "run", "aa_candidate": None, "aa_baseline": None, **plain_sides, **changes}
    )


def test_saved_runs_are_trusted_only_if_nothing_speaks_against_it(
    result: ComparisonResult,
) -> None:
    assert trust_line(saved(result, units=3))[0] == "green"
    assert (
        "enough pairs"
        in trust_line(
            result.model_copy(
                update={"aa_baseline": None, "baseline": SideRecord(label="x", kind="model")}
            )
        )[1]
    )
    assert trust_line(saved(result, unit="pair", units=2))[0] == "amber"
    few = saved(result, units=2, unlike=("batch size (a: 1; b: 2)",))
    assert trust_line(few) == ("amber", "Read with care: 2 reasons below.")
    assert [line.split(":")[0] for line in doubts(few)] == [
        "The runs are unlike",
        "There are fewer than 3 runs a side",
    ]


def test_the_page_of_saved_runs(result: ComparisonResult, tmp_path: Path) -> None:
    folder = tmp_path / "after-vs-before"
    files = write_comparison(saved(result), folder)
    html = files.page.read_text(encoding="utf-8")
    sections = re.findall(r'<h2 id="(\w+)"><span class="number">(\d)</span>', html)
    assert [number for _, number in sections] == [str(n) for n in range(1, 9)]
    for identifier, _ in sections[2:]:
        assert f'href="#{identifier}"' in html
    assert "parrot-bench compare before --vs after" in html
    assert '<span class="gate regression">REGRESSION</span>' in html
    assert {path.name for path in folder.iterdir()} == {
        "comparison.json", "figures", "report.html", "summary.md",
    }  # fmt: skip
    assert {path.name for path in files.figures} == {"differences.svg", "differences.png"}
    again = ComparisonResult.model_validate_json((folder / "comparison.json").read_bytes())
    assert again == saved(result)
    # The same comparison, the same bytes; a figure of an earlier report doesn't stay.
    (folder / "figures" / "differences-2.svg").write_text("stale", encoding="utf-8")
    write_comparison(again, folder)
    assert files.page.read_text(encoding="utf-8") == html
    assert not (folder / "figures" / "differences-2.svg").exists()


@pytest.mark.parametrize("delta", [0.7, 1.0])
def test_whatever_is_called_the_same_can_be_drawn(
    result: ComparisonResult, tmp_path: Path, delta: float
) -> None:
    files = write_comparison(saved(result, delta=delta, fail_on=delta), tmp_path / "wide")
    assert files.page.stat().st_size


def test_a_run_directory_keeps_its_own_report(result: ComparisonResult, made_run: Path) -> None:
    with pytest.raises(RecordError, match="is a run directory"):
        write_comparison(result, made_run)


def test_each_study_has_its_figure_and_its_table(result: ComparisonResult, tmp_path: Path) -> None:
    more = a_mode("stream", ratio(1.9, 3.0, 4.1), "slower", study="streaming, each chunk")
    lost = a_mode("stream", None, "not measured", study="tracing, <i>mine</i>")
    given = with_modes(saved(result), *result.modes, more, lost)
    files = write_comparison(given, tmp_path / "page")
    html = files.page.read_text(encoding="utf-8")
    assert [path.name for path in files.figures if path.suffix == ".svg"] == [
        "differences.svg",
        "differences-2.svg",
    ]
    assert html.count("<caption>") == 3
    assert "<i>mine" not in html
    assert "Tracing, &lt;i&gt;mine&lt;/i&gt;" in html


def test_the_page_of_a_measured_comparison(
    result: ComparisonResult, make_small_run: Callable[..., Path]
) -> None:
    path = make_small_run()
    directory = RunDirectory(path)
    record = directory.read_record()
    compared = record.model_copy(update={"overhead": None, "comparison": result})
    directory.write_record(compared)
    html = write_report(path).page.read_text(encoding="utf-8")
    # The gate is red; whether the numbers can be trusted is another matter.
    assert '<header class="head red">' in html
    level, trust = run_trust_line(compared)
    assert f'<p class="trust {level}">' in html
    assert level != "red"
    assert trust.split(":")[0] in html
    assert html.count("<img") == 0
    assert "&lt;img src=x" in html
    assert "Latency" not in html
    assert "Not drawn" not in html
    assert 'href="samples.parquet"' in html
    for check in record.trust:
        assert check.name in html


def test_in_a_notebook(result: ComparisonResult, record: RunRecord) -> None:
    fragment = comparison_fragment(result)
    assert "<img src=x" not in fragment
    assert 'src="data:image/svg+xml;base64,' in fragment
    assert "REGRESSION, slower" in fragment
    assert result._repr_html_() == fragment
    shown = record._repr_html_()
    assert shown == run_fragment(record)
    assert shown is not None
    assert shown.count("<tr>") == len(record.overhead.modes if record.overhead else ()) + 1
    compared = record.model_copy(update={"overhead": None, "comparison": result})
    assert "Read with care" in run_fragment(compared) or "Can be trusted" in run_fragment(compared)


def test_as_a_table(result: ComparisonResult, record: RunRecord) -> None:
    frame = result.to_polars()
    assert frame["mode"].to_list() == ["invoke", "stream", "a|b"]
    assert frame["cpu_ratio"].to_list() == [1.03, 1.0, None]
    assert frame["wall_ratio"].dtype.is_float()
    assert frame["gate"].to_list() == ["regression", "pass", None]
    run = record.to_polars()
    overhead = record.overhead
    assert overhead is not None
    own = run.filter(run["study"] == "overhead")
    assert own["mode"].to_list() == [mode.mode for mode in overhead.modes]
    assert own["verdict"].to_list() == [mode.verdict for mode in overhead.modes]
    assert own["cpu_ns"].to_list() == [m.cpu.value if m.cpu else None for m in overhead.modes]
    empty = record.model_copy(update={"overhead": None, "streaming": None, "tracing": None})
    assert empty.to_polars().is_empty()
