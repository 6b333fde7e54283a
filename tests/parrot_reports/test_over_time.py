"""Calls over time."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from parrot_reports.spans.over_time import over_time

S = 10**9


def calls(spans: list[tuple[float, float]]) -> pl.DataFrame:
    start = [round(begin * S) for begin, _ in spans]
    return pl.DataFrame(
        {
            "start_ns": start,
            "duration": [round((end - begin) * S) for begin, end in spans],
            "failed": [index % 4 == 0 for index in range(len(spans))],
            "output_tokens": [10] * len(spans),
        },
        schema={"start_ns": pl.Int64, "duration": pl.Int64, "failed": pl.Boolean,
                "output_tokens": pl.Int64},
    )  # fmt: skip


def test_a_steady_load() -> None:
    found = over_time(calls([(number, number + 2) for number in range(100, 700)]))
    assert found is not None
    assert found.seconds == 15
    assert found.began == 100 * S
    assert found.started[:-1].tolist() == [15] * 40
    assert found.failed.sum() == 150
    assert found.peak[1:-1].tolist() == [2] * 39
    np.testing.assert_allclose(found.in_flight[1:39], 2)
    assert found.median[0] == 2 * S
    assert found.output_tokens.sum() == 6_000


def test_a_gap_has_no_median() -> None:
    spans = [(number / 10, number / 10 + 0.05) for number in range(50)]
    found = over_time(calls([*spans, *((begin + 60, end + 60) for begin, end in spans)]))
    assert found is not None
    middle = found.started.size // 2
    assert found.started[middle] == 0
    assert np.isnan(found.median[middle])
    assert found.in_flight[middle] == 0


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**5)), min_size=10, max_size=80))
def test_nothing_is_lost(given: list[tuple[int, int]]) -> None:
    spans = [(begin / 1000, (begin + length) / 1000) for begin, length in given]
    found = over_time(calls(spans))
    assert found is not None
    assert found.started.sum() == len(spans)
    busy = sum(end - begin for begin, end in spans)
    np.testing.assert_allclose(found.in_flight.sum() * found.seconds, busy, rtol=1e-6)
    moments = [begin for begin, _ in spans]
    most = max(sum(b <= at < e for b, e in spans) for at in moments)
    assert found.peak.max() == most
    assert (found.peak >= found.in_flight - 1e-9).all()


def test_too_few_or_all_at_once() -> None:
    assert over_time(calls([(1, 2)] * 9)) is None
    assert over_time(calls([(1, 1)] * 20)) is None
    assert over_time(calls([(0, 1)] * 10 + [(1.8e9, 1.8e9 + 1)])) is None, "a clock was wrong"
