"""What is said of recorded replies: whose they are, and how they were given back."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parrot_bench.record import ReplayDescription, RunDirectory, RunRecord, read_record
from parrot_reports import summary_markdown, write_report
from parrot_reports.sentences import replayed
from parrot_reports.terminal import overview
from tests.parrot_reports.conftest import HOSTILE


def given_back(record: RunRecord, **more: Any) -> RunRecord:
    usual: dict[str, Any] = {
        "recorded_from": "polly-4", "recorded": datetime(2026, 11, 29, 23, 30, tzinfo=UTC),
        "replies": 34, "median_chunks": 11, "latency": "zero", "order": "turn", "torn": False,
        "sha256": "ab" * 32,
    }  # fmt: skip
    assert record.model is not None
    replay = ReplayDescription.model_validate(usual | more)
    return record.model_copy(update={"model": record.model.model_copy(update={"replay": replay})})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "Replies recorded from polly-4 on 2026-11-29, 34 replies, zero latency."),
        (
            {"replies": 1, "latency": "recorded"},
            "Replies recorded from polly-4 on 2026-11-29, 1 reply, when they came.",
        ),
        (
            {"order": "prompt", "median_chunks": 1},
            (
                "Replies recorded from polly-4 on 2026-11-29, 34 replies, zero latency; a prompt "
                "that was recorded got its reply, any other the one of median length (1 chunk)."
            ),
        ),
        (
            {"torn": True},
            (
                "Replies recorded from polly-4 on 2026-11-29, 34 replies, zero latency; the "
                "recording was broken off in the middle of a reply, which is left out."
            ),
        ),
    ],
)
def test_the_sentence(record: RunRecord, more: dict[str, Any], said: str) -> None:
    assert replayed(given_back(record, **more).model) == said


def test_of_a_model_that_answered_itself_nothing_is_said(record: RunRecord) -> None:
    assert replayed(record.model) == replayed(None) == ""
    assert "Replies recorded" not in summary_markdown(record)


def test_it_is_read_again_and_said_everywhere(make_run: Callable[..., Path]) -> None:
    directory = RunDirectory(make_run())
    kept = given_back(read_record(directory.path), recorded_from=HOSTILE)
    directory.record.write_text(kept.model_dump_json(), encoding="utf-8")
    assert read_record(directory.path) == kept
    console = Console(file=io.StringIO(), width=200)
    console.print(overview(kept))
    assert "Replies recorded from <img src=x" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x07" not in console.file.getvalue()  # type: ignore[attr-defined]
    page = write_report(directory.path).page.read_text(encoding="utf-8")
    assert "Replies recorded from &lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    assert "Replies recorded from \\<img src=x" in summary_markdown(kept)
