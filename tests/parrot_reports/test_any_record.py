"""Whatever a record may hold has words: no study, table or summary stumbles over it."""

import re
from collections import Counter
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from parrot_bench.record import BisectionRecord, CheckRecord, RunRecord
from parrot_bench.trust import checks
from parrot_reports.bisection import bisection_sentence, compared
from parrot_reports.headline import headline
from parrot_reports.markdown import summary_markdown
from parrot_reports.notebook import run_fragment
from parrot_reports.parts import Sentence
from parrot_reports.setting import set_in_html
from parrot_reports.studies import load
from parrot_reports.studies.check import as_json, as_markdown, on_terminal
from parrot_reports.studies.headlines import headlines
from parrot_reports.studies.sections import study_words
from parrot_reports.tables import modes_table, unavailable
from parrot_reports.terminal import overview
from tests.parrot_reports.markup import PageParts
from tests.parrot_reports.records import STUDIES, records, saved

PROPERTY = settings(
    max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
every_study = pytest.mark.parametrize("study", STUDIES)


def _whole(sentence: Sentence) -> None:
    """It can be set as a line of a page, and nothing in it is markup."""
    html = str(set_in_html(sentence))
    assert html.strip()
    assert "\n" not in html
    assert not re.search(r"<(?!/?(code|strong)>)", html)
    assert not re.search(r"\bnan\b|\binf\b|None", html)


@every_study
@PROPERTY
@given(data=st.data())
def test_any_study_has_words(study: str, data: st.DataObject) -> None:
    record: RunRecord = data.draw(records(study))
    _whole(headline(record))
    for name, sentence in headlines(record):
        assert name == study
        _whole(sentence)
    study_words(record)
    modes_table(record)
    load.rows(record)
    assert {name for name, _ in unavailable(record)} >= record.failures.keys()


@every_study
@PROPERTY
@given(data=st.data())
def test_any_study_fits_a_comment_and_a_terminal(study: str, data: st.DataObject) -> None:
    record: RunRecord = data.draw(records(study))
    text = summary_markdown(record)
    assert text.startswith("### ")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inside = [part for token in tokens for part in token.children or ()]
    assert {part.content for part in inside if part.type == "html_inline"} <= {"<sub>", "</sub>"}
    assert not [
        token for token in tokens if token.type == "html_block" and "script" in token.content
    ]
    kinds = Counter(token.type for token in tokens)
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert kinds["table_open"] == len(tables)
    # A row for each line of a table but the one under its head.
    rows = [line for table in tables for line in table.split("\n") if line.startswith("|")]
    assert kinds["tr_open"] == len(rows) - len(tables)
    for width in (60, 140):
        console = Console(file=StringIO(), width=width)
        console.print(overview(record, width))


@every_study
@PROPERTY
@given(data=st.data())
def test_any_study_fits_a_notebook(study: str, data: st.DataObject) -> None:
    parts = PageParts(run_fragment(data.draw(records(study)))).found
    assert not {name for name, _ in parts} & {"script", "iframe", "b"}
    pictures = [dict(given)["src"] or "" for name, given in parts if name == "img"]
    assert all(src.startswith("data:image/svg+xml;base64,") for src in pictures)


@PROPERTY
@given(saved(CheckRecord).filter(lambda record: record.parity.modes))
def test_any_check_fits_a_comment_a_terminal_and_a_file(record: CheckRecord) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(as_markdown(record))
    kinds = Counter(token.type for token in tokens)
    assert kinds["heading_open"] == kinds["table_open"] == 1
    assert kinds["tr_open"] == 1 + len(record.parity.modes)
    assert kinds["list_item_open"] >= len(record.parity.findings)
    assert not kinds["html_block"]
    console = Console(file=StringIO(), width=140)
    console.print(on_terminal(record))
    assert CheckRecord.model_validate_json(as_json(record)) == record


@given(saved(BisectionRecord).filter(lambda record: record.releases))
def test_any_bisection_is_a_sentence(record: BisectionRecord) -> None:
    _whole(bisection_sentence(record))
    for one in record.compared:
        assert "\n" not in compared(one)


@every_study
@PROPERTY
@given(data=st.data())
def test_any_run_can_be_checked(study: str, data: st.DataObject) -> None:
    record: RunRecord = data.draw(records(study))
    found = checks(record)
    for check in found:
        assert check.sentence.endswith(".")
        assert "\n" not in check.sentence
        if "which contains 1" in check.sentence or "should contain 1" in check.sentence:
            low, high = map(float, re.findall(r"\[([\d.]+), ([\d.]+)\]", check.sentence)[-1])
            assert (low <= 1 <= high) == (check.level == "green")
    assert {"machine"} <= {check.name for check in found} or record.noise is None
    assert checks(record) == found
