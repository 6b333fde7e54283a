"""Reports of files of pytest-benchmark: what is read, what is refused, what is said."""

# ruff: noqa: RUF001  # the expected text has real multiplication signs

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.errors import RecordError, UsageError
from parrot_reports.benchmarks.page import render_benchmarks
from parrot_reports.benchmarks.reading import (
    BenchmarkFile,
    is_benchmark_file,
    read_benchmarks,
)
from parrot_reports.benchmarks.report import conditions, doubts, finding, groups, headline
from parrot_reports.benchmarks.texts import benchmarks_json, benchmarks_markdown
from parrot_reports.benchmarks.writing import (
    benchmark_text,
    only_file,
    write_benchmark_report,
)
from parrot_reports.parts import plain
from tests.parrot_reports.conftest import HOSTILE


def entry(name: str, median: float, **more: Any) -> dict[str, Any]:
    """A benchmark as pytest-benchmark writes it, its median given in microseconds."""
    us = median * 1e-6
    stats = {
        "min": us * 0.9, "q1": us * 0.98, "median": us, "q3": us * 1.03, "max": us * 3,
        "rounds": 100, "iterations": 1, "mean": us, "stddev": us / 10,
    } | more.pop("stats", {})  # fmt: skip
    return {"name": name, "fullname": f"t.py::{name}", "group": None, "stats": stats, **more}


def document(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "machine_info": {
            "python_implementation": "CPython",
            "python_version": "3.11.7",
            "system": "Linux",
            "machine": "x86_64",
            "node": "the-name-of-a-machine",
            "cpu": {"brand_raw": "AMD EPYC"},
        },
        "commit_info": {"id": "abc", "dirty": False},
        "benchmarks": list(entries),
        "datetime": "2026-11-25T17:06:18.358841+00:00",
        "version": "5.1.0",
        **more,
    }


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    def save(*entries: dict[str, Any], **more: Any) -> Path:
        path = tmp_path / "out.json"
        path.write_text(json.dumps(document(*entries, **more)), encoding="utf-8")
        return path

    return save


MODES = (
    entry(
        "test_cost[astream]", 310, extra_info={"mode": "astream", "seconds_to_first_chunk": 1e-4}
    ),
    entry("test_cost[invoke]", 100, extra_info={"mode": "invoke", "input_tokens": 26}),
    entry("test_cost[ainvoke]", 110, extra_info={"mode": "ainvoke"}),
    entry("test_cost[batch]", 6400, extra_info={"mode": "batch", "batch_size": 16}),
)


def test_a_group_is_in_the_order_of_cost(saved: Any) -> None:
    file = read_benchmarks(saved(*MODES))
    (group,) = groups(file)
    assert [each.name for each in group.benchmarks] == [
        "test_cost[invoke]",
        "test_cost[ainvoke]",
        "test_cost[astream]",
        "test_cost[batch]",
    ]
    # 6,400 µs a batch of 16 is 400 µs a call.
    assert group.ratio(group.benchmarks[3]) == pytest.approx(4.0)
    assert (
        plain(headline([group]))
        == "`batch` takes 4.0× as long as `invoke`; 4 benchmarks in 1 group"
    )
    assert plain(finding(group)) == (
        "`invoke` is the fastest, 100 µs; `batch` takes 4.0× as long. "
        "Not told apart from the fastest: `ainvoke`."
    )


def test_what_is_near_is_not_called_slower(saved: Any) -> None:
    found = groups(read_benchmarks(saved(entry("a", 100), entry("b", 114))))
    assert plain(finding(found[0])) == "`a` is the fastest, 100 µs; no other is notably slower."
    assert plain(headline(found)).startswith("2 benchmarks, of which none takes notably longer")
    found = groups(read_benchmarks(saved(entry("a", 100))))
    assert plain(headline(found)) == "`a` takes 100 µs"


def test_groups_are_not_compared_with_each_other(saved: Any) -> None:
    file = read_benchmarks(saved(entry("a", 1, group="x"), entry("b", 900, group="y")))
    assert [group.name for group in groups(file)] == ["x", "y"]
    assert "none takes notably longer" in plain(headline(groups(file)))


def test_doubts_name_the_benchmarks(saved: Any) -> None:
    file = read_benchmarks(
        saved(
            entry("few", 1, stats={"rounds": 5}),
            entry("wide", 1, stats={"q3": 2e-6}),
            entry("zero", 0),
            commit_info={"id": "abc", "dirty": True},
        )
    )
    said = list(doubts(file))
    assert said == [
        "Fewer than 10 rounds: few.",
        "The middle half of the rounds spreads over more than 25 %: wide.",
        "A median is 0: the clock is too coarse for what was timed.",
        "Files differed from the commit that is named.",
    ]
    assert not list(doubts(read_benchmarks(saved(*MODES))))
    # A clock that says 0 gives no ratio, and nothing is divided by it.
    assert "–" in benchmarks_markdown(file)


def test_the_files(saved: Any, tmp_path: Path) -> None:
    path = saved(*MODES)
    files = write_benchmark_report(path)
    assert files.page == tmp_path / "out-report" / "report.html"
    html = files.page.read_text(encoding="utf-8")
    assert "<code>invoke</code> is the fastest" in html
    assert "<td>100\N{NO-BREAK SPACE}µs</td>" in html.partition(">first chunk</th>")[2]
    assert "the-name-of-a-machine" not in html
    assert {figure.name for figure in files.figures} == {"benchmarks-1.svg", "benchmarks-1.png"}
    # Made again, it is the same; made of fewer groups, no figure of an earlier one is left.
    first = files.page.read_bytes()
    assert write_benchmark_report(path).page.read_bytes() == first
    two = saved(entry("a", 1, group="x"), entry("b", 2, group="y"))
    assert len(write_benchmark_report(two).figures) == 4
    assert len(write_benchmark_report(saved(entry("a", 1))).figures) == 2
    assert len(list((tmp_path / "out-report" / "figures").iterdir())) == 2


def test_texts(saved: Any, tmp_path: Path) -> None:
    path = saved(*MODES)
    text, file = benchmark_text(path, "md")
    assert file is None
    assert "| `astream` | 310 µs | 304 µs to 319 µs | 3.1× | 100 |" in text
    text, file = benchmark_text(path, "json", tmp_path / "there")
    assert file == tmp_path / "there" / "report.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["groups"][0]["benchmarks"][3]["ratio"] == pytest.approx(4.0)
    assert data["groups"][0]["benchmarks"][2]["first_chunk"] == pytest.approx(1e5)


def test_names_are_escaped(saved: Any) -> None:
    path = saved(
        entry(HOSTILE, 1, group=HOSTILE, extra_info={"mode": HOSTILE}),
        entry(f"{HOSTILE}[{HOSTILE}]", 2, group=HOSTILE, options={"timer": HOSTILE}),
        commit_info={"id": HOSTILE},
        datetime=HOSTILE,
        version=HOSTILE,
    )
    html = render_benchmarks(read_benchmarks(path), HOSTILE).html
    assert "<img" not in html
    assert "<script" not in html
    assert "\u202e" not in html
    assert "{{ 7*7 }}" in html
    assert not re.search(r"(?<![\\` ])<img", benchmarks_markdown(read_benchmarks(path)))


def test_many_benchmarks_stay_a_page(saved: Any) -> None:
    many = [entry(f"test_{n}[{'x' * 80}]", n + 1, group=f"g{n % 40}") for n in range(2000)]
    page = render_benchmarks(read_benchmarks(saved(*many)), "out.json")
    assert len(page.html.encode()) < 500_000
    assert "1\N{NARROW NO-BREAK SPACE}200" in page.html or "1200 more benchmarks" in page.html


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "Expected `object`, got `array`"),
        ('{"machine_info": {}}', "missing required field `benchmarks`"),
        ("{", "is not a file as pytest-benchmark writes it"),
        (json.dumps(document()), "has no benchmark"),
        (json.dumps(document({"name": "a"})), "field `stats` - at `$.benchmarks[0]`"),
        (json.dumps(document(entry("a", -1))), "a time of benchmarks[0] is negative"),
        (json.dumps(document(entry("a", float("nan")))), "negative or no number"),
        (json.dumps(document(entry("a", 1, stats={"q1": 2e-6}))), "not in order"),
        (json.dumps(document(entry("a", 1, stats={"rounds": 0}))), "has no round"),
        ("[" * 100_000, "is not a file as pytest-benchmark writes it"),
    ],
)  # fmt: skip
def test_what_is_no_such_file(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RecordError) as refused:
        read_benchmarks(path)
    message = str(refused.value)
    assert said in message
    assert "\n" not in message
    assert str(path) in message


def test_no_file_and_several(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be read"):
        read_benchmarks(tmp_path / "nowhere.json")
    with pytest.raises(UsageError, match="pytest-benchmark compare"):
        only_file([tmp_path, tmp_path])
    assert not is_benchmark_file(tmp_path)


def test_spans_are_not_taken_for_benchmarks(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text('{"resourceSpans": [{"name": "\\"benchmarks\\""}]}\n', encoding="utf-8")
    assert not is_benchmark_file(path)


TIMES = st.floats(min_value=0, max_value=1e6)
# JSON may have half a character.
TEXTS = st.text(max_size=20) | st.text(st.characters(categories=["Cs"]), max_size=1)
ENTRIES = st.builds(
    lambda name, times, group, info: {
        **entry(name, 1), "group": group, "extra_info": info,
        "stats": {
            **dict(zip(("min", "q1", "median", "q3", "max"), sorted(times), strict=True)),
            "rounds": 3, "iterations": 2,
        },
    },
    TEXTS, st.lists(TIMES, min_size=5, max_size=5), st.none() | TEXTS,
    st.dictionaries(
        st.sampled_from(["mode", "batch_size", "input_tokens", "seconds_to_first_chunk"]),
        st.none() | st.integers(-3, 20) | TEXTS | st.floats(allow_nan=False),
    ),
)  # fmt: skip


@given(st.lists(ENTRIES, min_size=1, max_size=6))
def test_whatever_was_timed_has_words(entries: list[dict[str, Any]]) -> None:
    import msgspec

    file = msgspec.convert(document(*entries), BenchmarkFile)
    found = groups(file)
    assert sum(len(group.benchmarks) for group in found) == len(entries)
    assert plain(headline(found))
    for group in found:
        assert plain(finding(group))
        ratios = [group.ratio(each) for each in group.benchmarks]
        assert all(ratio is None or ratio >= 1 for ratio in ratios)
    assert benchmarks_markdown(file).encode()
    data = json.loads(benchmarks_json(file, "x").encode())
    names = [each["name"] for group in data["groups"] for each in group["benchmarks"]]
    assert sorted(names) == sorted(each.name for each in file.benchmarks)


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just({}) | st.just([])
)


@given(
    st.dictionaries(
        st.sampled_from(["cpu", "processor", "system", "machine", "python_version"]),
        ODD | st.dictionaries(st.just("brand_raw"), ODD),
    ),
    st.dictionaries(st.sampled_from(["id", "dirty"]), ODD),
    st.dictionaries(st.sampled_from(["timer", "disable_gc"]), ODD),
)
@example({"cpu": {"brand_raw": 5}}, {}, {})
def test_whatever_is_said_of_the_machine_is_text(
    machine: dict[str, Any], commit: dict[str, Any], options: dict[str, Any]
) -> None:
    import msgspec

    raw = document(entry("a", 1.0))
    raw |= {"machine_info": machine, "commit_info": commit}
    raw["benchmarks"][0]["options"] = options
    file = msgspec.convert(raw, BenchmarkFile)
    for what, said in conditions(file):
        assert what
        assert said == said.strip() != ""
    assert benchmarks_markdown(file)
