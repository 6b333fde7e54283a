"""Cells are counted, picked and put in order: nothing is lost, nothing is counted twice."""

import json
import re
from collections.abc import Sequence
from fnmatch import translate
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parrot_bench.conformance import _counted, _in_a_table, _listed, _reasons, _table, _told
from parrot_callbacks import TracingError
from parrot_callbacks.conformance import (
    CHECKS,
    NEEDS_INSTRUMENTOR,
    CellResult,
    Results,
    all_cells,
    cells_named,
    need_of,
    needs_as_markdown,
)
from parrot_callbacks.conformance.cells import Cell, Group, in_order
from parrot_callbacks.conformance.expectations import (
    Kind,
    Status,
    Verdict,
    checks_as_markdown,
)
from parrot_callbacks.conformance.needs import Need


def cell(row: str, column: str, group: Group = "faults", *, last: bool = False) -> Cell:
    return Cell(row=row, column=column, body=lambda _: None, group=group, last=last)


VERDICTS = st.lists(
    st.builds(
        Verdict,
        check=st.sampled_from(["works", "one span", "model", "tokens"]),
        status=st.sampled_from(get_args(Status)),
        message=st.sampled_from(["expected 1, got 2", "<b>|"]),
    ),
    max_size=4,
    unique_by=lambda verdict: verdict.check,
)
CELLS = st.builds(
    cell,
    row=st.sampled_from(["invoke", "a fault", "another"]),
    column=st.sampled_from(["bare", "async native", "sync"]),
    group=st.sampled_from(get_args(Group)),
    last=st.booleans(),
)
RESULTS = st.builds(CellResult, cell=CELLS, verdicts=VERDICTS.map(tuple)) | st.builds(
    CellResult, cell=CELLS, unavailable=st.sampled_from(["no such mode", "too old"])
)
MANY = st.lists(RESULTS, max_size=8, unique_by=lambda one: (one.cell.group, one.cell.id))


def came_out(done: Sequence[CellResult], more: Sequence[Cell] = ()) -> Results:
    """A run that got as far as this."""
    results = Results((), [*(one.cell for one in done), *more])
    results.done.extend(done)
    return results


def counts(done: Sequence[CellResult], group: Group | None = None) -> list[tuple[int, int]]:
    return [came_out(done).count(kind, group) for kind in get_args(Kind)]


@given(MANY, st.integers(0, 8), st.randoms())
def test_counts_of_parts_add_up_to_those_of_the_whole_in_any_order(
    done: list[CellResult], cut: int, order: Random
) -> None:
    def added(*parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [
            (sum(f for f, _ in each), sum(n for _, n in each)) for each in zip(*parts, strict=True)
        ]

    whole = counts(done)
    assert whole == added(counts(done[:cut]), counts(done[cut:]))
    assert whole == added(*(counts(done, group) for group in get_args(Group)))
    assert list(came_out(done)) == done
    mixed = list(done)
    order.shuffle(mixed)
    assert counts(mixed) == whole
    for failed, performed in whole:
        assert failed <= performed == sum(not one.unavailable for one in done)
    # A cell that fails at all fails by a kind of check.
    worst = max(failed for failed, _ in whole)
    broken = sum(bool(one.failures) for one in done)
    assert worst <= broken <= sum(failed for failed, _ in whole)
    assert came_out(done).passed == (broken == 0)
    assert not came_out(done, [cell("not", "yet")]).passed


@given(MANY, st.booleans())
def test_the_record_is_json_that_says_all_of_it(done: list[CellResult], complete: bool) -> None:
    record = came_out(done, [] if complete else [cell("not", "yet")]).record()
    assert json.loads(json.dumps(record)) == record
    assert record["complete"] == complete
    summary = record["summary"]
    assert summary["performed"] + summary["not_available"] == len(done)
    read: list[CellResult] = []
    for saved, one in zip(record["cells"], done, strict=True):
        assert (saved["cell"], saved["group"]) == (one.cell.id, one.cell.group)
        verdicts = [
            Verdict(check["check"], check["verdict"], check["message"] or "")
            for check in saved["checks"]
        ]
        unavailable = saved["not_available"] or ""
        read.append(CellResult(cell=one.cell, verdicts=tuple(verdicts), unavailable=unavailable))
    assert read == done
    assert came_out(read, [] if complete else [cell("not", "yet")]).record() == record


@given(MANY)
def test_every_failure_is_told_once_with_its_cells(done: list[CellResult]) -> None:
    told = _told(done)
    failures = [(v.check, v.message) for one in done for v in one.failures]
    assert len(told) == len({*told}) == len({*failures})
    named = 0
    for line in [*told, f": {_listed([one.cell.id for one in done])}"]:
        names, _, more = line.rpartition(": ")[2].partition(" and ")
        named += names.count("/") + int(more.removesuffix(" more") or 0)
    assert named == len(failures) + len(done)
    order = [list(CHECKS).index(line.split(": ")[1]) for line in told]
    assert order == sorted(order)
    assert len(_reasons(done)) == len({one.unavailable for one in done} - {""})
    tables = [
        _table(group, [one for one in done if one.cell.group == group]) for group in get_args(Group)
    ]
    cells = [str(text) for table in tables for each in table.columns[1:] for text in each.cells]
    assert sum(map(bool, cells)) == len(done)
    for one in done:
        table = next(table for table in tables if table.title == one.cell.group)
        place = list(table.columns[0].cells).index(one.cell.row)
        column = next(each for each in table.columns if each.header == one.cell.column)
        assert list(column.cells)[place] == _in_a_table(one)
        signs = re.sub(r"[()✓-]", "", str(_in_a_table(one)))
        wrong = [*one.failures, *one.needs]
        assert signs == "".join(CHECKS[verdict.check].sign for verdict in wrong)
    lines = _counted(came_out(done))
    performed = [int(n) for line in lines for n in re.findall(r": (\d+) cells;", line)]
    assert sum(performed) == sum(not one.unavailable for one in done)


@given(st.lists(CELLS, max_size=9))
def test_what_goes_last_goes_last_and_the_rest_stays(cells: list[Cell]) -> None:
    names = [each.id for each in cells]
    if len({*names}) < len(names):
        with pytest.raises(ValueError, match="cells of the same name"):
            in_order(cells)
        return
    first, last = ([c for c in cells if c.last == late] for late in (False, True))
    assert in_order(cells) == (*first, *last)


IDS = [each.id for each in all_cells()]
WITHIN = [name for name in IDS if any(name in other for other in IDS if other != name)]
"""Names that are a part of others: such a one means itself."""
PATTERNS = st.one_of(
    st.sampled_from(WITHIN or IDS),
    st.sampled_from(IDS),
    st.sampled_from(IDS).map(lambda name: name.split("/")[0]),
    st.sampled_from(IDS).map(lambda name: "*/" + name.split("/")[1]),
    st.text("ab-/*?[]!'", max_size=4),
)


def picked(patterns: Sequence[str]) -> list[str] | None:
    try:
        return [each.id for each in cells_named(patterns)]
    except TracingError:
        return None


@settings(max_examples=25)
@given(st.lists(PATTERNS, min_size=1, max_size=3), st.randoms())
def test_several_patterns_pick_what_each_of_them_picks(patterns: list[str], order: Random) -> None:
    each = [picked([pattern]) for pattern in patterns]
    found = picked(patterns)
    if None in each:
        assert found is None
        return
    assert found == [name for name in IDS if any(name in (own or ()) for own in each)]
    assert all(own for own in each)
    order.shuffle(patterns)
    assert picked([*patterns, patterns[0]]) == found
    for name in {*patterns} & {*IDS}:
        assert picked([name]) == [name]


CELL_PATTERNS = st.lists(
    st.sampled_from(["*/*", "a*/*", "*/sync", "b/*", "a/b", "*-fails-*/*"]), max_size=3
).map(tuple)


@given(
    CELL_PATTERNS, CELL_PATTERNS, st.sampled_from([None, (0, 1), (99, 0)]),
    st.sampled_from(["a/b", "a/sync", "b/sync", "x-fails-y/b"]),
)  # fmt: skip
def test_a_need_is_of_its_cells_but_of_those(
    cells: tuple[str, ...], but: tuple[str, ...], mended: Any, name: str
) -> None:
    need = Need(cells=cells, checks=("parent",), reason="r", but=but, mended_in=mended)
    told = [bool(re.match("|".join(map(translate, some)) or "$^", name)) for some in (cells, but)]
    assert need.applies(name, "parent") == (told == [True, False] and mended != (0, 1))
    assert not need.applies(name, "ended")
    row, _, column = name.partition("/")
    of = need_of(cell(row, column), "works")
    assert of is None, "nobody is excused from working"


@pytest.mark.parametrize(
    ("text", "rows"),
    [(needs_as_markdown(), len(NEEDS_INSTRUMENTOR)), (checks_as_markdown(), len(CHECKS))],
)
def test_tables_for_documents_have_a_row_of_each(text: str, rows: int) -> None:
    lines = text.splitlines()
    assert len(lines) == rows + 2
    assert len({line.count("|") for line in lines}) == 1
