"""The page in a real browser: nothing is fetched, and names are text."""

import html as html_module
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from parrot_bench.record import ComparisonResult, Estimate, ModeComparison, SideRecord
from parrot_reports import write_comparison, write_report, write_span_report
from tests.browser import CHROMIUM, browse

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

HOSTILE = "<img src=//parrot.invalid/a.png onerror=\"document.title='pwned'\"> & <b>bold</b>"


LONG = "very_long_name_of_something_" * 4


def page_of_a_run(make_run: Callable[..., Path], folder: Path, name: str) -> Path:
    run = make_run(names={"stream": f"my_modes:{name}"}, model_name=name, prompt=name)
    return write_report(run).page


def page_of_spans(make_run: Callable[..., Path], folder: Path, name: str) -> Path:
    path = make_run(model_name=name) / "spans.jsonl"
    inner = json.dumps(name)[1:-1]
    named = path.read_text(encoding="utf-8").replace("parrot_bench.mode", inner)
    (folder / "spans.jsonl").write_text(named, encoding="utf-8")
    return write_span_report(folder / "spans.jsonl").page


def page_of_a_comparison(make_run: Callable[..., Path], folder: Path, name: str) -> Path:
    side = SideRecord(label=name, kind="runs", runs=(name,), notes=(name,))
    about = Estimate(value=1.03, low=1.02, high=1.04, confidence=0.95, count=9, unit="ratio")
    modes = tuple(
        ModeComparison(
            mode=f"{number}_{name}",
            study=study,
            candidate_ns=103_000,
            baseline_ns=100_000,
            cpu_ratio=about,
            wall_ratio=about,
            verdict="slower",
            gate="regression",
            units=9,
            note=name,
        )
        for study in ("overhead", f"tracing, {name}")
        for number in range(3)
    )
    result = ComparisonResult(
        candidate=side, baseline=side, modes=modes, unit="run", units=9, delta=0.02,
        fail_on=0.01, gate="regression", unlike=(name,),
    )  # fmt: skip
    return write_comparison(result, folder / "compared").page


PAGES = [page_of_a_run, page_of_spans, page_of_a_comparison]


@pytest.mark.parametrize("make_page", PAGES)
def test_nothing_is_fetched_and_hostile_names_are_text(
    make_page: Callable[..., Path], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    page = make_page(make_run, tmp_path, HOSTILE)
    log = tmp_path / "net.json"
    document = browse(f"--log-net-log={log}", "--dump-dom", page.as_uri()).stdout

    assert document.count("<title>parrot-bench: ") == 1
    assert not re.search(r"<(img|script|b)[\s>]", document)
    # The title of a trace's bar and such are cut; a name in full is there as well.
    shown = html_module.unescape(re.sub(r"<[^>]*>", "", document))
    assert HOSTILE in shown

    requested = {
        event["params"]["url"]
        for event in json.loads(log.read_text(encoding="utf-8"))["events"]
        if "url" in event.get("params", {})
    }
    ours = {url for url in requested if "parrot" in url or url.startswith("file:")}
    assert {url for url in ours if not url.startswith("file:")} == set()
    # Nothing beside the page either: it is one file.
    assert {url for url in ours if url.startswith("file:")} <= {page.as_uri()}


LOOK = """<script>
const part = (value) => { value /= 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
const light = (colour) => { const [r, g, b] = colour.match(/[0-9.]+/g).map(Number);
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); };
const paper = light(getComputedStyle(document.body).backgroundColor);
const contrast = (colour) => { const one = light(colour);
  return (Math.max(one, paper) + 0.05) / (Math.min(one, paper) + 0.05); };
const all = (what) => [...document.querySelectorAll(what)];
document.title = JSON.stringify({
  paper,
  headings: all("main h2").length,
  hidden: all("main section").filter((e) => e.getBoundingClientRect().height < 20).length,
  words: Math.min(...all("main p, main td, main li")
    .map((e) => contrast(getComputedStyle(e).color))),
  figures: all("svg.figure").length,
  faint: all("svg.figure text").filter((e) => contrast(getComputedStyle(e).fill) < 3)
    .map((e) => e.textContent),
  small: all("svg.figure").filter((e) => e.getBoundingClientRect().width < 600).length,
});
</script></body>"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("make_page", PAGES)
def test_every_section_can_be_read(
    make_page: Callable[..., Path], make_run: Callable[..., Path], tmp_path: Path, dark: bool
) -> None:
    page = make_page(make_run, tmp_path, LONG)
    said = browse("--enable-logging=stderr", "--dump-dom", page.as_uri())
    assert "CONSOLE" not in said.stderr
    text = page.read_text(encoding="utf-8")
    policy = '<meta http-equiv="Content-Security-Policy"'
    looked = tmp_path / "looked.html"
    looked.write_text(
        text.replace(policy, '<meta name="removed"').replace("</body>", LOOK), encoding="utf-8"
    )
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    found = re.search(
        r"<title>(.*?)</title>",
        browse(scheme, "--window-size=1200,900", "--dump-dom", looked.as_uri()).stdout,
    )
    assert found is not None
    seen = json.loads(html_module.unescape(found[1]))
    assert (seen["paper"] < 0.1) is dark
    assert seen["headings"] == text.count("<h2 ") > 4
    assert seen["hidden"] == 0
    assert seen["words"] >= 4.5
    assert seen["figures"] == text.count('<svg class="figure"') > 0
    assert seen["faint"] == []
    assert seen["small"] == 0


@pytest.mark.parametrize("make_page", PAGES)
def test_nothing_sticks_out_of_a_narrow_screen(
    make_page: Callable[..., Path], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    page = make_page(make_run, tmp_path, LONG)
    # A page of ours has no scripts, so a frame of 400 pixels around it measures the width.
    frame = tmp_path / "frame.html"
    policy = '<meta http-equiv="Content-Security-Policy"'
    text = page.read_text(encoding="utf-8").replace(policy, '<meta name="removed"')
    probe = (
        "<script>document.title = 'width ' + document.documentElement.scrollWidth"
        " + ' of ' + document.documentElement.clientWidth</script></body>"
    )
    (tmp_path / "inner.html").write_text(text.replace("</body>", probe), encoding="utf-8")
    frame.write_text(
        "<body><iframe src=inner.html width=400 height=900 onload='"
        "document.title = this.contentDocument.title'></iframe></body>",
        encoding="utf-8",
    )
    document = browse("--allow-file-access-from-files", "--dump-dom", frame.as_uri()).stdout
    found = re.search(r"<title>width (\d+) of (\d+)</title>", document)
    assert found is not None
    assert int(found[1]) <= int(found[2])
