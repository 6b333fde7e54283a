"""Whatever a record may hold has a page and figures, with rows in the order of the words."""

import math
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from parrot_bench.record import Estimate, ModeComparison, RunDirectory, RunRecord
from parrot_reports import figures, write_report
from parrot_reports.blocks import Cold, Curve, Drift
from parrot_reports.figures.canvas import nice
from parrot_reports.figures.differences import _limits, _ticks
from parrot_reports.figures.forest import _forest_rows
from parrot_reports.figures.load import _with_room
from parrot_reports.figures.streaming import _apart
from parrot_reports.sentences import floors
from parrot_reports.text import shortened
from tests.parrot_reports.markup import PageParts
from tests.parrot_reports.records import MODES, STUDIES, records, saved

# A smaller record is not worth the minutes that drawing hundreds takes.
PROPERTY = settings(
    max_examples=8,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
PLACES = st.lists(st.floats(-1, 2), max_size=12).map(sorted)


def _texts(svg: bytes) -> list[str]:
    """The words of a figure, which is an XML document."""
    root = ET.fromstring(svg)  # we have drawn it
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def _is_whole(svg: bytes) -> None:
    """Every number in it is one."""
    for tag in re.findall(rb"<(?!!--)[^>]*>", svg):
        assert not re.search(rb"\b(nan|inf)\b", tag), tag
    assert not [word for word in _texts(svg) if re.search(r"\b(nan|inf|None)\b", word)]


@pytest.mark.parametrize("study", STUDIES)
@PROPERTY
@given(data=st.data())
def test_any_study_has_a_report(study: str, data: st.DataObject) -> None:
    record: RunRecord = data.draw(records(study))
    with TemporaryDirectory() as name:
        run = RunDirectory(Path(name))
        run.write_record(record)
        files = write_report(run.path)
        for figure in files.figures:
            if figure.suffix == ".svg":
                _is_whole(figure.read_bytes())
            else:
                assert figure.read_bytes().startswith(b"\x89PNG")
        page = PageParts(files.page.read_text(encoding="utf-8")).found
    elements = Counter(name for name, _ in page)
    assert not elements.keys() & {"script", "iframe", "img", "b"}
    assert elements["svg"] == len(files.figures) / 2
    words = " ".join(what for name, what in page if name == "#text")
    assert "{{" not in words
    titles = [page[at + 1][1] for at, (name, _) in enumerate(page) if name == "title"]
    assert len([title for title in titles if title.strip()]) == 1


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_dearest_modes_come_first_and_floors_last(data: st.DataObject) -> None:
    record: RunRecord = data.draw(records("overhead"))
    assert record.overhead is not None
    rows = _forest_rows(record, record.overhead.modes)
    at_the_end = floors(record)
    for (one, ratio, _), (other, less, _) in pairwise(rows):
        if (one.mode in at_the_end) == (other.mode in at_the_end):
            assert ratio.value >= less.value
        else:
            assert other.mode in at_the_end
    modes = [mode for mode, _, _ in rows]
    assert all(modes.count(mode) <= record.overhead.modes.count(mode) for mode in modes)
    if rows and len(rows) < 4:
        drawn = figures.ratios(record)
        assert drawn is not None
        assert {shortened(mode.mode, 23) for mode in modes} <= set(_texts(drawn.svg))


@given(low=st.floats(1e-3, 1e15), factor=st.floats(1.001, 1e6), most=st.integers(1, 12))
def test_ticks_are_round_and_within_the_axis(low: float, factor: float, most: int) -> None:
    high = low * factor
    ticks = nice(low, high, most)
    assert ticks == sorted(set(ticks))
    assert all(low <= tick <= high for tick in ticks)
    for tick in ticks:
        first = tick / 10 ** math.floor(math.log10(tick) + 1e-9)
        assert min(abs(first - step) for step in (1, 2, 3, 5)) < 1e-6
    # Single decades are left where the axis spans many.
    assert len(ticks) <= max(most, math.ceil(math.log10(factor)) + 1)


@given(low=st.floats(1, 1e12), factor=st.floats(1, 1e6))
def test_an_axis_of_times_has_two_ticks_however_near_they_are(low: float, factor: float) -> None:
    left, right = _with_room(low, low * factor)
    assert left < low
    assert right > low * factor
    assert len(nice(left, right, most=9)) > 1


@given(places=PLACES, pitch=st.floats(0.01, 0.5))
@example(places=[0.5, 0.5, 0.5], pitch=0.1)
def test_labels_are_moved_apart_in_their_order_and_no_further(
    places: list[float], pitch: float
) -> None:
    moved = _apart(places, pitch)
    assert len(moved) == len(places)
    assert all(b - a >= pitch * (1 - 1e-9) - 1e-9 for a, b in pairwise(moved))
    assert math.isclose(sum(moved), sum(places), abs_tol=1e-6)
    if all(b - a >= pitch for a, b in pairwise(places)):
        assert moved == pytest.approx(places)


NS = st.floats(1, 1e12)
SPEEDS = st.lists(NS, min_size=1, max_size=6).map(sorted)
RATIOS = st.lists(st.floats(0, 50), min_size=1, max_size=6)


@st.composite
def estimates(draw: st.DrawFn, low: float = 0.001, high: float = 1000) -> Estimate:
    bounds = sorted(draw(st.lists(st.floats(low, high), min_size=3, max_size=3)))
    return Estimate(
        low=bounds[0], value=bounds[1], high=bounds[2], confidence=0.95, count=9, unit="ratio",
        stable=True,
    )  # fmt: skip


@PROPERTY
@given(
    times=st.lists(SPEEDS, min_size=1, max_size=3),
    drifts=st.lists(RATIOS, min_size=1, max_size=5),
    colds=st.lists(st.tuples(NS, estimates()), min_size=1, max_size=3),
    record=records("overhead"),
)
def test_any_times_can_be_drawn(
    times: list[list[float]],
    drifts: list[list[float]],
    colds: list[tuple[float, Estimate]],
    record: RunRecord,
) -> None:
    curves = [
        Curve(
            mode=MODES[n], latency=np.array(each), share=np.linspace(1 / len(each), 1, len(each)),
            count=len(each),
        )
        for n, each in enumerate(times)
    ]  # fmt: skip
    bins = [
        Drift(
            mode=MODES[n], rounds=np.arange(float(len(each))), time=np.array(each),
            ratio=np.array(each if n else []), last=len(each) - 1,
        )
        for n, each in enumerate(drifts)
    ]  # fmt: skip
    cold = [Cold(mode=MODES[n], warm=warm, ratio=ratio) for n, (warm, ratio) in enumerate(colds)]
    drawn = [
        figures.latency(curves),
        figures.latency(curves, record),
        figures.stability(bins, record),
        figures.cold(cold, record),
    ]
    for each in drawn:
        assert each is not None
        _is_whole(each.svg)
    assert {curve.mode for curve in curves} <= set(_texts(drawn[1].svg))  # type: ignore[union-attr]


@PROPERTY
@given(
    modes=st.lists(saved(ModeComparison), max_size=4),
    delta=st.floats(0, 0.9),
    fail_on=st.none() | st.floats(0, 10),
)
def test_any_comparison_can_be_drawn(
    modes: list[ModeComparison], delta: float, fail_on: float | None
) -> None:
    drawn = figures.differences("x", modes, delta=delta, fail_on=fail_on, kinds={})
    known = [mode for mode in modes if mode.ratio is not None and mode.ratio.low > 0]
    assert (drawn is None) == (not known)
    if drawn is not None:
        _is_whole(drawn.svg)
        assert {shortened(mode.mode, 23) for mode in known} <= set(_texts(drawn.svg))


@given(st.lists(estimates(), min_size=1), st.floats(0, 0.9), st.none() | st.floats(0, 10))
def test_an_axis_of_differences_holds_all_of_them(
    ratios: list[Estimate], delta: float, fail_on: float | None
) -> None:
    low, high = _limits(ratios, delta, fail_on)
    assert 0 < low < min(1 + 1e-12, *(ratio.low for ratio in ratios))
    assert high > max(1 + (fail_on or 0) - 1e-12, *(ratio.high for ratio in ratios))
    if high / low <= 2.2:
        ticks = _ticks(low, high)
        assert any(math.isclose(tick, 1) for tick in ticks)
        assert all(low <= tick <= high for tick in ticks)
        assert len(ticks) < 12
