"""The parity study on paper: one sentence, one line a finding, and a table; whatever is in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parrot_bench.record import (
    CheckRecord,
    ModeRecord,
    ParityFinding,
    ParityMode,
    ParityResult,
    RunDirectory,
    RunRecord,
)
from parrot_reports import write_report
from parrot_reports.markdown import summary_markdown
from parrot_reports.parts import plain
from parrot_reports.studies import check
from parrot_reports.studies.parity import advice, columns, reasons, sentence, where
from parrot_reports.terminal import overview

HOSTILE = "<img src=x onerror=alert(1)>|`\u202e{{ 7*7 }}\x07"


def mode(name: str, kind: str = "sync", **changes: Any) -> ModeRecord:
    settings = {"streams": False, "batches": False, "api": "-", "status": "stable", "floor": "-"}
    return ModeRecord.model_validate({"name": name, "kind": kind, **settings, **changes})


MODES = (
    mode("direct_generate", status="floor"),
    mode("invoke"),
    mode("stream", streams=True),
    mode("batch", batches=True),
    mode("ainvoke", "async"),
    mode("astream", "async", streams=True),
    mode("abatch", "async", batches=True),
    mode("stream_events", streams=True),
    mode("astream_events", "async", streams=True),
    mode("gone", unavailable="not there"),
)


def finding(*modes: str, **changes: Any) -> ParityFinding:
    settings = {
        "identifier": "usage-missing", "severity": "defect", "seen": "no usage", "advice": "set it",
    }  # fmt: skip
    return ParityFinding.model_validate({"modes": modes, **settings, **changes})


def result(*findings: ParityFinding, **changes: Any) -> ParityResult:
    settings: dict[str, Any] = {
        "reference": "invoke",
        "modes": (
            ParityMode(
                mode="invoke", calls=4,
                outcomes={"works": "ok", "usage": "not checked", "order": "does not apply"},
            ),
            ParityMode(
                mode="stream", calls=3,
                outcomes={"works": "ok", "usage": "defect", "order": "does not apply"},
            ),
        ),
        "findings": findings,
        "not_checked": {},
        "calls": 7,
        "stopped_by": "done",
    }  # fmt: skip
    return ParityResult.model_validate({**settings, **changes})


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], "All modes do the same (2 modes, 7 calls)."),
        (
            [finding("ainvoke", identifier="async-fallback", severity="note")],
            "No defect; 1 note: `async-fallback` (2 modes, 7 calls).",
        ),
        (
            [finding("stream"), finding("astream"), finding("ainvoke", severity="note")],
            "2 defects: `usage-missing`; 1 note: `usage-missing` (2 modes, 7 calls).",
        ),
    ],
)
def test_the_sentence(findings: list[ParityFinding], said: str) -> None:
    assert plain(sentence(result(*findings))) == said


@pytest.mark.parametrize(
    ("modes", "said"),
    [
        ([], "the model"),
        (["stream", "astream"], "`stream`, `astream`"),
        (["ainvoke", "astream", "abatch", "astream_events"], "every async mode"),
        (["stream", "astream", "stream_events", "astream_events"], "every streaming mode"),
        ([m.name for m in MODES[1:-1]], "every mode"),
        (["invoke", "stream", "batch", "ainvoke"], "`invoke`, `stream`, `batch`, `ainvoke`"),
    ],
)
def test_many_modes_are_named_with_one_word(modes: list[str], said: str) -> None:
    assert plain(where(finding(*modes), MODES)) == said


def test_one_line_says_where_what_and_what_to_do() -> None:
    assert plain(advice(finding("stream"), MODES)) == "`stream`: no usage; set it."


def test_checks_that_apply_nowhere_have_no_column() -> None:
    assert columns(result()) == ["works", "usage"]
    assert columns(result(modes=())) == []


def test_checks_with_one_reason_are_said_together() -> None:
    unasked = {"stop": "time is over", "order": "replies vary", "max_tokens": "time is over"}
    assert reasons(result(not_checked=unasked)) == [
        ("time is over", ["stop", "max_tokens"]),
        ("replies vary", ["order"]),
    ]


@pytest.fixture
def of(record: RunRecord) -> Callable[..., CheckRecord]:
    def make(*findings: ParityFinding, **changes: Any) -> CheckRecord:
        assert record.model is not None
        return CheckRecord(
            parrot_bench_version="1", model=record.model, environment=record.environment,
            modes=MODES, parity=result(*findings, **changes),
        )  # fmt: skip

    return make


def printed(what: Any) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(what, soft_wrap=True)
    return captured.get()


def test_text_markdown_and_json(of: Callable[..., CheckRecord]) -> None:
    record = of(finding("stream"), not_checked={"stop": "time is over"})
    text = printed(check.on_terminal(record))
    assert "defect usage-missing: stream: no usage; set it." in text
    assert "not checked: stop: time is over." in text
    assert "compared with invoke" in text
    markdown = check.as_markdown(record)
    assert "| `stream` | ok | defect |" in markdown
    assert "- **defect** `usage-missing`: `stream`: no usage; set it." in markdown
    assert "- not checked: stop: time is over." in markdown
    assert CheckRecord.model_validate_json(check.as_json(record)) == record


def test_hostile_text_is_text_everywhere(
    of: Callable[..., CheckRecord], make_small_run: Callable[..., Path]
) -> None:
    wild = finding(HOSTILE, seen=HOSTILE)
    hostile = result(wild, not_checked={"stop": HOSTILE})
    for written in (
        check.as_markdown(of(wild, not_checked={"stop": HOSTILE})),
        printed(check.on_terminal(of(wild))),
    ):
        assert "\u202e" not in written
        assert "\x07" not in written
    assert "<img" not in check.as_markdown(of(wild)).replace("`<img", "").replace("\\<img", "")
    path = make_small_run()
    directory = RunDirectory(path)
    run = directory.read_record().model_copy(update={"parity": hostile})
    directory.write_record(run)
    page = write_report(path).page.read_text(encoding="utf-8")
    section = page[page.index('id="parity"') : page.index('id="ratios"')]
    assert "<img" not in section
    assert "\u202e" not in section
    assert "{{ 7*7 }}" in section
    assert "49" not in section
    assert "usage-missing" in section
    assert "not checked: stop, as &lt;img" in section


def test_a_run_without_it_says_how_to_get_it(make_small_run: Callable[..., Path]) -> None:
    path = make_small_run()
    page = write_report(path).page.read_text(encoding="utf-8")
    assert "Not checked. <code>parrot-bench check</code> measures it." in page
    directory = RunDirectory(path)
    left_out = {"parity": "no call was left"}
    directory.write_record(directory.read_record().model_copy(update={"left_out": left_out}))
    page = write_report(path).page.read_text(encoding="utf-8")
    assert "Not checked: no call was left." in page


def test_the_end_of_a_run_and_its_summary_have_the_sentence(record: RunRecord) -> None:
    found = record.model_copy(update={"parity": result(finding("stream"))})
    assert "parity: 1 defect: `usage-missing` (2 modes, 7 calls)." in printed(overview(found))
    assert "Parity: **1 defect**: `usage-missing` (2 modes, 7 calls)." in summary_markdown(found)
    assert "arity" not in printed(overview(record)) + summary_markdown(record)
