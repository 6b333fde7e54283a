"""The page as a whole: its sections, its size, and that it says the same everywhere."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs and dashes

import gzip
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from parrot_bench.errors import RecordError
from parrot_bench.record import RunRecord
from parrot_reports import ReportFiles, write_report
from parrot_reports.parts import Key, Name
from parrot_reports.setting import set_in_html
from parrot_reports.tables import modes_table
from parrot_reports.text import shortened, visible

MakeRun = Callable[..., Path]


@pytest.fixture(scope="module")
def ordinary(made_run: Path) -> ReportFiles:
    """The report of an ordinary run, for tests that only read it."""
    return write_report(made_run)


SECTIONS = (
    "Verdicts",
    "Can you trust it?",
    "Modes",
    "Ratios",
    "Latency",
    "Concurrency",
    "Streaming",
    "Where the time goes",
    "One call, as spans",
    "Tokens and identity",
    "Reconciliation",
    "Stability",
    "Reproduce",
    "How to read this",
)


class Outline(HTMLParser):
    """Headings, ids, addresses and labels of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self._in_heading = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.addresses += [found[key] or "" for key in ("src", "href") if key in found]
        if found.get("role") == "img":
            self.labels.append(found.get("aria-label") or "")
        if tag == "h2":
            self._in_heading = True
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2":
            self._in_heading = False

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.headings[-1] += data


def page(files: ReportFiles) -> str:
    return files.page.read_text(encoding="utf-8")


def test_every_section_is_there_numbered_and_linked(ordinary: ReportFiles) -> None:
    html = page(ordinary)
    outline = Outline(html)
    assert outline.headings == [f"{i}{title}" for i, title in enumerate(SECTIONS, start=1)]
    inside = [address[1:] for address in outline.addresses if address.startswith("#")]
    assert {*inside} <= {*outline.ids}
    assert len(outline.ids) == len({*outline.ids})


def test_a_section_without_data_says_in_a_line_how_to_get_it(ordinary: ReportFiles) -> None:
    html = page(ordinary)
    for study in ("concurrency", "streaming", "tracing", "growth"):
        assert f"<code>parrot-bench run --studies {study}</code>" in html
    assert html.count("Not measured. It is measured with") == 4


def test_the_first_screen_has_verdicts_and_trust(ordinary: ReportFiles) -> None:
    html = page(ordinary)
    assert '<header class="head green">' in html
    assert "Can be trusted: all 6 checks are green." in html
    assert (
        "<code>astream_events_v2</code> costs <strong>13.4×</strong> <code>invoke</code> "
        "[13.2, 13.5]: 4.1\N{NO-BREAK SPACE}ms CPU per call." in html
    )


def test_a_run_that_failed_a_check_says_so_at_its_head(make_run: MakeRun) -> None:
    html = page(write_report(make_run(amber=True)))
    assert '<header class="head red">' in html
    assert "Do not use these numbers: reconciliation failed" in html
    assert "Calls and spans do not agree." in html
    assert "1 without a span, tokens differ" in html
    assert "connection refused" in html


def test_it_stays_below_500_kb_and_its_pictures_say_what_they_show(make_run: MakeRun) -> None:
    files = write_report(make_run(rounds=400))
    assert files.page.stat().st_size < 500_000
    labels = Outline(page(files)).labels
    assert labels[0].startswith("The highest ratio is that of astream_events_v2, 13.4×")
    assert all(labels)


def test_nothing_in_it_asks_the_network_or_runs(ordinary: ReportFiles) -> None:
    html = page(ordinary)
    outline = Outline(html)
    assert not {"script", "link", "iframe", "object", "embed", "img"} & {*outline.tags}
    assert not [a for a in outline.addresses if re.match(r"[a-z]+:|//", a)]
    assert "@import" not in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


def test_the_same_run_gives_the_same_bytes_elsewhere(make_run: MakeRun, tmp_path: Path) -> None:
    here = make_run("here")
    there = tmp_path / "another" / "folder" / "there"
    shutil.copytree(here, there)
    first, second = write_report(here), write_report(there)
    names = [file.name for file in (first.page, first.summary, *first.figures)]
    assert names[2:] == [
        f"{name}.{ending}"
        for name in ("ratios", "latency", "cold", "stability")
        for ending in ("svg", "png")
    ]
    for one, two in zip(
        (first.page, first.summary, *first.figures),
        (second.page, second.summary, *second.figures),
        strict=True,
    ):
        assert one.read_bytes() == two.read_bytes(), one.name
    assert str(tmp_path) not in page(first)


def test_figures_are_whole_files(ordinary: ReportFiles) -> None:
    for figure in ordinary.figures:
        raw = figure.read_bytes()
        if figure.suffix == ".svg":
            assert ET.fromstring(raw).tag.endswith("svg")
        else:
            assert raw.startswith(b"\x89PNG")
            assert raw.endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("lost", "absent"),
    [
        ("samples.parquet", "Not drawn: there are too few rounds."),
        ("calls.parquet", "Not drawn: no mode has twenty stamped calls."),
        ("spans.jsonl", "Not drawn: there are no chat spans."),
    ],
)
def test_a_missing_file_is_named_and_the_rest_is_drawn(
    make_small_run: MakeRun, lost: str, absent: str
) -> None:
    run = make_small_run()
    (run / lost).unlink()
    html = page(write_report(run))
    assert f"{lost} is missing" in html
    assert absent in html
    assert "3.13×" in html


def test_a_killed_run_opens(make_run: MakeRun) -> None:
    run = make_run(incomplete=True, overhead=False)
    (run / "samples.parquet").write_bytes((run / "samples.parquet").read_bytes()[:-100])
    (run / "calls.parquet").write_bytes(b"")
    raw = (run / "spans.jsonl").read_bytes()
    (run / "spans.jsonl").write_bytes(raw[:-500])
    html = page(write_report(run))
    assert '<header class="head amber">' in html
    assert "the run is incomplete (stopped by a signal after 31" in html
    assert "samples.parquet cannot be read as a whole table" in html
    assert "calls.parquet cannot be read as a whole table" in html
    assert "1 line of spans.jsonl cannot be read; the others are used." in html
    assert "<code>spans.jsonl:12</code>" in html


def test_a_run_with_nothing_but_a_record_opens(make_small_run: MakeRun) -> None:
    run = make_small_run(incomplete=True, overhead=False)
    for path in run.iterdir():
        if path.name != "run.json":
            path.unlink()
    files = write_report(run)
    assert files.figures == ()
    assert "Nothing was compared in this run of" in page(files)


def test_figures_of_an_earlier_report_do_not_stay(make_small_run: MakeRun) -> None:
    run = make_small_run()
    assert (run / "figures" / "cold.svg") in write_report(run).figures
    (run / "samples.parquet").unlink()
    write_report(run)
    assert sorted(path.name for path in (run / "figures").iterdir()) == [
        "latency.png",
        "latency.svg",
        "ratios.png",
        "ratios.svg",
    ]


def test_packed_spans_are_read(make_small_run: MakeRun) -> None:
    run = make_small_run()
    whole = page(write_report(run))
    plain = run / "spans.jsonl"
    (run / "spans.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert page(write_report(run)).replace("spans.jsonl.gz", "spans.jsonl") == whole


def test_without_a_record_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no record at"):
        write_report(tmp_path)


HOSTILE = (
    "<script>alert(1)</script>",
    "</svg><img src=http://parrot.invalid/x>",
    "\" onload='alert(1)' style=\"fill: #0072b2",
    "$\\frac{a}{b}$ {{ 7*7 }} {% raw %}",
    "a\x00b\x1bc\u202ed\n\te",
    "鹦鹉 🦜 ببغاء",
    "&lt;b&gt; &amp; -- --> <!-- ]]>",
)


def test_hostile_names_are_text_everywhere(make_run: MakeRun) -> None:
    modes = ("invoke", "stream", "batch", "ainvoke", "astream", "abatch", "astream_events_v2")
    names = dict(zip(modes, HOSTILE, strict=True))
    run = make_run(
        names=names,
        model_name="".join(HOSTILE),
        identifying_params={name: name for name in HOSTILE},
        prompt="".join(HOSTILE),
        rounds=120,
    )
    files = write_report(run)
    html = page(files)
    outline = Outline(html)
    assert not {"script", "img", "b"} & {*outline.tags}
    assert "\u202e" not in html
    assert not [a for a in outline.addresses if "invalid" in a]
    drawn = {
        node.text
        for figure in files.figures
        if figure.suffix == ".svg"
        for node in ET.fromstring(figure.read_bytes()).iter()
    }
    for name in HOSTILE:
        assert str(escape(visible(name))) in html
        assert shortened(name, 23) in drawn


@given(st.text(max_size=40))
def test_any_name_in_a_sentence_is_escaped(name: str) -> None:
    html = str(set_in_html((Name(name), " costs ", Key("2×"), name)))
    assert not re.search(r"<(?!/?(code|strong)>)", html)
    assert "<code>" + str(escape(visible(name))) + "</code>" in html


@given(st.text(max_size=80), st.integers(4, 30))
def test_a_shortened_name_fits_and_can_be_seen(name: str, most: int) -> None:
    short = shortened(name, most)
    assert len(short) <= most
    assert short.isprintable() or "\N{REPLACEMENT CHARACTER}" in short or not short.isascii()


def test_a_report_needs_no_langchain_and_sentences_no_matplotlib(make_small_run: MakeRun) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from parrot_reports import summary_markdown, verdict_sentence\n"
        "assert not {'polars', 'matplotlib', 'numpy', 'jinja2'} & sys.modules.keys()\n"
        "from parrot_reports import write_report\n"
        "write_report(Path(sys.argv[1]))\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not {'langchain_core', 'opentelemetry', 'parrot_callbacks'} & loaded\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run(  # our own interpreter, our own script
        [sys.executable, "-c", script, str(make_small_run())],
        check=True,
        env={"PYTHONPATH": f"{root}:{root / 'reports'}", "PATH": ""},
    )


def test_times_of_a_model_that_waits_have_units_of_their_own(record: RunRecord) -> None:
    assert record.overhead is not None
    slow = tuple(
        mode.model_copy(update={"wall": mode.wall.model_copy(update={"value": 3e8})})
        for mode in record.overhead.modes
        if mode.wall is not None
    )
    waiting = record.model_copy(
        update={"overhead": record.overhead.model_copy(update={"modes": slow})}
    )
    table = modes_table(waiting)
    assert table is not None
    assert (table.cpu_unit, table.wall_unit) == ("µs", "ms")
    assert {row.wall for _, rows in table.groups for row in rows} == {"300"}
