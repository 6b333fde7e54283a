"""Numbers into text: never more digits than the measurement carries.

Pure functions. Times come in nanoseconds, as they are saved.
"""

import math
from collections.abc import Sequence

from parrot_bench.record import Estimate, apart

TIMES = "\N{MULTIPLICATION SIGN}"
NONE = "\N{EN DASH}"
"""What stands in a cell that has no number."""

_MICRO = "\N{MICRO SIGN}s"
_TIME_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, _MICRO), (1.0, "ns"))
_MINUTE_S = 60.0
_HOUR_S = 3600.0
_NEAR_ONE = 0.1
MOST_PLACES = 4
_GROUP_FROM = 10_000
_MOST = 1e300


def significant(value: float, digits: int = 3) -> str:
    """Write a number with ``digits`` significant digits and no exponent.

    Returns:
        Such as ``25.1``, ``310`` or ``30 500``: thousands are set apart from 10,000 on.
    """
    # Near the ends of what a float holds, rounding raises; no measurement is there.
    if not abs(value) < _MOST:
        return NONE
    if abs(value) < 1 / _MOST:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    # Rounding may carry into the next decade: 9.996 has two decimals, 10.0 has one.
    magnitude = math.floor(math.log10(abs(rounded)))
    return _grouped(rounded, max(0, digits - 1 - magnitude))


def count(number: int) -> str:
    """Write a whole number, thousands set apart from 10,000 on."""
    return _grouped(number, 0)


def duration(nanoseconds: float, digits: int = 3) -> str:
    """Write a time with its unit and without trailing zeros: ``1.9 ms``, ``177 µs``."""
    if not abs(nanoseconds) < _MOST:
        return NONE
    scale, unit = _unit(abs(nanoseconds), digits)
    text = significant(nanoseconds / scale, digits)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}"


def span_of_time(seconds: float) -> str:
    """Write a duration that somebody waits for: ``40 s``, ``3 min``, ``1.5 h``."""
    if seconds < 2 * _MINUTE_S:
        return f"{significant(seconds, 2)} s"
    if seconds < 2 * _HOUR_S:
        return f"{significant(seconds / _MINUTE_S, 2)} min"
    return f"{significant(seconds / _HOUR_S, 2)} h"


def shared_unit(nanoseconds: Sequence[float]) -> tuple[float, str]:
    """Choose the one unit in which a whole column of times is written.

    Returns:
        The unit in nanoseconds, and its name. The column's smallest time decides: in a
        larger unit the fast case would be written as 0.0251.
    """
    finite = [value for value in nanoseconds if math.isfinite(value) and value > 0]
    return _unit(min(finite), 3) if finite else (1e3, _MICRO)


def decimals(low: float, value: float, high: float) -> int:
    """Number of decimals that an interval of this width justifies.

    One significant digit of the half-width; but of the value two significant digits at least,
    three at most, and three decimals at most. Near 1 the third decimal stays: it decides
    between same and slower.
    """
    half = max((high - low) / 2, 1e-12)
    if not (half < _MOST and abs(value) < _MOST):
        return 0
    wanted = math.ceil(-math.log10(half))
    if value <= 0:
        return max(0, min(wanted, 3))
    magnitude = math.floor(math.log10(value))
    most = 3 if abs(value - 1) < _NEAR_ONE else 2 - magnitude
    return max(0, min(max(wanted, 1 - magnitude), most, 3))


def ratio(estimate: Estimate) -> tuple[str, str]:
    """Write a ratio and its interval.

    Returns:
        Such as ``("7.2", "[7.0, 7.4]")``.
    """
    bounds = (estimate.low, estimate.high)
    places = apart(bounds, 1, decimals(estimate.low, estimate.value, estimate.high), MOST_PLACES)
    low, high = _grouped(estimate.low, places), _grouped(estimate.high, places)
    return _grouped(estimate.value, places), f"[{low}, {high}]"


def percent(share: float, digits: int = 2) -> str:
    """Write a share as a percentage: ``0.02`` is ``2 %``."""
    text = significant(share * 100, digits)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} %"


def _unit(nanoseconds: float, digits: int) -> tuple[float, str]:
    for scale, unit in _TIME_UNITS:
        # Judged after rounding, so that 999.7 µs becomes 1 ms and never 1000 µs.
        if float(f"{nanoseconds:.{digits - 1}e}") >= scale:
            return scale, unit
    return _TIME_UNITS[-1]


def _grouped(value: float, places: int) -> str:
    text = f"{value:,.{places}f}" if abs(value) >= _GROUP_FROM else f"{value:.{places}f}"
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}")
