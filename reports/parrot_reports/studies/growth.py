"""What grows over many calls, in words. Pure functions of the record."""

from parrot_bench.record import Growth, GrowthResult, ModeGrowth, RunRecord
from parrot_reports import units
from parrot_reports.parts import Key, Name, Sentence

_WORDS = {
    "memory": ("", ""),
    "objects": ("object", "objects"),
    "threads": ("thread", "threads"),
    "tasks": ("task", "tasks"),
    "open_spans": ("open span", "open spans"),
    "open_calls": ("open call", "open calls"),
}
_ORDER = ("threads", "tasks", "open_spans", "open_calls", "memory", "objects")
"""The most telling first: a thread that is left behind takes memory and objects, too."""

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def sentence(record: RunRecord) -> Sentence:
    """The study in one sentence: what grows most tellingly, or that nothing does."""
    result = record.growth
    if result is None or not result.modes:
        return ()
    growing = [mode for mode in result.modes if mode.verdict == "grows"]
    if growing:
        first, more = growing[0], len(growing) - 1
        others = f" {more} more {'grows' if more == 1 else 'grow'}, too." if more else ""
        return (*finding(first), others)
    flat = [mode for mode in result.modes if mode.verdict == "flat"]
    number = f"{len(flat)} of {len(result.modes)} modes"
    if len(flat) == len(result.modes):
        number = "any mode" if len(flat) > 1 else "the only mode"
    return (f"Nothing grows in {number}, over {_range(result)} calls.",)


def finding(mode: ModeGrowth) -> Sentence:
    """Say what grows in a mode: "invoke grows by 1.2 kB [1.0, 1.4] a call"."""
    name: Sentence = (Name(mode.mode),)
    if mode.handler:
        name = (*name, " with ", Name(mode.handler))
    calls = f"over {units.count(mode.calls)} calls"
    if mode.growing:
        said: list[str] = []
        grown = telling(mode.growing)
        for index, one in enumerate(grown):
            value, rest = amount(one)
            joint = "" if not index else " and " if index == len(grown) - 1 else ", "
            said += [joint, Key(value), rest]
        return (*name, " grows by ", *said, f" a call, {calls}.")
    if mode.verdict == "flat":
        return (*name, f" is flat {calls}.")
    open_ones = [one for one in mode.found if one.verdict == "not resolved"]
    if not open_ones:
        return (*name, f": too few readings to say, {calls}.")
    which = ", ".join(_WORDS[one.quantity][1] or "memory" for one in open_ones)
    return (*name, f": not resolved ({which}) {calls}.")


def short(mode: ModeGrowth) -> str:
    """The verdict of a mode in a figure: ``flat``, ``+1.2 kB a call``."""
    if not mode.growing:
        return mode.verdict
    value, _ = amount(telling(mode.growing)[0])
    return f"+{value} a call"


def telling(found: tuple[Growth, ...]) -> tuple[Growth, ...]:
    """The most telling first."""
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.quantity)))


def amount(one: Growth) -> tuple[str, str]:
    """Write a rise per call: the number with its unit, and the interval."""
    low, value, high = one.per_call.low, one.per_call.value, one.per_call.high
    scale, unit = 1.0, ""
    if one.quantity == "memory":
        scale, unit = next(((s, u) for s, u in _SIZES if abs(value) >= s), _SIZES[-1])
    else:
        unit = _WORDS[one.quantity][0 if value == 1 else 1]
    low, value, high = (number / scale for number in (low, value, high))
    places = units.decimals(low, abs(value), high) if high > low else 3
    text = _trimmed(f"{value:.{places}f}")
    return f"{text} {unit}", f" [{_trimmed(f'{low:.{places}f}')}, {_trimmed(f'{high:.{places}f}')}]"


def size(value: float) -> str:
    """Write a number of bytes."""
    scale, unit = next(((s, u) for s, u in _SIZES if abs(value) >= s), _SIZES[-1])
    return f"{units.significant(value / scale, 2)} {unit}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _range(result: GrowthResult) -> str:
    low, high = min(m.calls for m in result.modes), max(m.calls for m in result.modes)
    return units.count(low) if low == high else f"{units.count(low)} to {units.count(high)}"
