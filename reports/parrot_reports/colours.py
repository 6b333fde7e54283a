"""One fixed look for each mode, the same in every figure, table and timeline.

The hue says which interface is called, dashes and hollow marks say *async*. Hues are those of
Okabe and Ito, told apart by colour-blind readers; every mark is labelled as well, so that
nothing rests on colour alone. Each colour has a twin that is lighter, for dark pages.
"""

import zlib
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one mode is drawn.

    Attributes:
        light: Colour on a light page, ``#rrggbb``.
        dark: Colour on a dark page.
        hollow: Marks are hollow and lines are dashed: the mode is async.
    """

    light: str
    dark: str
    hollow: bool


_BLUE = ("#0072b2", "#4aa8e0")
_INDIGO = ("#5b5bbd", "#a3a3f0")
_GREEN = ("#00805d", "#2fbf94")
_ORANGE = ("#a36700", "#e8ab3a")
_AMBER = ("#74601c", "#c9b45c")
_VERMILION = ("#c4500a", "#f08a4b")
_PURPLE = ("#a8558a", "#df9cc4")
_TEAL = ("#0f7c8a", "#45b7c6")
_GREY = ("#767676", "#9a9a9a")
_BROWN = ("#7a4a3a", "#bd8f7f")

_HUES = {
    "invoke": _BLUE,
    "ainvoke": _BLUE,
    "ainvoke_gather": _INDIGO,
    "stream": _GREEN,
    "astream": _GREEN,
    "stream_messages": _TEAL,
    "astream_messages": _TEAL,
    "batch": _ORANGE,
    "abatch": _ORANGE,
    "batch_as_completed": _AMBER,
    "abatch_as_completed": _AMBER,
    "astream_events_v2": _VERMILION,
    "stream_events_v3": _PURPLE,
    "astream_events_v3": _PURPLE,
    "astream_events_v1": _BROWN,
    "astream_log": _BROWN,
    "direct_generate": _GREY,
    "direct_agenerate": _GREY,
    "direct_stream": _GREY,
    "direct_astream": _GREY,
}
_SPARE = (_BLUE, _GREEN, _ORANGE, _VERMILION, _PURPLE, _BROWN)

INKS = {
    "ink": ("#1b1b1b", "#e8e6e1"),
    "soft": ("#5c5c5c", "#a9a6a0"),
    "rule": ("#c9c9c9", "#55534f"),
    "band": ("#e7e7e3", "#33322f"),
    "paper": ("#fffffe", "#191817"),
}
"""Everything in a figure that is not a mode: name, light, dark."""

TWINS = {
    **dict({*_HUES.values(), *_SPARE}),
    **dict(INKS.values()),
}
"""From every light colour to its dark twin."""


def look(mode: str, kind: str = "") -> Look:
    """How a mode is drawn; a mode of a user's own always gets the same of the spare hues.

    Args:
        mode: Name of the mode.
        kind: ``sync`` or ``async``, where it is known; otherwise the name tells.
    """
    number = zlib.crc32(mode.encode("utf-8", "surrogatepass"))  # JSON may have half a character
    light, dark = _HUES.get(mode) or _SPARE[number % len(_SPARE)]
    hollow = kind == "async" if kind else mode.startswith(("a", "direct_a"))
    return Look(light=light, dark=dark, hollow=hollow)


def of_operation(*, calls_model: bool) -> Look:
    """How an operation is drawn that is no mode: calls of a model stand out."""
    light, dark = _BLUE if calls_model else _GREY
    return Look(light=light, dark=dark, hollow=False)


FAILED = Look(light=_VERMILION[0], dark=_VERMILION[1], hollow=False)
"""How failed calls are drawn among others."""


def variable(light: str) -> str:
    """Name of the CSS variable that stands for a colour of the light page."""
    for name, (ink, _) in INKS.items():
        if ink == light:
            return f"--{name}"
    return f"--m{light[1:]}"
