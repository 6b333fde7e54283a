"""What a file of pytest-benchmark holds is text in its report, and its numbers are numbers."""

import json
import math
import re
from functools import cache
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from parrot_bench.errors import RecordError
from parrot_reports.benchmarks import page
from parrot_reports.benchmarks.reading import BenchmarkFile, read_benchmarks
from parrot_reports.benchmarks.report import UNRESOLVED, doubts, finding, groups, headline
from parrot_reports.benchmarks.texts import benchmarks_json, benchmarks_markdown
from parrot_reports.parts import Key, plain
from tests.parrot_reports.markup import (
    HOSTILE,
    PageParts,
    comment_parts,
    harmless,
    put_into,
    seen,
    swapped,
)

FIELDS = (
    "file", "group", "test", "other", "parameter", "timer", "date", "version", "commit", "system",
    "machine", "python", "processor",
)  # fmt: skip
HARMLESS = harmless(FIELDS)


def benchmark(name: str, time: float, **more: Any) -> dict[str, Any]:
    times = {"min": 0.0, "q1": time, "median": time, "q3": time, "max": time * 2}
    return {"name": name, "stats": {**times, "rounds": 3, "iterations": 1}, **more}


def read(texts: dict[str, str]) -> BenchmarkFile:
    test, parameter = texts["test"], texts["parameter"]
    group = {"group": texts["group"], "options": {"timer": texts["timer"]}}
    return msgspec.convert(
        {
            "machine_info": {
                "python_implementation": "CPython",
                "python_version": texts["python"],
                "system": texts["system"],
                "machine": texts["machine"],
                "cpu": {"brand_raw": texts["processor"]},
            },
            "commit_info": {"id": texts["commit"], "dirty": True},
            "benchmarks": [
                benchmark(f"{test}[{parameter}]", 1e-3, **group),
                benchmark(f"{test}[a]", 2e-3, **group),
                benchmark(texts["other"], 1e-3),
                benchmark("last", 5e-3),
            ],
            "datetime": texts["date"][:19],
            "version": texts["version"],
        },
        BenchmarkFile,
    )


def of_page(texts: dict[str, str]) -> Any:
    return PageParts(page.render_benchmarks(read(texts), texts["file"]).html).found


def of_comment(texts: dict[str, str]) -> Any:
    return comment_parts(benchmarks_markdown(read(texts)))


def of_data(texts: dict[str, str]) -> Any:
    return seen(json.loads(benchmarks_json(read(texts), texts["file"])))


READ = pytest.mark.parametrize("read_as", [of_page, of_comment, of_data])


@cache
def of_harmless(read_as: Any) -> Any:
    return read_as(HARMLESS)


@READ
def test_every_text_is_somewhere(read_as: Any) -> None:
    written = json.dumps(of_harmless(read_as))
    aside = {"file"} if read_as is of_comment else set[str]()
    assert {field for field in FIELDS if HARMLESS[field] not in written} == aside


TEXTS = st.lists(
    # What a timer is called begins after its last dot; parameters of a name at a bracket.
    HOSTILE.map(lambda text: re.sub(r"[.\[]| object", "", text)[:14]),
    min_size=len(FIELDS),
    max_size=len(FIELDS),
)


def hostile_texts_stay_texts(read_as: Any, hostile: list[str]) -> None:
    put = {field: put_into(HARMLESS[field], t) for field, t in zip(FIELDS, hostile, strict=True)}
    put["date"] = put["date"].replace("T", "")  # where the time begins
    texts = {HARMLESS[field]: text for field, text in put.items()}
    assert swapped(read_as(put), {}) == swapped(of_harmless(read_as), texts)


@settings(max_examples=20)
@given(TEXTS)
def test_no_text_of_the_file_is_markup_of_the_page(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_page, hostile)


@given(TEXTS)
def test_no_text_of_the_file_is_markup_of_the_comment(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_comment, hostile)


@given(TEXTS)
def test_every_text_of_the_file_is_in_the_data(hostile: list[str]) -> None:
    hostile_texts_stay_texts(of_data, hostile)


TIMES = st.lists(st.sampled_from([0.0, 1e-9, 0.25]) | st.floats(1e-12, 10), min_size=5, max_size=5)
ODD_TIMES = st.lists(st.sampled_from([1.0, 1e-320, 1e305]), min_size=5, max_size=5)
NOTED = st.dictionaries(
    st.sampled_from(["batch_size", "input_tokens", "output_tokens", "seconds_to_first_chunk"]),
    st.sampled_from([16, 0.25, 0, -1, 10**400, 1e300, math.inf, math.nan, True, None, "a"]),
)


def timed(times: list[float], rounds: int, noted: dict[str, Any]) -> dict[str, Any]:
    stats = dict(zip(("min", "q1", "median", "q3", "max"), sorted(times), strict=True))
    counted = {"rounds": rounds, "iterations": rounds % 99 + 1}
    return {"name": "t", "stats": stats | counted, "extra_info": {"mode": "invoke", **noted}}


TIMED = st.builds(timed, TIMES, st.integers(1, 10**12), NOTED)
ODD = st.builds(timed, TIMES, st.just(10**400), NOTED) | st.builds(
    timed, ODD_TIMES, st.just(1), NOTED
)


def no_number(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@settings(max_examples=60)
@given(st.lists(TIMED, min_size=1, max_size=3) | st.lists(TIMED | ODD, min_size=1, max_size=2))
@example([timed([1.0] * 5, 1, {"batch_size": 10**400})])
def test_numbers_are_finite_or_the_file_is_refused_in_a_line(
    tmp_path_factory: pytest.TempPathFactory, made: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("numbers") / "out.json"
    path.write_text(json.dumps({"benchmarks": made}), encoding="utf-8")
    try:
        file = read_benchmarks(path)
    except RecordError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "\n" not in refused
        return
    (group,) = json.loads(benchmarks_json(file, "x"), parse_constant=no_number)["groups"]
    assert len(group["benchmarks"]) == len(made)
    for each in group["benchmarks"]:
        assert each["least"] <= each["quartiles"][0] <= each["median"] <= each["quartiles"][1]
        assert each["ratio"] is None or each["ratio"] >= 1
        assert each["calls"] >= 1
    assert "nan" not in benchmarks_markdown(file)
    assert "inf" not in benchmarks_markdown(file)


GROUPED = st.lists(
    st.tuples(st.sampled_from(["x", "y", ""]), st.integers(1, 200), st.sampled_from([3, 100])),
    min_size=1, max_size=12,
)  # fmt: skip


@given(GROUPED, st.randoms(), st.integers(1, 12))
def test_every_benchmark_is_in_one_group_by_cost_in_any_order(
    timed: list[tuple[str, int, int]], order: Random, room: int
) -> None:
    made = [
        benchmark(f"test_{number:02}", cost * 1e-6, group=group)
        for number, (group, cost, _) in enumerate(timed)
    ]
    for each, (_, _, rounds) in zip(made, timed, strict=True):
        each["stats"]["rounds"] = rounds
    file = msgspec.convert({"benchmarks": made}, BenchmarkFile)
    found = groups(file)
    order.shuffle(made)
    assert groups(msgspec.convert({"benchmarks": made}, BenchmarkFile)) == found
    for group in found:
        costs = [each.stats.median for each in group.benchmarks]
        assert costs == sorted(cost * 1e-6 for name, cost, _ in timed if name == group.name)
        # What is said of a group is what its medians say.
        slower = [cost for cost in costs if cost / costs[0] >= UNRESOLVED]
        assert (" as long" in plain(finding(group))) == bool(slower)
        near = sum(cost / costs[0] < UNRESOLVED for cost in costs[1:])
        named = plain(finding(group)).partition("Not told apart from the fastest: ")[2]
        assert named.count("`") == (2 * near if slower else 0)
    widest = max(each.ratio(each.benchmarks[-1]) or 1 for each in found)
    assert any(isinstance(part, Key) for part in headline(found)) == (
        widest >= UNRESOLVED or len(timed) == 1
    )
    few = sum(rounds == 3 for *_, rounds in timed)
    (said,) = [doubt for doubt in doubts(file) if "Fewer" in doubt] or [""]
    more = said.partition(" and ")[2].partition(" more")[0]
    assert said.count("test_") + int(more or 0) == few
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_MOST_ROWS", room)
        shown, left_out = page._shown(found)
    rows = [each for group in shown for each in group.benchmarks]
    assert rows == [each for group in found for each in group.benchmarks][:room]
    assert len(rows) + left_out == len(timed)
    assert all(group.benchmarks for group in shown)
