"""A comparison in words: on a terminal, in Markdown, on the page."""

import pytest

from parrot_bench.record import ComparisonResult, Estimate, ModeComparison, RunRecord, SideRecord
from parrot_reports.comparison import difference, headline, remarks, rows
from parrot_reports.markdown import comparison_markdown, summary_markdown
from parrot_reports.sentences import headline as run_headline

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
    assert headline(result).startswith("REGRESSION: langchain-core 1.7.2 against ")
    assert "over 1 % slower fails" in headline(result)


def test_markdown_is_escaped(result: ComparisonResult) -> None:
    text = comparison_markdown(result)
    assert text.count("<img") == text.count(r"\<img") > 0
    assert "@everyone" not in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 5
    assert {line.replace(r"\|", "").count("|") for line in table} == {6}


def test_a_run_that_is_a_comparison(result: ComparisonResult, record: RunRecord) -> None:
    compared = record.model_copy(update={"overhead": None, "comparison": result})
    assert run_headline(compared) == (headline(result),)
    assert "REGRESSION" in summary_markdown(compared)
    assert "| `invoke` | 100 | 103 |" in summary_markdown(compared)
