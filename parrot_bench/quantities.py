"""Times and shares as they are written: on the command line and in a configuration. Pure."""

import math
import re

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%)?")
_SECONDS = {"ms": 0.001, "s": 1, None: 1, "m": 60, "min": 60, "h": 3600}


def seconds(text: str) -> float:
    """Read a time such as 60, 90s or 5m; seconds.

    Raises:
        ValueError: It is none; the message says what would be.
    """
    match = _TIME.fullmatch(text.strip())
    found = float(match[1]) * _SECONDS[match[2]] if match else math.inf
    if not math.isfinite(found):  # four hundred digits are no time either
        raise ValueError(f"{text!r} is not a time; give seconds, or 90s, 2m, 1h")
    return found


def share(text: str) -> float:
    """Read a share such as 2% or 0.02.

    Raises:
        ValueError: It is none; the message says what would be.
    """
    match = _SHARE.fullmatch(text.strip())
    found = float(match[1]) / (100 if match[2] else 1) if match else math.inf
    if not math.isfinite(found):
        raise ValueError(f"{text!r} is not a share; give 2% or 0.02")
    return found
