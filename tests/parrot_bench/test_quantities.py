"""Times and shares as they are written."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parrot_bench.quantities import seconds, share

NUMBERS = st.decimals(0, 10**9, places=3)
UNITS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600}


@given(NUMBERS, st.sampled_from(sorted(UNITS)), st.sampled_from(["", " ", "  "]))
def test_a_time_is_its_number_of_units(number: object, unit: str, space: str) -> None:
    expected = float(number) * UNITS[unit]  # type: ignore[arg-type]
    assert seconds(f"{space}{number:f}{space}{unit}{space}") == pytest.approx(expected)


@given(NUMBERS)
def test_a_share_is_a_hundredth_of_its_percentage(number: object) -> None:
    assert share(f"{number:f} %") == pytest.approx(share(f"{number:f}") / 100)


@given(st.text() | st.text(alphabet="0123456789.smhin% ", max_size=30))
@example("9" * 400)
@example("9" * 308 + "h")
def test_any_text_is_a_finite_number_or_refused_in_one_line(text: str) -> None:
    for read in (seconds, share):
        try:
            found, said = read(text), ""
        except ValueError as error:
            found, said = 0.0, str(error)
        assert math.isfinite(found)
        assert found >= 0
        # Whatever is wrong, it is said what would be right.
        assert not said or "; give " in said
        assert said.isprintable()
